#ifndef SIM_GATEWAY_H
#define SIM_GATEWAY_H

#include "sim/line.h"
#include "sim/listen.h"

struct caller;

/*
 * A serial gateway that knows nothing of Modbus: what any client sends goes on the line behind it,
 * and what comes from the line goes to every client that is there then.
 */
struct gateway {
	struct listener listener;
	struct line line;
	struct caller *first;
};

/* "ADDRESS:PORT" or "ADDRESS:PORT:BAUD:MODE". Returns NULL, or what is wrong. */
const char *gateway_open(struct gateway *gateway, struct stage *stage, const char *text);

#endif
