/*
 * Read a meter by a profile's plan, with nothing of the agent but profile, plan
 * and codec, and print what it means:
 *
 *	plan_values PORT UNIT PROFILE MODEL integer|float all|installed
 *	branch current 7 1240 10		(mA, in steps of 10)
 *	branch energy 7 - 0			(absent)
 *
 * "installed" leaves the optional blocks out. Status 1 when the meter refuses a read.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <modbus.h>

#include "config/profile.h"
#include "core/util.h"
#include "modbus/codec.h"
#include "modbus/plan.h"

#define REGISTERS 65536

struct meter {
	struct profile *profile;
	struct plan_want want;
	modbus_t *client;
	uint16_t words[REGISTERS];
	bool read[REGISTERS];
};

static int read_all(struct meter *meter)
{
	struct plan_line line = plan_line_rtu(9600, 10, 0);
	struct plan *plan = plan_build(&meter->want, &line);
	int status = 0;

	for (unsigned r = 0; r < plan->n_reads; r++) {
		const struct plan_read *read = &plan->reads[r];

		if (modbus_read_registers(meter->client, read->reg, read->count,
			    meter->words + read->reg) != read->count) {
			fprintf(stderr, "%u-%u: %s\n", read->reg + 1u, read->reg + read->count,
				modbus_strerror(errno));
			status = 1;
			continue;
		}
		for (unsigned k = 0; k < read->count; k++)
			meter->read[read->reg + k] = true;
	}
	plan_free(plan);
	return status;
}

/* Size of one step of the register, in the unit of the quantity. */
static double step_of(const struct point *point, int16_t scale)
{
	int exponent = point->exponent + (point->scaled ? scale : 0) +
		       unit_info(quantity_info(point->quantity)->unit)->exponent;
	double step = 1;

	for (; exponent > 0; exponent--)
		step *= 10;
	return step;
}

static int print_element(const struct meter *meter, const struct point *point, unsigned element)
{
	unsigned reg = point->reg + element * point->stride;
	unsigned channel = point->first_channel + element * point->channel_step;
	int16_t scale = (int16_t)meter->words[point->scale_reg + element * point->scale_stride];
	int64_t value;

	if (!meter->read[reg] || !meter->read[reg + point->words - 1]) {
		fprintf(stderr, "register %u was not read\n", reg + 1);
		return 1;
	}
	printf("%s %s %u ", scope_name(point->scope), quantity_info(point->quantity)->name,
		channel);
	if (codec_decode(meter->profile, point, meter->words + reg, scale, &value))
		printf("%" PRId64 " %.0f\n", value, step_of(point, scale));
	else
		printf("- 0\n");
	return 0;
}

static int print_all(const struct meter *meter)
{
	int status = 0;

	for (unsigned i = 0; i < meter->profile->n_points; i++) {
		const struct point *point = &meter->profile->points[i];

		if (!plan_wants_point(&meter->want, point) || point->type == TYPE_ASCII)
			continue;
		for (unsigned k = 0; k < point->count; k++)
			status |= print_element(meter, point, k);
	}
	return status;
}

static void choose(struct meter *meter, char **argv)
{
	const struct profile *profile = meter->profile;

	meter->want = (struct plan_want){
		.profile = profile,
		.model = -1,
		.encoding = strcmp(argv[5], "float") == 0 ? ENCODING_FLOAT : ENCODING_INTEGER,
		.two_pole = true,
		.three_pole = true,
		.classes = (1u << POLL_CLASSES) - 1,
	};
	for (unsigned m = 0; m < profile->n_models; m++) {
		if (strcmp(profile->models[m].name, argv[4]) == 0)
			meter->want.model = (int)m;
	}
	for (unsigned b = 0; b < profile->n_blocks && strcmp(argv[6], "installed") == 0; b++)
		meter->want.skip_blocks |= (uint64_t)profile->blocks[b].optional << b;
}

int main(int argc, char **argv)
{
	static struct meter meter;
	struct problems problems = PROBLEMS_INIT;
	int status = 1;

	if (argc != 7)
		return 2;
	if (profile_load_file(argv[3], &problems, &meter.profile) < 0) {
		problems_print(&problems, stderr);
		goto out;
	}
	choose(&meter, argv);
	meter.client = modbus_new_tcp("127.0.0.1", atoi(argv[1]));
	if (meter.client == NULL || modbus_set_slave(meter.client, atoi(argv[2])) < 0 ||
		modbus_set_response_timeout(meter.client, 10, 0) < 0 ||
		modbus_connect(meter.client) < 0) {
		fprintf(stderr, "port %s: %s\n", argv[1], modbus_strerror(errno));
		goto out;
	}
	status = read_all(&meter);
	status |= print_all(&meter);
	modbus_close(meter.client);
out:
	if (meter.client != NULL)
		modbus_free(meter.client);
	profile_unref(meter.profile);
	problems_free(&problems);
	return status;
}
