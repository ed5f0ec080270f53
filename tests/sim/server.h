#ifndef SIM_SERVER_H
#define SIM_SERVER_H

#include "sim/listen.h"

struct client;

/* Modbus TCP at one port, any number of clients. */
struct server {
	struct listener listener;
	struct client *first;
};

/* "ADDRESS:PORT". Returns NULL, or what is wrong. */
const char *server_open(struct server *server, struct stage *stage, const char *address);

#endif
