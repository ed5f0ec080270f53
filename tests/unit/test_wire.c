/*
 * AgentX requests as bytes: answers in both byte orders, search ranges, what is
 * left to the library, and bytes that are no request. The tables are the test's
 * own; expected answers are built by hand, not by the code under test.
 */
#include "config.h"

#include "snmp/stream.h"
#include "snmp/wire.h"

#include <endian.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/util.h"
#include "snmp/table.h"

enum { GET = 5, GETNEXT = 6, TEST = 8, COMMIT = 9, UNDO = 10, CLEANUP = 11 };
enum { PING = 13, RESPONSE = 18 };
enum { INTEGER = 2, OCTETS = 4, GAUGE = 0x42, COUNTER64 = 0x46 };
enum { NO_OBJECT = 128, NO_INSTANCE = 129, END_OF_VIEW = 130 };
enum { CONTEXT = 0x08, NETWORK = 0x10 };

/* ---- what is served: a scalar group and a table with one hole ------------------------------ */

static const struct panel no_panel;

const struct panel *view_panel(const struct view *view, uint32_t index, size_t *place)
{
	(void)view;
	(void)index;
	(void)place;
	return &no_panel;
}

void view_hint(const struct view *view, uint32_t index)
{
	(void)view;
	(void)index;
}

const struct site *view_site(const struct view *view)
{
	(void)view;
	return NULL;
}

const struct snapshot *view_snapshot(struct view *view, const struct panel *panel)
{
	(void)view;
	(void)panel;
	return NULL;
}

static unsigned begun, ended, unsettled;

void view_begin(struct view *view, int64_t now_ms, int64_t now_wall_ms)
{
	(void)view;
	(void)now_ms;
	(void)now_wall_ms;
	begun++;
}

void view_end(struct view *view)
{
	(void)view;
	ended++;
}

bool view_is_of_one_moment(const struct view *view)
{
	(void)view;
	if (unsettled == 0)
		return true;
	unsettled--;
	return false;
}

#define INPUT_MOST 65536 /* of a PDU that a stream takes */

/* What the phases of SETs came to; of a test the first variable binding. */
static struct {
	unsigned n;
	struct set_request request;
	struct set_varbind first;
	char text[16];
	struct stream *answered; /* at once */
	int fd;
} sets;

bool write_receive(struct write *write, const struct set_request *request)
{
	(void)write;
	sets.n++;
	sets.request = *request;
	if (sets.answered)
		stream_answer_set(sets.answered, sets.fd, &request->token, 0, 0);
	if (request->n == 0)
		return true;
	sets.first = request->varbinds[0];
	if (sets.first.wanted.text)
		text_copy(sets.text, sizeof(sets.text), sets.first.wanted.text);
	return true;
}

static void get_negative(const struct row *row, const struct column *column, struct cell *cell)
{
	(void)row;
	(void)column;
	cell->state = CELL_PRESENT;
	cell->num = -2;
}

static void get_wide(const struct row *row, const struct column *column, struct cell *cell)
{
	(void)column;
	cell->state = row->index[0] == 2 ? CELL_ABSENT : CELL_PRESENT;
	cell->num = 0x0102030405060708;
}

static void get_text(const struct row *row, const struct column *column, struct cell *cell)
{
	static const char letters[] = "abcdefgh";

	(void)column;
	cell->state = CELL_PRESENT;
	cell->text = letters;
	cell->length = row->index[0];
}

static bool find(struct view *view, const uint32_t *index, struct row *row)
{
	(void)view;
	(void)row;
	return index[0] >= 1 && index[0] <= 3;
}

static bool next(
	struct view *view, const uint32_t *index, size_t n, bool inclusive, struct row *row)
{
	(void)view;
	row->index[0] = n == 0 ? 1 : index[0] + !inclusive;
	if (row->index[0] == 0)
		row->index[0] = 1;
	return n == 0 || (index[0] < 3) || (index[0] == 3 && inclusive);
}

