/* SPDX-License-Identifier: Apache-2.0
 * graph_test.c - chains, ids, names, order and plans as Flink has them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "common/graph/graph.h"

#define SOURCE FLINK__OPERATOR_KIND__OPERATOR_KIND_SOURCE
#define OPERATOR FLINK__OPERATOR_KIND__OPERATOR_KIND_OPERATOR
#define SINK FLINK__OPERATOR_KIND__OPERATOR_KIND_SINK

static struct record_type *word_type;
static const struct key_spec by_word = { .fields_count = 1, .fields = { 0 } };

static int make_word_type(void **state)
{
	static const struct field fields[] = { { "word", FIELD_STRING, 0 },
					       { "count", FIELD_BIGINT, 0 } };
	struct err err = ERR_INIT;

	return record_type_create("word_count", NULL, fields, 2, &word_type, &err);
}

static int destroy_word_type(void **state)
{
	record_type_destroy(&word_type);
	return mem_bytes_out() == 0 ? 0 : -1;
}

/* A node of the usual shape, added; parallelism 0 = the default. */
static uint32_t add_node(struct stream_graph *graph, const char *name, Flink__OperatorKind kind,
			 uint32_t parallelism)
{
	struct stream_node node = { .id = stream_graph_next_id(graph),
				    .name = name,
				    .kind = kind,
				    .factory = "some",
				    .parallelism = parallelism,
				    .input_type = kind == SOURCE ? NULL : word_type,
				    .output_type = kind == SINK ? NULL : word_type };

	stream_graph_add(graph, &node);
	return node.id;
}

static void add_special(struct stream_graph *graph, struct stream_node node)
{
	node.factory = "some";
	node.input_type = node.kind == SOURCE ? NULL : word_type;
	node.output_type = node.kind == SINK ? NULL : word_type;
	stream_graph_add(graph, &node);
}

static void connect_nodes(struct stream_graph *graph, uint32_t source, uint32_t target)
{
	stream_graph_connect(graph, source, target, 0, SHIP_DEFAULT, NULL);
}

static void connect_keyed(struct stream_graph *graph, uint32_t source, uint32_t target)
{
	stream_graph_connect(graph, source, target, 0, SHIP_HASH, &by_word);
}

static Flink__JobGraph *make_job(struct stream_graph **stream)
{
	Flink__JobGraph *graph;
	struct err err = ERR_INIT;

	if (job_graph_from_stream(*stream, &graph, &err) != 0)
		fail_msg("%s", err.text);
	stream_graph_destroy(stream);
	return graph;
}

static void free_job(Flink__JobGraph *graph)
{
	flink__job_graph__free_unpacked(graph, NULL);
}

static void expect_id(const ProtobufCBinaryData *id, const char *hex)
{
	struct id found;
	char text[ID_TEXT_SIZE];

	assert_int_equal(id->len, 16);
	memcpy(found.bytes, id->data, 16);
	assert_string_equal(id_format(&found, text), hex);
}

/* ---- ids ------------------------------------------------------------------------------------- */

static void a_source_alone_has_flink_s_id(void **state)
{
	struct stream_graph *stream = stream_graph_create("job", 1);

	add_node(stream, "Source: a", SOURCE, 1);
	add_node(stream, "Source: b", SOURCE, 1);
	Flink__JobGraph *graph = make_job(&stream);
	expect_id(&graph->vertices[0]->id, "bc764cd8ddf7a0cff126f51c16239658");
	expect_id(&graph->vertices[1]->id, "feca28aff5a3958840bee985ee7de4d3");
	free_job(graph);
}

