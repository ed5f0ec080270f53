/*
 * poller: see poller.h.
 *
 * Three polls may be under way side by side, each with its own place in its own
 * plan: the identification, the alarm status, and the bulk (measurements,
 * settings). Each is decoded and published only when its last read is in, so
 * that the snapshot never holds half a poll; what an alarm poll has published
 * since is not taken back by an older bulk.
 *
 * Rhythm: measurements bring the alarm status along, and so do settings, so that
 * a row's readings and states are of one poll. Five combinations of classes
 * occur, and each has its plan, chosen when the meter is identified.
 *
 * What a meter has of its own at rest is small, for there are a thousand of them:
 * plans are shared, words are there while a poll is under way.
 */
#include "config.h"

#include "modbus/poller.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/util.h"
#include "modbus/meter.h"
#include "modbus/news.h"
#include "modbus/refusal.h"

#define NEVER             INT64_MAX
#define TOLD_NONE         (-2)
#define CLASS(c)          (1u << (c))
#define ALL_CLASSES       (CLASS(POLL_CLASSES) - 1)
#define PROBE_MIN_MS      1000
#define PROBE_MAX_MS      30000
#define SEARCH_READS      48 /* a poll: looking for refused registers must not starve the line */
#define READ_MAX          125
#define DEGRADED_QUIET_MS 600000 /* between two log lines of one panel about missed polls */
#define TCP_ROUND_TRIP_US 500    /* for plans: a LAN and a small device */
#define POLL_ALL_STEPS    5000 /* more than a whole map of one register a read would take */
#define ALARM_WAIT_US     250000 /* what a whole poll may take for an alarm to wait for it */

/* Classes that are polled together. */
static const unsigned masks[] = {
	CLASS(POLL_ALARM),
	CLASS(POLL_ALARM) | CLASS(POLL_FAST),
	CLASS(POLL_ALARM) | CLASS(POLL_SLOW),
	CLASS(POLL_ALARM) | CLASS(POLL_FAST) | CLASS(POLL_SLOW),
	ALL_CLASSES,
};

struct poll {
	const struct pollmap *map; /* NULL: not under way */
	unsigned mask;             /* classes of the map */
	unsigned classes;          /* of these, still to be published */
	unsigned next;             /* read */
	unsigned tries;            /* of it, beyond the first */
	int64_t begun_ms;
	uint16_t *words; /* while it is under way */
};

struct poller {
	struct news news; /* holds the site that conf is in, and the slot */
	const struct panel_conf *conf;
	struct slot *slot; /* layout and profile hang on it */
	const struct layout *layout;
	struct poller_observer observer;

	struct meter meter;
	struct plan_line line;
	uint64_t skip_blocks;
	struct gaps gaps; /* refused registers that are known */
	struct refusal search;
	unsigned search_reads; /* that the poll under way may still do for it */
	const struct pollmap *identification;
	const struct pollmap *maps[ARRAY_LEN(masks)]; /* NULL until identified */
	enum encoding encoding; /* of the maps */
	struct poll identify, alarm, bulk;
	bool unidentified; /* the next read is one of identification */
	bool incomplete;   /* a map leaves out what the meter has refused */
	bool bulk_turn;    /* an alarm poll has overtaken the bulk: one read of it comes first */
	bool once_wanted;  /* class once was asked for and has not been brought in */
	bool rescaled;     /* the last measurements were dropped for a change of scales */
	bool alarm_waits;  /* an alarm poll was dropped for a whole poll to tell its news */

	int64_t due_ms[POLL_CLASSES];
	int64_t probe_ms; /* silent: when to ask next */
	int64_t probe_wait_ms;
	bool silent;

	bool served;         /* measurements have been published and not been withdrawn */
	bool alarm_missed;   /* since the last good answer to an alarm poll */
	uint32_t missed;     /* measurement polls in a row */
	int64_t fast_ms;     /* last good measurement poll, 0: none */
	int64_t away_ms;     /* since when it is offline, 0: never was online */
	int64_t told_ms;     /* last log line about a missed poll */
	bool told_offline;
	int32_t told_device; /* wrong device id that was logged, TOLD_NONE: none */
	char why[128];       /* the last failure, for the log */
	int verdict;         /* of the last poll that ended: 0, -errno or BUS_EXCEPTION() */
};

static const struct link_conf *link_of(const struct poller *poller)
{
	return poller->conf->link;
}

/* Plans */

