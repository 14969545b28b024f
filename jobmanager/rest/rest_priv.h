/* SPDX-License-Identifier: Apache-2.0
 * rest_priv.h - what the files of jobmanager/rest share.
 *
 *   door*.c               the public port: requests in whole, answers out whole (door.h)
 *   inside.c              civetweb: routes requests, posts them to the agent, serves the page
 *   rest.c                begins and ends all of it; the agent on the JobManager's runner
 *   stream.c              answers without an end (server-sent events)
 *   page.c                the files of the page
 *   router.c              the table of routes, path and query parameters, bodies
 *   look.c                an answer without HTTP
 *   shape.c api_table.c   what bodies and answers look like, by route; openapi.c tells it
 *   operations.c          what is triggered first and asked about later
 *   leases.c              until when attached clients will have come again
 *   idempotency.c         what is submitted again because its answer was lost
 *   json_out.c, views.c   JSON, and pieces of it that several answers share
 *   jar*.c multipart.c    programs that are uploaded, and run in a process of their own (jars.h)
 *   overview.c jobs.c job_life.c job_metrics.c vertices.c vertex_metrics.c vertex_stacks.c
 *   metric_table.c aggregate.c taskmanagers.c jobmanager_views.c files.c file_lines.c
 *   series.c triggers.c adaptive.c applications.c rarely.c  the answers themselves
 *   picture*.c snapshot.c what a job, or the cluster, looks like: whole, or what changed */
#ifndef JOBMANAGER_REST_REST_PRIV_H
#define JOBMANAGER_REST_REST_PRIV_H

#include <pthread.h>

#include "common/base/buf.h"
#include "common/base/ring.h"
#include "jobmanager/rest/door.h"
#include "jobmanager/rest/idempotency.h"
#include "jobmanager/rest/json_out.h"
#include "jobmanager/rest/operations.h"
#include "common/logs/log_lines.h"
#include "jobmanager/rest/rest.h"
#include "jobmanager/rest/shape.h"

#define REST_LOGGER "RestServer"
#define REST_PARAMETERS_MAX 8
#define REST_JSON "application/json; charset=UTF-8"
#define REST_TEXT "text/plain; charset=UTF-8"

struct mg_connection;
struct arena;
struct mg_context;
struct submit;
struct rest_route;
struct log_read;
struct rest_stream;

/*   POSTED    the civetweb thread waits; the agent has not come to it
 *   ANSWERED  the answer is there for the thread to write
 *   LATER     the thread says so and goes; the agent answers through the door
 *   ABANDONED the thread waited too long and went; nobody wants an answer */
enum rest_stage { REST_POSTED, REST_ANSWERED, REST_LATER, REST_ABANDONED };

struct rest_parameter {
	char *name, *value; /* value: percent-decoded */
};

struct rest_request {
	struct inbox_node node;
	struct rest *rest;
	const struct rest_route *route;
	char *uri, *query; /* as they were sent; query may be NULL */
	struct buf body;
	json_t *fields; /* of a body with REST_FIELDS */
	struct rest_parameter parameters[REST_PARAMETERS_MAX];
	uint32_t parameters_count;
	char *headers[DOOR_PASSED_MAX]; /* by door_passed; NULL: not sent */
	uint64_t number; /* the door's */
	/* the answer */
	struct buf answer_headers; /* lines with their ends */
	struct json_out json; /* into `answer` */
	int status;
	const char *content_type;
	struct buf answer;
	/* the hand-over; thread and agent hold it, whoever lets go last frees it; stage is guarded
	 * by the mutex */
	atomic_uint holders;
	pthread_mutex_t mutex;
	pthread_cond_t moved_on;
	enum rest_stage stage;
	struct submit *submit; /* idempotency.c: the one that this answer will belong to */
	/* long polls */
	struct list_node waiting; /* in rest->waiting, or behind the same submit */
	mono_t deadline;
	struct job_watch *watch;
	void (*resume)(struct rest_request *request, bool expired);
};

