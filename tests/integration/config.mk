integration_scenarios += \
	tests/integration/poll.sh \
	tests/integration/start.sh
