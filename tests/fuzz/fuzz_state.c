/*
 * fuzz state: the file of a former agent, with forged bytes, or sound but with
 * anything in its cells. Whatever is found of it keeps its promises; what is
 * then stored is found again, all of it; a look from outside finds nothing else.
 */
#include "config.h"

#include "store/persist.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/text.h"
#include "core/util.h"
#include "fuzz.h"
#include "store/layout.h"

#define CAPACITY 16 /* events */
#define WALL_MS	 1700000000000

static char folder[64], path[80];

/* The file of an agent, and the same without rules of what may stand in a cell. */
static struct image {
	uint8_t *data;
	size_t size;
} strict, loose;

/* ---- files --------------------------------------------------------------------------------- */

static void empty_folder(void)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir != NULL)
		closedir(dir);
}

static void remove_folder(void)
{
	empty_folder();
	rmdir(folder);
}

static void make_folder(void)
{
	/* Where a disk would have to take it in, a run takes a hundred times as long. */
	snprintf(folder, sizeof(folder), "/dev/shm/meterx-fuzz.XXXXXX");
	if (mkdtemp(folder) == NULL) {
		snprintf(folder, sizeof(folder), "/tmp/meterx-fuzz.XXXXXX");
		if (mkdtemp(folder) == NULL)
			exit(2);
	}
	snprintf(path, sizeof(path), "%s/meterx.db", folder);
	atexit(remove_folder);
}

static void write_file(const char *name, const uint8_t *data, size_t size)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0640);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		exit(2);
	close(fd);
}

static struct image read_image(void)
{
	struct image image;
	struct stat status;
	int fd = open(path, O_RDONLY);

	if (fd < 0 || fstat(fd, &status) < 0)
		exit(2);
	image.size = (size_t)status.st_size;
	image.data = malloc(image.size);
	if (read(fd, image.data, image.size) != (ssize_t)image.size)
		exit(2);
	close(fd);
	return image;
}

/* ---- what an agent stored ------------------------------------------------------------------ */

static struct event *make_event(uint64_t number, enum event_kind kind)
{
	struct event draft = {
		.number = number,
		.wall_ms = WALL_MS + (int64_t)number,
		.kind = kind,
		.notify = true,
		.panel = 1,
		.scope = EVENT_SCOPE_BRANCH,
		.channel = 7,
		.level = LEVEL_HIGH,
		.severity = STATE_WARNING,
		.panel_name = "RPP-1A",
		.label = "K\xc3\xbchlung",
		.text = "RPP-1A branch 7: high latched",
	};

	return event_new(&draft);
}

static void store_example(struct persist *persist)
{
	static const struct alarm alarms[] = {
		{ .key = ROW_KEY(SCOPE_BRANCH, 7, LEVEL_HIGH),
			.latched = true,
			.severity = STATE_WARNING,
			.raise_count = 1,
			.meter_count = 1,
			.event = 1,
			.raised_wall_ms = WALL_MS },
		{ .key = ROW_KEY(SCOPE_MAINS, 2, LEVEL_LOW),
			.active = true,
			.told_active = true,
			.severity = STATE_CRITICAL,
			.meter_count = -1,
			.event = 2,
			.raised_wall_ms = WALL_MS },
	};
	struct alarm_book *book = alarm_book_build(alarms, ARRAY_LEN(alarms), true, true);
	struct event *events[] = { make_event(1, EVENT_RAISED), make_event(2, EVENT_CLEARED) };
	struct persist_panel panels[] = {
		{ .panel = 1, .memory = { .serial = 77, .device = 15169, .book = book } },
		{ .panel = 2, .memory = { .serial = -1, .device = -1, .told_offline = true } },
	};
	struct persist_link link = { .name = "room1", .down = true };
	struct name_change name = { .panel = 1,
		.kind = NAME_LABEL,
		.branch = 7,
		.text = "Chiller",
		.configured = "K\xc3\xbchlung" };
	const struct persist_set set = { .last = 2,
		.events = events,
		.n_events = ARRAY_LEN(events),
		.panels = panels,
		.n_panels = ARRAY_LEN(panels),
		.links = &link,
		.n_links = 1,
		.names = &name,
		.n_names = 1 };

	if (persist_store(persist, &set) < 0)
		exit(2);
	event_unref(events[0]);
	event_unref(events[1]);
	alarm_book_unref(book);
}

