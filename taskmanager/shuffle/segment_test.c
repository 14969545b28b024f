/* SPDX-License-Identifier: Apache-2.0
 * segment_test.c - the pool's sizes: admission in each of them against a plain reckoning, cutting
 * and putting together, and threads that take and give back segments of all sizes while others are
 * admitted and dismissed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/record/record_random.h"
#include "taskmanager/shuffle/segment_priv.h"

static void whole_and_consistent(struct segment_pool *pool)
{
	char text[200] = "";

	if (!segment_pool_check(pool, text, sizeof(text)))
		fail_msg("%s", text);
	assert_int_equal(segment_pool_free(pool), segment_pool_total(pool));
	assert_int_equal(segment_pool_admitted(pool), 0);
}

static void sizes_are_halves_down_to_the_smallest(void **state)
{
	struct segment_pool *pool = segment_pool_create(16 * 32768, 32768);

	assert_int_equal(segment_pool_classes(pool), 5);
	assert_int_equal(segment_pool_class_bytes(pool, SEGMENT_WHOLE), 32768);
	assert_int_equal(segment_pool_class_bytes(pool, 4), 2048);
	assert_int_equal(segment_pool_class_for(pool, 32769), SEGMENT_WHOLE);
	assert_int_equal(segment_pool_class_for(pool, 32768), SEGMENT_WHOLE);
	assert_int_equal(segment_pool_class_for(pool, 16384), 1);
	assert_int_equal(segment_pool_class_for(pool, 4097), 2);
	assert_int_equal(segment_pool_class_for(pool, 1), 4);
	segment_pool_destroy(&pool);
	pool = segment_pool_create(16 * 4032, 4032);
	assert_int_equal(segment_pool_classes(pool), 1);
	segment_pool_destroy(&pool);
	pool = segment_pool_create(16 * 2048, 2048);
	assert_int_equal(segment_pool_classes(pool), 1);
	segment_pool_destroy(&pool);
	assert_int_equal(mem_bytes_out(), 0);
}

static void small_segments_fill_whole_ones(void **state)
{
	struct segment_pool *pool = segment_pool_create(16 * 32768, 32768);
	struct segment *taken[256];
	struct err err;

	assert_null(segment_take(pool, 4)); /* nobody was admitted */
	assert_int_equal(segment_pool_admit(pool, 4, 257, &err), -1);
	assert_int_equal(err.code, ERR_BUFFERS);
	assert_non_null(strstr(err.text, "257 network buffers of 2048 bytes are needed and 256"));
	assert_int_equal(segment_pool_admit(pool, 4, 256, &err), 0);
	assert_int_equal(segment_pool_admitted(pool), 16);
	for (uint32_t i = 0; i < 256; i++) {
		taken[i] = segment_take(pool, 4);
		assert_non_null(taken[i]);
		assert_int_equal(taken[i]->size_bytes, 2048);
		memset(taken[i]->data, (int)i, 2048);
	}
	assert_null(segment_take(pool, 4));
	assert_int_equal(segment_pool_free(pool), 0);
	for (uint32_t i = 0; i < 256; i++) {
		assert_int_equal((uint8_t)taken[i]->data[0], i);
		assert_int_equal((uint8_t)taken[i]->data[2047], i);
		segment_unref(&taken[i]);
	}
	assert_int_equal(segment_pool_admit(pool, SEGMENT_WHOLE, 1, &err), -1);
	segment_pool_dismiss(pool, 4, 256);
	assert_int_equal(segment_pool_admit(pool, SEGMENT_WHOLE, 16, &err), 0);
	for (uint32_t i = 0; i < 16; i++)
		assert_non_null(taken[i] = segment_take(pool, SEGMENT_WHOLE));
	for (uint32_t i = 0; i < 16; i++)
		segment_unref(&taken[i]);
	segment_pool_dismiss(pool, SEGMENT_WHOLE, 16);
	whole_and_consistent(pool);
	segment_pool_destroy(&pool);
	assert_int_equal(mem_bytes_out(), 0);
}

