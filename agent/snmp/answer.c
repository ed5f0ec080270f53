/* answer: see answer.h. */
#include "config.h"

#include "answer.h"

#include "core/clock.h"
#include "core/util.h"
#include "snmp/table.h"

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

/* Getters see to it that a number fits its type. */
static void value_set(netsnmp_variable_list *variable, uint8_t type, const struct cell *cell)
{
	struct counter64 wide = {
		.high = (uint64_t)cell->num >> 32,
		.low = (uint64_t)cell->num & UINT32_MAX,
	};
	long number = type == ASN_INTEGER ? (int32_t)cell->num : (long)(uint32_t)cell->num;

	switch (type) {
	case ASN_OCTET_STR:
		snmp_set_var_typed_value(variable, type, cell->text, cell->length);
		break;
	case ASN_COUNTER64:
		snmp_set_var_typed_value(variable, type, &wide, sizeof(wide));
		break;
	default:
		snmp_set_var_typed_value(variable, type, &number, sizeof(number));
		break;
	}
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
		snmp_set_var_typed_value(
			variable, known ? SNMP_NOSUCHINSTANCE : SNMP_NOSUCHOBJECT, NULL, 0);
}

/* The next name and value into variable; nothing at the end. */
static void answer_next(struct view *view, netsnmp_variable_list *variable)
{
	uint32_t suffix[OID_SUFFIX_MAX + 1];
	size_t n = suffix_of(variable, suffix);
	const struct column *column;
	oid name[NAME_MAX_ARCS];
	struct cell cell;

	column = table_next(view, suffix, n, false, suffix, &n, &cell);
	if (column == NULL)
		return;
	value_set(variable, column->asn, &cell);
	snmp_set_var_objid(variable, name, name_of(suffix, n, name));
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
			answer_next(view, variable);
	}
	view_end(view);
}
