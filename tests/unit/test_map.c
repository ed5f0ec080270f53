/*
 * The shipped profiles against the register map, row by row.
 *
 * The table repeats the manufacturer's numbers independently of the profiles,
 * so that a mistyped number in one of the two is found. Every element of every
 * row must be in the profile at just that register, and nothing else may be.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "config/profile.h"
#include "core/util.h"

enum model_mask {
	A = 1,
	AB = 3,
	ABC = 7,
};

#define RO false
#define RW true

struct row {
	enum scope scope;
	enum quantity quantity;
	uint16_t channel, count;
	enum word_type type; /* at reg; F32 at real */
	unsigned reg;	     /* as printed; of the first channel */
	unsigned real;	     /* float, 0: none */
	unsigned scale;	     /* register of the first channel's exponent, 0: none */
	bool scale_each;     /* one for each channel */
	int exponent;	     /* fixed */
	enum model_mask models;
	bool writable;
	enum poll_class poll;
};

#define BRANCH(q, type, reg, real, scale, exponent, models)                                        \
	{                                                                                          \
		SCOPE_BRANCH, q, 1, 42, type, reg, real, scale, true, exponent, models, RO,        \
			POLL_FAST                                                                  \
	}
#define TWO(q, type, reg, real, scale, exponent, models)                                           \
	{                                                                                          \
		SCOPE_TWO_POLE, q, 1, 21, type, reg, real, scale, true, exponent, models, RO,      \
			POLL_FAST                                                                  \
	}
#define THREE(q, type, reg, real, scale, exponent, models)                                         \
	{                                                                                          \
		SCOPE_THREE_POLE, q, 1, 14, type, reg, real, scale, true, exponent, models, RO,    \
			POLL_FAST                                                                  \
	}
#define TOTAL(q, type, reg, real, scale, exponent, models, poll)                                   \
	{                                                                                          \
		SCOPE_MAINS, q, MAINS_TOTAL, 1, type, reg, real, scale, false, exponent, models,   \
			RO, poll                                                                   \
	}
#define PHASES(q, count, reg, real, scale, exponent, models, poll)                                 \
	{                                                                                          \
		SCOPE_MAINS, q, MAINS_A, count, TYPE_I16, reg, real, scale, true, exponent,        \
			models, RO, poll                                                           \
	}
#define VOLT(measure, reg, real)                                                                   \
	{                                                                                          \
		SCOPE_VOLTAGE, Q_VOLTAGE, measure, 1, TYPE_I16, reg, real, 244, false, 0, AB, RO,  \
			POLL_FAST                                                                  \
	}
#define PANEL(q, type, reg, writable, poll)                                                        \
	{                                                                                          \
		SCOPE_PANEL, q, 1, 1, type, reg, 0, 0, false, 0, ABC, writable, poll               \
	}
#define EACH(scope, q, first, count, type, reg, models, writable, poll)                            \
	{                                                                                          \
		scope, q, first, count, type, reg, 0, 0, false, 0, models, writable, poll          \
	}

