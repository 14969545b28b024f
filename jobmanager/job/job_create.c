/* SPDX-License-Identifier: Apache-2.0
 * job_create.c - from a checked graph to the tables of a job: vertices, executions, slots. Nothing
 * is kept per edge or per pair of subtasks. */
#include "common/base/check.h"
#include "common/base/limits.h"
#include "common/graph/graph.h"
#include "common/rpc/rpc.h"
#include "jobmanager/job/attempts.h"
#include "jobmanager/job/job_priv.h"
#include "jobmanager/job/latencies.h"

/* A message of protobuf-c takes several times its packed size; names, lists and settings are
 * small. */
#define UNPACKED_TIMES 5
#define JOB_BYTES_BASE 8192
#define BYTES_PER_EXECUTION (sizeof(struct execution) + 128)

static const char nothing[1] = ""; /* status_text when all is well */

static void *graph_alloc(void *arena, size_t size_bytes)
{
	return arena_alloc(arena, size_bytes);
}

static void graph_free(void *arena, void *memory)
{
	/* with the arena */
}

static const char *group_of(const Flink__Vertex *vertex)
{
	return vertex->slot_sharing_group[0] != '\0' ? vertex->slot_sharing_group : "default";
}

/* Slots of a group come one after another; subtask i of each of its vertices uses slot first +
 * i. */
static void number_slots(struct job_master *master)
{
	const Flink__JobGraph *graph = master->job.graph;

	for (size_t v = 0; v < graph->n_vertices; v++) {
		const char *group = group_of(graph->vertices[v]);
		uint32_t size = 0;
		size_t same = v;

		for (size_t w = 0; w < graph->n_vertices; w++) {
			if (strcmp(group_of(graph->vertices[w]), group) != 0)
				continue;
			if (w < same)
				same = w;
			if (graph->vertices[w]->parallelism > size)
				size = graph->vertices[w]->parallelism;
		}
		if (same < v) {
			master->job.vertices[v].slot_first = master->job.vertices[same].slot_first;
			continue;
		}
		master->job.vertices[v].slot_first = master->slots_needed;
		master->slots_needed += size;
		master->groups_count++;
	}
	master->slots = MEM_NEW_ARRAY(struct slot *, master->slots_needed);
	master->slot_users = MEM_NEW_ARRAY(uint32_t, master->slots_needed);
	master->slot_idle_at = MEM_NEW_ARRAY(mono_t, master->slots_needed);
}

/* All at once: the kernel is asked once. */
struct id *job_draw_ids(struct job_master *master, uint32_t count)
{
	struct id *ids = MEM_NEW_ARRAY(struct id, count);

	world_random_bytes(master->options.world, ids, count * sizeof(*ids));
	return ids;
}

static void create_executions(struct job_master *master, struct job_vertex *vertex)
{
	const Flink__Vertex *message = vertex->message;
	struct id *ids = job_draw_ids(master, message->parallelism);

	vertex->executions = MEM_NEW_ARRAY(struct execution, message->parallelism);
	vertex->counts[EXECUTION_CREATED] = message->parallelism;
	for (uint32_t i = 0; i < message->parallelism; i++) {
		struct execution *execution = &vertex->executions[i];

		execution->id = ids[i];
		execution->vertex = vertex;
		list_init(&execution->attempts);
		execution->status_text = (char *)(uintptr_t)nothing;
		execution->entered_ms[EXECUTION_CREATED] = master->job.start_ms;
		map_put(master->options.executions, map_key_id(&execution->id), execution);
		master->slot_users[execution_slot_number(execution)]++;
	}
	mem_free(ids);
	master->executions_count += message->parallelism;
}

/* Each edge is kept with the two vertices that it joins, whatever their parallelism. */
static void index_edges(struct job_master *master)
{
	const Flink__JobGraph *graph = master->job.graph;
	struct job_vertex *vertices = master->job.vertices;
	uint32_t *next = arena_alloc(master->arena, 2 * graph->n_edges * sizeof(*next));

	for (size_t e = 0; e < graph->n_edges; e++) {
		vertices[graph->edges[e]->source_vertex].edges_count++;
		vertices[graph->edges[e]->target_vertex].edges_count++;
	}
	for (size_t v = 0; v < graph->n_vertices; v++) {
		vertices[v].edges = next;
		next += vertices[v].edges_count;
		vertices[v].edges_count = 0;
	}
	for (uint32_t e = 0; e < graph->n_edges; e++) {
		struct job_vertex *ends[] = { &vertices[graph->edges[e]->source_vertex],
					      &vertices[graph->edges[e]->target_vertex] };

		for (size_t i = 0; i < ARRAY_COUNT(ends); i++)
			((uint32_t *)(uintptr_t)ends[i]->edges)[ends[i]->edges_count++] = e;
	}
}

static void init_figures(void *vertices, uint32_t v, struct metric_plan plan)
{
	struct job_vertex *vertex = (struct job_vertex *)vertices + v;

	figures_table_init(&vertex->figures, plan, vertex->message->parallelism);
}

/* Which numbers of the subtasks will be told. */
static void plan_figures(struct job *job)
{
	job->metrics_dropped = metric_plan_each(job->graph, init_figures, job->vertices);
	if (job->metrics_dropped > 0)
		log_warn(JOB_LOGGER,
			 "Job '%s' has too many operators and edges to tell all their numbers: "
			 "%llu are left out, %d of a job are kept. Those of tasks are complete.",
			 job->name, (unsigned long long)job->metrics_dropped,
			 LIMIT_JOB_METRICS_MAX);
}

