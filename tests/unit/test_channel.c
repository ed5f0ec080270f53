/* What a channel is called, its rating and its limits. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/clock.h"
#include "core/util.h"
#include "fixture_profile.h"
#include "store/channel.h"

#define NOW 100000

struct fixture {
	struct store *store;
	struct profile *profile;
	struct config *config;
	struct site *site;
	struct snapshot *snapshot; /* being written */
};

static void name_branch(
	struct branch_conf *branch, uint16_t number, const char *label, int32_t rating)
{
	branch->number = number;
	branch->label = xstrdup(label);
	branch->tenant = xstrdup("");
	branch->rating_ma = rating;
}

static void build(struct fixture *f)
{
	static const struct name_change set = { 1, NAME_LABEL, 9, "Set by a manager", "" };
	struct names *none = names_new();
	struct names *names = names_change(none, &set, 1);

	f->site = site_build(
		&(struct site_base){ .store = f->store, .names = names }, f->config, NULL);
	f->snapshot = store_begin(f->site->panels[0].slot);
	f->snapshot->fresh_until_ms = NOW + 5000;
	for (int class = 0; class < POLL_CLASSES; class ++)
		f->snapshot->class_ms[class] = NOW;
	names_unref(none);
	names_unref(names);
}

static void drop(struct fixture *f)
{
	store_cancel(f->site->panels[0].slot, f->snapshot);
	site_unref(f->site);
}

static int set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	clock_set(NOW, 1700000000000);
	f->store = store_new();
	f->profile = fixture_profile();
	f->config = fixture_config(f->profile, 1);
	f->config->panels[0].n_branches = 3;
	f->config->panels[0].branches = xcalloc(3, sizeof(struct branch_conf));
	name_branch(&f->config->panels[0].branches[0], 1, "Rack A1", 16000);
	name_branch(&f->config->panels[0].branches[1], 2, "", 0);
	name_branch(&f->config->panels[0].branches[2], 42, "Chiller", 63000);
	build(f);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	drop(f);
	conf_unref(f->config);
	profile_unref(f->profile);
	store_free(f->store);
	free(f);
	clock_set(-1, -1);
	return 0;
}

/* The profile has been changed: a site and a snapshot with the layout that follows from it. */
static void rebuild(struct fixture *f)
{
	drop(f);
	build(f);
}

static struct channel channel_of(struct fixture *f, enum scope scope, unsigned channel)
{
	return (struct channel){ f->site, f->site->panels[0].conf, f->snapshot, scope, channel,
		NOW };
}

static void assert_label(struct fixture *f, enum scope scope, unsigned number, const char *want)
{
	struct channel channel = channel_of(f, scope, number);
	char buffer[64];

	assert_string_equal(channel_label(&channel, buffer, sizeof(buffer)), want);
}

