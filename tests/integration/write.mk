integration_scenarios += \
	tests/integration/write-master-gone.sh \
	tests/integration/write-matrix.sh \
	tests/integration/write-names.sh
EXTRA_DIST += tests/snmp_wire.py tests/write_matrix.py
