/*
 * poller on a clock that stands still and a bus made of an array: what is
 * read when, what is published, what is missed.
 */
#include "config.h"

#include "modbus/poller.h"

#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "alarm/alarm.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/util.h"
#include "modbus/overload.h"
#include "sim_rig.h"

#define START_MS   1000000
#define WALL_MS    1700000000000
#define REG(n)     (rig.regs[(n)-1]) /* as the manual numbers them */
#define STALE      3
#define POLL_MS    2000
#define ALARM_MS   1000
#define TIMEOUT_MS 400

#define CONF_OF(encoding)                                                                          \
	"poll = 2000\nalarm-poll = 1000\nslow-poll = 60000\nstale-after = 3\n"                     \
	"link \"l\" { transport = \"tcp\" host = \"127.0.0.1\" response-timeout = 400 retries = 1 }\n" \
	"panel \"P\" { index = 1 link = \"l\" unit = 1 profile = \"bcpm\" encoding = \"" encoding   \
	"\" }\n"
#define CONF       CONF_OF("integer")
#define CONF_FLOAT CONF_OF("float")

static struct {
	uint16_t regs[65536];
	unsigned reads, words;
	int fail;              /* answer of every read */
	unsigned fail_reg;     /* only of reads that hold this register; 0: of all */
	unsigned good_before;  /* reads that still go well */
	unsigned refused_first, refused_last; /* exception 2; 0: none */
	unsigned refusals;
	unsigned refuse_permille, seed; /* exception 2 at random */
	bool any_unit;
	unsigned read_takes_ms;
	struct bus_timing timing;
	unsigned word_takes_ms; /* on top of it: a slow line behind a gateway */
	bool restless_serial; /* another one at every read */
	unsigned serial_reads; /* reads that held it */
	int64_t now_ms;
	struct sim sim; /* its folder only */
	struct store *store;
	struct site *site;
	struct slot *slot;
	struct poller *poller;
} rig;

/* The bus. */

int bus_read(struct bus *bus, uint8_t unit, unsigned function, uint16_t reg, uint16_t count,
	uint32_t timeout_ms, uint16_t *words)
{
	(void)bus;
	assert_true(unit == 1 || rig.any_unit);
	assert_int_equal(function, 3);
	assert_int_equal(timeout_ms, TIMEOUT_MS);
	rig.reads++;
	rig.words += count;
	rig.now_ms += rig.read_takes_ms + count * rig.word_takes_ms;
	rig.timing = (struct bus_timing){
		.turnaround_us = rig.read_takes_ms * 1000,
		.round_trip_us = (rig.read_takes_ms + count * rig.word_takes_ms) * 1000,
	};
	clock_set(rig.now_ms, WALL_MS + rig.now_ms);
	if (rig.fail != 0 && (rig.fail_reg == 0 || (rig.fail_reg - 1 >= reg &&
							  rig.fail_reg - 1 < reg + count))) {
		if (rig.good_before == 0)
			return rig.fail;
		rig.good_before--;
	}
	if (rig.refused_first != 0 && rig.refused_first <= (unsigned)reg + count &&
		rig.refused_last > reg) {
		rig.refusals++;
		return BUS_EXCEPTION(2);
	}
	rig.seed = rig.seed * 1103515245 + 12345;
	if (reg > 5 && (rig.seed >> 16) % 1000 < rig.refuse_permille) {
		rig.refusals++;
		return BUS_EXCEPTION(2);
	}
	memcpy(words, rig.regs + reg, count * sizeof(*words));
	rig.serial_reads += reg <= 1;
	if (rig.restless_serial)
		REG(2)++;
	return 0;
}

bool bus_last_timing(const struct bus *bus, struct bus_timing *timing)
{
	(void)bus;
	*timing = rig.timing;
	return true;
}

