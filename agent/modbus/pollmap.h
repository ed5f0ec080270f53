/*
 * pollmap: a read plan, and where each value stands among the words it brings.
 *
 * Pure and built once: the words of all reads of a plan lie one read after the
 * other in one buffer, an item says which elements of which point begin at which
 * word of it. Scales have a rhythm of their own, so their last contents are kept
 * here, apart from any poll.
 */
#ifndef METERX_MODBUS_POLLMAP_H
#define METERX_MODBUS_POLLMAP_H

#include <stdbool.h>
#include <stdint.h>

#include "modbus/plan.h"

/* count elements of a point, from element first on, stride words apart. */
struct pollmap_item {
	const struct point *point;
	uint16_t first, count;
	uint32_t offset;
	unsigned read; /* of the plan, the first one of a long text */
};

struct pollmap {
	struct plan *plan;
	uint32_t *offsets; /* of each read of the plan in the words */
	bool *refused;     /* by read: the meter will not answer it, nothing in it is to be used */
	struct pollmap_item *items;
	unsigned n_items;
};

struct pollmap *pollmap_new(const struct plan_want *want, const struct plan_line *line);
/*
 * What tells one meter from another: serial number and device id, in one short
 * read where they are neighbours. Without a read when the profile has neither.
 */
struct pollmap *pollmap_identification(const struct profile *profile, const struct plan_line *line);
void pollmap_free(struct pollmap *map); /* NULL is accepted */

/* The words of count registers from reg on; NULL when this poll does not read them all. */
const uint16_t *pollmap_words(const struct pollmap *map, const uint16_t *words, unsigned reg,
	unsigned count);

/* The first point of a quantity of the panel as a whole, NULL when there is none. */
const struct point *pollmap_panel_point(const struct profile *profile, enum quantity quantity);

struct scales {
	unsigned n;
	uint16_t *regs; /* ascending */
	int16_t *exponents;
	bool *known;
};

void scales_init(struct scales *scales, const struct profile *profile);
void scales_fini(struct scales *scales);
void scales_forget(struct scales *scales);
/* Take what a poll has read. True when one that was known has changed. */
bool scales_update(struct scales *scales, const struct pollmap *map, const uint16_t *words);
/* False when the register has never been read. */
bool scales_get(const struct scales *scales, unsigned reg, int16_t *exponent);

#endif
