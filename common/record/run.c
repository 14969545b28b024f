/* SPDX-License-Identifier: Apache-2.0
 * run.c - runs: built by writers, viewed in place by readers, checked once when they come from
 * outside. batch.h draws the layout. */
#include "common/record/batch.h"

#include "common/base/check.h"
#include "common/record/record_priv.h"

#define HEADER_BYTES ((uint32_t)sizeof(struct run_header))
#define RUN_FLAGS_KNOWN (RUN_DENSE | RUN_TIMESTAMPS | RUN_ROW_KINDS)

/* ---- building -------------------------------------------------------------------------------- */

void run_builder_init(struct run_builder *run, const struct record_type *type,
		      uint32_t capacity_bytes_max, bool with_timestamps)
{
	uint32_t per_record = type->size_bytes + (with_timestamps ? 8 : 0);

	CHECK(capacity_bytes_max >= HEADER_BYTES, "a run of %u bytes", capacity_bytes_max);
	*run = (struct run_builder){ .type = type,
				     .stride_bytes = type->size_bytes,
				     .capacity_bytes_max = capacity_bytes_max,
				     .count_max = (capacity_bytes_max - HEADER_BYTES) / per_record,
				     .with_timestamps = with_timestamps };
	size_t timestamps_bytes = with_timestamps ? run->count_max * sizeof(int64_t) : 0;
	size_t offsets_bytes = type->has_tails ? run->count_max * sizeof(uint32_t) : 0;

	if (timestamps_bytes + offsets_bytes == 0)
		return;
	char *columns = mem_alloc(timestamps_bytes + offsets_bytes);

	/* The timestamps first, for their alignment; run_builder_fini frees what comes first. */
	if (with_timestamps)
		run->timestamps_ms = (int64_t *)columns;
	if (type->has_tails)
		run->offsets = (uint32_t *)(columns + timestamps_bytes);
}

void run_builder_fini(struct run_builder *run)
{
	mem_free(run->with_timestamps ? (void *)run->timestamps_ms : (void *)run->offsets);
	*run = (struct run_builder){ .type = NULL };
}

bool run_begin(struct run_builder *run, void *data, uint32_t capacity_bytes)
{
	uint32_t per_record = run->stride_bytes + (run->with_timestamps ? 8 : 0);

	CHECK(((uintptr_t)data & 7) == 0, "a run at %p", data);
	CHECK(capacity_bytes <= run->capacity_bytes_max, "%u bytes for a run, at most %u were said",
	      capacity_bytes, run->capacity_bytes_max);
	CHECK(run->data == NULL || run->count == 0, "a run of %u records is still open",
	      run->count);
	capacity_bytes &= ~7u;
	run->data = NULL;
	run->dense_count_max = 0;
	if (capacity_bytes < HEADER_BYTES + per_record)
		return false;
	run->data = data;
	run->capacity_bytes = capacity_bytes;
	run->used_bytes = HEADER_BYTES;
	run->count = 0;
	run->tails = false;
	/* Exact, because the capacity and the timestamps are multiples of 8: records padded to 8
	 * fit wherever the records do. */
	run->dense_count_max = (capacity_bytes - HEADER_BYTES) / per_record;
	return run->dense_count_max > 0;
}

HOT void *run_reserve_slow(struct run_builder *run, uint32_t size_bytes)
{
	if (run->data == NULL || (!run->tails && size_bytes == run->stride_bytes))
		return NULL;
	CHECK(run->type->has_tails && size_bytes >= run->stride_bytes,
	      "%u bytes for a record of type %s, whose struct has %u", size_bytes, run->type->name,
	      run->stride_bytes);
	uint32_t at = (uint32_t)round_8(run->used_bytes), count = run->count;
	uint64_t end = (uint64_t)at + size_bytes;
	uint64_t columns = round_8((count + UINT64_C(1)) * sizeof(uint32_t)) +
			   (run->with_timestamps ? (count + UINT64_C(1)) * sizeof(int64_t) : 0);

	if (round_8(end) + columns > run->capacity_bytes)
		return NULL;
	if (!run->tails) {
		for (uint32_t i = 0; i < count; i++)
			run->offsets[i] = HEADER_BYTES + i * run->stride_bytes;
		run->tails = true;
		run->dense_count_max = 0;
	}
	memset(run->data + run->used_bytes, 0, at - run->used_bytes);
	run->offsets[count] = at;
	run->count = count + 1;
	run->used_bytes = (uint32_t)end;
	return run->data + at;
}