static struct plan_line line_of(const struct link_conf *link)
{
	unsigned bits = 9u + link->stop_bits + (link->parity != PARITY_NONE);
	struct plan_line line = link->transport == TRANSPORT_TCP
					? plan_line_tcp(TCP_ROUND_TRIP_US + link->turnaround_ms * 1000)
					: plan_line_rtu(link->baud, bits, link->turnaround_ms * 1000);

	line.max_registers = link->max_registers;
	return line;
}

static const struct pollmap *map_of(const struct poller *poller, unsigned mask)
{
	size_t i = 0;

	while (masks[i] != mask && i < ARRAY_LEN(masks) - 1)
		i++;
	return poller->maps[i];
}

static void end_poll(struct poll *poll)
{
	free(poll->words);
	poll->words = NULL;
	poll->map = NULL;
}

static void drop_maps(struct poller *poller)
{
	end_poll(&poller->alarm);
	end_poll(&poller->bulk);
	poller->search.step = REFUSAL_NONE; /* its pieces are those of a map */
	for (size_t i = 0; i < ARRAY_LEN(masks); i++) {
		pollmap_put(poller->maps[i]);
		poller->maps[i] = NULL;
	}
}

static enum encoding encoding_of(const struct poller *poller, const struct plan_want *want)
{
	enum encoding encoding = poller->conf->encoding;

	return encoding == ENCODING_INTEGER || encoding == ENCODING_FLOAT
		       ? encoding
		       : plan_choose_encoding(want, &poller->line);
}

static struct plan_want want_encoded(const struct poller *poller, enum encoding encoding)
{
	return (struct plan_want){
		.profile = poller->layout->profile,
		.model = poller->meter.model,
		.encoding = encoding,
		.two_pole = poller->layout->two_pole,
		.three_pole = poller->layout->three_pole,
		.classes = ALL_CLASSES,
		.skip_blocks = poller->skip_blocks,
	};
}

/* What is read of this meter, in all classes. Plans are built to find it. */
static struct plan_want want_of(const struct poller *poller)
{
	struct plan_want want = want_encoded(poller, ENCODING_INTEGER);

	want.encoding = encoding_of(poller, &want);
	return want;
}

static void build_maps(struct poller *poller)
{
	struct plan_want want = want_of(poller);

	want.gaps = poller->gaps.items;
	want.n_gaps = poller->gaps.n;
	poller->encoding = want.encoding;
	drop_maps(poller);
	for (size_t i = 0; i < ARRAY_LEN(masks); i++) {
		want.classes = masks[i];
		poller->maps[i] = pollmap_get(&want, &poller->line);
	}
	log_debug("poller", "panel %s: %s registers, %u reads of %u registers a poll",
		poller->conf->name, want.encoding == ENCODING_FLOAT ? "float" : "integer",
		poller->maps[1]->plan->n_reads, poller->maps[1]->plan->words);
}

/* Life */

static void start_now(struct poller *poller, int64_t now_ms)
{
	const struct pollmap *alarm = map_of(poller, CLASS(POLL_ALARM));

	for (int class = 0; class < POLL_CLASSES; class++)
		poller->due_ms[class] = now_ms;
	if (alarm != NULL && alarm->plan->n_reads == 0)
		poller->due_ms[POLL_ALARM] = NEVER;
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
	poller->line = line_of(link_of(poller));
	poller->identification = pollmap_identification(poller->layout->profile, &poller->line);
	poller->unidentified = true;
	poller->probe_wait_ms = PROBE_MIN_MS;
	poller->told_device = TOLD_NONE;
	start_now(poller, clock_mono_ms());
	text_copy(poller->why, sizeof(poller->why), "not asked yet");
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
	end_poll(&poller->identify);
	drop_maps(poller);
	pollmap_put(poller->identification);
	gaps_clear(&poller->gaps);
	meter_fini(&poller->meter);
	news_fini(&poller->news);
	free(poller);
}

void poller_adopt(struct poller *poller, struct site *site, const struct panel *panel)
{
	news_adopt(&poller->news, site, panel);
	poller->conf = panel->conf;
}

