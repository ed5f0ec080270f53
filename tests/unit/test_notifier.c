/*
 * Notifications: which one tells what, how it looks on the wire, and when it is
 * sent. A journal in memory, a master of this test, a clock that stands in a variable.
 */
#include "config.h"

#include "snmp/notifier.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "core/util.h"
#include "snmp/notification.h"
#include "snmp/stream.h"

/* ---- which notification -------------------------------------------------------------------- */

#define ALARM(s, l, raised, cleared)                                                               \
	{ EVENT_RAISED, EVENT_SCOPE_##s, LEVEL_##l, raised },                                      \
	{                                                                                          \
		EVENT_CLEARED, EVENT_SCOPE_##s, LEVEL_##l, cleared                                 \
	}
#define CURRENT(scope)                                                                             \
	ALARM(scope, HIGH_HIGH, "mxOverCurrent", "mxOverCurrentCleared"),                          \
		ALARM(scope, HIGH, "mxOverCurrent", "mxOverCurrentCleared"),                       \
		ALARM(scope, HIGH_NON_LATCHING, "mxOverCurrent", "mxOverCurrentCleared"),          \
		ALARM(scope, LOW, "mxUnderCurrent", "mxUnderCurrentCleared"),                      \
		ALARM(scope, LOW_LOW, "mxUnderCurrent", "mxUnderCurrentCleared"),                  \
		ALARM(scope, LOW_NON_LATCHING, "mxUnderCurrent", "mxUnderCurrentCleared"),         \
		ALARM(scope, OFF, "mxCircuitOff", "mxCircuitOffCleared")
#define VOLTAGE(scope)                                                                             \
	ALARM(scope, HIGH_HIGH, "mxOverVoltage", "mxOverVoltageCleared"),                          \
		ALARM(scope, HIGH, "mxOverVoltage", "mxOverVoltageCleared"),                       \
		ALARM(scope, HIGH_NON_LATCHING, "mxOverVoltage", "mxOverVoltageCleared"),          \
		ALARM(scope, LOW, "mxUnderVoltage", "mxUnderVoltageCleared"),                      \
		ALARM(scope, LOW_LOW, "mxUnderVoltage", "mxUnderVoltageCleared"),                  \
		ALARM(scope, LOW_NON_LATCHING, "mxUnderVoltage", "mxUnderVoltageCleared"),         \
		ALARM(scope, OFF, "mxUnderVoltage", "mxUnderVoltageCleared")

static const struct {
	enum event_kind kind;
	enum event_scope scope;
	int level;
	const char *name;
} choices[] = {
	CURRENT(BRANCH),
	CURRENT(MAINS),
	VOLTAGE(VOLTAGE),
	VOLTAGE(ALT_VOLTAGE),
	{ EVENT_INPUT_CHANGED, EVENT_SCOPE_INPUT, 0, "mxInputChanged" },
	{ EVENT_PANEL_OFFLINE, EVENT_SCOPE_PANEL, 0, "mxPanelOffline" },
	{ EVENT_PANEL_ONLINE, EVENT_SCOPE_PANEL, 0, "mxPanelOnline" },
	{ EVENT_LINK_DOWN, EVENT_SCOPE_LINK, 0, "mxLinkDown" },
	{ EVENT_LINK_UP, EVENT_SCOPE_LINK, 0, "mxLinkUp" },
	{ EVENT_WRITE_FAILED, EVENT_SCOPE_BRANCH, 0, "mxWriteFailed" },
	{ EVENT_WRITE_FAILED, EVENT_SCOPE_PANEL, 0, "mxWriteFailed" },
	/* Only in the table. */
	{ EVENT_WRITTEN, EVENT_SCOPE_BRANCH, 0, NULL },
	{ EVENT_ENERGY_RESET, EVENT_SCOPE_BRANCH, 0, NULL },
	{ EVENT_ENERGY_ROLLOVER, EVENT_SCOPE_BRANCH, 0, NULL },
	{ EVENT_METER_REPLACED, EVENT_SCOPE_PANEL, 0, NULL },
	{ EVENT_AGENT_STARTED, EVENT_SCOPE_NONE, 0, NULL },
	{ EVENT_AGENT_RELOADED, EVENT_SCOPE_NONE, 0, NULL },
	/* What never was. */
	{ EVENT_RAISED, EVENT_SCOPE_NONE, LEVEL_HIGH, NULL },
	{ EVENT_RAISED, EVENT_SCOPE_PANEL, LEVEL_HIGH, NULL },
	{ EVENT_RAISED, EVENT_SCOPE_BRANCH, 0, NULL },
	{ EVENT_RAISED, EVENT_SCOPE_BRANCH, LEVEL_COUNT, NULL },
	{ 0, EVENT_SCOPE_BRANCH, LEVEL_HIGH, NULL },
	{ EVENT_KIND_COUNT, EVENT_SCOPE_BRANCH, LEVEL_HIGH, NULL },
};

static void test_choice(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(choices); i++) {
		struct event event = { .number = 1,
			.kind = choices[i].kind,
			.scope = choices[i].scope,
			.level = (enum level)choices[i].level };
		const struct notification *notification = notification_of(&event);
		const char *name = notification ? notification->name : "none";

		if (strcmp(name, choices[i].name ? choices[i].name : "none") != 0)
			fail_msg("kind %d scope %d level %d: %s", event.kind, event.scope,
				event.level, name);
	}
}

