/* meter: see meter.h. */
#include "config.h"

#include "modbus/meter.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/util.h"
#include "modbus/codec.h"

static const struct meter_id nobody = { -1, -1 };

void meter_init(struct meter *meter, const struct layout *layout)
{
	*meter = (struct meter){
		.profile = layout->profile,
		.layout = layout,
		.id = nobody,
		.model = -1,
		.energies = xcalloc(layout->n_energy, sizeof(*meter->energies)),
		.triggers = xcalloc(layout->profile->n_triggers, sizeof(*meter->triggers)),
	};
	scales_init(&meter->scales, layout->profile);
}

void meter_fini(struct meter *meter)
{
	scales_fini(&meter->scales);
	free(meter->location);
	free(meter->energies);
	free(meter->triggers);
}

static int64_t read_panel_value(const struct meter *meter, const struct pollmap *map,
	const uint16_t *words, unsigned classes, enum quantity quantity)
{
	const struct point *point = pollmap_panel_point(meter->profile, quantity);
	const uint16_t *raw;
	int64_t value;

	if (point == NULL || point->scaled || (classes >> point->poll & 1) == 0)
		return -1;
	raw = pollmap_words(map, words, point->reg, point->words);
	if (raw == NULL || !codec_decode(meter->profile, point, raw, 0, &value) || value < 0)
		return -1;
	return value;
}

struct meter_id meter_read_id(const struct meter *meter, const struct pollmap *map,
	const uint16_t *words, unsigned classes)
{
	return (struct meter_id){
		.serial = read_panel_value(meter, map, words, classes, Q_SERIAL),
		.device = (int32_t)read_panel_value(meter, map, words, classes, Q_DEVICE_ID),
	};
}

static bool may_be_same(int64_t a, int64_t b)
{
	return a < 0 || b < 0 || a == b;
}

bool meter_same(const struct meter *meter, const struct meter_id *id)
{
	return may_be_same(meter->id.serial, id->serial) &&
	       may_be_same(meter->id.device, id->device);
}

int meter_accept(struct meter *meter, const struct meter_id *id)
{
	const struct profile *profile = meter->profile;
	int model = profile->n_models == 1 ? 0 : -1;

	if (profile->n_models > 0 && pollmap_panel_point(profile, Q_DEVICE_ID) != NULL) {
		model = id->device >= 0 && id->device <= UINT16_MAX
				? profile_model_find(profile, (uint16_t)id->device)
				: -1;
		if (model < 0)
			return -ENODEV;
	}
	meter->id = *id;
	meter->model = model;
	return 0;
}

void meter_forget(struct meter *meter)
{
	meter->id = nobody;
	meter->model = -1;
	free(meter->location);
	meter->location = NULL;
	meter->triggers_known = false;
	meter->switched = false;
	meter->energy_step_wh = 0;
	scales_forget(&meter->scales);
	for (uint32_t i = 0; i < meter->layout->n_energy; i++)
		energy_restart(&meter->energies[i]);
}

void meter_switch_encoding(struct meter *meter)
{
	meter->switched = true;
}

bool meter_triggered(struct meter *meter, const struct pollmap *map, const uint16_t *words)
{
	const struct profile *profile = meter->profile;
	bool all = profile->n_triggers > 0;
	bool changed = false;

	for (unsigned i = 0; i < profile->n_triggers; i++) {
		const uint16_t *word = pollmap_words(map, words, profile->triggers[i], 1);

		if (word == NULL) {
			all = false;
			continue;
		}
		changed |= meter->triggers_known && *word != meter->triggers[i];
		meter->triggers[i] = *word;
	}
	meter->triggers_known |= all;
	return changed;
}

/* raw * 10^exponent in whole Wh; 0 when it is less than one or does not fit. */
static uint64_t in_wh(const struct point *point, uint64_t raw, int16_t scale)
{
	int exponent = point->exponent + unit_info(UNIT_WH)->exponent + scale;

	for (; exponent > 0; exponent--)
		if (__builtin_mul_overflow(raw, 10, &raw))
			return 0;
	for (; exponent < 0 && raw > 0; exponent++)
		raw /= 10;
	return raw;
}