struct rest {
	struct agent agent; /* first; on the JobManager's runner */
	struct dispatcher *dispatcher;
	struct runner *runner;
	struct world *world;
	const struct conf *conf;
	char *log_directory, *log_name, *out_name, *web_directory; /* NULL: none */
	char *openapi; /* what /openapi.json says; NULL: nobody has asked yet */
	struct inbox inbox;
	struct list waiting; /* of struct rest_request: long polls */
	uint32_t waiting_count;
	struct list log_reads; /* of struct log_read: files under way */
	struct list streams;   /* of struct rest_stream */
	uint32_t streams_count;
	struct inbox streams_over;
	struct list hubs; /* of struct rest_hub (events.c) */
	struct list page_reads; /* of struct page_read: pages of files under way */
	struct list archived_reads; /* of struct archived_read: answers of archives under way */
	struct operations operations;
	struct idempotency idempotency;
	struct list leases; /* leases.c */
	void (*ask_stop)(void); /* NULL: it cannot be asked to */
	struct list jar_tasks; /* of struct jar_task: requests about programs under way */
	uint64_t memory_max_bytes; /* that this process may use; 0: not known */
	struct list jar_queue; /* of struct jar_run: programs that wait for their turn */
	uint32_t jar_queue_count, jars_running;
	char *upload_directory, *home_directory; /* the latter may be NULL */
	struct door *door;
	struct mg_context *inside;
	char key[DOOR_KEY_SIZE];
	char *token; /* NULL: none is wanted */
	uint16_t port;
	/* stopping: the agent acknowledges that it has answered whoever waited */
	atomic_bool stopping;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	bool stopped; /* under the mutex */
};

/* ---- routes (router.c) ---------------------------------------------------------------------- */

typedef void rest_handler_fn(struct rest *rest, struct rest_request *request);

enum rest_body {
	REST_NO_BODY,	/* nothing, or {} */
	REST_ACTS,	/* the same, of a GET that does more than look */
	REST_FIELDS,	/* a JSON object as api_table.c says, then in request->fields */
	REST_BYTES,	/* the handler's own */
};

struct rest_route { /* and a row in api_table.c: what it takes and gives */
	const char *method, *pattern; /* "/jobs/:jobid/vertices/:vertexid" */
	rest_handler_fn *handler;
	enum rest_body body;
	const char *help; /* one line for docs/rest.md */
};
extern const struct rest_route rest_routes[]; /* ends with a NULL method */

/* The route for a method (HEAD counts as GET) and a path as sent, with or without /v1; NULL: none.
 * Fills the request's parameters. *crooked: a part of the path cannot be percent-decoded. */
const struct rest_route *rest_route_find(const char *method, const char *path,
					 struct rest_request *request, bool *crooked);
/* Whether a request may do more than look. Any thread; target: as sent, with its query. */
bool rest_changes_something(const char *method, const char *target);
/* Whether the settings have that route switched off, so that it is not there. */
bool rest_route_is_off(const struct rest_route *route, const struct conf *conf);
void rest_parameters_clear(struct rest_request *request);
const char *rest_parameter(const struct rest_request *request,
			   const char *name); /* "" if not there */
/* A query value, decoded; NULL: not given (or not decodable). mem_free. */
char *rest_query(const struct rest_request *request, const char *name);
/* The number given, or `otherwise`. False: it is no number from `least` on; answered with 400. */
bool rest_query_int(struct rest_request *request, const char *name, int64_t least,
		    int64_t otherwise, int64_t *value);
/* False: the body does not fit the route; answered with 400. */
bool rest_body_fits(struct rest_request *request);

/* ---- what routes take and give (api_table.c) ------------------------------------------------ */

struct rest_api {
	const char *method, *pattern; /* a route's */
	const char *query; /* "get?:s agg?:s"; a header's name begins with a capital; NULL: none */
	const char *body;  /* the name of its body's shape, or a media type; NULL: none */
	int status;	   /* of success */
	const char *gives; /* the shape of its answer, or a media type */
};
extern const struct rest_api rest_apis[];	  /* ends with a NULL method */
extern const struct shape_name rest_shapes[]; /* ends with a NULL name */
const struct rest_api *rest_api_of(const struct rest_route *route); /* NULL: it has no row */

