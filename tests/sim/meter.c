/*
 * The physics of one device: two panels on one set of voltages. Everything is true values in
 * doubles; what the wire makes of them is the map's affair. Sequence: loads vary with the time of
 * day, groups are measured from them, then time passes over the measured values. Nothing here reads
 * a clock, so a test decides how much time there is.
 */
#include "config.h"

#include "sim/meter.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/alarm.h"

#define HOURS_BEFORE 8760.0 /* the panel's life before the simulation begins */

uint16_t meter_count(uint16_t count)
{
	return count >= 32767 ? 1 : (uint16_t)(count + 1);
}

double meter_volts_ll(const struct sim_device *device, unsigned pair)
{
	double a = device->volts[pair % 3], b = device->volts[(pair + 1) % 3];

	return sqrt(a * a + b * b + a * b); /* 120 degrees apart */
}

bool meter_frequency_known(const struct sim_device *device)
{
	return device->hertz >= 40 && device->hertz <= 70 && device->volts[0] >= 30;
}

double group_kva(const struct sim_group *group)
{
	double sum = 0;

	for (unsigned leg = 0; leg < group->legs; leg++)
		sum += group->kva[leg];
	return sum;
}

double group_pf(const struct sim_group *group)
{
	double kva = group_kva(group);

	return kva > 0 ? group->now[PART_KW] / kva : 0;
}

double group_leg_pf(const struct sim_group *group, unsigned leg)
{
	return group->kva[leg] > 0 ? group->kw[leg] / group->kva[leg] : 0;
}

double group_average_amps(const struct sim_group *group)
{
	double sum = 0;

	for (unsigned leg = 0; leg < group->legs; leg++)
		sum += group->now[leg];
	return sum / group->legs;
}

/* ---- which channels make a group, and which voltage each of them meets ---- */

/* A split-core meter knows only odd/even (like top feed) and sequential. */
static bool sequential(const struct sim_panel *panel)
{
	return panel->settings.layout == 2;
}

static bool single_row_odd_even(const struct sim_panel *panel)
{
	return panel->device->core == SIM_CORE_SOLID && panel->settings.layout == 3;
}

int meter_phase(const struct sim_panel *panel, unsigned channel)
{
	if (channel == SIM_CHANNELS - 1)
		return -1;
	if (panel->settings.user_phases & 1)
		return panel->settings.phase[channel];
	if (channel >= SIM_BRANCHES)
		return channel - SIM_BRANCHES;
	return sequential(panel) ? channel % 3 : channel / 2 % 3;
}

/* The printed rules count meters m and channels from 1. */
static void dual_channels(const struct sim_panel *panel, unsigned m, unsigned *pair)
{
	unsigned first;

	if (sequential(panel)) {
		pair[0] = 2 * m - 1;
		pair[1] = 2 * m;
		return;
	}
	if (single_row_odd_even(panel)) {
		first = m <= 11 ? 4 * m - 3 : 4 * m - 44;
		pair[1] = m == 11 ? 2 : first + 2;
	} else {
		first = m % 2 ? 2 * m - 1 : 2 * m - 2;
		pair[1] = m == 21 ? 42 : first + 2;
	}
	pair[0] = first;
}

static void three_channels(const struct sim_panel *panel, unsigned m, unsigned *triple)
{
	unsigned first, stride = 2;

	if (sequential(panel)) {
		first = 3 * m - 2;
		stride = 1;
	} else if (single_row_odd_even(panel)) {
		first = m <= 7 ? 6 * m - 5 : 6 * m - 46;
	} else {
		first = m % 2 ? 3 * m - 2 : 3 * m - 4;
	}
	for (unsigned leg = 0; leg < 3; leg++)
		triple[leg] = first + leg * stride;
}

static void wire_group(
	struct sim_panel *panel, unsigned index, unsigned legs, const unsigned *channels)
{
	struct sim_group *group = &panel->group[index];

	group->legs = legs;
	for (unsigned leg = 0; leg < legs; leg++) {
		group->channel[leg] = (uint8_t)(channels[leg] - 1);
		group->phase[leg] = (int8_t)meter_phase(panel, group->channel[leg]);
		if (index >= GROUP_THREE && index < GROUP_MAINS)
			group->phase[leg] = (int8_t)leg; /* always A, B, C */
	}
}

static void wire_groups(struct sim_panel *panel)
{
	unsigned channels[SIM_PHASES];

	for (unsigned n = 1; n <= SIM_CHANNELS; n++)
		wire_group(panel, n - 1, 1, &n);
	for (unsigned m = 1; m <= SIM_DUALS; m++) {
		dual_channels(panel, m, channels);
		wire_group(panel, GROUP_DUAL + m - 1, 2, channels);
	}
	for (unsigned m = 1; m <= SIM_THREES; m++) {
		three_channels(panel, m, channels);
		wire_group(panel, GROUP_THREE + m - 1, 3, channels);
	}
	wire_group(panel, GROUP_MAINS, 3, (const unsigned[]){ 43, 44, 45 });
}

