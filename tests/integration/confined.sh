#!/usr/bin/env bash
# Who meterxd is, what it holds and what it is led by: its user, its sockets, its files, its environment.
# shellcheck source-path=SCRIPTDIR/..
. "$(dirname "$0")/../lib.sh"
require_mibs
# A child of valgrind would be what is looked at.
[ -z "${METERX_TEST_WRAPPER:-}" ] || skip "looks at the process itself"
start_sim
{ link m; panel 1 m 1; } | write_conf
start_snmpd "agentXPerms 0777 0755"

sockets() {
	python3 "$tests/sockets.py" "${pids[meterxd]}"
}
status_of() { # FIELD
	sed -n "s/^$1:[[:space:]]*//p" "/proc/${pids[meterxd]}/status"
}

say "an environment and files that would lead Net-SNMP elsewhere"
mkdir -p "$dir"/astray/{conf,home/.snmp,persistent,mibs}
for name in snmp meterx agent snmpd; do
	cat >"$dir/astray/conf/$name.conf" <<-END
		agentXSocket tcp:127.0.0.1:1
		agentAddress udp:127.0.0.1:0
		persistentDir $dir/astray/made
		[snmp] logOption f $dir/astray/log
		doDebugging 1
	END
	cp "$dir/astray/conf/$name.conf" "$dir/astray/home/.snmp/"
done
echo "no MIB at all" >"$dir/astray/mibs/NONE-MIB.txt"
find "$dir/astray" | sort >"$dir/astray-before"
(
	cd "$dir"
	# shellcheck disable=SC2030
	export HOME=$dir/astray/home SNMPCONFPATH=$dir/astray/conf SNMP_PERSISTENT_DIR=$dir/astray/persistent \
		SNMP_PERSISTENT_FILE=$dir/astray/file MIBS=ALL MIBDIRS=$dir/astray/mibs \
		MIBFILES=$dir/astray/mibs/NONE-MIB.txt SNMP_DEBUG=all TMPDIR=$dir/astray SQLITE_TMPDIR=$dir/astray \
		HOSTALIASES=$dir/astray/aliases OPENSSL_CONF=$dir/astray/openssl.cnf
	exec "${meterxd[@]}" -f -c "$dir/meterxd.conf"
) >"$dir/meterxd.log" 2>&1 </dev/null &
pids[meterxd]=$!
online 1
find "$dir/astray" | sort >"$dir/astray-after"
diff "$dir/astray-before" "$dir/astray-after" || fail "it has written there"
! log_has meterxd ' error |NONE-MIB|doDebugging' || fail "it has read there"

say "no socket is open to anybody, and AgentX goes over the one that is configured"
sockets
! sockets | grep ' open ' || fail "it waits for somebody"
equal "connections over TCP" "$(sockets | awk '/^tcp/ { print $4 }')" "127.0.0.1:$sim_port"
equal "mask of file modes" "$(status_of Umask)" 0027
equal "new privileges" "$(status_of NoNewPrivs)" 1
equal "capabilities to be had" "$((0x$(status_of CapPrm) & ~2))" 0
stop_meterxd
equal "modes of what it has made" "$(find "$dir/state" -type f -printf '%m\n' | sort -u)" 640

say "over TCP when that is configured"
agentx_port=$(free_port tcp)
stop snmpd
start_snmpd "agentXPerms 0777 0755" "agentXSocket tcp:127.0.0.1:$agentx_port"
cp "$dir/meterxd.conf" "$dir/unix.conf"
sed -i "s|^agentx-socket.*|agentx-socket = \"tcp:127.0.0.1:$agentx_port\"|" "$dir/meterxd.conf"
start_meterxd
online 1
sockets
! sockets | grep ' open ' || fail "it waits for somebody"
sockets | grep "^tcp connected .* 127.0.0.1:$agentx_port\$"
stop_meterxd
mv "$dir/unix.conf" "$dir/meterxd.conf"
stop snmpd
start_snmpd "agentXPerms 0777 0755"

say "a folder that others may write is not used, until they may not any more"
chmod 777 "$dir/state"
chmod 666 "$dir/state/meterx.db"
start_meterxd
online 1
is mxAgentEventStorage.0 degraded
log_has meterxd 'its folder may be written by everybody \(mode 0777\): chmod go-w .*/state: events are kept in memory only'
chmod 755 "$dir/state"
retry 20 is mxAgentEventStorage.0 ok
log_has meterxd 'meterx.db: others could write it \(mode 0666\): now they cannot \(0644\)'
stop_meterxd

