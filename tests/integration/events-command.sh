#!/usr/bin/env bash
# meterx events: the event log out of the database, while the daemon runs, while it does not, and after
# a kill; the same as mxEventTable says.
. "$(dirname "$0")/../lib.sh"
start_sim
{ patient link m; panel 1 m 1 'branch 3 { label = "Kühlung" }'; panel 2 m 2; } | write_conf
events() {
	"$build/meterx" -c "$dir/meterxd.conf" events "$@"
}
status_of() { # STATUS WORD... : what is said on standard error
	local want=$1 status=0
	shift
	events "$@" 2>"$dir/said" >"$dir/out" || status=$?
	equal "status of $*" "$status" "$want"
}
status_of 1
log_has_said() { # PATTERN
	grep -E -- "$1" "$dir/said" || fail "not said: $1, but $(cat "$dir/said")"
}
log_has_said 'state/meterx.db: No such file'
spawn follow "$build/meterx" -c "$dir/meterxd.conf" events --follow # from before there is any event

start_snmptrapd
start_snmpd "$trap_sink"
start_meterxd
online 1 2
sim freeze on
sim write 1 165 1
sim current 1 3 18
retry 20 is mxBranchCurrent.1.3 18000 # the value when raised is of a poll before the raise
sim step 2
retry 20 is mxAlarmLatched.1.branch.3.highHigh true
sim current 1 3 4
retry 20 is mxAlarmActive.1.branch.3.highNonLatching false
sim write 1 180 0
retry 20 is mxAgentLatchedAlarms.0 0
told() {
	[ -z "$(events --json | sed -n '/"delivered": false/p')" ]
}
retry 10 told

# All of what mxEventTable says, by number.
same_as_table() {
	events --count 1000 --json >"$dir/events.json"
	for column in Text Delivered PanelName Value Limit; do
		walk "mxEvent$column" -Oe | sed "s/^mxEvent$column\./$column /"
	done >"$dir/table"
	python3 - "$dir/events.json" "$dir/table" <<'PY'
import json
import sys

keys = {"Text": "text", "Delivered": "delivered", "PanelName": "panel_name", "Value": "value", "Limit": "limit"}
table = {}
for line in open(sys.argv[2]):
    column, number, value = line.rstrip("\n").split(" ", 2)
    value = value.strip('"').replace('\\"', '"')
    table[int(number), keys[column]] = {"Delivered": value == "1", "Value": value, "Limit": value}.get(column, value)
file = {}
for event in json.load(open(sys.argv[1])):
    for key in keys.values():
        if event[key] is not None:
            file[event["number"], key] = event[key] if key in ("text", "delivered", "panel_name") else str(event[key])
table = {k: v for k, v in table.items() if v != "" or k[1] == "text"}
if table != file or len(file) < 20:
    sys.exit(f"{sorted(set(table.items()) ^ set(file.items()))}")
PY
}
retry 10 same_as_table
events >"$dir/text"
grep -E ' raised +critical +delivered +P1 branch 3 \(Kühlung\): high-high latched, 18\.000 A, limit 14\.000 A$' "$dir/text"
grep -E ' cleared +critical +delivered +P1 branch 3 \(Kühlung\): high-high cleared$' "$dir/text"
grep -E ' agentStarted +ok +- +meterxd' "$dir/text"
number=$(awk '/high-high latched/ { print $1 }' "$dir/text")

equal "events of P2" "$(events --panel P2 | grep -c . )" "$(events -p 2 | grep -c 'P2 online')"
equal "the newest" "$(events --count 1)" "$(tail -n 1 "$dir/text")"
equal "those after $number" "$(events --since "$number")" "$(sed "1,/high-high latched/d" "$dir/text")"
equal "those after the last" "$(events --since 999999999)" ""
equal "none as JSON" "$(events --since 999999999 --json | tr -d ' \n')" "[]"
for nobody in nobody 7 "x' OR 1=1 --"; do
	status_of 1 --panel "$nobody"
	log_has_said "meterxd.conf has no panel \"$nobody\""
	equal "events of nobody" "$(cat "$dir/out")" ""
done

# After a kill and while nobody runs; the file is not changed by looking.
stop meterxd KILL || :
equal "events after a kill" "$(events)" "$(cat "$dir/text")"
start_meterxd
retry 10 eval 'events | grep -c "agentStarted" | grep -x 2'
stop_meterxd
events >"$dir/text"
chmod 555 "$dir/state" # nothing can be made beside it (root can all the same)
equal "events from a folder that cannot be written" "$(events)" "$(cat "$dir/text")"
chmod 755 "$dir/state"
equal "events without the daemon" "$(awk 'NR > 1 && $1 <= last { print } { last = $1 }' "$dir/text")" ""
followed() { # each once, delivered or not at that moment
	sed -E 's/ (delivered|waiting  )  / -          /' "$dir/follow.log" >"$dir/have"
	sed -E 's/ (delivered|waiting  )  / -          /' "$dir/text" >"$dir/want"
	diff "$dir/want" "$dir/have"
}
retry 10 followed
stop follow || :

for wrong in '--count 0' '--count x' '--since -1' '--nonsense' 'word' '--panel'; do
	# shellcheck disable=SC2086 # two words
	status_of 2 $wrong
done
status_of 0 --help
echo damaged >"$dir/state/meterx.db"
status_of 1
log_has_said 'meterx.db: file is not a database'
