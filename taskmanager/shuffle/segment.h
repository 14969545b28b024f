/* SPDX-License-Identifier: Apache-2.0
 * segment.h - network segments: one pool per TaskManager, reference-counted, handed over without a
 * copy. Take and unref are lock-free (a bounded many-to-many ring of free segments); a segment is
 * touched first when first taken. */
#ifndef TASKMANAGER_SHUFFLE_SEGMENT_H
#define TASKMANAGER_SHUFFLE_SEGMENT_H

#include <stdatomic.h>
#include <stdint.h>

#include "common/base/err.h"

struct segment_pool;

struct segment {
	char *data; /* 64-byte aligned, size_bytes of the pool */
	struct segment_pool *pool;
	atomic_uint refs;
};

/* total_bytes is rounded down to whole segments, at least 16 of them. */
struct segment_pool *segment_pool_create(uint64_t total_bytes, uint32_t segment_bytes);
void segment_pool_destroy(struct segment_pool **pool); /* CHECKs that every segment is back */
struct segment *segment_take(struct segment_pool *pool); /* one reference; NULL = none free */
void segment_ref(struct segment *segment);
void segment_unref(struct segment **segment); /* clears; NULL-safe */
uint32_t segment_pool_segment_bytes(const struct segment_pool *pool);
uint32_t segment_pool_total(const struct segment_pool *pool);
uint32_t segment_pool_free(const struct segment_pool *pool);
/* Admission before deployment: sets `count` segments aside for a task's channels, or says no with
 * ERR_BUFFERS (need, free, setting). Given back with the same count. */
MUST_USE int segment_pool_admit(struct segment_pool *pool, uint32_t count, struct err *err);
void segment_pool_dismiss(struct segment_pool *pool, uint32_t count);

#endif
