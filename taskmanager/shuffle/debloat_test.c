/* SPDX-License-Identifier: Apache-2.0
 * debloat_test.c - the window of a gate, by plain figures: consumers that are the slowest of their
 * pipeline, others that are not, and ways so long that a small window would starve them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "taskmanager/shuffle/channel_fixture.h"
#include "taskmanager/shuffle/debloat.h"

#define MAX_BYTES UINT64_C(1000000)
#define PERIOD_MS 50

struct scene {
	struct debloat debloat;
	mono_t now;
	uint64_t drained_bytes, idle_ns;
};

static struct scene scene(uint32_t target_ms)
{
	return (struct scene){ .now = NS_PER_S,
			       .debloat.options = { .enabled = true,
						    .target_ms = target_ms,
						    .period_ms = PERIOD_MS,
						    .samples = 20,
						    .threshold_percent = 25,
						    .segment_bytes_min = 256 } };
}

/* A period at so many bytes per second while busy, idle for a part of it. */
static uint64_t period(struct scene *s, uint64_t bytes_per_s, uint32_t idle_percent)
{
	uint64_t idle_ms = PERIOD_MS * idle_percent / 100;

	debloat_reckon(&s->debloat, s->now, s->drained_bytes, s->idle_ns, MAX_BYTES);
	assert_int_equal(s->debloat.at, mono_after_ms(s->now, PERIOD_MS));
	s->now = s->debloat.at;
	s->idle_ns += idle_ms * (uint64_t)NS_PER_MS;
	s->drained_bytes += bytes_per_s * (PERIOD_MS - idle_ms) / 1000;
	return s->debloat.window_bytes;
}

static uint64_t after(struct scene *s, uint32_t periods, uint64_t bytes_per_s,
		      uint32_t idle_percent)
{
	uint64_t window = 0;

	while (periods-- > 0)
		window = period(s, bytes_per_s, idle_percent);
	return window;
}

static void a_slow_consumer_has_what_it_drains_in_the_target_time(void **state)
{
	struct scene s = scene(10);

	assert_int_equal(after(&s, 2, 2000000, 0), MAX_BYTES * 3 / 4); /* not all at once */
	assert_int_equal(after(&s, 60, 2000000, 0), 20000);
	assert_int_equal(debloat_time_ms(&s.debloat, 20000), 10);
	assert_in_range(after(&s, 200, 8000000, 0), 79000, 80000);
	assert_in_range(after(&s, 200, 1000, 0), 256, 257); /* never less */
}

static void a_fast_consumer_has_all_there_is(void **state)
{
	struct scene s = scene(10);

	assert_int_equal(after(&s, 100, 1000000000, 0), MAX_BYTES);
}

static void one_that_waits_for_its_input_has_all_there_is(void **state)
{
	struct scene s = scene(10);

	after(&s, 100, 100000, 0);
	assert_int_equal(s.debloat.window_bytes, 1000);
	assert_int_equal(after(&s, 20, 100000, 50), MAX_BYTES);
	assert_in_range(debloat_time_ms(&s.debloat, 100000), 990,
			1010); /* idle time is no slowness */
}

/* A long way: it starves below 100 000 bytes. The window comes to rest above that, for the most
 * part, although the target time would allow 10 000. */
static void a_window_that_starves_its_consumer_is_not_tried_often(void **state)
{
	struct scene s = scene(10);
	uint32_t starved = 0;

	for (uint32_t i = 0; i < 1000; i++) {
		bool starves = s.debloat.window_bytes != 0 && s.debloat.window_bytes < 100000;

		starved += starves;
		period(&s, 1000000, starves ? 90 : 0);
	}
	assert_in_range(starved, 1, 100);
}

static void nothing_is_said_before_something_is_known(void **state)
{
	struct scene s = scene(10);

	assert_false(debloat_reckon(&s.debloat, s.now, 0, 0, MAX_BYTES));
	assert_false(
		debloat_reckon(&s.debloat, s.now + NS_PER_S, 0, (uint64_t)NS_PER_S, MAX_BYTES));
	assert_int_equal(debloat_time_ms(&s.debloat, 100), 0);
}

