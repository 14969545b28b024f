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
/* A print format taken apart: literal text, then a field's value (-1: none). */
struct print_part {
	const char *literal;
	uint32_t literal_bytes;
	int32_t field;
};
uint32_t print_parts_max(const char *format); /* a bound, to make room */
/* Fills parts and type->print_parts_count from type->print_format. */
MUST_USE int print_parts_make(struct record_type *type, struct print_part *parts, struct err *err);
/* The quick question for records without tails, one after the other. */
bool records_valid_dense(const struct record_type *type, const char *base, uint32_t count);

#endif
