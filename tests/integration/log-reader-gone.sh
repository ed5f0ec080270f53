#!/usr/bin/env bash
# SIGPIPE: who read the log is gone, the master dies in the middle of talk; the agent lives.
. "$(dirname "$0")/../lib.sh"
require_mibs
start_sim
{ patient link m; panel 1 m 1; } | write_conf
start_snmpd
mkfifo "$dir/pipe"
head -n 1 "$dir/pipe" >"$dir/first-line" &
# shellcheck disable=SC2086 # a command with its arguments
${METERX_TEST_WRAPPER:-} "${meterxd[@]}" -f -l debug -c "$dir/meterxd.conf" >"$dir/pipe" 2>&1 &
pids[meterxd]=$!
online 1
retry 10 test -s "$dir/first-line"
for _ in 1 2 3; do
	# Many requests on the way while the master dies.
	for _ in 1 2 3 4; do walk mxObjects >/dev/null 2>&1 & done
	stop snmpd KILL || :
	running meterxd || fail "the agent died with its master"
	start_snmpd
	online 1
done
