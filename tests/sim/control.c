/*
 * The control socket and its client. A command may cost a moment (a jump over a day of time); the
 * meter stands still meanwhile, which is what a test wants.
 */
#include "config.h"

#include "sim/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LINE_MAX_BYTES 4096

struct talker {
	struct control *control;
	struct talker *next;
	struct watch watch;
	char in[LINE_MAX_BYTES];
	size_t n_in;
	char *out; /* answers not yet taken */
	size_t n_out, sent;
};

static int fill_address(const char *path, struct sockaddr_un *address)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(address->sun_path))
		return -ENAMETOOLONG;
	strcpy(address->sun_path, path);
	return 0;
}

static struct reactor *reactor_of(const struct control *control)
{
	return &control->stage->reactor;
}

static void drop_talker(struct talker *talker)
{
	struct talker **at = &talker->control->first;

	while (*at != talker)
		at = &(*at)->next;
	*at = talker->next;
	reactor_unwatch(reactor_of(talker->control), &talker->watch);
	close(talker->watch.fd);
	free(talker->out);
	free(talker);
}

void control_close(struct control *control)
{
	while (control->first)
		drop_talker(control->first);
	if (control->watch.fd < 0)
		return;
	reactor_unwatch(reactor_of(control), &control->watch);
	close(control->watch.fd);
	unlink(control->path);
	control->watch.fd = -1;
}

static void append(struct talker *talker, const char *text, size_t len)
{
	talker->out = realloc(talker->out, talker->n_out + len);
	if (!talker->out)
		abort();
	memcpy(talker->out + talker->n_out, text, len);
	talker->n_out += len;
}

static void answer_line(struct talker *talker, const char *line, double now)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	int rc;

	if (!out)
		abort();
	rc = command_run(talker->control->stage, line, out, now);
	if (fclose(out))
		abort();
	append(talker, rc ? "error " : "ok ", rc ? 6 : len ? 3 : 2);
	append(talker, text, len);
	append(talker, "\n", 1);
	free(text);
}

static void take_lines(struct talker *talker, double now)
{
	char *line = talker->in, *end;
	size_t left = talker->n_in;

	while ((end = memchr(line, '\n', left))) {
		*end = 0;
		answer_line(talker, line, now);
		left -= (size_t)(end + 1 - line);
		line = end + 1;
	}
	memmove(talker->in, line, left);
	talker->n_in = left;
}

/* Returns -1 when the connection is over. */
static int hear_talker(struct talker *talker, double now)
{
	ssize_t n = recv(talker->watch.fd, talker->in + talker->n_in,
		sizeof(talker->in) - talker->n_in, MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	if (n == 0)
		return -1;
	talker->n_in += (size_t)n;
	take_lines(talker, now);
	return talker->n_in == sizeof(talker->in) ? -1 : 0; /* a line without end */
}

static int answer_talker(struct talker *talker)
{
	while (talker->sent < talker->n_out) {
		ssize_t n = send(talker->watch.fd, talker->out + talker->sent,
			talker->n_out - talker->sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -1;
		talker->sent += (size_t)n;
	}
	talker->sent = talker->n_out = 0;
	return 0;
}

static void work_talker(struct watch *watch, uint32_t events, double now)
{
	struct talker *talker = OWNER(watch, struct talker, watch);

	if ((events & ~(uint32_t)EPOLLOUT && hear_talker(talker, now) < 0) ||
		answer_talker(talker) < 0)
		drop_talker(talker);
	else
		reactor_watch(
			reactor_of(talker->control), watch, talker->n_out ? EPOLLOUT : EPOLLIN);
}

static void accept_talkers(struct watch *watch, uint32_t events, double now)
{
	struct control *control = OWNER(watch, struct control, watch);
	int fd;

	(void)events;
	(void)now;
	while ((fd = accept4(watch->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct talker *talker = calloc(1, sizeof(*talker));

		if (!talker)
			abort();
		talker->control = control;
		talker->watch = (struct watch){ .fd = fd, .work = work_talker };
		talker->next = control->first;
		control->first = talker;
		reactor_watch(reactor_of(control), &talker->watch, EPOLLIN);
	}
}

int control_open(struct control *control, const char *path)
{
	struct sockaddr_un address;
	struct stat st;
	int fd, rc = fill_address(path, &address);

	if (rc < 0)
		return rc;
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		unlink(path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
		listen(fd, 64) == 0) {
		control->path = path;
		control->watch = (struct watch){ .fd = fd, .work = accept_talkers };
		reactor_watch(reactor_of(control), &control->watch, EPOLLIN);
		return 0;
	}
	rc = -errno;
	if (fd >= 0)
		close(fd);
	return rc;
}

/* ---- the client ---- */

static int connect_to(const char *path)
{
	struct sockaddr_un address;
	int fd, rc = fill_address(path, &address);

	if (rc < 0)
		return rc;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	rc = -errno;
	close(fd);
	return rc;
}

/* "ok 12" -> 12 to stdout; "error no such unit" -> to stderr. */
static int print_answer(FILE *stream)
{
	char *line = NULL;
	size_t size = 0;
	int failed = 1;

	if (getline(&line, &size, stream) < 0)
		fprintf(stderr, "meterx-sim: no answer\n");
	else if (!strncmp(line, "ok", 2)) {
		if (line[2] == ' ')
			fputs(line + 3, stdout);
		failed = 0;
	} else {
		fprintf(stderr, "meterx-sim: %s", line);
	}
	free(line);
	return failed;
}

int control_tell(const char *path, char *const *words, unsigned n_words)
{
	int fd = connect_to(path), failed;
	FILE *stream;

	if (fd < 0) {
		fprintf(stderr, "meterx-sim: %s: %s\n", path, strerror(-fd));
		return 1;
	}
	stream = fdopen(fd, "r+");
	if (!stream)
		abort();
	for (unsigned i = 0; i < n_words; i++)
		fprintf(stream, "%s%s", i ? " " : "", words[i]);
	fputc('\n', stream);
	fflush(stream);
	failed = print_answer(stream);
	fclose(stream);
	return failed;
}
