/*
 * conf_read: conf_load() of conf.h. Options are tables of fields (struct field); functions
 * check what spans options, sections and files. A value that was refused keeps
 * its default, so that the search for problems goes on without follow-ups.
 */
#include "config.h"

#include "config/conf.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "config/branches.h"
#include "config/field.h"
#include "core/clock.h"
#include "core/text.h"
#include "core/util.h"

#define LINKS_MAX	1000
#define PANELS_MAX	4000
#define INDEX_MAX	65535
#define LOCATION_MAX	128
#define BRANCHES_MAX	9999
#define PATH_LENGTH_MAX 1024
#define POLL_DEFAULT	2000
#define ALARM_DEFAULT	1000
#define SLOW_DEFAULT	30000
#define HOLD_DEFAULT	10000

struct loaded_profile {
	char *name;
	struct profile *profile; /* NULL: it has problems */
};

struct reader {
	struct where top;
	char *folder; /* of the file, with a slash, or "" */
	struct config *config;
	struct panel_conf defaults; /* rhythm and notifications only */
	struct loaded_profile *profiles;
	size_t n_profiles;
};

/* What a name of a link or panel may be: it is shown in tables and given on command lines. */
static void check_name(const struct where *where, const char *name)
{
	size_t length = strlen(name);
	int line = where->section->line;

	if (text_fault(name) != NULL)
		field_problem(where, line, "name %s", text_fault(name));
	else if (length == 0)
		field_problem(where, line, "name is empty (1 to %d bytes)", CONF_NAME_MAX);
	else if (length > CONF_NAME_MAX)
		field_problem(where, line, "name is too long (1 to %d bytes)", CONF_NAME_MAX);
	else if (name[0] == ' ' || name[length - 1] == ' ')
		field_problem(where, line, "name begins or ends with a blank");
}

/* Texts with a form of their own. */

static bool absolute_path(const char *path)
{
	return path[0] == '/';
}

static bool host_name(const char *host)
{
	size_t label = 0;

	for (const char *c = host; *c != '\0'; c++) {
		bool inner = label > 0 && c[-1] != '-';

		if (*c == '.' ? !inner
			      : !isalnum((unsigned char)*c) && *c != '_' &&
					(*c != '-' || label == 0))
			return false;
		label = *c == '.' ? 0 : label + 1;
		if (label > 63)
			return false;
	}
	return host[0] != '\0' && host[strlen(host) - 1] != '-';
}

static bool host(const char *text)
{
	struct in6_addr address;
	char bare[64];

	if (strchr(text, ':') != NULL) {
		text_copy(bare, sizeof(bare), text);
		bare[strcspn(bare, "%")] = '\0'; /* fe80::1%eth0 */
		return inet_pton(AF_INET6, bare, &address) == 1;
	}
	/* What looks like an IPv4 address must be one, not a name for the resolver. */
	if (text[strspn(text, "0123456789.")] == '\0')
		return inet_pton(AF_INET, text, &address) == 1;
	return host_name(text);
}

static bool agentx_socket(const char *text)
{
	const char *colon = strrchr(text, ':');
	char name[256];
	int64_t port;

	if (text[0] == '/')
		return strlen(text) < sizeof(((struct sockaddr_un *)NULL)->sun_path);
	if (strncmp(text, "tcp:", 4) != 0 || colon < text + 5 || colon - text > 250)
		return false;
	text_copy(name, (size_t)(colon - text - 4) + 1, text + 4);
	return host(name) && number_parse(colon + 1, 1, 65535, &port) == 0;
}

static bool profile_name(const char *name)
{
	return name[0] != '.' && strpbrk(name, "/\"'\\ ") == NULL;
}

/* The whole language: every option there is. */

static cfg_opt_t branch_options[] = {
	SYNTAX_VALUE("label"),
	SYNTAX_VALUE("tenant"),
	SYNTAX_VALUE("breaker-amps"),
	SYNTAX_VALUE("poles"),
	CFG_END(),
};

static cfg_opt_t circuit_options[] = {
	SYNTAX_VALUE("label"),
	SYNTAX_VALUE("tenant"),
	SYNTAX_LIST("branches"),
	CFG_END(),
};

static cfg_opt_t input_options[] = {
	SYNTAX_VALUE("label"),
	SYNTAX_VALUE("normal"),
	CFG_END(),
};

