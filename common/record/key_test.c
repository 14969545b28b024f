/* SPDX-License-Identifier: Apache-2.0
 * key_test.c - canonical key bytes and key groups. The bytes are part of every savepoint, so the
 * tables here are literal and may only grow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>

#include <cmocka.h>

#include "common/base/hash.h"
#include "common/record/batch.h"
#include "common/record/record_random.h"

struct all {
	uint8_t nulls[2];
	uint8_t flag;
	int8_t tiny;
	int16_t small;
	int32_t number;
	int64_t big;
	float single;
	double twice;
	struct str text, bytes;
	int64_t at;
};

enum { FLAG, TINY, SMALL, NUMBER, BIG, SINGLE, TWICE, TEXT, BYTES, AT };

static struct record_type *all_type(bool nullable)
{
	struct field fields[] = {
		{ "flag", FIELD_BOOLEAN, nullable },   { "tiny", FIELD_TINYINT, nullable },
		{ "small", FIELD_SMALLINT, nullable }, { "number", FIELD_INT, nullable },
		{ "big", FIELD_BIGINT, nullable },     { "single", FIELD_FLOAT, nullable },
		{ "twice", FIELD_DOUBLE, nullable },   { "text", FIELD_STRING, nullable },
		{ "bytes", FIELD_BYTES, nullable },    { "at", FIELD_TIMESTAMP, nullable },
	};
	struct record_type *type;
	struct err err = ERR_INIT;

	assert_int_equal(record_type_create("all", NULL, fields, ARRAY_COUNT(fields), &type, &err),
			 0);
	return type;
}

static struct all sample(void)
{
	return (struct all){ .flag = 1,
			     .tiny = -2,
			     .small = 0x0304,
			     .number = 0x05060708,
			     .big = 0x090A0B0C0D0E0F10,
			     .single = 1.0f,
			     .twice = -2.0,
			     .text = str_of("key", 3),
			     .bytes = str_of("\xFE\xFF", 2),
			     .at = 86400000 };
}

static void expect_key(const struct record_type *type, const struct key_spec *spec,
		       const void *record, const void *data, size_t size_bytes)
{
	struct buf scratch;
	struct key key;

	buf_init(&scratch);
	key_of(type, spec, record, &scratch, &key);
	assert_int_equal(key.size_bytes, size_bytes);
	assert_memory_equal(key.data, data, size_bytes);
	assert_true(key.hash == hash_key(data, size_bytes));
	buf_fini(&scratch);
}

#define EXPECT(record, text, ...) \
	do { \
		struct key_spec spec_ = { .fields = { __VA_ARGS__ }, \
					  .fields_count = \
						  sizeof((int[]){ __VA_ARGS__ }) / sizeof(int) }; \
		expect_key(type, &spec_, &(record), text, sizeof(text) - 1); \
	} while (0)

static void key_bytes_are_those_of_the_format(void **state)
{
	struct record_type *type = all_type(true);
	struct all record = sample();

	assert_int_equal(type->size_bytes, sizeof(struct all));
	EXPECT(record, "\1", FLAG);
	EXPECT(record, "\xFE", TINY);
	EXPECT(record, "\x04\x03", SMALL);
	EXPECT(record, "\x08\x07\x06\x05", NUMBER);
	EXPECT(record, "\x10\x0F\x0E\x0D\x0C\x0B\x0A\x09", BIG);
	EXPECT(record, "\0\0\x80\x3F", SINGLE);
	EXPECT(record, "\0\0\0\0\0\0\0\xC0", TWICE);
	EXPECT(record, "key", TEXT);
	EXPECT(record, "\xFE\xFF", BYTES);
	EXPECT(record, "\0\x5C\x26\x05\0\0\0\0", AT);
	EXPECT(record, "\3\0\0\0key\x08\x07\x06\x05", TEXT, NUMBER);
	EXPECT(record, "\x08\x07\x06\x05\3\0\0\0key\1", NUMBER, TEXT, FLAG);
	record.text = str_of("a key longer than twelve", 24);
	EXPECT(record, "a key longer than twelve", TEXT);
	EXPECT(record, "\1\x18\0\0\0a key longer than twelve", FLAG, TEXT);
	record.text = str_of("", 0);
	EXPECT(record, "", TEXT);
	record.bytes = str_of("\xFF", 1);
	EXPECT(record, "\xFF\xFF", BYTES);
	record.bytes = str_of("\xFF\xFF more than twelve", 19);
	EXPECT(record, "\xFF\xFF\xFF more than twelve", BYTES);
	EXPECT(record, "\x13\0\0\0\xFF\xFF more than twelve\1", BYTES, FLAG);
	record_type_destroy(&type);
	assert_int_equal(mem_bytes_out(), 0);
}

static void nulls_have_keys_of_their_own(void **state)
{
	struct record_type *type = all_type(true);
	struct all record = { .nulls = { 0xFF, 0x03 } };

	EXPECT(record, "\0\1", FLAG);
	EXPECT(record, "\0\0\0\0\1", NUMBER);
	EXPECT(record, "\0\0\0\0\0\0\0\0\1", BIG);
	EXPECT(record, "\0\0\0\0\0\0\0\0\1", TWICE);
	EXPECT(record, "\xFF", TEXT);
	EXPECT(record, "\xFF", BYTES);
	EXPECT(record, "\0\0\0\0\0\0\0\0\3", TEXT, NUMBER);
	record.nulls[0] = 1 << NUMBER;
	EXPECT(record, "\0\0\0\0\0\0\0\0\2", TEXT, NUMBER);
	EXPECT(record, "\0\0\0\0\0\1", NUMBER, FLAG);
	record_type_destroy(&type);
	assert_int_equal(mem_bytes_out(), 0);
}

static void float_zeroes_and_nans_are_one(void **state)
{
	struct record_type *type = all_type(false);
	_Alignas(8) char image[256] = { 0 };
	float *single = (float *)(image + type->offsets_bytes[SINGLE]);
	double *twice = (double *)(image + type->offsets_bytes[TWICE]);

	*single = -0.0f;
	*twice = -0.0;
	EXPECT(image, "\0\0\0\0", SINGLE);
	EXPECT(image, "\0\0\0\0\0\0\0\0", TWICE);
	EXPECT(image, "\0\0\0\0\0\0\0\0\0\0\0\0", SINGLE, TWICE);
	uint32_t nans[] = { 0x7FC00000, 0xFFC00000, 0x7F800001, 0xFFFFFFFF };
	for (size_t i = 0; i < ARRAY_COUNT(nans); i++) {
		memcpy(single, &nans[i], 4);
		EXPECT(image, "\0\0\xC0\x7F", SINGLE);
	}
	uint64_t more[] = { UINT64_C(0x7FF8000000000000), UINT64_C(0xFFF8000000000000),
			    UINT64_C(0x7FF0000000000001), UINT64_MAX };
	for (size_t i = 0; i < ARRAY_COUNT(more); i++) {
		memcpy(twice, &more[i], 8);
		EXPECT(image, "\0\0\0\0\0\0\xF8\x7F", TWICE);
	}
	*twice = (double)INFINITY;
	EXPECT(image, "\0\0\0\0\0\0\xF0\x7F", TWICE);
	record_type_destroy(&type);
	assert_int_equal(mem_bytes_out(), 0);
}

/* Two records have the same key exactly if the fields of the key have the same values; here all
 * pairs of a small world that is full of look-alikes. */
