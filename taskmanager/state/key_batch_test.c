/* SPDX-License-Identifier: Apache-2.0
 * key_batch_test.c - every shape of key, read by the batch, is what key_of says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "taskmanager/state/key_batch.h"

struct sample {
	struct str text;
	int64_t number;
	double real;
	int16_t small;
};

static const struct field fields[] = {
	{ "text", FIELD_STRING, 0 },
	{ "number", FIELD_BIGINT, 0 },
	{ "real", FIELD_DOUBLE, 0 },
	{ "small", FIELD_SMALLINT, 0 },
};

#define RECORDS 100
#define KEY_GROUPS 128
#define RUN_BYTES 16384

static const char *const texts[] = {
	"",
	"a",
	"abc",
	"twelve bytes",
	"more than twelve bytes",
	"and this one is more than sixteen bytes",
	"\xFF",
	"\xFFxyz",
};

static void fill(const struct record_type *type, struct run_builder *run, uint32_t texts_count)
{
	for (uint32_t i = 0; i < RECORDS; i++) {
		const char *text = texts[i % texts_count];
		struct sample sample;

		memset(&sample, 0, sizeof(sample));
		sample.text = str_of(text, strlen(text));
		sample.number = (int64_t)i * -7919;
		sample.real = i % 3 == 0 ? -0.0 : i / 4.0;
		sample.small = (int16_t)(i % 11);
		uint32_t size_bytes = record_size(type, &sample);
		void *into = run_reserve(run, size_bytes);

		assert_non_null(into);
		record_copy(type, &sample, into);
	}
}

static void check(const struct record_type *type, struct key_spec spec, uint32_t texts_count)
{
	_Alignas(8) static char memory[RUN_BYTES];
	struct run_builder run = { .type = NULL };
	struct key_batch keys;
	struct batch batch;
	struct buf scratch;
	uint16_t of_group[KEY_GROUPS];
	struct key_channels channels = { .of_group = of_group, .key_groups = KEY_GROUPS };

	for (uint32_t i = 0; i < KEY_GROUPS; i++)
		of_group[i] = (uint16_t)(i * 7919 % 1000);
	run_builder_init(&run, type, RUN_BYTES, false);
	assert_true(run_begin(&run, memory, RUN_BYTES));
	fill(type, &run, texts_count);
	run_end(&run);
	run_view(type, memory, &batch);
	key_batch_init(&keys, type, &spec);
	buf_init(&scratch);
	for (uint32_t from = 0; from < RECORDS; from += 7) {
		uint32_t count =
			RECORDS - from < KEY_BATCH_RECORDS ? RECORDS - from : KEY_BATCH_RECORDS;

		uint64_t hashes[KEY_BATCH_RECORDS];
		uint16_t indexes[KEY_BATCH_RECORDS];

		key_batch_hash(&keys, &batch, from, count, hashes);
		key_batch_channels(&keys, &batch, from, count, &channels, indexes);
		key_batch_read(&keys, &batch, from, count);
		for (uint32_t i = 0; i < count; i++) {
			struct key expected;

			key_of(type, &spec, batch_at(&batch, from + i), &scratch, &expected);
			assert_int_equal(keys.keys[i].size_bytes, expected.size_bytes);
			assert_memory_equal(keys.keys[i].data, expected.data, expected.size_bytes);
			assert_true(hashes[i] == expected.hash);
			assert_int_equal(indexes[i],
					 of_group[key_group_of_hash(expected.hash, KEY_GROUPS)]);
		}
	}
	buf_fini(&scratch);
	key_batch_fini(&keys);
	run_builder_fini(&run);
}

static void every_shape_gives_the_keys_of_key_of(void **state)
{
	struct record_type *type;
	struct err err = ERR_INIT;

	assert_int_equal(record_type_create("sample", NULL, fields, 4, &type, &err), 0);
	for (uint32_t field = 0; field < 4; field++)
		check(type, (struct key_spec){ 1, { field } }, 8);
	for (uint32_t field = 0; field < 4; field++) /* nothing but short strings: a dense run */
		check(type, (struct key_spec){ 1, { field } }, 3);
	check(type, (struct key_spec){ 2, { 0, 1 } }, 8);
	check(type, (struct key_spec){ 3, { 2, 3, 0 } }, 8);
	record_type_destroy(&type);
	assert_int_equal(mem_bytes_out(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_shape_gives_the_keys_of_key_of),
	};
	return cmocka_run_group_tests_name("key_batch", tests, NULL, NULL);
}
