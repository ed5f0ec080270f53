/*
 * loop: descriptors, timers and signals of one thread (epoll, signalfd).
 *
 * A loop belongs to the thread that runs it. Only loop_wake() may be called
 * from elsewhere. Callbacks run in loop_run(); they may add and remove
 * descriptors and timers, their own included.
 */
#ifndef METERX_CORE_LOOP_H
#define METERX_CORE_LOOP_H

#include <stdint.h>

struct loop;

typedef void loop_fd_fn(int fd, void *arg);
typedef void loop_fn(void *arg);
typedef void loop_signal_fn(int signo, void *arg);

/* NULL with errno when epoll or eventfd cannot be had. */
struct loop *loop_new(void);
void loop_free(struct loop *loop);

/* Call fn when fd is readable (or broken). The descriptor stays the caller's. 0 or -errno. */
int loop_add_fd(struct loop *loop, int fd, loop_fd_fn *fn, void *arg);
void loop_remove_fd(struct loop *loop, int fd);

/* Call fn every period_ms (first after one period); returns a timer id > 0. */
int loop_add_timer(struct loop *loop, int64_t period_ms, loop_fn *fn, void *arg);
void loop_remove_timer(struct loop *loop, int id);

/* Block the signals of the list (0-terminated) in this thread and deliver them to fn. 0 or -errno. */
int loop_add_signals(struct loop *loop, const int *signals, loop_signal_fn *fn, void *arg);

/* Call fn once soon, in the loop's thread. fn is set by loop_on_wake. Any thread, also a signal handler. */
void loop_on_wake(struct loop *loop, loop_fn *fn, void *arg);
void loop_wake(struct loop *loop);

/* One turn: wait at most timeout_ms (-1 = for ever) for the next event and handle it. 0 or -errno. */
int loop_turn(struct loop *loop, int timeout_ms);
/* Turns until loop_stop(). */
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

#endif