static void execute(sqlite3 *db, const char *sql)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
		fprintf(stderr, "%s: %s\n", sql, sqlite3_errmsg(db));
		exit(2);
	}
}

/* Copy each table into one of the same columns and keys, but without types and rules. */
static void loosen(sqlite3 *db)
{
	static const char *const tables[][2] = { { "meta", "name" }, { "event", "number" },
		{ "panel", "panel" }, { "alarm", "panel, key" }, { "link", "name" },
		{ "name", "panel, kind, branch" } };

	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		sqlite3_stmt *columns;
		char *sql = sqlite3_mprintf("SELECT group_concat('\"' || name || '\"', ', ') FROM "
					    "pragma_table_info('%s')",
			tables[i][0]);
		char *other;

		sqlite3_prepare_v2(db, sql, -1, &columns, NULL);
		sqlite3_step(columns);
		other = sqlite3_mprintf("CREATE TABLE other (%s, PRIMARY KEY (%s));"
					"INSERT INTO other SELECT * FROM %s; DROP TABLE %s;"
					"ALTER TABLE other RENAME TO %s",
			sqlite3_column_text(columns, 0), tables[i][1], tables[i][0], tables[i][0],
			tables[i][0]);
		sqlite3_finalize(columns);
		execute(db, other);
		sqlite3_free(other);
		sqlite3_free(sql);
	}
}

static void make_images(void)
{
	struct persist_set set;
	struct persist *persist;
	sqlite3 *db;

	make_folder();
	persist = persist_open(folder, CAPACITY, &set);
	persist_set_free(&set);
	store_example(persist);
	persist_close(persist);
	strict = read_image();
	if (sqlite3_open(path, &db) != SQLITE_OK)
		exit(2);
	loosen(db);
	execute(db, "PRAGMA journal_mode = DELETE; VACUUM");
	sqlite3_close(db);
	loose = read_image();
}

/* ---- forgery ------------------------------------------------------------------------------- */

static void forge_bytes(struct choices *choices, bool cut)
{
	uint8_t *data = malloc(strict.size);
	size_t size = strict.size, n;

	memcpy(data, strict.data, size);
	if (cut)
		size = choose_32(choices) % size;
	while (choices->left > 0 && size > 0) {
		size_t at = choose_16(choices) % size;
		const uint8_t *bytes = choose_bytes(choices, 1 + choose_below(choices, 16), &n);

		memcpy(data + at, bytes, n < size - at ? n : size - at);
	}
	write_file(path, data, size);
	free(data);
}

static void bind_anything(struct choices *choices, sqlite3_stmt *statement, int place)
{
	static const int64_t numbers[] = { 0, 1, -1, INT32_MAX, INT32_MIN, UINT32_MAX, INT64_MAX,
		INT64_MIN, 255, 256, 65536, 0x10000000000, 2, 3, 15, 42 };
	uint8_t what = choose_8(choices);
	const uint8_t *bytes;
	size_t n;

	switch (what % 8) {
	case 0:
		sqlite3_bind_null(statement, place);
		break;
	case 1:
		sqlite3_bind_int64(statement, place, (int64_t)choose_64(choices));
		break;
	case 2:
		bytes = choose_bytes(choices, choose_8(choices), &n);
		sqlite3_bind_text(statement, place, (const char *)bytes, (int)n, SQLITE_TRANSIENT);
		break;
	case 3:
		bytes = choose_bytes(choices, choose_8(choices), &n);
		sqlite3_bind_blob(statement, place, bytes, (int)n, SQLITE_TRANSIENT);
		break;
	case 4:
		sqlite3_bind_double(statement, place, (double)(int64_t)choose_64(choices));
		break;
	case 5:
		sqlite3_bind_zeroblob(statement, place, (int)choose_16(choices));
		break;
	default:
		sqlite3_bind_int64(statement, place, numbers[what / 8 % ARRAY_LEN(numbers)]);
		break;
	}
}

struct target {
	const char *table, *columns[18];
};

