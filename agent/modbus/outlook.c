/*
 * outlook: see outlook.h.
 *
 * Panels of one kind on lines of one kind cost the same: with hundreds of them the
 * plans are made once.
 */
#include "config.h"

#include "modbus/outlook.h"

#include <stdlib.h>

#include "core/util.h"
#include "modbus/forecast.h"
#include "modbus/pollset.h"

#define TEXT_MAX    256
#define ADDRESS_MAX 128

/* What the polls of a kind of panel cost on a kind of line. */
struct cost {
	const struct profile *profile;
	enum encoding encoding; /* as configured */
	bool two_pole, three_pole;
	struct plan_line line;
	struct forecast_poll alarm, fast;
	uint64_t slow_us;
};

struct costs {
	struct cost *items;
	size_t n;
};

static struct forecast_poll cost_of(
	const struct cost *cost, const struct plan_want *want, unsigned classes)
{
	struct plan_want some = *want;
	struct forecast_poll poll;
	struct plan *plan;

	some.classes = classes;
	plan = plan_build(&some, &cost->line);
	poll = (struct forecast_poll){ plan_time_us(plan, &cost->line), plan->n_reads };
	plan_free(plan);
	return poll;
}

/* Of the model that costs most. */
static void find_cost(struct cost *cost)
{
	const unsigned measurements = CLASS(POLL_ALARM) | CLASS(POLL_FAST);
	int n_models = (int)cost->profile->n_models;

	for (int model = n_models > 0 ? 0 : -1; model < n_models; model++) {
		struct plan_want want = {
			.profile = cost->profile,
			.model = model,
			.encoding = cost->encoding,
			.two_pole = cost->two_pole,
			.three_pole = cost->three_pole,
		};
		struct forecast_poll fast;

		if (want.encoding == ENCODING_AUTO)
			want.encoding = plan_choose_encoding(&want, &cost->line, ENCODING_ANY);
		fast = cost_of(cost, &want, measurements);
		if (fast.us < cost->fast.us)
			continue;
		cost->fast = fast;
		cost->alarm = cost_of(cost, &want, CLASS(POLL_ALARM));
		cost->slow_us =
			cost_of(cost, &want, measurements | CLASS(POLL_SLOW)).us - fast.us;
	}
}

static bool same_kind(const struct cost *a, const struct cost *b)
{
	return a->profile == b->profile && a->encoding == b->encoding &&
	       a->two_pole == b->two_pole && a->three_pole == b->three_pole &&
	       a->line.per_read_us == b->line.per_read_us &&
	       a->line.per_word_us == b->line.per_word_us &&
	       a->line.max_registers == b->line.max_registers;
}

static const struct cost *panel_cost(struct costs *costs, const struct panel_conf *panel)
{
	struct cost cost = {
		.profile = panel->profile,
		.encoding = panel->encoding,
		.two_pole = panel->two_pole_meters,
		.three_pole = panel->three_pole_meters,
		.line = pollset_line(panel->link, NULL),
	};

	for (size_t i = 0; i < costs->n; i++)
		if (same_kind(&costs->items[i], &cost))
			return &costs->items[i];
	find_cost(&cost);
	costs->items = xrealloc(costs->items, costs->n + 1, sizeof(*costs->items));
	costs->items[costs->n] = cost;
	return &costs->items[costs->n++];
}

/* The panels of a link, if it had that baud rate; the caller frees them. */
static size_t gather(struct costs *costs, const struct config *config,
	const struct link_conf *link, uint32_t baud, struct forecast_panel **panels)
{
	struct link_conf as_if = *link;
	size_t n = 0;

	as_if.baud = baud;
	*panels = xcalloc(config->n_panels, sizeof(**panels));
	for (size_t i = 0; i < config->n_panels; i++) {
		struct panel_conf panel = config->panels[i];
		const struct cost *cost;

		if (panel.link != link || !panel.enabled)
			continue;
		panel.link = &as_if;
		cost = panel_cost(costs, &panel);
		(*panels)[n++] = (struct forecast_panel){
			.alarm = cost->alarm,
			.fast = cost->fast,
			.slow_us = cost->slow_us,
			.alarm_poll_ms = panel.alarm_poll_ms,
			.poll_ms = panel.poll_ms,
			.slow_poll_ms = panel.slow_poll_ms,
		};
	}
	return n;
}

static bool is_serial(const struct link_conf *link)
{
	return link->transport != TRANSPORT_TCP;
}

