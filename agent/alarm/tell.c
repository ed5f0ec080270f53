/* tell: see tell.h. */
#include "config.h"

#include "alarm/tell.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/util.h"

/* Length of the beginning of text that fits, whole characters only. */
static size_t fitting(const char *text, size_t room)
{
	size_t length = strlen(text);

	if (length <= room)
		return length;
	while (room > 0 && ((unsigned char)text[room] & 0xc0) == 0x80)
		room--;
	return room;
}

static void cut(char *text, size_t size, const char *from)
{
	size_t length = fitting(from, size - 1);

	memcpy(text, from, length);
	text[length] = '\0';
}

/* "-14.000 A" out of thousandths. */
static void print_amount(char *text, size_t size, enum scope scope, int64_t thousandths)
{
	bool voltage = scope == SCOPE_VOLTAGE || scope == SCOPE_ALT_VOLTAGE;
	uint64_t amount = thousandths < 0 ? -(uint64_t)thousandths : (uint64_t)thousandths;

	snprintf(text, size, "%s%" PRIu64 ".%03" PRIu64 " %s", thousandths < 0 ? "-" : "",
		amount / 1000, amount % 1000, voltage ? "V" : "A");
}

void tell_line(char *text, size_t size, const struct alarm_line *line)
{
	char head[CONF_NAME_MAX + 64], tail[256], value[32] = "", limit[32] = "";
	size_t room, label;

	if (line->has_value)
		print_amount(value, sizeof(value), line->scope, line->value);
	if (line->has_limit)
		print_amount(limit, sizeof(limit), line->scope, line->limit);
	snprintf(head, sizeof(head), "%s %s %u", line->panel, scope_name(line->scope),
		line->channel);
	snprintf(tail, sizeof(tail), ": %s %s%s%s%s%s%s%s", level_name(line->level), line->state,
		line->has_value ? ", " : "", line->has_value ? line->was : "", value,
		line->has_limit ? ", limit " : "", limit, line->rest);
	room = strlen(head) + strlen(tail) + strlen(" ()") + 1;
	label = room < size ? fitting(line->label, size - room) : 0;
	if (label > 0)
		snprintf(text, size, "%s (%.*s)%s", head, (int)label, line->label, tail);
	else
		snprintf(text, size, "%s%s", head, tail);
}

static int32_t narrow(int64_t value)
{
	return value > INT32_MAX ? INT32_MAX : value < INT32_MIN ? INT32_MIN : (int32_t)value;
}

static const struct {
	enum event_kind kind;
	bool latch; /* always with a notification */
	const char *state;
} changes[] = {
	[ALARM_RAISED] = { EVENT_RAISED, true, "latched" },
	[ALARM_RAISED_GONE] = { EVENT_RAISED, true, "came and went between two polls" },
	[ALARM_CLEARED] = { EVENT_CLEARED, true, "cleared" },
	[ALARM_ACTIVE] = { EVENT_RAISED, false, "active" },
	[ALARM_INACTIVE] = { EVENT_CLEARED, false, "not active any more" },
};

/* What there is to say beside state and amounts. */
static void print_rest(char *text, size_t size, const struct alarm_transition *transition)
{
	char times[32] = "";

	if (transition->count > 1)
		snprintf(times, sizeof(times), ", raised %u times", transition->count);
	snprintf(text, size, "%s%s%s", transition->found ? ", found at start" : "", times,
		transition->change == ALARM_CLEARED && transition->active     ? ", still active"
		: transition->change == ALARM_INACTIVE && transition->latched ? ", still latched"
									      : "");
}

