/* SPDX-License-Identifier: Apache-2.0
 * channel_thread_test.c - channels and gates between real threads: no wake-up is lost, nothing is
 * read before it is there, and sides may leave at any moment. Run it under TSan.
 *
 * A thread here sleeps only until its agent is woken, as a runner does; a lost wake-up is a sleeper
 * that the deadline finds. */
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "common/base/check.h"
#include "taskmanager/shuffle/channel_fixture.h"

#define PRODUCERS 3
#define CHANNELS_PER_PRODUCER 2
#define CHANNELS (PRODUCERS * CHANNELS_PER_PRODUCER)
#define NUMBERS 60000
#define DEADLINE_S 120

enum ending { END_ALL, END_CONSUMER_LEAVES, END_PRODUCERS_LEAVE, END_FAILS };

struct scene {
	enum ending ending;
	struct segment_pool *pool;
	struct channel *channels[CHANNELS], *consumers[CHANNELS];
	struct agent consumer_agent;
	atomic_uint failed; /* a channel more each time */
	uint64_t seed;
};

struct producer {
	struct scene *scene;
	struct agent agent;
	uint32_t index;
};

/* A thread that waits gives its core away. One that spins on sched_yield uses up its slices:
 * beside other processes each hand-over then costs a round of all of theirs. */
static void pause_briefly(void)
{
	struct timespec moment = { .tv_nsec = 20000 };

	nanosleep(&moment, NULL);
}

/* Looks often before it sleeps: on two cores both sides are to meet in the middle of things. */
static void sleep_until_woken(struct agent *agent, const char *who)
{
	struct timespec start, now;

	for (int i = 0; i < 500; i++) {
		if (fixture_woken(agent))
			return;
	}
	clock_gettime(CLOCK_MONOTONIC, &start);
	while (!fixture_woken(agent)) {
		pause_briefly();
		clock_gettime(CLOCK_MONOTONIC, &now);
		CHECK(now.tv_sec - start.tv_sec < DEADLINE_S, "nobody wakes the %s", who);
	}
}

/* False: the channel is of no use any more. */
static bool producer_put(struct producer *p, struct channel *channel, int64_t number)
{
	int64_t *record;

	while ((record = channel_reserve(channel, sizeof(int64_t))) == NULL) {
		if (channel_failed(channel, NULL) || channel_consumer_left(channel))
			return false;
		CHECK(!channel_has_unpublished(channel), "blocked with something unpublished");
		sleep_until_woken(&p->agent, "producer, who wants credit");
	}
	*record = number;
	return true;
}

static bool producer_offer(struct producer *p, struct channel *channel, uint8_t kind,
			   int64_t number)
{
	struct control control = { .kind = kind, .watermark = number };

	while (!channel_offer_control(channel, &control)) {
		if (channel_failed(channel, NULL) || channel_consumer_left(channel))
			return false;
		sleep_until_woken(&p->agent, "producer, who wants room for a watermark");
	}
	return true;
}

static void *produce(void *context)
{
	struct producer *p = context;
	struct scene *scene = p->scene;
	struct random random = { .state = scene->seed * 31 + p->index + 1 };
	int64_t numbers =
		scene->ending == END_PRODUCERS_LEAVE ? random_below(&random, NUMBERS) : NUMBERS;
	bool useful[CHANNELS_PER_PRODUCER] = { true, true };

	for (int64_t i = 0; i < numbers; i++) {
		for (uint32_t c = 0; c < CHANNELS_PER_PRODUCER; c++) {
			struct channel *channel =
				scene->channels[p->index * CHANNELS_PER_PRODUCER + c];

			useful[c] = useful[c] && producer_put(p, channel, i);
			if (!useful[c])
				continue;
			if (random_below(&random, 50) == 0)
				channel_publish(channel);
			if (random_below(&random, 100) == 0)
				useful[c] = producer_offer(p, channel, CONTROL_WATERMARK, i);
		}
	}
	for (uint32_t c = 0; c < CHANNELS_PER_PRODUCER; c++) {
		uint32_t index = p->index * CHANNELS_PER_PRODUCER + c;

		if (useful[c] && scene->ending != END_PRODUCERS_LEAVE)
			producer_offer(p, scene->channels[index], CONTROL_END_OF_INPUT, 0);
		channel_leave_producer(&scene->channels[index]);
	}
	return NULL;
}

