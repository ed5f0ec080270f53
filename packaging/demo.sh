#!/usr/bin/env bash
# demo.sh: MeterX on this machine in a minute, without a meter and without privileges.
set -eu

once=no given=''
usage() {
	cat <<TEXT
Usage: packaging/demo.sh [OPTION]...

Installs the Debian packages that are missing (saying which), builds, and starts
on the loopback: a simulated BCPME meter with two panels of 42 branches, an
snmpd, and meterxd between them, and a receiver of traps. Shows the tables, trips
a breaker's limit, shows the trap, clears the latch by snmpset, raises the limit
and names a circuit, and stays up for you to look around. Ends all it started, and removes its folder.

  -1, --once           check each step and end: status 0 if all went well
  -b, --build-dir DIR  use what is built in DIR already
  -h, --help           this text
TEXT
}
while [ $# -gt 0 ]; do
	case $1 in
	-1 | --once) once=yes ;;
	-b | --build-dir) shift; given=${1:-} ;;
	-h | --help) usage; exit 0 ;;
	*) usage >&2; exit 2 ;;
	esac
	shift
done

# shellcheck source=packaging/setup.sh
. "$(dirname "$0")/setup.sh"

if [ -t 1 ]; then bold=$'\e[1m' dim=$'\e[2m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'
else bold='' dim='' green='' red='' plain=''; fi

title() {
	printf '\n%s== %s ==%s\n' "$bold" "$*" "$plain"
}

note() {
	printf '%s%s%s\n' "$dim" "$*" "$plain"
}

dir=$(mktemp -d "${TMPDIR:-/tmp}/meterx-demo.XXXXXX")
trap 'rm -rf "$dir"' EXIT

if [ -z "$given" ]; then
	install_packages "${BUILD_PACKAGES[@]}" "${RUN_PACKAGES[@]}" || exit 1
	title "Building"
	given=$dir/build
	{ copy_source "$dir/src" && mkdir "$given" && cd "$given" && ../src/configure -q &&
		make -s -j"$(nproc)" && cd -; } >"$dir/build.log" 2>&1 || {
		tail -n 30 "$dir/build.log"
		say "${red}The build failed.$plain"
		exit 1
	}
	note "built in $given ($SECONDS s)"
fi
BUILD=$given
# shellcheck source=tests/lib.sh
. "$top/tests/lib.sh"
require_mibs

# Check something of a step; the demo ends with status 1 if it is not so.
step() { # TEXT COMMAND...
	local text=$1
	shift
	retry 30 "$@" || {
		say "${red}[failed]$plain $text"
		exit 1
	}
	say "${green}[ok]$plain $text"
}

