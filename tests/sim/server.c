/*
 * Modbus TCP: connections, MBAP framing, answers on their way out. An answer is a queue of pieces
 * with a time each, so that late, dribbled and cut answers need no threads and one slow client does
 * not hold up another. Answers of one connection leave in the order of the requests.
 */
#include "config.h"

#include "sim/server.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sim/alarm.h"
#include "sim/modbus.h"

#define MBAP	    7
#define PENDING_MAX 16 /* answers owed to a client before we stop listening to it */

struct piece {
	struct piece *next;
	double due;
	size_t len, sent;
	bool close, last; /* last of its answer */
	uint8_t data[];
};

struct client {
	int fd;
	uint8_t in[4 * ADU_MAX];
	size_t n_in;
	struct piece *first, **end;
	unsigned pending; /* answers in the queue */
};

/* ---- opening ---- */

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

static const char *open_port(struct server *server, const char *port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV };
	struct addrinfo *found;
	int rc, fd, on = 1;

	rc = getaddrinfo(server->host, port, &hints, &found);
	if (rc)
		return gai_strerror(rc);
	fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 &&
		(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
			bind(fd, found->ai_addr, found->ai_addrlen) < 0 || listen(fd, 16) < 0)) {
		int saved = errno;

		close(fd);
		errno = saved;
		fd = -1;
	}
	freeaddrinfo(found);
	if (fd < 0)
		return strerror(errno);
	server->fd = fd;
	server->port = bound_port(fd);
	return NULL;
}

const char *server_open(struct server *server, const char *address)
{
	const char *port;

	server->fd = -1;
	if (split_address(address, server->host, sizeof(server->host), &port) < 0)
		return "not ADDRESS:PORT";
	return open_port(server, port);
}

static void reopen(struct server *server)
{
	char port[16];

	snprintf(port, sizeof(port), "%d", server->port);
	open_port(server, port); /* if somebody took it, the next round tries again */
}

/* ---- clients ---- */

static void drop_client(struct server *server, unsigned index)
{
	struct client *client = server->client[index];

	for (struct piece *piece = client->first, *next; piece; piece = next) {
		next = piece->next;
		free(piece);
	}
	close(client->fd);
	free(client);
	server->client[index] = NULL;
}

void server_drop_clients(struct server *server)
{
	for (unsigned i = 0; i < SERVER_CLIENTS; i++)
		if (server->client[i])
			drop_client(server, i);
}

void server_close(struct server *server)
{
	server_drop_clients(server);
	if (server->fd >= 0)
		close(server->fd);
	server->fd = -1;
}

static void adopt(struct server *server, int fd)
{
	struct client *client;
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	for (unsigned i = 0; i < SERVER_CLIENTS; i++) {
		if (server->client[i])
			continue;
		client = calloc(1, sizeof(*client));
		if (!client)
			abort();
		client->fd = fd;
		client->end = &client->first;
		server->client[i] = client;
		server->connections++;
		return;
	}
	close(fd); /* full house */
}

