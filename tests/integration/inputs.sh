#!/usr/bin/env bash
# Digital inputs: state, normal state and change in mxInputTable, and each change an event. The meter
# is one that puts its contacts where ours has texts.
. "$(dirname "$0")/../lib.sh"
require_mibs
mkdir "$dir/profiles"
cat >"$dir/profiles/contacts.conf" <<'CONF'
title    = "Contacts"
branches = 42
no-value = 0x8000
block "all" { registers = "1-293" }
group "panel" { poll = "slow"  point "serial" { registers = "1-2"  type = "u32" } }
group "branch" { point "alarm-status" { registers = "178-219"  type = "bits"  poll = "alarm"  count = 42 } }
group "input" {
	poll = "alarm"
	point "input-state" { registers = 230  type = "bits"  count = 4 }
	point "input-state" { registers = 231  type = "u16"  channel = 7 }
}
CONF
start_sim
sim freeze on
sim poke 1 230 5
sim poke 1 231 0
{ link m; profile=contacts panel 1 m 1 'input 1 { label = "Door" normal = "closed" }'; } | write_conf
sed -i "s|^profile-dir.*|profile-dir = \"$dir/profiles\"|" "$dir/meterxd.conf"
start_snmpd
start_meterxd
online 1

row() { # INPUT: label, state, normal, whether it has changed
	get "mxInputLabel.1.$1" "mxInputState.1.$1" "mxInputNormal.1.$1" | tr '\n' ','
}
state_is() { # INPUT STATE
	is "mxInputState.1.$1" "$2"
}
none='No Such Instance currently exists at this OID'
equal "input 1" "$(row 1)" "Door,closed,closed,"
equal "input 2" "$(row 2)" ",open,$none,"
equal "input 7" "$(row 7)" ",open,$none,"
absent mxInputLastChange.1.1
equal "inputs" "$(walk mxInputState | wc -l)" 5

sim poke 1 230 6
retry 10 state_is 1 open
state_is 2 closed
state_is 3 closed
sim poke 1 231 200
retry 10 state_is 7 closed
get mxInputLastChange.1.1 | grep -q '^[0-9]*-' || fail "no time of the change"
walk mxEventText | sed 's/^[^ ]* //; s/"//g' | grep ' input ' >"$dir/told"
printf '%s\n' 'P1 input 1 (Door): open, normally closed' 'P1 input 2: closed' 'P1 input 7: closed' |
	diff - "$dir/told"
index=$(walk mxEventText | grep 'input 1 (Door)' | sed 's/^[^.]*\.\([0-9]*\) .*/\1/')
equal "event" "$(get mxEventKind."$index" mxEventScope."$index" mxEventChannel."$index" mxEventSeverity."$index" \
	mxEventValue."$index" mxEventLabel."$index" | tr '\n' ',')" "inputChanged,input,1,warning,1,Door,"
retry 10 is mxEventDelivered."$index" true

# Over a restart, what has changed meanwhile is told.
stop_meterxd
sim poke 1 230 7
start_meterxd
online 1
retry 10 state_is 1 closed
told() {
	walk mxEventText | grep 'input 1 (Door): closed, as is normal'
}
retry 10 told
equal "input events" "$(walk mxEventText | grep -c ' input ')" 4

# Silence: the contacts are not known.
sim fault unit-silent 1
retry 20 is mxPanelState.1 offline
absent mxInputState.1.1
is mxInputLabel.1.1 Door
