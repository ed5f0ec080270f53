/*
 * rhythm: when each class of a panel's polls is due.
 *
 * Pure; times are monotonic and handed in. Every class has its own grid. Measure-
 * ments bring the alarm status along, and so do settings, so that a row's readings
 * and states are of one poll; a poll that is due soon goes along with one that is
 * due now.
 */
#ifndef METERX_MODBUS_RHYTHM_H
#define METERX_MODBUS_RHYTHM_H

#include <stdbool.h>
#include <stdint.h>

#include "config/conf.h"

#define CLASS(c)    (1u << (c)) /* bit of an enum poll_class */
#define ALL_CLASSES (CLASS(POLL_CLASSES) - 1)

#define RHYTHM_NEVER INT64_MAX

struct rhythm {
	uint32_t period_ms[POLL_CLASSES]; /* 0: once */
	int64_t due_ms[POLL_CLASSES];
	bool once_wanted; /* class once was asked for and has not been brought in */
};

void rhythm_init(struct rhythm *rhythm, const struct panel_conf *conf);
/* All classes are due now; alarms: there is something to read for that class. */
void rhythm_start(struct rhythm *rhythm, int64_t now_ms, bool alarms);
/* These classes (bits) are due now unless they already are. */
void rhythm_due_now(struct rhythm *rhythm, unsigned classes, int64_t now_ms);
/* What has waited for a period and longer waits since now: from here on it is late for another reason. */
void rhythm_start_from(struct rhythm *rhythm, enum poll_class class, int64_t now_ms);
/* When the first of them is due. */
int64_t rhythm_next_ms(const struct rhythm *rhythm);
/* From then on the alarm status is late enough to overtake long polls; NEVER: it has none. */
int64_t rhythm_alarm_late_ms(const struct rhythm *rhythm);
/* What to poll at now, as one of the combinations of pollset.h; 0: nothing is due. */
unsigned rhythm_classes(const struct rhythm *rhythm, int64_t now_ms);
/* A poll of these classes has begun: when they are due next. */
void rhythm_begin(struct rhythm *rhythm, unsigned classes, int64_t now_ms);
/* The same for one class. */
void rhythm_advance(struct rhythm *rhythm, enum poll_class class, int64_t now_ms);
/*
 * For who cannot be polled: from then on a poll is missed. Measurement polls are
 * missed every fast_ms, which is not below their period: as often as they were to be
 * expected.
 */
int64_t rhythm_miss_ms(const struct rhythm *rhythm, uint32_t fast_ms);
/* Measurement polls that are missed by now, and done with. */
uint32_t rhythm_skip_fast(struct rhythm *rhythm, uint32_t fast_ms, int64_t now_ms);

#endif
