/* meterx: the operator's tool. Finds the subcommand and hands over. */
#include "config.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "core/log.h"
#include "ctl/command.h"

static const struct command *const commands[] = {
	&command_events,
	&command_poll,
	&command_profile,
	NULL,
};

static const struct command *command_find(const char *name)
{
	for (size_t i = 0; commands[i] != NULL; i++) {
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	}
	return NULL;
}

static void usage(FILE *out)
{
	fprintf(out, "Usage: meterx [-c FILE] COMMAND [ARGUMENT...]\n\n"
		     "  -c, --config FILE  configuration of the daemon [" MX_SYSCONF_DIR
		     "/meterxd.conf]\n"
		     "  -h, --help         this text; after a command: that command's\n"
		     "      --version      version\n\nCommands:\n");
	for (size_t i = 0; commands[i] != NULL; i++)
		fprintf(out, "  %-9s%-24s%s\n", commands[i]->name, commands[i]->arguments,
			commands[i]->summary);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	const char *config_path = MX_SYSCONF_DIR "/meterxd.conf";
	const struct command *command;
	int option;

	log_init("meterx", LOG_LEVEL_WARNING);
	/* "+": stop at the subcommand, whose options are its own. */
	while ((option = getopt_long(argc, argv, "+c:h", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			config_path = optarg;
			break;
		case 'h':
			usage(stdout);
			return EXIT_DONE;
		case 'V':
			puts("meterx " PACKAGE_VERSION);
			return EXIT_DONE;
		default:
			usage(stderr);
			return EXIT_USAGE;
		}
	}
	if (optind >= argc) {
		usage(stderr);
		return EXIT_USAGE;
	}
	command = command_find(argv[optind]);
	if (command == NULL) {
		fprintf(stderr, "meterx: no command \"%s\"\n", argv[optind]);
		usage(stderr);
		return EXIT_USAGE;
	}
	argc -= optind;
	argv += optind;
	optind = 0; /* glibc: begin anew, also with another "+" state */
	return command->run(argc, argv, config_path);
}
