# The meter simulator. It shares no code with the agent: a shared bug would hide.

noinst_LIBRARIES += libsim.a
libsim_a_SOURCES = \
	tests/sim/alarm.c tests/sim/alarm.h \
	tests/sim/answer.c tests/sim/answer.h \
	tests/sim/command.c tests/sim/command.h \
	tests/sim/control.c tests/sim/control.h \
	tests/sim/fault.c tests/sim/fault.h \
	tests/sim/gateway.c tests/sim/gateway.h \
	tests/sim/line.c tests/sim/line.h \
	tests/sim/listen.c tests/sim/listen.h \
	tests/sim/load.c tests/sim/load.h \
	tests/sim/map.c tests/sim/map.h \
	tests/sim/meter.c tests/sim/meter.h \
	tests/sim/modbus.c tests/sim/modbus.h \
	tests/sim/pty.c tests/sim/pty.h \
	tests/sim/reactor.c tests/sim/reactor.h \
	tests/sim/rtu.c tests/sim/rtu.h \
	tests/sim/script.c tests/sim/script.h \
	tests/sim/server.c tests/sim/server.h \
	tests/sim/site.c tests/sim/site.h \
	tests/sim/stage.c tests/sim/stage.h \
	tests/sim/truth.c tests/sim/truth.h
libsim_a_CPPFLAGS = -I$(top_srcdir)/tests

bin_PROGRAMS += meterx-sim
meterx_sim_SOURCES = tests/sim/sim.c
meterx_sim_CPPFLAGS = -I$(top_srcdir)/tests
meterx_sim_LDADD = libsim.a -lm

TESTS += tests/sim/server.sh tests/sim/serial.sh
EXTRA_DIST += tests/sim/server.sh tests/sim/test_server.py tests/sim/serial.sh \
	tests/sim/test_serial.py
dist_man1_MANS = tests/sim/meterx-sim.1
