/* SPDX-License-Identifier: Apache-2.0
 * jar_run.c - POST /jars/:jarid/run and /plan: runs an uploaded program in a process of its own,
 * and takes the job that it hands over. docs/adr/0023-programs-over-rest.md
 *
 *   look it up -> WAITS for its turn -> RUNS -> it hands over a job: the answer -> ENDS
 *                                           `-> it ends, or its time is over: an error
 *
 * The process is `flink hand-over` (client/cli/ward.c), which sees to it that nothing stays behind:
 * closing the socket is enough to end all of it. The answer is given as soon as there is one; the
 * process has its turn until it has ended. */
#include "jobmanager/rest/jar_run.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "common/base/check.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/utf8.h"
#include "common/graph/graph.h"

#define QUEUE_MAX 64
#define READ_BYTES 65536
#define READS_MAX 16	   /* of one step */
#define SAID_BYTES_MAX 32768 /* of what the program printed: its end is kept */
#define EXIT_NO_ORDER 70   /* the ward's: it was not the program */
#define LINGER_MS 30000	   /* what a program does after it has handed over its job */
#define HANG_UP_MS 3000	   /* the ward's, to end and tidy up */
#define MS_PER_CPU_S 1000

static struct jar_run *run_of(struct jar_task *task)
{
	return CONTAINER_OF(task, struct jar_run, look.task);
}

/* ---- turns ---------------------------------------------------------------------------------- */

static void leave_queue(struct jar_run *run)
{
	if (!run->queued)
		return;
	run->queued = false;
	list_remove(&run->waiting);
	run->look.task.rest->jar_queue_count--;
}

static void give_turn(struct jar_run *run)
{
	leave_queue(run);
	run->has_turn = true;
	run->look.task.rest->jars_running++;
}

static void end_turn(struct jar_run *run)
{
	struct rest *rest = run->look.task.rest;

	if (!run->has_turn)
		return;
	run->has_turn = false;
	rest->jars_running--;
	if (!list_empty(&rest->jar_queue)) {
		struct list_node *next = rest->jar_queue.head.next;
		struct jar_run *waiting = CONTAINER_OF(next, struct jar_run, waiting);

		give_turn(waiting);
		agent_wake(&waiting->look.task.agent);
	}
}

static void run_clear(struct jar_task *task)
{
	struct jar_run *run = run_of(task);

	leave_queue(run);
	conn_close(&run->conn); /* the ward ends all and tidies up */
	if (run->process != NULL)
		process_close(&run->process);
	jar_order_fini(&run->order);
	buf_fini(&run->out);
	buf_fini(&run->in);
	buf_fini(&run->said);
	arena_destroy(&run->arena);
	mem_free(run->folder);
	jar_look_clear(task);
}

/* ---- answers -------------------------------------------------------------------------------- */

/* Longer than rest_answer_error's: what compilers and tracebacks say is to be read whole. */
static void answer_long_error(struct jar_run *run, int status, const char *what)
{
	struct rest_request *request = run->look.task.request;
	struct buf text;

	buf_init(&text);
	buf_add_text(&text, what);
	if (run->said.size_bytes > 0) {
		jar_run_show(run, &text);
		while (text.size_bytes > 0 && text.data[text.size_bytes - 1] == '\n')
			text.data[--text.size_bytes] = '\0';
	}
	rest_write_error(&request->json, status, text.data);
	buf_fini(&text);
	rest_answer(request, status);
	run->look.task.request = NULL;
}

static void answer_err(struct jar_run *run, const struct err *err)
{
	rest_answer_err(run->look.task.request, err);
	run->look.task.request = NULL;
}

/* What the program printed; its folder, which nobody knows, is left out of paths. */
void jar_run_show(const struct jar_run *run, struct buf *into)
{
	size_t folder_bytes = strlen(run->folder);
	const char *at = run->said.data, *found;
	size_t begun = into->size_bytes;

	buf_add_text(into, run->said_cut ? "\n[…]" : "\n");
	for (; (found = strstr(at, run->folder)) != NULL; at = found + folder_bytes) {
		buf_add(into, at, (size_t)(found - at));
		found += found[folder_bytes] == '/';
	}
	buf_add_text(into, at);
	utf8_clean(into->data + begun);
	into->size_bytes = begun + strlen(into->data + begun);
}

/* ---- to and from the program ---------------------------------------------------------------- */

static void hang_up(struct jar_run *run, mono_t now)
{
	if (run->conn == NULL)
		return;
	conn_close(&run->conn);
	run->kill_at = mono_after_ms(now, HANG_UP_MS);
}

