# Benchmarks: run by hand; those in C are built by "make bench-programs".

EXTRA_DIST += tests/bench/bus_bench.py tests/bench/late_hour.py tests/bench/latency.py tests/bench/rig.py \
	tests/bench/scale.py tests/bench/snmp_bench.py tests/bench/soak.py tests/bench/trap-latency.sh \
	tests/bench/trap_latency.py tests/bench/wire.py
bench_programs = tests/bench/bench_agent tests/bench/bench_client tests/bench/plan_bench
EXTRA_PROGRAMS = $(bench_programs)
CLEANFILES += $(bench_programs)

tests_bench_bench_agent_SOURCES = tests/bench/bench_agent.c tests/bench/bench_values.h
tests_bench_bench_agent_LDADD = $(AGENT_LIBS) $(SNMP_LIBS)
tests_bench_bench_client_SOURCES = tests/bench/bench_client.c tests/bench/bench_values.h
tests_bench_bench_client_LDADD = $(SNMP_LIBS)
tests_bench_plan_bench_SOURCES = tests/bench/plan_bench.c
tests_bench_plan_bench_LDADD = $(AGENT_LIBS)

.PHONY: bench-programs bench-bus bench-late bench-latency bench-soak
bench-programs: $(bench_programs)

# These need the daemon, the tool, the simulator, snmpd, and time: a quarter of an hour, an hour,
# five minutes, an hour. Each has --help.
bench-bus: all
	python3 $(srcdir)/tests/bench/bus_bench.py --build .
bench-late: all
	python3 $(srcdir)/tests/bench/late_hour.py --build .
bench-latency: all
	python3 $(srcdir)/tests/bench/latency.py --build .
bench-soak: all
	python3 $(srcdir)/tests/bench/soak.py --build .
