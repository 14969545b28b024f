/* SPDX-License-Identifier: Apache-2.0
 * segment.c - the pool of network segments: a lock-free stack of free ones for each size, a list of
 * waiters.
 *
 * A stack and no ring: a ring would lead the channels through all of the pool's memory, cold
 * each time, where a few warm segments do; and a ring's pop can find nothing while a slow push is
 * under way, which would be one more case for those who wait. */
#include "taskmanager/shuffle/segment.h"

#include "common/base/check.h"
#include "common/base/limits.h"
#include "common/base/mem.h"
#include "taskmanager/shuffle/segment_priv.h"

#if defined(__SANITIZE_ADDRESS__)
#define SEGMENT_POISON 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SEGMENT_POISON 1
#endif
#endif
#ifdef SEGMENT_POISON /* a read of a segment after its release is then found at once */
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size_bytes) ((void)(address), (void)(size_bytes))
#define ASAN_UNPOISON_MEMORY_REGION(address, size_bytes) ((void)(address), (void)(size_bytes))
#endif

#define SEGMENTS_MIN 16

/* ---- life ------------------------------------------------------------------------------------ */

static void classes_init(struct segment_pool *pool)
{
	uint32_t size_bytes = pool->segment_bytes;

	while (pool->classes_count < SEGMENT_CLASSES_MAX && size_bytes >= LIMIT_SEGMENT_BYTES_MIN) {
		struct segment_class *class = &pool->classes[pool->classes_count];

		class->size_bytes = size_bytes;
		class->per_block = pool->slices_max = 1u << pool->classes_count++;
		size_bytes = size_bytes / 2 / CACHE_LINE_BYTES * CACHE_LINE_BYTES;
	}
}

struct segment_pool *segment_pool_create(uint64_t total_bytes, uint32_t segment_bytes)
{
	uint64_t total = total_bytes / segment_bytes;
	void *memory;

	CHECK(segment_bytes >= LIMIT_SEGMENT_BYTES_MIN &&
		      segment_bytes <= LIMIT_SEGMENT_BYTES_MAX &&
		      segment_bytes % CACHE_LINE_BYTES == 0,
	      "segments of %u bytes", segment_bytes);
	if (total < SEGMENTS_MIN)
		total = SEGMENTS_MIN;
	CHECK(total < UINT32_MAX >> SEGMENT_CLASSES_MAX, "%llu segments",
	      (unsigned long long)total);
	struct segment_pool *pool = aligned_alloc_lines(sizeof(*pool), &memory);

	pool->memory = memory;
	pool->total = (uint32_t)total;
	pool->segment_bytes = segment_bytes;
	classes_init(pool);
	pool->segments = mem_map(total * pool->slices_max * sizeof(struct segment));
	pool->data = mem_map(total * segment_bytes);
	list_init(&pool->waiters);
	CHECK(pthread_mutex_init(&pool->lock, NULL) == 0, "no mutex");
	CHECK(pthread_mutex_init(&pool->room_lock, NULL) == 0, "no mutex");
	return pool;
}

void segment_pool_destroy(struct segment_pool **pointer)
{
	struct segment_pool *pool = *pointer;
	char text[128];

	*pointer = NULL;
	if (pool == NULL)
		return;
	CHECK(segment_pool_free(pool) == pool->total, "%u of %u segments are still out",
	      pool->total - segment_pool_free(pool), pool->total);
	CHECK(segment_pool_admitted(pool) == 0, "%u segments are still set aside",
	      segment_pool_admitted(pool));
	CHECK(list_empty(&pool->waiters), "somebody still waits for a segment");
	CHECK(segment_pool_check(pool, text, sizeof(text)), "%s", text);
	ASAN_UNPOISON_MEMORY_REGION(pool->data, (size_t)pool->total * pool->segment_bytes);
	mem_unmap(pool->data, (size_t)pool->total * pool->segment_bytes);
	mem_unmap(pool->segments, (size_t)pool->total * pool->slices_max * sizeof(struct segment));
	pthread_mutex_destroy(&pool->lock);
	pthread_mutex_destroy(&pool->room_lock);
	mem_free(pool->memory);
}

