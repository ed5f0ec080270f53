/* mxVoltageTable and mxSourceTable: the supplies of each panel and their voltages. */
#include "config.h"

#include "snmp/tables.h"

#include "core/util.h"
#include "snmp/columns.h"

/* By MxSource. */
static enum scope source_scope(uint32_t source)
{
	return source == 1 ? SCOPE_VOLTAGE : SCOPE_ALT_VOLTAGE;
}

static const struct rowset *voltages(const struct panel *panel)
{
	return &panel->layout->voltages;
}

static void locate_voltage(struct row *row)
{
	row->scope = source_scope(row->index[1]);
	row->channel = row->index[2];
}

static const struct column voltage_columns[] = {
	COLUMN(3, ASN_GAUGE, "mxVoltageValue", col_reading, .quantity = Q_VOLTAGE),
	COLUMN(4, ASN_INTEGER, "mxVoltageState", col_state),
	COLUMN(5, ASN_OCTET_STR, "mxVoltageActive", col_active),
	COLUMN(6, ASN_OCTET_STR, "mxVoltageLatched", col_latched),
	COLUMN(7, ASN_GAUGE, "mxVoltageLimitOver", col_limit, .arg = LEVEL_HIGH),
	COLUMN(8, ASN_GAUGE, "mxVoltageLimitUnder", col_limit, .arg = LEVEL_LOW),
};

const struct table mx_voltage_table = {
	.name = "mxVoltageTable",
	.subid = 5,
	.n_index = 3,
	.columns = voltage_columns,
	.n_columns = ARRAY_LEN(voltage_columns),
	.rows = voltages,
	.locate = locate_voltage,
};

static const struct rowset *sources(const struct panel *panel)
{
	return &panel->layout->sources;
}

static void locate_source(struct row *row)
{
	row->scope = SCOPE_SOURCE;
	row->channel = row->index[1];
}

/* Worst of the voltages of the source that have alarms. */
static GETTER(source_state)
{
	enum worst_state worst = STATE_OK, state;
	struct row voltage = *row;
	bool any = false;

	voltage.scope = source_scope(row->channel);
	for (voltage.channel = 1; voltage.channel <= VOLTAGE_MEASURES; voltage.channel++) {
		if (!row_state(&voltage, &state))
			continue;
		worst = worse_state(worst, state);
		any = true;
	}
	if (any)
		cell_set_number(cell, column, worst);
}

static const struct column source_columns[] = {
	COLUMN(2, ASN_GAUGE, "mxSourceFrequency", col_reading, .quantity = Q_FREQUENCY),
	COLUMN(3, ASN_INTEGER, "mxSourceState", source_state),
};

const struct table mx_source_table = {
	.name = "mxSourceTable",
	.subid = 6,
	.n_index = 2,
	.columns = source_columns,
	.n_columns = ARRAY_LEN(source_columns),
	.rows = sources,
	.locate = locate_source,
};
