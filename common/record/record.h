/* SPDX-License-Identifier: Apache-2.0
 * record.h - records are C structs; the wire is the memory (docs/record-format.md).
 *
 * A record's payload is laid out exactly as the C struct its fields declare: natural alignment, at
 * most 8; little endian; padding zero; a null bitmap `uint8_t nulls[(fields + 7) / 8]` in front
 * only if the type has nullable fields (bit i: field i is null, and then its bytes are zero).
 * STRING and BYTES are `struct str`; their long bytes (> 12) are tails behind the struct, reached
 * by an offset relative to the field itself, so a record moves by memcpy.
 *
 * One record has one image: the tails stand in the order of their fields, the first at the struct's
 * size rounded up to 8, each rounded up to 8 with zeroes. record_copy writes that image and
 * record_check accepts no other, so record_size(record) is also the room it takes.
 *
 * Everything here is safe to call from any thread; nothing on the path of a record allocates,
 * except that key_of lets `scratch` grow. */
#ifndef COMMON_RECORD_RECORD_H
#define COMMON_RECORD_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/base/buf.h"
#include "common/base/bytes.h"
#include "common/base/compiler.h"
#include "common/base/err.h"
#include "common/base/hash.h"

#define STR_INLINE_BYTES 12

struct str { /* 16 bytes, aligned to 4 */
	uint32_t len;
	union {
		char inlined[STR_INLINE_BYTES]; /* unused bytes are zero */
		struct {
			char prefix[4];
			int32_t offset; /* from this struct str to the bytes; always > 0 */
			uint32_t hash;  /* low 31 bits of the bytes' hash_key; top bit set */
		} tail;
		struct { /* only in a record that is not yet emitted: the caller's bytes */
			char prefix[4];
			uint32_t pointer[2]; /* low, high; an address's top bit is clear */
		} borrowed;
	} u;
};

static inline const char *str_ptr(const struct str *s)
{
	return s->len <= STR_INLINE_BYTES ? s->u.inlined : (const char *)s + s->u.tail.offset;
}

/* hash_key of its bytes; it lies in a record. */
static inline uint64_t str_key_hash(const struct str *s)
{
	uint64_t low;
	uint32_t high;

	if (unlikely(s->len > STR_INLINE_BYTES))
		return hash_key((const char *)s + s->u.tail.offset, s->len);
	memcpy(&low, s->u.inlined, sizeof(low));
	memcpy(&high, s->u.inlined + sizeof(low), sizeof(high));
	return hash_key_words(low, high, s->len);
}

static inline struct bytes str_bytes(const struct str *s)
{
	return bytes_of(str_ptr(s), s->len);
}

/* A str of 0 … 12 bytes, zeroes behind them, by loads that overlap: several times faster than
 * memset and a memcpy of unknown length, and most words are this short. Put together as two words,
 * so that it can stay in registers until the record is written. */
static inline struct str str_of_short(const char *text, size_t size_bytes)
{
	typedef uint64_t pair __attribute__((vector_size(16)));
	uint64_t low = 0, high = 0;
	uint32_t first, last;
	struct str s;

	if (size_bytes >= 4) {
		memcpy(&first, text, 4);
		memcpy(&last, text + size_bytes - 4, 4);
		if (size_bytes >= 8) {
			memcpy(&low, text, 8);
			high = (uint64_t)last >> (8 * (12 - size_bytes));
		} else {
			low = first | (uint64_t)last << (8 * (size_bytes - 4));
		}
	} else if (size_bytes > 0) {
		const uint8_t *bytes = (const uint8_t *)text;

		low = bytes[0] | (uint64_t)bytes[size_bytes / 2] << (8 * (size_bytes / 2)) |
		      (uint64_t)bytes[size_bytes - 1] << (8 * (size_bytes - 1));
	}
	pair words = { size_bytes | low << 32, low >> 32 | high << 32 };
	memcpy(&s, &words, sizeof(s));
	return s;
}

/* A str that borrows its bytes until the record is emitted; ≤ 12 bytes are copied at once. */
static inline struct str str_of(const char *text, size_t size_bytes)
{
	uint64_t address = (uint64_t)(uintptr_t)text;
	struct str s;

	if (likely(size_bytes <= STR_INLINE_BYTES))
		return str_of_short(text, size_bytes);
	s.len = (uint32_t)size_bytes;
	memcpy(s.u.borrowed.prefix, text, 4);
	s.u.borrowed.pointer[0] = (uint32_t)address;
	s.u.borrowed.pointer[1] = (uint32_t)(address >> 32);
	return s;
}

