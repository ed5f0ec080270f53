/*
 * Jobs through a real link to meterx-sim: what the manager is told, what the
 * meter holds, what the tables show and which events there are, after each.
 * Settings are polled once an hour: what is shown comes from the job.
 */
#include "config.h"

#include "modbus/writer.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "alarm/journal.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/text.h"
#include "core/util.h"
#include "modbus/links.h"
#include "sim_rig.h"

#define LINK_OF(options)                                                                           \
	"link \"sim\" { transport = \"tcp\" host = \"127.0.0.1\" port = % " options " }\n"
#define LINK   LINK_OF("response-timeout = 250 retries = 1")
/* Where every request is answered: a simulator kept from the processor is not to be missed for it. */
#define PATIENT LINK_OF("response-timeout = 10000 retries = 1")
#define PANEL1 "panel \"P1\" { index = 1 link = \"sim\" unit = 1 profile = \"bcpme\" }\n"
#define PANEL2 "panel \"P2\" { index = 2 link = \"sim\" unit = 2 profile = \"bcpme\" }\n"
#define RARELY "poll = 3600000\nalarm-poll = 3600000\nslow-poll = 3600000\nstale-after = 20\n"
#define OFTEN  "poll = 200\nalarm-poll = 100\nslow-poll = 3600000\nstale-after = 20\n"

struct rig {
	struct sim sim;
	struct store *store;
	struct journal *journal;
	struct site *site;
	struct links *links;
};

static struct slot *slot_of(const struct rig *rig, uint32_t index)
{
	return site_panel(rig->site, index, NULL)->slot;
}

static bool online(const struct rig *rig, uint32_t index)
{
	return rig_comm(slot_of(rig, index)) == COMM_ONLINE;
}

static void rig_up_with(
	struct rig *rig, const char *const *options, const char *profiles, const char *conf)
{
	*rig = (struct rig){ 0 };
	sim_start(&rig->sim, options);
	rig->sim.profiles = profiles;
	rig->store = store_new();
	rig->journal = rig->sim.journal = journal_open(NULL, 5000);
	rig->site = rig_site(&rig->sim, rig->store, NULL, conf);
	rig->links = links_new();
	assert_int_equal(links_apply(rig->links, rig->site), 0);
	for (size_t i = 0; i < rig->site->n_panels; i++)
		assert_true(WAIT_FOR(online(rig, rig->site->panels[i].conf->index)));
}

static void rig_up(struct rig *rig, const char *const *options, const char *conf)
{
	rig_up_with(rig, options, NULL, conf);
}

static void rig_down(struct rig *rig)
{
	links_stop(rig->links);
	site_unref(rig->site);
	journal_close(rig->journal);
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

static unsigned held(const struct rig *rig, unsigned unit, unsigned reg)
{
	char command[40], answer[80];
	unsigned word;

	snprintf(command, sizeof(command), "reg %u %u", unit, reg);
	sim_ask(&rig->sim, command, answer, sizeof(answer));
	if (sscanf(answer, "ok %u", &word) != 1)
		fail_msg("%s: %s", command, answer);
	return word;
}

static uint64_t requests(const struct rig *rig, unsigned unit)
{
	char answer[1024], key[32];
	const char *at;

	sim_ask(&rig->sim, "requests", answer, sizeof(answer));
	snprintf(key, sizeof(key), "\"%u\":{\"requests\":", unit);
	at = strstr(answer, key);
	assert_non_null(at);
	return strtoull(at + strlen(key), NULL, 10);
}

/* Events */

static uint64_t last_event(const struct rig *rig)
{
	struct journal_stats stats;

	journal_stats(rig->journal, &stats);
	return stats.last;
}

/* Events after a number, of a kind, with a text in it. */
static unsigned events(
	const struct rig *rig, uint64_t after, enum event_kind kind, const char *text)
{
	struct event *event;
	unsigned n = 0;

	while ((event = journal_next(rig->journal, after, false)) != NULL) {
		after = event->number;
		n += event->kind == kind && strstr(event->text, text) != NULL;
		event_unref(event);
	}
	return n;
}

/* Jobs */

static atomic_int n_done;

static void count_done(struct job *job, void *arg)
{
	(void)job;
	atomic_fetch_add((atomic_int *)arg, 1);
}

static struct job *new_job(const struct rig *rig, uint32_t panel, size_t n)
{
	struct job *job = job_new(slot_of(rig, panel), n);

	job->done = count_done;
	job->arg = &n_done;
	return job;
}

static void put(const struct rig *rig, struct job *job)
{
	assert_int_equal(job_queue_put(rig->site->links[0].jobs, job), 0);
}

static void run(const struct rig *rig, struct job *job)
{
	int before = atomic_load(&n_done);

	put(rig, job);
	assert_true(WAIT_FOR(atomic_load(&n_done) > before));
}

static void want_end(const struct job *job, enum job_end end, const char *reason)
{
	if (job->end != end || (*reason == '\0') != (job->reason[0] == '\0') ||
		strstr(job->reason, reason) == NULL)
		fail_msg("end %d (%s), wanted %d (%s)", job->end, job->reason, end, reason);
}

struct setting {
	enum scope scope;
	enum quantity quantity;
	unsigned channel;
	enum level level; /* of a threshold; scope and channel are then its own */
	int64_t value;
	unsigned reg;
	unsigned word;
};

static void fill(const struct rig *rig, struct job_op *op, const struct setting *setting)
{
	const struct profile *profile = rig->site->panels[0].layout->profile;

	op->kind = JOB_SETTING;
	op->scope = setting->scope;
	op->quantity = setting->quantity;
	op->channel = setting->channel;
	op->value = setting->value;
	snprintf(op->object, sizeof(op->object), "object%u", setting->reg);
	if (setting->level == 0)
		return;
	op->scope = SCOPE_THRESHOLD;
	op->channel = 1u + (unsigned)profile_threshold_find(
				   profile, setting->scope, setting->channel, setting->level);
}

static struct job *settings_job(const struct rig *rig, const struct setting *settings, size_t n)
{
	struct job *job = new_job(rig, 1, n);

	for (size_t i = 0; i < n; i++)
		fill(rig, &job->ops[i], &settings[i]);
	return job;
}

static bool shown(const struct rig *rig, const struct job_op *op, int64_t value)
{
	struct reading reading = rig_get(slot_of(rig, 1), op->scope, op->quantity, op->channel);

	return reading.quality == QUALITY_GOOD && reading.num == value;
}

/* Every writable quantity. */
static void test_good(void **state)
{
	static const struct setting good[] = {
		{ SCOPE_BRANCH, Q_RATING, 7, 0, 30000, 125, 30 },
		{ SCOPE_BRANCH, Q_RATING, 42, 0, 0, 160, 0 },
		{ SCOPE_MAINS, Q_RATING, MAINS_A, 0, 400000, 161, 400 },
		{ SCOPE_MAINS, Q_CT_SIZE, MAINS_NEUTRAL, 0, 300000, 118, 300 },
		{ SCOPE_PANEL, Q_CT_LAYOUT, 1, 0, 2, 6, 2 },
		{ SCOPE_PANEL, Q_DEMAND_SUBINTERVALS, 1, 0, 3, 71, 3 },
		{ SCOPE_PANEL, Q_DEMAND_INTERVAL, 1, 0, 600, 72, 600 },
		{ SCOPE_PANEL, Q_ON_DELAY, 1, 0, 5, 169, 5 },
		{ SCOPE_PANEL, Q_POWER_UPS, 1, 0, 0, 531, 0 },
		{ SCOPE_PANEL, Q_USER_PHASES, 1, 0, 1, 62017, 1 },
		{ SCOPE_BRANCH, Q_PHASE, 1, 0, 2, 62116, 2 },
		{ SCOPE_MAINS, Q_PHASE, MAINS_B, 0, 2, 62159, 2 },
		{ SCOPE_BRANCH, Q_THRESHOLD, 0, LEVEL_HIGH_HIGH, 650, 171, 650 },
		{ SCOPE_BRANCH, Q_THRESHOLD, 0, LEVEL_HIGH, 1000, 172, 1000 },
		{ SCOPE_MAINS, Q_THRESHOLD, 0, LEVEL_LOW, 0, 173, 0 },
		{ SCOPE_MAINS, Q_THRESHOLD, 0, LEVEL_LOW_LOW, 33, 174, 33 },
		{ SCOPE_BRANCH, Q_THRESHOLD, 0, LEVEL_HIGH_NON_LATCHING, 610, 175, 610 },
		{ SCOPE_BRANCH, Q_THRESHOLD, 0, LEVEL_LOW_NON_LATCHING, 60, 176, 60 },
		{ SCOPE_BRANCH, Q_DELAY, 0, LEVEL_HIGH_HIGH, 32767, 165, 32767 },
		{ SCOPE_BRANCH, Q_DELAY, 0, LEVEL_OFF, 31, 170, 31 },
		{ SCOPE_BRANCH, Q_HYSTERESIS, 0, LEVEL_HIGH_NON_LATCHING, 40, 177, 40 },
		{ SCOPE_VOLTAGE, Q_THRESHOLD, 0, LEVEL_HIGH, 440000, 238, 4400 },
		{ SCOPE_VOLTAGE, Q_DELAY, 0, LEVEL_LOW, 7, 237, 7 },
		{ SCOPE_VOLTAGE, Q_HYSTERESIS, 0, LEVEL_LOW_NON_LATCHING, 12, 240, 12 },
	};
	struct rig rig;

	(void)state;
	rig_up(&rig, NULL, RARELY PATIENT PANEL1);
	sim_tell(&rig.sim, "scale 1 voltage mains -1");
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct job *job = settings_job(&rig, &good[i], 1);
		uint64_t before = last_event(&rig);

		run(&rig, job);
		print_message("%s = %lld\n", job->ops[0].object, (long long)good[i].value);
		want_end(job, JOB_DONE, "");
		assert_int_equal(held(&rig, 1, good[i].reg), good[i].word);
		assert_true(shown(&rig, &job->ops[0], good[i].value));
		assert_true(job->ops[0].has_before);
		assert_int_equal(events(&rig, before, EVENT_WRITTEN, job->ops[0].object), 1);
		assert_int_equal(events(&rig, before, EVENT_WRITE_FAILED, ""), 0);
		job_unref(job);
	}
	rig_down(&rig);
}

