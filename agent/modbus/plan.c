/*
 * plan: see plan.h.
 *
 * Needed registers are first gathered into pieces that must not be cut. A plan
 * is then the cheapest way to cut the row of pieces into reads, found piece by
 * piece from the left: best[j] = min over i of best[i - 1] + cost of one read
 * from piece i to piece j. A read spans at most max_registers, so that is
 * linear in the number of registers. Ties are broken the same way each time.
 */
#include "config.h"

#include "modbus/plan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/util.h"

#define REGISTERS     65536
#define IDEAL_READ    125
#define REQUEST_BYTES 13 /* request and answer of a read, less the data */
#define REQUEST_WORDS 10   /* what a read costs on any serial line, with its gaps, in registers */
#define TCP_WORD_US   2	   /* keeps a plan for TCP from reading through holes for nothing */
#define GATEWAY_WORD_US 20 /* growth by register beyond which no network explains it */
#define WORTH_MAX     128  /* no read spans a larger hole */

/* Cheapest cutting of the pieces up to one. */
struct best {
	uint64_t us;
	uint32_t reads, words;
	uint32_t from; /* first piece of its last read */
};

/* What is needed, by register. */
struct need {
	uint8_t *classes; /* bits of enum poll_class; 0: not needed */
	bool *joined;	  /* to be read together with the register before */
	bool *apart;	  /* not to be read together with the register before */
};

struct plan_line plan_line_rtu(uint32_t baud, unsigned bits, uint32_t turnaround_us)
{
	uint64_t character_ns = (uint64_t)bits * 1000000000u / baud;
	uint64_t gap_ns = baud > 19200 ? 1750000u : character_ns * 7 / 2;

	return (struct plan_line){
		.per_read_us =
			(uint32_t)((REQUEST_BYTES * character_ns + 2 * gap_ns + 500) / 1000) +
			turnaround_us,
		.per_word_us = (uint32_t)((2 * character_ns + 500) / 1000),
		.max_registers = IDEAL_READ,
	};
}

struct plan_line plan_line_tcp(uint32_t round_trip_us)
{
	return (struct plan_line){
		.per_read_us = round_trip_us,
		.per_word_us = TCP_WORD_US,
		.max_registers = IDEAL_READ,
	};
}

struct plan_line plan_line_gateway(uint32_t round_trip_us, uint32_t word_us)
{
	struct plan_line line = plan_line_tcp(round_trip_us);
	uint32_t least_us = REQUEST_WORDS * word_us;

	if (word_us <= GATEWAY_WORD_US)
		return line;
	line.per_word_us = word_us;
	if (line.per_read_us < least_us)
		line.per_read_us = least_us;
	return line;
}

/* A tenth apart at the most below 64, a fifth above; beyond the longest read all is one. */
unsigned plan_line_worth(const struct plan_line *line)
{
	uint32_t words = line->per_word_us > 0 ? (line->per_read_us + line->per_word_us / 2) /
							 line->per_word_us
					       : WORTH_MAX;
	uint32_t step = words < 16 ? 1 : words < 32 ? 2 : words < 64 ? 4 : 16;

	words = (words + step / 2) / step * step;
	return words < WORTH_MAX ? words : WORTH_MAX;
}

struct plan_line plan_line_of_worth(unsigned worth, uint16_t max_registers)
{
	return (struct plan_line){
		.per_read_us = worth * 1000,
		.per_word_us = 1000,
		.max_registers = max_registers,
	};
}

int plan_block(const struct profile *profile, uint16_t reg)
{
	for (unsigned i = 0; i < profile->n_blocks; i++) {
		if (reg >= profile->blocks[i].first && reg <= profile->blocks[i].last)
			return (int)i;
	}
	return -1;
}

static bool register_there(const struct plan_want *want, uint16_t reg)
{
	int block = plan_block(want->profile, reg);

	return block >= 0 && (want->skip_blocks >> block & 1) == 0;
}

static bool model_has(const struct plan_want *want, const struct point *point)
{
	unsigned all = (1u << want->profile->n_models) - 1;

	if (want->model < 0)
		return (point->models & all) == all;
	return (point->models >> want->model & 1) != 0;
}