/* ---- the stacks ------------------------------------------------------------------------------ */

struct segment *segment_pop(struct segment_pool *pool, uint32_t size_class)
{
	struct segment_class *class = &pool->classes[size_class];
	uint64_t top = atomic_load(&class->top), after;
	struct segment *segment;

	do {
		if ((uint32_t)top == 0)
			return NULL;
		segment = &pool->segments[(uint32_t)top - 1];
		/* May be stale by now; then the turn has moved on and the exchange fails. */
		uint32_t next = atomic_load_explicit(&segment->next_free, memory_order_relaxed);

		after = ((top >> 32) + 1) << 32 | next;
	} while (!atomic_compare_exchange_weak(&class->top, &top, after));
	return segment;
}

void segment_push(struct segment_pool *pool, struct segment *segment)
{
	struct segment_class *class = &pool->classes[segment->size_class];
	uint32_t index = (uint32_t)(segment - pool->segments) + 1;
	uint64_t top = atomic_load(&class->top), after;

	ASAN_POISON_MEMORY_REGION(segment->data, segment->size_bytes);
	do {
		atomic_store_explicit(&segment->next_free, (uint32_t)top, memory_order_relaxed);
		after = ((top >> 32) + 1) << 32 | index;
	} while (!atomic_compare_exchange_weak(&class->top, &top, after));
}

void segment_describe(struct segment_pool *pool, uint32_t block, uint32_t slice,
		      uint32_t size_class)
{
	struct segment *segment = &pool->segments[(size_t)block * pool->slices_max + slice];
	uint32_t size_bytes = pool->classes[size_class].size_bytes;

	segment->data = pool->data + (size_t)block * pool->segment_bytes + slice * size_bytes;
	segment->pool = pool;
	segment->size_bytes = size_bytes;
	segment->size_class = size_class;
}

static struct segment *segment_fresh(struct segment_pool *pool)
{
	uint32_t block = atomic_load_explicit(&pool->fresh, memory_order_relaxed);

	do {
		if (block == pool->total)
			return NULL;
	} while (!atomic_compare_exchange_weak(&pool->fresh, &block, block + 1));
	segment_describe(pool, block, 0, SEGMENT_WHOLE);
	return &pool->segments[(size_t)block * pool->slices_max];
}

struct segment *segment_pop_block(struct segment_pool *pool)
{
	struct segment *block = segment_pop(pool, SEGMENT_WHOLE);

	return likely(block != NULL) ? block : segment_fresh(pool);
}

/* ---- taking and giving back ------------------------------------------------------------------ */

struct segment *segment_take(struct segment_pool *pool, uint32_t size_class)
{
	struct segment *segment = segment_pop(pool, size_class);

	if (unlikely(segment == NULL)) {
		segment = size_class == SEGMENT_WHOLE ? segment_fresh(pool)
						      : segment_cut(pool, size_class);
		if (segment == NULL)
			return NULL;
	}
	atomic_fetch_add_explicit(&pool->classes[size_class].used, 1, memory_order_relaxed);
	atomic_store_explicit(&segment->refs, 1, memory_order_relaxed);
	ASAN_UNPOISON_MEMORY_REGION(segment->data, segment->size_bytes);
	return segment;
}

void segment_ref(struct segment *segment)
{
	atomic_fetch_add_explicit(&segment->refs, 1, memory_order_relaxed);
}

/* All of them: who leaves without taking would otherwise have to pass the news on. */
static COLD void segment_wake_waiters(struct segment_pool *pool)
{
	struct list_node *node;

	pthread_mutex_lock(&pool->lock);
	while ((node = list_pop_front(&pool->waiters)) != NULL) {
		struct segment_waiter *waiter = CONTAINER_OF(node, struct segment_waiter, node);

		atomic_fetch_sub(&pool->waiters_count, 1);
		atomic_store(&waiter->waiting, false);
		waiter->wake(waiter);
	}
	pthread_mutex_unlock(&pool->lock);
}

