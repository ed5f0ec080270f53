#!/usr/bin/env bash
# SIGHUP: labels, panels that come and go; an invalid file changes nothing; what is unchanged keeps
# its connection and is served without a gap.
. "$(dirname "$0")/../lib.sh"
patient start_all
connections() {
	sim requests | grep -o '"connections":[0-9]*'
}
connected=$(connections)

# A manager asks all the time.
while [ ! -e "$dir/enough" ]; do get mxBranchCurrent.1.1 2>&1; done >"$dir/asked" &
asking=$!

{ patient link m; panel 1 m 1 'branch 3 { label = "Rack A1" }'; panel 2 m 2; } | write_conf
kill -HUP "${pids[meterxd]}"
retry 10 is mxBranchLabel.1.3 'Rack A1'

{ patient link m; panel 1 m 1; panel 7 m 2; } | write_conf
kill -HUP "${pids[meterxd]}"
online 7
is mxAgentPanels.0 2
absent mxPanelName.2
equal "branches of the panel that went" "$(walk mxBranchCurrent | grep -c 'Current\.2\.' || :)" 0
is mxBranchLabel.1.3 ''

reloaded=$(get mxAgentReloaded.0)
{ patient link m; panel 1 m 1 'poll = 7'; panel 1 m 3; panel 8 nowhere 1; } | write_conf
kill -HUP "${pids[meterxd]}"
retry 10 log_has meterxd 'poll.*7'
retry 10 log_has meterxd 'nowhere'
is mxAgentReloaded.0 "$reloaded"
is mxPanelState.7 online

touch "$dir/enough"
wait $asking
equal "connections over all reloads" "$(connections)" "$connected"
[ "$(wc -l <"$dir/asked")" -gt 10 ] || fail "nobody asked"
! grep -Ev '^[0-9]+$' "$dir/asked" || fail "a gap in what is served"
say "$(wc -l <"$dir/asked") answers without a gap over four reloads"
