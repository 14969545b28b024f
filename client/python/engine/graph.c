/* SPDX-License-Identifier: Apache-2.0
 * graph.c - from what pyflink wrote down to the job graph.
 *
 * A job is a dict: name, parallelism, last_id, chaining (bool), settings [(key, value)], nodes; a
 * node is a dict: id, name, kind ("source", "operator", "sink"), factory, parallelism (0: the
 * job's), max_parallelism, non_parallel, chain ("always", "head", "never"), slot_sharing_group,
 * uid, input_type, output_type (None or a record's description), key (field numbers), inputs [(node
 * id, ship strategy, key fields)], options [(key, value)], elements [bytes], function (bytes or
 * None), symbol. */
#include <string.h>

#include "client/python/engine/engine.h"
#include "common/base/limits.h"
#include "common/base/mem.h"
#include "common/graph/graph.h"
#include "common/world/world.h"

/* ---- reading dicts -------------------------------------------------------------------------- */

/* Borrowed; NULL with KeyError. */
static PyObject *item(PyObject *dict, const char *key)
{
	PyObject *value = PyDict_GetItemString(dict, key);

	if (value == NULL && !PyErr_Occurred())
		PyErr_Format(PyExc_KeyError, "a node has no \"%s\"", key);
	return value;
}

/* None gives NULL. False with an exception. */
static bool text_item(PyObject *dict, const char *key, const char **text)
{
	PyObject *value = item(dict, key);

	*text = NULL;
	if (value == NULL)
		return false;
	if (value == Py_None)
		return true;
	*text = PyUnicode_AsUTF8AndSize(value, NULL);
	return *text != NULL;
}

static bool number_item(PyObject *dict, const char *key, uint32_t *number)
{
	PyObject *value = item(dict, key);
	unsigned long long got = value ? PyLong_AsUnsignedLongLong(value) : 0;

	if (value == NULL || PyErr_Occurred())
		return false;
	if (got > UINT32_MAX) {
		PyErr_Format(PyExc_OverflowError, "%llu is too large for \"%s\"", got, key);
		return false;
	}
	*number = (uint32_t)got;
	return true;
}

static bool truth_item(PyObject *dict, const char *key, bool *truth)
{
	PyObject *value = item(dict, key);
	int got = value ? PyObject_IsTrue(value) : -1;

	*truth = got == 1;
	return got >= 0;
}

/* The index of the text among names; -1 with an exception. */
static int choice_item(PyObject *dict, const char *key, const char *const *names, int count)
{
	const char *text;

	if (!text_item(dict, key, &text))
		return -1;
	for (int i = 0; i < count; i++)
		if (text != NULL && strcmp(text, names[i]) == 0)
			return i;
	PyErr_Format(PyExc_ValueError, "\"%s\" is no %s", text ? text : "None", key);
	return -1;
}

static bool parse_key(PyObject *fields, struct key_spec *key)
{
	Py_ssize_t count = PySequence_Size(fields);

	*key = (struct key_spec){ .fields_count = 0 };
	if (count < 0)
		return false;
	if (count > KEY_FIELDS_MAX) {
		PyErr_Format(PyExc_ValueError, "a key of %zd fields", count);
		return false;
	}
	for (Py_ssize_t i = 0; i < count; i++) {
		PyObject *field = PySequence_GetItem(fields, i);

		if (field == NULL)
			return false;
		key->fields[key->fields_count++] = (uint32_t)PyLong_AsUnsignedLong(field);
		Py_DECREF(field);
	}
	return !PyErr_Occurred();
}

/* ---- types ---------------------------------------------------------------------------------- */

struct record_type *engine_record_type(PyObject *description)
{
	struct record_type *type = NULL;
	struct err err = ERR_INIT;
	PyObject *list;
	const char *name;

	if (!PyArg_ParseTuple(description, "sO", &name, &list))
		return NULL;
	Py_ssize_t count = PySequence_Size(list);

	if (count < 0)
		return NULL;
	if (count > LIMIT_RECORD_FIELDS_MAX) {
		PyErr_Format(PyExc_ValueError, "a type of %zd fields; at most %d are allowed", count,
			     LIMIT_RECORD_FIELDS_MAX);
		return NULL;
	}
	struct field *fields = MEM_NEW_ARRAY(struct field, (size_t)count);

	for (Py_ssize_t i = 0; i < count && !PyErr_Occurred(); i++) {
		PyObject *field = PySequence_GetItem(list, i);
		int nullable = 0;

		if (field != NULL &&
		    PyArg_ParseTuple(field, "sbp", &fields[i].name, &fields[i].kind, &nullable))
			fields[i].nullable = nullable == 1;
		Py_XDECREF(field); /* `description` holds it and its name */
	}
	if (!PyErr_Occurred() &&
	    record_type_create(name, NULL, fields, (uint32_t)count, &type, &err) < 0)
		engine_raise(&err);
	mem_free(fields);
	return type;
}

/* ---- nodes ---------------------------------------------------------------------------------- */

