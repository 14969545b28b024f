/* SPDX-License-Identifier: Apache-2.0
 * jobs.c - /overview, /config and everything under /jobs but the vertices. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/limits.h"
#include "common/base/mem.h"
#include "common/graph/graph.h"
#include "common/rpc/err_message.h"
#include "jobmanager/rest/rest_priv.h"
#include "common/base/version.h"

void rest_config(struct rest *rest, struct rest_request *request)
{
	const struct conf *conf = rest->options->conf;

	rest_answer_json(request, 200, json_pack("{s:I,s:s,s:i,s:s,s:s,s:{s:b,s:b,s:b,s:b}}",
		"refresh-interval", (json_int_t)conf_duration_ms(conf, "web.refresh-interval"),
		"timezone-name", "UTC", "timezone-offset", 0, "flink-version", FLINK_VERSION,
		"flink-revision", CFLINK_COMMIT " @ " CFLINK_VERSION,
		"features", "web-submit", 0, "web-cancel", conf_bool(conf, "web.cancel.enable"),
		"web-rescale", 0, "web-history", 0));
}

void rest_overview(struct rest *rest, struct rest_request *request)
{
	uint32_t taskmanagers, slots, free_slots;
	int running = 0, finished = 0, cancelled = 0, failed = 0;

	resource_manager_counts(dispatcher_resource_manager(rest->dispatcher), &taskmanagers, &slots, &free_slots);
	LIST_FOR_EACH(dispatcher_jobs(rest->dispatcher), struct job, node, job) {
		switch (job->status) {
		case JOB_FINISHED: finished++; break;
		case JOB_CANCELED: cancelled++; break;
		case JOB_FAILED: failed++; break;
		default: running++;
		}
	}
	rest_answer_json(request, 200, json_pack("{s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:s,s:s}",
		"taskmanagers", (int)taskmanagers, "slots-total", (int)slots, "slots-available", (int)free_slots,
		"jobs-running", running, "jobs-finished", finished, "jobs-cancelled", cancelled,
		"jobs-failed", failed, "flink-version", FLINK_VERSION, "flink-commit", CFLINK_COMMIT));
}

void rest_jobs(struct rest *rest, struct rest_request *request)
{
	json_t *jobs = json_array();

	LIST_FOR_EACH(dispatcher_jobs(rest->dispatcher), struct job, node, job)
		json_array_append_new(jobs, json_pack("{s:o,s:s}", "id", rest_id(&job->id), "status",
						      job_status_name(job)));
	rest_answer_json(request, 200, json_pack("{s:o}", "jobs", jobs));
}

static int64_t duration_of(const struct job *job, wall_t now)
{
	return (job->end_ms < 0 ? now : job->end_ms) - job->start_ms;
}

static json_t *states_lower(const struct job *job)
{
	uint32_t counts[EXECUTION_STATE_COUNT], total = 0;
	json_t *root = json_object();

	job_count_states(job, counts);
	for (uint32_t i = 0; i < EXECUTION_STATE_COUNT; i++)
		total += counts[i];
	json_object_set_new(root, "total", json_integer(total));
	for (uint32_t i = 0; i < EXECUTION_STATE_COUNT; i++) {
		char name[32];
		const char *upper = sm_name(&execution_states, i);
		size_t length = strlen(upper);

		for (size_t c = 0; c <= length && c < sizeof(name); c++)
			name[c] = (char)tolower((unsigned char)upper[c]);
		json_object_set_new(root, name, json_integer(counts[i]));
	}
	return root;
}

static json_t *job_details(const struct job *job, wall_t now)
{
	struct buf note;
	json_t *root;

	buf_init(&note);
	job_note(job, &note);
	root = json_pack("{s:o,s:s,s:I,s:I,s:I,s:s,s:I,s:o,s:s,s:s,s:i,s:s}", "jid", rest_id(&job->id), "name",
			 job->name, "start-time", (json_int_t)job->start_ms, "end-time", (json_int_t)job->end_ms,
			 "duration", (json_int_t)duration_of(job, now), "state", job_status_name(job),
			 "last-modification", (json_int_t)job->last_modified_ms, "tasks", states_lower(job),
			 "jobType", "STREAMING", "schedulerType", "Default", "pending-operators", 0, "note",
			 note.data);
	buf_fini(&note);
	return root;
}

void rest_jobs_overview(struct rest *rest, struct rest_request *request)
{
	json_t *jobs = json_array();
	wall_t now = world_wall(rest->world);

	LIST_FOR_EACH(dispatcher_jobs(rest->dispatcher), struct job, node, job)
		json_array_append_new(jobs, job_details(job, now));
	rest_answer_json(request, 200, json_pack("{s:o}", "jobs", jobs));
}

static json_t *job_vertex_json(const struct job_vertex *vertex, wall_t now)
{
	uint32_t counts[EXECUTION_STATE_COUNT];
	wall_t start, end;
	int64_t duration;
	struct io_metrics io = rest_vertex_io(vertex);

	job_vertex_count_states(vertex, counts);
	rest_vertex_times(vertex, now, &start, &end, &duration);
	return json_pack("{s:o,s:s,s:s,s:i,s:i,s:s,s:I,s:I,s:I,s:o,s:o}", "id", rest_id(&vertex->id),
			 "slotSharingGroupId", "", "name", vertex->message->name, "maxParallelism",
			 (int)vertex->message->max_parallelism, "parallelism", (int)vertex->message->parallelism,
			 "status", sm_name(&execution_states, job_vertex_state(vertex)), "start-time",
			 (json_int_t)start, "end-time", (json_int_t)end, "duration", (json_int_t)duration, "tasks",
			 rest_states_upper(counts), "metrics", rest_io_metrics(&io, true));
}

void rest_job(struct rest *rest, struct rest_request *request)
{
	struct job *job = rest_find_job(rest, request);
	wall_t now = world_wall(rest->world);
	uint32_t vertices[EXECUTION_STATE_COUNT] = { 0 };
	json_t *list = json_array(), *timestamps = json_object();
	struct buf note;

	if (job == NULL) {
		json_decref(list);
		json_decref(timestamps);
		return;
	}
	for (uint32_t i = 0; i < JOB_STATUS_COUNT; i++)
		json_object_set_new(timestamps, sm_name(&job_states, i), json_integer(job->entered_ms[i]));
	for (size_t i = 0; i < job->graph->n_vertices; i++) {
		json_array_append_new(list, job_vertex_json(&job->vertices[i], now));
		vertices[job_vertex_state(&job->vertices[i])]++;
	}
	buf_init(&note);
	job_note(job, &note);
	rest_answer_json(request, 200, json_pack(
		"{s:o,s:s,s:b,s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:o,s:o,s:o,s:o,s:i,s:s,s:I,s:i}", "jid", rest_id(&job->id),
		"name", job->name, "isStoppable", 0, "state", job_status_name(job), "job-type", "STREAMING",
		"start-time", (json_int_t)job->start_ms, "end-time", (json_int_t)job->end_ms, "duration",
		(json_int_t)duration_of(job, now), "maxParallelism", (json_int_t)-1, "now", (json_int_t)now,
		"timestamps", timestamps, "vertices", list, "status-counts", rest_states_upper(vertices), "plan",
		rest_plan(job), "pending-operators", 0, "note", note.data, "all-running-time",
		(json_int_t)job->all_running_ms, "restarts", (int)job->restarts));
	buf_fini(&note);
}

void rest_job_status(struct rest *rest, struct rest_request *request)
{
	struct job *job = rest_find_job(rest, request);

	if (job != NULL)
		rest_answer_json(request, 200, json_pack("{s:s}", "status", job_status_name(job)));
}

void rest_job_plan(struct rest *rest, struct rest_request *request)
{
	struct job *job = rest_find_job(rest, request);

	if (job != NULL)
		rest_answer_json(request, 200, json_pack("{s:o}", "plan", rest_plan(job)));
}

static char *restart_strategy_text(const struct conf *conf)
{
	const char *type = conf_text(conf, "restart-strategy.type");

	if (strcmp(type, "fixed-delay") == 0 || strcmp(type, "fixeddelay") == 0)
		return mem_printf("Restart with fixed delay (%lld ms). Attempts: %lld",
				  (long long)conf_duration_ms(conf, "restart-strategy.fixed-delay.delay"),
				  (long long)conf_int(conf, "restart-strategy.fixed-delay.attempts"));
	return mem_strdup(type[0] ? type : "Cluster level default restart strategy");
}

void rest_job_config(struct rest *rest, struct rest_request *request)
{
	struct job *job = rest_find_job(rest, request);
	json_t *user = json_object();

	if (job == NULL) {
		json_decref(user);
		return;
	}
	for (size_t i = 0; i < job->graph->n_settings; i++)
		json_object_set_new(user, job->graph->settings[i]->key,
				    json_string(conf_mask(job->graph->settings[i]->key,
							  job->graph->settings[i]->value)));
	char *restart = restart_strategy_text(job->conf);

	rest_answer_json(request, 200, json_pack("{s:o,s:s,s:{s:s,s:s,s:i,s:b,s:o}}", "jid", rest_id(&job->id),
		"name", job->name, "execution-config", "execution-mode", "PIPELINED", "restart-strategy", restart,
		"job-parallelism", (int)job->graph->default_parallelism, "object-reuse-mode", 0, "user-config", user));
	mem_free(restart);
}

static json_t *failure_json(const struct job_failure *failure)
{
	char *trace = mem_printf("%s [E%04d]\n\thint: %s", failure->err.text, (int)failure->err.code,
				 err_hint(failure->err.code));
	json_t *root = json_pack("{s:s,s:s,s:I,s:{},s:[]}", "exceptionName", err_name(failure->err.code),
				 "stacktrace", trace, "timestamp", (json_int_t)failure->at, "failureLabels",
				 "concurrentExceptions");

	mem_free(trace);
	if (failure->task_name != NULL)
		json_object_set_new(root, "taskName", json_string(failure->task_name));
	if (failure->endpoint != NULL) {
		json_object_set_new(root, "endpoint", json_string(failure->endpoint));
		json_object_set_new(root, "location", json_string(failure->endpoint));
	}
	if (failure->resource_id != NULL)
		json_object_set_new(root, "taskManagerId", json_string(failure->resource_id));
	return root;
}

void rest_job_exceptions(struct rest *rest, struct rest_request *request)
{
	struct job *job = rest_find_job(rest, request);
	int64_t limit = rest_query_int(request, "maxExceptions", 20);
	json_t *entries = json_array(), *all = json_array(), *root;
	const struct job_failure *newest = NULL;

	if (job == NULL) {
		json_decref(entries);
		json_decref(all);
		return;
	}
	for (struct list_node *node = job->failures.head.previous; node != &job->failures.head;
	     node = node->previous) {
		const struct job_failure *failure = CONTAINER_OF(node, struct job_failure, node);

		newest = newest ? newest : failure;
		if ((int64_t)json_array_size(entries) >= limit)
			continue;
		json_array_append_new(entries, failure_json(failure));
		if (failure->task_name != NULL)
			json_array_append_new(all, json_pack("{s:s,s:s,s:s,s:I,s:s}", "exception", failure->err.text,
				"task", failure->task_name, "location", failure->endpoint ? failure->endpoint : "",
				"timestamp", (json_int_t)failure->at, "taskManagerId",
				failure->resource_id ? failure->resource_id : ""));
	}
	bool truncated = job->failures_count > json_array_size(entries);

	root = json_pack("{s:o,s:b,s:{s:o,s:b}}", "all-exceptions", all, "truncated", truncated,
			 "exceptionHistory", "entries", entries, "truncated", truncated);
	json_object_set_new(root, "root-exception", newest ? json_string(newest->err.text) : json_null());
	json_object_set_new(root, "timestamp", newest ? json_integer(newest->at) : json_null());
	rest_answer_json(request, 200, root);
}

void rest_job_accumulators(struct rest *rest, struct rest_request *request)
{
	if (rest_find_job(rest, request) != NULL)
		rest_answer_json(request, 200, json_pack("{s:[],s:[],s:{}}", "job-accumulators",
			"user-task-accumulators", "serialized-user-task-accumulators"));
}

/* ---- cancelling ----------------------------------------------------------------------------------- */

