/* SPDX-License-Identifier: Apache-2.0
 * views.c - pieces of JSON that several answers share. Field names are Flink's wire contract. */
#include <stdio.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/graph/graph.h"
#include "jobmanager/rest/rest_priv.h"

json_t *rest_id(const struct id *id)
{
	char text[ID_TEXT_SIZE];

	return json_string(id_format(id, text));
}

json_t *rest_io_metrics(const struct io_metrics *m, bool complete)
{
	return json_pack("{s:I,s:b,s:I,s:b,s:I,s:b,s:I,s:b,s:I,s:I,s:f}",
			 "read-bytes", (json_int_t)m->bytes_in, "read-bytes-complete", complete,
			 "write-bytes", (json_int_t)m->bytes_out, "write-bytes-complete", complete,
			 "read-records", (json_int_t)m->records_in, "read-records-complete", complete,
			 "write-records", (json_int_t)m->records_out, "write-records-complete", complete,
			 "accumulated-backpressured-time", (json_int_t)m->backpressured_ms,
			 "accumulated-idle-time", (json_int_t)m->idle_ms,
			 "accumulated-busy-time", (double)m->busy_ms);
}

json_t *rest_states_upper(const uint32_t counts[EXECUTION_STATE_COUNT])
{
	json_t *root = json_object();

	for (uint32_t i = 0; i < EXECUTION_STATE_COUNT; i++)
		json_object_set_new(root, sm_name(&execution_states, i), json_integer(counts[i]));
	return root;
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

wall_t rest_execution_end(const struct execution *execution)
{
	static const uint32_t finals[] = { EXECUTION_FINISHED, EXECUTION_CANCELED, EXECUTION_FAILED };

	for (size_t i = 0; i < ARRAY_COUNT(finals); i++)
		if (execution->entered_ms[finals[i]] > 0)
			return execution->entered_ms[finals[i]];
	return -1;
}

void rest_vertex_times(const struct job_vertex *vertex, wall_t now, wall_t *start, wall_t *end,
		       int64_t *duration)
{
	bool all_ended = true;

	*start = *end = -1;
	for (uint32_t i = 0; i < vertex->message->parallelism; i++) {
		const struct execution *execution = &vertex->executions[i];
		wall_t began = execution->entered_ms[EXECUTION_DEPLOYING], ended = rest_execution_end(execution);

		if (began > 0 && (*start < 0 || began < *start))
			*start = began;
		all_ended = all_ended && ended > 0;
		if (ended > *end)
			*end = ended;
	}
	if (!all_ended)
		*end = -1;
	*duration = *start < 0 ? -1 : (*end < 0 ? now : *end) - *start;
}

static json_t *plan_inputs(const Flink__JobGraph *graph, uint32_t vertex)
{
	json_t *inputs = json_array();

	for (size_t i = 0; i < graph->n_edges; i++) {
		const Flink__Edge *edge = graph->edges[i];
		struct id id;

		if (edge->target_vertex != vertex)
			continue;
		memcpy(id.bytes, graph->vertices[edge->source_vertex]->id.data, sizeof(id.bytes));
		json_array_append_new(inputs, json_pack("{s:i,s:o,s:s,s:s}", "num", (int)json_array_size(inputs),
							"id", rest_id(&id), "ship_strategy",
							ship_name(edge->ship_strategy), "exchange",
							"pipelined_bounded"));
	}
	return inputs;
}

json_t *rest_plan(const struct job *job)
{
	json_t *nodes = json_array();
	struct buf description;

	buf_init(&description);
	/* Sinks first, as Flink's generator walks; readers join by id. */
	for (size_t i = job->graph->n_vertices; i-- > 0;) {
		const struct job_vertex *vertex = &job->vertices[i];
		json_t *inputs = plan_inputs(job->graph, (uint32_t)i);
		json_t *node;

		buf_clear(&description);
		job_graph_vertex_description(vertex->message, &description);
		node = json_pack("{s:o,s:i,s:s,s:s,s:s}", "id", rest_id(&vertex->id), "parallelism",
				 (int)vertex->message->parallelism, "operator", "", "operator_strategy", "",
				 "description", description.data);
		if (json_array_size(inputs) > 0)
			json_object_set(node, "inputs", inputs);
		json_decref(inputs);
		json_object_set_new(node, "optimizer_properties", json_object());
		json_array_append_new(nodes, node);
	}
	buf_fini(&description);
	return json_pack("{s:o,s:s,s:s,s:o}", "jid", rest_id(&job->id), "name", job->name, "type",
			 "STREAMING", "nodes", nodes);
}

struct job *rest_find_job(struct rest *rest, struct rest_request *request)
{
	const char *text = rest_parameter(request, "jobid");
	struct id id;
	struct job *job;

	if (!id_parse(text, &id)) {
		rest_answer_error(request, 400,
				  "Bad request, could not parse parameters: Cannot resolve path parameter (jobid) from value \"%.100s\".",
				  text ? text : "");
		return NULL;
	}
	job = dispatcher_find(rest->dispatcher, &id);
	if (job == NULL)
		rest_answer_error(request, 404, "Job %s not found", text);
	return job;
}

struct job_vertex *rest_find_vertex(struct job *job, struct rest_request *request)
{
	const char *text = rest_parameter(request, "vertexid");
	struct id id;

	if (!id_parse(text, &id)) {
		rest_answer_error(request, 400,
				  "Bad request, could not parse parameters: Cannot resolve path parameter (vertexid) from value \"%.100s\".",
				  text ? text : "");
		return NULL;
	}
	for (size_t i = 0; i < job->graph->n_vertices; i++)
		if (id_equal(&job->vertices[i].id, &id))
			return &job->vertices[i];
	rest_answer_error(request, 404, "Job vertex %s not found", text);
	return NULL;
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
