/* SPDX-License-Identifier: Apache-2.0
 * bench_schedule.c - the source "bench-schedule": an open-loop driver, as limit/latency_floor has
 * one. Record i is due at t0 + i / rate, fixed before the first of them: it carries that moment,
 * not the one at which it was really made, so a stall of whatever comes behind counts against every
 * record that was due meanwhile.
 *
 * Options: records (per subtask), rate (per second), wait: "spin" (default; the source looks at the
 * clock again and again, and is never idle) or "sleep" (it asks to be woken when the next is due).
 * Fields: key: the record's number; time: when it was due, CLOCK_MONOTONIC's nanoseconds; value:
 * the number again. */
#include "common/world/world.h"
#include "connectors/single_split.h"
#include "tests/bench/connector/bench.h"

#define BEGIN_AFTER_MS 20
#define POLL_RECORDS_MAX 1024 /* after a stall */

struct schedule_reader {
	const struct operator_context *context;
	uint64_t records, done;
	double gap_ns;
	mono_t begin; /* t0; 0: not yet */
	bool sleeps, may_begin;
};

static int read_options(struct schedule_reader *reader, const struct options *options,
			struct err *err)
{
	const char *wait = options_get(options, "wait");
	uint64_t rate = 0;

	if (bench_number(options, "records", 0, &reader->records, err) < 0 ||
	    bench_number(options, "rate", 100000, &rate, err) < 0)
		return -1;
	if (rate == 0)
		return err_set(err, ERR_PLAN_INVALID, "bench-schedule needs a rate above 0");
	if (wait != NULL && strcmp(wait, "spin") != 0 && strcmp(wait, "sleep") != 0)
		return err_set(err, ERR_PLAN_INVALID,
			       "bench-schedule waits by \"spin\" or \"sleep\", not by \"%s\"", wait);
	reader->gap_ns = 1e9 / (double)rate;
	reader->sleeps = wait != NULL && strcmp(wait, "sleep") == 0;
	return 0;
}

static int reader_open(void **self, const struct operator_context *context,
		       struct state_reader *from, struct err *err)
{
	struct schedule_reader *reader = MEM_NEW(struct schedule_reader);
	struct options options = { .message = NULL };

	*self = reader;
	reader->context = context;
	if (bench_check_type(context->output_type, "bench-schedule", err) < 0 ||
	    options_open(&options, context->parameters, err) < 0)
		return -1;
	int result = read_options(reader, &options, err);

	options_close(&options);
	return result;
}

static int reader_add(void *self, const struct split *splits, uint32_t count, struct err *err)
{
	return 0; /* each subtask knows its part without one */
}

static int reader_no_more_splits(void *self, struct err *err)
{
	((struct schedule_reader *)self)->may_begin = true;
	return 0;
}

static mono_t due(const struct schedule_reader *reader, uint64_t record)
{
	return reader->begin + (mono_t)((double)record * reader->gap_ns);
}

static enum poll reader_poll(void *self, mono_t now, struct outbox *out, mono_t *wake_at,
			     struct err *err)
{
	struct schedule_reader *reader = self;
	mono_t clock = world_now(reader->context->world); /* `now` is as old as the step */
	uint64_t first = reader->done;

	if (!reader->may_begin)
		return POLL_WAIT;
	if (reader->begin == 0)
		reader->begin = mono_after_ms(clock, BEGIN_AFTER_MS);
	while (reader->done < reader->records && reader->done - first < POLL_RECORDS_MAX &&
	       due(reader, reader->done) <= clock && !outbox_full(out)) {
		struct bench_row record = { .key = reader->done,
					    .time = due(reader, reader->done),
					    .value = (int64_t)reader->done };

		outbox_emit(out, reader->context->output_type, &record);
		reader->done++;
	}
	if (reader->done == reader->records)
		return POLL_END;
	if (reader->sleeps && reader->done == first && !outbox_full(out)) {
		*wake_at = due(reader, reader->done);
		return POLL_WAIT;
	}
	return POLL_MORE;
}

static void reader_close(void **self)
{
	mem_free(*self);
	*self = NULL;
}

const struct source_vtable bench_schedule_source = {
	.name = "bench-schedule",
	.enumerator_open = single_split_open,
	.enumerator_step = single_split_step,
	.enumerator_reader = single_split_reader,
	.enumerator_close = single_split_close,
	.reader_open = reader_open,
	.reader_add = reader_add,
	.reader_no_more_splits = reader_no_more_splits,
	.reader_poll = reader_poll,
	.reader_close = reader_close,
};
