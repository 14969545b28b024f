/* SPDX-License-Identifier: Apache-2.0
 * views.c - looking things up, and pieces of JSON that several answers share. Field names are
 * Flink's wire contract. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/hash.h"
#include "common/base/mem.h"
#include "common/graph/graph.h"
#include "jobmanager/rest/rest_priv.h"

/* ---- looking up ----------------------------------------------------------------------------- */

void rest_bad_parameter(struct rest_request *request, const char *kind, const char *name,
			const char *value)
{
	rest_answer_error(
		request, 400,
		"Bad request, could not parse parameters: Cannot resolve %s parameter (%s) from "
		"value \"%.100s\".",
		kind, name, value);
}

struct job *rest_find_job(struct rest *rest, struct rest_request *request)
{
	const char *text = rest_parameter(request, "jobid");
	struct err err = ERR_INIT;
	struct job *job;
	struct id id;

	if (!id_parse(text, &id)) {
		rest_bad_parameter(request, "path", "jobid", text);
		return NULL;
	}
	job = dispatcher_find(rest->dispatcher, &id);
	if (job == NULL) {
		err_set(&err, ERR_JOB_NOT_FOUND, "Job %s not found", text);
		rest_answer_err(request, &err);
	}
	return job;
}

struct job_vertex *rest_vertex_of(const struct job *job, const struct id *id)
{
	for (size_t i = 0; i < job->graph->n_vertices; i++)
		if (id_equal(&job->vertices[i].id, id))
			return &job->vertices[i];
	return NULL;
}

struct job_vertex *rest_find_vertex(const struct job *job, struct rest_request *request)
{
	const char *text = rest_parameter(request, "vertexid");
	struct job_vertex *vertex;
	struct id id;

	if (!id_parse(text, &id)) {
		rest_bad_parameter(request, "path", "vertexid", text);
		return NULL;
	}
	vertex = rest_vertex_of(job, &id);
	if (vertex == NULL)
		rest_answer_error(request, 404, "JobVertex %s not found", text);
	return vertex;
}

struct job_vertex *rest_known_vertex(struct rest *rest, struct rest_request *request)
{
	struct id job_id, vertex_id;
	struct job *job = NULL;

	if (id_parse(rest_parameter(request, "jobid"), &job_id))
		job = dispatcher_find(rest->dispatcher, &job_id);
	if (job == NULL || !id_parse(rest_parameter(request, "vertexid"), &vertex_id))
		return NULL;
	return rest_vertex_of(job, &vertex_id);
}

struct taskmanager_info *rest_find_taskmanager(struct rest *rest, struct rest_request *request)
{
	const char *id = rest_parameter(request, "taskmanagerid");
	struct taskmanager_info *info =
		resource_manager_find(dispatcher_resource_manager(rest->dispatcher), id);

	if (info == NULL)
		rest_answer_error(request, 404, "TaskManager %.200s not found", id);
	return info;
}

/* ---- what a job is ------------------------------------------------------------------------- */

static const char *type_of(const Flink__JobGraph *graph)
{
	const char *mode = job_graph_setting(graph, "execution.runtime-mode");

	return mode != NULL && strcmp(mode, "BATCH") == 0 ? "BATCH" : "STREAMING";
}

const char *rest_job_type(const struct job *job)
{
	return type_of(job->graph);
}

/* Flink draws one at random for each group; drawn from the job and the group's name it is the same
 * in every answer. */
struct id rest_sharing_group_id(const struct job *job, const char *group)
{
	char job_id[ID_TEXT_SIZE], *text = mem_printf("%s/%s", id_format(&job->id, job_id),
						      group[0] != '\0' ? group : "default");
	struct id id;

	hash_murmur3_128(text, strlen(text), id.bytes);
	mem_free(text);
	return id;
}

/* ---- counts and states ---------------------------------------------------------------------- */

void rest_put_io(struct json_out *json, const char *key, const struct io_metrics *metrics)
{
	json_out_object(json, key);
	json_out_count(json, "read-bytes", metrics->bytes_in);
	json_out_bool(json, "read-bytes-complete", true);
	json_out_count(json, "write-bytes", metrics->bytes_out);
	json_out_bool(json, "write-bytes-complete", true);
	json_out_count(json, "read-records", metrics->records_in);
	json_out_bool(json, "read-records-complete", true);
	json_out_count(json, "write-records", metrics->records_out);
	json_out_bool(json, "write-records-complete", true);
	json_out_count(json, "accumulated-backpressured-time", metrics->backpressured_ms);
	json_out_count(json, "accumulated-idle-time", metrics->idle_ms);
	json_out_real(json, "accumulated-busy-time", (double)metrics->busy_ms);
	json_out_close(json);
}