static void different_keys_have_different_bytes(void **state)
{
	static const char *const texts[] = {
		"", "\xFF", "\xFF\xFF", "\1", "\0", "\0\0\0\0", "\1\0\0\0x",
	};
	static const uint32_t lengths[] = { 0, 1, 2, 1, 1, 4, 5 };
	static const struct key_spec specs[] = {
		{ 1, { 0 } },
		{ 1, { 1 } },
		{ 2, { 0, 1 } },
		{ 2, { 1, 0 } },
	};
	static const struct field fields[] = { { "a", FIELD_BYTES, 1 }, { "b", FIELD_TINYINT, 1 } };
	struct {
		uint8_t nulls;
		struct str a;
		int8_t b;
	} records[32] = { { 0 } };
	struct record_type *type;
	struct err err = ERR_INIT;
	struct buf scratch[2];
	uint32_t count = 0;

	assert_int_equal(record_type_create("t", NULL, fields, 2, &type, &err), 0);
	for (int b = -1; b < 3; b++) /* null, 0, 1, 2 */
		for (uint32_t a = 0; a <= ARRAY_COUNT(texts); a++, count++) {
			records[count].nulls =
				(uint8_t)((a == ARRAY_COUNT(texts)) | (b < 0 ? 2 : 0));
			if (a < ARRAY_COUNT(texts))
				records[count].a = str_of(texts[a], lengths[a]);
			records[count].b = (int8_t)(b < 0 ? 0 : b);
		}
	assert_int_equal(count, ARRAY_COUNT(records));
	buf_init(&scratch[0]);
	buf_init(&scratch[1]);
	for (uint32_t k = 0; k < ARRAY_COUNT(specs); k++)
		for (uint32_t i = 0; i < count; i++)
			for (uint32_t j = 0; j < count; j++) {
				struct key x, y;
				bool same_a = !((records[i].nulls ^ records[j].nulls) & 1) &&
					      memcmp(&records[i].a, &records[j].a,
						     sizeof(struct str)) == 0;
				bool same_b = !((records[i].nulls ^ records[j].nulls) & 2) &&
					      records[i].b == records[j].b;
				bool same = k == 0 ? same_a : k == 1 ? same_b : same_a && same_b;

				key_of(type, &specs[k], &records[i], &scratch[0], &x);
				key_of(type, &specs[k], &records[j], &scratch[1], &y);
				assert_int_equal(bytes_equal(bytes_of(x.data, x.size_bytes),
							     bytes_of(y.data, y.size_bytes)),
						 same);
			}
	buf_fini(&scratch[0]);
	buf_fini(&scratch[1]);
	record_type_destroy(&type);
	assert_int_equal(mem_bytes_out(), 0);
}

