/*
 * bus on a serial line of the simulator: after each fault the reads that follow, all of one shape,
 * must fail or give the true registers of their own place, never another's.
 */
#include "config.h"

#include "modbus/bus.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/util.h"
#include "sim_rig.h"

#define FIRST	   1336 /* branch currents, all different */
#define COUNT	   4
#define PLACES	   10
#define TIMEOUT_MS 60

static void true_words(const struct sim *sim, unsigned place, uint16_t *words)
{
	char command[64], answer[256], *at = answer + 2;
	unsigned first = FIRST + COUNT * place;

	snprintf(command, sizeof(command), "reg 1 %u-%u", first, first + COUNT - 1);
	sim_ask(sim, command, answer, sizeof(answer));
	assert_memory_equal(answer, "ok", 2);
	for (unsigned i = 0; i < COUNT; i++)
		words[i] = (uint16_t)strtoul(at, &at, 10);
}

static struct bus *open_line(const char *path)
{
	struct link_conf conf = { .transport = TRANSPORT_RTU,
		.device = (char *)(uintptr_t)path,
		.baud = 115200,
		.parity = PARITY_NONE,
		.stop_bits = 1 };
	struct bus *bus = bus_new(&conf);

	assert_non_null(bus);
	assert_int_equal(bus_connect(bus, 1000), 0);
	return bus;
}

/* How many of the reads succeeded; every one that did must be right. */
static unsigned read_all(const struct sim *sim, struct bus *bus, const char *fault)
{
	uint16_t words[COUNT], want[COUNT];
	unsigned good = 0;

	for (unsigned place = 0; place < PLACES; place++) {
		int rc = bus_read(
			bus, 1, 3, (uint16_t)(FIRST - 1 + COUNT * place), COUNT, TIMEOUT_MS, words);

		if (rc < 0)
			bus_recover(bus);
		if (rc != 0)
			continue;
		true_words(sim, place, want);
		if (memcmp(words, want, sizeof(words)) != 0)
			fail_msg("\"%s\": place %u has %u %u, not %u %u", fault, place, words[0],
				words[1], want[0], want[1]);
		good++;
	}
	return good;
}

static void test_never_anothers(void **state)
{
	static const char *const faults[] = {
		"lost count 1",
		"late 40",
		"late 90 count 1",
		"late 90 every 2",
		"late 200 every 3",
		"late 400 count 2",
		"behind count 1",
		"behind count 3",
		"behind",
		"behind every 2",
		"doubled",
		"doubled every 2",
		"bad-crc every 2",
		"wrong-unit every 2",
		"wrong-function every 2",
		"wrong-count every 2",
		"wrong-length every 2",
		"truncate 6 every 2",
		"noise-before 9 every 2",
		"noise-after 9 every 2",
		"busy every 2",
	};
	const char *options[] = { "--freeze", "--start-time", "12:00", "--serial", NULL, NULL };
	struct sim sim = { 0 };
	char path[128], line[160], command[128];
	struct bus *bus;
	int tries = 0;

	(void)state;
	snprintf(path, sizeof(path), "/tmp/meterx-line.%d", (int)getpid());
	snprintf(line, sizeof(line), "%s:115200:8N1", path);
	options[4] = line;
	sim_start(&sim, options);
	bus = open_line(path);
	/* The simulator may be kept from the processor for longer than the timeout. */
	while (read_all(&sim, bus, "none yet") < PLACES)
		assert_true(++tries < 100);
	for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
		snprintf(command, sizeof(command), "fault %s", faults[i]);
		sim_tell(&sim, command);
		read_all(&sim, bus, faults[i]);
		sim_tell(&sim, "fault none");
		read_all(&sim, bus, faults[i]);
	}
	tries = 0;
	while (read_all(&sim, bus, "none any more") < PLACES)
		assert_true(++tries < 100);
	bus_free(bus);
	sim_stop(&sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_never_anothers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
