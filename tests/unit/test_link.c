/*
 * link, links and poller against meterx-sim, with their real threads. Rhythms
 * are short; every test waits for conditions and asserts no time.
 */
#include "config.h"

#include "modbus/link.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/util.h"
#include "modbus/links.h"
#include "sim_rig.h"

#define RHYTHM "poll = 200\nalarm-poll = 100\nslow-poll = 1000\nstale-after = 3\n"
#define LINK_OF(timeout)                                                                           \
	"link \"sim\" { transport = \"tcp\" host = \"127.0.0.1\" port = % "                            \
	"response-timeout = " timeout " retries = 1 }\n"
#define LINK   LINK_OF("300")
#define PANEL1 "panel \"P1\" { index = 1 link = \"sim\" unit = 1 profile = \"bcpme\" }\n"
#define PANEL2 "panel \"P2\" { index = 2 link = \"sim\" unit = 2 profile = \"bcpme\" }\n"
#define CONF   RHYTHM LINK PANEL1 PANEL2
/* Where somebody always answers: a simulator kept from the processor is not to be missed for it. */
#define PATIENT RHYTHM LINK_OF("10000") PANEL1 PANEL2

struct rig {
	struct sim sim;
	struct store *store;
	struct site *site;
	struct links *links;
};

static void rig_up(struct rig *rig, const char *const *options, const char *conf)
{
	*rig = (struct rig){ 0 };
	sim_start(&rig->sim, options);
	rig->store = store_new();
	rig->site = rig_site(&rig->sim, rig->store, NULL, conf);
	rig->links = links_new();
	assert_int_equal(links_apply(rig->links, rig->site), 0);
}

static void rig_down(struct rig *rig)
{
	links_stop(rig->links);
	site_unref(rig->site);
	store_free(rig->store);
	sim_stop(&rig->sim);
}

static void rig_reload(struct rig *rig, const char *conf)
{
	struct site *next = rig_site(&rig->sim, rig->store, rig->site, conf);

	assert_int_equal(links_apply(rig->links, next), 0);
	site_unref(rig->site);
	rig->site = next;
}

static struct slot *slot_of(const struct rig *rig, uint32_t index)
{
	return site_panel(rig->site, index, NULL)->slot;
}

static bool online(const struct rig *rig, uint32_t index)
{
	return rig_comm(slot_of(rig, index)) == COMM_ONLINE;
}

static bool offline(const struct rig *rig, uint32_t index)
{
	return rig_comm(slot_of(rig, index)) == COMM_OFFLINE;
}

static struct link_status status_of(const struct rig *rig)
{
	struct link_status status;

	link_slot_get(rig->site->links[0].slot, &status);
	return status;
}

static bool polled_again(const struct rig *rig, uint32_t index, enum poll_class class,
	int64_t after_ms)
{
	const struct snapshot *snapshot = store_get(slot_of(rig, index));
	bool again = snapshot->class_ms[class] > after_ms;

	store_put(slot_of(rig, index), snapshot);
	return again;
}

/* From now on, and again: the second poll began after now. */
static bool polls_again(const struct rig *rig, uint32_t index, enum poll_class class)
{
	for (int i = 0; i < 2; i++) {
		int64_t now_ms = clock_mono_ms();

		if (!WAIT_FOR(polled_again(rig, index, class, now_ms)))
			return false;
	}
	return true;
}

static struct reading current_of(const struct rig *rig, uint32_t index, unsigned branch)
{
	return rig_get(slot_of(rig, index), SCOPE_BRANCH, Q_CURRENT, branch);
}

static bool current_is(const struct rig *rig, uint32_t index, unsigned branch, int64_t ma)
{
	struct reading reading = current_of(rig, index, branch);

	return reading.quality == QUALITY_GOOD && reading.num == ma;
}

static uint64_t register_reads(const struct rig *rig, unsigned unit)
{
	char answer[1024], key[32];
	const char *at;

	sim_ask(&rig->sim, "requests", answer, sizeof(answer));
	snprintf(key, sizeof(key), "\"%u\":{\"requests\":", unit);
	at = strstr(answer, key);
	assert_non_null(at);
	return strtoull(at + strlen(key), NULL, 10);
}

