/* Registers to numbers and back: all types, word orders, limits, markers and scales. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/text.h"
#include "core/util.h"
#include "modbus/codec.h"

static const struct profile bcpm_like = { .no_value_i16 = INT16_MIN };
static const struct profile no_marker = { .no_value_i16 = INT32_MAX };

static const uint16_t words_of[] = {
	[TYPE_U16] = 1,
	[TYPE_I16] = 1,
	[TYPE_U32] = 2,
	[TYPE_I32] = 2,
	[TYPE_F32] = 2,
	[TYPE_U64] = 4,
	[TYPE_I64] = 4,
	[TYPE_BITS] = 1,
	[TYPE_ASCII] = 64,
};

static struct point plain(enum word_type type, enum quantity quantity)
{
	return (struct point){ .quantity = quantity, .type = type, .words = words_of[type] };
}

/* Words as the reference prints them: most significant first. */
static void put(uint64_t raw, unsigned n, enum word_order order, uint16_t *words)
{
	for (unsigned i = 0; i < n; i++) {
		unsigned shift = 16 * (order == ORDER_BIG ? n - 1 - i : i);

		words[i] = (uint16_t)(raw >> shift);
	}
}

/* Q_SERIAL is wide and without unit: the number comes out as it stands in the registers. */
static void every_integer_type_in_both_word_orders(void **state)
{
	static const struct {
		enum word_type type;
		uint64_t raw;
		bool present;
		int64_t value;
	} cases[] = {
		{ TYPE_U16, 0, true, 0 },
		{ TYPE_U16, 0xffff, true, 65535 },
		{ TYPE_I16, 0xffff, true, -1 },
		{ TYPE_I16, 0x7fff, true, 32767 },
		{ TYPE_I16, 0x8001, true, -32767 },
		{ TYPE_U32, 0, true, 0 },
		{ TYPE_U32, 0x12345678, true, 0x12345678 },
		{ TYPE_U32, 0xffffffff, true, 4294967295 },
		{ TYPE_U32, 0x80000000, true, 2147483648 },
		{ TYPE_I32, 0xffffffff, true, -1 },
		{ TYPE_I32, 0x80000000, true, -2147483648 },
		{ TYPE_I32, 0x7fffffff, true, 2147483647 },
		{ TYPE_U64, 0x123456789abcdef0, true, 0x123456789abcdef0 },
		{ TYPE_U64, INT64_MAX, true, INT64_MAX },
		{ TYPE_U64, 0x8000000000000000, false, 0 },
		{ TYPE_U64, UINT64_MAX, false, 0 },
		{ TYPE_I64, UINT64_MAX, true, -1 },
		{ TYPE_I64, INT64_MAX, true, INT64_MAX },
		{ TYPE_I64, 0x8000000000000001, true, -INT64_MAX },
		{ TYPE_I64, 0x8000000000000000, false, 0 }, /* what the store means by "none" */
		{ TYPE_BITS, 0x8000, true, 0x8000 },
		{ TYPE_BITS, 0x0311, true, 0x0311 },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		for (int order = ORDER_BIG; order <= ORDER_LITTLE; order++) {
			struct point point = plain(cases[i].type, Q_SERIAL);
			uint16_t words[4];
			int64_t value = 4711;

			point.order = (enum word_order)order;
			put(cases[i].raw, point.words, point.order, words);
			assert_int_equal(codec_decode(&no_marker, &point, words, 0, &value),
				cases[i].present);
			assert_int_equal(value, cases[i].present ? cases[i].value : 4711);
		}
	}
}

static void narrow_quantities_that_do_not_fit_are_absent(void **state)
{
	static const struct {
		uint64_t raw;
		bool present;
	} cases[] = {
		{ 0x7fffffff, true },
		{ 0x80000001, true },
		{ 0x80000000, false },
	};
	struct point point = plain(TYPE_I32, Q_POWER_UPS), amperes = plain(TYPE_U32, Q_CURRENT);
	uint16_t words[2];
	int64_t value;
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		put(cases[i].raw, 2, ORDER_BIG, words);
		assert_int_equal(
			codec_decode(&no_marker, &point, words, 0, &value), cases[i].present);
	}
	put(2147483, 2, ORDER_BIG, words);
	assert_true(codec_decode(&no_marker, &amperes, words, 0, &value));
	assert_int_equal(value, 2147483000);
	put(2147484, 2, ORDER_BIG, words);
	assert_false(codec_decode(&no_marker, &amperes, words, 0, &value));
}

