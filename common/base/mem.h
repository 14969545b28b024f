/* SPDX-License-Identifier: Apache-2.0
 * mem.h - the only door to memory: tagged heap and arenas. (Network segments: taskmanager/shuffle.)
 *
 * Sizes that come from outside are checked against common/base/limits.h before anything is
 * allocated; after that, running out of memory is fatal and CHECKed here, so no caller tests for
 * NULL (docs/adr/0002-memory.md). Every byte is counted: tests end with mem_bytes_out() == 0. */
#ifndef COMMON_BASE_MEM_H
#define COMMON_BASE_MEM_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/bytes.h"
#include "common/base/compiler.h"

/* Zeroed; size 0 gives a valid pointer. Freed with mem_free, which accepts NULL. Thread-safe. */
void *mem_alloc(size_t size_bytes);
void *mem_alloc_array(size_t count, size_t size_bytes); /* CHECKs the product */
void *mem_realloc(void *memory, size_t size_bytes);     /* the grown part is not zeroed */
void mem_free(void *memory);
char *mem_strdup(const char *text); /* NULL gives NULL */
char *mem_strndup(const char *text, size_t length);
char *mem_printf(const char *format, ...) PRINTF(1, 2);
void *mem_dup(const void *memory, size_t size_bytes);
#define MEM_NEW(type) ((type *)mem_alloc(sizeof(type)))
#define MEM_NEW_ARRAY(type, count) ((type *)mem_alloc_array((count), sizeof(type)))

/* Page-aligned, zeroed, lazily touched; for segments and tables. Freed with mem_unmap. */
void *mem_map(size_t size_bytes);
/* The same in huge pages where the system has them, aligned to one: the first touch of each takes
 * all of it. size_bytes is a multiple of MEM_MAP_BYTES, the largest ordinary page there is. */
#define MEM_MAP_BYTES ((size_t)64 * 1024)
#define MEM_HUGE_BYTES ((size_t)2 * 1024 * 1024)
void *mem_map_huge(size_t size_bytes);
void mem_unmap(void *memory, size_t size_bytes);

int64_t mem_bytes_out(void);  /* heap bytes allocated and not freed */
int64_t mem_blocks_out(void); /* and how many blocks */

/* Freed memory that the allocator keeps goes back to the system. Milliseconds: after a flood. */
void mem_trim(void);

/* Many things, one death: a message, a request, a plan, a settings file. Not thread-safe. */
struct arena;
struct arena *arena_create(const char *name); /* name is borrowed: a literal */
void arena_destroy(struct arena **arena);
void arena_reset(struct arena *arena); /* forgets the contents, keeps one block */
void *arena_alloc(struct arena *arena, size_t size_bytes); /* zeroed, 16-byte aligned */
char *arena_strdup(struct arena *arena, const char *text);
char *arena_strndup(struct arena *arena, const char *text, size_t length);
char *arena_printf(struct arena *arena, const char *format, ...) PRINTF(2, 3);
struct bytes arena_dup(struct arena *arena, struct bytes bytes);
size_t arena_bytes(const struct arena *arena);

#endif
