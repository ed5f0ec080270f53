/* What events say: texts, and the fields beside them. */
#include "config.h"

#include "alarm/tell.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/text.h"
#include "core/util.h"
#include "fixture_profile.h"

#define NOW_MS 5000
#define WALL   1700000000000

static struct {
	struct store *store;
	struct site *site;
	struct panel_conf *panel;
	const struct snapshot *snapshot;
	char label[CONF_NAME_MAX + 1];
} rig;

static int set_up(void **state)
{
	struct profile *profile = fixture_profile();
	struct config *config;
	struct snapshot *snapshot;

	(void)state;
	profile->alarms[0].threshold = 0; /* high-high of a branch: thousandths of its rating */
	config = fixture_config(profile, 1);
	profile_unref(profile);
	rig.panel = &config->panels[0];
	rig.panel->branches = xcalloc(1, sizeof(*rig.panel->branches));
	rig.panel->branches[0] = (struct branch_conf){ .number = 7,
		.label = xstrdup("Chiller"),
		.tenant = xstrdup("") };
	rig.panel->n_branches = 1;
	rig.store = store_new();
	rig.site = site_build(&(struct site_base){ .store = rig.store }, config, NULL);
	conf_unref(config);
	snapshot = store_begin(rig.site->panels[0].slot);
	snapshot->fresh_until_ms = NOW_MS + 1;
	snapshot_set(snapshot, SCOPE_THRESHOLD, Q_THRESHOLD, 1, 700);
	snapshot_set(snapshot, SCOPE_BRANCH, Q_RATING, 7, 20000);
	store_publish(rig.site->panels[0].slot, snapshot);
	rig.snapshot = store_get(rig.site->panels[0].slot);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	store_put(rig.site->panels[0].slot, rig.snapshot);
	site_unref(rig.site);
	store_free(rig.store);
	return 0;
}

static struct channel here(void)
{
	return (struct channel){
		.site = rig.site,
		.panel = rig.panel,
		.snapshot = rig.snapshot,
		.now_ms = NOW_MS,
	};
}

#define BRANCH(channel, level) ROW_KEY(SCOPE_BRANCH, channel, LEVEL_##level)

static const struct {
	struct alarm_transition transition;
	const char *text;
	enum event_kind kind;
	bool notify, has_limit;
	uint64_t number;
} tales[] = {
	{ { .key = BRANCH(7, HIGH_HIGH), .change = ALARM_RAISED, .severity = STATE_CRITICAL, .latched = true,
		  .begins = true, .count = 1, .event = 5, .value = 17250, .has_value = true },
		"P1 branch 7 (Chiller): high-high latched, 17.250 A, limit 14.000 A", EVENT_RAISED, true,
		true, 5 },
	{ { .key = BRANCH(7, HIGH_HIGH), .change = ALARM_RAISED, .severity = STATE_CRITICAL, .latched = true,
		  .begins = true, .found = true, .count = 3, .event = 6, .value = -50, .has_value = true },
		"P1 branch 7 (Chiller): high-high latched, -0.050 A, limit 14.000 A, found at start, "
		"raised 3 times",
		EVENT_RAISED, true, true, 6 },
	{ { .key = BRANCH(7, HIGH_HIGH), .change = ALARM_RAISED_GONE, .severity = STATE_CRITICAL,
		  .begins = true, .count = 2, .event = 7 },
		"P1 branch 7 (Chiller): high-high came and went between two polls, limit 14.000 A, "
		"raised 2 times",
		EVENT_RAISED, true, true, 7 },
	{ { .key = BRANCH(7, HIGH_HIGH), .change = ALARM_CLEARED, .severity = STATE_CRITICAL, .event = 7,
		  .value = 3, .has_value = true },
		"P1 branch 7 (Chiller): high-high cleared", EVENT_CLEARED, true, true, 0 },
	{ { .key = ROW_KEY(SCOPE_VOLTAGE, 6, LEVEL_HIGH), .change = ALARM_CLEARED, .severity = STATE_CRITICAL,
		  .active = true, .event = 7 },
		"P1 voltage 6 (B-C): high cleared, still active", EVENT_CLEARED, true, false, 0 },
	{ { .key = ROW_KEY(SCOPE_VOLTAGE, 6, LEVEL_HIGH), .change = ALARM_INACTIVE,
		  .severity = STATE_CRITICAL, .latched = true, .event = 7 },
		"P1 voltage 6 (B-C): high not active any more, still latched", EVENT_CLEARED, false, false,
		0 },
	{ { .key = ROW_KEY(SCOPE_VOLTAGE, 6, LEVEL_HIGH), .change = ALARM_ACTIVE, .severity = STATE_CRITICAL,
		  .active = true, .event = 9, .value = 265432, .has_value = true },
		"P1 voltage 6 (B-C): high active, 265.432 V", EVENT_RAISED, false, false, 0 },
	{ { .key = BRANCH(8, HIGH_NON_LATCHING), .change = ALARM_ACTIVE, .severity = STATE_WARNING,
		  .active = true, .begins = true, .found = true, .event = 10, .value = 0, .has_value = true },
		"P1 branch 8: high-non-latching active, 0.000 A, found at start", EVENT_RAISED, false, false,
		10 },
	{ { .key = ROW_KEY(SCOPE_MAINS, 2, LEVEL_LOW), .change = ALARM_RAISED, .severity = STATE_WARNING,
		  .latched = true, .begins = true, .count = 1, .event = 11, .value = 1, .has_value = true },
		"P1 mains 2 (phase A): low latched, 0.001 A", EVENT_RAISED, true, false, 11 },
};

