/* turns: who has the line, with panels made of nothing but what turns asks of them. */
#include "config.h"

#include "modbus/turns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define MANY	40
#define POLL_MS 1000

struct poller {
	int64_t due_ms, alarm_late_ms;
	bool unidentified, gone, busy;
	/* on a line of its own making */
	bool dead;
	unsigned asked; /* or polled */
	int64_t polled_ms, longest_ms;
};

static struct {
	struct poller pollers[MANY];
	struct poller *list[MANY];
	size_t n;
	struct turns turns;
	enum poller_turn turn;
} rig;

/* What turns asks of a panel. */

int64_t poller_due_ms(const struct poller *poller)
{
	return poller->due_ms;
}

int64_t poller_order_ms(const struct poller *poller, int64_t now_ms)
{
	int64_t fair_ms = poller->polled_ms + POLL_MS;

	(void)now_ms;
	return poller->polled_ms > 0 && fair_ms > poller->due_ms ? fair_ms : poller->due_ms;
}

int64_t poller_alarm_late_ms(const struct poller *poller)
{
	return poller->alarm_late_ms;
}

bool poller_unidentified(const struct poller *poller)
{
	return poller->unidentified;
}

bool poller_gone(const struct poller *poller)
{
	return poller->gone;
}

bool poller_busy(const struct poller *poller)
{
	return poller->busy;
}

/* Panels that nobody wants anything of. */
static int set_up(void **state)
{
	(void)state;
	memset(&rig, 0, sizeof(rig));
	for (size_t i = 0; i < MANY; i++) {
		rig.pollers[i].due_ms = rig.pollers[i].alarm_late_ms = INT64_MAX;
		rig.list[i] = &rig.pollers[i];
	}
	rig.n = 4;
	return 0;
}

static size_t choose(int64_t now_ms)
{
	return turns_choose(&rig.turns, rig.list, rig.n, now_ms, &rig.turn);
}

static void test_nobody(void **state)
{
	(void)state;
	assert_int_equal(choose(1000), rig.n);
	assert_true(turns_next_ms(&rig.turns, rig.list, rig.n) == INT64_MAX);
	rig.pollers[2].due_ms = 1001;
	assert_int_equal(choose(1000), rig.n);
	assert_int_equal(turns_next_ms(&rig.turns, rig.list, rig.n), 1001);
	rig.n = 0;
	assert_int_equal(choose(1000), 0);
}

static void test_longest_due(void **state)
{
	(void)state;
	rig.pollers[0].due_ms = 900;
	rig.pollers[2].due_ms = 800;
	rig.pollers[3].due_ms = 1100;
	assert_int_equal(choose(1000), 2);
	assert_int_equal(rig.turn, POLLER_ANY);
	/* Equals: one after the other. */
	for (size_t i = 0; i < rig.n; i++)
		rig.pollers[i].due_ms = 500;
	for (size_t i = 0; i < 2 * rig.n; i++)
		assert_int_equal(choose(1000), (3 + i) % rig.n);
}

static void test_alarms_overtake_read_for_read(void **state)
{
	(void)state;
	rig.pollers[1].busy = true;
	rig.pollers[1].due_ms = 0;
	rig.pollers[0].due_ms = rig.pollers[3].due_ms = 100;
	assert_int_equal(choose(1000), 1);
	assert_int_equal(rig.turn, POLLER_BULK);
	rig.pollers[0].alarm_late_ms = 990;
	rig.pollers[3].alarm_late_ms = 980;
	assert_int_equal(choose(1000), 3);
	assert_int_equal(rig.turn, POLLER_ALARM);
	assert_int_equal(choose(1000), 1);
	assert_int_equal(rig.turn, POLLER_BULK);
	assert_int_equal(choose(1000), 3);
	rig.pollers[3].alarm_late_ms = 1001;
	assert_int_equal(choose(1000), 1);
	assert_int_equal(choose(1000), 0);
	rig.pollers[0].alarm_late_ms = INT64_MAX;
	assert_int_equal(turns_late_alarm(rig.list, rig.n, 1000), rig.n);
	assert_int_equal(turns_late_alarm(rig.list, rig.n, 1001), 3);
}

