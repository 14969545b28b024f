/* SPDX-License-Identifier: Apache-2.0
 * attempts.h - earlier attempts of subtasks: what each was, once another one has taken its place.
 *
 * A subtask keeps jobmanager.execution.attempts-history-size of them, a job ATTEMPTS_MAX; beyond
 * that the oldest are forgotten. */
#ifndef JOBMANAGER_JOB_ATTEMPTS_H
#define JOBMANAGER_JOB_ATTEMPTS_H

#include "jobmanager/job/job.h"

#define ATTEMPTS_MAX 20000

struct attempt {
	struct list_node of_subtask, of_job; /* each oldest first */
	struct execution *execution;
	struct id id;
	uint32_t number; /* from 0 */
	uint32_t state;	 /* how it ended */
	wall_t entered_ms[EXECUTION_STATE_COUNT];
	const char *resource_id, *endpoint; /* the job's; NULL: it never had a TaskManager */
	struct io_metrics metrics;	    /* of this attempt alone */
	char *failure;			    /* why it FAILED; NULL: it did not */
};

/* NULL: the current one, or none that is known. */
const struct attempt *attempts_find(const struct execution *execution, uint32_t number);
/* The numbers of the current attempt, without those before it. */
struct io_metrics attempts_metrics_now(const struct execution *execution);

/* For jobmanager/job: the execution is about to begin its next attempt. */
void attempts_keep(struct execution *execution, uint32_t most);
void attempts_fini(struct job *job);
size_t attempts_bytes(const struct job *job);

#endif