static void alarms_are_told(void **state)
{
	struct channel at = here();
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(tales); i++) {
		const struct alarm_transition *item = &tales[i].transition;
		const struct event *draft;
		struct tale tale;

		for (int wanted = 0; wanted < 2; wanted++) {
			rig.panel->notify_non_latched = wanted;
			tell_alarm(&tale, &at, item, WALL);
			draft = &tale.draft;
			assert_string_equal(draft->text, tales[i].text);
			assert_int_equal(draft->kind, tales[i].kind);
			assert_int_equal(draft->notify, wanted || tales[i].notify);
			assert_int_equal(draft->has_limit, tales[i].has_limit);
			assert_int_equal(draft->limit, tales[i].has_limit ? 14000 : 0);
			assert_int_equal(draft->number, tales[i].number);
			assert_int_equal(draft->wall_ms, WALL);
			assert_int_equal(draft->panel, 1);
			assert_string_equal(draft->panel_name, "P1");
			assert_int_equal(draft->scope, ROW_KEY_A(item->key));
			assert_int_equal(draft->channel, ROW_KEY_B(item->key));
			assert_int_equal(draft->level, ROW_KEY_C(item->key));
			assert_int_equal(draft->severity, item->severity);
			assert_int_equal(draft->has_value, item->has_value);
			assert_int_equal(draft->value, item->value);
			assert_int_equal(draft->found, item->found);
		}
	}
}

static void what_came_and_went_is_cleared_as_well(void **state)
{
	struct channel at = here();
	struct tale tale;

	(void)state;
	tell_gone(&tale, &at, &tales[2].transition, WALL);
	assert_string_equal(tale.draft.text, "P1 branch 7 (Chiller): high-high cleared, came and went");
	assert_string_equal(tale.draft.label, "Chiller");
	assert_int_equal(tale.draft.kind, EVENT_CLEARED);
	assert_int_equal(tale.draft.number, 0);
	assert_false(tale.draft.has_value);
	assert_true(tale.draft.notify);
}

/* Whatever the size, the line is whole but for the label, which is cut between characters. */
static void long_labels_give_way(void **state)
{
	struct alarm_line line = {
		.panel = "P1",
		.scope = SCOPE_BRANCH,
		.channel = 7,
		.label = "Kühlturm 冷却塔 𝄞𝄞",
		.level = LEVEL_HIGH,
		.state = "latched",
		.was = "was ",
		.has_value = true,
		.value = -1500,
		.has_limit = true,
		.limit = INT64_MIN,
		.rest = "",
	};
	static const char bare[] =
		"P1 branch 7: high latched, was -1.500 A, limit -9223372036854775.808 A";
	char whole[256], text[256];

	(void)state;
	tell_line(whole, sizeof(whole), &line);
	assert_string_equal(whole, "P1 branch 7 (Kühlturm 冷却塔 𝄞𝄞): high latched, "
				   "was -1.500 A, limit -9223372036854775.808 A");
	for (size_t size = strlen(whole) + 1; size > strlen(bare); size--) {
		tell_line(text, size, &line);
		assert_true(strlen(text) < size);
		assert_true(strlen(text) + 4 >= size || strchr(text, '(') == NULL);
		assert_null(text_fault(text));
		assert_non_null(strstr(text, strchr(bare, ':')));
	}
	assert_string_equal(text, bare);
}

