/*
 * The alarm book: scripts of status words and counters, and what is told of
 * them; storms; random meters, whose every raise must be told exactly once.
 */
#include "config.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "alarm/alarm.h"
#include "alarm/event.h"
#include "core/util.h"
#include "fixture_profile.h"
#include "store/store.h"

#define WALL 1700000000000

struct fixture {
	struct store *store;
	struct layout *layout;
	struct slot *slot;
	struct snapshot *snapshot; /* being filled */
	struct alarm_book *book;   /* latest */
	struct alarm_transitions transitions; /* of the last poll */
	uint64_t events;
	uint32_t hold_ms;
	int64_t now_ms;
	bool polled;
};

static int set_up(void **state)
{
	struct profile *profile = fixture_profile();
	struct fixture *f = xcalloc(1, sizeof(*f));

	f->store = store_new();
	f->layout = layout_new(profile, false, false);
	f->slot = store_slot_new(f->store, f->layout, COMM_OFFLINE);
	f->book = alarm_book_new();
	f->now_ms = 1000;
	profile_unref(profile);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	alarm_book_unref(f->book);
	store_slot_unref(f->slot);
	layout_unref(f->layout);
	store_free(f->store);
	free(f->transitions.items);
	free(f);
	return 0;
}

static uint64_t next_event(void *arg)
{
	struct fixture *f = arg;

	return ++f->events;
}

/* As the journal stores a book and another agent takes it up. */
static void start_again(struct fixture *f)
{
	struct alarm_book *book = f->book;

	for (uint32_t i = 0; i < book->n; i++)
		book->alarms[i].hold_until_ms = 0;
	f->book = alarm_book_build(book->alarms, book->n, book->known, book->counted);
	assert_int_equal(f->book->n_active, book->n_active);
	assert_int_equal(f->book->n_latched, book->n_latched);
	assert_int_equal(f->book->worst, book->worst);
	alarm_book_unref(book);
	store_slot_unref(f->slot);
	f->slot = store_slot_new(f->store, f->layout, COMM_OFFLINE);
	f->polled = false;
	f->now_ms = 1000; /* a monotonic clock may begin again as well */
}

/* Begin a poll that reads these classes (bits), one second after the last. */
static struct snapshot *begin(struct fixture *f, unsigned classes)
{
	f->snapshot = store_begin(f->slot);
	f->now_ms += 1000;
	f->snapshot->fresh_until_ms = f->now_ms + 3000;
	for (int class = 0; class < POLL_CLASSES; class++)
		if (classes & 1u << class)
			f->snapshot->class_ms[class] = f->now_ms;
	return f->snapshot;
}

static void finish(struct fixture *f)
{
	const struct snapshot *before = f->polled ? store_get(f->slot) : NULL;
	struct alarm_book *book;

	f->transitions.count = 0;
	book = alarm_update(f->book, before, f->snapshot,
		&(struct alarm_terms){ .now_ms = f->now_ms,
			.now_wall_ms = WALL + f->now_ms,
			.hold_ms = f->hold_ms,
			.next_event = next_event,
			.arg = f },
		&f->transitions);
	store_put(f->slot, before);
	alarm_book_unref(f->book);
	f->book = book;
	snapshot_set_alarms(f->snapshot, alarm_book_ref(book));
	store_publish(f->slot, f->snapshot);
	f->polled = true;
}

/* Transitions as text: +N raised, ~N raised and gone, - cleared, a active, i inactive. */
static const char *told(const struct fixture *f)
{
	static const char signs[] = { [ALARM_RAISED] = '+',
		[ALARM_RAISED_GONE] = '~',
		[ALARM_CLEARED] = '-',
		[ALARM_ACTIVE] = 'a',
		[ALARM_INACTIVE] = 'i' };
	static char text[64];
	char *end = text;

	*text = '\0';
	for (size_t i = 0; i < f->transitions.count && end < text + 48; i++) {
		const struct alarm_transition *item = &f->transitions.items[i];

		end += sprintf(end, "%c", signs[item->change]);
		if (item->count > 0)
			end += sprintf(end, "%u", item->count);
	}
	return text;
}

/* Scripts for branch 5: the first value of each step is the status word, the second the counter. */

#define KEEP (-1) /* not read in this poll */
#define AGAIN_STATUS (-3) /* the agent starts again before the next poll */
#define AGAIN { AGAIN_STATUS, 0, "" }
#define NONE (-2) /* read, and absent */

#define HH  0x0001 /* latched, high-high, with a counter */
#define HNL 0x0100 /* not latching, high */

struct step {
	int status, counter;
	const char *want;
};