/*
 * A reading below the last one by less than one step of the register is the
 * last one under a coarser scale, not a reset. A register without a scale
 * register, such as a float, has no such excuse but in place of one that has.
 */
static uint64_t without_rounding(struct meter *meter, const struct energy_track *track,
	const struct point *point, uint64_t wh, int16_t scale)
{
	uint64_t step_wh = point->scaled ? in_wh(point, 1, scale) : 0;

	if (step_wh > meter->energy_step_wh)
		meter->energy_step_wh = step_wh;
	if (meter->switched)
		step_wh = meter->energy_step_wh;
	return track->known && wh < track->meter_wh && track->meter_wh - wh < step_wh
		       ? track->meter_wh
		       : wh;
}

static void note_meter_event(struct meter_events *events, enum scope scope, unsigned channel)
{
	if (events->n++ > 0)
		return;
	events->scope = (uint16_t)scope;
	events->channel = (uint16_t)channel;
}

static void fill_energy(struct meter *meter, const struct point *point, unsigned channel,
	int64_t value, int16_t scale, int64_t now_wall_ms, struct snapshot *snapshot,
	struct meter_news *news)
{
	const struct layout_slot *at = &meter->layout->slots[point->scope][Q_ENERGY];
	struct energy_track *track;
	uint64_t rollover_wh = point->has_rollover ? in_wh(point, point->rollover, scale) : 0;
	uint64_t meter_wh, counter_wh;
	enum energy_event event;

	if (value < 0 || at->offset < 0 || channel > at->count) {
		snapshot_set_none(snapshot, point->scope, Q_ENERGY, channel);
		return;
	}
	track = &meter->energies[(unsigned)at->offset + channel - 1];
	meter_wh = without_rounding(meter, track, point, (uint64_t)value, scale);
	event = energy_update(track, meter_wh, rollover_wh, now_wall_ms, &counter_wh);
	if (event == ENERGY_RESET)
		note_meter_event(&news->resets, point->scope, channel);
	if (event == ENERGY_ROLLOVER)
		note_meter_event(&news->rollovers, point->scope, channel);
	snapshot_set(snapshot, point->scope, Q_ENERGY, channel, (int64_t)counter_wh);
	snapshot_set(snapshot, point->scope, Q_ENERGY_DISCONTINUITY, channel,
		track->discontinuity_wall_ms);
}

static void fill_element(struct meter *meter, const struct point *point, unsigned element,
	const uint16_t *words, int64_t now_wall_ms, struct snapshot *snapshot,
	struct meter_news *news)
{
	unsigned channel = point->first_channel + element * point->channel_step;
	int16_t scale = 0;
	int64_t value;

	if (point->quantity == Q_INPUT_STATE) {
		if (codec_decode_input(meter->profile, point, element, words, &value))
			snapshot_set(snapshot, point->scope, point->quantity, channel, value);
		else
			snapshot_set_none(snapshot, point->scope, point->quantity, channel);
		return;
	}
	if ((point->scaled && !scales_get(&meter->scales,
				      point->scale_reg + element * point->scale_stride, &scale)) ||
		!codec_decode(meter->profile, point, words, scale, &value))
		snapshot_set_none(snapshot, point->scope, point->quantity, channel);
	else if (point->quantity == Q_ENERGY)
		fill_energy(meter, point, channel, value, scale, now_wall_ms, snapshot, news);
	else
		snapshot_set(snapshot, point->scope, point->quantity, channel, value);
}

/* Cut at a whole character: continuation bytes are 10xxxxxx. */
static void copy_utf8(char *to, size_t size, const char *from)
{
	size_t length = strlen(from);

	if (length >= size)
		for (length = size - 1; length > 0 && (from[length] & 0xc0) == 0x80; length--)
			;
	memcpy(to, from, length);
	to[length] = '\0';
}

