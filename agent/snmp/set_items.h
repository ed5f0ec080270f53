/*
 * set_items: what a SET asks for, checked.
 *
 * The test of a SET: type, range, existence, leave and state of every variable
 * binding, in the order of RFC 3416, section 4.2.5. Nothing is changed by it.
 * SNMP thread only.
 */
#ifndef METERX_SNMP_SET_ITEMS_H
#define METERX_SNMP_SET_ITEMS_H

#include "snmp/table.h"
#include "snmp/view.h"

struct set_varbind {
	uint32_t suffix[OID_SUFFIX_MAX + 1]; /* after mxObjects */
	size_t n;
	struct wanted wanted;
};

/*
 * One thing that a variable binding asks of one panel; a command to all panels
 * is an item for each of them.
 */
struct set_item {
	struct change change;
	unsigned varbind; /* from 1 */
	uint32_t panel;
	char *text;	    /* of a name, the change's own */
	uint64_t threshold; /* as in board.h, BOARD_PANEL: none */
	struct slot *slot;
	struct job_queue *queue;
	bool async; /* not waited for */
};

struct set_items {
	struct set_item *list;
	size_t n;
};

/*
 * Items of the variable bindings, within a request of the view. 0, or SNMP_ERR_*
 * and *index of the binding that it is about, from 1. Free them in either case.
 */
int set_items_check(struct set_items *items, struct view *view, const struct set_varbind *varbinds,
	size_t n, unsigned *index);
void set_items_free(struct set_items *items);

#endif
