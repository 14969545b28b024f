/* SPDX-License-Identifier: Apache-2.0
 * fuzz_record.h - what the fuzzers of records and runs share: a type from the first bytes of the
 * input, and everything a reader does to a record that was accepted. */
#ifndef COMMON_RECORD_FUZZ_RECORD_H
#define COMMON_RECORD_FUZZ_RECORD_H

#include "common/record/record_random.h"

/* data[0]: how many fields; then one byte each: the kind, and nullable in its top bit. The rest, in
 * a block of its own and exactly as long, is *rest (mem_free). NULL: the input is too short. */
static inline struct record_type *fuzz_type(const uint8_t *data, size_t size, char **rest,
					    uint32_t *rest_bytes)
{
	struct field fields[RANDOM_FIELDS_MAX];
	char names[RANDOM_FIELDS_MAX][12];
	struct record_type *type = NULL;
	struct err err;
	uint32_t count = size > 0 ? 1 + data[0] % RANDOM_FIELDS_MAX : 1;

	if (size < 1 + count || size > 65536)
		return NULL;
	for (uint32_t i = 0; i < count; i++) {
		snprintf(names[i], sizeof(names[i]), "f%u", i);
		fields[i] = (struct field){ .name = names[i],
					    .kind = (uint8_t)(FIELD_BOOLEAN +
							      (data[1 + i] & 0x7F) % 10),
					    .nullable = data[1 + i] >> 7 };
	}
	int answer = record_type_create("fuzz", NULL, fields, count, &type, &err);
	CHECK(answer == 0, "%s", err.text);
	*rest_bytes = (uint32_t)(size - 1 - count);
	*rest = mem_dup(data + 1 + count, *rest_bytes);
	return type;
}

/* Copies an accepted record, checks the copy, reads, prints and keys it. */
static inline void fuzz_use(const struct record_type *type, const void *record, struct buf *text,
			    struct buf *scratch)
{
	uint32_t size_bytes = record_size(type, record);
	char *image = mem_alloc(size_bytes);
	struct key_spec spec = { .fields_count = type->fields_count > 1 ? 2 : 1,
				 .fields = { 0, 1 } };
	struct key ours, theirs;
	struct err err;

	record_copy(type, record, image);
	int answer = record_check(type, image, size_bytes, &err);
	CHECK(answer == 0, "%s", err.text);
	CHECK(random_equal(type, record, image), "a copy of %u bytes differs", size_bytes);
	random_read_all(type, record);
	buf_clear(text);
	record_print(type, record, text);
	key_of(type, &spec, record, scratch, &ours);
	uint64_t hash = ours.hash;
	key_of(type, &spec, image, scratch, &theirs);
	CHECK(theirs.hash == hash, "a copy has another key");
	mem_free(image);
}

#endif
