check_PROGRAMS += tests/unit/test_energy
TESTS += tests/unit/test_energy
tests_unit_test_energy_SOURCES = tests/unit/test_energy.c
tests_unit_test_energy_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_energy_LDADD = $(UNIT_LIBS)
