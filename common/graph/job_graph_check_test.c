/* SPDX-License-Identifier: Apache-2.0
 * job_graph_check_test.c - a good job graph broken in one place at a time: every rule is named, and
 * the good one passes between them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "common/graph/graph.h"

static char long_text[JOB_TEXT_BYTES_MAX + 2];
static Flink__JobGraph
	*good; /* source -> map (chain of two) HASH -> sum -> sink; a second source joins */

static uint32_t add(struct stream_graph *stream, const char *name, Flink__OperatorKind kind,
		    const struct record_type *in, const struct record_type *out)
{
	struct stream_node node = { .id = stream_graph_next_id(stream),
				    .name = name,
				    .kind = kind,
				    .factory = "some-factory",
				    .input_type = in,
				    .output_type = out };

	stream_graph_add(stream, &node);
	return node.id;
}

static void append_parts_of_the_client(Flink__JobGraph *graph)
{
	static uint8_t id[16] = { 1 }, sha256[32] = { 2 };
	Flink__JobGraph whole = *graph;
	Flink__Artifact artifact = FLINK__ARTIFACT__INIT, *artifacts[] = { &artifact };
	Flink__KeyValue setting = FLINK__KEY_VALUE__INIT, *settings[] = { &setting };

	artifact.name = (char *)"job.so";
	artifact.sha256 = (ProtobufCBinaryData){ 32, sha256 };
	artifact.size_bytes = 1000;
	setting.key = (char *)"parallelism.default";
	setting.value = (char *)"2\n";
	whole.job_id = (ProtobufCBinaryData){ 16, id };
	whole.n_artifacts = whole.n_settings = 1;
	whole.artifacts = artifacts;
	whole.settings = settings;
	size_t size_bytes = flink__job_graph__get_packed_size(&whole);
	uint8_t *packed = mem_alloc(size_bytes);

	flink__job_graph__pack(&whole, packed);
	good = flink__job_graph__unpack(NULL, size_bytes, packed);
	mem_free(packed);
}

static int make_good(void **state)
{
	static const struct field pair[] = { { "word", FIELD_STRING, 0 },
					     { "count", FIELD_BIGINT, 0 } };
	static const struct field one[] = { { "text", FIELD_STRING, 0 } };
	static const struct key_spec key = { .fields_count = 1, .fields = { 0 } };
	const Flink__OperatorKind source = FLINK__OPERATOR_KIND__OPERATOR_KIND_SOURCE;
	const Flink__OperatorKind operator = FLINK__OPERATOR_KIND__OPERATOR_KIND_OPERATOR;
	const Flink__OperatorKind sink = FLINK__OPERATOR_KIND__OPERATOR_KIND_SINK;
	struct stream_graph *stream = stream_graph_create("job", 2);
	struct record_type *line, *word;
	struct err err = ERR_INIT;
	Flink__JobGraph *graph;

	memset(long_text, 'x', sizeof(long_text) - 1);
	if (record_type_create("line", NULL, one, 1, &line, &err) != 0 ||
	    record_type_create("word", "{word}", pair, 2, &word, &err) != 0)
		return -1;
	uint32_t a = add(stream, "source", source, NULL, line),
		 b = add(stream, "map", operator, line, word);
	uint32_t c = add(stream, "sum", operator, word, word),
		 d = add(stream, "sink", sink, word, NULL);
	uint32_t e = add(stream, "other", source, NULL, line);

	stream_graph_connect(stream, a, b, 0, SHIP_DEFAULT, NULL);
	stream_graph_connect(stream, b, c, 0, SHIP_HASH, &key);
	stream_graph_connect(stream, c, d, 0, SHIP_DEFAULT, NULL);
	stream_graph_connect(stream, e, c, 1, SHIP_BROADCAST, NULL);
	record_type_destroy(&line);
	record_type_destroy(&word);
	if (job_graph_from_stream(stream, &graph, &err) != 0)
		fail_msg("%s", err.text);
	stream_graph_destroy(&stream);
	append_parts_of_the_client(graph);
	flink__job_graph__free_unpacked(graph, NULL);
	return 0;
}

static int free_good(void **state)
{
	flink__job_graph__free_unpacked(good, NULL);
	return mem_bytes_out() == 0 ? 0 : -1;
}

