/*
 * Plans: those of the shipped profiles as they must come out, and properties of
 * plans for random profiles. METERX_SEED=N repeats a run.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "core/util.h"
#include "modbus/plan.h"

#define CLASS(name) (1u << POLL_##name)
#define EVERY_CLASS ((1u << POLL_CLASSES) - 1)

static struct profile *load(const char *name)
{
	struct problems problems = PROBLEMS_INIT;
	struct profile *profile = NULL;

	if (profile_load(TEST_SRCDIR "/conf/profiles", name, &problems, &profile) != 0)
		problems_print(&problems, stderr);
	problems_free(&problems);
	assert_non_null(profile);
	return profile;
}

static struct plan_want want_of(const struct profile *profile, const char *model, unsigned classes)
{
	struct plan_want want = {
		.profile = profile,
		.model = -1,
		.encoding = ENCODING_INTEGER,
		.classes = classes,
	};

	for (unsigned i = 0; i < profile->n_models; i++) {
		if (strcmp(profile->models[i].name, model) == 0)
			want.model = (int)i;
	}
	return want;
}

/* Reads as printed numbers: "178-293 296-300". */
static void assert_reads(const struct plan *plan, const char *expected)
{
	char text[1024] = "";
	size_t used = 0;

	for (unsigned i = 0; i < plan->n_reads; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%u-%u", i ? " " : "",
			plan->reads[i].reg + 1u, plan->reads[i].reg + plan->reads[i].count);
	assert_string_equal(text, expected);
}

static void plans_of_the_bcpme(void **state)
{
	static const struct {
		const char *model;
		enum encoding encoding;
		bool two_pole, three_pole;
		unsigned classes;
		unsigned words, needed;
		const char *reads;
	} cases[] = {
		/* of those that follow each other, none is as long as another read */
		{ "A", ENCODING_INTEGER, false, false, CLASS(ALARM) | CLASS(FAST), 625, 625,
			"178-293 296-300 1168-1292 1293-1416 1417-1539 1540-1661 1662-1671" },
		/* 236-240 are no alarms, but cheaper to read than to leave out */
		{ "A", ENCODING_INTEGER, false, false, CLASS(ALARM), 71, 66, "178-243 296-300" },
		{ "B", ENCODING_INTEGER, false, false, CLASS(ALARM) | CLASS(FAST), 289, 289,
			"178-293 296-300 1336-1377 1462-1545 1588-1629" },
		/* no voltage: neither its alarms nor its values */
		{ "C", ENCODING_INTEGER, false, false, CLASS(ALARM), 63, 63, "178-235 296-300" },
		{ "A", ENCODING_INTEGER, false, false, CLASS(ONCE), 6, 4,
			"539-539 60000-60004" },
		{ "C", ENCODING_INTEGER, true, false, CLASS(SLOW), 473, 473,
			"1-125 126-177 301-424 425-532 1000-1041 4000-4020 62017-62017" },
		{ "B", ENCODING_INTEGER, false, false, CLASS(SLOW), 460, 460,
			"1-125 126-177 301-424 425-532 540-543 1000-1041 62017-62017 62158-62161" },
		{ "A", ENCODING_FLOAT, false, true, CLASS(SLOW), 464, 464,
			"1-125 126-177 301-424 425-532 676-683 62017-62017 62116-62161" },
		{ "A", ENCODING_INTEGER, false, true, CLASS(FAST), 982, 979,
			"236-293 1168-1292 1293-1416 1417-1539 1540-1661 1662-1671 "
			"7056-7176 7177-7296 7297-7415 7416-7475" },
	};
	struct profile *profile = load("bcpme");
	struct plan_line line = plan_line_rtu(9600, 10, 0);
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct plan_want want = want_of(profile, cases[i].model, cases[i].classes);
		struct plan *plan;

		want.encoding = cases[i].encoding;
		want.two_pole = cases[i].two_pole;
		want.three_pole = cases[i].three_pole;
		plan = plan_build(&want, &line);
		assert_reads(plan, cases[i].reads);
		assert_int_equal(plan->words, cases[i].words);
		assert_int_equal(plan->needed, cases[i].needed);
		plan_free(plan);
	}
	profile_unref(profile);
}

