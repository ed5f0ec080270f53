integration_scenarios += \
	tests/integration/state-damaged.sh
