/*
 * alarm: from a meter's status bits and counters to alarm state and transitions.
 *
 * Pure and clock-injected. The link thread calls alarm_update() between reading
 * a meter and publishing the snapshot, so that the alarm book, the branch row
 * and the status bits that a reader sees are always of the same poll. The
 * meter's latched bits are the truth; its counters tell of latches that came
 * and went between two polls.
 *
 * Bits and counters are read at different moments, in either order. One raise
 * is told once: what a bit has told is not told again when the counter follows,
 * and a count without a bit waits for the next reading of the status word,
 * which says whether the latch is still there (RAISED) or not (RAISED_GONE).
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
	int32_t uncounted;    /* raises told less raises counted by the meter; below 0: yet to be told */
	uint64_t event;       /* number of the last raise or activation; 0: never; else unique */
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
	ALARM_RAISED,        /* latched, or active where the meter has no latch; also: again, unseen */
	ALARM_RAISED_GONE,   /* came and went between two polls: raised and cleared */
	ALARM_CLEARED,
	ALARM_ACTIVE,        /* non-latched state only */
	ALARM_INACTIVE,
};

struct alarm_transition {
	uint64_t key;
	enum alarm_change change;
	uint32_t count; /* raises behind it, normally 1; 0 for the other changes */
	uint64_t event; /* of the alarm: a clear has the number of the raise it ends */
	int64_t value;
	bool has_value;
};

struct alarm_transitions {
	struct alarm_transition *items; /* reused; free with free() */
	size_t count, capacity;
};

struct alarm_book *alarm_book_new(void); /* empty, not known */
struct alarm_book *alarm_book_ref(struct alarm_book *book);
void alarm_book_unref(struct alarm_book *book); /* NULL is accepted; any thread */
const struct alarm *alarm_find(const struct alarm_book *book, uint64_t key);

/*
 * The book that follows from the previous one and from the status words and
 * counters in snapshot (of the poll just read; class_ms and fresh_until_ms must
 * be set). before is the snapshot of the previous poll, NULL for the first: its
 * counters are compared. Returns a reference: previous itself when nothing
 * changed. Transitions are appended, by key. next_event hands out event numbers,
 * one per raise and one when an alarm becomes active before it is latched.
 *
 * A status word that is absent leaves its alarms as they were. Counters may be
 * absent or as old as in before; they begin again from 0 when the meter loses
 * power, which is a new base, and roll over from 32767 to 1.
 */
struct alarm_book *alarm_update(struct alarm_book *previous, const struct snapshot *before,
	const struct snapshot *snapshot, int64_t now_ms, int64_t now_wall_ms,
	uint64_t (*next_event)(void *arg), void *arg, struct alarm_transitions *transitions);

/* Whether the status words of all channels are the same in two snapshots of one layout. */
bool alarm_status_same(const struct snapshot *a, const struct snapshot *b);

/* Bits of MxAlarmBits in the MIB: bit number = level - 1. From the book, of one channel. */
struct alarm_bits {
	uint8_t active, latched; /* bit (level - 1) */
	enum worst_state state;  /* UNKNOWN unless book->known */
};
struct alarm_bits alarm_channel_bits(const struct alarm_book *book, enum scope scope,
	unsigned channel);

#endif
