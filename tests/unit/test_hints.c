/* Hints of "meterx poll": from values in a snapshot to what an installer is asked. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/conf.h"
#include "core/clock.h"
#include "core/util.h"
#include "ctl/hints.h"
#include "ctl/poll_print.h"

#define NOW 100000
#define BRANCH(n, what, value)                                                                     \
	{                                                                                          \
		SCOPE_BRANCH, what, n, value                                                       \
	}
#define VOLTAGES(a, b, c)                                                                          \
	{ SCOPE_VOLTAGE, Q_VOLTAGE, 1, a }, { SCOPE_VOLTAGE, Q_VOLTAGE, 2, b },                    \
	{                                                                                          \
		SCOPE_VOLTAGE, Q_VOLTAGE, 3, c                                                     \
	}
#define GOOD_VOLTAGES VOLTAGES(230000, 229000, 231000)

struct value {
	enum scope scope;
	enum quantity quantity;
	unsigned channel;
	int64_t value;
};

static const struct {
	struct value values[12];
	const char *told;
} cases[] = {
	{ { GOOD_VOLTAGES, BRANCH(1, Q_CURRENT, 5000), BRANCH(1, Q_POWER_FACTOR, 950),
		  BRANCH(1, Q_ACTIVE_POWER, 1090), BRANCH(1, Q_RATING, 20000) },
		"" },
	{ { VOLTAGES(230000, 0, 231000) },
		"voltage B: 0.0 V while the highest phase has 231.0 V: lead off, fuse blown?\n" },
	{ { VOLTAGES(230000, 229000, 115000) },
		"voltage C: 115.0 V while the highest phase has 230.0 V: lead off, fuse blown?\n" },
	/* a model without voltages: nothing to compare */
	{ { BRANCH(1, Q_CURRENT, 5000), BRANCH(1, Q_POWER_FACTOR, 100) }, "" },
	/* with a voltage missing, power cannot be judged */
	{ { VOLTAGES(230000, 0, 231000), BRANCH(3, Q_CURRENT, 5000), BRANCH(3, Q_ACTIVE_POWER, 0) },
		"voltage B: 0.0 V while the highest phase has 231.0 V: lead off, fuse blown?\n" },
	{ { GOOD_VOLTAGES, BRANCH(2, Q_ACTIVE_POWER, -1200), BRANCH(2, Q_CURRENT, 5000) },
		"branch 2: power is -1200 W: CT turned round, or on the wrong phase?\n" },
	{ { GOOD_VOLTAGES, BRANCH(2, Q_ACTIVE_POWER, 100), BRANCH(2, Q_CURRENT, 5000),
		  BRANCH(2, Q_POWER_FACTOR, -90) },
		"branch 2: power factor is -0.09: CT turned round, or on the wrong phase?\n" },
	{ { GOOD_VOLTAGES, BRANCH(2, Q_ACTIVE_POWER, 0), BRANCH(2, Q_CURRENT, 5000),
		  BRANCH(2, Q_POWER_FACTOR, 0) },
		"branch 2: 5.00 A, but no power: CT turned round, or on the wrong phase?\n" },
	{ { GOOD_VOLTAGES, BRANCH(7, Q_ACTIVE_POWER, 340), BRANCH(7, Q_CURRENT, 5000),
		  BRANCH(7, Q_POWER_FACTOR, 299) },
		"branch 7 (Chiller): 5.00 A with power factor 0.30: CT on the wrong phase?\n" },
	/* too little current to say anything; nothing at all */
	{ { GOOD_VOLTAGES, BRANCH(2, Q_CURRENT, 199), BRANCH(2, Q_POWER_FACTOR, 0) }, "" },
	{ { GOOD_VOLTAGES, BRANCH(2, Q_CURRENT, 0), BRANCH(2, Q_POWER_FACTOR, 0),
		  BRANCH(2, Q_ACTIVE_POWER, 0), BRANCH(2, Q_RATING, 0) },
		"" },
	{ { BRANCH(2, Q_CURRENT, 200), BRANCH(2, Q_RATING, 0) },
		"branch 2: 0.20 A, but its breaker rating in the meter is 0: its alarms are "
		"off\n" },
	{ { BRANCH(2, Q_CURRENT, 20100), BRANCH(2, Q_RATING, 20000) },
		"branch 2: 20.10 A is more than its breaker's 20 A: wrong rating, or wrong CT "
		"size?\n" },
	{ { BRANCH(7, Q_RATING, 20000) }, "branch 7 (Chiller): breaker is 16.0 A in the "
					  "configuration, 20.0 A in the meter\n" },
	{ { { SCOPE_PANEL, Q_HEALTH, 1, 1 << 1 | 1 << 8 | 1 << 15 } },
		"health: the meter finds no valid frequency\n"
		"health: a CT strip is not connected well\n" },
	{ { GOOD_VOLTAGES, { SCOPE_MAINS, Q_CURRENT, MAINS_B, 5000 },
		  { SCOPE_MAINS, Q_ACTIVE_POWER, MAINS_B, -1 } },
		"mains, phase B: power is -1 W: CT turned round, or on the wrong phase?\n" },
};

