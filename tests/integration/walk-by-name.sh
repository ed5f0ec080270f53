#!/usr/bin/env bash
# A manager's view: table, bulk walk and a GET of 60 varbinds by name, with v2c and with v3 authPriv.
. "$(dirname "$0")/../lib.sh"
patient start_all
sim freeze on
retry 20 values 1:1:integer 2:2:integer

snmptable -v2c -c "$community" -Cb -CB -Cf ';' -Ci "$agent" METERX-MIB::mxBranchTable >"$dir/table"
equal "rows of the branch table" "$(grep -c '^[12]\.[0-9]*;' "$dir/table")" 84

walk mxBranchCurrent >"$dir/v2c"
equal "currents walked with v2c" "$(wc -l <"$dir/v2c")" 84
snmpbulkwalk "${v3[@]}" -Cr50 -OqUs "$agent" METERX-MIB::mxBranchCurrent >"$dir/v3"
cmp "$dir/v2c" "$dir/v3"

mapfile -t names < <(for ((i = 1; i <= 30; i++)); do
	printf "%s\n" "METERX-MIB::mxBranchCurrent.1.$i" "METERX-MIB::mxBranchCurrent.2.$i"
done)
for auth in "-v2c -c $community" "${v3[*]}"; do
	# shellcheck disable=SC2086 # options
	snmpget $auth -OqUs "$agent" "${names[@]}" | sort >"$dir/get"
	equal "values of one GET" "$(wc -l <"$dir/get")" 60
	equal "of them unlike the walk" "$(sort "$dir/v2c" | comm -23 "$dir/get" - | wc -l)" 0
done
say "84 currents by v2c and v3, a GET of 60 by name by both: the same"
