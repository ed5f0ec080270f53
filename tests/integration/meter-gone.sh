#!/usr/bin/env bash
# A meter falls silent: its measurements are withdrawn, what it is stays; the others do not notice.
. "$(dirname "$0")/../lib.sh"
require_mibs
start_sim --units 1,2,5,6
# In the proportion of the defaults: two polls in the time of an answer given up.
slower='poll = 400 alarm-poll = 200'
{ link m; panel 1 m 1 "$slower"; panel 2 m 2 "$slower"; panel 5 m 5 "$slower"; } | write_conf
start_snmpd
start_meterxd
online 1 2 5
serial=$(get mxPanelSerial.1)

sim fault unit-silent 1
retry 20 is mxPanelState.1 offline
for object in mxBranchCurrent.1.1 mxBranchEnergy.1.42 mxBranchPowerFactor.1.7 mxMainsActivePower.1.1.1 \
	mxVoltageValue.1.1.1 mxSourceFrequency.1.1; do
	absent $object
done
equal "measurements left of the silent panel" "$(walk mxBranchCurrent | grep -c 'Current\.1\.' || :)" 0
is mxPanelSerial.1 "$serial"
is mxPanelName.1 P1
is mxPanelWorstState.1 unknown
get mxBranchRating.1.1 mxBranchLatched.1.1 mxPanelLatchedAlarms.1 | grep 'No Such' && fail "settings or alarms went"
age=$(get mxPanelDataAge.1)
older() {
	[ "$(get mxPanelDataAge.1)" -gt "$age" ]
}
retry 10 older
for panel in 2 5; do
	online $panel
	equal "currents of panel $panel" "$(walk mxBranchCurrent | grep -c "Current\.$panel\.")" 42
done

sim fault none
online 1
sim freeze on
retry 20 values 1:1:integer 2:2:integer 5:5:integer

# The whole device, with its connection.
sim fault refuse listen
stop sim KILL || :
retry 20 is mxPanelState.2 offline
retry 20 is mxLinkState.1 backoff
start_sim --units 1,2,5,6
online 1 2 5
