/* pace: see pace.h. */
#include "config.h"

#include "modbus/pace.h"

#define POLLS     3
#define ENOUGH    2
#define JITTER_MS 20
#define TOLERATED 12 /* part of the configured interval */

static void judge(struct pace *pace, uint32_t configured_ms)
{
	bool slow = pace->mean_ms > configured_ms + configured_ms / TOLERATED + JITTER_MS;
	uint8_t *now = slow ? &pace->slow : &pace->kept;

	*(slow ? &pace->kept : &pace->slow) = 0;
	if (*now < ENOUGH)
		(*now)++;
}

void pace_note(struct pace *pace, uint32_t configured_ms, uint32_t interval_ms, int64_t now_ms)
{
	pace->before_ms = pace->interval_ms;
	pace->interval_ms = interval_ms;
	if (pace->begun_ms == 0) {
		pace->begun_ms = now_ms;
		pace->polls = 0;
		return;
	}
	if (++pace->polls < POLLS)
		return;
	pace->mean_ms = (uint32_t)((now_ms - pace->begun_ms) / POLLS);
	pace->begun_ms = now_ms;
	pace->polls = 0;
	judge(pace, configured_ms);
}

void pace_break(struct pace *pace)
{
	pace->begun_ms = 0;
}

bool pace_slow(const struct pace *pace)
{
	return pace->slow == ENOUGH;
}

bool pace_kept(const struct pace *pace)
{
	return pace->kept == ENOUGH;
}

uint32_t pace_expected_ms(const struct pace *pace, uint32_t configured_ms)
{
	uint32_t seen_ms = pace->interval_ms < pace->before_ms ? pace->interval_ms
								: pace->before_ms;

	return seen_ms > configured_ms ? seen_ms : configured_ms;
}
