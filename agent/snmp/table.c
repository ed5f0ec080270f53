/*
 * table: see table.h.
 *
 * GETNEXT narrows down arc by arc: the table, the column, the row. Where the OID
 * lies between two arcs, the next one is entered at its beginning. All searches
 * are binary; only absent cells and panels without rows cost a step each.
 */
#include "config.h"

#include "table.h"

#include "core/util.h"

#include <string.h>

#define ENTRY_ARC 1

/* Where GETNEXT starts within a column: at or after an index, or at the beginning of a prefix. */
struct start {
	uint32_t index[ROW_INDEX_MAX];
	size_t n;
	bool inclusive;
};

static const struct start from_first = { .inclusive = true };

/* Sub-identifiers after the column: scalars have the instance 0. */
static size_t index_length(const struct table *table)
{
	return table->n_index ? table->n_index : 1;
}

const struct rowset *table_rows_one(const struct panel *panel)
{
	static uint64_t key;
	static const struct rowset one = { .keys = &key, .n = 1 };

	(void)panel;
	return &one;
}

/* The key of an index, or the largest one below it (false) where no key can be as large. */
static bool key_of_index(const uint32_t *index, size_t n, uint64_t *key)
{
	static const uint32_t most[] = { 0xffffff, 0xffffff, 0xffff };
	uint32_t part[ARRAY_LEN(most)] = { 0 };
	bool fits = true;

	for (size_t i = 0; i < ARRAY_LEN(most); i++) {
		if (i < n && index[i] > most[i])
			fits = false;
		if (!fits)
			part[i] = most[i];
		else if (i < n)
			part[i] = index[i];
	}
	*key = ROW_KEY(part[0], part[1], part[2]);
	return fits;
}

static void row_of_key(const struct table *table, const struct panel *panel, uint32_t index,
	uint64_t key, struct row *row)
{
	row->panel = panel;
	row->snapshot = view_snapshot(row->view, panel);
	row->index[0] = index;
	row->index[1] = ROW_KEY_A(key);
	row->index[2] = ROW_KEY_B(key);
	row->index[3] = ROW_KEY_C(key);
	if (table->locate)
		table->locate(row);
}

static bool panel_row_find(const struct table *table, const uint32_t *index, struct row *row)
{
	const struct panel *panel = view_panel(row->view, index[0], NULL);
	const struct rowset *rows;
	uint64_t key;
	uint32_t at;

	if (panel == NULL || !key_of_index(index + 1, table->n_index - 1u, &key))
		return false;
	rows = table->rows(panel);
	at = rowset_search(rows, key, true);
	if (at == rows->n || rows->keys[at] != key)
		return false;
	row_of_key(table, panel, index[0], key, row);
	return true;
}

static bool panel_row_next(const struct table *table, const struct start *start, struct row *row)
{
	const struct site *site = view_site(row->view);
	const struct panel *panel;
	size_t place = 0;
	uint32_t at = 0;
	uint64_t key;

	if (start->n > 0) {
		panel = view_panel(row->view, start->index[0], &place);
		if (panel) {
			bool fits = key_of_index(start->index + 1, start->n - 1, &key);

			at = rowset_search(table->rows(panel), key, fits && start->inclusive);
		}
	}
	for (; place < site->n_panels; place++, at = 0) {
		const struct rowset *rows;

		panel = &site->panels[place];
		rows = table->rows(panel);
		if (at < rows->n) {
			row_of_key(table, panel, panel->conf->index, rows->keys[at], row);
			return true;
		}
	}
	return false;
}

static void scalar_row(const struct table *table, struct row *row)
{
	row->index[0] = 0;
	if (table->locate)
		table->locate(row);
}

static bool row_find(const struct table *table, const uint32_t *index, struct row *row)
{
	if (table->n_index == 0) {
		scalar_row(table, row);
		return index[0] == 0;
	}
	if (table->rows)
		return panel_row_find(table, index, row);
	memcpy(row->index, index, table->n_index * sizeof(*index));
	return table->find(row->view, index, row);
}

static bool row_next(const struct table *table, const struct start *start, struct row *row)
{
	if (table->n_index == 0) {
		scalar_row(table, row);
		return start->n == 0 || (start->index[0] == 0 && start->inclusive);
	}
	if (table->rows)
		return panel_row_next(table, start, row);
	return table->next(row->view, start->index, start->n, start->inclusive, row);
}

static void cell_read(const struct row *row, const struct column *column, struct cell *cell)
{
	cell->state = CELL_ABSENT;
	cell->text = NULL;
	cell->length = 0;
	column->get(row, column, cell);
}

/* The arcs after a column's, as a place to start from. More arcs than an index has follow its row.
 */
static struct start start_at(
	const struct table *table, const uint32_t *arcs, size_t n, bool inclusive)
{
	size_t length = index_length(table);
	struct start start = {
		.n = n < length ? n : length,
		.inclusive = n < length || (n == length && inclusive),
	};

	memcpy(start.index, arcs, start.n * sizeof(*arcs));
	return start;
}

/* After a row whose cell is absent: the next row, or the next panel. */
static struct start start_after(
	const struct table *table, const struct row *row, enum cell_state state)
{
	struct start start = { .n = index_length(table), .inclusive = false };

	memcpy(start.index, row->index, sizeof(start.index));
	if (state == CELL_ABSENT_PANEL)
		memset(start.index + 1, 0xff, sizeof(start.index) - sizeof(start.index[0]));
	return start;
}

