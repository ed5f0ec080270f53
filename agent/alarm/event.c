/* event: see event.h. */
#include "config.h"

#include "alarm/event.h"

#include <stdlib.h>
#include <string.h>

#include "core/refs.h"
#include "core/util.h"

static const char *place_text(char **at, const char *text)
{
	size_t size = strlen(text) + 1;
	char *place = memcpy(*at, text, size);

	*at += size;
	return place;
}

struct event *event_new(const struct event *draft)
{
	const char *panel_name = draft->panel_name ? draft->panel_name : "";
	const char *label = draft->label ? draft->label : "";
	const char *text = draft->text ? draft->text : "";
	size_t texts = strlen(panel_name) + strlen(label) + strlen(text) + 3;
	struct event *event = xcalloc(1, sizeof(*event) + texts);
	char *at = (char *)(event + 1);

	event->number = draft->number;
	event->wall_ms = draft->wall_ms;
	event->kind = draft->kind;
	event->notify = draft->notify;
	event->found = draft->found;
	event->panel = draft->panel;
	event->scope = draft->scope;
	event->channel = draft->channel;
	event->level = draft->level;
	event->severity = draft->severity;
	event->has_value = draft->has_value;
	event->has_limit = draft->has_limit;
	event->value = draft->value;
	event->limit = draft->limit;
	event->panel_name = place_text(&at, panel_name);
	event->label = place_text(&at, label);
	event->text = place_text(&at, text);
	event->refs = 1;
	atomic_init(&event->mark, 0);
	return event;
}

struct event *event_ref(struct event *event)
{
	refs_take(&event->refs);
	return event;
}

void event_unref(struct event *event)
{
	if (event != NULL && refs_drop(&event->refs))
		free(event);
}
