/*
 * store: see store.h.
 *
 * Locks: slot->lock guards slot->latest alone and is held for a few
 * instructions; store->lock guards the pools. Neither is taken under the other,
 * nothing is called under either. All counts are atomic.
 */
#include "config.h"

#include "store/store.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/refs.h"
#include "core/util.h"

/* More than writers work on at the same time; what comes back beyond it is freed. */
#define POOL_KEEP 8

/* Snapshots of one size, for all slots whose layouts have that size. */
struct pool {
	struct pool *next;
	uint32_t n_narrow, n_wide;
	unsigned slots; /* that use it; the last one takes it along */
	size_t snapshots;
	unsigned n_free;
	struct snapshot *free[POOL_KEEP];
};

struct store {
	pthread_mutex_t lock; /* pools */
	struct pool *pools;
	_Atomic uint64_t alarm_changes;    /* begun */
	_Atomic uint64_t alarm_generation; /* of these, done */
};

struct slot {
	/* What a reader touches comes first, to be in one cache line. */
	pthread_mutex_t lock; /* latest */
	struct snapshot *latest;
	int refs; /* atomic */
	struct store *store;
	struct layout *layout;
	struct pool *pool;
};

struct store *store_new(void)
{
	struct store *store = xcalloc(1, sizeof(*store));

	pthread_mutex_init(&store->lock, NULL);
	return store;
}

void store_free(struct store *store)
{
	if (store == NULL)
		return;
	pthread_mutex_destroy(&store->lock);
	free(store);
}

uint64_t store_alarm_generation(const struct store *store)
{
	return atomic_load(&store->alarm_generation);
}

bool store_alarms_rest(const struct store *store, uint64_t generation)
{
	return atomic_load(&store->alarm_changes) == generation;
}

/* Pools of snapshots. */

static size_t pool_snapshot_size(const struct pool *pool)
{
	return sizeof(struct snapshot) + pool->n_wide * sizeof(int64_t) +
	       pool->n_narrow * sizeof(int32_t);
}

static struct pool *pool_join(struct store *store, const struct layout *layout)
{
	struct pool *pool;

	pthread_mutex_lock(&store->lock);
	for (pool = store->pools; pool != NULL; pool = pool->next)
		if (pool->n_narrow == layout->n_narrow && pool->n_wide == layout->n_wide)
			break;
	if (pool == NULL) {
		pool = xcalloc(1, sizeof(*pool));
		pool->n_narrow = layout->n_narrow;
		pool->n_wide = layout->n_wide;
		pool->next = store->pools;
		store->pools = pool;
	}
	pool->slots++;
	pthread_mutex_unlock(&store->lock);
	return pool;
}

static void pool_leave(struct store *store, struct pool *pool)
{
	struct pool **at = &store->pools;

	pthread_mutex_lock(&store->lock);
	if (--pool->slots > 0) {
		pthread_mutex_unlock(&store->lock);
		return;
	}
	while (*at != pool)
		at = &(*at)->next;
	*at = pool->next;
	pthread_mutex_unlock(&store->lock);
	while (pool->n_free > 0)
		free(pool->free[--pool->n_free]);
	free(pool);
}

static struct snapshot *pool_take(struct store *store, struct pool *pool)
{
	struct snapshot *snapshot = NULL;

	pthread_mutex_lock(&store->lock);
	if (pool->n_free > 0)
		snapshot = pool->free[--pool->n_free];
	else
		pool->snapshots++;
	pthread_mutex_unlock(&store->lock);
	return snapshot != NULL ? snapshot : xcalloc(1, pool_snapshot_size(pool));
}

static void pool_give(struct store *store, struct pool *pool, struct snapshot *snapshot)
{
	pthread_mutex_lock(&store->lock);
	if (pool->n_free < POOL_KEEP) {
		pool->free[pool->n_free++] = snapshot;
		snapshot = NULL;
	} else {
		pool->snapshots--;
	}
	pthread_mutex_unlock(&store->lock);
	free(snapshot);
}

void store_stats(struct store *store, struct store_stats *stats)
{
	*stats = (struct store_stats){ 0 };
	pthread_mutex_lock(&store->lock);
	for (const struct pool *pool = store->pools; pool != NULL; pool = pool->next) {
		stats->snapshots += pool->snapshots;
		stats->pooled += pool->n_free;
		stats->bytes += pool->snapshots * pool_snapshot_size(pool);
	}
	pthread_mutex_unlock(&store->lock);
}

/* Snapshots: the header, then the wide cells, then the narrow ones. */

static struct snapshot *snapshot_take(struct slot *slot)
{
	struct snapshot *snapshot = pool_take(slot->store, slot->pool);