static const struct script {
	const char *what;
	uint32_t raises; /* of high-high in the end; 0 also: no entry */
	struct step steps[10];
	size_t n;
} scripts[] = {
#define S(...) { __VA_ARGS__ }, sizeof((struct step[]){ __VA_ARGS__ }) / sizeof(struct step)
	{ "healthy", 0, S({ 0, 0, "" }, { 0, 0, "" }) },
	{ "latched and cleared", 1, S({ 0, KEEP, "" }, { HH, KEEP, "+1" }, { HH, KEEP, "" }, { 0, KEEP, "-" }) },
	{ "latched again", 2, S({ 0, KEEP, "" }, { HH, KEEP, "+1" }, { 0, KEEP, "-" }, { HH, KEEP, "+1" }) },
	{ "found at start", 1, S({ HH, 5, "+1" }, { HH, 5, "" }) },
	{ "old counts at start are no raises", 0, S({ 0, 7, "" }, { 0, 7, "" }) },
	{ "bit first, counter later", 1, S({ 0, 3, "" }, { HH, KEEP, "+1" }, { HH, 4, "" }, { HH, 4, "" }) },
	{ "counter and bit together", 1, S({ 0, 3, "" }, { HH, 4, "+1" }, { HH, 4, "" }) },
	{ "counter first, bit later", 1, S({ 0, 3, "" }, { 0, 4, "" }, { HH, KEEP, "+1" }, { HH, 4, "" }) },
	{ "came and went", 1, S({ 0, 3, "" }, { KEEP, 4, "" }, { 0, KEEP, "~1" }, { 0, 4, "" }) },
	{ "came and went twice", 2, S({ 0, 3, "" }, { KEEP, 5, "" }, { 0, KEEP, "~2" }) },
	{ "came and went while counters are read on", 3,
		S({ 0, 0, "" }, { 0, 1, "" }, { 0, 3, "~1" }, { 0, 3, "~2" }, { 0, 3, "" }) },
	{ "no word read: the count waits", 1,
		S({ 0, 0, "" }, { KEEP, 1, "" }, { KEEP, 1, "" }, { NONE, KEEP, "" }, { 0, KEEP, "~1" }) },
	{ "bit rises, three counted", 3, S({ 0, 0, "" }, { HH, 3, "+3" }, { HH, 3, "" }) },
	{ "bit rises, three counted later", 3, S({ 0, 0, "" }, { HH, KEEP, "+1" }, { HH, 3, "+2" }) },
	{ "cleared and raised again unseen", 2,
		S({ 0, 0, "" }, { HH, 1, "+1" }, { HH, 1, "" }, { HH, 2, "+1" }, { HH, 2, "" }) },
	{ "twice by the bit, then counted", 2,
		S({ 0, 0, "" }, { HH, KEEP, "+1" }, { 0, KEEP, "-" }, { HH, KEEP, "+1" }, { HH, 2, "" }) },
	{ "cleared, counted late", 1, S({ 0, 0, "" }, { HH, KEEP, "+1" }, { 0, KEEP, "-" }, { 0, 1, "" }, { 0, 1, "" }) },
	{ "raised unseen before the clear", 2,
		S({ 0, 0, "" }, { HH, 1, "+1" }, { KEEP, 2, "+1" }, { 0, KEEP, "-" }, { 0, KEEP, "" }) },
	{ "power cycle of the meter", 1, S({ 0, 9, "" }, { 0, 0, "" }, { 0, 1, "" }, { 0, 1, "~1" }) },
	{ "power cycle, then counts, unseen", 0, S({ 0, 9, "" }, { 0, 2, "" }, { 0, 2, "" }) },
	{ "power cycle with a latch told but not counted", 2,
		S({ 0, 9, "" }, { HH, KEEP, "+1" }, { HH, 0, "" }, { 0, KEEP, "-" }, { 0, 1, "" }, { 0, 1, "~1" }) },
	{ "power cycle with a count waiting", 1, S({ 0, 9, "" }, { KEEP, 10, "" }, { KEEP, 0, "" }, { 0, KEEP, "~1" }) },
	{ "power cycle near the end of the range", 0, S({ 0, 32000, "" }, { 0, 0, "" }, { 0, 0, "" }) },
	{ "counter rolls over to 1", 1, S({ 0, 32767, "" }, { 0, 1, "" }, { 0, 1, "~1" }) },
	{ "counter rolls over by four", 4, S({ 0, 32766, "" }, { 0, 3, "" }, { 0, 3, "~4" }) },
	{ "fall from the middle is no rollover", 0, S({ 0, 20000, "" }, { 0, 3, "" }, { 0, 3, "" }) },
	{ "counter absent for a while", 3,
		S({ 0, 3, "" }, { 0, NONE, "" }, { 0, 5, "" }, { 0, 6, "~2" }, { 0, 6, "~1" }) },
	{ "counter absent, the meter switched off meanwhile", 1,
		S({ 0, 3, "" }, { 0, NONE, "" }, { 0, 2, "" }, { 0, 3, "" }, { 0, 3, "~1" }) },
	{ "no counter at all", 2, S({ 0, NONE, "" }, { HH, NONE, "+1" }, { 0, NONE, "-" }, { HH, NONE, "+1" }) },
	{ "first counter after the first latch", 1, S({ 0, KEEP, "" }, { HH, KEEP, "+1" }, { HH, 8, "" }, { HH, 8, "" }) },
	{ "first counter with the first latch", 2,
		S({ 0, KEEP, "" }, { HH, 8, "+1" }, { 0, 8, "-" }, { 0, 9, "" }, { 0, 9, "~1" }) },
	{ "status absent keeps the state", 1, S({ 0, 0, "" }, { HH, KEEP, "+1" }, { NONE, KEEP, "" }, { HH, KEEP, "" }) },
	{ "absurd counters", 0, S({ 0, 5, "" }, { 0, 2000000000, "" }, { 0, -2000000000, "" }, { 0, 5, "" }) },
	{ "a counter gone mad while no status comes", 32767,
		S({ 0, 0, "" }, { KEEP, 32767, "" }, { KEEP, 0, "" }, { KEEP, 32767, "" }, { KEEP, 0, "" },
			{ KEEP, 32767, "" }, { 0, KEEP, "~32767" }) },
	{ "not latching: active while it lasts", 0, S({ 0, 0, "" }, { HNL, 0, "a" }, { HNL, 0, "" }, { 0, 0, "i" }) },
	{ "both at once", 1, S({ 0, 0, "" }, { HH | HNL, 1, "+1a" }, { HH, KEEP, "i" }) },
	{ "a known latch, after a restart", 1, S({ 0, 0, "" }, { HH, 1, "+1" }, AGAIN, { HH, 1, "" }, { HH, 1, "" }) },
	{ "gone while the agent was away", 1, S({ 0, 0, "" }, { HH, 1, "+1" }, AGAIN, { 0, 1, "-" }, { 0, 1, "" }) },
	{ "raised while the agent was away", 1, S({ 0, 0, "" }, AGAIN, { HH, 1, "+1" }, { HH, 1, "" }) },
	{ "came and went while the agent was away", 2, S({ 0, 3, "" }, AGAIN, { 0, 5, "" }, { 0, 5, "~2" }) },
	{ "the first ever came and went while it was away", 1, S({ 0, 0, "" }, AGAIN, { 0, 1, "" }, { 0, 1, "~1" }) },
	{ "cleared and raised again while it was away", 2,
		S({ 0, 0, "" }, { HH, 1, "+1" }, AGAIN, { HH, 2, "+1" }, { HH, 2, "" }) },
	{ "rollover while it was away", 1, S({ 0, 32767, "" }, AGAIN, { 0, 1, "" }, { 0, 1, "~1" }) },
	{ "power cycle while it was away", 0, S({ 0, 9, "" }, AGAIN, { 0, 2, "" }, { 0, 2, "" }) },
	{ "a count was waiting", 1, S({ 0, 3, "" }, { KEEP, 4, "" }, AGAIN, { 0, KEEP, "~1" }) },
	{ "told by the bit, counted after the restart", 1,
		S({ 0, 3, "" }, { HH, KEEP, "+1" }, AGAIN, { HH, 4, "" }, { 0, 4, "-" }, { 0, 4, "" }) },
	{ "counters not read before the restart", 0, S({ 0, KEEP, "" }, AGAIN, { 0, 7, "" }, { 0, 7, "" }) },
	{ "this counter not read before the restart", 0, S({ 0, NONE, "" }, AGAIN, { 0, 7, "" }, { 0, 7, "" }) },
	{ "restart before anything was read", 1, S(AGAIN, { HH, 7, "+1" }, AGAIN, { HH, 7, "" }) },
	{ "not latching, over a restart", 0, S({ 0, 0, "" }, { HNL, 0, "a" }, AGAIN, { HNL, 0, "" }, AGAIN, { 0, 0, "i" }) },
	{ "reserved bits mean nothing", 0, S({ 0, 0, "" }, { 0xfce0, 0, "" }) },
#undef S
};

