#!/usr/bin/env bash
# The agent runs without a master, polls, and connects when one comes.
. "$(dirname "$0")/../lib.sh"
require_mibs
start_sim
{ patient link m; panel 1 m 1; } | write_conf
start_meterxd
retry 10 asked_since 20 0
start_snmpd
online 1
is mxAgentPanels.0 1
