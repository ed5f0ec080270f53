/* Names set by managers: which text is in force, limits, order, changes of one call. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/util.h"
#include "store/names.h"

/* The names after the changes; the old ones are dropped. */
static struct names *change(struct names *names, const struct name_change *changes, size_t n)
{
	struct names *next = names_change(names, changes, n);

	names_unref(names);
	return next;
}

static struct names *set(struct names *names, uint32_t panel, enum name_kind kind, uint16_t branch,
	const char *text, const char *configured)
{
	return change(names, &(struct name_change){ panel, kind, branch, text, configured }, 1);
}

static void assert_item(const struct names *names, size_t at, const struct name_change *want)
{
	struct name_change item;

	assert_true(names_item(names, at, &item));
	assert_int_equal(item.panel, want->panel);
	assert_int_equal(item.kind, want->kind);
	assert_int_equal(item.branch, want->branch);
	assert_string_equal(item.text, want->text);
	assert_string_equal(item.configured, want->configured);
}

static void assert_count(const struct names *names, size_t n)
{
	struct name_change item;

	for (size_t i = 0; i < n; i++)
		assert_true(names_item(names, i, &item));
	assert_false(names_item(names, n, &item));
	assert_false(names_item(names, SIZE_MAX, &item));
}

static void nothing_set_is_as_configured(void **state)
{
	struct names *names = names_new();
	const char *configured = "Rack A1";

	(void)state;
	assert_count(names, 0);
	assert_ptr_equal(names_get(names, 1, NAME_LABEL, 1, configured), configured);
	assert_string_equal(names_get(names, UINT32_MAX, NAME_LOCATION, 0, ""), "");
	names_unref(names);
	names_unref(NULL);
}

static void each_change_is_a_revision_and_a_new_object(void **state)
{
	struct names *first = names_new(), *second, *third;

	(void)state;
	assert_int_equal(names_revision(first), 0);
	second = names_change(first, &(struct name_change){ 1, NAME_LABEL, 5, "set", "Rack" }, 1);
	third = names_change(second, NULL, 0);
	assert_int_equal(names_revision(second), 1);
	assert_int_equal(names_revision(third), 2);
	assert_string_equal(names_get(first, 1, NAME_LABEL, 5, "Rack"), "Rack");
	assert_string_equal(names_get(second, 1, NAME_LABEL, 5, "Rack"), "set");
	names_unref(second); /* no text is shared */
	assert_string_equal(names_get(third, 1, NAME_LABEL, 5, "Rack"), "set");
	assert_count(third, 1);
	assert_ptr_equal(names_ref(third), third);
	names_unref(third);
	assert_string_equal(names_get(third, 1, NAME_LABEL, 5, "Rack"), "set");
	names_unref(third);
	names_unref(first);
}

