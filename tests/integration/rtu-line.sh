#!/usr/bin/env bash
# A serial line with two units and one that is dead: all values true, the dead one told as such, and
# on the line neither a gap too short nor two speaking at a time. At 9600 baud, then faster.
. "$(dirname "$0")/../lib.sh"
require_mibs
start_snmpd

# What both answers have: units, panels, links.
serve_line() { # BAUD:MODE
	start_line "$1" --freeze --start-time 15:00
	{ rtu_link m; panel 1 m 1; panel 2 m 2; panel 9 m 9; } | write_conf
	sed -i "s/^poll .*/poll = $2/; s/^alarm-poll.*/alarm-poll = $3/; s/^slow-poll.*/slow-poll = $2/" \
		"$dir/meterxd.conf"
	start_meterxd
	online 1 2
}

say "9600 8E1"
serve_line 9600:8E1 5000 2000
is mxLinkTransport.1 rtu
is mxPanelState.9 offline
well_behaved "$line"
stop_meterxd
stop sim

say "38400 8N1: every value, and a write"
serve_line 38400:8N1 2000 500
retry 30 values 1:1:integer 2:2:integer
well_behaved "$line"
stop_meterxd

# Once and no more: for a meter that is well, however busy the host.
read_panel() { # UNIT ENCODING
	{
		rtu_link m | sed "s/response-timeout = [0-9]*/response-timeout = 5000/"
		panel 1 m "$1" "encoding = \"$2\" meter-circuits = {\"two-pole\", \"three-pole\"}"
	} | write_conf
	"$build/tests/integration/panel_values" "$dir/meterxd.conf" P1 >"$dir/$2.txt" \
		2>>"$dir/values.log"
}
read_panel 2 integer
read_panel 2 float
python3 "$tests/integration/compare_truth.py" "$build/meterx-sim" "$dir/sim" 2 "$dir/integer.txt" \
	"$dir/float.txt"
well_behaved "$line"
