/* SPDX-License-Identifier: Apache-2.0
 * record.c - one record: its size, its copy, and the check of one that came from outside. */
#include "common/base/check.h"
#include "common/base/hash.h"
#include "common/record/record_priv.h"

static const struct str *string_at(const struct record_type *type, const void *record, uint32_t i)
{
	return (const struct str *)((const char *)record + type->string_offsets_bytes[i]);
}

HOT uint32_t record_size_long(const struct record_type *type, const void *record)
{
	uint64_t tails = 0;

	for (uint32_t i = 0; i < type->strings_count; i++) {
		uint32_t len = string_at(type, record, i)->len;

		if (len > STR_INLINE_BYTES)
			tails += round_8(len);
	}
	if (likely(tails == 0))
		return type->size_bytes;
	tails += round_8(type->size_bytes);
	return tails > UINT32_MAX ? UINT32_MAX : (uint32_t)tails;
}

/* Writes one long string's bytes at into + at and makes the copied field point there. */
static uint32_t copy_tail(const struct str *from, struct str *to, char *into, uint32_t at)
{
	const char *text = str_ptr_any(from);
	uint32_t len = from->len, room = (uint32_t)round_8(len);
	uint32_t hash = str_is_borrowed(from) ? str_hash(text, len) : from->u.tail.hash;

	/* The last eight bytes first: the copy then leaves only the padding zero. */
	memset(into + at + room - 8, 0, 8);
	memcpy(into + at, text, len);
	memcpy(to->u.tail.prefix, text, sizeof(to->u.tail.prefix));
	to->u.tail.offset = (int32_t)(into + at - (char *)to);
	to->u.tail.hash = hash;
	return at + room;
}

const char *record_stray_string(const struct record_type *type, const void *record)
{
	for (uint32_t i = 0; i < type->fields_count; i++) {
		uint8_t kind = type->fields[i].kind;

		if (kind != FIELD_STRING && kind != FIELD_BYTES)
			continue;
		const struct str *s =
			(const struct str *)((const char *)record + type->offsets_bytes[i]);
		if (s->len > STR_INLINE_BYTES && !str_is_borrowed(s))
			return type->fields[i].name;
	}
	return NULL;
}

HOT void record_copy(const struct record_type *type, const void *record, void *into)
{
	uint32_t struct_end = (uint32_t)round_8(type->size_bytes), at = struct_end;

	memcpy(into, record, type->size_bytes);
	for (uint32_t i = 0; i < type->strings_count; i++) {
		const struct str *from = string_at(type, record, i);

		if (likely(from->len <= STR_INLINE_BYTES))
			continue;
		if (at == struct_end)
			memset((char *)into + type->size_bytes, 0, struct_end - type->size_bytes);
		struct str *to = (struct str *)((char *)into + type->string_offsets_bytes[i]);
		at = copy_tail(from, to, into, at);
	}
}

/* ---- checks ---------------------------------------------------------------------------------- */

/* unused_low[n], unused_high[n]: the bits of a short string's 12 bytes behind its first n. */
#define ONES(bytes) ((bytes) >= 8 ? UINT64_C(0) : ~UINT64_C(0) << (8 * ((bytes) & 7)))
static const struct {
	uint64_t low;
	uint32_t high;
} unused_bits[STR_INLINE_BYTES + 1] = {
#define ROW(n) { ONES(n), (n) <= 8 ? UINT32_MAX : (n) >= 12 ? 0 : UINT32_MAX << (8 * ((n) & 3)) }
	ROW(0), ROW(1), ROW(2), ROW(3),	 ROW(4),  ROW(5),  ROW(6),
	ROW(7), ROW(8), ROW(9), ROW(10), ROW(11), ROW(12),
#undef ROW
};

static inline bool short_string_valid(const struct str *s)
{
	uint32_t high;

	memcpy(&high, s->u.inlined + 8, sizeof(high));
	return s->len <= STR_INLINE_BYTES &&
	       ((hash_load_u64(s->u.inlined) & unused_bits[s->len].low) |
		(high & unused_bits[s->len].high)) == 0;
}

static bool all_zero(const char *data, size_t size_bytes)
{
	char any = 0;

	for (size_t i = 0; i < size_bytes; i++)
		any |= data[i];
	return any == 0;
}

