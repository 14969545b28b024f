/* SPDX-License-Identifier: Apache-2.0
 * jobs.c - what /jobs/:jobid and below tell of a job, but for its vertices and its life. */
#include <math.h>
#include <string.h>

#include "common/base/mem.h"
#include "jobmanager/rest/rest_priv.h"

/* The largest of its subtasks, which need not be one subtask's. */
static void put_shares(struct json_out *json, const struct job_vertex *vertex)
{
	struct pressure_shares most = { 0 };

	for (uint32_t i = 0; i < vertex->message->parallelism; i++) {
		struct pressure_shares shares;

		execution_shares(&vertex->executions[i], &shares);
		most.busy = fmax(most.busy, shares.busy);
		most.pressured = fmax(most.pressured, shares.pressured);
	}
	json_out_real(json, "busy-ratio", most.busy);
	json_out_real(json, "back-pressured-ratio", most.pressured);
}

static void put_vertex(struct json_out *json, const struct job_vertex *vertex, wall_t now)
{
	struct rest_times times = rest_vertex_times(vertex, now);
	struct io_metrics io = rest_vertex_io(vertex);
	struct id group = rest_sharing_group_id(vertex->job, vertex->message->slot_sharing_group);
	uint32_t counts[EXECUTION_STATE_COUNT];

	job_vertex_count_states(vertex, counts);
	json_out_object(json, NULL);
	json_out_id(json, "id", &vertex->id);
	json_out_id(json, "slotSharingGroupId", &group);
	json_out_text(json, "name", vertex->message->name);
	json_out_int(json, "maxParallelism", vertex->message->max_parallelism);
	json_out_int(json, "parallelism", vertex->message->parallelism);
	json_out_text(json, "status", sm_name(&execution_states, rest_aggregate_state(counts)));
	json_out_int(json, "start-time", times.start);
	json_out_int(json, "end-time", times.end);
	json_out_int(json, "duration", times.duration);
	rest_put_states(json, "tasks", counts);
	rest_put_io(json, "metrics", &io);
	put_shares(json, vertex); /* ours */
	json_out_close(json);
}

static void put_vertices(struct json_out *json, const struct job *job, wall_t now)
{
	uint32_t in_state[EXECUTION_STATE_COUNT] = { 0 };

	json_out_array(json, "vertices");
	for (size_t i = 0; i < job->graph->n_vertices; i++) {
		uint32_t counts[EXECUTION_STATE_COUNT];

		job_vertex_count_states(&job->vertices[i], counts);
		in_state[rest_aggregate_state(counts)]++;
		put_vertex(json, &job->vertices[i], now);
	}
	json_out_close(json);
	rest_put_states(json, "status-counts", in_state);
}

void rest_job(struct rest *rest, struct rest_request *request)
{
	struct job *job = rest_find_job(rest, request);
	wall_t now = world_wall(rest->world);
	struct json_out *json = &request->json;

	if (job == NULL)
		return;
	int64_t duration = (job->end_ms < 0 ? now : job->end_ms) - job->start_ms;

	json_out_object(json, NULL);
	json_out_id(json, "jid", &job->id);
	json_out_text(json, "name", job->name);
	json_out_bool(json, "isStoppable", false);
	json_out_text(json, "state", job_status_name(job));
	json_out_text(json, "job-type", rest_job_type(job));
	json_out_text(json, "schedulerType", "Default");
	json_out_id(json, "application-id", &job->id);
	json_out_int(json, "start-time", job->start_ms);
	json_out_int(json, "end-time", job->end_ms);
	json_out_int(json, "duration", duration < 0 ? 0 : duration);
	json_out_int(json, "maxParallelism", conf_int(job->conf, "pipeline.max-parallelism"));
	json_out_int(json, "now", now);
	json_out_object(json, "timestamps");
	for (uint32_t i = 0; i < JOB_STATUS_COUNT; i++)
		json_out_int(json, sm_name(&job_states, i), job->entered_ms[i]);
	json_out_close(json);
	put_vertices(json, job, now);
	rest_put_plan(json, "plan", job);
	json_out_int(json, "pending-operators", 0);
	rest_put_note(json, job); /* from here on ours */
	rest_put_bottleneck(json, job);
	json_out_int(json, "all-running-time", job->all_running_ms);
	json_out_int(json, "restarts", job->restarts);
	json_out_close(json);
	rest_answer(request, 200);
}

void rest_job_status(struct rest *rest, struct rest_request *request)
{
	struct job *job = rest_find_job(rest, request);

	if (job == NULL)
		return;
	json_out_object(&request->json, NULL);
	json_out_text(&request->json, "status", job_status_name(job));
	json_out_close(&request->json);
	rest_answer(request, 200);
}

void rest_job_plan(struct rest *rest, struct rest_request *request)
{
	struct job *job = rest_find_job(rest, request);

	if (job == NULL)
		return;
	json_out_object(&request->json, NULL);
	rest_put_plan(&request->json, "plan", job);
	json_out_close(&request->json);
	rest_answer(request, 200);
}

