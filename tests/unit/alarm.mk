# Texts and drafts of events.
check_PROGRAMS += tests/unit/test_tell
TESTS += tests/unit/test_tell
tests_unit_test_tell_SOURCES = tests/unit/test_tell.c $(FIXTURE)
tests_unit_test_tell_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_tell_LDADD = $(UNIT_LIBS)

# Brings a bus of its own: the linker then leaves ours in the library.
check_PROGRAMS += tests/unit/test_news
TESTS += tests/unit/test_news
tests_unit_test_news_SOURCES = tests/unit/test_news.c tests/unit/sim_rig.c tests/unit/sim_rig.h
tests_unit_test_news_CPPFLAGS = $(UNIT_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_unit_test_news_LDADD = $(UNIT_LIBS)

check_PROGRAMS += tests/unit/test_events
TESTS += tests/unit/test_events
tests_unit_test_events_SOURCES = tests/unit/test_events.c tests/unit/sim_rig.c tests/unit/sim_rig.h
tests_unit_test_events_CPPFLAGS = $(UNIT_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_unit_test_events_LDADD = $(UNIT_LIBS)