static bool has_channel(const struct sim_group *group, unsigned channel)
{
	for (unsigned leg = 0; leg < group->legs; leg++)
		if (group->channel[leg] == channel)
			return true;
	return false;
}

/* ---- measuring ---- */

/* Currents of one phase add up as vectors: in phase with the voltage, and lagging it. */
static void sum_phase(const struct sim_panel *panel, int phase, double *active, double *lagging)
{
	*active = *lagging = 0;
	for (unsigned i = 0; i < SIM_BRANCHES; i++) {
		const struct sim_channel *channel = &panel->channel[i];

		if (meter_phase(panel, i) != phase)
			continue;
		*active += channel->amps * channel->pf;
		*lagging += channel->amps * sqrt(1 - channel->pf * channel->pf);
	}
}

/* The mains carry what the branches draw, unless a script says otherwise. */
static void feed_mains(struct sim_panel *panel)
{
	struct sim_channel *aux = &panel->channel[SIM_BRANCHES];
	double active, lagging, a, b, c;

	for (unsigned phase = 0; phase < SIM_PHASES; phase++) {
		sum_phase(panel, (int)phase, &active, &lagging);
		double amps = hypot(active, lagging);

		if (!aux[phase].amps_set)
			aux[phase].amps = amps;
		if (!aux[phase].pf_set)
			aux[phase].pf = amps > 0 ? fmin(1, active / amps) : 1;
	}
	if (aux[3].amps_set)
		return;
	a = aux[0].amps, b = aux[1].amps, c = aux[2].amps;
	aux[3].amps = sqrt(fmax(0, a * a + b * b + c * c - a * b - b * c - c * a));
}

static void measure_group(struct sim_panel *panel, struct sim_group *group)
{
	group->now[PART_KW] = 0;
	for (unsigned leg = 0; leg < group->legs; leg++) {
		const struct sim_channel *channel = &panel->channel[group->channel[leg]];
		int phase = group->phase[leg];
		double volts = phase < 0 ? 0 : panel->device->volts[phase];

		group->now[leg] = channel->amps;
		group->kva[leg] = volts * channel->amps / 1000;
		group->kw[leg] = group->kva[leg] * channel->pf;
		group->now[PART_KW] += group->kw[leg];
	}
	for (unsigned part = 0; part < SIM_PARTS; part++)
		group->max[part] = fmax(group->max[part], group->now[part]);
}

static void measure_panel(struct sim_panel *panel)
{
	wire_groups(panel);
	feed_mains(panel);
	for (unsigned i = 0; i < SIM_GROUPS; i++)
		measure_group(panel, &panel->group[i]);
}

void meter_measure(struct sim_device *device)
{
	for (unsigned i = 0; i < 2; i++)
		measure_panel(&device->panel[i]);
	alarm_pass(device, 0);
}

static void vary_panel(struct sim_panel *panel, double when)
{
	for (unsigned i = 0; i < SIM_BRANCHES; i++) {
		struct sim_channel *channel = &panel->channel[i];

		if (!channel->amps_set)
			channel->amps = load_amps(&channel->load, when);
		if (!channel->pf_set)
			channel->pf = channel->load.pf;
	}
}

void meter_vary(struct sim_device *device, double when)
{
	for (unsigned phase = 0; phase < SIM_PHASES; phase++) {
		double wander = 0.010 * load_noise(device->seed + 10 + phase, 900, when);
		double flicker = 0.002 * load_noise(device->seed + 20 + phase, 8, when);

		if (!device->volts_set[phase])
			device->volts[phase] = device->nominal_volts * (1 + wander + flicker);
	}
	if (!device->hertz_set)
		device->hertz = device->nominal_hertz + 0.03 * load_noise(device->seed, 30, when);
	for (unsigned i = 0; i < 2; i++)
		vary_panel(&device->panel[i], when);
}

/* ---- time ---- */

/* The register pair holds 32 bits of kWh x 10^-scale; then the counter begins again. */
static double rolled_over(double kwh, int scale)
{
	return fmod(kwh, 4294967296.0 * pow(10, scale));
}

static void integrate(struct sim_group *group, double seconds)
{
	group->kwh =
		rolled_over(group->kwh + group->now[PART_KW] * seconds / 3600, group->scale_kwh);
	for (unsigned part = 0; part < SIM_PARTS; part++)
		group->sum[part] += group->now[part] * seconds;
}

