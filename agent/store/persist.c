/*
 * persist: see persist.h. The only file that knows SQLite.
 *
 * A table of the file is a table here: one line per column says where it is in
 * the struct. A column that an older file lacks is added when it is opened. The
 * version is for changes that an older agent must keep its hands off; a file of
 * a newer version is left alone. What is read is checked against the range of
 * its column: a number out of range is damage like any other.
 */
#include "config.h"

#include "store/persist.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/text.h"
#include "core/util.h"
#include "store/folder.h"
#include "store/layout.h"

#define APPLICATION_ID 0x4d747258 /* "MtrX" */
#define FORMAT	       1	  /* user_version */
#define NUMBER_MAX     UINT32_MAX /* of an event: as the MIB has it */
#define BUSY_MS	       250
#define TEXT_BYTES_MAX EVENT_TEXT_MAX /* of any text of ours */

/* Tables */

struct column {
	const char *name;
	size_t offset, size; /* size 0: a text; of the mark: see is_mark */
	int64_t min, max;
	bool is_mark; /* of an event: delivered */
};

struct table {
	const char *name;
	const char *keys; /* the primary key */
	const struct column *columns;
	size_t n_columns;
};

#define RANGE(type, member, lowest, highest)                                                       \
	{                                                                                          \
		.name = #member, .offset = offsetof(struct type, member),                          \
		.size = sizeof(((struct type *)NULL)->member), .min = lowest, .max = highest       \
	}
#define FLAG(type, member)   RANGE(type, member, 0, 1)
#define INT32(type, member)  RANGE(type, member, INT32_MIN, INT32_MAX)
#define UINT32(type, member) RANGE(type, member, 0, UINT32_MAX)
#define INT64(type, member)  RANGE(type, member, INT64_MIN, INT64_MAX)
#define TEXT(type, member)                                                                         \
	{                                                                                          \
		.name = #member, .offset = offsetof(struct type, member)                           \
	}

static const struct column event_columns[] = {
	RANGE(event, number, 1, NUMBER_MAX),
	INT64(event, wall_ms),
	RANGE(event, kind, 1, EVENT_KIND_COUNT - 1),
	FLAG(event, notify),
	{ .name = "delivered", .is_mark = true, .max = 1 },
	FLAG(event, found),
	UINT32(event, panel),
	RANGE(event, scope, 0, EVENT_SCOPE_INPUT),
	UINT32(event, channel),
	RANGE(event, level, 0, LEVEL_COUNT - 1),
	RANGE(event, severity, 0, STATE_UNKNOWN),
	FLAG(event, has_value),
	INT32(event, value),
	FLAG(event, has_limit),
	INT32(event, limit),
	TEXT(event, panel_name),
	TEXT(event, label),
	TEXT(event, text),
};

struct panel_row {
	uint32_t panel;
	int64_t serial;
	int32_t device;
	bool told_offline, told_online;
	bool has_book, known, counted;
	int64_t inputs_known, inputs_closed; /* bits */
};

static const struct column panel_columns[] = {
	UINT32(panel_row, panel),
	INT64(panel_row, serial),
	INT32(panel_row, device),
	FLAG(panel_row, told_offline),
	FLAG(panel_row, told_online),
	FLAG(panel_row, has_book),
	FLAG(panel_row, known),
	FLAG(panel_row, counted),
	INT64(panel_row, inputs_known),
	INT64(panel_row, inputs_closed),
};

struct alarm_row {
	uint32_t panel;
	struct alarm alarm;
};

#define ALARM(member, lowest, highest)                                                             \
	{                                                                                          \
		.name = #member, .offset = offsetof(struct alarm_row, alarm.member),               \
		.size = sizeof(((struct alarm *)NULL)->member), .min = lowest, .max = highest      \
	}

/* All of struct alarm but hold_until_ms, which is of a clock that begins anew. */
static const struct column alarm_columns[] = {
	UINT32(alarm_row, panel),
	ALARM(key, 0, ROW_KEY(SCOPE_COUNT, 0, 0) - 1),
	ALARM(active, 0, 1),
	ALARM(latched, 0, 1),
	ALARM(told_active, 0, 1),
	ALARM(found_at_start, 0, 1),
	ALARM(has_value, 0, 1),
	ALARM(severity, 0, STATE_UNKNOWN),
	ALARM(raise_count, 0, UINT32_MAX),
	ALARM(uncounted, INT32_MIN / 2, INT32_MAX / 2), /* room to count on */
	ALARM(meter_count, INT32_MIN, INT32_MAX),
	ALARM(event, 0, NUMBER_MAX),
	ALARM(raised_wall_ms, INT64_MIN, INT64_MAX),
	ALARM(cleared_wall_ms, INT64_MIN, INT64_MAX),
	ALARM(value, INT64_MIN, INT64_MAX),
};

struct link_row {
	const char *name;
	bool down;
};

static const struct column link_columns[] = {
	TEXT(link_row, name),
	FLAG(link_row, down),
};

static const struct column name_columns[] = {
	UINT32(name_change, panel),
	RANGE(name_change, kind, NAME_LABEL, NAME_LOCATION),
	RANGE(name_change, branch, 0, UINT16_MAX),
	TEXT(name_change, text),
	TEXT(name_change, configured),
};

/* What belongs to the file itself. */
struct meta_row {
	const char *name;
	int64_t value;
};

static const struct column meta_columns[] = {
	TEXT(meta_row, name),
	INT64(meta_row, value),
};

enum table_id {
	TABLE_META,
	TABLE_EVENT,
	TABLE_PANEL,
	TABLE_ALARM,
	TABLE_LINK,
	TABLE_NAME,
	TABLE_COUNT,
};

static const struct table tables[TABLE_COUNT] = {
	[TABLE_META] = { "meta", "name", meta_columns, ARRAY_LEN(meta_columns) },
	[TABLE_EVENT] = { "event", "number", event_columns, ARRAY_LEN(event_columns) },
	[TABLE_PANEL] = { "panel", "panel", panel_columns, ARRAY_LEN(panel_columns) },
	[TABLE_ALARM] = { "alarm", "panel, key", alarm_columns, ARRAY_LEN(alarm_columns) },
	[TABLE_LINK] = { "link", "name", link_columns, ARRAY_LEN(link_columns) },
	[TABLE_NAME] = { "name", "panel, kind, branch", name_columns, ARRAY_LEN(name_columns) },
};

