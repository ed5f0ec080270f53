#!/usr/bin/env bash
# The daemon stands still for a while, as on a suspended host: no old value is served as a new one
# afterwards, no panel and no link is said to have been away, and what happened meanwhile is told once.
# shellcheck source-path=SCRIPTDIR/..
. "$(dirname "$0")/../lib.sh"
require_mibs
[ -z "${METERX_TEST_WRAPPER:-}" ] || skip "stops the process itself"
start_receiver v2c-trap
start_sim --freeze
sim poke 1 178-219 0
{ response_timeout=$((1000 / slow)) link m; panel 1 m 1; panel 2 m 2; } | write_conf
start_snmpd "${trap_sinks[@]}" "agentXTimeout 20"
start_meterxd
online 1 2
retry 10 all_delivered

# While it stands still for nearly twice the time after which a value is stale (three polls and two
# timeouts: 2.6 s), its values change, and somebody asks.
for round in 1 2; do
	sim current 1 1 $round.0
	retry 10 is mxBranchCurrent.1.1 ${round}000
	last=$(get mxAgentLastEvent.0)
	kill -STOP "${pids[meterxd]}"
	sim current 1 1 7.0
	sim poke 1 $((180 + round)) 1
	stopped=$(now_ms)
	snmpget -v2c -c "$community" -t 30 -r 0 -OqvU "$agent" mxBranchCurrent.1.1 mxPanelDataAge.1 >"$dir/answer" &
	asking=$!
	until [ $(($(now_ms) - stopped)) -ge 5000 ]; do sleep 0.1; done
	kill -CONT "${pids[meterxd]}"
	wait $asking || fail "no answer"
	cat "$dir/answer"
	grep -x "${round}000" "$dir/answer" && fail "an old value, served as a new one"
	retry 10 is mxBranchCurrent.1.1 7000
	online 1 2
	retry 10 is mxAgentLastEvent.0 $((last + 1))
	is mxEventKind.$((last + 1)) raised
	retry 10 all_delivered
done
! log_has meterxd 'offline|: down|lost the master' || fail "said to have been away"
check_traps v2c-trap
