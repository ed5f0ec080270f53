# Profiles, codec, plan; the profiles in conf/ as the tests' first readers.
EXTRA_DIST += tests/data/sample-profile.conf
check_PROGRAMS += tests/unit/test_codec tests/unit/test_captures tests/unit/test_map \
	tests/unit/test_plan tests/unit/test_profile tests/unit/test_syntax
TESTS += tests/unit/test_codec tests/unit/test_captures tests/unit/test_map \
	tests/unit/test_plan tests/unit/test_profile tests/unit/test_syntax
tests_unit_test_codec_SOURCES = tests/unit/test_codec.c
tests_unit_test_codec_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_codec_LDADD = $(UNIT_LIBS)
tests_unit_test_captures_SOURCES = tests/unit/test_captures.c
tests_unit_test_captures_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_captures_LDADD = $(UNIT_LIBS)
tests_unit_test_map_SOURCES = tests/unit/test_map.c
tests_unit_test_map_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_map_LDADD = $(UNIT_LIBS)
tests_unit_test_plan_SOURCES = tests/unit/test_plan.c
tests_unit_test_plan_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_plan_LDADD = $(UNIT_LIBS)
tests_unit_test_profile_SOURCES = tests/unit/test_profile.c
tests_unit_test_profile_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_profile_LDADD = $(UNIT_LIBS)
tests_unit_test_syntax_SOURCES = tests/unit/test_syntax.c
tests_unit_test_syntax_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_syntax_LDADD = $(UNIT_LIBS)
