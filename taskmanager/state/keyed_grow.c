/* SPDX-License-Identifier: Apache-2.0
 * keyed_grow.c - the arrays of a keyed table: room, growth, forgetting, going through them.
 *
 * Why the numbers: at most 5/8 full, because probe chains of linear probing stay short until then;
 * twice as many slots moved as keys may be new, because the new array is twice the old and two per
 * key is what empties the old one before the new one is 5/8 full. */
#include "common/base/check.h"
#include "common/base/hash.h"
#include "taskmanager/state/keyed_table_priv.h"

#define SLOTS_MIN 4
#define MOVE_AT_ONCE_SLOTS 256
#define SETTLE_SLOTS 16
#define HEAP_BYTES_MAX (32 * 1024) /* larger arrays come as pages, zeroed when touched */

/* ---- arrays ---------------------------------------------------------------------------------- */

static size_t memory_bytes(const struct keyed_table *table, uint32_t slots)
{
	return (size_t)slots * table->stride_bytes;
}

static uint32_t chunks_of(const struct keyed_table *table, uint32_t slots)
{
	return (slots + (1u << table->chunk_shift) - 1) >> table->chunk_shift;
}

uint32_t keyed_array_chunks(const struct keyed_table *table, const struct slot_array *array)
{
	return chunks_of(table, array_slots(array));
}

static void dirt_open(struct slot_array *array)
{
	uint32_t words = (array_slots(array) + 63) / 64;

	for (uint32_t i = 0; i < 2; i++)
		if (array->dirty[i] == NULL)
			array->dirty[i] = MEM_NEW_ARRAY(uint64_t, words);
}

static struct slot_array *array_create(struct keyed_table *table, uint32_t slots)
{
	struct slot_array *array = MEM_NEW(struct slot_array);
	size_t size_bytes = memory_bytes(table, slots);
	uint32_t chunks = chunks_of(table, slots);

	array->memory = size_bytes > HEAP_BYTES_MAX ? mem_map(size_bytes) : mem_alloc(size_bytes);
	array->mask = slots - 1;
	array->references = 1;
	array->epochs = mem_alloc(chunks);
	/* Nothing in it is in a view that is out already. */
	memset((void *)array->epochs, table->epoch, chunks);
	array->before = MEM_NEW_ARRAY(char *, chunks);
	if (table->tracks_dirt)
		dirt_open(array);
	table->arrays_bytes += size_bytes;
	return array;
}

void keyed_array_release(struct keyed_table *table, struct slot_array **released)
{
	struct slot_array *array = *released;

	*released = NULL;
	if (array == NULL || --array->references > 0)
		return;
	size_t size_bytes = memory_bytes(table, array_slots(array));

	table->arrays_bytes -= size_bytes;
	if (size_bytes > HEAP_BYTES_MAX)
		mem_unmap(array->memory, size_bytes);
	else
		mem_free(array->memory);
	mem_free((void *)array->epochs);
	mem_free(array->before);
	mem_free(array->dirty[0]);
	mem_free(array->dirty[1]);
	mem_free(array);
}

void keyed_table_track_dirt(struct keyed_table *table)
{
	table->tracks_dirt = true;
	for (uint32_t i = 0; i < table->groups_count; i++) {
		if (table->groups[i].now != NULL)
			dirt_open(table->groups[i].now);
		if (table->groups[i].old != NULL)
			dirt_open(table->groups[i].old);
	}
}

/* ---- growing --------------------------------------------------------------------------------- */

void keyed_group_use(struct keyed_table *table, struct key_group *group, struct slot_array *array)
{
	group->now = array;
	group->memory = array->memory;
	group->mask = array->mask;
	group->epochs = array->epochs;
	group->dirty = array->dirty[table->epoch & 1];
}

static void move_slot(struct keyed_table *table, struct key_group *group, uint32_t from_index)
{
	const struct keyed_slot *from =
		slot_at(group->old->memory, table->stride_bytes, from_index);
	uint32_t index = from->tag & group->mask;

	if (from->tag == 0)
		return;
	while (slot_at(group->memory, table->stride_bytes, index)->tag != 0)
		index = (index + 1) & group->mask;
	slot_open(table, group->now, index);
	if (table->tracks_dirt) {
		uint64_t was = group->old->dirty[table->epoch & 1][from_index / 64];

		group->now->dirty[table->epoch & 1][index / 64] |= (was >> from_index % 64 & 1)
								   << (index % 64);
	}
	memcpy(slot_at(group->memory, table->stride_bytes, index), from, table->stride_bytes);
}

static void move_some(struct keyed_table *table, struct key_group *group, uint32_t moves_max)
{
	if (group->old == NULL)
		return;
	for (; moves_max > 0 && group->old_moved <= group->old->mask; moves_max--)
		move_slot(table, group, group->old_moved++);
	if (group->old_moved <= group->old->mask)
		return;
	keyed_array_release(table, &group->old);
	table->growing--;
}

static bool has_room(const struct key_group *group, uint64_t slots, uint32_t more)
{
	return (group->count + more) * 8 <= slots * 5;
}

void keyed_group_make_room(struct keyed_table *table, struct key_group *group, uint32_t more)
{
	uint64_t slots = array_slots(group->now);

	move_some(table, group, 2 * more);
	if (likely(has_room(group, slots, more)))
		return;
	move_some(table, group, UINT32_MAX); /* only while small: see the head of this file */
	slots = slots ? slots * 2 : SLOTS_MIN;
	while (!has_room(group, slots, more))
		slots *= 2;
	CHECK(slots <= UINT64_C(1) << 31, "a table of %llu slots", (unsigned long long)slots);
	group->old = group->now;
	group->old_moved = 0;
	keyed_group_use(table, group, array_create(table, (uint32_t)slots));
	if (group->old == NULL)
		return;
	table->growing++;
	if (group->old->mask < MOVE_AT_ONCE_SLOTS)
		move_some(table, group, UINT32_MAX);
}

