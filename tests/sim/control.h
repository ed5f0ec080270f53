#ifndef SIM_CONTROL_H
#define SIM_CONTROL_H

#include "sim/command.h"

struct talker;

/* A unix socket that takes lines and answers each with one: "ok ..." or "error ...". */
struct control {
	struct stage *stage;
	const char *path;
	struct watch watch; /* fd -1: no socket wanted */
	struct talker *first;
};

/* Returns 0 or a negative errno. A stale socket file is replaced. */
int control_open(struct control *control, const char *path);
void control_close(struct control *control);

/*
 * The other end: send words as one line, print the answer. Returns 0 when it was ok, 1 when it was
 * not or nobody answers.
 */
int control_tell(const char *path, char *const *words, unsigned n_words);

#endif