static struct config *load(void)
{
	static const char text[] =
		"profile-dir = \"" TEST_SRCDIR "/conf/profiles\"\n"
		"link \"m\" { transport = \"tcp\" host = \"h\" }\n"
		"panel \"p\" { index = 1 link = \"m\" unit = 1 profile = \"bcpme\"\n"
		"branch 7 { label = \"Chiller\" breaker-amps = 16 } circuit 1 { branches = {7, 8} "
		"} }\n";
	char path[] = "/tmp/meterx-test-hints.XXXXXX";
	struct problems problems = PROBLEMS_INIT;
	struct config *config;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	close(fd);
	assert_int_equal(conf_load(path, &problems, &config), 0);
	unlink(path);
	return config;
}

struct rig {
	struct config *config;
	struct store *store;
	struct site *site;
	struct facts facts;
};

static int set_up(void **state)
{
	struct rig *rig = xcalloc(1, sizeof(*rig));

	rig->config = load();
	rig->store = store_new();
	rig->site = site_build(
		&(struct site_base){ .store = rig->store, .start_wall_ms = 1 }, rig->config, NULL);
	rig->facts.panel = &rig->site->panels[0];
	rig->facts.now_ms = NOW;
	*state = rig;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *rig = *state;

	site_unref(rig->site);
	store_free(rig->store);
	conf_unref(rig->config);
	free(rig);
	return 0;
}

static void publish(struct rig *rig, const struct value *values, size_t n)
{
	struct snapshot *snapshot = store_begin(rig->facts.panel->slot);

	snapshot_clear(snapshot);
	snapshot->comm = COMM_ONLINE;
	snapshot->fresh_until_ms = NOW + 1;
	for (int class = 0; class < POLL_CLASSES; class ++)
		snapshot->class_ms[class] = NOW - 1;
	for (size_t i = 0; i < n && values[i].channel != 0; i++)
		snapshot_set(snapshot, values[i].scope, values[i].quantity, values[i].channel,
			values[i].value);
	store_publish(rig->facts.panel->slot, snapshot);
	rig->facts.snapshot = store_get(rig->facts.panel->slot);
}

static void append(const char *text, void *arg)
{
	char *told = arg;

	strcat(told, text);
	strcat(told, "\n");
}

static void each_mistake_has_its_hint(void **state)
{
	struct rig *rig = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char told[1024] = "";
		unsigned n, lines = 0;

		publish(rig, cases[i].values, ARRAY_LEN(cases[i].values));
		n = hints_find(&rig->facts, append, told);
		assert_string_equal(told, cases[i].told);
		for (const char *c = told; *c != '\0'; c++)
			lines += *c == '\n';
		assert_int_equal(n, lines);
		store_put(rig->facts.panel->slot, rig->facts.snapshot);
	}
}