static void test_number_without_index(void **state)
{
	struct event event = {
		.number = UINT32_MAX, .kind = EVENT_LINK_UP, .scope = EVENT_SCOPE_LINK
	};

	(void)state;
	assert_non_null(notification_of(&event));
	event.number++;
	assert_null(notification_of(&event));
}

/* ---- on the wire --------------------------------------------------------------------------- */

static uint32_t word(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Dotted, from 1.3.6.1 on; where it ends. */
static const uint8_t *read_oid(const uint8_t *at, char *text)
{
	unsigned n = at[0];

	text += at[1] ? sprintf(text, "1.3.6.1.%u", at[1]) : sprintf(text, "-");
	for (unsigned i = 0; i < n; i++)
		text += sprintf(text, ".%u", word(at + 4 + i * 4));
	return at + 4 + n * 4;
}

/* One line a varbind: OID type value. */
static char *describe(const uint8_t *at, const uint8_t *end)
{
	static char text[4096];
	char *to = text;

	text[0] = '\0';
	while (at < end) {
		char name[512], value[512];
		unsigned type = (unsigned)at[0] << 8 | at[1];

		at = read_oid(at + 4, name);
		if (type == 6) {
			at = read_oid(at, value);
		} else if (type == 4) {
			uint32_t length = word(at);

			sprintf(value, "%.*s", (int)length, (const char *)at + 4);
			if (length == 11 && at[12] == '+')
				sprintf(value, "%u-%u-%u", at[4] * 256 + at[5], at[6], at[7]);
			at += 4 + (length + 3) / 4 * 4;
		} else {
			sprintf(value, "%d", (int)word(at));
			at += 4;
		}
		to += sprintf(to, "%s %u %s\n", name, type, value);
	}
	assert_ptr_equal(at, end);
	return text;
}

#define TRAP_OID "1.3.6.1.6.3.1.1.4.1.0 6 " MX_OID_TEXT ".0."
#define OBJECT	 MX_OID_TEXT ".1.14.1."

static const struct {
	struct event event;
	const char *varbinds;
} notifies[] = {
	{ { .number = 4000000000,
		  .wall_ms = 1793491200000,
		  .kind = EVENT_RAISED,
		  .panel = 3,
		  .scope = EVENT_SCOPE_BRANCH,
		  .channel = 7,
		  .level = LEVEL_HIGH_HIGH,
		  .severity = STATE_CRITICAL,
		  .has_value = true,
		  .has_limit = true,
		  .value = 17250,
		  .limit = 14000,
		  .panel_name = "RPP-1A",
		  .label = "Chiller",
		  .text = "RPP-1A branch 7 (Chiller): high-high" },
		TRAP_OID "1\n" OBJECT "2.4000000000 66 -294967296\n" OBJECT
			 "3.4000000000 4 2026-11-1\n" OBJECT "6.4000000000 4 RPP-1A\n" OBJECT
			 "7.4000000000 4 Chiller\n" OBJECT "8.4000000000 2 1\n" OBJECT
			 "9.4000000000 66 7\n" OBJECT "10.4000000000 2 1\n" OBJECT
			 "11.4000000000 2 3\n" OBJECT
			 "14.4000000000 4 RPP-1A branch 7 (Chiller): high-high\n" OBJECT
			 "12.4000000000 2 17250\n" OBJECT "13.4000000000 2 14000\n" },
	/* No reading of that moment, no limit known: left out at the end. */
	{ { .number = 2,
		  .wall_ms = 1793491200000,
		  .kind = EVENT_CLEARED,
		  .panel = 3,
		  .scope = EVENT_SCOPE_VOLTAGE,
		  .channel = 5,
		  .level = LEVEL_LOW,
		  .severity = STATE_CRITICAL,
		  .panel_name = "P",
		  .label = "",
		  .text = "t" },
		TRAP_OID "10\n" OBJECT "2.2 66 2\n" OBJECT "3.2 4 2026-11-1\n" OBJECT
			 "6.2 4 P\n" OBJECT "7.2 4 \n" OBJECT "8.2 2 3\n" OBJECT "9.2 66 5\n" OBJECT
			 "10.2 2 3\n" OBJECT "11.2 2 3\n" OBJECT "14.2 4 t\n" },
	{ { .number = 3,
		  .wall_ms = 1793491200000,
		  .kind = EVENT_LINK_DOWN,
		  .scope = EVENT_SCOPE_LINK,
		  .channel = 2,
		  .severity = STATE_CRITICAL,
		  .panel_name = "",
		  .label = "room",
		  .text = "down" },
		TRAP_OID "14\n" OBJECT "2.3 66 3\n" OBJECT "3.3 4 2026-11-1\n" OBJECT
			 "7.3 4 room\n" OBJECT "8.3 2 6\n" OBJECT "9.3 66 2\n" OBJECT
			 "11.3 2 3\n" OBJECT "14.3 4 down\n" },
};

static void test_wire(void **state)
{
	const struct wire_ids ids = { 0x01020304, 0xcd585452, 77 };
	struct view *view = view_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(notifies); i++) {
		static const uint8_t header[] = { 1, 12, 0x10, 0, 1, 2, 3, 4, 0xcd, 0x58, 0x54,
			0x52, 0, 0, 0, 77 };
		const struct event *event = &notifies[i].event;
		struct wire_output output = { 0 };

		/* Behind something else. */
		wire_ping(&output, &ids);
		assert_int_equal(output.length, WIRE_HEADER_BYTES);
		notification_write(view, event, notification_of(event), &ids, &output);
		assert_memory_equal(output.data + WIRE_HEADER_BYTES, header, sizeof(header));
		assert_int_equal(
			wire_pdu_length(output.data + WIRE_HEADER_BYTES, output.length - 20),
			output.length - WIRE_HEADER_BYTES);
		assert_string_equal(
			describe(output.data + 2 * WIRE_HEADER_BYTES, output.data + output.length),
			notifies[i].varbinds);
		free(output.data);
	}
	view_free(view);
}

