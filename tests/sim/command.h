#ifndef SIM_COMMAND_H
#define SIM_COMMAND_H

#include <stdio.h>

#include "sim/stage.h"

/*
 * Carry out one line. The answer, without a line end, goes to `out`. Returns 0, or -1 and the
 * answer says what is wrong.
 */
int command_run(struct stage *stage, const char *line, FILE *out, double now);

/* One line per command: words and what it does. */
void command_print_help(FILE *out);

#endif
