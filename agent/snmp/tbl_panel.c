/* mxPanelTable: identity, communication, settings and alarm counts of each panel. */
#include "config.h"

#include "snmp/tables.h"

#include <inttypes.h>
#include <stdio.h>

#include "core/util.h"
#include "snmp/columns.h"
#include "snmp/setters.h"

static void locate(struct row *row)
{
	row->scope = SCOPE_PANEL;
	row->channel = 1;
}

static GETTER(panel_name)
{
	(void)column;
	cell_set_text(cell, row->panel->conf->name);
}

/* The configured text, else the meter's. */
static GETTER(panel_location)
{
	const struct identity *identity = row->snapshot->identity;
	const char *location = site_location(view_site(row->view), row->panel->conf);

	(void)column;
	if (location[0] == '\0' && identity)
		location = identity->location;
	cell_set_text(cell, location);
}

static GETTER(panel_profile)
{
	(void)column;
	cell_set_text(cell, row->panel->layout->profile->name);
}

static GETTER(panel_model)
{
	const struct profile *profile = row->panel->layout->profile;
	const struct identity *identity = row->snapshot->identity;

	(void)column;
	if (identity && identity->model >= 0 && (unsigned)identity->model < profile->n_models)
		cell_set_text(cell, profile->models[identity->model].name);
}

static GETTER(panel_serial)
{
	const struct identity *identity = row->snapshot->identity;

	(void)column;
	if (identity == NULL || identity->serial < 0)
		return;
	snprintf(cell->buffer, sizeof(cell->buffer), "%" PRId64, identity->serial);
	cell_set_text(cell, cell->buffer);
}

static GETTER(panel_firmware)
{
	const struct identity *identity = row->snapshot->identity;

	(void)column;
	if (identity && identity->firmware[0] != '\0')
		cell_set_text(cell, identity->firmware);
}

static GETTER(panel_link)
{
	cell_set_number(cell, column, row->panel->conf->link->index);
}

static GETTER(panel_unit)
{
	cell_set_number(cell, column, row->panel->conf->unit);
}

static GETTER(panel_branches)
{
	cell_set_number(cell, column, row->panel->layout->branches.n);
}

static GETTER(panel_state)
{
	cell_set_number(cell, column, snapshot_comm(row->snapshot, view_now_ms(row->view)));
}

static void panel_last_contact(
	const struct row *row, const struct column *column, struct cell *cell)
{
	(void)column;
	cell_set_time(cell, row->snapshot->contact_wall_ms);
}

static GETTER(panel_data_age)
{
	int64_t read_ms = row->snapshot->class_ms[POLL_FAST];
	int64_t age = view_now_ms(row->view) - read_ms;

	if (read_ms == 0)
		return;
	if (age < 0) /* read after this request began */
		age = 0;
	cell_set_number(cell, column, age < UINT32_MAX ? age : UINT32_MAX);
}

static void panel_poll_interval(
	const struct row *row, const struct column *column, struct cell *cell)
{
	if (row->snapshot->poll_interval_ms > 0)
		cell_set_number(cell, column, row->snapshot->poll_interval_ms);
}

static GETTER(panel_poll_time)
{
	if (row->snapshot->class_ms[POLL_FAST] > 0)
		cell_set_number(cell, column, row->snapshot->poll_time_ms);
}

static void panel_missed_polls(
	const struct row *row, const struct column *column, struct cell *cell)
{
	cell_set_number(cell, column, row->snapshot->missed);
}

static GETTER(panel_worst)
{
	cell_set_number(cell, column, panel_worst_state(row->snapshot, view_now_ms(row->view)));
}

static void panel_active_alarms(
	const struct row *row, const struct column *column, struct cell *cell)
{
	if (row->snapshot->alarms->known)
		cell_set_number(cell, column, row->snapshot->alarms->n_active);
}

static void panel_latched_alarms(
	const struct row *row, const struct column *column, struct cell *cell)
{
	if (row->snapshot->alarms->known)
		cell_set_number(cell, column, row->snapshot->alarms->n_latched);
}

static void panel_ct_layout_name(
	const struct row *row, const struct column *column, struct cell *cell)
{
	const struct profile *profile = row->panel->layout->profile;
	struct reading value = row_read(row, Q_CT_LAYOUT);

	(void)column;
	for (unsigned i = 0; i < profile->n_ct_layouts; i++)
		if (value.quality == QUALITY_GOOD && profile->ct_layouts[i].value == value.num)
			cell_set_text(cell, profile->ct_layouts[i].name);
}

static GETTER(panel_health)
{
	const struct profile *profile = row->panel->layout->profile;
	struct reading health = row_read(row, Q_HEALTH);

	(void)column;
	if (profile->n_health > 0 && health.quality == QUALITY_GOOD)
		cell_set_bits(cell, profile_health_bits(profile, health.num));
}

static GETTER(panel_write_time)
{
	const struct board_entry *entry = row_write(row);

	(void)column;
	if (entry)
		cell_set_time(cell, entry->wall_ms);
}

static SETTER(set_location)
{
	(void)column;
	return set_name(row, NAME_LOCATION, row->panel->conf->location, wanted, change);
}

/* Where the profile names the arrangements, there are no others. */
static SETTER(set_ct_layout)
{
	const struct profile *profile = row->panel->layout->profile;
	bool named = profile->n_ct_layouts == 0;

	for (unsigned i = 0; i < profile->n_ct_layouts; i++)
		named = named || profile->ct_layouts[i].value == wanted->num;
	return named ? set_setting(row, column, wanted, change) : SNMP_ERR_WRONGVALUE;
}

