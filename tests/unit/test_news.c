/*
 * What a poller tells the journal, and what it remembers, on a clock that stands
 * still and a bus made of an array. Starting again is a poller made anew on a
 * slot made anew, with the same journal.
 */
#include "config.h"

#include "modbus/poller.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alarm/journal.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/util.h"
#include "modbus/news.h"
#include "sim_rig.h"

#define START_MS 1000000
#define WALL_MS	 1700000000000
#define REG(n)	 (rig.regs[(n)-1]) /* as the manual numbers them */

#define STATUS(branch) REG(177 + (branch))
#define COUNT(branch)  REG(300 + (branch)) /* of high-high */
#define COUNTS	       REG(296) /* of all: one that moved has the others read */
#define HH	       0x0001
#define HNL	       0x0100

#define RHYTHM                                                                                     \
	"poll = 1000\nalarm-poll = 1000\nslow-poll = 30000\nstale-after = 3\n"                      \
	"link \"l\" { transport = \"tcp\" host = \"127.0.0.1\" response-timeout = 400 retries = 0 }\n"
#define PANEL "panel \"P\" { index = 1 link = \"l\" unit = 1 profile = \"bcpm\" encoding = \"integer\" "
#define CONF  RHYTHM PANEL "branch 3 { label = \"Chiller\" } }\n"

static struct {
	uint16_t regs[65536];
	bool silent;
	int64_t now_ms;
	struct sim sim; /* its folder and journal only */
	struct store *store;
	struct site *site;
	struct slot *slot;
	struct poller *poller;
	uint64_t told; /* number of the last event that told() has given */
} rig;

/* The bus. */

int bus_read(struct bus *bus, uint8_t unit, unsigned function, uint16_t reg, uint16_t count,
	uint32_t timeout_ms, uint16_t *words)
{
	(void)bus, (void)unit, (void)function, (void)timeout_ms;
	if (rig.silent)
		return -ETIMEDOUT;
	memcpy(words, rig.regs + reg, count * sizeof(*words));
	return 0;
}

int bus_connect(struct bus *bus, uint32_t timeout_ms)
{
	(void)bus, (void)timeout_ms;
	return 0;
}

bool bus_last_timing(const struct bus *bus, struct bus_timing *timing)
{
	(void)bus;
	(void)timing;
	return false;
}

bool bus_connected(const struct bus *bus)
{
	(void)bus;
	return true;
}

void bus_recover(struct bus *bus)
{
	(void)bus;
}

const char *bus_strerror(int rc)
{
	return rc == -ETIMEDOUT ? "timed out" : "error";
}

/* The rig. */

static void start(const char *conf)
{
	rig.store = store_new();
	rig.site = rig_site(&rig.sim, rig.store, NULL, conf);
	rig.slot = rig.site->panels[0].slot;
	rig.poller = poller_new(rig.site, &rig.site->panels[0], NULL);
}

static void stop(void)
{
	poller_free(rig.poller);
	site_unref(rig.site);
	store_free(rig.store);
}

static void set_time(int64_t now_ms)
{
	rig.now_ms = now_ms;
	clock_set(now_ms, WALL_MS + now_ms);
}

static int set_up(void **state)
{
	(void)state;
	memset(&rig, 0, sizeof(rig));
	REG(2) = 4711; /* serial */
	REG(5) = 15172; /* model A */
	set_time(START_MS);
	snprintf(rig.sim.folder, sizeof(rig.sim.folder), "/tmp/meterx-rig.XXXXXX");
	assert_non_null(mkdtemp(rig.sim.folder));
	rig.sim.journal = journal_open(NULL, 10000);
	start(CONF);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	stop();
	journal_close(rig.sim.journal);
	sim_stop(&rig.sim);
	clock_set(-1, -1);
	return 0;
}

