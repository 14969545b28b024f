/* SPDX-License-Identifier: Apache-2.0
 * api_test.c - programs written against flink.h become the graphs that Flink would show, and wrong
 * ones say what is wrong with the operator's name. The programs' code is this test itself. */
#include "client/api/api_test_bed.h"

/* ---- programs ------------------------------------------------------------------------------- */

FLINK_RECORD_PRINTED(word_with_count, "{word} : {count}", FIELD(STRING, word) FIELD(BIGINT, count));
FLINK_RECORD(pair, FIELD(INT, a) FIELD(DOUBLE, b));

static void split(const struct line *in, struct collector *out)
{
	collect(out, word_with_count, .word = str_copy(&in->text), .count = 1);
}

static void to_pair(const struct word_with_count *in, struct pair *out)
{
	out->a = (int32_t)in->count;
}

static bool is_long(const struct word_with_count *in)
{
	return in->word.len > 3;
}

static struct stream *words(struct flink_env *env)
{
	return flat_map(socket_text_stream(env, "localhost", 9000), split, word_with_count);
}

static void socket_window_word_count(struct flink_env *env)
{
	struct stream *counts = sum(
		window(key_by(words(env), "word"), tumbling_processing_time(SECONDS(5))), "count");

	set_parallelism(print(counts), 1);
}

static const char word_count_plan[] =
	"{\n"
	"  \"nodes\" : [ {\n"
	"    \"id\" : 1,\n"
	"    \"type\" : \"Source: Socket Stream\",\n"
	"    \"pact\" : \"Data Source\",\n"
	"    \"contents\" : \"Source: Socket Stream\",\n"
	"    \"parallelism\" : 1\n"
	"  }, {\n"
	"    \"id\" : 2,\n"
	"    \"type\" : \"Flat Map\",\n"
	"    \"pact\" : \"Operator\",\n"
	"    \"contents\" : \"Flat Map\",\n"
	"    \"parallelism\" : 1,\n"
	"    \"predecessors\" : [ {\n"
	"      \"id\" : 1,\n"
	"      \"ship_strategy\" : \"FORWARD\",\n"
	"      \"side\" : \"second\"\n"
	"    } ]\n"
	"  }, {\n"
	"    \"id\" : 4,\n"
	"    \"type\" : \"TumblingProcessingTimeWindows\",\n"
	"    \"pact\" : \"Operator\",\n"
	"    \"contents\" : \"TumblingProcessingTimeWindows\",\n"
	"    \"parallelism\" : 1,\n"
	"    \"predecessors\" : [ {\n"
	"      \"id\" : 2,\n"
	"      \"ship_strategy\" : \"HASH\",\n"
	"      \"side\" : \"second\"\n"
	"    } ]\n"
	"  }, {\n"
	"    \"id\" : 5,\n"
	"    \"type\" : \"Sink: Print to Std. Out\",\n"
	"    \"pact\" : \"Data Sink\",\n"
	"    \"contents\" : \"Sink: Print to Std. Out\",\n"
	"    \"parallelism\" : 1,\n"
	"    \"predecessors\" : [ {\n"
	"      \"id\" : 4,\n"
	"      \"ship_strategy\" : \"FORWARD\",\n"
	"      \"side\" : \"second\"\n"
	"    } ]\n"
	"  } ]\n"
	"}";

static void the_tutorials_job_has_flinks_vertices_and_plan(void **state)
{
	struct stage stage;

	stage_open(&stage);
	run(&stage, socket_window_word_count);
	assert_string_equal(stage.err.text, "");
	assert_true(flink_env_executed(stage.env));
	const Flink__JobGraph *graph = stage.graph;

	assert_string_equal(graph->name, "Test Job");
	assert_string_equal(graph->execution_plan, word_count_plan);
	assert_int_equal(graph->n_vertices, 2);
	assert_string_equal(graph->vertices[0]->name, "Source: Socket Stream -> Flat Map");
	assert_string_equal(graph->vertices[1]->name,
			    "TumblingProcessingTimeWindows -> Sink: Print to Std. Out");
	assert_int_equal(graph->n_edges, 1);
	assert_int_equal(graph->edges[0]->ship_strategy, FLINK__SHIP_STRATEGY__SHIP_HASH);
	assert_int_equal(graph->n_types, 2);
	assert_string_equal(graph->types[0]->name, "line");
	assert_string_equal(graph->types[1]->print_format, "{word} : {count}");
	assert_int_equal(graph->job_id.len, 16);
	assert_int_equal(graph->n_artifacts, 1);
	assert_string_equal(graph->artifacts[0]->name, "test.so");
	assert_int_equal(graph->artifacts[0]->size_bytes, 4711);
	assert_int_equal(graph->artifacts[0]->abi, FLINK_ABI);
	stage_close(&stage);
}

