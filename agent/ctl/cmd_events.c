/*
 * meterx events: the event log of the daemon, out of its database.
 *
 * It works while the daemon runs and while it does not, and changes nothing. To
 * follow, the file is opened anew for each look: it may be set aside and begun
 * again meanwhile.
 */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/util.h"
#include "ctl/command.h"
#include "ctl/json.h"
#include "store/persist.h"

#define COUNT_DEFAULT 25
#define COUNT_MAX     1000000 /* as the option "events" */
#define LOOK_MS	      500

struct request {
	const char *config_path, *panel;
	int64_t since, count; /* -1: not given */
	bool follow, json, help;
};

/* As in the MIB. */
static const char *const kinds[EVENT_KIND_COUNT] = {
	[EVENT_RAISED] = "raised",
	[EVENT_CLEARED] = "cleared",
	[EVENT_INPUT_CHANGED] = "inputChanged",
	[EVENT_PANEL_OFFLINE] = "panelOffline",
	[EVENT_PANEL_ONLINE] = "panelOnline",
	[EVENT_LINK_DOWN] = "linkDown",
	[EVENT_LINK_UP] = "linkUp",
	[EVENT_WRITTEN] = "written",
	[EVENT_WRITE_FAILED] = "writeFailed",
	[EVENT_ENERGY_RESET] = "energyReset",
	[EVENT_ENERGY_ROLLOVER] = "energyRollover",
	[EVENT_METER_REPLACED] = "meterReplaced",
	[EVENT_AGENT_STARTED] = "agentStarted",
	[EVENT_AGENT_RELOADED] = "agentReloaded",
};

static const char *const scopes[] = { "none", "branch", "mains", "voltage", "altVoltage", "panel",
	"link", "input" };

static const char *const severities[] = { "ok", [STATE_OK] = "ok", [STATE_WARNING] = "warning",
	[STATE_CRITICAL] = "critical", [STATE_UNKNOWN] = "unknown" };

static void print_usage(FILE *out)
{
	fprintf(out,
		"Usage: meterx events [OPTION...]\n\n"
		"Shows the event log of the daemon, oldest first, also when it does not run.\n\n"
		"  -f, --follow        go on showing what happens\n"
		"  -n, --count COUNT   the newest COUNT, 1 to %d [%d; with --since: all]\n"
		"  -p, --panel PANEL   of one panel: its name or its index\n"
		"  -s, --since NUMBER  those after event NUMBER\n"
		"  -j, --json          for programs\n"
		"  -h, --help          this text\n",
		COUNT_MAX, COUNT_DEFAULT);
}

static bool read_number(
	const char *what, const char *text, int64_t min, int64_t max, int64_t *number)
{
	if (number_parse(text, min, max, number) == 0)
		return true;
	fprintf(stderr, "meterx: %s \"%s\": a number from %" PRId64 " to %" PRId64 " is wanted\n",
		what, text, min, max);
	return false;
}

static bool read_option(int option, struct request *request)
{
	switch (option) {
	case 'f':
		request->follow = true;
		return true;
	case 'j':
		request->json = true;
		return true;
	case 'h':
		request->help = true;
		return true;
	case 'p':
		request->panel = optarg;
		return true;
	case 'n':
		return read_number("--count", optarg, 1, COUNT_MAX, &request->count);
	case 's':
		return read_number("--since", optarg, 0, INT64_MAX, &request->since);
	default:
		return false;
	}
}

static bool read_options(int argc, char **argv, struct request *request)
{
	static const struct option options[] = {
		{ "follow", no_argument, NULL, 'f' },
		{ "count", required_argument, NULL, 'n' },
		{ "panel", required_argument, NULL, 'p' },
		{ "since", required_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "fn:p:s:jh", options, NULL)) != -1)
		if (!read_option(option, request))
			return false;
	return request->help || optind == argc;
}

/* Text for people. Times are of this host's zone. */

static void print_line(const struct event *event, FILE *out)
{
	time_t seconds = (time_t)(event->wall_ms / 1000);
	bool delivered = (atomic_load(&event->mark) & EVENT_DELIVERED) != 0;
	char when[32];
	struct tm tm;

	localtime_r(&seconds, &tm);
	strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm);
	fprintf(out, "%7" PRIu64 "  %s.%d  %-14s  %-8s  %-9s  %s\n", event->number, when,
		(int)(event->wall_ms % 1000 / 100), kinds[event->kind], severities[event->severity],
		!event->notify ? "-"
		: delivered    ? "delivered"
			       : "waiting",
		event->text);
}

/* JSON: what does not apply is null. */

static void json_when(struct json *json, int64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	char when[32], text[40];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text, sizeof(text), "%s.%03dZ", when, (int)(wall_ms % 1000));
	json_text(json, "time", text);
}

static void json_number_or_null(struct json *json, const char *key, bool there, int64_t number)
{
	if (there)
		json_number(json, key, number);
	else
		json_null(json, key);
}