uint32_t run_end(struct run_builder *run)
{
	char *data = run->data;
	uint32_t count = run->count, end = (uint32_t)round_8(run->used_bytes);

	run->data = NULL;
	run->count = 0;
	run->dense_count_max = 0;
	if (data == NULL || count == 0)
		return 0;
	memset(data + run->used_bytes, 0, end - run->used_bytes);
	if (run->tails) {
		uint32_t offsets_bytes = count * (uint32_t)sizeof(uint32_t);

		memcpy(data + end, run->offsets, offsets_bytes);
		memset(data + end + offsets_bytes, 0, round_8(offsets_bytes) - offsets_bytes);
		end += (uint32_t)round_8(offsets_bytes);
	}
	if (run->with_timestamps) {
		memcpy(data + end, run->timestamps_ms, count * sizeof(int64_t));
		end += count * (uint32_t)sizeof(int64_t);
	}
	struct run_header header = {
		.size_bytes = end,
		.count = count,
		.stride_bytes = (uint16_t)(run->tails ? 0 : run->stride_bytes),
		.flags = (uint8_t)((run->tails ? 0 : RUN_DENSE) |
				   (run->with_timestamps ? RUN_TIMESTAMPS : 0)),
	};
	memcpy(data, &header, sizeof(header));
	return end;
}

/* ---- reading --------------------------------------------------------------------------------- */

struct columns { /* where they begin, from the run's first byte; computed from its end */
	uint64_t offsets, timestamps, row_kinds;
};

/* False: they do not fit between the header and the run's end. */
static bool find_columns(const struct run_header *header, struct columns *columns)
{
	uint64_t count = header->count;
	uint64_t offsets = header->flags & RUN_DENSE ? 0 : round_8(count * sizeof(uint32_t));
	uint64_t timestamps = header->flags & RUN_TIMESTAMPS ? count * sizeof(int64_t) : 0;
	uint64_t row_kinds = header->flags & RUN_ROW_KINDS ? round_8(count) : 0;

	if (HEADER_BYTES + offsets + timestamps + row_kinds > header->size_bytes)
		return false;
	columns->row_kinds = header->size_bytes - row_kinds;
	columns->timestamps = columns->row_kinds - timestamps;
	columns->offsets = columns->timestamps - offsets;
	return true;
}

static void make_view(const struct record_type *type, const void *run,
		      const struct columns *columns, struct batch *batch)
{
	const struct run_header *header = run;
	const char *data = run;
	bool dense = header->flags & RUN_DENSE;

	*batch = (struct batch){ .type = type,
				 .base = dense ? data + HEADER_BYTES : data,
				 .stride_bytes = header->stride_bytes,
				 .count = header->count,
				 .row_kind = header->row_kind };
	if (!dense)
		batch->offsets = (const uint32_t *)(data + columns->offsets);
	if (header->flags & RUN_TIMESTAMPS)
		batch->timestamps_ms = (const int64_t *)(data + columns->timestamps);
	if (header->flags & RUN_ROW_KINDS)
		batch->row_kinds = (const uint8_t *)(data + columns->row_kinds);
}

HOT void run_view(const struct record_type *type, const void *run, struct batch *batch)
{
	struct columns columns = { 0, 0, 0 };
	bool fits = find_columns(run, &columns);

	CHECK(fits, "a run of this process has %u records in %u bytes",
	      ((const struct run_header *)run)->count,
	      ((const struct run_header *)run)->size_bytes);
	make_view(type, run, &columns, batch);
}

/* ---- checking -------------------------------------------------------------------------------- */

static int check_header(const struct record_type *type, const struct run_header *header,
			uint32_t size_bytes, struct columns *columns, struct err *err)
{
	if (header->size_bytes > size_bytes || header->size_bytes < HEADER_BYTES ||
	    header->size_bytes % 8 != 0)
		return err_set(
			err, ERR_RECORD_INVALID,
			"a run says it has %u bytes; allowed are multiples of 8 from 16 to %u",
			header->size_bytes, size_bytes);
	if (header->flags & ~RUN_FLAGS_KNOWN || header->reserved != 0)
		return err_set(
			err, ERR_RECORD_INVALID,
			"a run has flags 0x%x and reserved %u; this version knows flags up to 0x%x",
			header->flags, header->reserved, RUN_FLAGS_KNOWN);
	if (header->record_type != 0)
		return err_set(err, ERR_RECORD_INVALID,
			       "a run is of record type %u; its edge has only 0",
			       header->record_type);
	if (header->row_kind > ROW_DELETE ||
	    (header->row_kind != 0 && header->flags & RUN_ROW_KINDS))
		return err_set(err, ERR_RECORD_INVALID,
			       "a run has row kind %u; allowed are 0 to 3%s", header->row_kind,
			       header->flags & RUN_ROW_KINDS ? ", and 0 beside a column of them" :
							       "");
	uint32_t stride = header->flags & RUN_DENSE ? type->size_bytes : 0;
	if (header->stride_bytes != stride)
		return err_set(err, ERR_RECORD_INVALID,
			       "a run of type \"%s\" has stride %u instead of %u", type->name,
			       header->stride_bytes, stride);
	if (header->count == 0 || !find_columns(header, columns))
		return err_set(err, ERR_RECORD_INVALID, "a run of %u bytes cannot have %u records",
			       header->size_bytes, header->count);
	return 0;
}

