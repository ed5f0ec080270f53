/*
 * fuzz csv: any bytes as a branch file. What was read, written again with every
 * field in quotes, reads the same; of a file that is complained about, each line
 * is said printably.
 */
#include "config.h"

#include "config/csv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/branches.h"
#include "core/text.h"
#include "core/util.h"
#include "fuzz.h"

#define BRANCHES 42
#define PATH	 "/box/branches.csv"

/* ---- records ------------------------------------------------------------------------------- */

static void write_quoted(FILE *out, const struct csv_record *record)
{
	for (size_t i = 0; i < record->n; i++) {
		fputs(i > 0 ? ",\"" : "\"", out);
		for (const char *at = record->fields[i]; *at != '\0'; at++) {
			if (*at == '"')
				fputc('"', out);
			fputc(*at, out);
		}
		fputc('"', out);
	}
	fputs("\r\n", out);
}

static char *copy_of(const void *data, size_t size)
{
	char *text = xcalloc(size + 1, 1);

	if (size > 0)
		memcpy(text, data, size);
	return text;
}

static int next(struct csv *csv, struct csv_record *record)
{
	const char *why = NULL;
	int line = csv->line, rc = csv_next(csv, record, &why);

	REQUIRE(csv->next <= csv->end && csv->line >= line);
	REQUIRE(rc == 0 || record->line >= line);
	REQUIRE(rc >= 0 || (why != NULL && record->line <= csv->line));
	REQUIRE(record->n <= CSV_FIELDS_MAX);
	return rc;
}

/* Records without the empty ones; false: some were not to be read. */
static bool rewrite(const void *data, size_t size, FILE *out)
{
	char *text = copy_of(data, size);
	struct csv_record record;
	struct csv csv;
	bool good = true;
	int rc;

	csv_init(&csv, text, size);
	while ((rc = next(&csv, &record)) != 0) {
		good = good && rc > 0;
		if (rc > 0 && record.n > 0)
			write_quoted(out, &record);
	}
	free(text);
	return good;
}

static void check_records(const uint8_t *data, size_t size)
{
	char *once = NULL, *twice = NULL;
	size_t n_once, n_twice;
	FILE *first = open_memstream(&once, &n_once), *second = open_memstream(&twice, &n_twice);

	rewrite(data, size, first);
	fclose(first);
	REQUIRE(rewrite(once, n_once, second));
	fclose(second);
	REQUIRE(n_once == n_twice && memcmp(once, twice, n_once) == 0);
	free(once);
	free(twice);
}

/* ---- branches ------------------------------------------------------------------------------ */

static void check_name(const char *name)
{
	REQUIRE(name == NULL || (strlen(name) <= CONF_NAME_MAX && text_fault(name) == NULL));
}

static void check_branches(const uint8_t *data, size_t size)
{
	struct branch_conf branches[BRANCHES + 1] = { { 0 } };
	struct problems problems = PROBLEMS_INIT;

	fuzz_files(PATH, data, size);
	branches_read(PATH, BRANCHES, branches, &problems, "/box/main.conf", 1);
	fuzz_check_problems(&problems);
	REQUIRE(branches[0].number == 0);
	for (unsigned i = 0; i <= BRANCHES; i++) {
		REQUIRE(branches[i].number == 0 || branches[i].number == i);
		REQUIRE(branches[i].rating_ma >= 0 && branches[i].rating_ma <= 10000000);
		REQUIRE(branches[i].poles <= CIRCUIT_POLES_MAX);
		check_name(branches[i].label);
		check_name(branches[i].tenant);
		free(branches[i].label);
		free(branches[i].tenant);
	}
	problems_free(&problems);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_records(data, size);
	check_branches(data, size);
	return 0;
}
