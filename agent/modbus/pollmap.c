/*
 * pollmap: see pollmap.h.
 *
 * The cache is one list for the process: as many entries as there are kinds of
 * panel, five or six each. Its lock is held while a map is built, so that threads
 * that start together build it once.
 */
#include "config.h"

#include "modbus/pollmap.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/util.h"

#define NOWHERE POLLMAP_NOWHERE

/* A map and what it was built for. */
struct shared {
	struct pollmap map; /* first: what users hold */
	struct shared *next;
	unsigned users;
	struct plan_want want; /* no classes: the identification; gaps are its own */
	struct plan_line line;
};

static pthread_mutex_t cache_lock = PTHREAD_MUTEX_INITIALIZER;
static struct shared *cache;

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

	return read < 0 ? NOWHERE : map->offsets[read] + reg - map->plan->reads[read].reg;
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
	if ((map->n_items & (map->n_items - 1)) == 0)
		map->items = xrealloc(map->items, map->n_items ? 2 * map->n_items : 1,
			sizeof(*map->items));
	map->items[map->n_items++] =
		(struct pollmap_item){ point, (uint16_t)element, 1, offset };
}

/* Whether the element after those of an item stands where the item goes on. */
static bool goes_on(const struct pollmap *map, const struct pollmap_item *item, unsigned reg,
	uint32_t offset)
{
	if (item == NULL || offset == NOWHERE || item->offset == NOWHERE)
		return item != NULL && offset == item->offset;
	return find_read(map->plan, reg) == find_read(map->plan, reg - item->point->stride) &&
	       offset == item->offset + (uint32_t)item->count * item->point->stride;
}

/* Elements that follow each other in one read share an item. */
static void add_point(struct pollmap *map, const struct point *point)
{
	struct pollmap_item *item = NULL;

	for (unsigned i = 0; i < point->count; i++) {
		unsigned reg = point->reg + i * point->stride;
		uint32_t offset = offset_of_all(map, reg, point->words);

		if (goes_on(map, item, reg, offset)) {
			item->count++;
		} else {
			add_item(map, point, i, offset);
			item = &map->items[map->n_items - 1];
		}
	}
}

static void lay_out(struct pollmap *map, struct plan *plan)
{
	uint32_t offset = 0;

	map->plan = plan;
	map->offsets = xcalloc(plan->n_reads, sizeof(*map->offsets));
	for (unsigned i = 0; i < plan->n_reads; i++) {
		map->offsets[i] = offset;
		offset += plan->reads[i].count;
	}
}

