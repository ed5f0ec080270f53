NAMES_TESTS = \
	tests/unit/test_channel \
	tests/unit/test_names
check_PROGRAMS += $(NAMES_TESTS)
TESTS += $(NAMES_TESTS)

tests_unit_test_channel_SOURCES = tests/unit/test_channel.c $(FIXTURE)
tests_unit_test_channel_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_channel_LDADD = $(UNIT_LIBS)

tests_unit_test_names_SOURCES = tests/unit/test_names.c
tests_unit_test_names_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_names_LDADD = $(UNIT_LIBS)
