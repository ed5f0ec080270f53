check_PROGRAMS += tests/integration/plan_values
tests_integration_plan_values_SOURCES = tests/integration/plan_values.c
tests_integration_plan_values_CPPFLAGS = $(AM_CPPFLAGS) $(MODBUS_CFLAGS)
tests_integration_plan_values_LDADD = $(AGENT_LIBS)
integration_scenarios += \
	tests/integration/profile-command.sh \
	tests/integration/profile-meter.sh
