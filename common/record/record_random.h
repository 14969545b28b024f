/* SPDX-License-Identifier: Apache-2.0
 * record_random.h - types and records by chance, for the tests and fuzzers of records, runs and
 * everything that carries them. Header only, so that no daemon links it. */
#ifndef COMMON_RECORD_RECORD_RANDOM_H
#define COMMON_RECORD_RECORD_RANDOM_H

#include <stdio.h>

#include "common/base/check.h"
#include "common/record/record.h"

#define RANDOM_FIELDS_MAX 12
#define RANDOM_STRUCT_BYTES_MAX 256
#define RANDOM_TEXT_BYTES_MAX 64

struct random { /* xorshift; seeded with anything but 0 */
	uint64_t state;
};

static inline uint64_t random_next(struct random *random)
{
	random->state ^= random->state << 13;
	random->state ^= random->state >> 7;
	random->state ^= random->state << 17;
	return random->state * UINT64_C(0x2545F4914F6CDD1D);
}

static inline uint32_t random_below(struct random *random, uint32_t bound)
{
	return (uint32_t)((random_next(random) >> 32) * bound >> 32);
}

static inline struct record_type *random_type(struct random *random)
{
	static const uint8_t kinds[] = { FIELD_BOOLEAN, FIELD_TINYINT, FIELD_SMALLINT, FIELD_INT,
					 FIELD_BIGINT,	FIELD_FLOAT,   FIELD_DOUBLE,   FIELD_STRING,
					 FIELD_STRING,	FIELD_BYTES,   FIELD_TIMESTAMP };
	struct field fields[RANDOM_FIELDS_MAX];
	char names[RANDOM_FIELDS_MAX][12];
	uint32_t count = 1 + random_below(random, RANDOM_FIELDS_MAX);
	bool nullables = random_below(random, 2);
	struct record_type *type = NULL;
	struct err err;

	for (uint32_t i = 0; i < count; i++) {
		snprintf(names[i], sizeof(names[i]), "f%u", i);
		fields[i] = (struct field){ .name = names[i],
					    .kind = kinds[random_below(random, sizeof(kinds))],
					    .nullable = nullables && random_below(random, 2) };
	}
	int answer = record_type_create("random", NULL, fields, count, &type, &err);
	CHECK(answer == 0 && type->size_bytes <= RANDOM_STRUCT_BYTES_MAX, "%u fields", count);
	return type;
}

/* The bytes that a record's strings borrow: one row per field. */
struct random_texts {
	char text[RANDOM_FIELDS_MAX][RANDOM_TEXT_BYTES_MAX];
};

/* Fills a record as a user function would have it before it is emitted: strings are borrowed. */
static inline void random_record(struct random *random, const struct record_type *type, bool tails,
				 struct random_texts *texts, void *record)
{
	memset(record, 0, type->size_bytes);
	for (uint32_t i = 0; i < type->fields_count; i++) {
		char *at = (char *)record + type->offsets_bytes[i];
		uint8_t kind = type->fields[i].kind;

		if (type->fields[i].nullable && random_below(random, 3) == 0) {
			((uint8_t *)record)[i / 8] |= (uint8_t)(1u << (i % 8));
			continue;
		}
		if (kind == FIELD_STRING || kind == FIELD_BYTES) {
			uint32_t len = random_below(random, tails ? RANDOM_TEXT_BYTES_MAX : 13);

			for (uint32_t j = 0; j < len; j++)
				texts->text[i][j] = (char)(kind == FIELD_STRING ?
								   'a' + random_below(random, 26) :
								   random_below(random, 256));
			struct str s = str_of(texts->text[i], len);
			memcpy(at, &s, sizeof(s));
			continue;
		}
		uint64_t bits =
			kind == FIELD_BOOLEAN ? random_below(random, 2) : random_next(random);
		memcpy(at, &bits, field_kind_size(kind));
	}
}

/* Are two records the same values? Each may be borrowed or an image. */
static inline bool random_equal(const struct record_type *type, const void *a, const void *b)
{
	if (memcmp(a, b, type->nulls_bytes) != 0)
		return false;
	for (uint32_t i = 0; i < type->fields_count; i++) {
		const void *x = record_field(type, a, i), *y = record_field(type, b, i);
		uint8_t kind = type->fields[i].kind;

		if (kind == FIELD_STRING || kind == FIELD_BYTES) {
			const struct str *s = x, *t = y;

			if (s->len != t->len || memcmp(str_ptr_any(s), str_ptr_any(t), s->len) != 0)
				return false;
		} else if (memcmp(x, y, field_kind_size(kind)) != 0) {
			return false;
		}
	}
	return true;
}

/* Reads every byte that a reader may reach, so that a sanitizer sees a wrong one. */
static inline uint64_t random_read_all(const struct record_type *type, const void *record)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < type->fields_count; i++) {
		const uint8_t *at = record_field(type, record, i);
		uint8_t kind = type->fields[i].kind;
		uint32_t size_bytes = field_kind_size(kind);

		if (kind == FIELD_STRING || kind == FIELD_BYTES) {
			const struct str *s = (const struct str *)at;

			at = (const uint8_t *)str_ptr(s);
			size_bytes = s->len;
		}
		for (uint32_t j = 0; j < size_bytes; j++)
			sum += at[j];
		sum += record_is_null(type, record, i);
	}
	return sum;
}

#endif
