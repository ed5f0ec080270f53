/*
 * The commands of the control socket and of scripts: one table, one function each. They set true
 * values and order faults; what a client could write over the wire goes the way of the wire
 * (`write`).
 */
#include "config.h"

#include "sim/command.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/alarm.h"
#include "sim/line.h"
#include "sim/map.h"
#include "sim/modbus.h"
#include "sim/pty.h"
#include "sim/truth.h"

#define WORDS_MAX 40

struct call {
	struct stage *stage;
	char *const *word; /* behind the command's name */
	unsigned n_words;
	FILE *out;
	double now;
};

typedef int call_fn(const struct call *call);

/* ---- words into numbers; on failure the answer is written ---- */

static int wrong(const struct call *call, const char *what, const char *word)
{
	fprintf(call->out, "%s: %s", word, what);
	return -1;
}

static int get_number(const struct call *call, unsigned at, double min, double max, double *value)
{
	char *end;

	*value = strtod(call->word[at], &end);
	if (end != call->word[at] && !*end && *value >= min && *value <= max)
		return 0;
	fprintf(call->out, "%s: not a number from %g to %g", call->word[at], min, max);
	return -1;
}

static int get_integer(const struct call *call, unsigned at, long min, long max, long *value)
{
	char *end;

	errno = 0;
	*value = strtol(call->word[at], &end, 0);
	if (end != call->word[at] && !*end && !errno && *value >= min && *value <= max)
		return 0;
	fprintf(call->out, "%s: not a number from %ld to %ld", call->word[at], min, max);
	return -1;
}

static int get_panel(const struct call *call, unsigned at, struct sim_panel **panel)
{
	long unit;

	if (get_integer(call, at, 1, 255, &unit) < 0)
		return -1;
	*panel = call->stage->site->panel[unit];
	return *panel ? 0 : wrong(call, "no such unit", call->word[at]);
}

/* "7", "aux1", "dual3", "three2", "mains", and "all" where it makes sense. */
static int get_groups(const struct call *call, unsigned at, unsigned *first, unsigned *end)
{
	static const struct {
		const char *prefix;
		unsigned base, count;
	} names[] = { { "aux", GROUP_AUX, 4 }, { "dual", GROUP_DUAL, SIM_DUALS },
		{ "three", GROUP_THREE, SIM_THREES }, { "", 0, SIM_CHANNELS } };
	const char *word = call->word[at];

	if (!strcmp(word, "all") || !strcmp(word, "mains")) {
		*first = *word == 'a' ? 0 : GROUP_MAINS;
		*end = SIM_GROUPS;
		return 0;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t len = strlen(names[i].prefix);
		char *rest;
		long n;

		if (strncmp(word, names[i].prefix, len))
			continue;
		n = strtol(word + len, &rest, 10);
		if (rest == word + len || *rest || n < 1 || n > (long)names[i].count)
			break;
		*first = names[i].base + (unsigned)n - 1;
		*end = *first + 1;
		return 0;
	}
	return wrong(call,
		"not a channel 1-46, aux1-aux4, dual1-dual21, three1-three14, mains or all", word);
}

/* "all" means the channels only. */
static int get_channels(const struct call *call, unsigned at, unsigned *first, unsigned *end)
{
	if (get_groups(call, at, first, end) < 0)
		return -1;
	if (*first == 0 && *end == SIM_GROUPS)
		*end = SIM_BRANCHES;
	return *end <= SIM_CHANNELS ? 0 : wrong(call, "not a channel", call->word[at]);
}

static int get_registers(const struct call *call, unsigned at, unsigned *first, unsigned *last)
{
	char *end;

	*first = *last = (unsigned)strtoul(call->word[at], &end, 10);
	if (end != call->word[at] && *end == '-')
		*last = (unsigned)strtoul(end + 1, &end, 10);
	if (end == call->word[at] || *end || *first < 1 || *last > 65536 || *last < *first)
		return wrong(call, "not a register number or a range of them", call->word[at]);
	return 0;
}

static bool is_auto(const struct call *call, unsigned at)
{
	return !strcmp(call->word[at], "auto");
}

/* Settings of values act at once; what is left to the load curve takes its value of this moment. */
static void refresh(const struct call *call, struct sim_device *device)
{
	meter_vary(device, call->stage->site->of_day);
	meter_measure(device);
}

/* ---- true values ---- */

