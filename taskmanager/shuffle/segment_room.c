/* SPDX-License-Identifier: Apache-2.0
 * segment_room.c - who may have how many segments, and of which size.
 *
 * The account is kept in whole segments, "blocks". A class of small segments has blocks committed
 * to it: as many as its admitted segments fill, or as many as are cut now, if these are more,
 * because a block is whole again only when all its parts are back. So whoever was admitted always
 * finds a segment: if its class has none free, all cut ones are in use, these are fewer than were
 * admitted, so another block may be cut, and the account says that one is free. Blocks are put
 * together when somebody is refused room, or when a class has nobody left; never on the way of
 * records. */
#include <stdio.h>

#include "common/base/check.h"
#include "common/base/mark.h"
#include "common/base/mem.h"
#include "taskmanager/shuffle/segment_priv.h"

#define HOLD (UINT64_C(1) << 32)

static uint64_t pool_account(const struct segment_pool *pool)
{
	return atomic_load(&((struct segment_pool *)(uintptr_t)pool)->account);
}

/* As many blocks as there are, up to count. */
static uint32_t account_take(struct segment_pool *pool, uint32_t count, bool all, bool lent)
{
	uint64_t account = pool_account(pool);
	uint32_t taken;

	do {
		uint32_t left = pool->total - (uint32_t)account;

		taken = lent && account >= HOLD ? 0 : count < left ? count : left;
		if (taken == 0 || (all && taken < count))
			return 0;
	} while (!atomic_compare_exchange_weak(&pool->account, &account, account + taken));
	return taken;
}

static void account_give(struct segment_pool *pool, uint32_t count)
{
	uint64_t before = atomic_fetch_sub(&pool->account, count);

	CHECK(count <= (uint32_t)before, "%u segments of %u set aside are dismissed", count,
	      (uint32_t)before);
}

static uint32_t blocks_for(const struct segment_class *class, uint32_t count)
{
	return (uint32_t)(((uint64_t)count + class->per_block - 1) / class->per_block);
}

/* ---- cutting and putting together: under the room_lock --------------------------------------- */

struct segment *segment_cut(struct segment_pool *pool, uint32_t size_class)
{
	struct segment_class *class = &pool->classes[size_class];
	bool cut = false;

	pthread_mutex_lock(&pool->room_lock);
	struct segment *segment = segment_pop(pool, size_class);

	if (segment == NULL && class->blocks < class->committed)
		segment = segment_pop_block(pool);
	if (segment != NULL && segment->size_class != size_class) {
		uint32_t block = (uint32_t)(segment - pool->segments) / pool->slices_max;

		SOMETIMES("a segment is cut into smaller ones");
		cut = true;
		class->blocks++;
		for (uint32_t slice = class->per_block; slice-- > 0;) {
			segment_describe(pool, block, slice, size_class);
			if (slice > 0)
				segment_push(pool, segment + slice);
		}
	}
	pthread_mutex_unlock(&pool->room_lock);
	if (cut)
		segment_tell_waiters(pool);
	return segment;
}

static uint32_t stack_clear(struct segment_class *class)
{
	uint64_t top = atomic_load(&class->top);

	while (!atomic_compare_exchange_weak(&class->top, &top, ((top >> 32) + 1) << 32))
		;
	return (uint32_t)top;
}

/* What a class has committed to it follows from what was admitted and what is cut. */
static void class_settle(struct segment_pool *pool, struct segment_class *class)
{
	uint32_t needed = blocks_for(class, class->admitted);

	if (needed < class->blocks)
		needed = class->blocks;
	CHECK(needed <= class->committed, "%u blocks are cut, %u were committed", needed,
	      class->committed);
	account_give(pool, class->committed - needed);
	class->committed = needed;
}

/* Puts together the blocks whose parts are all free. Whoever takes one meanwhile finds none, waits,
 * and is told: the caller calls segment_tell_waiters. */
static void class_gather(struct segment_pool *pool, struct segment_class *class)
{
	uint8_t *parts = mem_alloc(pool->total); /* free parts of each block */
	uint32_t top = stack_clear(class);

	for (uint32_t at = top; at != 0; at = atomic_load(&pool->segments[at - 1].next_free))
		parts[(at - 1) / pool->slices_max]++;
	for (uint32_t at = top, next; at != 0; at = next) {
		struct segment *segment = &pool->segments[at - 1];

		next = atomic_load(&segment->next_free);
		if (parts[(at - 1) / pool->slices_max] < class->per_block)
			segment_push(pool, segment);
	}
	for (uint32_t block = 0; block < pool->total; block++) {
		if (parts[block] < class->per_block)
			continue;
		SOMETIMES("a segment is whole again");
		segment_describe(pool, block, 0, SEGMENT_WHOLE);
		segment_push(pool, &pool->segments[(size_t)block * pool->slices_max]);
		class->blocks--;
	}
	mem_free(parts);
	class_settle(pool, class);
}

static void pool_gather(struct segment_pool *pool)
{
	for (uint32_t i = 1; i < pool->classes_count; i++)
		if (pool->classes[i].blocks >
		    blocks_for(&pool->classes[i], pool->classes[i].admitted))
			class_gather(pool, &pool->classes[i]);
}

/* ---- room: under the room_lock --------------------------------------------------------------- */

/* How many more of a class could be admitted. */
static uint64_t class_left(const struct segment_pool *pool, const struct segment_class *class)
{
	uint64_t left = pool->total - (uint32_t)pool_account(pool);

	return (left + class->committed) * class->per_block - class->admitted;
}

