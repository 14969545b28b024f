/* SPDX-License-Identifier: Apache-2.0
 * batch.h - runs (one header, many records) and the batches that operators take.
 *
 * A run in a segment:
 *   struct run_header | records, padded to 8 | [offsets: count × uint32 from the run's first byte,
 *   padded to 8; absent when dense] | [timestamps: count × int64] | [row kinds: count bytes, padded to 8]
 * A run is dense (fixed stride, no record has a tail) or has offsets. Runs begin at multiples of 8;
 * the columns are found from the run's end. Offsets ascend. */
#ifndef COMMON_RECORD_BATCH_H
#define COMMON_RECORD_BATCH_H

#include "common/base/compiler.h"
#include "common/record/record.h"

enum run_flag { RUN_DENSE = 1, RUN_TIMESTAMPS = 2, RUN_ROW_KINDS = 4 };

struct run_header { /* 16 bytes */
	uint32_t size_bytes; /* of the whole run, header included; a multiple of 8 */
	uint32_t count;      /* records, ≥ 1 */
	uint16_t record_type; /* index in the edge's type list: 0 so far */
	uint16_t stride_bytes; /* dense: the type's size_bytes; else 0 */
	uint8_t row_kind;      /* of all records when RUN_ROW_KINDS is not set: 0 = +I */
	uint8_t flags;         /* enum run_flag */
	uint16_t reserved;     /* 0 */
};
_Static_assert(sizeof(struct run_header) == 16, "run header is 16 bytes");

struct segment;

struct batch { /* a view; valid until the segment is released */
	const struct record_type *type;
	const char *base;
	uint32_t stride_bytes, count;
	const uint32_t *offsets;      /* from base; NULL: dense */
	const int64_t *timestamps_ms; /* NULL: none */
	const uint8_t *row_kinds;     /* NULL: all +I */
	struct segment *segment;      /* may be NULL */
};

static inline const void *batch_at(const struct batch *b, uint32_t i)
{
	return b->base + (b->offsets ? b->offsets[i] : (size_t)i * b->stride_bytes);
}

/* The part of a batch from record `from` on. */
static inline struct batch batch_rest(const struct batch *b, uint32_t from)
{
	struct batch rest = *b;

	rest.count -= from;
	if (b->offsets)
		rest.offsets += from;
	else
		rest.base += (size_t)from * b->stride_bytes;
	if (b->timestamps_ms)
		rest.timestamps_ms += from;
	if (b->row_kinds)
		rest.row_kinds += from;
	return rest;
}

/* Bytes from outside, once per run, before anything is dereferenced: sizes, alignment, offsets and
 * tails inside the run, booleans 0 or 1, inline strings zero-padded, row kinds known. On success
 * *batch views the run. ERR_RECORD_INVALID names the rule, the record's index and the field. */
MUST_USE int run_check(const struct record_type *type, const void *run, uint32_t size_bytes,
		       struct batch *batch, struct err *err);
/* The same view without checks, for runs written by this process. */
void run_view(const struct record_type *type, const void *run, struct batch *batch);

/* Builds one run in memory that the caller gives; used by channel writers and chain buffers. The run
 * stays dense until the first record with a tail comes. Offsets and timestamps are collected in side
 * arrays (one allocation per builder, made by run_builder_init) and put behind the records by
 * run_end, so nothing is reserved that a dense run does not need. */
struct run_builder {
	const struct record_type *type;
	char *data; /* 8-aligned; the run begins here */
	uint32_t capacity_bytes;
	uint32_t used_bytes; /* end of the last record, from data */
	uint32_t count, count_max;
	uint32_t column_bytes; /* per record, behind the records: 0 … 12 */
	bool with_timestamps, tails;
	uint32_t *offsets;      /* side arrays of count_max */
	int64_t *timestamps_ms; /* NULL without timestamps */
};

/* capacity_bytes_max: the largest memory that run_begin will ever be given. */
void run_builder_init(struct run_builder *run, const struct record_type *type,
		      uint32_t capacity_bytes_max, bool with_timestamps);
void run_builder_fini(struct run_builder *run);
/* False: not even one record of the struct's size fits into capacity_bytes. */
bool run_begin(struct run_builder *run, void *data, uint32_t capacity_bytes);
/* Closes the run: writes the header and the columns. Returns its size in bytes; 0 when empty. */
uint32_t run_end(struct run_builder *run);

/* Room for one record of size_bytes (record_size, or the struct's size for a record without tails);
 * NULL = does not fit. The memory is not zeroed. */
static inline void *run_reserve(struct run_builder *run, uint32_t size_bytes)
{
	uint32_t at = run->used_bytes, stride = run->type->size_bytes;
	uint32_t columns = run->column_bytes;

	if (unlikely(run->tails || size_bytes != stride)) {
		at = (at + 7u) & ~7u;
		columns = (run->with_timestamps ? 8u : 0u) + 4u;
	}
	uint64_t end = (uint64_t)at + size_bytes + 16u + (uint64_t)(run->count + 1) * columns;

	if (unlikely(run->count >= run->count_max || end > run->capacity_bytes))
		return NULL;
	if (unlikely(size_bytes != stride))
		run->tails = true;
	run->offsets[run->count++] = at;
	run->used_bytes = at + size_bytes;
	return run->data + at;
}

#endif
