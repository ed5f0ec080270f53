/*
 * pace: are a panel's measurements read as often as it is configured?
 *
 * Pure. A single poll may be late for many reasons: polls are looked at three at a
 * time, and only what is so twice in a row is called so. A poll that was missed
 * is the meter's fault, not the line's, and begins the count anew.
 */
#ifndef METERX_MODBUS_PACE_H
#define METERX_MODBUS_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct pace {
	uint32_t interval_ms, before_ms; /* between the last polls; 0: not known */
	uint32_t mean_ms;		 /* of the last three */
	int64_t begun_ms;		 /* these three, 0: not begun */
	uint8_t polls;			 /* of these */
	uint8_t slow, kept;		 /* times three in a row that were so; two is enough to know */
};

/* A poll has come to a good end at now, interval_ms after the one before (0: not known). */
void pace_note(struct pace *pace, uint32_t configured_ms, uint32_t interval_ms, int64_t now_ms);
/* A poll was missed. */
void pace_break(struct pace *pace);
bool pace_slow(const struct pace *pace);
bool pace_kept(const struct pace *pace);
/*
 * How far apart polls are to be expected, for who counts those that do not come: as
 * configured, or as the line has it, but not for one poll that took long.
 */
uint32_t pace_expected_ms(const struct pace *pace, uint32_t configured_ms);

#endif