static void expect(int answer, const struct err *err, const char *text)
{
	if (answer != -1)
		fail_msg("accepted; expected: %s", text);
	assert_int_equal(err->code, ERR_PLAN_INVALID);
	assert_string_equal(err->text, text);
}

static void good_is_good(void)
{
	struct err err = ERR_INIT;

	if (job_graph_check(good, &err) != 0)
		fail_msg("%s", err.text);
}

/* Sets place to value, checks, and puts the old value back. */
#define BROKEN(place, value, text) \
	do { \
		struct err err_ = ERR_INIT; \
		__typeof__(place) old_ = (place); \
		(place) = (value); \
		int answer_ = job_graph_check(good, &err_); \
		(place) = old_; \
		expect(answer_, &err_, text); \
		good_is_good(); \
	} while (0)

#define DATA(length) ((ProtobufCBinaryData){ (length), (uint8_t *)long_text })

static void the_head_of_the_message(void **state)
{
	static uint8_t zeroes[16];

	good_is_good();
	BROKEN(good->job_id, DATA(15), "the job id has 15 bytes instead of 16");
	BROKEN(good->job_id, ((ProtobufCBinaryData){ 16, zeroes }), "the job id is all zero");
	BROKEN(good->format, 2, "the job graph has format 2; this version reads 1");
	BROKEN(good->name, (char *)"a\nb", "the job's name has a control character in it");
	BROKEN(good->name, (char *)"\xff", "the job's name is not UTF-8");
	BROKEN(good->name, long_text, "the job's name is longer than 1024 bytes");
	BROKEN(good->execution_plan, (char *)"\x01",
	       "the execution plan has a control character in it");
	BROKEN(good->default_parallelism, 40000,
	       "the default parallelism is 40000; allowed are up to 32768");
	BROKEN(good->n_vertices, 0, "the job has 0 vertices; allowed are 1 to 1000");
	BROKEN(good->n_vertices, 1001, "the job has 1001 vertices; allowed are 1 to 1000");
	BROKEN(good->n_types, 4097, "the job has 4097 record types; allowed are 4096");
	BROKEN(good->n_edges, 65537, "the job has 65537 edges; allowed are 65536");
	BROKEN(good->n_artifacts, 65, "the job has 65 artifacts; allowed are 64");
	BROKEN(good->n_settings, 4097, "the job has 4097 settings; allowed are 4096");
}

static void artifacts_and_settings(void **state)
{
	Flink__Artifact *artifact = good->artifacts[0];
	Flink__KeyValue *setting = good->settings[0];

	BROKEN(artifact->name, (char *)"", "the name of artifact 0 is empty");
	BROKEN(artifact->name, (char *)"../job.so", "the name of artifact 0 is no plain file name");
	BROKEN(artifact->name, (char *)"a/b", "the name of artifact 0 is no plain file name");
	BROKEN(artifact->name, (char *)"..", "the name of artifact 0 is no plain file name");
	BROKEN(artifact->name, long_text, "the name of artifact 0 is longer than 255 bytes");
	BROKEN(artifact->sha256, DATA(31),
	       "the SHA-256 of artifact \"job.so\" has 31 bytes instead of 32");
	BROKEN(artifact->size_bytes, 0,
	       "artifact \"job.so\" has 0 bytes; allowed are 1 to 268435456");
	BROKEN(artifact->size_bytes, UINT64_MAX,
	       "artifact \"job.so\" has 18446744073709551615 bytes; allowed are 1 to 268435456");
	BROKEN(setting->key, (char *)"", "the key of setting 0 is empty");
	BROKEN(setting->key, (char *)"a\nb", "the key of setting 0 has a control character in it");
	BROKEN(setting->value, long_text, "the value of setting 0 is longer than 65536 bytes");
}

static void record_types(void **state)
{
	Flink__RecordType *type = good->types[1];

	BROKEN(type->n_fields, 0, "record type 1 has 0 fields; allowed are 1 to 1024");
	BROKEN(type->n_fields, 1025, "record type 1 has 1025 fields; allowed are 1 to 1024");
	BROKEN(type->fields[0]->kind, 264,
	       "record type 1: a field is of kind 264, which does not exist");
	BROKEN(type->fields[0]->kind, 11,
	       "record type 1: record type \"word\": field \"word\" is of kind 11, which does not "
	       "exist");
	BROKEN(type->fields[0]->name, (char *)"count",
	       "record type 1: record type \"word\" has two fields \"count\"");
	BROKEN(type->print_format, (char *)"{",
	       "record type 1: record type \"word\": a '{' without '}' in its print format \"{\"");
}

