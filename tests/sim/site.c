/*
 * The devices of one simulator and the clock they share. Time passes in ticks of half a simulated
 * second, however it comes: from the real clock, by a jump, or step by step while frozen.
 */
#include "config.h"

#include "sim/site.h"

#include <math.h>
#include <stdlib.h>

#define BACKLOG 3600.0 /* simulated seconds made up for at once after the process was held up */

void site_init(struct site *site, const struct sim_plan *plan, const unsigned *units,
	unsigned n_units, double speed)
{
	*site = (struct site){ .n_devices = (n_units + 1) / 2, .of_day = plan->when, .speed = speed };
	site->device = calloc(site->n_devices, sizeof(*site->device));
	if (!site->device)
		abort();
	for (unsigned i = 0; i < site->n_devices; i++) {
		struct sim_plan own = *plan;

		unsigned second = 2 * i + 1 < n_units ? units[2 * i + 1] : 0;

		own.serial += i;
		meter_init(&site->device[i], &own, units[2 * i], second);
		site->panel[units[2 * i]] = &site->device[i].panel[0];
		if (second)
			site->panel[second] = &site->device[i].panel[1];
	}
}

void site_fini(struct site *site)
{
	for (unsigned i = 0; i < site->n_devices; i++)
		meter_fini(&site->device[i]);
	free(site->device);
}

static void tick(struct site *site, double seconds, bool vary)
{
	site->passed += seconds;
	if (vary)
		site->of_day += seconds;
	for (unsigned i = 0; i < site->n_devices; i++) {
		if (vary) {
			meter_vary(&site->device[i], site->of_day);
			meter_measure(&site->device[i]);
		}
		meter_pass(&site->device[i], seconds);
	}
}

void site_advance(struct site *site, double seconds, bool vary)
{
	for (; seconds > 1e-9; seconds -= SIM_TICK)
		tick(site, fmin(seconds, SIM_TICK), vary);
}

void site_run(struct site *site, double real_seconds)
{
	double whole;

	if (site->frozen)
		return;
	site->owed += fmin(real_seconds * site->speed, fmax(BACKLOG, site->speed));
	whole = floor(site->owed / SIM_TICK) * SIM_TICK;
	site->owed -= whole;
	site_advance(site, whole, true);
}
