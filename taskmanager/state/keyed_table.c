/* SPDX-License-Identifier: Apache-2.0
 * keyed_table.c - the table of keyed operators. See keyed_table.h.
 *
 * Why the numbers: at most 5/8 full, because probe chains of linear probing stay short until then;
 * 128 slots moved per call of 64 keys, because the new array is twice the old and 128 per 64 is
 * what empties the old one before the new one is 5/8 full. */
#include "taskmanager/state/keyed_table.h"

#include "common/base/check.h"
#include "common/base/hash.h"

#define SLOTS_MIN 8
#define MOVES_PER_CALL (2 * KEYED_TABLE_BATCH)
#define MOVE_AT_ONCE_SLOTS 1024
#define HEAP_BYTES_MAX (32 * 1024)  /* larger arrays come as pages, zeroed when touched */
#define PREFETCH_BYTES (512 * 1024) /* about a second-level cache; below it prefetching costs */
#define KEY_INLINED_BYTES 16

struct slots {
	char *memory; /* NULL: none */
	uint32_t mask; /* slots - 1 */
};

struct keyed_table {
	struct slots now, old; /* old: while growing */
	uint32_t old_moved;    /* slots of old before this one are in now */
	uint32_t stride_bytes, value_bytes;
	uint64_t count;
	uint64_t seed[2];
	struct arena *arena;
};

struct probe {
	uint64_t key[2];
	uint32_t tag, key_bytes;
	const void *data;
};

static size_t slots_bytes(const struct keyed_table *table, const struct slots *slots)
{
	return slots->memory ? ((size_t)slots->mask + 1) * table->stride_bytes : 0;
}

static inline struct keyed_slot *slot_at(const struct keyed_table *table, const struct slots *slots,
					 uint32_t index)
{
	return (struct keyed_slot *)(void *)(slots->memory + (size_t)index * table->stride_bytes);
}

static void slots_open(const struct keyed_table *table, struct slots *slots, uint64_t count)
{
	CHECK(count <= UINT64_C(1) << 31, "a table of %llu slots", (unsigned long long)count);
	slots->mask = (uint32_t)(count - 1);
	size_t size_bytes = count * table->stride_bytes;

	slots->memory = size_bytes > HEAP_BYTES_MAX ? mem_map(size_bytes) : mem_alloc(size_bytes);
}

static void slots_close(const struct keyed_table *table, struct slots *slots)
{
	size_t size_bytes = slots_bytes(table, slots);

	if (size_bytes > HEAP_BYTES_MAX)
		mem_unmap(slots->memory, size_bytes);
	else
		mem_free(slots->memory);
	slots->memory = NULL;
}

struct keyed_table *keyed_table_create(uint32_t value_bytes, uint64_t seed)
{
	struct keyed_table *table = MEM_NEW(struct keyed_table);

	table->value_bytes = value_bytes;
	table->stride_bytes = (uint32_t)sizeof(struct keyed_slot) + ((value_bytes + 7u) & ~7u);
	table->seed[0] =
		hash_fold(seed ^ UINT64_C(0xA0761D6478BD642F), UINT64_C(0xE7037ED1A0B428DB));
	table->seed[1] =
		hash_fold(seed ^ UINT64_C(0x8EBC6AF09C88C6E3), UINT64_C(0x589965CC75374CC3));
	table->arena = arena_create("keyed table");
	return table;
}

void keyed_table_destroy(struct keyed_table **table)
{
	if (*table == NULL)
		return;
	slots_close(*table, &(*table)->now);
	slots_close(*table, &(*table)->old);
	arena_destroy(&(*table)->arena);
	mem_free(*table);
	*table = NULL;
}

void keyed_table_clear(struct keyed_table *table)
{
	slots_close(table, &table->old);
	if (slots_bytes(table, &table->now) > HEAP_BYTES_MAX) {
		uint32_t mask = table->now.mask;

		slots_close(table, &table->now); /* fresh pages are cheaper than writing zeros */
		slots_open(table, &table->now, (uint64_t)mask + 1);
	} else if (table->now.memory != NULL) {
		memset(table->now.memory, 0, slots_bytes(table, &table->now));
	}
	table->count = 0;
	arena_reset(table->arena);
}

/* ---- hashing --------------------------------------------------------------------------------- */

/* Up to 16 bytes as two words, as if zeroes followed; nothing is read beyond the key. */
static inline void words_of(const uint8_t *at, uint32_t size_bytes, uint64_t key[2])
{
	uint32_t low, high;

	key[0] = key[1] = 0;
	if (size_bytes > 8) {
		key[0] = hash_load_u64(at);
		key[1] = hash_load_u64(at + size_bytes - 8) >> (8 * (16 - size_bytes));
	} else if (size_bytes == 8) {
		key[0] = hash_load_u64(at);
	} else if (size_bytes >= 4) { /* the two halves overlap where they agree */
		memcpy(&low, at, 4);
		memcpy(&high, at + size_bytes - 4, 4);
		key[0] = low | (uint64_t)high << (8 * (size_bytes - 4));
	} else if (size_bytes > 0) {
		key[0] = (uint64_t)at[0] | (uint64_t)at[size_bytes / 2] << (8 * (size_bytes / 2)) |
			 (uint64_t)at[size_bytes - 1] << (8 * (size_bytes - 1));
	}
}