/* Either this look sees the waiter, or the waiter's second look sees the segment. */
void segment_tell_waiters(struct segment_pool *pool)
{
	if (unlikely(atomic_load(&pool->waiters_count) != 0))
		segment_wake_waiters(pool);
}

void segment_unref(struct segment **pointer)
{
	struct segment *segment = *pointer;

	*pointer = NULL;
	if (segment == NULL)
		return;
	uint32_t before = atomic_fetch_sub_explicit(&segment->refs, 1, memory_order_acq_rel);

	CHECK(before > 0, "a segment is given back twice");
	if (before > 1)
		return;
	struct segment_pool *pool = segment->pool;

	atomic_fetch_sub_explicit(&pool->classes[segment->size_class].used, 1,
				  memory_order_relaxed);
	segment_push(pool, segment);
	segment_tell_waiters(pool);
}

struct segment *segment_take_or_wait(struct segment_pool *pool, uint32_t size_class,
				     struct segment_waiter *waiter)
{
	struct segment *segment = segment_take(pool, size_class);

	if (likely(segment != NULL)) {
		if (unlikely(atomic_load_explicit(&waiter->waiting, memory_order_relaxed)))
			segment_wait_cancel(pool, waiter);
		return segment;
	}
	pthread_mutex_lock(&pool->lock);
	if (!list_linked(&waiter->node)) {
		list_push_back(&pool->waiters, &waiter->node);
		atomic_store(&waiter->waiting, true);
		atomic_fetch_add(&pool->waiters_count, 1);
	}
	pthread_mutex_unlock(&pool->lock);
	segment = segment_take(pool, size_class);
	if (segment != NULL)
		segment_wait_cancel(pool, waiter);
	return segment;
}

void segment_wait_cancel(struct segment_pool *pool, struct segment_waiter *waiter)
{
	pthread_mutex_lock(&pool->lock);
	if (list_linked(&waiter->node)) {
		list_remove(&waiter->node);
		atomic_fetch_sub(&pool->waiters_count, 1);
		atomic_store(&waiter->waiting, false);
	}
	pthread_mutex_unlock(&pool->lock);
}

/* ---- counts ---------------------------------------------------------------------------------- */

uint32_t segment_pool_segment_bytes(const struct segment_pool *pool)
{
	return pool->segment_bytes;
}

uint32_t segment_pool_total(const struct segment_pool *pool)
{
	return pool->total;
}

uint32_t segment_pool_free(const struct segment_pool *pool)
{
	struct segment_pool *p = (struct segment_pool *)(uintptr_t)pool;
	uint64_t used = 0; /* in the smallest size */

	for (uint32_t i = 0; i < p->classes_count; i++)
		used += (uint64_t)atomic_load_explicit(&p->classes[i].used, memory_order_relaxed) *
			(p->slices_max / p->classes[i].per_block);
	used = (used + p->slices_max - 1) / p->slices_max;
	return used < p->total ? p->total - (uint32_t)used : 0;
}

uint64_t segment_pool_used_bytes(const struct segment_pool *pool)
{
	struct segment_pool *p = (struct segment_pool *)(uintptr_t)pool;
	uint64_t used_bytes = 0;

	for (uint32_t i = 0; i < p->classes_count; i++)
		used_bytes += (uint64_t)p->classes[i].size_bytes *
			      atomic_load_explicit(&p->classes[i].used, memory_order_relaxed);
	return used_bytes;
}

uint32_t segment_pool_class_for(const struct segment_pool *pool, uint32_t size_bytes)
{
	uint32_t class = pool->classes_count - 1;

	while (class > SEGMENT_WHOLE && pool->classes[class].size_bytes < size_bytes)
		class --;
	return class;
}

uint32_t segment_pool_class_bytes(const struct segment_pool *pool, uint32_t size_class)
{
	return pool->classes[size_class].size_bytes;
}

uint32_t segment_pool_classes(const struct segment_pool *pool)
{
	return pool->classes_count;
}
