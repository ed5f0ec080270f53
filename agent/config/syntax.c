/*
 * syntax: see syntax.h.
 *
 * libConfuse alone stops at the first unknown option, counts a comment as three
 * lines, and stays in a string that was not closed even for the next file. So
 * one pass over the text writes the text that libConfuse gets: the scanner
 * leaves comments out and checks strings, the walker compares the tokens with
 * the tables and leaves out what is not in them. Lines stay what they were.
 */
#include "config.h"

#include "config/syntax.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "core/util.h"

#define FILE_BYTES_MAX (32 << 20)
#define SECTIONS_MAX   10000 /* in one section: libConfuse compares all their titles */

enum token_kind {
	TOKEN_END,
	TOKEN_WORD,
	TOKEN_APPEND, /* += */
	TOKEN_EQUAL,
	TOKEN_COMMA,
	TOKEN_OPEN,
	TOKEN_CLOSE,
};

struct token {
	enum token_kind kind;
	int line;
	size_t begin;	   /* in out */
	size_t start, end; /* the same without quotes */
};

struct scan {
	const char *path;
	struct problems *problems;
	const char *in, *end;
	int line;
	char *out;
	size_t length, capacity;
	bool muted;	    /* only line ends are copied */
	bool stopped;	    /* a syntax error was reported: what follows means nothing */
	int *section_lines; /* by closing brace: the order in which libConfuse ends sections */
	size_t n_sections, next_section;
};

/* libConfuse hands its callbacks no context of ours. */
static struct scan *current;

#define problem(scan, line, ...) problem_add((scan)->problems, (scan)->path, line, __VA_ARGS__)

/* The scanner: characters to tokens, and to out what libConfuse shall see. */

static void emit(struct scan *scan, const char *text, size_t length)
{
	if (scan->muted && *text != '\n')
		return;
	if (scan->length + length > scan->capacity) {
		scan->capacity = 2 * scan->capacity + length;
		scan->out = xrealloc(scan->out, scan->capacity, 1);
	}
	memcpy(scan->out + scan->length, text, length);
	scan->length += length;
}

static void take(struct scan *scan, size_t length)
{
	emit(scan, scan->in, length);
	if (*scan->in == '\n')
		scan->line++;
	scan->in += length;
}

/* Leave a character out that was reported. */
static void drop(struct scan *scan)
{
	emit(scan, "?", 1);
	scan->in++;
}

static bool looking_at(const struct scan *scan, const char *text)
{
	return strncmp(scan->in, text, strlen(text)) == 0; /* a 0 stands behind the end */
}

/* One character of a word or string; what may not stand there is reported. */
static void take_character(struct scan *scan)
{
	size_t n = text_character(scan->in, (size_t)(scan->end - scan->in));
	unsigned char c = (unsigned char)*scan->in;

	if (n == 0)
		problem(scan, scan->line, "byte 0x%02x is not UTF-8", c);
	else if (c < ' ' || c == 0x7f)
		problem(scan, scan->line, "control character 0x%02x", c);
	if (n == 0 || c < ' ' || c == 0x7f)
		drop(scan);
	else
		take(scan, n);
}

static void skip_block_comment(struct scan *scan)
{
	int line = scan->line;

	for (scan->in += 2; scan->in < scan->end; scan->in++) {
		if (looking_at(scan, "*/")) {
			scan->in += 2;
			return;
		}
		if (*scan->in == '\n') {
			emit(scan, "\n", 1);
			scan->line++;
		}
	}
	problem(scan, line, "this comment does not end: %s is missing", "*/");
	scan->stopped = true;
}

static void skip_blanks(struct scan *scan)
{
	while (scan->in < scan->end) {
		if (strchr(" \t\r\n", *scan->in) != NULL && *scan->in != '\0')
			take(scan, 1);
		else if (*scan->in == '#' || looking_at(scan, "//"))
			scan->in += strcspn(scan->in, "\n");
		else if (looking_at(scan, "/*"))
			skip_block_comment(scan);
		else
			return;
	}
}