static void put(struct snapshot *snapshot, enum quantity quantity, int value)
{
	if (value == NONE)
		snapshot_set_none(snapshot, SCOPE_BRANCH, quantity, 5);
	else if (value != KEEP)
		snapshot_set(snapshot, SCOPE_BRANCH, quantity, 5, value);
}

static void play(const struct script *script)
{
	const struct alarm *alarm = NULL;
	struct fixture *f;

	set_up((void **)&f);
	for (size_t i = 0; i < script->n; i++) {
		const struct step *step = &script->steps[i];

		if (step->status == AGAIN_STATUS) {
			start_again(f);
			continue;
		}
		begin(f, (step->status != KEEP ? 1u << POLL_ALARM : 0) |
				 (step->counter != KEEP ? 1u << POLL_SLOW : 0));
		put(f->snapshot, Q_ALARM_STATUS, step->status);
		put(f->snapshot, Q_COUNT_HIGH_HIGH, step->counter);
		finish(f);
		if (strcmp(told(f), step->want) != 0)
			fail_msg("%s: step %zu: \"%s\", not \"%s\"", script->what, i, told(f),
				step->want);
		alarm = alarm_find(f->book, ROW_KEY(SCOPE_BRANCH, 5, LEVEL_HIGH_HIGH));
		if (*step->want == '~')
			assert_int_equal(alarm->cleared_wall_ms, WALL + f->now_ms);
	}
	if ((alarm ? alarm->raise_count : 0) != script->raises)
		fail_msg("%s: raised %u times", script->what, alarm ? alarm->raise_count : 0);
	tear_down((void **)&f);
}