static void json_text_or_null(struct json *json, const char *key, bool there, const char *text)
{
	if (there)
		json_text(json, key, text);
	else
		json_null(json, key);
}

static void print_object(struct json *json, const struct event *event)
{
	bool of_panel = event->panel != 0, scoped = event->scope != EVENT_SCOPE_NONE;

	json_object(json, NULL);
	json_number(json, "number", (int64_t)event->number);
	json_when(json, event->wall_ms);
	json_text(json, "kind", kinds[event->kind]);
	json_number_or_null(json, "panel", of_panel, event->panel);
	json_text_or_null(json, "panel_name", of_panel, event->panel_name);
	json_text_or_null(json, "scope", scoped, scopes[event->scope]);
	json_number_or_null(json, "channel", scoped, event->channel);
	json_text_or_null(json, "level", event->level != 0, level_name(event->level));
	json_text(json, "label", event->label);
	json_text(json, "severity", severities[event->severity]);
	json_number_or_null(json, "value", event->has_value, event->value);
	json_number_or_null(json, "limit", event->has_limit, event->limit);
	if (event->notify)
		json_bool(json, "delivered", (atomic_load(&event->mark) & EVENT_DELIVERED) != 0);
	else
		json_null(json, "delivered");
	json_text(json, "text", event->text);
	json_object_end(json);
}

/* One array; when following, one object after the other. */
static void print_json(const struct request *request, const struct persist_set *set)
{
	struct json whole = JSON_INIT(stdout);

	if (!request->follow)
		json_array(&whole, NULL);
	for (size_t i = 0; i < set->n_events; i++) {
		struct json one = JSON_INIT(stdout);

		print_object(request->follow ? &one : &whole, set->events[i]);
	}
	if (!request->follow)
		json_array_end(&whole);
}

static void print_events(const struct request *request, const struct persist_set *set)
{
	if (request->json)
		print_json(request, set);
	else
		for (size_t i = 0; i < set->n_events; i++)
			print_line(set->events[i], stdout);
}

static void rest(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = LOOK_MS * 1000000L }, NULL);
}

/* A panel that is not configured any more has events all the same. */
static int64_t panel_index(const struct config *config, const char *name)
{
	const struct panel_conf *panel = name != NULL ? conf_panel(config, name) : NULL;
	int64_t index;

	if (panel != NULL)
		return panel->index;
	return name != NULL && number_parse(name, 1, UINT32_MAX, &index) == 0 ? index : -1;
}

/* No event, and no panel: it may be a slip of the pen. */
static bool nobody(const struct request *request, const struct config *config)
{
	int64_t index = panel_index(config, request->panel);

	if (request->panel == NULL || conf_panel(config, request->panel) != NULL)
		return false;
	for (size_t i = 0; i < config->n_panels; i++)
		if (config->panels[i].index == index)
			return false;
	fprintf(stderr, "meterx: %s has no panel \"%s\", and no event here is of one\n",
		config->path, request->panel);
	return true;
}

static int show(const struct request *request, const struct config *config)
{
	struct persist_look look = {
		.after = request->since > 0 ? (uint64_t)request->since : 0,
		.newest = request->count > 0	? (size_t)request->count
			  : request->since >= 0 ? COUNT_MAX
						: COUNT_DEFAULT,
		.panel_name = request->panel,
		.panel = panel_index(config, request->panel),
	};
	char why[512];

	for (bool first = true, mistaken;; first = false) {
		struct persist_set set;
		int rc = persist_look(config->state_dir, &look, &set, why, sizeof(why));

		if (rc < 0 && !(request->follow && rc == -ENOENT)) {
			fprintf(stderr, "meterx: %s\n", why);
			return EXIT_FAILED;
		}
		print_events(request, &set);
		mistaken = first && set.n_events == 0 && nobody(request, config);
		if (set.n_events > 0)
			look.after = set.events[set.n_events - 1]->number;
		persist_set_free(&set);
		if (fflush(stdout) != 0 || mistaken || !request->follow)
			return ferror(stdout) || mistaken ? EXIT_FAILED : EXIT_DONE;
		look.newest = COUNT_MAX;
		rest();
	}
}

static int run(int argc, char **argv, const char *config_path)
{
	struct request request = { .config_path = config_path, .since = -1, .count = -1 };
	struct config *config;
	int status;

	if (!read_options(argc, argv, &request)) {
		print_usage(stderr);
		return EXIT_USAGE;
	}
	if (request.help) {
		print_usage(stdout);
		return EXIT_DONE;
	}
	config = conf_load_printing(request.config_path);
	if (config == NULL)
		return EXIT_FAILED;
	status = show(&request, config);
	conf_unref(config);
	return status;
}

const struct command command_events = {
	.name = "events",
	.arguments = "[OPTION...]",
	.summary = "show the daemon's event log, and what happens",
	.run = run,
};
