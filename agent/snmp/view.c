/* view: see view.h. */
#include "config.h"

#include "view.h"

#include "core/util.h"

#include <stdlib.h>

struct view {
	struct site *site;
	int64_t now_ms, now_wall_ms;
	uint64_t request;
	struct view_cache *cache;
	/* By place in site->panels; of these the first n_pinned places in pinned are set. */
	const struct snapshot **snapshots;
	size_t *pinned;
	size_t n_pinned;
};

struct view *view_new(void)
{
	return xcalloc(1, sizeof(struct view));
}

void view_set_cache(struct view *view, struct view_cache *cache)
{
	if (view->cache)
		view->cache->drop(view->cache);
	view->cache = cache;
}

struct view_cache *view_cache(const struct view *view)
{
	return view->cache;
}

void view_free(struct view *view)
{
	if (view == NULL)
		return;
	view_end(view);
	view_set_cache(view, NULL);
	site_unref(view->site);
	free(view->snapshots);
	free(view->pinned);
	free(view);
}

void view_set_site(struct view *view, struct site *site)
{
	view_end(view);
	view_set_cache(view, NULL);
	site_unref(view->site);
	free(view->snapshots);
	free(view->pinned);
	view->site = site;
	view->snapshots = xcalloc(site->n_panels, sizeof(*view->snapshots));
	view->pinned = xcalloc(site->n_panels, sizeof(*view->pinned));
}

const struct site *view_site(const struct view *view)
{
	return view->site;
}

void view_begin(struct view *view, int64_t now_ms, int64_t now_wall_ms)
{
	view_end(view);
	view->request++;
	view->now_ms = now_ms;
	view->now_wall_ms = now_wall_ms;
}

void view_end(struct view *view)
{
	for (size_t i = 0; i < view->n_pinned; i++) {
		size_t place = view->pinned[i];

		store_put(view->site->panels[place].slot, view->snapshots[place]);
		view->snapshots[place] = NULL;
	}
	view->n_pinned = 0;
}

uint64_t view_request(const struct view *view)
{
	return view->request;
}

int64_t view_now_ms(const struct view *view)
{
	return view->now_ms;
}

int64_t view_now_wall_ms(const struct view *view)
{
	return view->now_wall_ms;
}

const struct snapshot *view_snapshot(struct view *view, const struct panel *panel)
{
	size_t place = (size_t)(panel - view->site->panels);

	if (view->snapshots[place] == NULL) {
		view->snapshots[place] = store_get(panel->slot);
		view->pinned[view->n_pinned++] = place;
	}
	return view->snapshots[place];
}