static Flink__OperatorParameters *parameters_of(const struct stage *stage, size_t vertex,
						size_t operator)
{
	const Flink__Operator *its = stage->graph->vertices[vertex]->operators[operator];
	Flink__OperatorParameters *parameters =
		flink__operator_parameters__unpack(NULL, its->parameters.len, its->parameters.data);

	assert_non_null(parameters);
	return parameters;
}

static void operators_carry_what_they_need(void **state)
{
	struct stage stage;
	Flink__OperatorParameters *parameters;
	uint64_t offset;

	stage_open(&stage);
	run(&stage, socket_window_word_count);
	parameters = parameters_of(&stage, 0, 0);
	assert_string_equal(stage.graph->vertices[0]->operators[0]->factory, "socket");
	assert_int_equal(parameters->n_options, 2);
	assert_string_equal(parameters->options[0]->key, "host");
	assert_string_equal(parameters->options[0]->value, "localhost");
	assert_string_equal(parameters->options[1]->value, "9000");
	flink__operator_parameters__free_unpacked(parameters, NULL);
	parameters = parameters_of(&stage, 0, 1);
	assert_string_equal(stage.graph->vertices[0]->operators[1]->factory, "flat-map");
	assert_true(module_offset(stage.module, (void *)(uintptr_t)split, &offset));
	assert_int_equal(parameters->function->offset, offset);
	assert_string_equal(parameters->function->symbol, "split");
	flink__operator_parameters__free_unpacked(parameters, NULL);
	parameters = parameters_of(&stage, 1, 0);
	assert_string_equal(stage.graph->vertices[1]->operators[0]->factory, "window-sum");
	assert_int_equal(stage.graph->vertices[1]->operators[0]->n_key_fields, 1);
	assert_int_equal(stage.graph->vertices[1]->operators[0]->key_fields[0], 0);
	assert_int_equal(parameters->field, 1);
	assert_int_equal(parameters->window_size_ms, 5000);
	assert_string_equal(parameters->aggregate, "sum");
	flink__operator_parameters__free_unpacked(parameters, NULL);
	stage_close(&stage);
}

static void chained_and_named(struct flink_env *env)
{
	flink_set_parallelism(env, 4);
	struct stream *text = name(read_text_file(env, "in.txt"), "file-input");
	struct stream *all = name(flat_map(text, split, word_with_count), "tokenizer");
	struct stream *some = uid(filter(all, is_long), "long-words");
	struct stream *counts = name(sum(key_by(some, "word"), "count"), "counter");

	name(write_as_text(set_parallelism(map(rebalance(counts), to_pair, pair), 2), "/out/x"),
	     "file-sink");
	flink_set(env, "restart-strategy.type", "none");
}

static void names_parallelism_and_settings_travel(void **state)
{
	struct stage stage;
	Flink__OperatorParameters *parameters;

	stage_open(&stage);
	run(&stage, chained_and_named);
	assert_string_equal(stage.err.text, "");
	const Flink__JobGraph *graph = stage.graph;

	assert_int_equal(graph->n_vertices, 4);
	assert_string_equal(graph->vertices[0]->name, "Source: file-input -> tokenizer -> Filter");
	assert_int_equal(graph->vertices[0]->parallelism, 4);
	assert_string_equal(graph->vertices[0]->operators[2]->uid, "long-words");
	assert_string_equal(graph->vertices[1]->name, "counter");
	assert_string_equal(graph->vertices[2]->name, "Map");
	assert_int_equal(graph->vertices[2]->parallelism, 2);
	assert_string_equal(graph->vertices[3]->name, "Sink: file-sink");
	assert_int_equal(graph->n_settings, 1);
	assert_string_equal(graph->settings[0]->key, "restart-strategy.type");
	parameters = parameters_of(&stage, 0, 0);
	assert_string_equal(parameters->options[0]->value, "/home/user/work/in.txt");
	flink__operator_parameters__free_unpacked(parameters, NULL);
	parameters = parameters_of(&stage, 3, 0);
	assert_string_equal(parameters->options[0]->value, "/out/x");
	flink__operator_parameters__free_unpacked(parameters, NULL);
	stage_close(&stage);
}