/* Whatever is shown as raised has its event, and what is remembered is what is shown. */
static void check(void)
{
	const struct snapshot *snapshot = store_get(rig.slot);
	struct panel_memory memory;

	for (uint32_t i = 0; i < snapshot->alarms->n; i++) {
		const struct alarm *alarm = &snapshot->alarms->alarms[i];
		struct event *event;

		if (!alarm->active && !alarm->latched)
			continue;
		event = journal_find(rig.sim.journal, alarm->event);
		assert_non_null(event);
		assert_int_equal(event->kind, EVENT_RAISED);
		assert_int_equal(event->scope, ROW_KEY_A(alarm->key));
		assert_int_equal(event->channel, ROW_KEY_B(alarm->key));
		assert_int_equal(event->level, ROW_KEY_C(alarm->key));
		assert_int_equal(event->wall_ms, alarm->raised_wall_ms);
		event_unref(event);
	}
	if (journal_panel(rig.sim.journal, 1, &memory)) {
		if (memory.book != NULL)
			assert_ptr_equal(memory.book, snapshot->alarms);
		alarm_book_unref(memory.book);
	}
	store_put(rig.slot, snapshot);
}

/* All that is due now. */
static void work(void)
{
	for (int i = 0; i < 1000; i++) {
		if (poller_silent(rig.poller) && poller_misses_ms(rig.poller) <= rig.now_ms)
			poller_missed(rig.poller, rig.now_ms, NULL);
		check();
		if (poller_due_ms(rig.poller) > rig.now_ms)
			return;
		poller_step(rig.poller, NULL, rig.now_ms, false);
	}
	fail_msg("the poller never rests");
}

static void seconds(int n)
{
	for (int i = 0; i < n * 10; i++) {
		set_time(rig.now_ms + 100);
		work();
	}
}

static void start_again(const char *conf)
{
	stop();
	set_time(5000); /* the machine was switched off and on as well */
	start(conf);
	check();
}

/* Texts of the events since the last time, a line each; "!" before those with a notification. */
static const char *told(void)
{
	static char text[4096];
	struct event *event;
	size_t length = 0;

	text[0] = '\0';
	while ((event = journal_next(rig.sim.journal, rig.told, false)) != NULL) {
		rig.told = event->number;
		length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%s%s",
			length > 0 ? "\n" : "", event->notify ? "!" : "", event->text);
		assert_true(length < sizeof(text));
		event_unref(event);
	}
	return text;
}

#define assert_told(want) assert_string_equal(told(), want)

static void an_alarm_comes_and_goes(void **state)
{
	struct event *event;

	(void)state;
	REG(1338) = 3;
	work();
	assert_told("!P online, serial 4711");
	REG(1338) = 18;
	STATUS(3) = HH;
	seconds(2);
	assert_told("!P branch 3 (Chiller): high-high latched, 18.000 A");
	event = journal_find(rig.sim.journal, rig.told);
	assert_int_equal(event->kind, EVENT_RAISED);
	assert_int_equal(event->severity, STATE_CRITICAL);
	assert_true(event->has_value && !event->has_limit && !event->found);
	assert_int_equal(event->value, 18000);
	assert_string_equal(event->label, "Chiller");
	assert_string_equal(event->panel_name, "P");
	event_unref(event);
	STATUS(3) = 0;
	seconds(2);
	assert_told("!P branch 3 (Chiller): high-high cleared");
}

static void found_at_start_once(void **state)
{
	(void)state;
	STATUS(3) = HH;
	work();
	assert_told("!P online, serial 4711\n"
		    "!P branch 3 (Chiller): high-high latched, 0.000 A, found at start");
	start_again(CONF);
	seconds(2);
	assert_told("");
}

static void what_is_known_is_not_told_again(void **state)
{
	(void)state;
	STATUS(3) = HH;
	STATUS(4) = HH;
	COUNT(3) = COUNT(4) = COUNT(6) = 1;
	work();
	told();
	start_again(CONF);
	STATUS(4) = 0; /* gone */
	STATUS(5) = HH; /* new */
	COUNT(5)++;
	COUNT(6)++; /* came and went */
	COUNT(3)++; /* cleared and raised again */
	seconds(2);
	assert_told("!P branch 3 (Chiller): high-high latched, 0.000 A\n"
		    "!P branch 5: high-high latched, 0.000 A\n"
		    "!P branch 4: high-high cleared\n"
		    "!P branch 6: high-high came and went between two polls\n"
		    "!P branch 6: high-high cleared, came and went");
}

/* The counts of a healthy meter are remembered though there is nothing to tell. */
static void the_first_counts_are_remembered(void **state)
{
	(void)state;
	COUNT(6) = 7;
	work();
	assert_told("!P online, serial 4711");
	start_again(CONF);
	COUNT(6) = 9;
	seconds(2);
	assert_told("!P branch 6: high-high came and went between two polls, raised 2 times\n"
		    "!P branch 6: high-high cleared, came and went");
}

