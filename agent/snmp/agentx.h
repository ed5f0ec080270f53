/*
 * agentx: the SNMP thread: its Net-SNMP subagent session, its loop, its answers.
 *
 * The only thread that calls Net-SNMP. It runs without a master and connects
 * when one comes; after a restart of the master all OIDs answer again within
 * 1.5 s. Get and GetNext for our tables are answered as they come in, between
 * the socket and the library (stream.h, wire.h); everything else takes the
 * library's way.
 */
#ifndef METERX_SNMP_AGENTX_H
#define METERX_SNMP_AGENTX_H

#include <stdbool.h>

#include "store/site.h"

struct agentx;

/*
 * Start the thread. socket: path or "tcp:host:port" of the master. Takes a
 * reference to site, and tells the events of its journal. NULL with errno when no
 * thread can be had; EBUSY for the second time in a process. Main thread.
 */
struct agentx *agentx_start(const char *socket, struct site *site);
/* Serve another site from the next request on (takes a reference). Main thread. */
void agentx_set_site(struct agentx *agentx, struct site *site);
/* Go over to the master agent at another socket; nothing if it is the same. Main thread. */
void agentx_set_socket(struct agentx *agentx, const char *socket);
/*
 * Close the session (orderly, when the master is there) and end the thread;
 * NULL is accepted. False when it did not end within some seconds, because the
 * library still waits for a master that cannot be reached: then the thread is
 * left behind with its reference to the site, and the store must not be freed.
 */
bool agentx_stop(struct agentx *agentx);

#endif
