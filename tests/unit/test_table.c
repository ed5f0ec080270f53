/*
 * The lookup engine on artificial tables: whatever it answers is compared with
 * a sorted list of all cells. The view and the site are the test's own, so that
 * nothing but the engine is looked at.
 *
 * Tables are random; the seed is printed and may be given as TEST_SEED.
 */
#include "config.h"

#include "snmp/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "core/util.h"

#define TABLES	     6
#define COLUMNS_MAX  6
#define ROWS_MAX     40
#define PANELS_MAX   9
#define ASN_INTEGER_ 2

/* ---- the world the engine sees ------------------------------------------------------- */

struct view {
	struct site site;
	unsigned snapshots; /* times a snapshot was asked for */
};

static struct view world;
static const struct snapshot some_snapshot;

const struct site *view_site(const struct view *view)
{
	return &view->site;
}

const struct snapshot *view_snapshot(struct view *view, const struct panel *panel)
{
	(void)panel;
	view->snapshots++;
	return &some_snapshot;
}

const struct panel *view_panel(const struct view *view, uint32_t index, size_t *place)
{
	const struct site *site = &view->site;
	size_t i = 0;

	while (i < site->n_panels && site->panels[i].conf->index < index)
		i++;
	if (place)
		*place = i;
	return i < site->n_panels && site->panels[i].conf->index == index ? &site->panels[i] : NULL;
}

void view_hint(const struct view *view, uint32_t index)
{
	(void)view;
	(void)index;
}

/* How the cells of a column are present. */
enum pattern {
	PATTERN_ALL,
	PATTERN_NONE,
	PATTERN_RANDOM,
	PATTERN_HOLE_AT_START,
	PATTERN_HOLE_IN_MIDDLE,
	PATTERN_HOLE_AT_END,
	PATTERN_NOT_IN_ODD_PANELS,
	PATTERN_COUNT,
};

struct index_list {
	uint32_t index[ROWS_MAX][ROW_INDEX_MAX];
	size_t n;
};

static struct table tables[TABLES];
static struct column columns[TABLES][COLUMNS_MAX];
static struct index_list rows_of[TABLES]; /* of every table, in order */
static struct rowset rowsets[TABLES][PANELS_MAX];
static uint64_t keys[TABLES][PANELS_MAX][ROWS_MAX];
static struct panel panels[PANELS_MAX];
static struct panel_conf confs[PANELS_MAX];

const struct table *const mx_tables[] = {
	&tables[0],
	&tables[1],
	&tables[2],
	&tables[3],
	&tables[4],
	&tables[5],
};
const size_t mx_n_tables = TABLES;

static unsigned below(unsigned n)
{
	return (unsigned)rand() % n;
}

static int index_compare(const uint32_t *a, size_t a_n, const uint32_t *b, size_t b_n)
{
	for (size_t i = 0; i < a_n && i < b_n; i++) {
		if (a[i] != b[i])
			return a[i] < b[i] ? -1 : 1;
	}
	return (a_n > b_n) - (a_n < b_n);
}

static uint32_t hash(const void *data, size_t size)
{
	const uint8_t *byte = data;
	uint32_t value = 2166136261u;

	while (size-- > 0)
		value = (value ^ *byte++) * 16777619u;
	return value ^ value >> 15;
}

static enum cell_state state_of(enum pattern pattern, const uint32_t *index, size_t place, size_t n)
{
	switch (pattern) {
	case PATTERN_NONE:
		return CELL_ABSENT;
	case PATTERN_RANDOM:
		return hash(index, ROW_INDEX_MAX * sizeof(*index)) & 1 ? CELL_PRESENT : CELL_ABSENT;
	case PATTERN_HOLE_AT_START:
		return place < n / 3 ? CELL_ABSENT : CELL_PRESENT;
	case PATTERN_HOLE_IN_MIDDLE:
		return place >= n / 3 && place < 2 * n / 3 ? CELL_ABSENT : CELL_PRESENT;
	case PATTERN_HOLE_AT_END:
		return place >= 2 * n / 3 ? CELL_ABSENT : CELL_PRESENT;
	case PATTERN_NOT_IN_ODD_PANELS:
		return index[0] & 1 ? CELL_ABSENT_PANEL : CELL_PRESENT;
	default:
		return CELL_PRESENT;
	}
}

