/*
 * link: one bus or one TCP peer, with its thread, connection and rhythm.
 *
 * State machine, every change through one function which logs it once:
 *
 *	DOWN -> CONNECTING -> UP -> BACKOFF (doubling, capped, jittered) -> CONNECTING
 *
 * DOWN is a link without panels to poll. While UP the thread serves, read by
 * read, the panel whose poll is longest due; late alarm polls overtake, read for
 * read. Jobs (writes) overtake polls in the same way: one between any two reads,
 * and while more are waiting a read between any two of them.
 */
#ifndef METERX_MODBUS_LINK_H
#define METERX_MODBUS_LINK_H

#include "store/site.h"

struct link;

/*
 * Start the thread for site->links[position] and its panels. Takes references
 * to what it uses. NULL with errno when no thread can be had. Main thread.
 */
struct link *link_start(struct site *site, size_t position);

/* A reload left this link's settings unchanged: take the panels of the new site; unchanged ones go on without a gap. */
void link_update(struct link *link, struct site *site, size_t position);

/* False: its thread is stuck somewhere, for minutes, in a driver or by a mistake of ours. Any thread. */
bool link_turns(const struct link *link);

/* Ask all links to stop first (link_stop_begin), then wait for each (bounded by its response timeout). */
void link_stop_begin(struct link *link);
void link_stop(struct link *link); /* frees it */

#endif
