#!/usr/bin/env bash
# Gateways fail in the ways a TCP peer can: managers and the panels of other links do not notice, the
# log tells each of them once, and when they are well again all is served without a restart.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../faults.sh"
require_mibs
start_sim --units 1,2,5,6
sim freeze on
{
	patient link m
	panel 5 m 5
	for n in 1 2 3 4; do
		start_peer "gateway$n"
		[ $n -lt 4 ] || peer gateway4 mute # from the start
		response_timeout=500 link_to "g$n" 127.0.0.1 "$peer_port"
		panel $n g$n $((n % 2 + 1))
	done
} >"$dir/site"
write_conf <"$dir/site"
start_snmpd
start_meterxd
online 1 2 3 5
retry 20 values 1:2:integer 2:1:integer 3:2:integer 5:5:integer
forget_log
watch 5

modes=(mute reset full mute) why=('timed out' 'closed by the peer' 'timed out' 'timed out')
for n in 1 2 3; do
	peer gateway$n "${modes[n - 1]}"
done
for n in 1 2 3 4; do
	retry 30 is mxPanelState.$n offline
	absent mxBranchCurrent.$n.2
	# A link on which somebody answered just now is not given up for one silence.
	[ $n -ne 1 ] || continue
	retry 20 is mxLinkState.$((n + 1)) backoff
	[[ "$(get mxLinkError.$((n + 1)))" =~ ${why[n - 1]} ]] ||
		fail "\"${modes[n - 1]}\" is said to be \"$(get mxLinkError.$((n + 1)))\""
done
fresh 5 5
for n in 1 2 3 4; do
	peer gateway$n pass
done
online 1 2 3 4
retry 20 values 1:2:integer 2:1:integer 3:2:integer 4:1:integer
for n in 1 2 3 4; do
	[ $n -lt 4 ] || told_after=0 # mute from the start
	told 1 "panel P$n .*offline: "
	[ $n -ne 1 ] || continue
	told 1 "link: g$n .*: down: .*${why[n - 1]}"
	told 1 "link: g$n .*: up again after "
done
forget_log

say "connections that do not last, and answers in two parts, cost no panel anything"
resets=$(get mxLinkReconnects.2)
peer gateway1 reset-late
peer gateway2 half 30
retry 20 exceeds mxLinkReconnects.2 $((resets + 4))
fresh 2 1
peer gateway1 half 30
fresh 1 2
told 0 'panel P[12] .*offline: '
end_watch
