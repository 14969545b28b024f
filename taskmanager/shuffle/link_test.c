/* SPDX-License-Identifier: Apache-2.0
 * link_test.c - what a data connection does with its channels: turns, packing, and where it is
 * served. */
#include "taskmanager/shuffle/shuffle_bed.h"
#include "taskmanager/shuffle/shuffle_evil.h"

#define SEGMENT_BYTES 2048

/* ---- turns ----------------------------------------------------------------------------------- */

/* An output with so many segments in it. */
static struct channel *full_output(struct shuffle *shuffle, uint32_t producer, uint32_t segments,
				   struct agent *agent)
{
	struct channel_name name = { .job_id.bytes = { 9 }, .producer = producer };
	struct channel *channel = shuffle_open_output(shuffle, &name, fixture_number, agent);

	for (uint32_t i = 0; i < segments * (SEGMENT_BYTES - 16) / 8; i++)
		assert_true(bed_put(channel, i));
	channel_publish(channel);
	return channel;
}

static void say_open_with_limit(struct evil *evil, uint32_t channel, uint64_t limit)
{
	struct data_open open = { .name = { .job_id.bytes = { 9 }, .producer = channel },
				  .type_hash = fixture_number->hash,
				  .segment_bytes = SEGMENT_BYTES };
	uint8_t body[DATA_FRAME_OPEN_BYTES];

	data_open_write(body, &open);
	say(evil, (struct data_frame){ .kind = DATA_OPEN, .channel = channel, .segment = limit },
	    bytes_of(body, sizeof(body)));
}

static bool heard_all(void *context)
{
	return ((struct evil *)context)->heard.size_bytes >= 100 * (SEGMENT_BYTES - 16);
}

/* Channel 0 has 90 segments ready before channel 1 has 10: that one need not wait for more than a
 * turn, and the frames of a turn follow each other. */
static void channels_send_in_turns_of_bytes(void **state)
{
	static struct bed bed;
	struct sim_options options = { .delay_us_min = 50, .delay_us_max = 200 };
	struct evil evil;
	struct agent agent;
	uint32_t run_bytes = 0, last = UINT32_MAX, bytes[2] = { 0 }, turns = 0;

	memset(&bed, 0, sizeof(bed));
	bed.nodes_count = 1;
	bed.segment_bytes = SEGMENT_BYTES;
	bed.exclusive = 95;
	bed_create(&bed, 3, &options);
	fixture_agent(&agent);
	struct channel *outputs[2];

	for (uint32_t i = 0; i < 2; i++)
		outputs[i] = full_output(bed.nodes[0].shuffle, i, i == 0 ? 90 : 10, &agent);
	evil_create(&evil, bed.sim, bed_secret, true, false);
	say_open_with_limit(&evil, 0, 1000);
	say_open_with_limit(&evil, 1, 1000);
	evil_start(&evil, "tm0", shuffle_port(bed.nodes[0].shuffle));
	assert_true(sim_run(bed.sim, 5000, heard_all, &evil, NULL));
	for (size_t at = 0; at + DATA_FRAME_HEADER_BYTES <= evil.heard.size_bytes;) {
		struct data_frame frame;
		struct err err;

		assert_int_equal(data_frame_read((const uint8_t *)evil.heard.data + at, true,
						 SEGMENT_BYTES, &frame, &err),
				 0);
		at += DATA_FRAME_HEADER_BYTES + frame.size_bytes;
		if (frame.kind != DATA_BYTES)
			continue;
		if (frame.channel != last) {
			turns++;
			run_bytes = 0;
		}
		last = frame.channel;
		run_bytes += DATA_FRAME_HEADER_BYTES + frame.size_bytes;
		bytes[frame.channel] += frame.size_bytes;
		if (bytes[1] < 10 * (SEGMENT_BYTES - 16)) /* later channel 0 is alone */
			assert_true(run_bytes < LINK_TURN_BYTES + SEGMENT_BYTES +
							DATA_FRAME_HEADER_BYTES);
	}
	assert_true(bytes[0] >= 90 * (SEGMENT_BYTES - 16) && bytes[1] >= 10 * (SEGMENT_BYTES - 16));
	assert_true(turns <= 4); /* 0, 1 whole in one turn, 0; or 1 first */
	for (uint32_t i = 0; i < 2; i++)
		shuffle_close_output(bed.nodes[0].shuffle, &outputs[i], true, NULL);
	evil_destroy(&evil);
	bed_destroy(&bed);
	assert_int_equal(mem_bytes_out(), fixture_bytes);
}

/* ---- packing --------------------------------------------------------------------------------- */

