/* clock: see clock.h. */
#include "config.h"

#include "clock.h"

#include <stdatomic.h>
#include <time.h>

static _Atomic int64_t fixed_mono = -1;
static _Atomic int64_t fixed_wall = -1;

static int64_t read_us(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t read_ms(clockid_t id)
{
	return read_us(id) / 1000;
}

int64_t clock_mono_ms(void)
{
	int64_t fixed = atomic_load_explicit(&fixed_mono, memory_order_relaxed);

	return fixed >= 0 ? fixed : read_ms(CLOCK_MONOTONIC);
}

int64_t clock_mono_us(void)
{
	int64_t fixed = atomic_load_explicit(&fixed_mono, memory_order_relaxed);

	return fixed >= 0 ? fixed * 1000 : read_us(CLOCK_MONOTONIC);
}

int64_t clock_wall_ms(void)
{
	int64_t fixed = atomic_load_explicit(&fixed_wall, memory_order_relaxed);

	return fixed >= 0 ? fixed : read_ms(CLOCK_REALTIME);
}

void clock_set(int64_t mono_ms, int64_t wall_ms)
{
	atomic_store(&fixed_mono, mono_ms);
	atomic_store(&fixed_wall, wall_ms);
}
