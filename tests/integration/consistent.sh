#!/usr/bin/env bash
# Under a stream of alarms every answer is of one moment: counts of agent and panels, worst states, rows
# of mxAlarmTable and mxActiveAlarmTable, events. And when it has ended, nothing old stays.
. "$(dirname "$0")/../lib.sh"
require_mibs
start_sim
sim freeze on
{ patient link m; panel 1 m 1; panel 2 m 2; say 'events = 100000'; } | write_conf
start_snmpd
start_meterxd
online 1 2
retry 10 is mxAgentLatchedAlarms.0 0
PYTHONPATH=$tests python3 "$tests/integration/consistent.py" "$agent" "$community" "$dir/sim" \
	"${METERX_TEST_SECONDS:-10}" || fail "answers that do not agree"
retry 10 is mxAgentLatchedAlarms.0 0
retry 10 is mxAgentWorstState.0 ok
equal "active alarms" "$(walk mxActiveAlarmPanel)" ""
