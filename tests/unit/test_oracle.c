/*
 * The oracle: everything the agent serves of a small site, cell by cell, against
 * a list written by hand (tests/data/oracle/expected.txt). GET of every cell that
 * is there or might be, GETNEXT from everywhere. No master agent, no meter: the
 * snapshots are filled below with literal numbers, which the list repeats as a
 * reader of the MIB would expect them.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "alarm/journal.h"
#include "core/clock.h"
#include "core/util.h"
#include "snmp/columns.h"
#include "snmp/tables.h"

#define DATA TEST_SRCDIR "/tests/data/oracle/"

#define SECOND	     INT64_C(1000)
#define HOUR	     (3600 * SECOND)
#define DAY	     (24 * HOUR)
#define NOV_1	     INT64_C(1793491200000) /* 2026-11-01 00:00 UTC */
#define NOV_19	     (NOV_1 + 18 * DAY)
#define NOV_20	     (NOV_1 + 19 * DAY)
#define NOV_21	     (NOV_1 + 20 * DAY)
#define LOADED	     (NOV_20 + 12 * HOUR)
#define NOW	     (NOV_21 + 3 * HOUR + 15 * 60 * SECOND + 2300)
#define NOW_MS	     1000000
#define CHANNELS_MAX 4
#define NONE	     INT64_MIN

/* ---- the site ------------------------------------------------------------------------ */

static struct {
	struct store *store;
	struct journal *journal;
	struct site *site;
	struct view *view;
	struct board *board;
} world;

/* Values of channels from on, one after the other. */
struct fill {
	enum scope scope;
	enum quantity quantity;
	unsigned from;
	int64_t values[CHANNELS_MAX];
};

#define PANEL(what, value)                                                                         \
	{                                                                                          \
		SCOPE_PANEL, what, 1,                                                              \
		{                                                                                  \
			value, NONE, NONE, NONE                                                    \
		}                                                                                  \
	}
#define BRANCHES(what, a, b, c)                                                                    \
	{                                                                                          \
		SCOPE_BRANCH, what, 1,                                                             \
		{                                                                                  \
			a, b, c, NONE                                                              \
		}                                                                                  \
	}
#define ONE(where, what, channel, value)                                                           \
	{                                                                                          \
		where, what, channel,                                                              \
		{                                                                                  \
			value, NONE, NONE, NONE                                                    \
		}                                                                                  \
	}