static cfg_opt_t link_options[] = {
	SYNTAX_VALUE("index"),
	SYNTAX_VALUE("transport"),
	SYNTAX_VALUE("host"),
	SYNTAX_VALUE("port"),
	SYNTAX_VALUE("device"),
	SYNTAX_VALUE("baud"),
	SYNTAX_VALUE("parity"),
	SYNTAX_VALUE("stop-bits"),
	SYNTAX_VALUE("rs485"),
	SYNTAX_VALUE("response-timeout"),
	SYNTAX_VALUE("turnaround"),
	SYNTAX_VALUE("max-registers"),
	SYNTAX_VALUE("retries"),
	CFG_END(),
};

static cfg_opt_t panel_options[] = {
	SYNTAX_VALUE("index"),
	SYNTAX_VALUE("link"),
	SYNTAX_VALUE("unit"),
	SYNTAX_VALUE("profile"),
	SYNTAX_VALUE("location"),
	SYNTAX_VALUE("enabled"),
	SYNTAX_VALUE("encoding"),
	SYNTAX_LIST("meter-circuits"),
	SYNTAX_VALUE("poll"),
	SYNTAX_VALUE("alarm-poll"),
	SYNTAX_VALUE("slow-poll"),
	SYNTAX_VALUE("stale-after"),
	SYNTAX_VALUE("notify-non-latched"),
	SYNTAX_VALUE("notify-hold"),
	SYNTAX_LIST("writes"),
	SYNTAX_VALUE("writes-async"),
	SYNTAX_VALUE("branches-file"),
	SYNTAX_TITLED("branch", branch_options),
	SYNTAX_TITLED("circuit", circuit_options),
	SYNTAX_TITLED("input", input_options),
	CFG_END(),
};

static cfg_opt_t options[] = {
	SYNTAX_VALUE("agentx-socket"),
	SYNTAX_VALUE("state-dir"),
	SYNTAX_VALUE("profile-dir"),
	SYNTAX_VALUE("events"),
	SYNTAX_VALUE("notify-window"),
	SYNTAX_VALUE("notify-rate"),
	SYNTAX_VALUE("poll"),
	SYNTAX_VALUE("alarm-poll"),
	SYNTAX_VALUE("slow-poll"),
	SYNTAX_VALUE("stale-after"),
	SYNTAX_VALUE("notify-non-latched"),
	SYNTAX_VALUE("notify-hold"),
	SYNTAX_TITLED("link", link_options),
	SYNTAX_TITLED("panel", panel_options),
	CFG_END(),
};

/* Top of the file, and the rhythm that panels inherit. */

static const struct field config_fields[] = {
	{ TEXT("agentx-socket", config, agentx_socket, 1, 255), .text = "/var/agentx/master",
		.wanted = "a path of at most 107 bytes, \"/...\", or \"tcp:HOST:PORT\"",
		.check = agentx_socket },
	{ TEXT("state-dir", config, state_dir, 1, PATH_LENGTH_MAX), .text = MX_STATE_DIR },
	{ TEXT("profile-dir", config, profile_dir, 1, PATH_LENGTH_MAX), .text = MX_PROFILE_DIR },
	{ NUMBER("events", config, events, 100, 1000000, 10000) },
	{ NUMBER("notify-window", config, notify_window, 1, 64, 32) },
	{ NUMBER("notify-rate", config, notify_rate, 1, 100000, 1000) },
};

/* 0: not given; see read_rhythm(). */
static const struct field rhythm_fields[] = {
	{ NUMBER("poll", panel_conf, poll_ms, 100, CONF_POLL_MAX_MS, 0), .unit = "ms" },
	{ NUMBER("alarm-poll", panel_conf, alarm_poll_ms, 100, CONF_POLL_MAX_MS, 0), .unit = "ms" },
	{ NUMBER("slow-poll", panel_conf, slow_poll_ms, 1000, 86400000, 0), .unit = "ms" },
	{ NUMBER("stale-after", panel_conf, stale_after, 1, 1000, 0), .unit = "polls" },
};

/*
 * Alarms are never read less often than measurements, settings never more
 * often: what was inherited gives way, what was written here is an error.
 */
static void read_rhythm(
	const struct where *where, const struct panel_conf *inherited, struct panel_conf *panel)
{
	fields_read(where, rhythm_fields, ARRAY_LEN(rhythm_fields), panel, 0);
	if (panel->poll_ms == 0)
		panel->poll_ms = inherited->poll_ms;
	if (panel->alarm_poll_ms > panel->poll_ms)
		field_problem(where, field_line(where, "alarm-poll"),
			"alarm-poll: %u ms is longer than poll (%u ms)", panel->alarm_poll_ms,
			panel->poll_ms);
	if (panel->slow_poll_ms != 0 && panel->slow_poll_ms < panel->poll_ms)
		field_problem(where, field_line(where, "slow-poll"),
			"slow-poll: %u ms is shorter than poll (%u ms)", panel->slow_poll_ms,
			panel->poll_ms);
	if (panel->alarm_poll_ms == 0)
		panel->alarm_poll_ms = inherited->alarm_poll_ms < panel->poll_ms
					       ? inherited->alarm_poll_ms
					       : panel->poll_ms;
	if (panel->slow_poll_ms == 0)
		panel->slow_poll_ms = inherited->slow_poll_ms > panel->poll_ms
					      ? inherited->slow_poll_ms
					      : panel->poll_ms;
	if (panel->stale_after == 0)
		panel->stale_after = inherited->stale_after;
}

