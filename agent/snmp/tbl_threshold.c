/*
 * mxThresholdTable: the adjustable limits of each meter.
 *
 * item is the struct profile_threshold; scope and channel are those of its
 * value, delay and hysteresis in a snapshot.
 */
#include "config.h"

#include "snmp/tables.h"

#include "core/util.h"
#include "snmp/columns.h"
#include "snmp/setters.h"

static const struct rowset *thresholds(const struct panel *panel)
{
	return &panel->layout->thresholds;
}

/* The rows are the profile's thresholds, in the same order. */
static void locate(struct row *row)
{
	const struct layout *layout = row->panel->layout;
	uint32_t at = rowset_search(
		&layout->thresholds, ROW_KEY(row->index[1], row->index[2], row->index[3]), true);

	row->item = &layout->profile->thresholds[at];
	row->scope = SCOPE_THRESHOLD;
	row->channel = at + 1;
}

static GETTER(threshold_unit)
{
	const struct profile_threshold *threshold = row->item;

	if (row_read(row, Q_THRESHOLD).quality == QUALITY_GOOD)
		cell_set_number(cell, column, threshold->unit);
}

static GETTER(threshold_enabled)
{
	const struct profile_threshold *threshold = row->item;
	struct reading value = row_read(row, Q_THRESHOLD);

	(void)column;
	if (value.quality == QUALITY_GOOD)
		cell_set_truth(cell, value.num != 0 || !threshold->zero_disables);
}

static const struct column columns[] = {
	COLUMN(4, ASN_UNSIGNED, "mxThresholdValue", col_reading, .quantity = Q_THRESHOLD,
		.set = set_setting, .group = WRITES_THRESHOLDS),
	COLUMN(5, ASN_INTEGER, "mxThresholdUnit", threshold_unit),
	COLUMN(6, ASN_UNSIGNED, "mxThresholdDelay", col_reading, .quantity = Q_DELAY,
		.set = set_setting, .group = WRITES_THRESHOLDS),
	COLUMN(7, ASN_UNSIGNED, "mxThresholdHysteresis", col_reading, .quantity = Q_HYSTERESIS,
		.set = set_setting, .group = WRITES_THRESHOLDS),
	COLUMN(8, ASN_INTEGER, "mxThresholdEnabled", threshold_enabled),
	COLUMN(9, ASN_INTEGER, "mxThresholdWriteStatus", col_write_status),
	COLUMN(10, ASN_OCTET_STR, "mxThresholdWriteReason", col_write_reason),
};

const struct table mx_threshold_table = {
	.name = "mxThresholdTable",
	.subid = 9,
	.n_index = 4,
	.columns = columns,
	.n_columns = ARRAY_LEN(columns),
	.rows = thresholds,
	.locate = locate,
};
