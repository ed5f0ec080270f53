/* The alarms of the simulated meter, told as stories: so many amperes for so long, then these bits.
 */
#include "config.h"

#include "test_sim.h"

#include <stdbool.h>

#include "sim/alarm.h"

/* Breaker 20 A, factory thresholds: 14, 12, 1.5, 0.5 A latching; 12 and 1 A not; delays 10 s. */
#define HH   0x01
#define H    0x02
#define L    0x04
#define LL   0x08
#define OFF  0x10
#define HIGH 0x100
#define LOW  0x200

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

struct step {
	double amps, seconds;
	unsigned bits;
};

struct story {
	const char *name;
	bool cold;	     /* begins disarmed */
	struct step step[8]; /* up to one of 0 seconds */
};

static const struct story stories[] = {
	{ "high-high latches after its delay, and stays", false,
		{ { 15, 9.5, HIGH }, { 15, 0.5, HH | H | HIGH }, { 5, 100, HH | H } } },
	{ "a break begins the delay anew", false,
		{ { 15, 9.5, HIGH }, { 13.9, 0.5, H | HIGH }, { 15, 9.5, H | HIGH },
			{ 15, 0.5, HH | H | HIGH } } },
	{ "high keeps timing above high-high", false, { { 13, 5, HIGH }, { 15, 5, H | HIGH } } },
	{ "at the threshold is not above it", false, { { 12, 60, 0 } } },
	{ "low, then low-low, then OFF", false,
		{ { 1.2, 10, L }, { 0.2, 9.5, L | LOW }, { 0.2, 0.5, L | LL | LOW },
			{ 0.2, 19.5, L | LL | LOW }, { 0.2, 0.5, L | LL | OFF | LOW } } },
	{ "a short dip is nothing", false,
		{ { 0.2, 9.5, LOW }, { 5, 1, 0 }, { 0.2, 9.5, LOW }, { 5, 1, 0 } } },
	{ "not armed: nothing latches", true, { { 0, 1000, LOW } } },
	{ "not armed: high-high waits for ON time, then for its delay", true,
		{ { 15, 10, HIGH }, { 15, 9.5, HIGH }, { 15, 0.5, HH | H | HIGH } } },
	{ "dropping under low-low begins ON time anew", true,
		{ { 1.2, 9.5, 0 }, { 0.4, 0.5, LOW }, { 1.2, 9.5, 0 }, { 1.2, 9.5, 0 },
			{ 1.2, 1, L } } },
	{ "non-latching comes at once and leaves through the hysteresis", false,
		{ { 12.1, 0.5, HIGH }, { 11.5, 0.5, HIGH }, { 11.3, 0.5, 0 }, { 11.9, 0.5, 0 },
			{ 0.9, 0.5, LOW }, { 1.04, 0.5, LOW }, { 1.06, 0.5, 0 } } },
};

static void tell(const struct story *story)
{
	panel->channel[0].alarm.armed = !story->cold;
	for (unsigned i = 0; i < 8 && story->step[i].seconds > 0; i++) {
		const struct step *step = &story->step[i];

		set_amps(panel, 1, step->amps);
		pass(&device, step->seconds);
		if (panel->channel[0].alarm.bits != step->bits)
			fail_msg("%s: step %u: bits 0x%x, not 0x%x", story->name, i,
				panel->channel[0].alarm.bits, step->bits);
	}
}

static void stories_end_as_told(void **state)
{
	for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
		setup(state);
		set_amps(panel, 1, 5);
		tell(&stories[i]);
		teardown(state);
	}
}

/* Channels 1 and 2 are on and armed; the mains keep out of it. */
static void arm_all(void)
{
	for (unsigned i = SIM_BRANCHES; i < SIM_CHANNELS; i++)
		panel->settings.breaker[i] = 0;
	set_amps(panel, 1, 5);
	set_amps(panel, 2, 5);
	alarm_arm(&device);
}

