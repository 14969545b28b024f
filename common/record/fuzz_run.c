/* SPDX-License-Identifier: Apache-2.0
 * fuzz_run.c - a run from outside, for a type from outside: refused, or all of it can be read,
 * copied, printed, keyed, and written again. Pieces of a record from outside likewise, one behind
 * the other until the input ends or one does not follow. */
#include "common/record/batch.h"
#include "common/record/fuzz_record.h"
#include "common/record/piece.h"

#define RECORD_BYTES_MAX 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Writes the batch's records into a run of our own and reads that. */
static void write_again(const struct batch *batch)
{
	uint32_t capacity = 64;
	struct run_builder run;
	struct batch again;
	struct err err;

	for (uint32_t i = 0; i < batch->count; i++)
		capacity += record_size(batch->type, batch_at(batch, i)) + 24;
	char *memory = mem_alloc(capacity);
	run_builder_init(&run, batch->type, capacity, batch->timestamps_ms != NULL);
	CHECK(run_begin(&run, memory, capacity), "%u bytes are too few", capacity);
	for (uint32_t i = 0; i < batch->count; i++) {
		const void *record = batch_at(batch, i);
		void *into = run_reserve(&run, record_size(batch->type, record));

		CHECK(into != NULL, "record %u does not fit", i);
		record_copy(batch->type, record, into);
		if (batch->timestamps_ms)
			run.timestamps_ms[i] = batch->timestamps_ms[i];
	}
	int answer = run_check(batch->type, memory, run_end(&run), &again, &err);
	CHECK(answer == 0, "%s", err.text);
	CHECK(again.count == batch->count, "%u records instead of %u", again.count, batch->count);
	for (uint32_t i = 0; i < batch->count; i++)
		CHECK(random_equal(batch->type, batch_at(batch, i), batch_at(&again, i)),
		      "record %u", i);
	run_builder_fini(&run);
	mem_free(memory);
}

static void use(const struct batch *batch)
{
	struct key_spec spec = { .fields_count = 1 };
	struct key *keys = MEM_NEW_ARRAY(struct key, batch->count);
	struct buf text, scratch;
	uint64_t sum = 0;

	buf_init(&text);
	buf_init(&scratch);
	for (uint32_t i = 0; i < batch->count; i++) {
		fuzz_use(batch->type, batch_at(batch, i), &text, &scratch);
		sum += batch->timestamps_ms ? (uint64_t)batch->timestamps_ms[i] : 0;
		CHECK(batch_row_kind(batch, i) <= ROW_DELETE, "row kind %u",
		      batch_row_kind(batch, i));
	}
	for (spec.fields[0] = 0; spec.fields[0] < batch->type->fields_count; spec.fields[0]++) {
		key_of_batch(batch, &spec, 0, batch->count, &scratch, keys);
		for (uint32_t i = 0; i < batch->count; i++)
			sum += keys[i].hash;
	}
	buf_printf(&text, "%llu", (unsigned long long)sum); /* so that nothing is optimised away */
	buf_fini(&text);
	buf_fini(&scratch);
	mem_free(keys);
	write_again(batch);
}

/* A record that came in pieces, all of it. */
static void use_whole(const struct record_type *type, const struct piece_head *last, char *run)
{
	struct piece_record record = { .size_bytes = last->record_bytes,
				       .row_kind = last->run.row_kind,
				       .has_timestamp = last->run.flags & RUN_TIMESTAMPS,
				       .timestamp_ms = last->timestamp_ms };
	struct batch batch;
	struct err err = ERR_INIT;

	run_single_write(type, &record, run);
	if (run_check(type, run, ((const struct run_header *)(const void *)run)->size_bytes,
		      &batch, &err) == 0)
		use(&batch);
}

static void take_pieces(const struct record_type *type, const char *data, uint32_t size_bytes)
{
	struct piece_sequence sequence = { .record_bytes = 0 };
	struct err err = ERR_INIT;
	char *run = mem_alloc(2 * RECORD_BYTES_MAX);
	uint32_t bytes;

	while (size_bytes > 0 && piece_check(type, data, size_bytes, RECORD_BYTES_MAX, &sequence,
					     &err) == 0) {
		const struct piece_head *head = (const void *)data;
		const char *from = piece_bytes(head, &bytes);

		CHECK((uint64_t)head->offset_bytes + bytes <= head->record_bytes,
		      "%u bytes at %u of %u", bytes, head->offset_bytes, head->record_bytes);
		memcpy(run + sizeof(struct run_header) + head->offset_bytes, from, bytes);
		if (!piece_under_way(&sequence))
			use_whole(type, head, run);
		data += head->run.size_bytes;
		size_bytes -= head->run.size_bytes;
	}
	mem_free(run);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *run;
	uint32_t size_bytes;
	struct batch batch;
	struct err err = ERR_INIT;
	struct record_type *type = fuzz_type(data, size, &run, &size_bytes);

	if (type == NULL)
		return 0;
	if (run_check(type, run, size_bytes, &batch, &err) == 0)
		use(&batch);
	else
		CHECK(err.code == ERR_RECORD_INVALID && err.text[0], "an error without a text");
	take_pieces(type, run, size_bytes);
	mem_free(run);
	record_type_destroy(&type);
	CHECK(mem_bytes_out() == 0, "%lld bytes are out", (long long)mem_bytes_out());
	return 0;
}
