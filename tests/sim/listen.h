#ifndef SIM_LISTEN_H
#define SIM_LISTEN_H

#include "sim/stage.h"

/* A TCP port at which somebody is let in, or refused as the faults will it. */
struct listener {
	struct stage *stage;
	struct listener *next;
	struct watch watch; /* fd -1 while refusing */
	const char *what; /* "listening on", for the line that announces it */
	char host[64];
	int port; /* the one in use, also when an ephemeral one was asked for */
	void (*adopt)(struct listener *listener, int fd); /* a connection has come */
	void (*drop)(struct listener *listener);	  /* all connections are to end */
	void (*free)(struct listener *listener);	  /* and this ends */
};

/* "127.0.0.1:1502", "[::1]:0". Enters the stage. Returns NULL, or what is wrong. */
const char *listen_open(struct listener *listener, struct stage *stage, const char *address);
void listen_close(struct listener *listener);

/* REFUSE_LISTEN, REFUSE_ACCEPT or -1 for neither. Returns -1 while the port cannot be had. */
int listen_refuse(struct listener *listener, int refusal);

/* "127.0.0.1:1502", "[::1]:1502" */
void listen_name(const struct listener *listener, char *name, size_t size);

#endif
