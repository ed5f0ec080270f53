/*
 * energy: a meter's kWh register as a counter that never lies.
 *
 * Pure. One track per energy register. The served counter is the meter's own
 * reading plus what earlier rollovers carried. It never goes backwards without
 * its discontinuity time changing: a rollover carries on, a reset or another
 * meter starts anew at the meter's reading with a new discontinuity time.
 */
#ifndef METERX_STORE_ENERGY_H
#define METERX_STORE_ENERGY_H

#include <stdbool.h>
#include <stdint.h>

struct energy_track {
	uint64_t known : 1;
	uint64_t meter_wh : 63; /* last reading of the meter */
	uint64_t carried_wh; /* from rollovers */
	int64_t discontinuity_wall_ms;
};

enum energy_event {
	ENERGY_NONE,
	ENERGY_FIRST,
	ENERGY_RESET,
	ENERGY_ROLLOVER,
};

/*
 * Feed one reading. rollover_wh: reading at which the register starts again
 * from 0 (0: it never does). A fall from the last tenth of the range into the
 * first is a rollover, every other fall a reset. Returns what happened;
 * *counter_wh is the value to serve. Every discontinuity time is later than
 * the one before, also when the clock stands or steps back.
 */
enum energy_event energy_update(struct energy_track *track, uint64_t meter_wh,
	uint64_t rollover_wh, int64_t now_wall_ms, uint64_t *counter_wh);

/* Another meter: the next reading starts anew, with a later discontinuity time. */
void energy_restart(struct energy_track *track);

#endif
