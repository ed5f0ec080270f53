/*
 * set_news: how jobs and changes of names ended, on its way to the SNMP thread.
 *
 * Links and the journal end things in threads of their own and at any time, also
 * when nobody waits any more: what they tell lies in a mailbox, which wakes the
 * loop and outlives it.
 */
#ifndef METERX_SNMP_SET_NEWS_H
#define METERX_SNMP_SET_NEWS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/loop.h"
#include "modbus/job.h"

struct mailbox;
struct part;

/* The end of what a part had begun. Made with the errand, sent at its end. */
struct news {
	struct news *next;
	struct mailbox *mailbox;
	struct part *part;
	struct job *job; /* NULL: names */
	bool taking_back;
	int rc;		   /* names */
	uint64_t revision; /* names */
};

struct mailbox *mailbox_new(struct loop *loop);
/* What is sent from now on goes to nobody; what waits is thrown away. */
void mailbox_close(struct mailbox *mailbox);
/* All that has come, the oldest first; each is the caller's to free. */
struct news *mailbox_empty(struct mailbox *mailbox);

struct news *news_new(struct mailbox *mailbox, struct part *part, bool taking_back);
void news_free(struct news *news);
/* Send them: done() of a job and of journal_set_names(), with the news as argument. Any thread. */
void news_of_job(struct job *job, void *arg);
void news_of_names(void *arg, int rc, uint64_t revision);

bool news_are_good(const struct news *news);
const char *news_reason(const struct news *news); /* "" when there is nothing to say */

#endif
