/*
 * store: the latest snapshot of every panel, and the state of every link.
 *
 * A snapshot is whole and immutable once published: a table row is of one
 * moment, and a reader never waits for a bus. The link thread of a panel is its
 * only writer; readers on any thread take a reference and drop it. Superseded
 * snapshots go to a pool of the store, so that polling does not allocate.
 *
 * Zero is a value; absent is absent; old is not new: snapshot_get() says which.
 */
#ifndef METERX_STORE_STORE_H
#define METERX_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "alarm/alarm.h"
#include "config/conf.h"
#include "store/layout.h"

/* Values of MxCommState in the MIB. */
enum comm_state {
	COMM_ONLINE = 1,
	COMM_DEGRADED, /* some polls fail, measurements still valid */
	COMM_OFFLINE,  /* no answer for stale-after polls, or never */
	COMM_DISABLED, /* by configuration */
};

enum quality {
	QUALITY_NONE,  /* the meter has no such value, or said "no value" */
	QUALITY_GOOD,
	QUALITY_STALE, /* a measurement from before the meter fell silent: not to be shown */
};

struct reading {
	int64_t num;       /* meaningless unless quality is GOOD (last value when STALE) */
	int64_t time_ms;   /* monotonic; 0: never read */
	enum quality quality;
};

/* What the meter says it is. Immutable once set, shared by the snapshots of one meter. */
struct identity {
	int refs; /* atomic */
	int model; /* index into profile.models, -1: not known */
	int64_t serial; /* -1: not known */
	char firmware[32]; /* "" when not known */
	char location[132]; /* the meter's own text, "" when none */
};

#define CELL_NONE32 INT32_MIN
#define CELL_NONE64 INT64_MIN

struct snapshot {
	int refs; /* atomic */
	const struct layout *layout;         /* the slot's, which outlives its snapshots */
	enum comm_state comm;
	int64_t published_ms;                /* monotonic */
	int64_t contact_wall_ms;             /* last good answer, wall clock; 0: never */
	int64_t contact_ms;                  /* the same, monotonic */
	int64_t class_ms[POLL_CLASSES];      /* monotonic time of the last complete read; 0: never */
	int64_t fresh_until_ms;              /* monotonic: measurements are withdrawn from here on */
	uint32_t missed;                     /* polls missed in a row */
	uint32_t poll_time_ms;               /* duration of the last complete measurement poll */
	uint32_t poll_interval_ms;           /* achieved: between the last two of them; 0: not known */
	struct identity *identity;           /* NULL: never identified */
	struct alarm_book *alarms;           /* never NULL */
	int64_t *wide;                       /* layout->n_wide */
	int32_t *narrow;                     /* layout->n_narrow, in the same allocation */
};

struct store;
struct slot; /* place of one panel */

struct store *store_new(void);
void store_free(struct store *store); /* every slot and snapshot must have been dropped */

struct store_stats {
	size_t snapshots; /* allocated, pooled ones included */
	size_t pooled;    /* free, kept for the next writer */
	size_t bytes;     /* of all of them */
};
void store_stats(struct store *store, struct store_stats *stats); /* any thread */

/*
 * A place for one panel, with a first snapshot in which everything is absent and
 * the panel OFFLINE (or DISABLED). Takes a reference to the layout. Main thread.
 */
struct slot *store_slot_new(struct store *store, struct layout *layout, enum comm_state comm);
struct slot *store_slot_ref(struct slot *slot);
void store_slot_unref(struct slot *slot); /* NULL is accepted; any thread */

/*
 * Latest snapshot with a reference of the caller's, to be put back before he
 * drops the slot. Any thread; never NULL.
 */
const struct snapshot *store_get(struct slot *slot);
void store_put(struct slot *slot, const struct snapshot *snapshot); /* NULL is accepted */

/*
 * Writer (link thread): begin a new snapshot as a copy of the latest one, change
 * it, publish it. Publishing takes over the writer's reference; readers of the
 * previous one keep it until they drop it. store_cancel() throws it away.
 */
struct snapshot *store_begin(struct slot *slot);
void store_publish(struct slot *slot, struct snapshot *snapshot);
void store_cancel(struct slot *slot, struct snapshot *snapshot);

/* Counts every published change of any alarm book or comm state: readers' caches compare it. */
uint64_t store_alarm_generation(const struct store *store);
/* Whether no such change has even begun since that generation was current. */
bool store_alarms_rest(const struct store *store, uint64_t generation);

/*
 * Writer's side. channel from 1; a channel or quantity the layout lacks is
 * ignored; a value that a 32-bit cell cannot hold is absent.
 */
void snapshot_set(struct snapshot *snapshot, enum scope scope, enum quantity quantity,
	unsigned channel, int64_t value);
void snapshot_set_none(struct snapshot *snapshot, enum scope scope, enum quantity quantity,
	unsigned channel);
/* Replace the identity or alarm book (takes over the reference). */
void snapshot_set_identity(struct snapshot *snapshot, struct identity *identity);
void snapshot_set_alarms(struct snapshot *snapshot, struct alarm_book *book);
/*
 * Forget every value and when it was read, as for another meter in the same
 * place. Identity and alarms too (the book starts as not known).
 */
void snapshot_clear(struct snapshot *snapshot);

/*
 * Reader's side. now_ms is the monotonic time of the request: a measurement is
 * STALE from fresh_until_ms on even when nobody has published since.
 */
struct reading snapshot_get(const struct snapshot *snapshot, enum scope scope,
	enum quantity quantity, unsigned channel, int64_t now_ms);
/* Comm state as a reader must show it: OFFLINE when fresh_until_ms has passed. */
enum comm_state snapshot_comm(const struct snapshot *snapshot, int64_t now_ms);
bool snapshot_fresh(const struct snapshot *snapshot, int64_t now_ms);

struct identity *identity_new(void); /* nothing known */
struct identity *identity_ref(struct identity *identity); /* NULL is accepted */
void identity_unref(struct identity *identity); /* NULL is accepted */

/* Values of MxLinkState in the MIB. */
enum link_state {
	LINK_DOWN = 1,
	LINK_CONNECTING,
	LINK_UP,
	LINK_BACKOFF,
};

struct link_status {
	enum link_state state;
	int64_t changed_wall_ms;
	uint64_t requests;
	uint64_t timeouts;
	uint64_t crc_errors;	     /* answers that were garbled, cut off or none at all */
	uint64_t wrong_answers;	     /* whole ones, but not to our request */
	uint64_t exceptions;	     /* of meters */
	uint64_t gateway_exceptions; /* of gateways that do not reach their meters */
	uint64_t reconnects;
	uint32_t round_trip_us; /* moving mean of good answers; 0: none yet */
	uint32_t load_permille; /* share of the last seconds the line was in use */
	char error[96];         /* why it is not up, "" when it is */
};

struct link_slot; /* place of one link's status */
struct link_slot *link_slot_new(void); /* LINK_DOWN */
struct link_slot *link_slot_ref(struct link_slot *slot);
void link_slot_unref(struct link_slot *slot); /* NULL is accepted */
void link_slot_set(struct link_slot *slot, const struct link_status *status); /* link thread */
void link_slot_get(struct link_slot *slot, struct link_status *status);       /* any thread */

#endif
