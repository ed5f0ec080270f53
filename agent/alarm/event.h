/*
 * event: the numbers of events, and what happened.
 *
 * Numbers only ever increase. Any thread.
 */
#ifndef METERX_ALARM_EVENT_H
#define METERX_ALARM_EVENT_H

#include <stdint.h>

uint64_t event_number_next(void);
uint64_t event_number_last(void); /* 0: none yet */

#endif
