#!/usr/bin/env bash
# Names that are not known, and a name server that fails or says nothing: links to addresses go on,
# managers notice nothing, the log tells it once; when names are answered again, their panels are served.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../faults.sh"
require_mibs
require ip mount
own_network --mount
# Longer than a link waits for a name.
say "nameserver 127.0.0.1
options timeout:$((1 + slow / 3)) attempts:1" >"$dir/resolv.conf"
say 'hosts: files dns' >"$dir/nsswitch.conf"
for file in resolv.conf nsswitch.conf; do
	mount --bind "$dir/$file" /etc/$file 2>/dev/null || skip "no mounts here"
done
dns() { # MODE
	say "$1" >"$dir/dns.new"
	mv "$dir/dns.new" "$dir/dns"
}
dns silent
spawn dns python3 "$tests/fault_dns.py" "$dir/dns"
retry 10 log_has dns serving

start_sim --units 1,2,5,6
sim freeze on
{
	patient link m
	panel 5 m 5
	for n in 1 2; do
		response_timeout=500 link_to n$n "meter$n.example" "$sim_port"
		panel $n n$n $n
	done
	# One name server that does not answer must not cost a thread for each name.
	for n in $(seq 100 140); do
		link_to n$n "meter$n.example" "$sim_port"
		panel $n n$n 6
	done
} | write_conf
start_snmpd
start_meterxd
online 5
watch 5

retry 20 is mxPanelState.1 offline
retry 20 is mxLinkError.2 'name lookup timed out'
retry 20 is mxLinkError.3 'name lookup timed out'
fresh 5 5
threads=$(sed -n 's/^Threads:[[:space:]]*//p' "/proc/${pids[meterxd]}/status")
[ "$threads" -le $((44 + 16 + 6)) ] || fail "$threads threads with 44 links, of them 43 with names"

dns unknown
retry 30 is mxLinkError.2 'host name not known'
fresh 5 5
told 1 'link: n1 .*: down: name lookup timed out'
told 1 'link: n1 .*: down: '

dns 127.0.0.1
online 1 2
retry 20 values 1:1:integer 2:2:integer
told 1 'link: n1 .*: up again after '
retry 40 is mxAgentPanelsOnline.0 44
fresh 1 1

say "a server that fails does not touch what is connected, nor who was found before"
dns failure
sim fault close unit 1 count 1
retry 20 exceeds mxLinkReconnects.2 0
fresh 1 1
told 1 'panel P1 .*offline: '
end_watch
