# Texts and drafts of events.
check_PROGRAMS += tests/unit/test_tell
TESTS += tests/unit/test_tell
tests_unit_test_tell_SOURCES = tests/unit/test_tell.c $(FIXTURE)
tests_unit_test_tell_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_tell_LDADD = $(UNIT_LIBS)
