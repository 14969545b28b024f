/* SPDX-License-Identifier: Apache-2.0
 * attempts.c - keeps earlier attempts of subtasks, as many as allowed. */
#include "jobmanager/job/attempts.h"

#include <string.h>

#include "common/base/mem.h"

static void forget(struct job *job, struct attempt *attempt)
{
	list_remove(&attempt->of_subtask);
	list_remove(&attempt->of_job);
	attempt->execution->attempts_count--;
	job->attempts_count--;
	mem_free(attempt->failure);
	mem_free(attempt);
}

static uint64_t now_of(const struct figures *figures, enum task_metric kind)
{
	return figures->task[kind].now;
}

struct io_metrics attempts_metrics_now(const struct execution *execution)
{
	const struct figures *figures = execution_figures(execution);

	if (figures == NULL)
		return (struct io_metrics){ 0 };
	return (struct io_metrics){
		.records_in = now_of(figures, METRIC_RECORDS_IN),
		.records_out = now_of(figures, METRIC_RECORDS_OUT),
		.bytes_in = now_of(figures, METRIC_BYTES_IN),
		.bytes_out = now_of(figures, METRIC_BYTES_OUT),
		.busy_ms = now_of(figures, METRIC_BUSY_US) / 1000,
		.idle_ms = now_of(figures, METRIC_IDLE_US) / 1000,
		.backpressured_ms = now_of(figures, METRIC_BACKPRESSURED_US) / 1000,
	};
}

void attempts_keep(struct execution *execution, uint32_t most)
{
	struct job *job = execution->vertex->job;
	struct attempt *attempt = MEM_NEW(struct attempt);

	attempt->execution = execution;
	attempt->id = execution->id;
	attempt->number = execution->attempt;
	attempt->state = execution->state;
	memcpy(attempt->entered_ms, execution->entered_ms, sizeof(attempt->entered_ms));
	attempt->resource_id = execution->resource_id;
	attempt->endpoint = execution->endpoint;
	attempt->metrics = attempts_metrics_now(execution);
	attempt->failure = execution->failure;
	execution->failure = NULL;
	list_push_back(&execution->attempts, &attempt->of_subtask);
	list_push_back(&job->attempts, &attempt->of_job);
	execution->attempts_count++;
	job->attempts_count++;
	while (execution->attempts_count > most)
		forget(job, LIST_FIRST(&execution->attempts, struct attempt, of_subtask));
	while (job->attempts_count > ATTEMPTS_MAX)
		forget(job, LIST_FIRST(&job->attempts, struct attempt, of_job));
}

const struct attempt *attempts_find(const struct execution *execution, uint32_t number)
{
	LIST_FOR_EACH (&execution->attempts, struct attempt, of_subtask, attempt)
		if (attempt->number == number)
			return attempt;
	return NULL;
}

void attempts_fini(struct job *job)
{
	LIST_FOR_EACH (&job->attempts, struct attempt, of_job, attempt)
		forget(job, attempt);
}

size_t attempts_bytes(const struct job *job)
{
	return job->attempts_count * (sizeof(struct attempt) + 64);
}
