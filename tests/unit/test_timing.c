/* timing: what is reckoned with of answers that come early, late and in between. */
#include "config.h"

#include "modbus/timing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/util.h"

static void test_nothing_known(void **state)
{
	struct timing timing = { 0 };
	uint32_t base_us, word_us;

	(void)state;
	assert_false(timing_known(&timing));
	assert_false(timing_full(&timing));
	assert_int_equal(timing_median_us(&timing), 0);
	timing_by_length(&timing, &base_us, &word_us);
	assert_int_equal(base_us, 0);
	assert_int_equal(word_us, 0);
	timing_note(&timing, 5, 4800);
	assert_true(timing_known(&timing));
	assert_int_equal(timing_median_us(&timing), 4800);
}

/* A third of the answers is late by a whole second: it is as if they had not been. */
static void test_late_answers(void **state)
{
	struct timing timing = { 0 };

	(void)state;
	for (int i = 0; i < TIMING_SAMPLES; i++) {
		assert_false(timing_full(&timing));
		timing_note(&timing, 100, i % 3 == 2 ? 1600000 : 8000);
	}
	assert_true(timing_full(&timing));
	assert_int_equal(timing_median_us(&timing), 8000);
	/* What stays so is believed. */
	for (int i = 0; i < TIMING_SAMPLES / 2 + 1; i++)
		timing_note(&timing, 100, 32000);
	assert_int_equal(timing_median_us(&timing), 32000);
}

static void test_longer_than_a_tick_counter_goes(void **state)
{
	struct timing timing = { 0 };

	(void)state;
	timing_note(&timing, 1, UINT32_MAX);
	assert_in_range(timing_median_us(&timing), 1000000, 1100000);
}

static void test_growth(void **state)
{
	static const struct {
		uint32_t base_us, word_us;
	} lines[] = { { 320, 0 }, { 20800, 2080 }, { 48000, 176 }, { 0, 1040 } };
	static const unsigned words[] = { 5, 125, 125, 58, 71, 125, 125, 90, 5, 120, 125, 3 };

	(void)state;
	for (size_t l = 0; l < ARRAY_LEN(lines); l++) {
		struct timing timing = { 0 };
		uint32_t base_us, word_us;

		for (size_t i = 0; i < ARRAY_LEN(words); i++)
			timing_note(&timing, words[i],
				lines[l].base_us + words[i] * lines[l].word_us +
					(i % 4 == 3 ? 700000 : 0));
		timing_by_length(&timing, &base_us, &word_us);
		assert_in_range(word_us + 2, lines[l].word_us + 1, lines[l].word_us + 3);
		assert_in_range(base_us + 300, lines[l].base_us, lines[l].base_us + 600);
	}
}

/* Answers of one length tell nothing of how they grow. */
static void test_one_length(void **state)
{
	struct timing timing = { 0 };
	uint32_t base_us, word_us;

	(void)state;
	for (int i = 0; i < 8; i++)
		timing_note(&timing, 100 + (unsigned)i, 9600 + 3200 * (unsigned)i);
	timing_by_length(&timing, &base_us, &word_us);
	assert_int_equal(word_us, 0);
	assert_in_range(base_us, 9600, 9600 + 3200 * 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_known),
		cmocka_unit_test(test_late_answers),
		cmocka_unit_test(test_longer_than_a_tick_counter_goes),
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_one_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
