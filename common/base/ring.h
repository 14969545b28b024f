/* SPDX-License-Identifier: Apache-2.0
 * ring.h - how agents meet: a bounded single-producer single-consumer ring of pointers, and an
 * inbox that any thread may post to.
 *
 * Orders are acquire/release and seq_cst operations, never fences, so that TSan understands them.
 *  */
#ifndef COMMON_BASE_RING_H
#define COMMON_BASE_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/compiler.h"

/* Producer and consumer fields are kept two cache lines apart, so a writer of one side never
 * touches the other side's line. By padding, not by alignment: rings are embedded in what mem_alloc
 * gives, which is aligned to 16 bytes. */
#define RING_APART_BYTES (2 * CACHE_LINE_BYTES)

struct ring {
	_Atomic uint64_t head; /* next to take; consumer writes */
	uint64_t tail_seen;    /* consumer's copy of tail */
	char apart_[RING_APART_BYTES];
	_Atomic uint64_t tail; /* next to fill; producer writes */
	uint64_t head_seen;    /* producer's copy of head */
	char apart_too_[RING_APART_BYTES];
	void **items;
	uint64_t mask;
};

void ring_init(struct ring *ring, uint32_t capacity_min); /* rounded up to a power of two */
void ring_fini(struct ring *ring);
bool ring_offer(struct ring *ring, void *item); /* producer: false = full */
void *ring_take(struct ring *ring);             /* consumer: NULL = empty */
bool ring_empty(const struct ring *ring);       /* either side; a snapshot */
uint32_t ring_count(const struct ring *ring);   /* either side; a snapshot */

/* Unbounded multi-producer single-consumer queue of intrusive nodes; order per producer is kept.
 * For commands between agents (control plane): whoever posts bounds how many are under way. */
struct inbox_node {
	_Atomic(struct inbox_node *) next;
};

struct inbox {
	_Atomic(struct inbox_node *) tail;
	char apart_[RING_APART_BYTES];
	struct inbox_node *head;
	struct inbox_node stub;
};

void inbox_init(struct inbox *inbox);
void inbox_post(struct inbox *inbox, struct inbox_node *node); /* any thread */
struct inbox_node *inbox_take(struct inbox *inbox);            /* consumer: NULL = empty just now */

#endif
