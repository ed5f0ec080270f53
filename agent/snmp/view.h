/*
 * view: the SNMP thread's window on the agent's data.
 *
 * During one request time stands still and the snapshot of a panel, once looked
 * at, stays the same: a request is answered of one moment. SNMP thread only.
 */
#ifndef METERX_SNMP_VIEW_H
#define METERX_SNMP_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "store/site.h"

struct event;
struct journal_stats;
struct view;

struct view *view_new(void);
void view_free(struct view *view);
/* Change the site (takes over the reference). Between requests only. */
void view_set_site(struct view *view, struct site *site);
const struct site *view_site(const struct view *view);
/* What became of writes (board.h), NULL when nobody writes. The board outlives the view. */
struct board;
void view_set_board(struct view *view, const struct board *board);
const struct board *view_board(const struct view *view);
/* Begin and end of a request: freezes now, drops the pinned snapshots at the end. */
void view_begin(struct view *view, int64_t now_ms, int64_t now_wall_ms);
void view_end(struct view *view);
/*
 * Whether no alarm and no comm state has changed since the request began, nor the
 * last number of events that it was told: panels that were looked at in turn, what
 * was summed up before, and events belong together.
 */
bool view_is_of_one_moment(const struct view *view);
/* Changes of alarms and comm states (store.h) that all of this request has seen. */
uint64_t view_alarm_generation(const struct view *view);
int64_t view_now_ms(const struct view *view);
int64_t view_now_wall_ms(const struct view *view);
/* Counts the requests: what was made in this one need not be looked at again. */
uint64_t view_request(const struct view *view);
/* As site_panel(), but touches no panel on its way. */
const struct panel *view_panel(const struct view *view, uint32_t index, size_t *place);
/* This panel will soon be asked for: fetch what belongs to it into the cache. */
void view_hint(const struct view *view, uint32_t index);
/* The panel's snapshot, pinned at first use in this request. */
const struct snapshot *view_snapshot(struct view *view, const struct panel *panel);

/*
 * From the journal, NULL: there is none. Valid until the end of the request; asked
 * for the same one again, as for the cells of a row, they find it at once.
 */
const struct journal_stats *view_journal_stats(struct view *view);
const struct event *view_event(struct view *view, uint64_t number);
const struct event *view_event_next(struct view *view, uint64_t number, bool inclusive);

/*
 * What tables derive from the site and keep between requests. The view calls
 * drop() when the site changes or the view goes.
 */
struct view_cache {
	void (*drop)(struct view_cache *cache);
};
struct view_cache *view_cache(const struct view *view); /* NULL: none yet */
void view_set_cache(struct view *view, struct view_cache *cache);

#endif
