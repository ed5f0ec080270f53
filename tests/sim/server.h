#ifndef SIM_SERVER_H
#define SIM_SERVER_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "sim/fault.h"
#include "sim/site.h"

#define SERVER_CLIENTS 64

struct client;

/* The Modbus TCP side. All times are real seconds of a monotonic clock. */
struct server {
	struct site *site;
	struct fault_list *faults;
	char host[64];
	int port;	/* the one in use, also when an ephemeral one was asked for */
	int fd;		/* listening, or -1 while refusing */
	double latency; /* seconds the meter takes for an answer */
	bool trace;
	struct client *client[SERVER_CLIENTS];
	uint64_t connections, unknown_unit;
};

/* "127.0.0.1:1502", "[::1]:0". Returns NULL or what is wrong, as text that lives on. */
const char *server_open(struct server *server, const char *address);
void server_close(struct server *server);

/* Append what to poll for; returns how many, at most 1 + SERVER_CLIENTS. */
unsigned server_poll(struct server *server, struct pollfd *fds, double now);

/* Look at what poll said about those, send what is due. */
void server_work(struct server *server, const struct pollfd *fds, unsigned n_fds, double now);

/* Seconds until something is due to be sent, or -1. */
double server_deadline(const struct server *server, double now);

/* The box restarts: every connection is gone. */
void server_drop_clients(struct server *server);

#endif