static void take_escape(struct scan *scan, char quote)
{
	char c = scan->in[1];

	if (c == quote || c == '\\' || (c == '$' && quote == '"')) {
		take(scan, 2);
		return;
	}
	problem(scan, scan->line, "in a string \\ stands only before %s",
		quote == '"' ? "\", \\ or $" : "' or \\");
	drop(scan);
}

static void take_string(struct scan *scan, struct token *token)
{
	char quote = *scan->in;

	take(scan, 1);
	token->start = scan->length;
	while (scan->in < scan->end && *scan->in != quote && *scan->in != '\n') {
		if (*scan->in == '\\') {
			take_escape(scan, quote);
		} else if (quote == '"' && looking_at(scan, "${")) {
			problem(scan, scan->line, "environment variables are not expanded: %s",
				"write \"\\${\"");
			drop(scan);
		} else {
			take_character(scan);
		}
	}
	token->end = scan->length;
	if (scan->in < scan->end && *scan->in == quote) {
		take(scan, 1);
		return;
	}
	problem(scan, scan->line, "this string does not end: the closing %s is missing in its line",
		quote == '"' ? "\"" : "'");
	emit(scan, &quote, 1);
}

static bool is_word(char c)
{
	return (unsigned char)c > ' ' && strchr("#\"'={}()+,*\\$", c) == NULL;
}

static void take_mark(struct scan *scan, struct token *token)
{
	static const struct {
		const char *text;
		enum token_kind kind;
	} marks[] = {
		{ "+=", TOKEN_APPEND },
		{ "=", TOKEN_EQUAL },
		{ ",", TOKEN_COMMA },
		{ "{", TOKEN_OPEN },
		{ "}", TOKEN_CLOSE },
	};

	for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
		if (looking_at(scan, marks[i].text)) {
			token->kind = marks[i].kind;
			take(scan, strlen(marks[i].text));
			return;
		}
	}
	if (*scan->in > ' ')
		problem(scan, scan->line, "unexpected '%c' (a text needs quotes)", *scan->in);
	else
		problem(scan, scan->line, "control character 0x%02x", (unsigned char)*scan->in);
	scan->stopped = true;
}

static struct token next_token(struct scan *scan)
{
	struct token token = { .kind = TOKEN_END };

	skip_blanks(scan);
	token.line = scan->line;
	token.begin = token.start = scan->length;
	if (scan->in >= scan->end || scan->stopped)
		return token;
	if (*scan->in == '"' || *scan->in == '\'') {
		token.kind = TOKEN_WORD;
		take_string(scan, &token);
		return token;
	}
	while (scan->in < scan->end && is_word(*scan->in)) {
		token.kind = TOKEN_WORD;
		take_character(scan);
	}
	if (token.kind != TOKEN_WORD)
		take_mark(scan, &token);
	token.end = scan->length;
	return token;
}

/* The walker: tokens against the tables. */

/* Take back what was copied since the beginning of the token, but for the line ends. */
static void retract(struct scan *scan, const struct token *token)
{
	scan->length = token->begin;
	for (int line = token->line; line < scan->line; line++)
		emit(scan, "\n", 1);
}

static void stop(
	struct scan *scan, const struct token *found, const char *wanted, const char *after)
{
	static const char *const names[] = {
		[TOKEN_END] = "the end of the file",
		[TOKEN_WORD] = "a word",
		[TOKEN_APPEND] = "\"+=\"",
		[TOKEN_EQUAL] = "\"=\"",
		[TOKEN_COMMA] = "\",\"",
		[TOKEN_OPEN] = "\"{\"",
		[TOKEN_CLOSE] = "\"}\"",
	};