static uint32_t by_first_letter(const struct word_with_count *in, uint32_t partitions)
{
	return (uint32_t)(unsigned char)str_ptr(&in->word)[0] % partitions;
}

/* What each call makes of the edge behind it. */
static void ways_to_ship(struct flink_env *env)
{
	struct stream *a = words(env);

	disable_chaining(name(discard(forward(a)), "FORWARD"));
	name(discard(rebalance(a)), "REBALANCE");
	name(discard(rescale(a)), "RESCALE");
	name(discard(shuffle(a)), "SHUFFLE");
	name(discard(broadcast(a)), "BROADCAST");
	name(discard(global(a)), "GLOBAL");
	name(discard(partition_custom(a, by_first_letter)), "CUSTOM");
	name(discard(key_by(a, "word")), "HASH");
	name(discard(rebalance(key_by(a, "word"))), "REBALANCE"); /* the later one counts */
}

static void edges_are_shipped_as_the_program_says(void **state)
{
	struct stage stage;

	stage_open(&stage);
	run(&stage, ways_to_ship);
	assert_string_equal(stage.err.text, "");
	const Flink__JobGraph *graph = stage.graph;

	assert_int_equal(graph->n_edges, 9);
	for (size_t i = 0; i < graph->n_edges; i++) {
		const Flink__Edge *edge = graph->edges[i];
		char expected[64];

		snprintf(expected, sizeof(expected), "Sink: %s", ship_name(edge->ship_strategy));
		assert_string_equal(graph->vertices[edge->target_vertex]->name, expected);
		assert_int_equal(edge->partitioner != NULL,
				 edge->ship_strategy == FLINK__SHIP_STRATEGY__SHIP_CUSTOM);
		if (edge->partitioner != NULL)
			assert_string_equal(edge->partitioner->symbol, "by_first_letter");
	}
	stage_close(&stage);
}

/* Each branch of a union keeps its own way; a key behind it is for all of them. */
static void united(struct flink_env *env)
{
	struct stream *a = words(env), *b = words(env), *c = words(env);
	struct stream *all = union_of(union_of(a, rebalance(b)), broadcast(c));

	name(discard(all), "as they came");
	print(sum(key_by(all, "word"), "count"));
}

static void a_union_has_an_edge_for_each_stream(void **state)
{
	static const Flink__ShipStrategy expected[] = {
		FLINK__SHIP_STRATEGY__SHIP_FORWARD, FLINK__SHIP_STRATEGY__SHIP_REBALANCE,
		FLINK__SHIP_STRATEGY__SHIP_BROADCAST,
	};
	struct stage stage;
	uint32_t plain = 0, keyed = 0;

	stage_open(&stage);
	run(&stage, united);
	assert_string_equal(stage.err.text, "");
	const Flink__JobGraph *graph = stage.graph;

	assert_int_equal(graph->n_vertices, 5);
	assert_int_equal(graph->n_edges, 6);
	for (size_t i = 0; i < graph->n_edges; i++) {
		const Flink__Edge *edge = graph->edges[i];

		if (edge->ship_strategy == FLINK__SHIP_STRATEGY__SHIP_HASH) {
			assert_int_equal(edge->n_key_fields, 1);
			keyed++;
			continue;
		}
		assert_int_equal(edge->ship_strategy, expected[edge->source_vertex]);
		plain++;
	}
	assert_int_equal(plain, 3);
	assert_int_equal(keyed, 3);
	stage_close(&stage);
}

static void chain_begins_anew(struct flink_env *env)
{
	discard(start_new_chain(words(env)));
}

static void chain_is_forbidden(struct flink_env *env)
{
	discard(disable_chaining(words(env)));
}

static void another_group(struct flink_env *env)
{
	discard(slot_sharing_group(words(env), "mine"));
}

static void no_chains_at_all(struct flink_env *env)
{
	discard(words(env));
	flink_disable_chaining(env);
}

