/*
 * notifier: which event is told next, and when: window, pace, acknowledgements.
 *
 * SNMP thread only, but for notifier_wake(). Neither Net-SNMP nor sockets nor a
 * clock: who owns it says what time it is, sends, and hands in the answers.
 *
 * Events are told in the order of their numbers. An event is delivered when the
 * master agent has acknowledged it, not before; what was not acknowledged when a
 * connection ended is told again on the next one. Nothing is told twice on one
 * connection unless the master refused it or never answered.
 */
#ifndef METERX_SNMP_NOTIFIER_H
#define METERX_SNMP_NOTIFIER_H

#include <stdbool.h>
#include <stdint.h>

#include "alarm/journal.h"

#define NOTIFIER_WINDOW_MAX 64

struct notifier;

enum notifier_sent {
	NOTIFIER_SENT,
	NOTIFIER_NO_ROOM,  /* not now: the master does not take it in */
	NOTIFIER_NOT_TOLD, /* nothing tells this event */
};

/* Send the event; the answer to it comes with this packet number. */
typedef enum notifier_sent notifier_send_fn(void *arg, const struct event *event, uint32_t packet);

struct notifier_stats {
	uint64_t delivered;
	uint64_t refused;  /* answers that were errors, or did not come though the master lives */
	uint64_t given_up; /* passed over until the next connection */
};

/* journal NULL: there is nothing to tell. */
struct notifier *notifier_new(struct journal *journal, notifier_send_fn *send, void *arg);
void notifier_free(struct notifier *notifier); /* NULL is accepted */
/* window: unacknowledged at a time, 1 to NOTIFIER_WINDOW_MAX. rate: per second, from 1. */
void notifier_set_pace(struct notifier *notifier, unsigned window, unsigned rate);

/* The master is there (again), or is gone: what is under way is not delivered. */
void notifier_connected(struct notifier *notifier, int64_t now_ms);
void notifier_disconnected(struct notifier *notifier);

/* The journal has news. Any thread. */
void notifier_wake(struct notifier *notifier);
/* How long notifier_work() has nothing to do, in ms; 0: call it. -1: until something happens. */
int notifier_wait_ms(const struct notifier *notifier, int64_t now_ms);
/* Send what may be sent now. */
void notifier_work(struct notifier *notifier, int64_t now_ms);
/* The master's answer to a packet; error 0: it has taken it. False: to none that is under way. */
bool notifier_answer(struct notifier *notifier, uint32_t packet, unsigned error, int64_t now_ms);
/* The master has answered a ping: it is alive, whatever it does not answer to. */
void notifier_pinged(struct notifier *notifier, int64_t now_ms);

void notifier_stats(const struct notifier *notifier, struct notifier_stats *stats);

#endif
