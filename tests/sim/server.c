/*
 * Modbus TCP: connections, MBAP framing, answers on their way out. An answer is a queue of pieces
 * with a time each, so that late, dribbled and cut answers need no threads and one slow client does
 * not hold up another. Answers of one connection leave in the order of the requests.
 */
#include "config.h"

#include "sim/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sim/answer.h"
#include "sim/modbus.h"

#define MBAP	    7
#define PENDING_MAX 16	 /* answers owed to a client before we stop listening to it */
#define BABBLE_STEP 0.01 /* seconds between pieces of noise without end */

struct piece {
	struct piece *next;
	double due;
	size_t len, sent;
	enum answer_end end;
	bool last; /* of its answer */
	uint8_t data[];
};

struct client {
	struct server *server;
	struct client *next;
	struct watch watch;
	struct timer timer; /* the first piece is due */
	struct piece *first, **end, *held;
	unsigned pending; /* answers in the queue */
	bool vanished;	  /* neither heard nor answered any more */
	size_t n_in;
	uint8_t in[2 * ADU_MAX];
};

static struct reactor *reactor_of(const struct client *client)
{
	return &client->server->listener.stage->reactor;
}

/* ---- clients ---- */

static void forget_pieces(struct client *client)
{
	for (struct piece *piece = client->first, *next; piece; piece = next) {
		next = piece->next;
		free(piece);
	}
	free(client->held);
	client->first = client->held = NULL;
	client->end = &client->first;
	client->pending = 0;
	reactor_cancel(reactor_of(client), &client->timer);
}

static void hang_up(struct client *client, enum answer_end end)
{
	struct client **at = &client->server->first;

	forget_pieces(client);
	reactor_unwatch(reactor_of(client), &client->watch);
	while (*at != client)
		at = &(*at)->next;
	*at = client->next;
	if (end == END_RESET)
		setsockopt(client->watch.fd, SOL_SOCKET, SO_LINGER,
			&(struct linger){ .l_onoff = 1 }, sizeof(struct linger));
	close(client->watch.fd);
	free(client);
}

/* The box is gone and nobody says so: what the client sends is acknowledged by the kernel only. */
static void vanish(struct client *client)
{
	forget_pieces(client);
	client->vanished = true;
}

/* ---- answers on their way out ---- */

static struct piece *new_piece(const uint8_t *data, size_t len, double due)
{
	struct piece *piece = malloc(sizeof(*piece) + len);

	if (!piece)
		abort();
	*piece = (struct piece){ .due = due, .len = len };
	if (len)
		memcpy(piece->data, data, len);
	return piece;
}

static struct piece *append(struct client *client, struct piece *piece)
{
	*client->end = piece;
	client->end = &piece->next;
	return piece;
}

/* Noise without end, for so long. */
static struct piece *append_babble(struct client *client, double seconds, double due)
{
	struct fault_list *faults = &client->server->listener.stage->faults;
	struct piece *piece = NULL;
	uint8_t noise[64];

	for (double end = due + seconds; due < end; due += BABBLE_STEP) {
		fault_noise(faults, noise, sizeof(noise));
		piece = append(client, new_piece(noise, sizeof(noise), due));
	}
	return piece;
}

static void release_held(struct client *client, double now)
{
	if (!client->held)
		return;
	client->held->due = now;
	append(client, client->held);
	client->held = NULL;
	client->pending++;
}

static void queue_answer(struct client *client, const struct answer *answer, double now)
{
	double due = now + answer->delay;
	size_t step = answer->gap > 0 ? 1 : answer->len;
	struct piece *piece = NULL;

	release_held(client, now);
	if (answer->held) {
		client->held = new_piece(answer->bytes, answer->len, now);
		client->held->last = true;
		return;
	}
	for (size_t at = 0; at < answer->len; at += step, due += answer->gap)
		piece = append(client, new_piece(answer->bytes + at, step, due));
	if (answer->babble > 0)
		piece = append_babble(client, answer->babble, due);
	if (answer->end != END_NOTHING && !piece)
		piece = append(client, new_piece(NULL, 0, due));
	if (!piece)
		return;
	piece->end = answer->end;
	piece->last = true;
	client->pending++;
}

