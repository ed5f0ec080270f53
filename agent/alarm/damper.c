/* damper: see damper.h. */
#include "config.h"

#include "alarm/damper.h"

/* Not told for so many holds, and seconds: it begins anew. */
#define REST_HOLDS   4
#define REST_LEAST_S 600

static uint32_t since_told_s(const struct damper *damper, int64_t now_ms)
{
	return (uint32_t)(now_ms / 1000) - damper->told_s;
}

bool damper_is_open(const struct damper *damper, int64_t now_ms)
{
	return since_told_s(damper, now_ms) >= damper->hold_s;
}

void damper_told(struct damper *damper, int64_t now_ms)
{
	uint32_t rest_s = since_told_s(damper, now_ms);

	if (damper->hold_s == 0 ||
		(rest_s >= REST_LEAST_S && rest_s >= REST_HOLDS * damper->hold_s))
		damper->hold_s = DAMPER_FIRST_S;
	else if (damper->hold_s < DAMPER_MOST_S / 2)
		damper->hold_s *= 2;
	else
		damper->hold_s = DAMPER_MOST_S;
	damper->told_s = (uint32_t)(now_ms / 1000);
}
