#!/usr/bin/env bash
# Another subagent has our root: the agent lives on, says so, and takes over when that one goes.
. "$(dirname "$0")/../lib.sh"
require_mibs
start_sim
{ patient link m; panel 1 m 1; } | write_conf
start_snmpd
root=$(snmptranslate -On METERX-MIB::mxObjects)
printf 'echo "$2"; echo integer; echo 7\n' >"$dir/seven"
start_subagent "pass $root /bin/sh $dir/seven"
retry 10 is "$root" 7
start_meterxd
retry 10 log_has meterxd 'refuses to register'
running meterxd || fail "the agent gave up"
is "$root" 7
stop subagent || :
online 1
