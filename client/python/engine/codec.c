/* SPDX-License-Identifier: Apache-2.0
 * codec.c - see codec.h. The kinds of Python values that records know are read and written here
 * directly; all others go through pickle, and through cloudpickle when classes are involved,
 * because only that carries classes of the script itself to another process. */
#include "client/python/engine/codec.h"

#include <string.h>

#include "common/base/mem.h"

static PyObject *pickle_dumps, *pickle_loads, *by_value_dumps, *row_of, *row_values;

static int import_once(PyObject **into, const char *module, const char *name)
{
	if (*into == NULL)
		*into = engine_import(module, name);
	return *into != NULL ? 0 : -1;
}

static int import_all(void)
{
	if (import_once(&pickle_dumps, "pickle", "dumps") < 0 ||
	    import_once(&pickle_loads, "pickle", "loads") < 0 ||
	    import_once(&by_value_dumps, "pyflink._vendor.cloudpickle", "dumps") < 0 ||
	    import_once(&row_of, "pyflink.common.types", "_row_of") < 0)
		return -1;
	return import_once(&row_values, "pyflink.common.types", "_row_values");
}

/* ---- life ----------------------------------------------------------------------------------- */

static int shape_of(const char *text, enum codec_shape *shape)
{
	static const char *const names[] = { "scalar", "tuple", "row" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(text, names[i]) == 0) {
			*shape = (enum codec_shape)i;
			return 0;
		}
	PyErr_Format(PyExc_ValueError, "\"%s\" is no shape of a value", text);
	return -1;
}

int codec_init(struct codec *codec, PyObject *spec, const struct record_type *type, uint32_t first)
{
	PyObject *pickled, *names;
	const char *shape;

	*codec = (struct codec){ .type = type, .first = first };
	if (import_all() < 0 || !PyArg_ParseTuple(spec, "sOO", &shape, &pickled, &names) ||
	    shape_of(shape, &codec->shape) < 0)
		return -1;
	Py_ssize_t count = PySequence_Size(pickled);

	if (count < 0)
		return -1;
	if (type == NULL || first + (uint64_t)count > type->fields_count ||
	    (codec->shape == CODEC_SCALAR && count != 1)) {
		PyErr_Format(PyExc_ValueError, "a value of %zd fields in a record of %u", count,
			     type ? type->fields_count : 0);
		return -1;
	}
	codec->count = (uint32_t)count;
	codec->pickled = MEM_NEW_ARRAY(bool, codec->count);
	for (uint32_t i = 0; i < codec->count; i++) {
		PyObject *item = PySequence_GetItem(pickled, i);
		bool is_bytes = type->fields[first + i].kind == FIELD_BYTES;

		if (item == NULL)
			return -1;
		codec->pickled[i] = PyObject_IsTrue(item) == 1;
		Py_DECREF(item);
		if (codec->pickled[i] && !is_bytes) {
			PyErr_SetString(PyExc_ValueError, "a pickle lies in a field of kind BYTES");
			return -1;
		}
	}
	codec->names = Py_NewRef(names);
	return 0;
}

void codec_fini(struct codec *codec)
{
	mem_free(codec->pickled);
	Py_XDECREF(codec->names);
	*codec = (struct codec){ .type = NULL };
}

/* ---- records to values ---------------------------------------------------------------------- */

static PyObject *unpickle(struct bytes bytes)
{
	PyObject *text = PyBytes_FromStringAndSize(bytes.data, (Py_ssize_t)bytes.size_bytes);
	PyObject *value = text ? PyObject_CallFunctionObjArgs(pickle_loads, text, NULL) : NULL;

	Py_XDECREF(text);
	return value;
}

static PyObject *decode_number(uint8_t kind, const void *at)
{
	union {
		int8_t i8;
		int16_t i16;
		int32_t i32;
		int64_t i64;
		float f32;
		double f64;
	} u;

	memcpy(&u, at, field_kind_size(kind));
	switch (kind) {
	case FIELD_BOOLEAN: return PyBool_FromLong(u.i8);
	case FIELD_TINYINT: return PyLong_FromLong(u.i8);
	case FIELD_SMALLINT: return PyLong_FromLong(u.i16);
	case FIELD_INT: return PyLong_FromLong(u.i32);
	case FIELD_BIGINT:
	case FIELD_TIMESTAMP: return PyLong_FromLongLong(u.i64);
	case FIELD_FLOAT: return PyFloat_FromDouble((double)u.f32);
	case FIELD_DOUBLE: return PyFloat_FromDouble(u.f64);
	default: break;
	}
	PyErr_Format(PyExc_ValueError, "a field of kind %u", kind);
	return NULL;
}