/* The first job of every tutorial. */
static void word_count_has_flink_s_ids_and_names(void **state)
{
	struct stream_graph *stream = stream_graph_create("Socket Window WordCount", 1);
	uint32_t source = add_node(stream, "Source: Socket Stream", SOURCE, 1);
	uint32_t flat_map = add_node(stream, "Flat Map", OPERATOR, 1);
	stream_graph_next_id(stream); /* key_by */
	uint32_t window = add_node(stream, "TumblingProcessingTimeWindows", OPERATOR, 1);
	uint32_t sink = add_node(stream, "Sink: Print to Std. Out", SINK, 1);

	connect_nodes(stream, source, flat_map);
	connect_keyed(stream, flat_map, window);
	connect_nodes(stream, window, sink);
	assert_int_equal(stream_graph_nodes_count(stream), 4);
	Flink__JobGraph *graph = make_job(&stream);

	assert_string_equal(graph->name, "Socket Window WordCount");
	assert_int_equal(graph->n_vertices, 2);
	assert_string_equal(graph->vertices[0]->name, "Source: Socket Stream -> Flat Map");
	assert_string_equal(graph->vertices[1]->name,
			    "TumblingProcessingTimeWindows -> Sink: Print to Std. Out");
	expect_id(&graph->vertices[0]->id, "cbc357ccb763df2852fee8c4fc7d55f2");
	expect_id(&graph->vertices[0]->operators[0]->id, "cbc357ccb763df2852fee8c4fc7d55f2");
	expect_id(&graph->vertices[0]->operators[1]->id, "7df19f87deec5680128845fd9a6ca18d");
	expect_id(&graph->vertices[1]->id, "90bea66de1c231edf33913ecd54406c1");
	expect_id(&graph->vertices[1]->operators[1]->id, "17fbfcaabad45985bbdf4da0490487e3");
	assert_int_equal(graph->vertices[0]->operators[1]->node_id, 2);
	assert_int_equal(graph->vertices[1]->operators[0]->node_id, 4);
	assert_int_equal(graph->n_edges, 1);
	assert_int_equal(graph->edges[0]->ship_strategy, SHIP_HASH);
	assert_int_equal(graph->edges[0]->source_operator, 1);
	assert_int_equal(graph->edges[0]->n_key_fields, 1);
	assert_int_equal(graph->vertices[0]->max_parallelism, 128);
	assert_string_equal(graph->vertices[0]->slot_sharing_group, "default");
	assert_int_equal(graph->n_types, 1);
	assert_string_equal(graph->types[0]->name, "word_count");
	free_job(graph);
}

static void batch_adds_up_before_it_sends(void **state)
{
	struct stream_graph *stream = stream_graph_create("WordCount", 2);
	uint32_t source = add_node(stream, "Source: Text", SOURCE, 1);
	uint32_t sum = stream_graph_next_id(stream);
	stream_graph_add(stream, &(struct stream_node){ .id = sum, .name = "Keyed Aggregation",
							.kind = OPERATOR, .factory = "sum",
							.parallelism = 2, .key = by_word,
							.input_type = word_type,
							.output_type = word_type });
	connect_keyed(stream, source, sum);
	stream_graph_set_batch(stream, true);
	Flink__JobGraph *graph = make_job(&stream);
	const Flink__Vertex *vertex = graph->vertices[0];

	assert_string_equal(vertex->name, "Source: Text -> Combine");
	assert_string_equal(vertex->operators[1]->factory, "combine-sum");
	assert_int_equal(vertex->operators[1]->n_key_fields, 1);
	assert_int_equal(vertex->operators[1]->input_operator, 0);
	assert_int_equal(graph->edges[0]->source_operator, 1);
	Flink__OperatorParameters *parameters = flink__operator_parameters__unpack(
		NULL, graph->vertices[1]->operators[0]->parameters.len,
		graph->vertices[1]->operators[0]->parameters.data);

	assert_true(parameters->final_only);
	flink__operator_parameters__free_unpacked(parameters, NULL);
	expect_id(&vertex->id, "bc764cd8ddf7a0cff126f51c16239658"); /* as without it */
	free_job(graph);
}

static void an_unchained_source_changes_what_follows(void **state)
{
	struct stream_graph *stream = stream_graph_create("wc", 2);
	uint32_t source = add_node(stream, "Source: in", SOURCE, 1);
	uint32_t sum = add_node(stream, "Keyed Aggregation", OPERATOR, 2);
	uint32_t sink = add_node(stream, "Sink: Print to Std. Out", SINK, 2);
	struct buf text;

	connect_keyed(stream, source, sum);
	connect_nodes(stream, sum, sink);
	Flink__JobGraph *graph = make_job(&stream);
	expect_id(&graph->vertices[0]->id, "bc764cd8ddf7a0cff126f51c16239658");
	expect_id(&graph->vertices[1]->id, "20ba6b65f97481d5570070de90e4e791");
	buf_init(&text);
	job_graph_vertex_description(graph->vertices[1], &text);
	assert_string_equal(text.data, "Keyed Aggregation<br/>+- Sink: Print to Std. Out<br/>");
	buf_clear(&text);
	job_graph_vertex_description(graph->vertices[0], &text);
	assert_string_equal(text.data, "Source: in<br/>");
	buf_fini(&text);
	free_job(graph);
}

