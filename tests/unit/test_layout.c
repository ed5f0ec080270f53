/* Layouts: where cells stand and which rows a profile gives. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/util.h"
#include "fixture_profile.h"
#include "store/layout.h"

static struct layout *make(bool two_pole, bool three_pole)
{
	struct profile *profile = fixture_profile();
	struct layout *layout = layout_new(profile, two_pole, three_pole);

	profile_unref(profile);
	return layout;
}

static void assert_rows(const struct rowset *rows, const uint64_t *keys, size_t n)
{
	assert_int_equal(rows->n, n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(rows->keys[i], keys[i]);
}

static void rows_are_what_the_profile_has(void **state)
{
	static const uint64_t mains[] = { ROW_KEY(1, 1, 0), ROW_KEY(1, 2, 0), ROW_KEY(1, 3, 0),
		ROW_KEY(1, 4, 0), ROW_KEY(1, 5, 0) };
	static const uint64_t voltages[] = { ROW_KEY(1, 1, 0), ROW_KEY(1, 2, 0), ROW_KEY(1, 3, 0),
		ROW_KEY(1, 4, 0), ROW_KEY(1, 5, 0), ROW_KEY(1, 6, 0), ROW_KEY(1, 7, 0),
		ROW_KEY(1, 8, 0) };
	static const uint64_t sources[] = { ROW_KEY(1, 0, 0) };
	static const uint64_t thresholds[] = { ROW_KEY(1, 0, 1), ROW_KEY(1, 0, 2),
		ROW_KEY(1, 0, 3), ROW_KEY(1, 0, 4), ROW_KEY(1, 0, 6), ROW_KEY(1, 0, 7) };
	struct layout *layout = make(false, false);
	(void)state;

	assert_int_equal(layout->branches.n, 42);
	assert_int_equal(layout->branches.keys[0], ROW_KEY(1, 0, 0));
	assert_int_equal(layout->branches.keys[41], ROW_KEY(42, 0, 0));
	assert_rows(&layout->mains, mains, ARRAY_LEN(mains));
	assert_rows(&layout->voltages, voltages, ARRAY_LEN(voltages));
	assert_rows(&layout->sources, sources, ARRAY_LEN(sources));
	assert_rows(&layout->thresholds, thresholds, ARRAY_LEN(thresholds));
	layout_unref(layout);
}

/* Branches and mains a to neutral: seven levels each; mains total has no status; voltages 5 to 7: two. */
static void alarm_rows_stand_where_there_is_a_status_word(void **state)
{
	struct layout *layout = make(false, false);
	const struct rowset *rows = &layout->alarms;
	(void)state;

	assert_int_equal(rows->n, 42 * 7 + 4 * 7 + 3 * 2);
	assert_int_equal(rows->keys[0], ROW_KEY(SCOPE_BRANCH, 1, LEVEL_HIGH_HIGH));
	assert_int_equal(rows->keys[42 * 7], ROW_KEY(SCOPE_MAINS, MAINS_A, LEVEL_HIGH_HIGH));
	assert_int_equal(rows->keys[46 * 7], ROW_KEY(SCOPE_VOLTAGE, 5, LEVEL_HIGH));
	for (uint32_t i = 1; i < rows->n; i++)
		assert_true(rows->keys[i - 1] < rows->keys[i]);
	layout_unref(layout);
}

static void multi_pole_meters_only_when_asked_for(void **state)
{
	struct layout *none = make(false, false), *two = make(true, false), *both = make(true, true);
	(void)state;

	assert_false(layout_has(none, SCOPE_TWO_POLE, Q_CURRENT));
	assert_false(layout_has(none, SCOPE_THREE_POLE, Q_ENERGY));
	assert_int_equal(layout_channels(none, SCOPE_TWO_POLE), 0);
	assert_int_equal(layout_channels(two, SCOPE_TWO_POLE), 21);
	assert_int_equal(layout_channels(two, SCOPE_THREE_POLE), 0);
	assert_int_equal(layout_channels(both, SCOPE_THREE_POLE), 14);
	assert_int_equal(both->n_wide - two->n_wide, 14 * 2);
	layout_unref(none);
	layout_unref(two);
	layout_unref(both);
}

/* Every cell of every slot is its own, within the arrays. */
static void cells_do_not_overlap(void **state)
{
	struct layout *layout = make(true, true);
	uint8_t *used[2] = { xcalloc(layout->n_narrow, 1), xcalloc(layout->n_wide, 1) };
	uint32_t total[2] = { layout->n_narrow, layout->n_wide }, seen[2] = { 0, 0 };
	(void)state;

	for (int scope = 0; scope < SCOPE_COUNT; scope++) {
		for (int quantity = 0; quantity < QUANTITY_COUNT; quantity++) {
			const struct layout_slot *slot = &layout->slots[scope][quantity];

			assert_int_equal(slot->offset >= 0, slot->count > 0);
			for (unsigned i = 0; slot->offset >= 0 && i < slot->count; i++) {
				assert_true((uint32_t)slot->offset + i < total[slot->wide]);
				assert_int_equal(used[slot->wide][(uint32_t)slot->offset + i]++, 0);
				seen[slot->wide]++;
			}
		}
	}
	assert_int_equal(seen[0], total[0]);
	assert_int_equal(seen[1], total[1]);
	assert_int_equal(layout->n_energy, 42 + 1 + 21 + 14);
	assert_true((uint32_t)layout->slots[SCOPE_THREE_POLE][Q_ENERGY].offset < layout->n_energy);
	assert_true((uint32_t)layout->slots[SCOPE_BRANCH][Q_ENERGY_DISCONTINUITY].offset >=
		    layout->n_energy);
	free(used[0]);
	free(used[1]);
	layout_unref(layout);
}

