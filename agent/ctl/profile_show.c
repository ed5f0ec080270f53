/* profile_show: see profile_show.h. The text. */
#include "config.h"

#include "ctl/profile_show.h"

#include <inttypes.h>
#include <string.h>

#include "core/util.h"
#include "ctl/grid.h"

#define TCP_ROUND_TRIP_US 5000

const struct show_line show_lines[SHOW_LINES] = {
	{ ">9600 8N1", "us_9600_8n1", 9600 },
	{ ">19200 8N1", "us_19200_8n1", 19200 },
	{ ">TCP, 5 ms", "us_tcp_5ms", 0 },
};

const struct show_set show_sets[SHOW_SETS] = {
	{ "alarm", 1u << POLL_ALARM },
	{ "alarm + fast", 1u << POLL_ALARM | 1u << POLL_FAST },
	{ "slow", 1u << POLL_SLOW },
	{ "once", 1u << POLL_ONCE },
	{ "all", (1u << POLL_CLASSES) - 1 },
};

struct plan_line show_line(unsigned line)
{
	return show_lines[line].baud ? plan_line_rtu(show_lines[line].baud, 10, 0)
				     : plan_line_tcp(TCP_ROUND_TRIP_US);
}

struct plan *show_plan(
	const struct profile_show *show, unsigned classes, const struct plan_line *line)
{
	struct plan_want want = show->want;

	want.classes = classes;
	return plan_build(&want, line);
}

bool show_has_point(const struct profile_show *show, const struct point *point)
{
	struct plan_want want = show->want;

	want.classes = (1u << POLL_CLASSES) - 1;
	want.two_pole = want.three_pole = true;
	return point->scope != SCOPE_THRESHOLD && plan_wants_point(&want, point);
}

const struct point *show_threshold_point(
	const struct profile *profile, unsigned threshold, enum quantity quantity)
{
	for (unsigned i = 0; i < profile->n_points; i++) {
		const struct point *point = &profile->points[i];

		if (point->scope == SCOPE_THRESHOLD && point->quantity == quantity &&
			point->first_channel == threshold + 1)
			return point;
	}
	return NULL;
}

const char *show_threshold_unit(enum threshold_unit unit)
{
	static const char *const names[] = {
		[THRESHOLD_PERMILLE_OF_RATING] = "0.1 % of rating",
		[THRESHOLD_MILLIAMP] = "mA",
		[THRESHOLD_MILLIVOLT] = "mV",
	};

	return names[unit];
}

static void range_text(
	const struct profile *profile, unsigned first, unsigned last, char *text, size_t size)
{
	if (first == last)
		snprintf(text, size, "%u", show_printed(profile, first));
	else
		snprintf(text, size, "%u-%u", show_printed(profile, first),
			show_printed(profile, last));
}

static void channels_text(const struct point *point, char *text, size_t size)
{
	unsigned last = point->first_channel + (point->count - 1u) * point->channel_step;
	const char *from = channel_name(point->scope, point->first_channel);
	const char *to = channel_name(point->scope, last);

	if (point->scope == SCOPE_PANEL)
		text[0] = '\0';
	else if (point->count == 1 && from != NULL)
		snprintf(text, size, "%s", from);
	else if (point->count == 1)
		snprintf(text, size, "%u", last);
	else if (from != NULL && to != NULL)
		snprintf(text, size, "%s to %s", from, to);
	else
		snprintf(text, size, "%u to %u", point->first_channel, last);
}

void show_models(const struct profile *profile, uint8_t models, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (unsigned m = 0; m < profile->n_models && used < size; m++) {
		if (models >> m & 1)
			used += (size_t)snprintf(text + used, size - used, "%s%s", used ? " " : "",
				profile->models[m].name);
	}
}

