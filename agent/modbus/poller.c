/*
 * poller: see poller.h, and poller_parts.h for how it is cut into files.
 *
 * Here: a poller's life, which read comes next, and doing it.
 */
#include "config.h"

#include "modbus/poller_parts.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/util.h"

#define SEARCH_READS   48 /* a poll: looking for refused registers must not starve the line */
#define READ_MAX       125
#define MOVED_FOR_MS   30000 /* other answer times count when they have been so for as long */
#define REPLAN_MS      60000 /* between two new plans because of them */
#define POLL_ALL_STEPS 5000 /* more than a whole map of one register a read would take */

/* Polls under way */

void poll_end(struct poll *poll)
{
	free(poll->words);
	poll->words = NULL;
	poll->map = NULL;
}

void poll_begin(struct poll *poll, const struct pollmap *map, unsigned classes)
{
	poll_end(poll);
	poll->words = xcalloc(map->plan->words, sizeof(*poll->words));
	poll->map = map;
	poll->mask = classes;
	poll->classes = classes;
	poll->next = 0;
	poll->tries = 0;
}

bool poll_reads_left(struct poll *poll)
{
	const struct plan *plan = poll->map->plan;

	while (poll->next < plan->n_reads &&
		(plan->reads[poll->next].classes & poll->classes) == 0)
		poll->next++;
	return poll->next < plan->n_reads;
}

/* Plans */

static void end_planned(struct poller *poller)
{
	poll_end(&poller->alarm);
	poll_end(&poller->bulk);
	poller->search.step = REFUSAL_NONE; /* its pieces are those of a map */
}

void poller_drop_maps(struct poller *poller)
{
	end_planned(poller);
	pollset_drop(&poller->plans);
}

void poller_build_maps(struct poller *poller)
{
	const enum encoding before = poller->plans.encoding;
	const struct pollmap *map;

	end_planned(poller);
	pollset_build(&poller->plans, poller->meter.model);
	if (before != ENCODING_ANY && before != poller->plans.encoding)
		meter_switch_encoding(&poller->meter);
	map = pollset_map(&poller->plans, CLASS(POLL_ALARM) | CLASS(POLL_FAST));
	log_debug("poller", "panel %s: %s registers, %u reads of %u registers a poll",
		poller->conf->name,
		poller->plans.encoding == ENCODING_FLOAT ? "float" : "integer",
		map->plan->n_reads, map->plan->words);
}

/*
 * Between two polls: the plans follow what was measured, once it has been so for a
 * while and not too often. The first ones were made from next to nothing.
 */
static void follow_timing(struct poller *poller, int64_t now_ms)
{
	const bool first = poller->replanned_ms == 0 && timing_full(&poller->timing);

	if (!pollset_measure(&poller->plans, &poller->timing)) {
		poller->moved_ms = 0;
		if (first)
			poller->replanned_ms = now_ms;
		return;
	}
	if (poller->moved_ms == 0)
		poller->moved_ms = now_ms;
	if (!first && (poller->replanned_ms == 0 || now_ms - poller->moved_ms < MOVED_FOR_MS ||
			      now_ms - poller->replanned_ms < REPLAN_MS))
		return;
	poller->moved_ms = 0;
	poller->replanned_ms = now_ms;
	log_debug("poller", "panel %s: a read costs as much as %u registers, not %u: new plans",
		poller->conf->name, plan_line_worth(&poller->plans.line), poller->plans.worth);
	poller_build_maps(poller);
}

/* Life */

void poller_start_now(struct poller *poller, int64_t now_ms)
{
	const struct pollmap *alarm = pollset_map(&poller->plans, CLASS(POLL_ALARM));

	rhythm_start(&poller->rhythm, now_ms, alarm == NULL || alarm->plan->n_reads > 0);
}

