/* SPDX-License-Identifier: Apache-2.0
 * engine.h - the C half of pyflink: pyflink._engine. Python says what is to run (stream nodes,
 * record types, pickled functions); here it becomes a job graph, runs in a mini cluster inside this
 * process or goes to a cluster, and batches of records become calls of Python functions.
 *
 * Built against Python's limited API, so one object serves all versions from 3.10 on. Engine
 * threads hold the interpreter's lock for one batch at a time and never while they wait. */
#ifndef CLIENT_PYTHON_ENGINE_ENGINE_H
#define CLIENT_PYTHON_ENGINE_ENGINE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "job_graph.pb-c.h"

#include "common/base/err.h"
#include "common/record/record.h"

/* Sets a Python exception from err: pyflink.common.exceptions has one class per kind. NULL
 * always. */
PyObject *engine_raise(const struct err *err);
/* An attribute of a pyflink module, imported on first use: "pyflink.common.types", "Row". */
PyObject *engine_import(const char *module, const char *name);

/* ---- graph.c -------------------------------------------------------------------------------- */

/* (name, [(field, kind, nullable), …]); NULL with an exception. record_type_destroy. */
struct record_type *engine_record_type(PyObject *description);

struct engine_graph {
	Flink__JobGraph message; /* complete and checked */
	Flink__JobGraph *made;
	struct arena *arena;
};
/* nodes as DataStream writes them down (pyflink/datastream/graph.py says how). -1 with an
 * exception. */
int engine_graph_build(PyObject *job, struct engine_graph *graph);
void engine_graph_free(struct engine_graph *graph);
PyObject *engine_plan(PyObject *module, PyObject *job);   /* the execution plan of a job, a str */

/* ---- run.c ---------------------------------------------------------------------------------- */

/* Runs a job until its end and gives its runtime in ms. Raises what made it fail. */
PyObject *engine_execute(PyObject *module, PyObject *arguments);

/* ---- worker.c ------------------------------------------------------------------------------- */

/* The whole life of a worker process: True when the TaskManager has closed the socket. */
PyObject *engine_serve(PyObject *module, PyObject *fd);

/* ---- operator.c ----------------------------------------------------------------------------- */

/* The operator "python" of a mini cluster: functions run on the engine's threads in this
 * process. */
void engine_operator_register(void);
/* The first exception that a function of this process raised since the last call, or None; new
 * reference. With the interpreter's lock. */
PyObject *engine_operator_exception(void);
/* Raises KeyboardInterrupt in the functions that are running. Without the interpreter's lock. */
void engine_operator_interrupt(void);

#endif
