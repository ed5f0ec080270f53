/*
 * Links with a journal against meterx-sim, with their real threads: whoever sees
 * an alarm finds its event, and links tell when they go and come.
 */
#include "config.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alarm/journal.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/util.h"
#include "modbus/links.h"
#include "sim_rig.h"

#define RHYTHM "poll = 100\nalarm-poll = 100\nslow-poll = 1000\nstale-after = 3\nnotify-hold = 300\n"
#define LINK   "link \"sim\" { transport = \"tcp\" host = \"127.0.0.1\" port = % response-timeout = 10000 retries = 1 }\n"
#define PANEL1 "panel \"P1\" { index = 1 link = \"sim\" unit = 1 profile = \"bcpm\" }\n"
#define PANEL2 "panel \"P2\" { index = 2 link = \"sim\" unit = 2 profile = \"bcpm\" }\n"
#define CONF   RHYTHM LINK PANEL1 PANEL2

static struct {
	struct sim sim;
	struct store *store;
	struct site *site;
	struct links *links;
} rig;

static void start(const char *conf)
{
	rig.store = store_new();
	rig.site = rig_site(&rig.sim, rig.store, NULL, conf);
	rig.links = links_new();
	assert_int_equal(links_apply(rig.links, rig.site), 0);
}

static void stop(void)
{
	links_stop(rig.links);
	site_unref(rig.site);
	store_free(rig.store);
}

static int set_up(void **state)
{
	(void)state;
	memset(&rig, 0, sizeof(rig));
	sim_start(&rig.sim, NULL);
	rig.sim.journal = journal_open(NULL, 100000);
	start(CONF);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	stop();
	journal_close(rig.sim.journal);
	sim_stop(&rig.sim);
	return 0;
}

/* How many events of that kind there are, and the text of the last. */
static unsigned count(enum event_kind kind, const char **text)
{
	static char last[EVENT_TEXT_MAX + 1];
	struct event *event;
	unsigned n = 0;

	for (uint64_t number = 0; (event = journal_next(rig.sim.journal, number, false)) != NULL;) {
		number = event->number;
		if (event->kind == kind) {
			n++;
			text_copy(last, sizeof(last), event->text);
		}
		event_unref(event);
	}
	if (text != NULL)
		*text = last;
	return n;
}

/* A reader that never stops looking. */
struct reader {
	pthread_t thread;
	atomic_bool stop;
	atomic_uint seen, wrong; /* alarms */
};

static bool has_event(const struct alarm *alarm)
{
	struct event *event = journal_find(rig.sim.journal, alarm->event);
	bool has = event != NULL && event->kind == EVENT_RAISED &&
		   event->scope == (enum event_scope)ROW_KEY_A(alarm->key) &&
		   event->channel == ROW_KEY_B(alarm->key) &&
		   event->level == (enum level)ROW_KEY_C(alarm->key) &&
		   event->wall_ms == alarm->raised_wall_ms;

	event_unref(event);
	return has;
}

static void look(struct reader *reader, struct slot *slot)
{
	const struct snapshot *snapshot = store_get(slot);

	for (uint32_t i = 0; i < snapshot->alarms->n; i++) {
		const struct alarm *alarm = &snapshot->alarms->alarms[i];

		if (!alarm->active && !alarm->latched)
			continue;
		atomic_fetch_add(&reader->seen, 1);
		if (!has_event(alarm))
			atomic_fetch_add(&reader->wrong, 1);
	}
	store_put(slot, snapshot);
}

static void *read_on(void *arg)
{
	struct reader *reader = arg;

	while (!atomic_load(&reader->stop))
		for (size_t i = 0; i < rig.site->n_panels; i++) {
			look(reader, rig.site->panels[i].slot);
			sched_yield();
		}
	return NULL;
}

static bool polled_since(size_t panel, int64_t since_ms)
{
	const struct snapshot *snapshot = store_get(rig.site->panels[panel].slot);
	bool polled = snapshot->class_ms[POLL_ALARM] > since_ms;

	store_put(rig.site->panels[panel].slot, snapshot);
	return polled;
}

static bool quiet(size_t panel)
{
	const struct snapshot *snapshot = store_get(rig.site->panels[panel].slot);
	const struct alarm_book *book = snapshot->alarms;
	bool quiet = book->known && book->n_active == 0 && book->n_latched == 0;

	for (uint32_t i = 0; i < book->n; i++)
		quiet &= !book->alarms[i].told_active;
	store_put(rig.site->panels[panel].slot, snapshot);
	return quiet;
}

