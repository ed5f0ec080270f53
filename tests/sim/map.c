/*
 * The register list of the meter: which numbers exist, who may do what with them on which model,
 * and what a word of each says. Typed in from the manufacturer's lists, which is the point: the
 * daemon's profiles were typed in apart from this, so that a slip in one of them shows as a
 * difference. Numbers are the printed ones, from 1. Where the lists are silent, we chose: an energy
 * pair that a model does not have reads 0x8000 twice; a phase with nothing on it has power factor
 * 0; reserved registers read 0; a write is refused with exception 2 where nothing may be written
 * and with 3 where only this value may not; a write-only register cannot be read.
 */
#include "config.h"

#include "sim/map.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/alarm.h"

#define A      SIM_MODEL_A
#define AB     (SIM_MODEL_A | SIM_MODEL_B)
#define ABC    (SIM_MODEL_A | SIM_MODEL_B | SIM_MODEL_C)
#define RW     (MAP_READ | MAP_WRITE)
#define LATE   MAP_LATE
#define COMMON 16 /* a setting of the voltages, shared by both panels */

#define NO_VALUE       0x8000
#define NO_VALUE_FLOAT 0x7fc00000u

#define ENERGY_RESET	 10203
#define MAXIMA_RESET	 29877
#define NEW_SUBINTERVAL	 26012
#define DEMAND_RESET	 26013
#define ALARM_RESET	 31010
#define MAX_DEMAND_RESET 20097

/* ---- measured values ---- */

typedef double value_fn(const struct sim_panel *panel, unsigned group, unsigned part);

static double now(const struct sim_panel *panel, unsigned group, unsigned part)
{
	return panel->group[group].now[part];
}

static double maximum(const struct sim_panel *panel, unsigned group, unsigned part)
{
	return panel->group[group].max[part];
}

static double demand(const struct sim_panel *panel, unsigned group, unsigned part)
{
	return panel->group[group].demand[part];
}

static double max_demand(const struct sim_panel *panel, unsigned group, unsigned part)
{
	return panel->group[group].max_demand[part];
}

static double energy(const struct sim_panel *panel, unsigned group, unsigned part)
{
	(void)part;
	return panel->group[group].kwh;
}

static double average(const struct sim_panel *panel, unsigned group, unsigned part)
{
	(void)part;
	return group_average_amps(&panel->group[group]);
}

static double pf(const struct sim_panel *panel, unsigned group, unsigned part)
{
	(void)part;
	return group_pf(&panel->group[group]);
}

static double kva(const struct sim_panel *panel, unsigned group, unsigned part)
{
	(void)part;
	return group_kva(&panel->group[group]);
}

static double leg_kw(const struct sim_panel *panel, unsigned group, unsigned part)
{
	return panel->group[group].kw[part];
}

static double leg_pf(const struct sim_panel *panel, unsigned group, unsigned part)
{
	return group_leg_pf(&panel->group[group], part);
}

static double leg_kva(const struct sim_panel *panel, unsigned group, unsigned part)
{
	return panel->group[group].kva[part];
}

static double scale_amps(const struct sim_panel *panel, unsigned group, unsigned part)
{
	(void)part;
	return panel->group[group].scale_amps;
}

static double scale_kw(const struct sim_panel *panel, unsigned group, unsigned part)
{
	(void)part;
	return panel->group[group].scale_kw;
}

static double scale_kwh(const struct sim_panel *panel, unsigned group, unsigned part)
{
	(void)part;
	return panel->group[group].scale_kwh;
}

static double scale_volts(const struct sim_panel *panel, unsigned item, unsigned part)
{
	(void)item, (void)part;
	return panel->device->scale_volts;
}

static double hertz(const struct sim_panel *panel, unsigned item, unsigned part)
{
	(void)item, (void)part;
	return meter_frequency_known(panel->device) ? panel->device->hertz : NAN;
}

static double volts_ln(const struct sim_panel *panel, unsigned item, unsigned part)
{
	(void)part;
	return panel->device->volts[item];
}

static double volts_ll(const struct sim_panel *panel, unsigned item, unsigned part)
{
	(void)part;
	return meter_volts_ll(panel->device, item);
}

static double volts_ln_average(const struct sim_panel *panel, unsigned item, unsigned part)
{
	const double *volts = panel->device->volts;

	(void)item, (void)part;
	return (volts[0] + volts[1] + volts[2]) / 3;
}

static double volts_ll_average(const struct sim_panel *panel, unsigned item, unsigned part)
{
	double sum = 0;

	(void)item, (void)part;
	for (unsigned pair = 0; pair < SIM_PHASES; pair++)
		sum += meter_volts_ll(panel->device, pair);
	return sum / 3;
}

enum { PLAIN, FIX2, FIX3, AMPS, KW, KWH, VOLTS }; /* which exponent the integer form has */