/* A full window of the longest notifications fits a socket that nobody reads. */
static void test_size(void **state)
{
	const struct wire_ids ids = { 0 };
	struct view *view = view_new();
	struct wire_output output = { 0 };
	char text[300];
	struct event event = { .number = UINT32_MAX,
		.wall_ms = 1793491200000,
		.kind = EVENT_RAISED,
		.panel = 1,
		.scope = EVENT_SCOPE_BRANCH,
		.level = LEVEL_HIGH,
		.has_value = true,
		.has_limit = true,
		.panel_name = text,
		.label = text,
		.text = text };

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	notification_write(view, &event, notification_of(&event), &ids, &output);
	print_message("the longest notification has %zu bytes, a window of them %zu\n",
		output.length, output.length * NOTIFIER_WINDOW_MAX);
	assert_in_range(output.length * NOTIFIER_WINDOW_MAX, 1, 106496);
	free(output.data);
	view_free(view);
}

/* A master that reads nothing: what is sent while there is room never waits. */
static void check_room(int mine, int other, const char *what)
{
	struct wire_output output = { .data = calloc(1, 1436), .length = 1436 };
	char heap[65536];
	unsigned n = 0;
	ssize_t got;

	alarm(20);
	for (; stream_has_room(mine); n++)
		stream_send(mine, &output);
	alarm(0);
	print_message("%s: %u of the longest notifications in an unread socket\n", what, n);
	assert_in_range(n, 8, 100000);
	for (size_t left = n * output.length; left > 0; left -= (size_t)got) {
		got = recv(other, heap, sizeof(heap), 0);
		assert_true(got > 0);
	}
	assert_true(stream_has_room(mine));
	close(mine);
	close(other);
	free(output.data);
}

