/*
 * answer: see answer.h.
 *
 * The session callback is handed the AgentX PDU as parsed: the type of a
 * varbind says whether the search includes its start, its value is the end of
 * the search range (RFC 2741, 5.2). The varbinds of the request become those of
 * the response, in place.
 */
#include "config.h"

#include "answer.h"

#include "core/clock.h"
#include "core/util.h"
#include "snmp/table.h"

/* RFC 2741, 6.1; the library keeps its own names for these to itself. */
enum {
	AGENTX_GET = 5,
	AGENTX_GETNEXT = 6,
	AGENTX_RESPONSE = 18,
	AGENTX_NON_DEFAULT_CONTEXT = 0x08,
	AGENTX_NETWORK_BYTE_ORDER = 0x10,
};

static const oid objects[] = MX_OBJECTS;
#define OBJECTS_LENGTH ARRAY_LEN(objects)
#define NAME_MAX_ARCS  (OBJECTS_LENGTH + OID_SUFFIX_MAX)

static bool is_ours(const netsnmp_variable_list *variable)
{
	return variable->name_length >= OBJECTS_LENGTH &&
	       memcmp(variable->name, objects, sizeof(objects)) == 0;
}

/*
 * What follows mxObjects, nothing for an OID before it. Where an OID is longer
 * than any of ours it does not matter what it goes on with.
 */
static size_t suffix_of(const netsnmp_variable_list *variable, uint32_t *suffix)
{
	size_t n = is_ours(variable) ? variable->name_length - OBJECTS_LENGTH : 0;

	if (n > OID_SUFFIX_MAX + 1)
		n = OID_SUFFIX_MAX + 1;
	for (size_t i = 0; i < n; i++)
		suffix[i] = (uint32_t)variable->name[OBJECTS_LENGTH + i];
	return n;
}

static size_t name_of(const uint32_t *suffix, size_t n, oid *name)
{
	memcpy(name, objects, sizeof(objects));
	for (size_t i = 0; i < n; i++)
		name[OBJECTS_LENGTH + i] = suffix[i];
	return OBJECTS_LENGTH + n;
}

static int64_t clamp(int64_t value, int64_t min, int64_t max)
{
	return value < min ? min : value > max ? max : value;
}

/*
 * Width and sign of a value are decided here and nowhere else: a gauge stays at
 * its limits (RFC 2578, 7.1.7), a counter wraps.
 */
static void value_set(netsnmp_variable_list *variable, uint8_t type, const struct cell *cell)
{
	struct counter64 wide;
	long number;

	switch (type) {
	case ASN_OCTET_STR:
		snmp_set_var_typed_value(variable, type, cell->text, cell->length);
		return;
	case ASN_COUNTER64:
		wide.high = (uint64_t)cell->num >> 32;
		wide.low = (uint64_t)cell->num & UINT32_MAX;
		snmp_set_var_typed_value(variable, type, &wide, sizeof(wide));
		return;
	case ASN_INTEGER:
		number = clamp(cell->num, INT32_MIN, INT32_MAX);
		break;
	case ASN_GAUGE:
		number = clamp(cell->num, 0, UINT32_MAX);
		break;
	default: /* Counter32, TimeTicks */
		number = cell->num & UINT32_MAX;
		break;
	}
	snmp_set_var_typed_value(variable, type, &number, sizeof(number));
}

static void answer_get(struct view *view, netsnmp_variable_list *variable)
{
	uint32_t suffix[OID_SUFFIX_MAX + 1];
	size_t n = suffix_of(variable, suffix);
	const struct column *column;
	struct cell cell;
	bool known;

	column = table_get(view, suffix, n, &cell, &known);
	if (column)
		value_set(variable, column->asn, &cell);
	else
		snmp_set_var_typed_value(variable,
			known ? SNMP_NOSUCHINSTANCE : SNMP_NOSUCHOBJECT, NULL, 0);
}

/*
 * The next name and value into variable; false, and nothing changed, when there
 * is none before end (n_end 0: no bound). end may be the variable's own value.
 */
static bool answer_next(struct view *view, netsnmp_variable_list *variable, bool inclusive,
	const oid *end, size_t n_end)
{
	uint32_t suffix[OID_SUFFIX_MAX + 1];
	size_t n = suffix_of(variable, suffix);
	const struct column *column;
	oid name[NAME_MAX_ARCS];
	struct cell cell;

	column = table_next(view, suffix, n, inclusive, suffix, &n, &cell);
	if (column == NULL)
		return false;
	n = name_of(suffix, n, name);
	if (n_end > 0 && snmp_oid_compare(name, n, end, n_end) >= 0)
		return false;
	value_set(variable, column->asn, &cell);
	snmp_set_var_objid(variable, name, n);
	return true;
}

/* The end of the search range came as the varbind's value: the null OID 0.0 is none. */
static void answer_range(struct view *view, netsnmp_variable_list *variable)
{
	const oid *end = variable->val.objid;
	size_t n_end = variable->val_len / sizeof(*end);

	if (n_end == 2 && end[0] == 0 && end[1] == 0)
		n_end = 0;
	if (!answer_next(view, variable, variable->type == ASN_PRIV_INCL_RANGE, end, n_end))
		snmp_set_var_typed_value(variable, SNMP_ENDOFMIBVIEW, NULL, 0);
}

static bool is_for_us(const netsnmp_pdu *pdu)
{
	if ((pdu->command != AGENTX_GET && pdu->command != AGENTX_GETNEXT) ||
		(pdu->flags & AGENTX_NON_DEFAULT_CONTEXT) || pdu->variables == NULL)
		return false;
	for (const netsnmp_variable_list *v = pdu->variables; v; v = v->next_variable) {
		if (!is_ours(v))
			return false;
	}
	return true;
}

static void respond(netsnmp_session *session, netsnmp_pdu *pdu)
{
	netsnmp_pdu *response = snmp_pdu_create(AGENTX_RESPONSE);

	if (response == NULL)
		return;
	response->version = session->version;
	response->reqid = pdu->reqid;
	response->transid = pdu->transid;
	response->sessid = pdu->sessid;
	response->flags |= pdu->flags & AGENTX_NETWORK_BYTE_ORDER;
	response->errstat = 0;
	response->errindex = 0;
	response->variables = pdu->variables;
	pdu->variables = NULL;
	if (!snmp_send(session, response))
		snmp_free_pdu(response);
}

bool answer_pdu(struct view *view, netsnmp_session *session, netsnmp_pdu *pdu)
{
	if (!is_for_us(pdu))
		return false;
	view_begin(view, clock_mono_ms(), clock_wall_ms());
	for (netsnmp_variable_list *v = pdu->variables; v; v = v->next_variable) {
		if (pdu->command == AGENTX_GET)
			answer_get(view, v);
		else
			answer_range(view, v);
	}
	view_end(view);
	respond(session, pdu);
	return true;
}

static bool is_behind_us(const netsnmp_variable_list *variable)
{
	return snmp_oid_ncompare(variable->name, variable->name_length, objects, OBJECTS_LENGTH,
		       OBJECTS_LENGTH) > 0;
}

void answer_requests(struct view *view, netsnmp_request_info *requests, bool next)
{
	view_begin(view, clock_mono_ms(), clock_wall_ms());
	for (netsnmp_request_info *request = requests; request; request = request->next) {
		netsnmp_variable_list *variable = request->requestvb;

		if (request->processed)
			continue;
		if (!next)
			answer_get(view, variable);
		else if (!is_behind_us(variable))
			/* What stays unanswered here, the library takes as the end. */
			answer_next(view, variable, false, NULL, 0);
	}
	view_end(view);
}
