/* job: see job.h. */
#include "config.h"

#include "modbus/job.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/log.h"
#include "core/refs.h"
#include "core/util.h"
#include "store/store.h"

#define QUEUE_MAX 1024 /* jobs; a manager that writes faster than the line is told so */

enum stage {
	STAGE_WAITING,
	STAGE_TAKEN_BACK,
	STAGE_BEGUN,
};

struct job_queue {
	int refs;	      /* atomic */
	pthread_mutex_t lock; /* guards the rest */
	struct job *first, **end;
	size_t n;
	int wake_fd; /* of the link's thread, -1: there is none */
};

struct job *job_new(struct slot *slot, size_t n_ops)
{
	struct job *job = xcalloc(1, sizeof(*job) + n_ops * sizeof(job->ops[0]));

	job->refs = 1;
	job->slot = store_slot_ref(slot);
	job->n_ops = n_ops;
	job->begin_by_ms = INT64_MAX;
	atomic_init(&job->stage, STAGE_WAITING);
	return job;
}

struct job *job_ref(struct job *job)
{
	refs_take(&job->refs);
	return job;
}

void job_unref(struct job *job)
{
	if (job == NULL || !refs_drop(&job->refs))
		return;
	store_slot_unref(job->slot);
	free(job);
}

static bool enter(struct job *job, int stage)
{
	int waiting = STAGE_WAITING;

	return atomic_compare_exchange_strong(&job->stage, &waiting, stage);
}

bool job_withdraw(struct job *job)
{
	return enter(job, STAGE_TAKEN_BACK);
}

bool job_take(struct job *job)
{
	return enter(job, STAGE_BEGUN);
}

struct job_queue *job_queue_new(void)
{
	struct job_queue *queue = xcalloc(1, sizeof(*queue));

	queue->refs = 1;
	queue->end = &queue->first;
	queue->wake_fd = -1;
	pthread_mutex_init(&queue->lock, NULL);
	return queue;
}

struct job_queue *job_queue_ref(struct job_queue *queue)
{
	refs_take(&queue->refs);
	return queue;
}

void job_queue_unref(struct job_queue *queue)
{
	struct job *job;

	if (queue == NULL || !refs_drop(&queue->refs))
		return;
	while ((job = job_queue_get(queue)) != NULL)
		job_unref(job);
	pthread_mutex_destroy(&queue->lock);
	free(queue);
}

void job_queue_attach(struct job_queue *queue, int wake_fd)
{
	pthread_mutex_lock(&queue->lock);
	queue->wake_fd = wake_fd;
	pthread_mutex_unlock(&queue->lock);
}

static int put(struct job_queue *queue, struct job *job)
{
	const uint64_t one = 1;

	if (queue->wake_fd < 0)
		return -ENOLINK;
	if (queue->n == QUEUE_MAX)
		return -EAGAIN;
	job->next = NULL;
	*queue->end = job_ref(job);
	queue->end = &job->next;
	queue->n++;
	/* Full is as good as woken. */
	if (write(queue->wake_fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		log_error("link", "wake: %s", strerrordesc_np(errno));
	return 0;
}

int job_queue_put(struct job_queue *queue, struct job *job)
{
	int rc;

	pthread_mutex_lock(&queue->lock);
	rc = put(queue, job);
	pthread_mutex_unlock(&queue->lock);
	return rc;
}

struct job *job_queue_get(struct job_queue *queue)
{
	struct job *job;

	pthread_mutex_lock(&queue->lock);
	job = queue->first;
	if (job != NULL) {
		queue->first = job->next;
		queue->n--;
		if (queue->first == NULL)
			queue->end = &queue->first;
	}
	pthread_mutex_unlock(&queue->lock);
	return job;
}

bool job_queue_waiting(struct job_queue *queue)
{
	bool waiting;

	pthread_mutex_lock(&queue->lock);
	waiting = queue->n > 0;
	pthread_mutex_unlock(&queue->lock);
	return waiting;
}