/* ---- answers (rest.c): each request exactly once -------------------------------------------- */

/* What was written to request->json, if anything; it must be closed. */
void rest_answer(struct rest_request *request, int status);
void rest_answer_empty(struct rest_request *request, int status);      /* {} */
void rest_answer_text(struct rest_request *request, struct buf *text); /* takes what is in text */
/* Takes what is in bytes; content_type is a literal. */
void rest_answer_bytes(struct rest_request *request, int status, const char *content_type,
		       struct buf *bytes);
void rest_answer_error(struct rest_request *request, int status, const char *format, ...)
	PRINTF(3, 4);
void rest_answer_err(struct rest_request *request, const struct err *err);
/* Before the answer, also one that is an error: a header of it (ETag, Location, Retry-After …).
 * Unless Cache-Control is among them it is no-store. Answers of 304 and 204 go without a body. */
void rest_answer_header(struct rest_request *request, const char *name, const char *value);
/* What the client sent; NULL: it did not, or it is none of door_passed. */
const char *rest_header(const struct rest_request *request, const char *name);
/* Whether If-None-Match has this tag, which is written with its quotes. */
bool rest_etag_matches(const struct rest_request *request, const char *etag);
/* The answer will come later, on the runner's thread; the HTTP thread is let go. */
void rest_defer(struct rest_request *request);
/* Long poll: `resume` is called when the job changes, and with `expired` when the time is over; it
 * answers, or leaves the request waiting (not when expired). */
void rest_wait_for_job(struct rest_request *request, const struct id *job_id, int64_t wait_ms,
		       void (*resume)(struct rest_request *request, bool expired));
/* All of it but its port and civetweb, for checkers: requests come through the inbox, and their
 * answers stay in them. rest_destroy ends it. */
struct rest *rest_create_inside(struct dispatcher *dispatcher, struct runner *runner,
				const struct jobmanager_options *options);
struct rest_request *rest_request_create(struct rest *rest);
void rest_request_unref(struct rest_request *request);

/* ---- answers without an end (stream.c) ------------------------------------------------------ */

#define REST_STREAMS_MAX 64
#define REST_EVENTS "text/event-stream"

/* In place of an answer; all of it on the JobManager's runner. The request is answered with it:
 * look at its parameters before. NULL: there are REST_STREAMS_MAX already; answered with 503.
 *
 * What is sent before the handler returns is the stream's beginning and may be large; later, who
 * has not read 1 MiB of it is cut. `gone` is called once, in a step of the REST agent and never
 * from within these functions, when the client has left, was cut, or the server ends; the stream is
 * no more when it returns. */
struct rest_stream *rest_stream_begin(struct rest_request *request, const char *content_type,
				      void (*gone)(void *context), void *context);
void rest_stream_send(struct rest_stream *stream, const char *bytes, size_t size_bytes);
/* What was sent still goes out; `gone` is not called; the stream is no more. */
void rest_stream_end(struct rest_stream **stream);
/* Any thread: the door says that nobody listens. */
void rest_stream_over(void *context, uint64_t number);
void rest_streams_step(struct rest *rest);
void rest_streams_stop(struct rest *rest); /* calls every `gone` */
void rest_streams_free(struct rest *rest); /* after the runner */

/* What changed is told to those who follow it (events.c). */
void rest_events_step(struct rest *rest, mono_t now, mono_t *wake_at);

/* The body of an error in Flink's shape. */
void rest_write_error(struct json_out *json, int status, const char *message);

/* The body for a path that is neither a route nor a file of the page. */
void rest_write_no_file(struct json_out *json, const char *path);

/* ---- jobs of attached clients (leases.c) ----------------------------------------------------- */

void rest_leases_step(struct rest *rest, mono_t now, mono_t *wake_at);
void rest_leases_free(struct rest *rest);

