/*
 * mxEventTable: the events that the journal keeps, by number. item is the
 * struct event, which the view holds until the end of the request.
 *
 * Notifications take their values from here too: the column is the same one.
 */
#include "config.h"

#include "snmp/tables.h"

#include "alarm/event.h"
#include "core/util.h"
#include "snmp/columns.h"

static bool locate(const struct event *event, struct row *row)
{
	/* Numbers beyond an index can not be served. */
	if (event == NULL || event->number > UINT32_MAX)
		return false;
	row->index[0] = (uint32_t)event->number;
	row->item = event;
	return true;
}

static bool event_next(
	struct view *view, const uint32_t *index, size_t n, bool inclusive, struct row *row)
{
	return locate(view_event_next(view, n == 0 ? 0 : index[0], n == 0 || inclusive), row);
}

static bool event_find(struct view *view, const uint32_t *index, struct row *row)
{
	return locate(view_event(view, index[0]), row);
}

static GETTER(event_number)
{
	const struct event *event = row->item;

	cell_set_number(cell, column, (int64_t)event->number);
}

static GETTER(event_time)
{
	const struct event *event = row->item;

	(void)column;
	cell_set_time(cell, event->wall_ms);
}

static GETTER(event_kind)
{
	const struct event *event = row->item;

	cell_set_number(cell, column, event->kind);
}

static GETTER(event_panel)
{
	const struct event *event = row->item;

	if (event->panel != 0)
		cell_set_number(cell, column, event->panel);
}

static GETTER(event_panel_name)
{
	const struct event *event = row->item;

	(void)column;
	if (event->panel != 0)
		cell_set_text(cell, event->panel_name);
}

static GETTER(event_label)
{
	const struct event *event = row->item;

	(void)column;
	if (event->scope != EVENT_SCOPE_NONE)
		cell_set_text(cell, event->label);
}

static GETTER(event_scope)
{
	const struct event *event = row->item;

	if (event->scope != EVENT_SCOPE_NONE)
		cell_set_number(cell, column, event->scope);
}

static GETTER(event_channel)
{
	const struct event *event = row->item;

	if (event->scope != EVENT_SCOPE_NONE)
		cell_set_number(cell, column, event->channel);
}

static GETTER(event_level)
{
	const struct event *event = row->item;

	if (event->level != 0)
		cell_set_number(cell, column, event->level);
}

static GETTER(event_severity)
{
	const struct event *event = row->item;

	cell_set_number(cell, column, event->severity);
}

static GETTER(event_value)
{
	const struct event *event = row->item;

	if (event->has_value)
		cell_set_number(cell, column, event->value);
}

static GETTER(event_limit)
{
	const struct event *event = row->item;

	if (event->has_limit)
		cell_set_number(cell, column, event->limit);
}

static GETTER(event_text)
{
	const struct event *event = row->item;

	(void)column;
	cell_set_text(cell, event->text);
}

static GETTER(event_delivered)
{
	const struct event *event = row->item;

	(void)column;
	if (event->notify)
		cell_set_truth(cell, atomic_load(&event->mark) & EVENT_DELIVERED);
}

static const struct column columns[] = {
	COLUMN(2, ASN_UNSIGNED, "mxEventNumber", event_number),
	COLUMN(3, ASN_OCTET_STR, "mxEventTime", event_time),
	COLUMN(4, ASN_INTEGER, "mxEventKind", event_kind),
	COLUMN(5, ASN_UNSIGNED, "mxEventPanel", event_panel),
	COLUMN(6, ASN_OCTET_STR, "mxEventPanelName", event_panel_name),
	COLUMN(7, ASN_OCTET_STR, "mxEventLabel", event_label),
	COLUMN(8, ASN_INTEGER, "mxEventScope", event_scope),
	COLUMN(9, ASN_UNSIGNED, "mxEventChannel", event_channel),
	COLUMN(10, ASN_INTEGER, "mxEventLevel", event_level),
	COLUMN(11, ASN_INTEGER, "mxEventSeverity", event_severity),
	COLUMN(12, ASN_INTEGER, "mxEventValue", event_value),
	COLUMN(13, ASN_INTEGER, "mxEventLimit", event_limit),
	COLUMN(14, ASN_OCTET_STR, "mxEventText", event_text),
	COLUMN(15, ASN_INTEGER, "mxEventDelivered", event_delivered),
};

const struct table mx_event_table = {
	.name = "mxEventTable",
	.subid = 14,
	.n_index = 1,
	.columns = columns,
	.n_columns = ARRAY_LEN(columns),
	.find = event_find,
	.next = event_next,
};