static const struct fill full[] = {
	PANEL(Q_CT_LAYOUT, 2),
	PANEL(Q_DEMAND_INTERVAL, 900),
	PANEL(Q_DEMAND_SUBINTERVALS, 1),
	PANEL(Q_ON_DELAY, 10),
	PANEL(Q_CHANNELS_LATCHED, 1),
	PANEL(Q_CHANNELS_ACTIVE, 0),
	PANEL(Q_LAST_LATCHED_CHANNEL, 2),
	PANEL(Q_LAST_ACTIVE_CHANNEL, 0),
	PANEL(Q_COUNT_HIGH_HIGH, 5),
	PANEL(Q_COUNT_LOW, 0),
	PANEL(Q_COUNT_LOW_LOW, 32767),
	PANEL(Q_COUNT_OFF, -1), /* no Unsigned32 */
	PANEL(Q_POWER_UPS, 12),
	PANEL(Q_HEALTH, 0x8102),
	PANEL(Q_PRODUCT_ID, 4097),
	PANEL(Q_MODBUS_ADDRESS, 1),
	PANEL(Q_BAUD_CODE, 2),
	PANEL(Q_APPLICATION_STATE, 1),
	PANEL(Q_USER_PHASES, 0),
	BRANCHES(Q_CT_SIZE, 100000, 100000, NONE),
	BRANCHES(Q_RATING, 20000, NONE, 0),
	BRANCHES(Q_PHASE, 2, 1, 0),
	BRANCHES(Q_CURRENT, 12345, 0, NONE),
	BRANCHES(Q_MIN_CURRENT, 1, 0, 7),
	BRANCHES(Q_MAX_CURRENT, 15999, 0, NONE),
	BRANCHES(Q_CURRENT_DEMAND, 12000, 0, NONE),
	BRANCHES(Q_MAX_CURRENT_DEMAND, 13000, NONE, NONE),
	BRANCHES(Q_ACTIVE_POWER, 2700, 0, -5),
	BRANCHES(Q_APPARENT_POWER, 2842, 0, NONE),
	BRANCHES(Q_REACTIVE_POWER, -889, 0, NONE),
	BRANCHES(Q_POWER_FACTOR, 950, NONE, -1000),
	BRANCHES(Q_ACTIVE_POWER_DEMAND, 2600, 0, NONE),
	BRANCHES(Q_MAX_ACTIVE_POWER_DEMAND, 2800, 0, NONE),
	BRANCHES(Q_MAX_ACTIVE_POWER, 3000, 0, NONE),
	BRANCHES(Q_ENERGY, 5000000000, 0, 7),
	BRANCHES(Q_ENERGY_DISCONTINUITY, NOV_20, NOV_21 + 3 * HOUR, NOV_19),
	BRANCHES(Q_PHASE_ANGLE, -182, NONE, 3600),
	BRANCHES(Q_COUNT_HIGH_HIGH, 8, 0, NONE),
	ONE(SCOPE_MAINS, Q_CURRENT, 1, 11000),
	ONE(SCOPE_MAINS, Q_ACTIVE_POWER, 1, 3000),
	ONE(SCOPE_MAINS, Q_ACTIVE_POWER_DEMAND, 1, 2900),
	ONE(SCOPE_MAINS, Q_MAX_ACTIVE_POWER, 1, 4000),
	ONE(SCOPE_MAINS, Q_ENERGY, 1, 123456789012),
	ONE(SCOPE_MAINS, Q_ENERGY_DISCONTINUITY, 1, NOV_1),
	ONE(SCOPE_MAINS, Q_CURRENT, 2, 30500),
	ONE(SCOPE_MAINS, Q_MAX_CURRENT, 2, 31000),
	ONE(SCOPE_MAINS, Q_CURRENT_DEMAND, 2, 30000),
	ONE(SCOPE_MAINS, Q_MAX_CURRENT_DEMAND, 2, 30900),
	ONE(SCOPE_MAINS, Q_ACTIVE_POWER, 2, -2),
	ONE(SCOPE_MAINS, Q_APPARENT_POWER, 2, 6710),
	ONE(SCOPE_MAINS, Q_REACTIVE_POWER, 2, 5),
	ONE(SCOPE_MAINS, Q_POWER_FACTOR, 2, 0),
	ONE(SCOPE_MAINS, Q_CT_SIZE, 2, 200000),
	ONE(SCOPE_MAINS, Q_RATING, 2, 32000),
	ONE(SCOPE_MAINS, Q_CURRENT, 5, 0),
	ONE(SCOPE_VOLTAGE, Q_VOLTAGE, 1, 230100),
	ONE(SCOPE_VOLTAGE, Q_VOLTAGE, 5, 398500),
	ONE(SCOPE_ALT_VOLTAGE, Q_VOLTAGE, 1, 0),
	ONE(SCOPE_SOURCE, Q_FREQUENCY, 1, 50012),
	{ SCOPE_INPUT, Q_INPUT_STATE, 1, { INPUT_OPEN, INPUT_CLOSED, NONE, NONE } },
	ONE(SCOPE_INPUT, Q_INPUT_CHANGE, 1, NOV_21 + 2 * HOUR),
	ONE(SCOPE_TWO_POLE, Q_CURRENT, 1, 5000),
	ONE(SCOPE_TWO_POLE, Q_CURRENT_1, 1, 5001),
	ONE(SCOPE_TWO_POLE, Q_CURRENT_2, 1, 4999),
	ONE(SCOPE_TWO_POLE, Q_ACTIVE_POWER, 1, 1100),
	ONE(SCOPE_TWO_POLE, Q_ACTIVE_POWER_2, 1, 549),
	ONE(SCOPE_TWO_POLE, Q_POWER_FACTOR, 1, 990),
	ONE(SCOPE_TWO_POLE, Q_MAX_ACTIVE_POWER, 1, 1200),
	ONE(SCOPE_TWO_POLE, Q_MAX_CURRENT_1, 1, 5500),
	ONE(SCOPE_TWO_POLE, Q_ENERGY, 1, 777),
	ONE(SCOPE_TWO_POLE, Q_ENERGY_DISCONTINUITY, 1, NOV_20),
	ONE(SCOPE_THREE_POLE, Q_CURRENT, 1, 6000),
	ONE(SCOPE_THREE_POLE, Q_CURRENT_3, 1, 6001),
	ONE(SCOPE_THREE_POLE, Q_CURRENT_DEMAND_3, 1, 5900),
	ONE(SCOPE_THREE_POLE, Q_MAX_CURRENT_DEMAND_3, 1, 6100),
	ONE(SCOPE_THREE_POLE, Q_APPARENT_POWER, 1, 4100),
	ONE(SCOPE_THREE_POLE, Q_APPARENT_POWER_3, 1, 1367),
	ONE(SCOPE_THREE_POLE, Q_POWER_FACTOR_3, 1, -1),
	ONE(SCOPE_THREE_POLE, Q_ACTIVE_POWER_DEMAND, 1, 4000),
	ONE(SCOPE_THREE_POLE, Q_MAX_ACTIVE_POWER_DEMAND, 1, 4050),
	/* in the order of scope, channel, level */
	ONE(SCOPE_THRESHOLD, Q_THRESHOLD, 1, 700),
	ONE(SCOPE_THRESHOLD, Q_DELAY, 1, 10),
	ONE(SCOPE_THRESHOLD, Q_THRESHOLD, 2, 0),
	ONE(SCOPE_THRESHOLD, Q_DELAY, 2, 0),
	ONE(SCOPE_THRESHOLD, Q_THRESHOLD, 3, 15500),
	ONE(SCOPE_THRESHOLD, Q_HYSTERESIS, 3, 50),
	ONE(SCOPE_THRESHOLD, Q_THRESHOLD, 4, 800),
	ONE(SCOPE_THRESHOLD, Q_THRESHOLD, 5, 260000),
	ONE(SCOPE_THRESHOLD, Q_DELAY, 5, 30),
};

static const struct fill sparse[] = {
	{ SCOPE_BRANCH, Q_CURRENT, 1, { NONE, 5, 6, 7 } },
	{ SCOPE_BRANCH, Q_ACTIVE_POWER, 1, { 1, NONE, 3, 4 } },
	{ SCOPE_BRANCH, Q_ENERGY, 1, { 10, 20, 30, NONE } },
	{ SCOPE_BRANCH, Q_ENERGY_DISCONTINUITY, 1,
		{ NOV_21 + 3 * HOUR + 600 * SECOND, NOV_21 + 3 * HOUR + 600 * SECOND,
			NOV_21 + 3 * HOUR + 600 * SECOND, NOV_21 + 3 * HOUR + 600 * SECOND } },
};

/* Measurements are there, but old. */
static const struct fill gone[] = {
	PANEL(Q_CT_LAYOUT, 0), PANEL(Q_USER_PHASES, 1), PANEL(Q_HEALTH, 0x8000),
	BRANCHES(Q_CT_SIZE, NONE, 50000, NONE), BRANCHES(Q_RATING, 7333, NONE, NONE),
	BRANCHES(Q_PHASE, 2, NONE, 1), BRANCHES(Q_CURRENT, 1, 2, 3), BRANCHES(Q_ENERGY, 1, 2, 3),
	BRANCHES(Q_ENERGY_DISCONTINUITY, NOV_1, NOV_1, NOV_1),
	ONE(SCOPE_MAINS, Q_RATING, 2, 225000), ONE(SCOPE_MAINS, Q_CURRENT, 2, 4),
	ONE(SCOPE_VOLTAGE, Q_VOLTAGE, 1, 5), ONE(SCOPE_SOURCE, Q_FREQUENCY, 1, 6),
	ONE(SCOPE_INPUT, Q_INPUT_STATE, 2, INPUT_OPEN),
	ONE(SCOPE_INPUT, Q_INPUT_CHANGE, 2, NOV_20),
	ONE(SCOPE_THRESHOLD, Q_THRESHOLD, 1, 700), ONE(SCOPE_THRESHOLD, Q_THRESHOLD, 2, 75),
	ONE(SCOPE_THRESHOLD, Q_THRESHOLD, 3, 0), /* a limit as any other */
};

