/* profile: see profile.h. From the checked draft to the final, sorted profile. */
#include "config.h"

#include "config/profile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/profile_draft.h"
#include "core/refs.h"
#include "core/text.h"
#include "core/util.h"

#define DIGEST_FILE_MAX (4 << 20)

static int point_order(const void *a, const void *b)
{
	const struct point *x = a, *y = b;

	if (x->scope != y->scope)
		return x->scope < y->scope ? -1 : 1;
	if (x->quantity != y->quantity)
		return x->quantity < y->quantity ? -1 : 1;
	if (x->first_channel != y->first_channel)
		return x->first_channel < y->first_channel ? -1 : 1;
	if (x->encoding != y->encoding)
		return x->encoding < y->encoding ? -1 : 1;
	return (int)x->models - (int)y->models;
}

static int alarm_order(const void *a, const void *b)
{
	const struct profile_alarm *x = a, *y = b;

	if (x->scope != y->scope)
		return x->scope < y->scope ? -1 : 1;
	return (int)x->level - (int)y->level;
}

static int threshold_order(const void *a, const void *b)
{
	const struct profile_threshold *x = a, *y = b;

	if (x->scope != y->scope)
		return x->scope < y->scope ? -1 : 1;
	if (x->channel != y->channel)
		return (int)x->channel - (int)y->channel;
	return (int)x->level - (int)y->level;
}

static int health_order(const void *a, const void *b)
{
	const struct profile_health *x = a, *y = b;

	return (int)x->health - (int)y->health;
}

static int trigger_order(const void *a, const void *b)
{
	const uint16_t *x = a, *y = b;

	return (int)*x - (int)*y;
}

/* items of a draft list, less their origins. */
#define TAKE(profile, list, member)                                                                \
	do {                                                                                       \
		(profile)->n_##list = draft->list.n;                                               \
		(profile)->list = xcalloc(draft->list.n, sizeof(*(profile)->list));                \
		for (unsigned i_ = 0; i_ < draft->list.n; i_++)                                    \
			(profile)->list[i_] = draft->list.items[i_].member;                        \
	} while (0)

#define SORT(profile, list, order)                                                                 \
	qsort((profile)->list, (profile)->n_##list, sizeof(*(profile)->list), order)

/* Points of a threshold carry its place in the draft: give them that in the sorted list. */
static void take_thresholds(const struct draft *draft, struct profile *profile)
{
	TAKE(profile, thresholds, threshold);
	SORT(profile, thresholds, threshold_order);
	for (unsigned i = 0; i < profile->n_points; i++) {
		struct point *point = &profile->points[i];
		const struct profile_threshold *wanted, *found;

		if (point->scope != SCOPE_THRESHOLD)
			continue;
		wanted = &draft->thresholds.items[point->first_channel - 1].threshold;
		found = bsearch(wanted, profile->thresholds, profile->n_thresholds, sizeof(*wanted),
			threshold_order);
		point->first_channel = (uint16_t)(found - profile->thresholds + 1);
	}
}

static void take_alarms(const struct draft *draft, struct profile *profile)
{
	TAKE(profile, alarms, alarm);
	for (unsigned i = 0; i < profile->n_alarms; i++) {
		struct profile_alarm *alarm = &profile->alarms[i];
		int level = draft->alarms.items[i].threshold_level;

		if (level >= 0)
			alarm->threshold = (int16_t)profile_threshold_find(
				profile, alarm->scope, 1, (enum level)level);
	}
	SORT(profile, alarms, alarm_order);
}

static struct profile *draft_finish(const struct draft *draft)
{
	struct profile *profile = xcalloc(1, sizeof(*profile));

	*profile = draft->profile;
	profile->refs = 1;
	profile->n_models = draft->models.n;
	for (unsigned i = 0; i < draft->models.n; i++)
		profile->models[i] = draft->models.items[i].model;
	TAKE(profile, blocks, block);
	TAKE(profile, scales, scale);
	TAKE(profile, points, point);
	take_thresholds(draft, profile);
	SORT(profile, points, point_order);
	take_alarms(draft, profile);
	TAKE(profile, commands, command);
	TAKE(profile, ct_layouts, ct_layout);
	TAKE(profile, health, health);
	SORT(profile, health, health_order);
	TAKE(profile, triggers, reg);
	SORT(profile, triggers, trigger_order);
	return profile;
}

static void take_name(struct draft *draft, const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dot;

	text_copy(draft->profile.name, sizeof(draft->profile.name), slash ? slash + 1 : path);
	dot = strrchr(draft->profile.name, '.');
	if (dot != NULL && strcmp(dot, ".conf") == 0)
		*dot = '\0';
}

/* FNV-1a over the text of all files, to know the same profile again. */
static uint64_t digest(const struct draft *draft)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (size_t i = 0; i < draft->n_files; i++) {
		size_t length = 0;
		char *text = text_read_file(draft->files[i]->filename, DIGEST_FILE_MAX, &length);

		for (size_t at = 0; at < length; at++)
			hash = (hash ^ (unsigned char)text[at]) * 0x100000001b3;
		free(text);
	}
	return hash;
}