/* Besides putting a row into each table. */
enum change_id {
	MARK_DELIVERED,
	DROP_EVENTS,
	DROP_ALARM,
	DROP_ALARMS,
	DROP_NAME,
	FORGET_PANELS,
	FORGET_ALARMS,
	FORGET_LINKS,
	FORGET_NAMES,
	FORGET_EVENTS,
	CHANGE_COUNT,
};

static const char *const changes[CHANGE_COUNT] = {
	[MARK_DELIVERED] = "UPDATE event SET delivered = 1 WHERE number = ?",
	[DROP_EVENTS] = "DELETE FROM event WHERE number < ?",
	[DROP_ALARM] = "DELETE FROM alarm WHERE panel = ? AND key = ?",
	[DROP_ALARMS] = "DELETE FROM alarm WHERE panel = ?",
	[DROP_NAME] = "DELETE FROM name WHERE panel = ? AND kind = ? AND branch = ?",
	[FORGET_PANELS] = "DELETE FROM panel",
	[FORGET_ALARMS] = "DELETE FROM alarm",
	[FORGET_LINKS] = "DELETE FROM link",
	[FORGET_NAMES] = "DELETE FROM name",
	[FORGET_EVENTS] = "DELETE FROM event",
};

struct persist {
	char *dir, *path;
	int lock;	      /* of meterx.lock: one agent per folder */
	struct stat identity; /* of the file that is open */
	sqlite3 *db;	      /* NULL: not open now */
	sqlite3_stmt *puts[TABLE_COUNT], *changes[CHANGE_COUNT];
	uint64_t reserved; /* in the file */
	bool opened;	   /* what was found then counts, not what is found later */
	bool stuck;	   /* damaged and not to be set aside, which was told */
	char error[256], why[256];
};

/* What went wrong */