void rest_put_states(struct json_out *json, const char *key,
		     const uint32_t counts[EXECUTION_STATE_COUNT])
{
	json_out_object(json, key);
	for (uint32_t i = 0; i < EXECUTION_STATE_COUNT; i++)
		json_out_int(json, sm_name(&execution_states, i), counts[i]);
	json_out_close(json);
}

void rest_put_note(struct json_out *json, const struct job *job)
{
	struct buf note;

	buf_init(&note);
	job_note(job, &note);
	json_out_text(json, "note", note.data);
	buf_fini(&note);
}

void rest_put_bottleneck(struct json_out *json, const struct job *job)
{
	struct buf text;

	buf_init(&text);
	job_bottleneck(job, &text);
	json_out_text(json, "bottleneck", text.size_bytes > 0 ? text.data : "");
	buf_fini(&text);
}

void rest_put_vertex_cause(struct json_out *json, const char *key, const struct job_vertex *vertex)
{
	struct buf text;

	buf_init(&text);
	job_vertex_pressure(vertex, &text);
	json_out_text(json, key, text.size_bytes > 0 ? text.data : "");
	buf_fini(&text);
}

struct io_metrics rest_vertex_io(const struct job_vertex *vertex)
{
	struct io_metrics sum = { 0 };

	for (uint32_t i = 0; i < vertex->message->parallelism; i++) {
		struct io_metrics one = execution_metrics(&vertex->executions[i]);

		io_metrics_add(&sum, &one);
	}
	return sum;
}

/* As Flink's ExecutionJobVertex.getAggregateJobVertexState. */
enum execution_state rest_aggregate_state(const uint32_t counts[EXECUTION_STATE_COUNT])
{
	static const enum execution_state first_of[] = { EXECUTION_FAILED, EXECUTION_CANCELING,
							 EXECUTION_CANCELED, EXECUTION_INITIALIZING,
							 EXECUTION_RUNNING };
	uint32_t total = 0;

	for (size_t i = 0; i < ARRAY_COUNT(first_of); i++)
		if (counts[first_of[i]] > 0)
			return first_of[i];
	for (uint32_t i = 0; i < EXECUTION_STATE_COUNT; i++)
		total += counts[i];
	if (counts[EXECUTION_FINISHED] > 0)
		return counts[EXECUTION_FINISHED] == total ? EXECUTION_FINISHED : EXECUTION_RUNNING;
	return EXECUTION_CREATED;
}

/* ---- times ---------------------------------------------------------------------------------- */

static int64_t span(wall_t start, wall_t end, wall_t now)
{
	int64_t ms = (end < 0 ? now : end) - start;

	return start < 0 ? -1 : ms < 0 ? 0 : ms; /* the wall clock may step back */
}

struct rest_times rest_times_entered(const wall_t entered_ms[EXECUTION_STATE_COUNT], wall_t now)
{
	static const enum execution_state finals[] = { EXECUTION_FINISHED, EXECUTION_CANCELED,
						       EXECUTION_FAILED };
	struct rest_times times = { -1, -1, -1 };

	if (entered_ms[EXECUTION_DEPLOYING] > 0)
		times.start = entered_ms[EXECUTION_DEPLOYING];
	for (size_t i = 0; i < ARRAY_COUNT(finals); i++)
		if (entered_ms[finals[i]] > 0)
			times.end = entered_ms[finals[i]];
	times.duration = span(times.start, times.end, now);
	return times;
}

struct rest_times rest_execution_times(const struct execution *execution, wall_t now)
{
	return rest_times_entered(execution->entered_ms, now);
}

static const struct rest_times no_times = { -1, -1, -1 };

static void add_times(struct rest_times *sum, bool *all_ended, const struct execution *execution,
		      wall_t now)
{
	struct rest_times one = rest_execution_times(execution, now);

	if (one.start > 0 && (sum->start < 0 || one.start < sum->start))
		sum->start = one.start;
	*all_ended = *all_ended && one.end > 0;
	if (one.end > sum->end)
		sum->end = one.end;
}

static struct rest_times end_times(struct rest_times sum, bool all_ended, wall_t now)
{
	if (!all_ended)
		sum.end = -1;
	sum.duration = span(sum.start, sum.end, now);
	return sum;
}

struct rest_times rest_times_of(const struct execution *const *executions, uint32_t count,
				wall_t now)
{
	struct rest_times sum = no_times;
	bool all_ended = true;

	for (uint32_t i = 0; i < count; i++)
		add_times(&sum, &all_ended, executions[i], now);
	return end_times(sum, all_ended, now);
}

