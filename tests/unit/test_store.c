/*
 * The store: what readers are told of values and ages, that a published
 * snapshot never changes, what 1,000 panels cost, and threads.
 */
#include "config.h"

#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/clock.h"
#include "core/util.h"
#include "fixture_profile.h"
#include "store/energy.h"
#include "store/store.h"

#define NOW 100000

struct fixture {
	struct store *store;
	struct layout *layout;
	struct slot *slot;
};

static int set_up(void **state)
{
	struct profile *profile = fixture_profile();
	struct fixture *f = xcalloc(1, sizeof(*f));

	clock_set(NOW, 1700000000000);
	f->store = store_new();
	f->layout = layout_new(profile, false, false);
	f->slot = store_slot_new(f->store, f->layout, COMM_OFFLINE);
	profile_unref(profile);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	struct store_stats stats;

	store_slot_unref(f->slot);
	layout_unref(f->layout);
	store_stats(f->store, &stats);
	assert_int_equal(stats.snapshots, 0);
	store_free(f->store);
	free(f);
	clock_set(-1, -1);
	return 0;
}

static void first_snapshot_is_empty_and_offline(void **state)
{
	struct fixture *f = *state;
	const struct snapshot *snapshot = store_get(f->slot);
	struct slot *disabled = store_slot_new(f->store, f->layout, COMM_DISABLED);

	assert_int_equal(snapshot_comm(snapshot, NOW), COMM_OFFLINE);
	assert_int_equal(snapshot->refs, 2);
	assert_null(snapshot->identity);
	assert_false(snapshot->alarms->known);
	assert_int_equal(snapshot->alarms->worst, STATE_UNKNOWN);
	for (int scope = 0; scope < SCOPE_COUNT; scope++)
		for (int quantity = 0; quantity < QUANTITY_COUNT; quantity++)
			for (unsigned channel = 0; channel < 50; channel++)
				assert_int_equal(snapshot_get(snapshot, (enum scope)scope,
							 (enum quantity)quantity, channel, NOW).quality,
					QUALITY_NONE);
	store_put(f->slot, snapshot);
	snapshot = store_get(disabled);
	assert_int_equal(snapshot_comm(snapshot, NOW), COMM_DISABLED);
	store_put(disabled, snapshot);
	store_put(disabled, NULL);
	store_slot_unref(disabled);
}

static void each_value_has_number_time_and_quality(void **state)
{
	static const struct {
		enum quantity quantity;
		unsigned channel;
		int64_t set, now_ms;
		struct reading want;
	} cases[] = {
		{ Q_CURRENT, 1, 20001, NOW, { 20001, 2000, QUALITY_GOOD } },
		{ Q_CURRENT, 42, 0, NOW, { 0, 2000, QUALITY_GOOD } }, /* zero is a value */
		{ Q_CURRENT, 2, -7, NOW + 4999, { -7, 2000, QUALITY_GOOD } },
		{ Q_CURRENT, 2, -7, NOW + 5000, { -7, 2000, QUALITY_STALE } }, /* old is not new */
		{ Q_CURRENT, 3, INT32_MAX, NOW, { INT32_MAX, 2000, QUALITY_GOOD } },
		{ Q_CURRENT, 3, INT32_MIN + 1, NOW, { INT32_MIN + 1, 2000, QUALITY_GOOD } },
		{ Q_CURRENT, 3, INT32_MIN, NOW, { 0, 2000, QUALITY_NONE } },
		{ Q_CURRENT, 3, (int64_t)INT32_MAX + 1, NOW, { 0, 2000, QUALITY_NONE } },
		{ Q_CURRENT, 3, INT64_MIN, NOW, { 0, 2000, QUALITY_NONE } },
		{ Q_CURRENT, 0, 5, NOW, { 0, 0, QUALITY_NONE } },
		{ Q_CURRENT, 43, 5, NOW, { 0, 0, QUALITY_NONE } },
		{ Q_REACTIVE_POWER, 1, 5, NOW, { 0, 0, QUALITY_NONE } },
		{ Q_ENERGY, 7, INT64_MAX, NOW, { INT64_MAX, 2000, QUALITY_GOOD } },
		{ Q_ENERGY, 7, 0, NOW, { 0, 2000, QUALITY_GOOD } },
		{ Q_ENERGY, 7, 6, NOW + 5000, { 6, 2000, QUALITY_STALE } },
		{ Q_ALARM_STATUS, 7, 1, NOW + 5000, { 1, 1000, QUALITY_GOOD } }, /* the last known stays */
		{ Q_RATING, 7, 20000, NOW + 500000, { 20000, 3000, QUALITY_GOOD } },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct snapshot *snapshot = store_begin(f->slot);
		struct reading got;

		snapshot->class_ms[POLL_ALARM] = 1000;
		snapshot->class_ms[POLL_FAST] = 2000;
		snapshot->class_ms[POLL_SLOW] = 3000;
		snapshot->fresh_until_ms = NOW + 5000;
		snapshot_set(snapshot, SCOPE_BRANCH, cases[i].quantity, cases[i].channel,
			cases[i].set);
		got = snapshot_get(snapshot, SCOPE_BRANCH, cases[i].quantity, cases[i].channel,
			cases[i].now_ms);
		if (got.num != cases[i].want.num || got.time_ms != cases[i].want.time_ms ||
			got.quality != cases[i].want.quality)
			fail_msg("case %zu: %lld at %lld, quality %d", i, (long long)got.num,
				(long long)got.time_ms, (int)got.quality);
		snapshot_set_none(snapshot, SCOPE_BRANCH, cases[i].quantity, cases[i].channel);
		got = snapshot_get(snapshot, SCOPE_BRANCH, cases[i].quantity, cases[i].channel, NOW);
		assert_int_equal(got.quality, QUALITY_NONE);
		store_cancel(f->slot, snapshot);
	}
}

