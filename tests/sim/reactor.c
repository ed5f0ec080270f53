/*
 * The waiting of the one thread: epoll for descriptors, a heap of timers, and one timerfd with
 * absolute times for the nearest of them, since characters on a serial line last less than the
 * millisecond of epoll. One event is taken at a time, so that what it does may end any other watch.
 */
#include "config.h"

#include "sim/reactor.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

double reactor_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

int reactor_init(struct reactor *reactor)
{
	struct epoll_event event = { .events = EPOLLIN };

	*reactor = (struct reactor){ .epoll = epoll_create1(EPOLL_CLOEXEC),
		.clock = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK) };
	if (reactor->epoll < 0 || reactor->clock < 0 ||
		epoll_ctl(reactor->epoll, EPOLL_CTL_ADD, reactor->clock, &event) < 0)
		return -errno;
	return 0;
}

void reactor_fini(struct reactor *reactor)
{
	close(reactor->clock);
	close(reactor->epoll);
	free(reactor->heap);
}

/* ---- descriptors ---- */

void reactor_watch(struct reactor *reactor, struct watch *watch, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = watch };

	if (watch->events == events)
		return;
	if (epoll_ctl(reactor->epoll, watch->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, watch->fd,
		    &event) < 0)
		abort();
	watch->events = events;
}

void reactor_unwatch(struct reactor *reactor, struct watch *watch)
{
	if (watch->events)
		epoll_ctl(reactor->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
	watch->events = 0;
	if (reactor->ready == watch)
		reactor->ready = NULL;
}

/* ---- timers ---- */

static void put(struct reactor *reactor, size_t place, struct timer *timer)
{
	reactor->heap[place] = timer;
	timer->place = place;
}

static void rise(struct reactor *reactor, size_t place)
{
	struct timer *timer = reactor->heap[place];

	for (; place > 1 && reactor->heap[place / 2]->due > timer->due; place /= 2)
		put(reactor, place, reactor->heap[place / 2]);
	put(reactor, place, timer);
}

static void sink(struct reactor *reactor, size_t place)
{
	struct timer *timer = reactor->heap[place];
	size_t child;

	while ((child = 2 * place) <= reactor->n) {
		if (child < reactor->n && reactor->heap[child + 1]->due < reactor->heap[child]->due)
			child++;
		if (reactor->heap[child]->due >= timer->due)
			break;
		put(reactor, place, reactor->heap[child]);
		place = child;
	}
	put(reactor, place, timer);
}

void reactor_cancel(struct reactor *reactor, struct timer *timer)
{
	size_t place = timer->place;
	struct timer *last;

	if (!place)
		return;
	timer->place = 0;
	last = reactor->heap[reactor->n--];
	if (last == timer)
		return;
	put(reactor, place, last);
	rise(reactor, place);
	sink(reactor, last->place);
}

void reactor_set(struct reactor *reactor, struct timer *timer, double due)
{
	if (!timer->place) {
		if (reactor->n + 2 > reactor->room) {
			reactor->room = reactor->room ? 2 * reactor->room : 16;
			reactor->heap =
				realloc(reactor->heap, reactor->room * sizeof(*reactor->heap));
			if (!reactor->heap)
				abort();
		}
		put(reactor, ++reactor->n, timer);
	}
	timer->due = due;
	rise(reactor, timer->place);
	sink(reactor, timer->place);
}

/* ---- waiting ---- */

static void wind(struct reactor *reactor, double until)
{
	struct itimerspec alarm = { .it_value = { 0, 0 } };

	if (reactor->n)
		until = fmin(until, reactor->heap[1]->due);
	if (isfinite(until)) {
		until = fmax(until, 1e-9); /* 0 would stop the clock */
		alarm.it_value.tv_sec = (time_t)until;
		alarm.it_value.tv_nsec = (long)((until - floor(until)) * 1e9);
		if (!alarm.it_value.tv_sec && !alarm.it_value.tv_nsec)
			alarm.it_value.tv_nsec = 1;
	}
	timerfd_settime(reactor->clock, TFD_TIMER_ABSTIME, &alarm, NULL);
}

int reactor_wait(struct reactor *reactor, double until, const sigset_t *mask)
{
	struct epoll_event event;
	int n;

	wind(reactor, until);
	n = epoll_pwait(reactor->epoll, &event, 1, -1, mask);
	if (n < 0 && errno != EINTR)
		return -errno;
	reactor->ready = n > 0 ? event.data.ptr : NULL; /* NULL also for the clock */
	reactor->events = n > 0 ? event.events : 0;
	return 0;
}

void reactor_work(struct reactor *reactor, double now)
{
	struct watch *ready = reactor->ready;

	if (ready)
		ready->work(ready, reactor->events, now);
	while (reactor->n && reactor->heap[1]->due <= now) {
		struct timer *timer = reactor->heap[1];

		reactor_cancel(reactor, timer);
		timer->fire(timer, now);
	}
}
