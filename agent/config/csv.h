/*
 * csv: reads comma separated values as RFC 4180 has them.
 *
 * Fields in quotes may hold commas, line ends and doubled quotes; lines end in
 * LF or CR LF; a UTF-8 byte order mark at the start is skipped. Works in place
 * on a text in memory, with the line of every record for messages.
 */
#ifndef METERX_CONFIG_CSV_H
#define METERX_CONFIG_CSV_H

#include <stddef.h>

#define CSV_FIELDS_MAX 16

struct csv {
	char *next, *end; /* what has not been read yet */
	int line;	  /* at which next stands */
};

struct csv_record {
	int line;
	size_t n;			    /* fields; 0: an empty line */
	const char *fields[CSV_FIELDS_MAX]; /* in the text given to csv_init() */
};

/* text stays the caller's, is changed, and must be followed by a 0 byte: text[length] == 0. */
void csv_init(struct csv *csv, char *text, size_t length);

/*
 * Read the next record. 1, 0 at the end, or -EINVAL with *why (static text) and
 * record->line; after an error reading goes on with the next line.
 */
int csv_next(struct csv *csv, struct csv_record *record, const char **why);

#endif
