#!/usr/bin/env bash
# Four panels on a serial line that cannot keep their intervals: it is foretold and said once, nobody is
# called offline or degraded for it, mxPanelTable tells the intervals that are kept, and what --check
# proposes helps.
# shellcheck source-path=SCRIPTDIR/..
. "$(dirname "$0")/../lib.sh"
require_mibs
require python3

panels=(1 2 3 4)
configure() { # LINE...
	{
		say "link \"m\" { transport = \"rtu\" device = \"$dir/tty\" baud = 57600 parity = \"none\"" \
			"response-timeout = $((2000 * slow)) }"
		for i in "${panels[@]}"; do
			panel "$i" m "$i"
		done
		printf '%s\n' "$@"
	} | write_conf
	sed -i "s/^slow-poll .*/slow-poll = 600000/" "$dir/meterxd.conf"
}

check() {
	"${meterxd[@]}" --check -c "$dir/meterxd.conf" >"$dir/out" 2>"$dir/err" || fail "--check says $?"
}

proposed() { # OPTION
	sed -n "s/.*[ ;]$1 = \([0-9]*\),.*/\1/p" "$dir/err"
}

# Every panel has an interval, none of them below this.
intervals_above() { # MS
	walk mxPanelPollInterval | awk -v least="$1" '{ n++; low += $2 < least } END { exit n != 4 || low > 0 }'
}

intervals_below() { # MS
	walk mxPanelPollInterval | awk -v most="$1" '{ n++; high += $2 > most } END { exit n != 4 || high > 0 }'
}

start_sim --units 1-4 --serial "$dir/tty:57600:8N1"
configure 'stale-after = 1'
check
equal "standard output" "$(cat "$dir/out")" "$dir/meterxd.conf: ok, 1 link, 4 panels"
equal "warnings" "$(grep -c 'warning: link "m" .*too slow for its 4 panels' "$dir/err")" 1
poll=$(proposed poll)
alarm_poll=$(proposed alarm-poll)
if [ "$poll" -le 400 ] || [ "$alarm_poll" -le 100 ]; then fail "proposes $poll and $alarm_poll"; fi

start_snmpd
start_meterxd
# From the first answer on, each time they are asked for, until it is told.
watched() { # COMMAND...
	walk mxPanelState >>"$dir/states"
	"$@"
}
retry 40 watched log_has meterxd "link: m .*too slow for its 4 panels: P[1-4] is polled every [0-9.]+ s, not every 0.2 s"
awk '$2 == "online" { seen[$1] = 1 } $2 != "online" && seen[$1] { print; bad = 1 } END { exit bad }' \
	"$dir/states" || fail "called absent for being late"
intervals_above 400
for i in "${panels[@]}"; do
	is "mxPanelState.$i" online
	is "mxPanelMissedPolls.$i" 0
done
retry 5 is mxLinkState.1 up
# From now on: who was there first had the line alone for a while. Some polls of each, so that it
# matters little who has just had one.
sim requests reset
retry 60 asked_since 240 0
equal "lines about it" "$(grep -c 'too slow' "$dir/meterxd.log")" 1
sim requests | python3 -c '
import json, sys
words = [unit["words"] for unit in json.load(sys.stdin).values() if isinstance(unit, dict)]
print("registers read of each:", *words)
sys.exit(len(words) != 4 or max(words) > 1.3 * min(words))' || fail "the line is not shared fairly"
! log_has meterxd 'missed|offline|degraded|back after' || fail "called absent for being late"

say "as proposed: poll = $poll, alarm-poll = $alarm_poll"
configure
sed -i "s/^poll .*/poll = $poll/; s/^alarm-poll .*/alarm-poll = $alarm_poll/" \
	"$dir/meterxd.conf"
check
equal "warnings" "$(cat "$dir/err")" ""
grep -E "^link \"m\" \($dir/tty, 57600 baud\): 4 panels, load [5-9][0-9]\.[0-9] %$" "$dir/out" ||
	{ cat "$dir/out"; fail "no load of the line"; }
kill -HUP "${pids[meterxd]}"
retry 5 log_has meterxd 'read again'
retry 60 intervals_below $((poll + poll / 10))
for i in "${panels[@]}"; do
	is "mxPanelState.$i" online
done
equal "lines about it" "$(grep -c 'too slow' "$dir/meterxd.log")" 1
