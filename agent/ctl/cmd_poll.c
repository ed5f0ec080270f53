/*
 * meterx poll: one poll of one panel, without snmpd and without the daemon.
 *
 * What an installer asks on the first day: is it the right meter, are all
 * voltages there, is each CT on its breaker and its phase? It uses the same
 * profile, bus and poller as the daemon, so that what it shows is what the
 * daemon would serve.
 */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/util.h"
#include "ctl/command.h"
#include "ctl/poll_print.h"
#include "modbus/poller.h"

struct request {
	const char *config_path;
	const char *panel;
	bool json, all, help;
};

struct traffic {
	uint64_t requests;
	int64_t slowest_us;
};

static void print_usage(FILE *out)
{
	fputs("Usage: meterx poll [OPTION...] [CONF] PANEL\n\n"
	      "Polls one panel of the configuration once and shows what its meter says.\n"
	      "PANEL is its name or its index.\n\n"
	      "  -a, --all   every point of the profile too, with its register\n"
	      "  -j, --json  for programs\n"
	      "  -h, --help  this text\n",
		out);
}

static bool read_options(int argc, char **argv, struct request *request)
{
	static const struct option options[] = {
		{ "all", no_argument, NULL, 'a' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "ajh", options, NULL)) != -1) {
		if (option == 'a')
			request->all = true;
		else if (option == 'j')
			request->json = true;
		else if (option == 'h')
			request->help = true;
		else
			return false;
	}
	if (request->help)
		return true;
	if (argc - optind < 1 || argc - optind > 2)
		return false;
	if (argc - optind == 2)
		request->config_path = argv[optind++];
	request->panel = argv[optind];
	return true;
}

static const struct panel *find_panel(const struct site *site, const char *name)
{
	const struct panel *panel = site_panel_by_name(site, name);
	int64_t index;

	if (panel == NULL && number_parse(name, 1, UINT32_MAX, &index) == 0)
		panel = site_panel(site, (uint32_t)index, NULL);
	if (panel != NULL)
		return panel;
	fprintf(stderr, "meterx: %s has no panel \"%s\"; it has:", site->config->path, name);
	for (size_t i = 0; i < site->n_panels; i++)
		fprintf(stderr, " \"%s\"", site->panels[i].conf->name);
	fprintf(stderr, "%s\n", site->n_panels == 0 ? " none" : "");
	return NULL;
}

static void count_request(void *arg, int rc, int64_t duration_us)
{
	struct traffic *traffic = arg;

	(void)rc;
	traffic->requests++;
	if (duration_us > traffic->slowest_us)
		traffic->slowest_us = duration_us;
}

static void print_failure(const struct panel *panel, const struct traffic *traffic, int rc)
{
	const struct panel_conf *conf = panel->conf;
	char address[300];

	link_conf_address(conf->link, address, sizeof(address));
	fprintf(stderr, "meterx: panel \"%s\" (link \"%s\", %s, unit %u): ", conf->name,
		conf->link->name, address, conf->unit);
	if (rc == -ENODEV)
		fprintf(stderr, "answers, but is not a meter of profile \"%s\"\n",
			conf->profile->name);
	else if (rc == -EAGAIN)
		fprintf(stderr, "answers, but does not let a poll come to an end: is its serial "
				"number the same every time?\n");
	else if (rc == -ETIMEDOUT && traffic->requests > 0)
		fprintf(stderr,
			"connected, but the unit does not answer within %u ms: wrong unit, or the "
			"line "
			"behind a gateway?\n",
			conf->link->response_timeout_ms);
	else if (BUS_IS_GATEWAYS(rc))
		fprintf(stderr, "the gateway answers, but does not reach the unit: %s\n",
			bus_strerror(rc));
	else
		fprintf(stderr, "%s\n", bus_strerror(rc));
}

static void print_poll(const struct request *request, const struct panel *panel,
	const struct poller *poller, const struct traffic *traffic, int64_t begun_ms)
{
	struct facts facts = {
		.panel = panel,
		.snapshot = store_get(panel->slot),
		.now_ms = clock_mono_ms(),
		.want = poller_want(poller),
		.requests = traffic->requests,
		.slowest_us = traffic->slowest_us,
	};

	facts.duration_ms = facts.now_ms - begun_ms;
	if (request->json)
		poll_print_json(&facts, request->all, stdout);
	else
		poll_print_text(&facts, request->all, stdout);
	store_put(panel->slot, facts.snapshot);
}

static int poll_panel(
	const struct request *request, struct site *site, const struct panel *panel)
{
	struct traffic traffic = { 0 };
	const struct poller_observer observer = { count_request, &traffic };
	struct poller *poller = poller_new(site, panel, &observer);
	struct bus *bus = bus_new(panel->conf->link);
	int64_t begun_ms = clock_mono_ms();
	int rc = bus != NULL ? poller_poll_all(poller, bus) : -errno;

	if (rc == 0)
		print_poll(request, panel, poller, &traffic, begun_ms);
	else
		print_failure(panel, &traffic, rc);
	bus_free(bus);
	poller_free(poller);
	return rc == 0 ? EXIT_DONE : EXIT_FAILED;
}

static int poll_config(const struct request *request, struct config *config)
{
	struct store *store = store_new();
	struct site *site = site_build(&(struct site_base){ .store = store, .start_wall_ms = clock_wall_ms() },
		config, NULL);
	const struct panel *panel = find_panel(site, request->panel);
	int status = panel != NULL ? poll_panel(request, site, panel) : EXIT_FAILED;

	site_unref(site);
	store_free(store);
	return status;
}

static int run(int argc, char **argv, const char *config_path)
{
	struct request request = { .config_path = config_path };
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
	status = poll_config(&request, config);
	conf_unref(config);
	return status;
}

const struct command command_poll = {
	.name = "poll",
	.arguments = "[CONF] PANEL",
	.summary = "poll one panel once and show what its meter says",
	.run = run,
};