/* The markers that the reference gives, and what only looks like them. */
static void markers_are_absent_and_zero_is_a_value(void **state)
{
	static const struct {
		enum word_type type;
		uint64_t raw;
		bool marked; /* the point has no-value = 0x80000000 */
		bool present;
	} cases[] = {
		{ TYPE_I16, 0x8000, false, false }, { TYPE_U16, 0x8000, false, false },
		{ TYPE_I16, 0x0000, false, true },
		{ TYPE_BITS, 0x8000, false, true }, /* health of a model A: bit 15 */
		{ TYPE_U32, 0x80000000, false, true }, { TYPE_U32, 0x80000000, true, false },
		{ TYPE_U32, 0x00008000, true, true }, { TYPE_U32, 0x00000000, true, true },
		{ TYPE_F32, 0x7fc00000, false, false }, { TYPE_F32, 0x00000000, false, true },
		{ TYPE_F32, 0x80000000, false, true }, /* minus zero is zero */
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct point point = plain(cases[i].type, Q_SERIAL);
		uint16_t words[4];
		int64_t value = 0;

		point.has_no_value = cases[i].marked;
		point.no_value = 0x80000000;
		put(cases[i].raw, point.words, ORDER_BIG, words);
		assert_int_equal(
			codec_decode(&bcpm_like, &point, words, 0, &value), cases[i].present);
		if (cases[i].raw == 0)
			assert_int_equal(value, 0);
	}
	{
		struct point point = plain(TYPE_I16, Q_CURRENT);
		int64_t value;

		assert_true(codec_decode(&no_marker, &point, (uint16_t[]){ 0x8000 }, -3, &value));
		assert_int_equal(value, -32768000);
	}
}

static void scales_shift_exactly_and_never_overflow(void **state)
{
	static const struct {
		enum quantity quantity;
		int8_t exponent;
		int16_t scale;
		uint16_t raw;
		bool present;
		int64_t value;
	} cases[] = {
		{ Q_CURRENT, 0, -2, 24, true, 240 }, /* the captured channel 2: 0.24 A */
		{ Q_CURRENT, 0, -2, 0, true, 0 },
		{ Q_CURRENT, 0, 0, 7, true, 7000 },
		{ Q_CURRENT, 0, -3, 0xffff, true, -1 },
		{ Q_CURRENT, 0, -4, 5, true, 1 }, /* half away from zero */
		{ Q_CURRENT, 0, -4, 4, true, 0 },
		{ Q_CURRENT, 0, -4, 0xfffb, true, -1 },
		{ Q_CURRENT, 0, -4, 0xfffc, true, 0 },
		{ Q_CURRENT, 0, -18, 32767, true, 0 },
		{ Q_CURRENT, 0, 1, 32767, true, 327670000 },
		{ Q_CURRENT, 0, 2, 32767, false, 0 }, /* 3.2 million A: more than 32 bits of mA */
		{ Q_CURRENT, 0, 18, 1, false, 0 },
		{ Q_CURRENT, 0, 18, 0, true, 0 },
		{ Q_CURRENT, 0, 19, 0, false, 0 }, /* an exponent beyond reason: not even zero */
		{ Q_CURRENT, 0, -19, 0, false, 0 },
		{ Q_CURRENT, 0, INT16_MAX, 1, false, 0 },
		{ Q_CURRENT, 0, INT16_MAX, 0, false, 0 },
		{ Q_CURRENT, 0, INT16_MIN, 1, false,
			0 }, /* the scale itself says "not available" */
		{ Q_CURRENT, 0, INT16_MIN, 0, false, 0 },
		{ Q_ENERGY, 0, 12, 9223, true, 9223000000000000000 },
		{ Q_ENERGY, 0, 12, 9224, false, 0 },
		{ Q_ENERGY, 9, 18, 1, false, 0 },
		{ Q_VOLTAGE, 0, -1, 2301, true, 230100 },
		{ Q_POWER_FACTOR, -3, 0, 987, true, 987 },
		{ Q_POWER_FACTOR, -3, 0, 0xfc18, true, -1000 },
		{ Q_FREQUENCY, -2, 0, 4998, true, 49980 },
		{ Q_HYSTERESIS, -1, 0, 50, true, 50 },
		{ Q_THRESHOLD, 0, 0, 700, true, 700 },
		{ Q_THRESHOLD, 3, -1, 2400, true, 240000 },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct point point = plain(TYPE_I16, cases[i].quantity);
		int64_t value = 4711;

		point.exponent = cases[i].exponent;
		point.scaled = true;
		assert_int_equal(
			codec_decode(&bcpm_like, &point, &cases[i].raw, cases[i].scale, &value),
			cases[i].present);
		assert_int_equal(value, cases[i].present ? cases[i].value : 4711);
	}
}

