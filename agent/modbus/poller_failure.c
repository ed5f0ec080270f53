/*
 * poller_failure: answers that are none, and registers that the meter refuses
 * (poller.h, poller_parts.h).
 *
 * What will still be so next time is learnt and left out, anything else is asked
 * again, then missed; only silence makes a unit silent.
 */
#include "config.h"

#include "modbus/poller_parts.h"

#include <errno.h>
#include <stdio.h>

#include "core/clock.h"
#include "core/log.h"

/* Answers that are none */

/* These three say what will still be so next time. */
bool poller_exception_is_final(int rc)
{
	return rc >= BUS_EXCEPTION(1) && rc <= BUS_EXCEPTION(3);
}

static bool retry(struct poller *poller, struct poll *poll, int rc)
{
	unsigned retries = poller->conf->link->retries;

	if (poller->silent || poller_exception_is_final(rc))
		return false;
	/* A connection that had gone unnoticed is not the unit's fault. */
	if (rc < 0 && rc != -ETIMEDOUT && rc != -EBADMSG && rc != -EILSEQ && retries == 0)
		retries = 1;
	return poll->tries++ < retries;
}

static void note_failure(struct poller *poller, const struct plan_read *read, int rc)
{
	unsigned base = poller->layout->profile->base;

	poller->verdict = rc;
	if (BUS_IS_GATEWAYS(rc)) {
		poller_set_why(poller, "the gateway does not reach unit %u: %s",
			poller->conf->unit, bus_strerror(rc));
		return;
	}
	poller_set_why(poller, "%s at registers %u to %u", bus_strerror(rc), read->reg + base,
		read->reg + read->count - 1 + base);
}

static int miss_poll(struct poller *poller, struct poll *poll)
{
	unsigned classes = poll->classes;

	poll_end(poll);
	poller_miss(poller, classes, clock_mono_ms());
	return poller->bulk.map != NULL;
}

/* Refused registers */

/* An older firmware that lacks a block the profile calls optional. */
static bool skip_block(struct poller *poller, const struct plan_read *read)
{
	const struct profile *profile = poller->layout->profile;
	int block = plan_block(profile, read->reg);

	if (block < 0 || !profile->blocks[block].optional)
		return false;
	log_info("poller", "panel %s: the meter has no registers %u to %u, optional: left out",
		poller->conf->name, profile->blocks[block].first + profile->base,
		profile->blocks[block].last + profile->base);
	poller->plans.skip_blocks |= UINT64_C(1) << block;
	gaps_add(&poller->plans.skipped, read->reg, read->count);
	poller->plans.incomplete = true;
	return true;
}

static void begin_again(const struct poller *poller, struct poll *poll)
{
	poll_begin(poll, pollset_map(&poller->plans, poll->mask), poll->mask);
}

/* What is left out has become more: the polls under way begin again. */
static void replan(struct poller *poller)
{
	bool alarm = poller->alarm.map != NULL;
	bool bulk = poller->bulk.map != NULL;

	poller->plans.incomplete = true;
	poller_build_maps(poller);
	/* A poll that reads nothing would be contact with a meter that nobody has asked. */
	if (poller_alarm_map(poller) == NULL)
		poller->rhythm.due_ms[POLL_ALARM] = RHYTHM_NEVER;
	else if (alarm)
		begin_again(poller, &poller->alarm);
	if (bulk)
		begin_again(poller, &poller->bulk);
}

/* A meter that refuses all its measurements and alarms has something else the matter. */
static bool anything_left(const struct poller *poller)
{
	const struct pollmap *map =
		pollset_map(&poller->plans, CLASS(POLL_ALARM) | CLASS(POLL_FAST));

	for (unsigned i = 0; i < map->n_items; i++)
		if (map->items[i].offset != POLLMAP_NOWHERE)
			return true;
	return map->n_items == 0;
}

