/* SPDX-License-Identifier: Apache-2.0
 * job_graph_check.c - is this message a job that the cluster can run? The message may be a
 * stranger's: nothing in it is used as an index, a size, a name or a text before it is checked.
 *
 * Runs on the control plane once per submission and once per TaskManager and job. */
#include <stdarg.h>
#include <stdio.h>

#include "common/base/limits.h"
#include "common/base/map.h"
#include "common/graph/graph_priv.h"

struct input { /* of a vertex's head */
	uint32_t edges_count;
	uint64_t type_hash;
};

struct check {
	const Flink__JobGraph *graph;
	struct record_type **types;
	struct map *vertex_ids, *operator_ids, *node_ids;
	struct input (*inputs)[2]; /* per vertex */
	struct err *err;
};

/* ---- texts ----------------------------------------------------------------------------------- */

enum text_kind { TEXT_LINE, TEXT_LINES, TEXT_FILE_NAME }; /* TEXT_LINES: line breaks and tabs too */

static const char *text_problem(const char *text, enum text_kind kind, size_t bytes_min,
				size_t bytes_max)
{
	size_t length = text ? strnlen(text, bytes_max + 1) : 0;

	if (length < bytes_min)
		return "is empty";
	if (length > bytes_max)
		return "is too long";
	if (length > 0 && !utf8_valid(text, length))
		return "is not UTF-8";
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];

		if ((c < 0x20 || c == 0x7f) &&
		    !(kind == TEXT_LINES && (c == '\n' || c == '\r' || c == '\t')))
			return "has a control character in it";
		if (kind == TEXT_FILE_NAME && (c == '/' || (i == 0 && c == '.')))
			return "is no plain file name";
	}
	return NULL;
}

/* what, …: whose text it is, for the message: "the name of vertex 3". */
static int check_text(struct check *check, const char *text, enum text_kind kind, size_t bytes_min,
		      size_t bytes_max, const char *what, ...) PRINTF(6, 7);
static int check_text(struct check *check, const char *text, enum text_kind kind, size_t bytes_min,
		      size_t bytes_max, const char *what, ...)
{
	const char *problem = text_problem(text, kind, bytes_min, bytes_max);
	char whose[160];
	va_list arguments;

	if (problem == NULL)
		return 0;
	va_start(arguments, what);
	vsnprintf(whose, sizeof(whose), what, arguments);
	va_end(arguments);
	if (strcmp(problem, "is too long") == 0)
		return err_set(check->err, ERR_PLAN_INVALID, "%s is longer than %zu bytes", whose,
			       bytes_max);
	return err_set(check->err, ERR_PLAN_INVALID, "%s %s", whose, problem);
}

/* A factory names an entry of the registry and part of a library's file name. */
static bool factory_name_valid(const char *name)
{
	size_t length = name ? strnlen(name, 65) : 0;

	if (length == 0 || length > 64)
		return false;
	for (size_t i = 0; i < length; i++) {
		char c = name[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      (i > 0 && (c == '-' || c == '_'))))
			return false;
	}
	return true;
}

/* ---- types, artifacts, settings -------------------------------------------------------------- */

static int make_type(const Flink__RecordType *message, size_t index, struct record_type **type,
		     struct err *err)
{
	if (message->n_fields == 0 || message->n_fields > LIMIT_RECORD_FIELDS_MAX)
		return err_set(err, ERR_PLAN_INVALID,
			       "record type %zu has %zu fields; allowed are 1 to %u", index,
			       message->n_fields, LIMIT_RECORD_FIELDS_MAX);
	struct field *fields = MEM_NEW_ARRAY(struct field, message->n_fields);
	int answer = 0;