static void scripts_are_told_as_they_happened(void **state)
{
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(scripts); i++)
		play(&scripts[i]);
}

static void a_healthy_book_is_empty_shared_and_unchanged(void **state)
{
	struct fixture *f = *state;
	struct alarm_book *first;

	assert_int_equal(f->book->worst, STATE_UNKNOWN);
	begin(f, 1u << POLL_FAST);
	finish(f);
	assert_false(f->book->known);
	begin(f, 1u << POLL_ALARM);
	snapshot_set(f->snapshot, SCOPE_BRANCH, Q_ALARM_STATUS, 1, 0);
	finish(f);
	first = f->book;
	assert_true(first->known);
	assert_int_equal(first->n, 0);
	assert_int_equal(first->worst, STATE_OK);
	begin(f, 1u << POLL_ALARM);
	finish(f);
	assert_ptr_equal(f->book, first);
	assert_int_equal(alarm_channel_bits(f->book, SCOPE_BRANCH, 1).state, STATE_OK);
}

static void an_alarm_carries_value_times_and_number(void **state)
{
	struct fixture *f = *state;
	const struct alarm *alarm;
	const struct alarm_transition *item;
	uint64_t key = ROW_KEY(SCOPE_BRANCH, 5, LEVEL_HIGH_HIGH);

	begin(f, ~0u);
	put(f->snapshot, Q_ALARM_STATUS, 0);
	finish(f);
	begin(f, ~0u);
	put(f->snapshot, Q_ALARM_STATUS, HH);
	put(f->snapshot, Q_CURRENT, 20001);
	finish(f);
	alarm = alarm_find(f->book, key);
	item = &f->transitions.items[0];
	assert_true(alarm->latched && !alarm->active && alarm->has_value && !alarm->found_at_start);
	assert_int_equal(alarm->value, 20001);
	assert_int_equal(alarm->severity, STATE_CRITICAL);
	assert_int_equal(alarm->raised_wall_ms, WALL + f->now_ms);
	assert_int_equal(alarm->cleared_wall_ms, 0);
	assert_int_equal(alarm->event, 1);
	assert_int_equal(item->key, key);
	assert_int_equal(item->event, 1);
	assert_int_equal(item->value, 20001);
	assert_true(item->has_value);
	assert_int_equal(f->book->worst, STATE_CRITICAL);
	assert_int_equal(f->book->n_latched, 1);

	begin(f, ~0u);
	put(f->snapshot, Q_ALARM_STATUS, 0);
	finish(f);
	alarm = alarm_find(f->book, key);
	assert_int_equal(alarm->cleared_wall_ms, WALL + f->now_ms);
	assert_int_equal(alarm->event, 1);
	assert_int_equal(f->transitions.items[0].event, 1);
	assert_int_equal(f->book->worst, STATE_OK);
	assert_int_equal(f->book->n_latched, 0);

	begin(f, ~0u); /* again, with no reading of the current */
	put(f->snapshot, Q_ALARM_STATUS, HH);
	put(f->snapshot, Q_CURRENT, NONE);
	finish(f);
	alarm = alarm_find(f->book, key);
	assert_false(alarm->has_value);
	assert_int_equal(alarm->event, 2);
	assert_int_equal(alarm->cleared_wall_ms, 0);
	assert_int_equal(alarm->raise_count, 2);
}