struct plan_want poller_want(const struct poller *poller)
{
	return want_of(poller);
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

static int64_t period_ms(const struct poller *poller, int class)
{
	switch (class) {
	case POLL_ALARM:
		return poller->conf->alarm_poll_ms;
	case POLL_FAST:
		return poller->conf->poll_ms;
	case POLL_SLOW:
		return poller->conf->slow_poll_ms;
	default:
		return 0; /* once */
	}
}

/* How long before its time a class may be read with others in its stead. */
static int64_t early_ms(const struct poller *poller, int class)
{
	return period_ms(poller, class) / 8;
}

/*
 * On the grid while it can be kept; a period or more too late, a new grid begins.
 * What only went along with another class has its turn still to come.
 */
static void advance(struct poller *poller, int class, int64_t now_ms)
{
	int64_t period = period_ms(poller, class);
	int64_t *due = &poller->due_ms[class];

	if (period == 0 || *due == NEVER)
		*due = NEVER;
	else if (*due - now_ms <= early_ms(poller, class))
		*due = (now_ms - *due < period ? *due : now_ms) + period;
}

/* What is due soon goes along: its registers lie beside those that are read anyway. */
static unsigned classes_due(const struct poller *poller, int64_t now_ms)
{
	unsigned classes = 0;

	for (int class = 0; class < POLL_CLASSES; class++)
		if (poller->due_ms[class] <= now_ms)
			classes |= CLASS(class);
	if (classes == 0)
		return 0;
	for (int class = POLL_FAST; class < POLL_ONCE; class++)
		if (poller->due_ms[class] - now_ms <= early_ms(poller, class))
			classes |= CLASS(class);
	if (poller->once_wanted && (classes & CLASS(POLL_SLOW)) != 0)
		classes |= CLASS(POLL_ONCE);
	if ((classes & CLASS(POLL_ONCE)) != 0)
		return ALL_CLASSES;
	return classes | CLASS(POLL_ALARM);
}

static void begin_reads(struct poll *poll, const struct pollmap *map, unsigned classes)
{
	end_poll(poll);
	poll->words = xcalloc(map->plan->words, sizeof(*poll->words));
	poll->map = map;
	poll->mask = classes;
	poll->classes = classes;
	poll->next = 0;
	poll->tries = 0;
}

static void begin(struct poller *poller, struct poll *poll, unsigned classes, int64_t now_ms)
{
	begin_reads(poll, map_of(poller, classes), classes);
	poll->begun_ms = now_ms;
	poller->once_wanted |= (classes & CLASS(POLL_ONCE)) != 0;
	poller->search_reads = SEARCH_READS;
	for (int class = 0; class < POLL_CLASSES; class++)
		if ((classes & CLASS(class)) != 0)
			advance(poller, class, now_ms);
}

int64_t poller_alarm_late_ms(const struct poller *poller)
{
	if (poller->silent || poller->unidentified || poller->due_ms[POLL_ALARM] == NEVER)
		return NEVER;
	if (poller->alarm.map != NULL)
		return poller->alarm.begun_ms;
	return poller->due_ms[POLL_ALARM] + period_ms(poller, POLL_ALARM) / 2;
}

int64_t poller_due_ms(const struct poller *poller)
{
	int64_t due = NEVER;

	if (poller->silent)
		return poller->probe_ms;
	if (poller->unidentified || poller->alarm.map != NULL || poller->bulk.map != NULL)
		return 0;
	for (int class = 0; class < POLL_CLASSES; class++)
		due = poller->due_ms[class] < due ? poller->due_ms[class] : due;
	return due;
}

int64_t poller_misses_ms(const struct poller *poller)
{
	return poller->due_ms[POLL_ALARM] < poller->due_ms[POLL_FAST] ? poller->due_ms[POLL_ALARM]
								       : poller->due_ms[POLL_FAST];
}

bool poller_busy(const struct poller *poller)
{
	return poller->bulk.map != NULL && !poller->silent;
}

bool poller_silent(const struct poller *poller)
{
	return poller->silent;
}

/* The poll whose read comes next, begun if need be; NULL: none is due. */
static struct poll *choose_poll(struct poller *poller, int64_t now_ms, bool alarms_only)
{
	unsigned classes;

