/*
 * poll_print: one poll of one panel, for people (poll_text.c) and for programs
 * (poll_json.c).
 */
#ifndef METERX_CTL_POLL_PRINT_H
#define METERX_CTL_POLL_PRINT_H

#include <stdio.h>

#include "ctl/facts.h"

/* all: every point of the profile that was read, with its register, too. */
void poll_print_text(const struct facts *facts, bool all, FILE *out);
void poll_print_json(const struct facts *facts, bool all, FILE *out);

/* One element of a point that was read. */
struct poll_point {
	const struct point *point;
	unsigned channel;
	unsigned reg; /* as the meter's manual prints it */
	struct reading value;
	const char *text; /* NULL: a number */
};

/* Calls tell for each, in the order of the profile. */
void poll_points(const struct facts *facts, void (*tell)(const struct poll_point *point, void *arg),
	void *arg);
const char *quality_name(enum quality quality);

#endif