static void put_options(Flink__OperatorParameters *parameters, PyObject *options,
			struct arena *arena)
{
	Py_ssize_t count = PyList_Size(options);

	if (count < 0)
		return;
	parameters->options = arena_alloc(arena, (size_t)count * sizeof(Flink__KeyValue *));
	for (Py_ssize_t i = 0; i < count; i++) {
		Flink__KeyValue *option = arena_alloc(arena, sizeof(*option));
		const char *key, *value;

		if (!PyArg_ParseTuple(PyList_GetItem(options, i), "ss", &key, &value))
			return;
		flink__key_value__init(option);
		option->key = arena_strdup(arena, key);
		option->value = arena_strdup(arena, value);
		parameters->options[parameters->n_options++] = option;
	}
}

static void put_elements(Flink__OperatorParameters *parameters, PyObject *elements,
			 struct arena *arena)
{
	Py_ssize_t count = PyList_Size(elements);

	if (count < 0)
		return;
	parameters->elements = arena_alloc(arena, (size_t)count * sizeof(ProtobufCBinaryData));
	for (Py_ssize_t i = 0; i < count; i++) {
		ProtobufCBinaryData *element = &parameters->elements[parameters->n_elements];
		Py_ssize_t size_bytes;
		char *data;

		if (PyBytes_AsStringAndSize(PyList_GetItem(elements, i), &data, &size_bytes) < 0)
			return;
		*element = (ProtobufCBinaryData){ (size_t)size_bytes, (uint8_t *)data };
		parameters->n_elements++;
	}
}

static void put_function(Flink__OperatorParameters *parameters, PyObject *node, PyObject *payload,
			 struct arena *arena)
{
	Flink__FunctionRef *ref = arena_alloc(arena, sizeof(*ref));
	Py_ssize_t size_bytes;
	const char *symbol;
	char *data;

	if (payload == Py_None || PyBytes_AsStringAndSize(payload, &data, &size_bytes) < 0 ||
	    !text_item(node, "symbol", &symbol))
		return;
	flink__function_ref__init(ref);
	ref->artifact = FUNCTION_NO_ARTIFACT;
	ref->symbol = arena_strdup(arena, symbol ? symbol : "");
	ref->parameters = (ProtobufCBinaryData){ (size_t)size_bytes, (uint8_t *)data };
	parameters->function = ref;
}

/* The node's OperatorParameters, packed into the arena. */
static bool put_parameters(struct stream_node *into, PyObject *node, struct arena *arena)
{
	PyObject *options = item(node, "options"), *elements = item(node, "elements");
	PyObject *payload = item(node, "function");
	Flink__OperatorParameters parameters;

	if (PyErr_Occurred())
		return false;
	flink__operator_parameters__init(&parameters);
	put_options(&parameters, options, arena);
	put_elements(&parameters, elements, arena);
	put_function(&parameters, node, payload, arena);
	if (PyErr_Occurred())
		return false;
	size_t size_bytes = flink__operator_parameters__get_packed_size(&parameters);
	uint8_t *packed = arena_alloc(arena, size_bytes);

	flink__operator_parameters__pack(&parameters, packed);
	into->parameters = bytes_of(packed, size_bytes);
	return true;
}

static bool parse_node(PyObject *node, struct stream_node *into)
{
	static const char *const kinds[] = { "source", "operator", "sink" };
	static const char *const chains[] = { "always", "head", "never" };
	PyObject *key = item(node, "key");
	int kind = choice_item(node, "kind", kinds, 3),
	    chain = choice_item(node, "chain", chains, 3);

	if (kind < 0 || chain < 0 || key == NULL || !number_item(node, "id", &into->id) ||
	    !text_item(node, "name", &into->name) || !text_item(node, "factory", &into->factory) ||
	    !number_item(node, "parallelism", &into->parallelism) ||
	    !number_item(node, "max_parallelism", &into->max_parallelism) ||
	    !truth_item(node, "non_parallel", &into->non_parallel) ||
	    !text_item(node, "slot_sharing_group", &into->slot_sharing_group) ||
	    !text_item(node, "uid", &into->uid) || !parse_key(key, &into->key))
		return false;
	into->kind = FLINK__OPERATOR_KIND__OPERATOR_KIND_SOURCE + (unsigned)kind;
	into->chaining = (enum chaining)chain;
	return true;
}

/* The described type, or NULL for None; false with an exception. */
static bool type_item(PyObject *node, const char *key, struct record_type **type)
{
	PyObject *description = item(node, key);

	*type = NULL;
	if (description == NULL || description == Py_None)
		return description != NULL;
	*type = engine_record_type(description);
	return *type != NULL;
}

static bool add_node(struct stream_graph *graph, PyObject *node, struct arena *arena)
{
	struct record_type *input = NULL, *output = NULL;
	struct stream_node made = { .id = 0 };
	bool good = parse_node(node, &made) && type_item(node, "input_type", &input) &&
		    type_item(node, "output_type", &output) && put_parameters(&made, node, arena);

	if (good) {
		made.input_type = input;
		made.output_type = output;
		stream_graph_add(graph, &made);
	}
	record_type_destroy(&input);
	record_type_destroy(&output);
	return good;
}