	if (poller->unidentified) {
		if (poller->identify.map == NULL)
			begin_reads(&poller->identify, poller->identification, CLASS(POLL_ONCE));
		return &poller->identify;
	}
	if (poller->alarm.map != NULL)
		return &poller->alarm;
	if (alarms_only || (poller->bulk.map != NULL && !poller->bulk_turn)) {
		if (poller_alarm_late_ms(poller) <= now_ms) {
			begin(poller, &poller->alarm, CLASS(POLL_ALARM), now_ms);
			poller->bulk_turn = true;
			return &poller->alarm;
		}
		if (alarms_only)
			return NULL;
	}
	poller->bulk_turn = false;
	if (poller->bulk.map != NULL)
		return &poller->bulk;
	classes = classes_due(poller, now_ms);
	if (classes == 0)
		return NULL;
	begin(poller, classes == CLASS(POLL_ALARM) ? &poller->alarm : &poller->bulk, classes, now_ms);
	return classes == CLASS(POLL_ALARM) ? &poller->alarm : &poller->bulk;
}

/* Comm state */

static enum comm_state comm_of(const struct poller *poller)
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
				poller->conf->unit, poller->why);
		poller->told_offline = true;
	} else if (poller->told_ms == 0 || now_ms - poller->told_ms >= DEGRADED_QUIET_MS) {
		log_info("poller", "panel %s (unit %u): poll missed: %s", poller->conf->name,
			poller->conf->unit, poller->why);
		poller->told_ms = now_ms;
	}
}

/* Says that polls were missed. From stale-after on there is nothing new to say. */
static void publish_missed(struct poller *poller, int64_t now_ms)
{
	struct snapshot *snapshot = store_begin(poller->slot);
	const struct alarm_book *alarms = snapshot->alarms;
	enum comm_state before = snapshot->comm;

	if (poller->missed > poller->conf->stale_after)
		poller->missed = poller->conf->stale_after;
	snapshot->comm = comm_of(poller);
	if (snapshot->comm == COMM_OFFLINE) {
		if (snapshot->fresh_until_ms > now_ms)
			snapshot->fresh_until_ms = now_ms;
		if (poller->served)
			poller->away_ms = now_ms;
		poller->served = false;
	}
	if (poller->missed >= poller->conf->stale_after)
		news_offline(&poller->news, poller->why);
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

static void give_up_polls(struct poller *poller)
{
	end_poll(&poller->identify);
	end_poll(&poller->alarm);
	end_poll(&poller->bulk);
}

static void miss(struct poller *poller, unsigned classes, int64_t now_ms)
{
	if ((classes & CLASS(POLL_FAST)) != 0)
		poller->missed++;
	else
		poller->alarm_missed = true;
	publish_missed(poller, now_ms);
}

static void fall_silent(struct poller *poller, unsigned classes, int64_t now_ms)
{
	give_up_polls(poller);
	poller->unidentified = true;
	poller->probe_ms = now_ms + poller->probe_wait_ms;
	poller->probe_wait_ms *= 2;
	if (poller->probe_wait_ms > PROBE_MAX_MS)
		poller->probe_wait_ms = PROBE_MAX_MS;
	if (poller->silent)
		return; /* its rhythm counts what it misses */
	poller->silent = true;
	miss(poller, classes, now_ms);
}

/* Everything shown of the meter before is withdrawn: another one is in its place. */
static void forget_meter(struct poller *poller, const struct meter_id *id, int64_t now_ms)
{
	struct snapshot *snapshot = store_begin(poller->slot);

	news_replaced(&poller->news, snapshot, now_ms, &poller->meter.id, id);
	meter_forget(&poller->meter);
	drop_maps(poller);
	poller->served = false;
	poller->fast_ms = 0;
	snapshot_clear(snapshot);
	snapshot->comm = COMM_OFFLINE;
	news_post(&poller->news, snapshot, &poller->meter.id);
	store_publish(poller->slot, snapshot);
}

void poller_missed(struct poller *poller, int64_t now_ms, const char *why)
{
	int64_t period = period_ms(poller, POLL_FAST);
	int64_t late = now_ms - poller->due_ms[POLL_FAST];
	uint32_t missed = 0;

	if (poller->bulk.map != NULL && (poller->bulk.classes & CLASS(POLL_FAST)) != 0)
		missed++;
	if (late >= 0) {
		missed += (uint32_t)(late / period) + 1;
		poller->due_ms[POLL_FAST] += (late / period + 1) * period;
	}
	give_up_polls(poller);
	poller->unidentified = true;
	if (poller->due_ms[POLL_ALARM] <= now_ms) {
		advance(poller, POLL_ALARM, now_ms);
		poller->alarm_missed = true;
	} else if (missed == 0) {
		return;
	}
	if (why != NULL)
		text_copy(poller->why, sizeof(poller->why), why);
	poller->missed += missed;
	publish_missed(poller, now_ms);
}

/* Identification */

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
	snprintf(poller->why, sizeof(poller->why), "device id %s is not one of %s's", found,
		profile->name);
	poller->verdict = -ENODEV;
	poller->missed = poller->conf->stale_after;
	poller->silent = true;
	fall_silent(poller, 0, now_ms);
	publish_missed(poller, now_ms);
}

