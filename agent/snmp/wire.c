/*
 * wire: see wire.h.
 *
 *	request   header | (start OID, end OID)...
 *	response  header | sysUpTime, error, index | (type, OID, value)...
 *	test      header | (type, OID, value)...; commit, undo, cleanup: header
 *	OID       n, prefix, include, 0 | n sub-identifiers; prefix p: 1.3.6.1.p comes first
 *
 * The response is written in the byte order of the request, so the name of a GET
 * is copied as it came. Lengths in a request are checked before they are used.
 */
#include "config.h"

#include "wire.h"

#include "core/clock.h"
#include "core/util.h"
#include "snmp/table.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/types.h>
#include <net-snmp/library/asn1.h>
#include <net-snmp/library/snmp.h>

enum {
	VERSION_1 = 1,
	PDU_GET = 5,
	PDU_GETNEXT = 6,
	PDU_TESTSET = 8,
	PDU_COMMITSET = 9,
	PDU_UNDOSET = 10,
	PDU_CLEANUPSET = 11,
	PDU_NOTIFY = 12,
	PDU_PING = 13,
	PDU_RESPONSE = 18,
	FLAG_NON_DEFAULT_CONTEXT = 0x08,
	FLAG_NETWORK_BYTE_ORDER = 0x10,
};

enum {
	AT_TYPE = 1,
	AT_FLAGS = 2,
	AT_SESSION = 4, /* session, transaction and packet number: 12 bytes */
	AT_PAYLOAD_LENGTH = 16,
};

#define OID_HEADER_BYTES 4
#define RESPONSE_BYTES	 8 /* of a response without variable bindings, after the header */
#define OID_ARCS_MAX	 128
#define LOOKS_MAX	 4 /* at the data, for one answer */
#define INTERNET_ARCS	 4 /* of 1.3.6.1 */
/* Type, name, and any value but the octets of a string. */
#define VARBIND_BYTES_MAX (4 + OID_HEADER_BYTES + OID_ARCS_MAX * 4 + 8)

static const uint32_t objects[] = { MX_OID_ARCS, 1 }; /* mxObjects */
#define OBJECTS_ARCS ARRAY_LEN(objects)

/* Sub-identifiers of a request's OID. */
struct name {
	uint32_t arcs[OID_ARCS_MAX];
	size_t n;
	bool include;
	const uint8_t *bytes; /* as it came */
	size_t n_bytes;
};

struct input {
	const uint8_t *at;
	size_t left;
	bool big_endian;
};

static uint32_t word_at(const uint8_t *at, bool big_endian)
{
	uint32_t word;

	memcpy(&word, at, sizeof(word));
	return big_endian ? be32toh(word) : le32toh(word);
}

static uint8_t *half_put(uint8_t *at, uint16_t half, bool big_endian)
{
	half = big_endian ? htobe16(half) : htole16(half);
	memcpy(at, &half, sizeof(half));
	return at + sizeof(half);
}

static uint8_t *word_put(uint8_t *at, uint32_t word, bool big_endian)
{
	word = big_endian ? htobe32(word) : htole32(word);
	memcpy(at, &word, sizeof(word));
	return at + sizeof(word);
}

size_t wire_pdu_length(const uint8_t *data, size_t n)
{
	if (n < WIRE_HEADER_BYTES)
		return 0;
	return (size_t)WIRE_HEADER_BYTES +
	       word_at(data + AT_PAYLOAD_LENGTH, data[AT_FLAGS] & FLAG_NETWORK_BYTE_ORDER);
}

/* ---- reading ------------------------------------------------------------------------------- */

