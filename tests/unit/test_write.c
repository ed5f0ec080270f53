/*
 * SETs without a master and without a meter: what is refused and how, what the
 * links get to do, and how it goes on from there. The test is the link: it takes
 * the jobs out of the queue and ends them as it likes. Time stands still but
 * where a test moves it.
 */
#include "config.h"

#include "snmp/write.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "alarm/journal.h"
#include "core/clock.h"
#include "core/util.h"
#include "snmp/columns.h"
#include "snmp/set_part.h"
#include "snmp/setters.h"
#include "snmp/tables.h"

#define NOW_MS INT64_C(5000000)
#define WALL   INT64_C(1793491200000)
#define VARBINDS_MAX 8
#define LONG_TEXT                                                                                  \
	"0123456789012345678901234567890123456789012345678901234567890123" /* 64 bytes */

/* ---- the site -------------------------------------------------------------------------------- */

static const char conf_text[] =
	"link \"m\" { transport = \"tcp\"  host = \"192.0.2.1\" }\n"
	"link \"n\" { transport = \"tcp\"  host = \"192.0.2.2\" }\n"
	"panel \"ALL\" { index = 1  link = \"m\"  unit = 1  profile = \"bcpme\"  location = \"Room 1\"\n"
	"  writes = {\"thresholds\", \"latches\", \"labels\", \"resets\", \"layout\"}\n"
	"  branch 1 { label = \"Rack A1\"  tenant = \"acme\" } }\n"
	"panel \"NONE\" { index = 2  link = \"m\"  unit = 2  profile = \"bcpme\" }\n"
	"panel \"ASYNC\" { index = 3  link = \"m\"  unit = 3  profile = \"bcpme\"  writes-async = yes\n"
	"  writes = {\"thresholds\", \"latches\", \"labels\", \"resets\", \"layout\"} }\n"
	"panel \"GONE\" { index = 4  link = \"m\"  unit = 4  profile = \"bcpme\"\n"
	"  writes = {\"thresholds\", \"latches\", \"labels\", \"resets\", \"layout\"} }\n"
	"panel \"OFF\" { index = 5  link = \"m\"  unit = 5  profile = \"bcpme\"  enabled = no\n"
	"  writes = {\"thresholds\", \"latches\", \"labels\", \"resets\", \"layout\"} }\n"
	"panel \"CUT\" { index = 6  link = \"n\"  unit = 6  profile = \"bcpme\"\n"
	"  writes = {\"thresholds\", \"latches\", \"labels\", \"resets\", \"layout\"} }\n"
	"panel \"SPLIT\" { index = 7  link = \"m\"  unit = 7  profile = \"bcpmsc\"\n"
	"  writes = {\"thresholds\", \"layout\"} }\n";

struct answer {
	struct set_token token;
	int error;
	unsigned index;
};

static struct {
	struct store *store;
	struct journal *journal;
	struct config *config;
	struct site *site;
	struct view *view;
	struct loop *loop;
	struct write *write;
	int wake_fd; /* of the link that the test is */
	struct answer answers[8];
	unsigned n_answers;
	uint32_t transaction;
} world;

static struct config *load_conf(void)
{
	struct problems problems = PROBLEMS_INIT;
	char path[] = "/tmp/meterx-write-XXXXXX";
	struct config *config = NULL;
	int fd = mkstemp(path), rc;
	FILE *file = fdopen(fd, "w");

	assert_non_null(file);
	fprintf(file, "profile-dir = \"%s/conf/profiles\"\n%s", TEST_SRCDIR, conf_text);
	assert_int_equal(fclose(file), 0);
	rc = conf_load(path, &problems, &config);
	problems_print(&problems, stderr);
	problems_free(&problems);
	unlink(path);
	assert_int_equal(rc, 0);
	return config;
}

static void answered(void *arg, const struct set_token *token, int error, unsigned index)
{
	assert_ptr_equal(arg, &world);
	assert_in_range(world.n_answers, 0, ARRAY_LEN(world.answers) - 1);
	world.answers[world.n_answers++] = (struct answer){ *token, error, index };
}

static void on_wake(void *arg)
{
	(void)arg;
	write_collect(world.write);
}

static struct slot *slot_of(uint32_t index)
{
	return site_panel(world.site, index, NULL)->slot;
}

static void publish(uint32_t index, enum comm_state comm)
{
	struct snapshot *snapshot = store_begin(slot_of(index));
	struct alarm_book *book = xcalloc(1, sizeof(*book));

	book->refs = 1;
	book->known = true;
	snapshot_set_alarms(snapshot, book);
	snapshot->comm = comm;
	snapshot->fresh_until_ms = INT64_MAX;
	for (unsigned channel = 1; channel <= 42; channel++)
		snapshot_set(snapshot, SCOPE_BRANCH, Q_CT_SIZE, channel, 100000);
	store_publish(slot_of(index), snapshot);
}

static void set_link(size_t at, enum link_state state)
{
	struct link_status status = { .state = state };

	link_slot_set(world.site->links[at].slot, &status);
}

static void build_site(void)
{
	struct names *names = journal_names(world.journal);
	struct site_base base = {
		.store = world.store,
		.journal = world.journal,
		.names = names,
		.start_wall_ms = WALL,
	};
	struct site *site = site_build(&base, world.config, world.site);

	names_unref(names);
	site_unref(world.site);
	world.site = site;
	view_set_site(world.view, site_ref(site));
}

static int set_up(void **state)
{
	(void)state;
	memset(&world, 0, sizeof(world));
	clock_set(NOW_MS, WALL);
	world.store = store_new();
	world.journal = journal_open(NULL, 100);
	world.config = load_conf();
	world.view = view_new();
	build_site();
	world.loop = loop_new();
	loop_on_wake(world.loop, on_wake, NULL);
	world.write = write_new(world.view, world.loop, answered, &world);
	world.wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	job_queue_attach(world.site->links[0].jobs, world.wake_fd);
	set_link(0, LINK_UP);
	set_link(1, LINK_BACKOFF);
	publish(1, COMM_ONLINE);
	publish(2, COMM_ONLINE);
	publish(3, COMM_DEGRADED);
	publish(4, COMM_OFFLINE);
	publish(6, COMM_ONLINE);
	publish(7, COMM_ONLINE);
	return 0;
}

static int tear_down(void **state)
{
	struct job *job;

	(void)state;
	write_free(world.write);
	/* The link goes: it ends what waits. */
	job_queue_attach(world.site->links[0].jobs, -1);
	while ((job = job_queue_get(world.site->links[0].jobs)) != NULL) {
		job->end = JOB_WITHDRAWN;
		job->done(job, job->arg);
		job_unref(job);
	}
	view_free(world.view);
	journal_stop(world.journal);
	site_unref(world.site);
	journal_close(world.journal);
	conf_unref(world.config);
	store_free(world.store);
	loop_free(world.loop);
	close(world.wake_fd);
	clock_set(-1, -1);
	return 0;
}

/* ---- the manager ------------------------------------------------------------------------------ */

/* Up to four sub-identifiers; scalars have .0 by themselves. */
struct varbind {
	const char *object;
	uint32_t index[ROW_INDEX_MAX];
	uint8_t asn;
	int64_t num;
	const char *text;
	size_t length; /* of the text; 0: all */
};