static void came_and_went_between_two_polls(void **state)
{
	(void)state;
	work();
	told();
	COUNT(3) = 2;
	COUNTS = 2;
	seconds(3);
	assert_told("!P branch 3 (Chiller): high-high came and went between two polls, raised 2 times\n"
		    "!P branch 3 (Chiller): high-high cleared, came and went");
}

/* Until the meter answers, what was known of it is shown. */
static void alarms_stay_while_nobody_answers(void **state)
{
	const struct snapshot *snapshot;

	(void)state;
	STATUS(3) = HH;
	work();
	told();
	rig.silent = true;
	start_again(CONF);
	for (int i = 0; i < 2; i++) {
		snapshot = store_get(rig.slot);
		assert_int_equal(snapshot->comm, COMM_OFFLINE);
		assert_true(snapshot->alarms->known);
		assert_int_equal(snapshot->alarms->n_latched, 1);
		store_put(rig.slot, snapshot);
		seconds(i == 0 ? 1 : 10);
	}
	assert_told("!P offline: timed out at registers 1 to 5");
	rig.silent = false;
	STATUS(3) = 0;
	seconds(31);
	assert_told("!P online again\n"
		    "!P branch 3 (Chiller): high-high cleared");
}

static void panel_state_is_told_once(void **state)
{
	(void)state;
	rig.silent = true;
	seconds(1);
	assert_told("");
	seconds(1);
	assert_told("!P offline: timed out at registers 1 to 5"); /* it never was online */
	seconds(60);
	assert_told("");
	start_again(CONF);
	seconds(60);
	assert_told("");
	rig.silent = false;
	seconds(31);
	assert_told("!P online again");
	start_again(CONF);
	seconds(2);
	assert_told("");
	rig.silent = true;
	seconds(2);
	assert_told("");
	seconds(2);
	assert_told("!P offline: timed out at registers 1 to 5");
	rig.silent = false;
	REG(5) = 99; /* something else answers */
	seconds(31);
	assert_told("P: another meter, serial 4711, device id 99 instead of 4711, 15172");
	REG(5) = 15172;
	seconds(31);
	assert_told("!P online again after 59 s");
}

static void another_meter_ends_the_alarms_of_the_first(void **state)
{
	(void)state;
	STATUS(3) = HH;
	STATUS(4) = HNL;
	COUNT(6) = 3;
	work();
	told();
	rig.silent = true;
	seconds(1);
	rig.silent = false;
	REG(2) = 4712;
	STATUS(4) = 0;
	COUNT(6) = 5;
	seconds(5);
	assert_told("P: another meter, serial 4712, device id 15172 instead of 4711, 15172\n"
		    "!P branch 3 (Chiller): high-high cleared\n"
		    "P branch 4: high-non-latching not active any more\n"
		    "!P branch 3 (Chiller): high-high latched, 0.000 A, found at start");
}

/* The same while the agent was away. */
static void another_meter_after_a_restart(void **state)
{
	struct panel_memory memory;

	(void)state;
	STATUS(3) = HH;
	work();
	told();
	start_again(CONF);
	REG(2) = 4712;
	STATUS(3) = 0;
	COUNT(3) = 100;
	seconds(2);
	assert_told("P: another meter, serial 4712, device id 15172 instead of 4711, 15172\n"
		    "!P branch 3 (Chiller): high-high cleared");
	assert_true(journal_panel(rig.sim.journal, 1, &memory));
	assert_int_equal(memory.serial, 4712);
	assert_int_equal(memory.device, 15172);
	assert_true(memory.told_online && !memory.told_offline);
	alarm_book_unref(memory.book);
}

/* A meter that was not known by its serial may be any. */
static void a_serial_not_known_tells_nothing(void **state)
{
	struct panel_memory memory;
	struct journal_batch batch;

	(void)state;
	STATUS(3) = HH;
	work();
	told();
	assert_true(journal_panel(rig.sim.journal, 1, &memory));
	memory.serial = -1;
	memory.device = -1;
	stop();
	journal_begin(&batch, rig.sim.journal);
	journal_remember_panel(&batch, 1, &memory);
	journal_end(&batch);
	alarm_book_unref(memory.book);
	set_time(5000);
	start(CONF);
	REG(2) = 4712;
	seconds(2);
	assert_told("");
}