static void test_room(void **state)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t length = sizeof(address);
	int pair[2], listener = socket(AF_INET, SOCK_STREAM, 0), fd;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	check_room(pair[0], pair[1], "Unix");
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	check_room(fd, accept(listener, NULL, NULL), "TCP");
	close(listener);
}

/*
 * Answers to us stand between what is for the library, are cut in two by the
 * socket, and are the last before the end: each arrives once, the rest in order.
 */
static struct {
	uint32_t packets[16];
	unsigned errors[16];
	unsigned n;
} answers;

static void on_answer(void *arg, uint32_t packet, unsigned error)
{
	assert_ptr_equal(arg, &answers);
	answers.packets[answers.n] = packet;
	answers.errors[answers.n++] = error;
}

static void response_put(uint8_t *to, uint32_t transaction, uint8_t packet, uint8_t error)
{
	const uint8_t pdu[28] = { 1, 18, 0x10, 0, 0, 0, 0, 9, (uint8_t)(transaction >> 24),
		(uint8_t)(transaction >> 16), (uint8_t)(transaction >> 8), (uint8_t)transaction, 0,
		0, 0, packet, 0, 0, 0, 8, 0, 0, 0, 0, 0, error, 0, 0 };

	memcpy(to, pdu, sizeof(pdu));
}

static void test_answers_in_the_stream(void **state)
{
	enum { PDU = 28 };
	struct view *view = view_new();
	struct stream *stream = stream_new(view);
	uint8_t sent[5 * PDU], library[5 * PDU];
	int pair[2];

	(void)state;
	memset(&answers, 0, sizeof(answers));
	stream_on_response(stream, on_answer, &answers);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	response_put(sent, 77, 1, 0);
	response_put(sent + PDU, STREAM_TRANSACTION, 2, 0);
	response_put(sent + 2 * PDU, STREAM_TRANSACTION, 3, 9);
	response_put(sent + 3 * PDU, 78, 4, 0);
	response_put(sent + 4 * PDU, STREAM_TRANSACTION, 5, 0);
	assert_int_equal(write(pair[1], sent, 4 * PDU), 4 * PDU);
	assert_int_equal(write(pair[1], sent + 4 * PDU, PDU / 2), PDU / 2);
	assert_false(stream_receive(stream, pair[0]));
	assert_int_equal(answers.n, 2);
	assert_true(stream_has_more(stream));
	assert_int_equal(stream_take(stream, library, sizeof(library)), 2 * PDU);
	assert_memory_equal(library, sent, PDU);
	assert_memory_equal(library + PDU, sent + 3 * PDU, PDU);
	/* The rest, and the master is gone. */
	assert_int_equal(write(pair[1], sent + 4 * PDU + PDU / 2, PDU / 2), PDU / 2);
	close(pair[1]);
	stream_receive(stream, pair[0]);
	assert_int_equal(answers.n, 3);
	assert_false(stream_has_more(stream));
	stream_receive(stream, pair[0]);
	assert_true(stream_ended(stream));
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(answers.packets[i], i == 2 ? 5 : i + 2);
		assert_int_equal(answers.errors[i], i == 1 ? 9 : 0);
	}
	close(pair[0]);
	stream_free(stream);
	view_free(view);
}

static void test_response(void **state)
{
	uint8_t pdu[28] = { 1, 18, 0x10, 0, 0, 0, 0, 9, 0xcd, 0x58, 0x54, 0x52, 0, 0, 1, 2, 0, 0, 0,
		8, 0, 0, 0, 0, 1, 12, 0, 0 };
	struct wire_ids ids;
	unsigned error;

	(void)state;
	assert_true(wire_response_read(pdu, sizeof(pdu), &ids, &error));
	assert_int_equal(ids.session, 9);
	assert_int_equal(ids.transaction, 0xcd585452);
	assert_int_equal(ids.packet, 0x102);
	assert_int_equal(error, 268);
	pdu[2] = 0; /* the other byte order */
	assert_true(wire_response_read(pdu, sizeof(pdu), &ids, &error));
	assert_int_equal(ids.packet, 0x2010000);
	assert_int_equal(error, 0xc01);
	assert_false(wire_response_read(pdu, sizeof(pdu) - 1, &ids, &error));
	pdu[1] = 5;
	assert_false(wire_response_read(pdu, sizeof(pdu), &ids, &error));
}

/* ---- when ---------------------------------------------------------------------------------- */

enum { SENT_MAX = 4096 };