static void nothing_is_fresh_before_the_first_poll(void **state)
{
	struct fixture *f = *state;
	struct snapshot *snapshot = store_begin(f->slot);

	snapshot_set(snapshot, SCOPE_BRANCH, Q_CURRENT, 1, 5);
	assert_false(snapshot_fresh(snapshot, 0));
	assert_int_equal(snapshot_get(snapshot, SCOPE_BRANCH, Q_CURRENT, 1, 0).quality, QUALITY_STALE);
	store_cancel(f->slot, snapshot);
}

static void comm_state_goes_offline_by_itself(void **state)
{
	static const struct {
		enum comm_state published;
		int64_t now_ms;
		enum comm_state shown;
	} cases[] = {
		{ COMM_ONLINE, NOW, COMM_ONLINE },
		{ COMM_DEGRADED, NOW, COMM_DEGRADED },
		{ COMM_OFFLINE, NOW, COMM_OFFLINE },
		{ COMM_ONLINE, NOW + 1000, COMM_OFFLINE },
		{ COMM_DEGRADED, NOW + 1000, COMM_OFFLINE },
		{ COMM_DISABLED, NOW + 1000, COMM_DISABLED },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct snapshot *snapshot = store_begin(f->slot);

		snapshot->comm = cases[i].published;
		snapshot->fresh_until_ms = NOW + 1000;
		assert_int_equal(snapshot_comm(snapshot, cases[i].now_ms), cases[i].shown);
		store_cancel(f->slot, snapshot);
	}
}

static int64_t current_of(const struct snapshot *snapshot, unsigned channel)
{
	return snapshot_get(snapshot, SCOPE_BRANCH, Q_CURRENT, channel, NOW).num;
}

static void publish_current(struct slot *slot, int64_t value)
{
	struct snapshot *snapshot = store_begin(slot);

	snapshot->fresh_until_ms = NOW + 5000;
	snapshot_set(snapshot, SCOPE_BRANCH, Q_CURRENT, 1, value);
	store_publish(slot, snapshot);
}

static void a_snapshot_never_changes_once_published(void **state)
{
	struct fixture *f = *state;
	const struct snapshot *held, *latest;

	publish_current(f->slot, 1);
	held = store_get(f->slot);
	assert_int_equal(held->published_ms, NOW);
	for (int i = 2; i < 50; i++)
		publish_current(f->slot, i);
	latest = store_get(f->slot);
	assert_int_equal(current_of(held, 1), 1);
	assert_int_equal(current_of(latest, 1), 49);
	store_put(f->slot, held);
	store_put(f->slot, latest);
}

