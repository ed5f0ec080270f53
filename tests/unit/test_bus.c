/*
 * bus against a peer that misbehaves on purpose. The peer is a thread of the
 * test which speaks bytes, not libmodbus: what it sends is spelled out here.
 */
#include "config.h"

#include "modbus/bus.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/util.h"

#define UNIT         7
#define TIMEOUT_MS   300   /* to be waited out */
#define PATIENT_MS   10000 /* for what comes, however busy the host */
#define REQUEST_READ 12

enum manner {
	AT_ONCE,
	BYTE_BY_BYTE, /* 1 ms apart */
	DRIBBLE,      /* a byte every 500 ms: never done within the timeout */
	SILENT,
	CLOSE,      /* send what there is, then close */
	ENDLESS,    /* after the answer junk until the client goes away */
};

/* One exchange: the right answer with one byte replaced, cut or lengthened. */
struct script {
	const char *name;
	enum manner manner;
	int offset; /* of the byte to replace, -1: none */
	uint8_t value;
	int extra; /* bytes more (or fewer) than the right answer */
	const uint8_t *pdu; /* instead of the right answer */
	size_t pdu_length;
	int expect;
};

struct peer {
	int listener;
	uint16_t port;
	const struct script *script;
	pthread_t thread;
	uint8_t request[32];
	ssize_t request_length;
};

static bool readable(int fd, int timeout_ms)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };

	return poll(&wait, 1, timeout_ms) > 0;
}

/* Waits for the client to close: no script outlives its case. */
static void until_closed(int fd)
{
	char junk[64];

	while (recv(fd, junk, sizeof(junk), 0) > 0)
		;
}

static size_t right_answer(const uint8_t *request, const struct script *script, uint8_t *answer)
{
	unsigned count = (unsigned)(request[10] << 8 | request[11]);
	size_t length;
	unsigned i;

	memcpy(answer, request, 8);
	if (script->pdu != NULL) {
		memcpy(answer + 7, script->pdu, script->pdu_length);
		length = 7 + script->pdu_length;
	} else if (request[7] <= 4) {
		answer[8] = (uint8_t)(2 * count);
		for (i = 0; i < count; i++) {
			answer[9 + 2 * i] = (uint8_t)(0xa0 + i);
			answer[10 + 2 * i] = (uint8_t)i;
		}
		length = 9 + 2 * count;
	} else {
		memcpy(answer + 8, request + 8, 4);
		length = 12;
	}
	answer[4] = (uint8_t)((length - 6) >> 8);
	answer[5] = (uint8_t)(length - 6);
	return length;
}

static void answer_slowly(int fd, const uint8_t *answer, size_t length, int pause_ms)
{
	size_t i;

	for (i = 0; i < length && send(fd, answer + i, 1, MSG_NOSIGNAL) == 1; i++)
		if (readable(fd, pause_ms))
			break; /* the client has gone */
}

static void play(struct peer *peer, int fd)
{
	static const uint8_t junk[4096];
	const struct script *script = peer->script;
	uint8_t answer[512] = { 0 };
	size_t length;

	peer->request_length = recv(fd, peer->request, sizeof(peer->request), 0);
	if (peer->request_length < REQUEST_READ)
		return;
	length = right_answer(peer->request, script, answer) + (size_t)script->extra;
	if (script->offset >= 0)
		answer[script->offset] = script->value;
	switch (script->manner) {
	case BYTE_BY_BYTE:
		answer_slowly(fd, answer, length, 1);
		break;
	case DRIBBLE:
		answer_slowly(fd, answer, length, 500);
		break;
	case SILENT:
		break;
	case ENDLESS:
		while (send(fd, junk, sizeof(junk), MSG_NOSIGNAL) > 0)
			;
		return;
	default:
		send(fd, answer, length, MSG_NOSIGNAL);
	}
	if (script->manner != CLOSE)
		until_closed(fd);
}

