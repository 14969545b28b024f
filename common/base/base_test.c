/* SPDX-License-Identifier: Apache-2.0
 * base_test.c - the small things everything rests on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/hash.h"
#include "common/base/id.h"
#include "common/base/list.h"
#include "common/base/log.h"
#include "common/base/map.h"
#include "common/base/mark.h"
#include "common/base/mem.h"
#include "common/base/ring.h"
#include "common/base/sm.h"
#include "common/base/utf8.h"

static void every_error_has_number_class_and_hint(void **state)
{
	static const enum err_code codes[] = {
#define CODE(name, number, class, http, sentence, hint) name,
		ERR_TABLE(CODE)
#undef CODE
	};
	for (size_t i = 0; i < ARRAY_COUNT(codes); i++) {
		assert_true(strlen(err_hint(codes[i])) > 0);
		assert_true(strlen(err_sentence(codes[i])) > 0);
		assert_in_range(err_http_status(codes[i]), 400, 599);
		for (size_t j = 0; j < i; j++)
			assert_int_not_equal(codes[i], codes[j]);
	}
	assert_int_equal(err_class_of(ERR_NO_SLOTS), ERR_CLASS_FAIL);
	assert_string_equal(err_name((enum err_code)4242), "ERR_BUG");
}

static void errors_are_wrapped_and_shown_with_their_hint(void **state)
{
	struct err err = ERR_INIT;
	char text[2048], long_text[2000];

	assert_int_equal(err_set(&err, ERR_CONF_BAD_VALUE, "f.yaml:%d: x is \"abc\"", 12), -1);
	err_wrap(&err, "reading %s", "settings");
	err_format(&err, text, sizeof(text));
	assert_string_equal(
		text,
		"error E1001: reading settings: f.yaml:12: x is \"abc\"\n hint: correct the value and "
		"start again; 'bin/flink-settings check' tests settings without starting anything\n");
	memset(long_text, 'a', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	err_set(&err, ERR_IO, "%s", long_text);
	err_wrap(&err, "%s", long_text);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

static void texts_are_fit_to_be_shown_whatever_they_are_made_of(void **state)
{
	static const char *const texts[][2] = {
		{ "plain\n\ttext", "plain\n\ttext" },
		{ "Zürich 서울 🐿", "Zürich 서울 🐿" },
		{ "\x1b[2J\x01\x7f\r", "?[2J???" },
		{ "a\xc2\x9b\x32Jb", "a??2Jb" }, /* U+009B: a terminal takes it for ESC [ */
		{ "a\xff\xfe\xc0\xaf\xed\xa0\x80z", "a???????z" },
		{ "cut \xec\x84", "cut " },
		{ "cut \xf0\x9f\x90", "cut " },
		{ "\xec\x84 not cut", "?? not cut" },
		{ "", "" },
	};
	char text[2000];
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		snprintf(text, sizeof(text), "%s", texts[i][0]);
		utf8_clean(text);
		assert_string_equal(text, texts[i][1]);
	}
	err_set(&err, ERR_IO, "bad %s", "\x1b\xff");
	err_wrap(&err, "%s", "\x07");
	assert_string_equal(err.text, "?: bad ??");
	for (size_t shift = 0; shift < 3; shift++) { /* whole characters, wherever the end is */
		memset(text, 'a', sizeof(text));
		for (size_t at = shift; at + 3 < sizeof(text); at += 3)
			memcpy(text + at, "서", 3);
		text[sizeof(text) - 1] = '\0';
		err_set(&err, ERR_IO, "%s", text);
		size_t length = strlen(err.text);

		assert_in_range(length, sizeof(err.text) - 3, sizeof(err.text) - 1);
		assert_int_equal((length - shift) % 3, 0);
	}
}

static void maps_keep_insertion_order_through_removal_and_growth(void **state)
{
	struct map *map = map_create();
	int values[1000];
	size_t at = 0, expected = 1;
	void *value;

	for (int i = 0; i < 1000; i++)
		assert_null(map_put(map, bytes_of(&i, sizeof(i)), &values[i]));
	for (int i = 0; i < 1000; i += 2)
		assert_ptr_equal(map_remove(map, bytes_of(&i, sizeof(i))), &values[i]);
	assert_int_equal(map_count(map), 500);
	while (map_next(map, &at, NULL, &value)) {
		assert_ptr_equal(value, &values[expected]);
		expected += 2;
	}
	assert_int_equal(expected, 1001);
	for (int i = 0; i < 1000; i++) /* churn must not fill the index with tombstones */
		for (int j = 0; j < 100; j++) {
			map_put(map, bytes_of(&j, sizeof(j)), &values[j]);
			map_remove(map, bytes_of(&j, sizeof(j)));
		}
	map_destroy(&map);
	assert_int_equal(mem_bytes_out(), 0);
}

