/* SPDX-License-Identifier: Apache-2.0
 * keyed_store.c - the memory of a keyed table: slots by the chunk, the index, its growth.
 *
 * Slots are given out by the chunk of eight to a key group, from blocks that never move. Memory is
 * mapped in regions that double up to one huge page; small tables take pages as they are touched.
 *
 * Why the numbers: the index is at most half full, so that a key is nearly always in the bucket
 * where it is looked for first; it starts at 2 KiB. A bucket holds four keys then, so one moved per
 * new key empties the old index long before the new one is half full. */
#include "common/base/check.h"
#include "common/base/hash.h"
#include "taskmanager/state/keyed_table_priv.h"

#define INDEX_BUCKETS_MIN 32
#define MOVE_AT_ONCE_BUCKETS 512
#define SETTLE_BUCKETS 8
#define HEAP_BYTES_MAX (32 * 1024) /* larger arrays come as pages, zeroed when touched */
#define REGION_BYTES_MAX MEM_HUGE_BYTES
#define SLAB_BYTES (256 * 1024)
#define CLEAR_BYTES_MAX (1024 * 1024) /* of an index: fresh pages are cheaper than more zeros */

/* ---- slots ----------------------------------------------------------------------------------- */

static struct slot_store *store_create(void)
{
	struct slot_store *store = MEM_NEW(struct slot_store);

	store->references = 1;
	return store;
}

void keyed_store_release(struct slot_store **released)
{
	struct slot_store *store = *released;

	*released = NULL;
	if (store == NULL || --store->references > 0)
		return;
	while (store->regions != NULL) {
		struct region *region = store->regions;

		store->regions = region->next;
		mem_unmap(region, region->size_bytes);
	}
	mem_free(store->blocks);
	mem_free(store);
}

static size_t round_up(size_t bytes, size_t to)
{
	return (bytes + to - 1) / to * to;
}

static uint32_t block_bytes_of(uint32_t stride_bytes)
{
	return (uint32_t)round_up(BLOCK_SLOTS * stride_bytes +
					  BLOCK_CHUNKS * (sizeof(char *) + sizeof(uint32_t) + 3),
				  64);
}

/* Of the next region, and how many blocks it has: so many that the table doubles, until regions are
 * one huge page. */
static size_t region_bytes(const struct keyed_table *table, uint32_t *blocks_in)
{
	uint32_t blocks = table->store->blocks_count ? table->store->blocks_count : 1;
	uint32_t blocks_max = (REGION_BYTES_MAX - 64) / table->block_bytes;

	if (blocks >= blocks_max)
		blocks = blocks_max ? blocks_max : 1;
	*blocks_in = blocks;
	if (blocks == blocks_max)
		return REGION_BYTES_MAX;
	return round_up(64 + (size_t)blocks * table->block_bytes, MEM_MAP_BYTES);
}

static void region_map(struct keyed_table *table)
{
	struct slot_store *store = table->store;
	uint32_t blocks;
	size_t size_bytes = region_bytes(table, &blocks);
	struct region *region =
		size_bytes < MEM_HUGE_BYTES ? mem_map(size_bytes) : mem_map_huge(size_bytes);

	region->next = store->regions;
	region->size_bytes = size_bytes;
	store->regions = region;
	store->region_rest = (char *)region + 64;
	store->blocks_mapped += blocks;
	store->mapped_bytes += size_bytes;
}

/* A view may be reading the array of blocks, so that one stays as it is until the view goes. */
static void blocks_grow(struct keyed_table *table)
{
	struct slot_store *store = table->store;
	uint32_t capacity = store->blocks_capacity ? store->blocks_capacity * 2 : 4;
	struct block *blocks = MEM_NEW_ARRAY(struct block, capacity);

	if (store->blocks_count > 0)
		memcpy(blocks, store->blocks, store->blocks_count * sizeof(*blocks));
	if (!keyed_frozen_reads(table->frozen, store->blocks))
		mem_free(store->blocks);
	store->blocks = blocks;
	store->blocks_capacity = capacity;
}

static void block_open(struct keyed_table *table)
{
	struct slot_store *store = table->store;

	if (store->blocks_count == store->blocks_capacity)
		blocks_grow(table);
	if (store->blocks_count == store->blocks_mapped)
		region_map(table);
	struct block *block = &store->blocks[store->blocks_count++];
	char *at = store->region_rest;

	store->region_rest += table->block_bytes;
	block->slots = at + table->key_area_bytes;
	at += (size_t)BLOCK_SLOTS * table->stride_bytes;
	block->before = (char **)(void *)at;
	at += BLOCK_CHUNKS * sizeof(char *);
	block->previous = (uint32_t *)(void *)at;
	at += BLOCK_CHUNKS * sizeof(uint32_t);
	block->epochs = (_Atomic(uint8_t) *)(void *)at;
	block->dirty[0] = (uint8_t *)at + BLOCK_CHUNKS;
	block->dirty[1] = (uint8_t *)at + 2 * BLOCK_CHUNKS;
}