static const struct target targets[] = {
	{ "event",
		{ "number", "wall_ms", "kind", "notify", "delivered", "found", "panel", "scope",
			"channel", "level", "severity", "has_value", "value", "has_limit", "limit",
			"panel_name", "label", "text" } },
	{ "alarm",
		{ "panel", "key", "active", "latched", "told_active", "found_at_start", "has_value",
			"severity", "raise_count", "uncounted", "meter_count", "event",
			"raised_wall_ms", "cleared_wall_ms", "value" } },
	{ "panel",
		{ "panel", "serial", "device", "told_offline", "told_online", "has_book", "known",
			"counted", "inputs_known", "inputs_closed" } },
	{ "link", { "name", "down" } },
	{ "name", { "panel", "kind", "branch", "text", "configured" } },
	{ "meta", { "name", "value" } },
};

/* Change a cell of one row, or add the same row with another cell. */
static void forge_cell(struct choices *choices, sqlite3 *db)
{
	const struct target *target = &targets[choose_below(choices, ARRAY_LEN(targets))];
	uint32_t n = 0, column, row = choose_8(choices);
	sqlite3_stmt *statement;
	char *sql;

	while (n < ARRAY_LEN(target->columns) && target->columns[n] != NULL)
		n++;
	column = choose_below(choices, n);
	sql = sqlite3_mprintf("UPDATE OR IGNORE %s SET \"%s\" = ? WHERE rowid = (SELECT rowid FROM "
			      "%s LIMIT 1 OFFSET %u %% (SELECT max(1, count(*)) FROM %s))",
		target->table, target->columns[column], target->table, row & 0x7f, target->table);
	if (row & 0x80) { /* a row with one cell, and the key given: more than there were */
		sqlite3_free(sql);
		sql = sqlite3_mprintf("INSERT OR IGNORE INTO %s (\"%s\", \"%s\") VALUES (?, ?)",
			target->table, target->columns[column],
			target->columns[column > 0 ? 0 : n - 1]);
	}
	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK) {
		fprintf(stderr, "%s: %s\n", sql, sqlite3_errmsg(db));
		exit(2);
	}
	for (int place = 1; place <= sqlite3_bind_parameter_count(statement); place++)
		bind_anything(choices, statement, place);
	sqlite3_step(statement); /* a rule of the file may forbid it */
	sqlite3_finalize(statement);
	sqlite3_free(sql);
}

static void forge_cells(struct choices *choices, const struct image *image)
{
	sqlite3 *db;

	write_file(path, image->data, image->size);
	if (sqlite3_open(path, &db) != SQLITE_OK)
		exit(2);
	execute(db, "PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY; BEGIN");
	while (choices->left > 0)
		forge_cell(choices, db);
	execute(db, "COMMIT");
	sqlite3_close(db);
}

static void forge(struct choices *choices)
{
	char *log;

	switch (choose_below(choices, 5)) {
	case 0:
		forge_bytes(choices, false);
		break;
	case 1:
		forge_bytes(choices, true);
		break;
	case 2:
		forge_cells(choices, &strict);
		break;
	case 3:
		forge_cells(choices, &loose);
		break;
	case 4: /* bytes that were never checkpointed */
		write_file(path, strict.data, strict.size);
		log = xasprintf("%s-wal", path);
		write_file(log, choices->at, choices->left);
		free(log);
		break;
	}
}

/* ---- what must hold ------------------------------------------------------------------------ */

static void check_text(const char *text)
{
	REQUIRE(text != NULL && strlen(text) <= EVENT_TEXT_MAX && text_fault(text) == NULL);
}

static void check_event(const struct event *event)
{
	REQUIRE(event->number > 0 && event->number <= UINT32_MAX);
	REQUIRE(event->kind > 0 && event->kind < EVENT_KIND_COUNT);
	REQUIRE(event->scope <= EVENT_SCOPE_INPUT);
	REQUIRE(event->level < LEVEL_COUNT && event->severity <= STATE_UNKNOWN);
	check_text(event->panel_name);
	check_text(event->label);
	check_text(event->text);
}

static void check_events(const struct persist_set *set)
{
	for (size_t i = 0; i < set->n_events; i++) {
		check_event(set->events[i]);
		REQUIRE(i == 0 || set->events[i]->number > set->events[i - 1]->number);
	}
}

