/*
 * bus on a serial line and behind a raw gateway, against a meter that misbehaves.
 *
 * The meter is a thread of the test on the other side of a pty or a socket. It
 * answers in order, and each register of an answer holds the number of the
 * request that is answered: an answer taken for a later request shows at once.
 */
#include "config.h"

#include "modbus/bus.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/clock.h"
#include "core/util.h"

#define UNIT       7
#define OTHER_UNIT 8
#define TIMEOUT_MS 150
#define PATIENT_MS 3000 /* where an answer comes for sure: the meter may be kept from the processor */
#define PAUSE_MS   40   /* a longer one within an answer may end it */
#define UNTIL_NEXT UINT_MAX /* so late is an answer that comes behind the next request */
#define COUNT      10
#define BAUD       38400
#define GAP_US     1750

enum manner {
	RIGHT,
	BAD_CRC,
	CUT,
	SILENT,
	FROM_ANOTHER,
	OTHER_FUNCTION,
	OTHER_COUNT,
	NOISE_BEFORE,
	NOISE_AFTER,
	TWICE,
	BUSY,
	ENDLESS,
	BYTE_BY_BYTE,
};

struct act {
	enum manner manner;
	unsigned late_ms;
};

struct meter {
	int fd, listener;
	char device[64];
	uint16_t port;
	atomic_uint baud; /* its own */
	pthread_t thread;
	const struct act *acts; /* one a request; RIGHT behind the last */
	unsigned n_acts;
	atomic_uint requests;
	atomic_uint connections;
	atomic_bool stop;
	int64_t spoke_us;     /* last byte of an answer */
	int64_t least_gap_us; /* from there to the next request */
	atomic_bool hesitated; /* it was kept waiting in the middle of an answer */
};

static size_t with_crc(uint8_t *bytes, size_t n)
{
	unsigned crc = 0xffff;

	for (size_t i = 0; i < n; i++) {
		crc ^= bytes[i];
		for (int bit = 0; bit < 8; bit++)
			crc = (crc & 1) != 0 ? crc >> 1 ^ 0xa001 : crc >> 1;
	}
	bytes[n] = (uint8_t)crc;
	bytes[n + 1] = (uint8_t)(crc >> 8);
	return n + 2;
}

static void say(struct meter *meter, const uint8_t *bytes, size_t n)
{
	while (n > 0) {
		ssize_t written;

		meter->spoke_us = clock_mono_us(); /* before: this thread may be kept waiting behind */
		written = write(meter->fd, bytes, n);
		if (written <= 0)
			return;
		bytes += written;
		n -= (size_t)written;
	}
}

static void pass_ms(struct meter *meter, unsigned ms)
{
	int64_t end_ms = clock_mono_ms() + ms;
	struct pollfd next = { .fd = meter->fd, .events = POLLIN };

	if (ms == UNTIL_NEXT)
		while (!atomic_load(&meter->stop) && poll(&next, 1, 10) <= 0)
			;
	else
		while (clock_mono_ms() < end_ms && !atomic_load(&meter->stop))
			poll(NULL, 0, 1);
}

static void say_byte_by_byte(struct meter *meter, const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int64_t before_ms = clock_mono_ms();

		say(meter, bytes + i, 1);
		poll(NULL, 0, 1);
		if (clock_mono_ms() - before_ms > PAUSE_MS)
			atomic_store(&meter->hesitated, true);
	}
}

static size_t right_answer(const uint8_t *request, unsigned number, uint8_t *answer)
{
	unsigned count = request[5];

	answer[0] = request[0];
	answer[1] = request[1];
	if (request[1] == 6) {
		memcpy(answer + 2, request + 2, 4);
		return with_crc(answer, 6);
	}
	answer[2] = (uint8_t)(2 * count);
	for (unsigned i = 0; i < count; i++) {
		answer[3 + 2 * i] = (uint8_t)(number >> 8);
		answer[4 + 2 * i] = (uint8_t)number;
	}
	return with_crc(answer, 3 + 2 * count);
}

