/* SPDX-License-Identifier: Apache-2.0
 * job_graph.c - from the stream graph to the job graph: chains, names, order, as Flink makes them
 * (StreamingJobGraphGenerator), so that pages and savepoints agree with what Flink would show. */
#include "common/base/check.h"
#include "common/base/limits.h"
#include "common/graph/graph_priv.h"

struct chain_edge {
	const struct stream_edge *edge;
	uint32_t source_operator;
};

struct chain {
	/* Each node stands behind the one that feeds it, whose index is in inputs. */
	const struct graph_node *nodes[LIMIT_CHAIN_OPERATORS_MAX];
	uint32_t inputs[LIMIT_CHAIN_OPERATORS_MAX];
	uint32_t count;
	struct chain_edge *outs;
	uint32_t outs_count, outs_max;
	uint32_t ins_open; /* sorting: edges from chains that have no place yet */
	uint32_t vertex;   /* its place: the index in the job graph */
	bool is_source, placed;
};

struct plan {
	const struct stream_graph *stream;
	struct place *places; /* by node id */
	struct chain **chains; /* in the order in which Flink ends them: from the sinks */
	uint32_t chains_count;
	struct chain **sorted; /* topologically */
	uint32_t sorted_count;
	int32_t *type_index; /* of stream->types; -1: not used yet */
	uint32_t types_count;
};

/* ---- what a program may say ------------------------------------------------------------------ */

static int check_node(const struct stream_graph *graph, const struct graph_node *node,
		      struct err *err)
{
	const struct stream_node *spec = &node->spec;
	uint32_t parallelism = graph_parallelism(graph, node);
	bool source = spec->kind == FLINK__OPERATOR_KIND__OPERATOR_KIND_SOURCE;
	bool sink = spec->kind == FLINK__OPERATOR_KIND__OPERATOR_KIND_SINK;

	CHECK(source || sink || spec->kind == FLINK__OPERATOR_KIND__OPERATOR_KIND_OPERATOR,
	      "operator \"%s\" is of kind %d", spec->name, (int)spec->kind);
	if (spec->name[0] == '\0')
		return err_set(err, ERR_PLAN_INVALID,
			       "an operator of kind \"%s\" has an empty name", spec->factory);
	if (source && node->ins.count > 0)
		return err_set(err, ERR_PLAN_INVALID, "the source \"%s\" has an input", spec->name);
	if (!source && node->ins.count == 0)
		return err_set(err, ERR_PLAN_INVALID, "the operator \"%s\" has no input",
			       spec->name);
	if (sink && node->outs.count > 0)
		return err_set(err, ERR_PLAN_INVALID, "the sink \"%s\" has an output", spec->name);
	if (spec->non_parallel && spec->parallelism > 1)
		return err_set(err, ERR_PLAN_INVALID,
			       "the operator \"%s\" cannot run with parallelism %u, only with 1",
			       spec->name, spec->parallelism);
	if (parallelism > LIMIT_PARALLELISM_MAX || spec->max_parallelism > LIMIT_PARALLELISM_MAX)
		return err_set(err, ERR_PLAN_INVALID,
			       "the operator \"%s\" has parallelism %u and maximum parallelism %u; "
			       "the largest allowed is %u",
			       spec->name, parallelism, spec->max_parallelism,
			       LIMIT_PARALLELISM_MAX);
	if (spec->max_parallelism != 0 && parallelism > spec->max_parallelism)
		return err_set(err, ERR_PLAN_INVALID,
			       "the operator \"%s\" has parallelism %u, which is above its maximum "
			       "parallelism %u",
			       spec->name, parallelism, spec->max_parallelism);
	return 0;
}

static int check_edge(const struct stream_graph *graph, const struct stream_edge *edge,
		      struct err *err)
{
	const struct graph_node *source = graph_node(graph, edge->source);
	const struct graph_node *target = graph_node(graph, edge->target);
	const struct record_type *given = source->spec.output_type,
				 *taken = target->spec.input_type;

