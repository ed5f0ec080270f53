/*
 * writer: see writer.h.
 *
 * An op is checked into a step, which knows its registers; a table says how each
 * kind of op is checked and done. Whoever finds that an op fails says why in
 * work.why, and all the callers pass it on as false.
 */
#include "config.h"

#include "modbus/writer.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/util.h"
#include "modbus/codec.h"
#include "modbus/job_news.h"
#include "modbus/rhythm.h"

#define ALL_NOW    (CLASS(POLL_ALARM) | CLASS(POLL_FAST) | CLASS(POLL_SLOW))
#define WORDS_MAX  4   /* of one value */
#define READ_MAX   125 /* registers */
#define READ_TRIES 3   /* what the meter holds must come out */
#define LOOKS	   3   /* at what was written, for a meter that takes its time to do it */
#define LOST_MAX   3   /* answers to writes, of many for one op */
#define LOOKS_ACK  10  /* one that has said so: exception 5 (acknowledge) */
#define BUSY_MS	   100 /* before a busy meter is asked again */

struct step {
	struct job_op *op;
	const struct point *point; /* of the setting, or the status word of the latch */
	const struct profile_alarm *alarm;
	unsigned element;
	uint16_t reg;
	int16_t scale;
	bool only_while_ours;	   /* takes back: only while the meter holds op->before */
	uint16_t words[WORDS_MAX]; /* to be written */
};

struct work {
	struct job *job;
	struct poller *poller;
	const struct writer_line *line;
	const struct panel_conf *conf;
	const struct profile *profile;
	const struct layout *layout;
	struct step *steps; /* one an op */
	bool gone;	    /* the last thing asked was never answered */
	char why[sizeof(((struct job *)NULL)->reason)];
};

