#!/usr/bin/env bash
# meterx itself: help, versions, what is not there, and profiles as a list; no meter, no snmpd.
. "$(dirname "$0")/../lib.sh"
meterx=$build/meterx
profiles=$source_dir/conf/profiles

exits() { # STATUS COMMAND...: keeps what it says
	local want=$1 status=0
	shift
	"$@" >"$dir/out.log" 2>"$dir/err.log" </dev/null || status=$?
	[ "$status" = "$want" ] || fail "exit status $status, not $want: $*"
}
says() { # out|err PATTERN
	grep -qE -- "$2" "$dir/$1.log" || fail "does not say \"$2\""
}

exits 0 "$meterx" --help
says out '^Usage: meterx '
for command in poll events profile; do
	says out "^  $command "
	exits 0 "$meterx" "$command" --help
	says out "^Usage: meterx $command"
	exits 0 "$meterx" --help
done
exits 0 "$meterx" --version
says out '^meterx [0-9]'
exits 2 "$meterx"
says err '^Usage: meterx '
exits 2 "$meterx" --frobnicate
exits 2 "$meterx" frobnicate
says err 'no command "frobnicate"'
exits 2 "$meterx" -c
exits 1 "$meterx" -c "$dir/nowhere.conf" events
says err 'nowhere.conf: cannot be read'
exits 2 "$meterx" events --count 0
says err 'a number from 1'
exits 2 "$meterx" events --since x
exits 2 "$meterx" events one

# A configuration without a state: no agent has run here.
printf 'state-dir = "%s/none"\nprofile-dir = "%s"\n' "$dir" "$profiles" >"$dir/some.conf"
exits 1 "$meterx" -c "$dir/some.conf" events
says err 'meterx.db: No such file'

exits 0 "$meterx" profile list --dir "$profiles"
says out '^bcpme  '
exits 0 "$meterx" profile list --json --dir "$profiles"
python3 -c 'import json, sys
names = [each["name"] for each in json.load(sys.stdin) if each["loads"]]
sys.exit(names != sorted(names) or "bcpmsc" not in names)' <"$dir/out.log" || fail "the list is not what it should be"
exits 1 "$meterx" profile list --dir "$dir/nowhere"
says err 'nowhere: No such file'
mkdir "$dir/profiles"
printf 'title = 1 2\n' >"$dir/profiles/broken.conf"
exits 1 "$meterx" profile list --dir "$dir/profiles"
says out '^broken .*does not load'
exits 1 "$meterx" profile list --json --dir "$dir/profiles"
says out '"loads": false'