static int do_current(const struct call *call)
{
	struct sim_panel *panel;
	unsigned first, end;
	double amps = 0;

	if (get_panel(call, 0, &panel) < 0 || get_channels(call, 1, &first, &end) < 0 ||
		(!is_auto(call, 2) && get_number(call, 2, 0, 100000, &amps) < 0))
		return -1;
	for (unsigned i = first; i < end; i++) {
		panel->channel[i].amps_set = !is_auto(call, 2);
		panel->channel[i].amps = amps;
	}
	refresh(call, panel->device);
	return 0;
}

static int do_pf(const struct call *call)
{
	struct sim_panel *panel;
	unsigned first, end;
	double pf = 0;

	if (get_panel(call, 0, &panel) < 0 || get_channels(call, 1, &first, &end) < 0 ||
		(!is_auto(call, 2) && get_number(call, 2, 0, 1, &pf) < 0))
		return -1;
	for (unsigned i = first; i < end; i++) {
		panel->channel[i].pf_set = !is_auto(call, 2);
		panel->channel[i].pf = pf;
	}
	refresh(call, panel->device);
	return 0;
}

/* "voltage PHASE VOLTS" for all devices, "voltage UNIT PHASE VOLTS" for one. */
static int get_devices(const struct call *call, unsigned words, unsigned *first, unsigned *end)
{
	struct sim_panel *panel;

	*first = 0;
	*end = call->stage->site->n_devices;
	if (call->n_words == words)
		return 0;
	if (get_panel(call, 0, &panel) < 0)
		return -1;
	*first = (unsigned)(panel->device - call->stage->site->device);
	*end = *first + 1;
	return 0;
}

static int do_voltage(const struct call *call)
{
	static const char letters[] = "abcABC123";
	unsigned first, end, at = call->n_words - 2;
	const char *word = call->word[at], *letter = strchr(letters, *word);
	double volts = 0;

	if (get_devices(call, 2, &first, &end) < 0)
		return -1;
	if (!*word || !letter || word[1])
		return wrong(call, "not a phase a, b or c", word);
	if (!is_auto(call, at + 1) && get_number(call, at + 1, 0, 100000, &volts) < 0)
		return -1;
	for (unsigned i = first; i < end; i++) {
		struct sim_device *device = &call->stage->site->device[i];

		device->volts[(letter - letters) % 3] = volts;
		device->volts_set[(letter - letters) % 3] = !is_auto(call, at + 1);
		refresh(call, device);
	}
	return 0;
}

static int do_frequency(const struct call *call)
{
	unsigned first, end, at = call->n_words - 1;
	double hertz = 0;

	if (get_devices(call, 1, &first, &end) < 0 ||
		(!is_auto(call, at) && get_number(call, at, 0, 1000, &hertz) < 0))
		return -1;
	for (unsigned i = first; i < end; i++) {
		call->stage->site->device[i].hertz = hertz;
		call->stage->site->device[i].hertz_set = !is_auto(call, at);
		refresh(call, &call->stage->site->device[i]);
	}
	return 0;
}

static int do_energy(const struct call *call)
{
	struct sim_panel *panel;
	unsigned first, end;
	double kwh;

	if (get_panel(call, 0, &panel) < 0 || get_groups(call, 1, &first, &end) < 0 ||
		get_number(call, 2, 0, 1e12, &kwh) < 0)
		return -1;
	for (unsigned i = first; i < end; i++)
		panel->group[i].kwh = kwh;
	return 0;
}

static int do_scale(const struct call *call)
{
	struct sim_panel *panel;
	unsigned first, end;
	const char *what = call->word[1];
	long exponent;

	if (get_panel(call, 0, &panel) < 0 || get_groups(call, 2, &first, &end) < 0 ||
		get_integer(call, 3, -12, 12, &exponent) < 0)
		return -1;
	if (strcmp(what, "current") && strcmp(what, "power") && strcmp(what, "energy") &&
		strcmp(what, "voltage"))
		return wrong(call, "not current, power, energy or voltage", what);
	if (*what == 'v')
		panel->device->scale_volts = (int8_t)exponent;
	for (unsigned i = first; i < end; i++) {
		if (*what == 'c')
			panel->group[i].scale_amps = (int8_t)exponent;
		else if (*what == 'p')
			panel->group[i].scale_kw = (int8_t)exponent;
		else if (*what == 'e')
			panel->group[i].scale_kwh = (int8_t)exponent;
	}
	return 0;
}

static int do_serial(const struct call *call)
{
	struct sim_panel *panel;
	long serial;

	if (get_panel(call, 0, &panel) < 0 || get_integer(call, 1, 0, 4294967295, &serial) < 0)
		return -1;
	panel->device->serial = (uint32_t)serial;
	return 0;
}

