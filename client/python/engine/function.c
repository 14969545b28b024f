/* SPDX-License-Identifier: Apache-2.0
 * function.c - see function.h. */
#include "client/python/engine/function.h"

#include <string.h>

#include "common/base/mem.h"

/* ---- failures ------------------------------------------------------------------------------- */

/* Turns the exception under way into err: the traceback as Python prints it, then where it happened
 * (pyflink.fn_execution.operations.describe). */
static int failed(struct function *function, PyObject *value, struct err *err)
{
	PyObject *type, *exception, *traceback, *describe, *text = NULL;
	const struct function_place *place = &function->place;

	PyErr_Fetch(&type, &exception, &traceback);
	PyErr_NormalizeException(&type, &exception, &traceback);
	if (traceback != NULL && exception != NULL)
		PyException_SetTraceback(exception, traceback);
	describe = engine_import("pyflink.fn_execution.operations", "describe");
	if (describe != NULL)
		text = PyObject_CallFunction(
			describe, "OsIIN", exception ? exception : Py_None, place->operator_name,
			place->subtask, place->parallelism,
			value ? PyTuple_Pack(1, value) : PyTuple_New(0));
	const char *utf8 = text ? PyUnicode_AsUTF8AndSize(text, NULL) : NULL;

	err_set(err, ERR_USER_FUNCTION_FAILED, "%s",
		utf8 ? utf8 : "a Python function raised an exception that cannot be shown");
	PyErr_Clear();
	Py_XDECREF(function->exception);
	function->exception = Py_XNewRef(exception);
	Py_XDECREF(text);
	Py_XDECREF(describe);
	Py_XDECREF(type);
	Py_XDECREF(exception);
	Py_XDECREF(traceback);
	return -1;
}

/* ---- life ----------------------------------------------------------------------------------- */

static int verb_of(const char *text, enum function_verb *verb)
{
	static const char *const names[] = {
		"map", "flat_map", "filter", "key", "values", "reduce"
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(text, names[i]) == 0) {
			*verb = (enum function_verb)i;
			return 0;
		}
	PyErr_Format(PyExc_ValueError, "\"%s\" is nothing that an operator does", text);
	return -1;
}

/* The record of a keyed stream is the key's one field, then the value's. */
static int parse(struct function *function, PyObject *opened)
{
	PyObject *input, *output;
	const char *verb;
	int input_is_keyed, output_is_keyed;

	if (!PyArg_ParseTuple(opened, "sOOOpOp", &verb, &function->call, &function->close, &input,
			      &input_is_keyed, &output, &output_is_keyed)) {
		function->call = function->close = NULL;
		return -1;
	}
	Py_INCREF(function->call);
	Py_INCREF(function->close);
	if (verb_of(verb, &function->verb) < 0 ||
	    codec_init(&function->input, input, function->input_type, input_is_keyed ? 1 : 0) < 0)
		return -1;
	return codec_init(&function->output, output, function->output_type,
			  output_is_keyed ? 1 : 0);
}

static int open_payload(struct function *function, struct bytes payload)
{
	const struct function_place *place = &function->place;
	PyObject *open = engine_import("pyflink.fn_execution.operations", "open_operation");
	PyObject *opened =
		open ? PyObject_CallFunction(open, "y#ssIIII", payload.data,
					     (Py_ssize_t)payload.size_bytes, place->operator_name,
					     place->job_name, place->subtask, place->parallelism,
					     place->max_parallelism, place->attempt)
		     : NULL;
	int result = opened ? parse(function, opened) : -1;

	Py_XDECREF(opened);
	Py_XDECREF(open);
	return result;
}

int function_open(struct function *function, const struct function_place *place,
		  struct bytes payload, const struct record_type *input_type,
		  const struct record_type *output_type, struct err *err)
{
	*function = (struct function){ .place = *place, .input_type = input_type,
				       .output_type = output_type };
	function->record = mem_alloc(output_type->size_bytes);
	memset(function->record, 0, output_type->size_bytes);
	function->keep = PyList_New(0);
	function->state = PyDict_New();
	if (function->keep == NULL || function->state == NULL ||
	    open_payload(function, payload) < 0)
		return failed(function, NULL, err);
	return 0;
}

