/* The physics of the simulated meter: loads, power, energy, demand, maxima, blocks, clocks. */
#include "config.h"

#include "test_sim.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/load.h"
#include "sim/site.h"

static struct sim_device device;
static struct sim_panel *const panel = &device.panel[0];

static int setup(void **state)
{
	struct sim_plan plan = quiet_plan();

	(void)state;
	make_quiet(&device, &plan);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	meter_fini(&device);
	return 0;
}

#define assert_near(a, b) assert_float_equal((float)(a), (float)(b), 1e-4)

static void power_follows_volts_amps_and_pf(void **state)
{
	(void)state;
	panel->channel[2].pf = 0.5;
	set_volts(&device, 230, 100, 50);
	set_amps(panel, 3, 10); /* phase B */
	assert_near(panel->group[2].now[PART_KW], 0.5);
	assert_near(group_kva(&panel->group[2]), 1.0);
	assert_near(group_pf(&panel->group[2]), 0.5);
	assert_near(group_pf(&panel->group[0]), 0); /* nothing drawn: no factor, not a NaN */
	set_amps(panel, 46, 10);		    /* the neutral has no voltage */
	assert_near(panel->group[45].now[PART_KW], 0);
	assert_near(panel->group[45].now[0], 10);
}

static void energy_integrates(void **state)
{
	(void)state;
	set_amps(panel, 1, 10);
	pass(&device, 1800);
	assert_near(panel->group[0].kwh, 1.15);
	assert_near(panel->group[GROUP_DUAL].kwh, 1.15);
	assert_near(panel->group[GROUP_THREE].kwh, 1.15);
	assert_near(panel->group[GROUP_AUX].kwh, 1.15);
	assert_near(panel->group[GROUP_MAINS].kwh, 1.15);
	assert_near(panel->group[1].kwh, 0);
	assert_near(device.panel[1].group[0].kwh, 0);
}

static void energy_rolls_over_at_32_bits(void **state)
{
	double limit = 4294967296.0 * 0.01;

	(void)state;
	panel->group[0].kwh = limit - 0.5;
	set_amps(panel, 1, 10);
	pass(&device, 1800);
	assert_near(panel->group[0].kwh, 0.65);
}

struct window_case {
	unsigned windows;
	double amps[5], demand[5], max;
};