static void test_serves_both_panels(void **state)
{
	struct rig rig;
	struct link_status status;

	(void)state;
	rig_up(&rig, NULL, PATIENT);
	assert_true(WAIT_FOR(online(&rig, 1) && online(&rig, 2)));
	sim_tell(&rig.sim, "current 1 7 12.34");
	sim_tell(&rig.sim, "current 2 7 0");
	assert_true(WAIT_FOR(current_is(&rig, 1, 7, 12340)));
	assert_true(WAIT_FOR(current_is(&rig, 2, 7, 0)));
	assert_true(WAIT_FOR(status_of(&rig).requests > 20));
	status = status_of(&rig);
	assert_int_equal(status.state, LINK_UP);
	assert_int_equal(status.timeouts + status.crc_errors + status.exceptions, 0);
	assert_int_equal(status.reconnects, 0);
	assert_true(status.round_trip_us > 0);
	assert_true(status.load_permille <= 1000);
	assert_string_equal(status.error, "");
	rig_down(&rig);
}

static void test_silent_unit_does_not_hold_up_the_other(void **state)
{
	struct rig rig;

	(void)state;
	rig_up(&rig, NULL, CONF);
	assert_true(WAIT_FOR(online(&rig, 1) && online(&rig, 2)));
	sim_tell(&rig.sim, "fault unit-silent 2");
	assert_true(WAIT_FOR(offline(&rig, 2)));
	assert_int_equal(current_of(&rig, 2, 1).quality, QUALITY_STALE);
	assert_true(polls_again(&rig, 1, POLL_FAST));
	assert_true(WAIT_FOR(online(&rig, 1) && offline(&rig, 2)));
	assert_true(WAIT_FOR(status_of(&rig).state == LINK_UP));
	assert_true(WAIT_FOR(status_of(&rig).timeouts > 0));
	sim_tell(&rig.sim, "fault none");
	assert_true(WAIT_FOR(online(&rig, 2)));
	assert_int_equal(current_of(&rig, 2, 1).quality, QUALITY_GOOD);
	rig_down(&rig);
}

/* Four registers a read: who the meter is takes two, both slower than its rhythm allows. */
static void test_silent_unit_comes_back_slowly(void **state)
{
	static const char conf[] =
		"poll = 1000\nalarm-poll = 100\nslow-poll = 5000\nstale-after = 2\n"
		"link \"sim\" { transport = \"tcp\" host = \"127.0.0.1\" port = % "
		"response-timeout = 300 retries = 0 max-registers = 4 }\n" PANEL1 PANEL2;
	struct rig rig;

	(void)state;
	rig_up(&rig, NULL, conf);
	assert_true(WAIT_FOR(online(&rig, 1) && online(&rig, 2)));
	sim_tell(&rig.sim, "fault unit-silent 2");
	assert_true(WAIT_FOR(offline(&rig, 2)));
	sim_tell(&rig.sim, "fault none");
	sim_tell(&rig.sim, "fault late 30 unit 2 regs 1-5");
	assert_true(WAIT_FOR(online(&rig, 2)));
	assert_true(WAIT_FOR(online(&rig, 1)));
	rig_down(&rig);
}

/* Who has lost one answer too many does not wait with those that are gone. */
static void test_silent_unit_does_not_wait_for_the_gone(void **state)
{
	static const char conf[] =
		RHYTHM "link \"sim\" { transport = \"tcp\" host = \"127.0.0.1\" port = % "
		       "response-timeout = 1500 retries = 0 }\n" PANEL1 PANEL2
		"panel \"P3\" { index = 3 link = \"sim\" unit = 3 profile = \"bcpme\" }\n";
	struct rig rig;

	(void)state;
	rig_up(&rig, NULL, conf);
	/* Once for a poll, once asked whether it is back: now it waits for its share of the line. */
	assert_true(WAIT_FOR(status_of(&rig).timeouts == 2));
	assert_true(WAIT_FOR(online(&rig, 2)));
	sim_tell(&rig.sim, "fault lost unit 2 count 1");
	assert_true(WAIT_FOR(status_of(&rig).timeouts == 3 && !online(&rig, 2)));
	assert_true(WAIT_FOR(online(&rig, 2)));
	assert_int_equal(status_of(&rig).timeouts, 3);
	rig_down(&rig);
}

