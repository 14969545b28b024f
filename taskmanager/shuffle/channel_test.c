/* SPDX-License-Identifier: Apache-2.0
 * channel_test.c - segments, channels and gates by example. */
#include <stdio.h>

#include "taskmanager/shuffle/channel_fixture.h"

/* ---- segments -------------------------------------------------------------------------------- */

static void a_pool_gives_each_segment_once_and_the_warm_one_first(void **state)
{
	struct segment_pool *pool = segment_pool_create(1, 4096);
	struct segment *taken[16], *again;

	assert_int_equal(segment_pool_total(pool), 16);
	for (int i = 0; i < 16; i++) {
		taken[i] = segment_take(pool, SEGMENT_WHOLE);
		assert_non_null(taken[i]);
		assert_int_equal((uintptr_t)taken[i]->data % 64, 0);
		memset(taken[i]->data, i, 4096);
	}
	assert_null(segment_take(pool, SEGMENT_WHOLE));
	assert_int_equal(segment_pool_free(pool), 0);
	for (int i = 0; i < 16; i++)
		assert_int_equal(taken[i]->data[4095], i);
	again = taken[7];
	segment_ref(again);
	segment_unref(&taken[7]);
	assert_null(taken[7]);
	assert_int_equal(segment_pool_free(pool), 0);
	taken[7] = again;
	segment_unref(&again);
	again = segment_take(pool, SEGMENT_WHOLE);
	assert_ptr_equal(again, taken[7]);
	for (int i = 0; i < 16; i++)
		segment_unref(&taken[i]);
	segment_pool_destroy(&pool);
}

static void admission_counts_and_says_no_with_numbers(void **state)
{
	struct segment_pool *pool = segment_pool_create(32 * 2048, 2048);
	struct err err = ERR_INIT;

	assert_int_equal(segment_pool_admit(pool, SEGMENT_WHOLE, 20, &err), 0);
	assert_int_equal(segment_pool_admit(pool, SEGMENT_WHOLE, 13, &err), -1);
	assert_int_equal(err.code, ERR_BUFFERS);
	assert_string_equal(
		err.text,
		"13 network buffers of 2048 bytes are needed and 12 of this TaskManager's 32 are free; "
		"taskmanager.memory.network.max allows more, "
		"taskmanager.network.memory.buffers-per-channel needs fewer");
	assert_int_equal(segment_pool_room(pool, SEGMENT_WHOLE, 13, &err), -1);
	assert_int_equal(segment_pool_room(pool, SEGMENT_WHOLE, 12, &err), 0);
	assert_int_equal(segment_pool_lend(pool, SEGMENT_WHOLE, 100), 12);
	assert_int_equal(segment_pool_lend(pool, SEGMENT_WHOLE, 1), 0);
	segment_pool_dismiss(pool, SEGMENT_WHOLE, 32);
	segment_pool_destroy(&pool);
}

static void nothing_is_lent_while_somebody_waits_for_room(void **state)
{
	struct segment_pool *pool = segment_pool_create(32 * 2048, 2048);
	struct err err = ERR_INIT;

	segment_pool_hold(pool, true);
	segment_pool_hold(pool, true);
	assert_int_equal(segment_pool_lend(pool, SEGMENT_WHOLE, 1), 0);
	assert_int_equal(segment_pool_admit(pool, SEGMENT_WHOLE, 30, &err), 0);
	segment_pool_hold(pool, false);
	assert_true(segment_pool_held(pool));
	assert_int_equal(segment_pool_lend(pool, SEGMENT_WHOLE, 1), 0);
	segment_pool_hold(pool, false);
	assert_int_equal(segment_pool_lend(pool, SEGMENT_WHOLE, 3), 2);
	segment_pool_dismiss(pool, SEGMENT_WHOLE, 32);
	segment_pool_destroy(&pool);
}

struct counted_waiter {
	struct segment_waiter waiter;
	int woken;
};

