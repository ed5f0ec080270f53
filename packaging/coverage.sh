#!/usr/bin/env bash
# coverage.sh: lines and branches of the agent that the test suite reaches, by folder and by file.
# In a build folder that was configured with --enable-coverage, after "make check": "make coverage"
# does both. Needs gcovr.
set -u

# shellcheck source=packaging/setup.sh
. "$(dirname "$0")/setup.sh"

usage() {
	cat <<TEXT
Usage: packaging/coverage.sh [OPTION]... BUILD-DIR

Says how much of each folder of the agent the tests that were run in BUILD-DIR
reach, then of each file, with the lines that are left out.

  -m, --modules        the folders only
  -h, --help           this text
TEXT
}

modules=no build=''
while [ $# -gt 0 ]; do
	case $1 in
	-m | --modules) modules=yes ;;
	-h | --help) usage; exit 0 ;;
	-*) usage >&2; exit 2 ;;
	*) build=$1 ;;
	esac
	shift
done
[ -d "$build" ] || {
	usage >&2
	exit 2
}
command -v gcovr >/dev/null || {
	say "gcovr is not installed (apt-get install gcovr)" >&2
	exit 1
}

scratch=$(mktemp -d "${TMPDIR:-/tmp}/meterx-coverage.XXXXXX") || exit 2
trap 'rm -rf "$scratch"' EXIT

# Branches of assertions and of what the compiler adds for itself are not counted.
gcovr -r "$top" --object-directory "$build" --filter "$top/agent/" --exclude-unreachable-branches \
	--exclude-throw-branches --gcov-ignore-parse-errors --csv "$scratch/files.csv" --txt \
	"$scratch/lines.txt" "$build" >/dev/null 2>"$scratch/log" || {
	cat "$scratch/log" >&2
	exit 1
}
printf '%-16s %6s %8s %8s %8s\n' module lines reached branches reached
awk -F, '
NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
{
	split($at["filename"], part, "/")
	module = part[3] == "" ? part[1] : part[1] "/" part[2]
	lines[module] += $at["line_total"]; met[module] += $at["line_covered"]
	branches[module] += $at["branch_total"]; taken[module] += $at["branch_covered"]
	all["lines"] += $at["line_total"]; all["met"] += $at["line_covered"]
	all["branches"] += $at["branch_total"]; all["taken"] += $at["branch_covered"]
}
function share(part, whole) { return whole ? 100 * part / whole : 100 }
function row(name, l, m, b, t) {
	printf "%-16s %6d %6.1f %% %8d %6.1f %%\n", name, l, share(m, l), b, share(t, b)
}
END {
	for (module in lines)
		row(module, lines[module], met[module], branches[module], taken[module])
	row("all", all["lines"], all["met"], all["branches"], all["taken"])
}' "$scratch/files.csv" | sort
[ "$modules" = yes ] || cat "$scratch/lines.txt"
