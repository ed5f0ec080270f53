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

/* One call of alarm_update(): a merge of the previous book with the layout's alarms, both by key. */
struct update {
	const struct alarm_book *previous;
	const struct snapshot *before, *snapshot;
	int64_t now_ms, now_wall_ms;
	uint64_t (*next_event)(void *arg);
	void *arg;
	struct alarm_transitions *transitions;
	uint32_t at;             /* next of previous */
	bool known;              /* some status word has been read */
	struct alarm_book *next; /* NULL as long as it would equal previous */
};

/* One alarm of one channel, and what has just been read about it. */
struct sight {
	const struct profile_alarm *rule;
	unsigned channel;
	struct reading status;
	bool read_again; /* the status word is newer than in the snapshot before */
};

static void tell(struct update *update, const struct alarm *alarm, enum alarm_change change,
	uint32_t count)
{
	struct alarm_transitions *list = update->transitions;

	if (list->count == list->capacity) {
		list->capacity = list->capacity ? list->capacity * 2 : 16;
		list->items = xrealloc(list->items, list->capacity, sizeof(*list->items));
	}
	list->items[list->count++] = (struct alarm_transition){
		.key = alarm->key,
		.change = change,
		.count = count,
		.event = alarm->event,
		.value = alarm->value,
		.has_value = alarm->has_value,
	};
}

static void begin_event(struct update *update, const struct sight *sight, struct alarm *alarm)
{
	enum scope scope = sight->rule->scope;
	bool voltage = scope == SCOPE_VOLTAGE || scope == SCOPE_ALT_VOLTAGE;
	struct reading reading = snapshot_get(update->snapshot, scope,
		voltage ? Q_VOLTAGE : Q_CURRENT, sight->channel, update->now_ms);

	alarm->event = update->next_event(update->arg);
	alarm->has_value = reading.quality == QUALITY_GOOD;
	alarm->value = alarm->has_value ? reading.num : 0;
}

static void raise_alarm(struct update *update, const struct sight *sight, struct alarm *alarm,
	enum alarm_change change, int32_t count)
{
	begin_event(update, sight, alarm);
	alarm->raise_count += (uint32_t)count;
	alarm->uncounted += count;
	alarm->found_at_start = change == ALARM_RAISED && !update->previous->known;
	alarm->raised_wall_ms = update->now_wall_ms;
	alarm->cleared_wall_ms = change == ALARM_RAISED ? 0 : update->now_wall_ms;
	tell(update, alarm, change, (uint32_t)count);
}

