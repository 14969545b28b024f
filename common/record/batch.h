/* SPDX-License-Identifier: Apache-2.0
 * batch.h - runs (one header, many records) and the batches that operators take.
 *
 * A run in a segment:
 *   struct run_header | records, padded to 8 | [offsets: count × uint32 from the run's first byte,
 *   padded to 8; absent when dense] | [timestamps: count × int64] | [row kinds: count bytes, padded
 *   to 8]
 * A run is dense (fixed stride, no record has a tail) or has offsets. Runs begin at multiples of 8;
 * the columns are found from the run's end. The first record begins behind the header; offsets
 * ascend and are multiples of the type's alignment; a record with tails begins at a multiple of
 * 8. */
#ifndef COMMON_RECORD_BATCH_H
#define COMMON_RECORD_BATCH_H

#include "common/base/compiler.h"
#include "common/record/record.h"

enum run_flag {
	RUN_DENSE = 1, RUN_TIMESTAMPS = 2, RUN_ROW_KINDS = 4,
	RUN_PIECE = 8, /* of a record larger than a segment: piece.h */
};

/* Flink's RowKind, by its byte value. */
enum row_kind { ROW_INSERT, ROW_UPDATE_BEFORE, ROW_UPDATE_AFTER, ROW_DELETE }; /* +I -U +U -D */

struct run_header { /* 16 bytes */
	uint32_t size_bytes; /* of the whole run, header included; a multiple of 8 */
	uint32_t count;      /* records, ≥ 1 */
	uint16_t record_type; /* index in the edge's type list: 0 so far */
	uint16_t stride_bytes; /* dense: the type's size_bytes; else 0 */
	uint8_t row_kind;      /* enum row_kind of all records; 0 when RUN_ROW_KINDS is set */
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
	const uint8_t *row_kinds;     /* NULL: all are row_kind */
	struct segment *segment;      /* may be NULL */
	uint8_t row_kind;             /* enum row_kind; 0 = +I */
};

static inline enum row_kind batch_row_kind(const struct batch *b, uint32_t i)
{
	return (enum row_kind)(b->row_kinds ? b->row_kinds[i] : b->row_kind);
}

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
 * tails inside the run, booleans 0 or 1, unused bytes of short strings zero, nulls zero, row kinds
 * known. `run` is 8-aligned; size_bytes is what is there and may be more than the run: the run is
 * run_header.size_bytes long. On success *batch views the run. ERR_RECORD_INVALID names the rule,
 * the record's index and the field. record_check says what is left to the writer's honesty. */
MUST_USE int run_check(const struct record_type *type, const void *run, uint32_t size_bytes,
		       struct batch *batch, struct err *err);
/* The same view without checks, for runs written by this process. */
void run_view(const struct record_type *type, const void *run, struct batch *batch);

/* Builds one run in memory that the caller gives; used by channel writers and chain buffers. The
 * run stays dense until the first record with a tail comes. Offsets and timestamps are collected in
 * side arrays (one allocation per builder, made by run_builder_init) and put behind the records by
 * run_end, so nothing is reserved that a dense run does not need. Between run_end and run_begin
 * nothing fits. */
struct run_builder {
	const struct record_type *type;
	char *data; /* 8-aligned; the run begins here; NULL: none is open */
	/* Not side by side with count: gcc would change both by one vector store, and the next call
	 * would wait for it five times as long as for two plain ones. */
	uint32_t used_bytes;      /* end of the last record, from data */
	uint32_t stride_bytes;    /* the type's size_bytes */
	uint32_t dense_count_max; /* how many fit while the run is dense; 0 once it is not */
	uint32_t count;
	uint32_t capacity_bytes, capacity_bytes_max, count_max;
	bool with_timestamps, tails;
	uint32_t *offsets;      /* side arrays of count_max; offsets count only when `tails` */
	int64_t *timestamps_ms; /* NULL without; the caller writes [count - 1] after each reserve */
};

/* capacity_bytes_max: the largest memory that run_begin will ever be given. */
void run_builder_init(struct run_builder *run, const struct record_type *type,
		      uint32_t capacity_bytes_max, bool with_timestamps);
void run_builder_fini(struct run_builder *run);
/* False: not even one record of the struct's size fits into capacity_bytes (of which the largest
 * multiple of 8 is used); nothing is open then. */
bool run_begin(struct run_builder *run, void *data, uint32_t capacity_bytes);
/* Closes the run: writes the header and the columns. Returns its size in bytes; 0 when empty. */
uint32_t run_end(struct run_builder *run);

/* run_reserve's other half: the first record with a tail, all records after it, and "full". */
void *run_reserve_slow(struct run_builder *run, uint32_t size_bytes);

/* Room for one record of size_bytes (record_size, or the struct's size for a record without tails);
 * NULL = does not fit. The memory is not zeroed. */
static inline void *run_reserve(struct run_builder *run, uint32_t size_bytes)
{
	if (likely(size_bytes == run->stride_bytes && run->count < run->dense_count_max)) {
		char *record = run->data + run->used_bytes;

		if (record == NULL) /* callers ask again; data is there while anything fits */
			__builtin_unreachable();
		run->used_bytes += size_bytes;
		run->count++;
		return record;
	}
	return run_reserve_slow(run, size_bytes);
}

/* Many at once: where the next record without a tail goes, and how many fit there one behind the
 * other (0: ask run_reserve). They belong to the run when run_added says so. */
static inline char *run_room(const struct run_builder *run, uint32_t *count)
{
	*count = run->dense_count_max > run->count ? run->dense_count_max - run->count : 0;
	return run->data + run->used_bytes;
}

static inline void run_added(struct run_builder *run, uint32_t count)
{
	run->used_bytes += count * run->stride_bytes;
	run->count += count;
}

#endif
