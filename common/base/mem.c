/* SPDX-License-Identifier: Apache-2.0
 * mem.c - the only caller of malloc: counted heap blocks, page-aligned maps, arenas.
 *
 * A block has a 16-byte header with its size, so that bytes out are exact and a test can demand
 * zero. Running out of memory stops the process (see mem.h). */
#include "common/base/mem.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "common/base/check.h"

struct header {
	size_t size_bytes;
	size_t guard; /* catches mem_free of foreign memory */
};

#define GUARD ((size_t)UINT64_C(0x6d656d2d626c6b21))
#define SIZE_MAX_BYTES ((size_t)1 << 46)

static _Atomic int64_t bytes_out, blocks_out;

static void count(int64_t bytes, int64_t blocks)
{
	atomic_fetch_add_explicit(&bytes_out, bytes, memory_order_relaxed);
	if (blocks != 0)
		atomic_fetch_add_explicit(&blocks_out, blocks, memory_order_relaxed);
}

void *mem_alloc(size_t size_bytes)
{
	CHECK(size_bytes < SIZE_MAX_BYTES, "%zu bytes asked for", size_bytes);
	struct header *header = calloc(1, sizeof(*header) + size_bytes);

	CHECK(header != NULL, "out of memory: %zu bytes asked for, %lld in use", size_bytes,
	      (long long)mem_bytes_out());
	header->size_bytes = size_bytes;
	header->guard = GUARD;
	count((int64_t)size_bytes, 1);
	return header + 1;
}

void *mem_alloc_array(size_t items, size_t size_bytes)
{
	CHECK(size_bytes == 0 || items < SIZE_MAX_BYTES / size_bytes, "%zu × %zu bytes", items,
	      size_bytes);
	return mem_alloc(items * size_bytes);
}

static struct header *header_of(void *memory)
{
	struct header *header = (struct header *)memory - 1;

	CHECK(header->guard == GUARD, "memory that mem_alloc did not give, or freed twice");
	return header;
}

void *mem_realloc(void *memory, size_t size_bytes)
{
	if (memory == NULL)
		return mem_alloc(size_bytes);
	CHECK(size_bytes < SIZE_MAX_BYTES, "%zu bytes asked for", size_bytes);
	struct header *old = header_of(memory);
	size_t old_bytes = old->size_bytes;
	struct header *header = realloc(old, sizeof(*header) + size_bytes);

	CHECK(header != NULL, "out of memory: %zu bytes asked for, %lld in use", size_bytes,
	      (long long)mem_bytes_out());
	header->size_bytes = size_bytes;
	count((int64_t)size_bytes - (int64_t)old_bytes, 0);
	return header + 1;
}

void mem_free(void *memory)
{
	if (memory == NULL)
		return;
	struct header *header = header_of(memory);

	count(-(int64_t)header->size_bytes, -1);
	header->guard = 0;
	free(header);
}

char *mem_strdup(const char *text)
{
	return text ? mem_strndup(text, strlen(text)) : NULL;
}

char *mem_strndup(const char *text, size_t length)
{
	char *copy = mem_alloc(length + 1);

	memcpy(copy, text, length);
	return copy;
}

static int text_length(const char *format, va_list arguments)
{
	va_list again;

	va_copy(again, arguments);
	int length = vsnprintf(NULL, 0, format, again);
	va_end(again);
	CHECK(length >= 0, "format \"%s\"", format);
	return length;
}

char *mem_printf(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	int length = text_length(format, arguments);
	char *text = mem_alloc((size_t)length + 1);
	vsnprintf(text, (size_t)length + 1, format, arguments);
	va_end(arguments);
	return text;
}

void *mem_dup(const void *memory, size_t size_bytes)
{
	void *copy = mem_alloc(size_bytes);

	if (size_bytes > 0)
		memcpy(copy, memory, size_bytes);
	return copy;
}

void mem_trim(void)
{
	malloc_trim(0);
}

void *mem_map(size_t size_bytes)
{
	void *memory =
		mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(memory != MAP_FAILED, "out of memory: %zu bytes asked for", size_bytes);
	count((int64_t)size_bytes, 1);
	return memory;
}

