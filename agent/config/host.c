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

/* Two paths may lead to one device, by-id and its node for example. */
static bool is_same_device(const struct link_conf *link, const struct stat *device)
{
	struct stat other;

	return link->transport == TRANSPORT_RTU && stat(link->device, &other) == 0 &&
	       S_ISCHR(other.st_mode) && other.st_rdev == device->st_rdev;
}

static void review_device(const struct config *config, size_t position, struct problems *doubts)
{
	const struct link_conf *link = &config->links[position];
	struct stat device;

	if (stat(link->device, &device) < 0) {
		problem_add(doubts, config->path, 0, "link \"%s\": device %s: %s", link->name,
			link->device, strerror(errno));
		return;
	}
	if (!S_ISCHR(device.st_mode)) {
		problem_add(doubts, config->path, 0, "link \"%s\": device %s is no serial device",
			link->name, link->device);
		return;
	}
	for (size_t i = 0; i < position; i++)
		if (is_same_device(&config->links[i], &device))
			problem_add(doubts, config->path, 0,
				"link \"%s\": device %s is that of link \"%s\", %s: one link serves "
				"all units of a line",
				link->name, link->device, config->links[i].name,
				config->links[i].device);
}

void host_review_devices(const struct config *config, struct problems *doubts)
{
	for (size_t i = 0; i < config->n_links; i++)
		if (config->links[i].transport == TRANSPORT_RTU)
			review_device(config, i, doubts);
}
