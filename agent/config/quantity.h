/*
 * quantity: the vocabulary every part of the agent shares.
 *
 * A value of a panel is named by (scope, quantity, channel). A profile says
 * where in a meter it is, a snapshot holds it, a table column shows it. All
 * numbers inside the agent are integers in the unit given here, which is also
 * the unit of the MIB (product contract, section 5).
 */
#ifndef METERX_CONFIG_QUANTITY_H
#define METERX_CONFIG_QUANTITY_H

#include <stdbool.h>
#include <stddef.h>

/*
 * What a channel number counts. 1 to 4 are the values of MxScope in the MIB.
 *
 *  PANEL        channel 1 only
 *  BRANCH       branch (breaker) number, from 1
 *  MAINS        (mains - 1) * 5 + phase; phase: total 1, a 2, b 3, c 4, neutral 5
 *  VOLTAGE      measure of the main source: an 1 bn 2 cn 3 lnAvg 4 ab 5 bc 6 ca 7 llAvg 8
 *  ALT_VOLTAGE  the same of the alternate source
 *  SOURCE       main 1, alternate 2
 *  TWO_POLE     two-pole meter of the device, from 1 (circuit number 2000 + n)
 *  THREE_POLE   three-pole meter of the device, from 1 (circuit number 3000 + n)
 *  THRESHOLD    index + 1 into profile.thresholds
 *  INPUT        digital input, from 1
 */
enum scope {
	SCOPE_PANEL,
	SCOPE_BRANCH,
	SCOPE_MAINS,
	SCOPE_VOLTAGE,
	SCOPE_ALT_VOLTAGE,
	SCOPE_SOURCE,
	SCOPE_TWO_POLE,
	SCOPE_THREE_POLE,
	SCOPE_THRESHOLD,
	SCOPE_INPUT,
	SCOPE_COUNT,
};

#define MAINS_PHASES 5
enum mains_phase {
	MAINS_TOTAL = 1,
	MAINS_A,
	MAINS_B,
	MAINS_C,
	MAINS_NEUTRAL,
};

#define VOLTAGE_MEASURES 8

#define INPUTS_MAX 64

/* Values of Q_INPUT_STATE, and of mxInputState in the MIB. */
enum input_state {
	INPUT_OPEN = 1,
	INPUT_CLOSED,
};

/* How long a value stays valid when the meter stops answering. */
enum quantity_kind {
	KIND_MEASUREMENT, /* withdrawn after stale-after missed polls */
	KIND_STATUS,      /* alarm bits and counters: the last known state stays */
	KIND_SETTING,     /* configuration of the meter: stays */
	KIND_IDENTITY,    /* serial, model, firmware: stays */
};

enum unit {
	UNIT_NONE, /* counts, bits, codes */
	UNIT_MA,
	UNIT_MV,
	UNIT_MHZ,
	UNIT_W,
	UNIT_VA,
	UNIT_VAR,
	UNIT_PF,         /* 0.001 */
	UNIT_WH,         /* 64 bits */
	UNIT_DECIDEGREE, /* 0.1 degree */
	UNIT_S,
	UNIT_PERMILLE,   /* 0.1 % */
	UNIT_COUNT,
};

