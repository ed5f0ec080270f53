integration_scenarios += \
	tests/integration/confined.sh
EXTRA_DIST += tests/sockets.py
