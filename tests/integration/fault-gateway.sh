#!/usr/bin/env bash
# A gateway with many units behind one address: what it says for units it cannot reach (exceptions 10 and
# 11) is told apart from what a meter itself says; those it can reach keep their rhythm.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../faults.sh"
require_mibs
start_sim --units 1,2,5,6,9,10
sim freeze on
{ patient link gw; for unit in 1 2 5 6 9 10; do panel $unit gw $unit; done; } | write_conf
start_snmpd
start_meterxd
online 1 2 5 6 9 10
retry 20 values 1:1:integer 2:2:integer 5:5:integer 6:6:integer 9:9:integer 10:10:integer
watch 5 6 10

asked() { # UNIT
	sim requests | grep -o "\"$1\":{\"requests\":[0-9]*" | sed 's/.*://'
}

sim fault exception 11 unit 1
sim fault exception 10 unit 2
sim fault exception 4 unit 9
for panel in 1 2 9; do
	retry 20 is mxPanelState.$panel offline
	absent mxBranchCurrent.$panel.2
done
told 1 'panel P1 .*offline: the gateway does not reach unit 1: exception 11 \(gateway target does not respond\)'
told 1 'panel P2 .*offline: the gateway does not reach unit 2: exception 10 \(gateway path unavailable\)'
told 1 'panel P9 .*offline: exception 4 \(device failure\)'
retry 10 exceeds mxLinkGatewayExceptions.1 1
retry 10 exceeds mxLinkExceptions.1 1
is mxLinkState.1 up
told 0 'link: gw .*: down'

# Units that cannot be reached are asked now and then, the others as often as ever.
healthy=$(asked 5) away=$(asked 1)
polled() {
	[ "$(asked 5)" -ge $((healthy + 100)) ]
}
retry 30 polled
[ $(($(asked 1) - away)) -le 12 ] || fail "unit 1 was asked $(($(asked 1) - away)) times meanwhile"
interval=$(get mxPanelPollInterval.5)
say "while unit 5 was asked 100 times, every $interval ms: unit 1 $(($(asked 1) - away)) times"
fresh 10 10

sim fault none
online 1 2 9
retry 20 values 1:1:integer 2:2:integer 9:9:integer
end_watch
