/* SPDX-License-Identifier: Apache-2.0
 * batch_graph.c - runtime mode BATCH: only the last value of a key counts, so a sum keeps its
 * updates to itself, and each producer adds up what it has of a key before it sends it.
 *
 *	Flat Map --HASH--> Sum        becomes        Flat Map -> Combine --HASH--> Sum (final) */
#include <stdio.h>

#include "common/base/check.h"
#include "common/base/hash.h"
#include "common/base/limits.h"
#include "common/graph/graph_priv.h"

static bool is_sum(const Flink__Operator *operator)
{
	return operator->kind == FLINK__OPERATOR_KIND__OPERATOR_KIND_OPERATOR &&
	       strcmp(operator->factory, "sum") == 0;
}

static void make_final(struct arena *arena, Flink__Operator *sum)
{
	Flink__OperatorParameters *parameters = flink__operator_parameters__unpack(
		NULL, sum->parameters.len, sum->parameters.data);

	CHECK(parameters != NULL, "the parameters of \"%s\" cannot be read", sum->name);
	parameters->final_only = true;
	sum->parameters.data =
		arena_alloc(arena, flink__operator_parameters__get_packed_size(parameters));
	sum->parameters.len = flink__operator_parameters__pack(parameters, sum->parameters.data);
	flink__operator_parameters__free_unpacked(parameters, NULL);
}

/* Made of the sum's: another one, and the same for the same program. */
static uint8_t *combine_id(struct arena *arena, const Flink__Operator *sum, uint32_t node_id)
{
	uint8_t text[16 + sizeof(node_id)], *id = arena_alloc(arena, 16);

	memcpy(text, sum->id.data, 16);
	memcpy(text + 16, &node_id, sizeof(node_id));
	hash_murmur3_128(text, sizeof(text), id);
	return id;
}

static void add_combine(struct arena *arena, Flink__Vertex *vertex, Flink__Edge *edge,
			uint32_t node_id, const Flink__Operator *sum)
{
	size_t count = vertex->n_operators;
	Flink__Operator **operators = arena_alloc(arena, (count + 1) * sizeof(Flink__Operator *));
	Flink__Operator *combine = arena_alloc(arena, sizeof(*combine));
	size_t name_bytes = strlen(vertex->name) + sizeof(" -> Combine");
	char *name = arena_alloc(arena, name_bytes);

	*combine = *sum;
	combine->id.data = combine_id(arena, sum, node_id);
	combine->node_id = node_id;
	combine->name = combine->description = (char *)"Combine";
	combine->factory = (char *)"combine-sum";
	combine->uid = (char *)"";
	combine->input_operator = edge->source_operator;
	memcpy(operators, vertex->operators, count * sizeof(Flink__Operator *));
	operators[count] = combine;
	vertex->operators = operators;
	vertex->n_operators = count + 1;
	snprintf(name, name_bytes, "%s -> Combine", vertex->name);
	vertex->name = name;
	edge->source_operator = (uint32_t)count;
}

void graph_make_batch(struct arena *arena, Flink__JobGraph *graph, uint32_t last_id)
{
	for (size_t i = 0; i < graph->n_vertices; i++)
		for (size_t j = 0; j < graph->vertices[i]->n_operators; j++)
			if (is_sum(graph->vertices[i]->operators[j]))
				make_final(arena, graph->vertices[i]->operators[j]);
	for (size_t i = 0; i < graph->n_edges; i++) {
		Flink__Edge *edge = graph->edges[i];
		const Flink__Operator *head = graph->vertices[edge->target_vertex]->operators[0];
		Flink__Vertex *source = graph->vertices[edge->source_vertex];

		if (edge->ship_strategy == FLINK__SHIP_STRATEGY__SHIP_HASH && is_sum(head) &&
		    source->n_operators < LIMIT_CHAIN_OPERATORS_MAX)
			add_combine(arena, source, edge, ++last_id, head);
	}
}
