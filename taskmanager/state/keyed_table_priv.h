/* SPDX-License-Identifier: Apache-2.0
 * keyed_table_priv.h - a keyed table from inside; nobody outside the folder includes it. */
#ifndef TASKMANAGER_STATE_KEYED_TABLE_PRIV_H
#define TASKMANAGER_STATE_KEYED_TABLE_PRIV_H

#include <stdatomic.h>

#include "taskmanager/state/keyed_table.h"

#define CHUNK_BYTES 4096 /* about: as many slots as fit, at most 64 */
#define EPOCH_MAX 250
#define EPOCH_READING 255 /* of a chunk: the view's reader is copying it */

/* An array of slots. Its table uses it, and a frozen view may, which then keeps it alive. */
struct slot_array {
	char *memory;
	uint32_t mask;       /* slots - 1 */
	uint32_t references; /* on the table's thread */
	/* Per chunk: the epoch in which it was last made writable. In the table's own epoch: what a
	 * view has to read lies in `before`, or was read. */
	_Atomic(uint8_t) *epochs;
	/* Per chunk: its slots as they were at the freeze. Written before the epoch, read after. */
	char **before;
	uint64_t *dirty[2]; /* per slot a bit; by the epoch's parity */
};

/* Memory for the pre-images of one view. */
struct slab {
	struct slab *next;
	uint32_t used_bytes;
	_Alignas(16) char memory[];
};

/* One cache line: all that finding a key needs besides its slot. */
struct key_group {
	char *memory;             /* now->memory; of one free slot while there is no array */
	_Atomic(uint8_t) *epochs; /* now->epochs */
	uint64_t *dirty;          /* now's, of this epoch; NULL: not tracked yet */
	uint32_t mask;
	uint32_t old_moved; /* slots of old before this one are in now */
	struct slot_array *now, *old; /* old: while growing */
	uint64_t count;
	uint32_t wanted; /* keys of the batch under way that may be new */
};

struct shared_arena { /* long keys, and what values point to */
	struct arena *arena;
	uint32_t references;
};

struct keyed_table {
	struct key_group *groups;
	uint32_t key_groups, first_group, groups_count;
	uint32_t stride_bytes;
	uint32_t chunk_shift; /* slots of a chunk: 1 << this */
	uint8_t epoch;
	bool tracks_dirt;  /* from the first view on */
	bool saved;        /* the last view is safe */
	bool cleared;      /* since then: what is gone has no slot to be dirty */
	uint32_t growing;  /* groups with an old array */
	uint32_t next_growing; /* where to look for one */
	uint64_t count;
	size_t arrays_bytes;
	uint64_t seed[2];
	struct shared_arena *arena;
	struct keyed_frozen *frozen; /* the view that is out */
	struct slab *slabs;          /* of views that were; for the next ones */
	size_t slabs_bytes;
	uint64_t *no_slot;           /* one free slot, for groups without keys */
};

static inline struct keyed_slot *slot_at(const char *memory, uint32_t stride_bytes, uint32_t index)
{
	return (struct keyed_slot *)(uintptr_t)(memory + (size_t)index * stride_bytes);
}

static inline uint32_t array_slots(const struct slot_array *array)
{
	return array ? array->mask + 1 : 0;
}

/* ---- keyed_grow.c ---------------------------------------------------------------------------- */

uint32_t keyed_array_chunks(const struct keyed_table *table, const struct slot_array *array);
void keyed_array_release(struct keyed_table *table, struct slot_array **array);
void keyed_table_track_dirt(struct keyed_table *table);
/* The newest array of a group is this one; again after each change of the epoch. */
void keyed_group_use(struct keyed_table *table, struct key_group *group, struct slot_array *array);
/* Room for so many new keys; moves a bounded part of what growth has left to do. */
void keyed_group_make_room(struct keyed_table *table, struct key_group *group, uint32_t more);
/* A little of the same for one group that gets no new keys. */
void keyed_table_settle(struct keyed_table *table);
void keyed_arena_release(struct shared_arena **arena);

/* ---- keyed_frozen.c -------------------------------------------------------------------------- */

void keyed_slabs_free(struct slab *slabs);
/* The chunk's first write since the freeze. */
void keyed_chunk_open(struct keyed_table *table, struct slot_array *array, uint32_t chunk);

/* Before a slot is written to, which leaves its dirt to the caller. */
static inline void slot_open(struct keyed_table *table, struct slot_array *array, uint32_t index)
{
	uint32_t chunk = index >> table->chunk_shift;

	if (unlikely(atomic_load_explicit(&array->epochs[chunk], memory_order_acquire) !=
		     table->epoch))
		keyed_chunk_open(table, array, chunk);
}

/* Before a slot of a group's newest array is written to. */
static inline void group_touch(struct keyed_table *table, const struct key_group *group,
			       uint32_t index)
{
	uint32_t chunk = index >> table->chunk_shift;

	if (unlikely(atomic_load_explicit(&group->epochs[chunk], memory_order_acquire) !=
		     table->epoch))
		keyed_chunk_open(table, group->now, chunk);
	if (group->dirty != NULL)
		group->dirty[index / 64] |= UINT64_C(1) << (index % 64);
}

#endif
