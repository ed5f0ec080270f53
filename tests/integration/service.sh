#!/usr/bin/env bash
# What is installed: modes of the files, the service's sandbox and how the daemon fares in it.
# shellcheck source-path=SCRIPTDIR/..
. "$(dirname "$0")/../lib.sh"
require_mibs

say "modes of what is installed"
mkdir "$dir/root"
env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -s -C "$build" install "DESTDIR=$dir/root" >"$dir/install.log" 2>&1
has() { # PATTERN
	find "$dir/root" -path "*$1" | grep -q . || fail "$1 is not installed"
}
for what in bin/meterx bin/meterx-sim sbin/meterxd etc/meterx/meterxd.conf profiles/bcpme.conf METERX-MIB.txt; do
	has "/$what"
done
find "$dir/root" ! -type l -perm /7022 -ls >"$dir/said"
[ ! -s "$dir/said" ] || fail "others may write, or set-id: $(cat "$dir/said")"
find "$dir/root" -type f ! -path '*bin/*' ! -perm 644 -ls >"$dir/said"
[ ! -s "$dir/said" ] || fail "not 0644: $(cat "$dir/said")"
find "$dir/root" \( -type d -o -path '*bin/*' \) ! -perm 755 -ls >"$dir/said"
[ ! -s "$dir/said" ] || fail "not 0755: $(cat "$dir/said")"

say "the unit"
unit=$dir/meterxd.service
sed -e "s|@sbindir@/meterxd|$build/meterxd|; s|@sysconfdir@|/etc|; /^Documentation=/d" \
	"$source_dir/packaging/systemd/meterxd.service.in" >"$unit"
! grep '@[a-z]*@' "$unit" || fail "not filled in"
if ! command -v systemd-analyze >/dev/null; then
	say "(left out: no systemd-analyze)"
	exit 0
fi
systemd-analyze verify "$unit" >"$dir/said" 2>&1 || fail "$(cat "$dir/said")"
! grep -F meterxd.service "$dir/said" || fail "systemd has something to say of it"
systemd-analyze security --offline=true --threshold=15 "$unit" >"$dir/said" || fail "$(tail -n 1 "$dir/said")"
tail -n 1 "$dir/said"

if [ -n "${METERX_TEST_WRAPPER:-}" ] || grep -qE '^S\["SANITIZE_CFLAGS"\]=".+"' "$build/config.status"; then
	say "(left out: a checker of memory needs calls that the service does not have)"
	exit 0
fi
say "the daemon in it: no call is missed, nothing else is written"
serve() {
	start_sim --serial "$dir/line:0:8N1"
	chmod 666 "$(readlink -f "$dir/line")"
}
serve
{
	say 'link line { transport = "rtu" device = "'"$dir/line"'" baud = 115200 parity = "none" }'
	panel 2 line 2
	say 'link m { transport = "tcp" host = "localhost" port = '"$sim_port"' }'
	panel 1 m 1
} | write_conf
cp -r "$source_dir/conf/profiles" "$dir/profiles"
sed -i "s|^profile-dir.*|profile-dir = \"$dir/profiles\"|" "$dir/meterxd.conf"
start_snmpd "agentXPerms 0777 0755"
cat >"$dir/in-it" <<'SCRIPT'
#!/bin/bash
# in-it DIR COMMAND...: where only the state folder can be written, and /proc has processes only
set -e
mount --make-rprivate /
mount --bind "$1/state" "$1/state"
mount -o remount,bind,ro /
mount -t proc -o subset=pid,hidepid=invisible proc /proc
shift
exec "$@"
SCRIPT
chmod +x "$dir/in-it"
who=$(id -un)
wrapper=()
if [ "$who" = root ]; then
	who=nobody
	chmod 755 "$dir"
	chown nobody "$dir/state"
	if unshare -m "$dir/in-it" "$dir" true 2>/dev/null; then
		wrapper=(unshare -m "$dir/in-it" "$dir")
	else
		say "(left out: no mounts here)"
	fi
fi
if ! "${wrapper[@]}" python3 "$tests/sandbox.py" "$unit" "$who" "$build/meterxd" --version; then
	say "(left out: $who may not look into $build)"
	exit 0
fi
spawn meterxd "${wrapper[@]}" python3 "$tests/sandbox.py" "$unit" "$who" "$build/meterxd" -f -c "$dir/meterxd.conf"
online 1 2
is mxAgentEventStorage.0 ok
equal "user" "$(sed -n 's/^Uid:[[:space:]]*\([0-9]*\).*/\1/p' "/proc/${pids[meterxd]}/status")" "$(id -u "$who")"
equal "its files" "$(find "$dir/state" -type f -printf '%u %m\n' | sort -u)" "$who 640"
equal "files to be open" "$(sed -n 's/^Max open files *\([0-9]*\).*/\1/p' "/proc/${pids[meterxd]}/limits")" 8192
equal "filter" "$(sed -n 's/^Seccomp:[[:space:]]*//p' "/proc/${pids[meterxd]}/status")" 2
kill -HUP "${pids[meterxd]}"
retry 10 log_has meterxd 'read again: 2 links, 2 panels'
stop snmpd
start_snmpd "agentXPerms 0777 0755"
online 1 2
stop sim
retry 10 is mxPanelState.1 offline
retry 10 is mxPanelState.2 offline
serve
online 1 2
stop_meterxd
