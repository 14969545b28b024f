/* SPDX-License-Identifier: Apache-2.0
 * shuffle_test.c - channels between simulated TaskManagers: random topologies with the smallest
 * buffers, slow and broken networks, either side first, ends of all kinds. */
#include <stdio.h>
#include <stdlib.h>

#include "taskmanager/shuffle/shuffle_bed.h"

#define SEEDS 60 /* SHUFFLE_SEEDS sets another count, SHUFFLE_SEED a single one */

static uint64_t seed_of(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

static uint64_t seeds_first(void)
{
	return seed_of("SHUFFLE_SEED", 1);
}

static uint64_t seeds_last(void)
{
	return seed_of("SHUFFLE_SEED", seed_of("SHUFFLE_SEEDS", SEEDS));
}

static uint32_t pick(struct random *random, uint32_t from, uint32_t to)
{
	return from + random_below(random, to - from + 1);
}

/* Everything about a run follows from its seed. */
static void bed_random(struct bed *bed, uint64_t seed, bool cuts)
{
	struct random random = { .state = seed * 77 + 1 };
	struct sim_options options = { .delay_us_min = 5,
				       .delay_us_max = 5 + random_below(&random, 3) * 400,
				       .clog_ppm = random_below(&random, 2) * 2000,
				       .clog_ms_max = 200,
				       .short_read_ppm = random_below(&random, 3) * 20000,
				       .chance_ppm = random_below(&random, 2) * 300000,
				       .connection_cut_ppm =
					       cuts ? 500 + random_below(&random, 3000) : 0,
				       .shuffle_ties = random_below(&random, 2) };

	memset(bed, 0, sizeof(*bed));
	bed->nodes_count = pick(&random, 1, BED_NODES_MAX);
	bed->producers_count = pick(&random, 1, 4);
	bed->consumers_count = pick(&random, 1, 4);
	bed->numbers = pick(&random, 0, 5) * 2500;
	bed->begin_ms_max = random_below(&random, 2) * 4000;
	bed->rest_ppm = random_below(&random, 3) * 20000;
	bed->segment_bytes = 2048u << random_below(&random, 2);
	bed->exclusive = pick(&random, 1, 3);
	bed->lz4_nodes = (uint32_t)(seed % 8); /* also where one end alone would pack */
	bed->floating = random_below(&random, 2) * pick(&random, 1, 5);
	if (seed % 3 == 0) { /* by no dice: the rest of a seed stays as it was */
		bed->segment_bytes = 8192;
		bed->size_bytes = 2048u << seed / 3 % 2;
	}
	bed->debloat_ms = (uint32_t)(seed / 2 % 5 * 4);
	bed_create(bed, seed, &options);
	for (uint32_t i = 0; i < bed->producers_count; i++)
		bed_task_create(bed, &bed->producers[i], true, i,
				random_below(&random, bed->nodes_count));
	for (uint32_t i = 0; i < bed->consumers_count; i++)
		bed_task_create(bed, &bed->consumers[i], false, i,
				random_below(&random, bed->nodes_count));
	bed_start(bed);
	sim_on_event(bed->sim, bed_check, bed);
}

static bool links_gone(void *context)
{
	struct bed *bed = context;

	for (uint32_t i = 0; i < bed->nodes_count; i++)
		if (!list_empty(&bed->nodes[i].shuffle->links))
			return false;
	return true;
}

static void expect_all_back(struct bed *bed)
{
	BED_MUST(bed, sim_run(bed->sim, 20000, links_gone, bed, NULL));
	for (uint32_t i = 0; i < bed->nodes_count; i++) {
		struct segment_pool *pool = shuffle_pool(bed->nodes[i].shuffle);

		BED_MUST(bed, segment_pool_free(pool) == segment_pool_total(pool));
		BED_MUST(bed, segment_pool_admitted(pool) == 0);
		BED_MUST(bed, map_count(bed->nodes[i].shuffle->outputs) == 0);
		BED_MUST(bed, map_count(bed->nodes[i].shuffle->inputs) == 0);
	}
}

static void everything_arrives_in_order_in_every_topology(void **state)
{
	static struct bed bed;

	for (uint64_t seed = seeds_first(); seed <= seeds_last(); seed++) {
		bool stuck = false;

		bed_random(&bed, seed, false);
		if (!sim_run(bed.sim, 600000, bed_over_all, &bed, &stuck)) {
			bed_dump(&bed);
			fail_msg("seed %llu: not over after 600 s%s", (unsigned long long)seed,
				 stuck ? ", and nothing is left to happen" : "");
		}
		for (uint32_t i = 0; i < bed.consumers_count; i++)
			for (uint32_t j = 0; j < bed.producers_count; j++) {
				BED_MUST(&bed, bed.consumers[i].fate[j] == BED_FINISHED);
				BED_MUST(&bed, bed.producers[j].fate[i] == BED_FINISHED);
				BED_MUST(&bed, bed.consumers[i].watermarks[j] ==
						       bed.producers[j].watermarks[i]);
			}
		expect_all_back(&bed);
		bed_destroy(&bed);
	}
	assert_int_equal(mem_bytes_out(), fixture_bytes);
}

static void one_seed_gives_one_fingerprint(void **state)
{
	static struct bed bed;
	uint64_t prints[2];

	for (int run = 0; run < 2; run++) {
		bed_random(&bed, 4711, true);
		sim_run(bed.sim, 60000, bed_over_all, &bed, NULL);
		prints[run] = sim_fingerprint(bed.sim);
		bed_destroy(&bed);
	}
	assert_true(prints[0] == prints[1]);
}

static bool consumers_over(void *context)
{
	struct bed *bed = context;

	for (uint32_t i = 0; i < bed->consumers_count; i++)
		if (!bed_task_over(&bed->consumers[i]))
			return false;
	return true;
}

static void expect_failed_at_both_ends(struct bed *bed, uint32_t producer, uint32_t consumer)
{
	struct bed_task *p = &bed->producers[producer], *c = &bed->consumers[consumer];
	enum err_code code = c->why[producer].code;
	struct err why;

	BED_MUST(bed, c->node != p->node);
	BED_MUST(bed, code == ERR_NET_CLOSED || code == ERR_NET_UNREACHABLE);
	if (p->fate[consumer] != BED_UNDER_WAY)
		return; /* failed too, or ended before what it had sent was lost */
	/* Or it never heard of this consumer, whose connection broke first. */
	const struct shuffle_entry *entry = channel_owner(p->channels[consumer]);

	BED_MUST(bed, entry->consumer == SIDE_NONE);
	err_set(&why, ERR_CANCELED, "no consumer comes any more");
	shuffle_close_output(p->node->shuffle, &p->channels[consumer], false, &why);
}

/* Both ends see it at once; channels inside a TaskManager never fail. */
static void broken_connections_fail_their_channels_at_both_ends(void **state)
{
	static struct bed bed;
	uint32_t failed = 0, finished = 0;

	for (uint64_t seed = seeds_first(); seed <= seeds_last(); seed++) {
		bed_random(&bed, seed, true);
		if (!sim_run(bed.sim, 600000, consumers_over, &bed, NULL))
			fail_msg("seed %llu: not over after 600 s", (unsigned long long)seed);
		/* the last ones begin after 4 s */
		sim_run(bed.sim, 6000, bed_over_all, &bed, NULL);
		for (uint32_t i = 0; i < bed.consumers_count; i++)
			for (uint32_t j = 0; j < bed.producers_count; j++) {
				if (bed.consumers[i].fate[j] == BED_FINISHED) {
					BED_MUST(&bed, bed.producers[j].fate[i] == BED_FINISHED);
					finished++;
				} else {
					expect_failed_at_both_ends(&bed, j, i);
					failed++;
				}
			}
		for (uint32_t i = 0; i < bed.nodes_count; i++)
			shuffle_release_job(bed.nodes[i].shuffle, &bed.job);
		expect_all_back(&bed);
		bed_destroy(&bed);
	}
	assert_true(failed > 0 && finished > 0);
	assert_int_equal(mem_bytes_out(), fixture_bytes);
}

/* Tasks give channels up at any moment, connections break, some come so late that nobody waits any
 * more: whatever happens, all is back in the end, and nobody waits for something that will not
 * come. */
static void ends_of_all_kinds_leave_nothing_behind(void **state)
{
	static struct bed bed;

	for (uint64_t seed = seeds_first(); seed <= seeds_last(); seed++) {
		bed_random(&bed, seed, seed % 2);
		bed.fails_ppm = 3000;
		if (seed % 3 == 0)
			for (uint32_t i = 0; i < bed.producers_count; i++)
				bed.producers[i].begin_at += i * 3000 * NS_PER_MS;
		if (!sim_run(bed.sim, 600000, consumers_over, &bed, NULL)) {
			bed_dump(&bed);
			fail_msg("seed %llu: not over after 600 s", (unsigned long long)seed);
		}
		sim_run(bed.sim, 20000, bed_over_all, &bed, NULL);
		for (uint32_t i = 0; i < bed.producers_count; i++)
			for (uint32_t j = 0; j < bed.consumers_count; j++) {
				struct bed_task *producer = &bed.producers[i];

				if (producer->channels[j] == NULL)
					continue;
				/* Its consumer left in good order, or never met it. */
				const struct shuffle_entry *entry =
					channel_owner(producer->channels[j]);

				BED_MUST(&bed, channel_consumer_left(producer->channels[j]) ||
						       entry->consumer == SIDE_NONE);
				bed_over(producer, j, BED_FAILED);
			}
		for (uint32_t i = 0; i < bed.nodes_count; i++)
			shuffle_release_job(bed.nodes[i].shuffle, &bed.job);
		expect_all_back(&bed);
		bed_destroy(&bed);
	}
	assert_int_equal(mem_bytes_out(), fixture_bytes);
}

/* ---- cases ---------------------------------------------------------------------------------- */

/* producers on node 0 and 1, consumers on node 1 and 2 */
static void bed_fixed(struct bed *bed, uint32_t producers, uint32_t consumers, int64_t numbers)
{
	struct sim_options options = { .delay_us_min = 100, .delay_us_max = 100 };

	memset(bed, 0, sizeof(*bed));
	bed->nodes_count = 3;
	bed->producers_count = producers;
	bed->consumers_count = consumers;
	bed->numbers = numbers;
	bed->segment_bytes = 2048;
	bed->exclusive = 2;
	bed->floating = 8;
	bed_create(bed, 1, &options);
	for (uint32_t i = 0; i < producers; i++)
		bed_task_create(bed, &bed->producers[i], true, i, i % 2);
	for (uint32_t i = 0; i < consumers; i++)
		bed_task_create(bed, &bed->consumers[i], false, i, 1 + i % 2);
	bed_start(bed);
	sim_on_event(bed->sim, bed_check, bed);
}

static bool far_is_flowing(void *context)
{
	struct bed *bed = context;

	for (uint32_t i = 0; i < bed->consumers_count; i++)
		for (uint32_t j = 0; j < bed->producers_count; j++)
			if (bed->consumers[i].numbers[j] < 1000)
				return false;
	return true;
}

/* A cut between two TaskManagers fails the channels between those two, and no others. */
static void a_cut_fails_exactly_the_channels_on_it(void **state)
{
	static struct bed bed;

	bed_fixed(&bed, 2, 2, 20000);
	assert_true(sim_run(bed.sim, 10000, far_is_flowing, &bed, NULL));
	sim_cut_connections(bed.nodes[0].world, bed.nodes[1].world);
	assert_true(sim_run(bed.sim, 60000, bed_over_all, &bed, NULL));
	for (uint32_t i = 0; i < 2; i++)
		for (uint32_t j = 0; j < 2; j++) {
			bool cut = bed.producers[j].node == &bed.nodes[0] &&
				   bed.consumers[i].node == &bed.nodes[1];

			assert_int_equal(bed.consumers[i].fate[j], cut ? BED_FAILED : BED_FINISHED);
			assert_int_equal(bed.producers[j].fate[i], cut ? BED_FAILED : BED_FINISHED);
			if (cut)
				assert_int_equal(bed.consumers[i].why[j].code, ERR_NET_CLOSED);
		}
	expect_all_back(&bed);
	bed_destroy(&bed);
}

static bool no_fate_under_way_with_node_0(void *context)
{
	struct bed *bed = context;

	for (uint32_t i = 0; i < bed->consumers_count; i++)
		for (uint32_t j = 0; j < bed->producers_count; j++)
			if (bed->producers[j].node == &bed->nodes[0] &&
			    bed->consumers[i].fate[j] == BED_UNDER_WAY)
				return false;
	return true;
}

static void a_killed_taskmanager_fails_its_channels_elsewhere_at_once(void **state)
{
	static struct bed bed;

	bed_fixed(&bed, 2, 2, 20000);
	assert_true(sim_run(bed.sim, 10000, far_is_flowing, &bed, NULL));
	sim_kill(bed.nodes[0].world);
	bed.nodes[0].dead = true;
	assert_true(sim_run(bed.sim, 10, no_fate_under_way_with_node_0, &bed, NULL));
	assert_true(sim_run(bed.sim, 60000, bed_over_all, &bed, NULL));
	for (uint32_t i = 0; i < 2; i++)
		assert_int_equal(bed.consumers[i].fate[1], BED_FINISHED);
	bed_destroy(&bed);
}

static void a_consumer_that_leaves_early_takes_nothing_with_it(void **state)
{
	static struct bed bed;

	bed_fixed(&bed, 2, 2, 20000);
	assert_true(sim_run(bed.sim, 10000, far_is_flowing, &bed, NULL));
	/* Consumer 1 (node 2) goes; its producers are refused from now on, until they are told to
	 * stop. */
	for (uint32_t j = 0; j < 2; j++)
		bed_over(&bed.consumers[1], j, BED_FAILED);
	sim_run(bed.sim, 3000, bed_over_all, &bed, NULL);
	for (uint32_t j = 0; j < 2; j++) {
		assert_int_equal(bed.producers[j].fate[1], BED_UNDER_WAY);
		assert_true(channel_consumer_left(bed.producers[j].channels[1]));
		assert_int_equal(bed.producers[j].fate[0], BED_FINISHED);
		assert_int_equal(bed.consumers[0].fate[j], BED_FINISHED);
		bed_over(&bed.producers[j], 1, BED_FAILED);
	}
	expect_all_back(&bed);
	bed_destroy(&bed);
}

static void a_failed_producer_tells_its_consumers_why(void **state)
{
	static struct bed bed;

	bed_fixed(&bed, 2, 2, 20000);
	assert_true(sim_run(bed.sim, 10000, far_is_flowing, &bed, NULL));
	for (uint32_t i = 0; i < 2; i++) {
		err_set(&bed.producers[0].why[i], ERR_USER_FUNCTION_FAILED, "it said\n\"no\"");
		bed_over(&bed.producers[0], i, BED_FAILED);
	}
	assert_true(sim_run(bed.sim, 60000, bed_over_all, &bed, NULL));
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(bed.consumers[i].fate[0], BED_FAILED);
		assert_int_equal(bed.consumers[i].why[0].code, ERR_USER_FUNCTION_FAILED);
		assert_string_equal(bed.consumers[i].why[0].text, "it said?\"no\"");
		assert_int_equal(bed.consumers[i].fate[1], BED_FINISHED);
	}
	expect_all_back(&bed);
	bed_destroy(&bed);
}

