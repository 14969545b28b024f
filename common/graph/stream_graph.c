/* SPDX-License-Identifier: Apache-2.0
 * stream_graph.c - what a program said, one node per operator, and its execution plan as JSON.
 * Built by the client on one thread; keeps copies of everything. */
#include "common/base/check.h"
#include "common/base/limits.h"
#include "common/graph/graph_priv.h"

struct stream_graph *stream_graph_create(const char *job_name, uint32_t default_parallelism)
{
	struct stream_graph *graph = MEM_NEW(struct stream_graph);

	CHECK(default_parallelism > 0, "a default parallelism of 0");
	graph->arena = arena_create("stream graph");
	graph->job_name = arena_strdup(graph->arena, job_name);
	graph->default_parallelism = default_parallelism;
	graph->chaining = true;
	return graph;
}

void stream_graph_destroy(struct stream_graph **made)
{
	struct stream_graph *graph = *made;

	if (graph == NULL)
		return;
	for (uint32_t id = 0; id < graph->by_id_max; id++) {
		if (graph->by_id[id] == NULL)
			continue;
		mem_free(graph->by_id[id]->ins.items);
		mem_free(graph->by_id[id]->outs.items);
		mem_free(graph->by_id[id]);
	}
	for (uint32_t i = 0; i < graph->types_count; i++)
		record_type_destroy(&graph->types[i]);
	mem_free(graph->types);
	mem_free(graph->by_id);
	mem_free(graph->edges);
	arena_destroy(&graph->arena);
	mem_free(graph);
	*made = NULL;
}

uint32_t stream_graph_next_id(struct stream_graph *graph)
{
	return ++graph->last_id;
}

uint32_t stream_graph_nodes_count(const struct stream_graph *graph)
{
	return graph->nodes_count;
}

void stream_graph_set_batch(struct stream_graph *graph, bool batch)
{
	graph->batch = batch;
}

