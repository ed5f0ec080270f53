#!/bin/bash
# Names that managers set: at once, after a restart, and which one wins when the file changes.
# shellcheck source-path=SCRIPTDIR/..
. "$(dirname "$0")/../lib.sh"
require snmpset
require_mibs

# The configuration calls branch 1 so, and branch 2 nothing.
conf() { # LABEL LOCATION
	{
		patient link m
		panel 1 m 1 "location = \"$2\" writes = {\"labels\"}
			branch 1 { label = \"$1\" tenant = \"acme\" }"
	} | write_conf
}

put() { # OBJECT VALUE...
	local words=()
	while [ $# -gt 0 ]; do
		words+=("$1" s "$2")
		shift 2
	done
	snmpset -v2c -c private -t 15 -r 0 -Oqv "$agent" "${words[@]}" >/dev/null
}

# A reload has been applied; the main thread says so when it is through.
reload() {
	local before
	before=$(grep -c 'read again' "$dir/meterxd.log") || :
	kill -HUP "${pids[meterxd]}"
	retry 10 reloaded "$before"
}

reloaded() { # COUNT
	[ "$(grep -c 'read again' "$dir/meterxd.log")" -gt "$1" ]
}

names() { # LABEL-1 LABEL-2 TENANT-1 LOCATION
	retry 10 is mxBranchLabel.1.1 "$1"
	is mxBranchLabel.1.2 "$2"
	is mxBranchTenant.1.1 "$3"
	is mxPanelLocation.1 "$4"
}

start_sim
conf "Rack A1" "Room 1"
start_snmpd "rwcommunity private 127.0.0.1"
start_meterxd
online 1
cp "$dir/meterxd.conf" "$dir/before"

say "set, and there at once"
names "Rack A1" "" acme "Room 1"
put mxBranchLabel.1.1 "Kühlung 2"
is mxBranchLabel.1.1 "Kühlung 2"
put mxBranchLabel.1.2 "Pump" mxBranchTenant.1.1 "globex" mxPanelLocation.1 "Cellar"
is mxBranchLabel.1.2 "Pump"
names "Kühlung 2" "Pump" globex "Cellar"

say "still there after a restart, and after being killed"
stop_meterxd
start_meterxd
online 1
names "Kühlung 2" "Pump" globex "Cellar"
put mxBranchLabel.1.2 "Pump 3"
stop meterxd KILL || :
start_meterxd
online 1
names "Kühlung 2" "Pump 3" globex "Cellar"
cmp "$dir/before" "$dir/meterxd.conf"

say "a reload that says the same changes nothing"
reload
names "Kühlung 2" "Pump 3" globex "Cellar"

say "the later one wins: what the file now calls otherwise"
conf "Rack B7" "Room 1"
reload
names "Rack B7" "Pump 3" globex "Cellar"
put mxBranchLabel.1.1 "Kühlung 4"
names "Kühlung 4" "Pump 3" globex "Cellar"

say "the text of the file needs nobody to set it: then the file counts again"
put mxPanelLocation.1 "Room 1"
conf "Rack B7" "Room 9"
reload
names "Kühlung 4" "Pump 3" globex "Room 9"
