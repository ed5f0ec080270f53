/*
 * codec: see codec.h. Integers are scaled by exact decimal arithmetic; only
 * values that are floats in the meter see floating point.
 */
#include "config.h"

#include "modbus/codec.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define TENS_MAX 19
/* No register of any meter needs more; the BCPM's "not available" is -32768. */
#define SCALE_LIMIT 18

static const uint64_t tens[TENS_MAX + 1] = {
	1u,
	10u,
	100u,
	1000u,
	10000u,
	100000u,
	1000000u,
	10000000u,
	100000000u,
	1000000000u,
	10000000000u,
	100000000000u,
	1000000000000u,
	10000000000000u,
	100000000000000u,
	1000000000000000u,
	10000000000000000u,
	100000000000000000u,
	1000000000000000000u,
	10000000000000000000u,
};

/* *value times 10^exponent, rounded half away from zero. False when it does not fit. */
static bool shift_decimal(int64_t *value, int exponent)
{
	uint64_t magnitude = *value < 0 ? -(uint64_t)*value : (uint64_t)*value;
	uint64_t unit, rest;

	if (*value == 0 || exponent < -TENS_MAX) {
		*value = 0; /* 10^-20 of anything in 64 bits rounds to 0 */
		return true;
	}
	if (exponent > TENS_MAX)
		return false;
	if (exponent >= 0) {
		if (__builtin_mul_overflow(magnitude, tens[exponent], &magnitude))
			return false;
	} else {
		unit = tens[-exponent];
		rest = magnitude % unit;
		magnitude = magnitude / unit + (rest >= unit - rest);
	}
	if (magnitude > INT64_MAX)
		return false;
	*value = *value < 0 ? -(int64_t)magnitude : (int64_t)magnitude;
	return true;
}

static uint64_t join_words(const struct point *point, const uint16_t *words)
{
	uint64_t raw = 0;

	for (unsigned i = 0; i < point->words; i++)
		raw = raw << 16 | words[point->order == ORDER_BIG ? i : point->words - 1u - i];
	return raw;
}

static void split_words(const struct point *point, uint64_t raw, uint16_t *words)
{
	for (unsigned i = 0; i < point->words; i++, raw >>= 16)
		words[point->order == ORDER_BIG ? point->words - 1u - i : i] = (uint16_t)raw;
}

static bool is_marker(const struct profile *profile, const struct point *point, uint64_t raw)
{
	if (point->has_no_value && raw == point->no_value)
		return true;
	return (point->type == TYPE_I16 || point->type == TYPE_U16) &&
	       profile->no_value_i16 == (int16_t)(uint16_t)raw;
}

/* Raw registers as the number they are. False for a u64 beyond 63 bits. */
static bool raw_number(const struct point *point, uint64_t raw, int64_t *number)
{
	switch (point->type) {
	case TYPE_I16:
		*number = (int16_t)(uint16_t)raw;
		return true;
	case TYPE_I32:
		*number = (int32_t)(uint32_t)raw;
		return true;
	default:
		*number = (int64_t)raw;
		return point->type != TYPE_U64 || raw <= INT64_MAX;
	}
}

/* The lowest number of each width is what the store writes for "none". */
static bool fits(enum quantity quantity, int64_t value)
{
	if (quantity_info(quantity)->wide)
		return value > INT64_MIN;
	return value > INT32_MIN && value <= INT32_MAX;
}

static bool decode_float(uint32_t raw, int exponent, int64_t *value)
{
	float number;
	double scaled;

	memcpy(&number, &raw, sizeof(number));
	if (!isfinite(number))
		return false;
	scaled = exponent >= 0 ? (double)number * (double)tens[exponent]
			       : (double)number / (double)tens[-exponent];
	if (!(fabs(scaled) < 0x1p63))
		return false;
	*value = llround(scaled);
	return true;
}

static int fixed_exponent(const struct point *point)
{
	return point->exponent + unit_info(quantity_info(point->quantity)->unit)->exponent;
}