static void build(struct pollmap *map, const struct plan_want *want, const struct plan_line *line)
{
	struct plan_want all = *want;

	all.skip_blocks = 0;
	lay_out(map, plan_build(want, line));
	for (unsigned i = 0; i < want->profile->n_points; i++)
		if (plan_wants_point(&all, &want->profile->points[i]))
			add_point(map, &want->profile->points[i]);
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

static void build_identification(struct pollmap *map, const struct profile *profile,
	const struct plan_line *line)
{
	const struct point *a = pollmap_panel_point(profile, Q_SERIAL);
	const struct point *b = pollmap_panel_point(profile, Q_DEVICE_ID);
	struct plan *plan = xcalloc(1, sizeof(*plan));
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
	lay_out(map, plan);
	if (a != NULL)
		add_point(map, a);
	if (b != NULL)
		add_point(map, b);
}

static bool same_gaps(const struct plan_want *a, const struct plan_want *b)
{
	for (unsigned i = 0; i < a->n_gaps && i < b->n_gaps; i++)
		if (a->gaps[i].reg != b->gaps[i].reg || a->gaps[i].count != b->gaps[i].count)
			return false;
	return a->n_gaps == b->n_gaps;
}

static bool same_want(const struct plan_want *a, const struct plan_want *b)
{
	return a->profile == b->profile && a->model == b->model && a->encoding == b->encoding &&
	       a->two_pole == b->two_pole && a->three_pole == b->three_pole &&
	       a->classes == b->classes && a->skip_blocks == b->skip_blocks && same_gaps(a, b);
}

static bool same_line(const struct plan_line *a, const struct plan_line *b)
{
	return a->per_read_us == b->per_read_us && a->per_word_us == b->per_word_us &&
	       a->max_registers == b->max_registers;
}

static struct shared *shared_new(const struct plan_want *want, const struct plan_line *line)
{
	struct shared *shared = xcalloc(1, sizeof(*shared));
	struct plan_gap *gaps = xcalloc(want->n_gaps, sizeof(*gaps));

	for (unsigned i = 0; i < want->n_gaps; i++)
		gaps[i] = want->gaps[i];
	shared->want = *want;
	shared->want.gaps = gaps;
	shared->line = *line;
	if (want->classes == 0)
		build_identification(&shared->map, want->profile, line);
	else
		build(&shared->map, want, line);
	return shared;
}

const struct pollmap *pollmap_get(const struct plan_want *want, const struct plan_line *line)
{
	struct shared *shared;

	pthread_mutex_lock(&cache_lock);
	for (shared = cache; shared != NULL; shared = shared->next)
		if (same_want(&shared->want, want) && same_line(&shared->line, line))
			break;
	if (shared == NULL) {
		shared = shared_new(want, line);
		shared->next = cache;
		cache = shared;
	}
	shared->users++;
	pthread_mutex_unlock(&cache_lock);
	return &shared->map;
}

const struct pollmap *pollmap_identification(const struct profile *profile,
	const struct plan_line *line)
{
	const struct plan_want want = { .profile = profile, .model = -1 };

	return pollmap_get(&want, line);
}

static void shared_free(struct shared *shared)
{
	plan_free(shared->map.plan);
	free(shared->map.offsets);
	free(shared->map.items);
	free((void *)(uintptr_t)shared->want.gaps);
	free(shared);
}

void pollmap_put(const struct pollmap *map)
{
	struct shared **at = &cache;
	struct shared *shared;

	if (map == NULL)
		return;
	pthread_mutex_lock(&cache_lock);
	while (&(*at)->map != map)
		at = &(*at)->next;
	shared = *at;
	if (--shared->users == 0)
		*at = shared->next;
	else
		shared = NULL;
	pthread_mutex_unlock(&cache_lock);
	if (shared != NULL)
		shared_free(shared);
}

void scales_forget(struct scales *scales)
{
	for (unsigned i = 0; i < scales->n; i++)
		scales->exponents[i] = SCALE_UNKNOWN;
}

void scales_init(struct scales *scales, const struct profile *profile)
{
	unsigned n = 0;

	for (unsigned i = 0; i < profile->n_scales; i++)
		n += profile->scales[i].count;
	scales->profile = profile;
	scales->n = n;
	scales->exponents = xcalloc(n, sizeof(*scales->exponents));
	scales_forget(scales);
}

void scales_fini(struct scales *scales)
{
	free(scales->exponents);
	*scales = (struct scales){ 0 };
}

/* True when one that was known has changed. */
static bool take_scale(struct scales *scales, unsigned i, int16_t exponent)
{
	bool changed = scales->exponents[i] != SCALE_UNKNOWN && scales->exponents[i] != exponent;

	scales->exponents[i] = exponent;
	return changed;
}

bool scales_update(struct scales *scales, const struct pollmap *map, const uint16_t *words,
	unsigned classes)
{
	const struct profile *profile = scales->profile;
	bool changed = false;
	unsigned n = 0;

	for (unsigned i = 0; i < profile->n_scales; i++) {
		const struct profile_scale *scale = &profile->scales[i];

		for (unsigned k = 0; k < scale->count; k++, n++) {
			uint32_t offset = offset_of(map, scale->reg + k * scale->stride);

			if (offset != NOWHERE && (classes >> scale->poll & 1) != 0)
				changed |= take_scale(scales, n, (int16_t)words[offset]);
		}
	}
	return changed;
}

bool scales_get(const struct scales *scales, unsigned reg, int16_t *exponent)
{
	const struct profile *profile = scales->profile;
	unsigned n = 0;

	for (unsigned i = 0; i < profile->n_scales; i++) {
		const struct profile_scale *scale = &profile->scales[i];
		unsigned stride = scale->stride > 0 ? scale->stride : 1;
		unsigned k = (reg - scale->reg) / stride;

		if (reg >= scale->reg && (reg - scale->reg) % stride == 0 && k < scale->count) {
			*exponent = scales->exponents[n + k];
			return *exponent != SCALE_UNKNOWN;
		}
		n += scale->count;
	}
	return false;
}
