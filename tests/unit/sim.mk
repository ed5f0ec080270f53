# The simulator on its own: nothing of the agent is linked.

SIM_UNIT_CPPFLAGS = -I$(top_srcdir)/tests $(CMOCKA_CFLAGS)
SIM_UNIT_LIBS = libsim.a $(CMOCKA_LIBS) -lm

check_PROGRAMS += tests/unit/test_sim_meter tests/unit/test_sim_alarm tests/unit/test_sim_map
TESTS += tests/unit/test_sim_meter tests/unit/test_sim_alarm tests/unit/test_sim_map

tests_unit_test_sim_meter_SOURCES = tests/unit/test_sim_meter.c tests/unit/test_sim.h
tests_unit_test_sim_meter_CPPFLAGS = $(SIM_UNIT_CPPFLAGS)
tests_unit_test_sim_meter_LDADD = $(SIM_UNIT_LIBS)
tests_unit_test_sim_alarm_SOURCES = tests/unit/test_sim_alarm.c tests/unit/test_sim.h
tests_unit_test_sim_alarm_CPPFLAGS = $(SIM_UNIT_CPPFLAGS)
tests_unit_test_sim_alarm_LDADD = $(SIM_UNIT_LIBS)
tests_unit_test_sim_map_SOURCES = tests/unit/test_sim_map.c tests/unit/test_sim.h
tests_unit_test_sim_map_CPPFLAGS = $(SIM_UNIT_CPPFLAGS)
tests_unit_test_sim_map_LDADD = $(SIM_UNIT_LIBS)
