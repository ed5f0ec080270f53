/* text: see text.h. */
#include "config.h"

#include "core/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/util.h"

#define SHOWN_MAX 60

size_t text_character(const char *text, size_t length)
{
	/* Bytes that follow -> mask and value of the first, smallest code that needs so many. */
	static const struct {
		unsigned char mask, lead;
		uint32_t least;
	} forms[] = {
		{ 0x80, 0x00, 0 },
		{ 0xe0, 0xc0, 0x80 },
		{ 0xf0, 0xe0, 0x800 },
		{ 0xf8, 0xf0, 0x10000 },
	};
	const unsigned char *byte = (const unsigned char *)text;
	uint32_t code;
	size_t n = 0;

	while (n < ARRAY_LEN(forms) && (byte[0] & forms[n].mask) != forms[n].lead)
		n++;
	if (n == ARRAY_LEN(forms) || n >= length)
		return 0;
	code = byte[0] & (unsigned char)~forms[n].mask;
	for (size_t i = 1; i <= n; i++) {
		if ((byte[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (byte[i] & 0x3f);
	}
	/* Overlong forms, UTF-16 surrogates and what is beyond Unicode are none. */
	if (code < forms[n].least || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return 0;
	return n + 1;
}

/* C0, DEL, and the C1 controls U+0080 to U+009F; of a whole character. */
static bool is_control(const char *character)
{
	unsigned char c = (unsigned char)character[0];

	return c < ' ' || c == 0x7f || (c == 0xc2 && (unsigned char)character[1] < 0xa0);
}

const char *text_fault(const char *text)
{
	size_t length = strlen(text), n;

	for (size_t i = 0; i < length; i += n) {
		n = text_character(text + i, length - i);
		if (n == 0)
			return "is not UTF-8";
		if (is_control(text + i))
			return "contains a control character";
	}
	return NULL;
}

size_t text_escape(char *to, size_t size, const char *from, size_t length)
{
	size_t copied = 0;

	for (size_t i = 0; i < length;) {
		size_t n = text_character(from + i, length - i);
		char escape[] = "\\x00";

		if (n == 0 || is_control(from + i)) {
			/* byte by byte, also the two of a C1 control */
			escape[2] = "0123456789abcdef"[(unsigned char)from[i] >> 4];
			escape[3] = "0123456789abcdef"[(unsigned char)from[i] & 15];
			n = 0;
		}
		if (copied + (n > 0 ? n : 4) >= size)
			break;
		memcpy(to + copied, n > 0 ? from + i : escape, n > 0 ? n : 4);
		copied += n > 0 ? n : 4;
		i += n > 0 ? n : 1;
	}
	to[copied] = '\0';
	return copied;
}

void text_clean(char *text)
{
	size_t length = strlen(text), n;

	for (size_t i = 0; i < length; i += n) {
		n = text_character(text + i, length - i);
		if (n > 0 && !is_control(text + i))
			continue;
		n = n > 0 ? n : 1;
		memset(text + i, '?', n);
	}
}

int text_shown(const char *text)
{
	size_t length = strlen(text), shown = 0, n;

	while (shown < length && shown < SHOWN_MAX) {
		n = text_character(text + shown, length - shown);
		shown += n > 0 ? n : 1;
	}
	return (int)shown;
}

static char *read_all(int fd, size_t size, size_t *length)
{
	char *text = xcalloc(size + 1, 1);
	ssize_t n = 1;

	*length = 0;
	while (*length < size && n > 0) {
		n = read(fd, text + *length, size - *length);
		if (n > 0)
			*length += (size_t)n;
	}
	if (n >= 0)
		return text;
	free(text);
	return NULL;
}

char *text_read_file(const char *path, size_t max_bytes, size_t *length)
{
	/* O_NONBLOCK: a fifo must not hold us; it is refused below. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat status;
	char *text = NULL;
	int rc;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &status) < 0)
		rc = errno;
	else if (S_ISDIR(status.st_mode))
		rc = EISDIR;
	else if (!S_ISREG(status.st_mode))
		rc = EINVAL;
	else if ((uintmax_t)status.st_size > max_bytes)
		rc = EFBIG;
	else if ((text = read_all(fd, (size_t)status.st_size, length)) == NULL)
		rc = errno;
	else
		rc = 0;
	close(fd);
	errno = rc;
	return text;
}