/* ---- configuration -------------------------------------------------------------------------- */

static char *restart_strategy_text(const struct conf *conf)
{
	const char *type = conf_text(conf, "restart-strategy.type");

	if (strcmp(type, "fixed-delay") == 0 || strcmp(type, "fixeddelay") == 0)
		return mem_printf(
			"Restart with fixed delay (%lld ms). #%lld restart attempts.",
			(long long)conf_duration_ms(conf, "restart-strategy.fixed-delay.delay"),
			(long long)conf_int(conf, "restart-strategy.fixed-delay.attempts"));
	return mem_strdup(type[0] != '\0' ? type : "Cluster level default restart strategy");
}

void rest_job_config(struct rest *rest, struct rest_request *request)
{
	struct job *job = rest_find_job(rest, request);
	struct json_out *json = &request->json;
	char *restart;

	if (job == NULL)
		return;
	restart = restart_strategy_text(job->conf);
	json_out_object(json, NULL);
	json_out_id(json, "jid", &job->id);
	json_out_text(json, "name", job->name);
	json_out_object(json, "execution-config");
	json_out_text(json, "execution-mode", "PIPELINED");
	json_out_text(json, "restart-strategy", restart);
	json_out_int(json, "job-parallelism", job->graph->default_parallelism);
	json_out_bool(json, "object-reuse-mode", false);
	json_out_object(json, "user-config");
	for (size_t i = 0; i < job->graph->n_settings; i++) {
		const Flink__KeyValue *setting = job->graph->settings[i];

		json_out_named_text(json, setting->key, conf_mask(setting->key, setting->value));
	}
	json_out_close(json);
	json_out_close(json);
	json_out_close(json);
	mem_free(restart);
	rest_answer(request, 200);
}

/* ---- failures ------------------------------------------------------------------------------- */

static void put_place(struct json_out *json, const struct job_failure *failure)
{
	if (failure->task_name != NULL) /* absent, not null, for a failure of the whole job */
		json_out_text(json, "taskName", failure->task_name);
	if (failure->endpoint != NULL) {
		json_out_text(json, "endpoint", failure->endpoint);
		json_out_text(json, "location", failure->endpoint);
	}
	if (failure->resource_id != NULL)
		json_out_text(json, "taskManagerId", failure->resource_id);
}

static void put_failure(struct json_out *json, const struct job_failure *failure)
{
	char *trace = mem_printf("%s [E%04d]\n\thint: %s", failure->err.text,
				 (int)failure->err.code, err_hint(failure->err.code));

	json_out_object(json, NULL);
	json_out_text(json, "exceptionName", err_name(failure->err.code));
	json_out_text(json, "stacktrace", trace);
	json_out_int(json, "timestamp", failure->at);
	json_out_object(json, "failureLabels");
	json_out_close(json);
	put_place(json, failure);
	json_out_array(json, "concurrentExceptions");
	json_out_close(json);
	json_out_close(json);
	mem_free(trace);
}

/* The form of Flink 1.x before there was a history. */
static void put_failure_before(struct json_out *json, const struct job_failure *failure)
{
	json_out_object(json, NULL);
	json_out_text(json, "exception", failure->err.text);
	json_out_text(json, "task", failure->task_name);
	json_out_text(json, "location", failure->endpoint ? failure->endpoint : "(unassigned)");
	json_out_int(json, "timestamp", failure->at);
	json_out_text(json, "taskManagerId",
		      failure->resource_id ? failure->resource_id : "(unassigned)");
	json_out_close(json);
}

/* The next older one, or NULL. */
static const struct job_failure *older(const struct job *job, const struct list_node *than)
{
	return than->previous == &job->failures.head
		       ? NULL
		       : CONTAINER_OF(than->previous, struct job_failure, node);
}

/* failureLabelFilter=key:value,…: those with all these labels. There is nothing here that labels
 * failures, so with a filter there are none. False: it is no such list; answered. */
static bool wants_labels(struct rest_request *request, bool *wanted)
{
	char *filter = rest_query(request, "failureLabelFilter");
	const char *at = filter, *item;
	bool good = true;
	size_t length;

	*wanted = false;
	while (good && filter != NULL && rest_list_next(&at, &item, &length)) {
		const char *colon = memchr(item, ':', length);

		good = colon != NULL && colon > item && colon + 1 < item + length;
		*wanted = true;
	}
	if (!good)
		rest_bad_parameter(request, "query", "failureLabelFilter", filter);
	mem_free(filter);
	return good;
}