struct poller *poller_new(struct site *site, const struct panel *panel,
	const struct poller_observer *observer)
{
	struct poller *poller = xcalloc(1, sizeof(*poller));

	news_init(&poller->news, site, panel);
	poller->conf = panel->conf;
	poller->slot = panel->slot;
	poller->layout = panel->layout;
	if (observer != NULL)
		poller->observer = *observer;
	meter_init(&poller->meter, poller->layout);
	pollset_init(&poller->plans, poller->layout, poller->conf);
	rhythm_init(&poller->rhythm, poller->conf);
	poller->unidentified = true;
	poller->probe_wait_ms = PROBE_MIN_MS;
	poller->told_device = TOLD_NONE;
	poller_start_now(poller, clock_mono_ms());
	/* Whose alarms are remembered: the one that answers is compared with it. */
	poller->meter.id = (struct meter_id){ poller->news.memory.serial,
		poller->news.memory.device };
	news_restore(&poller->news, clock_mono_ms());
	return poller;
}

void poller_free(struct poller *poller)
{
	if (poller == NULL)
		return;
	poll_end(&poller->identify);
	end_planned(poller);
	pollset_fini(&poller->plans);
	meter_fini(&poller->meter);
	news_fini(&poller->news);
	free(poller->why);
	free(poller->claim);
	free(poller);
}

void poller_adopt(struct poller *poller, struct site *site, const struct panel *panel)
{
	news_adopt(&poller->news, site, panel);
	poller->conf = panel->conf;
	pollset_adopt(&poller->plans, panel->conf);
}

struct plan_want poller_want(const struct poller *poller)
{
	return pollset_want(&poller->plans, poller->meter.model);
}

const struct panel_conf *poller_conf(const struct poller *poller)
{
	return poller->conf;
}

struct slot *poller_slot(const struct poller *poller)
{
	return poller->slot;
}

/* Rhythm */

void poller_begin(struct poller *poller, struct poll *poll, unsigned classes, int64_t now_ms)
{
	poll_begin(poll, pollset_map(&poller->plans, classes), classes);
	poll->begun_ms = now_ms;
	/* An alarm poll that overtakes a long one does not give it another share. */
	if (poll == &poller->bulk || poller->bulk.map == NULL)
		poller->search_reads = SEARCH_READS;
	rhythm_begin(&poller->rhythm, classes, now_ms);
}

int64_t poller_alarm_late_ms(const struct poller *poller)
{
	int64_t late_ms = rhythm_alarm_late_ms(&poller->rhythm);

	if (poller->silent || poller->unidentified || late_ms == RHYTHM_NEVER)
		return RHYTHM_NEVER;
	return poller->alarm.map != NULL ? poller->alarm.begun_ms : late_ms;
}

int64_t poller_due_ms(const struct poller *poller)
{
	if (poller->silent)
		return poller->probe_ms;
	if (poller->unidentified || poller->alarm.map != NULL || poller->bulk.map != NULL ||
		poller->doubting)
		return 0;
	return rhythm_next_ms(&poller->rhythm);
}

int64_t poller_order_ms(const struct poller *poller, int64_t now_ms)
{
	int64_t due_ms = poller_due_ms(poller);
	int64_t fast_ms = poller->rhythm.due_ms[POLL_FAST];
	int64_t fair_ms = poller->bulk.begun_ms + poller->conf->poll_ms;

	if (poller->unidentified && !poller->silent)
		return poller->identify.tries; /* who was never asked first */
	if (due_ms == 0 || poller->silent || fast_ms > now_ms)
		return due_ms;
	return fair_ms > fast_ms ? fair_ms : fast_ms;
}

int64_t poller_misses_ms(const struct poller *poller)
{
	return rhythm_miss_ms(&poller->rhythm,
		pace_expected_ms(&poller->pace, poller->conf->poll_ms));
}

int64_t poller_slow_ms(const struct poller *poller)
{
	if (poller->silent)
		return -1;
	if (pace_slow(&poller->pace))
		return poller->pace.mean_ms;
	return pace_kept(&poller->pace) ? 0 : -1;
}

bool poller_busy(const struct poller *poller)
{
	return poller->bulk.map != NULL && !poller->silent;
}

bool poller_unidentified(const struct poller *poller)
{
	return poller->unidentified;
}

bool poller_silent(const struct poller *poller)
{
	return poller->silent;
}

bool poller_gone(const struct poller *poller)
{
	return poller->silent && poller->probe_wait_ms > 2 * PROBE_MIN_MS;
}

/* Begun anew for a new connection it is still the same question: the tries of before count. */
static void ask_who(struct poller *poller)
{
	unsigned tries = poller->identify.tries;

	poll_begin(&poller->identify, poller->plans.identification, CLASS(POLL_ONCE));
	poller->identify.tries = tries;
}

