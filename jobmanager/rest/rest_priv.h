/* SPDX-License-Identifier: Apache-2.0
 * rest_priv.h - requests, routes and JSON helpers, shared by the files of jobmanager/rest. */
#ifndef JOBMANAGER_REST_REST_PRIV_H
#define JOBMANAGER_REST_REST_PRIV_H

#include <jansson.h>
#include <pthread.h>

#include "common/base/buf.h"
#include "common/base/ring.h"
#include "jobmanager/rest/rest.h"

#define REST_LOGGER "RestServer"
#define REST_PARAMETERS_MAX 8

struct rest_parameter {
	const char *name;
	char *value; /* percent-decoded */
};

enum rest_stage { REST_POSTED, REST_DEFERRED, REST_ANSWERED, REST_ABANDONED };

/* One HTTP request. Owned by its civetweb thread until posted, by the runner until ANSWERED, then by
 * the thread again; an ABANDONED one (its thread gave up waiting) is freed by the runner. `stage` is
 * guarded by the mutex. */
struct rest_request {
	struct inbox_node node;
	struct rest *rest;
	char *method, *path, *query; /* query undecoded, may be NULL */
	struct buf body;
	struct rest_parameter parameters[REST_PARAMETERS_MAX];
	uint32_t parameters_count;
	mono_t deadline;
	/* answer */
	int status;
	const char *content_type;
	struct buf answer;
	/* hand-over */
	pthread_mutex_t mutex;
	pthread_cond_t answered;
	enum rest_stage stage;
	/* for deferred ones */
	struct list_node deferred;
	struct job_watch *watch;
	void (*resume)(struct rest_request *request, mono_t now, bool expired);
	void *closure_data;
};

struct rest {
	struct agent agent; /* first */
	struct dispatcher *dispatcher;
	struct runner *runner;
	struct world *world;
	const struct jobmanager_options *options;
	struct jobmanager_options options_copy;
	struct inbox inbox;
	struct list deferred; /* of struct rest_request: long polls */
	struct mg_context *server;
	uint16_t port;
	uint64_t body_bytes_max;
	_Atomic bool stopping;
	char *token; /* NULL: none needed */
	char *allow_origin;
};

typedef void rest_handler_fn(struct rest *rest, struct rest_request *request);

struct rest_route {
	const char *method, *pattern; /* "/jobs/:jobid/vertices/:vertexid" */
	rest_handler_fn *handler;
	bool raw_body; /* artifacts: the larger limit applies */
};
extern const struct rest_route rest_routes[]; /* ends with a NULL method */

/* router.c: the route for a method and path (with or without /v1), filling the request's parameters.
 * *known_path: some method of it exists. NULL otherwise. */
const struct rest_route *rest_route_find(const char *method, const char *path,
					 struct rest_request *request, bool *known_path);
const char *rest_parameter(const struct rest_request *request, const char *name); /* path; NULL */
/* A decoded query value (arena-free: mem_free), or NULL. */
char *rest_query(const struct rest_request *request, const char *name);
int64_t rest_query_int(const struct rest_request *request, const char *name, int64_t otherwise);
char *rest_decode(const char *text, size_t length); /* percent-decoding; mem_free */

/* answers: each request exactly once */
void rest_answer_json(struct rest_request *request, int status, json_t *root); /* steals root */
void rest_answer_text(struct rest_request *request, int status, const void *text, size_t size_bytes);
void rest_answer_error(struct rest_request *request, int status, const char *format, ...) PRINTF(3, 4);
void rest_answer_err(struct rest_request *request, const struct err *err);
/* The answer comes later: by one of the above, from the runner's thread. */
void rest_defer(struct rest_request *request);
/* Long poll: `resume` is called when the job changes, and with expired at the deadline; it answers,
 * or leaves the request waiting. */
void rest_wait_for_job(struct rest_request *request, const struct id *job_id, int64_t wait_ms,
		       void (*resume)(struct rest_request *request, mono_t now, bool expired));

/* Looks the job up by its path parameter; answers 404/400 itself and returns NULL if it is not there. */
struct job *rest_find_job(struct rest *rest, struct rest_request *request);
struct job_vertex *rest_find_vertex(struct job *job, struct rest_request *request);
struct taskmanager_info *rest_find_taskmanager(struct rest *rest, struct rest_request *request);

/* views shared between files */
json_t *rest_io_metrics(const struct io_metrics *metrics, bool complete);
json_t *rest_states_upper(const uint32_t counts[EXECUTION_STATE_COUNT]);
json_t *rest_plan(const struct job *job);
json_t *rest_id(const struct id *id);
struct io_metrics rest_vertex_io(const struct job_vertex *vertex);
void rest_vertex_times(const struct job_vertex *vertex, wall_t now, wall_t *start, wall_t *end, int64_t *duration);
wall_t rest_execution_end(const struct execution *execution);

/* handlers */
rest_handler_fn rest_config, rest_overview, rest_jobs, rest_jobs_overview, rest_job, rest_job_status,
	rest_job_config, rest_job_plan, rest_job_exceptions, rest_job_accumulators, rest_job_cancel,
	rest_job_yarn_cancel, rest_job_execution_result, rest_job_output, rest_job_metrics,
	rest_job_checkpoints, rest_job_checkpoints_config, rest_job_resource_requirements,
	rest_job_client_heartbeat, rest_vertex, rest_vertex_subtask, rest_vertex_subtasktimes,
	rest_vertex_taskmanagers, rest_vertex_accumulators, rest_vertex_subtasks_accumulators,
	rest_vertex_watermarks, rest_vertex_backpressure, rest_vertex_metrics,
	rest_vertex_subtasks_metrics, rest_taskmanagers, rest_taskmanager, rest_taskmanager_metrics,
	rest_taskmanager_logs, rest_taskmanager_log, rest_taskmanager_stdout, rest_taskmanager_file,
	rest_taskmanager_thread_dump, rest_jobmanager_config, rest_jobmanager_environment,
	rest_jobmanager_metrics, rest_jobmanager_logs, rest_jobmanager_log, rest_jobmanager_stdout,
	rest_jobmanager_file, rest_jobmanager_thread_dump, rest_jars, rest_put_artifact, rest_submit;

#endif
