/*
 * event: what happened, when, to what; one row of mxEventTable.
 *
 * Immutable once made, but for the marks of its delivery, which are atomic;
 * shared by atomic reference count. The journal gives numbers and keeps events.
 */
#ifndef METERX_ALARM_EVENT_H
#define METERX_ALARM_EVENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "config/profile.h"

/* Values of mxEventKind in the MIB. */
enum event_kind {
	EVENT_RAISED = 1,
	EVENT_CLEARED,
	EVENT_INPUT_CHANGED,
	EVENT_PANEL_OFFLINE,
	EVENT_PANEL_ONLINE,
	EVENT_LINK_DOWN,
	EVENT_LINK_UP,
	EVENT_WRITTEN,
	EVENT_WRITE_FAILED,
	EVENT_ENERGY_RESET,
	EVENT_ENERGY_ROLLOVER,
	EVENT_METER_REPLACED,
	EVENT_AGENT_STARTED,
	EVENT_AGENT_RELOADED,
	EVENT_KIND_COUNT,
};

/* Values of MxScope in the MIB; the first four are those of enum scope. */
enum event_scope {
	EVENT_SCOPE_NONE,
	EVENT_SCOPE_BRANCH,
	EVENT_SCOPE_MAINS,
	EVENT_SCOPE_VOLTAGE,
	EVENT_SCOPE_ALT_VOLTAGE,
	EVENT_SCOPE_PANEL, /* channel 0 */
	EVENT_SCOPE_LINK,  /* channel: index of the link */
	EVENT_SCOPE_INPUT,
};

enum event_mark {
	EVENT_STORED = 1,    /* on disk, or given up on: may be told */
	EVENT_DELIVERED = 2, /* the master agent took the notification */
};

struct event {
	int refs;	 /* atomic */
	atomic_int mark; /* enum event_mark bits */
	uint64_t number; /* 1 and up; only ever increasing */
	int64_t wall_ms; /* when it happened */
	enum event_kind kind;
	bool notify;	/* a notification belongs to it */
	bool found;	/* RAISED: was there when the agent first saw the meter */
	uint32_t panel; /* index, 0: of no panel */
	enum event_scope scope;
	uint32_t channel;
	enum level level;	   /* 0: none */
	enum worst_state severity; /* STATE_OK for what is only told */
	bool has_value, has_limit;
	int32_t value, limit;	/* mA or mV by scope; input: 1 open, 2 closed */
	const char *panel_name; /* "" when of no panel */
	const char *label;	/* of circuit, input or link; "" when it has none */
	const char *text;	/* all of it in one line of UTF-8 */
};

#define EVENT_TEXT_MAX 255 /* bytes, as of any text on the wire */

/* A copy of draft (its refs and mark count for nothing), texts included; NULL texts are "". One
 * reference. */
struct event *event_new(const struct event *draft);
struct event *event_ref(struct event *event);
void event_unref(struct event *event); /* NULL is accepted; any thread */

#endif