static void a_producer_that_does_not_appear_is_named_after_five_seconds(void **state)
{
	static struct bed bed;

	bed_fixed(&bed, 2, 2, 1000);
	bed.producers[0].begin_at = bed.producers[1].begin_at = MONO_NEVER;
	assert_false(sim_run(bed.sim, 4900, bed_over_all, &bed, NULL));
	for (uint32_t i = 0; i < 2; i++)
		assert_int_equal(bed.consumers[i].fate[0], BED_UNDER_WAY);
	sim_run(bed.sim, 200, bed_over_all, &bed, NULL);
	for (uint32_t i = 0; i < 2; i++)
		for (uint32_t j = 0; j < 2; j++) {
			char text[300];

			assert_int_equal(bed.consumers[i].fate[j], BED_FAILED);
			assert_int_equal(bed.consumers[i].why[j].code, ERR_PARTITION_NOT_FOUND);
			snprintf(
				text, sizeof(text),
				"consuming subtask %u of edge 7 asked for the output of producing subtask %u, "
				"which did not appear within 5000 ms (job abababababababababababababababab, "
				"attempt 1)",
				i, j);
			assert_string_equal(bed.consumers[i].why[j].text, text);
		}
	bed.producers_count = 0;
	expect_all_back(&bed);
	bed_destroy(&bed);
}

