# The agent: everything but main.c is one convenience library.

noinst_LIBRARIES += libmeterx.a
libmeterx_a_SOURCES =
libmeterx_a_CPPFLAGS = $(AM_CPPFLAGS) $(CONFUSE_CFLAGS) $(MODBUS_CFLAGS) $(SQLITE_CFLAGS) \
	$(SYSTEMD_CFLAGS)

include agent/core/module.mk
include agent/config/module.mk
include agent/modbus/module.mk
include agent/store/module.mk
include agent/alarm/module.mk
include agent/snmp/module.mk
include agent/ctl/module.mk
include agent/man/module.mk

AGENT_LIBS = libmeterx.a $(CONFUSE_LIBS) $(MODBUS_LIBS) $(SQLITE_LIBS) $(AX_PTHREAD_LIBS) -lm

sbin_PROGRAMS += meterxd
meterxd_SOURCES = agent/main.c
meterxd_CPPFLAGS = $(AM_CPPFLAGS)
meterxd_LDADD = $(AGENT_LIBS) $(SNMP_LIBS) $(SYSTEMD_LIBS)
