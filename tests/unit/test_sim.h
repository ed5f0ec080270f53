#ifndef TEST_SIM_H
#define TEST_SIM_H

/* A quiet device for the simulator's tests: 230 V, 50 Hz, nothing drawn, factory settings. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim/meter.h"

static inline struct sim_plan quiet_plan(void)
{
	return (struct sim_plan){ .model = SIM_MODEL_A,
		.core = SIM_CORE_SOLID,
		.factory = true,
		.serial = 0x12345678,
		.seed = 1,
		.volts = 230,
		.hertz = 50,
		.when = 12 * 3600 };
}

static inline void set_amps(struct sim_panel *panel, unsigned number, double amps)
{
	panel->channel[number - 1].amps = amps;
	panel->channel[number - 1].amps_set = true;
	meter_measure(panel->device);
}

static inline void set_volts(struct sim_device *device, double a, double b, double c)
{
	const double volts[] = { a, b, c };

	for (unsigned phase = 0; phase < SIM_PHASES; phase++) {
		device->volts[phase] = volts[phase];
		device->volts_set[phase] = true;
	}
	meter_measure(device);
}

static inline void quiet_panel(struct sim_panel *panel)
{
	for (unsigned i = 0; i < SIM_CHANNELS; i++) {
		panel->channel[i].alarm = (struct sim_alarm){ .armed = false };
		panel->channel[i].amps = 0;
		panel->channel[i].pf = 1;
		panel->channel[i].amps_set = i < SIM_BRANCHES;
		panel->channel[i].pf_set = i < SIM_BRANCHES;
	}
	meter_clear_all_energy(panel);
	meter_clear_all_maxima(panel);
	meter_clear_max_demand(panel);
	meter_clear_demand(panel);
}

static inline void make_quiet(struct sim_device *device, const struct sim_plan *plan)
{
	meter_init(device, plan, 1, 2);
	quiet_panel(&device->panel[0]);
	quiet_panel(&device->panel[1]);
	device->hertz_set = true;
	device->hertz = 50;
	set_volts(device, 230, 230, 230);
	for (unsigned i = 0; i < 2; i++) {
		meter_clear_all_maxima(&device->panel[i]);
		device->panel[i].last_active = 0;
	}
}

static inline void pass(struct sim_device *device, double seconds)
{
	for (double left = seconds; left > 1e-9; left -= SIM_TICK) {
		meter_measure(device);
		meter_pass(device, left < SIM_TICK ? left : SIM_TICK);
	}
}

#endif
