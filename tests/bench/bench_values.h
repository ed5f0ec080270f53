/*
 * bench_values: the numbers both sides of the SNMP benchmark agree on: the
 * agent injects them, the client expects them. Every column of mxBranchTable
 * has a value in every row, so that rows are full as those of the yardstick are.
 */
#ifndef METERX_TESTS_BENCH_VALUES_H
#define METERX_TESTS_BENCH_VALUES_H

#include <stdint.h>
#include <stdio.h>

#define BENCH_BRANCHES	42
#define BENCH_POLES	3
#define BENCH_THRESHOLD 800 /* 0.1 % of the rating, all levels */
#define BENCH_WALL_MS	INT64_C(1760000000000)

/* Arcs of mxBranchTable whose value is not the formula's. */
enum bench_column {
	BENCH_FIRST = 2,
	BENCH_LABEL = 2,
	BENCH_TENANT,
	BENCH_RATING,
	BENCH_PHASE = 6,
	BENCH_CIRCUIT,
	BENCH_CURRENT,
	BENCH_ENERGY = 20,
	BENCH_DISCONTINUITY,
	BENCH_LOAD = 23,
	BENCH_STATE,
	BENCH_ACTIVE,
	BENCH_LATCHED,
	BENCH_LIMIT_HIGH_HIGH,
	BENCH_LIMIT_LOW_LOW = 30,
	BENCH_RESET,
	BENCH_LAST = BENCH_RESET,
};

static inline int32_t bench_number(uint32_t panel, uint32_t branch, unsigned column)
{
	return (int32_t)(panel * 100000u + branch * 100u + column);
}

static inline int64_t bench_energy(uint32_t panel, uint32_t branch)
{
	return (INT64_C(1) << 33) + bench_number(panel, branch, BENCH_ENERGY);
}

static inline int64_t bench_since_ms(uint32_t panel, uint32_t branch)
{
	return BENCH_WALL_MS + panel * INT64_C(60000) + branch * 1100;
}

static inline void bench_label(char *text, size_t size, uint32_t branch)
{
	snprintf(text, size, "Rack %u feed A", branch);
}

static inline void bench_tenant(char *text, size_t size, uint32_t branch)
{
	snprintf(text, size, "tenant %u", branch % 7);
}

#endif