static void test_peer_away_and_back(void **state)
{
	struct rig rig;

	(void)state;
	rig_up(&rig, NULL, CONF);
	assert_true(WAIT_FOR(online(&rig, 1) && online(&rig, 2)));
	sim_tell(&rig.sim, "fault refuse listen");
	assert_true(WAIT_FOR(offline(&rig, 1) && offline(&rig, 2)));
	assert_true(WAIT_FOR(status_of(&rig).state == LINK_BACKOFF));
	assert_string_not_equal(status_of(&rig).error, "");
	/* Identity and settings stay, measurements do not. */
	assert_int_equal(rig_get(slot_of(&rig, 1), SCOPE_PANEL, Q_SERIAL, 1).quality, QUALITY_GOOD);
	assert_int_equal(rig_get(slot_of(&rig, 1), SCOPE_BRANCH, Q_RATING, 1).quality, QUALITY_GOOD);
	assert_int_equal(current_of(&rig, 1, 1).quality, QUALITY_STALE);
	sim_tell(&rig.sim, "fault none");
	assert_true(WAIT_FOR(online(&rig, 1) && online(&rig, 2)));
	assert_true(WAIT_FOR(status_of(&rig).state == LINK_UP));
	assert_string_equal(status_of(&rig).error, "");
	assert_true(status_of(&rig).reconnects > 0);
	rig_down(&rig);
}

/* A peer that accepts and is dead behind is not taken for up for long. */
static void test_deaf_peer(void **state)
{
	struct rig rig;

	(void)state;
	rig_up(&rig, NULL, CONF);
	assert_true(WAIT_FOR(online(&rig, 1) && online(&rig, 2)));
	sim_tell(&rig.sim, "fault deaf");
	assert_true(WAIT_FOR(offline(&rig, 1) && offline(&rig, 2)));
	assert_true(WAIT_FOR(status_of(&rig).state == LINK_BACKOFF));
	sim_tell(&rig.sim, "fault none");
	assert_true(WAIT_FOR(online(&rig, 1) && online(&rig, 2)));
	assert_true(WAIT_FOR(status_of(&rig).state == LINK_UP));
	rig_down(&rig);
}

/* A peer that is back is not given up for the units that are not there and happen to be asked first. */
static void test_deaf_peer_with_many_gone(void **state)
{
	char conf[2048];
	int length = snprintf(conf, sizeof(conf), "%s",
		RHYTHM "link \"sim\" { transport = \"tcp\" host = \"127.0.0.1\" port = % "
		       "response-timeout = 300 retries = 0 }\n" PANEL1);
	struct rig rig;

	(void)state;
	for (int unit = 3; unit < 10; unit++)
		length += snprintf(conf + length, sizeof(conf) - (size_t)length,
			"panel \"P%d\" { index = %d link = \"sim\" unit = %d profile = \"bcpme\" }\n",
			unit, unit, unit);
	rig_up(&rig, NULL, conf);
	assert_true(WAIT_FOR(online(&rig, 1)));
	sim_tell(&rig.sim, "fault deaf");
	assert_true(WAIT_FOR(offline(&rig, 1)));
	assert_true(WAIT_FOR(status_of(&rig).state == LINK_BACKOFF));
	sim_tell(&rig.sim, "fault none");
	assert_true(WAIT_FOR(online(&rig, 1)));
	rig_down(&rig);
}

static void test_stops_while_nobody_answers(void **state)
{
	struct rig rig;

	(void)state;
	rig_up(&rig, NULL, CONF);
	assert_true(WAIT_FOR(online(&rig, 1)));
	sim_tell(&rig.sim, "fault deaf");
	assert_true(WAIT_FOR(status_of(&rig).timeouts > 0));
	rig_down(&rig);
}