static void inputs_are_told(void **state)
{
	static const struct {
		enum input_state normal, state;
		const char *text;
		enum worst_state severity;
	} cases[] = {
		{ 0, INPUT_OPEN, "P1 input 3 (Door): open", STATE_OK },
		{ INPUT_OPEN, INPUT_CLOSED, "P1 input 3 (Door): closed, normally open", STATE_WARNING },
		{ INPUT_CLOSED, INPUT_CLOSED, "P1 input 3 (Door): closed, as is normal", STATE_OK },
		{ INPUT_CLOSED, INPUT_OPEN, "P1 input 3 (Door): open, normally closed", STATE_WARNING },
	};
	struct input_conf input = { .number = 3, .label = rig.label };
	struct tale tale;

	(void)state;
	text_copy(rig.label, sizeof(rig.label), "Door");
	rig.panel->inputs = &input;
	rig.panel->n_inputs = 1;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		input.normal = cases[i].normal;
		tell_input(&tale, rig.panel, 3, cases[i].state, WALL);
		assert_string_equal(tale.draft.text, cases[i].text);
		assert_int_equal(tale.draft.severity, cases[i].severity);
		assert_int_equal(tale.draft.kind, EVENT_INPUT_CHANGED);
		assert_int_equal(tale.draft.scope, EVENT_SCOPE_INPUT);
		assert_int_equal(tale.draft.channel, 3);
		assert_true(tale.draft.notify && tale.draft.has_value);
		assert_int_equal(tale.draft.value, cases[i].state);
		assert_string_equal(tale.draft.label, "Door");
	}
	tell_input(&tale, rig.panel, 4, INPUT_OPEN, WALL);
	assert_string_equal(tale.draft.text, "P1 input 4: open");
	rig.panel->inputs = NULL;
	rig.panel->n_inputs = 0;
}

static void panels_and_links_are_told(void **state)
{
	struct link_conf link = { .index = 3, .name = rig.label };
	char reason[600];
	struct tale tale;

	(void)state;
	tell_panel(&tale, rig.panel, EVENT_PANEL_OFFLINE, WALL, "%s offline: %s", "P1", "timed out");
	assert_string_equal(tale.draft.text, "P1 offline: timed out");
	assert_int_equal(tale.draft.scope, EVENT_SCOPE_PANEL);
	assert_int_equal(tale.draft.channel, 0);
	assert_int_equal(tale.draft.severity, STATE_CRITICAL);
	assert_true(tale.draft.notify);
	tell_panel(&tale, rig.panel, EVENT_ENERGY_RESET, WALL, "x");
	assert_false(tale.draft.notify);
	assert_int_equal(tale.draft.severity, STATE_OK);

	text_copy(rig.label, sizeof(rig.label), "bus-1");
	for (size_t i = 0; i + 2 < sizeof(reason); i += 2)
		memcpy(reason + i, "ü", 3);
	tell_link(&tale, &link, EVENT_LINK_DOWN, WALL, "!%s", reason);
	assert_int_equal(strlen(tale.draft.text), EVENT_TEXT_MAX);
	assert_null(text_fault(tale.draft.text));
	tell_link(&tale, &link, EVENT_LINK_DOWN, WALL, "%s", reason);
	assert_int_equal(strlen(tale.draft.text), EVENT_TEXT_MAX - 1);
	assert_int_equal(tale.draft.scope, EVENT_SCOPE_LINK);
	assert_int_equal(tale.draft.channel, 3);
	assert_int_equal(tale.draft.panel, 0);
	assert_string_equal(tale.draft.label, "bus-1");
	assert_int_equal(tale.draft.severity, STATE_CRITICAL);
	tell_link(&tale, &link, EVENT_LINK_UP, WALL, "up");
	assert_int_equal(tale.draft.severity, STATE_OK);
	assert_true(tale.draft.notify);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(alarms_are_told),
		TEST(what_came_and_went_is_cleared_as_well),
		TEST(long_labels_give_way),
		TEST(inputs_are_told),
		TEST(panels_and_links_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
