#!/bin/bash
# SETs of every kind: what the manager sees, what the meter holds, who waits meanwhile.
# shellcheck source-path=SCRIPTDIR/..
. "$(dirname "$0")/../lib.sh"
require python3 snmptranslate
require_mibs

all='writes = {"thresholds", "latches", "labels", "resets", "layout"}'
start_sim --units 1,2,5,6 --factory
dead=$(free_port tcp)
write_conf <<CONF
link "m"    { transport = "tcp" host = "127.0.0.1" port = $sim_port response-timeout = 1500 }
link "dead" { transport = "tcp" host = "127.0.0.1" port = $dead }
panel "P1" { index = 1 link = "m" unit = 1 profile = "bcpme" $all }
panel "P2" { index = 2 link = "m" unit = 2 profile = "bcpme" $all }
panel "P3" { index = 3 link = "m" unit = 5 profile = "bcpme" writes = {"labels"} }
panel "P4" { index = 4 link = "m" unit = 6 profile = "bcpme" writes-async = yes $all }
panel "P9" { index = 9 link = "dead" unit = 1 profile = "bcpme" $all }
CONF
start_snmpd "rwcommunity private 127.0.0.1"
start_meterxd
online 1 2 3 4

python3 "$tests/write_matrix.py" "$agent" "$dir/sim" "$build/meterx-sim"
say "answered meanwhile, and as before:"
online 1 2 3 4