void stream_graph_set_chaining(struct stream_graph *graph, bool enabled)
{
	graph->chaining = enabled;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* The graph's own copy of a type; equal ones are kept once. */
static const struct record_type *own_type(struct stream_graph *graph,
					  const struct record_type *type)
{
	struct err err = ERR_INIT;
	struct record_type *copy;

	if (type == NULL)
		return NULL;
	for (uint32_t i = 0; i < graph->types_count; i++) {
		const struct record_type *known = graph->types[i];

		if (known->hash == type->hash && same_text(known->name, type->name) &&
		    same_text(known->print_format, type->print_format))
			return known;
	}
	int made = record_type_create(type->name, type->print_format, type->fields,
				      type->fields_count, &copy, &err);
	CHECK(made == 0, "a finished type is refused: %s", err.text);
	if (graph->types_count == graph->types_max) {
		graph->types_max = graph->types_max ? 2 * graph->types_max : 8;
		graph->types =
			mem_realloc(graph->types, graph->types_max * sizeof(graph->types[0]));
	}
	graph->types[graph->types_count++] = copy;
	return copy;
}

static const char *own_text(struct stream_graph *graph, const char *text)
{
	return text ? arena_strdup(graph->arena, text) : NULL;
}

void stream_graph_add(struct stream_graph *graph, const struct stream_node *node)
{
	CHECK(node->id > 0 && node->id <= graph->last_id, "node id %u; the last one given is %u",
	      node->id, graph->last_id);
	CHECK(graph_node(graph, node->id) == NULL, "node %u is added twice", node->id);
	CHECK(node->name && node->factory, "node %u has no name or no factory", node->id);
	if (node->id >= graph->by_id_max) {
		uint32_t max = graph->by_id_max ? graph->by_id_max : 16;

		while (max <= node->id)
			max *= 2;
		graph->by_id = mem_realloc(graph->by_id, max * sizeof(graph->by_id[0]));
		memset(graph->by_id + graph->by_id_max, 0,
		       (max - graph->by_id_max) * sizeof(graph->by_id[0]));
		graph->by_id_max = max;
	}
	struct graph_node *own = MEM_NEW(struct graph_node);

	own->spec = *node;
	own->spec.name = own_text(graph, node->name);
	own->spec.factory = own_text(graph, node->factory);
	own->spec.parameters = arena_dup(graph->arena, node->parameters);
	own->spec.slot_sharing_group = own_text(graph, node->slot_sharing_group);
	own->spec.uid = own_text(graph, node->uid);
	own->spec.input_type = own_type(graph, node->input_type);
	own->spec.output_type = own_type(graph, node->output_type);
	graph->by_id[node->id] = own;
	graph->nodes_count++;
}

static void add_to_list(struct edge_list *list, uint32_t item)
{
	if (list->count == list->max) {
		list->max = list->max ? 2 * list->max : 4;
		list->items = mem_realloc(list->items, list->max * sizeof(list->items[0]));
	}
	list->items[list->count++] = item;
}

static void add_edge(struct stream_graph *graph, struct stream_edge edge)
{
	CHECK(graph_node(graph, edge.source) && graph_node(graph, edge.target),
	      "an edge from %u to %u, which are not both there", edge.source, edge.target);
	if (graph->edges_count == graph->edges_max) {
		graph->edges_max = graph->edges_max ? 2 * graph->edges_max : 16;
		graph->edges =
			mem_realloc(graph->edges, graph->edges_max * sizeof(graph->edges[0]));
	}
	add_to_list(&graph->by_id[edge.source]->outs, graph->edges_count);
	add_to_list(&graph->by_id[edge.target]->ins, graph->edges_count);
	graph->edges[graph->edges_count++] = edge;
}

void stream_graph_connect(struct stream_graph *graph, uint32_t source_id, uint32_t target_id,
			  uint32_t target_input, enum ship ship, const struct key_spec *key)
{
	struct stream_edge edge = { .source = source_id,
				    .target = target_id,
				    .target_input = target_input,
				    .ship = ship };

	CHECK(ship != SHIP_HASH || (key && key->fields_count > 0), "a HASH edge without a key");
	CHECK(ship != SHIP_CUSTOM, "a CUSTOM edge without a partitioner");
	if (ship == SHIP_HASH)
		edge.key = *key;
	add_edge(graph, edge);
}

void stream_graph_connect_custom(struct stream_graph *graph, uint32_t source_id, uint32_t target_id,
				 uint32_t target_input, const Flink__FunctionRef *partitioner)
{
	Flink__FunctionRef *own = arena_alloc(graph->arena, sizeof(*own));
	struct bytes parameters = arena_dup(
		graph->arena, bytes_of(partitioner->parameters.data, partitioner->parameters.len));

	*own = *partitioner;
	own->symbol = arena_strdup(graph->arena, partitioner->symbol);
	own->parameters.data = (uint8_t *)(uintptr_t)parameters.data;
	add_edge(graph, (struct stream_edge){ .source = source_id,
					      .target = target_id,
					      .target_input = target_input,
					      .ship = SHIP_CUSTOM,
					      .partitioner = own });
}

uint32_t graph_parallelism(const struct stream_graph *graph, const struct graph_node *node)
{
	if (node->spec.non_parallel)
		return 1;
	return node->spec.parallelism ? node->spec.parallelism : graph->default_parallelism;
}

enum ship graph_edge_ship(const struct stream_graph *graph, const struct stream_edge *edge)
{
	if (edge->ship != SHIP_DEFAULT)
		return edge->ship;
	return graph_parallelism(graph, graph_node(graph, edge->source)) ==
			       graph_parallelism(graph, graph_node(graph, edge->target)) ?
		       SHIP_FORWARD :
		       SHIP_REBALANCE;
}

/* ---- the execution plan ---------------------------------------------------------------------- */

/* As Jackson writes strings: UTF-8 stays, control characters become escapes. */
static void add_json_text(struct buf *into, const char *text)
{
	static const char names[] = {
		['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'
	};

	buf_add(into, "\"", 1);
	for (const char *at = text; *at; at++) {
		unsigned char c = (unsigned char)*at;

		if (c == '"' || c == '\\')
			buf_printf(into, "\\%c", c);
		else if (c < sizeof(names) && names[c])
			buf_printf(into, "\\%c", names[c]);
		else if (c < 0x20)
			buf_printf(into, "\\u%04X", c);
		else
			buf_add(into, at, 1);
	}
	buf_add(into, "\"", 1);
}

static void add_plan_node(const struct stream_graph *graph, const struct graph_node *node,
			  struct buf *into)
{
	static const char *const pacts[] = {
		[FLINK__OPERATOR_KIND__OPERATOR_KIND_SOURCE] = "Data Source",
		[FLINK__OPERATOR_KIND__OPERATOR_KIND_OPERATOR] = "Operator",
		[FLINK__OPERATOR_KIND__OPERATOR_KIND_SINK] = "Data Sink"
	};

	buf_printf(into, "{\n    \"id\" : %u,\n    \"type\" : ", node->spec.id);
	add_json_text(into, node->spec.name);
	buf_printf(into, ",\n    \"pact\" : \"%s\",\n    \"contents\" : ", pacts[node->spec.kind]);
	add_json_text(into, node->spec.name);
	buf_printf(into, ",\n    \"parallelism\" : %u", graph_parallelism(graph, node));
	for (uint32_t i = 0; i < node->ins.count; i++) {
		const struct stream_edge *edge = &graph->edges[node->ins.items[i]];

		/* Flink asks for the side after it added the element: always the second. */
		buf_printf(into, "%s {\n      \"id\" : %u,\n      \"ship_strategy\" : \"%s\",\n",
			   i == 0 ? ",\n    \"predecessors\" : [" : ",", edge->source,
			   ship_name((Flink__ShipStrategy)graph_edge_ship(graph, edge)));
		buf_add_text(into, "      \"side\" : \"second\"\n    }");
	}
	if (node->ins.count > 0)
		buf_add_text(into, " ]");
	buf_add_text(into, "\n  }");
}

void stream_graph_plan(const struct stream_graph *graph, struct buf *into)
{
	const char *separator = " ";

	buf_add_text(into, "{\n  \"nodes\" : [");
	for (int sinks = 0; sinks < 2; sinks++) {
		for (uint32_t id = 1; id < graph->by_id_max; id++) {
			const struct graph_node *node = graph->by_id[id];

			if (node == NULL ||
			    (node->spec.kind == FLINK__OPERATOR_KIND__OPERATOR_KIND_SINK) != sinks)
				continue;
			buf_add_text(into, separator);
			add_plan_node(graph, node, into);
			separator = ", ";
		}
	}
	buf_add_text(into, " ]\n}");
}
