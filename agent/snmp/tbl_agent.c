/* mxAgent: scalars about the agent as a whole. */
#include "config.h"

#include "snmp/tables.h"

#include "alarm/journal.h"
#include "core/util.h"
#include "snmp/columns.h"
#include "snmp/setters.h"
#include "snmp/summary.h"

static GETTER(agent_version)
{
	(void)row, (void)column;
	cell_set_text(cell, PACKAGE_VERSION);
}

static GETTER(agent_started)
{
	(void)column;
	cell_set_time(cell, view_site(row->view)->start_wall_ms);
}

static GETTER(agent_reloaded)
{
	(void)column;
	cell_set_time(cell, view_site(row->view)->config->loaded_wall_ms);
}

static GETTER(agent_panels)
{
	cell_set_number(cell, column, (int64_t)view_site(row->view)->n_panels);
}

static void agent_panels_online(
	const struct row *row, const struct column *column, struct cell *cell)
{
	cell_set_number(cell, column, summary_get(row->view)->panels_online);
}

static void agent_active_alarms(
	const struct row *row, const struct column *column, struct cell *cell)
{
	cell_set_number(cell, column, summary_get(row->view)->n_active);
}

static void agent_latched_alarms(
	const struct row *row, const struct column *column, struct cell *cell)
{
	cell_set_number(cell, column, summary_get(row->view)->n_latched);
}

static GETTER(agent_worst_state)
{
	cell_set_number(cell, column, summary_get(row->view)->worst);
}

static SETTER(set_agent_command)
{
	static const struct command_choice choices[] = {
		{ 2, JOB_CLEAR_LATCHES, NULL, NULL, WRITES_LATCHES },
		{ 3, JOB_POLL_NOW, NULL, NULL, 0 },
	};

	(void)row, (void)column;
	for (size_t i = 0; i < ARRAY_LEN(choices); i++) {
		if (choices[i].value != wanted->num)
			continue;
		change->kind = CHANGE_PANELS;
		change->group = choices[i].group;
		change->op.kind = choices[i].kind;
		return SNMP_ERR_NOERROR;
	}
	return SNMP_ERR_WRONGVALUE;
}

/* arg: offset of a 64-bit number in struct journal_stats */
static GETTER(agent_events)
{
	const char *stats = (const char *)view_journal_stats(row->view);

	cell_set_number(cell, column, (int64_t) * (const uint64_t *)(stats + column->arg));
}

/* Values of mxAgentEventStorage in the MIB. */
enum event_storage {
	STORAGE_OK = 1,
	STORAGE_DEGRADED,
	STORAGE_NONE,
};

static GETTER(agent_event_storage)
{
	const struct journal_stats *stats = view_journal_stats(row->view);

	cell_set_number(cell, column,
		!stats->lasts	  ? STORAGE_NONE
		: stats->degraded ? STORAGE_DEGRADED
				  : STORAGE_OK);
}

#define EVENTS(number, type, text, field)                                                          \
	COLUMN(number, type, text, agent_events, .arg = offsetof(struct journal_stats, field))

static const struct column columns[] = {
	COLUMN(1, ASN_OCTET_STR, "mxAgentVersion", agent_version),
	COLUMN(2, ASN_OCTET_STR, "mxAgentStarted", agent_started),
	COLUMN(3, ASN_OCTET_STR, "mxAgentReloaded", agent_reloaded),
	COLUMN(4, ASN_GAUGE, "mxAgentPanels", agent_panels),
	COLUMN(5, ASN_GAUGE, "mxAgentPanelsOnline", agent_panels_online),
	COLUMN(6, ASN_GAUGE, "mxAgentActiveAlarms", agent_active_alarms),
	COLUMN(7, ASN_GAUGE, "mxAgentLatchedAlarms", agent_latched_alarms),
	COLUMN(8, ASN_INTEGER, "mxAgentWorstState", agent_worst_state),
	EVENTS(9, ASN_UNSIGNED, "mxAgentLastEvent", last),
	COLUMN(10, ASN_INTEGER, "mxAgentCommand", col_command, .set = set_agent_command),
	EVENTS(11, ASN_GAUGE, "mxAgentEventsKept", kept),
	EVENTS(12, ASN_GAUGE, "mxAgentEventsUndelivered", undelivered),
	EVENTS(13, ASN_COUNTER, "mxAgentEventsDropped", dropped),
	EVENTS(14, ASN_COUNTER, "mxAgentEventsUnstored", unstored),
	COLUMN(15, ASN_INTEGER, "mxAgentEventStorage", agent_event_storage),
};

const struct table mx_agent_group = {
	.name = "mxAgent",
	.subid = 1,
	.columns = columns,
	.n_columns = ARRAY_LEN(columns),
};