/* A few parts that are still used hold their blocks; what is free beside them is found again. */
static void blocks_in_pieces_are_not_promised_to_others(void **state)
{
	struct segment_pool *pool = segment_pool_create(16 * 8192, 8192);
	struct segment *taken[64];
	struct err err;

	assert_int_equal(segment_pool_admit(pool, 2, 64, &err), 0); /* all, by 2048 bytes */
	for (uint32_t i = 0; i < 64; i++)
		taken[i] = segment_take(pool, 2);
	for (uint32_t i = 0; i < 64; i++)
		if (taken[i]->data != pool->data && taken[i]->data != pool->data + 8192)
			segment_unref(&taken[i]);
	segment_pool_dismiss(pool, 2, 62); /* two are left, in two blocks */
	assert_int_equal(segment_pool_admitted(pool), 16);
	assert_int_equal(segment_pool_lend(pool, SEGMENT_WHOLE, 1), 0); /* gathers nothing */
	assert_int_equal(segment_pool_room(pool, SEGMENT_WHOLE, 15, &err), -1);
	assert_int_equal(segment_pool_room(pool, SEGMENT_WHOLE, 14, &err), 0);
	assert_int_equal(segment_pool_admit(pool, SEGMENT_WHOLE, 14, &err), 0);
	assert_int_equal(segment_pool_admit(pool, 1, 1, &err), -1);
	assert_int_equal(segment_pool_lend(pool, 2, 100), 6); /* the rest of two blocks */
	segment_pool_dismiss(pool, 2, 6);
	segment_pool_dismiss(pool, SEGMENT_WHOLE, 14);
	segment_pool_hold(pool, true);
	assert_int_equal(segment_pool_lend(pool, 2, 1), 0);
	segment_pool_hold(pool, false);
	for (uint32_t i = 0; i < 64; i++)
		segment_unref(&taken[i]);
	segment_pool_dismiss(pool, 2, 2);
	whole_and_consistent(pool);
	segment_pool_destroy(&pool);
	assert_int_equal(mem_bytes_out(), 0);
}

/* ---- random work against a reckoning -------------------------------------------------------- */

#define HOLDERS 24

struct holder {
	uint32_t size_class, admitted, taken;
	struct segment *segments[64];
};

static void holder_fill(struct segment_pool *pool, struct holder *holder, uint32_t count)
{
	while (holder->taken < count) {
		struct segment *segment = segment_take(pool, holder->size_class);

		assert_non_null(segment); /* the promise */
		assert_int_equal(segment->size_bytes,
				 segment_pool_class_bytes(pool, holder->size_class));
		memset(segment->data, 0x5a, segment->size_bytes);
		holder->segments[holder->taken++] = segment;
	}
	while (holder->taken > count)
		segment_unref(&holder->segments[--holder->taken]);
}

static void holder_change(struct segment_pool *pool, struct holder *holder, struct random *random)
{
	struct err err;
	uint32_t count;

	switch (random_below(random, 4)) {
	case 0: /* comes, of whatever size */
		count = 1 + random_below(random, 32);
		if (holder->admitted > 0)
			break;
		holder->size_class = random_below(random, segment_pool_classes(pool));
		if (segment_pool_admit(pool, holder->size_class, count, &err) == 0)
			holder->admitted = count;
		break;
	case 1: /* is lent some */
		if (holder->admitted > 0 && holder->admitted < 32)
			holder->admitted += segment_pool_lend(pool, holder->size_class,
							      random_below(random, 33));
		break;
	case 2: /* gives some, or all, back */
		count = random_below(random, holder->admitted + 1);
		if (random_below(random, 4) == 0)
			count = 0;
		if (holder->taken > count)
			holder_fill(pool, holder, count);
		segment_pool_dismiss(pool, holder->size_class, holder->admitted - count);
		holder->admitted = count;
		break;
	default: holder_fill(pool, holder, random_below(random, holder->admitted + 1));
	}
}

static void who_was_admitted_always_finds_one(void **state)
{
	char text[200] = "";

	for (uint64_t seed = 1; seed <= 200; seed++) {
		struct random random = { .state = seed * UINT64_C(0x9E3779B97F4A7C15) + 1 };
		struct segment_pool *pool = segment_pool_create(
			(16 + random_below(&random, 16)) * UINT64_C(32768), 32768);
		struct holder holders[HOLDERS] = { 0 };

		for (uint32_t i = 0; i < 1000; i++) {
			holder_change(pool, &holders[random_below(&random, HOLDERS)], &random);
			if (!segment_pool_check(pool, text, sizeof(text)))
				fail_msg("seed %llu: %s", (unsigned long long)seed, text);
		}
		for (uint32_t i = 0; i < HOLDERS; i++) {
			holder_fill(pool, &holders[i], holders[i].admitted);
			holder_fill(pool, &holders[i], 0);
			segment_pool_dismiss(pool, holders[i].size_class, holders[i].admitted);
		}
		assert_int_equal(segment_pool_admit(pool, SEGMENT_WHOLE, segment_pool_total(pool),
						    &(struct err){ 0 }),
				 0);
		segment_pool_dismiss(pool, SEGMENT_WHOLE, segment_pool_total(pool));
		whole_and_consistent(pool);
		segment_pool_destroy(&pool);
	}
	assert_int_equal(mem_bytes_out(), 0);
}