struct measured {
	const char *name;
	uint16_t integer, real; /* first register of each form, 0: it has none */
	uint8_t items, base, part, scale, models;
	value_fn *value;
};

static const struct measured measured[] = {
	/* section 5: voltages and mains */
	{ "voltage scale", 244, 0, 1, 0, 0, PLAIN, AB, scale_volts },
	{ "frequency, Hz", 245, 600, 1, 0, 0, FIX2, AB, hertz },
	{ "V L-N, average", 246, 602, 1, 0, 0, VOLTS, AB, volts_ln_average },
	{ "V L-L, average", 247, 604, 1, 0, 0, VOLTS, AB, volts_ll_average },
	{ "V A-N, B-N, C-N", 248, 606, 3, 0, 0, VOLTS, AB, volts_ln },
	{ "V A-B, B-C, A-C", 251, 612, 3, 0, 0, VOLTS, AB, volts_ll },
	{ "3-phase energy, kWh", 254, 618, 1, GROUP_MAINS, 0, KWH, AB, energy },
	{ "3-phase kW", 256, 620, 1, GROUP_MAINS, PART_KW, KW, AB, now },
	{ "3-phase power factor", 257, 622, 1, GROUP_MAINS, 0, FIX3, AB, pf },
	{ "3-phase average current, A", 258, 624, 1, GROUP_MAINS, 0, AMPS, ABC, average },
	{ "kW phase 1-3", 259, 626, 3, GROUP_AUX, PART_KW, KW, AB, now },
	{ "power factor phase 1-3", 262, 632, 3, GROUP_AUX, 0, FIX3, AB, pf },
	{ "current aux 1-4, A", 265, 638, 4, GROUP_AUX, 0, AMPS, ABC, now },
	{ "current demand aux 1-4, A", 269, 646, 4, GROUP_AUX, 0, AMPS, ABC, demand },
	{ "max current demand aux 1-4, A", 273, 654, 4, GROUP_AUX, 0, AMPS, ABC, max_demand },
	{ "3-phase kW demand", 277, 662, 1, GROUP_MAINS, PART_KW, KW, AB, demand },
	{ "3-phase max kW demand", 278, 664, 1, GROUP_MAINS, PART_KW, KW, AB, max_demand },
	{ "max current aux 1-4, A", 279, 666, 4, GROUP_AUX, 0, AMPS, ABC, maximum },
	{ "3-phase max kW", 283, 674, 1, GROUP_MAINS, PART_KW, KW, AB, maximum },
	{ "current scale aux 1-4", 284, 0, 4, GROUP_AUX, 0, PLAIN, ABC, scale_amps },
	{ "power scale phase 1-3", 288, 0, 3, GROUP_AUX, 0, PLAIN, AB, scale_kw },
	{ "energy scale, 3-phase", 291, 0, 1, GROUP_MAINS, 0, PLAIN, AB, scale_kwh },
	{ "power scale, 3-phase", 292, 0, 1, GROUP_MAINS, 0, PLAIN, AB, scale_kw },
	{ "current scale, 3-phase average", 293, 0, 1, GROUP_MAINS, 0, PLAIN, ABC, scale_amps },
	{ "3-phase kVA", 540, 676, 1, GROUP_MAINS, 0, KW, AB | LATE, kva },
	{ "kVA phase 1-3", 541, 678, 3, GROUP_AUX, 0, KW, AB | LATE, kva },
	/* section 7: 42 branches */
	{ "branch current scale", 1000, 0, 42, GROUP_BRANCH, 0, PLAIN, ABC, scale_amps },
	{ "branch power scale", 1042, 0, 42, GROUP_BRANCH, 0, PLAIN, A, scale_kw },
	{ "branch energy scale", 1084, 0, 42, GROUP_BRANCH, 0, PLAIN, A, scale_kwh },
	{ "branch energy, kWh", 1168, 2000, 42, GROUP_BRANCH, 0, KWH, A, energy },
	{ "branch kW", 1252, 2084, 42, GROUP_BRANCH, PART_KW, KW, A, now },
	{ "branch power factor", 1294, 2168, 42, GROUP_BRANCH, 0, FIX3, A, pf },
	{ "branch current, A", 1336, 2252, 42, GROUP_BRANCH, 0, AMPS, ABC, now },
	{ "branch kW demand", 1378, 2336, 42, GROUP_BRANCH, PART_KW, KW, A, demand },
	{ "branch max kW demand", 1420, 2420, 42, GROUP_BRANCH, PART_KW, KW, A, max_demand },
	{ "branch current demand, A", 1462, 2504, 42, GROUP_BRANCH, 0, AMPS, ABC, demand },
	{ "branch max current demand, A", 1504, 2588, 42, GROUP_BRANCH, 0, AMPS, ABC, max_demand },
	{ "branch max kW", 1546, 2672, 42, GROUP_BRANCH, PART_KW, KW, A, maximum },
	{ "branch max current, A", 1588, 2756, 42, GROUP_BRANCH, 0, AMPS, ABC, maximum },
	{ "branch kVA", 1630, 2840, 42, GROUP_BRANCH, 0, KW, A | LATE, kva },
	/* section 8: 21 two-phase meters */
	{ "2-phase current scale", 4000, 0, 21, GROUP_DUAL, 0, PLAIN, ABC, scale_amps },
	{ "2-phase power scale", 4021, 0, 21, GROUP_DUAL, 0, PLAIN, A, scale_kw },
	{ "2-phase energy scale", 4042, 0, 21, GROUP_DUAL, 0, PLAIN, A, scale_kwh },
	{ "2-phase energy, kWh", 4084, 5000, 21, GROUP_DUAL, 0, KWH, A, energy },
	{ "2-phase kW", 4126, 5042, 21, GROUP_DUAL, PART_KW, KW, A, now },
	{ "2-phase power factor", 4147, 5084, 21, GROUP_DUAL, 0, FIX3, A, pf },
	{ "2-phase average current, A", 4168, 5126, 21, GROUP_DUAL, 0, AMPS, ABC, average },
	{ "2-phase kW phase 1", 4189, 5168, 21, GROUP_DUAL, 0, KW, A, leg_kw },
	{ "2-phase kW phase 2", 4210, 5210, 21, GROUP_DUAL, 1, KW, A, leg_kw },
	{ "2-phase power factor phase 1", 4231, 5252, 21, GROUP_DUAL, 0, FIX3, A, leg_pf },
	{ "2-phase power factor phase 2", 4252, 5294, 21, GROUP_DUAL, 1, FIX3, A, leg_pf },
	{ "2-phase current phase 1, A", 4273, 5336, 21, GROUP_DUAL, 0, AMPS, ABC, now },
	{ "2-phase current phase 2, A", 4294, 5378, 21, GROUP_DUAL, 1, AMPS, ABC, now },
	{ "2-phase kW demand", 4315, 5420, 21, GROUP_DUAL, PART_KW, KW, A, demand },
	{ "2-phase max kW demand", 4336, 5462, 21, GROUP_DUAL, PART_KW, KW, A, max_demand },
	{ "2-phase current demand phase 1, A", 4357, 5504, 21, GROUP_DUAL, 0, AMPS, ABC, demand },
	{ "2-phase current demand phase 2, A", 4378, 5546, 21, GROUP_DUAL, 1, AMPS, ABC, demand },
	{ "2-phase max current demand phase 1, A", 4399, 5588, 21, GROUP_DUAL, 0, AMPS, ABC,
		max_demand },
	{ "2-phase max current demand phase 2, A", 4420, 5630, 21, GROUP_DUAL, 1, AMPS, ABC,
		max_demand },
	{ "2-phase max current phase 1, A", 4441, 5672, 21, GROUP_DUAL, 0, AMPS, ABC, maximum },
	{ "2-phase max current phase 2, A", 4462, 5714, 21, GROUP_DUAL, 1, AMPS, ABC, maximum },
	{ "2-phase max kW", 4483, 5756, 21, GROUP_DUAL, PART_KW, KW, A, maximum },
	{ "2-phase kVA", 4504, 5798, 21, GROUP_DUAL, 0, KW, A | LATE, kva },
	{ "2-phase kVA phase 1", 4525, 5840, 21, GROUP_DUAL, 0, KW, A | LATE, leg_kva },
	{ "2-phase kVA phase 2", 4546, 5882, 21, GROUP_DUAL, 1, KW, A | LATE, leg_kva },
	/* section 9: 14 three-phase meters */
	{ "3-phase block current scale", 7000, 0, 14, GROUP_THREE, 0, PLAIN, ABC, scale_amps },
	{ "3-phase block power scale", 7014, 0, 14, GROUP_THREE, 0, PLAIN, A, scale_kw },
	{ "3-phase block energy scale", 7028, 0, 14, GROUP_THREE, 0, PLAIN, A, scale_kwh },
	{ "3-phase block energy, kWh", 7056, 8000, 14, GROUP_THREE, 0, KWH, A, energy },
	{ "3-phase block kW", 7084, 8028, 14, GROUP_THREE, PART_KW, KW, A, now },
	{ "3-phase block power factor", 7098, 8056, 14, GROUP_THREE, 0, FIX3, A, pf },
	{ "3-phase block average current, A", 7112, 8084, 14, GROUP_THREE, 0, AMPS, ABC, average },
	{ "3-phase block kW phase 1", 7126, 8112, 14, GROUP_THREE, 0, KW, A, leg_kw },
	{ "3-phase block kW phase 2", 7140, 8140, 14, GROUP_THREE, 1, KW, A, leg_kw },
	{ "3-phase block kW phase 3", 7154, 8168, 14, GROUP_THREE, 2, KW, A, leg_kw },
	{ "3-phase block power factor phase 1", 7168, 8196, 14, GROUP_THREE, 0, FIX3, A, leg_pf },
	{ "3-phase block power factor phase 2", 7182, 8224, 14, GROUP_THREE, 1, FIX3, A, leg_pf },
	{ "3-phase block power factor phase 3", 7196, 8252, 14, GROUP_THREE, 2, FIX3, A, leg_pf },
	{ "3-phase block current phase 1, A", 7210, 8280, 14, GROUP_THREE, 0, AMPS, ABC, now },
	{ "3-phase block current phase 2, A", 7224, 8308, 14, GROUP_THREE, 1, AMPS, ABC, now },
	{ "3-phase block current phase 3, A", 7238, 8336, 14, GROUP_THREE, 2, AMPS, ABC, now },
	{ "3-phase block kW demand", 7252, 8364, 14, GROUP_THREE, PART_KW, KW, A, demand },
	{ "3-phase block max kW demand", 7266, 8392, 14, GROUP_THREE, PART_KW, KW, A, max_demand },
	{ "3-phase block current demand phase 1, A", 7280, 8420, 14, GROUP_THREE, 0, AMPS, ABC,
		demand },
	{ "3-phase block current demand phase 2, A", 7294, 8448, 14, GROUP_THREE, 1, AMPS, ABC,
		demand },
	{ "3-phase block current demand phase 3, A", 7308, 8476, 14, GROUP_THREE, 2, AMPS, ABC,
		demand },
	{ "3-phase block max current demand phase 1, A", 7322, 8504, 14, GROUP_THREE, 0, AMPS, ABC,
		max_demand },
	{ "3-phase block max current demand phase 2, A", 7336, 8532, 14, GROUP_THREE, 1, AMPS, ABC,
		max_demand },
	{ "3-phase block max current demand phase 3, A", 7350, 8560, 14, GROUP_THREE, 2, AMPS, ABC,
		max_demand },
	{ "3-phase block max current phase 1, A", 7364, 8588, 14, GROUP_THREE, 0, AMPS, ABC,
		maximum },
	{ "3-phase block max current phase 2, A", 7378, 8616, 14, GROUP_THREE, 1, AMPS, ABC,
		maximum },
	{ "3-phase block max current phase 3, A", 7392, 8644, 14, GROUP_THREE, 2, AMPS, ABC,
		maximum },
	{ "3-phase block max kW", 7406, 8672, 14, GROUP_THREE, PART_KW, KW, A, maximum },
	{ "3-phase block kVA", 7420, 8700, 14, GROUP_THREE, 0, KW, A | LATE, kva },
	{ "3-phase block kVA phase 1", 7434, 8728, 14, GROUP_THREE, 0, KW, A | LATE, leg_kva },
	{ "3-phase block kVA phase 2", 7448, 8756, 14, GROUP_THREE, 1, KW, A | LATE, leg_kva },
	{ "3-phase block kVA phase 3", 7462, 8784, 14, GROUP_THREE, 2, KW, A | LATE, leg_kva },
};

