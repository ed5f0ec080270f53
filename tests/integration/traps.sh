#!/usr/bin/env bash
# What happens before a master is there is told when it comes, with its own time; in the pace that is
# asked for, also after a reload; and while the master refuses our registration.
. "$(dirname "$0")/../lib.sh"
require_mibs
start_receiver v2c-trap
start_sim --freeze
sim poke 1 178-219 1
{ patient link m; panel 1 m 1; } | write_conf
sed -i '1i notify-window = 1' "$dir/meterxd.conf"
start_meterxd
retry 10 log_has meterxd 'P1 .*online'
asked=$(sim_count requests)
retry 10 asked_since 24 "$asked"
equal "told without a master" "$(received v2c-trap)" 0
before=$(date -u +%s)
until [ "$(date -u +%s)" -gt $((before + 1)) ]; do # the times of events have tenths of a second
	sleep 0.1
done
start_snmpd "${trap_sinks[@]}"
retry 10 received_at_least 43 v2c-trap
retry 10 all_delivered
check_traps v2c-trap
while read -r _ time; do
	[[ $time =~ ^([0-9]+-[0-9]+-[0-9]+),([0-9]+:[0-9]+:[0-9]+) ]] || fail "no time: $time"
	[ "$(date -u -d "${BASH_REMATCH[1]} ${BASH_REMATCH[2]}" +%s)" -le "$before" ] ||
		fail "an event of before is said to be of $time"
done < <(walk mxEventTime)
retry 10 is mxEventDelivered.3 true
equal "found at start" "$(get mxEventText.3 | grep -o 'found at start')" "found at start"

# A state that does not latch is an event, and has a notification only if that is asked for.
last=$(get mxAgentLastEvent.0)
sim poke 1 178 257
retry 10 is mxEventLevel.$((last + 1)) highNonLatching
absent mxEventDelivered.$((last + 1))

# Slower, from now on.
sed -i '1i notify-rate = 10' "$dir/meterxd.conf"
kill -HUP "${pids[meterxd]}"
retry 10 log_has meterxd 'read again'
begin=$(now_ms)
sim unpoke 1
retry 20 received_at_least 85 v2c-trap
took=$(($(now_ms) - begin))
[ $took -ge 3500 ] || fail "42 notifications within $took ms, at 10 a second"
say "42 notifications within $took ms at notify-rate = 10"
retry 10 all_delivered
check_traps v2c-trap

# Another subagent has our objects: the alarm is told all the same.
stop snmpd TERM || :
start_snmpd "${trap_sinks[@]}"
printf 'echo "$2"; echo integer; echo 7\n' >"$dir/seven"
stop_meterxd
start_subagent "pass $(snmptranslate -On METERX-MIB::mxObjects) /bin/sh $dir/seven"
retry 10 is mxObjects 7
start_meterxd
retry 10 log_has meterxd 'refuses to register'
over_currents() {
	grep -c $'\\.0\\.1\t.*1\\.14\\.1\\.2\\.' "$dir/v2c-trap.log"
}
one_more() { # THAN
	[ "$(over_currents)" = $(($1 + 1)) ]
}
told=$(over_currents)
sim poke 1 178 1
retry 10 one_more "$told"