static int do_latch(const struct call *call)
{
	static const char *const levels[SIM_LEVELS] = { "high-high", "high", "low", "low-low",
		"off" };
	struct sim_panel *panel;
	unsigned first, end;

	if (get_panel(call, 0, &panel) < 0 || get_channels(call, 1, &first, &end) < 0)
		return -1;
	for (unsigned level = 0; level < SIM_LEVELS; level++) {
		if (strcmp(call->word[2], levels[level]))
			continue;
		for (unsigned channel = first; channel < end; channel++)
			alarm_latch(panel, channel, level);
		return 0;
	}
	return wrong(call, "not high-high, high, low, low-low or off", call->word[2]);
}

static int do_power_cycle(const struct call *call)
{
	struct sim_panel *panel;

	if (get_panel(call, 0, &panel) < 0)
		return -1;
	meter_power_cycle(panel->device);
	if (call->stage->site->n_devices == 1)
		stage_drop_clients(call->stage);
	return 0;
}

/* ---- time ---- */

static int do_freeze(const struct call *call)
{
	if (strcmp(call->word[0], "on") && strcmp(call->word[0], "off"))
		return wrong(call, "not on or off", call->word[0]);
	call->stage->site->frozen = !strcmp(call->word[0], "on");
	return 0;
}

static int do_step(const struct call *call)
{
	double seconds;

	if (!call->stage->site->frozen)
		return wrong(call, "only while frozen (freeze on)", "step");
	if (get_number(call, 0, 0, 1e7, &seconds) < 0)
		return -1;
	site_advance(call->stage->site, seconds, false);
	return 0;
}

static int do_time(const struct call *call)
{
	double seconds;

	if (call->n_words) {
		if (get_number(call, 0, 0, 1e7, &seconds) < 0)
			return -1;
		site_advance(call->stage->site, seconds, true);
	}
	fprintf(call->out, "%.3f", call->stage->site->passed);
	return 0;
}

static int do_speed(const struct call *call)
{
	return get_number(call, 0, 0, 100000, &call->stage->site->speed);
}

/* ---- registers ---- */

static int do_reg(const struct call *call)
{
	struct sim_panel *panel;
	unsigned first, last;
	uint16_t word;

	if (get_panel(call, 0, &panel) < 0 || get_registers(call, 1, &first, &last) < 0)
		return -1;
	for (unsigned number = first; number <= last; number++) {
		int code = map_read(panel, number, &word);

		if (code) {
			fprintf(call->out, "%sregister %u: exception %d", number > first ? " " : "",
				number, code);
			return -1;
		}
		fprintf(call->out, "%s%u", number > first ? " " : "", word);
	}
	return 0;
}

static int do_write(const struct call *call)
{
	struct sim_panel *panel;
	uint16_t words[WORDS_MAX];
	unsigned first, last;
	long value;
	int code;

	if (get_panel(call, 0, &panel) < 0 || get_registers(call, 1, &first, &last) < 0)
		return -1;
	for (unsigned i = 2; i < call->n_words; i++) {
		if (get_integer(call, i, -32768, 65535, &value) < 0)
			return -1;
		words[i - 2] = (uint16_t)value;
	}
	code = modbus_write(panel, first, words, call->n_words - 2);
	if (code)
		fprintf(call->out, "exception %d", code);
	return code ? -1 : 0;
}

static int do_poke(const struct call *call)
{
	struct sim_panel *panel;
	unsigned first, last;
	long value;

	if (get_panel(call, 0, &panel) < 0 || get_registers(call, 1, &first, &last) < 0 ||
		get_integer(call, 2, -32768, 65535, &value) < 0)
		return -1;
	for (unsigned number = first; number <= last; number++)
		map_poke(panel, number, (uint16_t)value);
	return 0;
}

static int do_unpoke(const struct call *call)
{
	struct sim_panel *panel;
	unsigned first = 1, last = 65536;

	if (get_panel(call, 0, &panel) < 0 ||
		(call->n_words > 1 && get_registers(call, 1, &first, &last) < 0))
		return -1;
	map_unpoke(panel, first, last);
	return 0;
}

/* ---- looking ---- */

static int do_truth(const struct call *call)
{
	struct sim_panel *panel;

	if (get_panel(call, 0, &panel) < 0)
		return -1;
	truth_print(call->out, panel);
	return 0;
}