static void a_uid_is_the_id_wherever_it_stands(void **state)
{
	uint8_t hashes[3][16];

	for (int round = 0; round < 3; round++) {
		struct stream_graph *stream = stream_graph_create("job", 1);
		uint32_t source = add_node(stream, "Source: a", SOURCE, 1), last = source;

		for (int i = 0; i < round; i++) {
			uint32_t next = add_node(stream, "Map", OPERATOR, 1);
			connect_nodes(stream, last, next);
			last = next;
		}
		uint32_t id = stream_graph_next_id(stream);
		add_special(stream,
			    (struct stream_node){
				    .id = id, .name = "Sum", .kind = OPERATOR, .uid = "my-sum" });
		connect_keyed(stream, last, id);
		Flink__JobGraph *graph = make_job(&stream);
		assert_string_equal(graph->vertices[1]->operators[0]->uid, "my-sum");
		memcpy(hashes[round], graph->vertices[1]->id.data, 16);
		free_job(graph);
	}
	assert_memory_equal(hashes[0], hashes[1], 16);
	assert_memory_equal(hashes[0], hashes[2], 16);
}

/* ---- chains ---------------------------------------------------------------------------------- */

static void branches_chain_as_a_tree(void **state)
{
	struct stream_graph *stream = stream_graph_create("job", 1);
	uint32_t a = add_node(stream, "A", SOURCE, 1), b = add_node(stream, "B", OPERATOR, 1);
	uint32_t c = add_node(stream, "C", OPERATOR, 1), d = add_node(stream, "D", OPERATOR, 1);
	uint32_t e = add_node(stream, "E", SINK, 1), f = add_node(stream, "F", SINK, 1);
	struct buf text;

	connect_nodes(stream, a, b);
	connect_nodes(stream, a, c);
	connect_nodes(stream, c, d);
	connect_nodes(stream, d, e);
	connect_nodes(stream, c, f);
	Flink__JobGraph *graph = make_job(&stream);
	Flink__Vertex *vertex = graph->vertices[0];
	static const struct {
		const char *name;
		uint32_t input;
	} expected[] = { { "A", 0 }, { "B", 0 }, { "C", 0 }, { "D", 2 }, { "E", 3 }, { "F", 2 } };

	assert_int_equal(graph->n_vertices, 1);
	assert_string_equal(vertex->name, "A -> (B, C -> (D -> E, F))");
	assert_int_equal(vertex->n_operators, ARRAY_COUNT(expected));
	for (size_t i = 0; i < ARRAY_COUNT(expected); i++) {
		assert_string_equal(vertex->operators[i]->name, expected[i].name);
		assert_int_equal(vertex->operators[i]->input_operator, expected[i].input);
	}
	buf_init(&text);
	job_graph_vertex_description(vertex, &text);
	assert_string_equal(text.data, "A<br/>"
				       ":- B<br/>"
				       "+- C<br/>"
				       "   :- D<br/>"
				       "   :  +- E<br/>"
				       "   +- F<br/>");
	buf_fini(&text);
	free_job(graph);
}

static void what_breaks_a_chain(void **state)
{
	enum {
		NOTHING,
		PARALLELISM,
		SHIP,
		NEVER,
		HEAD,
		UP_NEVER,
		UP_HEAD,
		GROUP,
		GLOBAL_OFF,
		UNION
	};
	static const bool chains[] = { [NOTHING] = true, [UP_HEAD] = true, [UNION] = false };

	for (int what = NOTHING; what <= UNION; what++) {
		struct stream_graph *stream = stream_graph_create("job", 1);
		uint32_t source = stream_graph_next_id(stream), map = stream_graph_next_id(stream);

		if (what == GLOBAL_OFF)
			stream_graph_set_chaining(stream, false);
		add_special(stream,
			    (struct stream_node){ .id = source,
						  .name = "S",
						  .kind = SOURCE,
						  .chaining = what == UP_NEVER ? CHAIN_NEVER :
							      what == UP_HEAD  ? CHAIN_HEAD :
										 CHAIN_ALWAYS });
		add_special(stream, (struct stream_node){
					    .id = map,
					    .name = "M",
					    .kind = OPERATOR,
					    .parallelism = what == PARALLELISM ? 2 : 0,
					    .slot_sharing_group = what == GROUP ? "other" : NULL,
					    .chaining = what == NEVER ? CHAIN_NEVER :
							what == HEAD  ? CHAIN_HEAD :
									CHAIN_ALWAYS });
		stream_graph_connect(stream, source, map, 0,
				     what == SHIP ? SHIP_REBALANCE : SHIP_DEFAULT, NULL);
		if (what == UNION)
			connect_nodes(stream, source, map);
		Flink__JobGraph *graph = make_job(&stream);
		bool chained = what < (int)ARRAY_COUNT(chains) && chains[what];

		if (graph->n_vertices != (chained ? 1 : 2))
			fail_msg("case %d: %zu vertices", what, graph->n_vertices);
		assert_int_equal(graph->n_edges, chained ? 0 : what == UNION ? 2 : 1);
		if (what == PARALLELISM)
			assert_int_equal(graph->edges[0]->ship_strategy, SHIP_REBALANCE);
		if (what == NEVER)
			assert_int_equal(graph->edges[0]->ship_strategy, SHIP_FORWARD);
		free_job(graph);
	}
}