enum column_result {
	COLUMN_NO_ROW,
	COLUMN_NO_CELL,
	COLUMN_FOUND,
};

static enum column_result column_next(const struct table *table, const struct column *column,
	struct start start, struct row *row, struct cell *cell)
{
	enum column_result result = COLUMN_NO_ROW;

	while (row_next(table, &start, row)) {
		cell_read(row, column, cell);
		if (cell->state == CELL_PRESENT)
			return COLUMN_FOUND;
		start = start_after(table, row, cell->state);
		result = COLUMN_NO_CELL;
	}
	return result;
}

/* Place of the first column whose arc is arc or larger. */
static size_t column_search(const struct table *table, uint32_t arc)
{
	size_t low = 0, high = table->n_columns;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (table->columns[middle].subid < arc)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Place of the first table whose arc is arc or larger. */
static size_t table_search(uint32_t arc)
{
	size_t low = 0, high = mx_n_tables;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (mx_tables[middle]->subid < arc)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The next cell of one table; arcs are those after the table's own. */
static const struct column *table_next_within(const struct table *table, const uint32_t *arcs,
	size_t n, bool inclusive, struct row *row, struct cell *cell)
{
	struct start start = from_first;
	size_t place = 0;

	if (table->n_index > 0 && n > 0) {
		if (arcs[0] > ENTRY_ARC)
			return NULL;
		n = arcs[0] < ENTRY_ARC ? 0 : n - 1;
		arcs++;
	}
	if (n > 0) {
		place = column_search(table, arcs[0]);
		if (place < table->n_columns && table->columns[place].subid == arcs[0])
			start = start_at(table, arcs + 1, n - 1, inclusive);
	}
	for (; place < table->n_columns; place++, start = from_first) {
		const struct column *column = &table->columns[place];
		enum column_result result = column_next(table, column, start, row, cell);

		if (result == COLUMN_FOUND)
			return column;
		if (result == COLUMN_NO_ROW && start.n == 0)
			return NULL; /* no rows at all: other columns have none either */
	}
	return NULL;
}

static size_t suffix_write(const struct table *table, const struct column *column,
	const struct row *row, uint32_t *suffix)
{
	size_t n = 0;

	suffix[n++] = table->subid;
	if (table->n_index > 0)
		suffix[n++] = ENTRY_ARC;
	suffix[n++] = column->subid;
	memcpy(suffix + n, row->index, index_length(table) * sizeof(*suffix));
	return n + index_length(table);
}

const struct column *table_next(struct view *view, const uint32_t *suffix, size_t n, bool inclusive,
	uint32_t *next_suffix, size_t *next_n, struct cell *cell)
{
	size_t place = n > 0 ? table_search(suffix[0]) : 0;
	bool inside = n > 0 && place < mx_n_tables && mx_tables[place]->subid == suffix[0];

	for (; place < mx_n_tables; place++, inside = false) {
		const struct table *table = mx_tables[place];
		struct row row = { .view = view };
		const struct column *column = table_next_within(table, inside ? suffix + 1 : NULL,
			inside ? n - 1 : 0, inclusive, &row, cell);

		if (column) {
			*next_n = suffix_write(table, column, &row, next_suffix);
			return column;
		}
	}
	return NULL;
}

/* The table and column of an OID; *arcs and *n are left at the index. */
static const struct column *column_find(
	const struct table **table, const uint32_t **arcs, size_t *n)
{
	size_t place = *n > 0 ? table_search((*arcs)[0]) : mx_n_tables;
	size_t used = 1;

	if (place == mx_n_tables || mx_tables[place]->subid != (*arcs)[0])
		return NULL;
	*table = mx_tables[place];
	if ((*table)->n_index > 0 && (*n <= used || (*arcs)[used++] != ENTRY_ARC))
		return NULL;
	if (*n <= used)
		return NULL;
	place = column_search(*table, (*arcs)[used]);
	if (place == (*table)->n_columns || (*table)->columns[place].subid != (*arcs)[used])
		return NULL;
	*arcs += used + 1;
	*n -= used + 1;
	return &(*table)->columns[place];
}

const struct column *table_get(
	struct view *view, const uint32_t *suffix, size_t n, struct cell *cell, bool *known_object)
{
	const struct table *table;
	const struct column *column = column_find(&table, &suffix, &n);
	struct row row = { .view = view };

	*known_object = column != NULL;
	if (column == NULL || n != index_length(table) || !row_find(table, suffix, &row))
		return NULL;
	cell_read(&row, column, cell);
	return cell->state == CELL_PRESENT ? column : NULL;
}

const struct column *table_find(
	struct view *view, const uint32_t *suffix, size_t n, struct row *row, bool *found)
{
	const struct table *table;
	const struct column *column = column_find(&table, &suffix, &n);

	*row = (struct row){ .view = view };
	*found = column != NULL && n == index_length(table) && row_find(table, suffix, row);
	return column;
}

void table_hint(const struct view *view, const uint32_t *suffix, size_t n)
{
	size_t place = n > 3 ? table_search(suffix[0]) : mx_n_tables;

	if (place < mx_n_tables && mx_tables[place]->rows)
		view_hint(view, suffix[3]);
}
