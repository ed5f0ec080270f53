/* meterx profile: what a profile says, what is wrong with it, how it is read. */
#include "config.h"

#include "ctl/command.h"

#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "config/profile.h"
#include "core/util.h"
#include "ctl/grid.h"
#include "ctl/json.h"
#include "ctl/profile_show.h"

struct options {
	const char *dir;
	const char *model;
	enum encoding encoding;
	bool two_pole, three_pole;
	bool json;
};

/* A name in the folder, or a path: whatever has a slash or ends in .conf. */
static int load(const struct options *options, const char *what, struct problems *problems,
	struct profile **profile)
{
	size_t length = strlen(what);
	bool path = strchr(what, '/') != NULL ||
		    (length > 5 && strcmp(what + length - 5, ".conf") == 0);

	return path ? profile_load_file(what, problems, profile)
		    : profile_load(options->dir, what, problems, profile);
}

static int choose_model(
	const struct options *options, const struct profile *profile, struct profile_show *show)
{
	show->model = "";
	show->want.model = -1;
	for (unsigned m = 0; m < profile->n_models; m++) {
		if (options->model != NULL && strcmp(options->model, profile->models[m].name) != 0)
			continue;
		show->want.model = (int)m;
		show->model = profile->models[m].name;
		return 0;
	}
	return options->model == NULL ? 0 : -ENOENT;
}

static int run_show(const struct options *options, int argc, char **argv)
{
	struct problems problems = PROBLEMS_INIT;
	struct profile *profile = NULL;
	struct profile_show show = { 0 };
	int status = EXIT_FAILED;
	(void)argc;

	if (load(options, argv[0], &problems, &profile) < 0) {
		problems_print(&problems, stderr);
		goto out;
	}
	show.profile = show.want.profile = profile;
	show.want.two_pole = options->two_pole;
	show.want.three_pole = options->three_pole;
	if (choose_model(options, profile, &show) < 0) {
		fprintf(stderr, "meterx profile: %s has no model \"%s\"\n", profile->name,
			options->model);
		goto out;
	}
	show.want.encoding = options->encoding;
	if (options->encoding == ENCODING_AUTO) {
		struct plan_line line = show_line(0);

		show.want.encoding = plan_choose_encoding(&show.want, &line, ENCODING_ANY);
	}
	if (options->json)
		profile_show_json(&show, stdout);
	else
		profile_show_text(&show, stdout);
	status = EXIT_DONE;
out:
	profile_unref(profile);
	problems_free(&problems);
	return status;
}

static void json_problems(struct json *json, const char *file, const struct problems *problems)
{
	json_object(json, NULL);
	json_text(json, "profile", file);
	json_array(json, "problems");
	for (size_t i = 0; i < problems->count; i++) {
		json_object(json, NULL);
		json_text(json, "file", problems->items[i].file);
		json_number(json, "line", problems->items[i].line);
		json_text(json, "text", problems->items[i].text);
		json_object_end(json);
	}
	json_array_end(json);
	json_object_end(json);
}

static void print_check(
	const char *file, const struct profile *profile, const struct problems *problems)
{
	size_t n = problems->count + problems->dropped;

	problems_print(problems, stdout);
	if (profile == NULL)
		printf("%s: %zu problem%s\n", file, n, n == 1 ? "" : "s");
	else
		printf("%s: ok: %s; %u points, %u limits, %u alarms, %u commands in %u blocks\n",
			file, profile->title, profile->n_points, profile->n_thresholds,
			profile->n_alarms, profile->n_commands, profile->n_blocks);
}

static int run_check(const struct options *options, int argc, char **argv)
{
	struct json json = JSON_INIT(stdout);
	int status = EXIT_DONE;

	if (options->json)
		json_array(&json, NULL);
	for (int i = 0; i < argc; i++) {
		struct problems problems = PROBLEMS_INIT;
		struct profile *profile = NULL;

		if (load(options, argv[i], &problems, &profile) < 0)
			status = EXIT_FAILED;
		if (options->json)
			json_problems(&json, argv[i], &problems);
		else
			print_check(argv[i], profile, &problems);
		profile_unref(profile);
		problems_free(&problems);
	}
	if (options->json)
		json_array_end(&json);
	return status;
}

static int is_profile(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return entry->d_name[0] != '.' && length > 5 &&
	       strcmp(entry->d_name + length - 5, ".conf") == 0;
}

static void list_one(
	struct json *json, struct grid *grid, const char *name, const struct profile *profile)
{
	char models[128] = "";

	if (profile != NULL)
		show_models(profile, UINT8_MAX, models, sizeof(models));
	if (grid != NULL) {
		grid_cell(grid, "%s", name);
		grid_cell(grid, "%s", models);
		grid_cell(grid, "%s",
			profile ? profile->title : "does not load: see meterx profile check");
		return;
	}
	json_object(json, NULL);
	json_text(json, "name", name);
	json_bool(json, "loads", profile != NULL);
	if (profile != NULL) {
		json_text(json, "title", profile->title);
		show_json_models(json, profile, UINT8_MAX);
	}
	json_object_end(json);
}

