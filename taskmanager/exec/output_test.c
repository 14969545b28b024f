/* SPDX-License-Identifier: Apache-2.0
 * output_test.c - the buffers behind an outbox: full, overdrawn, too large; and the valve. */
#include "tests/lib/cmocka_header.h"

#include "taskmanager/exec/output.h"
#include "taskmanager/exec/valve.h"
#include "tests/lib/test_functions.h"

#define BUFFER_BYTES 4096
#define RECORD_BYTES_MAX (64 * 1024)

struct rig {
	struct record_type *type;
	struct overdraft overdraft;
	struct user_call call;
	struct output output;
};

static void rig_open(struct rig *rig)
{
	*rig = (struct rig){ .type = test_record_type(word_count_type),
			     .call.operator_name = "Flat Map",
			     .overdraft.max_bytes = 10 * BUFFER_BYTES };
	output_init(&rig->output, &(struct output_options){ .type = rig->type,
							    .buffer_bytes = BUFFER_BYTES,
							    .record_bytes_max = RECORD_BYTES_MAX,
							    .overdraft = &rig->overdraft,
							    .call = &rig->call });
	rig->call.out = &rig->output.out;
}

static void rig_close(struct rig *rig)
{
	output_fini(&rig->output);
	record_type_destroy(&rig->type);
	assert_int_equal(mem_bytes_out(), 0);
}

static void emit(struct rig *rig, const char *word, int64_t count)
{
	struct word_count record = { .word = str_of(word, strlen(word)), .count = count };

	outbox_emit(&rig->output.out, rig->type, &record);
}

static int64_t count_at(const struct rig *rig, const struct output_run *run, uint32_t index)
{
	struct batch batch;

	run_view(rig->type, run->data, &batch);
	return ((const struct word_count *)batch_at(&batch, index))->count;
}

static void a_full_buffer_is_finished_and_another_opened(void **state)
{
	struct rig rig;
	int64_t emitted = 0, expected = 0;

	rig_open(&rig);
	while (!outbox_full(&rig.output.out))
		emit(&rig, "word", emitted++);
	assert_true(emitted > BUFFER_BYTES / 24 - 2);
	assert_int_equal(output_first(&rig.output)->count, emitted - 1);
	for (uint32_t i = 0; i < 400; i++) /* one user call goes on */
		emit(&rig, "word and a tail behind the struct", emitted++);
	assert_false(rig.call.failed);
	output_finish(&rig.output);
	output_finish(&rig.output); /* nothing is open: no empty run */
	while (output_first(&rig.output) != NULL) {
		assert_true(outbox_full(&rig.output.out));
		for (uint32_t i = 0; i < output_first(&rig.output)->count; i++)
			assert_int_equal(count_at(&rig, output_first(&rig.output), i), expected++);
		output_drop_first(&rig.output);
	}
	assert_int_equal(expected, emitted);
	assert_int_equal(rig.output.records_count, emitted);
	assert_false(outbox_full(&rig.output.out));
	assert_true(output_is_empty(&rig.output));
	assert_int_equal(rig.overdraft.used_bytes, 0);
	rig_close(&rig);
}

static void the_overdraft_ends_in_a_named_failure(void **state)
{
	struct rig rig;
	uint32_t emitted = 0;

	rig_open(&rig);
	for (; !rig.call.failed && emitted < 100000; emitted++)
		emit(&rig, "word", 1);
	assert_true(rig.call.failed);
	assert_int_equal(rig.call.err.code, ERR_USER_FUNCTION_FAILED);
	assert_string_equal(
		rig.call.err.text,
		"one call emitted more than 40960 bytes before it returned; emit less per record");
	int64_t memory = mem_bytes_out();

	for (uint32_t i = 0; i < 100000; i++) /* what follows costs nothing */
		emit(&rig, "word", 1);
	assert_int_equal(mem_bytes_out(), memory);
	rig_close(&rig);
}

static void a_record_larger_than_a_segment_has_a_run_of_its_own(void **state)
{
	struct rig rig;
	char *text = mem_alloc(RECORD_BYTES_MAX);
	int64_t before = mem_bytes_out(), expected = 0;
	struct batch batch;
	struct err err;

	rig_open(&rig);
	int64_t small = mem_bytes_out();

	memset(text, 'x', 3 * BUFFER_BYTES);
	emit(&rig, "before", 0);
	emit(&rig, text, 1);
	assert_true(outbox_full(&rig.output.out));
	emit(&rig, "after", 2);
	emit(&rig, "after", 3);
	assert_false(rig.call.failed);
	assert_int_equal(rig.output.records_count, 2); /* the others are not finished */
	output_finish(&rig.output);
	for (uint32_t i = 0; i < 3; i++) {
		const struct output_run *run = output_first(&rig.output);

		assert_int_equal(run_check(rig.type, run->data, run->size_bytes, &batch, &err), 0);
		assert_int_equal(batch.count, i == 2 ? 2 : 1);
		for (uint32_t j = 0; j < batch.count; j++)
			assert_int_equal(((const struct word_count *)batch_at(&batch, j))->count,
					 expected++);
		if (i == 1)
			assert_int_equal(str_bytes(batch_at(&batch, 0)).size_bytes,
					 3 * BUFFER_BYTES);
		output_drop_first(&rig.output);
	}
	assert_true(output_is_empty(&rig.output));
	assert_int_equal(rig.overdraft.used_bytes, 0);
	assert_true(mem_bytes_out() < small + 4 * BUFFER_BYTES); /* it was given back */
	assert_true(before > 0);
	mem_free(text);
	rig_close(&rig);
}