static const struct row rows[] = {
	PANEL(Q_SERIAL, TYPE_U32, 1, RO, POLL_SLOW),
	PANEL(Q_FIRMWARE_RESET, TYPE_U16, 3, RO, POLL_SLOW),
	PANEL(Q_FIRMWARE_OS, TYPE_U16, 4, RO, POLL_SLOW),
	PANEL(Q_DEVICE_ID, TYPE_U16, 5, RO, POLL_SLOW),
	PANEL(Q_CT_LAYOUT, TYPE_U16, 6, RW, POLL_SLOW),
	PANEL(Q_LOCATION, TYPE_ASCII, 7, RW, POLL_SLOW),
	PANEL(Q_DEMAND_SUBINTERVALS, TYPE_U16, 71, RW, POLL_SLOW),
	PANEL(Q_DEMAND_INTERVAL, TYPE_U16, 72, RW, POLL_SLOW),
	/* ct-size differs between the profiles: see sizes[] */
	EACH(SCOPE_BRANCH, Q_RATING, 1, 42, TYPE_U16, 119, ABC, RW, POLL_SLOW),
	EACH(SCOPE_MAINS, Q_RATING, MAINS_A, 4, TYPE_U16, 161, ABC, RW, POLL_SLOW),
	PANEL(Q_ON_DELAY, TYPE_U16, 169, RW, POLL_SLOW),
	EACH(SCOPE_BRANCH, Q_ALARM_STATUS, 1, 42, TYPE_BITS, 178, ABC, RW, POLL_ALARM),
	EACH(SCOPE_MAINS, Q_ALARM_STATUS, MAINS_A, 4, TYPE_BITS, 220, ABC, RW, POLL_ALARM),
	PANEL(Q_LATCHED_STATUS, TYPE_BITS, 224, RO, POLL_ALARM),
	PANEL(Q_ACTIVE_STATUS, TYPE_BITS, 225, RO, POLL_ALARM),
	PANEL(Q_LAST_LATCHED_CHANNEL, TYPE_U16, 226, RO, POLL_ALARM),
	PANEL(Q_LAST_ACTIVE_CHANNEL, TYPE_U16, 227, RO, POLL_ALARM),
	PANEL(Q_CHANNELS_LATCHED, TYPE_U16, 228, RO, POLL_ALARM),
	PANEL(Q_CHANNELS_ACTIVE, TYPE_U16, 229, RO, POLL_ALARM),
	PANEL(Q_ERROR_BITMAP_1, TYPE_BITS, 230, RO, POLL_ALARM),
	PANEL(Q_ERROR_BITMAP_2, TYPE_BITS, 231, RO, POLL_ALARM),
	PANEL(Q_ERROR_BITMAP_3, TYPE_BITS, 232, RO, POLL_ALARM),
	PANEL(Q_ERROR_BITMAP_4, TYPE_BITS, 233, RO, POLL_ALARM),
	PANEL(Q_ERROR_BITMAP_5, TYPE_BITS, 234, RO, POLL_ALARM),
	PANEL(Q_ERROR_BITMAP_6, TYPE_BITS, 235, RO, POLL_ALARM),
	EACH(SCOPE_VOLTAGE, Q_ALARM_STATUS, 5, 3, TYPE_BITS, 241, AB, RW, POLL_ALARM),
	{ SCOPE_SOURCE, Q_FREQUENCY, 1, 1, TYPE_I16, 245, 600, 0, false, -2, AB, RO, POLL_FAST },
	VOLT(4, 246, 602), /* ln-avg */
	VOLT(8, 247, 604), /* ll-avg */
	VOLT(1, 248, 606),
	VOLT(2, 249, 608),
	VOLT(3, 250, 610),
	VOLT(5, 251, 612),
	VOLT(6, 252, 614),
	VOLT(7, 253, 616),
	TOTAL(Q_ENERGY, TYPE_U32, 254, 618, 291, 0, AB, POLL_FAST),
	TOTAL(Q_ACTIVE_POWER, TYPE_I16, 256, 620, 292, 0, AB, POLL_FAST),
	TOTAL(Q_POWER_FACTOR, TYPE_I16, 257, 622, 0, -3, AB, POLL_FAST),
	TOTAL(Q_CURRENT, TYPE_I16, 258, 624, 293, 0, ABC, POLL_FAST),
	PHASES(Q_ACTIVE_POWER, 3, 259, 626, 288, 0, AB, POLL_FAST),
	PHASES(Q_POWER_FACTOR, 3, 262, 632, 0, -3, AB, POLL_FAST),
	PHASES(Q_CURRENT, 4, 265, 638, 284, 0, ABC, POLL_FAST),
	PHASES(Q_CURRENT_DEMAND, 4, 269, 646, 284, 0, ABC, POLL_FAST),
	PHASES(Q_MAX_CURRENT_DEMAND, 4, 273, 654, 284, 0, ABC, POLL_FAST),
	TOTAL(Q_ACTIVE_POWER_DEMAND, TYPE_I16, 277, 662, 292, 0, AB, POLL_FAST),
	TOTAL(Q_MAX_ACTIVE_POWER_DEMAND, TYPE_I16, 278, 664, 292, 0, AB, POLL_FAST),
	PHASES(Q_MAX_CURRENT, 4, 279, 666, 284, 0, ABC, POLL_FAST),
	TOTAL(Q_MAX_ACTIVE_POWER, TYPE_I16, 283, 674, 292, 0, AB, POLL_FAST),
	PANEL(Q_COUNT_HIGH_HIGH, TYPE_U16, 296, RO, POLL_ALARM),
	PANEL(Q_COUNT_HIGH, TYPE_U16, 297, RO, POLL_ALARM),
	PANEL(Q_COUNT_LOW, TYPE_U16, 298, RO, POLL_ALARM),
	PANEL(Q_COUNT_LOW_LOW, TYPE_U16, 299, RO, POLL_ALARM),
	PANEL(Q_COUNT_OFF, TYPE_U16, 300, RO, POLL_ALARM),
	EACH(SCOPE_BRANCH, Q_COUNT_HIGH_HIGH, 1, 42, TYPE_U16, 301, ABC, RO, POLL_SLOW),
	EACH(SCOPE_MAINS, Q_COUNT_HIGH_HIGH, MAINS_A, 4, TYPE_U16, 343, ABC, RO, POLL_SLOW),
	EACH(SCOPE_BRANCH, Q_COUNT_HIGH, 1, 42, TYPE_U16, 347, ABC, RO, POLL_SLOW),
	EACH(SCOPE_MAINS, Q_COUNT_HIGH, MAINS_A, 4, TYPE_U16, 389, ABC, RO, POLL_SLOW),
	EACH(SCOPE_BRANCH, Q_COUNT_LOW, 1, 42, TYPE_U16, 393, ABC, RO, POLL_SLOW),
	EACH(SCOPE_MAINS, Q_COUNT_LOW, MAINS_A, 4, TYPE_U16, 435, ABC, RO, POLL_SLOW),
	EACH(SCOPE_BRANCH, Q_COUNT_LOW_LOW, 1, 42, TYPE_U16, 439, ABC, RO, POLL_SLOW),
	EACH(SCOPE_MAINS, Q_COUNT_LOW_LOW, MAINS_A, 4, TYPE_U16, 481, ABC, RO, POLL_SLOW),
	EACH(SCOPE_BRANCH, Q_COUNT_OFF, 1, 42, TYPE_U16, 485, ABC, RO, POLL_SLOW),
	EACH(SCOPE_MAINS, Q_COUNT_OFF, MAINS_A, 4, TYPE_U16, 527, ABC, RO, POLL_SLOW),
	PANEL(Q_POWER_UPS, TYPE_U16, 531, RW, POLL_SLOW),
	PANEL(Q_HEALTH, TYPE_BITS, 532, RO, POLL_SLOW),
	PANEL(Q_PRODUCT_ID, TYPE_BITS, 539, RO, POLL_ONCE),
	TOTAL(Q_APPARENT_POWER, TYPE_I16, 540, 676, 292, 0, AB, POLL_SLOW),
	PHASES(Q_APPARENT_POWER, 3, 541, 678, 288, 0, AB, POLL_SLOW),

	BRANCH(Q_ENERGY, TYPE_U32, 1168, 2000, 1084, 0, A),
	BRANCH(Q_ACTIVE_POWER, TYPE_I16, 1252, 2084, 1042, 0, A),
	BRANCH(Q_POWER_FACTOR, TYPE_I16, 1294, 2168, 0, -3, A),
	BRANCH(Q_CURRENT, TYPE_I16, 1336, 2252, 1000, 0, ABC),
	BRANCH(Q_ACTIVE_POWER_DEMAND, TYPE_I16, 1378, 2336, 1042, 0, A),
	BRANCH(Q_MAX_ACTIVE_POWER_DEMAND, TYPE_I16, 1420, 2420, 1042, 0, A),
	BRANCH(Q_CURRENT_DEMAND, TYPE_I16, 1462, 2504, 1000, 0, ABC),
	BRANCH(Q_MAX_CURRENT_DEMAND, TYPE_I16, 1504, 2588, 1000, 0, ABC),
	BRANCH(Q_MAX_ACTIVE_POWER, TYPE_I16, 1546, 2672, 1042, 0, A),
	BRANCH(Q_MAX_CURRENT, TYPE_I16, 1588, 2756, 1000, 0, ABC),
	BRANCH(Q_APPARENT_POWER, TYPE_I16, 1630, 2840, 1042, 0, A),

	TWO(Q_ENERGY, TYPE_U32, 4084, 5000, 4042, 0, A),
	TWO(Q_ACTIVE_POWER, TYPE_I16, 4126, 5042, 4021, 0, A),
	TWO(Q_POWER_FACTOR, TYPE_I16, 4147, 5084, 0, -3, A),
	TWO(Q_CURRENT, TYPE_I16, 4168, 5126, 4000, 0, ABC),
	TWO(Q_ACTIVE_POWER_1, TYPE_I16, 4189, 5168, 4021, 0, A),
	TWO(Q_ACTIVE_POWER_2, TYPE_I16, 4210, 5210, 4021, 0, A),
	TWO(Q_POWER_FACTOR_1, TYPE_I16, 4231, 5252, 0, -3, A),
	TWO(Q_POWER_FACTOR_2, TYPE_I16, 4252, 5294, 0, -3, A),
	TWO(Q_CURRENT_1, TYPE_I16, 4273, 5336, 4000, 0, ABC),
	TWO(Q_CURRENT_2, TYPE_I16, 4294, 5378, 4000, 0, ABC),
	TWO(Q_ACTIVE_POWER_DEMAND, TYPE_I16, 4315, 5420, 4021, 0, A),
	TWO(Q_MAX_ACTIVE_POWER_DEMAND, TYPE_I16, 4336, 5462, 4021, 0, A),
	TWO(Q_CURRENT_DEMAND_1, TYPE_I16, 4357, 5504, 4000, 0, ABC),
	TWO(Q_CURRENT_DEMAND_2, TYPE_I16, 4378, 5546, 4000, 0, ABC),
	TWO(Q_MAX_CURRENT_DEMAND_1, TYPE_I16, 4399, 5588, 4000, 0, ABC),
	TWO(Q_MAX_CURRENT_DEMAND_2, TYPE_I16, 4420, 5630, 4000, 0, ABC),
	TWO(Q_MAX_CURRENT_1, TYPE_I16, 4441, 5672, 4000, 0, ABC),
	TWO(Q_MAX_CURRENT_2, TYPE_I16, 4462, 5714, 4000, 0, ABC),
	TWO(Q_MAX_ACTIVE_POWER, TYPE_I16, 4483, 5756, 4021, 0, A),
	TWO(Q_APPARENT_POWER, TYPE_I16, 4504, 5798, 4021, 0, A),
	TWO(Q_APPARENT_POWER_1, TYPE_I16, 4525, 5840, 4021, 0, A),
	TWO(Q_APPARENT_POWER_2, TYPE_I16, 4546, 5882, 4021, 0, A),

	THREE(Q_ENERGY, TYPE_U32, 7056, 8000, 7028, 0, A),
	THREE(Q_ACTIVE_POWER, TYPE_I16, 7084, 8028, 7014, 0, A),
	THREE(Q_POWER_FACTOR, TYPE_I16, 7098, 8056, 0, -3, A),
	THREE(Q_CURRENT, TYPE_I16, 7112, 8084, 7000, 0, ABC),
	THREE(Q_ACTIVE_POWER_1, TYPE_I16, 7126, 8112, 7014, 0, A),
	THREE(Q_ACTIVE_POWER_2, TYPE_I16, 7140, 8140, 7014, 0, A),
	THREE(Q_ACTIVE_POWER_3, TYPE_I16, 7154, 8168, 7014, 0, A),
	THREE(Q_POWER_FACTOR_1, TYPE_I16, 7168, 8196, 0, -3, A),
	THREE(Q_POWER_FACTOR_2, TYPE_I16, 7182, 8224, 0, -3, A),
	THREE(Q_POWER_FACTOR_3, TYPE_I16, 7196, 8252, 0, -3, A),
	THREE(Q_CURRENT_1, TYPE_I16, 7210, 8280, 7000, 0, ABC),
	THREE(Q_CURRENT_2, TYPE_I16, 7224, 8308, 7000, 0, ABC),
	THREE(Q_CURRENT_3, TYPE_I16, 7238, 8336, 7000, 0, ABC),
	THREE(Q_ACTIVE_POWER_DEMAND, TYPE_I16, 7252, 8364, 7014, 0, A),
	THREE(Q_MAX_ACTIVE_POWER_DEMAND, TYPE_I16, 7266, 8392, 7014, 0, A),
	THREE(Q_CURRENT_DEMAND_1, TYPE_I16, 7280, 8420, 7000, 0, ABC),
	THREE(Q_CURRENT_DEMAND_2, TYPE_I16, 7294, 8448, 7000, 0, ABC),
	THREE(Q_CURRENT_DEMAND_3, TYPE_I16, 7308, 8476, 7000, 0, ABC),
	THREE(Q_MAX_CURRENT_DEMAND_1, TYPE_I16, 7322, 8504, 7000, 0, ABC),
	THREE(Q_MAX_CURRENT_DEMAND_2, TYPE_I16, 7336, 8532, 7000, 0, ABC),
	THREE(Q_MAX_CURRENT_DEMAND_3, TYPE_I16, 7350, 8560, 7000, 0, ABC),
	THREE(Q_MAX_CURRENT_1, TYPE_I16, 7364, 8588, 7000, 0, ABC),
	THREE(Q_MAX_CURRENT_2, TYPE_I16, 7378, 8616, 7000, 0, ABC),
	THREE(Q_MAX_CURRENT_3, TYPE_I16, 7392, 8644, 7000, 0, ABC),
	THREE(Q_MAX_ACTIVE_POWER, TYPE_I16, 7406, 8672, 7014, 0, A),
	THREE(Q_APPARENT_POWER, TYPE_I16, 7420, 8700, 7014, 0, A),
	THREE(Q_APPARENT_POWER_1, TYPE_I16, 7434, 8728, 7014, 0, A),
	THREE(Q_APPARENT_POWER_2, TYPE_I16, 7448, 8756, 7014, 0, A),
	THREE(Q_APPARENT_POWER_3, TYPE_I16, 7462, 8784, 7014, 0, A),

	PANEL(Q_MODBUS_ADDRESS, TYPE_U16, 60000, RO, POLL_ONCE),
	PANEL(Q_BAUD_CODE, TYPE_U16, 60001, RO, POLL_ONCE),
	PANEL(Q_APPLICATION_STATE, TYPE_U16, 60004, RO, POLL_ONCE),
	PANEL(Q_USER_PHASES, TYPE_BITS, 62017, RW, POLL_SLOW),
	EACH(SCOPE_BRANCH, Q_PHASE, 1, 42, TYPE_U16, 62116, A, RW, POLL_SLOW),
	EACH(SCOPE_MAINS, Q_PHASE, MAINS_A, 4, TYPE_U16, 62158, AB, RW, POLL_SLOW),
};

