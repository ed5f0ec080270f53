STORE_TESTS = \
	tests/unit/test_alarm \
	tests/unit/test_damper \
	tests/unit/test_energy \
	tests/unit/test_layout \
	tests/unit/test_site \
	tests/unit/test_store
check_PROGRAMS += $(STORE_TESTS)
TESTS += $(STORE_TESTS)
FIXTURE = tests/unit/fixture_profile.c tests/unit/fixture_profile.h

tests_unit_test_energy_SOURCES = tests/unit/test_energy.c
tests_unit_test_energy_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_energy_LDADD = $(UNIT_LIBS)

tests_unit_test_layout_SOURCES = tests/unit/test_layout.c $(FIXTURE)
tests_unit_test_layout_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_layout_LDADD = $(UNIT_LIBS)

tests_unit_test_store_SOURCES = tests/unit/test_store.c $(FIXTURE)
tests_unit_test_store_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_store_LDADD = $(UNIT_LIBS)

tests_unit_test_alarm_SOURCES = tests/unit/test_alarm.c $(FIXTURE)
tests_unit_test_alarm_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_alarm_LDADD = $(UNIT_LIBS)

tests_unit_test_site_SOURCES = tests/unit/test_site.c $(FIXTURE)
tests_unit_test_site_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_site_LDADD = $(UNIT_LIBS)

tests_unit_test_damper_SOURCES = tests/unit/test_damper.c
tests_unit_test_damper_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_damper_LDADD = $(UNIT_LIBS)
