/*
 * Wrong profiles and the message each gets; and that a right one loads.
 *
 * Each case is tests/data/sample-profile.conf with one piece replaced. Nothing is ever half
 * loaded: a profile comes out only when there is no problem at all.
 */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/profile.h"
#include "core/util.h"

/* A profile with a bit of everything; the cases name its lines. */
static char sample[8192];
static size_t sample_length;

/* A folder with profile.conf in it. */
struct place {
	char dir[40], path[64];
	struct problems problems;
	struct profile *profile;
};

static void put_file(const struct place *place, const char *name, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", place->dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static int sample_read(void **state)
{
	FILE *file = fopen(TEST_SRCDIR "/tests/data/sample-profile.conf", "r");
	(void)state;

	if (file == NULL)
		return -1;
	sample_length = fread(sample, 1, sizeof(sample) - 1, file);
	return fclose(file);
}

static int place_make(void **state)
{
	struct place *place = xcalloc(1, sizeof(*place));

	text_copy(place->dir, sizeof(place->dir), "/tmp/meterx-profile-XXXXXX");
	if (mkdtemp(place->dir) == NULL)
		return -1;
	snprintf(place->path, sizeof(place->path), "%s/sample.conf", place->dir);
	*state = place;
	return 0;
}

static void place_forget(struct place *place)
{
	problems_free(&place->problems);
	profile_unref(place->profile);
	place->profile = NULL;
}

static int place_remove(void **state)
{
	static const char *const names[] = { "sample.conf", "map.inc", "other.inc" };
	struct place *place = *state;
	char path[128];

	place_forget(place);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", place->dir, names[i]);
		unlink(path);
	}
	rmdir(place->dir);
	free(place);
	return 0;
}

static int place_load(struct place *place, const char *text)
{
	place_forget(place);
	put_file(place, "sample.conf", text);
	return profile_load(place->dir, "sample", &place->problems, &place->profile);
}

/* The sample with old replaced by new; free it. */
static char *sample_with(const char *old, const char *new)
{
	const char *at = strstr(sample, old);

	if (at == NULL)
		fail_msg("the sample does not contain: %s", old);
	return xasprintf("%.*s%s%s", (int)(at - sample), sample, new, at + strlen(old));
}

static void the_sample_itself_is_right(void **state)
{
	struct place *place = *state;
	const struct profile *profile;
	const struct point *rating = NULL;

	if (place_load(place, sample) != 0)
		problems_print(&place->problems, stderr);
	profile = place->profile;
	assert_non_null(profile);
	assert_string_equal(profile->name, "sample");
	assert_string_equal(profile->title, "Sample meter");
	assert_int_equal(profile->n_models, 2);
	assert_int_equal(profile->n_blocks, 2);
	assert_true(profile->blocks[1].optional);
	assert_int_equal(profile->blocks[1].first, 199);
	assert_int_equal(profile->max_read, 100);
	assert_int_equal(profile->max_write, 123);
	assert_int_equal(profile->no_value_i16, -32768);
	assert_int_equal(profile->triggers[0], 14);
	assert_int_equal(profile->alarms[0].clear_reg, 149);
	assert_int_equal(profile->alarms[0].clear_value, 7);
	assert_int_equal(profile->alarms[0].severity, STATE_CRITICAL);
	assert_int_equal(profile->alarms[0].threshold, 0);
	assert_int_equal(profile->alarms[1].threshold, -1);
	assert_true(profile->ct_layouts[1].sequential);
	assert_int_equal(profile->n_health, 2);
	assert_int_equal(profile->health[0].health, HEALTH_FREQUENCY);
	assert_int_equal(profile_health_bits(profile, 0x7ffe), 0);
	assert_int_equal(profile_health_bits(profile, 0x0001), 1 << HEALTH_FREQUENCY);
	assert_int_equal(profile_health_bits(profile, 0x8000), 1 << HEALTH_CT_STRIP);
	for (unsigned i = 0; i < profile->n_points; i++) {
		const struct point *point = &profile->points[i];

		if (point->quantity == Q_RATING)
			rating = point;
		if (point->quantity == Q_ENERGY)
			assert_int_equal(point->exponent, -3);
		if (point->quantity == Q_THRESHOLD) {
			assert_int_equal(point->first_channel, 1);
			assert_int_equal(point->exponent, 1);
		}
	}
	assert_non_null(rating);
	assert_true(rating->has_range && rating->has_default);
	assert_int_equal(rating->max, 100);
	assert_int_equal(rating->fallback, 20);
	assert_int_equal(rating->models, UINT8_MAX);
}

