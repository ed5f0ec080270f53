/*
 * refusal: see refusal.h.
 *
 * From left to right: the shortest refused beginning ends in a culprit, found by
 * halving; then the rest is asked for as a whole. What is refused often comes in a
 * row (all channels of a quantity), so behind a culprit piece by piece until one
 * is answered.
 */
#include "config.h"

#include "modbus/refusal.h"

#include <stdlib.h>

#include "core/util.h"

void gaps_add(struct gaps *gaps, unsigned reg, unsigned count)
{
	gaps->items = xrealloc(gaps->items, gaps->n + 1, sizeof(*gaps->items));
	gaps->items[gaps->n++] = (struct plan_gap){ (uint16_t)reg, (uint16_t)count };
}

/* The gap before it ends where this one begins. */
static bool goes_on(const struct gaps *gaps, unsigned i)
{
	const struct plan_gap *gap = &gaps->items[i];

	return i > 0 && gap[-1].count > 0 && gap->count > 0 &&
	       gap[-1].reg + gap[-1].count == (int)gap->reg;
}

bool gaps_run(const struct gaps *gaps, unsigned i, unsigned *n)
{
	for (*n = 1; i + *n < gaps->n && goes_on(gaps, i + *n); (*n)++)
		;
	return !goes_on(gaps, i);
}

unsigned gaps_registers(const struct gaps *gaps, unsigned i, unsigned n)
{
	const struct plan_gap *last = &gaps->items[i + n - 1];

	return last->reg + last->count - (unsigned)gaps->items[i].reg;
}

void gaps_clear(struct gaps *gaps)
{
	free(gaps->items);
	*gaps = (struct gaps){ 0 };
}

/* From first on, of which some beginning is refused. */
static void halve(struct refusal *refusal, unsigned bad)
{
	refusal->step = REFUSAL_PREFIX;
	refusal->good = refusal->first;
	refusal->bad = bad;
}

static void go_on(struct refusal *refusal, unsigned first, enum refusal_step step)
{
	refusal->first = first;
	refusal->border = false;
	refusal->step = first < refusal->end ? step : REFUSAL_NONE;
}

static void refuse_first(struct refusal *refusal, struct gaps *gaps)
{
	const struct plan_piece *piece = &refusal->pieces[refusal->first];

	gaps_add(gaps, piece->first, piece->last - piece->first + 1u);
	go_on(refusal, refusal->first + 1, REFUSAL_ONE);
}

/* The culprit stands between the pieces before first and at it, or nowhere. */
static void part_at_first(struct refusal *refusal, struct gaps *gaps)
{
	const struct plan_piece *piece = &refusal->pieces[refusal->first];
	unsigned reg = piece[-1].last + 1u;

	gaps_add(gaps, reg, piece->first - reg);
	go_on(refusal, refusal->first, REFUSAL_REST);
}

/* Halved down to one piece: the last of the shortest beginning that is refused. */
static void settle(struct refusal *refusal, struct gaps *gaps)
{
	if (refusal->bad - refusal->good > 1)
		return;
	if (refusal->good == refusal->first) {
		refuse_first(refusal, gaps);
	} else {
		go_on(refusal, refusal->good, REFUSAL_ONE);
		refusal->border = true;
	}
}

void refusal_begin(struct refusal *refusal, const struct plan *plan, const struct plan_read *read,
	struct gaps *gaps)
{
	unsigned first = 0, end;

	while (first < plan->n_pieces && plan->pieces[first].first < read->reg)
		first++;
	for (end = first;
		end < plan->n_pieces && plan->pieces[end].first < (unsigned)read->reg + read->count;
		end++)
		;
	*refusal = (struct refusal){ .pieces = plan->pieces, .first = first, .end = end };
	if (first == end)
		return;
	halve(refusal, end);
	settle(refusal, gaps);
}

static unsigned middle(const struct refusal *refusal)
{
	return refusal->good + (refusal->bad - refusal->good) / 2;
}

bool refusal_next(const struct refusal *refusal, struct plan_read *read)
{
	const struct plan_piece *first = &refusal->pieces[refusal->first];
	unsigned end;

	switch (refusal->step) {
	case REFUSAL_REST:
		end = refusal->end;
		break;
	case REFUSAL_PREFIX:
		end = middle(refusal);
		break;
	case REFUSAL_ONE:
		end = refusal->first + 1;
		break;
	default:
		return false;
	}
	read->reg = first->first;
	read->count = (uint16_t)(refusal->pieces[end - 1].last - first->first + 1);
	return true;
}

void refusal_answer(struct refusal *refusal, bool refused, struct gaps *gaps)
{
	switch (refusal->step) {
	case REFUSAL_REST:
		if (!refused) {
			refusal->step = REFUSAL_NONE;
			break;
		}
		halve(refusal, refusal->end);
		settle(refusal, gaps);
		break;
	case REFUSAL_PREFIX:
		if (refused)
			refusal->bad = middle(refusal);
		else
			refusal->good = middle(refusal);
		settle(refusal, gaps);
		break;
	case REFUSAL_ONE:
		if (refused)
			refuse_first(refusal, gaps);
		else if (refusal->border)
			part_at_first(refusal, gaps);
		else
			go_on(refusal, refusal->first, REFUSAL_REST);
		break;
	case REFUSAL_NONE:
		break;
	}
}
