/* fixture_profile: see fixture_profile.h. */
#include "config.h"

#include "fixture_profile.h"

#include <stdlib.h>
#include <string.h>

#include "core/util.h"

#define NONE 0xffff /* no scale register */

/* Registers as printed; channels one register apart (two for 32 bits), scales too unless shared. */
struct row {
	enum scope scope;
	enum quantity quantity;
	uint16_t first_channel, count, reg, scale_reg;
	enum poll_class poll;
	int8_t exponent;
	enum word_type type;
};

#define FAST(scope, quantity, first, count, reg, scale)                                            \
	{ scope, quantity, first, count, reg, scale, POLL_FAST, 0, TYPE_I16 }
#define PF(scope, quantity, first, count, reg)                                                     \
	{ scope, quantity, first, count, reg, NONE, POLL_FAST, -3, TYPE_I16 }
#define ENERGY(scope, first, count, reg, scale)                                                    \
	{ scope, Q_ENERGY, first, count, reg, scale, POLL_FAST, 0, TYPE_U32 }
#define STATUS(scope, quantity, first, count, reg)                                                 \
	{ scope, quantity, first, count, reg, NONE, POLL_ALARM, 0, TYPE_BITS }
#define SLOW(scope, quantity, first, count, reg)                                                   \
	{ scope, quantity, first, count, reg, NONE, POLL_SLOW, 0, TYPE_U16 }
#define ONCE(quantity, reg, type)                                                                  \
	{ SCOPE_PANEL, quantity, 1, 1, reg, NONE, POLL_ONCE, 0, type }

static const struct row rows[] = {
	ONCE(Q_SERIAL, 1, TYPE_U32),
	ONCE(Q_FIRMWARE_RESET, 3, TYPE_U16),
	ONCE(Q_FIRMWARE_OS, 4, TYPE_U16),
	ONCE(Q_DEVICE_ID, 5, TYPE_U16),
	SLOW(SCOPE_PANEL, Q_CT_LAYOUT, 1, 1, 6),
	SLOW(SCOPE_PANEL, Q_POWER_UPS, 1, 1, 531),
	SLOW(SCOPE_PANEL, Q_HEALTH, 1, 1, 532),

	SLOW(SCOPE_BRANCH, Q_CT_SIZE, 1, 42, 73),
	SLOW(SCOPE_BRANCH, Q_RATING, 1, 42, 119),
	FAST(SCOPE_BRANCH, Q_CURRENT, 1, 42, 1336, 1000),
	FAST(SCOPE_BRANCH, Q_MAX_CURRENT, 1, 42, 1588, 1000),
	FAST(SCOPE_BRANCH, Q_CURRENT_DEMAND, 1, 42, 1462, 1000),
	FAST(SCOPE_BRANCH, Q_MAX_CURRENT_DEMAND, 1, 42, 1504, 1000),
	FAST(SCOPE_BRANCH, Q_ACTIVE_POWER, 1, 42, 1252, 1042),
	FAST(SCOPE_BRANCH, Q_APPARENT_POWER, 1, 42, 1630, 1042),
	PF(SCOPE_BRANCH, Q_POWER_FACTOR, 1, 42, 1294),
	FAST(SCOPE_BRANCH, Q_ACTIVE_POWER_DEMAND, 1, 42, 1378, 1042),
	FAST(SCOPE_BRANCH, Q_MAX_ACTIVE_POWER_DEMAND, 1, 42, 1420, 1042),
	FAST(SCOPE_BRANCH, Q_MAX_ACTIVE_POWER, 1, 42, 1546, 1042),
	ENERGY(SCOPE_BRANCH, 1, 42, 1168, 1084),
	STATUS(SCOPE_BRANCH, Q_ALARM_STATUS, 1, 42, 178),
	SLOW(SCOPE_BRANCH, Q_COUNT_HIGH_HIGH, 1, 42, 301),
	SLOW(SCOPE_BRANCH, Q_COUNT_HIGH, 1, 42, 347),
	SLOW(SCOPE_BRANCH, Q_COUNT_LOW, 1, 42, 393),
	SLOW(SCOPE_BRANCH, Q_COUNT_LOW_LOW, 1, 42, 439),
	SLOW(SCOPE_BRANCH, Q_COUNT_OFF, 1, 42, 485),

	/* aux 1 to 4 are phases a, b, c and neutral: channels 2 to 5; the total is 1 */
	SLOW(SCOPE_MAINS, Q_CT_SIZE, 2, 4, 115),
	SLOW(SCOPE_MAINS, Q_RATING, 2, 4, 161),
	FAST(SCOPE_MAINS, Q_CURRENT, 1, 1, 258, 293),
	FAST(SCOPE_MAINS, Q_CURRENT, 2, 4, 265, 284),
	FAST(SCOPE_MAINS, Q_MAX_CURRENT, 2, 4, 279, 284),
	FAST(SCOPE_MAINS, Q_ACTIVE_POWER, 1, 1, 256, 292),
	FAST(SCOPE_MAINS, Q_ACTIVE_POWER, 2, 3, 259, 288),
	PF(SCOPE_MAINS, Q_POWER_FACTOR, 1, 1, 257),
	PF(SCOPE_MAINS, Q_POWER_FACTOR, 2, 3, 262),
	ENERGY(SCOPE_MAINS, 1, 1, 254, 291),
	STATUS(SCOPE_MAINS, Q_ALARM_STATUS, 2, 4, 220),
	SLOW(SCOPE_MAINS, Q_COUNT_HIGH_HIGH, 2, 4, 343),
	SLOW(SCOPE_MAINS, Q_COUNT_HIGH, 2, 4, 389),
	SLOW(SCOPE_MAINS, Q_COUNT_LOW, 2, 4, 435),
	SLOW(SCOPE_MAINS, Q_COUNT_LOW_LOW, 2, 4, 481),
	SLOW(SCOPE_MAINS, Q_COUNT_OFF, 2, 4, 527),

	FAST(SCOPE_VOLTAGE, Q_VOLTAGE, 1, 3, 248, 244),
	FAST(SCOPE_VOLTAGE, Q_VOLTAGE, 4, 1, 246, 244),
	FAST(SCOPE_VOLTAGE, Q_VOLTAGE, 5, 3, 251, 244),
	FAST(SCOPE_VOLTAGE, Q_VOLTAGE, 8, 1, 247, 244),
	STATUS(SCOPE_VOLTAGE, Q_ALARM_STATUS, 5, 3, 241),
	{ SCOPE_SOURCE, Q_FREQUENCY, 1, 1, 245, NONE, POLL_FAST, -2, TYPE_I16 },

	FAST(SCOPE_TWO_POLE, Q_CURRENT, 1, 21, 4168, 4000),
	FAST(SCOPE_TWO_POLE, Q_ACTIVE_POWER, 1, 21, 4126, 4021),
	ENERGY(SCOPE_TWO_POLE, 1, 21, 4084, 4042),
	FAST(SCOPE_THREE_POLE, Q_CURRENT, 1, 14, 7112, 7000),
	FAST(SCOPE_THREE_POLE, Q_ACTIVE_POWER, 1, 14, 7084, 7014),
	ENERGY(SCOPE_THREE_POLE, 1, 14, 7056, 7028),

	SLOW(SCOPE_THRESHOLD, Q_THRESHOLD, 1, 6, 171),
	SLOW(SCOPE_THRESHOLD, Q_DELAY, 1, 4, 165),
};

