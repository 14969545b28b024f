/* SPDX-License-Identifier: Apache-2.0
 * keyed_table_priv.h - a keyed table from inside; nobody outside the folder includes it.
 *
 *	index: tag, number  ->  blocks[number / BLOCK_SLOTS]: chunk | chunk | chunk …
 *	                               (each of one key group, 8 slots, linked to the one before)
 *
 * The index is what growth rebuilds and a snapshot does not need; slots never move. */
#ifndef TASKMANAGER_STATE_KEYED_TABLE_PRIV_H
#define TASKMANAGER_STATE_KEYED_TABLE_PRIV_H

#include <stdatomic.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "common/base/list.h"
#include "taskmanager/state/keyed_table.h"

#define CHUNK_SLOTS 8
#define BLOCK_CHUNKS 256
#define BLOCK_SLOTS (CHUNK_SLOTS * BLOCK_CHUNKS)
#define NO_CHUNK UINT32_MAX
#define EPOCH_MAX 250
#define EPOCH_READING 255 /* of a chunk: the view's reader is copying it */

struct block {
	char *slots; /* the fixed part of its first one, behind that one's key */
	/* Per chunk: the epoch in which it was last made writable. In the table's own epoch: what a
	 * view has to read lies in `before`, or was read. */
	_Atomic(uint8_t) *epochs;
	/* Per chunk: its slots as they were at the freeze. Written before the epoch, read after. */
	char **before;
	uint8_t *dirty[2];  /* per chunk a bit for each slot; by the epoch's parity */
	uint32_t *previous; /* per chunk: the one that its key group filled before it */
	uint64_t reserved[2];
};
_Static_assert(sizeof(struct block) == 64, "found by a shift");

struct region { /* memory of some blocks */
	struct region *next;
	size_t size_bytes;
};

/* The slots of a table. Its table uses it, and a frozen view may, which then keeps it alive. */
struct slot_store {
	struct block *blocks;
	uint32_t blocks_count, blocks_mapped, blocks_capacity;
	uint32_t chunks_count; /* given to key groups */
	uint32_t references;   /* on the table's thread */
	struct region *regions;
	char *region_rest; /* of the newest region, for the next blocks */
	size_t mapped_bytes;
};

/* Memory for the pre-images of one view. */
struct slab {
	struct slab *next;
	uint32_t used_bytes;
	_Alignas(16) char memory[];
};

struct key_group {
	uint32_t last_chunk; /* NO_CHUNK: it has none */
	uint32_t last_used;  /* slots of it; those before are full */
};

#define BUCKET_ENTRIES 8

struct index_bucket { /* a cache line: all its tags are compared at once */
	uint32_t tags[BUCKET_ENTRIES]; /* 0: free; those in use come first */
	uint32_t numbers[BUCKET_ENTRIES];
};
_Static_assert(sizeof(struct index_bucket) == 64, "a bucket is a cache line");

/* Who finds its bucket full goes to the next one. */
struct slot_index {
	struct index_bucket *buckets;
	void *memory; /* that they lie in, for ends of cache lines */
	uint32_t mask; /* buckets - 1 */
};

#define KEYED_BYTES_CLASSES 48

struct keyed_bytes { /* see keyed_bytes.c */
	struct free_block *free[KEYED_BYTES_CLASSES];
	struct list large;
	size_t large_bytes;
	void **waiting; /* for the end of the view that is out */
	uint32_t waiting_count, waiting_room;
};

struct shared_arena { /* long keys, and what values point to */
	struct arena *arena;
	struct keyed_bytes bytes;
	uint32_t references;
};

struct keyed_table {
	struct slot_index index, old; /* old.buckets: NULL but while the index grows */
	uint32_t old_moved;           /* buckets of old before this one are in index */
	uint32_t stride_bytes, key_area_bytes;
	uint8_t epoch;
	bool watched; /* from the first view on: writes are noted */
	bool saved;   /* the last view is safe */
	bool cleared; /* since then: what is gone has no slot to be dirty */
	uint64_t seed[2];
	struct slot_store *store;
	struct key_group *groups;
	uint32_t key_groups, first_group, groups_count;
	uint32_t block_bytes;
	uint64_t count;
	size_t index_bytes;
	struct shared_arena *arena;
	struct keyed_frozen *frozen; /* the view that is out */
	uint32_t views;              /* so far */
	struct slab *slabs;          /* of views that were; for the next ones */
	size_t slabs_bytes;
	uint32_t slab_bytes; /* of each */
	struct managed_memory *memory; /* NULL: nobody counts */
	uint64_t counted_bytes;        /* there */
	uint64_t refused_bytes;
	uint64_t uncounted_bytes; /* that values have taken since */
};