static void check_book(const struct alarm_book *book, uint64_t last)
{
	uint32_t active = 0, latched = 0;

	for (uint32_t i = 0; i < book->n; i++) {
		const struct alarm *alarm = &book->alarms[i];

		REQUIRE(i == 0 || alarm->key > book->alarms[i - 1].key);
		REQUIRE(ROW_KEY_A(alarm->key) < SCOPE_COUNT);
		REQUIRE(ROW_KEY_C(alarm->key) > 0 && ROW_KEY_C(alarm->key) < LEVEL_COUNT);
		REQUIRE(alarm->event <= last && alarm->severity <= STATE_UNKNOWN);
		active += alarm->active;
		latched += alarm->latched;
	}
	REQUIRE(book->n_active == active && book->n_latched == latched);
}

static void check_set(const struct persist_set *set)
{
	REQUIRE(set->n_events <= CAPACITY && set->last <= UINT32_MAX);
	check_events(set);
	REQUIRE(set->n_events == 0 || set->events[set->n_events - 1]->number <= set->last);
	for (size_t i = 0; i < set->n_panels; i++) {
		REQUIRE(i == 0 || set->panels[i].panel > set->panels[i - 1].panel);
		if (set->panels[i].memory.book != NULL)
			check_book(set->panels[i].memory.book, set->last);
	}
	for (size_t i = 0; i < set->n_links; i++)
		REQUIRE(text_fault(set->links[i].name) == NULL);
	for (size_t i = 0; i < set->n_names; i++) {
		const struct name_change *name = &set->names[i];

		REQUIRE(names_check(name->kind, name->text, strlen(name->text)) == NULL);
		REQUIRE(name->configured != NULL);
	}
}

/* Names are handed to those who keep them as they come. */
static void use_names(const struct persist_set *set)
{
	struct names *none = names_new(), *names = names_change(none, set->names, set->n_names);
	struct name_change item;

	for (size_t i = 0; names_item(names, i, &item); i++)
		REQUIRE(text_fault(item.text) == NULL);
	names_unref(names);
	names_unref(none);
}

static void look(void)
{
	const struct persist_look all = { .newest = CAPACITY, .panel = -1 };
	const struct persist_look one = {
		.after = 1, .newest = CAPACITY, .panel = 1, .panel_name = "it's" };
	struct persist_set set;
	char why[512];

	if (persist_look(folder, &all, &set, why, sizeof(why)) == 0)
		check_events(&set);
	else
		REQUIRE(text_fault(why) == NULL);
	persist_set_free(&set);
	if (persist_look(folder, &one, &set, why, sizeof(why)) == 0)
		check_events(&set);
	persist_set_free(&set);
}

/* Another event is stored beside what was found; all is found again. */
static void store_and_open_again(struct persist *persist, const struct persist_set *found)
{
	uint64_t number = found->last + 1;
	struct event *event = make_event(number, EVENT_RAISED);
	const struct persist_set more = {
		.last = number, .events = &event, .n_events = 1, .ends = true };
	struct persist_set again;
	size_t kept = found->n_events < CAPACITY ? found->n_events + 1 : CAPACITY;
	int rc = number <= UINT32_MAX ? persist_store(persist, &more) : -ERANGE;

	persist_close(persist);
	if (rc == 0) {
		persist = persist_open(folder, CAPACITY, &again);
		REQUIRE(persist != NULL);
		check_set(&again);
		REQUIRE(again.n_events == kept && again.last == number);
		REQUIRE(again.events[kept - 1]->number == number);
		REQUIRE(again.n_panels == found->n_panels && again.n_names == found->n_names);
		REQUIRE(again.n_links == found->n_links);
		persist_set_free(&again);
		persist_close(persist);
	}
	event_unref(event);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct choices choices = { data, size };
	struct persist_set set;
	struct persist *persist;

	clock_set(1000, WALL_MS);
	if (strict.data == NULL)
		make_images();
	empty_folder();
	forge(&choices);
	look();
	persist = persist_open(folder, CAPACITY, &set);
	check_set(&set);
	use_names(&set);
	if (persist != NULL && persist_ready(persist))
		store_and_open_again(persist, &set);
	else
		persist_close(persist);
	persist_set_free(&set);
	return 0;
}