static void count_wake(struct segment_waiter *waiter)
{
	CONTAINER_OF(waiter, struct counted_waiter, waiter)->woken++;
}

static void who_found_the_pool_empty_is_told_once_when_a_segment_is_back(void **state)
{
	struct segment_pool *pool = segment_pool_create(1, 2048);
	struct counted_waiter a = { .waiter.wake = count_wake }, b = { .waiter.wake = count_wake };
	struct segment *taken[16], *more;

	for (int i = 0; i < 16; i++)
		taken[i] = segment_take_or_wait(pool, SEGMENT_WHOLE, &a.waiter);
	assert_false(atomic_load(&a.waiter.waiting));
	assert_null(segment_take_or_wait(pool, SEGMENT_WHOLE, &a.waiter));
	assert_null(segment_take_or_wait(pool, SEGMENT_WHOLE, &a.waiter));
	assert_null(segment_take_or_wait(pool, SEGMENT_WHOLE, &b.waiter));
	segment_wait_cancel(pool, &b.waiter);
	segment_wait_cancel(pool, &b.waiter);
	segment_unref(&taken[3]);
	segment_unref(&taken[4]);
	assert_int_equal(a.woken, 1);
	assert_int_equal(b.woken, 0);
	assert_false(atomic_load(&a.waiter.waiting));
	more = segment_take_or_wait(pool, SEGMENT_WHOLE, &a.waiter);
	segment_unref(&more);
	assert_int_equal(a.woken, 1);
	for (int i = 0; i < 16; i++)
		segment_unref(&taken[i]);
	segment_pool_destroy(&pool);
}

/* ---- one producer, one consumer ------------------------------------------------------------- */

static void records_are_seen_after_publish_in_their_order_and_segments_go_back(void **state)
{
	struct fixture f = fixture_create(2048, 3);
	struct batch batch;
	struct control control;

	assert_int_equal(channel_take(f.channel, &batch, &control), CHANNEL_NOTHING);
	for (int64_t i = 0; i < 100; i++)
		assert_true(fixture_put(&f, i));
	assert_true(channel_has_unpublished(f.channel));
	assert_int_equal(channel_take(f.channel, &batch, &control), CHANNEL_NOTHING);
	struct position at = channel_publish(f.channel);
	assert_int_equal(at.segment, 0);
	assert_int_equal(at.offset_bytes, 16 + 100 * 8);
	assert_false(channel_has_unpublished(f.channel));
	assert_int_equal(channel_backlog_segments(f.channel), 1);
	assert_int_equal(channel_take(f.channel, &batch, &control), CHANNEL_BATCH);
	assert_int_equal(batch.count, 100);
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(*(const int64_t *)batch_at(&batch, i), i);
	assert_int_equal(channel_backlog_segments(f.channel), 0);
	assert_int_equal(channel_records_in(f.channel), 100);
	assert_int_equal(segment_pool_free(f.pool), 15);
	assert_false(channel_drained(f.channel));
	channel_release(f.channel, channel_taken(f.channel));
	assert_true(channel_drained(f.channel));
	assert_int_equal(segment_pool_free(f.pool), 15); /* it is still the open one */
	for (int64_t i = 0; i < 400; i++)
		assert_true(fixture_put(&f, 100 + i));
	channel_publish(f.channel);
	f.expected = 100;
	assert_int_equal(fixture_take_all(&f), 400);
	assert_true(channel_drained(f.channel));
	fixture_destroy(&f);
}

