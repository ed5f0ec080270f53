# Unit tests (cmocka), simulator, integration scenarios, benchmarks.

include tests/unit/unit.mk
include tests/sim/sim.mk
include tests/integration/integration.mk
include tests/fuzz/fuzz.mk
include tests/bench/bench.mk
