/*
 * text: bytes from outside that are to be shown to people.
 */
#ifndef METERX_CORE_TEXT_H
#define METERX_CORE_TEXT_H

#include <stddef.h>

/* Bytes of the UTF-8 character at text (length bytes left), 0 when it is none. */
size_t text_character(const char *text, size_t length);

/* NULL, or what is wrong with a text of one line: "is not UTF-8", "contains a control character".
 */
const char *text_fault(const char *text);

/* Puts '?' in place of all of that: whatever a text holds, it can be shown in one line. */
void text_clean(char *text);

/* Bytes of a text to show in a message, for "%.*s": all, or whole characters of its beginning. */
int text_shown(const char *text);

/*
 * Copy length bytes for a reader's terminal: what is no UTF-8 and control characters
 * become \xNN. Ends before what does not fit into size bytes; terminated. Returns the
 * length of the copy.
 */
size_t text_escape(char *to, size_t size, const char *from, size_t length);

/*
 * A whole regular file, with a 0 behind its end that is not counted. NULL with
 * errno: EFBIG when it is longer than max_bytes, EINVAL when it is no regular
 * file, else why it cannot be read. Free with free().
 */
char *text_read_file(const char *path, size_t max_bytes, size_t *length);

#endif