static void every_mistake_is_found_where_it_stands(void **state)
{
	static const struct {
		const char *old, *new;
		int line;
		const char *says;
	} cases[] = {
		/* top */
		{ "title = \"Sample meter\"", "", 0, "title is missing" },
		{ "base = 1", "base = 2", 2, "base: \"2\" is out of range (0 to 1)" },
		{ "base = 1", "base = one", 2, "base: \"one\" is not a whole number (0 to 1)" },
		{ "no-value = 0x8000", "no-value = 0x18000", 3,
			"no-value: \"0x18000\" is out of range" },
		{ "branches = 6", "branches = 1000", 4,
			"branches: \"1000\" is out of range (0 to 999)" },
		{ "mains = 1", "mains = -1", 5, "mains: \"-1\" is out of range (0 to 9)" },
		{ "max-read = 100", "max-read = 126", 6,
			"max-read: \"126\" is out of range (1 to 125)" },
		{ "max-read = 100", "max-read = 1", 15,
			"panel serial: 2 registers do not fit max-read 1" },
		{ "max-read = 100", "max-write = 124", 6,
			"max-write: \"124\" is out of range (1 to 123)" },
		{ "max-read = 100", "area = \"coils\"", 6,
			"area: \"coils\" is none of: holding, input" },
		{ "max-read = 100", "word-order = \"mixed\"", 6,
			"word-order: \"mixed\" is none of: big, little" },
		{ "max-read = 100", "max-reed = 100", 6, "no such option 'max-reed'" },
		{ "mains = 1", "mains = 1 mains = 1", 5, "mains: given twice (first in line 5)" },
		{ "mains = 1", "include = {\"../x\"}", 5,
			"include: \"../x\" is not the name of a file" },
		{ "mains = 1", "include = {\"sample.conf\"}", 5,
			"include: \"sample.conf\" is included already" },
		/* models */
		{ "model \"B\" { id = 101 }", "model \"B\" { }", 8, "model \"B\": id is missing" },
		{ "model \"B\" { id = 101 }", "model \"B\" { id = 100 }", 8,
			"model \"B\": id: 100 is that of model \"A\" (line 7)" },
		{ "model \"B\" { id = 101 }", "model \"A\" { id = 101 }", 8,
			"model \"A\": defined twice (first in line 7)" },
		{ "model \"B\" { id = 101 }", "model \"B\" { id = 65536 }", 8,
			"id: \"65536\" is out of range (0 to 65535)" },
		{ "model \"B\"", "model \"B B\"", 8, "model \"B B\": a name has 1 to 31 letters" },
		{ "  point \"device-id\" { registers = 3 }", "", 7, "no point device-id" },
		{ "{ registers = 3 }", "{ registers = 3 models = {\"A\"} }", 16,
			"panel device-id: must be the same for all models" },
		/* blocks */
		{ "\"200-299\"", "\"100-299\"", 10, "block 100-299 overlaps block 1-100 (line 9)" },
		{ "\"200-299\"", "\"299-200\"", 10,
			"registers: \"299-200\" ends before it begins" },
		{ "\"200-299\"", "\"200-70000\"", 10,
			"registers: \"200-70000\" is neither a register nor a range like 1000-1041 "
			"(1 to 65536)" },
		{ "\"200-299\"", "\"200-\"", 10, "neither a register nor a range" },
		{ "\"200-299\"", "\"0-299\"", 10, "neither a register nor a range" },
		{ "optional = yes", "optional = maybe", 10,
			"optional: \"maybe\" is none of: yes, no" },
		{ "\"200-299\"", "\"200-222\"", 24,
			"branch energy: the value at 222-223 is cut by the end of block 200-222" },
		{ "\"1-100\"", "\"1-71\"", 30, "voltage voltage: register 72 is in no block" },
		/* scales */
		{ "scale = \"amps\"", "scale = \"ohms\"", 23, "scale: there is no scale \"ohms\"" },
		{ "\"50-55\"", "\"50-54\"", 23,
			"scale: \"amps\" has 5 registers for 6 values (1 or 6)" },
		{ "scale \"volts\"", "scale \"amps\"", 12,
			"scale \"amps\": defined twice (first in line 11)" },
		{ "\"50-55\"", "\"150-155\"", 11, "scale \"amps\": register 150 is in no block" },
		{ "\"50-55\"", "\"40-45\"", 26,
			"branch alarm-status: register 40 is part of amps (line 11, type i16) "
			"already" },
		{ "registers = 56 poll = \"fast\"", "registers = 56 poll = \"often\"", 12,
			"poll: \"often\" is none of: alarm, fast, slow, once" },
		{ "type = \"ascii\"", "type = \"ascii\" scale = \"volts\"", 18,
			"scale: a value of type ascii has none" },
		{ "type = \"ascii\"", "type = \"ascii\" no-value = 1", 18,
			"no-value: a value of type ascii has none" },
		{ "type = \"u32\" unit = \"Wh\"", "type = \"f32\" unit = \"Wh\" no-value = 1", 24,
			"no-value: a value of type f32 has none; it is absent when it is NaN" },
		{ "type = \"u32\" unit = \"Wh\"", "type = \"f32\" unit = \"Wh\" rollover = 100", 24,
			"rollover: a value of type f32 has none" },
		/* inputs: lines 49 and 50 */
		{ "count = 16 }", "count = 17 }", 49, "count: a register has 16 bits, for 17 inputs" },
		{ "registers = 90 type", "registers = \"90-91\" type", 49,
			"registers: \"90-91\" has 2 registers, but 16 values of 1 end at 90" },
		{ "\"91-92\" type = \"u16\"", "\"91-92\"", 50, "type: input-state is of type u16 or bits" },
		{ "\"91-92\" type", "\"91-92\" access = \"read-write\" type", 50,
			"access: an input can only be read" },
		{ "\"91-92\" type", "\"91-92\" channel = 64 type", 50,
			"point \"input-state\": channels 64 to 65, but scope input has only 64 here" },
		{ "\"91-92\" type = \"u16\" count = 2", "\"91-93\" type = \"u16\" count = 3", 50,
			"input input-state: given twice for the same channel" },
		/* groups and points */
		{ "group \"voltage\"", "group \"volts\"", 29,
			"there is no scope \"volts\" (panel, branch, mains" },
		{ "group \"voltage\"", "group \"threshold\"", 29,
			"there is no scope \"threshold\"" },
		{ "point \"voltage\"", "point \"tension\"", 30,
			"there is no quantity \"tension\"" },
		{ "point \"voltage\"", "point \"current\"", 30,
			"a quantity \"current\" does not exist in scope voltage" },
		{ "point \"energy\"", "point \"energy-discontinuity\"", 24,
			"a quantity \"energy-discontinuity\" does not exist in scope branch" },
		{ "type = \"u32\" unit", "type = \"u48\" unit", 24,
			"type: \"u48\" is none of: u16, i16, u32, i32, f32, u64, i64, bits, "
			"ascii" },
		{ "unit = \"Wh\"", "unit = \"W\"", 24,
			"unit: \"W\" is none of those of energy: kWh, Wh, MWh" },
		{ "{ registers = 3 }", "{ registers = 3 unit = \"A\" }", 16,
			"unit: device-id has no unit" },
		{ "models = {\"A\"}", "models = {\"C\"}", 24, "models: there is no model \"C\"" },
		{ "\"212-223\"", "\"212-222\"", 24,
			"registers: \"212-222\" has 11 registers, but 6 values of 2 end at 223" },
		{ "\"30-35\"", "\"30-34\"", 25,
			"registers: \"30-34\" has 5 registers, but 6 values of 1 end at 35" },
		{ "\"30-35\" type = \"u16\"", "30 stride = 1001 type = \"u16\"", 25,
			"stride: \"1001\" is out of range (1 to 1000)" },
		{ "\"30-35\" type = \"u16\"", "65535 type = \"u16\"", 25,
			"registers: 6 values from 65535 on end beyond register 65536" },
		{ "\"30-35\" type = \"u16\"", "\"30-45\" stride = 3 type = \"u16\"", 26,
			"branch alarm-status: register 42 is part of branch rating (line 25, type "
			"u16) already" },
		{ "count = 6", "count = 7", 22,
			"point \"current\": channels 1 to 7, but scope branch has only 6 here" },
		{ "channel = \"an\"", "channel = \"xy\"", 30,
			"channel: \"xy\" is none of: an, bn, cn, ln-avg" },
		{ "count = 6", "count = 6 channel = 9", 22,
			"channel: \"9\" is out of range (1 to 6)" },
		{ "channel = \"an\" count = 3", "channel = 7 count = 3", 30,
			"point \"voltage\": channels 7 to 9, but scope voltage has only 8 here" },
		{ "registers = \"212-223\"", "", 24,
			"point \"energy\": give either registers, or both integer and float" },
		{ "float = \"200-211\"", "", 23,
			"give either registers, or both integer and float" },
		{ "float = \"200-211\"", "float = \"200-211\" registers = 9", 23,
			"give either registers, or both integer and float" },
		{ "float = \"200-211\"", "float = \"200-205\"", 23,
			"float: \"200-205\" has 6 registers, but 6 values of 2 end at 211" },
		{ "{ registers = 3 }", "{ registers = 3 type = \"ascii\" }", 16,
			"type: device-id is a number, so it cannot be of type ascii" },
		{ "type = \"ascii\"", "", 18, "\"5-14\" has 10 registers" },
		{ "\"70-72\" scale = \"volts\"", "\"70-72\" type = \"bits\"", 30,
			"type: voltage has a unit, so it cannot be of type bits" },
		{ "{ registers = 3 }", "{ registers = 2 }", 16,
			"panel device-id: register 2 is part of panel serial (line 15, type u32) "
			"already" },
		{ "{ registers = 3 }", "{ registers = 3 rollover = 10 }", 16,
			"rollover: only energies roll over" },
		{ "unit = \"Wh\"", "rollover = 4294967297", 24,
			"rollover: \"4294967297\" is out of range (2 to 4294967296)" },
		{ "unit = \"Wh\"", "no-value = 4294967296", 24,
			"no-value: \"4294967296\" is out of range (0 to 4294967295)" },
		{ "range = {0, 100}", "range = {100, 0}", 25,
			"range: \"0\" is out of range (100 to 65535)" },
		{ "range = {0, 100}", "range = {0}", 25,
			"range: a range has two numbers: {lowest, highest}" },
		{ "range = {0, 100}", "range = {0, 65536}", 25,
			"range: \"65536\" is out of range (0 to 65535)" },
		{ "default = 20", "default = 101", 25,
			"default: \"101\" is out of range (0 to 100)" },
		{ "access = \"read-write\" range = {0, 100}", "range = {0, 100}", 25,
			"range: only what can be written has a range" },
		{ "access = \"read-write\" range = {0, 100}", "access = \"write\"", 25,
			"access: \"write\" is none of: read, read-write" },
		{ "  point \"count-high\" { registers = \"60-65\" type = \"u16\" }",
			"  point \"rating\" { registers = \"60-65\" type = \"u16\" }", 27,
			"branch rating: given twice for the same channel (first in line 25)" },
		/* thresholds and alarms */
		{ "threshold \"high\" {", "threshold \"higher\" {", 32,
			"there is no level \"higher\" (high-high, high, low" },
		{ "scopes = {\"branch\"} unit", "scopes = {\"source\"} unit", 33,
			"scopes: \"source\" is none of: branch, mains, voltage, alt-voltage" },
		{ "\"percent-of-rating\"", "\"percent\"", 33,
			"unit: \"percent\" is none of: permille-of-rating" },
		{ "unit = \"percent-of-rating\"", "", 32, "threshold \"high\": unit is missing" },
		{ "value = 80 value-range", "value-range", 32,
			"threshold \"high\": value is missing" },
		{ "value = 80", "value = 101", 34,
			"threshold high value: register 101 is in no block" },
		{ "delay = 81", "delay = x", 34, "delay: \"x\" is neither a register" },
		{ "threshold \"high\" {", "threshold \"low\" {", 36,
			"alarm \"high\": threshold: scope branch has no threshold \"high\"" },
		{ "threshold = \"high\"", "threshold = \"highest\"", 38,
			"threshold: \"highest\" is none of: high-high" },
		{ "  point \"alarm-status\" { registers = \"40-45\" type = \"bits\" poll = "
		  "\"alarm\" }",
			"", 36, "alarm \"high\": scope branch has no point alarm-status" },
		{ "  point \"count-high\" { registers = \"60-65\" type = \"u16\" }", "", 36,
			"alarm \"high\": counter: scope branch has no point count-high" },
		{ "counter = \"count-high\"", "counter = \"current\"", 38,
			"counter: \"current\" is none of: count-high-high" },
		{ "active-bit = 2", "active-bit = 16", 41,
			"active-bit: \"16\" is out of range (0 to 15)" },
		{ "active-bit = 2", "active-bit = 1", 41,
			"alarm \"low\" of scope branch: uses a bit of alarm \"high\" (line 36)" },
		{ "active-bit = 2", "", 41, "alarm \"low\": give latched-bit, active-bit or both" },
		{ "alarm \"low\"", "alarm \"high\"", 41,
			"alarm \"high\" of scope branch: defined twice (first in line 36)" },
		{ "{ scopes = {\"branch\"} active-bit", "{ active-bit", 41,
			"alarm \"low\": scopes is missing" },
		{ "severity = \"critical\"", "severity = \"ok\"", 37,
			"severity: \"ok\" is none of: warning, critical" },
		{ "clear-register = 150 ", "", 36, "alarm \"high\": clear-register is missing" },
		{ "clear-value = 7", "clear-value = 70000", 39,
			"clear-value: \"70000\" is out of range" },
		{ "clear = \"command\"", "clear = \"magic\"", 39,
			"clear: \"magic\" is none of: none, zero-bits" },
		/* commands, layouts, triggers */
		{ "\"151-156\"", "\"90-95\"", 42,
			"command \"reset-energy\": register 90 is in a block" },
		{ "command \"reset-energy\"", "command \"explode\"", 42,
			"there is no command \"explode\" (clear-latches" },
		{ "scope = \"branch\" registers", "registers", 42,
			"command \"reset-energy\": scope is missing" },
		{ "scope = \"branch\" registers", "scope = \"voltage\" registers", 42,
			"scope: \"voltage\" is none of: panel, branch, mains" },
		{ "value = 9 }",
			"value = 9 }\ncommand \"reset-energy\" { scope = \"branch\" registers = "
			"160 value = 1 }",
			43,
			"command \"reset-energy\" of scope branch: defined twice (first in line "
			"42)" },
		{ "value = 1 sequential", "value = 0 sequential", 44,
			"ct-layout \"flat\": value: 0 is that of \"top\" (line 43)" },
		{ "ct-layout \"flat\"", "ct-layout \"top\"", 44,
			"ct-layout \"top\": defined twice (first in line 43)" },
		{ "  point \"ct-layout\" { registers = 4 access = \"read-write\" range = {0, 3} }",
			"", 43, "scope panel has no point ct-layout" },
		{ "triggers = {15}", "triggers = {16}", 45,
			"triggers: register 16 belongs to no point of poll class alarm" },
		{ "triggers = {15}", "triggers = {\"1-60000\"}", 45,
			"triggers: \"1-60000\" is more than 1000 registers" },
		/* health */
		{ "health \"ct-strip\"", "health \"ct-stripe\"", 46,
			"there is no health \"ct-stripe\" (frequency, voltage-clipping-a, "
			"voltage-clipping-b, voltage-clipping-c, current-clipping, ct-strip)" },
		{ "{ bit = 15 }", "{ bit = 16 }", 46, "bit: \"16\" is out of range (0 to 15)" },
		{ "{ bit = 15 }", "{ bit = -1 }", 46, "bit: \"-1\" is out of range (0 to 15)" },
		{ "{ bit = 15 }", "{ }", 46, "health \"ct-strip\": bit is missing" },
		{ "{ bit = 15 }", "{ bit = 15 registers = 1 }", 46, "registers" },
		{ "health \"frequency\"", "health \"ct-strip\"", 47,
			"health \"ct-strip\": defined twice (first in line 46)" },
		{ "{ bit = 15 }", "{ bit = 0 }", 47,
			"health \"frequency\": bit: 0 is that of \"ct-strip\" (line 46)" },
		{ "point \"health\" { registers = 16 type = \"bits\" }", "", 46,
			"health: scope panel has no point health to take its bits from" },
		{ "registers = 16 type = \"bits\"", "registers = 16", 19,
			"must be of type bits to have health sections" },
	};
	struct place *place = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *text = sample_with(cases[i].old, cases[i].new);
		bool found = false;

		assert_int_equal(place_load(place, text), -EINVAL);
		assert_null(place->profile);
		assert_true(place->problems.count > 0);
		for (size_t p = 0; p < place->problems.count; p++) {
			const struct problem *problem = &place->problems.items[p];

			assert_string_equal(problem->file, place->path);
			found |= problem->line == cases[i].line &&
				 strstr(problem->text, cases[i].says) != NULL;
		}
		if (!found || getenv("METERX_SHOW_PROBLEMS"))
			problems_print(&place->problems, stderr);
		if (!found)
			fail_msg("not said in line %d: %s", cases[i].line, cases[i].says);
		free(text);
	}
	print_message("%zu wrong profiles\n", ARRAY_LEN(cases));
}

