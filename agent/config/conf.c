/* conf: life, lookup and comparison of a configuration; see conf.h. conf_read.c reads it. */
#include "config.h"

#include "config/conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/refs.h"
#include "core/util.h"

struct config *conf_ref(struct config *config)
{
	refs_take(&config->refs);
	return config;
}

static void link_conf_fini(struct link_conf *link)
{
	free(link->name);
	free(link->host);
	free(link->device);
}

static void panel_conf_fini(struct panel_conf *panel)
{
	free(panel->name);
	free(panel->location);
	profile_unref(panel->profile);
	for (size_t i = 0; i < panel->n_branches; i++) {
		free(panel->branches[i].label);
		free(panel->branches[i].tenant);
	}
	for (size_t i = 0; i < panel->n_circuits; i++) {
		free(panel->circuits[i].label);
		free(panel->circuits[i].tenant);
	}
	for (size_t i = 0; i < panel->n_inputs; i++)
		free(panel->inputs[i].label);
	free(panel->branches);
	free(panel->circuits);
	free(panel->inputs);
}

struct config *conf_load_printing(const char *path)
{
	struct problems problems = PROBLEMS_INIT;
	struct config *config;

	if (conf_load(path, &problems, &config) < 0)
		problems_print(&problems, stderr);
	problems_free(&problems);
	return config;
}

void conf_unref(struct config *config)
{
	if (config == NULL || !refs_drop(&config->refs))
		return;
	for (size_t i = 0; i < config->n_links; i++)
		link_conf_fini(&config->links[i]);
	for (size_t i = 0; i < config->n_panels; i++)
		panel_conf_fini(&config->panels[i]);
	free(config->links);
	free(config->panels);
	free(config->agentx_socket);
	free(config->state_dir);
	free(config->profile_dir);
	free(config->path);
	free(config);
}

static int compare_branch_number(const void *key, const void *item)
{
	unsigned number = *(const unsigned *)key,
		 other = ((const struct branch_conf *)item)->number;

	return number < other ? -1 : number > other;
}

const struct branch_conf *panel_conf_branch(const struct panel_conf *panel, unsigned number)
{
	/* Where every branch is named, it stands at its number. */
	if (number >= 1 && number <= panel->n_branches &&
		panel->branches[number - 1].number == number)
		return &panel->branches[number - 1];
	if (panel->n_branches == 0)
		return NULL;
	return bsearch(&number, panel->branches, panel->n_branches, sizeof(*panel->branches),
		compare_branch_number);
}

const struct input_conf *panel_conf_input(const struct panel_conf *panel, unsigned number)
{
	for (size_t i = 0; i < panel->n_inputs; i++)
		if (panel->inputs[i].number == number)
			return &panel->inputs[i];
	return NULL;
}

const struct link_conf *conf_link(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->n_links; i++) {
		if (strcmp(config->links[i].name, name) == 0)
			return &config->links[i];
	}
	return NULL;
}

const struct panel_conf *conf_panel(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->n_panels; i++) {
		if (strcmp(config->panels[i].name, name) == 0)
			return &config->panels[i];
	}
	return NULL;
}

void link_conf_address(const struct link_conf *link, char *text, size_t size)
{
	if (link->transport == TRANSPORT_RTU)
		text_copy(text, size, link->device);
	else
		snprintf(text, size, strchr(link->host, ':') ? "[%s]:%u" : "%s:%u", link->host,
			link->port);
}

bool link_conf_same(const struct link_conf *a, const struct link_conf *b)
{
	return a->transport == b->transport && strcmp(a->host, b->host) == 0 &&
	       a->port == b->port && strcmp(a->device, b->device) == 0 && a->baud == b->baud &&
	       a->parity == b->parity && a->stop_bits == b->stop_bits && a->rs485 == b->rs485 &&
	       a->response_timeout_ms == b->response_timeout_ms &&
	       a->turnaround_ms == b->turnaround_ms && a->max_registers == b->max_registers &&
	       a->retries == b->retries;
}

bool panel_conf_same_polling(const struct panel_conf *a, const struct panel_conf *b)
{
	return strcmp(a->link->name, b->link->name) == 0 && link_conf_same(a->link, b->link) &&
	       a->enabled == b->enabled && a->unit == b->unit &&
	       strcmp(a->profile->name, b->profile->name) == 0 &&
	       a->profile->digest == b->profile->digest && a->encoding == b->encoding &&
	       a->two_pole_meters == b->two_pole_meters &&
	       a->three_pole_meters == b->three_pole_meters && a->poll_ms == b->poll_ms &&
	       a->alarm_poll_ms == b->alarm_poll_ms && a->slow_poll_ms == b->slow_poll_ms &&
	       a->stale_after == b->stale_after;
}