static void labels(void **state)
{
	static const struct {
		enum scope scope;
		unsigned channel;
		const char *label;
	} cases[] = {
		{ SCOPE_BRANCH, 1, "Rack A1" },
		{ SCOPE_BRANCH, 2, "" },
		{ SCOPE_BRANCH, 3, "" },
		{ SCOPE_BRANCH, 9, "Set by a manager" },
		{ SCOPE_BRANCH, 42, "Chiller" },
		{ SCOPE_MAINS, 1, "total" },
		{ SCOPE_MAINS, 2, "phase A" },
		{ SCOPE_MAINS, 3, "phase B" },
		{ SCOPE_MAINS, 4, "phase C" },
		{ SCOPE_MAINS, 5, "neutral" },
		{ SCOPE_VOLTAGE, 1, "A-N" },
		{ SCOPE_VOLTAGE, 4, "L-N average" },
		{ SCOPE_VOLTAGE, 5, "A-B" },
		{ SCOPE_VOLTAGE, 8, "L-L average" },
		{ SCOPE_ALT_VOLTAGE, 2, "alternate B-N" },
		{ SCOPE_ALT_VOLTAGE, 7, "alternate C-A" },
		{ SCOPE_PANEL, 1, "" },
		{ SCOPE_SOURCE, 1, "" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_label(*state, cases[i].scope, cases[i].channel, cases[i].label);
}

/* Only a meter with several mains sets needs their numbers. */
static void labels_of_several_mains(void **state)
{
	struct fixture *f = *state;
	struct channel channel;
	char small[8];

	f->profile->mains = 2;
	assert_label(f, SCOPE_MAINS, 1, "mains 1 total");
	assert_label(f, SCOPE_MAINS, 5, "mains 1 neutral");
	assert_label(f, SCOPE_MAINS, 6, "mains 2 total");
	assert_label(f, SCOPE_MAINS, 9, "mains 2 phase C");
	channel = channel_of(f, SCOPE_MAINS, 9);
	assert_string_equal(channel_label(&channel, small, sizeof(small)), "mains 2");
}

static void rating_of_the_meter_else_of_the_configuration(void **state)
{
	static const struct {
		enum scope scope;
		unsigned channel;
		int64_t meter;	/* -1: the meter does not say */
		int64_t rating; /* -1: not known */
	} cases[] = {
		{ SCOPE_BRANCH, 1, 20000, 20000 },
		{ SCOPE_BRANCH, 1, -1, 16000 },
		{ SCOPE_BRANCH, 1, 0, 0 }, /* the meter says so */
		{ SCOPE_BRANCH, 2, -1, -1 },
		{ SCOPE_BRANCH, 2, 32000, 32000 },
		{ SCOPE_BRANCH, 3, -1, -1 },
		{ SCOPE_BRANCH, 42, -1, 63000 },
		{ SCOPE_MAINS, 2, 100000, 100000 },
		{ SCOPE_MAINS, 2, -1, -1 }, /* branch 2 is another thing */
		{ SCOPE_MAINS, 1, 100000, 100000 },
		{ SCOPE_VOLTAGE, 1, -1, -1 },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct channel channel = channel_of(f, cases[i].scope, cases[i].channel);
		int64_t rating = -1;
		bool known;

		if (cases[i].meter >= 0)
			snapshot_set(f->snapshot, cases[i].scope, Q_RATING, cases[i].channel,
				cases[i].meter);
		else
			snapshot_set_none(f->snapshot, cases[i].scope, Q_RATING, cases[i].channel);
		known = channel_rating(&channel, &rating);
		if (known != (cases[i].rating >= 0) || rating != cases[i].rating)
			fail_msg("case %zu: %d, %lld", i, known, (long long)rating);
	}
}

/* The threshold behind the alarms of one scope and level, of the fixture or added to it. */
static unsigned add_threshold(struct fixture *f, const struct profile_threshold *threshold)
{
	struct profile *profile = f->profile;

	profile->thresholds = xrealloc(
		profile->thresholds, profile->n_thresholds + 1, sizeof(*profile->thresholds));
	profile->thresholds[profile->n_thresholds] = *threshold;
	return profile->n_thresholds++;
}

static void point_alarms_at(
	struct fixture *f, enum scope scope, enum level level, unsigned threshold)
{
	for (unsigned i = 0; i < f->profile->n_alarms; i++)
		if (f->profile->alarms[i].scope == scope && f->profile->alarms[i].level == level)
			f->profile->alarms[i].threshold = (int16_t)threshold;
}

/* Room for the values of 16 thresholds. */
static void widen_thresholds(struct fixture *f)
{
	for (unsigned i = 0; i < f->profile->n_points; i++)
		if (f->profile->points[i].quantity == Q_THRESHOLD)
			f->profile->points[i].count = 16;
}

static void assert_limit(
	struct fixture *f, enum scope scope, unsigned number, enum level level, int64_t want)
{
	struct channel channel = channel_of(f, scope, number);
	int64_t limit = -1;
	bool known = channel_limit(&channel, level, &limit);

	if (known != (want >= 0) || (known && limit != want))
		fail_msg("scope %d channel %u level %d: %d, %lld instead of %lld", (int)scope,
			number, (int)level, known, (long long)limit, (long long)want);
}

static void limit_in_thousandths_of_the_rating(void **state)
{
	static const struct {
		int64_t permille, rating, limit; /* -1: none */
	} cases[] = {
		{ 800, 20000, 16000 },
		{ 1000, 20000, 20000 },
		{ 1, 20000, 20 },
		{ 333, 15500, 5162 }, /* 5161.5 */
		{ 1, 400, 0 },	      /* 0.4 mA */
		{ 1, 500, 1 },	      /* half: away from zero */
		{ 0, 20000, -1 },     /* switched off */
		{ -1, 20000, -1 },    /* not read yet */
		{ 800, 0, -1 },	      /* of nothing */
		{ 65535, 2147483647, 140735340806 },
	};
	struct fixture *f = *state;

	point_alarms_at(f, SCOPE_BRANCH, LEVEL_HIGH, 1);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		if (cases[i].permille >= 0)
			snapshot_set(
				f->snapshot, SCOPE_THRESHOLD, Q_THRESHOLD, 2, cases[i].permille);
		else
			snapshot_set_none(f->snapshot, SCOPE_THRESHOLD, Q_THRESHOLD, 2);
		snapshot_set(f->snapshot, SCOPE_BRANCH, Q_RATING, 5, cases[i].rating);
		assert_limit(f, SCOPE_BRANCH, 5, LEVEL_HIGH, cases[i].limit);
	}
	snapshot_set(f->snapshot, SCOPE_THRESHOLD, Q_THRESHOLD, 2, 500);
	assert_limit(f, SCOPE_BRANCH, 1, LEVEL_HIGH, 8000); /* of the configured 16 A */
	assert_limit(f, SCOPE_BRANCH, 3, LEVEL_HIGH, -1);   /* no rating anywhere */
	assert_limit(f, SCOPE_BRANCH, 5, LEVEL_LOW, -1);    /* no threshold behind it */
	assert_limit(f, SCOPE_BRANCH, 43, LEVEL_HIGH, -1);  /* no such branch */
	assert_limit(f, SCOPE_BRANCH, 0, LEVEL_HIGH, -1);
	assert_limit(f, SCOPE_MAINS, 2, LEVEL_HIGH, -1);
	assert_limit(f, SCOPE_PANEL, 1, LEVEL_HIGH, -1);
}

/* A limit is a setting: it stays when the meter falls silent, the rating too. */
static void limits_outlast_the_meter(void **state)
{
	struct fixture *f = *state;
	struct channel channel = channel_of(f, SCOPE_BRANCH, 5);
	int64_t limit;

	point_alarms_at(f, SCOPE_BRANCH, LEVEL_HIGH, 1);
	snapshot_set(f->snapshot, SCOPE_THRESHOLD, Q_THRESHOLD, 2, 500);
	snapshot_set(f->snapshot, SCOPE_BRANCH, Q_RATING, 5, 20000);
	channel.now_ms = NOW + 3600000;
	assert_true(channel_limit(&channel, LEVEL_HIGH, &limit));
	assert_int_equal(limit, 10000);
}

/* In mA and mV as they are; zero is a limit where it does not switch off. */
static void limit_in_the_unit_of_the_reading(void **state)
{
	static const struct {
		enum scope scope;
		unsigned channel;
		enum level level;
		enum threshold_unit unit;
		bool zero_disables;
		int64_t value, limit;
	} cases[] = {
		{ SCOPE_MAINS, 2, LEVEL_HIGH, THRESHOLD_MILLIAMP, true, 90000, 90000 },
		{ SCOPE_MAINS, 2, LEVEL_LOW, THRESHOLD_MILLIAMP, true, 0, -1 },
		{ SCOPE_MAINS, 2, LEVEL_LOW_LOW, THRESHOLD_MILLIAMP, false, 0, 0 },
		{ SCOPE_VOLTAGE, 5, LEVEL_HIGH, THRESHOLD_MILLIVOLT, false, 480000, 480000 },
		{ SCOPE_VOLTAGE, 5, LEVEL_LOW, THRESHOLD_MILLIVOLT, true, 0, -1 },
	};
	struct fixture *f = *state;
	unsigned first = f->profile->n_thresholds;

	widen_thresholds(f);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		point_alarms_at(f, cases[i].scope, cases[i].level,
			add_threshold(f, &(struct profile_threshold){ .scope = cases[i].scope,
						 .level = cases[i].level,
						 .unit = cases[i].unit,
						 .zero_disables = cases[i].zero_disables }));
	rebuild(f);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		snapshot_set(f->snapshot, SCOPE_THRESHOLD, Q_THRESHOLD, first + (unsigned)i + 1,
			cases[i].value);
		assert_limit(f, cases[i].scope, cases[i].channel, cases[i].level, cases[i].limit);
	}
	assert_limit(f, SCOPE_MAINS, 1, LEVEL_HIGH, -1);   /* the total has no alarms */
	assert_limit(f, SCOPE_VOLTAGE, 1, LEVEL_HIGH, -1); /* nor has A-N in this meter */
}

