/*
 * What outlives the agent: the journal on a real file, through kills, cut off
 * logs, full disks, and files that are damaged or not for us.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "alarm/journal.h"
#include "core/text.h"
#include "core/util.h"
#include "store/layout.h"
#include "store/persist.h"

#define CAPACITY 1000
#define PANELS	 3
#define NOBODY	 65534

/* Asserts of cmocka must not jump in a child. */
#define CHECK(what)                                                                                \
	do {                                                                                       \
		if (!(what)) {                                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #what);                 \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

/* A folder for each test */

static char folder[256], dir[300];

static char *in_dir(const char *name)
{
	static char paths[4][400];
	static int at;
	char *path = paths[at++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	return path;
}

static void empty_dir(const char *path)
{
	DIR *entries = opendir(path);
	struct dirent *entry;
	char name[700];

	while (entries != NULL && (entry = readdir(entries)) != NULL) {
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (unlink(name) < 0) {
			chmod(name, 0700);
			empty_dir(name);
			rmdir(name);
		}
	}
	if (entries != NULL)
		closedir(entries);
}

static int make_folder(void **state)
{
	const char *base = getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp";

	(void)state;
	snprintf(folder, sizeof(folder), "%s/meterx-persist.XXXXXX", base);
	assert_non_null(mkdtemp(folder));
	chmod(folder, 0755);
	snprintf(dir, sizeof(dir), "%s/state", folder);
	return 0;
}

/* Messages, as the agent would log them */

static char *log_path(void)
{
	static char path[300];

	snprintf(path, sizeof(path), "%s/log", folder);
	return path;
}

static int saved_stderr = -1;

static void catch_log(void)
{
	int fd = open(log_path(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0666);

	fflush(stderr);
	saved_stderr = dup(2);
	dup2(fd, 2);
	close(fd);
}

/* Lines that have the text; the log is shown as usual too. */
static int end_log(const char *text)
{
	char *log, *at;
	int n = 0;
	size_t length;

	dup2(saved_stderr, 2);
	close(saved_stderr);
	saved_stderr = -1;
	log = text_read_file(log_path(), 1 << 20, &length);
	assert_non_null(log);
	fputs(log, stderr);
	for (at = log; *text != '\0' && (at = strstr(at, text)) != NULL; at++)
		n++;
	free(log);
	return n;
}

static int remove_folder(void **state)
{
	(void)state;
	if (saved_stderr >= 0) /* the test has failed meanwhile */
		end_log("");
	chmod(dir, 0755);
	empty_dir(folder);
	return rmdir(folder);
}

static void copy_file(const char *from, const char *to, size_t length)
{
	size_t size;
	char *text = text_read_file(from, 1 << 26, &size);
	FILE *out = fopen(to, "w");

	assert_non_null(text);
	assert_non_null(out);
	fwrite(text, 1, length < size ? length : size, out);
	fclose(out);
	free(text);
}

/* The name of the only file that begins so; "" for none. */
static char *find_file(const char *begin)
{
	static char found[300];
	DIR *entries = opendir(dir);
	struct dirent *entry;
	int n = 0;

	found[0] = '\0';
	while (entries != NULL && (entry = readdir(entries)) != NULL)
		if (strncmp(entry->d_name, begin, strlen(begin)) == 0 &&
			strstr(entry->d_name, "Z-") == NULL && ++n)
			text_copy(found, sizeof(found), entry->d_name);
	if (entries != NULL)
		closedir(entries);
	assert_true(n <= 1);
	return found;
}

/* Batches that can be recognised: value is the number of the batch, limit how many events it has.
 */

static struct alarm_book *book_of(int32_t batch)
{
	struct alarm alarms[] = {
		{ .key = ROW_KEY(SCOPE_BRANCH, 1, 1), .latched = true, .severity = STATE_CRITICAL },
		{ .key = ROW_KEY(SCOPE_BRANCH, 2, 3),
			.active = batch % 2 != 0,
			.severity = STATE_WARNING,
			.meter_count = -1,
			.value = INT64_MIN },
		{ .key = ROW_KEY(SCOPE_MAINS, 9, 2), .raise_count = UINT32_MAX, .uncounted = -5 },
	};

	alarms[1].event = batch % 2 != 0; /* a number that has been given */
	return alarm_book_build(alarms, batch % 5 == 0 ? 2 : 3, true, batch % 3 == 0);
}

static uint64_t post_batch(struct journal *journal, uint32_t panel, int32_t batch_number, int n)
{
	struct alarm_book *book = book_of(batch_number);
	struct panel_memory memory = { .serial = batch_number,
		.device = 7,
		.told_online = true,
		.book = book,
		.inputs_known = UINT64_C(1) << 63 | (uint64_t)batch_number,
		.inputs_closed = UINT64_C(1) << 63 };
	struct event draft = { .kind = EVENT_RAISED,
		.wall_ms = 1000 + batch_number,
		.notify = true,
		.panel = panel,
		.scope = EVENT_SCOPE_BRANCH,
		.has_value = true,
		.value = batch_number,
		.has_limit = true,
		.limit = n,
		.panel_name = "P",
		.text = "happened" };
	struct journal_batch batch;
	uint64_t last = 0;

	journal_begin(&batch, journal);
	for (int i = 0; i < n; i++) {
		last = draft.number = journal_number(&batch);
		journal_add(&batch, &draft);
	}
	journal_remember_panel(&batch, panel, &memory);
	journal_remember_link(&batch, "link", batch_number % 2 != 0);
	journal_end(&batch);
	alarm_book_unref(book);
	return last;
}

static struct journal_stats stats_of(struct journal *journal)
{
	struct journal_stats stats;

	journal_stats(journal, &stats);
	return stats;
}

static bool is_stored(struct journal *journal, uint64_t number)
{
	struct event *event = journal_find(journal, number);
	bool stored = event != NULL && (atomic_load(&event->mark) & EVENT_STORED) != 0;

	event_unref(event);
	return stored;
}

static void wait_stored(struct journal *journal, uint64_t number)
{
	for (int i = 0; i < 10000 && !is_stored(journal, number); i++)
		usleep(1000);
	CHECK(is_stored(journal, number));
}

static bool same_alarm(const struct alarm *a, const struct alarm *b)
{
	return a->key == b->key && a->active == b->active && a->latched == b->latched &&
	       a->severity == b->severity && a->raise_count == b->raise_count &&
	       a->uncounted == b->uncounted && a->meter_count == b->meter_count &&
	       a->event == b->event && a->value == b->value;
}

static bool same_book(const struct alarm_book *a, const struct alarm_book *b)
{
	for (uint32_t i = 0; i < a->n && i < b->n; i++)
		if (!same_alarm(&a->alarms[i], &b->alarms[i]))
			return false;
	return a->n == b->n && a->known == b->known && a->counted == b->counted &&
	       a->n_active == b->n_active && a->worst == b->worst;
}

/* Whole batches only, and each panel's memory is of its last one. Returns the last batch. */
static int32_t check_batches(struct journal *journal)
{
	int32_t last_of[PANELS + 1] = { 0 }, batch = 0, left = 0, limit = 0;
	struct event *event = journal_next(journal, 0, true);
	bool first =
		stats_of(journal).kept == CAPACITY; /* the oldest may have lost its beginning */

	while (event != NULL) {
		struct event *next = journal_next(journal, event->number, false);

		if (event->kind == EVENT_RAISED) {
			if (left == 0) {
				CHECK(event->value > batch);
				batch = event->value;
				limit = left = event->limit;
			} else if (event->value != batch) {
				CHECK(first);
				first = false;
				batch = event->value;
				limit = left = event->limit;
			}
			CHECK(event->limit == limit && event->wall_ms == 1000 + batch);
			CHECK(strcmp(event->text, "happened") == 0 && event->notify);
			left--;
			last_of[event->panel] = batch;
		}
		event_unref(event);
		event = next;
	}
	CHECK(left == 0);
	for (uint32_t panel = 1; panel <= PANELS; panel++) {
		struct panel_memory memory;
		struct alarm_book *book;

		if (last_of[panel] == 0)
			continue;
		CHECK(journal_panel(journal, panel, &memory));
		CHECK(memory.serial == last_of[panel] && memory.device == 7 && memory.told_online);
		CHECK(memory.inputs_known == (UINT64_C(1) << 63 | (uint64_t)last_of[panel]) &&
			memory.inputs_closed == UINT64_C(1) << 63);
		book = book_of(last_of[panel]);
		CHECK(same_book(memory.book, book));
		alarm_book_unref(book);
		alarm_book_unref(memory.book);
	}
	if (batch > 0)
		CHECK(journal_link_down(journal, "link") == (batch % 2 != 0));
	return batch;
}

static void expect_child(pid_t pid, int want_signal)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), want_signal);
}

/* All went well: an end that no checker of memory has anything to say of. */
static void end_child(void)
{
	kill(getpid(), SIGKILL);
}

static void in_child(void (*fn)(void))
{
	pid_t pid = fork();

	if (pid == 0) {
		fn();
		end_child();
	}
	expect_child(pid, SIGKILL);
}

/* Everything there is comes back as it was. */

static void everything_comes_back(void **state)
{
	struct event draft = { .wall_ms = -1,
		.kind = EVENT_WRITE_FAILED,
		.notify = true,
		.found = true,
		.panel = UINT32_MAX,
		.scope = EVENT_SCOPE_INPUT,
		.channel = UINT32_MAX,
		.level = LEVEL_COUNT - 1,
		.severity = STATE_CRITICAL,
		.has_value = true,
		.has_limit = true,
		.value = INT32_MIN,
		.limit = INT32_MAX,
		.panel_name = "R\xc3\xa4um 'x'",
		.label = "",
		.text = "a \"text\"; -- of it" };
	struct name_change changes[] = { { 1, NAME_LABEL, 84, "Rack 7", "was" },
		{ 1, NAME_LOCATION, 0, "", "room" }, { 3, NAME_TENANT, 2, "acme", "" } };
	struct journal *journal = journal_open(dir, CAPACITY);
	struct journal_batch batch;
	struct event *event;
	struct names *names;
	struct stat file;
	int32_t last;

	(void)state;
	assert_true(stats_of(journal).lasts);
	assert_false(stats_of(journal).degraded);
	journal_begin(&batch, journal);
	journal_add(&batch, &draft);
	journal_add(&batch, &(struct event){ .kind = EVENT_AGENT_STARTED });
	journal_end(&batch);
	journal_set_names(journal, changes, ARRAY_LEN(changes), NULL, NULL);
	for (last = 1; last <= 30; last++)
		post_batch(journal, 1 + (uint32_t)last % PANELS, last, last % 3);
	event = journal_find(journal, 1);
	wait_stored(journal, 1);
	journal_delivered(journal, event);
	event_unref(event);
	journal_set_names(
		journal, &(struct name_change){ 3, NAME_TENANT, 2, NULL, "" }, 1, NULL, NULL);
	journal_close(journal);

	assert_int_equal(stat(in_dir("meterx.db"), &file), 0);
	assert_int_equal(file.st_mode & 0777, 0640);
	journal = journal_open(dir, CAPACITY);
	event = journal_find(journal, 1);
	assert_non_null(event);
	assert_int_equal(atomic_load(&event->mark), EVENT_STORED | EVENT_DELIVERED);
	assert_int_equal(event->wall_ms, draft.wall_ms);
	assert_int_equal(event->kind, draft.kind);
	assert_true(event->notify && event->found && event->has_value && event->has_limit);
	assert_int_equal(event->panel, draft.panel);
	assert_int_equal(event->scope, draft.scope);
	assert_int_equal(event->channel, draft.channel);
	assert_int_equal(event->level, draft.level);
	assert_int_equal(event->severity, draft.severity);
	assert_int_equal(event->value, draft.value);
	assert_int_equal(event->limit, draft.limit);
	assert_string_equal(event->panel_name, draft.panel_name);
	assert_string_equal(event->label, "");
	assert_string_equal(event->text, draft.text);
	event_unref(event);
	event = journal_find(journal, 2);
	assert_int_equal(atomic_load(&event->mark), EVENT_STORED);
	assert_false(event->notify || event->found || event->has_value || event->has_limit);
	assert_int_equal(event->kind, EVENT_AGENT_STARTED);
	event_unref(event);
	assert_int_equal(stats_of(journal).last, 2 + 30);
	assert_int_equal(stats_of(journal).undelivered, 30);
	names = journal_names(journal);
	assert_string_equal(names_get(names, 1, NAME_LABEL, 84, "was"), "Rack 7");
	assert_string_equal(names_get(names, 1, NAME_LOCATION, 0, "room"), "");
	assert_string_equal(names_get(names, 3, NAME_TENANT, 2, ""), "");
	names_unref(names);
	/* after an orderly end there is no gap in the numbers */
	assert_int_equal(post_batch(journal, 1, last, 1), 2 + 30 + 1);
	journal_close(journal);
}

static void what_was_forgotten_stays_forgotten(void **state)
{
	struct panel_conf panels[] = { { .index = 2 } };
	struct config config = { .panels = panels, .n_panels = 1 };
	struct name_change changes[] = { { 1, NAME_LABEL, 1, "one", "" },
		{ 2, NAME_LABEL, 1, "two", "" } };
	struct journal *journal = journal_open(dir, CAPACITY);
	struct journal_batch batch;
	struct panel_memory memory;
	struct names *names;

	(void)state;
	journal_set_names(journal, changes, 2, NULL, NULL);
	wait_stored(journal, post_batch(journal, 1, 1, 1));
	wait_stored(journal, post_batch(journal, 2, 3, 1));
	journal_begin(&batch, journal);
	journal_remember_panel(&batch, 1, &(struct panel_memory){ .serial = 5 });
	journal_remember_link(&batch, "link", false); /* not down any more */
	journal_end(&batch);
	journal_forget_others(journal, &config);
	journal_close(journal);
	journal = journal_open(dir, CAPACITY);
	assert_false(journal_panel(journal, 1, &memory));
	assert_false(journal_link_down(journal, "link"));
	assert_true(journal_panel(journal, 2, &memory));
	assert_int_equal(memory.book->n, 3);
	alarm_book_unref(memory.book);
	names = journal_names(journal);
	assert_string_equal(names_get(names, 1, NAME_LABEL, 1, ""), "");
	assert_string_equal(names_get(names, 2, NAME_LABEL, 1, ""), "two");
	names_unref(names);
	journal_close(journal);
}

static void the_file_is_bounded_too(void **state)
{
	struct journal *journal = journal_open(dir, CAPACITY);
	struct persist_set set;
	struct persist *persist;
	uint64_t last = 0;

	(void)state;
	for (int i = 1; i <= 300; i++)
		last = post_batch(journal, 1, i, 10);
	wait_stored(journal, last);
	journal_close(journal);
	persist = persist_open(dir, 100 * CAPACITY, &set);
	assert_non_null(persist);
	assert_int_equal(set.n_events, CAPACITY);
	assert_int_equal(set.events[0]->number, last - CAPACITY + 1);
	persist_set_free(&set);
	persist_close(persist);
	/* fewer are to be kept now */
	journal = journal_open(dir, 100);
	assert_int_equal(stats_of(journal).kept, 100);
	assert_int_equal(stats_of(journal).undelivered, 100);
	assert_int_equal(stats_of(journal).dropped, CAPACITY - 100);
	journal_close(journal);
	persist = persist_open(dir, 100 * CAPACITY, &set);
	assert_int_equal(set.n_events, 100);
	persist_set_free(&set);
	persist_close(persist);
}

/* kill -9 */

static struct shared {
	atomic_ullong given, stored, delivered; /* numbers: highest */
	atomic_int batch;
	atomic_uint marks; /* found by those who came after */
	atomic_bool told[1 << 20]; /* by number: seen to be told, which nobody else may be */
} * shared;

static void *post_stream(void *arg)
{
	struct journal *journal = arg;
	unsigned seed = (unsigned)time(NULL);

	for (;;) {
		int32_t batch = atomic_fetch_add(&shared->batch, 1) + 1;
		uint64_t last = post_batch(
			journal, 1 + (uint32_t)batch % PANELS, batch, 1 + rand_r(&seed) % 5);

		atomic_store(&shared->given, last);
		if (batch % 7 == 0)
			usleep(1000);
	}
	return NULL;
}

/* Marks are only of what was delivered. */
static unsigned check_marks(struct journal *journal)
{
	struct event *event = journal_next(journal, 0, true);
	unsigned marks = 0;

	while (event != NULL) {
		struct event *next = journal_next(journal, event->number, false);

		if (atomic_load(&event->mark) & EVENT_DELIVERED) {
			CHECK(atomic_load(&shared->told[event->number % (1 << 20)]));
			marks++;
		}
		event_unref(event);
		event = next;
	}
	return marks;
}

/* What could be told is there, or newer ones had it go. */
static void check_told(struct journal *journal)
{
	uint64_t stored = atomic_load(&shared->stored);
	struct event *event = journal_next(journal, 0, true);

	CHECK(event != NULL || stored == 0);
	if (event != NULL && event->number <= stored)
		CHECK(is_stored(journal, stored));
	if (event != NULL)
		event_unref(event);
}

/* Tells and has acknowledged; ends only by being killed. */
static void stream_until_killed(void)
{
	struct journal *journal = journal_open(dir, CAPACITY);
	uint64_t last = 0, before = atomic_load(&shared->given);
	pthread_t poster;

	check_batches(journal);
	CHECK(stats_of(journal).lasts && !stats_of(journal).degraded);
	check_told(journal);
	atomic_fetch_add(&shared->marks, check_marks(journal));
	CHECK(post_batch(journal, 1, atomic_fetch_add(&shared->batch, 1) + 1, 1) > before);
	pthread_create(&poster, NULL, post_stream, journal);
	for (;;) {
		struct event *event = journal_next_to_tell(journal, last);

		if (event == NULL) {
			usleep(200);
			continue;
		}
		last = event->number;
		atomic_store(&shared->stored, last);
		if (last % 3 != 0) {
			atomic_store(&shared->told[last % (1 << 20)], true);
			journal_delivered(journal, event);
			atomic_store(&shared->delivered, last);
		}
		event_unref(event);
	}
}

/* Until the child has had something delivered. */
static bool wait_delivered(uint64_t before)
{
	for (int i = 0; i < 20000 && atomic_load(&shared->delivered) == before; i++)
		usleep(1000);
	return atomic_load(&shared->delivered) != before;
}

#define KILLS 40

static void a_kill_loses_nothing_that_could_be_told(void **state)
{
	unsigned seed = (unsigned)time(NULL);
	struct journal *journal;
	bool delivers = true;

	(void)state;
	print_message("seed %u\n", seed);
	shared = mmap(
		NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(shared, MAP_FAILED);
	for (int i = 0; i < KILLS; i++) {
		uint64_t delivered = atomic_load(&shared->delivered);
		pid_t pid = fork();

		if (pid == 0) {
			stream_until_killed();
			_exit(1);
		}
		if (i % 2 != 0) /* else perhaps while it opens the file */
			delivers = wait_delivered(delivered);
		usleep((useconds_t)(rand_r(&seed) % 60000));
		kill(pid, SIGKILL);
		expect_child(pid, SIGKILL);
		assert_true(delivers);
	}
	journal = journal_open(dir, CAPACITY);
	check_batches(journal);
	check_marks(journal);
	assert_true(post_batch(journal, 1, atomic_load(&shared->batch) + 1, 1) >
		    atomic_load(&shared->given));
	journal_close(journal);
	journal = journal_open(dir, CAPACITY);
	check_marks(journal);
	journal_close(journal);
	print_message("%d kills, %llu numbers, %d batches; %u marks found behind them\n", KILLS,
		(unsigned long long)atomic_load(&shared->given), atomic_load(&shared->batch),
		atomic_load(&shared->marks));
	assert_true(atomic_load(&shared->stored) > 0 && atomic_load(&shared->marks) > 0);
	munmap(shared, sizeof(*shared));
}

/* A log that ends early, as after a power cut */

#define TRANSACTIONS 40

static void fill_log(void)
{
	struct journal *journal = journal_open(dir, CAPACITY);

	for (int i = 1; i <= TRANSACTIONS; i++)
		wait_stored(journal, post_batch(journal, 1 + (uint32_t)i % PANELS, i, 1 + i % 7));
	end_child(); /* the journal has none */
}

static int32_t open_cut(const char *source, size_t length)
{
	char from[700];
	struct journal *journal;
	int32_t batch;

	snprintf(from, sizeof(from), "%s/meterx.db", source);
	copy_file(from, in_dir("meterx.db"), SIZE_MAX);
	snprintf(from, sizeof(from), "%s/meterx.db-wal", source);
	copy_file(from, in_dir("meterx.db-wal"), length);
	unlink(in_dir("meterx.db-shm"));
	journal = journal_open(dir, CAPACITY);
	assert_string_equal(find_file("meterx.db.damaged"), "");
	assert_true(stats_of(journal).lasts && !stats_of(journal).degraded);
	batch = check_batches(journal);
	journal_close(journal);
	return batch;
}

static void a_log_cut_off_is_a_state_of_before(void **state)
{
	unsigned seed = (unsigned)time(NULL), states = 0, cuts = 0;
	char source[300];
	struct stat log;
	int32_t before = 0, batch = 0;

	(void)state;
	print_message("seed %u\n", seed);
	in_child(fill_log);
	snprintf(source, sizeof(source), "%s/source", folder);
	assert_int_equal(rename(dir, source), 0);
	mkdir(dir, 0755);
	assert_int_equal(stat(in_dir("../source/meterx.db-wal"), &log), 0);
	assert_true(log.st_size > TRANSACTIONS * 4096);
	for (off_t at = 0; at <= log.st_size; at += 24 + 4096, cuts += 2) {
		/* at a page of the log, and somewhere behind it */
		batch = open_cut(source, (size_t)at + 32);
		assert_true(batch >= before);
		states += batch != before;
		before = batch;
		assert_int_equal(
			open_cut(source, (size_t)at + 33 + (size_t)rand_r(&seed) % (24 + 4096 - 1)),
			batch);
	}
	print_message("%u cuts, %u states\n", cuts, states);
	assert_int_equal(batch, TRANSACTIONS);
	assert_int_equal(states, TRANSACTIONS);
}

/* Full disks */

static void wait_degraded(struct journal *journal, bool degraded)
{
	for (int i = 0; i < 20000 && stats_of(journal).degraded != degraded; i++)
		usleep(1000);
	CHECK(stats_of(journal).degraded == degraded);
}

static atomic_int name_rc;

static void note_rc(void *arg, int rc, uint64_t revision)
{
	(void)arg;
	(void)revision;
	atomic_store(&name_rc, rc);
}

/* fill() takes what room there is, give() gives it back. */
static void live_through_full_disk(void (*fill)(void), void (*give)(void))
{
	struct name_change change = { 1, NAME_LABEL, 1, "set", "" };
	struct journal *journal = journal_open(dir, CAPACITY);
	uint64_t last = 0;
	struct journal_batch batch;
	struct names *names;
	struct event *event;
	char link[32];
	int n_links = 0;

	wait_stored(journal, post_batch(journal, 1, 1, 2));
	CHECK(!stats_of(journal).degraded);
	fill();
	for (int i = 2; !stats_of(journal).degraded && i < 300; i++) {
		/* each link once, so also in what could not be stored */
		n_links = i;
		snprintf(link, sizeof(link), "link %d", i);
		journal_begin(&batch, journal);
		journal_remember_link(&batch, link, true);
		journal_end(&batch);
		last = post_batch(journal, 1 + (uint32_t)i % PANELS, i, 3);
		wait_stored(journal, last);
	}
	CHECK(stats_of(journal).degraded);
	CHECK(stats_of(journal).unstored > 0);
	CHECK(stats_of(journal).dropped == 0);
	/* told all the same, at once, in order */
	last = post_batch(journal, 1, 1000, 3);
	wait_stored(journal, last);
	event = journal_next_to_tell(journal, last - 3);
	CHECK(event != NULL && event->number == last - 2);
	journal_delivered(journal, event);
	event_unref(event);
	/* a name that would be lost is refused */
	atomic_store(&name_rc, 1);
	journal_set_names(journal, &change, 1, note_rc, NULL);
	for (int i = 0; i < 20000 && atomic_load(&name_rc) == 1; i++)
		usleep(1000);
	CHECK(atomic_load(&name_rc) < 0);
	names = journal_names(journal);
	CHECK(strcmp(names_get(names, 1, NAME_LABEL, 1, ""), "") == 0);
	names_unref(names);
	give();
	wait_degraded(journal, false);
	journal_close(journal);
	journal = journal_open(dir, CAPACITY);
	CHECK(check_batches(journal) == 1000);
	for (int i = 2; i <= n_links; i++) {
		snprintf(link, sizeof(link), "link %d", i);
		CHECK(journal_link_down(journal, link));
	}
	CHECK(stats_of(journal).last == last);
	CHECK(stats_of(journal).kept == last);
	CHECK(stats_of(journal).undelivered == last - 1);
	CHECK(post_batch(journal, 1, 1001, 1) == last + 1);
	journal_close(journal);
}

static void fill_file_size(void)
{
	struct stat file;
	struct rlimit limit = { 0, RLIM_INFINITY };

	CHECK(stat(in_dir("meterx.db-wal"), &file) == 0);
	limit.rlim_cur = (rlim_t)file.st_size + 3 * 4096;
	CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

static void give_file_size(void)
{
	CHECK(setrlimit(RLIMIT_FSIZE, &(struct rlimit){ RLIM_INFINITY, RLIM_INFINITY }) == 0);
}

static void limited_file_size(void)
{
	signal(SIGXFSZ, SIG_IGN);
	live_through_full_disk(fill_file_size, give_file_size);
}

static void fill_disk(void)
{
	char block[1024] = { 0 };
	int fd = open(in_dir("ballast"), O_WRONLY | O_CREAT, 0600);

	CHECK(fd >= 0);
	while (write(fd, block, sizeof(block)) > 0)
		;
	CHECK(errno == ENOSPC);
	close(fd);
}

static void give_disk(void)
{
	CHECK(unlink(in_dir("ballast")) == 0);
}

static bool write_line(const char *path, const char *line)
{
	FILE *file = fopen(path, "w");

	return file != NULL && fputs(line, file) >= 0 && fclose(file) == 0;
}

/* A disk of our own, that nobody else sees. */
static bool mount_small_disk(void)
{
	unsigned user = geteuid();
	char users[32], groups[32];

	snprintf(users, sizeof(users), "0 %u 1", user);
	snprintf(groups, sizeof(groups), "0 %u 1", getegid());
	if (unshare(user == 0 ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return false;
	if (user != 0 && (!write_line("/proc/self/setgroups", "deny") ||
				 !write_line("/proc/self/uid_map", users) ||
				 !write_line("/proc/self/gid_map", groups)))
		return false;
	if (mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0)
		return false;
	return mount("none", dir, "tmpfs", 0, "size=1m,mode=700") == 0;
}

static void small_disk(void)
{
	mkdir(dir, 0755);
	if (!mount_small_disk()) {
		fprintf(stderr, "no disk of our own: left out\n");
		return;
	}
	live_through_full_disk(fill_disk, give_disk);
}

/* Full from the beginning: a file that was there is read, numbers go on. */
static void full_at_start(void)
{
	struct journal *journal;
	uint64_t last;

	mkdir(dir, 0755);
	if (!mount_small_disk())
		return;
	journal = journal_open(dir, CAPACITY);
	last = post_batch(journal, 1, 1, 2);
	wait_stored(journal, last);
	journal_close(journal);
	fill_disk();
	journal = journal_open(dir, CAPACITY);
	CHECK(check_batches(journal) == 1);
	CHECK(post_batch(journal, 2, 2, 2) > last);
	wait_degraded(journal, true);
	last = post_batch(journal, 2, 3, 2);
	wait_stored(journal, last);
	give_disk();
	wait_degraded(journal, false);
	journal_close(journal);
	journal = journal_open(dir, CAPACITY);
	CHECK(check_batches(journal) == 3);
	CHECK(stats_of(journal).last == last);
	journal_close(journal);
}

static void a_full_disk_is_lived_through(void **state)
{
	(void)state;
	catch_log();
	in_child(limited_file_size);
	assert_int_equal(end_log("cannot be stored"), 1);
}

static void a_disk_without_room_is_lived_through(void **state)
{
	(void)state;
	catch_log();
	in_child(small_disk);
	assert_true(end_log("stored again") <= 1);
}

static void a_disk_full_at_start_is_lived_through(void **state)
{
	(void)state;
	in_child(full_at_start);
}

/* Where writing is not allowed */

/* A path that would be something else in a URI. */
/* A disk that neither takes nor refuses: SQLite calls these. */

static atomic_bool disk_hangs;

/*
 * Nothing here loses what the kernel holds, and the disk of a busy host that is really
 * asked may take its seconds: then it would be one that hangs, in every test of this file.
 */
static int sync_when_it_may(void)
{
	while (atomic_load(&disk_hangs))
		usleep(1000);
	return 0;
}

int fdatasync(int fd)
{
	(void)fd;
	return sync_when_it_may();
}

int fsync(int fd)
{
	(void)fd;
	return sync_when_it_may();
}

static void a_disk_that_does_not_answer_is_not_waited_for(void **state)
{
	struct journal *journal = journal_open(dir, CAPACITY);
	uint64_t last = post_batch(journal, 1, 1, 2);
	struct event *event;

	(void)state;
	wait_stored(journal, last);
	assert_int_equal(stats_of(journal).unstored, 0);
	atomic_store(&disk_hangs, true);
	catch_log();
	last = post_batch(journal, 2, 2, 2);
	for (int i = 0; i < 20000 && !is_stored(journal, last); i++)
		usleep(1000);
	event = journal_next_to_tell(journal, last - 1);
	assert_true(stats_of(journal).degraded);
	last = post_batch(journal, 1, 3, 2);
	for (int i = 0; i < 20000 && !is_stored(journal, last); i++)
		usleep(1000);
	assert_int_equal(stats_of(journal).unstored, 4);
	atomic_store(&disk_hangs, false); /* whatever comes next, the thread has to end */
	assert_non_null(event);
	event_unref(event);
	wait_degraded(journal, false);
	wait_stored(journal, post_batch(journal, 2, 4, 2));
	journal_close(journal);
	assert_int_equal(end_log("has not answered"), 1);
	journal = journal_open(dir, CAPACITY);
	assert_int_equal(check_batches(journal), 4);
	assert_int_equal(stats_of(journal).kept, 8);
	journal_close(journal);
}

static void the_folder_may_have_any_name(void **state)
{
	static const char *const names[] = { "%2f", "a?mode=memory", "#b", "c d", "\xc3\xa9 %" };
	struct journal *journal;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(
			dir, sizeof(dir), "/%s/%s", folder, names[i]); /* begins with two slashes */
		for (int turn = 0; turn < 2; turn++) {
			journal = journal_open(dir, CAPACITY);
			assert_true(stats_of(journal).lasts && !stats_of(journal).degraded);
			assert_int_equal(check_batches(journal), turn);
			post_batch(journal, 1, turn + 1, 1);
			journal_close(journal);
		}
		assert_int_equal(access(in_dir("meterx.db"), F_OK), 0);
	}
}

static void own_by_nobody(void)
{
	static const char *const names[] = { "meterx.db", "meterx.lock", "" };

	if (geteuid() != 0)
		return;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		CHECK(chown(in_dir(names[i]), NOBODY, NOBODY) == 0);
	CHECK(setgid(NOBODY) == 0 && setuid(NOBODY) == 0);
}

static void read_only_folder(void)
{
	struct journal *journal;
	uint64_t last;

	own_by_nobody();
	CHECK(chmod(in_dir("meterx.db"), 0444) == 0 && chmod(in_dir("meterx.lock"), 0444) == 0);
	CHECK(chmod(dir, 0555) == 0);
	journal = journal_open(dir, CAPACITY);
	CHECK(stats_of(journal).degraded);
	CHECK(check_batches(journal) == 2); /* what was known is known */
	CHECK(stats_of(journal).last == 4);
	last = post_batch(journal, 1, 3, 2);
	CHECK(last == 6);
	wait_stored(journal, last);
	CHECK(stats_of(journal).unstored == 2);
	CHECK(chmod(dir, 0755) == 0 && chmod(in_dir("meterx.db"), 0644) == 0 &&
		chmod(in_dir("meterx.lock"), 0644) == 0);
	wait_degraded(journal, false);
	journal_close(journal);
	journal = journal_open(dir, CAPACITY);
	CHECK(check_batches(journal) == 3);
	CHECK(stats_of(journal).kept == 6);
	journal_close(journal);
}

static void secret_file(void)
{
	struct journal *journal;

	own_by_nobody();
	CHECK(chmod(in_dir("meterx.db"), 0) == 0);
	journal = journal_open(dir, CAPACITY);
	CHECK(!stats_of(journal).lasts && stats_of(journal).last == 0);
	wait_stored(journal, post_batch(journal, 1, 1, 1));
	CHECK(stats_of(journal).unstored == 1);
	journal_close(journal);
}

static void two_batches(void)
{
	struct journal *journal = journal_open(dir, CAPACITY);

	post_batch(journal, 1, 1, 2);
	post_batch(journal, 2, 2, 2);
	journal_close(journal);
}

static void a_folder_for_reading_only(void **state)
{
	(void)state;
	two_batches();
	catch_log();
	in_child(read_only_folder);
	assert_int_equal(end_log("memory only, until it can be written"), 1);
}

static void a_file_not_for_us(void **state)
{
	(void)state;
	two_batches();
	catch_log();
	in_child(secret_file);
	assert_int_equal(end_log("memory only"), 1);
}

static void a_folder_that_cannot_be_made(void **state)
{
	struct journal *journal;

	(void)state;
	catch_log();
	snprintf(dir, sizeof(dir), "%s/no/state", folder);
	journal = journal_open(dir, CAPACITY);
	assert_true(stats_of(journal).degraded);
	wait_stored(journal, post_batch(journal, 1, 1, 1));
	/* it comes later */
	snprintf(dir, sizeof(dir), "%s/no", folder);
	mkdir(dir, 0755);
	snprintf(dir, sizeof(dir), "%s/no/state", folder);
	wait_degraded(journal, false);
	journal_close(journal);
	assert_int_equal(end_log("memory only"), 1);
	journal = journal_open(dir, CAPACITY);
	assert_int_equal(check_batches(journal), 1);
	journal_close(journal);
}

static void two_agents_do_not_share(void **state)
{
	struct journal *first, *second;

	(void)state;
	first = journal_open(dir, CAPACITY);
	wait_stored(first, post_batch(first, 1, 1, 1));
	catch_log();
	second = journal_open(dir, CAPACITY);
	assert_int_equal(end_log("another meterxd uses it"), 1);
	assert_false(stats_of(second).lasts);
	assert_int_equal(stats_of(second).kept, 0);
	wait_stored(second, post_batch(second, 1, 5, 1));
	journal_close(second);
	wait_stored(first, post_batch(first, 1, 2, 1));
	journal_close(first);
	first = journal_open(dir, CAPACITY);
	assert_int_equal(check_batches(first), 2);
	journal_close(first);
}

/* Damage */

static void write_at(const char *path, long at, const void *bytes, size_t n)
{
	FILE *file = fopen(path, at < 0 ? "w" : "r+");

	assert_non_null(file);
	if (at > 0)
		fseek(file, at, SEEK_SET);
	fwrite(bytes, 1, n, file);
	fclose(file);
}

static void make_zeros(void)
{
	char zeros[8192] = { 0 };

	write_at(in_dir("meterx.db"), -1, zeros, sizeof(zeros));
}

static void make_text(void)
{
	write_at(in_dir("meterx.db"), -1, "This is no database.\n", 21);
}

static void make_noise(void)
{
	unsigned seed = 5;
	char noise[20000];

	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (char)rand_r(&seed);
	write_at(in_dir("meterx.db"), 4096, noise, sizeof(noise));
}

/* Not a page that a check of the whole misses: a root of a table. */
static void make_hole(void)
{
	char zeros[4096] = { 0 };

	write_at(in_dir("meterx.db"), 8192, zeros, sizeof(zeros));
}

static void make_short(void)
{
	assert_int_equal(truncate(in_dir("meterx.db"), 4096 * 3 - 100), 0);
}

/* Nothing that is read at the start: it would be found out much later. */
static void make_wrong_freelist(void)
{
	write_at(in_dir("meterx.db"), 36, "\0\0\0\5", 4);
}

static void make_foreign(void)
{
	write_at(in_dir("meterx.db"), 68, "\x12\x34\x56\x78", 4);
}

static void make_folder_there(void)
{
	unlink(in_dir("meterx.db"));
	assert_int_equal(mkdir(in_dir("meterx.db"), 0755), 0);
}

static const struct damage {
	const char *name;
	void (*make)(void);
} damages[] = {
	{ "zeros", make_zeros },
	{ "text", make_text },
	{ "noise in the middle", make_noise },
	{ "a hole", make_hole },
	{ "too short", make_short },
	{ "a wrong list of free pages", make_wrong_freelist },
	{ "another program's", make_foreign },
	{ "a folder", make_folder_there },
};

static void check_damage(const struct damage *damage)
{
	struct journal *journal;
	char *before = NULL, *after, *aside;
	size_t size = 0, size_after;
	uint64_t last;

	print_message("%s\n", damage->name);
	two_batches();
	damage->make();
	before = text_read_file(in_dir("meterx.db"), 1 << 26, &size);
	catch_log();
	journal = journal_open(dir, CAPACITY);
	assert_int_equal(end_log("is damaged"), 1);
	aside = find_file("meterx.db.damaged-");
	assert_string_not_equal(aside, "");
	if (before != NULL) {
		after = text_read_file(in_dir(aside), 1 << 26, &size_after);
		assert_int_equal(size_after, size);
		assert_memory_equal(before, after, size);
		free(after);
	}
	assert_true(stats_of(journal).lasts && !stats_of(journal).degraded);
	assert_int_equal(stats_of(journal).kept, 0);
	last = post_batch(journal, 1, 1, 2);
	wait_stored(journal, last);
	journal_close(journal);
	journal = journal_open(dir, CAPACITY);
	assert_int_equal(check_batches(journal), 1);
	assert_int_equal(stats_of(journal).last, last);
	journal_close(journal);
	free(before);
	empty_dir(dir);
}

static void damaged_files_are_set_aside(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(damages); i++)
		check_damage(&damages[i]);
}

/* A sound database in which somebody has written what no agent would. */

static const char *const forgeries[] = {
	"UPDATE meta SET value = 1 << 33 WHERE name = 'reserved'",
	"UPDATE event SET number = 1 << 33 WHERE number = 2",
	"UPDATE event SET number = -1 WHERE number = 2",
	"UPDATE event SET wall_ms = 'x' WHERE number = 2",
	"UPDATE event SET wall_ms = 1e300 WHERE number = 2",
	"UPDATE event SET kind = 0",
	"UPDATE event SET kind = 99",
	"UPDATE event SET scope = 8",
	"UPDATE event SET channel = -1",
	"UPDATE event SET level = 8",
	"UPDATE event SET severity = 9",
	"UPDATE event SET text = zeroblob(9)",
	"UPDATE event SET text = printf('%.*c', 1000000, 'x')",
	"UPDATE event SET label = 'a' || char(0) || 'b'",
	"UPDATE event SET panel_name = NULL",
	"UPDATE alarm SET event = 1 << 20 WHERE key = (SELECT max(key) FROM alarm)",
	"UPDATE alarm SET uncounted = -2147483648",
	"UPDATE alarm SET uncounted = 2147483647",
	"UPDATE alarm SET meter_count = 1 << 40",
	"UPDATE alarm SET key = (99 << 40) + 1 WHERE panel = 1 AND key = (SELECT max(key) FROM alarm)",
	"UPDATE alarm SET active = 2",
	"UPDATE link SET name = printf('%.*c', 1025, 'x')",
	"INSERT INTO name VALUES (1, 1, 1, 'a' || char(10), '')",
	"INSERT INTO name VALUES (1, 9, 1, 'a', '')",
	"ALTER TABLE event RENAME TO was; CREATE TABLE event AS SELECT * FROM was; "
	"INSERT INTO event SELECT * FROM was",
	"ALTER TABLE panel RENAME TO was; CREATE TABLE panel AS SELECT * FROM was; "
	"INSERT INTO panel SELECT * FROM was; INSERT INTO panel SELECT * FROM was",
	"ALTER TABLE alarm RENAME TO was; CREATE TABLE alarm AS SELECT * FROM was; "
	"INSERT INTO alarm SELECT * FROM was",
	"ALTER TABLE link RENAME TO was; CREATE TABLE link AS SELECT * FROM was; "
	"INSERT INTO link SELECT * FROM was",
	"ALTER TABLE event RENAME TO was; CREATE VIEW event AS SELECT * FROM was",
	"ALTER TABLE panel ADD COLUMN needed NOT NULL DEFAULT 0 CHECK (needed > 0)",
};

static void forge(const char *sql)
{
	sqlite3 *db;
	char *error = NULL;

	assert_int_equal(sqlite3_open(in_dir("meterx.db"), &db), SQLITE_OK);
	sqlite3_exec(db, "PRAGMA ignore_check_constraints = ON", NULL, NULL, NULL);
	if (sqlite3_exec(db, sql, NULL, NULL, &error) != SQLITE_OK)
		print_message("%s\n", error); /* what SQLite itself forbids */
	sqlite3_free(error);
	sqlite3_close(db);
}

/* Set aside at the start, or as soon as it is written to. */
static void forged_files_are_set_aside(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(forgeries); i++) {
		bool forged = strstr(forgeries[i], "NULL") == NULL ||
			      strstr(forgeries[i], "NOT NULL") != NULL;
		struct journal *journal;
		uint64_t last;

		print_message("%s\n", forgeries[i]);
		two_batches();
		forge(forgeries[i]);
		catch_log();
		journal = journal_open(dir, CAPACITY);
		last = post_batch(journal, 1, 3, 2);
		wait_stored(journal, last);
		assert_int_equal(end_log("is damaged"), forged);
		assert_true(last <= UINT32_MAX);
		assert_true(stats_of(journal).lasts && !stats_of(journal).degraded);
		journal_close(journal);
		journal = journal_open(dir, CAPACITY);
		assert_int_equal(check_batches(journal), 3);
		assert_int_equal(stats_of(journal).last, last);
		journal_close(journal);
		empty_dir(dir);
	}
}

/* Nothing is lost for what can be shown with '?' in its place. */
static void forged_texts_are_cleaned(void **state)
{
	struct journal *journal;
	struct event *event;

	(void)state;
	two_batches();
	forge("UPDATE event SET text = char(27) || '[2J' || char(10) || 'RPP ' || char(0x9b), "
	      "label = CAST(x'ff41' AS TEXT), panel_name = char(7) WHERE number = 2");
	catch_log();
	journal = journal_open(dir, CAPACITY);
	assert_int_equal(end_log("is damaged"), 0);
	event = journal_find(journal, 2);
	assert_non_null(event);
	assert_string_equal(event->text, "?[2J?RPP ??");
	assert_string_equal(event->label, "?A");
	assert_string_equal(event->panel_name, "?");
	event_unref(event);
	journal_close(journal);
}

static void numbers_go_on_after_damage(void **state)
{
	struct journal *journal;

	(void)state;
	two_batches();
	make_foreign();
	journal = journal_open(dir, CAPACITY);
	assert_true(post_batch(journal, 1, 1, 1) > 4);
	journal_close(journal);
}

static void a_newer_file_is_left_alone(void **state)
{
	struct journal *journal;
	char *before, *after;
	size_t size, size_after;

	(void)state;
	two_batches();
	write_at(in_dir("meterx.db"), 60, "\0\0\0\x09", 4);
	before = text_read_file(in_dir("meterx.db"), 1 << 26, &size);
	catch_log();
	journal = journal_open(dir, CAPACITY);
	assert_int_equal(end_log("of a newer version of MeterX (format 9, known here: 1)"), 1);
	assert_false(stats_of(journal).lasts);
	wait_stored(journal, post_batch(journal, 1, 1, 1));
	journal_close(journal);
	after = text_read_file(in_dir("meterx.db"), 1 << 26, &size_after);
	assert_int_equal(size, size_after);
	assert_memory_equal(before, after, size);
	assert_string_equal(find_file("meterx.db.damaged-"), "");
	free(before);
	free(after);
}

static void a_file_taken_away_is_made_anew(void **state)
{
	struct journal *journal = journal_open(dir, CAPACITY);
	uint64_t last;

	(void)state;
	for (int i = 1; i <= 10; i++)
		last = post_batch(journal, 1, i, 2);
	wait_stored(journal, last);
	empty_dir(dir);
	catch_log();
	last = post_batch(journal, 2, 11, 2);
	wait_stored(journal, last);
	assert_int_equal(end_log("was deleted or replaced"), 1);
	journal_close(journal);
	journal = journal_open(dir, CAPACITY);
	assert_int_equal(check_batches(journal), 11);
	assert_int_equal(stats_of(journal).kept, 22);
	journal_close(journal);
}

/* Found out while running: all that is in memory is stored anew. */
static void a_file_damaged_while_in_use(void **state)
{
	const size_t capacity = 100000; /* more than SQLite keeps in memory */
	struct journal *journal = journal_open(dir, capacity);
	static char noise[1 << 20];
	struct stat file;
	uint64_t last = 0;

	(void)state;
	for (int i = 1; i <= 300; i++)
		last = post_batch(journal, 1 + (uint32_t)i % PANELS, i, 400);
	wait_stored(journal, last);
	assert_int_equal(stat(in_dir("meterx.db"), &file), 0);
	memset(noise, 0x55, sizeof(noise));
	catch_log();
	for (long at = 4096; at < file.st_size; at += (long)sizeof(noise))
		write_at(in_dir("meterx.db"), at, noise, sizeof(noise));
	assert_int_equal(stat(in_dir("meterx.db-wal"), &file), 0);
	for (long at = 32; at < file.st_size; at += (long)sizeof(noise))
		write_at(in_dir("meterx.db-wal"), at, noise, sizeof(noise));
	for (int i = 301; i <= 310; i++) {
		last = post_batch(journal, 1 + (uint32_t)i % PANELS, i, 400);
		wait_stored(journal, last);
	}
	journal_close(journal);
	assert_int_equal(end_log("is damaged"), 1);
	assert_string_not_equal(find_file("meterx.db.damaged-"), "");
	journal = journal_open(dir, capacity);
	assert_int_equal(stats_of(journal).kept, capacity);
	assert_int_equal(stats_of(journal).last, last);
	assert_int_equal(check_batches(journal), 310);
	assert_true(post_batch(journal, 1, 311, 1) > last);
	journal_close(journal);
}

/* A file of which any byte may be wrong is opened or set aside, whatever it says. */
static void any_byte_may_be_wrong(void **state)
{
	unsigned seed = (unsigned)time(NULL), aside = 0;
	char source[320];
	struct stat file;

	(void)state;
	print_message("seed %u\n", seed);
	two_batches();
	snprintf(source, sizeof(source), "%s/good", folder);
	copy_file(in_dir("meterx.db"), source, SIZE_MAX);
	assert_int_equal(stat(source, &file), 0);
	for (int i = 0; i < 300; i++) {
		struct journal *journal;

		empty_dir(dir);
		copy_file(source, in_dir("meterx.db"), SIZE_MAX);
		for (int n = 1 + rand_r(&seed) % 20; n > 0; n--) {
			char byte = (char)rand_r(&seed);

			write_at(in_dir("meterx.db"), rand_r(&seed) % file.st_size, &byte, 1);
		}
		journal = journal_open(dir, CAPACITY);
		aside += find_file("meterx.db.damaged-")[0] != '\0';
		wait_stored(journal, post_batch(journal, 1, 1, 1));
		journal_close(journal);
	}
	print_message("%u of 300 set aside\n", aside);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(everything_comes_back),
		TEST(what_was_forgotten_stays_forgotten),
		TEST(the_file_is_bounded_too),
		TEST(a_kill_loses_nothing_that_could_be_told),
		TEST(a_log_cut_off_is_a_state_of_before),
		TEST(a_full_disk_is_lived_through),
		TEST(a_disk_without_room_is_lived_through),
		TEST(a_disk_full_at_start_is_lived_through),
		TEST(a_disk_that_does_not_answer_is_not_waited_for),
		TEST(the_folder_may_have_any_name),
		TEST(a_folder_for_reading_only),
		TEST(a_file_not_for_us),
		TEST(a_folder_that_cannot_be_made),
		TEST(two_agents_do_not_share),
		TEST(damaged_files_are_set_aside),
		TEST(forged_files_are_set_aside),
		TEST(forged_texts_are_cleaned),
		TEST(numbers_go_on_after_damage),
		TEST(a_newer_file_is_left_alone),
		TEST(a_file_taken_away_is_made_anew),
		TEST(a_file_damaged_while_in_use),
		TEST(any_byte_may_be_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