static size_t suffix_of(const struct varbind *varbind, uint32_t *suffix)
{
	for (size_t i = 0; i < mx_n_tables; i++) {
		const struct table *table = mx_tables[i];

		for (size_t j = 0; j < table->n_columns; j++) {
			size_t n = 0;

			if (strcmp(table->columns[j].name, varbind->object) != 0)
				continue;
			suffix[n++] = table->subid;
			if (table->n_index > 0)
				suffix[n++] = 1;
			suffix[n++] = table->columns[j].subid;
			for (size_t k = 0; k < table->n_index; k++)
				suffix[n++] = varbind->index[k];
			if (table->n_index == 0)
				suffix[n++] = 0;
			return n;
		}
	}
	fail_msg("no column %s", varbind->object);
	return 0;
}

static void phase(enum set_phase which)
{
	struct set_request request = {
		.phase = which,
		.token = { .session = 7, .transaction = world.transaction, .packet = which },
	};

	assert_true(write_receive(world.write, &request));
}

static void test_of(const struct varbind *varbinds, size_t n)
{
	struct set_varbind set[VARBINDS_MAX] = { 0 };
	struct set_request request = {
		.phase = SET_TEST,
		.token = { .session = 7, .transaction = ++world.transaction },
		.varbinds = set,
		.n = n,
	};

	for (size_t i = 0; i < n; i++) {
		set[i].n = suffix_of(&varbinds[i], set[i].suffix);
		set[i].wanted.asn = varbinds[i].asn;
		set[i].wanted.num = varbinds[i].num;
		set[i].wanted.text = varbinds[i].text;
		if (varbinds[i].text)
			set[i].wanted.length = varbinds[i].length ? varbinds[i].length
								  : strlen(varbinds[i].text);
	}
	world.n_answers = 0;
	assert_true(write_receive(world.write, &request));
}

/* The answer to the last phase, and that there is one. */
static int error_of(void)
{
	assert_int_equal(world.n_answers, 1);
	world.n_answers = 0;
	return world.answers[0].error;
}

static void begin(const struct varbind *varbinds, size_t n)
{
	test_of(varbinds, n);
	assert_int_equal(error_of(), SNMP_ERR_NOERROR);
	phase(SET_COMMIT);
}

static void turn(void)
{
	assert_int_equal(loop_turn(world.loop, 0), 0);
}

/* As the main thread does when names have changed. */
static void settle(void)
{
	for (int i = 0; i < 500 && world.n_answers == 0; i++) {
		struct names *names = journal_names(world.journal);
		bool changed = names_revision(names) != names_revision(world.site->names);

		names_unref(names);
		if (changed) {
			build_site();
			write_site_changed(world.write);
		}
		loop_turn(world.loop, 10);
	}
}

static void later(int64_t ms)
{
	clock_set(clock_mono_ms() + ms, clock_wall_ms() + ms);
}

/* ---- the link ---------------------------------------------------------------------------------- */

static struct job *next_job(void)
{
	return job_queue_get(world.site->links[0].jobs);
}

/* Begin the next job; its reference is the test's until it is ended. */
static struct job *take(uint32_t panel)
{
	struct job *job = next_job();

	assert_non_null(job);
	assert_ptr_equal(job->slot, slot_of(panel));
	assert_true(job_take(job));
	return job;
}

static void end(struct job *job, enum job_end how, const char *reason)
{
	job->end = how;
	text_copy(job->reason, sizeof(job->reason), reason);
	for (size_t i = 0; i < job->n_ops && how == JOB_DONE; i++) {
		job->ops[i].touched = true;
		job->ops[i].has_before = job->ops[i].kind == JOB_SETTING;
		job->ops[i].before = 1000 + (int64_t)i;
	}
	job->done(job, job->arg);
	job_unref(job);
	turn();
}

static void no_job(void)
{
	assert_null(next_job());
}

/* ---- what is seen ------------------------------------------------------------------------------ */

static void check_status(uint32_t panel, enum write_status status, const char *reason)
{
	const struct board_entry *entry = board_find(view_board(world.view), panel, BOARD_PANEL);

	assert_non_null(entry);
	assert_int_equal(entry->status, status);
	if (strstr(entry->reason, reason) == NULL || (reason[0] == '\0' && entry->reason[0] != '\0'))
		fail_msg("the reason is \"%s\"", entry->reason);
}

static const char *label(uint32_t panel, unsigned branch)
{
	return site_branch_label(
		world.site, site_panel(world.site, panel, NULL)->conf, branch);
}

static unsigned events(enum event_kind kind)
{
	struct event *event = NULL;
	uint64_t number = 0;
	unsigned n = 0;

	while ((event = journal_next(world.journal, number, false)) != NULL) {
		number = event->number;
		n += event->kind == kind;
		event_unref(event);
	}
	return n;
}

/* ---- refusals ---------------------------------------------------------------------------------- */

#define INT(what, number, ...)   { what, { __VA_ARGS__ }, ASN_INTEGER, number, NULL, 0 }
#define UINT(what, number, ...)  { what, { __VA_ARGS__ }, ASN_GAUGE, number, NULL, 0 }
#define TEXT(what, string, ...)  { what, { __VA_ARGS__ }, ASN_OCTET_STR, 0, string, 0 }
#define BYTES(what, string, ...) \
	{ what, { __VA_ARGS__ }, ASN_OCTET_STR, 0, string, sizeof(string) - 1 }