/* Registers 171 to 177 are the limits of branches and mains at once. */
static void test_shared_register(void **state)
{
	static const struct setting setting = { SCOPE_BRANCH, Q_THRESHOLD, 0, LEVEL_LOW_LOW, 40,
		174, 40 };
	static const struct setting others[] = {
		{ SCOPE_MAINS, Q_THRESHOLD, 0, LEVEL_LOW_LOW, 40, 174, 40 },
		{ SCOPE_BRANCH, Q_THRESHOLD, 0, LEVEL_OFF, 40, 174, 40 },
	};
	struct rig rig;
	struct job *job;

	(void)state;
	rig_up(&rig, NULL, RARELY PATIENT PANEL1);
	job = settings_job(&rig, &setting, 1);
	run(&rig, job);
	want_end(job, JOB_DONE, "");
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		struct job_op op = { 0 };

		fill(&rig, &op, &others[i]);
		assert_true(shown(&rig, &op, 40));
	}
	assert_int_equal(
		events(&rig, 0, EVENT_WRITTEN, "P1: object174 set to 4.0 %, was 2.5 %"),
		1);
	job_unref(job);
	rig_down(&rig);
}

static void test_refused_by_the_profile(void **state)
{
	static const struct {
		struct setting setting;
		const char *reason;
	} cases[] = {
		{ { SCOPE_BRANCH, Q_RATING, 7, 0, 20001, 125, 0 }, "exactly" },
		{ { SCOPE_BRANCH, Q_RATING, 7, 0, 32768000, 125, 0 }, "out of range" },
		{ { SCOPE_BRANCH, Q_RATING, 7, 0, -1000, 125, 0 }, "out of range" },
		{ { SCOPE_BRANCH, Q_RATING, 43, 0, 20000, 125, 0 }, "no such register" },
		{ { SCOPE_BRANCH, Q_RATING, 0, 0, 20000, 125, 0 }, "no such register" },
		{ { SCOPE_BRANCH, Q_MIN_CURRENT, 7, 0, 20000, 125, 0 }, "no such register" },
		{ { SCOPE_BRANCH, Q_CURRENT, 7, 0, 20000, 125, 0 }, "does not let" },
		{ { SCOPE_BRANCH, Q_CT_SIZE, 7, 0, 50000, 125, 0 }, "does not let" },
		{ { SCOPE_PANEL, Q_LOCATION, 1, 0, 5, 125, 0 }, "" },
		{ { SCOPE_BRANCH, Q_THRESHOLD, 0, LEVEL_OFF, 20, 125, 0 }, "does not let" },
		{ { SCOPE_BRANCH, Q_THRESHOLD, 0, LEVEL_HIGH, 1001, 125, 0 }, "out of range" },
		{ { SCOPE_VOLTAGE, Q_THRESHOLD, 0, LEVEL_HIGH, 440001, 125, 0 }, "exactly" },
	};
	struct rig rig;
	uint64_t before;

	(void)state;
	rig_up(&rig, NULL, RARELY PATIENT PANEL1);
	before = last_event(&rig);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct job *job = settings_job(&rig, &cases[i].setting, 1);

		run(&rig, job);
		assert_int_equal(job->end, JOB_FAILED);
		if (strstr(job->reason, cases[i].reason) == NULL)
			fail_msg("%zu: %s", i, job->reason);
		assert_string_not_equal(job->reason, "");
		job_unref(job);
	}
	assert_int_equal(held(&rig, 1, 125), 20);
	assert_int_equal(events(&rig, before, EVENT_WRITTEN, ""), 0);
	assert_int_equal(events(&rig, before, EVENT_WRITE_FAILED, "P1: object125 not set to"),
		ARRAY_LEN(cases));
	rig_down(&rig);
}

/* What a meter or a line can do to one write; the end is what the meter then holds. */
static void test_faults(void **state)
{
	static const struct {
		const char *fault, *second;
		enum job_end end;
		const char *reason;
		unsigned word;
	} cases[] = {
		{ "exception 1 function 6", NULL, JOB_FAILED, "exception 1 (illegal function)",
			700 },
		{ "exception 2 function 6", NULL, JOB_FAILED, "exception 2", 700 },
		{ "exception 3 function 6", NULL, JOB_FAILED, "exception 3", 700 },
		{ "exception 4 function 6", NULL, JOB_FAILED,
			"exception 4 (device failure), the meter holds 70.0 %", 700 },
		{ "exception 6 function 6", NULL, JOB_FAILED, "exception 6 (device busy)", 700 },
		{ "exception 10 function 6", NULL, JOB_FAILED, "exception 10", 700 },
		{ "exception 11 function 6", NULL, JOB_FAILED, "exception 11", 700 },
		{ "ignore-write function 6", NULL, JOB_FAILED,
			"the meter kept 70.0 % instead of 65.0 %", 700 },
		{ "late 100 function 6", NULL, JOB_DONE, "", 650 },
		{ "late 300 function 6", NULL, JOB_DONE, "", 650 },
		{ "late 1000 function 6", NULL, JOB_DONE, "", 650 },
		{ "late 3000 function 6", NULL, JOB_DONE, "", 650 },
		{ "late 300 count 2", NULL, JOB_DONE, "", 650 },
		{ "silent function 6", NULL, JOB_DONE, "", 650 },
		{ "silent function 6", "silent count 1", JOB_DONE, "", 650 },
		{ "deaf function 6", NULL, JOB_FAILED, "timed out, the meter holds 70.0 %", 700 },
		{ "close before function 6", NULL, JOB_DONE, "", 650 },
		{ "close mid function 6", NULL, JOB_DONE, "", 650 },
		{ "close before count 2", NULL, JOB_DONE, "", 650 },
		{ "truncate 5 function 6", NULL, JOB_DONE, "", 650 },
		{ "wrong-unit function 6", NULL, JOB_DONE, "", 650 },
		{ "wrong-function function 6", NULL, JOB_DONE, "", 650 },
		{ "wrong-transaction function 6", NULL, JOB_DONE, "", 650 },
		{ "wrong-count function 6", NULL, JOB_DONE, "", 650 },
		{ "wrong-length function 6", NULL, JOB_DONE, "", 650 },
		{ "wrong-protocol function 6", NULL, JOB_DONE, "", 650 },
		{ "garbage function 6", NULL, JOB_DONE, "", 650 },
		{ "duplicate function 6", NULL, JOB_DONE, "", 650 },
		{ "dribble 5 function 6", NULL, JOB_DONE, "", 650 },
		{ "exception 6 function 3 regs 171-171 count 1", NULL, JOB_DONE, "", 650 },
		{ "exception 2 function 3 regs 171-171", NULL, JOB_FAILED, "cannot be read", 700 },
	};
	static const struct setting setting = { SCOPE_BRANCH, Q_THRESHOLD, 0, LEVEL_HIGH_HIGH, 650,
		171, 0 };
	struct rig rig;

	(void)state;
	rig_up(&rig, NULL, RARELY LINK PANEL1);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct job *job = settings_job(&rig, &setting, 1);
		uint64_t before = last_event(&rig);
		char order[120];

		assert_true(WAIT_FOR(online(&rig, 1)));
		snprintf(order, sizeof(order), "fault %s", cases[i].fault);
		sim_tell(&rig.sim, order);
		if (cases[i].second != NULL) {
			snprintf(order, sizeof(order), "fault %s", cases[i].second);
			sim_tell(&rig.sim, order);
		}
		run(&rig, job);
		print_message("%s: %s\n", cases[i].fault, job->reason);
		sim_tell(&rig.sim, "fault none");
		want_end(job, cases[i].end, cases[i].reason);
		assert_int_equal(held(&rig, 1, 171), cases[i].word);
		/* Shown is what the meter holds, where that could be read. */
		if (strstr(job->reason, "cannot be read") == NULL)
			assert_true(shown(&rig, &job->ops[0], cases[i].word));
		assert_int_equal(
			events(&rig, before, EVENT_WRITE_FAILED, "P1: object171 not set to 65.0 %"),
			cases[i].end != JOB_DONE);
		assert_int_equal(events(&rig, before, EVENT_WRITTEN, "P1: object171 set to 65.0 %"),
			cases[i].end == JOB_DONE);
		job_unref(job);
		sim_tell(&rig.sim, "write 1 171 700");
		job = settings_job(&rig,
			&(struct setting){
				SCOPE_BRANCH, Q_THRESHOLD, 0, LEVEL_HIGH_HIGH, 700, 171, 0 },
			1);
		assert_true(WAIT_FOR(online(&rig, 1)));
		run(&rig, job);
		want_end(job, JOB_DONE, "");
		job_unref(job);
	}
	rig_down(&rig);
}

