/*
 * poller: reads one panel over a bus and publishes its snapshots.
 *
 * Owned by one thread (the link's, or the tool's). It identifies the meter,
 * chooses model and plans, runs polls read by read, decodes, feeds energy and
 * alarm tracking, posts what is new to the journal, and publishes a whole
 * snapshot per poll. It never waits for anything but the bus.
 */
#ifndef METERX_MODBUS_POLLER_H
#define METERX_MODBUS_POLLER_H

#include <stdbool.h>
#include <stdint.h>

#include "modbus/bus.h"
#include "modbus/plan.h"
#include "modbus/pollmap.h"
#include "store/site.h"

struct poller;

/* What the poller reports of every request, for the link's statistics. */
struct poller_observer {
	void (*request)(void *arg, int rc, int64_t duration_us); /* after each request */
	void *arg;
};

/* Keeps references to the site and the slot. */
struct poller *poller_new(struct site *site, const struct panel *panel,
	const struct poller_observer *observer);
void poller_free(struct poller *poller);
const struct panel_conf *poller_conf(const struct poller *poller);
struct slot *poller_slot(const struct poller *poller);
/* What it reads in all classes, and which registers of two: for showing. */
struct plan_want poller_want(const struct poller *poller);

/* The same panel of a newer configuration: names may have changed, what matters to polling has not. */
void poller_adopt(struct poller *poller, struct site *site, const struct panel *panel);

/* Monotonic time at which the panel next wants poller_step(). Past: at once. */
int64_t poller_due_ms(const struct poller *poller);
/*
 * Of several that are due, the one with the smallest goes first. Who could not be
 * polled in time keeps to his grid if he can, but has no right to it before others.
 */
int64_t poller_order_ms(const struct poller *poller, int64_t now_ms);
/* From then on it misses a poll unless it is served: time for poller_missed() if it cannot be. */
int64_t poller_misses_ms(const struct poller *poller);
/* From then on its alarm status is late enough to overtake the long poll of any panel. */
int64_t poller_alarm_late_ms(const struct poller *poller);
/* A poll of measurements or settings has begun and wants its next read. */
bool poller_busy(const struct poller *poller);
/*
 * The unit does not answer, or is no meter of the profile: poller_step() will
 * ask it by one short read whether it is back, which may cost a whole timeout.
 */
bool poller_silent(const struct poller *poller);
/*
 * It has not said who it is since it was started, restarted or fell silent:
 * poller_step() will ask that, which may cost a whole timeout.
 */
bool poller_unidentified(const struct poller *poller);
/* Silent, and asked once whether it is back it was still so: no passing trouble. */
bool poller_gone(const struct poller *poller);

/* Whose turn it is, where many share a line: alarms overtake, but every second read goes on with the bulk. */
enum poller_turn {
	POLLER_ANY,
	POLLER_ALARM, /* of nothing but the alarm status */
	POLLER_BULK,  /* of the measurements or settings under way, if any */
};

/*
 * Do the next read of the poll under way, or begin one for the classes due at
 * now, as the turn allows. Returns 1 when the panel
 * has more reads to do at once, 0 when not, negative errno when the bus failed
 * and the connection needs bus_recover(); the same read is then tried again, up
 * to the retries of the link (called off, -EINTR, is no failure). A meter that answers with an exception misses the
 * poll (published), without an error for the bus; but where it has no such
 * registers (exceptions 2 and 3) it is found out which, and they are left out
 * until one of them is answered, of which some are asked for with each poll of settings.
 */
int poller_step(struct poller *poller, struct bus *bus, int64_t now_ms, enum poller_turn turn);

/*
 * The meter cannot be reached: the poll under way is given up, every one that
 * falls due is missed. A miss of any class makes the panel DEGRADED; stale-after
 * missed measurement polls in a row make it OFFLINE and withdraw its
 * measurements. Publishes transitions.
 */
void poller_missed(struct poller *poller, int64_t now_ms, const char *why);

/*
 * The thread is at work: what was read stays fresh until it is missed, however late
 * the next poll is for want of the line; but not again what has grown stale while
 * the thread stood still. At least between any two requests.
 */
void poller_keep_fresh(struct poller *poller, int64_t now_ms);
/*
 * Whether its measurements are read as often as configured, over some polls: the
 * mean time between them when they are not, 0 when they are, -1: not known just now.
 */
int64_t poller_slow_ms(const struct poller *poller);

/* The connection was lost and is back: is it still the same meter? */
void poller_restart(struct poller *poller);

/* Make every class due now (mxPanelCommand pollNow, meterx poll). */
void poller_poll_now(struct poller *poller);

/*
 * For the writer (writer.h), which has the bus between two requests.
 */

/* NULL when the meter is there to be written to, else why not. */
const char *poller_unready(const struct poller *poller);
/* Count a request of the writer's. */
void poller_note_request(const struct poller *poller, int rc, int64_t duration_us);
/* Its meter has this point; of two places, the integer one. */
bool poller_has(const struct poller *poller, const struct point *point);
/* The exponent of one element; 0 where it has no scale. False: not known. */
bool poller_scale(const struct poller *poller, const struct point *point, unsigned element,
	int16_t *exponent);
/* Registers just read: shown at once with the alarms that follow, and in polls under way too. */
void poller_take(struct poller *poller, uint16_t reg, uint16_t count, const uint16_t *words);
/* The reads of an alarm poll (NULL: it has none), and their words, to be taken as one. */
const struct pollmap *poller_alarm_map(const struct poller *poller);
void poller_take_alarms(struct poller *poller, const uint16_t *words);
/* These classes (bits) are due now; anew: a poll under way counts for nothing. */
void poller_due_now(struct poller *poller, unsigned classes, bool anew);

/*
 * One complete poll of all classes, for the tool. 0, -errno or BUS_EXCEPTION();
 * -ENODEV: not a meter of that profile; -EAGAIN: it does not come to an end, as
 * with a meter that is another one at every question.
 */
int poller_poll_all(struct poller *poller, struct bus *bus);

#endif
