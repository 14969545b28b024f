/* SPDX-License-Identifier: Apache-2.0
 * keyed_table.c - finding slots by the batch. See keyed_table.h.
 *
 * Two loops: the first turns the keys of a batch into what tells them apart and where they begin to
 * be looked for (aim), the second looks. The loops are compiled once for each kind of key, so that
 * sizes are constants and a key of eight bytes is one comparison.
 *
 * A batch is looked up in one go while all its keys are known, which is nearly always. If some are
 * not, room is made for them in their groups, and only then are slots given out: a slot that was
 * given never moves before the next call. */
#include "taskmanager/state/keyed_table.h"

#include "common/base/check.h"
#include "common/base/hash.h"
#include "taskmanager/state/keyed_table_priv.h"

#define PREFETCH_BYTES (512 * 1024) /* about a second-level cache; below it prefetching costs */
#define KEY_INLINED_BYTES 16

/* How keys come: their bytes in records, all of one size, in strings, or one by one. */
enum kind { KIND_8_BYTES, KIND_4_BYTES, KIND_STRINGS, KIND_KEYS };

struct probe {
	uint64_t key[2];
	struct key_group *group;
	uint32_t tag, key_bytes;
	const void *data; /* KIND_KEYS and long strings */
};

struct lookup {
	struct keyed_table *table;
	const struct batch *batch;
	uint32_t from, offset_bytes, count;
	const struct key *keys; /* KIND_KEYS */
	bool unusual;           /* a string's key is not its bytes (see key_of) */
	struct probe probes[KEYED_TABLE_BATCH];
	struct keyed_slot **slots;
};

/* ---- hashing --------------------------------------------------------------------------------- */

