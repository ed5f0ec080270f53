/* branches: see branches.h. */
#include "config.h"

#include "config/branches.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/csv.h"
#include "core/text.h"
#include "core/util.h"

#define FILE_MAX_BYTES (1 << 20)
#define AMPS_MAX       10000
#define COLUMNS	       (1 + BRANCH_PROPERTIES)

static bool set_text(char **member, const char *text)
{
	if (strlen(text) > CONF_NAME_MAX)
		return false;
	free(*member);
	*member = xstrdup(text);
	return true;
}

static bool set_label(struct branch_conf *branch, const char *text)
{
	return set_text(&branch->label, text);
}

static bool set_tenant(struct branch_conf *branch, const char *text)
{
	return set_text(&branch->tenant, text);
}

/* Amperes, with up to three decimals: "16", "62.5". */
static bool set_rating(struct branch_conf *branch, const char *text)
{
	size_t whole = strspn(text, "0123456789");
	const char *decimals = text[whole] == '.' ? text + whole + 1 : "0";
	size_t n = strspn(decimals, "0123456789");
	char digits[] = "000";
	int64_t amps, milliamps;

	if (whole == 0 || whole > 5 || n == 0 || n > 3 || decimals[n] != '\0' ||
		(text[whole] != '.' && text[whole] != '\0'))
		return false;
	memcpy(digits, decimals, n);
	amps = strtol(text, NULL, 10);
	milliamps = amps * 1000 + strtol(digits, NULL, 10);
	if (milliamps > AMPS_MAX * 1000)
		return false;
	branch->rating_ma = (int32_t)milliamps;
	return true;
}

static bool set_poles(struct branch_conf *branch, const char *text)
{
	int64_t poles;

	if (number_parse(text, 1, CIRCUIT_POLES_MAX, &poles) < 0)
		return false;
	branch->poles = (uint8_t)poles;
	return true;
}

const struct branch_property branch_properties[BRANCH_PROPERTIES] = {
	{ "label", "at most 64 bytes", set_label },
	{ "tenant", "at most 64 bytes", set_tenant },
	{ "breaker-amps", "0 to 10000 A, at most 3 decimals", set_rating },
	{ "poles", "1 to 3", set_poles },
};

struct reading {
	const char *path;
	struct problems *problems;
	unsigned max;
	struct branch_conf *branches;
	int *lines;					/* of each branch; 0: not seen yet */
	const struct branch_property *columns[COLUMNS]; /* NULL: the number */
	size_t n_columns;
};

static bool find_column(const char *name, const struct branch_property **property)
{
	*property = NULL;
	for (size_t i = 0; i < BRANCH_PROPERTIES; i++) {
		if (strcmp(name, branch_properties[i].name) == 0)
			*property = &branch_properties[i];
	}
	return *property != NULL || strcmp(name, "number") == 0;
}

/* The first line names the columns, in any order; "number" must be among them. */
static bool read_header(struct reading *reading, const struct csv_record *record)
{
	static const char names[] = "number, label, tenant, breaker-amps, poles";
	bool number = false;

	for (size_t i = 0; i < record->n; i++) {
		const struct branch_property *property;

		if (!find_column(record->fields[i], &property)) {
			problem_add(reading->problems, reading->path, record->line,
				"unknown column \"%.*s\" (columns, separated by commas: %s)",
				text_shown(record->fields[i]), record->fields[i], names);
			return false;
		}
		for (size_t j = 0; j < i; j++) {
			if (reading->columns[j] != property)
				continue;
			problem_add(reading->problems, reading->path, record->line,
				"column \"%s\" stands twice", record->fields[i]);
			return false;
		}
		number = number || property == NULL;
		reading->columns[i] = property;
	}
	if (!number)
		problem_add(reading->problems, reading->path, record->line,
			"first line must name the columns, \"number\" among them (%s)", names);
	reading->n_columns = record->n;
	return number;
}

/* The branch of a record, NULL when it has none or one that was there before. */
static struct branch_conf *find_branch(struct reading *reading, const struct csv_record *record)
{
	const char *text = "";
	int64_t number;

	for (size_t i = 0; i < record->n; i++) {
		if (reading->columns[i] == NULL)
			text = record->fields[i];
	}
	if (number_parse(text, 1, reading->max, &number) < 0) {
		problem_add(reading->problems, reading->path, record->line,
			"number: \"%.*s\" is not a branch (1 to %u)", text_shown(text), text,
			reading->max);
		return NULL;
	}
	if (reading->lines[number] != 0) {
		problem_add(reading->problems, reading->path, record->line,
			"number: branch %jd is there already, at line %d", (intmax_t)number,
			reading->lines[number]);
		return NULL;
	}
	reading->lines[number] = record->line;
	reading->branches[number].number = (uint16_t)number;
	return &reading->branches[number];
}

static void read_field(struct reading *reading, const struct branch_property *property,
	struct branch_conf *branch, const char *text, int line)
{
	const char *why = text_fault(text);

	if (why != NULL)
		problem_add(reading->problems, reading->path, line, "%s: %s", property->name, why);
	else if (text[0] != '\0' && !property->set(branch, text))
		problem_add(reading->problems, reading->path, line,
			"%s: \"%.*s\" is not allowed (%s)", property->name, text_shown(text), text,
			property->allowed);
}

static void read_record(struct reading *reading, const struct csv_record *record)
{
	struct branch_conf *branch;

	if (record->n != reading->n_columns) {
		problem_add(reading->problems, reading->path, record->line,
			"%zu fields, but the first line names %zu columns", record->n,
			reading->n_columns);
		return;
	}
	branch = find_branch(reading, record);
	for (size_t i = 0; branch != NULL && i < record->n; i++) {
		if (reading->columns[i] != NULL)
			read_field(reading, reading->columns[i], branch, record->fields[i],
				record->line);
	}
}

static void read_records(struct reading *reading, char *text, size_t length)
{
	struct csv csv;
	struct csv_record record;
	const char *why;
	bool header = false;
	int rc;

	csv_init(&csv, text, length);
	while ((rc = csv_next(&csv, &record, &why)) != 0) {
		if (rc < 0)
			problem_add(reading->problems, reading->path, record.line, "%s", why);
		else if (record.n > 0 && header)
			read_record(reading, &record);
		else if (record.n > COLUMNS)
			problem_add(reading->problems, reading->path, record.line,
				"%zu columns are too many (at most %d)", record.n, COLUMNS);
		else if (record.n > 0)
			header = read_header(reading, &record);
		if (record.n > 0 && !header)
			return; /* without the columns the rest means nothing */
	}
	if (!header)
		problem_add(reading->problems, reading->path, 0, "file is empty");
}

void branches_read(const char *path, unsigned max, struct branch_conf *branches,
	struct problems *problems, const char *file, int line)
{
	struct reading reading = {
		.path = path, .problems = problems, .max = max, .branches = branches
	};
	size_t length;
	char *text = text_read_file(path, FILE_MAX_BYTES, &length);

	if (text == NULL) {
		problem_add(problems, file, line, "branches-file: %s: %s", path, strerror(errno));
		return;
	}
	reading.lines = xcalloc(max + 1, sizeof(*reading.lines));
	read_records(&reading, text, length);
	free(reading.lines);
	free(text);
}
