/*
 * What the branches of a simulated panel draw over the day. Everything here is a pure function of
 * seed and time, so that two runs with one seed agree to the last bit, and a jump in time costs
 * nothing. No load but an empty breaker falls below 10 % of 20 A or rises above half of it: a panel
 * with default alarm thresholds stays quiet until somebody disturbs it.
 */
#include "config.h"

#include "sim/load.h"

#include <math.h>

#define DAY  86400.0
#define HOUR 3600.0

/* A 64-bit finaliser: every input bit reaches every output bit. */
static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

/* 0 <= x < 1 */
static double fraction(uint64_t seed, uint64_t salt)
{
	return (double)(mix(seed ^ mix(salt)) >> 11) / 9007199254740992.0;
}

double load_noise(uint64_t seed, double period, double when)
{
	double place = when / period;
	double knot = floor(place), x = place - knot;
	double here = fraction(seed, (uint64_t)(int64_t)knot);
	double next = fraction(seed, (uint64_t)(int64_t)knot + 1);

	x = x * x * (3 - 2 * x);
	return 2 * (here + (next - here) * x) - 1;
}

/* 0 at night, 1 in working hours, with ramps of an hour at both ends. */
static double working_day(double when)
{
	double hour = fmod(when, DAY) / HOUR;

	if (hour < 0)
		hour += 24;
	return fmax(0, fmin(1, fmin(hour - 7, 19 - hour)));
}

/* A compressor: 12 minutes on, 8 minutes at low load, soft edges. */
static double compressor(uint64_t seed, double when)
{
	double phase = fmod(when + 1200 * fraction(seed, 1), 1200);

	if (phase < 0)
		phase += 1200;
	return fmax(0, fmin(1, fmin(phase / 20, (720 - phase) / 20)));
}

static double shape(const struct load *load, double when)
{
	switch (load->kind) {
	case LOAD_SERVER:
		return 0.80 + 0.10 * working_day(when);
	case LOAD_OFFICE:
		return 0.45 + 0.45 * working_day(when);
	case LOAD_LIGHTING:
		return 0.40 + 0.55 * working_day(when);
	case LOAD_COOLING:
		return 0.50 + 0.40 * compressor(load->seed, when);
	case LOAD_EMPTY:
		break;
	}
	return 0;
}

double load_amps(const struct load *load, double when)
{
	double wander = 0.04 * load_noise(load->seed, 600, when);
	double flicker = 0.01 * load_noise(load->seed + 1, 5, when);

	return load->amps * shape(load, when) * (1 + wander + flicker);
}

static void plan_branch(struct load *load, uint64_t seed)
{
	double dice = fraction(seed, 2), size = fraction(seed, 3);

	*load = (struct load){ .kind = LOAD_SERVER, .amps = 4 + 5 * size, .seed = seed };
	load->pf = 0.95 + 0.04 * fraction(seed, 4);
	if (dice < 0.15) {
		*load = (struct load){ .kind = LOAD_EMPTY, .pf = 1 };
	} else if (dice < 0.35) {
		load->kind = LOAD_OFFICE;
		load->amps = 5 + 3 * size;
		load->pf = 0.88 + 0.08 * fraction(seed, 4);
	} else if (dice < 0.45) {
		load->kind = LOAD_LIGHTING;
		load->amps = 6 + 2 * size;
		load->pf = 0.92 + 0.06 * fraction(seed, 4);
	}
}

void load_plan(struct load *loads, unsigned branches, uint64_t seed)
{
	static const unsigned poles[][3] = { { 36, 38, 40 }, { 37, 39, 41 } };

	for (unsigned i = 0; i < branches; i++)
		plan_branch(&loads[i], mix(seed) + 16 * i);
	if (branches < 42)
		return;
	/* One spare place is certain, and two three-pole machines share the last six. */
	loads[branches / 2] = (struct load){ .kind = LOAD_EMPTY, .pf = 1 };
	for (unsigned machine = 0; machine < 2; machine++) {
		struct load cooling = { .kind = LOAD_COOLING,
			.amps = 8 + 2 * fraction(seed, 100 + machine),
			.pf = 0.82 + 0.05 * machine,
			.seed = mix(seed + machine) };

		for (unsigned pole = 0; pole < 3; pole++)
			loads[poles[machine][pole]] = cooling;
	}
}
