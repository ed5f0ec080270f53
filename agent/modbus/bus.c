/*
 * bus: see bus.h. The only door to libmodbus.
 *
 * libmodbus receives and delimits the answers; the bytes on either side are
 * ours: 3.1.6 neither checks the unit of a TCP answer nor numbers raw requests,
 * so requests are built here and every field of an answer is checked here.
 * What differs between transports is struct wire; all else is common.
 *
 * A bus belongs to one thread at a time. The one other thread is the resolver's,
 * which shares nothing with it but a struct lookup under its own lock.
 */
#include "config.h"

#include "modbus/bus.h"

#include <errno.h>
#include <modbus.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/util.h"

#define PDU_MAX    253
#define ASK_MS     50 /* how often a wait asks whether it is still wanted */
#define MBAP_BYTES 7 /* transaction 2, protocol 2, length 2, unit 1 */

/*
 * A name being resolved. getaddrinfo() knows no deadline, so it runs in a thread
 * of its own; who waits gives up at his deadline and finds the same lookup
 * again next time, so that a hanging resolver holds one thread a bus, not one a try.
 */
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

struct wire;

struct bus {
	const struct wire *wire;
	modbus_t *context;
	int fd; /* -1: not connected */
	uint16_t transaction;
	char *host;
	char service[8];
	bool (*wanted)(void *arg); /* to give up, NULL: never */
	void *wanted_arg;
	struct lookup *lookup;    /* under way or the last result */
	struct addrinfo *numeric; /* of a host given as an address */
};

struct wire {
	unsigned header;  /* bytes of a frame before the function code, the last is the unit */
	unsigned trailer; /* bytes after the PDU */
	modbus_t *(*context)(void);
	int (*open)(struct bus *bus, int64_t deadline_ms);
	int (*send)(struct bus *bus, uint8_t unit, const uint8_t *pdu, size_t length);
	bool (*check)(const struct bus *bus, const uint8_t *frame, size_t length);
	int (*in_step)(int fd); /* NULL: nothing is known before a request */
	void (*recover)(struct bus *bus);
};

static uint16_t get16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static void put16(uint8_t *bytes, unsigned value)
{
	bytes[0] = (uint8_t)(value >> 8);
	bytes[1] = (uint8_t)value;
}

static int remaining_ms(int64_t deadline_ms)
{
	int64_t left = deadline_ms - clock_mono_ms();

	return left > 0 ? (int)left : 0;
}

/* Name resolution */

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

static void lookup_forget(struct bus *bus)
{
	lookup_drop(bus->lookup);
	bus->lookup = NULL;
}

static int find_addresses(struct bus *bus, int64_t deadline_ms, const struct addrinfo **addresses)
{
	int rc = 0;

	*addresses = bus->numeric;
	if (bus->numeric != NULL)
		return 0;
	if (bus->lookup == NULL)
		rc = lookup_start(bus->host, bus->service, &bus->lookup);
	if (rc == 0)
		rc = lookup_wait(bus->lookup, remaining_ms(deadline_ms), addresses);
	if (rc < 0 && rc != -ETIME)
		lookup_forget(bus);
	return rc;
}

/* TCP */

/* 0: fd is ready for events, or has an error to be fetched. */
static int wait_ready(const struct bus *bus, int fd, short events, int64_t deadline_ms)
{
	struct pollfd wait = { .fd = fd, .events = events };

	for (;;) {
		int left_ms = remaining_ms(deadline_ms);
		int n = poll(&wait, 1, left_ms < ASK_MS ? left_ms : ASK_MS);

		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (left_ms == 0)
			return -ETIMEDOUT;
		if (bus->wanted != NULL && bus->wanted(bus->wanted_arg))
			return -EINTR;
	}
}

static int wait_connected(const struct bus *bus, int fd, int timeout_ms)
{
	socklen_t length = sizeof(int);
	int error;
	int rc = wait_ready(bus, fd, POLLOUT, clock_mono_ms() + timeout_ms);

	if (rc < 0)
		return rc;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
		return -errno;
	return -error;
}