static void unscaled_points_ignore_the_scale(void **state)
{
	struct point point = plain(TYPE_I16, Q_CURRENT);
	int64_t value;
	(void)state;

	assert_true(codec_decode(&bcpm_like, &point, (uint16_t[]){ 3 }, INT16_MIN, &value));
	assert_int_equal(value, 3000);
}

static void floats(void **state)
{
	static const struct {
		enum quantity quantity;
		uint32_t raw;
		bool present;
		int64_t value;
	} cases[] = {
		{ Q_CURRENT, 0x40490fd0, true, 3142 }, /* the manual's 3.14159 */
		{ Q_CURRENT, 0x3e75c28f, true, 240 },  /* 0.24 */
		{ Q_CURRENT, 0xbe75c28f, true, -240 },
		{ Q_CURRENT, 0x3a03126f, true, 1 },	     /* 0.0005 rounds away from zero */
		{ Q_CURRENT, 0x00000001, true, 0 },	     /* the smallest denormal */
		{ Q_CURRENT, 0x4a0311f5, true, 2147453250 }, /* 2147453.25 */
		{ Q_CURRENT, 0x4a0bebc2, false, 0 },	     /* 2292464.5 A */
		{ Q_CURRENT, 0x7f7fffff, false, 0 },	     /* FLT_MAX */
		{ Q_CURRENT, 0xff7fffff, false, 0 },
		{ Q_CURRENT, 0x7f800000, false, 0 }, /* inf */
		{ Q_CURRENT, 0xff800000, false, 0 },
		{ Q_CURRENT, 0x7fc00000, false, 0 }, /* quiet NaN */
		{ Q_CURRENT, 0x7f800001, false, 0 }, /* signalling NaN */
		{ Q_CURRENT, 0xffffffff, false, 0 },
		{ Q_ENERGY, 0x4b000000, true, 8388608000 }, /* 2^23 kWh */
		{ Q_ENERGY, 0x5a000000, true, 9007199254740992000 },
		{ Q_ENERGY, 0x5a800000, false, 0 }, /* 1.8e19 Wh */
		{ Q_POWER_FACTOR, 0x3f800000, true, 1000 },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		for (int order = ORDER_BIG; order <= ORDER_LITTLE; order++) {
			struct point point = plain(TYPE_F32, cases[i].quantity);
			uint16_t words[2];
			int64_t value = 4711;

			point.order = (enum word_order)order;
			put(cases[i].raw, 2, point.order, words);
			assert_int_equal(codec_decode(&bcpm_like, &point, words, 0, &value),
				cases[i].present);
			assert_int_equal(value, cases[i].present ? cases[i].value : 4711);
		}
	}
}

static void text_is_no_number(void **state)
{
	struct point point = plain(TYPE_ASCII, Q_LOCATION);
	uint16_t words[64] = { 0 };
	int64_t value;
	(void)state;

	assert_false(codec_decode(&bcpm_like, &point, words, 0, &value));
	assert_int_equal(codec_encode(&bcpm_like, &point, 1, 0, words), -ENOTSUP);
}

