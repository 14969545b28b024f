/* SPDX-License-Identifier: Apache-2.0
 * channel_model_test.c - random work on channels against a plain list of what was produced.
 *
 * After each operation credit must be conserved and every segment accounted for; in the end what
 * was published came out once and in order, and every segment is back. Two shapes: one channel, and
 * two channels joined by a courier that does what a data connection does, without a socket. */
#include <stdio.h>

#include "common/base/hash.h"
#include "taskmanager/shuffle/channel_fixture.h"
#include "taskmanager/shuffle/segment_priv.h"

#define EVENTS_MAX 4000
#define KEPT_MAX 64
#define POOL_SEGMENTS 16
#define ADMITTED_SEGMENTS 8 /* a window and what is granted by hand need no more */

/* What was produced: a record's hash, or a control element. */
struct event {
	bool control, urgent;
	uint64_t value;
};

struct model {
	struct random random;
	uint64_t seed;
	struct record_type *type;
	struct segment_pool *pool, *far_pool; /* the same one without a courier */
	struct channel *near, *far; /* producer's and consumer's; the same without a courier */
	struct gate *gate;
	struct agent agent;
	struct event events[EVENTS_MAX];
	uint32_t produced, published, taken; /* of events: appended, surely visible, seen */
	uint64_t watermark, barrier, barriers_seen;
	struct position kept[KEPT_MAX]; /* positions taken and not released, oldest first */
	uint32_t kept_count;
	struct segment
		*outside[POOL_SEGMENTS]; /* held by somebody else, so that the pool runs empty */
	uint32_t outside_count;
	uint32_t size_class;
	bool tails, timestamps, by_hand;
};

