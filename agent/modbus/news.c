/* news: see news.h. */
#include "config.h"

#include "modbus/news.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/util.h"

static const struct panel_memory nothing = { .serial = -1, .device = -1 };

/* Life */

void news_init(struct news *news, struct site *site, const struct panel *panel)
{
	*news = (struct news){
		.site = site_ref(site),
		.conf = panel->conf,
		.slot = store_slot_ref(panel->slot),
		.memory = nothing,
	};
	journal_panel(site->journal, panel->conf->index, &news->memory);
}

void news_fini(struct news *news)
{
	alarm_book_unref(news->memory.book);
	free(news->transitions.items);
	free(news->energy);
	store_slot_unref(news->slot);
	site_unref(news->site);
}

void news_adopt(struct news *news, struct site *site, const struct panel *panel)
{
	struct site *before = news->site;

	news->site = site_ref(site);
	news->conf = panel->conf;
	site_unref(before);
}

void news_restore(struct news *news, int64_t now_ms)
{
	const struct meter_id id = { news->memory.serial, news->memory.device };
	struct snapshot *snapshot;

	if (news->memory.book == NULL)
		return;
	snapshot = store_begin(news->slot);
	if (snapshot->alarms->known) { /* the panel goes on with another poller */
		store_cancel(news->slot, snapshot);
		return;
	}
	snapshot_set_alarms(snapshot, alarm_book_ref(news->memory.book));
	news_alarms(news, snapshot, now_ms);
	news_post(news, snapshot, &id);
	store_publish(news->slot, snapshot);
}

/* The batch: there are a thousand panels, and most have nothing to say. */

static struct journal_batch *batch_of(struct news *news)
{
	if (news->batch == NULL) {
		news->batch = xcalloc(1, sizeof(*news->batch));
		journal_begin(news->batch, news->site->journal);
	}
	return news->batch;
}

static void end_batch(struct news *news)
{
	if (news->batch != NULL)
		journal_end(news->batch);
	free(news->batch);
	news->batch = NULL;
}

static void add(struct news *news, const struct tale *tale)
{
	journal_add(batch_of(news), &tale->draft);
}

/* Alarms */

static uint64_t next_event(void *arg)
{
	return journal_number(batch_of(arg));
}

static void tell_transitions(
	struct news *news, const struct snapshot *snapshot, int64_t now_ms, int64_t wall_ms)
{
	const struct channel at = {
		.site = news->site,
		.panel = news->conf,
		.snapshot = snapshot,
		.now_ms = now_ms,
	};
	struct tale tale;

	for (size_t i = 0; i < news->transitions.count; i++) {
		const struct alarm_transition *item = &news->transitions.items[i];

		tell_alarm(&tale, &at, item, wall_ms);
		add(news, &tale);
		if (item->change != ALARM_RAISED_GONE)
			continue;
		tell_gone(&tale, &at, item, wall_ms);
		add(news, &tale);
	}
}

void news_alarms(struct news *news, struct snapshot *snapshot, int64_t now_ms)
{
	const struct snapshot *before = store_get(news->slot);
	const struct alarm_terms terms = {
		.now_ms = now_ms,
		.now_wall_ms = clock_wall_ms(),
		.hold_ms = news->conf->notify_hold_ms,
		.next_event = next_event,
		.arg = news,
	};

	news->transitions.count = 0;
	snapshot_set_alarms(snapshot,
		alarm_update(snapshot->alarms, before, snapshot, &terms, &news->transitions));
	store_put(news->slot, before);
	tell_transitions(news, snapshot, now_ms, terms.now_wall_ms);
}

/* Inputs */

static void note_input(
	struct news *news, struct snapshot *snapshot, unsigned number, enum input_state state)
{
	uint64_t bit = UINT64_C(1) << (number - 1), closed = state == INPUT_CLOSED ? bit : 0;
	bool known = (news->memory.inputs_known & bit) != 0;
	struct tale tale;