	for (size_t i = 0; i < message->n_fields && answer == 0; i++) {
		const Flink__RecordField *field = message->fields[i];

		if (field->kind > UINT8_MAX)
			answer =
				err_set(err, ERR_PLAN_INVALID,
					"a field is of kind %u, which does not exist", field->kind);
		fields[i] = (struct field){ .name = field->name,
					    .kind = (uint8_t)field->kind,
					    .nullable = field->nullable != 0 };
	}
	if (answer == 0)
		answer = record_type_create(message->name, message->print_format, fields,
					    (uint32_t)message->n_fields, type, err);
	if (answer != 0)
		err_wrap(err, "record type %zu", index);
	mem_free(fields);
	return answer;
}

int job_graph_types(const Flink__JobGraph *graph, struct record_type ***made, struct err *err)
{
	struct record_type **types = MEM_NEW_ARRAY(struct record_type *, graph->n_types);

	*made = NULL;
	for (size_t i = 0; i < graph->n_types; i++)
		if (make_type(graph->types[i], i, &types[i], err) != 0) {
			job_graph_types_destroy(&types, graph->n_types);
			return -1;
		}
	*made = types;
	return 0;
}

void job_graph_types_destroy(struct record_type ***types, size_t count)
{
	for (size_t i = 0; i < count && *types != NULL; i++)
		record_type_destroy(&(*types)[i]);
	mem_free(*types);
	*types = NULL;
}

static int check_artifacts(struct check *check)
{
	const Flink__JobGraph *graph = check->graph;

	if (graph->n_artifacts > JOB_ARTIFACTS_MAX)
		return err_set(check->err, ERR_PLAN_INVALID,
			       "the job has %zu artifacts; allowed are %u", graph->n_artifacts,
			       JOB_ARTIFACTS_MAX);
	for (size_t i = 0; i < graph->n_artifacts; i++) {
		const Flink__Artifact *artifact = graph->artifacts[i];

		if (check_text(check, artifact->name, TEXT_FILE_NAME, 1, LIMIT_FIELD_NAME_BYTES_MAX,
			       "the name of artifact %zu", i) != 0)
			return -1;
		if (artifact->sha256.len != 32)
			return err_set(check->err, ERR_PLAN_INVALID,
				       "the SHA-256 of artifact \"%s\" has %zu bytes instead of 32",
				       artifact->name, artifact->sha256.len);
		if (artifact->size_bytes == 0 || artifact->size_bytes > LIMIT_ARTIFACT_BYTES_MAX)
			return err_set(check->err, ERR_PLAN_INVALID,
				       "artifact \"%s\" has %llu bytes; allowed are 1 to %u",
				       artifact->name, (unsigned long long)artifact->size_bytes,
				       LIMIT_ARTIFACT_BYTES_MAX);
	}
	return 0;
}

static int check_settings(struct check *check)
{
	const Flink__JobGraph *graph = check->graph;

	if (graph->n_settings > JOB_SETTINGS_MAX)
		return err_set(check->err, ERR_PLAN_INVALID,
			       "the job has %zu settings; allowed are %u", graph->n_settings,
			       JOB_SETTINGS_MAX);
	for (size_t i = 0; i < graph->n_settings; i++) {
		const Flink__KeyValue *setting = graph->settings[i];

		if (check_text(check, setting->key, TEXT_LINE, 1, LIMIT_FIELD_NAME_BYTES_MAX,
			       "the key of setting %zu", i) != 0 ||
		    check_text(check, setting->value, TEXT_LINES, 0, JOB_TEXT_BYTES_MAX,
			       "the value of setting %zu", i) != 0)
			return -1;
	}
	return 0;
}

/* ---- vertices -------------------------------------------------------------------------------- */

/* 16 bytes, not all zero, and no other one has them. */
static int check_id(struct check *check, struct map *seen, const ProtobufCBinaryData *id,
		    const char *what, size_t index)
{
	static const uint8_t none[16];

	if (id->len != 16 || memcmp(id->data, none, 16) == 0)
		return err_set(check->err, ERR_PLAN_INVALID, "%s %zu has no id of 16 bytes", what,
			       index);
	if (map_put(seen, bytes_of(id->data, 16), check) != NULL)
		return err_set(check->err, ERR_PLAN_INVALID, "%s %zu has the id of another one",
			       what, index);
	return 0;
}

