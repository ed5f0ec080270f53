/* Order, batches, marks and names of the journal, without a file. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <pthread.h>
#include <unistd.h>

#include <cmocka.h>

#include "alarm/journal.h"
#include "core/util.h"

#define CAPACITY 100

static struct journal *journal;

static int open_journal(void **state)
{
	(void)state;
	journal = journal_open(NULL, CAPACITY);
	return 0;
}

static int close_journal(void **state)
{
	(void)state;
	journal_close(journal);
	journal = NULL;
	return 0;
}

static uint64_t post(bool notify, const char *text)
{
	struct journal_batch batch;
	struct event draft = { .kind = EVENT_RAISED, .notify = notify, .text = text };

	journal_begin(&batch, journal);
	draft.number = journal_number(&batch);
	journal_add(&batch, &draft);
	journal_end(&batch);
	return draft.number;
}

static struct journal_stats stats(void)
{
	struct journal_stats now;

	journal_stats(journal, &now);
	return now;
}

/* The number, 0 for none; the reference is dropped. */
static uint64_t number_of(struct event *event)
{
	uint64_t number = event != NULL ? event->number : 0;

	event_unref(event);
	return number;
}

static struct event *next_to_tell(uint64_t number)
{
	struct event *event;

	/* the journal's thread makes it ready */
	for (int i = 0; i < 5000; i++) {
		event = journal_next_to_tell(journal, number);
		if (event != NULL)
			return event;
		usleep(1000);
	}
	return NULL;
}

static void deliver(uint64_t number)
{
	struct event *event = journal_find(journal, number);

	assert_non_null(event);
	journal_delivered(journal, event);
	event_unref(event);
}

static void events_are_found_by_number(void **state)
{
	struct journal_batch batch;
	struct event *event;
	uint64_t first, second, unused;

	(void)state;
	assert_int_equal(stats().last, 0);
	assert_null(journal_next(journal, 0, true));
	/* added in another order than numbered, and one number not used */
	journal_begin(&batch, journal);
	first = journal_number(&batch);
	unused = journal_number(&batch);
	second = journal_number(&batch);
	assert_int_equal(first, 1);
	journal_add(&batch, &(struct event){ .number = second, .text = "second", .label = "b" });
	journal_add(&batch, &(struct event){ .number = first, .text = "first" });
	journal_add(&batch, &(struct event){ .text = "third" });
	assert_null(journal_next(journal, 0, true));
	journal_end(&batch);

	assert_null(journal_find(journal, unused));
	event = journal_find(journal, second);
	assert_string_equal(event->text, "second");
	assert_string_equal(event->label, "b");
	assert_string_equal(event->panel_name, "");
	event_unref(event);
	assert_int_equal(number_of(journal_next(journal, 0, false)), first);
	assert_int_equal(number_of(journal_next(journal, first, true)), first);
	assert_int_equal(number_of(journal_next(journal, first, false)), second);
	assert_int_equal(number_of(journal_next(journal, unused, true)), second);
	assert_int_equal(number_of(journal_next(journal, second, false)), second + 1);
	assert_null(journal_next(journal, second + 1, false));
	assert_null(journal_next(journal, UINT64_MAX, false));
	assert_int_equal(stats().last, 4);
	assert_int_equal(stats().kept, 3);
	assert_int_equal(stats().undelivered, 0);
}

static void what_is_to_be_told_comes_in_order(void **state)
{
	uint64_t first, quiet, second, third;

	(void)state;
	first = post(true, "first");
	quiet = post(false, "quiet");
	second = post(true, "second");
	third = post(true, "third");
	assert_int_equal(number_of(next_to_tell(third - 1)), third);
	assert_int_equal(stats().undelivered, 3);
	assert_int_equal(number_of(journal_next_to_tell(journal, 0)), first);
	assert_int_equal(number_of(journal_next_to_tell(journal, first)), second);
	deliver(second); /* acknowledgements overtake each other */
	deliver(second);
	assert_int_equal(stats().undelivered, 2);
	assert_int_equal(number_of(journal_next_to_tell(journal, first)), third);
	assert_int_equal(number_of(journal_next_to_tell(journal, 0)), first);
	deliver(first);
	deliver(quiet);
	assert_int_equal(stats().undelivered, 1);
	assert_int_equal(number_of(journal_next_to_tell(journal, 0)), third);
	deliver(third);
	assert_null(journal_next_to_tell(journal, 0));
	assert_int_equal(stats().undelivered, 0);
	assert_int_equal(stats().dropped, 0);
	assert_int_equal(stats().unstored, 0);
	assert_false(stats().lasts);
	assert_false(stats().degraded);
}