say "a configuration that everybody may write"
chmod 666 "$dir/meterxd.conf"
"$build/meterxd" --check -c "$dir/meterxd.conf" >"$dir/said" 2>&1
grep -F 'meterxd.conf: warning: everybody may write it (mode 0666): chmod o-w' "$dir/said"
rm "$dir/meterxd.log"
start_meterxd
retry 10 log_has meterxd 'warning conf: .*meterxd.conf: everybody may write it'
chmod 644 "$dir/meterxd.conf"
stop_meterxd

say "texts from outside cannot forge a line or steer a terminal"
cp "$dir/meterxd.conf" "$dir/good.conf"
printf 'poll = "\033[2J\n2026-01-01T00:00:00 forged"\n' >>"$dir/meterxd.conf"
if timeout 20 "$build/meterxd" --check -c "$dir/meterxd.conf" >"$dir/said" 2>&1; then fail "accepted"; fi
! grep -a $'\033' "$dir/said" || fail "a control character came through"
! grep -a '^2026-01' "$dir/said" || fail "a line is forged"
cp "$dir/good.conf" "$dir/meterxd.conf"

if [ "$(id -u)" != 0 ]; then
	if timeout 20 "$build/meterxd" --user root -f -c "$dir/meterxd.conf" >"$dir/said" 2>&1; then fail "became root"; fi
	grep -F -- '--user root: only root may become another user' "$dir/said"
	say "(left out: what root does)"
	exit 0
fi

say "root becomes the user that is named"
# The first folders of $dir may be closed to others.
if ! setpriv --reuid nobody --regid nogroup --clear-groups test -x "$dir" 2>/dev/null; then
	chmod 755 "$dir"
fi
setpriv --reuid nobody --regid nogroup --clear-groups test -x "$dir" || {
	say "(left out: nobody may not look into $dir)"
	exit 0
}
rm -r "$dir/state"
cp -r "$source_dir/conf/profiles" "$dir/profiles"
sed -i "s|^profile-dir.*|profile-dir = \"$dir/profiles\"|" "$dir/meterxd.conf"
mkdir "$dir/lib"
sed -i "s|^state-dir.*|state-dir = \"$dir/lib/meterx\"|" "$dir/meterxd.conf"
rm "$dir/meterxd.log"
(umask 0 && exec "$build/meterxd" --user nobody -f -c "$dir/meterxd.conf" >>"$dir/meterxd.log" 2>&1) &
pids[meterxd]=$!
online 1
is mxAgentEventStorage.0 ok
id=$(id -u nobody)
equal "user" "$(status_of Uid)" "$id	$id	$id	$id"
equal "groups" "$(status_of Groups | tr -d ' ')" "$(id -G nobody | tr -d ' ')"
for set in CapInh CapPrm CapEff CapBnd CapAmb; do
	equal "$set" "$((0x$(status_of $set)))" 0
done
equal "its folder" "$(stat -c '%U %a' "$dir/lib/meterx")" "nobody 750"
equal "its files" "$(find "$dir/lib/meterx" -type f -printf '%u %m\n' | sort -u)" "nobody 640"
! log_has meterxd 'running as root' || fail "says that it is root"
kill -HUP "${pids[meterxd]}"
retry 10 log_has meterxd 'read again: 1 link, 1 panel'
chmod 600 "$dir/meterxd.conf"
kill -HUP "${pids[meterxd]}"
retry 10 log_has meterxd 'meterxd.conf: .*Permission denied'
online 1
stop_meterxd

say "whose folder it is"
chown -R root: "$dir/lib/meterx"
rm "$dir/meterxd.log"
spawn meterxd "$build/meterxd" --user nobody -f -c "$dir/meterxd.conf"
retry 10 log_has meterxd 'user nobody cannot read it again: Permission denied'
online 1
is mxAgentEventStorage.0 none
log_has meterxd 'Permission denied: events are kept in memory only$'
stop_meterxd
chown -R nobody: "$dir/lib/meterx"
rm "$dir/meterxd.log"
start_meterxd
online 1
is mxAgentEventStorage.0 degraded
log_has meterxd "its folder belongs to nobody \($id\), and this is root \(0\): chown -hR, or start as that user"
log_has meterxd 'running as root: --user names another user'
stop_meterxd

say "root with nobody to become says so"
if ! getent passwd meterx >/dev/null; then
	with_root=("${meterxd[@]}")
	meterxd=("$build/meterxd")
	rm "$dir/meterxd.log"
	start_meterxd
	online 1
	log_has meterxd 'running as root, for there is no user meterx: make it'
	stop_meterxd
	meterxd=("${with_root[@]}")
fi
if timeout 20 "$build/meterxd" -u no-such-user -f -c "$dir/meterxd.conf" >"$dir/said" 2>&1; then fail "it runs"; fi
grep -F -- '--user no-such-user: there is no such user' "$dir/said"
