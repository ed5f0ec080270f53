/* folder: see folder.h. */
#include "config.h"

#include "store/folder.h"

#include <errno.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_trusted(uid_t owner)
{
	return owner == geteuid() || owner == 0;
}

/* "meterx (994)", or the number alone. */
static const char *user_text(uid_t uid, char *text, size_t size)
{
	struct passwd entry, *found = NULL;
	char memory[1024];

	if (getpwuid_r(uid, &entry, memory, sizeof(memory), &found) != 0)
		found = NULL;
	if (found != NULL)
		snprintf(text, size, "%s (%u)", found->pw_name, (unsigned)uid);
	else
		snprintf(text, size, "user %u", (unsigned)uid);
	return text;
}

int folder_check(const char *path, char *why, size_t size)
{
	struct stat link, folder;
	char owner[64], self[64];

	why[0] = '\0';
	if (lstat(path, &link) < 0 || stat(path, &folder) < 0)
		return -errno;
	if (!S_ISDIR(folder.st_mode)) {
		snprintf(why, size, "is no folder");
		return -ENOTDIR;
	}
	if (!is_trusted(link.st_uid) || !is_trusted(folder.st_uid)) {
		snprintf(why, size, "%s %s, and this is %s: chown -hR, or start as that user",
			is_trusted(folder.st_uid) ? "is a symbolic link of" : "belongs to",
			user_text(is_trusted(folder.st_uid) ? link.st_uid : folder.st_uid, owner,
				sizeof(owner)),
			user_text(geteuid(), self, sizeof(self)));
		return -EPERM;
	}
	if ((folder.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
		snprintf(why, size, "may be written by %s (mode %04o): chmod go-w %s",
			(folder.st_mode & S_IWOTH) != 0 ? "everybody" : "its group",
			(unsigned)folder.st_mode & 07777, path);
		return -EPERM;
	}
	return 0;
}