static void close_window(struct sim_panel *panel, struct sim_group *group)
{
	unsigned last = panel->settings.windows;

	if (last > panel->window_filled)
		last = panel->window_filled;
	for (unsigned part = 0; part < SIM_PARTS; part++) {
		double sum = 0;

		group->past[panel->window_next][part] = group->sum[part] / panel->window_elapsed;
		group->sum[part] = 0;
		for (unsigned back = 0; back < last; back++)
			sum += group->past[(panel->window_next + SIM_WINDOWS - back) % SIM_WINDOWS]
					  [part];
		group->demand[part] = sum / last;
		group->max_demand[part] = fmax(group->max_demand[part], group->demand[part]);
	}
}

void meter_new_window(struct sim_panel *panel)
{
	if (panel->window_elapsed <= 0)
		return; /* nothing was measured: it has just begun */
	if (panel->window_filled < SIM_WINDOWS)
		panel->window_filled++;
	for (unsigned i = 0; i < SIM_GROUPS; i++)
		close_window(panel, &panel->group[i]);
	panel->window_next = (panel->window_next + 1) % SIM_WINDOWS;
	panel->window_elapsed = 0;
}

static void pass_panel(struct sim_panel *panel, double seconds)
{
	for (unsigned i = 0; i < SIM_GROUPS; i++)
		integrate(&panel->group[i], seconds);
	panel->window_elapsed += seconds;
	/* Length 0: only the command ends a sub-interval. */
	if (panel->settings.window_s && panel->window_elapsed >= panel->settings.window_s - 1e-6)
		meter_new_window(panel);
}

void meter_pass(struct sim_device *device, double seconds)
{
	for (unsigned i = 0; i < 2; i++)
		pass_panel(&device->panel[i], seconds);
	alarm_pass(device, seconds);
}

/* ---- commands ---- */

static void zero(double *parts)
{
	memset(parts, 0, SIM_PARTS * sizeof(*parts));
}

typedef void group_fn(struct sim_group *group);

static void drop_energy(struct sim_group *group)
{
	group->kwh = 0;
}

static void drop_maxima(struct sim_group *group)
{
	zero(group->max);
}

static void drop_max_demand(struct sim_group *group)
{
	zero(group->max_demand);
}

static void drop_demand(struct sim_group *group)
{
	zero(group->demand);
	zero(group->sum);
}

static void for_groups(struct sim_panel *panel, unsigned first, unsigned end, group_fn *drop)
{
	for (unsigned i = first; i < end; i++)
		drop(&panel->group[i]);
}

/* A reset of a block resets its channels, and whatever shares a channel is reset too. */
static void for_kin(struct sim_panel *panel, unsigned index, group_fn *drop)
{
	const struct sim_group *group = &panel->group[index];

	for (unsigned i = 0; i < SIM_GROUPS; i++)
		for (unsigned leg = 0; leg < group->legs; leg++)
			if (has_channel(&panel->group[i], group->channel[leg]))
				drop(&panel->group[i]);
}

void meter_clear_energy(struct sim_panel *panel, unsigned group)
{
	for_kin(panel, group, drop_energy);
}

void meter_clear_maxima(struct sim_panel *panel, unsigned group)
{
	for_kin(panel, group, drop_maxima);
}

void meter_clear_all_energy(struct sim_panel *panel)
{
	for_groups(panel, 0, SIM_GROUPS, drop_energy);
}

void meter_clear_all_maxima(struct sim_panel *panel)
{
	for_groups(panel, 0, SIM_GROUPS, drop_maxima);
}

void meter_clear_mains_energy(struct sim_panel *panel)
{
	for_groups(panel, GROUP_AUX, GROUP_DUAL, drop_energy);
	for_groups(panel, GROUP_MAINS, SIM_GROUPS, drop_energy);
}

void meter_clear_mains_maxima(struct sim_panel *panel)
{
	for_groups(panel, GROUP_AUX, GROUP_DUAL, drop_maxima);
	for_groups(panel, GROUP_MAINS, SIM_GROUPS, drop_maxima);
}

void meter_clear_demand(struct sim_panel *panel)
{
	for_groups(panel, 0, SIM_GROUPS, drop_demand);
	panel->window_elapsed = 0;
	panel->window_filled = 0;
}

void meter_clear_max_demand(struct sim_panel *panel)
{
	for_groups(panel, 0, SIM_GROUPS, drop_max_demand);
}

void meter_power_cycle(struct sim_device *device)
{
	for (unsigned i = 0; i < 2; i++) {
		struct sim_panel *panel = &device->panel[i];

		meter_clear_demand(panel);
		panel->settings.power_ups = meter_count(panel->settings.power_ups);
	}
	alarm_power_cycle(device);
	meter_measure(device);
}

/* ---- the beginning ---- */

static void init_text(uint16_t *words, const char *text, bool low_first)
{
	for (size_t i = 0; text[i]; i++)
		words[i / 2] |= (uint16_t)((uint8_t)text[i] << ((i % 2 == 0) == low_first ? 0 : 8));
}

