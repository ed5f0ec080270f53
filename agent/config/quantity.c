/* quantity: see quantity.h. Tables only, and lookups by name. */
#include "config.h"

#include "config/quantity.h"

#include <assert.h>
#include <string.h>

#include "core/util.h"

#define MEASUREMENT(n, u)                                                                          \
	{                                                                                          \
		.name = n, .kind = KIND_MEASUREMENT, .unit = UNIT_##u                              \
	}
#define STATUS(n)                                                                                  \
	{                                                                                          \
		.name = n, .kind = KIND_STATUS, .unit = UNIT_NONE                                  \
	}
#define SETTING(n, u)                                                                              \
	{                                                                                          \
		.name = n, .kind = KIND_SETTING, .unit = UNIT_##u                                  \
	}
#define IDENTITY(n)                                                                                \
	{                                                                                          \
		.name = n, .kind = KIND_IDENTITY, .unit = UNIT_NONE                                \
	}

static const struct quantity_info quantities[QUANTITY_COUNT] = {
	[Q_CT_SIZE] = SETTING("ct-size", MA),
	[Q_RATING] = SETTING("rating", MA),
	[Q_CURRENT] = MEASUREMENT("current", MA),
	[Q_MIN_CURRENT] = MEASUREMENT("min-current", MA),
	[Q_MAX_CURRENT] = MEASUREMENT("max-current", MA),
	[Q_CURRENT_DEMAND] = MEASUREMENT("current-demand", MA),
	[Q_MAX_CURRENT_DEMAND] = MEASUREMENT("max-current-demand", MA),
	[Q_ACTIVE_POWER] = MEASUREMENT("active-power", W),
	[Q_APPARENT_POWER] = MEASUREMENT("apparent-power", VA),
	[Q_REACTIVE_POWER] = MEASUREMENT("reactive-power", VAR),
	[Q_POWER_FACTOR] = MEASUREMENT("power-factor", PF),
	[Q_ACTIVE_POWER_DEMAND] = MEASUREMENT("active-power-demand", W),
	[Q_MAX_ACTIVE_POWER_DEMAND] = MEASUREMENT("max-active-power-demand", W),
	[Q_MAX_ACTIVE_POWER] = MEASUREMENT("max-active-power", W),
	[Q_PHASE_ANGLE] = MEASUREMENT("phase-angle", DECIDEGREE),
	[Q_ENERGY] = { .name = "energy", .kind = KIND_MEASUREMENT, .unit = UNIT_WH, .wide = true },
	[Q_ENERGY_DISCONTINUITY] = { .name = "energy-discontinuity",
		.kind = KIND_MEASUREMENT,
		.unit = UNIT_NONE,
		.wide = true },
	[Q_PHASE] = SETTING("phase", NONE),
	[Q_CURRENT_1] = MEASUREMENT("current-1", MA),
	[Q_CURRENT_2] = MEASUREMENT("current-2", MA),
	[Q_CURRENT_3] = MEASUREMENT("current-3", MA),
	[Q_ACTIVE_POWER_1] = MEASUREMENT("active-power-1", W),
	[Q_ACTIVE_POWER_2] = MEASUREMENT("active-power-2", W),
	[Q_ACTIVE_POWER_3] = MEASUREMENT("active-power-3", W),
	[Q_APPARENT_POWER_1] = MEASUREMENT("apparent-power-1", VA),
	[Q_APPARENT_POWER_2] = MEASUREMENT("apparent-power-2", VA),
	[Q_APPARENT_POWER_3] = MEASUREMENT("apparent-power-3", VA),
	[Q_POWER_FACTOR_1] = MEASUREMENT("power-factor-1", PF),
	[Q_POWER_FACTOR_2] = MEASUREMENT("power-factor-2", PF),
	[Q_POWER_FACTOR_3] = MEASUREMENT("power-factor-3", PF),
	[Q_CURRENT_DEMAND_1] = MEASUREMENT("current-demand-1", MA),
	[Q_CURRENT_DEMAND_2] = MEASUREMENT("current-demand-2", MA),
	[Q_CURRENT_DEMAND_3] = MEASUREMENT("current-demand-3", MA),
	[Q_MAX_CURRENT_DEMAND_1] = MEASUREMENT("max-current-demand-1", MA),
	[Q_MAX_CURRENT_DEMAND_2] = MEASUREMENT("max-current-demand-2", MA),
	[Q_MAX_CURRENT_DEMAND_3] = MEASUREMENT("max-current-demand-3", MA),
	[Q_MAX_CURRENT_1] = MEASUREMENT("max-current-1", MA),
	[Q_MAX_CURRENT_2] = MEASUREMENT("max-current-2", MA),
	[Q_MAX_CURRENT_3] = MEASUREMENT("max-current-3", MA),
	[Q_VOLTAGE] = MEASUREMENT("voltage", MV),
	[Q_FREQUENCY] = MEASUREMENT("frequency", MHZ),
	[Q_ALARM_STATUS] = STATUS("alarm-status"),
	[Q_COUNT_HIGH_HIGH] = STATUS("count-high-high"),
	[Q_COUNT_HIGH] = STATUS("count-high"),
	[Q_COUNT_LOW] = STATUS("count-low"),
	[Q_COUNT_LOW_LOW] = STATUS("count-low-low"),
	[Q_COUNT_OFF] = STATUS("count-off"),
	[Q_THRESHOLD] = SETTING("threshold", NONE),
	[Q_DELAY] = SETTING("delay", S),
	[Q_HYSTERESIS] = SETTING("hysteresis", PERMILLE),
	[Q_SERIAL] = { .name = "serial", .kind = KIND_IDENTITY, .unit = UNIT_NONE, .wide = true },
	[Q_FIRMWARE_RESET] = IDENTITY("firmware-reset"),
	[Q_FIRMWARE_OS] = IDENTITY("firmware-os"),
	[Q_DEVICE_ID] = IDENTITY("device-id"),
	[Q_CT_LAYOUT] = SETTING("ct-layout", NONE),
	[Q_LOCATION] = { .name = "location",
		.kind = KIND_SETTING,
		.unit = UNIT_NONE,
		.text = true },
	[Q_DEMAND_SUBINTERVALS] = SETTING("demand-subintervals", NONE),
	[Q_DEMAND_INTERVAL] = SETTING("demand-interval", S),
	[Q_ON_DELAY] = SETTING("on-delay", S),
	[Q_LATCHED_STATUS] = STATUS("latched-status"),
	[Q_ACTIVE_STATUS] = STATUS("active-status"),
	[Q_LAST_LATCHED_CHANNEL] = STATUS("last-latched-channel"),
	[Q_LAST_ACTIVE_CHANNEL] = STATUS("last-active-channel"),
	[Q_CHANNELS_LATCHED] = STATUS("channels-latched"),
	[Q_CHANNELS_ACTIVE] = STATUS("channels-active"),
	[Q_ERROR_BITMAP_1] = STATUS("error-bitmap-1"),
	[Q_ERROR_BITMAP_2] = STATUS("error-bitmap-2"),
	[Q_ERROR_BITMAP_3] = STATUS("error-bitmap-3"),
	[Q_ERROR_BITMAP_4] = STATUS("error-bitmap-4"),
	[Q_ERROR_BITMAP_5] = STATUS("error-bitmap-5"),
	[Q_ERROR_BITMAP_6] = STATUS("error-bitmap-6"),
	[Q_POWER_UPS] = STATUS("power-ups"),
	[Q_HEALTH] = STATUS("health"),
	[Q_PRODUCT_ID] = IDENTITY("product-id"),
	[Q_USER_PHASES] = SETTING("user-phases", NONE),
	[Q_MODBUS_ADDRESS] = IDENTITY("modbus-address"),
	[Q_BAUD_CODE] = IDENTITY("baud-code"),
	[Q_APPLICATION_STATE] = IDENTITY("application-state"),
	[Q_INPUT_STATE] = MEASUREMENT("input-state", NONE),
	[Q_INPUT_CHANGE] = { .name = "input-change",
		.kind = KIND_STATUS,
		.unit = UNIT_NONE,
		.wide = true },
};

