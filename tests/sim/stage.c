/* What concerns every way to the meters at once. */
#include "config.h"

#include "sim/stage.h"

#include <math.h>
#include <stdio.h>

#include "sim/listen.h"

#define RETRY 0.05 /* seconds until a port that somebody took is tried again */

void stage_follow_faults(struct stage *stage, double now)
{
	int refusal = fault_refuses(&stage->faults, now);
	bool done = true;

	if (refusal == stage->refusal)
		return;
	for (struct listener *listener = stage->listeners; listener; listener = listener->next)
		done = listen_refuse(listener, refusal) == 0 && done;
	if (done)
		stage->refusal = refusal;
}

double stage_deadline(const struct stage *stage, double now)
{
	double seconds = fault_deadline(&stage->faults, now);
	bool pending = fault_refusal(&stage->faults) != stage->refusal;

	if (pending && (seconds < 0 || seconds > RETRY))
		seconds = RETRY;
	return seconds < 0 ? INFINITY : now + seconds;
}

void stage_drop_clients(struct stage *stage)
{
	for (struct listener *listener = stage->listeners; listener; listener = listener->next)
		listener->drop(listener);
}

void stage_trace(const struct stage *stage, const char *mark, const uint8_t *bytes, size_t len)
{
	if (!stage->trace)
		return;
	fprintf(stderr, "%.6f %s", reactor_now(), mark);
	for (size_t i = 0; i < len; i++)
		fprintf(stderr, " %02x", bytes[i]);
	fputc('\n', stderr);
}