static void write_out(struct jar_run *run)
{
	while (run->conn != NULL && run->written < run->out.size_bytes) {
		struct bytes rest = bytes_of(run->out.data + run->written,
					     run->out.size_bytes - run->written);
		struct err ignored = ERR_INIT; /* its end is seen when it is read from */
		ssize_t put = conn_write(run->conn, &rest, 1, &ignored);

		if (put <= 0)
			return;
		run->written += (size_t)put;
	}
	buf_clear(&run->out);
	run->written = 0;
}

/* ERR_NONE: the job is taken. */
static void tell(struct jar_run *run, const struct err *err)
{
	size_t length = strlen(err->text);
	struct hand_over_header header = { .kind = HAND_OVER_OUTCOME,
					   .more = (uint32_t)err->code };

	header.size_bytes = (uint32_t)(length < HAND_OVER_TEXT_BYTES_MAX
					       ? length
					       : HAND_OVER_TEXT_BYTES_MAX);
	hand_over_put(&run->out, &header);
	buf_add(&run->out, err->text, header.size_bytes);
	write_out(run);
}

static void read_said(struct jar_run *run)
{
	char piece[4096];
	ssize_t got;

	for (int i = 0; i < READS_MAX * 4; i++) {
		got = process_read(run->process, (struct slice){ piece, sizeof(piece) });
		if (got <= 0)
			return;
		for (ssize_t at = 0; at < got; at++)
			if (piece[at] == '\0')
				piece[at] = '?';
		buf_add(&run->said, piece, (size_t)got);
		if (run->said.size_bytes > 2 * SAID_BYTES_MAX) {
			run->said_cut = true;
			buf_consume(&run->said, run->said.size_bytes - SAID_BYTES_MAX);
		}
	}
	agent_wake(&run->look.task.agent);
}

/* ---- a job that is handed over -------------------------------------------------------------- */

static void forget_message(struct jar_run *run)
{
	arena_destroy(&run->arena);
	run->message = NULL;
	run->has_header = false;
	run->artifact_bytes = 0;
}

/* Whoever asked, and the program, learn why there is no job. */
static void refuse(struct jar_run *run, const struct err *err)
{
	if (run->look.task.request != NULL)
		answer_err(run, err);
	tell(run, err);
}

static void use_job_id(struct jar_run *run)
{
	ProtobufCBinaryData *id = &run->message->graph->job_id;

	if (id_is_none(&run->order.job_id))
		return;
	id->data = arena_alloc(run->arena, sizeof(run->order.job_id));
	id->len = sizeof(run->order.job_id);
	memcpy(id->data, &run->order.job_id, sizeof(run->order.job_id));
}

static void answer_job(struct jar_run *run, const struct job *job)
{
	struct rest_request *request = run->look.task.request;

	json_out_object(&request->json, NULL);
	json_out_id(&request->json, "jobid", &job->id);
	json_out_close(&request->json);
	rest_answer(request, 200);
	run->look.task.request = NULL;
}

static void submit(struct jar_run *run, mono_t now)
{
	struct rest *rest = run->look.task.rest;
	struct err err = ERR_INIT;
	struct job *job;

	use_job_id(run);
	if (!id_is_none(&run->order.job_id) &&
	    dispatcher_find(rest->dispatcher, &run->order.job_id) != NULL)
		err_set(&err, ERR_PLAN_INVALID, "Job has already been submitted.");
	if (err.code != ERR_NONE ||
	    dispatcher_submit(rest->dispatcher, run->message->graph, &job, &err) != 0) {
		refuse(run, &err);
		return;
	}
	if (run->look.task.request != NULL)
		answer_job(run, job);
	run->taken = true;
	run->deadline = mono_min(run->deadline, mono_after_ms(now, LINGER_MS));
	tell(run, &err);
}

static void plan(struct jar_run *run, mono_t now)
{
	struct rest_request *request = run->look.task.request;
	const Flink__JobGraph *graph = run->message->graph;
	struct err err = ERR_INIT;

	use_job_id(run);
	if (request == NULL) { /* its time was over */
	} else if (job_graph_check(graph, &err) != 0) {
		answer_err(run, &err);
	} else {
		json_out_object(&request->json, NULL);
		rest_put_graph_plan(&request->json, "plan", graph);
		json_out_close(&request->json);
		rest_answer(request, 200);
		run->look.task.request = NULL;
	}
	hang_up(run, now);
}

static void bad_message(struct jar_run *run, mono_t now)
{
	struct err err = ERR_INIT;

	err_set(&err, ERR_NET_PROTOCOL, "what the program handed over is no job");
	if (run->look.task.request != NULL)
		answer_err(run, &err);
	hang_up(run, now);
}

