/* site: see site.h. */
#include "config.h"

#include "store/site.h"

#include <stdlib.h>
#include <string.h>

#include "core/refs.h"
#include "core/util.h"

static const struct site_link *unchanged_link(
	const struct site *previous, const struct link_conf *conf)
{
	for (size_t i = 0; previous != NULL && i < previous->n_links; i++) {
		const struct site_link *link = &previous->links[i];

		if (strcmp(link->conf->name, conf->name) == 0 && link_conf_same(link->conf, conf))
			return link;
	}
	return NULL;
}

/* The panel whose slot goes on: same row, same meter, same rhythm. */
static const struct panel *unchanged_panel(
	const struct site *previous, const struct panel_conf *conf)
{
	const struct panel *panel = previous ? site_panel(previous, conf->index, NULL) : NULL;

	if (panel == NULL || panel->conf->enabled != conf->enabled ||
		!panel_conf_same_polling(panel->conf, conf))
		return NULL;
	return panel;
}

/* One layout for all panels of the site that look alike; profiles are read anew with each site. */
static struct layout *share_layout(const struct site *site, const struct panel_conf *conf)
{
	for (size_t i = site->n_panels; i > 0; i--) {
		struct layout *layout = site->panels[i - 1].layout;

		if (layout->profile == conf->profile && layout->two_pole == conf->two_pole_meters &&
			layout->three_pole == conf->three_pole_meters)
			return layout_ref(layout);
	}
	return layout_new(conf->profile, conf->two_pole_meters, conf->three_pole_meters);
}

/* The numbers of configured circuits come before the meter's own ones. */
static void list_circuits(struct panel *panel)
{
	unsigned two_pole = layout_channels(panel->layout, SCOPE_TWO_POLE);
	unsigned three_pole = layout_channels(panel->layout, SCOPE_THREE_POLE);
	struct rowset *rows = &panel->circuits;

	rows->keys = xcalloc(panel->conf->n_circuits + two_pole + three_pole, sizeof(*rows->keys));
	for (size_t i = 0; i < panel->conf->n_circuits; i++)
		rows->keys[rows->n++] = ROW_KEY(panel->conf->circuits[i].number, 0, 0);
	for (unsigned n = 1; n <= two_pole; n++)
		rows->keys[rows->n++] = ROW_KEY(CIRCUIT_TWO_POLE_BASE + n, 0, 0);
	for (unsigned n = 1; n <= three_pole; n++)
		rows->keys[rows->n++] = ROW_KEY(CIRCUIT_THREE_POLE_BASE + n, 0, 0);
}

static void add_panel(struct site *site, const struct site *previous, const struct panel_conf *conf)
{
	const struct panel *kept = unchanged_panel(previous, conf);
	struct panel panel = { .conf = conf };

	if (kept != NULL) {
		panel.layout = layout_ref(kept->layout);
		panel.slot = store_slot_ref(kept->slot);
	} else {
		panel.layout = share_layout(site, conf);
		panel.slot = store_slot_new(
			site->store, panel.layout, conf->enabled ? COMM_OFFLINE : COMM_DISABLED);
	}
	list_circuits(&panel);
	site->panels[site->n_panels++] = panel;
}

static void add_link(struct site *site, const struct site *previous, const struct link_conf *conf)
{
	const struct site_link *kept = unchanged_link(previous, conf);
	struct site_link *link = &site->links[site->n_links++];

	link->conf = conf;
	link->slot = kept != NULL ? link_slot_ref(kept->slot) : link_slot_new();
	link->jobs = kept != NULL ? job_queue_ref(kept->jobs) : job_queue_new();
}

struct site *site_build(
	const struct site_base *base, struct config *config, const struct site *previous)
{
	struct site *site = xcalloc(1, sizeof(*site));

	site->refs = 1;
	site->config = conf_ref(config);
	site->store = base->store;
	site->journal = base->journal;
	site->names = base->names != NULL ? names_ref(base->names) : names_new();
	site->start_wall_ms = base->start_wall_ms;
	site->links = xcalloc(config->n_links, sizeof(*site->links));
	for (size_t i = 0; i < config->n_links; i++)
		add_link(site, previous, &config->links[i]);
	site->panels = xcalloc(config->n_panels, sizeof(*site->panels));
	for (size_t i = 0; i < config->n_panels; i++)
		add_panel(site, previous, &config->panels[i]);
	return site;
}

struct site *site_ref(struct site *site)
{
	refs_take(&site->refs);
	return site;
}

void site_unref(struct site *site)
{
	if (site == NULL || !refs_drop(&site->refs))
		return;
	for (size_t i = 0; i < site->n_panels; i++) {
		store_slot_unref(site->panels[i].slot);
		layout_unref(site->panels[i].layout);
		free(site->panels[i].circuits.keys);
	}
	for (size_t i = 0; i < site->n_links; i++) {
		link_slot_unref(site->links[i].slot);
		job_queue_unref(site->links[i].jobs);
	}
	free(site->panels);
	free(site->links);
	names_unref(site->names);
	conf_unref(site->config);
	free(site);
}

const struct panel *site_panel(const struct site *site, uint32_t index, size_t *position)
{
	size_t low = 0, high = site->n_panels;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (site->panels[middle].conf->index < index)
			low = middle + 1;
		else
			high = middle;
	}
	if (position != NULL)
		*position = low;
	if (low == site->n_panels || site->panels[low].conf->index != index)
		return NULL;
	return &site->panels[low];
}

const struct panel *site_panel_by_name(const struct site *site, const char *name)
{
	for (size_t i = 0; i < site->n_panels; i++)
		if (strcmp(site->panels[i].conf->name, name) == 0)
			return &site->panels[i];
	return NULL;
}

static int compare_circuit(const void *key, const void *item)
{
	const unsigned *number = key;
	const struct circuit_conf *circuit = item;

	return (*number > circuit->number) - (*number < circuit->number);
}

const struct circuit_conf *panel_circuit(const struct panel *panel, unsigned number)
{
	if (panel->conf->n_circuits == 0)
		return NULL;
	return bsearch(&number, panel->conf->circuits, panel->conf->n_circuits,
		sizeof(*panel->conf->circuits), compare_circuit);
}

const char *site_branch_label(
	const struct site *site, const struct panel_conf *panel, unsigned branch)
{
	const struct branch_conf *conf = panel_conf_branch(panel, branch);

	return names_get(site->names, panel->index, NAME_LABEL, (uint16_t)branch,
		conf != NULL ? conf->label : "");
}

const char *site_branch_tenant(
	const struct site *site, const struct panel_conf *panel, unsigned branch)
{
	const struct branch_conf *conf = panel_conf_branch(panel, branch);

	return names_get(site->names, panel->index, NAME_TENANT, (uint16_t)branch,
		conf != NULL ? conf->tenant : "");
}

const char *site_location(const struct site *site, const struct panel_conf *panel)
{
	return names_get(site->names, panel->index, NAME_LOCATION, 0, panel->location);
}
