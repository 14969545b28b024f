/* SPDX-License-Identifier: Apache-2.0
 * keyed_table.h - one value of fixed size per key: open addressing, key and value in one slot.
 *
 *	index: tag, number of the slot        slots: key | how long it is, filled | value
 *
 * One table holds a state of one subtask. Slots come by the handful, each handful of one key group,
 * and never move; an index finds them. Keys up to 16 bytes lie beside their value, longer ones in
 * the table's arena. Keys are looked up by the batch: all hashed, then all looked for, with
 * prefetches when the table is larger than the caches. When the index grows, the old and the new
 * one stand side by side and a bounded number of entries is moved per call, so no call takes long.
 * The hash that finds a slot is seeded per table: keys chosen by an attacker cannot be made to
 * collide.
 *
 * keyed_table_freeze gives what the table holds at that moment to another thread, while the table
 * is used and changed: its cost is that of the groups, not of the keys (docs/adr/0010-state.md).
 * Everything but the frozen view is used by one thread at a time. */
#ifndef TASKMANAGER_STATE_KEYED_TABLE_H
#define TASKMANAGER_STATE_KEYED_TABLE_H

#include "taskmanager/state/key_batch.h"
#include "taskmanager/state/managed.h"

#define KEYED_TABLE_BATCH KEY_BATCH_RECORDS

struct keyed_table;

struct keyed_slot { /* its key lies before it, its value behind */
	uint32_t key_bytes;
	uint8_t wide;   /* private */
	uint8_t filled; /* the caller's: a slot comes with 0 and a zeroed value */
	uint16_t reserved;
};
_Static_assert(sizeof(struct keyed_slot) == 8, "values are aligned to 8");

static inline void *keyed_slot_value(struct keyed_slot *slot)
{
	return slot + 1; /* aligned to 8 */
}

/* The bytes of a slot's key (common/record: key_of). */
static inline struct bytes keyed_slot_key(const struct keyed_slot *slot)
{
	const char *key = (const char *)slot - (slot->wide ? 16 : 8);
	uintptr_t outside;

	if (slot->key_bytes <= 16)
		return bytes_of(key, slot->key_bytes);
	memcpy(&outside, key, sizeof(outside));
	return bytes_of((const void *)outside, slot->key_bytes);
}

struct keyed_table_options {
	uint32_t value_bytes;
	uint64_t seed;
	bool narrow_keys; /* none is longer than 8 bytes: smaller slots */
	uint32_t key_groups;       /* of the job: max parallelism */
	struct key_groups groups;  /* this subtask's */
	struct managed_memory *memory; /* what it takes is counted there; NULL: nowhere */
};

struct keyed_table *keyed_table_create(const struct keyed_table_options *options);
void keyed_table_destroy(struct keyed_table **table); /* no view may be out */
/* Forgets all keys; keeps room for about as many. */
void keyed_table_clear(struct keyed_table *table);

/* The slots of the keys of the batch's records from … from + count, made where there are none;
 * their values are the caller's to change. count ≤ KEYED_TABLE_BATCH. A table is always asked with
 * keys of one key_batch, or of the same type and spec. The slots stay where they are until the next
 * call. False, and nothing was changed: a key's group is not among the table's, or new keys need
 * memory that is not there (keyed_table_refused says which). */
MUST_USE bool keyed_table_find(struct keyed_table *table, struct key_batch *keys,
			       const struct batch *batch, uint32_t from, uint32_t count,
			       struct keyed_slot **slots);
/* The same for keys by themselves. */
MUST_USE bool keyed_table_find_keys(struct keyed_table *table, const struct key *keys,
				    uint32_t count, struct keyed_slot **slots);
/* So many bytes of managed memory were missing when keys were last looked for; 0: none. */
uint64_t keyed_table_refused(const struct keyed_table *table);
/* Bytes that live as long as the table's contents (until clear): what values point to. */
void *keyed_table_store(struct keyed_table *table, const void *data, size_t size_bytes);

/* Memory for bytes that change with their value: aligned to 8, not zeroed, never NULL. */
void *keyed_table_take(struct keyed_table *table, uint32_t size_bytes);
/* Gives it back; what a frozen view may read, when that is released. Cleared with the rest, too. */
void keyed_table_give(struct keyed_table *table, void *memory); /* NULL: nothing */
/* The same memory if it suits size_bytes and no view reads it; else other, and `memory` is given
 * back. What was in it is gone either way. */
void *keyed_table_retake(struct keyed_table *table, void *memory, uint32_t size_bytes);

/* Counts in the managed memory what values have taken and given since. False: there is not so much
 * (keyed_table_refused). Once per batch is often enough: the memory is there already. */
MUST_USE bool keyed_table_count_bytes(struct keyed_table *table);

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