static void read_notify(
	const struct where *where, const struct panel_conf *inherited, struct panel_conf *panel)
{
	const struct field fields[] = {
		{ WORD("notify-non-latched", panel_conf, notify_non_latched, field_booleans,
			inherited->notify_non_latched) },
		{ NUMBER("notify-hold", panel_conf, notify_hold_ms, 0, 3600000,
			  inherited->notify_hold_ms),
			.unit = "ms" },
	};

	fields_read(where, fields, ARRAY_LEN(fields), panel, 0);
}

/* Relative paths are relative to the folder of the configuration file. */
static char *resolve_path(const struct reader *reader, const char *path)
{
	return path[0] == '/' ? xstrdup(path) : xasprintf("%s%s", reader->folder, path);
}

static void resolve_member(const struct reader *reader, char **member)
{
	char *path = resolve_path(reader, *member);

	free(*member);
	*member = path;
}

static void read_top(struct reader *reader)
{
	static const struct panel_conf factory = { .poll_ms = POLL_DEFAULT,
		.alarm_poll_ms = ALARM_DEFAULT,
		.slow_poll_ms = SLOW_DEFAULT,
		.stale_after = 3,
		.notify_hold_ms = HOLD_DEFAULT };

	fields_read(&reader->top, config_fields, ARRAY_LEN(config_fields), reader->config, 0);
	resolve_member(reader, &reader->config->state_dir);
	resolve_member(reader, &reader->config->profile_dir);
	read_rhythm(&reader->top, &factory, &reader->defaults);
	read_notify(&reader->top, &factory, &reader->defaults);
}

/* Links. */

#define TCP	(1u << TRANSPORT_TCP)
#define RTU	(1u << TRANSPORT_RTU)
#define RTU_TCP (1u << TRANSPORT_RTU_TCP)
#define ALL	(TCP | RTU | RTU_TCP)

static const struct word transports[] = {
	{ "tcp", TRANSPORT_TCP },
	{ "rtu", TRANSPORT_RTU },
	{ "rtu-tcp", TRANSPORT_RTU_TCP },
	{ NULL, 0 },
};

static const struct word bauds[] = {
	{ "1200", 1200 },
	{ "2400", 2400 },
	{ "4800", 4800 },
	{ "9600", 9600 },
	{ "19200", 19200 },
	{ "38400", 38400 },
	{ "57600", 57600 },
	{ "115200", 115200 },
	{ NULL, 0 },
};

static const struct word parities[] = {
	{ "none", PARITY_NONE },
	{ "even", PARITY_EVEN },
	{ "odd", PARITY_ODD },
	{ NULL, 0 },
};

static const struct field transport_field = {
	WORD("transport", link_conf, transport, transports, TRANSPORT_TCP), .required = ALL
};

static const struct field link_fields[] = {
	{ NUMBER("index", link_conf, index, 1, INDEX_MAX, 0) },
	{ TEXT("host", link_conf, host, 1, 253), .wanted = "a host name or an IP address",
		.check = host, .only = TCP | RTU_TCP, .required = TCP | RTU_TCP },
	/* 502 is the port of Modbus TCP; a serial gateway has none by custom. */
	{ NUMBER("port", link_conf, port, 1, 65535, 502), .only = TCP | RTU_TCP,
		.required = RTU_TCP },
	{ TEXT("device", link_conf, device, 1, PATH_LENGTH_MAX), .wanted = "an absolute path",
		.check = absolute_path, .only = RTU, .required = RTU },
	/* What the Modbus specification names as default for serial lines. */
	{ WORD("baud", link_conf, baud, bauds, 19200), .only = RTU | RTU_TCP },
	{ WORD("parity", link_conf, parity, parities, PARITY_EVEN), .only = RTU | RTU_TCP },
	{ NUMBER("stop-bits", link_conf, stop_bits, 1, 2, 1), .only = RTU | RTU_TCP },
	{ WORD("rs485", link_conf, rs485, field_booleans, false), .only = RTU },
	/* A reload waits as long for a link to end, and the service manager for a sign of life. */
	{ NUMBER("response-timeout", link_conf, response_timeout_ms, 50, 10000, 1000),
		.unit = "ms" },
	{ NUMBER("turnaround", link_conf, turnaround_ms, 0, 10000, 0), .unit = "ms" },
	/* A number takes up to four registers, which are read together or not at all. */
	{ NUMBER("max-registers", link_conf, max_registers, 4, 125, 125) },
	{ NUMBER("retries", link_conf, retries, 0, 10, 1) },
};

