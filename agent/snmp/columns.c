/* columns: see columns.h. */
#include "config.h"

#include "snmp/columns.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/util.h"
#include "store/channel.h"

#define TEXT_MAX 255 /* SnmpAdminString */

void cell_set_number(struct cell *cell, const struct column *column, int64_t number)
{
	static const struct {
		uint8_t asn;
		int64_t min, max;
	} types[] = {
		{ ASN_GAUGE, 0, UINT32_MAX }, /* also Unsigned32 */
		{ ASN_INTEGER, INT32_MIN, INT32_MAX },
		{ ASN_COUNTER64, 0, INT64_MAX },
		{ ASN_COUNTER, 0, UINT32_MAX },
	};

	if (column->asn == ASN_COUNTER)
		number &= UINT32_MAX;
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		if (types[i].asn != column->asn)
			continue;
		if (number < types[i].min || number > types[i].max)
			return;
		cell->num = number;
		cell->state = CELL_PRESENT;
	}
}

void cell_set_truth(struct cell *cell, bool truth)
{
	cell->num = truth ? 1 : 2;
	cell->state = CELL_PRESENT;
}

/* Without the beginning of a UTF-8 character whose rest was cut off. */
static size_t whole_characters(const char *text, size_t length)
{
	size_t start = length, need;

	while (start > 0 && (text[start - 1] & 0xc0) == 0x80)
		start--;
	if (start == 0)
		return length;
	start--;
	need = (text[start] & 0xe0) == 0xc0   ? 2
	       : (text[start] & 0xf0) == 0xe0 ? 3
	       : (text[start] & 0xf8) == 0xf0 ? 4
					      : 1;
	return length - start < need ? start : length;
}

void cell_set_text(struct cell *cell, const char *text)
{
	size_t length = strnlen(text, TEXT_MAX);

	cell->text = text;
	cell->length = whole_characters(text, length);
	cell->state = CELL_PRESENT;
}

/* Bit 0 of a BITS is the highest of the first octet. */
void cell_set_bits(struct cell *cell, uint8_t bits)
{
	uint8_t octet = 0;

	for (int bit = 0; bit < 8; bit++)
		if (bits >> bit & 1)
			octet |= (uint8_t)(0x80 >> bit);
	cell->buffer[0] = (char)octet;
	cell->text = cell->buffer;
	cell->length = 1;
	cell->state = CELL_PRESENT;
}

void cell_set_time(struct cell *cell, int64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm;

	if (wall_ms <= 0 || gmtime_r(&seconds, &tm) == NULL || tm.tm_year + 1900 > UINT16_MAX)
		return;
	const uint8_t octets[] = {
		(uint8_t)((tm.tm_year + 1900) >> 8),
		(uint8_t)(tm.tm_year + 1900),
		(uint8_t)(tm.tm_mon + 1),
		(uint8_t)tm.tm_mday,
		(uint8_t)tm.tm_hour,
		(uint8_t)tm.tm_min,
		(uint8_t)tm.tm_sec,
		(uint8_t)(wall_ms % 1000 / 100),
		'+',
		0,
		0,
	};

	memcpy(cell->buffer, octets, sizeof(octets));
	cell->text = cell->buffer;
	cell->length = sizeof(octets);
	cell->state = CELL_PRESENT;
}

struct reading row_read(const struct row *row, enum quantity quantity)
{
	return snapshot_get(
		row->snapshot, row->scope, quantity, row->channel, view_now_ms(row->view));
}

static struct channel channel_of(const struct row *row)
{
	return (struct channel){
		.site = view_site(row->view),
		.panel = row->panel->conf,
		.snapshot = row->snapshot,
		.scope = row->scope,
		.channel = row->channel,
		.now_ms = view_now_ms(row->view),
	};
}

static bool row_rating(const struct row *row, int64_t *milliamps)
{
	struct channel channel = channel_of(row);

	return channel_rating(&channel, milliamps);
}

static bool row_has_alarms(const struct row *row)
{
	struct channel channel = channel_of(row);

	return channel_has_alarms(&channel);
}

bool row_limit(const struct row *row, enum level level, int64_t *limit)
{
	struct channel channel = channel_of(row);

	return channel_limit(&channel, level, limit);
}

const char *row_label(const struct row *row, char *buffer, size_t size)
{
	struct channel channel = channel_of(row);

	return channel_label(&channel, buffer, size);
}

bool row_load(const struct row *row, int64_t *permille)
{
	struct reading current = row_read(row, Q_CURRENT);
	int64_t rating;

	if (current.quality != QUALITY_GOOD || !row_rating(row, &rating) || rating <= 0)
		return false;
	*permille = channel_scale(current.num, 1000, rating);
	return true;
}

bool panel_answers(const struct row *row)
{
	enum comm_state comm = snapshot_comm(row->snapshot, view_now_ms(row->view));

	return comm == COMM_ONLINE || comm == COMM_DEGRADED;
}

enum worst_state panel_worst_state(const struct snapshot *snapshot, int64_t now_ms)
{
	enum comm_state comm = snapshot_comm(snapshot, now_ms);

	if (comm != COMM_ONLINE && comm != COMM_DEGRADED)
		return STATE_UNKNOWN;
	return snapshot->layout->alarms.n > 0 ? snapshot->alarms->worst : STATE_OK;
}

