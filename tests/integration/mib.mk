integration_scenarios += \
	tests/integration/mib-agrees.sh \
	tests/integration/mib-lint.sh