static void the_oldest_goes_and_is_counted(void **state)
{
	(void)state;
	for (int i = 1; i <= CAPACITY; i++)
		assert_int_equal(post(i != 2, "fills"), i);
	assert_int_equal(number_of(next_to_tell(CAPACITY - 1)), CAPACITY);
	deliver(1);
	assert_int_equal(stats().undelivered, CAPACITY - 2);
	post(true, "one more"); /* 1 goes, delivered */
	post(true, "one more"); /* 2 goes, was not to be told */
	assert_int_equal(stats().dropped, 0);
	post(true, "one more"); /* 3 goes */
	assert_int_equal(stats().dropped, 1);
	assert_int_equal(stats().kept, CAPACITY);
	assert_int_equal(stats().undelivered, CAPACITY);
	assert_int_equal(number_of(journal_next(journal, 0, true)), 4);
	assert_int_equal(number_of(journal_next_to_tell(journal, 0)), 4);
	assert_null(journal_find(journal, 3));
}

static void a_batch_may_be_larger_than_what_is_kept(void **state)
{
	struct journal_batch batch;

	(void)state;
	journal_begin(&batch, journal);
	for (int i = 0; i < 3 * CAPACITY; i++)
		journal_add(&batch, &(struct event){ .notify = true });
	journal_end(&batch);
	assert_int_equal(stats().kept, CAPACITY);
	assert_int_equal(stats().dropped, 2 * CAPACITY);
	assert_int_equal(number_of(journal_next(journal, 0, true)), 2 * CAPACITY + 1);
	assert_int_equal(number_of(next_to_tell(0)), 2 * CAPACITY + 1);
}

static void panels_and_links_are_remembered(void **state)
{
	struct panel_memory memory, none = { .serial = -1 };
	struct alarm alarm = { .key = 7, .latched = true, .event = 3 };
	struct alarm_book *book = alarm_book_build(&alarm, 1, true, true);
	struct panel_conf panels[] = { { .index = 2 } };
	struct link_conf links[] = { { .name = (char *)(uintptr_t) "b" } };
	struct config config = { .panels = panels, .n_panels = 1, .links = links, .n_links = 1 };
	struct journal_batch batch;
	char orphan[CONF_NAME_MAX + 1];

	(void)state;
	assert_false(journal_panel(journal, 1, &memory));
	journal_begin(&batch, journal);
	journal_remember_panel(&batch, 1, &none); /* the later one counts */
	journal_remember_panel(&batch, 1,
		&(struct panel_memory){ .serial = 99, .told_online = true, .book = book });
	journal_remember_link(&batch, "a", true);
	assert_false(journal_link_down(journal, "a"));
	journal_end(&batch);
	journal_begin(&batch, journal);
	journal_remember_panel(&batch, 2, &none);
	journal_remember_link(&batch, "b", true);
	journal_end(&batch);

	assert_true(journal_panel(journal, 1, &memory));
	assert_int_equal(memory.serial, 99);
	assert_true(memory.told_online);
	assert_ptr_equal(memory.book, book);
	assert_int_equal(memory.book->n_latched, 1);
	alarm_book_unref(memory.book);
	alarm_book_unref(book);
	assert_true(journal_link_down(journal, "a"));

	journal_forget_others(journal, &config);
	assert_true(journal_panel(journal, 1, &memory)); /* its alarm is still to be ended */
	alarm_book_unref(memory.book);
	journal_begin(&batch, journal);
	journal_remember_panel(&batch, 1, &none);
	journal_end(&batch);
	assert_true(journal_orphan_link(journal, &config, orphan, sizeof(orphan)));
	assert_string_equal(orphan, "a"); /* that it was down is still to be ended */
	journal_begin(&batch, journal);
	journal_remember_link(&batch, "a", false);
	journal_end(&batch);
	assert_false(journal_orphan_link(journal, &config, orphan, sizeof(orphan)));
	journal_forget_others(journal, &config);
	assert_false(journal_panel(journal, 1, &memory));
	assert_true(journal_panel(journal, 2, &memory));
	assert_int_equal(memory.serial, -1);
	assert_null(memory.book);
	assert_false(journal_link_down(journal, "a"));
	assert_true(journal_link_down(journal, "b"));
}

