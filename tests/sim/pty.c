/*
 * Serial ports out of thin air. We hold both ends of the pty: ours to speak through, and the other
 * one so that nothing happens to the line between two users; an inotify watch tells of their coming
 * and going, because what a device does when its last user leaves (exclusive use ends, what comes
 * in is lost) a pty would not do as long as we hold it.
 */
#include "config.h"

#include "sim/pty.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

/* ---- speaking and hearing ---- */

/* Nobody there to hear it, or too slow to take it: lost, as on a wire. */
static void emit(void *owner, const uint8_t *bytes, size_t len)
{
	const struct serial *serial = owner;

	if (serial->slave >= 0 && serial->n_users && write(serial->master.fd, bytes, len) < 0 &&
		errno != EAGAIN)
		perror("meterx-sim: pty");
}

static void finish(void *owner, enum answer_end end)
{
	(void)owner; /* a line has no connection */
	(void)end;
}

static void work_master(struct watch *watch, uint32_t events, double now)
{
	struct serial *serial = OWNER(watch, struct serial, master);
	uint8_t bytes[512];
	ssize_t n = read(watch->fd, bytes, sizeof(bytes));

	(void)events;
	if (n > 0)
		line_hear(&serial->line, bytes, (size_t)n, now);
}

/* ---- users ---- */

static void user_left(struct serial *serial)
{
	if (serial->n_users)
		serial->n_users--;
	if (serial->n_users)
		return;
	ioctl(serial->slave, TIOCNXCL);
	tcflush(serial->slave, TCIFLUSH);
}

static void work_users(struct watch *watch, uint32_t events, double now)
{
	struct serial *serial = OWNER(watch, struct serial, users);
	struct inotify_event event[16];
	ssize_t n = read(watch->fd, event, sizeof(event));

	(void)events;
	(void)now;
	/* Of a watched file the events have no name, and so all the same size. */
	for (ssize_t i = 0; i < n / (ssize_t)sizeof(event[0]); i++) {
		if (event[i].mask & IN_OPEN)
			serial->n_users++;
		else if (event[i].mask & IN_CLOSE)
			user_left(serial);
	}
}

/* ---- plugging ---- */

static void set_raw(int fd)
{
	struct termios termios;

	if (tcgetattr(fd, &termios) < 0)
		return;
	cfmakeraw(&termios);
	tcsetattr(fd, TCSANOW, &termios);
}

static void unplug(struct serial *serial)
{
	struct reactor *reactor = &serial->stage->reactor;

	if (serial->slave < 0)
		return;
	line_hush(&serial->line);
	reactor_unwatch(reactor, &serial->master);
	reactor_unwatch(reactor, &serial->users);
	close(serial->users.fd);
	close(serial->slave);
	close(serial->master.fd);
	serial->slave = -1;
	serial->n_users = 0;
}

/* Take away what we have put at the path, never anything else's content. */
static int clear_path(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return 0;
	if (S_ISDIR(st.st_mode))
		return rmdir(path);
	if (S_ISLNK(st.st_mode) || S_ISSOCK(st.st_mode) || (S_ISREG(st.st_mode) && !st.st_size))
		return unlink(path);
	errno = EEXIST;
	return -1;
}

static int open_pair(struct serial *serial, const char **name)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	if (master < 0)
		return -1;
	serial->master.fd = master;
	if (grantpt(master) < 0 || unlockpt(master) < 0 || !(*name = ptsname(master)))
		goto failed;
	serial->slave = open(*name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (serial->slave >= 0)
		return 0;
failed:
	close(master);
	return -1;
}

static void watch_users(struct serial *serial, const char *name)
{
	serial->users.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (serial->users.fd < 0 ||
		inotify_add_watch(serial->users.fd, name, IN_OPEN | IN_CLOSE) < 0) {
		perror("meterx-sim: inotify");
		abort();
	}
}

const char *serial_plug(struct serial *serial)
{
	const char *name;

	if (serial->slave >= 0)
		return "is plugged in";
	if (clear_path(serial->path) < 0 || open_pair(serial, &name) < 0)
		return strerror(errno);
	set_raw(serial->slave);
	watch_users(serial, name);
	reactor_watch(&serial->stage->reactor, &serial->master, EPOLLIN);
	reactor_watch(&serial->stage->reactor, &serial->users, EPOLLIN);
	if (symlink(name, serial->path) == 0)
		return NULL;
	unplug(serial);
	return strerror(errno);
}

static int put_file(const char *path, mode_t mode)
{
	int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, mode);

	return fd < 0 ? -1 : close(fd);
}

/* Opening it fails with ENXIO, as of a device that is gone. */
static int put_socket(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), rc;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	rc = bind(fd, (struct sockaddr *)&address, sizeof(address));
	close(fd);
	return rc;
}

static int put_other(const char *path, const char *as)
{
	if (!strcmp(as, "nothing"))
		return 0;
	if (!strcmp(as, "file"))
		return put_file(path, 0666);
	if (!strcmp(as, "forbidden"))
		return put_file(path, 0);
	if (!strcmp(as, "directory"))
		return mkdir(path, 0777);
	if (!strcmp(as, "loop"))
		return symlink(path, path);
	if (!strcmp(as, "dead"))
		return put_socket(path);
	errno = EINVAL;
	return -1;
}

const char *serial_unplug(struct serial *serial, const char *as)
{
	unplug(serial);
	if (clear_path(serial->path) < 0)
		return strerror(errno);
	if (put_other(serial->path, as) == 0)
		return NULL;
	return errno == EINVAL ? "not nothing, file, forbidden, directory, loop or dead"
			       : strerror(errno);
}

/* ---- beginning and end ---- */

const char *serial_open(struct serial *serial, struct stage *stage, const char *text)
{
	const char *mode = strrchr(text, ':'), *problem;
	struct rtu_mode parsed;
	size_t len;

	while (mode && mode > text && mode[-1] != ':')
		mode--;
	if (!mode || mode < text + 2)
		return "not PATH:BAUD:MODE";
	len = (size_t)(mode - 1 - text);
	if (len >= sizeof(serial->path))
		return "the path is too long";
	problem = rtu_mode(&parsed, mode);
	if (problem)
		return problem;
	*serial = (struct serial){ .stage = stage,
		.slave = -1,
		.master = { .work = work_master },
		.users = { .work = work_users },
		.line = { .owner = serial, .emit = emit, .finish = finish } };
	memcpy(serial->path, text, len);
	memcpy(serial->line.name, serial->path, sizeof(serial->path));
	line_init(&serial->line, stage, &parsed);
	problem = serial_plug(serial);
	if (problem) {
		line_fini(&serial->line);
		return problem;
	}
	serial->next = stage->serials;
	stage->serials = serial;
	return NULL;
}

void serial_close(struct serial *serial)
{
	struct serial **at = &serial->stage->serials;

	while (*at && *at != serial)
		at = &(*at)->next;
	if (*at)
		*at = serial->next;
	unplug(serial);
	clear_path(serial->path);
	line_fini(&serial->line);
}
