#!/usr/bin/env bash
# Every way an answer on a serial line can be spoilt, one by one: what is served is true or absent,
# nobody is spoken into, and all is served again when the meter behaves.
. "$(dirname "$0")/../lib.sh"
. "$tests/integration/rtu_faults.bash"
start_line 115200:8N1 --freeze --start-time 15:00
{ rtu_link m; panel 1 m 1; panel 2 m 2; } | write_conf
serve_rtu
survive_faults "$line" <<'FAULTS'
doubled
doubled every 3
truncate 4 every 4
truncate 100 every 3
bad-crc every 3
bad-crc count 4
noise-before 3 every 4
noise-before 200 every 4
noise-after 3
noise-after 200 every 2
garbage 60 every 4
wrong-unit every 4
wrong-function every 3
wrong-count every 4
wrong-length every 4
busy every 2
exception 1 every 4
exception 2 every 4
exception 4 every 3
exception 11 every 3
FAULTS
served