/* Nobody there after the write: the end is unknown, and the truth comes with the meter. */
static void test_gone_after_the_write(void **state)
{
	static const struct setting setting = { SCOPE_BRANCH, Q_THRESHOLD, 0, LEVEL_HIGH_HIGH, 650,
		171, 0 };
	struct rig rig;
	struct job *job;

	(void)state;
	rig_up(&rig, NULL, RARELY LINK PANEL1);
	job = settings_job(&rig, &setting, 1);
	sim_tell(&rig.sim, "fault silent");
	run(&rig, job);
	if (job->end == JOB_WITHDRAWN)
		fail_msg("a poll was quicker: %s", job->reason);
	want_end(job, JOB_FAILED, "cannot be read back: timed out");
	sim_tell(&rig.sim, "fault none");
	assert_true(WAIT_FOR(shown(&rig, &job->ops[0], 650) || shown(&rig, &job->ops[0], 700)));
	assert_true(WAIT_FOR(shown(&rig, &job->ops[0], held(&rig, 1, 171))));
	job_unref(job);
	rig_down(&rig);
}

/* A meter that takes its time says exception 5, and is looked at until it has done it. */
static void test_acknowledged(void **state)
{
	static const struct setting setting = { SCOPE_BRANCH, Q_THRESHOLD, 0, LEVEL_HIGH_HIGH, 650,
		171, 0 };
	struct rig rig;
	struct job *job;
	int before = atomic_load(&n_done);

	(void)state;
	rig_up(&rig, NULL, RARELY PATIENT PANEL1);
	sim_tell(&rig.sim, "fault exception 5 function 6");
	sim_tell(&rig.sim, "requests reset");
	job = settings_job(&rig, &setting, 1);
	put(&rig, job);
	assert_true(WAIT_FOR(requests(&rig, 1) >= 3));
	sim_tell(&rig.sim, "write 1 171 650");
	assert_true(WAIT_FOR(atomic_load(&n_done) > before));
	want_end(job, JOB_DONE, "");
	assert_true(shown(&rig, &job->ops[0], 650));
	job_unref(job);
	rig_down(&rig);
}

/* Several at once: all or nothing. */
static void test_several(void **state)
{
	static const struct setting three[] = {
		{ SCOPE_BRANCH, Q_RATING, 3, 0, 32000, 121, 32 },
		{ SCOPE_BRANCH, Q_THRESHOLD, 0, LEVEL_HIGH, 550, 172, 550 },
		{ SCOPE_BRANCH, Q_DELAY, 0, LEVEL_HIGH, 33, 166, 33 },
	};
	static const struct {
		const char *faults[2];
		size_t failed;
		const char *reason;
		unsigned words[3];
		unsigned stands; /* ops whose effect stands */
	} cases[] = {
		{ { NULL }, 0, "", { 32, 550, 33 }, 3 },
		{ { "exception 3 function 6 regs 121-121" }, 0, "exception 3", { 20, 600, 10 }, 0 },
		{ { "exception 3 function 6 regs 172-172" }, 1, "; 1 taken back", { 20, 600, 10 },
			0 },
		{ { "exception 3 function 6 regs 166-166" }, 2, "; 2 taken back", { 20, 600, 10 },
			0 },
		{ { "ignore-write function 6 regs 166-166" }, 2, "; 2 taken back", { 20, 600, 10 },
			0 },
		{ { "deaf function 6 regs 166-166" }, 2, "; 2 taken back", { 20, 600, 10 }, 0 },
		/* The second write to 121 is the one that takes back. */
		{ { "exception 3 function 6 regs 166-166",
			  "exception 4 function 6 regs 121-121 every 2" },
			2, "; 1 taken back; object121 NOT taken back: exception 4", { 32, 600, 10 },
			1 },
	};
	struct rig rig;

	(void)state;
	rig_up(&rig, NULL, RARELY LINK PANEL1);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct job *job = settings_job(&rig, three, 3);
		uint64_t before = last_event(&rig);

		assert_true(WAIT_FOR(online(&rig, 1)));
		for (size_t k = 0; k < 2 && cases[i].faults[k] != NULL; k++) {
			char order[120];

			snprintf(order, sizeof(order), "fault %s", cases[i].faults[k]);
			sim_tell(&rig.sim, order);
		}
		run(&rig, job);
		print_message("%zu: %s\n", i, job->reason);
		sim_tell(&rig.sim, "fault none");
		want_end(job, *cases[i].reason != '\0' ? JOB_FAILED : JOB_DONE, cases[i].reason);
		if (job->end == JOB_FAILED)
			assert_int_equal(job->failed_op, cases[i].failed);
		for (size_t k = 0; k < 3; k++) {
			assert_int_equal(held(&rig, 1, three[k].reg), cases[i].words[k]);
			assert_true(shown(&rig, &job->ops[k],
				cases[i].words[k] * (three[k].quantity == Q_RATING ? 1000 : 1)));
		}
		assert_int_equal(events(&rig, before, EVENT_WRITTEN, ""), cases[i].stands);
		assert_int_equal(
			events(&rig, before, EVENT_WRITE_FAILED, ""), job->end == JOB_FAILED);
		job_unref(job);
		/* As it was, for the next. */
		job = settings_job(&rig, three, 3);
		job->ops[0].value = 20000, job->ops[1].value = 600, job->ops[2].value = 10;
		job->restore = true;
		run(&rig, job);
		want_end(job, JOB_DONE, "");
		assert_true(events(&rig, before, EVENT_WRITTEN, " set back to ") >= 3);
		job_unref(job);
	}
	rig_down(&rig);
}

/* Set at the meter since it was last read: that is what is put back, and what is told. */
static void test_what_was_set_at_the_meter(void **state)
{
	static const struct setting three[] = {
		{ SCOPE_BRANCH, Q_RATING, 3, 0, 32000, 121, 32 },
		{ SCOPE_BRANCH, Q_RATING, 4, 0, 33000, 122, 33 },
		{ SCOPE_BRANCH, Q_THRESHOLD, 0, LEVEL_HIGH, 550, 172, 550 },
	};
	struct rig rig;

	(void)state;
	rig_up(&rig, NULL, RARELY PATIENT PANEL1);
	for (int refused = 0; refused < 2; refused++) {
		struct job *job = settings_job(&rig, three, 3);

		job->look_first = true;
		sim_tell(&rig.sim, refused ? "write 1 121 27" : "write 1 121 25");
		sim_tell(&rig.sim, refused ? "write 1 122 28" : "write 1 122 26");
		sim_tell(&rig.sim, "fault exception 3 function 6 regs 172-172");
		if (refused) /* two at once */
			sim_tell(&rig.sim, "fault exception 2 function 3 regs 121-122 count 1");
		run(&rig, job);
		sim_tell(&rig.sim, "fault none");
		want_end(job, JOB_FAILED, "; 2 taken back");
		assert_int_equal(held(&rig, 1, 121), refused ? 27 : 25);
		assert_int_equal(held(&rig, 1, 122), refused ? 28 : 26);
		job_unref(job);
	}
	rig_down(&rig);
}