static const struct {
	struct varbind varbind;
	int error;
} tests[] = {
	/* every writable column: good, wrong type, out of range */
	{ TEXT("mxPanelLocation", "Room 2", 1), SNMP_ERR_NOERROR },
	{ TEXT("mxPanelLocation", LONG_TEXT LONG_TEXT, 1), SNMP_ERR_NOERROR },
	{ TEXT("mxPanelLocation", LONG_TEXT LONG_TEXT "+", 1), SNMP_ERR_WRONGLENGTH },
	{ TEXT("mxPanelLocation", "", 1), SNMP_ERR_NOERROR },
	{ INT("mxPanelLocation", 1, 1), SNMP_ERR_WRONGTYPE },
	{ UINT("mxPanelDemandInterval", 600, 1), SNMP_ERR_NOERROR },
	{ UINT("mxPanelDemandInterval", 0, 1), SNMP_ERR_NOERROR },
	{ UINT("mxPanelDemandInterval", 32768, 1), SNMP_ERR_WRONGVALUE },
	{ UINT("mxPanelDemandInterval", UINT32_MAX, 1), SNMP_ERR_WRONGVALUE },
	{ INT("mxPanelDemandInterval", 600, 1), SNMP_ERR_WRONGTYPE },
	{ UINT("mxPanelCtLayout", 0, 1), SNMP_ERR_NOERROR },
	{ UINT("mxPanelCtLayout", 3, 1), SNMP_ERR_NOERROR },
	{ UINT("mxPanelCtLayout", 4, 1), SNMP_ERR_WRONGVALUE },
	{ UINT("mxPanelCtLayout", 1, 7), SNMP_ERR_WRONGVALUE }, /* not among its arrangements */
	{ TEXT("mxPanelCtLayout", "1", 1), SNMP_ERR_WRONGTYPE },
	{ INT("mxPanelCommand", 1, 1), SNMP_ERR_WRONGVALUE },
	{ INT("mxPanelCommand", 2, 1), SNMP_ERR_NOERROR },
	{ INT("mxPanelCommand", 3, 1), SNMP_ERR_NOERROR },
	{ INT("mxPanelCommand", 4, 1), SNMP_ERR_NOERROR },
	{ INT("mxPanelCommand", 5, 1), SNMP_ERR_NOERROR },
	{ INT("mxPanelCommand", 6, 1), SNMP_ERR_NOERROR },
	{ INT("mxPanelCommand", 7, 1), SNMP_ERR_NOERROR },
	{ INT("mxPanelCommand", 8, 1), SNMP_ERR_WRONGVALUE },
	{ INT("mxPanelCommand", 0, 1), SNMP_ERR_WRONGVALUE },
	{ INT("mxPanelCommand", -1, 1), SNMP_ERR_WRONGVALUE },
	{ UINT("mxPanelCommand", 2, 1), SNMP_ERR_WRONGTYPE },
	{ INT("mxAgentCommand", 1), SNMP_ERR_WRONGVALUE },
	{ INT("mxAgentCommand", 2), SNMP_ERR_NOERROR },
	{ INT("mxAgentCommand", 3), SNMP_ERR_NOERROR },
	{ INT("mxAgentCommand", 4), SNMP_ERR_WRONGVALUE },
	{ UINT("mxAgentCommand", 2), SNMP_ERR_WRONGTYPE },
	{ UINT("mxMainsCtSize", 400000, 1, 1, 2), SNMP_ERR_NOERROR },
	{ UINT("mxMainsCtSize", 400001, 1, 1, 2), SNMP_ERR_WRONGVALUE }, /* no whole amperes */
	{ UINT("mxMainsCtSize", 0, 1, 1, 2), SNMP_ERR_WRONGVALUE },
	{ UINT("mxMainsCtSize", 32768000, 1, 1, 2), SNMP_ERR_WRONGVALUE },
	{ INT("mxMainsCtSize", 400000, 1, 1, 2), SNMP_ERR_WRONGTYPE },
	{ UINT("mxMainsRating", 225000, 1, 1, 2), SNMP_ERR_NOERROR },
	{ UINT("mxMainsRating", 225500, 1, 1, 2), SNMP_ERR_WRONGVALUE },
	{ INT("mxMainsRating", 225000, 1, 1, 2), SNMP_ERR_WRONGTYPE },
	{ TEXT("mxBranchLabel", "K\303\274hlung", 1, 7), SNMP_ERR_NOERROR },
	{ TEXT("mxBranchLabel", LONG_TEXT, 1, 7), SNMP_ERR_NOERROR },
	{ TEXT("mxBranchLabel", LONG_TEXT "+", 1, 7), SNMP_ERR_WRONGLENGTH },
	{ TEXT("mxBranchLabel", "K\374hlung", 1, 7), SNMP_ERR_WRONGVALUE },
	{ TEXT("mxBranchLabel", "two\nlines", 1, 7), SNMP_ERR_WRONGVALUE },
	{ BYTES("mxBranchLabel", "null\0byte", 1, 7), SNMP_ERR_WRONGVALUE },
	{ INT("mxBranchLabel", 1, 1, 7), SNMP_ERR_WRONGTYPE },
	{ TEXT("mxBranchTenant", "acme", 1, 7), SNMP_ERR_NOERROR },
	{ TEXT("mxBranchTenant", LONG_TEXT "+", 1, 7), SNMP_ERR_WRONGLENGTH },
	{ INT("mxBranchTenant", 1, 1, 7), SNMP_ERR_WRONGTYPE },
	{ UINT("mxBranchRating", 16000, 1, 7), SNMP_ERR_NOERROR },
	{ UINT("mxBranchRating", 0, 1, 7), SNMP_ERR_NOERROR },
	{ UINT("mxBranchRating", 16001, 1, 7), SNMP_ERR_WRONGVALUE },
	{ UINT("mxBranchRating", 32768000, 1, 7), SNMP_ERR_WRONGVALUE },
	{ INT("mxBranchRating", 16000, 1, 7), SNMP_ERR_WRONGTYPE },
	{ UINT("mxBranchCtSize", 100000, 7, 7), SNMP_ERR_NOERROR },
	{ UINT("mxBranchCtSize", 100500, 7, 7), SNMP_ERR_WRONGVALUE },
	{ UINT("mxBranchCtSize", 100000, 1, 7), SNMP_ERR_NOTWRITABLE }, /* a solid strip */
	{ INT("mxBranchCtSize", 100000, 7, 7), SNMP_ERR_WRONGTYPE },
	{ INT("mxBranchReset", 2, 1, 7), SNMP_ERR_NOERROR },
	{ INT("mxBranchReset", 3, 1, 7), SNMP_ERR_NOERROR },
	{ INT("mxBranchReset", 1, 1, 7), SNMP_ERR_WRONGVALUE },
	{ INT("mxBranchReset", 4, 1, 7), SNMP_ERR_WRONGVALUE },
	{ UINT("mxBranchReset", 2, 1, 7), SNMP_ERR_WRONGTYPE },
	{ UINT("mxThresholdValue", 1000, 1, 1, 0, 1), SNMP_ERR_NOERROR },
	{ UINT("mxThresholdValue", 0, 1, 1, 0, 1), SNMP_ERR_NOERROR },
	{ UINT("mxThresholdValue", 1001, 1, 1, 0, 1), SNMP_ERR_WRONGVALUE },
	{ INT("mxThresholdValue", 700, 1, 1, 0, 1), SNMP_ERR_WRONGTYPE },
	{ UINT("mxThresholdDelay", 32767, 1, 1, 0, 1), SNMP_ERR_NOERROR },
	{ UINT("mxThresholdDelay", 32768, 1, 1, 0, 1), SNMP_ERR_WRONGVALUE },
	{ INT("mxThresholdDelay", 10, 1, 1, 0, 1), SNMP_ERR_WRONGTYPE },
	{ UINT("mxThresholdHysteresis", 50, 1, 1, 0, 6), SNMP_ERR_NOERROR },
	{ UINT("mxThresholdHysteresis", 1001, 1, 1, 0, 6), SNMP_ERR_WRONGVALUE },
	{ UINT("mxThresholdHysteresis", 50, 1, 1, 0, 1), SNMP_ERR_NOCREATION }, /* has none */
	{ INT("mxThresholdHysteresis", 50, 1, 1, 0, 6), SNMP_ERR_WRONGTYPE },
	{ INT("mxAlarmLatched", 2, 1, 1, 7, 1), SNMP_ERR_NOERROR },
	{ INT("mxAlarmLatched", 1, 1, 1, 7, 1), SNMP_ERR_WRONGVALUE },
	{ INT("mxAlarmLatched", 3, 1, 1, 7, 1), SNMP_ERR_WRONGVALUE },
	{ INT("mxAlarmLatched", 2, 1, 1, 7, 6), SNMP_ERR_NOCREATION }, /* does not latch */
	{ UINT("mxAlarmLatched", 2, 1, 1, 7, 1), SNMP_ERR_WRONGTYPE },
	/* what is not there */
	{ TEXT("mxBranchLabel", "x", 1, 43), SNMP_ERR_NOCREATION },
	{ TEXT("mxBranchLabel", "x", 1, 0), SNMP_ERR_NOCREATION },
	{ TEXT("mxBranchLabel", "x", 8, 1), SNMP_ERR_NOCREATION },
	{ UINT("mxThresholdValue", 5, 1, 9, 0, 1), SNMP_ERR_NOCREATION },
	{ INT("mxAlarmLatched", 2, 1, 1, 43, 1), SNMP_ERR_NOCREATION },
	{ INT("mxPanelCommand", 7, 8), SNMP_ERR_NOCREATION },
	{ UINT("mxMainsRating", 225000, 1, 1, 1), SNMP_ERR_NOCREATION }, /* the total has none */
	/* read-only in the MIB, whatever else */
	{ TEXT("mxPanelName", "x", 1), SNMP_ERR_NOTWRITABLE },
	{ UINT("mxBranchCurrent", 5, 1, 1), SNMP_ERR_NOTWRITABLE },
	{ UINT("mxBranchCurrent", 5, 99, 1), SNMP_ERR_NOTWRITABLE },
	{ TEXT("mxAgentVersion", "x"), SNMP_ERR_NOTWRITABLE },
	/* read-only in the profile */
	{ UINT("mxThresholdValue", 5, 1, 1, 0, 5), SNMP_ERR_NOCREATION },
	/* not in the list of the panel */
	{ TEXT("mxBranchLabel", "x", 2, 7), SNMP_ERR_NOTWRITABLE },
	{ TEXT("mxBranchTenant", "x", 7, 7), SNMP_ERR_NOTWRITABLE },
	{ TEXT("mxPanelLocation", "x", 2), SNMP_ERR_NOTWRITABLE },
	{ UINT("mxThresholdValue", 5, 2, 1, 0, 1), SNMP_ERR_NOTWRITABLE },
	{ UINT("mxBranchRating", 16000, 2, 7), SNMP_ERR_NOTWRITABLE },
	{ INT("mxAlarmLatched", 2, 2, 1, 7, 1), SNMP_ERR_NOTWRITABLE },
	{ INT("mxPanelCommand", 2, 2), SNMP_ERR_NOTWRITABLE },
	{ INT("mxPanelCommand", 3, 7), SNMP_ERR_NOTWRITABLE },
	{ INT("mxBranchReset", 2, 7, 7), SNMP_ERR_NOTWRITABLE },
	{ UINT("mxPanelDemandInterval", 600, 2), SNMP_ERR_NOTWRITABLE },
	{ UINT("mxMainsCtSize", 400000, 2, 1, 2), SNMP_ERR_NOTWRITABLE },
	{ INT("mxPanelCommand", 7, 2), SNMP_ERR_NOERROR }, /* asks for no leave */
	/* nobody there; names are the agent's own */
	{ UINT("mxThresholdValue", 5, 4, 1, 0, 1), SNMP_ERR_RESOURCEUNAVAILABLE },
	{ UINT("mxThresholdValue", 5, 5, 1, 0, 1), SNMP_ERR_RESOURCEUNAVAILABLE },
	{ UINT("mxThresholdValue", 5, 6, 1, 0, 1), SNMP_ERR_RESOURCEUNAVAILABLE },
	{ UINT("mxThresholdValue", 1001, 4, 1, 0, 1), SNMP_ERR_WRONGVALUE },
	{ INT("mxPanelCommand", 7, 4), SNMP_ERR_RESOURCEUNAVAILABLE },
	{ INT("mxAlarmLatched", 2, 4, 1, 7, 1), SNMP_ERR_RESOURCEUNAVAILABLE },
	{ TEXT("mxBranchLabel", "x", 4, 7), SNMP_ERR_NOERROR },
	{ TEXT("mxPanelLocation", "x", 5), SNMP_ERR_NOERROR },
	{ TEXT("mxBranchLabel", "x", 6, 7), SNMP_ERR_NOERROR },
};