struct rest_times rest_vertex_times(const struct job_vertex *vertex, wall_t now)
{
	struct rest_times sum = no_times;
	bool all_ended = true;

	for (uint32_t i = 0; i < vertex->message->parallelism; i++)
		add_times(&sum, &all_ended, &vertex->executions[i], now);
	return end_times(sum, all_ended, now);
}

/* ---- plans ---------------------------------------------------------------------------------- */

/* The graph was checked: its ids are whole. */
static struct id id_of(const ProtobufCBinaryData *data)
{
	struct id id = ID_NONE;

	(void)id_from_message(data, &id);
	return id;
}

static void put_inputs(struct json_out *json, const Flink__JobGraph *graph, uint32_t vertex)
{
	int num = 0;

	for (size_t i = 0; i < graph->n_edges; i++) {
		const Flink__Edge *edge = graph->edges[i];

		if (edge->target_vertex != vertex)
			continue;
		struct id source = id_of(&graph->vertices[edge->source_vertex]->id);

		if (num == 0)
			json_out_array(json, "inputs"); /* sources have no such key */
		json_out_object(json, NULL);
		json_out_int(json, "num", num++);
		json_out_id(json, "id", &source);
		json_out_text(json, "ship_strategy", ship_name(edge->ship_strategy));
		json_out_text(json, "exchange", "pipelined_bounded");
		json_out_close(json);
	}
	if (num > 0)
		json_out_close(json);
}

void rest_put_plan(struct json_out *json, const char *key, const struct job *job)
{
	rest_put_graph_plan(json, key, job->graph);
}

void rest_put_graph_plan(struct json_out *json, const char *key, const Flink__JobGraph *graph)
{
	struct id id = id_of(&graph->job_id);
	struct buf description;

	buf_init(&description);
	json_out_object(json, key);
	json_out_id(json, "jid", &id);
	json_out_text(json, "name", graph->name);
	json_out_text(json, "type", type_of(graph));
	json_out_array(json, "nodes");
	/* Sinks first, as Flink's generator walks; readers join by id. */
	for (size_t i = graph->n_vertices; i-- > 0;) {
		const Flink__Vertex *vertex = graph->vertices[i];

		id = id_of(&vertex->id);
		buf_clear(&description);
		job_graph_vertex_description(vertex, &description);
		json_out_object(json, NULL);
		json_out_id(json, "id", &id);
		json_out_int(json, "parallelism", vertex->parallelism);
		json_out_text(json, "operator", "");
		json_out_text(json, "operator_strategy", "");
		json_out_text(json, "description", description.data);
		put_inputs(json, graph, (uint32_t)i);
		json_out_object(json, "optimizer_properties");
		json_out_close(json);
		json_out_close(json);
	}
	json_out_close(json);
	json_out_close(json);
	buf_fini(&description);
}

/* ---- metrics -------------------------------------------------------------------------------- */

void rest_put_value(struct json_out *json, const char *id, size_t id_length, double value)
{
	char text[64];

	/* Readers take what has a point for a float, all else for an integer. */
	if (isnan(value))
		snprintf(text, sizeof(text), "NaN");
	else
		snprintf(text, sizeof(text), value == floor(value) ? "%.0f" : "%.3f", value);
	json_out_object(json, NULL);
	json_out_bytes(json, "id", id, id_length);
	json_out_text(json, "value", text);
	json_out_close(json);
}

void rest_put_metric_name(struct json_out *json, const char *id)
{
	json_out_object(json, NULL);
	json_out_text(json, "id", id);
	json_out_close(json);
}

bool rest_list_next(const char **list, const char **item, size_t *length)
{
	while (**list == ',')
		(*list)++;
	*item = *list;
	*length = strcspn(*list, ",");
	*list += *length;
	return *length > 0;
}

void rest_answer_metrics(struct rest_request *request, const struct rest_metric *metrics,
			 size_t count)
{
	char *get = rest_query(request, "get");
	const char *at = get, *item;
	size_t length;

	json_out_array(&request->json, NULL);
	for (size_t i = 0; get == NULL && i < count; i++)
		rest_put_metric_name(&request->json, metrics[i].id);
	while (get != NULL && rest_list_next(&at, &item, &length))
		for (size_t i = 0; i < count; i++)
			if (strlen(metrics[i].id) == length &&
			    memcmp(metrics[i].id, item, length) == 0)
				rest_put_value(&request->json, item, length, metrics[i].value);
	json_out_close(&request->json);
	mem_free(get);
	rest_answer(request, 200);
}