static void all_mistakes_in_one_run(void **state)
{
	static const char text[] =
		"base = 7\n"
		"model \"A\" { id = x }\n"
		"block \"a\" { registers = \"15-30\" }\n"
		"block \"b\" { registers = \"1-20\" }\n"
		"bogus = 1\n"
		"group \"branch\" { point \"nothing\" { } }\n"
		"group \"panel\" {\n"
		"  point \"serial\" { registers = \"1-3\" type = \"u32\" poll = \"never\" }\n"
		"  point \"power-ups\" { registers = 40 }\n"
		"}\n";
	static const int lines[] = { 0, 1, 2, 3, 5, 6, 8, 8, 9 };
	struct place *place = *state;

	assert_int_equal(place_load(place, text), -EINVAL);
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		bool found = false;

		for (size_t p = 0; p < place->problems.count; p++)
			found |= place->problems.items[p].line == lines[i];
		if (!found)
			problems_print(&place->problems, stderr);
		assert_true(found);
	}
	assert_true(place->problems.count >= ARRAY_LEN(lines));
}

/* Settings alone make no panel: it could never be online. */
static void something_must_be_polled(void **state)
{
	static const char text[] = "title = \"Settings\"\nbase = 1\nbranches = 1\n"
				   "block \"all\" { registers = \"1-20\" }\n"
				   "group \"branch\" { type = \"u16\" poll = \"%s\"\n"
				   "  point \"rating\" { registers = 10 }\n}\n";
	static const struct {
		const char *poll;
		bool good;
	} cases[] = { { "once", false }, { "slow", false }, { "fast", true }, { "alarm", true } };
	struct place *place = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *whole = xasprintf(text, cases[i].poll);

		assert_int_equal(place_load(place, whole), cases[i].good ? 0 : -EINVAL);
		free(whole);
		if (cases[i].good)
			continue;
		assert_int_equal(place->problems.count, 1);
		assert_int_equal(place->problems.items[0].line, 6);
		assert_non_null(strstr(place->problems.items[0].text, "there is nothing to poll"));
	}
}