static const struct unit_info units[UNIT_COUNT] = {
	[UNIT_NONE] = { "", 0, "" },
	[UNIT_MA] = { "mA", 3, "A" },
	[UNIT_MV] = { "mV", 3, "V" },
	[UNIT_MHZ] = { "mHz", 3, "Hz" },
	[UNIT_W] = { "W", 3, "kW" },
	[UNIT_VA] = { "VA", 3, "kVA" },
	[UNIT_VAR] = { "var", 3, "kvar" },
	[UNIT_PF] = { "0.001", 3, "1" },
	[UNIT_WH] = { "Wh", 3, "kWh" },
	[UNIT_DECIDEGREE] = { "0.1 deg", 1, "deg" },
	[UNIT_S] = { "s", 0, "s" },
	[UNIT_PERMILLE] = { "0.1 %", 1, "%" },
};

static const char *const phase_names[] = { "total", "a", "b", "c", "neutral", NULL };
static const char *const measure_names[] = { "an", "bn", "cn", "ln-avg", "ab", "bc", "ca", "ll-avg",
	NULL };
static const char *const source_names[] = { "main", "alternate", NULL };
static const char *const *const channel_names[SCOPE_COUNT] = {
	[SCOPE_MAINS] = phase_names,
	[SCOPE_VOLTAGE] = measure_names,
	[SCOPE_ALT_VOLTAGE] = measure_names,
	[SCOPE_SOURCE] = source_names,
};