/* Who tells of a write logs it in between, and the log may have to be waited for. */
static void a_batch_without_numbers_holds_up_nobody(void **state)
{
	const struct event draft = { .kind = EVENT_WRITTEN, .text = "slow" };
	struct journal_batch slow, quick;
	struct event *event;

	(void)state;
	alarm(20); /* it would wait for ever */
	journal_begin(&slow, journal);
	journal_add(&slow, &draft);
	journal_begin(&quick, journal);
	assert_int_equal(journal_number(&quick), 1);
	journal_add(&quick, &(struct event){ .kind = EVENT_RAISED, .number = 1, .text = "quick" });
	journal_end(&quick);
	journal_add(&slow, &draft);
	assert_int_equal(journal_number(&slow), 4);
	journal_add(&slow, &draft);
	journal_end(&slow);
	alarm(0);
	for (uint64_t number = 1; number <= 5; number++) {
		event = journal_find(journal, number);
		assert_true((event != NULL) == (number != 4)); /* asked for, and not used */
		if (event != NULL)
			assert_string_equal(event->text, number == 1 ? "quick" : "slow");
		event_unref(event);
	}
}

static void without_a_journal_numbers_count_on(void **state)
{
	struct journal_batch batch;
	struct panel_memory memory = { .serial = 1 };
	uint64_t number;

	(void)state;
	journal_begin(&batch, NULL);
	number = journal_number(&batch);
	assert_true(number > 0);
	assert_int_equal(journal_number(&batch), number + 1);
	journal_add(&batch, &(struct event){ .text = "nowhere" });
	journal_remember_panel(&batch, 1, &memory);
	journal_remember_link(&batch, "a", true);
	journal_end(&batch);
	assert_false(journal_panel(NULL, 1, &memory));
	assert_false(journal_link_down(NULL, "a"));
	assert_null(journal_next(NULL, 0, true));
	assert_null(journal_find(NULL, 1));
	assert_null(journal_next_to_tell(NULL, 0));
	journal_close(NULL);
}

/* Several who post, one who tells, one who reads. */

#define POSTERS 4
#define BATCHES 2000

static atomic_int calls;

static void count_call(void *arg)
{
	(void)arg;
	atomic_fetch_add(&calls, 1);
}

/* A batch of three, whose limit is the number of its first. */
static void *post_batches(void *arg)
{
	uintptr_t wrong = 0;

	for (int i = 0; i < BATCHES; i++) {
		struct event draft = { .notify = true, .has_limit = true };
		struct panel_memory memory = { .serial = i };
		struct journal_batch batch;

		journal_begin(&batch, arg);
		draft.number = journal_number(&batch);
		draft.limit = (int32_t)draft.number;
		journal_add(&batch, &draft);
		for (int more = 0; more < 2; more++) {
			uint64_t next = journal_number(&batch);

			wrong += next != draft.number + 1;
			draft.number = next;
			journal_add(&batch, &draft);
		}
		journal_remember_panel(
			&batch, 1 + (uint32_t)(uintptr_t)pthread_self() % 7, &memory);
		journal_end(&batch);
	}
	return (void *)wrong;
}

static atomic_bool posted;

static void *tell_all(void *arg)
{
	uint64_t last = 0;
	uintptr_t told = 0;
	(void)arg;

	for (;;) {
		bool over = atomic_load(&posted) && last >= stats().last;
		struct event *event = journal_next_to_tell(journal, last);

		if (event == NULL && over)
			return (void *)told;
		if (event == NULL)
			continue;
		if (event->number <= last)
			return NULL;
		last = event->number;
		journal_delivered(journal, event);
		event_unref(event);
		told++;
	}
}

static void *read_batches(void *arg)
{
	uintptr_t wrong = 0;
	(void)arg;

	while (!atomic_load(&posted)) {
		uint64_t newest = stats().last;
		struct event *event = journal_next(journal, newest, true);

		/* a batch is there to its end, or not at all */
		if (newest > 0 && (event == NULL || newest % 3 != 0))
			wrong += event == NULL ? stats().last < newest + CAPACITY : 1;
		event_unref(event);
	}
	return (void *)wrong;
}

