/*
 * pollset: the read plans of one panel, one for each combination of classes.
 *
 * Owned by a poller. Measurements bring the alarm status along, and so do
 * settings: five combinations of classes occur. What the meter has refused
 * (blocks, registers) is left out of them until all is forgotten. The maps
 * themselves are shared between panels (pollmap.h); so that they are also when the
 * panels answer at different speed, they are those of a line of the same worth.
 */
#ifndef METERX_MODBUS_POLLSET_H
#define METERX_MODBUS_POLLSET_H

#include "config/conf.h"
#include "modbus/pollmap.h"
#include "modbus/refusal.h"
#include "modbus/rhythm.h"
#include "modbus/timing.h"
#include "store/layout.h"

#define POLLSET_MAPS 5

struct pollset {
	const struct layout *layout;
	const struct panel_conf *conf;
	struct plan_line line; /* what reads cost, as far as it is known */
	unsigned worth;	       /* of the line that the maps are for */
	uint64_t skip_blocks;
	struct gaps gaps; /* refused registers that are known */
	struct gaps skipped; /* what was refused of skip_blocks */
	unsigned asked;	     /* of all these, in turn: the next one to ask for again */
	bool incomplete;  /* a map leaves out what the meter has refused */
	const struct pollmap *identification;
	const struct pollmap *maps[POLLSET_MAPS]; /* NULL until identified */
	enum encoding encoding; /* of the maps, ANY: none yet */
};

/* What reads cost on a link: as measured, or by a guess (NULL, or nothing measured yet). */
struct plan_line pollset_line(const struct link_conf *link, struct timing *timing);

void pollset_init(struct pollset *set, const struct layout *layout, const struct panel_conf *conf);
void pollset_fini(struct pollset *set);
/* The same panel of a newer configuration. */
void pollset_adopt(struct pollset *set, const struct panel_conf *conf);

/* What is read of that model of meter, in all classes. Plans are built to find it. */
struct plan_want pollset_want(const struct pollset *set, int model);
/* The same with the registers of one encoding. */
struct plan_want pollset_want_encoded(
	const struct pollset *set, int model, enum encoding encoding);

/* Build all maps anew; those of before are let go of. */
void pollset_build(struct pollset *set, int model);
void pollset_drop(struct pollset *set);
/* Whatever was refused is asked for again, from the next pollset_build() on. */
void pollset_forgive(struct pollset *set);
/* Some of what was refused, to see whether it still is; another part each time. False: nothing was. */
bool pollset_doubt(struct pollset *set, struct plan_read *read);
/*
 * Reckon with what was measured, from the next pollset_build() on. True when the
 * maps are for a line of quite another worth.
 */
bool pollset_measure(struct pollset *set, struct timing *timing);
/* The map of a combination of classes, the widest for one that does not occur. */
const struct pollmap *pollset_map(const struct pollset *set, unsigned classes);

#endif
