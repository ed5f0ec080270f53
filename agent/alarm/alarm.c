/* alarm: see alarm.h. */
#include "config.h"

#include "alarm/alarm.h"

#include <stdlib.h>
#include <string.h>

#include "core/refs.h"
#include "core/util.h"
#include "store/store.h"

/* Latch counters of the meter go from here to 1, never to 0. */
#define COUNTER_MAX 32767

/* Most panels have one of these; the reference they start with is never dropped. */
static struct alarm_book empty_unknown = { .refs = 1, .worst = STATE_UNKNOWN };
static struct alarm_book empty_known = { .refs = 1, .known = true, .worst = STATE_OK };
static struct alarm_book empty_counted = { .refs = 1,
	.known = true,
	.counted = true,
	.worst = STATE_OK };

struct alarm_book *alarm_book_new(void)
{
	return alarm_book_ref(&empty_unknown);
}

struct alarm_book *alarm_book_ref(struct alarm_book *book)
{
	refs_take(&book->refs);
	return book;
}

void alarm_book_unref(struct alarm_book *book)
{
	if (book != NULL && refs_drop(&book->refs))
		free(book);
}

/* First alarm with that key or a higher one. */
static uint32_t position(const struct alarm_book *book, uint64_t key)
{
	uint32_t low = 0, high = book->n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (book->alarms[middle].key < key)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct alarm *alarm_find(const struct alarm_book *book, uint64_t key)
{
	uint32_t at = position(book, key);

	return at < book->n && book->alarms[at].key == key ? &book->alarms[at] : NULL;
}

static enum worst_state worse(enum worst_state a, const struct alarm *alarm)
{
	return (alarm->active || alarm->latched) && alarm->severity > a ? alarm->severity : a;
}

/* What follows from flags and alarms. */
static void sum_up(struct alarm_book *book)
{
	book->refs = 1;
	book->worst = book->known ? STATE_OK : STATE_UNKNOWN;
	for (uint32_t i = 0; i < book->n; i++) {
		book->n_active += book->alarms[i].active;
		book->n_latched += book->alarms[i].latched;
		book->worst = worse(book->worst, &book->alarms[i]);
	}
}

struct alarm_book *alarm_book_build(const struct alarm *alarms, uint32_t n, bool known,
	bool counted)
{
	struct alarm_book *book;

	if (n == 0 && known)
		return alarm_book_ref(counted ? &empty_counted : &empty_known);
	book = xcalloc(1, sizeof(*book) + n * sizeof(book->alarms[0]));
	book->known = known;
	book->counted = counted;
	book->n = n;
	if (n > 0)
		memcpy(book->alarms, alarms, n * sizeof(book->alarms[0]));
	sum_up(book);
	return book;
}

bool alarm_status_same(const struct snapshot *a, const struct snapshot *b)
{
	for (int scope = 0; scope < SCOPE_COUNT; scope++) {
		const struct layout_slot *slot = &a->layout->slots[scope][Q_ALARM_STATUS];

		if (slot->offset >= 0 &&
			memcmp(a->narrow + slot->offset, b->narrow + slot->offset,
				slot->count * sizeof(a->narrow[0])) != 0)
			return false;
	}
	return true;
}

struct alarm_bits alarm_channel_bits(const struct alarm_book *book, enum scope scope,
	unsigned channel)
{
	struct alarm_bits bits = { .state = book->known ? STATE_OK : STATE_UNKNOWN };
	uint64_t end = ROW_KEY(scope, channel + 1, 0);

	if (!book->known)
		return bits;
	for (uint32_t i = position(book, ROW_KEY(scope, channel, 0));
		i < book->n && book->alarms[i].key < end; i++) {
		const struct alarm *alarm = &book->alarms[i];
		uint8_t bit = (uint8_t)(1u << (ROW_KEY_C(alarm->key) - 1));

		bits.active |= alarm->active ? bit : 0;
		bits.latched |= alarm->latched ? bit : 0;
		bits.state = worse(bits.state, alarm);
	}
	return bits;
}

/* Telling */

static struct alarm_transition *add_transition(struct alarm_transitions *list,
	const struct alarm *alarm, enum alarm_change change)
{
	struct alarm_transition *item;

	if (list->count == list->capacity) {
		list->capacity = list->capacity ? list->capacity * 2 : 16;
		list->items = xrealloc(list->items, list->capacity, sizeof(*list->items));
	}
	item = &list->items[list->count++];
	*item = (struct alarm_transition){
		.key = alarm->key,
		.change = change,
		.severity = alarm->severity,
		.active = alarm->active,
		.latched = alarm->latched,
		.event = alarm->event,
	};
	return item;
}

/* There is nothing any more that could say so itself. */
static void end_alarm(struct alarm_transitions *list, const struct alarm *alarm)
{
	struct alarm over = *alarm;

	over.active = over.latched = false;
	if (alarm->latched)
		add_transition(list, &over, ALARM_CLEARED);
	else if (alarm->told_active)
		add_transition(list, &over, ALARM_INACTIVE);
}

struct alarm_book *alarm_forget(const struct alarm_book *book,
	struct alarm_transitions *transitions)
{
	for (uint32_t i = 0; i < book->n; i++)
		end_alarm(transitions, &book->alarms[i]);
	return alarm_book_new();
}

/* One call of alarm_update(): a merge of the previous book with the layout's alarms, both by key. */
struct update {
	const struct alarm_book *previous;
	const struct snapshot *before, *snapshot;
	const struct alarm_terms *terms;
	struct alarm_transitions *transitions;
	uint32_t at;             /* next of previous */
	bool known, counted;     /* some status word, some counter has been read */
	struct alarm_book *next; /* NULL as long as it would equal previous */
};

/* One alarm of one channel, and what has just been read about it. */
struct sight {
	const struct profile_alarm *rule;
	unsigned channel;
	struct reading status;
	bool read_again; /* the status word is newer than in the snapshot before */
};

/* Counters count latches. */
static bool has_counter(const struct profile_alarm *rule)
{
	return rule->counter >= 0 && rule->latched_bit >= 0;
}

static struct reading measured(const struct update *update, const struct sight *sight)
{
	enum scope scope = sight->rule->scope;
	bool voltage = scope == SCOPE_VOLTAGE || scope == SCOPE_ALT_VOLTAGE;

	return snapshot_get(update->snapshot, scope, voltage ? Q_VOLTAGE : Q_CURRENT,
		sight->channel, update->terms->now_ms);
}

static struct alarm_transition *tell(struct update *update, const struct sight *sight,
	const struct alarm *alarm, enum alarm_change change)
{
	struct alarm_transition *item = add_transition(update->transitions, alarm, change);
	struct reading reading = measured(update, sight);

	item->has_value = change != ALARM_RAISED_GONE && reading.quality == QUALITY_GOOD;
	item->value = item->has_value ? reading.num : 0;
	return item;
}

/* A change with a number of its own, which from now on is the alarm's. */
static struct alarm_transition *begin_event(struct update *update, const struct sight *sight,
	struct alarm *alarm, enum alarm_change change)
{
	int64_t now_wall_ms = update->terms->now_wall_ms;
	struct alarm_transition *item;

	alarm->severity = sight->rule->severity;
	alarm->event = update->terms->next_event(update->terms->arg);
	alarm->found_at_start = change != ALARM_RAISED_GONE && !update->previous->known;
	alarm->raised_wall_ms = now_wall_ms;
	alarm->cleared_wall_ms = alarm->active || alarm->latched ? 0 : now_wall_ms;
	item = tell(update, sight, alarm, change);
	item->begins = true;
	item->found = alarm->found_at_start;
	alarm->has_value = item->has_value;
	alarm->value = item->value;
	return item;
}

/* Latches */

/* By how much a counter rose; false when there is nothing to compare it with. */
static bool counter_rise(int32_t before, int64_t now, int32_t *rise)
{
	int64_t difference = now - before;

	if (before < 0)
		return false;
	if (now > 0 && now < COUNTER_MAX / 10 && before <= COUNTER_MAX &&
		before > COUNTER_MAX - COUNTER_MAX / 10)
		difference += COUNTER_MAX;
	if (difference < 0 || difference > COUNTER_MAX)
		return false;
	*rise = (int32_t)difference;
	return true;
}

/*
 * Take in the meter's counter. False when it begins from a new base: what the
 * bits have told until now is in that base and will not be counted again.
 */
static bool count_raises(const struct update *update, const struct sight *sight,
	struct alarm *alarm)
{
	struct reading now;
	int32_t rise, before = alarm->meter_count;

	if (!has_counter(sight->rule))
		return false;
	now = snapshot_get(update->snapshot, sight->rule->scope,
		(enum quantity)sight->rule->counter, sight->channel, update->terms->now_ms);
	if (now.quality != QUALITY_GOOD)
		return true;
	alarm->meter_count = now.num >= 0 && now.num <= INT32_MAX ? (int32_t)now.num : -1;
	if (!counter_rise(before, now.num, &rise))
		return false;
	if (alarm->uncounted > -COUNTER_MAX) /* a counter gone mad */
		alarm->uncounted -= rise;
	return true;
}

static void raise_alarm(struct update *update, const struct sight *sight, struct alarm *alarm,
	enum alarm_change change, int32_t count)
{
	begin_event(update, sight, alarm, change)->count = (uint32_t)count;
	alarm->raise_count += (uint32_t)count;
	alarm->uncounted += count;
}

/* waiting: counts of earlier updates. */
static void follow_latch(struct update *update, const struct sight *sight, struct alarm *alarm,
	bool was, int32_t waiting)
{
	int32_t to_tell = alarm->uncounted < 0 ? -alarm->uncounted : 0;

	if (alarm->latched && (!was || to_tell > 0))
		raise_alarm(update, sight, alarm, ALARM_RAISED, to_tell > 0 ? to_tell : 1);
	else if (!alarm->latched && !was && waiting > 0 && sight->read_again)
		raise_alarm(update, sight, alarm, ALARM_RAISED_GONE, waiting);
	else if (!alarm->latched && was)
		tell(update, sight, alarm, ALARM_CLEARED);
}

/* States that do not latch */

/* While it is latched, the state belongs to the event of the latch. */
static void tell_active(struct update *update, const struct sight *sight, struct alarm *alarm)
{
	if (alarm->latched) {
		tell(update, sight, alarm, ALARM_ACTIVE);
		return;
	}
	begin_event(update, sight, alarm, ALARM_ACTIVE);
	alarm->raise_count += sight->rule->latched_bit < 0;
}

/* More than a whole hold is none: it was shortened, or begun on the clock of another day. */
static bool is_held(const struct alarm *alarm, const struct alarm_terms *terms)
{
	int64_t left_ms = alarm->hold_until_ms - terms->now_ms;

	return left_ms > 0 && left_ms <= terms->hold_ms;
}

static void follow_active(struct update *update, const struct sight *sight, struct alarm *alarm)
{
	const struct alarm_terms *terms = update->terms;

	if (alarm->active == alarm->told_active || is_held(alarm, terms))
		return;
	if (alarm->active)
		tell_active(update, sight, alarm);
	else
		tell(update, sight, alarm, ALARM_INACTIVE);
	alarm->told_active = alarm->active;
	alarm->hold_until_ms = terms->now_ms + terms->hold_ms;
}

/* Both */

static bool bit_set(int64_t word, int8_t bit)
{
	return bit >= 0 && (word >> bit & 1) != 0;
}

static void follow_bits(struct update *update, const struct sight *sight, struct alarm *alarm,
	int32_t waiting)
{
	bool was_latched = alarm->latched, was = alarm->active || alarm->latched, is;

	alarm->active = bit_set(sight->status.num, sight->rule->active_bit);
	alarm->latched = bit_set(sight->status.num, sight->rule->latched_bit);
	is = alarm->active || alarm->latched;
	if (is != was)
		alarm->cleared_wall_ms = is ? 0 : update->terms->now_wall_ms;
	follow_latch(update, sight, alarm, was_latched, waiting);
	follow_active(update, sight, alarm);
}

static void follow_alarm(struct update *update, const struct sight *sight, struct alarm *alarm)
{
	int32_t waiting = alarm->uncounted < 0 ? -alarm->uncounted : 0;
	bool counted = count_raises(update, sight, alarm);

	if (sight->status.quality == QUALITY_GOOD)
		follow_bits(update, sight, alarm, waiting);
	if (!counted && alarm->uncounted > 0)
		alarm->uncounted = 0;
}

/* The next book */

static bool alarm_same(const struct alarm *a, const struct alarm *b)
{
	return a->active == b->active && a->latched == b->latched &&
	       a->told_active == b->told_active && a->event == b->event &&
	       a->uncounted == b->uncounted && a->meter_count == b->meter_count &&
	       a->cleared_wall_ms == b->cleared_wall_ms;
}

static int32_t blank_count(const struct profile_alarm *rule, bool counted)
{
	return counted && has_counter(rule) ? 0 : -1;
}

/* It needs no place in a book. */
static bool is_blank(const struct alarm *alarm, int32_t count)
{
	return alarm->event == 0 && alarm->uncounted == 0 && alarm->meter_count == count;
}

/* Begin the next book with what has been passed unchanged. */
static void copy_on_change(struct update *update)
{
	const struct alarm_book *previous = update->previous;
	size_t room = previous->n + update->snapshot->layout->alarms.n;

	if (update->next != NULL)
		return;
	update->next = xcalloc(1, sizeof(*previous) + room * sizeof(previous->alarms[0]));
	update->next->n = update->at;
	if (update->at > 0)
		memcpy(update->next->alarms, previous->alarms,
			update->at * sizeof(previous->alarms[0]));
}

/* Alarms of the previous book below key: the layout has them no more. */
static void drop_below(struct update *update, uint64_t key)
{
	const struct alarm_book *previous = update->previous;

	for (; update->at < previous->n && previous->alarms[update->at].key < key; update->at++) {
		copy_on_change(update);
		end_alarm(update->transitions, &previous->alarms[update->at]);
	}
}

static void merge_alarm(struct update *update, const struct sight *sight, uint64_t key)
{
	const struct alarm_book *previous = update->previous;
	struct alarm alarm = { .key = key,
		.severity = sight->rule->severity,
		.meter_count = blank_count(sight->rule, previous->counted) };
	struct alarm before = alarm;
	bool known = update->at < previous->n && previous->alarms[update->at].key == key;
	bool keep;

	if (known)
		alarm = before = previous->alarms[update->at];
	follow_alarm(update, sight, &alarm);
	keep = !is_blank(&alarm, blank_count(sight->rule, update->counted));
	if (keep != known || (known && !alarm_same(&alarm, &before)))
		copy_on_change(update);
	if (keep && update->next != NULL)
		update->next->alarms[update->next->n++] = alarm;
	update->at += known;
}

struct rules {
	const struct profile_alarm *of[SCOPE_COUNT][LEVEL_COUNT];
};

static struct rules list_rules(const struct profile *profile)
{
	struct rules rules = { 0 };

	for (unsigned i = 0; i < profile->n_alarms; i++)
		rules.of[profile->alarms[i].scope][profile->alarms[i].level] = &profile->alarms[i];
	return rules;
}

static bool counters_read(const struct update *update)
{
	const struct snapshot *snapshot = update->snapshot;
	const struct profile *profile = snapshot->layout->profile;

	for (unsigned i = 0; i < profile->n_alarms; i++) {
		const struct profile_alarm *rule = &profile->alarms[i];
		const struct layout_slot *at;

		if (!has_counter(rule))
			continue;
		at = &snapshot->layout->slots[rule->scope][rule->counter];
		for (unsigned channel = 1; channel <= at->count; channel++)
			if (snapshot_get(snapshot, rule->scope, (enum quantity)rule->counter,
				    channel, update->terms->now_ms)
					.quality == QUALITY_GOOD)
				return true;
	}
	return false;
}

static void merge(struct update *update)
{
	const struct snapshot *snapshot = update->snapshot, *before = update->before;
	const struct layout *layout = snapshot->layout;
	const struct rules rules = list_rules(layout->profile);

	for (uint32_t i = 0; i < layout->alarms.n; i++) {
		uint64_t key = layout->alarms.keys[i];
		enum scope scope = (enum scope)ROW_KEY_A(key);
		unsigned poll = layout->slots[scope][Q_ALARM_STATUS].poll;
		struct sight sight = {
			.rule = rules.of[scope][ROW_KEY_C(key)],
			.channel = ROW_KEY_B(key),
			.read_again = before == NULL ||
				      snapshot->class_ms[poll] != before->class_ms[poll],
		};

		sight.status = snapshot_get(snapshot, scope, Q_ALARM_STATUS, sight.channel,
			update->terms->now_ms);
		update->known |= sight.status.quality == QUALITY_GOOD;
		drop_below(update, key);
		merge_alarm(update, &sight, key);
	}
	drop_below(update, UINT64_MAX);
}

static struct alarm_book *finish(struct update *update)
{
	struct alarm_book *book;

	copy_on_change(update); /* at the end of previous, if only the flags have changed */
	book = update->next;
	if (book->n == 0 && update->known) {
		free(book);
		return alarm_book_build(NULL, 0, true, update->counted);
	}
	book = xrealloc(book, 1, sizeof(*book) + book->n * sizeof(book->alarms[0]));
	book->known = update->known;
	book->counted = update->counted;
	sum_up(book);
	return book;
}

struct alarm_book *alarm_update(struct alarm_book *previous, const struct snapshot *before,
	const struct snapshot *snapshot, const struct alarm_terms *terms,
	struct alarm_transitions *transitions)
{
	struct update update = {
		.previous = previous,
		.before = before,
		.snapshot = snapshot,
		.terms = terms,
		.transitions = transitions,
		.known = previous->known,
	};

	update.counted = previous->counted || counters_read(&update);
	merge(&update);
	if (update.next == NULL && update.known == previous->known &&
		update.counted == previous->counted)
		return alarm_book_ref(previous);
	return finish(&update);
}