bool codec_decode(const struct profile *profile, const struct point *point, const uint16_t *words,
	int16_t scale, int64_t *value)
{
	int exponent = fixed_exponent(point);
	uint64_t raw;
	int64_t number;

	if (point->type == TYPE_ASCII)
		return false;
	raw = join_words(point, words);
	if (is_marker(profile, point, raw))
		return false;
	if (point->type == TYPE_F32) {
		if (!decode_float((uint32_t)raw, exponent, &number))
			return false;
	} else {
		if (point->scaled && (scale < -SCALE_LIMIT || scale > SCALE_LIMIT))
			return false;
		if (point->scaled)
			exponent += scale;
		if (!raw_number(point, raw, &number) || !shift_decimal(&number, exponent))
			return false;
	}
	if (!fits(point->quantity, number))
		return false;
	*value = number;
	return true;
}

bool codec_decode_input(const struct profile *profile, const struct point *point, unsigned element,
	const uint16_t *words, int64_t *value)
{
	int64_t number;

	if (!codec_decode(profile, point, words, 0, &number))
		return false;
	if (point->type == TYPE_BITS)
		number = number >> element & 1;
	*value = number != 0 ? INPUT_CLOSED : INPUT_OPEN;
	return true;
}

static bool in_type(const struct point *point, int64_t number)
{
	switch (point->type) {
	case TYPE_U16:
	case TYPE_BITS:
		return number >= 0 && number <= UINT16_MAX;
	case TYPE_I16:
		return number >= INT16_MIN && number <= INT16_MAX;
	case TYPE_U32:
		return number >= 0 && number <= UINT32_MAX;
	case TYPE_I32:
		return number >= INT32_MIN && number <= INT32_MAX;
	case TYPE_U64:
		return number >= 0;
	default:
		return true;
	}
}

int codec_encode(const struct profile *profile, const struct point *point, int64_t value,
	int16_t scale, uint16_t *words)
{
	int exponent = fixed_exponent(point);
	int64_t number = value;

	if (point->type == TYPE_F32 || point->type == TYPE_ASCII)
		return -ENOTSUP;
	if (point->scaled && (scale < -SCALE_LIMIT || scale > SCALE_LIMIT))
		return -EDOM;
	if (point->scaled)
		exponent += scale;
	/* What is left over when the register's steps are larger than ours is lost by the way back.
	 */
	if (!shift_decimal(&number, -exponent))
		return -ERANGE;
	if (exponent > 0) {
		int64_t back = number;

		if (!shift_decimal(&back, exponent) || back != value)
			return -EDOM;
	}
	/* What cannot be shown is not to be written. */
	if (!fits(point->quantity, value) || !in_type(point, number) ||
		(point->has_range && (number < point->min || number > point->max)))
		return -ERANGE;
	split_words(point, (uint64_t)number, words);
	/* It would read back as "no value". */
	return is_marker(profile, point, join_words(point, words)) ? -ERANGE : 0;
}

/* One byte of Latin-1 as UTF-8; returns the bytes written. */
static size_t put_utf8(char *to, unsigned char c)
{
	if (c < 0x80) {
		to[0] = (char)c;
		return 1;
	}
	to[0] = (char)(0xc0 | c >> 6);
	to[1] = (char)(0x80 | (c & 0x3f));
	return 2;
}

void codec_text(const struct point *point, const uint16_t *words, char *text, size_t size)
{
	size_t length = 0;

	for (size_t i = 0; i < 2u * point->words && length + 2 < size; i++) {
		bool high = (i % 2 == 0) == (point->order == ORDER_BIG);
		unsigned char c = (unsigned char)(words[i / 2] >> (high ? 8 : 0));

		if (c == '\0' || c == 0xff) /* 0xff: memory that was never written */
			break;
		if (c < ' ' || (c >= 0x7f && c < 0xa0))
			continue;
		length += put_utf8(text + length, c);
	}
	while (length > 0 && text[length - 1] == ' ')
		length--;
	text[length] = '\0';
}
