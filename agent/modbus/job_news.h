/*
 * job_news: what is told of a job that has come to its end: log and events.
 *
 * One event for each op whose effect stands, one more when the job failed or was
 * not begun. In the link's thread.
 */
#ifndef METERX_MODBUS_JOB_NEWS_H
#define METERX_MODBUS_JOB_NEWS_H

#include <stddef.h>

#include "modbus/job.h"
#include "store/site.h"

/* A value of the op's setting with its unit: "65.0 %", "20000 mA". */
void job_value_text(const struct profile *profile, const struct job_op *op, int64_t value,
	char *text, size_t size);

void job_tell(const struct job *job, const struct site *site);

#endif