/* The meter has it and we want it, be its class due or not. */
static bool point_of_interest(const struct plan_want *want, const struct point *point)
{
	if (point->access == ACCESS_WRITE || !model_has(want, point))
		return false;
	if (point->encoding != ENCODING_ANY && point->encoding != want->encoding)
		return false;
	if ((point->scope == SCOPE_TWO_POLE && !want->two_pole) ||
		(point->scope == SCOPE_THREE_POLE && !want->three_pole))
		return false;
	return register_there(want, point->reg);
}

bool plan_wants_point(const struct plan_want *want, const struct point *point)
{
	return (want->classes >> point->poll & 1) != 0 && point_of_interest(want, point);
}

bool plan_wants_scale(const struct plan_want *want, const struct profile_scale *scale)
{
	const struct profile *profile = want->profile;

	if ((want->classes >> scale->poll & 1) == 0 || !register_there(want, scale->reg))
		return false;
	for (unsigned i = 0; i < profile->n_points; i++) {
		const struct point *point = &profile->points[i];

		if (point->scaled && &profile->scales[point->scale] == scale &&
			point_of_interest(want, point))
			return true;
	}
	return false;
}

static unsigned max_registers(const struct plan_want *want, const struct plan_line *line)
{
	unsigned max = line->max_registers < want->profile->max_read ? line->max_registers
								     : want->profile->max_read;

	return max > 0 ? max : 1;
}

static bool refused(const struct plan_want *want, unsigned reg, unsigned words)
{
	for (unsigned i = 0; i < want->n_gaps; i++) {
		const struct plan_gap *gap = &want->gaps[i];

		if (gap->reg < reg + words && reg < (unsigned)gap->reg + gap->count)
			return true;
	}
	return false;
}

/* A number that is longer than one read cannot be had at all; a text can, in parts. */
static void need_element(const struct need *need, const struct plan_want *want, unsigned max,
	const struct point *point, unsigned reg)
{
	if (!register_there(want, (uint16_t)reg) || refused(want, reg, point->words) ||
		(point->words > max && point->type != TYPE_ASCII))
		return;
	for (unsigned k = 0; k < point->words; k++) {
		need->classes[reg + k] |= (uint8_t)(1u << point->poll);
		if (k > 0 && point->words <= max)
			need->joined[reg + k] = true;
	}
}

static void gather_needs(const struct need *need, const struct plan_want *want, unsigned max)
{
	const struct profile *profile = want->profile;

	for (unsigned i = 0; i < profile->n_points; i++) {
		const struct point *point = &profile->points[i];

		if (!plan_wants_point(want, point))
			continue;
		for (unsigned k = 0; k < point->count; k++)
			need_element(need, want, max, point, point->reg + k * point->stride);
	}
	for (unsigned i = 0; i < profile->n_scales; i++) {
		const struct profile_scale *scale = &profile->scales[i];

		if (!plan_wants_scale(want, scale))
			continue;
		for (unsigned k = 0; k < scale->count; k++)
			if (!refused(want, scale->reg + k * scale->stride, 1))
				need->classes[scale->reg + k * scale->stride] |=
					(uint8_t)(1u << scale->poll);
	}
	/* What is needed behind a gap or at the start of a block begins a new read. */
	for (unsigned i = 0; i < want->n_gaps; i++)
		need->apart[want->gaps[i].reg] = true;
	for (unsigned i = 0; i < profile->n_blocks; i++)
		need->apart[profile->blocks[i].first] = true;
}

static void gather_pieces(const struct need *need, struct plan *plan, bool **apart)
{
	unsigned capacity = 0;
	bool next_apart = true;

	for (unsigned reg = 0; reg < REGISTERS; reg++) {
		next_apart |= need->apart[reg];
		if (need->classes[reg] == 0)
			continue;
		plan->needed++;
		if (need->joined[reg]) {
			plan->pieces[plan->n_pieces - 1].last = (uint16_t)reg;
			continue;
		}
		if (plan->n_pieces == capacity) {
			capacity = capacity ? 2 * capacity : 256;
			plan->pieces = xrealloc(plan->pieces, capacity, sizeof(*plan->pieces));
			*apart = xrealloc(*apart, capacity, sizeof(**apart));
		}
		(*apart)[plan->n_pieces] = next_apart;
		plan->pieces[plan->n_pieces++] =
			(struct plan_piece){ (uint16_t)reg, (uint16_t)reg };
		next_apart = false;
	}
}

