/* SPDX-License-Identifier: Apache-2.0
 * keyed_table.c - finding slots by the batch. See keyed_table.h.
 *
 * A few loops over at most 64 records: their keys become tags (aim), the tags are looked up in the
 * index (find), and each slot found is held against its key (verify). The loops are compiled once
 * for each kind of key, so that sizes are constants and a key of eight bytes is one comparison. A
 * table larger than the caches has prefetches between them.
 *
 * A batch is looked up in one go while all its keys are known, which is nearly always. If some are
 * not, room is made in the index, and they get slots; slots that were given out stay where they
 * are. */
#include "taskmanager/state/keyed_table.h"

#include "common/base/check.h"
#include "common/base/hash.h"
#include "taskmanager/state/keyed_table_priv.h"

#define PREFETCH_BYTES (512 * 1024) /* about a second-level cache; below it prefetching costs */
#define KEY_INLINED_BYTES 16

/* How keys come: their bytes in records, all of one size, in strings, or one by one. */
enum kind { KIND_8_BYTES, KIND_4_BYTES, KIND_STRINGS, KIND_KEYS };

struct lookup {
	struct keyed_table *table;
	const struct batch *batch;
	uint32_t from, offset_bytes, count;
	const struct key *keys; /* KIND_KEYS */
	struct keyed_slot **slots;
	uint32_t tags[KEYED_TABLE_BATCH], numbers[KEYED_TABLE_BATCH];
	uint64_t words[KEYED_TABLE_BATCH][2]; /* of keys that are not in the record as they are */
};

/* ---- hashing --------------------------------------------------------------------------------- */

/* Where a key is looked for: a hash with a secret in it, unlike the one that everybody knows. */
static inline uint32_t tag_of(uint64_t seed_0, uint64_t seed_1, uint64_t first, uint64_t second,
			      uint32_t key_bytes)
{
	uint64_t hash = hash_fold(first ^ seed_0, second ^ seed_1 ^ (uint64_t)key_bytes << 56);

	return (uint32_t)(hash ^ hash >> 32) | UINT32_C(1) << 31; /* 0 says that there is none */
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
	hash_load_words(at, left, last);
	return hash_fold(last[0] ^ h, last[1] ^ table->seed[1]) ^ h;
}

/* Of a key that does not fit beside its value the second word is a hash; in the slot the first
 * points to the bytes. */
static COLD void words_of_long(const struct keyed_table *table, const void *data,
			       uint32_t size_bytes, uint64_t words[2])
{
	if (size_bytes <= KEY_INLINED_BYTES) {
		hash_load_words(data, size_bytes, words);
	} else {
		words[0] = hash_load_u64(data);
		words[1] = hash_long(table, data, size_bytes);
	}
}

static inline const char *field_at(const struct lookup *lookup, uint32_t i)
{
	return (const char *)batch_at(lookup->batch, lookup->from + i) + lookup->offset_bytes;
}

static inline const struct str *str_at(const struct lookup *lookup, uint32_t i)
{
	return (const struct str *)(const void *)field_at(lookup, i);
}

static inline uint64_t word_at(const struct lookup *lookup, enum kind kind, uint32_t i)
{
	uint32_t word;

	if (kind == KIND_8_BYTES)
		return hash_load_u64(field_at(lookup, i));
	memcpy(&word, field_at(lookup, i), sizeof(word));
	return word;
}

/* A short one has zeroes behind it: no branch on its size. */
static inline void words_of_str(const struct keyed_table *table, const struct str *s,
				uint64_t words[2])
{
	uint32_t word;

	memcpy(&word, s->u.inlined + 8, sizeof(word));
	words[0] = hash_load_u64(s->u.inlined);
	words[1] = word;
	if (unlikely(s->len > STR_INLINE_BYTES))
		words_of_long(table, str_ptr(s), s->len, words);
}