/* The goal for the line: 97 % of the wire model's ideal. */
static void measuring_cycle_is_near_the_ideal(void **state)
{
	struct profile *profile = load("bcpme");
	struct plan_line line = plan_line_rtu(9600, 10, 0);
	struct plan_want want = want_of(profile, "A", CLASS(ALARM) | CLASS(FAST));
	struct plan *plan = plan_build(&want, &line);
	(void)state;

	assert_true(plan_ideal_us(plan, &line) * 100 >= plan_time_us(plan, &line) * 97);
	assert_int_equal(plan->reads[0].classes, CLASS(ALARM) | CLASS(FAST));
	assert_int_equal(plan->reads[1].classes, CLASS(ALARM));
	assert_int_equal(plan->reads[2].classes, CLASS(FAST));
	plan_free(plan);
	profile_unref(profile);
}

static void missing_blocks_are_left_out(void **state)
{
	struct profile *profile = load("bcpm");
	struct plan_line line = plan_line_rtu(19200, 11, 5000);
	struct plan_want want = want_of(profile, "A", EVERY_CLASS);
	struct plan *plan;
	(void)state;

	want.two_pole = true;
	for (unsigned b = 0; b < profile->n_blocks; b++)
		want.skip_blocks |= (uint64_t)profile->blocks[b].optional << b;
	plan = plan_build(&want, &line);
	for (unsigned r = 0; r < plan->n_reads; r++)
		assert_false(profile->blocks[plan_block(profile, plan->reads[r].reg)].optional);
	/* the last register of the older firmware */
	assert_int_equal(
		plan->reads[plan->n_reads - 1].reg + plan->reads[plan->n_reads - 1].count, 4503);
	plan_free(plan);
	profile_unref(profile);
}

static void integers_cost_less_on_every_line(void **state)
{
	static const char *const models[] = { "A", "B", "C", "unknown" };
	struct profile *profile = load("bcpme");
	const struct plan_line lines[] = {
		plan_line_rtu(9600, 10, 0),
		plan_line_rtu(38400, 11, 20000),
		plan_line_tcp(5000),
	};
	(void)state;

	for (size_t m = 0; m < ARRAY_LEN(models); m++) {
		struct plan_want want = want_of(profile, models[m], EVERY_CLASS);

		for (size_t l = 0; l < ARRAY_LEN(lines); l++)
			assert_int_equal(plan_choose_encoding(&want, &lines[l], ENCODING_ANY),
				ENCODING_INTEGER);
	}
	profile_unref(profile);
}

/* Scales of branches are slow, whatever the class of the points that use them. */
static void scales_come_with_their_own_class(void **state)
{
	struct profile *profile = load("bcpme");
	struct plan_want want = want_of(profile, "A", CLASS(FAST));
	struct plan_want slow = want_of(profile, "A", CLASS(SLOW));
	struct plan_want floats = want_of(profile, "A", CLASS(SLOW));
	struct plan_want currents = want_of(profile, "C", CLASS(SLOW));
	(void)state;

	floats.encoding = ENCODING_FLOAT;
	for (unsigned i = 0; i < profile->n_scales; i++) {
		const struct profile_scale *scale = &profile->scales[i];
		bool branch = strncmp(scale->name, "branch-", 7) == 0;
		bool poles = scale->reg >= 3999; /* not asked for */

		assert_int_equal(plan_wants_scale(&want, scale), !branch && !poles);
		assert_int_equal(plan_wants_scale(&slow, scale), branch);
		assert_false(plan_wants_scale(&floats, scale));
		assert_int_equal(plan_wants_scale(&currents, scale),
			strcmp(scale->name, "branch-current") == 0);
	}
	profile_unref(profile);
}

