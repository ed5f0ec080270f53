#!/usr/bin/env bash
# A unit behind a gateway that is not there, asked first and again and again: that is not the end of the link,
# also while the others are polled so seldom that none has answered for long.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../faults.sh"
require_mibs
start_sim --units 1,2
{ response_timeout=500 link gw; panel 1 gw 1; panel 2 gw 9; panel 3 gw 2; } | write_conf
sed -i "s/^poll .*/poll = 60000/; s/^alarm-poll.*/alarm-poll = 60000/; s/^slow-poll.*/slow-poll = 60000/" \
	"$dir/meterxd.conf"
start_snmpd
start_meterxd
online 1 3
connected=$(get mxLinkLastChange.1)

timeouts() {
	[ "$(get mxLinkTimeouts.1)" -ge 5 ]
}
retry 60 timeouts
is mxPanelState.2 offline
is mxPanelState.1 online
is mxPanelState.3 online
is mxLinkState.1 up
equal "the link's last change" "$(get mxLinkLastChange.1)" "$connected"
told 0 'link: gw .*: down'