/* Solid cores have fixed branch CTs. */
static const struct row sizes_solid[] = {
	EACH(SCOPE_BRANCH, Q_CT_SIZE, 1, 42, TYPE_U16, 73, ABC, RO, POLL_SLOW),
	EACH(SCOPE_MAINS, Q_CT_SIZE, MAINS_A, 4, TYPE_U16, 115, ABC, RW, POLL_SLOW),
};
static const struct row sizes_split[] = {
	EACH(SCOPE_BRANCH, Q_CT_SIZE, 1, 42, TYPE_U16, 73, ABC, RW, POLL_SLOW),
	EACH(SCOPE_MAINS, Q_CT_SIZE, MAINS_A, 4, TYPE_U16, 115, ABC, RW, POLL_SLOW),
};

/* Registers of one limit, 0: none. Both branch and mains have the first seven. */
static const struct {
	enum level level;
	unsigned value, delay, hysteresis;
	bool value_writable;
	int value_default, delay_default; /* -1: not printed */
} current_limits[] = {
	{ LEVEL_HIGH_HIGH, 171, 165, 0, RW, 700, 10 },
	{ LEVEL_HIGH, 172, 166, 0, RW, 600, 10 },
	{ LEVEL_LOW, 173, 167, 0, RW, 75, 10 },
	{ LEVEL_LOW_LOW, 174, 168, 0, RW, 25, 10 },
	{ LEVEL_OFF, 174, 170, 0, RO, -1, 30 },
	{ LEVEL_HIGH_NON_LATCHING, 175, 0, 177, RW, 600, -1 },
	{ LEVEL_LOW_NON_LATCHING, 176, 0, 177, RW, 50, -1 },
}, voltage_limits[] = {
	{ LEVEL_HIGH, 238, 236, 0, RW, -1, -1 },
	{ LEVEL_LOW, 239, 237, 0, RW, -1, -1 },
	{ LEVEL_HIGH_NON_LATCHING, 238, 0, 240, RO, -1, -1 },
	{ LEVEL_LOW_NON_LATCHING, 239, 0, 240, RO, -1, -1 },
};