static int exponent(const struct sim_panel *panel, const struct measured *row, unsigned group)
{
	switch (row->scale) {
	case FIX2:
		return -2;
	case FIX3:
		return -3;
	case AMPS:
		return panel->group[group].scale_amps;
	case KW:
		return panel->group[group].scale_kw;
	case KWH:
		return panel->group[group].scale_kwh;
	case VOLTS:
		return panel->device->scale_volts;
	default:
		return 0;
	}
}

/* Too large for 16 bits shows as the largest that fits; -32768 means something else. */
static uint16_t as_integer(double value, int scale)
{
	double raw = round(value / pow(10, scale));

	if (isnan(raw))
		return NO_VALUE;
	return (uint16_t)(int16_t)fmax(-32767, fmin(32767, raw));
}

static uint32_t as_energy(double kwh, int scale)
{
	return (uint32_t)(uint64_t)fmod(round(kwh / pow(10, scale)), 4294967296.0);
}

static uint32_t as_float(double value)
{
	float real = (float)value;
	uint32_t bits;

	if (isnan(value))
		return NO_VALUE_FLOAT;
	memcpy(&bits, &real, sizeof(bits));
	return bits;
}

static uint16_t half(uint32_t pair, unsigned word)
{
	return (uint16_t)(word ? pair : pair >> 16);
}

