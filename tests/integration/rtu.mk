integration_scenarios += tests/integration/rtu-line.sh tests/integration/rtu-faults.sh \
	tests/integration/rtu-late.sh tests/integration/rtu-tcp.sh \
	tests/integration/rtu-unplug.sh tests/integration/overloaded.sh
EXTRA_DIST += tests/integration/rtu_faults.bash
