/* SPDX-License-Identifier: Apache-2.0
 * keyed_table_test.c - the table against a plain count per key, through growth, long keys and
 * clear. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/base/hash.h"
#include "taskmanager/state/keyed_table.h"

/* Key number n: of every length from 0 to 40, telling keys apart by their digits. */
static uint32_t key_text(uint32_t n, char text[64])
{
	uint32_t pad = n % 29;

	return (uint32_t)snprintf(text, 64, "%u%.*s", n, (int)pad,
				  "abcdefghijklmnopqrstuvwxyz0123456789");
}

static struct keyed_table *table_of(uint32_t value_bytes, uint64_t seed)
{
	return keyed_table_create(&(struct keyed_table_options){ .value_bytes = value_bytes,
								 .seed = seed,
								 .key_groups = 128,
								 .groups = { 0, 127 } });
}

static void add_one(struct keyed_table *table, const uint32_t *numbers, uint32_t count)
{
	char texts[KEYED_TABLE_BATCH][64];
	struct key keys[KEYED_TABLE_BATCH];
	struct keyed_slot *slots[KEYED_TABLE_BATCH];

	memset(keys, 0, sizeof(keys));
	for (uint32_t i = 0; i < count; i++) {
		keys[i] = (struct key){ .data = texts[i],
					.size_bytes = key_text(numbers[i], texts[i]) };
		keys[i].hash = hash_key(texts[i], keys[i].size_bytes);
	}
	assert_true(keyed_table_find_keys(table, keys, count, slots));
	for (uint32_t i = 0; i < count; i++) {
		uint64_t *value = keyed_slot_value(slots[i]);

		if (!slots[i]->filled) {
			assert_int_equal(value[0], 0);
			value[0] = numbers[i];
			slots[i]->filled = 1;
		}
		assert_int_equal(value[0], numbers[i]);
		value[1]++;
	}
}

static uint64_t count_all(struct keyed_table *table, const uint32_t *expected, uint32_t keys_count)
{
	struct keyed_slot *slot;
	uint64_t at = 0, found = 0;

	while ((slot = keyed_table_next(table, &at)) != NULL) {
		const uint64_t *value = keyed_slot_value(slot);

		assert_true(value[0] < keys_count);
		assert_int_equal(value[1], expected[value[0]]);
		found++;
	}
	return found;
}

static uint64_t next_random(uint64_t *state)
{
	*state += UINT64_C(0x9E3779B97F4A7C15);
	return hash_fold(*state, UINT64_C(0xD6E8FEB86659FD93));
}

static void counts_are_those_of_a_plain_array(void **state)
{
	enum { KEYS = 20000 };
	uint32_t *expected = MEM_NEW_ARRAY(uint32_t, KEYS);
	uint64_t random = 7;
	struct keyed_table *table = table_of(16, 42);

	for (uint32_t round = 0; round < 3000; round++) {
		uint32_t numbers[KEYED_TABLE_BATCH],
			count = 1 + (uint32_t)(next_random(&random) % 64);
		/* The range grows, so that growth happens again and again in the middle of
		 * counting. */
		uint32_t range = 1 + (uint32_t)((uint64_t)KEYS * round / 3000);

		for (uint32_t i = 0; i < count; i++) {
			numbers[i] = (uint32_t)(next_random(&random) % range);
			expected[numbers[i]]++;
		}
		add_one(table, numbers, count);
		if (round % 500 == 0)
			assert_int_equal(count_all(table, expected, KEYS),
					 keyed_table_count(table));
	}
	uint64_t different = 0;

	for (uint32_t i = 0; i < KEYS; i++)
		different += expected[i] > 0;
	assert_int_equal(keyed_table_count(table), different);
	assert_int_equal(count_all(table, expected, KEYS), different);
	keyed_table_destroy(&table);
	mem_free(expected);
	assert_int_equal(mem_bytes_out(), 0);
}

