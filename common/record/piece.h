/* SPDX-License-Identifier: Apache-2.0
 * piece.h - a record that is larger than a segment travels as several runs, its pieces.
 *
 *	record image  |===== a =====|===== b =====|== c ==|
 *	runs          [head a] [head b] [head c]             one channel, nothing in between
 *
 * A piece is a run with the flag RUN_PIECE: a head of 32 bytes, then bytes of the record's image
 * (record.h), padded to 8. Each head says how large the record is and where the piece's bytes
 * belong, so every piece can be checked against the one before it. The last piece counts 1 record,
 * the others 0.
 *
 * Whoever takes pieces puts them together to a run of this one record, which run_check and run_view
 * then treat as any other. Nothing here allocates; everything is safe to call from any thread. */
#ifndef COMMON_RECORD_PIECE_H
#define COMMON_RECORD_PIECE_H

#include "common/record/batch.h"

struct piece_head { /* 32 bytes */
	struct run_header run;  /* flags: RUN_PIECE, and RUN_TIMESTAMPS if timestamp_ms is one */
	uint32_t record_bytes;  /* of the whole record's image */
	uint32_t offset_bytes;  /* in it: where this piece's bytes begin; a multiple of 8 */
	int64_t timestamp_ms;   /* 0 if there is none */
};
_Static_assert(sizeof(struct piece_head) == 32, "a piece's head is 32 bytes");

/* No piece is begun in less room, unless it is the last. */
#define PIECE_ROOM_BYTES_MIN 256

static inline bool run_is_piece(const void *run)
{
	return ((const struct run_header *)run)->flags & RUN_PIECE;
}

struct piece_record { /* what is cut up: a record's image, as it lies in a run */
	const void *image;
	uint32_t size_bytes;
	uint8_t row_kind; /* enum row_kind */
	bool has_timestamp;
	int64_t timestamp_ms;
};

/* Record i of a batch. */
void piece_record_of(const struct batch *batch, uint32_t i, struct piece_record *record);
/* The room, in bytes, that the next piece wants at least: less is not worth a head. */
static inline uint32_t piece_room_wanted(const struct piece_record *record, uint32_t offset_bytes)
{
	uint32_t left = record->size_bytes - offset_bytes;

	if (left < PIECE_ROOM_BYTES_MIN)
		return (uint32_t)sizeof(struct piece_head) + ((left + 7) & ~7u);
	return PIECE_ROOM_BYTES_MIN;
}
/* Writes the piece that begins at offset_bytes of the record into `room_bytes` at `into` (8-aligned
 * and at least piece_room_wanted). Returns the run's size; *carried: the record's bytes in it. */
uint32_t piece_write(const struct piece_record *record, uint32_t offset_bytes, void *into,
		     uint32_t room_bytes, uint32_t *carried);

/* How far a sequence of pieces got. Zeroed: no record is under way. */
struct piece_sequence {
	uint32_t record_bytes, have_bytes;
	int64_t timestamp_ms;
	uint8_t row_kind, flags;
};

static inline bool piece_under_way(const struct piece_sequence *sequence)
{
	return sequence->record_bytes != 0;
}

/* The bytes that a piece carries; *size_bytes: how many. */
const char *piece_bytes(const void *piece, uint32_t *size_bytes);
/* Bytes from outside that should be a piece, and the one that follows: its head, its sizes, and a
 * record of at most record_bytes_max. size_bytes: what is there, as in run_check. `sequence` moves
 * on; after the last piece nothing is under way. ERR_RECORD_INVALID, ERR_RECORD_TOO_LARGE. */
MUST_USE int piece_check(const struct record_type *type, const void *run, uint32_t size_bytes,
			 uint32_t record_bytes_max, struct piece_sequence *sequence,
			 struct err *err);

/* ---- a run of one record -------------------------------------------------------------------- */

/* Its size, for a record of size_bytes (record_size). */
uint64_t run_single_bytes(const struct record_type *type, uint32_t size_bytes, bool has_timestamp);
/* Writes everything of it but the record, which goes to run + 16. `run` is 8-aligned. */
void run_single_write(const struct record_type *type, const struct piece_record *record, void *run);

#endif