static void accept_clients(struct server *server, double now)
{
	int fd;

	while ((fd = accept4(server->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		if (fault_refuses(server->faults, now) != REFUSE_ACCEPT) {
			adopt(server, fd);
			continue;
		}
		close(fd);
		fault_refused(server->faults);
	}
}

/* ---- answers on their way out ---- */

static struct piece *new_piece(struct client *client, const uint8_t *data, size_t len, double due)
{
	struct piece *piece = malloc(sizeof(*piece) + len);

	if (!piece)
		abort();
	*piece = (struct piece){ .due = due, .len = len };
	if (len)
		memcpy(piece->data, data, len);
	*client->end = piece;
	client->end = &piece->next;
	return piece;
}

static void queue_answer(struct client *client, const struct answer *answer, double now)
{
	double due = now + answer->delay;
	size_t step = answer->gap > 0 ? 1 : answer->len;
	struct piece *piece = NULL;

	for (size_t at = 0; at < answer->len; at += step, due += answer->gap)
		piece = new_piece(client, answer->adu + at, step, due);
	if (answer->close && !piece)
		piece = new_piece(client, NULL, 0, due);
	if (!piece)
		return;
	piece->close = answer->close;
	piece->last = true;
	client->pending++;
}

/* Returns -1 when the connection is over. */
static int send_due(struct client *client, double now)
{
	while (client->first && client->first->due <= now) {
		struct piece *piece = client->first;
		ssize_t n = send(client->fd, piece->data + piece->sent, piece->len - piece->sent,
			MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -1;
		piece->sent += (size_t)n;
		if (piece->sent < piece->len)
			return 0;
		if (piece->close)
			return -1;
		client->pending -= piece->last;
		client->first = piece->next;
		if (!client->first)
			client->end = &client->first;
		free(piece);
	}
	return 0;
}

/* ---- requests ---- */

static void trace_bytes(const char *mark, const uint8_t *bytes, size_t len)
{
	fprintf(stderr, "%s", mark);
	for (size_t i = 0; i < len; i++)
		fprintf(stderr, " %02x", bytes[i]);
	fputc('\n', stderr);
}

/* Let the meter answer; a unit that nobody has stays silent, as on the serial line behind it. */
static void make_answer(struct server *server, const uint8_t *adu, size_t len,
	const struct fault *fault, struct answer *answer)
{
	struct sim_panel *panel = server->site->panel[adu[6]];
	bool exception = fault && fault->kind == FAULT_EXCEPTION;
	size_t pdu;

	if (!panel)
		server->unknown_unit++;
	memcpy(answer->adu, adu, MBAP);
	if (panel && !exception) {
		bool keep_out = fault && fault->kind == FAULT_IGNORE_WRITE;
		bool again = fault && fault->kind == FAULT_LATCH_AGAIN;
		uint16_t latched[SIM_CHANNELS];

		alarm_remember(panel, latched);
		pdu = modbus_answer(panel, adu + MBAP, len - MBAP, answer->adu + MBAP, keep_out);
		if (again)
			alarm_latch_again(panel, latched);
	} else if (exception) { /* refused: nothing is done */
		pdu = 2;
		if (panel) {
			panel->counts.requests++;
			panel->counts.exceptions++;
		}
	} else {
		return;
	}
	answer->len = MBAP + pdu;
	answer->adu[4] = (uint8_t)((pdu + 1) >> 8);
	answer->adu[5] = (uint8_t)(pdu + 1);
}

static void handle_request(
	struct server *server, struct client *client, const uint8_t *adu, size_t len, double now)
{
	struct fault_target target = { .unit = adu[6], .function = adu[MBAP] };
	struct answer answer = { .delay = server->latency };
	const struct fault *fault;

	if (server->trace)
		trace_bytes("<", adu, len);
	if (adu[2] || adu[3])
		return; /* another protocol: not for us */
	modbus_range(adu + MBAP, len - MBAP, &target.first, &target.last);
	fault = fault_fires(server->faults, &target, now);
	if (fault && fault->kind == FAULT_DEAF)
		return;
	make_answer(server, adu, len, fault, &answer);
	if (fault)
		fault_spoil(fault, adu, &answer);
	if (server->trace)
		trace_bytes(">", answer.adu, answer.len);
	queue_answer(client, &answer, now);
}

/* Take whole frames off the input. Returns -1 when it makes no sense as Modbus TCP. */
static int take_frames(struct server *server, struct client *client, double now)
{
	size_t at = 0;

	while (client->n_in - at >= MBAP + 1 && client->pending < PENDING_MAX) {
		size_t body = (size_t)client->in[at + 4] << 8 | client->in[at + 5];

		if (body < 2 || body > PDU_MAX + 1)
			return -1;
		if (client->n_in - at < MBAP - 1 + body)
			break;
		handle_request(server, client, client->in + at, MBAP - 1 + body, now);
		at += MBAP - 1 + body;
	}
	client->n_in -= at;
	memmove(client->in, client->in + at, client->n_in);
	return 0;
}

static int receive(struct client *client)
{
	ssize_t n = recv(client->fd, client->in + client->n_in, sizeof(client->in) - client->n_in,
		MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	client->n_in += (size_t)n;
	return n ? 0 : -1;
}

static int serve_client(struct server *server, struct client *client, short events, double now)
{
	unsigned pending;
	size_t n_in;

	if (events & (POLLERR | POLLNVAL))
		return -1;
	if (events & (POLLIN | POLLHUP) && receive(client) < 0)
		return -1;
	/* What is sent makes room for requests that have been waiting in our buffer. */
	do {
		n_in = client->n_in;
		pending = client->pending;
		if (take_frames(server, client, now) < 0 || send_due(client, now) < 0)
			return -1;
	} while (client->n_in != n_in || client->pending < pending);
	return 0;
}

/* ---- the loop's side ---- */

static void follow_refusal(struct server *server, double now)
{
	int refusal = fault_refuses(server->faults, now);

	if (refusal >= 0)
		server_drop_clients(server);
	if (refusal == REFUSE_LISTEN && server->fd >= 0) {
		close(server->fd);
		server->fd = -1;
	} else if (refusal != REFUSE_LISTEN && server->fd < 0) {
		reopen(server);
	}
}

static short wanted(const struct client *client, double now)
{
	short events = 0;

	if (client->pending < PENDING_MAX && client->n_in < sizeof(client->in))
		events |= POLLIN;
	if (client->first && client->first->due <= now)
		events |= POLLOUT;
	return events;
}

unsigned server_poll(struct server *server, struct pollfd *fds, double now)
{
	unsigned n = 0;

	follow_refusal(server, now);
	if (server->fd >= 0)
		fds[n++] = (struct pollfd){ .fd = server->fd, .events = POLLIN };
	for (unsigned i = 0; i < SERVER_CLIENTS; i++)
		if (server->client[i])
			fds[n++] = (struct pollfd){ .fd = server->client[i]->fd,
				.events = wanted(server->client[i], now) };
	return n;
}

static short events_of(const struct pollfd *fds, unsigned n_fds, int fd)
{
	for (unsigned i = 0; i < n_fds; i++)
		if (fds[i].fd == fd)
			return fds[i].revents;
	return 0;
}

void server_work(struct server *server, const struct pollfd *fds, unsigned n_fds, double now)
{
	for (unsigned i = 0; i < SERVER_CLIENTS; i++) {
		struct client *client = server->client[i];

		if (client &&
			serve_client(server, client, events_of(fds, n_fds, client->fd), now) < 0)
			drop_client(server, i);
	}
	if (server->fd >= 0 && events_of(fds, n_fds, server->fd))
		accept_clients(server, now);
}

double server_deadline(const struct server *server, double now)
{
	double nearest = fault_deadline(server->faults, now);

	for (unsigned i = 0; i < SERVER_CLIENTS; i++) {
		const struct client *client = server->client[i];

		if (!client || !client->first)
			continue;
		double left = client->first->due > now ? client->first->due - now : 0;

		if (client->first->due > now && (nearest < 0 || left < nearest))
			nearest = left;
	}
	return nearest;
}