static void timestamps_travel_with_their_records(void **state)
{
	struct fixture f = fixture_create(2048, 3);
	struct channel_options options = { .type = fixture_number,
					   .pool = f.pool,
					   .window_segments = 2,
					   .with_timestamps = true };
	struct channel *channel = channel_create(&options), *consumer = channel;
	struct batch batch;
	struct control control;

	for (int64_t i = 0; i < 10; i++) {
		*(int64_t *)channel_reserve(channel, 8) = i;
		channel_set_timestamp(channel, 1000 + i);
	}
	channel_publish(channel);
	assert_int_equal(channel_take(channel, &batch, &control), CHANNEL_BATCH);
	for (int64_t i = 0; i < 10; i++)
		assert_int_equal(batch.timestamps_ms[i], 1000 + i);
	channel_leave_producer(&channel);
	channel_leave_consumer(&consumer);
	fixture_destroy(&f);
}

static void a_window_of_one_segment_moves_for_ever(void **state)
{
	struct fixture f = fixture_create(2048, 1);
	struct agent agent;

	fixture_agent(&agent);
	channel_set_producer(f.channel, &agent);
	for (int64_t i = 0; i < 10000;) {
		if (fixture_put(&f, i)) {
			i++;
			continue;
		}
		assert_true(channel_blocked(f.channel));
		assert_false(fixture_woken(&agent));
		/* The full segment was published although there is no credit for the next one. */
		assert_true(fixture_take_all(&f) > 0);
		assert_true(fixture_woken(&agent));
		assert_false(channel_blocked(f.channel));
	}
	channel_publish(f.channel);
	fixture_take_all(&f);
	assert_int_equal(f.expected, 10000);
	fixture_destroy(&f);
}

/* A watermark after each number, also at and across the ends of segments. */
static void control_elements_stand_where_they_were_offered(void **state)
{
	struct fixture f = fixture_create(2048, 4);
	struct control control;
	struct batch batch;
	int64_t numbers = 0, watermarks = 0, seen = 0;

	while (seen < 1000) {
		struct control watermark = { .kind = CONTROL_WATERMARK, .watermark = watermarks };

		if (numbers == watermarks && fixture_put(&f, numbers))
			numbers++;
		if (watermarks < numbers && channel_offer_control(f.channel, &watermark)) {
			watermarks++;
			continue;
		}
		enum channel_item item;
		while ((item = channel_take(f.channel, &batch, &control)) != CHANNEL_NOTHING) {
			if (item == CHANNEL_CONTROL) {
				assert_int_equal(control.watermark, seen++);
				assert_int_equal(f.expected, seen);
				continue;
			}
			assert_int_equal(batch.count, 1);
			assert_int_equal(*(const int64_t *)batch_at(&batch, 0), f.expected++);
			assert_int_equal(f.expected, seen + 1);
		}
		channel_release(f.channel, channel_taken(f.channel));
	}
	fixture_destroy(&f);
}

static void a_full_control_queue_refuses_and_wakes_when_there_is_room(void **state)
{
	struct fixture f = fixture_create(2048, 1);
	struct control control = { .kind = CONTROL_WATERMARK };
	struct batch batch;
	struct agent agent;

	fixture_agent(&agent);
	channel_set_producer(f.channel, &agent);
	for (int i = 0; i < CHANNEL_CONTROLS_MAX; i++)
		assert_true(channel_offer_control(f.channel, &control));
	assert_false(channel_offer_control(f.channel, &control));
	assert_false(fixture_woken(&agent));
	assert_false(channel_drained(f.channel));
	assert_int_equal(channel_take(f.channel, &batch, &control), CHANNEL_CONTROL);
	assert_true(fixture_woken(&agent));
	assert_true(channel_offer_control(f.channel, &control));
	assert_false(fixture_woken(&agent));
	while (channel_take(f.channel, &batch, &control) == CHANNEL_CONTROL)
		;
	assert_true(channel_drained(f.channel));
	fixture_destroy(&f);
}

