#!/usr/bin/env bash
# The sample configurations of snmpd and snmptrapd do what their comments say: who may read, who may
# write which columns and nothing else, and all four kinds of receivers get what snmpd sends.
. "$(dirname "$0")/../lib.sh"
require_mibs
require snmpd snmptrapd snmpset snmptranslate

owner=$(id -un) group=$(id -gn)
[ "$owner" != root ] || owner=nobody group=nogroup # snmpd refuses to name root
# As an operator would edit them: example lines in force, addresses of here.
same_engine='exactEngineID 0x80001f88046d6574657278' # -C leaves out the file that keeps it
trap_port=$(free_port udp)
community=meterx-public
snmpd_conf() {
	sed -E -e "s|^(agentXSocket).*|\1 unix:$dir/agentx|" \
		-e "s|^(agentXPerms +0660 0755).*|\1 $owner $group|" \
		-e 's/^#((createUser|view|group|access) .*)/\1/' \
		-e "s/^#((rocommunity${sinks:-}) .*)/\1/" \
		-e 's|192\.0\.2\.0/24|127.0.0.1|' -e 's/192\.0\.2\.20/127.0.0.1/' \
		-e "s/^((trap2sink|informsink|trapsess).*):162/\1:$trap_port/" "$build/conf/snmpd-meterx.conf"
}
start_sim
{ patient link m; panel 1 m 1; panel 3 m 2; } | write_conf
start_snmpd "$same_engine"
! log_has snmpd 'line [0-9]+:|Warning|Error|Can.t' || fail "snmpd has a complaint"
start_meterxd
online 1 3
equal "permissions of the socket" "$(stat -c %a "$dir/agentx")" 660

as() { # USER|'' COMMAND [WORD]... ; a user is as in the file
	local name=meterx-$1 phrase='' command=$2
	shift 2
	if [ "$name" = meterx- ]; then
		"$command" -v2c -c "$community" -t 2 -r 2 -OqvU "$@" 2>&1 || :
		return
	fi
	case $name in
	*-operator) phrase=', 2' ;;
	*-panel3) phrase=', 3' ;;
	esac
	"$command" -v3 -l "${level:-authPriv}" -u "$name" -a SHA -A "change this phrase$phrase" -x AES \
		-X "and this one too$phrase" -t 2 -r 2 -OqvU "$@" 2>&1 || :
}
# Why a write of a wrong type is refused, in one word. Without the MIB, or snmpset refuses itself.
refused() { # USER OBJECT
	local oid
	oid=$2
	[[ $oid == .* ]] || oid=$(snmptranslate -IR -On "$oid")
	MIBS='' as "$1" snmpset "$agent" "$oid" a 192.0.2.1 | sed -n 's/^Reason: \([a-zA-Z]*\).*/\1/p'
}

# Reading: what is ours and the system group, encrypted, by users who are known.
for user in reader operator panel3; do
	equal "panel read by $user" "$(as $user snmpget "$agent" mxPanelName.3)" P3
	[[ $(as $user snmpget "$agent" .1.3.6.1.2.1.1.3.0) =~ ^[0-9:.]+$ ]] ||
		fail "$user does not read the system group"
	[[ $(as $user snmpget "$agent" .1.3.6.1.2.1.11.1.0) == "No Such Object"* ]] ||
		fail "$user reads what is not ours"
	[[ $(level=authNoPriv as $user snmpget "$agent" mxPanelName.3) == *authorizationError* ]] ||
		fail "$user reads without encryption"
done
is mxPanelName.3 P3
[[ $(get .1.3.6.1.2.1.11.1.0) == "No Such Object"* ]] || fail "the community reads what is not ours"
[[ $(as nobody snmpget "$agent" mxPanelName.3) == *"Unknown user name"* ]] || fail "anyone reads"
said=$(snmpget -v2c -c public -t 0.3 -r 0 "$agent" mxPanelName.3 2>&1) && fail "any community reads: $said"

# Writing. snmpd says noAccess for what is not in the view, whoever serves it; what is in the view
# comes through to us, and our answer to a wrong type is another.
operating="mxAlarmLatched mxBranchLabel mxBranchTenant mxPanelCommand mxPanelLocation
	mxThresholdDelay mxThresholdHysteresis mxThresholdValue"
