/* SPDX-License-Identifier: Apache-2.0
 * metric_plan.c - see metric_plan.h. */
#include "common/graph/metric_plan.h"

#include <stdbool.h>

#include "common/base/check.h"
#include "common/base/limits.h"
#include "common/metric/metric.h"

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

uint32_t metric_edges_leaving(const Flink__JobGraph *graph, uint32_t vertex)
{
	uint32_t count = 0;

	for (size_t e = 0; e < graph->n_edges; e++)
		count += graph->edges[e]->source_vertex == vertex;
	return count;
}

uint32_t metric_edge_number(const Flink__JobGraph *graph, uint32_t edge)
{
	uint32_t number = 0;

	for (size_t e = 0; e < edge; e++)
		number += graph->edges[e]->source_vertex == graph->edges[edge]->source_vertex;
	return number;
}

const Flink__Edge *metric_edge(const Flink__JobGraph *graph, uint32_t vertex, uint32_t number)
{
	for (size_t e = 0; e < graph->n_edges; e++)
		if (graph->edges[e]->source_vertex == vertex && number-- == 0)
			return graph->edges[e];
	CHECK(false, "vertex %u has no such edge", vertex);
	return NULL;
}

uint32_t metric_plan_values(const struct metric_plan *plan)
{
	return TASK_METRICS + plan->operators * OPERATOR_METRICS + plan->edges * EDGE_METRICS;
}

typedef void each_fn(void *context, uint32_t vertex, struct metric_plan plan);

/* What the operators and edges of all tasks take is given out in the order of the vertices, up to
 * and with `last`. each: per vertex; NULL: not wanted. */
static struct metric_plan walk(const Flink__JobGraph *graph, uint32_t last, uint64_t *dropped,
			       each_fn *each, void *context)
{
	uint32_t leaving[LIMIT_JOB_VERTICES_MAX] = { 0 };
	struct metric_plan plan = { 0, 0 };
	uint64_t used = 0;

	*dropped = 0;
	for (size_t e = 0; e < graph->n_edges; e++)
		leaving[graph->edges[e]->source_vertex]++;
	for (size_t v = 0; v < graph->n_vertices; v++)
		used += (uint64_t)graph->vertices[v]->parallelism * TASK_METRICS;
	for (uint32_t v = 0; v <= last; v++) {
		uint64_t subtasks = graph->vertices[v]->parallelism;
		struct metric_plan all = { (uint32_t)graph->vertices[v]->n_operators,
					   least(leaving[v], LIMIT_TASK_EDGE_METRICS_MAX) };
		uint64_t more = subtasks * (metric_plan_values(&all) - TASK_METRICS);
		bool fits = used + more <= LIMIT_JOB_METRICS_MAX;

		plan = fits ? all : (struct metric_plan){ 0, 0 };
		used += fits ? more : 0;
		*dropped += fits ? 0 : more;
		*dropped += subtasks * (leaving[v] - all.edges) * EDGE_METRICS;
		if (each != NULL)
			each(context, v, plan);
	}
	return plan;
}

struct metric_plan metric_plan_of(const Flink__JobGraph *graph, uint32_t vertex)
{
	uint64_t dropped;

	return walk(graph, vertex, &dropped, NULL, NULL);
}

uint64_t metric_plan_each(const Flink__JobGraph *graph,
			  void (*each)(void *context, uint32_t vertex, struct metric_plan plan),
			  void *context)
{
	uint64_t dropped;

	walk(graph, (uint32_t)graph->n_vertices - 1, &dropped, each, context);
	return dropped;
}
