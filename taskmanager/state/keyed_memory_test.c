/* SPDX-License-Identifier: Apache-2.0
 * keyed_memory_test.c - what a table takes is counted, and where there is no more it says so and
 * stays as it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/base/hash.h"
#include "taskmanager/state/keyed_table.h"

#define MIB ((uint64_t)1048576)

static struct keyed_table *table_of(struct managed_memory *memory)
{
	return keyed_table_create(&(struct keyed_table_options){ .value_bytes = 24,
								 .seed = 5,
								 .key_groups = 128,
								 .groups = { 0, 127 },
								 .memory = memory });
}

/* Keys from … from + count, each with this much behind its number. */
static bool put(struct keyed_table *table, uint32_t from, uint32_t count, int pad)
{
	char texts[KEYED_TABLE_BATCH][256];
	struct key keys[KEYED_TABLE_BATCH];
	struct keyed_slot *slots[KEYED_TABLE_BATCH];

	memset(keys, 0, sizeof(keys));
	for (uint32_t i = 0; i < count; i++) {
		keys[i].data = texts[i];
		keys[i].size_bytes =
			(uint32_t)snprintf(texts[i], sizeof(texts[i]), "%u%*s", from + i, pad, "");
		keys[i].hash = hash_key(texts[i], keys[i].size_bytes);
	}
	if (!keyed_table_find_keys(table, keys, count, slots))
		return false;
	for (uint32_t i = 0; i < count; i++)
		slots[i]->filled = 1;
	return true;
}

static void fill_until_refused(struct managed_memory *memory, int pad, uint64_t most_bytes)
{
	struct keyed_table *table = table_of(memory);
	uint32_t keys = 0;

	while (put(table, keys, KEYED_TABLE_BATCH, pad)) {
		keys += KEYED_TABLE_BATCH;
		assert_true(managed_memory_used(memory) <= memory->limit_bytes);
		assert_true(managed_memory_used(memory) >= keyed_table_bytes(table) - 4096);
		assert_true(keys < 10000000);
	}
	assert_true(keyed_table_refused(table) > 0);
	assert_true(keyed_table_refused(table) <= most_bytes);
	assert_int_equal(keyed_table_count(table), keys);
	/* What is known is found as before, again and again. */
	for (uint32_t from = 0; from < keys; from += KEYED_TABLE_BATCH)
		assert_true(put(table, from, KEYED_TABLE_BATCH, pad));
	assert_false(put(table, keys, KEYED_TABLE_BATCH, pad));
	assert_int_equal(keyed_table_count(table), keys);
	assert_true(managed_memory_used(memory) > memory->limit_bytes / 4); /* it was used */
	keyed_table_destroy(&table);
	assert_int_equal(managed_memory_used(memory), 0);
	assert_int_equal(mem_bytes_out(), 0);
}

static void a_table_grows_no_further_than_its_memory(void **state)
{
	static const uint64_t limits[] = { MIB / 4, MIB, 5 * MIB, 33 * MIB };

	for (size_t i = 0; i < ARRAY_COUNT(limits); i++) {
		struct managed_memory memory = { .limit_bytes = limits[i] };

		fill_until_refused(&memory, 0, limits[i] + 2 * MIB);
		fill_until_refused(&memory, 100, limits[i] + 2 * MIB); /* long keys count too */
	}
}

static void tables_of_a_slot_share_it(void **state)
{
	struct managed_memory memory = { .limit_bytes = 4 * MIB };
	struct keyed_table *first = table_of(&memory), *second = table_of(&memory);
	uint32_t keys = 0;

	while (put(first, keys, KEYED_TABLE_BATCH, 0))
		keys += KEYED_TABLE_BATCH;
	uint64_t before = managed_memory_used(&memory);

	while (put(second, keys, KEYED_TABLE_BATCH, 0)) /* a little is left for a small one */
		keys += KEYED_TABLE_BATCH;
	assert_true(managed_memory_used(&memory) >= before);
	keyed_table_destroy(&first);
	assert_true(put(second, keys, KEYED_TABLE_BATCH, 0)); /* there is room again */
	keyed_table_destroy(&second);
	assert_int_equal(managed_memory_used(&memory), 0);
	assert_int_equal(mem_bytes_out(), 0);
}

/* The keys stay the same, what is kept for them becomes more. */
static void values_that_grow_count_too(void **state)
{
	struct managed_memory memory = { .limit_bytes = 4 * MIB };
	struct keyed_table *table = table_of(&memory);
	void *kept[KEYED_TABLE_BATCH] = { NULL };
	uint32_t size_bytes = 1000;

	while (put(table, 0, KEYED_TABLE_BATCH, 0)) {
		size_bytes += 1000;
		assert_true(size_bytes < 4 * MIB / 16);
		for (uint32_t i = 0; i < KEYED_TABLE_BATCH; i++)
			kept[i] = keyed_table_retake(table, kept[i], size_bytes);
	}
	assert_true(keyed_table_refused(table) > 0);
	assert_int_equal(keyed_table_count(table), KEYED_TABLE_BATCH);
	assert_true(size_bytes > 5000); /* sizes that were given back stay, too */
	assert_true(managed_memory_used(&memory) <= memory.limit_bytes);
	keyed_table_destroy(&table);
	assert_int_equal(managed_memory_used(&memory), 0);
	assert_int_equal(mem_bytes_out(), 0);
}

static void nobody_takes_more_than_there_is(void **state)
{
	struct managed_memory memory = { .limit_bytes = 100 };

	assert_true(managed_memory_take(&memory, 60));
	assert_false(managed_memory_take(&memory, 41));
	assert_false(managed_memory_take(&memory, UINT64_MAX));
	assert_true(managed_memory_take(&memory, 40));
	assert_int_equal(managed_memory_used(&memory), 100);
	managed_memory_give_back(&memory, 100);
	assert_int_equal(managed_memory_used(&memory), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_table_grows_no_further_than_its_memory),
		cmocka_unit_test(tables_of_a_slot_share_it),
		cmocka_unit_test(values_that_grow_count_too),
		cmocka_unit_test(nobody_takes_more_than_there_is),
	};
	return cmocka_run_group_tests_name("keyed_memory", tests, NULL, NULL);
}
