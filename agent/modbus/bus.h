/*
 * bus: one Modbus connection, one request at a time, every wait bounded.
 *
 * The only file that talks to libmodbus. A bus has no thread and no policy: it
 * connects, exchanges and closes; the link decides when. libmodbus's own error
 * recovery stays off, its byte timeout too, so that the response timeout is a
 * total deadline for the whole answer.
 *
 * Errors are negative errno; -ETIMEDOUT for late or absent answers,
 * -ECONNREFUSED and friends for the connection, -EBADMSG for an answer that is
 * not one to our request. An exception answer of the meter is
 * BUS_EXCEPTION(code), which is positive.
 */
#ifndef METERX_MODBUS_BUS_H
#define METERX_MODBUS_BUS_H

#include <stdbool.h>
#include <stdint.h>

#include "config/conf.h"

#define BUS_EXCEPTION(code)    (0x100 + (code))
#define BUS_IS_EXCEPTION(rc)   ((rc) > 0x100)
#define BUS_EXCEPTION_CODE(rc) ((rc)-0x100)

struct bus;

/* conf is not kept. NULL only for a transport that this build lacks (errno). */
struct bus *bus_new(const struct link_conf *conf);
void bus_free(struct bus *bus);

/*
 * Waits may be called off: while one lasts, wanted() is asked every 50 ms, and
 * when it says true the request or connect ends with -EINTR. NULL: never.
 */
void bus_set_interrupt(struct bus *bus, bool (*wanted)(void *arg), void *arg);

/* Blocks for at most timeout_ms, name resolution included. 0 or -errno. */
int bus_connect(struct bus *bus, uint32_t timeout_ms);
void bus_close(struct bus *bus);
bool bus_connected(const struct bus *bus);
/* Connected, and the peer has neither gone nor said anything unasked: a request would be sent. */
bool bus_in_step(const struct bus *bus);

/*
 * Read count registers of a unit (function 3 or 4) into words. 0, -errno or
 * BUS_EXCEPTION(). After any -errno the connection must be closed (TCP) or
 * drained (RTU): bus_recover() does what the transport needs.
 */
int bus_read(struct bus *bus, uint8_t unit, unsigned function, uint16_t reg, uint16_t count,
	uint32_t timeout_ms, uint16_t *words);
/* Write count registers (function 6 for one, 16 for more). As bus_read(). */
int bus_write(struct bus *bus, uint8_t unit, uint16_t reg, uint16_t count, uint32_t timeout_ms,
	const uint16_t *words);
void bus_recover(struct bus *bus);

/* For logs: "connection timed out", "exception 2 (illegal data address)". */
const char *bus_strerror(int rc);

#endif
