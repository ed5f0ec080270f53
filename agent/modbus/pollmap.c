/* pollmap: see pollmap.h. */
#include "config.h"

#include "modbus/pollmap.h"

#include <stdlib.h>

#include "core/util.h"

#define NOWHERE UINT32_MAX

/* Index of the read that holds a register, -1: none. */
static int find_read(const struct plan *plan, unsigned reg)
{
	unsigned low = 0, high = plan->n_reads;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;
		const struct plan_read *read = &plan->reads[middle];

		if (reg >= (unsigned)read->reg + read->count)
			low = middle + 1;
		else
			high = middle;
	}
	return low < plan->n_reads && reg >= plan->reads[low].reg ? (int)low : -1;
}

static uint32_t offset_of(const struct pollmap *map, unsigned reg)
{
	int read = find_read(map->plan, reg);

	return read < 0 || map->refused[read] ? NOWHERE : map->offsets[read] + reg - map->plan->reads[read].reg;
}

/* A text longer than a read spans several, which then lie side by side. */
static uint32_t offset_of_all(const struct pollmap *map, unsigned reg, unsigned count)
{
	uint32_t offset = offset_of(map, reg);

	if (offset == NOWHERE || offset_of(map, reg + count - 1) != offset + count - 1)
		return NOWHERE;
	return offset;
}

const uint16_t *pollmap_words(const struct pollmap *map, const uint16_t *words, unsigned reg,
	unsigned count)
{
	uint32_t offset = offset_of_all(map, reg, count);

	return offset == NOWHERE ? NULL : words + offset;
}

static void add_item(struct pollmap *map, const struct point *point, unsigned element,
	uint32_t offset)
{
	int read = find_read(map->plan, point->reg + element * point->stride);

	if ((map->n_items & (map->n_items - 1)) == 0)
		map->items = xrealloc(map->items, map->n_items ? 2 * map->n_items : 1,
			sizeof(*map->items));
	map->items[map->n_items++] =
		(struct pollmap_item){ point, (uint16_t)element, 1, offset, (unsigned)read };
}

/* Elements that follow each other in one read share an item. */
static void add_point(struct pollmap *map, const struct point *point)
{
	struct pollmap_item *item = NULL;

	for (unsigned i = 0; i < point->count; i++) {
		unsigned reg = point->reg + i * point->stride;
		uint32_t offset = offset_of_all(map, reg, point->words);

		if (offset == NOWHERE) {
			item = NULL;
		} else if (item != NULL && find_read(map->plan, reg) == (int)item->read &&
			   offset == item->offset + (uint32_t)item->count * point->stride) {
			item->count++;
		} else {
			add_item(map, point, i, offset);
			item = &map->items[map->n_items - 1];
		}
	}
}

static struct pollmap *map_of(struct plan *plan)
{
	struct pollmap *map = xcalloc(1, sizeof(*map));
	uint32_t offset = 0;

	map->plan = plan;
	map->offsets = xcalloc(plan->n_reads, sizeof(*map->offsets));
	map->refused = xcalloc(plan->n_reads, sizeof(*map->refused));
	for (unsigned i = 0; i < plan->n_reads; i++) {
		map->offsets[i] = offset;
		offset += plan->reads[i].count;
	}
	return map;
}

struct pollmap *pollmap_new(const struct plan_want *want, const struct plan_line *line)
{
	struct pollmap *map = map_of(plan_build(want, line));

	for (unsigned i = 0; i < want->profile->n_points; i++)
		if (plan_wants_point(want, &want->profile->points[i]))
			add_point(map, &want->profile->points[i]);
	return map;
}

const struct point *pollmap_panel_point(const struct profile *profile, enum quantity quantity)
{
	for (unsigned i = 0; i < profile->n_points; i++)
		if (profile->points[i].scope == SCOPE_PANEL &&
			profile->points[i].quantity == quantity &&
			profile->points[i].access != ACCESS_WRITE)
			return &profile->points[i];
	return NULL;
}

