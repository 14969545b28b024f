/* SPDX-License-Identifier: Apache-2.0
 * segment_priv.h - the pool's inside, shared by segment.c (taking and giving back) and
 * segment_room.c (who may have how many, and cutting). Nobody outside this folder includes it.
 *
 * A whole segment and the small ones that it can be cut into share memory and descriptors: block b
 * has the descriptors from b * slices_max on, and the first of them stands for the whole. */
#ifndef TASKMANAGER_SHUFFLE_SEGMENT_PRIV_H
#define TASKMANAGER_SHUFFLE_SEGMENT_PRIV_H

#include <pthread.h>

#include "taskmanager/shuffle/aligned.h"
#include "taskmanager/shuffle/segment.h"

struct segment_class {
	/* {turn, index + 1}: the turn grows with every change, so a thread that slept between its
	 * load and its exchange cannot mistake a later stack for the one it saw. */
	_Alignas(2 * CACHE_LINE_BYTES) _Atomic uint64_t top;
	atomic_uint used; /* taken and not given back */
	uint32_t size_bytes, per_block;
	/* of small ones, under the pool's room_lock: */
	uint32_t admitted;  /* segments */
	uint32_t committed; /* blocks of the account: what these need, or what is cut */
	uint32_t blocks;    /* that are cut now */
};

struct segment_pool {
	struct segment_class classes[SEGMENT_CLASSES_MAX];
	uint32_t classes_count, slices_max;
	_Alignas(2 * CACHE_LINE_BYTES) atomic_uint fresh; /* blocks from here on were never used */
	atomic_uint waiters_count;			  /* changed under the lock; read without */
	_Alignas(2 * CACHE_LINE_BYTES) struct segment *segments;
	char *data;
	uint32_t segment_bytes, total;
	void *memory;
	_Atomic uint64_t account; /* {holds, admitted} in blocks */
	pthread_mutex_t
		room_lock;    /* guards the small classes' accounts, cutting, putting together */
	pthread_mutex_t lock; /* guards: */
	struct list waiters;
};

/* segment.c */
struct segment *segment_pop(struct segment_pool *pool, uint32_t size_class);
void segment_push(struct segment_pool *pool, struct segment *segment);
/* A whole one that was given back, or one that was never used; NULL: none. Nobody's yet. */
struct segment *segment_pop_block(struct segment_pool *pool);
void segment_describe(struct segment_pool *pool, uint32_t block, uint32_t slice,
		      uint32_t size_class);
void segment_tell_waiters(struct segment_pool *pool);
/* segment_room.c */
/* A small segment while its stack is empty: another thread's, or from a block that is cut now. */
struct segment *segment_cut(struct segment_pool *pool, uint32_t size_class);

#endif