static void *peer_run(void *arg)
{
	struct peer *peer = arg;
	int fd = accept(peer->listener, NULL, NULL);

	if (fd >= 0) {
		play(peer, fd);
		close(fd);
	}
	return NULL;
}

static void peer_listen(struct peer *peer)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t length = sizeof(address);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	peer->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(peer->listener >= 0);
	assert_int_equal(bind(peer->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(peer->listener, 4), 0);
	assert_int_equal(getsockname(peer->listener, (struct sockaddr *)&address, &length), 0);
	peer->port = ntohs(address.sin_port);
}

static void peer_start(struct peer *peer, const struct script *script)
{
	peer->script = script;
	peer_listen(peer);
	assert_int_equal(pthread_create(&peer->thread, NULL, peer_run, peer), 0);
}

static void peer_stop(struct peer *peer)
{
	pthread_join(peer->thread, NULL);
	close(peer->listener);
}

static struct bus *new_bus(const char *host, uint16_t port)
{
	char name[64];
	struct link_conf conf = { .transport = TRANSPORT_TCP, .host = name, .port = port };
	struct bus *bus;

	text_copy(name, sizeof(name), host);
	bus = bus_new(&conf);
	assert_non_null(bus);
	return bus;
}

/* The connection to a peer that will play the script once. */
static struct bus *connect_to(struct peer *peer, const struct script *script)
{
	struct bus *bus;

	peer_start(peer, script);
	bus = new_bus("127.0.0.1", peer->port);
	assert_int_equal(bus_connect(bus, PATIENT_MS), 0);
	assert_true(bus_connected(bus));
	return bus;
}

#define PDU(...) .pdu = (const uint8_t[]){ __VA_ARGS__ }, \
		 .pdu_length = sizeof((const uint8_t[]){ __VA_ARGS__ })

/* Three registers are asked for; offsets are those of the TCP frame. */
static const struct script read_scripts[] = {
	{ "right answer", AT_ONCE, -1, 0, 0, NULL, 0, 0 },
	{ "right answer, byte by byte", BYTE_BY_BYTE, -1, 0, 0, NULL, 0, 0 },
	{ "dribbling peer", DRIBBLE, -1, 0, 0, NULL, 0, -ETIMEDOUT },
	{ "silent peer", SILENT, -1, 0, 0, NULL, 0, -ETIMEDOUT },
	{ "cut in the data", AT_ONCE, -1, 0, -2, NULL, 0, -ETIMEDOUT },
	{ "cut in the header", AT_ONCE, -1, 0, -12, NULL, 0, -ETIMEDOUT },
	{ "cut, then closed", CLOSE, -1, 0, -2, NULL, 0, -ECONNRESET },
	{ "closed without a byte", CLOSE, -1, 0, -15, NULL, 0, -ECONNRESET },
	{ "wrong transaction, high byte", AT_ONCE, 0, 0x55, 0, NULL, 0, -EBADMSG },
	{ "wrong transaction, low byte", AT_ONCE, 1, 0x55, 0, NULL, 0, -EBADMSG },
	{ "wrong protocol, high byte", AT_ONCE, 2, 1, 0, NULL, 0, -EBADMSG },
	{ "wrong protocol, low byte", AT_ONCE, 3, 1, 0, NULL, 0, -EBADMSG },
	{ "wrong length, high byte", AT_ONCE, 4, 0xff, 0, NULL, 0, -EBADMSG },
	{ "wrong length, low byte", AT_ONCE, 5, 10, 0, NULL, 0, -EBADMSG },
	{ "wrong unit", AT_ONCE, 6, UNIT + 1, 0, NULL, 0, -EBADMSG },
	{ "wrong function", AT_ONCE, 7, 4, 0, NULL, 0, -EBADMSG },
	{ "function of a write", AT_ONCE, 7, 16, 0, NULL, 0, -EBADMSG },
	{ "two registers", AT_ONCE, 0, 0, 0, PDU(3, 4, 1, 2, 3, 4), -EBADMSG },
	{ "odd byte count", AT_ONCE, -1, 0, 0, PDU(3, 5, 1, 2, 3, 4, 5), -EBADMSG },
	{ "four registers", AT_ONCE, -1, 0, 0, PDU(3, 8, 1, 2, 3, 4, 5, 6, 7, 8), -EBADMSG },
	{ "byte count zero", AT_ONCE, -1, 0, 0, PDU(3, 0), -EBADMSG },
	{ "byte count beyond a frame", AT_ONCE, 8, 0xff, 300, NULL, 0, -EBADMSG },
	{ "endless junk", ENDLESS, -1, 0, 0, NULL, 0, -EBADMSG },
	{ "exception 2", AT_ONCE, -1, 0, 0, PDU(0x83, 2), BUS_EXCEPTION(2) },
	{ "exception 11", AT_ONCE, -1, 0, 0, PDU(0x83, 11), BUS_EXCEPTION(11) },
	{ "exception 255", AT_ONCE, -1, 0, 0, PDU(0x83, 255), BUS_EXCEPTION(255) },
	{ "exception 0", AT_ONCE, -1, 0, 0, PDU(0x83, 0), -EBADMSG },
	{ "exception of another function", AT_ONCE, -1, 0, 0, PDU(0x84, 2), -EBADMSG },
};