enum worst_state worse_state(enum worst_state a, enum worst_state b)
{
	static const uint8_t rank[] = {
		[STATE_OK] = 0,
		[STATE_WARNING] = 1,
		[STATE_UNKNOWN] = 2,
		[STATE_CRITICAL] = 3,
	};

	return rank[a] > rank[b] ? a : b;
}

bool row_state(const struct row *row, enum worst_state *state)
{
	if (!row_has_alarms(row))
		return false;
	*state = panel_answers(row)
			 ? alarm_channel_bits(row->snapshot->alarms, row->scope, row->channel).state
			 : STATE_UNKNOWN;
	return true;
}

bool row_alarm_bits(const struct row *row, struct alarm_bits *bits)
{
	if (!row->snapshot->alarms->known || !row_has_alarms(row))
		return false;
	*bits = alarm_channel_bits(row->snapshot->alarms, row->scope, row->channel);
	return true;
}

bool row_phases_by_user(const struct row *row)
{
	const struct layout *layout = row->snapshot->layout;
	struct reading user =
		snapshot_get(row->snapshot, SCOPE_PANEL, Q_USER_PHASES, 1, view_now_ms(row->view));

	if (!layout_has(layout, row->scope, Q_PHASE))
		return false;
	if (!layout_has(layout, SCOPE_PANEL, Q_USER_PHASES))
		return true;
	return user.quality == QUALITY_GOOD && (user.num & 1) != 0;
}

/*
 * What a scope lacks is absent in all rows of a panel where they have one scope,
 * as in mxBranchTable and mxMainsTable; the engine then passes the panel over.
 */
static enum cell_state absence_of_scope(const struct row *row)
{
	return row->scope == SCOPE_BRANCH || row->scope == SCOPE_MAINS ? CELL_ABSENT_PANEL
								       : CELL_ABSENT;
}

static enum cell_state absence(const struct row *row, enum quantity quantity)
{
	const struct layout_slot *slot = &row->snapshot->layout->slots[row->scope][quantity];

	if (slot->offset < 0)
		return absence_of_scope(row);
	if (slot->measurement && !snapshot_fresh(row->snapshot, view_now_ms(row->view)))
		return CELL_ABSENT_PANEL;
	return CELL_ABSENT;
}

static enum cell_state absence_of_alarms(const struct row *row)
{
	const struct rowset *alarms = &row->panel->layout->alarms;
	uint32_t at = rowset_search(alarms, ROW_KEY(row->scope, 0, 0), true);

	return at < alarms->n && ROW_KEY_A(alarms->keys[at]) == row->scope ? CELL_ABSENT
									   : absence_of_scope(row);
}

uint64_t row_write_key(const struct row *row)
{
	return row->scope == SCOPE_THRESHOLD
		       ? ROW_KEY(row->index[1], row->index[2], row->index[3])
		       : BOARD_PANEL;
}

GETTER(col_reading)
{
	struct reading reading = row_read(row, column->quantity);

	if (reading.quality == QUALITY_GOOD)
		cell_set_number(cell, column, reading.num);
	else
		cell->state = absence(row, column->quantity);
}

/* No time without the energy that it is about. */
GETTER(col_discontinuity)
{
	struct reading since = row_read(row, Q_ENERGY_DISCONTINUITY);

	(void)column;
	if (since.quality == QUALITY_GOOD && row_read(row, Q_ENERGY).quality == QUALITY_GOOD)
		cell_set_time(cell, since.num);
	else
		cell->state = absence(row, Q_ENERGY);
}

GETTER(col_command)
{
	(void)row;
	cell_set_number(cell, column, 1);
}

const struct board_entry *row_write(const struct row *row)
{
	return board_find(view_board(row->view), row->panel->conf->index, row_write_key(row));
}

GETTER(col_write_status)
{
	const struct board_entry *entry = row_write(row);

	cell_set_number(cell, column, entry ? entry->status : WRITE_IDLE);
}

GETTER(col_write_reason)
{
	const struct board_entry *entry = row_write(row);

	(void)column;
	cell_set_text(cell, entry ? entry->reason : "");
}

GETTER(col_label)
{
	(void)column;
	cell_set_text(cell, row_label(row, cell->buffer, sizeof(cell->buffer)));
}

GETTER(col_rating)
{
	int64_t rating;

	if (row_rating(row, &rating))
		cell_set_number(cell, column, rating);
}

GETTER(col_load)
{
	int64_t load;

	if (row_load(row, &load))
		cell_set_number(cell, column, load);
	else
		cell->state = absence(row, Q_CURRENT);
}

GETTER(col_limit)
{
	enum level level = (enum level)column->arg;
	int64_t limit;

	if (row_limit(row, level, &limit))
		cell_set_number(cell, column, limit);
	else if (profile_alarm_find(row->panel->layout->profile, row->scope, level) == NULL)
		cell->state = absence_of_scope(row);
}

GETTER(col_state)
{
	enum worst_state state;

	if (row_state(row, &state))
		cell_set_number(cell, column, state);
	else
		cell->state = absence_of_alarms(row);
}

GETTER(col_active)
{
	struct alarm_bits bits;

	(void)column;
	if (row_alarm_bits(row, &bits))
		cell_set_bits(cell, bits.active);
	else
		cell->state = absence_of_alarms(row);
}

GETTER(col_latched)
{
	struct alarm_bits bits;

	(void)column;
	if (row_alarm_bits(row, &bits))
		cell_set_bits(cell, bits.latched);
	else
		cell->state = absence_of_alarms(row);
}
