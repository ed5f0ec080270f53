/*
 * clock: the only source of time in the agent, so that tests can set it.
 *
 * Monotonic milliseconds decide ages, deadlines and rhythm; wall-clock
 * milliseconds (UTC, since 1970) are only shown and stored. Any thread.
 */
#ifndef METERX_CORE_CLOCK_H
#define METERX_CORE_CLOCK_H

#include <stdint.h>

int64_t clock_mono_ms(void);
int64_t clock_mono_us(void); /* for durations */
int64_t clock_wall_ms(void);

/* Freeze both clocks at the given values; a negative value lets that clock run again. Tests only. */
void clock_set(int64_t mono_ms, int64_t wall_ms);

#endif
