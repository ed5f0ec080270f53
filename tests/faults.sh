# shellcheck shell=bash disable=SC2154 # what lib.sh sets
# faults.sh: sourced after lib.sh by the scenarios fault-*.sh, in which one part of a site fails on
# purpose and the rest must not notice.

# From now on managers ask for a healthy panel: it is online with its true values, all the time.
watch() { # PANEL...
	local panel objects=(mxAgentPanels.0)
	for panel in "$@"; do
		objects+=("mxPanelState.$panel" "mxBranchCurrent.$panel.2" "mxBranchEnergy.$panel.42")
	done
	rm -f "$dir/watch.log"
	spawn watch python3 "$tests/watch.py" "$agent" "$community" $((5 * slow)) "${objects[@]}"
	retry 10 log_has watch watching
}

end_watch() {
	stop watch || fail "of what is healthy: $(tail -n 3 "$dir/watch.log")"
	say "healthy panels: $(tail -n 1 "$dir/watch.log")"
}

# A panel's value is fresh: what its meter measures now is served soon.
amps=10
fresh() { # PANEL UNIT
	amps=$((amps + 1))
	sim current "$2" 1 $amps
	retry 10 is "mxBranchCurrent.$1.1" $((amps * 1000))
}

# So often is it in the daemon's log, behind its first $told_after lines.
told_after=0
told() { # COUNT PATTERN
	equal "log lines \"$2\"" "$(tail -n +$((told_after + 1)) "$dir/meterxd.log" | grep -cE -- "$2" || :)" "$1"
}

# What it took to start on a busy host does not count.
forget_log() {
	told_after=$(wc -l <"$dir/meterxd.log")
}

# A gateway in front of the simulator that can fail, see fault_peer.py. Its port is in $peer_port.
start_peer() { # NAME
	peer "$1" pass
	spawn "$1" python3 "$tests/fault_peer.py" "$dir/$1.mode" "$sim_port"
	retry 10 log_has "$1" listening
	# shellcheck disable=SC2034 # for scenarios
	peer_port=$(sed -n 's/.*listening on port //p' "$dir/$1.log")
}

peer() { # NAME MODE [MS]
	say "${*:2}" >"$dir/$1.mode.new"
	mv "$dir/$1.mode.new" "$dir/$1.mode"
}

# Run the scenario in a network of its own, with a loopback and nothing else.
own_network() { # [OPTION OF unshare]...
	local self spaces=(--user --map-root-user --net "$@")
	if [ -z "${METERX_OWN_NETWORK:-}" ]; then
		! unshare --net "$@" true 2>/dev/null || spaces=(--net "$@")
		unshare "${spaces[@]}" true 2>/dev/null || skip "no namespaces here"
		self=$(readlink -f "$0")
		trap - EXIT
		rm -rf "$dir"
		METERX_OWN_NETWORK=yes exec unshare "${spaces[@]}" bash "$self"
	fi
	ip link set lo up
}
