#!/usr/bin/env bash
# A meter's energy counter goes back to 0: served as it is, with a new discontinuity time for that
# branch only.
. "$(dirname "$0")/../lib.sh"
patient start_all
sim freeze on
first=$(get mxBranchEnergyDiscontinuity.1.7) other=$(get mxBranchEnergyDiscontinuity.1.9)
[ "$(get mxBranchEnergy.1.7)" -gt 1000 ] || fail "no energy to begin with"
sim write 1 1132 10203 # reset command of branch 7
retry 20 is mxBranchEnergy.1.7 0
[ "$(get mxBranchEnergyDiscontinuity.1.7)" != "$first" ] || fail "the discontinuity time is the old one"
is mxBranchEnergyDiscontinuity.1.9 "$other"
retry 10 log_has meterxd 'branch 7'
