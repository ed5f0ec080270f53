check_PROGRAMS += tests/unit/test_bus
TESTS += tests/unit/test_bus
tests_unit_test_bus_SOURCES = tests/unit/test_bus.c
tests_unit_test_bus_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_bus_LDADD = $(UNIT_LIBS)