static bool better(const struct best *a, const struct best *b)
{
	if (a->us != b->us)
		return a->us < b->us;
	if (a->reads != b->reads)
		return a->reads < b->reads;
	return a->words < b->words;
}

/* Cheapest cutting of pieces 0 to j, knowing those up to j - 1. */
static struct best extend(const struct plan_piece *pieces, const bool *apart,
	const struct best *best, unsigned j, const struct plan_line *line, unsigned max)
{
	struct best found = { .us = UINT64_MAX };

	for (unsigned i = j + 1; i-- > 0;) {
		uint32_t words = (uint32_t)pieces[j].last - pieces[i].first + 1;
		struct best candidate = { 0 };

		if (words > max || (i < j && apart[i + 1]))
			break;
		if (i > 0)
			candidate = best[i - 1];
		candidate.us += line->per_read_us + (uint64_t)words * line->per_word_us;
		candidate.reads++;
		candidate.words += words;
		candidate.from = i;
		if (better(&candidate, &found))
			found = candidate;
	}
	return found;
}

static unsigned read_classes(const struct need *need, const struct plan_read *read)
{
	unsigned classes = 0;

	for (unsigned reg = read->reg; reg < (unsigned)read->reg + read->count; reg++)
		classes |= need->classes[reg];
	return classes;
}

static void take_reads(struct plan *plan, const struct need *need, const struct best *best)
{
	const struct plan_piece *pieces = plan->pieces;
	unsigned n = plan->n_pieces;

	plan->n_reads = n > 0 ? best[n - 1].reads : 0;
	plan->words = n > 0 ? best[n - 1].words : 0;
	plan->reads = xcalloc(plan->n_reads, sizeof(*plan->reads));
	for (unsigned r = plan->n_reads; r-- > 0;) {
		unsigned from = best[n - 1].from;
		struct plan_read *read = &plan->reads[r];

		read->reg = pieces[from].first;
		read->count = (uint16_t)(pieces[n - 1].last - pieces[from].first + 1);
		read->classes = read_classes(need, read);
		n = from;
	}
}

/*
 * Different lengths
 *
 * On a serial line nothing but its length tells an answer from that to another
 * read. So where reads follow each other without a hole, they are cut anew into as
 * many, with the same registers in all, but none as long as another.
 */

/* Reads that follow each other, from first on: how many. */
static unsigned row_length(const struct plan *plan, const struct need *need, unsigned first)
{
	unsigned n = 1;

	for (; first + n < plan->n_reads; n++) {
		const struct plan_read *read = &plan->reads[first + n];

		if (read[-1].reg + read[-1].count != read->reg || need->apart[read->reg])
			break;
	}
	return n;
}

/* The longest read of the first pieces that is as long as no other; 0: there is none. */
static unsigned cut_unlike(const struct plan_piece *pieces, unsigned n, unsigned max,
	const bool *taken, unsigned *words)
{
	unsigned cut = 0;

	for (unsigned k = 0; k < n && pieces[k].last - pieces[0].first < (int)max; k++) {
		unsigned length = pieces[k].last - pieces[0].first + 1u;

		if (!taken[length]) {
			cut = k + 1;
			*words = length;
		}
	}
	return cut;
}

/* A row of n reads, of n_pieces. False, and nothing changed, when it cannot be done. */
static bool vary_row(struct plan_read *row, unsigned n, const struct plan_piece *pieces,
	unsigned n_pieces, bool *taken, unsigned max)
{
	struct plan_read *cut = xcalloc(n, sizeof(*cut));
	bool done = true;

	for (unsigned i = 0; i < n && done; i++) {
		unsigned words = 0;
		unsigned used = cut_unlike(pieces, n_pieces, max, taken, &words);

		cut[i] = (struct plan_read){ .reg = pieces[0].first, .count = (uint16_t)words };
		done = i + 1 < n ? used > 0 && used < n_pieces : used == n_pieces;
		taken[words] |= done;
		pieces += used;
		n_pieces -= used;
	}
	for (unsigned i = 0; i < n && !done; i++)
		taken[cut[i].count] = false;
	for (unsigned i = 0; i < n && !done; i++)
		taken[row[i].count] = true;
	if (done)
		memcpy(row, cut, n * sizeof(*row));
	free(cut);
	return done;
}

