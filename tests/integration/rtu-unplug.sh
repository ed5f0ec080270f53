#!/usr/bin/env bash
# A serial adapter is pulled out while it is polled, its path fails in one way after another, and it
# comes back: the link tells why it is down, the panels come back, a write goes through.
. "$(dirname "$0")/../lib.sh"
require snmpset
require_mibs
start_line 38400:8O1 --freeze --start-time 15:00
{ rtu_link m; panel 1 m 1 'writes = {"thresholds"}'; } | write_conf
sed -i "s/^poll .*/poll = 1000/; s/^alarm-poll.*/alarm-poll = 300/" "$dir/meterxd.conf"
start_snmpd "rwcommunity private 127.0.0.1"
start_meterxd
online 1

put() { # OBJECT TYPE VALUE
	snmpset -v2c -c private -t 10 -r 0 -Oqv "$agent" "$@" >/dev/null
}

says() { # TEXT
	get mxLinkError.1 | grep -- "$1"
}

sim unplug "$line"
retry 20 is mxLinkState.1 backoff
retry 20 is mxPanelState.1 offline
absent mxBranchCurrent.1.1
get mxPanelSerial.1 | grep -v 'No Such'
while read -r kind text; do
	sim replug "$line" as "$kind"
	retry 20 says "$text"
	! put mxThresholdValue.1.1.0.1 u 650 2>/dev/null || fail "a write was accepted"
done <<'KINDS'
nothing the device is not there
directory directory
dead device
file serial
loop symbolic
KINDS
sim replug "$line"
retry 30 is mxLinkState.1 up
online 1
retry 20 values 1:1:integer

say "a write"
put mxThresholdValue.1.1.0.1 u 655
is mxThresholdValue.1.1.0.1 655
equal "the meter's register" "$(sim reg 1 171)" 655
sim fault bad-crc function 6 count 1
sim fault bad-crc function 16 count 1
put mxThresholdValue.1.1.0.1 u 660 || :
sim fault none
held() {
	is mxThresholdValue.1.1.0.1 "$(sim reg 1 171)"
}
retry 20 held

say "pulled out and in at once, several times"
for ((i = 0; i < 3; i++)); do
	sim unplug "$line"
	sim replug "$line"
	retry 20 is mxLinkState.1 up
	online 1
done
retry 20 values 1:1:integer
well_behaved "$line"
