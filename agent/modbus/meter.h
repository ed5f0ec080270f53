/*
 * meter: what is known of the meter behind a panel, beyond its latest snapshot.
 *
 * Who it is, the scales its registers have, its energy counters, the registers
 * that announce news. No I/O, no clock, no log; owned by a poller. What one meter
 * left behind is never carried over to another one in its place.
 */
#ifndef METERX_MODBUS_METER_H
#define METERX_MODBUS_METER_H

#include <stdbool.h>
#include <stdint.h>

#include "modbus/pollmap.h"
#include "store/energy.h"
#include "store/store.h"

/* -1: not read, or the meter does not say. */
struct meter_id {
	int64_t serial;
	int32_t device;
};

struct meter {
	const struct profile *profile;
	const struct layout *layout;
	struct meter_id id;
	int model; /* index into profile.models, -1: models are not told apart */
	char *location; /* the meter's own text, NULL: none read */
	struct scales scales;
	struct energy_track *energies; /* as the first n_energy wide cells of a snapshot */
	uint16_t *triggers;            /* last contents of profile.triggers */
	bool triggers_known;
	bool switched;		 /* the registers of the other encoding are read by now */
	uint64_t energy_step_wh; /* coarsest of its scaled energy registers so far */
};

/* What a poll brought that the operator should hear of: energy counters. */
struct meter_events {
	unsigned n;
	uint16_t scope, channel; /* of the first */
};
struct meter_news {
	struct meter_events resets, rollovers;
};

void meter_init(struct meter *meter, const struct layout *layout);
void meter_fini(struct meter *meter);

/* What a poll says of who the meter is. */
struct meter_id meter_read_id(const struct meter *meter, const struct pollmap *map,
	const uint16_t *words, unsigned classes);
/* False when they tell two meters apart; what is not known tells nothing. */
bool meter_same(const struct meter *meter, const struct meter_id *id);
/* -ENODEV when that device id is not one of the profile's models. */
int meter_accept(struct meter *meter, const struct meter_id *id);
/* Another meter: nothing learnt of the old one counts. */
void meter_forget(struct meter *meter);

/* From now on the registers of the other encoding are read: the same energies, rounded otherwise. */
void meter_switch_encoding(struct meter *meter);

/* True when a trigger register has changed since the last poll that read them. */
bool meter_triggered(struct meter *meter, const struct pollmap *map, const uint16_t *words);

/*
 * Decode the values of the classes into the snapshot, the agent's own ones of
 * energy included. stale_scales: a scale has just changed, leave scaled values
 * as they are.
 */
void meter_fill(struct meter *meter, const struct pollmap *map, const uint16_t *words,
	unsigned classes, bool stale_scales, int64_t now_wall_ms, struct snapshot *snapshot,
	struct meter_news *news);
/*
 * Registers that have just been read for themselves: every value of the want that
 * lies wholly in them, but for texts and energies.
 */
void meter_fill_registers(struct meter *meter, const struct plan_want *want, uint16_t reg,
	uint16_t count, const uint16_t *words, struct snapshot *snapshot);
/* Identity of the meter from what the snapshot holds; the same object while nothing changes. */
void meter_set_identity(const struct meter *meter, struct snapshot *snapshot, int64_t now_ms);

#endif
