/* SPDX-License-Identifier: Apache-2.0
 * keyed_frozen_test.c - frozen views against a plain array of counts: read in small steps while the
 * table grows and changes, saved as increments, given up, through clear, through every epoch, and
 * by another thread. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/base/hash.h"
#include "taskmanager/state/keyed_table.h"

#define KEYS 6000

struct value {
	uint64_t number, count;
	uint64_t rest[6]; /* slots of some size, so that there are many chunks */
};

struct scene {
	struct keyed_table *table;
	struct keyed_frozen *frozen;
	uint32_t key_groups;
	struct key_groups groups; /* many small ones, or one that grows and grows */
	uint32_t now[KEYS], at_freeze[KEYS];
	uint32_t seen[KEYS];  /* of the view: how often */
	uint32_t saved[KEYS]; /* what a backup has */
	uint64_t random;
	bool increment;
};

static uint64_t next_random(uint64_t *state)
{
	*state += UINT64_C(0x9E3779B97F4A7C15);
	return hash_fold(*state, UINT64_C(0xD6E8FEB86659FD93));
}

/* Some keys fit into a slot and some do not. */
static struct key key_of_number(uint32_t number, char text[48])
{
	uint32_t size_bytes = (uint32_t)snprintf(
		text, 48, "%u%.*s", number, (int)(number % 23), "abcdefghijklmnopqrstuvwxyz");

	return (struct key){ .data = text,
			     .size_bytes = size_bytes,
			     .hash = hash_key(text, size_bytes) };
}

static bool is_ours(const struct scene *s, uint32_t number)
{
	char text[48];
	struct key key = key_of_number(number, text);
	uint32_t group = key_group_of_hash(key.hash, s->key_groups);

	return group >= s->groups.first && group <= s->groups.last;
}

static void write_some(struct scene *s, uint32_t range)
{
	char texts[KEYED_TABLE_BATCH][48];
	struct key keys[KEYED_TABLE_BATCH];
	uint32_t numbers[KEYED_TABLE_BATCH];
	struct keyed_slot *slots[KEYED_TABLE_BATCH];
	uint32_t count = 1 + (uint32_t)(next_random(&s->random) % KEYED_TABLE_BATCH);

	for (uint32_t i = 0; i < count; i++) {
		do {
			numbers[i] = (uint32_t)(next_random(&s->random) % range);
		} while (!is_ours(s, numbers[i]));
		keys[i] = key_of_number(numbers[i], texts[i]);
	}
	assert_true(keyed_table_find_keys(s->table, keys, count, slots));
	for (uint32_t i = 0; i < count; i++) {
		struct value *value = keyed_slot_value(slots[i]);

		slots[i]->filled = 1;
		value->number = numbers[i];
		value->count++;
		s->now[numbers[i]]++;
	}
}

static void freeze(struct scene *s)
{
	s->frozen = keyed_table_freeze(s->table);
	s->increment = keyed_frozen_is_increment(s->frozen);
	memcpy(s->at_freeze, s->now, sizeof(s->now));
	memset(s->seen, 0, sizeof(s->seen));
}

/* One chunk. False: the view has no more. */
static bool read_chunk(struct scene *s)
{
	struct keyed_chunk chunk;

	if (!keyed_frozen_next(s->frozen, &chunk))
		return false;
	assert_in_range(chunk.count, 1, KEYED_TABLE_BATCH);
	assert_in_range(chunk.group, s->groups.first, s->groups.last);
	for (uint32_t i = 0; i < chunk.count; i++) {
		struct keyed_slot *slot = (struct keyed_slot *)(uintptr_t)chunk.slots[i];
		const struct value *value = keyed_slot_value(slot);
		struct bytes bytes = keyed_slot_key(slot);
		char text[48];

		assert_true(value->number < KEYS);
		struct key key = key_of_number((uint32_t)value->number, text);

		assert_int_equal(key_group_of_hash(key.hash, s->key_groups), chunk.group);
		assert_int_equal(bytes.size_bytes, key.size_bytes);
		assert_memory_equal(bytes.data, text, bytes.size_bytes);
		assert_int_equal(value->count, s->at_freeze[value->number]);
		s->seen[value->number]++;
	}
	return true;
}

/* A whole view has every key once; an increment every key that changed since the backup. */
static void expect_read(struct scene *s)
{
	for (uint32_t i = 0; i < KEYS; i++) {
		if (!s->increment)
			assert_int_equal(s->seen[i], s->at_freeze[i] > 0);
		else
			assert_in_range(s->seen[i], s->at_freeze[i] != s->saved[i], 1);
	}
}

static void release(struct scene *s, bool saved)
{
	if (saved)
		memcpy(s->saved, s->at_freeze, sizeof(s->saved));
	keyed_frozen_release(&s->frozen, saved);
}

static struct scene *scene_create(uint64_t seed)
{
	struct scene *s = MEM_NEW(struct scene);