	if (known && (news->memory.inputs_closed & bit) == closed)
		return;
	news->memory.inputs_known |= bit;
	news->memory.inputs_closed = (news->memory.inputs_closed & ~bit) | closed;
	news->changed = true;
	if (!known)
		return;
	tell_input(&tale, news->conf, number, state, clock_wall_ms());
	snapshot_set(snapshot, SCOPE_INPUT, Q_INPUT_CHANGE, number, tale.draft.wall_ms);
	add(news, &tale);
}

void news_inputs(struct news *news, struct snapshot *snapshot, int64_t now_ms)
{
	const struct rowset *inputs = &snapshot->layout->inputs;

	for (uint32_t i = 0; i < inputs->n; i++) {
		unsigned number = ROW_KEY_A(inputs->keys[i]);
		struct reading state =
			snapshot_get(snapshot, SCOPE_INPUT, Q_INPUT_STATE, number, now_ms);

		if (state.quality == QUALITY_GOOD && number <= INPUTS_MAX)
			note_input(news, snapshot, number, (enum input_state)state.num);
	}
}

/* Comm state */

static void set_told(struct news *news, bool online)
{
	news->memory.told_online = online;
	news->memory.told_offline = !online;
	news->changed = true;
}

void news_online(struct news *news, int64_t serial, int64_t away_ms)
{
	char about[48] = "";
	struct tale tale;

	if (news->memory.told_online)
		return;
	if (away_ms > 0)
		snprintf(about, sizeof(about), " again after %" PRId64 " s", away_ms / 1000);
	else if (news->memory.told_offline)
		snprintf(about, sizeof(about), " again");
	else if (serial >= 0)
		snprintf(about, sizeof(about), ", serial %" PRId64, serial);
	tell_panel(&tale, news->conf, EVENT_PANEL_ONLINE, clock_wall_ms(), "%s online%s",
		news->conf->name, about);
	add(news, &tale);
	set_told(news, true);
}

void news_offline(struct news *news, const char *why)
{
	struct tale tale;

	if (news->memory.told_offline)
		return;
	tell_panel(&tale, news->conf, EVENT_PANEL_OFFLINE, clock_wall_ms(), "%s offline: %s",
		news->conf->name, why);
	add(news, &tale);
	set_told(news, false);
}

/* Energy */

static void tell_energy(struct news *news, enum event_kind kind, const struct meter_events *events,
	const char *what)
{
	char others[48] = "";
	struct tale tale;

	if (events->n == 0)
		return;
	if (events->n > 1)
		snprintf(others, sizeof(others), ", and %u others", events->n - 1);
	tell_panel(&tale, news->conf, kind, clock_wall_ms(), "%s %s %u: energy %s%s",
		news->conf->name, scope_name(events->scope), events->channel, what, others);
	if (events->n == 1 && events->scope <= SCOPE_MAINS) {
		tale.draft.scope = (enum event_scope)events->scope;
		tale.draft.channel = events->channel;
	}
	add(news, &tale);
}

static void add_up(struct meter_events *sum, const struct meter_events *more)
{
	if (more->n == 0)
		return;
	if (sum->n == 0)
		*sum = *more;
	else
		sum->n += more->n;
}

static bool nothing_happened(const struct meter_news *energy)
{
	return energy->resets.n == 0 && energy->rollovers.n == 0;
}

void news_energy(struct news *news, struct meter_news *energy, int64_t now_ms)
{
	struct energy_news *kept = news->energy;

	if (kept == NULL && nothing_happened(energy))
		return;
	if (kept == NULL)
		kept = news->energy = xcalloc(1, sizeof(*kept));
	add_up(&kept->untold.resets, &energy->resets);
	add_up(&kept->untold.rollovers, &energy->rollovers);
	*energy = (struct meter_news){ 0 };
	if (nothing_happened(&kept->untold) || !damper_is_open(&kept->damper, now_ms))
		return;
	*energy = kept->untold;
	kept->untold = (struct meter_news){ 0 };
	damper_told(&kept->damper, now_ms);
	tell_energy(news, EVENT_ENERGY_RESET, &energy->resets, "was reset");
	tell_energy(news, EVENT_ENERGY_ROLLOVER, &energy->rollovers, "rolled over");
}

