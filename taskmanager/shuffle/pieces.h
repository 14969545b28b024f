/* SPDX-License-Identifier: Apache-2.0
 * pieces.h - the consuming end of records that travel in pieces (common/record/piece.h): each
 * channel's pieces are put together to a run of one record, which the chain takes as any other.
 *
 * All channels of a task share one budget, so that a hundred producers with a large record each do
 * not need a hundred times the memory: a record is begun when the budget has room for all of it, or
 * when nothing else is held. Others wait on their channel, in segments and credit. None waits for
 * ever: who has begun needs nothing from the others to end. On the task's thread. */
#ifndef TASKMANAGER_SHUFFLE_PIECES_H
#define TASKMANAGER_SHUFFLE_PIECES_H

#include "common/record/piece.h"

struct assembly { /* of one channel; zeroed: none */
	char *run;    /* of the whole record; its bytes go to run + 16 */
	uint64_t run_bytes;
	struct piece_sequence sequence;
	const void *waiting; /* the first piece, in its segment, while there is no room */
};

struct pieces { /* of one task */
	uint64_t held_bytes;
	uint32_t record_bytes_max; /* the setting; also the budget */
	uint32_t waiting_count;
};

enum pieces_answer { PIECES_FAILED = -1, PIECES_WAIT, PIECES_MORE, PIECES_DONE };

/* Takes the next piece of a channel. MORE: the piece is copied, its segment may go. DONE: likewise,
 * and *batch is the whole record, valid until pieces_drop. WAIT: no room; assembly->waiting is
 * the piece, to be given again when something was dropped. FAILED: the bytes are not valid. */
enum pieces_answer pieces_take(struct pieces *pieces, struct assembly *assembly,
				 const struct record_type *type, const void *piece,
				 struct batch *batch, struct err *err);
/* Frees what the channel has; also in the middle of a record. */
void pieces_drop(struct pieces *pieces, struct assembly *assembly);

#endif
