integration_scenarios += \
	tests/integration/alarm-storm.sh \
	tests/integration/events-command.sh \
	tests/integration/kill-agent.sh \
	tests/integration/kill-both.sh \
	tests/integration/snmpd-conf.sh
EXTRA_DIST += tests/integration/loss.py
