/*
 * bus: one Modbus connection, one request at a time, every wait bounded.
 *
 * A bus has no thread and no policy: it connects, exchanges and closes; the link
 * decides when. It keeps the silence that a serial line needs before a request,
 * and never takes an answer of another unit, function, length, or of an earlier
 * request for the one it waits for.
 *
 * Errors are negative errno: -ETIMEDOUT for late or absent answers; -EILSEQ for
 * bytes that are no frame or only part of one; -EBADMSG for a frame that is not
 * the answer to our request; others for the connection. An exception
 * answer is BUS_EXCEPTION(code), which is positive.
 */
#ifndef METERX_MODBUS_BUS_H
#define METERX_MODBUS_BUS_H

#include <stdbool.h>
#include <stdint.h>

#include "config/conf.h"

#define BUS_EXCEPTION(code)    (0x100 + (code))
#define BUS_IS_EXCEPTION(rc)   ((rc) > 0x100)
#define BUS_EXCEPTION_CODE(rc) ((rc)-0x100)
/* Of a gateway that could not pass the request on: the meter has not said anything. */
#define BUS_IS_GATEWAYS(rc)    ((rc) == BUS_EXCEPTION(10) || (rc) == BUS_EXCEPTION(11))

struct bus;

/* conf is not kept. NULL with errno. */
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
 * Read count registers (1 to 125) of a unit (function 3 or 4) into words. 0, -errno or
 * BUS_EXCEPTION(). timeout_ms: from the end of the request to the beginning of the
 * answer; on a serial line both have their time on the wire besides, and no byte
 * stretches the end of it. After any -errno: bus_recover().
 */
int bus_read(struct bus *bus, uint8_t unit, unsigned function, uint16_t reg, uint16_t count,
	uint32_t timeout_ms, uint16_t *words);
/* Write count registers (function 6 for one, 16 for 2 to 123). As bus_read(). */
int bus_write(struct bus *bus, uint8_t unit, uint16_t reg, uint16_t count, uint32_t timeout_ms,
	const uint16_t *words);
/*
 * After -errno: closes what cannot go on (TCP after any error, a device that is gone,
 * a gateway behind which nobody has answered three times); listens to a serial line
 * until the late answer must have ended.
 */
void bus_recover(struct bus *bus);

struct bus_timing {
	uint32_t turnaround_us; /* of the meter: from request to answer beyond 3.5 characters of silence */
	uint32_t round_trip_us; /* from the first byte of the request to the last of the answer */
};
/* Of the last exchange that was answered; false: none since bus_connect(). */
bool bus_last_timing(const struct bus *bus, struct bus_timing *timing);

/* For logs: "connection timed out", "exception 2 (illegal data address)". */
const char *bus_strerror(int rc);

#endif