/* The poll whose read comes next, begun if need be; NULL: none is due. */
static struct poll *choose_poll(struct poller *poller, int64_t now_ms, enum poller_turn turn)
{
	struct poll *poll;
	unsigned classes;

	if (poller->unidentified) {
		if (poller->identify.map == NULL)
			ask_who(poller);
		return &poller->identify;
	}
	if (turn == POLLER_BULK && poller->bulk.map != NULL) {
		poller->bulk_turn = false;
		return &poller->bulk;
	}
	if (poller->alarm.map != NULL)
		return &poller->alarm;
	if (turn == POLLER_ALARM || (poller->bulk.map != NULL && !poller->bulk_turn)) {
		if (poller_alarm_late_ms(poller) <= now_ms) {
			poller_begin(poller, &poller->alarm, CLASS(POLL_ALARM), now_ms);
			poller->bulk_turn = true;
			return &poller->alarm;
		}
		if (turn == POLLER_ALARM)
			return NULL;
	}
	poller->bulk_turn = false;
	if (poller->bulk.map != NULL)
		return &poller->bulk;
	classes = rhythm_classes(&poller->rhythm, now_ms);
	if (classes == 0)
		return NULL;
	poll = classes == CLASS(POLL_ALARM) ? &poller->alarm : &poller->bulk;
	poller_begin(poller, poll, classes, now_ms);
	return poll;
}

/* A whole poll */

/*
 * A scale that moved between two reads of one poll makes its values neither
 * right under the old nor surely under the new: measure again, publish the rest.
 * At once, but not for ever: a scale that never rests waits for the rhythm.
 */
static void measure_again(struct poller *poller, struct poll *poll, int64_t now_ms)
{
	poll->classes &= ~CLASS(POLL_FAST);
	if (poller->rescaled)
		return;
	poller->rescaled = true;
	poller->rhythm.due_ms[POLL_FAST] = now_ms;
	log_info("poller", "panel %s: scales of the meter have changed", poller->conf->name);
}

int poller_finish(struct poller *poller, struct poll *poll)
{
	const struct pollmap *map = poll->map;
	int64_t now_ms = clock_mono_ms();
	/* The identification has a plan of its own, whatever the classes of its points. */
	unsigned read = poll == &poller->identify ? ALL_CLASSES : poll->classes;
	struct meter_id id = meter_read_id(&poller->meter, map, poll->words, read);
	bool stale_scales;

	poller->verdict = 0;
	if (poll == &poller->identify) {
		poll_end(poll);
		return poller_identified(poller, &id, now_ms);
	}
	if (!meter_same(&poller->meter, &id)) {
		poll_end(poll);
		poller_claimed(poller, &id);
		return 1;
	}
	stale_scales = scales_update(&poller->meter.scales, map, poll->words, read);
	if (stale_scales)
		measure_again(poller, poll, now_ms);
	else if ((poll->classes & CLASS(POLL_FAST)) != 0)
		poller->rescaled = false;
	if ((read & CLASS(POLL_ALARM)) != 0 && meter_triggered(&poller->meter, map, poll->words) &&
		(read & CLASS(POLL_SLOW)) == 0)
		poller->rhythm.due_ms[POLL_SLOW] = now_ms;
	poller_publish(poller, poll, stale_scales, now_ms);
	if ((poll->classes & CLASS(POLL_FAST)) != 0)
		poller_tell_refused(poller);
	if ((poll->classes & CLASS(POLL_SLOW)) != 0) {
		poller->doubting = poller->plans.incomplete && !poller->forgiven;
		poller->forgiven = false;
	}
	poll_end(poll);
	if (poll == &poller->alarm)
		poller->bulk.classes &= ~CLASS(POLL_ALARM);
	if (poller->alarm.map == NULL && poller->bulk.map == NULL)
		follow_timing(poller, now_ms);
	return poller->bulk.map != NULL || poller_due_ms(poller) <= now_ms;
}

/* Steps */

