/*
 * poller_comm: whether the panel answers (poller.h, poller_parts.h).
 *
 * Misses are counted and told, a unit that is silent is asked ever more rarely
 * whether it is back, and who comes back is asked who it is before anything of
 * it is believed.
 */
#include "config.h"

#include "modbus/poller_parts.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "core/util.h"

#define WHY_MAX           128
#define PROBE_MAX_MS      30000
#define DEGRADED_QUIET_MS 600000 /* between two log lines of one panel about missed polls */

/* Missed polls */

void poller_set_why(struct poller *poller, const char *format, ...)
{
	char text[WHY_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (poller->why != NULL && strcmp(poller->why, text) == 0)
		return;
	free(poller->why);
	poller->why = xstrdup(text);
}

static const char *why_of(const struct poller *poller)
{
	return poller->why != NULL ? poller->why : "not asked yet";
}

enum comm_state poller_comm(const struct poller *poller)
{
	if (!poller->served || poller->missed >= poller->conf->stale_after)
		return COMM_OFFLINE;
	return poller->missed > 0 || poller->alarm_missed ? COMM_DEGRADED : COMM_ONLINE;
}

static void tell_missed(struct poller *poller, int64_t now_ms)
{
	if (poller->missed >= poller->conf->stale_after) {
		if (!poller->told_offline)
			log_warning("poller", "panel %s (unit %u): offline: %s", poller->conf->name,
				poller->conf->unit, why_of(poller));
		poller->told_offline = true;
	} else if (poller->told_ms == 0 || now_ms - poller->told_ms >= DEGRADED_QUIET_MS) {
		log_info("poller", "panel %s (unit %u): poll missed: %s", poller->conf->name,
			poller->conf->unit, why_of(poller));
		poller->told_ms = now_ms;
	}
}

/* Says that polls were missed. From stale-after on there is nothing new to say. */
static void publish_missed(struct poller *poller, int64_t now_ms)
{
	struct snapshot *snapshot = store_begin(poller->slot);
	const struct alarm_book *alarms = snapshot->alarms;
	enum comm_state before = snapshot->comm;

	pace_break(&poller->pace);
	if (poller->missed > poller->conf->stale_after)
		poller->missed = poller->conf->stale_after;
	snapshot->comm = poller_comm(poller);
	if (snapshot->comm == COMM_OFFLINE) {
		if (snapshot->fresh_until_ms > now_ms)
			snapshot->fresh_until_ms = now_ms;
		if (poller->served)
			poller->away_ms = now_ms;
		poller->served = false;
		snapshot->poll_interval_ms = 0;
	}
	if (poller->missed >= poller->conf->stale_after)
		news_offline(&poller->news, why_of(poller));
	news_alarms(&poller->news, snapshot, now_ms);
	news_post(&poller->news, snapshot, &poller->meter.id);
	if (snapshot->comm == before && snapshot->missed == poller->missed &&
		snapshot->alarms == alarms) {
		store_cancel(poller->slot, snapshot);
	} else {
		snapshot->missed = poller->missed;
		store_publish(poller->slot, snapshot);
	}
	tell_missed(poller, now_ms);
}

void poller_give_up(struct poller *poller)
{
	poll_end(&poller->identify);
	poll_end(&poller->alarm);
	poll_end(&poller->bulk);
}

void poller_miss(struct poller *poller, unsigned classes, int64_t now_ms)
{
	if ((classes & CLASS(POLL_FAST)) != 0)
		poller->missed++;
	else
		poller->alarm_missed = true;
	publish_missed(poller, now_ms);
}

void poller_fall_silent(struct poller *poller, unsigned classes, int64_t now_ms)
{
	poller_give_up(poller);
	poller->unidentified = true;
	poller->probe_ms = now_ms + poller->probe_wait_ms;
	poller->probe_wait_ms *= 2;
	if (poller->probe_wait_ms > PROBE_MAX_MS)
		poller->probe_wait_ms = PROBE_MAX_MS;
	if (poller->silent)
		return; /* its rhythm counts what it misses */
	/* How long it has waited for the line is nothing that it has missed. */
	rhythm_start_from(&poller->rhythm, POLL_FAST, now_ms);
	poller->silent = true;
	poller_miss(poller, classes, now_ms);
}

void poller_missed(struct poller *poller, int64_t now_ms, const char *why)
{
	uint32_t expected_ms = pace_expected_ms(&poller->pace, poller->conf->poll_ms);
	uint32_t missed = rhythm_skip_fast(&poller->rhythm, expected_ms, now_ms);

	if (poller->bulk.map != NULL && (poller->bulk.classes & CLASS(POLL_FAST)) != 0)
		missed++;
	/* A silent unit that is saying who it is may take longer over it than from miss to miss. */
	if (!poller->silent)
		poller_give_up(poller);
	poller->unidentified = true;
	if (poller->rhythm.due_ms[POLL_ALARM] <= now_ms) {
		rhythm_advance(&poller->rhythm, POLL_ALARM, now_ms);
		poller->alarm_missed = true;
	} else if (missed == 0) {
		return;
	}
	if (why != NULL)
		poller_set_why(poller, "%s", why);
	poller->missed += missed;
	publish_missed(poller, now_ms);
}

/*
 * Measurements are withdrawn for missed polls; by time alone only in case that this
 * thread never runs again. It does, so a poll that is late for want of the line, be
 * it by minutes, withdraws nothing: the age of the data tells how late it is. Where
 * the thread itself has stood still for so long, on a host that was suspended, what is
 * withdrawn remains so until the next poll.
 */
void poller_keep_fresh(struct poller *poller, int64_t now_ms)
{
	struct snapshot *snapshot;
	int64_t until_ms;

	if (!poller->served || now_ms < poller->renew_ms)
		return;
	until_ms = poller_fresh_until_ms(poller, now_ms);
	poller->renew_ms = now_ms + (until_ms - now_ms) / 2;
	snapshot = store_begin(poller->slot);
	if (now_ms >= snapshot->fresh_until_ms) {
		store_cancel(poller->slot, snapshot);
		return;
	}
	snapshot->fresh_until_ms = until_ms;
	store_publish(poller->slot, snapshot);
}

/* Identification */

/* Everything shown of the meter before is withdrawn: another one is in its place. */
static void forget_meter(struct poller *poller, const struct meter_id *id, int64_t now_ms)
{
	struct snapshot *snapshot = store_begin(poller->slot);

	news_replaced(&poller->news, snapshot, now_ms, &poller->meter.id, id);
	meter_forget(&poller->meter);
	poller_drop_maps(poller);
	poller->served = false;
	poller->fast_ms = 0;
	poller->pace = (struct pace){ 0 };
	snapshot->poll_interval_ms = 0;
	snapshot_clear(snapshot);
	snapshot->comm = COMM_OFFLINE;
	news_post(&poller->news, snapshot, &poller->meter.id);
	store_publish(poller->slot, snapshot);
}

static void list_models(const struct profile *profile, char *text, size_t size)
{
	size_t length = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < profile->n_models && length < size; i++)
		length += (size_t)snprintf(text + length, size - length, "%s%u %s", i ? ", " : "",
			profile->models[i].id, profile->models[i].name);
}