static void slot_sharing_groups_come_from_the_inputs(void **state)
{
	struct stream_graph *stream = stream_graph_create("job", 3);
	uint32_t ids[5];

	for (int i = 0; i < 5; i++)
		ids[i] = stream_graph_next_id(stream);
	/* a(red) -> b; c -> d(b's and c's input: default); a -> e */
	add_special(stream, (struct stream_node){ .id = ids[0],
						  .name = "a",
						  .kind = SOURCE,
						  .slot_sharing_group = "red" });
	add_special(stream, (struct stream_node){ .id = ids[1], .name = "b", .kind = OPERATOR });
	add_special(stream, (struct stream_node){
				    .id = ids[2], .name = "c", .kind = SOURCE, .parallelism = 5 });
	add_special(stream, (struct stream_node){ .id = ids[3], .name = "d", .kind = OPERATOR });
	add_special(stream,
		    (struct stream_node){
			    .id = ids[4], .name = "e", .kind = OPERATOR, .parallelism = 7 });
	connect_nodes(stream, ids[0], ids[1]);
	connect_nodes(stream, ids[1], ids[3]);
	connect_nodes(stream, ids[2], ids[3]);
	connect_nodes(stream, ids[0], ids[4]);
	Flink__JobGraph *graph = make_job(&stream);
	static const char *const names[] = { "a -> b", "c", "e", "d" };
	static const char *const groups[] = { "red", "default", "red", "default" };

	assert_int_equal(graph->n_vertices, 4);
	for (int i = 0; i < 4; i++)
		for (int j = 0; j < 4; j++)
			if (strcmp(graph->vertices[i]->name, names[j]) == 0)
				assert_string_equal(graph->vertices[i]->slot_sharing_group,
						    groups[j]);
	assert_int_equal(job_graph_slots_needed(graph), 7 + 5);
	free_job(graph);
}

/* Flink's order: vertices from the sources depth first as soon as nothing else is open, edges as
 * the chains are finished, which is from the end. */
static void vertices_and_edges_come_in_flink_s_order(void **state)
{
	struct stream_graph *stream = stream_graph_create("job", 1);
	uint32_t ids[7];
	static const char *const names[] = { "s1", "s2", "m", "join", "x", "y", "z" };
	static const uint32_t edges[][2] = { { 0, 2 }, { 2, 3 }, { 1, 3 },
					     { 2, 4 }, { 3, 5 }, { 4, 6 } };
	static const char *const order[] = { "s1", "s2", "m", "join", "y", "x", "z" };

	stream_graph_set_chaining(stream, false);
	for (int i = 0; i < 7; i++)
		ids[i] = add_node(stream, names[i], i < 2 ? SOURCE : OPERATOR, 1);
	for (int i = 0; i < 6; i++)
		connect_nodes(stream, ids[edges[i][0]], ids[edges[i][1]]);
	Flink__JobGraph *graph = make_job(&stream);

	assert_int_equal(graph->n_vertices, 7);
	for (int i = 0; i < 7; i++)
		assert_string_equal(graph->vertices[i]->name, order[i]);
	static const char *const expected[] = {
		"join>y", "x>z", "m>join", "m>x", "s1>m", "s2>join"
	};
	assert_int_equal(graph->n_edges, 6);
	for (int i = 0; i < 6; i++) {
		char text[32];

		snprintf(text, sizeof(text), "%s>%s",
			 graph->vertices[graph->edges[i]->source_vertex]->name,
			 graph->vertices[graph->edges[i]->target_vertex]->name);
		assert_string_equal(text, expected[i]);
	}
	free_job(graph);
}

/* Programs by chance: all operators arrive once, every edge is either a place in a chain or an edge
 * of the job, and what comes out passes the check that the cluster makes. */
