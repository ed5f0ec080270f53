/*
 * log: one line per event, to the journal or stderr.
 *
 * Every line has a level and a token; the token is the module's name. Any
 * thread. A line is written with one write(2), so lines of two threads never mix.
 */
#ifndef METERX_CORE_LOG_H
#define METERX_CORE_LOG_H

#include <stdarg.h>
#include <stdbool.h>

enum log_level {
	LOG_LEVEL_ERROR,   /* the operator must act */
	LOG_LEVEL_WARNING, /* degraded, still serving */
	LOG_LEVEL_INFO,    /* life cycle and transitions */
	LOG_LEVEL_DEBUG,   /* by token, for developers */
};

/*
 * Set the threshold. Under systemd (JOURNAL_STREAM set) lines carry the
 * "<N>" priority prefix that journald reads; elsewhere time and level in words.
 */
void log_init(const char *program, enum log_level level);

/* "error", "warning", "info", "debug" -> *level; false for anything else. */
bool log_level_parse(const char *text, enum log_level *level);
bool log_enabled(enum log_level level);

void log_write(enum log_level level, const char *token, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void log_vwrite(enum log_level level, const char *token, const char *format, va_list args)
	__attribute__((format(printf, 3, 0)));

#define log_error(...)   log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)    log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)                                                                             \
	do {                                                                                       \
		if (log_enabled(LOG_LEVEL_DEBUG))                                                  \
			log_write(LOG_LEVEL_DEBUG, __VA_ARGS__);                                   \
	} while (0)

#endif