static void demand_is_the_mean_of_completed_windows(void **state)
{
	static const struct window_case cases[] = {
		{ 1, { 2, 4, 6, 0, 0 }, { 2, 4, 6, 0, 0 }, 6 },
		{ 2, { 2, 4, 6, 0, 0 }, { 2, 3, 5, 3, 0 }, 5 },
		{ 3, { 3, 6, 9, 3, 0 }, { 3, 4.5, 6, 6, 4 }, 6 },
		{ 6, { 5, 0, 0, 0, 0 }, { 5, 2.5, 5.0 / 3, 1.25, 1 }, 5 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		setup(state);
		panel->settings.windows = (uint16_t)cases[i].windows;
		panel->settings.window_s = 10;
		for (unsigned w = 0; w < 5; w++) {
			double before = panel->group[0].demand[0];

			set_amps(panel, 1, cases[i].amps[w]);
			pass(&device, 9.5);
			assert_near(panel->group[0].demand[0], before); /* not before the end */
			pass(&device, 0.5);
			assert_near(panel->group[0].demand[0], cases[i].demand[w]);
			assert_near(panel->group[0].demand[PART_KW], cases[i].demand[w] * 0.23);
		}
		assert_near(panel->group[0].max_demand[0], cases[i].max);
		teardown(state);
	}
}

static void a_window_averages_what_changed_in_it(void **state)
{
	(void)state;
	panel->settings.window_s = 20;
	set_amps(panel, 1, 8);
	pass(&device, 5);
	set_amps(panel, 1, 4);
	pass(&device, 15);
	assert_near(panel->group[0].demand[0], 5);
}

static void length_zero_waits_for_the_command(void **state)
{
	(void)state;
	panel->settings.window_s = 0;
	set_amps(panel, 1, 8);
	pass(&device, 2000);
	assert_near(panel->group[0].demand[0], 0);
	meter_new_window(panel);
	assert_near(panel->group[0].demand[0], 8);
	set_amps(panel, 1, 2);
	meter_new_window(panel); /* no time has passed: nothing to average */
	assert_near(panel->group[0].demand[0], 8);
}

static void maxima_stay_until_cleared(void **state)
{
	(void)state;
	set_amps(panel, 1, 9);
	set_amps(panel, 1, 3);
	assert_near(panel->group[0].max[0], 9);
	assert_near(panel->group[0].max[PART_KW], 2.07);
	meter_clear_maxima(panel, 0);
	assert_near(panel->group[0].max[0], 0);
	pass(&device, 0.5);
	assert_near(panel->group[0].max[0], 3);
}

/* Channels 1, 3, 5 make three-phase meter 1; 1, 3 make dual meter 1; 5, 7 make dual meter 3. */
static void a_reset_takes_its_kin_along(void **state)
{
	static const struct {
		unsigned reset, channel;
		bool cleared[6]; /* channels 1, 3, 5, 7, dual 1, dual 3 */
		bool three;
	} cases[] = {
		{ 0, 1, { true, false, false, false, true, false }, true },
		{ GROUP_DUAL, 0, { true, true, false, false, true, false }, true },
		{ GROUP_THREE, 0, { true, true, true, false, true, true }, true },
		{ GROUP_DUAL + 2, 0, { false, false, true, true, false, true }, true },
		{ 1, 2, { false, false, false, false, false, false }, false },
	};
	static const unsigned groups[] = { 0, 2, 4, 6, GROUP_DUAL, GROUP_DUAL + 2 };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (unsigned g = 0; g < SIM_GROUPS; g++) {
			panel->group[g].kwh = 100;
			panel->group[g].max[0] = 100;
		}
		meter_clear_energy(panel, cases[i].reset);
		meter_clear_maxima(panel, cases[i].reset);
		for (unsigned g = 0; g < 6; g++) {
			assert_near(panel->group[groups[g]].kwh, cases[i].cleared[g] ? 0 : 100);
			assert_near(panel->group[groups[g]].max[0], cases[i].cleared[g] ? 0 : 100);
		}
		assert_near(panel->group[GROUP_THREE].kwh, cases[i].three ? 0 : 100);
		assert_near(panel->group[GROUP_MAINS].kwh, 100);
	}
	(void)state;
}

static void global_resets_reach_what_they_say(void **state)
{
	(void)state;
	for (unsigned g = 0; g < SIM_GROUPS; g++) {
		struct sim_group *group = &panel->group[g];

		group->kwh = group->max[0] = group->demand[0] = group->max_demand[0] = 5;
	}
	meter_clear_mains_energy(panel);
	assert_near(panel->group[GROUP_MAINS].kwh, 0);
	assert_near(panel->group[GROUP_AUX].kwh, 0);
	assert_near(panel->group[0].kwh, 5);
	meter_clear_mains_maxima(panel);
	assert_near(panel->group[GROUP_MAINS].max[0], 0);
	assert_near(panel->group[0].max[0], 5);
	meter_clear_all_energy(panel);
	meter_clear_all_maxima(panel);
	meter_clear_demand(panel);
	assert_near(panel->group[0].max_demand[0], 5);
	meter_clear_max_demand(panel);
	for (unsigned g = 0; g < SIM_GROUPS; g++) {
		const struct sim_group *group = &panel->group[g];

		assert_near(
			group->kwh + group->max[0] + group->demand[0] + group->max_demand[0], 0);
	}
}

/* ---- arrangements ---- */

struct layout_case {
	enum sim_core core;
	unsigned layout;
	const char *phases; /* of channels 1-8 */
	struct {
		unsigned meter, channel[3];
	} dual[5], three[5];
};

