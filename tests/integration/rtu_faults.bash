# shellcheck shell=bash
# rtu_faults.bash: faults on an RTU line one by one, each with the truth checked while it lasts.
# Sourced behind lib.sh.

checked="mxBranchCurrent mxBranchEnergy mxMainsActivePower"

# A daemon for both panels of the configuration, all served and true.
serve_rtu() {
	require_mibs
	sed -i "s/^poll .*/poll = 600/; s/^alarm-poll.*/alarm-poll = 200/" "$dir/meterxd.conf"
	start_snmpd
	start_meterxd
	online 1 2
	retry 20 values 1:1:integer 2:2:integer
	local object
	for object in $checked; do
		walk "$object" | sort >"$dir/$object.true"
	done
}

# Whatever is served is true.
all_true() { # FAULT
	local object wrong
	for object in $checked; do
		wrong=$(walk "$object" | sort | comm -23 - "$dir/$object.true")
		[ -z "$wrong" ] || fail "served under \"$1\": $wrong"
	done
}

# The fault has been met: several requests, or everybody is given up.
met() { # LINE FAULT
	all_true "$2"
	[ "$(line_count "$1" requests)" -ge 12 ] ||
		{ is mxPanelState.1 offline && is mxPanelState.2 offline; }
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
		online 1 2
		all_true "$fault"
		say "survived: $fault, $(($(now_ms) - begun)) ms, smallest gap" \
			"$(line_count "$1" smallest_gap_us) us"
		well_behaved "$1"
	done
}