static void encoding(void **state)
{
	static const struct {
		enum word_type type;
		enum quantity quantity;
		int8_t exponent;
		bool scaled;
		int16_t scale;
		int32_t min, max; /* of the point, when not both 0 */
		int64_t value;
		int rc;
		uint64_t raw;
	} cases[] = {
		{ TYPE_U16, Q_RATING, 0, false, 0, 0, 32767, 20000, 0, 20 },
		{ TYPE_U16, Q_RATING, 0, false, 0, 0, 32767, 20001, -EDOM, 0 },
		{ TYPE_U16, Q_RATING, 0, false, 0, 0, 32767, 499, -EDOM, 0 },
		{ TYPE_U16, Q_RATING, 0, false, 0, 0, 32767, 0, 0, 0 },
		{ TYPE_U16, Q_RATING, 0, false, 0, 0, 32767, -1000, -ERANGE, 0 },
		{ TYPE_U16, Q_RATING, 0, false, 0, 0, 32767, 32767000, 0, 32767 },
		{ TYPE_U16, Q_RATING, 0, false, 0, 0, 32767, 32768000, -ERANGE, 0 },
		{ TYPE_U16, Q_RATING, 0, false, 0, 0, 0, 32768000, -ERANGE, 0 }, /* the marker */
		{ TYPE_U16, Q_RATING, 0, false, 0, 0, 0, 65535000, 0, 65535 },
		{ TYPE_U16, Q_RATING, 0, false, 0, 0, 0, 65536000, -ERANGE, 0 },
		{ TYPE_U16, Q_THRESHOLD, 0, false, 0, 0, 1000, 1000, 0, 1000 },
		{ TYPE_U16, Q_THRESHOLD, 0, false, 0, 0, 1000, 1001, -ERANGE, 0 },
		{ TYPE_U16, Q_THRESHOLD, 3, true, -1, 0, 32767, 253000, 0, 2530 },
		{ TYPE_U16, Q_THRESHOLD, 3, true, -1, 0, 32767, 253050, -EDOM, 0 },
		{ TYPE_U16, Q_THRESHOLD, 3, true, 19, 0, 32767, 0, -EDOM, 0 },
		{ TYPE_U16, Q_THRESHOLD, 3, true, INT16_MIN, 0, 32767, 1, -EDOM, 0 },
		{ TYPE_U16, Q_THRESHOLD, 3, true, -18, 0, 32767, 1000000, -ERANGE, 0 },
		{ TYPE_U16, Q_HYSTERESIS, -1, false, 0, 0, 1000, 50, 0, 50 },
		{ TYPE_I16, Q_CURRENT, 0, true, -3, 0, 0, -32767, 0, 0x8001 },
		{ TYPE_I16, Q_CURRENT, 0, true, -3, 0, 0, -32768, -ERANGE, 0 },
		{ TYPE_I16, Q_CURRENT, 0, true, -3, 0, 0, -32769, -ERANGE, 0 },
		{ TYPE_U32, Q_SERIAL, 0, false, 0, 0, 0, 0x12345678, 0, 0x12345678 },
		{ TYPE_U32, Q_SERIAL, 0, false, 0, 0, 0, 4294967296, -ERANGE, 0 },
		/* the register could hold it, but it would read as no value */
		{ TYPE_U32, Q_THRESHOLD, 0, false, 0, 0, 0, INT32_MAX, 0, INT32_MAX },
		{ TYPE_U32, Q_THRESHOLD, 0, false, 0, 0, 0, 2147483648, -ERANGE, 0 },
		{ TYPE_I32, Q_SERIAL, 0, false, 0, 0, 0, -2, 0, 0xfffffffe },
		{ TYPE_U64, Q_SERIAL, 0, false, 0, 0, 0, INT64_MAX, 0, INT64_MAX },
		{ TYPE_U64, Q_SERIAL, 0, false, 0, 0, 0, -1, -ERANGE, 0 },
		{ TYPE_I64, Q_SERIAL, 0, false, 0, 0, 0, -1, 0, UINT64_MAX },
		{ TYPE_BITS, Q_ALARM_STATUS, 0, false, 0, 0, 0, 0xfffe, 0, 0xfffe },
		{ TYPE_BITS, Q_ALARM_STATUS, 0, false, 0, 0, 0, 0x8000, 0, 0x8000 },
		{ TYPE_BITS, Q_ALARM_STATUS, 0, false, 0, 0, 0, 0x10000, -ERANGE, 0 },
		{ TYPE_F32, Q_CURRENT, 0, false, 0, 0, 0, 1, -ENOTSUP, 0 },
		{ TYPE_I16, Q_CURRENT, 9, false, 0, 0, 0, INT64_MAX, -EDOM, 0 },
		{ TYPE_I64, Q_SERIAL, -9, true, -18, 0, 0, INT64_MAX, -ERANGE, 0 },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		for (int order = ORDER_BIG; order <= ORDER_LITTLE; order++) {
			struct point point = plain(cases[i].type, cases[i].quantity);
			uint16_t words[4] = { 0 }, expected[4] = { 0 };
			int64_t back;

			point.order = (enum word_order)order;
			point.exponent = cases[i].exponent;
			point.scaled = cases[i].scaled;
			point.has_range = cases[i].max != 0;
			point.min = cases[i].min;
			point.max = cases[i].max;
			assert_int_equal(codec_encode(&bcpm_like, &point, cases[i].value,
						 cases[i].scale, words),
				cases[i].rc);
			if (cases[i].rc != 0)
				continue;
			put(cases[i].raw, point.words, point.order, expected);
			assert_memory_equal(words, expected, sizeof(words));
			assert_true(codec_decode(&bcpm_like, &point, words, cases[i].scale, &back));
			assert_int_equal(back, cases[i].value);
		}
	}
}

