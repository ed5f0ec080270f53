/*
 * command: what every subcommand of meterx shares.
 *
 * Exit status of all: 0 done, 1 failed, 2 used wrongly.
 */
#ifndef METERX_CTL_COMMAND_H
#define METERX_CTL_COMMAND_H

#define EXIT_DONE   0
#define EXIT_FAILED 1
#define EXIT_USAGE  2

struct command {
	const char *name;
	const char *arguments; /* "FILE" */
	const char *summary;   /* one line, no full stop */
	/*
	 * argv[0] is the subcommand's name. config_path: from -c, else the
	 * default. Parses its own options with getopt_long ("--help" included).
	 */
	int (*run)(int argc, char **argv, const char *config_path);
};

extern const struct command command_events;
extern const struct command command_poll;
extern const struct command command_profile;

#endif