static uint32_t chunk_take(struct keyed_table *table, uint32_t previous)
{
	struct slot_store *store = table->store;
	uint32_t chunk = store->chunks_count, in_block = chunk % BLOCK_CHUNKS;

	CHECK(chunk < UINT32_MAX / CHUNK_SLOTS - 1, "a table of %u chunks", chunk);
	if (chunk / BLOCK_CHUNKS == store->blocks_count)
		block_open(table);
	store->chunks_count++;
	struct block *block = &store->blocks[chunk / BLOCK_CHUNKS];

	/* Nothing in it is in a view that is out already. */
	atomic_store_explicit(&block->epochs[in_block], table->epoch, memory_order_relaxed);
	block->dirty[0][in_block] = block->dirty[1][in_block] = 0;
	block->previous[in_block] = previous;
	return chunk;
}

uint32_t keyed_slot_take(struct keyed_table *table, uint32_t group_index)
{
	struct key_group *group = &table->groups[group_index];

	if (group->last_chunk == NO_CHUNK || group->last_used == CHUNK_SLOTS) {
		group->last_chunk = chunk_take(table, group->last_chunk);
		group->last_used = 0;
	}
	uint32_t number = group->last_chunk * CHUNK_SLOTS + group->last_used;

	if (table->watched)
		slot_touch(table, table->store->blocks, table->epoch, number);
	group->last_used++;
	table->count++;
	memset((char *)slot_of(table, number) - table->key_area_bytes, 0, table->stride_bytes);
	return number;
}

/* ---- the index ------------------------------------------------------------------------------- */

static size_t index_bytes(const struct slot_index *index)
{
	return index->buckets ? (index->mask + (size_t)1) * sizeof(*index->buckets) : 0;
}

static struct slot_index index_create(struct keyed_table *table, uint64_t buckets)
{
	struct slot_index index = { .mask = (uint32_t)(buckets - 1) };
	size_t size_bytes = (size_t)buckets * sizeof(*index.buckets);

	CHECK(buckets <= UINT64_C(1) << 30, "an index of %llu buckets",
	      (unsigned long long)buckets);
	if (size_bytes >= MEM_HUGE_BYTES)
		index.memory = mem_map_huge(size_bytes);
	else if (size_bytes > HEAP_BYTES_MAX)
		index.memory = mem_map(size_bytes);
	else
		index.memory = mem_alloc(size_bytes + sizeof(*index.buckets));
	index.buckets = (struct index_bucket *)(void *)round_up((uintptr_t)index.memory,
								sizeof(*index.buckets));
	table->index_bytes += size_bytes;
	return index;
}

static void index_free(struct keyed_table *table, struct slot_index *index)
{
	size_t size_bytes = index_bytes(index);

	table->index_bytes -= size_bytes;
	if (size_bytes > HEAP_BYTES_MAX)
		mem_unmap(index->memory, size_bytes);
	else
		mem_free(index->memory);
	*index = (struct slot_index){ .buckets = NULL };
}

void keyed_index_put(const struct slot_index *index, uint32_t tag, uint32_t number)
{
	uint32_t at = tag & index->mask, free;

	while ((free = bucket_match(&index->buckets[at], 0)) == 0)
		at = (at + 1) & index->mask;
	uint32_t entry = (uint32_t)__builtin_ctz(free);

	index->buckets[at].tags[entry] = tag;
	index->buckets[at].numbers[entry] = number;
}

static void move_some(struct keyed_table *table, uint32_t buckets_max)
{
	const struct slot_index *old = &table->old;

	if (old->buckets == NULL)
		return;
	for (; buckets_max > 0 && table->old_moved <= old->mask; buckets_max--) {
		const struct index_bucket *bucket = &old->buckets[table->old_moved++];

		for (uint32_t i = 0; i < BUCKET_ENTRIES && bucket->tags[i] != 0; i++)
			keyed_index_put(&table->index, bucket->tags[i], bucket->numbers[i]);
	}
	if (table->old_moved > old->mask)
		index_free(table, &table->old);
}

static bool has_room(const struct keyed_table *table, uint64_t buckets, uint32_t more)
{
	return (table->count + more) * 2 <= buckets * BUCKET_ENTRIES;
}