static void print_counts(const struct call *call, unsigned unit, const struct sim_counts *counts)
{
	fprintf(call->out,
		",\"%u\":{\"requests\":%" PRIu64 ",\"words\":%" PRIu64 ",\"written\":%" PRIu64
		",\"exceptions\":%" PRIu64 "}",
		unit, counts->requests, counts->words_read, counts->words_written,
		counts->exceptions);
}

static int do_requests(const struct call *call)
{
	struct stage *stage = call->stage;
	bool reset = call->n_words && !strcmp(call->word[0], "reset");

	if (call->n_words && !reset)
		return wrong(call, "only reset may follow", call->word[0]);
	if (reset)
		stage->connections = stage->unknown_unit = 0;
	else
		fprintf(call->out, "{\"connections\":%" PRIu64 ",\"unknown_unit\":%" PRIu64,
			stage->connections, stage->unknown_unit);
	for (unsigned unit = 0; unit < 256; unit++) {
		struct sim_panel *panel = call->stage->site->panel[unit];

		if (panel && reset)
			panel->counts = (struct sim_counts){ 0 };
		else if (panel)
			print_counts(call, unit, &panel->counts);
	}
	if (!reset)
		fputc('}', call->out);
	return 0;
}

static int do_fault(const struct call *call)
{
	struct fault_list *faults = &call->stage->faults;
	const char *problem;

	if (!call->n_words) {
		for (unsigned i = 0; i < faults->n; i++)
			fprintf(call->out, "%s%s", i ? "; " : "", faults->fault[i].text);
		return 0;
	}
	problem = fault_order(faults, call->word, call->n_words, call->now);
	return problem ? wrong(call, problem, call->word[0]) : 0;
}

/* ---- lines ---- */

static struct line *find_line(const struct call *call, const char *name)
{
	struct line *line = call->stage->lines;

	while (line && strcmp(line->name, name))
		line = line->next;
	return line;
}

/* "line", "line PATH", "line reset" */
static int do_line(const struct call *call)
{
	const char *word = call->n_words ? call->word[0] : NULL;
	const char *separator = "[";

	if (word && strcmp(word, "reset")) {
		struct line *line = find_line(call, word);

		if (!line)
			return wrong(call, "no such line", word);
		line_print(line, call->out, call->now);
		return 0;
	}
	for (struct line *line = call->stage->lines; line; line = line->next) {
		if (word) {
			line_reset_counts(line, call->now);
			continue;
		}
		fputs(separator, call->out);
		line_print(line, call->out, call->now);
		separator = ",";
	}
	if (!word)
		fputs(call->stage->lines ? "]" : "[]", call->out);
	return 0;
}

static int do_noise(const struct call *call)
{
	struct line *line = find_line(call, call->word[0]);
	long bytes;

	if (!line)
		return wrong(call, "no such line", call->word[0]);
	if (get_integer(call, 1, 1, 4096, &bytes) < 0)
		return -1;
	line_noise(line, (size_t)bytes, call->now);
	return 0;
}

static int get_serial(const struct call *call, struct serial **serial)
{
	*serial = call->stage->serials;
	while (*serial && strcmp((*serial)->path, call->word[0]))
		*serial = (*serial)->next;
	return *serial ? 0 : wrong(call, "no such serial port", call->word[0]);
}

static int do_unplug(const struct call *call)
{
	const char *as = call->n_words > 1 ? call->word[call->n_words - 1] : "nothing";
	struct serial *serial;
	const char *problem;

	if (get_serial(call, &serial) < 0)
		return -1;
	if (call->n_words == 2 || (call->n_words == 3 && strcmp(call->word[1], "as")))
		return wrong(call, "as KIND may follow", call->word[1]);
	problem = serial_unplug(serial, as);
	return problem ? wrong(call, problem, as) : 0;
}

static int do_replug(const struct call *call)
{
	struct serial *serial;
	const char *problem;

	if (call->n_words > 1)
		return do_unplug(call);
	if (get_serial(call, &serial) < 0)
		return -1;
	problem = serial_plug(serial);
	return problem ? wrong(call, problem, call->word[0]) : 0;
}

static int do_latency(const struct call *call)
{
	double ms;
	long unit = -1;

	if (get_number(call, call->n_words - 1, 0, 60000, &ms) < 0 ||
		(call->n_words == 2 && get_integer(call, 0, 1, 255, &unit) < 0))
		return -1;
	for (unsigned i = 0; i < 256; i++)
		if (unit < 0 || i == (unsigned)unit)
			call->stage->latency[i] = ms / 1000;
	return 0;
}

