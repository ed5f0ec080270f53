#!/usr/bin/env bash
# Open files run out while the daemon runs. First the links stand back for snmpd and the events; then
# there is nothing for anybody. Each says so once, and goes on by itself when there are some again.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../faults.sh"
require_mibs
require prlimit
start_sim --units 1,2,5,6
sim freeze on
{
	patient link m
	patient link_to n 127.0.0.1 "$sim_port"
	panel 1 m 1
	panel 2 m 2
	panel 5 n 5
} | write_conf
start_snmpd
most=$(ulimit -Hn)
METERX_TEST_WRAPPER="${METERX_TEST_WRAPPER:-} prlimit --nofile=256:$most" start_meterxd
online 1 2 5
equal "the limit, raised at the start" "$(prlimit -n -o SOFT --noheadings -p "${pids[meterxd]}" | tr -d ' ')" "$most"
limit() { # OPEN-FILES
	prlimit --nofile="$1:$most" --pid "${pids[meterxd]}"
}
open_files() {
	find "/proc/${pids[meterxd]}/fd" -mindepth 1 | wc -l
}

say "few are left: none of them for links"
limit $(($(open_files) + 10))
watch 5
sim fault close unit 1 count 1
retry 20 is mxPanelState.1 offline
retry 20 is mxPanelState.2 offline
is mxLinkError.1 'no more open files allowed'
end_watch
stop snmpd
start_snmpd
retry 10 is mxAgentPanelsOnline.0 1
fresh 5 5
retry 10 is mxAgentEventStorage.0 ok
told 1 'link: m .*: down: no more open files allowed'
log_has meterxd 'P1 .*offline: .*no more open files allowed' >/dev/null

say "none at all"
limit 8
stop snmpd
start_snmpd
retry 20 log_has meterxd 'no master agent at .*: Too many open files'
sleep 2.5 # attempts to reach the master agent in the meantime
asked=$(sim_count requests)
retry 20 asked_since 20 "$asked"
told 1 'no master agent at .*: Too many open files'
limit "$most"
online 1 2 5
retry 20 values 1:1:integer 2:2:integer 5:5:integer
retry 10 is mxAgentEventStorage.0 ok
told 1 'link: m .*: down: no more open files allowed'
told 1 'link: m .*: up again after'