int profile_load_file(const char *path, struct problems *problems, struct profile **profile)
{
	struct draft draft = { .problems = problems };
	size_t before = problems->count + problems->dropped;
	int rc;

	errno = 0;
	profile_read(&draft, path);
	if (draft.n_files == 0) {
		rc = errno ? -errno : -EINVAL;
		goto out;
	}
	profile_check(&draft);
	rc = -EINVAL;
	if (problems->count + problems->dropped == before) {
		take_name(&draft, path);
		*profile = draft_finish(&draft);
		(*profile)->digest = digest(&draft);
		rc = 0;
	}
out:
	draft_fini(&draft);
	return rc;
}

int profile_load(
	const char *dir, const char *name, struct problems *problems, struct profile **profile)
{
	char *path = xasprintf("%s/%s.conf", dir, name);
	int rc = -EINVAL;

	if (name[0] == '\0' || strchr(name, '/') != NULL)
		problem_add(problems, path, 0, "\"%s\" is not the name of a profile", name);
	else
		rc = profile_load_file(path, problems, profile);
	free(path);
	return rc;
}

struct profile *profile_ref(struct profile *profile)
{
	refs_take(&profile->refs);
	return profile;
}

void profile_unref(struct profile *profile)
{
	if (profile == NULL || !refs_drop(&profile->refs))
		return;
	free(profile->blocks);
	free(profile->scales);
	free(profile->points);
	free(profile->thresholds);
	free(profile->alarms);
	free(profile->commands);
	free(profile->ct_layouts);
	free(profile->health);
	free(profile->triggers);
	free(profile);
}

int profile_model_find(const struct profile *profile, uint16_t id)
{
	for (unsigned i = 0; i < profile->n_models; i++) {
		if (profile->models[i].id == id)
			return (int)i;
	}
	return -1;
}

int point_element(const struct point *point, unsigned channel)
{
	unsigned past = channel - point->first_channel;

	if (channel < point->first_channel || past % point->channel_step != 0 ||
		past / point->channel_step >= point->count)
		return -1;
	return (int)(past / point->channel_step);
}

unsigned profile_channels(const struct profile *profile, enum scope scope, enum quantity quantity)
{
	unsigned highest = 0;

	for (unsigned i = 0; i < profile->n_points; i++) {
		const struct point *point = &profile->points[i];
		unsigned last = point->first_channel + (point->count - 1u) * point->channel_step;

		if (point->scope == scope && point->quantity == quantity && last > highest)
			highest = last;
	}
	return highest;
}

int profile_threshold_find(
	const struct profile *profile, enum scope scope, unsigned channel, enum level level)
{
	int common = -1;

	for (unsigned i = 0; i < profile->n_thresholds; i++) {
		const struct profile_threshold *threshold = &profile->thresholds[i];

		if (threshold->scope != scope || threshold->level != level)
			continue;
		if (threshold->channel == channel)
			return (int)i;
		if (threshold->channel == 0)
			common = (int)i;
	}
	return common;
}

uint8_t profile_health_bits(const struct profile *profile, int64_t word)
{
	uint8_t bits = 0;

	for (unsigned i = 0; i < profile->n_health; i++) {
		const struct profile_health *item = &profile->health[i];

		if ((uint64_t)word >> item->bit & 1)
			bits |= (uint8_t)(1u << item->health);
	}
	return bits;
}

const struct profile_command *profile_command_find(
	const struct profile *profile, const char *name, enum scope scope)
{
	for (unsigned i = 0; i < profile->n_commands; i++) {
		const struct profile_command *command = &profile->commands[i];

		if (command->scope == scope && strcmp(command->name, name) == 0)
			return command;
	}
	return NULL;
}

const struct profile_alarm *profile_alarm_find(
	const struct profile *profile, enum scope scope, enum level level)
{
	for (unsigned i = 0; i < profile->n_alarms; i++)
		if (profile->alarms[i].scope == scope && profile->alarms[i].level == level)
			return &profile->alarms[i];
	return NULL;
}
