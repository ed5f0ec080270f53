/*
 * outlook: what the lines of a configuration will be able to do, before any of
 * them is opened.
 *
 * For meterxd --check. The registers of each panel are those of the model with the
 * most of them, the time a unit takes to answer is guessed (5 ms on a serial line,
 * 0.5 ms over TCP, and the configured turnaround on top); the rest is arithmetic.
 */
#ifndef METERX_MODBUS_OUTLOOK_H
#define METERX_MODBUS_OUTLOOK_H

#include <stdio.h>

#include "config/conf.h"

/* One line to warnings for each link that cannot keep its intervals, one to out for the load of each other serial line. */
void outlook_print(const struct config *config, FILE *out, FILE *warnings);

#endif
