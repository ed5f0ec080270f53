/*
 * forecast and pace: what a line can do, and what it was seen to do. The forecast
 * is held against a line that is played read by read by the link's rules.
 */
#include "config.h"

#include "modbus/forecast.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/util.h"
#include "modbus/pace.h"

#define POLL_MS 2000
#define NO_SLOW 3600000

static void fill(struct forecast_panel *panels, size_t n, const struct forecast_panel *one)
{
	for (size_t i = 0; i < n; i++)
		panels[i] = *one;
}

static void test_lines(void **state)
{
	static const struct {
		const char *what;
		size_t n;
		struct forecast_panel panel;
		uint32_t load_permille, round_ms, least_ms, alarm_ms;
	} cases[] = {
		{ "nobody", 0, { { 0, 0 }, { 0, 0 }, 0, 0, 0, 0, 0 }, 0, 0, 0, 0 },
		{ "half of it", 2,
			{ { 0, 0 }, { 500000, 4 }, 0, 1000, 2000, NO_SLOW, 0 }, 500, 1000, 0, 0 },
		{ "alarms come with measurements when they are not due more often", 2,
			{ { 100000, 1 }, { 500000, 4 }, 0, 2000, 2000, NO_SLOW, 0 }, 500, 1000, 0,
			0 },
		{ "alarms in between", 2,
			{ { 100000, 1 }, { 500000, 4 }, 0, 1000, 2000, NO_SLOW, 0 }, 600, 1000, 0,
			0 },
		{ "settings", 2,
			{ { 0, 0 }, { 500000, 4 }, 6000000, 1000, 2000, 60000, 0 }, 700, 1000, 0,
			0 },
		{ "just full", 4,
			{ { 0, 0 }, { 500000, 4 }, 0, 1000, 2000, NO_SLOW, 0 }, 1000, 2000, 0, 0 },
		{ "too much", 8,
			{ { 0, 0 }, { 500000, 4 }, 0, 1000, 2000, NO_SLOW, 0 }, 2000, 4000, 4000,
			0 },
		{ "alarms first: a fifth of the line", 4,
			{ { 50000, 1 }, { 800000, 8 }, 0, 1000, 2000, NO_SLOW, 0 }, 1700, 3200,
			3750, 0 },
		/* Reads are of one length: half of it to alarms, the other half to the rest. */
		{ "alarms are more than the line", 8,
			{ { 200000, 1 }, { 800000, 4 }, 0, 1000, 2000, NO_SLOW, 0 }, 4000, 6400,
			12800, 2950 },
	};
	struct forecast_panel panels[8];
	struct forecast forecast;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		fill(panels, cases[i].n, &cases[i].panel);
		forecast_line(panels, cases[i].n, &forecast);
		if (forecast.load_permille != cases[i].load_permille ||
			forecast.round_ms != cases[i].round_ms ||
			forecast.least_ms != cases[i].least_ms ||
			forecast.alarm_ms != cases[i].alarm_ms)
			fail_msg("%s: load %u, round %u, least %u, alarm %u", cases[i].what,
				forecast.load_permille, forecast.round_ms, forecast.least_ms,
				forecast.alarm_ms);
		for (size_t k = 0; k < cases[i].n; k++)
			assert_int_equal(panels[k].interval_ms,
				forecast.least_ms > POLL_MS ? forecast.least_ms : POLL_MS);
	}
}

/* Who asks for less than the fair share gets what it asks for. */
static void test_fair(void **state)
{
	struct forecast_panel panels[3];
	struct forecast forecast;
	const struct forecast_panel one = { .fast = { 1000000, 8 },
		.alarm_poll_ms = 60000,
		.poll_ms = 1000,
		.slow_poll_ms = NO_SLOW };

	(void)state;
	fill(panels, 3, &one);
	panels[1].poll_ms = 10000;
	forecast_line(panels, 3, &forecast);
	assert_in_range(panels[0].interval_ms, 2220, 2226);
	assert_int_equal(panels[1].interval_ms, 10000);
	assert_int_equal(panels[2].interval_ms, panels[0].interval_ms);
}

