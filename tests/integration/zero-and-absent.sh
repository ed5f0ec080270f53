#!/usr/bin/env bash
# Zero is a value. The meter's marks for "no value" are not: 0x8000 in integers, NaN in floats.
. "$(dirname "$0")/../lib.sh"
require_mibs
start_sim
sim freeze on
sim current 1 3 0
sim poke 1 1340 0x8000 # current of branch 5
sim poke 1 1298 0x8000 # power factor of branch 5
sim poke 1 249 0x8000  # B-N
sim poke 1 2260 0x7fc0 # current of branch 5, float
sim poke 1 2261 0
{
	patient link a
	patient link b
	panel 1 a 1 'encoding = "integer"'
	panel 2 b 1 'encoding = "float"'
} | write_conf
start_snmpd
start_meterxd
online 1 2
for panel in 1 2; do
	is mxBranchCurrent.$panel.3 0
	is mxBranchActivePower.$panel.3 0
	is mxBranchLoad.$panel.3 .0
	absent mxBranchCurrent.$panel.5
	absent mxBranchLoad.$panel.5
	equal "currents of panel $panel" "$(walk mxBranchCurrent | grep -c "Current\.$panel\.")" 41
done
absent mxBranchPowerFactor.1.5
absent mxVoltageValue.1.1.2
values 1:1:integer 2:1:float
sim unpoke 1
retry 20 values 1:1:integer 2:1:float
