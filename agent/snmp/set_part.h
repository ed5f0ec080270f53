/*
 * set_part: what of a SET is done in one go: a job for one panel, or all changes
 * of names. It is begun, hears of its end, and can be taken back; each of these
 * shows on the board.
 *
 * A part outlives its errands: it may be freed when nobody can tell any more
 * news of it. News of a part that is not waited for any more change nothing but
 * the board. SNMP thread only.
 */
#ifndef METERX_SNMP_SET_PART_H
#define METERX_SNMP_SET_PART_H

#include "snmp/board.h"
#include "snmp/set_items.h"
#include "snmp/set_news.h"

#define PART_ASYNC_MS 15000 /* a job that nobody waits for, and one that takes back */

struct transaction;

/* What all parts have in common. */
struct part_world {
	struct view *view;
	struct board *board;
	struct mailbox *mailbox;
};

enum part_kind {
	PART_JOB, /* first: they are waited for */
	PART_NAMES,
	PART_ASYNC, /* a job that is not waited for */
	PART_KINDS,
};

enum part_state {
	PART_TO_DO,
	PART_BEGUN,
	PART_SETTLING, /* the names are stored; the site that has them is on its way */
	PART_DONE,
	PART_FAILED,	   /* nothing of it is in force */
	PART_LEFT,	   /* not waited for any more: its end is for the board */
	PART_LEAVING,	   /* being taken back */
	PART_LEAVING_SITE, /* names: taken back, and the site that shows it is on its way */
	PART_TAKEN_BACK,
	PART_STUCK, /* could not be taken back */
};

struct part {
	struct transaction *transaction; /* whose part it is */
	const struct part_world *world;
	const struct set_items *all;
	enum part_kind kind;
	enum part_state state;
	size_t *items; /* places in all, in the order of the SET, settings first */
	size_t n_items;
	bool has_others;   /* the SET has more parts: none is to stand alone */
	size_t n_expected; /* news that will still come */
	struct job *job;
	uint64_t revision;	    /* of the names */
	struct name_change *before; /* of the names, to take them back */
	char **texts;		    /* theirs */
	uint64_t *marks;	    /* of the board: two an item */
};

/*
 * Divide items into parts, in the order in which they are to be done: first the
 * panels that have to be waited for, then names, then what is not waited for.
 * Returns how many; *parts has room for as many as there are items.
 */
size_t parts_divide(struct part **parts, struct transaction *transaction,
	const struct part_world *world, const struct set_items *items);
void part_free(struct part *part); /* what belongs to it */

const struct set_item *part_item(const struct part *part, size_t at);

/* NULL: it is under way, or done; else why it failed. begin_by_ms: of a job that is waited for. */
const char *part_begin(struct part *part, int64_t begin_by_ms);
/* It is not waited for any more: what is not begun is withdrawn, what is done is taken back. */
void part_take_back(struct part *part, const char *why);
/* It is being taken back, or will be when it has ended. */
bool part_is_leaving(const struct part *part);
/* News of it: another state. */
void part_hear(struct part *part, const struct news *news);
/* The view has another site. True: that was what the part was waiting for. */
bool part_settle(struct part *part);
/* Nobody is interested any more: withdraw what is not begun. */
void part_abandon(struct part *part);

#endif