/* Up to count of them, or all or none. */
static uint32_t class_take(struct segment_pool *pool, struct segment_class *class, uint32_t count,
			   bool all, bool lent)
{
	uint64_t room = (uint64_t) class->committed * class->per_block - class->admitted;

	if (lent && pool_account(pool) >= HOLD)
		return 0;
	if (count > room)
		class->committed +=
			account_take(pool, blocks_for(class, count - (uint32_t)room), all, lent);
	room = (uint64_t) class->committed * class->per_block - class->admitted;
	if (count > room)
		count = all ? 0 : (uint32_t)room;
	class->admitted += count;
	return count;
}

static int no_room(const struct segment_pool *pool, const struct segment_class *class,
		   uint32_t count, uint64_t left, struct err *err)
{
	return err_set(
		err, ERR_BUFFERS,
		"%u network buffers of %u bytes are needed and %llu of this TaskManager's %llu are free; "
		"taskmanager.memory.network.max allows more, "
		"taskmanager.network.memory.buffers-per-channel needs fewer",
		count, class->size_bytes, (unsigned long long)left,
		(unsigned long long)pool->total * class->per_block);
}

int segment_pool_room(struct segment_pool *pool, uint32_t size_class, uint32_t count,
		      struct err *err)
{
	struct segment_class *class = &pool->classes[size_class];

	pthread_mutex_lock(&pool->room_lock);
	uint64_t left = size_class == SEGMENT_WHOLE ? pool->total - (uint32_t)pool_account(pool)
						    : class_left(pool, class);

	if (count > left) {
		pool_gather(pool);
		left = size_class == SEGMENT_WHOLE ? pool->total - (uint32_t)pool_account(pool)
						   : class_left(pool, class);
	}
	pthread_mutex_unlock(&pool->room_lock);
	segment_tell_waiters(pool);
	return count <= left ? 0 : no_room(pool, class, count, left, err);
}

/* Of class 0 the account alone decides, without the lock: it is lent between batches. */
static uint32_t pool_take(struct segment_pool *pool, uint32_t size_class, uint32_t count, bool all,
			  bool lent)
{
	if (size_class == SEGMENT_WHOLE)
		return account_take(pool, count, all, lent);
	pthread_mutex_lock(&pool->room_lock);
	uint32_t taken = class_take(pool, &pool->classes[size_class], count, all, lent);

	pthread_mutex_unlock(&pool->room_lock);
	return taken;
}

int segment_pool_admit(struct segment_pool *pool, uint32_t size_class, uint32_t count,
		       struct err *err)
{
	if (count == 0 || pool_take(pool, size_class, count, true, false) == count)
		return 0;
	if (segment_pool_room(pool, size_class, count, err) != 0)
		return -1;
	if (pool_take(pool, size_class, count, true, false) == count)
		return 0;
	return no_room(pool, &pool->classes[size_class], count, 0, err); /* gone meanwhile */
}

uint32_t segment_pool_lend(struct segment_pool *pool, uint32_t size_class, uint32_t count)
{
	return pool_take(pool, size_class, count, false, true);
}

void segment_pool_dismiss(struct segment_pool *pool, uint32_t size_class, uint32_t count)
{
	struct segment_class *class = &pool->classes[size_class];

	if (count == 0)
		return;
	if (size_class == SEGMENT_WHOLE) {
		account_give(pool, count);
		return;
	}
	pthread_mutex_lock(&pool->room_lock);
	CHECK(count <= class->admitted, "%u segments of %u admitted are dismissed", count,
	      class->admitted);
	class->admitted -= count;
	if (class->admitted == 0 && class->blocks > 0)
		class_gather(pool, class);
	else
		class_settle(pool, class);
	pthread_mutex_unlock(&pool->room_lock);
	segment_tell_waiters(pool);
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

/* ---- checking -------------------------------------------------------------------------------- */

static uint32_t stack_count(struct segment_pool *pool, const struct segment_class *class)
{
	uint32_t count = 0,
		 at = (uint32_t)atomic_load(&((struct segment_class *)(uintptr_t) class)->top);

	for (; at != 0; at = atomic_load(&pool->segments[at - 1].next_free))
		count++;
	return count;
}

bool segment_pool_check(struct segment_pool *pool, char *text, size_t size_bytes)
{
	uint64_t cut = 0, committed = 0;

	pthread_mutex_lock(&pool->room_lock);
	bool right = true;

	for (uint32_t i = 1; i < pool->classes_count && right; i++) {
		const struct segment_class *class = &pool->classes[i];
		uint32_t used = atomic_load(&pool->classes[i].used);
		uint64_t parts = (uint64_t) class->blocks * class->per_block;

		right = used + stack_count(pool, class) == parts &&
			class->blocks <= class->committed &&
			blocks_for(class, class->admitted) <= class->committed;
		if (!right)
			snprintf(
				text, size_bytes,
				"of %u bytes: %llu segments are cut, %u used, %u admitted, %u blocks committed",
				class->size_bytes, (unsigned long long)parts, used, class->admitted,
				class->committed);
		cut += class->blocks;
		committed += class->committed;
	}
	const struct segment_class *whole = &pool->classes[SEGMENT_WHOLE];
	uint32_t unused = stack_count(pool, whole) + pool->total - atomic_load(&pool->fresh);
	uint32_t used = atomic_load(&pool->classes[SEGMENT_WHOLE].used);

	if (right &&
	    (unused + used + cut != pool->total || committed > (uint32_t)pool_account(pool))) {
		right = false;
		snprintf(
			text, size_bytes,
			"of %u segments %u are unused, %u used, %llu cut; %u are set aside, %llu for parts",
			pool->total, unused, used, (unsigned long long)cut,
			(uint32_t)pool_account(pool), (unsigned long long)committed);
	}
	pthread_mutex_unlock(&pool->room_lock);
	return right;
}