/* Another meter, or none */

static void print_number(char *text, size_t size, int64_t number)
{
	if (number < 0)
		snprintf(text, size, "not known");
	else
		snprintf(text, size, "%" PRId64, number);
}

static void forget(struct news *news, const struct snapshot *snapshot, int64_t now_ms)
{
	news->transitions.count = 0;
	alarm_book_unref(alarm_forget(snapshot->alarms, &news->transitions));
	tell_transitions(news, snapshot, now_ms, clock_wall_ms());
}

void news_replaced(struct news *news, const struct snapshot *snapshot, int64_t now_ms,
	const struct meter_id *before, const struct meter_id *now)
{
	char serials[2][24], devices[2][24];
	struct tale tale;

	print_number(serials[0], sizeof(serials[0]), before->serial);
	print_number(serials[1], sizeof(serials[1]), now->serial);
	print_number(devices[0], sizeof(devices[0]), before->device);
	print_number(devices[1], sizeof(devices[1]), now->device);
	tell_panel(&tale, news->conf, EVENT_METER_REPLACED, clock_wall_ms(),
		"%s: another meter, serial %s, device id %s instead of %s, %s", news->conf->name,
		serials[1], devices[1], serials[0], devices[0]);
	add(news, &tale);
	forget(news, snapshot, now_ms);
	news->memory.inputs_known = news->memory.inputs_closed = 0;
	if (news->energy != NULL)
		news->energy->untold = (struct meter_news){ 0 };
	news->changed = true;
}

static void dismiss(struct site *site, const struct panel *panel)
{
	const struct snapshot *snapshot = store_get(panel->slot);
	struct news news;
	struct tale tale;

	news_init(&news, site, panel);
	forget(&news, snapshot, clock_mono_ms());
	if (news.memory.told_offline) {
		tell_unwatched(&tale, panel->conf->index, panel->conf->name, clock_wall_ms());
		add(&news, &tale);
	}
	journal_remember_panel(batch_of(&news), panel->conf->index, &nothing);
	end_batch(&news);
	news_fini(&news);
	store_put(panel->slot, snapshot);
}

static bool is_polled(const struct site *site, uint32_t index)
{
	const struct panel *panel = site_panel(site, index, NULL);

	return panel != NULL && panel->conf->enabled;
}

void news_dismiss(struct site *site, const struct link_conf *link, const struct site *next)
{
	for (size_t i = 0; i < site->n_panels; i++) {
		const struct panel *panel = &site->panels[i];

		if (panel->conf->link == link && panel->conf->enabled &&
			!is_polled(next, panel->conf->index))
			dismiss(site, panel);
	}
}

/* What was told last of a panel of which there is no more than its index; NULL: not kept. */
static struct event *find_offline(struct journal *journal, uint32_t panel)
{
	struct event *found = NULL, *next;

	for (struct event *event = journal_next(journal, 0, true); event != NULL; event = next) {
		next = journal_next(journal, event->number, false);
		if (event->panel == panel && event->kind == EVENT_PANEL_OFFLINE) {
			event_unref(found);
			found = event_ref(event);
		}
		event_unref(event);
	}
	return found;
}

static void dismiss_offline(struct journal *journal, uint32_t panel, struct journal_batch *batch)
{
	struct event *offline = find_offline(journal, panel);
	char name[sizeof("panel 4294967295")];
	struct tale tale;

	snprintf(name, sizeof(name), "panel %u", panel);
	tell_unwatched(&tale, panel, offline != NULL ? offline->panel_name : name, clock_wall_ms());
	journal_add(batch, &tale.draft);
	event_unref(offline);
}

