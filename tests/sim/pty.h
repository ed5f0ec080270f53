#ifndef SIM_PTY_H
#define SIM_PTY_H

#include "sim/line.h"

/* A serial port: a pty whose other side is found under a path of its own, as an adapter's device. */
struct serial {
	struct stage *stage;
	struct serial *next;
	struct line line;
	char path[108];
	struct watch master, users;
	int slave; /* kept open, so that the line stays up between users; -1: unplugged */
	unsigned n_users;
};

/* "PATH:BAUD:MODE". Enters the stage. Returns NULL, or what is wrong. */
const char *serial_open(struct serial *serial, struct stage *stage, const char *text);
void serial_close(struct serial *serial);

/* Pull it out: its users are hung up. What is at the path then: "nothing", "file", ... */
const char *serial_unplug(struct serial *serial, const char *as);
/* Another pty at the same path. */
const char *serial_plug(struct serial *serial);

#endif
