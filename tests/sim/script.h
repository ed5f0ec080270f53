#ifndef SIM_SCRIPT_H
#define SIM_SCRIPT_H

#include "sim/command.h"

struct script_line {
	double seconds;
	bool real; /* "after": real seconds; "at": simulated ones */
	bool done;
	unsigned number; /* in the file */
	char *command;
};

/* Commands to be carried out by and by, in the order of the file where they are due together. */
struct script {
	const char *path;
	struct script_line *line;
	unsigned n;
	double begun;
};

/* Returns 0, or -1 after saying on stderr what is wrong. Commands are judged when they run. */
int script_load(struct script *script, const char *path);
void script_free(struct script *script);

/* The real time from which "after" counts. */
void script_start(struct script *script, double now);

/* Carry out what is due; a command that fails is reported on stderr and the rest goes on. */
void script_run(struct script *script, struct stage *stage, double now);

/* Real seconds to the next line, or -1. */
double script_deadline(const struct script *script, const struct site *site, double now);

#endif
