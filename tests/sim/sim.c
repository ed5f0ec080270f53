/*
 * meterx-sim: a branch-circuit power meter on Modbus TCP, for tests and for a first look at MeterX
 * without a panel. One thread, one poll loop: clients, control socket, the tick of the meter, and
 * answers that are due.
 */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/command.h"
#include "sim/control.h"
#include "sim/map.h"
#include "sim/script.h"
#include "sim/server.h"
#include "sim/site.h"

#define UNITS_MAX 246

struct options {
	const char *listen, *control, *script;
	unsigned units[UNITS_MAX], n_units;
	struct sim_plan plan;
	double speed, latency;
	bool frozen, trace;
};

static volatile sig_atomic_t ended;

static void on_end(int sig)
{
	(void)sig;
	ended = 1;
}

static double real_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static double wall_time_of_day(void)
{
	time_t now = time(NULL);
	struct tm tm;

	localtime_r(&now, &tm);
	return tm.tm_hour * 3600.0 + tm.tm_min * 60.0 + tm.tm_sec;
}

/* ---- options ---- */

enum {
	OPT_TELL = 256,
	OPT_REGISTERS,
	OPT_OLD,
	OPT_FACTORY,
	OPT_FREEZE,
	OPT_LATENCY,
	OPT_VOLTS,
	OPT_HERTZ,
	OPT_TEXT_ORDER,
	OPT_TRACE,
	OPT_VERSION
};

static const struct option long_options[] = {
	{ "listen", required_argument, NULL, 'l' },
	{ "units", required_argument, NULL, 'u' },
	{ "model", required_argument, NULL, 'm' },
	{ "core", required_argument, NULL, 'c' },
	{ "old-firmware", no_argument, NULL, OPT_OLD },
	{ "factory", no_argument, NULL, OPT_FACTORY },
	{ "serial", required_argument, NULL, 'n' },
	{ "seed", required_argument, NULL, 's' },
	{ "volts", required_argument, NULL, OPT_VOLTS },
	{ "hertz", required_argument, NULL, OPT_HERTZ },
	{ "text-order", required_argument, NULL, OPT_TEXT_ORDER },
	{ "start-time", required_argument, NULL, 't' },
	{ "speed", required_argument, NULL, 'x' },
	{ "freeze", no_argument, NULL, OPT_FREEZE },
	{ "latency", required_argument, NULL, OPT_LATENCY },
	{ "control", required_argument, NULL, 'C' },
	{ "script", required_argument, NULL, 'S' },
	{ "tell", required_argument, NULL, OPT_TELL },
	{ "registers", no_argument, NULL, OPT_REGISTERS },
	{ "trace", no_argument, NULL, OPT_TRACE },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 },
};

static void print_help(void)
{
	puts("Usage: meterx-sim [OPTION]...\n"
	     "       meterx-sim --tell PATH COMMAND...\n"
	     "Simulate a BCPM, BCPME or BCPMSC branch-circuit power meter on Modbus TCP.\n\n"
	     "  -l, --listen ADDR:PORT  where to serve [127.0.0.1:1502]; port 0: any free one\n"
	     "  -u, --units LIST        unit ids, two per meter [1,2]; 1,2,5,6 are two meters\n"
	     "  -m, --model A|B|C       what it measures [A]: all; no branch power; currents only\n"
	     "  -c, --core solid|split  kind of current transformers [solid]\n"
	     "      --old-firmware      without kVA, product id and user phase assignment\n"
	     "      --factory           settings as delivered, not as an installer leaves them\n"
	     "  -n, --serial N          serial number of the first meter [10480001]\n"
	     "  -s, --seed N            choose other loads [1]\n"
	     "      --volts V           nominal line to neutral voltage [230]\n"
	     "      --hertz F           nominal frequency [50]\n"
	     "      --text-order high|low  which byte of a location register comes first [high]\n"
	     "  -t, --start-time HH:MM  simulated time of day at the start [now]\n"
	     "  -x, --speed F           simulated seconds per real second [1]\n"
	     "      --freeze            start with the clock stopped\n"
	     "      --latency MS        time the meter takes for an answer [0]\n"
	     "  -C, --control PATH      take commands on this unix socket\n"
	     "  -S, --script FILE       carry out the commands in a file, see below\n"
	     "      --tell PATH COMMAND...  send a command to a running simulator\n"
	     "      --registers         print the register table and end\n"
	     "      --trace             print each request and answer on stderr\n"
	     "  -h, --help              print this and end\n"
	     "      --version           print the version and end\n\n"
	     "Commands:");
	command_print_help(stdout);
	puts("\nCHANNEL is 1-46, aux1-aux4 (the same as 43-46) or all (1-42); METER is a CHANNEL,\n"
	     "dual1-dual21, three1-three14, mains or all.\n\n"
	     "Faults:\n"
	     "  silent, deaf, unit-silent UNIT, late MS, exception CODE, close [before|mid],\n"
	     "  truncate BYTES, wrong-unit, wrong-function, wrong-transaction, wrong-count,\n"
	     "  wrong-length, wrong-protocol, garbage [BYTES], dribble MS, duplicate,\n"
	     "  ignore-write, latch-again, refuse [listen|accept]\n"
	     "Limits of a fault:\n"
	     "  unit N, function N, regs FIRST-LAST, count N, for SECONDS, every N\n\n"
	     "Script lines: COMMAND (at once), at SECONDS COMMAND (simulated time),\n"
	     "after SECONDS COMMAND (real time); # begins a comment.");
}

