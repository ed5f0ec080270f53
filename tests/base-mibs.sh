# shellcheck shell=bash
# Prints the folder with the base MIBs (SNMPv2-SMI and others), or nothing. Debian ships them in
# non-free, and in main only as a part of erlang-snmp.
base_mibs() {
	local folder
	for folder in /usr/share/snmp/mibs/ietf /var/lib/mibs/ietf /usr/share/snmp/mibs \
		/usr/lib/erlang/lib/snmp-*/mibs; do
		if compgen -G "$folder/SNMPv2-SMI*" >/dev/null; then
			printf '%s\n' "$folder"
			return
		fi
	done
}