/* ---- the table ---- */

static const struct {
	const char *name;
	unsigned min, max; /* words behind it */
	call_fn *run;
	const char *words, *what;
} commands[] = {
	{ "current", 3, 3, do_current, "UNIT CHANNEL AMPS|auto", "set a true current" },
	{ "pf", 3, 3, do_pf, "UNIT CHANNEL 0..1|auto", "set a power factor" },
	{ "voltage", 2, 3, do_voltage, "[UNIT] PHASE VOLTS|auto", "set a line to neutral voltage" },
	{ "frequency", 1, 2, do_frequency, "[UNIT] HERTZ|auto", "set the line frequency" },
	{ "energy", 3, 3, do_energy, "UNIT METER KWH", "set an energy counter" },
	{ "scale", 4, 4, do_scale, "UNIT current|power|energy|voltage METER EXPONENT",
		"set exponents of ten of integer registers" },
	{ "serial", 2, 2, do_serial, "UNIT NUMBER",
		"another meter has come in the place of this one" },
	{ "latch", 3, 3, do_latch, "UNIT CHANNEL LEVEL", "latch an alarm and count it" },
	{ "power-cycle", 1, 1, do_power_cycle, "UNIT",
		"both panels of the device lose power for a moment" },
	{ "freeze", 1, 1, do_freeze, "on|off", "stop the clock and all that varies" },
	{ "step", 1, 1, do_step, "SECONDS", "let time pass while frozen; loads stay as they are" },
	{ "time", 0, 1, do_time, "[+SECONDS]",
		"jump ahead, loads follow; tells the seconds since start" },
	{ "speed", 1, 1, do_speed, "FACTOR", "simulated seconds per real second" },
	{ "reg", 2, 2, do_reg, "UNIT NUMBER[-LAST]", "read registers as the wire would give them" },
	{ "write", 3, WORDS_MAX, do_write, "UNIT NUMBER WORD...",
		"write registers as the wire would" },
	{ "poke", 3, 3, do_poke, "UNIT NUMBER[-LAST] WORD",
		"let registers read this whatever is true" },
	{ "unpoke", 1, 2, do_unpoke, "UNIT [NUMBER[-LAST]]", "take such overrides back" },
	{ "truth", 1, 1, do_truth, "UNIT", "all true values as JSON" },
	{ "requests", 0, 1, do_requests, "[reset]", "what was asked so far, per unit, as JSON" },
	{ "fault", 0, WORDS_MAX, do_fault, "[none | KIND [ARG] [LIMIT VALUE]...]",
		"misbehave; alone: list the faults in force" },
	{ "latency", 1, 2, do_latency, "[UNIT] MS", "time the meters take for an answer" },
	{ "line", 0, 1, do_line, "[LINE | reset]",
		"what serial lines saw of their master, as JSON" },
	{ "noise", 2, 2, do_noise, "LINE BYTES", "noise on a line that nobody asked for" },
	{ "unplug", 1, 3, do_unplug, "PATH [as KIND]",
		"a serial port vanishes; as nothing, file, forbidden, directory, loop, dead" },
	{ "replug", 1, 3, do_replug, "PATH [as KIND]",
		"it comes back, or its path fails in another way" },
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

void command_print_help(FILE *out)
{
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(out, "  %s %s\n        %s\n", commands[i].name, commands[i].words,
			commands[i].what);
}

static int run_words(struct call *call, const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++) {
		if (strcmp(commands[i].name, name))
			continue;
		if (call->n_words >= commands[i].min && call->n_words <= commands[i].max)
			return commands[i].run(call);
		fprintf(call->out, "usage: %s %s", name, commands[i].words);
		return -1;
	}
	return wrong(call, "no such command", name);
}

int command_run(struct stage *stage, const char *line, FILE *out, double now)
{
	char *words[WORDS_MAX + 1], *copy = strdup(line), *rest = copy;
	struct call call = { .stage = stage, .word = words + 1, .out = out, .now = now };
	unsigned n = 0;
	int rc;

	if (!copy)
		abort();
	while (n <= WORDS_MAX && (words[n] = strtok_r(rest, " \t\r\n", &rest)))
		n++;
	if (n == 0) {
		rc = wrong(&call, "no command", "empty line");
	} else if (n > WORDS_MAX) {
		rc = wrong(&call, "too many words", words[0]);
	} else {
		call.n_words = n - 1;
		rc = run_words(&call, words[0]);
	}
	free(copy);
	return rc;
}