static void dismiss_unknown(struct journal *journal, uint32_t panel)
{
	struct alarm_transitions transitions = { 0 };
	struct panel_memory memory;
	struct journal_batch batch;
	struct tale tale;

	if (!journal_panel(journal, panel, &memory))
		return;
	if (memory.book != NULL)
		alarm_book_unref(alarm_forget(memory.book, &transitions));
	alarm_book_unref(memory.book);
	journal_begin(&batch, journal);
	if (memory.told_offline)
		dismiss_offline(journal, panel, &batch);
	for (size_t i = 0; i < transitions.count; i++) {
		struct event *raise = journal_find(journal, transitions.items[i].event);

		tell_orphan(&tale, panel, &transitions.items[i], raise, clock_wall_ms());
		journal_add(&batch, &tale.draft);
		event_unref(raise);
	}
	journal_remember_panel(&batch, panel, &nothing);
	journal_end(&batch);
	free(transitions.items);
}

void news_dismiss_others(struct journal *journal, const struct config *config)
{
	uint32_t *panels;
	size_t n = journal_panels(journal, &panels);

	for (size_t i = 0; i < n; i++) {
		size_t k = 0;

		while (k < config->n_panels && config->panels[k].index != panels[i])
			k++;
		if (k == config->n_panels || !config->panels[k].enabled)
			dismiss_unknown(journal, panels[i]);
	}
	free(panels);
}

/* Its row in the link table was that of the last event of its being down; 0: not kept. */
static uint32_t index_of_link(struct journal *journal, const char *name)
{
	struct event *event = journal_next(journal, 0, true), *next;
	uint32_t index = 0;

	for (; event != NULL; event = next) {
		next = journal_next(journal, event->number, false);
		if (event->kind == EVENT_LINK_DOWN && strcmp(event->label, name) == 0)
			index = event->channel;
		event_unref(event);
	}
	return index;
}

void news_dismiss_links(struct journal *journal, const struct config *config)
{
	char name[CONF_NAME_MAX + 1];
	struct journal_batch batch;
	struct tale tale;

	while (journal_orphan_link(journal, config, name, sizeof(name))) {
		tell_unused(&tale, name, index_of_link(journal, name), clock_wall_ms());
		journal_begin(&batch, journal);
		journal_add(&batch, &tale.draft);
		journal_remember_link(&batch, name, false);
		journal_end(&batch);
	}
}

/* Posting */

static const char *const change_names[] = {
	[ALARM_RAISED] = "raised",
	[ALARM_RAISED_GONE] = "raised and gone",
	[ALARM_CLEARED] = "cleared",
	[ALARM_ACTIVE] = "active",
	[ALARM_INACTIVE] = "inactive",
};

static void log_transitions(const struct news *news)
{
	for (size_t i = 0; i < news->transitions.count; i++) {
		const struct alarm_transition *item = &news->transitions.items[i];

		log_debug("poller", "panel %s: %s %u %s %s", news->conf->name,
			scope_name((enum scope)ROW_KEY_A(item->key)), ROW_KEY_B(item->key),
			level_name((enum level)ROW_KEY_C(item->key)), change_names[item->change]);
	}
}

void news_post(struct news *news, const struct snapshot *snapshot, const struct meter_id *id)
{
	struct panel_memory *memory = &news->memory;

	if (news->changed || memory->serial != id->serial || memory->device != id->device ||
		memory->book != snapshot->alarms) {
		alarm_book_unref(memory->book);
		memory->book = alarm_book_ref(snapshot->alarms);
		memory->serial = id->serial;
		memory->device = id->device;
		journal_remember_panel(batch_of(news), news->conf->index, memory);
		news->changed = false;
	}
	end_batch(news);
	log_transitions(news);
	news->transitions.count = 0;
}