static uint16_t read_measured(
	const struct sim_panel *panel, const struct map_area *area, unsigned item, unsigned word)
{
	const struct measured *row = area->row;
	unsigned group = row->base + item;
	double value = row->value(panel, group, row->part);
	int scale = exponent(panel, row, group);

	if (area->kind == MAP_FLOAT)
		return half(as_float(value), word);
	if (area->kind == MAP_ENERGY)
		return half(as_energy(value, scale), word);
	return as_integer(value, scale);
}

/* What a register without a value on this model reads. */
static uint16_t no_value(const struct map_area *area, unsigned word)
{
	return area->kind == MAP_FLOAT ? half(NO_VALUE_FLOAT, word) : NO_VALUE;
}

/* ---- settings ---- */

struct setting {
	const char *name;
	uint16_t first, items, min, max;
	size_t offset; /* of the first word, in the settings of the panel or of the voltages */
	uint8_t models;
};

#define PANEL(field)  offsetof(struct sim_settings, field)
#define SHARED(field) offsetof(struct sim_volt_settings, field)

static const struct setting settings[] = {
	{ "CT strip arrangement", 6, 1, 0, 3, PANEL(layout), ABC },
	{ "location", 7, 64, 0, 65535, PANEL(location), ABC },
	{ "sub-intervals per demand interval", 71, 1, 1, 6, PANEL(windows), ABC },
	{ "sub-interval length, s; 0: by command", 72, 1, 10, 32767, PANEL(window_s), ABC },
	{ "CT size, branch 1-42, A", 73, 42, 0, 32767, PANEL(ct), ABC },
	{ "CT size, aux 1-4, A", 115, 4, 0, 32767, PANEL(ct) + 2 * GROUP_AUX, ABC },
	{ "breaker size, branch 1-42, A", 119, 42, 0, 32767, PANEL(breaker), ABC },
	{ "breaker size, aux 1-4, A", 161, 4, 0, 32767, PANEL(breaker) + 2 * GROUP_AUX, ABC },
	{ "delay of high-high, high, low, low-low, s", 165, 4, 0, 32767, PANEL(delay_s), ABC },
	{ "ON time, s", 169, 1, 0, 32767, PANEL(on_s), ABC },
	{ "OFF time, s", 170, 1, 0, 32767, PANEL(off_s), ABC },
	{ "threshold of high-high, high, low, low-low, 0.1 %", 171, 4, 0, 1000, PANEL(latch), ABC },
	{ "non-latching high threshold, 0.1 %", 175, 1, 0, 1000, PANEL(high), ABC },
	{ "non-latching low threshold, 0.1 %", 176, 1, 0, 1000, PANEL(low), ABC },
	{ "non-latching hysteresis, 0.1 %", 177, 1, 0, 1000, PANEL(hysteresis), ABC },
	{ "overvoltage delay, s", 236, 1, 0, 32767, SHARED(over_s), AB | COMMON },
	{ "undervoltage delay, s", 237, 1, 0, 32767, SHARED(under_s), AB | COMMON },
	{ "overvoltage threshold, V L-L", 238, 1, 0, 32767, SHARED(over), AB | COMMON },
	{ "undervoltage threshold, V L-L", 239, 1, 0, 32767, SHARED(under), AB | COMMON },
	{ "voltage hysteresis, 0.1 %", 240, 1, 0, 1000, SHARED(hysteresis), AB | COMMON },
	{ "power-ups", 531, 1, 0, 32767, PANEL(power_ups), ABC },
	{ "user phase assignment", 62017, 1, 0, 1, PANEL(user_phases), ABC | LATE },
	{ "voltage phase of branch 1-42", 62116, 42, 0, 2, PANEL(phase), A | LATE },
	{ "voltage phase of aux 1-4", 62158, 4, 0, 2, PANEL(phase) + 2 * GROUP_AUX, AB | LATE },
};

