/* wait: see wait.h. */
#include "config.h"

#include "modbus/wait.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <time.h>

#include "core/clock.h"

#define ASK_US 50000

bool wait_called_off(const struct wait *wait)
{
	return wait->wanted != NULL && wait->wanted(wait->arg);
}

int64_t wait_slice_us(int64_t deadline_us)
{
	int64_t left_us = deadline_us - clock_mono_us();

	return left_us < 0 ? 0 : left_us < ASK_US ? left_us : ASK_US;
}

int wait_ready(const struct wait *wait, int fd, short events, int64_t deadline_us)
{
	struct pollfd ready = { .fd = fd, .events = events };

	for (;;) {
		int64_t slice_us = wait_slice_us(deadline_us);
		const struct timespec time = { .tv_nsec = slice_us * 1000 };
		int n = ppoll(&ready, 1, &time, NULL);

		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (slice_us == 0)
			return -ETIMEDOUT;
		if (wait_called_off(wait))
			return -EINTR;
	}
}
