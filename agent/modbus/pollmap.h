/*
 * pollmap: a read plan, and where each value stands among the words it brings.
 *
 * The words of all reads of a plan lie one read after the other in one buffer, an
 * item says which elements of which point begin at which word of it. A map never
 * changes once it is built, so all panels that want the same have one between
 * them, of whatever thread; the last to let go of it takes it along. Scales have a
 * rhythm of their own: their last contents are kept here, apart from any poll.
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
	uint32_t offset; /* POLLMAP_NOWHERE: the meter does not have them */
};
#define POLLMAP_NOWHERE UINT32_MAX

struct pollmap {
	struct plan *plan;
	uint32_t *offsets; /* of each read of the plan in the words */
	struct pollmap_item *items;
	unsigned n_items;
};

/*
 * The map for a want, as long as the want's profile lives at the least. What the
 * want is refused (blocks, registers) has an item all the same, but no words.
 */
const struct pollmap *pollmap_get(const struct plan_want *want, const struct plan_line *line);
/*
 * What tells one meter from another: serial number and device id, in one short
 * read where they are neighbours. Without a read when the profile has neither.
 */
const struct pollmap *pollmap_identification(const struct profile *profile,
	const struct plan_line *line);
void pollmap_put(const struct pollmap *map); /* NULL is accepted */

/* The words of count registers from reg on; NULL when this poll does not read them all. */
const uint16_t *pollmap_words(const struct pollmap *map, const uint16_t *words, unsigned reg,
	unsigned count);

/* The first point of a quantity of the panel as a whole, NULL when there is none. */
const struct point *pollmap_panel_point(const struct profile *profile, enum quantity quantity);

#define SCALE_UNKNOWN INT16_MIN /* what a meter says where there is none */

struct scales {
	const struct profile *profile;
	unsigned n; /* registers of all its scales, in its order */
	int16_t *exponents; /* SCALE_UNKNOWN: never read, or the meter has none: all the same */
};

void scales_init(struct scales *scales, const struct profile *profile);
void scales_fini(struct scales *scales);
void scales_forget(struct scales *scales);
/* Take what a poll has read of the classes; what was left out of it, or of them, stays as known. True when one that was known has changed. */
bool scales_update(struct scales *scales, const struct pollmap *map, const uint16_t *words,
	unsigned classes);
/* False when the register has never been read, or says that there is no scale. */
bool scales_get(const struct scales *scales, unsigned reg, int16_t *exponent);

#endif