static void short_reads_cut_texts_but_no_numbers(void **state)
{
	struct profile *profile = load("bcpme");
	struct plan_line line = plan_line_rtu(9600, 10, 0);
	struct plan_want want = want_of(profile, "A", EVERY_CLASS);
	struct plan *plan;
	unsigned in_text = 0;
	(void)state;

	line.max_registers = 10;
	plan = plan_build(&want, &line);
	for (unsigned r = 0; r < plan->n_reads; r++) {
		unsigned end = plan->reads[r].reg + plan->reads[r].count;

		assert_true(plan->reads[r].count <= 10);
		assert_true(end != 1 && end != 254); /* serial number, energy of the mains */
		if (plan->reads[r].reg < 70)
			in_text = end;
	}
	assert_true(in_text >= 70);
	plan_free(plan);

	line.max_registers = 1; /* two-register numbers cannot be had */
	plan = plan_build(&want, &line);
	assert_int_equal(plan->reads[0].reg, 2);
	plan_free(plan);
	profile_unref(profile);
}

/* Figures of the wire model, performance page section 5. */
static void lines_cost_what_the_wire_model_says(void **state)
{
	static const struct {
		uint32_t baud;
		unsigned bits, turnaround_us;
		unsigned reads, words;
		unsigned us;
	} cases[] = {
		{ 9600, 10, 0, 1, 1, 22917 },
		{ 9600, 11, 0, 1, 1, 25208 },
		{ 9600, 10, 0, 1, 125, 281250 },
		{ 19200, 11, 0, 4, 420, 527083 },
		{ 38400, 10, 0, 1, 84, 50635 },
		{ 38400, 11, 0, 21, 2520, 1595453 },
		{ 9600, 10, 5000, 2, 2, 55833 },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct plan plan = { .n_reads = cases[i].reads, .words = cases[i].words };
		struct plan_line line =
			plan_line_rtu(cases[i].baud, cases[i].bits, cases[i].turnaround_us);
		uint64_t us = plan_time_us(&plan, &line);

		assert_int_equal(line.max_registers, 125);
		/* half a microsecond is lost per read and per word */
		assert_in_range(us, cases[i].us - cases[i].words, cases[i].us + cases[i].words);
	}
}

/* What a read is worth, in registers; lines of one worth have one plan between them. */
static void lines_have_a_worth(void **state)
{
	const struct {
		struct plan_line line;
		unsigned worth;
	} cases[] = {
		{ plan_line_rtu(9600, 10, 0), 10 },
		{ plan_line_rtu(19200, 10, 0), 10 },
		{ plan_line_rtu(9600, 11, 5000), 12 },
		{ plan_line_rtu(9600, 10, 5100), 12 },
		{ plan_line_rtu(19200, 10, 20000), 30 },
		{ plan_line_rtu(38400, 10, 20000), 52 },
		{ plan_line_tcp(250), 128 },
		{ plan_line_tcp(80000), 128 },
		{ plan_line_gateway(400, 5), 128 }, /* a network */
		{ plan_line_gateway(30000, 2083), 14 },
		{ plan_line_gateway(0, 2083), 10 }, /* not less than a request */
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		unsigned worth = plan_line_worth(&cases[i].line);
		struct plan_line line = plan_line_of_worth(worth, 100);

		assert_int_equal(worth, cases[i].worth);
		assert_int_equal(plan_line_worth(&line), worth);
		assert_int_equal(line.max_registers, 100);
	}
}

/* The alarms of a BCPME: five registers in between are none, two may not be read through. */
static void holes_are_bridged_by_what_a_read_is_worth(void **state)
{
	struct profile *profile = load("bcpme");
	struct plan_want want = want_of(profile, "A", CLASS(ALARM));
	static const struct {
		unsigned worth;
		const char *reads;
	} cases[] = {
		{ 3, "178-235 241-243 296-300" },
		{ 10, "178-243 296-300" },
		{ 128, "178-243 296-300" },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct plan_line line = plan_line_of_worth(cases[i].worth, 125);
		struct plan *plan = plan_build(&want, &line);

		assert_reads(plan, cases[i].reads);
		plan_free(plan);
	}
	profile_unref(profile);
}