/* The body is there. False: the connection is no more. */
static bool take_body(struct jar_run *run, mono_t now)
{
	struct bytes body = bytes_of(run->in.data + HAND_OVER_HEADER_BYTES,
				     run->header.size_bytes);

	run->arena = arena_create("handed-over job");
	run->message = rest_unpack_submit(run->arena, body);
	buf_consume(&run->in, HAND_OVER_HEADER_BYTES + run->header.size_bytes);
	if (run->message == NULL ||
	    (run->header.more > 0 && (run->message->graph->n_artifacts == 0 ||
				      run->message->graph->artifacts[0]->sha256.len != 32))) {
		bad_message(run, now);
		return false;
	}
	if (run->plans)
		plan(run, now);
	return !run->plans;
}

/* One more piece of the artifact. What is wrong with one is told when all of it has come. */
static void take_artifact(struct jar_run *run, mono_t now)
{
	const Flink__Artifact *artifact = run->message->graph->artifacts[0];
	size_t left = run->header.more - run->artifact_bytes;
	size_t piece = run->in.size_bytes < left ? run->in.size_bytes : left;
	uint64_t received;

	if (!run->taken && run->failure.code == ERR_NONE)
		(void)!blob_put(dispatcher_blobs(run->look.task.rest->dispatcher),
				artifact->sha256.data, artifact->name, run->header.more,
				run->artifact_bytes, bytes_of(run->in.data, piece), now, &received,
				&run->failure);
	run->artifact_bytes += (uint32_t)piece;
	buf_consume(&run->in, piece);
}

static void message_is_whole(struct jar_run *run, mono_t now)
{
	if (run->taken)
		err_set(&run->failure, ERR_USAGE,
			"Cannot have more than one execute() or executeAsync() call in a single "
			"environment.");
	if (run->failure.code != ERR_NONE)
		refuse(run, &run->failure);
	else
		submit(run, now);
	run->failure = (struct err)ERR_INIT;
	forget_message(run);
}

/* Goes on with what has come. */
static void take_in(struct jar_run *run, mono_t now)
{
	while (run->conn != NULL) {
		if (!run->has_header) {
			if (run->in.size_bytes < HAND_OVER_HEADER_BYTES)
				return;
			if (!hand_over_get(run->in.data, HAND_OVER_JOB, &run->header)) {
				bad_message(run, now);
				return;
			}
			run->has_header = true;
		}
		if (run->message == NULL) {
			if (run->in.size_bytes < HAND_OVER_HEADER_BYTES + run->header.size_bytes)
				return;
			if (!take_body(run, now))
				return;
		}
		if (run->artifact_bytes < run->header.more) {
			if (run->in.size_bytes == 0)
				return;
			take_artifact(run, now);
		}
		if (run->artifact_bytes == run->header.more)
			message_is_whole(run, now);
	}
}

static void read_conn(struct jar_run *run, mono_t now)
{
	struct err ended = ERR_INIT;

	for (int i = 0; run->conn != NULL && i < READS_MAX; i++) {
		struct slice into = { buf_reserve(&run->in, READ_BYTES), READ_BYTES };
		ssize_t got = conn_read(run->conn, &into, 1, &ended);

		if (got == 0)
			return;
		if (got < 0) { /* the program has closed it, and may still say why */
			hang_up(run, now);
			return;
		}
		run->in.size_bytes += (size_t)got;
		take_in(run, now);
	}
	agent_wake(&run->look.task.agent);
}

/* ---- the process's life --------------------------------------------------------------------- */

static void answer_end(struct jar_run *run, int status)
{
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	char what[256];

	if (code == EXIT_NO_ORDER || !WIFEXITED(status)) {
		answer_long_error(run, 500, "The program could not be run:");
	} else if (code == 0) {
		answer_long_error(run, 400, err_sentence(ERR_NO_JOB));
	} else if (code > 128) {
		answer_long_error(run, 400, "The program was ended before it handed over a job:");
	} else {
		snprintf(what, sizeof(what),
			 "The program ended before it handed over a job (exit code %d):", code);
		answer_long_error(run, 400, what);
	}
}

static void time_is_over(struct jar_run *run, mono_t now)
{
	struct rest *rest = run->look.task.rest;
	char what[256];

	run->deadline = MONO_NEVER;
	snprintf(what, sizeof(what),
		 "The program has not handed over a job within %lld ms (web.timeout), and was ended.",
		 (long long)conf_duration_ms(rest->conf, "web.timeout"));
	if (run->look.task.request != NULL)
		answer_long_error(run, 500, what);
	hang_up(run, now);
}

static enum step watch(struct jar_run *run, mono_t now, mono_t *wake_at)
{
	int status;

