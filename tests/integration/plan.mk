integration_scenarios += tests/integration/overloaded.sh