/* SQLite quotes what it has found in the file, and that may be anything. */
static void make_readable(char *text)
{
	for (; *text != '\0'; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

/* 0, or -errno that stands for SQLite's code; the text is kept. */
static int verdict(struct persist *persist, int code)
{
	static const struct {
		int code, error;
	} errors[] = {
		{ SQLITE_FULL, ENOSPC }, { SQLITE_NOTADB, EBADMSG }, { SQLITE_CORRUPT, EBADMSG },
		{ SQLITE_READONLY, EROFS }, { SQLITE_CANTOPEN, EACCES }, { SQLITE_PERM, EACCES },
		{ SQLITE_BUSY, EBUSY }, { SQLITE_LOCKED, EBUSY },
		{ SQLITE_CONSTRAINT, EBADMSG }, { SQLITE_MISMATCH, EBADMSG }, /* not ours */
		{ SQLITE_ERROR, EBADMSG }, /* what is asked for is not there: another schema */
	};
	int system;

	if (code == SQLITE_OK || code == SQLITE_DONE || code == SQLITE_ROW)
		return 0;
	system = persist->db != NULL ? sqlite3_system_errno(persist->db) : 0;
	snprintf(persist->error, sizeof(persist->error), "%s%s%s",
		persist->db != NULL ? sqlite3_errmsg(persist->db) : sqlite3_errstr(code),
		system != 0 ? ": " : "", system != 0 ? strerror(system) : "");
	make_readable(persist->error);
	for (size_t i = 0; i < ARRAY_LEN(errors); i++)
		if ((code & 0xff) == errors[i].code)
			return -errors[i].error;
	return -EIO;
}

static int damaged(struct persist *persist, const char *what)
{
	text_copy(persist->error, sizeof(persist->error), what);
	make_readable(persist->error);
	return -EBADMSG;
}

static int system_error(struct persist *persist, int error)
{
	text_copy(persist->error, sizeof(persist->error), strerror(error));
	return -error;
}

/* Statements */

static int execute(struct persist *persist, const char *sql)
{
	return verdict(persist, sqlite3_exec(persist->db, sql, NULL, NULL, NULL));
}

static int prepare(struct persist *persist, const char *sql, sqlite3_stmt **statement)
{
	return verdict(persist, sqlite3_prepare_v3(persist->db, sql, -1, SQLITE_PREPARE_PERSISTENT,
					statement, NULL));
}

/* One number that is the answer to a statement. */
static int ask_number(struct persist *persist, const char *sql, int64_t *number)
{
	sqlite3_stmt *statement = NULL;
	int rc = prepare(persist, sql, &statement);

	*number = 0;
	if (rc == 0) {
		rc = verdict(persist, sqlite3_step(statement));
		if (rc == 0)
			*number = sqlite3_column_int64(statement, 0);
	}
	sqlite3_finalize(statement);
	return rc;
}

/* list becomes list, separator, item; frees both. */
static char *append(char *list, const char *separator, char *item)
{
	char *longer = xasprintf("%s%s%s", list, *list != '\0' ? separator : "", item);

	free(list);
	free(item);
	return longer;
}

static char *list_columns(const struct table *table)
{
	char *list = xstrdup("");

	for (size_t i = 0; i < table->n_columns; i++)
		list = append(list, ", ", xasprintf("\"%s\"", table->columns[i].name));
	return list;
}

static int prepare_put(struct persist *persist, const struct table *table, sqlite3_stmt **put)
{
	char *names = list_columns(table), *values = xstrdup("");
	char *sql;
	int rc;

	for (size_t i = 0; i < table->n_columns; i++)
		values = append(values, ", ", xstrdup("?"));
	sql = xasprintf("INSERT OR REPLACE INTO %s (%s) VALUES (%s)", table->name, names, values);
	rc = prepare(persist, sql, put);
	free(sql);
	free(names);
	free(values);
	return rc;
}

static int prepare_all(struct persist *persist)
{
	int rc = 0;

	for (int i = 0; i < TABLE_COUNT && rc == 0; i++)
		rc = prepare_put(persist, &tables[i], &persist->puts[i]);
	for (int i = 0; i < CHANGE_COUNT && rc == 0; i++)
		rc = prepare(persist, changes[i], &persist->changes[i]);
	return rc;
}

/* Rows to and from structs */

static int64_t number_of(const struct column *column, const void *row)
{
	const char *at = (const char *)row + column->offset;

	if (column->is_mark)
		return (atomic_load(&((struct event *)(uintptr_t)row)->mark) & EVENT_DELIVERED) !=
		       0;
	if (column->size == 1)
		return *(const uint8_t *)at;
	if (column->size == 2)
		return *(const uint16_t *)at;
	if (column->size == 8)
		return *(const int64_t *)at;
	return column->min < 0 ? *(const int32_t *)at : (int64_t) * (const uint32_t *)at;
}

static void set_number(const struct column *column, void *row, int64_t number)
{
	char *at = (char *)row + column->offset;

	if (column->is_mark)
		atomic_init(&((struct event *)row)->mark,
			number != 0 ? EVENT_STORED | EVENT_DELIVERED : EVENT_STORED);
	else if (column->size == 1)
		*(uint8_t *)at = (uint8_t)number;
	else if (column->size == 2)
		*(uint16_t *)at = (uint16_t)number;
	else if (column->size == 8)
		*(int64_t *)at = number;
	else
		*(uint32_t *)at = (uint32_t)number;
}

static bool is_text(const struct column *column)
{
	return column->size == 0 && !column->is_mark;
}

static int put_row(struct persist *persist, enum table_id id, const void *row)
{
	const struct table *table = &tables[id];
	sqlite3_stmt *put = persist->puts[id];
	int code = SQLITE_OK, done;

	for (size_t i = 0; i < table->n_columns && code == SQLITE_OK; i++) {
		const struct column *column = &table->columns[i];
		int place = (int)i + 1;

		if (is_text(column))
			code = sqlite3_bind_text(put, place,
				*(const char *const *)((const char *)row + column->offset), -1,
				SQLITE_STATIC);
		else
			code = sqlite3_bind_int64(put, place, number_of(column, row));
	}
	if (code == SQLITE_OK)
		code = sqlite3_step(put);
	done = verdict(persist, code);
	sqlite3_reset(put);
	sqlite3_clear_bindings(put);
	return done;
}

/* Texts stand until the next step. */
static int get_row(
	struct persist *persist, const struct table *table, sqlite3_stmt *from, void *row)
{
	for (size_t i = 0; i < table->n_columns; i++) {
		const struct column *column = &table->columns[i];
		int type = sqlite3_column_type(from, (int)i);
		int64_t number;

		if (is_text(column)) {
			const char *text = (const char *)sqlite3_column_text(from, (int)i);

			if (type != SQLITE_TEXT || text == NULL)
				return damaged(persist, "a text is missing");
			if (sqlite3_column_bytes(from, (int)i) > TEXT_BYTES_MAX ||
				strlen(text) < (size_t)sqlite3_column_bytes(from, (int)i))
				return damaged(persist, "a text that cannot be one");
			*(const char **)((char *)row + column->offset) = text;
			continue;
		}
		number = sqlite3_column_int64(from, (int)i);
		if (type != SQLITE_INTEGER || number < column->min || number > column->max)
			return damaged(persist, "a number is out of range");
		set_number(column, row, number);
	}
	return 0;
}

/* Hand each row of a table to take(); tail: which, in what order. row has room for one. */
static int read_rows(struct persist *persist, enum table_id id, const char *tail, void *row,
	int (*take)(struct persist *persist, struct persist_set *set, const void *row),
	struct persist_set *set)
{
	const struct table *table = &tables[id];
	char *names = list_columns(table);
	char *sql = xasprintf("SELECT %s FROM %s %s", names, table->name, tail);
	sqlite3_stmt *from = NULL;
	int rc = prepare(persist, sql, &from), code = SQLITE_DONE;

	free(names);
	free(sql);
	while (rc == 0) {
		code = sqlite3_step(from);
		if (code != SQLITE_ROW)
			break;
		rc = get_row(persist, table, from, row);
		if (rc == 0)
			rc = take(persist, set, row);
	}
	if (rc == 0)
		rc = verdict(persist, code);
	sqlite3_finalize(from);
	return rc;
}

static int change(struct persist *persist, enum change_id id, const int64_t *numbers, int n)
{
	sqlite3_stmt *statement = persist->changes[id];
	int code = SQLITE_OK, rc;

	for (int i = 0; i < n && code == SQLITE_OK; i++)
		code = sqlite3_bind_int64(statement, i + 1, numbers[i]);
	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	rc = verdict(persist, code);
	sqlite3_reset(statement);
	return rc;
}

/* Reading everything */

static void *grown(void *items, size_t n, size_t size)
{
	if ((n & (n - 1)) != 0) /* grows at 0 and at powers of two */
		return items;
	return xrealloc(items, n > 0 ? n * 2 : 1, size);
}

static int take_event(struct persist *persist, struct persist_set *set, const void *row)
{
	const struct event *draft = row;
	struct event *event = event_new(draft);

	(void)persist;
	atomic_store(&event->mark, atomic_load(&((struct event *)(uintptr_t)row)->mark));
	/* Who can write to the file is not to speak to the terminals and managers of others. */
	text_clean((char *)(uintptr_t)event->panel_name);
	text_clean((char *)(uintptr_t)event->label);
	text_clean((char *)(uintptr_t)event->text);
	set->events = grown(set->events, set->n_events, sizeof(struct event *));
	set->events[set->n_events++] = event;
	return 0;
}

static int take_panel(struct persist *persist, struct persist_set *set, const void *from)
{
	const struct panel_row *row = from;
	struct persist_panel *panel;

	(void)persist;
	set->panels = grown(set->panels, set->n_panels, sizeof(*set->panels));
	panel = &set->panels[set->n_panels++];
	*panel = (struct persist_panel){ .panel = row->panel,
		.memory = { .serial = row->serial,
			.device = row->device,
			.told_offline = row->told_offline,
			.told_online = row->told_online,
			.inputs_known = (uint64_t)row->inputs_known,
			.inputs_closed = (uint64_t)row->inputs_closed } };
	if (row->has_book)
		panel->memory.book = alarm_book_build(NULL, 0, row->known, row->counted);
	return 0;
}

static struct persist_panel *panel_of(struct persist_set *set, uint32_t index)
{
	for (size_t i = 0; i < set->n_panels; i++)
		if (set->panels[i].panel == index)
			return &set->panels[i];
	return NULL;
}

/* The alarms of a panel come one after the other, by key. */
struct alarm_list {
	struct persist_set *set;
	uint32_t panel, n;
	struct alarm *alarms;
};

static void end_alarms(struct alarm_list *list)
{
	struct persist_panel *panel = panel_of(list->set, list->panel);

	if (list->n > 0 && panel != NULL && panel->memory.book != NULL) {
		struct alarm_book *empty = panel->memory.book;

		panel->memory.book =
			alarm_book_build(list->alarms, list->n, empty->known, empty->counted);
		alarm_book_unref(empty);
	}
	list->n = 0;
}

struct alarm_reading {
	struct alarm_row row;
	struct alarm_list list;
};

static int take_alarm(struct persist *persist, struct persist_set *set, const void *from)
{
	struct alarm_reading *reading = (struct alarm_reading *)(uintptr_t)from;
	struct alarm_list *list = &reading->list;
	const struct alarm_row *row = &reading->row;

	(void)set;
	if (ROW_KEY_C(row->alarm.key) == 0 || ROW_KEY_C(row->alarm.key) >= LEVEL_COUNT)
		return damaged(persist, "an alarm of no level");
	if (row->panel != list->panel)
		end_alarms(list);
	list->panel = row->panel;
	list->alarms = grown(list->alarms, list->n, sizeof(*list->alarms));
	list->alarms[list->n++] = row->alarm;
	return 0;
}

static int take_link(struct persist *persist, struct persist_set *set, const void *from)
{
	const struct link_row *row = from;
	struct persist_link *link;

	(void)persist;
	set->links = grown(set->links, set->n_links, sizeof(*set->links));
	link = &set->links[set->n_links++];
	text_copy(link->name, sizeof(link->name), row->name);
	text_clean(link->name);
	link->down = row->down;
	return 0;
}

static int take_name(struct persist *persist, struct persist_set *set, const void *from)
{
	struct name_change name = *(const struct name_change *)from;

	if (names_check(name.kind, name.text, strlen(name.text)) != NULL)
		return damaged(persist, "a name that cannot be one");
	name.text = xstrdup(name.text);
	name.configured = xstrdup(name.configured);
	set->names = grown(set->names, set->n_names, sizeof(*set->names));
	set->names[set->n_names++] = name;
	return 0;
}

static int take_meta(struct persist *persist, struct persist_set *set, const void *from)
{
	const struct meta_row *row = from;

	if (strcmp(row->name, "reserved") != 0)
		return 0;
	if (row->value < 0 || row->value > NUMBER_MAX)
		return damaged(persist, "a number is out of range");
	set->last = (uint64_t)row->value;
	return 0;
}

static int read_events(struct persist *persist, size_t capacity, struct persist_set *set)
{
	char *sql = xasprintf(
		"SELECT number FROM event ORDER BY number DESC LIMIT 1 OFFSET %zu", capacity);
	int64_t below = 0, dropped = 0;
	int rc = ask_number(persist, sql, &below);

	free(sql);
	if (rc == 0 && below > 0) {
		sql = xasprintf("SELECT count(*) FROM event WHERE number <= %lld AND notify "
				"AND NOT delivered",
			(long long)below);
		rc = ask_number(persist, sql, &dropped);
		free(sql);
	}
	set->dropped = (uint64_t)dropped;
	return rc;
}

static void oldest_first(struct persist_set *set)
{
	for (size_t i = 0; i < set->n_events / 2; i++) {
		struct event *other = set->events[set->n_events - 1 - i];

		set->events[set->n_events - 1 - i] = set->events[i];
		set->events[i] = other;
	}
}

/* Rows come in the order of their keys, and each once: memory is laid out for that. */
static int check_keys(struct persist *persist)
{
	int rc = 0;

	for (int i = 0; i < TABLE_COUNT && rc == 0; i++) {
		char *sql = xasprintf("SELECT group_concat(name, ', ') = '%s' FROM (SELECT name "
				      "FROM pragma_table_info('%s') WHERE pk > 0 ORDER BY pk)",
			tables[i].keys, tables[i].name);
		int64_t same;

		rc = ask_number(persist, sql, &same);
		free(sql);
		if (rc == 0 && same == 0)
			rc = damaged(persist, "a table with other keys");
	}
	return rc;
}

/* No alarm and no event may be ahead of the numbers: they would be given again. */
static int check_numbers(struct persist *persist, const struct persist_set *set)
{
	bool ahead = set->n_events > 0 && set->events[set->n_events - 1]->number > set->last;

	for (size_t i = 0; i < set->n_panels; i++) {
		const struct alarm_book *book = set->panels[i].memory.book;

		for (uint32_t k = 0; book != NULL && k < book->n; k++)
			ahead |= book->alarms[k].event > set->last;
	}
	return ahead ? damaged(persist, "an event has a number that was never given") : 0;
}

static int read_all(struct persist *persist, size_t capacity, struct persist_set *set)
{
	struct event event = { 0 };
	struct panel_row panel;
	struct alarm_reading alarms = { .list.set = set };
	struct link_row link;
	struct name_change name;
	struct meta_row meta;
	int rc = check_keys(persist);
	char *newest = xasprintf("ORDER BY number DESC LIMIT %zu", capacity);

	if (rc == 0)
		rc = read_events(persist, capacity, set);
	if (rc == 0)
		rc = read_rows(persist, TABLE_EVENT, newest, &event, take_event, set);
	free(newest);
	oldest_first(set);
	if (rc == 0)
		rc = read_rows(persist, TABLE_PANEL, "ORDER BY panel", &panel, take_panel, set);
	memset(&alarms.row, 0, sizeof(alarms.row));
	if (rc == 0)
		rc = read_rows(
			persist, TABLE_ALARM, "ORDER BY panel, key", &alarms, take_alarm, set);
	end_alarms(&alarms.list);
	free(alarms.list.alarms);
	if (rc == 0)
		rc = read_rows(persist, TABLE_LINK, "ORDER BY name", &link, take_link, set);
	if (rc == 0)
		rc = read_rows(
			persist, TABLE_NAME, "ORDER BY panel, kind, branch", &name, take_name, set);
	if (rc == 0)
		rc = read_rows(persist, TABLE_META, "ORDER BY name", &meta, take_meta, set);
	if (rc == 0)
		rc = check_numbers(persist, set);
	persist->reserved = set->last;
	return rc;
}

void persist_set_free(struct persist_set *set)
{
	for (size_t i = 0; i < set->n_events; i++)
		event_unref(set->events[i]);
	for (size_t i = 0; i < set->n_panels; i++)
		alarm_book_unref(set->panels[i].memory.book);
	for (size_t i = 0; i < set->n_names; i++) {
		free((char *)(uintptr_t)set->names[i].text);
		free((char *)(uintptr_t)set->names[i].configured);
	}
	free(set->events);
	free(set->delivered);
	free(set->panels);
	free(set->links);
	free(set->names);
	*set = (struct persist_set){ 0 };
}

/* Storing */

static bool same_alarm(const struct alarm *a, const struct alarm *b)
{
	for (size_t i = 1; i < ARRAY_LEN(alarm_columns); i++) {
		struct column column = alarm_columns[i];

		column.offset -= offsetof(struct alarm_row, alarm);
		if (number_of(&column, a) != number_of(&column, b))
			return false;
	}
	return true;
}

/* Only what differs from the book that is stored. */
static int put_alarms(struct persist *persist, const struct persist_panel *panel)
{
	static const struct alarm_book none;
	const struct alarm_book *book = panel->memory.book ? panel->memory.book : &none;
	const struct alarm_book *before = panel->before ? panel->before : &none;
	struct alarm_row row = { .panel = panel->panel };
	int64_t numbers[2] = { panel->panel };
	int rc = 0;

	if (panel->before == NULL)
		rc = change(persist, DROP_ALARMS, numbers, 1);
	for (uint32_t i = 0; i < before->n && rc == 0; i++) {
		numbers[1] = (int64_t)before->alarms[i].key;
		if (alarm_find(book, before->alarms[i].key) == NULL)
			rc = change(persist, DROP_ALARM, numbers, 2);
	}
	for (uint32_t i = 0; i < book->n && rc == 0; i++) {
		const struct alarm *stored = alarm_find(before, book->alarms[i].key);

		row.alarm = book->alarms[i];
		if (stored == NULL || !same_alarm(stored, &row.alarm))
			rc = put_row(persist, TABLE_ALARM, &row);
	}
	return rc;
}

static int put_panel(struct persist *persist, const struct persist_panel *panel)
{
	const struct panel_memory *memory = &panel->memory;
	struct panel_row row = {
		.panel = panel->panel,
		.serial = memory->serial,
		.device = memory->device,
		.told_offline = memory->told_offline,
		.told_online = memory->told_online,
		.has_book = memory->book != NULL,
		.known = memory->book != NULL && memory->book->known,
		.counted = memory->book != NULL && memory->book->counted,
		.inputs_known = (int64_t)memory->inputs_known,
		.inputs_closed = (int64_t)memory->inputs_closed,
	};
	int rc = put_row(persist, TABLE_PANEL, &row);

	return rc < 0 ? rc : put_alarms(persist, panel);
}

static int put_name(struct persist *persist, const struct name_change *name)
{
	const int64_t numbers[] = { name->panel, name->kind, name->branch };

	if (name->text == NULL)
		return change(persist, DROP_NAME, numbers, ARRAY_LEN(numbers));
	return put_row(persist, TABLE_NAME, name);
}

static int forget(struct persist *persist, const struct persist_set *set)
{
	static const enum change_id all[] = { FORGET_PANELS, FORGET_ALARMS, FORGET_LINKS,
		FORGET_NAMES, FORGET_EVENTS };
	size_t n = set->whole ? ARRAY_LEN(all) : set->others_go ? 3 : 0; /* panels and links */
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++)
		rc = change(persist, all[i], NULL, 0);
	return rc;
}

/* Well ahead of the last one, but not in every transaction. */
static int reserve_numbers(
	struct persist *persist, const struct persist_set *set, uint64_t *reserved)
{
	*reserved = persist->reserved;
	if (set->ends)
		*reserved = set->last;
	else if (*reserved < set->last + PERSIST_AHEAD / 2)
		*reserved = set->last + PERSIST_AHEAD;
	if (*reserved == persist->reserved)
		return 0;
	return put_row(persist, TABLE_META, &(struct meta_row){ "reserved", (int64_t)*reserved });
}

static int put_all(struct persist *persist, const struct persist_set *set)
{
	const int64_t oldest = (int64_t)set->oldest;
	int rc = forget(persist, set);

	for (size_t i = 0; i < set->n_events && rc == 0; i++)
		rc = put_row(persist, TABLE_EVENT, set->events[i]);
	for (size_t i = 0; i < set->n_delivered && rc == 0; i++)
		rc = change(persist, MARK_DELIVERED, &(int64_t){ (int64_t)set->delivered[i] }, 1);
	if (rc == 0 && oldest > 0)
		rc = change(persist, DROP_EVENTS, &oldest, 1);
	for (size_t i = 0; i < set->n_panels && rc == 0; i++)
		rc = put_panel(persist, &set->panels[i]);
	for (size_t i = 0; i < set->n_links && rc == 0; i++)
		rc = put_row(persist, TABLE_LINK,
			&(struct link_row){ set->links[i].name, set->links[i].down });
	for (size_t i = 0; i < set->n_names && rc == 0; i++)
		rc = put_name(persist, &set->names[i]);
	return rc;
}

static int store(struct persist *persist, const struct persist_set *set)
{
	uint64_t reserved = persist->reserved;
	int rc = execute(persist, "BEGIN IMMEDIATE");

	if (rc == 0)
		rc = put_all(persist, set);
	if (rc == 0)
		rc = reserve_numbers(persist, set, &reserved);
	if (rc == 0)
		rc = execute(persist, "COMMIT");
	if (rc == 0)
		persist->reserved = reserved;
	if (rc < 0 && !sqlite3_get_autocommit(persist->db))
		sqlite3_exec(persist->db, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}

/* Opening */

static void close_file(struct persist *persist)
{
	for (int i = 0; i < TABLE_COUNT; i++)
		sqlite3_finalize(persist->puts[i]);
	for (int i = 0; i < CHANGE_COUNT; i++)
		sqlite3_finalize(persist->changes[i]);
	memset(persist->puts, 0, sizeof(persist->puts));
	memset(persist->changes, 0, sizeof(persist->changes));
	sqlite3_close(persist->db);
	persist->db = NULL;
	persist->reserved = 0;
}

static int check_integrity(struct persist *persist)
{
	sqlite3_stmt *statement = NULL;
	int rc = prepare(persist, "PRAGMA quick_check(1)", &statement);

	if (rc == 0)
		rc = verdict(persist, sqlite3_step(statement));
	if (rc == 0) {
		const char *answer = (const char *)sqlite3_column_text(statement, 0);

		if (answer == NULL || strcmp(answer, "ok") != 0)
			rc = damaged(persist, answer != NULL ? answer : "no answer");
	}
	sqlite3_finalize(statement);
	return rc;
}

/* Whose file it is. 1: nobody's yet, it is empty. */
static int check_owner(struct persist *persist)
{
	int64_t id, version, objects;
	int rc = ask_number(persist, "SELECT count(*) FROM sqlite_schema", &objects);

	if (rc == 0)
		rc = ask_number(persist, "PRAGMA application_id", &id);
	if (rc == 0)
		rc = ask_number(persist, "PRAGMA user_version", &version);
	if (rc < 0)
		return rc;
	if (objects == 0 && id == 0 && version == 0)
		return 1;
	if (id != APPLICATION_ID)
		return damaged(persist, "a database, but not of MeterX");
	if (version > FORMAT) {
		snprintf(persist->error, sizeof(persist->error),
			"of a newer version of MeterX (format %lld, known here: %d)",
			(long long)version, FORMAT);
		return -ENOTSUP;
	}
	return version < 1 ? damaged(persist, "has no version") : 0;
}

/* Columns, and the type and default that an older file's rows get for a new one. */
static char *describe_column(const struct column *column)
{
	if (is_text(column))
		return xasprintf("\"%s\" TEXT NOT NULL DEFAULT ''", column->name);
	return xasprintf("\"%s\" INTEGER NOT NULL DEFAULT %lld", column->name,
		(long long)(column->min > 0 ? column->min : 0));
}

static int make_table(struct persist *persist, const struct table *table)
{
	char *list = xstrdup(""), *sql;
	int rc;

	for (size_t i = 0; i < table->n_columns; i++)
		list = append(list, ", ", describe_column(&table->columns[i]));
	sql = xasprintf("CREATE TABLE IF NOT EXISTS %s (%s, PRIMARY KEY (%s))", table->name, list,
		table->keys);
	rc = execute(persist, sql);
	free(sql);
	free(list);
	return rc;
}

static int add_missing_columns(struct persist *persist, const struct table *table)
{
	int rc = 0;

	for (size_t i = 0; i < table->n_columns && rc == 0; i++) {
		const struct column *column = &table->columns[i];
		char *sql =
			xasprintf("SELECT count(*) FROM pragma_table_info('%s') WHERE name = '%s'",
				table->name, column->name);
		int64_t there;

		rc = ask_number(persist, sql, &there);
		free(sql);
		if (rc == 0 && there == 0) {
			char *text = describe_column(column);

			sql = xasprintf("ALTER TABLE %s ADD COLUMN %s", table->name, text);
			rc = execute(persist, sql);
			free(text);
			free(sql);
		}
	}
	return rc;
}

static int make_tables(struct persist *persist, bool is_new)
{
	char *sql = xasprintf(
		"PRAGMA application_id = %d; PRAGMA user_version = %d", APPLICATION_ID, FORMAT);
	int rc = execute(persist, "BEGIN IMMEDIATE");

	for (int i = 0; i < TABLE_COUNT && rc == 0; i++) {
		rc = make_table(persist, &tables[i]);
		if (rc == 0)
			rc = add_missing_columns(persist, &tables[i]);
	}
	if (rc == 0 && is_new)
		rc = execute(persist, sql);
	if (rc == 0)
		rc = execute(persist, "COMMIT");
	free(sql);
	return rc;
}

/* The path as SQLite's "file:" wants it; what begins with two slashes would be a host there. */
static char *path_as_uri(const char *path, const char *tail)
{
	char *uri = xcalloc(strlen(path) * 3 + strlen(tail) + sizeof("file://"), 1);
	char *at = stpcpy(uri, path[0] == '/' ? "file://" : "file:");

	for (; *path != '\0'; path++)
		at += sprintf(
			at, strchr("?#% ", *path) != NULL ? "%%%02x" : "%c", (unsigned char)*path);
	strcpy(at, tail);
	return uri;
}

static int connect_file(struct persist *persist, int flags, const char *tail)
{
	char *uri = path_as_uri(persist->path, tail);
	int code = sqlite3_open_v2(
		uri, &persist->db, flags | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, NULL);

	free(uri);
	if (code == SQLITE_OK) {
		sqlite3_busy_timeout(persist->db, BUSY_MS);
		code = sqlite3_exec(persist->db,
			"PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; "
			"PRAGMA temp_store = MEMORY",
			NULL, NULL, NULL);
	}
	return verdict(persist, code);
}

/* What was made by hand or by another program may be open to others. */
static void narrow_mode(const struct persist *persist, int fd)
{
	mode_t mode = persist->identity.st_mode & 07777, own = mode & ~(mode_t)(S_IWGRP | S_IWOTH);

	if (own == mode || fchmod(fd, own) < 0)
		return;
	log_warning("persist", "%s: others could write it (mode %04o): now they cannot (%04o)",
		persist->path, (unsigned)mode, (unsigned)own);
}

/* Make it ourselves, for SQLite gives its other files the mode of this one. */
static int make_file(struct persist *persist)
{
	int fd = open(persist->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0640);
	int error = errno, rc;

	if (fd < 0 && error == EISDIR)
		return damaged(persist, "no regular file");
	if (fd < 0)
		return system_error(persist, error);
	rc = fstat(fd, &persist->identity) < 0 ? system_error(persist, errno) : 0;
	if (rc == 0 && !S_ISREG(persist->identity.st_mode))
		rc = damaged(persist, "no regular file");
	if (rc == 0)
		narrow_mode(persist, fd);
	close(fd);
	return rc;
}

static int open_file(struct persist *persist, size_t capacity, struct persist_set *set)
{
	int rc = make_file(persist), empty = 0;

	if (rc == 0)
		rc = connect_file(persist, SQLITE_OPEN_READWRITE, "");
	if (rc == 0)
		rc = empty = check_owner(persist);
	if (rc == 0)
		rc = check_integrity(persist);
	if (rc >= 0)
		rc = execute(persist, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; "
				      "PRAGMA journal_size_limit = 16777216");
	if (rc == 0)
		rc = make_tables(persist, empty != 0);
	if (rc == 0)
		rc = prepare_all(persist);
	if (rc == 0 && empty == 0)
		rc = read_all(persist, capacity, set);
	return rc;
}

/*
 * Where writing is not allowed: what was known is worth knowing all the same.
 * True when it is known, also that there is nothing.
 */
static bool read_only(struct persist *persist, size_t capacity, struct persist_set *set)
{
	static const char *const tails[] = { "", "?immutable=1" };
	struct stat there;
	int rc = -EIO;

	persist_set_free(set);
	if (stat(persist->path, &there) < 0)
		return errno == ENOENT;
	for (size_t i = 0; i < ARRAY_LEN(tails) && rc != 0; i++) {
		close_file(persist);
		persist_set_free(set);
		rc = connect_file(persist, SQLITE_OPEN_READONLY, tails[i]);
		if (rc == 0)
			rc = check_owner(persist);
		if (rc == 0)
			rc = check_integrity(persist);
		if (rc == 0)
			rc = read_all(persist, capacity, set);
	}
	if (rc != 0)
		persist_set_free(set);
	return rc >= 0;
}

/* The highest number that a damaged file still knows of. */
static uint64_t salvage_number(struct persist *persist)
{
	static const char *const questions[] = {
		"SELECT value FROM meta WHERE name = 'reserved'",
		"SELECT max(number) FROM event",
	};
	char error[sizeof(persist->error)];
	uint64_t last = 0;

	text_copy(error, sizeof(error), persist->error);
	for (size_t i = 0; i < ARRAY_LEN(questions) && persist->db != NULL; i++) {
		int64_t number;

		if (ask_number(persist, questions[i], &number) == 0 && number <= NUMBER_MAX &&
			number > (int64_t)last)
			last = (uint64_t)number;
	}
	text_copy(persist->error, sizeof(persist->error), error);
	return last;
}

/* Another name for the file and for what belongs to it; taken: as on the path. */
static int set_aside(struct persist *persist, char *aside, size_t size)
{
	static const char *const parts[] = { "", "-wal", "-shm" };
	time_t now = (time_t)(clock_wall_ms() / 1000);
	char stamp[32];
	struct tm tm;
	struct stat there;

	gmtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm);
	snprintf(aside, size, "%s.damaged-%s", persist->path, stamp);
	for (int i = 2; lstat(aside, &there) == 0 && i < 1000; i++)
		snprintf(aside, size, "%s.damaged-%s-%d", persist->path, stamp, i);
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		char *from = xasprintf("%s%s", persist->path, parts[i]);
		char *to = xasprintf("%s%s", aside, parts[i]);
		int error = rename(from, to) < 0 ? errno : 0;

		free(from);
		free(to);
		if (error != 0 && (i == 0 || error != ENOENT))
			return system_error(persist, error);
	}
	return 0;
}