static void an_urgent_barrier_overtakes_and_names_what_it_overtook(void **state)
{
	struct fixture f = fixture_create(2048, 4);
	struct control barrier = { .kind = CONTROL_BARRIER, .checkpoint = 7 }, control;
	struct batch batch;

	for (int64_t i = 0; i < 300; i++)
		fixture_put(&f, i);
	channel_publish(f.channel);
	assert_int_equal(channel_take(f.channel, &batch, &control), CHANNEL_BATCH);
	f.expected = batch.count;
	fixture_put(&f, 300);
	assert_false(channel_urgent_outstanding(f.channel));
	channel_urgent(f.channel, &barrier);
	assert_true(channel_urgent_outstanding(f.channel));
	fixture_put(&f, 301);
	channel_publish(f.channel);
	assert_int_equal(channel_take(f.channel, &batch, &control), CHANNEL_CONTROL);
	assert_false(channel_urgent_outstanding(f.channel));
	assert_true(control.urgent);
	assert_int_equal(control.checkpoint, 7);
	/* Exactly the numbers up to 300 lie between the consumer's position and the barrier's. */
	while (channel_taken(f.channel).segment < control.at.segment ||
	       channel_taken(f.channel).offset_bytes < control.at.offset_bytes) {
		struct control none;
		assert_int_equal(channel_take(f.channel, &batch, &none), CHANNEL_BATCH);
		f.expected += batch.count;
	}
	assert_int_equal(f.expected, 301);
	channel_urgent(f.channel, &barrier);
	fixture_destroy(&f);
}

static void a_failure_is_seen_by_both_sides_and_the_first_one_stays(void **state)
{
	struct fixture f = fixture_create(2048, 1);
	struct err first = ERR_INIT, second = ERR_INIT, seen = ERR_INIT;
	struct control control;
	struct batch batch;
	struct agent producer, consumer;
	struct gate *gate;

	fixture_agent(&producer);
	fixture_agent(&consumer);
	gate = gate_create(&consumer);
	gate_add(gate, f.channel, 5);
	channel_set_producer(f.channel, &producer);
	assert_ptr_equal(gate_next(gate), f.channel);
	assert_int_equal(gate_index(f.channel), 5);
	assert_int_equal(channel_take(f.channel, &batch, &control), CHANNEL_NOTHING);
	assert_true(fixture_woken(&consumer));
	while (fixture_put(&f, 0))
		;
	assert_true(fixture_woken(&consumer));
	assert_false(channel_failed(f.channel, NULL));
	err_set(&first, ERR_NET_CLOSED, "first");
	err_set(&second, ERR_BUG, "second");
	channel_fail(f.channel, &first);
	channel_fail(f.channel, &second);
	assert_true(fixture_woken(&producer));
	assert_true(channel_failed(f.channel, &seen));
	assert_int_equal(seen.code, ERR_NET_CLOSED);
	assert_string_equal(seen.text, "first");
	assert_ptr_equal(gate_next(gate), f.channel);
	assert_int_equal(channel_take(f.channel, &batch, &control), CHANNEL_FAILED);
	assert_false(fixture_put(&f, 0));
	assert_false(channel_offer_control(f.channel, &control));
	channel_leave_consumer(&f.consumer);
	gate_destroy(&gate);
	fixture_destroy(&f);
}

/* 0: producer first, 1: consumer first, with what was published taken or not. */
static void either_side_may_leave_first_and_nothing_leaks(void **state)
{
	for (int order = 0; order < 4; order++) {
		struct fixture f = fixture_create(2048, 3);
		struct agent agent;
		struct gate *gate;

		fixture_agent(&agent);
		gate = gate_create(&agent);
		gate_add(gate, f.channel, 0);
		for (int64_t i = 0; i < 600; i++)
			fixture_put(&f, i);
		channel_publish(f.channel);
		fixture_put(&f, 600);
		if (order & 2)
			gate_next(gate);
		if (order & 1) {
			channel_leave_consumer(&f.consumer);
			assert_true(channel_consumer_left(f.channel));
			/* What was complete is back at once; who goes on is refused in the end. */
			assert_true(segment_pool_free(f.pool) >= 14);
			while (fixture_put(&f, 601))
				;
			channel_leave_producer(&f.channel);
		} else {
			channel_leave_producer(&f.channel);
			f.channel = f.consumer;
			assert_true(channel_producer_left(f.channel));
			if (order & 2)
				assert_true(fixture_take_all(&f) > 0);
			f.channel = NULL;
			channel_leave_consumer(&f.consumer);
		}
		gate_destroy(&gate);
		fixture_destroy(&f);
	}
}