static int connect_address(const struct bus *bus, const struct addrinfo *address, int timeout_ms,
	int *out)
{
	const int on = 1;
	int rc = 0;
	int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	/* libmodbus waits with select(): FD_SET() beyond its size writes outside the set. */
	if (fd >= FD_SETSIZE)
		rc = -EMFILE;
	else if (connect(fd, address->ai_addr, address->ai_addrlen) < 0)
		rc = errno == EINPROGRESS ? wait_connected(bus, fd, timeout_ms) : -errno;
	if (rc == 0 && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0)
		rc = -errno;
	if (rc < 0) {
		close(fd);
		return rc;
	}
	*out = fd;
	return 0;
}

/* Every address of the name gets an equal share of the time that is left. */
static int tcp_open(struct bus *bus, int64_t deadline_ms)
{
	const struct addrinfo *addresses, *address;
	int waiting = 0;
	int rc = find_addresses(bus, deadline_ms, &addresses);

	if (rc < 0)
		return rc;
	for (address = addresses; address != NULL; address = address->ai_next)
		waiting++;
	for (address = addresses; address != NULL; address = address->ai_next) {
		rc = connect_address(bus, address, remaining_ms(deadline_ms) / waiting--, &bus->fd);
		if (rc == 0 || rc == -EINTR)
			break;
	}
	if (rc < 0)
		lookup_forget(bus); /* the name may have moved */
	return rc;
}

/*
 * The stream must be silent between two requests: what lies there is an answer
 * nobody asked for, and the end of the stream is better known before the request.
 */
static int tcp_in_step(int fd)
{
	char byte;
	ssize_t n = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	if (n > 0)
		return -EBADMSG;
	if (n == 0)
		return -ECONNRESET;
	return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -errno;
}