static uint16_t *setting_word(
	const struct sim_panel *panel, const struct setting *row, unsigned item)
{
	char *base = row->models & COMMON ? (char *)&panel->device->volt_settings
					  : (char *)&panel->settings;

	return (uint16_t *)(base + row->offset) + item;
}

/* The ranges that are not one interval, or not the same for solid and split cores. */
static bool fits(const struct sim_panel *panel, const struct setting *row, uint16_t word)
{
	bool split = panel->device->core == SIM_CORE_SPLIT;

	if (row->first == 6 && split && word % 2)
		return false; /* reserved for solid core */
	if (row->first == 72 && word == 0)
		return true;
	if (row->first == 115 && !split && word == 0)
		return false;
	return word >= row->min && word <= row->max;
}

/* ---- other words: identification, status, counters ---- */

typedef uint16_t word_fn(const struct sim_panel *panel, unsigned item);
typedef void store_fn(struct sim_panel *panel, unsigned item, uint16_t word);

static uint16_t serial(const struct sim_panel *panel, unsigned item)
{
	return half(panel->device->serial, item);
}

static uint16_t firmware(const struct sim_panel *panel, unsigned item)
{
	static const uint16_t revisions[2][2] = { { 2010, 2021 }, { 1007, 1012 } };

	return revisions[panel->device->old_firmware][item];
}

