# shellcheck shell=bash
# rtu_faults.bash: faults on an RTU line one by one, each with the truth checked while it lasts.
# Sourced behind lib.sh.

panels=(1 2) # their units are the same numbers
checked="mxBranchCurrent mxBranchEnergy mxMainsActivePower mxBranchLatched mxMainsLatched"

# All is there and as the meter has it.
served() {
	local panel
	online "${panels[@]}"
	for panel in "${panels[@]}"; do
		retry 20 values "$panel:$panel:integer"
	done
}

# A daemon for the panels of the configuration, all served and true.
serve_rtu() {
	require_mibs
	# Alarm registers that are not all alike.
	sim latch 1 5 high
	sim latch 1 40 low
	sim latch 2 9 high-high
	sed -i "s/^poll .*/poll = 600/; s/^alarm-poll.*/alarm-poll = 200/" "$dir/meterxd.conf"
	start_snmpd
	start_meterxd
	served
	retry 20 note_truth
}

# The true values, of panels that are all there from the first to the last of them.
note_truth() {
	local object panel
	for object in $checked; do
		walk "$object" | sort >"$dir/$object.true"
		for panel in "${panels[@]}"; do
			grep -q "^$object\.$panel\." "$dir/$object.true" || return 1
		done
	done
	for object in $checked; do
		walk "$object" | sort | cmp - "$dir/$object.true" || return 1
	done
}

# Whatever is served is true. What was wrong once is kept: a later try does not make up for it.
all_true() { # FAULT
	local object wrong
	for object in $checked; do
		wrong=$(walk "$object" | sort | comm -23 - "$dir/$object.true")
		[ -z "$wrong" ] || say "served under \"$1\": $wrong" >>"$dir/wrong"
	done
	[ ! -e "$dir/wrong" ] || fail "$(cat "$dir/wrong")"
}

# The fault has been met: several requests, or everybody is given up.
met() { # LINE FAULT
	all_true "$2"
	[ "$(line_count "$1" requests)" -ge 12 ] ||
		! walk mxPanelState | grep -v offline
}

# Each line of standard input is a fault; LINE is the one to judge the master by.
survive_faults() { # LINE
	local fault begun
	while read -r fault; do
		sim line reset
		begun=$(now_ms)
		# shellcheck disable=SC2086 # words
		sim fault $fault
		retry 30 met "$1" "$fault"
		running meterxd || fail "the agent died of \"$fault\""
		sim fault none
		online "${panels[@]}"
		all_true "$fault"
		say "survived: $fault, $(($(now_ms) - begun)) ms, smallest gap" \
			"$(line_count "$1" smallest_gap_us) us"
		well_behaved "$1"
	done
}