static void one_large_record_is_free_and_many_are_an_overdraft(void **state)
{
	struct rig rig;
	char *text = mem_alloc(RECORD_BYTES_MAX);
	uint32_t most = RECORD_BYTES_MAX - 24;

	rig_open(&rig); /* its overdraft is smaller than the largest record */
	memset(text, 'x', most);
	emit(&rig, "before", 1);
	struct word_count record = { .word = str_of(text, most), .count = 1 };

	outbox_emit(&rig.output.out, rig.type, &record);
	assert_false(rig.call.failed);
	outbox_emit(&rig.output.out, rig.type, &record);
	assert_int_equal(rig.call.err.code, ERR_USER_FUNCTION_FAILED);
	assert_string_equal(
		rig.call.err.text,
		"one call emitted more than 40960 bytes before it returned; emit less per record");
	mem_free(text);
	rig_close(&rig);
}

static void a_record_larger_than_allowed_fails_with_its_size(void **state)
{
	struct rig rig;
	char *text = mem_alloc(RECORD_BYTES_MAX);
	struct word_count record = { .word = str_of(text, RECORD_BYTES_MAX - 23), .count = 1 };

	rig_open(&rig);
	emit(&rig, "before", 1);
	outbox_emit(&rig.output.out, rig.type, &record);
	assert_true(rig.call.failed);
	assert_true(outbox_full(&rig.output.out));
	assert_int_equal(rig.call.err.code, ERR_RECORD_TOO_LARGE);
	assert_string_equal(rig.call.err.text,
			    "operator \"Flat Map\" emitted a record word_count of 65544 bytes; "
			    "taskmanager.network.max-record-size allows 65536");
	outbox_emit(&rig.output.out, rig.type, &record);
	emit(&rig, "after", 1);
	mem_free(text);
	rig_close(&rig);
}

static void the_largest_record_that_fits_is_taken(void **state)
{
	struct rig rig;
	uint32_t largest = BUFFER_BYTES - 16 - 8 - 24; /* run header, one offset, the struct */
	char *text = mem_alloc(largest + 1);

	rig_open(&rig);
	memset(text, 'x', largest);
	emit(&rig, "before", 1);
	emit(&rig, text, 2);
	emit(&rig, "after", 3);
	assert_false(rig.call.failed);
	mem_free(text);
	rig_close(&rig);
}

/* ---- valve ---------------------------------------------------------------------------------- */

static void the_smallest_active_watermark_goes_out(void **state)
{
	struct valve valve;

	valve_init(&valve, 3);
	valve_watermark(&valve, 0, 10);
	valve_watermark(&valve, 1, 20);
	assert_int_equal(valve_take(&valve), VALVE_NOTHING);
	valve_watermark(&valve, 2, 5);
	assert_int_equal(valve_take(&valve), VALVE_WATERMARK);
	assert_int_equal(valve.watermark, 5);
	assert_int_equal(valve_take(&valve), VALVE_NOTHING);
	valve_watermark(&valve, 2, 3); /* never falls */
	assert_int_equal(valve_take(&valve), VALVE_NOTHING);
	valve_idle(&valve, 2, true); /* no longer holds the others */
	assert_int_equal(valve_take(&valve), VALVE_WATERMARK);
	assert_int_equal(valve.watermark, 10);
	valve_end(&valve, 0);
	assert_int_equal(valve_take(&valve), VALVE_WATERMARK);
	assert_int_equal(valve.watermark, 20);
	valve_fini(&valve);
	assert_int_equal(mem_bytes_out(), 0);
}

static void idle_is_told_once_and_taken_back(void **state)
{
	struct valve valve;

	valve_init(&valve, 2);
	valve_idle(&valve, 0, true);
	assert_int_equal(valve_take(&valve), VALVE_NOTHING);
	valve_idle(&valve, 1, true);
	assert_int_equal(valve_take(&valve), VALVE_IDLE);
	assert_int_equal(valve_take(&valve), VALVE_NOTHING);
	valve_watermark(&valve, 1, 7);
	assert_int_equal(valve_take(&valve), VALVE_ACTIVE);
	assert_int_equal(valve_take(&valve), VALVE_WATERMARK);
	assert_int_equal(valve.watermark, 7);
	valve_end(&valve, 1);
	assert_int_equal(valve_take(&valve), VALVE_IDLE);
	valve_end(&valve, 0);
	assert_int_equal(valve_take(&valve), VALVE_NOTHING);
	valve_fini(&valve);
	assert_int_equal(mem_bytes_out(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_buffer_is_finished_and_another_opened),
		cmocka_unit_test(the_overdraft_ends_in_a_named_failure),
		cmocka_unit_test(a_record_larger_than_a_segment_has_a_run_of_its_own),
		cmocka_unit_test(one_large_record_is_free_and_many_are_an_overdraft),
		cmocka_unit_test(a_record_larger_than_allowed_fails_with_its_size),
		cmocka_unit_test(the_largest_record_that_fits_is_taken),
		cmocka_unit_test(the_smallest_active_watermark_goes_out),
		cmocka_unit_test(idle_is_told_once_and_taken_back),
	};
	return cmocka_run_group_tests_name("output", tests, NULL, NULL);
}
