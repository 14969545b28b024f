/* SPDX-License-Identifier: Apache-2.0
 * keyed_frozen.c - what a table held when it was frozen, read while the table is used.
 *
 * The arrays stay in place. A chunk of slots is copied aside before its first write after the
 * freeze (its pre-image); the reader takes the pre-image, or, if there is none, copies the chunk
 * itself and says so, after which no pre-image is needed. Which of the two it is, is decided by one
 * compare-and-swap on the chunk's epoch:
 *
 *	table: epoch e' (old)  -> pre-image -> e        then writes
 *	reader: epoch e' (old) -> READING -> copies -> e
 *
 * The table's thread waits for a reader of the chunk it wants to write, for one copy of 4 KiB. */
#include "common/base/check.h"
#include "taskmanager/state/keyed_table_priv.h"

struct keyed_frozen {
	struct keyed_table *table;
	struct slot_store *store;
	const struct block *blocks; /* as they were: the store's own array may have grown since */
	struct key_group *groups;
	struct shared_arena *arena;
	struct slab *slabs; /* pre-images; the table's thread alone */
	uint8_t epoch;
	bool increment;
	uint32_t stride_bytes, key_area_bytes, first_group, groups_count, chunks_count;
	/* where the reader is */
	uint32_t group, chunk; /* NO_CHUNK: the group's last */
	char *copy;            /* of the chunk it reads */
};

/* ---- the table's side ------------------------------------------------------------------------ */

static inline void cpu_relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

static void wait_for_reader(_Atomic(uint8_t) *epoch)
{
	while (atomic_load_explicit(epoch, memory_order_acquire) == EPOCH_READING)
		cpu_relax();
}

void keyed_slabs_free(const struct keyed_table *table, struct slab *slabs)
{
	while (slabs != NULL) {
		struct slab *next = slabs->next;

		mem_unmap(slabs, table->slab_bytes);
		slabs = next;
	}
}

static char *pre_image_alloc(struct keyed_table *table, uint32_t size_bytes)
{
	struct keyed_frozen *frozen = table->frozen;
	struct slab *slab = frozen->slabs;
	uint32_t room_bytes = table->slab_bytes - (uint32_t)sizeof(*slab);

	if (slab == NULL || slab->used_bytes + size_bytes > room_bytes) {
		slab = table->slabs;
		if (slab != NULL) {
			table->slabs = slab->next;
			table->slabs_bytes -= table->slab_bytes;
		} else {
			slab = mem_map(table->slab_bytes);
		}
		slab->next = frozen->slabs;
		slab->used_bytes = 0;
		frozen->slabs = slab;
	}
	char *image = slab->memory + slab->used_bytes;

	slab->used_bytes += size_bytes;
	return image;
}

bool keyed_frozen_reads(const struct keyed_frozen *frozen, const struct block *blocks)
{
	return frozen != NULL && frozen->blocks == blocks;
}

COLD void keyed_chunk_open(struct keyed_table *table, uint32_t chunk)
{
	const struct block *block = &table->store->blocks[chunk / BLOCK_CHUNKS];
	uint32_t in_block = chunk % BLOCK_CHUNKS, size_bytes = CHUNK_SLOTS * table->stride_bytes;
	_Atomic(uint8_t) *epoch = &block->epochs[in_block];
	uint8_t seen = atomic_load_explicit(epoch, memory_order_acquire);

	if (table->frozen == NULL) {
		atomic_store_explicit(epoch, table->epoch, memory_order_relaxed);
		return;
	}
	if (seen == EPOCH_READING) {
		wait_for_reader(epoch);
		return;
	}
	if (seen == table->epoch)
		return;
	char *image = pre_image_alloc(table, size_bytes);

	memcpy(image,
	       chunk_of(table->store->blocks, table->stride_bytes, table->key_area_bytes, chunk),
	       size_bytes);
	block->before[in_block] = image;
	if (atomic_compare_exchange_strong_explicit(epoch, &seen, table->epoch,
						    memory_order_release, memory_order_acquire))
		return;
	block->before[in_block] = NULL; /* the reader came first */
	table->frozen->slabs->used_bytes -= size_bytes;
	wait_for_reader(epoch);
}

static void next_epoch(struct keyed_table *table)
{
	if (table->epoch < EPOCH_MAX) {
		table->epoch++;
		return;
	}
	for (uint32_t i = 0; i < table->store->blocks_count; i++)
		memset((void *)table->store->blocks[i].epochs, 0, BLOCK_CHUNKS);
	table->epoch = 1; /* of the other parity, as it must be: EPOCH_MAX is even */
}

struct keyed_frozen *keyed_table_freeze(struct keyed_table *table)
{
	struct keyed_frozen *frozen = MEM_NEW(struct keyed_frozen);