static int run_list(const struct options *options, int argc, char **argv)
{
	static const char *const titles[] = { "Profile", "Models", "Meter", NULL };
	struct json json = JSON_INIT(stdout);
	struct grid *grid = options->json ? NULL : grid_new(titles);
	struct dirent **entries;
	int n = scandir(options->dir, &entries, is_profile, alphasort);
	int status = n < 0 ? EXIT_FAILED : EXIT_DONE;
	(void)argc;
	(void)argv;

	if (n < 0)
		fprintf(stderr, "meterx profile: %s: %s\n", options->dir, strerror(errno));
	if (options->json)
		json_array(&json, NULL);
	for (int i = 0; i < n; i++) {
		struct problems problems = PROBLEMS_INIT;
		struct profile *profile = NULL;

		entries[i]->d_name[strlen(entries[i]->d_name) - 5] = '\0';
		if (profile_load(options->dir, entries[i]->d_name, &problems, &profile) < 0)
			status = EXIT_FAILED;
		list_one(&json, grid, entries[i]->d_name, profile);
		profile_unref(profile);
		problems_free(&problems);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	if (options->json)
		json_array_end(&json);
	else
		grid_print(grid, 0, stdout);
	grid_free(grid);
	return status;
}

static const struct {
	const char *name;
	int min, max; /* arguments */
	int (*run)(const struct options *options, int argc, char **argv);
} actions[] = {
	{ "check", 1, INT32_MAX, run_check },
	{ "list", 0, 0, run_list },
	{ "show", 1, 1, run_show },
};

static int usage(FILE *out, int status)
{
	fputs("Usage: meterx profile check [OPTION...] NAME|FILE...\n"
	      "       meterx profile list [OPTION...]\n"
	      "       meterx profile show [OPTION...] NAME|FILE\n\n"
	      "check tells everything that is wrong in a profile; list those of the folder; show\n"
	      "prints the points of a profile and how they are read.\n\n"
	      "  -d, --dir DIR        folder of the profiles [" MX_PROFILE_DIR "]\n"
	      "  -m, --model MODEL    show: points and plan of this model [the first one]\n"
	      "  -e, --encoding TYPE  show: integer, float or auto [auto]\n"
	      "  -b, --blocks LIST    show: plan with these too: two-pole, three-pole [none]\n"
	      "  -j, --json           for programs\n"
	      "  -h, --help           this text\n",
		out);
	return status;
}

static bool parse_blocks(char *text, struct options *options)
{
	char *rest;

	for (char *word = strtok_r(text, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
		if (strcmp(word, "two-pole") == 0)
			options->two_pole = true;
		else if (strcmp(word, "three-pole") == 0)
			options->three_pole = true;
		else
			return false;
	}
	return true;
}

static bool parse_encoding(const char *text, struct options *options)
{
	static const char *const words[] = {
		[ENCODING_INTEGER] = "integer",
		[ENCODING_FLOAT] = "float",
		[ENCODING_AUTO] = "auto",
	};

	for (int i = ENCODING_INTEGER; i <= ENCODING_AUTO; i++) {
		if (strcmp(words[i], text) == 0) {
			options->encoding = (enum encoding)i;
			return true;
		}
	}
	return false;
}

static bool parse_option(int option, struct options *options)
{
	switch (option) {
	case 'd':
		options->dir = optarg;
		return true;
	case 'm':
		options->model = optarg;
		return true;
	case 'j':
		options->json = true;
		return true;
	case 'e':
		if (parse_encoding(optarg, options))
			return true;
		fprintf(stderr, "meterx profile: no encoding \"%s\" (integer, float, auto)\n",
			optarg);
		return false;
	case 'b':
		if (parse_blocks(optarg, options))
			return true;
		fputs("meterx profile: blocks are two-pole and three-pole\n", stderr);
		return false;
	default:
		return false;
	}
}

static int run(int argc, char **argv, const char *config_path)
{
	static const struct option long_options[] = {
		{ "dir", required_argument, NULL, 'd' },
		{ "model", required_argument, NULL, 'm' },
		{ "encoding", required_argument, NULL, 'e' },
		{ "blocks", required_argument, NULL, 'b' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct options options = { .dir = MX_PROFILE_DIR, .encoding = ENCODING_AUTO };
	int option;
	(void)config_path;

	while ((option = getopt_long(argc, argv, "d:m:e:b:jh", long_options, NULL)) != -1) {
		if (option == 'h')
			return usage(stdout, EXIT_DONE);
		if (!parse_option(option, &options))
			return usage(stderr, EXIT_USAGE);
	}
	argc -= optind;
	argv += optind;
	for (size_t i = 0; argc > 0 && i < ARRAY_LEN(actions); i++) {
		if (strcmp(actions[i].name, argv[0]) == 0 && argc - 1 >= actions[i].min &&
			argc - 1 <= actions[i].max)
			return actions[i].run(&options, argc - 1, argv + 1);
	}
	return usage(stderr, EXIT_USAGE);
}

const struct command command_profile = {
	.name = "profile",
	.arguments = "check|list|show ...",
	.summary = "what a meter profile says, and what is wrong with it",
	.run = run,
};