enum quantity {
	/* currents and powers: branch, mains, two- and three-pole meters */
	Q_CT_SIZE,
	Q_RATING,
	Q_CURRENT, /* of a multi-pole meter and of mains total: mean of the poles */
	Q_MIN_CURRENT,
	Q_MAX_CURRENT,
	Q_CURRENT_DEMAND,
	Q_MAX_CURRENT_DEMAND,
	Q_ACTIVE_POWER,
	Q_APPARENT_POWER,
	Q_REACTIVE_POWER,
	Q_POWER_FACTOR,
	Q_ACTIVE_POWER_DEMAND,
	Q_MAX_ACTIVE_POWER_DEMAND,
	Q_MAX_ACTIVE_POWER,
	Q_PHASE_ANGLE,
	Q_ENERGY,               /* as the meter counts it; wide */
	Q_ENERGY_DISCONTINUITY, /* wall clock ms; set by the agent, never in a profile; wide */
	Q_PHASE,                /* user assignment of the voltage phase: 0 A, 1 B, 2 C */
	/* poles of two- and three-pole meters */
	Q_CURRENT_1,
	Q_CURRENT_2,
	Q_CURRENT_3,
	Q_ACTIVE_POWER_1,
	Q_ACTIVE_POWER_2,
	Q_ACTIVE_POWER_3,
	Q_APPARENT_POWER_1,
	Q_APPARENT_POWER_2,
	Q_APPARENT_POWER_3,
	Q_POWER_FACTOR_1,
	Q_POWER_FACTOR_2,
	Q_POWER_FACTOR_3,
	Q_CURRENT_DEMAND_1,
	Q_CURRENT_DEMAND_2,
	Q_CURRENT_DEMAND_3,
	Q_MAX_CURRENT_DEMAND_1,
	Q_MAX_CURRENT_DEMAND_2,
	Q_MAX_CURRENT_DEMAND_3,
	Q_MAX_CURRENT_1,
	Q_MAX_CURRENT_2,
	Q_MAX_CURRENT_3,
	/* voltage, alternate voltage, source */
	Q_VOLTAGE,
	Q_FREQUENCY,
	/* alarms: branch, mains, voltage, alternate voltage */
	Q_ALARM_STATUS, /* raw status word; its bits are named by profile.alarms */
	Q_COUNT_HIGH_HIGH,
	Q_COUNT_HIGH,
	Q_COUNT_LOW,
	Q_COUNT_LOW_LOW,
	Q_COUNT_OFF,
	/* threshold */
	Q_THRESHOLD,  /* in the threshold's own unit (struct profile_threshold) */
	Q_DELAY,      /* s */
	Q_HYSTERESIS, /* 0.1 % of the threshold */
	/* panel */
	Q_SERIAL, /* wide */
	Q_FIRMWARE_RESET,
	Q_FIRMWARE_OS,
	Q_DEVICE_ID,
	Q_CT_LAYOUT,
	Q_LOCATION, /* text */
	Q_DEMAND_SUBINTERVALS,
	Q_DEMAND_INTERVAL, /* length of a sub-interval, s */
	Q_ON_DELAY,        /* arming time, s */
	Q_LATCHED_STATUS,
	Q_ACTIVE_STATUS,
	Q_LAST_LATCHED_CHANNEL,
	Q_LAST_ACTIVE_CHANNEL,
	Q_CHANNELS_LATCHED,
	Q_CHANNELS_ACTIVE,
	Q_ERROR_BITMAP_1,
	Q_ERROR_BITMAP_2,
	Q_ERROR_BITMAP_3,
	Q_ERROR_BITMAP_4,
	Q_ERROR_BITMAP_5,
	Q_ERROR_BITMAP_6,
	Q_POWER_UPS,
	Q_HEALTH,
	Q_PRODUCT_ID,
	Q_USER_PHASES,
	Q_MODBUS_ADDRESS,
	Q_BAUD_CODE,
	Q_APPLICATION_STATE,
	/* input */
	Q_INPUT_STATE,  /* enum input_state */
	Q_INPUT_CHANGE, /* wall clock ms; set by the agent, never in a profile; wide */
	QUANTITY_COUNT,
};

struct quantity_info {
	const char *name; /* as written in a profile: "active-power" */
	enum quantity_kind kind;
	enum unit unit;
	bool wide; /* 64 bits in a snapshot, else 32 */
	bool text;
};

struct unit_info {
	const char *symbol; /* "mA" */
	int exponent;       /* the base unit of a profile (A, kW, kWh, Hz, %, 1) times 10^exponent */
	const char *base;   /* "A" */
};

const struct quantity_info *quantity_info(enum quantity quantity);
const struct unit_info *unit_info(enum unit unit);
/* A profile may give this quantity in this scope. */
bool quantity_in_scope(enum quantity quantity, enum scope scope);
const char *scope_name(enum scope scope); /* "branch", "alt-voltage", ... as in profiles */

/* "a", "ln-avg", "main": name of a channel that has one, else NULL. Mains: whatever the set. */
const char *channel_name(enum scope scope, unsigned channel);

/* By name; -1 when there is none of that name. */
int quantity_find(const char *name);
int scope_find(const char *name);

#endif
