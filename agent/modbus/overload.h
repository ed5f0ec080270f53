/*
 * overload: does a link keep the intervals of its panels, and is it time to say so?
 *
 * Owned by a link. It looks at what the pollers have seen (pace.h); what begins is
 * told once, and what has ended only when it has been so for a minute.
 */
#ifndef METERX_MODBUS_OVERLOAD_H
#define METERX_MODBUS_OVERLOAD_H

#include "modbus/poller.h"

struct overload {
	bool told;
	int64_t look_ms; /* when to look next */
	int64_t kept_ms; /* since when all intervals are kept, 0: they are not */
};

enum overload_news {
	OVERLOAD_NOTHING,
	OVERLOAD_BEGINS,
	OVERLOAD_ENDS,
};

/* Something to say? slowest: the panel furthest from its interval, when it begins. */
enum overload_news overload_look(struct overload *overload, struct poller *const *pollers, size_t n,
	int64_t now_ms, const struct poller **slowest);

#endif