/* The tags of all keys. False: a string's key is not its bytes (see key_of). */
static inline bool aim(struct lookup *lookup, enum kind kind)
{
	const struct keyed_table *table = lookup->table;
	uint64_t seed_0 = table->seed[0], seed_1 = table->seed[1];
	uint32_t count = lookup->count, size_bytes = kind == KIND_8_BYTES ? 8 : 4;
	bool unusual = false;

	for (uint32_t i = 0; i < count; i++) {
		uint64_t *words = lookup->words[i];

		switch (kind) {
		case KIND_8_BYTES:
		case KIND_4_BYTES:
			lookup->tags[i] =
				tag_of(seed_0, seed_1, word_at(lookup, kind, i), 0, size_bytes);
			continue;
		case KIND_STRINGS:
			size_bytes = str_at(lookup, i)->len;
			words_of_str(table, str_at(lookup, i), words);
			unusual |= (uint8_t)words[0] == 0xFF;
			break;
		case KIND_KEYS:
			size_bytes = lookup->keys[i].size_bytes;
			words_of_long(table, lookup->keys[i].data, size_bytes, words);
			break;
		}
		lookup->tags[i] = tag_of(seed_0, seed_1, words[0], words[1], size_bytes);
	}
	return !unusual;
}

/* ---- finding --------------------------------------------------------------------------------- */

static inline uint32_t key_bytes_of(const struct lookup *lookup, enum kind kind, uint32_t i)
{
	switch (kind) {
	case KIND_8_BYTES: return 8;
	case KIND_4_BYTES: return 4;
	case KIND_STRINGS: return str_at(lookup, i)->len;
	case KIND_KEYS: break;
	}
	return lookup->keys[i].size_bytes;
}

static const void *long_key(const struct lookup *lookup, enum kind kind, uint32_t i)
{
	return kind == KIND_STRINGS ? (const void *)str_ptr(str_at(lookup, i)) :
				      lookup->keys[i].data;
}

static inline bool slot_is(const struct lookup *lookup, enum kind kind, uint32_t key_area_bytes,
			   const struct keyed_slot *slot, uint32_t i)
{
	const char *key = (const char *)slot - key_area_bytes;
	uint64_t first = hash_load_u64(key);

	if (kind == KIND_8_BYTES || kind == KIND_4_BYTES)
		return first == word_at(lookup, kind, i);
	uint32_t key_bytes = key_bytes_of(lookup, kind, i);
	const uint64_t *words = lookup->words[i];

	if (slot->key_bytes != key_bytes)
		return false;
	if (key_area_bytes == KEY_INLINED_BYTES && hash_load_u64(key + 8) != words[1])
		return false;
	if (likely(key_bytes <= KEY_INLINED_BYTES))
		return first == words[0];
	return memcmp((const void *)(uintptr_t)first, long_key(lookup, kind, i), key_bytes) == 0;
}

/* Among the entries of an index; UINT32_MAX: the key has none. */
static uint32_t number_in(const struct lookup *lookup, enum kind kind,
			  const struct slot_index *index, uint32_t i)
{
	const struct keyed_table *table = lookup->table;
	uint32_t tag = lookup->tags[i], at = tag & index->mask;

	for (;; at = (at + 1) & index->mask) {
		const struct index_bucket *bucket = &index->buckets[at];
		uint32_t match = bucket_match(bucket, tag);

		for (; match != 0; match &= match - 1) {
			uint32_t number = bucket->numbers[__builtin_ctz(match)];

			if (slot_is(lookup, kind, table->key_area_bytes, slot_of(table, number),
				    i))
				return number;
		}
		if (bucket->tags[BUCKET_ENTRIES - 1] == 0)
			return UINT32_MAX;
	}
}

static COLD uint32_t number_of(const struct lookup *lookup, enum kind kind, uint32_t i)
{
	const struct keyed_table *table = lookup->table;
	uint32_t number = number_in(lookup, kind, &table->index, i);

	if (number == UINT32_MAX && table->old.buckets != NULL)
		number = number_in(lookup, kind, &table->old, i);
	return number;
}

/* The slots that the tags lead to; nearly always they are those of the keys. */
static inline void find(struct lookup *lookup)
{
	const struct keyed_table *table = lookup->table;
	const struct index_bucket *buckets = table->index.buckets;
	const struct block *blocks = table->store->blocks;
	struct keyed_slot **slots = lookup->slots;
	uint32_t mask = table->index.mask, count = lookup->count;
	uint32_t stride_bytes = table->stride_bytes, key_area_bytes = table->key_area_bytes;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t tag = lookup->tags[i];
		const struct index_bucket *bucket = &buckets[tag & mask];
		uint32_t match = bucket_match(bucket, tag);

		slots[i] = NULL;
		if (unlikely(match == 0))
			continue;
		uint32_t number = bucket->numbers[__builtin_ctz(match)];

		lookup->numbers[i] = number;
		slots[i] = slot_in(blocks[number / BLOCK_SLOTS].slots, stride_bytes,
				   key_area_bytes, number % BLOCK_SLOTS);
	}
}

