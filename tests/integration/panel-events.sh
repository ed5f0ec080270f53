#!/usr/bin/env bash
# What happens to links, panels and meters is an event, once; an operator reads it in one line.
. "$(dirname "$0")/../lib.sh"
require_mibs
start_sim --units 1,2
slower='poll = 400 alarm-poll = 200'
{ link m; panel 1 m 1 "$slower"; panel 2 m 2 "$slower"; } | write_conf
start_snmpd
start_meterxd
online 1 2

events() { # the texts of all events but the agent's own, sorted
	walk mxEventText | sed 's/^[^ ]* "\(.*\)"$/\1/; s/^[^ ]* //' | grep -v '^meterxd ' | sort
}
event() { # PATTERN COUNT: so many events have such a text
	local n
	n=$(events | grep -cE -- "$1" || :)
	[ "$n" = "$2" ] || { events; return 1; }
}
# The last event with such a text, as "kind scope panel severity".
row_of() { # PATTERN
	local index
	index=$(walk mxEventText | grep -E -- "^[^ ]* \"?$1" | tail -n 1 | sed 's/^[^.]*\.\([0-9]*\) .*/\1/')
	get "mxEventKind.$index" "mxEventScope.$index" "mxEventSeverity.$index" | tr '\n' ' '
}

retry 10 event '^P[12] online, serial [0-9]+$' 2
event . 2
equal "first time online" "$(row_of 'P1 online')" 'panelOnline panel ok '

# One unit of the line falls silent.
sim fault unit-silent 1
retry 20 event '^P1 offline: ' 1
equal "offline" "$(row_of 'P1 offline')" 'panelOffline panel critical '
sim fault none
retry 20 event '^P1 online again after [0-9]+ s$' 1

# An alarm, then another meter in its place: the alarm ends with the old one.
sim freeze on
sim poke 1 178 0x1
retry 20 event '^P1 branch 1: high-high latched, ' 1
is mxAlarmLatched.1.branch.1.highHigh true
sim unpoke 1 178
sim fault unit-silent 1
retry 20 is mxPanelState.1 offline
sim serial 1 4711
sim fault none
retry 20 event '^P1: another meter, serial 4711, .* instead of [0-9]+,' 1
equal "replaced" "$(row_of 'P1: another meter')" 'meterReplaced panel ok '
retry 20 event '^P1 branch 1: high-high cleared$' 1
equal "cleared" "$(row_of 'P1 branch 1: high-high cleared')" 'cleared branch critical '
online 1

# The whole device with its connection: the link says so, and each of its panels.
sim fault refuse listen
stop sim KILL || :
retry 20 event '^link m \(127.0.0.1:[0-9]+\) down: ' 1
equal "link" "$(row_of 'link m .* down')" 'linkDown link critical '
retry 20 event '^P[12] offline: link m: ' 2
start_sim --units 1,2
retry 20 event '^link m .* up again$' 1
equal "link" "$(row_of 'link m .* up again')" 'linkUp link ok '
online 1 2
event '^link m ' 2

# Killed and started again: what was told is not told again, what went meanwhile is.
sim freeze on
sim poke 1 178-180 0x1
retry 20 event '^P1 branch [123]: high-high latched, ' 4
delivered() { # and therefore on disk
	! walk mxEventDelivered | grep false
}
retry 20 delivered
before=$(events | wc -l)
stop meterxd KILL || :
sim unpoke 1 178
start_meterxd
retry 20 event '^P1 branch 1: high-high cleared$' 2
online 1 2
equal "latched now" "$(get mxPanelLatchedAlarms.1)" 2
equal "events since" "$(($(events | wc -l) - before))" 1

# A panel taken out while no agent runs leaves no alarm behind at the receivers.
stop_meterxd
{ link m; panel 2 m 2 "$slower"; } | write_conf
start_meterxd
retry 20 event '^P1 branch [23]: high-high cleared, the panel is not watched any more$' 2
