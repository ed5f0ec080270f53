/*
 * The alarms of the meter: latching ones with arming and delays, non-latching ones with hysteresis,
 * counters, and those of the voltage inputs.
 * Where the register lists are silent, we chose: delays run on armed channels only; a counter steps
 * when its bit goes from clear to latched; a cleared latch whose condition still holds latches
 * again after a whole new delay; the most recent channel (226, 227) stays after a clear.
 */
#include "config.h"

#include "sim/alarm.h"

#include <math.h>
#include <string.h>

enum { LEVEL_HH, LEVEL_H, LEVEL_L, LEVEL_LL, LEVEL_OFF };

#define FUZZ 1e-6 /* seconds added up in halves may miss a whole one by a hair */

static double limit_amps(const struct sim_panel *panel, unsigned channel, uint16_t per_mille)
{
	return panel->settings.breaker[channel] * (per_mille / 1000.0);
}

void alarm_latch(struct sim_panel *panel, unsigned channel, unsigned level)
{
	struct sim_alarm *alarm = &panel->channel[channel].alarm;

	if (alarm->bits & 1u << level)
		return;
	alarm->bits |= (uint16_t)(1u << level);
	alarm->count[level] = meter_count(alarm->count[level]);
	panel->count[level] = meter_count(panel->count[level]);
	panel->last_latched = (uint16_t)(channel + 1);
}

static void disarm(struct sim_alarm *alarm)
{
	alarm->armed = false;
	alarm->above = 0;
	memset(alarm->held, 0, sizeof(alarm->held));
}

/* True once the condition has held for the delay without a break. */
static bool outlasts(double *held, bool condition, double seconds, uint16_t delay_s)
{
	*held = condition ? *held + seconds : 0;
	return condition && *held >= delay_s - FUZZ;
}

static void pass_armed(struct sim_panel *panel, unsigned channel, double seconds)
{
	const struct sim_settings *settings = &panel->settings;
	struct sim_alarm *alarm = &panel->channel[channel].alarm;
	double amps = panel->channel[channel].amps;

	for (unsigned level = LEVEL_HH; level <= LEVEL_LL; level++) {
		double limit = limit_amps(panel, channel, settings->latch[level]);
		bool wrong = level <= LEVEL_H ? amps > limit : amps < limit;

		if (outlasts(&alarm->held[level], settings->latch[level] && wrong, seconds,
			    settings->delay_s[level]))
			alarm_latch(panel, channel, level);
	}
	if (outlasts(&alarm->held[LEVEL_OFF],
		    amps < limit_amps(panel, channel, settings->latch[LEVEL_LL]), seconds,
		    settings->off_s)) {
		alarm_latch(panel, channel, LEVEL_OFF);
		disarm(alarm);
	}
}

static void pass_latching(struct sim_panel *panel, unsigned channel, double seconds)
{
	struct sim_alarm *alarm = &panel->channel[channel].alarm;
	double low_low = limit_amps(panel, channel, panel->settings.latch[LEVEL_LL]);

	if (!panel->settings.breaker[channel])
		disarm(alarm);
	else if (alarm->armed)
		pass_armed(panel, channel, seconds);
	else
		alarm->armed = outlasts(&alarm->above, panel->channel[channel].amps > low_low,
			seconds, panel->settings.on_s);
}

/* Side 1: above a high limit; -1: below a low one. The hysteresis is a part of the limit. */
static bool beyond(bool was, double value, double limit, int side, uint16_t hysteresis)
{
	double inside = was ? limit * hysteresis / 1000.0 : 0;

	if (limit <= 0)
		return false;
	return side > 0 ? value > limit - inside : value < limit + inside;
}

static void pass_active(struct sim_panel *panel, unsigned channel)
{
	const struct sim_settings *settings = &panel->settings;
	struct sim_alarm *alarm = &panel->channel[channel].alarm;
	double amps = panel->channel[channel].amps;
	uint16_t before = alarm->bits, now = 0;

	if (beyond(before & ALARM_HIGH, amps, limit_amps(panel, channel, settings->high), 1,
		    settings->hysteresis))
		now |= ALARM_HIGH;
	if (beyond(before & ALARM_LOW, amps, limit_amps(panel, channel, settings->low), -1,
		    settings->hysteresis))
		now |= ALARM_LOW;
	alarm->bits = (uint16_t)((before & ALARM_LATCHED) | now);
	if (now & ~before)
		panel->last_active = (uint16_t)(channel + 1);
}

static void pass_volts(struct sim_device *device, unsigned input, double seconds)
{
	const struct sim_volt_settings *settings = &device->volt_settings;
	struct sim_volt_alarm *alarm = &device->volt_alarm[input];
	double unit = pow(10, device->scale_volts), volts = meter_volts_ll(device, input);
	double over = settings->over * unit, under = settings->under * unit;
	uint16_t before = alarm->bits, now = before & ALARM_VOLT_LATCHED;

	if (outlasts(&alarm->held[0], over > 0 && volts > over, seconds, settings->over_s))
		now |= 1;
	if (outlasts(&alarm->held[1], under > 0 && volts < under, seconds, settings->under_s))
		now |= 2;
	if (beyond(before & ALARM_VOLT_HIGH, volts, over, 1, settings->hysteresis))
		now |= ALARM_VOLT_HIGH;
	if (beyond(before & ALARM_VOLT_LOW, volts, under, -1, settings->hysteresis))
		now |= ALARM_VOLT_LOW;
	alarm->bits = now;
}

