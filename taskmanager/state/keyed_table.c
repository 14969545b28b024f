/* SPDX-License-Identifier: Apache-2.0
 * keyed_table.c - finding slots by the batch. See keyed_table.h.
 *
 * A key becomes words and a tag, the tag leads to a bucket of the index, the bucket to a slot,
 * which is held against the key. For a table that lies in the caches that is one loop over the
 * batch; for a larger one three, with prefetches between them. The loops are compiled once for each
 * kind of key, so that sizes are constants and a key of eight bytes is one comparison.
 *
 * A batch is looked up in one go while all its keys are known, which is nearly always. If some are
 * not, room is made in the index, and they get slots; slots that were given out stay where they
 * are. */
#include "taskmanager/state/keyed_table.h"

#include "common/base/check.h"
#include "common/base/hash.h"
#include "taskmanager/state/keyed_table_priv.h"

#define NEAR_BYTES (512 * 1024) /* about a second-level cache; below it prefetching costs */
#define KEY_INLINED_BYTES 16

/* How keys come: their bytes in records, all of one size, in strings, or one by one. */
enum kind { KIND_8_BYTES, KIND_4_BYTES, KIND_STRINGS, KIND_KEYS };

/* What does not change during a lookup. The loops have it in a local of their own, whose address
 * goes nowhere: only then the compiler knows that it stays as it is. */
struct view {
	const struct index_bucket *buckets;
	const struct block *blocks;
	uint64_t seed[2];
	uint32_t mask, stride_bytes, key_area_bytes;
	/* the records */
	const char *base;        /* of the field of the first one */
	const uint32_t *offsets; /* from base; NULL: every so many bytes */
	uint32_t record_bytes;
	const struct key *keys; /* KIND_KEYS */
};

struct lookup {
	struct keyed_table *table;
	struct view view;
	uint32_t count;
	struct keyed_slot **slots;
	uint32_t tags[KEYED_TABLE_BATCH], numbers[KEYED_TABLE_BATCH];
	uint64_t words[KEYED_TABLE_BATCH][2]; /* of the keys looked for */
};

/* ---- hashing --------------------------------------------------------------------------------- */

/* Where a key is looked for: a hash with a secret in it, unlike the one that everybody knows. */
static inline uint32_t tag_of(uint64_t seed_0, uint64_t seed_1, uint64_t first, uint64_t second,
			      uint32_t key_bytes)
{
	uint64_t hash = hash_fold(first ^ seed_0, second ^ seed_1 ^ (uint64_t)key_bytes << 56);

	return (uint32_t)(hash ^ hash >> 32) | UINT32_C(1) << 31; /* 0 says that there is none */
}

static uint64_t hash_long(const uint64_t seed[2], const uint8_t *at, uint32_t size_bytes)
{
	uint64_t h = seed[0] + size_bytes, last[2];
	uint32_t left = size_bytes;

	for (; left > 16; left -= 16, at += 16) {
		uint64_t mixed =
			hash_fold(hash_load_u64(at) ^ h, hash_load_u64(at + 8) ^ seed[1]);

		h = hash_fold(mixed ^ seed[0], h ^ UINT64_C(0x9E3779B97F4A7C15));
	}
	hash_load_words(at, left, last);
	return hash_fold(last[0] ^ h, last[1] ^ seed[1]) ^ h;
}

/* Of a key that does not fit beside its value the second word is a hash; in the slot the first
 * points to the bytes. */
static COLD void words_of_long(const uint64_t seed[2], const void *data, uint32_t size_bytes,
			       uint64_t words[2])
{
	if (size_bytes <= KEY_INLINED_BYTES) {
		hash_load_words(data, size_bytes, words);
	} else {
		words[0] = hash_load_u64(data);
		words[1] = hash_long(seed, data, size_bytes);
	}
}

static inline const char *field_at(const struct view *view, uint32_t i)
{
	return view->base + (view->offsets ? view->offsets[i] : (size_t)i * view->record_bytes);
}

static inline const struct str *str_at(const struct view *view, uint32_t i)
{
	return (const struct str *)(const void *)field_at(view, i);
}

static inline uint64_t word_at(const struct view *view, enum kind kind, uint32_t i)
{
	uint32_t word;

	if (kind == KIND_8_BYTES)
		return hash_load_u64(field_at(view, i));
	memcpy(&word, field_at(view, i), sizeof(word));
	return word;
}

/* A short one has zeroes behind it: no branch on its size. */
static inline void words_of_str(const struct view *view, const struct str *s, uint64_t words[2])
{
	uint32_t word;

	memcpy(&word, s->u.inlined + 8, sizeof(word));
	words[0] = hash_load_u64(s->u.inlined);
	words[1] = word;
	if (unlikely(s->len > STR_INLINE_BYTES)) {
		uint64_t seed[2] = { view->seed[0], view->seed[1] }, others[2];

		words_of_long(seed, str_ptr(s), s->len, others);
		words[0] = others[0];
		words[1] = others[1];
	}
}

