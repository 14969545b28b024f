/* SPDX-License-Identifier: Apache-2.0
 * record.h - records are C structs; the wire is the memory (docs/record-format.md).
 *
 * A record's payload is laid out exactly as the C struct its fields declare: natural alignment, at
 * most 8; little endian; padding zero; a null bitmap in front only if the type has nullable fields.
 * STRING and BYTES are `struct str`; their long bytes (> 12) are a tail behind the struct, reached by
 * an offset relative to the field itself, so a record moves by memcpy. */
#ifndef COMMON_RECORD_RECORD_H
#define COMMON_RECORD_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/base/buf.h"
#include "common/base/bytes.h"
#include "common/base/err.h"

#define STR_INLINE_BYTES 12

struct str { /* 16 bytes, aligned to 4 */
	uint32_t len;
	union {
		char inlined[STR_INLINE_BYTES]; /* unused bytes are zero */
		struct {
			char prefix[4];
			int32_t offset; /* from this struct str to the bytes; always > 0 */
			uint32_t hash;  /* low 31 bits of hash_key of the bytes; the top bit is set */
		} tail;
		struct { /* only in a record that is not yet emitted: bytes borrowed from the caller */
			char prefix[4];
			uint32_t pointer[2]; /* low, high: user-space addresses have the top bit clear */
		} borrowed;
	} u;
};

static inline const char *str_ptr(const struct str *s)
{
	return s->len <= STR_INLINE_BYTES ? s->u.inlined : (const char *)s + s->u.tail.offset;
}

static inline struct bytes str_bytes(const struct str *s)
{
	return bytes_of(str_ptr(s), s->len);
}

/* A str that borrows its bytes until the record is emitted; ≤ 12 bytes are copied at once. */
static inline struct str str_of(const char *text, size_t size_bytes)
{
	struct str s;

	memset(&s, 0, sizeof(s));
	s.len = (uint32_t)size_bytes;
	if (size_bytes <= STR_INLINE_BYTES) {
		memcpy(s.u.inlined, text, size_bytes);
	} else {
		uint64_t address = (uint64_t)(uintptr_t)text;

		memcpy(s.u.borrowed.prefix, text, 4);
		s.u.borrowed.pointer[0] = (uint32_t)address;
		s.u.borrowed.pointer[1] = (uint32_t)(address >> 32);
	}
	return s;
}

/* How one record's string goes into another: `.word = str_copy(&in->word)`. */
static inline struct str str_copy(const struct str *s)
{
	return str_of(str_ptr(s), s->len);
}

static inline bool str_is_borrowed(const struct str *s)
{
	return s->len > STR_INLINE_BYTES && (s->u.borrowed.pointer[1] & UINT32_C(0x80000000)) == 0;
}

enum field_kind {
	FIELD_BOOLEAN = 1, /* uint8_t, 0 or 1 */
	FIELD_TINYINT = 2, /* int8_t */
	FIELD_SMALLINT = 3,
	FIELD_INT = 4,
	FIELD_BIGINT = 5,
	FIELD_FLOAT = 6,
	FIELD_DOUBLE = 7,
	FIELD_STRING = 8, /* struct str, UTF-8 */
	FIELD_BYTES = 9,  /* struct str */
	FIELD_TIMESTAMP = 10, /* int64_t, milliseconds since 1970 UTC */
};

struct field { /* what FLINK_RECORD makes; offsets follow from the layout rule */
	const char *name;
	uint8_t kind; /* enum field_kind */
	uint8_t nullable;
};

/* A finished type: immutable after record_type_create, shared between threads. */
struct record_type {
	const char *name; /* "word_count" */
	const char *print_format; /* "{word} : {count}"; NULL: the tuple form "(a,1)" */
	uint32_t fields_count;
	const struct field *fields;
	const uint32_t *offsets_bytes; /* of each field, from the start of the struct */
	uint32_t size_bytes;           /* sizeof the struct: the stride of dense runs */
	uint32_t nulls_bytes;          /* size of the null bitmap at offset 0; 0 without nullables */
	bool has_tails;                /* any STRING or BYTES field */
	uint64_t hash;                 /* of names, kinds and nullability: two types are the same if equal */
	uint32_t strings_count;        /* STRING/BYTES fields, by offset */
	const uint32_t *string_offsets_bytes;
};