static void random_programs_lose_nothing(void **state)
{
	uint64_t seed = 20261124;
	uint32_t chained = 0, shipped = 0;

	for (int round = 0; round < 1000; round++) {
		struct stream_graph *stream = stream_graph_create("random", 1);
		uint32_t ids[24], count, edges = 0, operators = 0, links = 0;

		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
		count = 2 + (uint32_t)(seed >> 40) % 22;
		for (uint32_t i = 0; i < count; i++) {
			seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
			uint32_t chance = (uint32_t)(seed >> 33);
			bool source = i == 0 || chance % 7 == 0;

			ids[i] = add_node(stream, "op", source ? SOURCE : OPERATOR,
					  1 + chance % 9 / 8);
			for (uint32_t j = 0; !source && j <= chance % 5 / 4; j++, edges++) {
				uint32_t from = ids[(chance >> (8 + 8 * j)) % i];

				if (chance % 11 == 0)
					connect_keyed(stream, from, ids[i]);
				else
					connect_nodes(stream, from, ids[i]);
			}
		}
		Flink__JobGraph *graph = make_job(&stream);

		for (size_t i = 0; i < graph->n_vertices; i++) {
			operators += (uint32_t)graph->vertices[i]->n_operators;
			links += (uint32_t)graph->vertices[i]->n_operators - 1;
		}
		assert_int_equal(operators, count);
		assert_int_equal(links + graph->n_edges, edges);
		chained += links;
		shipped += (uint32_t)graph->n_edges;
		free_job(graph);
	}
	assert_true(chained > 1000 && shipped > 1000);
}

static void max_parallelism_is_settled(void **state)
{
	struct stream_graph *stream = stream_graph_create("job", 200);
	uint32_t source = stream_graph_next_id(stream), sum = stream_graph_next_id(stream);

	add_special(stream,
		    (struct stream_node){
			    .id = source, .name = "s", .kind = SOURCE, .non_parallel = true });
	add_special(stream, (struct stream_node){
				    .id = sum, .name = "m", .kind = OPERATOR, .key = by_word });
	connect_keyed(stream, source, sum);
	Flink__JobGraph *graph = make_job(&stream);
	assert_int_equal(graph->vertices[0]->parallelism, 1);
	assert_int_equal(graph->vertices[0]->max_parallelism, 128);
	assert_int_equal(graph->vertices[1]->parallelism, 200);
	assert_int_equal(graph->vertices[1]->max_parallelism, 512);
	assert_int_equal(graph->vertices[1]->operators[0]->n_key_fields, 1);
	free_job(graph);
}

/* ---- refusals -------------------------------------------------------------------------------- */

static void refuse(struct stream_graph **stream, const char *text)
{
	Flink__JobGraph *graph;
	struct err err = ERR_INIT;

	assert_int_equal(job_graph_from_stream(*stream, &graph, &err), -1);
	assert_null(graph);
	assert_int_equal(err.code, ERR_PLAN_INVALID);
	assert_string_equal(err.text, text);
	stream_graph_destroy(stream);
	assert_null(*stream);
}