/* NULL: -1, "none". The caller has checked the range with check_type_index. */
static const struct record_type *type_of(const struct check *check, int32_t index)
{
	return index < 0 ? NULL : check->types[index];
}

static int check_type_index(struct check *check, int32_t index, const char *operator)
{
	if (index < -1 || (index >= 0 && (size_t)index >= check->graph->n_types))
		return err_set(check->err, ERR_PLAN_INVALID,
			       "operator \"%s\" names record type %d; the job has %zu", operator,
			       index, check->graph->n_types);
	return 0;
}

static int check_key(struct check *check, const struct record_type *type, const uint32_t *fields,
		     size_t count)
{
	struct key_spec key = { .fields_count = count > KEY_FIELDS_MAX ? KEY_FIELDS_MAX + 1 :
									 (uint32_t)count };

	if (count <= KEY_FIELDS_MAX)
		memcpy(key.fields, fields, count * sizeof(fields[0]));
	return key_spec_check(type, &key, check->err);
}

static int check_operator_texts(struct check *check, const Flink__Operator *operator, size_t vertex,
				size_t index)
{
	if (check_text(check, operator->name, TEXT_LINE, 1, LIMIT_JOB_NAME_BYTES_MAX,
		       "the name of operator %zu of vertex %zu", index, vertex) != 0 ||
	    check_text(check, operator->uid, TEXT_LINE, 0, LIMIT_JOB_NAME_BYTES_MAX,
		       "the uid of operator %zu of vertex %zu", index, vertex) != 0 ||
	    check_text(check, operator->description, TEXT_LINES, 0, JOB_TEXT_BYTES_MAX,
		       "the description of operator %zu of vertex %zu", index, vertex) != 0)
		return -1;
	if (!factory_name_valid(operator->factory))
		return err_set(check->err, ERR_PLAN_INVALID,
			       "the factory of operator \"%s\" is no name of 1 to 64 letters, "
			       "digits, '-' and '_'",
			       operator->name);
	return 0;
}

/* What its kind demands: where it stands, what it reads and gives. */
static int check_kind(struct check *check, const Flink__Operator *operator, size_t index)
{
	bool source = operator->kind == FLINK__OPERATOR_KIND__OPERATOR_KIND_SOURCE;
	bool sink = operator->kind == FLINK__OPERATOR_KIND__OPERATOR_KIND_SINK;

	if (!source && !sink && operator->kind != FLINK__OPERATOR_KIND__OPERATOR_KIND_OPERATOR)
		return err_set(check->err, ERR_PLAN_INVALID,
			       "operator \"%s\" is of kind %d, which does not exist",
			       operator->name, (int)operator->kind);
	if (source && index != 0)
		return err_set(check->err, ERR_PLAN_INVALID,
			       "the source \"%s\" does not begin its chain", operator->name);
	if (source != (operator->input_type < 0))
		return err_set(check->err, ERR_PLAN_INVALID, "%s \"%s\" has %s",
			       source ? "the source" : "operator", operator->name,
			       source ? "an input type" : "no input type");
	if (source ? operator->output_type < 0 : sink && operator->output_type >= 0)
		return err_set(check->err, ERR_PLAN_INVALID, "the %s \"%s\" has %s",
			       source ? "source" : "sink", operator->name,
			       source ? "no output type" : "an output type");
	return 0;
}

