/* The register table of the simulated meter against sizes, ranges and captures of the lists. */
#include "config.h"

#include "test_sim.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "sim/alarm.h"
#include "sim/map.h"
#include "sim/modbus.h"

static struct sim_device device;
static struct sim_panel *const panel = &device.panel[0];

static void make(enum sim_model model, enum sim_core core, bool old_firmware)
{
	struct sim_plan plan = quiet_plan();

	plan.model = model;
	plan.core = core;
	plan.old_firmware = old_firmware;
	make_quiet(&device, &plan);
}

static int setup(void **state)
{
	(void)state;
	make(SIM_MODEL_A, SIM_CORE_SOLID, false);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	meter_fini(&device);
	return 0;
}

static unsigned count_registers(unsigned first, unsigned last)
{
	unsigned count = 0;

	for (unsigned number = first; number <= last; number++)
		count += map_access(&device, number) != 0;
	return count;
}

/*
 * The sizes the two lists print, 2009 and 2011. They count as common what is split in three here:
 * 611 + 149 = 760, and 627 + 149 + 5 = 781.
 */
static void areas_have_the_printed_sizes(void **state)
{
	static const struct {
		const char *name;
		unsigned first, last, size[2]; /* old firmware, new */
	} cases[] = {
		{ "common", 1, 999, { 611, 627 } },
		{ "switches", 60000, 60004, { 5, 5 } },
		{ "firmware", 60005, 60153, { 149, 149 } },
		{ "single-phase", 1000, 3999, { 1470, 1596 } },
		{ "two-phase", 4000, 6999, { 1302, 1491 } },
		{ "three-phase", 7000, 59999, { 1120, 1288 } },
		{ "EEPROM", 61000, 61999, { 0, 130 } },
		{ "user phases", 62000, 65535, { 0, 47 } },
		{ "between", 60154, 60999, { 0, 0 } },
	};

	for (unsigned late = 0; late < 2; late++) {
		teardown(state);
		make(SIM_MODEL_A, SIM_CORE_SOLID, !late);
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			unsigned size = count_registers(cases[i].first, cases[i].last);

			if (size != cases[i].size[late])
				fail_msg("%s: %u registers, not %u", cases[i].name, size,
					cases[i].size[late]);
		}
	}
}

static uint16_t reg(unsigned number)
{
	uint16_t word = 0;
	int code = map_read(panel, number, &word);

	if (code)
		fail_msg("register %u: exception %d", number, code);
	return word;
}

static float reg_float(unsigned number)
{
	uint32_t bits = (uint32_t)reg(number) << 16 | reg(number + 1);
	float value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* Every measured register in both forms, every channel another value. */
static void integer_and_float_agree(void **state)
{
	static const struct {
		unsigned integer, real, items, scale, stride;
	} rows[] = {
		{ 1252, 2084, 42, 1042, 1 },
		{ 1294, 2168, 42, 0, 1 },
		{ 1336, 2252, 42, 1000, 1 },
		{ 1378, 2336, 42, 1042, 1 },
		{ 1504, 2588, 42, 1000, 1 },
		{ 1546, 2672, 42, 1042, 1 },
		{ 1588, 2756, 42, 1000, 1 },
		{ 1630, 2840, 42, 1042, 1 },
		{ 4126, 5042, 21, 4021, 1 },
		{ 4294, 5378, 21, 4000, 1 },
		{ 4546, 5882, 21, 4021, 1 },
		{ 7112, 8084, 14, 7000, 1 },
		{ 7238, 8336, 14, 7000, 1 },
		{ 7462, 8784, 14, 7014, 1 },
		{ 259, 626, 3, 288, 1 },
		{ 265, 638, 4, 284, 1 },
		{ 256, 620, 1, 292, 1 },
		{ 540, 676, 1, 292, 1 },
		{ 541, 678, 3, 288, 1 },
		{ 251, 612, 3, 244, 0 },
		{ 246, 602, 1, 244, 0 },
	};

	(void)state;
	panel->settings.window_s = 10;
	for (unsigned number = 1; number <= 42; number++) {
		panel->channel[number - 1].pf = 0.5 + number / 100.0;
		set_amps(panel, number, number * 0.37);
	}
	pass(&device, 10);
	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++)
		for (unsigned i = 0; i < rows[r].items; i++) {
			int scale = rows[r].scale ? (int16_t)reg(rows[r].scale + i * rows[r].stride)
						  : -3;
			double step = pow(10, scale), value = reg_float(rows[r].real + 2 * i);

			if (fabs((int16_t)reg(rows[r].integer + i) * step - value) > step * 0.501)
				fail_msg("registers %u and %u differ", rows[r].integer + i,
					rows[r].real + 2 * i);
		}
	assert_int_equal(reg(1336), 37);
	assert_int_equal(reg(1377), 1554);
	assert_int_equal(reg(1462 + 6), 259);
	assert_int_equal(reg(4273), 37); /* dual meter 1: channels 1 and 3 */
	assert_int_equal(reg(4294), 111);
	assert_int_equal(reg(7238 + 13), 1554); /* three-phase meter 14: 38, 40, 42 */
}

