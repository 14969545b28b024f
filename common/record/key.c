/* SPDX-License-Identifier: Apache-2.0
 * key.c - canonical key bytes. They decide the key group, live in state tables and in every
 * savepoint: what this file writes never changes (docs/record-format.md). */
#include "common/base/check.h"
#include "common/base/hash.h"
#include "common/record/batch.h"

static const uint8_t zeroes_and_mask[17] = { [16] = 1 }; /* a lone null: its bytes, then the mask */
static const uint8_t null_string = 0xFF;
static const uint32_t float_zero = 0, float_nan = UINT32_C(0x7FC00000);
static const uint64_t double_zero = 0, double_nan = UINT64_C(0x7FF8000000000000);

static bool is_string(uint8_t kind)
{
	return kind == FIELD_STRING || kind == FIELD_BYTES;
}

int key_spec_check(const struct record_type *type, const struct key_spec *spec, struct err *err)
{
	if (spec->fields_count == 0 || spec->fields_count > KEY_FIELDS_MAX)
		return err_set(err, ERR_PLAN_INVALID, "a key of %u fields; allowed are 1 to %u",
			       spec->fields_count, KEY_FIELDS_MAX);
	for (uint32_t i = 0; i < spec->fields_count; i++) {
		if (spec->fields[i] >= type->fields_count)
			return err_set(err, ERR_PLAN_INVALID,
				       "a key names field %u of record type \"%s\", which has %u",
				       spec->fields[i], type->name, type->fields_count);
		for (uint32_t j = 0; j < i; j++)
			if (spec->fields[j] == spec->fields[i])
				return err_set(err, ERR_PLAN_INVALID,
					       "a key names field \"%s\" twice",
					       type->fields[spec->fields[i]].name);
	}
	return 0;
}

/* A field of fixed size: its own bytes unless it is a float with several spellings. */
static const void *canonical(uint8_t kind, const void *value)
{
	if (kind == FIELD_DOUBLE) {
		double number;

		memcpy(&number, value, sizeof(number));
		return number == 0	? &double_zero :
		       number != number ? (const void *)&double_nan :
					  value;
	}
	if (kind == FIELD_FLOAT) {
		float number;

		memcpy(&number, value, sizeof(number));
		return number == 0	? &float_zero :
		       number != number ? (const void *)&float_nan :
					  value;
	}
	return value;
}

/* Such a lone string gets one more of these bytes in front, so that it never is the null's key. */
static bool begins_like_null(const char *text, uint32_t size_bytes)
{
	return size_bytes > 0 && (uint8_t)text[0] == null_string;
}

static inline void set_key(struct key *key, const void *data, uint32_t size_bytes)
{
	key->data = data;
	key->size_bytes = size_bytes;
	key->hash = hash_key(data, size_bytes);
}

/* Appends the key of several fields to scratch; returns its size. */
static uint32_t add_fields(const struct record_type *type, const struct key_spec *spec,
			   const void *record, struct buf *scratch)
{
	size_t before = scratch->size_bytes;
	uint8_t nulls = 0;

	for (uint32_t i = 0; i < spec->fields_count; i++) {
		uint32_t field = spec->fields[i];
		uint8_t kind = type->fields[field].kind;
		const void *value = record_field(type, record, field);

		if (type->nulls_bytes && record_is_null(type, record, field)) {
			nulls |= (uint8_t)(1u << i);
			buf_add(scratch, zeroes_and_mask,
				is_string(kind) ? 4 : field_kind_size(kind));
		} else if (is_string(kind)) {
			const struct str *s = value;

			buf_add(scratch, &s->len, sizeof(s->len));
			buf_add(scratch, str_ptr_any(s), s->len);
		} else {
			buf_add(scratch, canonical(kind, value), field_kind_size(kind));
		}
	}
	if (nulls)
		buf_add(scratch, &nulls, 1);
	CHECK(scratch->size_bytes - before <= UINT32_MAX, "a key of %zu bytes",
	      scratch->size_bytes - before);
	return (uint32_t)(scratch->size_bytes - before);
}

/* Makes a key without its hash. data NULL: the bytes are the last size_bytes of scratch, whose
 * address is not final yet. */
