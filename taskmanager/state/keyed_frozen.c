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

#define SLAB_BYTES (256 * 1024)

struct frozen_group {
	struct slot_array *now, *old;
	uint32_t old_moved;
};

struct keyed_frozen {
	struct keyed_table *table;
	struct frozen_group *groups;
	struct shared_arena *arena;
	struct slab *slabs; /* pre-images; the table's thread alone */
	uint8_t epoch;
	bool increment;
	uint32_t stride_bytes, chunk_shift, first_group, groups_count;
	/* where the reader is */
	uint32_t group;
	bool in_old;
	uint64_t index;
	uint64_t *copy; /* of the chunk it reads */
};

/* ---- the table's side ------------------------------------------------------------------------ */

static uint32_t chunk_bytes(const struct keyed_table *table, const struct slot_array *array)
{
	uint32_t chunk_slots = 1u << table->chunk_shift, slots = array_slots(array);

	return (slots < chunk_slots ? slots : chunk_slots) * table->stride_bytes;
}

static const char *chunk_memory(uint32_t chunk_shift, uint32_t stride_bytes,
				const struct slot_array *array, uint32_t chunk)
{
	return array->memory + ((size_t)chunk << chunk_shift) * stride_bytes;
}

static inline void cpu_relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

static void wait_for_reader(struct slot_array *array, uint32_t chunk)
{
	while (atomic_load_explicit(&array->epochs[chunk], memory_order_acquire) == EPOCH_READING)
		cpu_relax();
}

void keyed_slabs_free(struct slab *slabs)
{
	while (slabs != NULL) {
		struct slab *next = slabs->next;

		mem_unmap(slabs, SLAB_BYTES);
		slabs = next;
	}
}

static char *pre_image_alloc(struct keyed_table *table, uint32_t size_bytes)
{
	struct keyed_frozen *frozen = table->frozen;
	struct slab *slab = frozen->slabs;
	uint32_t room_bytes = SLAB_BYTES - (uint32_t)sizeof(*slab);

	CHECK(size_bytes <= room_bytes, "a chunk of %u bytes", size_bytes);
	if (slab == NULL || slab->used_bytes + size_bytes > room_bytes) {
		slab = table->slabs;
		if (slab != NULL) {
			table->slabs = slab->next;
			table->slabs_bytes -= SLAB_BYTES;
		} else {
			slab = mem_map(SLAB_BYTES);
		}
		slab->next = frozen->slabs;
		slab->used_bytes = 0;
		frozen->slabs = slab;
	}
	char *image = slab->memory + slab->used_bytes;

	slab->used_bytes += size_bytes;
	return image;
}

COLD void keyed_chunk_open(struct keyed_table *table, struct slot_array *array, uint32_t chunk)
{
	uint8_t seen = atomic_load_explicit(&array->epochs[chunk], memory_order_acquire);
	uint32_t size_bytes = chunk_bytes(table, array);

	if (table->frozen == NULL) {
		atomic_store_explicit(&array->epochs[chunk], table->epoch, memory_order_relaxed);
		return;
	}
	if (seen == EPOCH_READING) {
		wait_for_reader(array, chunk);
		return;
	}
	if (seen == table->epoch)
		return;
	char *image = pre_image_alloc(table, size_bytes);

	memcpy(image, chunk_memory(table->chunk_shift, table->stride_bytes, array, chunk),
	       size_bytes);
	array->before[chunk] = image;
	if (atomic_compare_exchange_strong_explicit(&array->epochs[chunk], &seen, table->epoch,
						    memory_order_release, memory_order_acquire))
		return;
	array->before[chunk] = NULL; /* the reader came first */
	table->frozen->slabs->used_bytes -= size_bytes;
	wait_for_reader(array, chunk);
}

static struct slot_array *keep(struct slot_array *array)
{
	if (array != NULL)
		array->references++;
	return array;
}

static void epochs_reset(const struct keyed_table *table, struct slot_array *array)
{
	if (array != NULL)
		memset((void *)array->epochs, 0, keyed_array_chunks(table, array));
}

static void next_epoch(struct keyed_table *table)
{
	if (table->epoch < EPOCH_MAX) {
		table->epoch++;
		return;
	}
	for (uint32_t i = 0; i < table->groups_count; i++) {
		epochs_reset(table, table->groups[i].now);
		epochs_reset(table, table->groups[i].old);
	}
	table->epoch = 1; /* of the other parity, as it must be: EPOCH_MAX is even */
}

struct keyed_frozen *keyed_table_freeze(struct keyed_table *table)
{
	struct keyed_frozen *frozen = MEM_NEW(struct keyed_frozen);

	CHECK(table->frozen == NULL, "a second view of a table");
	if (!table->tracks_dirt)
		keyed_table_track_dirt(table);
	next_epoch(table);
	*frozen = (struct keyed_frozen){
		.table = table,
		.groups = MEM_NEW_ARRAY(struct frozen_group, table->groups_count),
		.arena = table->arena,
		.epoch = table->epoch,
		.increment = table->saved && !table->cleared,
		.stride_bytes = table->stride_bytes,
		.chunk_shift = table->chunk_shift,
		.first_group = table->first_group,
		.groups_count = table->groups_count,
		.copy = mem_alloc((size_t)table->stride_bytes << table->chunk_shift),
	};
	table->arena->references++;
	for (uint32_t i = 0; i < table->groups_count; i++) {
		struct key_group *group = &table->groups[i];

		frozen->groups[i] = (struct frozen_group){ .now = keep(group->now),
							   .old = keep(group->old),
							   .old_moved = group->old_moved };
		if (group->now != NULL)
			keyed_group_use(table, group, group->now);
	}
	table->frozen = frozen;
	table->cleared = false;
	return frozen;
}

