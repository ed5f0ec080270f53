check_PROGRAMS += tests/unit/list_tables
tests_unit_list_tables_SOURCES = tests/unit/list_tables.c
tests_unit_list_tables_LDADD = $(AGENT_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_oracle
TESTS += tests/unit/test_oracle
tests_unit_test_oracle_SOURCES = tests/unit/test_oracle.c
tests_unit_test_oracle_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_oracle_LDADD = $(UNIT_LIBS)
endif

EXTRA_DIST += tests/data/oracle/expected.txt tests/data/oracle/full.conf \
	tests/data/oracle/site.conf tests/data/oracle/sparse.conf