static void an_empty_pool_blocks_the_producer_until_a_segment_is_back(void **state)
{
	struct fixture f = fixture_create(2048, 4);
	struct segment *taken[16];
	struct agent agent;

	fixture_agent(&agent);
	channel_set_producer(f.channel, &agent);
	for (int i = 0; i < 16; i++)
		taken[i] = segment_take(f.pool, SEGMENT_WHOLE);
	assert_false(fixture_put(&f, 0));
	assert_true(channel_blocked(f.channel));
	assert_false(fixture_woken(&agent));
	segment_unref(&taken[0]);
	assert_true(fixture_woken(&agent));
	assert_false(channel_blocked(f.channel));
	assert_true(fixture_put(&f, 0));
	channel_publish(f.channel);
	fixture_take_all(&f);
	for (int i = 0; i < 16; i++)
		segment_unref(&taken[i]);
	fixture_destroy(&f);
}

static void credit_by_hand_is_absolute_and_monotone(void **state)
{
	struct fixture f = fixture_create(2048, 8);
	int64_t put = 0;

	channel_grant_by_hand(f.channel);
	assert_int_equal(channel_limit(f.channel), 8);
	while (fixture_put(&f, put))
		put++;
	assert_int_equal(fixture_take_all(&f), put);
	assert_int_equal(channel_released_segments(f.channel), 8);
	assert_false(fixture_put(&f, put));
	channel_grant(f.channel, 3);
	channel_grant(f.channel, 8);
	assert_int_equal(channel_limit(f.channel), 8);
	assert_false(fixture_put(&f, put));
	channel_grant(f.channel, 10);
	channel_grant(f.channel, 9);
	assert_int_equal(channel_limit(f.channel), 10);
	int64_t before = put;
	while (fixture_put(&f, put))
		put++;
	assert_int_equal((put - before) * 4, before);
	/* More credit than the channel has places: the places bound it, and a release wakes. */
	channel_grant(f.channel, 1000);
	while (fixture_put(&f, put))
		put++;
	assert_true(channel_blocked(f.channel));
	fixture_take_all(&f);
	assert_false(channel_blocked(f.channel));
	fixture_destroy(&f);
}

/* ---- the receiving end ---------------------------------------------------------------------- */

static void expect_refused(struct fixture *f, struct position at, const void *bytes,
			   uint32_t size_bytes, bool ends, enum err_code code, const char *text)
{
	struct err err = ERR_INIT;

	assert_int_equal(channel_receive(f->channel, at, bytes, size_bytes, ends, &err), -1);
	assert_int_equal(err.code, code);
	assert_string_equal(err.text, text);
	assert_int_equal(channel_receive(f->channel, at, bytes, size_bytes, ends, &err), -1);
}