static int begin_new_file(struct persist *persist, size_t capacity, struct persist_set *set)
{
	uint64_t last = salvage_number(persist);
	char why[sizeof(persist->error)], aside[PATH_MAX];
	int rc;

	text_copy(why, sizeof(why), persist->error);
	close_file(persist);
	persist_set_free(set);
	rc = set_aside(persist, aside, sizeof(aside));
	if (rc < 0 && !persist->stuck)
		log_error("persist", "%s is damaged (%s) and cannot be set aside: %s",
			persist->path, why, persist->error);
	persist->stuck = rc < 0;
	if (rc < 0)
		return rc;
	if (persist->opened)
		log_error("persist", "%s is damaged (%s): kept as %s, all is stored anew",
			persist->path, why, aside);
	else
		log_error("persist",
			"%s is damaged (%s): kept as %s, a new one begins, with event %llu",
			persist->path, why, aside, (unsigned long long)last + 1);
	rc = open_file(persist, capacity, set);
	set->last = last;
	return rc;
}

/* Made if it is missing, and refused where somebody else could change what is in it. */
static int ready_folder(struct persist *persist)
{
	char why[sizeof(persist->error) - sizeof("its folder ")];
	int rc = mkdir(persist->dir, 0750) < 0 && errno != EEXIST ? -errno : 0;

	if (rc < 0) {
		snprintf(persist->error, sizeof(persist->error), "its folder cannot be made: %s",
			strerror(-rc));
		return rc;
	}
	rc = folder_check(persist->dir, why, sizeof(why));
	if (rc < 0)
		snprintf(persist->error, sizeof(persist->error), "its folder %s",
			why[0] != '\0' ? why : strerror(-rc));
	return rc;
}

