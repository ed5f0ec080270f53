#!/usr/bin/env bash
# The demo runs through on what is built here, leaves nothing, and reports failure.
. "$(dirname "$0")/../lib.sh"
require_mibs
require snmptrapd snmpd snmpset
TMPDIR=$dir "$source_dir/packaging/demo.sh" --once --build-dir "$build" >"$dir/demo.log" 2>&1
for text in 'mxOverCurrent  RPP-1A branch 3 \(Rack A2 feed A\): high-high latched, 18.000 A, limit 14.000 A' \
	'mxOverCurrentCleared  RPP-1A branch 3 \(Rack A2 feed A\): high-high cleared' \
	'high-high latched, was 18.000 A' 'mxThresholdValue.1.branch.0.highHigh 800' 'Lighting, east +20.00 +16.00' \
	'Reason: notWritable' 'cleared +true +RPP-1A' 'All steps went well'; do
	log_has demo "$text" >/dev/null || fail "the demo does not show $text"
done
equal "what the demo left" "$(find "$dir" -name 'meterx-demo.*')" ""
! "$source_dir/packaging/demo.sh" --nonsense >"$dir/said" 2>&1 || fail "a wrong option is accepted"