static void states_that_do_not_latch(void **state)
{
	(void)state;
	stop();
	start(RHYTHM PANEL "notify-hold = 2500 }\n");
	work();
	told();
	for (int i = 0; i < 6; i++) {
		STATUS(3) = i % 2 == 0 ? HNL : 0;
		seconds(1);
	}
	assert_told("P branch 3: high-non-latching active, 0.000 A\n"
		    "P branch 3: high-non-latching not active any more");
	seconds(5);
	assert_told("");
	start_again(RHYTHM PANEL "notify-non-latched = yes notify-hold = 0 }\n");
	for (int i = 0; i < 4; i++) {
		STATUS(3) = i % 2 == 0 ? HNL : 0;
		seconds(1);
	}
	assert_told("!P branch 3: high-non-latching active, 0.000 A\n"
		    "!P branch 3: high-non-latching not active any more\n"
		    "!P branch 3: high-non-latching active, 0.000 A\n"
		    "!P branch 3: high-non-latching not active any more");
}

/* What is held is told when its time has come, though the meter is silent by then. */
static void a_hold_ends_while_the_meter_is_silent(void **state)
{
	(void)state;
	stop();
	start(RHYTHM PANEL "notify-hold = 5000 }\n");
	work();
	STATUS(3) = HNL;
	seconds(1);
	STATUS(3) = 0;
	seconds(1);
	told();
	rig.silent = true;
	seconds(10);
	assert_told("!P offline: timed out at registers 1 to 5\n"
		    "P branch 3: high-non-latching not active any more");
}

static void energy_registers(void **state)
{
	struct event *event;

	(void)state;
	REG(1168) = 0xffff; /* branch 1, kWh */
	REG(1169) = 0xfff0;
	REG(1171) = 500; /* branch 2 */
	REG(1173) = 500;
	work();
	told();
	REG(1168) = 0;
	REG(1169) = 4;
	REG(1171) = 3;
	seconds(2);
	assert_told("P branch 2: energy was reset\nP branch 1: energy rolled over");
	event = journal_find(rig.sim.journal, rig.told);
	assert_int_equal(event->kind, EVENT_ENERGY_ROLLOVER);
	assert_int_equal(event->scope, EVENT_SCOPE_BRANCH);
	assert_int_equal(event->channel, 1);
	assert_int_equal(event->severity, STATE_OK);
	event_unref(event);
	/* Too soon after the last to be told at once. */
	REG(1169) = REG(1171) = REG(1173) = 0;
	seconds(2);
	assert_told("");
	seconds(10);
	assert_told("P branch 1: energy was reset, and 2 others");
}

/* A counter that goes back at every poll is told ever more rarely. */
static void energy_that_jumps(void **state)
{
	unsigned n = 0;

	(void)state;
	REG(1171) = 60000;
	work();
	told();
	for (int i = 0; i < 300; i++) {
		REG(1171)--;
		seconds(2);
		n += *told() != '\0';
	}
	assert_in_range(n, 4, 7);
}

/* Taken out of the configuration, or switched off in it. */
static void nobody_watches_the_panel_any_more(void **state)
{
	static const char *const others[] = { RHYTHM, RHYTHM PANEL "enabled = no }\n" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		struct panel_memory memory;
		struct site *next;

		STATUS(3) = HH;
		seconds(2);
		told();
		next = rig_site(&rig.sim, rig.store, rig.site, CONF);
		news_dismiss(rig.site, rig.site->links[0].conf, next);
		site_unref(next);
		assert_told("");
		next = rig_site(&rig.sim, rig.store, rig.site, others[i]);
		news_dismiss(rig.site, rig.site->links[0].conf, next);
		site_unref(next);
		assert_told("!P branch 3 (Chiller): high-high cleared");
		assert_true(journal_panel(rig.sim.journal, 1, &memory));
		assert_null(memory.book);
		assert_int_equal(memory.serial, -1);
		assert_false(memory.told_online);
		start_again(CONF);
		seconds(2);
		assert_told("!P online, serial 4711\n"
			    "!P branch 3 (Chiller): high-high latched, 0.000 A, found at start");
	}
}