/* Who has not answered waits for those who do if they want the line; who is gone, in any case. */
static void test_questions_in_vain(void **state)
{
	(void)state;
	rig.n = 3;
	rig.pollers[0].unidentified = rig.pollers[0].gone = true;
	rig.pollers[1].unidentified = true;
	rig.pollers[0].due_ms = rig.pollers[1].due_ms = 0;
	rig.pollers[2].due_ms = 1500;
	turns_in_vain(&rig.turns, 1000, 1400);
	assert_int_equal(turns_next_ms(&rig.turns, rig.list, rig.n), 0);
	assert_int_equal(choose(1499), 1);
	assert_int_equal(choose(1799), 2);
	assert_int_equal(choose(1800), 1);
	rig.pollers[1].due_ms = rig.pollers[2].due_ms = INT64_MAX;
	assert_int_equal(turns_next_ms(&rig.turns, rig.list, rig.n), 1400 + 19 * 400);
	assert_int_equal(choose(1400 + 19 * 400), 0);
	rig.pollers[2].unidentified = true;
	assert_int_equal(choose(1400), 0);
	assert_int_equal(turns_next_ms(&rig.turns, rig.list, rig.n), 0);
}

/* A line of its own making: what each turn does, and how long it takes. */

static int64_t carry_out(struct poller *poller, int64_t now_ms, int64_t poll_takes_ms)
{
	int64_t ended_ms = now_ms + (poller->dead ? 1000 : poller->unidentified ? 20 : poll_takes_ms);

	poller->asked++;
	if (poller->dead) {
		poller->due_ms = ended_ms + (1000 << (poller->asked < 6 ? poller->asked : 5));
		poller->gone = poller->asked > 1;
		turns_in_vain(&rig.turns, now_ms, ended_ms);
	} else if (poller->unidentified) {
		poller->unidentified = false;
		poller->due_ms = poller->polled_ms = ended_ms;
	} else {
		poller->longest_ms = now_ms - poller->polled_ms > poller->longest_ms
					     ? now_ms - poller->polled_ms
					     : poller->longest_ms;
		poller->polled_ms = now_ms;
		poller->due_ms += POLL_MS;
	}
	return ended_ms;
}

/* Thirty of forty units are not there yet. Five minutes; all that are have been met after so long. */
static int64_t run_line(int64_t poll_takes_ms, int64_t *dead_ms)
{
	int64_t now_ms = 1000, met_ms = 0;

	rig.n = MANY;
	for (size_t i = 0; i < rig.n; i++) {
		rig.pollers[i].unidentified = true;
		rig.pollers[i].due_ms = 0;
		rig.pollers[i].dead = i % 4 != 1;
	}
	while (now_ms < 301000) {
		size_t i = choose(now_ms);
		int64_t begun_ms = now_ms;

		if (i == rig.n) {
			now_ms = turns_next_ms(&rig.turns, rig.list, rig.n);
			assert_true(now_ms > begun_ms);
			continue;
		}
		now_ms = carry_out(&rig.pollers[i], now_ms, poll_takes_ms);
		if (rig.pollers[i].dead)
			*dead_ms += now_ms - begun_ms;
		else if (rig.pollers[i].asked == 1)
			met_ms = now_ms - 1000;
	}
	return met_ms;
}

/* Those that are have their rhythm meanwhile: a poll waits for one question in vain at a time. */
static void assert_start(int64_t poll_takes_ms, int64_t met_most_ms, int64_t longest_most_ms)
{
	int64_t dead_ms = 0;

	assert_in_range(run_line(poll_takes_ms, &dead_ms), 1000, met_most_ms);
	for (size_t i = 0; i < rig.n; i++) {
		assert_true(rig.pollers[i].asked > 1);
		assert_in_range(rig.pollers[i].longest_ms, 0, longest_most_ms);
	}
	/* Twice for all, then a twentieth. */
	assert_in_range(dead_ms, 60000, 75000);
}

/* Whatever the line has left goes into questions. */
static void test_a_start_with_many_dead(void **state)
{
	(void)state;
	assert_start(20, 40000, 2200);
}

/* On a line that has nothing left they get half of it, as long as they are not gone. */
static void test_a_start_on_a_slow_line(void **state)
{
	(void)state;
	assert_start(200, 70000, 5000);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_nobody),
		TEST(test_longest_due),
		TEST(test_alarms_overtake_read_for_read),
		TEST(test_questions_in_vain),
		TEST(test_a_start_with_many_dead),
		TEST(test_a_start_on_a_slow_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
