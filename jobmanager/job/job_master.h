/* SPDX-License-Identifier: Apache-2.0
 * job_master.h - the door of jobmanager/job for the dispatcher: makes a job, starts it, tells it
 * what TaskManagers report. (Who only reads a job includes job.h.)
 *
 * A JobMaster is an agent on the JobManager's runner. Calls from outside note what happened and
 * wake it; it decides in its step. */
#ifndef JOBMANAGER_JOB_JOB_MASTER_H
#define JOBMANAGER_JOB_JOB_MASTER_H

#include "common/base/map.h"
#include "jobmanager/job/job.h"
#include "jobmanager/resource/resource_manager.h"

struct job_master_options {
	struct world *world;
	struct runner *runner;
	struct resource_manager *resources;
	struct map
		*executions; /* execution id -> struct execution, of all jobs; the dispatcher's */
	uint64_t age;           /* of the job among all, for the line before the slots */
	/* Anything that somebody may wait for has changed; the job is final and has let go of
	 * all. */
	void (*changed)(void *context, struct job *job);
	void (*ended)(void *context, struct job *job);
	void *context;
};

/* The graph is checked already and copied; conf is taken on success. */
MUST_USE int job_master_create(const struct job_master_options *options,
			       const Flink__JobGraph *graph, struct conf *conf, struct job **job,
			       struct err *err);
/* When it returns the job is RUNNING, and says what it waits for if slots are missing. */
void job_master_start(struct job *job);
void job_master_cancel(struct job *job); /* not for final ones */
/* Calls are under way whose answers refer to the job: not to be destroyed yet. */
bool job_master_busy(const struct job *job);
/* The job is final and all its TaskManagers have handed in their output. */
bool job_master_output_ended(const struct job *job);
/* About what the job costs in memory: graph, executions, the printed lines that are kept. */
size_t job_master_bytes(const struct job *job);
/* Nobody is told; for jobs that ended and for the end of the process. */
void job_master_destroy(struct job **job);

/* What TaskManagers report; -1 (ERR_FENCED): of an earlier attempt, or not theirs. */
MUST_USE int job_master_task_state(struct execution *execution, struct taskmanager_info *from,
				   const Flink__UpdateTaskStateRequest *request, struct err *err);
void job_master_task_metrics(struct execution *execution, struct taskmanager_info *from,
			     const Flink__TaskMetrics *metrics);
MUST_USE int job_master_reader_ready(struct execution *execution, struct taskmanager_info *from,
				     uint32_t operator, struct err *err);
void job_master_output(struct job *job, struct taskmanager_info *from,
		       const Flink__PushOutputRequest *request);
void job_master_taskmanager_gone(struct job *job, struct taskmanager_info *taskmanager,
				 const struct err *why, bool note_may_follow);
/* A TaskManager registered; the request may say what its last life died of, which was called
 * `former` (it may have another name now). */
void job_master_taskmanager_here(struct job *job, const char *former,
				 const Flink__RegisterTaskManagerRequest *request);
/* The TaskManager that the job lost last and knows no reason for; NULL: none. */
const char *job_master_last_loss(const struct job *job);

#endif