static PyObject *decode_field(const struct codec *codec, const void *record, uint32_t i)
{
	uint32_t field = codec->first + i;
	const void *at = record_field(codec->type, record, field);
	uint8_t kind = codec->type->fields[field].kind;

	if (record_is_null(codec->type, record, field))
		return Py_NewRef(Py_None);
	if (kind != FIELD_STRING && kind != FIELD_BYTES)
		return decode_number(kind, at);
	struct bytes bytes = str_bytes(at);

	if (codec->pickled[i])
		return unpickle(bytes);
	if (kind == FIELD_BYTES)
		return PyBytes_FromStringAndSize(bytes.data, (Py_ssize_t)bytes.size_bytes);
	return PyUnicode_DecodeUTF8(bytes.data, (Py_ssize_t)bytes.size_bytes, "strict");
}

PyObject *codec_decode(const struct codec *codec, const void *record)
{
	if (codec->shape == CODEC_SCALAR)
		return decode_field(codec, record, 0);
	PyObject *values = PyTuple_New(codec->count);

	for (uint32_t i = 0; values != NULL && i < codec->count; i++) {
		PyObject *value = decode_field(codec, record, i);

		if (value == NULL || PyTuple_SetItem(values, i, value) < 0)
			Py_CLEAR(values);
	}
	if (values == NULL || codec->shape == CODEC_TUPLE)
		return values;
	PyObject *row = PyObject_CallFunctionObjArgs(row_of, codec->names, values, NULL);

	Py_DECREF(values);
	return row;
}

/* ---- values to records ---------------------------------------------------------------------- */

#define PLAIN_DEPTH_MAX 32

/* Of the types that every process knows, all the way down. */
static bool is_plain(PyObject *value, int depth)
{
	if (value == Py_None || PyLong_CheckExact(value) || PyUnicode_CheckExact(value) ||
	    PyFloat_CheckExact(value) || PyBool_Check(value) || PyBytes_CheckExact(value))
		return true;
	if (depth == PLAIN_DEPTH_MAX)
		return false;
	if (PyTuple_CheckExact(value) || PyList_CheckExact(value)) {
		Py_ssize_t count = PySequence_Size(value);

		for (Py_ssize_t i = 0; i < count; i++) {
			PyObject *item = PyTuple_CheckExact(value) ? PyTuple_GetItem(value, i)
								   : PyList_GetItem(value, i);

			if (item == NULL || !is_plain(item, depth + 1))
				return false;
		}
		return true;
	}
	if (!PyDict_CheckExact(value))
		return false;
	PyObject *key, *item;
	Py_ssize_t at = 0;

	while (PyDict_Next(value, &at, &key, &item))
		if (!is_plain(key, depth + 1) || !is_plain(item, depth + 1))
			return false;
	return true;
}

static PyObject *pickled(PyObject *value)
{
	PyObject *dumps = is_plain(value, 0) ? pickle_dumps : by_value_dumps;

	return PyObject_CallFunctionObjArgs(dumps, value, NULL);
}

static int wrong_type(const struct field *field, PyObject *value)
{
	PyObject *type = PyObject_GetAttrString((PyObject *)Py_TYPE(value), "__name__");

	if (type != NULL)
		PyErr_Format(PyExc_TypeError, "field \"%s\" is %s, which cannot hold %R (%U)",
			     field->name, field_kind_name(field->kind), value, type);
	Py_XDECREF(type);
	return -1;
}

static int encode_integer(const struct field *field, PyObject *value, void *at)
{
	uint32_t bits = field_kind_size(field->kind) * 8;
	int overflow = 0;

	if (PyFloat_Check(value) || !PyIndex_Check(value))
		return wrong_type(field, value);
	PyObject *whole = PyNumber_Index(value);
	long long number = whole ? PyLong_AsLongLongAndOverflow(whole, &overflow) : -1;

	Py_XDECREF(whole);
	if (number == -1 && PyErr_Occurred())
		return -1;
	if (overflow != 0 || (bits < 64 && (number < -(1LL << (bits - 1)) ||
					    number >= 1LL << (bits - 1)))) {
		PyErr_Format(PyExc_OverflowError,
			     "%S does not fit field \"%s\", which is %s with %u bits", value, field->name,
			     field_kind_name(field->kind), bits);
		return -1;
	}
	memcpy(at, &number, bits / 8); /* little endian */
	return 0;
}

static int encode_floating(const struct field *field, PyObject *value, void *at)
{
	if (!PyFloat_Check(value) && !PyLong_Check(value) && !PyIndex_Check(value))
		return wrong_type(field, value);
	double number = PyFloat_AsDouble(value);
	float narrow = (float)number;

	if (number == -1.0 && PyErr_Occurred())
		return -1;
	if (field->kind == FIELD_FLOAT)
		memcpy(at, &narrow, sizeof(narrow));
	else
		memcpy(at, &number, sizeof(number));
	return 0;
}

