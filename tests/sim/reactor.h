#ifndef SIM_REACTOR_H
#define SIM_REACTOR_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

/* The structure of which a member is known. */
#define OWNER(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

/* A descriptor somebody waits for. `work` gets what epoll said; it may unwatch anything. */
struct watch {
	int fd;
	uint32_t events; /* wanted, as EPOLLIN; 0 while not watched */
	void (*work)(struct watch *watch, uint32_t events, double now);
};

/* A moment somebody waits for, in seconds as reactor_now(). It fires once. */
struct timer {
	double due;
	size_t place; /* in the heap, from 1; 0: not set */
	void (*fire)(struct timer *timer, double now);
};

struct reactor {
	int epoll, clock;
	struct timer **heap; /* from 1 */
	size_t n, room;
	struct watch *ready; /* the one that epoll reported last */
	uint32_t events;
};

/* Real seconds of the monotonic clock. */
double reactor_now(void);

/* Returns 0 or a negative errno. */
int reactor_init(struct reactor *reactor);
void reactor_fini(struct reactor *reactor);

/* Begin to wait for a descriptor, or for other events of it. Nothing happens while they are equal. */
void reactor_watch(struct reactor *reactor, struct watch *watch, uint32_t events);

/* Before its descriptor is closed. */
void reactor_unwatch(struct reactor *reactor, struct watch *watch);

/* Set, move or take back a timer. */
void reactor_set(struct reactor *reactor, struct timer *timer, double due);
void reactor_cancel(struct reactor *reactor, struct timer *timer);

/* Wait for the next event, timer, signal, or until that moment (INFINITY: none). 0 or -errno. */
int reactor_wait(struct reactor *reactor, double until, const sigset_t *mask);

/* Act on what has come: one descriptor first, then every timer that is due. */
void reactor_work(struct reactor *reactor, double now);

#endif