static void scales_move_the_integers_only(void **state)
{
	(void)state;
	set_amps(panel, 3, 12.344);
	assert_int_equal(reg(1338), 1234);
	panel->group[2].scale_amps = -3;
	assert_int_equal((int16_t)reg(1002), -3);
	assert_int_equal(reg(1338), 12344);
	panel->group[2].scale_amps = 1;
	assert_int_equal(reg(1338), 1);
	panel->group[2].scale_amps = -6;
	assert_int_equal(reg(1338), 32767); /* too large shows as the largest */
	assert_float_equal(reg_float(2256), 12.344f, 1e-5);
	device.scale_volts = 0;
	assert_int_equal(reg(248), 230);
	panel->group[0].kwh = 0x123456789 / 100.0; /* more than 32 bits */
	assert_int_equal(reg(1168), 0x2345);
	assert_int_equal(reg(1169), 0x6789);
}

enum { YES, NONE, NO }; /* has a value, has none, is no register */

static void models_have_what_they_measure(void **state)
{
	static const struct {
		unsigned number;
		bool real;
		int a, b, c, old;
	} cases[] = {
		{ 5, false, YES, YES, YES, YES },
		{ 238, false, YES, YES, NONE, YES },
		{ 241, false, YES, YES, NONE, YES },
		{ 244, false, YES, YES, NONE, YES },
		{ 248, false, YES, YES, NONE, YES },
		{ 256, false, YES, YES, NONE, YES },
		{ 254, false, YES, YES, NONE, YES },
		{ 258, false, YES, YES, YES, YES },
		{ 265, false, YES, YES, YES, YES },
		{ 540, false, YES, YES, NONE, NO },
		{ 539, false, YES, YES, YES, NO },
		{ 606, true, YES, YES, NONE, YES },
		{ 678, true, YES, YES, NONE, NO },
		{ 1042, false, YES, NONE, NONE, YES },
		{ 1168, false, YES, NONE, NONE, YES },
		{ 1252, false, YES, NONE, NONE, YES },
		{ 1336, false, YES, YES, YES, YES },
		{ 1630, false, YES, NONE, NONE, NO },
		{ 2000, true, YES, NONE, NONE, YES },
		{ 2252, true, YES, YES, YES, YES },
		{ 2840, true, YES, NONE, NONE, NO },
		{ 4126, false, YES, NONE, NONE, YES },
		{ 4168, false, YES, YES, YES, YES },
		{ 5798, true, YES, NONE, NONE, NO },
		{ 7084, false, YES, NONE, NONE, YES },
		{ 7112, false, YES, YES, YES, YES },
		{ 8700, true, YES, NONE, NONE, NO },
		{ 62017, false, YES, YES, YES, NO },
		{ 62116, false, YES, NONE, NONE, NO },
		{ 62158, false, YES, YES, NONE, NO },
		{ 544, false, NO, NO, NO, NO },
		{ 3000, false, NO, NO, NO, NO },
	};
	static const enum sim_model models[] = { SIM_MODEL_A, SIM_MODEL_B, SIM_MODEL_C,
		SIM_MODEL_A };
	static const unsigned ids[] = { 15172, 15171, 15170, 15172 }, health[] = { 4, 2, 1, 4 };

	for (unsigned m = 0; m < 4; m++) {
		teardown(state);
		make(models[m], SIM_CORE_SOLID, m == 3);
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			const int wanted[] = { cases[i].a, cases[i].b, cases[i].c, cases[i].old };
			uint16_t word = 0, next = 0;
			int code = map_read(panel, cases[i].number, &word), is = code ? NO : YES;

			if (!code && cases[i].real)
				map_read(panel, cases[i].number + 1, &next);
			if (!code && word == (cases[i].real ? 0x7fc0 : 0x8000) && !next)
				is = NONE;
			if (is != wanted[m])
				fail_msg("register %u, model %u: %d, not %d", cases[i].number, m,
					is, wanted[m]);
		}
		assert_int_equal(reg(5), ids[m]);
		assert_int_equal(reg(532) >> 13, health[m]);
	}
}

