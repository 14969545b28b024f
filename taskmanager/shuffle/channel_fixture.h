/* SPDX-License-Identifier: Apache-2.0
 * channel_fixture.h - what the tests of this folder share: a number type, a channel with both of
 * its sides in one hand, agents that only remember that they were woken. Header only. */
#ifndef TASKMANAGER_SHUFFLE_CHANNEL_FIXTURE_H
#define TASKMANAGER_SHUFFLE_CHANNEL_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/record/record_random.h"
#include "taskmanager/shuffle/channel_priv.h"

static struct record_type *fixture_number; /* number(value BIGINT) */
static int64_t fixture_bytes UNUSED;       /* what the tests may leave on the heap: the type */

static inline int fixture_setup(void **state)
{
	static const struct field fields[] = { { "value", FIELD_BIGINT, 0 } };
	struct err err;
	int answer = record_type_create("number", NULL, fields, 1, &fixture_number, &err);

	fixture_bytes = mem_bytes_out();
	return answer;
}

static inline int fixture_teardown(void **state)
{
	record_type_destroy(&fixture_number);
	return mem_bytes_out() == 0 ? 0 : -1;
}

static inline enum step fixture_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	return STEP_IDLE;
}

static inline void fixture_agent(struct agent *agent)
{
	agent_init(agent, "test", fixture_step);
}

static inline bool fixture_woken(struct agent *agent)
{
	return atomic_exchange(&agent->awake, 0) != 0;
}

struct fixture {
	struct segment_pool *pool;
	struct channel *channel, *consumer; /* the same one; NULL: that side has left */
	int64_t expected;                   /* the next number to be taken */
};

static inline struct fixture fixture_create(uint32_t segment_bytes, uint32_t window_segments)
{
	struct fixture f = { .pool = segment_pool_create(16 * segment_bytes, segment_bytes) };
	struct channel_options options = { .type = fixture_number, .pool = f.pool,
					   .window_segments = window_segments };

	f.channel = f.consumer = channel_create(&options);
	return f;
}

static inline void fixture_destroy(struct fixture *f)
{
	if (f->channel != NULL)
		channel_leave_producer(&f->channel);
	if (f->consumer != NULL)
		channel_leave_consumer(&f->consumer);
	segment_pool_destroy(&f->pool);
}

static inline bool fixture_put(struct fixture *f, int64_t value)
{
	int64_t *record = channel_reserve(f->channel, sizeof(int64_t));

	if (record != NULL)
		*record = value;
	return record != NULL;
}

/* Takes and releases all there is, checks that the numbers go on; how many. */
static inline int64_t fixture_take_all(struct fixture *f)
{
	struct batch batch;
	struct control control;
	int64_t count = 0;

	while (channel_take(f->consumer, &batch, &control) == CHANNEL_BATCH) {
		for (uint32_t i = 0; i < batch.count; i++)
			assert_int_equal(*(const int64_t *)batch_at(&batch, i), f->expected++);
		count += batch.count;
		channel_release(f->consumer, channel_taken(f->consumer));
	}
	return count;
}

#endif
