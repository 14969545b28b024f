/* SPDX-License-Identifier: Apache-2.0
 * keyed_bytes_test.c - values whose bytes change all the time: nothing is mixed up, memory stays
 * near what is in use, and a frozen view reads what was there at the freeze. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/hash.h"
#include "taskmanager/state/keyed_table.h"

#define KEYS 100
#define BYTES_MAX 3000
#define LARGE_BYTES 100000

struct value { /* `size_bytes` bytes that follow from `stamp` */
	char *memory;
	uint32_t size_bytes, stamp;
};

struct rig {
	struct keyed_table *table;
	uint64_t random;
	uint32_t stamp;
	struct value now[KEYS], frozen[KEYS]; /* what each key should have, and had at the freeze */
	struct keyed_frozen *view;
};

static uint32_t below(struct rig *rig, uint32_t bound)
{
	rig->random += UINT64_C(0x9E3779B97F4A7C15);
	return (uint32_t)(hash_fold(rig->random, UINT64_C(0xD6E8FEB86659FD93)) % bound);
}

static void fill(char *memory, uint32_t size_bytes, uint32_t stamp)
{
	for (uint32_t i = 0; i < size_bytes; i++)
		memory[i] = (char)(stamp * 31 + i);
}

static void expect(const struct value *value, const struct value *wanted)
{
	assert_int_equal(value->size_bytes, wanted->size_bytes);
	assert_int_equal(value->stamp, wanted->stamp);
	for (uint32_t i = 0; i < value->size_bytes; i++)
		if (value->memory[i] != (char)(value->stamp * 31 + i))
			fail_msg("byte %u of %u differs", i, value->size_bytes);
}

static struct value *value_of(struct rig *rig, uint32_t number)
{
	struct key key = { &number, sizeof(number), hash_key(&number, sizeof(number)) };
	struct keyed_slot *slot;

	assert_true(keyed_table_find_keys(rig->table, &key, 1, &slot));
	return keyed_slot_value(slot);
}

static void change(struct rig *rig)
{
	uint32_t number = below(rig, KEYS), kind = below(rig, 40);
	uint32_t size_bytes = kind == 0	  ? 1 + below(rig, LARGE_BYTES)
			      : kind < 10 ? 1 + below(rig, 64)
					  : 1 + below(rig, BYTES_MAX);
	struct value *value = value_of(rig, number);

	expect(value, &rig->now[number]);
	if (kind == 39) {
		keyed_table_give(rig->table, value->memory);
		*value = (struct value){ .memory = NULL };
	} else {
		value->memory = keyed_table_retake(rig->table, value->memory, size_bytes);
		assert_int_equal((uintptr_t)value->memory % 8, 0);
		value->size_bytes = size_bytes;
		value->stamp = ++rig->stamp;
		fill(value->memory, size_bytes, value->stamp);
	}
	rig->now[number] = *value;
}

static void read_view(struct rig *rig)
{
	struct keyed_chunk chunk;

	while (keyed_frozen_next(rig->view, &chunk))
		for (uint32_t i = 0; i < chunk.count; i++) {
			uint32_t number;

			memcpy(&number, keyed_slot_key(chunk.slots[i]).data, sizeof(number));
			expect(keyed_slot_value((struct keyed_slot *)(uintptr_t)chunk.slots[i]),
			       &rig->frozen[number]);
		}
	keyed_frozen_release(&rig->view, below(rig, 2));
}

static void rig_open(struct rig *rig, uint64_t seed)
{
	memset(rig, 0, sizeof(*rig));
	rig->random = seed;
	rig->table = keyed_table_create(&(struct keyed_table_options){
		.value_bytes = sizeof(struct value), .seed = seed, .key_groups = 128,
		.groups = { 0, 127 } });
}

static void rig_close(struct rig *rig)
{
	if (rig->view != NULL)
		keyed_frozen_release(&rig->view, false);
	keyed_table_destroy(&rig->table);
	assert_int_equal(mem_bytes_out(), 0);
}

static void changes_and_views_mix_nothing_up(void **state)
{
	for (uint64_t seed = 1; seed <= 4; seed++) {
		static struct rig rig;

		rig_open(&rig, seed);
		for (uint32_t i = 0; i < 20000; i++) {
			change(&rig);
			if (below(&rig, 300) != 0)
				continue;
			if (rig.view != NULL) {
				read_view(&rig);
			} else {
				rig.view = keyed_table_freeze(rig.table);
				memcpy(rig.frozen, rig.now, sizeof(rig.now));
			}
			if (below(&rig, 20) == 0) { /* a view goes on with what was cleared */
				keyed_table_clear(rig.table);
				memset(rig.now, 0, sizeof(rig.now));
			}
		}
		for (uint32_t i = 0; i < KEYS; i++)
			expect(value_of(&rig, i), &rig.now[i]);
		rig_close(&rig);
	}
}

/* Some 300 MB are written in all. */
static void memory_stays_near_what_is_in_use(void **state)
{
	static struct rig rig;
	size_t most = 0;

	rig_open(&rig, 77);
	for (uint32_t i = 0; i < 120000; i++) {
		change(&rig);
		size_t bytes = keyed_table_bytes(rig.table);

		most = bytes > most ? bytes : most;
	}
	/* A hundred values of up to 3 000 bytes, a few of up to 100 000, free ones of each size. */
	assert_true(most < 3 * 1024 * 1024);
	rig_close(&rig);
}

/* What is written and written again while a view is out waits once, not each time. */
static void a_view_holds_back_no_more_than_it_reads(void **state)
{
	static struct rig rig;

	rig_open(&rig, 78);
	for (uint32_t i = 0; i < 2000; i++)
		change(&rig);
	size_t before = keyed_table_bytes(rig.table);

	rig.view = keyed_table_freeze(rig.table);
	memcpy(rig.frozen, rig.now, sizeof(rig.now));
	for (uint32_t i = 0; i < 60000; i++)
		change(&rig);
	assert_true(keyed_table_bytes(rig.table) < 2 * before + 2 * 1024 * 1024);
	read_view(&rig);
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_and_views_mix_nothing_up),
		cmocka_unit_test(memory_stays_near_what_is_in_use),
		cmocka_unit_test(a_view_holds_back_no_more_than_it_reads),
	};

	return cmocka_run_group_tests_name("keyed bytes", tests, NULL, NULL);
}
