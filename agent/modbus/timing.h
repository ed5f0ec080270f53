/*
 * timing: how long a unit takes to answer, from what was measured of it.
 *
 * Pure. The last answers are kept, and what is reckoned with is their median:
 * one that came late, or was held up by this host, moves nothing. On a line of
 * known speed it is the turnaround alone, whatever the length of the answer.
 * Over TCP it is the round trip, and there may be a slow line behind it: then it
 * grows with the length, and the growth by register is found too (median of the
 * slopes between any two answers).
 */
#ifndef METERX_MODBUS_TIMING_H
#define METERX_MODBUS_TIMING_H

#include <stdbool.h>
#include <stdint.h>

#define TIMING_SAMPLES 16

struct timing {
	uint16_t ticks[TIMING_SAMPLES]; /* of 16 us, a second at the most: there are many of these */
	uint8_t words[TIMING_SAMPLES]; /* registers of that answer */
	uint8_t n, next;
	uint32_t growth_us; /* by register, as last seen */
};

/* An answer of so many registers. */
void timing_note(struct timing *timing, unsigned words, uint32_t us);
bool timing_known(const struct timing *timing); /* at least one answer */
bool timing_full(const struct timing *timing);	/* as many as are kept */
uint32_t timing_median_us(const struct timing *timing);
/*
 * Time of an answer of no register, and what each register adds to it, neither below
 * 0. Answers of one length tell nothing of the growth: it is then as it was before.
 */
void timing_by_length(struct timing *timing, uint32_t *base_us, uint32_t *word_us);

#endif