void rest_job_exceptions(struct rest *rest, struct rest_request *request)
{
	struct job *job = rest_find_job(rest, request);
	const struct job_failure *newest, *failure;
	struct json_out *json = &request->json;
	int64_t most, shown = 0;
	bool labelled;

	if (job == NULL || !rest_query_int(request, "maxExceptions", 0, 20, &most) ||
	    !wants_labels(request, &labelled))
		return;
	newest = older(job, &job->failures.head);
	json_out_object(json, NULL);
	if (newest != NULL) {
		json_out_text(json, "root-exception", newest->err.text);
		json_out_int(json, "timestamp", newest->at);
	} else {
		json_out_null(json, "root-exception");
		json_out_null(json, "timestamp");
	}
	json_out_array(json, "all-exceptions");
	for (failure = newest; failure != NULL && shown < most;
	     failure = older(job, &failure->node), shown++)
		if (failure->task_name != NULL)
			put_failure_before(json, failure);
	json_out_close(json);
	json_out_bool(json, "truncated", (int64_t)job->failures_count > shown);
	json_out_object(json, "exceptionHistory");
	json_out_array(json, "entries");
	shown = labelled ? job->failures_count : 0;
	for (failure = labelled ? NULL : newest; failure != NULL && shown < most;
	     failure = older(job, &failure->node), shown++)
		put_failure(json, failure);
	json_out_close(json);
	json_out_bool(json, "truncated", (int64_t)job->failures_count > shown);
	json_out_close(json);
	json_out_close(json);
	rest_answer(request, 200);
}

/* ---- what there is none of yet -------------------------------------------------------------- */

void rest_job_accumulators(struct rest *rest, struct rest_request *request)
{
	struct json_out *json = &request->json;

	if (rest_find_job(rest, request) == NULL)
		return;
	json_out_object(json, NULL);
	json_out_array(json, "job-accumulators");
	json_out_close(json);
	json_out_array(json, "user-task-accumulators");
	json_out_close(json);
	json_out_object(json, "serialized-user-task-accumulators");
	json_out_close(json);
	json_out_close(json);
	rest_answer(request, 200);
}

static void put_no_summary(struct json_out *json, const char *key)
{
	static const char *const percentiles[] = { "p50", "p90", "p95", "p99", "p999" };

	json_out_object(json, key);
	json_out_int(json, "min", 0);
	json_out_int(json, "max", 0);
	json_out_int(json, "avg", 0);
	for (size_t i = 0; i < ARRAY_COUNT(percentiles); i++)
		json_out_text(json, percentiles[i], "NaN");
	json_out_close(json);
}

void rest_job_checkpoints(struct rest *rest, struct rest_request *request)
{
	static const char *const counts[] = { "restored", "total", "in_progress", "completed",
					      "failed" };
	static const char *const summaries[] = { "checkpointed_size",	"state_size",
						 "end_to_end_duration", "alignment_buffered",
						 "processed_data",	"persisted_data" };
	static const char *const latest[] = { "completed", "savepoint", "failed", "restored" };
	struct json_out *json = &request->json;

	if (rest_find_job(rest, request) == NULL)
		return;
	json_out_object(json, NULL);
	json_out_object(json, "counts");
	for (size_t i = 0; i < ARRAY_COUNT(counts); i++)
		json_out_int(json, counts[i], 0);
	json_out_close(json);
	json_out_object(json, "summary");
	for (size_t i = 0; i < ARRAY_COUNT(summaries); i++)
		put_no_summary(json, summaries[i]);
	json_out_close(json);
	json_out_object(json, "latest");
	for (size_t i = 0; i < ARRAY_COUNT(latest); i++)
		json_out_null(json, latest[i]);
	json_out_close(json);
	json_out_array(json, "history");
	json_out_close(json);
	json_out_close(json);
	rest_answer(request, 200);
}

void rest_job_checkpoints_config(struct rest *rest, struct rest_request *request)
{
	struct json_out *json = &request->json;

	if (rest_find_job(rest, request) == NULL)
		return;
	json_out_object(json, NULL);
	json_out_text(json, "mode", "exactly_once");
	json_out_int(json, "interval",
		     INT64_MAX); /* Flink's way to say that periodic ones are off */
	json_out_int(json, "timeout", 600000);
	json_out_int(json, "min_pause", 0);
	json_out_int(json, "max_concurrent", 1);
	json_out_object(json, "externalization");
	json_out_bool(json, "enabled", false);
	json_out_bool(json, "delete_on_cancellation", true);
	json_out_close(json);
	json_out_text(json, "state_backend", "HashMapStateBackend");
	json_out_text(json, "checkpoint_storage", "JobManagerCheckpointStorage");
	json_out_bool(json, "unaligned_checkpoints", false);
	json_out_int(json, "tolerable_failed_checkpoints", 0);
	json_out_int(json, "aligned_checkpoint_timeout", 0);
	json_out_bool(json, "checkpoints_after_tasks_finish", true);
	json_out_bool(json, "state_changelog_enabled", false);
	json_out_int(json, "changelog_periodic_materialization_interval", 600000);
	json_out_text(json, "changelog_storage", "memory");
	json_out_close(json);
	rest_answer(request, 200);
}