/* The words and the tag of one key. */
static inline uint32_t tag_at(const struct view *view, enum kind kind, uint32_t i,
			      uint64_t words[2])
{
	uint32_t size_bytes = 0;

	words[1] = 0;
	switch (kind) {
	case KIND_8_BYTES:
	case KIND_4_BYTES:
		words[0] = word_at(view, kind, i);
		size_bytes = kind == KIND_8_BYTES ? 8 : 4;
		break;
	case KIND_STRINGS:
		size_bytes = str_at(view, i)->len;
		words_of_str(view, str_at(view, i), words);
		break;
	case KIND_KEYS:
		size_bytes = view->keys[i].size_bytes;
		words_of_long(view->seed, view->keys[i].data, size_bytes, words);
		break;
	}
	return tag_of(view->seed[0], view->seed[1], words[0], words[1], size_bytes);
}

/* The tags of all keys. */
static inline void aim(struct lookup *lookup, enum kind kind, const struct view *view)
{
	uint32_t count = lookup->count;

	for (uint32_t i = 0; i < count; i++)
		lookup->tags[i] = tag_at(view, kind, i, lookup->words[i]);
}

/* A string's key is not its bytes (see key_of). */
static inline bool is_unusual(uint64_t first_word)
{
	return (uint8_t)first_word == 0xFF;
}

/* ---- finding --------------------------------------------------------------------------------- */

static inline uint32_t key_bytes_of(const struct view *view, enum kind kind, uint32_t i)
{
	switch (kind) {
	case KIND_8_BYTES: return 8;
	case KIND_4_BYTES: return 4;
	case KIND_STRINGS: return str_at(view, i)->len;
	case KIND_KEYS: break;
	}
	return view->keys[i].size_bytes;
}

static inline const void *long_key(const struct view *view, enum kind kind, uint32_t i)
{
	return kind == KIND_STRINGS ? (const void *)str_ptr(str_at(view, i)) : view->keys[i].data;
}