/* One poll that asks for the impossible is told as such, not as a number that went round. */
static void test_absurd(void **state)
{
	struct forecast_panel panel = { .fast = { UINT64_C(4000000000000), 8 },
		.alarm_poll_ms = 100,
		.poll_ms = 100,
		.slow_poll_ms = NO_SLOW };
	struct forecast forecast;

	(void)state;
	forecast_line(&panel, 1, &forecast);
	assert_int_equal(forecast.load_permille, UINT32_MAX);
	assert_int_equal(forecast.least_ms, 24 * 3600 * 1000);
}

/* A line played read by read: alarms that are late overtake every second read. */

struct played {
	int64_t fast_due_us, alarm_due_us;
	int64_t order_us; /* an interval after its last poll began: who is first */
	unsigned polls, alarms;
};

static int64_t late_us(const struct forecast_panel *panel, const struct played *played)
{
	return played->alarm_due_us + panel->alarm_poll_ms * 500;
}

static void advance(int64_t *due_us, int64_t now_us, int64_t period_us)
{
	*due_us = (now_us - *due_us < period_us ? *due_us : now_us) + period_us;
}

static size_t latest_alarm(const struct forecast_panel *panels, const struct played *played,
	size_t n, int64_t now_us)
{
	size_t found = n;

	for (size_t i = 0; i < n; i++)
		if (panels[i].alarm.reads > 0 && late_us(&panels[i], &played[i]) <= now_us &&
			(found == n || late_us(&panels[i], &played[i]) <
					       late_us(&panels[found], &played[found])))
			found = i;
	return found;
}

static void play(const struct forecast_panel *panels, struct played *played, size_t n,
	int64_t until_us)
{
	size_t busy = n;
	unsigned reads = 0;
	bool alarm_turn = true;

	for (int64_t now_us = 0; now_us < until_us;) {
		size_t i = latest_alarm(panels, played, n, now_us);

		if (busy < n && alarm_turn && i < n) {
			advance(&played[i].alarm_due_us, now_us, panels[i].alarm_poll_ms * 1000);
			now_us += (int64_t)panels[i].alarm.us;
			played[i].alarms++;
			alarm_turn = false;
			continue;
		}
		alarm_turn = true;
		if (busy < n) {
			now_us += (int64_t)panels[busy].fast.us / panels[busy].fast.reads;
			if (--reads == 0) {
				played[busy].polls++;
				busy = n;
			}
			continue;
		}
		for (i = 0; i < n; i++)
			if (played[i].fast_due_us <= now_us &&
				(busy == n || played[i].order_us < played[busy].order_us))
				busy = i;
		if (busy == n) {
			now_us += 1000;
			continue;
		}
		played[busy].order_us = now_us + panels[busy].poll_ms * 1000;
		advance(&played[busy].fast_due_us, now_us, panels[busy].poll_ms * 1000);
		advance(&played[busy].alarm_due_us, now_us, panels[busy].alarm_poll_ms * 1000);
		reads = panels[busy].fast.reads;
	}
}

