/*
 * fuzz codec: any registers under any type, order, scale and marker. What comes
 * out is compared with exact arithmetic of another kind (128 bits); what was
 * written reads back as the same number; texts are printable UTF-8.
 */
#include "config.h"

#include "modbus/codec.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "core/text.h"
#include "core/util.h"
#include "fuzz.h"

__extension__ typedef __int128 wide;

#define EXPONENT_MAX 15 /* of a point: profiles have -9 to 9, and their units */
#define SCALE_MAX    18 /* of a scale register; beyond is "no value" */

static const struct {
	enum word_type type;
	uint16_t words;
} types[] = {
	{ TYPE_U16, 1 },
	{ TYPE_I16, 1 },
	{ TYPE_U32, 2 },
	{ TYPE_I32, 2 },
	{ TYPE_F32, 2 },
	{ TYPE_U64, 4 },
	{ TYPE_I64, 4 },
	{ TYPE_BITS, 1 },
};

struct input {
	struct profile profile;
	struct point point;
	uint16_t words[4];
	int16_t scale;
};

static void read_input(struct choices *choices, struct input *input)
{
	struct point *point = &input->point;
	uint8_t flags = choose_8(choices);
	uint32_t type = choose_below(choices, ARRAY_LEN(types));

	point->quantity = (enum quantity)choose_below(choices, QUANTITY_COUNT);
	point->type = types[type].type;
	point->words = types[type].words;
	point->order = flags & 1 ? ORDER_LITTLE : ORDER_BIG;
	point->scaled = (flags & 2) != 0;
	point->has_no_value = (flags & 4) != 0;
	point->has_range = (flags & 8) != 0;
	input->profile.no_value_i16 = flags & 16 ? (int16_t)choose_16(choices) : INT32_MAX;
	point->exponent = (int8_t)((int)choose_below(choices, 2 * EXPONENT_MAX + 1) - EXPONENT_MAX);
	input->scale = (int16_t)choose_16(choices);
	for (unsigned i = 0; i < point->words; i++)
		input->words[i] = choose_16(choices);
	if (point->has_no_value)
		point->no_value = choose_64(choices);
	if (point->has_range) {
		point->min = (int32_t)choose_32(choices);
		point->max = (int32_t)choose_32(choices);
	}
}

/* ---- the other arithmetic ------------------------------------------------------------------ */

static uint64_t raw_of(const struct input *input)
{
	uint64_t raw = 0;

	for (unsigned i = 0; i < input->point.words; i++) {
		unsigned place = input->point.order == ORDER_LITTLE ? i : input->point.words - 1 - i;

		raw += (uint64_t)input->words[i] << (16 * place);
	}
	return raw;
}

static bool marks_nothing(const struct input *input, uint64_t raw)
{
	bool sixteen = input->point.type == TYPE_I16 || input->point.type == TYPE_U16;

	return (input->point.has_no_value && raw == input->point.no_value) ||
	       (sixteen && input->profile.no_value_i16 != INT32_MAX &&
		       (uint16_t)input->profile.no_value_i16 == raw);
}

static wide number_of(enum word_type type, uint64_t raw)
{
	unsigned bits = type == TYPE_I16 ? 16 : type == TYPE_I32 ? 32 : 64;
	bool is_signed = type == TYPE_I16 || type == TYPE_I32 || type == TYPE_I64;

	return is_signed && raw >> (bits - 1) & 1 ? (wide)raw - ((wide)1 << bits) : (wide)raw;
}

static int exponent_of(const struct input *input)
{
	int unit = unit_info(quantity_info(input->point.quantity)->unit)->exponent;

	return input->point.exponent + unit + (input->point.scaled ? input->scale : 0);
}

static wide power_of_ten(int exponent)
{
	wide power = 1;

	while (exponent-- > 0)
		power *= 10;
	return power;
}

/* 1 << 100 stands for everything that is too large. */
#define TOO_LARGE ((wide)1 << 100)

static wide shifted(wide number, int exponent)
{
	wide half;

	for (; exponent > 0; exponent--) {
		number *= 10;
		if (number >= TOO_LARGE / 10 || number <= -TOO_LARGE / 10)
			return TOO_LARGE;
	}
	if (exponent < -25)
		return 0;
	half = power_of_ten(-exponent) / 2;
	return (number + (number < 0 ? -half : half)) / power_of_ten(-exponent);
}

static bool has_room(enum quantity quantity, wide number)
{
	wide limit = (wide)1 << (quantity_info(quantity)->wide ? 63 : 31);

	return number > -limit && number < limit;
}

static bool scale_is_sane(const struct input *input)
{
	return !input->point.scaled || (input->scale >= -SCALE_MAX && input->scale <= SCALE_MAX);
}

/* ---- what must hold ------------------------------------------------------------------------ */

