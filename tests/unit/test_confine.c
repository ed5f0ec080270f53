/*
 * What the daemon gives up, tried in children: environment, user, groups, capabilities;
 * and which folder it takes for its state. As an ordinary user only a part can be tried.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/confine.h"
#include "core/util.h"
#include "store/folder.h"

#define OTHER "nobody" /* there is one everywhere */

/* Children end by _exit(): checkers of memory are the parent's. */
#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "line %d: %s\n", __LINE__, #condition);                    \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

static void in_child(void (*body)(void))
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		body();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* The line of /proc/self/status, without its name. */
static const char *status_of(const char *name)
{
	static char line[256];
	FILE *file = fopen("/proc/self/status", "r");
	size_t length = strlen(name);

	CHECK(file != NULL);
	while (fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, name, length) == 0 && line[length] == ':')
			break;
	fclose(file);
	line[strcspn(line, "\n")] = '\0';
	return line + length + 2;
}

static void lead_astray(void)
{
	extern char **environ;

	clearenv();
	setenv("TZ", "UTC", 1);
	setenv("NOTIFY_SOCKET", "", 1);
	setenv("MIBDIRS", "/tmp", 1);
	setenv("SNMP_PERSISTENT_DIR", "/tmp", 1);
	setenv("HOME", "/root", 1);
	confine_environment();
	CHECK(strcmp(getenv("TZ"), "UTC") == 0);
	CHECK(strcmp(getenv("NOTIFY_SOCKET"), "") == 0); /* empty is not absent */
	CHECK(environ[0] != NULL && environ[1] != NULL && environ[2] == NULL);
}

static void environment_is_left_behind(void **state)
{
	(void)state;
	in_child(lead_astray);
}

static void become_other(void)
{
	struct confine_user user;
	char why[320] = "";
	gid_t groups[NGROUPS_MAX];
	int n;

	CHECK(setgroups(2, (gid_t[]){ 0, 20 }) == 0);
	CHECK(confine_choose(OTHER, &user, why, sizeof(why)) == 0);
	CHECK(user.uid == getpwnam(OTHER)->pw_uid && user.gid == getpwnam(OTHER)->pw_gid);
	CHECK(confine_enter(&user, why, sizeof(why)) == 0);
	CHECK(getuid() == user.uid && geteuid() == user.uid && getegid() == user.gid);
	CHECK(setuid(0) < 0 && seteuid(0) < 0 && setgid(0) < 0);
	n = getgroups(NGROUPS_MAX, groups);
	for (int i = 0; i < n; i++)
		CHECK(groups[i] != 0 && groups[i] != 20);
	CHECK(strcmp(status_of("CapPrm"), "0000000000000000") == 0);
	CHECK(strcmp(status_of("CapBnd"), "0000000000000000") == 0);
	CHECK(strcmp(status_of("NoNewPrivs"), "1") == 0);
	CHECK(prctl(PR_GET_DUMPABLE) == 1);
}

static void remain_root(void)
{
	struct confine_user user;
	char why[320] = "";

	CHECK(confine_choose("root", &user, why, sizeof(why)) == 0);
	CHECK(user.uid == 0);
	CHECK(confine_enter(&user, why, sizeof(why)) == 0);
	CHECK(geteuid() == 0);
	/* CAP_DAC_OVERRIDE is number 1 */
	CHECK((strtoull(status_of("CapPrm"), NULL, 16) & ~2ull) == 0);
	CHECK(strcmp(status_of("NoNewPrivs"), "1") == 0);
}

static void meet_nobody(void)
{
	struct confine_user user;
	char why[320] = "";

	CHECK(confine_choose("no-such-user", &user, why, sizeof(why)) == -ENOENT);
	CHECK(strcmp(why, "--user no-such-user: there is no such user") == 0);
	if (getpwnam(CONFINE_USER) != NULL)
		return;
	CHECK(confine_choose(NULL, &user, why, sizeof(why)) == 0);
	CHECK(user.uid == 0 && user.gid == 0 && strcmp(user.name, "root") == 0);
}

static void root_becomes_a_user(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	in_child(become_other);
	in_child(remain_root);
	in_child(meet_nobody);
}

static void be_ordinary(void)
{
	struct confine_user user;
	const struct passwd *self;
	char why[320] = "";

	if (geteuid() == 0)
		CHECK(setgroups(0, NULL) == 0 && setresgid(65534, 65534, 65534) == 0 &&
			setresuid(65534, 65534, 65534) == 0);
	CHECK(confine_choose("root", &user, why, sizeof(why)) == -EPERM);
	CHECK(strcmp(why, "--user root: only root may become another user") == 0);
	CHECK(confine_choose(NULL, &user, why, sizeof(why)) == 0);
	self = getpwuid(geteuid());
	if (self != NULL)
		CHECK(confine_choose(self->pw_name, &user, why, sizeof(why)) == 0);
	CHECK(confine_enter(&user, why, sizeof(why)) == 0);
	CHECK(geteuid() == user.uid);
	CHECK(strcmp(status_of("CapEff"), "0000000000000000") == 0);
	CHECK(strcmp(status_of("NoNewPrivs"), "1") == 0);
}