static void making_fields_nullable_keeps_keys(void **state)
{
	struct random random = { 12 };
	struct random_texts texts;
	_Alignas(8) char record[RANDOM_STRUCT_BYTES_MAX], wider[2 * RANDOM_STRUCT_BYTES_MAX];
	struct buf scratch[2];

	buf_init(&scratch[0]);
	buf_init(&scratch[1]);
	for (int round = 0; round < 500; round++) {
		struct record_type *type = random_type(&random), *all = NULL;
		struct field fields[RANDOM_FIELDS_MAX];
		struct err err = ERR_INIT;
		struct key x, y;
		struct key_spec spec = { .fields_count =
						 1 + random_below(&random, type->fields_count) };

		if (spec.fields_count > KEY_FIELDS_MAX)
			spec.fields_count = KEY_FIELDS_MAX;
		for (uint32_t i = 0; i < spec.fields_count; i++)
			spec.fields[i] = i;
		assert_int_equal(key_spec_check(type, &spec, &err), 0);
		memcpy(fields, type->fields, type->fields_count * sizeof(fields[0]));
		for (uint32_t i = 0; i < type->fields_count; i++)
			fields[i].nullable = 1;
		int made = record_type_create("all", NULL, fields, type->fields_count, &all, &err);
		assert_int_equal(made, 0);
		random_record(&random, type, true, &texts, record);
		memset(wider, 0, sizeof(wider));
		memcpy(wider, record, type->nulls_bytes);
		for (uint32_t i = 0; i < type->fields_count; i++)
			memcpy(wider + all->offsets_bytes[i], record + type->offsets_bytes[i],
			       field_kind_size(type->fields[i].kind));
		key_of(type, &spec, record, &scratch[0], &x);
		key_of(all, &spec, wider, &scratch[1], &y);
		assert_int_equal(x.size_bytes, y.size_bytes);
		assert_memory_equal(x.data, y.data, x.size_bytes);
		record_type_destroy(&type);
		record_type_destroy(&all);
	}
	buf_fini(&scratch[0]);
	buf_fini(&scratch[1]);
	assert_int_equal(mem_bytes_out(), 0);
}

static void a_batch_s_keys_are_its_records_keys(void **state)
{
	struct random random = { 321 };
	struct random_texts texts;
	_Alignas(8) static char record[RANDOM_STRUCT_BYTES_MAX], segment[8192];
	static struct key keys[8192];
	struct buf scratch, other;

	buf_init(&scratch);
	buf_init(&other);
	for (int round = 0; round < 1000; round++) {
		struct record_type *type = random_type(&random);
		struct key_spec spec = { .fields_count = 1 };
		struct run_builder run;
		struct batch batch;
		struct key key;
		void *into;

		spec.fields[0] = random_below(&random, type->fields_count);
		if (type->fields_count > 1 && random_below(&random, 3) == 0) {
			spec.fields_count = 2;
			spec.fields[1] = (spec.fields[0] + 1) % type->fields_count;
		}
		run_builder_init(&run, type, sizeof(segment), false);
		assert_true(run_begin(&run, segment, sizeof(segment)));
		do {
			random_record(&random, type, round % 2, &texts, record);
			into = run_reserve(&run, record_size(type, record));
			if (into)
				record_copy(type, record, into);
		} while (into != NULL);
		run_end(&run);
		run_view(type, segment, &batch);
		uint32_t first = random_below(&random, batch.count), count = batch.count - first;
		key_of_batch(&batch, &spec, first, count, &scratch, keys);
		for (uint32_t i = 0; i < count; i++) {
			key_of(type, &spec, batch_at(&batch, first + i), &other, &key);
			assert_int_equal(keys[i].size_bytes, key.size_bytes);
			assert_memory_equal(keys[i].data, key.data, key.size_bytes);
			assert_true(keys[i].hash == key.hash);
		}
		run_builder_fini(&run);
		record_type_destroy(&type);
	}
	buf_fini(&scratch);
	buf_fini(&other);
	assert_int_equal(mem_bytes_out(), 0);
}