static void cancel(struct rest *rest, struct rest_request *request)
{
	struct job *job = rest_find_job(rest, request);
	struct err err;

	if (job == NULL)
		return;
	if (dispatcher_cancel(rest->dispatcher, &job->id, &err) != 0)
		rest_answer_err(request, &err);
	else
		rest_answer_json(request, 202, json_object());
}

void rest_job_cancel(struct rest *rest, struct rest_request *request)
{
	char *mode = rest_query(request, "mode");

	if (mode != NULL && strcasecmp(mode, "cancel") != 0)
		rest_answer_error(request, strcasecmp(mode, "stop") == 0 ? 308 : 400,
				  strcasecmp(mode, "stop") == 0 ?
				  "The termination mode \"stop\" has been removed; use POST /jobs/:jobid/stop." :
				  "Bad request, could not parse parameters: mode is \"cancel\".");
	else
		cancel(rest, request);
	mem_free(mode);
}

void rest_job_yarn_cancel(struct rest *rest, struct rest_request *request)
{
	cancel(rest, request);
}

void rest_job_client_heartbeat(struct rest *rest, struct rest_request *request)
{
	if (rest_find_job(rest, request) != NULL)
		rest_answer_json(request, 202, json_object());
}

/* ---- results, output, submitting -------------------------------------------------------------------- */