static inline uint64_t hash_words(const struct keyed_table *table, const uint64_t key[2],
				  uint32_t size_bytes)
{
	return hash_fold(key[0] ^ table->seed[0],
			 key[1] ^ table->seed[1] ^ (uint64_t)size_bytes << 56) ^
	       size_bytes;
}

static uint64_t hash_long(const struct keyed_table *table, const uint8_t *at, uint32_t size_bytes)
{
	uint64_t h = table->seed[0] + size_bytes, last[2];
	uint32_t left = size_bytes;

	for (; left > 16; left -= 16, at += 16) {
		uint64_t mixed =
			hash_fold(hash_load_u64(at) ^ h, hash_load_u64(at + 8) ^ table->seed[1]);

		h = hash_fold(mixed ^ table->seed[0], h ^ UINT64_C(0x9E3779B97F4A7C15));
	}
	words_of(at, left, last);
	return hash_fold(last[0] ^ h, last[1] ^ table->seed[1]) ^ h;
}

static inline void probe_hashed(struct probe *probe, uint64_t hash)
{
	uint32_t tag = (uint32_t)(hash ^ hash >> 32);

	probe->tag = tag ? tag : 1;
}

static inline void probe_of(const struct keyed_table *table, const void *data, uint32_t size_bytes,
			    struct probe *probe)
{
	uint64_t hash;

	probe->key_bytes = size_bytes;
	probe->data = data;
	if (size_bytes <= KEY_INLINED_BYTES) {
		words_of(data, size_bytes, probe->key);
		hash = hash_words(table, probe->key, size_bytes);
	} else {
		hash = hash_long(table, data, size_bytes);
		probe->key[1] = hash; /* key[0] will point to the bytes */
	}
	probe_hashed(probe, hash);
}

/* The same for a string in a record: a short one has zeroes behind it, so that there is no branch
 * on its size. */
static inline void probe_of_string(const struct keyed_table *table, const struct str *s,
				   struct probe *probe)
{
	uint32_t last;

	if (unlikely(s->len > STR_INLINE_BYTES)) {
		probe_of(table, (const char *)s + s->u.tail.offset, s->len, probe);
		return;
	}
	memcpy(&last, s->u.inlined + 8, sizeof(last));
	probe->key_bytes = s->len;
	probe->data = s->u.inlined;
	probe->key[0] = hash_load_u64(s->u.inlined);
	probe->key[1] = last;
	probe_hashed(probe, hash_words(table, probe->key, s->len));
}

static inline bool slot_is(const struct keyed_slot *slot, const struct probe *probe)
{
	if (slot->tag != probe->tag || slot->key_bytes != probe->key_bytes ||
	    slot->key[1] != probe->key[1])
		return false;
	if (likely(probe->key_bytes <= KEY_INLINED_BYTES))
		return slot->key[0] == probe->key[0];
	return memcmp((const void *)(uintptr_t)slot->key[0], probe->data, probe->key_bytes) == 0;
}

/* ---- growing --------------------------------------------------------------------------------- */

static void move_some(struct keyed_table *table, uint32_t moves_max)
{
	for (; moves_max > 0 && table->old_moved <= table->old.mask; moves_max--) {
		const struct keyed_slot *from = slot_at(table, &table->old, table->old_moved++);
		uint32_t index = from->tag & table->now.mask;

		if (from->tag == 0)
			continue;
		while (slot_at(table, &table->now, index)->tag != 0)
			index = (index + 1) & table->now.mask;
		memcpy(slot_at(table, &table->now, index), from, table->stride_bytes);
	}
	if (table->old_moved > table->old.mask)
		slots_close(table, &table->old);
}

static bool has_room(const struct keyed_table *table, uint64_t slots, uint32_t more)
{
	return (table->count + more) * 8 <= slots * 5;
}

static void make_room(struct keyed_table *table, uint32_t more)
{
	if (unlikely(table->old.memory != NULL))
		move_some(table, MOVES_PER_CALL);
	uint64_t slots = table->now.memory ? (uint64_t)table->now.mask + 1 : 0;

	if (likely(has_room(table, slots, more)))
		return;
	if (table->old.memory != NULL) /* only while small: see the head of this file */
		move_some(table, UINT32_MAX);
	slots = slots ? slots * 2 : SLOTS_MIN;
	while (!has_room(table, slots, more))
		slots *= 2;
	table->old = table->now;
	table->old_moved = 0;
	slots_open(table, &table->now, slots);
	if (table->old.memory != NULL && table->old.mask < MOVE_AT_ONCE_SLOTS)
		move_some(table, UINT32_MAX);
}