/* source -> flat map -> sink, taken apart by each of the calls that do that. */
static void the_calls_that_break_chains(void **state)
{
	static const struct {
		void (*program)(struct flink_env *env);
		uint32_t vertices;
		const char *second, *group;
	} cases[] = {
		{ chain_begins_anew, 2, "Flat Map -> Sink: Unnamed", "default" },
		{ chain_is_forbidden, 3, "Flat Map", "default" },
		{ another_group, 2, "Flat Map -> Sink: Unnamed", "mine" },
		{ no_chains_at_all, 3, "Flat Map", "default" },
	};

	for (uint32_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct stage stage;

		stage_open(&stage);
		run(&stage, cases[i].program);
		assert_string_equal(stage.err.text, "");
		assert_int_equal(stage.graph->n_vertices, cases[i].vertices);
		assert_string_equal(stage.graph->vertices[0]->name, "Source: Socket Stream");
		assert_string_equal(stage.graph->vertices[1]->name, cases[i].second);
		assert_string_equal(stage.graph->vertices[1]->slot_sharing_group, cases[i].group);
		assert_string_equal(stage.graph->vertices[0]->slot_sharing_group, "default");
		stage_close(&stage);
	}
}

static void measured(struct flink_env *env)
{
	discard(words(env));
}

static void a_dropped_stream_has_flinks_sink(void **state)
{
	struct stage stage;

	stage_open(&stage);
	run(&stage, measured);
	assert_string_equal(stage.err.text, "");
	assert_string_equal(stage.graph->vertices[0]->name,
			    "Source: Socket Stream -> Flat Map -> Sink: Unnamed");
	assert_string_equal(stage.graph->vertices[0]->operators[2]->factory, "discard");
	stage_close(&stage);
}

static void by_name(struct flink_env *env)
{
	char factory[] = "some-rows";
	const char *options[] = { "records", "7", NULL };
	struct stream *pairs = from_connector(env, factory, pair, options);

	factory[0] = 'x'; /* the program's text is copied */
	to_connector(pairs, "some-sum", NULL);
}

static void swap_batch(const struct pair *in, struct pair *out, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		out[i] = (struct pair){ .a = (int32_t)in[i].b, .b = in[i].a };
}

static void many_at_once(struct flink_env *env)
{
	discard(map_batch(from_connector(env, "some-rows", pair, NULL), swap_batch, pair));
}

static void a_map_of_many_records_is_a_map(void **state)
{
	Flink__OperatorParameters *parameters;
	struct stage stage;

	stage_open(&stage);
	run(&stage, many_at_once);
	assert_string_equal(stage.err.text, "");
	assert_string_equal(stage.graph->vertices[0]->name,
			    "Source: some-rows -> Map -> Sink: Unnamed");
	assert_string_equal(stage.graph->vertices[0]->operators[1]->factory, "map-batch");
	parameters = parameters_of(&stage, 0, 1);
	assert_string_equal(parameters->function->symbol, "swap_batch");
	flink__operator_parameters__free_unpacked(parameters, NULL);
	stage_close(&stage);
}

static void from_nobody(struct flink_env *env)
{
	to_connector(from_connector(env, "", pair, NULL), "some-sum", NULL);
}

static void connectors_are_found_by_their_factorys_name(void **state)
{
	Flink__OperatorParameters *parameters;
	struct stage stage;

	stage_open(&stage);
	run(&stage, by_name);
	assert_string_equal(stage.err.text, "");
	assert_string_equal(stage.graph->vertices[0]->operators[0]->factory, "some-rows");
	assert_string_equal(stage.graph->vertices[0]->operators[1]->factory, "some-sum");
	parameters = parameters_of(&stage, 0, 0);
	assert_int_equal(parameters->n_options, 1);
	assert_string_equal(parameters->options[0]->key, "records");
	assert_string_equal(parameters->options[0]->value, "7");
	flink__operator_parameters__free_unpacked(parameters, NULL);
	stage_close(&stage);
	stage_open(&stage);
	run(&stage, from_nobody);
	assert_non_null(strstr(stage.err.text, "no factory was named"));
	stage_close(&stage);
}

static const struct pair pairs[] = { { 1, 1.5 }, { 2, 2.5 } };

static void from_a_list(struct flink_env *env)
{
	print(sum(key_by(from_records(env, pair, pairs, 2), "a"), "b"));
}

