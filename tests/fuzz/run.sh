#!/usr/bin/env bash
# run.sh: build the fuzz targets with clang and hunt with each for a while.
# Ends with one line per target; fails when one of them crashed, and says with what.
set -u

# shellcheck source=packaging/setup.sh
. "$(dirname "$0")/../../packaging/setup.sh"

targets=(frame codec poll profile conf csv state wire)

usage() {
	cat <<TEXT
Usage: tests/fuzz/run.sh [OPTION]... [TARGET]...

Builds the fuzz targets in a folder of its own (clang, libFuzzer, address and
undefined behaviour sanitizers) and lets each hunt, from its seeds on.
Targets: ${targets[*]}; without any, all of them.

  -s, --seconds N      for each target [60]; 0: only the seeds
  -b, --build-dir DIR  build in DIR, and use again what is there [a temporary folder]
  -k, --corpus DIR     keep what was found interesting in DIR/TARGET, begin from there
  -c, --coverage       afterwards, how much of the code the corpus and the seeds reach
  -l, --list           only print the names of the targets
  -h, --help           this text

An input that crashed is left in BUILD-DIR, else in the current folder; so it is
run again:
  BUILD-DIR/tests/fuzz/fuzz_TARGET FILE
TEXT
}

seconds=60 build='' corpus='' coverage=no chosen=()
while [ $# -gt 0 ]; do
	case $1 in
	-s | --seconds) shift; seconds=${1:-} ;;
	-b | --build-dir) shift; build=${1:-} ;;
	-k | --corpus) shift; corpus=${1:-} ;;
	-c | --coverage) coverage=yes ;;
	-l | --list) printf '%s\n' "${targets[@]}"; exit 0 ;;
	-h | --help) usage; exit 0 ;;
	-*) usage >&2; exit 2 ;;
	*) chosen+=("$1") ;;
	esac
	shift
done
[[ $seconds =~ ^[0-9]+$ ]] || {
	usage >&2
	exit 2
}
for target in "${chosen[@]}"; do
	[[ " ${targets[*]} " == *" $target "* ]] || {
		usage >&2
		exit 2
	}
done
[ ${#chosen[@]} -eq 0 ] || targets=("${chosen[@]}")

scratch=$(mktemp -d "${TMPDIR:-/tmp}/meterx-fuzz.XXXXXX") || exit 2
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
found=${build:-.}
: "${build:=$scratch/build}" "${corpus:=$scratch/corpus}"
mkdir -p "$build" "$corpus" && build=$(cd "$build" && pwd) && corpus=$(cd "$corpus" && pwd) || exit 2

# Configure in $1 with the arguments that follow, once, and build the targets.
build_targets() { # DIR SANITIZERS CFLAGS ENGINE
	local programs=("${targets[@]/#/tests/fuzz/fuzz_}") engine=()
	[ -z "$4" ] || engine=("FUZZ_MAIN=" "FUZZ_ENGINE=$4")
	mkdir -p "$1" || return
	[ -e "$1/config.status" ] || {
		[ -e "$top/configure" ] || (cd "$top" && autoreconf -i >/dev/null 2>&1) || return
		(cd "$1" && "$top/configure" -q CC=clang CFLAGS="$3" --enable-sanitizer="$2") || return
	}
	make -s -C "$1" -j"$(nproc)" "${engine[@]}" "${programs[@]}"
}

build() {
	build_targets "$@" >"$scratch/build.log" 2>&1 && return
	cat "$scratch/build.log"
	say "the targets cannot be built"
	return 1
}

# The limits of each: length of an input.
declare -A longest=([frame]=600 [codec]=400 [poll]=1000 [profile]=6000 [conf]=4000 [csv]=2000 [state]=400 [wire]=800)

hunt() { # TARGET
	local target=$1 log=$scratch/$1.log dictionary=() status
	mkdir -p "$corpus/$target"
	[ ! -e "$top/tests/fuzz/$target.dict" ] || dictionary=(-dict="$top/tests/fuzz/$target.dict")
	if [ "$seconds" -eq 0 ]; then
		"$build/tests/fuzz/fuzz_$target" "$top/tests/fuzz/seeds/$target"/* >"$log" 2>&1
	else
		"$build/tests/fuzz/fuzz_$target" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 \
			-max_len="${longest[$target]}" -print_final_stats=1 -artifact_prefix="$found/$target-" \
			"${dictionary[@]}" "$corpus/$target" "$top/tests/fuzz/seeds/$target" >"$log" 2>&1
	fi
	status=$?
	if [ $status -eq 0 ] && [ "$seconds" -eq 0 ]; then
		say "$target: $(grep -c '^Running: ' "$log") seeds"
		return 0
	fi
	if [ $status -eq 0 ]; then
		say "$target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") executions," \
			"$(sed -n 's/^.* cov: \([0-9]*\) ft: \([0-9]*\).*/\1 edges, \2 features/p' "$log" | tail -n 1)"
		return 0
	fi
	say "$target: FAILED ($status)"
	grep -v -e '^#' -e '^INFO' "$log" | tail -n 60
	sed -n 's/.*Test unit written to //p' "$log" | while read -r input; do
		say "$target: the input is $input, in base64:"
		base64 <"$input"
	done
	return 1
}

show_coverage() {
	local target objects=() profiles=() inputs
	build "$build/coverage" no "-g -O1 -fprofile-instr-generate -fcoverage-mapping" '' || return
	for target in "${targets[@]}"; do
		mapfile -t inputs < <(find "$corpus/$target" -type f)
		LLVM_PROFILE_FILE=$scratch/$target.profraw "$build/coverage/tests/fuzz/fuzz_$target" \
			"$top/tests/fuzz/seeds/$target"/* "${inputs[@]}" 2>/dev/null
		profiles+=("$scratch/$target.profraw")
		objects+=(-object "$build/coverage/tests/fuzz/fuzz_$target")
	done
	llvm-profdata merge -o "$scratch/all.profdata" "${profiles[@]}" &&
		llvm-cov report "${objects[@]:1}" -instr-profile="$scratch/all.profdata" "$top"/agent/*/*.c |
		awk '$1 ~ /[.]c$/ || $1 == "TOTAL" { printf "%-28s lines %5d, reached %s; branches %5d, reached %s\n",
			$1, $8, $10, $11, $13 }'
}

build "$build" fuzzer-no-link,address,undefined "-g -O1" -fsanitize=fuzzer || exit 1
failed=0
for target in "${targets[@]}"; do
	hunt "$target" || failed=1
done
[ "$coverage" = no ] || show_coverage || failed=1
exit $failed