static void test_read_answers(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(read_scripts); i++) {
		const struct script *script = &read_scripts[i];
		uint16_t words[3] = { 0x1111, 0x1111, 0x1111 };
		struct peer peer = { 0 };
		struct bus *bus = connect_to(&peer, script);
		int rc = bus_read(bus, UNIT, 3, 1000, 3,
			script->expect == -ETIMEDOUT ? TIMEOUT_MS : PATIENT_MS, words);

		if (rc != script->expect)
			fail_msg("%s: %d (%s), want %d", script->name, rc, bus_strerror(rc),
				script->expect);
		if (rc == 0) {
			assert_int_equal(words[0], 0xa000);
			assert_int_equal(words[1], 0xa101);
			assert_int_equal(words[2], 0xa202);
		} else {
			assert_int_equal(words[0], 0x1111);
		}
		bus_recover(bus);
		assert_false(bus_connected(bus));
		assert_int_equal(bus_read(bus, UNIT, 3, 1000, 3, TIMEOUT_MS, words), -ENOTCONN);
		bus_free(bus);
		peer_stop(&peer);
	}
}

/* A second answer behind the right one is not taken for that to the next request. */
static void test_bytes_nobody_asked_for(void **state)
{
	static const struct script script = { "twice", AT_ONCE, -1, 0, 15, NULL, 0, 0 };
	uint16_t words[3];
	struct peer peer = { 0 };
	struct bus *bus = connect_to(&peer, &script);

	(void)state;
	assert_int_equal(bus_read(bus, UNIT, 3, 1000, 3, PATIENT_MS, words), 0);
	assert_int_equal(bus_read(bus, UNIT, 3, 1000, 3, PATIENT_MS, words), -EBADMSG);
	bus_free(bus);
	peer_stop(&peer);
}

static const struct script write_scripts[] = {
	{ "echo", AT_ONCE, -1, 0, 0, NULL, 0, 0 },
	{ "other register", AT_ONCE, 9, 0x77, 0, NULL, 0, -EBADMSG },
	{ "other value or count", AT_ONCE, 11, 0x77, 0, NULL, 0, -EBADMSG },
	{ "exception 3", AT_ONCE, -1, 0, 0, PDU(0, 3), BUS_EXCEPTION(3) },
};

