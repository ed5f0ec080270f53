#!/usr/bin/env bash
# A subagent beside ours is undisturbed by our coming, our answers, and our sudden end.
. "$(dirname "$0")/../lib.sh"
require_mibs
other=.1.3.6.1.4.1.8072.9999.9999.503.1.0
start_sim
{ patient link m; panel 1 m 1; } | write_conf
start_snmpd
start_subagent "override $other integer 42"
retry 10 is $other 42
start_meterxd
online 1
equal "the other's object in a GET with ours" "$(get $other mxAgentPanels.0 .1.3.6.1.2.1.1.4.0 | tr '\n' ' ')" "42 1 \"somebody\" "
equal "what follows our last object" "$(snmpgetnext -v2c -c "$community" -OqnU "$agent" \
	METERX-MIB::mxConformance)" "$other 42"
for _ in 1 2 3; do
	stop meterxd KILL || :
	is $other 42
	retry 10 absent mxAgentPanels.0
	start_meterxd
	online 1
	is $other 42
done
