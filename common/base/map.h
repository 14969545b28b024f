/* SPDX-License-Identifier: Apache-2.0
 * map.h - byte-string keys to pointers, iterated in insertion order (so simulations replay).
 * For the control plane: dozens to thousands of entries. Not for records (see state tables). */
#ifndef COMMON_BASE_MAP_H
#define COMMON_BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/bytes.h"
#include "common/base/id.h"

struct map;

struct map *map_create(void);
void map_destroy(struct map **map); /* values are the caller's affair */
/* Copies the key. Returns the value that was there before, or NULL. value must not be NULL. */
void *map_put(struct map *map, struct bytes key, void *value);
void *map_get(const struct map *map, struct bytes key); /* NULL: not there */
void *map_remove(struct map *map, struct bytes key);    /* returns the value, or NULL */
size_t map_count(const struct map *map);
/* Iteration: size_t at = 0; while (map_next(map, &at, &key, &value)) …; removing the current entry
 * inside the loop is allowed, adding is not. key may be NULL. */
bool map_next(const struct map *map, size_t *at, struct bytes *key, void **value);

static inline struct bytes map_key_id(const struct id *id)
{
	return bytes_of(id->bytes, sizeof(id->bytes));
}

#endif