/* A job that takes back what another has set meanwhile leaves it alone, and does not say it did. */
static void test_taking_back_only_what_is_ours(void **state)
{
	static const struct setting two[] = {
		{ SCOPE_BRANCH, Q_RATING, 3, 0, 20000, 121, 20 },
		{ SCOPE_BRANCH, Q_THRESHOLD, 0, LEVEL_HIGH, 600, 172, 600 },
	};
	struct rig rig;
	struct job *job;
	uint64_t before;

	(void)state;
	rig_up(&rig, NULL, RARELY PATIENT PANEL1);
	sim_tell(&rig.sim, "write 1 121 40");  /* somebody else */
	sim_tell(&rig.sim, "write 1 172 550"); /* we */
	before = last_event(&rig);
	job = settings_job(&rig, two, 2);
	job->restore = true;
	job->ops[0].has_before = job->ops[1].has_before = true;
	job->ops[0].before = 32000;
	job->ops[1].before = 550;
	run(&rig, job);
	want_end(job, JOB_DONE, "");
	assert_int_equal(held(&rig, 1, 121), 40);
	assert_int_equal(held(&rig, 1, 172), 600);
	assert_true(shown(&rig, &job->ops[0], 40000));
	assert_int_equal(events(&rig, before, EVENT_WRITTEN, ""), 1);
	assert_int_equal(events(&rig, before, EVENT_WRITTEN, "object172 set back to"), 1);
	job_unref(job);
	rig_down(&rig);
}

/* One that cannot be done at all keeps the others from being begun. */
static void test_all_are_checked_first(void **state)
{
	static const struct setting two[] = {
		{ SCOPE_BRANCH, Q_RATING, 3, 0, 32000, 121, 32 },
		{ SCOPE_BRANCH, Q_RATING, 4, 0, 20001, 122, 0 },
	};
	struct rig rig;
	struct job *job;

	(void)state;
	rig_up(&rig, NULL, RARELY PATIENT PANEL1);
	sim_tell(&rig.sim, "requests reset");
	job = settings_job(&rig, two, 2);
	run(&rig, job);
	want_end(job, JOB_FAILED, "exactly");
	assert_int_equal(job->failed_op, 1);
	assert_false(job->ops[0].touched);
	assert_int_equal(held(&rig, 1, 121), 20);
	job_unref(job);
	rig_down(&rig);
}

/* Other CTs have other scales: nothing is shown under the old ones. */
static void test_ct_size(void **state)
{
	static const struct setting setting = { SCOPE_MAINS, Q_CT_SIZE, MAINS_A, 0, 3000000, 115,
		3000 };
	struct rig rig;
	struct job *job;

	(void)state;
	rig_up(&rig, NULL, "poll = 200\nalarm-poll = 200\nslow-poll = 3600000\n" PATIENT PANEL1);
	sim_tell(&rig.sim, "freeze on");
	sim_tell(&rig.sim, "current 1 7 12.34");
	job = settings_job(&rig, &setting, 1);
	assert_true(WAIT_FOR(rig_get(slot_of(&rig, 1), SCOPE_BRANCH, Q_CURRENT, 7).num == 12340));
	sim_tell(&rig.sim, "scale 1 current 7 -1"); /* as the size of its CT would bring about */
	run(&rig, job);
	want_end(job, JOB_DONE, "");
	assert_true(WAIT_FOR(rig_get(slot_of(&rig, 1), SCOPE_BRANCH, Q_CURRENT, 7).num == 12300));
	job_unref(job);
	rig_down(&rig);
}

/* Latches */

static struct job *latch_job(
	const struct rig *rig, enum scope scope, unsigned channel, enum level level)
{
	struct job *job = new_job(rig, 1, 1);

	job->ops[0].kind = JOB_CLEAR_LATCH;
	job->ops[0].scope = scope;
	job->ops[0].channel = channel;
	job->ops[0].level = level;
	snprintf(job->ops[0].object, sizeof(job->ops[0].object), "mxAlarmLatched");
	return job;
}

static struct job *plain_job(const struct rig *rig, enum job_op_kind kind)
{
	struct job *job = new_job(rig, 1, 1);

	job->ops[0].kind = kind;
	snprintf(job->ops[0].object, sizeof(job->ops[0].object), "mxPanelCommand.1");
	return job;
}

static void poll_now(const struct rig *rig)
{
	struct job *job = plain_job(rig, JOB_POLL_NOW);

	run(rig, job);
	want_end(job, JOB_DONE, "");
	job_unref(job);
}

static bool latched(const struct rig *rig, enum scope scope, unsigned channel, enum level level)
{
	const struct snapshot *snapshot = store_get(slot_of(rig, 1));
	const struct alarm *alarm = alarm_find(snapshot->alarms, ROW_KEY(scope, channel, level));
	bool is = alarm != NULL && alarm->latched;

	store_put(slot_of(rig, 1), snapshot);
	return is;
}

static uint32_t raises(const struct rig *rig, unsigned channel, enum level level)
{
	const struct snapshot *snapshot = store_get(slot_of(rig, 1));
	const struct alarm *alarm =
		alarm_find(snapshot->alarms, ROW_KEY(SCOPE_BRANCH, channel, level));
	uint32_t n = alarm != NULL ? alarm->raise_count : 0;

	store_put(slot_of(rig, 1), snapshot);
	return n;
}

static void clear_setup(struct rig *rig, const char *conf)
{
	rig_up(rig, (const char *const[]){ "--freeze", NULL }, conf);
	sim_tell(&rig->sim, "write 1 295 31010");
	sim_tell(&rig->sim, "latch 1 5 high");
	sim_tell(&rig->sim, "latch 1 5 high-high");
	poll_now(rig);
	assert_true(WAIT_FOR(latched(rig, SCOPE_BRANCH, 5, LEVEL_HIGH)));
	assert_true(WAIT_FOR(latched(rig, SCOPE_BRANCH, 5, LEVEL_HIGH_HIGH)));
}

/* Only its own bit goes; what has latched meanwhile stays and is told. */
static void test_clear_latch(void **state)
{
	struct rig rig;
	struct job *job;
	uint64_t before;

	(void)state;
	clear_setup(&rig, RARELY PATIENT PANEL1);
	before = last_event(&rig);
	sim_tell(&rig.sim, "latch 1 5 low"); /* not polled yet */
	job = latch_job(&rig, SCOPE_BRANCH, 5, LEVEL_HIGH);
	run(&rig, job);
	want_end(job, JOB_DONE, "");
	assert_int_equal(held(&rig, 1, 182) & 0x1f, 0x05);
	assert_false(latched(&rig, SCOPE_BRANCH, 5, LEVEL_HIGH));
	assert_true(latched(&rig, SCOPE_BRANCH, 5, LEVEL_HIGH_HIGH));
	assert_true(latched(&rig, SCOPE_BRANCH, 5, LEVEL_LOW));
	assert_int_equal(events(&rig, before, EVENT_CLEARED, "high"), 1);
	assert_int_equal(events(&rig, before, EVENT_RAISED, "low"), 1);
	assert_int_equal(
		events(&rig, before, EVENT_WRITTEN, "P1: mxAlarmLatched: latch high cleared"), 1);
	job_unref(job);
	/* Once more: nothing to do, and nothing done. */
	job = latch_job(&rig, SCOPE_BRANCH, 5, LEVEL_HIGH);
	run(&rig, job);
	want_end(job, JOB_DONE, "");
	assert_int_equal(held(&rig, 1, 182) & 0x1f, 0x05);
	job_unref(job);
	rig_down(&rig);
}