/* What is missing is not complained of when the rest of the file could not be understood. */
static void a_syntax_error_does_not_hide_what_stands_before_it(void **state)
{
	struct place *place = *state;

	assert_int_equal(
		place_load(place, "base = 3\nmodel \"A\" { id = 1 }\nblock { }\n"), -EINVAL);
	assert_int_equal(place->problems.count, 2);
	assert_int_equal(place->problems.items[0].line, 3);
	assert_int_equal(place->problems.items[1].line, 1);
	assert_non_null(strstr(place->problems.items[0].text, "a name is missing"));
}

static void included_files_count_as_if_written_here(void **state)
{
	struct place *place = *state;

	put_file(place, "map.inc", sample);
	put_file(place, "other.inc", "base = 9\nmax-read = 7\n");
	/* the profile decides before what it includes */
	assert_int_equal(
		place_load(place, "title = \"Own\" max-read = 50 base = 0 include = {\"map.inc\"}"),
		0);
	assert_string_equal(place->profile->title, "Own");
	assert_int_equal(place->profile->max_read, 50);
	assert_int_equal(place->profile->blocks[1].first, 200);
	assert_int_equal(place->profile->branches, 6);

	assert_int_equal(place_load(place, "title = \"x\" include = {\"other.inc\"}"), -EINVAL);
	assert_non_null(strstr(place->problems.items[0].file, "other.inc"));
	assert_int_equal(place->problems.items[0].line, 1);

	assert_int_equal(place_load(place, "include = {\"missing.inc\"}"), -EINVAL);
	assert_non_null(strstr(place->problems.items[0].file, "missing.inc"));
	assert_non_null(strstr(place->problems.items[0].text, "No such file"));
}

