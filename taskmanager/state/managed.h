/* SPDX-License-Identifier: Apache-2.0
 * managed.h - the managed memory of a slot: how much of it the state of its tasks takes.
 *
 * Nothing is allocated here. Who grows asks first, in steps (a region, an index), never per record;
 * who shrinks or goes gives back. Tasks of one slot may sit on several threads. */
#ifndef TASKMANAGER_STATE_MANAGED_H
#define TASKMANAGER_STATE_MANAGED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct managed_memory {
	uint64_t limit_bytes;
	_Atomic uint64_t used_bytes;
};

/* False: there is not so much left, and nothing was taken. */
static inline bool managed_memory_take(struct managed_memory *memory, uint64_t bytes)
{
	uint64_t used = atomic_load(&memory->used_bytes);

	do {
		if (bytes > memory->limit_bytes || used > memory->limit_bytes - bytes)
			return false;
	} while (!atomic_compare_exchange_weak(&memory->used_bytes, &used, used + bytes));
	return true;
}

static inline void managed_memory_give_back(struct managed_memory *memory, uint64_t bytes)
{
	atomic_fetch_sub(&memory->used_bytes, bytes);
}

static inline uint64_t managed_memory_used(const struct managed_memory *memory)
{
	return atomic_load(&((struct managed_memory *)(uintptr_t)memory)->used_bytes);
}

#endif