static const struct layout_case layouts[] = {
	{ SIM_CORE_SOLID, 0, "AABBCCAA",
		{ { 1, { 1, 3 } }, { 2, { 2, 4 } }, { 3, { 5, 7 } }, { 20, { 38, 40 } },
			{ 21, { 41, 42 } } },
		{ { 1, { 1, 3, 5 } }, { 2, { 2, 4, 6 } }, { 3, { 7, 9, 11 } },
			{ 13, { 37, 39, 41 } }, { 14, { 38, 40, 42 } } } },
	{ SIM_CORE_SOLID, 1, "AABBCCAA",
		{ { 1, { 1, 3 } }, { 2, { 2, 4 } }, { 4, { 6, 8 } }, { 19, { 37, 39 } },
			{ 21, { 41, 42 } } },
		{ { 1, { 1, 3, 5 } }, { 2, { 2, 4, 6 } }, { 4, { 8, 10, 12 } },
			{ 13, { 37, 39, 41 } }, { 14, { 38, 40, 42 } } } },
	{ SIM_CORE_SOLID, 2, "ABCABCAB",
		{ { 1, { 1, 2 } }, { 2, { 3, 4 } }, { 3, { 5, 6 } }, { 20, { 39, 40 } },
			{ 21, { 41, 42 } } },
		{ { 1, { 1, 2, 3 } }, { 2, { 4, 5, 6 } }, { 3, { 7, 8, 9 } },
			{ 13, { 37, 38, 39 } }, { 14, { 40, 41, 42 } } } },
	{ SIM_CORE_SOLID, 3, "AABBCCAA",
		{ { 1, { 1, 3 } }, { 10, { 37, 39 } }, { 11, { 41, 2 } }, { 12, { 4, 6 } },
			{ 21, { 40, 42 } } },
		{ { 1, { 1, 3, 5 } }, { 7, { 37, 39, 41 } }, { 8, { 2, 4, 6 } },
			{ 9, { 8, 10, 12 } }, { 14, { 38, 40, 42 } } } },
	{ SIM_CORE_SPLIT, 0, "AABBCCAA",
		{ { 1, { 1, 3 } }, { 2, { 2, 4 } }, { 3, { 5, 7 } }, { 20, { 38, 40 } },
			{ 21, { 41, 42 } } },
		{ { 1, { 1, 3, 5 } }, { 2, { 2, 4, 6 } }, { 3, { 7, 9, 11 } },
			{ 13, { 37, 39, 41 } }, { 14, { 38, 40, 42 } } } },
	{ SIM_CORE_SPLIT, 2, "ABCABCAB",
		{ { 1, { 1, 2 } }, { 2, { 3, 4 } }, { 3, { 5, 6 } }, { 20, { 39, 40 } },
			{ 21, { 41, 42 } } },
		{ { 1, { 1, 2, 3 } }, { 2, { 4, 5, 6 } }, { 3, { 7, 8, 9 } },
			{ 13, { 37, 38, 39 } }, { 14, { 40, 41, 42 } } } },
};

/* Each channel is in exactly one block of a kind. */
static void check_cover(unsigned first, unsigned count)
{
	unsigned seen[SIM_CHANNELS] = { 0 };

	for (unsigned g = first; g < first + count; g++)
		for (unsigned leg = 0; leg < panel->group[g].legs; leg++)
			seen[panel->group[g].channel[leg]]++;
	for (unsigned i = 0; i < SIM_CHANNELS; i++)
		assert_int_equal(seen[i], i < SIM_BRANCHES);
}

static void check_layout(const struct layout_case *wanted)
{
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(meter_phase(panel, i), wanted->phases[i] - 'A');
	for (unsigned i = 0; i < 5; i++) {
		const struct sim_group *dual =
			&panel->group[GROUP_DUAL + wanted->dual[i].meter - 1];
		const struct sim_group *three =
			&panel->group[GROUP_THREE + wanted->three[i].meter - 1];

		for (unsigned leg = 0; leg < 2; leg++)
			assert_int_equal(dual->channel[leg] + 1, wanted->dual[i].channel[leg]);
		for (unsigned leg = 0; leg < 3; leg++) {
			assert_int_equal(three->channel[leg] + 1, wanted->three[i].channel[leg]);
			/* Where the rule of single channels agrees with "always A, B, C". */
			assert_int_equal(
				three->phase[leg], meter_phase(panel, three->channel[leg]));
		}
	}
	check_cover(GROUP_DUAL, SIM_DUALS);
	check_cover(GROUP_THREE, SIM_THREES);
}

static void blocks_follow_the_arrangement(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		device.core = layouts[i].core;
		panel->settings.layout = (uint16_t)layouts[i].layout;
		meter_measure(&device);
		check_layout(&layouts[i]);
	}
}

