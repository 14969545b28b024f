/* SPDX-License-Identifier: Apache-2.0
 * keyed_sum.h - what sum and window-sum share: per key, the first record with one field summed up.
 *
 * A table's value is the record's struct. Its long strings are borrowed from the table's own arena,
 * so the value may be moved and is emitted as it is. */
#ifndef TASKMANAGER_OPERATOR_KEYED_SUM_H
#define TASKMANAGER_OPERATOR_KEYED_SUM_H

#include "common/contract/operator.h"
#include "taskmanager/operator/number.h"
#include "taskmanager/state/key_batch.h"
#include "taskmanager/state/keyed_table.h"

_Static_assert(KEY_BATCH_RECORDS <= KEYED_TABLE_BATCH,
	       "keys read at once can be looked up at once");

struct keyed_sum {
	const struct record_type *type;
	uint32_t field, offset_bytes;
	uint8_t kind;
	bool nullable;
	struct key_batch keys;
	struct keyed_slot *slots[KEY_BATCH_RECORDS];
	struct keyed_table_options table;
	const char *operator_name;
};

/* Checks the field (numeric), the types (input = output) and that there is a key. After any outcome
 * keyed_sum_fini may be called. */
MUST_USE int keyed_sum_init(struct keyed_sum *sum, const struct operator_context *context,
			    int32_t field, struct err *err);
void keyed_sum_fini(struct keyed_sum *sum);
struct keyed_table *keyed_sum_table(struct keyed_sum *sum); /* a new, empty one */
/* The first record of a key, or one whose summed field may be null. */
void keyed_sum_add_slow(struct keyed_sum *sum, struct keyed_table *table, struct keyed_slot *slot,
			const void *record);

/* Why keys were not found: one came to a subtask that does not own it, or there is no memory. */
void keyed_sum_not_found(const struct keyed_sum *sum, const struct keyed_table *table,
			 struct err *err);

/* Emits all that the table holds, from slot *at on (0; see keyed_table_next). 1: it is out; 0: the
 * output is full. */
int keyed_sum_emit(const struct keyed_sum *sum, struct keyed_table *table, uint64_t *at,
		   struct outbox *out);

/* Reads the keys of up to KEY_BATCH_RECORDS records and finds their slots, sum->slots[0 … *found).
 * -1: one of them belongs to another subtask, or new ones find no memory. */
MUST_USE static inline int keyed_sum_find(struct keyed_sum *sum, struct keyed_table *table,
					  const struct batch *batch, uint32_t from, uint32_t *found,
					  struct err *err)
{
	uint32_t count = batch->count - from;

	*found = count < KEY_BATCH_RECORDS ? count : KEY_BATCH_RECORDS;
	if (likely(keyed_table_find(table, &sum->keys, batch, from, *found, sum->slots)))
		return 0;
	keyed_sum_not_found(sum, table, err);
	return -1;
}

static inline void keyed_sum_add(struct keyed_sum *sum, struct keyed_table *table,
				 struct keyed_slot *slot, const void *record)
{
	if (unlikely(!slot->filled || sum->nullable))
		keyed_sum_add_slow(sum, table, slot, record);
	else
		number_add(sum->kind, (char *)keyed_slot_value(slot) + sum->offset_bytes,
			   (const char *)record + sum->offset_bytes);
}

#endif