/* ---- a gate obeys --------------------------------------------------------------------------- */

static struct channel *open_channel(struct segment_pool *pool, struct gate *gate, uint32_t window)
{
	struct channel_options options = { .type = fixture_number,
					   .pool = pool,
					   .window_segments = window,
					   .window_segments_max = 8 };
	struct channel *channel = channel_create(&options);

	gate_add(gate, channel, 0);
	return channel;
}

static uint32_t put_all(struct channel *channel)
{
	uint32_t count = 0;
	int64_t *record;

	while ((record = channel_reserve(channel, sizeof(*record))) != NULL)
		*record = count++;
	return count;
}

static uint32_t take_some(struct gate *gate, uint32_t runs)
{
	struct channel *channel;
	struct control control;
	struct batch batch;
	uint32_t count = 0;

	while (runs > 0 && (channel = gate_next(gate)) != NULL)
		if (channel_take(channel, &batch, &control) == CHANNEL_BATCH) {
			count += batch.count;
			channel_release(channel, channel_taken(channel));
			runs--;
		}
	return count;
}

static void segments_of_a_slow_gate_are_filled_in_part(void **state)
{
	struct segment_pool *pool = segment_pool_create(16 * 8192, 8192);
	struct agent agent;
	struct scene s = scene(10);

	fixture_agent(&agent);
	struct gate *gate = gate_create(&agent);

	gate_set_debloat(gate, &s.debloat.options);
	gate_set_floating(gate, pool, 6);
	struct channel *consumer = open_channel(pool, gate, 2), *producer = consumer;

	assert_int_equal(gate_fill_bytes(gate), 8192);
	assert_int_equal(put_all(producer), 2 * (8192 - 16) / 8);
	for (mono_t now = NS_PER_S; now < 20 * NS_PER_S; now += PERIOD_MS * NS_PER_MS) {
		gate_debloat(gate, now, 0); /* never idle, and drains one run per period */
		take_some(gate, 1);
		put_all(producer);
	}
	/* 2 KiB … 8 KiB per 50 ms: 10 ms of that in two segments. */
	assert_in_range(gate_fill_bytes(gate), 256, 1024);
	assert_in_range(gate_queued_ms(gate), 1, 120);
	char text[200];

	assert_true(channel_check(consumer, text, sizeof(text)));
	take_some(gate, UINT32_MAX);
	uint32_t put = put_all(producer);

	assert_in_range(put, 2 * (256 - 16) / 8, 2 * 1024 / 8);
	/* Bytes are allowed, not asked for: a run of another size goes all the same. */
	take_some(gate, UINT32_MAX);
	_Alignas(8) char run[4096];
	struct run_builder builder;

	run_builder_init(&builder, fixture_number, sizeof(run), false);
	assert_true(run_begin(&builder, run, sizeof(run)));
	while (run_reserve(&builder, 8) != NULL)
		;
	uint32_t size_bytes = run_end(&builder);

	run_builder_fini(&builder);
	assert_true(channel_append_run(producer, run, size_bytes));
	channel_publish(producer);
	assert_int_equal(take_some(gate, 1), (4096 - 16) / 8);
	channel_leave_producer(&producer);
	channel_leave_consumer(&consumer);
	gate_destroy(&gate);
	segment_pool_destroy(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_slow_consumer_has_what_it_drains_in_the_target_time),
		cmocka_unit_test(a_fast_consumer_has_all_there_is),
		cmocka_unit_test(one_that_waits_for_its_input_has_all_there_is),
		cmocka_unit_test(a_window_that_starves_its_consumer_is_not_tried_often),
		cmocka_unit_test(nothing_is_said_before_something_is_known),
		cmocka_unit_test(segments_of_a_slow_gate_are_filled_in_part),
	};
	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
