/*
 * resolver: see resolver.h.
 *
 * getaddrinfo() knows no deadline, so it runs in a thread of its own; who waits
 * gives up at his deadline and finds the same lookup again next time, so that a
 * hanging name server holds one thread a resolver, not one a try. The two share
 * nothing but a struct lookup, under its lock.
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

struct lookup {
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

static void *lookup_run(void *arg)
{
	struct lookup *lookup = arg;
	int error;
	struct addrinfo *addresses = resolve(lookup->host, lookup->service, AI_ADDRCONFIG, &error);

	pthread_mutex_lock(&lookup->lock);
	lookup->addresses = addresses;
	lookup->error = error;
	lookup->done = true;
	pthread_cond_broadcast(&lookup->finished);
	pthread_mutex_unlock(&lookup->lock);
	lookup_drop(lookup);
	return NULL;
}

static int lookup_start(const char *host, const char *service, struct lookup **out)
{
	struct lookup *lookup = xcalloc(1, sizeof(*lookup));
	pthread_condattr_t monotonic;
	pthread_attr_t detached;
	pthread_t thread;
	int rc;

	lookup->refs = 2;
	lookup->host = xstrdup(host);
	text_copy(lookup->service, sizeof(lookup->service), service);
	pthread_mutex_init(&lookup->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&lookup->finished, &monotonic);
	pthread_condattr_destroy(&monotonic);

	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	rc = pthread_create(&thread, &detached, lookup_run, lookup);
	pthread_attr_destroy(&detached);
	if (rc != 0) {
		lookup_drop(lookup);
		lookup_drop(lookup);
		return -rc;
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
