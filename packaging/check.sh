#!/usr/bin/env bash
# check.sh: install what is missing, build every way, run every test.
# Ends with one line "N passed, N failed", and ", N skipped" if any were: test
# programs, scenarios and checks of all stages together.
set -u

# shellcheck source=packaging/setup.sh
. "$(dirname "$0")/setup.sh"

stages=(gcc asan tsan fuzz valgrind distcheck lint)

usage() {
	cat <<TEXT
Usage: packaging/check.sh [OPTION]...

Installs the Debian packages that are missing (saying which), builds in a
temporary folder and runs all tests of MeterX.

  -q, --quick          only the stages gcc and lint
  -o, --only STAGE     only this stage; may be given again
  -b, --build-dir DIR  build in DIR and leave it there
  -s, --strict         what is skipped counts as failed (for CI)
  -n, --no-install     install nothing: skip what cannot be run
  -h, --help           this text

Stages:
  gcc        -Werror, the whole suite: unit, oracle, scenarios on a real snmpd
  asan       clang -Werror, its address, leak and undefined behaviour sanitizers, nearly the whole suite
  tsan       thread sanitizer, what has threads of the suite
  fuzz       each fuzz target hunts for some seconds, from its seeds on
  valgrind   unit tests, and scenarios with the daemon under it
  distcheck  the tarball has all files, builds, passes unit tests and some scenarios, installs and uninstalls
  lint       MIB, scripts, sample configuration and profiles, module borders
TEXT
}

only=()
work='' keep=no strict=no install=yes
while [ $# -gt 0 ]; do
	case $1 in
	-q | --quick) only+=(gcc lint) ;;
	-o | --only) shift; only+=("${1:-}") ;;
	-b | --build-dir) shift; work=${1:-} keep=yes ;;
	-s | --strict) strict=yes ;;
	-n | --no-install) install=no ;;
	-h | --help) usage; exit 0 ;;
	*) usage >&2; exit 2 ;;
	esac
	shift
done
for stage in "${only[@]}"; do
	[[ " ${stages[*]} " == *" $stage "* ]] || {
		usage >&2
		exit 2
	}
done
[ ${#only[@]} -eq 0 ] || stages=("${only[@]}")
if [ "$keep" = yes ]; then
	mkdir -p "$work" && work=$(cd "$work" && pwd) || exit 2
else
	work=$(mktemp -d "${TMPDIR:-/tmp}/meterx-check.XXXXXX") || exit 2
fi

passed=0 failed=0 skipped=0 child=''

finish() {
	# All of a stage is one process group of ours.
	[ -z "$child" ] || kill -TERM -- "-$child" 2>/dev/null
	[ -z "$child" ] || wait "$child" 2>/dev/null
	[ "$keep" = yes ] || rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# Run a command in a process group of its own, so that it can be ended whole.
run() {
	local status
	set -m
	"$@" </dev/null &
	child=$!
	set +m
	wait "$child"
	status=$?
	child=''
	return $status
}

result() { # pass|fail|skip NAME [LOG]
	case $1 in
	pass) passed=$((passed + 1)) ;;
	skip) skipped=$((skipped + 1)); say "  SKIP $2" ;;
	fail)
		failed=$((failed + 1))
		say "  FAIL $2"
		[ ! -s "${3:-}" ] || sed 's/^/    | /' "$3" | tail -n 200
		;;
	esac
}

# One check: NAME COMMAND...; 77 is a skip.
check() {
	local name=$1 status
	shift
	run "$@" >"$work/check.log" 2>&1
	status=$?
	case $status in
	0) result pass "$name" ;;
	77) result skip "$name ($(tail -n 1 "$work/check.log"))" ;;
	*) result fail "$name" "$work/check.log" ;;
	esac
	return $status
}

have() {
	command -v "$1" >/dev/null || {
		result skip "$2 ($1 is not installed)"
		return 1
	}
}

build() { # DIR CONFIGURE-ARGUMENT...
	local dir=$work/$1
	shift
	[ ! -e "$dir/built" ] || return 0
	mkdir -p "$dir"
	check "build in $dir" bash -c 'cd "$0" && "$1"/configure -q "${@:2}" && make -s -j'"$jobs"' &&
		make -s -j'"$jobs"' check TESTS=' "$dir" "$work/src" --enable-werror "$@" || return 1
	touch "$dir/built"
}

# The sanitizers of gcc 12 fail at start, now and then, where the kernel randomises addresses more
# than they know of.
fixed_addresses=()
! setarch "$(uname -m)" -R true 2>/dev/null || fixed_addresses=(setarch "$(uname -m)" -R)

