/* The damper: what goes on happening is told ever more rarely. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alarm/damper.h"

/* How often it is told when it happens each second, from one moment to another. */
static unsigned told_between(struct damper *damper, int64_t from_ms, int64_t to_ms)
{
	unsigned n = 0;

	for (int64_t now_ms = from_ms; now_ms < to_ms; now_ms += 1000) {
		if (!damper_is_open(damper, now_ms))
			continue;
		damper_told(damper, now_ms);
		n++;
	}
	return n;
}

static void the_first_is_told_at_once(void **state)
{
	struct damper damper = { 0 };

	(void)state;
	assert_true(damper_is_open(&damper, 0));
	damper_told(&damper, 0);
	assert_false(damper_is_open(&damper, DAMPER_FIRST_S * 1000 - 1));
	assert_true(damper_is_open(&damper, DAMPER_FIRST_S * 1000));
}

static void what_goes_on_is_told_rarely(void **state)
{
	const int64_t hour = 3600000;
	struct damper damper = { 0 };

	(void)state;
	assert_int_equal(told_between(&damper, 5000, 5000 + hour), 9);
	assert_in_range(told_between(&damper, 5000 + hour, 5000 + 25 * hour), 24, 26);
}

static void what_rested_is_told_at_once(void **state)
{
	struct damper damper = { 0 };

	(void)state;
	for (int64_t now_ms = 0; now_ms < 10000000; now_ms += 600000) {
		assert_true(damper_is_open(&damper, now_ms));
		damper_told(&damper, now_ms);
	}
	assert_int_equal(damper.hold_s, DAMPER_FIRST_S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_is_told_at_once),
		cmocka_unit_test(what_goes_on_is_told_rarely),
		cmocka_unit_test(what_rested_is_told_at_once),
	};

	return cmocka_run_group_tests_name("damper", tests, NULL, NULL);
}