	if (!scan->stopped)
		problem(scan, found->line, "%s is missing after \"%.*s\": here is %s", wanted,
			text_shown(after), after, names[found->kind]);
	scan->stopped = true;
}

/* Up to the brace that closes the open one. */
static void skip_block(struct scan *scan, const char *name)
{
	for (unsigned depth = 1; depth > 0;) {
		struct token token = next_token(scan);

		if (token.kind == TOKEN_END) {
			stop(scan, &token, "\"}\"", name);
			return;
		}
		depth += token.kind == TOKEN_OPEN;
		depth -= token.kind == TOKEN_CLOSE;
	}
}

/* What may follow a name: = value, += { list }, { section }, "title" { section }. */
static void skip_unknown(struct scan *scan, const char *name)
{
	struct token token = next_token(scan);
	bool value = token.kind == TOKEN_EQUAL || token.kind == TOKEN_APPEND;

	if (value || token.kind == TOKEN_WORD)
		token = next_token(scan);
	if (token.kind == TOKEN_OPEN)
		skip_block(scan, name);
	else if (!value || token.kind != TOKEN_WORD)
		stop(scan, &token, "\"=\" and a value", name);
}

static void walk_unknown(
	struct scan *scan, const struct token *token, const char *name, const cfg_opt_t *options)
{
	char known[1024] = "";
	size_t used = 0;

	if (name[0] >= '0' && name[0] <= '9') {
		problem(scan, token->line,
			"'%.*s' is one value too many, or is missing a \"=\" before it",
			text_shown(name), name);
		retract(scan, token);
		return;
	}
	for (; options->name != NULL && used < sizeof(known); options++)
		used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s",
			used ? ", " : "", options->name);
	problem(scan, token->line, "no such option '%.*s' (known here: %s)", text_shown(name), name,
		known);
	scan->muted = true;
	skip_unknown(scan, name);
	scan->muted = false;
	retract(scan, token);
}

static void walk_list(struct scan *scan, const char *name)
{
	struct token token = next_token(scan);

	while (token.kind == TOKEN_WORD) {
		token = next_token(scan);
		if (token.kind != TOKEN_COMMA)
			break;
		token = next_token(scan);
	}
	if (token.kind != TOKEN_CLOSE)
		stop(scan, &token, "\",\" or \"}\" in the list", name);
}

static void walk_value(struct scan *scan, const struct token *name, const cfg_opt_t *option)
{
	struct token token = next_token(scan);
	bool list = option->flags & CFGF_LIST;

	if (token.kind != TOKEN_EQUAL && !(token.kind == TOKEN_APPEND && list)) {
		stop(scan, &token, "\"=\"", option->name);
		return;
	}
	token = next_token(scan);
	if (token.kind == TOKEN_OPEN && list) {
		walk_list(scan, option->name);
	} else if (token.kind == TOKEN_OPEN) {
		problem(scan, token.line, "%s: takes one value, not a list", option->name);
		skip_block(scan, option->name);
		retract(scan, name);
	} else if (token.kind != TOKEN_WORD) {
		stop(scan, &token, "a value", option->name);
	}
}

static void walk(
	struct scan *scan, const cfg_opt_t *options, const struct token *opened, const char *in);

static void walk_section(struct scan *scan, const struct token *name, const cfg_opt_t *option)
{
	struct token token = next_token(scan);
	bool titled = option->flags & CFGF_TITLE;

	if (titled && token.kind != TOKEN_WORD) {
		stop(scan, &token, "a name", option->name);
		return;
	}
	if (titled)
		token = next_token(scan);
	if (token.kind != TOKEN_OPEN) {
		stop(scan, &token, "\"{\"", option->name);
		return;
	}
	walk(scan, option->subopts, name, option->name);
	if (scan->stopped)
		return;
	scan->section_lines =
		xrealloc(scan->section_lines, scan->n_sections + 1, sizeof(*scan->section_lines));
	scan->section_lines[scan->n_sections++] = name->line;
}