static const struct alarm full_alarms[] = {
	{ .key = ROW_KEY(SCOPE_BRANCH, 1, LEVEL_HIGH_NON_LATCHING),
		.active = true,
		.severity = STATE_WARNING,
		.event = 42,
		.raise_count = 1,
		.has_value = true,
		.value = 16000,
		.raised_wall_ms = NOV_21 + 3 * HOUR + 14 * 60 * SECOND },
	{ .key = ROW_KEY(SCOPE_BRANCH, 2, LEVEL_LOW),
		.latched = true,
		.severity = STATE_WARNING,
		.event = 41,
		.raise_count = 3,
		.raised_wall_ms = NOV_21 + 3 * HOUR + 13 * 60 * SECOND },
	{ .key = ROW_KEY(SCOPE_MAINS, 2, LEVEL_HIGH_HIGH),
		.severity = STATE_CRITICAL,
		.event = 40,
		.raise_count = UINT32_MAX,
		.has_value = true,
		.value = 30000,
		.raised_wall_ms = NOV_21 + HOUR,
		.cleared_wall_ms = NOV_21 + HOUR + HOUR / 2 },
	{ .key = ROW_KEY(SCOPE_VOLTAGE, 5, LEVEL_HIGH),
		.active = true,
		.severity = STATE_CRITICAL,
		.event = 43,
		.has_value = true,
		.value = 265432 },
};

static const struct alarm gone_alarms[] = {
	{ .key = ROW_KEY(SCOPE_BRANCH, 1, LEVEL_HIGH_NON_LATCHING),
		.active = true,
		.severity = STATE_WARNING,
		.event = 8,
		.raise_count = 1,
		.has_value = true,
		.value = 0,
		.raised_wall_ms = NOV_20 + 23 * HOUR },
	{ .key = ROW_KEY(SCOPE_BRANCH, 3, LEVEL_HIGH_HIGH),
		.latched = true,
		.severity = STATE_CRITICAL,
		.event = 7,
		.raise_count = 1,
		.has_value = true,
		.value = 8000,
		.raised_wall_ms = NOV_20 + 22 * HOUR },
};

static struct alarm_book *book_of(const struct alarm *alarms, uint32_t n)
{
	struct alarm_book *book = xcalloc(1, sizeof(*book) + n * sizeof(*alarms));

	book->refs = 1;
	book->known = true;
	book->worst = STATE_OK;
	book->n = n;
	for (uint32_t i = 0; i < n; i++) {
		book->alarms[i] = alarms[i];
		book->n_active += alarms[i].active;
		book->n_latched += alarms[i].latched;
		if ((alarms[i].active || alarms[i].latched) && alarms[i].severity > book->worst)
			book->worst = alarms[i].severity;
	}
	return book;
}

static void fill_snapshot(struct snapshot *snapshot, const struct fill *fill, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (unsigned j = 0; j < CHANNELS_MAX; j++)
			if (fill[i].values[j] != NONE)
				snapshot_set(snapshot, fill[i].scope, fill[i].quantity,
					fill[i].from + j, fill[i].values[j]);
}

static struct slot *slot_of(uint32_t index)
{
	const struct panel *panel = site_panel(world.site, index, NULL);

	assert_non_null(panel);
	return panel->slot;
}

static void publish_full(void)
{
	struct snapshot *snapshot = store_begin(slot_of(3));
	struct identity *identity = identity_new();

	fill_snapshot(snapshot, full, ARRAY_LEN(full));
	identity->model = 0;
	identity->serial = 3203391149;
	text_copy(identity->firmware, sizeof(identity->firmware), "1010/1020");
	text_copy(identity->location, sizeof(identity->location), "not this one");
	snapshot_set_identity(snapshot, identity);
	snapshot_set_alarms(snapshot, book_of(full_alarms, ARRAY_LEN(full_alarms)));
	snapshot->comm = COMM_ONLINE;
	snapshot->contact_wall_ms = NOW - 400;
	snapshot->class_ms[POLL_FAST] = NOW_MS - 900;
	snapshot->fresh_until_ms = NOW_MS + 5000;
	snapshot->poll_time_ms = 120;
	snapshot->poll_interval_ms = 2001;
	store_publish(slot_of(3), snapshot);
}

static void publish_sparse(void)
{
	struct snapshot *snapshot = store_begin(slot_of(5));

	fill_snapshot(snapshot, sparse, ARRAY_LEN(sparse));
	snapshot->comm = COMM_DEGRADED;
	snapshot->missed = 1;
	snapshot->contact_wall_ms = NOW - 5100;
	snapshot->class_ms[POLL_FAST] = NOW_MS - 5000;
	snapshot->fresh_until_ms = NOW_MS + 2000;
	store_publish(slot_of(5), snapshot);
}

/* Nobody has said yet that it is offline: its time is over. */
static void publish_gone(void)
{
	struct snapshot *snapshot = store_begin(slot_of(9));
	struct identity *identity = identity_new();

	fill_snapshot(snapshot, gone, ARRAY_LEN(gone));
	text_copy(identity->location, sizeof(identity->location), "of the meter");
	snapshot_set_identity(snapshot, identity);
	snapshot_set_alarms(snapshot, book_of(gone_alarms, ARRAY_LEN(gone_alarms)));
	snapshot->comm = COMM_ONLINE;
	snapshot->contact_wall_ms = NOV_21 - 100;
	snapshot->class_ms[POLL_FAST] = NOW_MS - 700000;
	snapshot->fresh_until_ms = NOW_MS;
	snapshot->poll_time_ms = 80;
	store_publish(slot_of(9), snapshot);
}

static void set_links(void)
{
	struct link_status alpha = {
		.state = LINK_UP,
		.changed_wall_ms = NOV_21 + 2 * HOUR,
		.requests = 1234567890123,
		.timeouts = 1,
		.crc_errors = 4,
		.wrong_answers = 5,
		.exceptions = 2,
		.gateway_exceptions = 7,
		.reconnects = 3,
		.round_trip_us = 1500,
		.load_permille = 12,
	};
	struct link_status beta = { .state = LINK_DOWN, .error = "no such device" };

	link_slot_set(world.site->links[0].slot, &alpha);
	link_slot_set(world.site->links[1].slot, &beta);
}