static const char *transport_names(unsigned mask, char *text, size_t size)
{
	struct word words[ARRAY_LEN(transports)];
	size_t n = 0;

	for (const struct word *word = transports; word->text != NULL; word++) {
		if (mask & 1u << word->value)
			words[n++] = *word;
	}
	words[n].text = NULL;
	words_print(words, text, size);
	return text;
}

static void check_transport(const struct where *where, const struct link_conf *link)
{
	char names[64];

	for (size_t i = 0; i < ARRAY_LEN(link_fields); i++) {
		const struct field *field = &link_fields[i];
		const struct setting *value = syntax_get(where->section, field->option);

		if (value != NULL && field->only != 0 && !(field->only & 1u << link->transport))
			field_problem(where, value->line,
				"%s: not an option of transport \"%s\" (only of %s)", field->option,
				transports[link->transport].text,
				transport_names(field->only, names, sizeof(names)));
	}
}

static void read_link(const struct where *where, struct link_conf *link)
{
	const struct setting *transport = syntax_get(where->section, "transport");
	unsigned kind = 0; /* not known: ranges can be looked at, what belongs to it cannot */
	int known;

	link->name = xstrdup(syntax_title(where->section));
	check_name(where, link->name);
	fields_read(where, &transport_field, 1, link, ALL);
	if (transport != NULL && word_find(transports, transport->text, &known))
		kind = 1u << known;
	fields_read(where, link_fields, ARRAY_LEN(link_fields), link, kind);
	if (kind != 0)
		check_transport(where, link);
}

/* Line of the first section of that kind and title. */
static int line_of(const struct where *where, const char *kind, const char *title)
{
	for (unsigned i = 0; i < syntax_count(where->top, kind); i++) {
		cfg_t *section = cfg_getnsec(where->top, kind, i);

		if (strcmp(syntax_title(section), title) == 0)
			return section->line;
	}
	return 0;
}

/* A serial line has one master. */
static bool same_line(const struct link_conf *a, const struct link_conf *b)
{
	if (a->transport != b->transport || a->transport == TRANSPORT_TCP)
		return false;
	if (a->transport == TRANSPORT_RTU)
		return a->device[0] != '\0' && strcmp(a->device, b->device) == 0;
	return a->host[0] != '\0' && strcmp(a->host, b->host) == 0 && a->port == b->port;
}

static void check_link_against(
	const struct where *where, const struct link_conf *link, const struct link_conf *other)
{
	const char *place = link->transport == TRANSPORT_RTU ? "device" : "host";

	if (strcmp(link->name, other->name) == 0)
		field_problem(where, where->section->line, "name is taken already, line %d",
			line_of(where, "link", other->name));
	if (link->index != 0 && link->index == other->index)
		field_problem(where, field_line(where, "index"),
			"index: %u is taken by link \"%.*s\", line %d", link->index,
			text_shown(other->name), other->name, line_of(where, "link", other->name));
	if (same_line(link, other))
		field_problem(where, field_line(where, place),
			"%s: is the line of link \"%.*s\" already, line %d (one link serves all "
			"units)",
			place, text_shown(other->name), other->name,
			line_of(where, "link", other->name));
}

static int by_number(uint32_t a, uint32_t b)
{
	return a < b ? -1 : a > b;
}

static int compare_links(const void *a, const void *b)
{
	return by_number(
		((const struct link_conf *)a)->index, ((const struct link_conf *)b)->index);
}

/* Links without index get the lowest free ones, in the order of the file. */
static void number_links(struct config *config)
{
	bool taken[INDEX_MAX + 1] = { false };
	uint32_t next = 1;

	for (size_t i = 0; i < config->n_links; i++)
		taken[config->links[i].index] = true;
	for (size_t i = 0; i < config->n_links; i++) {
		if (config->links[i].index != 0)
			continue;
		while (taken[next])
			next++;
		config->links[i].index = next++;
	}
}

