/*
 * meterx-sim: branch-circuit power meters on Modbus TCP and serial lines, for tests and for a first
 * look at MeterX without a panel. One thread, one loop: clients, lines, control socket, the tick of
 * the meter, and answers that are due.
 */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

#include "sim/command.h"
#include "sim/control.h"
#include "sim/gateway.h"
#include "sim/map.h"
#include "sim/pty.h"
#include "sim/script.h"
#include "sim/server.h"
#include "sim/site.h"

#define UNITS_MAX 247
#define WAYS_MAX  1024

enum { WAY_TCP, WAY_RTU_TCP, WAY_SERIAL };

/* One way to the meters, as it was ordered. */
struct way {
	int kind;
	const char *text;
};

struct options {
	struct way way[WAYS_MAX];
	unsigned n_ways;
	const char *control, *script;
	unsigned units[UNITS_MAX], n_units;
	struct sim_plan plan;
	struct spokesman spokesman;
	double speed, latency;
	bool frozen, trace;
};

static volatile sig_atomic_t ended;

static void on_end(int sig)
{
	(void)sig;
	ended = 1;
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
	OPT_SERIAL,
	OPT_LISTEN_RTU,
	OPT_GATEWAY,
	OPT_VERSION
};

static const struct option long_options[] = {
	{ "listen", required_argument, NULL, 'l' },
	{ "units", required_argument, NULL, 'u' },
	{ "model", required_argument, NULL, 'm' },
	{ "core", required_argument, NULL, 'c' },
	{ "old-firmware", no_argument, NULL, OPT_OLD },
	{ "factory", no_argument, NULL, OPT_FACTORY },
	{ "listen-rtu", required_argument, NULL, OPT_LISTEN_RTU },
	{ "serial", required_argument, NULL, OPT_SERIAL },
	{ "gateway", required_argument, NULL, OPT_GATEWAY },
	{ "serial-number", required_argument, NULL, 'n' },
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
	     "Simulate BCPM, BCPME or BCPMSC branch-circuit power meters on Modbus TCP and RTU.\n\n"
	     "  -l, --listen ADDR:PORT  serve Modbus TCP; port 0: any free one [127.0.0.1:1502]\n"
	     "      --serial PATH:BAUD:MODE  serve RTU on a pty found under PATH, with the times "
	     "of a\n"
	     "                          line of that speed; MODE 8N1, 8E1, 8O1, 8N2; BAUD 0: no "
	     "times\n"
	     "      --listen-rtu ADDR:PORT[:BAUD:MODE]  serve RTU over TCP, as a serial gateway\n"
	     "                          (each of these three may be given more than once)\n"
	     "      --gateway CODE[:MS]  on Modbus TCP, answer for silent units with exception "
	     "CODE\n"
	     "  -u, --units LIST        unit ids, two per meter [1,2]; 1-4 or 1,2,5,6 are two "
	     "meters\n"
	     "  -m, --model A|B|C       what it measures [A]: all; no branch power; currents only\n"
	     "  -c, --core solid|split  kind of current transformers [solid]\n"
	     "      --old-firmware      without kVA, product id and user phase assignment\n"
	     "      --factory           settings as delivered, not as an installer leaves them\n"
	     "  -n, --serial-number N   serial number of the first meter [10480001]\n"
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
	     "  ignore-write, latch-again, refuse [listen|accept], reset [before|mid], vanish,\n"
	     "  bad-crc, noise-before [BYTES], noise-after [BYTES], endless [MS], behind, "
	     "earlier;\n"
	     "  lost, doubled, busy are silent, duplicate, exception 6\n"
	     "Limits of a fault:\n"
	     "  unit N, function N, regs FIRST-LAST, count N, for SECONDS, every N, random P%\n\n"
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

/* "7" or "1-8" */
static int add_units(struct options *options, const char *text, char **end, bool *seen)
{
	unsigned long first = strtoul(text, end, 10), last = first;

	if (*end == text)
		return -1;
	if (**end == '-') {
		text = *end + 1;
		last = strtoul(text, end, 10);
		if (*end == text)
			return -1;
	}
	if (first < 1 || last > 247 || first > last)
		return -1;
	for (unsigned long unit = first; unit <= last; unit++) {
		if (seen[unit])
			return -1;
		seen[unit] = true;
		options->units[options->n_units++] = (unsigned)unit;
	}
	return 0;
}

static int get_units(struct options *options, const char *text)
{
	bool seen[256] = { false };
	const char *at = text;
	char *end;

	options->n_units = 0;
	for (;; at = end + 1) {
		if (add_units(options, at, &end, seen) < 0 || (*end && *end != ','))
			return wrong_option("units", text,
				"not different numbers from 1 to 247 with commas between");
		if (!*end)
			return 0;
	}
}

static int add_way(struct options *options, int kind, const char *text)
{
	if (options->n_ways == WAYS_MAX) {
		fprintf(stderr, "meterx-sim: %s: too many\n", text);
		return -1;
	}
	options->way[options->n_ways++] = (struct way){ kind, text };
	return 0;
}

/* "11" or "11:200" */
static int get_gateway(struct options *options, const char *text)
{
	int code, used = 0;
	double ms = 0;

	if (sscanf(text, "%d%n:%lf%n", &code, &used, &ms, &used) < 1 || text[used] || code < 1 ||
		code > 255 || !(ms >= 0 && ms <= 60000))
		return wrong_option("gateway", text, "not CODE or CODE:MS");
	options->spokesman = (struct spokesman){ .code = code, .after = ms / 1000 };
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
		return add_way(options, WAY_TCP, value);
	case OPT_LISTEN_RTU:
		return add_way(options, WAY_RTU_TCP, value);
	case OPT_SERIAL:
		return add_way(options, WAY_SERIAL, value);
	case OPT_GATEWAY:
		return get_gateway(options, value);
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
		rc = get_count("serial-number", value, 4294967295.0, &number);
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

/* The next moment at which meters or script do something by themselves. */
static double next_moment(const struct stage *stage, const struct script *script, double now)
{
	const struct site *site = stage->site;
	double moment = stage_deadline(stage, now);
	double line = script_deadline(script, site, now);

	if (!site->frozen && site->speed > 0)
		moment = fmin(moment, now + fmax(0.01, (SIM_TICK - site->owed) / site->speed));
	return line < 0 ? moment : fmin(moment, now + line);
}

static void loop(struct stage *stage, struct script *script, const sigset_t *mask)
{
	double before = reactor_now(), now = before;

	while (!ended) {
		int rc = reactor_wait(&stage->reactor, next_moment(stage, script, now), mask);

		if (rc < 0) {
			fprintf(stderr, "meterx-sim: epoll: %s\n", strerror(-rc));
			return;
		}
		if (ended)
			return;
		now = reactor_now();
		site_run(stage->site, now - before);
		before = now;
		script_run(script, stage, now);
		stage_follow_faults(stage, now);
		reactor_work(&stage->reactor, now);
		stage_follow_faults(stage, now);
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

/* ---- ways to the meters ---- */

static const char *open_tcp(struct stage *stage, const char *text)
{
	struct server *server = calloc(1, sizeof(*server));
	const char *problem = server ? server_open(server, stage, text) : strerror(ENOMEM);

	if (problem)
		free(server);
	return problem;
}

static const char *open_gateway(struct stage *stage, const char *text)
{
	struct gateway *gateway = calloc(1, sizeof(*gateway));
	const char *problem = gateway ? gateway_open(gateway, stage, text) : strerror(ENOMEM);

	if (problem)
		free(gateway);
	return problem;
}

static const char *open_serial(struct stage *stage, const char *text)
{
	struct serial *serial = calloc(1, sizeof(*serial));
	const char *problem = serial ? serial_open(serial, stage, text) : strerror(ENOMEM);

	if (problem)
		free(serial);
	return problem;
}

/* Say that we serve, when all of it does. */
static void announce(const struct stage *stage)
{
	char name[96];

	for (const struct listener *at = stage->listeners; at; at = at->next) {
		listen_name(at, name, sizeof(name));
		printf("meterx-sim: %s %s\n", at->what, name);
	}
	for (const struct serial *at = stage->serials; at; at = at->next)
		printf("meterx-sim: RTU on %s\n", at->path);
	fflush(stdout);
}

static int open_ways(struct stage *stage, const struct options *options)
{
	static const struct {
		const char *name;
		const char *(*open)(struct stage *stage, const char *text);
	} kinds[] = {
		[WAY_TCP] = { "listen", open_tcp },
		[WAY_RTU_TCP] = { "listen-rtu", open_gateway },
		[WAY_SERIAL] = { "serial", open_serial },
	};

	for (unsigned i = 0; i < options->n_ways; i++) {
		const struct way *way = &options->way[i];
		const char *problem = kinds[way->kind].open(stage, way->text);

		if (!problem)
			continue;
		fprintf(stderr, "meterx-sim: --%s %s: %s\n", kinds[way->kind].name, way->text,
			problem);
		return -1;
	}
	return 0;
}

static void close_ways(struct stage *stage)
{
	while (stage->listeners)
		stage->listeners->free(stage->listeners);
	while (stage->serials) {
		struct serial *serial = stage->serials;

		serial_close(serial);
		free(serial);
	}
}

/* As many descriptors as the system lets us have, for hundreds of ports and their clients. */
static void raise_limits(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	prctl(PR_SET_TIMERSLACK, 1UL);
}

static int run(const struct options *options)
{
	struct site site;
	struct stage stage = { .site = &site,
		.faults = { .dice = options->plan.seed },
		.spokesman = options->spokesman,
		.trace = options->trace,
		.refusal = -1 };
	struct control control = { .stage = &stage, .watch = { .fd = -1 } };
	struct script script = { 0 };
	sigset_t mask;
	int rc = 1, error;

	catch_signals(&mask);
	raise_limits();
	error = reactor_init(&stage.reactor);
	if (error < 0) {
		fprintf(stderr, "meterx-sim: epoll: %s\n", strerror(-error));
		return 1;
	}
	for (unsigned i = 0; i < 256; i++)
		stage.latency[i] = options->latency;
	site_init(&site, &options->plan, options->units, options->n_units, options->speed);
	site.frozen = options->frozen;
	if ((options->script && script_load(&script, options->script) < 0) ||
		open_ways(&stage, options) < 0)
		goto out;
	error = options->control ? control_open(&control, options->control) : 0;
	if (error < 0) {
		fprintf(stderr, "meterx-sim: --control %s: %s\n", options->control,
			strerror(-error));
		goto out;
	}
	script_start(&script, reactor_now());
	announce(&stage);
	loop(&stage, &script, &mask);
	rc = 0;
	control_close(&control);
out:
	close_ways(&stage);
	script_free(&script);
	site_fini(&site);
	reactor_fini(&stage.reactor);
	return rc;
}

int main(int argc, char **argv)
{
	static struct options options = {
		.units = { 1, 2 },
		.n_units = 2,
		.plan = { .model = SIM_MODEL_A,
			.core = SIM_CORE_SOLID,
			.serial = 10480001,
			.seed = 1,
			.volts = 230,
			.hertz = 50 },
		.speed = 1,
	};
	int status;

	options.plan.when = wall_time_of_day();
	status = parse(&options, argc, argv);
	if (status >= 0)
		return status;
	if (!options.n_ways)
		add_way(&options, WAY_TCP, "127.0.0.1:1502");
	return run(&options);
}