/* The host of 192.0.2.0/24 (for documentation) does not exist. */
static void test_stops_while_connecting(void **state)
{
	struct rig rig;

	(void)state;
	rig_up(&rig, NULL,
		RHYTHM "link \"sim\" { transport = \"tcp\" host = \"192.0.2.1\" "
		       "response-timeout = 500 }\n" PANEL1);
	assert_true(WAIT_FOR(status_of(&rig).state != LINK_DOWN));
	assert_true(WAIT_FOR(offline(&rig, 1)));
	rig_down(&rig);
}

static void test_another_meter(void **state)
{
	struct rig rig;
	struct reading energy, since;

	(void)state;
	rig_up(&rig, NULL, PATIENT);
	assert_true(WAIT_FOR(online(&rig, 1)));
	since = rig_get(slot_of(&rig, 1), SCOPE_BRANCH, Q_ENERGY_DISCONTINUITY, 3);
	energy = rig_get(slot_of(&rig, 1), SCOPE_BRANCH, Q_ENERGY, 3);
	assert_int_equal(energy.quality, QUALITY_GOOD);
	assert_int_equal(since.quality, QUALITY_GOOD);
	sim_tell(&rig.sim, "serial 1 4711");
	assert_true(WAIT_FOR(
		rig_get(slot_of(&rig, 1), SCOPE_PANEL, Q_SERIAL, 1).num == 4711 && online(&rig, 1)));
	assert_true(rig_get(slot_of(&rig, 1), SCOPE_BRANCH, Q_ENERGY_DISCONTINUITY, 3).num >
		    since.num);
	rig_down(&rig);
}

static void test_wrong_device(void **state)
{
	struct rig rig;

	(void)state;
	rig_up(&rig, NULL, PATIENT);
	assert_true(WAIT_FOR(online(&rig, 1) && online(&rig, 2)));
	sim_tell(&rig.sim, "poke 1 5 1234");
	assert_true(WAIT_FOR(offline(&rig, 1)));
	assert_int_equal(current_of(&rig, 1, 1).quality, QUALITY_NONE);
	assert_true(online(&rig, 2));
	sim_tell(&rig.sim, "unpoke 1 5");
	assert_true(WAIT_FOR(online(&rig, 1)));
	rig_down(&rig);
}

/* Scales are read with the settings; until then the new ones cannot be known. */
static void test_scale_changes(void **state)
{
	struct rig rig;

	(void)state;
	rig_up(&rig, NULL, CONF);
	sim_tell(&rig.sim, "current 1 7 12.3");
	assert_true(WAIT_FOR(current_is(&rig, 1, 7, 12300)));
	sim_tell(&rig.sim, "scale 1 current 7 -1");
	assert_true(polls_again(&rig, 1, POLL_SLOW));
	assert_true(WAIT_FOR(current_is(&rig, 1, 7, 12300)));
	rig_down(&rig);
}

static void test_exceptions_miss_polls(void **state)
{
	struct rig rig;

	(void)state;
	rig_up(&rig, NULL, PATIENT);
	assert_true(WAIT_FOR(online(&rig, 1) && online(&rig, 2)));
	sim_tell(&rig.sim, "fault exception 4 unit 1 regs 1336-1377");
	assert_true(WAIT_FOR(offline(&rig, 1)));
	assert_true(online(&rig, 2));
	assert_true(WAIT_FOR(status_of(&rig).exceptions > 0));
	assert_int_equal(status_of(&rig).timeouts, 0);
	/* The alarm status is still read. */
	assert_true(polls_again(&rig, 1, POLL_ALARM));
	sim_tell(&rig.sim, "fault none");
	assert_true(WAIT_FOR(online(&rig, 1)));
	rig_down(&rig);
}

/* A gateway says that it does not reach a unit: that one is offline, nobody has made a mistake. */
static void test_gateway_speaks_for_itself(void **state)
{
	struct link_status status;
	struct rig rig;

	(void)state;
	rig_up(&rig, NULL, PATIENT);
	assert_true(WAIT_FOR(online(&rig, 1) && online(&rig, 2)));
	sim_tell(&rig.sim, "fault exception 11 unit 1");
	assert_true(WAIT_FOR(offline(&rig, 1)));
	assert_true(online(&rig, 2));
	assert_true(WAIT_FOR(status_of(&rig).gateway_exceptions > 0));
	status = status_of(&rig);
	assert_int_equal(status.exceptions + status.timeouts, 0);
	assert_int_equal(status.crc_errors + status.wrong_answers, 0);
	sim_tell(&rig.sim, "fault none");
	assert_true(WAIT_FOR(online(&rig, 1)));
	rig_down(&rig);
}