/* Number of sections of that name to read: no more than allowed. */
static size_t section_count(const struct reader *reader, const char *name, size_t max)
{
	size_t n = syntax_count(reader->top.section, name);

	if (n <= max)
		return n;
	field_problem(&reader->top, cfg_getnsec(reader->top.section, name, (unsigned)max)->line,
		"%s: %zu are too many (at most %zu)", name, n, max);
	return max;
}

static void read_links(struct reader *reader)
{
	struct config *config = reader->config;
	cfg_t *top = reader->top.section;

	config->n_links = section_count(reader, "link", LINKS_MAX);
	config->links = xcalloc(config->n_links, sizeof(*config->links));
	for (unsigned i = 0; i < config->n_links; i++) {
		struct where where =
			where_section(&reader->top, "link", cfg_getnsec(top, "link", i));

		read_link(&where, &config->links[i]);
		for (unsigned earlier = 0; earlier < i; earlier++)
			check_link_against(&where, &config->links[i], &config->links[earlier]);
	}
	number_links(config);
	qsort(config->links, config->n_links, sizeof(*config->links), compare_links);
}

/* Profiles, each read once. */

/* NULL: it has problems. */
static struct profile *load_profile(
	struct reader *reader, const struct where *where, const char *name)
{
	struct loaded_profile *loaded;

	for (size_t i = 0; i < reader->n_profiles; i++) {
		if (strcmp(reader->profiles[i].name, name) == 0)
			return reader->profiles[i].profile;
	}
	reader->profiles =
		xrealloc(reader->profiles, reader->n_profiles + 1, sizeof(*reader->profiles));
	loaded = &reader->profiles[reader->n_profiles++];
	*loaded = (struct loaded_profile){ .name = xstrdup(name) };
	if (profile_load(reader->config->profile_dir, name, where->problems, &loaded->profile) < 0)
		field_problem(where, field_line(where, "profile"),
			"profile: \"%.*s\" cannot be used", text_shown(name), name);
	return loaded->profile;
}

/* Panels. */

static const struct word encodings[] = {
	{ "auto", ENCODING_AUTO },
	{ "integer", ENCODING_INTEGER },
	{ "float", ENCODING_FLOAT },
	{ NULL, 0 },
};

static const struct word write_groups[] = {
	{ "thresholds", WRITES_THRESHOLDS },
	{ "latches", WRITES_LATCHES },
	{ "labels", WRITES_LABELS },
	{ "resets", WRITES_RESETS },
	{ "layout", WRITES_LAYOUT },
	{ NULL, 0 },
};

#define METER_TWO_POLE	 (1 << 0)
#define METER_THREE_POLE (1 << 1)
static const struct word meter_circuits[] = {
	{ "two-pole", METER_TWO_POLE },
	{ "three-pole", METER_THREE_POLE },
	{ NULL, 0 },
};

static const struct field panel_fields[] = {
	{ NUMBER("index", panel_conf, index, 1, INDEX_MAX, 0), .required = 1 },
	{ NUMBER("unit", panel_conf, unit, 0, 255, 0), .required = 1 },
	{ TEXT("location", panel_conf, location, 0, LOCATION_MAX) },
	{ WORD("enabled", panel_conf, enabled, field_booleans, true) },
	{ WORD("encoding", panel_conf, encoding, encodings, ENCODING_AUTO) },
	{ WORD("writes-async", panel_conf, writes_async, field_booleans, false) },
};

/* Options that name something; they are resolved by hand. */
struct panel_names {
	char *link, *profile, *branches_file;
};

static const struct field panel_name_fields[] = {
	{ TEXT("link", panel_names, link, 1, CONF_NAME_MAX), .wanted = "the name of a link",
		.required = 1 },
	{ TEXT("profile", panel_names, profile, 1, CONF_NAME_MAX),
		.wanted = "the name of a profile", .check = profile_name, .required = 1 },
	{ TEXT("branches-file", panel_names, branches_file, 1, PATH_LENGTH_MAX) },
};

/* Of one that is not, enough has been said. */
static bool unit_is_good(const struct where *where)
{
	const struct setting *unit = syntax_get(where->section, "unit");
	int64_t number;

	return unit != NULL && number_parse(unit->text, 0, UINT8_MAX, &number) == 0;
}

static void resolve_link(const struct where *where, const struct config *config, const char *name,
	struct panel_conf *panel)
{
	if (name[0] == '\0')
		return;
	panel->link = conf_link(config, name);
	if (panel->link == NULL && where->whole)
		field_problem(where, field_line(where, "link"), "link: there is no link \"%.*s\"",
			text_shown(name), name);
	if (panel->link != NULL && panel->link->transport != TRANSPORT_TCP &&
		unit_is_good(where) && (panel->unit < 1 || panel->unit > 247))
		field_problem(where, field_line(where, "unit"),
			"unit: \"%u\" is out of range on a serial line (1 to 247)", panel->unit);
}

