/* SPDX-License-Identifier: Apache-2.0
 * segment.c - the pool of network segments: a lock-free stack of free ones, a list of waiters.
 *
 * The stack's top is one 64-bit word {turn, index + 1}: the turn grows with every change, so a
 * thread that slept between its load and its exchange cannot mistake a later stack for the one it
 * saw. A stack and no ring: a ring would lead the channels through all of the pool's memory, cold
 * each time, where a few warm segments do; and a ring's pop can find nothing while a slow push is
 * under way, which would be one more case for those who wait. */
#include "taskmanager/shuffle/segment.h"

#include <pthread.h>

#include "common/base/check.h"
#include "common/base/limits.h"
#include "common/base/mem.h"
#include "taskmanager/shuffle/aligned.h"

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

struct segment_pool {
	_Alignas(2 * CACHE_LINE_BYTES) _Atomic uint64_t top;
	atomic_uint free_count;
	atomic_uint waiters_count; /* changed under the lock; read without */
	_Alignas(2 * CACHE_LINE_BYTES) struct segment *segments;
	char *data;
	uint32_t segment_bytes, total;
	void *memory;
	_Atomic uint64_t account; /* {holds, admitted} */
	pthread_mutex_t lock;     /* guards: */
	struct list waiters;
};

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
	CHECK(total < UINT32_MAX, "%llu segments", (unsigned long long)total);
	struct segment_pool *pool = aligned_alloc_lines(sizeof(*pool), &memory);

	pool->memory = memory;
	pool->total = (uint32_t)total;
	pool->segment_bytes = segment_bytes;
	pool->segments = mem_map(total * sizeof(struct segment));
	pool->data = mem_map(total * segment_bytes);
	ASAN_POISON_MEMORY_REGION(pool->data, total * segment_bytes);
	for (uint32_t i = 0; i < total; i++) {
		struct segment *segment = &pool->segments[i];

		segment->data = pool->data + (size_t)i * segment_bytes;
		segment->pool = pool;
		atomic_init(&segment->next_free, i + 1 < total ? i + 2 : 0);
	}
	atomic_init(&pool->top, 1);
	atomic_init(&pool->free_count, (uint32_t)total);
	list_init(&pool->waiters);
	CHECK(pthread_mutex_init(&pool->lock, NULL) == 0, "no mutex");
	return pool;
}

void segment_pool_destroy(struct segment_pool **pointer)
{
	struct segment_pool *pool = *pointer;

	*pointer = NULL;
	if (pool == NULL)
		return;
	CHECK(segment_pool_free(pool) == pool->total, "%u of %u segments are still out",
	      pool->total - segment_pool_free(pool), pool->total);
	CHECK(segment_pool_admitted(pool) == 0, "%u segments are still set aside",
	      segment_pool_admitted(pool));
	CHECK(list_empty(&pool->waiters), "somebody still waits for a segment");
	ASAN_UNPOISON_MEMORY_REGION(pool->data, (size_t)pool->total * pool->segment_bytes);
	mem_unmap(pool->data, (size_t)pool->total * pool->segment_bytes);
	mem_unmap(pool->segments, (size_t)pool->total * sizeof(struct segment));
	pthread_mutex_destroy(&pool->lock);
	mem_free(pool->memory);
}

struct segment *segment_take(struct segment_pool *pool)
{
	uint64_t top = atomic_load(&pool->top), after;
	struct segment *segment;

	do {
		if ((uint32_t)top == 0)
			return NULL;
		segment = &pool->segments[(uint32_t)top - 1];
		/* May be stale by now; then the turn has moved on and the exchange fails. */
		uint32_t next = atomic_load_explicit(&segment->next_free, memory_order_relaxed);

		after = ((top >> 32) + 1) << 32 | next;
	} while (!atomic_compare_exchange_weak(&pool->top, &top, after));
	atomic_fetch_sub_explicit(&pool->free_count, 1, memory_order_relaxed);
	atomic_store_explicit(&segment->refs, 1, memory_order_relaxed);
	ASAN_UNPOISON_MEMORY_REGION(segment->data, pool->segment_bytes);
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

static void segment_give_back(struct segment *segment)
{
	struct segment_pool *pool = segment->pool;
	uint32_t index = (uint32_t)(segment - pool->segments) + 1;
	uint64_t top = atomic_load(&pool->top), after;

	ASAN_POISON_MEMORY_REGION(segment->data, pool->segment_bytes);
	atomic_fetch_add_explicit(&pool->free_count, 1, memory_order_relaxed);
	do {
		atomic_store_explicit(&segment->next_free, (uint32_t)top, memory_order_relaxed);
		after = ((top >> 32) + 1) << 32 | index;
	} while (!atomic_compare_exchange_weak(&pool->top, &top, after));
	/* Either this look sees the waiter, or the waiter's second look sees the segment. */
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
	if (before == 1)
		segment_give_back(segment);
}

struct segment *segment_take_or_wait(struct segment_pool *pool, struct segment_waiter *waiter)
{
	struct segment *segment = segment_take(pool);

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
	segment = segment_take(pool);
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

	return atomic_load_explicit(&p->free_count, memory_order_relaxed);
}

/* ---- who may have how many ------------------------------------------------------------------- */

#define HOLD (UINT64_C(1) << 32)

static uint64_t pool_account(const struct segment_pool *pool)
{
	return atomic_load(&((struct segment_pool *)(uintptr_t)pool)->account);
}

static int no_room(const struct segment_pool *pool, uint32_t count, uint32_t left, struct err *err)
{
	return err_set(
		err, ERR_BUFFERS,
		"%u network buffers of %u bytes are needed and %u of this TaskManager's %u are free; "
		"taskmanager.memory.network.max allows more, "
		"taskmanager.network.memory.buffers-per-channel needs fewer",
		count, pool->segment_bytes, left, pool->total);
}

int segment_pool_room(const struct segment_pool *pool, uint32_t count, struct err *err)
{
	uint32_t left = pool->total - segment_pool_admitted(pool);

	return count <= left ? 0 : no_room(pool, count, left, err);
}

int segment_pool_admit(struct segment_pool *pool, uint32_t count, struct err *err)
{
	uint64_t account = pool_account(pool);

	do {
		uint32_t left = pool->total - (uint32_t)account;

		if (count > left)
			return no_room(pool, count, left, err);
	} while (!atomic_compare_exchange_weak(&pool->account, &account, account + count));
	return 0;
}

uint32_t segment_pool_lend(struct segment_pool *pool, uint32_t count)
{
	uint64_t account = pool_account(pool);
	uint32_t lent;

	do {
		uint32_t left = pool->total - (uint32_t)account;

		lent = account >= HOLD ? 0 : count < left ? count : left;
		if (lent == 0)
			return 0;
	} while (!atomic_compare_exchange_weak(&pool->account, &account, account + lent));
	return lent;
}

void segment_pool_dismiss(struct segment_pool *pool, uint32_t count)
{
	uint64_t before = atomic_fetch_sub(&pool->account, count);

	CHECK(count <= (uint32_t)before, "%u segments of %u set aside are dismissed", count,
	      (uint32_t)before);
}

uint32_t segment_pool_admitted(const struct segment_pool *pool)
{
	return (uint32_t)pool_account(pool);
}

void segment_pool_hold(struct segment_pool *pool, bool hold)
{
	if (hold)
		atomic_fetch_add(&pool->account, HOLD);
	else
		CHECK(atomic_fetch_sub(&pool->account, HOLD) >= HOLD, "nobody holds the lending");
}

bool segment_pool_held(const struct segment_pool *pool)
{
	return pool_account(pool) >= HOLD;
}
