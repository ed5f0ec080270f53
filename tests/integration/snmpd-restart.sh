#!/usr/bin/env bash
# After a restart of snmpd every object answers again within 1.5 s.
. "$(dirname "$0")/../lib.sh"
patient start_all
sim freeze on
asked=$(sim_count requests)
retry 10 asked_since 40 "$asked"
walk mxObjects | grep -vE 'Age|Time|Contact|Poll|RoundTrip|Requests|Load\.' | awk '{ print $1 }' >"$dir/before"
for signal in TERM KILL TERM; do
	stop snmpd $signal || :
	start_snmpd
	up=$(now_ms)
	until get mxBranchCurrent.1.1 mxAgentPanels.0 mxActiveAlarmEvent 2>/dev/null | grep -qv '^No Such'; do
		[ $(($(now_ms) - up)) -lt $((1500 * slow)) ] ||
			fail "no answer 1.5 s after snmpd is back (killed by $signal)"
	done
	say "snmpd back after SIG$signal: all answers again after $(($(now_ms) - up)) ms"
	walk mxObjects | awk '{ print $1 }' | sort >"$dir/after"
	equal "objects missing" "$(sort "$dir/before" | comm -23 - "$dir/after" | head -n 3)" ""
done