static int put_bytes(PyObject *bytes, void *at)
{
	struct str s;
	Py_ssize_t size_bytes;
	char *data;

	if (PyBytes_AsStringAndSize(bytes, &data, &size_bytes) < 0)
		return -1;
	if (size_bytes > INT32_MAX) {
		PyErr_Format(PyExc_OverflowError, "a value of %zd bytes", size_bytes);
		return -1;
	}
	s = str_of(data, (size_t)size_bytes);
	memcpy(at, &s, sizeof(s));
	return 0;
}

static int encode_text(const struct field *field, PyObject *value, void *at)
{
	Py_ssize_t size_bytes;

	if (!PyUnicode_Check(value))
		return wrong_type(field, value);
	const char *text = PyUnicode_AsUTF8AndSize(value, &size_bytes);

	if (text == NULL)
		return -1;
	if (size_bytes > INT32_MAX) {
		PyErr_Format(PyExc_OverflowError, "a text of %zd bytes", size_bytes);
		return -1;
	}
	struct str s = str_of(text, (size_t)size_bytes);

	memcpy(at, &s, sizeof(s));
	return 0;
}

static int encode_pickled(PyObject *value, void *at, PyObject *keep)
{
	PyObject *bytes = pickled(value);

	if (bytes == NULL)
		return -1;
	int result = PyList_Append(keep, bytes) == 0 ? put_bytes(bytes, at) : -1;

	Py_DECREF(bytes);
	return result;
}

static int encode_field(const struct codec *codec, uint32_t i, PyObject *value, void *record,
			PyObject *keep)
{
	uint32_t index = codec->first + i;
	const struct field *field = &codec->type->fields[index];
	char *at = (char *)record + codec->type->offsets_bytes[index];

	if (value == Py_None && field->nullable) {
		((uint8_t *)record)[index / 8] |= (uint8_t)(1u << (index % 8));
		return 0;
	}
	if (codec->pickled[i])
		return encode_pickled(value, at, keep);
	switch (field->kind) {
	case FIELD_BOOLEAN: {
		int truth = PyObject_IsTrue(value);

		*(uint8_t *)at = truth == 1;
		return truth < 0 ? -1 : value == Py_None ? wrong_type(field, value) : 0;
	}
	case FIELD_FLOAT:
	case FIELD_DOUBLE: return encode_floating(field, value, at);
	case FIELD_STRING: return encode_text(field, value, at);
	case FIELD_BYTES:
		return PyBytes_Check(value) ? put_bytes(value, at) : wrong_type(field, value);
	default: return encode_integer(field, value, at);
	}
}

/* What may stand for a tuple or a Row: new reference to a tuple or list. */
static PyObject *elements_of(const struct codec *codec, PyObject *value)
{
	if (PyTuple_CheckExact(value) || PyList_CheckExact(value))
		return Py_NewRef(value);
	return PyObject_CallFunctionObjArgs(row_values, value, codec->names, NULL);
}

int codec_encode(const struct codec *codec, PyObject *value, void *record, PyObject *keep)
{
	if (codec->shape == CODEC_SCALAR)
		return encode_field(codec, 0, value, record, keep);
	PyObject *elements = elements_of(codec, value);

	if (elements == NULL)
		return -1;
	Py_ssize_t count = PySequence_Size(elements);
	int result = count < 0 ? -1 : PyList_Append(keep, elements);

	if (result == 0 && count != (Py_ssize_t)codec->count) {
		PyErr_Format(PyExc_ValueError, "%R has %zd elements; the declared type has %u", value, count,
			     codec->count);
		result = -1;
	}
	for (uint32_t i = 0; result == 0 && i < codec->count; i++) {
		PyObject *item = PySequence_GetItem(elements, i);

		result = item ? encode_field(codec, i, item, record, keep) : -1;
		Py_XDECREF(item); /* `elements` holds it */
	}
	Py_DECREF(elements);
	return result;
}

/* The value's image, appended to `images`. */
static int add_image(const struct codec *codec, PyObject *value, void *record, PyObject *keep,
		     PyObject *images)
{
	const struct record_type *type = codec->type;

	memset(record, 0, type->size_bytes);
	if (codec_encode(codec, value, record, keep) < 0)
		return -1;
	uint32_t size_bytes = record_size(type, record);
	uint64_t *aligned = mem_alloc(size_bytes + 8);

	record_copy(type, record, aligned);
	PyObject *image = PyBytes_FromStringAndSize((const char *)aligned, size_bytes);
	int result = image ? PyList_Append(images, image) : -1;

	mem_free(aligned);
	Py_XDECREF(image);
	if (result == 0 && PyList_Size(keep) > 0)
		result = PyList_SetSlice(keep, 0, PyList_Size(keep), NULL);
	return result;
}