void keyed_table_settle(struct keyed_table *table)
{
	uint32_t at = table->next_growing;

	while (table->groups[at].old == NULL)
		at = at + 1 < table->groups_count ? at + 1 : 0;
	move_some(table, &table->groups[at], SETTLE_SLOTS);
	table->next_growing = at;
}

/* ---- life ------------------------------------------------------------------------------------ */

static struct shared_arena *shared_arena_create(void)
{
	struct shared_arena *arena = MEM_NEW(struct shared_arena);

	arena->arena = arena_create("keyed table");
	arena->references = 1;
	return arena;
}

void keyed_arena_release(struct shared_arena **arena)
{
	if (--(*arena)->references == 0) {
		arena_destroy(&(*arena)->arena);
		mem_free(*arena);
	}
	*arena = NULL;
}

static void forget(struct keyed_table *table, struct key_group *group)
{
	if (group->old != NULL)
		table->growing--;
	keyed_array_release(table, &group->old);
	keyed_array_release(table, &group->now);
	*group = (struct key_group){ .memory = (char *)table->no_slot };
}

struct keyed_table *keyed_table_create(const struct keyed_table_options *options)
{
	struct keyed_table *table = MEM_NEW(struct keyed_table);
	uint64_t seed = options->seed;

	table->stride_bytes =
		(uint32_t)sizeof(struct keyed_slot) + ((options->value_bytes + 7u) & ~7u);
	while (table->chunk_shift < 6 &&
	       (2u << table->chunk_shift) * table->stride_bytes <= CHUNK_BYTES)
		table->chunk_shift++;
	table->seed[0] =
		hash_fold(seed ^ UINT64_C(0xA0761D6478BD642F), UINT64_C(0xE7037ED1A0B428DB));
	table->seed[1] =
		hash_fold(seed ^ UINT64_C(0x8EBC6AF09C88C6E3), UINT64_C(0x589965CC75374CC3));
	table->key_groups = options->key_groups;
	table->first_group = options->groups.first;
	table->groups_count = options->groups.last - options->groups.first + 1;
	table->groups = MEM_NEW_ARRAY(struct key_group, table->groups_count);
	table->no_slot = mem_alloc(table->stride_bytes);
	for (uint32_t i = 0; i < table->groups_count; i++)
		table->groups[i].memory = (char *)table->no_slot;
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
	for (uint32_t i = 0; i < table->groups_count; i++)
		forget(table, &table->groups[i]);
	keyed_arena_release(&table->arena);
	keyed_slabs_free(table->slabs);
	mem_free(table->groups);
	mem_free(table->no_slot);
	mem_free(table);
}

/* Fresh pages are cheaper than writing zeros. */
static void group_clear(struct keyed_table *table, struct key_group *group)
{
	uint32_t slots = array_slots(group->now);

	if (slots == 0)
		return;
	if (table->frozen == NULL && memory_bytes(table, slots) <= HEAP_BYTES_MAX &&
	    !table->tracks_dirt) {
		struct slot_array *kept = group->now;

		kept->references++;
		forget(table, group);
		memset(kept->memory, 0, memory_bytes(table, slots));
		keyed_group_use(table, group, kept);
		return;
	}
	forget(table, group);
	keyed_group_use(table, group, array_create(table, slots));
}

void keyed_table_clear(struct keyed_table *table)
{
	for (uint32_t i = 0; i < table->groups_count; i++)
		group_clear(table, &table->groups[i]);
	table->count = 0;
	table->cleared = true;
	if (table->arena->references == 1) {
		arena_reset(table->arena->arena);
		return;
	}
	keyed_arena_release(&table->arena);
	table->arena = shared_arena_create();
}

/* ---- all of it ------------------------------------------------------------------------------- */

#define AT_SHIFT 34 /* of `at`: the group; below it the slot, of now and then of old */

struct keyed_slot *keyed_table_next(struct keyed_table *table, uint64_t *at)
{
	uint64_t index = *at & ((UINT64_C(1) << AT_SHIFT) - 1);

	for (uint32_t i = (uint32_t)(*at >> AT_SHIFT); i < table->groups_count; i++, index = 0) {
		const struct key_group *group = &table->groups[i];
		uint64_t now_slots = array_slots(group->now), old_slots = array_slots(group->old);

		for (; index < now_slots + old_slots; index++) {
			if (index == now_slots && group->old_moved > 0)
				index += group->old_moved;
			const struct slot_array *array =
				index < now_slots ? group->now : group->old;
			uint32_t in_array =
				(uint32_t)(index < now_slots ? index : index - now_slots);
			struct keyed_slot *slot =
				slot_at(array->memory, table->stride_bytes, in_array);

			if (slot->tag == 0)
				continue;
			*at = (uint64_t)i << AT_SHIFT | (index + 1);
			return slot;
		}
	}
	*at = (uint64_t)table->groups_count << AT_SHIFT;
	return NULL;
}

uint64_t keyed_table_count(const struct keyed_table *table)
{
	return table->count;
}

size_t keyed_table_bytes(const struct keyed_table *table)
{
	return table->arrays_bytes + arena_bytes(table->arena->arena);
}

void *keyed_table_store(struct keyed_table *table, const void *data, size_t size_bytes)
{
	void *stored = arena_alloc(table->arena->arena, size_bytes);

	memcpy(stored, data, size_bytes);
	return stored;
}
