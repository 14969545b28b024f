/* SPDX-License-Identifier: Apache-2.0
 * router.c - the table of routes and how a path meets it; path and query parameters; bodies.
 *
 * Every route exists bare and under /v1, and answers HEAD where it answers GET. docs/rest.md has
 * the same table; rest_test.c compares them. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/check.h"
#include "common/base/mem.h"
#include "jobmanager/rest/door_http.h"
#include "jobmanager/rest/rest_priv.h"

#define BODY_BYTES_MAX 4096 /* of those that are nothing or {} */
#define FIELDS_BYTES_MAX (64 * 1024)
#define EMPTY_BODY "EmptyRequestBody"
#define JOB "/jobs/:jobid"
#define VERTEX JOB "/vertices/:vertexid"
#define APPLICATION "/applications/:applicationid"
#define TASKMANAGER "/taskmanagers/:taskmanagerid"

const struct rest_route rest_routes[] = {
	{ "GET", "/config", rest_config, REST_NO_BODY,
	  "what the page needs to know first: version, refresh interval, features" },
	{ "GET", "/overview", rest_overview, REST_NO_BODY, "TaskManagers, slots, jobs by outcome" },
	{ "GET", "/snapshot", rest_snapshot, REST_NO_BODY,
	  "the whole cluster in one answer: counters, jobs, TaskManagers" },
	{ "GET", "/openapi.json", rest_openapi, REST_NO_BODY,
	  "all of this for programs: OpenAPI 3.1, with the forms of bodies and answers" },
	{ "DELETE", "/cluster", rest_shutdown_cluster, REST_NO_BODY,
	  "ends the JobManager, as its stop script does" },
	{ "GET", "/metrics", rest_prometheus, REST_NO_BODY,
	  "all metrics in Prometheus' text format, by Flink's names: `from`" },
	{ "GET", "/events", rest_events, REST_NO_BODY,
	  "pictures and what changes in them, as server-sent events: `jobs`, `cluster`" },
	{ "GET", "/jobs", rest_jobs, REST_NO_BODY, "ids and states of all jobs" },
	{ "GET", "/jobs/overview", rest_jobs_overview, REST_NO_BODY,
	  "all jobs, a summary each; `note` says what one waits for" },
	{ "GET", "/jobs/metrics", rest_jobs_metrics, REST_NO_BODY,
	  "metrics over jobs: `get`, `agg`, `jobs`" },
	{ "POST", "/jobs", rest_submit, REST_BYTES,
	  "submits a job: a SubmitJobRequest of `proto/dispatcher.proto`, its artifacts sent before" },
	{ "PUT", "/artifacts/:sha256", rest_put_artifact, REST_BYTES,
	  "a program file, or a piece of one: `name`, `offset`, `size`" },
	{ "GET", JOB, rest_job, REST_NO_BODY,
	  "one job: vertices with records and bytes, timestamps, plan" },
	{ "PATCH", JOB, rest_job_cancel, REST_NO_BODY, "cancels it (`mode=cancel`)" },
	{ "GET", JOB "/yarn-cancel", rest_job_yarn_cancel, REST_ACTS,
	  "the same, as Flink's page asks for it" },
	{ "GET", JOB "/snapshot", rest_job_snapshot, REST_NO_BODY,
	  "the whole job in one answer: vertices, operators, subtasks, edges" },
	{ "GET", JOB "/yarn-stop", rest_job_yarn_stop, REST_ACTS,
	  "says that `stop` is the way" },
	{ "GET", JOB "/operators", rest_job_operators, REST_NO_BODY,
	  "all its operators, whichever vertex they are in, and what feeds them" },
	{ "GET", JOB "/metrics/top-n", rest_job_hot_spots, REST_NO_BODY,
	  "where to look first: busiest, held back, skewed, lagging, each with a sentence: `top`" },
	{ "GET", JOB "/status", rest_job_status, REST_NO_BODY, "its state alone" },
	{ "GET", JOB "/config", rest_job_config, REST_NO_BODY, "its execution configuration" },
	{ "GET", JOB "/plan", rest_job_plan, REST_NO_BODY, "its plan alone" },
	{ "GET", JOB "/exceptions", rest_job_exceptions, REST_NO_BODY,
	  "its failures, newest first: `maxExceptions`" },
	{ "GET", JOB "/accumulators", rest_job_accumulators, REST_NO_BODY,
	  "accumulators (there are none yet)" },
	{ "GET", JOB "/execution-result", rest_job_execution_result, REST_NO_BODY,
	  "its outcome, once it has one" },
	{ "GET", JOB "/output", rest_job_output, REST_NO_BODY,
	  "the lines it printed: `from`, `max`; waits for news with `wait_ms`, `status`, `note`" },
	{ "GET", JOB "/output/lines", rest_job_output_lines, REST_NO_BODY,
	  "the same by pages, as those of log files, with `search`" },
	{ "GET", JOB "/metrics", rest_job_metrics, REST_NO_BODY, "its metrics: `get`" },
	{ "GET", JOB "/series", rest_job_series, REST_NO_BODY,
	  "its numbers over time: `get`, `from`, `to`, `step`" },
	{ "GET", JOB "/checkpoints", rest_job_checkpoints, REST_NO_BODY,
	  "checkpoint counts (there are none yet)" },
	{ "POST", JOB "/checkpoints", rest_job_trigger_checkpoint, REST_FIELDS,
	  "takes a checkpoint: gives a `request-id` to ask about (it fails: there are none yet)" },
	{ "GET", JOB "/checkpoints/config", rest_job_checkpoints_config, REST_NO_BODY,
	  "checkpoint settings (periodic ones are off)" },
	{ "GET", JOB "/checkpoints/details/:checkpointid", rest_job_checkpoint, REST_NO_BODY,
	  "one checkpoint" },
	{ "GET", JOB "/checkpoints/details/:checkpointid/subtasks/:vertexid", rest_job_checkpoint_subtasks, REST_NO_BODY,
	  "one checkpoint of one vertex, by subtask" },
	{ "GET", JOB "/checkpoints/:triggerid", rest_job_checkpoint_status, REST_NO_BODY,
	  "how a triggered checkpoint went" },
	{ "POST", JOB "/savepoints", rest_job_trigger_savepoint, REST_FIELDS,
	  "takes a savepoint, and cancels with `cancel-job` (it fails: there are none yet)" },
	{ "GET", JOB "/savepoints/:triggerid", rest_job_savepoint_status, REST_NO_BODY,
	  "how a savepoint, or stopping with one, went" },
	{ "POST", JOB "/stop", rest_job_stop, REST_FIELDS,
	  "stops it with a savepoint (it fails: there are none yet)" },
	{ "GET", JOB "/resource-requirements", rest_job_resource_requirements, REST_NO_BODY,
	  "parallelism of its vertices" },
	{ "PUT", JOB "/resource-requirements", rest_put_job_resource_requirements, REST_FIELDS,
	  "changes it: only the adaptive scheduler can, which no job here runs with" },
	{ "PATCH", JOB "/rescaling", rest_job_rescaling, REST_NO_BODY,
	  "the older way, switched off as in Flink" },
	{ "GET", JOB "/rescaling/:triggerid", rest_job_rescaling, REST_NO_BODY,
	  "the same" },
	{ "GET", JOB "/rescales/config", rest_job_rescales, REST_NO_BODY,
	  "how it is rescaled: only the adaptive scheduler does" },
	{ "GET", JOB "/rescales/overview", rest_job_rescales, REST_NO_BODY,
	  "the same" },
	{ "GET", JOB "/rescales/summary", rest_job_rescales, REST_NO_BODY,
	  "the same" },
	{ "GET", JOB "/rescales/history", rest_job_rescales, REST_NO_BODY,
	  "the same" },
	{ "GET", JOB "/rescales/details/:rescaleuuid", rest_job_rescales, REST_NO_BODY,
	  "the same" },
	{ "PATCH", JOB "/clientHeartbeat", rest_job_client_heartbeat, REST_FIELDS,
	  "an attached client lives; it is cancelled when it has not come again by `expiredTimestamp`" },
	{ "POST", JOB "/coordinators/:operatorid", rest_job_coordinator, REST_FIELDS,
	  "asks the coordinator of an operator (none takes questions)" },
	{ "GET", JOB "/jobmanager/config", rest_job_jobmanager_config, REST_NO_BODY,
	  "as `/jobmanager/config`" },
	{ "GET", JOB "/jobmanager/environment", rest_job_jobmanager_environment, REST_NO_BODY,
	  "as `/jobmanager/environment`" },
	{ "GET", JOB "/jobmanager/log-url", rest_job_jobmanager_log_url, REST_NO_BODY,
	  "the address of its JobManager's log" },
	{ "GET", JOB TASKMANAGER "/log-url", rest_job_taskmanager_log_url, REST_NO_BODY,
	  "the address of a TaskManager's log" },
	{ "GET", VERTEX, rest_vertex, REST_NO_BODY, "one vertex: subtasks, statistics, operators" },
	{ "GET", VERTEX "/subtasktimes", rest_vertex_subtasktimes, REST_NO_BODY,
	  "when its subtasks entered their states" },
	{ "GET", VERTEX "/taskmanagers", rest_vertex_taskmanagers, REST_NO_BODY,
	  "the same by TaskManager" },
	{ "GET", VERTEX "/accumulators", rest_vertex_accumulators, REST_NO_BODY,
	  "accumulators (there are none yet)" },
	{ "GET", VERTEX "/watermarks", rest_vertex_watermarks, REST_NO_BODY,
	  "input watermark per subtask" },
	{ "GET", VERTEX "/backpressure", rest_vertex_backpressure, REST_NO_BODY,
	  "busy, idle and back-pressured shares; `cause` says who holds whom back" },
	{ "GET", VERTEX "/flamegraph", rest_vertex_flamegraph, REST_NO_BODY,
	  "where the time of its subtasks goes: `type` (FULL, ON_CPU, OFF_CPU), `subtaskindex`" },
	{ "GET", VERTEX "/metrics", rest_vertex_metrics, REST_NO_BODY,
	  "metrics of all subtasks: `get`" },
	{ "GET", VERTEX "/jm-operator-metrics", rest_vertex_jm_operator_metrics, REST_NO_BODY,
	  "metrics of coordinators of its operators (there are none)" },
	{ "GET", VERTEX "/subtasks/metrics", rest_vertex_subtasks_metrics, REST_NO_BODY,
	  "metrics over subtasks: `get`, `agg`, `subtasks`" },
	{ "GET", VERTEX "/subtasks/accumulators", rest_vertex_subtasks_accumulators, REST_NO_BODY,
	  "accumulators per subtask" },
	{ "GET", VERTEX "/subtasks/:subtaskindex", rest_vertex_subtask, REST_NO_BODY,
	  "one subtask's current attempt" },
	{ "GET", VERTEX "/subtasks/:subtaskindex/attempts/:attempt", rest_vertex_attempt,
	  REST_NO_BODY, "one attempt of it, also an earlier one; its numbers are its own" },
	{ "GET", VERTEX "/subtasks/:subtaskindex/attempts/:attempt/accumulators",
	  rest_vertex_attempt_accumulators, REST_NO_BODY, "its accumulators (there are none yet)" },
	{ "GET", VERTEX "/subtasks/:subtaskindex/metrics", rest_vertex_metrics, REST_NO_BODY,
	  "its metrics: `get`" },
	{ "GET", "/taskmanagers", rest_taskmanagers, REST_NO_BODY,
	  "all TaskManagers: slots, memory, last heartbeat" },
	{ "GET", "/taskmanagers/metrics", rest_taskmanagers_metrics, REST_NO_BODY,
	  "metrics over TaskManagers: `get`, `agg`, `taskmanagers`" },
	{ "GET", TASKMANAGER, rest_taskmanager, REST_NO_BODY,
	  "one of them, with its slots in use" },
	{ "GET", TASKMANAGER "/metrics", rest_taskmanager_metrics, REST_NO_BODY,
	  "its metrics: `get`" },
	{ "GET", TASKMANAGER "/series", rest_taskmanager_series, REST_NO_BODY,
	  "its numbers over time: `get`, `from`, `to`, `step`" },
	{ "GET", TASKMANAGER "/logs", rest_taskmanager_logs, REST_NO_BODY, "its log files" },
	{ "GET", TASKMANAGER "/logs/:filename", rest_taskmanager_file, REST_NO_BODY,
	  "one of them: `tail`" },
	{ "GET", TASKMANAGER "/logs/:filename/lines", rest_taskmanager_file_lines, REST_NO_BODY,
	  "a page of its lines, as of the JobManager's" },
	{ "GET", TASKMANAGER "/log", rest_taskmanager_log, REST_NO_BODY, "its log: `tail`" },
	{ "GET", TASKMANAGER "/stdout", rest_taskmanager_stdout, REST_NO_BODY,
	  "its standard output: `tail`" },
	{ "GET", TASKMANAGER "/thread-dump", rest_taskmanager_thread_dump, REST_NO_BODY,
	  "what its threads do" },
	{ "GET", "/jobmanager/config", rest_jobmanager_config, REST_NO_BODY,
	  "the settings in force and where they come from; secrets masked" },
	{ "GET", "/jobmanager/environment", rest_jobmanager_environment, REST_NO_BODY,
	  "what Flink tells of its Java machine; ours is native" },
	{ "GET", "/jobmanager/metrics", rest_jobmanager_metrics, REST_NO_BODY,
	  "cluster metrics: `get`" },
	{ "GET", "/jobmanager/series", rest_jobmanager_series, REST_NO_BODY,
	  "its and the cluster's numbers over time: `get`, `from`, `to`, `step`" },
	{ "GET", "/jobmanager/logs", rest_jobmanager_logs, REST_NO_BODY,
	  "the JobManager's log files" },
	{ "GET", "/jobmanager/logs/:filename", rest_jobmanager_file, REST_NO_BODY,
	  "one of them: `tail`" },
	{ "GET", "/jobmanager/logs/:filename/lines", rest_jobmanager_file_lines, REST_NO_BODY,
	  "a page of its lines: `from`, `max`, `backwards`, `search`, `level`, `file`; `wait_ms`" },
	{ "GET", "/jobmanager/log", rest_jobmanager_log, REST_NO_BODY, "its log: `tail`" },
	{ "GET", "/jobmanager/stdout", rest_jobmanager_stdout, REST_NO_BODY,
	  "its standard output: `tail`" },
	{ "GET", "/jobmanager/thread-dump", rest_jobmanager_thread_dump, REST_NO_BODY,
	  "what its threads do" },
	{ "GET", "/jars", rest_jars, REST_NO_BODY, "uploaded programs, newest first" },
	{ "POST", "/jars/upload", rest_jar_upload, REST_BYTES,
	  "uploads one: `.so`, `.c`, `.py` or `.zip`, the only file of a `multipart/form-data`" },
	{ "DELETE", "/jars/:jarid", rest_jar_delete, REST_NO_BODY, "deletes one" },
	{ "POST", "/jars/:jarid/run", rest_jar_run, REST_FIELDS,
	  "runs one: `entry-class`, `program-args`, `programArg`, `parallelism`, or a body" },
	{ "GET", "/jars/:jarid/plan", rest_jar_plan, REST_ACTS,
	  "the plan of what it would run, asked for in the same way" },
	{ "POST", "/jars/:jarid/plan", rest_jar_plan, REST_FIELDS, "the same, with a body" },
	{ "GET", "/applications/overview", rest_applications, REST_NO_BODY,
	  "all jobs, each as the application of 2.x that it is" },
	{ "GET", APPLICATION, rest_application, REST_NO_BODY,
	  "one of them" },
	{ "POST", APPLICATION "/cancel", rest_application_cancel, REST_NO_BODY,
	  "cancels it" },
	{ "GET", APPLICATION "/exceptions", rest_application_exceptions, REST_NO_BODY,
	  "why it failed" },
	{ "GET", APPLICATION "/jobmanager/config", rest_application_jobmanager_config, REST_NO_BODY,
	  "as `/jobmanager/config`" },
	{ "GET", "/datasets", rest_datasets, REST_NO_BODY,
	  "data sets that outlive their jobs (there are none)" },
	{ "DELETE", "/datasets/:datasetid", rest_delete_dataset, REST_NO_BODY,
	  "deletes one" },
	{ "GET", "/datasets/delete/:triggerid", rest_dataset_deletion_status, REST_NO_BODY,
	  "how that went" },
	{ "POST", "/savepoint-disposal", rest_trigger_savepoint_disposal, REST_FIELDS,
	  "disposes of a savepoint (it fails: there are none yet)" },
	{ "GET", "/savepoint-disposal/:triggerid", rest_savepoint_disposal_status, REST_NO_BODY,
	  "how that went" },
	{ NULL, NULL, NULL, REST_NO_BODY, NULL },
};

