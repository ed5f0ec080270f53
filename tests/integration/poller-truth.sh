#!/bin/bash
# Every value of both panels, decoded by the poller from integer and from float
# registers, against the true state inside the simulated meter: models A, B, C.
. "$(dirname "$0")/../lib.sh"

read_panel() { # UNIT ENCODING
	write_conf <<-CONF
		$(patient link sim)
		panel "P" {
		  index = 1 link = "sim" unit = $1 profile = "bcpme" encoding = "$2"
		  meter-circuits = {"two-pole", "three-pole"}
		}
	CONF
	"$build/tests/integration/panel_values" "$dir/meterxd.conf" P >"$dir/$2.txt" \
		2>>"$dir/values.log"
}

for model in A B C; do
	start_sim --model "$model" --freeze --start-time 15:00
	sim step 4000
	for unit in 1 2; do
		read_panel "$unit" integer
		read_panel "$unit" float
		python3 "$tests/integration/compare_truth.py" "$build/meterx-sim" "$dir/sim" "$unit" \
			"$dir/integer.txt" "$dir/float.txt"
	done
	stop sim
done