static void programs_that_make_no_job_are_told_why(void **state)
{
	struct stream_graph *stream = stream_graph_create("job", 1);
	refuse(&stream, "No operators defined in streaming topology. Cannot execute.");

	stream = stream_graph_create("job", 1);
	uint32_t a = add_node(stream, "a", SOURCE, 1), b = add_node(stream, "b", OPERATOR, 2);
	stream_graph_connect(stream, a, b, 0, SHIP_FORWARD, NULL);
	refuse(&stream,
	       "Forward partitioning does not allow change of parallelism. Upstream operation: a "
	       "parallelism: 1, downstream operation: b parallelism: 2. You must use another "
	       "partitioning "
	       "strategy, such as broadcast, rebalance, shuffle or global.");

	stream = stream_graph_create("job", 1);
	add_node(stream, "lonely", OPERATOR, 1);
	refuse(&stream, "the operator \"lonely\" has no input");

	stream = stream_graph_create("job", 1);
	a = add_node(stream, "a", SOURCE, 1), b = add_node(stream, "b", SOURCE, 1);
	connect_nodes(stream, a, b);
	refuse(&stream, "the source \"b\" has an input");

	stream = stream_graph_create("job", 1);
	a = add_node(stream, "a", SOURCE, 1), b = add_node(stream, "b", OPERATOR, 1);
	uint32_t c = add_node(stream, "c", OPERATOR, 1);
	connect_nodes(stream, a, b);
	connect_nodes(stream, b, c);
	connect_nodes(stream, c, b);
	refuse(&stream, "the operator \"b\" is part of a cycle or behind one; a job has none");

	stream = stream_graph_create("job", 1);
	a = stream_graph_next_id(stream);
	add_special(stream, (struct stream_node){ .id = a,
						  .name = "a",
						  .kind = SOURCE,
						  .parallelism = 2,
						  .non_parallel = true });
	refuse(&stream, "the operator \"a\" cannot run with parallelism 2, only with 1");

	stream = stream_graph_create("job", 1);
	a = stream_graph_next_id(stream);
	add_special(stream, (struct stream_node){ .id = a,
						  .name = "a",
						  .kind = SOURCE,
						  .parallelism = 9,
						  .max_parallelism = 8 });
	refuse(&stream,
	       "the operator \"a\" has parallelism 9, which is above its maximum parallelism 8");

	stream = stream_graph_create("job", 32769);
	add_node(stream, "a", SOURCE, 0);
	refuse(&stream, "the operator \"a\" has parallelism 32769 and maximum parallelism 0; the "
			"largest allowed "
			"is 32768");

	stream = stream_graph_create("job", 1);
	a = stream_graph_next_id(stream), b = stream_graph_next_id(stream);
	add_special(stream,
		    (struct stream_node){ .id = a, .name = "a", .kind = SOURCE, .uid = "x" });
	add_special(stream,
		    (struct stream_node){ .id = b, .name = "b", .kind = SOURCE, .uid = "x" });
	refuse(&stream, "the operators \"a\" and \"b\" get the same id from uid \"x\"; every uid "
			"may be given once");

	stream = stream_graph_create("job", 1);
	a = add_node(stream, "", SOURCE, 1);
	refuse(&stream, "an operator of kind \"some\" has an empty name");
}

static void types_that_do_not_fit_are_shown(void **state)
{
	static const struct field fields[] = { { "text", FIELD_STRING, 0 } };
	struct stream_graph *stream = stream_graph_create("job", 1);
	struct record_type *line;
	struct err err = ERR_INIT;

	assert_int_equal(record_type_create("line", NULL, fields, 1, &line, &err), 0);
	struct stream_node source = { .id = stream_graph_next_id(stream),
				      .name = "Source: a",
				      .kind = SOURCE,
				      .factory = "some",
				      .output_type = line };
	stream_graph_add(stream, &source);
	record_type_destroy(&line);
	uint32_t map = add_node(stream, "Map", OPERATOR, 1);
	connect_nodes(stream, source.id, map);
	refuse(&stream, "\"Source: a\" gives line(text STRING), but \"Map\" takes word_count(word "
			"STRING, count "
			"BIGINT)");

	stream = stream_graph_create("job", 1);
	uint32_t a = add_node(stream, "a", SOURCE, 1), sink = add_node(stream, "sink", SINK, 1);
	map = add_node(stream, "Map", OPERATOR, 1);
	connect_nodes(stream, a, sink);
	connect_nodes(stream, sink, map);
	refuse(&stream, "the sink \"sink\" has an output");
}

static void chains_have_a_longest(void **state)
{
	for (uint32_t length = LIMIT_CHAIN_OPERATORS_MAX; length <= LIMIT_CHAIN_OPERATORS_MAX + 1;
	     length++) {
		struct stream_graph *stream = stream_graph_create("job", 1);
		uint32_t last = add_node(stream, "first", SOURCE, 1);

		for (uint32_t i = 1; i < length; i++) {
			uint32_t next =
				add_node(stream, i + 1 == length ? "last" : "Map", OPERATOR, 1);

			connect_nodes(stream, last, next);
			last = next;
		}
		if (length > LIMIT_CHAIN_OPERATORS_MAX) {
			refuse(&stream,
			       "the chain that begins with \"first\" has more than 64 operators; "
			       "start_new_chain() on \"last\" divides it");
			continue;
		}
		Flink__JobGraph *graph = make_job(&stream);
		assert_int_equal(graph->vertices[0]->n_operators, length);
		free_job(graph);
	}
}

/* ---- the execution plan ---------------------------------------------------------------------- */

static void expect_plan(struct stream_graph **stream, const char *expected)
{
	struct buf text;

	buf_init(&text);
	stream_graph_plan(*stream, &text);
	assert_string_equal(text.data, expected);
	buf_fini(&text);
	stream_graph_destroy(stream);
}