static void begin_copies_and_cancel_leaves_no_trace(void **state)
{
	struct fixture *f = *state;
	struct snapshot *snapshot;
	const struct snapshot *latest;

	publish_current(f->slot, 7);
	snapshot = store_begin(f->slot);
	assert_int_equal(current_of(snapshot, 1), 7);
	snapshot_set(snapshot, SCOPE_BRANCH, Q_CURRENT, 1, 8);
	store_cancel(f->slot, snapshot);
	latest = store_get(f->slot);
	assert_int_equal(current_of(latest, 1), 7);
	store_put(f->slot, latest);
}

static void identity_and_book_are_shared_until_cleared(void **state)
{
	struct fixture *f = *state;
	struct identity *identity = identity_ref(identity_new());
	struct alarm_book *book = xcalloc(1, sizeof(*book));
	struct snapshot *snapshot = store_begin(f->slot);

	assert_int_equal(identity->serial, -1);
	assert_int_equal(identity->model, -1);
	book->refs = 2;
	book->known = true;
	snapshot_set_identity(snapshot, identity);
	snapshot_set_alarms(snapshot, book);
	snapshot->class_ms[POLL_FAST] = 5;
	store_publish(f->slot, snapshot);
	publish_current(f->slot, 3);
	assert_int_equal(identity->refs, 2); /* the latest snapshot and this test */
	assert_int_equal(book->refs, 2);

	snapshot = store_begin(f->slot);
	assert_ptr_equal(snapshot->identity, identity);
	assert_ptr_equal(snapshot->alarms, book);
	snapshot_clear(snapshot);
	assert_null(snapshot->identity);
	assert_false(snapshot->alarms->known);
	assert_int_equal(snapshot->class_ms[POLL_FAST], 0);
	assert_int_equal(snapshot_get(snapshot, SCOPE_BRANCH, Q_CURRENT, 1, NOW).quality, QUALITY_NONE);
	store_publish(f->slot, snapshot);
	assert_int_equal(identity->refs, 1);
	assert_int_equal(book->refs, 1);
	identity_unref(identity);
	alarm_book_unref(book);
}

static void generation_counts_changes_of_alarms_and_comm(void **state)
{
	struct fixture *f = *state;
	uint64_t before = store_alarm_generation(f->store);
	struct snapshot *snapshot;

	publish_current(f->slot, 1);
	assert_int_equal(store_alarm_generation(f->store), before);

	snapshot = store_begin(f->slot);
	snapshot->comm = COMM_ONLINE;
	store_publish(f->slot, snapshot);
	assert_int_equal(store_alarm_generation(f->store), before + 1);

	snapshot = store_begin(f->slot);
	snapshot_set_alarms(snapshot, alarm_book_ref(snapshot->alarms));
	store_publish(f->slot, snapshot);
	assert_int_equal(store_alarm_generation(f->store), before + 1);

	snapshot = store_begin(f->slot);
	snapshot_set_alarms(snapshot, xcalloc(1, sizeof(struct alarm_book)));
	snapshot->alarms->refs = 1;
	store_cancel(f->slot, snapshot);
	assert_int_equal(store_alarm_generation(f->store), before + 1);

	snapshot = store_begin(f->slot);
	snapshot_set_alarms(snapshot, xcalloc(1, sizeof(struct alarm_book)));
	snapshot->alarms->refs = 1;
	store_publish(f->slot, snapshot);
	assert_int_equal(store_alarm_generation(f->store), before + 2);
}

static void polling_reuses_snapshots_and_keeps_few(void **state)
{
	struct fixture *f = *state;
	const struct snapshot *held[100];
	struct store_stats stats;

	for (int i = 0; i < 1000; i++)
		publish_current(f->slot, i);
	store_stats(f->store, &stats);
	assert_int_equal(stats.snapshots, 2);
	assert_int_equal(stats.pooled, 1);

	for (size_t i = 0; i < ARRAY_LEN(held); i++) {
		held[i] = store_get(f->slot);
		publish_current(f->slot, (int)i);
	}
	store_stats(f->store, &stats);
	assert_int_equal(stats.snapshots - stats.pooled, 101);
	for (size_t i = 0; i < ARRAY_LEN(held); i++)
		store_put(f->slot, held[i]);
	store_stats(f->store, &stats);
	assert_int_equal(stats.snapshots - stats.pooled, 1);
	assert_in_range(stats.pooled, 1, 16);
}