/* site.conf with the folder of its profiles in front. */
static void write_conf(const char *path)
{
	FILE *from = fopen(DATA "site.conf", "r"), *to = fopen(path, "w");
	char line[512];

	assert_non_null(from);
	assert_non_null(to);
	fprintf(to, "profile-dir = \"%s\"\n", DATA);
	while (fgets(line, sizeof(line), from))
		fputs(line, to);
	fclose(from);
	assert_int_equal(fclose(to), 0);
}

static struct config *load_conf(void)
{
	struct problems problems = PROBLEMS_INIT;
	char path[] = "/tmp/meterx-oracle-XXXXXX";
	struct config *config = NULL;
	int fd = mkstemp(path), rc;

	assert_true(fd >= 0);
	close(fd);
	write_conf(path);
	rc = conf_load(path, &problems, &config);
	problems_print(&problems, stderr);
	problems_free(&problems);
	unlink(path);
	assert_int_equal(rc, 0);
	return config;
}

static const struct event events[] = {
	{ .number = 5,
		.wall_ms = NOV_21 + 3 * HOUR + 14 * 60 * SECOND,
		.kind = EVENT_RAISED,
		.notify = true,
		.panel = 3,
		.panel_name = "FULL",
		.scope = EVENT_SCOPE_BRANCH,
		.channel = 1,
		.level = LEVEL_HIGH_HIGH,
		.severity = STATE_CRITICAL,
		.has_value = true,
		.value = 17250,
		.has_limit = true,
		.limit = 14000,
		.label = "Rack A1",
		.text = "FULL branch 1 (Rack A1): high-high" },
	{ .number = 6,
		.wall_ms = NOV_21 + 3 * HOUR + 14 * 60 * SECOND + 1500,
		.kind = EVENT_CLEARED,
		.notify = true,
		.panel = 9,
		.panel_name = "GONE as it was called",
		.scope = EVENT_SCOPE_MAINS,
		.channel = 2,
		.level = LEVEL_LOW,
		.severity = STATE_WARNING,
		.text = "cleared" },
	{ .number = 9,
		.wall_ms = NOV_21,
		.kind = EVENT_LINK_DOWN,
		.notify = true,
		.scope = EVENT_SCOPE_LINK,
		.channel = 2,
		.severity = STATE_CRITICAL,
		.label = "room 2",
		.text = "link room 2: down" },
	{ .number = 10,
		.wall_ms = NOV_21,
		.kind = EVENT_PANEL_OFFLINE,
		.notify = true,
		.panel = 9,
		.panel_name = "GONE",
		.scope = EVENT_SCOPE_PANEL,
		.severity = STATE_CRITICAL,
		.text = "GONE: offline" },
	/* Zero is a value. */
	{ .number = 11,
		.wall_ms = NOV_20,
		.kind = EVENT_RAISED,
		.notify = true,
		.panel = 3,
		.panel_name = "FULL",
		.scope = EVENT_SCOPE_ALT_VOLTAGE,
		.channel = 8,
		.level = LEVEL_LOW_NON_LATCHING,
		.severity = STATE_WARNING,
		.has_value = true,
		.has_limit = true,
		.text = "" },
	{ .number = 12,
		.wall_ms = NOV_20,
		.kind = EVENT_INPUT_CHANGED,
		.notify = true,
		.panel = 3,
		.panel_name = "FULL",
		.scope = EVENT_SCOPE_INPUT,
		.channel = 65535,
		.severity = STATE_OK,
		.has_value = true,
		.value = 2,
		.label = "Door",
		.text = "Door: closed" },
	{ .number = 43,
		.wall_ms = LOADED - 1300,
		.kind = EVENT_AGENT_STARTED,
		.severity = STATE_OK,
		.text = "started" },
	{ .number = UINT32_MAX,
		.wall_ms = NOW,
		.kind = EVENT_AGENT_RELOADED,
		.severity = STATE_OK,
		.text = "the last that has an index" },
	{ .number = UINT64_C(1) + UINT32_MAX,
		.wall_ms = NOW,
		.kind = EVENT_AGENT_RELOADED,
		.severity = STATE_OK },
};

/* The last number that was taken is another thing than what is kept. */
static void post_events(unsigned n_numbers)
{
	struct journal_batch batch;
	struct event *event;

	journal_begin(&batch, world.journal);
	while (n_numbers-- > 0)
		journal_number(&batch);
	for (size_t i = 0; i < ARRAY_LEN(events); i++)
		journal_add(&batch, &events[i]);
	journal_end(&batch);
	event = journal_find(world.journal, 5);
	journal_delivered(world.journal, event);
	event_unref(event);
}

/* What managers have written. */
static void write_begin(void)
{
	uint64_t mark;

	world.board = board_new();
	mark = board_begin(world.board, 9, BOARD_PANEL, NOV_19);
	board_end(world.board, mark, WRITE_FAILED, "no answer", NOV_20);
	mark = board_begin(world.board, 3, ROW_KEY(SCOPE_MAINS, 0, LEVEL_HIGH_HIGH), NOV_20);
	board_end(world.board, mark, WRITE_FAILED, "no answer", NOV_20);
	mark = board_begin(world.board, 3, BOARD_PANEL, NOV_20);
	board_begin(world.board, 3, ROW_KEY(SCOPE_BRANCH, 0, LEVEL_LOW), NOV_20);
	board_end(world.board, mark, WRITE_DONE, "", NOV_21 + 2 * HOUR);
}

static int world_begin(void **state)
{
	struct config *config;

	(void)state;
	clock_set(NOW_MS, LOADED);
	config = load_conf();
	world.store = store_new();
	world.journal = journal_open(NULL, 100);
	world.site = site_build(&(struct site_base){ .store = world.store,
					.journal = world.journal,
					.start_wall_ms = LOADED - 1300 },
		config, NULL);
	conf_unref(config);
	publish_full();
	publish_sparse();
	publish_gone();
	set_links();
	post_events(43);
	world.view = view_new();
	view_set_site(world.view, site_ref(world.site));
	write_begin();
	view_set_board(world.view, world.board);
	view_begin(world.view, NOW_MS, NOW);
	return 0;
}

static int world_end(void **state)
{
	(void)state;
	view_free(world.view);
	board_free(world.board);
	site_unref(world.site);
	store_free(world.store);
	journal_close(world.journal);
	clock_set(-1, -1);
	return 0;
}

/* ---- the list ------------------------------------------------------------------------ */

