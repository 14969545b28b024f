/* SPDX-License-Identifier: Apache-2.0
 * bench_sum.c - the sink "bench-sum": counts records and adds up their third field (value), modulo
 * 2^64, and says both at the end. Whoever made the records knows what both must be; a wrong answer
 * has no speed. "bench-count" takes records of any type and only counts them. */
#include <inttypes.h>

#include "common/world/world.h"
#include "tests/bench/connector/bench.h"

struct sum_writer {
	const struct operator_context *context;
	uint64_t records, total;
};

static int open_any(void **self, const struct operator_context *context, struct state_reader *from,
		    struct err *err)
{
	struct sum_writer *writer = MEM_NEW(struct sum_writer);

	*self = writer;
	writer->context = context;
	return 0;
}

static int open_rows(void **self, const struct operator_context *context,
		     struct state_reader *from, struct err *err)
{
	if (open_any(self, context, from, err) < 0)
		return -1;
	return bench_check_type(context->input_types[0], "bench-sum", err);
}

static int write_count(void *self, const struct batch *batch, uint32_t *taken, struct err *err)
{
	((struct sum_writer *)self)->records += batch->count;
	*taken = batch->count;
	return 1;
}

static int write_rows(void *self, const struct batch *batch, uint32_t *taken, struct err *err)
{
	uint64_t total = 0;

	for (uint32_t i = 0; i < batch->count; i++)
		total += (uint64_t)((const struct bench_row *)batch_at(batch, i))->value;
	((struct sum_writer *)self)->total += total;
	return write_count(self, batch, taken, err);
}

static int flush(void *self, uint64_t checkpoint, bool end_of_input, struct err *err)
{
	struct sum_writer *writer = self;

	if (end_of_input)
		bench_say(writer->context,
			  "bench-sum %" PRIu32 " records %" PRIu64 " total %" PRIu64
			  " ended %" PRId64 "\n",
			  writer->context->subtask, writer->records, writer->total,
			  world_now(writer->context->world));
	return 1;
}

static void writer_close(void **self)
{
	mem_free(*self);
	*self = NULL;
}

const struct sink_vtable bench_sum_sink = {
	.name = "bench-sum",
	.writer_open = open_rows,
	.write = write_rows,
	.flush = flush,
	.writer_close = writer_close,
};

const struct sink_vtable bench_count_sink = {
	.name = "bench-count",
	.writer_open = open_any,
	.write = write_count,
	.flush = flush,
	.writer_close = writer_close,
};
