/* tcp: see tcp.h. */
#include "config.h"

#include "modbus/tcp.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/descriptors.h"

static int wait_connected(const struct wait *wait, int fd, int64_t deadline_us)
{
	socklen_t length = sizeof(int);
	int error;
	int rc = wait_ready(wait, fd, POLLOUT, deadline_us);

	if (rc < 0)
		return rc;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
		return -errno;
	return -error;
}

static int connect_address(const struct wait *wait, const struct addrinfo *address,
	int64_t deadline_us)
{
	const int on = 1;
	int rc = 0;
	int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (!descriptors_spare(fd))
		rc = -EMFILE;
	else if (connect(fd, address->ai_addr, address->ai_addrlen) < 0)
		rc = errno == EINPROGRESS ? wait_connected(wait, fd, deadline_us) : -errno;
	if (rc == 0 && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0)
		rc = -errno;
	if (rc < 0) {
		close(fd);
		return rc;
	}
	return fd;
}

static int find_addresses(struct resolver *resolver, const struct wait *wait, int64_t deadline_us,
	const struct addrinfo **addresses)
{
	for (;;) {
		int64_t slice_us = wait_slice_us(deadline_us);
		int rc = resolver_find(resolver, (int)(slice_us / 1000), addresses);

		if (rc != -ETIME || slice_us == 0)
			return rc;
		if (wait_called_off(wait))
			return -EINTR;
	}
}

/* Every address of the name gets an equal share of the time that is left. */
int tcp_open(struct resolver *resolver, const struct wait *wait, int64_t deadline_us)
{
	const struct addrinfo *addresses, *address;
	int waiting = 0;
	int rc = find_addresses(resolver, wait, deadline_us, &addresses);

	if (rc < 0)
		return rc;
	for (address = addresses; address != NULL; address = address->ai_next)
		waiting++;
	for (address = addresses; address != NULL; address = address->ai_next) {
		int64_t now_us = clock_mono_us();

		rc = connect_address(
			wait, address, now_us + (deadline_us - now_us) / waiting--);
		if (rc >= 0 || rc == -EINTR)
			break;
	}
	if (rc < 0)
		resolver_forget(resolver); /* the name may have moved */
	return rc;
}

int tcp_in_step(int fd)
{
	char byte;
	ssize_t n = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	if (n > 0)
		return -EBADMSG;
	if (n == 0)
		return -ECONNRESET;
	return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -errno;
}