/* Set to "set" while the configuration said `then`; what is in force when it says `now`. */
static void the_later_one_wins(void **state)
{
	static const struct {
		const char *set, *then, *now, *in_force;
	} cases[] = {
		{ "set", "Rack", "Rack", "set" },
		{ "set", "Rack", "Rack B", "Rack B" }, /* edited after it was set */
		{ "set", "Rack", "", "" },	       /* taken out of the file: an edit as well */
		{ "set", "", "", "set" },
		{ "set", "", "Rack", "Rack" },
		{ "set", "Rack", "set", "set" },
		{ "", "Rack", "Rack", "" }, /* an empty name is a name */
		{ "", "Rack", "rack", "rack" },
		{ "Rack", "Rack", "Rack", "Rack" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct names *names =
			set(names_new(), 7, NAME_TENANT, 3, cases[i].set, cases[i].then);

		assert_string_equal(
			names_get(names, 7, NAME_TENANT, 3, cases[i].now), cases[i].in_force);
		names_unref(names);
	}
}

/* An edit of the file that is taken back brings the set name back: nothing was told to forget it.
 */
static void a_name_set_again_goes_with_what_is_configured_then(void **state)
{
	struct names *names = set(names_new(), 1, NAME_LABEL, 1, "first", "Rack");

	(void)state;
	assert_string_equal(names_get(names, 1, NAME_LABEL, 1, "Edited"), "Edited");
	assert_string_equal(names_get(names, 1, NAME_LABEL, 1, "Rack"), "first");
	names = set(names, 1, NAME_LABEL, 1, "second", "Edited");
	assert_string_equal(names_get(names, 1, NAME_LABEL, 1, "Edited"), "second");
	assert_string_equal(names_get(names, 1, NAME_LABEL, 1, "Rack"), "Rack");
	assert_count(names, 1);
	names_unref(names);
}

static void objects_do_not_meddle(void **state)
{
	static const struct {
		uint32_t panel;
		enum name_kind kind;
		uint16_t branch;
	} others[] = {
		{ 2, NAME_LABEL, 4 },
		{ 4, NAME_LABEL, 4 },
		{ 3, NAME_TENANT, 4 },
		{ 3, NAME_LOCATION, 4 },
		{ 3, NAME_LABEL, 3 },
		{ 3, NAME_LABEL, 5 },
		{ 3, NAME_LABEL, 0 },
		{ 3, NAME_LABEL, UINT16_MAX },
		{ 0, NAME_LABEL, 4 },
		{ UINT32_MAX, NAME_LABEL, 4 },
	};
	struct names *names = set(names_new(), 3, NAME_LABEL, 4, "set", "");

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		assert_string_equal(
			names_get(names, others[i].panel, others[i].kind, others[i].branch, ""),
			"");
	assert_string_equal(names_get(names, 3, NAME_LABEL, 4, ""), "set");
	names_unref(names);
}

static void items_come_in_order_whatever_the_order_of_setting(void **state)
{
	static const struct name_change sorted[] = {
		{ 1, NAME_LABEL, 1, "a", "A" },
		{ 1, NAME_LABEL, 2, "b", "" },
		{ 1, NAME_LABEL, 300, "c", "C" },
		{ 1, NAME_TENANT, 1, "d", "" },
		{ 1, NAME_LOCATION, 0, "e", "Room" },
		{ 2, NAME_LABEL, 1, "f", "" },
		{ 70000, NAME_LABEL, 1, "", "G" },
	};
	size_t n = ARRAY_LEN(sorted);
	struct name_change shuffled[ARRAY_LEN(sorted)];

	(void)state;
	for (size_t step = 1; step < n; step++) { /* n is prime: every step meets every item */
		struct names *one_by_one = names_new(), *at_once;

		for (size_t i = 0; i < n; i++) {
			shuffled[i] = sorted[i * step % n];
			one_by_one = change(one_by_one, &shuffled[i], 1);
		}
		at_once = change(names_new(), shuffled, n);
		assert_int_equal(names_revision(one_by_one), n);
		assert_int_equal(names_revision(at_once), 1);
		assert_count(one_by_one, n);
		assert_count(at_once, n);
		for (size_t i = 0; i < n; i++) {
			assert_item(one_by_one, i, &sorted[i]);
			assert_item(at_once, i, &sorted[i]);
		}
		names_unref(one_by_one);
		names_unref(at_once);
	}
}

static void a_name_taken_away_is_as_configured(void **state)
{
	static const struct name_change three[] = {
		{ 1, NAME_LABEL, 1, "one", "1" },
		{ 1, NAME_LABEL, 2, "two", "2" },
		{ 1, NAME_LABEL, 3, "three", "3" },
	};

	(void)state;
	for (uint16_t gone = 1; gone <= 3; gone++) {
		struct names *names = change(names_new(), three, ARRAY_LEN(three));

		names = set(names, 1, NAME_LABEL, gone, NULL, "as it was");
		assert_count(names, 2);
		for (uint16_t branch = 1; branch <= 3; branch++)
			assert_string_equal(names_get(names, 1, NAME_LABEL, branch,
						    three[branch - 1].configured),
				branch == gone ? three[branch - 1].configured
					       : three[branch - 1].text);
		names = set(names, 1, NAME_LABEL, gone, NULL, NULL); /* once more: nothing there */
		assert_count(names, 2);
		names = change(names, &three[gone - 1], 1);
		assert_count(names, 3);
		assert_item(names, gone - 1u, &three[gone - 1]);
		names_unref(names);
	}
}

/* In the order given: the last change of an object decides. */
static void changes_of_one_object_in_one_call(void **state)
{
	static const struct {
		const char *texts[4]; /* "-": taken away */
		const char *in_force;
	} cases[] = {
		{ { "a", "b" }, "b" },
		{ { "a", "-" }, "configured" },
		{ { "-", "a" }, "a" },
		{ { "a", "-", "b" }, "b" },
		{ { "-", "-" }, "configured" },
		{ { "a", "a", "a", "c" }, "c" },
		{ { "a", "b", "", "-" }, "configured" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct name_change changes[2 * ARRAY_LEN(cases[0].texts)];
		struct names *names = names_new();
		size_t n = 0;

		for (size_t k = 0; k < ARRAY_LEN(cases[i].texts) && cases[i].texts[k]; k++) {
			const char *text = cases[i].texts[k];

			changes[n++] = (struct name_change){ 9, NAME_LABEL, 9,
				strcmp(text, "-") == 0 ? NULL : text, "configured" };
			changes[n++] = (struct name_change){ 9, NAME_LABEL, (uint16_t)(20 - k),
				"neighbour", "" };
		}
		names = change(names, changes, n);
		assert_string_equal(
			names_get(names, 9, NAME_LABEL, 9, "configured"), cases[i].in_force);
		assert_count(names, n / 2 + (strcmp(cases[i].in_force, "configured") != 0));
		names_unref(names);
	}
}

static void many_names(void **state)
{
	enum { PANELS = 20, BRANCHES = 84 };
	struct names *names = names_new();
	char text[32];

	(void)state;
	for (unsigned i = 0; i < PANELS * BRANCHES; i++) {
		unsigned n = i * 1009 % (PANELS * BRANCHES);

		snprintf(text, sizeof(text), "%u", n);
		names = set(names, n / BRANCHES + 1, NAME_LABEL, (uint16_t)(n % BRANCHES + 1), text,
			"");
	}
	assert_count(names, PANELS * BRANCHES);
	for (unsigned n = 0; n < PANELS * BRANCHES; n++) {
		snprintf(text, sizeof(text), "%u", n);
		assert_string_equal(names_get(names, n / BRANCHES + 1, NAME_LABEL,
					    (uint16_t)(n % BRANCHES + 1), ""),
			text);
	}
	names_unref(names);
}

/* The caller's texts are copied. */
static void texts_belong_to_the_names(void **state)
{
	char text[] = "set", configured[] = "Rack";
	struct names *names = set(names_new(), 1, NAME_LOCATION, 0, text, configured);

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	memset(configured, 'x', sizeof(configured) - 1);
	assert_string_equal(names_get(names, 1, NAME_LOCATION, 0, "Rack"), "set");
	names_unref(names);
}

static void limits_of_a_name(void **state)
{
	static char text[NAME_LOCATION_MAX + 2];
	static const struct {
		enum name_kind kind;
		size_t longest;
	} cases[] = {
		{ NAME_LABEL, NAME_LABEL_MAX },
		{ NAME_TENANT, NAME_LABEL_MAX },
		{ NAME_LOCATION, NAME_LOCATION_MAX },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (size_t length = 0; length <= NAME_LOCATION_MAX + 1; length++) {
			memset(text, 'a', length);
			text[length] = '\0';
			assert_int_equal(names_check(cases[i].kind, text, length) == NULL,
				length <= cases[i].longest);
		}
	assert_non_null(strstr(names_check(NAME_LOCATION, text, sizeof(text) - 1), "128"));
	assert_non_null(strstr(names_check(NAME_LABEL, text, sizeof(text) - 1), "64"));
}

static void bytes_of_a_name(void **state)
{
	static const struct {
		const char *text;
		size_t length;
		bool good;
	} cases[] = {
		{ "", 0, true },
		{ " ", 1, true },
		{ "K\xc3\xbchlung \xe2\x82\xac \xf0\x9f\x94\x8c", 17, true },
		{ "a\0b", 3, false },
		{ "\0", 1, false },
		{ "a\0", 2, false },
		{ "a\nb", 3, false },
		{ "a\tb", 3, false },
		{ "\x1b[31m", 5, false },
		{ "\x7f", 1, false },
		{ "\xff", 1, false },
		{ "\xc3", 1, false },
		{ "\xc0\x80", 2, false },
		{ "\xed\xa0\x80", 3, false },
		{ "\xf4\x90\x80\x80", 4, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (int kind = NAME_LABEL; kind <= NAME_LOCATION; kind++) {
			const char *fault =
				names_check((enum name_kind)kind, cases[i].text, cases[i].length);

			if ((fault == NULL) != cases[i].good)
				fail_msg("case %zu: %s", i, fault != NULL ? fault : "accepted");
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_set_is_as_configured),
		cmocka_unit_test(each_change_is_a_revision_and_a_new_object),
		cmocka_unit_test(the_later_one_wins),
		cmocka_unit_test(a_name_set_again_goes_with_what_is_configured_then),
		cmocka_unit_test(objects_do_not_meddle),
		cmocka_unit_test(items_come_in_order_whatever_the_order_of_setting),
		cmocka_unit_test(a_name_taken_away_is_as_configured),
		cmocka_unit_test(changes_of_one_object_in_one_call),
		cmocka_unit_test(many_names),
		cmocka_unit_test(texts_belong_to_the_names),
		cmocka_unit_test(limits_of_a_name),
		cmocka_unit_test(bytes_of_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
