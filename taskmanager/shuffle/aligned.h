/* SPDX-License-Identifier: Apache-2.0
 * aligned.h - heap memory on its own cache lines, for structs that two threads use. */
#ifndef TASKMANAGER_SHUFFLE_ALIGNED_H
#define TASKMANAGER_SHUFFLE_ALIGNED_H

#include "common/base/mem.h"

/* Zeroed, aligned to two cache lines: they are fetched in pairs. *memory is what mem_free takes. */
static inline void *aligned_alloc_lines(size_t size_bytes, void **memory)
{
	const uintptr_t lines = 2 * CACHE_LINE_BYTES;

	*memory = mem_alloc(size_bytes + lines - 1);
	return (void *)(((uintptr_t)*memory + lines - 1) & ~(lines - 1));
}

#endif