static bool connect_node(struct stream_graph *graph, PyObject *node)
{
	PyObject *inputs = item(node, "inputs");
	Py_ssize_t count = inputs ? PyList_Size(inputs) : -1;
	uint32_t id;

	if (count < 0 || !number_item(node, "id", &id))
		return false;
	for (Py_ssize_t i = 0; i < count; i++) {
		unsigned int from;
		struct key_spec key;
		PyObject *fields;
		int ship;

		if (!PyArg_ParseTuple(PyList_GetItem(inputs, i), "IiO", &from, &ship, &fields) ||
		    !parse_key(fields, &key))
			return false;
		stream_graph_connect(graph, from, id, 0, (enum ship)ship,
				     key.fields_count > 0 ? &key : NULL);
	}
	return true;
}

/* ---- the whole ------------------------------------------------------------------------------ */

static struct stream_graph *build_stream_graph(PyObject *job, struct arena *arena)
{
	uint32_t parallelism = 1, last_id = 0;
	PyObject *nodes = item(job, "nodes");
	Py_ssize_t count = nodes ? PyList_Size(nodes) : -1;
	const char *name;
	bool chaining;

	if (count < 0 || !text_item(job, "name", &name) ||
	    !number_item(job, "parallelism", &parallelism) ||
	    !number_item(job, "last_id", &last_id) || !truth_item(job, "chaining", &chaining))
		return NULL;
	struct stream_graph *graph = stream_graph_create(name, parallelism ? parallelism : 1);

	stream_graph_set_chaining(graph, chaining);
	for (uint32_t i = 0; i < last_id; i++)
		stream_graph_next_id(graph);
	bool good = true;

	for (Py_ssize_t i = 0; good && i < count; i++)
		good = add_node(graph, PyList_GetItem(nodes, i), arena);
	for (Py_ssize_t i = 0; good && i < count; i++)
		good = connect_node(graph, PyList_GetItem(nodes, i));
	if (!good)
		stream_graph_destroy(&graph);
	return graph;
}

PyObject *engine_plan(PyObject *module, PyObject *job)
{
	struct arena *arena = arena_create("execution plan");
	struct stream_graph *graph = build_stream_graph(job, arena);
	PyObject *text = NULL;
	struct buf plan;

	if (graph != NULL) {
		buf_init(&plan);
		stream_graph_plan(graph, &plan);
		text = PyUnicode_DecodeUTF8(plan.data, (Py_ssize_t)plan.size_bytes, "strict");
		buf_fini(&plan);
	}
	stream_graph_destroy(&graph);
	arena_destroy(&arena);
	return text;
}

static bool put_settings(PyObject *job, struct engine_graph *graph)
{
	PyObject *settings = item(job, "settings");
	Flink__OperatorParameters holder;

	if (settings == NULL)
		return false;
	flink__operator_parameters__init(&holder);
	put_options(&holder, settings, graph->arena);
	graph->message.settings = holder.options;
	graph->message.n_settings = holder.n_options;
	return !PyErr_Occurred();
}

static bool put_job_id(PyObject *job, struct engine_graph *graph)
{
	PyObject *id = item(job, "id");
	Py_ssize_t size_bytes;
	char *data;

	if (id == NULL || PyBytes_AsStringAndSize(id, &data, &size_bytes) < 0)
		return false;
	graph->message.job_id.data =
		(uint8_t *)arena_strndup(graph->arena, data, (size_t)size_bytes);
	graph->message.job_id.len = (size_t)size_bytes;
	return true;
}

static void put_plan(struct engine_graph *graph, const struct stream_graph *stream)
{
	struct buf plan;

	buf_init(&plan);
	stream_graph_plan(stream, &plan);
	graph->message.execution_plan = arena_strndup(graph->arena, plan.data, plan.size_bytes);
	buf_fini(&plan);
}

int engine_graph_build(PyObject *job, struct engine_graph *graph)
{
	struct err err = ERR_INIT;

	*graph = (struct engine_graph){ .arena = arena_create("job graph") };
	struct stream_graph *stream = build_stream_graph(job, graph->arena);
	int result = stream ? 0 : -1;

	if (result == 0 && job_graph_from_stream(stream, &graph->made, &err) < 0) {
		engine_raise(&err);
		result = -1;
	}
	if (result == 0) {
		graph->message = *graph->made;
		put_plan(graph, stream);
		if (!put_settings(job, graph) || !put_job_id(job, graph)) {
			result = -1;
		} else if (job_graph_check(&graph->message, &err) < 0) {
			engine_raise(&err);
			result = -1;
		}
	}
	stream_graph_destroy(&stream);
	if (result < 0)
		engine_graph_free(graph);
	return result;
}

void engine_graph_free(struct engine_graph *graph)
{
	if (graph->made != NULL)
		flink__job_graph__free_unpacked(graph->made, NULL);
	if (graph->arena != NULL)
		arena_destroy(&graph->arena);
	*graph = (struct engine_graph){ .made = NULL };
}
