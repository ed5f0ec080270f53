JOURNAL_TESTS = \
	tests/unit/test_journal \
	tests/unit/test_persist
check_PROGRAMS += $(JOURNAL_TESTS)
TESTS += $(JOURNAL_TESTS)

tests_unit_test_journal_SOURCES = tests/unit/test_journal.c
tests_unit_test_journal_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_journal_LDADD = $(UNIT_LIBS)

tests_unit_test_persist_SOURCES = tests/unit/test_persist.c
tests_unit_test_persist_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_persist_LDADD = $(UNIT_LIBS)
