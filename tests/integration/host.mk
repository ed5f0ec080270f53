integration_scenarios += \
	tests/integration/clock-steps.sh \
	tests/integration/confined.sh \
	tests/integration/disk-full.sh \
	tests/integration/serial-access.sh \
	tests/integration/service.sh \
	tests/integration/suspended.sh
EXTRA_DIST += tests/integration/wallclock.c tests/sandbox.py tests/sockets.py

# Loaded into the daemon by LD_PRELOAD; no sanitizer in it.
check_DATA = tests/integration/wallclock.so
CLEANFILES += tests/integration/wallclock.so
tests/integration/wallclock.so: tests/integration/wallclock.c
	$(AM_V_CC)$(MKDIR_P) $(@D) && $(CC) $(WARN_CFLAGS) $(CPPFLAGS) $(CFLAGS) -fPIC -shared -o $@ \
		$(srcdir)/tests/integration/wallclock.c
