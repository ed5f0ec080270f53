/* links: see links.h. */
#include "config.h"

#include "modbus/links.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "core/util.h"
#include "modbus/bus.h"
#include "modbus/link.h"
#include "modbus/news.h"

struct running {
	struct link *link;
	struct site *site; /* reference: conf is in it */
	const struct link_conf *conf;
};

struct links {
	struct running *running;
	size_t n;
};

struct links *links_new(void)
{
	return xcalloc(1, sizeof(struct links));
}

static struct running *find_running(const struct links *links, const struct link_conf *conf)
{
	for (size_t i = 0; i < links->n; i++)
		if (links->running[i].link != NULL &&
			strcmp(links->running[i].conf->name, conf->name) == 0)
			return &links->running[i];
	return NULL;
}

static void adopt(struct running *running, struct link *link, struct site *site, size_t position)
{
	site_ref(site);
	site_unref(running->site);
	*running = (struct running){ link, site, site->links[position].conf };
}

/* All are asked before the first is waited for. next: what comes after them, if anything. */
static void stop_all(struct links *links, struct site *next)
{
	for (size_t i = 0; i < links->n; i++)
		if (links->running[i].link != NULL)
			link_stop_begin(links->running[i].link);
	for (size_t i = 0; i < links->n; i++) {
		struct running *running = &links->running[i];

		link_stop(running->link);
		if (running->link != NULL && next != NULL)
			news_dismiss(running->site, running->conf, next);
		site_unref(running->site);
	}
	free(links->running);
	links->running = NULL;
	links->n = 0;
}

/* Moves what goes on into kept, by position in the site. */
static void keep_unchanged(struct links *links, struct site *site, struct running *kept)
{
	for (size_t i = 0; i < site->n_links; i++) {
		const struct link_conf *conf = site->links[i].conf;
		struct running *running = find_running(links, conf);

		if (running == NULL || !link_conf_same(running->conf, conf))
			continue;
		kept[i] = *running;
		*running = (struct running){ 0 };
		link_update(kept[i].link, site, i);
		adopt(&kept[i], kept[i].link, site, i);
	}
}

int links_apply(struct links *links, struct site *site)
{
	struct running *kept = xcalloc(site->n_links, sizeof(*kept));
	int rc = 0;

	keep_unchanged(links, site, kept);
	stop_all(links, site); /* before any new one opens the same device */
	for (size_t i = 0; i < site->n_links; i++) {
		struct link *link;

		if (kept[i].link != NULL)
			continue;
		link = link_start(site, i);
		if (link != NULL) {
			adopt(&kept[i], link, site, i);
			continue;
		}
		log_error("link", "%s: %s", site->links[i].conf->name, bus_strerror(-errno));
		rc = rc != 0 ? rc : -errno;
	}
	links->running = kept;
	links->n = site->n_links;
	return rc;
}

void links_stop(struct links *links)
{
	if (links == NULL)
		return;
	stop_all(links, NULL);
	free(links);
}
