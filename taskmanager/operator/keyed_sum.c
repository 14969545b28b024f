/* SPDX-License-Identifier: Apache-2.0
 * keyed_sum.c - the parts of keyed_sum.h that run once per operator or once per key. */
#include "taskmanager/operator/keyed_sum.h"

#include "taskmanager/operator/keyed_state.h"

int keyed_sum_init(struct keyed_sum *sum, const struct operator_context *context, int32_t field,
		   struct err *err)
{
	const struct record_type *type = context->input_types[0];

	if (keyed_state_check(context, err) != 0)
		return -1;
	if (field < 0 || (uint32_t)field >= type->fields_count)
		return err_set(
			err, ERR_PLAN_INVALID,
			"operator \"%s\" sums field %d of record \"%s\", which has %u fields",
			context->operator_name, (int)field, type->name, type->fields_count);
	const struct field *summed = &type->fields[field];

	if (!number_is_kind(summed->kind))
		return err_set(
			err, ERR_PLAN_INVALID,
			"operator \"%s\" sums field \"%s\" of record \"%s\", which is a %s; allowed are TINYINT, SMALLINT, INT, BIGINT, FLOAT and DOUBLE",
			context->operator_name, summed->name, type->name,
			field_kind_name(summed->kind));
	sum->type = type;
	sum->field = (uint32_t)field;
	sum->offset_bytes = type->offsets_bytes[field];
	sum->kind = summed->kind;
	sum->nullable = summed->nullable != 0;
	sum->operator_name = context->operator_name;
	key_batch_init(&sum->keys, type, context->input_keys[0]);
	sum->table = keyed_state_options(context, &sum->keys, type->size_bytes);
	return 0;
}

void keyed_sum_fini(struct keyed_sum *sum)
{
	if (sum->type != NULL)
		key_batch_fini(&sum->keys);
	sum->type = NULL;
}

struct keyed_table *keyed_sum_table(struct keyed_sum *sum)
{
	return keyed_table_create(&sum->table);
}

void keyed_sum_not_found(const struct keyed_sum *sum, const struct keyed_table *table,
			 struct err *err)
{
	keyed_state_refused(sum->operator_name, &sum->table, table, err);
}

static void keep_first(struct keyed_sum *sum, struct keyed_table *table, struct keyed_slot *slot,
		       const void *record)
{
	const struct record_type *type = sum->type;
	char *value = keyed_slot_value(slot);

	memcpy(value, record, type->size_bytes);
	for (uint32_t i = 0; i < type->strings_count; i++) {
		uint32_t at = type->string_offsets_bytes[i];
		const struct str *from =
			(const struct str *)(const void *)((const char *)record + at);

		if (from->len <= STR_INLINE_BYTES)
			continue;
		struct str kept =
			str_of(keyed_table_store(table, str_ptr(from), from->len), from->len);

		memcpy(value + at, &kept, sizeof(kept));
	}
	slot->filled = 1;
}

/* As SQL has it: nulls add nothing, and the sum of nothing but nulls is null. */
void keyed_sum_add_slow(struct keyed_sum *sum, struct keyed_table *table, struct keyed_slot *slot,
			const void *record)
{
	uint8_t *value = keyed_slot_value(slot);

	if (!slot->filled) {
		keep_first(sum, table, slot, record);
		return;
	}
	if (record_is_null(sum->type, record, sum->field))
		return;
	const char *from = (const char *)record + sum->offset_bytes;

	if (record_is_null(sum->type, value, sum->field)) {
		memcpy(value + sum->offset_bytes, from, field_kind_size(sum->kind));
		value[sum->field / 8] &= (uint8_t)~(1u << (sum->field % 8));
		return;
	}
	number_add(sum->kind, value + sum->offset_bytes, from);
}

int keyed_sum_emit(const struct keyed_sum *sum, struct keyed_table *table, uint64_t *at,
		   struct outbox *out)
{
	while (!outbox_full(out)) {
		struct keyed_slot *slot = keyed_table_next(table, at);

		if (slot == NULL)
			return 1;
		if (slot->filled)
			outbox_emit(out, sum->type, keyed_slot_value(slot));
	}
	return 0;
}
