/*
 * bus: see bus.h.
 *
 * One request at a time; its answer is judged as it comes (frame.h) and waited
 * for with poll(2), to a deadline for all of it. What a transport does of its own
 * is struct wire: how it is opened, and what is known of the line before a request.
 *
 * On a serial line nothing tells an answer from a late one to an earlier request
 * of the same shape. So: after a failed request the line is listened to until its
 * answer must have come and ended (settle), and as an answer may be later than
 * any wait, a request that looks like one whose answer is still owed (owed.h) is
 * only sent after a read of another length has been answered: meters answer in order.
 *
 * A bus belongs to one thread at a time.
 */
#include "config.h"

#include "modbus/bus.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/util.h"
#include "modbus/frame.h"
#include "modbus/owed.h"
#include "modbus/resolver.h"
#include "modbus/serial.h"
#include "modbus/tcp.h"
#include "modbus/wait.h"

#define NOISE_US          1000000 /* a line that is not silent for so long is not usable */
#define NAP_BYTES         8       /* of an answer under way: to be awake before its end */
#define PAUSE_SERIAL_US   50000   /* within an answer; USB adapters deliver in lumps */
#define PAUSE_GATEWAY_US  500000
#define GAP_FAST_US       1750    /* above 19200 baud, Modbus over Serial Line V1.02, 2.5.1.1 */
#define SILENT_MAX        3        /* requests without answer, until a gateway is connected anew */

struct wire;

struct bus {
	const struct wire *wire;
	int fd; /* -1: not connected */
	struct resolver *resolver; /* TCP */
	struct serial *serial;     /* a device */
	struct wait wait;
	uint16_t transaction;
	struct bus_timing timing;
	bool timed; /* since the connection there has been an answer */

	/* serial lines, those behind gateways too */
	uint32_t char_ns;
	uint32_t gap_us;  /* 3.5 characters of silence before a request */
	int64_t heard_us; /* when something was last on the line, as far as is known */
	struct owed *owed;
	struct frame_request request; /* the last one */
	int64_t sent_us;    /* when the last byte of it has left, by the speed of the line */
	int64_t soonest_us; /* before that it cannot have, however this thread was kept waiting */
	int64_t begun_us;   /* when the first byte of its answer came */
	int64_t settle_us;  /* until then an answer to it may begin or go on; 0: settled */
	bool came;	    /* its answer has come, though not right */
	bool broken;	    /* the connection itself failed */
	unsigned silent;    /* requests in a row without any answer */
	uint8_t answers[32]; /* bit: this unit's last request was answered */
	uint8_t last_unit, last_function; /* of the last answer taken */
	size_t last_length;
	bool outruns;  /* the line is quicker than its speed says: no UART */
	bool repeated; /* the last answer was taken for a repetition of the one before */

	uint8_t in[FRAME_MAX];
	size_t n_in;
};

struct wire {
	enum framing framing;
	int (*open)(struct bus *bus, int64_t deadline_us); /* descriptor or -errno */
	uint32_t pause_us; /* 0: none but the deadline */
};

static bool is_rtu(const struct bus *bus)
{
	return bus->wire->framing == FRAMING_RTU;
}

/* Of n characters on the line; 0 where there is none. */
static int64_t wire_us(const struct bus *bus, size_t n)
{
	return (int64_t)n * bus->char_ns / 1000;
}

/* Bytes that are there: their number, 0 for none, or -errno. Never blocks. */
static int take_bytes(struct bus *bus, uint8_t *bytes, size_t size)
{
	ssize_t n = read(bus->fd, bytes, size);

	if (n > 0) {
		bus->heard_us = clock_mono_us();
		return (int)n;
	}
	if (n == 0)
		return bus->serial != NULL ? -ENODEV : -ECONNRESET;
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : -errno;
}

/* Transports */

static int open_stream(struct bus *bus, int64_t deadline_us)
{
	return tcp_open(bus->resolver, &bus->wait, deadline_us);
}

static int open_device(struct bus *bus, int64_t deadline_us)
{
	(void)deadline_us;
	return serial_open(bus->serial);
}