static void spoil(enum manner manner, uint8_t *answer, size_t *n)
{
	switch (manner) {
	case BAD_CRC:
		answer[4] ^= 1;
		break;
	case CUT:
		*n -= 5;
		break;
	case FROM_ANOTHER:
		answer[0] = OTHER_UNIT;
		with_crc(answer, *n - 2);
		break;
	case OTHER_FUNCTION:
		answer[1] = 4;
		with_crc(answer, *n - 2);
		break;
	case OTHER_COUNT:
		answer[2] -= 2;
		*n = with_crc(answer, *n - 4);
		break;
	case BUSY:
		answer[1] |= 0x80;
		answer[2] = 6;
		*n = with_crc(answer, 3);
		break;
	case SILENT:
		*n = 0;
		break;
	default:
		break;
	}
}

static void answer_request(struct meter *meter, const uint8_t *request, unsigned number)
{
	const uint8_t noise[] = { 0xff, 0x00, 0xfe };
	struct act act = number <= meter->n_acts ? meter->acts[number - 1] : (struct act){ RIGHT, 0 };
	uint8_t answer[300] = { 0 };
	size_t n = right_answer(request, number, answer);

	/* Not before the request would have left a line of that speed, and been followed by silence. */
	poll(NULL, 0, (int)(12 * 10 * 1000 / atomic_load(&meter->baud)) + 2);
	pass_ms(meter, act.late_ms);
	spoil(act.manner, answer, &n);
	/* In one piece with the answer, so that no pause comes between. */
	if (act.manner == NOISE_BEFORE) {
		memmove(answer + sizeof(noise), answer, n);
		memcpy(answer, noise, sizeof(noise));
		n += sizeof(noise);
	} else if (act.manner == NOISE_AFTER) {
		memcpy(answer + n, noise, sizeof(noise));
		n += sizeof(noise);
	} else if (act.manner == TWICE) {
		memcpy(answer + n, answer, n);
		n *= 2;
	}
	if (act.manner == BYTE_BY_BYTE)
		say_byte_by_byte(meter, answer, n);
	else
		say(meter, answer, n);
	for (unsigned i = 0; act.manner == ENDLESS && i < 400 && !atomic_load(&meter->stop); i++) {
		say(meter, noise, sizeof(noise));
		poll(NULL, 0, 1);
	}
}

static bool accept_client(struct meter *meter)
{
	struct pollfd wait = { .fd = meter->listener, .events = POLLIN };

	while (meter->fd < 0 && !atomic_load(&meter->stop))
		if (poll(&wait, 1, 10) > 0)
			meter->fd = accept(meter->listener, NULL, NULL);
	if (meter->fd >= 0)
		atomic_fetch_add(&meter->connections, 1);
	return meter->fd >= 0;
}

/* False when the other side has gone, or the test ends. */
static bool hear(struct meter *meter, uint8_t *request, size_t n)
{
	size_t got = 0;

	while (got < n && !atomic_load(&meter->stop)) {
		struct pollfd wait = { .fd = meter->fd, .events = POLLIN };
		ssize_t r;

		if (poll(&wait, 1, 10) <= 0)
			continue;
		r = read(meter->fd, request + got, n - got);
		if (r <= 0 && meter->listener >= 0)
			return false;
		if (r <= 0) {
			poll(NULL, 0, 5); /* nobody has the pty open */
			continue;
		}
		if (got == 0 && meter->spoke_us != 0 &&
			clock_mono_us() - meter->spoke_us < meter->least_gap_us)
			meter->least_gap_us = clock_mono_us() - meter->spoke_us;
		got += (size_t)r;
	}
	return got == n;
}

