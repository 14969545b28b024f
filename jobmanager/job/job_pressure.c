/* SPDX-License-Identifier: Apache-2.0
 * job_pressure.c - a job's figures as pressure.h wants them. Looks at each subtask that runs once;
 * nothing is kept. */
#include "jobmanager/job/job_priv.h"

#include "common/graph/graph.h"
#include "jobmanager/job/pressure.h"

struct job_pressure {
	const struct job *job;
	struct pressure_vertex *vertices;
	struct pressure_edge *edges; /* by vertex */
};

/* Of the last seconds; false: it does not run, or has told nothing. */
bool execution_shares(const struct execution *execution, struct pressure_shares *shares)
{
	const struct figures *figures = execution_figures(execution);

	*shares = (struct pressure_shares){ 0 };
	if (figures == NULL || figures->sequence == 0 || execution->state != EXECUTION_RUNNING)
		return false;
	double per_us = figures_per_second(figures) / 1e6;

	shares->busy = figure_recent(&figures->task[METRIC_BUSY_US], per_us);
	shares->idle = figure_recent(&figures->task[METRIC_IDLE_US], per_us);
	shares->pressured = figure_recent(&figures->task[METRIC_BACKPRESSURED_US], per_us);
	shares->waiting = figure_recent(&figures->task[METRIC_WAITING_US], per_us);
	return true;
}

double execution_edge_share(const struct execution *execution, uint32_t edge)
{
	const struct figures *figures = execution_figures(execution);

	if (figures == NULL || execution->state != EXECUTION_RUNNING ||
	    edge >= execution->vertex->figures.plan.edges)
		return 0;
	return figures_rate(figures, &figures->edges[edge * EDGE_METRICS + EDGE_BACKPRESSURED_US]) /
	       1e6;
}

/* The operator that takes more than half of the task's busy time. */
static const char *busiest_operator(const struct execution *execution)
{
	const struct job_vertex *vertex = execution->vertex;
	const struct figures *figures = execution_figures(execution);
	double most = 0;
	uint32_t which = 0;

	if (figures == NULL || vertex->message->n_operators < 2)
		return NULL;
	for (uint32_t o = 0; o < vertex->figures.plan.operators; o++) {
		double rate = figures_rate(
			figures, &figures->operators[o * OPERATOR_METRICS + OPERATOR_BUSY_US]);

		if (rate > most) {
			most = rate;
			which = o;
		}
	}
	return most * 2 > figures_rate(figures, &figures->task[METRIC_BUSY_US])
		       ? vertex->message->operators[which]->name
		       : NULL;
}

static const char *a_status(const struct job_vertex *vertex)
{
	for (uint32_t i = 0; vertex->job->notes_count > 0 && i < vertex->message->parallelism; i++)
		if (vertex->executions[i].status_text[0] != '\0')
			return vertex->executions[i].status_text;
	return "";
}

static uint32_t put_edges(const struct job_vertex *vertex, struct pressure_edge *edges)
{
	const Flink__JobGraph *graph = vertex->job->graph;
	uint32_t count = 0;

	for (uint32_t i = 0; i < vertex->edges_count; i++) {
		const Flink__Edge *edge = graph->edges[vertex->edges[i]];

		if (edge->source_vertex != vertex->index)
			continue;
		edges[count] = (struct pressure_edge){ .target = edge->target_vertex };
		for (uint32_t s = 0; s < vertex->message->parallelism; s++) {
			double share = execution_edge_share(&vertex->executions[s], count);

			if (share > edges[count].pressured)
				edges[count].pressured = share;
		}
		count++;
	}
	return count;
}

static void put_vertex(const struct job_vertex *vertex, struct pressure_edge *edges,
		       struct pressure_vertex *into)
{
	*into = (struct pressure_vertex){
		.name = vertex->message->name,
		.status = a_status(vertex),
		.is_source = vertex->message->operators[0]->kind ==
			     FLINK__OPERATOR_KIND__OPERATOR_KIND_SOURCE,
		.edges = edges,
	};
	into->edges_count = put_edges(vertex, edges);
	for (uint32_t s = 0; s < vertex->message->parallelism; s++) {
		struct pressure_shares shares;

		bool runs = execution_shares(&vertex->executions[s], &shares);

		pressure_vertex_add(into, runs ? &shares : NULL);
	}
	into->operator = busiest_operator(&vertex->executions[into->busiest]);
}

struct job_pressure *job_pressure_look(const struct job *job)
{
	struct job_pressure *pressure = MEM_NEW(struct job_pressure);
	struct pressure_edge *edges;

	pressure->job = job;
	pressure->vertices = MEM_NEW_ARRAY(struct pressure_vertex, job->graph->n_vertices);
	edges = pressure->edges = MEM_NEW_ARRAY(struct pressure_edge, job->graph->n_edges);
	for (size_t v = 0; v < job->graph->n_vertices; v++) {
		put_vertex(&job->vertices[v], edges, &pressure->vertices[v]);
		edges += pressure->vertices[v].edges_count;
	}
	pressure_find(pressure->vertices, (uint32_t)job->graph->n_vertices);
	return pressure;
}

void job_pressure_forget(struct job_pressure **pointer)
{
	struct job_pressure *pressure = *pointer;

	if (pressure == NULL)
		return;
	*pointer = NULL;
	mem_free(pressure->vertices);
	mem_free(pressure->edges);
	mem_free(pressure);
}

void job_pressure_of_job(const struct job_pressure *pressure, struct buf *into)
{
	if (pressure->job->status == JOB_RUNNING)
		pressure_of_all(pressure->vertices, (uint32_t)pressure->job->graph->n_vertices,
				into);
}

void job_pressure_of_vertex(const struct job_pressure *pressure, uint32_t vertex, struct buf *into)
{
	pressure_of_vertex(pressure->vertices, vertex, into);
}

void job_bottleneck(const struct job *job, struct buf *into)
{
	struct job_pressure *pressure;

	if (job->status != JOB_RUNNING)
		return;
	pressure = job_pressure_look(job);
	job_pressure_of_job(pressure, into);
	job_pressure_forget(&pressure);
}

void job_vertex_pressure(const struct job_vertex *vertex, struct buf *into)
{
	struct job_pressure *pressure = job_pressure_look(vertex->job);

	job_pressure_of_vertex(pressure, vertex->index, into);
	job_pressure_forget(&pressure);
}
