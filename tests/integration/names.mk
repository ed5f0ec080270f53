integration_scenarios += \
	tests/integration/snmpd-conf.sh
