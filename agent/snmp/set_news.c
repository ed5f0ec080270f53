/* set_news: see set_news.h. */
#include "config.h"

#include "snmp/set_news.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/refs.h"
#include "core/util.h"

/* Outlives the SNMP thread's side, for a link may end a job at any time. */
struct mailbox {
	int refs; /* atomic */
	pthread_mutex_t lock;
	struct loop *loop; /* NULL: nobody looks any more */
	struct news *first, **end;
};

struct mailbox *mailbox_new(struct loop *loop)
{
	struct mailbox *mailbox = xcalloc(1, sizeof(*mailbox));

	mailbox->refs = 1;
	mailbox->loop = loop;
	mailbox->end = &mailbox->first;
	pthread_mutex_init(&mailbox->lock, NULL);
	return mailbox;
}

static void mailbox_unref(struct mailbox *mailbox)
{
	if (!refs_drop(&mailbox->refs))
		return;
	pthread_mutex_destroy(&mailbox->lock);
	free(mailbox);
}

struct news *news_new(struct mailbox *mailbox, struct part *part, bool taking_back)
{
	struct news *news = xcalloc(1, sizeof(*news));

	refs_take(&mailbox->refs);
	news->mailbox = mailbox;
	news->part = part;
	news->taking_back = taking_back;
	return news;
}

void news_free(struct news *news)
{
	job_unref(news->job);
	mailbox_unref(news->mailbox);
	free(news);
}

/* Any thread. */
static void news_send(struct news *news)
{
	struct mailbox *mailbox = news->mailbox;
	bool open;

	/* Whoever takes them may be through with the mailbox before we have let go of its lock. */
	refs_take(&mailbox->refs);
	pthread_mutex_lock(&mailbox->lock);
	open = mailbox->loop != NULL;
	if (open) {
		*mailbox->end = news;
		mailbox->end = &news->next;
		loop_wake(mailbox->loop);
	}
	pthread_mutex_unlock(&mailbox->lock);
	if (!open)
		news_free(news);
	mailbox_unref(mailbox);
}

struct news *mailbox_empty(struct mailbox *mailbox)
{
	struct news *first;

	pthread_mutex_lock(&mailbox->lock);
	first = mailbox->first;
	mailbox->first = NULL;
	mailbox->end = &mailbox->first;
	pthread_mutex_unlock(&mailbox->lock);
	return first;
}

void mailbox_close(struct mailbox *mailbox)
{
	struct news *news, *next;

	pthread_mutex_lock(&mailbox->lock);
	mailbox->loop = NULL;
	pthread_mutex_unlock(&mailbox->lock);
	for (news = mailbox_empty(mailbox); news; news = next) {
		next = news->next;
		news_free(news);
	}
	mailbox_unref(mailbox);
}

void news_of_job(struct job *job, void *arg)
{
	struct news *news = arg;

	news->job = job_ref(job);
	news_send(news);
}

void news_of_names(void *arg, int rc, uint64_t revision)
{
	struct news *news = arg;

	news->rc = rc;
	news->revision = revision;
	news_send(news);
}

const char *news_reason(const struct news *news)
{
	if (news->job == NULL)
		return news->rc == 0 ? "" : strerror(-news->rc);
	if (news->job->reason[0] != '\0' || news->job->end == JOB_DONE)
		return news->job->reason;
	return news->job->end == JOB_WITHDRAWN ? "could not be begun in time" : "failed";
}

bool news_are_good(const struct news *news)
{
	return news->job ? news->job->end == JOB_DONE : news->rc == 0;
}