/* ---- threads --------------------------------------------------------------------------------- */

#define THREADS 4
#define ROUNDS 3000

struct worker {
	struct segment_waiter waiter; /* first */
	pthread_t thread;
	struct segment_pool *pool;
	uint64_t seed, takes;
	pthread_mutex_t lock;
	pthread_cond_t told;
	bool news;
};

static void worker_wake(struct segment_waiter *waiter)
{
	struct worker *worker = (struct worker *)waiter;

	pthread_mutex_lock(&worker->lock);
	worker->news = true;
	pthread_cond_signal(&worker->told);
	pthread_mutex_unlock(&worker->lock);
}

static struct segment *worker_take(struct worker *worker, uint32_t size_class)
{
	struct segment *segment;

	while ((segment = segment_take_or_wait(worker->pool, size_class, &worker->waiter)) ==
	       NULL) {
		pthread_mutex_lock(&worker->lock);
		while (!worker->news)
			pthread_cond_wait(&worker->told, &worker->lock);
		worker->news = false;
		pthread_mutex_unlock(&worker->lock);
	}
	return segment;
}

static void *worker_run(void *context)
{
	struct worker *worker = context;
	struct random random = { .state = worker->seed };
	struct segment *segments[16];
	struct err err;

	for (uint32_t round = 0; round < ROUNDS; round++) {
		uint32_t class = random_below(&random, segment_pool_classes(worker->pool));
		uint32_t count = 1 + random_below(&random, 8);

		if (segment_pool_admit(worker->pool, class, count, &err) != 0)
			continue;
		count += segment_pool_lend(worker->pool, class, random_below(&random, 8));
		for (uint32_t i = 0; i < count; i++) {
			segments[i] = worker_take(worker, class);
			memset(segments[i]->data, (int)worker->seed, segments[i]->size_bytes);
		}
		for (uint32_t i = 0; i < count; i++) {
			const struct segment *segment = segments[i];

			if ((uint8_t)segment->data[0] != (uint8_t)worker->seed ||
			    (uint8_t)segment->data[segment->size_bytes - 1] !=
				    (uint8_t)worker->seed)
				return (void *)(uintptr_t) "two have one segment";
			segment_unref(&segments[i]);
			worker->takes++;
		}
		segment_pool_dismiss(worker->pool, class, count);
	}
	return NULL;
}

static void threads_share_sizes(void **state)
{
	struct segment_pool *pool = segment_pool_create(24 * 32768, 32768);
	struct worker workers[THREADS];
	uint64_t takes = 0;

	for (uint32_t i = 0; i < THREADS; i++) {
		workers[i] =
			(struct worker){ .waiter.wake = worker_wake, .pool = pool, .seed = i + 1 };
		pthread_mutex_init(&workers[i].lock, NULL);
		pthread_cond_init(&workers[i].told, NULL);
	}
	for (uint32_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&workers[i].thread, NULL, worker_run, &workers[i]),
				 0);
	for (uint32_t i = 0; i < THREADS; i++) {
		void *answer = NULL;

		pthread_join(workers[i].thread, &answer);
		if (answer != NULL)
			fail_msg("%s", (const char *)answer);
		takes += workers[i].takes;
		pthread_mutex_destroy(&workers[i].lock);
		pthread_cond_destroy(&workers[i].told);
	}
	assert_true(takes > ROUNDS);
	assert_int_equal(segment_pool_admit(pool, SEGMENT_WHOLE, 24, &(struct err){ 0 }), 0);
	segment_pool_dismiss(pool, SEGMENT_WHOLE, 24);
	whole_and_consistent(pool);
	segment_pool_destroy(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_are_halves_down_to_the_smallest),
		cmocka_unit_test(small_segments_fill_whole_ones),
		cmocka_unit_test(blocks_in_pieces_are_not_promised_to_others),
		cmocka_unit_test(who_was_admitted_always_finds_one),
		cmocka_unit_test(threads_share_sizes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