/* ---- jobs that are in the history alone (archived.c) ----------------------------------------- */

/* True: the request is about such a job, and is answered or will be. */
bool rest_archived(struct rest *rest, struct rest_request *request);
void rest_archived_reads_free(struct rest *rest); /* after the history */

/* ---- civetweb (inside.c) -------------------------------------------------------------------- */

MUST_USE int rest_inside_start(struct rest *rest, uint16_t *port, struct err *err);
void rest_inside_stop(struct rest *rest);
/* Sends the file of the page with that path, or civetweb's refusal; false: it is no path of one.
 * (page.c) */
bool rest_page_send(struct mg_connection *connection, const struct rest *rest, const char *path);

/* ---- views (views.c) ------------------------------------------------------------------------ */

/* These answer 404 or 400 themselves and return NULL if there is no such thing. */
struct job *rest_find_job(struct rest *rest, struct rest_request *request);
struct job_vertex *rest_find_vertex(const struct job *job, struct rest_request *request);
struct job_vertex *rest_vertex_of(const struct job *job, const struct id *id); /* NULL */
struct taskmanager_info *rest_find_taskmanager(struct rest *rest, struct rest_request *request);
/* One that is connected; 503 otherwise. And what calls to it go through. */
struct taskmanager_info *rest_reachable_taskmanager(struct rest *rest,
						     struct rest_request *request);
struct rpc_stub rest_taskmanager_stub(const struct taskmanager_info *info);
/* The vertex, without an answer if there is none: metrics of what is not there are an empty list.
 *  */
struct job_vertex *rest_known_vertex(struct rest *rest, struct rest_request *request);
/* False: no such subtask; answered. */
bool rest_find_subtask(const struct job_vertex *vertex, struct rest_request *request,
		       uint32_t *index);
void rest_bad_parameter(struct rest_request *request, const char *kind, const char *name,
			const char *value);

void rest_put_counters(struct json_out *json, struct dispatcher *dispatcher);
void rest_put_io(struct json_out *json, const char *key, const struct io_metrics *metrics);
void rest_put_states(struct json_out *json, const char *key,
		     const uint32_t counts[EXECUTION_STATE_COUNT]);
void rest_put_plan(struct json_out *json, const char *key, const struct job *job);
/* Of a graph that job_graph_check has passed. */
void rest_put_graph_plan(struct json_out *json, const char *key, const Flink__JobGraph *graph);
/* Unpacks a SubmitJobRequest with its graph into the arena; NULL: it is none, or far too large. */
Flink__SubmitJobRequest *rest_unpack_submit(struct arena *arena, struct bytes bytes);
const char *rest_job_type(const struct job *job); /* STREAMING, BATCH */
struct id rest_sharing_group_id(const struct job *job, const char *group);
const char *rest_operator_kind(const Flink__Operator *operator);
/* Members that tell what an operator did; none if it is not told. Returns the records it gives out
 * per second; -1: not told. */
double rest_put_operator(struct json_out *json, const struct job_vertex *vertex, uint32_t operator);
void rest_put_note(struct json_out *json, const struct job *job);
/* As /jobs/overview lists it. */
void rest_put_job_details(struct json_out *json, const struct job *job, wall_t now);
void rest_put_archived_details(struct json_out *json, const struct history_job *job);
struct rest_output { /* what `GET …/output` tells */
	const char *status, *note;
	struct bytes lines;
	uint64_t offset, end; /* of the first line; of all that the job printed */
	bool is_final;
	wall_t start_ms, end_ms, all_running_ms;
	int64_t failure_code;
	const char *failure_text, *failure_origin; /* NULL: it did not fail */
};
void rest_put_output(struct json_out *json, const struct rest_output *output);
/* What `GET …/output` answers, with all lines that are kept. Holes between them are closed: only
 * the offsets of the lines behind the last one are what they were. */
