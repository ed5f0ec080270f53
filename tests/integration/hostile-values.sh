#!/usr/bin/env bash
# A meter whose frames are right and whose contents are not: what is no value is absent, never
# wrong, and leaves its neighbours alone; what never rests does not fill the event log.
. "$(dirname "$0")/../lib.sh"
require_mibs
start_sim
sim freeze on
{
	patient link a
	patient link b
	panel 1 a 1 'encoding = "integer"'
	panel 2 b 1 'encoding = "float"'
} | write_conf
start_snmpd
start_meterxd
online 1 2
retry 20 values 1:1:integer 2:1:float

events() { # PATTERN: so many have such a text
	walk mxEventText | grep -cE -- "$1" || :
}

# Currents of branches 1 to 9 as integers: scales beyond reason, and such as bring what no cell holds.
n=0
for scale in 0x7fff 0x8001 0x0013 0xffed 0x8000 0x0012 0x0009; do
	n=$((n + 1))
	sim poke 1 $((1335 + n)) 0x7fff
	sim poke 1 $((999 + n)) $scale
done
sim poke 1 1007 0xffee # 10^-18: nothing is left, which is a value
sim poke 1 1343 0x7fff
# The same as floats: infinities, two kinds of NaN, the largest and the smallest numbers.
n=0
for float in '0x7f80 0' '0xff80 0' '0x7fc0 0' '0xff80 1' '0x7f7f 0xffff' '0xff7f 0xffff' '0x4b00 0'; do
	n=$((n + 1))
	# shellcheck disable=SC2086 # two words
	set -- $float
	sim poke 1 $((2250 + 2 * n)) "$1"
	sim poke 1 $((2251 + 2 * n)) "$2"
done
sim poke 1 2266 0
sim poke 1 2267 1

withdrawn() { # PANEL: branches 1 to 7 have no current, 8 has none left, the others have theirs
	local panel=$1
	[ "$(walk mxBranchCurrent | grep -c "Current\.$panel\.")" = 35 ] &&
		[ "$(get "mxBranchCurrent.$panel.8")" = 0 ]
}
for panel in 1 2; do
	retry 20 withdrawn $panel
	for branch in 1 2 3 4 5 6 7; do
		absent mxBranchCurrent.$panel.$branch
	done
	is mxPanelState.$panel online
done
sim unpoke 1
retry 20 values 1:1:integer 2:1:float

# Counters that go back, energies and latches, again and again.
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
	sim poke 1 1169 $((60000 - 1000 * i))
	sim poke 1 2000 $((0x4f00 - i))
	sim poke 1 301-342 $((30000 - 1000 * i))
	asked=$(sim_count requests)
	retry 10 asked_since 12 "$asked"
done
is mxPanelState.1 online
[ "$(events 'energy was reset')" -ge 1 ] || fail "no energy was reset"
[ "$(events 'energy was reset')" -le 4 ] || fail "$(events 'energy was reset') events of energies"
[ "$(events 'latched')" -eq 0 ] || fail "latches that are counters that went back"
sim unpoke 1
retry 20 values 1:1:integer 2:1:float

# Another identity at every question: nothing is shown of it, and hardly anything told.
for i in $(seq 40); do
	sim serial 1 "$i"
	sleep 0.05
done
[ "$(events 'another meter')" -le 4 ] || fail "$(events 'another meter') meters were believed"
running meterxd || fail "the agent is gone"
retry 60 is mxPanelSerial.1 40
retry 60 is mxPanelSerial.2 40
retry 20 values 1:1:integer 2:1:float
