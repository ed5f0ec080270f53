/*
 * poller: reads one panel over a bus and publishes its snapshots.
 *
 * Owned by one thread (the link's, or the tool's). It identifies the meter,
 * chooses model and plans, runs polls read by read, decodes, feeds energy and
 * alarm tracking, and publishes a whole snapshot per poll. It never waits for
 * anything but the bus.
 */
#ifndef METERX_MODBUS_POLLER_H
#define METERX_MODBUS_POLLER_H

#include <stdbool.h>
#include <stdint.h>

#include "modbus/bus.h"
#include "store/site.h"

struct poller;

/* What the poller reports of every request, for the link's statistics. */
struct poller_observer {
	void (*request)(void *arg, int rc, int64_t duration_us); /* after each request */
	void *arg;
};

/* Keeps references to the config behind panel->conf, the layout and the slot. */
struct poller *poller_new(const struct site *site, const struct panel *panel,
	const struct poller_observer *observer);
void poller_free(struct poller *poller);
const struct panel_conf *poller_conf(const struct poller *poller);
struct slot *poller_slot(const struct poller *poller);

/* Monotonic time at which the panel next wants the bus, and for which classes. */
int64_t poller_due_ms(const struct poller *poller, unsigned *classes);

/*
 * Do the next read of the poll under way, or begin one for the classes due at
 * now. Returns 1 when the poll has more reads, 0 when it is complete and
 * published, negative errno when the bus failed and the connection needs
 * bus_recover(). A meter that answers with an exception or nonsense misses the
 * poll (published), without an error for the bus.
 */
int poller_step(struct poller *poller, struct bus *bus, int64_t now_ms);

/* The link is away: the poll under way and every one that falls due is missed. Publishes transitions. */
void poller_missed(struct poller *poller, int64_t now_ms, const char *why);

/* Begin anew after a reconnect: identify first. */
void poller_restart(struct poller *poller);

/* Make every class due now (mxPanelCommand pollNow, meterx poll). */
void poller_poll_now(struct poller *poller);

/* One complete poll of all classes, for the tool. 0, -errno or BUS_EXCEPTION(). */
int poller_poll_all(struct poller *poller, struct bus *bus);

#endif