void rest_put_whole_output(struct json_out *json, const struct job *job);
/* Those lines; returns the first one's offset. */
uint64_t rest_whole_output(const struct job *job, struct buf *lines);
void rest_put_failure_cause(struct json_out *json, const char *key, const struct err *why);
/* Answers. */
void rest_cancel_job(struct rest *rest, struct rest_request *request, struct job *job);
void rest_refuse_mode_stop(struct rest_request *request);
/* Who holds the job, or the vertex, back. */
void rest_put_bottleneck(struct json_out *json, const struct job *job);
void rest_put_vertex_cause(struct json_out *json, const char *key, const struct job_vertex *vertex);
/* Of the JobManager: what is set, else what the machine has. 0: not known. Reads a file: at the
 * start only. */
uint64_t rest_memory_max_bytes(struct world *world, const struct conf *conf);
/* Metrics: the names of all when the query names none (`get`), else the values of those it names,
 * in its order; unknown ones are left out. Values are strings. */
struct rest_metric {
	const char *id;
	double value;
};
void rest_answer_metrics(struct rest_request *request, const struct rest_metric *metrics,
			 size_t count);
/* The same over several things (aggregate.c). */
#define REST_METRICS_MAX 40
struct rest_group {
	struct rest *rest;
	const void **items; /* count of them; mem_free */
	size_t count, room;
	size_t (*metrics_of)(struct rest *rest, const void *item,
			     struct rest_metric metrics[REST_METRICS_MAX]);
};
size_t rest_metrics_of_job(struct rest *rest, const void *item,
			   struct rest_metric metrics[REST_METRICS_MAX]);
size_t rest_metrics_of_taskmanager(struct rest *rest, const void *item,
				   struct rest_metric metrics[REST_METRICS_MAX]);
/* Fewer than REST_METRICS_MAX. */
size_t rest_metrics_of_jobmanager(struct rest *rest, struct rest_metric metrics[REST_METRICS_MAX]);
struct rest_aggregates {
	double low, high, sum;
	double deviation; /* from the mean, absolute, added up */
	uint32_t count;
};
void rest_aggregate(struct rest_aggregates *of, double value);
/* Once more for each value, when all were added: for the skew. */
void rest_aggregate_again(struct rest_aggregates *of, double value);
/* Flink's score (FLIP-418): mean absolute deviation as a percentage of the mean, at most 100. */
double rest_aggregate_skew(const struct rest_aggregates *of);
/* Whether agg names nothing but min, max, avg, sum and skew. */
bool rest_aggregates_known(const char *agg);
/* agg: those asked for, "min,max"; NULL: all. At least one value was added. */
void rest_put_aggregates(struct json_out *json, const char *id, size_t length, const char *agg,
			 const struct rest_aggregates *of);
void rest_put_value(struct json_out *json, const char *id, size_t id_length, double value);
void rest_put_metric_name(struct json_out *json, const char *id);
/* The next item of a comma-separated list; false: none is left. */
bool rest_list_next(const char **list, const char **item, size_t *length);
struct io_metrics rest_vertex_io(const struct job_vertex *vertex);
/* Start, end (-1: not yet) and duration of one execution, some of a vertex, all of it. */
struct rest_times {
	wall_t start, end;
	int64_t duration;
};
struct rest_times rest_times_entered(const wall_t entered_ms[EXECUTION_STATE_COUNT], wall_t now);
struct rest_times rest_execution_times(const struct execution *execution, wall_t now);
struct rest_times rest_vertex_times(const struct job_vertex *vertex, wall_t now);
struct rest_times rest_times_of(const struct execution *const *executions, uint32_t count,
				wall_t now);
enum execution_state rest_aggregate_state(const uint32_t counts[EXECUTION_STATE_COUNT]);

/* ---- files (files.c) ------------------------------------------------------------------------ */

#define REST_FILE_BYTES_MAX (32 * 1024 * 1024) /* of a longer one the end is shown */

/* How much of a file's end is asked for (query "tail"; all: INT64_MAX). False: the query is wrong;
 * answered. */