static void nothing_wanted_is_an_empty_plan(void **state)
{
	struct profile *profile = load("bcpme");
	struct plan_line line = plan_line_tcp(1000);
	struct plan_want want = want_of(profile, "A", 0);
	struct plan *plan = plan_build(&want, &line);
	(void)state;

	assert_int_equal(plan->n_reads, 0);
	assert_int_equal(plan_time_us(plan, &line), 0);
	assert_int_equal(plan_ideal_us(plan, &line), 0);
	plan_free(plan);
	plan_free(NULL);
	profile_unref(profile);
}

/* ---- random profiles */

#define MAP_REGISTERS 2048
#define MAX_POINTS    60
#define MAX_BLOCKS    12
#define MAX_SCALES    6
#define BRUTE_PIECES  13

static unsigned seed;

static unsigned pick(unsigned from, unsigned to)
{
	return from + (unsigned)rand_r(&seed) % (to - from + 1);
}

struct random_profile {
	struct profile profile;
	struct point points[MAX_POINTS];
	struct profile_block blocks[MAX_BLOCKS];
	struct profile_scale scales[MAX_SCALES];
};

/* Values stand one after another in blocks, with holes here and there. */
static void random_profile(struct random_profile *made, unsigned n_points)
{
	static const uint16_t lengths[] = { 1, 1, 1, 2, 2, 4 };
	struct profile *profile = &made->profile;
	unsigned reg = pick(0, 5);

	memset(made, 0, sizeof(*made));
	profile->points = made->points;
	profile->blocks = made->blocks;
	profile->scales = made->scales;
	profile->max_read = pick(4, 125);
	profile->n_models = pick(0, 3);
	made->blocks[0].first = (uint16_t)reg;
	profile->n_blocks = 1;
	while (profile->n_points < n_points) {
		struct point *point = &made->points[profile->n_points];
		unsigned extent;

		*point = (struct point){
			.scope = (enum scope)pick(SCOPE_BRANCH, SCOPE_THREE_POLE),
			.words = lengths[pick(0, ARRAY_LEN(lengths) - 1)],
			.count = (uint16_t)pick(1, 8),
			.channel_step = 1,
			.encoding = (enum encoding)pick(ENCODING_ANY, ENCODING_FLOAT),
			.poll = (enum poll_class)pick(0, POLL_CLASSES - 1),
			.access = pick(0, 9) ? ACCESS_READ : ACCESS_WRITE,
			.models = (uint8_t)pick(1, 255),
		};
		point->stride = (uint16_t)(point->words + (pick(0, 3) ? 0 : pick(1, 12)));
		extent = (point->count - 1u) * point->stride + point->words;
		/* blocks do not overlap, so none begins where the last one has no register yet */
		if (pick(0, 5) == 0 && profile->n_blocks < MAX_BLOCKS &&
			reg > made->blocks[profile->n_blocks - 1].first) {
			made->blocks[profile->n_blocks - 1].last = (uint16_t)(reg - 1);
			reg += pick(0, 30);
			made->blocks[profile->n_blocks++].first = (uint16_t)reg;
		} else if (pick(0, 3) == 0) {
			reg += pick(1, 25);
		}
		if (reg + extent > MAP_REGISTERS)
			break;
		point->reg = (uint16_t)reg;
		reg += extent;
		if (point->words == 1 && point->stride == 1 && profile->n_scales < MAX_SCALES &&
			pick(0, 3) == 0) {
			made->scales[profile->n_scales++] = (struct profile_scale){
				.reg = point->reg,
				.count = point->count,
				.stride = 1,
				.poll = point->poll,
			};
			point->scope = SCOPE_PANEL; /* deliberately shared by a point and a scale */
		} else if (profile->n_scales > 0 && pick(0, 2) == 0) {
			point->scaled = true;
			point->scale = (uint16_t)pick(0, profile->n_scales - 1);
		}
		made->blocks[profile->n_blocks - 1].last = (uint16_t)(reg - 1);
		profile->n_points++;
	}
	/* a block that the last break left without registers */
	if (made->blocks[profile->n_blocks - 1].last < made->blocks[profile->n_blocks - 1].first)
		made->blocks[profile->n_blocks - 1].last =
			made->blocks[profile->n_blocks - 1].first;
}

