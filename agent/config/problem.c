/* problem: see problem.h. */
#include "config.h"

#include "config/problem.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "core/util.h"

static char *escaped(const char *text)
{
	size_t length = strlen(text), size = length * 4 + 1;
	char *shown = xcalloc(size, 1);

	text_escape(shown, size, text, length);
	return shown;
}

void problem_add(struct problems *problems, const char *file, int line, const char *format, ...)
{
	struct problem *problem;
	va_list args;
	char *text;

	if (problems->count >= PROBLEMS_MAX) {
		problems->dropped++;
		return;
	}
	va_start(args, format);
	text = xvasprintf(format, args);
	va_end(args);
	problems->items = xrealloc(problems->items, problems->count + 1, sizeof(*problem));
	problem = &problems->items[problems->count++];
	problem->file = xstrdup(file);
	problem->line = line;
	problem->text = escaped(text); /* it quotes the file */
	free(text);
}

void problems_print(const struct problems *problems, FILE *out)
{
	for (size_t i = 0; i < problems->count; i++) {
		const struct problem *problem = &problems->items[i];

		if (problem->line > 0)
			fprintf(out, "%s:%d: %s\n", problem->file, problem->line, problem->text);
		else
			fprintf(out, "%s: %s\n", problem->file, problem->text);
	}
	if (problems->dropped > 0)
		fprintf(out, "... and %zu more\n", problems->dropped);
}

void problems_free(struct problems *problems)
{
	for (size_t i = 0; i < problems->count; i++) {
		free(problems->items[i].file);
		free(problems->items[i].text);
	}
	free(problems->items);
	*problems = (struct problems)PROBLEMS_INIT;
}