static int request(struct poller *poller, struct bus *bus, const struct plan_read *read,
	uint16_t *words)
{
	int64_t begun_us = clock_mono_us();
	int rc = bus_read(bus, poller->conf->unit, poller->layout->profile->function, read->reg,
		read->count, poller->conf->link->response_timeout_ms, words);

	struct bus_timing timing;

	poller_note_request(poller, rc, clock_mono_us() - begun_us);
	if (rc == 0 && bus_last_timing(bus, &timing))
		timing_note(&poller->timing, read->count,
			poller->conf->link->transport == TRANSPORT_TCP ? timing.round_trip_us
								       : timing.turnaround_us);
	return rc;
}

static int step_search(struct poller *poller, struct bus *bus, struct poll *poll)
{
	struct plan_read read = { 0 };
	uint16_t words[READ_MAX];
	int rc;

	if (poller->search_reads == 0)
		return poller_put_off(poller, poll);
	poller->search_reads--;
	refusal_next(&poller->search, &read);
	rc = request(poller, bus, &read, words);
	if (rc != 0 && !poller_exception_is_final(rc))
		return poller_failed(poller, poll, &read, rc);
	poll->tries = 0;
	refusal_answer(&poller->search, rc != 0, &poller->plans.gaps);
	return poller->search.step != REFUSAL_NONE ? 1 : poller_go_without(poller, poll);
}

/*
 * A meter that starts, or a gateway, may refuse what it has a moment later: behind
 * each poll of settings some of it is asked for again, also where a line is so slow
 * that the next poll is due.
 */
static int doubt(struct poller *poller, struct bus *bus)
{
	struct plan_read read;
	uint16_t words[READ_MAX];
	int rc;

	poller->doubting = false;
	if (!pollset_doubt(&poller->plans, &read))
		return 0;
	rc = request(poller, bus, &read, words);
	if (rc == 0)
		poller_forgive(poller, &read);
	return rc < 0 ? rc : rc == 0;
}

static bool between_polls(const struct poller *poller)
{
	return !poller->unidentified && poller->alarm.map == NULL && poller->bulk.map == NULL;
}

int poller_step(struct poller *poller, struct bus *bus, int64_t now_ms, enum poller_turn turn)
{
	struct poll *poll;
	const struct plan_read *read;
	int rc;

	if (poller->doubting && turn == POLLER_ANY && between_polls(poller))
		return doubt(poller, bus);
	poll = choose_poll(poller, now_ms, turn);
	if (poll == NULL)
		return 0;
	if (poller->search.step != REFUSAL_NONE && poll != &poller->identify)
		return step_search(poller, bus, poll);
	if (poll_reads_left(poll)) {
		read = &poll->map->plan->reads[poll->next];
		rc = request(poller, bus, read, poll->words + poll->map->offsets[poll->next]);
		if (rc != 0)
			return poller_failed(poller, poll, read, rc);
		poll->next++;
		poll->tries = 0;
		if (poll_reads_left(poll))
			return 1;
	}
	return poller_finish(poller, poll);
}

void poller_restart(struct poller *poller)
{
	poller->unidentified = true;
	poll_end(&poller->identify);
	poller->probe_ms = clock_mono_ms();
}

void poller_poll_now(struct poller *poller)
{
	poller_start_now(poller, clock_mono_ms());
}

int poller_poll_all(struct poller *poller, struct bus *bus)
{
	const struct link_conf *link = poller->conf->link;
	unsigned steps = 0;
	int rc;

	poller_give_up(poller);
	poller_restart(poller);
	poller_poll_now(poller);
	do {
		/* A meter that is another one at every question never comes to an end. */
		if (steps++ == POLL_ALL_STEPS)
			return -EAGAIN;
		if (poller->bulk.map == NULL && poller->rhythm.due_ms[POLL_ONCE] != RHYTHM_NEVER)
			poller_start_now(poller, clock_mono_ms()); /* also what has been put off */
		if (!bus_connected(bus)) {
			rc = bus_connect(bus, link->response_timeout_ms);
			if (rc < 0)
				return rc;
		}
		if (poller_step(poller, bus, clock_mono_ms(), POLLER_ANY) < 0)
			bus_recover(bus);
		if (link->turnaround_ms > 0)
			poll(NULL, 0, (int)link->turnaround_ms);
	} while (!poller->silent && (poller->unidentified || poller->bulk.map != NULL ||
					    poller->rhythm.due_ms[POLL_ONCE] != RHYTHM_NEVER));
	return poller->verdict;
}
