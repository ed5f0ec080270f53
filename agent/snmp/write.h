/*
 * write: SETs, from the first test to what became of them.
 *
 * RFC 2741 has a SET in phases: test, commit, then cleanup, or undo after a
 * failure anywhere. A test is answered at once. A commit becomes jobs for the
 * links and changes of names, and is answered when these have ended, at the
 * latest ANSWER_MS after the test came in: the master agent serves nobody else
 * meanwhile, and gives up after a second. What has not been begun by then is
 * withdrawn; what has been begun goes on, and its true end is on the board.
 *
 * SNMP thread only; news of jobs and names come in from other threads and wait
 * for write_collect(). Knows neither sockets nor the library: answers go out
 * through a function.
 */
#ifndef METERX_SNMP_WRITE_H
#define METERX_SNMP_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/loop.h"
#include "snmp/set_items.h"
#include "snmp/view.h"

#define WRITE_ANSWER_MS 700 /* after the test */
#define WRITE_BEGIN_MS	600 /* a job that has not been begun by then will not be */

enum set_phase {
	SET_TEST,
	SET_COMMIT,
	SET_UNDO,
	SET_CLEANUP, /* is not answered */
};

/* What belongs to an answer: the header of the request. */
struct set_token {
	uint32_t session, transaction, packet;
	bool big_endian;
};

struct set_request {
	enum set_phase phase;
	struct set_token token;
	const struct set_varbind *varbinds; /* of a test */
	size_t n;
};

/* error: SNMP_ERR_*; index: of the variable binding, from 1; 0 without an error. */
typedef void set_answer_fn(void *arg, const struct set_token *token, int error, unsigned index);

struct write;

/* The loop is woken for write_collect(); both outlive the write. */
struct write *write_new(struct view *view, struct loop *loop, set_answer_fn *answer, void *arg);
/* Withdraws what has not been begun. NULL is accepted. */
void write_free(struct write *write);

/* False: a phase of a SET whose test did not come here. */
bool write_receive(struct write *write, const struct set_request *request);
/* Take in what other threads have told. In the loop, after a wake-up. */
void write_collect(struct write *write);
/* The view has another site. */
void write_site_changed(struct write *write);
/* The connection to the master has ended: no SET of it will be answered or go on. */
void write_hang_up(struct write *write);

#endif
