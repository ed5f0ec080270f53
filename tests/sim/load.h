#ifndef SIM_LOAD_H
#define SIM_LOAD_H

#include <stdint.h>

enum load_kind { LOAD_EMPTY, LOAD_SERVER, LOAD_OFFICE, LOAD_LIGHTING, LOAD_COOLING };

/* What hangs behind one breaker. */
struct load {
	enum load_kind kind;
	double amps; /* at full load */
	double pf;
	uint64_t seed; /* equal for the poles of one machine: they draw alike */
};

/* Choose the loads of a panel with that many branches; the same seed chooses the same. */
void load_plan(struct load *loads, unsigned branches, uint64_t seed);

/* Amperes drawn at a time in seconds; a day is 86400 of them and begins at midnight. */
double load_amps(const struct load *load, double when);

/* Smooth noise in -1..1 that wanders over about `period` seconds; a pure function. */
double load_noise(uint64_t seed, double period, double when);

#endif
