integration_scenarios += \
	tests/integration/traps-every-alarm.sh \
	tests/integration/traps-snmpd-gone.sh \
	tests/integration/traps.sh
EXTRA_DIST += tests/traps.py