struct expected {
	uint32_t oid[OID_SUFFIX_MAX];
	size_t n;
	uint8_t asn;
	bool writable;
	bool present;
	int64_t num;
	char text[256];
	size_t length;
	int line;
};

static struct expected *list; /* sorted; first the present ones of list are in walk */
static size_t n_list;
static const struct expected **walk; /* what is present, in order */
static size_t n_walk;

static int oid_compare(const uint32_t *a, size_t a_n, const uint32_t *b, size_t b_n)
{
	for (size_t i = 0; i < a_n && i < b_n; i++)
		if (a[i] != b[i])
			return a[i] < b[i] ? -1 : 1;
	return (a_n > b_n) - (a_n < b_n);
}

static size_t read_oid(char *text, uint32_t *oid, size_t n)
{
	for (char *arc = text; *arc; arc += *arc == '.') {
		assert_true(n < OID_SUFFIX_MAX);
		oid[n++] = (uint32_t)strtoul(arc, &arc, 10);
		assert_true(*arc == '.' || *arc == '\0');
	}
	return n;
}

static void read_text(struct expected *cell, const char *value)
{
	size_t length = strlen(value);

	if (strcmp(value, "VERSION") == 0) {
		text_copy(cell->text, sizeof(cell->text), PACKAGE_VERSION);
		cell->length = strlen(PACKAGE_VERSION);
		return;
	}
	assert_true(length >= 2 && value[0] == '"' && value[length - 1] == '"');
	memcpy(cell->text, value + 1, length - 2);
	cell->length = length - 2;
}

static void read_time(struct expected *cell, const char *value)
{
	int year, month, day, hour, minute, second, tenth;

	assert_int_equal(sscanf(value, "%d-%d-%dT%d:%d:%d.%d", &year, &month, &day, &hour, &minute,
				 &second, &tenth),
		7);
	const char octets[] = { (char)(year / 256), (char)(year % 256), (char)month, (char)day,
		(char)hour, (char)minute, (char)second, (char)tenth, '+', 0, 0 };

	memcpy(cell->text, octets, sizeof(octets));
	cell->length = sizeof(octets);
}

static void read_bits(struct expected *cell, const char *value)
{
	assert_int_equal(value[0], '{');
	cell->length = 1;
	for (; *value != '}'; value++)
		if (*value >= '0' && *value <= '7')
			cell->text[0] = (char)(cell->text[0] | 128 >> (*value - '0'));
}

static void read_number(struct expected *cell, const char *value)
{
	char *end;

	cell->num = strtoll(value, &end, 10);
	assert_int_equal(*end, '\0');
}

static const struct {
	const char *name;
	uint8_t asn;
	void (*read)(struct expected *cell, const char *value);
} types[] = {
	{ "int", 2, read_number },
	{ "gauge", 0x42, read_number },
	{ "counter", 0x41, read_number },
	{ "counter", 0x41, read_number },
	{ "counter64", 0x46, read_number },
	{ "text", 4, read_text },
	{ "time", 4, read_time },
	{ "bits", 4, read_bits },
};

static size_t type_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (strcmp(types[i].name, name) == 0)
			return i;
	fail_msg("no type %s", name);
	return 0;
}

/* The next word of a line; quotes keep blanks together. */
static char *word(char **at)
{
	char *start = *at + strspn(*at, " \t\n");
	bool quoted = false;
	char *end = start;

	if (*start == '\0')
		return NULL;
	for (; *end && (quoted || strchr(" \t\n", *end) == NULL); end++)
		quoted ^= *end == '"';
	*at = *end ? end + 1 : end;
	*end = '\0';
	return start;
}

static void add_expected(const struct expected *cell)
{
	if ((n_list & (n_list - 1)) == 0)
		list = xrealloc(list, n_list ? n_list * 2 : 1, sizeof(*list));
	if (n_list > 0 &&
		oid_compare(list[n_list - 1].oid, list[n_list - 1].n, cell->oid, cell->n) >= 0)
		fail_msg("expected.txt:%d: not in order", cell->line);
	list[n_list++] = *cell;
}

/* A column's arcs: a table has the entry's between its own and the column's. */
static size_t column_oid(char *text, uint32_t *oid)
{
	uint32_t arcs[OID_SUFFIX_MAX];

	assert_int_equal(read_oid(text, arcs, 0), 2);
	oid[0] = arcs[0];
	oid[1] = arcs[0] == mx_agent_group.subid ? arcs[1] : 1;
	oid[2] = arcs[1];
	return arcs[0] == mx_agent_group.subid ? 2 : 3;
}

static void check_name(const struct expected *cell, const char *name)
{
	for (size_t i = 0; i < mx_n_tables; i++)
		for (size_t j = 0; j < mx_tables[i]->n_columns; j++)
			if (strcmp(mx_tables[i]->columns[j].name, name) == 0 &&
				mx_tables[i]->subid == cell->oid[0] &&
				mx_tables[i]->columns[j].subid == cell->oid[cell->n - 1])
				return;
	fail_msg("expected.txt:%d: no such column", cell->line);
}

static void read_line(char *line, int number)
{
	struct expected column = { .line = number };
	char *column_text, *name, *instance;
	size_t type;

	column_text = word(&line);
	if (column_text == NULL || column_text[0] == '#')
		return;
	column.n = column_oid(column_text, column.oid);
	name = word(&line);
	check_name(&column, name);
	type = type_find(word(&line));
	column.asn = types[type].asn;
	column.writable = strcmp(word(&line), "rw") == 0;
	while ((instance = word(&line)) != NULL) {
		struct expected cell = column;
		char *value = strchr(instance, '=');

		assert_non_null(value);
		*value++ = '\0';
		cell.n = read_oid(instance, cell.oid, column.n);
		cell.present = strcmp(value, "-") != 0;
		if (cell.present)
			types[type].read(&cell, value);
		add_expected(&cell);
	}
}

static int list_begin(void **state)
{
	FILE *file = fopen(DATA "expected.txt", "r");
	char *line = NULL;
	size_t size = 0;

	assert_non_null(file);
	for (int number = 1; getline(&line, &size, file) >= 0; number++)
		read_line(line, number);
	free(line);
	fclose(file);
	walk = xcalloc(n_list, sizeof(*walk));
	for (size_t i = 0; i < n_list; i++)
		if (list[i].present)
			walk[n_walk++] = &list[i];
	return world_begin(state);
}

