/*
 * descriptors: see descriptors.h.
 *
 * Service managers and shells start programs with a soft limit of 1024, for the
 * sake of those that use select(2), and leave it to the others to raise it.
 */
#include "config.h"

#include "core/descriptors.h"

#include <sys/resource.h>

uint64_t descriptors_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return UINT64_MAX;
	if (limit.rlim_cur != limit.rlim_max) {
		rlim_t before = limit.rlim_cur;

		limit.rlim_cur = limit.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
			limit.rlim_cur = before;
	}
	return limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : limit.rlim_cur;
}

/* The lowest free number is given out first: the number tells how many are taken. */
bool descriptors_spare(int fd)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
		return true;
	return (rlim_t)fd + DESCRIPTORS_RESERVED < limit.rlim_cur;
}
