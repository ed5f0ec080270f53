/*
 * profile_check: what is wrong with a draft as a whole. Each check is one
 * function and looks at everything, so that one run finds all.
 */
#include "config.h"

#include "config/profile_draft.h"

#include <stdlib.h>
#include <string.h>

#include "core/util.h"

#define REGISTERS  65536
#define POINTS_MAX 2000

#define report(draft, at, ...) problem_add((draft)->problems, (at).file, (at).line, __VA_ARGS__)

static bool models_meet(const struct point *a, const struct point *b)
{
	return (a->models & b->models) != 0;
}

/* Two places for one value are fine only as integer and float. */
static bool encodings_meet(enum encoding a, enum encoding b)
{
	return a == b || a == ENCODING_ANY || b == ENCODING_ANY;
}

static bool channels_meet(const struct point *a, const struct point *b)
{
	for (unsigned i = 0; i < a->count; i++) {
		if (point_element(b, a->first_channel + i * a->channel_step) >= 0)
			return true;
	}
	return false;
}

static void check_models(const struct draft *draft)
{
	for (unsigned i = 0; i < draft->models.n; i++) {
		const struct draft_model *item = &draft->models.items[i];

		if (i == PROFILE_MODELS_MAX)
			report(draft, item->origin, "model \"%s\": more than %d models",
				item->model.name, PROFILE_MODELS_MAX);
		for (unsigned j = 0; j < i; j++) {
			const struct draft_model *other = &draft->models.items[j];

			if (strcmp(item->model.name, other->model.name) == 0)
				report(draft, item->origin,
					"model \"%s\": defined twice (first in line %d)",
					item->model.name, other->origin.line);
			else if (item->model.id == other->model.id)
				report(draft, item->origin,
					"model \"%s\": id: %u is that of model \"%s\" (line %d)",
					item->model.name, item->model.id, other->model.name,
					other->origin.line);
		}
	}
}

static int block_order(const void *a, const void *b)
{
	const struct draft_block *x = a, *y = b;

	return (int)x->block.first - (int)y->block.first;
}

/* Sorts them, too. */
static void check_blocks(struct draft *draft)
{
	struct draft_block *items = draft->blocks.items;

	if (draft->blocks.n == 0 && draft->whole && draft->lost == 0)
		problem_add(draft->problems, draft->path, 0,
			"no block: at least one range of registers must be readable");
	if (draft->blocks.n == 0)
		return;
	qsort(items, draft->blocks.n, sizeof(*items), block_order);
	if (draft->blocks.n > PROFILE_BLOCKS_MAX)
		report(draft, items[PROFILE_BLOCKS_MAX].origin, "more than %d blocks",
			PROFILE_BLOCKS_MAX);
	for (unsigned i = 1; i < draft->blocks.n; i++) {
		const struct profile_block *last = &items[i - 1].block, *block = &items[i].block;

		if (block->first <= last->last)
			report(draft, items[i].origin, "block %u-%u overlaps block %u-%u (line %d)",
				draft_printed(draft, block->first),
				draft_printed(draft, block->last),
				draft_printed(draft, last->first), draft_printed(draft, last->last),
				items[i - 1].origin.line);
	}
}

static const struct profile_block *block_of(const struct draft *draft, unsigned reg)
{
	for (unsigned i = 0; i < draft->blocks.n; i++) {
		const struct profile_block *block = &draft->blocks.items[i].block;

		if (reg >= block->first && reg <= block->last)
			return block;
	}
	return NULL;
}

/* Where each element lies; the first wrong one of a run says enough. */
static void check_borders(const struct draft *draft, const struct origin *origin, const char *name,
	unsigned reg, unsigned count, unsigned words, unsigned stride)
{
	for (unsigned i = 0; i < count && draft->blocks.n > 0; i++, reg += stride) {
		const struct profile_block *block = block_of(draft, reg);

		if (block == NULL && (draft->lost & LOST_BLOCK))
			continue;
		if (block == NULL) {
			report(draft, *origin, "%s: register %u is in no block", name,
				draft_printed(draft, reg));
			return;
		}
		if (reg + words - 1 > block->last) {
			report(draft, *origin,
				"%s: the value at %u-%u is cut by the end of block %u-%u", name,
				draft_printed(draft, reg), draft_printed(draft, reg + words - 1),
				draft_printed(draft, block->first),
				draft_printed(draft, block->last));
			return;
		}
	}
}

