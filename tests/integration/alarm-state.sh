#!/usr/bin/env bash
# Alarms: from the meter's bits to the branch, alarm and active alarm tables, states and scalars, all
# agreeing; and gone from all of them when the meter is cleared.
. "$(dirname "$0")/../lib.sh"
patient start_all
sim freeze on
bits() { # OBJECT WANT
	equal "$1" "$(snmpget -v2c -c "$community" -OvU "$agent" "$1" | grep -oE '[a-zA-Z]+\([0-6]\)' |
		tr '\n' ' ' || :)" "$2"
}
rows() { # the active alarms as "scope channel level", sorted
	walk mxActiveAlarmScope >"$dir/scope"
	walk mxActiveAlarmChannel >"$dir/channel"
	walk mxActiveAlarmLevel >"$dir/level"
	paste -d ' ' "$dir/scope" "$dir/channel" "$dir/level" | awk '/AlarmScope/ { print $2, $4, $6 }' | sort
}
same_rows() {
	rows >"$dir/rows"
	diff "$dir/want" "$dir/rows"
}

equal_rows() { # ROW...
	printf '%s\n' "$@" | sort >"$dir/want"
	retry 15 same_rows
}
gone() {
	equal "rows" "$(rows)" "" && is mxAgentLatchedAlarms.0 0 && is mxAgentActiveAlarms.0 0
}
# The row of the alarm table; a level is either latched or active by the meter's own account.
latched() { # INDEX true|false
	is "mxAlarmLatched.$1" "$2" && absent "mxAlarmActive.$1"
}
active() { # INDEX true|false
	is "mxAlarmActive.$1" "$2" && absent "mxAlarmLatched.$1"
}

# Breakers of 20 A, thresholds as delivered: high-high 14 A, high 12 A, low 1.5 A, low-low 0.5 A;
# non-latching high 12 A, low 1 A; delays 10 s, OFF 30 s. Voltage between 360 and 440 V.
sim current 1 all 6
sim current 2 all 6
for i in 1 2 3 4; do
	sim current 1 aux$i 100
	sim current 2 aux$i 100
done
sim write 1 119 20 20 20 20 20
sim write 1 238 4400 3600
sim step 31
sim write 1 295 31010
sim write 2 295 31010
retry 15 gone
is mxPanelWorstState.1 ok
is mxAgentWorstState.0 ok

sim current 1 1 15
sim current 1 2 13
sim current 1 3 1.2
sim current 1 4 0.3
sim current 1 5 0
retry 10 is mxBranchCurrent.1.5 0 # the value when raised is of a poll before the raise
sim step 11
currents=("branch 1 highHigh" "branch 1 high" "branch 1 highNonLatching" "branch 2 high"
	"branch 2 highNonLatching" "branch 3 low" "branch 4 low" "branch 4 lowLow"
	"branch 4 lowNonLatching" "branch 5 low" "branch 5 lowLow" "branch 5 lowNonLatching")
equal_rows "${currents[@]}"
sim step 20 # OFF: 30 s below low-low
currents+=("branch 4 off" "branch 5 off")
equal_rows "${currents[@]}"

bits mxBranchLatched.1.1 "highHigh(0) high(1) "
bits mxBranchActive.1.1 "highNonLatching(5) "
bits mxBranchLatched.1.2 "high(1) "
bits mxBranchLatched.1.3 "low(2) "
bits mxBranchLatched.1.4 "low(2) lowLow(3) off(4) "
bits mxBranchActive.1.4 "lowNonLatching(6) "
bits mxBranchLatched.1.6 ""
is mxBranchState.1.1 critical
is mxBranchState.1.2 warning
is mxBranchState.1.6 ok
is mxBranchLimitHighHigh.1.1 14000
latched 1.branch.1.highHigh true
active 1.branch.1.highNonLatching true
is mxAlarmSeverity.1.branch.2.high warning
is mxAlarmValue.1.branch.1.highHigh 15000
equal "latched alarms" "$(get mxPanelLatchedAlarms.1 mxAgentLatchedAlarms.0 mxPanelChannelsLatched.1 | tr '\n' ' ')" "10 10 5 "
equal "active alarms" "$(get mxPanelActiveAlarms.1 mxAgentActiveAlarms.0 mxPanelChannelsActive.1 | tr '\n' ' ')" "4 4 4 "
is mxPanelWorstState.1 critical
is mxPanelWorstState.2 ok
is mxAgentWorstState.0 critical

# Voltage, which both panels of the device share: over, then under.
sim voltage a 280
sim step 11
over=("voltage 5 high" "voltage 5 highNonLatching" "voltage 7 high" "voltage 7 highNonLatching")
equal_rows "${currents[@]}" "${over[@]}" "${over[@]}"
bits mxVoltageLatched.1.1.5 "high(1) "
is mxVoltageState.2.1.7 critical
is mxVoltageState.1.1.6 ok
is mxVoltageLimitOver.1.1.5 440000
sim voltage a 150
sim step 11
sim voltage a auto
sim step 1
equal_rows "${currents[@]}" "voltage 5 high" "voltage 5 low" "voltage 7 high" "voltage 7 low" \
	"voltage 5 high" "voltage 5 low" "voltage 7 high" "voltage 7 low"

# All back to normal: active alarms go, latched ones stay until cleared, one or all.
sim current 1 all 6
sim step 15
retry 15 is mxAgentActiveAlarms.0 0
sim write 1 178 0
retry 15 latched 1.branch.1.highHigh false
bits mxBranchLatched.1.1 ""
bits mxBranchLatched.1.2 "high(1) "
sim write 1 295 31010
sim write 2 295 31010
retry 15 gone
is mxAgentWorstState.0 ok
equal "raise counts" "$(get mxAlarmRaiseCount.1.branch.1.highHigh mxAlarmRaiseCount.1.voltage.5.low | tr '\n' ' ')" "1 1 "