/* Its exceptions are slow and as many as tries are configured: who answers does not wait for all of them. */
static void test_slow_gateway_speaks_for_itself(void **state)
{
	static const char *const options[] = { "--gateway", "11:300", NULL };
	static const char conf[] =
		RHYTHM "link \"sim\" { transport = \"tcp\" host = \"127.0.0.1\" port = % "
		       "response-timeout = 5000 retries = 10 }\n" PANEL1
		"panel \"P3\" { index = 3 link = \"sim\" unit = 3 profile = \"bcpme\" }\n"
		"panel \"P4\" { index = 4 link = \"sim\" unit = 4 profile = \"bcpme\" }\n"
		"panel \"P5\" { index = 5 link = \"sim\" unit = 5 profile = \"bcpme\" }\n";
	struct rig rig;

	(void)state;
	rig_up(&rig, options, conf);
	assert_true(WAIT_FOR(online(&rig, 1)));
	assert_true(status_of(&rig).gateway_exceptions < 3 * 10);
	rig_down(&rig);
}

/* Settings that cannot be read cost neither measurements nor alarms. */
static void test_settings_refused(void **state)
{
	struct rig rig;

	(void)state;
	rig_up(&rig, NULL, PATIENT);
	assert_true(WAIT_FOR(online(&rig, 1)));
	sim_tell(&rig.sim, "fault exception 4 unit 1 regs 1000-1041");
	assert_true(WAIT_FOR(status_of(&rig).exceptions > 4));
	assert_true(online(&rig, 1));
	rig_down(&rig);
}

/* Registers the meter does not have cost nothing but themselves. */
static void test_registers_refused(void **state)
{
	struct rig rig;

	(void)state;
	rig_up(&rig, NULL, PATIENT);
	assert_true(WAIT_FOR(online(&rig, 1) && online(&rig, 2)));
	sim_tell(&rig.sim, "current 1 4 12.3");
	assert_true(WAIT_FOR(current_is(&rig, 1, 4, 12300)));
	sim_tell(&rig.sim, "fault exception 2 unit 1 regs 1340-1342");
	assert_true(WAIT_FOR(current_of(&rig, 1, 5).quality == QUALITY_NONE &&
			     current_of(&rig, 1, 7).quality == QUALITY_NONE));
	sim_tell(&rig.sim, "current 1 4 45.6");
	assert_true(WAIT_FOR(current_is(&rig, 1, 4, 45600)));
	assert_int_equal(current_of(&rig, 1, 8).quality, QUALITY_GOOD);
	assert_true(online(&rig, 1) && online(&rig, 2));
	rig_down(&rig);
}

static void test_old_firmware(void **state)
{
	static const char *const options[] = { "--old-firmware", NULL };
	struct rig rig;

	(void)state;
	rig_up(&rig, options,
		RHYTHM LINK "panel \"P1\" { index = 1 link = \"sim\" unit = 1 profile = \"bcpm\" }\n");
	assert_true(WAIT_FOR(online(&rig, 1)));
	assert_int_equal(rig_get(slot_of(&rig, 1), SCOPE_BRANCH, Q_CURRENT, 1).quality,
		QUALITY_GOOD);
	assert_int_equal(rig_get(slot_of(&rig, 1), SCOPE_BRANCH, Q_APPARENT_POWER, 1).quality,
		QUALITY_NONE);
	assert_true(polls_again(&rig, 1, POLL_SLOW));
	rig_down(&rig);
}