	snapshot->refs = 1;
	snapshot->layout = slot->layout;
	snapshot->wide = (int64_t *)(snapshot + 1);
	snapshot->narrow = (int32_t *)(snapshot->wide + slot->layout->n_wide);
	return snapshot;
}

static void snapshot_drop(struct slot *slot, struct snapshot *snapshot)
{
	if (!refs_drop(&snapshot->refs))
		return;
	identity_unref(snapshot->identity);
	alarm_book_unref(snapshot->alarms);
	pool_give(slot->store, slot->pool, snapshot);
}

static void snapshot_forget(struct snapshot *snapshot)
{
	for (uint32_t i = 0; i < snapshot->layout->n_wide; i++)
		snapshot->wide[i] = CELL_NONE64;
	for (uint32_t i = 0; i < snapshot->layout->n_narrow; i++)
		snapshot->narrow[i] = CELL_NONE32;
	memset(snapshot->class_ms, 0, sizeof(snapshot->class_ms));
	snapshot->fresh_until_ms = 0;
	snapshot->identity = NULL;
	snapshot->alarms = alarm_book_new();
}

static struct snapshot *snapshot_first(struct slot *slot, enum comm_state comm)
{
	struct snapshot *snapshot = snapshot_take(slot);

	snapshot->comm = comm;
	snapshot->published_ms = clock_mono_ms();
	snapshot->contact_wall_ms = 0;
	snapshot->contact_ms = 0;
	snapshot->missed = 0;
	snapshot->poll_time_ms = 0;
	snapshot->poll_interval_ms = 0;
	snapshot_forget(snapshot);
	return snapshot;
}

struct slot *store_slot_new(struct store *store, struct layout *layout, enum comm_state comm)
{
	struct slot *slot = xcalloc(1, sizeof(*slot));

	slot->refs = 1;
	slot->store = store;
	slot->layout = layout_ref(layout);
	slot->pool = pool_join(store, layout);
	pthread_mutex_init(&slot->lock, NULL);
	slot->latest = snapshot_first(slot, comm);
	return slot;
}

struct slot *store_slot_ref(struct slot *slot)
{
	refs_take(&slot->refs);
	return slot;
}

void store_slot_unref(struct slot *slot)
{
	if (slot == NULL || !refs_drop(&slot->refs))
		return;
	snapshot_drop(slot, slot->latest);
	pool_leave(slot->store, slot->pool);
	layout_unref(slot->layout);
	pthread_mutex_destroy(&slot->lock);
	free(slot);
}

static struct snapshot *latest(struct slot *slot)
{
	struct snapshot *snapshot;

	pthread_mutex_lock(&slot->lock);
	snapshot = slot->latest;
	refs_take(&snapshot->refs);
	pthread_mutex_unlock(&slot->lock);
	return snapshot;
}

const struct snapshot *store_get(struct slot *slot)
{
	return latest(slot);
}

/* Readers get const, yet the count behind it is theirs to change. */
void store_put(struct slot *slot, const struct snapshot *snapshot)
{
	if (snapshot != NULL)
		snapshot_drop(slot, (struct snapshot *)(uintptr_t)snapshot);
}

struct snapshot *store_begin(struct slot *slot)
{
	struct snapshot *from = latest(slot), *snapshot = snapshot_take(slot);

	/* Not the count, which readers change, and not where the cells are. */
	memcpy(&snapshot->layout, &from->layout,
		offsetof(struct snapshot, wide) - offsetof(struct snapshot, layout));
	memcpy(snapshot->wide, from->wide, slot->layout->n_wide * sizeof(*from->wide));
	memcpy(snapshot->narrow, from->narrow, slot->layout->n_narrow * sizeof(*from->narrow));
	snapshot->identity = identity_ref(from->identity);
	snapshot->alarms = alarm_book_ref(from->alarms);
	snapshot_drop(slot, from);
	return snapshot;
}

void store_publish(struct slot *slot, struct snapshot *snapshot)
{
	struct snapshot *before;
	bool changes;

	snapshot->published_ms = clock_mono_ms();
	pthread_mutex_lock(&slot->lock);
	before = slot->latest;
	changes = before->alarms != snapshot->alarms || before->comm != snapshot->comm;
	if (changes)
		atomic_fetch_add(&slot->store->alarm_changes, 1);
	slot->latest = snapshot;
	pthread_mutex_unlock(&slot->lock);
	/* Only now: who saw the new number must find the new snapshot. */
	if (changes)
		atomic_fetch_add(&slot->store->alarm_generation, 1);
	snapshot_drop(slot, before);
}

void store_cancel(struct slot *slot, struct snapshot *snapshot)
{
	snapshot_drop(slot, snapshot);
}

/* Cells. */

