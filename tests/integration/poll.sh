#!/bin/bash
# meterx poll: the table, JSON, every point, hints at wrong wiring, and why it failed.
# shellcheck source-path=SCRIPTDIR/..
. "$(dirname "$0")/../lib.sh"
require python3

meterx=$build/meterx

exits() { # STATUS COMMAND...
	local want=$1 status=0
	shift
	"$@" >"$dir/out.log" 2>"$dir/err.log" </dev/null || status=$?
	equal "exit status of $*" $status "$want"
}

says() { # PATTERN [FILE]
	grep -qE -- "$1" "$dir/${2:-out}.log" || fail "does not say \"$1\""
}

json() { # EXPRESSION OF d : its value
	python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); print(eval("(" + sys.argv[2] + ")"))' \
		"$dir/out.log" "$1"
}

start_sim --freeze --start-time 10:00
dead=$(free_port tcp)
write_conf <<CONF
link "m"    { transport = "tcp" host = "127.0.0.1" port = $sim_port response-timeout = 10000 }
link "hasty" { transport = "tcp" host = "127.0.0.1" port = $sim_port response-timeout = 500 }
link "dead" { transport = "tcp" host = "127.0.0.1" port = $dead }
panel "RPP-1A" { index = 1 link = "m" unit = 1 profile = "bcpme" location = "Room 1, row A"
	branch 7  { label = "Chiller \"2\" Ä" tenant = "acme" breaker-amps = 16 }
	circuit 1 { label = "three poles" branches = {7, 9, 11} } }
panel "silent" { index = 8 link = "hasty" unit = 99 profile = "bcpme" }
panel "dead"   { index = 9 link = "dead" unit = 1 profile = "bcpme" }
CONF
conf=$dir/meterxd.conf

say "usage"
exits 0 "$meterx" poll --help
exits 2 "$meterx" poll
exits 2 "$meterx" poll a b c
exits 2 "$meterx" poll --frobnicate "$conf" RPP-1A
exits 1 "$meterx" poll "$conf" nobody
says 'has no panel "nobody"; it has: "RPP-1A" "silent" "dead"' err

say "the table"
sim current 1 7 5.2
sim pf 1 7 0.95
exits 0 "$meterx" poll "$conf" RPP-1A
says "^Panel     RPP-1A, index 1, Room 1, row A$"
says "serial 10480001"
says "^   7  Chiller \"2\" Ä            A     [0-9]+     5.20 .* 0.95 "
says "^   1  three poles "
wide=$(awk 'length($0) > 100 && !/^  - /' "$dir/out.log")
equal "lines of more than 100 columns" "$wide" ""
cp "$dir/out.log" "$dir/by-name.txt"
exits 0 "$meterx" -c "$conf" poll 1
equal "lines by index" "$(wc -l <"$dir/out.log")" "$(wc -l <"$dir/by-name.txt")"

say "JSON, with true values"
exits 0 "$meterx" poll --json "$conf" RPP-1A
equal "current" "$(json 'd["branches"][6]["current_ma"]')" 5200
equal "label" "$(json 'd["branches"][6]["label"]')" 'Chiller "2" Ä'
equal "branches" "$(json 'len(d["branches"])')" 42
equal "sum of the circuit" "$(json 'd["circuits"][0]["active_power_w"] ==
	sum(d["branches"][n - 1]["active_power_w"] for n in (7, 9, 11))')" True
equal "voltage" "$(json '200000 < d["sources"][0]["an_mv"] < 250000')" True

say "every point, with the register of the manual"
exits 0 "$meterx" poll --json --all "$conf" RPP-1A
equal "registers of branch currents" \
	"$(json '[p["register"] for p in d["points"] if p["scope"] == "branch" and p["quantity"] == "current"]
		in (list(range(1336, 1378)), list(range(2252, 2336, 2)))')" True
equal "quality" "$(json 'set(p["quality"] for p in d["points"])')" "{'good'}"
exits 0 "$meterx" poll -a "$conf" RPP-1A
says "^ +119  branch +1  rating +20000 mA"

say "hints"
exits 0 "$meterx" poll "$conf" RPP-1A
says '- branch 7 \(Chiller "2" Ä\): breaker is 16.0 A in the configuration, [0-9.]+ A in the meter'
sim pf 1 7 0.05
sim current 1 8 3
sim write 1 126 0
exits 0 "$meterx" poll "$conf" RPP-1A
says '- branch 7 .*: 5.20 A with power factor 0.05: CT on the wrong phase\?'
says '- branch 8: 3.00 A, but its breaker rating in the meter is 0: its alarms are off'
sim voltage 1 b 0
exits 0 "$meterx" poll "$conf" RPP-1A
says '- voltage B: 0.0 V while the highest phase has 2[0-9.]+ V: lead off, fuse blown\?'

say "failures"
exits 1 "$meterx" poll "$conf" dead
says 'panel "dead" \(link "dead", 127.0.0.1:'"$dead"', unit 1\): .*refused' err
exits 1 "$meterx" poll "$conf" silent
says "unit 99\): connected, but the unit does not answer within 500 ms" err
sim fault exception 10 unit 1
exits 1 "$meterx" poll "$conf" RPP-1A
says 'unit 1\): the gateway answers, but does not reach the unit: exception 10' err
sim fault none
sim fault exception 4 unit 1
exits 1 "$meterx" poll "$conf" RPP-1A
says 'unit 1\): exception 4' err
sim fault none
mkdir "$dir/profiles"
cp "$source_dir"/conf/profiles/* "$dir/profiles"
sed -i 's/id = 1517/id = 1617/' "$dir/profiles/bcpm-map.inc"
sed -i "s|^profile-dir.*|profile-dir = \"profiles\"|" "$conf"
exits 1 "$meterx" poll "$conf" RPP-1A
says 'is not a meter of profile "bcpme"' err
echo 'poll = 0' >>"$conf"
exits 1 "$meterx" poll "$conf" RPP-1A
says 'poll: "0" is out of range' err