struct expectation {
	bool needed[MAP_REGISTERS];
	bool start[MAP_REGISTERS]; /* first register of a needed value */
	unsigned count;
};

static void note_value(struct expectation *expected, const struct plan_want *want, unsigned reg,
	unsigned words, unsigned max)
{
	int block = plan_block(want->profile, (uint16_t)reg);

	if (words > max || block < 0 || (want->skip_blocks >> block & 1))
		return;
	for (unsigned k = 0; k < words; k++)
		expected->needed[reg + k] = true;
	expected->start[reg] = true;
}

static void note_needs(struct expectation *expected, const struct plan_want *want, unsigned max)
{
	const struct profile *profile = want->profile;

	memset(expected, 0, sizeof(*expected));
	for (unsigned i = 0; i < profile->n_points; i++) {
		const struct point *point = &profile->points[i];

		for (unsigned k = 0; plan_wants_point(want, point) && k < point->count; k++)
			note_value(
				expected, want, point->reg + k * point->stride, point->words, max);
	}
	for (unsigned i = 0; i < profile->n_scales; i++) {
		const struct profile_scale *scale = &profile->scales[i];

		for (unsigned k = 0; plan_wants_scale(want, scale) && k < scale->count; k++)
			note_value(expected, want, scale->reg + k * scale->stride, 1, max);
	}
	for (unsigned reg = 0; reg < MAP_REGISTERS; reg++)
		expected->count += expected->needed[reg];
}

static void assert_plan_is_sound(const struct plan *plan, const struct plan_want *want,
	const struct expectation *expected, unsigned max)
{
	unsigned words = 0, covered = 0, end = 0;

	for (unsigned r = 0; r < plan->n_reads; r++) {
		const struct plan_read *read = &plan->reads[r];
		unsigned last = read->reg + read->count - 1u;

		assert_in_range(read->count, 1, max);
		assert_true(read->reg >= end); /* by register, none twice */
		end = last + 1;
		words += read->count;
		assert_int_equal(plan_block(want->profile, read->reg),
			plan_block(want->profile, (uint16_t)last));
		assert_true(plan_block(want->profile, read->reg) >= 0);
		assert_int_equal(read->classes & ~want->classes, 0);
		assert_int_not_equal(read->classes, 0);
		/* begins with a value, ends with one: none is cut */
		assert_true(expected->start[read->reg]);
		assert_true(expected->needed[last]);
		assert_true(last + 1 == MAP_REGISTERS || !expected->needed[last + 1] ||
			    expected->start[last + 1]);
		for (unsigned reg = read->reg; reg <= last; reg++)
			covered += expected->needed[reg];
	}
	assert_int_equal(words, plan->words);
	assert_int_equal(covered, expected->count);
	assert_int_equal(plan->needed, expected->count);
}

