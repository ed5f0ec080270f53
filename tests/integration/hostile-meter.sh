#!/usr/bin/env bash
# Every way the simulator can misbehave: the agent stays up and never serves a wrong value: either
# the true one or none. When the meter behaves again all is served again.
. "$(dirname "$0")/../lib.sh"
start_all
sim freeze on
retry 20 values 1:1:integer 2:2:integer
# Of panels that are both there all the while.
note_truth() {
	walk mxBranchEnergy | sort >"$dir/energies"
	walk mxBranchCurrent | sort >"$dir/true"
	[ "$(wc -l <"$dir/energies") $(wc -l <"$dir/true")" = "84 84" ]
}
retry 20 note_truth

# What is served of the column is in the file of true values. What was wrong once is kept: a later
# try does not make up for it.
all_true() { # OBJECT FILE
	local wrong
	wrong=$(walk "$1" | sed -n "/$1/p" | sort | comm -23 - "$2")
	[ -z "$wrong" ] || say "served under \"$fault\": $wrong" >>"$dir/wrong"
	[ ! -e "$dir/wrong" ] || fail "$(cat "$dir/wrong")"
}

while read -r fault; do
	asked=$(sim_count requests) tries=$(get mxLinkReconnects.1)
	# shellcheck disable=SC2086 # words
	sim fault $fault
	# The fault has been met: several requests, or attempts to connect.
	met() {
		all_true mxBranchCurrent "$dir/true"
		all_true mxBranchEnergy "$dir/energies"
		asked_since 15 "$asked" || [ "$(get mxLinkReconnects.1)" -ge $((tries + 3)) ] ||
			is mxPanelState.1 offline
	}
	retry 30 met
	running meterxd || fail "the agent died of \"$fault\""
	sim fault none
	online 1 2
	all_true mxBranchCurrent "$dir/true"
	say "survived: $fault"
done <<'FAULTS'
silent
deaf
silent every 3
late 150 every 2
late 350
late 1500 every 4
exception 1
exception 2 every 2
exception 4
exception 6
exception 11
close before
close mid
close mid every 5
truncate 5
truncate 9
truncate 100 every 3
wrong-unit
wrong-function
wrong-transaction
wrong-transaction every 2
wrong-count
wrong-length
wrong-protocol
garbage
garbage 260
dribble 5
dribble 100
duplicate
refuse accept
FAULTS
retry 20 values 1:1:integer 2:2:integer