static void latches_found_at_start_are_marked_once(void **state)
{
	struct fixture *f = *state;
	uint64_t key = ROW_KEY(SCOPE_BRANCH, 5, LEVEL_HIGH_HIGH);

	for (int poll = 0; poll < 3; poll++) {
		begin(f, ~0u);
		put(f->snapshot, Q_ALARM_STATUS, HH);
		finish(f);
		assert_true(alarm_find(f->book, key)->found_at_start);
		assert_int_equal(f->events, 1);
		assert_int_equal(f->transitions.count, poll == 0);
		assert_true(poll > 0 || f->transitions.items[0].found);
	}
	start_again(f);
	begin(f, ~0u);
	put(f->snapshot, Q_ALARM_STATUS, HH);
	finish(f);
	assert_int_equal(f->transitions.count, 0);
	begin(f, ~0u);
	put(f->snapshot, Q_ALARM_STATUS, 0);
	finish(f);
	begin(f, ~0u);
	put(f->snapshot, Q_ALARM_STATUS, HH);
	finish(f);
	assert_false(alarm_find(f->book, key)->found_at_start);
}

/* A counter that was absent when others were read had no 0 to count from. */
static void a_counter_that_was_absent_starts_from_what_it_says(void **state)
{
	struct fixture *f = *state;

	begin(f, ~0u);
	put(f->snapshot, Q_ALARM_STATUS, 0);
	snapshot_set(f->snapshot, SCOPE_BRANCH, Q_COUNT_HIGH_HIGH, 4, 0);
	finish(f);
	assert_true(f->book->counted);
	assert_null(alarm_find(f->book, ROW_KEY(SCOPE_BRANCH, 4, LEVEL_HIGH_HIGH)));
	start_again(f);
	for (int poll = 0; poll < 2; poll++) {
		begin(f, ~0u);
		put(f->snapshot, Q_ALARM_STATUS, 0);
		put(f->snapshot, Q_COUNT_HIGH_HIGH, 7);
		snapshot_set(f->snapshot, SCOPE_BRANCH, Q_COUNT_HIGH_HIGH, 4, 2);
		snapshot_set(f->snapshot, SCOPE_BRANCH, Q_ALARM_STATUS, 4, 0);
		finish(f);
		assert_string_equal(told(f), poll == 0 ? "" : "~2"); /* of branch 4 */
	}
	assert_int_equal(ROW_KEY_B(f->transitions.items[0].key), 4);
}

/* Voltage: latched bit 0, shown while it lasts by bit 8. */
static void latch_and_active_bit_of_one_alarm(void **state)
{
	static const struct {
		int status;
		const char *want;
		uint64_t event;
	} steps[] = {
		{ 0x000, "", 0 },
		{ 0x100, "a", 1 }, /* active: has a number before it is latched */
		{ 0x101, "+1", 2 },
		{ 0x001, "i", 2 },
		{ 0x101, "a", 2 }, /* latched still: the same event */
		{ 0x100, "-", 2 },
		{ 0x000, "i", 2 },
		{ 0x101, "+1a", 3 },
		{ 0x000, "-i", 3 },
	};
	struct fixture *f = *state;
	const struct alarm *alarm;

	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		begin(f, ~0u);
		snapshot_set(f->snapshot, SCOPE_VOLTAGE, Q_ALARM_STATUS, 6, steps[i].status);
		snapshot_set(f->snapshot, SCOPE_VOLTAGE, Q_VOLTAGE, 6, 230000);
		finish(f);
		alarm = alarm_find(f->book, ROW_KEY(SCOPE_VOLTAGE, 6, LEVEL_HIGH));
		assert_string_equal(told(f), steps[i].want);
		assert_int_equal(alarm ? alarm->event : 0, steps[i].event);
		assert_int_equal(alarm ? alarm->active : 0, steps[i].status >> 8);
		assert_int_equal(alarm ? alarm->latched : 0, steps[i].status & 1);
		if (alarm != NULL)
			assert_int_equal(alarm->value, 230000);
	}
}

/* One poll a second, and after each told change no other for three and a half. */
static void states_that_do_not_latch_are_held(void **state)
{
	static const struct {
		int is;
		const char *want;
		uint64_t event;
	} polls[] = {
		{ 0, "", 0 },
		{ 1, "a", 1 },
		{ 0, "", 1 },
		{ 1, "", 1 }, /* the same event goes on */
		{ 0, "", 1 },
		{ 0, "i", 1 }, /* the hold is over, and it is gone */
		{ 1, "", 1 },
		{ 1, "", 1 },
		{ 0, "", 1 },
		{ 1, "a", 2 },
		{ 0, "", 2 },
		{ 1, "", 2 },
		{ 1, "", 2 },
		{ 1, "", 2 }, /* as was told */
		{ 0, "i", 2 }, /* long quiet: at once */
	};
	static const struct {
		enum scope scope;
		unsigned channel;
		int64_t word;
		enum level level;
	} alarms[] = {
		{ SCOPE_BRANCH, 5, HNL, LEVEL_HIGH_NON_LATCHING },
		{ SCOPE_VOLTAGE, 6, 0x100, LEVEL_HIGH }, /* which could be latched as well */
	};
	struct fixture *f = *state;

	f->hold_ms = 3500;
	for (size_t k = 0; k < ARRAY_LEN(alarms); k++) {
		f->events = 0;
		for (size_t i = 0; i < ARRAY_LEN(polls); i++) {
			const struct alarm *alarm;

			begin(f, ~0u);
			snapshot_set(f->snapshot, alarms[k].scope, Q_ALARM_STATUS, alarms[k].channel,
				polls[i].is ? alarms[k].word : 0);
			finish(f);
			alarm = alarm_find(f->book, ROW_KEY(alarms[k].scope, alarms[k].channel,
							    alarms[k].level));
			assert_string_equal(told(f), polls[i].want);
			assert_int_equal(alarm ? alarm->active : 0, polls[i].is);
			assert_int_equal(alarm ? alarm->event : 0, polls[i].event);
			assert_int_equal(alarm ? alarm->cleared_wall_ms == 0 : 1,
				polls[i].is || polls[i].event == 0);
		}
	}
}

