/*
 * writer: carries out a job on the meter of one poller.
 *
 * In the link's thread, between two requests of polls. Everything is checked
 * before the first register is written; then settings, latches, commands, in this
 * order. What is written is read back, compared and shown; when an op fails, the
 * settings before it get back what they had. A write whose answer is lost is
 * settled by reading: what the meter holds is the truth, not what was answered.
 * Nothing is ever read, changed and written back.
 */
#ifndef METERX_MODBUS_WRITER_H
#define METERX_MODBUS_WRITER_H

#include "modbus/bus.h"
#include "modbus/job.h"
#include "modbus/poller.h"
#include "store/site.h"

/* The link, as far as a writer needs it. */
struct writer_line {
	struct bus *bus;
	/* After a request that failed with rc (-errno): 0 when the bus can be used again. */
	int (*recover)(void *arg, int rc);
	void (*rest)(void *arg); /* until the next request may go out */
	void (*between)(void *arg); /* two ops: something short may be done with the bus */
	void *arg;
};

/*
 * Carry out a job that was taken: fills in its end, tells the log and the event
 * log. The caller then calls done().
 */
void writer_run(struct job *job, struct poller *poller, const struct writer_line *line,
	const struct site *site);

/* The same for a job that is not begun, and why. */
void writer_withdraw(struct job *job, const struct site *site, const char *why);

#endif
