/* owed: which answers are feared, and until when. */
#include "config.h"

#include "modbus/owed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NOW  INT64_C(1000000)
#define LATE (NOW + 60000000)

static struct frame_request reading(uint8_t unit, unsigned function, unsigned count)
{
	struct frame_request request = { .framing = FRAMING_RTU, .unit = unit };

	assert_true(frame_read(&request, function, 100, count));
	return request;
}

static struct frame_request writing(uint8_t unit, unsigned count)
{
	static const uint16_t words[2];
	struct frame_request request = { .framing = FRAMING_RTU, .unit = unit };

	assert_true(frame_write(&request, 100, count, words));
	return request;
}

static void test_shapes(void **state)
{
	const struct frame_request noted = reading(7, FRAME_READ_HOLDING, 10);
	const struct {
		struct frame_request request;
		bool alike, exception;
	} cases[] = {
		{ reading(7, FRAME_READ_HOLDING, 10), true, false },
		{ reading(7, FRAME_READ_HOLDING, 1), false, true },
		{ reading(7, FRAME_READ_INPUT, 10), false, false },
		{ reading(8, FRAME_READ_HOLDING, 10), false, false },
		{ writing(7, 1), false, false },
	};
	struct owed *owed = owed_new();

	(void)state;
	assert_false(owed_alike(owed, &noted, NOW));
	owed_note(owed, &noted, NOW);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(owed_alike(owed, &cases[i].request, NOW), cases[i].alike);
		assert_int_equal(owed_exception(owed, &cases[i].request, NOW), cases[i].exception);
		assert_false(owed_alike(owed, &cases[i].request, LATE));
		assert_false(owed_exception(owed, &cases[i].request, LATE));
	}
	owed_free(owed);
}

/* Writes of one function look alike, whatever they write. */
static void test_writes(void **state)
{
	const struct frame_request one = writing(7, 1), two = writing(7, 2);
	struct owed *owed = owed_new();

	(void)state;
	owed_note(owed, &one, NOW);
	assert_true(owed_alike(owed, &one, NOW));
	assert_false(owed_alike(owed, &two, NOW));
	owed_forget(owed, 8);
	assert_true(owed_alike(owed, &one, NOW));
	owed_forget(owed, 7);
	assert_false(owed_alike(owed, &one, NOW));
	owed_free(owed);
}

/* However many: none is dropped for another. */
static void test_many(void **state)
{
	struct owed *owed = owed_new();

	(void)state;
	for (int round = 0; round < 2; round++)
		for (unsigned unit = 1; unit <= 247; unit++)
			for (unsigned count = 1; count <= 5; count++) {
				struct frame_request request =
					reading((uint8_t)unit, FRAME_READ_HOLDING, count);

				owed_note(owed, &request, NOW + round * LATE);
			}
	for (unsigned unit = 1; unit <= 247; unit++)
		for (unsigned count = 1; count <= 6; count++) {
			struct frame_request request =
				reading((uint8_t)unit, FRAME_READ_HOLDING, count);

			assert_int_equal(owed_alike(owed, &request, NOW + LATE), count <= 5);
		}
	owed_free(owed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_writes),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