/* The defaults of the register list. */
static void factory_settings(struct sim_settings *settings)
{
	*settings = (struct sim_settings){
		.windows = 1,
		.window_s = 900,
		.delay_s = { 10, 10, 10, 10 },
		.on_s = 10,
		.off_s = 30,
		.latch = { 700, 600, 75, 25 },
		.high = 600,
		.low = 50,
		.hysteresis = 50,
	};
	for (unsigned i = 0; i < SIM_CHANNELS; i++) {
		settings->ct[i] = i < SIM_BRANCHES ? 100 : 200;
		settings->breaker[i] = i < SIM_BRANCHES ? 20 : 225;
	}
}

/* What an installer does: switch off the alarms of unused breakers and of the neutral. */
static void commission(struct sim_panel *panel)
{
	panel->settings.power_ups = 3;
	panel->settings.breaker[SIM_CHANNELS - 1] = 0;
	for (unsigned i = 0; i < SIM_BRANCHES; i++)
		if (panel->channel[i].load.kind == LOAD_EMPTY)
			panel->settings.breaker[i] = 0;
}

static void init_scales(struct sim_group *group, unsigned index)
{
	bool mains = index == GROUP_MAINS || (index >= GROUP_AUX && index < GROUP_DUAL);

	group->scale_amps = -2;
	group->scale_kw = mains ? -2 : -3; /* up to 327 kW, up to 32 kW */
	group->scale_kwh = -2;
}

/* A year of use at the present rate, give or take what differs from group to group. */
static void init_history(struct sim_panel *panel, struct sim_group *group, unsigned index)
{
	double wander = 0.1 * load_noise(panel->device->seed + index, 1, 0.5 + panel->unit);

	if (index < SIM_BRANCHES)
		group->kwh = floor(group->now[PART_KW] * HOURS_BEFORE * (0.8 + wander) * 100) / 100;
	for (unsigned part = 0; part < SIM_PARTS; part++) {
		group->demand[part] = group->now[part];
		group->max_demand[part] = group->now[part] * 1.12;
		group->max[part] = group->now[part] * 1.25;
		for (unsigned i = 0; i < SIM_WINDOWS; i++)
			group->past[i][part] = group->now[part];
	}
}

/* Energies add up: a block has that of its branches, a mains phase that of the branches on it. */
static void init_sums(struct sim_panel *panel)
{
	for (unsigned i = 0; i < SIM_BRANCHES; i++)
		panel->group[GROUP_AUX + meter_phase(panel, i)].kwh += panel->group[i].kwh;
	for (unsigned i = GROUP_DUAL; i < SIM_GROUPS; i++)
		for (unsigned leg = 0; leg < panel->group[i].legs; leg++)
			panel->group[i].kwh += panel->group[panel->group[i].channel[leg]].kwh;
}

static void init_panel(struct sim_panel *panel, const struct sim_plan *plan, unsigned unit)
{
	struct load loads[SIM_BRANCHES];

	panel->unit = unit;
	load_plan(loads, SIM_BRANCHES, panel->device->seed * 1000 + unit);
	factory_settings(&panel->settings);
	for (unsigned i = 0; i < SIM_BRANCHES; i++)
		panel->channel[i].load = loads[i];
	for (unsigned i = 0; i < SIM_GROUPS; i++)
		init_scales(&panel->group[i], i);
	init_text(panel->settings.location, "Location", plan->text_low_first);
	if (!plan->factory)
		commission(panel);
}

void meter_init(
	struct sim_device *device, const struct sim_plan *plan, unsigned unit1, unsigned unit2)
{
	*device = (struct sim_device){
		.serial = plan->serial,
		.model = plan->model,
		.core = plan->core,
		.old_firmware = plan->old_firmware,
		.text_low_first = plan->text_low_first,
		.seed = plan->seed,
		.nominal_volts = plan->volts,
		.nominal_hertz = plan->hertz,
		.scale_volts = -1,
		.volt_settings = { .over_s = 10, .under_s = 10, .hysteresis = 50 },
	};
	for (unsigned i = 0; i < 2; i++) {
		device->panel[i].device = device;
		init_panel(&device->panel[i], plan, i ? unit2 : unit1);
	}
	meter_vary(device, plan->when);
	meter_measure(device);
	for (unsigned i = 0; i < 2; i++) {
		struct sim_panel *panel = &device->panel[i];

		for (unsigned g = 0; g < SIM_GROUPS; g++)
			init_history(panel, &panel->group[g], g);
		panel->window_filled = SIM_WINDOWS;
		init_sums(panel);
	}
	alarm_arm(device);
}

void meter_fini(struct sim_device *device)
{
	for (unsigned i = 0; i < 2; i++)
		free(device->panel[i].pokes);
}
