#!/usr/bin/env bash
# Models A, B and C, split core, and old firmware: what a model lacks is absent, all else is right.
. "$(dirname "$0")/../lib.sh"
require_mibs
start_snmpd
run() { # PROFILE MODEL SIM-OPTION...
	local model=$2
	profile=$1
	shift 2
	start_sim "$@"
	sim freeze on
	{
		patient link a
		patient link b
		panel 1 a 1 'encoding = "integer" meter-circuits = {"two-pole", "three-pole"}'
		panel 2 b 2 'encoding = "float" meter-circuits = {"two-pole", "three-pole"}'
	} | write_conf
	start_meterxd
	online 1 2
	is mxPanelModel.1 "$model"
	say "$profile, model $model:"
	retry 20 values 1:1:integer 2:2:float
	values 1:1:integer 2:2:float
	stop_meterxd
	stop sim
}
run bcpme A
run bcpme B --model B
run bcpme C --model C
run bcpmsc A --core split
run bcpm A --old-firmware
run bcpm C --old-firmware --model C
