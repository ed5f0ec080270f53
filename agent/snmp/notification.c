/* notification: see notification.h. */
#include "config.h"

#include "snmp/notification.h"

#include "core/clock.h"
#include "core/util.h"
#include "snmp/tables.h"

/* Arcs of mxEventEntry. */
enum {
	NUMBER = 2,
	TIME = 3,
	PANEL_NAME = 6,
	LABEL = 7,
	SCOPE = 8,
	CHANNEL = 9,
	LEVEL = 10,
	SEVERITY = 11,
	VALUE = 12,
	LIMIT = 13,
	TEXT = 14,
};

static const uint8_t of_alarm[] = { NUMBER, TIME, PANEL_NAME, LABEL, SCOPE, CHANNEL, LEVEL,
	SEVERITY, TEXT, VALUE, LIMIT };
static const uint8_t of_input[] = { NUMBER, TIME, PANEL_NAME, LABEL, SCOPE, CHANNEL, SEVERITY, TEXT,
	VALUE };
static const uint8_t of_panel[] = { NUMBER, TIME, PANEL_NAME, LABEL, SCOPE, CHANNEL, SEVERITY,
	TEXT };
static const uint8_t of_link[] = { NUMBER, TIME, LABEL, SCOPE, CHANNEL, SEVERITY, TEXT };

#define NOTIFICATION(arc, text, list)                                                              \
	{                                                                                          \
		.name = (text), .subid = (arc), .columns = (list), .n_columns = ARRAY_LEN(list)    \
	}

enum alarm_family { OVER, UNDER, OFF, FAMILIES };

static const enum alarm_family families[] = {
	[LEVEL_HIGH_HIGH] = OVER,
	[LEVEL_HIGH] = OVER,
	[LEVEL_LOW] = UNDER,
	[LEVEL_LOW_LOW] = UNDER,
	[LEVEL_OFF] = OFF,
	[LEVEL_HIGH_NON_LATCHING] = OVER,
	[LEVEL_LOW_NON_LATCHING] = UNDER,
};

/* Raised, cleared. A voltage that is off is too low. */
static const struct notification of_currents[FAMILIES][2] = {
	[OVER] = { NOTIFICATION(1, "mxOverCurrent", of_alarm),
		NOTIFICATION(2, "mxOverCurrentCleared", of_alarm) },
	[UNDER] = { NOTIFICATION(3, "mxUnderCurrent", of_alarm),
		NOTIFICATION(4, "mxUnderCurrentCleared", of_alarm) },
	[OFF] = { NOTIFICATION(5, "mxCircuitOff", of_alarm),
		NOTIFICATION(6, "mxCircuitOffCleared", of_alarm) },
};
static const struct notification of_voltages[FAMILIES][2] = {
	[OVER] = { NOTIFICATION(7, "mxOverVoltage", of_alarm),
		NOTIFICATION(8, "mxOverVoltageCleared", of_alarm) },
	[UNDER] = { NOTIFICATION(9, "mxUnderVoltage", of_alarm),
		NOTIFICATION(10, "mxUnderVoltageCleared", of_alarm) },
	[OFF] = { NOTIFICATION(9, "mxUnderVoltage", of_alarm),
		NOTIFICATION(10, "mxUnderVoltageCleared", of_alarm) },
};

static const struct notification of_kinds[EVENT_KIND_COUNT] = {
	[EVENT_INPUT_CHANGED] = NOTIFICATION(11, "mxInputChanged", of_input),
	[EVENT_PANEL_OFFLINE] = NOTIFICATION(12, "mxPanelOffline", of_panel),
	[EVENT_PANEL_ONLINE] = NOTIFICATION(13, "mxPanelOnline", of_panel),
	[EVENT_LINK_DOWN] = NOTIFICATION(14, "mxLinkDown", of_link),
	[EVENT_LINK_UP] = NOTIFICATION(15, "mxLinkUp", of_link),
	[EVENT_WRITE_FAILED] = NOTIFICATION(16, "mxWriteFailed", of_panel),
};

static const struct notification *of_alarm_event(const struct event *event)
{
	bool cleared = event->kind == EVENT_CLEARED;

	if (event->level < LEVEL_HIGH_HIGH || event->level > LEVEL_LOW_NON_LATCHING)
		return NULL;
	switch (event->scope) {
	case EVENT_SCOPE_BRANCH:
	case EVENT_SCOPE_MAINS:
		return &of_currents[families[event->level]][cleared];
	case EVENT_SCOPE_VOLTAGE:
	case EVENT_SCOPE_ALT_VOLTAGE:
		return &of_voltages[families[event->level]][cleared];
	default:
		return NULL;
	}
}

const struct notification *notification_of(const struct event *event)
{
	const struct notification *notification;

	if (event->number > UINT32_MAX) /* is no index */
		return NULL;
	if (event->kind == EVENT_RAISED || event->kind == EVENT_CLEARED)
		return of_alarm_event(event);
	if (event->kind >= EVENT_KIND_COUNT)
		return NULL;
	notification = &of_kinds[event->kind];
	return notification->name ? notification : NULL;
}

static const struct column *column_of(uint8_t subid)
{
	const struct column *column = mx_event_table.columns;

	while (column->subid != subid)
		column++;
	return column;
}

void notification_write(struct view *view, const struct event *event,
	const struct notification *notification, const struct wire_ids *ids,
	struct wire_output *output)
{
	uint32_t suffix[] = { mx_event_table.subid, 1, 0, (uint32_t)event->number };
	struct row row = { .view = view, .index = { (uint32_t)event->number }, .item = event };
	size_t begin = wire_notify_begin(output, ids, notification->subid);

	view_begin(view, clock_mono_ms(), clock_wall_ms());
	for (size_t i = 0; i < notification->n_columns; i++) {
		const struct column *column = column_of(notification->columns[i]);
		struct cell cell;

		cell.state = CELL_ABSENT;
		column->get(&row, column, &cell);
		suffix[2] = column->subid;
		if (cell.state == CELL_PRESENT)
			wire_notify_add(output, suffix, ARRAY_LEN(suffix), column, &cell);
	}
	view_end(view);
	wire_notify_end(output, begin);
}
