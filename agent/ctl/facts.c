/* facts: see facts.h. */
#include "config.h"

#include "ctl/facts.h"

#include <stdio.h>
#include <string.h>

#include "core/util.h"

static const struct reading none = { .quality = QUALITY_NONE };

struct reading facts_read(
	const struct facts *facts, enum scope scope, enum quantity quantity, unsigned channel)
{
	return snapshot_get(facts->snapshot, scope, quantity, channel, facts->now_ms);
}

const struct profile_ct_layout *facts_ct_layout(const struct facts *facts)
{
	const struct profile *profile = facts->panel->conf->profile;
	struct reading value = facts_read(facts, SCOPE_PANEL, Q_CT_LAYOUT, 1);

	for (unsigned i = 0; good(value) && i < profile->n_ct_layouts; i++) {
		if (profile->ct_layouts[i].value == value.num)
			return &profile->ct_layouts[i];
	}
	return NULL;
}

const char *facts_model(const struct facts *facts)
{
	const struct identity *identity = facts->snapshot->identity;

	return identity != NULL && identity->model >= 0
		       ? facts->panel->conf->profile->models[identity->model].name
		       : "";
}

/* The user's assignment where it is in force, else what the arrangement of the CTs implies. */
static char branch_phase(const struct facts *facts, unsigned branch)
{
	const struct profile_ct_layout *layout = facts_ct_layout(facts);
	struct reading by_user = facts_read(facts, SCOPE_PANEL, Q_USER_PHASES, 1);
	struct reading phase = facts_read(facts, SCOPE_BRANCH, Q_PHASE, branch);
	unsigned place = branch - 1;

	if (good(by_user) && (by_user.num & 1) != 0)
		return good(phase) && phase.num >= 0 && phase.num <= 2 ? (char)('A' + phase.num)
								       : ' ';
	if (layout == NULL)
		return ' ';
	return (char)('A' + (layout->sequential ? place : place / 2) % 3);
}

static struct reading per_mille(struct reading part, struct reading whole)
{
	struct reading result = part;

	if (!good(part) || !good(whole) || whole.num <= 0)
		return none;
	result.num = (part.num * 1000 + whole.num / 2) / whole.num;
	return result;
}

static void read_values(const struct facts *facts, struct facts_row *row)
{
	static const struct {
		enum quantity quantity;
		size_t offset;
	} values[] = {
		{ Q_RATING, offsetof(struct facts_row, rating) },
		{ Q_CURRENT, offsetof(struct facts_row, current) },
		{ Q_ACTIVE_POWER, offsetof(struct facts_row, power) },
		{ Q_APPARENT_POWER, offsetof(struct facts_row, apparent) },
		{ Q_POWER_FACTOR, offsetof(struct facts_row, factor) },
		{ Q_ENERGY, offsetof(struct facts_row, energy) },
	};

	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		struct reading *reading = (void *)((char *)row + values[i].offset);

		*reading = facts_read(facts, row->scope, values[i].quantity, row->channel);
	}
	row->load = per_mille(row->current, row->rating);
	row->alarms = alarm_channel_bits(facts->snapshot->alarms, row->scope, row->channel);
}

struct facts_row facts_branch(const struct facts *facts, unsigned branch)
{
	const struct branch_conf *conf = panel_conf_branch(facts->panel->conf, branch);
	struct facts_row row = {
		.scope = SCOPE_BRANCH,
		.channel = branch,
		.number = branch,
		.label = conf ? conf->label : "",
		.tenant = conf ? conf->tenant : "",
		.phase = branch_phase(facts, branch),
	};

	read_values(facts, &row);
	/* The meter's rating counts, for its alarms go by it. */
	if (row.rating.quality == QUALITY_NONE && conf != NULL && conf->rating_ma > 0) {
		row.rating = (struct reading){ .num = conf->rating_ma, .quality = QUALITY_GOOD };
		row.load = per_mille(row.current, row.rating);
	}
	return row;
}

