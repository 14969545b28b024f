/* SPDX-License-Identifier: Apache-2.0
 * output.h - what one operator of a chain has emitted and the next one has not taken yet.
 *
 *	operator --outbox--> [open run] -> finished runs, oldest first --> next operator, channels
 *
 * The open run lies in a buffer of a segment's size. When it is full it is finished and another
 * buffer is opened, so that inside one user call every emission succeeds; at the same time the
 * outbox says full, and the operator stops at its next record. The buffers beyond the first are the
 * overdraft: all outputs of a task share one bound (LIMIT_OVERDRAFT_BYTES_MAX), past which the task
 * fails by name. Memory is kept for the life of the task; only an overdraft allocates.
 *
 * A record larger than a segment gets a run and a buffer of its own, up to the largest record that
 * is allowed. One such record per output costs no overdraft, so that it passes a chain of any
 * length; more of them in one call do. */
#ifndef TASKMANAGER_EXEC_OUTPUT_H
#define TASKMANAGER_EXEC_OUTPUT_H

#include "common/contract/outbox.h"
#include "taskmanager/exec/user_abi.h"

struct overdraft { /* of one task */
	uint64_t used_bytes, max_bytes;
};

struct output_run { /* a finished run, or a spare buffer */
	struct output_run *next;
	uint32_t capacity_bytes, size_bytes, count;
	uint32_t overdraft_bytes; /* of it, counted */
	bool is_large;            /* one record, in a buffer of its size */
	_Alignas(8) char data[];
};

struct output {
	struct outbox out; /* given to the operator */
	struct run_builder run;
	struct output_run *open, *first, *last, *spare;
	uint32_t spares_count, buffer_bytes, record_bytes_max, large_count;
	struct overdraft *overdraft;
	struct user_call *call; /* told of records too large and of the end of the overdraft */
	uint64_t records_count, bytes_count; /* emitted and finished, ever */
};

struct output_options { /* all pointers are borrowed */
	const struct record_type *type;
	uint32_t buffer_bytes, record_bytes_max;
	bool with_timestamps;
	struct overdraft *overdraft;
	struct user_call *call;
};

void output_init(struct output *output, const struct output_options *options);
void output_fini(struct output *output);
/* Finishes the open run, if it has records. */
void output_finish(struct output *output);
/* The oldest finished run, or NULL. */
static inline struct output_run *output_first(const struct output *output)
{
	return output->first;
}
/* The oldest finished run was taken in full. With the last one gone the outbox has room again. */
void output_drop_first(struct output *output);
/* Nothing emitted waits here, not even in the open run. */
bool output_is_empty(const struct output *output);

#endif
