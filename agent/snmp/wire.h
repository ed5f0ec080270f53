/*
 * wire: AgentX Get and GetNext requests answered as bytes (RFC 2741).
 *
 * The hot path of the SNMP thread, without Net-SNMP: what a manager asks of our
 * tables goes from the octets of the master's request to those of the response
 * in one pass. Looks at nothing but the view. Everything else of the protocol
 * is the library's.
 */
#ifndef METERX_SNMP_WIRE_H
#define METERX_SNMP_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snmp/view.h"

#define WIRE_HEADER_BYTES 20

/* Grows; free data with free(). */
struct wire_output {
	uint8_t *data;
	size_t length, capacity;
};

/* Length of the PDU that begins at data, header included; 0 while its header is not whole. */
size_t wire_pdu_length(const uint8_t *data, size_t n);

/*
 * Answer the PDU of that length: append the response to output. False, and
 * nothing appended, when it is for the library: another command, a context, an
 * OID that is not below mxObjects, or bytes that are no sound request.
 */
bool wire_answer(struct view *view, const uint8_t *pdu, size_t length, struct wire_output *output);

#endif