/* Where a key is looked for: a hash with a secret in it, unlike the one that everybody knows. */
static inline uint32_t tag_of(const struct keyed_table *table, const struct probe *probe)
{
	uint64_t hash =
		hash_fold(probe->key[0] ^ table->seed[0],
			  probe->key[1] ^ table->seed[1] ^ (uint64_t)probe->key_bytes << 56);
	uint32_t tag = (uint32_t)(hash ^ hash >> 32);

	return tag ? tag : 1;
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

/* Of a key that does not fit into its slot the second word is a hash; the slot's first will point
 * to the bytes. */
static COLD void aim_long(const struct keyed_table *table, const void *data,
			      uint32_t size_bytes, struct probe *probe)
{
	probe->data = data;
	if (size_bytes <= KEY_INLINED_BYTES) {
		hash_load_words(data, size_bytes, probe->key);
	} else {
		probe->key[0] = hash_load_u64(data);
		probe->key[1] = hash_long(table, data, size_bytes);
	}
}

/* The key's bytes and its hash. */
static inline uint64_t aim_at_bytes(const struct lookup *lookup, enum kind kind, uint32_t i,
				    struct probe *probe)
{
	const char *record = NULL;
	const struct str *s;
	uint32_t word;

	if (kind != KIND_KEYS)
		record = (const char *)batch_at(lookup->batch, lookup->from + i) +
			 lookup->offset_bytes;
	switch (kind) {
	case KIND_8_BYTES:
		probe->key[0] = hash_load_u64(record);
		probe->key[1] = 0;
		probe->key_bytes = 8;
		return hash_key_words(probe->key[0], 0, 8);
	case KIND_4_BYTES:
		memcpy(&word, record, sizeof(word));
		probe->key[0] = word;
		probe->key[1] = 0;
		probe->key_bytes = 4;
		return hash_key_words(word, 0, 4);
	case KIND_STRINGS: /* a short one has zeroes behind it: no branch on its size */
		s = (const struct str *)(const void *)record;
		memcpy(&word, s->u.inlined + 8, sizeof(word));
		probe->key[0] = hash_load_u64(s->u.inlined);
		probe->key[1] = word;
		probe->key_bytes = s->len;
		if (likely(s->len <= STR_INLINE_BYTES))
			return hash_key_words(probe->key[0], word, s->len);
		aim_long(lookup->table, str_ptr(s), s->len, probe);
		return hash_key(str_ptr(s), s->len);
	case KIND_KEYS:
		probe->key_bytes = lookup->keys[i].size_bytes;
		aim_long(lookup->table, lookup->keys[i].data, probe->key_bytes, probe);
		return lookup->keys[i].hash;
	}
	return 0;
}

/* False: one of the keys belongs to a group of another table. */
static inline bool aim(struct lookup *lookup, enum kind kind)
{
	struct keyed_table *table = lookup->table;
	uint32_t key_groups = table->key_groups, first_group = table->first_group,
		 groups_count = table->groups_count, count = lookup->count;
	struct key_group *groups = table->groups;
	bool ours = true, unusual = false;

	for (uint32_t i = 0; i < count; i++) {
		struct probe *probe = &lookup->probes[i];
		uint64_t hash = aim_at_bytes(lookup, kind, i, probe);
		uint32_t group = key_group_of_hash(hash, key_groups) - first_group;

		probe->tag = tag_of(table, probe);
		probe->group = &groups[group];
		ours &= group < groups_count;
		if (kind == KIND_STRINGS) /* one that begins with 0xFF */
			unusual |= (uint8_t)probe->key[0] == 0xFF;
	}
	lookup->unusual = unusual;
	return ours && !unusual;
}

/* ---- finding --------------------------------------------------------------------------------- */

static inline bool slot_is(const struct keyed_slot *slot, const struct probe *probe, enum kind kind)
{
	if (slot->tag != probe->tag)
		return false;
	if (kind == KIND_8_BYTES || kind == KIND_4_BYTES)
		return slot->key[0] == probe->key[0];
	if (slot->key_bytes != probe->key_bytes || slot->key[1] != probe->key[1])
		return false;
	if (likely(probe->key_bytes <= KEY_INLINED_BYTES))
		return slot->key[0] == probe->key[0];
	return memcmp((const void *)(uintptr_t)slot->key[0], probe->data, probe->key_bytes) == 0;
}

static inline uint32_t find(const char *memory, uint32_t mask, uint32_t stride_bytes,
			    const struct probe *probe, enum kind kind)
{
	uint32_t index = probe->tag & mask;

	for (;;) {
		const struct keyed_slot *slot = slot_at(memory, stride_bytes, index);

		if (likely(slot_is(slot, probe, kind)) || slot->tag == 0)
			return index;
		index = (index + 1) & mask;
	}
}

/* Not in the new array. A slot that growth moved is found there first, so the copy left in the old
 * one is never met. */
static COLD struct keyed_slot *find_in_old(struct keyed_table *table, const struct probe *probe)
{
	const struct key_group *group = probe->group;

	if (group->old == NULL)
		return NULL;
	uint32_t index = find(group->old->memory, group->old->mask, table->stride_bytes, probe,
			      KIND_KEYS);
	struct keyed_slot *slot = slot_at(group->old->memory, table->stride_bytes, index);

	if (slot->tag == 0)
		return NULL;
	slot_open(table, group->old, index);
	if (table->tracks_dirt)
		group->old->dirty[table->epoch & 1][index / 64] |= UINT64_C(1) << (index % 64);
	return slot;
}

/* The key's slot, ready to be written to; NULL: there is none. */
static inline struct keyed_slot *find_known(struct keyed_table *table, const struct probe *probe,
					    enum kind kind)
{
	const struct key_group *group = probe->group;
	uint32_t stride_bytes = table->stride_bytes;
	uint32_t index = find(group->memory, group->mask, stride_bytes, probe, kind);
	struct keyed_slot *slot = slot_at(group->memory, stride_bytes, index);

	if (unlikely(slot->tag == 0))
		return find_in_old(table, probe);
	group_touch(table, group, index);
	return slot;
}

static struct keyed_slot *add(struct keyed_table *table, const struct probe *probe)
{
	struct key_group *group = probe->group;
	uint32_t index = find(group->memory, group->mask, table->stride_bytes, probe, KIND_KEYS);
	struct keyed_slot *slot = slot_at(group->memory, table->stride_bytes, index);

	group_touch(table, group, index);
	slot->tag = probe->tag;
	slot->key_bytes = probe->key_bytes & INT32_MAX;
	slot->key[0] = probe->key[0];
	slot->key[1] = probe->key[1];
	if (probe->key_bytes > KEY_INLINED_BYTES)
		slot->key[0] = (uint64_t)(uintptr_t)keyed_table_store(table, probe->data,
								      probe->key_bytes);
	group->count++;
	table->count++;
	return slot;
}

static COLD void find_or_add(struct lookup *lookup)
{
	struct keyed_table *table = lookup->table;
	const struct probe *probes = lookup->probes;

	for (uint32_t i = 0; i < lookup->count; i++)
		probes[i].group->wanted += lookup->slots[i] == NULL;
	for (uint32_t i = 0; i < lookup->count; i++) {
		struct key_group *group = probes[i].group;

		if (group->wanted > 0)
			keyed_group_make_room(table, group, group->wanted);
		group->wanted = 0;
	}
	for (uint32_t i = 0; i < lookup->count; i++) {
		lookup->slots[i] = find_known(table, &probes[i], KIND_KEYS);
		if (lookup->slots[i] == NULL)
			lookup->slots[i] = add(table, &probes[i]);
	}
}

static inline void prefetch_all(const struct lookup *lookup)
{
	const struct keyed_table *table = lookup->table;

	if (table->arrays_bytes <= PREFETCH_BYTES)
		return;
	for (uint32_t i = 0; i < lookup->count; i++) {
		const struct probe *probe = &lookup->probes[i];

		__builtin_prefetch(slot_at(probe->group->memory, table->stride_bytes,
					   probe->tag & probe->group->mask),
				   1);
	}
}

static inline bool look_up(struct lookup *lookup, enum kind kind)
{
	struct keyed_table *table = lookup->table;
	uint32_t count = lookup->count;
	bool all = true;

	CHECK(count <= KEYED_TABLE_BATCH, "%u keys at once", count);
	if (unlikely(!aim(lookup, kind)))
		return false;
	if (unlikely(table->growing > 0))
		keyed_table_settle(table);
	prefetch_all(lookup);
	for (uint32_t i = 0; i < count; i++) {
		struct keyed_slot *slot = find_known(table, &lookup->probes[i], kind);

		lookup->slots[i] = slot;
		all &= slot != NULL;
	}
	if (unlikely(!all))
		find_or_add(lookup);
	return true;
}

bool keyed_table_find_keys(struct keyed_table *table, const struct key *keys, uint32_t count,
			   struct keyed_slot **slots)
{
	struct lookup lookup;

	lookup.table = table;
	lookup.keys = keys;
	lookup.count = count;
	lookup.slots = slots;
	return look_up(&lookup, KIND_KEYS);
}

HOT bool keyed_table_find(struct keyed_table *table, struct key_batch *keys,
			  const struct batch *batch, uint32_t from, uint32_t count,
			  struct keyed_slot **slots)
{
	const struct batch view = *batch; /* a local, which the compiler knows to stay as it is */
	struct lookup lookup;

	lookup.table = table;
	lookup.batch = &view;
	lookup.from = from;
	lookup.offset_bytes = keys->offset_bytes;
	lookup.count = count;
	lookup.slots = slots;
	if (keys->shape == KEY_SHAPE_FIXED && keys->size_bytes == 8)
		return look_up(&lookup, KIND_8_BYTES);
	if (keys->shape == KEY_SHAPE_FIXED && keys->size_bytes == 4)
		return look_up(&lookup, KIND_4_BYTES);
	if (keys->shape == KEY_SHAPE_STRING) {
		bool found = look_up(&lookup, KIND_STRINGS);

		if (likely(!lookup.unusual))
			return found;
	}
	key_batch_read(keys, batch, from, count);
	return keyed_table_find_keys(table, keys->keys, count, slots);
}
