/* overload: see overload.h. */
#include "config.h"

#include "modbus/overload.h"

#define LOOK_MS	    1000
#define KEPT_FOR_MS 60000

/* kept: every panel that answers has its interval. */
static const struct poller *find_slowest(struct poller *const *pollers, size_t n, bool *kept)
{
	const struct poller *slowest = NULL;
	int64_t worst = 0;

	*kept = true;
	for (size_t i = 0; i < n; i++) {
		int64_t slow_ms = poller_slow_ms(pollers[i]);
		int64_t permille = slow_ms * 1000 / poller_conf(pollers[i])->poll_ms;

		*kept = *kept && (slow_ms == 0 || poller_silent(pollers[i]));
		if (slow_ms > 0 && permille > worst) {
			slowest = pollers[i];
			worst = permille;
		}
	}
	return slowest;
}

enum overload_news overload_look(struct overload *overload, struct poller *const *pollers, size_t n,
	int64_t now_ms, const struct poller **slowest)
{
	bool kept;

	if (now_ms < overload->look_ms)
		return OVERLOAD_NOTHING;
	overload->look_ms = now_ms + LOOK_MS;
	*slowest = find_slowest(pollers, n, &kept);
	if (!overload->told) {
		overload->told = *slowest != NULL;
		return overload->told ? OVERLOAD_BEGINS : OVERLOAD_NOTHING;
	}
	if (*slowest != NULL)
		overload->kept_ms = 0;
	else if (kept && overload->kept_ms == 0)
		overload->kept_ms = now_ms;
	if (overload->kept_ms == 0 || now_ms - overload->kept_ms < KEPT_FOR_MS)
		return OVERLOAD_NOTHING;
	*overload = (struct overload){ .look_ms = overload->look_ms };
	return OVERLOAD_ENDS;
}
