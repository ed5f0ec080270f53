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

#include "store/site.h"

#define ROW_INDEX_MAX 4
#define OID_SUFFIX_MAX (2 + 1 + ROW_INDEX_MAX)

/* SNMP thread's window on the agent's data during one request. */
struct view;

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
	CELL_ABSENT,       /* noSuchInstance in this row */
	CELL_ABSENT_PANEL, /* and in all rows of this panel: the engine skips them */
};

struct cell {
	enum cell_state state;
	int64_t num;
	const char *text; /* octet strings and BITS; may point into buffer */
	size_t length;
	char buffer[256];
};

struct column {
	uint8_t subid; /* last arc, as in the MIB */
	uint8_t asn;   /* ASN_INTEGER, ASN_GAUGE, ASN_COUNTER, ASN_COUNTER64, ASN_OCTET_STR, ... */
	bool writable; /* MAX-ACCESS read-write */
	void (*get)(const struct row *row, const struct column *column, struct cell *cell);
	enum quantity quantity; /* for the stock getters */
	intptr_t arg;           /* whatever else the getter wants */
};

struct table {
	const char *name; /* "mxBranchTable" */
	uint8_t subid;    /* arc below mxObjects */
	uint8_t n_index;  /* sub-identifiers of the index; 0: a group of scalars (instance .0) */
	const struct column *columns; /* by subid */
	size_t n_columns;
	/*
	 * Fill row with the row of this index (true), or none (false).
	 */
	bool (*find)(struct view *view, const uint32_t *index, struct row *row);
	/*
	 * First row whose index follows the given one in lexical order, or equals it
	 * when inclusive. n < n_index: a prefix, which sorts before all rows that
	 * begin with it; n > n_index never happens. False: no further row.
	 */
	bool (*next)(struct view *view, const uint32_t *index, size_t n, bool inclusive,
		struct row *row);
};

/* All tables below mxObjects, by subid. */
extern const struct table *const mx_tables[];
extern const size_t mx_n_tables;

struct view *view_new(void);
void view_free(struct view *view);
/* Change the site (takes over the reference). Between requests only. */
void view_set_site(struct view *view, struct site *site);
const struct site *view_site(const struct view *view);
/* Begin and end of a request: freezes now, drops the pinned snapshots at the end. */
void view_begin(struct view *view, int64_t now_ms, int64_t now_wall_ms);
void view_end(struct view *view);
int64_t view_now_ms(const struct view *view);
int64_t view_now_wall_ms(const struct view *view);
/* The panel's snapshot, pinned at first use in this request. */
const struct snapshot *view_snapshot(struct view *view, const struct panel *panel);

/*
 * GET. suffix: sub-identifiers after mxObjects (table.entry(1).column.index..., or
 * group.scalar.0). Returns the column and fills cell, or NULL: noSuchInstance
 * when *known_object, else noSuchObject.
 */
const struct column *table_get(struct view *view, const uint32_t *suffix, size_t n,
	struct cell *cell, bool *known_object);

/*
 * GETNEXT. First present cell whose OID follows suffix (or equals it when
 * inclusive). On success fills next_suffix (OID_SUFFIX_MAX) and *next_n and
 * returns the column; NULL at the end of mxObjects.
 */
const struct column *table_next(struct view *view, const uint32_t *suffix, size_t n,
	bool inclusive, uint32_t *next_suffix, size_t *next_n, struct cell *cell);

#endif
