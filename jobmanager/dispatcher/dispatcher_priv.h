/* SPDX-License-Identifier: Apache-2.0
 * dispatcher_priv.h - what the files of jobmanager/dispatcher share.
 *
 *   dispatcher.c           jobs: submitted, found, watched, forgotten
 *   dispatcher_service.c   the RPC service for clients
 *   dispatcher_reports.c   what TaskManagers report, brought to the job it is about */
#ifndef JOBMANAGER_DISPATCHER_DISPATCHER_PRIV_H
#define JOBMANAGER_DISPATCHER_DISPATCHER_PRIV_H

#include "common/base/agent.h"
#include "common/base/map.h"
#include "jobmanager/dispatcher/dispatcher.h"
#include "jobmanager/job/job_master.h"

#define DISPATCHER_LOGGER "Dispatcher"

struct dispatcher {
	Flink__Dispatcher_Service service; /* first */
	struct agent agent;
	struct dispatcher_options options;
	struct loop *loop;
	struct blob_store *blobs;
	struct resource_manager *resources;
	struct map *executions; /* execution id -> struct execution */
	struct map *records;    /* job id -> struct job_record */
	struct list jobs;       /* of struct job, oldest first */
	uint32_t ended_count;
	size_t ended_bytes;     /* of ended jobs, as far as they are weighed */
	uint64_t jobs_started;
	struct list changed;    /* of struct job_record: watchers to be told */
	struct list orphans;    /* of struct job_watch: their jobs are gone */
	struct list status_calls; /* of struct status_call: long polls */
	struct history *history;  /* NULL: none */
	struct agent *archiver;   /* NULL: nobody archives */
	uint16_t rest_port;
	struct sampler *sampler;
};

struct job_record { /* what the dispatcher keeps of a job beside the job */
	struct dispatcher *dispatcher;
	struct job *job;
	struct list watches;
	struct list_node changed_node;
	bool has_ended, is_archived;
	size_t bytes;           /* 0: not weighed yet */
	mono_t ended_at;
};

/* dispatcher_service.c */
extern const Flink__Dispatcher_Service dispatcher_service_functions;
/* Answers the long polls that have something to tell or have waited long enough. */
void dispatcher_answer_polls(struct dispatcher *dispatcher, mono_t now, mono_t *wake_at);
void dispatcher_fail_polls(struct dispatcher *dispatcher);

/* dispatcher_reports.c; context: the dispatcher */
extern const struct resource_events dispatcher_resource_events;

int dispatcher_no_such_job(const struct id *job_id, struct err *err); /* -1, ERR_JOB_NOT_FOUND */

#endif