static void received_bytes_are_checked_for_order_size_credit_and_content(void **state)
{
	struct fixture f = fixture_create(2048, 1);
	_Alignas(8) char run[2056];
	struct run_builder builder;
	struct err err = ERR_INIT;
	uint32_t size_bytes;

	run_builder_init(&builder, fixture_number, sizeof(run), false);
	run_begin(&builder, run, 1024);
	for (int64_t i = 0; i < 10; i++)
		*(int64_t *)run_reserve(&builder, 8) = i;
	size_bytes = run_end(&builder);
	run_builder_fini(&builder);
	assert_int_equal(size_bytes, 96);

	expect_refused(&f, (struct position){ 0, 8 }, run, size_bytes, false, ERR_NET_PROTOCOL,
		       "bytes for segment 0, offset 8 came where segment 0, offset 0 goes on");
	expect_refused(&f, (struct position){ 1, 0 }, run, size_bytes, false, ERR_NET_PROTOCOL,
		       "bytes for segment 1, offset 0 came where segment 0, offset 0 goes on");
	expect_refused(&f, (struct position){ 0, 0 }, run, 2056, false, ERR_NET_PROTOCOL,
		       "2056 bytes at offset 0 do not fit a segment of 2048 bytes");
	expect_refused(&f, (struct position){ 0, 0 }, run, 0, true, ERR_NET_PROTOCOL,
		       "segment 0 ends before it began");
	expect_refused(&f, (struct position){ 0, 0 }, run, 88, false, ERR_RECORD_INVALID,
		       "a run says it has 96 bytes; allowed are multiples of 8 from 16 to 88");
	assert_int_equal(
		channel_receive(f.channel, (struct position){ 0, 0 }, run, size_bytes, false, &err),
		0);
	assert_int_equal(
		channel_receive(f.channel, (struct position){ 0, 96 }, run, size_bytes, true, &err),
		0);
	expect_refused(&f, (struct position){ 0, 192 }, run, size_bytes, false, ERR_NET_PROTOCOL,
		       "bytes for segment 0, offset 192 came where segment 1, offset 0 goes on");
	expect_refused(&f, (struct position){ 1, 0 }, run, size_bytes, false, ERR_CREDIT_EXCEEDED,
		       "segment 1 was begun, but the limit is 1");
	struct batch batch;
	struct control control;
	assert_int_equal(channel_take(f.channel, &batch, &control), CHANNEL_BATCH);
	assert_int_equal(channel_take(f.channel, &batch, &control), CHANNEL_BATCH);
	assert_int_equal(*(const int64_t *)batch_at(&batch, 9), 9);
	channel_release(f.channel, channel_taken(f.channel));
	assert_int_equal(channel_limit(f.channel), 2);
	assert_int_equal(
		channel_receive(f.channel, (struct position){ 1, 0 }, run, size_bytes, false, &err),
		0);
	assert_int_equal(channel_records_in(f.channel), 30);
	fixture_destroy(&f);
}

/* ---- gates ---------------------------------------------------------------------------------- */

static void a_gate_lists_a_channel_once_and_wakes_on_the_first_only(void **state)
{
	struct fixture f[3];
	struct agent agent;
	struct gate *gate;
	struct batch batch;
	struct control control;

	fixture_agent(&agent);
	gate = gate_create(&agent);
	for (uint32_t i = 0; i < 3; i++) {
		f[i] = fixture_create(2048, 2);
		gate_add(gate, f[i].channel, i);
		assert_ptr_equal(gate_next(gate), f[i].channel);
		assert_int_equal(channel_take(f[i].channel, &batch, &control), CHANNEL_NOTHING);
	}
	fixture_woken(&agent);
	assert_null(gate_next(gate));
	for (int i = 2; i >= 0; i--) {
		fixture_put(&f[i], 0);
		channel_publish(f[i].channel);
		assert_true(fixture_woken(&agent));
		fixture_put(&f[i], 1);
		channel_publish(f[i].channel);
		assert_false(fixture_woken(&agent)); /* not empty -> not empty */
	}
	/* In the order they became ready, one run each, then again. */
	for (int round = 0; round < 2; round++) {
		for (int i = 2; i >= 0; i--) {
			struct channel *next = gate_next(gate);
			assert_ptr_equal(next, f[i].channel);
			assert_int_equal(channel_take(next, &batch, &control), CHANNEL_BATCH);
			assert_int_equal(*(const int64_t *)batch_at(&batch, 0), round);
			gate_yield(gate, next);
		}
	}
	for (int i = 2; i >= 0; i--)
		assert_int_equal(channel_take(gate_next(gate), &batch, &control), CHANNEL_NOTHING);
	assert_null(gate_next(gate));
	fixture_put(&f[1], 2);
	channel_publish(f[1].channel);
	assert_true(fixture_woken(&agent));
	/* One leaves while it is listed, one while it is not. */
	channel_leave_consumer(&f[1].consumer);
	channel_leave_consumer(&f[0].consumer);
	assert_null(gate_next(gate));
	fixture_put(&f[1], 3);
	channel_publish(f[1].channel);
	channel_leave_consumer(&f[2].consumer);
	gate_destroy(&gate);
	for (int i = 0; i < 3; i++)
		fixture_destroy(&f[i]);
}