static void write_case(const struct script *script, uint16_t count)
{
	static const uint16_t values[2] = { 0x1234, 0x5678 };
	static const uint8_t single[] = { 0, 1, 0, 0, 0, 6, UNIT, 6, 0x03, 0xe8, 0x12, 0x34 };
	static const uint8_t multiple[] = { 0, 1, 0, 0, 0, 11, UNIT, 16, 0x03, 0xe8, 0, 2, 4, 0x12,
		0x34, 0x56, 0x78 };
	const uint8_t exception[] = { count == 1 ? 0x86 : 0x90, 3 };
	struct script actual = *script;
	struct peer peer = { 0 };
	struct bus *bus;
	int rc;

	if (actual.pdu != NULL)
		actual.pdu = exception;
	bus = connect_to(&peer, &actual);
	rc = bus_write(bus, UNIT, 1000, count, PATIENT_MS, values);
	if (rc != script->expect)
		fail_msg("%s: %d (%s), want %d", script->name, rc, bus_strerror(rc), script->expect);
	bus_free(bus);
	peer_stop(&peer);
	if (count == 1) {
		assert_int_equal(peer.request_length, sizeof(single));
		assert_memory_equal(peer.request, single, sizeof(single));
	} else {
		assert_int_equal(peer.request_length, sizeof(multiple));
		assert_memory_equal(peer.request, multiple, sizeof(multiple));
	}
}

static void test_write_answers(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(write_scripts); i++) {
		write_case(&write_scripts[i], 1);
		write_case(&write_scripts[i], 2);
	}
}

static void test_request_bytes(void **state)
{
	static const uint8_t want[] = { 0, 1, 0, 0, 0, 6, UNIT, 4, 0x05, 0x37, 0, 42 };
	uint16_t words[42];
	struct peer peer = { 0 };
	struct bus *bus = connect_to(&peer, &read_scripts[0]);

	(void)state;
	assert_int_equal(bus_read(bus, UNIT, 4, 1335, 42, PATIENT_MS, words), 0);
	bus_free(bus);
	peer_stop(&peer);
	assert_int_equal(peer.request_length, sizeof(want));
	assert_memory_equal(peer.request, want, sizeof(want));
}

static void test_arguments(void **state)
{
	static const struct {
		unsigned function;
		uint16_t count;
	} cases[] = { { 3, 0 }, { 3, 126 }, { 3, 65535 }, { 1, 1 }, { 6, 1 } };
	uint16_t words[1];
	struct bus *bus = new_bus("127.0.0.1", 1);
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(bus_read(bus, 1, cases[i].function, 0, cases[i].count, 10, words),
			-EINVAL);
	assert_int_equal(bus_write(bus, 1, 0, 0, 10, words), -EINVAL);
	assert_int_equal(bus_write(bus, 1, 0, 124, 10, words), -EINVAL);
	bus_free(bus);
	bus_free(NULL);
}

static void test_connect_refused(void **state)
{
	struct peer peer = { 0 };
	struct bus *bus;

	(void)state;
	peer_listen(&peer);
	close(peer.listener);
	bus = new_bus("127.0.0.1", peer.port);
	assert_int_equal(bus_connect(bus, 5000), -ECONNREFUSED);
	assert_false(bus_connected(bus));
	assert_int_equal(bus_connect(bus, 5000), -ECONNREFUSED);
	bus_free(bus);
}

/* A full backlog drops the SYN: the connection neither fails nor succeeds by itself. */
static void test_connect_black_hole(void **state)
{
	struct peer peer = { 0 };
	struct bus *fillers[8];
	int rc = 0;
	size_t n = 0;

	(void)state;
	peer_listen(&peer);
	assert_int_equal(listen(peer.listener, 0), 0);
	while (n < ARRAY_LEN(fillers) && rc == 0) {
		fillers[n] = new_bus("127.0.0.1", peer.port);
		rc = bus_connect(fillers[n++], 200);
	}
	assert_int_equal(rc, -ETIMEDOUT);
	while (n > 0)
		bus_free(fillers[--n]);
	close(peer.listener);
}

