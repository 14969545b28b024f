/* SPDX-License-Identifier: Apache-2.0
 * shapes.c - the graphs of the planned jobs, and the functions that they call. The graphs go the
 * way of every program's: stream graph, chaining, job graph, checked by the JobManager. */
#include "tests/sim/shapes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/api/flink/flink.h"
#include "common/base/check.h"
#include "common/base/hash.h"
#include "common/base/mem.h"
#include "common/graph/graph.h"

#define SETTINGS_MAX 8

/* ---- functions ------------------------------------------------------------------------------ */

static struct ledger *ledger_here(void)
{
	struct bytes parameters = flink_parameters();
	uint32_t number;

	CHECK(parameters.size_bytes == sizeof(number), "%zu bytes of parameters",
	      parameters.size_bytes);
	memcpy(&number, parameters.data, sizeof(number));
	return ledger_by_number(number);
}

static void fail_sometimes(void)
{
	if (ledger_function_fails(ledger_here()))
		flink_fail("it was to fail now and then");
}

static void same_entry(const void *in, void *out)
{
	const struct ledger_entry *entry = in;

	fail_sometimes();
	*(struct ledger_entry *)out = *entry;
	((struct ledger_entry *)out)->key = str_copy(&entry->key);
}

static bool is_wanted(const void *in)
{
	const struct ledger_entry *entry = in;
	uint32_t every = ledger_plan(ledger_here())->drop_every;

	fail_sometimes();
	return every == 0 || entry->number % every != 0;
}

static void pass_on(const void *in, struct collector *out)
{
	struct ledger_entry copy;

	same_entry(in, &copy);
	outbox_emit(out, out->run->type, &copy);
}

static uint32_t by_number(const void *in, uint32_t partitions)
{
	fail_sometimes();
	return (uint32_t)(((const struct ledger_entry *)in)->number % partitions);
}

/* ---- nodes ---------------------------------------------------------------------------------- */

struct builder {
	const struct plan_job *job;
	struct ledger *ledger;
	struct world *client;
	struct arena *arena;
	struct stream_graph *stream;
	struct record_type *type;
	uint32_t number; /* the functions' parameters */
};

static const struct key_spec by_key = { .fields_count = 1, .fields = { 0 } };

static const char *symbol_of(const void *function)
{
	return function == (const void *)same_entry  ? "same_entry"
	       : function == (const void *)is_wanted ? "is_wanted"
	       : function == (const void *)by_number ? "by_number"
						     : "pass_on";
}

static void make_reference(struct builder *b, const void *function, Flink__FunctionRef *reference)
{
	const char *symbol = symbol_of(function);
	struct module *module;
	struct err err;

	CHECK(module_open(b->client, SHAPES_MODULE, NULL, &module, &err) == 0, "%s", err.text);
	CHECK(module_offset(module, function, &reference->offset), "%s is not in this program",
	      symbol);
	module_close(&module);
	reference->symbol = (char *)(uintptr_t)symbol;
	reference->parameters =
		(ProtobufCBinaryData){ sizeof(b->number), (uint8_t *)&b->number };
}

static struct bytes pack_parameters(struct builder *b, const void *function)
{
	Flink__OperatorParameters parameters = FLINK__OPERATOR_PARAMETERS__INIT;
	Flink__FunctionRef reference = FLINK__FUNCTION_REF__INIT;

	if (function != NULL) {
		make_reference(b, function, &reference);
		parameters.function = &reference;
	}
	parameters.field = 1;
	parameters.window_size_ms = b->job->shape == SHAPE_WINDOW ? b->job->window_ms : 0;
	parameters.aggregate = (char *)(uintptr_t)"sum";
	size_t size = flink__operator_parameters__get_packed_size(&parameters);
	uint8_t *packed = arena_alloc(b->arena, size);

	flink__operator_parameters__pack(&parameters, packed);
	return bytes_of(packed, size);
}

static uint32_t add_source(struct builder *b, uint32_t source)
{
	uint32_t id = stream_graph_next_id(b->stream);

	stream_graph_add(b->stream,
			 &(struct stream_node){
				 .id = id,
				 .name = arena_printf(b->arena, "Source: Ledger %u", source + 1),
				 .kind = FLINK__OPERATOR_KIND__OPERATOR_KIND_SOURCE,
				 .factory = "sim-source",
				 .parameters = ledger_source_parameters(b->ledger, source),
				 .parallelism = b->job->source_parallelism,
				 .slot_sharing_group = b->job->own_group ? "sources" : NULL,
				 .output_type = b->type });
	return id;
}