static void buffers_grow_and_give_their_text_away(void **state)
{
	struct buf buf;

	buf_init(&buf);
	for (int i = 0; i < 100; i++)
		buf_printf(&buf, "%d,", i);
	buf_consume(&buf, 4);
	assert_memory_equal(buf.data, "2,3,", 4);
	char *text = buf_take(&buf);
	assert_int_equal(buf.size_bytes, 0);
	assert_int_equal(strlen(text), 286);
	mem_free(text);
	buf_fini(&buf);
	assert_int_equal(mem_bytes_out(), 0);
}

static void arenas_die_at_once(void **state)
{
	struct arena *arena = arena_create("test");

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 1000; i++) {
			char *text = arena_printf(arena, "%d", i);
			assert_int_equal((uintptr_t)text % 16, 0);
			assert_int_equal(text[15 - 1], 0);
		}
		arena_alloc(arena, 100000);
		arena_reset(arena);
	}
	arena_destroy(&arena);
	assert_int_equal(mem_bytes_out(), 0);
}

struct post {
	struct inbox_node node;
	int producer, serial;
};

struct producer {
	struct inbox *inbox;
	struct post *posts;
	int count;
};

static void *produce(void *argument)
{
	struct producer *producer = argument;

	for (int i = 0; i < producer->count; i++)
		inbox_post(producer->inbox, &producer->posts[i].node);
	return NULL;
}

static void inboxes_lose_nothing_and_keep_each_producers_order(void **state)
{
	enum { PRODUCERS = 3, COUNT = 20000 };
	struct inbox inbox;
	struct producer producers[PRODUCERS];
	pthread_t threads[PRODUCERS];
	int next[PRODUCERS] = { 0 }, taken = 0;

	inbox_init(&inbox);
	for (int p = 0; p < PRODUCERS; p++) {
		producers[p] =
			(struct producer){ &inbox, MEM_NEW_ARRAY(struct post, COUNT), COUNT };
		for (int i = 0; i < COUNT; i++)
			producers[p].posts[i] = (struct post){ .producer = p, .serial = i };
		pthread_create(&threads[p], NULL, produce, &producers[p]);
	}
	while (taken < PRODUCERS * COUNT) {
		struct inbox_node *node = inbox_take(&inbox);
		if (node == NULL)
			continue;
		struct post *post = CONTAINER_OF(node, struct post, node);
		assert_int_equal(post->serial, next[post->producer]++);
		taken++;
	}
	assert_null(inbox_take(&inbox));
	for (int p = 0; p < PRODUCERS; p++) {
		pthread_join(threads[p], NULL);
		mem_free(producers[p].posts);
	}
}

static void *ring_producer(void *argument)
{
	struct ring *ring = argument;

	for (uintptr_t i = 1; i <= 200000;)
		i += ring_offer(ring, (void *)i);
	return NULL;
}

static void rings_pass_everything_in_order_between_threads(void **state)
{
	struct ring ring;
	pthread_t thread;

	ring_init(&ring, 100);
	pthread_create(&thread, NULL, ring_producer, &ring);
	for (uintptr_t expected = 1; expected <= 200000;) {
		void *item = ring_take(&ring);
		if (item == NULL)
			continue;
		assert_int_equal((uintptr_t)item, expected);
		expected++;
	}
	pthread_join(thread, NULL);
	assert_true(ring_empty(&ring));
	ring_fini(&ring);
	assert_int_equal(mem_bytes_out(), 0);
}

/* The library, which is built for the baseline, is the twin. */
static void checksums_are_the_same_on_every_processor(void **state)
{
	static uint8_t data[70000];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)hash_fold(i + 1, UINT64_C(0x9E3779B97F4A7C15));
	for (size_t size = 0; size < sizeof(data) - 64; size += size < 3000 ? 1 : 509)
		assert_true(hash_checksum(data + size % 64, size) ==
			    XXH3_64bits(data + size % 64, size));
	assert_true(hash_checksum("", 0) == UINT64_C(0x2d06800538d394c2)); /* XXH3's own table */
}

static void hashes_match_their_published_values(void **state)
{
	uint8_t out[32];
	static const uint8_t sha_abc[4] = { 0xba, 0x78, 0x16, 0xbf };
	/* guava murmur3_128(0) of the int 0, twice: Flink's id of a source with one chained output
	 *  */
	static const int32_t zeros[2] = { 0, 0 };
	static const uint8_t chained[4] = { 0xcb, 0xc3, 0x57, 0xcc },
			     alone[4] = { 0xbc, 0x76, 0x4c, 0xd8 };

	hash_sha256("abc", 3, out);
	assert_memory_equal(out, sha_abc, 4);
	hash_murmur3_128(zeros, 8, out);
	assert_memory_equal(out, chained, 4);
	hash_murmur3_128(zeros, 4, out);
	assert_memory_equal(out, alone, 4);
	/* The key hash is part of the savepoint format: these values never change. */
	for (size_t size = 0; size < 40; size++) {
		char a[40];
		memset(a, 7, sizeof(a));
		uint64_t before = hash_key(a, size);
		for (size_t i = 0; i < size; i++) {
			a[i] ^= 1;
			assert_true(hash_key(a, size) != before);
			a[i] ^= 1;
		}
		assert_true(size == 0 || hash_key(a, size) != hash_key(a, size - 1));
	}
	for (uint32_t round = 0; round < 1000; round++) {
		uint32_t size = round % 17;
		char key[16] = { 0 };
		uint64_t low, high;

		for (uint32_t i = 0; i < size; i++)
			key[i] = (char)(hash_fold(round + 1, i + UINT64_C(0x9E3779B97F4A7C15)));
		memcpy(&low, key, sizeof(low));
		memcpy(&high, key + sizeof(low), sizeof(high));
		assert_true(hash_key_words(low, high, size) == hash_key(key, size));
	}
}