/* ---- paths ---------------------------------------------------------------------------------- */

void rest_parameters_clear(struct rest_request *request)
{
	for (uint32_t i = 0; i < request->parameters_count; i++) {
		mem_free(request->parameters[i].name);
		mem_free(request->parameters[i].value);
	}
	request->parameters_count = 0;
}

/* False: the value cannot be decoded. */
static bool add_parameter(struct rest_request *request, const char *name, size_t name_length,
			  const char *value, size_t value_length)
{
	CHECK(request->parameters_count < REST_PARAMETERS_MAX, "%u path parameters",
	      request->parameters_count);
	struct rest_parameter *parameter = &request->parameters[request->parameters_count++];

	parameter->name = mem_strndup(name, name_length);
	parameter->value = door_decode(value, value_length, false);
	return parameter->value != NULL;
}

/* Segment by segment; a ":name" takes any one segment that is not empty. */
static bool matches(const char *pattern, const char *path, struct rest_request *request,
		    bool *crooked)
{
	bool decoded = true;

	rest_parameters_clear(request);
	while (*pattern == '/' && *path == '/') {
		size_t pattern_length = strcspn(++pattern, "/"), path_length = strcspn(++path, "/");

		if (pattern[0] == ':') {
			if (path_length == 0)
				return false;
			decoded = add_parameter(request, pattern + 1, pattern_length - 1, path,
						path_length) &&
				  decoded;
		} else if (pattern_length != path_length ||
			   memcmp(pattern, path, path_length) != 0) {
			return false;
		}
		pattern += pattern_length;
		path += path_length;
	}
	if (*pattern != '\0' || *path != '\0')
		return false;
	*crooked = *crooked || !decoded;
	return decoded;
}

