/*
 * field: options of a section as tables: name, type, range, default, member.
 *
 * A value that is refused keeps its default, so that the search for problems
 * goes on without follow-ups.
 */
#ifndef METERX_CONFIG_FIELD_H
#define METERX_CONFIG_FIELD_H

#include <stdint.h>

#include "config/problem.h"
#include "config/syntax.h"

/* A section under examination; each problem is reported at its line, with the section's name. */
struct where {
	const char *path;
	struct problems *problems;
	bool whole; /* the file was parsed to its end: what is missing is not there */
	cfg_t *top;
	cfg_t *section;
	char prefix[192]; /* "", "panel \"RPP-1A\": " */
};

struct word {
	const char *text;
	int value;
};

enum field_kind {
	FIELD_NUMBER,
	FIELD_WORD,
	FIELD_TEXT,
};

struct field {
	const char *option;
	enum field_kind kind;
	size_t offset, size;		 /* of the member */
	int64_t min, max;		 /* of a number; of the length of a text, in bytes */
	int64_t fallback;		 /* number or word */
	const char *unit;		 /* of a number, NULL when it has none */
	const char *wanted;		 /* of a text: "an absolute path" */
	const char *text;		 /* fallback of a text, NULL: "" */
	const struct word *words;	 /* ended by NULL */
	bool (*check)(const char *text); /* of a text: it has the form that is wanted */
	unsigned only, required;	 /* bits of the kinds of section; only 0: all */
};

#define FIELD_MEMBER(type, member)                                                                 \
	.offset = offsetof(struct type, member), .size = sizeof(((struct type *)NULL)->member)
#define NUMBER(name, type, member, lowest, highest, default_value)                                 \
	.option = name, .kind = FIELD_NUMBER, FIELD_MEMBER(type, member), .min = lowest,           \
	.max = highest, .fallback = default_value
#define WORD(name, type, member, list, default_value)                                              \
	.option = name, .kind = FIELD_WORD, FIELD_MEMBER(type, member), .words = list,             \
	.fallback = default_value
#define TEXT(name, type, member, shortest, longest)                                                \
	.option = name, .kind = FIELD_TEXT, FIELD_MEMBER(type, member), .min = shortest,           \
	.max = longest

extern const struct word field_booleans[];

/* The same file, one section further in: name is that of its option. */
struct where where_section(const struct where *outer, const char *name, cfg_t *section);

void field_problem(const struct where *where, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Line of an option, of the section when it is not given. */
int field_line(const struct where *where, const char *option);

/* Read all fields into object (zeroed; texts become allocated). kind: one bit, see required. */
void fields_read(const struct where *where, const struct field *fields, size_t n, void *object,
	unsigned kind);

/* A list of words, each at most once, as the bits of their values. */
unsigned field_words(const struct where *where, const char *option, const struct word *words);

bool word_find(const struct word *words, const char *text, int *value);
/* "\"tcp\", \"rtu\"" */
void words_print(const struct word *words, char *text, size_t size);

#endif
