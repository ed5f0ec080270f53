/*
 * facts: what one snapshot says of a panel, in the words of those who look at
 * breakers. Pure: nothing here polls, prints or waits.
 */
#ifndef METERX_CTL_FACTS_H
#define METERX_CTL_FACTS_H

#include "modbus/plan.h"
#include "store/site.h"

struct facts {
	const struct panel *panel;
	const struct snapshot *snapshot;
	int64_t now_ms;
	struct plan_want want; /* what was read */
	uint64_t requests;
	int64_t slowest_us, duration_ms;
};

/* What stands in one row: a branch, a phase of the mains, a circuit. */
struct facts_row {
	enum scope scope;
	unsigned channel; /* 0: configured circuit */
	unsigned number;
	const char *label;
	const char *tenant;
	char phase; /* 'A', 'B', 'C', or ' ' when not known */
	struct reading rating, current, power, apparent, factor, energy;
	struct reading load; /* 0.1 % of the rating */
	struct alarm_bits alarms;
};

struct reading facts_read(
	const struct facts *facts, enum scope scope, enum quantity quantity, unsigned channel);
struct facts_row facts_branch(const struct facts *facts, unsigned branch);
struct facts_row facts_mains(const struct facts *facts, unsigned channel);
/* number as in mxCircuitTable: configured, or the meter's own. */
struct facts_row facts_circuit(const struct facts *facts, unsigned number);

/* NULL: not known. */
const struct profile_ct_layout *facts_ct_layout(const struct facts *facts);
/* "A"; "" when the profile has no models or the meter was not identified. */
const char *facts_model(const struct facts *facts);

/* "HH", "H", ... with a star where latched and no longer active; "" without alarms. */
void facts_alarms(const struct alarm_bits *bits, char *text, size_t size);

static inline bool good(struct reading reading)
{
	return reading.quality == QUALITY_GOOD;
}

#endif