static struct {
	struct journal *journal;
	struct notifier *notifier;
	int64_t now_ms;
	uint64_t posted;
	/* the master */
	enum notifier_sent will;
	uint64_t numbers[SENT_MAX]; /* as they came */
	uint32_t packets[SENT_MAX];
	unsigned n_sent, n_answered;
} rig;

static enum notifier_sent on_send(void *arg, const struct event *event, uint32_t packet)
{
	assert_ptr_equal(arg, &rig);
	if (event->kind == EVENT_AGENT_STARTED)
		return NOTIFIER_NOT_TOLD;
	if (rig.will == NOTIFIER_SENT) {
		assert_in_range(rig.n_sent, 0, SENT_MAX - 1);
		rig.numbers[rig.n_sent] = event->number;
		rig.packets[rig.n_sent++] = packet;
	}
	return rig.will;
}

static int rig_begin_with(size_t capacity)
{
	memset(&rig, 0, sizeof(rig));
	rig.now_ms = 1000000;
	rig.will = NOTIFIER_SENT;
	rig.journal = journal_open(NULL, capacity);
	rig.notifier = notifier_new(rig.journal, on_send, &rig);
	notifier_set_pace(rig.notifier, 32, 100000);
	return 0;
}

static int rig_begin(void **state)
{
	(void)state;
	return rig_begin_with(1000);
}

static int rig_end(void **state)
{
	(void)state;
	notifier_free(rig.notifier);
	journal_close(rig.journal);
	return 0;
}

static bool may_be_told(uint64_t number)
{
	struct event *event = journal_find(rig.journal, number);
	bool stored = event && (atomic_load(&event->mark) & EVENT_STORED);

	event_unref(event);
	return stored;
}

static void post_kind(unsigned n, enum event_kind kind)
{
	struct journal_batch batch;

	journal_begin(&batch, rig.journal);
	for (unsigned i = 0; i < n; i++)
		journal_add(&batch, &(struct event){ .kind = kind, .notify = true });
	journal_end(&batch);
	rig.posted += n;
	while (!may_be_told(rig.posted))
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	notifier_wake(rig.notifier);
}

static void post(unsigned n)
{
	post_kind(n, EVENT_LINK_UP);
}

static int wait_ms(void)
{
	return notifier_wait_ms(rig.notifier, rig.now_ms);
}

static void work(void)
{
	notifier_work(rig.notifier, rig.now_ms);
}

/* The master answers what it has got, one after the other. */
static void answer(unsigned n, unsigned error)
{
	while (n-- > 0) {
		assert_true(rig.n_answered < rig.n_sent);
		assert_true(notifier_answer(
			rig.notifier, rig.packets[rig.n_answered++], error, rig.now_ms));
	}
}

static void connect_now(void)
{
	notifier_connected(rig.notifier, rig.now_ms);
}

static size_t undelivered(void)
{
	struct journal_stats stats;

	journal_stats(rig.journal, &stats);
	return stats.undelivered;
}

static void check_sent(unsigned from, unsigned n, uint64_t number)
{
	assert_int_equal(rig.n_sent, from + n);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(rig.numbers[from + i], number + i);
}

static void test_nothing_without_master(void **state)
{
	(void)state;
	post(3);
	assert_int_equal(wait_ms(), -1);
	work();
	assert_int_equal(rig.n_sent, 0);
	connect_now();
	assert_int_equal(wait_ms(), 0);
	work();
	check_sent(0, 3, 1);
	answer(3, 0);
	work();
	assert_int_equal(undelivered(), 0);
	assert_int_equal(wait_ms(), -1);
}

static void test_no_journal(void **state)
{
	struct notifier *notifier = notifier_new(NULL, on_send, &rig);

	(void)state;
	notifier_connected(notifier, 5);
	notifier_wake(notifier);
	notifier_work(notifier, 5);
	assert_int_equal(notifier_wait_ms(notifier, 5), -1);
	assert_false(notifier_answer(notifier, 1, 0, 5));
	notifier_free(notifier);
}

