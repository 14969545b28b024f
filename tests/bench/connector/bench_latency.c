/* SPDX-License-Identifier: Apache-2.0
 * bench_latency.c - the sink "bench-latency": a histogram of (now - the record's second field), for
 * records of bench-schedule. One clock reading per batch, as limit/latency_floor has one per read.
 *
 * Option: ignored (records at the beginning that do not count). Counts what came out of order,
 * which with one subtask on each side must be nothing. Buckets are 1/64 of their value wide; a
 * percentile is the upper end of the bucket that it falls into. */
#include <inttypes.h>

#include "common/world/world.h"
#include "tests/bench/connector/bench.h"

#define STEPS_BITS 6
#define STEPS (1u << STEPS_BITS)
#define BUCKETS (STEPS * (64 - STEPS_BITS))

struct latency_writer {
	const struct operator_context *context;
	uint64_t ignored, records, counted, out_of_order, early;
	int64_t next, longest_ns;
	uint64_t buckets[BUCKETS];
};

static int writer_open(void **self, const struct operator_context *context,
		       struct state_reader *from, struct err *err)
{
	struct latency_writer *writer = MEM_NEW(struct latency_writer);
	struct options options = { .message = NULL };

	*self = writer;
	writer->context = context;
	if (bench_check_type(context->input_types[0], "bench-latency", err) < 0 ||
	    options_open(&options, context->parameters, err) < 0)
		return -1;
	int result = bench_number(&options, "ignored", 0, &writer->ignored, err);

	options_close(&options);
	return result;
}

/* Below 64 ns each its own; above, 64 for each power of two. */
static uint32_t bucket_of(uint64_t ns)
{
	uint32_t power = ns < STEPS ? 0 : 63 - STEPS_BITS + 1 - (uint32_t)__builtin_clzll(ns);

	return power == 0 ? (uint32_t)ns : power * STEPS + (uint32_t)(ns >> (power - 1)) - STEPS;
}

static uint64_t upper_end(uint32_t bucket)
{
	uint32_t power = bucket / STEPS;

	if (power == 0)
		return bucket;
	return ((uint64_t)(bucket % STEPS + STEPS + 1) << (power - 1)) - 1;
}

static int write_batch(void *self, const struct batch *batch, uint32_t *taken, struct err *err)
{
	struct latency_writer *writer = self;
	mono_t now = world_now(writer->context->world);

	for (uint32_t i = 0; i < batch->count; i++) {
		const struct bench_row *record = batch_at(batch, i);
		int64_t ns = now - record->time;

		writer->out_of_order += record->value != writer->next;
		writer->next = record->value + 1;
		writer->early += ns < 0;
		if (writer->records++ < writer->ignored || ns < 0)
			continue;
		writer->counted++;
		writer->buckets[bucket_of((uint64_t)ns)]++;
		if (ns > writer->longest_ns)
			writer->longest_ns = ns;
	}
	*taken = batch->count;
	return 1;
}

static uint64_t percentile(const struct latency_writer *writer, double rank)
{
	uint64_t below = (uint64_t)(rank * (double)writer->counted), seen = 0;

	for (uint32_t i = 0; i < BUCKETS; i++) {
		seen += writer->buckets[i];
		if (seen > below)
			return upper_end(i);
	}
	return (uint64_t)writer->longest_ns;
}

static int flush(void *self, uint64_t checkpoint, bool end_of_input, struct err *err)
{
	struct latency_writer *writer = self;

	if (end_of_input)
		bench_say(writer->context,
			  "bench-latency %" PRIu32 " records %" PRIu64 " out_of_order %" PRIu64
			  " early %" PRIu64 " p50 %" PRIu64 " p99 %" PRIu64 " p99.9 %" PRIu64
			  " p99.99 %" PRIu64 " max %" PRId64 "\n",
			  writer->context->subtask, writer->records, writer->out_of_order,
			  writer->early, percentile(writer, 0.5), percentile(writer, 0.99),
			  percentile(writer, 0.999), percentile(writer, 0.9999),
			  writer->longest_ns);
	return 1;
}

static void writer_close(void **self)
{
	mem_free(*self);
	*self = NULL;
}

const struct sink_vtable bench_latency_sink = {
	.name = "bench-latency",
	.writer_open = writer_open,
	.write = write_batch,
	.flush = flush,
	.writer_close = writer_close,
};
