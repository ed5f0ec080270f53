/*
 * job: what a manager wants a meter to do, on its way to the link's thread.
 *
 * A job is of one panel, and all or nothing as far as the meter allows. It waits
 * in the queue of its link, which overtakes polls between any two requests. It
 * can be taken back until the link begins it; after that it runs to its end, and
 * the end is told in done(), in the event log and in the log.
 */
#ifndef METERX_MODBUS_JOB_H
#define METERX_MODBUS_JOB_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/profile.h"

struct slot;

enum job_op_kind {
	JOB_SETTING,	   /* write value to (scope, quantity, channel), read it back, compare */
	JOB_CLEAR_LATCH,   /* clear (scope, channel, level) by the profile's method, see that it is
			      gone */
	JOB_CLEAR_LATCHES, /* all of the panel: the profile's command, else each that is latched */
	JOB_COMMAND,  /* write the command's value to its register for channel; nothing to read back
		       */
	JOB_POLL_NOW, /* every class is due; no write */
};

struct job_op {
	enum job_op_kind kind;
	enum scope scope;
	enum quantity quantity;
	unsigned channel; /* as in quantity.h */
	enum level level;
	int64_t value;			       /* in the unit of the quantity */
	/* of the profile of the slot's layout, which lives as long as the job */
	const struct profile_command *command;
	char object[80];		       /* "mxThresholdValue.1.1.0.1", for texts */
	/* filled in by the link: */
	bool has_before, touched;
	/* SETTING: what the meter held, to restore it. Given to a job that restores: only while
	   the meter holds this is it written. */
	int64_t before;
};

enum job_end {
	JOB_DONE,
	JOB_WITHDRAWN, /* not begun: taken back, too late, the panel does not answer, the link ended
			*/
	JOB_FAILED,    /* begun and failed; what was written before it has been restored, or reason
			  says not */
};

struct job {
	int refs;	   /* atomic */
	atomic_int stage;  /* internal: waiting, taken back, begun */
	struct slot *slot; /* reference: the panel */
	size_t n_ops;
	int64_t begin_by_ms; /* monotonic: withdrawn when it cannot be begun until then */
	bool restore;	     /* takes back an earlier job: told as such */
	bool look_first;     /* likely to be taken back: before is read, not remembered */
	void (*done)(struct job *job, void *arg); /* once, in the link's thread; not under a lock */
	void *arg;
	/* in done(): */
	enum job_end end;
	size_t failed_op;
	char reason[200]; /* "" when done */
	struct job *next; /* of the queue */
	struct job_op ops[];
};

/* One reference; slot is referenced, ops are zero and the caller's to fill. */
struct job *job_new(struct slot *slot, size_t n_ops);
struct job *job_ref(struct job *job);
void job_unref(struct job *job); /* NULL is accepted; any thread */
/* True: it was not begun and never will be; done() is called with JOB_WITHDRAWN by the link. Any
 * thread. */
bool job_withdraw(struct job *job);
/* The link's: true when it may begin it now. */
bool job_take(struct job *job);

/* The queue of one link, which outlives the link's thread: site_link has it. Bounded. */
struct job_queue;
struct job_queue *job_queue_new(void);
struct job_queue *job_queue_ref(struct job_queue *queue);
void job_queue_unref(struct job_queue *queue); /* NULL is accepted */
/* The link is there and is woken by wake_fd (an eventfd); -1: it is going, what waits is withdrawn.
 */
void job_queue_attach(struct job_queue *queue, int wake_fd);
/* Takes a reference of the job's. 0; -EAGAIN: full; -ENOLINK: no link thread. Any thread. */
int job_queue_put(struct job_queue *queue, struct job *job);
struct job *job_queue_get(struct job_queue *queue); /* the oldest, with its reference; NULL: none */
bool job_queue_waiting(struct job_queue *queue);

#endif