static void check_scales(const struct draft *draft)
{
	for (unsigned i = 0; i < draft->scales.n; i++) {
		const struct draft_scale *item = &draft->scales.items[i];
		char name[48];

		snprintf(name, sizeof(name), "scale \"%s\"", item->scale.name);
		check_borders(draft, &item->origin, name, item->scale.reg, item->scale.count, 1,
			item->scale.stride);
		for (unsigned j = 0; j < i; j++) {
			if (strcmp(item->scale.name, draft->scales.items[j].scale.name) == 0)
				report(draft, item->origin, "%s: defined twice (first in line %d)",
					name, draft->scales.items[j].origin.line);
		}
	}
}

static void check_points(const struct draft *draft)
{
	if (draft->points.n == 0 && draft->whole && draft->lost == 0)
		problem_add(draft->problems, draft->path, 0, "no point: there is nothing to read");
	for (unsigned i = 0; i < draft->points.n; i++) {
		const struct draft_point *item = &draft->points.items[i];
		const struct point *point = &item->point;

		if (i == POINTS_MAX)
			report(draft, item->origin, "more than %d points", POINTS_MAX);
		check_borders(draft, &item->origin, item->name, point->reg, point->count,
			point->words, point->stride);
		if (point->type != TYPE_ASCII && point->words > draft->profile.max_read)
			report(draft, item->origin, "%s: %u registers do not fit max-read %u",
				item->name, point->words, draft->profile.max_read);
		for (unsigned j = 0; j < i; j++) {
			const struct point *other = &draft->points.items[j].point;

			if (other->scope == point->scope && other->quantity == point->quantity &&
				encodings_meet(point->encoding, other->encoding) &&
				models_meet(point, other) && channels_meet(point, other) &&
				point->scope != SCOPE_THRESHOLD)
				report(draft, item->origin,
					"%s: given twice for the same channel (first in line %d)",
					item->name, draft->points.items[j].origin.line);
		}
	}
}

/* What a register is part of: the first to claim it. */
struct claim {
	const struct draft_point *point; /* NULL: a scale, when name is set */
	const char *name;
	int line;
	uint16_t start;
	enum word_type type;
};

static void claim_element(const struct draft *draft, struct claim *claims, const struct claim *mine,
	const struct origin *origin, unsigned words, bool *reported)
{
	for (unsigned reg = mine->start; reg < mine->start + words && reg < REGISTERS; reg++) {
		struct claim *claim = &claims[reg];
		bool apart = claim->point != NULL && mine->point != NULL &&
			     !models_meet(&claim->point->point, &mine->point->point);

		if (claim->name == NULL) {
			*claim = *mine;
		} else if (!apart && !*reported &&
			   (claim->type != mine->type || claim->start != mine->start)) {
			*reported = true;
			report(draft, *origin,
				"%s: register %u is part of %s (line %d, type %s) already",
				mine->name, draft_printed(draft, reg), claim->name, claim->line,
				word_type_name(claim->type));
		}
	}
}

/*
 * A register may serve several points, as a threshold common to branches and
 * mains does, but only if all see the same value in it.
 */
static void check_overlaps(const struct draft *draft)
{
	struct claim *claims = xcalloc(REGISTERS, sizeof(*claims));

	for (unsigned i = 0; i < draft->scales.n; i++) {
		const struct draft_scale *item = &draft->scales.items[i];
		struct claim mine = { NULL, item->scale.name, item->origin.line, 0, TYPE_I16 };
		bool reported = false;

		for (unsigned k = 0; k < item->scale.count; k++) {
			mine.start = (uint16_t)(item->scale.reg + k * item->scale.stride);
			claim_element(draft, claims, &mine, &item->origin, 1, &reported);
		}
	}
	for (unsigned i = 0; i < draft->points.n; i++) {
		const struct draft_point *item = &draft->points.items[i];
		struct claim mine = { item, item->name, item->origin.line, 0, item->point.type };
		bool reported = false;

		for (unsigned k = 0; k < item->point.count; k++) {
			mine.start = (uint16_t)(item->point.reg + k * item->point.stride);
			claim_element(
				draft, claims, &mine, &item->origin, item->point.words, &reported);
		}
	}
	free(claims);
}

/* A point that is not there is a mistake of its own, not the consequence of another. */
static bool may_miss_point(const struct draft *draft)
{
	return draft->whole && (draft->lost & LOST_POINT) == 0;
}

static const struct draft_point *point_find(
	const struct draft *draft, enum scope scope, enum quantity quantity)
{
	for (unsigned i = 0; i < draft->points.n; i++) {
		const struct draft_point *item = &draft->points.items[i];

		if (item->point.scope == scope && item->point.quantity == quantity)
			return item;
	}
	return NULL;
}

