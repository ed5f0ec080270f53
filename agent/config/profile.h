/*
 * profile: what one meter model is, as data (conf/profiles/NAME.conf).
 *
 * A profile is read and checked whole, then never changes. It is shared by
 * reference count between the panels that use it. Register numbers in the
 * structures are PDU addresses (0-based); those in the file are as the meter's
 * manual prints them (file option "base").
 */
#ifndef METERX_CONFIG_PROFILE_H
#define METERX_CONFIG_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "config/problem.h"
#include "config/quantity.h"

#define PROFILE_MODELS_MAX 8

/* How often a point is read. A bit mask of classes is written 1u << class. */
enum poll_class {
	POLL_ALARM, /* every alarm-poll: alarm status, latches */
	POLL_FAST,  /* every poll: measurements */
	POLL_SLOW,  /* every slow-poll, and when a trigger moved: settings, counters */
	POLL_ONCE,  /* after every connect: identification */
	POLL_CLASSES,
};
const char *poll_class_name(enum poll_class poll); /* "alarm", as in profiles */

enum word_type {
	TYPE_U16,
	TYPE_I16,
	TYPE_U32,
	TYPE_I32,
	TYPE_F32,
	TYPE_U64,
	TYPE_I64,
	TYPE_BITS,
	TYPE_ASCII,
};
const char *word_type_name(enum word_type type); /* "u16", as in profiles */

enum word_order {
	ORDER_BIG,    /* most significant word in the lowest register */
	ORDER_LITTLE, /* least significant word first */
};

enum access {
	ACCESS_READ,
	ACCESS_WRITE, /* command registers: never read */
	ACCESS_READ_WRITE,
};

/* Which of two places a value is taken from, where a meter offers both. */
enum encoding {
	ENCODING_ANY,	  /* the only place there is */
	ENCODING_INTEGER, /* 16-bit integer with a scale register */
	ENCODING_FLOAT,
	ENCODING_AUTO, /* panel setting: whichever costs less time on the line */
};

/*
 * count channels of one quantity, from first_channel of its scope, each
 * stride registers after the other.
 */
struct point {
	enum scope scope;
	enum quantity quantity;
	uint16_t first_channel;
	uint16_t count;
	uint16_t channel_step; /* channels from one element to the next, normally 1 */
	uint16_t reg;
	uint16_t stride;
	uint16_t words; /* registers of one element: 1, 2, 4; ascii: its length in words */
	enum word_type type;
	enum word_order order;
	enum encoding encoding;
	enum poll_class poll;
	enum access access;
	uint8_t models; /* bit m: model m of profile.models has it */
	/* value = raw * 10^(exponent + scale register) in the base unit (struct unit_info) */
	int8_t exponent;
	bool scaled;	       /* scale and scale_reg are used */
	uint16_t scale;	       /* index into profile.scales */
	uint16_t scale_reg;    /* signed exponent for channel i at scale_reg + i * scale_stride */
	uint16_t scale_stride; /* 0: one for all channels */
	bool has_rollover;
	uint64_t rollover; /* energy: raw value at which the register starts again from 0 */
	bool has_no_value;
	uint64_t no_value; /* raw value that means "absent", beside profile.no_value_i16 */
	/* writable points, raw: permitted range and factory default */
	int32_t min, max, fallback;
	bool has_range, has_default;
};

/* Values of MxLevel in the MIB. */
enum level {
	LEVEL_HIGH_HIGH = 1,
	LEVEL_HIGH,
	LEVEL_LOW,
	LEVEL_LOW_LOW,
	LEVEL_OFF,
	LEVEL_HIGH_NON_LATCHING,
	LEVEL_LOW_NON_LATCHING,
	LEVEL_COUNT,
};
const char *level_name(enum level level); /* "high-high", as in profiles */

/* Values of MxState in the MIB. */
enum worst_state {
	STATE_OK = 1,
	STATE_WARNING,
	STATE_CRITICAL,
	STATE_UNKNOWN,
};

enum clear_method {
	CLEAR_NONE,
	CLEAR_ZERO_BITS, /* write the status register with 0 in the bits to clear; 1: no effect */
	CLEAR_ONES_MASK, /* write a mask with 1 in the bits to clear */
	CLEAR_COMMAND,	 /* write clear_value into clear_reg */
};

/* One alarm kind of one scope; it stands once for every channel that has Q_ALARM_STATUS. */
struct profile_alarm {
	enum scope scope; /* BRANCH, MAINS, VOLTAGE, ALT_VOLTAGE */
	enum level level;
	int8_t latched_bit;	   /* bit of Q_ALARM_STATUS, -1: the meter has no latch for it */
	int8_t active_bit;	   /* bit of Q_ALARM_STATUS, -1: the meter does not show it */
	enum worst_state severity; /* WARNING or CRITICAL */
	int16_t counter;	   /* quantity that counts its latches, -1: none */
	int16_t threshold;	   /* index into thresholds, -1: none */
	enum clear_method clear;
	uint16_t clear_reg, clear_value;
};

/* Unit of a threshold as the meter holds it; values of MxThresholdUnit in the MIB. */
enum threshold_unit {
	THRESHOLD_PERMILLE_OF_RATING = 1, /* 0.1 % of the breaker rating */
	THRESHOLD_MILLIAMP,
	THRESHOLD_MILLIVOLT,
};

/*
 * One adjustable limit: (scope, channel, level) of mxThresholdTable. Its value,
 * delay and hysteresis are Q_THRESHOLD, Q_DELAY, Q_HYSTERESIS of
 * SCOPE_THRESHOLD, channel = index + 1. Sorted by scope, channel, level.
 */