static int wrong_option(const char *name, const char *value, const char *allowed)
{
	fprintf(stderr, "meterx-sim: --%s %s: %s\n", name, value, allowed);
	return -1;
}

static int get_double(const char *name, const char *text, double min, double max, double *value)
{
	char *end;

	*value = strtod(text, &end);
	if (end != text && !*end && *value >= min && *value <= max)
		return 0;
	fprintf(stderr, "meterx-sim: --%s %s: not a number from %g to %g\n", name, text, min, max);
	return -1;
}

static int get_units(struct options *options, const char *text)
{
	bool seen[256] = { false };
	const char *at = text;
	char *end;

	options->n_units = 0;
	for (;; at = end + 1) {
		unsigned long unit = strtoul(at, &end, 10);

		if (end == at || unit < 1 || unit > 247 || seen[unit] || (*end && *end != ','))
			return wrong_option("units", text,
				"not different numbers from 1 to 247 with commas between");
		if (options->n_units == UNITS_MAX)
			return wrong_option("units", text, "too many");
		seen[unit] = true;
		options->units[options->n_units++] = (unsigned)unit;
		if (!*end)
			break;
	}
	if (options->n_units % 2)
		return wrong_option(
			"units", text, "a meter has two units: their number must be even");
	return 0;
}

static int get_time(struct options *options, const char *text)
{
	unsigned hour, minute, second = 0;
	int used = 0;

	if (sscanf(text, "%2u:%2u%n:%2u%n", &hour, &minute, &used, &second, &used) < 2 ||
		text[used] || hour > 23 || minute > 59 || second > 59)
		return wrong_option("start-time", text, "not HH:MM or HH:MM:SS");
	options->plan.when = hour * 3600.0 + minute * 60.0 + second;
	return 0;
}

static int get_model(struct options *options, const char *text)
{
	if (!text[0] || text[1] || !strchr("ABCabc", text[0]))
		return wrong_option("model", text, "not A, B or C");
	options->plan.model = (enum sim_model)(1 << ((text[0] | 32) - 'a'));
	return 0;
}

static int get_choice(
	const char *name, const char *text, const char *first, const char *second, int *choice)
{
	if (strcmp(text, first) && strcmp(text, second)) {
		fprintf(stderr, "meterx-sim: --%s %s: not %s or %s\n", name, text, first, second);
		return -1;
	}
	*choice = !strcmp(text, second);
	return 0;
}

static int get_count(const char *name, const char *text, double max, uint64_t *value)
{
	double number;

	if (get_double(name, text, 0, max, &number) < 0)
		return -1;
	if (number != floor(number))
		return wrong_option(name, text, "not a whole number");
	*value = (uint64_t)number;
	return 0;
}

/* Returns 0, or -1 after the reason is printed. */
static int take_option(struct options *options, int option, const char *value)
{
	struct sim_plan *plan = &options->plan;
	uint64_t number = 0;
	int choice = 0, rc = 0;

	switch (option) {
	case 'l':
		options->listen = value;
		break;
	case 'u':
		return get_units(options, value);
	case 'm':
		return get_model(options, value);
	case 'c':
		rc = get_choice("core", value, "solid", "split", &choice);
		plan->core = choice ? SIM_CORE_SPLIT : SIM_CORE_SOLID;
		break;
	case OPT_OLD:
		plan->old_firmware = true;
		break;
	case OPT_FACTORY:
		plan->factory = true;
		break;
	case 'n':
		rc = get_count("serial", value, 4294967295.0, &number);
		plan->serial = (uint32_t)number;
		break;
	case 's':
		return get_count("seed", value, 1e15, &plan->seed);
	case OPT_VOLTS:
		return get_double("volts", value, 50, 400, &plan->volts);
	case OPT_HERTZ:
		return get_double("hertz", value, 40, 70, &plan->hertz);
	case OPT_TEXT_ORDER:
		rc = get_choice("text-order", value, "high", "low", &choice);
		plan->text_low_first = choice;
		break;
	case 't':
		return get_time(options, value);
	case 'x':
		return get_double("speed", value, 0, 100000, &options->speed);
	case OPT_FREEZE:
		options->frozen = true;
		break;
	case OPT_LATENCY:
		rc = get_double("latency", value, 0, 60000, &options->latency);
		options->latency /= 1000;
		break;
	case 'C':
		options->control = value;
		break;
	case 'S':
		options->script = value;
		break;
	case OPT_TRACE:
		options->trace = true;
		break;
	default:
		return -1;
	}
	return rc;
}