static void writes_are_judged(void **state)
{
	static const struct {
		unsigned number, word;
		int solid, split;
	} cases[] = {
		{ 6, 0, 0, 0 },
		{ 6, 2, 0, 0 },
		{ 6, 3, 0, 3 },
		{ 6, 1, 0, 3 },
		{ 6, 4, 3, 3 },
		{ 1, 0, 2, 2 },
		{ 5, 15170, 2, 2 },
		{ 7, 0x4142, 0, 0 },
		{ 71, 0, 3, 3 },
		{ 71, 6, 0, 0 },
		{ 71, 7, 3, 3 },
		{ 72, 0, 0, 0 },
		{ 72, 9, 3, 3 },
		{ 72, 10, 0, 0 },
		{ 72, 32768, 3, 3 },
		{ 73, 50, 2, 0 },
		{ 114, 0, 2, 0 },
		{ 115, 0, 3, 0 },
		{ 118, 300, 0, 0 },
		{ 119, 0, 0, 0 },
		{ 164, 32767, 0, 0 },
		{ 164, 32768, 3, 3 },
		{ 165, 0, 0, 0 },
		{ 170, 65535, 3, 3 },
		{ 171, 1000, 0, 0 },
		{ 177, 1001, 3, 3 },
		{ 178, 0, 0, 0 },
		{ 223, 0xffff, 0, 0 },
		{ 224, 0, 2, 2 },
		{ 230, 0, 2, 2 },
		{ 236, 30, 0, 0 },
		{ 240, 1001, 3, 3 },
		{ 243, 0, 0, 0 },
		{ 244, 0, 2, 2 },
		{ 294, 10203, 0, 0 },
		{ 294, 31010, 3, 3 },
		{ 295, 31010, 0, 0 },
		{ 295, 1, 3, 3 },
		{ 296, 0, 2, 2 },
		{ 531, 0, 0, 0 },
		{ 532, 0, 2, 2 },
		{ 544, 0, 2, 2 },
		{ 1126, 10203, 0, 0 },
		{ 1167, 29877, 0, 0 },
		{ 1127, 26012, 3, 3 },
		{ 1336, 0, 2, 2 },
		{ 2000, 0, 2, 2 },
		{ 4063, 10203, 0, 0 },
		{ 7055, 29877, 0, 0 },
		{ 60004, 0, 2, 2 },
		{ 60005, 0, 4, 4 },
		{ 61001, 0, 4, 4 },
		{ 62017, 2, 3, 3 },
		{ 62157, 2, 0, 0 },
		{ 62161, 3, 3, 3 },
		{ 65535, 0, 2, 2 },
		{ 65536, 0, 2, 2 },
	};

	for (unsigned split = 0; split < 2; split++) {
		teardown(state);
		make(SIM_MODEL_A, split ? SIM_CORE_SPLIT : SIM_CORE_SOLID, false);
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			int code = map_check_write(panel, cases[i].number, (uint16_t)cases[i].word);
			int wanted = split ? cases[i].split : cases[i].solid;

			if (code != wanted)
				fail_msg("register %u <- %u, split %u: %d, not %d", cases[i].number,
					cases[i].word, split, code, wanted);
		}
	}
	device.model = SIM_MODEL_C;
	assert_int_equal(map_check_write(panel, 238, 1), 2);
}

