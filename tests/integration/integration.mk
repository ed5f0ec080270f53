# Scenarios on a real master agent: one file each.

TEST_EXTENSIONS = .sh
SH_LOG_COMPILER = bash

# The slow ones first: they run beside the others.
integration_scenarios = \
	tests/integration/hostile-meter.sh \
	tests/integration/hostile-values.sh \
	tests/integration/models.sh \
	tests/integration/agent-before-snmpd.sh \
	tests/integration/alarm-state.sh \
	tests/integration/all-values.sh \
	tests/integration/config-errors.sh \
	tests/integration/demo.sh \
	tests/integration/energy-reset.sh \
	tests/integration/log-reader-gone.sh \
	tests/integration/meter-gone.sh \
	tests/integration/meter-replaced.sh \
	tests/integration/other-subagent.sh \
	tests/integration/refused-registration.sh \
	tests/integration/reload.sh \
	tests/integration/snmpd-frozen.sh \
	tests/integration/snmpd-restart.sh \
	tests/integration/walk-by-name.sh \
	tests/integration/zero-and-absent.sh
include tests/integration/mib.mk
include tests/integration/config.mk
include tests/integration/fault.mk
include tests/integration/panel.mk
include tests/integration/profile.mk
include tests/integration/write.mk
include tests/integration/traps.mk
include tests/integration/rtu.mk
include tests/integration/state.mk
include tests/integration/loss.mk
include tests/integration/host.mk

TESTS += $(integration_scenarios)
dist_check_SCRIPTS = $(integration_scenarios)
EXTRA_DIST += tests/base-mibs.sh tests/lib.sh tests/values.py
