#!/usr/bin/env bash
# Another meter in the place of the old one: seen by its serial number; energy begins anew.
. "$(dirname "$0")/../lib.sh"
patient start_all
before=$(get mxBranchEnergyDiscontinuity.1.1)
sim serial 1 4711
sim energy 1 all 12.5
retry 20 is mxPanelSerial.1 4711
online 1
sim freeze on
retry 20 values 1:1:integer 2:2:integer
[ "$(get mxBranchEnergyDiscontinuity.1.1)" != "$before" ] || fail "the discontinuity time is the old one"
retry 10 log_has meterxd 4711
