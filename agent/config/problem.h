/*
 * problem: the list of everything wrong with a file, so that one run tells all.
 */
#ifndef METERX_CONFIG_PROBLEM_H
#define METERX_CONFIG_PROBLEM_H

#include <stddef.h>
#include <stdio.h>

#define PROBLEMS_MAX 1000

struct problem {
	char *file;
	int line; /* 0: the file as a whole */
	char *text; /* option, value and what is allowed: "poll: 5 is out of range (100 to 3600000 ms)" */
};

struct problems {
	struct problem *items;
	size_t count;
	size_t dropped; /* beyond PROBLEMS_MAX */
};

#define PROBLEMS_INIT { NULL, 0, 0 }

/* Takes copies of file and of the formatted text. */
void problem_add(struct problems *problems, const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* One line each: "FILE:LINE: text", sorted as found. */
void problems_print(const struct problems *problems, FILE *out);
void problems_free(struct problems *problems);

#endif
