/* SPDX-License-Identifier: Apache-2.0
 * map.c - insertion-ordered hash map: an array of entries in order, and an index of open addressing
 * over it. Removed entries leave holes that the next growth closes. */
#include "common/base/map.h"

#include "common/base/check.h"
#include "common/base/hash.h"
#include "common/base/mem.h"

struct entry {
	void *key; /* NULL: removed */
	size_t key_bytes;
	uint64_t hash;
	void *value;
};

struct map {
	struct entry *entries;
	uint32_t *index; /* entry number + 1, 0 = empty, UINT32_MAX = removed */
	size_t entries_count, entries_capacity, index_mask, live_count;
};

#define INDEX_REMOVED UINT32_MAX

struct map *map_create(void)
{
	return MEM_NEW(struct map);
}

void map_destroy(struct map **map)
{
	if (*map == NULL)
		return;
	for (size_t i = 0; i < (*map)->entries_count; i++)
		mem_free((*map)->entries[i].key);
	mem_free((*map)->entries);
	mem_free((*map)->index);
	mem_free(*map);
	*map = NULL;
}

static void rebuild(struct map *map)
{
	size_t capacity = 8, live = 0;

	while (capacity < (map->live_count + 1) * 2)
		capacity *= 2;
	struct entry *entries = MEM_NEW_ARRAY(struct entry, capacity);
	uint32_t *index = MEM_NEW_ARRAY(uint32_t, capacity * 2);
	size_t mask = capacity * 2 - 1;

	for (size_t i = 0; i < map->entries_count; i++) {
		if (map->entries[i].key == NULL)
			continue;
		size_t at = map->entries[i].hash & mask;

		while (index[at] != 0)
			at = (at + 1) & mask;
		entries[live] = map->entries[i];
		index[at] = (uint32_t)++live;
	}
	mem_free(map->entries);
	mem_free(map->index);
	map->entries = entries;
	map->index = index;
	map->index_mask = mask;
	map->entries_capacity = capacity;
	map->entries_count = live;
}

/* The index slot that holds the key, or SIZE_MAX. */
static size_t find(const struct map *map, struct bytes key, uint64_t hash)
{
	if (map->index == NULL)
		return SIZE_MAX;
	for (size_t at = hash & map->index_mask; map->index[at] != 0;
	     at = (at + 1) & map->index_mask) {
		if (map->index[at] == INDEX_REMOVED)
			continue;
		const struct entry *entry = &map->entries[map->index[at] - 1];

		if (entry->hash == hash && bytes_equal(bytes_of(entry->key, entry->key_bytes), key))
			return at;
	}
	return SIZE_MAX;
}

void *map_put(struct map *map, struct bytes key, void *value)
{
	uint64_t hash = hash_key(key.data, key.size_bytes);
	size_t at = find(map, key, hash);

	CHECK(value != NULL, "a map keeps no NULL");
	if (at != SIZE_MAX) {
		struct entry *entry = &map->entries[map->index[at] - 1];
		void *before = entry->value;

		entry->value = value;
		return before;
	}
	if (map->entries_count == map->entries_capacity)
		rebuild(map);
	for (at = hash & map->index_mask; map->index[at] != 0 && map->index[at] != INDEX_REMOVED;)
		at = (at + 1) & map->index_mask;
	map->entries[map->entries_count] = (struct entry){
		.key = mem_dup(key.data, key.size_bytes), .key_bytes = key.size_bytes,
		.hash = hash, .value = value,
	};
	map->index[at] = (uint32_t)++map->entries_count;
	map->live_count++;
	return NULL;
}

void *map_get(const struct map *map, struct bytes key)
{
	size_t at = find(map, key, hash_key(key.data, key.size_bytes));

	return at == SIZE_MAX ? NULL : map->entries[map->index[at] - 1].value;
}

void *map_remove(struct map *map, struct bytes key)
{
	size_t at = find(map, key, hash_key(key.data, key.size_bytes));

	if (at == SIZE_MAX)
		return NULL;
	struct entry *entry = &map->entries[map->index[at] - 1];
	void *value = entry->value;

	mem_free(entry->key);
	entry->key = NULL;
	map->index[at] = INDEX_REMOVED;
	map->live_count--;
	return value;
}

size_t map_count(const struct map *map)
{
	return map->live_count;
}

bool map_next(const struct map *map, size_t *at, struct bytes *key, void **value)
{
	while (*at < map->entries_count) {
		const struct entry *entry = &map->entries[(*at)++];

		if (entry->key == NULL)
			continue;
		if (key)
			*key = bytes_of(entry->key, entry->key_bytes);
		*value = entry->value;
		return true;
	}
	return false;
}
