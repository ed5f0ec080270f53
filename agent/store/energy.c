/* energy: see energy.h. */
#include "config.h"

#include "store/energy.h"

#define SHOWN_MS 100 /* DateAndTime has tenths of a second */

/* Two of them are never shown with the same time, whatever the clock does. */
static void begin_anew(struct energy_track *track, int64_t now_wall_ms)
{
	int64_t next_ms = track->discontinuity_wall_ms + SHOWN_MS;

	track->carried_wh = 0;
	track->discontinuity_wall_ms = now_wall_ms > next_ms ? now_wall_ms : next_ms;
}

static bool is_rollover(uint64_t before_wh, uint64_t now_wh, uint64_t range_wh)
{
	return before_wh < range_wh && before_wh >= range_wh - range_wh / 10 &&
	       now_wh < range_wh / 10;
}

static enum energy_event advance(struct energy_track *track, uint64_t meter_wh,
	uint64_t rollover_wh, int64_t now_wall_ms)
{
	if (!track->known) {
		begin_anew(track, now_wall_ms);
		return ENERGY_FIRST;
	}
	if (meter_wh >= track->meter_wh)
		return ENERGY_NONE;
	if (is_rollover(track->meter_wh, meter_wh, rollover_wh)) {
		track->carried_wh += rollover_wh;
		return ENERGY_ROLLOVER;
	}
	begin_anew(track, now_wall_ms);
	return ENERGY_RESET;
}

enum energy_event energy_update(struct energy_track *track, uint64_t meter_wh,
	uint64_t rollover_wh, int64_t now_wall_ms, uint64_t *counter_wh)
{
	enum energy_event event = advance(track, meter_wh, rollover_wh, now_wall_ms);

	track->known = true;
	track->meter_wh = meter_wh;
	*counter_wh = track->carried_wh + meter_wh;
	return event;
}

void energy_restart(struct energy_track *track)
{
	track->known = false; /* the discontinuity time stays: the next one must be later */
}
