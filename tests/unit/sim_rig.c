/* sim_rig: see sim_rig.h. */
#include "config.h"

#include "sim_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/clock.h"

#define OPTIONS_MAX 16

void rig_rest(void)
{
	poll(NULL, 0, 10);
}

static void run_sim(const struct sim *sim, const char *const *options, int out)
{
	const char *argv[OPTIONS_MAX + 8] = { "meterx-sim", "--listen", "127.0.0.1:0", "--control",
		sim->control };
	int n = 5;

	while (options != NULL && *options != NULL && n < OPTIONS_MAX)
		argv[n++] = *options++;
	prctl(PR_SET_PDEATHSIG, SIGTERM); /* a test that fails does not leave it behind */
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	execv(TEST_BUILDDIR "/meterx-sim", (char *const *)(uintptr_t)argv);
	_exit(127);
}

void sim_start(struct sim *sim, const char *const *options)
{
	char line[256] = "";
	const char *colon;
	size_t length = 0;
	int out[2];

	snprintf(sim->folder, sizeof(sim->folder), "/tmp/meterx-rig.XXXXXX");
	assert_non_null(mkdtemp(sim->folder));
	snprintf(sim->control, sizeof(sim->control), "%s/control", sim->folder);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	sim->pid = fork();
	if (sim->pid == 0)
		run_sim(sim, options, out[1]);
	close(out[1]);
	while (strchr(line, '\n') == NULL && length < sizeof(line) - 1) {
		ssize_t n = read(out[0], line + length, sizeof(line) - 1 - length);

		if (n <= 0)
			break;
		length += (size_t)n;
	}
	close(out[0]);
	line[strcspn(line, "\n")] = '\0'; /* serial lines follow */
	colon = strrchr(line, ':');
	if (colon == NULL || sscanf(colon, ":%u", &sim->port) != 1)
		fail_msg("simulator: %s", line);
}

void sim_stop(struct sim *sim)
{
	char path[128];

	if (sim->pid > 0) {
		kill(sim->pid, SIGTERM);
		waitpid(sim->pid, NULL, 0);
	}
	sim->pid = 0;
	unlink(sim->control);
	snprintf(path, sizeof(path), "%s/conf", sim->folder);
	unlink(path);
	rmdir(sim->folder);
}

void sim_ask(const struct sim *sim, const char *command, char *answer, size_t size)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char line[256];
	size_t length = 0;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", sim->control);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	length = (size_t)snprintf(line, sizeof(line), "%s\n", command);
	assert_int_equal(write(fd, line, length), length);
	for (length = 0; length < size - 1;) {
		ssize_t n = read(fd, answer + length, size - 1 - length);

		if (n <= 0)
			break;
		length += (size_t)n;
		if (memchr(answer, '\n', length) != NULL)
			break;
	}
	answer[length] = '\0';
	close(fd);
}

void sim_tell(const struct sim *sim, const char *command)
{
	char answer[512];

	sim_ask(sim, command, answer, sizeof(answer));
	if (strncmp(answer, "ok", 2) != 0)
		fail_msg("simulator: %s: %s", command, answer);
}

struct site *rig_site(const struct sim *sim, struct store *store, const struct site *previous,
	const char *text)
{
	struct problems problems = PROBLEMS_INIT;
	struct config *config;
	struct site *site;
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/conf", sim->folder);
	file = fopen(path, "w");
	assert_non_null(file);
	fprintf(file, "profile-dir = \"%s\"\n",
		sim->profiles != NULL ? sim->profiles : TEST_SRCDIR "/conf/profiles");
	for (; *text != '\0'; text++) {
		if (*text == '%')
			fprintf(file, "%u", sim->port);
		else
			fputc(*text, file);
	}
	fclose(file);
	if (conf_load(path, &problems, &config) < 0) {
		problems_print(&problems, stderr);
		fail();
	}
	site = site_build(&(struct site_base){ .store = store,
				  .journal = sim->journal,
				  .start_wall_ms = clock_wall_ms() },
		config, previous);
	conf_unref(config);
	return site;
}

enum comm_state rig_comm(struct slot *slot)
{
	const struct snapshot *snapshot = store_get(slot);
	enum comm_state comm = snapshot_comm(snapshot, clock_mono_ms());

	store_put(slot, snapshot);
	return comm;
}

struct reading rig_get(struct slot *slot, enum scope scope, enum quantity quantity,
	unsigned channel)
{
	const struct snapshot *snapshot = store_get(slot);
	struct reading reading =
		snapshot_get(snapshot, scope, quantity, channel, clock_mono_ms());

	store_put(slot, snapshot);
	return reading;
}
