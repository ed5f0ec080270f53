/*
 * tcp: opens a connection within a deadline, the lookup of the name included.
 */
#ifndef METERX_MODBUS_TCP_H
#define METERX_MODBUS_TCP_H

#include <stdint.h>

#include "modbus/resolver.h"
#include "modbus/wait.h"

/* A connected socket, not blocking, or -errno. */
int tcp_open(struct resolver *resolver, const struct wait *wait, int64_t deadline_us);

/*
 * A stream must be silent between two requests: what lies there is an answer nobody
 * asked for (-EBADMSG), and its end is better known before the request. 0 or -errno.
 */
int tcp_in_step(int fd);

#endif
