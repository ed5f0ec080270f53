/*
 * frame: requests as bytes, and answers told apart byte by byte. The frames with
 * a CRC are those of the Modbus documents and of captures, spelled out, so that
 * the CRC here is nobody's but theirs.
 */
#include "config.h"

#include "modbus/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/util.h"

static struct frame_request read_request(enum framing framing, uint8_t unit, unsigned function,
	uint16_t reg, unsigned count)
{
	struct frame_request request = { .framing = framing, .unit = unit, .transaction = 0x1234 };

	assert_true(frame_read(&request, function, reg, count));
	return request;
}

static void test_requests(void **state)
{
	const uint8_t rtu[] = { 0x11, 0x03, 0x00, 0x6b, 0x00, 0x03, 0x76, 0x87 };
	const uint8_t mbap[] = { 0x12, 0x34, 0, 0, 0, 6, 0x11, 0x04, 0x00, 0x6b, 0x00, 0x7d };
	const uint8_t one[] = { 0x11, 0x06, 0x00, 0x01, 0x00, 0x03, 0x9a, 0x9b };
	const uint8_t many[] = { 0x11, 0x10, 0x00, 0x01, 0x00, 0x02, 0x04, 0x00, 0x0a, 0x01, 0x02,
		0xc6, 0xf0 };
	const uint16_t words[] = { 0x000a, 0x0102 };
	const uint16_t value = 3;
	struct frame_request request = read_request(FRAMING_RTU, 0x11, 3, 0x6b, 3);
	uint8_t bytes[FRAME_MAX];

	(void)state;
	assert_int_equal(frame_encode(&request, bytes), sizeof(rtu));
	assert_memory_equal(bytes, rtu, sizeof(rtu));
	request = read_request(FRAMING_MBAP, 0x11, 4, 0x6b, 125);
	assert_int_equal(frame_encode(&request, bytes), sizeof(mbap));
	assert_memory_equal(bytes, mbap, sizeof(mbap));
	assert_int_equal(frame_answer_length(&request), 259);
	request.framing = FRAMING_RTU;
	assert_int_equal(frame_answer_length(&request), 255);
	assert_true(frame_write(&request, 1, 1, &value));
	assert_int_equal(frame_encode(&request, bytes), sizeof(one));
	assert_memory_equal(bytes, one, sizeof(one));
	assert_true(frame_write(&request, 1, 2, words));
	assert_int_equal(frame_encode(&request, bytes), sizeof(many));
	assert_memory_equal(bytes, many, sizeof(many));
	assert_int_equal(frame_answer_length(&request), 8);
}

static void test_bounds(void **state)
{
	struct frame_request request = { .framing = FRAMING_RTU };
	uint16_t words[FRAME_WRITE_MAX + 1] = { 0 };
	uint8_t bytes[FRAME_MAX];

	(void)state;
	assert_false(frame_read(&request, 3, 0, 0));
	assert_false(frame_read(&request, 3, 0, 126));
	assert_false(frame_read(&request, 1, 0, 1));
	assert_false(frame_write(&request, 0, 0, words));
	assert_false(frame_write(&request, 0, FRAME_WRITE_MAX + 1, words));
	assert_true(frame_write(&request, 0, FRAME_WRITE_MAX, words));
	assert_int_equal(frame_encode(&request, bytes), 255);
	request.framing = FRAMING_MBAP;
	assert_int_equal(frame_encode(&request, bytes), 259);
}

struct answer_case {
	const char *name;
	enum framing framing;
	unsigned count; /* of the read; 0: write of register 1, value 3 */
	uint8_t bytes[24];
	size_t n;
	enum frame_verdict verdict;
	bool exception, ours;
};

