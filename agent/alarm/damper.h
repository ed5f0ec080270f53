/*
 * damper: how often something is told that a faulty meter can make happen at
 * every poll. The first time at once; what goes on happening ever more rarely,
 * at last once an hour; after a rest at once again.
 *
 * Pure, clock-injected (monotonic). Begins as zeroes.
 */
#ifndef METERX_ALARM_DAMPER_H
#define METERX_ALARM_DAMPER_H

#include <stdbool.h>
#include <stdint.h>

#define DAMPER_FIRST_S 10
#define DAMPER_MOST_S  3600

/* In whole seconds: a thousand panels have some each. */
struct damper {
	uint32_t told_s;
	uint32_t hold_s; /* 0: never told */
};

/* It may be told now: the hold that began when it was last told has ended. */
bool damper_is_open(const struct damper *damper, int64_t now_ms);
/* It is told now. */
void damper_told(struct damper *damper, int64_t now_ms);

#endif
