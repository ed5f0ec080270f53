/*
 * site: which links and panels exist right now, for those who read.
 *
 * Built from a configuration, immutable, shared by atomic reference count. A
 * reload builds the next site and carries over the slots of unchanged panels
 * and links, so that readers see their values without a gap.
 */
#ifndef METERX_STORE_SITE_H
#define METERX_STORE_SITE_H

#include <stddef.h>
#include <stdint.h>

#include "config/conf.h"
#include "modbus/job.h"
#include "store/names.h"
#include "store/store.h"

struct journal;

struct panel {
	const struct panel_conf *conf; /* in site->config */
	struct layout *layout;
	struct slot *slot;
	struct rowset circuits; /* (circuit, 0, 0): configured and, if asked for, the meter's own */
};

struct site_link {
	const struct link_conf *conf;
	struct link_slot *slot;
	struct job_queue *jobs; /* kept like the slot */
};

struct site {
	int refs; /* atomic */
	struct config *config;
	struct store *store;
	struct journal *journal; /* NULL: none (the tool); outlives the site */
	struct names *names;
	struct panel *panels; /* by index */
	size_t n_panels;
	struct site_link *links; /* by index */
	size_t n_links;
	int64_t start_wall_ms; /* of the daemon */
};

/* What all sites of a process have in common. */
struct site_base {
	struct store *store;
	struct journal *journal; /* may be NULL */
	struct names *names;	 /* in force; NULL: none set */
	int64_t start_wall_ms;
};

/*
 * Build the site of a configuration (takes references). previous may be NULL; its
 * slots are kept for panels with panel_conf_same_polling() and links with
 * the same name and link_conf_same(). Main thread.
 */
struct site *site_build(
	const struct site_base *base, struct config *config, const struct site *previous);
struct site *site_ref(struct site *site);
void site_unref(struct site *site); /* NULL is accepted; any thread */

/* By index; NULL when there is none. *position, when given: where it is or would be. */
const struct panel *site_panel(const struct site *site, uint32_t index, size_t *position);
const struct panel *site_panel_by_name(const struct site *site, const char *name);

/* The configured circuit of a panel, NULL for the meter's own and for none. */
const struct circuit_conf *panel_circuit(const struct panel *panel, unsigned number);

/* What a branch is called and whose it is, "" when nothing is known; and where the panel is. */
const char *site_branch_label(
	const struct site *site, const struct panel_conf *panel, unsigned branch);
const char *site_branch_tenant(
	const struct site *site, const struct panel_conf *panel, unsigned branch);
const char *site_location(const struct site *site, const struct panel_conf *panel);

#endif
