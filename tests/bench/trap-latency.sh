#!/usr/bin/env bash
# How long from a latch in the meter to the trap at the receiver: median and worst, for two rhythms
# of alarm-poll. By hand: BUILD=FOLDER tests/bench/trap-latency.sh [SAMPLES]
. "$(dirname "$0")/../lib.sh"
require_mibs
samples=${1:-200}
start_sim
sim freeze on
start_snmptrapd
start_snmpd "$trap_sink"
for rhythm in 1000 200; do
	{ link m; panel 1 m 1; panel 2 m 2; } | write_conf
	sed -i -e "s/^alarm-poll .*/alarm-poll = $rhythm/" -e 's/^poll .*/poll = 2000/' \
		-e 's/^slow-poll .*/slow-poll = 30000/' "$dir/meterxd.conf"
	start_meterxd
	online 1 2
	retry 10 is mxAgentLatchedAlarms.0 0
	python3 "$tests/bench/trap_latency.py" "$dir/sim" "$dir/snmptrapd.log" "$rhythm" "$samples"
	stop_meterxd
done