static void vertices(void **state)
{
	Flink__Vertex *vertex = good->vertices[0], *other = good->vertices[1];

	BROKEN(vertex->name, (char *)"", "the name of vertex 0 is empty");
	BROKEN(vertex->slot_sharing_group, (char *)"",
	       "the slot sharing group of vertex 0 is empty");
	BROKEN(vertex->id, DATA(0), "vertex 0 has no id of 16 bytes");
	BROKEN(other->id, vertex->id, "vertex 1 has the id of another one");
	BROKEN(vertex->id, DATA(16), "vertex 0 has another id than its first operator");
	BROKEN(vertex->parallelism, 0,
	       "vertex 0 has parallelism 0 and maximum parallelism 128; allowed are 1 ≤ "
	       "parallelism ≤ "
	       "maximum ≤ 32768");
	BROKEN(vertex->parallelism, 129,
	       "vertex 0 has parallelism 129 and maximum parallelism 128; allowed are 1 ≤ "
	       "parallelism ≤ "
	       "maximum ≤ 32768");
	BROKEN(vertex->max_parallelism, 32769,
	       "vertex 0 has parallelism 2 and maximum parallelism 32769; allowed are 1 ≤ "
	       "parallelism ≤ "
	       "maximum ≤ 32768");
	BROKEN(vertex->n_operators, 0, "vertex 0 has 0 operators; allowed are 1 to 64");
	BROKEN(vertex->n_operators, 65, "vertex 0 has 65 operators; allowed are 1 to 64");
}

static void operators(void **state)
{
	Flink__Operator *source = good->vertices[0]->operators[0],
			*map = good->vertices[0]->operators[1];
	Flink__Operator *sum = good->vertices[2]->operators[0],
			*sink = good->vertices[2]->operators[1];
	uint32_t fields[10] = { 0, 1, 2 };

	assert_string_equal(sum->name, "sum");
	BROKEN(map->name, (char *)"", "the name of operator 1 of vertex 0 is empty");
	BROKEN(map->name, (char *)"\xc3", "the name of operator 1 of vertex 0 is not UTF-8");
	BROKEN(map->uid, (char *)"\x7f",
	       "the uid of operator 1 of vertex 0 has a control character in it");
	BROKEN(map->description, long_text,
	       "the description of operator 1 of vertex 0 is longer than 65536 bytes");
	static const char *const factories[] = {
		"", "../evil", "a.b", "-a", "a b", "a/b", long_text
	};
	for (size_t i = 0; i < ARRAY_COUNT(factories); i++)
		BROKEN(map->factory, (char *)factories[i],
		       "the factory of operator \"map\" is no name of 1 to 64 letters, digits, '-' "
		       "and '_'");
	BROKEN(map->kind, 0, "operator \"map\" is of kind 0, which does not exist");
	BROKEN(map->kind, 4, "operator \"map\" is of kind 4, which does not exist");
	BROKEN(map->kind, source->kind, "the source \"map\" does not begin its chain");
	BROKEN(map->input_type, -1, "operator \"map\" has no input type");
	BROKEN(map->input_type, 2, "operator \"map\" names record type 2; the job has 2");
	BROKEN(map->output_type, -2, "operator \"map\" names record type -2; the job has 2");
	BROKEN(source->input_type, 0, "the source \"source\" has an input type");
	BROKEN(source->output_type, -1, "the source \"source\" has no output type");
	BROKEN(sink->output_type, 1, "the sink \"sink\" has an output type");
	BROKEN(source->output_type, 1,
	       "operator \"map\" does not take what \"source\" in front of it gives");
	BROKEN(map->id, DATA(3), "an operator of vertex 0 has no id of 16 bytes");
	BROKEN(map->id, sum->id, "an operator of vertex 2 has the id of another one");
	BROKEN(map->node_id, 0, "operator \"map\" has node id 0, which is 0 or another one's");
	BROKEN(map->node_id, 1, "operator \"map\" has node id 1, which is 0 or another one's");
	BROKEN(source->input_operator, 1, "\"source\" begins a chain and reads from it");
	BROKEN(map->input_operator, 1,
	       "operator \"map\" reads from operator 1 of its chain, which does not stand in front "
	       "of it");
	BROKEN(map->input_operator, UINT32_MAX,
	       "operator \"map\" reads from operator 4294967295 of its chain, which does not stand "
	       "in front of "
	       "it");
	uint32_t *old = sum->key_fields;
	sum->key_fields = fields;
	BROKEN(sum->n_key_fields, 9, "operator \"sum\": a key of 9 fields; allowed are 1 to 8");
	BROKEN(sum->n_key_fields, 3,
	       "operator \"sum\": a key names field 2 of record type \"word\", which has 2");
	sum->key_fields = old;
	old = source->key_fields;
	source->key_fields = fields;
	BROKEN(source->n_key_fields, 1, "the source \"source\" has a key");
	source->key_fields = old;
}

