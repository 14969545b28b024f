/* SPDX-License-Identifier: Apache-2.0
 * python_operator.c - see python_operator.h. One batch at a time is with the process; the operator
 * answers "not now" until all records that came of it are emitted, and the socket wakes the task.
 *
 * What the process prints goes to the log; its last lines come with the error when it dies. */
#include "taskmanager/udf/python_operator.h"

#include <stdio.h>
#include <sys/wait.h>

#include "job_graph.pb-c.h"

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/record/piece.h"
#include "common/world/world.h"
#include "taskmanager/udf/python_answers.h"

#define PACKAGE_BYTES_MAX 4096
#define READ_BYTES (64 * 1024)
#define SAID_BYTES_MAX 512 /* kept of what the process printed last */
#define LOG_LINE_BYTES_MAX 4096
#define OUTPUT_BYTES_MAX (64 * 1024)
#define KEPT_BYTES_MAX (1024 * 1024) /* of a buffer that is empty */

static char package[PACKAGE_BYTES_MAX];

struct python_operator {
	const struct operator_context *context;
	Flink__OperatorParameters *parameters;
	struct process *process;
	struct conn *conn;
	struct buf to_send;
	size_t sent_bytes; /* of it */
	struct python_answers answers;
	struct run_builder run;
	uint64_t *run_memory; /* LIMIT_SEGMENT_BYTES_MAX */
	struct buf said, line;
};

void python_operator_set_package(const char *path)
{
	size_t length = strlen(path);

	CHECK(length < sizeof(package), "a path of %zu bytes", length);
	memcpy(package, path, length + 1);
}

/* ---- what the process prints ---------------------------------------------------------------- */

static void log_line(struct python_operator *operator)
{
	if (operator->line.size_bytes > 0)
		log_info("PythonWorker", "%s (%u/%u): %.*s", operator->context->operator_name,
			 operator->context->subtask + 1, operator->context->parallelism,
			 (int)operator->line.size_bytes, operator->line.data);
	buf_clear(&operator->line);
}

/* At most OUTPUT_BYTES_MAX: who prints without end must not hold the slot's thread. */
static void take_output(struct python_operator *operator)
{
	char text[1024];
	ssize_t got, all = 0;

	while ((got = process_read(operator->process, (struct slice){ text, sizeof(text) })) > 0) {
		all += got;
		buf_add(&operator->said, text, (size_t)got);
		if (operator->said.size_bytes > SAID_BYTES_MAX)
			buf_consume(&operator->said, operator->said.size_bytes - SAID_BYTES_MAX);
		for (ssize_t i = 0; i < got; i++) {
			if (text[i] == '\n' || operator->line.size_bytes == LOG_LINE_BYTES_MAX)
				log_line(operator);
			if (text[i] != '\n')
				buf_add(&operator->line, &text[i], 1);
		}
		if (all >= OUTPUT_BYTES_MAX) {
			if (operator->context->agent != NULL)
				agent_wake(operator->context->agent); /* for the rest */
			return;
		}
	}
}

/* Its end of the socket is closed: 0 until the process is gone, then -1 with how it ended. */
static int lost(struct python_operator *operator, struct err *err)
{
	const struct operator_context *context = operator->context;
	int status;

	process_kill(operator->process); /* one that lives without its socket is of no use */
	if (!process_ended(operator->process, &status))
		return 0;
	take_output(operator);
	log_line(operator);
	const char *said = operator->said.size_bytes > 0 ? operator->said.data : "nothing";
	int said_bytes = operator->said.size_bytes > 0 ? (int)operator->said.size_bytes : 7;

	return err_set(
		err, ERR_USER_FUNCTION_FAILED,
		"the Python process of operator \"%s\", subtask %u of %u, ended with %s %d; it said last: %.*s",
		context->operator_name, context->subtask + 1, context->parallelism,
		WIFSIGNALED(status) ? "signal" : "exit code",
		WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), said_bytes, said);
}

/* ---- the conversation ----------------------------------------------------------------------- */

/* 1: all is sent; 0: not now; -1: the other end is gone. */
static int send_some(struct python_operator *operator)
{
	struct err ignored = ERR_INIT;

	while (operator->to_send.size_bytes > operator->sent_bytes) {
		struct bytes rest = bytes_of(operator->to_send.data + operator->sent_bytes,
					     operator->to_send.size_bytes - operator->sent_bytes);
		ssize_t sent = conn_write(operator->conn, &rest, 1, &ignored);

		if (sent <= 0)
			return (int)sent;
		operator->sent_bytes += (size_t)sent;
	}
	if (operator->to_send.capacity_bytes > KEPT_BYTES_MAX)
		buf_fini(&operator->to_send); /* it was a large record's */
	buf_clear(&operator->to_send);
	operator->sent_bytes = 0;
	return 1;
}