/* Checks names (unique, not empty), kinds and counts; ERR_PLAN_INVALID otherwise. On the heap. */
MUST_USE int record_type_create(const char *name, const char *print_format, const struct field *fields,
				uint32_t count, struct record_type **type, struct err *err);
void record_type_destroy(struct record_type **type);
/* The index of the field, or -1. A miss in user code: record_type_nearest gives the best guess. */
int record_type_find(const struct record_type *type, const char *name);
const char *record_type_nearest(const struct record_type *type, const char *name); /* or NULL */
void record_type_describe(const struct record_type *type, struct buf *into); /* "word_count(word STRING, count BIGINT)" */
const char *field_kind_name(uint8_t kind); /* "BIGINT", or NULL */
uint32_t field_kind_size(uint8_t kind);    /* bytes; 0: no such kind */
uint32_t field_kind_align(uint8_t kind);

static inline const void *record_field(const struct record_type *type, const void *record,
				       uint32_t field)
{
	return (const char *)record + type->offsets_bytes[field];
}

static inline bool record_is_null(const struct record_type *type, const void *record,
				  uint32_t field)
{
	const uint8_t *nulls = record;

	return type->fields[field].nullable && (nulls[field / 8] >> (field % 8) & 1);
}

/* Bytes a record takes with its tails (the struct rounded to 8, each long string rounded to 8).
 * `record` may hold borrowed strings. */
uint32_t record_size(const struct record_type *type, const void *record);
/* Copies a record with its tails to `into` (8-aligned, record_size bytes), making every long string
 * relative. Strings may be borrowed or relative to their place in `record`. Zeroes the padding
 * between tails. The source's own padding must be zero (compound literals are zeroed by the macros). */
void record_copy(const struct record_type *type, const void *record, void *into);
/* One record as print() shows it: the type's print_format, else a tuple "(a,1)" as Flink's; a
 * single-field record shows its value alone. DOUBLE and FLOAT in Java's form. NULL as "null". */
void record_print(const struct record_type *type, const void *record, struct buf *into);
void print_double(double value, struct buf *into); /* Double.toString: 1.0E10, NaN, -0.0 */
void print_float(float value, struct buf *into);
bool utf8_valid(const char *text, size_t size_bytes);

/* ---- keys ----------------------------------------------------------------------------------- */

#define KEY_FIELDS_MAX 8
#define KEY_INLINE_BYTES 128

struct key_spec { /* which fields form the key */
	uint32_t fields_count;
	uint32_t fields[KEY_FIELDS_MAX];
};

struct key { /* canonical bytes and their hash */
	const void *data;
	uint32_t size_bytes;
	uint64_t hash; /* hash_key(data, size_bytes) */
};

/* Canonical key bytes: each field in turn; integers as they are, -0 as +0, every NaN as one, STRING
 * as its bytes (with a 4-byte length in front unless it is the only field); a null as one byte 0xFF
 * behind a zero length. For a lone field the key points into the record where it can; otherwise
 * into `scratch` (grown as needed). Valid until the record or scratch changes. */
void key_of(const struct record_type *type, const struct key_spec *spec, const void *record,
	    struct buf *scratch, struct key *key);

/* Key group of a key: documented hash, then modulo; never changes. */
static inline uint32_t key_group_of_hash(uint64_t hash, uint32_t key_groups)
{
	return (uint32_t)(((hash >> 32) * key_groups) >> 32);
}

/* Flink's mapping: which subtask owns a key group, and which range a subtask owns. */
static inline uint32_t key_group_subtask(uint32_t group, uint32_t key_groups, uint32_t parallelism)
{
	return (uint32_t)((uint64_t)group * parallelism / key_groups);
}

struct key_groups {
	uint32_t first, last; /* inclusive */
};
struct key_groups key_groups_of_subtask(uint32_t subtask, uint32_t key_groups, uint32_t parallelism);
/* Flink's default: next power of two of 1.5 × parallelism, within [128, 32768]. */
uint32_t key_groups_default(uint32_t parallelism);

#endif
