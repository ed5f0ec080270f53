/* layout: see layout.h. */
#include "config.h"

#include "store/layout.h"

#include <stdlib.h>

#include "core/refs.h"
#include "core/util.h"

static unsigned last_channel(const struct point *point)
{
	return point->first_channel + (point->count - 1u) * point->channel_step;
}

static bool holds_cells(const struct layout *layout, const struct point *point)
{
	if (point->access == ACCESS_WRITE || point->count == 0)
		return false;
	if (point->scope == SCOPE_TWO_POLE && !layout->two_pole)
		return false;
	if (point->scope == SCOPE_THREE_POLE && !layout->three_pole)
		return false;
	return !quantity_info(point->quantity)->text;
}

/*
 * Several points may hold one quantity (models, encodings, ranges of channels).
 * Were their classes to differ, the slower one's time would be told: never new for old.
 */
static void widen(struct layout_slot *slot, const struct point *point)
{
	if (slot->count < last_channel(point))
		slot->count = (uint16_t)last_channel(point);
	if (slot->poll < point->poll)
		slot->poll = (uint8_t)point->poll;
}

static void place(struct layout *layout, struct layout_slot *slot, enum quantity quantity)
{
	const struct quantity_info *info = quantity_info(quantity);
	uint32_t *total = info->wide ? &layout->n_wide : &layout->n_narrow;

	if (slot->count == 0) {
		slot->offset = -1;
		return;
	}
	slot->offset = (int32_t)*total;
	slot->wide = info->wide;
	slot->measurement = info->kind == KIND_MEASUREMENT;
	*total += slot->count;
}

static void place_slots(struct layout *layout)
{
	const struct profile *profile = layout->profile;

	for (unsigned i = 0; i < profile->n_points; i++) {
		const struct point *point = &profile->points[i];

		if (holds_cells(layout, point))
			widen(&layout->slots[point->scope][point->quantity], point);
	}
	for (int scope = 0; scope < SCOPE_COUNT; scope++) {
		struct layout_slot *slots = layout->slots[scope];

		slots[Q_ENERGY_DISCONTINUITY] = slots[Q_ENERGY];
		slots[Q_INPUT_CHANGE] = slots[Q_INPUT_STATE];
		place(layout, &slots[Q_ENERGY], Q_ENERGY);
	}
	layout->n_energy = layout->n_wide;
	for (int scope = 0; scope < SCOPE_COUNT; scope++)
		for (int quantity = 0; quantity < QUANTITY_COUNT; quantity++)
			if (quantity != Q_ENERGY)
				place(layout, &layout->slots[scope][quantity],
					(enum quantity)quantity);
}

unsigned layout_channels(const struct layout *layout, enum scope scope)
{
	unsigned channels = 0;

	for (int quantity = 0; quantity < QUANTITY_COUNT; quantity++)
		if (layout->slots[scope][quantity].count > channels)
			channels = layout->slots[scope][quantity].count;
	return channels;
}

/* present[channel] for the channels that some point of the scope holds: of one quantity, or of any (-1). */
static bool *channels_present(const struct layout *layout, enum scope scope, int quantity)
{
	bool *present = xcalloc(layout_channels(layout, scope) + 1, sizeof(*present));

	for (unsigned i = 0; i < layout->profile->n_points; i++) {
		const struct point *point = &layout->profile->points[i];

		if (point->scope != scope || !holds_cells(layout, point) ||
			(quantity >= 0 && (int)point->quantity != quantity))
			continue;
		for (unsigned n = 0; n < point->count; n++)
			present[point->first_channel + n * point->channel_step] = true;
	}
	return present;
}

static void rowset_add(struct rowset *rows, uint64_t key)
{
	if ((rows->n & (rows->n - 1)) == 0)
		rows->keys = xrealloc(rows->keys, rows->n ? rows->n * 2 : 1, sizeof(*rows->keys));
	rows->keys[rows->n++] = key;
}

static void list_branches(struct layout *layout)
{
	for (unsigned branch = 1; branch <= layout->profile->branches; branch++)
		rowset_add(&layout->branches, ROW_KEY(branch, 0, 0));
}

