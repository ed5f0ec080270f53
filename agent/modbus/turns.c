/*
 * turns: see turns.h.
 */
#include "config.h"

#include "modbus/turns.h"

/* Rest after a question in vain, times what it cost. */
#define ASK_REST   1  /* unidentified: half of the line at least, for many of them may be there */
#define PROBE_REST 19 /* gone: a twentieth */

bool turns_somebody_answers(struct poller *const *pollers, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!poller_unidentified(pollers[i]))
			return true;
	return false;
}

/* When a panel may have the line; shared: with others who are worth more. */
static int64_t eligible_ms(const struct turns *turns, const struct poller *poller, bool shared)
{
	int64_t due_ms = poller_due_ms(poller);

	return shared && poller_gone(poller) && due_ms < turns->probe_ms ? turns->probe_ms : due_ms;
}

static size_t busy_panel(struct poller *const *pollers, size_t n)
{
	size_t i;

	for (i = 0; i < n && !poller_busy(pollers[i]); i++)
		;
	return i;
}

size_t turns_late_alarm(struct poller *const *pollers, size_t n, int64_t now_ms)
{
	size_t found = n;
	int64_t earliest = now_ms + 1;

	for (size_t i = 0; i < n; i++) {
		int64_t late_ms = poller_alarm_late_ms(pollers[i]);

		if (late_ms < earliest) {
			earliest = late_ms;
			found = i;
		}
	}
	return found;
}

/* The longest due; among equals the one whose last turn is longest ago. ask: also of those not identified. */
static size_t longest_due(const struct turns *turns, struct poller *const *pollers, size_t n,
	int64_t now_ms, bool ask)
{
	bool shared = turns_somebody_answers(pollers, n);
	size_t found = n;
	int64_t earliest = INT64_MAX;

	for (size_t k = 1; k <= n; k++) {
		size_t i = (turns->last + k) % n;
		int64_t order_ms = poller_order_ms(pollers[i], now_ms);

		if ((ask || !poller_unidentified(pollers[i])) && order_ms < earliest &&
			eligible_ms(turns, pollers[i], shared) <= now_ms) {
			earliest = order_ms;
			found = i;
		}
	}
	return found;
}

/* As long as it rests from a question in vain, the line is for those who answer, if they want it. */
static size_t next_panel(
	const struct turns *turns, struct poller *const *pollers, size_t n, int64_t now_ms)
{
	size_t found = now_ms < turns->ask_ms ? longest_due(turns, pollers, n, now_ms, false) : n;

	return found < n ? found : longest_due(turns, pollers, n, now_ms, true);
}

static size_t choose(struct turns *turns, struct poller *const *pollers, size_t n, int64_t now_ms,
	enum poller_turn *turn)
{
	size_t busy = busy_panel(pollers, n);
	size_t late;

	*turn = POLLER_ANY;
	if (busy == n)
		return next_panel(turns, pollers, n, now_ms);
	if (!turns->overtaken) {
		late = turns_late_alarm(pollers, n, now_ms);
		if (late < n) {
			*turn = POLLER_ALARM;
			turns->overtaken = true;
			return late;
		}
	}
	turns->overtaken = false;
	*turn = POLLER_BULK;
	return busy;
}

size_t turns_choose(struct turns *turns, struct poller *const *pollers, size_t n, int64_t now_ms,
	enum poller_turn *turn)
{
	size_t chosen = choose(turns, pollers, n, now_ms, turn);

	if (chosen < n && *turn != POLLER_ALARM)
		turns->last = chosen;
	return chosen;
}

int64_t turns_next_ms(const struct turns *turns, struct poller *const *pollers, size_t n)
{
	bool shared = turns_somebody_answers(pollers, n);
	int64_t next_ms = INT64_MAX;

	for (size_t i = 0; i < n; i++) {
		int64_t may_ms = eligible_ms(turns, pollers[i], shared);

		if (may_ms < next_ms)
			next_ms = may_ms;
	}
	return next_ms;
}

void turns_in_vain(struct turns *turns, int64_t begun_ms, int64_t ended_ms)
{
	int64_t cost_ms = ended_ms - begun_ms;

	turns->ask_ms = ended_ms + ASK_REST * cost_ms;
	turns->probe_ms = ended_ms + PROBE_REST * cost_ms;
}