bool rest_file_tail(struct rest_request *request, uint64_t *tail_bytes);
/* How many bytes of a file of that size are not shown. */
uint64_t rest_file_skip(uint64_t size_bytes, uint64_t tail_bytes);
/* Makes the text begin with a whole line, or with one that says what is left out unasked. */
void rest_file_finish(struct buf *text, uint64_t left_out_bytes, uint64_t tail_bytes);
void rest_put_file_kind(struct json_out *json, bool is_log, bool is_stdout);
void rest_log_reads_free(struct rest *rest); /* after the runner */
/* A page of lines: what is asked for (False: answered; afterwards rest_lines_query_free), and the
 * answer's object. */
struct log_query;
bool rest_lines_query(struct rest_request *request, struct log_query *query);
void rest_lines_query_free(struct log_query *query);
void rest_put_page(struct json_out *json, const char *name, const struct log_page *page);
void rest_page_reads_free(struct rest *rest); /* file_lines.c; after the runner */

/* ---- handlers ------------------------------------------------------------------------------- */

rest_handler_fn rest_snapshot, rest_job_snapshot; /* snapshot.c */
rest_handler_fn rest_events, rest_prometheus, rest_job_operators, rest_job_hot_spots;

rest_handler_fn rest_config, rest_overview, rest_jobs, rest_jobs_overview, rest_job,
	rest_job_status, rest_job_config, rest_job_plan, rest_job_exceptions, rest_job_accumulators,
	rest_job_cancel, rest_job_yarn_cancel, rest_job_execution_result, rest_job_output,
	rest_job_output_lines,
	rest_job_metrics, rest_jobs_metrics, rest_taskmanagers_metrics,
	rest_job_checkpoints, rest_job_checkpoints_config,
	rest_job_resource_requirements, rest_job_client_heartbeat, rest_vertex, rest_vertex_subtask,
	rest_vertex_attempt, rest_vertex_flamegraph, rest_vertex_subtasktimes,
	rest_vertex_taskmanagers, rest_vertex_accumulators, rest_vertex_subtasks_accumulators,
	rest_vertex_watermarks, rest_vertex_backpressure, rest_vertex_metrics,
	rest_vertex_subtasks_metrics, rest_taskmanagers, rest_taskmanager, rest_taskmanager_metrics,
	rest_taskmanager_logs, rest_taskmanager_log, rest_taskmanager_stdout, rest_taskmanager_file,
	rest_taskmanager_file_lines,
	rest_taskmanager_thread_dump, rest_jobmanager_config, rest_jobmanager_environment,
	rest_jobmanager_metrics, rest_jobmanager_logs, rest_jobmanager_log, rest_jobmanager_stdout,
	rest_jobmanager_file, rest_jobmanager_file_lines, rest_jobmanager_thread_dump,
	rest_put_artifact, rest_submit;
/* jars.c, jar_upload.c, jar_run.c */
rest_handler_fn rest_jars, rest_jar_upload, rest_jar_delete, rest_jar_run, rest_jar_plan;
/* triggers.c, adaptive.c, applications.c, rarely.c, openapi.c */
rest_handler_fn rest_openapi, rest_vertex_attempt_accumulators, rest_shutdown_cluster,
	rest_datasets, rest_delete_dataset, rest_dataset_deletion_status,
	rest_trigger_savepoint_disposal, rest_savepoint_disposal_status, rest_job_yarn_stop,
	rest_job_trigger_checkpoint, rest_job_checkpoint_status, rest_job_checkpoint,
	rest_job_checkpoint_subtasks, rest_job_trigger_savepoint, rest_job_savepoint_status,
	rest_job_stop, rest_job_coordinator, rest_put_job_resource_requirements, rest_job_rescaling,
	rest_job_rescales, rest_job_jobmanager_config, rest_job_jobmanager_environment,
	rest_job_jobmanager_log_url, rest_job_taskmanager_log_url, rest_vertex_jm_operator_metrics,
	rest_applications, rest_application, rest_application_cancel, rest_application_exceptions,
	rest_application_jobmanager_config;
/* series.c */
rest_handler_fn rest_job_series, rest_taskmanager_series, rest_jobmanager_series;

#endif
