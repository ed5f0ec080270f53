/*
 * columns: the getters that the tables share, and how a value becomes a cell.
 *
 * SNMP thread only. What a value looks like on the wire is decided here and
 * nowhere else: a number that the column's type cannot hold is absent, never
 * wrapped or cut off (but Counter32, which wraps by definition); text is cut to
 * 255 bytes between two characters; times are UTC.
 */
#ifndef METERX_SNMP_COLUMNS_H
#define METERX_SNMP_COLUMNS_H

#include <net-snmp/net-snmp-config.h>

#include <net-snmp/types.h>

#include <net-snmp/library/asn1.h>

#include "alarm/alarm.h"
#include "snmp/board.h"
#include "snmp/table.h"
#include "store/store.h"

/* COLUMN(8, ASN_GAUGE, "mxBranchCurrent", col_reading, .quantity = Q_CURRENT) */
#define COLUMN(arc, type, text, getter, ...)                                                       \
	{                                                                                          \
		.subid = (arc), .asn = (type), .name = (text), .get = (getter), ##__VA_ARGS__      \
	}

void cell_set_number(struct cell *cell, const struct column *column, int64_t number);
/* TruthValue */
void cell_set_truth(struct cell *cell, bool truth);
/* Keeps the pointer, which has to stay valid until the end of the request. */
void cell_set_text(struct cell *cell, const char *text);
/* BITS: bit n of the MIB is 1 << n. */
void cell_set_bits(struct cell *cell, uint8_t bits);
/* DateAndTime; 0 is absent. */
void cell_set_time(struct cell *cell, int64_t wall_ms);

/* What a row's scope and channel say; false: absent. Numbers are in the unit of the MIB. */
struct reading row_read(const struct row *row, enum quantity quantity);
bool row_load(const struct row *row, int64_t *permille);
bool row_limit(const struct row *row, enum level level, int64_t *limit);
bool row_state(const struct row *row, enum worst_state *state);
bool row_alarm_bits(const struct row *row, struct alarm_bits *bits);
/* Whether Q_PHASE, the user's assignment, is in force; without a switch for it it always is. */
bool row_phases_by_user(const struct row *row);
/* What a channel is called, "" when it has no name; may point into buffer. */
const char *row_label(const struct row *row, char *buffer, size_t size);

/* What became of the last write to the row: to its threshold, else to its panel. NULL: none. */
uint64_t row_write_key(const struct row *row); /* as in board.h */
const struct board_entry *row_write(const struct row *row);

bool panel_answers(const struct row *row);
enum worst_state panel_worst_state(const struct snapshot *snapshot, int64_t now_ms);
/* The worse of two states: critical, unknown, warning, ok. */
enum worst_state worse_state(enum worst_state a, enum worst_state b);

/* A getter of a column, as struct column wants it. */
#define GETTER(name)                                                                               \
	void name(const struct row *row, const struct column *column, struct cell *cell)

GETTER(col_reading); /* of .quantity */
GETTER(col_discontinuity);
GETTER(col_command); /* reads none(1) */
GETTER(col_write_status);
GETTER(col_write_reason);
GETTER(col_label);
GETTER(col_rating);
GETTER(col_load);
GETTER(col_limit); /* of the level in .arg */
GETTER(col_state);
GETTER(col_active);
GETTER(col_latched);

#endif
