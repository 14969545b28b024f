/* SPDX-License-Identifier: Apache-2.0
 * engine.c - the module pyflink._engine. */
#include "client/python/engine/engine.h"

#include <signal.h>

#include "client/cli/waiter.h"
#include "client/python/engine/codec.h"
#include "common/base/log.h"

PyObject *engine_import(const char *module, const char *name)
{
	PyObject *imported = PyImport_ImportModule(module);
	PyObject *attribute = imported ? PyObject_GetAttrString(imported, name) : NULL;

	Py_XDECREF(imported);
	return attribute;
}

PyObject *engine_raise(const struct err *err)
{
	PyObject *class = engine_import("pyflink.common.exceptions", "EngineError");
	PyObject *exception =
		class ? PyObject_CallFunction(class, "sss", err_name(err->code), err->text,
					      err_hint(err->code))
		      : NULL;

	if (exception != NULL)
		PyErr_SetObject(class, exception);
	Py_XDECREF(exception);
	Py_XDECREF(class);
	return NULL;
}

static PyObject *take_exception(PyObject *module, PyObject *nothing)
{
	return engine_operator_exception();
}

static PyMethodDef methods[] = {
	{ "encode", codec_encode_images, METH_VARARGS, "encode(record, shape, values, images)" },
	{ "plan", engine_plan, METH_O, "plan(job) -> str: the execution plan as Flink's JSON" },
	{ "execute", engine_execute, METH_VARARGS,
	  "execute(job, settings, host, port, package, announce, attached) -> runtime in ms" },
	{ "serve", engine_serve, METH_O, "serve(fd) -> bool: a worker process of a TaskManager" },
	{ "take_exception", take_exception, METH_NOARGS,
	  "the first exception of a function in this process, or None" },
	{ NULL, NULL, 0, NULL },
};

static struct PyModuleDef definition = {
	PyModuleDef_HEAD_INIT, "pyflink._engine", "The engine of cflink.", -1, methods,
	NULL, NULL, NULL, NULL,
};

/* The log is the daemons'. What a user is to know comes back as an answer. */
static void drop_line(void *context, enum log_level level, const char *line, size_t size_bytes)
{
}

static wall_t no_clock(void *context)
{
	return 0;
}

PyMODINIT_FUNC PyInit__engine(void); /* the name is Python's */

PyMODINIT_FUNC PyInit__engine(void)
{
	log_to(drop_line, NULL, no_clock, NULL);
	waiter_open();
	return PyModule_Create(&definition);
}