static int check_operator(struct check *check, const Flink__Vertex *vertex, size_t vertex_index,
			  size_t index)
{
	const Flink__Operator *operator = vertex->operators[index];

	if (check_operator_texts(check, operator, vertex_index, index) != 0 ||
	    check_type_index(check, operator->input_type, operator->name) != 0 ||
	    check_type_index(check, operator->output_type, operator->name) != 0 ||
	    check_kind(check, operator, index) != 0)
		return -1;
	if (check_id(check, check->operator_ids, &operator->id, "an operator of vertex",
		     vertex_index) != 0)
		return -1;
	if (operator->node_id == 0 ||
	    map_put(check->node_ids, bytes_of(&operator->node_id, sizeof(uint32_t)), check) != NULL)
		return err_set(check->err, ERR_PLAN_INVALID,
			       "operator \"%s\" has node id %u, which is 0 or another one's",
			       operator->name, operator->node_id);
	if (operator->n_key_fields > 0) {
		if (operator->input_type < 0)
			return err_set(check->err, ERR_PLAN_INVALID, "the source \"%s\" has a key",
				       operator->name);
		if (check_key(check, type_of(check, operator->input_type), operator->key_fields,
			      operator->n_key_fields) != 0)
			return err_wrap(check->err, "operator \"%s\"", operator->name);
	}
	if (index == 0)
		return operator->input_operator == 0 ?
			       0 :
			       err_set(check->err, ERR_PLAN_INVALID,
				       "\"%s\" begins a chain and reads from it", operator->name);
	if (operator->input_operator >= index)
		return err_set(check->err, ERR_PLAN_INVALID,
			       "operator \"%s\" reads from operator %u of its chain, which does "
			       "not stand in front of it",
			       operator->name, operator->input_operator);
	const Flink__Operator *input = vertex->operators[operator->input_operator];
	const struct record_type *given = type_of(check, input->output_type);

	if (given == NULL || given->hash != type_of(check, operator->input_type)->hash)
		return err_set(check->err, ERR_PLAN_INVALID,
			       "operator \"%s\" does not take what \"%s\" in front of it gives",
			       operator->name, input->name);
	return 0;
}

static int check_vertex(struct check *check, size_t index)
{
	const Flink__Vertex *vertex = check->graph->vertices[index];

	if (check_text(check, vertex->name, TEXT_LINE, 1, 2 * JOB_TEXT_BYTES_MAX,
		       "the name of vertex %zu", index) != 0 ||
	    check_text(check, vertex->slot_sharing_group, TEXT_LINE, 1, LIMIT_FIELD_NAME_BYTES_MAX,
		       "the slot sharing group of vertex %zu", index) != 0 ||
	    check_id(check, check->vertex_ids, &vertex->id, "vertex", index) != 0)
		return -1;
	if (vertex->parallelism == 0 || vertex->parallelism > vertex->max_parallelism ||
	    vertex->max_parallelism > LIMIT_PARALLELISM_MAX)
		return err_set(
			check->err, ERR_PLAN_INVALID,
			"vertex %zu has parallelism %u and maximum parallelism %u; allowed are 1 ≤ "
			"parallelism ≤ maximum ≤ %u",
			index, vertex->parallelism, vertex->max_parallelism, LIMIT_PARALLELISM_MAX);
	if (vertex->n_operators == 0 || vertex->n_operators > LIMIT_CHAIN_OPERATORS_MAX)
		return err_set(check->err, ERR_PLAN_INVALID,
			       "vertex %zu has %zu operators; allowed are 1 to %u", index,
			       vertex->n_operators, LIMIT_CHAIN_OPERATORS_MAX);
	for (size_t i = 0; i < vertex->n_operators; i++)
		if (check_operator(check, vertex, index, i) != 0)
			return -1;
	if (memcmp(vertex->id.data, vertex->operators[0]->id.data, 16) != 0)
		return err_set(check->err, ERR_PLAN_INVALID,
			       "vertex %zu has another id than its first operator", index);
	return 0;
}

/* ---- edges ----------------------------------------------------------------------------------- */