/* By enum transport. */
static const struct wire wires[] = {
	[TRANSPORT_TCP] = { .framing = FRAMING_MBAP, .open = open_stream },
	[TRANSPORT_RTU] = { .framing = FRAMING_RTU, .open = open_device,
		.pause_us = PAUSE_SERIAL_US },
	[TRANSPORT_RTU_TCP] = { .framing = FRAMING_RTU, .open = open_stream,
		.pause_us = PAUSE_GATEWAY_US },
};

/* The line before a request */

/* It may be of a request before the last: exceptions are all of one length. */
static bool ambiguous(const struct bus *bus, const struct frame_answer *answer)
{
	return answer->exception && owed_exception(bus->owed, &bus->request, clock_mono_us());
}

/* The answer to the failed request, while it may still come; then silence. */
static void settle(struct bus *bus)
{
	int64_t limit_us = bus->settle_us + NOISE_US;
	struct frame_answer answer;
	enum frame_verdict verdict;

	bus->n_in = 0;
	while (bus->settle_us != 0 && clock_mono_us() < limit_us) {
		bool waits = !bus->came && bus->n_in == 0;
		int64_t until_us = waits ? bus->settle_us : bus->heard_us + 2 * bus->gap_us + 1000;
		int rc = wait_ready(&bus->wait, bus->fd, POLLIN, until_us);

		if (rc == 0) {
			if (bus->n_in == sizeof(bus->in))
				bus->n_in = 0; /* no frame is so long */
			rc = take_bytes(bus, bus->in + bus->n_in, sizeof(bus->in) - bus->n_in);
			if (rc < 0)
				break;
			bus->n_in += (size_t)rc;
			verdict = frame_judge(&bus->request, bus->in, bus->n_in, &answer);
			if (verdict == FRAME_WHOLE && !ambiguous(bus, &answer))
				owed_forget(bus->owed, bus->request.unit);
			bus->came |= verdict == FRAME_WHOLE || answer.ours;
		} else if (rc != -ETIMEDOUT || bus->came || clock_mono_us() >= bus->settle_us) {
			break;
		} else {
			bus->n_in = 0; /* what comes now is another frame */
		}
	}
	/* What was taken for a repetition was not: no other answer has come. */
	bus->outruns |= bus->repeated && !bus->came;
	bus->repeated = false;
	bus->settle_us = 0;
}

/*
 * 3.5 characters of silence; what is heard meanwhile is an answer nobody waits for any
 * more. Read, not flushed: what is thrown away unheard is followed by no silence.
 */
static int wait_quiet(struct bus *bus)
{
	int64_t limit_us = clock_mono_us() + NOISE_US;
	uint8_t bytes[FRAME_MAX];

	for (;;) {
		int rc = wait_ready(&bus->wait, bus->fd, POLLIN, bus->heard_us + bus->gap_us);

		if (rc == -ETIMEDOUT)
			return 0;
		if (rc == 0)
			rc = take_bytes(bus, bytes, sizeof(bytes));
		if (rc < 0)
			return rc;
		if (clock_mono_us() > limit_us)
			return -EILSEQ;
	}
}

static int make_ready(struct bus *bus)
{
	if (!is_rtu(bus))
		return tcp_in_step(bus->fd);
	if (bus->settle_us != 0)
		settle(bus);
	return wait_quiet(bus);
}

/* One exchange */

static int send_request(struct bus *bus, const struct frame_request *request)
{
	uint8_t bytes[FRAME_MAX];
	size_t length = frame_encode(request, bytes);
	ssize_t n;

	bus->soonest_us = clock_mono_us() + wire_us(bus, length);
	n = bus->serial != NULL ? write(bus->fd, bytes, length)
				: send(bus->fd, bytes, length, MSG_NOSIGNAL);
	bus->request = *request;
	bus->came = false;
	bus->n_in = 0;
	bus->sent_us = clock_mono_us() + wire_us(bus, length);
	bus->heard_us = bus->sent_us;
	if (n == (ssize_t)length)
		return 0;
	if (bus->serial != NULL)
		tcflush(bus->fd, TCOFLUSH);
	if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
		return -errno;
	return n < 0 ? -ETIMEDOUT : -EIO;
}

