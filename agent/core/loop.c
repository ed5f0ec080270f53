/*
 * loop: see loop.h. Timers are few (a handful per loop), so they stand in a
 * plain array and the next one is found by looking at all of them.
 */
#include "config.h"

#include "loop.h"

#include "clock.h"
#include "util.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define EVENTS_PER_TURN 16

struct watch {
	int fd;
	loop_fd_fn *fn;
	void *arg;
};

struct timer {
	int id; /* 0: slot is free */
	int64_t period_ms;
	int64_t due_ms;
	loop_fn *fn;
	void *arg;
};

struct loop {
	int epoll_fd;
	int wake_fd;
	int signal_fd;
	bool stopped;
	struct watch *watches;
	size_t n_watches;
	struct timer *timers;
	size_t n_timers;
	int last_timer_id;
	loop_fn *on_wake;
	void *on_wake_arg;
	loop_signal_fn *on_signal;
	void *on_signal_arg;
};

static void wake_ready(int fd, void *arg)
{
	struct loop *loop = arg;
	uint64_t count;

	if (read(fd, &count, sizeof(count)) == sizeof(count) && loop->on_wake)
		loop->on_wake(loop->on_wake_arg);
}

static void signal_ready(int fd, void *arg)
{
	struct loop *loop = arg;
	struct signalfd_siginfo info;

	while (read(fd, &info, sizeof(info)) == sizeof(info))
		loop->on_signal((int)info.ssi_signo, loop->on_signal_arg);
}

struct loop *loop_new(void)
{
	struct loop *loop = xcalloc(1, sizeof(*loop));

	loop->signal_fd = -1;
	loop->wake_fd = -1;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0)
		goto fail;
	loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->wake_fd < 0 || loop_add_fd(loop, loop->wake_fd, wake_ready, loop) < 0)
		goto fail;
	return loop;
fail:
	loop_free(loop);
	return NULL;
}

void loop_free(struct loop *loop)
{
	int saved = errno;

	if (loop == NULL)
		return;
	if (loop->signal_fd >= 0)
		close(loop->signal_fd);
	if (loop->wake_fd >= 0)
		close(loop->wake_fd);
	if (loop->epoll_fd >= 0)
		close(loop->epoll_fd);
	free(loop->watches);
	free(loop->timers);
	free(loop);
	errno = saved;
}

static struct watch *watch_find(struct loop *loop, int fd)
{
	for (size_t i = 0; i < loop->n_watches; i++) {
		if (loop->watches[i].fd == fd)
			return &loop->watches[i];
	}
	return NULL;
}

int loop_add_fd(struct loop *loop, int fd, loop_fd_fn *fn, void *arg)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		return -errno;
	loop->watches =
		xrealloc(loop->watches, loop->n_watches + 1, sizeof(*loop->watches));
	loop->watches[loop->n_watches++] = (struct watch){ .fd = fd, .fn = fn, .arg = arg };
	return 0;
}

void loop_remove_fd(struct loop *loop, int fd)
{
	struct watch *watch = watch_find(loop, fd);

	if (watch == NULL)
		return;
	epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
	*watch = loop->watches[--loop->n_watches];
}

int loop_add_timer(struct loop *loop, int64_t period_ms, loop_fn *fn, void *arg)
{
	struct timer *timer = NULL;

	for (size_t i = 0; i < loop->n_timers && timer == NULL; i++) {
		if (loop->timers[i].id == 0)
			timer = &loop->timers[i];
	}
	if (timer == NULL) {
		loop->timers = xrealloc(loop->timers, loop->n_timers + 1, sizeof(*loop->timers));
		timer = &loop->timers[loop->n_timers++];
	}
	*timer = (struct timer){
		.id = ++loop->last_timer_id,
		.period_ms = period_ms,
		.due_ms = clock_mono_ms() + period_ms,
		.fn = fn,
		.arg = arg,
	};
	return timer->id;
}

void loop_remove_timer(struct loop *loop, int id)
{
	for (size_t i = 0; i < loop->n_timers; i++) {
		if (loop->timers[i].id == id)
			loop->timers[i].id = 0;
	}
}

int loop_add_signals(struct loop *loop, const int *signals, loop_signal_fn *fn, void *arg)
{
	sigset_t set;

	sigemptyset(&set);
	while (*signals != 0)
		sigaddset(&set, *signals++);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	loop->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (loop->signal_fd < 0)
		return -errno;
	loop->on_signal = fn;
	loop->on_signal_arg = arg;
	return loop_add_fd(loop, loop->signal_fd, signal_ready, loop);
}

void loop_on_wake(struct loop *loop, loop_fn *fn, void *arg)
{
	loop->on_wake = fn;
	loop->on_wake_arg = arg;
}

void loop_wake(struct loop *loop)
{
	uint64_t one = 1;

	/* A full counter means that a wake-up is already under way. */
	if (write(loop->wake_fd, &one, sizeof(one)) < 0)
		return;
}

static int wait_ms(const struct loop *loop, int timeout_ms)
{
	int64_t now = clock_mono_ms();
	int64_t wait = timeout_ms < 0 ? INT32_MAX : timeout_ms;

	for (size_t i = 0; i < loop->n_timers; i++) {
		int64_t left = loop->timers[i].due_ms - now;

		if (loop->timers[i].id != 0 && left < wait)
			wait = left;
	}
	if (wait == INT32_MAX)
		return -1;
	return wait < 0 ? 0 : (int)wait;
}

/* By index: a callback may add timers and so move the array. */
static void run_timers(struct loop *loop)
{
	int64_t now = clock_mono_ms();

	for (size_t i = 0; i < loop->n_timers; i++) {
		struct timer *timer = &loop->timers[i];

		if (timer->id == 0 || timer->due_ms > now)
			continue;
		/* A late timer skips what it missed instead of running in a burst. */
		timer->due_ms += timer->period_ms;
		if (timer->due_ms <= now)
			timer->due_ms = now + timer->period_ms;
		timer->fn(timer->arg);
	}
}

int loop_turn(struct loop *loop, int timeout_ms)
{
	struct epoll_event events[EVENTS_PER_TURN];
	int n = epoll_wait(loop->epoll_fd, events, EVENTS_PER_TURN, wait_ms(loop, timeout_ms));

	if (n < 0 && errno != EINTR)
		return -errno;
	for (int i = 0; i < n; i++) {
		/* Looked up anew: an earlier callback of this turn may have removed it. */
		struct watch *watch = watch_find(loop, events[i].data.fd);

		if (watch)
			watch->fn(watch->fd, watch->arg);
	}
	run_timers(loop);
	return 0;
}

int loop_run(struct loop *loop)
{
	int rc = 0;

	loop->stopped = false;
	while (!loop->stopped && rc == 0)
		rc = loop_turn(loop, -1);
	return rc;
}

void loop_stop(struct loop *loop)
{
	loop->stopped = true;
	loop_wake(loop);
}