static void released_jobs_fail_wherever_they_are_held(void **state)
{
	static struct bed bed;

	bed_fixed(&bed, 2, 2, 20000);
	assert_true(sim_run(bed.sim, 10000, far_is_flowing, &bed, NULL));
	shuffle_release_job(bed.nodes[0].shuffle,
			    &(struct id){ { 1 } }); /* another one: nothing happens */
	sim_run(bed.sim, 1, bed_over_all, &bed, NULL);
	assert_int_equal(bed.producers[0].fate[0], BED_UNDER_WAY);
	for (uint32_t i = 0; i < 3; i++)
		shuffle_release_job(bed.nodes[i].shuffle, &bed.job);
	assert_true(sim_run(bed.sim, 1000, bed_over_all, &bed, NULL));
	for (uint32_t i = 0; i < 2; i++)
		for (uint32_t j = 0; j < 2; j++) {
			if (bed.producers[j].node == bed.consumers[i].node)
				continue; /* was quick and may be over */
			assert_int_equal(bed.consumers[i].why[j].code, ERR_CANCELED);
			assert_int_equal(bed.producers[j].why[i].code, ERR_CANCELED);
		}
	expect_all_back(&bed);
	bed_destroy(&bed);
}

/* Between the asking of a far consumer and the shuffle's next step. */
static void a_producer_may_come_and_go_before_its_consumer_is_told(void **state)
{
	static struct bed bed;

	for (int released = 0; released < 2; released++) {
		bed_fixed(&bed, 1, 2, 1000);
		bed.producers[0].begin_at = MONO_NEVER;
		sim_run(bed.sim, 1000, bed_over_all, &bed, NULL);
		for (uint32_t i = 0; i < 2; i++) {
			struct channel_name name = bed_name(&bed, 0, i);
			struct shuffle *shuffle = bed.nodes[0].shuffle;
			struct channel *channel =
				shuffle_open_output(shuffle, &name, fixture_number, NULL);
			struct err why;

			assert_false(channel_failed(channel, NULL));
			if (released)
				shuffle_release_job(shuffle, &bed.job);
			err_set(&why, ERR_USER_FUNCTION_FAILED, "came and went");
			shuffle_close_output(shuffle, &channel, false, &why);
		}
		bed.producers_count = 1;
		sim_run(bed.sim, 1000, consumers_over, &bed, NULL);
		for (uint32_t i = 0; i < 2; i++) {
			assert_int_equal(bed.consumers[i].fate[0], BED_FAILED);
			assert_int_equal(bed.consumers[i].why[0].code,
					 released ? ERR_CANCELED : ERR_USER_FUNCTION_FAILED);
		}
		bed.producers_count = 0;
		expect_all_back(&bed);
		bed_destroy(&bed);
	}
	assert_int_equal(mem_bytes_out(), fixture_bytes);
}