static void refuse_device(struct poller *poller, const struct meter_id *id, int64_t now_ms)
{
	const struct profile *profile = poller->layout->profile;
	char models[256], found[32] = "not readable";

	list_models(profile, models, sizeof(models));
	if (id->device >= 0)
		snprintf(found, sizeof(found), "%d", id->device);
	if (poller->told_device != id->device)
		log_warning("poller",
			"panel %s (unit %u): offline: device id %s is not one of %s's (%s)",
			poller->conf->name, poller->conf->unit, found, profile->name, models);
	poller->told_device = id->device;
	poller->told_offline = true;
	poller_set_why(poller, "device id %s is not one of %s's", found, profile->name);
	poller->verdict = -ENODEV;
	poller->missed = poller->conf->stale_after;
	poller->silent = true;
	poller_fall_silent(poller, 0, now_ms);
	publish_missed(poller, now_ms);
}

/*
 * Another meter is believed in when that was said twice in a row, and not at
 * once again after it was: what has another name at each question is nobody to
 * show values of, and events of it would fill the log.
 */
enum verdict_of_claim {
	CLAIM_NONE,     /* it is the one that is known */
	CLAIM_NEW,      /* ask again */
	CLAIM_BELIEVED, /* another meter */
	CLAIM_DOUBTED,
};

void poller_claimed(struct poller *poller, const struct meter_id *id)
{
	if (poller->claim == NULL)
		poller->claim = xcalloc(1, sizeof(*poller->claim));
	poller->claim->id = *id;
	poller->claim->open = true;
	poller->unidentified = true;
}

static enum verdict_of_claim judge_claim(
	struct poller *poller, const struct meter_id *id, int64_t now_ms)
{
	bool claimed = poller->claim != NULL && poller->claim->open;
	bool again = claimed && poller->claim->id.serial == id->serial &&
		     poller->claim->id.device == id->device;

	if (claimed)
		poller->claim->open = false;
	if (meter_same(&poller->meter, id))
		return claimed ? CLAIM_DOUBTED : CLAIM_NONE;
	if (!claimed) {
		poller_claimed(poller, id);
		return CLAIM_NEW;
	}
	if (!again || !damper_is_open(&poller->claim->replaced, now_ms))
		return CLAIM_DOUBTED;
	damper_told(&poller->claim->replaced, now_ms);
	return CLAIM_BELIEVED;
}

/* It is not served, and asked again ever more rarely. */
static void doubt_meter(struct poller *poller, int64_t now_ms)
{
	poller_set_why(poller, "says that it is one meter, then another");
	poller->verdict = -EAGAIN;
	poller_fall_silent(poller, CLASS(POLL_FAST), now_ms);
}

int poller_identified(struct poller *poller, const struct meter_id *id, int64_t now_ms)
{
	enum verdict_of_claim claim = judge_claim(poller, id, now_ms);
	int model = poller->meter.model;

	if (claim == CLAIM_DOUBTED)
		doubt_meter(poller, now_ms);
	if (claim == CLAIM_DOUBTED || claim == CLAIM_NEW)
		return claim == CLAIM_NEW;
	if (claim == CLAIM_BELIEVED) {
		log_info("poller",
			"panel %s (unit %u): another meter: serial %lld, device id %d "
			"instead of %lld, %d",
			poller->conf->name, poller->conf->unit, (long long)id->serial, id->device,
			(long long)poller->meter.id.serial, poller->meter.id.device);
		forget_meter(poller, id, now_ms);
	}
	if (meter_accept(&poller->meter, id) < 0) {
		refuse_device(poller, id, now_ms);
		return 0;
	}
	poller->unidentified = false;
	poller->silent = false;
	if (poller->served && poller->missed == 0)
		return 1; /* only the connection was new */
	if (pollset_map(&poller->plans, ALL_CLASSES) == NULL || poller->plans.incomplete ||
		model != poller->meter.model) {
		pollset_forgive(&poller->plans);
		pollset_measure(&poller->plans, &poller->timing);
		poller_build_maps(poller);
	}
	poller_give_up(poller);
	scales_forget(&poller->meter.scales);
	poller_start_now(poller, now_ms);
	return 1;
}
