/* SPDX-License-Identifier: Apache-2.0
 * metric_plan.h - which numbers of a job are told. TaskManagers and the JobManager work it out from
 * the job graph alone, so that neither sends nor keeps what the other does not.
 *
 * The task's own numbers are always told. Those of the operators and edges of a vertex are told as
 * long as the job stays within LIMIT_JOB_METRICS_MAX; the vertices that come first in the graph
 * win. What does not fit is counted and logged when the job is submitted, never silently gone. */
#ifndef COMMON_GRAPH_METRIC_PLAN_H
#define COMMON_GRAPH_METRIC_PLAN_H

#include "job_graph.pb-c.h"

struct metric_plan { /* of one vertex */
	uint32_t operators, edges; /* the first so many of each */
};

/* The graph is a checked one. */
struct metric_plan metric_plan_of(const Flink__JobGraph *graph, uint32_t vertex);
/* Those of all vertices, in order. Returns how many numbers, of all subtasks, are left out. */
uint64_t metric_plan_each(const Flink__JobGraph *graph,
			  void (*each)(void *context, uint32_t vertex, struct metric_plan plan),
			  void *context);
/* Of one subtask of the vertex. */
uint32_t metric_plan_values(const struct metric_plan *plan);

/* Edges that leave a vertex, and the number of one among those of its vertex. */
uint32_t metric_edges_leaving(const Flink__JobGraph *graph, uint32_t vertex);
uint32_t metric_edge_number(const Flink__JobGraph *graph, uint32_t edge);
/* The edge that has this number; it must be there. */
const Flink__Edge *metric_edge(const Flink__JobGraph *graph, uint32_t vertex, uint32_t number);

#endif