static const struct column scalar_columns[] = {
	{ .subid = 1, .asn = INTEGER, .get = get_negative },
};
static const struct column columns[] = {
	{ .subid = 2, .asn = COUNTER64, .get = get_wide },
	{ .subid = 3, .asn = OCTETS, .get = get_text },
};
static const struct table scalars = { .subid = 1, .columns = scalar_columns, .n_columns = 1 };
static const struct table table = {
	.subid = 4,
	.n_index = 1,
	.columns = columns,
	.n_columns = 2,
	.find = find,
	.next = next,
};
const struct table *const mx_tables[] = { &scalars, &table };
const size_t mx_n_tables = 2;

/* ---- bytes ------------------------------------------------------------------------------------
 */

struct bytes {
	uint8_t data[4096];
	size_t n;
	bool network;
};

static void put_byte(struct bytes *bytes, unsigned value)
{
	bytes->data[bytes->n++] = (uint8_t)value;
}

static void put(struct bytes *bytes, uint64_t value, unsigned width)
{
	for (unsigned i = 0; i < width; i++)
		put_byte(bytes, value >> 8 * (bytes->network ? width - 1 - i : i) & 0xff);
}

#define ARCS(...) (const uint32_t[]){ __VA_ARGS__ }, sizeof((uint32_t[]){ __VA_ARGS__ }) / 4
#define OBJECTS	  MX_OID_ARCS, 1

/* With the internet prefix left out, as Net-SNMP does where it can. */
static void put_oid(struct bytes *bytes, const uint32_t *arcs, size_t n, bool include)
{
	bool is_short = n > 4 && arcs[0] == 1 && arcs[1] == 3 && arcs[2] == 6 && arcs[3] == 1 &&
			arcs[4] < 256;

	put_byte(bytes, (unsigned)(is_short ? n - 5 : n));
	put_byte(bytes, is_short ? arcs[4] : 0);
	put_byte(bytes, include);
	put_byte(bytes, 0);
	for (size_t i = is_short ? 5 : 0; i < n; i++)
		put(bytes, arcs[i], 4);
}

static void put_header(struct bytes *bytes, unsigned type, unsigned flags)
{
	put_byte(bytes, 1);
	put_byte(bytes, type);
	put_byte(bytes, flags | (bytes->network ? NETWORK : 0));
	put_byte(bytes, 0);
	put(bytes, 0x11223344, 4);
	put(bytes, 0x55667788, 4);
	put(bytes, 0x99aabbcc, 4);
	put(bytes, 0, 4);
}

static void put_length(struct bytes *bytes, size_t begin)
{
	struct bytes length = { .network = bytes->network };

	put(&length, bytes->n - begin - WIRE_HEADER_BYTES, 4);
	memcpy(bytes->data + begin + 16, length.data, 4);
}

struct range {
	uint32_t start[20];
	size_t n_start;
	bool include;
	uint32_t end[20];
	size_t n_end;
};

static void put_request(
	struct bytes *bytes, unsigned type, unsigned flags, const struct range *ranges, size_t n)
{
	size_t begin = bytes->n;

	put_header(bytes, type, flags);
	for (size_t i = 0; i < n; i++) {
		put_oid(bytes, ranges[i].start, ranges[i].n_start, ranges[i].include);
		put_oid(bytes, ranges[i].end, ranges[i].n_end, false);
	}
	put_length(bytes, begin);
}

static size_t put_response(struct bytes *bytes)
{
	size_t begin = bytes->n;

	put_header(bytes, RESPONSE, 0);
	put(bytes, 0, 4);
	put(bytes, 0, 4);
	return begin;
}

static void put_type(struct bytes *bytes, unsigned type)
{
	put(bytes, type, 2);
	put(bytes, 0, 2);
}

static void check_response(const struct bytes *request, const struct bytes *want)
{
	struct wire_output output = { 0 };

	begun = ended = 0;
	unsettled = 2; /* the answer that counts is the third */
	assert_int_equal(wire_pdu_length(request->data, request->n), request->n);
	assert_true(wire_answer(NULL, request->data, request->n, &output));
	assert_int_equal(begun, 3);
	assert_int_equal(ended, 3);
	assert_int_equal(output.length, want->n);
	assert_memory_equal(output.data, want->data, want->n);
	unsettled = 1000; /* it never rests, and is answered all the same */
	output.length = 0;
	assert_true(wire_answer(NULL, request->data, request->n, &output));
	assert_true(unsettled > 900);
	unsettled = 0;
	assert_memory_equal(output.data, want->data, want->n);
	free(output.data);
}

