# Unit tests: one program per module, each linked to the agent's library.

UNIT_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) $(CONFUSE_CFLAGS) $(MODBUS_CFLAGS) \
	-DTEST_SRCDIR=\"$(abs_top_srcdir)\" -DTEST_BUILDDIR=\"$(abs_top_builddir)\"
UNIT_LIBS = $(AGENT_LIBS) $(CMOCKA_LIBS)

if HAVE_CMOCKA
include tests/unit/core.mk
include tests/unit/snmp.mk
include tests/unit/profile.mk
include tests/unit/store.mk
include tests/unit/names.mk
include tests/unit/alarm.mk
include tests/unit/journal.mk
include tests/unit/conf.mk
include tests/unit/link.mk
include tests/unit/plan.mk
include tests/unit/sim.mk
endif
include tests/unit/tables.mk