/* Latched by the meter and not seen yet: it is told before it is cleared. */
static void test_clear_unseen_latch(void **state)
{
	struct rig rig;
	struct job *job;

	(void)state;
	clear_setup(&rig, RARELY PATIENT PANEL1);
	sim_tell(&rig.sim, "latch 1 9 off");
	assert_false(latched(&rig, SCOPE_BRANCH, 9, LEVEL_OFF));
	job = latch_job(&rig, SCOPE_BRANCH, 9, LEVEL_OFF);
	run(&rig, job);
	want_end(job, JOB_DONE, "");
	assert_int_equal(raises(&rig, 9, LEVEL_OFF), 1);
	assert_int_equal(events(&rig, 0, EVENT_RAISED, "branch 9"), 1);
	assert_int_equal(events(&rig, 0, EVENT_CLEARED, "branch 9"), 1);
	assert_false(latched(&rig, SCOPE_BRANCH, 9, LEVEL_OFF));
	assert_int_equal(held(&rig, 1, 186) & 0x1f, 0);
	job_unref(job);
	rig_down(&rig);
}

static void test_latched_again(void **state)
{
	struct rig rig;
	struct job *job;
	uint32_t before;

	(void)state;
	clear_setup(&rig, RARELY PATIENT PANEL1);
	before = raises(&rig, 5, LEVEL_HIGH);
	sim_tell(&rig.sim, "fault latch-again function 6 count 1");
	job = latch_job(&rig, SCOPE_BRANCH, 5, LEVEL_HIGH);
	run(&rig, job);
	want_end(job, JOB_FAILED, "latched it again");
	assert_true(latched(&rig, SCOPE_BRANCH, 5, LEVEL_HIGH));
	assert_int_equal(raises(&rig, 5, LEVEL_HIGH), before + 1);
	job_unref(job);
	rig_down(&rig);
}

/* Of inputs that both panels share, and without a counter. */
static void test_clear_voltage_latch(void **state)
{
	struct rig rig;
	struct job *job;

	(void)state;
	clear_setup(&rig, RARELY PATIENT PANEL1);
	sim_tell(&rig.sim, "write 1 236 0");
	sim_tell(&rig.sim, "write 1 238 1");
	sim_tell(&rig.sim, "step 1");
	sim_tell(&rig.sim, "write 1 238 0");
	assert_int_equal(held(&rig, 1, 241) & 3, 1);
	assert_false(latched(&rig, SCOPE_VOLTAGE, 5, LEVEL_HIGH)); /* not polled yet */
	job = latch_job(&rig, SCOPE_VOLTAGE, 5, LEVEL_HIGH);
	run(&rig, job);
	want_end(job, JOB_DONE, "");
	assert_int_equal(held(&rig, 1, 241) & 3, 0);
	assert_int_equal(held(&rig, 1, 242) & 3, 1);
	assert_int_equal(events(&rig, 0, EVENT_RAISED, "A-B"), 1);
	assert_int_equal(events(&rig, 0, EVENT_CLEARED, "A-B"), 1);
	assert_int_equal(events(&rig, 0, EVENT_WRITTEN, "latch high cleared"), 1);
	job_unref(job);
	rig_down(&rig);
}

static void test_latch_faults(void **state)
{
	static const struct {
		const char *fault;
		enum job_end end;
		const char *reason;
	} cases[] = {
		{ "exception 3 function 6", JOB_FAILED, "exception 3" },
		{ "ignore-write function 6", JOB_FAILED, "still or again" },
		{ "deaf function 6", JOB_FAILED, "timed out, the latch is still set" },
		{ "silent function 6", JOB_DONE, "" },
		{ "late 1000 function 6", JOB_DONE, "" },
		{ "close function 6", JOB_DONE, "" },
	};
	struct rig rig;

	(void)state;
	clear_setup(&rig, RARELY LINK PANEL1);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct job *job = latch_job(&rig, SCOPE_BRANCH, 5, LEVEL_HIGH);
		bool cleared = cases[i].end == JOB_DONE;
		char order[80];

		assert_true(WAIT_FOR(online(&rig, 1)));
		snprintf(order, sizeof(order), "fault %s", cases[i].fault);
		sim_tell(&rig.sim, order);
		run(&rig, job);
		sim_tell(&rig.sim, "fault none");
		print_message("%s: %s\n", cases[i].fault, job->reason);
		want_end(job, cases[i].end, cases[i].reason);
		assert_int_equal((held(&rig, 1, 182) & 2) == 0, cleared);
		assert_int_equal(latched(&rig, SCOPE_BRANCH, 5, LEVEL_HIGH), !cleared);
		job_unref(job);
		sim_tell(&rig.sim, "latch 1 5 high");
		poll_now(&rig);
		assert_true(WAIT_FOR(latched(&rig, SCOPE_BRANCH, 5, LEVEL_HIGH)));
	}
	rig_down(&rig);
}

static void test_no_such_latch(void **state)
{
	static const struct {
		enum scope scope;
		unsigned channel;
		enum level level;
	} cases[] = {
		{ SCOPE_BRANCH, 43, LEVEL_HIGH },
		{ SCOPE_BRANCH, 5, LEVEL_HIGH_NON_LATCHING },
		{ SCOPE_VOLTAGE, 5, LEVEL_OFF },
		{ SCOPE_ALT_VOLTAGE, 5, LEVEL_HIGH },
		{ SCOPE_PANEL, 1, LEVEL_HIGH },
	};
	struct rig rig;

	(void)state;
	rig_up(&rig, NULL, RARELY PATIENT PANEL1);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct job *job = latch_job(&rig, cases[i].scope, cases[i].channel, cases[i].level);

		run(&rig, job);
		want_end(job, JOB_FAILED, "alarm");
		job_unref(job);
	}
	rig_down(&rig);
}

static void test_clear_latches(void **state)
{
	struct rig rig;
	struct job *job;

	(void)state;
	clear_setup(&rig, RARELY PATIENT PANEL1);
	sim_tell(&rig.sim, "latch 1 9 off"); /* not polled yet */
	job = plain_job(&rig, JOB_CLEAR_LATCHES);
	run(&rig, job);
	want_end(job, JOB_DONE, "");
	assert_int_equal(held(&rig, 1, 228), 0);
	assert_int_equal(raises(&rig, 9, LEVEL_OFF), 1);
	assert_false(latched(&rig, SCOPE_BRANCH, 5, LEVEL_HIGH));
	assert_false(latched(&rig, SCOPE_BRANCH, 5, LEVEL_HIGH_HIGH));
	assert_false(latched(&rig, SCOPE_BRANCH, 9, LEVEL_OFF));
	job_unref(job);
	sim_tell(&rig.sim, "latch 1 5 high");
	sim_tell(&rig.sim, "fault latch-again function 6 count 1");
	job = plain_job(&rig, JOB_CLEAR_LATCHES);
	run(&rig, job);
	want_end(job, JOB_FAILED, "1 latched still or again, first branch 5 high");
	job_unref(job);
	rig_down(&rig);
}

/* Commands */

static void test_command(void **state)
{
	struct rig rig;
	struct job *job;
	const struct profile *profile;
	int64_t before_ms;

	(void)state;
	rig_up(&rig, NULL, RARELY LINK PANEL1);
	profile = rig.site->panels[0].layout->profile;
	job = plain_job(&rig, JOB_COMMAND);
	job->ops[0].command = profile_command_find(profile, "reset-energy", SCOPE_BRANCH);
	job->ops[0].scope = SCOPE_BRANCH;
	job->ops[0].channel = 7;
	before_ms = rig_get(slot_of(&rig, 1), SCOPE_BRANCH, Q_ENERGY_DISCONTINUITY, 7).num;
	run(&rig, job);
	want_end(job, JOB_DONE, "");
	assert_int_equal(
		events(&rig, 0, EVENT_WRITTEN, "P1: mxPanelCommand.1: reset-energy done"), 1);
	assert_true(
		WAIT_FOR(rig_get(slot_of(&rig, 1), SCOPE_BRANCH, Q_ENERGY_DISCONTINUITY, 7).num >
			 before_ms));
	job_unref(job);

	job = plain_job(&rig, JOB_COMMAND);
	job->ops[0].command = profile_command_find(profile, "reset-energy", SCOPE_BRANCH);
	job->ops[0].channel = 43;
	run(&rig, job);
	want_end(job, JOB_FAILED, "no such channel");
	job_unref(job);

	sim_tell(&rig.sim, "fault silent function 6");
	job = plain_job(&rig, JOB_COMMAND);
	job->ops[0].command = profile_command_find(profile, "reset-maxima", SCOPE_PANEL);
	run(&rig, job);
	want_end(job, JOB_FAILED, "timed out; not known whether the meter has done it");
	job_unref(job);

	job = plain_job(&rig, JOB_COMMAND); /* of no meter */
	run(&rig, job);
	want_end(job, JOB_FAILED, "no such command");
	job_unref(job);
	rig_down(&rig);
}