static int tcp_send(struct bus *bus, uint8_t unit, const uint8_t *pdu, size_t length)
{
	uint8_t frame[MBAP_BYTES + PDU_MAX] = { 0 };
	ssize_t n;
	int rc = tcp_in_step(bus->fd);

	if (rc < 0)
		return rc;
	put16(frame, ++bus->transaction);
	put16(frame + 4, (unsigned)length + 1);
	frame[6] = unit;
	memcpy(frame + MBAP_BYTES, pdu, length);
	n = send(bus->fd, frame, MBAP_BYTES + length, MSG_NOSIGNAL);
	if (n < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK ? -ETIMEDOUT : -errno;
	return (size_t)n == MBAP_BYTES + length ? 0 : -EIO;
}

static bool tcp_check(const struct bus *bus, const uint8_t *frame, size_t length)
{
	return get16(frame) == bus->transaction && get16(frame + 2) == 0 &&
		(size_t)get16(frame + 4) + 6 == length;
}

static modbus_t *tcp_context(void)
{
	return modbus_new_tcp("127.0.0.1", 502); /* only ever given a connected socket */
}

static const struct wire wire_tcp = {
	.header = MBAP_BYTES,
	.trailer = 0,
	.context = tcp_context,
	.open = tcp_open,
	.send = tcp_send,
	.check = tcp_check,
	.in_step = tcp_in_step,
	.recover = bus_close, /* after an error nothing tells late bytes from new ones */
};

/* By enum transport; NULL: not in this build. */
static const struct wire *const wires[] = {
	[TRANSPORT_TCP] = &wire_tcp,
	[TRANSPORT_RTU] = NULL,
	[TRANSPORT_RTU_TCP] = NULL,
};

/* Requests */

static int modbus_error(int error)
{
	if (error >= MODBUS_ENOBASE)
		return -EBADMSG;
	return error != 0 ? -error : -EIO;
}

/* The function code, the byte count or echo and the length of an answer to pdu. */
static int check_pdu(const uint8_t *pdu, const uint8_t *answer, size_t length)
{
	if (answer[0] == (pdu[0] | 0x80) && length == 2 && answer[1] != 0)
		return BUS_EXCEPTION(answer[1]);
	if (answer[0] != pdu[0])
		return -EBADMSG;
	if (pdu[0] <= MODBUS_FC_READ_INPUT_REGISTERS) {
		size_t bytes = 2u * get16(pdu + 3);

		return length == 2 + bytes && answer[1] == bytes ? 0 : -EBADMSG;
	}
	return length == 5 && memcmp(answer, pdu, 5) == 0 ? 0 : -EBADMSG;
}

/* Send pdu and receive the answer to it; *answer points into frame, at the function code. */
static int exchange(struct bus *bus, uint8_t unit, const uint8_t *pdu, size_t length,
	uint32_t timeout_ms, uint8_t frame[MODBUS_MAX_ADU_LENGTH], const uint8_t **answer)
{
	const struct wire *wire = bus->wire;
	size_t overhead = wire->header + wire->trailer;
	int64_t deadline_ms = clock_mono_ms() + (timeout_ms > 0 ? timeout_ms : 1);
	int n;
	int rc;

	if (bus->fd < 0)
		return -ENOTCONN;
	rc = wire->send(bus, unit, pdu, length);
	if (rc == 0)
		rc = wait_ready(bus, bus->fd, POLLIN, deadline_ms);
	if (rc < 0)
		return rc;
	timeout_ms = (uint32_t)remaining_ms(deadline_ms);
	if (timeout_ms == 0)
		timeout_ms = 1;
	modbus_set_response_timeout(bus->context, timeout_ms / 1000, timeout_ms % 1000 * 1000);
	n = modbus_receive_confirmation(bus->context, frame);
	if (n < 0)
		return modbus_error(errno);
	if ((size_t)n < overhead + 2 || !wire->check(bus, frame, (size_t)n) ||
		frame[wire->header - 1] != unit)
		return -EBADMSG;
	*answer = frame + wire->header;
	return check_pdu(pdu, *answer, (size_t)n - overhead);
}

int bus_read(struct bus *bus, uint8_t unit, unsigned function, uint16_t reg, uint16_t count,
	uint32_t timeout_ms, uint16_t *words)
{
	uint8_t frame[MODBUS_MAX_ADU_LENGTH];
	const uint8_t *answer;
	uint8_t pdu[5];
	unsigned i;
	int rc;

	if ((function != MODBUS_FC_READ_HOLDING_REGISTERS &&
		    function != MODBUS_FC_READ_INPUT_REGISTERS) ||
		count == 0 || count > MODBUS_MAX_READ_REGISTERS)
		return -EINVAL;
	pdu[0] = (uint8_t)function;
	put16(pdu + 1, reg);
	put16(pdu + 3, count);
	rc = exchange(bus, unit, pdu, sizeof(pdu), timeout_ms, frame, &answer);
	if (rc != 0)
		return rc;
	for (i = 0; i < count; i++)
		words[i] = get16(answer + 2 + 2 * i);
	return 0;
}

int bus_write(struct bus *bus, uint8_t unit, uint16_t reg, uint16_t count, uint32_t timeout_ms,
	const uint16_t *words)
{
	uint8_t frame[MODBUS_MAX_ADU_LENGTH];
	const uint8_t *answer;
	uint8_t pdu[PDU_MAX];
	unsigned i;

	if (count == 0 || count > MODBUS_MAX_WRITE_REGISTERS)
		return -EINVAL;
	put16(pdu + 1, reg);
	if (count == 1) {
		pdu[0] = MODBUS_FC_WRITE_SINGLE_REGISTER;
		put16(pdu + 3, words[0]);
		return exchange(bus, unit, pdu, 5, timeout_ms, frame, &answer);
	}
	pdu[0] = MODBUS_FC_WRITE_MULTIPLE_REGISTERS;
	put16(pdu + 3, count);
	pdu[5] = (uint8_t)(2 * count);
	for (i = 0; i < count; i++)
		put16(pdu + 6 + 2 * i, words[i]);
	return exchange(bus, unit, pdu, 6 + 2u * count, timeout_ms, frame, &answer);
}

/* Life */

struct bus *bus_new(const struct link_conf *conf)
{
	const struct wire *wire = wires[conf->transport];
	struct bus *bus;
	int error;

	if (wire == NULL) {
		errno = ENOTSUP;
		return NULL;
	}
	bus = xcalloc(1, sizeof(*bus));
	bus->wire = wire;
	bus->fd = -1;
	bus->context = wire->context();
	if (bus->context == NULL) {
		error = errno;
		free(bus);
		errno = error;
		return NULL;
	}
	modbus_set_error_recovery(bus->context, MODBUS_ERROR_RECOVERY_NONE);
	modbus_set_byte_timeout(bus->context, 0, 0);
	bus->host = xstrdup(conf->host);
	snprintf(bus->service, sizeof(bus->service), "%u", conf->port);
	bus->numeric = resolve(bus->host, bus->service, AI_NUMERICHOST, &error);
	return bus;
}

void bus_free(struct bus *bus)
{
	if (bus == NULL)
		return;
	bus_close(bus);
	modbus_free(bus->context);
	lookup_drop(bus->lookup);
	if (bus->numeric != NULL)
		freeaddrinfo(bus->numeric);
	free(bus->host);
	free(bus);
}

int bus_connect(struct bus *bus, uint32_t timeout_ms)
{
	int rc;

	bus_close(bus);
	rc = bus->wire->open(bus, clock_mono_ms() + timeout_ms);
	if (rc == 0)
		modbus_set_socket(bus->context, bus->fd);
	return rc;
}

void bus_close(struct bus *bus)
{
	if (bus->fd < 0)
		return;
	modbus_close(bus->context);
	bus->fd = -1;
}

void bus_set_interrupt(struct bus *bus, bool (*wanted)(void *arg), void *arg)
{
	bus->wanted = wanted;
	bus->wanted_arg = arg;
}

bool bus_connected(const struct bus *bus)
{
	return bus->fd >= 0;
}

bool bus_in_step(const struct bus *bus)
{
	return bus_connected(bus) &&
	       (bus->wire->in_step == NULL || bus->wire->in_step(bus->fd) == 0);
}

void bus_recover(struct bus *bus)
{
	if (bus_connected(bus))
		bus->wire->recover(bus);
}

/* Errors */

static const char *const exceptions[] = {
	[1] = "exception 1 (illegal function)",
	[2] = "exception 2 (illegal data address)",
	[3] = "exception 3 (illegal data value)",
	[4] = "exception 4 (device failure)",
	[5] = "exception 5 (acknowledge)",
	[6] = "exception 6 (device busy)",
	[7] = "exception 7 (negative acknowledge)",
	[8] = "exception 8 (memory parity error)",
	[9] = "exception 9 (not defined)",
	[10] = "exception 10 (gateway path unavailable)",
	[11] = "exception 11 (gateway target does not respond)",
};

static const struct {
	int error;
	const char *text;
} errors[] = {
	{ ETIMEDOUT, "timed out" },
	{ EBADMSG, "answer does not match the request" },
	{ ECONNRESET, "connection closed by the peer" },
	{ EDESTADDRREQ, "host name not known" },
	{ ETIME, "name lookup timed out" },
	{ EMFILE, "no descriptor below 1024 left" },
	{ EINTR, "called off" },
	{ ECANCELED, "the link has ended" },
	{ ENOTSUP, "transport not supported by this build" },
};

const char *bus_strerror(int rc)
{
	const char *text;
	size_t i;

	if (BUS_IS_EXCEPTION(rc)) {
		size_t code = (size_t)BUS_EXCEPTION_CODE(rc);

		return code < ARRAY_LEN(exceptions) ? exceptions[code] :
						      "exception with an unknown code";
	}
	for (i = 0; i < ARRAY_LEN(errors); i++)
		if (errors[i].error == -rc)
			return errors[i].text;
	text = strerrordesc_np(-rc);
	return text != NULL ? text : "unknown error";
}