/* ---- finding --------------------------------------------------------------------------------- */

static inline struct keyed_slot *find(const struct keyed_table *table, const struct slots *slots,
				      const struct probe *probe)
{
	uint32_t index = probe->tag & slots->mask;

	for (;;) {
		struct keyed_slot *slot = slot_at(table, slots, index);

		if (slot->tag == 0 || slot_is(slot, probe))
			return slot;
		index = (index + 1) & slots->mask;
	}
}

/* Not in the new array: in the old one, if it was not moved yet, or nowhere. A slot that was moved
 * is found in the new array first, so the copy left in the old one is never met. */
static struct keyed_slot *add(struct keyed_table *table, struct keyed_slot *free_slot,
			      const struct probe *probe)
{
	if (table->old.memory != NULL) {
		struct keyed_slot *slot = find(table, &table->old, probe);

		if (slot->tag != 0)
			return slot;
	}
	free_slot->tag = probe->tag;
	free_slot->key_bytes = probe->key_bytes & INT32_MAX;
	free_slot->key[0] = probe->key[0];
	free_slot->key[1] = probe->key[1];
	if (probe->key_bytes > KEY_INLINED_BYTES)
		free_slot->key[0] = (uint64_t)(uintptr_t)keyed_table_store(table, probe->data,
									   probe->key_bytes);
	table->count++;
	return free_slot;
}

static inline void prefetch_all(const struct keyed_table *table, const struct probe *probes,
				uint32_t count)
{
	if (slots_bytes(table, &table->now) <= PREFETCH_BYTES)
		return;
	for (uint32_t i = 0; i < count; i++)
		__builtin_prefetch(slot_at(table, &table->now, probes[i].tag & table->now.mask), 1);
}

static inline void find_all(struct keyed_table *table, const struct probe *probes, uint32_t count,
			    struct keyed_slot **slots)
{
	const struct slots now = table->now;

	prefetch_all(table, probes, count);
	for (uint32_t i = 0; i < count; i++) {
		struct keyed_slot *slot = find(table, &now, &probes[i]);

		slots[i] = likely(slot->tag != 0) ? slot : add(table, slot, &probes[i]);
	}
}

HOT void keyed_table_find(struct keyed_table *table, const struct key *keys, uint32_t count,
			  struct keyed_slot **slots)
{
	struct probe probes[KEYED_TABLE_BATCH];

	CHECK(count <= KEYED_TABLE_BATCH, "%u keys at once", count);
	make_room(table, count);
	for (uint32_t i = 0; i < count; i++)
		probe_of(table, keys[i].data, keys[i].size_bytes, &probes[i]);
	find_all(table, probes, count, slots);
}

HOT bool keyed_table_find_strings(struct keyed_table *table, const struct batch *batch,
				  uint32_t offset_bytes, uint32_t from, uint32_t count,
				  struct keyed_slot **slots)
{
	struct probe probes[KEYED_TABLE_BATCH];
	const struct batch view = *batch;
	bool plain = true;

	CHECK(count <= KEYED_TABLE_BATCH, "%u keys at once", count);
	make_room(table, count);
	for (uint32_t i = 0; i < count; i++) {
		const char *record = batch_at(&view, from + i);
		const struct str *s = (const struct str *)(const void *)(record + offset_bytes);

		plain &= (uint8_t)s->u.inlined[0] != 0xFF || s->len == 0;
		probe_of_string(table, s, &probes[i]);
	}
	if (unlikely(!plain))
		return false;
	find_all(table, probes, count, slots);
	return true;
}

void *keyed_table_store(struct keyed_table *table, const void *data, size_t size_bytes)
{
	void *stored = arena_alloc(table->arena, size_bytes);

	memcpy(stored, data, size_bytes);
	return stored;
}

struct keyed_slot *keyed_table_next(struct keyed_table *table, uint64_t *at)
{
	uint64_t now_count = table->now.memory ? (uint64_t)table->now.mask + 1 : 0;

	for (; *at < now_count; ++*at) {
		struct keyed_slot *slot = slot_at(table, &table->now, (uint32_t)*at);

		if (slot->tag != 0) {
			++*at;
			return slot;
		}
	}
	if (table->old.memory == NULL)
		return NULL;
	if (*at < now_count + table->old_moved)
		*at = now_count + table->old_moved;
	for (; *at <= now_count + table->old.mask; ++*at) {
		struct keyed_slot *slot = slot_at(table, &table->old, (uint32_t)(*at - now_count));

		if (slot->tag != 0) {
			++*at;
			return slot;
		}
	}
	return NULL;
}

uint64_t keyed_table_count(const struct keyed_table *table)
{
	return table->count;
}

size_t keyed_table_bytes(const struct keyed_table *table)
{
	return slots_bytes(table, &table->now) + slots_bytes(table, &table->old) +
	       arena_bytes(table->arena);
}