static void what_packs_comes_back_and_what_does_not_stays(void **state)
{
	char packed[4096], text[4096], noise[4096], back[4096];
	struct link link = { .packed = packed };
	struct random random = { .state = 5 };
	struct err err = ERR_INIT;

	for (uint32_t i = 0; i < sizeof(noise); i++) {
		text[i] = "to be, or not to be "[i % 20];
		noise[i] = (char)random_next(&random);
	}
	uint32_t size_bytes = link_pack(&link, text, sizeof(text));

	assert_true(size_bytes > 0 && size_bytes < 200);
	assert_int_equal(link_unpack(&link, size_bytes, back, sizeof(back), &err), 0);
	assert_memory_equal(back, text, sizeof(text));
	assert_int_equal(link_pack(&link, noise, sizeof(noise)), 0);
	assert_int_equal(link_pack(&link, text, 100), 0);
	link.packed = NULL; /* not agreed on */
	assert_int_equal(link_pack(&link, text, sizeof(text)), 0);
}

/* ---- places ---------------------------------------------------------------------------------- */

static struct link *only_link(struct bed_node *node)
{
	return LIST_FIRST(&node->shuffle->links, struct link, node);
}

static bool link_is_with_its_task(void *context)
{
	struct bed_node *node = context;
	struct link *link = only_link(node);

	return link != NULL && atomic_load(&link->agent.runner) == node->worker;
}

static bool link_is_at_home(void *context)
{
	struct bed_node *node = context;
	struct link *link = only_link(node);

	return link != NULL && atomic_load(&link->agent.runner) == node->io;
}

/* One producer on node 0, one consumer on node 1: each end of the connection goes to its task's
 * runner, and home when that ends. */
static void a_link_goes_to_its_tasks_runner_and_home_when_that_ends(void **state)
{
	static struct bed bed;
	struct sim_options options = { .delay_us_min = 50, .delay_us_max = 200 };

	memset(&bed, 0, sizeof(bed));
	bed.nodes_count = 2;
	bed.producers_count = bed.consumers_count = 1;
	bed.segment_bytes = SEGMENT_BYTES;
	bed.exclusive = 2;
	bed.numbers = 1000000000;
	bed_create(&bed, 3, &options);
	bed_task_create(&bed, &bed.producers[0], true, 0, 0);
	bed_task_create(&bed, &bed.consumers[0], false, 0, 1);
	bed_start(&bed);
	for (uint32_t i = 0; i < 2; i++)
		assert_true(sim_run(bed.sim, 1000, link_is_with_its_task, &bed.nodes[i], NULL));
	for (uint32_t i = 0; i < 2; i++) {
		shuffle_runner_destroy(bed.nodes[i].shuffle, &bed.nodes[i].worker);
		assert_true(sim_run(bed.sim, 1000, link_is_at_home, &bed.nodes[i], NULL));
	}
	assert_int_equal(bed.nodes[0].shuffle->io.links, 1);
	bed_destroy(&bed);
	assert_int_equal(mem_bytes_out(), fixture_bytes);
}

static bool never(void *context)
{
	return false;
}

/* Two consumers on two runners, of which one gets all the bytes: the link goes there. */
static bool link_is_where_the_bytes_go(void *context)
{
	struct bed *bed = context;
	struct link *link = only_link(&bed->nodes[1]);

	return link != NULL && atomic_load(&link->agent.runner) == bed->nodes[1].worker;
}

static void a_link_follows_the_bytes(void **state)
{
	static struct bed bed;
	struct sim_options options = { .delay_us_min = 50, .delay_us_max = 200 };

	memset(&bed, 0, sizeof(bed));
	bed.two_workers = true;
	bed.nodes_count = 2;
	bed.producers_count = 1;
	bed.consumers_count = 2; /* 0 on the second runner, 1 on the worker */
	bed.segment_bytes = SEGMENT_BYTES;
	bed.exclusive = 2;
	bed.numbers = 1000000000;
	bed_create(&bed, 3, &options);
	bed_task_create(&bed, &bed.producers[0], true, 0, 0);
	for (uint32_t i = 0; i < 2; i++)
		bed_task_create(&bed, &bed.consumers[i], false, i, 1);
	bed.consumers[1].begin_at += 500 * NS_PER_MS; /* later than the other */
	bed_start(&bed);
	sim_run(bed.sim, 400, never, NULL, NULL);
	assert_true(atomic_load(&only_link(&bed.nodes[1])->agent.runner) == bed.nodes[1].second);
	bed.consumers[0].rest_until = world_now(bed.nodes[1].world) + 60 * NS_PER_S;
	assert_true(sim_run(bed.sim, 5000, link_is_where_the_bytes_go, &bed, NULL));
	bed_destroy(&bed);
	assert_int_equal(mem_bytes_out(), fixture_bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(channels_send_in_turns_of_bytes),
		cmocka_unit_test(what_packs_comes_back_and_what_does_not_stays),
		cmocka_unit_test(a_link_goes_to_its_tasks_runner_and_home_when_that_ends),
		cmocka_unit_test(a_link_follows_the_bytes),
	};
	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
