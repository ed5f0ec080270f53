integration_scenarios += \
	tests/integration/consistent.sh \
	tests/integration/state-damaged.sh
EXTRA_DIST += tests/integration/consistent.py
