/* mxMainsTable: phases, neutral and total of each panel's mains. */
#include "config.h"

#include "snmp/tables.h"

#include "core/util.h"
#include "snmp/columns.h"
#include "snmp/setters.h"

static const struct rowset *mains(const struct panel *panel)
{
	return &panel->layout->mains;
}

static void locate(struct row *row)
{
	row->scope = SCOPE_MAINS;
	row->channel = (row->index[1] - 1) * MAINS_PHASES + row->index[2];
}

/* The user's assignment where it is in force, else phases a to c are what they are called. */
static GETTER(mains_voltage_phase)
{
	struct reading phase = row_read(row, Q_PHASE);
	uint32_t conductor = row->index[2];

	if (conductor < MAINS_A || conductor > MAINS_C)
		return;
	if (!row_phases_by_user(row))
		cell_set_number(cell, column, conductor - MAINS_A + 1);
	else if (phase.quality == QUALITY_GOOD && phase.num >= 0 && phase.num <= 2)
		cell_set_number(cell, column, phase.num + 1);
}

#define READING(arc, type, text, what) COLUMN(arc, type, text, col_reading, .quantity = what)

static const struct column columns[] = {
	COLUMN(3, ASN_OCTET_STR, "mxMainsLabel", col_label),
	COLUMN(4, ASN_GAUGE, "mxMainsCtSize", col_reading, .quantity = Q_CT_SIZE,
		.set = set_setting, .group = WRITES_LAYOUT),
	COLUMN(5, ASN_GAUGE, "mxMainsRating", col_rating, .quantity = Q_RATING,
		.set = set_setting, .group = WRITES_THRESHOLDS),
	COLUMN(6, ASN_INTEGER, "mxMainsVoltagePhase", mains_voltage_phase),
	READING(7, ASN_GAUGE, "mxMainsCurrent", Q_CURRENT),
	READING(8, ASN_GAUGE, "mxMainsMaxCurrent", Q_MAX_CURRENT),
	READING(9, ASN_GAUGE, "mxMainsCurrentDemand", Q_CURRENT_DEMAND),
	READING(10, ASN_GAUGE, "mxMainsMaxCurrentDemand", Q_MAX_CURRENT_DEMAND),
	READING(11, ASN_INTEGER, "mxMainsActivePower", Q_ACTIVE_POWER),
	READING(12, ASN_GAUGE, "mxMainsApparentPower", Q_APPARENT_POWER),
	READING(13, ASN_INTEGER, "mxMainsReactivePower", Q_REACTIVE_POWER),
	READING(14, ASN_INTEGER, "mxMainsPowerFactor", Q_POWER_FACTOR),
	READING(15, ASN_INTEGER, "mxMainsActivePowerDemand", Q_ACTIVE_POWER_DEMAND),
	READING(16, ASN_INTEGER, "mxMainsMaxActivePowerDemand", Q_MAX_ACTIVE_POWER_DEMAND),
	READING(17, ASN_INTEGER, "mxMainsMaxActivePower", Q_MAX_ACTIVE_POWER),
	READING(18, ASN_COUNTER64, "mxMainsEnergy", Q_ENERGY),
	COLUMN(19, ASN_OCTET_STR, "mxMainsEnergyDiscontinuity", col_discontinuity),
	COLUMN(20, ASN_UNSIGNED, "mxMainsLoad", col_load),
	COLUMN(21, ASN_INTEGER, "mxMainsState", col_state),
	COLUMN(22, ASN_OCTET_STR, "mxMainsActive", col_active),
	COLUMN(23, ASN_OCTET_STR, "mxMainsLatched", col_latched),
	COLUMN(24, ASN_GAUGE, "mxMainsLimitHighHigh", col_limit, .arg = LEVEL_HIGH_HIGH),
	COLUMN(25, ASN_GAUGE, "mxMainsLimitHigh", col_limit, .arg = LEVEL_HIGH),
	COLUMN(26, ASN_GAUGE, "mxMainsLimitLow", col_limit, .arg = LEVEL_LOW),
	COLUMN(27, ASN_GAUGE, "mxMainsLimitLowLow", col_limit, .arg = LEVEL_LOW_LOW),
};

const struct table mx_mains_table = {
	.name = "mxMainsTable",
	.subid = 4,
	.n_index = 3,
	.columns = columns,
	.n_columns = ARRAY_LEN(columns),
	.rows = mains,
	.locate = locate,
};
