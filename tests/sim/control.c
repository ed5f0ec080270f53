/*
 * The control socket and its client. A command may cost a moment (a jump over a day of time); the
 * meter stands still meanwhile, which is what a test wants.
 */
#include "config.h"

#include "sim/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LINE_MAX_BYTES 4096

struct talker {
	int fd;
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

int control_open(struct control *control, const char *path)
{
	struct sockaddr_un address;
	struct stat st;
	int rc = fill_address(path, &address);

	control->fd = -1;
	if (rc < 0)
		return rc;
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		unlink(path);
	control->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (control->fd >= 0 &&
		bind(control->fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
		listen(control->fd, 8) == 0) {
		control->path = path;
		return 0;
	}
	rc = -errno;
	if (control->fd >= 0)
		close(control->fd);
	control->fd = -1;
	return rc;
}

static void drop_talker(struct control *control, unsigned index)
{
	struct talker *talker = control->talker[index];

	close(talker->fd);
	free(talker->out);
	free(talker);
	control->talker[index] = NULL;
}

void control_close(struct control *control)
{
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
		if (control->talker[i])
			drop_talker(control, i);
	if (control->fd < 0)
		return;
	close(control->fd);
	unlink(control->path);
	control->fd = -1;
}

static void append(struct talker *talker, const char *text, size_t len)
{
	talker->out = realloc(talker->out, talker->n_out + len);
	if (!talker->out)
		abort();
	memcpy(talker->out + talker->n_out, text, len);
	talker->n_out += len;
}

static void answer_line(
	struct control *control, struct talker *talker, const char *line, double now)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	int rc;

	if (!out)
		abort();
	rc = command_run(control->stage, line, out, now);
	if (fclose(out))
		abort();
	append(talker, rc ? "error " : "ok ", rc ? 6 : len ? 3 : 2);
	append(talker, text, len);
	append(talker, "\n", 1);
	free(text);
}

static void take_lines(struct control *control, struct talker *talker, double now)
{
	char *line = talker->in, *end;
	size_t left = talker->n_in;

	while ((end = memchr(line, '\n', left))) {
		*end = 0;
		answer_line(control, talker, line, now);
		left -= (size_t)(end + 1 - line);
		line = end + 1;
	}
	memmove(talker->in, line, left);
	talker->n_in = left;
}

/* Returns -1 when the connection is over. */
static int serve_talker(struct control *control, struct talker *talker, short events, double now)
{
	ssize_t n;

	if (events & (POLLIN | POLLHUP)) {
		n = recv(talker->fd, talker->in + talker->n_in, sizeof(talker->in) - talker->n_in,
			MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return -1;
		if (n > 0)
			talker->n_in += (size_t)n;
		take_lines(control, talker, now);
		if (talker->n_in == sizeof(talker->in))
			return -1; /* a line without end */
	}
	while (talker->sent < talker->n_out) {
		n = send(talker->fd, talker->out + talker->sent, talker->n_out - talker->sent,
			MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -1;
		talker->sent += (size_t)n;
	}
	talker->sent = talker->n_out = 0;
	return 0;
}

static void accept_talkers(struct control *control)
{
	int fd;

	while ((fd = accept4(control->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		unsigned i = 0;

		while (i < CONTROL_CLIENTS && control->talker[i])
			i++;
		if (i == CONTROL_CLIENTS) {
			close(fd);
			continue;
		}
		control->talker[i] = calloc(1, sizeof(struct talker));
		if (!control->talker[i])
			abort();
		control->talker[i]->fd = fd;
	}
}

unsigned control_poll(const struct control *control, struct pollfd *fds)
{
	unsigned n = 0;

	if (control->fd < 0)
		return 0;
	fds[n++] = (struct pollfd){ .fd = control->fd, .events = POLLIN };
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
		if (control->talker[i])
			fds[n++] = (struct pollfd){ .fd = control->talker[i]->fd,
				.events = control->talker[i]->n_out ? POLLOUT : POLLIN };
	return n;
}

static short events_of(const struct pollfd *fds, unsigned n_fds, int fd)
{
	for (unsigned i = 0; i < n_fds; i++)
		if (fds[i].fd == fd)
			return fds[i].revents;
	return 0;
}

void control_work(struct control *control, const struct pollfd *fds, unsigned n_fds, double now)
{
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++) {
		struct talker *talker = control->talker[i];
		short events = talker ? events_of(fds, n_fds, talker->fd) : 0;

		if (events && serve_talker(control, talker, events, now) < 0)
			drop_talker(control, i);
	}
	if (control->fd >= 0 && events_of(fds, n_fds, control->fd))
		accept_talkers(control);
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
