/* SPDX-License-Identifier: Apache-2.0
 * keyed_table.h - one value of fixed size per key: open addressing, key and value in one slot.
 *
 *	slot: tag | key size, filled | key: 16 bytes | value
 *
 * Keys up to 16 bytes lie in the slot; longer ones in the table's arena. Keys are looked up by the
 * batch: all hashed, the slots prefetched when the table is larger than the caches, then probed.
 * Growth keeps the old and the new array side by side and moves a bounded number of slots per call,
 * so no call takes long. The hash is seeded per table: keys chosen by an attacker cannot be made to
 * collide. Used by one thread at a time. */
#ifndef TASKMANAGER_STATE_KEYED_TABLE_H
#define TASKMANAGER_STATE_KEYED_TABLE_H

#include "common/record/batch.h"

#define KEYED_TABLE_BATCH 64

struct keyed_table;

struct keyed_slot {
	uint32_t tag; /* private; 0 = the slot is free */
	uint32_t key_bytes : 31;
	uint32_t filled : 1; /* the caller's: a slot comes with 0 and a zeroed value */
	uint64_t key[2];     /* private */
};

static inline void *keyed_slot_value(struct keyed_slot *slot)
{
	return slot + 1; /* aligned to 8 */
}

struct keyed_table *keyed_table_create(uint32_t value_bytes, uint64_t seed);
void keyed_table_destroy(struct keyed_table **table);
/* Forgets all keys; keeps room for about as many. */
void keyed_table_clear(struct keyed_table *table);

/* The slot of each key, made where there is none. count ≤ KEYED_TABLE_BATCH; hashes are not looked
 * at. The slots stay where they are until the next call. */
void keyed_table_find(struct keyed_table *table, const struct key *keys, uint32_t count,
		      struct keyed_slot **slots);
/* The same for keys that are the STRING or BYTES field at offset_bytes of the batch's records from
 * … from + count, read where they lie. False: one begins with 0xFF, whose key is not its bytes (see
 * key_of), and nothing was looked up. Both give the same slot for the same key. */
MUST_USE bool keyed_table_find_strings(struct keyed_table *table, const struct batch *batch,
				       uint32_t offset_bytes, uint32_t from, uint32_t count,
				       struct keyed_slot **slots);
/* Bytes that live as long as the table's contents (until clear): what values point to. */
void *keyed_table_store(struct keyed_table *table, const void *data, size_t size_bytes);

/* All slots, in no particular order: uint64_t at = 0; while ((slot = keyed_table_next(table,
 * &at))). Not together with find. */
struct keyed_slot *keyed_table_next(struct keyed_table *table, uint64_t *at);
uint64_t keyed_table_count(const struct keyed_table *table);
size_t keyed_table_bytes(const struct keyed_table *table);

#endif