static void test_names(void **state)
{
	struct peer peer = { 0 };
	uint16_t words[3];
	struct bus *bus;

	(void)state;
	peer_start(&peer, &read_scripts[0]);
	bus = new_bus("localhost", peer.port);
	assert_int_equal(bus_connect(bus, PATIENT_MS), 0);
	assert_int_equal(bus_read(bus, UNIT, 3, 1000, 3, 5000, words), 0);
	bus_free(bus);
	peer_stop(&peer);
}

static void test_unknown_name(void **state)
{
	struct bus *bus = new_bus("no such host", 502);
	int rc = bus_connect(bus, 5000);

	(void)state;
	assert_true(rc == -EDESTADDRREQ || rc == -ETIME);
	bus_free(bus);
}

/* No time at all: the lookup goes on without us, and its result is there for the next try. */
static void test_lookup_outlives_a_try(void **state)
{
	struct peer peer = { 0 };
	struct bus *bus;
	int rc;

	(void)state;
	peer_listen(&peer);
	bus = new_bus("localhost", peer.port);
	rc = bus_connect(bus, 0);
	assert_true(rc == -ETIME || rc == -ETIMEDOUT || rc == 0);
	assert_int_equal(bus_connect(bus, PATIENT_MS), 0);
	bus_free(bus);

	bus = new_bus("localhost", peer.port);
	rc = bus_connect(bus, 0);
	assert_true(rc == -ETIME || rc == -ETIMEDOUT || rc == 0);
	bus_free(bus); /* perhaps with the lookup still under way */
	close(peer.listener);
}

/* With every descriptor below FD_SETSIZE taken; the soft limit is raised for it. */
static void test_high_descriptor(void **state)
{
	struct rlimit before, limit;
	struct peer peer = { 0 };
	uint16_t words[3];
	struct bus *bus;
	int *fds;
	int n = 0;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	limit = before;
	limit.rlim_cur = FD_SETSIZE + 64;
	if (before.rlim_max < limit.rlim_cur)
		skip();
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	fds = xcalloc(FD_SETSIZE, sizeof(*fds));
	do {
		fds[n] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		assert_true(fds[n] >= 0);
	} while (fds[n] < FD_SETSIZE - 1 && ++n < FD_SETSIZE);
	bus = connect_to(&peer, &read_scripts[0]);
	assert_int_equal(bus_read(bus, UNIT, 3, 100, 3, PATIENT_MS, words), 0);
	bus_free(bus);
	peer_stop(&peer);
	while (n >= 0)
		close(fds[n--]);
	free(fds);
	setrlimit(RLIMIT_NOFILE, &before);
}

static void test_strerror(void **state)
{
	static const struct {
		int rc;
		const char *text;
	} cases[] = {
		{ BUS_EXCEPTION(1), "exception 1 (illegal function)" },
		{ BUS_EXCEPTION(2), "exception 2 (illegal data address)" },
		{ BUS_EXCEPTION(11), "exception 11 (gateway target does not respond)" },
		{ BUS_EXCEPTION(12), "exception with an unknown code" },
		{ BUS_EXCEPTION(255), "exception with an unknown code" },
		{ -ETIMEDOUT, "timed out" },
		{ -EBADMSG, "answer does not match the request" },
		{ -ECONNREFUSED, "Connection refused" },
		{ -99999, "unknown error" },
	};
	size_t i;
	int code;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++)
		assert_string_equal(bus_strerror(cases[i].rc), cases[i].text);
	for (code = 1; code <= 11; code++)
		assert_non_null(strchr(bus_strerror(BUS_EXCEPTION(code)), '('));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read_answers),
		cmocka_unit_test(test_bytes_nobody_asked_for),
		cmocka_unit_test(test_write_answers),
		cmocka_unit_test(test_request_bytes),
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_connect_refused),
		cmocka_unit_test(test_connect_black_hole),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_unknown_name),
		cmocka_unit_test(test_lookup_outlives_a_try),
		cmocka_unit_test(test_high_descriptor),
		cmocka_unit_test(test_strerror),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
