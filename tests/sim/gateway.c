/* RTU over TCP: bytes in, bytes out, and one line that all clients share. */
#include "config.h"

#include "sim/gateway.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct caller {
	struct gateway *gateway;
	struct caller *next;
	struct watch watch;
	bool vanished; /* neither heard nor answered any more */
};

static void hang_up(struct caller *caller, bool reset)
{
	struct gateway *gateway = caller->gateway;
	struct caller **at = &gateway->first;

	while (*at != caller)
		at = &(*at)->next;
	*at = caller->next;
	reactor_unwatch(&gateway->listener.stage->reactor, &caller->watch);
	if (reset)
		setsockopt(caller->watch.fd, SOL_SOCKET, SO_LINGER,
			&(struct linger){ .l_onoff = 1 }, sizeof(struct linger));
	close(caller->watch.fd);
	free(caller);
}

/* A client that does not take what comes loses it. */
static void emit(void *owner, const uint8_t *bytes, size_t len)
{
	const struct gateway *gateway = owner;

	for (const struct caller *caller = gateway->first; caller; caller = caller->next)
		if (!caller->vanished)
			send(caller->watch.fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void finish(void *owner, enum answer_end end)
{
	struct gateway *gateway = owner;
	struct caller *next;

	for (struct caller *caller = gateway->first; caller; caller = next) {
		next = caller->next;
		if (end != END_VANISH) {
			hang_up(caller, end == END_RESET);
			continue;
		}
		caller->vanished = true;
		reactor_unwatch(&gateway->listener.stage->reactor, &caller->watch);
		reactor_watch(&gateway->listener.stage->reactor, &caller->watch, EPOLLRDHUP);
	}
}

static void work_caller(struct watch *watch, uint32_t events, double now)
{
	struct caller *caller = OWNER(watch, struct caller, watch);
	uint8_t bytes[512];
	ssize_t n = 0;

	if (!caller->vanished && !(events & EPOLLERR)) {
		n = recv(watch->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
	}
	if (n > 0)
		line_hear(&caller->gateway->line, bytes, (size_t)n, now);
	else
		hang_up(caller, false);
}

static void adopt(struct listener *listener, int fd)
{
	struct gateway *gateway = OWNER(listener, struct gateway, listener);
	struct caller *caller = calloc(1, sizeof(*caller));

	if (!caller)
		abort();
	caller->gateway = gateway;
	caller->watch = (struct watch){ .fd = fd, .work = work_caller };
	caller->next = gateway->first;
	gateway->first = caller;
	reactor_watch(&listener->stage->reactor, &caller->watch, EPOLLIN);
}

static void drop(struct listener *listener)
{
	finish(OWNER(listener, struct gateway, listener), END_CLOSE);
}

static void free_gateway(struct listener *listener)
{
	struct gateway *gateway = OWNER(listener, struct gateway, listener);

	drop(listener);
	listen_close(listener);
	line_fini(&gateway->line);
	free(gateway);
}

/* "ADDRESS:PORT:BAUD:MODE": where the speed begins; NULL when there is none. */
static const char *find_mode(const char *text)
{
	const char *mode = strrchr(text, ':');

	if (!mode || mode[1] != '8' || !mode[2] || !strchr("NEO", mode[2]))
		return NULL;
	while (mode > text && mode[-1] != ':')
		mode--;
	return mode > text + 1 ? mode : NULL;
}

const char *gateway_open(struct gateway *gateway, struct stage *stage, const char *text)
{
	const char *speed = find_mode(text), *problem;
	struct rtu_mode mode;
	char address[128];

	problem = rtu_mode(&mode, speed ? speed : "0:8N1");
	if (problem)
		return problem;
	snprintf(address, sizeof(address), "%.*s",
		speed ? (int)(speed - 1 - text) : (int)strlen(text), text);
	gateway->listener = (struct listener){
		.what = "RTU over TCP on", .adopt = adopt, .drop = drop, .free = free_gateway
	};
	problem = listen_open(&gateway->listener, stage, address);
	if (problem)
		return problem;
	gateway->line = (struct line){ .owner = gateway, .emit = emit, .finish = finish };
	listen_name(&gateway->listener, gateway->line.name, sizeof(gateway->line.name));
	line_init(&gateway->line, stage, &mode);
	return NULL;
}
