/* SPDX-License-Identifier: Apache-2.0
 * picture_cluster.c - the picture of the cluster: counters, jobs, TaskManagers. */
#include "common/base/mem.h"
#include "jobmanager/rest/picture.h"
#include "jobmanager/rest/rest_priv.h"

static void put_counters(struct json_out *json, struct dispatcher *dispatcher)
{
	json_out_object(json, "cluster");
	rest_put_counters(json, dispatcher);
	json_out_close(json);
}

/* ---- jobs ------------------------------------------------------------------------------------ */

struct traffic { /* with the world outside, per second */
	double rates[FLOWS];
};

static void add_operator(struct traffic *traffic, const struct job_vertex *vertex,
			 uint32_t operator, enum picture_flow first, enum picture_flow second)
{
	for (uint32_t i = 0; i < vertex->message->parallelism; i++) {
		const struct figures *figures = execution_figures(&vertex->executions[i]);
		const struct figure *of;
		double per_second;

		if (figures == NULL ||
		    sm_is_final(&execution_states, vertex->executions[i].state))
			continue;
		of = &figures->operators[operator * OPERATOR_METRICS];
		per_second = figures_per_second(figures);
		traffic->rates[first] += figure_recent(&of[first], per_second);
		traffic->rates[second] += figure_recent(&of[second], per_second);
	}
}

/* What sources read and sinks wrote. */
static struct traffic job_traffic(const struct job *job)
{
	struct traffic traffic = { { 0 } };

	for (size_t v = 0; v < job->graph->n_vertices && !job_is_final(job); v++) {
		const struct job_vertex *vertex = &job->vertices[v];

		for (uint32_t o = 0; o < vertex->figures.plan.operators; o++) {
			Flink__OperatorKind kind = vertex->message->operators[o]->kind;

			if (kind == FLINK__OPERATOR_KIND__OPERATOR_KIND_SOURCE)
				add_operator(&traffic, vertex, o, FLOW_RECORDS_IN, FLOW_BYTES_IN);
			if (kind == FLINK__OPERATOR_KIND__OPERATOR_KIND_SINK)
				add_operator(&traffic, vertex, o, FLOW_RECORDS_OUT,
					     FLOW_BYTES_OUT);
		}
	}
	return traffic;
}

static void put_summary(struct json_out *json, const struct history_job *job)
{
	json_out_text(json, "name", job->name);
	json_out_text(json, "state", sm_name(&job_states, job->status));
	json_out_text(json, "job-type", job->job_type);
	json_out_int(json, "start-time", job->start_ms);
	json_out_int(json, "end-time", job->end_ms);
	json_out_int(json, "last-modification", job->last_modified_ms);
	picture_put_tasks(json, "tasks", job->tasks);
	json_out_int(json, "restarts", job->restarts);
}

/* Of one that is in the history alone: as it was when it had ended. */
static void put_archived(struct json_out *json, const struct history_job *job)
{
	put_summary(json, job);
	json_out_text(json, "note", job->note);
	json_out_text(json, "bottleneck", "");
	for (uint32_t i = 0; i < FLOWS; i++)
		json_out_rounded(json, picture_rates[i], 0, PICTURE_RATE_DIGITS);
}

static void put_job(struct json_out *json, const struct job *job)
{
	struct traffic traffic = job_traffic(job);
	struct history_job summary = {
		.name = job->name,
		.job_type = (char *)(uintptr_t)rest_job_type(job),
		.status = job->status,
		.start_ms = job->start_ms,
		.end_ms = job->end_ms,
		.last_modified_ms = job->last_modified_ms,
		.restarts = job->restarts,
	};

	job_count_states(job, summary.tasks);
	put_summary(json, &summary);
	rest_put_note(json, job);
	rest_put_bottleneck(json, job);
	for (uint32_t i = 0; i < FLOWS; i++)
		json_out_rounded(json, picture_rates[i], traffic.rates[i], PICTURE_RATE_DIGITS);
}

static void draw_jobs(struct dispatcher *dispatcher, struct picture_out *out)
{
	char id[ID_TEXT_SIZE];

	picture_open(out, "jobs");
	for (const struct history_job *job = NULL;
	     (job = dispatcher_next_archived(dispatcher, job)) != NULL;) {
		picture_unit(out);
		json_out_object(out->json, id_format(&job->id, id));
		put_archived(out->json, job);
		json_out_close(out->json);
		picture_named_end(out, PICTURE_JOBS, id);
	}
	LIST_FOR_EACH (dispatcher_jobs(dispatcher), struct job, node, job) {
		picture_unit(out);
		json_out_object(out->json, id_format(&job->id, id));
		put_job(out->json, job);
		json_out_close(out->json);
		picture_named_end(out, PICTURE_JOBS, id);
	}
	picture_forget_gone(out, PICTURE_JOBS);
	picture_close(out);
}

/* ---- TaskManagers ---------------------------------------------------------------------------- */

static void put_taskmanager(struct json_out *json, const struct taskmanager_info *info)
{
	const struct {
		const char *name;
		uint64_t value;
	} rows[] = {
		{ "cpu-cores", info->cpu_cores },
		{ "cpu-time", info->cpu_time_ms },
		{ "threads", info->threads },
		{ "physical-memory", info->physical_memory_bytes },
		{ "physical-memory-free", info->physical_memory_free_bytes },
		{ "process-memory", info->process_memory_bytes },
		{ "heap-used", info->heap_used_bytes },
		{ "managed-memory", info->managed_memory_bytes },
		{ "managed-memory-used", info->managed_used_bytes },
		{ "network-memory", info->network_memory_bytes },
		{ "network-memory-used",
		  (info->segments_total - info->segments_free) * info->segment_bytes },
	};
	char *endpoint = mem_printf("%s:%u", info->data_host, info->data_port);

	json_out_text(json, "endpoint", endpoint);
	mem_free(endpoint);
	json_out_text(json, "path", info->rpc_address != NULL ? info->rpc_address : "");
	json_out_bool(json, "available", info->available);
	json_out_int(json, "registered", info->registered_ms);
	json_out_int(json, "last-heartbeat", info->last_heartbeat_ms);
	json_out_int(json, "slots", info->slots_count);
	json_out_int(json, "free-slots", info->available ? info->slots_free : 0);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		json_out_count(json, rows[i].name, rows[i].value);
}

static void draw_taskmanagers(struct dispatcher *dispatcher, struct picture_out *out)
{
	picture_open(out, "taskmanagers");
	LIST_FOR_EACH (resource_manager_taskmanagers(dispatcher_resource_manager(dispatcher)),
		       struct taskmanager_info, node, info) {
		picture_unit(out);
		json_out_named_object(out->json, info->resource_id);
		put_taskmanager(out->json, info);
		json_out_close(out->json);
		picture_named_end(out, PICTURE_TASKMANAGERS, info->resource_id);
	}
	picture_forget_gone(out, PICTURE_TASKMANAGERS);
	picture_close(out);
}

void picture_of_cluster(struct dispatcher *dispatcher, struct picture_out *out)
{
	if (out->whole)
		picture_put_states(out->json, "states");
	picture_unit(out);
	put_counters(out->json, dispatcher);
	picture_unit_end(out);
	draw_jobs(dispatcher, out);
	draw_taskmanagers(dispatcher, out);
}
