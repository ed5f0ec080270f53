/*
 * A profile and a configuration made in memory, for tests that want neither
 * files nor parsers: one panel of a BCPME (integer registers), 42 branches.
 */
#ifndef METERX_TESTS_FIXTURE_PROFILE_H
#define METERX_TESTS_FIXTURE_PROFILE_H

#include "config/conf.h"
#include "config/profile.h"

/* One reference; profile_unref() frees it. */
struct profile *fixture_profile(void);

/*
 * n_panels panels, index 1 to n, names "P1"..., on one link "L1" (unit 1...),
 * with that profile (takes a reference for each). conf_unref() frees it.
 */
struct config *fixture_config(struct profile *profile, unsigned n_panels);

#endif
