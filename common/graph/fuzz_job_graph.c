/* SPDX-License-Identifier: Apache-2.0
 * fuzz_job_graph.c - a job graph from a stranger: refused with a reason, or everything that the
 * cluster asks of it can be answered. */
#include "common/base/check.h"
#include "common/graph/graph.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use_edge(const Flink__JobGraph *graph, const Flink__Edge *edge)
{
	uint32_t producers = graph->vertices[edge->source_vertex]->parallelism;
	uint32_t consumers = graph->vertices[edge->target_vertex]->parallelism;
	uint32_t first, last;

	edge_consumers(edge->ship_strategy, 0, producers, consumers, &first, &last);
	CHECK(first == 0 && last < consumers, "the first of %u producers feeds %u to %u", producers,
	      first, last);
	edge_producers(edge->ship_strategy, consumers - 1, producers, consumers, &first, &last);
	CHECK(last == producers - 1 && first <= last, "the last consumer reads %u to %u of %u",
	      first, last, producers);
	CHECK(ship_name(edge->ship_strategy) != NULL, "an edge without a name");
}

static void use_graph(const Flink__JobGraph *graph)
{
	struct record_type **types;
	struct err err = ERR_INIT;
	struct buf text;
	uint32_t largest = 0;

	buf_init(&text);
	int answer = job_graph_types(graph, &types, &err);
	CHECK(answer == 0, "%s", err.text);
	for (size_t i = 0; i < graph->n_types; i++)
		record_type_describe(types[i], &text);
	for (size_t i = 0; i < graph->n_vertices; i++) {
		const Flink__Vertex *vertex = graph->vertices[i];
		struct key_groups groups = key_groups_of_subtask(
			vertex->parallelism - 1, vertex->max_parallelism, vertex->parallelism);

		CHECK(groups.last == vertex->max_parallelism - 1, "group %u is the last",
		      groups.last);
		job_graph_vertex_description(vertex, &text);
		if (vertex->parallelism > largest)
			largest = vertex->parallelism;
	}
	CHECK(utf8_valid(text.data, text.size_bytes), "a description is not UTF-8");
	for (size_t i = 0; i < graph->n_edges; i++)
		use_edge(graph, graph->edges[i]);
	CHECK(job_graph_slots_needed(graph) >= largest, "%u slots", job_graph_slots_needed(graph));
	job_graph_types_destroy(&types, graph->n_types);
	buf_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = ERR_INIT;
	Flink__JobGraph *graph = flink__job_graph__unpack(NULL, size, data);

	if (graph == NULL)
		return 0;
	if (job_graph_check(graph, &err) == 0)
		use_graph(graph);
	else
		CHECK(err.code == ERR_PLAN_INVALID && err.text[0], "a refusal without a reason");
	flink__job_graph__free_unpacked(graph, NULL);
	CHECK(mem_bytes_out() == 0, "%lld bytes are out", (long long)mem_bytes_out());
	return 0;
}