static void others_stay_who_they_are(void **state)
{
	(void)state;
	in_child(be_ordinary);
}

/* Folders */

static char top[PATH_MAX];

static int make_top(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(top, sizeof(top), "%s/meterx-confine.XXXXXX", tmp != NULL ? tmp : "/tmp");
	return mkdtemp(top) != NULL ? 0 : -1;
}

static int remove_top(void **state)
{
	char *command = xasprintf("rm -rf '%s'", top);
	int rc = system(command);

	(void)state;
	free(command);
	return rc;
}

static char *in_top(const char *name)
{
	static char path[PATH_MAX + 64];

	snprintf(path, sizeof(path), "%s/%s", top, name);
	return path;
}

static void only_a_folder_of_our_own_will_do(void **state)
{
	static const struct {
		mode_t mode;
		int rc;
		const char *why;
	} cases[] = {
		{ 0700, 0, "" },
		{ 0750, 0, "" },
		{ 0755, 0, "" },
		{ 0770, -EPERM, "may be written by its group (mode 0770): chmod go-w " },
		{ 0757, -EPERM, "may be written by everybody (mode 0757): chmod go-w " },
		{ 01777, -EPERM, "may be written by everybody (mode 1777): chmod go-w " },
	};
	char why[320];
	int fd;

	(void)state;
	assert_int_equal(folder_check(in_top("state"), why, sizeof(why)), -ENOENT);
	assert_string_equal(why, "");
	assert_int_equal(mkdir(in_top("state"), 0700), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(chmod(in_top("state"), cases[i].mode), 0);
		assert_int_equal(folder_check(in_top("state"), why, sizeof(why)), cases[i].rc);
		assert_int_equal(strncmp(why, cases[i].why, strlen(cases[i].why)), 0);
	}
	fd = open(in_top("file"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(folder_check(in_top("file"), why, sizeof(why)), -ENOTDIR);
	assert_string_equal(why, "is no folder");
}

static void a_link_must_be_ours_too(void **state)
{
	char why[320];

	(void)state;
	assert_int_equal(mkdir(in_top("own"), 0700), 0);
	assert_int_equal(symlink("own", in_top("link")), 0);
	assert_int_equal(folder_check(in_top("link"), why, sizeof(why)), 0);
	if (geteuid() != 0)
		skip();
	assert_int_equal(lchown(in_top("link"), 65534, 65534), 0);
	assert_int_equal(folder_check(in_top("link"), why, sizeof(why)), -EPERM);
	assert_non_null(strstr(why, "is a symbolic link of "));
	assert_non_null(strstr(why, "65534"));
	assert_int_equal(chown(in_top("own"), 65534, 65534), 0);
	assert_int_equal(folder_check(in_top("own"), why, sizeof(why)), -EPERM);
	assert_int_equal(strncmp(why, "belongs to ", 11), 0);
}

static void root_makes_the_folder_ahead(void **state)
{
	struct confine_user user = { .name = OTHER, .uid = 65534, .gid = 65534 };
	struct stat there;

	(void)state;
	if (geteuid() != 0)
		skip();
	confine_make_folder(in_top("new"), &user);
	assert_int_equal(stat(in_top("new"), &there), 0);
	assert_int_equal(there.st_uid, user.uid);
	assert_int_equal(there.st_gid, user.gid);
	assert_int_equal(there.st_mode & 07777, 0750);
	/* What is there already is left as it is. */
	assert_int_equal(mkdir(in_top("old"), 0700), 0);
	confine_make_folder(in_top("old"), &user);
	assert_int_equal(stat(in_top("old"), &there), 0);
	assert_int_equal(there.st_uid, 0);
	confine_make_folder(in_top("no/such"), &user);
	assert_int_equal(stat(in_top("no"), &there), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(environment_is_left_behind),
		cmocka_unit_test(root_becomes_a_user),
		cmocka_unit_test(others_stay_who_they_are),
		cmocka_unit_test(only_a_folder_of_our_own_will_do),
		cmocka_unit_test(a_link_must_be_ours_too),
		cmocka_unit_test(root_makes_the_folder_ahead),
	};

	umask(0);
	return cmocka_run_group_tests(tests, make_top, remove_top);
}
