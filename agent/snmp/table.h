/*
 * table: one data-driven engine for every table and scalar of a MIB.
 *
 * Pure lookup over a view (site + pinned snapshots): no Net-SNMP session, no
 * I/O. SNMP thread only. A table file holds typed column descriptors and
 * nothing clever; the engine answers GET and GETNEXT in true lexical order for
 * every varbind of a request, skipping absent cells.
 */
#ifndef METERX_SNMP_TABLE_H
#define METERX_SNMP_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snmp/view.h"
#include "store/site.h"

#define ROW_INDEX_MAX  4
#define OID_SUFFIX_MAX (2 + 1 + ROW_INDEX_MAX)

struct row {
	struct view *view;
	uint32_t index[ROW_INDEX_MAX]; /* as in the OID */
	/* set as far as the table has them: */
	const struct panel *panel;
	const struct snapshot *snapshot; /* pinned until the end of the request */
	const struct site_link *link;
	enum scope scope; /* where the stock getters look */
	unsigned channel;
	const void *item; /* for tables with getters of their own */
};

enum cell_state {
	CELL_PRESENT,
	CELL_ABSENT,	   /* noSuchInstance in this row */
	CELL_ABSENT_PANEL, /* and in all rows of this panel: the engine skips them */
};

struct cell {
	enum cell_state state;
	int64_t num;
	const char *text; /* octet strings and BITS; may point into buffer */
	size_t length;
	char buffer[256];
};

/* What a manager wants a cell to be. */
struct wanted {
	uint8_t asn;
	int64_t num;
	const char *text; /* with a null byte behind its length */
	size_t length;
};

enum change_kind {
	CHANGE_METER,  /* op, for the panel of the row */
	CHANGE_NAME,   /* name */
	CHANGE_PANELS, /* op, for every panel that allows it and answers */
};

/* What setting a cell comes to. */
struct change {
	enum change_kind kind;
	unsigned group; /* enum write_group that the panel has to allow; 0: needs no leave */
	struct job_op op;
	uint16_t reg, words;		    /* JOB_SETTING: where it goes */
	const struct profile_command *then; /* after op, a JOB_COMMAND; NULL: no more */
	struct name_change name; /* its texts are those of wanted and of the configuration */
};

struct column {
	const char *name; /* "mxBranchCurrent" */
	uint8_t subid;	  /* last arc, as in the MIB */
	uint8_t asn;   /* ASN_INTEGER, ASN_GAUGE, ASN_COUNTER, ASN_COUNTER64, ASN_OCTET_STR, ... */
	void (*get)(const struct row *row, const struct column *column, struct cell *cell);
	/*
	 * MAX-ACCESS read-write, else NULL. The value is of the column's type; fills
	 * change, which is empty. 0, or why not: SNMP_ERR_WRONGVALUE, _WRONGLENGTH,
	 * _NOTWRITABLE (also for what the meter does not have).
	 */
	int (*set)(const struct row *row, const struct column *column, const struct wanted *wanted,
		struct change *change);
	enum quantity quantity; /* for the stock getters and setters */
	intptr_t arg;		/* whatever else the getter wants */
	enum write_group group; /* for the stock setters */
};

/*
 * A table says where its rows are in one of three ways:
 *
 *  rows set     rows of panels: the index is the panel's, then n_index - 1
 *               sub-identifiers as in the keys of the rowset. The engine finds
 *               and steps; row.panel and row.snapshot are set. locate, when
 *               given, sets scope, channel or item from row.index.
 *  find, next   anything else.
 *  n_index 0    a group of scalars: the one row has only its view, unless
 *               locate says more.
 */
struct table {
	const char *name; /* "mxBranchTable" */
	uint8_t subid;	  /* arc below mxObjects */
	uint8_t n_index;  /* sub-identifiers of the index; 0: a group of scalars (instance .0) */
	const struct column *columns; /* by subid */
	size_t n_columns;
	const struct rowset *(*rows)(const struct panel *panel);
	void (*locate)(struct row *row);
	/* The row of this index (true; all of row but view and index is to be set), or none. */
	bool (*find)(struct view *view, const uint32_t *index, struct row *row);
	/*
	 * First row whose index follows the given one in lexical order, or equals it
	 * when inclusive. n < n_index: a prefix, which sorts before all rows that
	 * begin with it; n > n_index never happens. Sets row->index too. False: no
	 * further row.
	 */
	bool (*next)(struct view *view, const uint32_t *index, size_t n, bool inclusive,
		struct row *row);
};

/* For table.rows: one row a panel, index panel alone. */
const struct rowset *table_rows_one(const struct panel *panel);

/* All tables below mxObjects, by subid. */
extern const struct table *const mx_tables[];
extern const size_t mx_n_tables;

/*
 * GET. suffix: sub-identifiers after mxObjects (table.entry(1).column.index..., or
 * group.scalar.0). Returns the column and fills cell, or NULL: noSuchInstance
 * when *known_object, else noSuchObject.
 */
const struct column *table_get(
	struct view *view, const uint32_t *suffix, size_t n, struct cell *cell, bool *known_object);

/*
 * The column and row of an instance, whether or not it has a value. The column
 * is NULL for an OID that is below no column; *found: the row is there.
 */
const struct column *table_find(
	struct view *view, const uint32_t *suffix, size_t n, struct row *row, bool *found);

/* This will be asked for in the same request: have its memory ready. */
void table_hint(const struct view *view, const uint32_t *suffix, size_t n);

/*
 * GETNEXT. First present cell whose OID follows suffix (or equals it when
 * inclusive). On success fills next_suffix (OID_SUFFIX_MAX) and *next_n and
 * returns the column; NULL at the end of mxObjects.
 */
const struct column *table_next(struct view *view, const uint32_t *suffix, size_t n, bool inclusive,
	uint32_t *next_suffix, size_t *next_n, struct cell *cell);

#endif
