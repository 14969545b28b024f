/* SPDX-License-Identifier: Apache-2.0
 * run.c - execute(): the job runs in a mini cluster of this process, or on the cluster that the
 * settings name, and the calling thread follows it to its end. Ctrl-C meanwhile reaches the job
 * first and then the script, as KeyboardInterrupt. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/cli/cli.h"
#include "client/cli/follow.h"
#include "client/cli/mini_cluster.h"
#include "client/cli/waiter.h"
#include "client/python/engine/engine.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/conf/token.h"
#include "common/graph/graph.h"
#include "taskmanager/udf/python_operator.h"

#define EXIT_INTERRUPTED 130

struct run {
	const Flink__JobGraph *graph;
	struct conf *conf;
	struct world *world;
	const char *host;  /* NULL: a mini cluster */
	uint16_t port;
	const char *package; /* where pyflink lies */
	int announce, attached; /* as a command line: says what `flink run` says */
	bool interrupted;       /* a mini cluster's job, by Ctrl-C; its functions may fail of it */
	struct follower follower;
};

static void note(void *context, const char *text)
{
	cli_note("%s", text);
}

static atomic_bool over; /* outlives the follower's last call */

static void ended(void *context)
{
	atomic_store(&over, true);
	waiter_post();
}

/* A function in this process may be in a loop of its own: the second Ctrl-C ends the script. */
static void pass_interrupts(struct run *run, unsigned interrupts, unsigned *before)
{
	for (; interrupts > 0; interrupts--) {
		if (run->host == NULL && (*before)++ > 0)
			_exit(EXIT_INTERRUPTED);
		if (run->host == NULL) {
			run->interrupted = true;
			engine_operator_interrupt();
		}
		follower_interrupt(&run->follower);
	}
}

static void follow(struct run *run, struct session *session, const struct id *id)
{
	bool local = run->host == NULL;
	unsigned before = 0;

	atomic_store(&over, false);
	run->follower = (struct follower){ .session = session,
					   .job_id = *id,
					   .command = "flink",
					   .must_cancel = local,
					   .printed_already = local,
					   .note = note,
					   .ended = ended };
	follower_start(&run->follower);
	while (!atomic_load(&over))
		pass_interrupts(run, waiter_wait(), &before);
}

static void announce(struct world *world, const struct id *id)
{
	char text[ID_TEXT_SIZE];
	char *line = mem_printf("Job has been submitted with JobID %s\n", id_format(id, text));

	world_print(world, line, strlen(line));
	mem_free(line);
}

static int submit(struct run *run, struct session *session, struct err *err)
{
	struct call call;
	struct id id;

	memcpy(id.bytes, run->graph->job_id.data, sizeof(id.bytes));
	call_init(&call, CALL_SUBMIT, NULL, NULL);
	call.graph = run->graph;
	int result = cli_call(session, &call, err);

	call_fini(&call);
	if (result == 0 && run->announce)
		announce(run->world, &id);
	if (result == 0 && (run->attached || run->host == NULL)) {
		follow(run, session, &id);
		if (run->follower.err.code != ERR_NONE || run->follower.let_go) {
			*err = run->follower.err;
			result = -1;
		}
	}
	session_close(&session);
	follower_fini(&run->follower);
	return result;
}

static int run_local(struct run *run, struct err *err)
{
	char *libraries = mem_printf("%s/lib", run->package);
	/* In a script functions run in its own process, unless it asks for others. */
	bool in_process = !conf_is_set(run->conf, "python.execution-mode") ||
			  strcmp(conf_text(run->conf, "python.execution-mode"), "process") != 0;
	struct mini_cluster_options options = {
		.world = run->world,
		.conf = run->conf,
		.library_directory = libraries,
		.slots = job_graph_slots_needed(run->graph),
		.register_more = in_process ? engine_operator_register : NULL,
	};
	struct mini_cluster cluster;
	struct session *session;

	python_operator_set_package(run->package);
	int result = mini_cluster_start(&cluster, &options, err);

	mem_free(libraries);
	if (result < 0)
		return -1;
	result = mini_cluster_connect(&cluster, run->world, &session, err);
	if (result == 0)
		result = submit(run, session, err);
	mini_cluster_stop(&cluster);
	return result;
}

static int run_remote(struct run *run, struct err *err)
{
	struct session_options options = { .world = run->world, .host = run->host,
					   .port = run->port, .rest = true };
	struct session *session;
	char *token = token_find(run->conf, run->world, run->host);

	options.token = token;
	int result = session_open(&options, &session, err);

	mem_free(token);
	return result < 0 ? -1 : submit(run, session, err);
}

/* SIGINT is the waiter's while the job runs and Python's own again afterwards. */
static int run_job(struct run *run, struct err *err)
{
	struct sigaction before;

	run->world = world_os_create(err);
	if (run->world == NULL)
		return -1;
	sigaction(SIGINT, NULL, &before);
	waiter_catch_interrupts();
	int result = run->host != NULL ? run_remote(run, err) : run_local(run, err);

	sigaction(SIGINT, &before, NULL);
	world_destroy(&run->world);
	return result;
}

/* ---- from Python ---------------------------------------------------------------------------- */

static int put_conf(struct conf *conf, PyObject *settings)
{
	struct err err = ERR_INIT;
	Py_ssize_t count = PyList_Size(settings);

	for (Py_ssize_t i = 0; i < count; i++) {
		const char *key, *value;

		if (!PyArg_ParseTuple(PyList_GetItem(settings, i), "ss", &key, &value))
			return -1;
		if (conf_set(conf, key, value, "Configuration", &err) < 0) {
			engine_raise(&err);
			return -1;
		}
	}
	return count < 0 ? -1 : 0;
}

/* (runtime in ms) or an exception: KeyboardInterrupt, what a function raised here, or
 * EngineError. */
static PyObject *answer(const struct run *run, int result, const struct err *err)
{
	if (run->interrupted || run->follower.let_go || run->follower.cancelled_here) {
		PyErr_SetNone(PyExc_KeyboardInterrupt);
		return NULL;
	}
	if (result < 0)
		return engine_raise(err);
	return PyLong_FromLongLong(run->follower.runtime_ms);
}

static PyObject *execute_graph(PyObject *settings, struct run *run, struct engine_graph *graph)
{
	struct err err = ERR_INIT;
	int result = put_conf(run->conf, settings);

	if (result < 0)
		return NULL;
	run->graph = &graph->message;
	Py_BEGIN_ALLOW_THREADS
	result = run_job(run, &err);
	Py_END_ALLOW_THREADS
	return answer(run, result, &err);
}

PyObject *engine_execute(PyObject *module, PyObject *arguments)
{
	struct run run = { .host = NULL };
	PyObject *job, *settings, *result = NULL;
	struct engine_graph graph;
	int port;

	if (!PyArg_ParseTuple(arguments, "OOzispp:execute", &job, &settings, &run.host, &port,
			      &run.package, &run.announce, &run.attached))
		return NULL;
	if (engine_graph_build(job, &graph) < 0)
		return NULL;
	run.port = (uint16_t)port;
	run.conf = conf_create();
	result = execute_graph(settings, &run, &graph);
	conf_destroy(&run.conf);
	engine_graph_free(&graph);
	return result;
}
