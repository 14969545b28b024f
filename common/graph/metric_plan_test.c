/* SPDX-License-Identifier: Apache-2.0
 * metric_plan_test.c - which numbers of a job are told, and that nobody has more of them. */
#include "tests/lib/cmocka_header.h"

#include "common/base/limits.h"
#include "common/base/mem.h"
#include "common/graph/metric_plan.h"
#include "common/metric/metric.h"

#define VERTICES 3

static Flink__Vertex vertex_rows[VERTICES];
static Flink__Vertex *vertices[VERTICES];
static Flink__Edge *edges[LIMIT_TASK_EDGE_METRICS_MAX + 8];
static Flink__JobGraph graph;

/* 0 -> 1 -> 2, and further edges from 1 to 2. */
static void make(uint32_t parallelism, size_t operators, size_t edges_count)
{
	static Flink__Edge edge_rows[LIMIT_TASK_EDGE_METRICS_MAX + 8];

	graph = (Flink__JobGraph)FLINK__JOB_GRAPH__INIT;
	for (size_t v = 0; v < VERTICES; v++) {
		vertex_rows[v] = (Flink__Vertex)FLINK__VERTEX__INIT;
		vertex_rows[v].parallelism = parallelism;
		vertex_rows[v].n_operators = operators;
		vertices[v] = &vertex_rows[v];
	}
	for (size_t e = 0; e < edges_count; e++) {
		edge_rows[e] = (Flink__Edge)FLINK__EDGE__INIT;
		edge_rows[e].source_vertex = e == 1 ? 0 : 1;
		edge_rows[e].target_vertex = e == 1 ? 1 : 2;
		edges[e] = &edge_rows[e];
	}
	graph.vertices = vertices;
	graph.n_vertices = VERTICES;
	graph.edges = edges;
	graph.n_edges = edges_count;
}

struct seen {
	struct metric_plan plans[VERTICES];
	uint32_t count;
};

static void see(void *context, uint32_t vertex, struct metric_plan plan)
{
	struct seen *seen = context;

	assert_int_equal(vertex, seen->count);
	seen->plans[seen->count++] = plan;
}

static void both_sides_come_to_the_same(struct seen *seen)
{
	for (uint32_t v = 0; v < VERTICES; v++) {
		struct metric_plan alone = metric_plan_of(&graph, v);

		assert_int_equal(alone.operators, seen->plans[v].operators);
		assert_int_equal(alone.edges, seen->plans[v].edges);
	}
}

static void a_usual_job_is_told_whole(void **state)
{
	struct seen seen = { .count = 0 };

	make(4, 3, 3);
	assert_int_equal(metric_plan_each(&graph, see, &seen), 0);
	assert_int_equal(seen.plans[1].operators, 3);
	assert_int_equal(seen.plans[0].edges, 1);
	assert_int_equal(seen.plans[1].edges, 2);
	assert_int_equal(seen.plans[2].edges, 0);
	assert_int_equal(metric_plan_values(&seen.plans[1]),
			 TASK_METRICS + 3 * OPERATOR_METRICS + 2 * EDGE_METRICS);
	both_sides_come_to_the_same(&seen);
}

static void edges_are_numbered_by_vertex(void **state)
{
	make(4, 3, 4); /* 1 -> 2, 0 -> 1, 1 -> 2, 1 -> 2 */
	assert_int_equal(metric_edge_number(&graph, 0), 0);
	assert_int_equal(metric_edge_number(&graph, 1), 0);
	assert_int_equal(metric_edge_number(&graph, 3), 2);
	for (uint32_t e = 0; e < 4; e++)
		assert_ptr_equal(metric_edge(&graph, edges[e]->source_vertex,
					     metric_edge_number(&graph, e)), edges[e]);
}

static void too_many_edges_of_a_task_are_counted(void **state)
{
	struct seen seen = { .count = 0 };

	make(10, 1, LIMIT_TASK_EDGE_METRICS_MAX + 8);
	assert_int_equal(metric_edges_leaving(&graph, 1), LIMIT_TASK_EDGE_METRICS_MAX + 7);
	assert_int_equal(metric_plan_each(&graph, see, &seen), 10 * 7 * EDGE_METRICS);
	assert_int_equal(seen.plans[1].edges, LIMIT_TASK_EDGE_METRICS_MAX);
	both_sides_come_to_the_same(&seen);
}

/* What is told and what is left out is all there is, and what is told is within the bound. */
static void a_huge_job_keeps_its_tasks_and_first_vertices(void **state)
{
	for (uint32_t parallelism = 100; parallelism <= 16000; parallelism *= 2) {
		struct seen seen = { .count = 0 };
		uint64_t told = 0, all;

		make(parallelism, 20, 3);
		uint64_t dropped = metric_plan_each(&graph, see, &seen);

		for (uint32_t v = 0; v < VERTICES; v++)
			told += (uint64_t)parallelism * metric_plan_values(&seen.plans[v]);
		all = (uint64_t)parallelism *
		      (VERTICES * (TASK_METRICS + 20 * OPERATOR_METRICS) + 3 * EDGE_METRICS);
		assert_int_equal(told + dropped, all);
		assert_true(told <= LIMIT_JOB_METRICS_MAX);
		assert_true(dropped == 0 || all > LIMIT_JOB_METRICS_MAX);
		if (parallelism == 3200) /* one of three fits: the first */
			assert_true(seen.plans[0].operators == 20 && seen.plans[2].operators == 0);
		both_sides_come_to_the_same(&seen);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_usual_job_is_told_whole),
		cmocka_unit_test(edges_are_numbered_by_vertex),
		cmocka_unit_test(too_many_edges_of_a_task_are_counted),
		cmocka_unit_test(a_huge_job_keeps_its_tasks_and_first_vertices),
	};

	return cmocka_run_group_tests_name("metric_plan", tests, NULL, NULL);
}