static const struct draft_threshold *threshold_find(
	const struct draft *draft, enum scope scope, int level)
{
	for (unsigned i = 0; i < draft->thresholds.n; i++) {
		const struct draft_threshold *item = &draft->thresholds.items[i];

		if (item->threshold.scope == scope && (int)item->threshold.level == level)
			return item;
	}
	return NULL;
}

static void check_thresholds(const struct draft *draft)
{
	for (unsigned i = 0; i < draft->thresholds.n; i++) {
		const struct draft_threshold *item = &draft->thresholds.items[i];

		for (unsigned j = 0; j < i; j++) {
			const struct draft_threshold *other = &draft->thresholds.items[j];

			if (other->threshold.scope == item->threshold.scope &&
				other->threshold.channel == item->threshold.channel &&
				other->threshold.level == item->threshold.level)
				report(draft, item->origin,
					"threshold \"%s\" of scope %s: defined twice (first in "
					"line %d)",
					level_name(item->threshold.level),
					scope_name(item->threshold.scope), other->origin.line);
		}
	}
}

static void check_alarm_references(const struct draft *draft, const struct draft_alarm *item)
{
	const struct profile_alarm *alarm = &item->alarm;
	const char *scope = scope_name(alarm->scope), *level = level_name(alarm->level);

	if (may_miss_point(draft) && point_find(draft, alarm->scope, Q_ALARM_STATUS) == NULL)
		report(draft, item->origin,
			"alarm \"%s\": scope %s has no point alarm-status to take its bits from",
			level, scope);
	if (may_miss_point(draft) && alarm->counter >= 0 &&
		point_find(draft, alarm->scope, (enum quantity)alarm->counter) == NULL)
		report(draft, item->origin, "alarm \"%s\": counter: scope %s has no point %s",
			level, scope, quantity_info((enum quantity)alarm->counter)->name);
	if (draft->whole && (draft->lost & LOST_THRESHOLD) == 0 && item->threshold_level >= 0 &&
		threshold_find(draft, alarm->scope, item->threshold_level) == NULL)
		report(draft, item->origin,
			"alarm \"%s\": threshold: scope %s has no threshold \"%s\"", level, scope,
			level_name((enum level)item->threshold_level));
}

static bool bits_meet(const struct profile_alarm *a, const struct profile_alarm *b)
{
	return (a->latched_bit >= 0 &&
		       (a->latched_bit == b->latched_bit || a->latched_bit == b->active_bit)) ||
	       (a->active_bit >= 0 &&
		       (a->active_bit == b->latched_bit || a->active_bit == b->active_bit));
}

static void check_alarms(const struct draft *draft)
{
	for (unsigned i = 0; i < draft->alarms.n; i++) {
		const struct draft_alarm *item = &draft->alarms.items[i];

		check_alarm_references(draft, item);
		for (unsigned j = 0; j < i; j++) {
			const struct draft_alarm *other = &draft->alarms.items[j];

			if (other->alarm.scope != item->alarm.scope)
				continue;
			if (other->alarm.level == item->alarm.level)
				report(draft, item->origin,
					"alarm \"%s\" of scope %s: defined twice (first in line "
					"%d)",
					level_name(item->alarm.level),
					scope_name(item->alarm.scope), other->origin.line);
			else if (bits_meet(&item->alarm, &other->alarm))
				report(draft, item->origin,
					"alarm \"%s\" of scope %s: uses a bit of alarm \"%s\" "
					"(line %d)",
					level_name(item->alarm.level),
					scope_name(item->alarm.scope),
					level_name(other->alarm.level), other->origin.line);
		}
	}
}

static void check_commands(const struct draft *draft)
{
	for (unsigned i = 0; i < draft->commands.n; i++) {
		const struct draft_command *item = &draft->commands.items[i];

		for (unsigned k = 0; k < item->command.count; k++) {
			if (block_of(draft, item->command.reg + k) == NULL)
				continue;
			report(draft, item->origin,
				"command \"%s\": register %u is in a block, but what is only "
				"written "
				"must not be read",
				item->command.name, draft_printed(draft, item->command.reg + k));
			break;
		}
		for (unsigned j = 0; j < i; j++) {
			const struct draft_command *other = &draft->commands.items[j];

			if (other->command.scope == item->command.scope &&
				strcmp(other->command.name, item->command.name) == 0)
				report(draft, item->origin,
					"command \"%s\" of scope %s: defined twice (first in line "
					"%d)",
					item->command.name, scope_name(item->command.scope),
					other->origin.line);
		}
	}
}