#define MUST(model, condition) \
	do { \
		if (!(condition)) \
			fail_msg("seed %llu: %s", (unsigned long long)(model)->seed, #condition); \
	} while (0)

static uint64_t record_hash(const struct record_type *type, const void *record)
{
	_Alignas(8) char image[4096];
	uint32_t size_bytes = record_size(type, record);

	memset(image, 0, size_bytes);
	record_copy(type, record, image);
	return hash_checksum(image, size_bytes);
}

static void model_check(struct model *m)
{
	char text[256] = "";
	uint32_t held = channel_held_segments(m->near), held_far = channel_held_segments(m->far);

	if (!channel_check(m->near, text, sizeof(text)) ||
	    !channel_check(m->far, text, sizeof(text)))
		fail_msg("seed %llu: %s", (unsigned long long)m->seed, text);
	if (m->size_class == SEGMENT_WHOLE)
		held += m->outside_count;
	MUST(m, atomic_load(&m->pool->classes[m->size_class].used) == held);
	MUST(m, m->near == m->far ||
			atomic_load(&m->far_pool->classes[m->size_class].used) == held_far);
	if (!segment_pool_check(m->pool, text, sizeof(text)) ||
	    !segment_pool_check(m->far_pool, text, sizeof(text)))
		fail_msg("seed %llu: %s", (unsigned long long)m->seed, text);
}

static struct channel *model_channel(struct model *m, struct segment_pool *pool, uint32_t window)
{
	struct channel_options options = { .type = m->type,
					   .pool = pool,
					   .size_class = m->size_class,
					   .admitted_segments = ADMITTED_SEGMENTS,
					   .window_segments = window,
					   .window_segments_max =
						   window + random_below(&m->random, 4),
					   .with_timestamps = m->timestamps };
	struct err err;

	MUST(m, segment_pool_admit(pool, m->size_class, ADMITTED_SEGMENTS, &err) == 0);
	return channel_create(&options);
}

static void model_create(struct model *m, uint64_t seed, bool courier)
{
	uint32_t segment_bytes;

	memset(m, 0, sizeof(*m));
	m->seed = seed;
	m->random.state = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
	segment_bytes = 2048u << random_below(&m->random, 3);
	m->type = random_type(&m->random);
	m->tails = random_below(&m->random, 2);
	m->timestamps = random_below(&m->random, 2);
	m->pool = m->far_pool = segment_pool_create(POOL_SEGMENTS * segment_bytes, segment_bytes);
	if (courier)
		m->far_pool = segment_pool_create(POOL_SEGMENTS * segment_bytes, segment_bytes);
	m->size_class = random_below(&m->random, segment_pool_classes(m->pool));
	m->near = m->far = model_channel(m, m->pool, 1 + random_below(&m->random, 5));
	if (courier)
		m->far = model_channel(m, m->far_pool, 1 + random_below(&m->random, 5));
	m->by_hand = !courier && random_below(&m->random, 4) == 0;
	if (m->by_hand)
		channel_grant_by_hand(m->far);
	fixture_agent(&m->agent);
	m->gate = gate_create(&m->agent);
	gate_set_floating(m->gate, m->far_pool, random_below(&m->random, 4));
	gate_add(m->gate, m->far, 0);
}

static void model_outside(struct model *m, uint32_t count)
{
	while (m->outside_count < count &&
	       (m->outside[m->outside_count] = segment_take(m->pool, SEGMENT_WHOLE)) != NULL)
		m->outside_count++;
	while (m->outside_count > count)
		segment_unref(&m->outside[--m->outside_count]);
}

static void model_destroy(struct model *m, bool courier)
{
	if (courier) {
		struct channel *near = m->near, *far = m->far;

		channel_leave_consumer(&near);
		channel_leave_producer(&far);
	}
	channel_leave_producer(&m->near);
	channel_leave_consumer(&m->far);
	gate_destroy(&m->gate);
	if (courier)
		segment_pool_destroy(&m->far_pool);
	segment_pool_destroy(&m->pool); /* CHECKs that all are back */
	record_type_destroy(&m->type);
}

static void model_produced(struct model *m, bool control, uint64_t value)
{
	MUST(m, m->produced < EVENTS_MAX);
	m->events[m->produced++] = (struct event){ .control = control, .value = value };
}

/* ---- the producer --------------------------------------------------------------------------- */

static void model_put(struct model *m)
{
	_Alignas(8) char record[RANDOM_STRUCT_BYTES_MAX];
	struct random_texts texts;

	random_record(&m->random, m->type, m->tails, &texts, record);
	uint32_t size_bytes = record_size(m->type, record);
	void *into = channel_reserve(m->near, size_bytes);

	if (into == NULL) {
		MUST(m, channel_blocked(m->near));
		m->published = m->produced; /* a blocked producer has nothing left to publish */
		return;
	}
	record_copy(m->type, record, into);
	if (m->timestamps)
		channel_set_timestamp(m->near, (int64_t)m->produced);
	model_produced(m, false, record_hash(m->type, record));
}

/* A whole run, as a chain's buffer hands it over. */
static void model_append(struct model *m)
{
	_Alignas(8) char run[2048], record[RANDOM_STRUCT_BYTES_MAX];
	uint64_t hashes[64];
	uint32_t count = 0, wanted = 1 + random_below(&m->random, 64);
	struct run_builder builder;
	struct random_texts texts;

	run_builder_init(&builder, m->type, sizeof(run), m->timestamps);
	MUST(m, run_begin(&builder, run, sizeof(run)));
	while (count < wanted) {
		random_record(&m->random, m->type, m->tails, &texts, record);
		void *into = run_reserve(&builder, record_size(m->type, record));

		if (into == NULL)
			break;
		record_copy(m->type, record, into);
		if (m->timestamps)
			builder.timestamps_ms[builder.count - 1] = m->produced + count;
		hashes[count++] = record_hash(m->type, record);
	}
	uint32_t size_bytes = run_end(&builder);

	run_builder_fini(&builder);
	if (count == 0 || m->produced + count > EVENTS_MAX ||
	    !channel_append_run(m->near, run, size_bytes))
		return;
	for (uint32_t i = 0; i < count; i++)
		model_produced(m, false, hashes[i]);
}

static void model_publish(struct model *m)
{
	channel_publish(m->near);
	m->published = m->produced;
	MUST(m, !channel_has_unpublished(m->near));
}

static void model_offer(struct model *m)
{
	struct control control = { .kind = CONTROL_WATERMARK, .watermark = (event_t)m->watermark };

	if (channel_offer_control(m->near, &control))
		model_produced(m, true, m->watermark++);
	m->published = m->produced;
}

static void model_urgent(struct model *m)
{
	struct control control = { .kind = CONTROL_BARRIER, .checkpoint = m->barrier };

	if (channel_urgent_outstanding(m->near) || channel_urgent_outstanding(m->far))
		return;
	channel_urgent(m->near, &control);
	m->barrier++;
	m->published = m->produced;
}

/* ---- the consumer --------------------------------------------------------------------------- */

static void model_saw(struct model *m, bool control, uint64_t value)
{
	MUST(m, m->taken < m->produced);
	MUST(m, m->events[m->taken].control == control);
	MUST(m, m->events[m->taken].value == value);
	m->taken++;
}

static void model_release(struct model *m, uint32_t count)
{
	if (count == 0)
		return;
	channel_release(m->far, m->kept[count - 1]);
	m->kept_count -= count;
	memmove(m->kept, m->kept + count, m->kept_count * sizeof(m->kept[0]));
}

static bool model_take(struct model *m)
{
	struct channel *ready = gate_next(m->gate);
	struct control control;
	struct batch batch;

	if (ready == NULL) { /* then nothing is there */
		MUST(m, m->near != m->far || m->taken >= m->published);
		return false;
	}
	if (random_below(&m->random, 4) == 0) {
		gate_yield(m->gate, ready);
		ready = gate_next(m->gate);
	}
	switch (channel_take(ready, &batch, &control)) {
	case CHANNEL_BATCH:
		for (uint32_t i = 0; i < batch.count; i++) {
			MUST(m, !m->timestamps || batch.timestamps_ms[i] == m->taken);
			model_saw(m, false, record_hash(m->type, batch_at(&batch, i)));
		}
		if (m->kept_count == KEPT_MAX)
			model_release(m, 1 + random_below(&m->random, KEPT_MAX));
		m->kept[m->kept_count++] = channel_taken(ready);
		return true;
	case CHANNEL_CONTROL:
		if (control.urgent)
			MUST(m, control.checkpoint == m->barriers_seen++);
		else
			model_saw(m, true, (uint64_t)control.watermark);
		return true;
	case CHANNEL_NOTHING:
		MUST(m, m->near != m->far || m->taken >= m->published);
		return false;
	default:
		fail_msg("seed %llu: failed", (unsigned long long)m->seed);
		return false;
	}
}

/* ---- the courier: what a data connection does ----------------------------------------------- */

static bool model_courier(struct model *m)
{
	struct channel_view view;
	struct err err = ERR_INIT;
	enum channel_item item = channel_peek(m->near, &view);

	if (item == CHANNEL_CONTROL) {
		if (view.control.urgent ? channel_urgent_outstanding(m->far) :
					  m->far->control_tail_own - channel_control_head(m->far) ==
						  CHANNEL_CONTROLS_MAX)
			return false;
		channel_advance(m->near, &view);
		if (view.control.urgent)
			channel_receive_urgent(m->far, &view.control);
		else
			MUST(m, channel_offer_control(m->far, &view.control));
		return true;
	}
	if (item != CHANNEL_BATCH || view.at.segment >= channel_limit(m->far))
		return false;
	channel_set_backlog(m->far, (uint32_t)channel_backlog_segments(m->near));
	if (channel_receive(m->far, view.at, view.data, view.size_bytes, view.ends_segment, &err) !=
	    0)
		fail_msg("seed %llu: %s", (unsigned long long)m->seed, err.text);
	channel_release(m->near, channel_advance(m->near, &view));
	return true;
}

/* What debloating does to a channel, by other dice. */
static void model_allow(struct model *m)
{
	uint64_t most = UINT64_C(1) << random_below(&m->random, 17);
	uint64_t bytes = random_below(&m->random, (uint32_t)most);

	if (random_below(&m->random, 4) == 0)
		bytes = 0;
	channel_allow(m->far, bytes);
	if (m->near != m->far)
		channel_allow_units(m->near, channel_allowed_units(m->far));
}

/* ---- the runs ------------------------------------------------------------------------------- */

static void model_act(struct model *m, bool courier)
{
	uint32_t dice = random_below(&m->random, 100);

	if (dice < 45)
		model_put(m);
	else if (dice < 48)
		model_append(m);
	else if (dice < 56)
		model_publish(m);
	else if (dice < 60)
		model_offer(m);
	else if (dice < 62)
		model_urgent(m);
	else if (dice < 80)
		model_take(m);
	else if (dice < 82)
		model_allow(m);
	else if (dice < 91)
		model_release(m, random_below(&m->random, m->kept_count + 1));
	else if (m->by_hand)
		channel_grant(m->near, channel_limit(m->near) + random_below(&m->random, 3));
	else if (courier)
		model_courier(m);
	else
		model_outside(m, random_below(&m->random, POOL_SEGMENTS));
	model_check(m);
}

/* Everything still under way must come out: no state may be a dead end. */
static void model_finish(struct model *m, bool courier)
{
	bool moved = true;

	model_outside(m, 0);
	model_publish(m);
	while (moved) {
		moved = false;
		while (courier && model_courier(m))
			moved = true;
		while (model_take(m))
			moved = true;
		moved = moved || m->kept_count > 0;
		model_release(m, m->kept_count);
		model_check(m);
	}
	MUST(m, m->taken == m->produced);
	MUST(m, m->barriers_seen == m->barrier);
	channel_take(m->far, &(struct batch){ 0 }, &(struct control){ 0 });
	MUST(m, channel_drained(m->near));
	/* A fresh record finds room, at the latest when the end of the segment before was seen. */
	if (m->by_hand)
		channel_grant(m->near, channel_limit(m->near) + 1);
	model_put(m);
	if (m->produced == m->taken) {
		while (courier && model_courier(m))
			;
		MUST(m, !model_take(m));
		model_put(m);
	}
	MUST(m, m->produced == m->taken + 1);
}

static void model_run(uint64_t seed, bool courier)
{
	static struct model m;

	model_create(&m, seed, courier);
	for (uint32_t i = 0; i < 3000 && m.produced + 100 < EVENTS_MAX; i++)
		model_act(&m, courier);
	model_finish(&m, courier);
	model_destroy(&m, courier);
}

static void one_channel_keeps_order_credit_and_segments(void **state)
{
	for (uint64_t seed = 1; seed <= 300; seed++)
		model_run(seed, false);
	assert_int_equal(mem_bytes_out(), fixture_bytes);
}

static void two_channels_and_a_courier_keep_order_credit_and_segments(void **state)
{
	for (uint64_t seed = 1; seed <= 300; seed++)
		model_run(seed, true);
	assert_int_equal(mem_bytes_out(), fixture_bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_channel_keeps_order_credit_and_segments),
		cmocka_unit_test(two_channels_and_a_courier_keep_order_credit_and_segments),
	};
	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