static const char *const names[] = { "bcpm", "bcpme", "bcpmsc" };

static struct profile *load(const char *name)
{
	struct problems problems = PROBLEMS_INIT;
	struct profile *profile = NULL;

	if (profile_load(TEST_SRCDIR "/conf/profiles", name, &problems, &profile) != 0)
		problems_print(&problems, stderr);
	problems_free(&problems);
	assert_non_null(profile);
	return profile;
}

/* The point that has this channel in this encoding, and which element of it. */
static const struct point *find(const struct profile *profile, enum scope scope,
	enum quantity quantity, unsigned channel, enum encoding encoding, unsigned *element)
{
	for (unsigned i = 0; i < profile->n_points; i++) {
		const struct point *point = &profile->points[i];

		if (point->scope == scope && point->quantity == quantity &&
			point->encoding == encoding && channel >= point->first_channel &&
			channel < (unsigned)point->first_channel + point->count) {
			assert_int_equal(point->channel_step, 1);
			*element = channel - point->first_channel;
			return point;
		}
	}
	fail_msg("no %s %s %u", scope_name(scope), quantity_info(quantity)->name, channel);
	return NULL;
}

static void check_integer(const struct profile *profile, const struct row *row, unsigned i)
{
	unsigned element, words = row->type == TYPE_U32 ? 2 : row->type == TYPE_ASCII ? 64 : 1;
	const struct point *point = find(profile, row->scope, row->quantity, row->channel + i,
		row->real ? ENCODING_INTEGER : ENCODING_ANY, &element);

	assert_int_equal(point->reg + element * point->stride + 1, row->reg + i * words);
	assert_int_equal(point->words, words);
	assert_int_equal(point->type, row->type);
	assert_int_equal(point->order, ORDER_BIG);
	assert_int_equal(point->exponent, row->exponent);
	assert_int_equal(point->models & ABC, row->models);
	assert_int_equal(point->poll, row->poll);
	assert_int_equal(point->access, row->writable ? ACCESS_READ_WRITE : ACCESS_READ);
	assert_int_equal(point->scaled, row->scale != 0);
	if (row->scale != 0)
		assert_int_equal(point->scale_reg + element * point->scale_stride + 1,
			row->scale + (row->scale_each ? i : 0));
	assert_int_equal(point->has_rollover, row->quantity == Q_ENERGY);
	assert_int_equal(point->has_no_value, row->quantity == Q_ENERGY);
	if (row->quantity == Q_ENERGY) {
		assert_int_equal(point->rollover, 4294967296);
		assert_int_equal(point->no_value, 2147483648);
	}
}