static void a_key_twice_in_one_batch_is_one_slot(void **state)
{
	uint32_t numbers[KEYED_TABLE_BATCH] = { 0 }, expected[1] = { KEYED_TABLE_BATCH };
	struct keyed_table *table = table_of(16, 1);

	add_one(table, numbers, KEYED_TABLE_BATCH);
	assert_int_equal(keyed_table_count(table), 1);
	assert_int_equal(count_all(table, expected, 1), 1);
	keyed_table_destroy(&table);
	assert_int_equal(mem_bytes_out(), 0);
}

static void strings_in_records_are_the_same_keys(void **state)
{
	static const struct field fields[] = { { "text", FIELD_STRING, 0 } };
	struct keyed_table *table = table_of(8, 5);
	const char *text = "a word of any length up to forty bytes..";
	_Alignas(8) char image[64];
	struct record_type *type;
	struct err err = ERR_INIT;
	struct keyed_slot *one, *two;

	assert_int_equal(record_type_create("line", NULL, fields, 1, &type, &err), 0);
	struct batch batch = { .type = type, .base = image, .count = 1 };
	struct key_spec spec = { .fields_count = 1 };
	struct key_batch keys;

	key_batch_init(&keys, type, &spec);

	for (uint32_t length = 0; length <= 40; length++) {
		struct str in_record = str_of(text, length);
		struct key plain = { .data = text,
				     .size_bytes = length,
				     .hash = hash_key(text, length) };

		record_copy(type, &in_record, image);
		assert_true(keyed_table_find_keys(table, &plain, 1, &one));
		*(uint64_t *)keyed_slot_value(one) = length;
		assert_true(keyed_table_find(table, &keys, &batch, 0, 1, &two));
		assert_int_equal(*(uint64_t *)keyed_slot_value(two), length);
		assert_int_equal(keyed_table_count(table), length + 1);
	}
	for (uint32_t length = 1; length <= 40; length++) { /* another 0xFF in front of each */
		char other[41];

		memcpy(other, text, sizeof(other));
		other[0] = (char)0xFF;
		struct str escaped = str_of(other, length);

		record_copy(type, &escaped, image);
		assert_true(keyed_table_find(table, &keys, &batch, 0, 1, &two));
		assert_int_equal(keyed_table_count(table), 41 + length);
		assert_int_equal(keyed_slot_key(two).size_bytes, length + 1);
	}
	key_batch_fini(&keys);
	keyed_table_destroy(&table);
	record_type_destroy(&type);
	assert_int_equal(mem_bytes_out(), 0);
}

static void clear_forgets_and_goes_on(void **state)
{
	enum { KEYS = 5000 };
	uint32_t *expected = MEM_NEW_ARRAY(uint32_t, KEYS);
	struct keyed_table *table = table_of(16, 3);

	for (uint32_t i = 0; i < KEYS; i++)
		expected[i] = 1;
	for (uint32_t round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < KEYS; i++)
			add_one(table, &i, 1);
		assert_int_equal(count_all(table, expected, KEYS), KEYS);
		keyed_table_clear(table);
		assert_int_equal(keyed_table_count(table), 0);
		assert_int_equal(count_all(table, expected, KEYS), 0);
	}
	keyed_table_destroy(&table);
	mem_free(expected);
	assert_int_equal(mem_bytes_out(), 0);
}

static void stored_bytes_stay_while_the_table_grows(void **state)
{
	struct keyed_table *table = table_of(16, 3);
	const char *stored = keyed_table_store(table, "a long string that a value points to", 37);

	for (uint32_t i = 0; i < 10000; i++)
		add_one(table, &i, 1);
	assert_string_equal(stored, "a long string that a value points to");
	assert_true(keyed_table_bytes(table) > 10000 * 40);
	keyed_table_destroy(&table);
	assert_int_equal(mem_bytes_out(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_are_those_of_a_plain_array),
		cmocka_unit_test(a_key_twice_in_one_batch_is_one_slot),
		cmocka_unit_test(strings_in_records_are_the_same_keys),
		cmocka_unit_test(clear_forgets_and_goes_on),
		cmocka_unit_test(stored_bytes_stay_while_the_table_grows),
	};
	return cmocka_run_group_tests_name("keyed_table", tests, NULL, NULL);
}