static int list_end(void **state)
{
	free(list);
	free(walk);
	return world_end(state);
}

/* First present cell at or after an OID, NULL at the end. */
static const struct expected *expected_next(const uint32_t *oid, size_t n, bool inclusive)
{
	for (size_t i = 0; i < n_walk; i++) {
		int order = oid_compare(walk[i]->oid, walk[i]->n, oid, n);

		if (order > 0 || (order == 0 && inclusive))
			return walk[i];
	}
	return NULL;
}

static void check_cell(
	const struct expected *want, const struct column *column, const struct cell *cell)
{
	if (column == NULL || cell->state != CELL_PRESENT)
		fail_msg("expected.txt:%d: %u.%u absent", want->line, want->oid[0],
			want->oid[want->n - 1]);
	if (column->asn != want->asn || (column->set != NULL) != want->writable)
		fail_msg(
			"expected.txt:%d: %s has another type or access", want->line, column->name);
	if (want->asn != 4 && cell->num != want->num)
		fail_msg("expected.txt:%d: %s...%u is %lld, not %lld", want->line, column->name,
			want->oid[want->n - 1], (long long)cell->num, (long long)want->num);
	if (want->asn == 4 &&
		(cell->length != want->length || memcmp(cell->text, want->text, want->length) != 0))
		fail_msg("expected.txt:%d: %s...%u is \"%.*s\"", want->line, column->name,
			want->oid[want->n - 1], (int)cell->length, cell->text);
}

/* ---- tests --------------------------------------------------------------------------- */

static void tables_are_in_order(void **state)
{
	(void)state;
	for (size_t i = 0; i < mx_n_tables; i++) {
		const struct table *table = mx_tables[i];

		assert_true(i == 0 || mx_tables[i - 1]->subid < table->subid);
		assert_true(table->n_index <= ROW_INDEX_MAX);
		for (size_t j = 1; j < table->n_columns; j++)
			assert_true(table->columns[j - 1].subid < table->columns[j].subid);
	}
}

static void get_gives_every_cell(void **state)
{
	struct cell cell;
	bool known;

	(void)state;
	assert_true(n_walk > 500);
	for (size_t i = 0; i < n_list; i++) {
		const struct column *column =
			table_get(world.view, list[i].oid, list[i].n, &cell, &known);

		assert_true(known);
		if (list[i].present)
			check_cell(&list[i], column, &cell);
		else if (column)
			fail_msg("expected.txt:%d: %s...%u is there", list[i].line, column->name,
				list[i].oid[list[i].n - 1]);
	}
}

static const struct table *table_of(uint32_t subid)
{
	for (size_t i = 0; i < mx_n_tables; i++)
		if (mx_tables[i]->subid == subid)
			return mx_tables[i];
	return NULL;
}

/* Every instance of a table in each of its columns: what the list does not have is absent. */
static void get_gives_nothing_else(void **state)
{
	struct cell cell;
	bool known;

	(void)state;
	for (size_t i = 0; i < n_list; i++) {
		const struct table *table = table_of(list[i].oid[0]);
		size_t at = table->n_index ? 2 : 1;
		uint32_t oid[OID_SUFFIX_MAX];

		memcpy(oid, list[i].oid, sizeof(oid));
		for (unsigned arc = 0; arc < 256; arc++) {
			const struct expected *next;

			oid[at] = arc;
			next = expected_next(oid, list[i].n, true);
			if (next && oid_compare(next->oid, next->n, oid, list[i].n) == 0)
				continue;
			if (table_get(world.view, oid, list[i].n, &cell, &known) != NULL)
				fail_msg("expected.txt:%d: column %u has this instance too",
					list[i].line, arc);
		}
	}
}

static void unknown_objects_are_told_apart(void **state)
{
	static const struct {
		uint32_t oid[OID_SUFFIX_MAX];
		size_t n;
		bool known;
	} cases[] = {
		{ { 0 }, 0, false },
		{ { 7 }, 1, false },
		{ { 7, 1 }, 2, false },
		{ { 7, 1, 1, 3, 1 }, 5, false },  /* the index itself */
		{ { 7, 1, 32, 3, 1 }, 5, false }, /* beyond the last column */
		{ { 7, 1, 255, 3, 1 }, 5, false },
		{ { 7, 1, 256 + 8, 3, 1 }, 5, false },
		{ { 7, 2, 8, 3, 1 }, 5, false },  /* no entry */
		{ { 13, 1, 2, 3, 1 }, 5, false }, /* a table that is not served */
		{ { 7, 1, 8 }, 3, true },	  /* no instance */
		{ { 7, 1, 8, 3 }, 4, true },
		{ { 7, 1, 8, 3, 1, 0 }, 6, true },
		{ { 7, 1, 8, 3, 0 }, 5, true },
		{ { 7, 1, 8, 3, 4 }, 5, true }, /* beyond the last branch */
		{ { 7, 1, 8, 4, 1 }, 5, true }, /* no such panel */
		{ { 7, 1, 8, 3, 0x1000001 }, 5, true },
		{ { 7, 1, 8, UINT32_MAX, UINT32_MAX }, 5, true },
		{ { 1, 1 }, 2, true },
		{ { 1, 1, 1 }, 3, true },
		{ { 11, 1, 2, 40 }, 4, true }, /* cleared */
		{ { 11, 1, 2, UINT32_MAX }, 4, true },
	};
	struct cell cell;
	bool known;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_null(table_get(world.view, cases[i].oid, cases[i].n, &cell, &known));
		assert_int_equal(known, cases[i].known);
	}
}

static void next_walks_all_in_order(void **state)
{
	uint32_t oid[OID_SUFFIX_MAX] = { 0 };
	const struct column *column;
	struct cell cell;
	size_t n = 0, i = 0;

	(void)state;
	while ((column = table_next(world.view, oid, n, false, oid, &n, &cell)) != NULL) {
		assert_true(i < n_walk);
		if (oid_compare(oid, n, walk[i]->oid, walk[i]->n) != 0)
			fail_msg("expected.txt:%d: %s...%u comes instead", walk[i]->line,
				column->name, oid[n - 1]);
		check_cell(walk[i++], column, &cell);
	}
	assert_int_equal(i, n_walk);
}