static void check_float(const struct profile *profile, const struct row *row, unsigned i)
{
	unsigned element;
	const struct point *point = find(
		profile, row->scope, row->quantity, row->channel + i, ENCODING_FLOAT, &element);

	assert_int_equal(point->reg + element * point->stride + 1, row->real + 2 * i);
	assert_int_equal(point->words, 2);
	assert_int_equal(point->type, TYPE_F32);
	assert_int_equal(point->exponent, 0);
	assert_int_equal(point->models & ABC, row->models);
	assert_int_equal(point->poll, row->poll);
	assert_int_equal(point->access, ACCESS_READ);
	assert_false(point->scaled);
}

static unsigned check_rows(const struct profile *profile, const struct row *list, size_t n)
{
	unsigned elements = 0;

	for (size_t r = 0; r < n; r++) {
		for (unsigned i = 0; i < list[r].count; i++) {
			check_integer(profile, &list[r], i);
			elements++;
			if (list[r].real == 0)
				continue;
			check_float(profile, &list[r], i);
			elements++;
		}
	}
	return elements;
}

static void every_row_of_the_map(void **state)
{
	(void)state;

	for (size_t p = 0; p < ARRAY_LEN(names); p++) {
		struct profile *profile = load(names[p]);
		bool split = strcmp(names[p], "bcpmsc") == 0;
		unsigned expected = check_rows(profile, rows, ARRAY_LEN(rows)), elements = 0;

		expected += split ? check_rows(profile, sizes_split, ARRAY_LEN(sizes_split))
				  : check_rows(profile, sizes_solid, ARRAY_LEN(sizes_solid));
		for (unsigned i = 0; i < profile->n_points; i++) {
			if (profile->points[i].scope != SCOPE_THRESHOLD)
				elements += profile->points[i].count;
		}
		/* nothing in the profile that the map does not have */
		assert_int_equal(elements, expected);
		assert_int_equal(profile->base, 1);
		assert_int_equal(profile->function, 3);
		assert_int_equal(profile->no_value_i16, -32768);
		assert_int_equal(profile->branches, 42);
		assert_int_equal(profile->mains, 1);
		profile_unref(profile);
	}
}

