/* SPDX-License-Identifier: Apache-2.0
 * job_stacks.h - where a vertex, or one subtask of it, spends its time: sampled by the TaskManagers
 * when somebody looks, kept for rest.flamegraph.refresh-interval (docs/adr/0015-flame-graphs.md).
 *
 * On the JobManager's runner. Looking never waits: it answers what is known, and begins to sample
 * if that is nothing, or old. */
#ifndef JOBMANAGER_JOB_JOB_STACKS_H
#define JOBMANAGER_JOB_JOB_STACKS_H

#include "common/metric/stack_tree.h"
#include "jobmanager/job/job.h"

#define JOB_STACKS_ALL UINT32_MAX /* every subtask of the vertex */

struct job_stacks_view {
	/* NULL: nothing is known yet. Borrowed until the next step */
	const struct stack_tree *tree;
	wall_t ended_at;
	uint32_t tasks;      /* that were sampled */
	const char *trouble; /* why some, or all, were not; "" */
};

void job_stacks_look(struct job_vertex *vertex, uint32_t subtask, struct job_stacks_view *view);

#endif
