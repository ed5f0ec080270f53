#!/usr/bin/env bash
# State that is damaged, newer, read-only, out of reach or on a full disk: all is served, once is told why.
. "$(dirname "$0")/../lib.sh"
require_mibs
database=$dir/state/meterx.db
start_sim
{ patient link m; panel 1 m 1; } | write_conf
start_snmpd

started=0
# Start, see that all is served, that this is told exactly once and that the storage is in this state.
serves() { # STORAGE MESSAGE-PATTERN
	started=$((started + 1))
	start_meterxd
	online 1
	is "mxAgentEventStorage.0" "$1"
	get mxBranchCurrent.1.1 mxAgentLastEvent.0 | grep 'No Such' && fail "not served"
	[ "$(get mxAgentEventsKept.0)" -gt 0 ] || fail "no events"
	[ -z "$2" ] || equal "messages \"$2\"" "$(grep -cE -- "$2" "$dir/meterxd.log")" 1
	stop_meterxd
	mv "$dir/meterxd.log" "$dir/meterxd-$started.log"
}

aside() {
	find "$dir/state" -name 'meterx.db.damaged-*Z*' ! -name '*-wal' ! -name '*-shm' | sort
}

say "nothing there yet, then what was there is found"
rm -r "$dir/state"
serves ok ''
equal "mode of the file" "$(stat -c %a "$database")" 640
start_meterxd
retry 10 log_has meterxd serves
online 1
first=$(get mxAgentLastEvent.0)
[ "$(get mxAgentEventsKept.0)" -ge 3 ] || fail "only $(get mxAgentEventsKept.0) events over a restart"
say "killed, numbers go on"
stop meterxd KILL || :
serves ok ''
start_meterxd
online 1
[ "$(get mxAgentLastEvent.0)" -gt "$first" ] || fail "numbers went back"
stop_meterxd

say "damaged"
cp "$database" "$dir/good.db"
dd if=/dev/urandom of="$database" bs=4096 seek=1 count=4 conv=notrunc status=none
cp "$database" "$dir/damaged.db"
rm "$dir/meterxd.log"
serves ok 'state/meterx.db is damaged .*: kept as .*/meterx.db.damaged-[0-9]{8}T[0-9]{6}Z, a new one begins'
equal "files set aside" "$(aside | wc -l)" 1
cmp "$(aside)" "$dir/damaged.db" || fail "the damaged file was changed"
serves ok ''
log_has "meterxd-$started" damaged && fail "damaged again"

say "a text in its place"
echo "no database" >"$database"
serves ok 'is damaged'
equal "files set aside" "$(aside | wc -l)" 2

say "of a newer version"
cp "$dir/good.db" "$database"
rm -f "$database-wal" "$database-shm"
printf '\0\0\0\7' | dd of="$database" bs=1 seek=60 conv=notrunc status=none
cp "$database" "$dir/newer.db"
serves none 'meterx.db: of a newer version of MeterX \(format 7, known here: 1\): events are kept in memory only$'
cmp "$database" "$dir/newer.db" || fail "the newer file was changed"

say "for reading only"
cp "$dir/good.db" "$database"
if [ "$(id -u)" = 0 ]; then
	cat >"$dir/read-only" <<-END
		#!/bin/sh
		mount --bind "$dir/state" "$dir/state" && mount -o remount,bind,ro "$dir/state" && exec "\$@"
	END
	chmod +x "$dir/read-only"
	wrapper="unshare -m $dir/read-only"
else
	chmod a-w "$dir/state" "$dir/state"/*
	wrapper=
fi
if $wrapper true 2>/dev/null; then
	METERX_TEST_WRAPPER="$wrapper ${METERX_TEST_WRAPPER:-}" serves degraded 'meterx.db: (Read-only|Permission).*events are kept in memory only, until it can be written$'
else
	say "(left out: no mounts here)"
fi
chmod -R u+w "$dir/state"
cmp "$database" "$dir/good.db" || fail "the file was changed"

say "no folder"
sed -i "s|^state-dir.*|state-dir = \"$dir/none/state\"|" "$dir/meterxd.conf"
serves degraded 'none/state/meterx.db: its folder cannot be made: No such file.*memory only, until'
say "it comes while the agent runs"
start_meterxd
online 1
is mxAgentEventStorage.0 degraded
mkdir "$dir/none"
retry 10 is mxAgentEventStorage.0 ok
retry 10 log_has meterxd "stored again"
stop_meterxd

say "another agent has it"
start_meterxd
online 1
cp "$dir/meterxd.conf" "$dir/second.conf"
sed -i "s|^agentx-socket.*|agentx-socket = \"$dir/nowhere\"|" "$dir/second.conf"
spawn meterxd-second "${meterxd[@]}" -f -c "$dir/second.conf"
retry 10 log_has meterxd-second 'another meterxd uses it: events are kept in memory only'
retry 10 log_has meterxd-second 'serves 1 link'
stop meterxd-second || fail "the second ended with $?"
is mxAgentEventStorage.0 ok
stop_meterxd
