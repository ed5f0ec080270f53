/*
 * wait: for a descriptor, to a deadline for all of it, and not if it is called off.
 *
 * poll(2), so that no number of a descriptor is too high. Whoever has the bus
 * may be wanted elsewhere: while a wait lasts that is asked every 50 ms.
 */
#ifndef METERX_MODBUS_WAIT_H
#define METERX_MODBUS_WAIT_H

#include <stdbool.h>
#include <stdint.h>

struct wait {
	bool (*wanted)(void *arg); /* to give up, NULL: never */
	void *arg;
};

bool wait_called_off(const struct wait *wait);
/* How long to wait before asking that again: what is left, 0 behind the deadline, at most 50 ms. */
int64_t wait_slice_us(int64_t deadline_us);
/*
 * 0: fd is ready for events, or has an error to be fetched; else -ETIMEDOUT, -EINTR
 * (called off) or another -errno. No fd (-1): -ETIMEDOUT at the deadline.
 */
int wait_ready(const struct wait *wait, int fd, short events, int64_t deadline_us);

#endif
