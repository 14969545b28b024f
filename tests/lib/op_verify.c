/* SPDX-License-Identifier: Apache-2.0
 * op_verify.c - see op_verify.h. */
#include "tests/lib/op_verify.h"

#include <stdio.h>

#include "job_graph.pb-c.h"

#include "common/base/limits.h"
#include "taskmanager/exec/user_abi.h"
#include "tests/lib/cmocka_header.h"
#include "tests/lib/test_outbox.h"

#define RUN_BYTES (256 * 1024)
#define CALLS_MAX 100000
#define MODULE_PATH "the test itself"

struct cell { /* of the grid, and one run through it */
	const struct op_test *test;
	uint32_t records_together, full_after, room_records;
	struct test_world world;
	struct operator_context context;
	struct user_call call;
	struct test_outbox out;
	void *self;
	struct err err;
	char *run; /* the batch under way */
	uint32_t calls;
	wall_t next;
};

/* ---- worlds and parameters ------------------------------------------------------------------ */

void test_world_open(struct test_world *world, uint64_t seed)
{
	struct sim_options calm = { .delay_us_min = 0 };
	struct err err = ERR_INIT;

	world->sim = sim_create(seed, &calm);
	sim_module_add(world->sim, MODULE_PATH);
	world->node = sim_node(world->sim, "node");
	assert_int_equal(module_open(world->node, MODULE_PATH, NULL, &world->module, &err), 0);
}

void test_world_close(struct test_world *world)
{
	module_close(&world->module);
	world_destroy(&world->node);
	sim_destroy(&world->sim);
}

/* Offsets do not depend on the node: one world is as good as another. */
static uint64_t offset_of(void *function)
{
	struct test_world world;
	uint64_t offset = 0;

	test_world_open(&world, 1);
	assert_true(module_offset(world.module, function, &offset));
	test_world_close(&world);
	return offset;
}

struct bytes test_parameters(void *function, const char *function_parameters, int32_t field,
			     int64_t window_size_ms, int64_t window_offset_ms)
{
	Flink__OperatorParameters parameters = FLINK__OPERATOR_PARAMETERS__INIT;
	Flink__FunctionRef reference = FLINK__FUNCTION_REF__INIT;

	if (function != NULL) {
		reference.offset = offset_of(function);
		reference.symbol = (char *)"function";
		if (function_parameters != NULL)
			reference.parameters =
				(ProtobufCBinaryData){ strlen(function_parameters),
						       (uint8_t *)(uintptr_t)function_parameters };
		parameters.function = &reference;
	}
	parameters.field = field;
	parameters.window_size_ms = window_size_ms;
	parameters.window_offset_ms = window_offset_ms;
	size_t size_bytes = flink__operator_parameters__get_packed_size(&parameters);
	uint8_t *packed = mem_alloc(size_bytes);

	flink__operator_parameters__pack(&parameters, packed);
	return bytes_of(packed, size_bytes);
}

void test_parameters_free(struct bytes *parameters)
{
	mem_free((void *)(uintptr_t)parameters->data);
	*parameters = BYTES_EMPTY;
}

/* ---- calls ---------------------------------------------------------------------------------- */

static void enter(struct cell *cell)
{
	assert_true(++cell->calls < CALLS_MAX);
	user_call_enter(&cell->call);
}

static int leave(struct cell *cell, int answer)
{
	user_call_leave();
	test_outbox_collect(&cell->out);
	if (cell->call.failed) {
		cell->err = cell->call.err;
		return -1;
	}
	return answer;
}

/* A batch of these records. */
static void build(struct cell *cell, const struct op_step *steps, uint32_t count,
		  struct batch *batch)
{
	const struct record_type *type = cell->test->input_type;
	struct run_builder run = { .type = NULL };

	run_builder_init(&run, type, RUN_BYTES, false);
	assert_true(run_begin(&run, cell->run, RUN_BYTES));
	for (uint32_t i = 0; i < count; i++) {
		uint32_t size_bytes = record_size(type, steps[i].record);
		void *into = run_reserve(&run, size_bytes);

		assert_non_null(into);
		record_copy(type, steps[i].record, into);
	}
	run_end(&run);
	run_view(type, cell->run, batch);
	run_builder_fini(&run);
}

/* Into a full outbox nothing is emitted, whatever is called. */
static int call_full(struct cell *cell, uint32_t input, const struct batch *batch, uint32_t *taken)
{
	const struct operator_vtable *operator = cell->test->operator;
	uint32_t before = cell->out.records_count;

	cell->out.out.full = true;
	enter(cell);
	int answer = leave(cell, operator->process(cell->self, input, batch, taken, &cell->out.out,
						   &cell->err));
	assert_int_equal(cell->out.records_count, before);
	test_outbox_make_room(&cell->out);
	return answer;
}