void rest_job_execution_result(struct rest *rest, struct rest_request *request)
{
	struct job *job = rest_find_job(rest, request);
	json_t *result;

	if (job == NULL)
		return;
	if (!job_is_final(job)) {
		rest_answer_json(request, 200, json_pack("{s:{s:s}}", "status", "id", "IN_PROGRESS"));
		return;
	}
	result = json_pack("{s:o,s:s,s:{},s:I}", "id", rest_id(&job->id), "application-status",
			   job->status == JOB_FINISHED ? "SUCCEEDED" : job->status == JOB_CANCELED ? "CANCELED" :
			   "FAILED", "accumulator-results", "net-runtime", (json_int_t)(job->end_ms - job->start_ms));
	if (job->status == JOB_FAILED)
		json_object_set_new(result, "failure-cause", json_pack("{s:s,s:s,s:s}", "class",
			err_name(job->failure.code), "stack-trace", job->failure.text, "serialized-throwable", ""));
	rest_answer_json(request, 200, json_pack("{s:{s:s},s:o}", "status", "id", "COMPLETED",
						 "job-execution-result", result));
}

/* GET /jobs/:jobid/output?from=N&max=N&wait_ms=N&status=S&note=T: the job's print() lines from an
 * offset, and its status; with wait_ms it answers when lines, status or note changed, or when the
 * time is over. Ours, not Flink's. */