/* Eight bcpme at 9600 8N1 with an answer after 5 ms; alarms in one read, as the model has them. */
static void test_against_a_played_line(void **state)
{
	static const struct forecast_panel kinds[] = {
		{ { 190000, 1 }, { 1490000, 7 }, 0, 1000, 2000, NO_SLOW, 0 },
		{ { 190000, 1 }, { 1490000, 7 }, 0, 10000, 2000, NO_SLOW, 0 },
		{ { 20000, 1 }, { 400000, 4 }, 0, 1000, 2000, NO_SLOW, 0 },
	};

	(void)state;
	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		struct forecast_panel panels[8];
		struct played played[8] = { 0 };
		struct forecast forecast;
		uint32_t interval_ms, alarm_ms;
		unsigned polls = 0, alarms = 0;

		fill(panels, 8, &kinds[k]);
		forecast_line(panels, 8, &forecast);
		play(panels, played, 8, INT64_C(3600000000));
		for (size_t i = 0; i < 8; i++) {
			polls += played[i].polls;
			alarms += played[i].alarms + played[i].polls;
		}
		interval_ms = 8 * 3600000 / polls;
		alarm_ms = 8 * 3600000 / alarms;
		print_message("forecast %u ms, played %u ms; alarms %u ms, played %u ms\n",
			forecast.least_ms, interval_ms, forecast.alarm_ms, alarm_ms);
		assert_in_range(interval_ms, forecast.least_ms * 9 / 10, forecast.least_ms * 11 / 10);
		for (size_t i = 0; i < 8; i++)
			assert_in_range(played[i].polls * 20, polls / 8 * 19, polls / 8 * 21);
	}
}

/* Pace */

static int64_t poll_at_intervals(struct pace *pace, int64_t now_ms, unsigned n, uint32_t interval_ms)
{
	for (unsigned i = 0; i < n; i++) {
		now_ms += interval_ms;
		pace_note(pace, POLL_MS, interval_ms, now_ms);
	}
	return now_ms;
}

static void test_pace_kept(void **state)
{
	struct pace pace = { 0 };
	int64_t now_ms = 1000;

	(void)state;
	assert_false(pace_slow(&pace));
	assert_false(pace_kept(&pace));
	assert_int_equal(pace_expected_ms(&pace, POLL_MS), POLL_MS);
	pace_note(&pace, POLL_MS, 0, now_ms);
	now_ms = poll_at_intervals(&pace, now_ms, 10, POLL_MS);
	assert_true(pace_kept(&pace));
	/* One poll that comes late, whatever the reason, is none to speak of. */
	now_ms = poll_at_intervals(&pace, now_ms, 1, 60000);
	assert_int_equal(pace_expected_ms(&pace, POLL_MS), POLL_MS);
	poll_at_intervals(&pace, now_ms, 4, POLL_MS);
	assert_false(pace_slow(&pace));
	poll_at_intervals(&pace, now_ms, 10, POLL_MS);
	assert_false(pace_slow(&pace));
	assert_true(pace_kept(&pace));
}

static void test_pace_slow(void **state)
{
	struct pace pace = { 0 };
	int64_t now_ms = 1000;

	(void)state;
	pace_note(&pace, POLL_MS, 0, now_ms);
	now_ms = poll_at_intervals(&pace, now_ms, 5, 2500);
	assert_false(pace_slow(&pace));
	now_ms = poll_at_intervals(&pace, now_ms, 1, 2500);
	assert_true(pace_slow(&pace));
	assert_int_equal(pace.mean_ms, 2500);
	assert_int_equal(pace_expected_ms(&pace, POLL_MS), 2500);
	now_ms = poll_at_intervals(&pace, now_ms, 5, POLL_MS);
	assert_false(pace_kept(&pace));
	poll_at_intervals(&pace, now_ms, 1, POLL_MS);
	assert_true(pace_kept(&pace));
	assert_false(pace_slow(&pace));
}

/* What was missed was not slow. */
static void test_pace_of_a_poor_meter(void **state)
{
	struct pace pace = { 0 };
	int64_t now_ms = 1000;

	(void)state;
	for (int i = 0; i < 100; i++) {
		now_ms = poll_at_intervals(&pace, now_ms, 4, POLL_MS);
		pace_break(&pace);
		now_ms += POLL_MS;
	}
	assert_false(pace_slow(&pace));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_fair),
		cmocka_unit_test(test_absurd),
		cmocka_unit_test(test_against_a_played_line),
		cmocka_unit_test(test_pace_kept),
		cmocka_unit_test(test_pace_slow),
		cmocka_unit_test(test_pace_of_a_poor_meter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
