integration_scenarios += \
	tests/integration/fault-dead-unit.sh \
	tests/integration/fault-descriptors.sh \
	tests/integration/fault-dns.sh \
	tests/integration/fault-exceptions.sh \
	tests/integration/fault-gateway.sh \
	tests/integration/fault-tcp.sh \
	tests/integration/fault-vanish.sh \
	tests/integration/many-links.sh
EXTRA_DIST += tests/fault_dns.py tests/fault_peer.py tests/faults.sh tests/watch.py