static void *serve(void *arg)
{
	struct meter *meter = arg;
	uint8_t request[8];

	while (!atomic_load(&meter->stop)) {
		if (meter->listener >= 0 && meter->fd < 0 && !accept_client(meter))
			break;
		if (!hear(meter, request, sizeof(request))) {
			if (meter->listener >= 0) {
				close(meter->fd);
				meter->fd = -1;
			}
			continue;
		}
		answer_request(meter, request, atomic_fetch_add(&meter->requests, 1) + 1);
	}
	return NULL;
}

static void open_pty(struct meter *meter)
{
	struct termios raw;

	meter->fd = posix_openpt(O_RDWR | O_NOCTTY);
	assert_true(meter->fd >= 0);
	assert_int_equal(grantpt(meter->fd), 0);
	assert_int_equal(unlockpt(meter->fd), 0);
	assert_int_equal(ptsname_r(meter->fd, meter->device, sizeof(meter->device)), 0);
	assert_int_equal(tcgetattr(meter->fd, &raw), 0);
	cfmakeraw(&raw);
	assert_int_equal(tcsetattr(meter->fd, TCSANOW, &raw), 0);
}

static void open_gateway(struct meter *meter)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);

	meter->fd = -1;
	meter->listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(meter->listener, (struct sockaddr *)&address, length), 0);
	assert_int_equal(listen(meter->listener, 64), 0);
	assert_int_equal(getsockname(meter->listener, (struct sockaddr *)&address, &length), 0);
	meter->port = ntohs(address.sin_port);
}

static struct bus *start_at(struct meter *meter, enum transport transport, uint32_t baud,
	const struct act *acts, unsigned n_acts)
{
	char host[] = "127.0.0.1";
	struct link_conf conf = { .transport = transport, .baud = baud, .parity = PARITY_NONE,
		.stop_bits = 1, .device = meter->device, .host = host };
	struct bus *bus;

	*meter = (struct meter){ .listener = -1, .baud = baud, .acts = acts, .n_acts = n_acts,
		.least_gap_us = INT64_MAX };
	if (transport == TRANSPORT_RTU)
		open_pty(meter);
	else
		open_gateway(meter);
	conf.port = meter->port;
	assert_int_equal(pthread_create(&meter->thread, NULL, serve, meter), 0);
	bus = bus_new(&conf);
	assert_non_null(bus);
	assert_int_equal(bus_connect(bus, 1000), 0);
	return bus;
}

static struct bus *start(struct meter *meter, enum transport transport, const struct act *acts,
	unsigned n_acts)
{
	return start_at(meter, transport, BAUD, acts, n_acts);
}

static void stop(struct meter *meter, struct bus *bus)
{
	bus_free(bus);
	atomic_store(&meter->stop, true);
	pthread_join(meter->thread, NULL);
	if (meter->fd >= 0)
		close(meter->fd);
	if (meter->listener >= 0)
		close(meter->listener);
}

/* As the link does it. What is answered must be the answer to the last request. */
static int ask_within(struct meter *meter, struct bus *bus, uint32_t timeout_ms)
{
	uint16_t words[COUNT] = { 0 };
	int rc;

	if (!bus_connected(bus))
		assert_int_equal(bus_connect(bus, 1000), 0);
	rc = bus_read(bus, UNIT, 3, 100, COUNT, timeout_ms, words);
	if (rc == 0) {
		assert_int_equal(words[0], atomic_load(&meter->requests));
		assert_int_equal(words[COUNT - 1], words[0]);
	} else if (rc < 0) {
		bus_recover(bus);
	}
	return rc;
}

static int ask(struct meter *meter, struct bus *bus)
{
	return ask_within(meter, bus, TIMEOUT_MS);
}

static int ask_patiently(struct meter *meter, struct bus *bus)
{
	return ask_within(meter, bus, PATIENT_MS);
}

struct fault {
	const char *name;
	struct act act;
	int expect;
	bool lasting; /* the next request may fail too */
	bool waited_out; /* the right answer is waited for, until the timeout */
};

