check_PROGRAMS += tests/unit/test_table tests/unit/test_agentx
TESTS += tests/unit/test_table tests/unit/test_agentx
tests_unit_test_table_SOURCES = tests/unit/test_table.c
tests_unit_test_table_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_table_LDADD = $(UNIT_LIBS)
tests_unit_test_agentx_SOURCES = tests/unit/test_agentx.c
tests_unit_test_agentx_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_agentx_LDADD = $(UNIT_LIBS) $(SNMP_LIBS)