static void records_of_the_program_travel_as_images(void **state)
{
	struct stage stage;
	Flink__OperatorParameters *parameters;
	struct record_type **types;
	uint64_t image[2];

	stage_open(&stage);
	run(&stage, from_a_list);
	assert_string_equal(stage.err.text, "");
	assert_string_equal(stage.graph->vertices[0]->name, "Source: Collection Source");
	assert_int_equal(stage.graph->vertices[0]->parallelism, 1);
	assert_int_equal(job_graph_types(stage.graph, &types, &stage.err), 0);
	parameters = parameters_of(&stage, 0, 0);
	assert_int_equal(parameters->n_elements, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(parameters->elements[i].len, sizeof(struct pair));
		memcpy(image, parameters->elements[i].data, sizeof(image));
		assert_int_equal(record_check(types[0], image, sizeof(image), &stage.err), 0);
		assert_memory_equal(image, &pairs[i], sizeof(image));
	}
	flink__operator_parameters__free_unpacked(parameters, NULL);
	job_graph_types_destroy(&types, stage.graph->n_types);
	stage_close(&stage);
}

/* ---- wrong programs ------------------------------------------------------------------------- */

static void wrong_field(struct flink_env *env)
{
	print(sum(key_by(words(env), "wrod"), "count"));
}

static void wrong_sum(struct flink_env *env)
{
	print(sum(key_by(words(env), "word"), "word"));
}

static void no_key(struct flink_env *env)
{
	print(sum(words(env), "count"));
}

static void window_without_key(struct flink_env *env)
{
	print(sum(window(words(env), tumbling_processing_time(SECONDS(1))), "count"));
}

static void window_alone(struct flink_env *env)
{
	print(window(key_by(words(env), "word"), tumbling_processing_time(SECONDS(1))));
}

static void window_of_nothing(struct flink_env *env)
{
	print(sum(window(key_by(words(env), "word"), tumbling_processing_time(0)), "count"));
}

static void parallel_socket(struct flink_env *env)
{
	print(set_parallelism(socket_text_stream(env, "localhost", 9000), 2));
}

static void key_twice(struct flink_env *env)
{
	print(key_by(words(env), "word, word"));
}

static void no_host(struct flink_env *env)
{
	print(socket_text_stream(env, "", 9000));
}

static void no_port(struct flink_env *env)
{
	print(socket_text_stream(env, "localhost", 0));
}

static void other_file_system(struct flink_env *env)
{
	print(read_text_file(env, "hdfs://name/x"));
}

static void no_operators(struct flink_env *env)
{
}

static void bad_setting(struct flink_env *env)
{
	flink_set(env, "parallelism.default", "many");
	print(words(env));
}

static void name_of_a_key(struct flink_env *env)
{
	print(name(key_by(words(env), "word"), "k"));
}

static void foreign_function(struct flink_env *env)
{
	struct stream *text = socket_text_stream(env, "localhost", 9000);

	print(flink_filter(text, (flink_filter_fn *)(void *)(uintptr_t)12345, "strlen",
			   BYTES_EMPTY));
}

static void foreign_partitioner(struct flink_env *env)
{
	print(flink_partition_custom(words(env), (flink_partition_fn *)(void *)(uintptr_t)12345,
				     "random", BYTES_EMPTY));
}

static void union_of_two_types(struct flink_env *env)
{
	print(union_of(socket_text_stream(env, "localhost", 9000), words(env)));
}

static void forward_to_fewer(struct flink_env *env)
{
	set_parallelism(name(discard(forward(set_parallelism(words(env), 2))), "few"), 1);
}

static void wrong_text_in_lines(struct flink_env *env)
{
	static const char *const lines[] = { "good", "b\xFF" "d" };

	print(from_lines(env, lines, 2));
}

static void strings_side_by_side(struct flink_env *env)
{
	discard(map_batch(words(env), swap_batch, pair));
}

static void later(const struct word_with_count *a, const struct word_with_count *b,
		  struct word_with_count *out)
{
	out->word = str_copy(&b->word);
	out->count = a->count + b->count;
}

static void join_pairs(const struct pair *a, const struct pair *b, struct pair *out)
{
	*out = *b;
}

static void reduce_without_key(struct flink_env *env)
{
	print(reduce(words(env), later, word_with_count));
}

static void reduce_of_a_window(struct flink_env *env)
{
	print(reduce(window(key_by(words(env), "word"), tumbling_processing_time(SECONDS(5))),
		     later, word_with_count));
}

static void reduce_of_others(struct flink_env *env)
{
	print(reduce(key_by(words(env), "word"), join_pairs, pair));
}

static void reduce_by_key(struct flink_env *env)
{
	print(reduce(key_by(words(env), "word"), later, word_with_count));
}

