check_PROGRAMS += tests/unit/test_bus
TESTS += tests/unit/test_bus
tests_unit_test_bus_SOURCES = tests/unit/test_bus.c
tests_unit_test_bus_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_bus_LDADD = $(UNIT_LIBS)

check_PROGRAMS += tests/unit/test_bus_line
TESTS += tests/unit/test_bus_line
tests_unit_test_bus_line_SOURCES = tests/unit/test_bus_line.c tests/unit/sim_rig.c \
	tests/unit/sim_rig.h
tests_unit_test_bus_line_CPPFLAGS = $(UNIT_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_unit_test_bus_line_LDADD = $(UNIT_LIBS)

check_PROGRAMS += tests/unit/test_link
TESTS += tests/unit/test_link
tests_unit_test_link_SOURCES = tests/unit/test_link.c tests/unit/sim_rig.c tests/unit/sim_rig.h
tests_unit_test_link_CPPFLAGS = $(UNIT_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_unit_test_link_LDADD = $(UNIT_LIBS)

# Brings a bus of its own: the linker then leaves ours in the library.
check_PROGRAMS += tests/unit/test_poller
TESTS += tests/unit/test_poller
tests_unit_test_poller_SOURCES = tests/unit/test_poller.c tests/unit/sim_rig.c tests/unit/sim_rig.h
tests_unit_test_poller_CPPFLAGS = $(UNIT_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_unit_test_poller_LDADD = $(UNIT_LIBS)

check_PROGRAMS += tests/unit/test_refusal
TESTS += tests/unit/test_refusal
tests_unit_test_refusal_SOURCES = tests/unit/test_refusal.c
tests_unit_test_refusal_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_refusal_LDADD = $(UNIT_LIBS)

check_PROGRAMS += tests/unit/test_writer
TESTS += tests/unit/test_writer
tests_unit_test_writer_SOURCES = tests/unit/test_writer.c tests/unit/sim_rig.c tests/unit/sim_rig.h
tests_unit_test_writer_CPPFLAGS = $(UNIT_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_unit_test_writer_LDADD = $(UNIT_LIBS)

check_PROGRAMS += tests/unit/test_frame
TESTS += tests/unit/test_frame
tests_unit_test_frame_SOURCES = tests/unit/test_frame.c
tests_unit_test_frame_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_frame_LDADD = $(UNIT_LIBS)

check_PROGRAMS += tests/unit/test_rtu
TESTS += tests/unit/test_rtu
tests_unit_test_rtu_SOURCES = tests/unit/test_rtu.c
tests_unit_test_rtu_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_rtu_LDADD = $(UNIT_LIBS)

check_PROGRAMS += tests/unit/test_owed
TESTS += tests/unit/test_owed
tests_unit_test_owed_SOURCES = tests/unit/test_owed.c
tests_unit_test_owed_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_owed_LDADD = $(UNIT_LIBS)
