# Scenarios on a real master agent: one file each.

TEST_EXTENSIONS = .sh
SH_LOG_COMPILER = bash

integration_scenarios =
include tests/integration/mib.mk
include tests/integration/config.mk
include tests/integration/link.mk

TESTS += $(integration_scenarios)
dist_check_SCRIPTS = $(integration_scenarios)
EXTRA_DIST += tests/lib.sh