/* Behind `input`; NULL function: a built-in aggregation by key. */
static uint32_t add_operator(struct builder *b, const char *name, const char *factory,
			     const void *function, uint32_t parallelism, uint32_t input,
			     enum ship ship)
{
	uint32_t id = stream_graph_next_id(b->stream);
	bool keyed = function == NULL;
	bool at_source = parallelism == b->job->source_parallelism && ship == SHIP_FORWARD;

	stream_graph_add(b->stream,
			 &(struct stream_node){
				 .id = id,
				 .name = name,
				 .kind = FLINK__OPERATOR_KIND__OPERATOR_KIND_OPERATOR,
				 .factory = factory,
				 .parameters = pack_parameters(b, function),
				 .parallelism = parallelism,
				 .slot_sharing_group = b->job->own_group
							       ? at_source ? "sources" : "default"
							       : NULL,
				 .input_type = b->type,
				 .output_type = b->type,
				 .key = keyed ? by_key : (struct key_spec){ 0 } });
	if (ship == SHIP_CUSTOM) {
		Flink__FunctionRef partitioner = FLINK__FUNCTION_REF__INIT;

		make_reference(b, (const void *)by_number, &partitioner);
		stream_graph_connect_custom(b->stream, input, id, 0, &partitioner);
	} else {
		stream_graph_connect(b->stream, input, id, 0, ship, &by_key);
	}
	return id;
}

static void add_sink(struct builder *b, uint32_t input)
{
	uint32_t id = stream_graph_next_id(b->stream);
	bool prints = b->job->shape == SHAPE_PRINT;

	stream_graph_add(b->stream,
			 &(struct stream_node){ .id = id,
						.name = prints ? "Sink: Print" : "Sink: Ledger",
						.kind = FLINK__OPERATOR_KIND__OPERATOR_KIND_SINK,
						.factory = prints ? "print" : "sim-ledger",
						.parallelism = b->job->sink_parallelism,
						.input_type = b->type });
	stream_graph_connect(b->stream, input, id, 0, SHIP_DEFAULT, NULL);
}

/* ---- shapes --------------------------------------------------------------------------------- */

/* Sums: the aggregation takes the edges of all sources, which is what union() means. */
static void build_sum(struct builder *b)
{
	const struct plan_job *job = b->job;
	uint32_t sum = 0, p = job->source_parallelism;

	for (uint32_t source = 0; source < job->sources; source++) {
		uint32_t at = add_source(b, source);

		at = add_operator(b, "Map", "map", (const void *)same_entry, p, at, SHIP_FORWARD);
		at = add_operator(b, "Filter", "filter", (const void *)is_wanted, p, at,
				  SHIP_FORWARD);
		if (source == 0)
			sum = add_operator(b, "Sum", "sum", NULL, job->parallelism, at, SHIP_HASH);
		else
			stream_graph_connect(b->stream, at, sum, 0, SHIP_HASH, &by_key);
	}
	add_sink(b, add_operator(b, "Flat Map", "flat-map", (const void *)pass_on,
				 job->parallelism, sum, SHIP_DEFAULT));
}

static void build(struct builder *b)
{
	const struct plan_job *job = b->job;

	switch (job->shape) {
	case SHAPE_SUM:
	case SHAPE_UNION:
		build_sum(b);
		break;
	case SHAPE_WINDOW:
		add_sink(b, add_operator(b, "Window", "window-sum", NULL, job->parallelism,
					 add_source(b, 0), SHIP_HASH));
		break;
	default:
		add_sink(b, add_operator(b, "Flat Map", "flat-map", (const void *)pass_on,
					 job->parallelism, add_source(b, 0), job->ship));
	}
}

/* ---- what a client adds ---------------------------------------------------------------------- */

struct bytes shapes_artifact(void)
{
	static const char text[] = "functions are addresses of this program";

	return bytes_of(text, sizeof(text));
}

static void put_artifact(Flink__JobGraph *graph, struct arena *arena)
{
	Flink__Artifact *artifact = arena_alloc(arena, sizeof(*artifact));

	flink__artifact__init(artifact);
	artifact->name = arena_strdup(arena, SHAPES_MODULE);
	artifact->size_bytes = shapes_artifact().size_bytes;
	artifact->sha256.data = arena_alloc(arena, 32);
	artifact->sha256.len = 32;
	artifact->abi = FLINK_ABI;
	hash_sha256(shapes_artifact().data, shapes_artifact().size_bytes, artifact->sha256.data);
	graph->artifacts = arena_alloc(arena, sizeof(*graph->artifacts));
	graph->artifacts[0] = artifact;
	graph->n_artifacts = 1;
}

