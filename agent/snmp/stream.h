/*
 * stream: what comes from the master, cut into PDUs: answered here, or kept
 * for the library.
 *
 * The order of PDUs is kept: once one is for the library, so are those that
 * have come behind it. SNMP thread only.
 */
#ifndef METERX_SNMP_STREAM_H
#define METERX_SNMP_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snmp/view.h"
#include "snmp/wire.h"
#include "snmp/write.h"

struct stream;

struct stream *stream_new(struct view *view);
/* Who takes the phases of SETs; without one they are for the library. */
void stream_set_writer(struct stream *stream, struct write *write);
void stream_free(struct stream *stream); /* NULL is accepted */
/* Another connection begins: forget what is left of the last. */
void stream_reset(struct stream *stream);

/*
 * Take in what has come on the descriptor and answer what can be answered.
 * Waits for the master to take the answers in, but not for it to say something.
 * True when something was answered.
 */
bool stream_receive(struct stream *stream, int fd);

/*
 * Whether a PDU of ours can be sent without waiting for the master; then
 * stream_send() does it. Requests of our own have STREAM_TRANSACTION, and answers to them go to
 * on_response, whatever stands before them.
 */
#define STREAM_TRANSACTION 0xcd585452 /* the library has positive numbers */
bool stream_has_room(int fd);
void stream_send(int fd, const struct wire_output *output);
typedef void stream_response_fn(void *arg, uint32_t packet, unsigned error);
void stream_on_response(struct stream *stream, stream_response_fn *fn, void *arg);

/* Answer a phase of a SET, on the descriptor from which it came. */
void stream_answer_set(struct stream *stream, int fd, const struct set_token *token, int error,
	unsigned index);

/* Whether the library has to look: at PDUs or at the end of the connection. */
bool stream_has_more(const struct stream *stream);

/* Move whole PDUs for the library into buffer; bytes moved. */
size_t stream_take(struct stream *stream, void *buffer, size_t size);

/* The connection has ended or is not to be understood. */
bool stream_ended(const struct stream *stream);

#endif
