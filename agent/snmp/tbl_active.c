/*
 * mxActiveAlarmTable: what is active or latched now, over all panels, by event
 * number. item is the struct active_alarm.
 */
#include "config.h"

#include "snmp/tables.h"

#include "alarm/tell.h"
#include "core/util.h"
#include "snmp/columns.h"
#include "snmp/summary.h"

/* Place of the first alarm whose event number is at least number. */
static size_t search(const struct summary *summary, uint64_t number)
{
	size_t low = 0, high = summary->n_alarms;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (summary->alarms[middle].alarm.event < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void locate(struct view *view, const struct active_alarm *active, struct row *row)
{
	row->index[0] = (uint32_t)active->alarm.event;
	row->panel = active->panel;
	row->snapshot = view_snapshot(view, active->panel);
	row->scope = (enum scope)ROW_KEY_A(active->alarm.key);
	row->channel = ROW_KEY_B(active->alarm.key);
	row->item = active;
}

static bool active_next(
	struct view *view, const uint32_t *index, size_t n, bool inclusive, struct row *row)
{
	const struct summary *summary = summary_get(view);
	size_t at = n == 0 ? 0 : search(summary, index[0] + (inclusive ? 0 : UINT64_C(1)));

	/* Numbers beyond an index can not be served. */
	if (at == summary->n_alarms || summary->alarms[at].alarm.event > UINT32_MAX)
		return false;
	locate(view, &summary->alarms[at], row);
	return true;
}

static bool active_find(struct view *view, const uint32_t *index, struct row *row)
{
	const struct summary *summary = summary_get(view);
	size_t at = search(summary, index[0]);

	if (at == summary->n_alarms || summary->alarms[at].alarm.event != index[0])
		return false;
	locate(view, &summary->alarms[at], row);
	return true;
}

static enum level row_level(const struct row *row)
{
	const struct active_alarm *active = row->item;

	return (enum level)ROW_KEY_C(active->alarm.key);
}

static const struct profile_alarm *row_rule(const struct row *row)
{
	return profile_alarm_find(row->panel->layout->profile, row->scope, row_level(row));
}

static GETTER(active_panel)
{
	cell_set_number(cell, column, row->panel->conf->index);
}

static GETTER(active_panel_name)
{
	(void)column;
	cell_set_text(cell, row->panel->conf->name);
}

static GETTER(active_scope)
{
	cell_set_number(cell, column, row->scope);
}

static GETTER(active_channel)
{
	cell_set_number(cell, column, row->channel);
}

static GETTER(active_level)
{
	cell_set_number(cell, column, row_level(row));
}

static GETTER(active_active)
{
	const struct active_alarm *active = row->item;

	(void)column;
	if (row_rule(row)->active_bit >= 0)
		cell_set_truth(cell, active->alarm.active);
}

static GETTER(active_latched)
{
	const struct active_alarm *active = row->item;

	(void)column;
	if (row_rule(row)->latched_bit >= 0)
		cell_set_truth(cell, active->alarm.latched);
}

static GETTER(active_severity)
{
	const struct active_alarm *active = row->item;

	cell_set_number(cell, column, active->alarm.severity);
}

static GETTER(active_raised)
{
	const struct active_alarm *active = row->item;

	(void)column;
	cell_set_time(cell, active->alarm.raised_wall_ms);
}

static GETTER(active_value)
{
	const struct active_alarm *active = row->item;

	if (active->alarm.has_value)
		cell_set_number(cell, column, active->alarm.value);
}

static GETTER(active_limit)
{
	int64_t limit;

	if (row_limit(row, row_level(row), &limit))
		cell_set_number(cell, column, limit);
}

/* "RPP-1A branch 7 (Chiller): high-high latched, was 17.250 A, limit 14.000 A" */
static GETTER(active_text)
{
	const struct active_alarm *active = row->item;
	const struct alarm *alarm = &active->alarm;
	struct alarm_line line = {
		.panel = row->panel->conf->name,
		.scope = row->scope,
		.channel = row->channel,
		.level = row_level(row),
		.state = alarm->latched ? "latched" : "active",
		.was = "was ",
		.has_value = alarm->has_value,
		.value = alarm->value,
		.rest = "",
	};
	char label[64];

	(void)column;
	line.label = row_label(row, label, sizeof(label));
	line.has_limit = row_limit(row, line.level, &line.limit);
	tell_line(cell->buffer, sizeof(cell->buffer), &line);
	cell_set_text(cell, cell->buffer);
}

static const struct column columns[] = {
	COLUMN(2, ASN_UNSIGNED, "mxActiveAlarmPanel", active_panel),
	COLUMN(3, ASN_OCTET_STR, "mxActiveAlarmPanelName", active_panel_name),
	COLUMN(4, ASN_OCTET_STR, "mxActiveAlarmLabel", col_label),
	COLUMN(5, ASN_INTEGER, "mxActiveAlarmScope", active_scope),
	COLUMN(6, ASN_UNSIGNED, "mxActiveAlarmChannel", active_channel),
	COLUMN(7, ASN_INTEGER, "mxActiveAlarmLevel", active_level),
	COLUMN(8, ASN_INTEGER, "mxActiveAlarmActive", active_active),
	COLUMN(9, ASN_INTEGER, "mxActiveAlarmLatched", active_latched),
	COLUMN(10, ASN_INTEGER, "mxActiveAlarmSeverity", active_severity),
	COLUMN(11, ASN_OCTET_STR, "mxActiveAlarmRaised", active_raised),
	COLUMN(12, ASN_GAUGE, "mxActiveAlarmValue", active_value),
	COLUMN(13, ASN_GAUGE, "mxActiveAlarmLimit", active_limit),
	COLUMN(14, ASN_OCTET_STR, "mxActiveAlarmText", active_text),
};

const struct table mx_active_alarm_table = {
	.name = "mxActiveAlarmTable",
	.subid = 11,
	.n_index = 1,
	.columns = columns,
	.n_columns = ARRAY_LEN(columns),
	.find = active_find,
	.next = active_next,
};