int poller_go_without(struct poller *poller, const struct poll *poll)
{
	unsigned classes = poll->classes;

	replan(poller);
	if (anything_left(poller))
		return 1;
	poller_set_why(poller, "refuses every measurement");
	poller_fall_silent(poller, classes, clock_mono_ms());
	return 0;
}

static int search(struct poller *poller, const struct poll *poll, const struct plan_read *read)
{
	poller->plans.incomplete = true;
	refusal_begin(&poller->search, poll->map->plan, read, &poller->plans.gaps);
	return poller->search.step != REFUSAL_NONE ? 1 : poller_go_without(poller, poll);
}

int poller_put_off(struct poller *poller, struct poll *poll)
{
	for (int class = POLL_SLOW; class < POLL_CLASSES; class++)
		if ((poll->mask & CLASS(class)) != 0)
			poller->rhythm.due_ms[class] = poller->rhythm.due_ms[POLL_FAST];
	return miss_poll(poller, poll);
}

/* In the numbers of the meter's manual. */
void poller_tell_refused(struct poller *poller)
{
	struct gaps *gaps = &poller->plans.gaps;
	unsigned base = poller->layout->profile->base;
	char text[200] = "";
	size_t length = 0;

	for (unsigned run; gaps->told < gaps->n; gaps->told += run) {
		unsigned reg = gaps->items[gaps->told].reg + base, count;

		gaps_run(gaps, gaps->told, &run);
		count = gaps_registers(gaps, gaps->told, run);
		if (count == 0 || length >= sizeof(text))
			continue;
		length += (size_t)snprintf(text + length, sizeof(text) - length,
			count > 1 ? "%s%u to %u" : "%s%u", length ? ", " : "", reg,
			reg + count - 1);
	}
	if (length > 0)
		log_warning("poller", "panel %s: the meter refuses registers %s%s: left out",
			poller->conf->name, text, length < sizeof(text) ? "" : "...");
}

void poller_forgive(struct poller *poller, const struct plan_read *read)
{
	unsigned base = poller->layout->profile->base;

	log_info("poller", "panel %s: registers %u to %u are answered again: all is asked for anew",
		poller->conf->name, read->reg + base, read->reg + read->count - 1 + base);
	poller->forgiven = true;
	pollset_forgive(&poller->plans);
	poller_build_maps(poller);
	poller_start_now(poller, clock_mono_ms());
}

/* Failures */

/* The meter has not missed anything, and whether it is back is not known: soon again. */
static int called_off(struct poller *poller)
{
	if (poller->silent) {
		poll_end(&poller->identify);
		poller->probe_ms = clock_mono_ms() + PROBE_MIN_MS;
	}
	return -EINTR;
}

int poller_failed(struct poller *poller, struct poll *poll, const struct plan_read *read, int rc)
{
	const unsigned vital = CLASS(POLL_ALARM) | CLASS(POLL_FAST);
	bool searching = poller->search.step != REFUSAL_NONE;

	if (rc == -EINTR)
		return called_off(poller);
	if (retry(poller, poll, rc))
		return rc < 0 ? rc : 1;
	note_failure(poller, read, rc);
	if (rc < 0 || BUS_IS_GATEWAYS(rc) || poll == &poller->identify) {
		poller_fall_silent(poller, poll->classes, clock_mono_ms());
		return rc < 0 ? rc : 0;
	}
	if (rc == BUS_EXCEPTION(2) && skip_block(poller, read))
		return poller_go_without(poller, poll);
	if (rc == BUS_EXCEPTION(2) || rc == BUS_EXCEPTION(3))
		return search(poller, poll, read);
	if (searching || (read->classes & poll->classes & vital) != 0)
		return miss_poll(poller, poll);
	/* Settings that the meter does not give just now do not cost the measurements. */
	poll->classes &= ~read->classes;
	poll->tries = 0;
	return poll_reads_left(poll) ? 1 : poller_finish(poller, poll);
}
