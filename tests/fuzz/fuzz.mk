# Fuzz targets, one file each. As they are built here they are tests: each goes through its seeds.
# With FUZZ_MAIN= FUZZ_ENGINE=-fsanitize=fuzzer they hunt instead (run.sh).

FUZZ_TARGETS = \
	tests/fuzz/fuzz_codec \
	tests/fuzz/fuzz_conf \
	tests/fuzz/fuzz_csv \
	tests/fuzz/fuzz_frame \
	tests/fuzz/fuzz_poll \
	tests/fuzz/fuzz_profile \
	tests/fuzz/fuzz_state \
	tests/fuzz/fuzz_wire
check_PROGRAMS += $(FUZZ_TARGETS)
TESTS += $(FUZZ_TARGETS)
EXTRA_DIST += tests/fuzz/seeds tests/fuzz/README.md tests/fuzz/run.sh tests/fuzz/odd-profile.conf \
	tests/fuzz/conf.dict tests/fuzz/csv.dict tests/fuzz/profile.dict

FUZZ_MAIN = tests/fuzz/libreplay.a
FUZZ_ENGINE =
FUZZ_LDADD = tests/fuzz/libfuzz.a $(FUZZ_MAIN) $(AGENT_LIBS)
FUZZ_LINK = $(AM_LDFLAGS) -Wl,--wrap=text_read_file -Wl,--wrap=log_write $(FUZZ_ENGINE)

check_LIBRARIES += tests/fuzz/libfuzz.a tests/fuzz/libreplay.a
tests_fuzz_libfuzz_a_SOURCES = tests/fuzz/fuzz.c tests/fuzz/fuzz.h
tests_fuzz_libfuzz_a_CPPFLAGS = $(AM_CPPFLAGS) -DTEST_SRCDIR=\"$(abs_top_srcdir)\"
tests_fuzz_libreplay_a_SOURCES = tests/fuzz/replay.c
tests_fuzz_libreplay_a_CPPFLAGS = $(tests_fuzz_libfuzz_a_CPPFLAGS)

tests_fuzz_fuzz_codec_SOURCES = tests/fuzz/fuzz_codec.c
tests_fuzz_fuzz_codec_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_codec_LDADD = $(FUZZ_LDADD)

tests_fuzz_fuzz_frame_SOURCES = tests/fuzz/fuzz_frame.c
tests_fuzz_fuzz_frame_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_frame_LDADD = $(FUZZ_LDADD)

tests_fuzz_fuzz_poll_SOURCES = tests/fuzz/fuzz_poll.c \
	tests/unit/fixture_profile.c tests/unit/fixture_profile.h
tests_fuzz_fuzz_poll_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_fuzz_fuzz_poll_LDFLAGS = $(FUZZ_LINK) -Wl,--wrap=journal_add
tests_fuzz_fuzz_poll_LDADD = $(FUZZ_LDADD)

tests_fuzz_fuzz_conf_SOURCES = tests/fuzz/fuzz_conf.c
tests_fuzz_fuzz_conf_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_conf_LDADD = $(FUZZ_LDADD)

tests_fuzz_fuzz_csv_SOURCES = tests/fuzz/fuzz_csv.c
tests_fuzz_fuzz_csv_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_csv_LDADD = $(FUZZ_LDADD)

tests_fuzz_fuzz_profile_SOURCES = tests/fuzz/fuzz_profile.c
tests_fuzz_fuzz_profile_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_profile_LDADD = $(FUZZ_LDADD)

tests_fuzz_fuzz_state_SOURCES = tests/fuzz/fuzz_state.c
tests_fuzz_fuzz_state_CPPFLAGS = $(AM_CPPFLAGS) $(SQLITE_CFLAGS)
tests_fuzz_fuzz_state_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_state_LDADD = $(FUZZ_LDADD)

tests_fuzz_fuzz_wire_SOURCES = tests/fuzz/fuzz_wire.c \
	tests/unit/fixture_profile.c tests/unit/fixture_profile.h
tests_fuzz_fuzz_wire_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_fuzz_fuzz_wire_LDFLAGS = $(FUZZ_LINK) -Wl,--wrap=journal_set_names \
	-Wl,--wrap=journal_add -Wl,--wrap=journal_end
tests_fuzz_fuzz_wire_LDADD = $(FUZZ_LDADD)
