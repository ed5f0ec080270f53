#ifndef SIM_STAGE_H
#define SIM_STAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/fault.h"
#include "sim/reactor.h"
#include "sim/site.h"

struct line;
struct listener;
struct serial;

/* How a Modbus TCP gateway speaks for a unit that says nothing; code 0: it does not. */
struct spokesman {
	int code;
	double after; /* seconds */
};

#define EARLIER_MAX 16

/* An answer that was given. */
struct earlier {
	unsigned unit, first; /* register, 0: none */
	size_t len;
	uint8_t pdu[ADU_MAX];
};

/* All there is: the meters, what is wrong with them, and the ways that lead to them. */
struct stage {
	struct site *site;
	struct fault_list faults;
	struct reactor reactor;
	struct listener *listeners; /* Modbus TCP and RTU over TCP */
	struct serial *serials;
	struct line *lines; /* of serial ports and of gateways */
	struct spokesman spokesman;
	double latency[256]; /* seconds a unit takes for an answer */
	struct earlier earlier[EARLIER_MAX]; /* a ring */
	unsigned n_earlier;
	bool trace;
	int refusal; /* as fault_refuses(), already carried out */
	uint64_t connections, unknown_unit;
};

/* Let every listener follow the faults in force. */
void stage_follow_faults(struct stage *stage, double now);

/* When that is to be done again without an order; INFINITY: never. */
double stage_deadline(const struct stage *stage, double now);

/* The box restarts: every connection is gone. */
void stage_drop_clients(struct stage *stage);

/* With --trace: time and bytes on standard error. */
void stage_trace(const struct stage *stage, const char *mark, const uint8_t *bytes, size_t len);

#endif