/* "A x 10^-2", "A x 10^[1000-1041]": how a register becomes a number in the base unit. */
static void value_text(
	const struct profile *profile, const struct point *point, char *text, size_t size)
{
	const struct unit_info *unit = unit_info(quantity_info(point->quantity)->unit);
	char scale[32];

	if (point->scaled && point->exponent != 0) {
		snprintf(text, size, "%s x 10^(%d + [%u])", unit->base, point->exponent,
			show_printed(profile, point->scale_reg));
	} else if (point->scaled) {
		range_text(profile, point->scale_reg,
			point->scale_reg + (point->count - 1u) * point->scale_stride, scale,
			sizeof(scale));
		snprintf(text, size, "%s x 10^[%s]", unit->base, scale);
	} else if (point->exponent != 0) {
		snprintf(text, size, "%s x 10^%d", unit->base, point->exponent);
	} else {
		snprintf(text, size, "%s", unit->base);
	}
}

static void print_points(const struct profile_show *show, FILE *out)
{
	static const char *const titles[] = { "Scope", "Quantity", "Channels", "Registers", "Type",
		"Value", "Class", "Models", "Access", NULL };
	const struct profile *profile = show->profile;
	struct grid *grid = grid_new(titles);
	int scope = -1;

	for (unsigned i = 0; i < profile->n_points; i++) {
		const struct point *point = &profile->points[i];
		char text[64];

		if (!show_has_point(show, point))
			continue;
		grid_cell(grid, "%s", (int)point->scope == scope ? "" : scope_name(point->scope));
		scope = (int)point->scope;
		grid_cell(grid, "%s", quantity_info(point->quantity)->name);
		channels_text(point, text, sizeof(text));
		grid_cell(grid, "%s", text);
		range_text(profile, point->reg, show_point_end(point), text, sizeof(text));
		grid_cell(grid, "%s", text);
		grid_cell(grid, "%s", word_type_name(point->type));
		value_text(profile, point, text, sizeof(text));
		grid_cell(grid, "%s", text);
		grid_cell(grid, "%s", poll_class_name(point->poll));
		show_models(profile, point->models, text, sizeof(text));
		grid_cell(grid, "%s", text);
		grid_cell(grid, "%s", point->access == ACCESS_READ_WRITE ? "rw" : "r");
	}
	grid_print(grid, 2, out);
	grid_free(grid);
}

static void threshold_cell(struct grid *grid, const struct profile *profile, unsigned threshold,
	enum quantity quantity)
{
	const struct point *point = show_threshold_point(profile, threshold, quantity);

	if (point == NULL)
		grid_cell(grid, "-");
	else
		grid_cell(grid, "%u %s", show_printed(profile, point->reg),
			point->access == ACCESS_READ_WRITE ? "rw" : "r");
}

static void print_thresholds(const struct profile *profile, FILE *out)
{
	static const char *const titles[] = { "Scope", "Level", "Channel", ">Value", ">Delay",
		">Hysteresis", "Unit of the value", "Zero", NULL };
	struct grid *grid = grid_new(titles);

	for (unsigned i = 0; i < profile->n_thresholds; i++) {
		const struct profile_threshold *threshold = &profile->thresholds[i];

		grid_cell(grid, "%s", scope_name(threshold->scope));
		grid_cell(grid, "%s", level_name(threshold->level));
		if (threshold->channel == 0)
			grid_cell(grid, "all");
		else
			grid_cell(grid, "%u", threshold->channel);
		threshold_cell(grid, profile, i, Q_THRESHOLD);
		threshold_cell(grid, profile, i, Q_DELAY);
		threshold_cell(grid, profile, i, Q_HYSTERESIS);
		grid_cell(grid, "%s", show_threshold_unit(threshold->unit));
		grid_cell(grid, "%s", threshold->zero_disables ? "turns it off" : "");
	}
	if (profile->n_thresholds > 0)
		fputs("\nLimits\n", out);
	grid_print(grid, 2, out);
	grid_free(grid);
}

static void bit_cell(struct grid *grid, int bit)
{
	if (bit < 0)
		grid_cell(grid, "-");
	else
		grid_cell(grid, "%d", bit);
}