static int receive_some(struct python_operator *operator)
{
	struct slice into = { buf_reserve(&operator->answers.received, READ_BYTES), READ_BYTES };
	struct err ignored = ERR_INIT;
	ssize_t got = conn_read(operator->conn, &into, 1, &ignored);

	if (got > 0)
		operator->answers.received.size_bytes += (size_t)got;
	return got > 0 ? 1 : (int)got;
}

/* Goes on until what was asked is answered: 1; 0: not now, or the outbox is full; -1. */
static int converse(struct python_operator *operator, struct outbox *out, struct err *err)
{
	take_output(operator);
	for (;;) {
		int alive = send_some(operator);
		int answer = python_answers_take(&operator->answers, out, err);

		if (answer != 0 || outbox_full(out))
			return answer;
		int received = receive_some(operator);

		if (received < 0 || (received == 0 && alive < 0))
			return lost(operator, err);
		if (received == 0)
			return 0;
	}
}

/* ---- opening -------------------------------------------------------------------------------- */

static Flink__RecordType *describe(const struct record_type *type, struct arena *arena)
{
	Flink__RecordType *described = arena_alloc(arena, sizeof(*described));

	flink__record_type__init(described);
	described->name = arena_strdup(arena, type->name);
	described->n_fields = type->fields_count;
	described->fields = arena_alloc(arena, type->fields_count * sizeof(Flink__RecordField *));
	for (uint32_t i = 0; i < type->fields_count; i++) {
		Flink__RecordField *field = arena_alloc(arena, sizeof(*field));

		flink__record_field__init(field);
		field->name = arena_strdup(arena, type->fields[i].name);
		field->kind = type->fields[i].kind;
		field->nullable = type->fields[i].nullable;
		described->fields[i] = field;
	}
	return described;
}

static void send_open(struct python_operator *operator)
{
	const struct operator_context *context = operator->context;
	struct arena *arena = arena_create("python open");
	Flink__PythonOpen open = FLINK__PYTHON_OPEN__INIT;

	open.operator_name = arena_strdup(arena, context->operator_name);
	open.job_name = arena_strdup(arena, context->job_name);
	open.subtask = context->subtask;
	open.parallelism = context->parallelism;
	open.max_parallelism = context->key_groups;
	open.attempt = context->attempt;
	open.record_bytes_max = context->record_bytes_max;
	open.input_type = describe(context->input_types[0], arena);
	open.output_type = describe(context->output_type, arena);
	open.function = operator->parameters->function->parameters;
	if (operator->parameters->n_elements > 0)
		open.files = operator->parameters->elements[0];
	size_t size_bytes = flink__python_open__get_packed_size(&open);
	uint8_t *packed = arena_alloc(arena, size_bytes);

	flink__python_open__pack(&open, packed);
	python_frame_add(&operator->to_send, FLINK__PYTHON_FRAME__PYTHON_FRAME_OPEN, packed,
			 size_bytes);
	arena_destroy(&arena);
}

/* The job's choice ("python.executable"), or python3. */
static const char *executable(const Flink__OperatorParameters *parameters)
{
	for (size_t i = 0; i < parameters->n_options; i++)
		if (strcmp(parameters->options[i]->key, "python.executable") == 0)
			return parameters->options[i]->value;
	return "python3";
}

static int start_process(struct python_operator *operator, struct err *err)
{
	char script[PACKAGE_BYTES_MAX + 32];
	const char *argv[] = { executable(operator->parameters), "-u", script, NULL };
	struct process_options options = { .argv = argv, .conn = &operator->conn };

	if (package[0] == '\0')
		return err_set(err, ERR_RESOURCE,
			       "Python functions cannot run here: this process does not know where pyflink lies");
	snprintf(script, sizeof(script), "%s/fn_execution/worker.py", package);
	if (process_start(operator->context->loop, &options, operator->context->agent,
			  &operator->process, err) == 0)
		return 0;
	struct err why = *err;

	return err_set(err, ERR_USER_FUNCTION_FAILED,
		       "%s; python.executable says which Python runs functions", why.text);
}

