/* Lines, comments, repeated and unknown options: what syntax.c makes of a text. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/syntax.h"
#include "core/util.h"

struct file {
	char path[32];
	struct problems problems;
	cfg_t *root;
	bool whole;
};

static void file_read(struct file *file, const char *text, size_t length)
{
	cfg_opt_t inner[] = { SYNTAX_VALUE("reg"), SYNTAX_LIST("models"), CFG_END() };
	cfg_opt_t outer[] = { SYNTAX_VALUE("reg"), SYNTAX_TITLED("inner", inner), CFG_END() };
	cfg_opt_t options[] = {
		SYNTAX_VALUE("a"),
		SYNTAX_LIST("list"),
		SYNTAX_TITLED("outer", outer),
		CFG_END(),
	};
	int fd;

	*file = (struct file){ .path = "/tmp/meterx-syntax-XXXXXX" };
	fd = mkstemp(file->path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, length), length);
	close(fd);
	file->root = syntax_read(file->path, options, &file->problems, &file->whole);
	unlink(file->path);
}

static void file_done(struct file *file)
{
	if (file->root != NULL)
		cfg_free(file->root);
	problems_free(&file->problems);
}

static void lines_are_right_after_comments(void **state)
{
	static const char text[] = "# one\n"
				   "# two  { not a brace\n"
				   "a = 5    // and \" no string\n"
				   "/* a block {\n"
				   "   of two lines */ outer \"x\" {\n"
				   "	reg = \"12#3\"\n"
				   "	inner \"y\" { reg = 1\n"
				   "		models = {A, 'B',\n"
				   "			\"C\"} }\n"
				   "}\n"
				   "list = {}\n"
				   "outer 'z' { reg = http://x } # no newline at the end";
	struct file file;
	cfg_t *outer, *inner;
	(void)state;

	file_read(&file, text, strlen(text));
	problems_print(&file.problems, stderr);
	assert_int_equal(file.problems.count, 0);
	assert_true(file.whole);
	assert_int_equal(syntax_get(file.root, "a")->line, 3);
	assert_string_equal(syntax_get(file.root, "a")->text, "5");
	outer = cfg_getnsec(file.root, "outer", 0);
	assert_string_equal(syntax_title(outer), "x");
	assert_int_equal(outer->line, 5);
	assert_int_equal(syntax_get(outer, "reg")->line, 6);
	assert_string_equal(syntax_get(outer, "reg")->text, "12#3");
	inner = cfg_getnsec(outer, "inner", 0);
	assert_int_equal(inner->line, 7);
	assert_int_equal(syntax_count(inner, "models"), 3);
	assert_string_equal(syntax_get_nth(inner, "models", 1)->text, "B");
	assert_int_equal(syntax_get_nth(inner, "models", 2)->line, 9);
	assert_null(syntax_get_nth(inner, "models", 3));
	assert_int_equal(syntax_count(file.root, "list"), 0);
	outer = cfg_getnsec(file.root, "outer", 1);
	assert_int_equal(outer->line, 12);
	assert_string_equal(syntax_get(outer, "reg")->text, "http://x");
	file_done(&file);
}

static void sections_of_one_title_all_stay(void **state)
{
	static const char text[] = "outer x { reg = 1 }\nouter x { reg = 2 }\nouter x { }\n";
	struct file file;
	(void)state;

	file_read(&file, text, strlen(text));
	assert_true(file.whole);
	assert_int_equal(cfg_size(file.root, "outer"), 3);
	for (unsigned i = 0; i < 3; i++) {
		cfg_t *outer = cfg_getnsec(file.root, "outer", i);
		const struct setting *reg = syntax_get(outer, "reg");

		assert_string_equal(syntax_title(outer), "x");
		assert_int_equal(outer->line, i + 1);
		if (i < 2)
			assert_int_equal(reg->text[0], '1' + (int)i);
		else
			assert_null(reg);
	}
	file_done(&file);
}

