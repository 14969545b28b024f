/* SPDX-License-Identifier: Apache-2.0
 * spread.c - even spread: a heap of TaskManagers by the share of their slots in use; the least used
 * gives its next free slot. Equal shares: the one that registered first, so that runs repeat. */
#include "common/base/mem.h"
#include "jobmanager/resource/resource_priv.h"

struct candidate {
	struct taskmanager_info *taskmanager;
	uint32_t order; /* of registration */
	uint32_t used;
	uint32_t next; /* index of the slot to look at next */
};

static bool before(const struct candidate *a, const struct candidate *b)
{
	uint64_t left = (uint64_t)a->used * b->taskmanager->slots_count;
	uint64_t right = (uint64_t)b->used * a->taskmanager->slots_count;

	return left != right ? left < right : a->order < b->order;
}

static void sift_down(struct candidate *heap, uint32_t count, uint32_t at)
{
	for (;;) {
		uint32_t first = at;

		for (uint32_t child = 2 * at + 1; child <= 2 * at + 2 && child < count; child++)
			if (before(&heap[child], &heap[first]))
				first = child;
		if (first == at)
			return;
		struct candidate candidate = heap[at];

		heap[at] = heap[first];
		heap[first] = candidate;
		at = first;
	}
}

static struct slot *next_free(struct candidate *candidate, mono_t now)
{
	struct taskmanager_info *taskmanager = candidate->taskmanager;

	while (candidate->next < taskmanager->slots_count) {
		struct slot *slot = &taskmanager->slots[candidate->next++];

		if (slot->state == SLOT_FREE && slot->refused_until <= now)
			return slot;
	}
	return NULL;
}

static uint32_t collect(const struct resource_manager *manager, struct candidate *heap)
{
	uint32_t count = 0, order = 0;

	LIST_FOR_EACH(&manager->taskmanagers, struct taskmanager_info, node, taskmanager) {
		if (taskmanager->available && taskmanager->slots_free > 0)
			heap[count++] = (struct candidate){
				.taskmanager = taskmanager,
				.order = order,
				.used = taskmanager->slots_count - taskmanager->slots_free,
			};
		order++;
	}
	for (uint32_t at = count / 2; at-- > 0;)
		sift_down(heap, count, at);
	return count;
}

uint32_t spread_pick(const struct resource_manager *manager, mono_t now, struct slot **slots,
		     uint32_t count)
{
	struct candidate *heap = MEM_NEW_ARRAY(struct candidate, manager->available_count);
	uint32_t left = collect(manager, heap), picked = 0;

	while (picked < count && left > 0) {
		struct slot *slot = next_free(&heap[0], now);

		if (slot != NULL) {
			slots[picked++] = slot;
			heap[0].used++;
		} else {
			heap[0] = heap[--left];
		}
		sift_down(heap, left, 0);
	}
	mem_free(heap);
	return picked;
}
