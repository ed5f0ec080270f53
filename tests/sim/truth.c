/*
 * The true state of a panel for checkers: doubles as they are inside, before any scale, rounding or
 * model takes something away.
 */
#include "config.h"

#include "sim/truth.h"

#include "sim/alarm.h"

static void number(FILE *out, const char *name, double value)
{
	fprintf(out, ",\"%s\":%.17g", name, value);
}

static void word(FILE *out, const char *name, unsigned value)
{
	fprintf(out, ",\"%s\":%u", name, value);
}

static void text(FILE *out, const char *name, const char *value)
{
	fprintf(out, ",\"%s\":\"%s\"", name, value);
}

static const char *phase_name(int phase)
{
	static const char *const names[] = { "", "A", "B", "C" };

	return names[phase + 1];
}

/* What all groups have. Begins inside an object that has a member already. */
static void print_total(FILE *out, const struct sim_group *group)
{
	number(out, "kw", group->now[PART_KW]);
	number(out, "kva", group_kva(group));
	number(out, "pf", group_pf(group));
	number(out, "kwh", group->kwh);
	number(out, "max_kw", group->max[PART_KW]);
	number(out, "demand_kw", group->demand[PART_KW]);
	number(out, "max_demand_kw", group->max_demand[PART_KW]);
}

static void print_leg(FILE *out, const struct sim_group *group, unsigned leg)
{
	number(out, "amps", group->now[leg]);
	number(out, "max_amps", group->max[leg]);
	number(out, "demand_amps", group->demand[leg]);
	number(out, "max_demand_amps", group->max_demand[leg]);
	text(out, "phase", phase_name(group->phase[leg]));
}

static void print_alarm(FILE *out, const struct sim_alarm *alarm)
{
	word(out, "armed", alarm->armed);
	word(out, "latched", alarm->bits & ALARM_LATCHED);
	word(out, "active", alarm->bits >> 8);
	fprintf(out, ",\"counters\":[%u,%u,%u,%u,%u]", alarm->count[0], alarm->count[1],
		alarm->count[2], alarm->count[3], alarm->count[4]);
}

static void print_channel(FILE *out, const struct sim_panel *panel, unsigned i)
{
	const struct sim_group *group = &panel->group[i];

	fprintf(out, "%s{\"channel\":%u", i ? "," : "", i + 1);
	print_leg(out, group, 0);
	print_total(out, group);
	word(out, "ct", panel->settings.ct[i]);
	word(out, "breaker", panel->settings.breaker[i]);
	print_alarm(out, &panel->channel[i].alarm);
	fputc('}', out);
}

static void print_group(FILE *out, const struct sim_group *group, unsigned meter)
{
	fprintf(out, "%s{\"meter\":%u", meter > 1 ? "," : "", meter);
	number(out, "amps", group_average_amps(group));
	print_total(out, group);
	for (unsigned leg = 0; leg < group->legs; leg++) {
		fprintf(out, "%s{\"channel\":%u", leg ? "," : ",\"legs\":[",
			group->channel[leg] + 1);
		print_leg(out, group, leg);
		number(out, "kw", group->kw[leg]);
		number(out, "kva", group->kva[leg]);
		number(out, "pf", group_leg_pf(group, leg));
		fputc('}', out);
	}
	fputs("]}", out);
}

static void print_groups(
	FILE *out, const char *name, const struct sim_panel *panel, unsigned first, unsigned count)
{
	fprintf(out, ",\"%s\":[", name);
	for (unsigned i = 0; i < count; i++)
		print_group(out, &panel->group[first + i], i + 1);
	fputc(']', out);
}

static void print_supply(FILE *out, const struct sim_device *device)
{
	number(out, "hertz", device->hertz);
	fprintf(out, ",\"volts\":{\"an\":%.17g,\"bn\":%.17g,\"cn\":%.17g", device->volts[0],
		device->volts[1], device->volts[2]);
	fprintf(out, ",\"ab\":%.17g,\"bc\":%.17g,\"ca\":%.17g}", meter_volts_ll(device, 0),
		meter_volts_ll(device, 1), meter_volts_ll(device, 2));
	fprintf(out, ",\"volt_alarms\":[%u,%u,%u]", device->volt_alarm[0].bits,
		device->volt_alarm[1].bits, device->volt_alarm[2].bits);
}

void truth_print(FILE *out, const struct sim_panel *panel)
{
	const struct sim_device *device = panel->device;

	fprintf(out, "{\"unit\":%u", panel->unit);
	word(out, "serial", device->serial);
	text(out, "model",
		device->model == SIM_MODEL_A   ? "A"
		: device->model == SIM_MODEL_B ? "B"
					       : "C");
	text(out, "core", device->core == SIM_CORE_SOLID ? "solid" : "split");
	word(out, "layout", panel->settings.layout);
	print_supply(out, device);
	fprintf(out, ",\"counters\":[%u,%u,%u,%u,%u]", panel->count[0], panel->count[1],
		panel->count[2], panel->count[3], panel->count[4]);
	fputs(",\"channels\":[", out);
	for (unsigned i = 0; i < SIM_CHANNELS; i++)
		print_channel(out, panel, i);
	fputc(']', out);
	print_groups(out, "mains", panel, GROUP_MAINS, 1);
	print_groups(out, "dual", panel, GROUP_DUAL, SIM_DUALS);
	print_groups(out, "three", panel, GROUP_THREE, SIM_THREES);
	fputc('}', out);
}
