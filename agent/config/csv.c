/*
 * csv: see csv.h. A field only ever gets shorter (quotes go), so it is written
 * over the text it was read from.
 */
#include "config.h"

#include "config/csv.h"

#include <errno.h>
#include <string.h>

void csv_init(struct csv *csv, char *text, size_t length)
{
	csv->next = text;
	csv->end = text + length;
	csv->line = 1;
	if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		csv->next += 3;
}

/* Behind the end of the line. */
static void skip_line(struct csv *csv)
{
	char *end = memchr(csv->next, '\n', (size_t)(csv->end - csv->next));

	if (end != NULL)
		csv->line++;
	csv->next = end != NULL ? end + 1 : csv->end;
}

/* The field that begins at csv->next, in quotes; NULL: why not. */
static char *quoted_field(struct csv *csv, const char **why)
{
	char *start = ++csv->next, *to = start;
	int line = csv->line;

	while (csv->next < csv->end) {
		char c = *csv->next++;

		if (c == '"' && *csv->next != '"') {
			*to = '\0';
			return start;
		}
		if (c == '\0')
			break;
		if (c == '"')
			csv->next++;
		if (c == '\n')
			csv->line++;
		*to++ = c;
	}
	*why = csv->next < csv->end ? "byte 0x00" : "quote is not closed";
	csv->line = line;
	return NULL;
}

static char *plain_field(struct csv *csv, const char **why)
{
	char *start = csv->next;

	while (csv->next < csv->end && strchr(",\"\r\n", *csv->next) == NULL)
		csv->next++;
	if (csv->next < csv->end && *csv->next == '"') {
		*why = "quote inside a field that does not begin with one";
		return NULL;
	}
	return start;
}

/* What ends a field: ',', '\n' (CR LF too), or 0 at the end of the text; -1: *why. */
static int take_separator(struct csv *csv, const char **why)
{
	char c = *csv->next;

	if (csv->next >= csv->end)
		return 0;
	*csv->next++ = '\0';
	if (c == '\r' && *csv->next == '\n') {
		csv->next++;
		c = '\n';
	}
	if (c == '\n')
		csv->line++;
	if (c == ',' || c == '\n')
		return c;
	*why = c == '\0'   ? "byte 0x00"
	       : c == '\r' ? "carriage return inside a line"
			   : "text behind a closing quote";
	return -1;
}

int csv_next(struct csv *csv, struct csv_record *record, const char **why)
{
	int separator = ',';

	record->n = 0;
	record->line = csv->line;
	if (csv->next >= csv->end)
		return 0;
	while (separator == ',') {
		char *field = *csv->next == '"' ? quoted_field(csv, why) : plain_field(csv, why);

		if (field != NULL && record->n == CSV_FIELDS_MAX) {
			*why = "too many fields";
			field = NULL;
		}
		separator = field != NULL ? take_separator(csv, why) : -1;
		if (separator < 0) {
			skip_line(csv);
			return -EINVAL;
		}
		record->fields[record->n++] = field;
	}
	if (record->n == 1 && record->fields[0][0] == '\0')
		record->n = 0;
	return 1;
}