static inline bool str_is_borrowed(const struct str *s)
{
	return s->len > STR_INLINE_BYTES && (s->u.borrowed.pointer[1] & UINT32_C(0x80000000)) == 0;
}

/* The bytes of a str that may be borrowed (a record that a user function is still building). Any
 * str of a record that came in through a batch is not: str_ptr serves. */
static inline const char *str_ptr_any(const struct str *s)
{
	if (str_is_borrowed(s))
		return (const char *)(uintptr_t)((uint64_t)s->u.borrowed.pointer[1] << 32 |
						 s->u.borrowed.pointer[0]);
	return str_ptr(s);
}

/* How one record's string goes into another: `.word = str_copy(&in->word)`. */
static inline struct str str_copy(const struct str *s)
{
	return str_of(str_ptr_any(s), s->len);
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

struct print_part;

/* A finished type: immutable after record_type_create, shared between threads. */
struct record_type {
	const char *name; /* "word_count" */
	const char *print_format; /* "{word} : {count}"; NULL: the tuple form "(a,1)" */
	const struct print_part *print_parts; /* the form taken apart; for record_print */
	uint32_t print_parts_count;
	/* Of its text beside its strings, at most; 0: there is no quick way to print such a
	 * record. */
	uint32_t print_bytes_max;
	uint32_t fields_count;
	const struct field *fields;
	const uint32_t *offsets_bytes; /* of each field, from the start of the struct */
	uint32_t size_bytes;           /* sizeof the struct: the stride of dense runs */
	uint32_t align_bytes;          /* of the struct: 1, 2, 4 or 8 */
	uint32_t nulls_bytes;          /* of the null bitmap at offset 0; 0 without nullables */
	bool has_tails;                /* any STRING or BYTES field */
	/* Of the fields' names, kinds and nullability: two types are the same if equal. The type's
	 * own name does not count. */
	uint64_t hash;
	uint32_t strings_count;        /* STRING/BYTES fields, by offset */
	const uint32_t *string_offsets_bytes;
};

#define RECORD_PRINT_FORMAT_BYTES_MAX 1024

/* Checks names (unique, 1 … 255 bytes of UTF-8 without control characters), kinds and counts;
 * ERR_PLAN_INVALID otherwise. print_format: NULL or "" for the tuple form; "{field}" stands for a
 * value, "{{" and "}}" for a brace. Copies what it is given. On the heap. */
MUST_USE int record_type_create(const char *name, const char *print_format,
				const struct field *fields, uint32_t count,
				struct record_type **type, struct err *err);
void record_type_destroy(struct record_type **type);
/* The index of the field, or -1. A miss in user code: record_type_nearest gives the best guess. */
int record_type_find(const struct record_type *type, const char *name);
const char *record_type_nearest(const struct record_type *type, const char *name); /* or NULL */
/* "word_count(word STRING, count BIGINT)" */
void record_type_describe(const struct record_type *type, struct buf *into);
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

uint32_t record_size_long(const struct record_type *type, const void *record);
/* Bytes a record takes with its tails (the struct rounded to 8, each long string rounded to 8); the
 * struct's size when it has none. `record` may hold borrowed strings. Strings that add up to more
 * than 4 GiB give UINT32_MAX, which no buffer has room for. */
static inline uint32_t record_size(const struct record_type *type, const void *record)
{
	/* gcc must not know which object this is: it would warn about strings that a record without
	 * strings does not have. */
	__asm__("" : "+r"(record));
	for (uint32_t i = 0; i < type->strings_count; i++) {
		const char *string = (const char *)record + type->string_offsets_bytes[i];

		if (unlikely(((const struct str *)string)->len > STR_INLINE_BYTES))
			return record_size_long(type, record);
	}
	return type->size_bytes;
}
/* Copies a record with its tails to `into` (8-aligned, record_size bytes), making every long string
 * relative. Strings may be borrowed or relative to their place in `record`. Zeroes the padding
 * between tails. The source's own padding must be zero (compound literals are zeroed by the
 * macros). */
void record_copy(const struct record_type *type, const void *record, void *into);
/* The field of a record that a function is building whose long string was copied with `=` from
 * another record, where str_copy belongs: it says where its bytes lie from there, not from here.
 * NULL: none. */
const char *record_stray_string(const struct record_type *type, const void *record);
/* The same for a record without tails: size_bytes is its struct's. The sizes that nearly all
 * records have are moved by a few instructions instead of a call. */
static inline void record_copy_struct(const void *record, uint32_t size_bytes, void *into)
{
	__asm__("" : "+r"(record)); /* as in record_size */
	switch (size_bytes) {
	case 8: memcpy(into, record, 8); break;
	case 16: memcpy(into, record, 16); break;
	case 24: memcpy(into, record, 24); break;
	case 32: memcpy(into, record, 32); break;
	case 40: memcpy(into, record, 40); break;
	default: memcpy(into, record, size_bytes); break;
	}
}
/* Bytes from outside that should be one record's image of exactly size_bytes, 8-aligned: tails in
 * their places, booleans 0 or 1, unused bytes of short strings zero, nulls zero. ERR_RECORD_INVALID
 * names the rule and the field. What is not checked, because it can only give wrong results and
 * never a wrong access: UTF-8 (sources check it) and the hash of a long string. */
MUST_USE int record_check(const struct record_type *type, const void *image, uint32_t size_bytes,
			  struct err *err);
/* One record as print() shows it: the type's print_format, else a tuple "(a,1)" as Flink's; a
 * single-field record shows its value alone. DOUBLE and FLOAT in Java's form, BYTES as "[1, -2]",
 * TIMESTAMP as yyyy-MM-ddTHH:mm:ss[.SSS], NULL as "null". */
void record_print(const struct record_type *type, const void *record, struct buf *into);
struct batch;
/* The same for each record of a batch, with `prefix` in front and a newline behind. */
void record_print_lines(const struct record_type *type, struct bytes prefix,
			const struct batch *batch, struct buf *into);
/* Double.toString since Java 19: the shortest digits that read back as the same number; 1.0E10,
 * 1.0E-5, NaN, Infinity, -0.0. */
void print_double(double value, struct buf *into);
void print_float(float value, struct buf *into);
void print_int(int64_t value, struct buf *into);
void print_timestamp(int64_t ms, struct buf *into);
/* Strictly: no overlong forms, no surrogates, nothing above U+10FFFF; NUL is allowed. */
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

/* Canonical key bytes (docs/record-format.md): each field in turn, without padding; integers as
 * they are, -0 as +0, every NaN as one, STRING and BYTES as their bytes with a 4-byte length in
 * front. If a field is null it counts as zero and one byte behind the key has its bit set. A lone
 * STRING or BYTES goes without its length, and null as the one byte 0xFF (a value that begins with
 * 0xFF gets another in front). So a key's bytes stay the same when its fields are made nullable.
 * For a lone field the key points into the record where it can; otherwise into `scratch` (grown as
 * needed). Valid until the record or scratch changes. The record's strings may be borrowed. */
void key_of(const struct record_type *type, const struct key_spec *spec, const void *record,
	    struct buf *scratch, struct key *key);
struct batch;
/* The same for `count` records of a batch from record `first` on: one loop per kind of key, so this
 * is what operators call. keys[] is the caller's, of `count`. */
void key_of_batch(const struct batch *batch, const struct key_spec *spec, uint32_t first,
		  uint32_t count, struct buf *scratch, struct key *keys);
/* Fields in range, no field twice, 1 … KEY_FIELDS_MAX of them; ERR_PLAN_INVALID otherwise. */
MUST_USE int key_spec_check(const struct record_type *type, const struct key_spec *spec,
			    struct err *err);

/* Key group of a key: the hash's high 32 bits scaled to [0, key_groups); never changes. */
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
/* For parallelism ≤ key_groups, so that no range is empty. */
struct key_groups key_groups_of_subtask(uint32_t subtask, uint32_t key_groups,
					uint32_t parallelism);
/* Flink's default: next power of two of 1.5 × parallelism, within [128, 32768]. */
uint32_t key_groups_default(uint32_t parallelism);

#endif