static int meter_identified(struct poller *poller, const struct meter_id *id, int64_t now_ms)
{
	int model = poller->meter.model;

	if (!meter_same(&poller->meter, id)) {
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
	if (map_of(poller, ALL_CLASSES) == NULL || poller->incomplete ||
		model != poller->meter.model) {
		poller->skip_blocks = 0;
		gaps_clear(&poller->gaps);
		poller->incomplete = false;
		build_maps(poller);
	}
	give_up_polls(poller);
	scales_forget(&poller->meter.scales);
	start_now(poller, now_ms);
	return 1;
}

/* Publishing */

/* Old data must not stand as new even if this thread never runs again. */
static int64_t fresh_until(const struct poller *poller, uint32_t interval_ms, int64_t now_ms)
{
	const struct link_conf *link = link_of(poller);
	uint32_t rhythm = interval_ms > poller->conf->poll_ms ? interval_ms : poller->conf->poll_ms;

	return now_ms + (int64_t)poller->conf->stale_after * rhythm +
	       (int64_t)(link->retries + 1) * link->response_timeout_ms;
}

static void note_measurements(struct poller *poller, const struct poll *poll,
	struct snapshot *snapshot, int64_t now_ms)
{
	uint32_t interval = 0;

	if (poller->fast_ms != 0 && poller->missed == 0)
		interval = (uint32_t)(now_ms - poller->fast_ms);
	poller->fast_ms = now_ms;
	poller->missed = 0;
	poller->probe_wait_ms = PROBE_MIN_MS;
	snapshot->poll_time_ms = (uint32_t)(now_ms - poll->begun_ms);
	snapshot->poll_interval_ms = interval;
	snapshot->fresh_until_ms = fresh_until(poller, interval, now_ms);
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
	const struct pollmap *whole = map_of(poller, CLASS(POLL_ALARM) | CLASS(POLL_FAST));
	const struct snapshot *before;
	bool same;

	if (poll->classes != CLASS(POLL_ALARM) || poller->alarm_waits ||
		plan_time_us(whole->plan, &poller->line) > ALARM_WAIT_US) {
		poller->alarm_waits = false;
		return false;
	}
	before = store_get(poller->slot);
	same = alarm_status_same(before, snapshot);
	store_put(poller->slot, before);
	if (same)
		return false;
	poller->alarm_waits = true;
	poller->due_ms[POLL_FAST] = now_ms;
	return true;
}

static void publish(struct poller *poller, const struct poll *poll, bool stale_scales,
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
		poller->once_wanted = false;
	if ((poll->classes & CLASS(POLL_FAST)) != 0)
		note_measurements(poller, poll, snapshot, now_ms);
	snapshot->comm = comm_of(poller);
	snapshot->missed = poller->missed;
	meter_set_identity(&poller->meter, snapshot, now_ms);
	if (poller->served)
		news_online(&poller->news, poller->meter.id.serial,
			poller->away_ms != 0 ? now_ms - poller->away_ms : 0);
	news_energy(&poller->news, &energy);
	news_inputs(&poller->news, snapshot, now_ms);
	news_alarms(&poller->news, snapshot, now_ms);
	news_post(&poller->news, snapshot, &poller->meter.id);
	store_publish(poller->slot, snapshot);
	log_energy(poller, &energy);
}

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
	poller->due_ms[POLL_FAST] = now_ms;
	log_info("poller", "panel %s: scales of the meter have changed", poller->conf->name);
}

/* When it is known to be all that is refused, in the numbers of the meter's manual. */
static void tell_refused(struct poller *poller)
{
	unsigned base = poller->layout->profile->base;
	char text[200] = "";
	size_t length = 0;

	for (; poller->gaps.told < poller->gaps.n; poller->gaps.told++) {
		const struct plan_gap *gap = &poller->gaps.items[poller->gaps.told];

		if (gap->count == 0 || length >= sizeof(text))
			continue;
		length += (size_t)snprintf(text + length, sizeof(text) - length,
			gap->count > 1 ? "%s%u to %u" : "%s%u", length ? ", " : "",
			gap->reg + base, gap->reg + gap->count - 1 + base);
	}
	if (length > 0)
		log_warning("poller", "panel %s: the meter refuses registers %s%s: left out",
			poller->conf->name, text, length < sizeof(text) ? "" : "...");
}