static const char *clear_text(
	const struct profile *profile, const struct profile_alarm *alarm, char *text, size_t size)
{
	switch (alarm->clear) {
	case CLEAR_ZERO_BITS:
		return "write 0 to the bit";
	case CLEAR_ONES_MASK:
		return "write 1 to the bit";
	case CLEAR_COMMAND:
		snprintf(text, size, "%u <- %u", show_printed(profile, alarm->clear_reg),
			alarm->clear_value);
		return text;
	default:
		return "-";
	}
}

static void print_alarms(const struct profile *profile, FILE *out)
{
	static const char *const titles[] = { "Scope", "Level", ">Latched bit", ">Active bit",
		"Severity", "Counter", "Cleared by", NULL };
	struct grid *grid = grid_new(titles);
	char text[32];

	for (unsigned i = 0; i < profile->n_alarms; i++) {
		const struct profile_alarm *alarm = &profile->alarms[i];

		grid_cell(grid, "%s", scope_name(alarm->scope));
		grid_cell(grid, "%s", level_name(alarm->level));
		bit_cell(grid, alarm->latched_bit);
		bit_cell(grid, alarm->active_bit);
		grid_cell(grid, "%s", alarm->severity == STATE_CRITICAL ? "critical" : "warning");
		grid_cell(grid, "%s",
			alarm->counter < 0 ? "-"
					   : quantity_info((enum quantity)alarm->counter)->name);
		grid_cell(grid, "%s", clear_text(profile, alarm, text, sizeof(text)));
	}
	if (profile->n_alarms > 0)
		fputs("\nAlarms\n", out);
	grid_print(grid, 2, out);
	grid_free(grid);
}

static void print_health(const struct profile *profile, FILE *out)
{
	static const char *const titles[] = { "Finding", ">Bit", NULL };
	struct grid *grid = grid_new(titles);

	for (unsigned i = 0; i < profile->n_health; i++) {
		grid_cell(grid, "%s", health_name(profile->health[i].health));
		grid_cell(grid, "%u", profile->health[i].bit);
	}
	if (profile->n_health > 0)
		fputs("\nHealth\n", out);
	grid_print(grid, 2, out);
	grid_free(grid);
}

static void print_commands(const struct profile *profile, FILE *out)
{
	static const char *const titles[] = { "Scope", "Command", "Registers", ">Value", NULL };
	struct grid *grid = grid_new(titles);
	char text[32];

	for (unsigned i = 0; i < profile->n_commands; i++) {
		const struct profile_command *command = &profile->commands[i];

		grid_cell(grid, "%s", scope_name(command->scope));
		grid_cell(grid, "%s", command->name);
		range_text(profile, command->reg, command->reg + command->count - 1u, text,
			sizeof(text));
		grid_cell(grid, "%s", text);
		grid_cell(grid, "%u", command->value);
	}
	if (profile->n_commands > 0)
		fputs("\nCommands\n", out);
	grid_print(grid, 2, out);
	grid_free(grid);
}

/* The reads of one plan, in lines of at most 100 columns. */
static void print_reads(
	const struct profile *profile, const char *name, const struct plan *plan, FILE *out)
{
	int column = fprintf(out, "  %-12s ", name);

	for (unsigned r = 0; r < plan->n_reads; r++) {
		const struct plan_read *read = &plan->reads[r];
		char text[32];

		range_text(profile, read->reg, read->reg + read->count - 1u, text, sizeof(text));
		if (column + (int)strlen(text) > 98)
			column = fprintf(out, "\n%15s", "") - 1;
		column += fprintf(out, " %s", text);
	}
	fputs(plan->n_reads ? "\n" : " nothing to read\n", out);
}

static void line_cell(
	struct grid *grid, const struct profile_show *show, unsigned classes, unsigned wire)
{
	struct plan_line line = show_line(wire);
	struct plan *plan = show_plan(show, classes, &line);