/* The order of a manager's varbinds does not matter: what can be taken back comes first. */
static void test_settings_before_commands(void **state)
{
	static const struct setting setting = { SCOPE_BRANCH, Q_RATING, 3, 0, 32000, 121, 32 };
	struct rig rig;
	struct job *job;

	(void)state;
	clear_setup(&rig, RARELY PATIENT PANEL1);
	job = new_job(&rig, 1, 3);
	job->ops[0].kind = JOB_CLEAR_LATCHES;
	job->ops[1].kind = JOB_CLEAR_LATCH;
	job->ops[1].scope = SCOPE_BRANCH;
	job->ops[1].channel = 5;
	job->ops[1].level = LEVEL_HIGH;
	fill(&rig, &job->ops[2], &setting);
	sim_tell(&rig.sim, "fault exception 3 function 6 regs 121-121");
	run(&rig, job);
	want_end(job, JOB_FAILED, "exception 3");
	assert_int_equal(job->failed_op, 2);
	assert_true(latched(&rig, SCOPE_BRANCH, 5, LEVEL_HIGH));
	assert_int_equal(held(&rig, 1, 182) & 2, 2);
	job_unref(job);
	rig_down(&rig);
}

/* Not begun */

static void test_withdrawn(void **state)
{
	static const struct setting setting = { SCOPE_BRANCH, Q_RATING, 3, 0, 32000, 121, 32 };
	struct rig rig;
	struct job *job;

	(void)state;
	rig_up(&rig, NULL, OFTEN LINK PANEL1 PANEL2);
	job = settings_job(&rig, &setting, 1);
	assert_true(job_withdraw(job));
	run(&rig, job);
	want_end(job, JOB_WITHDRAWN, "taken back");
	job_unref(job);

	job = settings_job(&rig, &setting, 1);
	job->begin_by_ms = clock_mono_ms() - 1;
	run(&rig, job);
	want_end(job, JOB_WITHDRAWN, "not begun in time");
	assert_true(events(&rig, 0, EVENT_WRITE_FAILED,
			    "object121 not set to 32000 mA: not begun in time") == 1);
	job_unref(job);

	sim_tell(&rig.sim, "fault unit-silent 1");
	assert_true(WAIT_FOR(!online(&rig, 1)));
	job = settings_job(&rig, &setting, 1);
	run(&rig, job);
	want_end(job, JOB_WITHDRAWN, "does not answer");
	job_unref(job);

	sim_tell(&rig.sim, "fault none");
	sim_tell(&rig.sim, "fault refuse listen");
	assert_true(WAIT_FOR(({
		struct link_status status;

		link_slot_get(rig.site->links[0].slot, &status);
		status.state == LINK_BACKOFF;
	})));
	job = settings_job(&rig, &setting, 1);
	run(&rig, job);
	want_end(job, JOB_WITHDRAWN, "link sim is down: ");
	job_unref(job);
	assert_int_equal(held(&rig, 1, 121), 20);
	rig_down(&rig);
}

static void test_stop_with_jobs_waiting(void **state)
{
	static const struct setting setting = { SCOPE_BRANCH, Q_RATING, 3, 0, 32000, 121, 32 };
	struct rig rig;
	struct job *jobs[5];
	int before = atomic_load(&n_done);

	(void)state;
	rig_up(&rig, NULL, RARELY LINK PANEL1);
	sim_tell(&rig.sim, "fault deaf");
	for (size_t i = 0; i < ARRAY_LEN(jobs); i++) {
		jobs[i] = settings_job(&rig, &setting, 1);
		put(&rig, jobs[i]);
	}
	links_stop(rig.links);
	rig.links = NULL;
	assert_int_equal(atomic_load(&n_done), before + (int)ARRAY_LEN(jobs));
	for (size_t i = 0; i < ARRAY_LEN(jobs); i++) {
		assert_int_not_equal(jobs[i]->end, JOB_DONE);
		job_unref(jobs[i]);
	}
	jobs[0] = settings_job(&rig, &setting, 1);
	assert_int_equal(job_queue_put(rig.site->links[0].jobs, jobs[0]), -ENOLINK);
	job_unref(jobs[0]);
	rig_down(&rig);
}

/* Whatever a reload does to the panel, every job comes to one end. */
static void test_reload_while_waiting(void **state)
{
	static const struct setting setting = { SCOPE_BRANCH, Q_RATING, 3, 0, 32000, 121, 32 };
	static const char *const confs[] = {
		RARELY LINK "panel \"Other\" { index = 1 link = \"sim\" unit = 1 profile = "
			    "\"bcpme\" }\n" PANEL2,
		RARELY LINK PANEL2,
		RARELY LINK_OF("response-timeout = 251") PANEL2,
	};
	struct rig rig;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(confs); i++) {
		struct job *jobs[20];
		int before = atomic_load(&n_done);

		rig_up(&rig, NULL, RARELY LINK PANEL1 PANEL2);
		sim_tell(&rig.sim, "fault late 20");
		for (size_t k = 0; k < ARRAY_LEN(jobs); k++) {
			jobs[k] = settings_job(&rig, &setting, 1);
			put(&rig, jobs[k]);
		}
		rig_reload(&rig, confs[i]);
		assert_true(WAIT_FOR(atomic_load(&n_done) == before + (int)ARRAY_LEN(jobs)));
		for (size_t k = 0; k < ARRAY_LEN(jobs); k++) {
			if (i == 0)
				want_end(jobs[k], JOB_DONE, "");
			job_unref(jobs[k]);
		}
		rig_down(&rig);
	}
}

/* Two managers at once: one after the other, and the last one's word stands. */
static void test_two_at_once(void **state)
{
	static const struct setting settings[] = {
		{ SCOPE_BRANCH, Q_RATING, 3, 0, 32000, 121, 32 },
		{ SCOPE_BRANCH, Q_RATING, 3, 0, 16000, 121, 16 },
	};
	struct rig rig;
	struct job *jobs[2];
	int before = atomic_load(&n_done);

	(void)state;
	rig_up(&rig, NULL, RARELY PATIENT PANEL1);
	for (size_t i = 0; i < 2; i++) {
		jobs[i] = settings_job(&rig, &settings[i], 1);
		put(&rig, jobs[i]);
	}
	assert_true(WAIT_FOR(atomic_load(&n_done) == before + 2));
	want_end(jobs[0], JOB_DONE, "");
	want_end(jobs[1], JOB_DONE, "");
	assert_int_equal(jobs[1]->ops[0].before, 32000);
	assert_int_equal(held(&rig, 1, 121), 16);
	job_unref(jobs[0]);
	job_unref(jobs[1]);
	rig_down(&rig);
}

static int64_t class_ms(const struct rig *rig, uint32_t panel, enum poll_class class)
{
	const struct snapshot *snapshot = store_get(slot_of(rig, panel));
	int64_t ms = snapshot->class_ms[class];

	store_put(slot_of(rig, panel), snapshot);
	return ms;
}

/* A flood: bounded, all done, and the polls of both panels go on among them. */
static void test_flood(void **state)
{
	struct setting setting = { SCOPE_BRANCH, Q_DELAY, 0, LEVEL_HIGH, 0, 166, 0 };
	enum { N = 1000, MANY = 1100 };
	struct rig rig;
	int64_t begun_ms, last[2][2] = { { 0 } };
	unsigned polls[2][2] = { { 0 } };
	struct job *jobs[MANY];
	unsigned taken = 0;
	int before;

	(void)state;
	rig_up(&rig, (const char *const[]){ "--latency", "1", NULL }, OFTEN PATIENT PANEL1 PANEL2);
	before = atomic_load(&n_done);
	begun_ms = clock_mono_ms();
	for (size_t i = 0; i < N; i++) {
		setting.value = (int64_t)i;
		jobs[i] = settings_job(&rig, &setting, 1);
		put(&rig, jobs[i]);
	}
	while (atomic_load(&n_done) < before + N) {
		for (unsigned panel = 0; panel < 2; panel++)
			for (unsigned class = POLL_ALARM; class <= POLL_FAST; class ++) {
				int64_t ms = class_ms(&rig, panel + 1, (enum poll_class) class);

				polls[panel][class] += ms != last[panel][class];
				last[panel][class] = ms;
			}
		rig_rest();
	}
	print_message("%d jobs in %lld ms; polls meanwhile: alarm %u and %u (every 100 ms), "
		      "measurements %u and %u (every 200 ms)\n",
		N, (long long)(clock_mono_ms() - begun_ms), polls[0][0], polls[1][0], polls[0][1],
		polls[1][1]);
	for (size_t i = 0; i < N; i++) {
		want_end(jobs[i], JOB_DONE, "");
		job_unref(jobs[i]);
	}
	assert_int_equal(held(&rig, 1, 166), N - 1);
	for (unsigned panel = 0; panel < 2; panel++)
		assert_true(polls[panel][0] > 1 && polls[panel][1] > 1);
	assert_true(online(&rig, 1) && online(&rig, 2));

	/* More than it holds: the manager is told at once. */
	sim_tell(&rig.sim, "fault late 200");
	for (size_t i = 0; i < MANY; i++) {
		int rc;

		jobs[taken] = settings_job(&rig, &setting, 1);
		jobs[taken]->begin_by_ms = clock_mono_ms() + 300;
		rc = job_queue_put(rig.site->links[0].jobs, jobs[taken]);
		if (rc == 0) {
			taken++;
			continue;
		}
		assert_int_equal(rc, -EAGAIN);
		job_unref(jobs[taken]);
	}
	assert_true(taken < MANY);
	assert_true(WAIT_FOR(atomic_load(&n_done) == before + N + (int)taken));
	for (size_t i = 0; i < taken; i++)
		job_unref(jobs[i]);
	rig_down(&rig);
}