static int finish(struct poller *poller, struct poll *poll)
{
	const struct pollmap *map = poll->map;
	int64_t now_ms = clock_mono_ms();
	/* The identification has a plan of its own, whatever the classes of its points. */
	unsigned read = poll == &poller->identify ? ALL_CLASSES : poll->classes;
	struct meter_id id = meter_read_id(&poller->meter, map, poll->words, read);
	bool stale_scales;

	poller->verdict = 0;
	if (poll == &poller->identify) {
		end_poll(poll);
		return meter_identified(poller, &id, now_ms);
	}
	if (!meter_same(&poller->meter, &id)) {
		end_poll(poll);
		poller->unidentified = true;
		return 1;
	}
	stale_scales = scales_update(&poller->meter.scales, map, poll->words, read);
	if (stale_scales)
		measure_again(poller, poll, now_ms);
	else if ((poll->classes & CLASS(POLL_FAST)) != 0)
		poller->rescaled = false;
	if ((read & CLASS(POLL_ALARM)) != 0 && meter_triggered(&poller->meter, map, poll->words) &&
		(read & CLASS(POLL_SLOW)) == 0)
		poller->due_ms[POLL_SLOW] = now_ms;
	publish(poller, poll, stale_scales, now_ms);
	if ((poll->classes & CLASS(POLL_FAST)) != 0)
		tell_refused(poller);
	end_poll(poll);
	if (poll == &poller->alarm)
		poller->bulk.classes &= ~CLASS(POLL_ALARM);
	return poller->bulk.map != NULL || poller_due_ms(poller) <= now_ms;
}

/* Answers that are none */

static bool gateway_silence(int rc)
{
	return rc == BUS_EXCEPTION(10) || rc == BUS_EXCEPTION(11);
}

/* These three say what will still be so next time. */
static bool final_exception(int rc)
{
	return rc >= BUS_EXCEPTION(1) && rc <= BUS_EXCEPTION(3);
}

static bool retry(struct poller *poller, struct poll *poll, int rc)
{
	unsigned retries = link_of(poller)->retries;

	if (poller->silent || final_exception(rc))
		return false;
	/* A connection that had gone unnoticed is not the unit's fault. */
	if (rc < 0 && rc != -ETIMEDOUT && rc != -EBADMSG && retries == 0)
		retries = 1;
	return poll->tries++ < retries;
}

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
	poller->skip_blocks |= UINT64_C(1) << block;
	poller->incomplete = true;
	return true;
}

static void note_failure(struct poller *poller, const struct plan_read *read, int rc)
{
	unsigned base = poller->layout->profile->base;

	poller->verdict = rc;
	snprintf(poller->why, sizeof(poller->why), "%s at registers %u to %u", bus_strerror(rc),
		read->reg + base, read->reg + read->count - 1 + base);
}

/* Reads that bring nothing which is still wanted are left out. */
static bool reads_left(struct poll *poll)
{
	const struct plan *plan = poll->map->plan;

	while (poll->next < plan->n_reads &&
		(plan->reads[poll->next].classes & poll->classes) == 0)
		poll->next++;
	return poll->next < plan->n_reads;
}

/* What is left out has become more: the polls under way begin again. */
static void replan(struct poller *poller)
{
	bool alarm = poller->alarm.map != NULL;
	bool bulk = poller->bulk.map != NULL;

	poller->incomplete = true;
	build_maps(poller);
	if (alarm)
		begin_reads(&poller->alarm, map_of(poller, poller->alarm.mask), poller->alarm.mask);
	if (bulk)
		begin_reads(&poller->bulk, map_of(poller, poller->bulk.mask), poller->bulk.mask);
}

static int miss_poll(struct poller *poller, struct poll *poll)
{
	unsigned classes = poll->classes;

	end_poll(poll);
	miss(poller, classes, clock_mono_ms());
	return poller->bulk.map != NULL;
}

/* Refused registers */

/* A meter that refuses all its measurements and alarms has something else the matter. */
static bool anything_left(const struct poller *poller)
{
	const struct pollmap *map = map_of(poller, CLASS(POLL_ALARM) | CLASS(POLL_FAST));

	for (unsigned i = 0; i < map->n_items; i++)
		if (map->items[i].offset != POLLMAP_NOWHERE)
			return true;
	return map->n_items == 0;
}

