# shellcheck shell=bash
# lib.sh: what the scenarios in tests/integration stand on.
#
# Sourced first by each of them. A scenario gets a temporary folder ($dir) with
# a master agent, a simulator and a daemon of its own, on free ports of the
# loopback and on sockets in that folder; it waits for conditions (retry), never
# for time; everything it started is ended by its process id, also on failure,
# and then the logs are shown. Run by hand: BUILD=FOLDER tests/integration/NAME.sh
# (KEEP=1 keeps the folder).
#
# METERX_TEST_SLOW     factor on all bounds, for sanitizers and valgrind
# METERX_TEST_WRAPPER  command in front of meterxd, say "valgrind -q"
set -eu -o pipefail

umask 022 # a folder that a group may write is not taken for state
tests=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source_dir=$(dirname "$tests")
build=$(cd "${BUILD:-.}" && pwd)
slow=${METERX_TEST_SLOW:-1}
dir=${dir:-$(mktemp -d "${TMPDIR:-/tmp}/meterx-test.XXXXXX")}
declare -A pids=()
export LC_ALL=C
export SNMPCONFPATH=$dir/snmp SNMP_PERSISTENT_DIR=$dir/snmp MIBS=METERX-MIB MIBDIRS
mkdir "$dir/snmp"

say() {
	printf '%s\n' "$*"
}

fail() {
	say "FAILED: $*"
	exit 1
}

skip() {
	say "$*"
	exit 77
}

require() { # TOOL...
	local tool
	for tool in "$@"; do
		command -v "$tool" >/dev/null || [ -x "/usr/sbin/$tool" ] || skip "no $tool"
	done
}

# Try a command ten times a second until it succeeds; its last output is shown if it never does.
# How soon it does is no test's concern: on a busy host, or when a link that is down has been tried
# often, it takes long. So a minute is the least.
retry() { # SECONDS COMMAND...
	local limit=$(($1 * slow > 60 ? $1 * slow : 60)) said
	local until=$((SECONDS + limit))
	shift
	until said=$("$@" 2>&1); do
		[ $SECONDS -lt $until ] || {
			say "no success within the time: $*"
			say "$said"
			return 1
		}
		sleep 0.1
	done
}

equal() { # WHAT HAVE WANT
	[ "$2" = "$3" ] || fail "$1 is \"$2\", not \"$3\""
}

now_ms() {
	date +%s%3N
}

running() { # NAME
	[ -n "${pids[$1]:-}" ] && kill -0 "${pids[$1]}" 2>/dev/null
}

# Start a program of ours in the background, its output in $dir/NAME.log.
spawn() { # NAME COMMAND...
	local name=$1
	shift
	"$@" >>"$dir/$name.log" 2>&1 </dev/null &
	pids[$name]=$!
}

# End a program of ours; its exit status is ours.
stop() { # NAME [SIGNAL]
	local pid=${pids[$1]:-} i status=0
	[ -n "$pid" ] || return 0
	unset "pids[$1]"
	{
		kill -CONT "$pid" || :
		kill "-${2:-TERM}" "$pid" || :
		for ((i = 0; i < 100 * slow; i++)); do
			kill -0 "$pid" || break
			sleep 0.1
		done
		! kill -KILL "$pid" || say "$1 did not end and was killed"
		wait "$pid" || status=$?
	} 2>/dev/null
	return $status
}

finish() {
	local status=$? name log
	trap - EXIT
	set +e
	# A daemon that ends badly (sanitizers speak then) fails the scenario.
	for name in "${!pids[@]}"; do
		[[ $name == meterxd* ]] || continue
		stop "$name" || {
			say "FAILED: $name ended with $?"
			[ $status -ne 0 ] || status=1
		}
	done
	for name in "${!pids[@]}"; do
		stop "$name" >/dev/null
	done
	if [ $status -ne 0 ] && [ $status -ne 77 ]; then
		for log in "$dir"/*.log; do
			[ ! -s "$log" ] || { say "---- ${log##*/}"; tail -n 60 "$log"; }
		done
	fi
	[ -n "${KEEP:-}" ] && say "kept: $dir" || rm -rf "$dir"
	exit $status
}
trap finish EXIT
trap 'say "FAILED at ${BASH_SOURCE[0]##*/} line $LINENO: $BASH_COMMAND"' ERR
set -E
trap 'exit 130' INT
trap 'exit 143' TERM HUP

