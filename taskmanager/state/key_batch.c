/* SPDX-License-Identifier: Apache-2.0
 * key_batch.c - reading keys by shape. See key_batch.h. */
#include "taskmanager/state/key_batch.h"

#include "common/base/check.h"
#include "common/base/hash.h"

static enum key_shape shape_of(const struct record_type *type, const struct key_spec *spec)
{
	if (spec->fields_count != 1 || type->fields[spec->fields[0]].nullable)
		return KEY_SHAPE_ANY;
	switch (type->fields[spec->fields[0]].kind) {
	case FIELD_STRING:
	case FIELD_BYTES:
		return KEY_SHAPE_STRING;
	case FIELD_FLOAT:
	case FIELD_DOUBLE: /* several spellings of zero and NaN */
		return KEY_SHAPE_ANY;
	default:
		return KEY_SHAPE_FIXED;
	}
}

void key_batch_init(struct key_batch *keys, const struct record_type *type,
		    const struct key_spec *spec)
{
	CHECK(spec->fields_count > 0, "a key without fields");
	keys->type = type;
	keys->spec = *spec;
	keys->shape = shape_of(type, spec);
	keys->offset_bytes = type->offsets_bytes[spec->fields[0]];
	keys->size_bytes = field_kind_size(type->fields[spec->fields[0]].kind);
	buf_init(&keys->scratch);
	buf_init(&keys->bytes);
}

void key_batch_fini(struct key_batch *keys)
{
	buf_fini(&keys->scratch);
	buf_fini(&keys->bytes);
}

/* Keys that key_of put into the scratch are gathered in `bytes`, whose place is known last. */
static void read_any(struct key_batch *keys, const struct batch *batch, uint32_t from,
		     uint32_t count)
{
	size_t at[KEY_BATCH_RECORDS];

	buf_clear(&keys->bytes);
	for (uint32_t i = 0; i < count; i++) {
		struct key *key = &keys->keys[i];

		key_of(keys->type, &keys->spec, batch_at(batch, from + i), &keys->scratch, key);
		at[i] = SIZE_MAX;
		if (key->data == keys->scratch.data) {
			at[i] = keys->bytes.size_bytes;
			buf_add(&keys->bytes, key->data, key->size_bytes);
		}
	}
	for (uint32_t i = 0; i < count; i++)
		if (at[i] != SIZE_MAX)
			keys->keys[i].data = keys->bytes.data + at[i];
}

/* A string that begins with 0xFF has a byte more in its key (see key_of): left to the general way.
 *  */
static bool read_strings(struct key_batch *keys, const struct batch *batch, uint32_t from,
			 uint32_t count)
{
	bool plain = true;

	for (uint32_t i = 0; i < count; i++) {
		const char *record = batch_at(batch, from + i);
		const struct str *s =
			(const struct str *)(const void *)(record + keys->offset_bytes);

		keys->keys[i].data = str_ptr(s);
		keys->keys[i].size_bytes = s->len;
		plain &= (uint8_t)s->u.inlined[0] != 0xFF || s->len == 0;
	}
	return plain;
}

static void read_fixed(struct key_batch *keys, const struct batch *batch, uint32_t from,
		       uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		const char *record = batch_at(batch, from + i);

		keys->keys[i].data = record + keys->offset_bytes;
		keys->keys[i].size_bytes = keys->size_bytes;
	}
}

HOT void key_batch_read(struct key_batch *keys, const struct batch *batch, uint32_t from,
			uint32_t count, bool with_hash)
{
	CHECK(count <= KEY_BATCH_RECORDS, "%u keys at once", count);
	keys->in_strings =
		keys->shape == KEY_SHAPE_STRING && read_strings(keys, batch, from, count);
	if (keys->shape == KEY_SHAPE_FIXED) {
		read_fixed(keys, batch, from, count);
	} else if (!keys->in_strings) {
		read_any(keys, batch, from, count);
		return;
	}
	if (with_hash)
		for (uint32_t i = 0; i < count; i++)
			keys->keys[i].hash = hash_key(keys->keys[i].data, keys->keys[i].size_bytes);
}