static int64_t value_of(size_t table, const struct column *column, const uint32_t *index)
{
	uint32_t id[2 + ROW_INDEX_MAX] = { (uint32_t)table, column->subid };

	memcpy(id + 2, index, ROW_INDEX_MAX * sizeof(*index));
	return hash(id, sizeof(id));
}

static size_t length_of(const struct table *table)
{
	return table->n_index ? table->n_index : 1;
}

static size_t place_of(const struct index_list *list, const uint32_t *index, size_t n)
{
	for (size_t i = 0; i < list->n; i++) {
		if (index_compare(list->index[i], n, index, n) == 0)
			return i;
	}
	return SIZE_MAX;
}

static void get(const struct row *row, const struct column *column, struct cell *cell)
{
	size_t t = (size_t)column->arg;
	uint32_t index[ROW_INDEX_MAX] = { 0 };
	size_t place;

	assert_ptr_equal(row->view, &world);
	memcpy(index, row->index, length_of(&tables[t]) * sizeof(*index));
	place = place_of(&rows_of[t], index, length_of(&tables[t]));
	assert_true(place < rows_of[t].n);
	if (tables[t].rows) {
		assert_int_equal(row->panel->conf->index, index[0]);
		assert_ptr_equal(row->snapshot, &some_snapshot);
		assert_int_equal(row->channel, index[0] + index[1] + index[2] + index[3]);
	}
	cell->state = state_of((enum pattern)column->quantity, index, place, rows_of[t].n);
	cell->num = value_of(t, column, index);
}

/* Rows of a table that keeps them itself. */
static bool list_find(
	const struct index_list *list, size_t n, const uint32_t *index, struct row *row)
{
	size_t place = place_of(list, index, n);

	row->item = list;
	return place < list->n;
}

static bool list_next(const struct index_list *list, size_t n_index, const uint32_t *index,
	size_t n, bool inclusive, struct row *row)
{
	for (size_t i = 0; i < list->n; i++) {
		int order = index_compare(list->index[i], n_index, index, n);

		if (order > 0 || (order == 0 && inclusive)) {
			memcpy(row->index, list->index[i], n_index * sizeof(*index));
			return true;
		}
	}
	return false;
}

static void locate(struct row *row)
{
	row->channel = row->index[0] + row->index[1] + row->index[2] + row->index[3];
}

#define TABLE_HOOKS(t)                                                                             \
	static bool find_##t(struct view *view, const uint32_t *index, struct row *row)            \
	{                                                                                          \
		(void)view;                                                                        \
		return list_find(&rows_of[t], tables[t].n_index, index, row);                      \
	}                                                                                          \
	static bool next_##t(struct view *view, const uint32_t *index, size_t n, bool inclusive,   \
		struct row *row)                                                                   \
	{                                                                                          \
		(void)view;                                                                        \
		assert_true(n <= tables[t].n_index);                                               \
		return list_next(&rows_of[t], tables[t].n_index, index, n, inclusive, row);        \
	}                                                                                          \
	static const struct rowset *rows_##t(const struct panel *panel)                            \
	{                                                                                          \
		return &rowsets[t][panel - panels];                                                \
	}
TABLE_HOOKS(0)
TABLE_HOOKS(1)
TABLE_HOOKS(2)
TABLE_HOOKS(3)
TABLE_HOOKS(4)
TABLE_HOOKS(5)

#define HOOKS(t)                                                                                   \
	{                                                                                          \
		find_##t, next_##t, rows_##t                                                       \
	}
static const struct {
	bool (*find)(struct view *view, const uint32_t *index, struct row *row);
	bool (*next)(struct view *view, const uint32_t *index, size_t n, bool inclusive,
		struct row *row);
	const struct rowset *(*rows)(const struct panel *panel);
} hooks[] = { HOOKS(0), HOOKS(1), HOOKS(2), HOOKS(3), HOOKS(4), HOOKS(5) };

/* ---- all cells, sorted, without the engine ------------------------------------------- */

struct entry {
	uint32_t suffix[OID_SUFFIX_MAX];
	size_t n;
	int64_t value;
};

static struct entry entries[TABLES * COLUMNS_MAX * ROWS_MAX];
static size_t n_entries;

static int entry_compare(const void *a, const void *b)
{
	const struct entry *one = a, *other = b;

	return index_compare(one->suffix, one->n, other->suffix, other->n);
}