/* The same while no agent ran. */
static void nobody_watched_the_panel_after_a_restart(void **state)
{
	static const char *const others[] = { RHYTHM, RHYTHM PANEL "enabled = no }\n" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		STATUS(3) = HH;
		STATUS(4) = HNL;
		seconds(2);
		told();
		news_dismiss_others(rig.sim.journal, rig.site->config);
		assert_told("");
		stop();
		rig.store = store_new();
		rig.site = rig_site(&rig.sim, rig.store, NULL, others[i]);
		/* An agent that reloads does this first, and may be killed before its link tells. */
		journal_forget_others(rig.sim.journal, rig.site->config);
		news_dismiss_others(rig.sim.journal, rig.site->config);
		assert_told("!P branch 3 (Chiller): high-high cleared, the panel is not watched any more\n"
			    "P branch 4: high-non-latching not active any more, "
			    "the panel is not watched any more");
		news_dismiss_others(rig.sim.journal, rig.site->config);
		assert_told("");
		site_unref(rig.site);
		store_free(rig.store);
		set_time(5000);
		start(CONF);
	}
}

/* Nor will a link that is taken out while it is down, whether an agent ran meanwhile or not. */
static void nobody_uses_the_link_any_more(void **state)
{
	struct journal_batch batch;
	struct tale tale;

	(void)state;
	told();
	journal_begin(&batch, rig.sim.journal);
	tell_link(&tale, &(struct link_conf){ .name = (char *)"gone", .index = 7 }, EVENT_LINK_DOWN,
		1, "link gone down");
	journal_add(&batch, &tale.draft);
	journal_remember_link(&batch, "gone", true);
	journal_end(&batch);
	journal_forget_others(rig.sim.journal, rig.site->config);
	told();
	news_dismiss_links(rig.sim.journal, rig.site->config);
	assert_told("!link gone was down, is not used any more");
	news_dismiss_links(rig.sim.journal, rig.site->config);
	assert_told("");
	assert_false(journal_link_down(rig.sim.journal, "gone"));
}

/* Somebody waits for the panel to come back, and it will not. */
static void nobody_watches_the_offline_panel_any_more(void **state)
{
	struct site *next;

	(void)state;
	seconds(2);
	rig.silent = true;
	seconds(5);
	told();
	next = rig_site(&rig.sim, rig.store, rig.site, RHYTHM);
	journal_forget_others(rig.sim.journal, next->config);
	news_dismiss(rig.site, rig.site->links[0].conf, next);
	assert_told("!P was offline, is not watched any more");
	news_dismiss(rig.site, rig.site->links[0].conf, next);
	news_dismiss_others(rig.sim.journal, next->config);
	site_unref(next);
	assert_told("");

	rig.silent = false;
	start_again(CONF);
	seconds(2);
	rig.silent = true;
	seconds(5);
	told();
	stop();
	rig.store = store_new();
	rig.site = rig_site(&rig.sim, rig.store, NULL, RHYTHM);
	news_dismiss_others(rig.sim.journal, rig.site->config);
	assert_told("!P was offline, is not watched any more");
	news_dismiss_others(rig.sim.journal, rig.site->config);
	assert_told("");
	site_unref(rig.site);
	store_free(rig.store);
	set_time(5000);
	start(CONF);
}

/*
 * By the sample profile inputs 1 and 2 have a register each and 3 to 18 the bits
 * of another. What is said of a contact is said against what was known of it.
 */
