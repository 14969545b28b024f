/* SPDX-License-Identifier: Apache-2.0
 * worker.c - the Python process of one subtask on a TaskManager: batches come over a socket, the
 * records that the function gives go back (proto/python_worker.proto). Its end is that of the
 * socket. */
#include <errno.h>
#include <unistd.h>

#include "client/python/engine/function.h"
#include "common/base/mem.h"
#include "common/graph/graph.h"
#include "taskmanager/exec/output.h"
#include "taskmanager/udf/python_frame.h"

#define READ_BYTES (64 * 1024)

struct worker {
	int fd;
	struct buf received;
	Flink__PythonOpen *open;
	struct record_type *input_type, *output_type;
	struct function function;
	struct output output;
	struct overdraft overdraft;
	struct user_call call;
	bool opened; /* or tried to */
};

/* ---- the socket ----------------------------------------------------------------------------- */

static int send_all(struct worker *worker, const void *data, size_t size_bytes)
{
	const char *at = data;
	ssize_t sent = 0;

	Py_BEGIN_ALLOW_THREADS
	while (size_bytes > 0 && (sent >= 0 || errno == EINTR)) {
		sent = write(worker->fd, at, size_bytes);
		if (sent > 0) {
			at += sent;
			size_bytes -= (size_t)sent;
		}
	}
	Py_END_ALLOW_THREADS
	return size_bytes == 0 ? 0 : -1;
}

static int send_frame(struct worker *worker, Flink__PythonFrame kind, struct bytes body)
{
	struct buf frame;

	buf_init(&frame);
	python_frame_add(&frame, kind, body.data, body.size_bytes);
	int result = send_all(worker, frame.data, frame.size_bytes);

	buf_fini(&frame);
	return result;
}

static ssize_t receive_some(struct worker *worker)
{
	char *into = buf_reserve(&worker->received, READ_BYTES);
	ssize_t got;

	Py_BEGIN_ALLOW_THREADS
	do
		got = read(worker->fd, into, READ_BYTES);
	while (got < 0 && errno == EINTR);
	Py_END_ALLOW_THREADS
	if (got > 0)
		worker->received.size_bytes += (size_t)got;
	return got;
}

/* ---- what it is told ------------------------------------------------------------------------ */

static int type_from(const Flink__RecordType *message, struct record_type **type, struct err *err)
{
	if (message == NULL || message->n_fields > LIMIT_RECORD_FIELDS_MAX)
		return err_set(err, ERR_PLAN_INVALID, "a type is missing or has too many fields");
	struct field *fields = MEM_NEW_ARRAY(struct field, message->n_fields);

	for (size_t i = 0; i < message->n_fields; i++)
		fields[i] = (struct field){ message->fields[i]->name,
					    (uint8_t)message->fields[i]->kind,
					    message->fields[i]->nullable ? 1 : 0 };
	int result = record_type_create(message->name, NULL, fields, (uint32_t)message->n_fields,
					type, err);

	mem_free(fields);
	return result;
}

/* What the function imports (pyflink.fn_execution.worker.add_files). */
static int add_files(const ProtobufCBinaryData *files, struct err *err)
{
	if (files->len == 0)
		return 0;
	PyObject *add = engine_import("pyflink.fn_execution.worker", "add_files");
	PyObject *added = add ? PyObject_CallFunction(add, "y#", (const char *)files->data,
						      (Py_ssize_t)files->len)
			      : NULL;

	Py_XDECREF(add);
	Py_XDECREF(added);
	if (added != NULL)
		return 0;
	PyErr_Clear();
	return err_set(err, ERR_RESOURCE,
		       "the files that the function imports (%zu bytes) cannot be kept in memory",
		       files->len);
}

static int take_open(struct worker *worker, struct bytes body, struct err *err)
{
	Flink__PythonOpen *open =
		worker->open ? NULL : flink__python_open__unpack(NULL, body.size_bytes, body.data);

	if (open == NULL)
		return err_set(err, ERR_PLAN_INVALID, "a damaged OPEN of %zu bytes",
			       body.size_bytes);
	worker->open = open;
	if (type_from(open->input_type, &worker->input_type, err) < 0 ||
	    type_from(open->output_type, &worker->output_type, err) < 0 ||
	    add_files(&open->files, err) < 0)
		return -1;
	struct function_place place = {
		.operator_name = open->operator_name, .job_name = open->job_name,
		.subtask = open->subtask, .parallelism = open->parallelism,
		.max_parallelism = open->max_parallelism, .attempt = open->attempt,
	};

	worker->opened = true;
	worker->overdraft.max_bytes = LIMIT_OVERDRAFT_BYTES_MAX;
	worker->call.operator_name = open->operator_name;
	worker->call.function = "";
	output_init(&worker->output,
		    &(struct output_options){ .type = worker->output_type,
					      .buffer_bytes = LIMIT_SEGMENT_BYTES_MAX,
					      .record_bytes_max = open->record_bytes_max,
					      .overdraft = &worker->overdraft,
					      .call = &worker->call });
	return function_open(&worker->function, &place,
			     bytes_of(open->function.data, open->function.len),
			     worker->input_type, worker->output_type, err);
}