	if (edge->ship == SHIP_FORWARD &&
	    graph_parallelism(graph, source) != graph_parallelism(graph, target))
		return err_set(err, ERR_PLAN_INVALID,
			       "Forward partitioning does not allow change of parallelism. "
			       "Upstream operation: %s parallelism: %u, downstream operation: %s "
			       "parallelism: %u. You must use another partitioning strategy, such "
			       "as broadcast, rebalance, shuffle or global.",
			       source->spec.name, graph_parallelism(graph, source),
			       target->spec.name, graph_parallelism(graph, target));
	if (given == NULL)
		return err_set(err, ERR_PLAN_INVALID,
			       "\"%s\" reads from \"%s\", which gives no records",
			       target->spec.name, source->spec.name);
	if (edge->target_input == 0 && (taken == NULL || taken->hash != given->hash)) {
		struct buf text;

		buf_init(&text);
		buf_printf(&text, "\"%s\" gives ", source->spec.name);
		record_type_describe(given, &text);
		buf_printf(&text, ", but \"%s\" takes ", target->spec.name);
		if (taken)
			record_type_describe(taken, &text);
		else
			buf_add_text(&text, "none");
		err_set(err, ERR_PLAN_INVALID, "%s", text.data);
		buf_fini(&text);
		return -1;
	}
	return 0;
}

/* What a node does not say it takes from its inputs, if they agree. */
static const char *group_of_inputs(const struct plan *plan, const struct graph_node *node)
{
	const char *group = NULL;

	for (uint32_t i = 0; i < node->ins.count; i++) {
		uint32_t source = plan->stream->edges[node->ins.items[i]].source;
		const char *input = plan->places[source].group;

		if (group && strcmp(group, input) != 0)
			return "default";
		group = input;
	}
	return group ? group : "default";
}

/* Inputs before outputs; settles slot sharing groups on the way. A node that never comes is part of
 * a cycle. */
static int walk_in_order(struct plan *plan, uint32_t *queue, uint32_t *open, struct err *err)
{
	const struct stream_graph *graph = plan->stream;
	uint32_t first = 0, last = 0;

	for (uint32_t id = 1; id < graph->by_id_max; id++) {
		if (graph->by_id[id] == NULL)
			continue;
		open[id] = graph->by_id[id]->ins.count;
		if (open[id] == 0)
			queue[last++] = id;
	}
	while (first < last) {
		const struct graph_node *node = graph->by_id[queue[first++]];
		const char *group = node->spec.slot_sharing_group;

		if (group == NULL)
			group = group_of_inputs(plan, node);
		plan->places[node->spec.id].group = group;
		for (uint32_t i = 0; i < node->outs.count; i++) {
			uint32_t target = graph->edges[node->outs.items[i]].target;

			if (--open[target] == 0)
				queue[last++] = target;
		}
	}
	for (uint32_t id = 1; id < graph->by_id_max && last < graph->nodes_count; id++)
		if (graph->by_id[id] && open[id] > 0)
			return err_set(err, ERR_PLAN_INVALID,
				       "the operator \"%s\" is part of a cycle or behind one; a "
				       "job has none",
				       graph->by_id[id]->spec.name);
	return 0;
}

static int check_stream(struct plan *plan, struct err *err)
{
	const struct stream_graph *graph = plan->stream;

	if (graph->nodes_count == 0)
		return err_set(err, ERR_PLAN_INVALID,
			       "No operators defined in streaming topology. Cannot execute.");
	if (graph->nodes_count > STREAM_NODES_MAX)
		return err_set(err, ERR_PLAN_INVALID,
			       "the program has %u operators; allowed are %u", graph->nodes_count,
			       STREAM_NODES_MAX);
	for (uint32_t id = 1; id < graph->by_id_max; id++)
		if (graph->by_id[id] && check_node(graph, graph->by_id[id], err) != 0)
			return -1;
	for (uint32_t i = 0; i < graph->edges_count; i++)
		if (check_edge(graph, &graph->edges[i], err) != 0)
			return -1;
	uint32_t *queue = MEM_NEW_ARRAY(uint32_t, graph->nodes_count);
	uint32_t *open = MEM_NEW_ARRAY(uint32_t, graph->by_id_max);
	int answer = walk_in_order(plan, queue, open, err);

	mem_free(queue);
	mem_free(open);
	return answer;
}

/* ---- chains ---------------------------------------------------------------------------------- */

static void add_out(struct chain *chain, const struct stream_edge *edge, uint32_t source_operator)
{
	if (chain->outs_count == chain->outs_max) {
		chain->outs_max = chain->outs_max ? 2 * chain->outs_max : 4;
		chain->outs = mem_realloc(chain->outs, chain->outs_max * sizeof(chain->outs[0]));
	}
	chain->outs[chain->outs_count++] = (struct chain_edge){ edge, source_operator };
}

static int start_chain(struct plan *plan, const struct graph_node *head, struct err *err);