# Run the suite (or the tests named after --) in DIR and count each test. Tests wait more than they
# work: two for each processor.
suite() { # DIR MAKE-ARGUMENT...
	local dir=$work/$1 trs name verdict
	shift
	find "$dir" -name '*.trs' -delete
	run "${fixed_addresses[@]}" make -k -C "$dir" -j$((2 * jobs)) check "$@" >"$dir/suite.log" 2>&1
	while read -r trs; do
		name=${trs#"$dir"/}
		name=${name%.trs}
		while read -r verdict; do
			case $verdict in
			PASS | XFAIL) result pass "$name" ;;
			SKIP) result skip "$name ($(tail -n 1 "${trs%.trs}.log"))" ;;
			*) result fail "$name" "${trs%.trs}.log" ;;
			esac
		done < <(sed -n 's/^:test-result: \([A-Z]*\).*/\1/p' "$trs")
	done < <(find "$dir" -name '*.trs' -path '*/tests/*' | sort)
	[ -n "$(find "$dir" -name '*.trs' | head -n 1)" ] || result fail "no test ran" "$dir/suite.log"
}

unit_tests() { # DIR
	(cd "$work/$1" && find tests/unit tests/fuzz -type f \( -name 'test_*' -o -name 'fuzz_*' \) -perm -100 |
		sort | tr '\n' ' ')
}

# What make check runs in DIR, a line each.
all_tests() {
	make -s -C "$work/$1" --eval 'print-tests: ; @echo $(TESTS)' print-tests | tr ' ' '\n'
}

# Of one thread, of texts, of what an installation is; and scenarios whose threads do what they do in others.
no_threads='tests/fuzz/fuzz_codec tests/fuzz/fuzz_conf tests/fuzz/fuzz_csv tests/fuzz/fuzz_frame tests/fuzz/fuzz_poll
tests/fuzz/fuzz_profile tests/fuzz/fuzz_wire
tests/integration/clock-steps.sh tests/integration/config-errors.sh tests/integration/confined.sh
tests/integration/demo.sh tests/integration/events-command.sh tests/integration/fault-dead-unit.sh
tests/integration/fault-dns.sh
tests/integration/fault-exceptions.sh tests/integration/fault-gateway.sh tests/integration/hostile-values.sh
tests/integration/meterx-command.sh tests/integration/mib-agrees.sh tests/integration/mib-lint.sh
tests/integration/models.sh tests/integration/overloaded.sh tests/integration/poll.sh
tests/integration/poller-truth.sh tests/integration/profile-command.sh tests/integration/profile-meter.sh
tests/integration/rtu-late.sh tests/integration/serial-access.sh tests/integration/service.sh
tests/integration/snmpd-conf.sh tests/integration/start.sh tests/integration/walk-by-name.sh
tests/integration/zero-and-absent.sh
tests/sim/serial.sh tests/sim/server.sh
tests/unit/test_alarm tests/unit/test_bus_line tests/unit/test_codec tests/unit/test_conf
tests/unit/test_forecast tests/unit/test_frame tests/unit/test_map tests/unit/test_owed tests/unit/test_plan
tests/unit/test_profile tests/unit/test_refusal tests/unit/test_sim_alarm tests/unit/test_sim_map
tests/unit/test_sim_meter tests/unit/test_syntax tests/unit/test_table tests/unit/test_timing
tests/unit/test_turns'

# What runs the same code as others do, for long, or little of ours.
no_sanitizer='tests/integration/clock-steps.sh tests/integration/demo.sh tests/integration/fault-dns.sh
tests/integration/many-links.sh tests/integration/mib-agrees.sh tests/integration/mib-lint.sh
tests/integration/rtu-late.sh tests/integration/serial-access.sh tests/integration/service.sh
tests/integration/snmpd-conf.sh'

# The suite of DIR without the tests in these lists.
tests_without() { # DIR LIST...
	local dir=$1
	shift
	all_tests "$dir" | grep -vxF "$(printf '%s\n' "$@" | tr ' ' '\n')"
}

stage_gcc() {
	build gcc CC=gcc && suite gcc
}

stage_asan() {
	# That of clang sees what gcc's does not: arithmetic on a pointer to nothing, for one.
	have clang "clang build and address sanitizer" || return
	export UBSAN_OPTIONS=print_stacktrace=1 METERX_TEST_SLOW=3
	build asan CC=clang --enable-sanitizer=address,undefined &&
		suite asan TESTS="$(tests_without asan "$no_sanitizer")"
	unset UBSAN_OPTIONS METERX_TEST_SLOW
}

stage_tsan() {
	export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1 METERX_TEST_SLOW=5
	build tsan CC=gcc --enable-sanitizer=thread &&
		suite tsan TESTS="$(tests_without tsan "$no_threads" "$no_sanitizer")"
	unset TSAN_OPTIONS METERX_TEST_SLOW
}

# 0 seconds: the seeds once, which also says whether it builds.
stage_fuzz() {
	local target
	have clang "fuzz targets" || return
	check "build of the fuzz targets" "$work/src/tests/fuzz/run.sh" -b "$work/fuzz" -s 0 || return
	for target in $("$work/src/tests/fuzz/run.sh" --list); do
		check "fuzz $target" "$work/src/tests/fuzz/run.sh" -b "$work/fuzz" -s "$fuzz_seconds" "$target"
	done
}
fuzz_seconds=6