static void create_vertices(struct job_master *master)
{
	struct job *job = &master->job;

	job->vertices = MEM_NEW_ARRAY(struct job_vertex, job->graph->n_vertices);
	for (size_t v = 0; v < job->graph->n_vertices; v++) {
		struct job_vertex *vertex = &job->vertices[v];

		vertex->message = job->graph->vertices[v];
		vertex->index = (uint32_t)v;
		vertex->job = job;
		CHECK(id_from_message(&vertex->message->id, &vertex->id), "an unchecked graph");
	}
	index_edges(master);
	number_slots(master);
	plan_figures(job);
	for (size_t v = 0; v < job->graph->n_vertices; v++)
		create_executions(master, &job->vertices[v]);
}

void job_vertices_fini(struct job_master *master)
{
	struct job *job = &master->job;

	attempts_fini(job);
	FOR_EACH_EXECUTION(master, execution) {
		mem_free(execution->failure);
		map_remove(master->options.executions, map_key_id(&execution->id));
		if (execution->status_text != nothing)
			mem_free(execution->status_text);
		latencies_free(&execution->latencies);
	}
	for (size_t v = 0; v < job->graph->n_vertices; v++) {
		mem_free(job->vertices[v].executions);
		figures_table_fini(&job->vertices[v].figures);
	}
	mem_free(job->vertices);
	mem_free(master->slots);
	mem_free(master->slot_users);
	mem_free(master->slot_idle_at);
}

void execution_set_status_text(struct execution *execution, const char *text)
{
	struct job *job = execution->vertex->job;

	if (execution->status_text != nothing) {
		mem_free(execution->status_text);
		job->notes_count--;
	}
	execution->status_text = (char *)(uintptr_t)nothing;
	if (text[0] != '\0') {
		execution->status_text = mem_strdup(text);
		job->notes_count++;
	}
}

static enum step job_master_agent_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	return job_master_step(CONTAINER_OF(agent, struct job_master, agent), now, wake_at);
}

int job_master_create(const struct job_master_options *options, const Flink__JobGraph *graph,
		      struct conf *conf, struct job **job_out, struct err *err)
{
	struct job_master *master = MEM_NEW(struct job_master);
	struct job *job = &master->job;
	ProtobufCAllocator in_arena = { graph_alloc, graph_free, NULL };

	master->options = *options;
	master->loop = runner_loop(options->runner);
	master->arena = arena_create("job");
	master->names = map_create();
	master->idle_next = master->demand_until = master->cancel_until = MONO_NEVER;
	list_init(&master->places);
	list_init(&master->losses);
	list_init(&master->stacks);
	list_init(&job->failures);
	list_init(&job->attempts);
	agent_init(&master->agent, "job master", job_master_agent_step);

	job->master = master;
	in_arena.allocator_data = master->arena;
	job->graph = rpc_message_copy(graph, &in_arena);
	job->name = job->graph->name;
	job->output = job_output_create();
	job->start_ms = job->last_modified_ms = world_wall(options->world);
	job->end_ms = job->all_running_ms = -1;
	job->entered_ms[JOB_INITIALIZING] = job->start_ms;
	CHECK(id_from_message(&job->graph->job_id, &job->id), "an unchecked graph");
	CHECK(job_graph_slots_needed(job->graph) > 0, "a job without tasks");
	create_vertices(master);
	if (job_sources_create(master, err) != 0) {
		*job_out = job;
		job_master_destroy(job_out);
		return -1;
	}
	job->conf = conf;
	restart_init(&master->restart, conf);
	runner_add(options->runner, &master->agent);
	*job_out = job;
	return 0;
}

void job_master_destroy(struct job **job)
{
	struct job_master *master;

	if (*job == NULL)
		return;
	master = job_master_of(*job);
	*job = NULL;
	CHECK(master->calls == 0, "job '%s' ends with %u calls under way", master->job.name,
	      master->calls);
	if (atomic_load(&master->agent.runner) != NULL)
		runner_remove(master->options.runner, &master->agent);
	job_sources_destroy(master);
	resource_manager_withdraw(master->options.resources, &master->demand,
				  "the JobManager ends");
	LIST_FOR_EACH(&master->places, struct job_place, node, place) {
		place->taskmanager = NULL;
		job_place_unref(place);
	}
	job_stacks_fini(master);
	job_failures_fini(master);
	job_vertices_fini(master);
	job_output_destroy(&master->job.output);
	mem_free(master->job.waiting_for);
	restart_fini(&master->restart);
	conf_destroy(&master->job.conf);
	map_destroy(&master->names);
	arena_destroy(&master->attempt_arena);
	arena_destroy(&master->arena);
	mem_free(master);
}

size_t job_master_bytes(const struct job *job)
{
	size_t bytes = JOB_BYTES_BASE;

	bytes += flink__job_graph__get_packed_size(job->graph) * UNPACKED_TIMES;
	bytes += job_output_kept_bytes(job->output);
	bytes += job->failures_count * sizeof(struct job_failure);
	bytes += attempts_bytes(job);
	for (size_t i = 0; i < job->graph->n_vertices; i++) {
		const Flink__Vertex *vertex = job->graph->vertices[i];

		bytes += vertex->parallelism *
			 BYTES_PER_EXECUTION;
		bytes += figures_table_bytes(&job->vertices[i].figures);
	}
	return bytes;
}