static void the_plan_is_flink_s_byte_for_byte(void **state)
{
	struct stream_graph *stream = stream_graph_create("job", 4);
	uint32_t source = add_node(stream, "Source: Collection Source", SOURCE, 1);
	stream_graph_next_id(stream);
	uint32_t sum = add_node(stream, "Keyed Aggregation", OPERATOR, 0);
	uint32_t sink = add_node(stream, "Sink: Print to Std. Out", SINK, 0);

	connect_keyed(stream, source, sum);
	connect_nodes(stream, sum, sink);
	expect_plan(&stream, "{\n"
			     "  \"nodes\" : [ {\n"
			     "    \"id\" : 1,\n"
			     "    \"type\" : \"Source: Collection Source\",\n"
			     "    \"pact\" : \"Data Source\",\n"
			     "    \"contents\" : \"Source: Collection Source\",\n"
			     "    \"parallelism\" : 1\n"
			     "  }, {\n"
			     "    \"id\" : 3,\n"
			     "    \"type\" : \"Keyed Aggregation\",\n"
			     "    \"pact\" : \"Operator\",\n"
			     "    \"contents\" : \"Keyed Aggregation\",\n"
			     "    \"parallelism\" : 4,\n"
			     "    \"predecessors\" : [ {\n"
			     "      \"id\" : 1,\n"
			     "      \"ship_strategy\" : \"HASH\",\n"
			     "      \"side\" : \"second\"\n"
			     "    } ]\n"
			     "  }, {\n"
			     "    \"id\" : 4,\n"
			     "    \"type\" : \"Sink: Print to Std. Out\",\n"
			     "    \"pact\" : \"Data Sink\",\n"
			     "    \"contents\" : \"Sink: Print to Std. Out\",\n"
			     "    \"parallelism\" : 4,\n"
			     "    \"predecessors\" : [ {\n"
			     "      \"id\" : 3,\n"
			     "      \"ship_strategy\" : \"FORWARD\",\n"
			     "      \"side\" : \"second\"\n"
			     "    } ]\n"
			     "  } ]\n"
			     "}");
}

/* The tutorial's script, before it adds its sink. */
static void the_tutorial_s_plan_is_shown(void **state)
{
	struct stream_graph *stream = stream_graph_create("job", 1);
	uint32_t source = add_node(stream, "Source: Collection Source", SOURCE, 1);
	uint32_t key = add_node(stream, "_stream_key_by_map_operator", OPERATOR, 1);
	stream_graph_next_id(stream);
	uint32_t reduce = add_node(stream, "Reduce", OPERATOR, 1);

	connect_nodes(stream, source, key);
	connect_keyed(stream, key, reduce);
	expect_plan(&stream, "{\n"
			     "  \"nodes\" : [ {\n"
			     "    \"id\" : 1,\n"
			     "    \"type\" : \"Source: Collection Source\",\n"
			     "    \"pact\" : \"Data Source\",\n"
			     "    \"contents\" : \"Source: Collection Source\",\n"
			     "    \"parallelism\" : 1\n"
			     "  }, {\n"
			     "    \"id\" : 2,\n"
			     "    \"type\" : \"_stream_key_by_map_operator\",\n"
			     "    \"pact\" : \"Operator\",\n"
			     "    \"contents\" : \"_stream_key_by_map_operator\",\n"
			     "    \"parallelism\" : 1,\n"
			     "    \"predecessors\" : [ {\n"
			     "      \"id\" : 1,\n"
			     "      \"ship_strategy\" : \"FORWARD\",\n"
			     "      \"side\" : \"second\"\n"
			     "    } ]\n"
			     "  }, {\n"
			     "    \"id\" : 4,\n"
			     "    \"type\" : \"Reduce\",\n"
			     "    \"pact\" : \"Operator\",\n"
			     "    \"contents\" : \"Reduce\",\n"
			     "    \"parallelism\" : 1,\n"
			     "    \"predecessors\" : [ {\n"
			     "      \"id\" : 2,\n"
			     "      \"ship_strategy\" : \"HASH\",\n"
			     "      \"side\" : \"second\"\n"
			     "    } ]\n"
			     "  } ]\n"
			     "}");
}