static void off_disarms_until_on_again(void **state)
{
	(void)state;
	arm_all();
	set_amps(panel, 1, 0);
	pass(&device, 30);
	assert_int_equal(panel->channel[0].alarm.bits, L | LL | OFF | LOW);
	assert_false(panel->channel[0].alarm.armed);
	alarm_clear(panel, 0, 0);
	pass(&device, 600);
	assert_int_equal(panel->channel[0].alarm.bits, LOW);
	set_amps(panel, 1, 5);
	pass(&device, 10);
	assert_true(panel->channel[0].alarm.armed);
	set_amps(panel, 1, 0);
	pass(&device, 30);
	assert_int_equal(panel->channel[0].alarm.bits, L | LL | OFF | LOW);
	assert_int_equal(panel->channel[0].alarm.count[4], 2);
	assert_int_equal(panel->count[4], 2);
}

static void settings_take_effect(void **state)
{
	(void)state;
	arm_all();
	panel->settings.delay_s[0] = 3;
	panel->settings.latch[0] = 200; /* 4 A */
	pass(&device, 2.5);
	assert_int_equal(panel->channel[0].alarm.bits & HH, 0);
	pass(&device, 0.5);
	assert_int_equal(panel->channel[0].alarm.bits & HH, HH);
	assert_int_equal(
		panel->channel[1].alarm.bits & HH, HH); /* one threshold for all channels */
	assert_int_equal(device.panel[1].channel[0].alarm.bits & HH, 0); /* of this address */
	panel->settings.delay_s[1] = 0;
	panel->settings.latch[1] = 100;
	meter_measure(&device); /* no delay: no time needed */
	assert_int_equal(panel->channel[0].alarm.bits & H, H);
}

static void zero_switches_off(void **state)
{
	(void)state;
	arm_all();
	panel->settings.latch[0] = 0;
	panel->settings.high = 0;
	panel->settings.breaker[1] = 0;
	set_amps(panel, 1, 100);
	set_amps(panel, 2, 100);
	pass(&device, 60);
	assert_int_equal(panel->channel[0].alarm.bits, H); /* the others still work */
	assert_int_equal(panel->channel[1].alarm.bits, 0);
	set_amps(panel, 2, 0);
	pass(&device, 60);
	assert_int_equal(panel->channel[1].alarm.bits, 0);
	assert_false(panel->channel[1].alarm.armed);
}

static void clearing_takes_only_latched_zeros(void **state)
{
	struct sim_alarm *alarm = &panel->channel[0].alarm;

	(void)state;
	arm_all();
	set_amps(panel, 1, 15);
	pass(&device, 10);
	assert_int_equal(alarm->bits, HH | H | HIGH);
	alarm_clear(panel, 0, (uint16_t)~HH);
	assert_int_equal(alarm->bits, H | HIGH);
	alarm_clear(panel, 0, 0xffff); /* ones set nothing */
	assert_int_equal(alarm->bits, H | HIGH);
	pass(&device, 9.5);
	assert_int_equal(alarm->bits, H | HIGH);
	pass(&device, 0.5); /* still above: it latches again, and counts */
	assert_int_equal(alarm->bits, HH | H | HIGH);
	assert_int_equal(alarm->count[0], 2);
	assert_int_equal(alarm->count[1], 1);
	alarm_clear_all(panel);
	assert_int_equal(alarm->bits, HIGH);
}

static void counters_roll_over_to_one(void **state)
{
	(void)state;
	arm_all();
	panel->channel[0].alarm.count[0] = 32767;
	panel->count[0] = 32766;
	set_amps(panel, 1, 15);
	set_amps(panel, 2, 15);
	pass(&device, 10);
	assert_int_equal(panel->channel[0].alarm.count[0], 1);
	assert_int_equal(panel->channel[1].alarm.count[0], 1);
	assert_int_equal(panel->count[0], 1); /* 32767, then over */
	meter_power_cycle(&device);
	assert_int_equal(panel->channel[0].alarm.count[0], 0);
	assert_int_equal(panel->count[0], 1);
	assert_int_equal(panel->channel[0].alarm.bits & HH, HH); /* latches survive */
	assert_false(panel->channel[0].alarm.armed);
}