/* A threshold of each channel: the channel's own, none where it has none. */
static void limit_of_the_channel_itself(void **state)
{
	struct fixture *f = *state;
	unsigned first = f->profile->n_thresholds;

	widen_thresholds(f);
	for (uint16_t channel = 2; channel <= 4; channel++)
		add_threshold(f, &(struct profile_threshold){ .scope = SCOPE_MAINS,
					 .channel = channel,
					 .level = LEVEL_HIGH,
					 .unit = THRESHOLD_MILLIAMP });
	point_alarms_at(f, SCOPE_MAINS, LEVEL_HIGH, first);
	rebuild(f);
	for (unsigned i = 0; i < 3; i++)
		snapshot_set(f->snapshot, SCOPE_THRESHOLD, Q_THRESHOLD, first + i + 1,
			10000 * (int64_t)(i + 1));
	assert_limit(f, SCOPE_MAINS, 2, LEVEL_HIGH, 10000);
	assert_limit(f, SCOPE_MAINS, 3, LEVEL_HIGH, 20000);
	assert_limit(f, SCOPE_MAINS, 4, LEVEL_HIGH, 30000);
	assert_limit(f, SCOPE_MAINS, 5, LEVEL_HIGH, -1); /* has the alarm, but no threshold */
}

static void which_channels_have_alarms(void **state)
{
	static const struct {
		enum scope scope;
		unsigned channel;
		bool has;
	} cases[] = {
		{ SCOPE_BRANCH, 1, true },
		{ SCOPE_BRANCH, 42, true },
		{ SCOPE_BRANCH, 43, false },
		{ SCOPE_BRANCH, 0, false },
		{ SCOPE_MAINS, 1, false },
		{ SCOPE_MAINS, 2, true },
		{ SCOPE_MAINS, 5, true },
		{ SCOPE_MAINS, 6, false },
		{ SCOPE_VOLTAGE, 1, false },
		{ SCOPE_VOLTAGE, 5, true },
		{ SCOPE_VOLTAGE, 8, false },
		{ SCOPE_ALT_VOLTAGE, 5, false },
		{ SCOPE_PANEL, 1, false },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct channel channel = channel_of(*state, cases[i].scope, cases[i].channel);

		if (channel_has_alarms(&channel) != cases[i].has)
			fail_msg("case %zu", i);
	}
}

