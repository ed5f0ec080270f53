check_PROGRAMS += tests/unit/test_conf
TESTS += tests/unit/test_conf
tests_unit_test_conf_SOURCES = tests/unit/test_conf.c
tests_unit_test_conf_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_conf_LDADD = $(UNIT_LIBS)

check_PROGRAMS += tests/unit/test_hints
TESTS += tests/unit/test_hints
tests_unit_test_hints_SOURCES = tests/unit/test_hints.c \
	agent/ctl/facts.c agent/ctl/hints.c agent/ctl/json.c agent/ctl/poll_json.c \
	agent/ctl/poll_points.c agent/ctl/poll_text.c
tests_unit_test_hints_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_hints_LDADD = $(UNIT_LIBS)