static int operator_open(void **self, const struct operator_context *context, struct err *err)
{
	struct python_operator *operator = MEM_NEW(struct python_operator);

	*self = operator;
	operator->context = context;
	buf_init(&operator->to_send);
	buf_init(&operator->answers.received);
	buf_init(&operator->said);
	buf_init(&operator->line);
	operator->parameters = flink__operator_parameters__unpack(
		NULL, context->parameters.size_bytes, context->parameters.data);
	if (operator->parameters == NULL || operator->parameters->function == NULL ||
	    context->input_types[0] == NULL || context->output_type == NULL)
		return err_set(err, ERR_PLAN_INVALID, "operator \"%s\" has no Python function",
			       context->operator_name);
	operator->answers.operator_name = context->operator_name;
	operator->answers.output_type = context->output_type;
	operator->answers.record_bytes_max = context->record_bytes_max;
	operator->run_memory = mem_alloc(LIMIT_SEGMENT_BYTES_MAX);
	run_builder_init(&operator->run, context->input_types[0], LIMIT_SEGMENT_BYTES_MAX, false);
	if (start_process(operator, err) < 0)
		return -1;
	send_open(operator);
	(void)send_some(operator); /* if that fails, the first record tells */
	return 1;
}

/* ---- running -------------------------------------------------------------------------------- */

/* A record larger than a segment: a frame of its own. */
static COLD void send_large(struct python_operator *operator, const struct batch *batch, uint32_t i)
{
	struct piece_record record;

	piece_record_of(batch, i, &record);
	record.has_timestamp = false;
	uint64_t size_bytes = run_single_bytes(batch->type, record.size_bytes, false);
	char *run = mem_alloc(size_bytes);

	run_single_write(batch->type, &record, run);
	memcpy(run + sizeof(struct run_header), record.image, record.size_bytes);
	python_frame_add(&operator->to_send, FLINK__PYTHON_FRAME__PYTHON_FRAME_BATCH, run,
			 size_bytes);
	mem_free(run);
	operator->answers.asked = 1;
}

/* Records of the batch from `from` on, as many as one run holds. */
static void send_batch(struct python_operator *operator, const struct batch *batch, uint32_t from)
{
	const struct record_type *type = operator->context->input_types[0];
	bool begun = run_begin(&operator->run, operator->run_memory, LIMIT_SEGMENT_BYTES_MAX);

	CHECK(begun, "no record of %u bytes fits a segment", type->size_bytes);
	for (uint32_t i = from; i < batch->count; i++) {
		const void *record = batch_at(batch, i);
		void *into = run_reserve(&operator->run, record_size(type, record));

		if (into == NULL)
			break;
		record_copy(type, record, into);
		operator->answers.asked++;
	}
	uint32_t size_bytes = run_end(&operator->run);

	if (unlikely(size_bytes == 0)) {
		send_large(operator, batch, from);
		return;
	}
	python_frame_add(&operator->to_send, FLINK__PYTHON_FRAME__PYTHON_FRAME_BATCH,
			 operator->run_memory, size_bytes);
}

static int operator_process(void *self, uint32_t input, const struct batch *batch, uint32_t *taken,
			    struct outbox *out, struct err *err)
{
	struct python_operator *operator = self;

	while (*taken < batch->count) {
		if (operator->answers.asked == 0)
			send_batch(operator, batch, *taken);
		uint32_t asked = operator->answers.asked;
		int answer = converse(operator, out, err);

		if (answer <= 0)
			return answer;
		*taken += asked;
	}
	return 1;
}

static int operator_end_of_input(void *self, uint32_t input, struct outbox *out, struct err *err)
{
	struct python_operator *operator = self;

	if (!operator->answers.end_sent) {
		operator->answers.end_sent = true;
		python_frame_add(&operator->to_send, FLINK__PYTHON_FRAME__PYTHON_FRAME_END, NULL,
				 0);
	}
	return operator->answers.end_done ? 1 : converse(operator, out, err);
}

static void operator_close(void **self)
{
	struct python_operator *operator = *self;

	if (operator == NULL)
		return;
	if (operator->process != NULL) {
		take_output(operator);
		log_line(operator);
	}
	conn_close(&operator->conn);
	process_close(&operator->process);
	if (operator->run_memory != NULL)
		run_builder_fini(&operator->run);
	mem_free(operator->run_memory);
	buf_fini(&operator->to_send);
	buf_fini(&operator->answers.received);
	buf_fini(&operator->said);
	buf_fini(&operator->line);
	if (operator->parameters != NULL)
		flink__operator_parameters__free_unpacked(operator->parameters, NULL);
	mem_free(operator);
	*self = NULL;
}

const struct operator_vtable python_operator = {
	.name = "python",
	.open = operator_open,
	.process = operator_process,
	.end_of_input = operator_end_of_input,
	.close = operator_close,
};