/* What may be written, and what the factory wrote. */
static void every_range_and_default(void **state)
{
	static const struct {
		const char *profile;
		enum scope scope;
		enum quantity quantity;
		int min, max, fallback;
	} settings[] = {
		{ "bcpme", SCOPE_PANEL, Q_CT_LAYOUT, 0, 3, 0 },
		{ "bcpme", SCOPE_PANEL, Q_DEMAND_SUBINTERVALS, 1, 6, 1 },
		{ "bcpme", SCOPE_PANEL, Q_DEMAND_INTERVAL, 0, 32767, 900 },
		{ "bcpme", SCOPE_PANEL, Q_ON_DELAY, 0, 32767, 10 },
		{ "bcpme", SCOPE_PANEL, Q_POWER_UPS, 0, 0, 0 },
		{ "bcpme", SCOPE_PANEL, Q_USER_PHASES, 0, 1, 0 },
		{ "bcpme", SCOPE_BRANCH, Q_RATING, 0, 32767, 20 },
		{ "bcpme", SCOPE_MAINS, Q_RATING, 0, 32767, 225 },
		{ "bcpme", SCOPE_BRANCH, Q_PHASE, 0, 2, 0 },
		{ "bcpme", SCOPE_MAINS, Q_PHASE, 0, 2, 0 },
		{ "bcpme", SCOPE_MAINS, Q_CT_SIZE, 1, 32767, 200 },
		{ "bcpm", SCOPE_MAINS, Q_CT_SIZE, 1, 32767, 200 },
		{ "bcpmsc", SCOPE_MAINS, Q_CT_SIZE, 0, 32767, 200 },
		{ "bcpmsc", SCOPE_BRANCH, Q_CT_SIZE, 0, 32767, 100 },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
		struct profile *profile = load(settings[i].profile);
		unsigned element;
		const struct point *point = find(profile, settings[i].scope, settings[i].quantity,
			settings[i].scope == SCOPE_MAINS ? MAINS_A : 1, ENCODING_ANY, &element);

		assert_true(point->has_range && point->has_default);
		assert_int_equal(point->min, settings[i].min);
		assert_int_equal(point->max, settings[i].max);
		assert_int_equal(point->fallback, settings[i].fallback);
		profile_unref(profile);
	}
}

static void check_limit_register(const struct profile *profile, int threshold,
	enum quantity quantity, unsigned reg, bool writable, int fallback, bool volts)
{
	unsigned element;
	const struct point *point;

	if (reg == 0)
		return;
	point = find(profile, SCOPE_THRESHOLD, quantity, (unsigned)threshold + 1, ENCODING_ANY,
		&element);
	assert_int_equal(point->reg + 1, reg);
	assert_int_equal(point->count, 1);
	assert_int_equal(point->type, TYPE_U16);
	assert_int_equal(point->access, writable ? ACCESS_READ_WRITE : ACCESS_READ);
	assert_int_equal(point->poll, volts ? POLL_FAST : POLL_SLOW);
	assert_int_equal(point->models & ABC, volts ? AB : ABC);
	assert_int_equal(point->has_default, fallback >= 0);
	if (fallback >= 0)
		assert_int_equal(point->fallback, fallback);
	assert_int_equal(point->has_range, writable);
	assert_int_equal(point->min, 0);
	if (writable)
		assert_int_equal(point->max,
			quantity == Q_DELAY || (volts && quantity == Q_THRESHOLD) ? 32767 : 1000);
	assert_int_equal(point->scaled, volts && quantity == Q_THRESHOLD);
	if (point->scaled)
		assert_int_equal(point->scale_reg + 1, 244);
}

