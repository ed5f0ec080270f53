#!/usr/bin/env bash
# The wall clock is set by an hour, forward and back, at every stage: polls, ages, holds, backoff,
# deliveries and the end go on by the clock that cannot be set; times are those of the wall clock.
# shellcheck source-path=SCRIPTDIR/..
. "$(dirname "$0")/../lib.sh"
require_mibs
[ -z "${METERX_TEST_WRAPPER:-}" ] || skip "the clock is that of the process itself"
clock=$build/tests/integration/wallclock.so
hours=0
set_clock() { # HOURS from the true time
	hours=$1
	say "clock: $1 h"
	python3 -c 'import struct, sys; open(sys.argv[1], "r+b").write(struct.pack("=q", int(sys.argv[2]) * 3600 * 10**9))' \
		"$dir/clock" "$1"
}
head -c 8 /dev/zero >"$dir/clock"

start_receiver v2c-trap
start_sim --freeze
sim poke 1 178-219 1 # quiet: no latch of before
{ response_timeout=1000 link m; panel 1 m 1; } | write_conf
sed -i '1i notify-non-latched = yes notify-hold = 600000' "$dir/meterxd.conf"
start_snmpd "${trap_sinks[@]}"
METERX_TEST_WRAPPER="env LD_PRELOAD=$clock METERX_TEST_CLOCK=$dir/clock" start_meterxd
online 1
retry 10 received_at_least 42 v2c-trap
retry 10 all_delivered

seconds() { # OBJECT with a DateAndTime: seconds since 1970
	local text
	text=$(get "$1")
	[[ $text =~ ^([0-9]+-[0-9]+-[0-9]+),([0-9]+:[0-9]+:[0-9]+) ]] || fail "no time: $text"
	date -u -d "${BASH_REMATCH[1]} ${BASH_REMATCH[2]}" +%s
}
about_now() { # OBJECT: within a minute of the daemon's wall clock
	local off=$(($(seconds "$1") - $(date -u +%s) - hours * 3600))
	[ ${off#-} -lt 60 ] || { say "$1 is off by $off s"; return 1; }
}
polls_go_on() {
	local asked
	asked=$(sim_count requests)
	retry 10 asked_since 40 "$asked"
	is mxPanelState.1 online
	[ "$(get mxPanelDataAge.1)" -lt $((5000 * slow)) ] || fail "data of $(get mxPanelDataAge.1) ms"
	retry 10 about_now mxPanelLastContact.1
}
discontinuities() {
	walk mxBranchEnergyDiscontinuity
}
# One more alarm, recorded and told with the next number and the time of the wall clock.
raise_one() { # REGISTER
	local last
	last=$(get mxAgentLastEvent.0)
	sim poke 1 "$1" 0
	retry 10 is mxAgentLastEvent.0 $((last + 1))
	retry 10 is mxEventDelivered.$((last + 1)) true
	about_now mxEventTime.$((last + 1))
	retry 10 received_at_least $((last - first + 43)) v2c-trap
}
first=$(get mxAgentLastEvent.0)
began=$(discontinuities)
log_lines=$(wc -l <"$dir/meterxd.log")

for hours in 1 -1 0; do
	set_clock $hours
	last=$(get mxAgentLastEvent.0)
	polls_go_on
	is mxAgentLastEvent.0 "$last"
	equal "energy counters began" "$(discontinuities)" "$began"
	raise_one $((178 + hours + 1))
done

say "what is held is held by the other clock"
last=$(get mxAgentLastEvent.0)
sim poke 1 190 257
retry 10 is mxAgentLastEvent.0 $((last + 1))
sim poke 1 190 1
polls_go_on
for hours in 1 -1; do
	set_clock $hours
	polls_go_on
	is mxAgentLastEvent.0 $((last + 1))
done
retry 10 all_delivered
check_traps v2c-trap
equal "lines logged" "$(wc -l <"$dir/meterxd.log")" "$log_lines"

say "a meter that is away and comes back"
for hours in 1 -1; do
	last=$(get mxAgentLastEvent.0)
	sim fault silent
	retry 10 absent mxBranchCurrent.1.1
	set_clock $hours
	retry 20 is mxPanelState.1 offline
	[ "$(get mxPanelDataAge.1)" -lt $((60000 * slow)) ] || fail "data of $(get mxPanelDataAge.1) ms"
	stop sim KILL || :
	retry 20 is mxLinkState.1 backoff
	set_clock $((-hours))
	start_sim --freeze
	sim poke 1 178-219 1
	online 1
	about_now mxPanelLastContact.1
	about_now mxLinkLastChange.1
	polls_go_on
done

say "a reload and a new master"
set_clock 1
kill -HUP "${pids[meterxd]}"
retry 10 log_has meterxd 'read again'
about_now mxAgentReloaded.0
stop snmpd
set_clock -1
start_snmpd "${trap_sinks[@]}"
online 1
polls_go_on
retry 10 all_delivered

say "the end, with a master that says nothing"
set_clock -1
kill -STOP "${pids[snmpd]}"
stop_meterxd
kill -CONT "${pids[snmpd]}"
! log_has meterxd 'leaving it behind' || fail "it did not wait for its thread"