static int send_done(struct worker *worker)
{
	return send_frame(worker, FLINK__PYTHON_FRAME__PYTHON_FRAME_DONE, BYTES_EMPTY);
}

static int send_runs(struct worker *worker)
{
	const struct output_run *run;

	output_finish(&worker->output);
	while ((run = output_first(&worker->output)) != NULL) {
		if (send_frame(worker, FLINK__PYTHON_FRAME__PYTHON_FRAME_RUN,
			       bytes_of(run->data, run->size_bytes)) < 0)
			return -1;
		output_drop_first(&worker->output);
	}
	return 0;
}

/* 1; 0: the TaskManager is gone; -1 with err. */
static int take_batch(struct worker *worker, struct bytes body, struct err *err)
{
	struct batch batch;
	uint32_t taken = 0;
	int answer = 0;

	if (!worker->opened)
		return err_set(err, ERR_PLAN_INVALID, "a BATCH came before OPEN");
	if (run_check(worker->input_type, body.data, (uint32_t)body.size_bytes, &batch, err) < 0)
		return -1;
	while (answer == 0) {
		answer = function_process(&worker->function, &batch, &taken, &worker->output.out,
					  err);
		if (answer >= 0 && worker->call.failed) {
			*err = worker->call.err;
			answer = -1;
		}
		if (answer < 0)
			return -1;
		if (send_runs(worker) < 0)
			return 0;
	}
	return send_done(worker) == 0;
}

/* What it has printed must be out before its end is told. */
static void flush_streams(void)
{
	PyObject *flush = engine_import("pyflink.fn_execution.worker", "flush");
	PyObject *done = flush ? PyObject_CallFunctionObjArgs(flush, NULL) : NULL;

	Py_XDECREF(done);
	Py_XDECREF(flush);
	PyErr_Clear();
}

static int take_frame(struct worker *worker, Flink__PythonFrame kind, struct bytes body,
		      struct err *err)
{
	switch (kind) {
	case FLINK__PYTHON_FRAME__PYTHON_FRAME_OPEN:
		return take_open(worker, body, err) == 0 ? 1 : -1;
	case FLINK__PYTHON_FRAME__PYTHON_FRAME_BATCH: return take_batch(worker, body, err);
	case FLINK__PYTHON_FRAME__PYTHON_FRAME_END:
		if (worker->opened && function_finish(&worker->function, err) < 0)
			return -1;
		flush_streams();
		return send_done(worker) == 0;
	default: return err_set(err, ERR_PLAN_INVALID, "a frame of kind %d", (int)kind);
	}
}

/* Until the socket ends (0) or something fails (-1 with err). */
static int serve(struct worker *worker, struct err *err)
{
	for (;;) {
		Flink__PythonFrame kind;
		struct bytes body;
		size_t whole_bytes;
		int parsed = python_frame_parse(buf_bytes(&worker->received),
						PYTHON_FRAME_BYTES_MAX, &kind, &body, &whole_bytes);

		if (parsed < 0)
			return err_set(err, ERR_PLAN_INVALID, "the TaskManager sends no frames");
		if (parsed == 0) {
			if (receive_some(worker) <= 0)
				return 0;
			continue;
		}
		int taken = take_frame(worker, kind, body, err);

		if (taken <= 0)
			return taken;
		buf_consume(&worker->received, whole_bytes);
	}
}

PyObject *engine_serve(PyObject *module, PyObject *fd)
{
	struct worker worker = { .fd = (int)PyLong_AsLong(fd) };
	struct err err = ERR_INIT;

	if (PyErr_Occurred())
		return NULL;
	buf_init(&worker.received);
	int result = serve(&worker, &err);

	if (result < 0)
		send_frame(&worker, FLINK__PYTHON_FRAME__PYTHON_FRAME_FAILED,
			   bytes_of_text(err.text));
	if (worker.opened) {
		function_fini(&worker.function);
		output_fini(&worker.output);
	}
	record_type_destroy(&worker.input_type);
	record_type_destroy(&worker.output_type);
	if (worker.open != NULL)
		flink__python_open__free_unpacked(worker.open, NULL);
	buf_fini(&worker.received);
	return PyBool_FromLong(result == 0);
}