static void every_limit(void **state)
{
	static const enum scope currents[] = { SCOPE_BRANCH, SCOPE_MAINS };
	struct profile *profile = load("bcpme");
	(void)state;

	assert_int_equal(
		profile->n_thresholds, 2 * ARRAY_LEN(current_limits) + ARRAY_LEN(voltage_limits));
	for (size_t s = 0; s < ARRAY_LEN(currents); s++) {
		for (size_t i = 0; i < ARRAY_LEN(current_limits); i++) {
			int t = profile_threshold_find(
				profile, currents[s], 7, current_limits[i].level);

			assert_in_range(t, 0, profile->n_thresholds - 1);
			assert_int_equal(profile->thresholds[t].unit, THRESHOLD_PERMILLE_OF_RATING);
			assert_int_equal(profile->thresholds[t].zero_disables,
				current_limits[i].level != LEVEL_OFF);
			check_limit_register(profile, t, Q_THRESHOLD, current_limits[i].value,
				current_limits[i].value_writable, current_limits[i].value_default,
				false);
			check_limit_register(profile, t, Q_DELAY, current_limits[i].delay, RW,
				current_limits[i].delay_default, false);
			check_limit_register(profile, t, Q_HYSTERESIS, current_limits[i].hysteresis,
				RW, 50, false);
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(voltage_limits); i++) {
		int t = profile_threshold_find(profile, SCOPE_VOLTAGE, 5, voltage_limits[i].level);

		assert_in_range(t, 0, profile->n_thresholds - 1);
		assert_int_equal(profile->thresholds[t].unit, THRESHOLD_MILLIVOLT);
		assert_true(profile->thresholds[t].zero_disables);
		check_limit_register(profile, t, Q_THRESHOLD, voltage_limits[i].value,
			voltage_limits[i].value_writable, -1, true);
		check_limit_register(profile, t, Q_DELAY, voltage_limits[i].delay, RW, -1, true);
		check_limit_register(
			profile, t, Q_HYSTERESIS, voltage_limits[i].hysteresis, RW, -1, true);
	}
	profile_unref(profile);
}

static void every_alarm_bit(void **state)
{
	static const struct {
		enum level level;
		int latched, active, counter;
		enum clear_method clear;
	} currents[] = {
		{ LEVEL_HIGH_HIGH, 0, -1, Q_COUNT_HIGH_HIGH, CLEAR_ZERO_BITS },
		{ LEVEL_HIGH, 1, -1, Q_COUNT_HIGH, CLEAR_ZERO_BITS },
		{ LEVEL_LOW, 2, -1, Q_COUNT_LOW, CLEAR_ZERO_BITS },
		{ LEVEL_LOW_LOW, 3, -1, Q_COUNT_LOW_LOW, CLEAR_ZERO_BITS },
		{ LEVEL_OFF, 4, -1, Q_COUNT_OFF, CLEAR_ZERO_BITS },
		{ LEVEL_HIGH_NON_LATCHING, -1, 8, -1, CLEAR_NONE },
		{ LEVEL_LOW_NON_LATCHING, -1, 9, -1, CLEAR_NONE },
	}, voltages[] = {
		{ LEVEL_HIGH, 0, -1, -1, CLEAR_ZERO_BITS },
		{ LEVEL_LOW, 1, -1, -1, CLEAR_ZERO_BITS },
		{ LEVEL_HIGH_NON_LATCHING, -1, 8, -1, CLEAR_NONE },
		{ LEVEL_LOW_NON_LATCHING, -1, 9, -1, CLEAR_NONE },
	};
	struct profile *profile = load("bcpm");
	unsigned next = 0;
	(void)state;

	for (int scope = SCOPE_BRANCH; scope <= SCOPE_VOLTAGE; scope++) {
		bool volts = scope == SCOPE_VOLTAGE;

		for (size_t i = 0; i < (volts ? ARRAY_LEN(voltages) : ARRAY_LEN(currents)); i++) {
			const struct profile_alarm *alarm = &profile->alarms[next++];

			assert_int_equal(alarm->scope, scope);
			assert_int_equal(
				alarm->level, volts ? voltages[i].level : currents[i].level);
			assert_int_equal(alarm->latched_bit,
				volts ? voltages[i].latched : currents[i].latched);
			assert_int_equal(
				alarm->active_bit, volts ? voltages[i].active : currents[i].active);
			assert_int_equal(
				alarm->counter, volts ? voltages[i].counter : currents[i].counter);
			assert_int_equal(
				alarm->clear, volts ? voltages[i].clear : currents[i].clear);
			assert_int_equal(profile->thresholds[alarm->threshold].scope, scope);
			assert_int_equal(profile->thresholds[alarm->threshold].level, alarm->level);
		}
	}
	assert_int_equal(profile->n_alarms, next);
	profile_unref(profile);
}

static void every_command(void **state)
{
	static const struct {
		const char *name;
		enum scope scope;
		unsigned reg, count, value;
	} commands[] = {
		{ "start-demand-interval", SCOPE_PANEL, 295, 1, 26012 },
		{ "reset-demand", SCOPE_PANEL, 295, 1, 26013 },
		{ "clear-latches", SCOPE_PANEL, 295, 1, 31010 },
		{ "reset-energy", SCOPE_PANEL, 295, 1, 10203 },
		{ "reset-maxima", SCOPE_PANEL, 295, 1, 29877 },
		{ "reset-max-demand", SCOPE_PANEL, 295, 1, 20097 },
		{ "reset-energy", SCOPE_MAINS, 294, 1, 10203 },
		{ "reset-maxima", SCOPE_MAINS, 294, 1, 29877 },
		{ "reset-energy", SCOPE_BRANCH, 1126, 42, 10203 },
		{ "reset-maxima", SCOPE_BRANCH, 1126, 42, 29877 },
		{ "reset-energy", SCOPE_TWO_POLE, 4063, 21, 10203 },
		{ "reset-maxima", SCOPE_TWO_POLE, 4063, 21, 29877 },
		{ "reset-energy", SCOPE_THREE_POLE, 7042, 14, 10203 },
		{ "reset-maxima", SCOPE_THREE_POLE, 7042, 14, 29877 },
	};
	struct profile *profile = load("bcpme");
	(void)state;

	assert_int_equal(profile->n_commands, ARRAY_LEN(commands));
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		const struct profile_command *command =
			profile_command_find(profile, commands[i].name, commands[i].scope);

		assert_non_null(command);
		assert_int_equal(command->reg + 1, commands[i].reg);
		assert_int_equal(command->count, commands[i].count);
		assert_int_equal(command->value, commands[i].value);
	}
	profile_unref(profile);
}