/* All that is to be known of a refused read is known: on without it. */
static int go_without(struct poller *poller, const struct poll *poll)
{
	unsigned classes = poll->classes;

	replan(poller);
	if (anything_left(poller))
		return 1;
	text_copy(poller->why, sizeof(poller->why), "refuses every measurement");
	fall_silent(poller, classes, clock_mono_ms());
	return 0;
}

static int search(struct poller *poller, const struct poll *poll, const struct plan_read *read)
{
	poller->incomplete = true;
	refusal_begin(&poller->search, poll->map->plan, read, &poller->gaps);
	return poller->search.step != REFUSAL_NONE ? 1 : go_without(poller, poll);
}

/* The search has had its share of this poll, which is missed; the next one goes on. */
static int put_off(struct poller *poller, struct poll *poll)
{
	for (int class = POLL_SLOW; class < POLL_CLASSES; class++)
		if ((poll->mask & CLASS(class)) != 0)
			poller->due_ms[class] = poller->due_ms[POLL_FAST];
	return miss_poll(poller, poll);
}

/* Failures */

static int failed(struct poller *poller, struct poll *poll, const struct plan_read *read, int rc)
{
	const unsigned vital = CLASS(POLL_ALARM) | CLASS(POLL_FAST);
	bool searching = poller->search.step != REFUSAL_NONE;

	if (rc == -EINTR && !poller->silent)
		return rc; /* called off: the meter has not missed anything */
	if (retry(poller, poll, rc))
		return rc < 0 ? rc : 1;
	note_failure(poller, read, rc);
	if (rc < 0 || gateway_silence(rc) || poll == &poller->identify) {
		fall_silent(poller, poll->classes, clock_mono_ms());
		return rc < 0 ? rc : 0;
	}
	if (rc == BUS_EXCEPTION(2) && skip_block(poller, read))
		return go_without(poller, poll);
	if (rc == BUS_EXCEPTION(2) || rc == BUS_EXCEPTION(3))
		return search(poller, poll, read);
	if (searching || (read->classes & poll->classes & vital) != 0)
		return miss_poll(poller, poll);
	/* Settings that the meter does not give just now do not cost the measurements. */
	poll->classes &= ~read->classes;
	poll->tries = 0;
	return reads_left(poll) ? 1 : finish(poller, poll);
}

/* Steps */

void poller_note_request(const struct poller *poller, int rc, int64_t duration_us)
{
	if (poller->observer.request != NULL)
		poller->observer.request(poller->observer.arg, rc, duration_us);
}

static int request(struct poller *poller, struct bus *bus, const struct plan_read *read,
	uint16_t *words)
{
	int64_t begun_us = clock_mono_us();
	int rc = bus_read(bus, poller->conf->unit, poller->layout->profile->function, read->reg,
		read->count, link_of(poller)->response_timeout_ms, words);

	poller_note_request(poller, rc, clock_mono_us() - begun_us);
	return rc;
}

static int step_search(struct poller *poller, struct bus *bus, struct poll *poll)
{
	struct plan_read read = { 0 };
	uint16_t words[READ_MAX];
	int rc;

	if (poller->search_reads == 0)
		return put_off(poller, poll);
	poller->search_reads--;
	refusal_next(&poller->search, &read);
	rc = request(poller, bus, &read, words);
	if (rc != 0 && !final_exception(rc))
		return failed(poller, poll, &read, rc);
	poll->tries = 0;
	refusal_answer(&poller->search, rc != 0, &poller->gaps);
	return poller->search.step != REFUSAL_NONE ? 1 : go_without(poller, poll);
}

int poller_step(struct poller *poller, struct bus *bus, int64_t now_ms, bool alarms_only)
{
	struct poll *poll = choose_poll(poller, now_ms, alarms_only);
	const struct plan_read *read;
	int rc;

	if (poll == NULL)
		return 0;
	if (poller->search.step != REFUSAL_NONE && poll != &poller->identify)
		return step_search(poller, bus, poll);
	if (reads_left(poll)) {
		read = &poll->map->plan->reads[poll->next];
		rc = request(poller, bus, read, poll->words + poll->map->offsets[poll->next]);
		if (rc != 0)
			return failed(poller, poll, read, rc);
		poll->next++;
		poll->tries = 0;
		if (reads_left(poll))
			return 1;
	}
	return finish(poller, poll);
}

void poller_restart(struct poller *poller)
{
	poller->unidentified = true;
	end_poll(&poller->identify);
	poller->probe_ms = clock_mono_ms();
}