/* While most of an answer is still on the line, waking up for each of its bytes is for nothing. */
static void nap(struct bus *bus, size_t missing, int64_t deadline_us)
{
	int64_t until_us;

	if (bus->serial == NULL || bus->n_in == 0 || missing <= NAP_BYTES)
		return;
	until_us = clock_mono_us() + wire_us(bus, missing - NAP_BYTES);
	wait_ready(&bus->wait, -1, 0, until_us < deadline_us ? until_us : deadline_us);
}

/* At least one byte more, of those missing. 0 or -errno. */
static int receive_some(struct bus *bus, size_t missing, int64_t deadline_us)
{
	int64_t until_us = deadline_us;
	int rc;

	if (bus->n_in > 0 && bus->wire->pause_us != 0 &&
		bus->heard_us + bus->wire->pause_us < until_us)
		until_us = bus->heard_us + bus->wire->pause_us;
	rc = wait_ready(&bus->wait, bus->fd, POLLIN, until_us);
	if (rc == -ETIMEDOUT && bus->n_in > 0 && is_rtu(bus))
		return -EILSEQ; /* cut short */
	if (rc < 0)
		return rc;
	rc = take_bytes(bus, bus->in + bus->n_in, missing);
	if (rc < 0)
		return rc;
	if (rc > 0 && bus->n_in == 0)
		bus->begun_us = bus->heard_us;
	bus->n_in += (size_t)rc;
	nap(bus, missing - (size_t)rc, deadline_us);
	return 0;
}

/* Not our answer: to its end, to know whether it is somebody's or nobody's. */
static int misfit(struct bus *bus, enum frame_verdict verdict, bool ours)
{
	if (!is_rtu(bus))
		return -EBADMSG;
	if (verdict == FRAME_GARBLED) {
		bus->came = ours;
		return -EILSEQ;
	}
	while (bus->n_in < sizeof(bus->in) &&
		wait_ready(&bus->wait, bus->fd, POLLIN, bus->heard_us + 2 * bus->gap_us + 1000) ==
			0) {
		int rc = take_bytes(bus, bus->in + bus->n_in, sizeof(bus->in) - bus->n_in);

		if (rc < 0)
			return rc;
		bus->n_in += (size_t)rc;
	}
	return frame_is_rtu(bus->in, bus->n_in) ? -EBADMSG : -EILSEQ;
}

/*
 * An answer that had begun before the request was out is a repetition of the one
 * before, unless it cannot be; then it is the line that is no UART.
 */
static bool is_repetition(struct bus *bus, const struct frame_answer *answer)
{
	bool early = bus->begun_us < bus->soonest_us && !bus->outruns;
	bool same = bus->last_unit == bus->request.unit &&
		    bus->last_function == answer->pdu[0] && bus->last_length == answer->length;

	bus->last_unit = bus->request.unit;
	bus->last_function = answer->pdu[0];
	bus->last_length = answer->length;
	bus->outruns |= early && !same;
	bus->repeated = early && same;
	return bus->repeated;
}

static int accept_answer(struct bus *bus, const struct frame_answer *answer)
{
	if (is_rtu(bus) && is_repetition(bus, answer))
		return -EBADMSG;
	if (!answer->exception)
		return 0;
	if (is_rtu(bus) && ambiguous(bus, answer))
		return -EBADMSG;
	return BUS_EXCEPTION(answer->pdu[1]);
}

static int receive(struct bus *bus, int64_t deadline_us, struct frame_answer *answer)
{
	for (;;) {
		enum frame_verdict verdict =
			frame_judge(&bus->request, bus->in, bus->n_in, answer);
		int rc;

		if (verdict == FRAME_WHOLE)
			return accept_answer(bus, answer);
		if (verdict != FRAME_MORE)
			return misfit(bus, verdict, answer->ours);
		rc = receive_some(bus, answer->need - bus->n_in, deadline_us);
		if (rc < 0)
			return rc;
	}
}

static bool answered_before(const struct bus *bus, uint8_t unit)
{
	return (bus->answers[unit / 8] & 1u << unit % 8) != 0;
}

