/* SPDX-License-Identifier: Apache-2.0
 * piece.c - see piece.h. */
#include "common/record/piece.h"

#include "common/base/check.h"
#include "common/record/record_priv.h"

#define HEAD_BYTES ((uint32_t)sizeof(struct piece_head))
#define PIECE_FLAGS_KNOWN (RUN_PIECE | RUN_TIMESTAMPS)

/* ---- writing --------------------------------------------------------------------------------- */

void piece_record_of(const struct batch *batch, uint32_t i, struct piece_record *record)
{
	const void *image = batch_at(batch, i);

	*record = (struct piece_record){
		.image = image,
		.size_bytes = record_size(batch->type, image),
		.row_kind = (uint8_t)batch_row_kind(batch, i),
		.has_timestamp = batch->timestamps_ms != NULL,
		.timestamp_ms = batch->timestamps_ms != NULL ? batch->timestamps_ms[i] : 0,
	};
}

uint32_t piece_write(const struct piece_record *record, uint32_t offset_bytes, void *into,
		     uint32_t room_bytes, uint32_t *carried)
{
	uint32_t left = record->size_bytes - offset_bytes;
	uint32_t bytes = (room_bytes & ~7u) - HEAD_BYTES;
	char *at = into;

	CHECK(offset_bytes < record->size_bytes &&
		      room_bytes >= piece_room_wanted(record, offset_bytes),
	      "%u bytes for a piece at %u of %u", room_bytes, offset_bytes, record->size_bytes);
	if (bytes > left)
		bytes = left;
	uint32_t padded = (uint32_t)round_8(bytes);
	struct piece_head head = {
		.run = { .size_bytes = HEAD_BYTES + padded,
			 .count = bytes == left,
			 .row_kind = record->row_kind,
			 .flags = (uint8_t)(RUN_PIECE |
					    (record->has_timestamp ? RUN_TIMESTAMPS : 0)) },
		.record_bytes = record->size_bytes,
		.offset_bytes = offset_bytes,
		.timestamp_ms = record->timestamp_ms,
	};

	memcpy(at, &head, sizeof(head));
	memcpy(at + HEAD_BYTES, (const char *)record->image + offset_bytes, bytes);
	memset(at + HEAD_BYTES + bytes, 0, padded - bytes);
	*carried = bytes;
	return head.run.size_bytes;
}

/* ---- reading --------------------------------------------------------------------------------- */

const char *piece_bytes(const void *piece, uint32_t *size_bytes)
{
	const struct piece_head *head = piece;
	uint32_t left = head->record_bytes - head->offset_bytes;

	*size_bytes = head->run.size_bytes - HEAD_BYTES;
	if (*size_bytes > left) /* the last one's padding */
		*size_bytes = left;
	return (const char *)piece + HEAD_BYTES;
}

static int check_head(const struct record_type *type, const struct piece_head *head,
		      uint32_t size_bytes, struct err *err)
{
	const struct run_header *run = &head->run;

	if (run->size_bytes > size_bytes || run->size_bytes <= HEAD_BYTES ||
	    run->size_bytes % 8 != 0)
		return err_set(
			err, ERR_RECORD_INVALID,
			"a piece says it has %u bytes; allowed are multiples of 8 from 40 to %u",
			run->size_bytes, size_bytes);
	if (run->flags & ~PIECE_FLAGS_KNOWN || run->reserved != 0 || run->record_type != 0 ||
	    run->stride_bytes != 0)
		return err_set(
			err, ERR_RECORD_INVALID,
			"a piece has flags 0x%x, type %u, stride %u and reserved %u; allowed are the flags 0x%x and zeroes",
			run->flags, run->record_type, run->stride_bytes, run->reserved,
			PIECE_FLAGS_KNOWN);
	if (run->row_kind > ROW_DELETE)
		return err_set(err, ERR_RECORD_INVALID,
			       "a piece has row kind %u; allowed are 0 to 3", run->row_kind);
	if (head->timestamp_ms != 0 && !(run->flags & RUN_TIMESTAMPS))
		return err_set(err, ERR_RECORD_INVALID,
			       "a piece without a timestamp has %lld in its place",
			       (long long)head->timestamp_ms);
	if (head->record_bytes < type->size_bytes)
		return err_set(err, ERR_RECORD_INVALID,
			       "a record of type \"%s\" in pieces has %u bytes; its struct has %u",
			       type->name, head->record_bytes, type->size_bytes);
	return 0;
}