static void test_window(void **state)
{
	(void)state;
	connect_now();
	post(100);
	work();
	check_sent(0, 32, 1);
	assert_int_equal(wait_ms(), -1); /* for answers only */
	answer(1, 0);
	assert_int_equal(wait_ms(), 0);
	work();
	assert_int_equal(rig.n_sent, 33);
	notifier_set_pace(rig.notifier, 4, 100000);
	answer(28, 0);
	work();
	assert_int_equal(rig.n_sent, 33);
	answer(1, 0);
	work();
	assert_int_equal(rig.n_sent, 34);
	while (rig.n_answered < 100) {
		answer(1, 0);
		work();
	}
	check_sent(0, 100, 1);
	assert_int_equal(undelivered(), 0);
	assert_false(notifier_answer(rig.notifier, rig.packets[5], 0, rig.now_ms));
	assert_false(notifier_answer(rig.notifier, 12345, 0, rig.now_ms));
}

static void test_pace(void **state)
{
	static const unsigned rates[] = { 1, 7, 100, 999, 1000, 20000 };

	(void)state;
	connect_now();
	for (size_t i = 0; i < ARRAY_LEN(rates); i++) {
		unsigned rate = rates[i], before = rig.n_sent, turns = 0;
		unsigned burst = rate * 20 < 1000 ? 1000 : rate * 20; /* thousandths */
		unsigned n = 50 + burst / 1000;
		int64_t begin, passed;

		notifier_set_pace(rig.notifier, 64, rate);
		rig.now_ms += 2000;
		begin = rig.now_ms;
		post(n);
		while (rig.n_sent - before < n) {
			int wait = wait_ms();

			assert_in_range(wait, 0, 1001);
			rig.now_ms += wait;
			work();
			turns++;
			answer(rig.n_sent - rig.n_answered, 0);
			passed = rig.now_ms - begin;
			assert_true((rig.n_sent - before) * 1000 <= burst + passed * rate);
		}
		passed = rig.now_ms - begin;
		/* Not slower than asked for, but for the length of a turn. */
		assert_true((n * 1000 - burst) / rate + 4 + 1000 / rate >= passed);
		assert_true(turns <= 2 * n);
	}
}

static void test_master_gone(void **state)
{
	(void)state;
	connect_now();
	post(40);
	work();
	answer(3, 0);
	/* The fifth was acknowledged, the fourth was not. */
	assert_true(notifier_answer(rig.notifier, rig.packets[4], 0, rig.now_ms));
	notifier_disconnected(rig.notifier);
	assert_int_equal(wait_ms(), -1);
	post(10);
	work();
	assert_int_equal(rig.n_sent, 32);
	/* What comes from the old connection is nobody's. */
	assert_false(notifier_answer(rig.notifier, rig.packets[3], 0, rig.now_ms));
	rig.now_ms += 10000;
	connect_now();
	work();
	assert_int_equal(rig.numbers[32], 4);
	assert_int_equal(rig.numbers[33], 6);
	rig.n_answered = 32;
	while (undelivered() > 0) {
		answer(1, 0);
		work();
	}
	check_sent(33, 45, 6);
}

static void test_refused_once(void **state)
{
	struct notifier_stats stats;

	(void)state;
	connect_now();
	post(5);
	work();
	answer(1, 0);
	answer(1, 268); /* the second */
	answer(3, 0);
	work();
	assert_int_equal(rig.n_sent, 5);
	assert_int_equal(wait_ms(), 250);
	rig.now_ms += 250;
	work();
	check_sent(5, 1, 2);
	answer(1, 0);
	work();
	assert_int_equal(undelivered(), 0);
	notifier_stats(rig.notifier, &stats);
	assert_int_equal(stats.delivered, 5);
	assert_int_equal(stats.refused, 1);
	assert_int_equal(stats.given_up, 0);
}

static void answer_last(unsigned error)
{
	rig.n_answered = rig.n_sent - 1;
	answer(1, error);
}

static void test_refused_for_ever(void **state)
{
	static const int pauses[] = { 250, 500, 1000, 2000 };
	struct notifier_stats stats;

	(void)state;
	notifier_set_pace(rig.notifier, 2, 100000);
	connect_now();
	post(6);
	work();
	answer(1, 0);
	work();
	check_sent(0, 3, 1);
	answer(2, 266); /* the second and the third */
	for (size_t i = 0; i < ARRAY_LEN(pauses); i++) {
		assert_int_equal(wait_ms(), pauses[i]);
		work();
		rig.now_ms += pauses[i];
		work();
		check_sent(3 + (unsigned)i, 1, 2); /* alone */
		answer_last(266);
	}
	rig.now_ms += wait_ms();
	work();
	/* Goes on behind it: the third was refused for no reason of its own. */
	check_sent(7, 2, 3);
	rig.n_answered = 7;
	for (int i = 0; i < 4; i++) {
		answer(1, 0);
		work();
	}
	check_sent(7, 4, 3);
	assert_int_equal(undelivered(), 1);
	notifier_stats(rig.notifier, &stats);
	assert_int_equal(stats.given_up, 1);
	post(1);
	work();
	check_sent(11, 1, 7);
	answer(1, 0);
	/* Another master may take it. */
	notifier_disconnected(rig.notifier);
	connect_now();
	work();
	check_sent(12, 1, 2);
	answer(1, 0);
	assert_int_equal(undelivered(), 0);
}

