/*
 * plan_bench: what a poll costs on the line against the ideal of the wire model.
 *
 *	plan_bench PROFILE-FILE [MODEL]
 *
 * Prints reads, words and time of the plans of a poll at the usual speeds. Ideal
 * are the needed registers in as few reads of 125 as hold them, wherever they
 * stand. "cycle" is what one measurement interval at the default rhythm brings:
 * measurements with alarm status, and alarm status once more in between.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/profile.h"
#include "core/util.h"
#include "modbus/plan.h"

#define TCP_ROUND_TRIP_US 500
#define ALARM		  (1u << POLL_ALARM)
#define FAST		  (1u << POLL_FAST)
#define SLOW		  (1u << POLL_SLOW)
#define ONCE		  (1u << POLL_ONCE)
#define GOAL		  0.97

static const struct {
	const char *name;
	uint32_t baud; /* 0: TCP */
	unsigned bits;
} lines[] = {
	{ "9600 8N1", 9600, 10 },
	{ "9600 8E1", 9600, 11 },
	{ "19200 8N1", 19200, 10 },
	{ "19200 8E1", 19200, 11 },
	{ "38400 8N1", 38400, 10 },
	{ "38400 8E1", 38400, 11 },
	{ "TCP", 0, 0 },
};

static const struct {
	const char *name;
	unsigned classes[2]; /* plans that make it up; 0: none */
} polls[] = {
	{ "alarm", { ALARM, 0 } },
	{ "alarm+fast", { ALARM | FAST, 0 } },
	{ "cycle", { ALARM | FAST, ALARM } },
	{ "slow", { SLOW, 0 } },
	{ "all", { ALARM | FAST | SLOW | ONCE, 0 } },
};

struct cost {
	unsigned reads, words, needed;
	uint64_t time_us, ideal_us;
};

static void cost_add(
	struct cost *cost, struct plan_want want, unsigned classes, const struct plan_line *line)
{
	struct plan *plan;

	want.classes = classes;
	plan = plan_build(&want, line);
	cost->reads += plan->n_reads;
	cost->words += plan->words;
	cost->needed += plan->needed;
	cost->time_us += plan_time_us(plan, line);
	cost->ideal_us += plan_ideal_us(plan, line);
	plan_free(plan);
}

static void print_polls(
	const struct plan_want *want, const char *name, const struct plan_line *line)
{
	for (size_t i = 0; i < ARRAY_LEN(polls); i++) {
		struct cost cost = { 0 };

		for (size_t k = 0; k < ARRAY_LEN(polls[i].classes); k++) {
			if (polls[i].classes[k] != 0)
				cost_add(&cost, *want, polls[i].classes[k], line);
		}
		printf("%-10s %-11s %5u %6u %7u %6.3f %10.1f %10.1f %6.3f%s\n", name, polls[i].name,
			cost.reads, cost.words, cost.needed, (double)cost.needed / cost.words,
			(double)cost.time_us / 1000, (double)cost.ideal_us / 1000,
			(double)cost.ideal_us / (double)cost.time_us,
			strcmp(polls[i].name, "cycle") == 0 ? "  <-" : "");
	}
}

static int model_find(const struct profile *profile, const char *name)
{
	for (unsigned i = 0; i < profile->n_models; i++) {
		if (strcmp(profile->models[i].name, name) == 0)
			return (int)i;
	}
	return -1;
}

static void print_all(const struct profile *profile, int model)
{
	printf("%s, model %s; goal of the cycle: %.2f of words and of time\n", profile->name,
		model < 0 ? "any" : profile->models[model].name, GOAL);
	printf("%-10s %-11s %5s %6s %7s %6s %10s %10s %6s\n", "line", "poll", "reads", "words",
		"needed", "share", "time/ms", "ideal/ms", "share");
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		struct plan_line line = lines[i].baud
						? plan_line_rtu(lines[i].baud, lines[i].bits, 0)
						: plan_line_tcp(TCP_ROUND_TRIP_US);
		struct plan_want want = { .profile = profile, .model = model, .classes = FAST };

		if (line.max_registers == 0 || line.max_registers > profile->max_read)
			line.max_registers = (uint16_t)profile->max_read;
		want.encoding = plan_choose_encoding(&want, &line, ENCODING_ANY);
		print_polls(&want, lines[i].name, &line);
	}
}

int main(int argc, char **argv)
{
	struct problems problems = PROBLEMS_INIT;
	struct profile *profile = NULL;

	if (argc < 2 || argc > 3) {
		fputs("usage: plan_bench PROFILE-FILE [MODEL]\n", stderr);
		return 2;
	}
	if (profile_load_file(argv[1], &problems, &profile) < 0) {
		problems_print(&problems, stderr);
		return 1;
	}
	print_all(profile, model_find(profile, argc > 2 ? argv[2] : "A"));
	profile_unref(profile);
	problems_free(&problems);
	return 0;
}