/* One agent per folder: the lock goes with the process, however it ends. */
static int lock_folder(struct persist *persist)
{
	char *path;
	int rc;

	if (persist->lock >= 0)
		return 0;
	path = xasprintf("%s/meterx.lock", persist->dir);
	rc = ready_folder(persist);
	if (rc == 0)
		persist->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (rc == 0 && persist->lock < 0)
		rc = system_error(persist, errno);
	free(path);
	if (rc < 0 || flock(persist->lock, LOCK_EX | LOCK_NB) == 0)
		return rc;
	close(persist->lock);
	persist->lock = -1;
	text_copy(persist->error, sizeof(persist->error), "another meterxd uses it");
	return -EALREADY;
}

/* Ready for persist_store(), or closed. */
static int open_whole(struct persist *persist, size_t capacity, struct persist_set *set)
{
	int rc = lock_folder(persist);

	if (rc == 0)
		rc = open_file(persist, capacity, set);
	if (rc == -EBADMSG)
		rc = begin_new_file(persist, capacity, set);
	if (rc == 0) /* the first transaction: that it can be written at all */
		rc = store(persist, &(struct persist_set){ .last = set->last });
	if (rc < 0)
		close_file(persist);
	return rc;
}

struct persist *persist_open(const char *dir, size_t capacity, struct persist_set *set)
{
	struct persist *persist = xcalloc(1, sizeof(*persist));
	bool again;
	int rc;

