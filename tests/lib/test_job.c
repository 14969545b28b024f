/* SPDX-License-Identifier: Apache-2.0
 * test_job.c - see test_job.h. */
#include "tests/lib/test_job.h"

#include "common/base/check.h"
#include "common/graph/graph.h"
#include "common/world/world.h"
#include "tests/lib/test_functions.h"

#define NEW(job, message, name) \
	message *name = arena_alloc((job)->arena, sizeof(*name))

static char *text_of(struct test_job *job, const char *text)
{
	return arena_strdup(job->arena, text ? text : "");
}

static ProtobufCBinaryData id_of(struct test_job *job, uint32_t a, uint32_t b, uint32_t c)
{
	uint32_t *words = arena_alloc(job->arena, 16);

	words[0] = a;
	words[1] = b;
	words[2] = c;
	words[3] = 0x7E57;
	return (ProtobufCBinaryData){ 16, (uint8_t *)words };
}

struct test_job *test_job_create(const char *name, struct module *module)
{
	struct test_job *job = MEM_NEW(struct test_job);

	job->arena = arena_create("test job");
	job->modules[0] = module;
	job->graph = arena_alloc(job->arena, sizeof(*job->graph));
	flink__job_graph__init(job->graph);
	job->graph->name = text_of(job, name);
	job->graph->format = 1;
	job->graph->default_parallelism = 1;
	job->graph->job_id = id_of(job, 1, 2, 3);
	job->graph->types = arena_alloc(job->arena, TEST_JOB_MAX * sizeof(void *));
	job->graph->vertices = arena_alloc(job->arena, TEST_JOB_MAX * sizeof(void *));
	job->graph->edges = arena_alloc(job->arena, TEST_JOB_MAX * sizeof(void *));
	job->graph->settings = arena_alloc(job->arena, TEST_JOB_MAX * sizeof(void *));
	if (module != NULL) {
		NEW(job, Flink__Artifact, artifact);

		flink__artifact__init(artifact);
		artifact->name = text_of(job, "test.so");
		artifact->sha256 = (ProtobufCBinaryData){ 32, arena_alloc(job->arena, 32) };
		artifact->size_bytes = 1;
		artifact->abi = FLINK_ABI;
		job->graph->artifacts = arena_alloc(job->arena, sizeof(void *));
		job->graph->artifacts[0] = artifact;
		job->graph->n_artifacts = 1;
	}
	return job;
}

void test_job_destroy(struct test_job **job)
{
	for (uint32_t i = 0; i < TEST_JOB_MAX; i++)
		if ((*job)->types[i] != NULL)
			record_type_destroy(&(*job)->types[i]);
	arena_destroy(&(*job)->arena);
	mem_free(*job);
	*job = NULL;
}

int32_t test_job_type(struct test_job *job, const struct flink_type *type)
{
	NEW(job, Flink__RecordType, message);
	size_t index = job->graph->n_types++;

	CHECK(index < TEST_JOB_MAX, "too many types");
	flink__record_type__init(message);
	message->name = text_of(job, type->name);
	message->print_format = text_of(job, type->print_format);
	message->n_fields = type->fields_count;
	message->fields = arena_alloc(job->arena, type->fields_count * sizeof(void *));
	for (uint32_t i = 0; i < type->fields_count; i++) {
		NEW(job, Flink__RecordField, field);

		flink__record_field__init(field);
		field->name = text_of(job, type->fields[i].name);
		field->kind = type->fields[i].kind;
		field->nullable = type->fields[i].nullable;
		message->fields[i] = field;
	}
	job->graph->types[index] = message;
	job->types[index] = test_record_type(type);
	return (int32_t)index;
}

uint32_t test_job_vertex(struct test_job *job, const char *name, uint32_t parallelism)
{
	NEW(job, Flink__Vertex, vertex);
	uint32_t index = (uint32_t)job->graph->n_vertices++;

	CHECK(index < TEST_JOB_MAX, "too many vertices");
	flink__vertex__init(vertex);
	vertex->id = id_of(job, index + 1, 0, 0);
	vertex->name = text_of(job, name);
	vertex->parallelism = parallelism;
	vertex->max_parallelism = key_groups_default(parallelism);
	vertex->slot_sharing_group = text_of(job, "default");
	vertex->operators = arena_alloc(job->arena, TEST_JOB_MAX * sizeof(void *));
	job->graph->vertices[index] = vertex;
	return index;
}