/* False: not all keys have slots. */
static inline bool verify(struct lookup *lookup, enum kind kind)
{
	const struct keyed_table *table = lookup->table;
	uint32_t key_area_bytes = table->key_area_bytes, count = lookup->count;
	bool all = true;

	for (uint32_t i = 0; i < count; i++) {
		const struct keyed_slot *slot = lookup->slots[i];

		if (likely(slot != NULL && slot_is(lookup, kind, key_area_bytes, slot, i)))
			continue;
		uint32_t number = number_of(lookup, kind, i);

		lookup->numbers[i] = number;
		lookup->slots[i] = number == UINT32_MAX ? NULL : slot_of(table, number);
		all &= number != UINT32_MAX;
	}
	return all;
}

static inline void prefetch_index(const struct lookup *lookup)
{
	const struct keyed_table *table = lookup->table;
	const struct index_bucket *buckets = table->index.buckets;
	uint32_t mask = table->index.mask, count = lookup->count;

	for (uint32_t i = 0; i < count; i++)
		__builtin_prefetch(&buckets[lookup->tags[i] & mask]);
}

static inline void prefetch_slots(const struct lookup *lookup)
{
	const struct keyed_table *table = lookup->table;
	uint32_t count = lookup->count, key_area_bytes = table->key_area_bytes;
	uint32_t last_byte = table->stride_bytes - key_area_bytes - 1;

	for (uint32_t i = 0; i < count; i++) {
		uintptr_t slot = (uintptr_t)lookup->slots[i]; /* of a new key none */

		__builtin_prefetch((const void *)(slot - key_area_bytes), 1);
		/* Often of the next cache line. */
		__builtin_prefetch((const void *)(slot + last_byte), 1);
	}
}

/* ---- new keys -------------------------------------------------------------------------------- */

static uint64_t hash_of(const struct lookup *lookup, enum kind kind, uint32_t i)
{
	switch (kind) {
	case KIND_8_BYTES: return hash_key_words(word_at(lookup, kind, i), 0, 8);
	case KIND_4_BYTES: return hash_key_words(word_at(lookup, kind, i), 0, 4);
	case KIND_STRINGS: return str_key_hash(str_at(lookup, i));
	case KIND_KEYS: break;
	}
	return lookup->keys[i].hash;
}

/* Counted from the table's first; not below groups_count: of another table. */
static uint32_t group_of(const struct lookup *lookup, enum kind kind, uint32_t i)
{
	const struct keyed_table *table = lookup->table;

	return key_group_of_hash(hash_of(lookup, kind, i), table->key_groups) - table->first_group;
}

static uint32_t add(struct lookup *lookup, enum kind kind, uint32_t i)
{
	struct keyed_table *table = lookup->table;
	uint32_t number = keyed_slot_take(table, group_of(lookup, kind, i));
	struct keyed_slot *slot = slot_of(table, number);
	uint32_t key_bytes = key_bytes_of(lookup, kind, i);
	uint64_t words[2] = { lookup->words[i][0], lookup->words[i][1] };

	if (kind == KIND_8_BYTES || kind == KIND_4_BYTES) {
		words[0] = word_at(lookup, kind, i);
		words[1] = 0;
	}
	CHECK(key_bytes <= 8 || table->key_area_bytes == 16, "a key of %u bytes in a narrow table",
	      key_bytes);
	if (key_bytes > KEY_INLINED_BYTES)
		words[0] = (uint64_t)(uintptr_t)keyed_table_store(
			table, long_key(lookup, kind, i), key_bytes);
	slot->key_bytes = key_bytes;
	slot->wide = table->key_area_bytes == 16;
	memcpy((char *)slot - table->key_area_bytes, words, table->key_area_bytes);
	keyed_index_put(&table->index, lookup->tags[i], number);
	return number;
}