static void a_reduce_carries_its_key_and_its_function(void **state)
{
	Flink__OperatorParameters *parameters;
	struct stage stage;

	stage_open(&stage);
	run(&stage, reduce_by_key);
	assert_string_equal(stage.err.text, "");
	assert_int_equal(stage.graph->n_vertices, 2);
	assert_string_equal(stage.graph->vertices[1]->name,
			    "Keyed Reduce -> Sink: Print to Std. Out");
	const Flink__Operator *operator = stage.graph->vertices[1]->operators[0];

	assert_string_equal(operator->factory, "reduce");
	assert_int_equal(operator->n_key_fields, 1);
	assert_int_equal(operator->key_fields[0], 0);
	parameters = parameters_of(&stage, 1, 0);
	assert_string_equal(parameters->function->symbol, "later");
	flink__operator_parameters__free_unpacked(parameters, NULL);
	stage_close(&stage);
}

static void packed_record(struct flink_env *env)
{
	static const struct flink_type packed[1] = { { "packed", NULL, pair_fields_, 2, 12 } };

	print(flink_from_records(env, packed, pairs, 1));
}

static void two_errors(struct flink_env *env)
{
	print(sum(key_by(words(env), "first"), "count"));
	print(sum(key_by(words(env), "second"), "count"));
}

static void expect_refusal(program_fn *program, const char *text)
{
	struct stage stage;

	stage_open(&stage);
	run(&stage, program);
	assert_int_not_equal(stage.err.code, ERR_NONE);
	assert_false(flink_env_executed(stage.env));
	assert_null(stage.graph);
	if (text != NULL)
		assert_string_equal(stage.err.text, text);
	else if (program == key_twice)
		assert_memory_equal(stage.err.text, "operator \"key_by\": \"word, word\": ", 33);
	else if (program == bad_setting)
		assert_int_equal(stage.err.code, ERR_CONF_BAD_VALUE);
	else
		assert_non_null(strstr(stage.err.text, "\"first\""));
	stage_close(&stage);
}

