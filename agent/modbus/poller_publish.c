/*
 * poller_publish: from the words of a whole poll to the snapshot (poller.h,
 * poller_parts.h).
 */
#include "config.h"

#include "modbus/poller_parts.h"

#include "core/clock.h"
#include "core/log.h"

#define ALARM_WAIT_US 250000 /* what a whole poll may take for an alarm to wait for it */

/* Old data must not stand as new even if this thread never runs again. */
int64_t poller_fresh_until_ms(const struct poller *poller, int64_t now_ms)
{
	const struct link_conf *link = poller->conf->link;

	return now_ms +
	       (int64_t)poller->conf->stale_after *
		       pace_expected_ms(&poller->pace, poller->conf->poll_ms) +
	       (int64_t)(link->retries + 1) * link->response_timeout_ms;
}

static void note_measurements(struct poller *poller, const struct poll *poll,
	struct snapshot *snapshot, int64_t now_ms)
{
	/* After an outage the time since the poll before it is no interval. */
	uint32_t interval = poller->served ? (uint32_t)(now_ms - poller->fast_ms) : 0;

	if (poller->missed == 0)
		pace_note(&poller->pace, poller->conf->poll_ms, interval, now_ms);
	poller->fast_ms = now_ms;
	poller->missed = 0;
	poller->probe_wait_ms = PROBE_MIN_MS;
	snapshot->poll_time_ms = (uint32_t)(now_ms - poll->begun_ms);
	snapshot->poll_interval_ms = interval;
	snapshot->fresh_until_ms = poller_fresh_until_ms(poller, now_ms);
	poller->renew_ms = now_ms + (snapshot->fresh_until_ms - now_ms) / 2;
	if (!poller->served) {
		if (poller->away_ms == 0)
			log_info("poller", "panel %s (unit %u): online, serial %lld",
				poller->conf->name, poller->conf->unit,
				(long long)poller->meter.id.serial);
		else
			log_info("poller", "panel %s (unit %u): back after %lld s",
				poller->conf->name, poller->conf->unit,
				(long long)(now_ms - poller->away_ms) / 1000);
	}
	poller->served = true;
	poller->told_offline = false;
	poller->told_device = TOLD_NONE;
}

static void log_energy(const struct poller *poller, const struct meter_news *energy)
{
	if (energy->resets.n > 0)
		log_info("poller", "panel %s: %u energy counters were reset, first %s %u",
			poller->conf->name, energy->resets.n, scope_name(energy->resets.scope),
			energy->resets.channel);
	if (energy->rollovers.n > 0)
		log_info("poller", "panel %s: %u energy counters rolled over",
			poller->conf->name, energy->rollovers.n);
}

/*
 * An alarm status has changed, but the readings are of an earlier poll: the value
 * with the alarm would be one from before it. Where a whole poll is quick, the
 * news waits for one; once, for a poll that fails must not hide an alarm.
 */
static bool wait_for_readings(struct poller *poller, const struct poll *poll,
	const struct snapshot *snapshot, int64_t now_ms)
{
	const struct pollmap *whole =
		pollset_map(&poller->plans, CLASS(POLL_ALARM) | CLASS(POLL_FAST));
	const struct snapshot *before;
	bool same;

	if (poll->classes != CLASS(POLL_ALARM) || poller->alarm_waits ||
		plan_time_us(whole->plan, &poller->plans.line) > ALARM_WAIT_US) {
		poller->alarm_waits = false;
		return false;
	}
	before = store_get(poller->slot);
	same = alarm_status_same(before, snapshot);
	store_put(poller->slot, before);
	if (same)
		return false;
	poller->alarm_waits = true;
	poller->rhythm.due_ms[POLL_FAST] = now_ms;
	return true;
}

void poller_publish(struct poller *poller, const struct poll *poll, bool stale_scales,
	int64_t now_ms)
{
	struct snapshot *snapshot = store_begin(poller->slot);
	int64_t wall_ms = clock_wall_ms();
	struct meter_news energy = { 0 };

	meter_fill(&poller->meter, poll->map, poll->words, poll->classes, stale_scales, wall_ms,
		snapshot, &energy);
	if (wait_for_readings(poller, poll, snapshot, now_ms)) {
		store_cancel(poller->slot, snapshot);
		return;
	}
	for (int class = 0; class < POLL_CLASSES; class++)
		if ((poll->classes & CLASS(class)) != 0)
			snapshot->class_ms[class] = now_ms;
	snapshot->contact_ms = now_ms;
	snapshot->contact_wall_ms = wall_ms;
	if ((poll->classes & CLASS(POLL_ALARM)) != 0)
		poller->alarm_missed = false;
	if ((poll->classes & CLASS(POLL_ONCE)) != 0)
		poller->rhythm.once_wanted = false;
	if ((poll->classes & CLASS(POLL_FAST)) != 0)
		note_measurements(poller, poll, snapshot, now_ms);
	snapshot->comm = poller_comm(poller);
	snapshot->missed = poller->missed;
	meter_set_identity(&poller->meter, snapshot, now_ms);
	if (poller->served)
		news_online(&poller->news, poller->meter.id.serial,
			poller->away_ms != 0 ? now_ms - poller->away_ms : 0);
	news_energy(&poller->news, &energy, now_ms);
	news_inputs(&poller->news, snapshot, now_ms);
	news_alarms(&poller->news, snapshot, now_ms);
	news_post(&poller->news, snapshot, &poller->meter.id);
	store_publish(poller->slot, snapshot);
	log_energy(poller, &energy);
}
