/* poller_writer: what the writer may ask of a poller, and what it hands in (poller.h). */
#include "config.h"

#include "modbus/poller_parts.h"

#include <string.h>

#include "core/clock.h"

const char *poller_unready(const struct poller *poller)
{
	if (poller->silent)
		return "the panel does not answer";
	if (poller->unidentified)
		return "the panel is not identified yet";
	return poller_comm(poller) == COMM_OFFLINE ? "the panel is offline" : NULL;
}

void poller_note_request(const struct poller *poller, int rc, int64_t duration_us)
{
	if (poller->observer.request != NULL)
		poller->observer.request(poller->observer.arg, rc, duration_us);
}

bool poller_has(const struct poller *poller, const struct point *point)
{
	const struct plan_want want = pollset_want_encoded(
		&poller->plans, poller->meter.model, ENCODING_INTEGER);

	return plan_wants_point(&want, point);
}

bool poller_scale(const struct poller *poller, const struct point *point, unsigned element,
	int16_t *exponent)
{
	*exponent = 0;
	return !point->scaled || scales_get(&poller->meter.scales,
					 point->scale_reg + element * point->scale_stride, exponent);
}

/* What a poll under way has read of them is older. */
static void refresh(const struct poll *poll, uint16_t reg, uint16_t count, const uint16_t *words)
{
	for (unsigned i = 0; poll->map != NULL && i < count; i++) {
		const uint16_t *at = pollmap_words(poll->map, poll->words, reg + i, 1);

		if (at != NULL)
			poll->words[at - poll->words] = words[i];
	}
}

void poller_take(struct poller *poller, uint16_t reg, uint16_t count, const uint16_t *words)
{
	struct snapshot *snapshot = store_begin(poller->slot);
	struct plan_want want = pollset_want_encoded(
		&poller->plans, poller->meter.model, poller->plans.encoding);

	refresh(&poller->alarm, reg, count, words);
	refresh(&poller->bulk, reg, count, words);
	meter_fill_registers(&poller->meter, &want, reg, count, words, snapshot);
	news_alarms(&poller->news, snapshot, clock_mono_ms());
	news_post(&poller->news, snapshot, &poller->meter.id);
	store_publish(poller->slot, snapshot);
}

const struct pollmap *poller_alarm_map(const struct poller *poller)
{
	const struct pollmap *map = pollset_map(&poller->plans, CLASS(POLL_ALARM));

	return map != NULL && map->plan->n_reads > 0 ? map : NULL;
}

void poller_take_alarms(struct poller *poller, const uint16_t *words)
{
	const struct pollmap *map = poller_alarm_map(poller);
	int64_t now_ms = clock_mono_ms();

	poll_end(&poller->alarm);
	poller_begin(poller, &poller->alarm, CLASS(POLL_ALARM), now_ms);
	memcpy(poller->alarm.words, words, map->plan->words * sizeof(*words));
	poller->alarm_waits = true; /* nobody waits for the readings of a later poll */
	poller_finish(poller, &poller->alarm);
}

void poller_due_now(struct poller *poller, unsigned classes, bool anew)
{
	int64_t now_ms = clock_mono_ms();

	if (poller_alarm_map(poller) == NULL)
		classes &= ~CLASS(POLL_ALARM);
	rhythm_due_now(&poller->rhythm, classes, now_ms);
	if (!anew || poller->bulk.map == NULL)
		return;
	for (int class = POLL_FAST; class < POLL_CLASSES; class++)
		if ((poller->bulk.classes & CLASS(class)) != 0)
			poller->rhythm.due_ms[class] = now_ms;
	poll_end(&poller->bulk);
}
