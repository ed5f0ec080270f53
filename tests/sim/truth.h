#ifndef SIM_TRUTH_H
#define SIM_TRUTH_H

#include <stdio.h>

#include "sim/meter.h"

/* All true values of a panel as one line of JSON, with every digit a double has. */
void truth_print(FILE *out, const struct sim_panel *panel);

#endif