static void two_secrets_do_not_talk(void **state)
{
	static struct bed bed;
	struct sim_options options = { .delay_us_min = 100, .delay_us_max = 100 };

	memset(&bed, 0, sizeof(bed));
	bed.producers_count = bed.consumers_count = 1;
	bed.numbers = 1000;
	bed.segment_bytes = 2048;
	bed.exclusive = 1;
	bed_create(&bed, 1, &options);
	bed.nodes_count = 2;
	bed_node_create(&bed, 0, "one");
	bed_node_create(&bed, 1, "another");
	bed_task_create(&bed, &bed.producers[0], true, 0, 0);
	bed_task_create(&bed, &bed.consumers[0], false, 0, 1);
	bed_start(&bed);
	sim_run(bed.sim, 2000, bed_over_all, &bed, NULL);
	assert_int_equal(bed.consumers[0].fate[0], BED_FAILED);
	assert_int_equal(bed.consumers[0].why[0].code, ERR_NET_SECRET);
	assert_int_equal(bed.producers[0].fate[0], BED_UNDER_WAY);
	bed_destroy(&bed);
}

static void buffers_that_do_not_suffice_are_said_at_the_opening(void **state)
{
	static struct bed bed;
	struct err why;

	bed_fixed(&bed, 0, 0, 0);
	struct segment_pool *pool = shuffle_pool(bed.nodes[0].shuffle);
	uint32_t left = segment_pool_total(pool) - 1;
	assert_int_equal(segment_pool_admit(pool, SEGMENT_WHOLE, left, &why), 0);
	struct channel_name name = bed_name(&bed, 0, 0);
	struct channel *channel =
		shuffle_open_output(bed.nodes[0].shuffle, &name, fixture_number, NULL);
	assert_true(channel_failed(channel, &why));
	assert_int_equal(why.code, ERR_BUFFERS);
	segment_pool_dismiss(pool, SEGMENT_WHOLE, left);
	/* A second producer of one name gets a channel of its own, which says so. */
	struct channel *second =
		shuffle_open_output(bed.nodes[0].shuffle, &name, fixture_number, NULL);
	assert_true(channel_failed(second, &why));
	assert_string_equal(why.text, "edge 7 from subtask 0 to subtask 0 has a second producer");
	shuffle_close_output(bed.nodes[0].shuffle, &second, false, &why);
	shuffle_close_output(bed.nodes[0].shuffle, &channel, false, &why);
	bed_destroy(&bed);
}

