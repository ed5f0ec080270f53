/* timing: see timing.h. */
#include "config.h"

#include "modbus/timing.h"

#include <stdlib.h>

#define PAIRS	  (TIMING_SAMPLES * (TIMING_SAMPLES - 1) / 2)
#define TICK_US	  16
#define FAR_WORDS 8  /* answers this much longer than others tell of the growth */

void timing_note(struct timing *timing, unsigned words, uint32_t duration_us)
{
	uint32_t ticks = duration_us / TICK_US;

	timing->ticks[timing->next] = (uint16_t)(ticks < UINT16_MAX ? ticks : UINT16_MAX);
	timing->words[timing->next] = (uint8_t)words;
	timing->next = (uint8_t)((timing->next + 1) % TIMING_SAMPLES);
	if (timing->n < TIMING_SAMPLES)
		timing->n++;
}

bool timing_known(const struct timing *timing)
{
	return timing->n > 0;
}

bool timing_full(const struct timing *timing)
{
	return timing->n == TIMING_SAMPLES;
}

static int64_t us(const struct timing *timing, unsigned i)
{
	return (int64_t)timing->ticks[i] * TICK_US;
}

static int ascending(const void *a, const void *b)
{
	const int64_t *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

/* Of an even number the lower one: what delays an answer only ever adds. */
static int64_t median(int64_t *values, unsigned n)
{
	qsort(values, n, sizeof(*values), ascending);
	return n > 0 ? values[(n - 1) / 2] : 0;
}

uint32_t timing_median_us(const struct timing *timing)
{
	int64_t values[TIMING_SAMPLES];

	for (unsigned i = 0; i < timing->n; i++)
		values[i] = us(timing, i);
	return (uint32_t)median(values, timing->n);
}

static void find_growth(struct timing *timing)
{
	int64_t slopes[PAIRS];
	unsigned n = 0;

	for (unsigned i = 0; i < timing->n; i++) {
		for (unsigned k = i + 1; k < timing->n; k++) {
			int words = timing->words[k] - timing->words[i];

			if (abs(words) >= FAR_WORDS)
				slopes[n++] = (us(timing, k) - us(timing, i)) / words;
		}
	}
	if (n == 0)
		return;
	slopes[0] = median(slopes, n);
	timing->growth_us = slopes[0] > 0 ? (uint32_t)slopes[0] : 0;
}

void timing_by_length(struct timing *timing, uint32_t *base_us, uint32_t *word_us)
{
	int64_t values[TIMING_SAMPLES];
	int64_t base;

	find_growth(timing);
	*word_us = timing->growth_us;
	for (unsigned i = 0; i < timing->n; i++)
		values[i] = us(timing, i) - (int64_t)timing->words[i] * *word_us;
	base = median(values, timing->n);
	*base_us = base > 0 ? (uint32_t)base : 0;
}
