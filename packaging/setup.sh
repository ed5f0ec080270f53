# shellcheck shell=bash
# setup.sh: what check.sh and demo.sh share: installing what is missing, and
# building in a folder of its own, so that the source tree stays as it is.
# Sourced.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck disable=SC2034 # read by those who source this
BUILD_PACKAGES=(build-essential autoconf automake libtool pkgconf
	libsnmp-dev libmodbus-dev libconfuse-dev libsqlite3-dev libsystemd-dev)
# shellcheck disable=SC2034
RUN_PACKAGES=(snmp snmpd snmptrapd python3 procps)
# shellcheck disable=SC2034
CHECK_PACKAGES=(libcmocka-dev clang libclang-rt-dev valgrind smitools shellcheck systemd iproute2)

say() {
	printf '%s\n' "$*"
}

# shellcheck source=tests/base-mibs.sh
. "$top/tests/base-mibs.sh"

missing_packages() {
	local package
	for package in "$@"; do
		[ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
			say "$package"
	done
	[ -n "$(base_mibs)" ] || say erlang-snmp
}

# Install those of the packages that are not there. Fails if it cannot.
install_packages() {
	local missing as_root=()
	command -v dpkg-query >/dev/null || {
		say "Not a Debian system: the packages meant here must be there already: $*"
		return 0
	}
	mapfile -t missing < <(missing_packages "$@")
	[ ${#missing[@]} -gt 0 ] || return 0
	say "These Debian packages are missing and will be installed with apt-get:"
	say "  ${missing[*]}"
	case " ${missing[*]} " in *" snmpd "* | *" erlang-snmp "*)
		say "  (Debian starts the services of snmpd and erlang-snmp; MeterX uses neither here:"
		say "  of erlang-snmp only the base MIBs, which Debian ships nowhere else in main.)" ;;
	esac
	if [ "$(id -u)" -ne 0 ]; then
		command -v sudo >/dev/null || {
			say "That needs root, and there is no sudo. As root: apt-get install ${missing[*]}"
			return 1
		}
		as_root=(sudo)
	fi
	"${as_root[@]}" apt-get -q update &&
		"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
			apt-get -q -y --no-install-recommends install "${missing[@]}"
}

list_files() {
	git -c safe.directory='*' -C "$top" ls-files "$@"
}

# Copy the source tree to folder $1 and make it ready to configure.
copy_source() {
	mkdir -p "$1"
	if [ -e "$top/.git" ] && list_files --error-unmatch configure.ac >/dev/null 2>&1; then
		list_files -z -c -o --exclude-standard | grep -zvxF -f <(list_files -d) |
			tar -C "$top" --null -T - -cf - | tar -C "$1" -xf -
	else
		tar -C "$top" --exclude=.git -cf - . | tar -C "$1" -xf -
		[ ! -e "$1/config.status" ] || make -s -C "$1" distclean
	fi
	[ -e "$1/configure" ] || (cd "$1" && autoreconf -i)
}
