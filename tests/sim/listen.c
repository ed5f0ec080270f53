/* TCP ports: opened, closed and opened again where a fault wants it; what comes in is handed on. */
#include "config.h"

#include "sim/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* "HOST:PORT" or "[HOST]:PORT" */
static int split_address(const char *address, char *host, size_t size, const char **port)
{
	const char *colon = strrchr(address, ':');
	size_t len;

	if (!colon || !colon[1])
		return -1;
	*port = colon + 1;
	len = (size_t)(colon - address);
	if (len >= 2 && address[0] == '[' && colon[-1] == ']') {
		address++;
		len -= 2;
	}
	if (!len || len >= size)
		return -1;
	memcpy(host, address, len);
	host[len] = 0;
	return 0;
}

static int bound_port(int fd)
{
	struct sockaddr_storage bound;
	socklen_t len = sizeof(bound);
	char port[8];

	if (getsockname(fd, (struct sockaddr *)&bound, &len) < 0 ||
		getnameinfo((struct sockaddr *)&bound, len, NULL, 0, port, sizeof(port),
			NI_NUMERICSERV))
		return -1;
	return atoi(port);
}

static void accept_clients(struct watch *watch, uint32_t events, double now)
{
	struct listener *listener = OWNER(watch, struct listener, watch);
	struct stage *stage = listener->stage;
	int fd, on = 1;

	(void)events;
	while ((fd = accept4(watch->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		if (fault_refuses(&stage->faults, now) == REFUSE_ACCEPT) {
			close(fd);
			fault_refused(&stage->faults);
			continue;
		}
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		stage->connections++;
		listener->adopt(listener, fd);
	}
}

static const char *open_port(struct listener *listener, const char *port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV };
	struct addrinfo *found;
	int rc, fd, on = 1;

	rc = getaddrinfo(listener->host, port, &hints, &found);
	if (rc)
		return gai_strerror(rc);
	fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
			       bind(fd, found->ai_addr, found->ai_addrlen) < 0 ||
			       listen(fd, SOMAXCONN) < 0)) {
		int saved = errno;

		close(fd);
		errno = saved;
		fd = -1;
	}
	freeaddrinfo(found);
	if (fd < 0)
		return strerror(errno);
	listener->watch = (struct watch){ .fd = fd, .work = accept_clients };
	listener->port = bound_port(fd);
	reactor_watch(&listener->stage->reactor, &listener->watch, EPOLLIN);
	return NULL;
}

static void close_port(struct listener *listener)
{
	if (listener->watch.fd < 0)
		return;
	reactor_unwatch(&listener->stage->reactor, &listener->watch);
	close(listener->watch.fd);
	listener->watch.fd = -1;
}

const char *listen_open(struct listener *listener, struct stage *stage, const char *address)
{
	struct listener **end = &stage->listeners;
	const char *port, *problem;

	listener->stage = stage;
	listener->watch.fd = -1;
	if (split_address(address, listener->host, sizeof(listener->host), &port) < 0)
		return "not ADDRESS:PORT";
	problem = open_port(listener, port);
	if (problem)
		return problem;
	while (*end)
		end = &(*end)->next;
	*end = listener;
	return NULL;
}

void listen_close(struct listener *listener)
{
	struct listener **at = &listener->stage->listeners;

	close_port(listener);
	while (*at && *at != listener)
		at = &(*at)->next;
	if (*at)
		*at = listener->next;
}

int listen_refuse(struct listener *listener, int refusal)
{
	char port[16];

	if (refusal >= 0)
		listener->drop(listener);
	if (refusal == REFUSE_LISTEN)
		close_port(listener);
	if (refusal == REFUSE_LISTEN || listener->watch.fd >= 0)
		return 0;
	snprintf(port, sizeof(port), "%d", listener->port);
	return open_port(listener, port) ? -1 : 0;
}

void listen_name(const struct listener *listener, char *name, size_t size)
{
	bool six = strchr(listener->host, ':');

	snprintf(name, size, "%s%s%s:%d", six ? "[" : "", listener->host, six ? "]" : "",
		listener->port);
}
