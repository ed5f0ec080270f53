/* mxInputTable: digital inputs of each panel. */
#include "config.h"

#include "snmp/tables.h"

#include "core/util.h"
#include "snmp/columns.h"

static const struct rowset *inputs(const struct panel *panel)
{
	return &panel->layout->inputs;
}

static void locate(struct row *row)
{
	row->scope = SCOPE_INPUT;
	row->channel = row->index[1];
	row->item = panel_conf_input(row->panel->conf, row->channel);
}

static GETTER(input_label)
{
	const struct input_conf *conf = row->item;

	(void)column;
	cell_set_text(cell, conf != NULL ? conf->label : "");
}

static GETTER(input_normal)
{
	const struct input_conf *conf = row->item;

	if (conf != NULL && conf->normal != 0)
		cell_set_number(cell, column, conf->normal);
}

static GETTER(input_change)
{
	struct reading change = row_read(row, Q_INPUT_CHANGE);

	(void)column;
	if (change.quality == QUALITY_GOOD)
		cell_set_time(cell, change.num);
}

static const struct column columns[] = {
	COLUMN(2, ASN_OCTET_STR, "mxInputLabel", input_label),
	COLUMN(3, ASN_INTEGER, "mxInputState", col_reading, .quantity = Q_INPUT_STATE),
	COLUMN(4, ASN_INTEGER, "mxInputNormal", input_normal),
	COLUMN(5, ASN_OCTET_STR, "mxInputLastChange", input_change),
};

const struct table mx_input_table = {
	.name = "mxInputTable",
	.subid = 12,
	.n_index = 2,
	.columns = columns,
	.n_columns = ARRAY_LEN(columns),
	.rows = inputs,
	.locate = locate,
};
