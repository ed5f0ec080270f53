/* poll_text: one poll as tables of at most 100 columns; see poll_print.h. */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/text.h"
#include "core/util.h"
#include "ctl/hints.h"
#include "ctl/poll_print.h"

#define LABEL_WIDTH 24

/* A text in width columns: cut between characters, filled with blanks. */
static void print_label(FILE *out, const char *text, int width)
{
	size_t length = strlen(text), at = 0;

	while (at < length && width > 0) {
		size_t n = text_character(text + at, length - at);

		if (n == 0)
			break;
		fwrite(text + at, 1, n, out);
		at += n;
		width--;
	}
	fprintf(out, "%*s", width, "");
}

/* A value divided by 10^decimals_in, with so many decimals; "-" when there is none. */
static void print_value(FILE *out, struct reading reading, int width, double divisor, int decimals)
{
	if (good(reading))
		fprintf(out, "%*.*f", width, decimals, (double)reading.num / divisor);
	else
		fprintf(out, "%*s", width, "-");
}

static void print_time(FILE *out, int64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm;
	char text[64];

	localtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %Z", &tm);
	fputs(text, out);
}

static void print_meter(const struct facts *facts, FILE *out)
{
	const struct identity *identity = facts->snapshot->identity;
	const struct profile *profile = facts->panel->conf->profile;
	const struct profile_ct_layout *layout = facts_ct_layout(facts);
	struct reading power_ups = facts_read(facts, SCOPE_PANEL, Q_POWER_UPS, 1);
	const char *model = facts_model(facts);

	fprintf(out, "Meter     %s (%s)%s%s\n", profile->name, profile->title,
		model[0] != '\0' ? ", model " : "", model);
	if (identity == NULL)
		return;
	fprintf(out, "          serial ");
	if (identity->serial >= 0)
		fprintf(out, "%" PRId64, identity->serial);
	else
		fputs("not known", out);
	if (identity->firmware[0] != '\0')
		fprintf(out, ", firmware %s", identity->firmware);
	if (good(power_ups))
		fprintf(out, ", powered up %" PRId64 " times", power_ups.num);
	if (layout != NULL)
		fprintf(out, "\n          CT layout %s", layout->name);
	if (identity->location[0] != '\0')
		fprintf(out, "%s location in the meter \"%s\"", layout ? "," : "\n         ",
			identity->location);
	putc('\n', out);
}

static void print_head(const struct facts *facts, FILE *out)
{
	const struct panel_conf *conf = facts->panel->conf;
	char address[300];

	link_conf_address(conf->link, address, sizeof(address));
	fprintf(out, "Panel     %s, index %u%s%s\n", conf->name, conf->index,
		conf->location[0] != '\0' ? ", " : "", conf->location);
	fprintf(out, "Link      %s, %s, unit %u\n", conf->link->name, address, conf->unit);
	print_meter(facts, out);
	fprintf(out, "Polled    ");
	print_time(out, facts->snapshot->contact_wall_ms);
	fprintf(out, ", %" PRIu64 " requests in %.2f s, the slowest %.0f ms\n\n", facts->requests,
		(double)facts->duration_ms / 1000, (double)facts->slowest_us / 1000);
}

static void print_voltages(const struct facts *facts, FILE *out)
{
	static const char *const names[] = { "A-N", "B-N", "C-N", "L-N mean", "A-B", "B-C", "C-A",
		"L-L mean" };
	static const struct {
		const char *name;
		enum scope scope;
	} sources[] = { { "main", SCOPE_VOLTAGE }, { "alternate", SCOPE_ALT_VOLTAGE } };

	for (unsigned s = 0; s < ARRAY_LEN(sources); s++) {
		if (!layout_has(facts->panel->layout, sources[s].scope, Q_VOLTAGE))
			continue;
		fprintf(out, "%-10s", s == 0 ? "Voltage" : "");
		for (unsigned i = 0; i < ARRAY_LEN(names); i++)
			fprintf(out, "%9s", names[i]);
		fprintf(out, "%14s\n%-10s", "frequency", sources[s].name);
		for (unsigned i = 0; i < ARRAY_LEN(names); i++)
			print_value(out, facts_read(facts, sources[s].scope, Q_VOLTAGE, i + 1), 9,
				1000, 1);
		print_value(out, facts_read(facts, SCOPE_SOURCE, Q_FREQUENCY, s + 1), 11, 1000, 2);
		fprintf(out, " Hz\n");
	}
	putc('\n', out);
}