static void check_next(const uint32_t *oid, size_t n, bool inclusive)
{
	const struct expected *want = expected_next(oid, n, inclusive);
	uint32_t next[OID_SUFFIX_MAX];
	struct cell cell;
	size_t next_n;
	const struct column *column =
		table_next(world.view, oid, n, inclusive, next, &next_n, &cell);

	if (want == NULL) {
		assert_null(column);
		return;
	}
	check_cell(want, column, &cell);
	assert_int_equal(oid_compare(next, next_n, want->oid, want->n), 0);
}

/* From every cell, absent ones too, from every prefix, and from just before and after. */
static void next_finds_from_anywhere(void **state)
{
	uint32_t oid[OID_SUFFIX_MAX + 1];

	(void)state;
	for (size_t i = 0; i < n_list; i++) {
		for (size_t n = 0; n <= list[i].n; n++) {
			memset(oid, 0, sizeof(oid));
			memcpy(oid, list[i].oid, n * sizeof(*oid));
			check_next(oid, n, false);
			check_next(oid, n, true);
			check_next(oid, n + 1, false); /* with .0 below it */
			if (n == 0)
				continue;
			oid[n - 1]++;
			check_next(oid, n, true);
			oid[n - 1] -= 2;
			if (list[i].oid[n - 1] > 0)
				check_next(oid, n, false);
			oid[n - 1] = UINT32_MAX;
			check_next(oid, n, false);
		}
	}
}

/* ---- what changes with time ---------------------------------------------------------- */

static int64_t number(const uint32_t *oid, size_t n)
{
	struct cell cell;
	bool known;

	if (table_get(world.view, oid, n, &cell, &known) == NULL)
		return NONE;
	return cell.num;
}
#define NUMBER(...)                                                                                \
	number((const uint32_t[]){ __VA_ARGS__ },                                                  \
		sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t))

#define PANELS_ONLINE  1, 5, 0
#define ACTIVE_ALARMS  1, 6, 0
#define LATCHED_ALARMS 1, 7, 0
#define WORST_STATE    1, 8, 0

static void silence_withdraws_measurements(void **state)
{
	uint32_t next[OID_SUFFIX_MAX];
	const struct column *column;
	struct cell cell;
	size_t n;

	(void)state;
	view_begin(world.view, NOW_MS + 4999, NOW + 4999);
	assert_int_equal(NUMBER(7, 1, 8, 3, 1), 12345);
	assert_int_equal(NUMBER(7, 1, 8, 5, 2), NONE);
	assert_int_equal(NUMBER(3, 1, 11, 5), COMM_OFFLINE);
	assert_int_equal(NUMBER(PANELS_ONLINE), 1);
	view_begin(world.view, NOW_MS + 5000, NOW + 5000);
	assert_int_equal(NUMBER(7, 1, 8, 3, 1), NONE);
	assert_int_equal(NUMBER(8, 1, 9, 3, 1), NONE);
	assert_int_equal(NUMBER(8, 1, 9, 3, 2001), NONE);
	assert_int_equal(NUMBER(7, 1, 4, 3, 1), 20000); /* settings stay */
	assert_int_equal(NUMBER(7, 1, 27, 3, 1), 14000);
	assert_int_equal(NUMBER(3, 1, 13, 3), 5900);
	assert_int_equal(NUMBER(7, 1, 24, 3, 1), STATE_UNKNOWN);
	assert_int_equal(NUMBER(3, 1, 17, 3), STATE_UNKNOWN);
	assert_int_equal(NUMBER(10, 1, 5, 3, 1, 2, 3), 1); /* alarms too */
	assert_int_equal(NUMBER(PANELS_ONLINE), 0);
	assert_int_equal(NUMBER(LATCHED_ALARMS), 2);
	assert_int_equal(NUMBER(WORST_STATE), STATE_UNKNOWN);
	/* From the current to the state, the next thing that any branch still has. */
	column = table_next(world.view, (const uint32_t[]){ 7, 1, 8 }, 3, false, next, &n, &cell);
	assert_non_null(column);
	assert_string_equal(column->name, "mxBranchState");
	/* It answers again: no state was published, yet it is back. */
	struct snapshot *snapshot = store_begin(slot_of(3));
	snapshot->fresh_until_ms = NOW_MS + 9000;
	store_publish(slot_of(3), snapshot);
	view_begin(world.view, NOW_MS + 5001, NOW + 5001);
	assert_int_equal(NUMBER(PANELS_ONLINE), 1);
	assert_int_equal(NUMBER(WORST_STATE), STATE_CRITICAL);
}

/* Says that GONE is offline, so that only a change makes the summary again. */
static void settle(void)
{
	struct snapshot *snapshot = store_begin(slot_of(9));

	snapshot->comm = COMM_OFFLINE;
	store_publish(slot_of(9), snapshot);
	view_begin(world.view, NOW_MS, NOW);
}

static void alarms_show_in_the_next_request(void **state)
{
	struct snapshot *snapshot;

	(void)state;
	settle();
	assert_int_equal(NUMBER(ACTIVE_ALARMS), 3);
	assert_int_equal(NUMBER(11, 1, 2, 43), 3);
	snapshot = store_begin(slot_of(3));
	snapshot_set_alarms(snapshot, book_of(full_alarms, 2)); /* the voltage is good again */
	store_publish(slot_of(3), snapshot);
	assert_int_equal(NUMBER(ACTIVE_ALARMS), 3); /* one request, one moment */
	assert_int_equal(NUMBER(11, 1, 2, 43), 3);
	assert_int_equal(NUMBER(3, 1, 18, 3), 2);
	view_begin(world.view, NOW_MS, NOW);
	assert_int_equal(NUMBER(ACTIVE_ALARMS), 2);
	assert_int_equal(NUMBER(11, 1, 2, 43), NONE);
	assert_int_equal(NUMBER(11, 1, 2, 42), 3);
	assert_int_equal(NUMBER(3, 1, 18, 3), 1);
}