/* A null's bytes are zero, and bits that belong to no nullable field are not set. */
static const char *nulls_problem(const struct record_type *type, const char *record,
				 uint32_t *field)
{
	for (uint32_t i = 0; i < type->nulls_bytes * 8; i++) {
		if (!((uint8_t)record[i / 8] >> (i % 8) & 1))
			continue;
		*field = i < type->fields_count ? i : UINT32_MAX;
		if (i >= type->fields_count)
			return "the null bitmap has a bit of no field";
		if (!type->fields[i].nullable)
			return "it is null and may not be";
		if (!all_zero(record + type->offsets_bytes[i],
			      field_kind_size(type->fields[i].kind)))
			return "it is null and its bytes are not zero";
	}
	return NULL;
}

/* A string that begins at `s`: short and clean, or long with its tail at `record + *end`, which
 * then moves behind the tail. */
static const char *string_problem(const char *record, const struct str *s, uint64_t room,
				  uint64_t *end)
{
	if (s->len <= STR_INLINE_BYTES)
		return short_string_valid(s) ? NULL :
					       "the unused bytes of a short string are not zero";
	if (((uintptr_t)record & 7) != 0)
		return "a record with a long string does not begin at a multiple of 8";
	if (str_is_borrowed(s))
		return "a long string is a pointer";
	if ((int64_t)s->u.tail.offset != (int64_t)*end - ((const char *)s - record))
		return "a long string's bytes are not in their place";
	if (*end + round_8(s->len) > room)
		return "a long string is longer than its record";
	if (memcmp(s->u.tail.prefix, record + *end, sizeof(s->u.tail.prefix)) != 0)
		return "a long string does not begin with its prefix";
	*end += round_8(s->len);
	return NULL;
}

const char *record_problem(const struct record_type *type, const void *image, uint64_t room,
			   uint32_t *size_bytes, uint32_t *field)
{
	const char *record = image;
	uint64_t end = round_8(type->size_bytes);
	uint64_t struct_end = end;

	*field = UINT32_MAX;
	if (room < type->size_bytes)
		return "it is cut off";
	const char *problem = type->nulls_bytes ? nulls_problem(type, record, field) : NULL;
	for (uint32_t i = 0; i < type->fields_count && problem == NULL; i++) {
		const char *at = record + type->offsets_bytes[i];
		uint8_t kind = type->fields[i].kind;

		if (kind == FIELD_BOOLEAN && *(const uint8_t *)at > 1)
			problem = "a boolean is neither 0 nor 1";
		else if (kind == FIELD_STRING || kind == FIELD_BYTES)
			problem = string_problem(record, (const struct str *)at, room, &end);
		if (problem)
			*field = i;
	}
	*size_bytes = end == struct_end ? type->size_bytes : (uint32_t)end;
	return problem;
}

int record_check(const struct record_type *type, const void *image, uint32_t size_bytes,
		 struct err *err)
{
	uint32_t used = 0, field = UINT32_MAX;
	const char *problem = ((uintptr_t)image & 7) ?
				      "it does not begin at a multiple of 8" :
				      record_problem(type, image, size_bytes, &used, &field);

	if (problem == NULL && used == size_bytes)
		return 0;
	if (problem == NULL)
		return err_set(err, ERR_RECORD_INVALID,
			       "a record of type \"%s\" takes %u bytes, not %u", type->name, used,
			       size_bytes);
	if (field == UINT32_MAX)
		return err_set(err, ERR_RECORD_INVALID, "a record of type \"%s\": %s", type->name,
			       problem);
	return err_set(err, ERR_RECORD_INVALID, "a record of type \"%s\": field \"%s\": %s",
		       type->name, type->fields[field].name, problem);
}

/* ---- dense columns --------------------------------------------------------------------------- */

static bool strings_valid(const char *at, size_t stride, uint32_t count)
{
	bool valid = true;

	for (uint32_t i = 0; i < count && valid; i++, at += stride)
		valid = short_string_valid((const struct str *)at);
	return valid;
}

static bool booleans_valid(const char *at, size_t stride, uint32_t count)
{
	uint8_t any = 0;

	for (uint32_t i = 0; i < count; i++, at += stride)
		any |= *(const uint8_t *)at;
	return any <= 1;
}

bool records_valid_dense(const struct record_type *type, const char *base, uint32_t count)
{
	size_t stride = type->size_bytes;
	uint32_t field;

	for (uint32_t i = 0; i < count && type->nulls_bytes; i++)
		if (nulls_problem(type, base + i * stride, &field) != NULL)
			return false;
	for (uint32_t i = 0; i < type->strings_count; i++)
		if (!strings_valid(base + type->string_offsets_bytes[i], stride, count))
			return false;
	for (uint32_t i = 0; i < type->fields_count; i++)
		if (type->fields[i].kind == FIELD_BOOLEAN &&
		    !booleans_valid(base + type->offsets_bytes[i], stride, count))
			return false;
	return true;
}
