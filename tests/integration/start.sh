#!/bin/bash
# meterxd from its options to its end: exit statuses, --check, reload of good and bad files, signals.
# shellcheck source-path=SCRIPTDIR/..
. "$(dirname "$0")/../lib.sh"

program=$build/meterxd

exits() { # STATUS COMMAND...
	local want=$1 status=0
	shift
	"$@" >"$dir/out.log" 2>&1 </dev/null || status=$?
	equal "exit status of $*" $status "$want"
}

says() { # TEXT
	grep -qF -- "$1" "$dir/out.log" || fail "does not say \"$1\": $(cat "$dir/out.log")"
}

say "options"
exits 0 "$program" --version
says "meterxd "
exits 0 "$program" --help
says "--foreground"
exits 2 "$program" --frobnicate
exits 2 "$program" -l loud
says "\"loud\" is none of"
exits 2 "$program" extra
exits 1 "$program" --check -c "$dir/none.conf"
says "none.conf: cannot be read"

say "--check"
start_sim
{ patient link m; panel 1 m 1; } | write_conf
exits 0 "$program" --check --config "$dir/meterxd.conf"
says "meterxd.conf: ok, 1 link, 1 panel"
cp "$dir/meterxd.conf" "$dir/good.conf"
printf 'poll = 1\nlink x { transport = "udp" }\n' >>"$dir/meterxd.conf"
exits 1 "$program" --check -c "$dir/meterxd.conf"
says 'poll: "1" is out of range (100 to 3600000 ms)'
says 'link "x": transport: "udp" is none of'
exits 1 "$program" -f -c "$dir/meterxd.conf"
says 'poll: "1" is out of range'

say "the sample passes, as it is installed and with its examples in force"
sed "s|^profile-dir.*|profile-dir = \"$source_dir/conf/profiles\"|" "$build/conf/meterxd.conf" \
	>"$dir/sample.conf"
exits 0 "$program" --check -c "$dir/sample.conf"
says "ok, 0 links, 0 panels"
sed -i "s|^#\([^ ]\)|\1|; s|^profile-dir.*|profile-dir = \"$source_dir/conf/profiles\"|" "$dir/sample.conf"
printf 'number,label\n1,a\n' >"$dir/rpp-1a.csv"
exits 0 "$program" --check -c "$dir/sample.conf"
says "ok, 3 links, 2 panels"

say "runs without a master, reloads, keeps running on a bad file"
cp "$dir/good.conf" "$dir/meterxd.conf"
start_meterxd
retry 10 log_has meterxd "serves 1 link, 1 panel"
echo 'poll = nonsense' >>"$dir/meterxd.conf"
kill -HUP "${pids[meterxd]}"
retry 10 log_has meterxd 'meterxd.conf:[0-9]*: poll: "nonsense" is not a whole number'
retry 10 log_has meterxd "not applied: running on"
{ patient link m; panel 1 m 1; panel 2 m 2; } | write_conf
kill -HUP "${pids[meterxd]}"
retry 10 log_has meterxd "read again: 1 link, 2 panels"
sed -i 's|^agentx-socket.*|agentx-socket = "/elsewhere"|' "$dir/meterxd.conf"
kill -HUP "${pids[meterxd]}"
retry 10 log_has meterxd "going over to the master agent at /elsewhere"
retry 10 log_has meterxd "no master agent at /elsewhere: No such file or directory"
running meterxd || fail "meterxd ended by itself"
stop_meterxd
log_has meterxd "SIGTERM: stopping" >/dev/null
log_has meterxd "stopped" >/dev/null

say "SIGINT ends it too"
start_meterxd -l debug
retry 10 log_has meterxd "serves 1 link, 2 panels"
stop meterxd INT || fail "exit status $?"

say "in the background it leaves the terminal and still finds its file"
own=$(basename "$dir").conf # a command line that only this daemon has
cp "$dir/meterxd.conf" "$dir/$own"
cd "$dir"
exits 0 "${meterxd[@]}" -c "$own"
cd - >/dev/null
retry 10 log_has out "serves 1 link, 2 panels"
pids[background]=$(pgrep -f -- "-c $own$")
equal "folder" "$(readlink "/proc/${pids[background]}/cwd")" /
kill -HUP "${pids[background]}"
retry 10 log_has out "$own read again: 1 link, 2 panels"
kill -TERM "${pids[background]}"
retry 10 log_has out "stopped"
unset 'pids[background]'

say "tells the service manager: ready, alive, reloading, ready again, stopping"
if ! grep -qF 'S["HAVE_SYSTEMD_TRUE"]=""' "$build/config.status"; then
	say "(not this build: no libsystemd)"
	exit 0
fi
cat >"$dir/manager.py" <<'PYTHON'
import signal, socket, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
while True:
    print(s.recv(4096).decode().replace("\n", " "), flush=True)
PYTHON
twice_ready() {
	[ "$(grep -c READY=1 "$dir/manager.log")" = 2 ]
}
spawn manager python3 "$dir/manager.py" "$dir/notify"
retry 10 test -S "$dir/notify"
export NOTIFY_SOCKET=$dir/notify WATCHDOG_USEC=200000
start_meterxd
unset NOTIFY_SOCKET WATCHDOG_USEC
retry 10 log_has manager "READY=1 STATUS=1 link, 2 panels"
retry 10 log_has manager "WATCHDOG=1"
kill -HUP "${pids[meterxd]}"
retry 10 log_has manager "RELOADING=1 MONOTONIC_USEC=[0-9]+"
retry 10 twice_ready
stop_meterxd
retry 10 log_has manager "STOPPING=1"