static const struct fault faults[] = {
	{ "right", { RIGHT, 0 }, .expect = 0 },
	{ "bad CRC", { BAD_CRC, 0 }, .expect = -EILSEQ },
	{ "cut", { CUT, 0 }, .expect = -EILSEQ, .waited_out = true },
	{ "silent", { SILENT, 0 }, .expect = -ETIMEDOUT, .waited_out = true },
	{ "from another unit", { FROM_ANOTHER, 0 }, .expect = -EBADMSG, .waited_out = true },
	{ "another function", { OTHER_FUNCTION, 0 }, .expect = -EBADMSG, .waited_out = true },
	{ "another count", { OTHER_COUNT, 0 }, .expect = -EBADMSG, .waited_out = true },
	{ "noise before", { NOISE_BEFORE, 0 }, .expect = -EILSEQ, .waited_out = true },
	{ "noise after", { NOISE_AFTER, 0 }, .expect = 0 },
	{ "twice", { TWICE, 0 }, .expect = 0 },
	{ "busy", { BUSY, 0 }, .expect = BUS_EXCEPTION(6) },
	{ "endless", { ENDLESS, 0 }, .expect = 0, .lasting = true },
	{ "byte by byte", { BYTE_BY_BYTE, 0 }, .expect = 0 },
	{ "in time", { RIGHT, 50 }, .expect = 0 },
};

/* False: the meter was kept from the processor for longer than it may take, which tells nothing. */
static bool meet(const struct fault *fault, enum transport transport)
{
	const struct act acts[] = { { RIGHT, 0 }, fault->act };
	struct meter meter;
	struct bus *bus = start(&meter, transport, acts, 2);
	int rc, next;

	assert_int_equal(ask_patiently(&meter, bus), 0);
	rc = ask_within(&meter, bus, fault->waited_out ? TIMEOUT_MS : PATIENT_MS);
	if (rc != fault->expect && (rc == -ETIMEDOUT || atomic_load(&meter.hesitated))) {
		stop(&meter, bus);
		return false;
	}
	next = ask_patiently(&meter, bus);
	for (int k = 0; fault->lasting && next != 0 && k < 20; k++)
		next = ask_patiently(&meter, bus);
	if (rc != fault->expect || next != 0)
		fail_msg("%s: %s, %s", fault->name, bus_strerror(rc), bus_strerror(next));
	if (transport == TRANSPORT_RTU && !fault->lasting && meter.least_gap_us < GAP_US)
		fail_msg("%s: %lld us of silence before a request", fault->name,
			(long long)meter.least_gap_us);
	stop(&meter, bus);
	return true;
}

static void every_fault(enum transport transport)
{
	for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
		int tries = 0;

		while (!meet(&faults[i], transport))
			assert_true(++tries < 10);
	}
}

static void test_faults_serial(void **state)
{
	(void)state;
	every_fault(TRANSPORT_RTU);
}

static void test_faults_gateway(void **state)
{
	(void)state;
	every_fault(TRANSPORT_RTU_TCP);
}

/* Later than any wait: what comes then is not what was asked for then, however often. */
static void test_late_answers(void **state)
{
	static const unsigned lateness[] = { 160, 290, 310, 450, 700, 1000 };
	static const enum transport transports[] = { TRANSPORT_RTU, TRANSPORT_RTU_TCP };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lateness) * ARRAY_LEN(transports); i++) {
		const unsigned late = lateness[i / 2];
		const struct act acts[] = { { RIGHT, 0 }, { RIGHT, late }, { RIGHT, 0 },
			{ RIGHT, late }, { SILENT, 0 }, { RIGHT, late } };
		struct meter meter;
		struct bus *bus = start(&meter, transports[i % 2], acts, ARRAY_LEN(acts));
		int answered = 0;

		for (int k = 0; k < 60 && answered < 6; k++)
			answered += ask(&meter, bus) == 0;
		assert_int_equal(answered, 6);
		stop(&meter, bus);
	}
}

