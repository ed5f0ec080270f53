/*
 * fuzz wire: anything a master agent could send, in any pieces: bytes, and
 * requests that are nearly right, for two panels of values; SETs in phases in any
 * order, whose jobs end in any way. Every answer is a sound PDU; what GETNEXT
 * names comes after what was asked, before the end of the range, and GET has it.
 */
#include "config.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "alarm/journal.h"
#include "core/clock.h"
#include "core/loop.h"
#include "core/text.h"
#include "core/util.h"
#include "fixture_profile.h"
#include "fuzz.h"
#include "modbus/job.h"
#include "snmp/stream.h"
#include "snmp/table.h"
#include "snmp/wire.h"
#include "snmp/write.h"

#define NOW_MS	   100000
#define WALL_MS	   1700000000000
#define STREAM_MAX 6000
#define ARCS_MAX   160

enum { GET = 5, GETNEXT = 6, TEST = 8, COMMIT = 9, UNDO = 10, CLEANUP = 11, RESPONSE = 18 };
enum { INTEGER = 2, OCTETS = 4, NOTHING = 5, OBJECT = 6, ADDRESS = 64, COUNTER, GAUGE, TICKS, OPAQUE,
	COUNTER64 = 70, NO_OBJECT = 128, NO_INSTANCE = 129, END_OF_VIEW = 130 };
enum { CONTEXT = 0x08, NETWORK = 0x10, HEADER = 20 };

static struct {
	struct store *store;
	struct journal *journal;
	struct site *site;
	struct view *view;
	struct loop *loop;
	int wake_fd;
	int fds[2]; /* ours, the master's */
} agent;

struct bytes {
	uint8_t data[STREAM_MAX + 2000];
	size_t n;
};

/* ---- the agent ----------------------------------------------------------------------------- */

static void fill_panel(const struct panel *panel, int64_t seed)
{
	struct snapshot *snapshot = store_begin(panel->slot);

	for (int scope = 0; scope < SCOPE_COUNT; scope++)
		for (int quantity = 0; quantity < QUANTITY_COUNT; quantity++) {
			const struct layout_slot *slot = &panel->layout->slots[scope][quantity];

			for (unsigned channel = 1; slot->offset >= 0 && channel <= slot->count; channel++)
				if ((seed += quantity) % 7 != 0)
					snapshot_set(snapshot, (enum scope)scope,
						(enum quantity)quantity, channel, seed * 3 % 5000);
		}
	for (int class = 0; class < POLL_CLASSES; class++)
		snapshot->class_ms[class] = NOW_MS;
	snapshot->comm = COMM_ONLINE;
	snapshot->contact_ms = NOW_MS;
	snapshot->contact_wall_ms = WALL_MS;
	snapshot->fresh_until_ms = INT64_MAX;
	store_publish(panel->slot, snapshot);
}

static void start_agent(void)
{
	struct profile *profile = fixture_profile();
	struct config *config = fixture_config(profile, 2);

	for (unsigned i = 0; i < profile->n_points; i++)
		if (quantity_info(profile->points[i].quantity)->kind == KIND_SETTING)
			profile->points[i].access = ACCESS_READ_WRITE;
	for (size_t i = 0; i < config->n_panels; i++)
		config->panels[i].writes = WRITES_THRESHOLDS | WRITES_LATCHES | WRITES_LABELS |
					   WRITES_RESETS | WRITES_LAYOUT;
	config->panels[1].writes_async = true;
	agent.store = store_new();
	agent.journal = journal_open(NULL, 100);
	journal_stop(agent.journal); /* only to be read: all runs shall see the same */
	agent.site = site_build(&(struct site_base){ .store = agent.store,
					.journal = agent.journal,
					.start_wall_ms = WALL_MS },
		config, NULL);
	conf_unref(config);
	profile_unref(profile);
	for (size_t i = 0; i < agent.site->n_panels; i++)
		fill_panel(&agent.site->panels[i], (int64_t)i + 1);
	agent.view = view_new();
	view_set_site(agent.view, site_ref(agent.site));
	agent.loop = loop_new();
	agent.wake_fd = eventfd(0, EFD_NONBLOCK);
	if (agent.loop == NULL || agent.wake_fd < 0)
		exit(2);
	link_slot_set(agent.site->links[0].slot, &(struct link_status){ .state = LINK_UP });
	job_queue_attach(agent.site->links[0].jobs, agent.wake_fd);
}

