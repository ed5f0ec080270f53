/*
 * mxAlarmTable: every alarm a meter can raise, with its state and history.
 *
 * item is the struct profile_alarm. A panel's book holds only alarms that have
 * a history; an alarm that is not in a known book was never raised.
 */
#include "config.h"

#include "snmp/tables.h"

#include "core/util.h"
#include "snmp/columns.h"
#include "snmp/setters.h"

static const struct rowset *alarms(const struct panel *panel)
{
	return &panel->layout->alarms;
}

static void locate(struct row *row)
{
	row->scope = (enum scope)row->index[1];
	row->channel = row->index[2];
	row->item = profile_alarm_find(
		row->panel->layout->profile, row->scope, (enum level)row->index[3]);
}

/*
 * The alarm's state and history. False when the book is not known yet: then no
 * alarm of the panel has any, and the engine passes it over.
 */
static bool history(const struct row *row, struct alarm *alarm, struct cell *cell)
{
	const struct alarm_book *book = row->snapshot->alarms;
	const struct alarm *found =
		alarm_find(book, ROW_KEY(row->scope, row->channel, row->index[3]));

	*alarm = found ? *found : (struct alarm){ 0 };
	if (!book->known)
		cell->state = CELL_ABSENT_PANEL;
	return book->known;
}

/* For what only a raised alarm has: nothing in the empty book of a healthy panel. */
static bool past(const struct row *row, struct alarm *alarm, struct cell *cell)
{
	if (row->snapshot->alarms->n > 0)
		return history(row, alarm, cell);
	cell->state = CELL_ABSENT_PANEL;
	return false;
}

static GETTER(alarm_active)
{
	const struct profile_alarm *rule = row->item;
	struct alarm alarm;

	(void)column;
	if (rule->active_bit >= 0 && history(row, &alarm, cell))
		cell_set_truth(cell, alarm.active);
}

static GETTER(alarm_latched)
{
	const struct profile_alarm *rule = row->item;
	struct alarm alarm;

	(void)column;
	if (rule->latched_bit >= 0 && history(row, &alarm, cell))
		cell_set_truth(cell, alarm.latched);
}

static GETTER(alarm_severity)
{
	const struct profile_alarm *rule = row->item;

	cell_set_number(cell, column, rule->severity);
}

static GETTER(alarm_raised)
{
	struct alarm alarm;

	(void)column;
	if (past(row, &alarm, cell))
		cell_set_time(cell, alarm.raised_wall_ms);
}

static GETTER(alarm_cleared)
{
	struct alarm alarm;

	(void)column;
	if (past(row, &alarm, cell))
		cell_set_time(cell, alarm.cleared_wall_ms);
}

static GETTER(alarm_value)
{
	struct alarm alarm;

	if (past(row, &alarm, cell) && alarm.has_value)
		cell_set_number(cell, column, alarm.value);
}

static GETTER(alarm_raise_count)
{
	struct alarm alarm;

	if (history(row, &alarm, cell))
		cell_set_number(cell, column, alarm.raise_count);
}

static GETTER(alarm_meter_count)
{
	const struct profile_alarm *rule = row->item;
	struct reading count;

	if (rule->counter < 0)
		return;
	count = row_read(row, (enum quantity)rule->counter);
	if (count.quality == QUALITY_GOOD)
		cell_set_number(cell, column, count.num);
}

/* false(2) clears. */
static SETTER(set_latched)
{
	const struct profile_alarm *rule = row->item;

	(void)column;
	if (rule->latched_bit < 0 || rule->clear == CLEAR_NONE)
		return SNMP_ERR_NOTWRITABLE;
	if (wanted->num != 2)
		return SNMP_ERR_WRONGVALUE;
	change->group = WRITES_LATCHES;
	change->op.kind = JOB_CLEAR_LATCH;
	change->op.scope = row->scope;
	change->op.channel = row->channel;
	change->op.level = rule->level;
	return SNMP_ERR_NOERROR;
}

static const struct column columns[] = {
	COLUMN(4, ASN_INTEGER, "mxAlarmActive", alarm_active),
	COLUMN(5, ASN_INTEGER, "mxAlarmLatched", alarm_latched, .set = set_latched),
	COLUMN(6, ASN_INTEGER, "mxAlarmSeverity", alarm_severity),
	COLUMN(7, ASN_OCTET_STR, "mxAlarmRaised", alarm_raised),
	COLUMN(8, ASN_OCTET_STR, "mxAlarmCleared", alarm_cleared),
	COLUMN(9, ASN_GAUGE, "mxAlarmValue", alarm_value),
	COLUMN(10, ASN_COUNTER, "mxAlarmRaiseCount", alarm_raise_count),
	COLUMN(11, ASN_UNSIGNED, "mxAlarmMeterCount", alarm_meter_count),
};

const struct table mx_alarm_table = {
	.name = "mxAlarmTable",
	.subid = 10,
	.n_index = 4,
	.columns = columns,
	.n_columns = ARRAY_LEN(columns),
	.rows = alarms,
	.locate = locate,
};
