/* SPDX-License-Identifier: Apache-2.0
 * outbox.h - where an operator or a source puts the records it emits.
 *
 * Inside one user call every emission succeeds (bounded overdraft, then the task fails by name);
 * between calls the operator asks outbox_full and stops there. Implemented by taskmanager/exec and
 * by the operator test kit; exported to jobs as part of the ABI. */
#ifndef COMMON_CONTRACT_OUTBOX_H
#define COMMON_CONTRACT_OUTBOX_H

#include <stdatomic.h>

#include "common/record/batch.h"

struct outbox { /* the hot path is inline: the run under way of output 0 */
	struct run_builder *run; /* NULL: the operator has no output */
	atomic_bool full;        /* ask before each record or batch; a cancellation sets it, too */
	/* Opens the next buffer and reserves there. NULL only for a record of more than
	 * operator_context.record_bytes_max: it is not to be written, and the task fails
	 * (ERR_RECORD_TOO_LARGE). The struct alone always has room. */
	void *(*reserve_slow)(struct outbox *out, uint32_t size_bytes);
	int64_t timestamp_ms; /* given to every record emitted; EVENT_MIN: none */
	const void *user_type; /* what collect() last emitted, checked against run->type once */
};

static inline bool outbox_full(const struct outbox *out)
{
	return atomic_load_explicit(&out->full, memory_order_relaxed);
}

/* Room for one record of size_bytes (see run_reserve); see reserve_slow for NULL. */
static inline void *outbox_reserve(struct outbox *out, uint32_t size_bytes)
{
	struct run_builder *run = out->run;
	void *record = run_reserve(run, size_bytes);

	if (unlikely(record == NULL))
		record = out->reserve_slow(out, size_bytes);
	/* A large record has a run of its own, and its timestamp already. */
	if (unlikely(run->with_timestamps) && run->count > 0)
		run->timestamps_ms[run->count - 1] = out->timestamp_ms;
	return record;
}

/* Many at once, for loops over batches: as run_room and run_added. What is written with count 0 in
 * mind, or beyond it, goes through outbox_reserve, one by one. */
static inline char *outbox_room(const struct outbox *out, uint32_t *count)
{
	return run_room(out->run, count);
}

static inline void outbox_added(struct outbox *out, uint32_t count)
{
	struct run_builder *run = out->run;

	run_added(run, count);
	for (uint32_t i = run->count - count; unlikely(run->with_timestamps) && i < run->count; i++)
		run->timestamps_ms[i] = out->timestamp_ms;
}

/* Copies one record (its strings may be borrowed) to the output. */
static inline void outbox_emit(struct outbox *out, const struct record_type *type,
			       const void *record)
{
	if (!type->has_tails) {
		record_copy_struct(record, type->size_bytes, outbox_reserve(out, type->size_bytes));
		return;
	}
	uint32_t size_bytes = record_size(type, record);
	void *into = outbox_reserve(out, size_bytes);

	if (size_bytes == type->size_bytes)
		record_copy_struct(record, size_bytes, into);
	else if (likely(into != NULL))
		record_copy(type, record, into);
}

#endif