# Columns of a table side by side, the rows whose index matches a pattern.
# A column is "HEADING=object"; "HEADING=object/1000" shows thousandths.
show() { # INDEX-PATTERN COLUMN...
	local pattern=$1 column object
	shift
	for column in "$@"; do
		object=${column#*=}
		walk "METERX-MIB::${object%/*}" | sed "s|^|$column\t|"
	done | awk -F '\t' -v pattern="$pattern" -v bold="$bold" -v plain="$plain" '
		# "C0 ": the first bit is the highest
		function alarms(hex,  bit, nibble, text) {
			for (bit = 0; bit < 7; bit++) {
				nibble = index("0123456789ABCDEF", substr(hex, 1 + int(bit / 4), 1)) - 1
				if (int(nibble / 2 ^ (3 - bit % 4)) % 2) text = text " " level[bit + 1]
			}
			return text == "" ? "-" : substr(text, 2)
		}
		function pad(text, width, right) {
			return sprintf("%" (right ? "" : "-") width "s", text)
		}
		BEGIN { split("HH H L LL OFF high low", level, " ") }
		{
			heading = $1; sub(/=.*/, "", heading)
			if (!(heading in place)) {
				place[heading] = ++columns; head[columns] = heading
				width[columns] = length(heading); right[columns] = 1
			}
			c = place[heading]
			row = value = $2
			sub(/ .*/, "", row); sub(/^[^.]*\./, "", row)
			sub(/^[^ ]* ?/, "", value)
			if (row !~ pattern) next
			if (!(row in seen)) { seen[row] = ++rows; name[rows] = row
				if (length(row) > broad) broad = length(row) }
			if ($1 ~ /\/1000$/) value = sprintf("%.2f", value / 1000)
			if (value ~ /^"[0-9A-F][0-9A-F] "$/) value = alarms(substr(value, 2))
			if (value ~ /^\./) value = "0" value
			if (value !~ /^-?[0-9.]+$/) right[c] = 0
			if (length(value) > width[c]) width[c] = length(value)
			cell[seen[row], c] = value
		}
		END {
			line = pad("", broad)
			for (c = 1; c <= columns; c++) line = line "  " pad(head[c], width[c], right[c])
			sub(/ +$/, "", line)
			print bold line plain
			for (r = 1; r <= rows; r++) {
				line = pad(name[r], broad)
				for (c = 1; c <= columns; c++)
					line = line "  " pad((r, c) in cell ? cell[r, c] : "", width[c], right[c])
				sub(/ +$/, "", line)
				print line
			}
		}'
}

# A write as an operator would type it.
operate() { # OBJECT TYPE VALUE
	note "snmpset -v2c -c $operator $agent METERX-MIB::$1 $2 '$3'"
	snmpset -v2c -c "$operator" -t 2 -OqsU "$agent" "METERX-MIB::$1" "$2" "$3" 2>&1 |
		sed -e '/^$/d' -e 's/^/    /'
}

# The last trap of that name, as its receiver logged it: the name and the text.
trap_of() { # NAME PATTERN
	grep -E "	snmpModules.1.1.4.1.0 $1	.*mxEventText\.[0-9]+ \"?.*$2" "$dir/snmptrapd.log" | tail -n 1 |
		sed -E 's/^([0-9:]*) .*1\.1\.4\.1\.0 ([^	]*)	.*mxEventText\.[0-9]+ "?([^	]*)"?(	.*|$)/\1  \2  \3/'
}
trap_came() { # NAME PATTERN
	[ -n "$(trap_of "$@")" ] || { say "no trap $1 with \"$2\" yet"; return 1; }
}
show_trap() { # TEXT NAME PATTERN
	step "$1" trap_came "$2" "$3"
	say "    $bold$(trap_of "$2" "$3")$plain"
}

branches=(label=mxBranchLabel phase=mxBranchPhase "amps=mxBranchCurrent/1000" "load %=mxBranchLoad"
	W=mxBranchActivePower "kWh=mxBranchEnergy/1000" state=mxBranchState active=mxBranchActive
	latched=mxBranchLatched "limit A=mxBranchLimitHighHigh/1000")
alarms=("active now=mxActiveAlarmActive" latched=mxActiveAlarmLatched severity=mxActiveAlarmSeverity
	text=mxActiveAlarmText)
events=(time=mxEventTime kind=mxEventKind delivered=mxEventDelivered text=mxEventText)
operator=operator

write_demo_conf() {
	cat <<CONF
link "room1" { transport = "tcp" host = "127.0.0.1" port = $sim_port }
panel "RPP-1A" {
  index = 1 link = "room1" unit = 1 profile = "bcpme" location = "Room 1, row A"
  writes = {"thresholds", "latches", "labels"}
  branch 1 { label = "Rack A1 feed A" tenant = "acme" }
  branch 2 { label = "Rack A1 feed B" tenant = "acme" }
  branch 3 { label = "Rack A2 feed A" tenant = "globex" }
  branch 4 { label = "Rack A2 feed B" tenant = "globex" }
  branch 5 { label = "Lighting" }
  circuit 1 { label = "Chiller 2" branches = {7, 9, 11} }
}
panel "RPP-1B" {
  index = 2 link = "room1" unit = 2 profile = "bcpme" location = "Room 1, row A"
}
CONF
}

title "Starting"
start_sim
write_demo_conf | write_conf
start_snmptrapd
start_snmpd "$trap_sink" "rwcommunity $operator 127.0.0.1"
start_meterxd
say "meterx-sim  a BCPME on Modbus TCP, 127.0.0.1:$sim_port, units 1 and 2"
say "snmpd       127.0.0.1:$snmp_port, AgentX socket $dir/agentx"
say "snmptrapd   127.0.0.1:$trap_port"
say "meterxd     configured in $dir/meterxd.conf:"
write_demo_conf | sed "s/^/    $dim/; s/\$/$plain/"
step "both panels are online" eval 'is mxPanelState.1 online && is mxPanelState.2 online'

title "The panels"
show . name=mxPanelName location=mxPanelLocation model=mxPanelModel serial=mxPanelSerial \
	state=mxPanelState worst=mxPanelWorstState latched=mxPanelLatchedAlarms "age ms=mxPanelDataAge"
title "Mains of RPP-1A"
show '^1\.' "amps=mxMainsCurrent/1000" "W=mxMainsActivePower" "PF=mxMainsPowerFactor" \
	"kWh=mxMainsEnergy/1000" "load %=mxMainsLoad" state=mxMainsState
title "Voltages of RPP-1A"
show '^1\.' "V=mxVoltageValue/1000" state=mxVoltageState
title "Branches of RPP-1A (the first 14 of 42)"
show '^1\.([1-9]|1[0-4])$' "${branches[@]}"

title "A breaker is overloaded: branch 3, \"Rack A2 feed A\", draws 18 A of 20 A"
note "high-high is 70 %, 14 A; the meter latches it after a delay, set to 2 s here"
sim write 1 165 2
sim current 1 3 18
show_trap "the trap arrives, readable without a MIB" mxOverCurrent 'branch 3 .*: high-high latched, 18\.000 A'
step "every table has the alarm" eval 'is mxBranchState.1.3 critical &&
	is mxAlarmLatched.1.branch.3.highHigh true && walk mxActiveAlarmLevel | grep -q highHigh'
show '^1\.[1-5]$' "${branches[@]}"
note "active: beyond the limit now; latched: kept by the meter until cleared. HH high-high, high: without a latch"
title "What is in alarm, on all panels, in one walk"
show . "${alarms[@]}"
note "the meter has two: above 60 %, a state that goes by itself; above 70 %, a latch that stays"

title "The load goes back; an operator clears the latch in the meter"
sim current 1 3 4
operate mxAlarmLatched.1.branch.3.highHigh i false
show_trap "the trap of its end arrives" mxOverCurrentCleared 'branch 3 .*: high-high cleared'
# shellcheck disable=SC2016 # for eval
step "the latch is gone from every table, and from the meter" eval 'is mxBranchState.1.3 ok &&
	is mxAgentLatchedAlarms.0 0 && [ -z "$(walk METERX-MIB::mxActiveAlarmTable | grep mxActiveAlarm)" ] &&
	[ $(($(sim reg 1 180 | grep -oE "[0-9a-fx]+$") & 31)) = 0 ]'
show '^1\.[1-5]$' "${branches[@]}"

title "The operator raises the limit for all branches of RPP-1A from 70 to 80 %, and names one"
operate mxThresholdValue.1.branch.0.highHigh u 800
operate mxBranchLabel.1.5 s 'Lighting, east'
step "limits and label follow" eval 'is mxBranchLimitHighHigh.1.3 16000 &&
	is mxBranchLabel.1.5 "Lighting, east"'
show '^1\.[1-5]$' label=mxBranchLabel "rating A=mxBranchRating/1000" "limit A=mxBranchLimitHighHigh/1000"
note "The same on RPP-1B, whose \"writes\" in the configuration allows nothing:"
operate mxThresholdValue.2.branch.0.highHigh u 800 || :
step "it is refused, nothing changes" eval 'is mxThresholdValue.2.branch.0.highHigh 700 &&
	is mxBranchLimitHighHigh.2.3 14000'

title "All of it is in the event log"
show . "${events[@]}"
note "delivered: snmpd has taken its notification; empty: it has none. A state without a latch ends only after"
note "notify-hold, 10 s, so that it can not flood: its end comes later than that of the latch."

if [ "$once" = yes ]; then
	title "All steps went well"
	exit 0
fi

title "Look around"
cat <<TEXT
It stays up until you press Enter or Ctrl-C. In another terminal:

export MIBDIRS=$MIBDIRS MIBS=METERX-MIB
snmptable    -v2c -c $community -OU -Ci -Cb -Cw 160 $agent METERX-MIB::mxBranchTable
snmpbulkwalk -v2c -c $community -Cr50 $agent METERX-MIB::mxBranchCurrent
snmpget      -v2c -c $community $agent METERX-MIB::mxBranchLabel.1.3 METERX-MIB::mxBranchCurrent.1.3
snmpbulkwalk -v3 -l authPriv -u walker -a SHA -A walker-auth -x AES -X walker-priv $agent METERX-MIB::mxPanelTable
snmpset      -v2c -c $operator $agent METERX-MIB::mxThresholdDelay.1.branch.0.high u 5
snmpset      -v2c -c $operator $agent METERX-MIB::mxPanelCommand.1 i clearLatches
$build/meterx -c $dir/meterxd.conf poll RPP-1A
tail -f $dir/snmptrapd.log
tail -f $dir/meterxd.log

The meter obeys, too: overload branch 3, clear all latches of panel 1, fall silent, come back.
$build/meterx-sim --tell $dir/sim current 1 3 18
$build/meterx-sim --tell $dir/sim write 1 295 31010
$build/meterx-sim --tell $dir/sim fault silent
$build/meterx-sim --tell $dir/sim fault none
TEXT
if [ -t 0 ]; then
	read -r _ || :
else
	wait "${pids[meterxd]}"
fi
