/* SPDX-License-Identifier: Apache-2.0
 * dispatcher.h - takes jobs, keeps their results, finds them again. RPC and REST call these same
 * functions, on the JobManager's runner thread. */
#ifndef JOBMANAGER_DISPATCHER_DISPATCHER_H
#define JOBMANAGER_DISPATCHER_DISPATCHER_H

#include "dispatcher.pb-c.h"

#include "jobmanager/blob/blob.h"
#include "jobmanager/job/job.h"
#include "jobmanager/resource/resource_manager.h"

struct dispatcher;

/* Checks the graph, its artifacts and the settings, then starts its JobMaster. The graph is copied.
 * The same job id again: the running job is returned, nothing is started twice. */
MUST_USE int dispatcher_submit(struct dispatcher *dispatcher, const Flink__JobGraph *graph,
			       struct job **job, struct err *err);
MUST_USE int dispatcher_cancel(struct dispatcher *dispatcher, const struct id *job_id, struct err *err);
const struct list *dispatcher_jobs(const struct dispatcher *dispatcher); /* of struct job, oldest first */
struct job *dispatcher_find(struct dispatcher *dispatcher, const struct id *job_id); /* NULL */
struct resource_manager *dispatcher_resource_manager(struct dispatcher *dispatcher);
struct blob_store *dispatcher_blobs(struct dispatcher *dispatcher);
const struct conf *dispatcher_conf(const struct dispatcher *dispatcher);
struct world *dispatcher_world(const struct dispatcher *dispatcher);
struct id dispatcher_new_id(struct dispatcher *dispatcher); /* random */
/* Calls `changed` (on the runner's thread) when anything of the job changed: long polls. Returns a
 * handle for dispatcher_unwatch. */
struct job_watch;
struct job_watch *dispatcher_watch(struct dispatcher *dispatcher, const struct id *job_id,
				   void (*changed)(void *context), void *context);
void dispatcher_unwatch(struct job_watch **watch);

#endif