static bool output_changed(struct rest_request *request, const struct job *job)
{
	char *status = rest_query(request, "status"), *note_seen = rest_query(request, "note");
	struct buf note;

	buf_init(&note);
	job_note(job, &note);
	bool changed = job_output_end(job) > (uint64_t)rest_query_int(request, "from", 0) || job_is_final(job) ||
		       (status != NULL && strcmp(status, job_status_name(job)) != 0) ||
		       (note_seen != NULL && strcmp(note_seen, note.data) != 0);
	buf_fini(&note);
	mem_free(status);
	mem_free(note_seen);
	return changed;
}

static void answer_output(struct rest_request *request, const struct job *job)
{
	uint64_t from = (uint64_t)rest_query_int(request, "from", 0), offset = from;
	int64_t max = rest_query_int(request, "max", 256 * 1024);
	struct buf lines, note;

	buf_init(&lines);
	buf_init(&note);
	job_note(job, &note);
	if (max > LIMIT_OUTPUT_RING_BYTES)
		max = LIMIT_OUTPUT_RING_BYTES;
	size_t got = max > 0 ? job_output_read(job, from, (size_t)max, &lines, &offset) : 0;
	json_t *text = json_stringn(lines.data, lines.size_bytes);

	if (text == NULL) { /* not UTF-8: bytes of a BYTES column */
		for (size_t i = 0; i < lines.size_bytes; i++)
			if ((unsigned char)lines.data[i] >= 0x80)
				lines.data[i] = '?';
		text = json_stringn(lines.data, lines.size_bytes);
	}
	json_t *root = json_pack("{s:s,s:s,s:o,s:I,s:I,s:b,s:I,s:I,s:I}", "status", job_status_name(job), "note",
		note.data, "output", text, "offset", (json_int_t)offset, "next", (json_int_t)(offset + got), "end",
		job_is_final(job) && offset + got >= job_output_end(job), "start-time", (json_int_t)job->start_ms,
		"end-time", (json_int_t)job->end_ms, "all-running-time", (json_int_t)job->all_running_ms);

	if (job->status == JOB_FAILED)
		json_object_set_new(root, "failure", json_pack("{s:i,s:s,s:s}", "code", (int)job->failure.code,
			"text", job->failure.text, "origin", job->failure.origin));
	buf_fini(&lines);
	buf_fini(&note);
	rest_answer_json(request, 200, root);
}

