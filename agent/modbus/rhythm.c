/* rhythm: see rhythm.h. */
#include "config.h"

#include "modbus/rhythm.h"

void rhythm_init(struct rhythm *rhythm, const struct panel_conf *conf)
{
	*rhythm = (struct rhythm){ .period_ms = {
					   [POLL_ALARM] = conf->alarm_poll_ms,
					   [POLL_FAST] = conf->poll_ms,
					   [POLL_SLOW] = conf->slow_poll_ms,
				   } };
}

void rhythm_start(struct rhythm *rhythm, int64_t now_ms, bool alarms)
{
	for (int class = 0; class < POLL_CLASSES; class++)
		rhythm->due_ms[class] = now_ms;
	if (!alarms)
		rhythm->due_ms[POLL_ALARM] = RHYTHM_NEVER;
}

void rhythm_due_now(struct rhythm *rhythm, unsigned classes, int64_t now_ms)
{
	for (int class = 0; class < POLL_CLASSES; class++)
		if ((classes & CLASS(class)) != 0 && rhythm->due_ms[class] > now_ms)
			rhythm->due_ms[class] = now_ms;
}

void rhythm_start_from(struct rhythm *rhythm, enum poll_class class, int64_t now_ms)
{
	if (now_ms - rhythm->due_ms[class] >= rhythm->period_ms[class])
		rhythm->due_ms[class] = now_ms;
}

int64_t rhythm_next_ms(const struct rhythm *rhythm)
{
	int64_t next = RHYTHM_NEVER;

	for (int class = 0; class < POLL_CLASSES; class++)
		next = rhythm->due_ms[class] < next ? rhythm->due_ms[class] : next;
	return next;
}

int64_t rhythm_alarm_late_ms(const struct rhythm *rhythm)
{
	int64_t due = rhythm->due_ms[POLL_ALARM];

	return due == RHYTHM_NEVER ? RHYTHM_NEVER : due + rhythm->period_ms[POLL_ALARM] / 2;
}

/* How long before its time a class may be read with others in its stead. */
static int64_t early_ms(const struct rhythm *rhythm, int class)
{
	return rhythm->period_ms[class] / 8;
}

/* What is due soon goes along: its registers lie beside those that are read anyway. */
unsigned rhythm_classes(const struct rhythm *rhythm, int64_t now_ms)
{
	unsigned classes = 0;

	for (int class = 0; class < POLL_CLASSES; class++)
		if (rhythm->due_ms[class] <= now_ms)
			classes |= CLASS(class);
	if (classes == 0)
		return 0;
	for (int class = POLL_FAST; class < POLL_ONCE; class++)
		if (rhythm->due_ms[class] - now_ms <= early_ms(rhythm, class))
			classes |= CLASS(class);
	if (rhythm->once_wanted && (classes & CLASS(POLL_SLOW)) != 0)
		classes |= CLASS(POLL_ONCE);
	if ((classes & CLASS(POLL_ONCE)) != 0)
		return ALL_CLASSES;
	return classes | CLASS(POLL_ALARM);
}

/*
 * On the grid while it can be kept; a period or more too late, a new grid begins.
 * What only went along with another class has its turn still to come.
 */
void rhythm_advance(struct rhythm *rhythm, enum poll_class class, int64_t now_ms)
{
	int64_t period = rhythm->period_ms[class];
	int64_t *due = &rhythm->due_ms[class];

	if (period == 0 || *due == RHYTHM_NEVER)
		*due = RHYTHM_NEVER;
	else if (*due - now_ms <= early_ms(rhythm, class))
		*due = (now_ms - *due < period ? *due : now_ms) + period;
}

void rhythm_begin(struct rhythm *rhythm, unsigned classes, int64_t now_ms)
{
	rhythm->once_wanted |= (classes & CLASS(POLL_ONCE)) != 0;
	for (int class = 0; class < POLL_CLASSES; class++)
		if ((classes & CLASS(class)) != 0)
			rhythm_advance(rhythm, class, now_ms);
}

static int64_t fast_missed_ms(const struct rhythm *rhythm, uint32_t fast_ms)
{
	return rhythm->due_ms[POLL_FAST] + fast_ms - rhythm->period_ms[POLL_FAST];
}

int64_t rhythm_miss_ms(const struct rhythm *rhythm, uint32_t fast_ms)
{
	int64_t fast = fast_missed_ms(rhythm, fast_ms);

	return rhythm->due_ms[POLL_ALARM] < fast ? rhythm->due_ms[POLL_ALARM] : fast;
}

uint32_t rhythm_skip_fast(struct rhythm *rhythm, uint32_t fast_ms, int64_t now_ms)
{
	int64_t late = now_ms - fast_missed_ms(rhythm, fast_ms);
	uint32_t missed;

	if (late < 0)
		return 0;
	missed = (uint32_t)(late / fast_ms) + 1;
	rhythm->due_ms[POLL_FAST] += (int64_t)missed * fast_ms;
	return missed;
}
