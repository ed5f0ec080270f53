/*
 * confine: see confine.h. The kernel's interface to capabilities is used as it is:
 * the one set that is wanted, none, needs no library.
 */
#include "config.h"

#include "core/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/util.h"

#define FOLDER_MODE 0750

void confine_environment(void)
{
	static const char *const kept[] = { "TZ", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
		"JOURNAL_STREAM" };
	char *values[ARRAY_LEN(kept)];

	for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
		const char *value = getenv(kept[i]);

		values[i] = value != NULL ? xstrdup(value) : NULL;
	}
	clearenv();
	for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
		if (values[i] != NULL)
			setenv(kept[i], values[i], 1);
		free(values[i]);
	}
}

static void take_entry(struct confine_user *user, const struct passwd *entry)
{
	text_copy(user->name, sizeof(user->name), entry->pw_name);
	user->uid = entry->pw_uid;
	user->gid = entry->pw_gid;
}

/* Not root: there is nothing to choose. */
static int choose_self(const char *name, struct confine_user *user, char *why, size_t size)
{
	const struct passwd *entry = name != NULL ? getpwnam(name) : NULL;

	*user = (struct confine_user){ .uid = geteuid(), .gid = getegid() };
	if (name == NULL || (entry != NULL && entry->pw_uid == user->uid))
		return 0;
	snprintf(why, size, "--user %s: only root may become another user", name);
	return -EPERM;
}

int confine_choose(const char *name, struct confine_user *user, char *why, size_t size)
{
	const char *wanted = name != NULL ? name : CONFINE_USER;
	const struct passwd *entry;

	if (geteuid() != 0)
		return choose_self(name, user, why, size);
	errno = 0;
	entry = getpwnam(wanted);
	if (entry != NULL) {
		take_entry(user, entry);
		return 0;
	}
	if (name == NULL) {
		*user = (struct confine_user){ .name = "root" };
		return 0;
	}
	snprintf(why, size, "--user %s: there is no such user", name);
	return -ENOENT;
}

void confine_make_folder(const char *path, const struct confine_user *user)
{
	int fd;

	if (geteuid() != 0 || user->uid == 0 || mkdir(path, FOLDER_MODE) < 0)
		return;
	/* Only what was made here, not what somebody may have put in its place since. */
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return;
	if (fchown(fd, user->uid, user->gid) < 0)
		rmdir(path);
	close(fd);
}

/* Before the user changes, for afterwards it is not allowed any more. */
static int drop_bounds(void)
{
	for (unsigned long capability = 0; prctl(PR_CAPBSET_READ, capability) >= 0; capability++)
		if (prctl(PR_CAPBSET_DROP, capability) < 0 && errno != EPERM)
			return -errno;
	return 0;
}

static int change_user(const struct confine_user *user)
{
	if (initgroups(user->name, user->gid) < 0 ||
		setresgid(user->gid, user->gid, user->gid) < 0 ||
		setresuid(user->uid, user->uid, user->uid) < 0)
		return -errno;
	/* The kernel forbids it to who was root; a debugger and a core are the new user's own. */
	return prctl(PR_SET_DUMPABLE, 1) < 0 ? -errno : 0;
}

/* Whom root was told to remain may still open anybody's files: all else goes for him, too. */
static int drop_capabilities(bool is_root)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = { { 0 } };
	uint32_t kept = is_root ? 1U << CAP_DAC_OVERRIDE : 0, surplus = 0;

	if (syscall(SYS_capget, &header, sets) < 0)
		return -errno;
	for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
		uint32_t wanted = i == 0 ? sets[i].permitted & kept : 0;

		surplus |= (sets[i].permitted & ~wanted) | sets[i].inheritable;
		sets[i].effective = sets[i].permitted = wanted;
		sets[i].inheritable = 0;
	}
	/* Under systemd there is nothing to drop, and the call is not allowed. */
	return surplus != 0 && syscall(SYS_capset, &header, sets) < 0 ? -errno : 0;
}

int confine_enter(const struct confine_user *user, char *why, size_t size)
{
	bool changes = geteuid() == 0 && user->uid != 0;
	const char *step = "cannot drop the capability bounding set";
	int rc = drop_bounds();

	if (rc == 0 && changes) {
		step = "cannot become the user";
		rc = change_user(user);
	}
	if (rc == 0) {
		step = "cannot drop capabilities";
		rc = drop_capabilities(user->uid == 0);
	}
	if (rc == 0) {
		step = "cannot give up new privileges";
		rc = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
	}
	if (rc == 0 && changes && setuid(0) == 0) {
		step = "root could be had back";
		rc = -EPERM;
	}
	if (rc < 0)
		snprintf(why, size, "%s %s: %s", step, user->name, strerror(-rc));
	return rc;
}