free_port() { # udp|tcp
	python3 -c '
import socket, sys
kind = socket.SOCK_DGRAM if sys.argv[1] == "udp" else socket.SOCK_STREAM
s = socket.socket(socket.AF_INET, kind)
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])' "$1"
}

# shellcheck source=tests/base-mibs.sh
. "$tests/base-mibs.sh"
# A folder of its own: Net-SNMP reads every file of one, METERX-MIB.txt.in too.
mkdir "$dir/mibs"
ln -s "$build/mibs/METERX-MIB.txt" "$dir/mibs/"
MIBDIRS=$dir/mibs:$(base_mibs)

# For what is asked by name.
require_mibs() {
	[ -n "$(base_mibs)" ] || skip "no base MIBs (Debian: package erlang-snmp)"
}

### Master agent

community=public
# shellcheck disable=SC2034 # for scenarios: as SNMPv3 user
v3=(-v3 -l authPriv -u walker -a SHA -A walker-auth -x AES -X walker-priv)

snmpd_conf() {
	cat <<CONF
master agentx
agentXSocket unix:$dir/agentx
rocommunity $community 127.0.0.1
sysContact somebody
rouser walker priv
createUser walker SHA walker-auth AES walker-priv
CONF
}

# Start snmpd; a second time on the port of the first.
# shellcheck disable=SC2120
start_snmpd() { # [LINE OF snmpd.conf]...
	local try
	require snmpd snmpget
	{ snmpd_conf; printf '%s\n' "$@"; } >"$dir/snmpd.conf"
	for try in 1 2 3 4 5; do
		snmp_port=${snmp_port:-$(free_port udp)}
		agent=127.0.0.1:$snmp_port
		MIBS='' PATH=$PATH:/usr/sbin spawn snmpd snmpd -f -C -c "$dir/snmpd.conf" -I -smux \
			-LOw "udp:$agent"
		until snmpget -v2c -c "$community" -t 0.2 -r 0 -m '' -Oqv "$agent" .1.3.6.1.2.1.1.3.0 \
			>/dev/null 2>&1; do
			running snmpd || break
		done
		! running snmpd || return 0
		say "snmpd did not start on port $snmp_port (try $try)"
		snmp_port=
	done
	fail "snmpd does not start"
}

# A receiver of snmpd's traps, one line each in $dir/snmptrapd.log; give snmpd the line $trap_sink.
start_snmptrapd() {
	local try
	require snmptrapd
	for try in 1 2 3 4 5; do
		trap_port=$(free_port udp)
		say "disableAuthorization yes
[snmp] serverRecvBuf 4194304" >"$dir/snmptrapd.conf"
		PATH=$PATH:/usr/sbin spawn snmptrapd snmptrapd -f -C -c "$dir/snmptrapd.conf" -OqUs \
			-F '%#02.2h:%#02.2j:%#02.2k %v\n' -Lo "udp:127.0.0.1:$trap_port"
		retry 10 log_has_or_gone snmptrapd 'NET-SNMP version'
		# shellcheck disable=SC2034 # for scenarios
		! running snmptrapd || { trap_sink="trap2sink 127.0.0.1:$trap_port $community"; return 0; }
		say "snmptrapd did not start on port $trap_port (try $try)"
	done
	fail "snmptrapd does not start"
}

# A receiver of one kind of notification: v2c-trap, v2c-inform or v3-trap (authPriv). One line each
# in $dir/KIND.log, numeric, for traps.py; give snmpd the lines ${trap_sinks[@]}.
trap_sinks=()
start_receiver() { # KIND
	local try port engine=0x80001f88046d7874657374 user=(-u trapper -a SHA -A trapper-auth -x AES -X trapper-priv)
	require snmptrapd
	{
		say "disableAuthorization yes"
		say "[snmp] serverRecvBuf 4194304" # what is not read in time is lost
		say "createUser -e $engine trapper SHA trapper-auth AES trapper-priv"
	} >"$dir/$1.conf"
	for try in 1 2 3 4 5; do
		port=$(free_port udp)
		MIBS='' PATH=$PATH:/usr/sbin spawn "$1" snmptrapd -f -C -c "$dir/$1.conf" -Onqe \
			-F 'trap\t%v\n' -Lo "udp:127.0.0.1:$port"
		retry 10 log_has_or_gone "$1" 'NET-SNMP version'
		! running "$1" || break
		say "snmptrapd did not start on port $port (try $try)"
	done
	running "$1" || fail "snmptrapd does not start"
	case $1 in
	v2c-trap) trap_sinks+=("trap2sink 127.0.0.1:$port $community") ;;
	v2c-inform) trap_sinks+=("informsink 127.0.0.1:$port $community") ;;
	v3-trap) trap_sinks+=("exactEngineID $engine" "createUser trapper SHA trapper-auth AES trapper-priv"
		"trapsess -v 3 -l authPriv ${user[*]} 127.0.0.1:$port") ;;
	esac
}