static void wrong_programs_say_what_is_wrong_and_where(void **state)
{
	static const struct {
		program_fn *program;
		const char *text;
	} cases[] = {
		{ wrong_field,
		  "operator \"key_by\": word_with_count(word STRING, count BIGINT) has no field "
		  "\"wrod\"; did you mean \"word\"?" },
		{ wrong_sum, "operator \"sum\": field \"word\" is STRING, which cannot be summed" },
		{ no_key, "operator \"sum\": the stream has no key; call key_by first" },
		{ reduce_without_key,
		  "operator \"reduce\": the stream has no key; call key_by first" },
		{ reduce_of_a_window,
		  "operator \"Keyed Reduce\": a window gives records only through "
		  "sum(window(…), \"field\")" },
		{ reduce_of_others,
		  "operator \"reduce\": the function takes pair(a INT, b DOUBLE), but the stream "
		  "gives word_with_count(word STRING, count BIGINT)" },
		{ window_without_key,
		  "operator \"window\": the stream has no key; call key_by first" },
		{ window_alone,
		  "operator \"Print to Std. Out\": a window gives records only through "
		  "sum(window(…), \"field\")" },
		{ window_of_nothing,
		  "operator \"window\": a window of 0 ms with offset 0 ms: the size must be above "
		  "0 and the offset smaller than it" },
		{ parallel_socket,
		  "operator \"Socket Stream\": The parallelism of non parallel operator must be 1." },
		{ key_twice, NULL },
		{ no_host, "operator \"Socket Stream\": \"\" is not a host name" },
		{ no_port, "operator \"Socket Stream\": port is out of range" },
		{ other_file_system,
		  "operator \"Custom File Source\": \"hdfs://name/x\" is on a file system that is not "
		  "supported yet; give a path, or file:///path" },
		{ no_operators, "No operators defined in streaming topology. Cannot execute." },
		{ bad_setting, NULL },
		{ name_of_a_key,
		  "operator \"name\": key_by makes no operator; call this on the operator in front of "
		  "or behind it" },
		{ foreign_function,
		  "operator \"Filter\": function strlen does not lie in the program itself; only the "
		  "program's own functions can be sent to a cluster" },
		{ wrong_text_in_lines, "operator \"Collection Source\": line 2 is not UTF-8" },
		{ strings_side_by_side,
		  "operator \"Map\": map_batch takes and gives records without STRING and BYTES "
		  "fields, and \"word_with_count\" has one; use map" },
		{ packed_record,
		  "operator \"Collection Source\": struct packed has 12 bytes where its fields need "
		  "16; declare it with FLINK_RECORD alone and without packing" },
		{ foreign_partitioner,
		  "operator \"partition_custom\": function random does not lie in the program "
		  "itself; only the program's own functions can be sent to a cluster" },
		{ union_of_two_types,
		  "operator \"union_of\": the streams give different records, line(text STRING) and "
		  "word_with_count(word STRING, count BIGINT); map one to the other's type first" },
		{ forward_to_fewer,
		  "Forward partitioning does not allow change of parallelism. Upstream operation: "
		  "Flat Map parallelism: 2, downstream operation: Sink: few parallelism: 1. You must "
		  "use another partitioning strategy, such as broadcast, rebalance, shuffle or "
		  "global." },
		{ two_errors, NULL },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		expect_refusal(cases[i].program, cases[i].text);
}

static void a_program_executes_once(void **state)
{
	struct stage stage;

	stage_open(&stage);
	run(&stage, socket_window_word_count);
	assert_int_equal(flink_execute(stage.env, "Again", &stage.err), -1);
	assert_string_equal(stage.err.text,
			    "flink_execute was called twice; a program runs one job");
	stage_close(&stage);
}

/* ---- arguments ------------------------------------------------------------------------------ */

static void arguments_are_read_as_parameter_tool_does(void **state)
{
	static const char *const texts[] = { "--hostname", "h",	      "-port", "9000",
					     "--flag",	   "--shift", "-5",    "--bad",
					     "9x",	   "--port",  "9001" };
	struct flink_args *args;
	struct err err = ERR_INIT;
	int64_t value = 0;
	int64_t before = mem_bytes_out();

	assert_int_equal(flink_args_create(ARRAY_COUNT(texts), texts, &args, &err), 0);
	assert_string_equal(flink_arg(args, "hostname"), "h");
	assert_string_equal(flink_arg_or(args, "nothing", "x"), "x");
	assert_true(flink_arg_is_set(args, "flag"));
	assert_null(flink_arg(args, "flag"));
	assert_int_equal(flink_arg_int(args, "port", &value, &err), 1);
	assert_int_equal(value, 9001);
	assert_int_equal(flink_arg_int(args, "shift", &value, &err), 1);
	assert_int_equal(value, -5);
	assert_int_equal(flink_arg_int(args, "nothing", &value, &err), 0);
	assert_int_equal(flink_arg_int(args, "bad", &value, &err), -1);
	assert_string_equal(err.text, "--bad is \"9x\", which is not a whole number");
	assert_int_equal(flink_arg_int(args, "flag", &value, &err), -1);
	assert_string_equal(err.text, "--flag needs a value, a whole number");
	flink_args_destroy(&args);
	static const char *const loose[] = { "--a", "1", "loose" };

	assert_int_equal(flink_args_create(3, loose, &args, &err), -1);
	assert_int_equal(err.code, ERR_PROGRAM_FAILED);
	assert_string_equal(
		err.text,
		"Error parsing arguments '[--a, 1, loose]' on 'loose'. Please prefix keys with "
		"-- or -.");
	assert_int_equal(mem_bytes_out(), before);
}

/* What the job's code needs from whoever opens it; called only inside functions. */
bool flink_collect_check(struct collector *out, const struct flink_type *type)
{
	fail();
	return false;
}

void flink_fail(const char *format, ...)
{
	fail_msg("%s", format);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_tutorials_job_has_flinks_vertices_and_plan),
		cmocka_unit_test(operators_carry_what_they_need),
		cmocka_unit_test(names_parallelism_and_settings_travel),
		cmocka_unit_test(edges_are_shipped_as_the_program_says),
		cmocka_unit_test(a_union_has_an_edge_for_each_stream),
		cmocka_unit_test(the_calls_that_break_chains),
		cmocka_unit_test(a_dropped_stream_has_flinks_sink),
		cmocka_unit_test(a_map_of_many_records_is_a_map),
		cmocka_unit_test(a_reduce_carries_its_key_and_its_function),
		cmocka_unit_test(connectors_are_found_by_their_factorys_name),
		cmocka_unit_test(records_of_the_program_travel_as_images),
		cmocka_unit_test(wrong_programs_say_what_is_wrong_and_where),
		cmocka_unit_test(a_program_executes_once),
		cmocka_unit_test(arguments_are_read_as_parameter_tool_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