	*set = (struct persist_set){ 0 };
	persist->lock = -1;
	persist->dir = xstrdup(dir);
	persist->path = xasprintf("%s/meterx.db", dir);
	rc = open_whole(persist, capacity, set);
	persist->opened = true;
	if (rc == 0)
		return persist;
	text_copy(persist->why, sizeof(persist->why), persist->error);
	again = rc != -ENOTSUP && rc != -EALREADY && read_only(persist, capacity, set);
	close_file(persist);
	log_error("persist", "%s: %s: events are kept in memory only%s", persist->path,
		persist->why, again ? ", until it can be written" : "");
	if (again)
		return persist;
	persist_close(persist);
	return NULL;
}

bool persist_ready(const struct persist *persist)
{
	return persist->db != NULL;
}

/* What is found is known already, or of somebody else: the caller's word counts. */
static int open_again(struct persist *persist)
{
	struct persist_set set = { 0 };
	int rc;

	close_file(persist);
	rc = open_whole(persist, 1, &set);
	persist_set_free(&set);
	return rc < 0 ? rc : -ESTALE;
}

/* SQLite would go on with a file that has lost its name, and all of it would be lost. */
static bool is_there(const struct persist *persist)
{
	struct stat now;

	return stat(persist->path, &now) == 0 && now.st_ino == persist->identity.st_ino &&
	       now.st_dev == persist->identity.st_dev;
}