static bool slot_has(const struct layout_slot *at, unsigned channel)
{
	return at->offset >= 0 && channel >= 1 && channel <= at->count;
}

static size_t cell_of(const struct layout_slot *at, unsigned channel)
{
	return (size_t)at->offset + channel - 1;
}

void snapshot_set(struct snapshot *snapshot, enum scope scope, enum quantity quantity,
	unsigned channel, int64_t value)
{
	const struct layout_slot *at = &snapshot->layout->slots[scope][quantity];

	if (!slot_has(at, channel))
		return;
	if (at->wide)
		snapshot->wide[cell_of(at, channel)] = value;
	else if (value > INT32_MAX || value < INT32_MIN)
		snapshot->narrow[cell_of(at, channel)] = CELL_NONE32;
	else
		snapshot->narrow[cell_of(at, channel)] = (int32_t)value;
}

void snapshot_set_none(struct snapshot *snapshot, enum scope scope, enum quantity quantity,
	unsigned channel)
{
	const struct layout_slot *at = &snapshot->layout->slots[scope][quantity];

	snapshot_set(snapshot, scope, quantity, channel, at->wide ? CELL_NONE64 : CELL_NONE32);
}

void snapshot_set_identity(struct snapshot *snapshot, struct identity *identity)
{
	identity_unref(snapshot->identity);
	snapshot->identity = identity;
}

void snapshot_set_alarms(struct snapshot *snapshot, struct alarm_book *book)
{
	alarm_book_unref(snapshot->alarms);
	snapshot->alarms = book;
}

void snapshot_clear(struct snapshot *snapshot)
{
	identity_unref(snapshot->identity);
	alarm_book_unref(snapshot->alarms);
	snapshot_forget(snapshot);
}

bool snapshot_fresh(const struct snapshot *snapshot, int64_t now_ms)
{
	return now_ms < snapshot->fresh_until_ms;
}

struct reading snapshot_get(const struct snapshot *snapshot, enum scope scope,
	enum quantity quantity, unsigned channel, int64_t now_ms)
{
	const struct layout_slot *at = &snapshot->layout->slots[scope][quantity];
	struct reading reading = { .quality = QUALITY_NONE };

	if (!slot_has(at, channel))
		return reading;
	reading.time_ms = snapshot->class_ms[at->poll];
	reading.num = at->wide ? snapshot->wide[cell_of(at, channel)]
			       : snapshot->narrow[cell_of(at, channel)];
	if (reading.num == (at->wide ? CELL_NONE64 : CELL_NONE32))
		reading.num = 0;
	else if (at->measurement && !snapshot_fresh(snapshot, now_ms))
		reading.quality = QUALITY_STALE;
	else
		reading.quality = QUALITY_GOOD;
	return reading;
}

enum comm_state snapshot_comm(const struct snapshot *snapshot, int64_t now_ms)
{
	if (snapshot->comm == COMM_DISABLED || snapshot_fresh(snapshot, now_ms))
		return snapshot->comm;
	return COMM_OFFLINE;
}

/* Identity of a meter. */

struct identity *identity_new(void)
{
	struct identity *identity = xcalloc(1, sizeof(*identity));

	identity->refs = 1;
	identity->model = -1;
	identity->serial = -1;
	return identity;
}

struct identity *identity_ref(struct identity *identity)
{
	if (identity != NULL)
		refs_take(&identity->refs);
	return identity;
}

void identity_unref(struct identity *identity)
{
	if (identity != NULL && refs_drop(&identity->refs))
		free(identity);
}

/* State of a link. */

struct link_slot {
	int refs; /* atomic */
	pthread_mutex_t lock; /* status */
	struct link_status status;
};

struct link_slot *link_slot_new(void)
{
	struct link_slot *slot = xcalloc(1, sizeof(*slot));

	slot->refs = 1;
	slot->status.state = LINK_DOWN;
	pthread_mutex_init(&slot->lock, NULL);
	return slot;
}

struct link_slot *link_slot_ref(struct link_slot *slot)
{
	refs_take(&slot->refs);
	return slot;
}

void link_slot_unref(struct link_slot *slot)
{
	if (slot == NULL || !refs_drop(&slot->refs))
		return;
	pthread_mutex_destroy(&slot->lock);
	free(slot);
}

void link_slot_set(struct link_slot *slot, const struct link_status *status)
{
	pthread_mutex_lock(&slot->lock);
	slot->status = *status;
	pthread_mutex_unlock(&slot->lock);
}

void link_slot_get(struct link_slot *slot, struct link_status *status)
{
	pthread_mutex_lock(&slot->lock);
	*status = slot->status;
	pthread_mutex_unlock(&slot->lock);
}