/* "a=1 b=2" */
static void add_options(struct test_job *job, Flink__OperatorParameters *parameters,
			const char *options)
{
	parameters->options = arena_alloc(job->arena, TEST_JOB_MAX * sizeof(void *));
	while (options != NULL && *options != '\0') {
		size_t length = strcspn(options, " "), key_length = strcspn(options, "=");
		NEW(job, Flink__KeyValue, pair);

		CHECK(key_length < length, "options are \"key=value key=value\"");
		flink__key_value__init(pair);
		pair->key = arena_strndup(job->arena, options, key_length);
		pair->value = arena_strndup(job->arena, options + key_length + 1,
					    length - key_length - 1);
		parameters->options[parameters->n_options++] = pair;
		options += length + (options[length] == ' ');
	}
}

static void add_lines(struct test_job *job, Flink__OperatorParameters *parameters,
		      const char *const *lines)
{
	size_t count = 0;

	while (lines != NULL && lines[count] != NULL)
		count++;
	if (count == 0)
		return;
	struct record_type *type = test_record_type(line_type);

	parameters->elements = arena_alloc(job->arena, count * sizeof(*parameters->elements));
	for (size_t i = 0; i < count; i++) {
		struct line line = { .text = str_of(lines[i], strlen(lines[i])) };
		uint32_t size_bytes = record_size(type, &line);
		uint8_t *image = arena_alloc(job->arena, size_bytes);

		record_copy(type, &line, image);
		parameters->elements[i] = (ProtobufCBinaryData){ size_bytes, image };
	}
	parameters->n_elements = count;
	record_type_destroy(&type);
}

static Flink__FunctionRef *function_ref(struct test_job *job, const char *whose, void *function,
					const char *parameters)
{
	NEW(job, Flink__FunctionRef, ref);

	flink__function_ref__init(ref);
	CHECK(module_offset(job->modules[0], function, &ref->offset),
	      "the function of \"%s\" is not in the module", whose);
	ref->symbol = text_of(job, "test_function");
	if (parameters != NULL)
		ref->parameters = (ProtobufCBinaryData){ strlen(parameters),
							 (uint8_t *)text_of(job, parameters) };
	return ref;
}

static ProtobufCBinaryData pack_parameters(struct test_job *job,
					   const struct test_operator *operator)
{
	Flink__OperatorParameters parameters = FLINK__OPERATOR_PARAMETERS__INIT;

	if (operator->function != NULL)
		parameters.function = function_ref(job, operator->name, operator->function,
						   operator->function_parameters);
	parameters.field = operator->field;
	parameters.window_size_ms = operator->window_size_ms;
	parameters.aggregate = text_of(job, operator->window_size_ms ? "sum" : "");
	add_options(job, &parameters, operator->options);
	add_lines(job, &parameters, operator->lines);
	size_t size_bytes = flink__operator_parameters__get_packed_size(&parameters);
	uint8_t *packed = arena_alloc(job->arena, size_bytes);

	flink__operator_parameters__pack(&parameters, packed);
	return (ProtobufCBinaryData){ size_bytes, packed };
}

static uint32_t *key_fields(struct test_job *job, int32_t field)
{
	uint32_t *fields = arena_alloc(job->arena, sizeof(*fields));

	*fields = (uint32_t)field;
	return fields;
}

uint32_t test_job_operator(struct test_job *job, uint32_t vertex_index,
			   const struct test_operator *operator)
{
	Flink__Vertex *vertex = job->graph->vertices[vertex_index];
	NEW(job, Flink__Operator, message);
	uint32_t index = (uint32_t)vertex->n_operators++;

	CHECK(index < TEST_JOB_MAX, "too many operators");
	flink__operator__init(message);
	message->node_id = vertex_index * TEST_JOB_MAX + index + 1;
	message->id = index == 0 ? vertex->id : id_of(job, vertex_index + 1, index, 0);
	message->name = text_of(job, operator->name);
	message->kind = operator->kind;
	message->factory = text_of(job, operator->factory);
	message->parameters = pack_parameters(job, operator);
	message->input_type = operator->input_type;
	message->output_type = operator->output_type;
	message->input_operator = index > 0 ? index - 1 : 0;
	if (operator->key_field >= 0) {
		message->n_key_fields = 1;
		message->key_fields = key_fields(job, operator->key_field);
	}
	vertex->operators[index] = message;
	return index;
}

uint32_t test_job_edge(struct test_job *job, uint32_t source, uint32_t target,
		       Flink__ShipStrategy ship, int32_t key_field)
{
	const Flink__Vertex *vertex = job->graph->vertices[source];
	NEW(job, Flink__Edge, edge);
	uint32_t index = (uint32_t)job->graph->n_edges++;

	CHECK(index < TEST_JOB_MAX && vertex->n_operators > 0,
	      "too many edges, or no operator yet");
	flink__edge__init(edge);
	edge->source_vertex = source;
	edge->target_vertex = target;
	edge->ship_strategy = ship;
	edge->source_operator = (uint32_t)vertex->n_operators - 1;
	edge->record_type = vertex->operators[edge->source_operator]->output_type;
	if (key_field >= 0) {
		edge->n_key_fields = 1;
		edge->key_fields = key_fields(job, key_field);
	}
	job->graph->edges[index] = edge;
	return index;
}