	CHECK(table->frozen == NULL, "a second view of a table");
	next_epoch(table);
	table->views++;
	*frozen = (struct keyed_frozen){
		.table = table,
		.store = table->store,
		.blocks = table->store->blocks,
		.groups = mem_dup(table->groups, table->groups_count * sizeof(*table->groups)),
		.arena = table->arena,
		.epoch = table->epoch,
		.increment = table->saved && !table->cleared,
		.stride_bytes = table->stride_bytes,
		.key_area_bytes = table->key_area_bytes,
		.first_group = table->first_group,
		.groups_count = table->groups_count,
		.chunks_count = table->store->chunks_count,
		.chunk = NO_CHUNK,
		.copy = mem_alloc((size_t)CHUNK_SLOTS * table->stride_bytes),
	};
	table->store->references++;
	table->arena->references++;
	table->frozen = frozen;
	table->watched = true;
	table->cleared = false;
	return frozen;
}

bool keyed_frozen_is_increment(const struct keyed_frozen *frozen)
{
	return frozen->increment;
}

/* The bits that the view used are those of the next epoch. */
static void dirt_clear(const struct keyed_frozen *frozen)
{
	for (uint32_t chunk = 0; chunk < frozen->chunks_count; chunk += BLOCK_CHUNKS)
		memset(frozen->blocks[chunk / BLOCK_CHUNKS].dirty[~frozen->epoch & 1], 0,
		       BLOCK_CHUNKS);
}

/* Slabs are kept for the next view, half of what the table takes at most. */
static void slabs_let_go(struct keyed_table *table, struct slab *slabs)
{
	while (slabs != NULL &&
	       (table->slabs_bytes + table->slab_bytes) * 2 <= table->store->mapped_bytes) {
		struct slab *slab = slabs;

		slabs = slab->next;
		slab->next = table->slabs;
		table->slabs = slab;
		table->slabs_bytes += table->slab_bytes;
	}
	keyed_slabs_free(table, slabs);
}

void keyed_frozen_release(struct keyed_frozen **released, bool saved)
{
	struct keyed_frozen *frozen = *released;
	struct keyed_table *table = frozen->table;

	*released = NULL;
	table->frozen = NULL;
	table->saved = saved;
	dirt_clear(frozen);
	if (frozen->blocks != frozen->store->blocks)
		mem_free((struct block *)frozen->blocks);
	keyed_store_release(&frozen->store);
	slabs_let_go(table, frozen->slabs);
	keyed_bytes_settle(&frozen->arena->bytes);
	keyed_arena_release(&frozen->arena);
	mem_free(frozen->groups);
	mem_free(frozen->copy);
	mem_free(frozen);
}

/* ---- the reader's side ----------------------------------------------------------------------- */

/* The chunk's slots as they were at the freeze. */
static const char *chunk_read(struct keyed_frozen *frozen, uint32_t chunk)
{
	const struct block *block = &frozen->blocks[chunk / BLOCK_CHUNKS];
	_Atomic(uint8_t) *epoch = &block->epochs[chunk % BLOCK_CHUNKS];
	uint8_t seen = atomic_load_explicit(epoch, memory_order_acquire);

	if (seen != frozen->epoch &&
	    atomic_compare_exchange_strong_explicit(epoch, &seen, EPOCH_READING,
						    memory_order_acquire, memory_order_acquire)) {
		memcpy(frozen->copy,
		       chunk_of(frozen->blocks, frozen->stride_bytes, frozen->key_area_bytes,
				chunk),
		       (size_t)CHUNK_SLOTS * frozen->stride_bytes);
		atomic_store_explicit(epoch, frozen->epoch, memory_order_release);
		return frozen->copy;
	}
	CHECK(block->before[chunk % BLOCK_CHUNKS] != NULL,
	      "chunk %u was written to and has no pre-image", chunk);
	return block->before[chunk % BLOCK_CHUNKS];
}

/* The slots that are asked for among the first `used` of a chunk. */
static void take_chunk(struct keyed_frozen *frozen, uint32_t chunk, uint32_t used,
		       struct keyed_chunk *taken)
{
	const struct block *block = &frozen->blocks[chunk / BLOCK_CHUNKS];
	uint32_t wanted = (1u << used) - 1;

	if (frozen->increment)
		wanted &= block->dirty[~frozen->epoch & 1][chunk % BLOCK_CHUNKS];
	if (wanted == 0)
		return;
	const char *slots = chunk_read(frozen, chunk) + frozen->key_area_bytes;

	for (uint32_t i = 0; i < used; i++)
		if (wanted >> i & 1)
			taken->slots[taken->count++] = slot_in(slots, frozen->stride_bytes, i);
}

bool keyed_frozen_next(struct keyed_frozen *frozen, struct keyed_chunk *taken)
{
	taken->count = 0;
	while (frozen->group < frozen->groups_count) {
		const struct key_group *group = &frozen->groups[frozen->group];
		uint32_t chunk = frozen->chunk, used = CHUNK_SLOTS;

		if (chunk == NO_CHUNK) { /* the last one is the first to be read */
			chunk = group->last_chunk;
			used = group->last_used;
		}
		if (chunk != NO_CHUNK) {
			taken->group = frozen->first_group + frozen->group;
			take_chunk(frozen, chunk, used, taken);
			frozen->chunk = frozen->blocks[chunk / BLOCK_CHUNKS]
						.previous[chunk % BLOCK_CHUNKS];
		}
		if (frozen->chunk == NO_CHUNK)
			frozen->group++;
		if (taken->count > 0)
			return true;
	}
	return false;
}
