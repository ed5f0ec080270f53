/*
 * fuzz conf: any text as the daemon's configuration, with branch files and
 * profiles in memory. What is accepted keeps the promises of conf.h and can be
 * made a site, also as the next one after itself.
 */
#include "config.h"

#include "config/conf.h"

#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "core/util.h"
#include "fuzz.h"
#include "store/site.h"

#define PATH "/box/main.conf"

static void check_name(const char *name)
{
	REQUIRE(name != NULL && text_fault(name) == NULL && strlen(name) <= CONF_NAME_MAX);
}

static void check_link(const struct config *config, size_t i)
{
	const struct link_conf *link = &config->links[i];

	check_name(link->name);
	REQUIRE(link->name[0] != '\0' && link->index > 0);
	REQUIRE(i == 0 || link->index > config->links[i - 1].index);
	REQUIRE(conf_link(config, link->name) == link);
	REQUIRE(link->host != NULL && link->device != NULL);
	REQUIRE(link->max_registers > 0 && link->max_registers <= 125);
	REQUIRE(link->response_timeout_ms > 0);
	REQUIRE(link_conf_same(link, link));
}

static void check_circuit(const struct panel_conf *panel, size_t i)
{
	const struct circuit_conf *circuit = &panel->circuits[i];

	check_name(circuit->label);
	check_name(circuit->tenant);
	REQUIRE(circuit->number >= 1 && circuit->number <= CIRCUIT_CONFIGURED_MAX);
	REQUIRE(i == 0 || circuit->number > panel->circuits[i - 1].number);
	REQUIRE(circuit->n_branches >= 1 && circuit->n_branches <= CIRCUIT_POLES_MAX);
	for (unsigned k = 0; k < circuit->n_branches; k++)
		REQUIRE(circuit->branches[k] >= 1 &&
			circuit->branches[k] <= panel->profile->branches);
}

static void check_panel(const struct config *config, size_t i)
{
	const struct panel_conf *panel = &config->panels[i];

	check_name(panel->name);
	REQUIRE(panel->name[0] != '\0' && panel->index > 0);
	REQUIRE(i == 0 || panel->index > config->panels[i - 1].index);
	REQUIRE(conf_panel(config, panel->name) == panel);
	REQUIRE(text_fault(panel->location) == NULL);
	REQUIRE(panel->link >= config->links && panel->link < config->links + config->n_links);
	REQUIRE(panel->profile != NULL && panel->poll_ms > 0 && panel->alarm_poll_ms > 0);
	REQUIRE(panel->slow_poll_ms > 0 && panel->stale_after > 0);
	REQUIRE(panel_conf_same_polling(panel, panel));
	for (size_t k = 0; k < panel->n_branches; k++) {
		const struct branch_conf *branch = &panel->branches[k];

		check_name(branch->label);
		check_name(branch->tenant);
		REQUIRE(branch->number >= 1 && branch->number <= panel->profile->branches);
		REQUIRE(k == 0 || branch->number > panel->branches[k - 1].number);
		REQUIRE(panel_conf_branch(panel, branch->number) == branch);
	}
	for (size_t k = 0; k < panel->n_circuits; k++)
		check_circuit(panel, k);
	for (size_t k = 0; k < panel->n_inputs; k++)
		check_name(panel->inputs[k].label);
}

static void check_config(struct config *config)
{
	struct store *store = store_new();
	struct site_base base = { .store = store };
	struct site *site, *next;

	REQUIRE(config->agentx_socket != NULL && config->state_dir != NULL);
	REQUIRE(config->events > 0 && config->notify_window > 0);
	for (size_t i = 0; i < config->n_links; i++)
		check_link(config, i);
	for (size_t i = 0; i < config->n_panels; i++)
		check_panel(config, i);
	site = site_build(&base, config, NULL);
	next = site_build(&base, config, site);
	REQUIRE(next->n_panels == config->n_panels && next->n_links == config->n_links);
	for (size_t i = 0; i < next->n_panels; i++)
		REQUIRE(next->panels[i].slot == site->panels[i].slot);
	site_unref(site);
	site_unref(next);
	store_free(store);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool loaded;
	struct problems problems = PROBLEMS_INIT;
	struct config *config = NULL;

	if (!loaded)
		fuzz_builtin("tests/data/sample-profile.conf");
	loaded = true;
	fuzz_files(PATH, data, size);
	if (conf_load(PATH, &problems, &config) == 0) {
		REQUIRE(problems.count == 0 && config != NULL);
		check_config(config);
		conf_unref(config);
	} else {
		REQUIRE(problems.count > 0 && config == NULL);
		fuzz_check_problems(&problems);
	}
	problems_free(&problems);
	return 0;
}