void __wrap_journal_add(struct journal_batch *batch, const struct event *draft);
void __wrap_journal_end(struct journal_batch *batch);

void __wrap_journal_add(struct journal_batch *batch, const struct event *draft)
{
	REQUIRE(batch->journal == agent.journal);
	REQUIRE(text_fault(draft->text) == NULL && strlen(draft->text) <= EVENT_TEXT_MAX);
}

void __wrap_journal_end(struct journal_batch *batch)
{
	REQUIRE(!batch->locked);
}

/* Names are stored at once, or never. */
static bool names_fail;

void __wrap_journal_set_names(struct journal *journal, const struct name_change *changes, size_t n,
	void (*done)(void *arg, int rc, uint64_t revision), void *arg);

void __wrap_journal_set_names(struct journal *journal, const struct name_change *changes, size_t n,
	void (*done)(void *arg, int rc, uint64_t revision), void *arg)
{
	(void)journal;
	for (size_t i = 0; i < n; i++)
		REQUIRE(changes[i].text == NULL || names_check(changes[i].kind, changes[i].text,
							    strlen(changes[i].text)) == NULL);
	done(arg, names_fail ? -28 : 0, names_revision(agent.site->names));
}

/* What a link does with its jobs. */
static void end_jobs(struct choices *choices)
{
	struct job *job;

	while ((job = job_queue_get(agent.site->links[0].jobs)) != NULL) {
		uint8_t how = choose_8(choices);

		for (size_t i = 0; i < job->n_ops; i++) {
			const struct job_op *op = &job->ops[i];

			REQUIRE(op->kind <= JOB_POLL_NOW && op->scope < SCOPE_COUNT);
			REQUIRE(memchr(op->object, '\0', sizeof(op->object)) != NULL);
			job->ops[i].has_before = job->ops[i].touched = (how & 4) != 0;
		}
		job->end = !job_take(job) ? JOB_WITHDRAWN : how & 1 ? JOB_FAILED : JOB_DONE;
		job->failed_op = job->n_ops - 1;
		text_copy(job->reason, sizeof(job->reason), job->end == JOB_DONE ? "" : "no answer");
		job->done(job, job->arg);
		job_unref(job);
	}
}

/* ---- what the master sends ----------------------------------------------------------------- */

static void put(struct bytes *bytes, const void *data, size_t n)
{
	if (n > sizeof(bytes->data) - bytes->n)
		n = sizeof(bytes->data) - bytes->n;
	if (n > 0)
		memcpy(bytes->data + bytes->n, data, n);
	bytes->n += n;
}

static void put_32(struct bytes *bytes, uint32_t word, bool big_endian)
{
	word = big_endian ? htobe32(word) : htole32(word);
	put(bytes, &word, sizeof(word));
}

static void put_type(struct bytes *bytes, uint8_t type, bool big_endian)
{
	const uint8_t big[4] = { 0, type, 0, 0 }, little[4] = { type, 0, 0, 0 };

	put(bytes, big_endian ? big : little, 4);
}

/* Below mxObjects: a table, a column, some index. */
static void put_name(struct choices *choices, struct bytes *bytes, bool big_endian)
{
	static const uint32_t objects[] = { MX_OID_ARCS, 1 };
	uint8_t how = choose_8(choices);
	bool short_form = how & 1, include = how & 2;
	size_t skipped = short_form ? 5 : 0, most = 7 + (how >> 6 == 3 ? ARCS_MAX : 0);
	uint32_t arcs[ARRAY_LEN(objects) + 7 + ARCS_MAX] = { 0 };
	size_t n = ARRAY_LEN(objects), own = how >> 3 & 7;
	uint8_t head[4];

	memcpy(arcs, objects, sizeof(objects));
	if (own == 7)
		own = most;
	for (size_t i = 0; i < own; i++)
		arcs[n++] = i == 0	 ? mx_tables[choose_below(choices, (uint32_t)mx_n_tables)]->subid
			    : i == 1	 ? 1
			    : how & 4 ? choose_8(choices)
				      : choose_8(choices) % 8u;
	if (how == 0)
		n = skipped = 0;
	head[0] = (uint8_t)(n - skipped);
	head[1] = skipped ? (uint8_t)objects[4] : 0;
	head[2] = include;
	head[3] = 0;
	put(bytes, head, sizeof(head));
	for (size_t i = skipped; i < n; i++)
		put_32(bytes, arcs[i], big_endian);
}

