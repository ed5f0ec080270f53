/*
 * util: allocation that cannot fail and a few helpers that C lacks.
 *
 * Out of memory ends the process (the service manager starts it again);
 * no caller handles NULL.
 */
#ifndef METERX_CORE_UTIL_H
#define METERX_CORE_UTIL_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Zeroed memory for count objects of size bytes. Free with free(). */
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *ptr, size_t count, size_t size);
char *xstrdup(const char *text);
char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *xvasprintf(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

/* Copy with truncation, always terminated. */
void text_copy(char *to, size_t size, const char *from);

/*
 * Whole decimal or 0x number in text -> *value; -EINVAL when it is not one,
 * -ERANGE outside [min, max].
 */
int number_parse(const char *text, int64_t min, int64_t max, int64_t *value);

#endif
