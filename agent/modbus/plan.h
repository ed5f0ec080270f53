/*
 * plan: which registers to read in how few and how cheap requests.
 *
 * Pure. A plan is computed once for (profile, model, encoding, blocks, set of
 * due poll classes, line) and then only read. It is exactly minimal under the
 * wire model
 *
 *	T = sum over reads [(13 + 2 n) * bits / baud + 2 * gap + turnaround]
 *
 * among all sequences of reads which cover every needed register, cut no
 * multi-register value in two, stay within one block of the profile, cross no
 * gap of the meter's, and are no longer than max_registers (the line's and the
 * profile's). Only a text that is longer than that is read in pieces.
 *
 * Of the cheapest sequences it is one whose reads differ in length, where that is
 * possible by moving registers from one read to the next: on a serial line an
 * answer that comes too late, or twice, then does not pass for that to another read.
 */
#ifndef METERX_MODBUS_PLAN_H
#define METERX_MODBUS_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "config/profile.h"

struct plan_read {
	uint16_t reg; /* PDU address */
	uint16_t count;
	unsigned classes; /* 1 << poll_class of the points in it */
};

/* Registers that are read together or not at all: a value. */
struct plan_piece {
	uint16_t first, last;
};

struct plan {
	struct plan_read *reads; /* by register */
	unsigned n_reads;
	struct plan_piece *pieces; /* by register; no read cuts one */
	unsigned n_pieces;
	unsigned words;	 /* registers read */
	unsigned needed; /* of these, registers some point needs */
};

/* What a line costs, in microseconds; for TCP a plain model of round trips. */
struct plan_line {
	uint32_t per_read_us;
	uint32_t per_word_us;
	uint16_t max_registers;
};

/*
 * Registers this meter refuses: what has one of them is not wanted, no read spans
 * them. Without a count: no read goes on from the register before to this one.
 */
struct plan_gap {
	uint16_t reg, count;
};

struct plan_want {
	const struct profile *profile;
	int model;		/* index into profile.models; -1: only what all models have */
	enum encoding encoding; /* INTEGER or FLOAT */
	bool two_pole, three_pole;
	unsigned classes;     /* 1 << poll_class, one or more */
	uint64_t skip_blocks; /* bit b: the meter does not have profile.blocks[b] */
	const struct plan_gap *gaps;
	unsigned n_gaps;
};

/* RTU line of that speed; bits per character 10 (8N1) or 11. */
struct plan_line plan_line_rtu(uint32_t baud, unsigned bits, uint32_t turnaround_us);
struct plan_line plan_line_tcp(uint32_t round_trip_us);
/* The same where each register was seen to add to the round trip: a slow line is behind it. */
struct plan_line plan_line_gateway(uint32_t round_trip_us, uint32_t word_us);

/*
 * All that a plan depends on: how many registers cost as much as one more read,
 * in steps, so that lines which are nearly alike have the same plans.
 */
unsigned plan_line_worth(const struct plan_line *line);
/* The line that stands for all lines of that worth. Its times mean nothing. */
struct plan_line plan_line_of_worth(unsigned worth, uint16_t max_registers);

/* To be read for this want: class, model, encoding, blocks and access allow it. */
bool plan_wants_point(const struct plan_want *want, const struct point *point);
/*
 * A scale is wanted when its own class is due and some point of the model,
 * encoding and blocks uses it, whatever that point's class.
 */
bool plan_wants_scale(const struct plan_want *want, const struct profile_scale *scale);
/* Index of the block that a register belongs to, -1: none. */
int plan_block(const struct profile *profile, uint16_t reg);

/* Never fails for a profile that profile_load() accepted. Free with plan_free(). */
struct plan *plan_build(const struct plan_want *want, const struct plan_line *line);
void plan_free(struct plan *plan);

uint64_t plan_time_us(const struct plan *plan, const struct plan_line *line);
/* Time of the same registers in ceil(needed / 125) reads: the wire model's ideal. */
uint64_t plan_ideal_us(const struct plan *plan, const struct plan_line *line);

/*
 * INTEGER or FLOAT: whichever costs less time on that line for class POLL_FAST. The
 * one that is in use (else ENCODING_ANY) is kept unless the other saves a tenth.
 */
enum encoding plan_choose_encoding(const struct plan_want *want, const struct plan_line *line,
	enum encoding in_use);

#endif