int function_finish(struct function *function, struct err *err)
{
	if (function->close == NULL || function->close == Py_None)
		return 0;
	PyObject *result = PyObject_CallFunctionObjArgs(function->close, NULL);

	Py_CLEAR(function->close);
	if (result == NULL)
		return failed(function, NULL, err);
	Py_DECREF(result);
	return 0;
}

void function_fini(struct function *function)
{
	codec_fini(&function->input);
	codec_fini(&function->output);
	Py_XDECREF(function->call);
	Py_XDECREF(function->close);
	Py_XDECREF(function->state);
	Py_XDECREF(function->keep);
	Py_XDECREF(function->exception);
	mem_free(function->record);
	*function = (struct function){ .record = NULL };
}

/* ---- emission ------------------------------------------------------------------------------- */

static int emit(struct function *function, PyObject *value, struct outbox *out)
{
	int result = codec_encode(&function->output, value, function->record, function->keep);

	if (result == 0)
		outbox_emit(out, function->output_type, function->record);
	memset(function->record, 0, function->output_type->size_bytes);
	if (PyList_Size(function->keep) > 0 &&
	    PyList_SetSlice(function->keep, 0, PyList_Size(function->keep), NULL) < 0)
		return -1;
	return result;
}

/* The value's fields from one record to another, which has them elsewhere. */
static void copy_value(const struct function *function, const void *from)
{
	const struct codec *input = &function->input, *output = &function->output;
	const struct record_type *type = function->input_type, *into_type = function->output_type;

	for (uint32_t i = 0; i < input->count; i++) {
		uint32_t field = input->first + i, into_field = output->first + i;
		uint8_t kind = type->fields[field].kind;
		char *into = (char *)function->record + into_type->offsets_bytes[into_field];

		if (record_is_null(type, from, field)) {
			((uint8_t *)function->record)[into_field / 8] |=
				(uint8_t)(1u << (into_field % 8));
		} else if (kind == FIELD_STRING || kind == FIELD_BYTES) {
			struct str text = str_copy(record_field(type, from, field));

			memcpy(into, &text, sizeof(text));
		} else {
			memcpy(into, record_field(type, from, field), field_kind_size(kind));
		}
	}
}

static void emit_copied(struct function *function, struct outbox *out)
{
	outbox_emit(out, function->output_type, function->record);
	memset(function->record, 0, function->output_type->size_bytes);
}

/* ---- verbs ---------------------------------------------------------------------------------- */

static int map(struct function *function, PyObject *value, struct outbox *out)
{
	PyObject *result = PyObject_CallFunctionObjArgs(function->call, value, NULL);
	int emitted = result ? emit(function, result, out) : -1;

	Py_XDECREF(result);
	return emitted;
}

static int flat_map(struct function *function, PyObject *value, struct outbox *out)
{
	PyObject *result = PyObject_CallFunctionObjArgs(function->call, value, NULL);
	PyObject *iterator = result ? PyObject_GetIter(result) : NULL;
	PyObject *item;
	int emitted = iterator ? 0 : -1;

	while (emitted == 0 && (item = PyIter_Next(iterator)) != NULL) {
		emitted = emit(function, item, out);
		Py_DECREF(item);
	}
	if (PyErr_Occurred())
		emitted = -1;
	Py_XDECREF(iterator);
	Py_XDECREF(result);
	return emitted;
}

static int filter(struct function *function, PyObject *value, const void *record,
		  struct outbox *out)
{
	PyObject *result = PyObject_CallFunctionObjArgs(function->call, value, NULL);
	int kept = result ? PyObject_IsTrue(result) : -1;

