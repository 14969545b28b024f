/* SPDX-License-Identifier: Apache-2.0
 * python_frame_test.c - frames, and the answers of a worker process, as bytes that come in any
 * pieces from whoever can write to the descriptor. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/base/mem.h"
#include "taskmanager/udf/python_answers.h"

#include "tests/lib/test_outbox.h"

static struct record_type *type;
static const struct field fields[] = { { "word", FIELD_STRING, 0 }, { "count", FIELD_INT, 0 } };

struct pair {
	struct str word;
	int32_t count;
};

static int open_type(void **state)
{
	struct err err = ERR_INIT;

	return record_type_create("pair", NULL, fields, 2, &type, &err);
}

static int close_type(void **state)
{
	record_type_destroy(&type);
	assert_int_equal(mem_bytes_out(), 0);
	return 0;
}

/* A RUN frame of these words, counted from 0. */
static void add_run(struct buf *into, const char *const *words, uint32_t count)
{
	uint64_t memory[512];
	struct run_builder run;

	run_builder_init(&run, type, sizeof(memory), false);
	assert_true(run_begin(&run, memory, sizeof(memory)));
	for (uint32_t i = 0; i < count; i++) {
		struct pair pair = { str_of(words[i], strlen(words[i])), (int32_t)i };
		void *record = run_reserve(&run, record_size(type, &pair));

		assert_non_null(record);
		record_copy(type, &pair, record);
	}
	python_frame_add(into, FLINK__PYTHON_FRAME__PYTHON_FRAME_RUN, memory, run_end(&run));
	run_builder_fini(&run);
}

static void add_done(struct buf *into)
{
	python_frame_add(into, FLINK__PYTHON_FRAME__PYTHON_FRAME_DONE, NULL, 0);
}

static int parse(const void *data, size_t size_bytes, size_t body_bytes_max)
{
	Flink__PythonFrame kind;
	struct bytes body;
	size_t whole_bytes;

	return python_frame_parse(bytes_of(data, size_bytes), body_bytes_max, &kind, &body,
				  &whole_bytes);
}

static void a_frame_comes_back_when_all_of_it_is_there(void **state)
{
	Flink__PythonFrame kind;
	struct bytes body;
	size_t whole_bytes;
	struct buf frame;

	buf_init(&frame);
	python_frame_add(&frame, FLINK__PYTHON_FRAME__PYTHON_FRAME_BATCH, "12345", 5);
	add_done(&frame);
	for (size_t size_bytes = 0; size_bytes < PYTHON_FRAME_HEADER_BYTES + 5; size_bytes++)
		assert_int_equal(parse(frame.data, size_bytes, 5), 0);
	assert_int_equal(python_frame_parse(buf_bytes(&frame), 5, &kind, &body, &whole_bytes), 1);
	assert_int_equal(kind, FLINK__PYTHON_FRAME__PYTHON_FRAME_BATCH);
	assert_int_equal(whole_bytes, PYTHON_FRAME_HEADER_BYTES + 5);
	assert_int_equal(body.size_bytes, 5);
	assert_memory_equal(body.data, "12345", 5);
	assert_int_equal(parse(frame.data, frame.size_bytes, 4), -1);
	buf_fini(&frame);
}

static void headers_that_nobody_writes_are_refused_at_once(void **state)
{
	uint32_t unknown[2] = { 0, 7 }, none[2] = { 0, 0 }, huge[2] = { UINT32_MAX, 5 };

	assert_int_equal(parse(unknown, 8, PYTHON_FRAME_BYTES_MAX), -1);
	assert_int_equal(parse(none, 8, PYTHON_FRAME_BYTES_MAX), -1);
	assert_int_equal(parse(huge, 8, PYTHON_FRAME_BYTES_MAX), -1);
	assert_int_equal(parse("print says", 8, PYTHON_FRAME_BYTES_MAX), -1);
}

/* Feeds `bytes` so many at a time; the answer of the last call that was not "more, please". */
static int take(struct python_answers *answers, struct bytes bytes, size_t step,
		struct test_outbox *outbox, struct err *err)
{
	int answer = 0;

	for (size_t at = 0; at < bytes.size_bytes && answer == 0; at += step) {
		size_t rest = bytes.size_bytes - at;

		buf_add(&answers->received, (const char *)bytes.data + at,
			rest < step ? rest : step);
		answer = python_answers_take(answers, &outbox->out, err);
		while (answer == 0 && outbox->out.full) {
			test_outbox_make_room(outbox);
			answer = python_answers_take(answers, &outbox->out, err);
		}
	}
	test_outbox_collect(outbox);
	return answer;
}

static struct python_answers asked(uint32_t count)
{
	struct python_answers answers = { .operator_name = "Map", .output_type = type,
					  .asked = count };

	buf_init(&answers.received);
	return answers;
}

