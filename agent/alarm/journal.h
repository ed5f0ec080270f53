/*
 * journal: every event with its number, in memory and on disk, in order.
 *
 * Link threads post what happened together with the state it led to; a thread
 * of the journal's own writes both in one transaction (store/persist.h), so that
 * after a kill either both are known or neither is, and then the meter tells
 * again. Nobody waits for the disk. An event may be told (EVENT_STORED) when it
 * is on disk; when the disk cannot take it, or gives no answer for some seconds,
 * it may be told all the same, and is stored later: an alarm matters more than its record.
 *
 * The last events (options.capacity) are kept, on disk and in memory alike. The
 * oldest is dropped for a new one; if it was still to be told, that is counted.
 */
#ifndef METERX_ALARM_JOURNAL_H
#define METERX_ALARM_JOURNAL_H

#include <stddef.h>

#include "alarm/alarm.h"
#include "alarm/event.h"
#include "store/names.h"

struct journal;

/*
 * What has to outlive the agent about one panel: whose alarms the book holds,
 * and what was last told of the panel itself.
 */
struct panel_memory {
	int64_t serial;          /* of the meter, -1: not known */
	int32_t device;          /* its device id, -1: not known */
	bool told_offline;       /* the last told: PANEL_OFFLINE */
	bool told_online;        /* the last told: PANEL_ONLINE; neither: nothing told yet */
	struct alarm_book *book; /* NULL: none; alarm_book_build() makes one of what was stored */
	uint64_t inputs_known;   /* bit n - 1: the state of input n, which is */
	uint64_t inputs_closed;  /* in the same bit */
};

struct journal_stats {
	uint64_t last;        /* number; 0: no event yet */
	uint64_t kept;
	uint64_t undelivered; /* kept, with a notification that is not delivered */
	uint64_t dropped;     /* undelivered ones that had to go, since the agent started */
	uint64_t unstored;    /* that had to be told before they were on disk, since the agent started */
	bool degraded;        /* the disk does not take anything now */
	bool lasts;           /* false: there is no file, so that nothing is stored at all */
};

/*
 * Read what is in dir (meterx.db) and start the thread. capacity: events kept.
 * dir NULL: nothing is stored. A file that cannot be used is set aside or left
 * alone with one clear message, and the journal works from memory: there is
 * always a journal. Main thread.
 */
struct journal *journal_open(const char *dir, size_t capacity);
/* Store what is queued, end the thread, close the file. What is in memory can still be read. */
void journal_stop(struct journal *journal);
/* Stop and free. NULL is accepted. Main thread, after all who post and read. */
void journal_close(struct journal *journal);

/*
 * One unit of news: events, and the state after them; stored whole or not at
 * all. Begins empty and costs nothing. journal_number() locks the order of numbers
 * for everybody until journal_end(), so: no wait, no I/O in between. Who only adds
 * events locks nothing before journal_end().
 * journal NULL (the tool): numbers count up from 1, nothing is kept.
 */
struct journal_batch {
	struct journal *journal;
	bool locked, remembers;
	struct event **events;
	size_t n, capacity;
	uint32_t panel;
	struct panel_memory memory;
	char link[CONF_NAME_MAX + 1];
	bool link_down;
};
void journal_begin(struct journal_batch *batch, struct journal *journal);
uint64_t journal_number(struct journal_batch *batch);
/* Add an event; its number is the draft's, or a new one when that is 0. */
void journal_add(struct journal_batch *batch, const struct event *draft);
/* The panel's memory from now on; takes a reference of its own to the book. */
void journal_remember_panel(struct journal_batch *batch, uint32_t panel,
	const struct panel_memory *memory);
/* Whether the link was last told down. */
void journal_remember_link(struct journal_batch *batch, const char *link, bool down);
/*
 * From here on journal_next() finds the events (sorted by number); they are on
 * their way to the disk. Publish a snapshot that shows them after this.
 */
void journal_end(struct journal_batch *batch);

/* What was remembered last; false: nothing. The book has a reference for the caller. Any thread. */
bool journal_panel(struct journal *journal, uint32_t panel, struct panel_memory *memory);
/* Indexes of the panels of which something is remembered; free with free(). How many. */
size_t journal_panels(struct journal *journal, uint32_t **panels);
bool journal_link_down(struct journal *journal, const char *link);
/* The name of a link that was last told down and is not in the configuration; false: none. */
bool journal_orphan_link(struct journal *journal, const struct config *config, char *name,
	size_t size);
/*
 * Forget panels and links that are not in the configuration any more, but for those of
 * which something was told that has not been ended. Main thread.
 */
void journal_forget_others(struct journal *journal, const struct config *config);

/* Reading. Any thread; each event comes with a reference, NULL: there is none. */
struct event *journal_find(struct journal *journal, uint64_t number);
struct event *journal_next(struct journal *journal, uint64_t number, bool inclusive);
/* The first with a higher number that is to be told now: stored, with a notification, not delivered. */
struct event *journal_next_to_tell(struct journal *journal, uint64_t number);
void journal_stats(struct journal *journal, struct journal_stats *stats);

/* The master agent has taken the notification. Any thread. */
void journal_delivered(struct journal *journal, struct event *event);
/* Call fn when events have become ready to be told. In the journal's thread: wake yours. NULL: none. */
void journal_on_ready(struct journal *journal, void (*fn)(void *arg), void *arg);

/*
 * Names that managers have set. done() is called in the journal's thread with 0
 * or -errno (nothing has changed then) and the revision that has them; the main
 * thread, woken by journal_on_names(), builds the next site with journal_names().
 * changes are copied. Any thread.
 */
void journal_set_names(struct journal *journal, const struct name_change *changes, size_t n,
	void (*done)(void *arg, int rc, uint64_t revision), void *arg);
struct names *journal_names(struct journal *journal); /* with a reference; never NULL */
void journal_on_names(struct journal *journal, void (*fn)(void *arg), void *arg);

#endif