static void texts(void **state)
{
	static const struct {
		enum word_order order;
		uint16_t words[4];
		const char *text;
	} cases[] = {
		{ ORDER_BIG, { 0x5044, 0x5523, 0x3300, 0 }, "PDU#3" },
		{ ORDER_LITTLE, { 0x4450, 0x2355, 0x0033, 0 }, "PDU#3" },
		{ ORDER_BIG, { 0x4142, 0x2020, 0x2020, 0 }, "AB" }, /* trailing blanks */
		{ ORDER_BIG, { 0x2020, 0x2020, 0x2020, 0x2020 }, "" },
		{ ORDER_BIG, { 0, 0x4142, 0, 0 }, "" },
		{ ORDER_BIG, { 0xffff, 0xffff, 0xffff, 0xffff }, "" },	   /* never written */
		{ ORDER_BIG, { 0x410a, 0x1b42, 0x7f43, 0x9b44 }, "ABCD" }, /* control characters */
		{ ORDER_BIG, { 0xc4e4, 0xb041, 0, 0 },
			"\xc3\x84\xc3\xa4\xc2\xb0"
			"A" },
		{ ORDER_BIG, { 0xe4e4, 0xe4e4, 0xe4e4, 0xe4e4 },
			"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4" },
	};
	struct point point = { .type = TYPE_ASCII, .words = 4 };
	char text[17];
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		memset(text, 'x', sizeof(text));
		point.order = cases[i].order;
		codec_text(&point, cases[i].words, text, sizeof(text));
		assert_string_equal(text, cases[i].text);
	}
}

/* Whatever a meter sends, in every size of buffer: UTF-8 without control characters. */
static void texts_of_hostile_bytes(void **state)
{
	struct point point = { .type = TYPE_ASCII, .words = 4 };
	char text[18];
	(void)state;

	for (unsigned i = 0; i < 65536; i++) {
		const uint16_t words[4] = { (uint16_t)i, (uint16_t)(i * 40503u), 0xc3e2,
			(uint16_t)~i };
		size_t size = 1 + i % (sizeof(text) - 1);

		memset(text, 'x', sizeof(text));
		point.order = i / 17 % 2 ? ORDER_BIG : ORDER_LITTLE;
		codec_text(&point, words, text, size);
		assert_true(strlen(text) < size);
		assert_null(text_fault(text));
		assert_int_equal(text[size], 'x');
	}
}

static void inputs_are_open_or_closed(void **state)
{
	static const struct {
		enum word_type type;
		uint16_t word;
		unsigned element;
		int64_t value; /* 0: absent */
	} cases[] = {
		{ TYPE_U16, 0, 0, INPUT_OPEN },
		{ TYPE_U16, 1, 0, INPUT_CLOSED },
		{ TYPE_U16, 0xffff, 3, INPUT_CLOSED },
		{ TYPE_U16, 0x8000, 0, 0 },
		{ TYPE_BITS, 0x8001, 0, INPUT_CLOSED },
		{ TYPE_BITS, 0x8001, 1, INPUT_OPEN },
		{ TYPE_BITS, 0x8001, 15, INPUT_CLOSED },
		{ TYPE_BITS, 0x7ffe, 15, INPUT_OPEN },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct point point = plain(cases[i].type, Q_INPUT_STATE);
		int64_t value = 0;

		assert_int_equal(codec_decode_input(&bcpm_like, &point, cases[i].element,
					 &cases[i].word, &value),
			cases[i].value != 0);
		assert_int_equal(value, cases[i].value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_integer_type_in_both_word_orders),
		cmocka_unit_test(narrow_quantities_that_do_not_fit_are_absent),
		cmocka_unit_test(markers_are_absent_and_zero_is_a_value),
		cmocka_unit_test(scales_shift_exactly_and_never_overflow),
		cmocka_unit_test(unscaled_points_ignore_the_scale),
		cmocka_unit_test(floats),
		cmocka_unit_test(text_is_no_number),
		cmocka_unit_test(encoding),
		cmocka_unit_test(texts),
		cmocka_unit_test(texts_of_hostile_bytes),
		cmocka_unit_test(inputs_are_open_or_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