static void check_ct_layouts(const struct draft *draft)
{
	for (unsigned i = 0; i < draft->ct_layouts.n; i++) {
		const struct draft_ct_layout *item = &draft->ct_layouts.items[i];

		if (i == 0 && may_miss_point(draft) &&
			point_find(draft, SCOPE_PANEL, Q_CT_LAYOUT) == NULL)
			report(draft, item->origin,
				"ct-layout: scope panel has no point ct-layout that tells them "
				"apart");
		for (unsigned j = 0; j < i; j++) {
			const struct draft_ct_layout *other = &draft->ct_layouts.items[j];

			if (other->ct_layout.value == item->ct_layout.value)
				report(draft, item->origin,
					"ct-layout \"%s\": value: %u is that of \"%s\" (line %d)",
					item->ct_layout.name, item->ct_layout.value,
					other->ct_layout.name, other->origin.line);
			else if (strcmp(other->ct_layout.name, item->ct_layout.name) == 0)
				report(draft, item->origin,
					"ct-layout \"%s\": defined twice (first in line %d)",
					item->ct_layout.name, other->origin.line);
		}
	}
}

static void check_health(const struct draft *draft)
{
	const struct draft_point *point = point_find(draft, SCOPE_PANEL, Q_HEALTH);

	if (draft->health.n > 0 && point == NULL && may_miss_point(draft))
		report(draft, draft->health.items[0].origin,
			"health: scope panel has no point health to take its bits from");
	if (draft->health.n > 0 && point != NULL && point->point.type != TYPE_BITS)
		report(draft, point->origin, "%s: must be of type bits to have health sections",
			point->name);
	for (unsigned i = 0; i < draft->health.n; i++) {
		const struct draft_health *item = &draft->health.items[i];
		const char *name = health_name(item->health.health);

		for (unsigned j = 0; j < i; j++) {
			const struct draft_health *other = &draft->health.items[j];

			if (other->health.health == item->health.health)
				report(draft, item->origin,
					"health \"%s\": defined twice (first in line %d)", name,
					other->origin.line);
			else if (other->health.bit == item->health.bit)
				report(draft, item->origin,
					"health \"%s\": bit: %u is that of \"%s\" (line %d)", name,
					item->health.bit, health_name(other->health.health),
					other->origin.line);
		}
	}
}

static bool alarm_point_has(const struct draft *draft, unsigned reg)
{
	for (unsigned i = 0; i < draft->points.n; i++) {
		const struct point *point = &draft->points.items[i].point;
		unsigned end = point->reg + (point->count - 1u) * point->stride + point->words;

		if (point->poll == POLL_ALARM && reg >= point->reg && reg < end)
			return true;
	}
	return false;
}

static void check_triggers(const struct draft *draft)
{
	for (unsigned i = 0; i < draft->triggers.n; i++) {
		const struct draft_trigger *item = &draft->triggers.items[i];

		if (may_miss_point(draft) && !alarm_point_has(draft, item->reg))
			report(draft, item->origin,
				"triggers: register %u belongs to no point of poll class alarm",
				draft_printed(draft, item->reg));
	}
}

/* Such a panel would have nothing to be online with. */
static void check_polled(const struct draft *draft)
{
	if (draft->points.n == 0 || !may_miss_point(draft))
		return;
	for (unsigned i = 0; i < draft->points.n; i++) {
		const struct point *point = &draft->points.items[i].point;

		if ((point->poll == POLL_FAST || point->poll == POLL_ALARM) &&
			point->access != ACCESS_WRITE)
			return;
	}
	report(draft, draft->points.items[0].origin,
		"no point is of poll class fast or alarm: there is nothing to poll");
}

/* Without it a model could never be told. */
static void check_identification(const struct draft *draft)
{
	const struct draft_point *id = point_find(draft, SCOPE_PANEL, Q_DEVICE_ID);

	if (draft->models.n == 0 || (id == NULL && !may_miss_point(draft)))
		return;
	if (id == NULL)
		report(draft, draft->models.items[0].origin,
			"model: scope panel has no point device-id that tells models apart");
	else if (id->point.models != UINT8_MAX)
		report(draft, id->origin, "%s: must be the same for all models", id->name);
}

void profile_check(struct draft *draft)
{
	check_models(draft);
	check_blocks(draft);
	check_scales(draft);
	check_points(draft);
	check_overlaps(draft);
	check_polled(draft);
	check_thresholds(draft);
	check_alarms(draft);
	check_commands(draft);
	check_ct_layouts(draft);
	check_health(draft);
	check_triggers(draft);
	check_identification(draft);
}
