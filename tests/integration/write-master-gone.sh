#!/bin/bash
# The master agent dies while a SET is open: the write goes on, and the next master's SETs work.
# shellcheck source-path=SCRIPTDIR/..
. "$(dirname "$0")/../lib.sh"
require snmpset
require_mibs

put() { # OBJECT TYPE VALUE
	snmpset -v2c -c private -t "${patience:-15}" -r 0 -Oqv "$agent" "$@" >/dev/null
}

asked_to_write() { # WORDS-THEN
	[ "$(sim_count written)" -gt "$1" ]
}

start_sim
{
	say "link \"m\" { transport = \"tcp\" host = \"127.0.0.1\" port = $sim_port response-timeout = 10000 }"
	panel 1 m 1 'writes = {"thresholds", "labels"}'
} | write_conf
start_snmpd "rwcommunity private 127.0.0.1"
start_meterxd
online 1

for signal in KILL TERM; do
	say "snmpd ends by SIG$signal with a SET open"
	sim fault late 2500 function 6 >/dev/null
	sim fault late 2500 function 16 >/dev/null
	written=$(sim_count written)
	{ ! patience=4 put mxThresholdValue.1.1.0.1 u 655 2>/dev/null; } &
	manager=$!
	retry 10 asked_to_write "$written"
	stop snmpd $signal || :
	wait $manager || fail "the SET was answered"
	start_snmpd "rwcommunity private 127.0.0.1"
	retry 10 is mxPanelWriteStatus.1 "done"
	is mxThresholdValue.1.1.0.1 655
	sim fault none >/dev/null
	online 1
	put mxThresholdValue.1.1.0.1 u 700
	is mxThresholdValue.1.1.0.1 700
	put mxBranchLabel.1.1 s "after SIG$signal"
	is mxBranchLabel.1.1 "after SIG$signal"
done