/* ---- tests ---------------------------------------------------------------------------------- */

#define RANGE(first, inclusive, last)                                                              \
	{                                                                                          \
		.start = { first }, .n_start = ARRAY_LEN(((uint32_t[]){ first })),                 \
		.include = inclusive, .end = { last }, .n_end = ARRAY_LEN(((uint32_t[]){ last })), \
	}
#define RANGE_OPEN(first, inclusive)                                                               \
	{                                                                                          \
		.start = { first }, .n_start = ARRAY_LEN(((uint32_t[]){ first })),                 \
		.include = inclusive,                                                              \
	}
#define ARC(...) OBJECTS, __VA_ARGS__

static void check_get(bool network)
{
	static const struct range ranges[] = {
		RANGE_OPEN(ARC(1, 1, 0), false),
		RANGE_OPEN(ARC(4, 1, 2, 1), false),
		RANGE_OPEN(ARC(4, 1, 2, 2), false),
		RANGE_OPEN(ARC(4, 1, 3, 3), false),
		RANGE_OPEN(ARC(4, 1, 9, 3), false),
	};
	struct bytes request = { .network = network }, want = { .network = network };
	size_t begin = put_response(&want);

	put_request(&request, GET, 0, ranges, ARRAY_LEN(ranges));
	put_type(&want, INTEGER);
	put_oid(&want, ARCS(OBJECTS, 1, 1, 0), false);
	put(&want, (uint32_t)-2, 4);
	put_type(&want, COUNTER64);
	put_oid(&want, ARCS(OBJECTS, 4, 1, 2, 1), false);
	put(&want, 0x0102030405060708, 8);
	put_type(&want, NO_INSTANCE);
	put_oid(&want, ARCS(OBJECTS, 4, 1, 2, 2), false);
	put_type(&want, OCTETS);
	put_oid(&want, ARCS(OBJECTS, 4, 1, 3, 3), false);
	put(&want, 3, 4);
	for (const char *c = "abc"; *c; c++)
		put_byte(&want, (unsigned)*c);
	put_byte(&want, 0);
	put_type(&want, NO_OBJECT);
	put_oid(&want, ARCS(OBJECTS, 4, 1, 9, 3), false);
	put_length(&want, begin);
	check_response(&request, &want);
}

static void test_get(void **state)
{
	(void)state;
	check_get(false);
	check_get(true);
}

static void put_wide(struct bytes *bytes, uint32_t row)
{
	put_type(bytes, COUNTER64);
	put_oid(bytes, ARCS(OBJECTS, 4, 1, 2, row), false);
	put(bytes, 0x0102030405060708, 8);
}

static void put_end(struct bytes *bytes, const struct range *range)
{
	put_type(bytes, END_OF_VIEW);
	put_oid(bytes, range->start, range->n_start, false);
}

/* Ranges whose answer is row 1 or 3 of column 2, or the end (0). */
static void test_getnext(void **state)
{
	static const struct {
		struct range range;
		uint32_t row;
	} cases[] = {
		{ RANGE_OPEN(ARC(4), false), 1 },
		{ RANGE_OPEN(ARC(4), true), 1 },
		{ RANGE_OPEN(ARC(4, 1, 2, 1), true), 1 },
		{ RANGE_OPEN(ARC(4, 1, 2, 1), false), 3 },
		{ RANGE_OPEN(ARC(4, 1, 2, 2), true), 3 },
		{ RANGE_OPEN(ARC(4, 1, 2, 2, 4, 4, 4, 4, 4), true), 3 },
		/* ends: the OID itself is outside, its prefix before it */
		{ RANGE(ARC(4, 1, 2, 1), false, ARC(4, 1, 2, 3)), 0 },
		{ RANGE(ARC(4, 1, 2, 1), false, ARC(4, 1, 2, 3, 0)), 3 },
		{ RANGE(ARC(4, 1, 2, 1), false, ARC(4, 1, 2)), 0 },
		{ RANGE(ARC(4, 1, 2, 1), false, ARC(4, 1, 2, 4)), 3 },
		{ RANGE(ARC(4, 1, 2, 1), false, ARC(4, 1, 2, 2)), 0 },
		{ RANGE(ARC(3), false, ARC(5)), 1 },
		{ RANGE(ARC(4, 1, 3, 3), false, ARC(5)), 0 },
		{ RANGE_OPEN(ARC(4, 1, 3, 3), false), 0 },
		{ RANGE_OPEN(ARC(5), false), 0 },
	};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(cases); i++) {
		bool network = i & 1;
		struct bytes request = { .network = network }, want = { .network = network };
		size_t begin = put_response(&want);

		put_request(&request, GETNEXT, 0, &cases[i / 2].range, 1);
		if (cases[i / 2].row)
			put_wide(&want, cases[i / 2].row);
		else
			put_end(&want, &cases[i / 2].range);
		put_length(&want, begin);
		check_response(&request, &want);
	}
}