static void point_init(struct point *point, const struct row *row)
{
	uint16_t words = row->type == TYPE_U32 ? 2 : 1;

	*point = (struct point){
		.scope = row->scope,
		.quantity = row->quantity,
		.first_channel = row->first_channel,
		.count = row->count,
		.channel_step = 1,
		.reg = (uint16_t)(row->reg - 1),
		.stride = words,
		.words = words,
		.type = row->type,
		.poll = row->poll,
		.models = 7,
		.exponent = row->exponent,
		.scaled = row->scale_reg != NONE,
		.scale_reg = row->scale_reg != NONE ? (uint16_t)(row->scale_reg - 1) : 0,
		.scale_stride = row->scope == SCOPE_VOLTAGE ? 0 : 1,
		.has_rollover = row->quantity == Q_ENERGY,
		.rollover = UINT64_C(1) << 32,
	};
}

#define ALARM(scope_, level_, latched, active, severity_, counter_)                                 \
	{                                                                                          \
		.scope = scope_, .level = level_, .latched_bit = latched, .active_bit = active,    \
		.severity = severity_, .counter = counter_, .threshold = -1,                       \
		.clear = (latched) < 0 ? CLEAR_NONE : CLEAR_ZERO_BITS,                             \
	}
#define CURRENT_ALARMS(scope)                                                                      \
	ALARM(scope, LEVEL_HIGH_HIGH, 0, -1, STATE_CRITICAL, Q_COUNT_HIGH_HIGH),                   \
	ALARM(scope, LEVEL_HIGH, 1, -1, STATE_WARNING, Q_COUNT_HIGH),                              \
	ALARM(scope, LEVEL_LOW, 2, -1, STATE_WARNING, Q_COUNT_LOW),                                \
	ALARM(scope, LEVEL_LOW_LOW, 3, -1, STATE_CRITICAL, Q_COUNT_LOW_LOW),                       \
	ALARM(scope, LEVEL_OFF, 4, -1, STATE_CRITICAL, Q_COUNT_OFF),                               \
	ALARM(scope, LEVEL_HIGH_NON_LATCHING, -1, 8, STATE_WARNING, -1),                           \
	ALARM(scope, LEVEL_LOW_NON_LATCHING, -1, 9, STATE_WARNING, -1)

