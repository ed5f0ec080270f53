/*
 * branches: what the operator says of a panel's branches, from a branch file
 * (CSV: number,label,tenant,breaker-amps,poles) or from "branch" sections.
 */
#ifndef METERX_CONFIG_BRANCHES_H
#define METERX_CONFIG_BRANCHES_H

#include <stdbool.h>

#include "config/conf.h"

#define BRANCH_PROPERTIES 4

/* A column of the file, an option of the section. */
struct branch_property {
	const char *name;
	const char *allowed; /* "1 to 3" */
	/* Sets the member; false, with nothing changed, when the text is not allowed. */
	bool (*set)(struct branch_conf *branch, const char *text);
};

extern const struct branch_property branch_properties[BRANCH_PROPERTIES];

/*
 * Read the file at path into branches[1..max]; number 0 marks those that were
 * not given, NULL a label or tenant that was not. Problems of the file itself
 * are added under its path, one that keeps it from being read at file:line.
 */
void branches_read(const char *path, unsigned max, struct branch_conf *branches,
	struct problems *problems, const char *file, int line);

#endif
