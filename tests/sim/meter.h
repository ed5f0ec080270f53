#ifndef SIM_METER_H
#define SIM_METER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/load.h"

#define SIM_BRANCHES 42
#define SIM_CHANNELS 46 /* and four aux: three mains phases, neutral */
#define SIM_DUALS    21
#define SIM_THREES   14
#define SIM_PHASES   3
#define SIM_WINDOWS  6	 /* most sub-intervals in a demand interval */
#define SIM_LEVELS   5	 /* high-high, high, low, low-low, OFF */
#define SIM_TICK     0.5 /* simulated seconds between two looks at everything */

enum sim_model { SIM_MODEL_A = 1, SIM_MODEL_B = 2, SIM_MODEL_C = 4 };
enum sim_core { SIM_CORE_SOLID = 1, SIM_CORE_SPLIT = 2 };

/*
 * Groups are the meters within the meter: every channel alone, the two- and three-phase blocks over
 * the same channels, and the mains. All of them measure, integrate and average alike.
 */
enum {
	GROUP_BRANCH = 0,
	GROUP_AUX = SIM_BRANCHES,
	GROUP_DUAL = SIM_CHANNELS,
	GROUP_THREE = GROUP_DUAL + SIM_DUALS,
	GROUP_MAINS = GROUP_THREE + SIM_THREES,
	SIM_GROUPS
};

/* Quantities of which a group keeps demand and maximum: amperes per leg, total kilowatts. */
enum { PART_LEG1, PART_LEG2, PART_LEG3, PART_KW, SIM_PARTS };

struct sim_group {
	unsigned legs;
	uint8_t channel[SIM_PHASES]; /* from 0 */
	int8_t phase[SIM_PHASES];    /* of the voltage; -1: none, no power */
	double kw[SIM_PHASES], kva[SIM_PHASES];
	double now[SIM_PARTS], max[SIM_PARTS];
	double demand[SIM_PARTS], max_demand[SIM_PARTS];
	double sum[SIM_PARTS];		     /* value x seconds of the running sub-interval */
	double past[SIM_WINDOWS][SIM_PARTS]; /* means of completed sub-intervals, a ring */
	double kwh;
	int8_t scale_amps, scale_kw, scale_kwh; /* exponents of ten of the integer registers */
};

/* One channel's latching and non-latching alarms. The times are seconds a condition has held. */
struct sim_alarm {
	bool armed;
	double above; /* over low-low, on the way to armed */
	double held[SIM_LEVELS];
	uint16_t bits; /* as in registers 178-223 */
	uint16_t count[SIM_LEVELS];
};

struct sim_channel {
	struct load load;
	double amps, pf;
	bool amps_set, pf_set; /* by a script: the load curve is off */
	struct sim_alarm alarm;
};

/* Written over the wire; 16 bits each, in the order of the register list. */
struct sim_settings {
	uint16_t layout;
	uint16_t location[64];
	uint16_t windows, window_s;
	uint16_t ct[SIM_CHANNELS];
	uint16_t breaker[SIM_CHANNELS];
	uint16_t delay_s[4]; /* high-high, high, low, low-low */
	uint16_t on_s, off_s;
	uint16_t latch[4];		/* thresholds, 0.1 % of the breaker, order as above */
	uint16_t high, low, hysteresis; /* non-latching */
	uint16_t power_ups;
	uint16_t user_phases;
	uint16_t phase[SIM_CHANNELS];
};

/* Of the voltage inputs, shared by both panels. */
struct sim_volt_settings {
	uint16_t over_s, under_s;
	uint16_t over, under; /* volts x 10^-scale, 0: off */
	uint16_t hysteresis;
};

struct sim_volt_alarm {
	double held[2]; /* over, under */
	uint16_t bits;	/* as in registers 241-243 */
};

struct sim_poke {
	uint16_t number, value;
};

struct sim_counts {
	uint64_t requests, words_read, words_written, exceptions;
};

struct sim_device;

struct sim_panel {
	struct sim_device *device;
	unsigned unit;
	struct sim_settings settings;
	struct sim_channel channel[SIM_CHANNELS];
	struct sim_group group[SIM_GROUPS];
	double window_elapsed;
	unsigned window_next, window_filled; /* ring position, completed since the last reset */
	uint16_t count[SIM_LEVELS];	     /* global counters */
	uint16_t last_latched, last_active;  /* channel number, 0: none yet */
	struct sim_poke *pokes;
	size_t n_pokes;
	struct sim_counts counts;
};

struct sim_device {
	struct sim_panel panel[2];
	uint32_t serial;
	enum sim_model model;
	enum sim_core core;
	bool old_firmware;
	bool text_low_first; /* byte order of the location text, on which the lists disagree */
	uint64_t seed;
	double nominal_volts, nominal_hertz;
	double volts[SIM_PHASES], hertz; /* line to neutral */
	bool volts_set[SIM_PHASES], hertz_set;
	int8_t scale_volts;
	struct sim_volt_settings volt_settings;
	struct sim_volt_alarm volt_alarm[SIM_PHASES]; /* A-B, B-C, C-A */
};

/* What to build; see the options of the program. */
struct sim_plan {
	enum sim_model model;
	enum sim_core core;
	bool old_firmware, factory, text_low_first;
	uint32_t serial;
	uint64_t seed;
	double volts, hertz;
	double when; /* time of day in seconds at the start */
};

/* Fill a device as if it had been running for a year: energies, maxima, demands, armed alarms. */
void meter_init(
	struct sim_device *device, const struct sim_plan *plan, unsigned unit1, unsigned unit2);
void meter_fini(struct sim_device *device);

/* Let loads and voltages take the values of a time of day; what a script has set stays. */
void meter_vary(struct sim_device *device, double when);

/* Work out every group from voltages, currents and layout; alarms see it with no time passed. */
void meter_measure(struct sim_device *device);

/* Let time pass, at most SIM_TICK, with the values as measured: energy, demand, alarm delays. */
void meter_pass(struct sim_device *device, double seconds);

/* End the running demand sub-interval, begin the next. */
void meter_new_window(struct sim_panel *panel);

/* The commands of the meter. A cleared group is a branch or block; its kin go with it. */
void meter_clear_energy(struct sim_panel *panel, unsigned group);
void meter_clear_maxima(struct sim_panel *panel, unsigned group);
void meter_clear_all_energy(struct sim_panel *panel);
void meter_clear_all_maxima(struct sim_panel *panel);
void meter_clear_mains_energy(struct sim_panel *panel);
void meter_clear_mains_maxima(struct sim_panel *panel);
void meter_clear_demand(struct sim_panel *panel);
void meter_clear_max_demand(struct sim_panel *panel);

/* Both panels lose power and come back: what the list calls volatile is gone. */
void meter_power_cycle(struct sim_device *device);

/* Channel (from 0) -> voltage phase 0..2, or -1 for the fourth aux input. */
int meter_phase(const struct sim_panel *panel, unsigned channel);

/* Line to neutral: 0..2; line to line: 0 A-B, 1 B-C, 2 C-A. */
double meter_volts_ll(const struct sim_device *device, unsigned pair);
bool meter_frequency_known(const struct sim_device *device);

double group_kva(const struct sim_group *group);
double group_pf(const struct sim_group *group);
double group_leg_pf(const struct sim_group *group, unsigned leg);
double group_average_amps(const struct sim_group *group);

/* Step a counter of the meter: after 32767 comes 1. */
uint16_t meter_count(uint16_t count);

#endif
