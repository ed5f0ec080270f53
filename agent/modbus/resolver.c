/*
 * resolver: see resolver.h.
 *
 * getaddrinfo() knows no deadline, so it runs in threads of its own; who waits
 * gives up at his deadline and finds the same lookup again next time. A name server
 * that hangs holds a few threads, whatever the number of names: the lookups of all
 * resolvers wait in one queue, and threads are there only while it holds any.
 * Resolver and thread share nothing but a struct lookup, under its lock.
 */
#include "config.h"

#include "modbus/resolver.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "core/util.h"

#define THREADS_MAX 16

struct lookup {
	struct lookup *next;  /* of the queue */
	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t finished;
	int refs;
	bool done;
	int error; /* EAI_ code */
	struct addrinfo *addresses;
	char *host;
	char service[8];
};

struct resolver {
	char *host;
	char service[8];
	struct lookup *lookup;    /* under way or the last result */
	struct addrinfo *numeric; /* of a host given as an address */
};

/* What waits for a thread, the oldest first; each with a reference. */
static struct {
	pthread_mutex_t lock; /* guards all below */
	struct lookup *first, *last;
	unsigned threads;
} queue = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct addrinfo *resolve(const char *host, const char *service, int flags, int *error)
{
	const struct addrinfo hints = {
		.ai_flags = flags | AI_NUMERICSERV,
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
	};
	struct addrinfo *addresses = NULL;

	*error = getaddrinfo(host, service, &hints, &addresses);
	return *error == 0 ? addresses : NULL;
}

static void lookup_drop(struct lookup *lookup)
{
	int left;

	if (lookup == NULL)
		return;
	pthread_mutex_lock(&lookup->lock);
	left = --lookup->refs;
	pthread_mutex_unlock(&lookup->lock);
	if (left > 0)
		return;
	if (lookup->addresses != NULL)
		freeaddrinfo(lookup->addresses);
	pthread_cond_destroy(&lookup->finished);
	pthread_mutex_destroy(&lookup->lock);
	free(lookup->host);
	free(lookup);
}

static bool lookup_wanted(struct lookup *lookup)
{
	bool wanted;

	pthread_mutex_lock(&lookup->lock);
	wanted = lookup->refs > 1;
	pthread_mutex_unlock(&lookup->lock);
	return wanted;
}

static void lookup_run(struct lookup *lookup)
{
	struct addrinfo *addresses = NULL;
	int error = EAI_AGAIN;

	if (lookup_wanted(lookup))
		addresses = resolve(lookup->host, lookup->service, AI_ADDRCONFIG, &error);
	pthread_mutex_lock(&lookup->lock);
	lookup->addresses = addresses;
	lookup->error = error;
	lookup->done = true;
	pthread_cond_broadcast(&lookup->finished);
	pthread_mutex_unlock(&lookup->lock);
	lookup_drop(lookup);
}

/* NULL: none waits, and the thread is counted off. */
static struct lookup *queue_take(void)
{
	struct lookup *lookup;

	pthread_mutex_lock(&queue.lock);
	lookup = queue.first;
	if (lookup != NULL)
		queue.first = lookup->next;
	else
		queue.threads--;
	pthread_mutex_unlock(&queue.lock);
	return lookup;
}

static void *queue_run(void *arg)
{
	struct lookup *lookup;

	(void)arg;
	while ((lookup = queue_take()) != NULL)
		lookup_run(lookup);
	return NULL;
}

static int thread_start(void)
{
	pthread_attr_t detached;
	pthread_t thread;
	int rc;

	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	rc = pthread_create(&thread, &detached, queue_run, NULL);
	pthread_attr_destroy(&detached);
	return -rc;
}

/* Takes a reference over, unless there is no thread to be had for it. */
static int queue_put(struct lookup *lookup)
{
	int rc = 0;

	pthread_mutex_lock(&queue.lock);
	if (queue.threads < THREADS_MAX) {
		rc = thread_start();
		queue.threads += rc == 0;
	}
	if (queue.threads > 0) {
		if (queue.first == NULL)
			queue.first = lookup;
		else
			queue.last->next = lookup;
		queue.last = lookup;
		rc = 0;
	}
	pthread_mutex_unlock(&queue.lock);
	return rc;
}

static int lookup_start(const char *host, const char *service, struct lookup **out)
{
	struct lookup *lookup = xcalloc(1, sizeof(*lookup));
	pthread_condattr_t monotonic;
	int rc;

	lookup->refs = 2;
	lookup->host = xstrdup(host);
	text_copy(lookup->service, sizeof(lookup->service), service);
	pthread_mutex_init(&lookup->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&lookup->finished, &monotonic);
	pthread_condattr_destroy(&monotonic);

	rc = queue_put(lookup);
	if (rc < 0) {
		lookup_drop(lookup);
		lookup_drop(lookup);
		return rc;
	}
	*out = lookup;
	return 0;
}

/* 0 with a result that stays valid as long as the reference to the lookup. */
static int lookup_wait(struct lookup *lookup, int timeout_ms, const struct addrinfo **addresses)
{
	struct timespec until;
	int rc = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += timeout_ms % 1000 * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	pthread_mutex_lock(&lookup->lock);
	while (!lookup->done && rc == 0)
		rc = pthread_cond_timedwait(&lookup->finished, &lookup->lock, &until);
	if (!lookup->done)
		rc = -ETIME;
	else if (lookup->addresses == NULL)
		rc = -EDESTADDRREQ;
	else
		rc = 0;
	*addresses = lookup->addresses;
	pthread_mutex_unlock(&lookup->lock);
	return rc;
}

struct resolver *resolver_new(const char *host, uint16_t port)
{
	struct resolver *resolver = xcalloc(1, sizeof(*resolver));
	int error;

	resolver->host = xstrdup(host);
	snprintf(resolver->service, sizeof(resolver->service), "%u", port);
	resolver->numeric = resolve(host, resolver->service, AI_NUMERICHOST, &error);
	return resolver;
}

void resolver_free(struct resolver *resolver)
{
	if (resolver == NULL)
		return;
	lookup_drop(resolver->lookup);
	if (resolver->numeric != NULL)
		freeaddrinfo(resolver->numeric);
	free(resolver->host);
	free(resolver);
}

void resolver_forget(struct resolver *resolver)
{
	lookup_drop(resolver->lookup);
	resolver->lookup = NULL;
}

int resolver_find(struct resolver *resolver, int timeout_ms, const struct addrinfo **addresses)
{
	int rc = 0;

	*addresses = resolver->numeric;
	if (resolver->numeric != NULL)
		return 0;
	if (resolver->lookup == NULL)
		rc = lookup_start(resolver->host, resolver->service, &resolver->lookup);
	if (rc == 0)
		rc = lookup_wait(resolver->lookup, timeout_ms, addresses);
	if (rc < 0 && rc != -ETIME)
		resolver_forget(resolver);
	return rc;
}
