/* host: see host.h. */
#include "config.h"

#include "config/host.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

void host_review_file(const struct config *config, struct problems *doubts)
{
	struct stat file;

	/* Who writes it decides which meters are polled, and what may be written to them. */
	if (stat(config->path, &file) == 0 && (file.st_mode & S_IWOTH) != 0)
		problem_add(doubts, config->path, 0, "everybody may write it (mode %04o): chmod o-w %s",
			(unsigned)file.st_mode & 07777, config->path);
}

static void review_device(
	const struct config *config, const struct link_conf *link, struct problems *doubts)
{
	struct stat device;

	if (stat(link->device, &device) < 0)
		problem_add(doubts, config->path, 0, "link \"%s\": device %s: %s", link->name,
			link->device, strerror(errno));
	else if (!S_ISCHR(device.st_mode))
		problem_add(doubts, config->path, 0, "link \"%s\": device %s is no serial device",
			link->name, link->device);
}

void host_review_devices(const struct config *config, struct problems *doubts)
{
	for (size_t i = 0; i < config->n_links; i++)
		if (config->links[i].transport == TRANSPORT_RTU)
			review_device(config, &config->links[i], doubts);
}