void poller_poll_now(struct poller *poller)
{
	start_now(poller, clock_mono_ms());
}

/* For the writer */

const char *poller_unready(const struct poller *poller)
{
	if (poller->silent)
		return "the panel does not answer";
	if (poller->unidentified)
		return "the panel is not identified yet";
	return comm_of(poller) == COMM_OFFLINE ? "the panel is offline" : NULL;
}

bool poller_has(const struct poller *poller, const struct point *point)
{
	const struct plan_want want = want_encoded(poller, ENCODING_INTEGER);

	return plan_wants_point(&want, point);
}

bool poller_scale(const struct poller *poller, const struct point *point, unsigned element,
	int16_t *exponent)
{
	*exponent = 0;
	return !point->scaled || scales_get(&poller->meter.scales,
					 point->scale_reg + element * point->scale_stride, exponent);
}

/* What a poll under way has read of them is older. */
static void refresh(const struct poll *poll, uint16_t reg, uint16_t count, const uint16_t *words)
{
	for (unsigned i = 0; poll->map != NULL && i < count; i++) {
		const uint16_t *at = pollmap_words(poll->map, poll->words, reg + i, 1);

		if (at != NULL)
			poll->words[at - poll->words] = words[i];
	}
}

void poller_take(struct poller *poller, uint16_t reg, uint16_t count, const uint16_t *words)
{
	struct snapshot *snapshot = store_begin(poller->slot);
	struct plan_want want = want_encoded(poller, poller->encoding);

	refresh(&poller->alarm, reg, count, words);
	refresh(&poller->bulk, reg, count, words);
	meter_fill_registers(&poller->meter, &want, reg, count, words, snapshot);
	news_alarms(&poller->news, snapshot, clock_mono_ms());
	news_post(&poller->news, snapshot, &poller->meter.id);
	store_publish(poller->slot, snapshot);
}

const struct pollmap *poller_alarm_map(const struct poller *poller)
{
	const struct pollmap *map = map_of(poller, CLASS(POLL_ALARM));

	return map != NULL && map->plan->n_reads > 0 ? map : NULL;
}

void poller_take_alarms(struct poller *poller, const uint16_t *words)
{
	const struct pollmap *map = poller_alarm_map(poller);
	int64_t now_ms = clock_mono_ms();

	end_poll(&poller->alarm);
	begin(poller, &poller->alarm, CLASS(POLL_ALARM), now_ms);
	memcpy(poller->alarm.words, words, map->plan->words * sizeof(*words));
	poller->alarm_waits = true; /* nobody waits for the readings of a later poll */
	finish(poller, &poller->alarm);
}

void poller_due_now(struct poller *poller, unsigned classes, bool anew)
{
	int64_t now_ms = clock_mono_ms();

	for (int class = 0; class < POLL_CLASSES; class++)
		if ((classes & CLASS(class)) != 0 && poller->due_ms[class] > now_ms &&
			(class != POLL_ALARM || poller_alarm_map(poller) != NULL))
			poller->due_ms[class] = now_ms;
	if (!anew || poller->bulk.map == NULL)
		return;
	for (int class = POLL_FAST; class < POLL_CLASSES; class++)
		if ((poller->bulk.classes & CLASS(class)) != 0)
			poller->due_ms[class] = now_ms;
	end_poll(&poller->bulk);
}

int poller_poll_all(struct poller *poller, struct bus *bus)
{
	const struct link_conf *link = link_of(poller);
	unsigned steps = 0;
	int rc;

	give_up_polls(poller);
	poller_restart(poller);
	poller_poll_now(poller);
	do {
		/* A meter that is another one at every question never comes to an end. */
		if (steps++ == POLL_ALL_STEPS)
			return -EAGAIN;
		if (poller->bulk.map == NULL && poller->due_ms[POLL_ONCE] != NEVER)
			start_now(poller, clock_mono_ms()); /* also what has been put off */
		if (!bus_connected(bus)) {
			rc = bus_connect(bus, link->response_timeout_ms);
			if (rc < 0)
				return rc;
		}
		if (poller_step(poller, bus, clock_mono_ms(), false) < 0)
			bus_recover(bus);
		if (link->turnaround_ms > 0)
			poll(NULL, 0, (int)link->turnaround_ms);
	} while (!poller->silent && (poller->unidentified || poller->bulk.map != NULL ||
					    poller->due_ms[POLL_ONCE] != NEVER));
	return poller->verdict;
}