static void resolve_profile(struct reader *reader, const struct where *where, const char *name,
	struct panel_conf *panel)
{
	struct profile *profile;

	if (name[0] == '\0' || !profile_name(name))
		return;
	profile = load_profile(reader, where, name);
	if (profile != NULL)
		panel->profile = profile_ref(profile);
}

/* The number in the title of a branch or circuit section; 0: not one. */
static unsigned title_number(const struct where *where, unsigned max)
{
	const char *title = syntax_title(where->section);
	int64_t number = 0;

	if (number_parse(title, 1, max, &number) < 0)
		field_problem(where, where->section->line, "\"%.*s\" is not a number from 1 to %u",
			text_shown(title), title, max);
	return (unsigned)number;
}

static const struct field circuit_fields[] = {
	{ TEXT("label", circuit_conf, label, 0, CONF_NAME_MAX) },
	{ TEXT("tenant", circuit_conf, tenant, 0, CONF_NAME_MAX) },
};

/* Call read for every section of that name in the panel's. */
static void each_section(const struct where *panel, const char *name,
	void (*read)(const struct where *where, void *arg), void *arg)
{
	for (unsigned i = 0; i < syntax_count(panel->section, name); i++) {
		struct where where =
			where_section(panel, name, cfg_getnsec(panel->section, name, i));

		read(&where, arg);
	}
}

/* While a panel's branches and circuits are read; [0] takes what has no valid number. */
struct branch_reading {
	unsigned max;
	struct branch_conf *branches; /* by number */
	int *lines;		      /* of their sections */
	unsigned *circuits;	      /* number of the circuit each is in */
	int *circuit_lines;
	struct panel_conf *panel;
};

/* What a branch section says replaces, option by option, what the branch file says. */
static void read_branch(const struct where *where, void *arg)
{
	struct branch_reading *reading = arg;
	unsigned number = title_number(where, reading->max);
	struct branch_conf *branch = &reading->branches[number];

	if (number != 0 && reading->lines[number] != 0)
		field_problem(where, where->section->line, "branch %u is there already, at line %d",
			number, reading->lines[number]);
	reading->lines[number] = where->section->line;
	branch->number = (uint16_t)number;
	for (size_t i = 0; i < BRANCH_PROPERTIES; i++) {
		const struct branch_property *property = &branch_properties[i];
		const struct setting *value = syntax_get(where->section, property->name);

		if (value != NULL && text_fault(value->text) != NULL)
			field_problem(where, value->line, "%s: %s", property->name,
				text_fault(value->text));
		else if (value != NULL && !property->set(branch, value->text))
			field_problem(where, value->line, "%s: \"%.*s\" is not allowed (%s)",
				property->name, text_shown(value->text), value->text,
				property->allowed);
	}
}

static void read_pole(const struct where *where, struct branch_reading *reading,
	const struct setting *value, struct circuit_conf *circuit)
{
	int64_t branch;
	unsigned *taken;

	if (number_parse(value->text, 1, reading->max, &branch) < 0) {
		field_problem(where, value->line,
			"branches: \"%.*s\" is not a branch of this panel (1 to %u)",
			text_shown(value->text), value->text, reading->max);
		return;
	}
	taken = &reading->circuits[branch];
	if (*taken != 0 && *taken == circuit->number)
		field_problem(where, value->line, "branches: %jd is named twice", (intmax_t)branch);
	else if (*taken != 0)
		field_problem(where, value->line, "branches: %jd is in circuit %u already",
			(intmax_t)branch, *taken);
	else
		*taken = circuit->number;
	circuit->branches[circuit->n_branches++] = (uint16_t)branch;
}

static void read_circuit(const struct where *where, void *arg)
{
	struct branch_reading *reading = arg;
	size_t n = syntax_count(where->section, "branches");
	struct circuit_conf *circuit;
	struct panel_conf *panel = reading->panel;
	unsigned number = title_number(where, CIRCUIT_CONFIGURED_MAX);

	circuit = &panel->circuits[panel->n_circuits++];
	*circuit = (struct circuit_conf){ .number = (uint16_t)number };
	if (number != 0 && reading->circuit_lines[number] != 0)
		field_problem(where, where->section->line,
			"circuit %u is there already, at line %d", number,
			reading->circuit_lines[number]);
	reading->circuit_lines[number] = where->section->line;
	fields_read(where, circuit_fields, ARRAY_LEN(circuit_fields), circuit, 0);
	if (n > CIRCUIT_POLES_MAX || (n == 0 && where->whole))
		field_problem(where, field_line(where, "branches"),
			"branches: %zu of them (1 to %d)", n, CIRCUIT_POLES_MAX);
	for (unsigned i = 0; i < n && i < CIRCUIT_POLES_MAX; i++)
		read_pole(where, reading, syntax_get_nth(where->section, "branches", i), circuit);
}