/* Returns what is to become of the connection. */
static enum answer_end send_due(struct client *client, double now)
{
	while (client->first && client->first->due <= now) {
		struct piece *piece = client->first;
		ssize_t n = send(client->watch.fd, piece->data + piece->sent,
			piece->len - piece->sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? END_NOTHING : END_CLOSE;
		piece->sent += (size_t)n;
		if (piece->sent < piece->len)
			return END_NOTHING;
		if (piece->end != END_NOTHING)
			return piece->end;
		client->pending -= piece->last;
		client->first = piece->next;
		if (!client->first)
			client->end = &client->first;
		free(piece);
	}
	return END_NOTHING;
}

/* ---- requests ---- */

static void handle_request(struct client *client, const uint8_t *adu, size_t len, double now)
{
	struct stage *stage = client->server->listener.stage;
	struct answer answer;

	stage_trace(stage, "<", adu, len);
	if (adu[2] || adu[3])
		return; /* another protocol: not for us */
	answer_request(stage, FRAMING_TCP, adu, len, now, &answer);
	stage_trace(stage, ">", answer.bytes, answer.len);
	queue_answer(client, &answer, now);
}

/* Take whole frames off the input. Returns -1 when it makes no sense as Modbus TCP. */
static int take_frames(struct client *client, double now)
{
	size_t at = 0;

	while (client->n_in - at >= MBAP + 1 && client->pending < PENDING_MAX) {
		size_t body = (size_t)client->in[at + 4] << 8 | client->in[at + 5];

		if (body < 2 || body > PDU_MAX + 1)
			return -1;
		if (client->n_in - at < MBAP - 1 + body)
			break;
		handle_request(client, client->in + at, MBAP - 1 + body, now);
		at += MBAP - 1 + body;
	}
	client->n_in -= at;
	memmove(client->in, client->in + at, client->n_in);
	return 0;
}

/* Returns -1 when the connection is over. */
static int receive(struct client *client)
{
	ssize_t n = recv(client->watch.fd, client->in + client->n_in,
		sizeof(client->in) - client->n_in, MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	client->n_in += (size_t)n;
	return n ? 0 : -1;
}

static enum answer_end serve(struct client *client, double now)
{
	enum answer_end end;
	unsigned pending;
	size_t n_in;

	/* What is sent makes room for requests that have been waiting in our buffer. */
	do {
		n_in = client->n_in;
		pending = client->pending;
		if (take_frames(client, now) < 0)
			return END_CLOSE;
		end = send_due(client, now);
	} while (end == END_NOTHING && (client->n_in != n_in || client->pending < pending));
	return end;
}

static void schedule(struct client *client, double now)
{
	const struct piece *piece = client->first;
	uint32_t events = EPOLLRDHUP;

	if (client->vanished) {
		reactor_watch(reactor_of(client), &client->watch, EPOLLRDHUP);
		return;
	}
	if (client->pending < PENDING_MAX && client->n_in < sizeof(client->in))
		events = EPOLLIN;
	if (piece && piece->due <= now)
		events |= EPOLLOUT;
	reactor_watch(reactor_of(client), &client->watch, events);
	if (piece && piece->due > now)
		reactor_set(reactor_of(client), &client->timer, piece->due);
	else
		reactor_cancel(reactor_of(client), &client->timer);
}

static void go_on(struct client *client, double now)
{
	enum answer_end end = serve(client, now);

	if (end == END_CLOSE || end == END_RESET) {
		hang_up(client, end);
		return;
	}
	if (end == END_VANISH)
		vanish(client);
	schedule(client, now);
}

static void work_timer(struct timer *timer, double now)
{
	go_on(OWNER(timer, struct client, timer), now);
}

static void work_client(struct watch *watch, uint32_t events, double now)
{
	struct client *client = OWNER(watch, struct client, watch);
	bool gone = events & (EPOLLERR | EPOLLHUP) || (client->vanished && events & EPOLLRDHUP);

	if (gone || (events & (EPOLLIN | EPOLLRDHUP) && receive(client) < 0))
		hang_up(client, END_CLOSE);
	else
		go_on(client, now);
}

/* ---- the port ---- */

static void adopt(struct listener *listener, int fd)
{
	struct server *server = OWNER(listener, struct server, listener);
	struct client *client = calloc(1, sizeof(*client));

	if (!client)
		abort();
	client->server = server;
	client->end = &client->first;
	client->watch = (struct watch){ .fd = fd, .work = work_client };
	client->timer.fire = work_timer;
	client->next = server->first;
	server->first = client;
	schedule(client, 0);
}

static void drop(struct listener *listener)
{
	struct server *server = OWNER(listener, struct server, listener);

	while (server->first)
		hang_up(server->first, END_CLOSE);
}

static void free_server(struct listener *listener)
{
	drop(listener);
	listen_close(listener);
	free(OWNER(listener, struct server, listener));
}

const char *server_open(struct server *server, struct stage *stage, const char *address)
{
	*server = (struct server){ .listener = { .what = "listening on",
					   .adopt = adopt,
					   .drop = drop,
					   .free = free_server } };
	return listen_open(&server->listener, stage, address);
}
