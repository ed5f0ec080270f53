/* view: see view.h. */
#include "config.h"

#include "view.h"

#include "alarm/journal.h"
#include "core/util.h"

#include <stdlib.h>

/* Where things were when last looked at, to have the memory ready. Not to be followed. */
#define CACHE_LINE 64
struct hint {
	const void *slot;
	const char *snapshot;
};

/* The answer to one question to the journal. */
struct found_event {
	bool known; /* whether it was asked in this request */
	bool next, inclusive;
	uint64_t number;
	struct event *event; /* in view->events */
};

struct view {
	struct site *site;
	int64_t now_ms, now_wall_ms;
	uint32_t *indexes; /* of site->panels, close together, for they are searched most */
	struct hint *hints;
	uint64_t request, alarm_generation;
	struct view_cache *cache;
	const struct board *board;
	/* By place in site->panels; of these the first n_pinned places in pinned are set. */
	const struct snapshot **snapshots;
	size_t *pinned;
	size_t n_pinned;
	struct event **events; /* held until the end of the request */
	size_t n_events, events_capacity;
	struct found_event found;
	bool has_stats; /* asked for in this request */
	struct journal_stats stats;
};

struct view *view_new(void)
{
	return xcalloc(1, sizeof(struct view));
}

void view_set_cache(struct view *view, struct view_cache *cache)
{
	if (view->cache)
		view->cache->drop(view->cache);
	view->cache = cache;
}

struct view_cache *view_cache(const struct view *view)
{
	return view->cache;
}

/* All that belongs to one site. */
static void drop_site(struct view *view)
{
	view_end(view);
	view_set_cache(view, NULL);
	site_unref(view->site);
	free(view->indexes);
	free(view->hints);
	free(view->snapshots);
	free(view->pinned);
}

void view_free(struct view *view)
{
	if (view == NULL)
		return;
	drop_site(view);
	free(view->events);
	free(view);
}

void view_set_site(struct view *view, struct site *site)
{
	drop_site(view);
	view->site = site;
	view->indexes = xcalloc(site->n_panels, sizeof(*view->indexes));
	view->hints = xcalloc(site->n_panels, sizeof(*view->hints));
	for (size_t i = 0; i < site->n_panels; i++) {
		view->indexes[i] = site->panels[i].conf->index;
		view->hints[i].slot = site->panels[i].slot;
	}
	view->snapshots = xcalloc(site->n_panels, sizeof(*view->snapshots));
	view->pinned = xcalloc(site->n_panels, sizeof(*view->pinned));
}

const struct site *view_site(const struct view *view)
{
	return view->site;
}

void view_set_board(struct view *view, const struct board *board)
{
	view->board = board;
}

const struct board *view_board(const struct view *view)
{
	return view->board;
}

/* A site of no panels may have no store. */
static const struct store *store_of(const struct view *view)
{
	return view->site != NULL ? view->site->store : NULL;
}

void view_begin(struct view *view, int64_t now_ms, int64_t now_wall_ms)
{
	view_end(view);
	view->request++;
	view->alarm_generation =
		store_of(view) != NULL ? store_alarm_generation(store_of(view)) : 0;
	view->now_ms = now_ms;
	view->now_wall_ms = now_wall_ms;
}

void view_end(struct view *view)
{
	for (size_t i = 0; i < view->n_pinned; i++) {
		size_t place = view->pinned[i];

		store_put(view->site->panels[place].slot, view->snapshots[place]);
		view->snapshots[place] = NULL;
	}
	view->n_pinned = 0;
	for (size_t i = 0; i < view->n_events; i++)
		event_unref(view->events[i]);
	view->n_events = 0;
	view->found.known = false;
	view->has_stats = false;
}

uint64_t view_request(const struct view *view)
{
	return view->request;
}

bool view_is_of_one_moment(const struct view *view)
{
	struct journal_stats now;

	if (view->has_stats) {
		journal_stats(view->site->journal, &now);
		if (now.last != view->stats.last)
			return false;
	}
	return store_of(view) == NULL ||
	       store_alarms_rest(store_of(view), view->alarm_generation);
}

uint64_t view_alarm_generation(const struct view *view)
{
	return view->alarm_generation;
}

int64_t view_now_ms(const struct view *view)
{
	return view->now_ms;
}

int64_t view_now_wall_ms(const struct view *view)
{
	return view->now_wall_ms;
}

/* Panels are mostly numbered without gaps: where the index then is comes first. */
static size_t panel_place(const struct view *view, uint32_t index)
{
	size_t low = 0, high = view->site->n_panels;
	size_t guess = high > 0 ? (size_t)index - view->indexes[0] : 0;

	if (guess < high && view->indexes[guess] == index)
		return guess;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (view->indexes[middle] < index)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct panel *view_panel(const struct view *view, uint32_t index, size_t *place)
{
	size_t found = panel_place(view, index);

	if (place)
		*place = found;
	return found < view->site->n_panels && view->indexes[found] == index
		       ? &view->site->panels[found]
		       : NULL;
}

/* The hints may point at what is no more: prefetching it does no harm. */
void view_hint(const struct view *view, uint32_t index)
{
	size_t place = panel_place(view, index);

	if (place == view->site->n_panels)
		return;
	__builtin_prefetch(&view->site->panels[place]);
	__builtin_prefetch(view->hints[place].slot, 1);
	if (view->hints[place].snapshot == NULL)
		return;
	__builtin_prefetch(view->hints[place].snapshot, 1);
	__builtin_prefetch(view->hints[place].snapshot + CACHE_LINE);
	__builtin_prefetch(view->hints[place].snapshot + 2 * CACHE_LINE);
}

const struct snapshot *view_snapshot(struct view *view, const struct panel *panel)
{
	size_t place = (size_t)(panel - view->site->panels);

	if (view->snapshots[place] == NULL) {
		view->snapshots[place] = store_get(panel->slot);
		view->hints[place].snapshot = (const char *)view->snapshots[place];
		view->pinned[view->n_pinned++] = place;
	}
	return view->snapshots[place];
}

static void event_hold(struct view *view, struct event *event)
{
	if (view->n_events == view->events_capacity) {
		view->events_capacity = view->events_capacity ? view->events_capacity * 2 : 16;
		view->events =
			xrealloc(view->events, view->events_capacity, sizeof(struct event *));
	}
	view->events[view->n_events++] = event;
}

const struct journal_stats *view_journal_stats(struct view *view)
{
	if (!view->has_stats)
		journal_stats(view->site->journal, &view->stats);
	view->has_stats = true;
	return &view->stats;
}

static const struct event *event_ask(
	struct view *view, uint64_t number, bool next, bool inclusive)
{
	struct found_event *found = &view->found;
	struct journal *journal = view->site->journal;

	if (journal == NULL)
		return NULL;
	if (found->known && found->number == number && found->next == next &&
		found->inclusive == inclusive)
		return found->event;
	*found = (struct found_event){ true, next, inclusive, number,
		next ? journal_next(journal, number, inclusive) : journal_find(journal, number) };
	if (found->event)
		event_hold(view, found->event);
	return found->event;
}

const struct event *view_event(struct view *view, uint64_t number)
{
	return event_ask(view, number, false, false);
}

const struct event *view_event_next(struct view *view, uint64_t number, bool inclusive)
{
	return event_ask(view, number, true, inclusive);
}