# How many notifications of ours a receiver has got so far, or at least so many.
received() { # KIND
	grep -c '^trap.*1\.14\.1\.2\.' "$dir/$1.log" || :
}
received_at_least() { # COUNT KIND...
	local count=$1 kind
	shift
	for kind in "$@"; do
		[ "$(received "$kind")" -ge "$count" ] || { say "$kind: $(received "$kind") of $count"; return 1; }
	done
}

# What receivers got against mxEventTable: nothing lost, nothing twice, in order, the same values.
check_traps() { # [--repeats N] KIND...
	local options=() kind logs=()
	[ "$1" != --repeats ] || { options=("$1" "$2"); shift 2; }
	for kind in "$@"; do
		logs+=("$dir/$kind.log")
	done
	"$build/tests/unit/list_tables" >"$dir/tables"
	python3 "$tests/traps.py" check "$agent" "$community" "$dir/tables" "${logs[@]}" "${options[@]}"
}

# Every event that has a notification is delivered.
all_delivered() {
	! walk mxEventDelivered | grep ' false'
}

log_has_or_gone() { # NAME PATTERN
	log_has "$1" "$2" || ! running "$1"
}

get() { # OID... : values only
	snmpget -v2c -c "$community" -t 2 -r 2 -OqvU "$agent" "$@"
}

walk() { # OBJECT [OPTION]... : nothing if there is nothing
	local oid=$1 said
	shift
	said=$(snmpbulkwalk -v2c -c "$community" -t 2 -r 2 -Cr50 -OqUs "$@" "$agent" "$oid") || return
	grep -v ' No Such ' <<<"$said" || :
}

# Succeeds if the object is there and its value is the one wanted.
is() { # OID WANT
	[ "$(get "$1")" = "$2" ] || { get "$1"; return 1; }
}

# Succeeds if the number is there and larger.
exceeds() { # OID NUMBER
	[ "$(get "$1")" -gt "$2" ] || { get "$1"; return 1; }
}

# Succeeds if the object is not there.
absent() { # OID
	[[ $(get "$1") == "No Such"* ]] || { get "$1"; return 1; }
}

# An ordinary subagent beside ours, serving the lines (override OID TYPE VALUE, pass OID COMMAND).
start_subagent() { # LINE...
	{
		say "agentXSocket unix:$dir/agentx"
		printf '%s\n' "$@"
	} >"$dir/subagent.conf"
	MIBS='' PATH=$PATH:/usr/sbin spawn subagent snmpd -X -f -C -c "$dir/subagent.conf" \
		-I override,pass -LOw
}

### Meter

# Start a simulator; a second time on the port of the first. Its port is in $sim_port.
start_sim() { # [OPTION]...
	spawn sim "$build/meterx-sim" --listen "127.0.0.1:${sim_port:-0}" --control "$dir/sim" "$@"
	retry 10 sim requests
	sim_port=$(sed -n 's/.*listening on .*:\([0-9]*\)$/\1/p' "$dir/sim.log" | tail -n 1)
}

sim() { # COMMAND WORD...
	"$build/meterx-sim" --tell "$dir/sim" "$@"
}

# Of all units together: requests, words, written or exceptions.
sim_count() { # WHAT
	sim requests | grep -o "\"$1\":[0-9]*" | awk -F: '{ n += $2 } END { print n }'
}

# Succeeds if the meter was asked again this often since.
asked_since() { # COUNT REQUESTS-THEN
	[ "$(sim_count requests)" -ge $(($2 + $1)) ]
}