static void output_resume(struct rest_request *request, mono_t now, bool expired)
{
	struct id id;
	struct job *job = NULL;

	if (id_parse(rest_parameter(request, "jobid"), &id))
		job = dispatcher_find(request->rest->dispatcher, &id);
	if (job == NULL)
		rest_answer_error(request, 404, "Job %s not found", rest_parameter(request, "jobid"));
	else if (expired || output_changed(request, job))
		answer_output(request, job);
}

void rest_job_output(struct rest *rest, struct rest_request *request)
{
	struct job *job = rest_find_job(rest, request);
	int64_t wait_ms = rest_query_int(request, "wait_ms", 0);

	if (job == NULL)
		return;
	if (wait_ms <= 0 || output_changed(request, job))
		answer_output(request, job);
	else
		rest_wait_for_job(request, &job->id, wait_ms, output_resume);
}

static int parse_sha256(const char *text, uint8_t sha[32])
{
	if (text == NULL || strlen(text) != 64)
		return -1;
	for (int half = 0; half < 2; half++) {
		char hex[33];
		struct id id;

		memcpy(hex, text + 32 * half, 32);
		hex[32] = '\0';
		if (!id_parse(hex, &id))
			return -1;
		memcpy(sha + 16 * half, id.bytes, 16);
	}
	return 0;
}

void rest_put_artifact(struct rest *rest, struct rest_request *request)
{
	char *name = rest_query(request, "name");
	uint64_t received = 0;
	uint8_t sha[32];
	struct err err;

	if (parse_sha256(rest_parameter(request, "sha256"), sha) != 0)
		rest_answer_error(request, 400, "An artifact is named by the 64 hex digits of its SHA-256.");
	else if (blob_put(dispatcher_blobs(rest->dispatcher), sha, name ? name : "artifact", request->body.size_bytes,
			  0, buf_bytes(&request->body), world_now(rest->world), &received, &err) != 0)
		rest_answer_err(request, &err);
	else
		rest_answer_json(request, 200, json_pack("{s:I}", "received", (json_int_t)received));
	mem_free(name);
}