static void add_read(struct plan *plan, unsigned first, unsigned last)
{
	plan->reads[plan->n_reads++] = (struct plan_read){ .reg = (uint16_t)first,
		.count = (uint16_t)(last - first + 1),
		.classes = 1u << POLL_ONCE };
	plan->words += last - first + 1;
	plan->needed = plan->words;
}

struct pollmap *pollmap_identification(const struct profile *profile, const struct plan_line *line)
{
	const struct point *a = pollmap_panel_point(profile, Q_SERIAL);
	const struct point *b = pollmap_panel_point(profile, Q_DEVICE_ID);
	struct plan *plan = xcalloc(1, sizeof(*plan));
	struct pollmap *map;
	unsigned last;

	plan->reads = xcalloc(2, sizeof(*plan->reads));
	if (a == NULL || (b != NULL && b->reg < a->reg)) {
		const struct point *swap = a;

		a = b;
		b = swap;
	}
	if (b != NULL) {
		last = b->reg + b->words - 1u;
		if (plan_block(profile, a->reg) == plan_block(profile, b->reg) &&
			last - a->reg < line->max_registers && last - a->reg < profile->max_read) {
			add_read(plan, a->reg, last);
		} else {
			add_read(plan, a->reg, a->reg + a->words - 1u);
			add_read(plan, b->reg, last);
		}
	} else if (a != NULL) {
		add_read(plan, a->reg, a->reg + a->words - 1u);
	}
	map = map_of(plan);
	if (a != NULL)
		add_point(map, a);
	if (b != NULL)
		add_point(map, b);
	return map;
}

void pollmap_free(struct pollmap *map)
{
	if (map == NULL)
		return;
	plan_free(map->plan);
	free(map->offsets);
	free(map->refused);
	free(map->items);
	free(map);
}

static int compare_regs(const void *a, const void *b)
{
	return *(const uint16_t *)a - *(const uint16_t *)b;
}

void scales_init(struct scales *scales, const struct profile *profile)
{
	unsigned n = 0;

	for (unsigned i = 0; i < profile->n_scales; i++)
		n += profile->scales[i].count;
	scales->regs = xcalloc(n, sizeof(*scales->regs));
	scales->exponents = xcalloc(n, sizeof(*scales->exponents));
	scales->known = xcalloc(n, sizeof(*scales->known));
	scales->n = n;
	n = 0;
	for (unsigned i = 0; i < profile->n_scales; i++) {
		const struct profile_scale *scale = &profile->scales[i];

		for (unsigned k = 0; k < scale->count; k++)
			scales->regs[n++] = (uint16_t)(scale->reg + k * scale->stride);
	}
	qsort(scales->regs, n, sizeof(*scales->regs), compare_regs);
}

void scales_fini(struct scales *scales)
{
	free(scales->regs);
	free(scales->exponents);
	free(scales->known);
	*scales = (struct scales){ 0 };
}

void scales_forget(struct scales *scales)
{
	for (unsigned i = 0; i < scales->n; i++)
		scales->known[i] = false;
}

bool scales_update(struct scales *scales, const struct pollmap *map, const uint16_t *words)
{
	bool changed = false;

	for (unsigned i = 0; i < scales->n; i++) {
		uint32_t offset = offset_of(map, scales->regs[i]);
		int16_t exponent;

		if (offset == NOWHERE)
			continue;
		exponent = (int16_t)words[offset];
		if (scales->known[i] && scales->exponents[i] != exponent)
			changed = true;
		scales->exponents[i] = exponent;
		scales->known[i] = true;
	}
	return changed;
}

bool scales_get(const struct scales *scales, unsigned reg, int16_t *exponent)
{
	unsigned low = 0, high = scales->n;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;

		if (scales->regs[middle] < reg)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == scales->n || scales->regs[low] != reg || !scales->known[low])
		return false;
	*exponent = scales->exponents[low];
	return true;
}