/* Returns -1 to go on, or the exit status. */
static int parse(struct options *options, int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "+l:u:m:c:n:s:t:x:C:S:h", long_options, NULL)) !=
		-1) {
		switch (option) {
		case 'h':
			print_help();
			return 0;
		case OPT_VERSION:
			puts("meterx-sim " PACKAGE_VERSION);
			return 0;
		case OPT_REGISTERS:
			map_print(stdout);
			return 0;
		case OPT_TELL:
			if (optind == argc) {
				fputs("meterx-sim: --tell PATH wants a command behind it\n",
					stderr);
				return 2;
			}
			return control_tell(optarg, argv + optind, (unsigned)(argc - optind));
		default:
			if (take_option(options, option, optarg) < 0)
				return 2;
		}
	}
	if (optind == argc)
		return -1;
	fprintf(stderr, "meterx-sim: %s: not an option\n", argv[optind]);
	return 2;
}

/* ---- the loop ---- */

/* The next moment at which something happens by itself; -1: none. */
static double nearest(double a, double b)
{
	return a < 0 ? b : b < 0 ? a : fmin(a, b);
}

static double wait_seconds(const struct stage *stage, const struct script *script, double now)
{
	const struct site *site = stage->site;
	double tick = site->frozen || site->speed <= 0
			      ? -1
			      : fmax(0.01, (SIM_TICK - site->owed) / site->speed);

	return nearest(nearest(tick, server_deadline(stage->server, now)),
		script_deadline(script, site, now));
}

static struct timespec to_timespec(double seconds)
{
	return (struct timespec){ .tv_sec = (time_t)seconds,
		.tv_nsec = (long)((seconds - floor(seconds)) * 1e9) };
}

static void loop(
	struct stage *stage, struct control *control, struct script *script, const sigset_t *mask)
{
	struct pollfd fds[2 + SERVER_CLIENTS + CONTROL_CLIENTS];
	double before = real_now(), now = before;

	while (!ended) {
		unsigned n_server = server_poll(stage->server, fds, now);
		unsigned n = n_server + control_poll(control, fds + n_server);
		double seconds = wait_seconds(stage, script, now);
		struct timespec timeout = to_timespec(fmax(0, seconds));

		if (ppoll(fds, n, seconds < 0 ? NULL : &timeout, mask) < 0 && errno != EINTR) {
			perror("meterx-sim: poll");
			return;
		}
		if (ended)
			return;
		now = real_now();
		site_run(stage->site, now - before);
		before = now;
		script_run(script, stage, now);
		control_work(control, fds + n_server, n - n_server, now);
		server_work(stage->server, fds, n_server, now);
	}
}

static void catch_signals(sigset_t *mask)
{
	struct sigaction action = { .sa_handler = on_end };
	sigset_t block;

	sigemptyset(&block);
	sigaddset(&block, SIGTERM);
	sigaddset(&block, SIGINT);
	sigprocmask(SIG_BLOCK, &block, mask);
	sigdelset(mask, SIGTERM);
	sigdelset(mask, SIGINT);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static int run(const struct options *options)
{
	struct site site;
	struct fault_list faults = { .n = 0 };
	struct server server = { .site = &site,
		.faults = &faults,
		.latency = options->latency,
		.trace = options->trace };
	struct stage stage = { .site = &site, .server = &server, .faults = &faults };
	struct control control = { .stage = &stage, .fd = -1 };
	struct script script = { 0 };
	const char *problem;
	sigset_t mask;
	int rc = 1, error;

	catch_signals(&mask);
	site_init(&site, &options->plan, options->units, options->n_units, options->speed);
	site.frozen = options->frozen;
	if (options->script && script_load(&script, options->script) < 0)
		goto out;
	problem = server_open(&server, options->listen);
	if (problem) {
		fprintf(stderr, "meterx-sim: --listen %s: %s\n", options->listen, problem);
		goto out;
	}
	error = options->control ? control_open(&control, options->control) : 0;
	if (error < 0) {
		fprintf(stderr, "meterx-sim: --control %s: %s\n", options->control,
			strerror(-error));
		goto out_server;
	}
	script_start(&script, real_now());
	printf("meterx-sim: listening on %s%s%s:%d\n", strchr(server.host, ':') ? "[" : "",
		server.host, strchr(server.host, ':') ? "]" : "", server.port);
	fflush(stdout);
	loop(&stage, &control, &script, &mask);
	rc = 0;
	control_close(&control);
out_server:
	server_close(&server);
out:
	script_free(&script);
	site_fini(&site);
	return rc;
}

int main(int argc, char **argv)
{
	struct options options = {
		.listen = "127.0.0.1:1502",
		.units = { 1, 2 },
		.n_units = 2,
		.plan = { .model = SIM_MODEL_A,
			.core = SIM_CORE_SOLID,
			.serial = 10480001,
			.seed = 1,
			.volts = 230,
			.hertz = 50,
			.when = wall_time_of_day() },
		.speed = 1,
	};
	int status = parse(&options, argc, argv);

	return status >= 0 ? status : run(&options);
}