# A simulator on a serial line, $line, and on a raw gateway, port $gateway_port.
start_line() { # BAUD:MODE [OPTION]...
	local mode=$1
	shift
	line=$dir/line0
	start_sim --serial "$line:$mode" --listen-rtu "127.0.0.1:${gateway_port:-0}:$mode" "$@"
	gateway_port=$(sed -n 's/.*RTU over TCP on .*:\([0-9]*\)$/\1/p' "$dir/sim.log" | tail -n 1)
	case $mode in
	*8E1) line_mode="parity = \"even\"" ;;
	*8O1) line_mode="parity = \"odd\"" ;;
	*8N2) line_mode="parity = \"none\" stop-bits = 2" ;;
	*) line_mode="parity = \"none\"" ;;
	esac
	line_mode="baud = ${mode%:*} $line_mode response-timeout = $((150 * slow))"
}

# The links to them, for write_conf.
rtu_link() { # NAME
	say "link \"$1\" { transport = \"rtu\" device = \"$line\" $line_mode }"
}
rtu_tcp_link() { # NAME
	say "link \"$1\" { transport = \"rtu-tcp\" host = \"127.0.0.1\" port = $gateway_port $line_mode }"
}

# What a line counted: requests, bad_crc, gap_violations, collisions, early, ...
line_count() { # LINE WHAT
	sim line "$1" | grep -o "\"$2\":[0-9]*" | cut -d: -f2
}

# The master kept its silences and spoke only when nobody else did.
well_behaved() { # LINE
	say "line: $(sim line "$1")"
	equal "gap violations" "$(line_count "$1" gap_violations)" 0
	equal "collisions" "$(line_count "$1" collisions)" 0
}

### Daemon

# A configuration from the links and panels on standard input, quick for tests.
write_conf() {
	{
		cat <<CONF
agentx-socket = "$dir/agentx"
state-dir     = "$dir/state"
profile-dir   = "$source_dir/conf/profiles"
poll          = 200
alarm-poll    = 100
slow-poll     = 1000
CONF
		cat
	} >"$dir/meterxd.conf"
	mkdir -p "$dir/state"
}

# As root it would look for a user to become: remain who runs the tests.
meterxd=("$build/meterxd")
[ "$(id -u)" != 0 ] || meterxd+=(--user root)

# Little, where a meter is silent on purpose. On a busy host also one that is well can be, for that
# long and several times: where no panel is to be lost in the whole scenario it is "patient link".
response_timeout=200
patient() { # COMMAND...
	response_timeout=3000 "$@"
}

# The link to the simulator, for write_conf.
link() { # NAME
	link_to "$1" 127.0.0.1 "$sim_port"
}
link_to() { # NAME HOST PORT
	local timeout=$((response_timeout * slow < 10000 ? response_timeout * slow : 10000))
	say "link \"$1\" { transport = \"tcp\" host = \"$2\" port = $3 response-timeout = $timeout }"
}

panel() { # INDEX LINK UNIT [TEXT]
	say "panel \"P$1\" { index = $1 link = \"$2\" unit = $3 profile = \"${profile:-bcpme}\" ${4:-} }"
}

# shellcheck disable=SC2120
start_meterxd() { # [OPTION]...
	# shellcheck disable=SC2086 # a command with its arguments
	spawn meterxd ${METERX_TEST_WRAPPER:-} "${meterxd[@]}" -f -c "$dir/meterxd.conf" "$@"
}

stop_meterxd() {
	stop meterxd || fail "meterxd ended with $?"
}

# One meter with both panels, served: what most scenarios begin with.
start_all() {
	require_mibs
	start_sim "$@"
	{ link m; panel 1 m 1; panel 2 m 2; } | write_conf
	start_snmpd
	start_meterxd
	online 1 2
}

online() { # PANEL...
	local panel
	for panel in "$@"; do
		retry 20 is "mxPanelState.$panel" online
	done
}

log_has() { # NAME PATTERN
	grep -E -- "$2" "$dir/$1.log"
}

# Compare what is served with the simulator's registers and true values.
values() { # PANEL:UNIT:ENCODING...
	python3 "$tests/values.py" "$agent" "$dir/sim" "$@"
}