/* All but kind and number. */
static void describe(struct tale *tale, const struct channel *at,
	const struct alarm_transition *transition, int64_t wall_ms, struct alarm_line *line)
{
	struct channel channel = *at;
	char label[CONF_NAME_MAX + 1];
	int64_t limit;

	channel.scope = line->scope = (enum scope)ROW_KEY_A(transition->key);
	channel.channel = line->channel = ROW_KEY_B(transition->key);
	line->level = (enum level)ROW_KEY_C(transition->key);
	line->panel = at->panel->name;
	line->was = "";
	cut(tale->label, sizeof(tale->label), channel_label(&channel, label, sizeof(label)));
	line->label = tale->label;
	line->has_limit = channel_limit(&channel, line->level, &limit);
	line->limit = line->has_limit ? limit : 0;
	tale->draft = (struct event){
		.wall_ms = wall_ms,
		.notify = changes[transition->change].latch || at->panel->notify_non_latched,
		.panel = at->panel->index,
		.scope = (enum event_scope)line->scope,
		.channel = line->channel,
		.level = line->level,
		.severity = transition->severity,
		.has_limit = line->has_limit,
		.limit = narrow(line->limit),
		.panel_name = at->panel->name,
		.label = tale->label,
		.text = tale->text,
	};
}

void tell_alarm(struct tale *tale, const struct channel *at,
	const struct alarm_transition *transition, int64_t wall_ms)
{
	struct alarm_line line = { .state = changes[transition->change].state };
	char rest[80];

	describe(tale, at, transition, wall_ms, &line);
	tale->draft.kind = changes[transition->change].kind;
	tale->draft.number = transition->begins ? transition->event : 0;
	tale->draft.found = transition->begins && transition->found;
	tale->draft.has_value = transition->has_value;
	tale->draft.value = transition->has_value ? narrow(transition->value) : 0;
	/* A line that ends something is as short as it can be: amounts are in the event. */
	line.has_value = transition->has_value && tale->draft.kind == EVENT_RAISED;
	line.has_limit &= tale->draft.kind == EVENT_RAISED;
	line.value = transition->value;
	print_rest(rest, sizeof(rest), transition);
	line.rest = rest;
	tell_line(tale->text, sizeof(tale->text), &line);
}

void tell_gone(struct tale *tale, const struct channel *at,
	const struct alarm_transition *transition, int64_t wall_ms)
{
	struct alarm_line line = { .state = "cleared", .rest = ", came and went" };

	describe(tale, at, transition, wall_ms, &line);
	tale->draft.kind = EVENT_CLEARED;
	line.has_limit = false;
	tell_line(tale->text, sizeof(tale->text), &line);
}

/* What an operator must hear of, and how bad it is; the rest is in the event log only. */
static const struct {
	bool notify;
	enum worst_state severity;
} kinds[EVENT_KIND_COUNT] = {
	[EVENT_PANEL_OFFLINE] = { true, STATE_CRITICAL },
	[EVENT_PANEL_ONLINE] = { true, STATE_OK },
	[EVENT_LINK_DOWN] = { true, STATE_CRITICAL },
	[EVENT_LINK_UP] = { true, STATE_OK },
	[EVENT_ENERGY_RESET] = { false, STATE_OK },
	[EVENT_ENERGY_ROLLOVER] = { false, STATE_OK },
	[EVENT_METER_REPLACED] = { false, STATE_OK },
};

static void __attribute__((format(printf, 4, 0))) begin_plain(struct tale *tale,
	enum event_kind kind, int64_t wall_ms, const char *format, va_list arguments)
{
	char text[2 * sizeof(tale->text)];

	vsnprintf(text, sizeof(text), format, arguments);
	cut(tale->text, sizeof(tale->text), text);
	tale->draft = (struct event){
		.wall_ms = wall_ms,
		.kind = kind,
		.notify = kinds[kind].notify,
		.severity = kinds[kind].severity,
		.text = tale->text,
	};
}

void tell_orphan(struct tale *tale, uint32_t panel, const struct alarm_transition *transition,
	const struct event *raise, int64_t wall_ms)
{
	struct alarm_line line = {
		.panel = tale->panel,
		.scope = (enum scope)ROW_KEY_A(transition->key),
		.channel = ROW_KEY_B(transition->key),
		.label = tale->label,
		.level = (enum level)ROW_KEY_C(transition->key),
		.state = changes[transition->change].state,
		.rest = ", the panel is not watched any more",
	};

	snprintf(tale->panel, sizeof(tale->panel), "panel %u", panel);
	if (raise != NULL)
		cut(tale->panel, sizeof(tale->panel), raise->panel_name);
	cut(tale->label, sizeof(tale->label), raise != NULL ? raise->label : "");
	tale->draft = (struct event){
		.wall_ms = wall_ms,
		.kind = changes[transition->change].kind,
		.notify = raise != NULL ? raise->notify : changes[transition->change].latch,
		.panel = panel,
		.scope = (enum event_scope)line.scope,
		.channel = line.channel,
		.level = line.level,
		.severity = transition->severity,
		.panel_name = tale->panel,
		.label = tale->label,
		.text = tale->text,
	};
	tell_line(tale->text, sizeof(tale->text), &line);
}

