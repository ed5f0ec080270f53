/*
 * confine: give up what the daemon does not need: the caller's environment, root,
 * groups, capabilities, the way back to them. Main thread, before there is another.
 *
 * Under systemd the unit has done most of it before us; then this changes nothing.
 */
#ifndef METERX_CORE_CONFINE_H
#define METERX_CORE_CONFINE_H

#include <stddef.h>
#include <sys/types.h>

/* Who root becomes when nobody is named. */
#define CONFINE_USER "meterx"

struct confine_user {
	char name[64];
	uid_t uid;
	gid_t gid;
};

/*
 * Keep of the environment what this program itself goes by (time zone, the service
 * manager's), so that no library is led by the rest.
 */
void confine_environment(void);

/*
 * Who to go on as: name (NULL: nobody was named), which only root may choose. Root becomes
 * the user of CONFINE_USER, and where there is none it stays root (uid 0), to be told of.
 * 0, or -errno with the reason and what to do in why.
 */
int confine_choose(const char *name, struct confine_user *user, char *why, size_t size);

/*
 * Make the folder path, if only its last part is missing, for the user. Only root
 * has to do that ahead; whatever else is wrong shows when the folder is used.
 */
void confine_make_folder(const char *path, const struct confine_user *user);

/*
 * Become the user, with the groups the system's tables give him, without capabilities
 * and without a way to gain any. 0, or -errno with the step that failed in why: then
 * the process must not go on.
 */
int confine_enter(const struct confine_user *user, char *why, size_t size);

#endif
