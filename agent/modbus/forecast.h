/*
 * forecast: what a line can do for the panels on it.
 *
 * Pure. The line carries one request at a time, so what counts is how long each
 * poll keeps it (plan.h). Alarm polls overtake measurements, but not more than
 * every second read is one of theirs. When the line cannot do all that is asked of
 * it, panels share it fairly: each gets its measurements every so often, or less
 * often if it asks for less.
 */
#ifndef METERX_MODBUS_FORECAST_H
#define METERX_MODBUS_FORECAST_H

#include <stddef.h>
#include <stdint.h>

/* One kind of poll: how long it keeps the line, in how many reads. */
struct forecast_poll {
	uint64_t us;
	unsigned reads;
};

struct forecast_panel {
	struct forecast_poll alarm; /* the alarm status alone */
	struct forecast_poll fast;  /* measurements, which bring the alarm status along */
	uint64_t slow_us;	    /* what settings add to that */
	uint32_t alarm_poll_ms, poll_ms, slow_poll_ms; /* as configured */
	uint32_t interval_ms;			       /* result: that of its measurements */
};

struct forecast {
	uint32_t load_permille; /* of the line, at the configured intervals; above 1000: too much */
	uint32_t round_ms;	/* measurements of each panel once, with nothing in between */
	uint32_t least_ms;	/* interval that it can keep for every panel; 0: all are kept */
	uint32_t alarm_ms;	/* how far apart alarm polls of a panel are; 0: as configured */
};

/* Panels that do not answer are not to be among them. Fills their interval_ms too. */
void forecast_line(struct forecast_panel *panels, size_t n, struct forecast *forecast);

#endif
