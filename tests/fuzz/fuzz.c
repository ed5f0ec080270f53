/*
 * fuzz: see fuzz.h. text_read_file() and log_vwrite() are put in place of the
 * agent's by the linker (--wrap).
 */
#include "config.h"

#include "fuzz.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "core/text.h"
#include "core/util.h"

#define FILES_MAX 16

struct file {
	char *path;
	const char *text;
	size_t length;
};

static struct file given[FILES_MAX], builtin[FILES_MAX];
static size_t n_given, n_builtin;
static unsigned log_lines;

void fuzz_fail(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
	abort();
}

uint8_t choose_8(struct choices *choices)
{
	if (choices->left == 0)
		return 0;
	choices->left--;
	return *choices->at++;
}

uint16_t choose_16(struct choices *choices)
{
	uint16_t high = choose_8(choices);

	return (uint16_t)(high << 8 | choose_8(choices));
}

uint32_t choose_32(struct choices *choices)
{
	uint32_t high = choose_16(choices);

	return high << 16 | choose_16(choices);
}

uint64_t choose_64(struct choices *choices)
{
	uint64_t high = choose_32(choices);

	return high << 32 | choose_32(choices);
}

uint32_t choose_below(struct choices *choices, uint32_t limit)
{
	return (limit <= 256 ? choose_8(choices) : choose_32(choices)) % limit;
}

const uint8_t *choose_bytes(struct choices *choices, size_t wanted, size_t *n)
{
	const uint8_t *bytes = choices->at;

	*n = wanted < choices->left ? wanted : choices->left;
	choices->at += *n;
	choices->left -= *n;
	return bytes;
}

/* ---- files --------------------------------------------------------------------------------- */

static void add_given(const char *folder, size_t n_folder, const char *name, size_t n_name,
	const char *text)
{
	if (n_given == FILES_MAX || memchr(name, '\0', n_name) != NULL)
		return;
	given[n_given++] = (struct file){
		.path = xasprintf("%.*s%.*s", (int)n_folder, folder, (int)n_name, name),
		.text = text,
	};
}

static void end_given(const char *end)
{
	if (n_given > 0 && given[n_given - 1].length == 0)
		given[n_given - 1].length = (size_t)(end - given[n_given - 1].text);
}

void fuzz_files(const char *path, const uint8_t *data, size_t size)
{
	const char *at = (const char *)data, *end = at + size;
	const char *name = strrchr(path, '/') + 1;
	size_t n_folder = (size_t)(name - path);

	while (n_given > 0)
		free(given[--n_given].path);
	add_given(path, n_folder, name, strlen(name), at);
	while (at < end) {
		const char *line_end = memchr(at, '\n', (size_t)(end - at));
		const char *next = line_end != NULL ? line_end + 1 : end;

		if (end - at >= 3 && memcmp(at, "%% ", 3) == 0 && line_end != NULL) {
			end_given(at);
			add_given(path, n_folder, at + 3, (size_t)(line_end - at) - 3, next);
		}
		at = next;
	}
	end_given(end);
}

char *__real_text_read_file(const char *path, size_t max_bytes, size_t *length);
char *__wrap_text_read_file(const char *path, size_t max_bytes, size_t *length);

void fuzz_builtin(const char *path)
{
	struct file *file = &builtin[n_builtin++];
	char *whole = xasprintf("%s/%s", TEST_SRCDIR, path);

	file->path = whole;
	file->text = __real_text_read_file(whole, 1 << 20, &file->length);
	if (file->text == NULL) {
		perror(whole);
		exit(2);
	}
}

static const struct file *find_file(const char *path)
{
	const char *slash = strrchr(path, '/');

	for (size_t i = 0; i < n_given; i++)
		if (strcmp(given[i].path, path) == 0)
			return &given[i];
	for (size_t i = 0; i < n_builtin; i++)
		if (slash != NULL && strcmp(strrchr(builtin[i].path, '/'), slash) == 0)
			return &builtin[i];
	return NULL;
}

const char *fuzz_find_file(const char *path, size_t *length)
{
	const struct file *file = find_file(path);

	*length = file != NULL ? file->length : 0;
	return file != NULL ? file->text : NULL;
}

char *__wrap_text_read_file(const char *path, size_t max_bytes, size_t *length)
{
	const struct file *file = find_file(path);
	char *text;

	errno = file == NULL ? ENOENT : file->length > max_bytes ? EFBIG : 0;
	if (errno != 0)
		return NULL;
	text = xcalloc(file->length + 1, 1);
	if (file->length > 0)
		memcpy(text, file->text, file->length);
	*length = file->length;
	return text;
}

void fuzz_check_problems(const struct problems *problems)
{
	for (size_t i = 0; i < problems->count; i++) {
		REQUIRE(problems->items[i].line >= 0);
		REQUIRE(problems->items[i].text[0] != '\0');
		REQUIRE(text_fault(problems->items[i].text) == NULL);
	}
}

/* ---- log ----------------------------------------------------------------------------------- */

void __wrap_log_write(enum log_level level, const char *token, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Formatted all the same, so that sanitizers see what it is made of. */
void __wrap_log_write(enum log_level level, const char *token, const char *format, ...)
{
	char text[2048];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	log_lines++;
	(void)level;
	REQUIRE(token[0] != '\0' && text[0] != '\0');
}

unsigned fuzz_log_lines(void)
{
	return log_lines;
}