static bool name_read(struct input *input, struct name *name)
{
	static const uint32_t internet[INTERNET_ARCS] = { 1, 3, 6, 1 };
	size_t n, first = 0;

	if (input->left < OID_HEADER_BYTES)
		return false;
	n = input->at[0];
	name->bytes = input->at;
	name->n_bytes = OID_HEADER_BYTES + n * 4;
	name->include = input->at[2] != 0;
	if (input->left < name->n_bytes)
		return false;
	if (input->at[1] != 0) {
		memcpy(name->arcs, internet, sizeof(internet));
		name->arcs[INTERNET_ARCS] = input->at[1];
		first = INTERNET_ARCS + 1;
	}
	name->n = first + n;
	if (name->n > OID_ARCS_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		name->arcs[first + i] =
			word_at(input->at + OID_HEADER_BYTES + i * 4, input->big_endian);
	input->at += name->n_bytes;
	input->left -= name->n_bytes;
	return true;
}

static bool name_is_ours(const struct name *name)
{
	return name->n >= OBJECTS_ARCS && memcmp(name->arcs, objects, sizeof(objects)) == 0;
}

/* Whether mxObjects.suffix comes before end; the null OID is no bound. */
static bool is_before(const uint32_t *suffix, size_t n, const struct name *end)
{
	size_t i = 0;

	if (end->n == 0)
		return true;
	for (; i < OBJECTS_ARCS + n && i < end->n; i++) {
		uint32_t arc = i < OBJECTS_ARCS ? objects[i] : suffix[i - OBJECTS_ARCS];

		if (arc != end->arcs[i])
			return arc < end->arcs[i];
	}
	return OBJECTS_ARCS + n < end->n;
}

/* ---- writing ------------------------------------------------------------------------------- */

static uint8_t *output_reserve(struct wire_output *output, size_t bytes)
{
	if (output->capacity - output->length < bytes) {
		output->capacity = 2 * output->capacity + bytes;
		output->data = xrealloc(output->data, output->capacity, 1);
	}
	return output->data + output->length;
}

static uint8_t *type_put(uint8_t *at, uint8_t type, bool big_endian)
{
	at[big_endian ? 1 : 0] = type;
	at[big_endian ? 0 : 1] = 0;
	at[2] = at[3] = 0;
	return at + 4;
}

/* The name of the request; its include bit is not for responses. */
static uint8_t *name_copy(uint8_t *at, const struct name *name)
{
	memcpy(at, name->bytes, name->n_bytes);
	at[2] = 0;
	return at + name->n_bytes;
}

/* An OID below 1.3.6.1, in two parts. */
static uint8_t *oid_put(uint8_t *at, const uint32_t *head, size_t n_head, const uint32_t *tail,
	size_t n_tail, bool big_endian)
{
	bool short_form = head[INTERNET_ARCS] <= UINT8_MAX;
	size_t first = short_form ? INTERNET_ARCS + 1 : 0;

	at[0] = (uint8_t)(n_head - first + n_tail);
	at[1] = short_form ? (uint8_t)head[INTERNET_ARCS] : 0;
	at[2] = at[3] = 0;
	at += OID_HEADER_BYTES;
	for (size_t i = first; i < n_head; i++)
		at = word_put(at, head[i], big_endian);
	for (size_t i = 0; i < n_tail; i++)
		at = word_put(at, tail[i], big_endian);
	return at;
}

static uint8_t *name_put(uint8_t *at, const uint32_t *suffix, size_t n, bool big_endian)
{
	return oid_put(at, objects, OBJECTS_ARCS, suffix, n, big_endian);
}

/* Getters see to it that a number fits its type. */
static uint8_t *value_put(uint8_t *at, uint8_t type, const struct cell *cell, bool big_endian)
{
	size_t padding;

	switch (type) {
	case ASN_OCTET_STR:
		at = word_put(at, (uint32_t)cell->length, big_endian);
		memcpy(at, cell->text, cell->length);
		padding = -cell->length & 3;
		memset(at + cell->length, 0, padding);
		return at + cell->length + padding;
	case ASN_COUNTER64:
		at = word_put(at, (uint32_t)(big_endian ? cell->num >> 32 : cell->num), big_endian);
		return word_put(
			at, (uint32_t)(big_endian ? cell->num : cell->num >> 32), big_endian);
	default:
		return word_put(at, (uint32_t)cell->num, big_endian);
	}
}

/* ---- answers ------------------------------------------------------------------------------- */

/* Where an OID is longer than any of ours it does not matter what it goes on with. */
static size_t suffix_length(const struct name *name)
{
	size_t n = name->n - OBJECTS_ARCS;

	return n > OID_SUFFIX_MAX + 1 ? OID_SUFFIX_MAX + 1 : n;
}

static void get_answer(
	struct view *view, const struct name *name, bool big_endian, struct wire_output *output)
{
	const struct column *column;
	struct cell cell;
	uint8_t *at;
	bool known;

	column = table_get(view, name->arcs + OBJECTS_ARCS, suffix_length(name), &cell, &known);
	at = output_reserve(output, VARBIND_BYTES_MAX + (column ? cell.length + 3 : 0));
	at = type_put(at,
		column	? column->asn
		: known ? SNMP_NOSUCHINSTANCE
			: SNMP_NOSUCHOBJECT,
		big_endian);
	at = name_copy(at, name);
	if (column)
		at = value_put(at, column->asn, &cell, big_endian);
	output->length = (size_t)(at - output->data);
}

static void next_answer(struct view *view, const struct name *name, const struct name *end,
	bool big_endian, struct wire_output *output)
{
	uint32_t suffix[OID_SUFFIX_MAX];
	const struct column *column;
	struct cell cell;
	uint8_t *at;
	size_t n = 0;

	column = table_next(view, name->arcs + OBJECTS_ARCS, suffix_length(name), name->include,
		suffix, &n, &cell);
	at = output_reserve(output, VARBIND_BYTES_MAX + (column ? cell.length + 3 : 0));
	if (column && is_before(suffix, n, end)) {
		at = type_put(at, column->asn, big_endian);
		at = name_put(at, suffix, n, big_endian);
		at = value_put(at, column->asn, &cell, big_endian);
	} else {
		at = type_put(at, SNMP_ENDOFMIBVIEW, big_endian);
		at = name_copy(at, name);
	}
	output->length = (size_t)(at - output->data);
}

/*
 * What many varbinds ask for is spread over many panels: waiting for the memory
 * of all of them at once takes less time than for one after the other.
 */
static void ranges_hint(const struct view *view, struct input input)
{
	struct name name, end;

	while (name_read(&input, &name) && name_read(&input, &end)) {
		if (name_is_ours(&name))
			table_hint(view, name.arcs + OBJECTS_ARCS, suffix_length(&name));
	}
}

static bool ranges_answer(
	struct view *view, struct input *input, bool next, struct wire_output *output)
{
	struct name name, end;

	if (input->left == 0)
		return false;
	ranges_hint(view, *input);
	while (input->left > 0) {
		if (!name_read(input, &name) || !name_read(input, &end) || !name_is_ours(&name))
			return false;
		if (next)
			next_answer(view, &name, &end, input->big_endian, output);
		else
			get_answer(view, &name, input->big_endian, output);
	}
	return true;
}

/*
 * Counts, rows and events of one answer belong together: what an alarm has come into
 * meanwhile is looked at again, but not for ever.
 */
static bool moment_answer(
	struct view *view, struct input input, bool next, struct wire_output *output)
{
	size_t begin = output->length;
	bool done = false, whole = false;

	for (int look = 0; look < LOOKS_MAX && !whole; look++) {
		struct input again = input;

		output->length = begin;
		view_begin(view, clock_mono_ms(), clock_wall_ms());
		done = ranges_answer(view, &again, next, output);
		whole = !done || view_is_of_one_moment(view);
		view_end(view);
	}
	return done;
}

static void response_begin(const uint8_t *pdu, struct wire_output *output)
{
	uint8_t *at = output_reserve(output, WIRE_HEADER_BYTES + RESPONSE_BYTES);

	memset(at, 0, WIRE_HEADER_BYTES + RESPONSE_BYTES);
	at[0] = VERSION_1;
	at[AT_TYPE] = PDU_RESPONSE;
	at[AT_FLAGS] = pdu[AT_FLAGS] & FLAG_NETWORK_BYTE_ORDER;
	memcpy(at + AT_SESSION, pdu + AT_SESSION, AT_PAYLOAD_LENGTH - AT_SESSION);
	output->length += WIRE_HEADER_BYTES + RESPONSE_BYTES;
}

bool wire_answer(struct view *view, const uint8_t *pdu, size_t length, struct wire_output *output)
{
	bool big_endian = pdu[AT_FLAGS] & FLAG_NETWORK_BYTE_ORDER;
	struct input input = { pdu + WIRE_HEADER_BYTES, length - WIRE_HEADER_BYTES, big_endian };
	size_t begin = output->length;
	bool done;

	if (pdu[0] != VERSION_1 || (pdu[AT_TYPE] != PDU_GET && pdu[AT_TYPE] != PDU_GETNEXT) ||
		(pdu[AT_FLAGS] & FLAG_NON_DEFAULT_CONTEXT))
		return false;
	response_begin(pdu, output);
	done = moment_answer(view, input, pdu[AT_TYPE] == PDU_GETNEXT, output);
	if (done)
		word_put(output->data + begin + AT_PAYLOAD_LENGTH,
			(uint32_t)(output->length - begin - WIRE_HEADER_BYTES), big_endian);
	else
		output->length = begin;
	return done;
}

/* ---- requests ------------------------------------------------------------------------------ */

static void header_put(struct wire_output *output, uint8_t type, const struct wire_ids *ids)
{
	uint8_t *at = output_reserve(output, WIRE_HEADER_BYTES);

	memset(at, 0, WIRE_HEADER_BYTES);
	at[0] = VERSION_1;
	at[AT_TYPE] = type;
	at[AT_FLAGS] = FLAG_NETWORK_BYTE_ORDER;
	at = word_put(at + AT_SESSION, ids->session, true);
	at = word_put(at, ids->transaction, true);
	word_put(at, ids->packet, true);
	output->length += WIRE_HEADER_BYTES;
}

void wire_ping(struct wire_output *output, const struct wire_ids *ids)
{
	header_put(output, PDU_PING, ids);
}

size_t wire_notify_begin(struct wire_output *output, const struct wire_ids *ids, uint32_t subid)
{
	static const uint32_t trap_oid[] = { 1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0 };
	static const uint32_t root[] = { MX_OID_ARCS };
	const uint32_t tail[] = { 0, subid }; /* mxNotifications */
	size_t begin = output->length;
	uint8_t *at;

	header_put(output, PDU_NOTIFY, ids);
	at = output_reserve(output, 2 * VARBIND_BYTES_MAX);
	at = type_put(at, ASN_OBJECT_ID, true);
	at = oid_put(at, trap_oid, ARRAY_LEN(trap_oid), NULL, 0, true);
	at = oid_put(at, root, ARRAY_LEN(root), tail, ARRAY_LEN(tail), true);
	output->length = (size_t)(at - output->data);
	return begin;
}

void wire_notify_add(struct wire_output *output, const uint32_t *suffix, size_t n,
	const struct column *column, const struct cell *cell)
{
	size_t text = column->asn == ASN_OCTET_STR ? cell->length + 3 : 0;
	uint8_t *at = output_reserve(output, VARBIND_BYTES_MAX + text);

	at = type_put(at, column->asn, true);
	at = name_put(at, suffix, n, true);
	at = value_put(at, column->asn, cell, true);
	output->length = (size_t)(at - output->data);
}

void wire_notify_end(struct wire_output *output, size_t begin)
{
	word_put(output->data + begin + AT_PAYLOAD_LENGTH,
		(uint32_t)(output->length - begin - WIRE_HEADER_BYTES), true);
}

bool wire_response_read(const uint8_t *pdu, size_t length, struct wire_ids *ids, unsigned *error)
{
	bool big_endian = pdu[AT_FLAGS] & FLAG_NETWORK_BYTE_ORDER;
	const uint8_t *payload = pdu + WIRE_HEADER_BYTES;

	if (pdu[0] != VERSION_1 || pdu[AT_TYPE] != PDU_RESPONSE || length < WIRE_HEADER_BYTES + 8)
		return false;
	ids->session = word_at(pdu + AT_SESSION, big_endian);
	ids->transaction = word_at(pdu + AT_SESSION + 4, big_endian);
	ids->packet = word_at(pdu + AT_SESSION + 8, big_endian);
	/* sysUpTime, then error and index, 16 bits each */
	*error = big_endian ? (unsigned)payload[4] << 8 | payload[5]
			    : (unsigned)payload[5] << 8 | payload[4];
	return true;
}

/* ---- SETs ---------------------------------------------------------------------------------- */

/* Texts of a PDU: each with a null byte behind it, which its length leaves room for. */
struct texts {
	char *data;
	size_t length;
};

static bool text_read(struct input *input, struct texts *texts, struct wanted *wanted)
{
	uint32_t length, padded;

	if (input->left < 4)
		return false;
	length = word_at(input->at, input->big_endian);
	padded = length + (-length & 3);
	if (padded < length || input->left - 4 < padded)
		return false;
	memcpy(texts->data + texts->length, input->at + 4, length);
	texts->data[texts->length + length] = '\0';
	wanted->text = texts->data + texts->length;
	wanted->length = length;
	texts->length += length + 1;
	input->at += 4 + padded;
	input->left -= 4 + padded;
	return true;
}

static bool number_read(struct input *input, size_t bytes, struct wanted *wanted)
{
	uint64_t first, second;

	if (input->left < bytes)
		return false;
	first = word_at(input->at, input->big_endian);
	second = bytes > 4 ? word_at(input->at + 4, input->big_endian) : 0;
	if (bytes == 4)
		wanted->num = wanted->asn == ASN_INTEGER ? (int32_t)first : (int64_t)first;
	else
		wanted->num = (int64_t)(input->big_endian ? first << 32 | second
							  : second << 32 | first);
	input->at += bytes;
	input->left -= bytes;
	return true;
}

static bool value_read(struct input *input, struct texts *texts, struct wanted *wanted)
{
	struct name name;

	switch (wanted->asn) {
	case ASN_INTEGER:
	case ASN_COUNTER:
	case ASN_GAUGE:
	case ASN_TIMETICKS:
		return number_read(input, 4, wanted);
	case ASN_COUNTER64:
		return number_read(input, 8, wanted);
	case ASN_OCTET_STR:
	case ASN_IPADDRESS:
	case ASN_OPAQUE:
		return text_read(input, texts, wanted);
	case ASN_OBJECT_ID:
		return name_read(input, &name);
	default:
		return wanted->asn == ASN_NULL;
	}
}

static bool varbind_read(struct input *input, struct texts *texts, struct set_varbind *varbind)
{
	struct name name;

	if (input->left < 4)
		return false;
	varbind->wanted.asn = input->at[input->big_endian ? 1 : 0];
	input->at += 4;
	input->left -= 4;
	if (!name_read(input, &name) || !name_is_ours(&name) ||
		!value_read(input, texts, &varbind->wanted))
		return false;
	varbind->n = suffix_length(&name);
	memcpy(varbind->suffix, name.arcs + OBJECTS_ARCS, varbind->n * sizeof(*varbind->suffix));
	return true;
}

/* No variable binding is shorter than type, name of an OID and nothing. */
#define VARBIND_BYTES_MIN (4 + OID_HEADER_BYTES)

static bool varbinds_read(struct input *input, struct wire_set *set)
{
	struct texts texts = { .data = xcalloc(input->left + 1, 1) };
	size_t n = 0;

	set->texts = texts.data;
	set->varbinds = xcalloc(input->left / VARBIND_BYTES_MIN + 1, sizeof(*set->varbinds));
	while (input->left > 0)
		if (!varbind_read(input, &texts, &set->varbinds[n++]))
			return false;
	set->request.varbinds = set->varbinds;
	set->request.n = n;
	return n > 0;
}

bool wire_set_read(const uint8_t *pdu, size_t length, struct wire_set *set)
{
	static const int phases[] = {
		[SET_TEST] = PDU_TESTSET,
		[SET_COMMIT] = PDU_COMMITSET,
		[SET_UNDO] = PDU_UNDOSET,
		[SET_CLEANUP] = PDU_CLEANUPSET,
	};
	bool big_endian = pdu[AT_FLAGS] & FLAG_NETWORK_BYTE_ORDER;
	struct input input = { pdu + WIRE_HEADER_BYTES, length - WIRE_HEADER_BYTES, big_endian };
	size_t phase = 0;

	while (phase < ARRAY_LEN(phases) && phases[phase] != pdu[AT_TYPE])
		phase++;
	if (phase == ARRAY_LEN(phases) || pdu[0] != VERSION_1 ||
		(pdu[AT_FLAGS] & FLAG_NON_DEFAULT_CONTEXT))
		return false;
	*set = (struct wire_set){
		.request = { .phase = (enum set_phase)phase,
			.token = { .session = word_at(pdu + AT_SESSION, big_endian),
				.transaction = word_at(pdu + AT_SESSION + 4, big_endian),
				.packet = word_at(pdu + AT_SESSION + 8, big_endian),
				.big_endian = big_endian } },
	};
	if (phase != SET_TEST || varbinds_read(&input, set))
		return true;
	wire_set_free(set);
	return false;
}

void wire_set_free(struct wire_set *set)
{
	free(set->varbinds);
	free(set->texts);
}

void wire_set_answer(
	const struct set_token *token, int error, unsigned index, struct wire_output *output)
{
	bool big_endian = token->big_endian;
	uint8_t *at = output_reserve(output, WIRE_HEADER_BYTES + RESPONSE_BYTES);
	const uint8_t header[4] = { VERSION_1, PDU_RESPONSE,
		big_endian ? FLAG_NETWORK_BYTE_ORDER : 0, 0 };

	memcpy(at, header, sizeof(header));
	at = word_put(at + sizeof(header), token->session, big_endian);
	at = word_put(at, token->transaction, big_endian);
	at = word_put(at, token->packet, big_endian);
	at = word_put(at, RESPONSE_BYTES, big_endian);
	at = word_put(at, 0, big_endian); /* sysUpTime is the master's */
	at = half_put(at, (uint16_t)error, big_endian);
	half_put(at, (uint16_t)index, big_endian);
	output->length += WIRE_HEADER_BYTES + RESPONSE_BYTES;
}