static void entries_of_column(size_t t, const struct column *column)
{
	const struct table *table = &tables[t];
	const struct index_list *list = &rows_of[t];

	for (size_t i = 0; i < list->n; i++) {
		struct entry *entry = &entries[n_entries];
		size_t n = 0;

		if (state_of((enum pattern)column->quantity, list->index[i], i, list->n) !=
			CELL_PRESENT)
			continue;
		entry->suffix[n++] = table->subid;
		if (table->n_index)
			entry->suffix[n++] = 1;
		entry->suffix[n++] = column->subid;
		memcpy(entry->suffix + n, list->index[i], length_of(table) * sizeof(uint32_t));
		entry->n = n + length_of(table);
		entry->value = value_of(t, column, list->index[i]);
		n_entries++;
	}
}

static void entries_collect(void)
{
	n_entries = 0;
	for (size_t t = 0; t < TABLES; t++) {
		for (size_t c = 0; c < tables[t].n_columns; c++)
			entries_of_column(t, &tables[t].columns[c]);
	}
	qsort(entries, n_entries, sizeof(entries[0]), entry_compare);
}

static const struct entry *entry_next(const uint32_t *suffix, size_t n, bool inclusive)
{
	for (size_t i = 0; i < n_entries; i++) {
		int order = index_compare(entries[i].suffix, entries[i].n, suffix, n);

		if (order > 0 || (order == 0 && inclusive))
			return &entries[i];
	}
	return NULL;
}

/* ---- random tables -------------------------------------------------------------------- */

static void panels_make(void)
{
	uint32_t index = 0;

	world.site.panels = panels;
	world.site.n_panels = below(PANELS_MAX + 1);
	for (size_t i = 0; i < world.site.n_panels; i++) {
		index += 1 + below(3);
		if (i + 1 == PANELS_MAX)
			index = UINT32_MAX;
		confs[i].index = index;
		panels[i].conf = &confs[i];
	}
}

static int rows_compare(const void *a, const void *b)
{
	return index_compare(a, ROW_INDEX_MAX, b, ROW_INDEX_MAX);
}

static void rows_sort_unique(struct index_list *list)
{
	size_t kept = 0;

	qsort(list->index, list->n, sizeof(list->index[0]), rows_compare);
	for (size_t i = 0; i < list->n; i++) {
		if (kept == 0 || rows_compare(list->index[kept - 1], list->index[i]) != 0)
			memmove(list->index[kept++], list->index[i], sizeof(list->index[0]));
	}
	list->n = kept;
}

/* Sub-identifiers close together, so that neighbours happen, and at times extreme. */
static uint32_t some_arc(uint32_t most)
{
	return below(20) == 0 ? most - below(2) : below(4);
}

static void rows_make_panels(size_t t)
{
	static const uint32_t most[] = { 0, 0xffffff, 0xffffff, 0xffff };
	struct index_list *list = &rows_of[t];
	unsigned n = world.site.n_panels == 0 ? 0 : below(ROWS_MAX);

	list->n = 0;
	for (unsigned i = 0; i < n; i++) {
		uint32_t *index = list->index[list->n++];

		memset(index, 0, sizeof(list->index[0]));
		index[0] = panels[below((unsigned)world.site.n_panels)].conf->index;
		for (size_t k = 1; k < tables[t].n_index; k++)
			index[k] = some_arc(most[k]);
	}
	rows_sort_unique(list);
	memset(rowsets[t], 0, sizeof(rowsets[t]));
	for (size_t i = 0; i < list->n; i++) {
		size_t place;

		view_panel(&world, list->index[i][0], &place);
		rowsets[t][place].keys = keys[t][place];
		keys[t][place][rowsets[t][place].n++] =
			ROW_KEY(list->index[i][1], list->index[i][2], list->index[i][3]);
	}
}

static void rows_make_list(size_t t)
{
	struct index_list *list = &rows_of[t];

	list->n = tables[t].n_index == 0 ? 1 : below(ROWS_MAX);
	memset(list->index, 0, sizeof(list->index));
	for (size_t i = 0; i < list->n; i++) {
		for (size_t k = 0; k < tables[t].n_index; k++)
			list->index[i][k] = some_arc(UINT32_MAX);
	}
	rows_sort_unique(list);
}