/* What an earlier attempt produced, and nobody will ever ask for, goes when the next one begins. */
static void attempts_that_are_over_keep_no_buffers(void **state)
{
	static struct bed bed;
	struct channel *channel[3];
	struct err why = ERR_INIT;

	bed_fixed(&bed, 0, 0, 0);
	struct shuffle *shuffle = bed.nodes[0].shuffle;
	struct segment_pool *pool = shuffle_pool(shuffle);
	struct channel_name name = bed_name(&bed, 0, 0);
	struct channel_name other = name;

	other.job_id.bytes[0] ^= 1;
	other.job_attempt = 0;
	err_set(&why, ERR_CANCELED, "cancelled");
	for (uint32_t attempt = 0; attempt < 3; attempt++) {
		name.job_attempt = attempt;
		channel[attempt] = shuffle_open_output(shuffle, &name, fixture_number, NULL);
		assert_false(channel_failed(channel[attempt], NULL));
	}
	struct channel *others = shuffle_open_output(shuffle, &other, fixture_number, NULL);
	uint32_t one = segment_pool_admitted(pool) / 4;

	assert_true(shuffle_has_output(shuffle, &name));
	shuffle_close_output(shuffle, &channel[0], false, &why);
	assert_int_equal(segment_pool_admitted(pool), 4 * one);
	shuffle_release_attempts(shuffle, &name.job_id, 2);
	/* Attempt 0 had left; attempt 1 still holds its end, and sees that it is over. */
	assert_int_equal(segment_pool_admitted(pool), 3 * one);
	assert_true(channel_failed(channel[1], NULL));
	assert_false(channel_failed(channel[2], NULL));
	assert_false(channel_failed(others, NULL));
	shuffle_close_output(shuffle, &channel[1], false, &why);
	assert_int_equal(segment_pool_admitted(pool), 2 * one);
	shuffle_release_job(shuffle, &name.job_id);
	shuffle_release_job(shuffle, &other.job_id);
	shuffle_close_output(shuffle, &channel[2], false, &why);
	shuffle_close_output(shuffle, &others, false, &why);
	assert_int_equal(segment_pool_admitted(pool), 0);
	assert_false(shuffle_has_output(shuffle, &name));
	bed_destroy(&bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_arrives_in_order_in_every_topology),
		cmocka_unit_test(one_seed_gives_one_fingerprint),
		cmocka_unit_test(broken_connections_fail_their_channels_at_both_ends),
		cmocka_unit_test(ends_of_all_kinds_leave_nothing_behind),
		cmocka_unit_test(a_cut_fails_exactly_the_channels_on_it),
		cmocka_unit_test(a_killed_taskmanager_fails_its_channels_elsewhere_at_once),
		cmocka_unit_test(a_consumer_that_leaves_early_takes_nothing_with_it),
		cmocka_unit_test(a_failed_producer_tells_its_consumers_why),
		cmocka_unit_test(a_producer_that_does_not_appear_is_named_after_five_seconds),
		cmocka_unit_test(released_jobs_fail_wherever_they_are_held),
		cmocka_unit_test(a_producer_may_come_and_go_before_its_consumer_is_told),
		cmocka_unit_test(two_secrets_do_not_talk),
		cmocka_unit_test(buffers_that_do_not_suffice_are_said_at_the_opening),
		cmocka_unit_test(attempts_that_are_over_keep_no_buffers),
	};
	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