static void put_value(struct choices *choices, struct bytes *bytes, uint8_t type, bool big_endian)
{
	const uint8_t *text;
	size_t n;

	if (type == OCTETS || type == OPAQUE || type == ADDRESS) {
		text = choose_bytes(choices, choose_8(choices), &n);
		put_32(bytes, (uint32_t)n, big_endian);
		put(bytes, text, n);
		put(bytes, "\0\0\0", -n & 3);
	} else if (type == COUNTER64) {
		put_32(bytes, choose_32(choices), big_endian);
		put_32(bytes, choose_32(choices), big_endian);
	} else if (type == OBJECT) {
		put_name(choices, bytes, big_endian);
	} else if (type != NOTHING) {
		put_32(bytes, choose_8(choices) & 1 ? choose_32(choices) : choose_8(choices),
			big_endian);
	}
}

static void put_request(struct choices *choices, struct bytes *bytes, uint8_t type)
{
	static const uint8_t types[] = { INTEGER, GAUGE, OCTETS, COUNTER64, OBJECT, NOTHING, ADDRESS,
		COUNTER, TICKS, OPAQUE };
	uint8_t how = choose_8(choices), header[4] = { 1, type, how & NETWORK, 0 };
	bool big_endian = how & NETWORK;
	size_t begin = bytes->n, length;
	unsigned n = type == GET || type == GETNEXT || type == TEST ? how & 7 : 0;

	if ((how & 0xe0) == 0xe0)
		header[2] |= CONTEXT;
	put(bytes, header, sizeof(header));
	put_32(bytes, 1, big_endian);
	put_32(bytes, type == RESPONSE && how & 1 ? STREAM_TRANSACTION : how >> 5 & 1, big_endian);
	put_32(bytes, choose_8(choices), big_endian);
	put_32(bytes, 0, big_endian);
	for (; n > 0; n--) {
		uint8_t value = types[choose_below(choices, ARRAY_LEN(types))];

		if (type == TEST)
			put_type(bytes, value, big_endian);
		put_name(choices, bytes, big_endian);
		if (type == TEST)
			put_value(choices, bytes, value, big_endian);
		else
			put_name(choices, bytes, big_endian);
	}
	if (type == RESPONSE)
		put(bytes, "\0\0\0\0\0\0\0\0", 8);
	length = bytes->n - begin - HEADER;
	bytes->n = begin + 16;
	put_32(bytes, (uint32_t)length, big_endian);
	bytes->n += length;
}

static void change_byte(struct choices *choices, struct bytes *bytes)
{
	size_t at = bytes->n > 0 ? choose_16(choices) % bytes->n : 0;

	if (bytes->n > 0)
		bytes->data[at] = choose_8(choices);
}

static void put_something(struct choices *choices, struct bytes *bytes)
{
	static const uint8_t requests[] = { GET, GETNEXT, TEST, COMMIT, UNDO, CLEANUP, RESPONSE, GETNEXT,
		TEST, COMMIT, CLEANUP };
	uint32_t what = choose_below(choices, ARRAY_LEN(requests) + 2);
	const uint8_t *some;
	size_t n;

	if (what < ARRAY_LEN(requests)) {
		put_request(choices, bytes, requests[what]);
	} else if (what == ARRAY_LEN(requests)) {
		change_byte(choices, bytes);
	} else {
		some = choose_bytes(choices, choose_8(choices), &n);
		put(bytes, some, n);
	}
}

/* ---- what must hold of answers ------------------------------------------------------------- */

struct parse {
	const uint8_t *at;
	size_t left;
	bool big_endian;
};

static uint32_t take_32(struct parse *parse)
{
	uint32_t word;

	REQUIRE(parse->left >= 4);
	memcpy(&word, parse->at, 4);
	parse->at += 4;
	parse->left -= 4;
	return parse->big_endian ? be32toh(word) : le32toh(word);
}

struct oid {
	uint32_t arcs[300];
	size_t n;
	bool include;
};

