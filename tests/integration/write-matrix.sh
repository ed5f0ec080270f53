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

# Another subagent: .1.0 can be written, .2.0 fails when it is.
other=.1.3.6.1.4.1.8072.9999.9999.777
cat >"$dir/other" <<SH
#!/bin/sh
case \$1:\$2 in
-s:$other.1.0) ;;
-s:*) echo not-writable ;;
-g:*) echo "\$2"; echo integer; echo 1 ;;
esac
SH
chmod +x "$dir/other"
start_subagent "pass $other $dir/other"
retry 10 is $other.1.0 1

python3 "$tests/write_matrix.py" "$agent" "$dir/sim" "$build/meterx-sim"
