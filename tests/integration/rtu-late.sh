#!/usr/bin/env bash
# Answers on a serial line that come late, never, one behind, in driblets or without end, and noise
# that nobody asked for: no value is ever another's, and nobody is spoken into.
. "$(dirname "$0")/../lib.sh"
. "$tests/integration/rtu_faults.bash"
start_line 115200:8E1 --freeze --start-time 15:00
# One panel in many reads of one length: any answer but the right one would do for most of them.
line_mode+=" max-registers = 21"
# shellcheck disable=SC2034 # for rtu_faults.bash
panels=(1)
{ rtu_link m; panel 1 m 1; } | write_conf
serve_rtu
survive_faults "$line" <<'FAULTS'
lost every 3
deaf count 2
late 60
late 250 every 3
late 250 random 20%
late 700 every 4
behind every 4
behind count 1
behind count 10
dribble 1 every 3
dribble 5 every 9 count 2
endless 300 every 5
FAULTS

say "noise"
sim line reset
for ((i = 0; i < 20; i++)); do
	sim noise "$line" $((1 + 7 * i))
	all_true noise
done
served
say "line: $(sim line "$line")"
# What reaches the master late, on a host that is busy, it cannot wait for: a frame or two of hundreds.
[ $(($(line_count "$line" gap_violations) + $(line_count "$line" collisions))) -le 2 ] || fail "speaks into noise"