static void global_words_sum_up(void **state)
{
	(void)state;
	arm_all();
	for (unsigned number = 3; number <= SIM_CHANNELS; number++)
		panel->settings.breaker[number - 1] = 0;
	meter_measure(&device);
	assert_int_equal(alarm_global_latched(panel), 0);
	assert_int_equal(alarm_global_active(panel), 0);
	panel->last_active = 0;
	set_amps(panel, 2, 15);
	pass(&device, 10);
	set_amps(panel, 1, 0.7);
	pass(&device, 10);
	assert_int_equal(alarm_global_latched(panel), HH | H | L);
	assert_int_equal(alarm_global_active(panel), 3);
	assert_int_equal(panel->last_latched, 1);
	assert_int_equal(panel->last_active, 1);
	assert_int_equal(alarm_channels(panel, ALARM_LATCHED), 2);
	assert_int_equal(alarm_channels(panel, ALARM_HIGH), 1);
	assert_int_equal(alarm_global_latched(&device.panel[1]), 0);
}

struct volt_step {
	double a, b, c, seconds;
	unsigned bits[3];
};

static void voltage_alarms_watch_line_to_line(void **state)
{
	static const struct volt_step steps[] = {
		{ 230, 230, 230, 60, { 0, 0, 0 } },
		{ 270, 230, 230, 4.5, { HIGH, 0, HIGH } }, /* A-B and C-A 433 V */
		{ 270, 230, 230, 0.5, { HIGH | 1, 0, HIGH | 1 } },
		{ 252, 230, 230, 1,
			{ HIGH | 1, 0, HIGH | 1 } }, /* 417 V: inside the 2 % hysteresis of 420 */
		{ 240, 230, 230, 1, { 1, 0, 1 } },
		{ 230, 230, 190, 2.5, { 1, LOW, LOW | 1 } }, /* 364 V */
		{ 230, 230, 190, 0.5, { 1, LOW | 2, LOW | 3 } },
		{ 230, 230, 200, 1, { 1, LOW | 2, LOW | 3 } }, /* 373 V < 370 x 1.02 */
		{ 230, 230, 215, 1, { 1, 2, 3 } },
	};

	(void)state;
	device.volt_settings = (struct sim_volt_settings){
		.over_s = 5, .under_s = 3, .over = 4200, .under = 3700, .hysteresis = 20
	};
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		set_volts(&device, steps[i].a, steps[i].b, steps[i].c);
		pass(&device, steps[i].seconds);
		for (unsigned input = 0; input < SIM_PHASES; input++)
			if (device.volt_alarm[input].bits != steps[i].bits[input])
				fail_msg("step %zu input %u: bits 0x%x, not 0x%x", i, input + 1,
					device.volt_alarm[input].bits, steps[i].bits[input]);
	}
	assert_int_equal(alarm_global_latched(panel), 0x300);
	assert_int_equal(alarm_global_latched(&device.panel[1]), 0x300); /* shared */
	set_volts(&device, 300, 300, 300);
	assert_int_equal(alarm_global_active(panel) & HIGH, HIGH);
	alarm_clear_volts(&device, 2, 2);
	assert_int_equal(device.volt_alarm[2].bits, HIGH | 2);
	device.volt_settings.over = device.volt_settings.under = 0;
	meter_measure(&device);
	assert_int_equal(alarm_global_active(panel) & HIGH, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(stories_end_as_told),
		TEST(off_disarms_until_on_again),
		TEST(settings_take_effect),
		TEST(zero_switches_off),
		TEST(clearing_takes_only_latched_zeros),
		TEST(counters_roll_over_to_one),
		TEST(global_words_sum_up),
		TEST(voltage_alarms_watch_line_to_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