static void blocks_add_up_their_channels(void **state)
{
	const struct sim_group *dual = &panel->group[GROUP_DUAL],
			       *three = &panel->group[GROUP_THREE];

	(void)state;
	set_volts(&device, 200, 220, 240);
	set_amps(panel, 1, 1);
	set_amps(panel, 3, 2);
	set_amps(panel, 5, 6);
	assert_near(dual->now[PART_KW], 0.2 + 0.44);
	assert_near(group_average_amps(dual), 1.5);
	assert_near(three->now[PART_KW], 0.2 + 0.44 + 1.44);
	assert_near(group_kva(three), 2.08);
	assert_near(group_average_amps(three), 3);
	assert_near(three->kw[2], 1.44);
	assert_near(group_leg_pf(three, 2), 1);
}

static void user_assignment_moves_channels_but_not_three_phase_legs(void **state)
{
	(void)state;
	set_volts(&device, 200, 220, 240);
	set_amps(panel, 1, 10);
	panel->settings.phase[0] = 2;
	meter_measure(&device);
	assert_near(panel->group[0].now[PART_KW], 2.0); /* set, but not switched on */
	panel->settings.user_phases = 1;
	meter_measure(&device);
	assert_near(panel->group[0].now[PART_KW], 2.4);
	assert_near(panel->group[GROUP_DUAL].now[PART_KW], 2.4);
	assert_near(panel->group[GROUP_THREE].now[PART_KW], 2.0);
	assert_int_equal(meter_phase(panel, 45), -1);
}

static void mains_carry_the_branches(void **state)
{
	(void)state;
	for (unsigned number = 1; number <= 6; number++)
		set_amps(panel, number, 5);
	for (unsigned aux = 43; aux <= 45; aux++)
		assert_near(panel->group[aux - 1].now[0], 10);
	assert_near(panel->group[45].now[0], 0); /* balanced */
	assert_near(panel->group[GROUP_MAINS].now[PART_KW], 6.9);
	set_amps(panel, 1, 0);
	set_amps(panel, 2, 0);
	assert_near(panel->group[45].now[0], 10); /* two of three phases */
	panel->channel[2].pf = 0.6; /* 5 A at 0.6 and 5 A at 1: 8 A active, 4 A lagging */
	meter_measure(&device);
	assert_near(panel->group[43].now[0], sqrt(80));
	assert_near(group_pf(&panel->group[43]), 8 / sqrt(80));
	set_amps(panel, 43, 77); /* a script knows better */
	assert_near(panel->group[42].now[0], 77);
}

static void line_voltages_are_120_degrees_apart(void **state)
{
	(void)state;
	assert_near(meter_volts_ll(&device, 0), 230 * sqrt(3));
	set_volts(&device, 100, 0, 200);
	assert_near(meter_volts_ll(&device, 0), 100);
	assert_near(meter_volts_ll(&device, 1), 200);
	assert_near(meter_volts_ll(&device, 2), sqrt(70000));
}

static void a_power_cycle_loses_the_volatile(void **state)
{
	(void)state;
	panel->settings.window_s = 10;
	set_amps(panel, 1, 9);
	pass(&device, 15);
	assert_true(panel->group[0].kwh > 0);
	meter_power_cycle(&device);
	assert_near(panel->group[0].demand[0], 0);
	assert_near(panel->group[0].max_demand[0], 9);
	assert_near(panel->group[0].max[0], 9);
	assert_true(panel->group[0].kwh > 0);
	assert_int_equal(panel->settings.power_ups, 1);
	assert_int_equal(device.panel[1].settings.power_ups, 1);
	panel->settings.power_ups = 32767;
	meter_power_cycle(&device);
	assert_int_equal(panel->settings.power_ups, 1);
}

/* ---- loads and clocks ---- */

static void loads_stay_within_quiet_limits(void **state)
{
	struct load loads[SIM_BRANCHES];
	unsigned empty = 0;

	(void)state;
	for (uint64_t seed = 1; seed < 20; seed++) {
		load_plan(loads, SIM_BRANCHES, seed);
		for (unsigned i = 0; i < SIM_BRANCHES; i++) {
			empty += loads[i].kind == LOAD_EMPTY;
			for (double when = 0; when < 86400; when += 397) {
				double amps = load_amps(&loads[i], when);

				if (loads[i].kind == LOAD_EMPTY)
					assert_true(amps == 0);
				else
					assert_true(amps > 2 && amps < 11);
			}
			assert_true(loads[i].pf > 0.8 && loads[i].pf <= 1);
		}
	}
	assert_true(empty > 19 * 2 && empty < 19 * 15);
}