/* The voltage alarms are latched (0, 1) and shown while they last (8, 9). */
static const struct profile_alarm alarms[] = {
	CURRENT_ALARMS(SCOPE_BRANCH),
	CURRENT_ALARMS(SCOPE_MAINS),
	ALARM(SCOPE_VOLTAGE, LEVEL_HIGH, 0, 8, STATE_CRITICAL, -1),
	ALARM(SCOPE_VOLTAGE, LEVEL_LOW, 1, 9, STATE_CRITICAL, -1),
};

#define LIMIT(level_)                                                                              \
	{                                                                                          \
		.scope = SCOPE_BRANCH, .level = level_, .unit = THRESHOLD_PERMILLE_OF_RATING,      \
		.zero_disables = true,                                                             \
	}

static const struct profile_threshold thresholds[] = {
	LIMIT(LEVEL_HIGH_HIGH), LIMIT(LEVEL_HIGH), LIMIT(LEVEL_LOW), LIMIT(LEVEL_LOW_LOW),
	LIMIT(LEVEL_HIGH_NON_LATCHING), LIMIT(LEVEL_LOW_NON_LATCHING),
};

static void *copy(const void *items, size_t count, size_t size)
{
	return memcpy(xcalloc(count, size), items, count * size);
}

static int compare_points(const void *a, const void *b)
{
	const struct point *x = a, *y = b;

	if (x->scope != y->scope)
		return x->scope < y->scope ? -1 : 1;
	if (x->quantity != y->quantity)
		return x->quantity < y->quantity ? -1 : 1;
	return (int)x->first_channel - (int)y->first_channel;
}

struct profile *fixture_profile(void)
{
	static const struct profile_model models[] = {
		{ .name = "A", .id = 15172 },
		{ .name = "B", .id = 15171 },
		{ .name = "C", .id = 15170 },
	};
	static const struct profile_block blocks[] = {
		{ .first = 0, .last = 542 },
		{ .first = 999, .last = 1670 },
		{ .first = 3999, .last = 4565 },
		{ .first = 6999, .last = 7474 },
	};
	struct profile *profile = xcalloc(1, sizeof(*profile));

	profile->refs = 1;
	text_copy(profile->name, sizeof(profile->name), "fixture");
	text_copy(profile->title, sizeof(profile->title), "BCPME, integer registers");
	profile->base = 1;
	profile->function = 3;
	profile->max_read = 125;
	profile->max_write = 123;
	profile->branches = 42;
	profile->mains = 1;
	profile->no_value_i16 = INT16_MIN;
	memcpy(profile->models, models, sizeof(models));
	profile->n_models = ARRAY_LEN(models);
	profile->n_points = ARRAY_LEN(rows);
	profile->points = xcalloc(profile->n_points, sizeof(*profile->points));
	for (unsigned i = 0; i < profile->n_points; i++)
		point_init(&profile->points[i], &rows[i]);
	qsort(profile->points, profile->n_points, sizeof(*profile->points), compare_points);
	profile->alarms = copy(alarms, ARRAY_LEN(alarms), sizeof(alarms[0]));
	profile->n_alarms = ARRAY_LEN(alarms);
	profile->thresholds = copy(thresholds, ARRAY_LEN(thresholds), sizeof(thresholds[0]));
	profile->n_thresholds = ARRAY_LEN(thresholds);
	profile->blocks = copy(blocks, ARRAY_LEN(blocks), sizeof(blocks[0]));
	profile->n_blocks = ARRAY_LEN(blocks);
	return profile;
}

static void panel_init(struct panel_conf *panel, const struct link_conf *link,
	struct profile *profile, uint32_t index)
{
	*panel = (struct panel_conf){
		.index = index,
		.name = xasprintf("P%u", index),
		.location = xstrdup(""),
		.enabled = true,
		.link = link,
		.unit = (uint8_t)index,
		.profile = profile_ref(profile),
		.encoding = ENCODING_INTEGER,
		.poll_ms = 2000,
		.alarm_poll_ms = 1000,
		.slow_poll_ms = 30000,
		.stale_after = 3,
	};
}

struct config *fixture_config(struct profile *profile, unsigned n_panels)
{
	struct config *config = xcalloc(1, sizeof(*config));

	config->refs = 1;
	config->path = xstrdup("fixture.conf");
	config->agentx_socket = xstrdup("");
	config->state_dir = xstrdup("");
	config->profile_dir = xstrdup("");
	config->n_links = 1;
	config->links = xcalloc(1, sizeof(*config->links));
	config->links[0] = (struct link_conf){
		.index = 1,
		.name = xstrdup("L1"),
		.host = xstrdup("192.0.2.1"),
		.port = 502,
		.device = xstrdup(""),
		.response_timeout_ms = 500,
		.max_registers = 125,
	};
	config->n_panels = n_panels;
	config->panels = xcalloc(n_panels, sizeof(*config->panels));
	for (unsigned i = 0; i < n_panels; i++)
		panel_init(&config->panels[i], &config->links[0], profile, i + 1);
	return config;
}