int bus_connect(struct bus *bus, uint32_t timeout_ms)
{
	(void)bus;
	(void)timeout_ms;
	return 0;
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

/* A panel that nothing is known of yet, in place of the one before. */
static void rig_panel(const char *conf)
{
	poller_free(rig.poller);
	site_unref(rig.site);
	rig.site = rig_site(&rig.sim, rig.store, NULL, conf);
	rig.slot = rig.site->panels[0].slot;
	rig.poller = poller_new(rig.site, &rig.site->panels[0], NULL);
}

static int set_up(void **state)
{
	(void)state;
	memset(&rig, 0, sizeof(rig));
	REG(2) = 4711; /* serial */
	REG(5) = 15172; /* model A */
	rig.now_ms = START_MS;
	clock_set(rig.now_ms, WALL_MS + rig.now_ms);
	snprintf(rig.sim.folder, sizeof(rig.sim.folder), "/tmp/meterx-rig.XXXXXX");
	assert_non_null(mkdtemp(rig.sim.folder));
	rig.store = store_new();
	rig_panel(CONF);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	poller_free(rig.poller);
	site_unref(rig.site);
	store_free(rig.store);
	sim_stop(&rig.sim);
	clock_set(-1, -1);
	return 0;
}

static void set_time(int64_t now_ms)
{
	rig.now_ms = now_ms;
	clock_set(now_ms, WALL_MS + now_ms);
}

/* All that is due; returns the last error of the bus. */
static int work(void)
{
	int rc = 0, last = 0;

	for (int i = 0; i < 1000; i++) {
		if (poller_silent(rig.poller) && poller_misses_ms(rig.poller) <= rig.now_ms)
			poller_missed(rig.poller, rig.now_ms, NULL);
		if (poller_due_ms(rig.poller) > rig.now_ms)
			return last;
		rc = poller_step(rig.poller, NULL, rig.now_ms, false);
		last = rc < 0 ? rc : last;
	}
	fail_msg("the poller never rests");
	return 0;
}

/* On to a moment, doing what is due at every 100 ms of the way. */
static void run_until(int64_t until_ms)
{
	while (rig.now_ms < until_ms) {
		set_time(rig.now_ms + 100);
		work();
	}
}

static struct reading value(enum scope scope, enum quantity quantity, unsigned channel)
{
	return rig_get(rig.slot, scope, quantity, channel);
}

static int64_t good(enum scope scope, enum quantity quantity, unsigned channel)
{
	struct reading reading = value(scope, quantity, channel);

	assert_int_equal(reading.quality, QUALITY_GOOD);
	return reading.num;
}

static int64_t class_time(enum poll_class class)
{
	const struct snapshot *snapshot = store_get(rig.slot);
	int64_t ms = snapshot->class_ms[class];

	store_put(rig.slot, snapshot);
	return ms;
}

static void test_first_poll(void **state)
{
	const struct snapshot *snapshot;

	(void)state;
	assert_int_equal(rig_comm(rig.slot), COMM_OFFLINE);
	assert_int_equal(poller_step(rig.poller, NULL, rig.now_ms, false), 1);
	assert_int_equal(rig.reads, 1); /* who are you: registers 1 to 5 */
	assert_int_equal(rig.words, 5);
	REG(3) = 17;
	REG(4) = 29;
	REG(7) = 'R' << 8 | 'P';
	REG(8) = 'P' << 8 | ' ';
	work();
	assert_int_equal(rig_comm(rig.slot), COMM_ONLINE);
	snapshot = store_get(rig.slot);
	assert_int_equal(snapshot->identity->model, 0);
	assert_int_equal(snapshot->identity->serial, 4711);
	assert_string_equal(snapshot->identity->firmware, "OS 29, RS 17");
	assert_string_equal(snapshot->identity->location, "RPP");
	assert_true(snapshot->alarms->known);
	assert_int_equal(snapshot->contact_wall_ms, WALL_MS + rig.now_ms);
	store_put(rig.slot, snapshot);
	/* Zero is a value. */
	assert_int_equal(good(SCOPE_BRANCH, Q_CURRENT, 42), 0);
}

static void test_rhythm(void **state)
{
	unsigned reads;

	(void)state;
	work();
	reads = rig.reads;
	work();
	assert_int_equal(rig.reads, reads);
	set_time(START_MS + ALARM_MS);
	work();
	assert_int_equal(class_time(POLL_ALARM), START_MS + ALARM_MS);
	assert_int_equal(class_time(POLL_FAST), START_MS);
	set_time(START_MS + POLL_MS);
	work();
	assert_int_equal(class_time(POLL_ALARM), START_MS + POLL_MS);
	assert_int_equal(class_time(POLL_FAST), START_MS + POLL_MS);
	assert_int_equal(class_time(POLL_SLOW), START_MS);
	/* Late by an hour: one poll of each, not hundreds. */
	reads = rig.reads;
	set_time(START_MS + 3600000);
	work();
	assert_true(rig.reads - reads < 30);
	assert_int_equal(class_time(POLL_SLOW), START_MS + 3600000);
	assert_int_equal(class_time(POLL_ONCE), START_MS);
	assert_int_equal(poller_due_ms(rig.poller), rig.now_ms + ALARM_MS);
}

static void test_absent_values(void **state)
{
	(void)state;
	REG(1336) = 0x8000; /* current of branch 1 */
	REG(1337) = 0xffff;
	REG(1002) = 0x8000; /* scale of branch 3 */
	work();
	assert_int_equal(value(SCOPE_BRANCH, Q_CURRENT, 1).quality, QUALITY_NONE);
	assert_int_equal(good(SCOPE_BRANCH, Q_CURRENT, 2), -1000);
	assert_int_equal(value(SCOPE_BRANCH, Q_CURRENT, 3).quality, QUALITY_NONE);
	REG(1336) = 5;
	REG(1337) = 0x8000;
	set_time(START_MS + POLL_MS);
	work();
	assert_int_equal(good(SCOPE_BRANCH, Q_CURRENT, 1), 5000);
	assert_int_equal(value(SCOPE_BRANCH, Q_CURRENT, 2).quality, QUALITY_NONE);
}

/* The poll breaks off after some reads: nothing of it is to be seen. */
static void test_no_half_polls(void **state)
{
	(void)state;
	work();
	for (int i = 0; i < 42; i++)
		REG(1336 + i) = 7;
	REG(265) = 7;
	rig.fail = BUS_EXCEPTION(4);
	rig.fail_reg = 1377;
	set_time(START_MS + POLL_MS);
	work();
	assert_int_equal(good(SCOPE_BRANCH, Q_CURRENT, 1), 0);
	assert_int_equal(good(SCOPE_MAINS, Q_CURRENT, 2), 0);
	assert_int_equal(class_time(POLL_FAST), START_MS);
	assert_int_equal(rig_comm(rig.slot), COMM_DEGRADED);
	rig.fail = 0;
	set_time(START_MS + 2 * POLL_MS);
	work();
	assert_int_equal(good(SCOPE_BRANCH, Q_CURRENT, 1), 7000);
	assert_int_equal(good(SCOPE_MAINS, Q_CURRENT, 2), 7000);
	assert_int_equal(rig_comm(rig.slot), COMM_ONLINE);
}

static void test_retries(void **state)
{
	unsigned reads;

	(void)state;
	work();
	set_time(START_MS + POLL_MS);
	rig.fail = -ETIMEDOUT;
	assert_int_equal(poller_step(rig.poller, NULL, rig.now_ms, false), -ETIMEDOUT);
	assert_false(poller_silent(rig.poller));
	rig.fail = 0;
	work();
	assert_int_equal(rig_comm(rig.slot), COMM_ONLINE);
	assert_int_equal(class_time(POLL_FAST), START_MS + POLL_MS);

	set_time(START_MS + 2 * POLL_MS);
	rig.fail = -ETIMEDOUT;
	reads = rig.reads;
	assert_int_equal(work(), -ETIMEDOUT);
	assert_int_equal(rig.reads - reads, 2); /* once more, then it is silent */
	assert_true(poller_silent(rig.poller));
	assert_int_equal(rig_comm(rig.slot), COMM_DEGRADED);
}

static void test_silent_and_back(void **state)
{
	unsigned reads;

	(void)state;
	work();
	rig.fail = -ETIMEDOUT;
	run_until(START_MS + STALE * POLL_MS - 100);
	assert_int_equal(rig_comm(rig.slot), COMM_DEGRADED);
	assert_int_equal(value(SCOPE_BRANCH, Q_CURRENT, 1).quality, QUALITY_GOOD);
	run_until(START_MS + STALE * POLL_MS);
	assert_int_equal(rig_comm(rig.slot), COMM_OFFLINE);
	assert_int_equal(value(SCOPE_BRANCH, Q_CURRENT, 1).quality, QUALITY_STALE);
	assert_int_equal(good(SCOPE_PANEL, Q_SERIAL, 1), 4711);
	assert_int_equal(value(SCOPE_BRANCH, Q_ALARM_STATUS, 1).quality, QUALITY_GOOD);
	/* It is asked by single short reads, ever more rarely. */
	reads = rig.reads;
	rig.words = 0;
	run_until(START_MS + 3600000);
	assert_in_range(rig.reads - reads, 100, 130);
	assert_int_equal(rig.words, 5 * (rig.reads - reads));
	rig.fail = 0;
	run_until(rig.now_ms + 31000);
	assert_int_equal(rig_comm(rig.slot), COMM_ONLINE);
	assert_int_equal(value(SCOPE_BRANCH, Q_CURRENT, 1).quality, QUALITY_GOOD);
}

/* Who it is takes two reads, each longer than until the next poll is missed. */
static void test_silent_and_back_slowly(void **state)
{
	(void)state;
	rig_panel("poll = 2000\nalarm-poll = 1000\nslow-poll = 60000\nstale-after = 3\n"
		  "link \"l\" { transport = \"tcp\" host = \"127.0.0.1\" response-timeout = 400 "
		  "max-registers = 4 retries = 1 }\n"
		  "panel \"P\" { index = 1 link = \"l\" unit = 1 profile = \"bcpm\" }\n");
	work();
	assert_int_equal(rig_comm(rig.slot), COMM_ONLINE);
	rig.fail = -ETIMEDOUT;
	run_until(START_MS + 10 * POLL_MS);
	assert_int_equal(rig_comm(rig.slot), COMM_OFFLINE);
	rig.fail = 0;
	rig.read_takes_ms = ALARM_MS;
	for (int i = 0; i < 500 && poller_silent(rig.poller); i++) {
		if (poller_misses_ms(rig.poller) <= rig.now_ms)
			poller_missed(rig.poller, rig.now_ms, NULL);
		if (poller_due_ms(rig.poller) <= rig.now_ms)
			poller_step(rig.poller, NULL, rig.now_ms, POLLER_ANY);
		else
			set_time(rig.now_ms + 100);
	}
	assert_false(poller_silent(rig.poller));
}

/* A question that a job called off says nothing of the unit: it is asked again soon, however long it was away. */
static void test_probe_called_off(void **state)
{
	(void)state;
	rig.fail = -ETIMEDOUT;
	run_until(START_MS + 20000);
	assert_true(poller_gone(rig.poller));
	rig.fail = -EINTR;
	for (int i = 0; i < 3; i++) {
		set_time(poller_due_ms(rig.poller));
		assert_int_equal(poller_step(rig.poller, NULL, rig.now_ms, POLLER_ANY), -EINTR);
		assert_int_equal(poller_due_ms(rig.poller), rig.now_ms + 1000);
	}
	rig.fail = 0;
	run_until(rig.now_ms + 1000);
	assert_int_equal(rig_comm(rig.slot), COMM_ONLINE);
}

/* Each question in vain costs the connection, and each new one asks anew: it is silent all the same. */
static void test_silent_over_connections(void **state)
{
	(void)state;
	rig.fail = -ETIMEDOUT;
	assert_int_equal(poller_step(rig.poller, NULL, rig.now_ms, POLLER_ANY), -ETIMEDOUT);
	assert_false(poller_silent(rig.poller));
	poller_restart(rig.poller);
	assert_int_equal(poller_step(rig.poller, NULL, rig.now_ms, POLLER_ANY), -ETIMEDOUT);
	assert_true(poller_silent(rig.poller));
}

/* One poll without an answer is passing trouble; gone is who has not answered the question either. */
static void test_silent_is_not_gone(void **state)
{
	(void)state;
	work();
	assert_false(poller_gone(rig.poller));
	for (int round = 0; round < 2; round++) {
		rig.fail = -ETIMEDOUT;
		set_time(rig.now_ms + POLL_MS);
		work();
		assert_true(poller_silent(rig.poller));
		assert_false(poller_gone(rig.poller));
		set_time(poller_due_ms(rig.poller));
		work();
		assert_true(poller_gone(rig.poller));
		rig.fail = 0;
		set_time(poller_due_ms(rig.poller));
		work();
		assert_false(poller_gone(rig.poller));
		assert_int_equal(rig_comm(rig.slot), COMM_ONLINE);
	}
}

/* Nobody steps the poller any more: its last values are withdrawn all the same. */
static void test_hung_thread(void **state)
{
	(void)state;
	work();
	set_time(START_MS + STALE * POLL_MS + 2 * TIMEOUT_MS - 1);
	assert_int_equal(value(SCOPE_BRANCH, Q_CURRENT, 1).quality, QUALITY_GOOD);
	set_time(START_MS + STALE * POLL_MS + 2 * TIMEOUT_MS);
	assert_int_equal(value(SCOPE_BRANCH, Q_CURRENT, 1).quality, QUALITY_STALE);
	assert_int_equal(rig_comm(rig.slot), COMM_OFFLINE);
}

static uint32_t poll_interval(void)
{
	const struct snapshot *snapshot = store_get(rig.slot);
	uint32_t interval_ms = snapshot->poll_interval_ms;

	store_put(rig.slot, snapshot);
	return interval_ms;
}

/* The line is somebody else's for minutes; the thread lives. */
static void wait_for_the_line(int64_t until_ms)
{
	while (rig.now_ms < until_ms) {
		set_time(rig.now_ms + 100);
		poller_keep_fresh(rig.poller, rig.now_ms);
	}
}

/* A poll that is late for want of the line is not missed: the age tells, nothing else. */
static void test_late_is_not_missed(void **state)
{
	(void)state;
	work();
	assert_int_equal(poll_interval(), 0);
	wait_for_the_line(START_MS + 60000);
	assert_int_equal(rig_comm(rig.slot), COMM_ONLINE);
	assert_int_equal(value(SCOPE_BRANCH, Q_CURRENT, 1).quality, QUALITY_GOOD);
	assert_int_equal(class_time(POLL_FAST), START_MS);
	work();
	assert_int_equal(poll_interval(), 60000);
	wait_for_the_line(START_MS + 120000);
	work();
	assert_int_equal(rig_comm(rig.slot), COMM_ONLINE);
	/* Nobody looks after it any more: withdrawn, if only after as many of its intervals. */
	set_time(START_MS + 120000 + STALE * 60000 + 2 * TIMEOUT_MS - 1);
	assert_int_equal(rig_comm(rig.slot), COMM_ONLINE);
	set_time(START_MS + 120000 + STALE * 60000 + 2 * TIMEOUT_MS);
	assert_int_equal(rig_comm(rig.slot), COMM_OFFLINE);
}

/* After a standstill, of the whole host say, what is old is not made new by going on. */
static void test_standstill(void **state)
{
	(void)state;
	work();
	wait_for_the_line(START_MS + 60000);
	set_time(rig.now_ms + STALE * POLL_MS + 2 * TIMEOUT_MS);
	assert_int_equal(rig_comm(rig.slot), COMM_OFFLINE);
	wait_for_the_line(rig.now_ms + 1000);
	assert_int_equal(rig_comm(rig.slot), COMM_OFFLINE);
	work();
	assert_int_equal(rig_comm(rig.slot), COMM_ONLINE);
	assert_int_equal(value(SCOPE_BRANCH, Q_CURRENT, 1).quality, QUALITY_GOOD);
}

/* On such a line polls are missed as rarely as they are made: three times a minute, not of 2 s. */
static void test_missed_on_a_slow_line(void **state)
{
	int64_t missed_ms;

	(void)state;
	work();
	for (int i = 1; i <= 3; i++) {
		wait_for_the_line(START_MS + i * 20000);
		work();
	}
	rig.fail = -ETIMEDOUT;
	missed_ms = START_MS + 80000;
	wait_for_the_line(missed_ms);
	while (rig_comm(rig.slot) != COMM_OFFLINE) {
		work();
		assert_true(poller_misses_ms(rig.poller) > rig.now_ms);
		wait_for_the_line(rig.now_ms + 100);
	}
	assert_in_range(rig.now_ms - missed_ms, 2 * 20000, 2 * 20000 + 200);
	assert_int_equal(poll_interval(), 0);
}

/* Late for want of the line, then one poll is not answered: that is one poll missed, not ten. */
static void test_late_and_then_missed(void **state)
{
	(void)state;
	work();
	wait_for_the_line(START_MS + 20000);
	rig.fail = -ETIMEDOUT;
	/* An alarm poll that overtakes is what fails first. */
	assert_int_equal(poller_step(rig.poller, NULL, rig.now_ms, POLLER_ALARM), -ETIMEDOUT);
	work();
	assert_true(poller_silent(rig.poller));
	assert_int_equal(rig_comm(rig.slot), COMM_DEGRADED);
	run_until(START_MS + 20000 + STALE * POLL_MS);
	assert_int_equal(rig_comm(rig.slot), COMM_OFFLINE);
}

/* What was missed in between is part of the interval that was achieved. */
static void test_interval_over_a_missed_poll(void **state)
{
	(void)state;
	work();
	run_until(START_MS + POLL_MS);
	assert_int_equal(poll_interval(), POLL_MS);
	rig.fail = BUS_EXCEPTION(6);
	run_until(START_MS + 2 * POLL_MS);
	assert_int_equal(rig_comm(rig.slot), COMM_DEGRADED);
	rig.fail = 0;
	run_until(START_MS + 3 * POLL_MS);
	assert_int_equal(poll_interval(), 2 * POLL_MS);
}

static void test_says_that_it_is_slow(void **state)
{
	(void)state;
	work();
	assert_int_equal(poller_slow_ms(rig.poller), -1);
	run_until(START_MS + 11 * POLL_MS);
	assert_int_equal(poller_slow_ms(rig.poller), 0);
	for (int i = 1; i <= 12; i++) {
		wait_for_the_line(rig.now_ms + 5000);
		work();
	}
	assert_in_range(poller_slow_ms(rig.poller), 4900, 5100);
	rig.fail = -ETIMEDOUT;
	run_until(rig.now_ms + 3000);
	assert_int_equal(poller_slow_ms(rig.poller), -1);
}

static enum overload_news look(struct overload *overload, int64_t now_ms)
{
	const struct poller *slowest = NULL;
	enum overload_news news = overload_look(overload, &rig.poller, 1, now_ms, &slowest);

	assert_true(news != OVERLOAD_BEGINS || slowest == rig.poller);
	return news;
}

/* One poll every so often, looked at ten times a second: the news there are. */
static void poll_every(struct overload *overload, int64_t interval_ms, int polls,
	unsigned news[OVERLOAD_ENDS + 1])
{
	for (int i = 0; i < polls; i++) {
		int64_t until_ms = rig.now_ms + interval_ms;

		while (rig.now_ms < until_ms) {
			set_time(rig.now_ms + 100);
			poller_keep_fresh(rig.poller, rig.now_ms);
			news[look(overload, rig.now_ms)]++;
		}
		work();
	}
}

/* Told when it begins and when it has ended for a minute, not in between. */
static void test_overload_is_told_once(void **state)
{
	struct overload overload = { 0 };
	unsigned news[OVERLOAD_ENDS + 1] = { 0 };

	(void)state;
	work();
	poll_every(&overload, POLL_MS, 20, news);
	assert_int_equal(news[OVERLOAD_BEGINS], 0);
	poll_every(&overload, 3 * POLL_MS, 2, news);
	assert_int_equal(news[OVERLOAD_BEGINS], 0);
	poll_every(&overload, 3 * POLL_MS, 15, news);
	assert_int_equal(news[OVERLOAD_BEGINS], 1);
	/* Twenty seconds of peace, and again. */
	poll_every(&overload, POLL_MS, 10, news);
	poll_every(&overload, 3 * POLL_MS, 20, news);
	assert_int_equal(news[OVERLOAD_BEGINS], 1);
	assert_int_equal(news[OVERLOAD_ENDS], 0);
	poll_every(&overload, POLL_MS, 30, news);
	assert_int_equal(news[OVERLOAD_ENDS], 0);
	poll_every(&overload, POLL_MS, 10, news);
	assert_int_equal(news[OVERLOAD_ENDS], 1);
	poll_every(&overload, 3 * POLL_MS, 20, news);
	assert_int_equal(news[OVERLOAD_BEGINS], 2);
}

static void test_link_away(void **state)
{
	(void)state;
	work();
	for (int64_t t = START_MS; t < START_MS + STALE * POLL_MS; t += 100) {
		set_time(t);
		poller_missed(rig.poller, t, "link l: gone");
	}
	assert_int_equal(rig_comm(rig.slot), COMM_DEGRADED);
	set_time(START_MS + STALE * POLL_MS);
	poller_missed(rig.poller, rig.now_ms, "link l: gone");
	assert_int_equal(rig_comm(rig.slot), COMM_OFFLINE);
	poller_restart(rig.poller);
	work();
	assert_int_equal(rig_comm(rig.slot), COMM_ONLINE);
}

static void test_alarm_poll_fails(void **state)
{
	(void)state;
	work();
	rig.fail = BUS_EXCEPTION(6);
	set_time(START_MS + ALARM_MS);
	work();
	assert_int_equal(rig_comm(rig.slot), COMM_DEGRADED);
	rig.fail = 0;
	set_time(START_MS + 2 * ALARM_MS);
	work();
	assert_int_equal(rig_comm(rig.slot), COMM_ONLINE);
}

static const struct alarm *branch_alarm(const struct snapshot *snapshot, unsigned branch,
	enum level level)
{
	return alarm_find(snapshot->alarms, ROW_KEY(SCOPE_BRANCH, branch, level));
}

/* What is told of an alarm is of the poll that saw it, though only its status was due. */
static void test_alarm_brings_its_value(void **state)
{
	const struct snapshot *snapshot;
	const struct alarm *alarm;

	(void)state;
	REG(1338) = 3;
	work();
	REG(1338) = 18;
	REG(180) = 1; /* branch 3: high-high latched */
	set_time(START_MS + ALARM_MS);
	work();
	snapshot = store_get(rig.slot);
	alarm = branch_alarm(snapshot, 3, LEVEL_HIGH_HIGH);
	assert_non_null(alarm);
	assert_true(alarm->latched && alarm->has_value);
	assert_int_equal(alarm->value, 18000);
	assert_int_equal(snapshot->class_ms[POLL_FAST], START_MS + ALARM_MS);
	store_put(rig.slot, snapshot);
	/* The poll that brought the value does not cost the next look at the alarms. */
	assert_int_equal(poller_due_ms(rig.poller), START_MS + 2 * ALARM_MS);
}

/* Nor does a poll that fails hide the alarm. */
static void test_alarm_without_value(void **state)
{
	const struct snapshot *snapshot;

	(void)state;
	work();
	REG(180) = 1;
	rig.fail = BUS_EXCEPTION(6);
	rig.fail_reg = 1338;
	run_until(START_MS + 5 * ALARM_MS);
	snapshot = store_get(rig.slot);
	assert_non_null(branch_alarm(snapshot, 3, LEVEL_HIGH_HIGH));
	assert_int_equal(snapshot->class_ms[POLL_FAST], START_MS);
	store_put(rig.slot, snapshot);
}

static void test_scale_changes(void **state)
{
	unsigned reads;

	(void)state;
	REG(1336) = 100;
	REG(265) = 100;
	work();
	assert_int_equal(good(SCOPE_MAINS, Q_CURRENT, 2), 100000);
	/* The scale is read before the value, and could be either's: measured once more. */
	REG(284) = (uint16_t)-1;
	set_time(START_MS + POLL_MS);
	reads = rig.reads;
	work();
	assert_int_equal(good(SCOPE_MAINS, Q_CURRENT, 2), 10000);
	assert_true(rig.reads - reads > 8);
	/* Branch scales are read with the settings: then the measurements follow at once. */
	REG(1000) = (uint16_t)-2;
	set_time(START_MS + 60000);
	work();
	assert_int_equal(good(SCOPE_BRANCH, Q_CURRENT, 1), 1000);
	assert_int_equal(class_time(POLL_FAST), START_MS + 60000);
}

/* A scale that moves in every poll must not turn the rhythm into a race. */
static void test_restless_scale(void **state)
{
	unsigned reads;

	(void)state;
	work();
	reads = rig.reads;
	for (int i = 1; i <= 10; i++) {
		REG(284) = (uint16_t)(i % 2);
		set_time(START_MS + i * POLL_MS);
		work();
	}
	assert_true(rig.reads - reads < 200);
}

static void test_trigger(void **state)
{
	(void)state;
	work();
	REG(296) = 1;
	REG(303) = 1; /* high-high counter of branch 3 */
	set_time(START_MS + ALARM_MS);
	work();
	assert_int_equal(class_time(POLL_SLOW), START_MS + ALARM_MS);
	assert_int_equal(good(SCOPE_BRANCH, Q_COUNT_HIGH_HIGH, 3), 1);
}

/* What a meter is too busy to tell is not made up from what was read before. */
static void test_scales_not_told_just_now(void **state)
{
	(void)state;
	for (int i = 0; i < 42; i++) {
		REG(1000 + i) = 0xffff; /* tenths */
		REG(1336 + i) = (uint16_t)(i + 1);
		REG(1169 + 2 * i) = 3; /* energies: what else there is to be taken for a scale */
	}
	work();
	rig.fail = BUS_EXCEPTION(6);
	rig.fail_reg = 1000;
	for (int64_t now_ms = START_MS + POLL_MS; now_ms <= START_MS + 60000 + 2 * POLL_MS;
		now_ms += POLL_MS) {
		set_time(now_ms);
		work();
		for (unsigned branch = 1; branch <= 42; branch++)
			assert_int_equal(good(SCOPE_BRANCH, Q_CURRENT, branch), branch * 100);
	}
	assert_int_equal(rig_comm(rig.slot), COMM_ONLINE);
}

/* Nor is a meter another one because it is too busy to say who it is. */
static void test_identity_not_told_just_now(void **state)
{
	(void)state;
	REG(265) = 5;
	rig.fail = BUS_EXCEPTION(6);
	rig.fail_reg = 2;
	rig.good_before = 1; /* the identification */
	work();
	assert_int_equal(rig_comm(rig.slot), COMM_ONLINE);
	assert_int_equal(good(SCOPE_MAINS, Q_CURRENT, 2), 5000);
}

/* Class once is asked for again, with the settings, until it has been told once. */
static void test_once_not_told_just_now(void **state)
{
	int64_t told_ms;

	(void)state;
	rig.fail = BUS_EXCEPTION(6);
	rig.fail_reg = 60000; /* address on the DIP switches */
	work();
	assert_int_equal(rig_comm(rig.slot), COMM_ONLINE);
	assert_int_equal(value(SCOPE_PANEL, Q_MODBUS_ADDRESS, 1).quality, QUALITY_NONE);
	rig.fail = 0;
	run_until(START_MS + 60000);
	assert_int_equal(good(SCOPE_PANEL, Q_MODBUS_ADDRESS, 1), 0);
	told_ms = class_time(POLL_ONCE);
	assert_true(told_ms > START_MS);
	run_until(START_MS + 200000);
	assert_true(class_time(POLL_SLOW) > told_ms);
	assert_int_equal(class_time(POLL_ONCE), told_ms);
}

static void test_energy(void **state)
{
	int64_t since;

	(void)state;
	REG(1168) = 0xffff; /* branch 1, kWh */
	REG(1169) = 0xfff0;
	REG(1171) = 500; /* branch 2 */
	work();
	since = good(SCOPE_BRANCH, Q_ENERGY_DISCONTINUITY, 1);
	assert_int_equal(good(SCOPE_BRANCH, Q_ENERGY, 1), 0xfffffff0LL * 1000);
	REG(1168) = 0;
	REG(1169) = 4;
	REG(1171) = 3;
	set_time(START_MS + POLL_MS);
	work();
	assert_int_equal(good(SCOPE_BRANCH, Q_ENERGY, 1), 0x100000004LL * 1000);
	assert_int_equal(good(SCOPE_BRANCH, Q_ENERGY_DISCONTINUITY, 1), since);
	assert_int_equal(good(SCOPE_BRANCH, Q_ENERGY, 2), 3000);
	assert_true(good(SCOPE_BRANCH, Q_ENERGY_DISCONTINUITY, 2) > since);
}

/* 12345 kWh become 1234 * 10 kWh: no reset. */
static void test_energy_under_a_coarser_scale(void **state)
{
	int64_t since;

	(void)state;
	REG(1169) = 12345;
	work();
	since = good(SCOPE_BRANCH, Q_ENERGY_DISCONTINUITY, 1);
	REG(1169) = 1234;
	REG(1084) = 1;
	set_time(START_MS + 60000);
	work();
	assert_int_equal(good(SCOPE_BRANCH, Q_ENERGY, 1), 12345000);
	assert_int_equal(good(SCOPE_BRANCH, Q_ENERGY_DISCONTINUITY, 1), since);
}

/* A float has no step: back to 0 from less than one kWh is a reset too. */
static void test_energy_of_a_float(void **state)
{
	int64_t since;

	(void)state;
	rig_panel(CONF_FLOAT);
	REG(2000) = 0x3f00; /* 0.5 kWh of branch 1 */
	work();
	since = good(SCOPE_BRANCH, Q_ENERGY_DISCONTINUITY, 1);
	assert_int_equal(good(SCOPE_BRANCH, Q_ENERGY, 1), 500);
	REG(2000) = 0;
	set_time(START_MS + POLL_MS);
	work();
	assert_int_equal(good(SCOPE_BRANCH, Q_ENERGY, 1), 0);
	assert_true(good(SCOPE_BRANCH, Q_ENERGY_DISCONTINUITY, 1) > since);
}

static void test_another_meter(void **state)
{
	(void)state;
	REG(1169) = 500;
	REG(1336) = 9;
	work();
	REG(2) = 4712;
	REG(5) = 15170; /* model C has no energy */
	set_time(START_MS + 60000);
	work();
	assert_int_equal(good(SCOPE_PANEL, Q_SERIAL, 1), 4712);
	assert_int_equal(value(SCOPE_BRANCH, Q_ENERGY, 1).quality, QUALITY_NONE);
	assert_int_equal(good(SCOPE_BRANCH, Q_CURRENT, 1), 9000);
	assert_int_equal(rig_comm(rig.slot), COMM_ONLINE);
}

/* Said once, in the middle of a poll, and taken back: nothing is forgotten. */
static void test_another_name_once(void **state)
{
	int64_t since;

	(void)state;
	REG(2000) = 500; /* energy */
	work();
	since = good(SCOPE_BRANCH, Q_ENERGY_DISCONTINUITY, 1);
	set_time(START_MS + 60000); /* the classes that hold the serial number are due */
	rig.serial_reads = 0;
	while (poller_due_ms(rig.poller) <= rig.now_ms && rig.serial_reads < 2) {
		REG(2) = rig.serial_reads == 0 ? 1234 : 4711;
		poller_step(rig.poller, NULL, rig.now_ms, false);
	}
	REG(2) = 4711;
	assert_true(poller_silent(rig.poller));
	run_until(rig.now_ms + 5000);
	assert_int_equal(good(SCOPE_PANEL, Q_SERIAL, 1), 4711);
	assert_int_equal(good(SCOPE_BRANCH, Q_ENERGY_DISCONTINUITY, 1), since);
	assert_int_equal(rig_comm(rig.slot), COMM_ONLINE);
}

/* Another serial number at every question: asked ever more rarely, never served. */
static void test_restless_meter(void **state)
{
	(void)state;
	rig.restless_serial = true;
	run_until(START_MS + 10000);
	assert_int_equal(rig_comm(rig.slot), COMM_OFFLINE);
	rig.reads = 0;
	run_until(START_MS + 610000);
	assert_in_range(rig.reads, 20, 60);
	assert_int_equal(rig_comm(rig.slot), COMM_OFFLINE);
	rig.restless_serial = false;
	run_until(rig.now_ms + 65000);
	assert_int_equal(rig_comm(rig.slot), COMM_ONLINE);
}

/* Another meter every five seconds is believed ever more rarely. */
static void test_meters_in_turn(void **state)
{
	int64_t serial = -1;
	unsigned believed = 0;

	(void)state;
	while (rig.now_ms < START_MS + 3600000) {
		const struct snapshot *snapshot;

		REG(2)++;
		run_until(rig.now_ms + 5000);
		snapshot = store_get(rig.slot);
		if (snapshot->identity != NULL && snapshot->identity->serial != serial) {
			serial = snapshot->identity->serial;
			believed++;
		}
		store_put(rig.slot, snapshot);
	}
	assert_in_range(believed, 4, 10);
}

static void test_wrong_device(void **state)
{
	(void)state;
	REG(5) = 1234;
	assert_int_equal(poller_poll_all(rig.poller, NULL), -ENODEV);
	assert_true(poller_silent(rig.poller));
	assert_int_equal(rig_comm(rig.slot), COMM_OFFLINE);
	REG(5) = 15172;
	assert_int_equal(poller_poll_all(rig.poller, NULL), 0);
	assert_int_equal(rig_comm(rig.slot), COMM_ONLINE);
}

static void test_poll_all_reports_errors(void **state)
{
	(void)state;
	rig.fail = -ETIMEDOUT;
	assert_int_equal(poller_poll_all(rig.poller, NULL), -ETIMEDOUT);
	rig.fail = BUS_EXCEPTION(4);
	rig.fail_reg = 1336;
	assert_int_equal(poller_poll_all(rig.poller, NULL), BUS_EXCEPTION(4));
	rig.fail = 0;
	assert_int_equal(poller_poll_all(rig.poller, NULL), 0);
}

static void test_poll_all_ends(void **state)
{
	(void)state;
	rig.restless_serial = true;
	assert_int_equal(poller_poll_all(rig.poller, NULL), -EAGAIN);
}

static void test_optional_block(void **state)
{
	(void)state;
	rig.fail = BUS_EXCEPTION(2);
	rig.fail_reg = 1630; /* kVA of the branches */
	work();
	assert_int_equal(rig_comm(rig.slot), COMM_ONLINE);
	assert_int_equal(value(SCOPE_BRANCH, Q_APPARENT_POWER, 1).quality, QUALITY_NONE);
	assert_int_equal(good(SCOPE_BRANCH, Q_ACTIVE_POWER, 1), 0);
	rig.fail = 0;
	set_time(START_MS + POLL_MS);
	work();
	assert_int_equal(value(SCOPE_BRANCH, Q_APPARENT_POWER, 1).quality, QUALITY_NONE);
	/* Identified anew after an outage, it is asked again. */
	rig.fail = -ETIMEDOUT;
	rig.fail_reg = 0;
	run_until(START_MS + 5 * POLL_MS);
	rig.fail = 0;
	run_until(rig.now_ms + 31000);
	assert_int_equal(good(SCOPE_BRANCH, Q_APPARENT_POWER, 1), 0);
}

static void refuse(unsigned first, unsigned last)
{
	rig.refused_first = first;
	rig.refused_last = last;
}

/* The meter lacks one scale: what needs it is absent, the rest is as it was. */
static void test_refused_setting(void **state)
{
	(void)state;
	refuse(1125, 1125); /* last of the branch scales */
	work();
	assert_int_equal(rig_comm(rig.slot), COMM_ONLINE);
	assert_int_equal(good(SCOPE_BRANCH, Q_RATING, 1), 0);
	assert_int_equal(value(SCOPE_BRANCH, Q_ENERGY, 42).quality, QUALITY_NONE);
	assert_int_equal(good(SCOPE_BRANCH, Q_ENERGY, 41), 0);
}

static void test_refused_measurements(void **state)
{
	unsigned refusals;

	(void)state;
	refuse(1340, 1342); /* currents of branches 5 to 7 */
	REG(1339) = 4;
	REG(1343) = 8;
	work();
	assert_int_equal(rig_comm(rig.slot), COMM_ONLINE);
	assert_int_equal(good(SCOPE_BRANCH, Q_CURRENT, 4), 4000);
	for (unsigned branch = 5; branch <= 7; branch++)
		assert_int_equal(value(SCOPE_BRANCH, Q_CURRENT, branch).quality, QUALITY_NONE);
	assert_int_equal(good(SCOPE_BRANCH, Q_CURRENT, 8), 8000);
	assert_true(rig.refusals > 0);
	refusals = rig.refusals;
	run_until(START_MS + 70000);
	/* With each poll of settings: is it still so? */
	assert_in_range(rig.refusals - refusals, 1, 2);
	assert_int_equal(class_time(POLL_FAST), START_MS + 70000);
	assert_int_equal(rig_comm(rig.slot), COMM_ONLINE);
	/* Identified anew after an outage, they are asked for again. */
	rig.fail = -ETIMEDOUT;
	run_until(rig.now_ms + 5 * POLL_MS);
	rig.fail = 0;
	refuse(0, 0);
	run_until(rig.now_ms + 31000);
	assert_int_equal(good(SCOPE_BRANCH, Q_CURRENT, 5), 0);
}

/* Refused for a while, by one that was only starting, or did not feel like it. */
static void test_refused_for_a_while(void **state)
{
	(void)state;
	refuse(1340, 1342);
	work();
	assert_int_equal(value(SCOPE_BRANCH, Q_CURRENT, 5).quality, QUALITY_NONE);
	refuse(0, 0);
	run_until(START_MS + 70000);
	assert_int_equal(good(SCOPE_BRANCH, Q_CURRENT, 5), 0);
	assert_int_equal(good(SCOPE_BRANCH, Q_CURRENT, 7), 0);

	refuse(1630, 1671); /* an optional block */
	rig_panel(CONF);
	work();
	assert_int_equal(value(SCOPE_BRANCH, Q_APPARENT_POWER, 1).quality, QUALITY_NONE);
	run_until(rig.now_ms + 130000);
	assert_int_equal(value(SCOPE_BRANCH, Q_APPARENT_POWER, 1).quality, QUALITY_NONE);
	refuse(0, 0);
	run_until(rig.now_ms + 70000);
	assert_int_equal(good(SCOPE_BRANCH, Q_APPARENT_POWER, 1), 0);
}

/* Some side by side are refused for good, some for a while. */
static void test_refused_in_part(void **state)
{
	(void)state;
	refuse(1340, 1345); /* currents of branches 5 to 10 */
	work();
	refuse(1341, 1344);
	run_until(START_MS + 1000000);
	assert_int_equal(good(SCOPE_BRANCH, Q_CURRENT, 5), 0);
	for (unsigned branch = 6; branch <= 9; branch++)
		assert_int_equal(value(SCOPE_BRANCH, Q_CURRENT, branch).quality, QUALITY_NONE);
	assert_int_equal(good(SCOPE_BRANCH, Q_CURRENT, 10), 0);
	refuse(1341, 1341);
	run_until(START_MS + 2000000);
	assert_int_equal(good(SCOPE_BRANCH, Q_CURRENT, 9), 0);
	assert_int_equal(value(SCOPE_BRANCH, Q_CURRENT, 6).quality, QUALITY_NONE);
	assert_int_equal(rig_comm(rig.slot), COMM_ONLINE);
}

/* A line on which the next poll is always due has time for the question all the same. */
static void test_refused_on_a_slow_line(void **state)
{
	(void)state;
	rig.read_takes_ms = POLL_MS / 3;
	refuse(1340, 1342);
	while (rig.now_ms < START_MS + 300000)
		poller_step(rig.poller, NULL, rig.now_ms, POLLER_ANY);
	assert_int_equal(value(SCOPE_BRANCH, Q_CURRENT, 5).quality, QUALITY_NONE);
	assert_int_not_equal(value(SCOPE_BRANCH, Q_CURRENT, 4).quality, QUALITY_NONE);
	refuse(0, 0);
	while (rig.now_ms < START_MS + 500000) {
		assert_true(poller_due_ms(rig.poller) <= rig.now_ms);
		poller_step(rig.poller, NULL, rig.now_ms, POLLER_ANY);
	}
	assert_int_not_equal(value(SCOPE_BRANCH, Q_CURRENT, 5).quality, QUALITY_NONE);
}

/* What was shown until the meter began to refuse it does not stay. */
static void test_refused_later(void **state)
{
	(void)state;
	REG(1336) = 9;
	work();
	assert_int_equal(good(SCOPE_BRANCH, Q_CURRENT, 1), 9000);
	refuse(1336, 1336);
	run_until(START_MS + POLL_MS);
	assert_int_equal(rig_comm(rig.slot), COMM_ONLINE);
	assert_int_equal(value(SCOPE_BRANCH, Q_CURRENT, 1).quality, QUALITY_NONE);
	assert_int_equal(good(SCOPE_BRANCH, Q_CURRENT, 2), 0);
}

/* The question is not lost for an alarm poll that ends behind the poll of settings. */
static void test_refused_beside_an_alarm(void **state)
{
	unsigned refusals;

	(void)state;
	refuse(1340, 1342);
	work();
	rig.read_takes_ms = 2 * ALARM_MS;
	set_time(START_MS + 60000);
	poller_step(rig.poller, NULL, rig.now_ms, POLLER_ANY);
	poller_step(rig.poller, NULL, rig.now_ms, POLLER_ALARM); /* the first of two reads */
	while (poller_busy(rig.poller))
		poller_step(rig.poller, NULL, rig.now_ms, POLLER_BULK);
	assert_true(class_time(POLL_SLOW) > START_MS + 60000);
	poller_step(rig.poller, NULL, rig.now_ms, POLLER_ALARM);
	assert_int_equal(class_time(POLL_ALARM), rig.now_ms);
	refusals = rig.refusals;
	poller_step(rig.poller, NULL, rig.now_ms, POLLER_ANY);
	assert_int_equal(rig.refusals, refusals + 1);
}

/* Now this, now that: it has its polls and their share of looking, but not all of the line. */
static void test_refused_at_random(void **state)
{
	const unsigned polls = 600000 / POLL_MS;
	unsigned reads;

	(void)state;
	rig.read_takes_ms = 5;
	rig.refuse_permille = 100;
	run_until(START_MS + 60000);
	reads = rig.reads;
	run_until(START_MS + 660000);
	assert_in_range(rig.reads - reads, polls, polls * 200);
	rig.refuse_permille = 0;
	run_until(rig.now_ms + 130000);
	assert_int_equal(rig_comm(rig.slot), COMM_ONLINE);
	assert_int_equal(value(SCOPE_BRANCH, Q_CURRENT, 5).quality, QUALITY_GOOD);
}

/* Without a register to ask for there is no alarm poll, and so no contact by one. */
static void test_refused_alarms(void **state)
{
	const struct snapshot *snapshot;
	int64_t contact_ms;
	unsigned reads;

	(void)state;
	refuse(178, 300); /* all of the class */
	run_until(START_MS + 10 * POLL_MS);
	assert_int_equal(rig_comm(rig.slot), COMM_ONLINE);
	while (class_time(POLL_FAST) < rig.now_ms)
		run_until(rig.now_ms + 100);
	contact_ms = rig.now_ms;
	reads = rig.reads;
	run_until(contact_ms + POLL_MS - 100);
	assert_int_equal(rig.reads, reads);
	snapshot = store_get(rig.slot);
	assert_int_equal(snapshot->contact_ms, contact_ms);
	store_put(rig.slot, snapshot);
	/* Answered again, they are polled again. */
	refuse(0, 0);
	run_until(rig.now_ms + 130000);
	while (class_time(POLL_FAST) < rig.now_ms)
		run_until(rig.now_ms + 100);
	run_until(rig.now_ms + ALARM_MS);
	assert_int_equal(class_time(POLL_ALARM), rig.now_ms);
}

/* More than one poll's share of looking: some are missed, then it is as with few. */
static void test_many_refused(void **state)
{
	unsigned reads;

	(void)state;
	work();
	refuse(1168, 1377); /* energies, powers, currents of all branches */
	reads = rig.reads;
	set_time(START_MS + POLL_MS);
	work();
	assert_in_range(rig.reads - reads, 48, 80);
	assert_int_equal(rig_comm(rig.slot), COMM_DEGRADED);
	run_until(START_MS + 60000);
	assert_int_equal(rig_comm(rig.slot), COMM_ONLINE);
	assert_int_equal(value(SCOPE_BRANCH, Q_CURRENT, 42).quality, QUALITY_NONE);
	assert_int_equal(good(SCOPE_MAINS, Q_CURRENT, 2), 0);
}

/* A meter that says who it is and no more is not online, and is not pestered. */
static void test_all_refused(void **state)
{
	unsigned reads;

	(void)state;
	refuse(6, 65535);
	run_until(START_MS + 600000);
	assert_int_equal(rig_comm(rig.slot), COMM_OFFLINE);
	reads = rig.reads;
	run_until(START_MS + 1200000);
	assert_true(rig.reads - reads < 600000 / POLL_MS * 50);
	/* It answers again, and is asked anew for all. */
	for (int i = 0; i < 10000 && !poller_silent(rig.poller); i++)
		run_until(rig.now_ms + 100);
	assert_true(poller_silent(rig.poller));
	refuse(0, 0);
	run_until(rig.now_ms + 60000);
	assert_int_equal(rig_comm(rig.slot), COMM_ONLINE);
	assert_int_equal(good(SCOPE_BRANCH, Q_CURRENT, 1), 0);
}

/* Ten values, thirty registers that nobody wants, ten values; now and then a setting. */
#define HOLES                                                                                      \
	"title = \"Holes\"\nbase = 1\nbranches = 10\nblock \"all\" { registers = \"1-200\" }\n"         \
	"group \"branch\" { count = 10\n"                                                           \
	"point \"current\" { registers = \"20-29\" type = \"i16\" }\n"                               \
	"point \"max-current\" { registers = \"60-69\" type = \"i16\" }\n}\n"                         \
	"group \"panel\" {\npoint \"ct-layout\" { registers = 150 type = \"u16\" poll = \"slow\" }\n}\n"
#define HOLES_CONF                                                                                 \
	"link \"l\" { transport = \"%s\" response-timeout = 400 }\n"                                 \
	"panel \"P\" { index = 1 link = \"l\" unit = 1 profile = \"holes\" slow-poll = 8000 }\n"
#define TCP "tcp\" host = \"127.0.0.1"

static void use_profile(const char *profile, const char *transport)
{
	char path[128], conf[sizeof(HOLES_CONF) + 128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/holes.conf", rig.sim.folder);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(profile, file);
	fclose(file);
	rig.sim.profiles = rig.sim.folder;
	snprintf(conf, sizeof(conf), HOLES_CONF, transport);
	rig_panel(conf);
	unlink(path);
}

static void set_line(unsigned read_takes_ms, unsigned word_takes_ms)
{
	rig.read_takes_ms = read_takes_ms;
	rig.word_takes_ms = word_takes_ms;
}

/* Registers of one measurement poll: 50 are one read through the hole, 20 are two. */
static unsigned words_of_a_poll(void)
{
	unsigned least = UINT_MAX;

	for (int i = 0; i < 5; i++) {
		int64_t before_ms = class_time(POLL_FAST);
		unsigned words = rig.words;

		while (class_time(POLL_FAST) == before_ms)
			run_until(rig.now_ms + 100);
		least = rig.words - words < least ? rig.words - words : least;
	}
	return least;
}

/*
 * The first plan is a guess; measured, a slow line shows behind the network, where a
 * hole costs more than a request; and when it has become a quick one, that does too,
 * but not for a few answers.
 */
static void test_plans_follow_the_line(void **state)
{
	(void)state;
	use_profile(HOLES, TCP);
	set_line(20, 8);
	work();
	assert_int_equal(words_of_a_poll(), 50);
	run_until(rig.now_ms + 60000);
	assert_int_equal(words_of_a_poll(), 20);
	set_line(1, 0);
	run_until(rig.now_ms + 20000);
	set_line(20, 8);
	run_until(rig.now_ms + 100000);
	assert_int_equal(words_of_a_poll(), 20);
	set_line(1, 0);
	run_until(rig.now_ms + 100000);
	assert_int_equal(words_of_a_poll(), 50);
	assert_int_equal(rig_comm(rig.slot), COMM_ONLINE);
}

/* On a serial line it is the turnaround of the meter that decides; 9600 baud: 2 ms a register. */
static void test_plans_follow_the_turnaround(void **state)
{
	(void)state;
	use_profile(HOLES, "rtu\" device = \"/dev/null\" baud = 9600 parity = \"none");
	set_line(2, 0);
	run_until(rig.now_ms + 60000);
	assert_int_equal(words_of_a_poll(), 20);
	set_line(80, 0);
	run_until(rig.now_ms + 120000);
	assert_int_equal(words_of_a_poll(), 50);
	set_line(2, 0);
	run_until(rig.now_ms + 120000);
	assert_int_equal(words_of_a_poll(), 20);
}

/* Thirty currents and an energy: integers with a far scale, or floats in a row. */
#define TWO_WAYS                                                                                   \
	"title = \"Two ways\"\nbase = 1\nbranches = 30\nmains = 1\nblock \"all\" { registers = \"1-300\" }\n" \
	"scale \"amps\" { registers = 290 poll = \"fast\" }\n"                                        \
	"scale \"kwh\" { registers = 291 poll = \"fast\" }\n"                                         \
	"group \"branch\" {\ncount = 30\npoint \"current\" { integer = \"1-30\" type = \"i16\" "          \
	"scale = \"amps\" float = \"40-99\" }\n}\n"                                                   \
	"group \"mains\" {\npoint \"energy\" { integer = \"31-32\" type = \"u32\" "                     \
	"scale = \"kwh\" float = \"100-101\" }\n}\n"                                                  \
	"group \"panel\" {\npoint \"ct-layout\" { registers = 150 type = \"u16\" poll = \"slow\" }\n}\n"

/*
 * The registers that are cheaper to read change with the line; the same energy,
 * rounded up in the one and not in the other, has not been reset for it.
 */
static void test_encoding_follows_the_line(void **state)
{
	int64_t since;

	(void)state;
	memset(rig.regs, 0, sizeof(rig.regs));
	REG(32) = 1235;
	REG(100) = 0x449a; /* 1234.6 */
	REG(101) = 0x5333;
	use_profile(TWO_WAYS, TCP);
	set_line(20, 8);
	run_until(START_MS + 2000);
	assert_int_equal(good(SCOPE_MAINS, Q_ENERGY, 1), 1234600);
	since = good(SCOPE_MAINS, Q_ENERGY_DISCONTINUITY, 1);
	run_until(rig.now_ms + 120000);
	assert_int_equal(words_of_a_poll(), 34);
	assert_int_equal(good(SCOPE_MAINS, Q_ENERGY, 1), 1235000);
	set_line(1, 0);
	run_until(rig.now_ms + 120000);
	assert_int_equal(words_of_a_poll(), 62);
	assert_int_equal(good(SCOPE_MAINS, Q_ENERGY, 1), 1235000);
	assert_int_equal(good(SCOPE_MAINS, Q_ENERGY_DISCONTINUITY, 1), since);
	REG(100) = 0x449b; /* 1242.6: it goes on from there */
	run_until(rig.now_ms + POLL_MS);
	assert_true(good(SCOPE_MAINS, Q_ENERGY, 1) > 1242000);
	REG(100) = 0x4480; /* 1026: that is a reset */
	run_until(rig.now_ms + POLL_MS);
	assert_true(good(SCOPE_MAINS, Q_ENERGY_DISCONTINUITY, 1) > since);
}

/* A line that is now quick, now slow does not have new plans each time. */
static void test_plans_do_not_flap(void **state)
{
	unsigned plan = 0, changes = 0;

	(void)state;
	use_profile(HOLES, TCP);
	for (int i = 0; i < 60; i++) {
		set_line(i % 2 ? 1 : 20, i % 2 ? 0 : 8);
		run_until(rig.now_ms + 4000);
		changes += words_of_a_poll() != plan;
		plan = words_of_a_poll();
	}
	print_message("%u plans on an unsteady line\n", changes);
	assert_in_range(changes, 1, 3);
}

#define MANY      1000
#define BRANCHES  42
#define ROW_BYTES 64

static char *many_panels(void)
{
	char *text = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&text, &size);

	for (int i = 0; i < MANY; i++) {
		if (i % 200 == 0)
			fprintf(file, "link \"l%d\" { transport = \"tcp\" host = \"127.0.0.%d\" "
				      "response-timeout = 400 }\n", i / 200, i / 200 + 1);
		fprintf(file, "panel \"P%d\" { index = %d link = \"l%d\" unit = %d "
			      "profile = \"bcpme\" encoding = \"integer\" }\n",
			i, i + 1, i / 200, i % 200 + 1);
	}
	fclose(file);
	return text;
}

/* What the poller keeps of each panel, beyond the snapshots that the store has. */
static void test_memory(void **state)
{
	struct poller **pollers = xcalloc(MANY, sizeof(struct poller *));
	struct store *store = store_new();
	char *text = many_panels();
	struct site *site = rig_site(&rig.sim, store, NULL, text);
	size_t before = mallinfo2().uordblks, grown;

	(void)state;
	rig.any_unit = true;
	for (int i = 0; i < 16; i++)
		REG(7 + i) = 'R' << 8 | 'P'; /* a long location */
	for (int i = 0; i < MANY; i++) {
		pollers[i] = poller_new(site, &site->panels[i], NULL);
		assert_int_equal(poller_poll_all(pollers[i], NULL), 0);
		assert_int_equal(rig_comm(site->panels[i].slot), COMM_ONLINE);
	}
	grown = mallinfo2().uordblks - before;
	print_message("%d panels: %zu bytes a branch row\n", MANY, grown / (MANY * BRANCHES));
	assert_true(grown <= (size_t)MANY * BRANCHES * ROW_BYTES);
	for (int i = 0; i < MANY; i++)
		poller_free(pollers[i]);
	site_unref(site);
	store_free(store);
	free(pollers);
	free(text);
}

/* On a slow line the alarm status of the panel overtakes its own long poll. */
static void test_alarms_overtake(void **state)
{
	int64_t fast;
	bool overtaken = false;

	(void)state;
	work();
	fast = class_time(POLL_FAST);
	rig.read_takes_ms = 400;
	set_time(START_MS + POLL_MS);
	REG(178) = 1; /* high-high latched, branch 1 */
	for (int i = 0; i < 60 && class_time(POLL_FAST) == fast; i++) {
		poller_step(rig.poller, NULL, rig.now_ms, false);
		if (class_time(POLL_FAST) == fast && class_time(POLL_ALARM) > START_MS)
			overtaken = true;
	}
	assert_true(class_time(POLL_FAST) > fast);
	assert_true(overtaken);
	assert_int_equal(good(SCOPE_BRANCH, Q_ALARM_STATUS, 1), 1);
}

/* Whatever is late, every second read of a shared line goes on with the bulk. */
static void test_turns(void **state)
{
	int64_t alarm;

	(void)state;
	work();
	rig.read_takes_ms = 2 * ALARM_MS; /* alarms are always late */
	set_time(START_MS + POLL_MS);
	poller_step(rig.poller, NULL, rig.now_ms, POLLER_ANY);
	assert_true(poller_busy(rig.poller));
	for (int i = 0; i < 3; i++) {
		alarm = class_time(POLL_ALARM);
		poller_step(rig.poller, NULL, rig.now_ms, POLLER_BULK);
		assert_int_equal(class_time(POLL_ALARM), alarm);
		/* Also in the middle of an alarm poll, which has two reads. */
		poller_step(rig.poller, NULL, rig.now_ms, POLLER_ALARM);
		poller_step(rig.poller, NULL, rig.now_ms, POLLER_BULK);
		assert_int_equal(class_time(POLL_ALARM), alarm);
		poller_step(rig.poller, NULL, rig.now_ms, POLLER_ALARM);
		assert_true(class_time(POLL_ALARM) > alarm);
	}
	assert_false(poller_busy(rig.poller));
	assert_true(class_time(POLL_FAST) > START_MS);
}

/* Another panel's long poll has the bus: only a late alarm status may be read, and only that. */
static void test_alarms_only(void **state)
{
	(void)state;
	work();
	set_time(START_MS + ALARM_MS);
	work();
	set_time(START_MS + POLL_MS);
	assert_int_equal(poller_step(rig.poller, NULL, rig.now_ms, true), 0);
	assert_int_equal(class_time(POLL_ALARM), START_MS + ALARM_MS);
	set_time(poller_alarm_late_ms(rig.poller));
	while (poller_step(rig.poller, NULL, rig.now_ms, true) == 1 &&
		class_time(POLL_ALARM) == START_MS + ALARM_MS)
		;
	assert_int_equal(class_time(POLL_ALARM), rig.now_ms);
	assert_int_equal(class_time(POLL_FAST), START_MS);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_first_poll),
		TEST(test_rhythm),
		TEST(test_absent_values),
		TEST(test_no_half_polls),
		TEST(test_retries),
		TEST(test_silent_and_back),
		TEST(test_silent_and_back_slowly),
		TEST(test_probe_called_off),
		TEST(test_silent_over_connections),
		TEST(test_silent_is_not_gone),
		TEST(test_hung_thread),
		TEST(test_late_is_not_missed),
		TEST(test_standstill),
		TEST(test_missed_on_a_slow_line),
		TEST(test_late_and_then_missed),
		TEST(test_interval_over_a_missed_poll),
		TEST(test_says_that_it_is_slow),
		TEST(test_overload_is_told_once),
		TEST(test_link_away),
		TEST(test_alarm_poll_fails),
		TEST(test_alarm_brings_its_value),
		TEST(test_alarm_without_value),
		TEST(test_scale_changes),
		TEST(test_restless_scale),
		TEST(test_trigger),
		TEST(test_scales_not_told_just_now),
		TEST(test_identity_not_told_just_now),
		TEST(test_once_not_told_just_now),
		TEST(test_energy),
		TEST(test_energy_under_a_coarser_scale),
		TEST(test_energy_of_a_float),
		TEST(test_another_meter),
		TEST(test_another_name_once),
		TEST(test_restless_meter),
		TEST(test_meters_in_turn),
		TEST(test_wrong_device),
		TEST(test_poll_all_reports_errors),
		TEST(test_poll_all_ends),
		TEST(test_optional_block),
		TEST(test_refused_setting),
		TEST(test_refused_measurements),
		TEST(test_refused_for_a_while),
		TEST(test_refused_in_part),
		TEST(test_refused_on_a_slow_line),
		TEST(test_refused_later),
		TEST(test_refused_beside_an_alarm),
		TEST(test_refused_at_random),
		TEST(test_refused_alarms),
		TEST(test_many_refused),
		TEST(test_all_refused),
		TEST(test_plans_follow_the_line),
		TEST(test_plans_follow_the_turnaround),
		TEST(test_encoding_follows_the_line),
		TEST(test_plans_do_not_flap),
		TEST(test_memory),
		TEST(test_alarms_overtake),
		TEST(test_turns),
		TEST(test_alarms_only),
	};

	log_init("test_poller", LOG_LEVEL_WARNING);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