static void put_setting(Flink__JobGraph *graph, struct arena *arena, const char *key,
			const char *value)
{
	Flink__KeyValue *setting = arena_alloc(arena, sizeof(*setting));

	CHECK(graph->n_settings < SETTINGS_MAX, "too many settings");
	flink__key_value__init(setting);
	setting->key = arena_strdup(arena, key);
	setting->value = arena_strdup(arena, value);
	graph->settings[graph->n_settings++] = setting;
}

#define STRATEGY "restart-strategy."

static void put_restarts(const struct plan_job *job, Flink__JobGraph *graph, struct arena *arena)
{
	const char *delay = arena_printf(arena, "%u ms", job->restart_delay_ms);

	switch (job->restarts) {
	case RESTARTS_FIXED:
	case RESTARTS_FEW:
		put_setting(graph, arena, STRATEGY "type", "fixed-delay");
		put_setting(graph, arena, STRATEGY "fixed-delay.attempts",
			    job->restarts == RESTARTS_FEW ? "2" : "100000");
		put_setting(graph, arena, STRATEGY "fixed-delay.delay", delay);
		break;
	case RESTARTS_BACKOFF:
		put_setting(graph, arena, STRATEGY "type", "exponential-delay");
		put_setting(graph, arena, STRATEGY "exponential-delay.initial-backoff", "20 ms");
		put_setting(graph, arena, STRATEGY "exponential-delay.max-backoff", "2 s");
		break;
	case RESTARTS_RATE:
		put_setting(graph, arena, STRATEGY "type", "failure-rate");
		put_setting(graph, arena, STRATEGY "failure-rate.max-failures-per-interval",
			    "100000");
		put_setting(graph, arena, STRATEGY "failure-rate.delay", delay);
		break;
	case RESTARTS_NONE:
		put_setting(graph, arena, STRATEGY "type", "none");
	}
}

static void put_settings(const struct plan_job *job, Flink__JobGraph *graph, struct arena *arena)
{
	graph->settings = arena_alloc(arena, SETTINGS_MAX * sizeof(*graph->settings));
	put_restarts(job, graph, arena);
	put_setting(graph, arena, "execution.buffer-timeout.interval",
		    arena_printf(arena, "%" PRId64, job->buffer_timeout_ms));
	put_setting(graph, arena, "pipeline.processing-time.fire-at-end",
		    job->fire_at_end ? "true" : "false");
}

static void *message_alloc(void *arena, size_t size_bytes)
{
	return arena_alloc(arena, size_bytes);
}

static void message_free(void *arena, void *memory)
{
	/* with the arena */
}

/* Messages of protobuf-c lie on its own heap; a copy in the arena needs no care afterwards. */
static Flink__JobGraph *into_arena(Flink__JobGraph *graph, struct arena *arena)
{
	ProtobufCAllocator allocator = { message_alloc, message_free, arena };
	size_t size = flink__job_graph__get_packed_size(graph);
	uint8_t *packed = arena_alloc(arena, size);

	flink__job_graph__pack(graph, packed);
	flink__job_graph__free_unpacked(graph, NULL);
	return flink__job_graph__unpack(&allocator, size, packed);
}

Flink__JobGraph *shapes_job_graph(const struct plan_job *job, struct ledger *ledger,
				  const struct id *job_id, struct world *client,
				  struct arena *arena)
{
	struct builder b = { .job = job, .ledger = ledger, .client = client, .arena = arena,
			     .number = ledger_number(ledger) };
	Flink__JobGraph *graph;
	struct err err;

	CHECK(record_type_create("entry", NULL, ledger_fields, ledger_fields_count, &b.type,
				 &err) == 0 && b.type->size_bytes == sizeof(struct ledger_entry),
	      "%s", err.text);
	b.stream = stream_graph_create("ledger", job->parallelism);
	stream_graph_set_chaining(b.stream, !job->unchained);
	build(&b);
	CHECK(job_graph_from_stream(b.stream, &graph, &err) == 0, "%s", err.text);
	graph = into_arena(graph, arena);
	stream_graph_destroy(&b.stream);
	record_type_destroy(&b.type);
	graph->job_id.len = sizeof(job_id->bytes);
	graph->job_id.data = arena_alloc(arena, sizeof(job_id->bytes));
	memcpy(graph->job_id.data, job_id->bytes, sizeof(job_id->bytes));
	put_artifact(graph, arena);
	put_settings(job, graph, arena);
	return graph;
}
