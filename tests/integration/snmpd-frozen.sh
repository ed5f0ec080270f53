#!/usr/bin/env bash
# A master that stands still for longer than any timeout: polling goes on, and it is served again.
. "$(dirname "$0")/../lib.sh"
patient start_all
kill -STOP "${pids[snmpd]}"
frozen=$(now_ms) asked=$(sim_count requests)
long_enough() {
	[ $(($(now_ms) - frozen)) -ge 5000 ]
}
retry 10 long_enough
# Alarms every 100 ms and measurements every 200 ms on two panels.
retry 10 asked_since 100 "$asked"
polled=$(($(sim_count requests) - asked))
kill -CONT "${pids[snmpd]}"
retry 15 is mxPanelState.1 online
sim freeze on
retry 15 values 1:1:integer 2:2:integer
say "$polled requests to the meter while snmpd stood still for 5 s"