static void inputs_change(void **state)
{
	struct event *event;

	(void)state;
	stop();
	rig.sim.profiles = TEST_SRCDIR "/tests/data";
	REG(3) = 100; /* device id */
	REG(90) = 0x8001;
	start(RHYTHM "panel \"P\" { index = 1 link = \"l\" unit = 1 profile = \"sample-profile\"\n"
		     "  input 1 { label = \"Door\" normal = \"closed\" } input 18 { normal = open } }\n");
	work();
	assert_told("!P online, serial 4711"); /* the first reading says nothing */
	assert_int_equal(rig_get(rig.slot, SCOPE_INPUT, Q_INPUT_STATE, 1).num, INPUT_OPEN);
	assert_int_equal(rig_get(rig.slot, SCOPE_INPUT, Q_INPUT_STATE, 3).num, INPUT_CLOSED);
	assert_int_equal(rig_get(rig.slot, SCOPE_INPUT, Q_INPUT_STATE, 4).num, INPUT_OPEN);
	assert_int_equal(rig_get(rig.slot, SCOPE_INPUT, Q_INPUT_STATE, 18).num, INPUT_CLOSED);
	assert_int_equal(rig_get(rig.slot, SCOPE_INPUT, Q_INPUT_CHANGE, 1).quality, QUALITY_NONE);
	REG(91) = 5;
	REG(90) = 0x0002;
	seconds(1);
	assert_told("!P input 1 (Door): closed, as is normal\n"
		    "!P input 3: open\n"
		    "!P input 4: closed\n"
		    "!P input 18: open, as is normal");
	assert_int_equal(rig_get(rig.slot, SCOPE_INPUT, Q_INPUT_CHANGE, 1).num, WALL_MS + rig.now_ms);
	event = journal_find(rig.sim.journal, rig.told);
	assert_int_equal(event->value, INPUT_OPEN);
	event_unref(event);
	REG(91) = 7; /* still not 0 */
	seconds(1);
	assert_told("");
	start_again(RHYTHM "panel \"P\" { index = 1 link = \"l\" unit = 1 profile = \"sample-profile\" }\n");
	REG(91) = 0;
	seconds(1);
	assert_told("!P input 1: open"); /* while nobody was there */
	rig.silent = true;
	seconds(10);
	told();
	assert_int_equal(rig_get(rig.slot, SCOPE_INPUT, Q_INPUT_STATE, 1).quality, QUALITY_STALE);
	assert_int_equal(rig_get(rig.slot, SCOPE_INPUT, Q_INPUT_CHANGE, 1).quality, QUALITY_GOOD);
	rig.silent = false;
	REG(2) = 4712; /* another meter: a new base */
	REG(91) = 1;
	seconds(31);
	assert_told("P: another meter, serial 4712, device id 100 instead of 4711, 100\n"
		    "!P online again after 13 s");
}

/* Another profile is behind the panel now; what it does not have has ended. */
static void alarms_of_the_profile_before(void **state)
{
	static const struct alarm alarms[] = {
		{ .key = ROW_KEY(SCOPE_BRANCH, 3, LEVEL_HIGH_HIGH), .latched = true, .event = 1 },
		{ .key = ROW_KEY(SCOPE_BRANCH, 60, LEVEL_HIGH), .latched = true, .event = 2 },
	};
	struct journal_batch batch;
	struct panel_memory memory = {
		.serial = 4711,
		.device = 15172,
		.told_online = true,
		.book = alarm_book_build(alarms, ARRAY_LEN(alarms), true, true),
	};
	const struct snapshot *snapshot;

	(void)state;
	stop();
	journal_begin(&batch, rig.sim.journal);
	for (int i = 1; i <= 2; i++)
		journal_add(&batch, &(struct event){ .kind = EVENT_RAISED,
					    .scope = EVENT_SCOPE_BRANCH,
					    .channel = 3,
					    .level = LEVEL_HIGH_HIGH });
	journal_remember_panel(&batch, 1, &memory);
	journal_end(&batch);
	alarm_book_unref(memory.book);
	told();
	start(CONF);
	snapshot = store_get(rig.slot);
	assert_int_equal(snapshot->alarms->n_latched, 1);
	store_put(rig.slot, snapshot);
	assert_told("!P branch 60: high cleared");
	STATUS(3) = HH;
	seconds(2);
	assert_told("");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_alarm_comes_and_goes),
		TEST(found_at_start_once),
		TEST(what_is_known_is_not_told_again),
		TEST(the_first_counts_are_remembered),
		TEST(came_and_went_between_two_polls),
		TEST(alarms_stay_while_nobody_answers),
		TEST(panel_state_is_told_once),
		TEST(another_meter_ends_the_alarms_of_the_first),
		TEST(another_meter_after_a_restart),
		TEST(a_serial_not_known_tells_nothing),
		TEST(states_that_do_not_latch),
		TEST(a_hold_ends_while_the_meter_is_silent),
		TEST(energy_registers),
		TEST(energy_that_jumps),
		TEST(nobody_watches_the_panel_any_more),
		TEST(nobody_watched_the_panel_after_a_restart),
		TEST(nobody_watches_the_offline_panel_any_more),
		TEST(nobody_uses_the_link_any_more),
		TEST(inputs_change),
		TEST(alarms_of_the_profile_before),
	};

	log_init("test_news", LOG_LEVEL_WARNING);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