static void threads_see_whole_batches_in_order(void **state)
{
	pthread_t posters[POSTERS], teller, reader;
	void *wrong, *told;

	(void)state;
	atomic_store(&posted, false);
	atomic_store(&calls, 0);
	journal_on_ready(journal, count_call, NULL);
	pthread_create(&teller, NULL, tell_all, NULL);
	pthread_create(&reader, NULL, read_batches, NULL);
	for (int i = 0; i < POSTERS; i++)
		pthread_create(&posters[i], NULL, post_batches, journal);
	for (int i = 0; i < POSTERS; i++) {
		pthread_join(posters[i], &wrong);
		assert_ptr_equal(wrong, NULL);
	}
	atomic_store(&posted, true);
	pthread_join(teller, &told);
	pthread_join(reader, &wrong);
	assert_ptr_equal(wrong, NULL);
	assert_int_equal(stats().last, POSTERS * BATCHES * 3);
	assert_int_equal(stats().kept, CAPACITY);
	assert_int_equal(stats().undelivered, 0);
	/* told or counted, or both: what goes between being asked for and being delivered */
	assert_true((uintptr_t)told + stats().dropped >= POSTERS * BATCHES * 3);
	assert_true((uintptr_t)told <= POSTERS * BATCHES * 3);
	assert_true(atomic_load(&calls) > 0);
	journal_on_ready(journal, NULL, NULL);
}

/* Names */

static struct {
	atomic_int done;
	int rc;
	uint64_t revision;
} answer;

static void on_done(void *arg, int rc, uint64_t revision)
{
	(void)arg;
	answer.rc = rc;
	answer.revision = revision;
	atomic_fetch_add(&answer.done, 1);
}

static void wait_for(atomic_int *counter, int count)
{
	for (int i = 0; i < 5000 && atomic_load(counter) < count; i++)
		usleep(1000);
	assert_true(atomic_load(counter) >= count);
}

static void names_are_answered_and_announced(void **state)
{
	char text[] = "Rack 7";
	struct name_change changes[] = { { 1, NAME_LABEL, 7, text, "was" },
		{ 1, NAME_LOCATION, 0, "room 3", "" } };
	struct panel_conf panels[] = { { .index = 2 } };
	struct config config = { .panels = panels, .n_panels = 1 };
	struct names *names = journal_names(journal), *before = names;
	uint64_t revision = names_revision(names);

	(void)state;
	atomic_store(&calls, 0);
	atomic_store(&answer.done, 0);
	journal_on_names(journal, count_call, NULL);
	journal_set_names(journal, changes, ARRAY_LEN(changes), on_done, NULL);
	text[0] = 'X'; /* it was copied */
	wait_for(&answer.done, 1);
	assert_int_equal(answer.rc, 0);
	assert_int_equal(answer.revision, revision + 1);
	assert_int_equal(atomic_load(&calls), 1);
	names = journal_names(journal);
	assert_int_equal(names_revision(names), revision + 1);
	assert_string_equal(names_get(names, 1, NAME_LABEL, 7, "was"), "Rack 7");
	assert_string_equal(names_get(names, 1, NAME_LOCATION, 0, ""), "room 3");
	assert_string_equal(names_get(before, 1, NAME_LABEL, 7, "was"), "was");
	names_unref(names);
	names_unref(before);

	/* another panel that gets this index does not get its names */
	journal_forget_others(journal, &config);
	wait_for(&calls, 2);
	names = journal_names(journal);
	assert_string_equal(names_get(names, 1, NAME_LABEL, 7, "was"), "was");
	names_unref(names);
	journal_on_names(journal, NULL, NULL);
}

static void what_is_asked_for_is_done_before_the_end(void **state)
{
	struct name_change change = { 1, NAME_TENANT, 2, "acme", "" };
	struct event *event;

	(void)state;
	atomic_store(&answer.done, 0);
	for (int i = 0; i < 50; i++)
		journal_set_names(journal, &change, 1, on_done, NULL);
	post(true, "last");
	journal_stop(journal);
	assert_int_equal(atomic_load(&answer.done), 50);
	event = journal_next_to_tell(journal, 0);
	assert_string_equal(event->text, "last");
	event_unref(event);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_journal, close_journal)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(events_are_found_by_number),
		TEST(what_is_to_be_told_comes_in_order),
		TEST(the_oldest_goes_and_is_counted),
		TEST(a_batch_may_be_larger_than_what_is_kept),
		TEST(panels_and_links_are_remembered),
		TEST(a_batch_without_numbers_holds_up_nobody),
		cmocka_unit_test(without_a_journal_numbers_count_on),
		TEST(threads_see_whole_batches_in_order),
		TEST(names_are_answered_and_announced),
		TEST(what_is_asked_for_is_done_before_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