static void models_layouts_and_triggers(void **state)
{
	(void)state;

	for (size_t p = 0; p < ARRAY_LEN(names); p++) {
		struct profile *profile = load(names[p]);

		assert_string_equal(profile->name, names[p]);
		assert_int_equal(profile->n_models, 3);
		assert_string_equal(profile->models[profile_model_find(profile, 15172)].name, "A");
		assert_string_equal(profile->models[profile_model_find(profile, 15171)].name, "B");
		assert_string_equal(profile->models[profile_model_find(profile, 15170)].name, "C");
		assert_int_equal(profile_model_find(profile, 15169), -1);
		assert_int_equal(profile_channels(profile, SCOPE_BRANCH, Q_CURRENT), 42);
		assert_int_equal(profile_channels(profile, SCOPE_MAINS, Q_CURRENT), MAINS_NEUTRAL);
		assert_int_equal(profile_channels(profile, SCOPE_MAINS, Q_ACTIVE_POWER), MAINS_C);
		assert_int_equal(profile_channels(profile, SCOPE_VOLTAGE, Q_VOLTAGE), 8);
		assert_int_equal(profile_channels(profile, SCOPE_BRANCH, Q_MIN_CURRENT), 0);
		assert_int_equal(profile->n_triggers, 5);
		for (unsigned i = 0; i < 5; i++)
			assert_int_equal(profile->triggers[i] + 1, 296 + i);
		assert_int_equal(profile->n_ct_layouts, strcmp(names[p], "bcpmsc") == 0 ? 2 : 4);
		for (unsigned i = 0; i < profile->n_ct_layouts; i++)
			assert_int_equal(profile->ct_layouts[i].sequential,
				profile->ct_layouts[i].value == 2);
		profile_unref(profile);
	}
}

static void every_health_bit(void **state)
{
	/* By bit of the word; -1: reserved, or says what model it is. */
	static const int wanted[16] = { -1, HEALTH_FREQUENCY, HEALTH_VOLTAGE_CLIPPING_A,
		HEALTH_VOLTAGE_CLIPPING_B, HEALTH_VOLTAGE_CLIPPING_C, HEALTH_CURRENT_CLIPPING, -1,
		-1, HEALTH_CT_STRIP, -1, -1, -1, -1, -1, -1, -1 };
	(void)state;

	for (size_t p = 0; p < ARRAY_LEN(names); p++) {
		struct profile *profile = load(names[p]);

		for (unsigned bit = 0; bit < 16; bit++)
			assert_int_equal(profile_health_bits(profile, INT64_C(1) << bit),
				wanted[bit] < 0 ? 0 : 1 << wanted[bit]);
		assert_int_equal(profile_health_bits(profile, 0xffff), 0x3f);
		profile_unref(profile);
	}
}

/* What must never be read: written-only registers, firmware download, EEPROM. */
static void forbidden_registers_are_in_no_block(void **state)
{
	static const struct {
		unsigned first, last;
	} forbidden[] = {
		{ 294, 295 },
		{ 1126, 1167 },
		{ 4063, 4083 },
		{ 7042, 7055 },
		{ 60005, 60153 },
		{ 61000, 61129 },
	};
	(void)state;

	for (size_t p = 0; p < ARRAY_LEN(names); p++) {
		struct profile *profile = load(names[p]);

		for (unsigned b = 0; b < profile->n_blocks; b++) {
			for (size_t f = 0; f < ARRAY_LEN(forbidden); f++)
				assert_true(profile->blocks[b].last + 1u < forbidden[f].first ||
					    profile->blocks[b].first + 1u > forbidden[f].last);
		}
		profile_unref(profile);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_of_the_map),
		cmocka_unit_test(every_range_and_default),
		cmocka_unit_test(every_limit),
		cmocka_unit_test(every_alarm_bit),
		cmocka_unit_test(every_health_bit),
		cmocka_unit_test(every_command),
		cmocka_unit_test(models_layouts_and_triggers),
		cmocka_unit_test(forbidden_registers_are_in_no_block),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