/* What may be written reads back, each word where it belongs. */
static void settings_read_back(void **state)
{
	uint16_t shared = 0;

	(void)state;
	for (unsigned number = 1; number < 65536; number++) {
		const struct map_area *area = map_area(number);
		uint16_t word = (uint16_t)(number % 2 + 1);

		if (!area || area->kind != MAP_SETTING || map_check_write(panel, number, word))
			continue;
		map_write(panel, number, word);
		assert_int_equal(reg(number), word);
	}
	for (unsigned number = 75; number < 171; number++)
		if (number > 114)
			assert_int_equal(
				reg(number), number % 2 + 1); /* no neighbour disturbed it */
	assert_int_equal(panel->settings.breaker[0], 2);
	assert_int_equal(panel->settings.breaker[45], 1);
	assert_int_equal(panel->settings.delay_s[3], 1);
	assert_int_equal(panel->settings.latch[0], 2);
	assert_int_equal(device.volt_settings.hysteresis, 1);
	assert_int_equal(panel->settings.phase[45], 2);
	assert_int_equal(device.panel[1].settings.breaker[0], 20);
	map_read(&device.panel[1], 239, &shared);
	assert_int_equal(shared, 2);
}

static void defaults_are_the_printed_ones(void **state)
{
	static const struct {
		unsigned number, word;
	} cases[] = { { 6, 0 }, { 71, 1 }, { 72, 900 }, { 73, 100 }, { 114, 100 }, { 115, 200 },
		{ 118, 200 }, { 119, 20 }, { 160, 20 }, { 161, 225 }, { 164, 225 }, { 165, 10 },
		{ 166, 10 }, { 167, 10 }, { 168, 10 }, { 169, 10 }, { 170, 30 }, { 171, 700 },
		{ 172, 600 }, { 173, 75 }, { 174, 25 }, { 175, 600 }, { 176, 50 }, { 177, 50 },
		{ 62017, 0 }, { 62116, 0 }, { 531, 0 }, { 1, 0x1234 }, { 2, 0x5678 }, { 60000, 1 },
		{ 60002, 0 }, { 7, 0x4c6f }, { 10, 0x6f6e }, { 11, 0 } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(reg(cases[i].number), cases[i].word);
}

static void status_and_counters_are_in_place(void **state)
{
	(void)state;
	panel->channel[45].alarm.bits = ALARM_HIGH | 3;
	for (unsigned level = 0; level < SIM_LEVELS; level++) {
		panel->count[level] = (uint16_t)(100 + level);
		panel->channel[0].alarm.count[level] = (uint16_t)(200 + level);
		panel->channel[45].alarm.count[level] = (uint16_t)(300 + level);
	}
	panel->last_latched = 46;
	panel->last_active = 7;
	assert_int_equal(reg(223), 0x103);
	assert_int_equal(reg(224), 3);
	assert_int_equal(reg(226), 46);
	assert_int_equal(reg(227), 7);
	assert_int_equal(reg(228), 1);
	assert_int_equal(reg(300), 104);
	assert_int_equal(reg(301), 200);
	assert_int_equal(reg(346), 300);
	assert_int_equal(reg(439), 203);
	assert_int_equal(reg(530), 304);
	map_write(panel, 223, 0xfffe);
	assert_int_equal(reg(223), 0x102);
	map_write(panel, 295, 31010);
	assert_int_equal(reg(223), 0x100);
	device.volt_alarm[2].bits = 0x103;
	map_write(panel, 243, 1);
	assert_int_equal(reg(243), 0x101);
}

static void commands_do_what_they_say(void **state)
{
	static const struct {
		unsigned number, word;
		bool kwh, max, demand, max_demand; /* of channel 1: are they 0 afterwards? */
		bool mains;			   /* energy of the mains */
	} cases[] = {
		{ 294, 10203, false, false, false, false, true },
		{ 294, 29877, false, false, false, false, false },
		{ 295, 26013, false, false, true, false, false },
		{ 295, 10203, true, false, false, false, true },
		{ 295, 29877, false, true, false, false, false },
		{ 295, 20097, false, false, false, true, false },
		{ 1126, 10203, true, false, false, false, false },
		{ 1126, 29877, false, true, false, false, false },
		{ 1127, 10203, false, false, false, false, false },
		{ 4063, 10203, true, false, false, false, false },
		{ 7042, 29877, false, true, false, false, false },
		{ 7043, 29877, false, false, false, false, false },
	};
	const struct sim_group *one = &panel->group[0];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (unsigned g = 0; g < SIM_GROUPS; g++) {
			struct sim_group *group = &panel->group[g];

			group->kwh = group->max[0] = group->demand[0] = group->max_demand[0] = 5;
		}
		map_write(panel, cases[i].number, (uint16_t)cases[i].word);
		if ((one->kwh == 0) != cases[i].kwh || (one->max[0] == 0) != cases[i].max ||
			(one->demand[0] == 0) != cases[i].demand ||
			(one->max_demand[0] == 0) != cases[i].max_demand ||
			(panel->group[GROUP_MAINS].kwh == 0) != cases[i].mains)
			fail_msg("register %u <- %u", cases[i].number, cases[i].word);
	}
	set_amps(panel, 1, 6);
	panel->settings.window_s = 0;
	pass(&device, 20);
	map_write(panel, 295, 26012);
	assert_float_equal((float)one->demand[0], 6, 1e-6);
}