static void a_parked_channel_comes_back_by_unpark_or_by_something_urgent(void **state)
{
	struct fixture f = fixture_create(2048, 2);
	struct control barrier = { .kind = CONTROL_BARRIER };
	struct channel_view view;
	struct agent agent;
	struct gate *gate;
	struct err err;

	fixture_agent(&agent);
	gate = gate_create(&agent);
	gate_add(gate, f.channel, 0);
	fixture_put(&f, 0);
	channel_publish(f.channel);
	assert_ptr_equal(gate_next(gate), f.channel);
	assert_int_equal(channel_peek(f.channel, &view), CHANNEL_BATCH);
	fixture_woken(&agent);
	gate_park(gate, f.channel);
	assert_null(gate_next(gate));
	gate_unpark(gate, f.channel);
	assert_true(fixture_woken(&agent));
	assert_ptr_equal(gate_next(gate), f.channel);
	gate_park(gate, f.channel);
	channel_urgent(f.channel, &barrier);
	assert_true(fixture_woken(&agent));
	assert_ptr_equal(gate_next(gate), f.channel);
	assert_int_equal(channel_peek(f.channel, &view), CHANNEL_CONTROL);
	assert_true(view.control.urgent);
	channel_advance(f.channel, &view);
	gate_park(gate, f.channel);
	assert_null(gate_next(gate));
	err_set(&err, ERR_BUG, "over");
	channel_fail(f.channel, &err);
	assert_ptr_equal(gate_next(gate), f.channel);
	gate_park(gate, f.channel); /* failed already: stays listed */
	assert_ptr_equal(gate_next(gate), f.channel);
	channel_leave_consumer(&f.consumer);
	gate_destroy(&gate);
	fixture_destroy(&f);
}

/* All that there is credit for, from this number on; gives the next one. */
static int64_t fill_and_take(struct fixture *f, int64_t number)
{
	while (fixture_put(f, number))
		number++;
	channel_publish(f->channel);
	fixture_take_all(f);
	return number;
}