#define IN(scope) (1u << SCOPE_##scope)
#define CIRCUITS  (IN(BRANCH) | IN(MAINS) | IN(TWO_POLE) | IN(THREE_POLE))
#define ALARMED	  (IN(BRANCH) | IN(MAINS) | IN(VOLTAGE) | IN(ALT_VOLTAGE))

/* Runs of the enumeration, in its order: up to and including last. */
static const struct {
	enum quantity last;
	unsigned scopes;
} homes[] = {
	{ Q_ENERGY, CIRCUITS },
	{ Q_ENERGY_DISCONTINUITY, 0 },
	{ Q_PHASE, IN(BRANCH) | IN(MAINS) },
	{ Q_MAX_CURRENT_3, IN(TWO_POLE) | IN(THREE_POLE) },
	{ Q_VOLTAGE, IN(VOLTAGE) | IN(ALT_VOLTAGE) },
	{ Q_FREQUENCY, IN(SOURCE) },
	{ Q_ALARM_STATUS, ALARMED },
	{ Q_COUNT_OFF, ALARMED | IN(PANEL) },
	{ Q_HYSTERESIS, IN(THRESHOLD) },
	{ Q_APPLICATION_STATE, IN(PANEL) },
	{ Q_INPUT_STATE, IN(INPUT) },
	{ QUANTITY_COUNT, 0 },
};

static const char *const scopes[SCOPE_COUNT] = {
	[SCOPE_PANEL] = "panel",
	[SCOPE_BRANCH] = "branch",
	[SCOPE_MAINS] = "mains",
	[SCOPE_VOLTAGE] = "voltage",
	[SCOPE_ALT_VOLTAGE] = "alt-voltage",
	[SCOPE_SOURCE] = "source",
	[SCOPE_TWO_POLE] = "two-pole",
	[SCOPE_THREE_POLE] = "three-pole",
	[SCOPE_THRESHOLD] = "threshold",
	[SCOPE_INPUT] = "input",
};

const struct quantity_info *quantity_info(enum quantity quantity)
{
	assert(quantity < QUANTITY_COUNT);
	return &quantities[quantity];
}

const struct unit_info *unit_info(enum unit unit)
{
	assert(unit < UNIT_COUNT);
	return &units[unit];
}

bool quantity_in_scope(enum quantity quantity, enum scope scope)
{
	size_t i = 0;

	while (quantity > homes[i].last)
		i++;
	return (homes[i].scopes & 1u << scope) != 0;
}

const char *scope_name(enum scope scope)
{
	assert(scope < SCOPE_COUNT);
	return scopes[scope];
}

const char *channel_name(enum scope scope, unsigned channel)
{
	const char *const *names = channel_names[scope];
	unsigned n = 0;

	if (names == NULL || channel == 0)
		return NULL;
	while (names[n] != NULL)
		n++;
	if (scope == SCOPE_MAINS)
		channel = (channel - 1) % n + 1;
	return channel <= n ? names[channel - 1] : NULL;
}

int quantity_find(const char *name)
{
	for (int i = 0; i < QUANTITY_COUNT; i++) {
		if (strcmp(quantities[i].name, name) == 0)
			return i;
	}
	return -1;
}

int scope_find(const char *name)
{
	for (int i = 0; i < SCOPE_COUNT; i++) {
		if (strcmp(scopes[i], name) == 0)
			return i;
	}
	return -1;
}