static void slots_know_class_kind_and_width(void **state)
{
	struct layout *layout = make(false, false);
	const struct layout_slot *branch = layout->slots[SCOPE_BRANCH];
	(void)state;

	assert_int_equal(branch[Q_CURRENT].poll, POLL_FAST);
	assert_true(branch[Q_CURRENT].measurement);
	assert_false(branch[Q_CURRENT].wide);
	assert_int_equal(branch[Q_ALARM_STATUS].poll, POLL_ALARM);
	assert_false(branch[Q_ALARM_STATUS].measurement);
	assert_int_equal(branch[Q_COUNT_HIGH].poll, POLL_SLOW);
	assert_true(branch[Q_ENERGY].wide);
	assert_true(layout_has(layout, SCOPE_BRANCH, Q_ENERGY_DISCONTINUITY));
	assert_int_equal(branch[Q_ENERGY_DISCONTINUITY].count, 42);
	assert_false(layout_has(layout, SCOPE_VOLTAGE, Q_ENERGY_DISCONTINUITY));
	assert_int_equal(layout->slots[SCOPE_MAINS][Q_ENERGY].count, 1);
	assert_int_equal(layout->slots[SCOPE_PANEL][Q_SERIAL].poll, POLL_ONCE);
	assert_false(layout_has(layout, SCOPE_BRANCH, Q_REACTIVE_POWER));
	layout_unref(layout);
}

static void text_and_commands_take_no_cells(void **state)
{
	struct profile *profile = fixture_profile();
	struct layout *layout;
	(void)state;

	for (unsigned i = 0; i < profile->n_points; i++) {
		struct point *point = &profile->points[i];

		if (point->scope == SCOPE_PANEL && point->quantity == Q_CT_LAYOUT)
			point->access = ACCESS_WRITE;
		if (point->scope == SCOPE_PANEL && point->quantity == Q_HEALTH)
			point->quantity = Q_LOCATION;
	}
	layout = layout_new(profile, false, false);
	profile_unref(profile);
	assert_false(layout_has(layout, SCOPE_PANEL, Q_CT_LAYOUT));
	assert_false(layout_has(layout, SCOPE_PANEL, Q_LOCATION));
	assert_true(layout_has(layout, SCOPE_PANEL, Q_POWER_UPS));
	layout_unref(layout);
}

/* A second point of the same quantity that is read more rarely: its time is told for both. */
static void channels_with_steps_and_the_slower_class(void **state)
{
	struct profile *profile = fixture_profile();
	struct layout *layout;
	(void)state;

	for (unsigned i = 0; i < profile->n_points; i++) {
		struct point *point = &profile->points[i];

		if (point->scope == SCOPE_MAINS && point->quantity == Q_CURRENT &&
			point->first_channel == 1) {
			point->count = 2;
			point->channel_step = 2 * MAINS_PHASES;
			point->poll = POLL_SLOW;
		}
	}
	layout = layout_new(profile, false, false);
	profile_unref(profile);
	assert_int_equal(layout->slots[SCOPE_MAINS][Q_CURRENT].count, 11);
	assert_int_equal(layout->slots[SCOPE_MAINS][Q_CURRENT].poll, POLL_SLOW);
	assert_int_equal(layout->mains.n, 6);
	assert_int_equal(layout->mains.keys[5], ROW_KEY(3, MAINS_TOTAL, 0));
	layout_unref(layout);
}

/* What the poller can read has a cell; what a row shows exists. */
static void shipped_profiles_have_room_for_all_their_points(void **state)
{
	static const char *const names[] = { "bcpm", "bcpme", "bcpmsc" };
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct problems problems = PROBLEMS_INIT;
		struct profile *profile;
		struct layout *layout;

		assert_int_equal(
			profile_load(TEST_SRCDIR "/conf/profiles", names[i], &problems, &profile), 0);
		layout = layout_new(profile, true, true);
		for (unsigned n = 0; n < profile->n_points; n++) {
			const struct point *point = &profile->points[n];

			if (quantity_info(point->quantity)->text || point->access == ACCESS_WRITE)
				continue;
			assert_in_range(point->first_channel + (point->count - 1) * point->channel_step, 1,
				layout->slots[point->scope][point->quantity].count);
			/* never told as newer than it is */
			assert_true(layout->slots[point->scope][point->quantity].poll >= point->poll);
		}
		assert_int_equal(layout->branches.n, 42);
		assert_int_equal(layout->mains.n, 5);
		assert_int_equal(layout->voltages.n, 8);
		assert_int_equal(layout->thresholds.n, profile->n_thresholds);
		for (uint32_t n = 1; n < layout->thresholds.n; n++)
			assert_true(layout->thresholds.keys[n - 1] < layout->thresholds.keys[n]);
		assert_true(layout->alarms.n >= 46 * 7);
		for (uint32_t n = 1; n < layout->alarms.n; n++)
			assert_true(layout->alarms.keys[n - 1] < layout->alarms.keys[n]);
		print_message("%s: %u narrow and %u wide cells, %u alarms, %u thresholds\n", names[i],
			layout->n_narrow, layout->n_wide, layout->alarms.n, layout->thresholds.n);
		profile_unref(profile);
		layout_unref(layout);
		problems_free(&problems);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_what_the_profile_has),
		cmocka_unit_test(alarm_rows_stand_where_there_is_a_status_word),
		cmocka_unit_test(multi_pole_meters_only_when_asked_for),
		cmocka_unit_test(cells_do_not_overlap),
		cmocka_unit_test(slots_know_class_kind_and_width),
		cmocka_unit_test(text_and_commands_take_no_cells),
		cmocka_unit_test(channels_with_steps_and_the_slower_class),
		cmocka_unit_test(shipped_profiles_have_room_for_all_their_points),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