static void vary_lengths(struct plan *plan, const struct need *need, unsigned max)
{
	bool *taken = xcalloc(REGISTERS, sizeof(*taken)); /* by length of a read */
	unsigned piece = 0, n;

	for (unsigned r = 0; r < plan->n_reads; r += n) {
		n = row_length(plan, need, r);
		taken[plan->reads[r].count] |= n == 1;
	}
	for (unsigned r = 0; r < plan->n_reads; r += n) {
		unsigned from = piece;
		unsigned end;

		n = row_length(plan, need, r);
		end = plan->reads[r + n - 1].reg + plan->reads[r + n - 1].count;
		while (piece < plan->n_pieces && plan->pieces[piece].last < end)
			piece++;
		if (n > 1 && vary_row(&plan->reads[r], n, plan->pieces + from, piece - from, taken, max))
			for (unsigned i = r; i < r + n; i++)
				plan->reads[i].classes = read_classes(need, &plan->reads[i]);
	}
	free(taken);
}

struct plan *plan_build(const struct plan_want *want, const struct plan_line *line)
{
	struct plan *plan = xcalloc(1, sizeof(*plan));
	unsigned max = max_registers(want, line);
	struct need need;
	struct best *best;
	bool *apart = NULL; /* by piece: begins a read */

	assert(want->encoding == ENCODING_INTEGER || want->encoding == ENCODING_FLOAT);
	need.classes = xcalloc(REGISTERS, sizeof(*need.classes));
	need.joined = xcalloc(REGISTERS, sizeof(*need.joined));
	need.apart = xcalloc(REGISTERS, sizeof(*need.apart));
	gather_needs(&need, want, max);
	gather_pieces(&need, plan, &apart);
	best = xcalloc(plan->n_pieces, sizeof(*best));
	for (unsigned j = 0; j < plan->n_pieces; j++)
		best[j] = extend(plan->pieces, apart, best, j, line, max);
	take_reads(plan, &need, best);
	vary_lengths(plan, &need, max);
	free(best);
	free(apart);
	free(need.apart);
	free(need.joined);
	free(need.classes);
	return plan;
}

void plan_free(struct plan *plan)
{
	if (plan == NULL)
		return;
	free(plan->reads);
	free(plan->pieces);
	free(plan);
}

static uint64_t line_time_us(const struct plan_line *line, unsigned reads, unsigned words)
{
	return (uint64_t)reads * line->per_read_us + (uint64_t)words * line->per_word_us;
}

uint64_t plan_time_us(const struct plan *plan, const struct plan_line *line)
{
	return line_time_us(line, plan->n_reads, plan->words);
}

uint64_t plan_ideal_us(const struct plan *plan, const struct plan_line *line)
{
	return line_time_us(line, (plan->needed + IDEAL_READ - 1) / IDEAL_READ, plan->needed);
}

enum encoding plan_choose_encoding(const struct plan_want *want, const struct plan_line *line,
	enum encoding in_use)
{
	struct plan_want each = *want;
	uint64_t us[2];

	each.classes = 1u << POLL_FAST;
	for (int i = 0; i < 2; i++) {
		struct plan *plan;

		each.encoding = i == 0 ? ENCODING_INTEGER : ENCODING_FLOAT;
		plan = plan_build(&each, line);
		us[i] = plan_time_us(plan, line);
		plan_free(plan);
	}
	if (in_use == ENCODING_INTEGER)
		us[0] -= us[0] / 10;
	else if (in_use == ENCODING_FLOAT)
		us[1] -= us[1] / 10;
	return us[1] < us[0] ? ENCODING_FLOAT : ENCODING_INTEGER;
}