static void scaling_rounds_halves_away_from_zero(void **state)
{
	static const struct {
		int64_t number, numerator, denominator, want;
	} cases[] = {
		{ 0, 5, 1000, 0 },
		{ 499, 1, 1000, 0 },
		{ 500, 1, 1000, 1 },
		{ -499, 1, 1000, 0 },
		{ -500, 1, 1000, -1 },
		{ 1499, 1, 1000, 1 },
		{ 1, 1, 3, 0 },
		{ 2, 1, 3, 1 },
		{ -2, 1, 3, -1 },
		{ 7, 3, 1, 21 },
		{ 5, -1, 2, -3 },
		{ INT32_MAX, 1000, 1000, INT32_MAX },
		{ INT32_MIN, 1000, 1000, INT32_MIN },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(
			channel_scale(cases[i].number, cases[i].numerator, cases[i].denominator),
			cases[i].want);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(labels),
		TEST(labels_of_several_mains),
		TEST(rating_of_the_meter_else_of_the_configuration),
		TEST(limit_in_thousandths_of_the_rating),
		TEST(limits_outlast_the_meter),
		TEST(limit_in_the_unit_of_the_reading),
		TEST(limit_of_the_channel_itself),
		TEST(which_channels_have_alarms),
		TEST(scaling_rounds_halves_away_from_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
