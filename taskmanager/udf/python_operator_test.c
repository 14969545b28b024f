/* SPDX-License-Identifier: Apache-2.0
 * python_operator_test.c - the operator with worker processes that misbehave. A worker here is a
 * shell script in place of Python's: it has the socket as descriptor 3 and says on it what a test
 * wants, while the operator must end in an answer, and close with nothing left behind. */
#include "tests/lib/world_os_bed.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "job_graph.pb-c.h"

#include "tests/lib/test_outbox.h"
#include "taskmanager/udf/python_answers.h"
#include "taskmanager/udf/python_operator.h"

static struct record_type *type;
static const struct field fields[] = { { "text", FIELD_STRING, 0 } };

/* One operator, its process, and one batch of records for it. */
struct bed {
	struct operator_context context;
	void *self;
	struct test_outbox outbox;
	struct run_builder run;
	uint64_t memory[512];
	struct batch batch;
	char *parameters;
	struct err err;
};

static void write_file(const char *name, const void *data, size_t size_bytes)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	FILE *file = fopen(path, "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, size_bytes, file), size_bytes);
	assert_int_equal(fclose(file), 0);
}

static char *pack_parameters(size_t *size_bytes)
{
	Flink__KeyValue shell = FLINK__KEY_VALUE__INIT;
	Flink__KeyValue *options[] = { &shell };
	Flink__FunctionRef function = FLINK__FUNCTION_REF__INIT;
	Flink__OperatorParameters parameters = FLINK__OPERATOR_PARAMETERS__INIT;

	shell.key = (char *)(uintptr_t)"python.executable";
	shell.value = (char *)(uintptr_t)"/bin/sh";
	function.parameters = (ProtobufCBinaryData){ 6, (uint8_t *)(uintptr_t)"pickle" };
	parameters.function = &function;
	parameters.options = options;
	parameters.n_options = 1;
	*size_bytes = flink__operator_parameters__get_packed_size(&parameters);
	uint8_t *packed = mem_alloc(*size_bytes);

	flink__operator_parameters__pack(&parameters, packed);
	return (char *)packed;
}

static void make_batch(struct bed *bed)
{
	static const char *const texts[] = { "one", "two", "a third one, with a tail" };

	run_builder_init(&bed->run, type, sizeof(bed->memory), false);
	assert_true(run_begin(&bed->run, bed->memory, sizeof(bed->memory)));
	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		struct str text = str_of(texts[i], strlen(texts[i]));

		record_copy(type, &text, run_reserve(&bed->run, record_size(type, &text)));
	}
	run_end(&bed->run);
	run_view(type, bed->memory, &bed->batch);
}

/* The worker is this script; $0 lies in its folder, with the files of the test beside it. */
static struct bed *open_bed(const char *script)
{
	struct bed *bed = MEM_NEW(struct bed);
	struct err err = ERR_INIT;
	char folder[128];
	size_t size_bytes;

	assert_int_equal(record_type_create("line", NULL, fields, 1, &type, &err), 0);
	snprintf(folder, sizeof(folder), "%s/fn_execution", directory);
	assert_true(mkdir(folder, 0700) == 0 || errno == EEXIST);
	write_file("fn_execution/worker.py", script, strlen(script));
	python_operator_set_package(directory);
	bed->parameters = pack_parameters(&size_bytes);
	bed->context =
		(struct operator_context){ .job_name = "job",
					   .operator_name = "Map",
					   .parallelism = 2,
					   .key_groups = 128,
					   .record_bytes_max = 1024 * 1024,
					   .input_types[0] = type,
					   .output_type = type,
					   .world = world,
					   .loop = loop,
					   .parameters = bytes_of(bed->parameters, size_bytes) };
	make_batch(bed);
	test_outbox_init(&bed->outbox, type, 0, 0);
	assert_int_equal(python_operator.open(&bed->self, &bed->context, &bed->err), 1);
	return bed;
}

