/* field: see field.h. Main thread. */
#include "config.h"

#include "config/field.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "core/util.h"

#define ALLOWED_MAX 256

const struct word field_booleans[] = {
	{ "true", 1 },
	{ "false", 0 },
	{ "yes", 1 },
	{ "no", 0 },
	{ "on", 1 },
	{ "off", 0 },
	{ NULL, 0 },
};

struct where where_section(const struct where *outer, const char *name, cfg_t *section)
{
	const char *title = syntax_title(section);
	struct where where = *outer;

	where.section = section;
	/* Two levels of 60 shown bytes fit; a longer one would only lose its end. */
	if (snprintf(where.prefix, sizeof(where.prefix), "%s%s \"%.*s\": ", outer->prefix, name,
		    text_shown(title), title) < 0)
		where.prefix[0] = '\0';
	return where;
}

void field_problem(const struct where *where, int line, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = xvasprintf(format, args);
	va_end(args);
	problem_add(where->problems, where->path, line, "%s%s", where->prefix, text);
	free(text);
}

int field_line(const struct where *where, const char *option)
{
	const struct setting *value = syntax_get(where->section, option);

	return value ? value->line : where->section->line;
}

bool word_find(const struct word *words, const char *text, int *value)
{
	for (; words->text != NULL; words++) {
		if (strcmp(words->text, text) == 0) {
			*value = words->value;
			return true;
		}
	}
	return false;
}

void words_print(const struct word *words, char *text, size_t size)
{
	size_t length = 0;

	text[0] = '\0';
	for (; words->text != NULL; words++) {
		const char *comma = length > 0 ? ", " : "";
		int n = snprintf(text + length, size - length, "%s\"%s\"", comma, words->text);

		length = n > 0 && length + (size_t)n < size ? length + (size_t)n : size - 1;
	}
}

static void print_allowed(const struct field *field, char *text, size_t size)
{
	if (field->kind == FIELD_WORD)
		words_print(field->words, text, size);
	else if (field->wanted != NULL)
		text_copy(text, size, field->wanted);
	else
		snprintf(text, size, "%jd to %jd%s%s", (intmax_t)field->min, (intmax_t)field->max,
			field->kind == FIELD_TEXT ? " bytes"
			: field->unit != NULL	  ? " "
						  : "",
			field->unit != NULL ? field->unit : "");
}

static void set_number(const struct field *field, void *object, int64_t number)
{
	char *member = (char *)object + field->offset;

	switch (field->size) {
	case sizeof(uint8_t):
		*(uint8_t *)member = (uint8_t)number;
		break;
	case sizeof(uint16_t):
		*(uint16_t *)(void *)member = (uint16_t)number;
		break;
	default:
		*(uint32_t *)(void *)member = (uint32_t)number;
		break;
	}
}

static void set_fallback(const struct field *field, void *object)
{
	char **text = (char **)(void *)((char *)object + field->offset);

	if (field->kind == FIELD_TEXT)
		*text = xstrdup(field->text != NULL ? field->text : "");
	else
		set_number(field, object, field->fallback);
}

static void take_number(const struct where *where, const struct field *field, void *object,
	const struct setting *value)
{
	char allowed[ALLOWED_MAX];
	int64_t number;
	int rc = number_parse(value->text, field->min, field->max, &number);

	if (rc == 0) {
		set_number(field, object, number);
		return;
	}
	print_allowed(field, allowed, sizeof(allowed));
	field_problem(where, value->line, "%s: \"%.*s\" is %s (%s)", field->option,
		text_shown(value->text), value->text,
		rc == -ERANGE ? "out of range" : "not a whole number", allowed);
}

static void take_word(const struct where *where, const struct field *field, void *object,
	const struct setting *value)
{
	char allowed[ALLOWED_MAX];
	int word;

	if (word_find(field->words, value->text, &word)) {
		set_number(field, object, word);
		return;
	}
	words_print(field->words, allowed, sizeof(allowed));
	field_problem(where, value->line, "%s: \"%.*s\" is none of %s", field->option,
		text_shown(value->text), value->text, allowed);
}

static void take_text(const struct where *where, const struct field *field, void *object,
	const struct setting *value)
{
	char **member = (char **)(void *)((char *)object + field->offset);
	int64_t length = (int64_t)strlen(value->text);
	const char *fault = text_fault(value->text);
	char allowed[ALLOWED_MAX];

	print_allowed(field, allowed, sizeof(allowed));
	if (fault != NULL)
		field_problem(where, value->line, "%s: %s", field->option, fault);
	else if (length < field->min)
		field_problem(where, value->line, "%s: is empty (%s)", field->option, allowed);
	else if (length > field->max)
		field_problem(where, value->line, "%s: \"%.*s\"... is too long (at most %jd bytes)",
			field->option, text_shown(value->text), value->text, (intmax_t)field->max);
	else if (field->check != NULL && !field->check(value->text))
		field_problem(where, value->line, "%s: \"%.*s\" is not %s", field->option,
			text_shown(value->text), value->text, allowed);
	free(*member);
	*member = xstrdup(value->text);
}

static void missing(const struct where *where, const struct field *field)
{
	char allowed[ALLOWED_MAX];

	print_allowed(field, allowed, sizeof(allowed));
	if (where->whole)
		field_problem(
			where, where->section->line, "%s: is missing (%s)", field->option, allowed);
}

void fields_read(const struct where *where, const struct field *fields, size_t n, void *object,
	unsigned kind)
{
	static void (*const take[])(const struct where *where, const struct field *field,
		void *object, const struct setting *value) = {
		[FIELD_NUMBER] = take_number,
		[FIELD_WORD] = take_word,
		[FIELD_TEXT] = take_text,
	};

	for (size_t i = 0; i < n; i++) {
		const struct field *field = &fields[i];
		const struct setting *value = syntax_get(where->section, field->option);

		set_fallback(field, object);
		if (value != NULL)
			take[field->kind](where, field, object, value);
		else if (field->required & kind)
			missing(where, field);
	}
}

unsigned field_words(const struct where *where, const char *option, const struct word *words)
{
	unsigned mask = 0;
	char allowed[ALLOWED_MAX];
	int bit;

	words_print(words, allowed, sizeof(allowed));
	for (size_t i = 0; i < syntax_count(where->section, option); i++) {
		const struct setting *value = syntax_get_nth(where->section, option, i);

		if (!word_find(words, value->text, &bit))
			field_problem(where, value->line, "%s: \"%.*s\" is none of %s", option,
				text_shown(value->text), value->text, allowed);
		else if (mask & (unsigned)bit)
			field_problem(where, value->line, "%s: \"%s\" is named twice", option,
				value->text);
		else
			mask |= (unsigned)bit;
	}
	return mask;
}
