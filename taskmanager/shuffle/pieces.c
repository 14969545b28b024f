/* SPDX-License-Identifier: Apache-2.0
 * pieces.c - see pieces.h. */
#include "taskmanager/shuffle/pieces.h"

#include "common/base/mark.h"

static bool has_room(const struct pieces *pieces, uint64_t run_bytes)
{
	return pieces->held_bytes == 0 ||
	       pieces->held_bytes + run_bytes <= pieces->record_bytes_max;
}

/* False: no room. */
static bool begin(struct pieces *pieces, struct assembly *assembly, const struct record_type *type,
		  const struct piece_head *head)
{
	bool waited = assembly->waiting != NULL;
	uint64_t run_bytes =
		run_single_bytes(type, head->record_bytes, head->run.flags & RUN_TIMESTAMPS);

	if (!has_room(pieces, run_bytes)) {
		SOMETIMES_IF(!waited, "a record in pieces waits for memory");
		pieces->waiting_count += !waited;
		assembly->waiting = head;
		return false;
	}
	pieces->waiting_count -= waited;
	assembly->waiting = NULL;
	assembly->run = mem_alloc(run_bytes);
	assembly->run_bytes = run_bytes;
	pieces->held_bytes += run_bytes;
	return true;
}

static enum pieces_answer end(struct assembly *assembly, const struct record_type *type,
			      const struct piece_head *head, struct batch *batch, struct err *err)
{
	struct piece_record record = {
		.size_bytes = head->record_bytes,
		.row_kind = head->run.row_kind,
		.has_timestamp = head->run.flags & RUN_TIMESTAMPS,
		.timestamp_ms = head->timestamp_ms,
	};

	run_single_write(type, &record, assembly->run);
	SOMETIMES("a record came in pieces");
	if (run_check(type, assembly->run, (uint32_t)assembly->run_bytes, batch, err) != 0)
		return PIECES_FAILED;
	return PIECES_DONE;
}

enum pieces_answer pieces_take(struct pieces *pieces, struct assembly *assembly,
				 const struct record_type *type, const void *piece,
				 struct batch *batch, struct err *err)
{
	const struct piece_head *head = piece;
	struct piece_sequence *sequence = &assembly->sequence, before = *sequence;
	uint32_t size_bytes;

	if (piece_check(type, piece, head->run.size_bytes, pieces->record_bytes_max, sequence,
			err) != 0)
		return PIECES_FAILED;
	if (head->offset_bytes == 0 && !begin(pieces, assembly, type, head)) {
		*sequence = before;
		return PIECES_WAIT;
	}
	const char *bytes = piece_bytes(piece, &size_bytes);

	memcpy(assembly->run + sizeof(struct run_header) + head->offset_bytes, bytes, size_bytes);
	return piece_under_way(sequence) ? PIECES_MORE : end(assembly, type, head, batch, err);
}

void pieces_drop(struct pieces *pieces, struct assembly *assembly)
{
	pieces->waiting_count -= assembly->waiting != NULL;
	pieces->held_bytes -= assembly->run_bytes;
	mem_free(assembly->run);
	*assembly = (struct assembly){ .run = NULL };
}