/* False: one of the new keys belongs to a group of another table. */
static COLD bool add_missing(struct lookup *lookup, enum kind kind)
{
	struct keyed_table *table = lookup->table;
	size_t outside_bytes = 0;
	uint32_t missing = 0;

	for (uint32_t i = 0; i < lookup->count; i++) {
		if (lookup->slots[i] != NULL)
			continue;
		missing++;
		if (key_bytes_of(lookup, kind, i) > KEY_INLINED_BYTES)
			outside_bytes += key_bytes_of(lookup, kind, i);
		if (group_of(lookup, kind, i) >= table->groups_count)
			return false;
	}
	if (table->memory != NULL && !keyed_memory_count(table, missing, outside_bytes))
		return false;
	keyed_index_make_room(table, missing);
	for (uint32_t i = 0; i < lookup->count; i++) {
		if (lookup->slots[i] != NULL)
			continue;
		uint32_t number = number_of(lookup, kind, i); /* a key may be here twice */

		if (number == UINT32_MAX)
			number = add(lookup, kind, i);
		lookup->numbers[i] = number;
		lookup->slots[i] = slot_of(table, number);
	}
	return true;
}

/* Marks are bytes, which the compiler must take to lie anywhere: what does not change is in locals.
 * Chunks that a view may still want are opened first, and seldom. */
static void touch_all(struct lookup *lookup)
{
	struct keyed_table *table = lookup->table;
	const struct block *blocks = table->store->blocks;
	const uint32_t *numbers = lookup->numbers;
	uint32_t count = lookup->count, parity = table->epoch & 1;
	uint8_t epoch = table->epoch;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t number = numbers[i], chunk = number % BLOCK_SLOTS / CHUNK_SLOTS;
		const struct block *block = &blocks[number / BLOCK_SLOTS];
		uint8_t bit = (uint8_t)(1u << number % CHUNK_SLOTS);

		if (unlikely(atomic_load_explicit(&block->epochs[chunk], memory_order_acquire) !=
			     epoch))
			keyed_chunk_open(table, number / CHUNK_SLOTS);
		if (!(block->dirty[parity][chunk] & bit))
			block->dirty[parity][chunk] |= bit;
	}
}

/* ---- looking up ------------------------------------------------------------------------------ */

/* After aim. */
static inline bool look_up(struct lookup *lookup, enum kind kind)
{
	struct keyed_table *table = lookup->table;

	if (unlikely(table->uncounted_bytes > UNCOUNTED_BYTES_MAX) && table->memory != NULL &&
	    !keyed_memory_count(table, 0, 0))
		return false;
	if (unlikely(table->old.buckets != NULL))
		keyed_index_settle(table);
	if (table->index_bytes > PREFETCH_BYTES)
		prefetch_index(lookup);
	find(lookup);
	if ((size_t)table->count * table->stride_bytes > PREFETCH_BYTES)
		prefetch_slots(lookup);
	if (unlikely(!verify(lookup, kind)) && !add_missing(lookup, kind))
		return false;
	if (table->watched)
		touch_all(lookup);
	return true;
}

bool keyed_table_find_keys(struct keyed_table *table, const struct key *keys, uint32_t count,
			   struct keyed_slot **slots)
{
	struct lookup lookup;

	CHECK(count <= KEYED_TABLE_BATCH, "%u keys at once", count);
	lookup.table = table;
	lookup.keys = keys;
	lookup.count = count;
	lookup.slots = slots;
	aim(&lookup, KIND_KEYS);
	return look_up(&lookup, KIND_KEYS);
}

HOT bool keyed_table_find(struct keyed_table *table, struct key_batch *keys,
			  const struct batch *batch, uint32_t from, uint32_t count,
			  struct keyed_slot **slots)
{
	const struct batch view = *batch; /* a local, which the compiler knows to stay as it is */
	struct lookup lookup;

	CHECK(count <= KEYED_TABLE_BATCH, "%u keys at once", count);
	lookup.table = table;
	lookup.batch = &view;
	lookup.from = from;
	lookup.offset_bytes = keys->offset_bytes;
	lookup.count = count;
	lookup.slots = slots;
	if (keys->shape == KEY_SHAPE_FIXED && keys->size_bytes == 8) {
		aim(&lookup, KIND_8_BYTES);
		return look_up(&lookup, KIND_8_BYTES);
	}
	if (keys->shape == KEY_SHAPE_FIXED && keys->size_bytes == 4) {
		aim(&lookup, KIND_4_BYTES);
		return look_up(&lookup, KIND_4_BYTES);
	}
	if (keys->shape == KEY_SHAPE_STRING && likely(aim(&lookup, KIND_STRINGS)))
		return look_up(&lookup, KIND_STRINGS);
	key_batch_read(keys, batch, from, count);
	return keyed_table_find_keys(table, keys->keys, count, slots);
}
