/*
 * tell: what happened, as an event that says all of it.
 *
 * Pure. A tale is an event's draft with the texts it points to, ready for
 * journal_add(). Its text is one line of UTF-8 of at most EVENT_TEXT_MAX bytes;
 * what is too long loses the end of the label, between two characters.
 */
#ifndef METERX_ALARM_TELL_H
#define METERX_ALARM_TELL_H

#include "alarm/alarm.h"
#include "alarm/event.h"
#include "store/channel.h"

struct tale {
	struct event draft;
	char panel[CONF_NAME_MAX + 1];
	char label[CONF_NAME_MAX + 1];
	char text[EVENT_TEXT_MAX + 1];
};

/* What one line says of an alarm. */
struct alarm_line {
	const char *panel;
	enum scope scope;
	unsigned channel;
	const char *label; /* "": none */
	enum level level;
	const char *state; /* "latched" */
	const char *was;   /* before the value: "was ", "" */
	bool has_value, has_limit;
	int64_t value, limit;
	const char *rest; /* ", found at start", "" */
};

/* "RPP-1A branch 7 (Chiller): high-high latched, 17.250 A, limit 14.000 A" */
void tell_line(char *text, size_t size, const struct alarm_line *line);

/*
 * A change of an alarm of at's panel; its channel is the transition's. One that
 * came and went makes two: this one and tell_gone().
 */
void tell_alarm(struct tale *tale, const struct channel *at,
	const struct alarm_transition *transition, int64_t wall_ms);
void tell_gone(struct tale *tale, const struct channel *at,
	const struct alarm_transition *transition, int64_t wall_ms);

/*
 * The end of an alarm of a panel that is not watched any more. raise: the event
 * that told it, where it still is known; it must outlive the tale.
 */
void tell_orphan(struct tale *tale, uint32_t panel, const struct alarm_transition *transition,
	const struct event *raise, int64_t wall_ms);

/* The end of what was told by PANEL_OFFLINE, where no answer will be waited for any more. */
void tell_unwatched(struct tale *tale, uint32_t panel, const char *name, int64_t wall_ms);

/* "RPP-1A input 3 (Door): closed, normally open" */
void tell_input(struct tale *tale, const struct panel_conf *panel, unsigned number,
	enum input_state state, int64_t wall_ms);

/* Something about a panel as a whole: "RPP-1A offline: timed out". */
void tell_panel(struct tale *tale, const struct panel_conf *panel, enum event_kind kind,
	int64_t wall_ms, const char *format, ...) __attribute__((format(printf, 5, 6)));
/* The end of linkDown for a link that is gone: "link bus-1 was down, is not used any more". */
void tell_unused(struct tale *tale, const char *link, uint32_t index, int64_t wall_ms);
/* "link bus-1 down: connection refused" */
void tell_link(struct tale *tale, const struct link_conf *link, enum event_kind kind,
	int64_t wall_ms, const char *format, ...) __attribute__((format(printf, 5, 6)));

#endif
