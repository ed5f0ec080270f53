/*
 * summary: what is true of all panels together: counts, worst state, and the
 * list of alarms that are active or latched.
 *
 * SNMP thread only. Kept with the view and made again only when an alarm or a
 * comm state changed, or when time alone may have taken a panel offline; at
 * most once a request.
 */
#ifndef METERX_SNMP_SUMMARY_H
#define METERX_SNMP_SUMMARY_H

#include "alarm/alarm.h"
#include "snmp/view.h"

struct active_alarm {
	const struct panel *panel;
	struct alarm alarm; /* as it was in the panel's book */
};

struct summary {
	uint32_t panels_online;
	uint32_t n_active, n_latched;
	enum worst_state worst;
	struct active_alarm *alarms; /* by event number */
	size_t n_alarms;
};

/* Valid until the end of the request. */
const struct summary *summary_get(struct view *view);

#endif