static void table_make(size_t t, uint8_t subid)
{
	struct table *table = &tables[t];
	uint8_t column = 0;
	bool of_panels = below(2);

	*table = (struct table){
		.name = "random",
		.subid = subid,
		.n_index =
			(uint8_t)(of_panels ? 1 + below(ROW_INDEX_MAX) : below(ROW_INDEX_MAX + 1)),
		.columns = columns[t],
		.n_columns = below(COLUMNS_MAX + 1),
	};
	if (of_panels) {
		table->rows = hooks[t].rows;
		table->locate = locate;
	} else {
		table->find = hooks[t].find;
		table->next = hooks[t].next;
	}
	for (size_t c = 0; c < table->n_columns; c++) {
		column = (uint8_t)(column + 1 + below(2));
		columns[t][c] = (struct column){
			.subid = column,
			.asn = ASN_INTEGER_,
			.get = get,
			.quantity = (enum quantity)below(PATTERN_COUNT), /* the test's own use */
			.arg = (intptr_t)t,
		};
	}
	if (of_panels)
		rows_make_panels(t);
	else
		rows_make_list(t);
}

static void tables_make(void)
{
	uint8_t subid = 0;

	panels_make();
	for (size_t t = 0; t < TABLES; t++) {
		subid = (uint8_t)(subid + 1 + below(2));
		table_make(t, subid);
	}
	entries_collect();
}

/* ---- comparison ------------------------------------------------------------------------ */

static void fail_with(const char *what, const uint32_t *suffix, size_t n)
{
	print_error("%s of", what);
	for (size_t i = 0; i < n; i++)
		print_error(".%u", suffix[i]);
	print_error("\n");
	fail();
}

static void check_next(const uint32_t *suffix, size_t n, bool inclusive)
{
	const struct entry *want = entry_next(suffix, n, inclusive);
	uint32_t next[OID_SUFFIX_MAX];
	size_t next_n = 0;
	struct cell cell;
	const struct column *column =
		table_next(&world, suffix, n, inclusive, next, &next_n, &cell);

	if ((column != NULL) != (want != NULL))
		fail_with(want ? "missed successor" : "invented successor", suffix, n);
	if (want == NULL)
		return;
	if (index_compare(next, next_n, want->suffix, want->n) != 0 || cell.num != want->value)
		fail_with(inclusive ? "wrong successor (inclusive)" : "wrong successor", suffix, n);
}

static bool column_exists(const uint32_t *suffix, size_t n)
{
	for (size_t t = 0; t < TABLES; t++) {
		size_t at = tables[t].n_index ? 2 : 1;

		if (n <= at || suffix[0] != tables[t].subid || (at == 2 && suffix[1] != 1))
			continue;
		for (size_t c = 0; c < tables[t].n_columns; c++) {
			if (tables[t].columns[c].subid == suffix[at])
				return true;
		}
	}
	return false;
}

static void check_get(const uint32_t *suffix, size_t n)
{
	const struct entry *want = entry_next(suffix, n, true);
	struct cell cell;
	bool known;
	const struct column *column = table_get(&world, suffix, n, &cell, &known);

	if (want && index_compare(want->suffix, want->n, suffix, n) != 0)
		want = NULL;
	if ((column != NULL) != (want != NULL) || (want && cell.num != want->value))
		fail_with("wrong GET", suffix, n);
	if (known != column_exists(suffix, n))
		fail_with("object not told from instance", suffix, n);
}

static void check_all(const uint32_t *suffix, size_t n)
{
	check_next(suffix, n, false);
	check_next(suffix, n, true);
	check_get(suffix, n);
}

/* An OID near an existing one: cut off, longer, one arc moved or replaced. */
static size_t mutate(const struct entry *entry, uint32_t *suffix)
{
	static const uint32_t extremes[] = { 0, 1, 0xffff, 0x10000, 0xffffff, 0x1000000,
		UINT32_MAX };
	size_t n = entry->n, at = below((unsigned)n);

	memcpy(suffix, entry->suffix, n * sizeof(*suffix));
	switch (below(5)) {
	case 0:
		return at;
	case 1:
		suffix[n++] = extremes[below(ARRAY_LEN(extremes))];
		break;
	case 2:
		suffix[at]++;
		break;
	case 3:
		suffix[at]--;
		break;
	default:
		suffix[at] = extremes[below(ARRAY_LEN(extremes))];
		break;
	}
	return n;
}