static inline void make_key(const struct record_type *type, const struct key_spec *spec,
			    const void *record, struct buf *scratch, struct key *key)
{
	uint32_t field = spec->fields[0];
	uint8_t kind = type->fields[field].kind;
	const void *value = record_field(type, record, field);

	if (spec->fields_count != 1) {
		key->data = NULL;
		key->size_bytes = add_fields(type, spec, record, scratch);
	} else if (type->nulls_bytes && record_is_null(type, record, field)) {
		uint32_t size_bytes = field_kind_size(kind);

		key->data = is_string(kind) ? &null_string : zeroes_and_mask + 16 - size_bytes;
		key->size_bytes = is_string(kind) ? 1 : size_bytes + 1;
	} else if (is_string(kind)) {
		const struct str *s = value;

		key->data = str_ptr_any(s);
		key->size_bytes = s->len;
		if (unlikely(begins_like_null(key->data, s->len))) {
			buf_add(scratch, &null_string, 1);
			buf_add(scratch, key->data, s->len);
			key->data = NULL;
			key->size_bytes++;
		}
	} else {
		key->data = canonical(kind, value);
		key->size_bytes = field_kind_size(kind);
	}
}

HOT void key_of(const struct record_type *type, const struct key_spec *spec, const void *record,
		struct buf *scratch, struct key *key)
{
	buf_clear(scratch);
	make_key(type, spec, record, scratch, key);
	if (key->data == NULL)
		key->data = scratch->data;
	key->hash = hash_key(key->data, key->size_bytes);
}

/* ---- batches --------------------------------------------------------------------------------- */

/* size_bytes is a constant in each call, so that the hash becomes straight-line code. */
static inline void keys_of_integers(const struct batch *batch, uint32_t offset, uint32_t first,
				    uint32_t count, uint32_t size_bytes, struct key *keys)
{
	for (uint32_t i = 0; i < count; i++)
		set_key(&keys[i], (const char *)batch_at(batch, first + i) + offset, size_bytes);
}

/* True: done. False: some key must be copied, take the general way. */
static bool keys_of_strings(const struct batch *batch, uint32_t offset, uint32_t first,
			    uint32_t count, struct key *keys)
{
	bool escape = false;

	for (uint32_t i = 0; i < count; i++) {
		const struct str *s =
			(const struct str *)((const char *)batch_at(batch, first + i) + offset);
		const char *text = str_ptr(s);

		escape |= begins_like_null(text, s->len);
		keys[i].data = text;
		keys[i].size_bytes = s->len;
		keys[i].hash = str_key_hash(s);
	}
	return !escape;
}

/* Keys that are copied lie one after the other in scratch, which may move while it grows: so first
 * all are made, then the pointers. */
static void keys_of_anything(const struct batch *batch, const struct key_spec *spec, uint32_t first,
			     uint32_t count, struct buf *scratch, struct key *keys)
{
	size_t at = 0;

	buf_clear(scratch);
	for (uint32_t i = 0; i < count; i++)
		make_key(batch->type, spec, batch_at(batch, first + i), scratch, &keys[i]);
	for (uint32_t i = 0; i < count; i++) {
		if (keys[i].data == NULL) {
			keys[i].data = scratch->data + at;
			at += keys[i].size_bytes;
		}
		keys[i].hash = hash_key(keys[i].data, keys[i].size_bytes);
	}
}

HOT void key_of_batch(const struct batch *batch, const struct key_spec *spec, uint32_t first,
		      uint32_t count, struct buf *scratch, struct key *keys)
{
	const struct record_type *type = batch->type;
	uint32_t field = spec->fields[0], offset = type->offsets_bytes[field];
	uint8_t kind = type->fields[field].kind;

	if (spec->fields_count == 1 && !type->fields[field].nullable) {
		switch (kind) {
		case FIELD_STRING:
		case FIELD_BYTES:
			if (keys_of_strings(batch, offset, first, count, keys))
				return;
			break;
		case FIELD_INT:
			keys_of_integers(batch, offset, first, count, 4, keys);
			return;
		case FIELD_BIGINT:
		case FIELD_TIMESTAMP:
			keys_of_integers(batch, offset, first, count, 8, keys);
			return;
		default:
			break;
		}
	}
	keys_of_anything(batch, spec, first, count, scratch, keys);
}

/* ---- key groups ------------------------------------------------------------------------------ */

struct key_groups key_groups_of_subtask(uint32_t subtask, uint32_t key_groups, uint32_t parallelism)
{
	CHECK(subtask < parallelism && parallelism <= key_groups,
	      "subtask %u of %u with %u key groups", subtask, parallelism, key_groups);
	uint64_t groups = key_groups;

	return (struct key_groups){
		.first = (uint32_t)((subtask * groups + parallelism - 1) / parallelism),
		.last = (uint32_t)(((subtask + UINT64_C(1)) * groups - 1) / parallelism),
	};
}

uint32_t key_groups_default(uint32_t parallelism)
{
	uint64_t wanted = (uint64_t)parallelism + parallelism / 2, power = 128;

	while (power < wanted && power < 32768)
		power *= 2;
	return (uint32_t)power;
}
