/* Numbers from text, truncating copies, texts for a terminal, and the loop's timers, descriptors and wake-ups. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/clock.h"
#include "core/descriptors.h"
#include "core/log.h"
#include "core/loop.h"
#include "core/text.h"
#include "core/util.h"

static void number_parse_takes_whole_numbers_only(void **state)
{
	static const struct {
		const char *text;
		int rc;
		int64_t value;
	} cases[] = {
		{ "0", 0, 0 },         { "-5", 0, -5 },         { "0x1f", 0, 31 },
		{ "100", 0, 100 },     { "101", -ERANGE, 0 },   { "-11", -ERANGE, 0 },
		{ "", -EINVAL, 0 },    { "7x", -EINVAL, 0 },    { " 7", -EINVAL, 0 },
		{ "1e3", -EINVAL, 0 }, { "0x", -EINVAL, 0 },    { "99999999999999999999", -ERANGE, 0 },
		{ "\t7", -EINVAL, 0 }, { "+7", -EINVAL, 0 },    { "-", -EINVAL, 0 },
		{ "--5", -EINVAL, 0 }, { "- 5", -EINVAL, 0 },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t value = 0;

		assert_int_equal(number_parse(cases[i].text, -10, 100, &value), cases[i].rc);
		assert_int_equal(value, cases[i].value);
	}
}

static void text_copy_truncates_and_terminates(void **state)
{
	char small[4];
	(void)state;

	text_copy(small, sizeof(small), "abcdef");
	assert_string_equal(small, "abc");
	text_copy(small, sizeof(small), "");
	assert_string_equal(small, "");
}

static void what_cannot_be_shown_is_escaped(void **state)
{
	static const struct {
		const char *text, *shown;
	} cases[] = {
		{ "", "" },
		{ "Rack A1 \xc3\xa4 \xe2\x82\xac", "Rack A1 \xc3\xa4 \xe2\x82\xac" },
		{ "a\nb\tc\x7f", "a\\x0ab\\x09c\\x7f" },
		{ "\x1b[2J", "\\x1b[2J" },
		{ "\xc2\x9b", "\\xc2\\x9b" },
		{ "\xff\xc3", "\\xff\\xc3" },
	};
	char shown[64];
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t n = text_escape(shown, sizeof(shown), cases[i].text, strlen(cases[i].text));

		assert_string_equal(shown, cases[i].shown);
		assert_int_equal(n, strlen(shown));
	}
	/* Whole or not at all. */
	assert_int_equal(text_escape(shown, 5, "a\n", 2), 1);
	assert_int_equal(text_escape(shown, 6, "a\n", 2), 5);
	assert_int_equal(text_escape(shown, 3, "a\xc3\xa4", 3), 1);
}

static void the_last_descriptors_are_kept_from_links(void **state)
{
	struct rlimit before, low;
	uint64_t limit;
	(void)state;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	low = before;
	low.rlim_cur = 100;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	assert_true(descriptors_spare(0));
	assert_true(descriptors_spare(100 - DESCRIPTORS_RESERVED - 1));
	assert_false(descriptors_spare(100 - DESCRIPTORS_RESERVED));
	assert_false(descriptors_spare(99));

	limit = descriptors_raise();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &low), 0);
	assert_true(low.rlim_cur == low.rlim_max);
	assert_true(limit == low.rlim_max || low.rlim_max == RLIM_INFINITY);
	assert_true(descriptors_spare(100));
	setrlimit(RLIMIT_NOFILE, &before);
}

static void text_clean_leaves_what_can_be_shown(void **state)
{
	static const struct {
		const char *text, *clean;
	} cases[] = {
		{ "", "" },
		{ "Rack A1, K\xc3\xbchlung \xe2\x82\xac", "Rack A1, K\xc3\xbchlung \xe2\x82\xac" },
		{ "\x1b[2Ja\nb\x7f", "?[2Ja?b?" },
		{ "a\xc2\x9bm", "a??m" }, /* CSI in one character */
		{ "\xff" "a\xc3", "?a?" },
		{ "\xed\xa0\x80", "???" },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char text[32];

		text_copy(text, sizeof(text), cases[i].text);
		text_clean(text);
		assert_string_equal(text, cases[i].clean);
		assert_null(text_fault(text));
	}
}

static void log_levels_have_names(void **state)
{
	enum log_level level;
	(void)state;

	assert_true(log_level_parse("debug", &level));
	assert_int_equal(level, LOG_LEVEL_DEBUG);
	assert_false(log_level_parse("verbose", &level));
}

struct counts {
	struct loop *loop;
	int timers, wakes, bytes;
};

static void on_timer(void *arg)
{
	struct counts *counts = arg;

	counts->timers++;
}

static void on_wake(void *arg)
{
	struct counts *counts = arg;

	counts->wakes++;
	loop_stop(counts->loop);
}

static void on_byte(int fd, void *arg)
{
	struct counts *counts = arg;
	char byte;

	assert_int_equal(read(fd, &byte, 1), 1);
	counts->bytes++;
	loop_remove_fd(counts->loop, fd);
}

static void loop_runs_timers_descriptors_and_wakes(void **state)
{
	struct counts counts = { .loop = loop_new() };
	int ends[2], timer;
	(void)state;

	assert_non_null(counts.loop);
	assert_int_equal(pipe(ends), 0);
	clock_set(1000, -1);
	timer = loop_add_timer(counts.loop, 50, on_timer, &counts);
	assert_int_equal(loop_add_fd(counts.loop, ends[0], on_byte, &counts), 0);
	assert_int_equal(write(ends[1], "ab", 2), 2);
	assert_int_equal(loop_turn(counts.loop, 0), 0);
	assert_int_equal(counts.bytes, 1);
	assert_int_equal(counts.timers, 0);

	/* Ten periods late: runs once, the rest is skipped. */
	clock_set(1500, -1);
	assert_int_equal(loop_turn(counts.loop, 0), 0);
	assert_int_equal(loop_turn(counts.loop, 0), 0);
	assert_int_equal(counts.timers, 1);
	assert_int_equal(counts.bytes, 1);
	loop_remove_timer(counts.loop, timer);
	clock_set(3000, -1);
	assert_int_equal(loop_turn(counts.loop, 0), 0);
	assert_int_equal(counts.timers, 1);

	loop_on_wake(counts.loop, on_wake, &counts);
	loop_wake(counts.loop);
	loop_wake(counts.loop);
	assert_int_equal(loop_run(counts.loop), 0);
	assert_int_equal(counts.wakes, 1);

	clock_set(-1, -1);
	close(ends[0]);
	close(ends[1]);
	loop_free(counts.loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(number_parse_takes_whole_numbers_only),
		cmocka_unit_test(text_copy_truncates_and_terminates),
		cmocka_unit_test(what_cannot_be_shown_is_escaped),
		cmocka_unit_test(the_last_descriptors_are_kept_from_links),
		cmocka_unit_test(text_clean_leaves_what_can_be_shown),
		cmocka_unit_test(log_levels_have_names),
		cmocka_unit_test(loop_runs_timers_descriptors_and_wakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
