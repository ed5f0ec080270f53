#!/usr/bin/env bash
# A hundred and twenty panels on sixty links. With too few open files allowed the log says how many it
# takes, what there is serves some, and snmpd is never left out; with none below 1024 free all are served.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../faults.sh"
require_mibs
require prlimit
links=60
start_sim --units 1,2
sim freeze on
site() { # LINKS
	local i
	for ((i = 1; i <= $1; i++)); do
		patient link l$i
		panel $((2 * i - 1)) l$i 1
		panel $((2 * i)) l$i 2
	done
}
some_online() { # AT-LEAST
	[ "$(get mxAgentPanelsOnline.0)" -ge "$1" ]
}
start_snmpd

say "125 open files are too few"
site $links | write_conf
METERX_TEST_WRAPPER="${METERX_TEST_WRAPPER:-} prlimit --nofile=125:125" start_meterxd
retry 20 some_online 8
told 1 "$links links need 184 open files, but only 125 are allowed: .* LimitNOFILE=184"
is mxAgentPanels.0 $((2 * links))
stop snmpd
start_snmpd
retry 10 some_online 8
retry 10 is mxAgentEventStorage.0 ok
site 10 | write_conf
kill -HUP "${pids[meterxd]}"
retry 20 is mxAgentPanelsOnline.0 20
stop_meterxd
mv "$dir/meterxd.log" "$dir/few-meterxd.log"

say "all below 1024 are taken"
site $links | write_conf
crowded() {
	local fd
	ulimit -Sn $((1024 + 300))
	for ((fd = 3; fd < 1024; fd++)); do
		eval "exec $fd</dev/null"
	done
	exec "$@"
}
[ "$(ulimit -Hn)" = unlimited ] || [ "$(ulimit -Hn)" -ge $((1024 + 300)) ] || skip "no more than $(ulimit -Hn) open files"
# shellcheck disable=SC2086 # words
spawn meterxd crowded ${METERX_TEST_WRAPPER:-} "${meterxd[@]}" -f -c "$dir/meterxd.conf"
retry 30 is mxAgentPanelsOnline.0 $((2 * links))
retry 20 values 120:2:integer
for signal in TERM KILL; do
	stop snmpd $signal || :
	start_snmpd
	retry 10 is mxPanelName.120 P120
	retry 10 is mxAgentPanelsOnline.0 $((2 * links))
done
sim fault close count 20
retry 20 is mxAgentPanelsOnline.0 $((2 * links))
fresh 120 2
told 0 'no more open files'

say "links that are dead, all of them, hold up neither managers nor the end"
sim fault refuse listen
retry 30 is mxAgentPanelsOnline.0 0
is mxPanelState.120 offline
is mxPanelName.1 P1
kill -HUP "${pids[meterxd]}"
retry 20 log_has meterxd 'read again: 60 links'
sim fault none
retry 60 some_online 1
