#!/usr/bin/env bash
# A peer is there and then nowhere: no FIN, no reset, no ICMP, connections half open; the same for one
# that never was there. What is sent to 10.77.0.0/16 arrives, or vanishes on its way.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../faults.sh"
require_mibs
require ip
own_network
here() {
	ip route replace local 10.77.0.0/16 dev lo
}
nowhere() { # never no route at all, which a connect would be told at once
	ip route del local 10.77.0.0/16 dev lo
}
ip route add 10.77.0.0/16 dev lo
here
start_sim --units 1,2,5,6 --listen 0.0.0.0:0
sim freeze on
{
	patient link m
	link_to v 10.77.0.1 "$sim_port"
	panel 1 v 1
	panel 2 v 2
	panel 5 m 5
} | write_conf
start_snmpd
start_meterxd
online 1 2 5
watch 5

nowhere
retry 20 is mxPanelState.1 offline
retry 20 is mxPanelState.2 offline
absent mxBranchCurrent.2.1
retry 20 is mxLinkState.2 backoff
fresh 5 5
here
online 1 2
retry 20 values 1:1:integer 2:2:integer
fresh 1 1
told 1 'link: v .*: down: '
told 1 'link: v .*: down: timed out'
told 1 'link: v .*: up again after '

say "away from the start"
end_watch
stop_meterxd
mv "$dir/meterxd.log" "$dir/first-meterxd.log"
nowhere
start_meterxd
online 5
watch 5
retry 20 is mxPanelState.1 offline
retry 20 is mxLinkState.2 backoff
fresh 5 5
here
online 1 2
retry 20 values 1:1:integer 2:2:integer
told 1 'link: v .*: down: timed out'
end_watch