static SETTER(set_command)
{
	static const struct command_choice choices[] = {
		{ 2, JOB_CLEAR_LATCHES, NULL, NULL, WRITES_LATCHES },
		{ 3, JOB_COMMAND, "reset-energy", NULL, WRITES_RESETS },
		{ 4, JOB_COMMAND, "reset-maxima", NULL, WRITES_RESETS },
		{ 5, JOB_COMMAND, "reset-demand", "reset-max-demand", WRITES_RESETS },
		{ 6, JOB_COMMAND, "start-demand-interval", NULL, WRITES_RESETS },
		{ 7, JOB_POLL_NOW, NULL, NULL, 0 },
		{ 0, 0, NULL, NULL, 0 },
	};

	(void)column;
	return set_choice(row, choices, wanted, change);
}

#define READING(arc, type, text, what, ...)                                                        \
	COLUMN(arc, type, text, col_reading, .quantity = what, ##__VA_ARGS__)

static const struct column columns[] = {
	COLUMN(2, ASN_OCTET_STR, "mxPanelName", panel_name),
	COLUMN(3, ASN_OCTET_STR, "mxPanelLocation", panel_location, .set = set_location),
	COLUMN(4, ASN_OCTET_STR, "mxPanelProfile", panel_profile),
	COLUMN(5, ASN_OCTET_STR, "mxPanelModel", panel_model),
	COLUMN(6, ASN_OCTET_STR, "mxPanelSerial", panel_serial),
	COLUMN(7, ASN_OCTET_STR, "mxPanelFirmware", panel_firmware),
	COLUMN(8, ASN_UNSIGNED, "mxPanelLink", panel_link),
	COLUMN(9, ASN_UNSIGNED, "mxPanelUnit", panel_unit),
	COLUMN(10, ASN_UNSIGNED, "mxPanelBranches", panel_branches),
	COLUMN(11, ASN_INTEGER, "mxPanelState", panel_state),
	COLUMN(12, ASN_OCTET_STR, "mxPanelLastContact", panel_last_contact),
	COLUMN(13, ASN_GAUGE, "mxPanelDataAge", panel_data_age),
	COLUMN(14, ASN_GAUGE, "mxPanelPollInterval", panel_poll_interval),
	COLUMN(15, ASN_GAUGE, "mxPanelPollTime", panel_poll_time),
	COLUMN(16, ASN_GAUGE, "mxPanelMissedPolls", panel_missed_polls),
	COLUMN(17, ASN_INTEGER, "mxPanelWorstState", panel_worst),
	COLUMN(18, ASN_GAUGE, "mxPanelActiveAlarms", panel_active_alarms),
	COLUMN(19, ASN_GAUGE, "mxPanelLatchedAlarms", panel_latched_alarms),
	READING(20, ASN_UNSIGNED, "mxPanelDemandInterval", Q_DEMAND_INTERVAL, .set = set_setting,
		.group = WRITES_LAYOUT),
	READING(21, ASN_UNSIGNED, "mxPanelDemandSubintervals", Q_DEMAND_SUBINTERVALS),
	READING(22, ASN_UNSIGNED, "mxPanelCtLayout", Q_CT_LAYOUT, .set = set_ct_layout,
		.group = WRITES_LAYOUT),
	COLUMN(23, ASN_OCTET_STR, "mxPanelCtLayoutName", panel_ct_layout_name),
	READING(24, ASN_UNSIGNED, "mxPanelArmingDelay", Q_ON_DELAY),
	READING(25, ASN_GAUGE, "mxPanelChannelsActive", Q_CHANNELS_ACTIVE),
	READING(26, ASN_GAUGE, "mxPanelChannelsLatched", Q_CHANNELS_LATCHED),
	READING(27, ASN_UNSIGNED, "mxPanelLastActiveChannel", Q_LAST_ACTIVE_CHANNEL),
	READING(28, ASN_UNSIGNED, "mxPanelLastLatchedChannel", Q_LAST_LATCHED_CHANNEL),
	READING(29, ASN_UNSIGNED, "mxPanelCountHighHigh", Q_COUNT_HIGH_HIGH),
	READING(30, ASN_UNSIGNED, "mxPanelCountHigh", Q_COUNT_HIGH),
	READING(31, ASN_UNSIGNED, "mxPanelCountLow", Q_COUNT_LOW),
	READING(32, ASN_UNSIGNED, "mxPanelCountLowLow", Q_COUNT_LOW_LOW),
	READING(33, ASN_UNSIGNED, "mxPanelCountOff", Q_COUNT_OFF),
	READING(34, ASN_GAUGE, "mxPanelPowerUps", Q_POWER_UPS),
	COLUMN(35, ASN_OCTET_STR, "mxPanelHealth", panel_health),
	READING(36, ASN_UNSIGNED, "mxPanelProductId", Q_PRODUCT_ID),
	READING(37, ASN_UNSIGNED, "mxPanelDipAddress", Q_MODBUS_ADDRESS),
	READING(38, ASN_UNSIGNED, "mxPanelBaudCode", Q_BAUD_CODE),
	READING(39, ASN_UNSIGNED, "mxPanelApplication", Q_APPLICATION_STATE),
	COLUMN(40, ASN_INTEGER, "mxPanelCommand", col_command, .set = set_command),
	COLUMN(41, ASN_INTEGER, "mxPanelWriteStatus", col_write_status),
	COLUMN(42, ASN_OCTET_STR, "mxPanelWriteReason", col_write_reason),
	COLUMN(43, ASN_OCTET_STR, "mxPanelWriteTime", panel_write_time),
};

const struct table mx_panel_table = {
	.name = "mxPanelTable",
	.subid = 3,
	.n_index = 1,
	.columns = columns,
	.n_columns = ARRAY_LEN(columns),
	.rows = table_rows_one,
	.locate = locate,
};