static inline bool slot_is(const struct view *view, enum kind kind,
			   const struct keyed_slot *slot, uint32_t i, const uint64_t words[2])
{
	uint32_t key_area_bytes = view->key_area_bytes;
	const char *key = (const char *)slot - key_area_bytes;
	uint64_t first = hash_load_u64(key);

	if (kind == KIND_8_BYTES || kind == KIND_4_BYTES)
		return first == words[0];
	uint32_t key_bytes = key_bytes_of(view, kind, i);

	if (slot->key_bytes != key_bytes)
		return false;
	if (key_area_bytes == KEY_INLINED_BYTES && hash_load_u64(key + 8) != words[1])
		return false;
	if (likely(key_bytes <= KEY_INLINED_BYTES))
		return first == words[0];
	return memcmp((const void *)(uintptr_t)first, long_key(view, kind, i), key_bytes) == 0;
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

			if (slot_is(&lookup->view, kind, slot_of(table, number), i,
				    lookup->words[i]))
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

/* The number of the slot that a tag leads to; nearly always it is the key's. False: none. */
static inline bool number_of_tag(const struct view *view, uint32_t tag, uint32_t *number)
{
	const struct index_bucket *bucket = &view->buckets[tag & view->mask];
	uint32_t match = bucket_match(bucket, tag);

	if (unlikely(match == 0))
		return false;
	*number = bucket->numbers[__builtin_ctz(match)];
	return true;
}

static inline struct keyed_slot *slot_numbered(const struct view *view, uint32_t number)
{
	return slot_in(view->blocks[number / BLOCK_SLOTS].slots, view->stride_bytes,
		       number % BLOCK_SLOTS);
}

/* Not where its tag leads: in the next bucket, in the index that is being left, or new. */
static COLD struct keyed_slot *missed(struct lookup *lookup, enum kind kind, uint32_t i)
{
	const struct keyed_table *table = lookup->table;
	uint32_t number;

	lookup->tags[i] = tag_at(&lookup->view, kind, i, lookup->words[i]);
	number = number_of(lookup, kind, i);
	lookup->numbers[i] = number;
	return number == UINT32_MAX ? NULL : slot_of(table, number);
}

enum found { FOUND_ALL, FOUND_SOME, FOUND_UNUSUAL };

/* A table that lies in the caches: one loop. */
static ALWAYS_INLINE enum found find_near(struct lookup *lookup, enum kind kind,
					  uint32_t key_area_bytes, bool dense)
{
	struct view view = lookup->view;
	struct keyed_slot **slots = lookup->slots;
	uint32_t count = lookup->count, *numbers = lookup->numbers;
	bool all = true, unusual = false;

	view.key_area_bytes = key_area_bytes;
	if (dense)
		view.offsets = NULL;
	for (uint32_t i = 0; i < count; i++) {
		uint64_t words[2];
		uint32_t tag = tag_at(&view, kind, i, words);
		struct keyed_slot *slot;
		uint32_t number;

		if (kind == KIND_STRINGS)
			unusual |= is_unusual(words[0]);
		if (likely(number_of_tag(&view, tag, &number))) {
			slot = slot_numbered(&view, number);
			slots[i] = slot;
			numbers[i] = number;
			if (likely(slot_is(&view, kind, slot, i, words)))
				continue;
		}
		slots[i] = missed(lookup, kind, i);
		all &= slots[i] != NULL;
	}
	return unusual ? FOUND_UNUSUAL : all ? FOUND_ALL : FOUND_SOME;
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

/* One function for each of the usual loops: in one function with others a loop is given too few
 * registers. */
#define NEAR(name, kind, key_area_bytes, dense) \
	static __attribute__((noinline)) HOT enum found name(struct lookup *lookup) \
	{ \
		return find_near(lookup, kind, key_area_bytes, dense); \
	}
NEAR(near_8_bytes, KIND_8_BYTES, 8, true)
NEAR(near_strings_dense, KIND_STRINGS, 16, true)
NEAR(near_strings, KIND_STRINGS, 16, false)
#undef NEAR

static inline enum found find_near_by_kind(struct lookup *lookup, enum kind kind)
{
	uint32_t key_area_bytes = lookup->view.key_area_bytes;
	bool dense = lookup->view.offsets == NULL;

	if (kind == KIND_8_BYTES && key_area_bytes == 8 && dense)
		return near_8_bytes(lookup);
	if (kind == KIND_STRINGS && key_area_bytes == 16)
		return dense ? near_strings_dense(lookup) : near_strings(lookup);
	return find_near(lookup, kind, key_area_bytes, false);
}

/* A table beyond the caches: memory is asked for a batch ahead of each look. */
static ALWAYS_INLINE enum found find_far(struct lookup *lookup, enum kind kind)
{
	const struct view view = lookup->view;
	struct keyed_slot **slots = lookup->slots;
	uint32_t count = lookup->count;
	bool all = true, unusual = false;

	aim(lookup, kind, &view);
	prefetch_index(lookup);
	for (uint32_t i = 0; i < count; i++)
		slots[i] = number_of_tag(&view, lookup->tags[i], &lookup->numbers[i]) ?
				   slot_numbered(&view, lookup->numbers[i]) :
				   NULL;
	prefetch_slots(lookup);
	for (uint32_t i = 0; i < count; i++) {
		const uint64_t *words = lookup->words[i];

		if (kind == KIND_STRINGS)
			unusual |= is_unusual(words[0]);
		if (unlikely(slots[i] == NULL || !slot_is(&view, kind, slots[i], i, words)))
			slots[i] = missed(lookup, kind, i);
		all &= slots[i] != NULL;
	}
	return unusual ? FOUND_UNUSUAL : all ? FOUND_ALL : FOUND_SOME;
}

/* ---- new keys -------------------------------------------------------------------------------- */

static uint64_t hash_of(const struct view *view, enum kind kind, uint32_t i)
{
	switch (kind) {
	case KIND_8_BYTES: return hash_key_words(word_at(view, kind, i), 0, 8);
	case KIND_4_BYTES: return hash_key_words(word_at(view, kind, i), 0, 4);
	case KIND_STRINGS: return str_key_hash(str_at(view, i));
	case KIND_KEYS: break;
	}
	return view->keys[i].hash;
}

/* Counted from the table's first; not below groups_count: of another table. */
static uint32_t group_of(const struct lookup *lookup, enum kind kind, uint32_t i)
{
	const struct keyed_table *table = lookup->table;

	uint64_t hash = hash_of(&lookup->view, kind, i);

	return key_group_of_hash(hash, table->key_groups) - table->first_group;
}

static uint32_t add(struct lookup *lookup, enum kind kind, uint32_t i)
{
	struct keyed_table *table = lookup->table;
	uint32_t number = keyed_slot_take(table, group_of(lookup, kind, i));
	struct keyed_slot *slot = slot_of(table, number);
	uint32_t key_bytes = key_bytes_of(&lookup->view, kind, i);
	uint64_t words[2] = { lookup->words[i][0], lookup->words[i][1] };

	CHECK(key_bytes <= 8 || table->key_area_bytes == 16, "a key of %u bytes in a narrow table",
	      key_bytes);
	if (key_bytes > KEY_INLINED_BYTES)
		words[0] = (uint64_t)(uintptr_t)keyed_table_store(
			table, long_key(&lookup->view, kind, i), key_bytes);
	slot->key_bytes = key_bytes;
	slot->wide = table->key_area_bytes == 16;
	memcpy((char *)slot - table->key_area_bytes, words, table->key_area_bytes);
	keyed_index_put(&table->index, lookup->tags[i], number);
	return number;
}

/* False: one of the new keys belongs to a group of another table, or there is no memory. */
static COLD bool add_missing(struct lookup *lookup, enum kind kind)
{
	struct keyed_table *table = lookup->table;
	size_t outside_bytes = 0;
	uint32_t missing = 0;

	for (uint32_t i = 0; i < lookup->count; i++) {
		if (lookup->slots[i] != NULL)
			continue;
		missing++;
		uint32_t key_bytes = key_bytes_of(&lookup->view, kind, i);

		if (key_bytes > KEY_INLINED_BYTES)
			outside_bytes += key_bytes;
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

static void touch_all(struct lookup *lookup)
{
	struct keyed_table *table = lookup->table;
	const struct block *blocks = table->store->blocks;
	uint32_t count = lookup->count;
	uint8_t epoch = table->epoch;

	for (uint32_t i = 0; i < count; i++)
		slot_touch(table, blocks, epoch, lookup->numbers[i]);
}

/* ---- looking up ------------------------------------------------------------------------------ */

enum looked { LOOKED_REFUSED, LOOKED_UNUSUAL, LOOKED_UP };

static ALWAYS_INLINE enum looked look_up(struct lookup *lookup, enum kind kind)
{
	struct keyed_table *table = lookup->table;
	enum found found;

	if (unlikely(table->uncounted_bytes > UNCOUNTED_BYTES_MAX) && table->memory != NULL &&
	    !keyed_memory_count(table, 0, 0))
		return LOOKED_REFUSED;
	if (unlikely(table->old.buckets != NULL))
		keyed_index_settle(table);
	lookup->view.buckets = table->index.buckets;
	lookup->view.blocks = table->store->blocks;
	lookup->view.mask = table->index.mask;
	if (table->index_bytes + (size_t)table->count * table->stride_bytes <= NEAR_BYTES)
		found = find_near_by_kind(lookup, kind);
	else
		found = find_far(lookup, kind);
	if (unlikely(found == FOUND_UNUSUAL))
		return LOOKED_UNUSUAL;
	if (unlikely(found == FOUND_SOME) && !add_missing(lookup, kind))
		return LOOKED_REFUSED;
	if (table->watched)
		touch_all(lookup);
	return LOOKED_UP;
}

static inline void lookup_begin(struct lookup *lookup, struct keyed_table *table, uint32_t count,
				struct keyed_slot **slots)
{
	CHECK(count <= KEYED_TABLE_BATCH, "%u keys at once", count);
	lookup->table = table;
	lookup->count = count;
	lookup->slots = slots;
	lookup->view.seed[0] = table->seed[0];
	lookup->view.seed[1] = table->seed[1];
	lookup->view.stride_bytes = table->stride_bytes;
	lookup->view.key_area_bytes = table->key_area_bytes;
}

bool keyed_table_find_keys(struct keyed_table *table, const struct key *keys, uint32_t count,
			   struct keyed_slot **slots)
{
	struct lookup lookup;

	lookup_begin(&lookup, table, count, slots);
	lookup.view.keys = keys;
	return look_up(&lookup, KIND_KEYS) == LOOKED_UP;
}

HOT bool keyed_table_find(struct keyed_table *table, struct key_batch *keys,
			  const struct batch *batch, uint32_t from, uint32_t count,
			  struct keyed_slot **slots)
{
	const struct batch rest = batch_rest(batch, from);
	struct lookup lookup;

	lookup_begin(&lookup, table, count, slots);
	lookup.view.base = rest.base + keys->offset_bytes;
	lookup.view.offsets = rest.offsets;
	lookup.view.record_bytes = rest.stride_bytes;
	if (keys->shape == KEY_SHAPE_FIXED && keys->size_bytes == 8)
		return look_up(&lookup, KIND_8_BYTES) == LOOKED_UP;
	if (keys->shape == KEY_SHAPE_FIXED && keys->size_bytes == 4)
		return look_up(&lookup, KIND_4_BYTES) == LOOKED_UP;
	if (keys->shape == KEY_SHAPE_STRING) {
		enum looked looked = look_up(&lookup, KIND_STRINGS);

		if (likely(looked != LOOKED_UNUSUAL))
			return looked == LOOKED_UP;
	}
	key_batch_read(keys, batch, from, count);
	return keyed_table_find_keys(table, keys->keys, count, slots);
}
