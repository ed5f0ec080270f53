# Benchmarks: built by "make bench-programs", run by hand.

EXTRA_DIST += tests/bench/scale.py tests/bench/snmp_bench.py tests/bench/trap-latency.sh tests/bench/trap_latency.py
bench_programs = tests/bench/bench_agent tests/bench/bench_client tests/bench/plan_bench
EXTRA_PROGRAMS = $(bench_programs)
CLEANFILES += $(bench_programs)

tests_bench_bench_agent_SOURCES = tests/bench/bench_agent.c tests/bench/bench_values.h
tests_bench_bench_agent_LDADD = $(AGENT_LIBS) $(SNMP_LIBS)
tests_bench_bench_client_SOURCES = tests/bench/bench_client.c tests/bench/bench_values.h
tests_bench_bench_client_LDADD = $(SNMP_LIBS)
tests_bench_plan_bench_SOURCES = tests/bench/plan_bench.c
tests_bench_plan_bench_LDADD = $(AGENT_LIBS)

.PHONY: bench-programs
bench-programs: $(bench_programs)