static const cfg_opt_t *find_option(const cfg_opt_t *options, const char *name)
{
	while (options->name != NULL && strcmp(options->name, name) != 0)
		options++;
	return options->name != NULL ? options : NULL;
}

/* No option begins here: the end of the section (opened: its name), of the file, or an error. */
static void walk_end(
	struct scan *scan, const struct token *found, const struct token *opened, const char *in)
{
	enum token_kind wanted = opened != NULL ? TOKEN_CLOSE : TOKEN_END;

	if (scan->stopped || found->kind == wanted)
		return;
	if (found->kind == TOKEN_END)
		problem(scan, opened->line, "%s: its closing \"}\" is missing", in);
	else if (found->kind == TOKEN_CLOSE)
		problem(scan, found->line, "\"}\" closes nothing");
	else
		stop(scan, found, "the name of an option", in != NULL ? in : "what is before");
	scan->stopped = true;
}

/* The options of one section and its closing brace, or of the file (opened and in NULL). */
static void walk(
	struct scan *scan, const cfg_opt_t *options, const struct token *opened, const char *in)
{
	unsigned sections = 0;

	while (!scan->stopped) {
		struct token token = next_token(scan);
		const cfg_opt_t *option;
		char *name;

		if (token.kind != TOKEN_WORD) {
			walk_end(scan, &token, opened, in);
			return;
		}
		name = strndup(scan->out + token.start, token.end - token.start);
		option = find_option(options, name);
		if (option == NULL) {
			walk_unknown(scan, &token, name, options);
		} else if (option->type != CFGT_SEC) {
			walk_value(scan, &token, option);
		} else if (++sections > SECTIONS_MAX) {
			problem(scan, token.line, "%s: more sections than anybody needs", name);
			scan->stopped = true;
		} else {
			walk_section(scan, &token, option);
		}
		free(name);
	}
}

/* libConfuse's side. */

/* After the walker nothing is left to complain about but its own limits. */
static void __attribute__((format(printf, 2, 0)))
on_error(cfg_t *section, const char *format, va_list args)
{
	char text[256];

	if (current->stopped)
		return;
	vsnprintf(text, sizeof(text), format, args);
	problem(current, section->line, "%s", text);
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
		problem(current, section->line, "%s: given twice (first in line %ld)", option->name,
			option->def.number);
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

static cfg_t *parse(struct scan *scan, cfg_opt_t *options, bool *whole)
{
	cfg_t *root;
	FILE *stream;

	watch_sections(options);
	root = cfg_init(options, CFGF_NONE);
	if (root == NULL)
		abort();
	root->filename = xstrdup(scan->path);
	cfg_set_error_function(root, on_error);
	*whole = !scan->stopped;
	if (scan->length == 0)
		return root;
	stream = fmemopen(scan->out, scan->length, "r");
	if (stream == NULL)
		abort();
	current = scan;
	if (cfg_parse_fp(root, stream) != CFG_SUCCESS)
		*whole = false;
	current = NULL;
	fclose(stream);
	return root;
}

cfg_t *syntax_read(const char *path, cfg_opt_t *options, struct problems *problems, bool *whole)
{
	struct scan scan = { .path = path, .problems = problems, .line = 1 };
	size_t length;
	char *text = text_read_file(path, FILE_BYTES_MAX, &length);
	cfg_t *root;
	int saved = errno;

	*whole = false;
	if (text == NULL) {
		problem_add(problems, path, 0, "cannot be read: %s", strerror(saved));
		errno = saved;
		return NULL;
	}
	scan.in = text;
	scan.end = text + length;
	if (looking_at(&scan, "\xef\xbb\xbf"))
		scan.in += 3;
	walk(&scan, options, NULL, NULL);
	root = parse(&scan, options, whole);
	free(scan.section_lines);
	free(scan.out);
	free(text);
	errno = 0;
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