/* Also when nothing is read any more. */
static void a_hold_ends_without_a_reading(void **state)
{
	struct fixture *f = *state;

	f->hold_ms = 3000;
	for (int i = 0; i < 3; i++) {
		begin(f, ~0u);
		put(f->snapshot, Q_ALARM_STATUS, i == 1 ? HNL : 0);
		finish(f);
	}
	assert_string_equal(told(f), "");
	begin(f, 0);
	finish(f);
	assert_string_equal(told(f), "");
	begin(f, 0);
	finish(f);
	assert_string_equal(told(f), "i");
}

/* What was told of a meter ends with it, once for each alarm. */
static void a_meter_gone_leaves_no_alarm_behind(void **state)
{
	struct fixture *f = *state;
	struct alarm_book *book;

	begin(f, ~0u);
	snapshot_set(f->snapshot, SCOPE_BRANCH, Q_ALARM_STATUS, 4, 0);
	snapshot_set(f->snapshot, SCOPE_BRANCH, Q_ALARM_STATUS, 5, HH | HNL);
	snapshot_set(f->snapshot, SCOPE_BRANCH, Q_ALARM_STATUS, 6, HH);
	snapshot_set(f->snapshot, SCOPE_BRANCH, Q_COUNT_HIGH_HIGH, 7, 9);
	snapshot_set(f->snapshot, SCOPE_VOLTAGE, Q_ALARM_STATUS, 6, 0x101);
	finish(f);
	begin(f, ~0u);
	snapshot_set(f->snapshot, SCOPE_BRANCH, Q_ALARM_STATUS, 6, 0);
	finish(f);
	f->transitions.count = 0;
	book = alarm_forget(f->book, &f->transitions);
	assert_string_equal(told(f), "-i-");
	assert_int_equal(f->transitions.items[0].event, 1);
	assert_false(f->transitions.items[0].begins);
	assert_false(f->transitions.items[0].latched);
	assert_false(book->known || book->counted);
	assert_int_equal(book->n, 0);
	f->transitions.count = 0;
	alarm_book_unref(alarm_forget(book, &f->transitions));
	assert_int_equal(f->transitions.count, 0);
	alarm_book_unref(book);
}

/* Another profile stands behind the book: what it does not have ends, the rest goes on. */
static void alarms_that_the_layout_lost_end(void **state)
{
	static const struct alarm alarms[] = {
		{ .key = ROW_KEY(SCOPE_BRANCH, 1, 0x40), .latched = true, .event = 3 },
		{ .key = ROW_KEY(SCOPE_BRANCH, 5, LEVEL_HIGH_HIGH), .latched = true, .event = 4 },
		/* could latch in the profile of before */
		{ .key = ROW_KEY(SCOPE_BRANCH, 5, LEVEL_HIGH_NON_LATCHING), .latched = true, .event = 5 },
		{ .key = ROW_KEY(SCOPE_BRANCH, 900, LEVEL_HIGH), .told_active = true, .event = 6 },
		{ .key = ROW_KEY(SCOPE_BRANCH, 901, LEVEL_HIGH), .meter_count = 7 },
		{ .key = ROW_KEY(SCOPE_TWO_POLE, 1, LEVEL_HIGH), .latched = true, .event = 8 },
	};
	struct fixture *f = *state;

	alarm_book_unref(f->book);
	f->book = alarm_book_build(alarms, ARRAY_LEN(alarms), true, false);
	begin(f, ~0u);
	put(f->snapshot, Q_ALARM_STATUS, HH);
	finish(f);
	assert_string_equal(told(f), "--i-");
	assert_int_equal(f->transitions.items[0].event, 3);
	assert_int_equal(f->transitions.items[1].event, 5);
	assert_int_equal(f->transitions.items[3].event, 8);
	assert_int_equal(f->book->n, 2);
	assert_int_equal(f->book->n_latched, 1);
	assert_int_equal(f->events, 0);
}

