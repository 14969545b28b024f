/* SPDX-License-Identifier: Apache-2.0
 * keyed_table.h - one value of fixed size per key: open addressing, key and value in one slot.
 *
 *	slot: tag | key size, filled | key: 16 bytes | value
 *
 * One table holds a state of one subtask: a small table for each of its key groups, made with the
 * group's first key. Keys up to 16 bytes lie in the slot; longer ones in the table's arena. Keys
 * are looked up by the batch: all hashed, the slots prefetched when the table is larger than the
 * caches, then probed. Growth keeps the old and the new array side by side and moves a bounded
 * number of slots per call, so no call takes long. The hash that finds a slot is seeded per table:
 * keys chosen by an attacker cannot be made to collide in a group.
 *
 * keyed_table_freeze gives what the table holds at that moment to another thread, while the table
 * is used and changed: its cost is that of the groups, not of the keys (docs/adr/0010-state.md).
 * Everything but the frozen view is used by one thread at a time. */
#ifndef TASKMANAGER_STATE_KEYED_TABLE_H
#define TASKMANAGER_STATE_KEYED_TABLE_H

#include "taskmanager/state/key_batch.h"

#define KEYED_TABLE_BATCH KEY_BATCH_RECORDS

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

/* The bytes of a slot's key (common/record: key_of). */
static inline struct bytes keyed_slot_key(const struct keyed_slot *slot)
{
	const void *data = slot->key_bytes <= sizeof(slot->key) ?
				   (const void *)slot->key :
				   (const void *)(uintptr_t)slot->key[0];

	return bytes_of(data, slot->key_bytes);
}

struct keyed_table_options {
	uint32_t value_bytes;
	uint64_t seed;
	uint32_t key_groups;       /* of the job: max parallelism */
	struct key_groups groups;  /* this subtask's */
};

struct keyed_table *keyed_table_create(const struct keyed_table_options *options);
void keyed_table_destroy(struct keyed_table **table); /* no view may be out */
/* Forgets all keys; keeps room for about as many. */
void keyed_table_clear(struct keyed_table *table);

/* The slots of the keys of the batch's records from … from + count, made where there are none;
 * their values are the caller's to change. count ≤ KEYED_TABLE_BATCH. A table is always asked with
 * keys of one key_batch, or of the same type and spec. The slots stay where they are until the next
 * call. False: a key's group is not among the table's, and nothing was changed. */
MUST_USE bool keyed_table_find(struct keyed_table *table, struct key_batch *keys,
			       const struct batch *batch, uint32_t from, uint32_t count,
			       struct keyed_slot **slots);
/* The same for keys by themselves. */
MUST_USE bool keyed_table_find_keys(struct keyed_table *table, const struct key *keys,
				    uint32_t count, struct keyed_slot **slots);
/* Bytes that live as long as the table's contents (until clear): what values point to. */
void *keyed_table_store(struct keyed_table *table, const void *data, size_t size_bytes);

/* All slots, key group after key group, in no particular order within one, for reading: uint64_t at
 * = 0; while ((slot = keyed_table_next(table, &at))). Not together with find. */
struct keyed_slot *keyed_table_next(struct keyed_table *table, uint64_t *at);
uint64_t keyed_table_count(const struct keyed_table *table);
size_t keyed_table_bytes(const struct keyed_table *table);

/* ---- frozen views ---------------------------------------------------------------------------- */

struct keyed_frozen;

struct keyed_chunk {
	uint32_t group; /* key group of all of them */
	uint32_t count;
	const struct keyed_slot *slots[KEYED_TABLE_BATCH]; /* valid until the next call */
};

/* What the table holds now. One view at a time; the table may not be destroyed meanwhile. */
struct keyed_frozen *keyed_table_freeze(struct keyed_table *table);
/* Only what was written since the view before this one must be saved; false: everything. */
bool keyed_frozen_is_increment(const struct keyed_frozen *frozen);
/* On any thread, one at a time: the next slots, key group after key group, each slot once; of an
 * increment those written since. False: there are no more. */
bool keyed_frozen_next(struct keyed_frozen *frozen, struct keyed_chunk *chunk);
/* On the table's thread. saved: all of it was read and is safe, so the next view may be an
 * increment on it. */
void keyed_frozen_release(struct keyed_frozen **frozen, bool saved);

#endif
