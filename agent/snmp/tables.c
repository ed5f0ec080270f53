/* tables: see tables.h. */
#include "config.h"

#include "snmp/tables.h"

#include "core/util.h"

const struct table *const mx_tables[] = {
	&mx_agent_group,
	&mx_link_table,
	&mx_panel_table,
	&mx_mains_table,
	&mx_voltage_table,
	&mx_source_table,
	&mx_branch_table,
	&mx_circuit_table,
	&mx_threshold_table,
	&mx_alarm_table,
	&mx_active_alarm_table,
	&mx_input_table,
	&mx_event_table,
};
const size_t mx_n_tables = ARRAY_LEN(mx_tables);