static void take_oid(struct parse *parse, struct oid *oid)
{
	static const uint32_t internet[] = { 1, 3, 6, 1 };
	uint8_t n, prefix;

	REQUIRE(parse->left >= 4);
	n = parse->at[0];
	prefix = parse->at[1];
	oid->include = parse->at[2] != 0;
	parse->at += 4;
	parse->left -= 4;
	oid->n = 0;
	if (prefix != 0) {
		memcpy(oid->arcs, internet, sizeof(internet));
		oid->arcs[4] = prefix;
		oid->n = 5;
	}
	for (; n > 0; n--)
		oid->arcs[oid->n++] = take_32(parse);
}

static int compare(const struct oid *a, const struct oid *b)
{
	for (size_t i = 0; i < a->n && i < b->n; i++)
		if (a->arcs[i] != b->arcs[i])
			return a->arcs[i] < b->arcs[i] ? -1 : 1;
	return (a->n > b->n) - (a->n < b->n);
}

static uint8_t take_type(struct parse *parse)
{
	uint8_t type;

	REQUIRE(parse->left >= 4);
	type = parse->at[parse->big_endian ? 1 : 0];
	REQUIRE(parse->at[parse->big_endian ? 0 : 1] == 0 && parse->at[2] == 0 && parse->at[3] == 0);
	parse->at += 4;
	parse->left -= 4;
	return type;
}

static void skip_value(struct parse *parse, uint8_t type)
{
	uint32_t n = 0;

	switch (type) {
	case NO_OBJECT:
	case NO_INSTANCE:
	case END_OF_VIEW:
		return;
	case OCTETS:
		n = take_32(parse);
		REQUIRE(n <= 255);
		n = (n + 3) & ~3u;
		break;
	case COUNTER64:
		n = 8;
		break;
	case INTEGER:
	case GAUGE:
	case COUNTER:
	case TICKS:
		n = 4;
		break;
	default:
		REQUIRE(!"a type that has no column");
	}
	REQUIRE(parse->left >= n);
	parse->at += n;
	parse->left -= n;
}

static struct parse answer_begin(const uint8_t *pdu, size_t length)
{
	struct parse parse = { pdu + 16, length - 16, (pdu[2] & NETWORK) != 0 };

	REQUIRE(length >= HEADER + 8 && pdu[0] == 1 && pdu[1] == RESPONSE);
	REQUIRE(take_32(&parse) == length - HEADER);
	parse.at += 8;
	parse.left -= 8;
	return parse;
}

/* What GETNEXT has found, GET finds too, with the same value. */
static void check_get(const struct oid *name, uint8_t type, const uint8_t *value, size_t n)
{
	struct bytes get = { .n = 0 };
	const uint8_t header[4] = { 1, GET, NETWORK, 0 };
	const uint8_t head[4] = { (uint8_t)name->n, 0, 0, 0 };
	struct wire_output output = { 0 };
	struct parse parse;
	struct oid same;

	put(&get, header, sizeof(header));
	for (int i = 0; i < 3; i++)
		put_32(&get, 1, true);
	put_32(&get, (uint32_t)(8 + 4 * name->n), true);
	put(&get, head, sizeof(head));
	for (size_t i = 0; i < name->n; i++)
		put_32(&get, name->arcs[i], true);
	put(&get, "\0\0\0\0", 4);
	REQUIRE(wire_answer(agent.view, get.data, get.n, &output));
	parse = answer_begin(output.data, output.length);
	REQUIRE(take_type(&parse) == type);
	take_oid(&parse, &same);
	REQUIRE(compare(&same, name) == 0 && parse.left == n && memcmp(parse.at, value, n) == 0);
	free(output.data);
}

/* The answer to a GET or GETNEXT, one variable binding for each range. */
static void check_answer(const uint8_t *pdu, size_t length, const struct wire_output *output)
{
	bool next = pdu[1] == GETNEXT;
	struct parse asked = { pdu + HEADER, length - HEADER, (pdu[2] & NETWORK) != 0 };
	struct parse answer = answer_begin(output->data, output->length);
	struct oid from, end, name;

	REQUIRE(answer.big_endian == asked.big_endian);
	REQUIRE(memcmp(pdu + 4, output->data + 4, 12) == 0);
	while (asked.left > 0) {
		uint8_t type = take_type(&answer);
		const uint8_t *value;
		int order;

		take_oid(&answer, &name);
		REQUIRE(!name.include);
		value = answer.at;
		skip_value(&answer, type);
		take_oid(&asked, &from);
		take_oid(&asked, &end);
		order = compare(&name, &from);
		if (!next || type == END_OF_VIEW) {
			REQUIRE(order == 0 && (next || type != END_OF_VIEW));
			continue;
		}
		REQUIRE(type != NO_OBJECT && type != NO_INSTANCE);
		REQUIRE(order > 0 || (order == 0 && from.include));
		REQUIRE(end.n == 0 || compare(&name, &end) < 0);
		if (asked.big_endian)
			check_get(&name, type, value, (size_t)(answer.at - value));
	}
	REQUIRE(answer.left == 0);
}

