/*
 * log: see log.h. The level is set once in main and read by every thread, so
 * it is atomic; nothing else is shared.
 */
#include "config.h"

#include "log.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/text.h"

#define LINE_MAX_BYTES 1024

static _Atomic int threshold = LOG_LEVEL_INFO;
static bool journal;
static const char *program_name = "meterx";

static const struct {
	const char *name;
	int priority; /* syslog(3) severity, as sd-daemon(3) wants it */
} levels[] = {
	[LOG_LEVEL_ERROR] = { "error", 3 },
	[LOG_LEVEL_WARNING] = { "warning", 4 },
	[LOG_LEVEL_INFO] = { "info", 6 },
	[LOG_LEVEL_DEBUG] = { "debug", 7 },
};

void log_init(const char *program, enum log_level level)
{
	program_name = program;
	journal = getenv("JOURNAL_STREAM") != NULL;
	atomic_store(&threshold, (int)level);
}

bool log_level_parse(const char *text, enum log_level *level)
{
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		if (strcmp(text, levels[i].name) == 0) {
			*level = (enum log_level)i;
			return true;
		}
	}
	return false;
}

bool log_enabled(enum log_level level)
{
	return (int)level <= atomic_load_explicit(&threshold, memory_order_relaxed);
}

static size_t line_prefix(char *line, size_t size, enum log_level level, const char *token)
{
	struct timespec now;
	struct tm tm;
	char stamp[32];

	if (journal)
		return (size_t)snprintf(line, size, "<%d>%s: ", levels[level].priority, token);
	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
	return (size_t)snprintf(line, size, "%s.%03ld %s %s %s: ", stamp, now.tv_nsec / 1000000,
		program_name, levels[level].name, token);
}

void log_vwrite(enum log_level level, const char *token, const char *format, va_list args)
{
	char line[LINE_MAX_BYTES], shown[LINE_MAX_BYTES * 2];
	size_t length;
	int n;

	if (!log_enabled(level))
		return;
	length = line_prefix(line, sizeof(line), level, token);
	n = vsnprintf(line + length, sizeof(line) - length, format, args);
	if (n > 0)
		length += (size_t)n;
	if (length > sizeof(line) - 1)
		length = sizeof(line) - 1;
	length = text_escape(shown, sizeof(shown) - 1, line, length);
	shown[length++] = '\n';
	/* A log that cannot be written must not stop the daemon. */
	if (write(STDERR_FILENO, shown, length) < 0)
		return;
}

void log_write(enum log_level level, const char *token, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_vwrite(level, token, format, args);
	va_end(args);
}
