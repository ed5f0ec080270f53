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
 * Every latch is told. Of a state that does not latch, one change in each hold
 * time is: the first at once, and when the hold ends, what has become of it.
 *
 * A book is immutable, shared by atomic reference count, and holds only the
 * alarms that have a history: a healthy panel's book is empty. It is all that
 * has to be kept for an agent that starts again to go on where this one ended.
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
	bool told_active;    /* what was last told of active; another only during a hold */
	bool found_at_start; /* was there when the agent first saw the meter */
	bool has_value;
	enum worst_state severity;
	uint32_t raise_count;  /* since the agent first saw the meter */
	int32_t uncounted;     /* raises told less raises counted by the meter; below 0: yet to be told */
	int32_t meter_count;   /* last content of the meter's counter; -1: not known */
	uint64_t event;        /* number of the last raise or activation; 0: never; else unique */
	int64_t raised_wall_ms;  /* 0: never */
	int64_t cleared_wall_ms; /* 0: never, or there again since */
	int64_t value;           /* reading when raised, in the unit of the scope */
	int64_t hold_until_ms;   /* monotonic: until then no change of active is told; not to be stored */
};

/*
 * An alarm that is not in the book was never there; its counter stood at 0 if
 * the counters have been read, else it is not known.
 */
struct alarm_book {
	int refs;     /* atomic */
	bool known;   /* the status bits have been read at least once */
	bool counted; /* so have the counters */
	uint32_t n_active, n_latched; /* alarms, not channels */
	enum worst_state worst; /* of what is active or latched; UNKNOWN until known */
	uint32_t n;
	struct alarm alarms[]; /* by key */
};

enum alarm_change {
	ALARM_RAISED,      /* latched; also: again, unseen */
	ALARM_RAISED_GONE, /* came and went between two polls: raised and cleared */
	ALARM_CLEARED,     /* latched no more */
	ALARM_ACTIVE,      /* the state that does not latch */
	ALARM_INACTIVE,
};

struct alarm_transition {
	uint64_t key;
	enum alarm_change change;
	enum worst_state severity; /* of the alarm */
	bool active, latched;      /* after the change */
	bool begins; /* event is the number of this change; else it is that of the raise behind it */
	bool found;  /* begins: was there when the agent first saw the meter */
	uint32_t count; /* raises behind it, normally 1; 0 for the other changes */
	uint64_t event;
	int64_t value; /* reading at the change; not known of what came and went */
	bool has_value;
};

struct alarm_transitions {
	struct alarm_transition *items; /* reused; free with free() */
	size_t count, capacity;
};

struct alarm_book *alarm_book_new(void); /* empty, not known */
/* Of alarms sorted by key, as they were stored; the rest of the book follows from them. */
struct alarm_book *alarm_book_build(const struct alarm *alarms, uint32_t n, bool known,
	bool counted);
struct alarm_book *alarm_book_ref(struct alarm_book *book);
void alarm_book_unref(struct alarm_book *book); /* NULL is accepted; any thread */
const struct alarm *alarm_find(const struct alarm_book *book, uint64_t key);

/* What alarm_update() goes by beside the snapshots. */
struct alarm_terms {
	int64_t now_ms, now_wall_ms;
	uint32_t hold_ms; /* 0: every change of a state is told */
	uint64_t (*next_event)(void *arg);
	void *arg;
};

/*
 * The book that follows from the previous one and from the status words and
 * counters in snapshot (of the poll just read; class_ms and fresh_until_ms must
 * be set). before is the snapshot of the previous poll, NULL for the first: it
 * says whether the status words have been read again. Returns a reference:
 * previous itself when nothing changed. Transitions are appended, by key.
 * next_event hands out event numbers, one per raise and one when an alarm
 * becomes active before it is latched.
 *
 * A status word that is absent leaves its alarms as they were. Counters may be
 * absent or as old as in before; they begin again from 0 when the meter loses
 * power, which is a new base, and roll over from 32767 to 1. Alarms that the
 * layout does not have any more end. Called without a new reading it ends what
 * was held too long.
 */
struct alarm_book *alarm_update(struct alarm_book *previous, const struct snapshot *before,
	const struct snapshot *snapshot, const struct alarm_terms *terms,
	struct alarm_transitions *transitions);

/*
 * The meter behind the book is gone for good: whatever was told of it ends.
 * Returns a new book (empty, not known); the reference to book stays the caller's.
 */
struct alarm_book *alarm_forget(const struct alarm_book *book,
	struct alarm_transitions *transitions);

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