static void bad_key_specs_are_refused(void **state)
{
	struct record_type *type = all_type(false);
	struct err err = ERR_INIT;

	assert_int_equal(key_spec_check(type, &(struct key_spec){ 0 }, &err), -1);
	assert_string_equal(err.text, "a key of 0 fields; allowed are 1 to 8");
	assert_int_equal(key_spec_check(type, &(struct key_spec){ 9, { 0 } }, &err), -1);
	assert_int_equal(key_spec_check(type, &(struct key_spec){ 1, { 10 } }, &err), -1);
	assert_string_equal(err.text, "a key names field 10 of record type \"all\", which has 10");
	assert_int_equal(key_spec_check(type, &(struct key_spec){ 2, { 3, 3 } }, &err), -1);
	assert_string_equal(err.text, "a key names field \"number\" twice");
	assert_int_equal(err.code, ERR_PLAN_INVALID);
	record_type_destroy(&type);
	assert_int_equal(mem_bytes_out(), 0);
}

/* Frozen: these are in savepoints. */
static void key_groups_of_known_keys_never_change(void **state)
{
	static const struct {
		const char *key;
		size_t size_bytes;
		uint32_t of_128, of_32768;
	} rows[] = {
		{ "", 0, 100, 25836 },
		{ "a", 1, 27, 6997 },
		{ "hello", 5, 124, 31891 },
		{ "world", 5, 117, 30064 },
		{ "\1\0\0\0", 4, 40, 10252 },
		{ "\1\0\0\0\0\0\0\0", 8, 2, 690 },
		{ "a key of more than sixteen bytes", 32, 102, 26196 },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		uint64_t hash = hash_key(rows[i].key, rows[i].size_bytes);

		if (key_group_of_hash(hash, 128) != rows[i].of_128 ||
		    key_group_of_hash(hash, 32768) != rows[i].of_32768)
			fail_msg("row %zu: %u, %u", i, key_group_of_hash(hash, 128),
				 key_group_of_hash(hash, 32768));
	}
}

static void key_group_ranges_are_flink_s(void **state)
{
	/* KeyGroupRangeAssignment.computeKeyGroupRangeForOperatorIndex(10, 4, …) */
	static const uint32_t ten_by_four[][2] = { { 0, 2 }, { 3, 4 }, { 5, 7 }, { 8, 9 } };
	struct random random = { 8 };

	for (uint32_t i = 0; i < 4; i++) {
		struct key_groups range = key_groups_of_subtask(i, 10, 4);

		assert_int_equal(range.first, ten_by_four[i][0]);
		assert_int_equal(range.last, ten_by_four[i][1]);
	}
	for (int round = 0; round < 300; round++) {
		uint32_t groups = 1 + random_below(&random, 32768), next = 0;
		uint32_t parallelism = 1 + random_below(&random, groups);

		for (uint32_t i = 0; i < parallelism; i++) {
			struct key_groups range = key_groups_of_subtask(i, groups, parallelism);

			assert_int_equal(range.first, next);
			assert_true(range.last >= range.first);
			assert_int_equal(key_group_subtask(range.first, groups, parallelism), i);
			assert_int_equal(key_group_subtask(range.last, groups, parallelism), i);
			next = range.last + 1;
		}
		assert_int_equal(next, groups);
	}
}

static void default_key_groups_are_flink_s(void **state)
{
	static const uint32_t rows[][2] = {
		{ 1, 128 },	{ 2, 128 },	  { 85, 128 },	    { 86, 256 },
		{ 128, 256 },	{ 170, 256 },	  { 171, 256 },	    { 172, 512 },
		{ 1000, 2048 }, { 20000, 32768 }, { 32768, 32768 },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		assert_int_equal(key_groups_default(rows[i][0]), rows[i][1]);
}

static void key_groups_are_used_evenly(void **state)
{
	uint32_t counts[128] = { 0 }, least = UINT32_MAX, most = 0;

	for (uint64_t i = 0; i < 128000; i++)
		counts[key_group_of_hash(hash_key(&i, sizeof(i)), 128)]++;
	for (uint32_t i = 0; i < 128; i++) {
		least = counts[i] < least ? counts[i] : least;
		most = counts[i] > most ? counts[i] : most;
	}
	assert_true(least > 850 && most < 1150); /* 1000 ± 32 is one sigma */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(key_bytes_are_those_of_the_format),
		cmocka_unit_test(nulls_have_keys_of_their_own),
		cmocka_unit_test(float_zeroes_and_nans_are_one),
		cmocka_unit_test(different_keys_have_different_bytes),
		cmocka_unit_test(making_fields_nullable_keeps_keys),
		cmocka_unit_test(a_batch_s_keys_are_its_records_keys),
		cmocka_unit_test(bad_key_specs_are_refused),
		cmocka_unit_test(key_groups_of_known_keys_never_change),
		cmocka_unit_test(key_group_ranges_are_flink_s),
		cmocka_unit_test(default_key_groups_are_flink_s),
		cmocka_unit_test(key_groups_are_used_evenly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
