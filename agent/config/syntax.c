/*
 * syntax: see syntax.h.
 *
 * The text is looked through before libConfuse sees it: comments become blanks
 * (their lines stay), what its lexer could stumble over is refused, and the line
 * of every section's opening brace is noted in the order of the closing ones,
 * which is the order in which libConfuse reports finished sections.
 */
#include "config.h"

#include "config/syntax.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/util.h"

#define FILE_BYTES_MAX (4 << 20)
#define NESTING_MAX    16
#define NO_ENVIRONMENT "\"${\": environment variables are not expanded here"

struct source {
	const char *path;
	struct problems *problems;
	char *text;
	size_t length;
	bool sound; /* libConfuse may have it */
	int *section_lines; /* by closing brace */
	size_t n_sections, next_section;
};

struct brace {
	int line;
	bool list;
};

struct braces {
	struct brace stack[NESTING_MAX];
	unsigned depth;
	char last; /* last character that is not blank */
};

/* libConfuse hands its callbacks no context of ours. */
static struct source *current;

static int source_load(struct source *source)
{
	FILE *file = fopen(source->path, "re");
	size_t capacity = 0, n;
	int rc = 0;

	if (file == NULL)
		return -errno;
	do {
		capacity += 64 << 10;
		source->text = xrealloc(source->text, capacity, 1);
		n = fread(source->text + source->length, 1, capacity - source->length, file);
		source->length += n;
	} while (source->length == capacity && capacity < FILE_BYTES_MAX);
	if (ferror(file))
		rc = -errno;
	else if (source->length >= FILE_BYTES_MAX)
		rc = -EFBIG;
	fclose(file);
	return rc;
}

static void refuse(struct source *source, int line, const char *what)
{
	problem_add(source->problems, source->path, line, "%s", what);
	source->sound = false;
}

/* Overwrite the comment that begins at at with blanks; returns where it ends. */
static size_t blank_comment(struct source *source, size_t at, int *line)
{
	char *begin = source->text + at;
	bool block = begin[0] == '/' && begin[1] == '*';
	char *end = block ? strstr(begin + 2, "*/") : strchr(begin, '\n');

	if (block && end != NULL) {
		end += 2;
	} else if (end == NULL) {
		end = source->text + source->length;
		if (block)
			refuse(source, *line, "this comment does not end: */ is missing");
	}
	for (char *c = begin; c < end; c++) {
		if (*c == '\n')
			++*line;
		else
			*c = ' ';
	}
	return (size_t)(end - source->text);
}

/* Returns the index after the closing quote. */
static size_t skip_string(struct source *source, size_t at, int *line)
{
	char quote = source->text[at];
	int begin = *line;

	for (size_t i = at + 1; i < source->length; i++) {
		char c = source->text[i];

		if (c == quote)
			return i + 1;
		if (c == '\\' && i + 1 < source->length)
			c = source->text[++i];
		if (c == '\n')
			++*line;
		if (c == '$' && quote == '"' && source->text[i + 1] == '{')
			refuse(source, *line, NO_ENVIRONMENT);
	}
	refuse(source, begin, "this string does not end: the closing quote is missing");
	return source->length;
}

static void close_brace(struct source *source, const struct brace *brace)
{
	if (brace->list)
		return;
	source->section_lines = xrealloc(source->section_lines, source->n_sections + 1,
		sizeof(*source->section_lines));
	source->section_lines[source->n_sections++] = brace->line;
}

static bool begins_comment(const char *text, bool token_start)
{
	return *text == '#' || (token_start && *text == '/' && (text[1] == '/' || text[1] == '*'));
}

static void scan_character(struct source *source, struct braces *braces, const char *c, int line)
{
	if ((unsigned char)*c < ' ' && strchr("\t\r\n", *c) == NULL)
		refuse(source, line, "a control character stands here: this is not a text file");
	else if (c[0] == '$' && c[1] == '{')
		refuse(source, line, NO_ENVIRONMENT);
	else if (*c == '{' && braces->depth == NESTING_MAX)
		refuse(source, line, "too many braces within one another");
	else if (*c == '{')
		braces->stack[braces->depth++] = (struct brace){ line, braces->last == '=' };
	else if (*c == '}' && braces->depth > 0)
		close_brace(source, &braces->stack[--braces->depth]);
	if (!isspace((unsigned char)*c))
		braces->last = *c;
}