/* All ways to cut the values into reads, none clever. UINT64_MAX: too many values. */
static uint64_t brute_force(const struct plan_want *want, const struct expectation *expected,
	const struct plan_line *line, unsigned max)
{
	unsigned firsts[BRUTE_PIECES], lasts[BRUTE_PIECES], n = 0;
	uint64_t least = UINT64_MAX;

	for (unsigned reg = 0; reg < MAP_REGISTERS; reg++) {
		if (expected->start[reg]) {
			if (n == BRUTE_PIECES)
				return UINT64_MAX;
			firsts[n++] = reg;
		}
		if (expected->needed[reg])
			lasts[n - 1] = reg;
	}
	if (n == 0)
		return 0;
	for (unsigned cuts = 0; cuts < 1u << (n - 1); cuts++) {
		uint64_t us = 0;
		unsigned from = 0;
		bool allowed = true;

		for (unsigned i = 0; i < n; i++) {
			unsigned words = lasts[i] - firsts[from] + 1;

			if (i + 1 < n && (cuts >> i & 1) == 0)
				continue;
			allowed = allowed && words <= max &&
				  plan_block(want->profile, (uint16_t)firsts[from]) ==
					  plan_block(want->profile, (uint16_t)lasts[i]);
			us += line->per_read_us + (uint64_t)words * line->per_word_us;
			from = i + 1;
		}
		if (allowed && us < least)
			least = us;
	}
	return least;
}

static unsigned check_random_plan(struct random_profile *made)
{
	struct plan_line line =
		pick(0, 1) ? plan_line_rtu(pick(0, 1) ? 9600 : 38400, pick(10, 11), pick(0, 30000))
			   : plan_line_tcp(pick(0, 20000));
	struct plan_want want = {
		.profile = &made->profile,
		.model = (int)pick(0, made->profile.n_models) - 1,
		.encoding = pick(0, 1) ? ENCODING_INTEGER : ENCODING_FLOAT,
		.two_pole = pick(0, 1),
		.three_pole = pick(0, 1),
		.classes = pick(0, EVERY_CLASS),
		.skip_blocks = pick(0, 3) ? 0 : pick(0, 4095),
	};
	static struct expectation expected;
	struct plan *plan, *again;
	unsigned max;
	uint64_t least;

	line.max_registers = (uint16_t)pick(1, 125);
	max = line.max_registers < made->profile.max_read ? line.max_registers
							  : made->profile.max_read;
	plan = plan_build(&want, &line);
	note_needs(&expected, &want, max);
	assert_plan_is_sound(plan, &want, &expected, max);
	least = brute_force(&want, &expected, &line, max);
	if (least != UINT64_MAX)
		assert_int_equal(plan_time_us(plan, &line), least);
	again = plan_build(&want, &line);
	assert_int_equal(again->n_reads, plan->n_reads);
	assert_memory_equal(again->reads, plan->reads, plan->n_reads * sizeof(*plan->reads));
	plan_free(again);
	plan_free(plan);
	return least != UINT64_MAX && expected.count > 0;
}

static void random_plans_are_sound_and_minimal(void **state)
{
	static struct random_profile made;
	unsigned compared = 0;
	(void)state;

	for (unsigned i = 0; i < 600; i++) {
		random_profile(&made, i % 3 ? pick(1, 8) : pick(1, MAX_POINTS));
		compared += check_random_plan(&made);
	}
	/* the comparison with brute force must not have been skipped all the time */
	assert_true(compared > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plans_of_the_bcpme),
		cmocka_unit_test(measuring_cycle_is_near_the_ideal),
		cmocka_unit_test(missing_blocks_are_left_out),
		cmocka_unit_test(integers_cost_less_on_every_line),
		cmocka_unit_test(scales_come_with_their_own_class),
		cmocka_unit_test(short_reads_cut_texts_but_no_numbers),
		cmocka_unit_test(lines_cost_what_the_wire_model_says),
		cmocka_unit_test(lines_have_a_worth),
		cmocka_unit_test(holes_are_bridged_by_what_a_read_is_worth),
		cmocka_unit_test(nothing_wanted_is_an_empty_plan),
		cmocka_unit_test(random_plans_are_sound_and_minimal),
	};
	const char *given = getenv("METERX_SEED");

	seed = given ? (unsigned)strtoul(given, NULL, 0) : (unsigned)time(NULL);
	printf("METERX_SEED=%u\n", seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