static Flink__Edge *find_edge(Flink__ShipStrategy ship)
{
	for (size_t i = 0; i < good->n_edges; i++)
		if (good->edges[i]->ship_strategy == ship)
			return good->edges[i];
	fail_msg("no %s edge", ship_name(ship));
	return NULL;
}

static void edges(void **state)
{
	Flink__Edge *hash = find_edge(FLINK__SHIP_STRATEGY__SHIP_HASH);
	Flink__Edge *broadcast = find_edge(FLINK__SHIP_STRATEGY__SHIP_BROADCAST);
	uint32_t fields[2] = { 5, 0 };
	Flink__FunctionRef partitioner = FLINK__FUNCTION_REF__INIT;

	assert_ptr_equal(hash, good->edges[0]);
	BROKEN(hash->target_vertex, 3,
	       "edge 0 goes from vertex 0 to 3 of 3; edges go from a vertex to a later one");
	BROKEN(hash->source_vertex, 2,
	       "edge 0 goes from vertex 2 to 2 of 3; edges go from a vertex to a later one");
	BROKEN(hash->target_vertex, 0,
	       "edge 0 goes from vertex 0 to 0 of 3; edges go from a vertex to a later one");
	BROKEN(hash->source_operator, 2,
	       "edge 0 goes from operator 2 of 2 to input 0; inputs are 0 and 1");
	BROKEN(hash->target_input, 2,
	       "edge 0 goes from operator 1 of 2 to input 2; inputs are 0 and 1");
	BROKEN(hash->record_type, -1, "edge 0 names record type -1; the job has 2");
	BROKEN(hash->record_type, 2, "edge 0 names record type 2; the job has 2");
	BROKEN(hash->source_operator, 0, "edge 0 carries \"word\", which \"source\" does not give");
	BROKEN(broadcast->target_input, 0, "edge 1 carries \"line\", which \"sum\" does not take");
	BROKEN(hash->target_input, 1, "edge 1 carries \"line\", which \"sum\" does not take");
	BROKEN(hash->target_vertex, 1, "edge 0 carries \"word\", which \"other\" does not take");
	BROKEN(hash->ship_strategy, 8, "edge 0 has ship strategy 8, which does not exist");
	BROKEN(hash->ship_strategy, FLINK__SHIP_STRATEGY__SHIP_REBALANCE,
	       "edge 0 is REBALANCE and has a key");
	BROKEN(hash->n_key_fields, 0, "edge 0 is HASH and has no key");
	BROKEN(hash->partitioner, &partitioner, "edge 0 is HASH and has a partitioner");
	BROKEN(broadcast->ship_strategy, FLINK__SHIP_STRATEGY__SHIP_CUSTOM,
	       "edge 1 is CUSTOM and has no partitioner");
	BROKEN(hash->key_fields, fields,
	       "edge 0: a key names field 5 of record type \"word\", which has 2");
	Flink__ShipStrategy ship = broadcast->ship_strategy;
	broadcast->ship_strategy = FLINK__SHIP_STRATEGY__SHIP_FORWARD;
	good_is_good();
	BROKEN(good->vertices[1]->parallelism, 1,
	       "edge 1 is FORWARD from parallelism 1 to 2; they must be equal");
	broadcast->ship_strategy = ship;
	BROKEN(good->n_edges, 0, "nothing leads to input 0 of operator \"sum\"");
}

