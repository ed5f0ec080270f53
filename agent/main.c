/* meterxd: options, start-up order, signals, shutdown; nothing else. */
#include "config.h"

#include <getopt.h>
#include <stdio.h>

#include "core/log.h"

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	log_init("meterxd", LOG_LEVEL_INFO);
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option != 'V')
			return 2;
		puts("meterxd " PACKAGE_VERSION);
		return 0;
	}
	return 0;
}