static void health_names_what_is_wrong(void **state)
{
	(void)state;
	assert_int_equal(reg(532), 1 << 15);
	set_amps(panel, 1, 121); /* of a 100 A transformer */
	assert_int_equal(reg(532), 1 << 15 | 1 << 5);
	set_volts(&device, 0, 230, 360);
	assert_int_equal(reg(532), 1 << 15 | 1 << 5 | 1 << 4 | 1 << 1);
	assert_int_equal(reg(245), 0x8000);
	assert_int_equal(reg(600), 0x7fc0);
	assert_int_equal(reg(601), 0);
}

static void pokes_override_and_leave(void **state)
{
	uint16_t word;

	(void)state;
	map_poke(panel, 1336, 0x8000);
	map_poke(panel, 1000, (uint16_t)-9);
	map_poke(panel, 30000, 7);
	map_poke(panel, 30000, 8);
	assert_int_equal(reg(1336), 0x8000);
	assert_int_equal((int16_t)reg(1000), -9);
	assert_int_equal(reg(30000), 8);
	map_unpoke(panel, 30000, 30000);
	assert_int_equal(map_read(panel, 30000, &word), 2);
	map_unpoke(panel, 1, 65536);
	assert_int_equal(reg(1336), 0);
}

/* ---- the wire ---- */

struct exchange {
	const char *request, *answer; /* PDUs in hex */
};

static size_t from_hex(const char *text, uint8_t *bytes)
{
	size_t n = 0;
	unsigned byte;

	for (; sscanf(text, "%2x", &byte) == 1; text += 2) {
		bytes[n++] = (uint8_t)byte;
		while (text[2] == ' ')
			text++;
	}
	return n;
}

#define FFFE6 "FFFE FFFE FFFE FFFE FFFE FFFE "
#define ZERO6 "0000 0000 0000 0000 0000 0000 "

