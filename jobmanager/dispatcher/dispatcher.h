/* SPDX-License-Identifier: Apache-2.0
 * dispatcher.h - takes jobs, keeps their results, finds them again. RPC and REST call these same
 * functions, on the JobManager's runner thread. */
#ifndef JOBMANAGER_DISPATCHER_DISPATCHER_H
#define JOBMANAGER_DISPATCHER_DISPATCHER_H

#include "dispatcher.pb-c.h"

#include "jobmanager/blob/blob.h"
#include "jobmanager/history/history.h"
#include "jobmanager/job/job.h"
#include "jobmanager/resource/resource_manager.h"

struct dispatcher;
struct sampler;

/* Checks the graph, its artifacts and the settings, then starts its JobMaster. The graph is copied.
 * The same job id again: the job that has it is returned, nothing is started twice. */
MUST_USE int dispatcher_submit(struct dispatcher *dispatcher, const Flink__JobGraph *graph,
			       struct job **job, struct err *err);
MUST_USE int dispatcher_cancel(struct dispatcher *dispatcher, const struct id *job_id,
			       struct err *err);
const struct list *dispatcher_jobs(
	const struct dispatcher *dispatcher); /* of struct job, oldest first */
struct job *dispatcher_find(struct dispatcher *dispatcher, const struct id *job_id); /* NULL */
struct resource_manager *dispatcher_resource_manager(struct dispatcher *dispatcher);
struct blob_store *dispatcher_blobs(struct dispatcher *dispatcher);
const struct conf *dispatcher_conf(const struct dispatcher *dispatcher);
struct world *dispatcher_world(const struct dispatcher *dispatcher);
struct runner *dispatcher_runner(const struct dispatcher *dispatcher);
struct id dispatcher_new_id(struct dispatcher *dispatcher); /* random */
/* Calls `changed` (on the runner's thread) when anything of the job changed: long polls. Returns a
 * handle for dispatcher_unwatch. */
struct job_watch;
/* A job that is not there (any more) never changes. */
struct job_watch *dispatcher_watch(struct dispatcher *dispatcher, const struct id *job_id,
				   void (*changed)(void *context), void *context);
void dispatcher_unwatch(struct job_watch **watch);
/* Archives of jobs that ended; NULL: none are kept. */
struct history *dispatcher_history(const struct dispatcher *dispatcher);
/* Of those the next one, oldest first, that is not among dispatcher_jobs; NULL: none is left.
 * after NULL: the first. */
const struct history_job *dispatcher_next_archived(const struct dispatcher *dispatcher,
						   const struct history_job *after);
/* A job that is known from its archive alone; NULL: it is not. */
const struct history_job *dispatcher_find_archived(const struct dispatcher *dispatcher,
						   const struct id *job_id);
/* Says how it ended: -1, ERR_JOB_ENDED. */
int dispatcher_has_ended(const struct history_job *job, struct err *err);
uint64_t dispatcher_leader_epoch(const struct dispatcher *dispatcher);

/* ---- for jobmanager.c ----------------------------------------------------------------------- */

struct dispatcher_options {
	struct world *world;
	struct runner *runner;
	const struct conf *conf; /* borrowed for its whole life */
	uint64_t leader_epoch;
	const char *archive_directory; /* of jobs that ended; NULL: none are kept */
	bool archive_is_own; /* old ones go */
};

/* With its ResourceManager and blob store. */
struct dispatcher *dispatcher_create(const struct dispatcher_options *options);
ProtobufCService *dispatcher_service(struct dispatcher *dispatcher);
/* Who archives ended jobs: woken when there is one that has told all it ever will. Until it is
 * archived, or cannot be, such a job is not forgotten. */
void dispatcher_set_archiver(struct dispatcher *dispatcher, struct agent *archiver);
struct job *dispatcher_next_to_archive(struct dispatcher *dispatcher); /* NULL: none */
void dispatcher_archived(struct dispatcher *dispatcher, const struct id *job_id);
void dispatcher_set_rest_port(struct dispatcher *dispatcher, uint16_t port);
/* Who keeps its time series, borrowed; NULL: nobody. */
void dispatcher_set_sampler(struct dispatcher *dispatcher, struct sampler *sampler);
struct sampler *dispatcher_sampler(const struct dispatcher *dispatcher);
/* Jobs are left alone from now on; then the RPC server may be closed. */
void dispatcher_close(struct dispatcher *dispatcher);
void dispatcher_destroy(struct dispatcher **dispatcher); /* after the RPC server */

#endif