const struct rest_route *rest_route_find(const char *method, const char *path,
					 struct rest_request *request, bool *crooked)
{
	*crooked = false;
	if (strcmp(method, "HEAD") == 0)
		method = "GET";
	if (strncmp(path, "/v1/", 4) == 0)
		path += 3;
	for (const struct rest_route *route = rest_routes; route->method != NULL; route++)
		if (strcmp(route->method, method) == 0 &&
		    matches(route->pattern, path, request, crooked))
			return route;
	rest_parameters_clear(request);
	return NULL;
}

bool rest_changes_something(const char *method, const char *target)
{
	struct rest_request request = { .parameters_count = 0 };
	char *path = mem_strndup(target, strcspn(target, "?"));
	bool crooked;
	const struct rest_route *route = rest_route_find(method, path, &request, &crooked);

	rest_parameters_clear(&request);
	mem_free(path);
	if (route != NULL && route->body == REST_ACTS)
		return true;
	return strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0 &&
	       strcmp(method, "OPTIONS") != 0;
}

bool rest_route_is_off(const struct rest_route *route, const struct conf *conf)
{
	return strncmp(route->pattern, "/jars", 5) == 0 && !conf_bool(conf, "web.submit.enable");
}

const char *rest_parameter(const struct rest_request *request, const char *name)
{
	for (uint32_t i = 0; i < request->parameters_count; i++)
		if (strcmp(request->parameters[i].name, name) == 0)
			return request->parameters[i].value;
	return "";
}