snmptranslate -Tp METERX-MIB::mxObjects >"$dir/tree"
! grep -q 'mxAgentCommand(' "$dir/tree" || operating="mxAgentCommand $operating"
sed -n 's/.*-- -R[W-]- .* \(mx[A-Za-z0-9]*\)(.*/\1/p' "$dir/tree" >"$dir/columns"
[ "$(wc -l <"$dir/columns")" -gt 200 ] || fail "only $(wc -l <"$dir/columns") columns found"
open=
while read -r column; do
	case $(refused operator "$column.1.1.1.1") in
	noAccess) ;;
	'') fail "a wrong write of $column is accepted" ;;
	*) open+="$column " ;;
	esac
done <"$dir/columns"
# shellcheck disable=SC2086 # names
equal "what an operator may write" "$(printf '%s\n' $open | sort)" "$(printf '%s\n' $operating | sort)"
equal "an operator's write of sysName" "$(refused operator .1.3.6.1.2.1.1.5.0)" noAccess
for column in $operating; do
	why=$(refused reader "$column.1.1.1.1")
	equal "a reader's write of $column" "$why" noAccess
	equal "the community's write of $column" "$(refused '' "$column.1.1.1.1")" noAccess
done
[[ $(level=authNoPriv as operator snmpset "$agent" mxAlarmLatched.1.branch.1.high i false) == \
	*authorizationError* ]] || fail "an operator writes without encryption"
[[ $(as nobody snmpset "$agent" mxAlarmLatched.1.branch.1.high i false) == *"Unknown user name"* ]] ||
	fail "anyone writes"
for column in mxThresholdValue mxThresholdDelay mxThresholdHysteresis mxAlarmLatched; do
	equal "$column of panel 1" "$(refused panel3 "$column.1.branch.1.high")" noAccess
	why=$(refused panel3 "$column.3.branch.1.high")
	[[ -n $why && $why != noAccess ]] || fail "$column of panel 3: $why"
done
equal "panel3's write of a label" "$(refused panel3 mxBranchLabel.3.1)" noAccess

# Receivers. The engine id as the comment says; then what a restart sends, by all four lines.
engine=$(sed -n 's/^oldEngineID //p' "$dir/snmp/snmpd.conf")
printf '#!/bin/sh\ncat >>"%s/handled"\n' "$dir" >"$dir/handle"
chmod +x "$dir/handle"
sed -E -e 's/^#((createUser|traphandle) .*)/\1/' -e "s/-e 0x[0-9a-f]+/-e $engine/" \
	-e "s|/usr/local/sbin/meterx-trap|$dir/handle|" -e 's/ %B %v/ %P|%v/' \
	"$build/conf/snmptrapd-meterx.conf" >"$dir/snmptrapd.conf"
PATH=$PATH:/usr/sbin spawn snmptrapd snmptrapd -f -C -c "$dir/snmptrapd.conf" -OQ -Lo \
	"udp:127.0.0.1:$trap_port"
retry 10 log_has_or_gone snmptrapd 'NET-SNMP version'
! log_has snmptrapd 'line [0-9]+:|Warning|Error|Can.t' || fail "snmptrapd has a complaint"
stop snmpd || :
sinks='|trap2sink|informsink|trapsess'
start_snmpd "$same_engine"
all_receivers() {
	local kind
	for kind in 'TRAP2, SNMP v2c, community meterx-traps' 'INFORM, SNMP v2c, community meterx-traps' \
		'TRAP2, SNMP v3, user meterx-traps' 'INFORM, SNMP v3, user meterx-traps'; do
		equal "coldStart by $kind" \
			"$(grep -c "$kind.*snmpModules.1.1.5.1" "$dir/snmptrapd.log")" 1
	done
}
retry 20 all_receivers
snmptrap -v2c -c meterx-traps "127.0.0.1:$trap_port" '' mxOverCurrent mxEventText s "over"
retry 10 grep over "$dir/handled"
online 1 3
