#!/usr/bin/env bash
# Meters answer everything with an exception for a while, whichever: their panels go, with the reason in
# the log, and come back by themselves with every value, also with those the meter had refused to have.
# The link stays up, and nobody else on it notices. A meter that is busy once costs its panel nothing.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../faults.sh"
require_mibs
start_sim --units 1,2,5,6
sim freeze on
{ patient link m; panel 1 m 1; panel 2 m 2; panel 5 m 5; } | write_conf
start_snmpd
start_meterxd
online 1 2 5
watch 5

while read -r first second; do
	exceptions=$(get mxLinkExceptions.1)
	sim fault exception "$first" unit 1
	sim fault exception "$second" unit 2
	for panel in 1 2; do
		retry 20 is mxPanelState.$panel offline
		absent mxBranchCurrent.$panel.2
	done
	retry 10 exceeds mxLinkExceptions.1 $((exceptions + 3))
	sim fault none
	online 1 2
	say "survived: exceptions $first, $second"
done <<'CODES'
1 4
5 6
7 8
9 10
11 12
128 255
2 3
CODES
fresh 5 5
retry 20 values 1:1:integer 2:2:integer 5:5:integer
for said in '1 \(illegal function' '4 \(device failure' '6 \(device busy' '10 \(gateway path' '11 \(gateway target'; do
	told 1 "panel P[12] .*offline: .*exception $said"
done

say "busy for one request, or still at work"
lost=$(grep -cE 'panel P1 .*offline' "$dir/meterxd.log")
for code in 6 5; do
	exceptions=$(get mxLinkExceptions.1)
	sim fault exception $code unit 1 every 7
	retry 20 exceeds mxLinkExceptions.1 $((exceptions + 9))
	is mxPanelState.1 online
	sim fault none
done
fresh 1 1
told "$lost" 'panel P1 .*offline'
equal "mxLinkState" "$(get mxLinkState.1)" up
told 0 'link: m .*: down'
end_watch