/* Whole PDUs by themselves. */
static void check_requests(const struct bytes *bytes)
{
	size_t length;

	for (size_t at = 0; at < bytes->n; at += length) {
		struct wire_output output = { 0 };
		uint8_t *pdu;

		length = wire_pdu_length(bytes->data + at, bytes->n - at);
		if (length == 0 || length > bytes->n - at)
			return;
		pdu = xcalloc(length, 1); /* of that size: a look too far is seen */
		memcpy(pdu, bytes->data + at, length);
		if (wire_answer(agent.view, pdu, length, &output))
			check_answer(pdu, length, &output);
		else
			REQUIRE(output.length == 0);
		free(output.data);
		free(pdu);
	}
}

/* ---- the connection ------------------------------------------------------------------------ */

struct session {
	struct stream *stream;
	struct write *write;
	struct bytes answers;
};

static void answer_set(void *arg, const struct set_token *token, int error, unsigned index)
{
	const struct session *session = arg;

	REQUIRE(error >= 0 && error <= 18 && index <= 7);
	stream_answer_set(session->stream, agent.fds[0], token, error, index);
}

static void on_response(void *arg, uint32_t packet, unsigned error)
{
	(void)arg;
	(void)packet;
	REQUIRE(error <= UINT16_MAX);
}

static void take_answers(struct session *session)
{
	struct bytes *answers = &session->answers;
	size_t at = 0, length;
	ssize_t n;

	do {
		n = recv(agent.fds[1], answers->data + answers->n, sizeof(answers->data) - answers->n,
			MSG_DONTWAIT);
		answers->n += n > 0 ? (size_t)n : 0;
		for (at = 0; at < answers->n; at += length) {
			length = wire_pdu_length(answers->data + at, answers->n - at);
			if (length == 0 || length > answers->n - at)
				break;
			answer_begin(answers->data + at, length);
		}
		/* One that is longer than that is only looked at as bytes. */
		if (at == 0 && answers->n == sizeof(answers->data))
			at = answers->n;
		memmove(answers->data, answers->data + at, answers->n - at);
		answers->n -= at;
	} while (n > 0);
}

static void send_in_pieces(struct choices *choices, const struct bytes *bytes)
{
	struct session session = { .stream = stream_new(agent.view) };
	uint8_t library[65536];

	session.write = write_new(agent.view, agent.loop, answer_set, &session);
	stream_set_writer(session.stream, session.write);
	stream_on_response(session.stream, on_response, NULL);
	for (size_t at = 0, n; at < bytes->n && !stream_ended(session.stream); at += n) {
		n = choose_8(choices) * 16 + 1u;
		if (n > bytes->n - at)
			n = bytes->n - at;
		if (send(agent.fds[1], bytes->data + at, n, MSG_NOSIGNAL) != (ssize_t)n)
			exit(2);
		stream_receive(session.stream, agent.fds[0]);
		if (stream_has_more(session.stream))
			REQUIRE(stream_take(session.stream, library, sizeof(library)) <= at + n);
		if (choose_8(choices) & 1)
			end_jobs(choices);
		write_collect(session.write);
		take_answers(&session);
	}
	if (choose_8(choices) & 1)
		write_hang_up(session.write);
	write_free(session.write);
	end_jobs(choices);
	stream_free(session.stream);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct choices choices = { data, size };
	static struct bytes bytes;

	clock_set(NOW_MS, WALL_MS);
	if (agent.store == NULL)
		start_agent();
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, agent.fds) < 0)
		exit(2);
	names_fail = choose_8(&choices) & 1;
	bytes.n = 0;
	while (choices.left > 0 && bytes.n < STREAM_MAX)
		put_something(&choices, &bytes);
	check_requests(&bytes);
	/* How it goes on is chosen by the same bytes once more. */
	choices = (struct choices){ data, size };
	send_in_pieces(&choices, &bytes);
	close(agent.fds[0]);
	close(agent.fds[1]);
	return 0;
}