	grid_cell(grid, "%" PRIu64 " ms", (plan_time_us(plan, &line) + 500) / 1000);
	plan_free(plan);
}

static void print_plans(const struct profile_show *show, FILE *out)
{
	const char *const titles[] = { "Due", ">Reads", ">Registers", ">Needed",
		show_lines[0].title, ">Of the ideal", show_lines[1].title, show_lines[2].title,
		NULL };
	struct plan_line line = show_line(0);
	struct grid *grid = grid_new(titles);
	struct plan *plans[SHOW_SETS];

	for (size_t s = 0; s < SHOW_SETS; s++) {
		uint64_t us;

		plans[s] = show_plan(show, show_sets[s].classes, &line);
		us = plan_time_us(plans[s], &line);
		grid_cell(grid, "%s", show_sets[s].name);
		grid_cell(grid, "%u", plans[s]->n_reads);
		grid_cell(grid, "%u", plans[s]->words);
		grid_cell(grid, "%u", plans[s]->needed);
		grid_cell(grid, "%" PRIu64 " ms", (us + 500) / 1000);
		grid_cell(
			grid, "%.1f %%", us ? 100.0 * plan_ideal_us(plans[s], &line) / us : 100.0);
		line_cell(grid, show, show_sets[s].classes, 1);
		line_cell(grid, show, show_sets[s].classes, 2);
	}
	fprintf(out, "\nRead plan: %s%s%s registers%s%s\n", show->model[0] ? "model " : "",
		show->model, show->want.encoding == ENCODING_FLOAT ? ", float" : ", integer",
		show->want.two_pole ? ", with two-pole meters" : "",
		show->want.three_pole ? ", with three-pole meters" : "");
	grid_print(grid, 2, out);
	grid_free(grid);
	fputs("\nReads at 9600 8N1\n", out);
	for (size_t s = 0; s < SHOW_SETS; s++) {
		print_reads(show->profile, show_sets[s].name, plans[s], out);
		plan_free(plans[s]);
	}
}

static void print_head(const struct profile_show *show, FILE *out)
{
	const struct profile *profile = show->profile;
	bool optional = false;

	fprintf(out, "%s: %s\n", profile->name, profile->title);
	fprintf(out,
		"  %u branches, %u mains; function %u, up to %u registers a read; numbers start at "
		"%u\n",
		profile->branches, profile->mains, profile->function, profile->max_read,
		profile->base);
	for (unsigned m = 0; m < profile->n_models; m++)
		fprintf(out, "%s%s = %u%s", m ? ", " : "  models ", profile->models[m].name,
			profile->models[m].id, m + 1 == profile->n_models ? "\n" : "");
	for (unsigned l = 0; l < profile->n_ct_layouts; l++)
		fprintf(out, "%s%s = %u%s", l ? ", " : "  CT layouts ", profile->ct_layouts[l].name,
			profile->ct_layouts[l].value, l + 1 == profile->n_ct_layouts ? "\n" : "");
	fputs("  readable", out);
	for (unsigned b = 0; b < profile->n_blocks; b++) {
		char text[32];

		range_text(profile, profile->blocks[b].first, profile->blocks[b].last, text,
			sizeof(text));
		fprintf(out, "%s%s%s",
			b % 8 == 0 && b ? ",\n           "
			: b		? ", "
					: " ",
			text, profile->blocks[b].optional ? "?" : "");
		optional |= profile->blocks[b].optional;
	}
	fputs("\n", out);
	if (optional)
		fputs("           (?: not every meter has it)\n", out);
	fputc('\n', out);
}

void profile_show_text(const struct profile_show *show, FILE *out)
{
	print_head(show, out);
	print_points(show, out);
	print_thresholds(show->profile, out);
	print_alarms(show->profile, out);
	print_health(show->profile, out);
	print_commands(show->profile, out);
	print_plans(show, out);
}