/* Fails one channel after the other while both sides work on them. */
static void *sabotage(void *context)
{
	struct scene *scene = context;
	struct err why;

	err_set(&why, ERR_NET_CLOSED, "the test broke it");
	for (uint32_t i = 0; i < CHANNELS; i++) {
		pause_briefly();
		channel_fail(scene->consumers[i], &why);
		atomic_store(&scene->failed, i + 1);
	}
	return NULL;
}

struct consumer {
	struct scene *scene;
	struct gate *gate;
	struct random random;
	int64_t expected[CHANNELS];
	uint32_t open;
};

static void consumer_leave(struct consumer *c, uint32_t index)
{
	/* Who fails a channel holds it: here the consumer waits for the saboteur. */
	while (c->scene->ending == END_FAILS && atomic_load(&c->scene->failed) <= index)
		pause_briefly();
	channel_leave_consumer(&c->scene->consumers[index]);
	c->open--;
}

/* One item of one channel. */
static void consume_item(struct consumer *c, struct channel *channel)
{
	uint32_t index = gate_index(channel);
	struct control control;
	struct batch batch;

	switch (channel_take(channel, &batch, &control)) {
	case CHANNEL_PIECE: CHECK(false, "a piece of a number"); break;
	case CHANNEL_BATCH:
		for (uint32_t i = 0; i < batch.count; i++) {
			int64_t number = *(const int64_t *)batch_at(&batch, i);

			CHECK(number == c->expected[index], "%lld instead of %lld",
			      (long long)number, (long long)c->expected[index]);
			c->expected[index]++;
		}
		channel_release(channel, channel_taken(channel));
		if (random_below(&c->random, 16) == 0) /* as debloating does */
			channel_allow(channel, random_below(&c->random, 16384));
		break;
	case CHANNEL_CONTROL:
		if (control.kind == CONTROL_WATERMARK) {
			CHECK(control.watermark == c->expected[index] - 1,
			      "watermark %lld after %lld", (long long)control.watermark,
			      (long long)c->expected[index] - 1);
			break;
		}
		CHECK(c->expected[index] == NUMBERS, "the end after %lld",
		      (long long)c->expected[index]);
		consumer_leave(c, index);
		return;
	case CHANNEL_FAILED:
		CHECK(c->scene->ending == END_FAILS, "channel %u failed", index);
		consumer_leave(c, index);
		return;
	case CHANNEL_NOTHING:
		if (channel_producer_left(channel)) {
			/* It left before this look at what it had published, or it is listed again.
			 *  */
			if (c->scene->ending == END_PRODUCERS_LEAVE &&
			    channel_backlog_segments(channel) == 0)
				consumer_leave(c, index);
		}
		return;
	}
	if (c->scene->ending == END_CONSUMER_LEAVES && random_below(&c->random, 300) == 0)
		consumer_leave(c, index);
	else if (random_below(&c->random, 3) == 0)
		gate_yield(c->gate, channel);
}

static void consume(struct scene *scene, struct gate *gate)
{
	struct consumer c = {
		.scene = scene, .gate = gate, .random = { scene->seed + 99 }, .open = CHANNELS
	};

	while (c.open > 0) {
		struct channel *channel = gate_next(gate);

		if (channel != NULL)
			consume_item(&c, channel);
		else
			sleep_until_woken(&scene->consumer_agent, "consumer");
	}
}