static int check_edge_ends(struct check *check, const Flink__Edge *edge, size_t index)
{
	const Flink__JobGraph *graph = check->graph;

	if (edge->target_vertex >= graph->n_vertices || edge->source_vertex >= edge->target_vertex)
		return err_set(check->err, ERR_PLAN_INVALID,
			       "edge %zu goes from vertex %u to %u of %zu; edges go from a vertex "
			       "to a later one",
			       index, edge->source_vertex, edge->target_vertex, graph->n_vertices);
	const Flink__Vertex *source = graph->vertices[edge->source_vertex];

	if (edge->source_operator >= source->n_operators || edge->target_input > 1)
		return err_set(
			check->err, ERR_PLAN_INVALID,
			"edge %zu goes from operator %u of %zu to input %u; inputs are 0 and 1",
			index, edge->source_operator, source->n_operators, edge->target_input);
	if (edge->record_type < 0 || (size_t)edge->record_type >= graph->n_types)
		return err_set(check->err, ERR_PLAN_INVALID,
			       "edge %zu names record type %d; the job has %zu", index,
			       edge->record_type, graph->n_types);
	return 0;
}

static int check_edge(struct check *check, size_t index)
{
	const Flink__Edge *edge = check->graph->edges[index];

	if (check_edge_ends(check, edge, index) != 0)
		return -1;
	const Flink__Vertex *source = check->graph->vertices[edge->source_vertex];
	const Flink__Vertex *target = check->graph->vertices[edge->target_vertex];
	const struct record_type *type = check->types[edge->record_type];
	const struct record_type *given =
		type_of(check, source->operators[edge->source_operator]->output_type);
	const struct record_type *taken = type_of(check, target->operators[0]->input_type);
	struct input *input = &check->inputs[edge->target_vertex][edge->target_input];

	if (given == NULL || given->hash != type->hash)
		return err_set(check->err, ERR_PLAN_INVALID,
			       "edge %zu carries \"%s\", which \"%s\" does not give", index,
			       type->name, source->operators[edge->source_operator]->name);
	if (taken == NULL || (edge->target_input == 0 && taken->hash != type->hash) ||
	    (input->edges_count > 0 && input->type_hash != type->hash))
		return err_set(check->err, ERR_PLAN_INVALID,
			       "edge %zu carries \"%s\", which \"%s\" does not take", index,
			       type->name, target->operators[0]->name);
	input->edges_count++;
	input->type_hash = type->hash;

	if (ship_name(edge->ship_strategy) == NULL)
		return err_set(check->err, ERR_PLAN_INVALID,
			       "edge %zu has ship strategy %d, which does not exist", index,
			       (int)edge->ship_strategy);
	if (edge->ship_strategy == FLINK__SHIP_STRATEGY__SHIP_FORWARD &&
	    source->parallelism != target->parallelism)
		return err_set(check->err, ERR_PLAN_INVALID,
			       "edge %zu is FORWARD from parallelism %u to %u; they must be equal",
			       index, source->parallelism, target->parallelism);
	bool hash = edge->ship_strategy == FLINK__SHIP_STRATEGY__SHIP_HASH;

	if (hash != (edge->n_key_fields > 0))
		return err_set(check->err, ERR_PLAN_INVALID, "edge %zu is %s and has %s key", index,
			       ship_name(edge->ship_strategy), hash ? "no" : "a");
	if (hash && check_key(check, type, edge->key_fields, edge->n_key_fields) != 0)
		return err_wrap(check->err, "edge %zu", index);
	bool custom = edge->ship_strategy == FLINK__SHIP_STRATEGY__SHIP_CUSTOM;

	if (custom != (edge->partitioner != NULL))
		return err_set(check->err, ERR_PLAN_INVALID,
			       "edge %zu is %s and has %s partitioner", index,
			       ship_name(edge->ship_strategy), custom ? "no" : "a");
	return 0;
}

