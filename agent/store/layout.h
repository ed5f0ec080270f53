/*
 * layout: where in a snapshot each value of a profile stands.
 *
 * Derived from a profile once, then only read; shared by all panels with that
 * profile. One 32-bit cell a value, 64 bits for wide quantities, nothing for
 * what the meter does not have.
 */
#ifndef METERX_STORE_LAYOUT_H
#define METERX_STORE_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/profile.h"

struct layout_slot {
	int32_t offset; /* of channel 1 in the narrow or wide array; -1: not in this profile */
	uint16_t count; /* channels 1 to count */
	uint8_t poll;   /* enum poll_class of its points: whose time is that of the value */
	bool wide : 1;
	bool measurement : 1; /* KIND_MEASUREMENT: withdrawn when stale */
};

/* Rows of one MIB table within a panel, as sorted keys. */
struct rowset {
	uint64_t *keys; /* ROW_KEY(a, b, c): the sub-identifiers after the panel index */
	uint32_t n;
};
#define ROW_KEY(a, b, c) ((uint64_t)(a) << 40 | (uint64_t)(b) << 16 | (uint64_t)(c))
#define ROW_KEY_A(key)   ((uint32_t)((key) >> 40))
#define ROW_KEY_B(key)   ((uint32_t)((key) >> 16 & 0xffffff))
#define ROW_KEY_C(key)   ((uint32_t)((key)&0xffff))

struct layout {
	int refs; /* atomic */
	struct profile *profile;
	bool two_pole, three_pole;
	struct layout_slot slots[SCOPE_COUNT][QUANTITY_COUNT];
	uint32_t n_narrow, n_wide;
	uint32_t n_energy; /* the first cells of the wide array: Q_ENERGY of all scopes */
	struct rowset branches;   /* (branch, 0, 0) */
	struct rowset mains;      /* (mains, phase, 0): what has any quantity */
	struct rowset voltages;   /* (source, measure, 0): what has any quantity */
	struct rowset sources;    /* (source, 0, 0): what has a quantity or a voltage */
	struct rowset thresholds; /* (scope, channel, level) */
	struct rowset inputs;     /* (input, 0, 0) */
	struct rowset alarms;     /* (scope, channel, level): every channel that has Q_ALARM_STATUS */
};

/*
 * Takes its own reference to the profile. Without two_pole/three_pole those
 * scopes have no slots. Text and write-only points have none either;
 * Q_ENERGY_DISCONTINUITY stands wherever Q_ENERGY does, and Q_INPUT_CHANGE
 * wherever Q_INPUT_STATE.
 */
struct layout *layout_new(struct profile *profile, bool two_pole, bool three_pole);
struct layout *layout_ref(struct layout *layout);
void layout_unref(struct layout *layout); /* NULL is accepted; any thread */

/* Highest channel of any quantity in a scope, 0 when it has none. */
unsigned layout_channels(const struct layout *layout, enum scope scope);

/* Place of the first key from the given one on, or after it when not inclusive; n when there is
 * none. */
uint32_t rowset_search(const struct rowset *rows, uint64_t key, bool inclusive);

static inline bool layout_has(const struct layout *layout, enum scope scope,
	enum quantity quantity)
{
	return layout->slots[scope][quantity].offset >= 0;
}

#endif
