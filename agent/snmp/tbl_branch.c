/* mxBranchTable: the branch circuits of each panel. */
#include "config.h"

#include "snmp/tables.h"

#include "core/util.h"
#include "snmp/columns.h"
#include "snmp/setters.h"

static const struct rowset *branches(const struct panel *panel)
{
	return &panel->layout->branches;
}

static void locate(struct row *row)
{
	row->scope = SCOPE_BRANCH;
	row->channel = row->index[1];
}

static GETTER(branch_tenant)
{
	(void)column;
	cell_set_text(cell, site_branch_tenant(view_site(row->view), row->panel->conf, row->channel));
}

static const struct profile_ct_layout *ct_layout(const struct row *row)
{
	const struct profile *profile = row->panel->layout->profile;
	struct reading value =
		snapshot_get(row->snapshot, SCOPE_PANEL, Q_CT_LAYOUT, 1, view_now_ms(row->view));

	for (unsigned i = 0; i < profile->n_ct_layouts; i++)
		if (value.quality == QUALITY_GOOD && profile->ct_layouts[i].value == value.num)
			return &profile->ct_layouts[i];
	return NULL;
}

static GETTER(branch_phase)
{
	const struct profile_ct_layout *layout = ct_layout(row);
	unsigned place = row->channel - 1;

	if (row_phases_by_user(row)) {
		struct reading phase = row_read(row, Q_PHASE);

		if (phase.quality == QUALITY_GOOD && phase.num >= 0 && phase.num <= 2)
			cell_set_number(cell, column, phase.num + 1);
	} else if (layout) {
		cell_set_number(cell, column, (layout->sequential ? place : place / 2) % 3 + 1);
	} else {
		cell->state = CELL_ABSENT_PANEL;
	}
}

static bool circuit_has(const struct circuit_conf *circuit, unsigned branch)
{
	for (unsigned pole = 0; pole < circuit->n_branches; pole++)
		if (circuit->branches[pole] == branch)
			return true;
	return false;
}

static GETTER(branch_circuit)
{
	const struct panel_conf *conf = row->panel->conf;

	if (conf->n_circuits == 0)
		cell->state = CELL_ABSENT_PANEL;
	for (size_t i = 0; i < conf->n_circuits; i++) {
		if (circuit_has(&conf->circuits[i], row->channel)) {
			cell_set_number(cell, column, conf->circuits[i].number);
			return;
		}
	}
}

/* The text of the configuration, which a name set by a manager stands over. */
static SETTER(set_label)
{
	const struct branch_conf *conf = panel_conf_branch(row->panel->conf, row->channel);

	(void)column;
	return set_name(row, NAME_LABEL, conf != NULL ? conf->label : "", wanted, change);
}

static SETTER(set_tenant)
{
	const struct branch_conf *conf = panel_conf_branch(row->panel->conf, row->channel);

	(void)column;
	return set_name(row, NAME_TENANT, conf != NULL ? conf->tenant : "", wanted, change);
}

static SETTER(set_reset)
{
	static const struct command_choice choices[] = {
		{ 2, JOB_COMMAND, "reset-energy", NULL, WRITES_RESETS },
		{ 3, JOB_COMMAND, "reset-maxima", NULL, WRITES_RESETS },
		{ 0, 0, NULL, NULL, 0 },
	};

	(void)column;
	return set_choice(row, choices, wanted, change);
}

#define READING(arc, type, text, what) COLUMN(arc, type, text, col_reading, .quantity = what)

static const struct column columns[] = {
	COLUMN(2, ASN_OCTET_STR, "mxBranchLabel", col_label, .set = set_label),
	COLUMN(3, ASN_OCTET_STR, "mxBranchTenant", branch_tenant, .set = set_tenant),
	COLUMN(4, ASN_GAUGE, "mxBranchRating", col_rating, .quantity = Q_RATING,
		.set = set_setting, .group = WRITES_THRESHOLDS),
	COLUMN(5, ASN_GAUGE, "mxBranchCtSize", col_reading, .quantity = Q_CT_SIZE,
		.set = set_setting, .group = WRITES_LAYOUT),
	COLUMN(6, ASN_INTEGER, "mxBranchPhase", branch_phase),
	COLUMN(7, ASN_UNSIGNED, "mxBranchCircuit", branch_circuit),
	READING(8, ASN_GAUGE, "mxBranchCurrent", Q_CURRENT),
	READING(9, ASN_GAUGE, "mxBranchMinCurrent", Q_MIN_CURRENT),
	READING(10, ASN_GAUGE, "mxBranchMaxCurrent", Q_MAX_CURRENT),
	READING(11, ASN_GAUGE, "mxBranchCurrentDemand", Q_CURRENT_DEMAND),
	READING(12, ASN_GAUGE, "mxBranchMaxCurrentDemand", Q_MAX_CURRENT_DEMAND),
	READING(13, ASN_INTEGER, "mxBranchActivePower", Q_ACTIVE_POWER),
	READING(14, ASN_GAUGE, "mxBranchApparentPower", Q_APPARENT_POWER),
	READING(15, ASN_INTEGER, "mxBranchReactivePower", Q_REACTIVE_POWER),
	READING(16, ASN_INTEGER, "mxBranchPowerFactor", Q_POWER_FACTOR),
	READING(17, ASN_INTEGER, "mxBranchActivePowerDemand", Q_ACTIVE_POWER_DEMAND),
	READING(18, ASN_INTEGER, "mxBranchMaxActivePowerDemand", Q_MAX_ACTIVE_POWER_DEMAND),
	READING(19, ASN_INTEGER, "mxBranchMaxActivePower", Q_MAX_ACTIVE_POWER),
	READING(20, ASN_COUNTER64, "mxBranchEnergy", Q_ENERGY),
	COLUMN(21, ASN_OCTET_STR, "mxBranchEnergyDiscontinuity", col_discontinuity),
	READING(22, ASN_INTEGER, "mxBranchPhaseAngle", Q_PHASE_ANGLE),
	COLUMN(23, ASN_UNSIGNED, "mxBranchLoad", col_load),
	COLUMN(24, ASN_INTEGER, "mxBranchState", col_state),
	COLUMN(25, ASN_OCTET_STR, "mxBranchActive", col_active),
	COLUMN(26, ASN_OCTET_STR, "mxBranchLatched", col_latched),
	COLUMN(27, ASN_GAUGE, "mxBranchLimitHighHigh", col_limit, .arg = LEVEL_HIGH_HIGH),
	COLUMN(28, ASN_GAUGE, "mxBranchLimitHigh", col_limit, .arg = LEVEL_HIGH),
	COLUMN(29, ASN_GAUGE, "mxBranchLimitLow", col_limit, .arg = LEVEL_LOW),
	COLUMN(30, ASN_GAUGE, "mxBranchLimitLowLow", col_limit, .arg = LEVEL_LOW_LOW),
	COLUMN(31, ASN_INTEGER, "mxBranchReset", col_command, .set = set_reset),
};

const struct table mx_branch_table = {
	.name = "mxBranchTable",
	.subid = 7,
	.n_index = 2,
	.columns = columns,
	.n_columns = ARRAY_LEN(columns),
	.rows = branches,
	.locate = locate,
};
