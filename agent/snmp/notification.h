/*
 * notification: which NOTIFICATION-TYPE tells an event, and its objects.
 *
 * SNMP thread only. Objects are cells of the event's row in mxEventTable, made
 * by the getters of that table, in the order of the MIB.
 */
#ifndef METERX_SNMP_NOTIFICATION_H
#define METERX_SNMP_NOTIFICATION_H

#include <stddef.h>
#include <stdint.h>

#include "alarm/event.h"
#include "snmp/view.h"
#include "snmp/wire.h"

struct notification {
	const char *name;	/* "mxOverCurrent" */
	uint8_t subid;		/* arc below mxNotifications */
	const uint8_t *columns; /* subids of mxEventTable */
	size_t n_columns;
};

/* NULL: nothing in the MIB tells such an event. */
const struct notification *notification_of(const struct event *event);

/* Append the AgentX Notify of the event; objects that its row does not have are left out. */
void notification_write(struct view *view, const struct event *event,
	const struct notification *notification, const struct wire_ids *ids,
	struct wire_output *output);

#endif