static int check_edges(struct check *check)
{
	const Flink__JobGraph *graph = check->graph;

	if (graph->n_edges > JOB_EDGES_MAX)
		return err_set(check->err, ERR_PLAN_INVALID,
			       "the job has %zu edges; allowed are %u", graph->n_edges,
			       JOB_EDGES_MAX);
	for (size_t i = 0; i < graph->n_edges; i++)
		if (check_edge(check, i) != 0)
			return -1;
	for (size_t i = 0; i < graph->n_vertices; i++) {
		const Flink__Operator *head = graph->vertices[i]->operators[0];

		if (head->input_type >= 0 && check->inputs[i][0].edges_count == 0)
			return err_set(check->err, ERR_PLAN_INVALID,
				       "nothing leads to input 0 of operator \"%s\"", head->name);
	}
	return 0;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static int check_counts(struct check *check)
{
	const Flink__JobGraph *graph = check->graph;

	if (graph->format != JOB_FORMAT)
		return err_set(check->err, ERR_PLAN_INVALID,
			       "the job graph has format %u; this version reads %u", graph->format,
			       JOB_FORMAT);
	if (check_text(check, graph->name, TEXT_LINE, 0, LIMIT_JOB_NAME_BYTES_MAX,
		       "the job's name") != 0 ||
	    check_text(check, graph->execution_plan, TEXT_LINES, 0, LIMIT_RPC_FRAME_BYTES_MAX,
		       "the execution plan") != 0)
		return -1;
	if (graph->default_parallelism > LIMIT_PARALLELISM_MAX)
		return err_set(check->err, ERR_PLAN_INVALID,
			       "the default parallelism is %u; allowed are up to %u",
			       graph->default_parallelism, LIMIT_PARALLELISM_MAX);
	if (graph->n_types > JOB_TYPES_MAX)
		return err_set(check->err, ERR_PLAN_INVALID,
			       "the job has %zu record types; allowed are %u", graph->n_types,
			       JOB_TYPES_MAX);
	if (graph->n_vertices == 0 || graph->n_vertices > LIMIT_JOB_VERTICES_MAX)
		return err_set(check->err, ERR_PLAN_INVALID,
			       "the job has %zu vertices; allowed are 1 to %u", graph->n_vertices,
			       LIMIT_JOB_VERTICES_MAX);
	return 0;
}

static int check_vertices(struct check *check)
{
	uint64_t subtasks = 0;

	for (size_t i = 0; i < check->graph->n_vertices; i++) {
		if (check_vertex(check, i) != 0)
			return -1;
		subtasks += check->graph->vertices[i]->parallelism;
	}
	if (subtasks > JOB_SUBTASKS_MAX)
		return err_set(check->err, ERR_PLAN_INVALID,
			       "the job has %llu subtasks; allowed are %u: lower its parallelism",
			       (unsigned long long)subtasks, JOB_SUBTASKS_MAX);
	return 0;
}

int job_graph_check_plan(const Flink__JobGraph *graph, struct err *err)
{
	struct check check = { .graph = graph, .err = err };
	int answer;

	if (check_counts(&check) != 0 || check_artifacts(&check) != 0 ||
	    check_settings(&check) != 0 || job_graph_types(graph, &check.types, err) != 0)
		return -1;
	check.vertex_ids = map_create();
	check.operator_ids = map_create();
	check.node_ids = map_create();
	check.inputs = mem_alloc_array(graph->n_vertices, sizeof(check.inputs[0]));
	answer = check_vertices(&check) != 0 || check_edges(&check) != 0 ? -1 : 0;
	mem_free(check.inputs);
	map_destroy(&check.vertex_ids);
	map_destroy(&check.operator_ids);
	map_destroy(&check.node_ids);
	job_graph_types_destroy(&check.types, graph->n_types);
	return answer;
}

int job_graph_check(const Flink__JobGraph *graph, struct err *err)
{
	struct id id;

	if (graph->job_id.len != sizeof(id.bytes))
		return err_set(err, ERR_PLAN_INVALID, "the job id has %zu bytes instead of 16",
			       graph->job_id.len);
	memcpy(id.bytes, graph->job_id.data, sizeof(id.bytes));
	if (id_is_none(&id))
		return err_set(err, ERR_PLAN_INVALID, "the job id is all zero");
	return job_graph_check_plan(graph, err);
}