stage_valgrind() {
	local options='-q --child-silent-after-fork=yes --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite,possible'
	have valgrind "valgrind" || return
	build gcc CC=gcc || return
	suite gcc TESTS="$(unit_tests gcc)" LOG_COMPILER=valgrind LOG_FLAGS="$options"
	export METERX_TEST_SLOW=10 METERX_TEST_WRAPPER="valgrind $options"
	[ -z "$valgrind_scenarios" ] || suite gcc TESTS="$valgrind_scenarios"
	unset METERX_TEST_SLOW METERX_TEST_WRAPPER
}
valgrind_scenarios='tests/integration/walk-by-name.sh tests/integration/reload.sh tests/integration/snmpd-restart.sh'

# The stage gcc has run everything of the same files, as the comparison of the lists says.
stage_distcheck() {
	build gcc CC=gcc && check "make distcheck" make -C "$work/gcc" -j$((2 * jobs)) distcheck \
		TESTS="$(unit_tests gcc) $distcheck_scenarios" &&
		check "the tarball has all files" tarball_is_whole
}

distcheck_scenarios='tests/integration/start.sh tests/integration/profile-command.sh tests/integration/rtu-line.sh tests/integration/traps.sh tests/sim/server.sh'

# What git keeps is what there has to be; a tarball that is checked itself has no git to ask.
tarball_is_whole() {
	local missing
	missing=$(list_files 2>/dev/null | grep -vxF .gitignore | sort |
		comm -23 - <(tar -tzf "$work"/gcc/meterx-*.tar.gz | sed 's|^[^/]*/||' | sort))
	[ -z "$missing" ] || { say "not in it: $missing"; return 1; }
}

# Each library is used in one place (FILE or FOLDER/), or else this prints where.
door() { # INCLUDE PLACE
	! grep -rnF "#include <$1" "$work/src/agent" | grep -v "^$work/src/$2"
}

stage_lint() {
	local file files
	build gcc CC=gcc || return
	! have smilint "MIB" || check "smilint" silent smilint -l 6 "$work/gcc/mibs/METERX-MIB.txt"
	if have shellcheck "scripts"; then
		mapfile -t files < <(find "$work"/src/{packaging,tests} -name build-aux -prune -o -name '*.sh' -print)
		check "shellcheck" shellcheck -S warning -x -P "$work/src:SCRIPTDIR" "$work/src/.ci/run" "${files[@]}"
	fi
	check "libmodbus only in serial.c" door modbus agent/modbus/serial.c
	check "libConfuse only in config" door confuse agent/config/
	check "Net-SNMP only in snmp" door net-snmp/ agent/snmp/
	check "SQLite only in persist.c" door sqlite3 agent/store/persist.c
	check "epoll only in loop.c" door sys/epoll agent/core/loop.c
	check "meterxd --check conf/meterxd.conf" sample_is_valid
	for file in "$work"/src/conf/profiles/*.conf; do
		check "meterx profile check ${file##*/}" "$work/gcc/meterx" profile check "$file"
	done
}

# The sample configuration, with the profiles of the source tree: none are installed.
sample_is_valid() {
	sed "s|^profile-dir.*|profile-dir = \"$work/src/conf/profiles\"|" \
		"$work/gcc/conf/meterxd.conf" >"$work/sample.conf" &&
		"$work/gcc/meterxd" --check -c "$work/sample.conf"
}

# Passes only if the command succeeds and says nothing.
silent() {
	local said
	said=$("$@" 2>&1) && [ -z "$said" ] || {
		say "$said"
		return 1
	}
}

verdict() {
	[ "$strict" = no ] || { failed=$((failed + skipped)) skipped=0; }
	say "$passed passed, $failed failed$([ $skipped -eq 0 ] || say ", $skipped skipped")"
	[ $failed -eq 0 ] && [ $passed -gt 0 ]
	exit
}

main() {
	local stage results failures started
	jobs=$(nproc 2>/dev/null || echo 2)
	if [ "$install" = yes ]; then
		install_packages "${BUILD_PACKAGES[@]}" "${RUN_PACKAGES[@]}" "${CHECK_PACKAGES[@]}" || {
			result fail "installing packages"
			verdict
		}
	fi
	rm -rf "$work/src"
	check "prepare the source" copy_source "$work/src" || verdict
	export SMIPATH
	SMIPATH=$work/gcc/mibs:$(base_mibs)
	for stage in "${stages[@]}"; do
		say "== $stage"
		results=$((passed + failed + skipped)) failures=$failed started=$SECONDS
		"stage_$stage"
		say "   $((passed + failed + skipped - results)) results, $((failed - failures)) of them failed;" \
			"$((SECONDS - started)) s"
	done
	verdict
}

# The file is read to its end before anything runs: it may be changed meanwhile.
main
