/*
 * tables: all tables of METERX-MIB that are served. One tbl_*.c each (or two
 * that belong together); mx_tables[] of table.h lists them.
 */
#ifndef METERX_SNMP_TABLES_H
#define METERX_SNMP_TABLES_H

#include "snmp/table.h"

extern const struct table mx_agent_group;
extern const struct table mx_link_table;
extern const struct table mx_panel_table;
extern const struct table mx_mains_table;
extern const struct table mx_voltage_table;
extern const struct table mx_source_table;
extern const struct table mx_branch_table;
extern const struct table mx_circuit_table;
extern const struct table mx_threshold_table;
extern const struct table mx_alarm_table;
extern const struct table mx_active_alarm_table;
extern const struct table mx_input_table;
extern const struct table mx_event_table;

#endif