/* Only when every branch has its power: a sum with a part missing is none. */
static void branches_are_compared_with_the_mains(void **state)
{
	struct rig *rig = *state;
	struct value values[43] = { { SCOPE_MAINS, Q_ACTIVE_POWER, MAINS_TOTAL, 10000 } };
	char told[1024] = "";

	for (unsigned n = 1; n <= 42; n++)
		values[n] = (struct value)BRANCH(n, Q_ACTIVE_POWER, 100);
	publish(rig, values, ARRAY_LEN(values));
	hints_find(&rig->facts, append, told);
	assert_string_equal(told,
		"branches add up to 4.2 kW, the mains show 10.0 kW: mains CTs or CT sizes?\n");
	store_put(rig->facts.panel->slot, rig->facts.snapshot);
	told[0] = '\0';
	publish(rig, values, ARRAY_LEN(values) - 1);
	assert_int_equal(hints_find(&rig->facts, append, told), 0);
	store_put(rig->facts.panel->slot, rig->facts.snapshot);
}

static void a_circuit_is_the_sum_of_its_branches(void **state)
{
	static const struct value values[] = {
		BRANCH(7, Q_ACTIVE_POWER, 500),
		BRANCH(8, Q_ACTIVE_POWER, 700),
		BRANCH(7, Q_CURRENT, 3000),
		BRANCH(8, Q_CURRENT, 4001),
		BRANCH(7, Q_APPARENT_POWER, 1000),
		BRANCH(8, Q_APPARENT_POWER, 1000),
		BRANCH(7, Q_ENERGY, 5000000000),
		BRANCH(7, Q_RATING, 20000),
	};
	struct rig *rig = *state;
	struct facts_row row;

	publish(rig, values, ARRAY_LEN(values));
	row = facts_circuit(&rig->facts, 1);
	assert_int_equal(row.power.num, 1200);
	assert_int_equal(row.current.num, 3501);
	assert_int_equal(row.factor.num, 600);
	assert_int_equal(row.load.num, 175);
	assert_int_equal(row.energy.quality, QUALITY_NONE);
	store_put(rig->facts.panel->slot, rig->facts.snapshot);
}

/* What is absent is "-" and null; a meter that was never reached breaks nothing. */
static void an_empty_snapshot_is_printed(void **state)
{
	struct rig *rig = *state;
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	publish(rig, NULL, 0);
	rig->facts.want = (struct plan_want){ .profile = rig->config->panels[0].profile,
		.model = -1,
		.encoding = ENCODING_INTEGER,
		.classes = (1u << POLL_CLASSES) - 1 };
	poll_print_text(&rig->facts, true, out);
	poll_print_json(&rig->facts, true, out);
	fclose(out);
	assert_non_null(strstr(text, "\"current_ma\": null"));
	assert_null(strstr(text, "\"current_ma\": 0"));
	assert_non_null(strstr(text, "Nothing looks wrong."));
	free(text);
	store_put(rig->facts.panel->slot, rig->facts.snapshot);
}

static void alarms_have_short_names(void **state)
{
	static const struct {
		struct alarm_bits bits;
		const char *text;
	} bits[] = {
		{ { 0, 0, STATE_OK }, "" },
		{ { 0x01, 0x01, STATE_CRITICAL }, "HH" },
		{ { 0x00, 0x03, STATE_CRITICAL }, "HH* H*" },
		{ { 0x7f, 0x10, STATE_CRITICAL }, "HH H L LL OFF h l" },
	};
	char text[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bits); i++) {
		facts_alarms(&bits[i].bits, text, sizeof(text));
		assert_string_equal(text, bits[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_mistake_has_its_hint),
		cmocka_unit_test(branches_are_compared_with_the_mains),
		cmocka_unit_test(a_circuit_is_the_sum_of_its_branches),
		cmocka_unit_test(an_empty_snapshot_is_printed),
		cmocka_unit_test(alarms_have_short_names),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