static void bits_of_a_channel_are_levels_less_one(void **state)
{
	struct fixture *f = *state;
	struct alarm_bits bits;

	assert_int_equal(alarm_channel_bits(f->book, SCOPE_BRANCH, 5).state, STATE_UNKNOWN);
	begin(f, ~0u);
	snapshot_set(f->snapshot, SCOPE_BRANCH, Q_ALARM_STATUS, 4, 0x1f);
	snapshot_set(f->snapshot, SCOPE_BRANCH, Q_ALARM_STATUS, 5, 0x302);
	snapshot_set(f->snapshot, SCOPE_BRANCH, Q_ALARM_STATUS, 6, 0x010);
	snapshot_set(f->snapshot, SCOPE_MAINS, Q_ALARM_STATUS, 5, 0x004);
	finish(f);
	bits = alarm_channel_bits(f->book, SCOPE_BRANCH, 5);
	assert_int_equal(bits.latched, 1u << (LEVEL_HIGH - 1));
	assert_int_equal(bits.active,
		1u << (LEVEL_HIGH_NON_LATCHING - 1) | 1u << (LEVEL_LOW_NON_LATCHING - 1));
	assert_int_equal(bits.state, STATE_WARNING);
	assert_int_equal(alarm_channel_bits(f->book, SCOPE_BRANCH, 6).state, STATE_CRITICAL);
	assert_int_equal(alarm_channel_bits(f->book, SCOPE_BRANCH, 7).state, STATE_OK);
	assert_int_equal(alarm_channel_bits(f->book, SCOPE_MAINS, 5).latched, 1u << (LEVEL_LOW - 1));
	assert_int_equal(alarm_channel_bits(f->book, SCOPE_VOLTAGE, 5).latched, 0);
	assert_int_equal(f->book->n_latched, 5 + 1 + 1 + 1);
	assert_int_equal(f->book->n_active, 2);
}

/* After another meter was found the writer starts with a fresh book: no word of the old one. */
static void another_meter_starts_afresh(void **state)
{
	struct fixture *f = *state;

	begin(f, ~0u);
	put(f->snapshot, Q_ALARM_STATUS, HH);
	put(f->snapshot, Q_COUNT_HIGH_HIGH, 1);
	finish(f);
	begin(f, ~0u);
	snapshot_clear(f->snapshot);
	alarm_book_unref(f->book);
	f->book = alarm_book_ref(f->snapshot->alarms);
	put(f->snapshot, Q_ALARM_STATUS, HH);
	put(f->snapshot, Q_COUNT_HIGH_HIGH, 50);
	finish(f);
	assert_string_equal(told(f), "+1");
	assert_int_equal(alarm_find(f->book, ROW_KEY(SCOPE_BRANCH, 5, LEVEL_HIGH_HIGH))->raise_count, 1);
}

static void set_all_words(struct fixture *f, int word)
{
	static const enum scope scopes[] = { SCOPE_BRANCH, SCOPE_MAINS, SCOPE_VOLTAGE };

	for (size_t i = 0; i < ARRAY_LEN(scopes); i++)
		for (unsigned channel = 1; channel <= 42; channel++)
			snapshot_set(f->snapshot, scopes[i], Q_ALARM_STATUS, channel, word);
}

static void a_storm_keeps_order_and_counts(void **state)
{
	struct fixture *f = *state;
	uint32_t n;

	begin(f, ~0u);
	set_all_words(f, 0);
	finish(f);
	begin(f, ~0u);
	set_all_words(f, 0x31f);
	finish(f);
	n = f->book->n;
	assert_int_equal(n, f->layout->alarms.n);
	for (uint32_t i = 0; i < f->layout->alarms.n; i++)
		assert_non_null(alarm_find(f->book, f->layout->alarms.keys[i]));
	for (uint32_t i = 1; i < n; i++)
		assert_true(f->book->alarms[i - 1].key < f->book->alarms[i].key);
	for (size_t i = 1; i < f->transitions.count; i++)
		assert_true(f->transitions.items[i - 1].key <= f->transitions.items[i].key);

	begin(f, ~0u); /* one in the middle ends: everything else goes along */
	put(f->snapshot, Q_ALARM_STATUS, 0x30f);
	finish(f);
	assert_string_equal(told(f), "-"); /* off */
	assert_int_equal(f->book->n, n);
	begin(f, ~0u);
	set_all_words(f, 0);
	finish(f);
	assert_int_equal(f->book->n, n);
	assert_int_equal(f->book->n_latched + f->book->n_active, 0);
	assert_int_equal(f->book->worst, STATE_OK);
}