static void note_answered(struct bus *bus, int64_t begun_us)
{
	uint8_t unit = bus->request.unit;
	int64_t turnaround_us = bus->begun_us - bus->sent_us - bus->gap_us - wire_us(bus, 1);

	bus->silent = 0;
	bus->answers[unit / 8] |= (uint8_t)(1u << unit % 8);
	bus->timing.turnaround_us = turnaround_us > 0 ? (uint32_t)turnaround_us : 0;
	bus->timing.round_trip_us = (uint32_t)(clock_mono_us() - begun_us);
	bus->timed = true;
	if (is_rtu(bus))
		owed_forget(bus->owed, unit);
}

/*
 * A unit that has just answered may be a little late: it is waited for, so that
 * its answer meets no other request. One that is known to be silent is not.
 */
static void note_failed(struct bus *bus, int rc, int64_t deadline_us, int64_t timeout_us)
{
	uint8_t unit = bus->request.unit;

	bus->broken = rc != -ETIMEDOUT && rc != -EBADMSG && rc != -EILSEQ && rc != -EINTR;
	if (rc == -ETIMEDOUT)
		bus->silent++;
	if (!is_rtu(bus))
		return;
	bus->settle_us = deadline_us;
	if (rc == -ETIMEDOUT && answered_before(bus, unit))
		bus->settle_us += timeout_us;
	if (rc == -EINTR)
		bus->settle_us = clock_mono_us();
	if (!bus->came)
		owed_note(bus->owed, &bus->request, clock_mono_us());
	bus->answers[unit / 8] &= (uint8_t)~(1u << unit % 8);
}

static int exchange(struct bus *bus, struct frame_request *request, uint32_t timeout_ms,
	struct frame_answer *answer)
{
	int64_t timeout_us = (timeout_ms > 0 ? timeout_ms : 1) * INT64_C(1000);
	int64_t begun_us, deadline_us;
	int rc;

	if (bus->fd < 0)
		return -ENOTCONN;
	rc = make_ready(bus);
	if (rc < 0) {
		bus->broken = rc != -EILSEQ && rc != -EINTR;
		return rc;
	}
	begun_us = clock_mono_us();
	request->framing = bus->wire->framing;
	request->transaction = ++bus->transaction;
	rc = send_request(bus, request);
	deadline_us = bus->sent_us + timeout_us + wire_us(bus, frame_answer_length(request));
	if (rc == 0)
		rc = receive(bus, deadline_us, answer);
	if (rc >= 0)
		note_answered(bus, begun_us);
	else
		note_failed(bus, rc, deadline_us, timeout_us);
	return rc;
}

/*
 * Asks for something else before a request whose answer could be an older one: the
 * shortest read at that place which no answer is owed to. A meter that refuses to
 * give so little at that place is asked for another length next time.
 */
static int resynchronise(struct bus *bus, uint8_t unit, uint8_t function, uint16_t reg,
	uint32_t timeout_ms)
{
	int64_t now_us = clock_mono_us();
	struct frame_request request = { .unit = unit };
	struct frame_answer answer;
	unsigned count = 1;

	while (frame_read(&request, function, reg, count) && count < FRAME_READ_MAX &&
		owed_alike(bus->owed, &request, now_us))
		count++;
	return exchange(bus, &request, timeout_ms, &answer);
}

static bool is_owed(const struct bus *bus, const struct frame_request *request)
{
	return is_rtu(bus) && owed_alike(bus->owed, request, clock_mono_us());
}

int bus_read(struct bus *bus, uint8_t unit, unsigned function, uint16_t reg, uint16_t count,
	uint32_t timeout_ms, uint16_t *words)
{
	struct frame_request request = { .unit = unit };
	struct frame_answer answer;
	int rc = 0;

	if (!frame_read(&request, function, reg, count))
		return -EINVAL;
	if (is_owed(bus, &request))
		rc = resynchronise(bus, unit, request.pdu[0], reg, timeout_ms);
	if (rc == 0)
		rc = exchange(bus, &request, timeout_ms, &answer);
	for (unsigned i = 0; rc == 0 && i < count; i++)
		words[i] = frame_word(&answer, i);
	return rc;
}

int bus_write(struct bus *bus, uint8_t unit, uint16_t reg, uint16_t count, uint32_t timeout_ms,
	const uint16_t *words)
{
	struct frame_request request = { .unit = unit };
	struct frame_answer answer;
	int rc = 0;

	if (!frame_write(&request, reg, count, words))
		return -EINVAL;
	/* That the place cannot be read is an answer too. */
	if (is_owed(bus, &request))
		rc = resynchronise(bus, unit, FRAME_READ_HOLDING, reg, timeout_ms);
	return rc < 0 ? rc : exchange(bus, &request, timeout_ms, &answer);
}