/* All of them: each pause is longer, up to half a minute. */
static void test_master_refuses_all(void **state)
{
	(void)state;
	connect_now();
	post(10);
	for (int i = 0; i < 60; i++) {
		int wait = wait_ms();

		if (wait < 0)
			break;
		assert_in_range(wait, 0, 30000);
		rig.now_ms += wait;
		work();
		answer(rig.n_sent - rig.n_answered, 266);
	}
	assert_int_equal(wait_ms(), -1);
	assert_int_equal(undelivered(), 10);
}

static void test_refused_then_dropped(void **state)
{
	(void)state;
	rig_end(state);
	rig_begin_with(4);
	connect_now();
	post(1);
	work();
	answer(1, 266);
	post(4); /* the first is gone */
	rig.now_ms += 250;
	work();
	check_sent(1, 4, 2);
}

static void test_no_room(void **state)
{
	(void)state;
	connect_now();
	rig.will = NOTIFIER_NO_ROOM;
	post(2);
	work();
	assert_int_equal(wait_ms(), 20);
	rig.now_ms += 20;
	work();
	rig.will = NOTIFIER_SENT;
	assert_int_equal(wait_ms(), 20);
	rig.now_ms += 20;
	work();
	check_sent(0, 2, 1);
}

static void test_not_told(void **state)
{
	struct notifier_stats stats;

	(void)state;
	connect_now();
	post(1);
	post_kind(3, EVENT_AGENT_STARTED);
	post(1);
	work();
	assert_int_equal(rig.n_sent, 2);
	assert_int_equal(rig.numbers[1], 5);
	answer(2, 0);
	work();
	assert_int_equal(wait_ms(), -1);
	notifier_stats(rig.notifier, &stats);
	assert_int_equal(stats.given_up, 3);
}

static void pings(unsigned n)
{
	while (n-- > 0)
		notifier_pinged(rig.notifier, rig.now_ms);
	work();
}

/* A master that stands still is not told twice, however long. */
static void test_master_stands_still(void **state)
{
	(void)state;
	connect_now();
	post(40);
	work();
	rig.now_ms += 3600000;
	assert_int_equal(wait_ms(), -1);
	work();
	pings(1); /* it was on its way */
	check_sent(0, 32, 1);
	answer(32, 0);
	work();
	check_sent(0, 40, 1);
}

/* One that lives and does not answer to an event is told again. */
static void test_no_answer(void **state)
{
	(void)state;
	connect_now();
	post(3);
	work();
	pings(100);
	rig.now_ms += 120000;
	answer(1, 0);
	pings(11);
	check_sent(0, 3, 1); /* it is slow, but it comes forward */
	pings(1);
	rig.now_ms += wait_ms();
	work();
	check_sent(3, 1, 2);
	answer_last(0);
	work();
	check_sent(4, 1, 3);
	answer_last(0);
	assert_int_equal(undelivered(), 0);
}

int main(void)
{
#define RIGGED(test) cmocka_unit_test_setup_teardown(test, rig_begin, rig_end)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_choice),
		cmocka_unit_test(test_number_without_index),
		cmocka_unit_test(test_wire),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_answers_in_the_stream),
		cmocka_unit_test(test_response),
		RIGGED(test_nothing_without_master),
		RIGGED(test_no_journal),
		RIGGED(test_window),
		RIGGED(test_pace),
		RIGGED(test_master_gone),
		RIGGED(test_refused_once),
		RIGGED(test_refused_for_ever),
		RIGGED(test_master_refuses_all),
		RIGGED(test_refused_then_dropped),
		RIGGED(test_no_room),
		RIGGED(test_not_told),
		RIGGED(test_master_stands_still),
		RIGGED(test_no_answer),
	};

	return cmocka_run_group_tests_name("notifier", tests, NULL, NULL);
}