/* To a read of function 3, register 0x6b, unit 0x11, transaction 0x1234. */
static const struct answer_case answers[] = {
	{ "read", FRAMING_RTU, 3,
		{ 0x11, 3, 6, 0xae, 0x41, 0x56, 0x52, 0x43, 0x40, 0x49, 0xad }, 11, .verdict = FRAME_WHOLE },
	{ "read and noise behind", FRAMING_RTU, 3,
		{ 0x11, 3, 6, 0xae, 0x41, 0x56, 0x52, 0x43, 0x40, 0x49, 0xad, 0xff }, 12,
		.verdict = FRAME_WHOLE },
	{ "a byte short", FRAMING_RTU, 3,
		{ 0x11, 3, 6, 0xae, 0x41, 0x56, 0x52, 0x43, 0x40, 0x49 }, 10, .verdict = FRAME_MORE },
	{ "nothing", FRAMING_RTU, 3, { 0 }, 0, .verdict = FRAME_MORE },
	{ "bad CRC", FRAMING_RTU, 3,
		{ 0x11, 3, 6, 0xae, 0x41, 0x56, 0x53, 0x43, 0x40, 0x49, 0xad }, 11, .verdict = FRAME_GARBLED,
		.ours = true },
	{ "another unit", FRAMING_RTU, 3, { 0x12, 3, 6 }, 3, .verdict = FRAME_FOREIGN },
	{ "another function", FRAMING_RTU, 3, { 0x11, 4, 6 }, 3, .verdict = FRAME_FOREIGN },
	{ "another length", FRAMING_RTU, 3, { 0x11, 3, 8 }, 3, .verdict = FRAME_FOREIGN },
	{ "broadcast", FRAMING_RTU, 3, { 0, 3, 6 }, 3, .verdict = FRAME_FOREIGN },
	{ "exception", FRAMING_RTU, 3, { 0x11, 0x83, 2, 0xc1, 0x34 }, 5, .verdict = FRAME_WHOLE,
		.exception = true },
	{ "exception 0", FRAMING_RTU, 3, { 0x11, 0x83, 0 }, 3, .verdict = FRAME_FOREIGN },
	{ "exception of another function", FRAMING_RTU, 3, { 0x11, 0x84 }, 2, .verdict = FRAME_FOREIGN },
	{ "exception, bad CRC", FRAMING_RTU, 3, { 0x11, 0x83, 2, 0xc1, 0x35 }, 5, .verdict = FRAME_GARBLED,
		.ours = true },
	{ "echo", FRAMING_RTU, 0, { 0x11, 6, 0, 1, 0, 3, 0x9a, 0x9b }, 8, .verdict = FRAME_WHOLE },
	{ "echo with another value", FRAMING_RTU, 0, { 0x11, 6, 0, 1, 0, 2, 0x5b, 0x5b }, 8,
		.verdict = FRAME_FOREIGN },
	{ "echo, bad CRC", FRAMING_RTU, 0, { 0x11, 6, 0, 1, 0, 2, 0x9a, 0x9b }, 8, .verdict = FRAME_GARBLED,
		.ours = true },
	{ "read", FRAMING_MBAP, 1, { 0x12, 0x34, 0, 0, 0, 5, 0x11, 3, 2, 1, 2 }, 11, .verdict = FRAME_WHOLE },
	{ "half a header", FRAMING_MBAP, 1, { 0x12, 0x34, 0, 0, 0 }, 5, .verdict = FRAME_MORE },
	{ "header only", FRAMING_MBAP, 1, { 0x12, 0x34, 0, 0, 0, 5, 0x11 }, 7, .verdict = FRAME_MORE },
	{ "another transaction", FRAMING_MBAP, 1, { 0x12, 0x33 }, 2, .verdict = FRAME_FOREIGN },
	{ "another protocol", FRAMING_MBAP, 1, { 0x12, 0x34, 0, 1 }, 4, .verdict = FRAME_FOREIGN },
	{ "another length", FRAMING_MBAP, 1, { 0x12, 0x34, 0, 0, 0, 7 }, 6, .verdict = FRAME_FOREIGN },
	{ "another unit", FRAMING_MBAP, 1, { 0x12, 0x34, 0, 0, 0, 5, 0x12 }, 7, .verdict = FRAME_FOREIGN },
	{ "another function", FRAMING_MBAP, 1, { 0x12, 0x34, 0, 0, 0, 5, 0x11, 4 }, 8,
		.verdict = FRAME_FOREIGN },
	{ "another count", FRAMING_MBAP, 1, { 0x12, 0x34, 0, 0, 0, 5, 0x11, 3, 4 }, 9,
		.verdict = FRAME_FOREIGN },
	{ "exception", FRAMING_MBAP, 1, { 0x12, 0x34, 0, 0, 0, 3, 0x11, 0x83, 6 }, 9, .verdict = FRAME_WHOLE,
		.exception = true },
	{ "exception that says it is long", FRAMING_MBAP, 1,
		{ 0x12, 0x34, 0, 0, 0, 5, 0x11, 0x83, 6 }, 9, .verdict = FRAME_FOREIGN },
	{ "answer that says it is short", FRAMING_MBAP, 1,
		{ 0x12, 0x34, 0, 0, 0, 3, 0x11, 3, 2 }, 9, .verdict = FRAME_FOREIGN },
};

static struct frame_request request_of(const struct answer_case *c)
{
	const uint16_t value = 3;
	struct frame_request request = read_request(c->framing, 0x11, 3, 0x6b,
		c->count > 0 ? c->count : 1);

	if (c->count == 0)
		assert_true(frame_write(&request, 1, 1, &value));
	return request;
}

static void test_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		const struct answer_case *c = &answers[i];
		const struct frame_request request = request_of(c);
		struct frame_answer answer;
		enum frame_verdict verdict = frame_judge(&request, c->bytes, c->n, &answer);

		if (verdict != c->verdict || answer.exception != c->exception ||
			answer.ours != c->ours)
			fail_msg("%s: %d, exception %d, ours %d", c->name, verdict,
				answer.exception, answer.ours);
	}
}

/* However the bytes are cut, the end is the same, and what is needed is never less than what is there. */
static void test_byte_by_byte(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		const struct answer_case *c = &answers[i];
		const struct frame_request request = request_of(c);
		enum frame_verdict verdict = FRAME_MORE;
		struct frame_answer answer;

		for (size_t n = 0; n <= c->n && verdict == FRAME_MORE; n++) {
			verdict = frame_judge(&request, c->bytes, n, &answer);
			if (verdict == FRAME_MORE)
				assert_in_range(answer.need, n + 1, FRAME_MAX);
		}
		assert_int_equal(verdict, c->verdict);
	}
}

static void test_words(void **state)
{
	const struct frame_request request = request_of(&answers[0]);
	struct frame_answer answer;

	(void)state;
	frame_judge(&request, answers[0].bytes, 11, &answer);
	assert_int_equal(answer.length, 11);
	assert_int_equal(frame_word(&answer, 0), 0xae41);
	assert_int_equal(frame_word(&answer, 2), 0x4340);
}

static void test_is_rtu(void **state)
{
	uint8_t bytes[300] = { 0 };

	(void)state;
	assert_true(frame_is_rtu(answers[0].bytes, 11));
	assert_false(frame_is_rtu(answers[0].bytes, 10));
	assert_false(frame_is_rtu(bytes, 4));
	assert_false(frame_is_rtu(bytes, sizeof(bytes)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_byte_by_byte),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_is_rtu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