/* An exception may as well be that of the request before. */
static void test_late_exception(void **state)
{
	static const struct act acts[] = { { BUSY, UNTIL_NEXT } };
	struct meter meter;
	struct bus *bus = start(&meter, TRANSPORT_RTU, acts, 1);
	int rc = 0;

	(void)state;
	assert_int_equal(ask(&meter, bus), -ETIMEDOUT);
	for (int k = 0; k < 20; k++) {
		rc = ask(&meter, bus);
		assert_false(BUS_IS_EXCEPTION(rc));
		if (rc == 0)
			break;
	}
	assert_int_equal(rc, 0);
	stop(&meter, bus);
}

/* A refusal of the write before would say that nothing was written, of one that was. */
static void test_late_refusal_of_a_write(void **state)
{
	static const unsigned lateness[] = { 160, 310, 450, 700 };
	const uint16_t value = 0x1234;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lateness); i++) {
		const struct act acts[] = { { BUSY, lateness[i] } };
		struct meter meter;
		struct bus *bus = start(&meter, TRANSPORT_RTU, acts, 1);
		int rc = bus_write(bus, UNIT, 5, 1, TIMEOUT_MS, &value);

		for (int k = 0; rc != 0 && k < 20; k++) {
			/* The first one is refused indeed, late or only heard late. */
			assert_true(rc < 0 || k == 0);
			bus_recover(bus);
			rc = bus_write(bus, UNIT, 5, 1, TIMEOUT_MS, &value);
		}
		assert_int_equal(rc, 0);
		stop(&meter, bus);
	}
}

/* Silence of a serial line is the unit's; of a gateway it may be the connection's. */
static void test_silent_gateway(void **state)
{
	static const struct act acts[] = { { SILENT, 0 }, { SILENT, 0 }, { SILENT, 0 },
		{ SILENT, 0 } };
	struct meter meter;
	struct bus *bus = start(&meter, TRANSPORT_RTU, acts, ARRAY_LEN(acts));

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(acts); i++)
		assert_int_equal(ask(&meter, bus), -ETIMEDOUT);
	assert_true(bus_connected(bus));
	stop(&meter, bus);
	bus = start(&meter, TRANSPORT_RTU_TCP, acts, ARRAY_LEN(acts));
	for (int i = 0; i < 3; i++) {
		assert_true(bus_connected(bus));
		assert_int_equal(ask(&meter, bus), -ETIMEDOUT);
	}
	assert_false(bus_connected(bus));
	assert_int_equal(ask(&meter, bus), -ETIMEDOUT);
	assert_int_equal(ask_patiently(&meter, bus), 0);
	assert_int_equal(atomic_load(&meter.connections), 2);
	stop(&meter, bus);
}

static void test_writes(void **state)
{
	static const struct act acts[] = { { RIGHT, 0 }, { BAD_CRC, 0 } };
	const uint16_t value = 0x1234;
	struct meter meter;
	struct bus *bus = start(&meter, TRANSPORT_RTU, acts, ARRAY_LEN(acts));

	(void)state;
	assert_int_equal(bus_write(bus, UNIT, 5, 1, PATIENT_MS, &value), 0);
	assert_int_equal(bus_write(bus, UNIT, 5, 1, PATIENT_MS, &value), -EILSEQ);
	bus_recover(bus);
	assert_int_equal(bus_write(bus, UNIT, 5, 1, PATIENT_MS, &value), 0);
	stop(&meter, bus);
}

static void test_timing(void **state)
{
	static const struct act acts[] = { { RIGHT, 200 } };
	struct bus_timing timing;
	struct meter meter;
	struct bus *bus = start(&meter, TRANSPORT_RTU, acts, 1);

	(void)state;
	assert_false(bus_last_timing(bus, &timing));
	assert_int_equal(ask_patiently(&meter, bus), 0);
	assert_true(bus_last_timing(bus, &timing));
	assert_true(timing.turnaround_us >= 35000);
	assert_true(timing.round_trip_us >= timing.turnaround_us + 8 * 260);
	stop(&meter, bus);
}

