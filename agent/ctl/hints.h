/*
 * hints: what in one poll looks like a mistake in the wiring or the settings.
 *
 * For whoever stands before the open panel on the first day. A hint is a
 * question, not a verdict: a lightly loaded motor has a bad power factor too.
 */
#ifndef METERX_CTL_HINTS_H
#define METERX_CTL_HINTS_H

#include "ctl/facts.h"

/* Calls tell for each hint, one line of text each. Returns how many there were. */
unsigned hints_find(
	const struct facts *facts, void (*tell)(const char *text, void *arg), void *arg);

#endif
