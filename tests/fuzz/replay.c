/*
 * replay: goes through inputs of a fuzz target without libFuzzer, so that every
 * compiler and every sanitizer, and valgrind, see the seeds in "make check".
 * Without arguments: the seeds of the target, after which the program is named.
 */
#include "config.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/util.h"
#include "fuzz.h"

/* Memory of exactly that size: what reads one byte too many is seen. */
static void replay_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	struct stat status;
	uint8_t *data;

	if (file == NULL || fstat(fileno(file), &status) < 0) {
		perror(path);
		exit(2);
	}
	data = malloc(status.st_size > 0 ? (size_t)status.st_size : 1);
	if (data == NULL || fread(data, 1, (size_t)status.st_size, file) != (size_t)status.st_size)
		exit(2);
	fclose(file);
	fprintf(stderr, "%s\n", path); /* the last one is the culprit */
	LLVMFuzzerTestOneInput(data, (size_t)status.st_size);
	free(data);
}

static int no_dots(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int replay_folder(const char *path)
{
	struct dirent **names;
	int n = scandir(path, &names, no_dots, alphasort);

	for (int i = 0; i < n; i++) {
		char *file = xasprintf("%s/%s", path, names[i]->d_name);

		replay_file(file);
		free(file);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	return n;
}

int main(int argc, char **argv)
{
	const char *name = strstr(argv[0], "fuzz_");
	char *folder;
	int n = 0;

	for (int i = 1; i < argc; i++)
		replay_file(argv[i]);
	if (argc > 1 || name == NULL)
		return argc > 1 ? 0 : 2;
	folder = xasprintf("%s/tests/fuzz/seeds/%s", TEST_SRCDIR, name + strlen("fuzz_"));
	LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	n = replay_folder(folder);
	if (n <= 0)
		fprintf(stderr, "%s: no seeds\n", folder);
	free(folder);
	return n > 0 ? 0 : 1;
}