/* Puts a node and all that chains to it into the chain, then starts the chains behind. Outputs that
 * chain come first, as in Flink: the order decides names and the order of edges. */
static int extend_chain(struct plan *plan, struct chain *chain, const struct graph_node *node,
			uint32_t input, struct err *err)
{
	const struct stream_graph *graph = plan->stream;
	uint32_t index = chain->count;

	if (index == LIMIT_CHAIN_OPERATORS_MAX)
		return err_set(err, ERR_PLAN_INVALID,
			       "the chain that begins with \"%s\" has more than %u operators; "
			       "start_new_chain() on \"%s\" divides it",
			       chain->nodes[0]->spec.name, LIMIT_CHAIN_OPERATORS_MAX,
			       node->spec.name);
	chain->nodes[index] = node;
	chain->inputs[index] = input;
	chain->count++;
	plan->places[node->spec.id].chain = chain;
	plan->places[node->spec.id].index = index;
	for (uint32_t i = 0; i < node->outs.count; i++) {
		const struct stream_edge *edge = &graph->edges[node->outs.items[i]];

		if (graph_edge_chains(graph, plan->places, edge) &&
		    extend_chain(plan, chain, graph_node(graph, edge->target), index, err) != 0)
			return -1;
	}
	for (uint32_t i = 0; i < node->outs.count; i++) {
		const struct stream_edge *edge = &graph->edges[node->outs.items[i]];

		if (graph_edge_chains(graph, plan->places, edge))
			continue;
		add_out(chain, edge, index);
		if (plan->places[edge->target].chain == NULL &&
		    start_chain(plan, graph_node(graph, edge->target), err) != 0)
			return -1;
	}
	return 0;
}

static int start_chain(struct plan *plan, const struct graph_node *head, struct err *err)
{
	struct chain *chain = MEM_NEW(struct chain);

	chain->is_source = head->ins.count == 0;
	int answer = extend_chain(plan, chain, head, 0, err);

	plan->chains[plan->chains_count++] = chain; /* freed with the plan, also after an error */
	return answer;
}

static int make_chains(struct plan *plan, struct err *err)
{
	const struct stream_graph *graph = plan->stream;

	for (uint32_t id = 1; id < graph->by_id_max; id++)
		if (graph->by_id[id] && graph->by_id[id]->ins.count == 0 &&
		    start_chain(plan, graph->by_id[id], err) != 0)
			return -1;
	return 0;
}

/* ---- order ----------------------------------------------------------------------------------- */

static void place_chain(struct plan *plan, struct chain *chain)
{
	chain->placed = true;
	chain->vertex = plan->sorted_count;
	plan->sorted[plan->sorted_count++] = chain;
	for (uint32_t i = 0; i < chain->outs_count; i++)
		plan->places[chain->outs[i].edge->target].chain->ins_open--;
}

/* Depth first behind a chain that has its place: what waits for no other input follows at once. */
static void place_behind(struct plan *plan, const struct chain *chain)
{
	for (uint32_t i = 0; i < chain->outs_count; i++) {
		struct chain *target = plan->places[chain->outs[i].edge->target].chain;

		if (target->placed || target->ins_open > 0)
			continue;
		place_chain(plan, target);
		place_behind(plan, target);
	}
}

/* JobGraph.getVerticesSortedTopologicallyFromSources: all sources, then what follows from each. */
static void sort_chains(struct plan *plan)
{
	for (uint32_t i = 0; i < plan->chains_count; i++)
		for (uint32_t j = 0; j < plan->chains[i]->outs_count; j++) {
			struct chain *target =
				plan->places[plan->chains[i]->outs[j].edge->target].chain;

			target->ins_open++;
		}
	for (uint32_t i = 0; i < plan->chains_count; i++)
		if (plan->chains[i]->is_source)
			place_chain(plan, plan->chains[i]);
	for (uint32_t i = 0; i < plan->sorted_count; i++)
		place_behind(plan, plan->sorted[i]);
	CHECK(plan->sorted_count == plan->chains_count, "%u of %u chains have a place",
	      plan->sorted_count, plan->chains_count);
}

/* ---- the message ----------------------------------------------------------------------------- */