	write_out(run);
	read_conn(run, now);
	bool ended = process_ended(run->process, &status);

	read_said(run);
	if (ended) {
		read_conn(run, now);
		if (run->look.task.request != NULL)
			answer_end(run, status);
		end_turn(run);
		return STEP_DONE;
	}
	if (now >= run->deadline)
		time_is_over(run, now);
	if (now >= run->kill_at) {
		run->kill_at = MONO_NEVER;
		process_kill(run->process);
	}
	*wake_at = mono_min(run->deadline, run->kill_at);
	return STEP_IDLE;
}

static enum step start(struct jar_run *run)
{
	struct jar_task *task = &run->look.task;
	struct rest *rest = task->rest;
	char *program = mem_printf("%s/bin/flink", rest->home_directory);
	const char *argv[] = { program, HAND_OVER_VERB, NULL };
	int64_t cpu_ms = conf_duration_ms(rest->conf, "web.submit.cpu-time");
	struct process_options options = {
		.argv = argv,
		.limit_memory_bytes =
			(uint64_t)conf_memory_bytes(rest->conf, "web.submit.memory"),
		.limit_cpu_s = (uint64_t)((cpu_ms + MS_PER_CPU_S - 1) / MS_PER_CPU_S),
		.conn = &run->conn,
	};
	struct err err = ERR_INIT;
	int result = process_start(runner_loop(rest->runner), &options, &task->agent,
				   &run->process, &err);

	mem_free(program);
	if (result != 0) {
		run->conn = NULL;
		end_turn(run);
		return jar_task_fail(task, &err);
	}
	write_out(run);
	return STEP_IDLE;
}

static enum step run_step(struct jar_task *task, mono_t now, mono_t *wake_at)
{
	struct jar_run *run = run_of(task);

	if (run->process != NULL)
		return watch(run, now, wake_at);
	if (run->has_turn) {
		if (start(run) == STEP_DONE)
			return STEP_DONE;
		return watch(run, now, wake_at);
	}
	*wake_at = run->deadline;
	if (now < run->deadline)
		return STEP_IDLE;
	leave_queue(run);
	return jar_task_refuse(task, 503,
			       "The program's turn did not come in time: %u others run. Try again "
			       "later, or raise web.submit.processes.",
			       task->rest->jars_running);
}

/* ---- the request ---------------------------------------------------------------------------- */

static enum step found(struct jar_look *look)
{
	struct jar_run *run = CONTAINER_OF(look, struct jar_run, look);
	struct jar_task *task = &look->task;
	struct rest *rest = task->rest;
	struct buf why;

	if (look->count == 0)
		return jar_task_refuse(task, 400, "Jar file %s/%.300s does not exist",
				       rest->upload_directory,
				       rest_parameter(task->request, "jarid"));
	if (rest->home_directory == NULL)
		return jar_task_refuse(task, 500, "This JobManager has no bin/flink to run it.");
	buf_init(&why);
	if (!jar_run_order(run, &look->jars[0], &why)) {
		(void)jar_task_refuse(task, 400, "%s", why.data);
		buf_fini(&why);
		return STEP_DONE;
	}
	buf_fini(&why);
	task->run = run_step;
	if (rest->jars_running < (uint32_t)conf_int(rest->conf, "web.submit.processes")) {
		give_turn(run);
	} else if (rest->jar_queue_count >= QUEUE_MAX) {
		return jar_task_refuse(task, 503,
				       "%u programs run and %d wait already. Try again later.",
				       rest->jars_running, QUEUE_MAX);
	} else {
		run->queued = true;
		list_push_back(&rest->jar_queue, &run->waiting);
		rest->jar_queue_count++;
	}
	return STEP_IDLE;
}

static void begin(struct rest *rest, struct rest_request *request, bool plans)
{
	struct jar_run *run = MEM_NEW(struct jar_run);

	if (!jar_order_take(request, &run->order)) {
		jar_order_fini(&run->order);
		mem_free(run);
		return;
	}
	run->plans = plans;
	run->kill_at = MONO_NEVER;
	run->deadline = mono_after_ms(world_now(rest->world),
				      conf_duration_ms(rest->conf, "web.timeout"));
	buf_init(&run->out);
	buf_init(&run->in);
	buf_init(&run->said);
	run->look.task.clear = run_clear;
	jar_look_begin(&run->look, rest, request, rest_parameter(request, "jarid"), found);
}

void rest_jar_run(struct rest *rest, struct rest_request *request)
{
	begin(rest, request, false);
}

void rest_jar_plan(struct rest *rest, struct rest_request *request)
{
	begin(rest, request, true);
}
