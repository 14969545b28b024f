/* SPDX-License-Identifier: Apache-2.0
 * segment.h - network segments: one pool per TaskManager, reference-counted, handed over without a
 * copy. Take and unref are lock-free. Free segments form stacks, so the memory that is warm is
 * used first, and pages are touched when they are first needed (docs/adr/0004-channels.md).
 *
 * Segments come in sizes: class 0 is the pool's whole segment, each next class is half of the one
 * before, down to LIMIT_SEGMENT_BYTES_MIN. Small ones are cut from whole ones, and whole ones are
 * put together again when they are needed (docs/adr/0012-credits.md). */
#ifndef TASKMANAGER_SHUFFLE_SEGMENT_H
#define TASKMANAGER_SHUFFLE_SEGMENT_H

#include <stdatomic.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/list.h"

#define SEGMENT_WHOLE 0	      /* the class of whole segments */
#define SEGMENT_CLASSES_MAX 5 /* 32 KiB to 2 KiB */

struct segment_pool;

struct segment {
	char *data; /* 64-byte aligned */
	struct segment_pool *pool;
	uint32_t size_bytes, size_class;
	atomic_uint refs;
	atomic_uint next_free; /* the pool's */
};

/* total_bytes is rounded down to whole segments, at least 16 of them. segment_bytes: a multiple of
 * 64 within LIMIT_SEGMENT_BYTES_MIN … MAX. */
struct segment_pool *segment_pool_create(uint64_t total_bytes, uint32_t segment_bytes);
void segment_pool_destroy(struct segment_pool **pool); /* CHECKs that every segment is back */
/* One reference; NULL = none free. Small ones must have been admitted or lent. */
struct segment *segment_take(struct segment_pool *pool, uint32_t size_class);
void segment_ref(struct segment *segment);
void segment_unref(struct segment **segment);			      /* clears; NULL-safe */
uint32_t segment_pool_segment_bytes(const struct segment_pool *pool); /* of a whole one */
uint32_t segment_pool_total(const struct segment_pool *pool);	      /* whole ones */
uint32_t segment_pool_free(const struct segment_pool *pool); /* whole ones; parts count as taken */
uint64_t segment_pool_used_bytes(const struct segment_pool *pool); /* of segments taken */
/* The smallest class whose segments hold so many bytes; SEGMENT_WHOLE if none does. */
uint32_t segment_pool_class_for(const struct segment_pool *pool, uint32_t size_bytes);
uint32_t segment_pool_class_bytes(const struct segment_pool *pool, uint32_t size_class);
uint32_t segment_pool_classes(const struct segment_pool *pool); /* how many there are */

/* Whoever found the pool empty and wants to be told. `wake` is called once, by the thread that
 * gives a segment back, under the pool's lock: it must be short and must not call the pool. */
struct segment_waiter {
	void (*wake)(struct segment_waiter *waiter);
	atomic_bool waiting; /* readable by anybody */
	struct list_node node;
};

/* A segment, or NULL: then the waiter is in the list until a segment (of whatever class) comes back
 * or it is cancelled. Calling again while waiting is fine. */
struct segment *segment_take_or_wait(struct segment_pool *pool, uint32_t size_class,
				     struct segment_waiter *waiter);
void segment_wait_cancel(struct segment_pool *pool, struct segment_waiter *waiter);

/* Admission before deployment: sets `count` segments aside for somebody's channels, or says no with
 * ERR_BUFFERS (need, free, setting). Given back with the same class and count. Who holds no more
 * segments than it was admitted for never waits for one that somebody else keeps. */
MUST_USE int segment_pool_admit(struct segment_pool *pool, uint32_t size_class, uint32_t count,
				struct err *err);
/* The same question, and nothing is set aside. */
MUST_USE int segment_pool_room(struct segment_pool *pool, uint32_t size_class, uint32_t count,
			       struct err *err);
/* As many as there are, up to count; returns how many; none while lending is held. For what helps
 * but is not needed. */
uint32_t segment_pool_lend(struct segment_pool *pool, uint32_t size_class, uint32_t count);
void segment_pool_dismiss(struct segment_pool *pool, uint32_t size_class,
			  uint32_t count); /* of both */
/* Of both and all classes, in whole segments; one that was cut counts until it is whole again. */
uint32_t segment_pool_admitted(const struct segment_pool *pool);
/* Somebody waits for room (any number may): until then nothing is lent, and whoever has lent ones
 * gives them back as they become free. */
void segment_pool_hold(struct segment_pool *pool, bool hold);
bool segment_pool_held(const struct segment_pool *pool);
/* For checkers, while nobody uses the pool: false with the breach in text. */
bool segment_pool_check(struct segment_pool *pool, char *text, size_t size_bytes);

#endif
