#!/usr/bin/env bash
# meterxd --check: nothing to say of a good file; of a bad one every mistake with its line, in one run.
. "$(dirname "$0")/../lib.sh"
sim_port=1502
check() {
	"$build/meterxd" --check -c "$dir/meterxd.conf" >"$dir/said" 2>&1
}
said() { # LINE PATTERN
	grep -E "meterxd\.conf:$1: .*$2" "$dir/said" || { cat "$dir/said"; fail "nothing about $2 in line $1"; }
}
{ link m; panel 1 m 1; } | write_conf
check || { cat "$dir/said"; fail "a good file is refused"; }

cat >"$dir/meterxd.conf" <<CONF
profile-dir = "$source_dir/conf/profiles"
poll = 5
stale-after = many
link "a" { transport = "tcp" host = "127.0.0.1" port = 70000 }
link "b" { transport = "pigeon" }
panel "P1" { index = 1 link = "a" unit = 1 profile = "bcpme" }
panel "P2" { index = 1 link = "c" unit = 2 profile = "nothing" }
panel "P3" { index = 3 link = "a" unit = 1 profile = "bcpme" writes = {"everything"} }
CONF
status=0
check || status=$?
equal "exit status for a bad file" $status 1
said 2 'poll.*5.*100'
said 3 stale-after
said 4 'port.*70000.*65535'
said 5 'transport.*pigeon'
said 7 index
said 7 'link.*c'
said 7 'profile.*nothing'
said 8 'unit|address'
said 8 'writes.*everything'

say 'link "a" { transport = "tcp" ' >"$dir/meterxd.conf"
! check || fail "a file that breaks off is accepted"
! "$build/meterxd" --check -c "$dir/none.conf" >"$dir/said" 2>&1 || fail "a file that is not there is accepted"
grep none.conf "$dir/said"

say "a unit that is no number is one mistake"
cat >"$dir/meterxd.conf" <<CONF
profile-dir = "$source_dir/conf/profiles"
link "l" { transport = "rtu" device = "/dev/null" }
panel "P1" { index = 1 link = "l" unit = one profile = "bcpme" }
panel "P2" { index = 2 link = "l" unit = two profile = "bcpme" }
CONF
! check || fail "a unit that is no number is accepted"
equal "what is said" "$(grep -c unit: "$dir/said")" 2

say "two links to one device, by different paths"
ln -s /dev/null "$dir/by-id"
cat >"$dir/meterxd.conf" <<CONF
link "l" { transport = "rtu" device = "/dev/null" }
link "m" { transport = "rtu" device = "$dir/by-id" }
link "n" { transport = "rtu" device = "/dev/zero" }
CONF
check || fail "what may be plugged in otherwise later is refused"
equal "warnings" "$(grep -c warning: "$dir/said")" 1
grep -F "link \"m\": device $dir/by-id is that of link \"l\", /dev/null" "$dir/said"

say "nothing is proposed that would be refused"
{
	say "profile-dir = \"$source_dir/conf/profiles\""
	say 'link "l" { transport = "rtu-tcp" host = "::1" port = 4001 baud = 1200 }'
	for i in {1..247}; do
		say "panel \"P$i\" { index = $i link = \"l\" unit = $i profile = \"bcpme\" }"
	done
} >"$dir/meterxd.conf"
check || fail "a slow line is refused"
grep -F 'link "l" ([::1]:4001, 1200 baud) is too slow' "$dir/said" || fail "$(cat "$dir/said")"
grep -F "what helps: fewer panels on it or fewer registers" "$dir/said"