/* Meters of other kinds: the profile of this one with a few lines changed. */

struct change {
	const char *from, *to;
};

static void copy_profile(const char *folder, const char *name, const struct change *changes)
{
	char path[256], *text;
	FILE *file;
	size_t length;

	snprintf(path, sizeof(path), "%s/conf/profiles/%s", TEST_SRCDIR, name);
	text = text_read_file(path, 1 << 20, &length);
	assert_non_null(text);
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	for (const char *at = text; *at != '\0';) {
		const struct change *change = changes;

		while (change->from != NULL && strncmp(at, change->from, strlen(change->from)) != 0)
			change++;
		if (change->from == NULL) {
			fputc(*at++, file);
			continue;
		}
		fputs(change->to, file);
		at += strlen(change->from);
	}
	fclose(file);
	free(text);
}

static void remove_profiles(const char *folder)
{
	static const char *const names[] = { "bcpme.conf", "bcpm-map.inc" };
	char path[256];

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		unlink(path);
	}
	rmdir(folder);
}

/* changes end with one from NULL. */
static void other_meter(struct rig *rig, char *folder, const struct change *changes)
{
	assert_non_null(mkdtemp(folder));
	copy_profile(folder, "bcpme.conf", changes);
	copy_profile(folder, "bcpm-map.inc", changes);
	rig_up_with(rig, (const char *const[]){ "--freeze", NULL }, folder, RARELY LINK PANEL1);
	sim_tell(&rig->sim, "write 1 295 31010");
	sim_tell(&rig->sim, "latch 1 5 high-high");
	sim_tell(&rig->sim, "latch 1 5 high");
	sim_tell(&rig->sim, "latch 1 44 off");
	poll_now(rig);
	assert_true(WAIT_FOR(latched(rig, SCOPE_MAINS, MAINS_B, LEVEL_OFF)));
}

#define ZERO_BITS  "  clear = \"zero-bits\""
#define BY_COMMAND "  clear = \"command\"  clear-register = 295  clear-value = 31010"
#define CLEAR_ALL  "command \"clear-latches\""

static void test_other_methods(void **state)
{
	static const struct {
		struct change changes[3];
		enum job_op_kind kind;
		enum job_end end;
		const char *reason;
		unsigned branch, mains; /* status words afterwards */
	} cases[] = {
		{ { { CLEAR_ALL, "#" } }, JOB_CLEAR_LATCHES, JOB_DONE, "", 0, 0 },
		/* To this meter a mask of ones says: clear all others. */
		{ { { ZERO_BITS, "  clear = \"ones-mask\"" } }, JOB_CLEAR_LATCH, JOB_FAILED,
			"still or again", 2, 16 },
		{ { { ZERO_BITS, BY_COMMAND } }, JOB_CLEAR_LATCH, JOB_DONE, "", 0, 0 },
		{ { { ZERO_BITS, BY_COMMAND }, { CLEAR_ALL, "#" } }, JOB_CLEAR_LATCHES, JOB_DONE,
			"", 0, 0 },
		{ { { ZERO_BITS, "" }, { CLEAR_ALL, "#" } }, JOB_CLEAR_LATCHES, JOB_FAILED,
			"no latch that can be cleared", 3, 16 },
		{ { { ZERO_BITS, "" } }, JOB_CLEAR_LATCH, JOB_FAILED,
			"no latch that can be cleared", 3, 16 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char folder[] = "/tmp/meterx-profiles.XXXXXX";
		struct rig rig;
		struct job *job;

		other_meter(&rig, folder, cases[i].changes);
		job = cases[i].kind == JOB_CLEAR_LATCH
			      ? latch_job(&rig, SCOPE_BRANCH, 5, LEVEL_HIGH)
			      : plain_job(&rig, JOB_CLEAR_LATCHES);
		run(&rig, job);
		print_message("%zu: %s\n", i, job->reason);
		want_end(job, cases[i].end, cases[i].reason);
		assert_int_equal(held(&rig, 1, 182) & 0x1f, cases[i].branch);
		assert_int_equal(held(&rig, 1, 221) & 0x1f, cases[i].mains);
		/* What went along is seen by the poll that follows. */
		assert_true(WAIT_FOR(latched(&rig, SCOPE_BRANCH, 5, LEVEL_HIGH) ==
				     ((cases[i].branch & 2) != 0)));
		assert_true(WAIT_FOR(
			latched(&rig, SCOPE_MAINS, MAINS_B, LEVEL_OFF) == (cases[i].mains != 0)));
		job_unref(job);
		rig_down(&rig);
		remove_profiles(folder);
	}
}

/* A meter that answers no write any more is not asked once for each of its latches. */
static void test_clear_latches_unanswered(void **state)
{
	static const struct change changes[] = { { CLEAR_ALL, "#" }, { NULL, NULL } };
	static const struct {
		const char *fault, *reason;
		enum job_end end;
		unsigned left;
	} cases[] = {
		{ "fault silent function 6 count 1", "", JOB_DONE, 0 },
		{ "fault silent function 6", "9 latched still", JOB_FAILED, 9 },
	};
	char folder[] = "/tmp/meterx-profiles.XXXXXX";
	struct rig rig;

	(void)state;
	other_meter(&rig, folder, changes);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct job *job = plain_job(&rig, JOB_CLEAR_LATCHES);
		unsigned left = 0;

		for (unsigned branch = 1; branch <= 12; branch++) {
			char order[40];

			snprintf(order, sizeof(order), "latch 1 %u off", branch);
			sim_tell(&rig.sim, order);
		}
		assert_true(WAIT_FOR(online(&rig, 1)));
		sim_tell(&rig.sim, cases[i].fault);
		run(&rig, job);
		sim_tell(&rig.sim, "fault none");
		print_message("%s: %s\n", cases[i].fault, job->reason);
		want_end(job, cases[i].end, cases[i].reason);
		for (unsigned branch = 1; branch <= 12; branch++)
			left += (held(&rig, 1, 177 + branch) & 0x1f) != 0;
		assert_int_equal(left, cases[i].left);
		job_unref(job);
	}
	rig_down(&rig);
	remove_profiles(folder);
}

/* Two registers in one write (function 16), one that takes no two, and one that takes none. */
static void test_other_registers(void **state)
{
#define LONG_VALUE                                                                                 \
	{ "point \"demand-subintervals\"", "#" }, { "point \"demand-interval\"", "#" },            \
	{                                                                                          \
		"{ registers = 169     access = \"read-write\"  range = {0, 32767}  default = 10", \
			"{ registers = \"71-72\"  type = \"u32\"  access = \"read-write\""         \
	}
	static const struct {
		struct change changes[5];
		enum job_end end;
		const char *reason;
	} cases[] = {
		{ { LONG_VALUE }, JOB_DONE, "" },
		{ { LONG_VALUE, { "max-write  = 123", "max-write  = 1" } }, JOB_FAILED,
			"more registers than the meter takes" },
		{ { LONG_VALUE, { "area       = \"holding\"", "area = \"input\"" } }, JOB_FAILED,
			"(function 4)" },
	};
	static const struct setting setting = { SCOPE_PANEL, Q_ON_DELAY, 1, 0, 3 << 16 | 600, 71,
		0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char folder[] = "/tmp/meterx-profiles.XXXXXX";
		struct rig rig;
		struct job *job;

		other_meter(&rig, folder, cases[i].changes);
		job = settings_job(&rig, &setting, 1);
		run(&rig, job);
		print_message("%zu: %s\n", i, job->reason);
		want_end(job, cases[i].end, cases[i].reason);
		if (job->end == JOB_DONE) {
			assert_int_equal(held(&rig, 1, 71), 3);
			assert_int_equal(held(&rig, 1, 72), 600);
			assert_true(shown(&rig, &job->ops[0], setting.value));
		}
		job_unref(job);
		rig_down(&rig);
		remove_profiles(folder);
	}
}