static void a_gate_lends_segments_to_whoever_fills_its_window(void **state)
{
	struct segment_pool *pool = segment_pool_create(32 * 2048, 2048);
	struct channel_options options = { .pool = pool,
					   .window_segments = 2,
					   .window_segments_max = 10 };
	struct fixture busy = { .pool = pool }, idle = { .pool = pool };
	struct agent agent;
	struct gate *gate;
	char text[200];

	fixture_agent(&agent);
	gate = gate_create(&agent);
	gate_set_floating(gate, pool, 8);
	assert_int_equal(segment_pool_admitted(pool), 0); /* until somebody needs them */
	options.type = fixture_number;
	busy.channel = busy.consumer = channel_create(&options);
	idle.channel = idle.consumer = channel_create(&options);
	gate_add(gate, busy.channel, 0);
	gate_add(gate, idle.channel, 1);
	int64_t put = 0;
	for (int round = 0; round < 6; round++) {
		while (fixture_put(&busy, put))
			put++;
		fixture_take_all(&busy);
		assert_true(channel_check(busy.channel, text, sizeof(text)));
	}
	assert_int_equal(channel_limit(busy.channel) - channel_released_segments(busy.channel), 10);
	assert_int_equal(channel_limit(idle.channel) - channel_released_segments(idle.channel), 2);
	assert_int_equal(segment_pool_admitted(pool), 8);
	/* A slow producer gives them back, one with each segment released; the limit never falls.
	 *  */
	uint64_t limit = channel_limit(busy.channel);
	for (int round = 0; round < 200; round++) {
		for (int i = 0; i < 100; i++)
			assert_true(fixture_put(&busy, put++));
		channel_publish(busy.channel);
		fixture_take_all(&busy);
		assert_true(channel_limit(busy.channel) >= limit);
		limit = channel_limit(busy.channel);
	}
	assert_int_equal(limit - channel_released_segments(busy.channel), 2);
	assert_int_equal(segment_pool_admitted(pool), 0);
	channel_set_backlog(idle.channel, 3); /* as a data connection announces it */
	for (put = 0; put < 300; put++)
		fixture_put(&idle, put);
	channel_publish(idle.channel);
	fixture_take_all(&idle);
	assert_int_equal(channel_limit(idle.channel) - channel_released_segments(idle.channel), 5);
	/* Somebody waits for room: it gives back what it releases, whatever its producer needs. */
	segment_pool_hold(pool, true);
	channel_set_backlog(idle.channel, 9);
	put = fill_and_take(&idle, put);
	put = fill_and_take(&idle, put);
	assert_int_equal(channel_limit(idle.channel) - channel_released_segments(idle.channel), 2);
	assert_int_equal(segment_pool_admitted(pool), 0);
	segment_pool_hold(pool, false);
	fill_and_take(&idle, put);
	assert_in_range(channel_limit(idle.channel) - channel_released_segments(idle.channel), 3,
			10);
	channel_leave_consumer(&busy.consumer);
	channel_leave_consumer(&idle.consumer);
	/* Lent ones stay set aside until the producer is gone too: it may still use them. */
	assert_in_range(segment_pool_admitted(pool), 1, 8);
	channel_leave_producer(&busy.channel);
	channel_leave_producer(&idle.channel);
	gate_destroy(&gate);
	assert_int_equal(segment_pool_admitted(pool), 0);
	segment_pool_destroy(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pool_gives_each_segment_once_and_the_warm_one_first),
		cmocka_unit_test(admission_counts_and_says_no_with_numbers),
		cmocka_unit_test(nothing_is_lent_while_somebody_waits_for_room),
		cmocka_unit_test(who_found_the_pool_empty_is_told_once_when_a_segment_is_back),
		cmocka_unit_test(
			records_are_seen_after_publish_in_their_order_and_segments_go_back),
		cmocka_unit_test(timestamps_travel_with_their_records),
		cmocka_unit_test(a_window_of_one_segment_moves_for_ever),
		cmocka_unit_test(control_elements_stand_where_they_were_offered),
		cmocka_unit_test(a_full_control_queue_refuses_and_wakes_when_there_is_room),
		cmocka_unit_test(an_urgent_barrier_overtakes_and_names_what_it_overtook),
		cmocka_unit_test(a_failure_is_seen_by_both_sides_and_the_first_one_stays),
		cmocka_unit_test(either_side_may_leave_first_and_nothing_leaks),
		cmocka_unit_test(an_empty_pool_blocks_the_producer_until_a_segment_is_back),
		cmocka_unit_test(credit_by_hand_is_absolute_and_monotone),
		cmocka_unit_test(received_bytes_are_checked_for_order_size_credit_and_content),
		cmocka_unit_test(a_gate_lists_a_channel_once_and_wakes_on_the_first_only),
		cmocka_unit_test(a_parked_channel_comes_back_by_unpark_or_by_something_urgent),
		cmocka_unit_test(a_gate_lends_segments_to_whoever_fills_its_window),
	};
	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