void keyed_index_make_room(struct keyed_table *table, uint32_t more)
{
	uint64_t buckets = table->index.mask + UINT64_C(1);

	move_some(table, more);
	if (likely(has_room(table, buckets, more)))
		return;
	move_some(table, UINT32_MAX); /* nothing is left then: see the head of this file */
	table->old = table->index;
	table->old_moved = 0;
	table->index = index_create(table, buckets * 2);
	if (table->old.mask < MOVE_AT_ONCE_BUCKETS)
		move_some(table, UINT32_MAX);
}

void keyed_index_settle(struct keyed_table *table)
{
	move_some(table, SETTLE_BUCKETS);
}

static void index_clear(struct keyed_table *table)
{
	uint64_t buckets = table->index.mask + UINT64_C(1);

	if (table->old.buckets != NULL)
		index_free(table, &table->old);
	if (index_bytes(&table->index) <= CLEAR_BYTES_MAX) {
		memset(table->index.buckets, 0, index_bytes(&table->index));
		return;
	}
	index_free(table, &table->index);
	table->index = index_create(table, buckets);
}

/* ---- managed memory -------------------------------------------------------------------------- */

/* All that it has mapped or allocated, whether it is touched or not. */
static uint64_t taken_bytes(const struct keyed_table *table)
{
	return table->index_bytes + table->store->mapped_bytes + table->slabs_bytes +
	       table->store->blocks_capacity * sizeof(struct block) +
	       arena_bytes(table->arena->arena) + table->arena->bytes.large_bytes;
}

bool keyed_table_count_bytes(struct keyed_table *table)
{
	return table->memory == NULL || keyed_memory_count(table, 0, 0);
}

bool keyed_memory_count(struct keyed_table *table, uint32_t more, size_t outside_bytes)
{
	const struct slot_store *store = table->store;
	uint64_t buckets = table->index.mask + UINT64_C(1), needed_bytes;
	uint32_t blocks;

	needed_bytes = taken_bytes(table) + outside_bytes;
	if (!has_room(table, buckets, more))
		needed_bytes += 2 * buckets * sizeof(struct index_bucket);
	/* Each new key may be the first of its group and want a chunk. */
	if ((uint64_t)store->chunks_count + more > (uint64_t)store->blocks_mapped * BLOCK_CHUNKS)
		needed_bytes += region_bytes(table, &blocks);
	if (needed_bytes < table->counted_bytes)
		managed_memory_give_back(table->memory, table->counted_bytes - needed_bytes);
	else if (needed_bytes > table->counted_bytes &&
		 !managed_memory_take(table->memory, needed_bytes - table->counted_bytes)) {
		table->refused_bytes = needed_bytes - table->counted_bytes;
		return false;
	}
	table->counted_bytes = needed_bytes;
	table->uncounted_bytes = 0;
	return true;
}

uint64_t keyed_table_refused(const struct keyed_table *table)
{
	return table->refused_bytes;
}

/* ---- life ------------------------------------------------------------------------------------ */

static struct shared_arena *shared_arena_create(void)
{
	struct shared_arena *arena = MEM_NEW(struct shared_arena);

	arena->arena = arena_create("keyed table");
	keyed_bytes_init(&arena->bytes);
	arena->references = 1;
	return arena;
}

void keyed_arena_release(struct shared_arena **arena)
{
	if (--(*arena)->references == 0) {
		keyed_bytes_fini(&(*arena)->bytes);
		arena_destroy(&(*arena)->arena);
		mem_free(*arena);
	}
	*arena = NULL;
}

static void forget_groups(struct keyed_table *table)
{
	for (uint32_t i = 0; i < table->groups_count; i++)
		table->groups[i] = (struct key_group){ .last_chunk = NO_CHUNK };
	table->count = 0;
}

struct keyed_table *keyed_table_create(const struct keyed_table_options *options)
{
	struct keyed_table *table = MEM_NEW(struct keyed_table);
	uint64_t seed = options->seed;