static int refuse_record(const struct record_type *type, uint32_t index, uint32_t field,
			 const char *problem, struct err *err)
{
	if (field == UINT32_MAX)
		return err_set(err, ERR_RECORD_INVALID, "record %u of a run of type \"%s\": %s",
			       index, type->name, problem);
	return err_set(err, ERR_RECORD_INVALID,
		       "record %u of a run of type \"%s\": field \"%s\": %s", index, type->name,
		       type->fields[field].name, problem);
}

static int check_dense(const struct record_type *type, const struct run_header *header,
		       uint64_t records_end, struct err *err)
{
	const char *base = (const char *)header + HEADER_BYTES;
	uint64_t needed = HEADER_BYTES + round_8((uint64_t)header->count * type->size_bytes);
	uint32_t used, field;

	if (needed != records_end)
		return err_set(err, ERR_RECORD_INVALID,
			       "%u records of type \"%s\" end at byte %llu of a run, not at %llu",
			       header->count, type->name, (unsigned long long)needed,
			       (unsigned long long)records_end);
	if (records_valid_dense(type, base, header->count))
		return 0;
	/* Again and slowly, for the message. Room for the struct only: a tail cannot be here. */
	for (uint32_t i = 0; i < header->count; i++) {
		const char *problem = record_problem(type, base + (size_t)i * type->size_bytes,
						     type->size_bytes, &used, &field);
		if (problem)
			return refuse_record(type, i, field, problem, err);
	}
	CHECK(false, "the quick check of %s refused what the slow one accepts", type->name);
}

static int check_offsets(const struct record_type *type, const struct run_header *header,
			 const struct columns *columns, struct err *err)
{
	const char *data = (const char *)header;
	const uint32_t *offsets = (const uint32_t *)(data + columns->offsets);
	uint64_t end = HEADER_BYTES; /* of the record before */

	if (offsets[0] != HEADER_BYTES)
		return err_set(err, ERR_RECORD_INVALID,
			       "the first record of a run begins at byte %u, not 16", offsets[0]);
	for (uint32_t i = 0; i < header->count; i++) {
		uint32_t at = offsets[i], used, field;
		uint64_t limit = i + 1 < header->count ? offsets[i + 1] : columns->offsets;

		if (at < end || at % type->align_bytes != 0)
			return refuse_record(type, i, UINT32_MAX, "its offset is wrong", err);
		if (limit > columns->offsets || limit < at)
			return refuse_record(type, i, UINT32_MAX, "the next offset is wrong", err);
		const char *problem = record_problem(type, data + at, limit - at, &used, &field);
		if (problem)
			return refuse_record(type, i, field, problem, err);
		end = (uint64_t)at + used;
	}
	return 0;
}

HOT int run_check(const struct record_type *type, const void *run, uint32_t size_bytes,
		  struct batch *batch, struct err *err)
{
	const struct run_header *header = run;
	struct columns columns = { 0, 0, 0 };
	uint8_t kinds = 0;

	if (((uintptr_t)run & 7) != 0)
		return err_set(err, ERR_RECORD_INVALID, "a run does not begin at a multiple of 8");
	if (size_bytes < HEADER_BYTES)
		return err_set(err, ERR_RECORD_INVALID, "%u bytes are too few for a run's header",
			       size_bytes);
	if (check_header(type, header, size_bytes, &columns, err) != 0)
		return -1;
	if (header->flags & RUN_DENSE ? check_dense(type, header, columns.offsets, err) :
					check_offsets(type, header, &columns, err))
		return -1;
	make_view(type, run, &columns, batch);
	for (uint32_t i = 0; i < batch->count && batch->row_kinds; i++)
		kinds |= batch->row_kinds[i];
	if (kinds > ROW_DELETE)
		return err_set(err, ERR_RECORD_INVALID, "a row kind of a run is above %u",
			       ROW_DELETE);
	return 0;
}
