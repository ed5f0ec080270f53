/* event: see event.h. */
#include "config.h"

#include "alarm/event.h"

#include <stdatomic.h>

static _Atomic uint64_t last_number;

uint64_t event_number_next(void)
{
	return atomic_fetch_add(&last_number, 1) + 1;
}

uint64_t event_number_last(void)
{
	return atomic_load(&last_number);
}
