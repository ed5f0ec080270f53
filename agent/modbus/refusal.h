/*
 * refusal: which registers of a read does the meter refuse?
 *
 * Pure. A meter answers a read that holds one register it does not have with an
 * exception and no more: it is asked for parts of it, cut where values meet,
 * until it is known what to go without. Every search ends with at least one gap,
 * so that the same read is not refused twice: registers that are refused by
 * themselves, unneeded ones that were read through, or, if parts are answered
 * which together are not, a cut between them.
 */
#ifndef METERX_MODBUS_REFUSAL_H
#define METERX_MODBUS_REFUSAL_H

#include <stdbool.h>

#include "modbus/plan.h"

struct gaps {
	struct plan_gap *items; /* in the order found; free with free() */
	unsigned n;
	unsigned told; /* of these: known to the operator */
};

void gaps_add(struct gaps *gaps, unsigned reg, unsigned count);
/* n: how many from gap i on (below gaps->n) follow one another without a register between. True when i is the first of them. */
bool gaps_run(const struct gaps *gaps, unsigned i, unsigned *n);
/* That such n have together. */
unsigned gaps_registers(const struct gaps *gaps, unsigned i, unsigned n);
void gaps_clear(struct gaps *gaps);

enum refusal_step {
	REFUSAL_NONE,	/* nothing to ask */
	REFUSAL_REST,	/* is all from first on answered? */
	REFUSAL_PREFIX, /* it is not: how much of it is? */
	REFUSAL_ONE,	/* is the piece at first answered by itself? */
};

struct refusal {
	enum refusal_step step;
	const struct plan_piece *pieces; /* of the plan, which must outlive the search */
	unsigned first, end;		 /* of the pieces: still to be looked at */
	unsigned good, bad;		 /* first to good is answered, first to bad is refused */
	bool border;			 /* first is answered together with nothing before it */
};

/* A read of the plan was refused. */
void refusal_begin(struct refusal *refusal, const struct plan *plan, const struct plan_read *read,
	struct gaps *gaps);
/* What to ask for next; false when there is nothing left to find out. */
bool refusal_next(const struct refusal *refusal, struct plan_read *read);
void refusal_answer(struct refusal *refusal, bool refused, struct gaps *gaps);

#endif