static bool fail(struct work *work, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool fail(struct work *work, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(work->why, sizeof(work->why), format, args);
	va_end(args);
	return false;
}

/* Requests */

/* What follows a write: it was done; it was not; only the registers can tell. */
enum outcome {
	TAKEN,
	REFUSED,
	IN_DOUBT,
};

/* A connection that has ended unnoticed is replaced before the request: nothing is in doubt. */
static int get_ready(struct work *work)
{
	const struct writer_line *line = work->line;

	line->rest(line->arg);
	return bus_in_step(line->bus) ? 0 : line->recover(line->arg, -ECONNRESET);
}

static int settled(struct work *work, int rc, int64_t begun_us)
{
	poller_note_request(work->poller, rc, clock_mono_us() - begun_us);
	if (rc < 0)
		work->line->recover(work->line->arg, rc);
	return rc;
}

/* Illegal function, address, value; busy; no path: nothing has been written. */
static bool refusal(int rc)
{
	static const int codes[] = { 1, 2, 3, 6, 10 };

	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		if (rc == BUS_EXCEPTION(codes[i]))
			return true;
	return false;
}

static enum outcome put(
	struct work *work, uint16_t reg, uint16_t count, const uint16_t *words, int *rc)
{
	int64_t begun_us;

	*rc = get_ready(work);
	if (*rc < 0)
		return REFUSED;
	begun_us = clock_mono_us();
	*rc = settled(work,
		bus_write(work->line->bus, work->conf->unit, reg, count,
			work->conf->link->response_timeout_ms, words),
		begun_us);
	if (*rc == 0)
		return TAKEN;
	return refusal(*rc) ? REFUSED : IN_DOUBT;
}

/* Worth asking again: a lost answer, or a meter or gateway that says it cannot just now. */
static bool passing(int rc)
{
	return rc != 0 && (rc < 0 || rc > BUS_EXCEPTION(3));
}

static int get(struct work *work, uint16_t reg, uint16_t count, uint16_t *words)
{
	int rc = 0;

	for (unsigned tries = 0; tries < READ_TRIES; tries++) {
		int64_t begun_us;

		if (tries > 0 && rc > 0)
			poll(NULL, 0, BUSY_MS);
		rc = get_ready(work);
		if (rc < 0)
			break;
		begun_us = clock_mono_us();
		rc = settled(work,
			bus_read(work->line->bus, work->conf->unit, work->profile->function, reg,
				count, work->conf->link->response_timeout_ms, words),
			begun_us);
		if (!passing(rc))
			break;
	}
	work->gone = rc < 0;
	return rc;
}

static unsigned looks(int rc)
{
	return rc == BUS_EXCEPTION(5) ? LOOKS_ACK : LOOKS;
}

/* Settings */

/* Integers only, and only what the profile lets be written. */
static const struct point *find_point(
	const struct work *work, const struct job_op *op, unsigned *element)
{
	for (unsigned i = 0; i < work->profile->n_points; i++) {
		const struct point *point = &work->profile->points[i];
		int place = point_element(point, op->channel);

		if (point->scope != op->scope || point->quantity != op->quantity || place < 0 ||
			!poller_has(work->poller, point))
			continue;
		*element = (unsigned)place;
		return point;
	}
	return NULL;
}

static bool check_point(struct work *work, struct step *step)
{
	const struct point *point = find_point(work, step->op, &step->element);

	if (point == NULL)
		return fail(work, "the meter has no such register");
	if (work->profile->function != 3)
		return fail(work, "registers of this kind cannot be written (function %u)",
			work->profile->function);
	if (point->access != ACCESS_READ_WRITE)
		return fail(work, "the profile does not let it be written");
	if (point->words > WORDS_MAX || point->words > work->profile->max_write)
		return fail(work, "more registers than the meter takes in one write");
	step->point = point;
	step->reg = (uint16_t)(point->reg + step->element * point->stride);
	if (!poller_scale(work->poller, point, step->element, &step->scale))
		return fail(work, "the scale of the register is not known");
	return true;
}

static bool encode(struct work *work, const struct step *step, int64_t value, uint16_t *words)
{
	switch (codec_encode(work->profile, step->point, value, step->scale, words)) {
	case 0:
		return true;
	case -EDOM:
		return fail(work, "the register cannot hold it exactly");
	case -ERANGE:
		return fail(work, "out of range");
	default:
		return fail(work, "a value of this type cannot be written");
	}
}

static void take_before(struct work *work, struct step *step)
{
	const struct snapshot *snapshot = store_get(work->job->slot);
	struct reading before = snapshot_get(
		snapshot, step->op->scope, step->op->quantity, step->op->channel, clock_mono_ms());

	store_put(work->job->slot, snapshot);
	step->op->has_before = before.quality == QUALITY_GOOD;
	step->op->before = before.num;
}

static bool check_setting(struct work *work, struct step *step)
{
	uint16_t words[WORDS_MAX];
	int rc;

	if (!check_point(work, step) || !encode(work, step, step->op->value, step->words))
		return false;
	step->only_while_ours = work->job->restore && step->op->has_before;
	if (!step->op->has_before)
		take_before(work, step);
	if (step->op->has_before)
		return true;
	rc = get(work, step->reg, step->point->words, words);
	if (rc != 0)
		return fail(work, "what it is now cannot be read: %s", bus_strerror(rc));
	step->op->has_before =
		codec_decode(work->profile, step->point, words, step->scale, &step->op->before);
	return true;
}

/* One request for settings that lie side by side; n: how many. */
static int look_at_some(struct work *work, struct step *const *steps, size_t n)
{
	uint16_t words[READ_MAX];
	const struct step *last = steps[n - 1];
	uint16_t count = (uint16_t)(last->reg + last->point->words - steps[0]->reg);
	int rc = get(work, steps[0]->reg, count, words);

	if (rc != 0)
		return rc;
	poller_take(work->poller, steps[0]->reg, count, words);
	for (size_t i = 0; i < n; i++) {
		struct job_op *op = steps[i]->op;

		op->has_before = codec_decode(work->profile, steps[i]->point,
			words + (steps[i]->reg - steps[0]->reg), steps[i]->scale, &op->before);
	}
	return 0;
}

static bool lies_beside(struct step *const *steps, size_t n, unsigned most)
{
	const struct step *last = steps[n - 1], *next = steps[n];

	return next->reg == last->reg + last->point->words &&
	       next->reg + next->point->words - steps[0]->reg <= (int)most;
}

/*
 * What was last read may be older than what somebody has set at the meter, and
 * would be put back in its place. What the meter does not let be read is taken as
 * it is remembered.
 */
static bool look_first(struct work *work, struct step *const *steps, size_t n)
{
	unsigned most = work->profile->max_read < work->conf->link->max_registers
				? work->profile->max_read
				: work->conf->link->max_registers;
	size_t some;

	for (size_t at = 0; at < n; at += some) {
		int rc;

		for (some = 1; at + some < n && lies_beside(&steps[at], some, most); some++)
			;
		rc = look_at_some(work, &steps[at], some);
		for (size_t i = 0; rc > 0 && some > 1 && i < some; i++) {
			int alone = look_at_some(work, &steps[at + i], 1);

			rc = alone < 0 ? alone : rc;
		}
		if (rc < 0)
			return fail(work, "what it is now cannot be read: %s", bus_strerror(rc));
	}
	return true;
}

/* What follows from a setting is read anew; with other CTs all that is half read is worthless. */
static void follow(struct work *work, const struct step *step)
{
	static const struct {
		enum quantity quantity;
		unsigned classes;
		bool anew;
	} rules[] = {
		{ Q_CT_SIZE, ALL_NOW, true },
		{ Q_CT_LAYOUT, ALL_NOW, true },
		{ Q_PHASE, ALL_NOW, true },
		{ Q_USER_PHASES, ALL_NOW, true },
		{ Q_RATING, ALL_NOW, false },
		{ Q_DEMAND_SUBINTERVALS, CLASS(POLL_FAST), false },
		{ Q_DEMAND_INTERVAL, CLASS(POLL_FAST), false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		if (rules[i].quantity == step->op->quantity)
			poller_due_now(work->poller, rules[i].classes, rules[i].anew);
}

static bool same_words(const struct step *step, const uint16_t *held)
{
	return memcmp(held, step->words, step->point->words * sizeof(*held)) == 0;
}

static bool compare(struct work *work, const struct step *step, enum outcome outcome, int lost,
	const uint16_t *held, int64_t wanted)
{
	char has[48] = "no value", was_to_be[48];
	int64_t value;

	if (same_words(step, held))
		return true;
	if (codec_decode(work->profile, step->point, held, step->scale, &value)) {
		job_value_text(work->profile, step->op, value, has, sizeof(has));
		/* Nothing has changed, so there is nothing to take back. */
		if (step->op->has_before && value == step->op->before)
			step->op->touched = false;
	}
	job_value_text(work->profile, step->op, wanted, was_to_be, sizeof(was_to_be));
	if (outcome == IN_DOUBT)
		return fail(work, "%s, the meter holds %s", bus_strerror(lost), has);
	return fail(work, "the meter kept %s instead of %s", has, was_to_be);
}

/* Write step->words, which are value, and see what has become of them. */
static bool write_setting(struct work *work, struct step *step, int64_t value)
{
	uint16_t held[WORDS_MAX];
	enum outcome outcome;
	int lost, rc = 0;

	outcome = put(work, step->reg, step->point->words, step->words, &lost);
	if (outcome == REFUSED)
		return fail(work, "%s", bus_strerror(lost));
	step->op->touched = true;
	for (unsigned look = looks(lost); look > 0; look--) {
		rc = get(work, step->reg, step->point->words, held);
		if (rc != 0 || same_words(step, held))
			break;
		if (look > 1)
			poll(NULL, 0, BUSY_MS);
	}
	if (rc != 0) {
		poller_due_now(work->poller, ALL_NOW, true);
		return fail(work, "%s; cannot be read back: %s",
			outcome == IN_DOUBT ? bus_strerror(lost) : "written", bus_strerror(rc));
	}
	poller_take(work->poller, step->reg, step->point->words, held);
	follow(work, step);
	return compare(work, step, outcome, lost, held, value);
}

/* Somebody may have set it since: that is not ours to take back. */
static bool still_ours(struct work *work, struct step *step, bool *ours)
{
	uint16_t held[WORDS_MAX];
	int64_t value;
	int rc = get(work, step->reg, step->point->words, held);

	if (rc != 0)
		return fail(work, "what it is now cannot be read: %s", bus_strerror(rc));
	poller_take(work->poller, step->reg, step->point->words, held);
	*ours = codec_decode(work->profile, step->point, held, step->scale, &value) &&
		value == step->op->before;
	return true;
}

static bool do_setting(struct work *work, struct step *step)
{
	bool ours = true;

	if (step->only_while_ours && !still_ours(work, step, &ours))
		return false;
	if (!ours)
		return true;
	return write_setting(work, step, step->op->value);
}

/* Latches */

static bool check_latch(struct work *work, struct step *step)
{
	struct job_op *op = step->op;
	uint64_t key = ROW_KEY(op->scope, op->channel, op->level);
	uint32_t at = rowset_search(&work->layout->alarms, key, true);

	if (at == work->layout->alarms.n || work->layout->alarms.keys[at] != key)
		return fail(work, "the meter has no such alarm");
	step->alarm = profile_alarm_find(work->profile, op->scope, op->level);
	if (step->alarm == NULL || step->alarm->latched_bit < 0 || step->alarm->clear == CLEAR_NONE)
		return fail(work, "this alarm has no latch that can be cleared");
	op->quantity = Q_ALARM_STATUS;
	if (!check_point(work, step))
		return false;
	return step->point->words == 1 || fail(work, "its status is not one register");
}

struct latch {
	bool set;
	uint64_t event;
};

static struct latch look_at(const struct work *work, uint64_t key)
{
	const struct snapshot *snapshot = store_get(work->job->slot);
	const struct alarm *alarm = alarm_find(snapshot->alarms, key);
	struct latch latch = { 0 };

	if (alarm != NULL)
		latch = (struct latch){ alarm->latched, alarm->event };
	store_put(work->job->slot, snapshot);
	return latch;
}

/* Constants only: what the meter has latched since the last look stays. */
static enum outcome clear_bits(struct work *work, const struct profile_alarm *alarm,
	uint16_t status_reg, uint16_t bits, int *rc)
{
	uint16_t word;

	switch (alarm->clear) {
	case CLEAR_ZERO_BITS:
		word = (uint16_t)~bits;
		return put(work, status_reg, 1, &word, rc);
	case CLEAR_ONES_MASK:
		word = bits;
		return put(work, status_reg, 1, &word, rc);
	default:
		return put(work, alarm->clear_reg, 1, &alarm->clear_value, rc);
	}
}

static bool read_registers(struct work *work, uint16_t reg, uint16_t count)
{
	uint16_t words[WORDS_MAX];
	int rc = get(work, reg, count, words);

	if (rc != 0)
		return fail(work, "its state cannot be read: %s", bus_strerror(rc));
	poller_take(work->poller, reg, count, words);
	return true;
}

/* The counter says whether a latch that is set was set anew. */
static void read_counter(struct work *work, const struct step *step)
{
	struct job_op counter = *step->op;
	const struct point *point;
	unsigned element;

	if (step->alarm->counter < 0)
		return;
	counter.quantity = (enum quantity)step->alarm->counter;
	point = find_point(work, &counter, &element);
	if (point != NULL && point->words <= WORDS_MAX)
		read_registers(
			work, (uint16_t)(point->reg + element * point->stride), point->words);
}

/* True when it is gone, or *after tells that it was set anew. */
static bool look_for_latch(struct work *work, const struct step *step, uint64_t key,
	struct latch before, struct latch *after)
{
	*after = before;
	if (!read_registers(work, step->reg, 1))
		return false;
	*after = look_at(work, key);
	if (!after->set)
		return true;
	read_counter(work, step);
	*after = look_at(work, key);
	return after->event != before.event;
}

static bool clear_latch(struct work *work, struct step *step, uint64_t key, struct latch before)
{
	uint16_t bits = (uint16_t)(1u << step->alarm->latched_bit);
	struct latch after = before;
	enum outcome outcome;
	int lost;

	outcome = clear_bits(work, step->alarm, step->reg, bits, &lost);
	if (outcome == REFUSED)
		return fail(work, "%s", bus_strerror(lost));
	step->op->touched = true;
	poller_due_now(work->poller, CLASS(POLL_ALARM), false);
	for (unsigned look = looks(lost); look > 0; look--) {
		work->why[0] = '\0';
		if (look_for_latch(work, step, key, before, &after) || work->gone)
			break;
		if (look > 1)
			poll(NULL, 0, BUSY_MS);
	}
	if (!after.set)
		return true;
	if (after.event != before.event)
		return fail(work, "cleared, but the meter has latched it again");
	if (work->why[0] != '\0')
		return false;
	if (outcome == IN_DOUBT)
		return fail(work, "%s, the latch is still set", bus_strerror(lost));
	return fail(work, "the meter shows it latched still or again");
}

static bool do_latch(struct work *work, struct step *step)
{
	uint64_t key = ROW_KEY(step->op->scope, step->op->channel, step->op->level);
	struct latch before = look_at(work, key);

	/* What nobody has been told of must not be cleared: first let it be known. */
	if (!before.set) {
		if (!read_registers(work, step->reg, 1))
			return false;
		before = look_at(work, key);
	}
	return !before.set || clear_latch(work, step, key, before);
}

/* All latches of the panel */

static bool check_latches(struct work *work, struct step *step)
{
	(void)step;
	if (work->profile->function != 3)
		return fail(work, "registers of this kind cannot be written (function %u)",
			work->profile->function);
	return true;
}

static bool poll_alarms(struct work *work)
{
	const struct pollmap *map = poller_alarm_map(work->poller);
	uint16_t *words;
	int rc = 0;

	if (map == NULL)
		return true;
	words = xcalloc(map->plan->words, sizeof(*words));
	for (unsigned i = 0; i < map->plan->n_reads && rc == 0; i++)
		rc = get(work, map->plan->reads[i].reg, map->plan->reads[i].count,
			words + map->offsets[i]);
	if (rc == 0)
		poller_take_alarms(work->poller, words);
	free(words);
	return rc == 0 || fail(work, "the alarm status cannot be read: %s", bus_strerror(rc));
}

/* Latched alarms of one channel from *at on that share a method; moves *at behind them. */
static bool clear_channel(
	struct work *work, const struct alarm_book *book, uint32_t *at, unsigned *lost)
{
	uint64_t first = book->alarms[*at].key;
	struct job_op op = {
		.scope = (enum scope)ROW_KEY_A(first),
		.channel = ROW_KEY_B(first),
		.level = (enum level)ROW_KEY_C(first),
	};
	struct step step = { .op = &op };
	const struct profile_alarm *alarm;
	uint16_t bits = 0;
	int rc;

	if (!check_latch(work, &step)) {
		++*at;
		return false;
	}
	for (; *at < book->n && book->alarms[*at].key < ROW_KEY(op.scope, op.channel + 1, 0);
		++*at) {
		alarm = profile_alarm_find(
			work->profile, op.scope, (enum level)ROW_KEY_C(book->alarms[*at].key));
		if (!book->alarms[*at].latched)
			continue;
		if (alarm == NULL || alarm->clear != step.alarm->clear ||
			alarm->clear_reg != step.alarm->clear_reg ||
			alarm->clear_value != step.alarm->clear_value)
			break;
		bits |= (uint16_t)(1u << alarm->latched_bit);
	}
	if (clear_bits(work, step.alarm, step.reg, bits, &rc) == REFUSED)
		return fail(work, "%s", bus_strerror(rc));
	*lost += rc < 0;
	return true;
}

/* Each lost answer costs a timeout, and nobody else has the line meanwhile. */
static bool clear_each(struct work *work, const struct alarm_book *book)
{
	bool all = true;
	unsigned lost = 0;

	for (uint32_t at = 0; at < book->n && lost < LOST_MAX;) {
		if (book->alarms[at].latched)
			all &= clear_channel(work, book, &at, &lost);
		else
			at++;
	}
	return all;
}

static bool clear_all(struct work *work, const struct alarm_book *book)
{
	const struct profile_command *command =
		profile_command_find(work->profile, "clear-latches", SCOPE_PANEL);
	int rc;

	if (command == NULL)
		return clear_each(work, book);
	if (put(work, command->reg, 1, &command->value, &rc) == REFUSED)
		return fail(work, "%s", bus_strerror(rc));
	return true;
}

/* What latches meanwhile is news of its own. */
static bool none_left(struct work *work, const struct alarm_book *before)
{
	const struct snapshot *snapshot = store_get(work->job->slot);
	const struct alarm *first = NULL;
	unsigned n = 0;

	for (uint32_t i = 0; i < before->n; i++) {
		const struct alarm *alarm = alarm_find(snapshot->alarms, before->alarms[i].key);

		if (!before->alarms[i].latched || alarm == NULL || !alarm->latched ||
			alarm->event != before->alarms[i].event)
			continue;
		first = n++ == 0 ? alarm : first;
	}
	if (n > 0)
		fail(work, "%u latched still or again, first %s %u %s", n,
			scope_name((enum scope)ROW_KEY_A(first->key)), ROW_KEY_B(first->key),
			level_name((enum level)ROW_KEY_C(first->key)));
	store_put(work->job->slot, snapshot);
	return n == 0;
}

static bool clear_all_and_look(
	struct work *work, struct step *step, const struct alarm_book *before)
{
	char why[sizeof(work->why)];

	step->op->touched = true;
	if (!clear_all(work, before)) {
		text_copy(why, sizeof(why), work->why);
		poll_alarms(work); /* some may be gone */
		return fail(work, "%s", why);
	}
	for (unsigned look = LOOKS; look > 0; look--) {
		if (!poll_alarms(work))
			return false;
		if (none_left(work, before))
			return true;
		if (look > 1)
			poll(NULL, 0, BUSY_MS);
	}
	return false;
}

static bool do_latches(struct work *work, struct step *step)
{
	const struct snapshot *before;
	bool done;

	/* What nobody has been told of must not be cleared: first let it be known. */
	if (!poll_alarms(work))
		return false;
	before = store_get(work->job->slot);
	done = before->alarms->n_latched == 0 || clear_all_and_look(work, step, before->alarms);
	store_put(work->job->slot, before);
	return done;
}

/* Commands */

static bool check_command(struct work *work, struct step *step)
{
	const struct profile *profile = work->profile;
	const struct profile_command *command = step->op->command;

	if (command < profile->commands || command >= profile->commands + profile->n_commands)
		return fail(work, "the meter has no such command");
	if (profile->function != 3)
		return fail(work, "registers of this kind cannot be written (function %u)",
			profile->function);
	if (command->scope == SCOPE_PANEL)
		step->reg = command->reg;
	else if (step->op->channel >= 1 && step->op->channel <= command->count)
		step->reg = (uint16_t)(command->reg + step->op->channel - 1);
	else
		return fail(work, "the command has no such channel");
	return true;
}

static bool do_command(struct work *work, struct step *step)
{
	int rc;
	enum outcome outcome = put(work, step->reg, 1, &step->op->command->value, &rc);

	if (outcome == REFUSED)
		return fail(work, "%s", bus_strerror(rc));
	step->op->touched = true;
	poller_due_now(work->poller, ALL_NOW, false);
	return outcome == TAKEN ||
	       fail(work, "%s; not known whether the meter has done it", bus_strerror(rc));
}

static bool check_poll(struct work *work, struct step *step)
{
	(void)work, (void)step;
	return true;
}

static bool do_poll(struct work *work, struct step *step)
{
	(void)step;
	poller_poll_now(work->poller);
	return true;
}

/* Jobs */

static const struct {
	unsigned turn; /* what can be taken back comes first */
	bool (*check)(struct work *work, struct step *step);
	bool (*run)(struct work *work, struct step *step);
} kinds[] = {
	[JOB_SETTING] = { 0, check_setting, do_setting },
	[JOB_CLEAR_LATCH] = { 1, check_latch, do_latch },
	[JOB_CLEAR_LATCHES] = { 1, check_latches, do_latches },
	[JOB_COMMAND] = { 2, check_command, do_command },
	[JOB_POLL_NOW] = { 3, check_poll, do_poll },
};
#define TURNS 4

/* A value that the profile would not let be written now cannot be put back either. */
static bool restore_setting(struct work *work, struct step *step)
{
	if (work->gone)
		return fail(work, "the meter does not answer");
	if (!step->op->has_before)
		return fail(work, "not known what it was");
	if (!encode(work, step, step->op->before, step->words) ||
		!write_setting(work, step, step->op->before))
		return false;
	step->op->touched = false;
	return true;
}

static void add_reason(struct job *job, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void add_reason(struct job *job, const char *format, ...)
{
	size_t length = strlen(job->reason);
	va_list args;

	va_start(args, format);
	vsnprintf(job->reason + length, sizeof(job->reason) - length, format, args);
	va_end(args);
}

/* What was written before the op that failed is taken back, the last first. */
static void restore(struct work *work)
{
	struct job *job = work->job;
	unsigned restored = 0, left = 0;
	const struct job_op *first = NULL;
	char why[sizeof(work->why)] = "";

	work->gone = false; /* it gets one more chance */
	for (size_t i = job->n_ops; i-- > 0;) {
		struct step *step = &work->steps[i];

		if (!step->op->touched || (step->op->kind != JOB_SETTING && i == job->failed_op))
			continue;
		if (step->op->kind == JOB_SETTING && restore_setting(work, step)) {
			restored++;
			continue;
		}
		/* That the meter cannot be read has been said. */
		if (i == job->failed_op && work->gone)
			continue;
		if (left++ == 0 || first->kind != JOB_SETTING) {
			first = step->op;
			text_copy(why, sizeof(why),
				first->kind == JOB_SETTING ? work->why : "cannot be undone");
		}
	}
	if (restored > 0)
		add_reason(job, "; %u taken back", restored);
	if (left > 1)
		add_reason(job, "; %u NOT taken back: %s: %s", left, first->object, why);
	else if (left > 0)
		add_reason(job, "; %s NOT taken back: %s", first->object, why);
}

static void end(struct work *work, size_t failed_op)
{
	struct job *job = work->job;

	job->end = JOB_FAILED;
	job->failed_op = failed_op;
	text_copy(job->reason, sizeof(job->reason), work->why);
}

static bool check_all(struct work *work)
{
	for (size_t i = 0; i < work->job->n_ops; i++) {
		struct step *step = &work->steps[i];

		step->op = &work->job->ops[i];
		if (kinds[step->op->kind].check(work, step))
			continue;
		end(work, i);
		return false;
	}
	return true;
}

static bool look_at_all(struct work *work)
{
	struct step **steps = xcalloc(work->job->n_ops, sizeof(struct step *));
	size_t n = 0;
	bool done;

	for (size_t i = 0; i < work->job->n_ops; i++)
		if (work->steps[i].op->kind == JOB_SETTING && !work->steps[i].only_while_ours)
			steps[n++] = &work->steps[i];
	done = look_first(work, steps, n);
	free(steps);
	if (!done)
		end(work, 0);
	return done;
}

static bool run_all(struct work *work)
{
	size_t n = 0;

	for (unsigned turn = 0; turn < TURNS; turn++) {
		for (size_t i = 0; i < work->job->n_ops; i++) {
			struct step *step = &work->steps[i];

			if (kinds[step->op->kind].turn != turn)
				continue;
			if (n++ > 0)
				work->line->between(work->line->arg);
			if (kinds[step->op->kind].run(work, step))
				continue;
			end(work, i);
			return false;
		}
	}
	return true;
}

void writer_run(struct job *job, struct poller *poller, const struct writer_line *line,
	const struct site *site)
{
	const struct snapshot *snapshot = store_get(job->slot);
	struct work work = {
		.job = job,
		.poller = poller,
		.line = line,
		.conf = poller_conf(poller),
		.layout = snapshot->layout,
		.profile = snapshot->layout->profile,
		.steps = xcalloc(job->n_ops, sizeof(*work.steps)),
	};

	store_put(job->slot, snapshot); /* its layout stays with the slot */
	job->end = JOB_DONE;
	job->reason[0] = '\0';
	if (check_all(&work) && (!job->look_first || look_at_all(&work)) && !run_all(&work))
		restore(&work);
	free(work.steps);
	job_tell(job, site);
}

void writer_withdraw(struct job *job, const struct site *site, const char *why)
{
	job->end = JOB_WITHDRAWN;
	job->failed_op = 0;
	text_copy(job->reason, sizeof(job->reason), why);
	job_tell(job, site);
}
