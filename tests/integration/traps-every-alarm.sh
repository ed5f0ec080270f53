#!/usr/bin/env bash
# Every alarm kind of the meter, panel and link, raised and cleared: as SNMPv2c trap, v2c inform and
# SNMPv3 authPriv trap, each exactly once, and each varbind as mxEventTable has it.
. "$(dirname "$0")/../lib.sh"
response_timeout=1000 # a panel is silent, once
require_mibs
kinds=(v2c-trap v2c-inform v3-trap)
for kind in "${kinds[@]}"; do
	start_receiver "$kind"
done
start_sim --freeze
# As delivered: branches of 20 A, mains of 225 A, high-high at 70 %, high 60 %, low 7.5 %, low-low
# 2.5 %, non-latching 60 % and 5 %; after 10 s, OFF after 30 s. Voltage between 360 and 440 V.
sim current 1 all 6
for i in 1 2 3 4; do
	sim current 1 aux$i 100
done
sim write 1 238 4400 3600
sim step 31
sim write 1 295 31010
{
	say "notify-non-latched = yes notify-hold = 0"
	link m
	panel 1 m 1 'branch 1 { label = "Rack A1, feed \"A\"" }'
} | write_conf
start_snmpd "${trap_sinks[@]}"
start_meterxd
online 1

told=0
tell() { # COUNT : so many more events are told to all
	told=$((told + $1))
	retry 15 received_at_least $told "${kinds[@]}"
}
normal() {
	sim current 1 1 6
	sim current 1 aux2 100
	sim voltage a auto
	sim step 15
}
clear_latches() {
	sim write 1 295 31010
}
tell 1 # the panel is online
sim current 1 1 15
sim current 1 aux2 170
sim step 11
tell 6 # high-high, high, high-non-latching; branch and mains
normal
tell 2 # high-non-latching
clear_latches
tell 4
sim current 1 1 0.3
sim current 1 aux2 3
sim step 11
tell 6 # low, low-low, low-non-latching
sim step 20
tell 2 # off
normal
tell 2
clear_latches
tell 6
sim voltage a 280
sim step 11
tell 4 # A-B and C-A, latched and not
normal
tell 2
clear_latches
tell 2
sim voltage a 150
sim step 11
tell 4
normal
tell 2
clear_latches
tell 2
sim fault silent unit 1
tell 1 # the panel is offline
sim fault none
tell 1
stop sim
tell 2 # the link is down, the panel offline
start_sim
tell 2
retry 10 all_delivered
check_traps "${kinds[@]}"

alarms() { # NAME SCOPE COUNT LEVEL...
	local name=$1 scope=$2 count=$3 level
	shift 3
	for level in "$@"; do
		say "$name $scope $level $count"
		say "${name}Cleared $scope $level $count"
	done
}
{
	for scope in 1 2; do
		alarms mxOverCurrent $scope 1 1 2 6
		alarms mxUnderCurrent $scope 1 3 4 7
		alarms mxCircuitOff $scope 1 5
	done
	alarms mxOverVoltage 3 2 2 6
	alarms mxUnderVoltage 3 2 3 7
	say "mxPanelOffline 5 - 2"
	say "mxPanelOnline 5 - 3"
	say "mxLinkDown 6 - 1"
	say "mxLinkUp 6 - 1"
} | sort >"$dir/want"
for kind in "${kinds[@]}"; do
	python3 "$tests/traps.py" count "$dir/tables" "$dir/$kind.log" | sort >"$dir/have"
	diff "$dir/want" "$dir/have" || fail "$kind: other notifications than these"
done