/* Sinks go last whatever their id, a union has one entry per input, texts are escaped. */
static void the_plan_of_an_odd_program(void **state)
{
	struct stream_graph *stream = stream_graph_create("job", 1);
	uint32_t a = add_node(stream, "Source: \"a\"\\\n\x01\xc3\xa4/", SOURCE, 1);
	uint32_t sink = add_node(stream, "S", SINK, 1);
	uint32_t b = add_node(stream, "B", SOURCE, 2);
	uint32_t map = add_node(stream, "M", OPERATOR, 3);

	connect_nodes(stream, a, sink);
	connect_nodes(stream, a, map);
	stream_graph_connect(stream, b, map, 0, SHIP_BROADCAST, NULL);
	expect_plan(&stream, "{\n"
			     "  \"nodes\" : [ {\n"
			     "    \"id\" : 1,\n"
			     "    \"type\" : \"Source: \\\"a\\\"\\\\\\n\\u0001\xc3\xa4/\",\n"
			     "    \"pact\" : \"Data Source\",\n"
			     "    \"contents\" : \"Source: \\\"a\\\"\\\\\\n\\u0001\xc3\xa4/\",\n"
			     "    \"parallelism\" : 1\n"
			     "  }, {\n"
			     "    \"id\" : 3,\n"
			     "    \"type\" : \"B\",\n"
			     "    \"pact\" : \"Data Source\",\n"
			     "    \"contents\" : \"B\",\n"
			     "    \"parallelism\" : 2\n"
			     "  }, {\n"
			     "    \"id\" : 4,\n"
			     "    \"type\" : \"M\",\n"
			     "    \"pact\" : \"Operator\",\n"
			     "    \"contents\" : \"M\",\n"
			     "    \"parallelism\" : 3,\n"
			     "    \"predecessors\" : [ {\n"
			     "      \"id\" : 1,\n"
			     "      \"ship_strategy\" : \"REBALANCE\",\n"
			     "      \"side\" : \"second\"\n"
			     "    }, {\n"
			     "      \"id\" : 3,\n"
			     "      \"ship_strategy\" : \"BROADCAST\",\n"
			     "      \"side\" : \"second\"\n"
			     "    } ]\n"
			     "  }, {\n"
			     "    \"id\" : 2,\n"
			     "    \"type\" : \"S\",\n"
			     "    \"pact\" : \"Data Sink\",\n"
			     "    \"contents\" : \"S\",\n"
			     "    \"parallelism\" : 1,\n"
			     "    \"predecessors\" : [ {\n"
			     "      \"id\" : 1,\n"
			     "      \"ship_strategy\" : \"FORWARD\",\n"
			     "      \"side\" : \"second\"\n"
			     "    } ]\n"
			     "  } ]\n"
			     "}");
	stream = stream_graph_create("job", 1);
	expect_plan(&stream, "{\n  \"nodes\" : [ ]\n}");
}

static void descriptions_are_html(void **state)
{
	struct stream_graph *stream = stream_graph_create("job", 1);
	struct buf text;

	add_node(stream, "a -> <b> & \"c\" \\", SOURCE, 1);
	Flink__JobGraph *graph = make_job(&stream);
	buf_init(&text);
	job_graph_vertex_description(graph->vertices[0], &text);
	assert_string_equal(text.data, "a -&gt; &lt;b&gt; &amp; &quot;c&quot; &#92;<br/>");
	buf_fini(&text);
	free_job(graph);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_source_alone_has_flink_s_id),
		cmocka_unit_test(word_count_has_flink_s_ids_and_names),
		cmocka_unit_test(batch_adds_up_before_it_sends),
		cmocka_unit_test(an_unchained_source_changes_what_follows),
		cmocka_unit_test(a_uid_is_the_id_wherever_it_stands),
		cmocka_unit_test(branches_chain_as_a_tree),
		cmocka_unit_test(what_breaks_a_chain),
		cmocka_unit_test(slot_sharing_groups_come_from_the_inputs),
		cmocka_unit_test(vertices_and_edges_come_in_flink_s_order),
		cmocka_unit_test(random_programs_lose_nothing),
		cmocka_unit_test(max_parallelism_is_settled),
		cmocka_unit_test(programs_that_make_no_job_are_told_why),
		cmocka_unit_test(types_that_do_not_fit_are_shown),
		cmocka_unit_test(chains_have_a_longest),
		cmocka_unit_test(the_plan_is_flink_s_byte_for_byte),
		cmocka_unit_test(the_tutorial_s_plan_is_shown),
		cmocka_unit_test(the_plan_of_an_odd_program),
		cmocka_unit_test(descriptions_are_html),
	};

	return cmocka_run_group_tests(tests, make_word_type, destroy_word_type);
}
