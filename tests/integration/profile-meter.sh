#!/bin/bash
# The shipped profiles against the simulated meter, which knows its registers from the manual: no
# read is refused, every point of the model has a value, integers and floats say the same.
source "${srcdir:-.}/tests/lib.sh"

values_by() { # PROFILE MODEL integer|float all|installed
	"$build/tests/integration/plan_values" "$sim_port" 1 "$source_dir/conf/profiles/$1.conf" \
		"$2" "$3" "$4"
}

# Both ways to the same numbers, apart by a step of the integer or of the float (24 bits) at most.
agree() { # INTEGERS FLOATS
	join -j 1 <(sed 's/ /_/;s/ /_/' "$1" | sort) <(sed 's/ /_/;s/ /_/' "$2" | sort) |
		awk '$2 == "-" || $4 == "-" { if ($2 != $4) { print; bad = 1 } next }
			{ off = $2 - $4; step = $3 + $2 / 2 ^ 23 + 1 }
			off > step || off < -step { print; bad = 1 } END { exit bad }'
}

check() { # PROFILE MODEL all|installed POINTS
	local encoding
	for encoding in integer float; do
		values_by "$1" "$2" $encoding "$3" >"$dir/$encoding" || fail "$1, model $2, $encoding"
		! grep -- ' - 0$' "$dir/$encoding" || fail "$1, model $2, $encoding: absent values"
		equal "points of $1, model $2, $encoding" "$(wc -l <"$dir/$encoding")" "$4"
	done
	agree "$dir/integer" "$dir/float" || fail "$1, model $2: integers and floats differ"
}

start_sim --freeze --start-time 10:00 --model A
check bcpme A all 1857
grep -q '^branch energy 7 [1-9]' "$dir/integer" || fail "no energy"
stop sim
sim_port=

start_sim --freeze --start-time 10:00 --model B
check bcpme B all 1024
stop sim
sim_port=

start_sim --freeze --start-time 10:00 --model C
check bcpme C all 984
stop sim
sim_port=

start_sim --freeze --start-time 10:00 --model A --core split
check bcpmsc A all 1857
stop sim
sim_port=

start_sim --freeze --start-time 10:00 --model A --old-firmware
check bcpm A installed 1641
say "all profiles agree with the meter"