static void check_float(const struct input *input, uint32_t raw, bool there, int64_t value)
{
	int unit = unit_info(quantity_info(input->point.quantity)->unit)->exponent;
	long double exact;
	float number;

	memcpy(&number, &raw, sizeof(number));
	REQUIRE(!there || isfinite(number));
	if (!isfinite(number))
		return;
	exact = (long double)number * powl(10, input->point.exponent + unit);
	if (there)
		REQUIRE(fabsl((long double)value - exact) <= 0.5L + fabsl(exact) * 0x1p-50L);
	else
		REQUIRE(fabsl(exact) > 0x1p31L - 2);
}

static void check_decode(const struct input *input)
{
	uint64_t raw = raw_of(input);
	int64_t value = 7;
	bool there = codec_decode(
		&input->profile, &input->point, input->words, input->scale, &value);
	wide exact;

	REQUIRE(!there || has_room(input->point.quantity, value));
	REQUIRE(there || value == 7);
	if (marks_nothing(input, raw)) {
		REQUIRE(!there);
		return;
	}
	if (input->point.type == TYPE_F32) {
		check_float(input, (uint32_t)raw, there, value);
		return;
	}
	exact = number_of(input->point.type, raw);
	if (input->point.type == TYPE_U64 && exact > INT64_MAX)
		exact = TOO_LARGE;
	else
		exact = scale_is_sane(input) ? shifted(exact, exponent_of(input)) : TOO_LARGE;
	REQUIRE(there == has_room(input->point.quantity, exact));
	REQUIRE(!there || value == exact);
}

static void check_input_decode(const struct input *input, unsigned element)
{
	int64_t value;

	if (codec_decode_input(&input->profile, &input->point, element, input->words, &value))
		REQUIRE(value == INPUT_OPEN || value == INPUT_CLOSED);
}

static bool fits_register(enum word_type type, wide number)
{
	wide most = (wide)1 << (type == TYPE_I64 || type == TYPE_U64	     ? 64
				       : type == TYPE_I32 || type == TYPE_U32 ? 32
									      : 16);
	bool is_signed = type == TYPE_I16 || type == TYPE_I32 || type == TYPE_I64;

	if (number > INT64_MAX || number < INT64_MIN) /* what the agent counts with */
		return false;
	return is_signed ? number >= -most / 2 && number < most / 2 : number >= 0 && number < most;
}

/* What the register would have to hold; TOO_LARGE: nothing can. */
static wide wanted_number(const struct input *input, int64_t value)
{
	int exponent = exponent_of(input);
	wide number;

	if (!scale_is_sane(input))
		return TOO_LARGE;
	number = shifted(value, -exponent);
	if (number == TOO_LARGE || (exponent > 0 && shifted(number, exponent) != value))
		return TOO_LARGE;
	return number;
}

static void check_encode(const struct input *input, int64_t value)
{
	const struct point *point = &input->point;
	struct input written = *input;
	int rc = codec_encode(&input->profile, point, value, input->scale, written.words);
	int64_t back;
	wide number;
	bool possible;

	if (point->type == TYPE_F32) {
		REQUIRE(rc == -ENOTSUP);
		return;
	}
	number = wanted_number(input, value);
	possible = fits_register(point->type, number) && has_room(point->quantity, value) &&
		   (!point->has_range || (number >= point->min && number <= point->max));
	REQUIRE(rc == 0 || rc == -ERANGE || rc == -EDOM);
	REQUIRE(rc != 0 || possible);
	if (rc == 0) {
		REQUIRE(number_of(point->type, raw_of(&written)) == number);
		REQUIRE(codec_decode(
			&input->profile, point, written.words, input->scale, &back));
		REQUIRE(back == value);
	} else if (possible) { /* but it would read as nothing */
		REQUIRE(marks_nothing(&written, raw_of(&written)));
	}
}

static void check_text(struct choices *choices, enum word_order order)
{
	uint16_t words[125];
	char text[4 * ARRAY_LEN(words) + 1];
	struct point point = { .type = TYPE_ASCII, .order = order };

	point.words = (uint16_t)(1 + choose_below(choices, ARRAY_LEN(words)));
	for (unsigned i = 0; i < point.words; i++)
		words[i] = choose_16(choices);
	codec_text(&point, words, text, 4u * point.words + 1);
	REQUIRE(strlen(text) <= 4u * point.words);
	REQUIRE(text_fault(text) == NULL);
	REQUIRE(text[0] == '\0' || text[strlen(text) - 1] != ' ');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct choices choices = { data, size };
	struct input input = { 0 };

	read_input(&choices, &input);
	check_decode(&input);
	check_input_decode(&input, choose_below(&choices, 16));
	check_encode(&input, (int64_t)choose_64(&choices));
	check_encode(&input, (int32_t)choose_32(&choices));
	check_text(&choices, input.point.order);
	return 0;
}