/* Which of a bucket's tags are this one: a bit for each. */
static inline uint32_t bucket_match(const struct index_bucket *bucket, uint32_t tag)
{
#if defined(__SSE2__)
	const __m128i *tags = (const __m128i *)(const void *)bucket->tags;
	__m128i wanted = _mm_set1_epi32((int)tag);
	__m128i low = _mm_cmpeq_epi32(_mm_loadu_si128(tags), wanted);
	__m128i high = _mm_cmpeq_epi32(_mm_loadu_si128(tags + 1), wanted);
	__m128i bytes = _mm_packs_epi16(_mm_packs_epi32(low, high), _mm_setzero_si128());

	return (uint32_t)_mm_movemask_epi8(bytes);
#else
	uint32_t match = 0;

	for (uint32_t i = 0; i < BUCKET_ENTRIES; i++)
		match |= (uint32_t)(bucket->tags[i] == tag) << i;
	return match;
#endif
}

/* Slot `index` of an array whose first one is `first`. */
static inline struct keyed_slot *slot_in(const char *first, uint32_t stride_bytes, uint32_t index)
{
	return (struct keyed_slot *)(uintptr_t)(first + (size_t)index * stride_bytes);
}

static inline struct keyed_slot *slot_of(const struct keyed_table *table, uint32_t number)
{
	return slot_in(table->store->blocks[number / BLOCK_SLOTS].slots, table->stride_bytes,
		       number % BLOCK_SLOTS);
}

/* The memory of a chunk: it begins with the first slot's key. */
static inline char *chunk_of(const struct block *blocks, uint32_t stride_bytes,
			     uint32_t key_area_bytes, uint32_t chunk)
{
	return blocks[chunk / BLOCK_CHUNKS].slots - key_area_bytes +
	       (size_t)(chunk % BLOCK_CHUNKS) * CHUNK_SLOTS * stride_bytes;
}

#define UNCOUNTED_BYTES_MAX (64 * 1024) /* before all is counted again, without new keys too */

/* ---- keyed_store.c --------------------------------------------------------------------------- */

void keyed_store_release(struct slot_store **store);
void keyed_arena_release(struct shared_arena **arena);
/* Room in the index for so many new keys; moves a bounded part of what growth has left to do. */
void keyed_index_make_room(struct keyed_table *table, uint32_t more);
/* Counts what the table has, and what it takes for so many new keys with so much behind them.
 * False: the managed memory has no room for that. */
bool keyed_memory_count(struct keyed_table *table, uint32_t more, size_t outside_bytes);
/* A little of the same when no keys are new. */
void keyed_index_settle(struct keyed_table *table);
void keyed_index_put(const struct slot_index *index, uint32_t tag, uint32_t number);
/* The next free slot of a key group (counted from the table's first), not in the index yet; its
 * value is zeroed. Its number. */
uint32_t keyed_slot_take(struct keyed_table *table, uint32_t group);

/* ---- keyed_bytes.c --------------------------------------------------------------------------- */

void keyed_bytes_init(struct keyed_bytes *bytes);
void keyed_bytes_settle(struct keyed_bytes *bytes); /* the view was released */
void keyed_bytes_fini(struct keyed_bytes *bytes);

/* ---- keyed_frozen.c -------------------------------------------------------------------------- */

void keyed_slabs_free(const struct keyed_table *table, struct slab *slabs);
/* The view (NULL-safe) still reads this array. */
bool keyed_frozen_reads(const struct keyed_frozen *frozen, const struct block *blocks);
/* The chunk's first write since the freeze. */
void keyed_chunk_open(struct keyed_table *table, uint32_t chunk);

/* Before a slot is written to, if the table is watched. blocks and epoch are the table's: a mark is
 * a byte, which the compiler must take to lie anywhere, so loops keep those two in locals. */
static inline void slot_touch(struct keyed_table *table, const struct block *blocks, uint8_t epoch,
			      uint32_t number)
{
	const struct block *block = &blocks[number / BLOCK_SLOTS];
	uint32_t chunk = number % BLOCK_SLOTS / CHUNK_SLOTS;
	uint8_t *dirty = &block->dirty[epoch & 1][chunk];
	uint8_t bit = (uint8_t)(1u << number % CHUNK_SLOTS);

	if (unlikely(atomic_load_explicit(&block->epochs[chunk], memory_order_acquire) != epoch))
		keyed_chunk_open(table, number / CHUNK_SLOTS);
	if (!(*dirty & bit))
		*dirty |= bit;
}

#endif
