integration_scenarios += \
	tests/integration/inputs.sh \
	tests/integration/meterx-command.sh \
	tests/integration/panel-events.sh \
	tests/integration/poller-truth.sh
EXTRA_DIST += tests/integration/compare_truth.py

check_PROGRAMS += tests/integration/panel_values
tests_integration_panel_values_SOURCES = tests/integration/panel_values.c
tests_integration_panel_values_CPPFLAGS = $(AM_CPPFLAGS)
tests_integration_panel_values_LDADD = $(AGENT_LIBS)