static void names_that_are_no_profiles(void **state)
{
	struct place *place = *state;

	assert_int_equal(
		profile_load(place->dir, "absent", &place->problems, &place->profile), -ENOENT);
	assert_int_equal(profile_load(place->dir, "", &place->problems, &place->profile), -EINVAL);
	assert_int_equal(
		profile_load(place->dir, "../sample", &place->problems, &place->profile), -EINVAL);
	assert_int_equal(place->problems.count, 3);
	assert_null(place->profile);
}

/* Every prefix of a good file, and every file with one byte broken: an answer, not a crash. */
static void broken_files_never_crash(void **state)
{
	static const char junk[] = { '{', '}', '"', '\'', '\\', '=', '|', '\0', '(', '$', '9',
		'-' };
	struct place *place = *state;
	char text[sizeof(sample)];
	int rc;

	for (size_t length = 0; length < sample_length; length += 7) {
		memcpy(text, sample, length);
		text[length] = '\0';
		rc = place_load(place, text);
		assert_int_equal(rc != 0, place->profile == NULL);
		if (length < 1000) /* the last sections are not needed */
			assert_null(place->profile);
	}
	for (size_t at = 0; at < sample_length; at += 5) {
		memcpy(text, sample, sizeof(sample));
		text[at] = junk[at % sizeof(junk)];
		place_load(place, text);
		assert_int_equal(place->profile == NULL, place->problems.count > 0);
	}
}