static void every_column_is_checked(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(tests); i++) {
		const struct varbind *varbind = &tests[i].varbind;
		unsigned index;
		int error;

		test_of(varbind, 1);
		index = world.answers[0].index;
		error = error_of();
		if (error != tests[i].error)
			fail_msg("%s.%u.%u.%u.%u = %lld \"%s\" is answered with %d, not %d",
				varbind->object, varbind->index[0], varbind->index[1],
				varbind->index[2], varbind->index[3], (long long)varbind->num,
				varbind->text ? varbind->text : "", error, tests[i].error);
		assert_int_equal(index, error ? 1 : 0);
		phase(SET_CLEANUP);
		no_job();
	}
	assert_int_equal(world.n_answers, 0); /* a cleanup is not answered */
}

/* The table above has each of them at least once as it should be. */
static void no_writable_column_is_missing(void **state)
{
	(void)state;
	for (size_t i = 0; i < mx_n_tables; i++)
		for (size_t j = 0; j < mx_tables[i]->n_columns; j++) {
			const struct column *column = &mx_tables[i]->columns[j];
			bool found = column->set == NULL;

			for (size_t k = 0; k < ARRAY_LEN(tests); k++)
				found = found || (tests[k].error == SNMP_ERR_NOERROR &&
							 strcmp(tests[k].varbind.object,
								 column->name) == 0);
			if (!found)
				fail_msg("%s is not tested", column->name);
		}
}

static void the_first_wrong_one_is_named(void **state)
{
	static const struct varbind varbinds[] = {
		UINT("mxThresholdValue", 5, 1, 1, 0, 1),
		TEXT("mxBranchLabel", "x", 1, 7),
		UINT("mxBranchRating", 5, 1, 7),
		INT("mxPanelCommand", 1, 1),
	};

	(void)state;
	test_of(varbinds, ARRAY_LEN(varbinds));
	assert_int_equal(world.answers[0].index, 3);
	assert_int_equal(error_of(), SNMP_ERR_WRONGVALUE);
	phase(SET_CLEANUP);
	no_job();
}

static void the_same_object_twice_is_refused(void **state)
{
	static const struct varbind varbinds[] = {
		UINT("mxThresholdValue", 5, 1, 1, 0, 1),
		UINT("mxThresholdValue", 5, 1, 1, 0, 2),
		UINT("mxThresholdValue", 6, 1, 1, 0, 1),
	};

	(void)state;
	test_of(varbinds, ARRAY_LEN(varbinds));
	assert_int_equal(world.answers[0].index, 3);
	assert_int_equal(error_of(), SNMP_ERR_INCONSISTENTVALUE);
	phase(SET_CLEANUP);
}

/* One register of this meter is the limit of branches and mains. */
static void a_register_is_not_asked_for_two_values(void **state)
{
	static const struct varbind two[] = {
		UINT("mxThresholdValue", 650, 1, 1, 0, 1),
		UINT("mxThresholdDelay", 10, 1, 1, 0, 1),
		UINT("mxThresholdValue", 660, 1, 2, 0, 1),
	};
	static const struct varbind same[] = {
		UINT("mxThresholdValue", 650, 1, 1, 0, 1),
		UINT("mxThresholdValue", 650, 1, 2, 0, 1),
	};
	static const struct varbind panels[] = {
		UINT("mxThresholdValue", 650, 1, 1, 0, 1),
		UINT("mxThresholdValue", 660, 3, 2, 0, 1),
	};

	(void)state;
	test_of(two, ARRAY_LEN(two));
	assert_int_equal(world.answers[0].index, 3);
	assert_int_equal(error_of(), SNMP_ERR_INCONSISTENTVALUE);
	phase(SET_CLEANUP);
	test_of(same, ARRAY_LEN(same));
	assert_int_equal(error_of(), SNMP_ERR_NOERROR);
	phase(SET_CLEANUP);
	test_of(panels, ARRAY_LEN(panels));
	assert_int_equal(error_of(), SNMP_ERR_NOERROR);
	phase(SET_CLEANUP);
}

static void without_anybody_allowed_no_command_to_all(void **state)
{
	static const struct varbind varbind = INT("mxAgentCommand", 2);

	(void)state;
	publish(1, COMM_OFFLINE);
	publish(3, COMM_OFFLINE);
	test_of(&varbind, 1);
	assert_int_equal(error_of(), SNMP_ERR_RESOURCEUNAVAILABLE);
	phase(SET_CLEANUP);
	for (size_t i = 0; i < world.config->n_panels; i++)
		world.config->panels[i].writes = 0;
	test_of(&varbind, 1);
	assert_int_equal(error_of(), SNMP_ERR_NOTWRITABLE);
	phase(SET_CLEANUP);
}

/* ---- one panel ---------------------------------------------------------------------------------- */

static const struct varbind threshold = UINT("mxThresholdValue", 650, 1, 1, 0, 1);

