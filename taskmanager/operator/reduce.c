/* SPDX-License-Identifier: Apache-2.0
 * reduce.c - the running result of a keyed stream: a function of the job joins what a key has so
 * far with the next record. A key's first record is its first result; every record gives one.
 *
 * A table's value is the result itself, if it has no tail; else a pointer to its image, in memory
 * that goes back to the table with the next result, so that texts that change do not pile up. The
 * function sees what it was given as any other record, so it reads strings by str_ptr; what it
 * gives may borrow from either. */
#include "common/base/check.h"
#include "common/world/world.h"
#include "taskmanager/operator/keyed_state.h"
#include "taskmanager/operator/operators.h"
#include "taskmanager/operator/user_function.h"
#include "taskmanager/state/keyed_table.h"

enum filled { FILLED_NOT, FILLED_STRUCT, FILLED_IMAGE }; /* of keyed_slot.filled */

struct reduce {
	user_reduce_fn *function;
	const struct record_type *type;
	const char *operator_name;
	struct keyed_table_options options;
	struct keyed_table *table;
	struct key_batch keys;
	struct keyed_slot *slots[KEY_BATCH_RECORDS];
	void *result; /* what the function fills */
};

static int reduce_open(void **self, const struct operator_context *context, struct err *err)
{
	struct reduce *reduce = MEM_NEW(struct reduce);

	*self = reduce;
	reduce->operator_name = context->operator_name;
	if (keyed_state_check(context, err) != 0 ||
	    user_function_find(context, &reduce->function, err) != 0)
		return -1;
	const struct record_type *type = context->input_types[0];
	uint32_t image_bytes = (uint32_t)sizeof(char *);

	reduce->type = type;
	reduce->result = mem_alloc(type->size_bytes);
	key_batch_init(&reduce->keys, type, context->input_keys[0]);

	reduce->options = keyed_state_options(
		context, &reduce->keys,
		type->size_bytes > image_bytes ? type->size_bytes : image_bytes);
	reduce->table = keyed_table_create(&reduce->options);
	return 0;
}

static void *image_of(struct keyed_slot *slot)
{
	void *image = NULL;

	if (slot->filled == FILLED_IMAGE)
		memcpy(&image, keyed_slot_value(slot), sizeof(image));
	return image;
}

/* The result lies whole in the outbox, apart from everything it may have borrowed from. */
static inline void keep(struct reduce *reduce, struct keyed_slot *slot, const void *image,
			uint32_t size_bytes)
{
	const struct record_type *type = reduce->type;
	void *before = type->has_tails ? image_of(slot) : NULL;

	if (likely(size_bytes == type->size_bytes)) {
		keyed_table_give(reduce->table, before);
		record_copy_struct(image, size_bytes, keyed_slot_value(slot));
		slot->filled = FILLED_STRUCT;
		return;
	}
	void *kept = keyed_table_retake(reduce->table, before, size_bytes);

	memcpy(kept, image, size_bytes);
	memcpy(keyed_slot_value(slot), &kept, sizeof(kept));
	slot->filled = FILLED_IMAGE;
}

/* The result of one record goes to the outbox and to its slot. */
static inline int take_record(struct reduce *reduce, struct keyed_slot *slot, const void *record,
			      struct outbox *out, struct err *err)
{
	const struct record_type *type = reduce->type;
	const void *result = record;
	uint32_t size_bytes = type->size_bytes;

	if (likely(slot->filled != FILLED_NOT)) {
		const void *before = slot->filled == FILLED_IMAGE ? image_of(slot)
								  : keyed_slot_value(slot);

		memset(reduce->result, 0, size_bytes);
		reduce->function(before, record, reduce->result);
		result = reduce->result;
	}
	if (type->has_tails)
		size_bytes = record_size(type, result);
	if (size_bytes != type->size_bytes && result != record &&
	    user_record_check(type, result, err) != 0)
		return -1;
	void *image = outbox_reserve(out, size_bytes);

	if (unlikely(image == NULL)) /* too large: the task fails */
		return 0;
	if (size_bytes == type->size_bytes)
		record_copy_struct(result, size_bytes, image);
	else
		record_copy(type, result, image);
	keep(reduce, slot, image, size_bytes);
	return 0;
}

static COLD int refused(const struct reduce *reduce, struct err *err)
{
	keyed_state_refused(reduce->operator_name, &reduce->options, reduce->table, err);
	return -1;
}

static HOT int reduce_process(void *self, uint32_t input, const struct batch *batch,
			      uint32_t *taken, struct outbox *out, struct err *err)
{
	struct reduce *reduce = self;

	while (*taken < batch->count) {
		uint32_t from = *taken, count = batch->count - from;

		if (outbox_full(out))
			return 0;
		if (count > KEY_BATCH_RECORDS)
			count = KEY_BATCH_RECORDS;
		if (unlikely(!keyed_table_find(reduce->table, &reduce->keys, batch, from, count,
					       reduce->slots)))
			return refused(reduce, err);
		for (uint32_t i = 0; i < count && !outbox_full(out); i++, ++*taken)
			if (take_record(reduce, reduce->slots[i], batch_at(batch, from + i), out,
					err) != 0)
				return -1;
		if (reduce->type->has_tails && unlikely(!keyed_table_count_bytes(reduce->table)))
			return refused(reduce, err);
	}
	return 1;
}

static void reduce_close(void **self)
{
	struct reduce *reduce = *self;

	if (reduce == NULL)
		return;
	keyed_table_destroy(&reduce->table);
	if (reduce->type != NULL)
		key_batch_fini(&reduce->keys);
	mem_free(reduce->result);
	mem_free(reduce);
	*self = NULL;
}

const struct operator_vtable operator_reduce = {
	.name = "reduce",
	.open = reduce_open,
	.process = reduce_process,
	.close = reduce_close,
};
