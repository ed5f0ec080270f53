/* setters: see setters.h. */
#include "config.h"

#include "snmp/setters.h"

#include <errno.h>

#include "modbus/codec.h"

static bool model_has(const struct row *row, const struct point *point)
{
	const struct identity *identity = row->snapshot->identity;

	return identity == NULL || identity->model < 0 || point->models >> identity->model & 1;
}

/* Where the meter takes that setting, NULL: nowhere. */
static const struct point *setting_point(const struct row *row, enum quantity quantity)
{
	const struct profile *profile = row->panel->layout->profile;

	for (unsigned i = 0; i < profile->n_points; i++) {
		const struct point *point = &profile->points[i];

		if (point->scope == row->scope && point->quantity == quantity &&
			point->access == ACCESS_READ_WRITE && point->type != TYPE_F32 &&
			point->type != TYPE_ASCII && point_element(point, row->channel) >= 0 &&
			model_has(row, point))
			return point;
	}
	return NULL;
}

/* What a scaled register can hold is seen when it is written, for its scale may change. */
static bool point_takes(const struct row *row, const struct point *point, int64_t value)
{
	uint16_t words[4];

	return point->scaled ||
	       codec_encode(row->panel->layout->profile, point, value, 0, words) == 0;
}

SETTER(set_setting)
{
	const struct point *point = setting_point(row, column->quantity);

	if (point == NULL)
		return SNMP_ERR_NOTWRITABLE;
	if (!point_takes(row, point, wanted->num))
		return SNMP_ERR_WRONGVALUE;
	change->group = column->group;
	change->op.kind = JOB_SETTING;
	change->op.scope = row->scope;
	change->op.quantity = column->quantity;
	change->op.channel = row->channel;
	change->op.value = wanted->num;
	change->reg = (uint16_t)(point->reg +
				 (unsigned)point_element(point, row->channel) * point->stride);
	change->words = point->words;
	return SNMP_ERR_NOERROR;
}

int set_name(const struct row *row, enum name_kind kind, const char *configured,
	const struct wanted *wanted, struct change *change)
{
	size_t most = kind == NAME_LOCATION ? NAME_LOCATION_MAX : NAME_LABEL_MAX;

	if (wanted->length > most)
		return SNMP_ERR_WRONGLENGTH;
	if (names_check(kind, wanted->text, wanted->length) != NULL)
		return SNMP_ERR_WRONGVALUE;
	change->kind = CHANGE_NAME;
	change->group = WRITES_LABELS;
	change->name = (struct name_change){
		.panel = row->panel->conf->index,
		.kind = kind,
		.branch = kind == NAME_LOCATION ? 0 : (uint16_t)row->channel,
		.text = wanted->text,
		.configured = configured,
	};
	return SNMP_ERR_NOERROR;
}

bool profile_clears_latches(const struct profile *profile)
{
	if (profile_command_find(profile, "clear-latches", SCOPE_PANEL) != NULL)
		return true;
	for (unsigned i = 0; i < profile->n_alarms; i++)
		if (profile->alarms[i].clear != CLEAR_NONE)
			return true;
	return false;
}

static bool meter_has(
	const struct row *row, const struct command_choice *choice, struct change *change)
{
	const struct profile *profile = row->panel->layout->profile;

	if (choice->kind == JOB_CLEAR_LATCHES)
		return profile_clears_latches(profile);
	if (choice->kind != JOB_COMMAND)
		return true;
	change->op.command = profile_command_find(profile, choice->command, row->scope);
	if (choice->then)
		change->then = profile_command_find(profile, choice->then, row->scope);
	return change->op.command != NULL && row->channel <= change->op.command->count;
}

int set_choice(const struct row *row, const struct command_choice *choices,
	const struct wanted *wanted, struct change *change)
{
	while (choices->value != 0 && choices->value != wanted->num)
		choices++;
	if (choices->value == 0 || !meter_has(row, choices, change))
		return SNMP_ERR_WRONGVALUE;
	change->group = choices->group;
	change->op.kind = choices->kind;
	change->op.scope = row->scope;
	change->op.channel = row->channel;
	return SNMP_ERR_NOERROR;
}
