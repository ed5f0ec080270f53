integration_scenarios += tests/integration/mib-lint.sh