void alarm_pass(struct sim_device *device, double seconds)
{
	for (unsigned i = 0; i < 2; i++)
		for (unsigned channel = 0; channel < SIM_CHANNELS; channel++) {
			pass_latching(&device->panel[i], channel, seconds);
			pass_active(&device->panel[i], channel);
		}
	for (unsigned input = 0; input < SIM_PHASES; input++)
		pass_volts(device, input, seconds);
}

void alarm_arm(struct sim_device *device)
{
	for (unsigned i = 0; i < 2; i++)
		for (unsigned n = 0; n < SIM_CHANNELS; n++) {
			struct sim_panel *panel = &device->panel[i];
			double low_low = limit_amps(panel, n, panel->settings.latch[LEVEL_LL]);

			panel->channel[n].alarm.armed =
				panel->settings.breaker[n] && panel->channel[n].amps > low_low;
		}
}

void alarm_clear(struct sim_panel *panel, unsigned channel, uint16_t written)
{
	struct sim_alarm *alarm = &panel->channel[channel].alarm;
	uint16_t cleared = alarm->bits & ALARM_LATCHED & (uint16_t)~written;

	alarm->bits &= (uint16_t)~cleared;
	for (unsigned level = 0; level < SIM_LEVELS; level++)
		if (cleared & 1u << level)
			alarm->held[level] = 0;
}

void alarm_clear_volts(struct sim_device *device, unsigned input, uint16_t written)
{
	struct sim_volt_alarm *alarm = &device->volt_alarm[input];
	uint16_t cleared = alarm->bits & ALARM_VOLT_LATCHED & (uint16_t)~written;

	alarm->bits &= (uint16_t)~cleared;
	for (unsigned side = 0; side < 2; side++)
		if (cleared & 1u << side)
			alarm->held[side] = 0;
}

void alarm_clear_all(struct sim_panel *panel)
{
	for (unsigned channel = 0; channel < SIM_CHANNELS; channel++)
		alarm_clear(panel, channel, 0);
	for (unsigned input = 0; input < SIM_PHASES; input++)
		alarm_clear_volts(panel->device, input, 0);
}

void alarm_remember(const struct sim_panel *panel, uint16_t bits[SIM_CHANNELS])
{
	for (unsigned channel = 0; channel < SIM_CHANNELS; channel++)
		bits[channel] = panel->channel[channel].alarm.bits & ALARM_LATCHED;
}

void alarm_latch_again(struct sim_panel *panel, const uint16_t bits[SIM_CHANNELS])
{
	for (unsigned channel = 0; channel < SIM_CHANNELS; channel++)
		for (unsigned level = 0; level < SIM_LEVELS; level++)
			if (bits[channel] & 1u << level)
				alarm_latch(panel, channel, level);
}

void alarm_power_cycle(struct sim_device *device)
{
	for (unsigned i = 0; i < 2; i++)
		for (unsigned n = 0; n < SIM_CHANNELS; n++) {
			struct sim_alarm *alarm = &device->panel[i].channel[n].alarm;

			disarm(alarm);
			memset(alarm->count, 0, sizeof(alarm->count));
		}
	for (unsigned input = 0; input < SIM_PHASES; input++)
		memset(device->volt_alarm[input].held, 0, sizeof(device->volt_alarm[input].held));
}

static uint16_t all_bits(const struct sim_panel *panel)
{
	uint16_t bits = 0;

	for (unsigned channel = 0; channel < SIM_CHANNELS; channel++)
		bits |= panel->channel[channel].alarm.bits;
	return bits;
}

static uint16_t all_volt_bits(const struct sim_device *device)
{
	uint16_t bits = 0;

	for (unsigned input = 0; input < SIM_PHASES; input++)
		bits |= device->volt_alarm[input].bits;
	return bits;
}

uint16_t alarm_global_latched(const struct sim_panel *panel)
{
	uint16_t volts = all_volt_bits(panel->device) & ALARM_VOLT_LATCHED;

	return (uint16_t)((all_bits(panel) & ALARM_LATCHED) | volts << 8);
}

uint16_t alarm_global_active(const struct sim_panel *panel)
{
	uint16_t volts = all_volt_bits(panel->device) & (ALARM_VOLT_HIGH | ALARM_VOLT_LOW);

	return (uint16_t)(all_bits(panel) >> 8 | volts);
}

unsigned alarm_channels(const struct sim_panel *panel, uint16_t mask)
{
	unsigned count = 0;

	for (unsigned channel = 0; channel < SIM_CHANNELS; channel++)
		count += (panel->channel[channel].alarm.bits & mask) != 0;
	return count;
}