/* ---- queries -------------------------------------------------------------------------------- */

char *rest_query(const struct rest_request *request, const char *name)
{
	size_t name_length = strlen(name);

	for (const char *at = request->query; at != NULL && *at != '\0';) {
		size_t length = strcspn(at, "&");

		if (length > name_length && strncmp(at, name, name_length) == 0 &&
		    at[name_length] == '=')
			return door_decode(at + name_length + 1, length - name_length - 1, true);
		at += length + (at[length] == '&');
	}
	return NULL;
}

bool rest_query_int(struct rest_request *request, const char *name, int64_t least,
		    int64_t otherwise, int64_t *value)
{
	char *text = rest_query(request, name), *end = NULL;
	bool good = true;

	*value = otherwise;
	if (text != NULL) {
		size_t digits = strspn(text, "-0123456789");

		*value = strtoll(text, &end, 10);
		good = digits > 0 && digits < 19 && *end == '\0' && text[digits] == '\0' &&
		       *value >= least;
	}
	if (!good)
		rest_bad_parameter(request, "query", name, text);
	mem_free(text);
	return good;
}

/* ---- bodies --------------------------------------------------------------------------------- */

/* Flink's mapper is strict: JSON, an object, and no field that the class does not have. NULL: no
 * body, which equals {}; or not one (then `why` says so). */