static const char *input_name(enum input_state state)
{
	return state == INPUT_CLOSED ? "closed" : "open";
}

static void print_input(struct tale *tale, const struct panel_conf *panel, unsigned number,
	enum input_state state, enum input_state normal)
{
	char about[32] = "";

	if (normal != 0 && normal != state)
		snprintf(about, sizeof(about), ", normally %s", input_name(normal));
	else if (normal != 0)
		snprintf(about, sizeof(about), ", as is normal");
	/* Two names and little else: it always fits. */
	snprintf(tale->text, sizeof(tale->text), "%s input %u%s%s%s: %s%s", panel->name, number,
		tale->label[0] ? " (" : "", tale->label, tale->label[0] ? ")" : "",
		input_name(state), about);
}

void tell_input(struct tale *tale, const struct panel_conf *panel, unsigned number,
	enum input_state state, int64_t wall_ms)
{
	const struct input_conf *conf = panel_conf_input(panel, number);
	enum input_state normal = conf != NULL ? conf->normal : 0;

	cut(tale->label, sizeof(tale->label), conf != NULL ? conf->label : "");
	tale->draft = (struct event){
		.wall_ms = wall_ms,
		.kind = EVENT_INPUT_CHANGED,
		.notify = true,
		.panel = panel->index,
		.scope = EVENT_SCOPE_INPUT,
		.channel = number,
		.severity = normal != 0 && normal != state ? STATE_WARNING : STATE_OK,
		.has_value = true,
		.value = (int32_t)state,
		.panel_name = panel->name,
		.label = tale->label,
		.text = tale->text,
	};
	print_input(tale, panel, number, state, normal);
}

void tell_panel(struct tale *tale, const struct panel_conf *panel, enum event_kind kind,
	int64_t wall_ms, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	begin_plain(tale, kind, wall_ms, format, arguments);
	va_end(arguments);
	tale->draft.scope = EVENT_SCOPE_PANEL;
	tale->draft.panel = panel->index;
	tale->draft.panel_name = panel->name;
}

void tell_unwatched(struct tale *tale, uint32_t panel, const char *name, int64_t wall_ms)
{
	cut(tale->panel, sizeof(tale->panel), name);
	snprintf(tale->text, sizeof(tale->text), "%s was offline, is not watched any more",
		tale->panel);
	tale->draft = (struct event){
		.wall_ms = wall_ms,
		.kind = EVENT_PANEL_ONLINE,
		.notify = kinds[EVENT_PANEL_ONLINE].notify,
		.panel = panel,
		.scope = EVENT_SCOPE_PANEL,
		.severity = STATE_OK,
		.panel_name = tale->panel,
		.text = tale->text,
	};
}

void tell_unused(struct tale *tale, const char *link, uint32_t index, int64_t wall_ms)
{
	cut(tale->label, sizeof(tale->label), link);
	snprintf(tale->text, sizeof(tale->text), "link %s was down, is not used any more",
		tale->label);
	tale->draft = (struct event){
		.wall_ms = wall_ms,
		.kind = EVENT_LINK_UP,
		.notify = kinds[EVENT_LINK_UP].notify,
		.scope = EVENT_SCOPE_LINK,
		.channel = index,
		.severity = STATE_OK,
		.label = tale->label,
		.text = tale->text,
	};
}

void tell_link(struct tale *tale, const struct link_conf *link, enum event_kind kind,
	int64_t wall_ms, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	begin_plain(tale, kind, wall_ms, format, arguments);
	va_end(arguments);
	tale->draft.scope = EVENT_SCOPE_LINK;
	tale->draft.channel = link->index;
	cut(tale->label, sizeof(tale->label), link->name);
	tale->draft.label = tale->label;
}