int persist_store(struct persist *persist, const struct persist_set *set)
{
	int rc;

	if (persist->db != NULL && !is_there(persist)) {
		log_error(
			"persist", "%s was deleted or replaced: all is stored anew", persist->path);
		return open_again(persist);
	}
	if (persist->db == NULL)
		return open_again(persist);
	rc = store(persist, set);
	if (rc != -EBADMSG)
		return rc;
	rc = begin_new_file(persist, 1, &(struct persist_set){ 0 });
	if (rc < 0)
		close_file(persist);
	return rc < 0 ? rc : -ESTALE;
}

const char *persist_error(const struct persist *persist)
{
	return persist->error;
}

void persist_close(struct persist *persist)
{
	if (persist == NULL)
		return;
	close_file(persist);
	if (persist->lock >= 0)
		close(persist->lock);
	free(persist->path);
	free(persist->dir);
	free(persist);
}

/* Looking */

static int read_chosen(
	struct persist *persist, const struct persist_look *look, struct persist_set *set)
{
	struct event event = { 0 };
	char *of_panel = look->panel_name == NULL
				 ? sqlite3_mprintf("")
				 : sqlite3_mprintf("AND (panel_name = %Q OR panel = %lld) ",
					   look->panel_name, (long long)look->panel);
	char *tail = sqlite3_mprintf("WHERE number > %lld %sORDER BY number DESC LIMIT %lld",
		(long long)look->after, of_panel, (long long)look->newest);
	int rc = read_rows(persist, TABLE_EVENT, tail, &event, take_event, set);