static json_t *parse(const struct rest_request *request, size_t bytes_max, struct buf *why)
{
	json_error_t error;
	json_t *root;

	/* Parsed, a large body would be many times as large, and on the JobManager's runner. */
	if (request->body.size_bytes > bytes_max) {
		buf_printf(why, "it has %zu bytes, more than %zu", request->body.size_bytes,
			   bytes_max);
		return NULL;
	}
	if (request->body.size_bytes == 0)
		return json_object();
	root = json_loadb(request->body.data, request->body.size_bytes, JSON_REJECT_DUPLICATES,
			  &error);
	if (root == NULL)
		buf_printf(why, "%s, at byte %d", error.text, error.position);
	return root;
}

static bool is_upload(const struct rest_request *request)
{
	const char *type = rest_header(request, "Content-Type");

	return type != NULL && strncasecmp(type, "multipart/", 10) == 0;
}

bool rest_body_fits(struct rest_request *request)
{
	bool takes_fields = request->route->body == REST_FIELDS;
	const char *class = takes_fields ? rest_api_of(request->route)->body : EMPTY_BODY;
	struct buf why;

	if (request->route->body == REST_BYTES)
		return true;
	if (is_upload(request)) {
		rest_answer_error(request, 400, "File uploads not allowed.");
		return false;
	}
	buf_init(&why);
	request->fields = parse(request, takes_fields ? FIELDS_BYTES_MAX : BODY_BYTES_MAX, &why);
	bool fits = request->fields != NULL &&
		    shape_fits(request->fields, class, rest_shapes, &why);

	if (!fits)
		rest_answer_error(request, 400, "Request did not match expected format %s: %s.",
				  class, why.data);
	buf_fini(&why);
	return fits;
}