/* A meter with one alarm: raised and cleared at random, between its two registers being read too. */
struct meter {
	bool latched;
	unsigned counter; /* since power-up, with rollover */
	unsigned raises;
};

static void meter_moves(struct meter *meter)
{
	switch (rand() % 6) {
	case 0:
		if (meter->latched)
			break;
		meter->latched = true;
		meter->raises++;
		meter->counter = meter->counter == 32767 ? 1 : meter->counter + 1;
		break;
	case 1:
		meter->latched = false;
		break;
	default:
		break;
	}
}

static void every_raise_is_told_exactly_once(void **state)
{
	struct fixture *f = *state;
	struct meter meter = { .counter = 32000 };
	unsigned seed = (unsigned)time(NULL), raised = 0, cleared = 0;

	print_message("seed %u\n", seed);
	srand(seed);
	begin(f, ~0u);
	put(f->snapshot, Q_ALARM_STATUS, 0);
	put(f->snapshot, Q_COUNT_HIGH_HIGH, (int)meter.counter);
	finish(f);
	for (int poll = 0; poll < 20000; poll++) {
		bool last = poll >= 19998;
		unsigned classes = last ? ~0u : (unsigned)rand() % (1u << POLL_CLASSES);
		int first = rand() % 2;

		if (rand() % 50 == 0)
			start_again(f);
		begin(f, classes);
		for (int part = 0; part < 2; part++) {
			if (part == first && classes & 1u << POLL_ALARM)
				put(f->snapshot, Q_ALARM_STATUS, meter.latched);
			if (part != first && classes & 1u << POLL_SLOW)
				put(f->snapshot, Q_COUNT_HIGH_HIGH, (int)meter.counter);
			if (!last)
				meter_moves(&meter);
		}
		finish(f);
		for (size_t i = 0; i < f->transitions.count; i++) {
			raised += f->transitions.items[i].count;
			cleared += f->transitions.items[i].change == ALARM_CLEARED;
		}
	}
	assert_true(meter.raises > 100);
	assert_true(cleared > 100);
	assert_int_equal(raised, meter.raises);
	assert_int_equal(alarm_find(f->book, ROW_KEY(SCOPE_BRANCH, 5, LEVEL_HIGH_HIGH))->raise_count,
		meter.raises);
}

/* Every latch is told, and of every other state one change in a hold. */
static void a_thousand_flaps_of_everything(void **state)
{
	struct fixture *f = *state;
	unsigned latches = 0, states = 0, told_latches = 0, told_states = 0;
	struct rowset *rows = &f->layout->alarms;

	for (uint32_t i = 0; i < rows->n; i++) {
		const struct profile_alarm *rule = profile_alarm_find(f->layout->profile,
			(enum scope)ROW_KEY_A(rows->keys[i]), (enum level)ROW_KEY_C(rows->keys[i]));

		latches += rule->latched_bit >= 0;
		states += rule->active_bit >= 0;
	}
	assert_true(latches > 100 && states > 50);
	f->hold_ms = 10000;
	begin(f, ~0u);
	set_all_words(f, 0);
	finish(f);
	for (int i = 0; i < 2000; i++) {
		begin(f, 1u << POLL_ALARM);
		set_all_words(f, i % 2 == 0 ? 0xffff : 0);
		finish(f);
		for (size_t k = 0; k < f->transitions.count; k++) {
			enum alarm_change change = f->transitions.items[k].change;

			if (change == ALARM_RAISED || change == ALARM_CLEARED)
				told_latches++;
			else
				told_states++;
		}
		for (uint32_t k = 0; k < f->book->n; k++)
			assert_true(f->book->alarms[k].event != 0);
	}
	assert_int_equal(told_latches, 2000 * latches);
	assert_in_range(told_states, states, (2000 / 10 + 1) * states);
	print_message("%u latches: %u told; %u states: %u told\n", latches, told_latches, states,
		told_states);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scripts_are_told_as_they_happened),
		TEST(a_healthy_book_is_empty_shared_and_unchanged),
		TEST(an_alarm_carries_value_times_and_number),
		TEST(latches_found_at_start_are_marked_once),
		TEST(a_counter_that_was_absent_starts_from_what_it_says),
		TEST(latch_and_active_bit_of_one_alarm),
		TEST(states_that_do_not_latch_are_held),
		TEST(a_hold_ends_without_a_reading),
		TEST(a_meter_gone_leaves_no_alarm_behind),
		TEST(alarms_that_the_layout_lost_end),
		TEST(bits_of_a_channel_are_levels_less_one),
		TEST(another_meter_starts_afresh),
		TEST(a_storm_keeps_order_and_counts),
		TEST(every_raise_is_told_exactly_once),
		TEST(a_thousand_flaps_of_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
