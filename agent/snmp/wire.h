/*
 * wire: AgentX requests for our tables as bytes (RFC 2741).
 *
 * The hot path of the SNMP thread, without Net-SNMP: what a manager asks of our
 * tables goes from the octets of the master's request to those of the response
 * in one pass. Looks at nothing but the view. The phases of a SET are only read
 * here, and answered later (write.h). Everything else of the protocol is the
 * library's.
 *
 * Why SETs are not the library's too: it remembers them by the address of the
 * session, which is read after the session was lost and freed; it takes no other
 * request while one waits; and a commit that the master repeats fails there.
 */
#ifndef METERX_SNMP_WIRE_H
#define METERX_SNMP_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snmp/view.h"
#include "snmp/write.h"

#define WIRE_HEADER_BYTES 20

/* RFC 2741, 7.1: errors of a response. */
#define WIRE_NOT_OPEN 257

struct cell;
struct column;

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

/* ---- what we ask of the master ---- */

struct wire_ids {
	uint32_t session, transaction, packet; /* the answer repeats them */
};

void wire_ping(struct wire_output *output, const struct wire_ids *ids);

/*
 * A Notify of mxNotifications.subid: begin (returns where in output), add cells
 * of tables below mxObjects, end. sysUpTime.0 is left to the master.
 */
size_t wire_notify_begin(
	struct wire_output *output, const struct wire_ids *ids, uint32_t subid);
void wire_notify_add(struct wire_output *output, const uint32_t *suffix, size_t n,
	const struct column *column, const struct cell *cell);
void wire_notify_end(struct wire_output *output, size_t begin);

/* The master's answer; false: this PDU is none. */
bool wire_response_read(
	const uint8_t *pdu, size_t length, struct wire_ids *ids, unsigned *error);

/* ---- what the master asks of us in phases ---- */

/* A phase of a SET; wire_set_free() frees what belongs to it. */
struct wire_set {
	struct set_request request;
	struct set_varbind *varbinds;
	char *texts; /* of the values */
};
/* False, and nothing to free, when it is no PDU of a SET of ours (as above). */
bool wire_set_read(const uint8_t *pdu, size_t length, struct wire_set *set);
void wire_set_free(struct wire_set *set);
/* Append the response to a phase of a SET. */
void wire_set_answer(
	const struct set_token *token, int error, unsigned index, struct wire_output *output);

#endif