static int compare_circuits(const void *a, const void *b)
{
	return by_number(
		((const struct circuit_conf *)a)->number, ((const struct circuit_conf *)b)->number);
}

/* Move the branches that were named to the front, and on to the panel. */
static void keep_branches(struct branch_reading *reading)
{
	struct branch_conf *branches = reading->branches;
	size_t n = 0;

	free(branches[0].label);
	free(branches[0].tenant);
	for (unsigned number = 1; number <= reading->max; number++) {
		if (branches[number].number == 0)
			continue;
		branches[n] = branches[number];
		if (branches[n].label == NULL)
			branches[n].label = xstrdup("");
		if (branches[n].tenant == NULL)
			branches[n].tenant = xstrdup("");
		n++;
	}
	reading->panel->branches = xrealloc(branches, n, sizeof(*branches));
	reading->panel->n_branches = n;
}

static void read_branches(const struct reader *reader, const struct where *where, const char *file,
	struct panel_conf *panel)
{
	/* Without a profile the numbers cannot be judged; they only have to be numbers. */
	unsigned max = panel->profile ? panel->profile->branches : BRANCHES_MAX;
	struct branch_reading reading = {
		.max = max,
		.branches = xcalloc(max + 1, sizeof(*reading.branches)),
		.lines = xcalloc(max + 1, sizeof(*reading.lines)),
		.circuits = xcalloc(max + 1, sizeof(*reading.circuits)),
		.circuit_lines =
			xcalloc(CIRCUIT_CONFIGURED_MAX + 1, sizeof(*reading.circuit_lines)),
		.panel = panel,
	};
	char *path = resolve_path(reader, file);

	if (file[0] != '\0')
		branches_read(path, max, reading.branches, where->problems, where->path,
			field_line(where, "branches-file"));
	panel->circuits =
		xcalloc(syntax_count(where->section, "circuit"), sizeof(*panel->circuits));
	each_section(where, "branch", read_branch, &reading);
	each_section(where, "circuit", read_circuit, &reading);
	keep_branches(&reading);
	qsort(panel->circuits, panel->n_circuits, sizeof(*panel->circuits), compare_circuits);
	free(path);
	free(reading.lines);
	free(reading.circuits);
	free(reading.circuit_lines);
}

static const struct word input_states[] = {
	{ "open", INPUT_OPEN },
	{ "closed", INPUT_CLOSED },
	{ NULL, 0 },
};

static const struct field input_fields[] = {
	{ TEXT("label", input_conf, label, 0, CONF_NAME_MAX) },
	{ WORD("normal", input_conf, normal, input_states, 0) },
};

static void read_input(const struct where *where, void *arg)
{
	struct panel_conf *panel = arg;
	unsigned most = panel->profile
				? profile_channels(panel->profile, SCOPE_INPUT, Q_INPUT_STATE)
				: INPUTS_MAX;
	struct input_conf *input = &panel->inputs[panel->n_inputs];

	if (most == 0)
		field_problem(where, where->section->line, "meters of this profile have no inputs");
	else
		input->number = (uint16_t)title_number(where, most);
	fields_read(where, input_fields, ARRAY_LEN(input_fields), input, 0);
	if (input->number != 0 && panel_conf_input(panel, input->number) != NULL)
		field_problem(where, where->section->line, "input %u is there already",
			input->number);
	panel->n_inputs++;
}

static int compare_inputs(const void *a, const void *b)
{
	return by_number(
		((const struct input_conf *)a)->number, ((const struct input_conf *)b)->number);
}

static void read_inputs(const struct where *where, struct panel_conf *panel)
{
	panel->inputs = xcalloc(syntax_count(where->section, "input"), sizeof(*panel->inputs));
	each_section(where, "input", read_input, panel);
	qsort(panel->inputs, panel->n_inputs, sizeof(*panel->inputs), compare_inputs);
}