static void a_write_is_answered_when_it_has_ended(void **state)
{
	const struct board_entry *entry;
	struct job *job;

	(void)state;
	begin(&threshold, 1);
	assert_int_equal(world.n_answers, 0);
	check_status(1, WRITE_PENDING, "");
	job = take(1);
	assert_int_equal(job->n_ops, 1);
	assert_int_equal(job->ops[0].kind, JOB_SETTING);
	assert_int_equal(job->ops[0].scope, SCOPE_THRESHOLD);
	assert_int_equal(job->ops[0].quantity, Q_THRESHOLD);
	assert_int_equal(job->ops[0].channel, 1);
	assert_int_equal(job->ops[0].value, 650);
	assert_string_equal(job->ops[0].object, "mxThresholdValue.1.1.0.1");
	assert_true(job->begin_by_ms == NOW_MS + WRITE_BEGIN_MS);
	assert_false(job->restore);
	later(300);
	end(job, JOB_DONE, "");
	assert_int_equal(world.answers[0].token.packet, SET_COMMIT);
	assert_int_equal(error_of(), SNMP_ERR_NOERROR);
	check_status(1, WRITE_DONE, "");
	entry = board_find(
		view_board(world.view), 1, ROW_KEY(SCOPE_BRANCH, 0, LEVEL_HIGH_HIGH));
	assert_int_equal(entry->status, WRITE_DONE);
	assert_true(entry->wall_ms == WALL + 300);
	assert_null(board_find(
		view_board(world.view), 1, ROW_KEY(SCOPE_MAINS, 0, LEVEL_HIGH_HIGH)));
	phase(SET_CLEANUP);
	assert_int_equal(world.n_answers, 0);
	later(10000);
	turn();
	assert_int_equal(world.n_answers, 0);
}

static void a_failure_is_told_with_its_reason(void **state)
{
	static const struct varbind varbinds[] = {
		INT("mxAlarmLatched", 2, 1, 1, 7, 1),
		UINT("mxThresholdValue", 650, 1, 1, 0, 1),
		UINT("mxBranchRating", 16000, 1, 7),
	};
	struct job *job;

	(void)state;
	begin(varbinds, ARRAY_LEN(varbinds));
	job = take(1);
	assert_int_equal(job->n_ops, 3);
	assert_int_equal(job->ops[0].kind, JOB_SETTING); /* what can be taken back comes first */
	assert_int_equal(job->ops[2].kind, JOB_CLEAR_LATCH);
	job->failed_op = 1;
	end(job, JOB_FAILED, "the meter refuses it");
	assert_int_equal(world.answers[0].index, 3);
	assert_int_equal(error_of(), SNMP_ERR_COMMITFAILED);
	check_status(1, WRITE_FAILED, "the meter refuses it");
	phase(SET_UNDO);
	assert_int_equal(error_of(), SNMP_ERR_NOERROR); /* it restored what there was */
	no_job();
	phase(SET_CLEANUP);
}

static void what_cannot_be_begun_in_time_is_withdrawn(void **state)
{
	struct job *job;

	(void)state;
	begin(&threshold, 1);
	later(WRITE_ANSWER_MS - 1);
	turn();
	assert_int_equal(world.n_answers, 0);
	later(1);
	turn();
	assert_int_equal(error_of(), SNMP_ERR_COMMITFAILED);
	check_status(1, WRITE_FAILED, "in time");
	phase(SET_UNDO);
	assert_int_equal(error_of(), SNMP_ERR_NOERROR);
	phase(SET_CLEANUP);
	job = next_job();
	assert_non_null(job);
	assert_false(job_take(job));
	end(job, JOB_WITHDRAWN, "taken back");
	check_status(1, WRITE_FAILED, "in time");
	assert_int_equal(world.n_answers, 0);
}

static void what_is_in_doubt_shows_its_true_end(void **state)
{
	struct job *job;

	(void)state;
	begin(&threshold, 1);
	job = take(1);
	later(WRITE_ANSWER_MS);
	turn();
	assert_int_equal(error_of(), SNMP_ERR_COMMITFAILED);
	check_status(1, WRITE_PENDING, "");
	phase(SET_UNDO);
	assert_int_equal(error_of(), SNMP_ERR_NOERROR);
	phase(SET_CLEANUP);
	later(2000);
	end(job, JOB_DONE, "");
	check_status(1, WRITE_DONE, "");
	assert_int_equal(world.n_answers, 0);
	no_job();
}

static void an_older_end_does_not_hide_a_newer_write(void **state)
{
	struct job *old, *new;

	(void)state;
	begin(&threshold, 1);
	old = take(1);
	later(WRITE_ANSWER_MS);
	turn();
	assert_int_equal(error_of(), SNMP_ERR_COMMITFAILED);
	phase(SET_UNDO);
	phase(SET_CLEANUP);
	begin(&threshold, 1);
	new = take(1);
	end(old, JOB_FAILED, "too late");
	check_status(1, WRITE_PENDING, "");
	end(new, JOB_DONE, "");
	assert_int_equal(error_of(), SNMP_ERR_NOERROR);
	check_status(1, WRITE_DONE, "");
	phase(SET_CLEANUP);
}

static void a_commit_that_comes_too_late_begins_nothing(void **state)
{
	(void)state;
	test_of(&threshold, 1);
	world.n_answers = 0;
	later(WRITE_ANSWER_MS);
	phase(SET_COMMIT);
	assert_int_equal(error_of(), SNMP_ERR_COMMITFAILED);
	no_job();
	phase(SET_UNDO);
	assert_int_equal(error_of(), SNMP_ERR_NOERROR);
	phase(SET_CLEANUP);
}

static void a_repeated_commit_does_not_write_twice(void **state)
{
	struct job *job;

	(void)state;
	begin(&threshold, 1);
	phase(SET_COMMIT);
	job = take(1);
	phase(SET_COMMIT);
	no_job();
	end(job, JOB_DONE, "");
	assert_int_equal(error_of(), SNMP_ERR_NOERROR);
	phase(SET_COMMIT);
	assert_int_equal(error_of(), SNMP_ERR_NOERROR);
	no_job();
	phase(SET_CLEANUP);
}

/* A master that divides a SET into two tests would be told that both are done. */
static void a_second_test_of_a_transaction_is_refused(void **state)
{
	struct set_varbind varbind = { 0 };
	struct set_request request = { .phase = SET_TEST, .varbinds = &varbind, .n = 1 };

	(void)state;
	test_of(&threshold, 1);
	assert_int_equal(error_of(), SNMP_ERR_NOERROR);
	request.token = (struct set_token){ .session = 7, .transaction = world.transaction };
	assert_true(write_receive(world.write, &request)); /* the same again */
	assert_int_equal(error_of(), SNMP_ERR_NOERROR);
	request.token.packet = 99;
	assert_true(write_receive(world.write, &request));
	assert_int_equal(error_of(), SNMP_ERR_GENERR);
	phase(SET_COMMIT);
	assert_int_equal(error_of(), SNMP_ERR_GENERR);
	no_job();
	phase(SET_CLEANUP);
}

static void nothing_is_committed_after_an_undo(void **state)
{
	(void)state;
	test_of(&threshold, 1);
	assert_int_equal(error_of(), SNMP_ERR_NOERROR);
	phase(SET_UNDO);
	assert_int_equal(error_of(), SNMP_ERR_NOERROR);
	phase(SET_COMMIT);
	assert_int_equal(error_of(), SNMP_ERR_COMMITFAILED);
	no_job();
	phase(SET_CLEANUP);
}