static uint16_t device_id(const struct sim_panel *panel, unsigned item)
{
	(void)item;
	switch (panel->device->model) {
	case SIM_MODEL_A:
		return 15172;
	case SIM_MODEL_B:
		return 15171;
	default:
		return 15170;
	}
}

static uint16_t channel_status(const struct sim_panel *panel, unsigned item)
{
	return panel->channel[item].alarm.bits;
}

static uint16_t volt_status(const struct sim_panel *panel, unsigned item)
{
	return panel->device->volt_alarm[item].bits;
}

static void store_volt_status(struct sim_panel *panel, unsigned item, uint16_t word)
{
	alarm_clear_volts(panel->device, item, word);
}

/* Registers 224-229. */
static uint16_t global_status(const struct sim_panel *panel, unsigned item)
{
	const uint16_t words[] = { alarm_global_latched(panel), alarm_global_active(panel),
		panel->last_latched, panel->last_active,
		(uint16_t)alarm_channels(panel, ALARM_LATCHED),
		(uint16_t)alarm_channels(panel, ALARM_HIGH | ALARM_LOW) };

	return words[item];
}

static uint16_t global_counter(const struct sim_panel *panel, unsigned item)
{
	return panel->count[item];
}

static uint16_t channel_counter(const struct sim_panel *panel, unsigned item)
{
	return panel->channel[item % SIM_CHANNELS].alarm.count[item / SIM_CHANNELS];
}

/* The lists do not say where clipping begins: we take 20 % over the CT, and 350 V. */
static uint16_t health(const struct sim_panel *panel, unsigned item)
{
	const struct sim_device *device = panel->device;
	unsigned bits = 0;

	(void)item;
	for (unsigned i = 0; i < SIM_CHANNELS; i++)
		if (panel->settings.ct[i] && panel->channel[i].amps > 1.2 * panel->settings.ct[i])
			bits |= 1u << 5;
	if (device->model == SIM_MODEL_C)
		return (uint16_t)(bits | 1u << 13);
	for (unsigned phase = 0; phase < SIM_PHASES; phase++)
		if (device->volts[phase] > 350)
			bits |= 1u << (2 + phase);
	if (!meter_frequency_known(device))
		bits |= 1u << 1;
	return (uint16_t)(bits | (device->model == SIM_MODEL_A ? 1u << 15 : 1u << 14));
}

static uint16_t product(const struct sim_panel *panel, unsigned item)
{
	(void)item;
	return panel->device->core == SIM_CORE_SOLID ? 0x1001 : 0x1002;
}

/* 60000-60004: address, baud rate, password and self test, application running. */
static uint16_t switches(const struct sim_panel *panel, unsigned item)
{
	const uint16_t words[] = { (uint16_t)panel->unit, 0, 0, 0, 1 };

	return words[item];
}

struct word {
	const char *name;
	uint16_t first, items;
	word_fn *get;
	store_fn *store; /* NULL: read-only */
	uint8_t models;
};

static const struct word words[] = {
	{ "serial number", 1, 2, serial, NULL, ABC },
	{ "firmware revisions", 3, 2, firmware, NULL, ABC },
	{ "device id", 5, 1, device_id, NULL, ABC },
	{ "alarm status, channel 1-46", 178, 46, channel_status, alarm_clear, ABC },
	{ "global alarm status", 224, 6, global_status, NULL, ABC },
	{ "voltage alarm status, input 1-3", 241, 3, volt_status, store_volt_status, AB },
	{ "global counters HH, H, L, LL, OFF", 296, 5, global_counter, NULL, ABC },
	{ "channel counters HH, H, L, LL, OFF", 301, 230, channel_counter, NULL, ABC },
	{ "device health", 532, 1, health, NULL, ABC },
	{ "product id", 539, 1, product, NULL, ABC | LATE },
	{ "DIP switches, application", 60000, 5, switches, NULL, ABC },
};

/* ---- commands ---- */

typedef void command_fn(struct sim_panel *panel);
typedef void group_command_fn(struct sim_panel *panel, unsigned group);

struct command {
	uint16_t value;
	command_fn *all;       /* either this */
	group_command_fn *one; /* or this, for the group of the register */
};

static const struct command aux_commands[] = {
	{ ENERGY_RESET, meter_clear_mains_energy, NULL },
	{ MAXIMA_RESET, meter_clear_mains_maxima, NULL },
	{ 0, NULL, NULL },
};

