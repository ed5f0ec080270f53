/* Energy tracks: what is a rise, a reset or a rollover, and that the counter never lies. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "core/util.h"
#include "store/energy.h"

#define KWH    UINT64_C(1000)
#define RANGE  (UINT64_C(4294967296) * KWH) /* 32 bits of kWh */
#define DECI   (RANGE / 10)                 /* 32 bits of 0.1 kWh */
#define STEPS  6
#define AGAIN  UINT64_MAX /* energy_restart() before the next reading */

struct step {
	uint64_t meter_wh;
	enum energy_event event;
	uint64_t counter_wh;
};

static const struct {
	const char *what;
	uint64_t rollover_wh;
	struct step steps[STEPS];
	size_t n;
} cases[] = {
	{ "rise", RANGE, { { 5, ENERGY_FIRST, 5 }, { 7, ENERGY_NONE, 7 } }, 2 },
	{ "zero", RANGE, { { 0, ENERGY_FIRST, 0 }, { 0, ENERGY_NONE, 0 }, { 1, ENERGY_NONE, 1 } }, 3 },
	{ "same", RANGE, { { 9, ENERGY_FIRST, 9 }, { 9, ENERGY_NONE, 9 } }, 2 },
	{ "reset to 0", RANGE, { { 90, ENERGY_FIRST, 90 }, { 0, ENERGY_RESET, 0 },
				       { 0, ENERGY_NONE, 0 } }, 3 },
	{ "reset to a small value", RANGE,
		{ { 5000 * KWH, ENERGY_FIRST, 5000 * KWH }, { 3, ENERGY_RESET, 3 },
			{ 4, ENERGY_NONE, 4 } }, 3 },
	{ "rollover", RANGE,
		{ { RANGE - 2 * KWH, ENERGY_FIRST, RANGE - 2 * KWH },
			{ 3 * KWH, ENERGY_ROLLOVER, RANGE + 3 * KWH },
			{ 4 * KWH, ENERGY_NONE, RANGE + 4 * KWH } }, 3 },
	{ "rollover of a scaled register", DECI,
		{ { DECI - 100, ENERGY_FIRST, DECI - 100 }, { 0, ENERGY_ROLLOVER, DECI } }, 2 },
	{ "from the last value to the first", RANGE,
		{ { RANGE - KWH, ENERGY_FIRST, RANGE - KWH }, { 0, ENERGY_ROLLOVER, RANGE } }, 2 },
	{ "edge of the last tenth", RANGE,
		{ { RANGE - RANGE / 10, ENERGY_FIRST, RANGE - RANGE / 10 },
			{ RANGE / 10 - 1, ENERGY_ROLLOVER, RANGE + RANGE / 10 - 1 } }, 2 },
	{ "before the last tenth", RANGE,
		{ { RANGE - RANGE / 10 - 1, ENERGY_FIRST, RANGE - RANGE / 10 - 1 },
			{ 0, ENERGY_RESET, 0 } }, 2 },
	{ "beyond the first tenth", RANGE,
		{ { RANGE - KWH, ENERGY_FIRST, RANGE - KWH },
			{ RANGE / 10, ENERGY_RESET, RANGE / 10 } }, 2 },
	{ "two rollovers", RANGE,
		{ { RANGE - KWH, ENERGY_FIRST, RANGE - KWH }, { KWH, ENERGY_ROLLOVER, RANGE + KWH },
			{ RANGE - KWH, ENERGY_NONE, 2 * RANGE - KWH },
			{ 0, ENERGY_ROLLOVER, 2 * RANGE } }, 4 },
	{ "reset forgets what rollovers carried", RANGE,
		{ { RANGE - KWH, ENERGY_FIRST, RANGE - KWH }, { KWH, ENERGY_ROLLOVER, RANGE + KWH },
			{ 0, ENERGY_RESET, 0 }, { 5, ENERGY_NONE, 5 } }, 4 },
	{ "jump back in the middle of the range", RANGE,
		{ { RANGE / 2, ENERGY_FIRST, RANGE / 2 }, { RANGE / 4, ENERGY_RESET, RANGE / 4 } }, 2 },
	{ "scale register ten times too small for one poll", RANGE,
		{ { 1000, ENERGY_FIRST, 1000 }, { 100, ENERGY_RESET, 100 }, { 1001, ENERGY_NONE, 1001 } }, 3 },
	{ "scale register ten times too big for one poll", RANGE,
		{ { 1000, ENERGY_FIRST, 1000 }, { 10000, ENERGY_NONE, 10000 },
			{ 1001, ENERGY_RESET, 1001 } }, 3 },
	{ "reading beyond the range is no rollover", RANGE,
		{ { RANGE + KWH, ENERGY_FIRST, RANGE + KWH }, { 0, ENERGY_RESET, 0 } }, 2 },
	{ "a register that never rolls over", 0,
		{ { RANGE - 1, ENERGY_FIRST, RANGE - 1 }, { 0, ENERGY_RESET, 0 } }, 2 },
	{ "another meter, higher", RANGE,
		{ { 100, ENERGY_FIRST, 100 }, { AGAIN, ENERGY_NONE, 0 }, { 500, ENERGY_FIRST, 500 } }, 3 },
	{ "another meter, lower, after a rollover", RANGE,
		{ { RANGE - KWH, ENERGY_FIRST, RANGE - KWH }, { KWH, ENERGY_ROLLOVER, RANGE + KWH },
			{ AGAIN, ENERGY_NONE, 0 }, { 7, ENERGY_FIRST, 7 } }, 4 },
};