static int process_batch(struct cell *cell, uint32_t input, const struct batch *batch)
{
	const struct operator_vtable *operator = cell->test->operator;
	uint32_t done = 0;

	for (;;) {
		struct batch rest = batch_rest(batch, done);
		uint32_t taken = 0, before = cell->out.records_count;

		if (cell->full_after > 0) {
			int answer = call_full(cell, input, &rest, &taken);

			if (answer != 0)
				return answer;
			done += taken;
			rest = batch_rest(batch, done);
			taken = 0;
		}
		enter(cell);
		int answer = leave(cell, operator->process(cell->self, input, &rest, &taken,
							   &cell->out.out, &cell->err));
		if (answer < 0)
			return -1;
		assert_true(taken <= rest.count);
		done += taken;
		if (answer == 1) {
			assert_int_equal(done, batch->count);
			test_outbox_make_room(&cell->out);
			return 1;
		}
		assert_true(cell->out.out.full); /* the only reason to stop */
		assert_true(taken > 0 || cell->out.records_count > before);
		test_outbox_make_room(&cell->out);
	}
}

static int call_engine(struct cell *cell, const struct op_step *step)
{
	const struct operator_vtable *operator = cell->test->operator;
	struct outbox *out = &cell->out.out;

	switch (step->kind) {
	case OP_TIME:
		cell->next = INT64_MAX;
		return operator->processing_time ? operator->processing_time(cell->self, step->at,
									     &cell->next, out,
									     &cell->err)
						 : 1;
	case OP_WATERMARK:
		return operator->watermark ? operator->watermark(cell->self, step->at, out,
								 &cell->err)
					   : 1;
	case OP_END:
		return operator->end_of_input ? operator->end_of_input(cell->self, step->input, out,
								       &cell->err) : 1;
	default: return 1;
	}
}

static int engine_step(struct cell *cell, const struct op_step *step)
{
	for (;;) {
		uint32_t before = cell->out.records_count;

		enter(cell);
		int answer = leave(cell, call_engine(cell, step));

		if (answer == 0) {
			assert_true(cell->out.out.full);
			assert_true(cell->out.records_count > before);
		}
		test_outbox_make_room(&cell->out);
		if (answer != 0)
			return answer;
	}
}

static int run_steps(struct cell *cell)
{
	const struct op_test *test = cell->test;
	struct batch batch;

	for (uint32_t i = 0; i < test->steps_count;) {
		uint32_t count = 0;

		while (i + count < test->steps_count && count < cell->records_together &&
		       test->steps[i + count].kind == OP_RECORD &&
		       test->steps[i + count].input == test->steps[i].input)
			count++;
		int answer;

		if (count == 0) {
			answer = engine_step(cell, &test->steps[i++]);
		} else {
			build(cell, &test->steps[i], count, &batch);
			answer = process_batch(cell, test->steps[i].input, &batch);
			i += count;
		}
		if (answer < 0)
			return -1;
	}
	return 0;
}

/* ---- the grid ------------------------------------------------------------------------------- */

static void open_cell(struct cell *cell)
{
	const struct op_test *test = cell->test;

	test_world_open(&cell->world, 7);
	cell->run = mem_alloc(RUN_BYTES);
	cell->context = (struct operator_context){
		.job_name = "job",
		.operator_name = "Tested",
		.parallelism = 1,
		.key_groups = 128,
		.parameters = test->parameters,
		.input_types = { test->input_type },
		.output_type = test->output_type,
		.input_keys = { test->key.fields_count ? &test->key : NULL },
		.module = cell->world.module,
		.world = cell->world.node,
		.managed = test->managed,
		.fire_at_end = test->fire_at_end,
		.record_bytes_max = LIMIT_RECORD_BYTES_MAX,
	};
	test_outbox_init(&cell->out, test->output_type, cell->full_after,
			 cell->room_records);
	cell->call = (struct user_call){ .operator_name = "Tested",
					 .parameters = test->function_parameters,
					 .out = &cell->out.out };
}

static void close_cell(struct cell *cell)
{
	if (cell->test->operator->close != NULL)
		cell->test->operator->close(&cell->self);
	assert_null(cell->self);
	test_outbox_fini(&cell->out);
	mem_free(cell->run);
	test_world_close(&cell->world);
}

static void run_cell(struct cell *cell)
{
	const struct op_test *test = cell->test;

	open_cell(cell);
	int answer = test->operator->open(&cell->self, &cell->context, &cell->err);

	if (answer >= 0)
		answer = run_steps(cell);
	if (test->expected_error != NULL) {
		assert_int_equal(answer, -1);
		if (strstr(cell->err.text, test->expected_error) == NULL)
			fail_msg("the error is \"%s\", expected was \"%s\"", cell->err.text,
				 test->expected_error);
	} else {
		if (answer < 0)
			fail_msg("%s: %s", err_name(cell->err.code), cell->err.text);
		test_outbox_expect(&cell->out, test->expected, test->expected_count, test->ordered);
	}
	close_cell(cell);
}

void op_verify(const struct op_test *test)
{
	static const uint32_t together[] = { 1, 3, UINT32_MAX };
	static const struct {
		uint32_t full_after, room_records;
	} outputs[] = { { 0, 0 }, { 1, 0 }, { 0, 3 } };

	for (uint32_t i = 0; i < ARRAY_COUNT(together); i++) {
		for (uint32_t j = 0; j < ARRAY_COUNT(outputs); j++) {
			struct cell cell = { .test = test,
					     .records_together = together[i],
					     .full_after = outputs[j].full_after,
					     .room_records = outputs[j].room_records,
					     .err = ERR_INIT };
			run_cell(&cell);
		}
	}
}
