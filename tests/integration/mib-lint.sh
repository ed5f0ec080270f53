#!/bin/bash
# METERX-MIB: nothing to find for smilint at its strictest level, and Net-SNMP's tools read it.
source "${srcdir:-.}/tests/lib.sh"

require smilint snmptranslate
require_mibs
mib=$build/mibs/METERX-MIB.txt

said=$(SMIPATH=$(base_mibs) smilint -l 6 "$mib" 2>&1) || fail "smilint: $said"
equal "what smilint says" "$said" ""

said=$(snmptranslate -m "$mib" -On METERX-MIB::mxBranchCurrent.12.7 2>/dev/null)
case $said in
.1.3.6.1.4.1.*.1.7.1.8.12.7) ;;
*) fail "mxBranchCurrent.12.7 is $said" ;;
esac

said=$(snmptranslate -m "$mib" -Td METERX-MIB::mxBranchLoad)
[[ $said == *'DISPLAY-HINT'*'"d-1"'*'"percent"'* ]] || fail "mxBranchLoad is $said"