static int add_images(const struct codec *codec, PyObject *values, PyObject *images)
{
	uint64_t *record = mem_alloc(codec->type->size_bytes + 8);
	PyObject *keep = PyList_New(0), *iterator = PyObject_GetIter(values), *value;
	int result = keep && iterator ? 0 : -1;

	while (result == 0 && (value = PyIter_Next(iterator)) != NULL) {
		result = add_image(codec, value, record, keep, images);
		Py_DECREF(value);
	}
	if (PyErr_Occurred())
		result = -1;
	Py_XDECREF(iterator);
	Py_XDECREF(keep);
	mem_free(record);
	return result;
}

PyObject *codec_encode_images(PyObject *module, PyObject *arguments)
{
	PyObject *description, *spec, *values, *images;
	struct codec codec;

	if (!PyArg_ParseTuple(arguments, "OOOO:encode", &description, &spec, &values, &images))
		return NULL;
	struct record_type *type = engine_record_type(description);

	if (type == NULL)
		return NULL;
	int result = codec_init(&codec, spec, type, 0);

	if (result == 0)
		result = add_images(&codec, values, images);
	codec_fini(&codec);
	record_type_destroy(&type);
	return result == 0 ? Py_NewRef(Py_None) : NULL;
}

/* ---- keys ----------------------------------------------------------------------------------- */

/* One byte that says what follows, then the value; containers say their length. Pickle would do for
 * most keys, but it writes shared parts of a value once, so that equal keys may differ in bytes. */
static int add_key(struct buf *into, PyObject *key, int depth);

static void add_counted(struct buf *into, char tag, const char *data, size_t size_bytes)
{
	uint32_t length = (uint32_t)size_bytes;

	buf_add(into, &tag, 1);
	buf_add(into, &length, sizeof(length));
	buf_add(into, data, size_bytes);
}

static int add_text_of(struct buf *into, char tag, PyObject *text)
{
	Py_ssize_t size_bytes = 0;
	const char *data = text ? PyUnicode_AsUTF8AndSize(text, &size_bytes) : NULL;

	if (data != NULL)
		add_counted(into, tag, data, (size_t)size_bytes);
	return data != NULL ? 0 : -1;
}

static int add_float(struct buf *into, PyObject *key)
{
	double number = PyFloat_AsDouble(key);

	if (number == 0)
		number = 0; /* -0.0 == 0.0 */
	add_counted(into, 'f', (const char *)&number, sizeof(number));
	return 0;
}

static int add_tuple(struct buf *into, PyObject *key, int depth)
{
	uint32_t count = (uint32_t)PyTuple_Size(key);

	buf_add(into, "t", 1);
	buf_add(into, &count, sizeof(count));
	for (uint32_t i = 0; i < count; i++)
		if (add_key(into, PyTuple_GetItem(key, i), depth + 1) < 0)
			return -1;
	return 0;
}

static int add_other(struct buf *into, PyObject *key)
{
	PyObject *bytes = PyObject_CallFunctionObjArgs(by_value_dumps, key, NULL);

	if (bytes == NULL)
		return -1;
	add_counted(into, 'p', PyBytes_AsString(bytes), (size_t)PyBytes_Size(bytes));
	Py_DECREF(bytes);
	return 0;
}

static int add_key(struct buf *into, PyObject *key, int depth)
{
	if (PyUnicode_CheckExact(key))
		return add_text_of(into, 's', key);
	if (key == Py_None || PyBool_Check(key)) {
		buf_add(into, key == Py_None ? "N" : key == Py_True ? "T" : "F", 1);
		return 0;
	}
	if (PyLong_CheckExact(key)) {
		PyObject *text = PyObject_Str(key);
		int result = add_text_of(into, 'i', text);

		Py_XDECREF(text);
		return result;
	}
	if (PyFloat_CheckExact(key))
		return add_float(into, key);
	if (PyBytes_CheckExact(key)) {
		add_counted(into, 'b', PyBytes_AsString(key), (size_t)PyBytes_Size(key));
		return 0;
	}
	if (PyTuple_CheckExact(key) && depth < PLAIN_DEPTH_MAX)
		return add_tuple(into, key, depth);
	return add_other(into, key);
}

PyObject *codec_key_bytes(PyObject *key)
{
	PyObject *bytes = NULL;
	struct buf text;

	buf_init(&text);
	if (import_all() == 0 && add_key(&text, key, 0) == 0)
		bytes = PyBytes_FromStringAndSize(text.data, (Py_ssize_t)text.size_bytes);
	buf_fini(&text);
	return bytes;
}