void *mem_map_huge(size_t size_bytes)
{
	/* More is mapped than asked for, and what lies before and behind the aligned part is given
	 * back. */
	size_t mapped_bytes = size_bytes + MEM_HUGE_BYTES;

	CHECK(size_bytes % MEM_MAP_BYTES == 0, "%zu bytes of huge pages", size_bytes);
	char *memory = mmap(NULL, mapped_bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(memory != MAP_FAILED, "out of memory: %zu bytes asked for", size_bytes);
	size_t before = MEM_HUGE_BYTES - (uintptr_t)memory % MEM_HUGE_BYTES;
	size_t behind = mapped_bytes - before - size_bytes;

	CHECK(munmap(memory, before) == 0, "munmap of %zu bytes", before);
	if (behind > 0 && munmap(memory + before + size_bytes, behind) != 0)
		CHECK(false, "munmap of %zu bytes", behind);
#ifdef MADV_HUGEPAGE
	madvise(memory + before, size_bytes, MADV_HUGEPAGE); /* a wish: refused by some kernels */
#endif
	count((int64_t)size_bytes, 1);
	return memory + before;
}

void mem_unmap(void *memory, size_t size_bytes)
{
	if (memory == NULL)
		return;
	CHECK(munmap(memory, size_bytes) == 0, "munmap of %zu bytes", size_bytes);
	count(-(int64_t)size_bytes, -1);
}

int64_t mem_bytes_out(void)
{
	return atomic_load_explicit(&bytes_out, memory_order_relaxed);
}

int64_t mem_blocks_out(void)
{
	return atomic_load_explicit(&blocks_out, memory_order_relaxed);
}

/* ---- arenas --------------------------------------------------------------------------------- */

#define ARENA_BLOCK_BYTES 4000
#define ARENA_ALIGN 16u

struct block {
	struct block *next;
	size_t capacity_bytes, used_bytes;
	_Alignas(16) char data[];
};

struct arena {
	const char *name;
	struct block *blocks; /* newest first */
	size_t total_bytes;
};

struct arena *arena_create(const char *name)
{
	struct arena *arena = MEM_NEW(struct arena);

	arena->name = name;
	return arena;
}

void arena_destroy(struct arena **arena)
{
	if (*arena == NULL)
		return;
	for (struct block *block = (*arena)->blocks, *next; block; block = next) {
		next = block->next;
		mem_free(block);
	}
	mem_free(*arena);
	*arena = NULL;
}

void arena_reset(struct arena *arena)
{
	struct block *keep = NULL;

	for (struct block *block = arena->blocks, *next; block; block = next) {
		next = block->next;
		if (next == NULL && block->capacity_bytes == ARENA_BLOCK_BYTES)
			keep = block;
		else
			mem_free(block);
	}
	if (keep) {
		memset(keep->data, 0, keep->used_bytes);
		keep->used_bytes = 0;
		keep->next = NULL;
	}
	arena->blocks = keep;
	arena->total_bytes = 0;
}

void *arena_alloc(struct arena *arena, size_t size_bytes)
{
	size_t rounded = (size_bytes + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
	struct block *block = arena->blocks;

	CHECK(size_bytes < SIZE_MAX_BYTES, "%zu bytes asked for", size_bytes);
	if (block == NULL || block->capacity_bytes - block->used_bytes < rounded) {
		size_t capacity = rounded > ARENA_BLOCK_BYTES ? rounded : ARENA_BLOCK_BYTES;

		block = mem_alloc(sizeof(*block) + capacity);
		block->capacity_bytes = capacity;
		block->next = arena->blocks;
		arena->blocks = block;
	}
	void *memory = block->data + block->used_bytes;

	block->used_bytes += rounded;
	arena->total_bytes += rounded;
	return memory;
}

char *arena_strdup(struct arena *arena, const char *text)
{
	return text ? arena_strndup(arena, text, strlen(text)) : NULL;
}

char *arena_strndup(struct arena *arena, const char *text, size_t length)
{
	char *copy = arena_alloc(arena, length + 1);

	memcpy(copy, text, length);
	return copy;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	int length = text_length(format, arguments);
	char *text = arena_alloc(arena, (size_t)length + 1);
	vsnprintf(text, (size_t)length + 1, format, arguments);
	va_end(arguments);
	return text;
}

struct bytes arena_dup(struct arena *arena, struct bytes bytes)
{
	void *copy = arena_alloc(arena, bytes.size_bytes);

	if (bytes.size_bytes > 0)
		memcpy(copy, bytes.data, bytes.size_bytes);
	return bytes_of(copy, bytes.size_bytes);
}

size_t arena_bytes(const struct arena *arena)
{
	return arena->total_bytes;
}