static void without_a_link_it_fails(void **state)
{
	(void)state;
	job_queue_attach(world.site->links[0].jobs, -1);
	begin(&threshold, 1);
	assert_int_equal(world.answers[0].index, 1);
	assert_int_equal(error_of(), SNMP_ERR_COMMITFAILED);
	check_status(1, WRITE_FAILED, "link");
	phase(SET_UNDO);
	assert_int_equal(error_of(), SNMP_ERR_NOERROR);
	phase(SET_CLEANUP);
}

/* ---- commands ------------------------------------------------------------------------------------ */

static void commands_are_those_of_the_profile(void **state)
{
	static const struct {
		struct varbind varbind;
		enum job_op_kind kind;
		const char *command, *then;
		enum scope scope;
		unsigned channel;
	} cases[] = {
		{ INT("mxPanelCommand", 2, 1), JOB_CLEAR_LATCHES, NULL, NULL, SCOPE_PANEL, 1 },
		{ INT("mxPanelCommand", 3, 1), JOB_COMMAND, "reset-energy", NULL, SCOPE_PANEL, 1 },
		{ INT("mxPanelCommand", 4, 1), JOB_COMMAND, "reset-maxima", NULL, SCOPE_PANEL, 1 },
		{ INT("mxPanelCommand", 5, 1), JOB_COMMAND, "reset-demand", "reset-max-demand",
			SCOPE_PANEL, 1 },
		{ INT("mxPanelCommand", 6, 1), JOB_COMMAND, "start-demand-interval", NULL,
			SCOPE_PANEL, 1 },
		{ INT("mxPanelCommand", 7, 1), JOB_POLL_NOW, NULL, NULL, SCOPE_PANEL, 1 },
		{ INT("mxBranchReset", 2, 1, 42), JOB_COMMAND, "reset-energy", NULL, SCOPE_BRANCH, 42 },
		{ INT("mxBranchReset", 3, 1, 1), JOB_COMMAND, "reset-maxima", NULL, SCOPE_BRANCH, 1 },
		{ INT("mxAlarmLatched", 2, 1, 3, 5, 2), JOB_CLEAR_LATCH, NULL, NULL, SCOPE_VOLTAGE, 5 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct job *job;

		begin(&cases[i].varbind, 1);
		job = take(1);
		assert_int_equal(job->ops[0].kind, cases[i].kind);
		assert_int_equal(job->ops[0].scope, cases[i].scope);
		assert_int_equal(job->ops[0].channel, cases[i].channel);
		assert_int_equal(job->ops[0].command != NULL, cases[i].command != NULL);
		if (cases[i].command)
			assert_string_equal(job->ops[0].command->name, cases[i].command);
		assert_int_equal(job->n_ops, cases[i].then ? 2 : 1);
		if (cases[i].then)
			assert_string_equal(job->ops[1].command->name, cases[i].then);
		end(job, JOB_DONE, "");
		assert_int_equal(error_of(), SNMP_ERR_NOERROR);
		phase(SET_CLEANUP);
	}
}

static void a_command_to_all_goes_to_those_that_allow_it(void **state)
{
	static const struct varbind clear = INT("mxAgentCommand", 2);
	static const struct varbind poll = INT("mxAgentCommand", 3);
	static const uint32_t clearing[] = { 1, 3 }, polling[] = { 1, 2, 3, 7 };
	struct job *job;

	(void)state;
	begin(&clear, 1);
	assert_int_equal(error_of(), SNMP_ERR_NOERROR); /* at once */
	phase(SET_CLEANUP);
	for (size_t i = 0; i < ARRAY_LEN(clearing); i++) {
		check_status(clearing[i], WRITE_PENDING, "");
		job = take(clearing[i]);
		assert_int_equal(job->ops[0].kind, JOB_CLEAR_LATCHES);
		assert_string_equal(job->ops[0].object, "mxAgentCommand.0");
		end(job, i == 0 ? JOB_DONE : JOB_FAILED, i == 0 ? "" : "no answer");
	}
	check_status(1, WRITE_DONE, "");
	check_status(3, WRITE_FAILED, "no answer");
	no_job();
	begin(&poll, 1);
	assert_int_equal(error_of(), SNMP_ERR_NOERROR);
	phase(SET_CLEANUP);
	for (size_t i = 0; i < ARRAY_LEN(polling); i++) {
		job = take(polling[i]);
		assert_int_equal(job->ops[0].kind, JOB_POLL_NOW);
		end(job, JOB_DONE, "");
	}
	check_status(3, WRITE_FAILED, "no answer"); /* a poll is no write */
	no_job();
	assert_int_equal(world.n_answers, 0);
}

/* ---- several panels -------------------------------------------------------------------------------- */

static const struct varbind two_panels[] = {
	UINT("mxThresholdDelay", 20, 7, 1, 0, 1),
	UINT("mxThresholdValue", 650, 1, 1, 0, 1),
	UINT("mxThresholdDelay", 30, 1, 1, 0, 1),
};

static void panels_are_written_one_after_the_other(void **state)
{
	struct job *job;

	(void)state;
	begin(two_panels, ARRAY_LEN(two_panels));
	job = take(7);
	assert_int_equal(job->n_ops, 1);
	no_job();
	end(job, JOB_DONE, "");
	assert_int_equal(world.n_answers, 0);
	job = take(1);
	assert_int_equal(job->n_ops, 2);
	end(job, JOB_DONE, "");
	assert_int_equal(error_of(), SNMP_ERR_NOERROR);
	phase(SET_CLEANUP);
}

/* Fail the second panel, with the first written. */
static struct job *fail_second(void)
{
	struct job *job;

	begin(two_panels, ARRAY_LEN(two_panels));
	end(take(7), JOB_DONE, "");
	job = take(1);
	job->failed_op = 1;
	end(job, JOB_FAILED, "the meter refuses it");
	assert_int_equal(world.answers[0].index, 3);
	assert_int_equal(error_of(), SNMP_ERR_COMMITFAILED);
	check_status(7, WRITE_FAILED, "taken back: mxThresholdDelay.1.1.0.1: the meter");
	job = take(7);
	assert_true(job->restore);
	assert_int_equal(job->n_ops, 1);
	assert_int_equal(job->ops[0].value, 1000);
	assert_int_equal(job->ops[0].quantity, Q_DELAY);
	phase(SET_UNDO);
	assert_int_equal(world.n_answers, 0); /* not yet */
	return job;
}

static void a_failed_panel_takes_the_others_back(void **state)
{
	(void)state;
	end(fail_second(), JOB_DONE, "");
	assert_int_equal(error_of(), SNMP_ERR_NOERROR);
	check_status(7, WRITE_FAILED, "taken back");
	phase(SET_CLEANUP);
	no_job();
}

static void what_cannot_be_taken_back_is_told(void **state)
{
	(void)state;
	end(fail_second(), JOB_FAILED, "no answer");
	assert_int_equal(error_of(), SNMP_ERR_UNDOFAILED);
	check_status(7, WRITE_FAILED, "could not be taken back: no answer");
	phase(SET_CLEANUP);
	no_job();
}

static void taking_back_that_takes_too_long_is_told(void **state)
{
	struct job *job;

	(void)state;
	job = fail_second();
	later(WRITE_ANSWER_MS);
	turn();
	assert_int_equal(error_of(), SNMP_ERR_UNDOFAILED);
	phase(SET_CLEANUP);
	end(job, JOB_DONE, "");
	check_status(7, WRITE_FAILED, "taken back");
	assert_int_equal(world.n_answers, 0);
}

/* Answered as failed, and the first is as it was: what ends well later must not stand alone. */
static void what_ends_late_does_not_stand_alone(void **state)
{
	struct job *late, *back;

	(void)state;
	begin(two_panels, ARRAY_LEN(two_panels));
	end(take(7), JOB_DONE, "");
	late = take(1);
	later(WRITE_ANSWER_MS);
	turn();
	assert_int_equal(error_of(), SNMP_ERR_COMMITFAILED);
	end(take(7), JOB_DONE, "");
	phase(SET_UNDO);
	phase(SET_CLEANUP);
	check_status(1, WRITE_PENDING, "");
	world.n_answers = 0;
	end(late, JOB_DONE, "");
	check_status(1, WRITE_FAILED, "taken back: the SET failed");
	back = take(1);
	assert_true(back->restore);
	assert_int_equal(back->n_ops, 2);
	/* Only if the meter still holds what this SET has written. */
	assert_true(back->ops[0].has_before);
	assert_int_equal(back->ops[0].before, 30);
	assert_int_equal(back->ops[0].value, 1001);
	end(back, JOB_DONE, "");
	no_job();
	assert_int_equal(world.n_answers, 0);
}

/* ---- undo, because another agent failed --------------------------------------------------------------- */

static void an_undo_restores(void **state)
{
	struct job *job;

	(void)state;
	begin(&two_panels[1], 2);
	end(take(1), JOB_DONE, "");
	assert_int_equal(error_of(), SNMP_ERR_NOERROR);
	phase(SET_UNDO);
	job = take(1);
	assert_true(job->restore);
	assert_int_equal(job->n_ops, 2);
	assert_int_equal(job->ops[0].value, 1001); /* the last first */
	assert_int_equal(job->ops[1].value, 1000);
	assert_int_equal(world.n_answers, 0);
	end(job, JOB_DONE, "");
	assert_int_equal(world.answers[0].token.packet, SET_UNDO);
	assert_int_equal(error_of(), SNMP_ERR_NOERROR);
	phase(SET_CLEANUP);
	no_job();
}

static void a_cleared_latch_cannot_be_undone(void **state)
{
	static const struct varbind varbinds[] = {
		UINT("mxThresholdValue", 650, 1, 1, 0, 1),
		INT("mxAlarmLatched", 2, 1, 1, 7, 1),
	};
	struct job *job;

	(void)state;
	begin(varbinds, ARRAY_LEN(varbinds));
	end(take(1), JOB_DONE, "");
	assert_int_equal(error_of(), SNMP_ERR_NOERROR);
	phase(SET_UNDO);
	assert_int_equal(error_of(), SNMP_ERR_UNDOFAILED);
	job = take(1); /* but what can be is */
	assert_int_equal(job->n_ops, 1);
	assert_int_equal(job->ops[0].quantity, Q_THRESHOLD);
	end(job, JOB_DONE, "");
	phase(SET_CLEANUP);
}

static void an_undo_after_the_test_alone_does_nothing(void **state)
{
	(void)state;
	test_of(&threshold, 1);
	world.n_answers = 0;
	phase(SET_UNDO);
	assert_int_equal(error_of(), SNMP_ERR_NOERROR);
	phase(SET_CLEANUP);
	no_job();
}

/* ---- names -------------------------------------------------------------------------------------------- */

static void a_name_is_there_when_it_is_answered(void **state)
{
	static const struct varbind varbinds[] = {
		TEXT("mxBranchLabel", "Chiller", 1, 7),
		TEXT("mxBranchTenant", "globex", 1, 1),
		TEXT("mxPanelLocation", "Cellar", 4),
	};

	(void)state;
	begin(varbinds, ARRAY_LEN(varbinds));
	settle();
	assert_int_equal(error_of(), SNMP_ERR_NOERROR);
	assert_string_equal(label(1, 7), "Chiller");
	assert_string_equal(label(1, 1), "Rack A1");
	assert_string_equal(
		site_branch_tenant(world.site, site_panel(world.site, 1, NULL)->conf, 1), "globex");
	assert_string_equal(
		site_location(world.site, site_panel(world.site, 4, NULL)->conf), "Cellar");
	check_status(1, WRITE_DONE, "");
	check_status(4, WRITE_DONE, "");
	assert_int_equal(events(EVENT_WRITTEN), 3);
	phase(SET_CLEANUP);
	no_job();
}

/* Nothing is remembered for a text that the configuration gives anyway. */
static void the_configured_name_needs_nobody_to_set_it(void **state)
{
	static const struct varbind other = TEXT("mxBranchLabel", "Chiller", 1, 1);
	static const struct varbind same = TEXT("mxBranchLabel", "Rack A1", 1, 1);
	struct name_change item;

	(void)state;
	begin(&other, 1);
	settle();
	phase(SET_CLEANUP);
	begin(&same, 1);
	settle();
	phase(SET_CLEANUP);
	assert_string_equal(label(1, 1), "Rack A1");
	assert_false(names_item(world.site->names, 0, &item));
}

static void names_come_after_meters(void **state)
{
	static const struct varbind varbinds[] = {
		TEXT("mxBranchLabel", "Chiller", 1, 7),
		UINT("mxThresholdValue", 650, 1, 1, 0, 1),
	};
	struct job *job;

	(void)state;
	begin(varbinds, ARRAY_LEN(varbinds));
	job = take(1);
	assert_int_equal(job->n_ops, 1);
	end(job, JOB_FAILED, "no answer");
	assert_int_equal(world.answers[0].index, 2);
	assert_int_equal(error_of(), SNMP_ERR_COMMITFAILED);
	phase(SET_UNDO);
	phase(SET_CLEANUP);
	assert_int_equal(events(EVENT_WRITTEN), 0);
	begin(varbinds, ARRAY_LEN(varbinds));
	end(take(1), JOB_DONE, "");
	settle();
	assert_int_equal(error_of(), SNMP_ERR_NOERROR);
	assert_string_equal(label(1, 7), "Chiller");
	phase(SET_CLEANUP);
}

static void names_are_taken_back_by_an_undo(void **state)
{
	static const struct varbind before = TEXT("mxBranchLabel", "Chiller", 1, 7);
	static const struct varbind varbinds[] = {
		TEXT("mxBranchLabel", "Heater", 1, 7),
		TEXT("mxBranchLabel", "Heater", 1, 8),
	};

	(void)state;
	begin(&before, 1);
	settle();
	assert_int_equal(error_of(), SNMP_ERR_NOERROR);
	phase(SET_CLEANUP);
	begin(varbinds, ARRAY_LEN(varbinds));
	settle();
	assert_int_equal(error_of(), SNMP_ERR_NOERROR);
	phase(SET_UNDO);
	settle();
	assert_int_equal(error_of(), SNMP_ERR_NOERROR);
	phase(SET_CLEANUP);
	assert_string_equal(label(1, 7), "Chiller");
	assert_string_equal(label(1, 8), "");
	check_status(1, WRITE_FAILED, "taken back");
}

/* ---- panels that are not waited for --------------------------------------------------------------------- */

static const struct varbind async_threshold = UINT("mxThresholdValue", 650, 3, 1, 0, 1);

static void async_is_answered_at_once(void **state)
{
	struct job *job;

	(void)state;
	begin(&async_threshold, 1);
	assert_int_equal(error_of(), SNMP_ERR_NOERROR);
	phase(SET_CLEANUP);
	check_status(3, WRITE_PENDING, "");
	later(3000);
	turn();
	job = take(3);
	assert_true(job->begin_by_ms == NOW_MS + PART_ASYNC_MS);
	end(job, JOB_FAILED, "the meter refuses it");
	check_status(3, WRITE_FAILED, "the meter refuses it");
	assert_int_equal(world.n_answers, 0);
}

static void the_others_decide_for_async(void **state)
{
	const struct varbind varbinds[] = { async_threshold, threshold };

	(void)state;
	begin(varbinds, ARRAY_LEN(varbinds));
	end(take(1), JOB_FAILED, "no answer");
	assert_int_equal(error_of(), SNMP_ERR_COMMITFAILED);
	no_job(); /* never begun */
	assert_null(board_find(view_board(world.view), 3, BOARD_PANEL));
	phase(SET_UNDO);
	phase(SET_CLEANUP);
	begin(varbinds, ARRAY_LEN(varbinds));
	end(take(1), JOB_DONE, "");
	assert_int_equal(error_of(), SNMP_ERR_NOERROR);
	phase(SET_CLEANUP);
	end(take(3), JOB_DONE, "");
	check_status(3, WRITE_DONE, "");
}

static void async_is_taken_back_after_its_end(void **state)
{
	struct job *job;

	(void)state;
	begin(&async_threshold, 1);
	assert_int_equal(error_of(), SNMP_ERR_NOERROR);
	job = take(3);
	phase(SET_UNDO);
	assert_int_equal(world.n_answers, 0);
	end(job, JOB_DONE, "");
	job = take(3);
	assert_true(job->restore);
	end(job, JOB_DONE, "");
	assert_int_equal(error_of(), SNMP_ERR_NOERROR);
	check_status(3, WRITE_FAILED, "taken back");
	phase(SET_CLEANUP);
}

/* ---- the master goes, the agent ends ---------------------------------------------------------------------- */

static void a_lost_master_is_not_answered(void **state)
{
	struct job *job;
	struct set_request request = { .phase = SET_CLEANUP, .token = { .session = 7 } };

	(void)state;
	begin(&threshold, 1);
	write_hang_up(world.write);
	job = next_job();
	assert_false(job_take(job));
	end(job, JOB_WITHDRAWN, "");
	assert_int_equal(world.n_answers, 0);
	check_status(1, WRITE_FAILED, "in time");
	begin(&threshold, 1);
	job = take(1);
	write_hang_up(world.write);
	end(job, JOB_DONE, "");
	check_status(1, WRITE_DONE, "");
	assert_int_equal(world.n_answers, 0);
	request.token.transaction = world.transaction;
	assert_false(write_receive(world.write, &request)); /* nothing of it is left */
}

static void the_agent_may_end_in_between(void **state)
{
	struct job *job;

	(void)state;
	begin(&threshold, 1);
	job = take(1);
	test_of(&async_threshold, 1);
	phase(SET_COMMIT);
	write_free(world.write);
	world.write = NULL;
	/* The link ends later than that. */
	job->end = JOB_DONE;
	job->done(job, job->arg);
	job_unref(job);
	job = next_job();
	assert_false(job_take(job));
	job->end = JOB_WITHDRAWN;
	job->done(job, job->arg);
	job_unref(job);
}

static void phases_of_others_are_not_ours(void **state)
{
	struct set_request request = { .phase = SET_COMMIT, .token = { .session = 7 } };

	(void)state;
	assert_false(write_receive(world.write, &request));
	test_of(&threshold, 1);
	request.token = (struct set_token){ .session = 8, .transaction = world.transaction };
	assert_false(write_receive(world.write, &request));
	phase(SET_CLEANUP);
}

/* A master that never cleans up does not fill the memory. */
static void tests_without_an_end_are_forgotten(void **state)
{
	(void)state;
	for (int i = 0; i < 64; i++) {
		test_of(&threshold, 1);
		assert_int_equal(error_of(), SNMP_ERR_NOERROR);
	}
	test_of(&threshold, 1);
	assert_int_equal(error_of(), SNMP_ERR_RESOURCEUNAVAILABLE);
	later(10000);
	test_of(&threshold, 1);
	assert_int_equal(error_of(), SNMP_ERR_NOERROR);
}

static void the_board_forgets_panels_that_are_gone(void **state)
{
	static const struct varbind varbind = UINT("mxThresholdDelay", 20, 7, 1, 0, 1);

	(void)state;
	begin(&varbind, 1);
	end(take(7), JOB_DONE, "");
	phase(SET_CLEANUP);
	check_status(7, WRITE_DONE, "");
	build_site();
	write_site_changed(world.write);
	check_status(7, WRITE_DONE, "");
	world.config->n_panels--;
	build_site();
	write_site_changed(world.write);
	assert_null(board_find(view_board(world.view), 7, BOARD_PANEL));
	world.config->n_panels++;
}

/* ---- a link with a thread of its own ------------------------------------------------------------------------ */

static void *run_link(void *arg)
{
	struct job_queue *queue = arg;
	unsigned done = 0;

	while (done < 200) {
		struct job *job = job_queue_get(queue);

		if (job == NULL) {
			usleep(100);
			continue;
		}
		job->end = job_take(job) ? JOB_DONE : JOB_WITHDRAWN;
		job->done(job, job->arg);
		job_unref(job);
		done++;
	}
	return NULL;
}

static void two_threads(void **state)
{
	pthread_t thread;

	(void)state;
	clock_set(-1, -1);
	assert_int_equal(
		pthread_create(&thread, NULL, run_link, world.site->links[0].jobs), 0);
	for (unsigned i = 0; i < 200; i++) {
		begin(&threshold, 1);
		while (world.n_answers == 0)
			loop_turn(world.loop, 100);
		error_of();
		phase(SET_CLEANUP);
	}
	pthread_join(thread, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest all[] = {
		TEST(every_column_is_checked),
		TEST(no_writable_column_is_missing),
		TEST(the_first_wrong_one_is_named),
		TEST(the_same_object_twice_is_refused),
		TEST(a_register_is_not_asked_for_two_values),
		TEST(without_anybody_allowed_no_command_to_all),
		TEST(a_write_is_answered_when_it_has_ended),
		TEST(a_failure_is_told_with_its_reason),
		TEST(what_cannot_be_begun_in_time_is_withdrawn),
		TEST(what_is_in_doubt_shows_its_true_end),
		TEST(an_older_end_does_not_hide_a_newer_write),
		TEST(a_commit_that_comes_too_late_begins_nothing),
		TEST(a_repeated_commit_does_not_write_twice),
		TEST(a_second_test_of_a_transaction_is_refused),
		TEST(nothing_is_committed_after_an_undo),
		TEST(without_a_link_it_fails),
		TEST(commands_are_those_of_the_profile),
		TEST(a_command_to_all_goes_to_those_that_allow_it),
		TEST(panels_are_written_one_after_the_other),
		TEST(a_failed_panel_takes_the_others_back),
		TEST(what_cannot_be_taken_back_is_told),
		TEST(taking_back_that_takes_too_long_is_told),
		TEST(what_ends_late_does_not_stand_alone),
		TEST(an_undo_restores),
		TEST(a_cleared_latch_cannot_be_undone),
		TEST(an_undo_after_the_test_alone_does_nothing),
		TEST(a_name_is_there_when_it_is_answered),
		TEST(the_configured_name_needs_nobody_to_set_it),
		TEST(names_come_after_meters),
		TEST(names_are_taken_back_by_an_undo),
		TEST(async_is_answered_at_once),
		TEST(the_others_decide_for_async),
		TEST(async_is_taken_back_after_its_end),
		TEST(a_lost_master_is_not_answered),
		TEST(the_agent_may_end_in_between),
		TEST(phases_of_others_are_not_ours),
		TEST(tests_without_an_end_are_forgotten),
		TEST(the_board_forgets_panels_that_are_gone),
		TEST(two_threads),
	};

	return cmocka_run_group_tests_name("write", all, NULL, NULL);
}