static void runs_in_any_pieces_become_records(void **state)
{
	static const char *const words[] = { "short", "a word with a tail behind its record", "" };
	static const char *const lines[] = { "(short,0)",
					     "(a word with a tail behind its record,1)", "(,2)",
					     "(short,0)" };
	struct err err = ERR_INIT;
	struct buf bytes;

	buf_init(&bytes);
	add_run(&bytes, words, 3);
	add_run(&bytes, words, 1);
	add_done(&bytes);
	for (size_t step = 1; step <= bytes.size_bytes; step = step < 9 ? step + 1 : step * 3) {
		struct python_answers answers = asked(2);
		struct test_outbox outbox;

		test_outbox_init(&outbox, type, step % 2 ? 1 : 0, 0);
		assert_int_equal(take(&answers, buf_bytes(&bytes), step, &outbox, &err), 1);
		assert_int_equal(answers.asked, 0);
		assert_false(answers.end_done);
		test_outbox_expect(&outbox, lines, 4, true);
		test_outbox_fini(&outbox);
		buf_fini(&answers.received);
	}
	buf_fini(&bytes);
}

static void the_end_has_an_answer_of_its_own(void **state)
{
	static const char *const words[] = { "last" }, *const lines[] = { "(last,0)" };
	struct python_answers answers = asked(0);
	struct test_outbox outbox;
	struct err err = ERR_INIT;
	struct buf bytes;

	buf_init(&bytes);
	add_run(&bytes, words, 1);
	add_done(&bytes);
	answers.end_sent = true;
	test_outbox_init(&outbox, type, 0, 0);
	assert_int_equal(take(&answers, buf_bytes(&bytes), 7, &outbox, &err), 1);
	assert_true(answers.end_done);
	test_outbox_expect(&outbox, lines, 1, true);
	test_outbox_fini(&outbox);
	buf_fini(&answers.received);
	buf_fini(&bytes);
}

/* After `count` records were asked for, these bytes are an error with this in its text. */
static void expect_error(uint32_t count, struct bytes bytes, const char *text)
{
	struct python_answers answers = asked(count);
	struct test_outbox outbox;
	struct err err = ERR_INIT;

	test_outbox_init(&outbox, type, 0, 0);
	assert_int_equal(take(&answers, bytes, 11, &outbox, &err), -1);
	if (strstr(err.text, text) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", text, err.text);
	assert_int_equal(outbox.records_count, 0);
	test_outbox_fini(&outbox);
	buf_fini(&answers.received);
}

static void what_was_not_asked_for_is_an_error(void **state)
{
	static const char *const words[] = { "word" };
	struct buf bytes;

	buf_init(&bytes);
	add_done(&bytes);
	expect_error(0, buf_bytes(&bytes), "\"Map\" answers with frame 5, which was not asked for");
	buf_clear(&bytes);
	add_run(&bytes, words, 1);
	expect_error(0, buf_bytes(&bytes), "\"Map\" answers with frame 4, which was not asked for");
	buf_clear(&bytes);
	python_frame_add(&bytes, FLINK__PYTHON_FRAME__PYTHON_FRAME_OPEN, "x", 1);
	expect_error(1, buf_bytes(&bytes), "\"Map\" answers with frame 1, which was not asked for");
	buf_fini(&bytes);
}

static void what_a_function_prints_there_is_told_as_such(void **state)
{
	static const char text[] = "Hello from a function that prints to descriptor 3\n";

	expect_error(1, bytes_of_text(text), "writes no frames to descriptor 3");
}

static void a_failure_is_told_in_its_own_words(void **state)
{
	struct buf bytes;

	buf_init(&bytes);
	python_frame_add(&bytes, FLINK__PYTHON_FRAME__PYTHON_FRAME_FAILED, "KeyError: 'x'", 13);
	expect_error(1, buf_bytes(&bytes), "KeyError: 'x'");
	expect_error(0, buf_bytes(&bytes), "KeyError: 'x'");
	buf_fini(&bytes);
}

static void damaged_runs_are_refused(void **state)
{
	static const char *const words[] = { "a word with a tail behind its record" };
	struct buf bytes;

	buf_init(&bytes);
	python_frame_add(&bytes, FLINK__PYTHON_FRAME__PYTHON_FRAME_RUN, NULL, 0);
	expect_error(1, buf_bytes(&bytes), "the Python process of operator \"Map\": ");
	buf_clear(&bytes);
	add_run(&bytes, words, 1);
	size_t last = bytes.size_bytes - 1;

	bytes.data[PYTHON_FRAME_HEADER_BYTES] ^= 0x40; /* how many records, or how long it is */
	expect_error(1, buf_bytes(&bytes), "the Python process of operator \"Map\": ");
	bytes.data[PYTHON_FRAME_HEADER_BYTES] ^= 0x40;
	uint32_t cut = (uint32_t)(last - PYTHON_FRAME_HEADER_BYTES - 16);

	memcpy(bytes.data, &cut, sizeof(cut)); /* a frame that ends within the run */
	expect_error(1, buf_bytes(&bytes), "the Python process of operator \"Map\": ");
	buf_fini(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_frame_comes_back_when_all_of_it_is_there),
		cmocka_unit_test(headers_that_nobody_writes_are_refused_at_once),
		cmocka_unit_test(runs_in_any_pieces_become_records),
		cmocka_unit_test(the_end_has_an_answer_of_its_own),
		cmocka_unit_test(what_was_not_asked_for_is_an_error),
		cmocka_unit_test(what_a_function_prints_there_is_told_as_such),
		cmocka_unit_test(a_failure_is_told_in_its_own_words),
		cmocka_unit_test(damaged_runs_are_refused),
	};

	return cmocka_run_group_tests(tests, open_type, close_type);
}