static void list_mains(struct layout *layout)
{
	unsigned channels = layout_channels(layout, SCOPE_MAINS);
	bool *present = channels_present(layout, SCOPE_MAINS, -1);

	for (unsigned channel = 1; channel <= channels; channel++)
		if (present[channel])
			rowset_add(&layout->mains,
				ROW_KEY((channel - 1) / MAINS_PHASES + 1,
					(channel - 1) % MAINS_PHASES + 1, 0));
	free(present);
}

static void list_voltages(struct layout *layout)
{
	static const enum scope scopes[] = { SCOPE_VOLTAGE, SCOPE_ALT_VOLTAGE };
	bool *present_sources = channels_present(layout, SCOPE_SOURCE, -1);
	unsigned n_sources = layout_channels(layout, SCOPE_SOURCE);

	for (unsigned source = 1; source <= ARRAY_LEN(scopes); source++) {
		enum scope scope = scopes[source - 1];
		unsigned channels = layout_channels(layout, scope);
		bool *present = channels_present(layout, scope, -1);

		if (channels > 0 || (source <= n_sources && present_sources[source]))
			rowset_add(&layout->sources, ROW_KEY(source, 0, 0));
		for (unsigned channel = 1; channel <= channels; channel++)
			if (present[channel])
				rowset_add(&layout->voltages, ROW_KEY(source, channel, 0));
		free(present);
	}
	free(present_sources);
}

static void list_thresholds(struct layout *layout)
{
	const struct profile *profile = layout->profile;

	for (unsigned i = 0; i < profile->n_thresholds; i++) {
		const struct profile_threshold *threshold = &profile->thresholds[i];

		rowset_add(&layout->thresholds,
			ROW_KEY(threshold->scope, threshold->channel, threshold->level));
	}
}

static void list_alarms_of_channel(struct layout *layout, enum scope scope, unsigned channel)
{
	for (unsigned i = 0; i < layout->profile->n_alarms; i++)
		if (layout->profile->alarms[i].scope == scope)
			rowset_add(&layout->alarms,
				ROW_KEY(scope, channel, layout->profile->alarms[i].level));
}

static void list_alarms(struct layout *layout)
{
	for (int scope = SCOPE_BRANCH; scope <= SCOPE_ALT_VOLTAGE; scope++) {
		bool *present = channels_present(layout, (enum scope)scope, Q_ALARM_STATUS);
		unsigned channels = layout->slots[scope][Q_ALARM_STATUS].count;

		for (unsigned channel = 1; channel <= channels; channel++)
			if (present[channel])
				list_alarms_of_channel(layout, (enum scope)scope, channel);
		free(present);
	}
}

static void list_inputs(struct layout *layout)
{
	unsigned channels = layout->slots[SCOPE_INPUT][Q_INPUT_STATE].count;
	bool *present = channels_present(layout, SCOPE_INPUT, Q_INPUT_STATE);

	for (unsigned channel = 1; channel <= channels; channel++)
		if (present[channel])
			rowset_add(&layout->inputs, ROW_KEY(channel, 0, 0));
	free(present);
}

struct layout *layout_new(struct profile *profile, bool two_pole, bool three_pole)
{
	struct layout *layout = xcalloc(1, sizeof(*layout));

	layout->refs = 1;
	layout->profile = profile_ref(profile);
	layout->two_pole = two_pole;
	layout->three_pole = three_pole;
	place_slots(layout);
	list_branches(layout);
	list_mains(layout);
	list_voltages(layout);
	list_thresholds(layout);
	list_alarms(layout);
	list_inputs(layout);
	return layout;
}

struct layout *layout_ref(struct layout *layout)
{
	refs_take(&layout->refs);
	return layout;
}

void layout_unref(struct layout *layout)
{
	if (layout == NULL || !refs_drop(&layout->refs))
		return;
	free(layout->branches.keys);
	free(layout->mains.keys);
	free(layout->voltages.keys);
	free(layout->sources.keys);
	free(layout->thresholds.keys);
	free(layout->alarms.keys);
	free(layout->inputs.keys);
	profile_unref(layout->profile);
	free(layout);
}

uint32_t rowset_search(const struct rowset *rows, uint64_t key, bool inclusive)
{
	uint32_t low = 0, high = rows->n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		uint64_t found = rows->keys[middle];

		if (found < key || (found == key && !inclusive))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}