/* Against the piece before it. */
static int check_place(const struct piece_head *head, const struct piece_sequence *sequence,
		       struct err *err)
{
	uint64_t end = (uint64_t)head->offset_bytes + head->run.size_bytes - HEAD_BYTES;
	bool is_last = end >= head->record_bytes;

	if (head->offset_bytes != sequence->have_bytes)
		return err_set(err, ERR_RECORD_INVALID,
			       "a piece begins at byte %u of its record; %u bytes came before it",
			       head->offset_bytes, sequence->have_bytes);
	if (piece_under_way(sequence) && (head->record_bytes != sequence->record_bytes ||
					  head->timestamp_ms != sequence->timestamp_ms ||
					  head->run.row_kind != sequence->row_kind ||
					  head->run.flags != sequence->flags))
		return err_set(err, ERR_RECORD_INVALID,
			       "a piece is of another record (%u bytes) than the one before it (%u bytes)",
			       head->record_bytes, sequence->record_bytes);
	if (end > round_8(head->record_bytes))
		return err_set(err, ERR_RECORD_INVALID,
			       "a piece ends at byte %llu of a record of %u bytes",
			       (unsigned long long)end, head->record_bytes);
	if (head->run.count != is_last)
		return err_set(err, ERR_RECORD_INVALID,
			       "a piece that is %sthe last of its record says it has %u records",
			       is_last ? "" : "not ", head->run.count);
	return 0;
}

int piece_check(const struct record_type *type, const void *run, uint32_t size_bytes,
		uint32_t record_bytes_max, struct piece_sequence *sequence, struct err *err)
{
	const struct piece_head *head = run;

	if (size_bytes < HEAD_BYTES)
		return err_set(err, ERR_RECORD_INVALID, "%u bytes are too few for a piece's head",
			       size_bytes);
	if (check_head(type, head, size_bytes, err) != 0 || check_place(head, sequence, err) != 0)
		return -1;
	if (head->record_bytes > record_bytes_max)
		return err_set(err, ERR_RECORD_TOO_LARGE,
			       "a record \"%s\" of %u bytes was announced; allowed here are %u",
			       type->name, head->record_bytes, record_bytes_max);
	if (head->run.count == 1) {
		*sequence = (struct piece_sequence){ .record_bytes = 0 };
		return 0;
	}
	*sequence = (struct piece_sequence){
		.record_bytes = head->record_bytes,
		.have_bytes = head->offset_bytes + head->run.size_bytes - HEAD_BYTES,
		.timestamp_ms = head->timestamp_ms,
		.row_kind = head->run.row_kind,
		.flags = head->run.flags,
	};
	return 0;
}

/* ---- a run of one record --------------------------------------------------------------------- */

#define RUN_HEADER_BYTES sizeof(struct run_header)

uint64_t run_single_bytes(const struct record_type *type, uint32_t size_bytes, bool has_timestamp)
{
	bool dense = size_bytes == type->size_bytes;

	return RUN_HEADER_BYTES + round_8((uint64_t)size_bytes) +
	       (dense ? 0 : round_8(sizeof(uint32_t))) + (has_timestamp ? sizeof(int64_t) : 0);
}

void run_single_write(const struct record_type *type, const struct piece_record *record, void *run)
{
	bool dense = record->size_bytes == type->size_bytes;
	uint64_t size_bytes = run_single_bytes(type, record->size_bytes, record->has_timestamp);
	uint64_t end = RUN_HEADER_BYTES + round_8((uint64_t)record->size_bytes);
	char *data = run;

	CHECK(size_bytes <= UINT32_MAX, "a run of %llu bytes", (unsigned long long)size_bytes);
	struct run_header header = {
		.size_bytes = (uint32_t)size_bytes,
		.count = 1,
		.stride_bytes = (uint16_t)(dense ? type->size_bytes : 0),
		.row_kind = record->row_kind,
		.flags = (uint8_t)((dense ? RUN_DENSE : 0) |
				   (record->has_timestamp ? RUN_TIMESTAMPS : 0)),
	};

	memcpy(data, &header, sizeof(header));
	memset(data + RUN_HEADER_BYTES + record->size_bytes, 0,
	       end - RUN_HEADER_BYTES - record->size_bytes);
	if (!dense) {
		uint64_t offset = RUN_HEADER_BYTES; /* one of 32 bits, and its padding */

		memcpy(data + end, &offset, sizeof(offset));
		end += sizeof(offset);
	}
	if (record->has_timestamp)
		memcpy(data + end, &record->timestamp_ms, sizeof(record->timestamp_ms));
}
