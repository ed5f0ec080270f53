/*
 * panel_values CONF PANEL: one poll of everything, and every value of the
 * snapshot on a line of its own: scope, quantity, channel, number.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/clock.h"
#include "core/log.h"
#include "modbus/poller.h"

static void print_values(const struct snapshot *snapshot)
{
	int64_t now_ms = clock_mono_ms();

	for (int scope = 0; scope < SCOPE_COUNT; scope++)
		for (int quantity = 0; quantity < QUANTITY_COUNT; quantity++)
			for (unsigned n = 1; n <= snapshot->layout->slots[scope][quantity].count; n++) {
				struct reading reading = snapshot_get(snapshot, (enum scope)scope,
					(enum quantity)quantity, n, now_ms);

				if (reading.quality == QUALITY_GOOD)
					printf("%s %s %u %lld\n", scope_name((enum scope)scope),
						quantity_info((enum quantity)quantity)->name, n,
						(long long)reading.num);
			}
}

static int poll_panel(struct site *site, const struct panel *panel)
{
	struct poller *poller = poller_new(site, panel, NULL);
	struct bus *bus = bus_new(panel->conf->link);
	const struct snapshot *snapshot;
	int rc = poller_poll_all(poller, bus);

	if (rc != 0)
		fprintf(stderr, "%s: %s\n", panel->conf->name, bus_strerror(rc));
	snapshot = store_get(panel->slot);
	if (snapshot->identity != NULL)
		printf("panel model 1 %d\npanel location %s\n", snapshot->identity->model,
			snapshot->identity->location);
	print_values(snapshot);
	store_put(panel->slot, snapshot);
	poller_free(poller);
	bus_free(bus);
	return rc;
}

int main(int argc, char **argv)
{
	struct problems problems = PROBLEMS_INIT;
	const struct panel *panel;
	struct config *config;
	struct store *store;
	struct site *site;
	int rc = 1;

	log_init("panel_values", LOG_LEVEL_INFO);
	if (argc != 3 || conf_load(argv[1], &problems, &config) < 0) {
		problems_print(&problems, stderr);
		problems_free(&problems);
		return 2;
	}
	store = store_new();
	site = site_build(&(struct site_base){ .store = store, .start_wall_ms = clock_wall_ms() },
		config, NULL);
	panel = site_panel_by_name(site, argv[2]);
	if (panel != NULL)
		rc = poll_panel(site, panel) != 0;
	site_unref(site);
	conf_unref(config);
	store_free(store);
	return rc;
}