struct profile_threshold {
	enum scope scope;
	uint16_t channel; /* 0: common to all channels of the scope */
	enum level level;
	enum threshold_unit unit;
	bool zero_disables;
};

struct profile_command {
	char name[32];	  /* "clear-latches", "reset-energy", "reset-maxima", "reset-demand", ... */
	enum scope scope; /* PANEL: reg; BRANCH, TWO_POLE, THREE_POLE, MAINS: reg + (channel - 1) */
	uint16_t count;
	uint16_t reg;
	uint16_t value;
};

/*
 * Registers that hold the exponents of points, with a rhythm of their own: they
 * change only when somebody changes CT sizes. Whoever polls keeps the last ones.
 */
struct profile_scale {
	char name[32]; /* as the points of the file refer to it */
	uint16_t reg, count;
	uint16_t stride; /* 0: one for all channels */
	enum poll_class poll;
};

/* Registers that may be read in one request, inclusive; outside all of them is never read. */
struct profile_block {
	uint16_t first, last;
	/*
	 * Not all meters of this kind have it (newer firmware): one that answers
	 * exception 2 (illegal data address) is not asked again until it is
	 * identified anew (plan_want.skip_blocks).
	 */
	bool optional;
};

#define PROFILE_BLOCKS_MAX 64 /* plan_want.skip_blocks has a bit for each */

struct profile_model {
	char name[32]; /* "A" */
	uint16_t id;   /* content of the identification register */
};

/* CT arrangement: which channel is on which voltage phase (reference, section 7). */
struct profile_ct_layout {
	uint16_t value;	 /* content of Q_CT_LAYOUT */
	char name[32];	 /* "top-feed" */
	bool sequential; /* phase A,B,C by (n-1) mod 3, else by floor((n-1)/2) mod 3 */
};

/* What a meter finds wrong with itself; bits of mxPanelHealth in the MIB. */
enum health {
	HEALTH_FREQUENCY,
	HEALTH_VOLTAGE_CLIPPING_A,
	HEALTH_VOLTAGE_CLIPPING_B,
	HEALTH_VOLTAGE_CLIPPING_C,
	HEALTH_CURRENT_CLIPPING,
	HEALTH_CT_STRIP,
	HEALTH_COUNT,
};
const char *health_name(enum health health); /* "ct-strip", as in profiles */

struct profile_health {
	enum health health;
	uint8_t bit; /* of Q_HEALTH */
};

struct profile {
	int refs;	 /* atomic */
	uint64_t digest; /* of the text it was read from, includes too */
	char name[64];
	char title[128];
	unsigned base;		      /* number printed for PDU address 0 */
	unsigned function;	      /* 3 or 4 */
	unsigned max_read, max_write; /* registers per request */
	unsigned branches;	      /* branch channels */
	unsigned mains;		      /* number of mains sets */
	int32_t no_value_i16;	      /* marker, e.g. -32768; outside the i16 range: none */
	struct profile_model models[PROFILE_MODELS_MAX];
	unsigned n_models;    /* 0: one model, not told apart */
	struct point *points; /* sorted by scope, quantity, first_channel, encoding */
	unsigned n_points;
	struct profile_scale *scales;
	unsigned n_scales;
	struct profile_alarm *alarms; /* sorted by scope, level */
	unsigned n_alarms;
	struct profile_threshold *thresholds;
	unsigned n_thresholds;
	struct profile_command *commands;
	unsigned n_commands;
	struct profile_block *blocks; /* sorted, not overlapping */
	unsigned n_blocks;
	struct profile_ct_layout *ct_layouts;
	unsigned n_ct_layouts;
	struct profile_health *health; /* sorted by health */
	unsigned n_health;	       /* 0: Q_HEALTH, if there is any, means nothing to us */
	/*
	 * Registers of class POLL_ALARM whose change means that a latch came and
	 * went between two polls (the global counters): a change makes class
	 * POLL_SLOW due at once. PDU addresses; n_triggers 0: none.
	 */
	uint16_t *triggers;
	unsigned n_triggers;
};

/*
 * Read DIR/NAME.conf. On success *profile has one reference. On failure every
 * problem found is in problems and nothing is returned. No other effect.
 * 0, -EINVAL (problems), or -errno when the file cannot be read (also in problems).
 */
int profile_load(
	const char *dir, const char *name, struct problems *problems, struct profile **profile);
/* The same from a path; the name is the file's name less ".conf". */
int profile_load_file(const char *path, struct problems *problems, struct profile **profile);

struct profile *profile_ref(struct profile *profile); /* any thread */
void profile_unref(struct profile *profile);	      /* any thread; NULL is accepted */

/* Index of the model with that identification, -1 when it is not one of ours. */
int profile_model_find(const struct profile *profile, uint16_t id);

/* Which element of the point a channel of its scope is, -1: none. */
int point_element(const struct point *point, unsigned channel);

/* Highest channel number of a quantity in a scope, 0 when the profile lacks it. */
unsigned profile_channels(const struct profile *profile, enum scope scope, enum quantity quantity);

/* Index of the threshold of that channel: its own, else the common one; -1: none. */
int profile_threshold_find(
	const struct profile *profile, enum scope scope, unsigned channel, enum level level);

/* The alarm of this scope and level, NULL when the profile has none. */
const struct profile_alarm *profile_alarm_find(const struct profile *profile, enum scope scope,
	enum level level);

/* What the meter's word of health says: bit h is set for enum health h. */
uint8_t profile_health_bits(const struct profile *profile, int64_t word);

const struct profile_command *profile_command_find(
	const struct profile *profile, const char *name, enum scope scope);

#endif