/* One pass over the text; see the head of this file. */
static void source_scan(struct source *source)
{
	struct braces braces = { .last = '\n' };
	bool token_start = true;
	int line = 1;

	source->text = xrealloc(source->text, source->length + 1, 1);
	source->text[source->length] = '\0';
	for (size_t i = 0; i < source->length && source->sound;) {
		const char *c = &source->text[i];

		if (begins_comment(c, token_start)) {
			i = blank_comment(source, i, &line);
		} else if (*c == '"' || *c == '\'') {
			braces.last = *c;
			i = skip_string(source, i, &line);
		} else {
			scan_character(source, &braces, c, line);
			token_start = isspace((unsigned char)*c) || strchr("={}()+,", *c) != NULL;
			line += *c == '\n';
			i++;
			continue;
		}
		token_start = true;
	}
}

/* "no such option" is worth a list of those that exist; the rest is libConfuse's own text. */
static void on_error(cfg_t *section, const char *format, va_list args)
{
	char text[256];
	char known[1024] = "";
	size_t used = 0;

	if (current == NULL) /* a look-up by us, not the parser */
		return;
	vsnprintf(text, sizeof(text), format, args);
	for (unsigned i = 0; strncmp(format, "no such option", 14) == 0 && i < cfg_num(section); i++) {
		if (section->opts[i].type == CFGT_STR) /* entered by libConfuse for an unknown one */
			continue;
		used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s",
			used ? ", " : " (known here: ", section->opts[i].name);
		if (used >= sizeof(known) - 2)
			break;
	}
	problem_add(current->problems, current->path, section->line, "%s%s%s", text, known,
		known[0] ? ")" : "");
}

int syntax_setting(cfg_t *section, cfg_opt_t *option, const char *text, void *result)
{
	size_t length = strlen(text);
	struct setting *setting = xcalloc(1, sizeof(*setting) + length + 1);

	setting->line = section->line;
	memcpy(setting->text, text, length + 1);
	*(void **)result = setting;
	/* The default is of no use for these options: it remembers the line of the first value. */
	if (option->nvalues == 1 && option->def.number != 0)
		problem_add(current->problems, current->path, section->line,
			"%s: given twice (first in line %ld)", option->name, option->def.number);
	if (option->nvalues == 1)
		option->def.number = section->line;
	return 0;
}

/*
 * libConfuse replaces a section by a later one of the same title. So its title
 * is moved to the comment, and an impossible one put in its place.
 */
static int on_section(cfg_t *parent, cfg_opt_t *option)
{
	cfg_t *section = cfg_opt_getnsec(option, cfg_opt_size(option) - 1);

	(void)parent;
	if (current->next_section < current->n_sections)
		section->line = current->section_lines[current->next_section++];
	if (section->title == NULL)
		return 0;
	free(section->comment);
	section->comment = section->title;
	section->title = xasprintf("\n%u", cfg_opt_size(option));
	return 0;
}

static void watch_sections(cfg_opt_t *options)
{
	for (; options->name != NULL; options++) {
		if (options->type != CFGT_SEC)
			continue;
		options->validcb = on_section;
		watch_sections(options->subopts);
	}
}

static cfg_t *source_parse(struct source *source, cfg_opt_t *options, bool *whole)
{
	cfg_t *root;
	FILE *stream;

	watch_sections(options);
	/* KEYSTRVAL: an unknown option is reported and kept as text, and the parser goes on. */
	root = cfg_init(options, CFGF_KEYSTRVAL);
	if (root == NULL)
		abort();
	root->filename = xstrdup(source->path);
	cfg_set_error_function(root, on_error);
	if (!source->sound || source->length == 0) {
		*whole = source->sound;
		return root;
	}
	stream = fmemopen(source->text, source->length, "r");
	if (stream == NULL)
		abort();
	current = source;
	*whole = cfg_parse_fp(root, stream) == CFG_SUCCESS;
	current = NULL;
	fclose(stream);
	return root;
}

cfg_t *syntax_read(const char *path, cfg_opt_t *options, struct problems *problems, bool *whole)
{
	struct source source = { .path = path, .problems = problems, .sound = true };
	cfg_t *root = NULL;
	int rc;

	*whole = false;
	rc = source_load(&source);
	if (rc < 0) {
		problem_add(problems, path, 0, "cannot be read: %s", strerror(-rc));
	} else {
		source_scan(&source);
		root = source_parse(&source, options, whole);
	}
	free(source.section_lines);
	free(source.text);
	errno = -rc;
	return root;
}

const struct setting *syntax_get_nth(cfg_t *section, const char *name, size_t n)
{
	return cfg_opt_getnptr(cfg_getopt(section, name), (unsigned)n);
}

const struct setting *syntax_get(cfg_t *section, const char *name)
{
	return syntax_get_nth(section, name, 0);
}

size_t syntax_count(cfg_t *section, const char *name)
{
	return cfg_opt_size(cfg_getopt(section, name));
}

const char *syntax_title(const cfg_t *section)
{
	/* A section in which the parser gave up never reached on_section(). */
	return section->comment ? section->comment : section->title;
}