/* The same OIDs written out in full are the same OIDs. */
static void test_long_form(void **state)
{
	struct bytes request = { 0 }, want = { 0 };
	static const uint32_t start[] = { OBJECTS, 4 };
	size_t begin = put_response(&want);

	(void)state;
	put_header(&request, GETNEXT, 0);
	put_byte(&request, ARRAY_LEN(start));
	put_byte(&request, 0);
	put(&request, 0, 2);
	for (size_t i = 0; i < ARRAY_LEN(start); i++)
		put(&request, start[i], 4);
	put(&request, 0, 4);
	put_length(&request, 0);
	put_wide(&want, 1);
	put_length(&want, begin);
	check_response(&request, &want);
}

static void check_is_for_library(const uint8_t *pdu, size_t n)
{
	struct wire_output output = { 0 };

	begun = ended = 0;
	assert_false(wire_answer(NULL, pdu, n, &output));
	assert_int_equal(output.length, 0);
	assert_int_equal(begun, ended);
	free(output.data);
}

static void test_left_to_the_library(void **state)
{
	static const struct range ours = RANGE_OPEN(ARC(4), false);
	static const struct range both[] = {
		RANGE_OPEN(ARC(4), false),
		{ .start = { 1, 3, 6, 1, 2, 1, 1 }, .n_start = 7 },
	};
	static const struct range above = { .start = { MX_OID_ARCS }, .n_start = 10 };
	static const struct {
		unsigned type, flags;
		const struct range *ranges;
		size_t n;
	} cases[] = {
		{ GETNEXT, CONTEXT, &ours, 1 },
		{ GET, 0, both, 2 },
		{ GETNEXT, 0, &above, 1 },
		{ GET, 0, NULL, 0 },
		{ PING, 0, NULL, 0 },
		{ RESPONSE, 0, &ours, 1 },
		{ 7, 0, &ours, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct bytes request = { 0 };

		put_request(&request, cases[i].type, cases[i].flags, cases[i].ranges, cases[i].n);
		check_is_for_library(request.data, request.n);
	}
}

/* Every request cut off anywhere, and with any single byte changed, is answered or left; no more.
 */
static void test_damaged(void **state)
{
	static const struct range ranges[] = {
		RANGE(ARC(4, 1, 2, 1), true, ARC(4, 1, 2, 3)),
		RANGE_OPEN(ARC(1, 1, 0), false),
	};
	struct bytes request = { 0 }, first = { 0 };

	(void)state;
	put_request(&request, GETNEXT, 0, ranges, ARRAY_LEN(ranges));
	put_request(&first, GETNEXT, 0, ranges, 1);
	for (size_t n = WIRE_HEADER_BYTES; n < request.n; n++) {
		uint8_t *exact = malloc(n); /* the sanitizer sees what is read behind it */

		memcpy(exact, request.data, n);
		if (n != first.n) /* what is left there is a sound request */
			check_is_for_library(exact, n);
		free(exact);
	}
	for (size_t i = 0; i < request.n; i++) {
		for (unsigned value = 0; value < 256; value++) {
			struct wire_output output = { 0 };
			uint8_t *exact = malloc(request.n);

			memcpy(exact, request.data, request.n);
			exact[i] = (uint8_t)value;
			wire_answer(NULL, exact, request.n, &output);
			free(output.data);
			free(exact);
		}
	}
}

static void test_length(void **state)
{
	struct bytes request = { .network = true };

	(void)state;
	put_request(&request, PING, 0, NULL, 0);
	for (size_t n = 0; n < WIRE_HEADER_BYTES; n++)
		assert_int_equal(wire_pdu_length(request.data, n), 0);
	memset(request.data + 16, 0xff, 4);
	assert_true(wire_pdu_length(request.data, WIRE_HEADER_BYTES) ==
		    (size_t)UINT32_MAX + WIRE_HEADER_BYTES);
}

/* ---- the stream ---------------------------------------------------------------------------------
 */

struct line {
	struct stream *stream;
	int ours, masters; /* ends of a socket pair */
};

static int line_open(void **state)
{
	struct line *line = calloc(1, sizeof(*line));
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
		return -1;
	line->ours = ends[0];
	line->masters = ends[1];
	line->stream = stream_new(NULL);
	*state = line;
	return 0;
}

static int line_close(void **state)
{
	struct line *line = *state;

	stream_free(line->stream);
	close(line->ours);
	if (line->masters >= 0)
		close(line->masters);
	free(line);
	return 0;
}

static void say(struct line *line, const uint8_t *data, size_t n)
{
	assert_int_equal(write(line->masters, data, n), n);
}

static size_t heard(struct line *line)
{
	uint8_t buffer[8192];
	ssize_t n = recv(line->masters, buffer, sizeof(buffer), MSG_DONTWAIT);
	size_t pdus = 0;

	for (ssize_t at = 0; at < n; pdus++)
		at += (ssize_t)wire_pdu_length(buffer + at, (size_t)(n - at));
	return pdus;
}

static const struct range one_range[] = { RANGE_OPEN(ARC(4), false) };

/* However a request is cut into pieces, it is answered once it is whole. */
static void test_stream_in_pieces(void **state)
{
	struct line *line = *state;
	struct bytes request = { 0 };

	put_request(&request, GETNEXT, 0, one_range, 1);
	for (size_t cut = 1; cut < request.n; cut++) {
		say(line, request.data, cut);
		assert_false(stream_receive(line->stream, line->ours));
		assert_false(stream_has_more(line->stream));
		say(line, request.data + cut, request.n - cut);
		assert_true(stream_receive(line->stream, line->ours));
		assert_int_equal(heard(line), 1);
	}
	assert_false(stream_receive(line->stream, line->ours)); /* nothing there */
	assert_false(stream_ended(line->stream));
}

/* Several at once: answered up to the first for the library, which gets the rest, in order. */
static void test_stream_order(void **state)
{
	struct line *line = *state;
	struct bytes request = { 0 }, rest = { 0 };
	uint8_t taken[4096];

	put_request(&request, GETNEXT, 0, one_range, 1);
	put_request(&request, GET, 0, one_range, 1);
	put_request(&rest, PING, 0, NULL, 0);
	put_request(&rest, GETNEXT, 0, one_range, 1);
	say(line, request.data, request.n);
	say(line, rest.data, rest.n);
	say(line, request.data, 7); /* and the beginning of another */
	assert_true(stream_receive(line->stream, line->ours));
	assert_int_equal(heard(line), 2);
	assert_true(stream_has_more(line->stream));
	assert_int_equal(stream_take(line->stream, taken, sizeof(taken)), rest.n);
	assert_memory_equal(taken, rest.data, rest.n);
	assert_false(stream_has_more(line->stream));
	say(line, request.data + 7, request.n - 7);
	assert_true(stream_receive(line->stream, line->ours));
	assert_int_equal(heard(line), 2);
}

static void test_stream_end(void **state)
{
	struct line *line = *state;

	close(line->masters);
	line->masters = -1;
	stream_receive(line->stream, line->ours);
	assert_true(stream_ended(line->stream));
	assert_true(stream_has_more(line->stream));
	stream_reset(line->stream);
	assert_false(stream_has_more(line->stream));
}

static void test_stream_refuses_the_endless(void **state)
{
	struct line *line = *state;
	struct bytes request = { .network = true };

	put_request(&request, PING, 0, NULL, 0);
	request.data[17] = 1; /* 64 KiB */
	say(line, request.data, request.n);
	stream_receive(line->stream, line->ours);
	assert_true(stream_ended(line->stream));
}

/* ---- SETs ------------------------------------------------------------------------------------ */

static void put_phase(struct bytes *bytes, unsigned type)
{
	size_t begin = bytes->n;

	put_header(bytes, type, 0);
	put_length(bytes, begin);
}

static void put_test(struct bytes *bytes, bool network)
{
	bytes->network = network;
	put_header(bytes, TEST, 0);
	put_type(bytes, OCTETS);
	put_oid(bytes, ARCS(OBJECTS, 4, 1, 3, 2), false);
	put(bytes, 5, 4);
	for (const char *c = "hello"; *c; c++)
		put_byte(bytes, (unsigned)*c);
	put(bytes, 0, 3);
	put_type(bytes, INTEGER);
	put_oid(bytes, ARCS(OBJECTS, 1, 1, 0), false);
	put(bytes, (uint32_t)-5, 4);
	put_type(bytes, COUNTER64);
	put_oid(bytes, ARCS(OBJECTS, 1, 1, 0), false);
	put(bytes, 0x0102030405060708, 8);
	put_length(bytes, 0);
}

static void test_set_is_read(void **state)
{
	(void)state;
	for (int network = 0; network < 2; network++) {
		struct bytes pdu = { 0 };
		struct wire_set set;
		const struct set_varbind *varbinds;

		put_test(&pdu, network);
		assert_true(wire_set_read(pdu.data, pdu.n, &set));
		varbinds = set.request.varbinds;
		assert_int_equal(set.request.phase, SET_TEST);
		assert_int_equal(set.request.token.session, 0x11223344);
		assert_int_equal(set.request.token.transaction, 0x55667788);
		assert_int_equal(set.request.token.packet, 0x99aabbcc);
		assert_int_equal(set.request.n, 3);
		assert_int_equal(varbinds[0].n, 4);
		assert_int_equal(varbinds[0].suffix[3], 2);
		assert_int_equal(varbinds[0].wanted.asn, OCTETS);
		assert_int_equal(varbinds[0].wanted.length, 5);
		assert_string_equal(varbinds[0].wanted.text, "hello");
		assert_int_equal(varbinds[1].wanted.num, -5);
		assert_true(varbinds[2].wanted.num == 0x0102030405060708);
		wire_set_free(&set);
	}
}

/* Whatever is cut off or changed: read whole or left to the library, nothing else. */
static void test_set_damaged(void **state)
{
	struct bytes pdu = { 0 };
	struct wire_set set;
	unsigned read = 0;

	(void)state;
	put_test(&pdu, false);
	for (size_t n = WIRE_HEADER_BYTES; n < pdu.n; n++) {
		uint8_t *part = xcalloc(n, 1);

		memcpy(part, pdu.data, n);
		/* Cut between two variable bindings it is a sound request of fewer. */
		if (wire_set_read(part, n, &set)) {
			read++;
			wire_set_free(&set);
		}
		free(part);
	}
	assert_int_equal(read, 2);
	for (size_t i = WIRE_HEADER_BYTES; i < pdu.n; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			struct bytes changed = pdu;

			changed.data[i] ^= (uint8_t)(1 << bit);
			if (wire_set_read(changed.data, changed.n, &set))
				wire_set_free(&set);
		}
}

/* Always the same, of no pattern (xorshift). */
static uint32_t draw(uint32_t below)
{
	static uint32_t x = 2463534242;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x % below;
}

static unsigned check_pdu(const uint8_t *pdu, size_t n)
{
	struct wire_output output = { 0 };
	struct wire_set set;
	struct wire_ids ids;
	unsigned error;
	bool answered = wire_answer(NULL, pdu, n, &output), read = wire_set_read(pdu, n, &set);

	assert_int_equal(output.length > 0, answered);
	assert_false(answered && read);
	assert_false(wire_response_read(pdu, n, &ids, &error) && (answered || read));
	free(output.data);
	if (!read)
		return answered;
	assert_int_equal(set.request.phase == SET_TEST, set.request.n > 0);
	for (size_t i = 0; i < set.request.n; i++) {
		const struct set_varbind *varbind = &set.varbinds[i];

		assert_in_range(varbind->n, 0, OID_SUFFIX_MAX + 1);
		if (varbind->wanted.text) {
			assert_true(varbind->wanted.length < n);
			assert_int_equal(varbind->wanted.text[varbind->wanted.length], 0);
		}
	}
	wire_set_free(&set);
	return 1;
}

/* Sound requests with several bytes changed, cut off or drawn out: taken or left, within bounds. */
static void test_random(void **state)
{
	static const struct range ranges[] = {
		RANGE(ARC(4, 1, 2, 1), true, ARC(4, 1, 2, 3)),
		RANGE_OPEN(ARC(1, 1, 0), false),
	};
	struct bytes sound[6] = { { .n = 0 } };
	unsigned taken = 0;

	(void)state;
	put_test(&sound[0], false);
	put_test(&sound[1], true);
	put_request(&sound[2], GETNEXT, 0, ranges, 2);
	sound[3].network = true;
	put_request(&sound[3], GET, 0, ranges, 2);
	put_phase(&sound[4], COMMIT);
	put_header(&sound[5], RESPONSE, 0);
	put(&sound[5], 0, 8);
	put_length(&sound[5], 0);
	for (int i = 0; i < 60000; i++) {
		const struct bytes *base = &sound[draw(ARRAY_LEN(sound))];
		size_t n = draw(4) > 0 ? base->n : WIRE_HEADER_BYTES + draw(200);
		uint8_t *pdu = malloc(n); /* the sanitizer sees what is read behind it */

		for (size_t k = 0; k < n; k++)
			pdu[k] = k < base->n ? base->data[k] : (uint8_t)draw(256);
		for (uint32_t changes = draw(6); changes > 0; changes--) {
			static const uint8_t likely[] = { 0, 1, 4, 0x7f, 0x80, 0xff };
			uint32_t at = draw(8) > 0 ? 4 + draw((uint32_t)n - 4) : draw(4);

			pdu[at] = draw(2) ? likely[draw(ARRAY_LEN(likely))] : (uint8_t)draw(256);
		}
		taken += check_pdu(pdu, n);
		free(pdu);
	}
	print_message("%u taken\n", taken);
	assert_in_range(taken, 10000, 50000);
}

/* What a manager can put in one request, a thousand times: each is read. */
static void test_set_of_many(void **state)
{
	static struct bytes_of_many {
		uint8_t data[INPUT_MOST];
		size_t n;
	} many;
	struct bytes one = { .network = true };
	struct wire_set set;
	uint32_t length;

	(void)state;
	put_header(&one, TEST, 0);
	memcpy(many.data, one.data, many.n = one.n);
	one.n = 0;
	put_type(&one, INTEGER);
	put_oid(&one, ARCS(OBJECTS, 9, 1, 4, 1, 1, 0, 1), false);
	put(&one, 650, 4);
	while (many.n + one.n <= sizeof(many.data)) {
		memcpy(many.data + many.n, one.data, one.n);
		many.n += one.n;
	}
	length = htobe32((uint32_t)(many.n - WIRE_HEADER_BYTES));
	memcpy(many.data + 16, &length, sizeof(length));
	assert_true(wire_set_read(many.data, many.n, &set));
	print_message("%zu variable bindings\n", set.request.n);
	assert_int_equal(set.request.n, (many.n - WIRE_HEADER_BYTES) / one.n);
	assert_true(set.request.n > 1000);
	assert_int_equal(set.varbinds[set.request.n - 1].wanted.num, 650);
	wire_set_free(&set);
}

static void test_set_left_to_the_library(void **state)
{
	struct bytes pdu = { 0 }, foreign = { 0 }, nothing = { 0 };
	struct wire_set set;

	(void)state;
	put_test(&pdu, false);
	pdu.data[2] |= CONTEXT;
	assert_false(wire_set_read(pdu.data, pdu.n, &set));
	put_header(&foreign, TEST, 0);
	put_type(&foreign, INTEGER);
	put_oid(&foreign, ARCS(1, 3, 6, 1, 2, 1, 1), false);
	put(&foreign, 5, 4);
	put_length(&foreign, 0);
	assert_false(wire_set_read(foreign.data, foreign.n, &set));
	put_phase(&nothing, TEST);
	assert_false(wire_set_read(nothing.data, nothing.n, &set));
	nothing.data[1] = PING;
	assert_false(wire_set_read(nothing.data, nothing.n, &set));
}

static void test_set_answer(void **state)
{
	static const struct set_token token = { 0x11223344, 0x55667788, 0x99aabbcc, false };

	(void)state;
	for (int network = 0; network < 2; network++) {
		struct set_token to = token;
		struct bytes want = { .network = network };
		struct wire_output output = { 0 };

		to.big_endian = network;
		put_header(&want, RESPONSE, 0);
		put(&want, 0, 4);
		put(&want, 14, 2);
		put(&want, 3, 2);
		put_length(&want, 0);
		wire_set_answer(&to, 14, 3, &output);
		assert_int_equal(output.length, want.n);
		assert_memory_equal(output.data, want.data, want.n);
		free(output.data);
	}
}

/* While a SET is open, what comes behind it is answered; its own answer comes when it comes. */
static void test_stream_set(void **state)
{
	struct line *line = *state;
	struct bytes pdus = { 0 };

	sets.n = 0;
	stream_set_writer(line->stream, (struct write *)line);
	put_request(&pdus, GET, 0, one_range, 1);
	put_phase(&pdus, COMMIT);
	put_request(&pdus, GETNEXT, 0, one_range, 1);
	say(line, pdus.data, pdus.n);
	assert_true(stream_receive(line->stream, line->ours));
	assert_int_equal(sets.n, 1);
	assert_int_equal(sets.request.phase, SET_COMMIT);
	assert_int_equal(heard(line), 2);
	stream_answer_set(line->stream, line->ours, &sets.request.token, 0, 0);
	assert_int_equal(heard(line), 1);
	assert_false(stream_has_more(line->stream));
}

/* Behind a PDU for the library, which would refuse it, a phase of a SET is still ours. */
static void test_stream_set_behind_the_library(void **state)
{
	struct line *line = *state;
	struct bytes rest = { 0 }, pdus = { 0 };
	uint8_t taken[4096];

	sets.n = 0;
	stream_set_writer(line->stream, (struct write *)line);
	put_request(&rest, PING, 0, NULL, 0);
	put_phase(&pdus, COMMIT);
	say(line, rest.data, rest.n);
	say(line, pdus.data, pdus.n);
	stream_receive(line->stream, line->ours);
	assert_int_equal(sets.n, 1);
	assert_int_equal(sets.request.phase, SET_COMMIT);
	assert_true(stream_has_more(line->stream));
	assert_int_equal(stream_take(line->stream, taken, sizeof(taken)), rest.n);
	assert_memory_equal(taken, rest.data, rest.n);
	assert_false(stream_has_more(line->stream));
	/* What is answered at once goes out at once. */
	sets.n = 0;
	sets.answered = line->stream;
	sets.fd = line->ours;
	say(line, rest.data, rest.n);
	say(line, pdus.data, pdus.n);
	stream_receive(line->stream, line->ours);
	assert_int_equal(heard(line), 1);
	sets.answered = NULL;
}

#define STREAM_TEST(name) cmocka_unit_test_setup_teardown(name, line_open, line_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_get),
		cmocka_unit_test(test_getnext),
		cmocka_unit_test(test_long_form),
		cmocka_unit_test(test_left_to_the_library),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_length),
		STREAM_TEST(test_stream_in_pieces),
		STREAM_TEST(test_stream_order),
		STREAM_TEST(test_stream_end),
		STREAM_TEST(test_stream_refuses_the_endless),
		cmocka_unit_test(test_set_is_read),
		cmocka_unit_test(test_set_damaged),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_set_of_many),
		cmocka_unit_test(test_set_left_to_the_library),
		cmocka_unit_test(test_set_answer),
		STREAM_TEST(test_stream_set),
		STREAM_TEST(test_stream_set_behind_the_library),
	};

	return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