static void a_job_has_a_largest_size(void **state)
{
	struct stream_graph *stream = stream_graph_create("job", 32768);
	static const struct field one[] = { { "text", FIELD_STRING, 0 } };
	struct record_type *line;
	struct err err = ERR_INIT;
	Flink__JobGraph *graph;

	assert_int_equal(record_type_create("line", NULL, one, 1, &line, &err), 0);
	for (int i = 0; i < 9; i++)
		add(stream, "source", FLINK__OPERATOR_KIND__OPERATOR_KIND_SOURCE, NULL, line);
	expect(job_graph_from_stream(stream, &graph, &err), &err,
	       "the job has 294912 subtasks; allowed are 262144: lower its parallelism");
	stream_graph_destroy(&stream);
	stream = stream_graph_create("job", 1);
	for (int i = 0; i <= LIMIT_JOB_VERTICES_MAX; i++)
		add(stream, "source", FLINK__OPERATOR_KIND__OPERATOR_KIND_SOURCE, NULL, line);
	expect(job_graph_from_stream(stream, &graph, &err), &err,
	       "the job has 1001 vertices; allowed are 1 to 1000");
	stream_graph_destroy(&stream);
	stream = stream_graph_create("job", 1);
	for (int i = 0; i <= STREAM_NODES_MAX; i++)
		add(stream, "source", FLINK__OPERATOR_KIND__OPERATOR_KIND_SOURCE, NULL, line);
	expect(job_graph_from_stream(stream, &graph, &err), &err,
	       "the program has 10001 operators; allowed are 10000");
	stream_graph_destroy(&stream);
	record_type_destroy(&line);
}

/* The deepest recursion that a program can cause: one long line of operators. */
static void the_longest_programs_are_planned(void **state)
{
	struct stream_graph *stream = stream_graph_create("job", 1);
	static const struct field one[] = { { "text", FIELD_STRING, 0 } };
	struct record_type *line;
	struct err err = ERR_INIT;
	Flink__JobGraph *graph;

	assert_int_equal(record_type_create("line", NULL, one, 1, &line, &err), 0);
	uint32_t last =
		add(stream, "source", FLINK__OPERATOR_KIND__OPERATOR_KIND_SOURCE, NULL, line);

	for (int i = 1; i < STREAM_NODES_MAX; i++) {
		uint32_t next = add(stream, "map", FLINK__OPERATOR_KIND__OPERATOR_KIND_OPERATOR,
				    line, line);

		stream_graph_connect(stream, last, next, 0,
				     i % 20 == 0 ? SHIP_REBALANCE : SHIP_DEFAULT, NULL);
		if (i % 4 == 0)
			stream_graph_connect(stream, 1, next, 0, SHIP_REBALANCE, NULL);
		last = next;
	}
	expect(job_graph_from_stream(stream, &graph, &err), &err,
	       "the job has 2500 vertices; allowed are 1 to 1000");
	stream_graph_destroy(&stream);
	record_type_destroy(&line);
}

static void types_come_back_as_they_were(void **state)
{
	struct record_type **types;
	struct err err = ERR_INIT;
	struct buf text;

	buf_init(&text);
	assert_int_equal(job_graph_types(good, &types, &err), 0);
	for (size_t i = 0; i < good->n_types; i++)
		record_type_describe(types[i], &text);
	assert_string_equal(text.data, "line(text STRING)word(word STRING, count BIGINT)");
	assert_string_equal(types[1]->print_format, "{word}");
	job_graph_types_destroy(&types, good->n_types);
	assert_null(types);
	buf_fini(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_head_of_the_message),
		cmocka_unit_test(artifacts_and_settings),
		cmocka_unit_test(record_types),
		cmocka_unit_test(vertices),
		cmocka_unit_test(operators),
		cmocka_unit_test(edges),
		cmocka_unit_test(a_job_has_a_largest_size),
		cmocka_unit_test(the_longest_programs_are_planned),
		cmocka_unit_test(types_come_back_as_they_were),
	};

	return cmocka_run_group_tests(tests, make_good, free_good);
}