static void test_random_tables(void **state)
{
	const char *given = getenv("TEST_SEED");
	unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
	uint32_t suffix[OID_SUFFIX_MAX + 1];

	(void)state;
	print_message("seed %u\n", seed);
	srand(seed);
	for (int round = 0; round < 300; round++) {
		tables_make();
		check_all(NULL, 0);
		for (size_t i = 0; i < n_entries; i++) {
			for (size_t n = 1; n <= entries[i].n; n++)
				check_next(entries[i].suffix, n, n & 1);
			check_all(entries[i].suffix, entries[i].n);
			check_all(suffix, mutate(&entries[i], suffix));
		}
	}
}

/* A walk from nothing to the end meets every cell once, in order. */
static void test_walk_is_complete(void **state)
{
	(void)state;
	for (int round = 0; round < 50; round++) {
		uint32_t suffix[OID_SUFFIX_MAX];
		struct cell cell;
		size_t n = 0, met = 0;

		tables_make();
		while (table_next(&world, suffix, n, false, suffix, &n, &cell)) {
			assert_true(met < n_entries);
			assert_int_equal(n, entries[met].n);
			assert_memory_equal(suffix, entries[met].suffix, n * sizeof(*suffix));
			met++;
		}
		assert_int_equal(met, n_entries);
	}
}

/* A panel that lacks a column costs one look, however many rows it has. */
static void test_absent_panel_is_skipped(void **state)
{
	uint32_t next[OID_SUFFIX_MAX], start[] = { 1, 1, 1 };
	size_t next_n;
	struct cell cell;

	(void)state;
	for (size_t t = 0; t < TABLES; t++)
		tables[t] = (struct table){ .subid = (uint8_t)(t + 1) };
	tables[0].n_index = 2;
	tables[0].rows = hooks[0].rows;
	tables[0].locate = locate;
	tables[0].columns = columns[0];
	tables[0].n_columns = 1;
	columns[0][0] = (struct column){
		.subid = 1,
		.get = get,
		.quantity = (enum quantity)PATTERN_NOT_IN_ODD_PANELS,
		.arg = 0,
	};
	world.site.n_panels = 2;
	rows_of[0].n = 0;
	for (uint32_t p = 0; p < 2; p++) {
		confs[p].index = p + 1;
		panels[p].conf = &confs[p];
		rowsets[0][p] = (struct rowset){ .keys = keys[0][p], .n = 20 };
		for (uint32_t i = 0; i < 20; i++) {
			keys[0][p][i] = ROW_KEY(i + 1, 0, 0);
			memcpy(rows_of[0].index[rows_of[0].n++],
				(uint32_t[ROW_INDEX_MAX]){ p + 1, i + 1 },
				sizeof(rows_of[0].index[0]));
		}
	}
	world.snapshots = 0;
	assert_non_null(table_next(&world, start, 3, false, next, &next_n, &cell));
	assert_int_equal(next[3], 2);
	assert_int_equal(next[4], 1);
	assert_int_equal(world.snapshots, 2);
}

static void test_one_row_a_panel(void **state)
{
	uint32_t next[OID_SUFFIX_MAX], other[] = { 1, 1, 1, 8 };
	size_t next_n;
	struct cell cell;
	bool known;

	(void)state;
	test_absent_panel_is_skipped(NULL);
	tables[0].n_index = 1;
	tables[0].rows = table_rows_one;
	columns[0][0].quantity = (enum quantity)PATTERN_ALL;
	rows_of[0].n = 2;
	memcpy(rows_of[0].index[0], (uint32_t[ROW_INDEX_MAX]){ 7 }, sizeof(rows_of[0].index[0]));
	memcpy(rows_of[0].index[1], (uint32_t[ROW_INDEX_MAX]){ 9 }, sizeof(rows_of[0].index[0]));
	confs[0].index = 7;
	confs[1].index = 9;
	assert_non_null(table_next(&world, NULL, 0, false, next, &next_n, &cell));
	assert_int_equal(next_n, 4);
	assert_int_equal(next[3], 7);
	assert_non_null(table_next(&world, next, 4, false, next, &next_n, &cell));
	assert_int_equal(next[3], 9);
	assert_null(table_next(&world, next, 4, false, next, &next_n, &cell));
	assert_non_null(table_get(&world, next, 4, &cell, &known));
	assert_null(table_get(&world, other, 4, &cell, &known));
	assert_true(known);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_tables),
		cmocka_unit_test(test_walk_is_complete),
		cmocka_unit_test(test_absent_panel_is_skipped),
		cmocka_unit_test(test_one_row_a_panel),
	};

	return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