void rest_submit(struct rest *rest, struct rest_request *request)
{
	Flink__SubmitJobRequest *message = flink__submit_job_request__unpack(
		NULL, request->body.size_bytes, (const uint8_t *)request->body.data);
	struct job *job;
	struct err err;

	if (message == NULL || message->graph == NULL) {
		rest_answer_error(request, 400,
				  "The body is no SubmitJobRequest of proto/dispatcher.proto (a serialized Java JobGraph cannot be used; submit with this distribution's bin/flink).");
	} else if (dispatcher_submit(rest->dispatcher, message->graph, &job, &err) != 0) {
		rest_answer_err(request, &err);
	} else {
		char id[ID_TEXT_SIZE];
		char *url = mem_printf("/jobs/%s", id_format(&job->id, id));

		rest_answer_json(request, 202, json_pack("{s:s,s:s,s:s}", "jobUrl", url, "jobid", id, "waiting-for",
							 job->waiting_for ? job->waiting_for : ""));
		mem_free(url);
	}
	if (message != NULL)
		flink__submit_job_request__free_unpacked(message, NULL);
}

/* ---- what a job without checkpoints says ------------------------------------------------------------ */

static json_t *summary_zero(void)
{
	return json_pack("{s:i,s:i,s:i,s:s,s:s,s:s,s:s,s:s}", "min", 0, "max", 0, "avg", 0, "p50", "NaN", "p90", "NaN",
			 "p95", "NaN", "p99", "NaN", "p999", "NaN");
}

void rest_job_checkpoints(struct rest *rest, struct rest_request *request)
{
	if (rest_find_job(rest, request) == NULL)
		return;
	rest_answer_json(request, 200, json_pack(
		"{s:{s:i,s:i,s:i,s:i,s:i},s:{s:o,s:o,s:o,s:o,s:o,s:o},s:{s:n,s:n,s:n,s:n},s:[]}", "counts", "restored", 0,
		"total", 0, "in_progress", 0, "completed", 0, "failed", 0, "summary", "checkpointed_size", summary_zero(),
		"state_size", summary_zero(), "end_to_end_duration", summary_zero(), "alignment_buffered", summary_zero(),
		"processed_data", summary_zero(), "persisted_data", summary_zero(), "latest", "completed", "savepoint",
		"failed", "restored", "history"));
}

void rest_job_checkpoints_config(struct rest *rest, struct rest_request *request)
{
	if (rest_find_job(rest, request) == NULL)
		return;
	rest_answer_json(request, 200, json_pack(
		"{s:s,s:I,s:i,s:i,s:i,s:{s:b,s:b},s:s,s:s,s:b,s:i,s:i,s:b,s:b,s:i,s:s}", "mode", "exactly_once", "interval",
		(json_int_t)INT64_MAX, "timeout", 600000, "min_pause", 0, "max_concurrent", 1, "externalization", "enabled",
		0, "delete_on_cancellation", 1, "state_backend", "HashMapStateBackend", "checkpoint_storage",
		"JobManagerCheckpointStorage", "unaligned_checkpoints", 0, "tolerable_failed_checkpoints", 0,
		"aligned_checkpoint_timeout", 0, "checkpoints_after_tasks_finish", 1, "state_changelog_enabled", 0,
		"changelog_periodic_materialization_interval", 600000, "changelog_storage", "memory"));
}

void rest_job_resource_requirements(struct rest *rest, struct rest_request *request)
{
	struct job *job = rest_find_job(rest, request);
	json_t *root = json_object();

	if (job == NULL) {
		json_decref(root);
		return;
	}
	for (size_t i = 0; i < job->graph->n_vertices; i++) {
		char id[ID_TEXT_SIZE];
		int p = (int)job->vertices[i].message->parallelism;

		json_object_set_new(root, id_format(&job->vertices[i].id, id),
				    json_pack("{s:{s:i,s:i}}", "parallelism", "lowerBound", p, "upperBound", p));
	}
	rest_answer_json(request, 200, root);
}

void rest_jars(struct rest *rest, struct rest_request *request)
{
	char *address = mem_printf("http://localhost:%u", (unsigned)rest->port);

	rest_answer_json(request, 200, json_pack("{s:s,s:[]}", "address", address, "files"));
	mem_free(address);
}