static void quantities_and_scopes_have_names(void **state)
{
	(void)state;

	for (int i = 0; i < QUANTITY_COUNT; i++) {
		const struct quantity_info *info = quantity_info((enum quantity)i);

		assert_non_null(info->name);
		assert_int_equal(quantity_find(info->name), i);
		assert_non_null(unit_info(info->unit)->symbol);
	}
	for (int i = 0; i < SCOPE_COUNT; i++)
		assert_int_equal(scope_find(scope_name((enum scope)i)), i);
	assert_int_equal(quantity_find("Current"), -1);
	assert_int_equal(scope_find(""), -1);
	assert_true(quantity_in_scope(Q_CURRENT, SCOPE_BRANCH));
	assert_true(quantity_in_scope(Q_APPLICATION_STATE, SCOPE_PANEL));
	assert_false(quantity_in_scope(Q_CURRENT, SCOPE_PANEL));
	assert_false(quantity_in_scope(Q_CURRENT_1, SCOPE_BRANCH));
	assert_string_equal(level_name(LEVEL_LOW_NON_LATCHING), "low-non-latching");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			the_sample_itself_is_right, place_make, place_remove),
		cmocka_unit_test_setup_teardown(
			every_mistake_is_found_where_it_stands, place_make, place_remove),
		cmocka_unit_test_setup_teardown(all_mistakes_in_one_run, place_make, place_remove),
		cmocka_unit_test_setup_teardown(something_must_be_polled, place_make, place_remove),
		cmocka_unit_test_setup_teardown(a_syntax_error_does_not_hide_what_stands_before_it,
			place_make, place_remove),
		cmocka_unit_test_setup_teardown(
			included_files_count_as_if_written_here, place_make, place_remove),
		cmocka_unit_test_setup_teardown(
			names_that_are_no_profiles, place_make, place_remove),
		cmocka_unit_test_setup_teardown(broken_files_never_crash, place_make, place_remove),
		cmocka_unit_test(quantities_and_scopes_have_names),
	};

	return cmocka_run_group_tests(tests, sample_read, NULL);
}