/* What the request had looked at before stands in it, and must not stand in the next one. */
static void a_change_during_a_request_shows_in_the_next(void **state)
{
	struct snapshot *snapshot;

	(void)state;
	settle();
	assert_int_equal(NUMBER(ACTIVE_ALARMS), 3);
	view_begin(world.view, NOW_MS, NOW);
	assert_int_equal(NUMBER(3, 1, 18, 3), 2);
	assert_true(view_is_of_one_moment(world.view));
	snapshot = store_begin(slot_of(3));
	snapshot_set_alarms(snapshot, book_of(full_alarms, 2));
	store_publish(slot_of(3), snapshot);
	assert_int_equal(NUMBER(ACTIVE_ALARMS), 3);
	assert_false(view_is_of_one_moment(world.view));
	view_begin(world.view, NOW_MS, NOW);
	assert_int_equal(NUMBER(3, 1, 18, 3), 1);
	assert_int_equal(NUMBER(ACTIVE_ALARMS), 2);
	assert_true(view_is_of_one_moment(world.view));
}

static void another_site_forgets_the_summary(void **state)
{
	struct config *config = conf_ref(world.site->config);

	(void)state;
	settle();
	assert_int_equal(NUMBER(ACTIVE_ALARMS), 3);
	config->n_panels -= 3; /* FULL alone */
	view_set_site(world.view, site_build(&(struct site_base){ .store = world.store,
						.journal = world.journal,
						.start_wall_ms = LOADED },
					 config, world.site));
	view_begin(world.view, NOW_MS, NOW);
	assert_int_equal(NUMBER(ACTIVE_ALARMS), 2);
	assert_int_equal(NUMBER(11, 1, 2, 7), NONE);
	assert_int_equal(NUMBER(1, 4, 0), 1);
	config->n_panels += 3;
	conf_unref(config);
}

static void phases_follow_the_layout(void **state)
{
	static const struct {
		int64_t layout, user, phases[3];
	} cases[] = {
		{ 0, 0, { 1, 1, 2 } },
		{ 2, 0, { 1, 2, 3 } },
		{ 9, 0, { NONE, NONE, NONE } }, /* no such layout */
		{ 0, 1, { 3, 2, 1 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct snapshot *snapshot = store_begin(slot_of(3));

		snapshot_set(snapshot, SCOPE_PANEL, Q_CT_LAYOUT, 1, cases[i].layout);
		snapshot_set(snapshot, SCOPE_PANEL, Q_USER_PHASES, 1, cases[i].user);
		store_publish(slot_of(3), snapshot);
		view_begin(world.view, NOW_MS, NOW);
		for (uint32_t branch = 1; branch <= 3; branch++)
			assert_int_equal(NUMBER(7, 1, 6, 3, branch), cases[i].phases[branch - 1]);
	}
}

/* ---- values on the wire -------------------------------------------------------------- */

static void numbers_fit_or_are_absent(void **state)
{
	static const struct {
		uint8_t asn;
		int64_t number;
		bool present;
		int64_t want;
	} cases[] = {
		{ ASN_INTEGER, INT32_MIN, true, INT32_MIN },
		{ ASN_INTEGER, INT32_MAX, true, INT32_MAX },
		{ ASN_INTEGER, INT32_MAX + INT64_C(1), false, 0 },
		{ ASN_INTEGER, INT32_MIN - INT64_C(1), false, 0 },
		{ ASN_GAUGE, 0, true, 0 },
		{ ASN_GAUGE, UINT32_MAX, true, UINT32_MAX },
		{ ASN_GAUGE, -1, false, 0 },
		{ ASN_GAUGE, UINT32_MAX + INT64_C(1), false, 0 },
		{ ASN_COUNTER, UINT32_MAX + INT64_C(3), true, 2 },
		{ ASN_COUNTER64, INT64_MAX, true, INT64_MAX },
		{ ASN_COUNTER64, -1, false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct column column = { .asn = cases[i].asn };
		struct cell cell = { .state = CELL_ABSENT };

		cell_set_number(&cell, &column, cases[i].number);
		assert_int_equal(cell.state == CELL_PRESENT, cases[i].present);
		if (cases[i].present)
			assert_int_equal(cell.num, cases[i].want);
	}
}

static void text_is_cut_between_characters(void **state)
{
	static const struct {
		const char *last; /* bytes from the 254th on */
		size_t length;
	} cases[] = {
		{ "", 253 }, { "ab", 255 }, { "abc", 255 },
		{ "\xc3\xbc", 255 },	     /* u umlaut just fits */
		{ "a\xc3\xbc", 254 },	     /* does not */
		{ "\xe2\x82\xac", 253 },     /* euro sign */
		{ "\xf0\x9f\x94\x8c", 253 }, /* plug */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct cell cell = { .state = CELL_ABSENT };
		char text[300];

		memset(text, 'x', 253);
		text_copy(text + 253, sizeof(text) - 253, cases[i].last);
		cell_set_text(&cell, text);
		assert_int_equal(cell.state, CELL_PRESENT);
		assert_int_equal(cell.length, cases[i].length);
	}
}

static void worst_is_critical_unknown_warning_ok(void **state)
{
	static const enum worst_state order[] = { STATE_OK, STATE_WARNING, STATE_UNKNOWN,
		STATE_CRITICAL };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(order); i++)
		for (size_t j = 0; j < ARRAY_LEN(order); j++)
			assert_int_equal(worse_state(order[i], order[j]), order[i > j ? i : j]);
}

int main(void)
{
	const struct CMUnitTest oracle[] = {
		cmocka_unit_test(tables_are_in_order),
		cmocka_unit_test(get_gives_every_cell),
		cmocka_unit_test(get_gives_nothing_else),
		cmocka_unit_test(unknown_objects_are_told_apart),
		cmocka_unit_test(next_walks_all_in_order),
		cmocka_unit_test(next_finds_from_anywhere),
	};
	const struct CMUnitTest changes[] = {
		cmocka_unit_test_setup_teardown(
			silence_withdraws_measurements, world_begin, world_end),
		cmocka_unit_test_setup_teardown(
			alarms_show_in_the_next_request, world_begin, world_end),
		cmocka_unit_test_setup_teardown(
			a_change_during_a_request_shows_in_the_next, world_begin, world_end),
		cmocka_unit_test_setup_teardown(
			another_site_forgets_the_summary, world_begin, world_end),
		cmocka_unit_test_setup_teardown(phases_follow_the_layout, world_begin, world_end),
		cmocka_unit_test(numbers_fit_or_are_absent),
		cmocka_unit_test(text_is_cut_between_characters),
		cmocka_unit_test(worst_is_critical_unknown_warning_ok),
	};
	int failed = cmocka_run_group_tests(oracle, list_begin, list_end);

	return failed + cmocka_run_group_tests(changes, NULL, NULL);
}
