check_PROGRAMS += tests/unit/test_table tests/unit/test_agentx tests/unit/test_wire \
	tests/unit/test_notifier
TESTS += tests/unit/test_table tests/unit/test_agentx tests/unit/test_wire tests/unit/test_notifier
tests_unit_test_table_SOURCES = tests/unit/test_table.c
tests_unit_test_table_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_table_LDADD = $(UNIT_LIBS)
tests_unit_test_agentx_SOURCES = tests/unit/test_agentx.c
tests_unit_test_agentx_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_agentx_LDADD = $(UNIT_LIBS) $(SNMP_LIBS)
tests_unit_test_wire_SOURCES = tests/unit/test_wire.c
tests_unit_test_wire_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_wire_LDADD = $(UNIT_LIBS)
tests_unit_test_notifier_SOURCES = tests/unit/test_notifier.c
tests_unit_test_notifier_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_notifier_LDADD = $(UNIT_LIBS)