/* Life */

static void set_line(struct bus *bus, const struct link_conf *conf)
{
	unsigned bits = 9u + conf->stop_bits + (conf->parity != PARITY_NONE);

	bus->char_ns = (uint32_t)(bits * UINT64_C(1000000000) / conf->baud);
	bus->gap_us = conf->baud > 19200 ? GAP_FAST_US : (uint32_t)(wire_us(bus, 7) / 2);
	bus->owed = owed_new();
}

struct bus *bus_new(const struct link_conf *conf)
{
	struct bus *bus = xcalloc(1, sizeof(*bus));
	int error;

	bus->wire = &wires[conf->transport];
	bus->fd = -1;
	if (is_rtu(bus))
		set_line(bus, conf);
	if (conf->transport != TRANSPORT_RTU) {
		bus->resolver = resolver_new(conf->host, conf->port);
		return bus;
	}
	bus->serial = serial_new(conf);
	if (bus->serial != NULL)
		return bus;
	error = errno;
	bus_free(bus);
	errno = error;
	return NULL;
}

void bus_free(struct bus *bus)
{
	if (bus == NULL)
		return;
	bus_close(bus);
	resolver_free(bus->resolver);
	serial_free(bus->serial);
	owed_free(bus->owed);
	free(bus);
}

int bus_connect(struct bus *bus, uint32_t timeout_ms)
{
	int64_t now_us = clock_mono_us();
	int fd;

	bus_close(bus);
	bus->broken = false;
	bus->silent = 0;
	bus->timed = false;
	bus->settle_us = 0;
	bus->heard_us = now_us;
	fd = bus->wire->open(bus, now_us + timeout_ms * INT64_C(1000));
	if (fd < 0)
		return fd;
	bus->fd = fd;
	return 0;
}

void bus_close(struct bus *bus)
{
	if (bus->fd < 0)
		return;
	if (bus->serial != NULL)
		serial_close(bus->serial);
	else
		close(bus->fd);
	bus->fd = -1;
}

void bus_set_interrupt(struct bus *bus, bool (*wanted)(void *arg), void *arg)
{
	bus->wait = (struct wait){ wanted, arg };
}

bool bus_connected(const struct bus *bus)
{
	return bus->fd >= 0;
}

bool bus_in_step(const struct bus *bus)
{
	struct pollfd wait = { .fd = bus->fd };

	if (!bus_connected(bus) || bus->broken)
		return false;
	if (!is_rtu(bus))
		return tcp_in_step(bus->fd) == 0;
	return poll(&wait, 1, 0) == 0;
}

bool bus_last_timing(const struct bus *bus, struct bus_timing *timing)
{
	*timing = bus->timing;
	return bus->timed;
}

void bus_recover(struct bus *bus)
{
	if (!bus_connected(bus))
		return;
	if (!is_rtu(bus) || bus->broken || (bus->resolver != NULL && bus->silent >= SILENT_MAX))
		bus_close(bus); /* over TCP nothing else tells late bytes from new ones */
	else if (bus->settle_us != 0)
		settle(bus);
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
	{ EILSEQ, "answer garbled or cut short" },
	{ ECONNRESET, "connection closed by the peer" },
	{ EDESTADDRREQ, "host name not known" },
	{ ETIME, "name lookup timed out" },
	{ EMFILE, "no more open files allowed" },
	{ ENODEV, "the device is gone" },
	{ EIO, "the device is gone or failed" },
	{ ENOENT, "the device is not there" },
	{ EACCES, "no permission to open the device (is the user in its group, dialout?)" },
	{ EPERM, "not permitted: by DeviceAllow= of the service, or by a firewall" },
	{ EBUSY, "the device is in use by another process" },
	{ ENOTTY, "not a serial device" },
	{ EOPNOTSUPP, "the device's driver has no RS-485 mode" },
	{ EINTR, "called off" },
	{ ECANCELED, "the link has ended" },
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