static void captures_of_a_real_meter(void **state)
{
	static const struct exchange cases[] = {
		{ "03 03E7 002A", "03 54 " FFFE6 FFFE6 FFFE6 FFFE6 FFFE6 FFFE6 FFFE6 },
		{ "03 0537 002A", "03 54 0000 0018 0000 0000 0000 0000 " ZERO6 ZERO6 ZERO6 ZERO6
					  ZERO6 ZERO6 },
		{ "03 0005 0001", "03 02 0000" },
		{ "06 0005 0001", "06 0005 0001" },
		{ "03 0005 0001", "03 02 0001" },
		{ "03 0072 0004", "03 08 00C8 00C8 00C8 00C8" },
		{ "10 0072 0004 08 012C 012C 012C 012C", "10 0072 0004" },
		{ "03 0072 0004", "03 08 012C 012C 012C 012C" },
		/* and what no capture shows */
		{ "04 0072 0001", "04 02 012C" },
		{ "03 0000 007D", NULL },
		{ "03 0000 007E", "83 03" },
		{ "03 0000 0000", "83 03" },
		{ "03 0125 0002", "83 02" }, /* 294 and 295 are for writing */
		{ "03 0220 0001", "83 02" },
		{ "03 FFFF 0001", "83 02" },
		{ "03 FFFF 0002", "83 02" },
		{ "03 0000", "83 03" },
		{ "06 0004 0001", "86 02" },
		{ "06 0046 0007", "86 03" },
		{ "06 0046", "86 03" },
		{ "10 0046 0002 04 0002 0005", "90 03" },
		{ "03 0046 0001", "03 02 0001" }, /* the good half was not kept */
		{ "10 0046 0001 04 0002", "90 03" },
		{ "10 0046 0000 00", "90 03" },
		{ "01 0000 0001", "81 01" },
		{ "2B 0E 01 00", "AB 01" },
	};

	(void)state;
	set_amps(panel, 2, 0.24);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t request[300], wanted[300], answer[300];
		size_t len = from_hex(cases[i].request, request);
		size_t answer_len = modbus_answer(panel, request, len, answer, false);

		if (!cases[i].answer) {
			assert_int_equal(answer_len, 2 + 250);
			continue;
		}
		if (answer_len != from_hex(cases[i].answer, wanted) ||
			memcmp(answer, wanted, answer_len))
			fail_msg("request %s was not answered with %s", cases[i].request,
				cases[i].answer);
	}
	assert_int_equal(panel->counts.requests, sizeof(cases) / sizeof(cases[0]));
	assert_int_equal(panel->counts.exceptions, 15);
}

static void who_are_you(void **state)
{
	static const char text[] =
		"Veris Model E30A Branch Circuit Monitor, S/N=0x12345678, Location=\"Location\"";
	const uint8_t request[] = { 17 };
	uint8_t answer[300];

	(void)state;
	assert_int_equal(modbus_answer(panel, request, 1, answer, false), 4 + strlen(text));
	assert_int_equal(answer[1], 2 + strlen(text));
	assert_memory_equal(answer + 4, text, strlen(text));
	memset(panel->settings.location, 'x', sizeof(panel->settings.location)); /* no end */
	assert_true(modbus_answer(panel, request, 1, answer, false) <= PDU_MAX);
}

static void a_write_that_is_not_kept(void **state)
{
	const uint8_t request[] = { 6, 0, 70, 0, 3 };
	uint8_t answer[300];

	(void)state;
	assert_int_equal(modbus_answer(panel, request, 5, answer, true), 5);
	assert_memory_equal(answer, request, 5);
	assert_int_equal(reg(71), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(areas_have_the_printed_sizes),
		TEST(integer_and_float_agree),
		TEST(scales_move_the_integers_only),
		TEST(models_have_what_they_measure),
		TEST(writes_are_judged),
		TEST(settings_read_back),
		TEST(defaults_are_the_printed_ones),
		TEST(status_and_counters_are_in_place),
		TEST(commands_do_what_they_say),
		TEST(health_names_what_is_wrong),
		TEST(pokes_override_and_leave),
		TEST(captures_of_a_real_meter),
		TEST(who_are_you),
		TEST(a_write_that_is_not_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