static void print_row_head(FILE *out, const char *number, const char *label)
{
	fprintf(out, "%4s  %-*s%2s%7s%9s%6s%8s%8s%6s%11s  %s\n", number, LABEL_WIDTH, label, "Ph",
		"rating", "current", "load", "power", "appar.", "PF", "energy", "alarms");
	fprintf(out, "%4s  %-*s%2s%7s%9s%6s%8s%8s%6s%11s\n", "", LABEL_WIDTH, "", "", "A", "A", "%",
		"W", "VA", "", "kWh");
}

static void print_row(FILE *out, const struct facts_row *row)
{
	char alarms[64];

	facts_alarms(&row->alarms, alarms, sizeof(alarms));
	fprintf(out, "%4u  ", row->number);
	print_label(out, row->label, LABEL_WIDTH);
	fprintf(out, "%2c", row->phase);
	print_value(out, row->rating, 7, 1000, 0);
	print_value(out, row->current, 9, 1000, 2);
	print_value(out, row->load, 6, 10, 0);
	print_value(out, row->power, 8, 1, 0);
	print_value(out, row->apparent, 8, 1, 0);
	print_value(out, row->factor, 6, 1000, 2);
	print_value(out, row->energy, 11, 1000, 1);
	fprintf(out, "%s%s\n", alarms[0] != '\0' ? "  " : "", alarms);
}

static bool print_rows(const struct facts *facts, FILE *out)
{
	const struct panel *panel = facts->panel;
	const struct rowset *mains = &panel->layout->mains, *branches = &panel->layout->branches;
	bool alarms = false;

	print_row_head(out, "", "Mains");
	for (uint32_t i = 0; i < mains->n; i++) {
		struct facts_row row = facts_mains(facts,
			(ROW_KEY_A(mains->keys[i]) - 1) * MAINS_PHASES + ROW_KEY_B(mains->keys[i]));

		alarms = alarms || row.alarms.active || row.alarms.latched;
		print_row(out, &row);
	}
	putc('\n', out);
	print_row_head(out, "", "Branch");
	for (uint32_t i = 0; i < branches->n; i++) {
		struct facts_row row = facts_branch(facts, ROW_KEY_A(branches->keys[i]));

		alarms = alarms || row.alarms.active || row.alarms.latched;
		print_row(out, &row);
	}
	if (panel->circuits.n > 0) {
		putc('\n', out);
		print_row_head(out, "", "Circuit");
	}
	for (uint32_t i = 0; i < panel->circuits.n; i++) {
		struct facts_row row = facts_circuit(facts, ROW_KEY_A(panel->circuits.keys[i]));

		print_row(out, &row);
	}
	return alarms;
}

static void print_point(const struct poll_point *element, void *arg)
{
	const struct point *point = element->point;
	const struct quantity_info *info = quantity_info(point->quantity);
	FILE *out = arg;

	fprintf(out, "%8u  %-11s%5u  %-26s", element->reg, scope_name(point->scope),
		element->channel, info->name);
	if (element->value.quality != QUALITY_GOOD)
		fprintf(out, "%20s", "-");
	else if (element->text != NULL)
		fprintf(out, "  \"%s\"", element->text);
	else
		fprintf(out, "%20" PRId64, element->value.num);
	fprintf(out, " %-8s %-6s%s\n", unit_info(info->unit)->symbol,
		quality_name(element->value.quality), poll_class_name(point->poll));
}

struct hint_list {
	FILE *out;
	unsigned n;
};

static void print_hint(const char *text, void *arg)
{
	struct hint_list *list = arg;

	if (list->n++ == 0)
		fputs("\nTo look at:\n", list->out);
	fprintf(list->out, "  - %s\n", text);
}

void poll_print_text(const struct facts *facts, bool all, FILE *out)
{
	struct hint_list hints = { .out = out };

	print_head(facts, out);
	print_voltages(facts, out);
	if (print_rows(facts, out))
		fputs("\nAlarms: HH high-high, H high, L low, LL low-low, OFF off; h, l not "
		      "latching;\n"
		      "        * latched, but no longer active\n",
			out);
	if (all) {
		fprintf(out, "\n%8s  %-11s%5s  %-26s%20s %-8s %-6s%s\n", "register", "scope",
			"chan.", "quantity", "value", "unit", "", "class");
		poll_points(facts, print_point, out);
	}
	if (hints_find(facts, print_hint, &hints) == 0)
		fputs("\nNothing looks wrong.\n", out);
}