static void test_models(void **state)
{
	static const struct {
		const char *options[3];
		enum quality power, voltage;
	} cases[] = {
		{ { "--model", "A", NULL }, QUALITY_GOOD, QUALITY_GOOD },
		{ { "--model", "B", NULL }, QUALITY_NONE, QUALITY_GOOD },
		{ { "--model", "C", NULL }, QUALITY_NONE, QUALITY_NONE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct rig rig;
		struct slot *slot;

		rig_up(&rig, cases[i].options, CONF);
		assert_true(WAIT_FOR(online(&rig, 1) && online(&rig, 2)));
		slot = slot_of(&rig, 2);
		assert_int_equal(rig_get(slot, SCOPE_BRANCH, Q_CURRENT, 42).quality, QUALITY_GOOD);
		assert_int_equal(rig_get(slot, SCOPE_BRANCH, Q_ACTIVE_POWER, 42).quality,
			cases[i].power);
		assert_int_equal(rig_get(slot, SCOPE_VOLTAGE, Q_VOLTAGE, 1).quality,
			cases[i].voltage);
		rig_down(&rig);
	}
}

static bool latched(const struct rig *rig, unsigned branch, enum level level, bool want)
{
	const struct snapshot *snapshot = store_get(slot_of(rig, 1));
	const struct alarm *alarm =
		alarm_find(snapshot->alarms, ROW_KEY(SCOPE_BRANCH, branch, level));
	bool is = alarm != NULL && alarm->latched && alarm->event != 0;

	store_put(slot_of(rig, 1), snapshot);
	return is == want;
}

/* 18 A are beyond 80 % of the 20 A breaker; the simulator's time runs ahead. */
static void test_latch(void **state)
{
	static const char *const options[] = { "--speed", "50", NULL };
	struct rig rig;

	(void)state;
	rig_up(&rig, options, CONF);
	assert_true(WAIT_FOR(online(&rig, 1)));
	sim_tell(&rig.sim, "current 1 5 19");
	assert_true(WAIT_FOR(latched(&rig, 5, LEVEL_HIGH_HIGH, true)));
	sim_tell(&rig.sim, "current 1 5 2");
	sim_tell(&rig.sim, "write 1 295 31010");
	assert_true(WAIT_FOR(latched(&rig, 5, LEVEL_HIGH_HIGH, false)));
	rig_down(&rig);
}

/* Unchanged panels go on with their connection and their poller: nobody is identified anew. */
static void test_reload(void **state)
{
	static const char renamed[] =
		RHYTHM LINK_OF("10000")
		"panel \"Other\" { index = 1 link = \"sim\" unit = 1 profile = \"bcpme\" }\n";
	struct rig rig;
	struct slot *slot;
	uint64_t reads;

	(void)state;
	rig_up(&rig, NULL, PATIENT);
	assert_true(WAIT_FOR(online(&rig, 1) && online(&rig, 2)));
	slot = slot_of(&rig, 1);
	rig_reload(&rig, renamed);
	assert_ptr_equal(slot_of(&rig, 1), slot);
	assert_true(online(&rig, 1));
	assert_true(polls_again(&rig, 1, POLL_FAST));
	reads = register_reads(&rig, 2);
	assert_true(polls_again(&rig, 1, POLL_FAST));
	assert_int_equal(register_reads(&rig, 2), reads);
	rig_reload(&rig, PATIENT);
	assert_true(WAIT_FOR(online(&rig, 2)));
	assert_int_equal(status_of(&rig).reconnects, 0);
	rig_down(&rig);
}

static void test_reload_of_the_link(void **state)
{
	static const char patient[] =
		RHYTHM "link \"sim\" { transport = \"tcp\" host = \"127.0.0.1\" port = % "
		       "response-timeout = 400 }\n" PANEL1;
	static const char other[] =
		RHYTHM "link \"new\" { transport = \"tcp\" host = \"127.0.0.1\" port = % }\n"
		       "panel \"P1\" { index = 1 link = \"new\" unit = 1 profile = \"bcpme\" }\n";
	struct rig rig;

	(void)state;
	rig_up(&rig, NULL, CONF);
	assert_true(WAIT_FOR(online(&rig, 1)));
	rig_reload(&rig, patient);
	assert_true(WAIT_FOR(online(&rig, 1)));
	rig_reload(&rig, other);
	assert_true(WAIT_FOR(online(&rig, 1)));
	rig_reload(&rig, CONF);
	rig_reload(&rig, other);
	rig_reload(&rig, CONF);
	assert_true(WAIT_FOR(online(&rig, 1) && online(&rig, 2)));
	rig_down(&rig);
}

static void test_disabled_panel(void **state)
{
	struct rig rig;

	(void)state;
	rig_up(&rig, NULL,
		RHYTHM LINK PANEL1
		"panel \"P2\" { index = 2 link = \"sim\" unit = 2 profile = \"bcpme\" enabled = no }\n");
	assert_true(WAIT_FOR(online(&rig, 1)));
	assert_true(polls_again(&rig, 1, POLL_FAST));
	assert_int_equal(rig_comm(slot_of(&rig, 2)), COMM_DISABLED);
	assert_int_equal(register_reads(&rig, 2), 0);
	rig_down(&rig);
}

/* Nothing to poll any more: the meter's connection is free for others, and taken up again later. */
static void test_link_without_panels(void **state)
{
	struct rig rig;

	(void)state;
	rig_up(&rig, NULL, RHYTHM LINK);
	assert_int_equal(status_of(&rig).state, LINK_DOWN);
	assert_string_equal(status_of(&rig).error, "no panel to poll");
	rig_reload(&rig, CONF);
	assert_true(WAIT_FOR(online(&rig, 1) && online(&rig, 2)));
	assert_string_equal(status_of(&rig).error, "");
	rig_reload(&rig, RHYTHM LINK);
	assert_true(WAIT_FOR(status_of(&rig).state == LINK_DOWN));
	assert_string_equal(status_of(&rig).error, "no panel to poll");
	rig_reload(&rig, CONF);
	assert_true(WAIT_FOR(online(&rig, 1) && online(&rig, 2)));
	assert_true(WAIT_FOR(status_of(&rig).state == LINK_UP));
	rig_down(&rig);
}

/* Time runs ahead by more than any turn takes: so it does for a thread that is stuck. */
static bool stuck_ahead(const struct rig *rig)
{
	clock_set(clock_mono_ms() + 200000, -1);
	return !links_alive(rig->links);
}

/* Without a panel it sleeps for a minute, after a turn or two. */
static void test_stuck_link_is_told(void **state)
{
	struct rig rig;
	(void)state;

	rig_up(&rig, NULL, RHYTHM LINK);
	assert_true(links_alive(rig.links));
	assert_false(stuck_ahead(&rig)); /* once is nothing */
	assert_true(WAIT_FOR(stuck_ahead(&rig)));
	clock_set(-1, -1);
	assert_true(links_alive(rig.links));
	rig_down(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_serves_both_panels),
		cmocka_unit_test(test_silent_unit_does_not_hold_up_the_other),
		cmocka_unit_test(test_silent_unit_comes_back_slowly),
		cmocka_unit_test(test_silent_unit_does_not_wait_for_the_gone),
		cmocka_unit_test(test_peer_away_and_back),
		cmocka_unit_test(test_deaf_peer),
		cmocka_unit_test(test_deaf_peer_with_many_gone),
		cmocka_unit_test(test_stops_while_nobody_answers),
		cmocka_unit_test(test_stops_while_connecting),
		cmocka_unit_test(test_another_meter),
		cmocka_unit_test(test_wrong_device),
		cmocka_unit_test(test_scale_changes),
		cmocka_unit_test(test_exceptions_miss_polls),
		cmocka_unit_test(test_gateway_speaks_for_itself),
		cmocka_unit_test(test_slow_gateway_speaks_for_itself),
		cmocka_unit_test(test_settings_refused),
		cmocka_unit_test(test_registers_refused),
		cmocka_unit_test(test_old_firmware),
		cmocka_unit_test(test_models),
		cmocka_unit_test(test_latch),
		cmocka_unit_test(test_reload),
		cmocka_unit_test(test_reload_of_the_link),
		cmocka_unit_test(test_disabled_panel),
		cmocka_unit_test(test_link_without_panels),
		cmocka_unit_test(test_stuck_link_is_told),
	};

	log_init("test_link", LOG_LEVEL_INFO);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
