#!/usr/bin/env bash
# The same as kill-agent with snmpd killed at random, too.
METERX_TEST_KILLS=${METERX_TEST_KILLS:-10} METERX_TEST_BOTH=yes exec bash "$(dirname "$0")/kill-agent.sh"