/* By how much a counter rose; false when there is nothing to compare it with. */
static bool counter_rise(struct reading before, struct reading now, int32_t *rise)
{
	int64_t difference = now.num - before.num;

	if (before.quality != QUALITY_GOOD)
		return false;
	if (now.num > 0 && now.num < COUNTER_MAX / 10 && before.num <= COUNTER_MAX &&
		before.num > COUNTER_MAX - COUNTER_MAX / 10)
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
static bool count_raises(struct update *update, const struct sight *sight, struct alarm *alarm)
{
	struct reading before = { .quality = QUALITY_NONE }, now;
	enum quantity counter = (enum quantity)sight->rule->counter;
	enum scope scope = sight->rule->scope;
	int32_t rise;

	if (sight->rule->counter < 0)
		return false;
	now = snapshot_get(update->snapshot, scope, counter, sight->channel, update->now_ms);
	if (now.quality != QUALITY_GOOD)
		return true;
	if (update->before != NULL)
		before = snapshot_get(update->before, scope, counter, sight->channel,
			update->now_ms);
	if (!counter_rise(before, now, &rise))
		return false;
	if (alarm->uncounted > -COUNTER_MAX) /* a counter gone mad */
		alarm->uncounted -= rise;
	return true;
}

/* raised: the latch, or the active bit where there is none. waiting: counts of earlier updates. */
static void follow_raise(struct update *update, const struct sight *sight, struct alarm *alarm,
	bool was, bool is, int32_t waiting)
{
	int32_t to_tell = alarm->uncounted < 0 ? -alarm->uncounted : 0;

	if (is && (!was || to_tell > 0))
		raise_alarm(update, sight, alarm, ALARM_RAISED, to_tell > 0 ? to_tell : 1);
	else if (!is && !was && waiting > 0 && sight->read_again)
		raise_alarm(update, sight, alarm, ALARM_RAISED_GONE, waiting);
	else if (!is && was) {
		alarm->cleared_wall_ms = update->now_wall_ms;
		tell(update, alarm, ALARM_CLEARED, 0);
	}
}

static void follow_active(struct update *update, const struct sight *sight, struct alarm *alarm,
	bool was)
{
	if (alarm->active && !was) {
		if (!alarm->latched)
			begin_event(update, sight, alarm);
		tell(update, alarm, ALARM_ACTIVE, 0);
	} else if (!alarm->active && was) {
		tell(update, alarm, ALARM_INACTIVE, 0);
	}
}

static bool bit_set(int64_t word, int8_t bit)
{
	return bit >= 0 && (word >> bit & 1) != 0;
}

static void follow_bits(struct update *update, const struct sight *sight, struct alarm *alarm,
	int32_t waiting)
{
	bool was_active = alarm->active, was_latched = alarm->latched;

	alarm->active = bit_set(sight->status.num, sight->rule->active_bit);
	alarm->latched = bit_set(sight->status.num, sight->rule->latched_bit);
	if (sight->rule->latched_bit < 0) {
		follow_raise(update, sight, alarm, was_active, alarm->active, waiting);
	} else {
		follow_raise(update, sight, alarm, was_latched, alarm->latched, waiting);
		follow_active(update, sight, alarm, was_active);
	}
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

static bool alarm_same(const struct alarm *a, const struct alarm *b)
{
	return a->active == b->active && a->latched == b->latched && a->event == b->event &&
	       a->uncounted == b->uncounted && a->cleared_wall_ms == b->cleared_wall_ms;
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
	memcpy(update->next->alarms, previous->alarms, update->at * sizeof(previous->alarms[0]));
}

static void merge_alarm(struct update *update, const struct sight *sight, uint64_t key)
{
	const struct alarm_book *previous = update->previous;
	struct alarm alarm = { .key = key, .severity = sight->rule->severity };
	struct alarm before = alarm;
	bool known = update->at < previous->n && previous->alarms[update->at].key == key;

	if (known)
		alarm = before = previous->alarms[update->at];
	follow_alarm(update, sight, &alarm);
	if (!alarm_same(&alarm, &before))
		copy_on_change(update);
	else if (!known)
		return;
	if (update->next != NULL)
		update->next->alarms[update->next->n++] = alarm;
	update->at += known;
}

static void merge(struct update *update)
{
	const struct snapshot *snapshot = update->snapshot, *before = update->before;
	const struct layout *layout = snapshot->layout;
	const struct profile_alarm *rules[SCOPE_COUNT][LEVEL_COUNT] = { 0 };

	for (unsigned i = 0; i < layout->profile->n_alarms; i++) {
		const struct profile_alarm *rule = &layout->profile->alarms[i];

		rules[rule->scope][rule->level] = rule;
	}
	for (uint32_t i = 0; i < layout->alarms.n; i++) {
		uint64_t key = layout->alarms.keys[i];
		enum scope scope = (enum scope)ROW_KEY_A(key);
		unsigned poll = layout->slots[scope][Q_ALARM_STATUS].poll;
		struct sight sight = {
			.rule = rules[scope][ROW_KEY_C(key)],
			.channel = ROW_KEY_B(key),
			.read_again = before == NULL ||
				      snapshot->class_ms[poll] != before->class_ms[poll],
		};

		sight.status = snapshot_get(snapshot, scope, Q_ALARM_STATUS, sight.channel,
			update->now_ms);
		update->known |= sight.status.quality == QUALITY_GOOD;
		merge_alarm(update, &sight, key);
	}
}

static struct alarm_book *finish(struct update *update)
{
	struct alarm_book *book = update->next;

	if (book == NULL) /* nothing but now known: what is not known is empty */
		return alarm_book_ref(&empty_known);
	book = xrealloc(book, 1, sizeof(*book) + book->n * sizeof(book->alarms[0]));
	book->refs = 1;
	book->known = update->known;
	book->worst = book->known ? STATE_OK : STATE_UNKNOWN;
	for (uint32_t i = 0; i < book->n; i++) {
		book->n_active += book->alarms[i].active;
		book->n_latched += book->alarms[i].latched;
		book->worst = worse(book->worst, &book->alarms[i]);
	}
	return book;
}

struct alarm_book *alarm_update(struct alarm_book *previous, const struct snapshot *before,
	const struct snapshot *snapshot, int64_t now_ms, int64_t now_wall_ms,
	uint64_t (*next_event)(void *arg), void *arg, struct alarm_transitions *transitions)
{
	struct update update = {
		.previous = previous,
		.before = previous->known ? before : NULL, /* not of another meter */
		.snapshot = snapshot,
		.now_ms = now_ms,
		.now_wall_ms = now_wall_ms,
		.next_event = next_event,
		.arg = arg,
		.transitions = transitions,
		.known = previous->known,
	};

	merge(&update);
	if (update.next == NULL && update.known == previous->known)
		return alarm_book_ref(previous);
	return finish(&update);
}