static void fill_text(struct meter *meter, const struct point *point, const uint16_t *words)
{
	char text[4 * 125 + 1]; /* two bytes of UTF-8 for each of two characters a word */
	char location[sizeof(((struct identity *)NULL)->location)];

	if (point->quantity != Q_LOCATION || point->words > 125)
		return;
	codec_text(point, words, text, sizeof(text));
	copy_utf8(location, sizeof(location), text);
	if (meter->location != NULL && strcmp(meter->location, location) == 0)
		return;
	free(meter->location);
	meter->location = xstrdup(location);
}

/* The meter refuses it: what it may have said before its firmware was changed is not kept. */
static void withdraw(const struct pollmap_item *item, struct snapshot *snapshot)
{
	const struct point *point = item->point;

	for (unsigned i = 0; i < item->count && !quantity_info(point->quantity)->text; i++)
		snapshot_set_none(snapshot, point->scope, point->quantity,
			point->first_channel + (item->first + i) * point->channel_step);
}

void meter_fill(struct meter *meter, const struct pollmap *map, const uint16_t *words,
	unsigned classes, bool stale_scales, int64_t now_wall_ms, struct snapshot *snapshot,
	struct meter_news *news)
{
	for (unsigned i = 0; i < map->n_items; i++) {
		const struct pollmap_item *item = &map->items[i];
		const struct point *point = item->point;

		if ((classes >> point->poll & 1) == 0 || (stale_scales && point->scaled))
			continue;
		if (item->offset == POLLMAP_NOWHERE) {
			withdraw(item, snapshot);
			continue;
		}
		if (quantity_info(point->quantity)->text) {
			fill_text(meter, point, words + item->offset);
			continue;
		}
		for (unsigned k = 0; k < item->count; k++)
			fill_element(meter, point, item->first + k,
				words + item->offset + k * point->stride, now_wall_ms, snapshot,
				news);
	}
}

void meter_fill_registers(struct meter *meter, const struct plan_want *want, uint16_t reg,
	uint16_t count, const uint16_t *words, struct snapshot *snapshot)
{
	for (unsigned i = 0; i < meter->profile->n_points; i++) {
		const struct point *point = &meter->profile->points[i];

		if (!plan_wants_point(want, point) || quantity_info(point->quantity)->text ||
			point->quantity == Q_ENERGY)
			continue;
		for (unsigned k = 0; k < point->count; k++) {
			unsigned at = point->reg + k * point->stride;

			if (at >= reg && at + point->words <= (unsigned)reg + count)
				fill_element(meter, point, k, words + (at - reg), 0, snapshot, NULL);
		}
	}
}

static void firmware_text(const struct snapshot *snapshot, int64_t now_ms, char *text, size_t size)
{
	struct reading os = snapshot_get(snapshot, SCOPE_PANEL, Q_FIRMWARE_OS, 1, now_ms);
	struct reading reset = snapshot_get(snapshot, SCOPE_PANEL, Q_FIRMWARE_RESET, 1, now_ms);

	text[0] = '\0';
	if (os.quality == QUALITY_GOOD && reset.quality == QUALITY_GOOD)
		snprintf(text, size, "OS %d, RS %d", (int)os.num, (int)reset.num);
	else if (os.quality == QUALITY_GOOD)
		snprintf(text, size, "OS %d", (int)os.num);
	else if (reset.quality == QUALITY_GOOD)
		snprintf(text, size, "RS %d", (int)reset.num);
}

void meter_set_identity(const struct meter *meter, struct snapshot *snapshot, int64_t now_ms)
{
	const struct identity *old = snapshot->identity;
	struct identity *identity;
	char firmware[sizeof(identity->firmware)];
	const char *location = meter->location != NULL ? meter->location : "";

	firmware_text(snapshot, now_ms, firmware, sizeof(firmware));
	if (old != NULL && old->model == meter->model && old->serial == meter->id.serial &&
		strcmp(old->firmware, firmware) == 0 && strcmp(old->location, location) == 0)
		return;
	identity = identity_new();
	identity->model = meter->model;
	identity->serial = meter->id.serial;
	text_copy(identity->firmware, sizeof(identity->firmware), firmware);
	text_copy(identity->location, sizeof(identity->location), location);
	snapshot_set_identity(snapshot, identity);
}
