/* summary: see summary.h. */
#include "config.h"

#include "snmp/summary.h"

#include <stddef.h>
#include <stdlib.h>

#include "core/util.h"
#include "snmp/columns.h"

struct cached_summary {
	struct view_cache cache;
	struct summary summary;
	size_t capacity; /* of summary.alarms */
	uint64_t request;
	uint64_t generation;
	int64_t valid_until_ms; /* unless the generation changes before */
};

static void drop(struct view_cache *cache)
{
	struct cached_summary *cached = (struct cached_summary *)cache;

	free(cached->summary.alarms);
	free(cached);
}

static void add_alarm(
	struct cached_summary *cached, const struct panel *panel, const struct alarm *alarm)
{
	struct summary *summary = &cached->summary;

	if (summary->n_alarms == cached->capacity) {
		cached->capacity = cached->capacity ? cached->capacity * 2 : 64;
		summary->alarms =
			xrealloc(summary->alarms, cached->capacity, sizeof(*summary->alarms));
	}
	summary->alarms[summary->n_alarms++] = (struct active_alarm){ panel, *alarm };
}

/*
 * Until when a panel's state is as it is now, if nobody publishes a change: an
 * answering panel is offline once its measurements are stale. One that is
 * offline by time alone comes back with any good poll, which changes no state.
 */
static int64_t state_valid_until(const struct snapshot *snapshot, int64_t now_ms)
{
	if (snapshot->comm == COMM_DISABLED || snapshot->comm == COMM_OFFLINE)
		return INT64_MAX;
	return snapshot_fresh(snapshot, now_ms) ? snapshot->fresh_until_ms : now_ms;
}

static void add_panel(struct cached_summary *cached, const struct panel *panel,
	const struct snapshot *snapshot, int64_t now_ms)
{
	struct summary *summary = &cached->summary;
	const struct alarm_book *book = snapshot->alarms;
	enum comm_state comm = snapshot_comm(snapshot, now_ms);
	int64_t valid_until_ms = state_valid_until(snapshot, now_ms);

	if (valid_until_ms < cached->valid_until_ms)
		cached->valid_until_ms = valid_until_ms;
	summary->panels_online += comm == COMM_ONLINE || comm == COMM_DEGRADED;
	summary->n_active += book->n_active;
	summary->n_latched += book->n_latched;
	if (comm != COMM_DISABLED)
		summary->worst = summary->worst == 0 ? panel_worst_state(snapshot, now_ms)
						     : worse_state(summary->worst,
							       panel_worst_state(snapshot, now_ms));
	for (uint32_t i = 0; i < book->n; i++)
		if ((book->alarms[i].active || book->alarms[i].latched) && book->alarms[i].event)
			add_alarm(cached, panel, &book->alarms[i]);
}

static int by_event(const void *a, const void *b)
{
	const struct active_alarm *left = a, *right = b;

	return (left->alarm.event > right->alarm.event) - (left->alarm.event < right->alarm.event);
}

static void make(struct cached_summary *cached, struct view *view)
{
	const struct site *site = view_site(view);
	struct active_alarm *alarms = cached->summary.alarms;

	/* Of before the request looked at any panel: what has changed since is looked at again. */
	cached->generation = view_alarm_generation(view);
	cached->valid_until_ms = INT64_MAX;
	cached->summary = (struct summary){ .alarms = alarms };
	for (size_t i = 0; i < site->n_panels; i++)
		add_panel(cached, &site->panels[i], view_snapshot(view, &site->panels[i]),
			view_now_ms(view));
	if (cached->summary.worst == 0)
		cached->summary.worst = STATE_UNKNOWN;
	if (cached->summary.n_alarms > 0)
		qsort(cached->summary.alarms, cached->summary.n_alarms,
			sizeof(*cached->summary.alarms), by_event);
}

const struct summary *summary_get(struct view *view)
{
	struct cached_summary *cached = (struct cached_summary *)view_cache(view);
	bool first = cached == NULL;

	if (first) {
		cached = xcalloc(1, sizeof(*cached));
		cached->cache.drop = drop;
		view_set_cache(view, &cached->cache);
	}
	if (first ||
		(cached->request != view_request(view) &&
			(cached->generation != store_alarm_generation(view_site(view)->store) ||
				view_now_ms(view) >= cached->valid_until_ms)))
		make(cached, view);
	cached->request = view_request(view);
	return &cached->summary;
}