	s->random = seed;
	s->key_groups = seed % 2 ? 2 : 128;
	s->groups = seed % 2 ? (struct key_groups){ 1, 1 } : (struct key_groups){ 32, 95 };
	s->table = keyed_table_create(&(struct keyed_table_options){
		.value_bytes = sizeof(struct value),
		.seed = seed,
		.key_groups = s->key_groups,
		.groups = s->groups });
	return s;
}

static void scene_destroy(struct scene *s)
{
	keyed_table_destroy(&s->table);
	mem_free(s);
	assert_int_equal(mem_bytes_out(), 0);
}

static void round_of(struct scene *s, uint32_t range)
{
	uint64_t slow = 1 + next_random(&s->random) % 8;
	bool whole = true;

	for (uint32_t i = 0; i < 20; i++)
		write_some(s, range);
	freeze(s);
	do {
		if (next_random(&s->random) % slow == 0)
			write_some(s, range);
		if (next_random(&s->random) % 400 == 0)
			whole = false;
	} while (whole && read_chunk(s));
	if (whole)
		expect_read(s);
	release(s, whole);
}

static void a_view_is_what_the_table_held(void **state)
{
	for (uint64_t seed = 1; seed <= 12; seed++) {
		struct scene *s = scene_create(seed);
		uint32_t increments = 0;

		for (uint32_t i = 1; i <= 60; i++) {
			round_of(s, KEYS * i / 60);
			increments += s->increment;
		}
		assert_in_range(increments, 20, 59);
		scene_destroy(s);
	}
}

/* More views than there are epochs. Everything is quiet for as long as it takes an epoch to come
 * again, and is then written to under a view that reads all of it. */
static void epochs_come_again(void **state)
{
	for (uint32_t quiet = 247; quiet < 254; quiet++) {
		struct scene *s = scene_create(98);

		for (uint32_t i = 0; i < 40; i++)
			write_some(s, KEYS);
		for (uint32_t i = 0; i <= 2 * quiet; i++) {
			freeze(s);
			for (uint32_t k = 0; k < 10 && i % quiet == 0; k++)
				write_some(s, KEYS);
			while (read_chunk(s))
				continue;
			expect_read(s);
			release(s, i % quiet != quiet - 1);
		}
		scene_destroy(s);
	}
}

/* What is forgotten stays in the view; the view after it is whole. */
static void a_table_is_cleared_under_a_view(void **state)
{
	struct scene *s = scene_create(7);

	for (uint32_t i = 0; i < 4; i++) {
		for (uint32_t k = 0; k < 50; k++)
			write_some(s, KEYS);
		freeze(s);
		assert_false(s->increment);
		for (uint32_t k = 0; k < 5; k++)
			read_chunk(s);
		keyed_table_clear(s->table);
		memset(s->now, 0, sizeof(s->now));
		assert_int_equal(keyed_table_count(s->table), 0);
		write_some(s, KEYS);
		while (read_chunk(s))
			continue;
		expect_read(s);
		release(s, true);
	}
	scene_destroy(s);
}

static void a_key_of_another_subtask_is_refused(void **state)
{
	struct scene *s = scene_create(3);
	struct keyed_slot *slots[2];
	struct key keys[2];
	char texts[2][48];
	uint32_t ours = 0, foreign = 0;

	while (!is_ours(s, ours))
		ours++;
	while (is_ours(s, foreign))
		foreign++;
	keys[0] = key_of_number(ours, texts[0]);
	keys[1] = key_of_number(foreign, texts[1]);
	assert_false(keyed_table_find_keys(s->table, keys, 2, slots));
	assert_int_equal(keyed_table_count(s->table), 0);
	scene_destroy(s);
}

static void *read_all(void *scene)
{
	while (read_chunk(scene))
		continue;
	return NULL;
}

/* The reader on a thread of its own, as fast as it can, beside the writer. */
static void another_thread_reads(void **state)
{
	struct scene *s = scene_create(5);

	for (uint32_t i = 0; i < 200; i++)
		write_some(s, KEYS);
	for (uint32_t i = 0; i < 40; i++) {
		pthread_t reader;

		freeze(s);
		assert_int_equal(pthread_create(&reader, NULL, read_all, s), 0);
		for (uint32_t k = 0; k < 40; k++)
			write_some(s, KEYS);
		pthread_join(reader, NULL);
		expect_read(s);
		release(s, i % 4 != 3);
	}
	scene_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_view_is_what_the_table_held),
		cmocka_unit_test(epochs_come_again),
		cmocka_unit_test(a_table_is_cleared_under_a_view),
		cmocka_unit_test(a_key_of_another_subtask_is_refused),
		cmocka_unit_test(another_thread_reads),
	};

	return cmocka_run_group_tests_name("keyed_frozen", tests, NULL, NULL);
}