	table->key_area_bytes = options->narrow_keys ? 8 : 16;
	table->stride_bytes = table->key_area_bytes + (uint32_t)sizeof(struct keyed_slot) +
			      ((options->value_bytes + 7u) & ~7u);
	table->block_bytes = block_bytes_of(table->stride_bytes);
	table->slab_bytes = (uint32_t)sizeof(struct slab) + CHUNK_SLOTS * table->stride_bytes;
	if (table->slab_bytes < SLAB_BYTES)
		table->slab_bytes = SLAB_BYTES;
	table->seed[0] =
		hash_fold(seed ^ UINT64_C(0xA0761D6478BD642F), UINT64_C(0xE7037ED1A0B428DB));
	table->seed[1] =
		hash_fold(seed ^ UINT64_C(0x8EBC6AF09C88C6E3), UINT64_C(0x589965CC75374CC3));
	table->memory = options->memory;
	table->key_groups = options->key_groups;
	table->first_group = options->groups.first;
	table->groups_count = options->groups.last - options->groups.first + 1;
	table->groups = MEM_NEW_ARRAY(struct key_group, table->groups_count);
	forget_groups(table);
	table->index = index_create(table, INDEX_BUCKETS_MIN);
	table->store = store_create();
	table->arena = shared_arena_create();
	return table;
}

void keyed_table_destroy(struct keyed_table **destroyed)
{
	struct keyed_table *table = *destroyed;

	*destroyed = NULL;
	if (table == NULL)
		return;
	CHECK(table->frozen == NULL, "a table is destroyed while a view of it is out");
	if (table->old.buckets != NULL)
		index_free(table, &table->old);
	index_free(table, &table->index);
	keyed_store_release(&table->store);
	keyed_arena_release(&table->arena);
	keyed_slabs_free(table, table->slabs);
	if (table->memory != NULL)
		managed_memory_give_back(table->memory, table->counted_bytes);
	mem_free(table->groups);
	mem_free(table);
}

void keyed_table_clear(struct keyed_table *table)
{
	forget_groups(table);
	index_clear(table);
	table->cleared = true;
	if (table->frozen == NULL) {
		table->store->chunks_count = 0; /* the blocks serve again */
	} else {
		keyed_store_release(&table->store);
		table->store = store_create();
	}
	if (table->arena->references == 1) {
		keyed_bytes_fini(&table->arena->bytes);
		arena_reset(table->arena->arena);
		return;
	}
	keyed_arena_release(&table->arena);
	table->arena = shared_arena_create();
}

/* ---- all of it ------------------------------------------------------------------------------- */

/* `at`: key group << 36 | chunk + 1 << 4 | slot; a chunk of 0: the group's last one. */
#define AT_CHUNK_SHIFT 4
#define AT_GROUP_SHIFT 36

static uint32_t at_chunk(uint64_t at)
{
	return (uint32_t)(at >> AT_CHUNK_SHIFT) - 1;
}

/* False: the group that `at` is in has no more chunks. */
static bool at_begin(const struct keyed_table *table, uint64_t *at)
{
	uint64_t group = *at >> AT_GROUP_SHIFT;

	if (at_chunk(*at) != NO_CHUNK)
		return true;
	if (table->groups[group].last_chunk == NO_CHUNK)
		return false;
	*at = group << AT_GROUP_SHIFT |
	      (uint64_t)(table->groups[group].last_chunk + 1) << AT_CHUNK_SHIFT;
	return true;
}

struct keyed_slot *keyed_table_next(struct keyed_table *table, uint64_t *at)
{
	uint64_t group;

	while ((group = *at >> AT_GROUP_SHIFT) < table->groups_count) {
		if (!at_begin(table, at)) {
			*at = (group + 1) << AT_GROUP_SHIFT;
			continue;
		}
		uint32_t chunk = at_chunk(*at), slot = *at & 15;
		bool last = chunk == table->groups[group].last_chunk;
		uint32_t used = last ? table->groups[group].last_used : CHUNK_SLOTS;
		const struct block *block = &table->store->blocks[chunk / BLOCK_CHUNKS];

		if (slot < used) {
			++*at;
			return slot_of(table, chunk * CHUNK_SLOTS + slot);
		}
		uint32_t previous = block->previous[chunk % BLOCK_CHUNKS];

		*at = previous == NO_CHUNK ? (group + 1) << AT_GROUP_SHIFT :
					     group << AT_GROUP_SHIFT |
						     (uint64_t)(previous + 1) << AT_CHUNK_SHIFT;
	}
	return NULL;
}

uint64_t keyed_table_count(const struct keyed_table *table)
{
	return table->count;
}

size_t keyed_table_bytes(const struct keyed_table *table)
{
	return table->index_bytes +
	       (size_t)table->store->chunks_count * CHUNK_SLOTS * table->stride_bytes +
	       arena_bytes(table->arena->arena) + table->arena->bytes.large_bytes;
}

void *keyed_table_store(struct keyed_table *table, const void *data, size_t size_bytes)
{
	void *stored = arena_alloc(table->arena->arena, size_bytes);

	memcpy(stored, data, size_bytes);
	return stored;
}
