/* SPDX-License-Identifier: Apache-2.0
 * record_priv.h - what the files of common/record share; nobody outside the folder includes it. */
#ifndef COMMON_RECORD_RECORD_PRIV_H
#define COMMON_RECORD_RECORD_PRIV_H

#include "common/base/hash.h"
#include "common/record/record.h"

static inline uint64_t round_8(uint64_t size_bytes)
{
	return (size_bytes + 7) & ~UINT64_C(7);
}

/* The hash field of a long string. */
static inline uint32_t str_hash(const char *text, uint32_t size_bytes)
{
	return (uint32_t)hash_key(text, size_bytes) | UINT32_C(0x80000000);
}

/* What is wrong with the image of a record of which at most `room` bytes may be read, or NULL.
 * *size_bytes: what the record takes (when nothing is wrong); *field: which one, or UINT32_MAX. */
const char *record_problem(const struct record_type *type, const void *image, uint64_t room,
			   uint32_t *size_bytes, uint32_t *field);
/* A print format taken apart, or the tuple form: literal text, then a field's value (-1: none). */
struct print_part {
	const char *literal;
	/* the literal's first bytes: copied whole, faster than as many as there are */
	char head[16];
	uint32_t literal_bytes;
	int32_t field;
	uint32_t offset_bytes; /* the field's */
	uint8_t kind;          /* its kind; 0: no field */
};
/* A bound, to make room. format NULL: the tuple form. */
uint32_t print_parts_max(const char *format, uint32_t fields_count);
/* Fills parts, type->print_parts_count and type->print_bytes_max from type->print_format. */
MUST_USE int print_parts_make(struct record_type *type, struct print_part *parts, struct err *err);
/* At most how long a record's text is beside its strings, or 0: record_print_lines has no quick way
 * for such records. */
uint32_t print_lines_bytes_max(const struct record_type *type);

#define PRINT_INT_BYTES_MAX 20 /* -9223372036854775808 */
/* Writes the digits; returns their end. */
char *print_put_int(char *at, int64_t value);

static inline int64_t print_load_int(uint8_t kind, const void *value)
{
	switch (kind) {
	case FIELD_TINYINT:
		return *(const int8_t *)value;
	case FIELD_SMALLINT:
		return *(const int16_t *)value;
	case FIELD_INT:
		return *(const int32_t *)value;
	default:
		return *(const int64_t *)value;
	}
}

/* The quick question for records without tails, one after the other. */
bool records_valid_dense(const struct record_type *type, const char *base, uint32_t count);

#endif