static void describe(const struct link_conf *link, char *text, size_t size)
{
	char address[ADDRESS_MAX];

	link_conf_address(link, address, sizeof(address));
	if (is_serial(link))
		snprintf(text, size, "link \"%s\" (%s, %u baud)", link->name, address, link->baud);
	else
		snprintf(text, size, "link \"%s\" (%s)", link->name, address);
}

/* The lowest usual rate at which the line would do, 0: none. */
static uint32_t helpful_baud(
	struct costs *costs, const struct config *config, const struct link_conf *link)
{
	static const uint32_t rates[] = { 9600, 19200, 38400, 57600, 115200 };

	for (size_t i = 0; is_serial(link) && i < ARRAY_LEN(rates); i++) {
		struct forecast_panel *panels;
		struct forecast forecast;
		size_t n;

		if (rates[i] <= link->baud)
			continue;
		n = gather(costs, config, link, rates[i], &panels);
		forecast_line(panels, n, &forecast);
		free(panels);
		if (forecast.load_permille <= 1000)
			return rates[i];
	}
	return 0;
}

static double seconds(uint32_t ms)
{
	return (double)ms / 1000;
}

/* In tenths of a second, so that what is proposed is enough. */
static uint32_t rounded_up(uint32_t ms)
{
	return (ms + 99) / 100 * 100;
}

static uint32_t shortest_ms(const struct forecast_panel *panels, size_t n, bool alarms)
{
	uint32_t shortest = UINT32_MAX;

	for (size_t i = 0; i < n; i++) {
		uint32_t ms = alarms ? panels[i].alarm_poll_ms : panels[i].poll_ms;

		shortest = ms < shortest ? ms : shortest;
	}
	return shortest;
}

/* "poll = 13100, alarm-poll = 3200, baud = 38400, fewer panels or fewer registers" */
static void print_help(const struct forecast *forecast, uint32_t poll_ms, uint32_t baud, FILE *out)
{
	uint32_t least_ms = rounded_up(forecast->least_ms);
	uint32_t alarm_ms = rounded_up(forecast->alarm_ms);

	fprintf(out, "; what helps:");
	/* Both or neither: one of them alone would not do. */
	if (least_ms <= CONF_POLL_MAX_MS && alarm_ms <= CONF_POLL_MAX_MS) {
		if (forecast->least_ms > poll_ms)
			fprintf(out, " poll = %u,", least_ms);
		if (alarm_ms > 0)
			fprintf(out, " alarm-poll = %u,", alarm_ms);
	}
	if (baud > 0)
		fprintf(out, " baud = %u,", baud);
	fprintf(out, " fewer panels on it or fewer registers\n");
}

static void warn(const struct forecast *forecast, const struct forecast_panel *panels, size_t n,
	const char *name, uint32_t baud, FILE *out)
{
	uint32_t poll_ms = shortest_ms(panels, n, false);

	fprintf(out, "warning: %s is too slow for its %zu panel%s: a round of measurements takes "
		     "%.1f s, the load would be %u %%: ",
		name, n, n == 1 ? "" : "s", seconds(forecast->round_ms),
		forecast->load_permille / 10);
	if (forecast->least_ms > poll_ms)
		fprintf(out, "measurements every %.1f s instead of %.1f s",
			seconds(forecast->least_ms), seconds(poll_ms));
	if (forecast->alarm_ms > 0)
		fprintf(out, "%salarms every %.1f s instead of %.1f s",
			forecast->least_ms > poll_ms ? ", " : "", seconds(forecast->alarm_ms),
			seconds(shortest_ms(panels, n, true)));
	print_help(forecast, poll_ms, baud, out);
}

static void print_link(struct costs *costs, const struct config *config,
	const struct link_conf *link, FILE *out, FILE *warnings)
{
	struct forecast_panel *panels;
	struct forecast forecast;
	size_t n = gather(costs, config, link, link->baud, &panels);
	char name[TEXT_MAX];

	forecast_line(panels, n, &forecast);
	describe(link, name, sizeof(name));
	if (forecast.load_permille > 1000) {
		fprintf(warnings, "%s: ", config->path);
		warn(&forecast, panels, n, name, helpful_baud(costs, config, link), warnings);
	} else if (is_serial(link) && n > 0) {
		fprintf(out, "%s: %zu panel%s, load %u.%u %%\n", name, n, n == 1 ? "" : "s",
			forecast.load_permille / 10, forecast.load_permille % 10);
	}
	free(panels);
}

void outlook_print(const struct config *config, FILE *out, FILE *warnings)
{
	struct costs costs = { 0 };

	for (size_t i = 0; i < config->n_links; i++)
		print_link(&costs, config, &config->links[i], out, warnings);
	free(costs.items);
}
