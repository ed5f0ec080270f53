/*
 * persist: what outlives the agent, in one SQLite file (meterx.db in state-dir).
 *
 * One transaction per persist_store(), whole or not at all, on the disk before
 * it returns. A file that is damaged is set aside under another name, never
 * deleted. Opened in one thread and then used in one other.
 *
 * Numbers of events are never given twice: the file holds a number that is well
 * ahead of the last one given; after a kill, they go on from there.
 */
#ifndef METERX_STORE_PERSIST_H
#define METERX_STORE_PERSIST_H

#include "alarm/journal.h"

struct persist;

/* How many numbers may be given before the file must know of one of them. */
#define PERSIST_AHEAD 4096

struct persist_panel {
	uint32_t panel;
	struct panel_memory memory;
	const struct alarm_book *before; /* storing: the book that is stored already; NULL: none */
};

struct persist_link {
	char name[CONF_NAME_MAX + 1];
	bool down;
};

/* What is stored in one transaction; also all that was found when the file was opened. */
struct persist_set {
	uint64_t last;	 /* number given; found: that may have been given */
	uint64_t oldest; /* events with a lower number go */
	struct event **events; /* by number */
	size_t n_events;
	uint64_t *delivered; /* numbers of events that were stored before */
	size_t n_delivered;
	struct persist_panel *panels;
	size_t n_panels;
	struct persist_link *links;
	size_t n_links;
	struct name_change *names;
	size_t n_names;
	bool whole;	  /* this is all there is: whatever else is stored goes */
	bool others_go;	  /* other panels and links than these go */
	bool ends;	  /* no further number will be given before the next start */
	uint64_t dropped; /* found: undelivered ones beyond capacity */
};

/*
 * Open or make the file in dir, which is made too if only its last part is
 * missing. At most capacity events, the newest, are found. What stands in the
 * way is logged. NULL: this file will not be written, now and later.
 */
struct persist *persist_open(const char *dir, size_t capacity, struct persist_set *set);
/* False: it cannot be written for now; what could be read has been found all the same. */
bool persist_ready(const struct persist *persist);
/* Free what was found: the arrays, and texts and references that are still in them. */
void persist_set_free(struct persist_set *set);

/*
 * 0, or -errno with nothing stored: -ESTALE when the file is another one than
 * it was (deleted, damaged and set aside, or only now to be had), so that a set
 * of everything has to be stored next; all others are to be tried again later.
 */
int persist_store(struct persist *persist, const struct persist_set *set);
/* Why the last persist_store() failed. */
const char *persist_error(const struct persist *persist);
void persist_close(struct persist *persist); /* NULL is accepted */

/* Which events somebody beside the agent wants to see. */
struct persist_look {
	uint64_t after;		/* those with a higher number */
	size_t newest;		/* at most so many of them, the newest */
	const char *panel_name; /* of the panel that had that name then, NULL: all */
	int64_t panel;		/* or that has this index; -1: none */
};

/*
 * Read events, oldest first, into *set, while an agent may be using the file,
 * which is not changed. 0, or -errno with the reason in why; -ENOENT: no agent
 * has run here. Any thread.
 */
int persist_look(const char *dir, const struct persist_look *look, struct persist_set *set,
	char *why, size_t size);

#endif
