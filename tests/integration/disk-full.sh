#!/usr/bin/env bash
# The disk of the state folder fills up under a running daemon, or is read-only: it serves, polls and
# tells on, says it once, counts, and stores what it has missed when there is room again; and it starts
# on a full disk.
# shellcheck source-path=SCRIPTDIR/..
if [ "${METERX_TEST_MOUNTS:-}" != own ]; then
	users=()
	[ "$(id -u)" = 0 ] || users=(--user --map-root-user)
	if ! unshare "${users[@]}" --mount mount -t tmpfs none /mnt 2>/dev/null; then
		echo "no mounts here"
		exit 77
	fi
	METERX_TEST_MOUNTS=own exec unshare "${users[@]}" --mount bash "$0" "$@"
fi
. "$(dirname "$0")/../lib.sh"
require_mibs
start_receiver v2c-trap
start_sim --freeze
sim poke 1 178-219 0
{ patient link m; panel 1 m 1; } | write_conf
mount -t tmpfs -o size=1m,mode=700 none "$dir/state"
leave() {
	local status=$?
	set +e
	trap - ERR
	stop meterxd || status=1
	umount "$dir/state"
	(exit $status)
	finish
}
trap leave EXIT
start_snmpd "${trap_sinks[@]}"
start_meterxd
online 1
retry 10 all_delivered

fill() {
	dd if=/dev/zero of="$dir/state/ballast" bs=4096 status=none 2>/dev/null || :
	! dd if=/dev/zero of="$dir/state/more" bs=4096 count=1 status=none 2>/dev/null || fail "not full"
	rm -f "$dir/state/more"
}
empty() {
	rm "$dir/state/ballast"
}
# All 42 branches change, to this word: 42 events, all told.
change() { # WORD
	local last
	last=$(get mxAgentLastEvent.0)
	sim poke 1 178-219 "$1"
	retry 10 is mxAgentLastEvent.0 $((last + 42))
	retry 20 received_at_least $((told += 42)) v2c-trap
}
goes_on() {
	local asked
	asked=$(sim_count requests)
	retry 10 asked_since 20 "$asked"
	is mxPanelState.1 online
	get mxBranchCurrent.1.1 mxBranchLatched.1.1 mxAgentLastEvent.0 | grep 'No Such' && fail "not served"
	return 0
}
stored() { # EVENT...: by the tool, which reads the file
	"$build/meterx" -c "$dir/meterxd.conf" events --count 10000 --json >"$dir/stored"
	local number
	for number in "$@"; do
		grep -q "\"number\": *$number\b" "$dir/stored" || { say "event $number is not stored"; return 1; }
	done
}
# Degraded while it lasts, said once; all is stored afterwards.
through() { # WHAT BEGIN END MESSAGE
	local first said
	say "$1"
	first=$(($(get mxAgentLastEvent.0) + 1))
	said=$(grep -cE "$4" "$dir/meterxd.log" || :)
	$2
	# A disk may be full and still take a little: until it does not.
	until [ "$(get mxAgentEventStorage.0)" != ok ]; do
		change 1
		change 0
		[ "$told" -lt 2000 ] || fail "it is not noticed"
	done
	change 1
	change 0
	goes_on
	is mxAgentEventStorage.0 degraded
	[ "$(get mxAgentEventsUnstored.0)" -gt "$unstored" ] || fail "not counted"
	equal "times it is told" "$(grep -cE "$4" "$dir/meterxd.log")" $((said + 1))
	$3
	retry 40 is mxAgentEventStorage.0 ok
	unstored=$(get mxAgentEventsUnstored.0)
	equal "times it is told" "$(grep -cE "$4" "$dir/meterxd.log")" $((said + 1))
	retry 20 all_delivered
	last=$(get mxAgentLastEvent.0)
	# shellcheck disable=SC2046 # numbers
	stored $(seq "$first" "$last")
	change 1
	change 0
	is mxAgentEventsUnstored.0 "$unstored"
	goes_on
}
told=$(received v2c-trap)
unstored=0
# Not under it: the kernel makes nothing read-only in which files are being written.
read_only() {
	stop_meterxd
	mount -o remount,bind,ro "$dir/state"
	unstored=0
	start_meterxd
	online 1
}
writable() {
	mount -o remount,bind,rw "$dir/state"
}

through "full" fill empty 'events cannot be stored.*(full|No space)'
through "read-only" read_only writable 'meterx.db: .*([Rr]ead.?only).*events are kept in memory only, until'
check_traps v2c-trap
equal "lines about it" "$(grep -c 'events are stored again' "$dir/meterxd.log")" 2

say "started again while it is full: what was known is known, numbers go on"
stop_meterxd
fill
mv "$dir/meterxd.log" "$dir/meterxd-1.log"
start_meterxd
online 1
before=$last
[ "$(get mxAgentLastEvent.0)" -gt "$before" ] || fail "numbers went back"
change 1
is mxAgentEventStorage.0 degraded
empty
retry 40 is mxAgentEventStorage.0 ok
retry 20 all_delivered
# shellcheck disable=SC2046
stored "$before" $(seq $(($(get mxAgentLastEvent.0) - 41)) "$(get mxAgentLastEvent.0)")
check_traps v2c-trap
stop_meterxd