static void read_panel(struct reader *reader, const struct where *where, struct panel_conf *panel)
{
	struct panel_names names = { 0 };
	unsigned circuits;

	panel->name = xstrdup(syntax_title(where->section));
	check_name(where, panel->name);
	fields_read(where, panel_name_fields, ARRAY_LEN(panel_name_fields), &names, 1);
	fields_read(where, panel_fields, ARRAY_LEN(panel_fields), panel, 1);
	read_rhythm(where, &reader->defaults, panel);
	read_notify(where, &reader->defaults, panel);
	panel->writes = field_words(where, "writes", write_groups);
	circuits = field_words(where, "meter-circuits", meter_circuits);
	panel->two_pole_meters = circuits & METER_TWO_POLE;
	panel->three_pole_meters = circuits & METER_THREE_POLE;
	resolve_link(where, reader->config, names.link, panel);
	resolve_profile(reader, where, names.profile, panel);
	read_branches(reader, where, names.branches_file, panel);
	read_inputs(where, panel);
	free(names.link);
	free(names.profile);
	free(names.branches_file);
}

static void check_panel_against(
	const struct where *where, const struct panel_conf *panel, const struct panel_conf *other)
{
	if (strcmp(panel->name, other->name) == 0)
		field_problem(where, where->section->line, "name is taken already, line %d",
			line_of(where, "panel", other->name));
	if (panel->index != 0 && panel->index == other->index)
		field_problem(where, field_line(where, "index"),
			"index: %u is taken by panel \"%.*s\", line %d", panel->index,
			text_shown(other->name), other->name, line_of(where, "panel", other->name));
	if (panel->link != NULL && panel->link == other->link && panel->unit == other->unit &&
		unit_is_good(where))
		field_problem(where, field_line(where, "unit"),
			"unit: %u of link \"%.*s\" is panel \"%.*s\" already, line %d", panel->unit,
			text_shown(panel->link->name), panel->link->name, text_shown(other->name),
			other->name, line_of(where, "panel", other->name));
}

static int compare_panels(const void *a, const void *b)
{
	return by_number(
		((const struct panel_conf *)a)->index, ((const struct panel_conf *)b)->index);
}

static void read_panels(struct reader *reader)
{
	struct config *config = reader->config;
	cfg_t *top = reader->top.section;

	config->n_panels = section_count(reader, "panel", PANELS_MAX);
	config->panels = xcalloc(config->n_panels, sizeof(*config->panels));
	for (unsigned i = 0; i < config->n_panels; i++) {
		struct where where =
			where_section(&reader->top, "panel", cfg_getnsec(top, "panel", i));

		read_panel(reader, &where, &config->panels[i]);
		for (unsigned earlier = 0; earlier < i; earlier++)
			check_panel_against(&where, &config->panels[i], &config->panels[earlier]);
	}
	qsort(config->panels, config->n_panels, sizeof(*config->panels), compare_panels);
}

/* The whole. */

static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? strndup(path, (size_t)(slash - path) + 1) : xstrdup("");
}

/* Those of the file itself first, by line; then those of other files as found. */
static void sort_problems(struct problem *problems, size_t n, const char *path)
{
	for (size_t i = 1; i < n; i++) {
		struct problem moving = problems[i];
		size_t place = i;

		if (strcmp(moving.file, path) != 0)
			continue;
		while (place > 0 && (strcmp(problems[place - 1].file, path) != 0 ||
					    problems[place - 1].line > moving.line))
			place--;
		memmove(&problems[place + 1], &problems[place], (i - place) * sizeof(moving));
		problems[place] = moving;
	}
}

static void read_config(struct reader *reader)
{
	read_top(reader);
	read_links(reader);
	read_panels(reader);
	for (size_t i = 0; i < reader->n_profiles; i++) {
		profile_unref(reader->profiles[i].profile);
		free(reader->profiles[i].name);
	}
	free(reader->profiles);
}

int conf_load(const char *path, struct problems *problems, struct config **config)
{
	struct reader reader = { .top = { .path = path, .problems = problems } };
	size_t first = problems->count, dropped = problems->dropped;

	*config = NULL;
	reader.top.section = syntax_read(path, options, problems, &reader.top.whole);
	reader.top.top = reader.top.section;
	if (reader.top.section == NULL)
		return -EINVAL;
	reader.folder = folder_of(path);
	reader.config = xcalloc(1, sizeof(*reader.config));
	reader.config->refs = 1;
	reader.config->path = xstrdup(path);
	reader.config->loaded_wall_ms = clock_wall_ms();
	read_config(&reader);
	cfg_free(reader.top.section);
	free(reader.folder);
	if (problems->count > first || problems->dropped > dropped) {
		sort_problems(problems->items + first, problems->count - first, path);
		conf_unref(reader.config);
		return -EINVAL;
	}
	*config = reader.config;
	return 0;
}