/* Status words of all branches and inputs of the mains, poked, so that the meter does nothing. */
static void set_words(const char *word)
{
	char command[64];

	for (int unit = 1; unit <= 2; unit++) {
		snprintf(command, sizeof(command), "poke %d 178-223 %s", unit, word);
		sim_tell(&rig.sim, command);
	}
}

static void nobody_sees_an_alarm_without_its_event(void **state)
{
	static const char *const words[] = { "0x31f", "0", "0x101", "0x202", "0x11" };
	struct reader reader = { 0 };
	int64_t since_ms;

	(void)state;
	assert_true(WAIT_FOR(polled_since(0, 0) && polled_since(1, 0)));
	assert_int_equal(pthread_create(&reader.thread, NULL, read_on, &reader), 0);
	for (int i = 0; i < 20; i++) {
		set_words(words[i % 5]);
		since_ms = clock_mono_ms();
		assert_true(WAIT_FOR(polled_since(0, since_ms + 50) && polled_since(1, since_ms + 50)));
	}
	set_words("0");
	assert_true(WAIT_FOR(quiet(0) && quiet(1)));
	atomic_store(&reader.stop, true);
	pthread_join(reader.thread, NULL);
	print_message("%u alarms seen, %u events raised\n", atomic_load(&reader.seen),
		count(EVENT_RAISED, NULL));
	assert_true(atomic_load(&reader.seen) > 1000);
	assert_int_equal(atomic_load(&reader.wrong), 0);
	/* all went, and each end was told */
	assert_true(count(EVENT_RAISED, NULL) > 46 * 5 * 2);
	assert_int_equal(count(EVENT_RAISED, NULL), count(EVENT_CLEARED, NULL));
}

/* Down and up once each, though the agent ends and starts meanwhile. */
static void a_link_goes_and_comes(void **state)
{
	const char *text;

	(void)state;
	assert_true(WAIT_FOR(count(EVENT_PANEL_ONLINE, NULL) == 2));
	assert_int_equal(count(EVENT_LINK_UP, NULL), 0);
	sim_tell(&rig.sim, "fault refuse listen");
	assert_true(WAIT_FOR(count(EVENT_PANEL_OFFLINE, NULL) == 2));
	assert_int_equal(count(EVENT_LINK_DOWN, &text), 1);
	assert_non_null(strstr(text, "link sim (127.0.0.1:"));
	assert_non_null(strstr(text, ") down: "));
	stop();
	start(CONF);
	assert_true(WAIT_FOR(rig_comm(rig.site->panels[0].slot) == COMM_OFFLINE));
	sim_tell(&rig.sim, "fault none");
	assert_true(WAIT_FOR(count(EVENT_PANEL_ONLINE, NULL) == 4));
	assert_int_equal(count(EVENT_LINK_DOWN, NULL), 1);
	assert_int_equal(count(EVENT_LINK_UP, &text), 1);
	assert_non_null(strstr(text, " up again"));
	assert_false(journal_link_down(rig.sim.journal, "sim"));
	assert_int_equal(count(EVENT_PANEL_OFFLINE, NULL), 2);
}

/* A reload takes one panel out, then the link with the other. */
static void a_reload_ends_alarms(void **state)
{
	struct site *next;

	(void)state;
	assert_true(WAIT_FOR(polled_since(0, 0) && polled_since(1, 0)));
	set_words("0x1");
	assert_true(WAIT_FOR(count(EVENT_RAISED, NULL) == 2 * 46));
	next = rig_site(&rig.sim, rig.store, rig.site, RHYTHM LINK PANEL1);
	assert_int_equal(links_apply(rig.links, next), 0);
	site_unref(rig.site);
	rig.site = next;
	assert_true(WAIT_FOR(count(EVENT_CLEARED, NULL) == 46));
	next = rig_site(&rig.sim, rig.store, rig.site, RHYTHM);
	assert_int_equal(links_apply(rig.links, next), 0);
	site_unref(rig.site);
	rig.site = next;
	assert_int_equal(count(EVENT_CLEARED, NULL), 2 * 46);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nobody_sees_an_alarm_without_its_event),
		TEST(a_link_goes_and_comes),
		TEST(a_reload_ends_alarms),
	};

	log_init("test_events", LOG_LEVEL_WARNING);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