/* "A -> B", "A -> (B, C -> D)". */
static void add_chained_name(const struct chain *chain, uint32_t index, struct buf *into)
{
	uint32_t children = 0, written = 0;

	buf_add_text(into, chain->nodes[index]->spec.name);
	for (uint32_t i = index + 1; i < chain->count; i++)
		children += chain->inputs[i] == index;
	for (uint32_t i = index + 1; i < chain->count; i++) {
		if (chain->inputs[i] != index)
			continue;
		buf_add_text(into, written > 0 ? ", " : children > 1 ? " -> (" : " -> ");
		add_chained_name(chain, i, into);
		written++;
	}
	if (children > 1)
		buf_add_text(into, ")");
}

static int32_t type_index(struct plan *plan, const struct record_type *type)
{
	if (type == NULL)
		return -1;
	for (uint32_t i = 0; i < plan->stream->types_count; i++) {
		if (plan->stream->types[i] != type)
			continue;
		if (plan->type_index[i] < 0)
			plan->type_index[i] = (int32_t)plan->types_count++;
		return plan->type_index[i];
	}
	CHECK(false, "a type that is not the graph's");
}

/* Messages borrow from the stream graph; what they need beside it lives in the arena. */
static uint32_t *make_key(struct arena *arena, const struct key_spec *key)
{
	return memcpy(arena_alloc(arena, sizeof(key->fields)), key->fields, sizeof(key->fields));
}

static Flink__Operator *make_operator(struct plan *plan, struct arena *arena,
				      const struct chain *chain, uint32_t index)
{
	const struct stream_node *spec = &chain->nodes[index]->spec;
	Flink__Operator *operator = arena_alloc(arena, sizeof(*operator));

	flink__operator__init(operator);
	operator->node_id = spec->id;
	operator->id = (ProtobufCBinaryData){ 16, plan->places[spec->id].hash };
	operator->name = (char *)spec->name;
	operator->description = (char *)spec->name;
	operator->kind = spec->kind;
	operator->factory = (char *)spec->factory;
	operator->parameters = (ProtobufCBinaryData){ spec->parameters.size_bytes,
						      (uint8_t *)spec->parameters.data };
	operator->input_type = type_index(plan, spec->input_type);
	operator->output_type = type_index(plan, spec->output_type);
	operator->n_key_fields = spec->key.fields_count;
	operator->key_fields = make_key(arena, &spec->key);
	operator->uid = (char *)(spec->uid ? spec->uid : "");
	operator->input_operator = chain->inputs[index];
	return operator;
}

static Flink__Vertex *make_vertex(struct plan *plan, struct arena *arena, const struct chain *chain)
{
	const struct graph_node *head = chain->nodes[0];
	Flink__Vertex *vertex = arena_alloc(arena, sizeof(*vertex));
	struct buf name;

	flink__vertex__init(vertex);
	buf_init(&name);
	add_chained_name(chain, 0, &name);
	vertex->id = (ProtobufCBinaryData){ 16, plan->places[head->spec.id].hash };
	vertex->name = arena_strdup(arena, name.data);
	buf_fini(&name);
	vertex->parallelism = graph_parallelism(plan->stream, head);
	vertex->max_parallelism = head->spec.max_parallelism ?
					  head->spec.max_parallelism :
					  key_groups_default(vertex->parallelism);
	vertex->slot_sharing_group = (char *)plan->places[head->spec.id].group;
	vertex->n_operators = chain->count;
	vertex->operators = arena_alloc(arena, chain->count * sizeof(vertex->operators[0]));
	for (uint32_t i = 0; i < chain->count; i++)
		vertex->operators[i] = make_operator(plan, arena, chain, i);
	return vertex;
}

static Flink__Edge *make_edge(struct plan *plan, struct arena *arena, const struct chain *chain,
			      const struct chain_edge *out)
{
	const struct graph_node *source = chain->nodes[out->source_operator];
	Flink__Edge *edge = arena_alloc(arena, sizeof(*edge));

	flink__edge__init(edge);
	edge->source_vertex = chain->vertex;
	edge->target_vertex = plan->places[out->edge->target].chain->vertex;
	edge->target_input = out->edge->target_input;
	edge->ship_strategy = (Flink__ShipStrategy)graph_edge_ship(plan->stream, out->edge);
	edge->record_type = type_index(plan, source->spec.output_type);
	edge->n_key_fields = out->edge->key.fields_count;
	edge->key_fields = make_key(arena, &out->edge->key);
	edge->source_operator = out->source_operator;
	edge->partitioner = out->edge->partitioner;
	return edge;
}

