#!/usr/bin/env bash
# kill -9 of meterxd at any moment, under a stream of alarms: each of them is in the database and at
# the receiver, and none that was marked delivered comes again.
#
# METERX_TEST_KILLS  how often (25)
# METERX_TEST_BOTH   not empty: kill snmpd, too, at random
. "$(dirname "$0")/../lib.sh"
require_mibs
require snmptrapd snmpinform
kills=${METERX_TEST_KILLS:-25} both=${METERX_TEST_BOTH-}
seed=${METERX_TEST_SEED:-$RANDOM}
say "seed $seed"
RANDOM=$seed
loss() {
	python3 "$tests/integration/loss.py" "$@"
}

start_sim
sim freeze on
for unit in 1 2; do
	sim current $unit all 6
	for aux in 1 2 3 4; do
		sim current $unit aux$aux 100
	done
	for rating in 119 126 133 140 147 154; do
		sim write $unit $rating 20 20 20 20 20 20 20
	done
	sim write $unit 165 1 1 1 1 1 2
done
sim step 40
for unit in 1 2; do
	sim write $unit 295 31010
done
{ patient link m; panel 1 m 1; panel 2 m 2; say 'events = 100000'; say "notify-rate = $((slow > 1 ? 200 : 400))"; } | write_conf
start_snmptrapd
start_snmpd "$trap_sink"
start_meterxd
online 1 2
retry 10 is mxAlarmMeterCount.1.branch.1.high 0 # the counters have been read
database=$dir/state/meterx.db
mkdir "$dir/kills"
spawn stream python3 "$tests/integration/loss.py" stream "$dir/sim" "$seed"

# What the receiver gets from now on comes behind this in its log.
mark() { # KILL
	MIBS='' snmpinform -v2c -c "$community" -t 1 -r 10 "127.0.0.1:$trap_port" '' .1.3.6.1.6.3.1.1.5.1 \
		.1.3.6.1.2.1.1.4.0 s "after kill $1"
	retry 10 log_has snmptrapd "after kill $1\"?\$"
}
masters=0
for ((kill = 1; kill <= kills; kill++)); do
	sleep "$((RANDOM % 2)).$((RANDOM % 9 + 1))" # when is up to chance
	running stream || fail "the stream has ended"
	if [ -n "$both" ] && [ $((RANDOM % 2)) = 0 ]; then
		stop snmpd KILL || :
		masters=$((masters + 1))
		sleep "0.$((RANDOM % 5))"
	fi
	running meterxd || fail "meterxd has ended by itself"
	stop meterxd KILL || :
	mkdir "$dir/copy"
	cp "$database"* "$dir/copy/"
	loss marked "$dir/copy/meterx.db" "$dir/kills/$kill.json"
	rm -r "$dir/copy"
	mark $kill
	[ $((RANDOM % 4)) != 0 ] || sleep "0.$((RANDOM % 9))" # the meter goes on meanwhile
	start_meterxd
	running snmpd || start_snmpd "$trap_sink"
done
stop stream
online 1 2
retry 20 is mxAgentLatchedAlarms.0 0
retry 20 loss settled "$database"
mark end
equal "datagrams the receiver had no room for" \
	"$(awk -v port="$(printf ':%04X$' "$trap_port")" '$2 ~ port { print $NF }' /proc/net/udp)" 0
say "kills of snmpd: $masters"
loss verdict "$dir/sim" "$database" "$dir/snmptrapd.log" "$dir/kills"