static void ids_are_32_hex_digits(void **state)
{
	struct id id;
	char text[ID_TEXT_SIZE];

	assert_true(id_parse("BC764cd8ddf7a0cff126f51c16239658", &id));
	assert_string_equal(id_format(&id, text), "bc764cd8ddf7a0cff126f51c16239658");
	assert_false(id_parse("bc764cd8ddf7a0cff126f51c1623965", &id));
	assert_false(id_parse("bc764cd8ddf7a0cff126f51c1623965g", &id));
	assert_false(id_parse(NULL, &id));
}

static void machines_know_their_legal_moves(void **state)
{
	enum { A, B, C };
	static const struct sm_state states[] = {
		{ "A", SM_TO(B), false }, { "B", SM_TO(C), false }, { "C", 0, true },
	};
	static const struct sm_table table = { "letters", 3, states };
	uint32_t at = A;

	assert_false(sm_may_move(&table, A, C));
	sm_move(&table, &at, B, NULL);
	sm_move(&table, &at, C, NULL);
	assert_true(sm_is_final(&table, at));
	assert_int_equal(sm_find(&table, "B"), B);
	assert_int_equal(sm_find(&table, "D"), -1);
}

static void keep_line(void *context, enum log_level level, const char *line, size_t size_bytes)
{
	buf_add(context, line, size_bytes);
}

static wall_t fixed_clock(void *context)
{
	return *(wall_t *)context;
}

static void log_lines_have_flinks_pattern_and_a_budget(void **state)
{
	struct buf lines;
	wall_t now = 123;

	buf_init(&lines);
	log_to(keep_line, &lines, fixed_clock, &now);
	for (int i = 0; i < 150; i++) {
		if (i == 149)
			now += 1000;
		log_info("Dispatcher", "a\nb %s%d", i == 99 ? "\x1b[2J\xff" : "", i);
	}
	log_debug("Dispatcher", "not shown");
	log_to(NULL, NULL, NULL, NULL);
	assert_non_null(strstr(lines.data, ",123 INFO  Dispatcher   "));
	assert_non_null(strstr(lines.data, " [] - a b ?[2J?99\n"));
	assert_null(strstr(lines.data, "a b 100"));
	assert_non_null(strstr(lines.data, "(49 more lines like the next were left out)\n"));
	assert_non_null(strstr(lines.data, "a b 149\n"));
	assert_null(strstr(lines.data, "not shown"));
	buf_fini(&lines);
}

static uint64_t hits_of(const char *name)
{
	const struct mark *mark;
	size_t at = 0;
	uint64_t hits = UINT64_MAX;

	while ((mark = mark_next(&at)) != NULL)
		if (strcmp(mark->name, name) == 0)
			hits = mark->hits;
	return hits;
}

static void marks_are_known_before_they_are_hit(void **state)
{
	volatile bool never = false;

	assert_int_equal(hits_of("a test marks"), 0);
	for (int i = 0; i < 2; i++)
		SOMETIMES("a test marks");
	if (never)
		SOMETIMES("a test never comes here");
	assert_int_equal(hits_of("a test marks"), 2);
	assert_int_equal(hits_of("a test never comes here"), 0);
	assert_int_equal(hits_of("nobody marks this"), UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_error_has_number_class_and_hint),
		cmocka_unit_test(errors_are_wrapped_and_shown_with_their_hint),
		cmocka_unit_test(texts_are_fit_to_be_shown_whatever_they_are_made_of),
		cmocka_unit_test(maps_keep_insertion_order_through_removal_and_growth),
		cmocka_unit_test(buffers_grow_and_give_their_text_away),
		cmocka_unit_test(arenas_die_at_once),
		cmocka_unit_test(inboxes_lose_nothing_and_keep_each_producers_order),
		cmocka_unit_test(rings_pass_everything_in_order_between_threads),
		cmocka_unit_test(checksums_are_the_same_on_every_processor),
		cmocka_unit_test(hashes_match_their_published_values),
		cmocka_unit_test(ids_are_32_hex_digits),
		cmocka_unit_test(machines_know_their_legal_moves),
		cmocka_unit_test(marks_are_known_before_they_are_hit),
		cmocka_unit_test(log_lines_have_flinks_pattern_and_a_budget),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