static const struct command global_commands[] = {
	{ NEW_SUBINTERVAL, meter_new_window, NULL },
	{ DEMAND_RESET, meter_clear_demand, NULL },
	{ ALARM_RESET, alarm_clear_all, NULL },
	{ ENERGY_RESET, meter_clear_all_energy, NULL },
	{ MAXIMA_RESET, meter_clear_all_maxima, NULL },
	{ MAX_DEMAND_RESET, meter_clear_max_demand, NULL },
	{ 0, NULL, NULL },
};

static const struct command group_commands[] = {
	{ ENERGY_RESET, NULL, meter_clear_energy },
	{ MAXIMA_RESET, NULL, meter_clear_maxima },
	{ 0, NULL, NULL },
};

struct command_row {
	const char *name;
	uint16_t first, items, base;
	const struct command *commands;
};

static const struct command_row command_rows[] = {
	{ "aux commands", 294, 1, 0, aux_commands },
	{ "global commands", 295, 1, 0, global_commands },
	{ "branch reset", 1126, 42, GROUP_BRANCH, group_commands },
	{ "2-phase reset", 4063, 21, GROUP_DUAL, group_commands },
	{ "3-phase block reset", 7042, 14, GROUP_THREE, group_commands },
};

static const struct command *find_command(const struct map_area *area, uint16_t word)
{
	const struct command_row *row = area->row;

	for (const struct command *command = row->commands; command->value; command++)
		if (command->value == word)
			return command;
	return NULL;
}

/* ---- numbers that are listed and say nothing ---- */

static const struct map_area plain_areas[] = {
	{ "error bitmaps, undefined", 230, 6, 1, MAP_RESERVED, MAP_READ, ABC, NULL },
	{ "reserved", 533, 3, 1, MAP_RESERVED, MAP_READ, ABC, NULL },
	{ "reserved", 536, 3, 1, MAP_RESERVED, MAP_READ, ABC | LATE, NULL },
	{ "firmware download", 60005, 149, 1, MAP_SERVICE, RW, ABC, NULL },
	{ "EEPROM password", 61000, 1, 1, MAP_SERVICE, MAP_WRITE, ABC | LATE, NULL },
	{ "EEPROM", 61001, 129, 1, MAP_SERVICE, RW, ABC | LATE, NULL },
};

/* ---- the list ---- */

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static struct map_area areas[1 + 2 * COUNT(measured) + COUNT(settings) + COUNT(words) +
			     COUNT(command_rows) + COUNT(plain_areas)];
static unsigned n_areas; /* areas[0] is no area */
static uint8_t area_of[65536];

_Static_assert(COUNT(areas) <= 256, "area_of holds bytes");

static void add_area(struct map_area area)
{
	areas[++n_areas] = area;
	for (unsigned i = 0; i < (unsigned)area.items * area.words; i++) {
		if (area_of[area.first + i])
			abort(); /* two rows claim a number: the tables above are wrong */
		area_of[area.first + i] = (uint8_t)n_areas;
	}
}

static void add_measured(const struct measured *row)
{
	struct map_area area = { row->name, row->integer, row->items, 1, MAP_INTEGER, MAP_READ,
		row->models, row };

	if (row->scale == KWH) {
		area.kind = MAP_ENERGY;
		area.words = 2;
	}
	add_area(area);
	if (!row->real)
		return;
	area.first = row->real;
	area.kind = MAP_FLOAT;
	area.words = 2;
	add_area(area);
}

static void build(void)
{
	for (size_t i = 0; i < COUNT(measured); i++)
		add_measured(&measured[i]);
	for (size_t i = 0; i < COUNT(settings); i++)
		add_area((struct map_area){ settings[i].name, settings[i].first, settings[i].items,
			1, MAP_SETTING, RW, settings[i].models, &settings[i] });
	for (size_t i = 0; i < COUNT(words); i++)
		add_area((struct map_area){ words[i].name, words[i].first, words[i].items, 1,
			MAP_WORD, words[i].store ? RW : MAP_READ, words[i].models, &words[i] });
	for (size_t i = 0; i < COUNT(command_rows); i++)
		add_area((struct map_area){ command_rows[i].name, command_rows[i].first,
			command_rows[i].items, 1, MAP_COMMAND, MAP_WRITE, ABC, &command_rows[i] });
	for (size_t i = 0; i < COUNT(plain_areas); i++)
		add_area(plain_areas[i]);
}

const struct map_area *map_area(unsigned number)
{
	if (!n_areas)
		build();
	return number < 65536 && area_of[number] ? &areas[area_of[number]] : NULL;
}

static const struct map_area *find(const struct sim_device *device, unsigned number)
{
	const struct map_area *area = map_area(number);

	return area && area->models & LATE && device->old_firmware ? NULL : area;
}

static unsigned access_of(const struct sim_device *device, const struct map_area *area)
{
	if (area->first == 73 && device->core == SIM_CORE_SOLID)
		return MAP_READ; /* the CTs are part of the strip */
	return area->access;
}