	oldest_first(set);
	sqlite3_free(tail);
	sqlite3_free(of_panel);
	return rc;
}

static int look_at(struct persist *persist, const char *tail, const struct persist_look *look,
	struct persist_set *set)
{
	int rc = connect_file(persist, SQLITE_OPEN_READONLY, tail);

	if (rc == 0)
		rc = check_owner(persist);
	if (rc == 0)
		rc = read_chosen(persist, look, set);
	if (rc < 0)
		persist_set_free(set);
	close_file(persist);
	return rc;
}

/* Then no agent uses it, and all is in the file itself. */
static bool has_no_log(const struct persist *persist)
{
	char *log = xasprintf("%s-wal", persist->path);
	struct stat there;
	bool none = stat(log, &there) < 0 ? errno == ENOENT : there.st_size == 0;

	free(log);
	return none;
}

int persist_look(const char *dir, const struct persist_look *look, struct persist_set *set,
	char *why, size_t size)
{
	struct persist persist = { .lock = -1, .path = xasprintf("%s/meterx.db", dir) };
	int rc = access(persist.path, R_OK) < 0 ? system_error(&persist, errno) : 0;

	*set = (struct persist_set){ 0 };
	if (rc == 0)
		rc = look_at(&persist, "", look, set);
	/* Where SQLite's other files cannot be made. */
	if ((rc == -EACCES || rc == -EROFS) && access(persist.path, R_OK) == 0 &&
		has_no_log(&persist))
		rc = look_at(&persist, "?immutable=1", look, set);
	snprintf(why, size, "%s: %s", persist.path, persist.error);
	free(persist.path);
	return rc < 0 ? rc : 0;
}