static void play(enum ending ending, uint64_t seed)
{
	static struct scene scene;
	struct producer producers[PRODUCERS];
	pthread_t threads[PRODUCERS], saboteur;
	struct random random = { .state = seed };

	memset(&scene, 0, sizeof(scene));
	scene.ending = ending;
	scene.seed = seed;
	uint32_t size_class = random_below(&random, 3); /* the same memory in other pieces */

	scene.pool = segment_pool_create((16 * 2048) << size_class, 2048 << size_class);
	fixture_agent(&scene.consumer_agent);
	struct gate *gate = gate_create(&scene.consumer_agent);
	for (uint32_t i = 0; i < CHANNELS; i++) {
		struct channel_options options = { .type = fixture_number,
						   .pool = scene.pool,
						   .size_class = size_class,
						   .admitted_segments = size_class > 0 ? 5 : 0,
						   .window_segments =
							   1 + random_below(&random, 6) };
		struct err err;

		CHECK(segment_pool_admit(scene.pool, size_class, options.admitted_segments, &err) ==
			      0,
		      "%s", err.text);
		scene.channels[i] = scene.consumers[i] = channel_create(&options);
	}
	for (uint32_t i = 0; i < PRODUCERS; i++) {
		producers[i] = (struct producer){ .scene = &scene, .index = i };
		fixture_agent(&producers[i].agent);
		for (uint32_t c = 0; c < CHANNELS_PER_PRODUCER; c++)
			channel_set_producer(scene.channels[i * CHANNELS_PER_PRODUCER + c],
					     &producers[i].agent);
	}
	for (uint32_t i = 0; i < PRODUCERS; i++)
		CHECK(pthread_create(&threads[i], NULL, produce, &producers[i]) == 0, "no thread");
	for (uint32_t i = 0; i < CHANNELS; i++) /* while the producers are at it */
		gate_add(gate, scene.consumers[i], i);
	if (ending == END_FAILS)
		CHECK(pthread_create(&saboteur, NULL, sabotage, &scene) == 0, "no thread");
	consume(&scene, gate);
	/* The gate goes while producers may still reach for it. */
	gate_destroy(&gate);
	if (ending == END_FAILS)
		pthread_join(saboteur, NULL);
	for (uint32_t i = 0; i < PRODUCERS; i++)
		pthread_join(threads[i], NULL);
	segment_pool_destroy(&scene.pool);
	assert_int_equal(mem_bytes_out(), fixture_bytes);
}

static void everything_arrives_in_order(void **state)
{
	for (uint64_t seed = 1; seed <= 3; seed++)
		play(END_ALL, seed);
}

static void a_consumer_may_leave_at_any_moment(void **state)
{
	for (uint64_t seed = 1; seed <= 20; seed++)
		play(END_CONSUMER_LEAVES, seed);
}

static void producers_may_leave_at_any_moment(void **state)
{
	for (uint64_t seed = 1; seed <= 8; seed++)
		play(END_PRODUCERS_LEAVE, seed);
}

static void a_failure_reaches_both_sides_wherever_they_are(void **state)
{
	for (uint64_t seed = 1; seed <= 20; seed++)
		play(END_FAILS, seed);
}

/* ---- the pool alone ------------------------------------------------------------------------- */

struct hands {
	struct segment_pool *pool;
	struct agent agent;
	struct segment_waiter waiter;
	uint64_t seed;
};

static void hands_woken(struct segment_waiter *waiter)
{
	agent_wake(&CONTAINER_OF(waiter, struct hands, waiter)->agent);
}

static void *take_and_give(void *context)
{
	struct hands *hands = context;
	struct random random = { .state = hands->seed };
	struct segment *held[8] = { NULL };
	uint32_t count = 0;

	for (int i = 0; i < 40000; i++) {
		if (count < 8 && random_below(&random, 2) == 0) {
			struct segment *segment =
				segment_take_or_wait(hands->pool, SEGMENT_WHOLE, &hands->waiter);

			if (segment == NULL && count == 0) { /* others hold them all */
				sleep_until_woken(&hands->agent, "taker");
				continue;
			}
			if (segment == NULL)
				continue;
			memset(segment->data, (int)hands->seed, 64);
			held[count++] = segment;
		} else if (count > 0) {
			count--;
			CHECK(held[count]->data[63] == (char)hands->seed,
			      "a segment with two owners");
			segment_unref(&held[count]);
		}
	}
	segment_wait_cancel(hands->pool, &hands->waiter);
	while (count > 0)
		segment_unref(&held[--count]);
	return NULL;
}

static void a_pool_gives_no_segment_twice_and_forgets_no_waiter(void **state)
{
	struct segment_pool *pool = segment_pool_create(16 * 2048, 2048);
	struct hands hands[4];
	pthread_t threads[4];

	for (uint32_t i = 0; i < 4; i++) {
		hands[i] =
			(struct hands){ .pool = pool, .seed = i + 1, .waiter.wake = hands_woken };
		fixture_agent(&hands[i].agent);
	}
	for (uint32_t i = 0; i < 4; i++)
		CHECK(pthread_create(&threads[i], NULL, take_and_give, &hands[i]) == 0,
		      "no thread");
	for (uint32_t i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	segment_pool_destroy(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pool_gives_no_segment_twice_and_forgets_no_waiter),
		cmocka_unit_test(everything_arrives_in_order),
		cmocka_unit_test(a_consumer_may_leave_at_any_moment),
		cmocka_unit_test(producers_may_leave_at_any_moment),
		cmocka_unit_test(a_failure_reaches_both_sides_wherever_they_are),
	};
	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