unsigned map_access(const struct sim_device *device, unsigned number)
{
	const struct map_area *area = find(device, number);

	return area ? access_of(device, area) : 0;
}

static bool poked(const struct sim_panel *panel, unsigned number, uint16_t *word)
{
	for (size_t i = 0; i < panel->n_pokes; i++)
		if (panel->pokes[i].number == number) {
			*word = panel->pokes[i].value;
			return true;
		}
	return false;
}

static uint16_t read_area(
	const struct sim_panel *panel, const struct map_area *area, unsigned number)
{
	unsigned offset = number - area->first, item = offset / area->words,
		 word = offset % area->words;
	const struct setting *setting = area->row;
	const struct word *plain = area->row;

	if (!(area->models & panel->device->model))
		return no_value(area, word);
	switch (area->kind) {
	case MAP_INTEGER:
	case MAP_ENERGY:
	case MAP_FLOAT:
		return read_measured(panel, area, item, word);
	case MAP_SETTING:
		return *setting_word(panel, setting, item);
	case MAP_WORD:
		return plain->get(panel, item);
	default:
		return 0;
	}
}

int map_read(const struct sim_panel *panel, unsigned number, uint16_t *word)
{
	const struct map_area *area = find(panel->device, number);

	if (poked(panel, number, word))
		return MAP_OK;
	if (!area || !(area->access & MAP_READ))
		return MAP_NO_ADDRESS;
	*word = read_area(panel, area, number);
	return MAP_OK;
}

int map_check_write(const struct sim_panel *panel, unsigned number, uint16_t word)
{
	const struct map_area *area = find(panel->device, number);

	if (!area || !(access_of(panel->device, area) & MAP_WRITE) ||
		!(area->models & panel->device->model))
		return MAP_NO_ADDRESS;
	if (area->kind == MAP_SERVICE)
		return MAP_NO_DEVICE;
	if (area->kind == MAP_SETTING && !fits(panel, area->row, word))
		return MAP_NO_VALUE;
	if (area->kind == MAP_COMMAND && !find_command(area, word))
		return MAP_NO_VALUE;
	return MAP_OK;
}

static void run_command(
	struct sim_panel *panel, const struct map_area *area, unsigned item, uint16_t word)
{
	const struct command_row *row = area->row;
	const struct command *command = find_command(area, word);

	if (command->all)
		command->all(panel);
	else
		command->one(panel, row->base + item);
}

void map_write(struct sim_panel *panel, unsigned number, uint16_t word)
{
	const struct map_area *area = map_area(number);
	unsigned item = number - area->first;

	if (area->kind == MAP_SETTING)
		*setting_word(panel, area->row, item) = word;
	else if (area->kind == MAP_WORD)
		((const struct word *)area->row)->store(panel, item, word);
	else if (area->kind == MAP_COMMAND)
		run_command(panel, area, item, word);
}

void map_poke(struct sim_panel *panel, unsigned number, uint16_t word)
{
	struct sim_poke *grown;

	map_unpoke(panel, number, number);
	grown = realloc(panel->pokes, (panel->n_pokes + 1) * sizeof(*grown));
	if (!grown)
		abort();
	panel->pokes = grown;
	panel->pokes[panel->n_pokes++] = (struct sim_poke){ (uint16_t)number, word };
}

void map_unpoke(struct sim_panel *panel, unsigned first, unsigned last)
{
	size_t kept = 0;

	for (size_t i = 0; i < panel->n_pokes; i++)
		if (panel->pokes[i].number < first || panel->pokes[i].number > last)
			panel->pokes[kept++] = panel->pokes[i];
	panel->n_pokes = kept;
}

/* ---- printing ---- */

static void print_area(FILE *out, const struct map_area *area)
{
	static const char *const kinds[] = { "", "integer", "u32", "float", "word", "setting",
		"command", "reserved", "service" };
	unsigned last = area->first + (unsigned)area->items * area->words - 1;

	fprintf(out, "%5u %5u %4u  %c%c  %c%c%c  %-8s  %s%s\n", area->first, last, area->items,
		area->access & MAP_READ ? 'R' : '-', area->access & MAP_WRITE ? 'W' : '-',
		area->models & SIM_MODEL_A ? 'A' : '-', area->models & SIM_MODEL_B ? 'B' : '-',
		area->models & SIM_MODEL_C ? 'C' : '-', kinds[area->kind], area->name,
		area->models & LATE ? " (not in old firmware)" : "");
}

void map_print(FILE *out)
{
	const struct map_area *before = NULL;

	fprintf(out, "first  last items acc models kind     what\n");
	for (unsigned number = 1; number < 65536; number++) {
		const struct map_area *area = map_area(number);

		if (area && area != before)
			print_area(out, area);
		before = area;
	}
}
