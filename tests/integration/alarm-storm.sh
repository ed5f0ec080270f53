#!/usr/bin/env bash
# All 84 branches in alarm on four levels at once, and back, three times: every raise and clear arrives
# exactly once; memory and the rhythm of polling stay as they were.
. "$(dirname "$0")/../lib.sh"
require_mibs
start_sim
sim freeze on
# Traps go by UDP: what a receiver on a busy host has no room for is gone.
{ patient link m; panel 1 m 1; panel 2 m 2; say "notify-rate = $((slow > 1 ? 200 : 400))"; } | write_conf
start_snmptrapd
start_snmpd "$trap_sink"
start_meterxd
online 1 2
retry 10 is mxAgentLatchedAlarms.0 0
memory() { # in kB
	sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/${pids[meterxd]}/status"
}
poke_all() { # WORD
	sim poke 1 178-219 "$1"
	sim poke 2 178-219 "$1"
}
# Fails for good once a poll was missed.
rhythm() {
	local said
	said=$(get mxPanelMissedPolls.1 mxPanelMissedPolls.2 mxPanelPollInterval.1 mxPanelPollInterval.2 |
		tr '\n' ' ')
	printf '%s\n' "$said" >>"$dir/rhythm"
	[[ $said == "0 0 "* ]]
}
settled() { # LATCHED RECEIVED
	rhythm || fail "a poll was missed: $(tail -n 1 "$dir/rhythm")"
	is mxAgentLatchedAlarms.0 "$1" && received "$2"
}
received() { # NUMBER of notifications of branches
	local have
	have=$(grep -c 'mxEventScope\.[0-9]* branch' "$dir/snmptrapd.log")
	[ "$have" -ge "$1" ] || { say "$have of $1 have come"; return 1; }
}
for _ in 1 2 3 4 5; do
	rhythm
done
before=$(memory)
for round in 1 2 3; do
	started=$(now_ms)
	poke_all 15
	retry 30 settled 336 $((round * 672 - 336))
	raised=$(now_ms)
	poke_all 0
	retry 30 settled 0 $((round * 672))
	say "round $round: 336 raised and received in $((raised - started)) ms," \
		"cleared and received in $(($(now_ms) - raised)) ms"
done
after=$(memory)

# Each alarm three times raised and three times cleared, under one number each time.
for panel in P1 P2; do
	for channel in $(seq 42); do
		for level in 'Over highHigh' 'Over high' 'Under low' 'Under lowLow'; do
			printf '%s\n' "mx${level% *}Current $panel $channel ${level#* }" \
				"mx${level% *}CurrentCleared $panel $channel ${level#* }"
		done
	done
done | sort | sed 's/^/3 /' >"$dir/want"
sed -nE 's/.* (mx[a-zA-Z]+)	mxEventNumber.*mxEventPanelName\.[0-9]+ "?([^	"]*)"?	.*mxEventScope\.[0-9]+ branch	mxEventChannel\.[0-9]+ ([0-9]+)	mxEventLevel\.[0-9]+ ([a-zA-Z]+)	.*/\1 \2 \3 \4/p' \
	"$dir/snmptrapd.log" | sort | uniq -c | sed 's/^ *//' >"$dir/have"
diff "$dir/want" "$dir/have" | head -n 20
sed -n 's/.*mxEventNumber\.\([0-9]*\) .*/\1/p' "$dir/snmptrapd.log" >"$dir/numbers"
equal "numbers received twice" "$(sort "$dir/numbers" | uniq -d)" ""
sort -n "$dir/numbers" | cmp - "$dir/numbers" || fail "the order of arrival is not that of the events"
say "memory of meterxd: $before kB before, $after kB after"
say "interval of polls at 200 ms: $(awk '$3 + 0 > worst { worst = $3 + 0 } $4 + 0 > worst { worst = $4 + 0 } END { print worst }' \
	"$dir/rhythm") ms at worst in $(wc -l <"$dir/rhythm") looks, none missed"
# 2,016 events are less than 1 MB. Sanitizers keep freed memory: no bound for them.
[ "$slow" != 1 ] || [ $((after - before)) -lt 4096 ] || fail "meterxd has grown by $((after - before)) kB"
