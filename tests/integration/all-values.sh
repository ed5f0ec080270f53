#!/usr/bin/env bash
# Every quantity of 42 branches, mains, voltages and the meter's own multi-pole blocks, both
# panels, from integer and from float registers: equal to the registers and to the true values.
. "$(dirname "$0")/../lib.sh"
require_mibs
start_sim
sim freeze on
poles='meter-circuits = {"two-pole", "three-pole"}'
{
	patient link a
	patient link b
	panel 1 a 1 "encoding = \"integer\" $poles"
	panel 2 a 2 "encoding = \"integer\" $poles"
	panel 3 b 1 "encoding = \"float\" $poles"
	panel 4 b 2 "encoding = \"float\" $poles"
} | write_conf
start_snmpd
start_meterxd
online 1 2 3 4
compare() {
	values 1:1:integer 2:2:integer 3:1:float 4:2:float
}
retry 20 compare
compare