bool keyed_frozen_is_increment(const struct keyed_frozen *frozen)
{
	return frozen->increment;
}

/* The bits that the view used are those of the next epoch. */
static void array_let_go(struct keyed_frozen *frozen, struct slot_array **array)
{
	struct keyed_table *table = frozen->table;

	if (*array == NULL)
		return;
	memset((*array)->dirty[~frozen->epoch & 1], 0,
	       (array_slots(*array) + 63) / 64 * sizeof(uint64_t));
	keyed_array_release(table, array);
}

/* Slabs are kept for the next view, half of what the table takes at most. */
static void slabs_let_go(struct keyed_table *table, struct slab *slabs)
{
	while (slabs != NULL && (table->slabs_bytes + SLAB_BYTES) * 2 <= table->arrays_bytes) {
		struct slab *slab = slabs;

		slabs = slab->next;
		slab->next = table->slabs;
		table->slabs = slab;
		table->slabs_bytes += SLAB_BYTES;
	}
	keyed_slabs_free(slabs);
}

void keyed_frozen_release(struct keyed_frozen **released, bool saved)
{
	struct keyed_frozen *frozen = *released;
	struct keyed_table *table = frozen->table;

	*released = NULL;
	table->frozen = NULL;
	table->saved = saved;
	for (uint32_t i = 0; i < frozen->groups_count; i++) {
		array_let_go(frozen, &frozen->groups[i].now);
		array_let_go(frozen, &frozen->groups[i].old);
	}
	slabs_let_go(table, frozen->slabs);
	keyed_arena_release(&frozen->arena);
	mem_free(frozen->groups);
	mem_free(frozen->copy);
	mem_free(frozen);
}

/* ---- the reader's side ----------------------------------------------------------------------- */

/* The chunk's slots as they were at the freeze. */
static const char *chunk_read(struct keyed_frozen *frozen, struct slot_array *array, uint32_t chunk)
{
	uint8_t seen = atomic_load_explicit(&array->epochs[chunk], memory_order_acquire);
	size_t slots = (size_t)1 << frozen->chunk_shift;

	if (seen != frozen->epoch &&
	    atomic_compare_exchange_strong_explicit(&array->epochs[chunk], &seen, EPOCH_READING,
						    memory_order_acquire, memory_order_acquire)) {
		if (slots > array_slots(array))
			slots = array_slots(array);
		memcpy(frozen->copy,
		       chunk_memory(frozen->chunk_shift, frozen->stride_bytes, array, chunk),
		       slots * frozen->stride_bytes);
		atomic_store_explicit(&array->epochs[chunk], frozen->epoch, memory_order_release);
		return (const char *)frozen->copy;
	}
	CHECK(array->before[chunk] != NULL, "chunk %u was written to and has no pre-image", chunk);
	return array->before[chunk];
}

/* The slots of the chunk at frozen->index that are asked for; goes on behind it. */
static void take_chunk(struct keyed_frozen *frozen, struct slot_array *array,
		       struct keyed_chunk *taken)
{
	uint32_t chunk_slots = 1u << frozen->chunk_shift, first = (uint32_t)frozen->index;
	uint32_t chunk = first >> frozen->chunk_shift, from = chunk << frozen->chunk_shift;
	uint32_t end = from + chunk_slots < array_slots(array) ? from + chunk_slots :
								 array_slots(array);
	const uint64_t *dirty = array->dirty[~frozen->epoch & 1];
	bool any = !frozen->increment;

	frozen->index = end;
	for (uint32_t i = first; i < end && !any; i++)
		any = dirty[i / 64] >> (i % 64) & 1;
	if (!any)
		return;
	const char *slots = chunk_read(frozen, array, chunk);

	for (uint32_t i = first; i < end; i++) {
		const struct keyed_slot *slot = slot_at(slots, frozen->stride_bytes, i - from);

		if (slot->tag != 0 &&
		    (!frozen->increment || (dirty[i / 64] >> (i % 64) & 1)))
			taken->slots[taken->count++] = slot;
	}
}

bool keyed_frozen_next(struct keyed_frozen *frozen, struct keyed_chunk *chunk)
{
	chunk->count = 0;
	while (frozen->group < frozen->groups_count) {
		const struct frozen_group *group = &frozen->groups[frozen->group];
		struct slot_array *array = frozen->in_old ? group->old : group->now;

		if (frozen->index < array_slots(array)) {
			chunk->group = frozen->first_group + frozen->group;
			take_chunk(frozen, array, chunk);
			if (chunk->count > 0)
				return true;
		} else if (!frozen->in_old && group->old != NULL) {
			frozen->in_old = true;
			frozen->index = group->old_moved;
		} else {
			frozen->in_old = false;
			frozen->index = 0;
			frozen->group++;
		}
	}
	return false;
}
