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

static inline const struct str *string_at(const struct key_batch *keys, const struct batch *batch,
					  uint32_t i)
{
	const char *record = batch_at(batch, i);

	return (const struct str *)(const void *)(record + keys->offset_bytes);
}

/* A string that begins with 0xFF has a byte more in its key (see key_of): left to the general
 * way. */
static inline bool is_plain(const struct str *s)
{
	return (uint8_t)s->u.inlined[0] != 0xFF || s->len == 0;
}

static bool read_strings(struct key_batch *keys, const struct batch *batch, uint32_t from,
			 uint32_t count)
{
	bool plain = true;

	for (uint32_t i = 0; i < count; i++) {
		const struct str *s = string_at(keys, batch, from + i);

		keys->keys[i].data = str_ptr(s);
		keys->keys[i].size_bytes = s->len;
		keys->keys[i].hash = str_key_hash(s);
		plain &= is_plain(s);
	}
	return plain;
}

static bool hash_strings(const struct key_batch *keys, const struct batch *batch, uint32_t from,
			 uint32_t count, uint64_t *hashes)
{
	const struct batch view = *batch; /* a local, which the compiler knows to stay as it is */
	bool plain = true;

	for (uint32_t i = 0; i < count; i++) {
		const struct str *s = string_at(keys, &view, from + i);

		hashes[i] = str_key_hash(s);
		plain &= is_plain(s);
	}
	return plain;
}

/* The size is a constant in each call, so that the hash becomes straight-line code. */
static inline void hash_fixed(const struct key_batch *keys, const struct batch *batch,
			      uint32_t from, uint32_t count, uint32_t size_bytes, uint64_t *hashes)
{
	const struct batch view = *batch;

	for (uint32_t i = 0; i < count; i++)
		hashes[i] = hash_key((const char *)batch_at(&view, from + i) + keys->offset_bytes,
				     size_bytes);
}

static void read_fixed(struct key_batch *keys, const struct batch *batch, uint32_t from,
		       uint32_t count)
{
	uint64_t hashes[KEY_BATCH_RECORDS];

	key_batch_hash(keys, batch, from, count, hashes);
	for (uint32_t i = 0; i < count; i++) {
		const char *record = batch_at(batch, from + i);

		keys->keys[i].data = record + keys->offset_bytes;
		keys->keys[i].size_bytes = keys->size_bytes;
		keys->keys[i].hash = hashes[i];
	}
}

HOT void key_batch_read(struct key_batch *keys, const struct batch *batch, uint32_t from,
			uint32_t count)
{
	CHECK(count <= KEY_BATCH_RECORDS, "%u keys at once", count);
	if (keys->shape == KEY_SHAPE_FIXED)
		read_fixed(keys, batch, from, count);
	else if (keys->shape != KEY_SHAPE_STRING || !read_strings(keys, batch, from, count))
		read_any(keys, batch, from, count);
}

HOT void key_batch_hash(struct key_batch *keys, const struct batch *batch, uint32_t from,
			uint32_t count, uint64_t *hashes)
{
	CHECK(count <= KEY_BATCH_RECORDS, "%u keys at once", count);
	switch (keys->shape) {
	case KEY_SHAPE_STRING:
		if (hash_strings(keys, batch, from, count, hashes))
			return;
		break;
	case KEY_SHAPE_FIXED:
		if (keys->size_bytes == 8)
			hash_fixed(keys, batch, from, count, 8, hashes);
		else if (keys->size_bytes == 4)
			hash_fixed(keys, batch, from, count, 4, hashes);
		else
			hash_fixed(keys, batch, from, count, keys->size_bytes, hashes);
		return;
	case KEY_SHAPE_ANY: break;
	}
	read_any(keys, batch, from, count);
	for (uint32_t i = 0; i < count; i++)
		hashes[i] = keys->keys[i].hash;
}

static inline uint16_t channel_of(const struct key_channels *channels, uint64_t hash)
{
	return channels->of_group[key_group_of_hash(hash, channels->key_groups)];
}

static bool strings_channels(const struct key_batch *keys, const struct batch *batch,
			     struct key_channels channels, uint32_t count, uint16_t *indexes)
{
	const struct batch view = *batch;
	bool plain = true;

	for (uint32_t i = 0; i < count; i++) {
		const struct str *s = string_at(keys, &view, i);

		indexes[i] = channel_of(&channels, str_key_hash(s));
		plain &= is_plain(s);
	}
	return plain;
}

static void words_channels(const struct key_batch *keys, const struct batch *batch,
			   struct key_channels channels, uint32_t count, uint16_t *indexes)
{
	const char *key = batch->base + keys->offset_bytes;
	uint32_t stride_bytes = batch->stride_bytes;

	for (uint32_t i = 0; i < count; i++, key += stride_bytes)
		indexes[i] = channel_of(&channels, hash_key_words(hash_load_u64(key), 0, 8));
}

/* The usual keys in one loop, without hashes in between. */
HOT void key_batch_channels(struct key_batch *keys, const struct batch *batch, uint32_t from,
			    uint32_t count, const struct key_channels *channels, uint16_t *indexes)
{
	const struct batch rest = batch_rest(batch, from);
	uint64_t hashes[KEY_BATCH_RECORDS];

	if (keys->shape == KEY_SHAPE_FIXED && keys->size_bytes == 8 && rest.offsets == NULL) {
		words_channels(keys, &rest, *channels, count, indexes);
		return;
	}
	if (keys->shape == KEY_SHAPE_STRING &&
	    strings_channels(keys, &rest, *channels, count, indexes))
		return;
	key_batch_hash(keys, batch, from, count, hashes);
	for (uint32_t i = 0; i < count; i++)
		indexes[i] = channel_of(channels, hashes[i]);
}