static Flink__RecordType *make_type(struct arena *arena, const struct record_type *type)
{
	Flink__RecordType *message = arena_alloc(arena, sizeof(*message));

	flink__record_type__init(message);
	message->name = (char *)type->name;
	message->print_format = (char *)(type->print_format ? type->print_format : "");
	message->n_fields = type->fields_count;
	message->fields = arena_alloc(arena, type->fields_count * sizeof(message->fields[0]));
	for (uint32_t i = 0; i < type->fields_count; i++) {
		Flink__RecordField *field = arena_alloc(arena, sizeof(*field));

		flink__record_field__init(field);
		field->name = (char *)type->fields[i].name;
		field->kind = type->fields[i].kind;
		field->nullable = type->fields[i].nullable;
		message->fields[i] = field;
	}
	return message;
}

static void fill_message(struct plan *plan, struct arena *arena, Flink__JobGraph *graph)
{
	const struct stream_graph *stream = plan->stream;
	struct buf text;

	flink__job_graph__init(graph);
	graph->format = JOB_FORMAT;
	graph->name = (char *)stream->job_name;
	graph->default_parallelism = stream->default_parallelism;
	graph->vertices = arena_alloc(arena, plan->sorted_count * sizeof(graph->vertices[0]));
	for (uint32_t i = 0; i < plan->sorted_count; i++)
		graph->vertices[graph->n_vertices++] = make_vertex(plan, arena, plan->sorted[i]);
	graph->edges = arena_alloc(arena, stream->edges_count * sizeof(graph->edges[0]));
	for (uint32_t i = 0; i < plan->chains_count; i++)
		for (uint32_t j = 0; j < plan->chains[i]->outs_count; j++)
			graph->edges[graph->n_edges++] =
				make_edge(plan, arena, plan->chains[i], &plan->chains[i]->outs[j]);
	if (stream->batch)
		graph_make_batch(arena, graph, stream->last_id);
	graph->n_types = plan->types_count;
	graph->types = arena_alloc(arena, plan->types_count * sizeof(graph->types[0]));
	for (uint32_t i = 0; i < stream->types_count; i++)
		if (plan->type_index[i] >= 0)
			graph->types[plan->type_index[i]] = make_type(arena, stream->types[i]);
	buf_init(&text);
	stream_graph_plan(stream, &text);
	graph->execution_plan = arena_strdup(arena, text.data);
	buf_fini(&text);
}

/* protobuf-c frees with its own allocator what it unpacked itself; so the message that leaves is
 * packed and unpacked once, and the arena stays ours. */
static Flink__JobGraph *make_message(struct plan *plan)
{
	struct arena *arena = arena_create("job graph");
	Flink__JobGraph graph;

	fill_message(plan, arena, &graph);
	size_t size_bytes = flink__job_graph__get_packed_size(&graph);
	uint8_t *packed = mem_alloc(size_bytes);

	flink__job_graph__pack(&graph, packed);
	Flink__JobGraph *message = flink__job_graph__unpack(NULL, size_bytes, packed);

	CHECK(message != NULL, "a job graph of %zu bytes cannot be unpacked", size_bytes);
	mem_free(packed);
	arena_destroy(&arena);
	return message;
}

int job_graph_from_stream(const struct stream_graph *stream, Flink__JobGraph **graph,
			  struct err *err)
{
	struct plan plan = { .stream = stream };
	int answer = -1;

	*graph = NULL;
	plan.places = MEM_NEW_ARRAY(struct place, stream->by_id_max);
	plan.chains = MEM_NEW_ARRAY(struct chain *, stream->nodes_count);
	plan.sorted = MEM_NEW_ARRAY(struct chain *, stream->nodes_count);
	plan.type_index = MEM_NEW_ARRAY(int32_t, stream->types_count);
	for (uint32_t i = 0; i < stream->types_count; i++)
		plan.type_index[i] = -1;
	if (check_stream(&plan, err) == 0 && graph_hash(stream, plan.places, err) == 0 &&
	    make_chains(&plan, err) == 0) {
		sort_chains(&plan);
		*graph = make_message(&plan);
		answer = job_graph_check_plan(*graph, err);
	}
	if (answer != 0 && *graph != NULL) {
		flink__job_graph__free_unpacked(*graph, NULL);
		*graph = NULL;
	}
	for (uint32_t i = 0; i < plan.chains_count; i++) {
		mem_free(plan.chains[i]->outs);
		mem_free(plan.chains[i]);
	}
	mem_free(plan.places);
	mem_free(plan.chains);
	mem_free(plan.sorted);
	mem_free(plan.type_index);
	return answer;
}