static void link_slot_hands_over_whole_states(void **state)
{
	struct link_slot *slot = link_slot_new();
	struct link_status status;
	(void)state;

	link_slot_get(slot, &status);
	assert_int_equal(status.state, LINK_DOWN);
	status = (struct link_status){ .state = LINK_BACKOFF, .timeouts = 3, .error = "refused" };
	link_slot_set(slot, &status);
	memset(&status, 0, sizeof(status));
	link_slot_get(link_slot_ref(slot), &status);
	assert_int_equal(status.state, LINK_BACKOFF);
	assert_int_equal(status.timeouts, 3);
	assert_string_equal(status.error, "refused");
	link_slot_unref(slot);
	link_slot_unref(slot);
}

/* 1,000 panels: what the heap holds beyond the cells, by row (a branch, or a multi-pole meter). */

#define PANELS       1000
#define ROW_OVERHEAD 64

static size_t heap_in_use(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

static void fill(struct snapshot *snapshot, int64_t value)
{
	for (uint32_t i = 0; i < snapshot->layout->n_wide; i++)
		snapshot->wide[i] = value;
	for (uint32_t i = 0; i < snapshot->layout->n_narrow; i++)
		snapshot->narrow[i] = (int32_t)value;
}

static void assert_panels_fit(struct store *store, struct layout *layout)
{
	static struct slot *slots[PANELS];
	static struct energy_track *tracks[PANELS]; /* what a poller keeps beside them */
	const size_t rows = PANELS * (layout->branches.n + layout_channels(layout, SCOPE_TWO_POLE) +
					     layout_channels(layout, SCOPE_THREE_POLE));
	size_t cells = layout->n_narrow * sizeof(int32_t) + layout->n_wide * sizeof(int64_t);
	size_t before = heap_in_use(), used, beyond;
	struct store_stats stats;

	for (size_t i = 0; i < PANELS; i++) {
		slots[i] = store_slot_new(store, layout, COMM_OFFLINE);
		tracks[i] = xcalloc(layout->n_energy, sizeof(*tracks[i]));
	}
	for (int round = 1; round <= 5; round++) {
		for (size_t i = 0; i < PANELS; i++) {
			struct snapshot *snapshot = store_begin(slots[i]);

			fill(snapshot, round);
			store_publish(slots[i], snapshot);
		}
	}
	used = heap_in_use() - before;
	store_stats(store, &stats);
	print_message("%zu rows and %zu bytes of cells a panel; store: %zu bytes beyond them a row\n",
		rows / PANELS, cells, (stats.bytes - PANELS * cells) / rows);
	assert_true(stats.bytes - PANELS * cells <= ROW_OVERHEAD * rows);
	if (heap_in_use() == 0) { /* a sanitizer's allocator tells nothing */
		print_message("heap use not known here\n");
	} else {
		beyond = used - PANELS * cells;
		print_message("heap: %zu bytes beyond them a row, energy tracks included\n",
			(beyond + rows - 1) / rows);
		assert_true(used >= PANELS * cells);
		assert_true(beyond <= ROW_OVERHEAD * rows);
	}
	for (size_t i = 0; i < PANELS; i++) {
		store_slot_unref(slots[i]);
		free(tracks[i]);
	}
}

static void thousand_panels_fit(void **state)
{
	struct fixture *f = *state;

	assert_panels_fit(f->store, f->layout);
}

static void thousand_panels_of_the_shipped_profile_fit(void **state)
{
	struct problems problems = PROBLEMS_INIT;
	struct fixture *f = *state;
	struct profile *profile;
	struct layout *layout;

	assert_int_equal(profile_load(TEST_SRCDIR "/conf/profiles", "bcpme", &problems, &profile), 0);
	layout = layout_new(profile, true, true);
	profile_unref(profile);
	assert_panels_fit(f->store, layout);
	layout_unref(layout);
	problems_free(&problems);
}

/* Threads: writers publish whole snapshots of one stamp, readers never see two. */

#define SLOTS   3
#define READERS 4
#define ROUNDS  3000

struct race {
	struct slot *slots[SLOTS];
	atomic_int writers; /* still at work */
};

struct writer {
	pthread_t thread;
	struct race *race;
	unsigned n;
};

static void *write_stamps(void *arg)
{
	struct writer *writer = arg;
	struct slot *slot = writer->race->slots[writer->n];

	for (int stamp = 1; stamp <= ROUNDS; stamp++) {
		struct snapshot *snapshot = store_begin(slot);

		fill(snapshot, stamp);
		snapshot->missed = (uint32_t)stamp;
		snapshot_set_identity(snapshot, identity_new());
		snapshot->identity->serial = stamp;
		if (stamp % 7 == 0)
			store_cancel(slot, snapshot);
		else
			store_publish(slot, snapshot);
	}
	atomic_fetch_sub(&writer->race->writers, 1);
	return NULL;
}

static bool of_one_stamp(const struct snapshot *snapshot)
{
	int32_t stamp = snapshot->narrow[0];

	if (snapshot->identity == NULL)
		return stamp == CELL_NONE32;
	for (uint32_t i = 0; i < snapshot->layout->n_narrow; i++)
		if (snapshot->narrow[i] != stamp)
			return false;
	for (uint32_t i = 0; i < snapshot->layout->n_wide; i++)
		if (snapshot->wide[i] != stamp)
			return false;
	return snapshot->identity->serial == stamp && snapshot->missed == (uint32_t)stamp;
}

static void *read_stamps(void *arg)
{
	struct race *race = arg;
	int64_t last[SLOTS] = { 0 };
	uintptr_t torn = 0;

	while (atomic_load(&race->writers) > 0) {
		for (size_t i = 0; i < SLOTS; i++) {
			const struct snapshot *snapshot = store_get(race->slots[i]);

			torn += !of_one_stamp(snapshot) || snapshot->missed < last[i];
			last[i] = snapshot->missed;
			store_put(race->slots[i], snapshot);
		}
	}
	return (void *)torn;
}

static void no_reader_sees_half_a_poll(void **state)
{
	struct fixture *f = *state;
	struct race race = { .writers = SLOTS };
	struct writer writers[SLOTS];
	pthread_t readers[READERS];
	struct store_stats stats;
	void *torn;

	for (unsigned i = 0; i < SLOTS; i++) {
		race.slots[i] = store_slot_new(f->store, f->layout, COMM_OFFLINE);
		writers[i] = (struct writer){ .race = &race, .n = i };
	}
	for (size_t i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&readers[i], NULL, read_stamps, &race), 0);
	for (size_t i = 0; i < SLOTS; i++)
		assert_int_equal(
			pthread_create(&writers[i].thread, NULL, write_stamps, &writers[i]), 0);
	for (size_t i = 0; i < SLOTS; i++)
		pthread_join(writers[i].thread, NULL);
	for (size_t i = 0; i < READERS; i++) {
		pthread_join(readers[i], &torn);
		assert_ptr_equal(torn, NULL);
	}
	for (size_t i = 0; i < SLOTS; i++) {
		const struct snapshot *snapshot = store_get(race.slots[i]);

		assert_int_equal(snapshot->missed, ROUNDS % 7 == 0 ? ROUNDS - 1 : ROUNDS);
		store_put(race.slots[i], snapshot);
		store_slot_unref(race.slots[i]);
	}
	store_stats(f->store, &stats);
	assert_int_equal(stats.snapshots - stats.pooled, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(first_snapshot_is_empty_and_offline),
		TEST(each_value_has_number_time_and_quality),
		TEST(nothing_is_fresh_before_the_first_poll),
		TEST(comm_state_goes_offline_by_itself),
		TEST(a_snapshot_never_changes_once_published),
		TEST(begin_copies_and_cancel_leaves_no_trace),
		TEST(identity_and_book_are_shared_until_cleared),
		TEST(generation_counts_changes_of_alarms_and_comm),
		TEST(polling_reuses_snapshots_and_keeps_few),
		TEST(link_slot_hands_over_whole_states),
		TEST(thousand_panels_fit),
		TEST(thousand_panels_of_the_shipped_profile_fit),
		TEST(no_reader_sees_half_a_poll),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