static bool breaks(enum energy_event event)
{
	return event == ENERGY_FIRST || event == ENERGY_RESET;
}

/* The clock stands still, so that two breaks fall into one millisecond. */
static void each_reading_is_judged(void **state)
{
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct energy_track track = { 0 };

		for (size_t n = 0; n < cases[i].n; n++) {
			const struct step *step = &cases[i].steps[n];
			int64_t before = track.discontinuity_wall_ms;
			enum energy_event event;
			uint64_t counter;

			if (step->meter_wh == AGAIN) {
				energy_restart(&track);
				continue;
			}
			event = energy_update(&track, step->meter_wh, cases[i].rollover_wh, 1000,
				&counter);
			if (event != step->event || counter != step->counter_wh)
				fail_msg("%s: step %zu: event %d, counter %llu", cases[i].what, n,
					(int)event, (unsigned long long)counter);
			if (breaks(event))
				assert_true(track.discontinuity_wall_ms >= before + 100);
			else
				assert_true(track.discontinuity_wall_ms == before);
		}
	}
}

static void first_reading_carries_the_time_of_it(void **state)
{
	struct energy_track track = { 0 };
	uint64_t counter;
	(void)state;

	energy_update(&track, 5, 0, 1700000000000, &counter);
	assert_int_equal(track.discontinuity_wall_ms, 1700000000000);
	energy_update(&track, 1, 0, 1700000005000, &counter);
	assert_int_equal(track.discontinuity_wall_ms, 1700000005000);
}

static uint64_t next_meter(uint64_t meter, uint64_t range)
{
	switch (rand() % 8) {
	case 0:
		return 0;
	case 1:
		return range - 1 - (uint64_t)(rand() % 1000);
	case 2:
		return ((uint64_t)rand() << 20 | (uint64_t)rand()) % (2 * range);
	case 3:
		return meter / 10;
	default:
		return (meter + (uint64_t)(rand() % 100000)) % range;
	}
}

/* Whatever the meter and the clock do: no fall without a later discontinuity time. */
static void counter_never_falls_unsaid(void **state)
{
	unsigned seed = (unsigned)time(NULL);
	struct energy_track track = { 0 };
	uint64_t meter = 0, counter = 0;
	int64_t wall = 1000000;
	(void)state;

	print_message("seed %u\n", seed);
	srand(seed);
	for (int i = 0; i < 200000; i++) {
		uint64_t before = counter;
		int64_t discontinuity = track.discontinuity_wall_ms;

		meter = next_meter(meter, RANGE);
		wall += rand() % 3 - 1;
		if (rand() % 100 == 0)
			energy_restart(&track);
		energy_update(&track, meter, RANGE, wall, &counter);
		assert_true(track.discontinuity_wall_ms >= discontinuity);
		if (counter < before)
			assert_true(track.discontinuity_wall_ms >= discontinuity + 100);
		assert_true(counter >= meter);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_reading_is_judged),
		cmocka_unit_test(first_reading_carries_the_time_of_it),
		cmocka_unit_test(counter_never_falls_unsaid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