static double total_kw(uint64_t seed, double when)
{
	struct sim_plan plan = quiet_plan();
	struct sim_device other;
	double kw;

	plan.seed = seed;
	plan.when = when;
	meter_init(&other, &plan, 1, 2);
	kw = other.panel[0].group[GROUP_MAINS].now[PART_KW];
	meter_fini(&other);
	return kw;
}

static void one_seed_gives_one_day(void **state)
{
	(void)state;
	assert_true(total_kw(7, 40000) == total_kw(7, 40000));
	assert_true(total_kw(7, 40000) != total_kw(8, 40000));
	assert_true(total_kw(7, 40000) != total_kw(7, 40001));
	assert_true(total_kw(7, 13 * 3600) > total_kw(7, 3 * 3600)); /* people work by day */
}

static void history_is_plausible(void **state)
{
	struct sim_plan plan = quiet_plan();
	double sum = 0;

	plan.factory = false;
	teardown(state);
	meter_init(&device, &plan, 1, 2);
	for (unsigned i = 0; i < SIM_BRANCHES; i++) {
		const struct sim_group *group = &panel->group[i];
		bool empty = panel->channel[i].load.kind == LOAD_EMPTY;

		assert_true(empty ? group->kwh == 0 : group->kwh > 1000);
		assert_true(
			group->max[0] >= group->now[0] && group->max_demand[0] >= group->demand[0]);
		assert_int_equal(panel->channel[i].alarm.armed, !empty);
		assert_int_equal(panel->settings.breaker[i], empty ? 0 : 20);
		assert_int_equal(panel->channel[i].alarm.bits, 0);
		sum += group->kwh;
	}
	assert_near(panel->group[GROUP_MAINS].kwh / sum, 1);
}

static void frozen_clock_goes_by_steps_only(void **state)
{
	struct sim_plan plan = quiet_plan();
	const unsigned units[] = { 1, 2, 7, 9 };
	struct site site;
	double amps, kwh;

	(void)state;
	site_init(&site, &plan, units, 4, 10);
	assert_int_equal(site.n_devices, 2);
	assert_int_equal(site.panel[9]->unit, 9);
	assert_int_equal(site.panel[9]->device->serial, 0x12345679);
	assert_null(site.panel[3]);
	site_run(&site, 3);
	assert_near(site.passed, 30);
	site.frozen = true;
	amps = site.panel[1]->group[0].now[0];
	kwh = site.panel[1]->group[0].kwh;
	site_run(&site, 3);
	assert_near(site.passed, 30);
	site_advance(&site, 100.25, false); /* a step: loads stay */
	assert_near(site.passed, 130.25);
	assert_true(site.panel[1]->group[0].now[0] == amps);
	assert_true(site.panel[1]->group[0].kwh > kwh);
	site_advance(&site, 3600, true); /* a jump: loads follow */
	assert_true(site.panel[1]->group[0].now[0] != amps);
	site_fini(&site);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(power_follows_volts_amps_and_pf),
		TEST(energy_integrates),
		TEST(energy_rolls_over_at_32_bits),
		TEST(demand_is_the_mean_of_completed_windows),
		TEST(a_window_averages_what_changed_in_it),
		TEST(length_zero_waits_for_the_command),
		TEST(maxima_stay_until_cleared),
		TEST(a_reset_takes_its_kin_along),
		TEST(global_resets_reach_what_they_say),
		TEST(blocks_follow_the_arrangement),
		TEST(blocks_add_up_their_channels),
		TEST(user_assignment_moves_channels_but_not_three_phase_legs),
		TEST(mains_carry_the_branches),
		TEST(line_voltages_are_120_degrees_apart),
		TEST(a_power_cycle_loses_the_volatile),
		TEST(loads_stay_within_quiet_limits),
		TEST(one_seed_gives_one_day),
		TEST(history_is_plausible),
		TEST(frozen_clock_goes_by_steps_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
