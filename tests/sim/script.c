/*
 * Scripts: commands with a time in front.
 *
 *	freeze off
 *	at 60 current 1 7 15.5       # a simulated minute after the start
 *	after 5 fault silent for 10  # five real seconds after the start
 */
#include "config.h"

#include "sim/script.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void add_line(struct script *script, struct script_line line)
{
	script->line = realloc(script->line, (script->n + 1) * sizeof(line));
	if (!script->line)
		abort();
	script->line[script->n++] = line;
}

/* Returns -1 when the time makes no sense. */
static int parse_line(struct script *script, char *text, unsigned number)
{
	struct script_line line = { .number = number, .real = true };
	char *word, *end;

	text[strcspn(text, "#\r\n")] = 0;
	text += strspn(text, " \t");
	if (!*text)
		return 0;
	if (!strncmp(text, "at ", 3) || !strncmp(text, "after ", 6)) {
		line.real = text[1] == 'f';
		word = strchr(text, ' ');
		line.seconds = strtod(word, &end);
		if (end == word || !(line.seconds >= 0) || (*end != ' ' && *end != '\t'))
			return -1;
		text = end;
	}
	line.command = strdup(text);
	if (!line.command)
		abort();
	add_line(script, line);
	return 0;
}

int script_load(struct script *script, const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = NULL;
	size_t size = 0;
	int rc = 0;

	if (!file) {
		fprintf(stderr, "meterx-sim: %s: %s\n", path, strerror(errno));
		return -1;
	}
	script->path = path;
	for (unsigned number = 1; getline(&text, &size, file) >= 0; number++)
		if (parse_line(script, text, number) < 0) {
			fprintf(stderr,
				"meterx-sim: %s:%u: seconds from 0 must follow, then a command\n",
				path, number);
			rc = -1;
		}
	free(text);
	fclose(file);
	return rc;
}

void script_free(struct script *script)
{
	for (unsigned i = 0; i < script->n; i++)
		free(script->line[i].command);
	free(script->line);
}

void script_start(struct script *script, double now)
{
	script->begun = now;
}

static double seconds_left(const struct script *script, const struct script_line *line,
	const struct site *site, double now)
{
	return line->seconds - (line->real ? now - script->begun : site->passed);
}

static void run_line(
	struct script *script, struct script_line *line, struct stage *stage, double now)
{
	char *answer = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&answer, &len);

	if (!out)
		abort();
	line->done = true;
	int rc = command_run(stage, line->command, out, now);

	fclose(out);
	if (rc)
		fprintf(stderr, "meterx-sim: %s:%u: %s\n", script->path, line->number, answer);
	free(answer);
}

void script_run(struct script *script, struct stage *stage, double now)
{
	for (unsigned i = 0; i < script->n; i++) {
		struct script_line *line = &script->line[i];

		if (!line->done && seconds_left(script, line, stage->site, now) <= 0)
			run_line(script, line, stage, now);
	}
}

double script_deadline(const struct script *script, const struct site *site, double now)
{
	double nearest = -1;

	for (unsigned i = 0; i < script->n; i++) {
		const struct script_line *line = &script->line[i];
		double left = seconds_left(script, line, site, now);

		if (line->done || (!line->real && left > 0)) /* the tick sees to those */
			continue;
		if (nearest < 0 || left < nearest)
			nearest = fmax(0, left);
	}
	return nearest;
}
