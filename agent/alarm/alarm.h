/*
 * alarm: from a meter's status bits and counters to alarm state and transitions.
 *
 * Pure and clock-injected. The link thread calls alarm_update() between reading
 * a meter and publishing the snapshot, so that the alarm book, the branch row
 * and the status bits that a reader sees are always of the same poll. The
 * meter's latched bits are the truth; its counters tell of latches that came
 * and went between two polls.
 *
 * A book is immutable, shared by atomic reference count, and holds only the
 * alarms that have a history: a healthy panel's book is empty.
 */
#ifndef METERX_ALARM_ALARM_H
#define METERX_ALARM_ALARM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/profile.h"

struct snapshot;

struct alarm {
	uint64_t key; /* ROW_KEY(scope, channel, level) */
	bool active;
	bool latched;
	bool found_at_start; /* was there when the agent first saw the meter */
	bool has_value;
	enum worst_state severity;
	uint32_t raise_count; /* since the agent first saw the meter */
	uint64_t event;       /* number of the last raise; 0: never raised */
	int64_t raised_wall_ms;  /* 0: never */
	int64_t cleared_wall_ms; /* 0: never, or raised again since */
	int64_t value;           /* reading when raised, in the unit of the scope */
};

struct alarm_book {
	int refs; /* atomic */
	bool known; /* the status bits have been read at least once */
	uint32_t n_active, n_latched; /* alarms, not channels */
	enum worst_state worst; /* of what is active or latched; UNKNOWN until known */
	uint32_t n;
	struct alarm alarms[]; /* by key */
};

enum alarm_change {
	ALARM_RAISED,        /* latched, or active where the meter has no latch */
	ALARM_RAISED_GONE,   /* came and went between two polls: raised and cleared */
	ALARM_CLEARED,
	ALARM_ACTIVE,        /* non-latched state only */
	ALARM_INACTIVE,
};

struct alarm_transition {
	uint64_t key;
	enum alarm_change change;
	uint32_t count; /* raises behind it, normally 1 */
	uint64_t event;
	int64_t value;
	bool has_value;
};

struct alarm_transitions {
	struct alarm_transition *items; /* reused; free with free() */
	size_t count, capacity;
};

struct alarm_book *alarm_book_new(void); /* empty, not known */
struct alarm_book *alarm_book_ref(struct alarm_book *book);
void alarm_book_unref(struct alarm_book *book);
const struct alarm *alarm_find(const struct alarm_book *book, uint64_t key);

/*
 * The book that follows from the previous one and from the status words and
 * counters in snapshot (of the poll just read). before is the snapshot of the
 * previous poll, NULL for the first: its counters are compared. Returns a
 * reference: previous itself when nothing changed. Transitions are appended.
 * next_event hands out event numbers, one per raise.
 */
struct alarm_book *alarm_update(struct alarm_book *previous, const struct snapshot *before,
	const struct snapshot *snapshot, int64_t now_ms, int64_t now_wall_ms,
	uint64_t (*next_event)(void *arg), void *arg, struct alarm_transitions *transitions);

/* Bits of MxAlarmBits in the MIB: bit number = level - 1. From the book, of one channel. */
struct alarm_bits {
	uint8_t active, latched; /* bit (level - 1) */
	enum worst_state state;  /* UNKNOWN unless book->known */
};
struct alarm_bits alarm_channel_bits(const struct alarm_book *book, enum scope scope,
	unsigned channel);

#endif
