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

#define STUCK_LOOKS 2

struct running {
	struct link *link;
	struct site *site; /* reference: conf is in it */
	const struct link_conf *conf;
	unsigned stuck; /* how often in a row it was found so */
};

struct links {
	struct running *running; /* by position in the site; link NULL: could not be started */
	size_t n;
	struct site *site; /* reference; NULL: none yet */
	bool incomplete;   /* as last logged */
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
	*running = (struct running){ link, site, site->links[position].conf, 0 };
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

/* What one lacks, a thread or a descriptor, the others lack too: they are told of together. */
static void tell_missing(struct links *links, size_t missing, const char *first, int rc)
{
	if (missing > 0 && !links->incomplete)
		log_error("link", "%zu of %zu links cannot be started (%s: %s); trying again",
			missing, links->n, first,
			rc == -EAGAIN ? "no more threads allowed" : bus_strerror(rc));
	else if (missing == 0 && links->incomplete)
		log_info("link", "all %zu links are started now", links->n);
	links->incomplete = missing > 0;
}

int links_retry(struct links *links)
{
	const char *first = NULL;
	size_t missing = 0;
	int rc = 0;

	for (size_t i = 0; i < links->n; i++) {
		struct link *link;

		if (links->running[i].link != NULL)
			continue;
		link = link_start(links->site, i);
		if (link != NULL) {
			adopt(&links->running[i], link, links->site, i);
			continue;
		}
		if (missing++ == 0) {
			rc = -errno;
			first = links->site->links[i].conf->name;
		}
	}
	tell_missing(links, missing, first, rc);
	return rc;
}

int links_apply(struct links *links, struct site *site)
{
	struct running *kept = xcalloc(site->n_links, sizeof(*kept));

	keep_unchanged(links, site, kept);
	stop_all(links, site); /* before any new one opens the same device */
	site_ref(site);
	site_unref(links->site);
	links->site = site;
	links->running = kept;
	links->n = site->n_links;
	return links_retry(links);
}

/* From the second time on: after a standstill of the whole process all look stuck once. */
static bool is_stuck(struct running *running)
{
	unsigned before = running->stuck;

	if (link_turns(running->link)) {
		running->stuck = 0;
		if (before >= STUCK_LOOKS)
			log_warning("link", "%s: its thread moves again", running->conf->name);
		return false;
	}
	if (before < STUCK_LOOKS && ++running->stuck == STUCK_LOOKS)
		log_error("link", "%s: its thread has been stuck for minutes: nothing is polled there",
			running->conf->name);
	return running->stuck >= STUCK_LOOKS;
}

bool links_alive(struct links *links)
{
	size_t n = 0, stuck = 0;

	for (size_t i = 0; i < links->n; i++) {
		if (links->running[i].link == NULL)
			continue;
		n++;
		stuck += is_stuck(&links->running[i]);
	}
	return n == 0 || stuck < n;
}

void links_stop(struct links *links)
{
	if (links == NULL)
		return;
	stop_all(links, NULL);
	site_unref(links->site);
	free(links);
}