static void close_bed(struct bed *bed)
{
	python_operator.close(&bed->self);
	test_outbox_fini(&bed->outbox);
	run_builder_fini(&bed->run);
	mem_free(bed->parameters);
	mem_free(bed);
	record_type_destroy(&type);
}

/* Offers the batch until it is taken (1) or the operator fails (-1). */
static int process(struct bed *bed)
{
	mono_t deadline = deadline_from_now();
	uint32_t done = 0;

	for (;;) {
		struct batch rest = batch_rest(&bed->batch, done);
		uint32_t taken = 0;
		int answer = python_operator.process(bed->self, 0, &rest, &taken, &bed->outbox.out,
						     &bed->err);

		done += taken;
		if (answer != 0)
			return answer;
		test_outbox_make_room(&bed->outbox);
		look_again(deadline, "answer of the operator");
	}
}

static int end_of_input(struct bed *bed)
{
	mono_t deadline = deadline_from_now();
	int answer;

	while ((answer = python_operator.end_of_input(bed->self, 0, &bed->outbox.out, &bed->err)) ==
	       0) {
		test_outbox_make_room(&bed->outbox);
		look_again(deadline, "answer to the end");
	}
	return answer;
}

static void expect_failure(const char *script, const char *text)
{
	struct bed *bed = open_bed(script);

	assert_int_equal(process(bed), -1);
	assert_int_equal(bed->err.code, ERR_USER_FUNCTION_FAILED);
	if (strstr(bed->err.text, text) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", text, bed->err.text);
	close_bed(bed);
}

#define NEXT_TO_IT "cd \"${0%/*}/..\"\n"
#define SLEEPS "exec sleep 1000\n"

static void a_worker_that_answers_well(void **state)
{
	static const char *const lines[] = { "hello", "again" };
	struct str texts[] = { str_of("hello", 5), str_of("again", 5) };
	uint64_t memory[64];
	struct run_builder run;
	struct err err = ERR_INIT;
	struct buf answer;

	assert_int_equal(record_type_create("line", NULL, fields, 1, &type, &err), 0);
	buf_init(&answer);
	run_builder_init(&run, type, sizeof(memory), false);
	for (int i = 0; i < 2; i++) {
		assert_true(run_begin(&run, memory, sizeof(memory)));
		record_copy(type, &texts[i], run_reserve(&run, record_size(type, &texts[i])));
		python_frame_add(&answer, FLINK__PYTHON_FRAME__PYTHON_FRAME_RUN, memory,
				 run_end(&run));
	}
	python_frame_add(&answer, FLINK__PYTHON_FRAME__PYTHON_FRAME_DONE, NULL, 0);
	python_frame_add(&answer, FLINK__PYTHON_FRAME__PYTHON_FRAME_DONE, NULL, 0);
	write_file("answer", answer.data, answer.size_bytes);
	run_builder_fini(&run);
	buf_fini(&answer);
	record_type_destroy(&type);
	struct bed *bed = open_bed(NEXT_TO_IT "cat answer >&3\n" SLEEPS);

	assert_int_equal(process(bed), 1);
	assert_int_equal(end_of_input(bed), 1);
	test_outbox_collect(&bed->outbox);
	test_outbox_expect(&bed->outbox, lines, 2, true);
	close_bed(bed);
}

static void a_worker_that_dies_is_told_with_its_last_words(void **state)
{
	expect_failure("echo last words >&2\nkill -9 $$\n",
		       "the Python process of operator \"Map\", subtask 1 of 2, ended with signal 9; it "
		       "said last: last words");
	expect_failure("exit 3\n", "ended with exit code 3; it said last: nothing");
	expect_failure("exec 3>&-\n" SLEEPS, "ended with signal 9"); /* of no use any more */
}

static void a_worker_that_cannot_start_is_an_error(void **state)
{
	expect_failure("no-such-program-here\nexit 127\n", "ended with exit code 127");
}

static void a_worker_that_writes_garbage_is_told_so(void **state)
{
	expect_failure("echo this is no frame at all >&3\n" SLEEPS,
		       "writes no frames to descriptor 3");
	expect_failure("printf '\\377\\377\\377\\377\\004\\0\\0\\0' >&3\n" SLEEPS,
		       "writes no frames to descriptor 3");
	expect_failure("cat /dev/urandom >&3\n", "the Python process of operator \"Map\"");
}

static void answers_that_nobody_asked_for_are_told_so(void **state)
{
	/* DONE, and DONE again before the end is announced: the second has nothing to answer. */
	struct bed *bed = open_bed("printf '\\0\\0\\0\\0\\005\\0\\0\\0' >&3\n" SLEEPS);

	assert_int_equal(process(bed), 1);
	close_bed(bed);
	expect_failure("printf '\\0\\0\\0\\0\\002\\0\\0\\0' >&3\n" SLEEPS,
		       "answers with frame 2, which was not asked for");
}

static void a_worker_that_hangs_ends_with_the_operator(void **state)
{
	/* It ignores what asks it to end, and started another one. */
	struct bed *bed = open_bed("trap '' TERM INT HUP\nsleep 1000 &\necho $! >\"${0%/*}/../pid\"\n"
				   "printf x >\"${0%/*}/../there\"\nwait\n");
	char path[128];
	struct stat seen;
	mono_t deadline = deadline_from_now();
	uint32_t taken = 0;

	snprintf(path, sizeof(path), "%s/there", directory);
	while (stat(path, &seen) != 0)
		look_again(deadline, "worker");
	for (int i = 0; i < 10; i++)
		assert_int_equal(python_operator.process(bed->self, 0, &bed->batch, &taken,
							 &bed->outbox.out, &bed->err),
				 0);
	assert_int_equal(taken, 0);
	snprintf(path, sizeof(path), "%s/pid", directory);
	FILE *file = fopen(path, "r");
	char text[32] = "";

	assert_non_null(file);
	assert_non_null(fgets(text, sizeof(text), file));
	assert_int_equal(fclose(file), 0);
	long child = strtol(text, NULL, 10);

	assert_true(child > 1);
	close_bed(bed);
	/* A zombie, where nobody takes orphans over, is gone enough. */
	snprintf(path, sizeof(path), "/proc/%ld/cmdline", child);
	for (;;) {
		file = fopen(path, "r");
		bool gone = file == NULL || fgetc(file) == EOF;

		if (file != NULL)
			fclose(file);
		if (gone)
			break;
		look_again(deadline, "end of what the worker started");
	}
}

/* Its pipe is full all the time; each call must return all the same. */
static void a_worker_that_prints_without_end_holds_nobody(void **state)
{
	struct bed *bed = open_bed("exec yes\n");
	mono_t deadline = deadline_from_now();
	uint32_t taken = 0;

	for (int i = 0; i < 20; i++) {
		assert_int_equal(python_operator.process(bed->self, 0, &bed->batch, &taken,
							 &bed->outbox.out, &bed->err),
				 0);
		assert_true(world_now(world) < deadline);
	}
	close_bed(bed);
}

static void operators_without_a_function_are_refused(void **state)
{
	struct operator_context context = { .operator_name = "Map", .parameters = BYTES_EMPTY };
	struct err err = ERR_INIT;
	void *self = NULL;

	assert_int_equal(python_operator.open(&self, &context, &err), -1);
	assert_int_equal(err.code, ERR_PLAN_INVALID);
	assert_string_equal(err.text, "operator \"Map\" has no Python function");
	python_operator.close(&self);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_WORLD(a_worker_that_answers_well),
		WITH_WORLD(a_worker_that_dies_is_told_with_its_last_words),
		WITH_WORLD(a_worker_that_cannot_start_is_an_error),
		WITH_WORLD(a_worker_that_writes_garbage_is_told_so),
		WITH_WORLD(answers_that_nobody_asked_for_are_told_so),
		WITH_WORLD(a_worker_that_hangs_ends_with_the_operator),
		WITH_WORLD(a_worker_that_prints_without_end_holds_nobody),
		WITH_WORLD(operators_without_a_function_are_refused),
	};

	signal(SIGPIPE, SIG_IGN); /* as the daemons do */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
