#!/usr/bin/env bash
# A serial device that is not there, is none, may not be opened or is in use: each told in its own words;
# and opened when it can be, also by a daemon that has given up root, under another node each time.
# shellcheck source-path=SCRIPTDIR/..
. "$(dirname "$0")/../lib.sh"
require_mibs
[ -z "${METERX_TEST_WRAPPER:-}" ] || skip "the user changes"
spawn sim "$build/meterx-sim" --serial "$dir/line:0:8E1" --control "$dir/sim" --units 1
retry 10 sim requests
write_conf <<-END
	link "line" { transport = "rtu" device = "$dir/line" baud = 115200 parity = "even" response-timeout = $((200 * slow)) }
	panel "P1" { index = 1 link = "line" unit = 1 profile = "bcpme" }
END
start_snmpd "agentXPerms 0777 0755"
# As root it has to be somebody whom a mode can keep away.
who=$(id -un)
if [ "$who" = root ]; then
	who=nobody
	chmod 755 "$dir"
	setpriv --reuid nobody --regid nogroup --clear-groups test -x "$dir" || {
		say "(left out: nobody may not look into $dir)"
		exit 0
	}
	chown nobody "$dir/state"
	cp -r "$source_dir/conf/profiles" "$dir/profiles"
	sed -i "s|^profile-dir.*|profile-dir = \"$dir/profiles\"|" "$dir/meterxd.conf"
fi
# The node behind the link is given to a group of the user, as dialout is, or taken away.
grant() {
	[ "$(id -un)" != root ] || chown "root:$(id -g "$who")" "$(readlink -f "$dir/line")"
	chmod 660 "$(readlink -f "$dir/line")"
}

say "may not be opened"
chmod 000 "$(readlink -f "$dir/line")"
spawn meterxd "$build/meterxd" --user "$who" -f -c "$dir/meterxd.conf"
error_is() { # TEXT
	[[ $(get mxLinkError.1) == *"$1"* ]] || { get mxLinkError.1; return 1; }
}
retry 20 error_is "no permission to open the device (is the user in its group, dialout?)"
retry 10 log_has meterxd "link: line \(.*line.*\): .*no permission to open the device"
say "may be opened"
grant
online 1

say "pulled out, and back as another node"
sim unplug "$dir/line"
retry 20 is mxPanelState.1 offline
retry 30 error_is "the device is not there"
"$build/meterxd" --check -c "$dir/meterxd.conf" >"$dir/said" 2>&1 || fail "$(cat "$dir/said")"
grep -F "warning: link \"line\": device $dir/line: No such file or directory" "$dir/said"
sim replug "$dir/line"
grant
online 1

say "none"
sim unplug "$dir/line" as file
chmod 666 "$dir/line"
retry 30 error_is "not a serial device"
"$build/meterxd" --check -c "$dir/meterxd.conf" >"$dir/said" 2>&1 || fail "$(cat "$dir/said")"
grep -F "warning: link \"line\": device $dir/line is no serial device" "$dir/said"

say "in use"
stop meterxd || fail "meterxd ended with $?"
sim replug "$dir/line"
grant
spawn holder python3 -c '
import fcntl, os, sys, time
fcntl.flock(os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY), fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(1000)' "$dir/line"
retry 10 log_has holder held
rm "$dir/meterxd.log"
spawn meterxd "$build/meterxd" --user "$who" -f -c "$dir/meterxd.conf"
retry 30 error_is "the device is in use by another process"
stop holder || :
online 1

say "in use by the daemon: others leave it as it is"
"$build/meterx" -c "$dir/meterxd.conf" poll P1 >"$dir/said" 2>&1 && fail "polled with two masters"
grep -F "the device is in use by another process" "$dir/said" || fail "$(cat "$dir/said")"
python3 -c '
import errno, fcntl, os, struct, sys
TIOCGEXCL = 0x80045440
try:
    fd = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    sys.exit(struct.unpack("i", fcntl.ioctl(fd, TIOCGEXCL, bytes(4)))[0] == 0)
except OSError as error:
    sys.exit(error.errno != errno.EBUSY)' "$dir/line" || fail "the line is not the daemon's own any more"

say "as a killed one has left it"
stop meterxd KILL || :
rm "$dir/meterxd.log"
spawn meterxd "$build/meterxd" --user "$who" -f -c "$dir/meterxd.conf"
retry 30 log_has meterxd "link: line .*: up"
online 1
stop_meterxd
