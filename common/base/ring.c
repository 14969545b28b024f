/* SPDX-License-Identifier: Apache-2.0
 * ring.c - the single-producer single-consumer ring and the many-to-one inbox. */
#include "common/base/ring.h"

#include "common/base/mem.h"

void ring_init(struct ring *ring, uint32_t capacity_min)
{
	uint64_t capacity = 2;

	while (capacity < capacity_min)
		capacity *= 2;
	ring->items = MEM_NEW_ARRAY(void *, capacity);
	ring->mask = capacity - 1;
	ring->tail_seen = ring->head_seen = 0;
	atomic_init(&ring->head, 0);
	atomic_init(&ring->tail, 0);
}

void ring_fini(struct ring *ring)
{
	mem_free(ring->items);
	ring->items = NULL;
}

bool ring_offer(struct ring *ring, void *item)
{
	uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);

	if (tail - ring->head_seen > ring->mask) {
		ring->head_seen = atomic_load_explicit(&ring->head, memory_order_acquire);
		if (tail - ring->head_seen > ring->mask)
			return false;
	}
	ring->items[tail & ring->mask] = item;
	atomic_store_explicit(&ring->tail, tail + 1, memory_order_seq_cst);
	return true;
}

void *ring_take(struct ring *ring)
{
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);

	if (head == ring->tail_seen) {
		ring->tail_seen = atomic_load_explicit(&ring->tail, memory_order_seq_cst);
		if (head == ring->tail_seen)
			return NULL;
	}
	void *item = ring->items[head & ring->mask];

	atomic_store_explicit(&ring->head, head + 1, memory_order_seq_cst);
	return item;
}

bool ring_empty(const struct ring *ring)
{
	return ring_count(ring) == 0;
}

uint32_t ring_count(const struct ring *ring)
{
	struct ring *r = (struct ring *)(uintptr_t)ring;
	uint64_t head = atomic_load_explicit(&r->head, memory_order_seq_cst);

	return (uint32_t)(atomic_load_explicit(&r->tail, memory_order_seq_cst) - head);
}

/* Vyukov's queue: producers swap the tail, then link; the consumer walks from a stub. A producer
 * between its two stores makes the queue look empty for a moment, never lose or reorder. */
void inbox_init(struct inbox *inbox)
{
	atomic_init(&inbox->stub.next, NULL);
	atomic_init(&inbox->tail, &inbox->stub);
	inbox->head = &inbox->stub;
}

void inbox_post(struct inbox *inbox, struct inbox_node *node)
{
	atomic_store_explicit(&node->next, NULL, memory_order_relaxed);
	struct inbox_node *before =
		atomic_exchange_explicit(&inbox->tail, node, memory_order_acq_rel);

	atomic_store_explicit(&before->next, node, memory_order_seq_cst);
}

struct inbox_node *inbox_take(struct inbox *inbox)
{
	struct inbox_node *head = inbox->head;
	struct inbox_node *next = atomic_load_explicit(&head->next, memory_order_seq_cst);

	if (head == &inbox->stub) {
		if (next == NULL)
			return NULL;
		inbox->head = head = next;
		next = atomic_load_explicit(&head->next, memory_order_seq_cst);
	}
	if (next != NULL) {
		inbox->head = next;
		return head;
	}
	if (head != atomic_load_explicit(&inbox->tail, memory_order_acquire))
		return NULL; /* a producer is between its two stores */
	inbox_post(inbox, &inbox->stub);
	next = atomic_load_explicit(&head->next, memory_order_seq_cst);
	if (next == NULL)
		return NULL;
	inbox->head = next;
	return head;
}
