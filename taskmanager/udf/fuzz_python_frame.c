/* SPDX-License-Identifier: Apache-2.0
 * fuzz_python_frame.c - anything that user code may write to a worker's descriptor.
 *
 * Input: byte 0: bit 0 = records were asked for, bit 1 = the end was, the rest says in which pieces
 * the bytes come. Then what was written. Whatever it is, it becomes valid records or an error. */
#include "common/base/check.h"
#include "common/base/mem.h"
#include "taskmanager/udf/python_answers.h"

#define RECORD_BYTES_MAX (2 * LIMIT_SEGMENT_BYTES_MAX)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct field fields[] = { { "word", FIELD_STRING, 0 },
				       { "count", FIELD_INT, 1 },
				       { "value", FIELD_BYTES, 1 } };

/* An outbox that is full after each run and starts anew. */
struct sink {
	struct outbox out;
	struct run_builder run;
	uint64_t memory[(RECORD_BYTES_MAX + PYTHON_RUN_EXTRA_BYTES) / 8 + 128];
	const struct record_type *type;
	struct buf text;
};

static void look(struct sink *sink)
{
	uint32_t size_bytes = run_end(&sink->run);
	struct batch batch;
	struct err err = ERR_INIT;

	if (size_bytes > 0) {
		CHECK(run_check(sink->type, sink->memory, size_bytes, &batch, &err) == 0, "%s",
		      err.text);
		for (uint32_t i = 0; i < batch.count; i++)
			record_print(sink->type, batch_at(&batch, i), &sink->text);
		buf_clear(&sink->text);
	}
	CHECK(run_begin(&sink->run, sink->memory, sizeof(sink->memory)), "no room");
}

static void *reserve_slow(struct outbox *out, uint32_t size_bytes)
{
	struct sink *sink = CONTAINER_OF(out, struct sink, out);

	look(sink);
	out->full = true;
	void *record = run_reserve(&sink->run, size_bytes);

	CHECK(record != NULL, "a record of %u bytes came in a frame", size_bytes);
	return record;
}

static int take(struct python_answers *answers, struct sink *sink, struct err *err)
{
	int answer;

	do {
		sink->out.full = false;
		answer = python_answers_take(answers, &sink->out, err);
	} while (answer == 0 && sink->out.full);
	return answer;
}

static void feed(struct python_answers *answers, struct sink *sink, const uint8_t *data,
		 size_t size, size_t step)
{
	struct err err = ERR_INIT;

	for (size_t at = 0; at < size; at += step) {
		buf_add(&answers->received, data + at, size - at < step ? size - at : step);
		int answer = take(answers, sink, &err);

		CHECK(answer != 1 || answers->asked == 0, "%u records are still asked for",
		      answers->asked);
		if (answer < 0) {
			CHECK(err.code == ERR_USER_FUNCTION_FAILED ||
				      err.code == ERR_RECORD_INVALID,
			      "code %d", (int)err.code);
			return;
		}
		CHECK(answers->received.size_bytes <
			      PYTHON_FRAME_HEADER_BYTES +
				      python_answer_bytes_max(RECORD_BYTES_MAX) + step,
		      "%zu bytes wait", answers->received.size_bytes);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct record_type *type;
	struct err err = ERR_INIT;

	if (size == 0)
		return 0;
	CHECK(record_type_create("fuzz", NULL, fields, ARRAY_COUNT(fields), &type, &err) == 0, "%s",
	      err.text);
	struct sink *sink = MEM_NEW(struct sink);
	struct python_answers answers = { .operator_name = "Map", .output_type = type,
					  .record_bytes_max = RECORD_BYTES_MAX,
					  .asked = data[0] & 1, .end_sent = data[0] & 2 };

	sink->type = type;
	sink->out.run = &sink->run;
	sink->out.reserve_slow = reserve_slow;
	buf_init(&sink->text);
	buf_init(&answers.received);
	run_builder_init(&sink->run, type, sizeof(sink->memory), false);
	CHECK(run_begin(&sink->run, sink->memory, sizeof(sink->memory)), "no room");
	feed(&answers, sink, data + 1, size - 1, (data[0] >> 2) + 1u);
	look(sink);
	run_end(&sink->run);
	run_builder_fini(&sink->run);
	buf_fini(&answers.received);
	buf_fini(&sink->text);
	mem_free(sink);
	record_type_destroy(&type);
	CHECK(mem_bytes_out() == 0, "%lld bytes are out", (long long)mem_bytes_out());
	return 0;
}
