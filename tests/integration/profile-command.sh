#!/bin/bash
# meterx profile: check, list and show, and the worked example of the manual page.
source "${srcdir:-.}/tests/lib.sh"

profiles=$source_dir/conf/profiles
meterx() {
	"$build/meterx" profile "$@"
}
status_of() { # COMMAND...
	local status=0
	"$@" >"$dir/said" 2>&1 || status=$?
	say $status
}
said() { # PATTERN
	grep -E -- "$1" "$dir/said" >/dev/null || { cat "$dir/said"; fail "not said: $1"; }
}

equal "status of list" "$(status_of meterx list --dir "$profiles")" 0
said '^bcpm  .*solid core$'
said '^bcpme '
said '^bcpmsc .*split core$'
equal "lines of list" "$(wc -l <"$dir/said")" 4

equal "status of check" "$(status_of meterx check "$profiles"/*.conf)" 0
equal "lines of check" "$(grep -c ': ok: ' "$dir/said")" 3

equal "status of show" "$(status_of meterx show -d "$profiles" bcpme)" 0
said '^Read plan: model A, integer registers$'
said '^  alarm \+ fast +7 +625 +625 +1448 ms +97\.1 %'
said '^  alarm \+ fast  178-293 296-300 1168-1292'
said 'active-power +1 to 42 +1252-1293 +i16 +kW x 10\^\[1042-1083\] +fast +A +r$'
said '^  voltage  high +all +238 rw  236 rw'

equal "status of show, model C, float" \
	"$(status_of meterx show -d "$profiles" -m C -e float -b two-pole,three-pole bcpme)" 0
said '^Read plan: model C, float registers, with two-pole meters, with three-pole meters$'
said 'current +1 to 42 +2252-2335 +f32 +A  '
! grep -E '^ .* (active-power|energy) ' "$dir/said" || fail "model C has no power"

meterx show --dir "$profiles" --json bcpm | python3 -c '
import json, sys
profile = json.load(sys.stdin)
assert profile["name"] == "bcpm" and profile["model"] == "A", profile
energy = [p for p in profile["points"] if (p["scope"], p["quantity"]) == ("branch", "energy")]
assert [(p["first"], p["last"], p["scale"], p["type"]) for p in energy] == [(1168, 1251, 1084, "u32")]
plan = [p for p in profile["plans"] if p["classes"] == ["alarm", "fast"]][0]
assert plan["registers"] == sum(r["last"] - r["first"] + 1 for r in plan["reads"]) == 625
assert plan["ideal_us_9600_8n1"] / plan["us_9600_8n1"] >= 0.97
' || fail "show --json"

# The example of the manual page, as it stands there.
sed -n '/^\.\\" BEGIN first.conf/,/^\.\\" END first.conf/p' "$source_dir/agent/man/meterx-profile.5.in" |
	grep -v '^\.' >"$dir/first.conf"
equal "status of check of the example" "$(status_of meterx check "$dir/first.conf")" 0
said 'ok: My first meter; 5 points'
start_sim --freeze
"$build/tests/integration/plan_values" "$sim_port" 1 "$dir/first.conf" full integer all >"$dir/values" ||
	fail "the example does not read the simulator"
equal "values of the example" "$(grep -vc -- ' - 0$' "$dir/values")" 50
grep -q '^panel device-id 1 15172 ' "$dir/values" || fail "the example does not know the meter"

# A mistake in it, as the manual page shows it.
sed 's/"1336-1377"  count/"1336-1376"  count/' "$dir/first.conf" >"$dir/bad.conf"
equal "status of check of a wrong one" "$(status_of meterx check "$dir/first.conf" "$dir/bad.conf")" 1
said 'bad.conf:28: registers: "1336-1376" has 41 registers, but 42 values of 1 end at 1377$'
said 'bad.conf: 1 problem$'
equal "status of show of a wrong one" "$(status_of meterx show "$dir/bad.conf")" 1
said 'bad.conf:28: '
equal "status of list with a wrong one" "$(status_of meterx list -d "$dir")" 1
said '^bad  .*does not load'
meterx check --json "$dir/bad.conf" >"$dir/json" || :
python3 -c '
import json, sys
(bad,) = json.load(open(sys.argv[1]))
(problem,) = bad["problems"]
assert problem["line"] == 28 and "1377" in problem["text"], problem
' "$dir/json" || fail "check --json"

equal "status of a missing one" "$(status_of meterx check -d "$profiles" absent)" 1
said 'absent.conf: cannot be read: No such file'
equal "status of a model that is not there" "$(status_of meterx show -d "$profiles" -m D bcpm)" 1
said 'bcpm has no model "D"'
equal "status of help" "$(status_of meterx --help)" 0
for wrong in "" "show" "show a b" "list x" "explode bcpm" "show -e octal bcpm" "show -b four-pole bcpm" \
	"check"; do
	# shellcheck disable=SC2086 # words
	equal "status of: $wrong" "$(status_of meterx $wrong)" 2
done