void test_job_partitioner(struct test_job *job, uint32_t edge, void *function,
			  const char *parameters)
{
	job->graph->edges[edge]->ship_strategy = FLINK__SHIP_STRATEGY__SHIP_CUSTOM;
	job->graph->edges[edge]->partitioner =
		function_ref(job, "the edge", function, parameters);
}

void test_job_setting(struct test_job *job, const char *key, const char *value)
{
	NEW(job, Flink__KeyValue, pair);

	CHECK(job->graph->n_settings < TEST_JOB_MAX, "too many settings");
	flink__key_value__init(pair);
	pair->key = text_of(job, key);
	pair->value = text_of(job, value);
	job->graph->settings[job->graph->n_settings++] = pair;
}

/* ---- deployments ---------------------------------------------------------------------------- */

static void add_input(struct test_job *job, Flink__TaskDeployment *deployment, uint32_t index)
{
	const Flink__Edge *edge = job->graph->edges[index];
	uint32_t producers = job->graph->vertices[edge->source_vertex]->parallelism;
	uint32_t consumers = job->graph->vertices[edge->target_vertex]->parallelism;
	NEW(job, Flink__InputGate, gate);

	flink__input_gate__init(gate);
	gate->input = edge->target_input;
	gate->edge = index;
	edge_producers(edge->ship_strategy, deployment->subtask, producers, consumers,
		       &gate->producer_first, &gate->producer_last);
	gate->producer_attempt = deployment->job_attempt;
	deployment->inputs[deployment->n_inputs++] = gate;
}

static void add_output(struct test_job *job, Flink__TaskDeployment *deployment, uint32_t index)
{
	const Flink__Edge *edge = job->graph->edges[index];
	uint32_t producers = job->graph->vertices[edge->source_vertex]->parallelism;
	uint32_t consumers = job->graph->vertices[edge->target_vertex]->parallelism;
	NEW(job, Flink__OutputEdge, output);

	flink__output_edge__init(output);
	output->edge = index;
	edge_consumers(edge->ship_strategy, deployment->subtask, producers, consumers,
		       &output->consumer_first, &output->consumer_last);
	deployment->outputs[deployment->n_outputs++] = output;
}

Flink__TaskDeployment *test_job_deploy(struct test_job *job, uint32_t vertex, uint32_t subtask,
					  uint32_t attempt)
{
	NEW(job, Flink__TaskDeployment, deployment);

	flink__task_deployment__init(deployment);
	deployment->execution_id = id_of(job, vertex, subtask, attempt + 1);
	deployment->job_id = job->graph->job_id;
	deployment->allocation_id = id_of(job, 9, 9, 9);
	deployment->vertex = vertex;
	deployment->subtask = subtask;
	deployment->attempt = deployment->job_attempt = attempt;
	deployment->inputs = arena_alloc(job->arena, TEST_JOB_MAX * sizeof(void *));
	deployment->outputs = arena_alloc(job->arena, TEST_JOB_MAX * sizeof(void *));
	for (uint32_t i = 0; i < job->graph->n_edges; i++) {
		if (job->graph->edges[i]->target_vertex == vertex)
			add_input(job, deployment, i);
		if (job->graph->edges[i]->source_vertex == vertex)
			add_output(job, deployment, i);
	}
	return deployment;
}

Flink__Placement *test_job_placement(struct test_job *job)
{
	NEW(job, Flink__Placement, placement);
	NEW(job, Flink__Location, location);
	size_t vertices = job->graph->n_vertices;

	flink__placement__init(placement);
	flink__location__init(location);
	location->resource_id = text_of(job, "local");
	location->data_host = text_of(job, "local");
	location->data_port = 1;
	placement->locations = arena_alloc(job->arena, sizeof(void *));
	placement->locations[0] = location;
	placement->n_locations = 1;
	placement->vertex_slot_first = arena_alloc(job->arena, vertices * sizeof(uint32_t));
	placement->n_vertex_slot_first = vertices;
	for (size_t v = 0; v < vertices; v++) {
		placement->vertex_slot_first[v] = (uint32_t)placement->n_slot_location;
		placement->n_slot_location += job->graph->vertices[v]->parallelism;
	}
	placement->slot_location =
		arena_alloc(job->arena, placement->n_slot_location * sizeof(uint32_t));
	return placement;
}