static void problems_say_where(void **state)
{
	static const struct {
		const char *text;
		bool whole;
		size_t count;
		int line;
		const char *says; /* of the first problem */
	} cases[] = {
		{ "", true, 0, 0, NULL },
		{ "# only a comment", true, 0, 0, NULL },
		{ "b = 1\na = 2\n", true, 1, 1, "no such option 'b' (known here: a, list, outer)" },
		{ "# c\nouter x {\n bad = 3\n reg = 1 }\nworse = 2", true, 2, 3,
			"no such option 'bad' (known here: reg, inner)" },
		{ "a = 1\n\na = 2\n", true, 1, 3, "a: given twice (first in line 1)" },
		{ "list = {1}\nlist = {2, 3}\n", true, 1, 2,
			"list: given twice (first in line 1)" },
		{ "list = {1}\nlist += {2}\n", true, 0, 0, NULL },
		{ "a = 1\nnothing \"x\" { reg = 1 }\nlist = {2}\nlist = {3}", true, 2, 2,
			"no such option 'nothing'" },
		{ "a\n", false, 1, 2, "\"=\" is missing after \"a\"" },
		{ "a 1\n", false, 1, 1, "\"=\" is missing after \"a\"" },
		{ "outer x {\n reg = 1\n", false, 1, 1, "outer: its closing \"}\" is missing" },
		{ "}\n", false, 1, 1, "\"}\" closes nothing" },
		{ "outer { reg = 1 }\n", false, 1, 1, "a name is missing after \"outer\"" },
		{ "a = {1}\n", true, 1, 1, "a: takes one value, not a list" },
		{ "\na = \"open\n\n", true, 1, 2, "this string does not end" },
		{ "a = 'open\n", true, 1, 1, "this string does not end" },
		{ "a = 1\n/* open\n\n", false, 1, 2, "this comment does not end" },
		{ "a = \"${HOME}\"\n", true, 1, 1, "environment variables are not expanded" },
		{ "\na = ${HOME}\n", false, 1, 2, "unexpected '$'" },
		{ "a = \001\n", false, 1, 1, "control character 0x01" },
		{ "a = \"\\400\"\n", true, 1, 1, "in a string \\ stands only before" },
		{ "a|b = 1\n", true, 1, 1, "no such option 'a|b'" },
		{ "outer x {\ninner y { ", false, 1, 2, "inner: its closing \"}\" is missing" },
		{ "{{{{{{{{{{{{{{{{{{{{{{{{", false, 1, 1, "the name of an option is missing" },
		{ "include(\"/etc/passwd\")\n", false, 2, 1, "no such option 'include'" },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct file file;

		file_read(&file, cases[i].text, strlen(cases[i].text));
		assert_non_null(file.root);
		if (file.problems.count != cases[i].count) {
			print_error("case %zu: %s\n", i, cases[i].text);
			problems_print(&file.problems, stderr);
		}
		assert_int_equal(file.problems.count, cases[i].count);
		assert_int_equal(file.whole, cases[i].whole);
		if (cases[i].count > 0) {
			assert_string_equal(file.problems.items[0].file, file.path);
			assert_int_equal(file.problems.items[0].line, cases[i].line);
			assert_non_null(strstr(file.problems.items[0].text, cases[i].says));
		}
		file_done(&file);
	}
}

/* libConfuse's lexer has global state: a bad file must not spoil the next good one. */
static void a_bad_file_leaves_nothing_behind(void **state)
{
	static const char *const bad[] = {
		"a = \"x\n",
		"a = '\n",
		"a = \"\\400\"",
		"outer x { inner y {",
		"/* ",
		"a = {",
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct file file;

		file_read(&file, bad[i], strlen(bad[i]));
		assert_true(file.problems.count > 0);
		file_done(&file);
		file_read(&file, "a = 7\n", 6);
		assert_int_equal(file.problems.count, 0);
		assert_true(file.whole);
		assert_string_equal(syntax_get(file.root, "a")->text, "7");
		assert_int_equal(syntax_get(file.root, "a")->line, 1);
		file_done(&file);
	}
}

static void bytes_that_are_no_text(void **state)
{
	static const char zero[] = "a = 1\n\0a = 2\n";
	struct file file;
	(void)state;

	file_read(&file, zero, sizeof(zero) - 1);
	assert_false(file.whole);
	assert_int_equal(file.problems.items[0].line, 2);
	file_done(&file);
}

static void what_cannot_be_read(void **state)
{
	static const struct {
		const char *path;
		int error;
	} cases[] = {
		{ "/nonexistent/file", ENOENT },
		{ "/", EISDIR },
		{ "/dev/zero", EINVAL },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		cfg_opt_t options[] = { SYNTAX_VALUE("a"), CFG_END() };
		struct problems problems = PROBLEMS_INIT;
		bool whole;

		assert_null(syntax_read(cases[i].path, options, &problems, &whole));
		assert_int_equal(errno, cases[i].error);
		assert_int_equal(problems.count, 1);
		assert_int_equal(problems.items[0].line, 0);
		problems_free(&problems);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_right_after_comments),
		cmocka_unit_test(sections_of_one_title_all_stay),
		cmocka_unit_test(problems_say_where),
		cmocka_unit_test(a_bad_file_leaves_nothing_behind),
		cmocka_unit_test(bytes_that_are_no_text),
		cmocka_unit_test(what_cannot_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