struct facts_row facts_mains(const struct facts *facts, unsigned channel)
{
	static const char *const labels[MAINS_PHASES] = {
		"mains, all phases",
		"mains, phase A",
		"mains, phase B",
		"mains, phase C",
		"neutral",
	};
	unsigned phase = (channel - 1) % MAINS_PHASES;
	struct facts_row row = {
		.scope = SCOPE_MAINS,
		.channel = channel,
		.number = (channel - 1) / MAINS_PHASES + 1,
		.label = labels[phase],
		.tenant = "",
		.phase = phase >= 1 && phase <= 3 ? (char)('A' + phase - 1) : ' ',
	};

	read_values(facts, &row);
	return row;
}

/* A sum with a part missing is none. */
static void add(struct reading *sum, struct reading part)
{
	if (!good(*sum) || !good(part))
		sum->quality = QUALITY_NONE;
	sum->num += part.num;
}

/* Power is summed up over the poles, the current is their mean, as the meter's own circuits have
 * it. */
static void sum_branches(
	const struct facts *facts, const struct circuit_conf *circuit, struct facts_row *row)
{
	struct reading zero = { .quality = QUALITY_GOOD };

	row->current = row->power = row->apparent = row->energy = zero;
	row->factor = none;
	for (unsigned i = 0; i < circuit->n_branches; i++) {
		struct facts_row branch = facts_branch(facts, circuit->branches[i]);

		if (i == 0)
			row->rating = branch.rating;
		add(&row->current, branch.current);
		add(&row->power, branch.power);
		add(&row->apparent, branch.apparent);
		add(&row->energy, branch.energy);
		row->alarms.active |= branch.alarms.active;
		row->alarms.latched |= branch.alarms.latched;
	}
	if (good(row->current))
		row->current.num =
			(row->current.num + circuit->n_branches / 2) / circuit->n_branches;
	row->factor = per_mille(row->power, row->apparent);
	row->load = per_mille(row->current, row->rating);
}

struct facts_row facts_circuit(const struct facts *facts, unsigned number)
{
	const struct circuit_conf *circuit = panel_circuit(facts->panel, number);
	struct facts_row row = { .number = number, .label = "", .tenant = "", .phase = ' ' };

	if (circuit != NULL) {
		row.scope = SCOPE_BRANCH;
		row.label = circuit->label;
		row.tenant = circuit->tenant;
		sum_branches(facts, circuit, &row);
		return row;
	}
	row.scope = number > CIRCUIT_THREE_POLE_BASE ? SCOPE_THREE_POLE : SCOPE_TWO_POLE;
	row.channel = number - (row.scope == SCOPE_THREE_POLE ? CIRCUIT_THREE_POLE_BASE
							      : CIRCUIT_TWO_POLE_BASE);
	row.label = row.scope == SCOPE_THREE_POLE ? "three-pole meter" : "two-pole meter";
	read_values(facts, &row);
	return row;
}

void facts_alarms(const struct alarm_bits *bits, char *text, size_t size)
{
	static const char *const names[LEVEL_COUNT] = {
		[LEVEL_HIGH_HIGH] = "HH",
		[LEVEL_HIGH] = "H",
		[LEVEL_LOW] = "L",
		[LEVEL_LOW_LOW] = "LL",
		[LEVEL_OFF] = "OFF",
		[LEVEL_HIGH_NON_LATCHING] = "h",
		[LEVEL_LOW_NON_LATCHING] = "l",
	};
	size_t length = 0;

	text[0] = '\0';
	for (unsigned level = 1; level < LEVEL_COUNT && length < size; level++) {
		unsigned bit = 1u << (level - 1);

		if (!((bits->active | bits->latched) & bit))
			continue;
		length += (size_t)snprintf(text + length, size - length, "%s%s%s",
			length > 0 ? " " : "", names[level], bits->active & bit ? "" : "*");
	}
}
