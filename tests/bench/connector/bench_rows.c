/* SPDX-License-Identifier: Apache-2.0
 * bench_rows.c - the source "bench-rows": a fixed number of records per subtask, made on the way
 * into the network buffer at about a nanosecond each.
 *
 * Options: records (per subtask), keys (1000), payload (0: bytes of the record's fourth field, when
 * that is BYTES), period (keys drawn, BENCH_KEYS_PERIOD). Keys are those of tests/bench/limit,
 * drawn before the first record is made and then gone through again and again; see bench_keys.h.
 * Every value is 1, so that the updates of a key are 1, 2, 3 … in whatever order records come, and
 * the sum over all of them is known beforehand (keyed_sum_answer.c). */
#include <inttypes.h>

#include "common/world/world.h"
#include "connectors/single_split.h"
#include "tests/bench/connector/bench.h"
#include "tests/bench/connector/bench_keys.h"

#define POLL_RECORDS_MAX 4096 /* between two looks at what else a task has to do */
#define PAYLOAD_BYTES_MAX (1 << 20)

struct rows_reader {
	const struct operator_context *context;
	const struct record_type *type;
	uint64_t records, keys, period, done;
	uint32_t *numbers; /* [period] of keys */
	struct str payload;
	char *payload_bytes;
	bool may_begin, began;
};

static int read_options(struct rows_reader *reader, const struct options *options,
			uint64_t *payload, struct err *err)
{
	if (bench_number(options, "records", 0, &reader->records, err) < 0 ||
	    bench_number(options, "keys", 1000, &reader->keys, err) < 0 ||
	    bench_number(options, "period", BENCH_KEYS_PERIOD, &reader->period, err) < 0 ||
	    bench_number(options, "payload", 0, payload, err) < 0)
		return -1;
	if (reader->keys == 0 || reader->keys > UINT32_MAX || *payload > PAYLOAD_BYTES_MAX)
		return err_set(err, ERR_PLAN_INVALID,
			       "bench-rows needs 1 to 2^32 - 1 keys and at most %d bytes of payload",
			       PAYLOAD_BYTES_MAX);
	if (reader->period == 0 || reader->period > UINT32_MAX ||
	    reader->period % POLL_RECORDS_MAX != 0) /* a poll's keys lie side by side */
		return err_set(err, ERR_PLAN_INVALID, "a period is a multiple of %d",
			       POLL_RECORDS_MAX);
	return 0;
}

static int reader_open(void **self, const struct operator_context *context,
		       struct state_reader *from, struct err *err)
{
	struct rows_reader *reader = MEM_NEW(struct rows_reader);
	struct options options = { .message = NULL };
	uint64_t payload = 0;

	*self = reader;
	reader->context = context;
	reader->type = context->output_type;
	if (bench_check_type(reader->type, "bench-rows", err) < 0 ||
	    options_open(&options, context->parameters, err) < 0)
		return -1;
	int result = read_options(reader, &options, &payload, err);

	options_close(&options);
	if (result < 0)
		return -1;
	reader->payload_bytes = mem_alloc(payload + 1);
	memset(reader->payload_bytes, 'x', payload);
	reader->payload = str_of(reader->payload_bytes, payload);
	reader->numbers = MEM_NEW_ARRAY(uint32_t, reader->period);
	bench_keys_draw(reader->numbers, (uint32_t)reader->period, context->subtask,
			(uint32_t)reader->keys);
	return 0;
}

static int reader_add(void *self, const struct split *splits, uint32_t count, struct err *err)
{
	return 0; /* each subtask knows its part without one */
}

static int reader_no_more_splits(void *self, struct err *err)
{
	struct rows_reader *reader = self;

	reader->may_begin = true;
	return 0;
}

static void make_rows(struct rows_reader *reader, struct bench_row *rows, uint32_t count)
{
	uint32_t at = (uint32_t)(reader->done % reader->period);
	const uint32_t *numbers = reader->numbers + at;
	int64_t time = (int64_t)reader->done;

	for (uint32_t i = 0; i < count; i++)
		rows[i] = (struct bench_row){ .key = bench_key(numbers[i]),
					      .time = time + i,
					      .value = 1 };
}

/* One record that goes through the whole of an outbox: with a payload, or at a buffer's end. */
static void emit_one(struct rows_reader *reader, struct outbox *out)
{
	struct {
		struct bench_row row;
		uint64_t rest;
	} record = { .rest = 0 };

	make_rows(reader, &record.row, 1);
	if (reader->type->has_tails)
		memcpy(&record.row.extra, &reader->payload, sizeof(reader->payload));
	outbox_emit(out, reader->type, &record);
}

static uint32_t emit_some(struct rows_reader *reader, struct outbox *out, uint32_t count)
{
	uint32_t room = 0;
	char *at = outbox_room(out, &room);

	if (room == 0 || reader->type->size_bytes != sizeof(struct bench_row)) {
		emit_one(reader, out);
		return 1;
	}
	if (count > room)
		count = room;
	make_rows(reader, (struct bench_row *)(void *)at, count);
	outbox_added(out, count);
	return count;
}

static enum poll reader_poll(void *self, mono_t now, struct outbox *out, mono_t *wake_at,
			     struct err *err)
{
	struct rows_reader *reader = self;

	if (!reader->may_begin)
		return POLL_WAIT;
	if (!reader->began) {
		reader->began = true;
		bench_say(reader->context, "bench-rows %" PRIu32 " began %" PRId64 "\n",
			  reader->context->subtask, world_now(reader->context->world));
	}
	/* The period is a multiple of POLL_RECORDS_MAX, but polls may end before that many. */
	uint64_t until = reader->done / POLL_RECORDS_MAX * POLL_RECORDS_MAX + POLL_RECORDS_MAX;

	if (until > reader->records)
		until = reader->records;
	while (reader->done < until && !outbox_full(out))
		reader->done += emit_some(reader, out, (uint32_t)(until - reader->done));
	return reader->done == reader->records ? POLL_END : POLL_MORE;
}

static void reader_close(void **self)
{
	struct rows_reader *reader = *self;

	if (reader == NULL)
		return;
	mem_free(reader->numbers);
	mem_free(reader->payload_bytes);
	mem_free(reader);
	*self = NULL;
}

const struct source_vtable bench_rows_source = {
	.name = "bench-rows",
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
