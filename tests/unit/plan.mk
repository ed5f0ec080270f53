# What a line costs and can do.
check_PROGRAMS += tests/unit/test_forecast tests/unit/test_timing tests/unit/test_turns
TESTS += tests/unit/test_forecast tests/unit/test_timing tests/unit/test_turns
tests_unit_test_forecast_SOURCES = tests/unit/test_forecast.c
tests_unit_test_forecast_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_forecast_LDADD = $(UNIT_LIBS)
tests_unit_test_timing_SOURCES = tests/unit/test_timing.c
tests_unit_test_timing_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_timing_LDADD = $(UNIT_LIBS)
tests_unit_test_turns_SOURCES = tests/unit/test_turns.c
tests_unit_test_turns_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_turns_LDADD = $(UNIT_LIBS)
