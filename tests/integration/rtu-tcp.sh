#!/usr/bin/env bash
# RTU through a raw serial gateway: the faults of a line in short, and those of a gateway: closed,
# reset, vanished without a word, away and back. It shares the line with somebody else's answers.
. "$(dirname "$0")/../lib.sh"
. "$tests/integration/rtu_faults.bash"
start_line 115200:8N1 --freeze --start-time 15:00
gateway=127.0.0.1:$gateway_port
{ rtu_tcp_link m; panel 1 m 1; panel 2 m 2; } | write_conf
serve_rtu
is mxLinkTransport.1 rtuOverTcp
survive_faults "$gateway" <<'FAULTS'
doubled every 3
truncate 4 every 3
bad-crc every 2
noise-before 20 every 3
noise-after 20 every 2
wrong-unit every 3
wrong-function every 3
wrong-count every 3
busy every 2
lost every 4
late 60
late 250 every 4
behind every 4
close mid every 5
reset mid every 5
FAULTS

reconnected() { # THEN
	[ "$(get mxLinkReconnects.1)" -gt "$1" ]
}

say "vanished: the connection stays and nobody is there"
before=$(get mxLinkReconnects.1)
sim fault vanish count 1
retry 30 reconnected "$before"
online 1 2
all_true vanish

say "away and back"
sim fault refuse
retry 20 is mxLinkState.1 backoff
retry 20 is mxPanelState.1 offline
absent mxBranchCurrent.1.1
sim fault none
retry 30 is mxLinkState.1 up
online 1 2

say "silent: every unit, until it speaks again"
before=$(get mxLinkReconnects.1)
sim fault deaf
retry 30 reconnected "$before"
sim fault none
online 1 2
all_true deaf
served
