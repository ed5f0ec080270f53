#!/usr/bin/env bash
# A stream of alarms while snmpd is down, stands still, and is killed: nothing is lost, and nothing
# comes twice but what a killed snmpd had sent and not acknowledged.
. "$(dirname "$0")/../lib.sh"
require_mibs
seconds=${METERX_TEST_SECONDS:-10}
kinds=(v2c-trap v3-trap)
for kind in "${kinds[@]}"; do
	start_receiver "$kind"
done
start_sim --freeze
# Nobody acknowledges a trap: slower than the buffers of receivers on a busy host run over.
{ patient link m; panel 1 m 1; panel 2 m 2; say 'events = 100000'; say "notify-rate = $((slow > 1 ? 200 : 400))"; } | write_conf
sed -i 's/^poll .*/poll = 1000/; s/^slow-poll .*/slow-poll = 60000/' "$dir/meterxd.conf"
start_snmpd "${trap_sinks[@]}"
start_meterxd -l debug
online 1 2

# All 84 branches latch high-high, and are cleared the next time.
toggles=0
toggle() {
	local unit
	for unit in 1 2; do
		if [ $((toggles % 2)) = 0 ]; then
			sim poke $unit 178-219 1
		else
			sim unpoke $unit
		fi
	done
	toggles=$((toggles + 1))
	toggled=$(sim_count requests)
}
# Among so many requests there is a poll of the alarms of both panels.
seen() {
	retry 10 asked_since 24 "$toggled"
}
stream() { # SECONDS
	local until=$((SECONDS + $1))
	while [ $SECONDS -lt $until ]; do
		toggle
		seen
	done
}
latched() { # what there is to tell: both panels online, and each change of each branch
	echo $((2 + 84 * toggles))
}
settled() { # WHAT [--repeats N] : all is told and the same everywhere
	local what=$1 said
	shift
	retry 20 received_at_least "$(latched)" "${kinds[@]}"
	retry 10 all_delivered
	said=$(check_traps "$@" "${kinds[@]}") || fail "$what: $said"
	[[ $said == *": $(latched) events"* ]] || fail "$what: changes at the meter $(latched), but $said"
	retry 10 python3 "$tests/traps.py" stored "$dir/state/meterx.db" "$(latched)"
	say "$what: changes at the meter $(latched); in the database, delivered $(latched); $(tr '\n' ';' <<<"$said")"
}

stream 2
settled "snmpd there"

stop snmpd TERM || :
stream "$seconds"
start_snmpd "${trap_sinks[@]}"
settled "snmpd down $seconds s"

toggle
kill -STOP "${pids[snmpd]}"
seen
stream "$seconds"
kill -CONT "${pids[snmpd]}"
settled "snmpd frozen $seconds s"

# In the middle of a burst, as soon as the receiver has seen the first of it.
kills=5
for ((i = 0; i < kills; i++)); do
	before=$(received v2c-trap)
	toggle
	retry 10 received_at_least $((before + 1)) v2c-trap
	stop snmpd KILL || :
	seen
	toggle
	start_snmpd "${trap_sinks[@]}"
	seen
done
settled "snmpd killed $kills times" --repeats $kills

# What was acknowledged was never sent again.
awk '/ snmp: event [0-9]+: / {
	sub(":", "", $6)
	if ($7 == "delivered")
		delivered[$6] = 1
	else if ($8 == "sent" && $6 in delivered) {
		print "event " $6 " was sent after it was delivered"
		exit 1
	} else
		sent[$6]++
} END {
	for (event in sent)
		again += sent[event] > 1
	print again + 0 " events sent again, none of them delivered before"
}' "$dir/meterxd.log"