/*
 * A device that is no UART answers before a request could have left a line of that
 * speed, now and then: taken for a repetition once at most.
 */
static void test_faster_than_its_line(void **state)
{
	static const struct act acts[] = { { RIGHT, 500 } };
	struct meter meter;
	struct bus *bus = start_at(&meter, TRANSPORT_RTU, 1200, acts, 1);
	uint16_t words[COUNT];
	int failed = 0;

	(void)state;
	assert_int_equal(bus_read(bus, UNIT, 3, 100, COUNT, PATIENT_MS, words), 0);
	atomic_store(&meter.baud, 115200);
	for (int k = 0; k < 6; k++)
		failed += ask_patiently(&meter, bus) != 0;
	assert_in_range(failed, 0, 1);
	stop(&meter, bus);
}

/* 3.5 characters of 10 bits; fixed above 19200 baud. */
static void test_silence(void **state)
{
	static const struct {
		uint32_t baud;
		int64_t gap_us;
	} cases[] = { { 1200, 29166 }, { 9600, 3645 }, { 19200, 1822 }, { 115200, 1750 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct meter meter;
		struct bus *bus = start_at(&meter, TRANSPORT_RTU, cases[i].baud, NULL, 0);

		for (int k = 0; k < 4; k++)
			assert_int_equal(ask_patiently(&meter, bus), 0);
		assert_true(meter.least_gap_us >= cases[i].gap_us);
		stop(&meter, bus);
	}
}

/* Pulled out: an error, closed; not there, an error; back, and it goes on. */
static void test_unplugged(void **state)
{
	struct meter meter;
	struct bus *bus = start(&meter, TRANSPORT_RTU, NULL, 0);
	int rc;

	(void)state;
	assert_int_equal(ask_patiently(&meter, bus), 0);
	atomic_store(&meter.stop, true);
	pthread_join(meter.thread, NULL);
	close(meter.fd);
	rc = ask(&meter, bus);
	assert_true(rc == -ENODEV || rc == -EIO);
	assert_false(bus_connected(bus));
	assert_true(bus_connect(bus, 1000) < 0);
	bus_free(bus);
}

static int open_error(const char *device, bool rs485)
{
	struct link_conf conf = { .transport = TRANSPORT_RTU, .baud = BAUD, .stop_bits = 1,
		.rs485 = rs485 };
	struct bus *bus;
	int rc;

	conf.device = xstrdup(device);
	bus = bus_new(&conf);
	assert_non_null(bus);
	rc = bus_connect(bus, 1000);
	bus_free(bus);
	free(conf.device);
	return rc;
}

static void test_open_errors(void **state)
{
	struct meter meter;
	struct bus *bus = start(&meter, TRANSPORT_RTU, NULL, 0);

	(void)state;
	assert_int_equal(open_error("/dev/null", false), -ENOTTY);
	assert_int_equal(open_error("/nowhere/ttyS0", false), -ENOENT);
	assert_int_equal(open_error("/tmp", false), -EISDIR);
	assert_int_equal(open_error(meter.device, false), -EBUSY);
	bus_close(bus);
	assert_int_equal(open_error(meter.device, true), -EOPNOTSUPP);
	assert_int_equal(open_error(meter.device, false), 0);
	stop(&meter, bus);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_faults_serial),
		cmocka_unit_test(test_faults_gateway),
		cmocka_unit_test(test_late_answers),
		cmocka_unit_test(test_late_exception),
		cmocka_unit_test(test_late_refusal_of_a_write),
		cmocka_unit_test(test_silent_gateway),
		cmocka_unit_test(test_writes),
		cmocka_unit_test(test_timing),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_faster_than_its_line),
		cmocka_unit_test(test_unplugged),
		cmocka_unit_test(test_open_errors),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
