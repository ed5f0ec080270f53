#ifndef SIM_SITE_H
#define SIM_SITE_H

#include <stdbool.h>

#include "sim/meter.h"

/* All devices of this process, and their common clock. */
struct site {
	struct sim_device *device;
	unsigned n_devices;
	struct sim_panel *panel[256]; /* by unit id, NULL: nobody */
	double passed;		      /* simulated seconds since the start */
	double of_day; /* the time of day the loads go by, in seconds; runs past midnight */
	double speed;  /* simulated seconds per real second */
	double owed;   /* simulated seconds not yet lived through, less than a tick */
	bool frozen;
};

/* Two unit ids per device; of the last one it may be one. Serial numbers count up from the plan's. */
void site_init(struct site *site, const struct sim_plan *plan, const unsigned *units,
	unsigned n_units, double speed);
void site_fini(struct site *site);

/* Real time has gone by. */
void site_run(struct site *site, double real_seconds);

/* Simulated time goes by, all of it now; with `vary` the loads follow the time of day. */
void site_advance(struct site *site, double seconds, bool vary);

#endif