	Py_XDECREF(result);
	if (kept == 1) {
		copy_value(function, record);
		emit_copied(function, out);
	}
	return kept < 0 ? -1 : 0;
}

/* Field 0 of the output: the key as its declared type, or as canonical bytes. */
static int put_key(struct function *function, PyObject *key)
{
	struct codec codec = { .type = function->output_type, .shape = CODEC_SCALAR, .count = 1 };
	bool is_pickled = false;
	PyObject *field = NULL;

	codec.pickled = &is_pickled;
	if (function->output_type->fields[0].kind == FIELD_BYTES) {
		field = codec_key_bytes(key);
		if (field == NULL || PyList_Append(function->keep, field) < 0) {
			Py_XDECREF(field);
			return -1;
		}
		Py_DECREF(field);
		key = field;
	}
	return codec_encode(&codec, key, function->record, function->keep);
}

static int key(struct function *function, PyObject *value, const void *record, struct outbox *out)
{
	PyObject *result = PyObject_CallFunctionObjArgs(function->call, value, NULL);

	if (result == NULL)
		return -1;
	copy_value(function, record);
	int put = put_key(function, result);

	if (put == 0)
		emit_copied(function, out);
	if (PyList_Size(function->keep) > 0 &&
	    PyList_SetSlice(function->keep, 0, PyList_Size(function->keep), NULL) < 0)
		put = -1;
	Py_DECREF(result);
	return put;
}

static PyObject *key_of_record(const struct function *function, const void *record)
{
	const struct record_type *type = function->input_type;
	const void *at = record_field(type, record, 0);
	uint8_t kind = type->fields[0].kind;

	if (kind == FIELD_STRING || kind == FIELD_BYTES) {
		struct bytes bytes = str_bytes(at);

		return PyBytes_FromStringAndSize(bytes.data, (Py_ssize_t)bytes.size_bytes);
	}
	return PyBytes_FromStringAndSize(at, field_kind_size(kind));
}

/* The first value of a key passes through; each later one gives the running result. */
static int reduce(struct function *function, PyObject *value, const void *record,
		  struct outbox *out)
{
	PyObject *state_key = key_of_record(function, record);

	if (state_key == NULL)
		return -1;
	PyObject *before = PyDict_GetItemWithError(function->state, state_key), *after;

	if (before != NULL)
		after = PyObject_CallFunctionObjArgs(function->call, before, value, NULL);
	else
		after = PyErr_Occurred() ? NULL : Py_NewRef(value);
	int result = after ? PyDict_SetItem(function->state, state_key, after) : -1;

	if (result == 0)
		result = emit(function, after, out);
	Py_XDECREF(after);
	Py_DECREF(state_key);
	return result;
}

static int process_one(struct function *function, PyObject *value, const void *record,
		       struct outbox *out)
{
	switch (function->verb) {
	case FUNCTION_MAP: return map(function, value, out);
	case FUNCTION_FLAT_MAP: return flat_map(function, value, out);
	case FUNCTION_FILTER: return filter(function, value, record, out);
	case FUNCTION_KEY: return key(function, value, record, out);
	case FUNCTION_REDUCE: return reduce(function, value, record, out);
	case FUNCTION_VALUES: break;
	}
	copy_value(function, record);
	emit_copied(function, out);
	return 0;
}

int function_process(struct function *function, const struct batch *batch, uint32_t *taken,
		     struct outbox *out, struct err *err)
{
	bool needs_value = function->verb != FUNCTION_VALUES;

	for (; *taken < batch->count; ++*taken) {
		const void *record = batch_at(batch, *taken);
		PyObject *value = NULL;

		if (outbox_full(out))
			return 0;
		if (needs_value) {
			value = codec_decode(&function->input, record);
			if (value == NULL)
				return failed(function, NULL, err);
		}
		if (process_one(function, value, record, out) < 0) {
			failed(function, value, err);
			Py_XDECREF(value);
			return -1;
		}
		Py_XDECREF(value);
	}
	return 1;
}