/* Waiting for the bus */

/* A long job does not keep the alarms of other panels waiting to its end. */
static void test_alarms_amid_a_job(void **state)
{
	enum { N = 40 };
	struct setting settings[N];
	struct rig rig;
	struct job *job;
	int before = atomic_load(&n_done);
	uint64_t asked;
	int64_t last;
	unsigned polls = 0;

	(void)state;
	for (unsigned i = 0; i < N; i++)
		settings[i] =
			(struct setting){ SCOPE_BRANCH, Q_RATING, i + 1, 0, 32000, 119 + i, 32 };
	rig_up(&rig, NULL, OFTEN PATIENT PANEL1 PANEL2);
	sim_tell(&rig.sim, "fault late 20");
	asked = requests(&rig, 1);
	job = settings_job(&rig, settings, N);
	put(&rig, job);
	assert_true(WAIT_FOR(held(&rig, 1, 119) == 32)); /* it has begun */
	last = class_ms(&rig, 2, POLL_ALARM);
	while (atomic_load(&n_done) == before) {
		polls += class_ms(&rig, 2, POLL_ALARM) != last;
		last = class_ms(&rig, 2, POLL_ALARM);
		rig_rest();
	}
	print_message("%u alarm polls of the other panel meanwhile\n", polls);
	want_end(job, JOB_DONE, "");
	assert_true(polls > 2);
	assert_true(requests(&rig, 1) - asked >= 2 * N);
	job_unref(job);
	rig_down(&rig);
}

/* A poll that began before a write does not take it back when it ends. */
static void test_write_amid_a_poll(void **state)
{
	static const struct setting settings[] = {
		{ SCOPE_BRANCH, Q_RATING, 3, 0, 32000, 121, 32 },
		{ SCOPE_BRANCH, Q_THRESHOLD, 0, LEVEL_HIGH, 550, 172, 550 },
	};
	struct rig rig;
	struct job *job, *clear;
	uint64_t before, told;
	int64_t polled_ms;

	(void)state;
	clear_setup(&rig, RARELY LINK_OF("response-timeout = 10000 max-registers = 16") PANEL1);
	assert_true(WAIT_FOR(class_ms(&rig, 1, POLL_ONCE) != 0));
	sim_tell(&rig.sim, "fault late 20 function 3");
	polled_ms = class_ms(&rig, 1, POLL_SLOW);
	before = requests(&rig, 1);
	poll_now(&rig);
	/* Far enough for these registers to have been read. */
	assert_true(WAIT_FOR(requests(&rig, 1) > before + 20));
	told = last_event(&rig);
	job = settings_job(&rig, settings, 2);
	clear = latch_job(&rig, SCOPE_BRANCH, 5, LEVEL_HIGH);
	run(&rig, job);
	run(&rig, clear);
	want_end(job, JOB_DONE, "");
	want_end(clear, JOB_DONE, "");
	assert_int_equal(class_ms(&rig, 1, POLL_SLOW), polled_ms);
	while (class_ms(&rig, 1, POLL_SLOW) == polled_ms) {
		assert_true(shown(&rig, &job->ops[0], 32000));
		assert_true(shown(&rig, &job->ops[1], 550));
		assert_false(latched(&rig, SCOPE_BRANCH, 5, LEVEL_HIGH));
		rig_rest();
	}
	assert_true(shown(&rig, &job->ops[0], 32000));
	assert_true(shown(&rig, &job->ops[1], 550));
	assert_false(latched(&rig, SCOPE_BRANCH, 5, LEVEL_HIGH));
	assert_int_equal(events(&rig, told, EVENT_RAISED, ""), 0);
	assert_int_equal(events(&rig, told, EVENT_CLEARED, ""), 1);
	job_unref(job);
	job_unref(clear);
	rig_down(&rig);
}

/* A connection that went unnoticed is replaced first: no command is in doubt for it. */
static void test_stale_connection(void **state)
{
	struct rig rig;
	struct job *job;

	(void)state;
	rig_up(&rig, NULL, RARELY PATIENT PANEL1);
	assert_true(WAIT_FOR(class_ms(&rig, 1, POLL_ONCE) != 0));
	sim_tell(&rig.sim, "power-cycle 1");
	job = plain_job(&rig, JOB_COMMAND);
	job->ops[0].command = profile_command_find(
		rig.site->panels[0].layout->profile, "reset-maxima", SCOPE_PANEL);
	run(&rig, job);
	want_end(job, JOB_DONE, "");
	job_unref(job);
	rig_down(&rig);
}

/* Asking a unit that is silent anyway does not cost a manager his answer. */
static void test_probe_gives_way(void **state)
{
	static const struct setting setting = { SCOPE_BRANCH, Q_RATING, 3, 0, 32000, 121, 32 };
	struct rig rig;
	struct job *job;
	uint64_t before;

	(void)state;
	rig_up(&rig, NULL,
		OFTEN LINK_OF("response-timeout = 5000 retries = 0") PANEL1
		"panel \"P2\" { index = 2 link = \"sim\" unit = 2 profile = \"bcpme\" "
		"stale-after = 1 }\n");
	sim_tell(&rig.sim, "fault unit-silent 2");
	assert_true(WAIT_FOR(!online(&rig, 2)));
	before = requests(&rig, 2);
	for (int i = 0; i < 2; i++) {
		assert_true(WAIT_FOR(requests(&rig, 2) > before));
		before = requests(&rig, 2);
		job = settings_job(&rig, &setting, 1);
		job->begin_by_ms = clock_mono_ms() + 2500;
		run(&rig, job);
		want_end(job, JOB_DONE, "");
		job_unref(job);
	}
	rig_down(&rig);
}

/* Who stops the agent does not wait for a meter. */
static void test_stop_calls_off(void **state)
{
	struct rig rig;
	struct link_status status;

	(void)state;
	rig_up(&rig, NULL, OFTEN LINK_OF("response-timeout = 8000 retries = 0") PANEL1);
	sim_tell(&rig.sim, "fault deaf");
	assert_true(WAIT_FOR(clock_mono_ms() - class_ms(&rig, 1, POLL_ALARM) > 500));
	links_stop(rig.links);
	rig.links = NULL;
	link_slot_get(rig.site->links[0].slot, &status);
	assert_int_equal(status.timeouts, 0);
	rig_down(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_shared_register),
		cmocka_unit_test(test_refused_by_the_profile),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_gone_after_the_write),
		cmocka_unit_test(test_acknowledged),
		cmocka_unit_test(test_several),
		cmocka_unit_test(test_what_was_set_at_the_meter),
		cmocka_unit_test(test_taking_back_only_what_is_ours),
		cmocka_unit_test(test_all_are_checked_first),
		cmocka_unit_test(test_ct_size),
		cmocka_unit_test(test_clear_latch),
		cmocka_unit_test(test_clear_unseen_latch),
		cmocka_unit_test(test_latched_again),
		cmocka_unit_test(test_clear_voltage_latch),
		cmocka_unit_test(test_latch_faults),
		cmocka_unit_test(test_no_such_latch),
		cmocka_unit_test(test_clear_latches),
		cmocka_unit_test(test_clear_latches_unanswered),
		cmocka_unit_test(test_command),
		cmocka_unit_test(test_settings_before_commands),
		cmocka_unit_test(test_withdrawn),
		cmocka_unit_test(test_stop_with_jobs_waiting),
		cmocka_unit_test(test_reload_while_waiting),
		cmocka_unit_test(test_two_at_once),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_other_methods),
		cmocka_unit_test(test_other_registers),
		cmocka_unit_test(test_alarms_amid_a_job),
		cmocka_unit_test(test_write_amid_a_poll),
		cmocka_unit_test(test_stale_connection),
		cmocka_unit_test(test_probe_gives_way),
		cmocka_unit_test(test_stop_calls_off),
	};

	log_init("test_writer", LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
