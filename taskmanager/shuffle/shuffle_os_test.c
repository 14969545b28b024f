/* SPDX-License-Identifier: Apache-2.0
 * shuffle_os_test.c - the same tasks and channels in the real world: threads and sockets on
 * loopback. Run it under TSan. */
#include <stdio.h>
#include <time.h>

#include "taskmanager/shuffle/shuffle_bed.h"

#define DEADLINE_MS 60000

static void bed_real_with(struct bed *bed, uint32_t nodes, uint32_t tasks, int64_t numbers,
			  bool two_workers, bool restless)
{
	memset(bed, 0, sizeof(*bed));
	bed->two_workers = two_workers;
	bed->restless = restless;
	bed->nodes_count = nodes;
	bed->producers_count = bed->consumers_count = tasks;
	bed->numbers = numbers;
	bed->segment_bytes = 4096;
	bed->exclusive = 2;
	bed->floating = 4;
	bed_create(bed, 1, NULL);
	for (uint32_t i = 0; i < tasks; i++) {
		bed_task_create(bed, &bed->producers[i], true, i, i % nodes);
		bed_task_create(bed, &bed->consumers[i], false, i, (i + 1) % nodes);
	}
	bed_start(bed);
}

static void bed_real(struct bed *bed, uint32_t nodes, uint32_t tasks, int64_t numbers)
{
	bed_real_with(bed, nodes, tasks, numbers, false, false);
}

static void wait_for_ends(struct bed *bed, uint32_t ends)
{
	struct world *world = bed->nodes[0].world;
	mono_t until = mono_after_ms(world_now(world), DEADLINE_MS);

	while (atomic_load(&bed->overs) < ends) {
		if (world_now(world) > until) {
			bed_dump(bed);
			fail_msg("after %d ms: %u of %u ends", DEADLINE_MS,
				 atomic_load(&bed->overs), ends);
		}
		nanosleep(&(struct timespec){ .tv_nsec = 200000 }, NULL);
	}
}

static void everything_arrives_over_real_sockets_and_threads(void **state)
{
	static struct bed bed;

	bed_real(&bed, 3, 4, 60000);
	wait_for_ends(&bed, 2 * 4 * 4);
	for (uint32_t i = 0; i < bed.nodes_count; i++)
		bed_stop_workers(&bed.nodes[i]);
	for (uint32_t i = 0; i < 4; i++)
		for (uint32_t j = 0; j < 4; j++) {
			assert_int_equal(bed.consumers[i].fate[j], BED_FINISHED);
			assert_int_equal(bed.consumers[i].numbers[j], bed.numbers);
			assert_int_equal(bed.producers[j].fate[i], BED_FINISHED);
		}
	bed_destroy(&bed);
	assert_int_equal(mem_bytes_out(), fixture_bytes);
}

/* The job is released under the hands of its tasks. */
static void released_jobs_end_on_every_thread(void **state)
{
	static struct bed bed;

	for (int round = 0; round < 20; round++) {
		bed_real(&bed, 2, 3, 1000000000);
		nanosleep(&(struct timespec){ .tv_nsec = round * 200000 }, NULL);
		for (uint32_t i = 0; i < bed.nodes_count; i++)
			shuffle_release_job(bed.nodes[i].shuffle, &bed.job);
		/* What was opened after that is stopped by hand, as tasks are cancelled. */
		bed_destroy(&bed);
		assert_int_equal(mem_bytes_out(), fixture_bytes);
	}
}

/* Bytes of node 0's producer are on node 1, and the other way round. */
static void wait_until_flowing(struct bed *bed)
{
	mono_t until = mono_after_ms(world_now(bed->nodes[0].world), DEADLINE_MS);

	while (atomic_load(&bed->flowing) < 2) {
		assert_true(world_now(bed->nodes[0].world) < until);
		nanosleep(&(struct timespec){ .tv_nsec = 200000 }, NULL);
	}
}

/* A TaskManager ends while others talk to it: their channels fail. */
static void a_taskmanager_that_ends_fails_the_channels_of_others(void **state)
{
	static struct bed bed;

	bed_real(&bed, 2, 2, 1000000000);
	wait_until_flowing(&bed);
	bed_stop_workers(&bed.nodes[1]);
	runner_destroy(&bed.nodes[1].io);
	bed_task_fini(&bed.producers[1]);
	bed_task_fini(&bed.consumers[0]);
	shuffle_destroy(&bed.nodes[1].shuffle);
	wait_for_ends(&bed, 2); /* one channel each way */
	bed_stop_workers(&bed.nodes[0]);
	assert_int_equal(bed.producers[0].fate[0], BED_FAILED);
	assert_int_equal(bed.consumers[1].fate[1], BED_FAILED);
	assert_int_equal(bed.consumers[1].why[1].code, ERR_NET_CLOSED);
	bed_destroy(&bed);
	assert_int_equal(mem_bytes_out(), fixture_bytes);
}

/* ---- links that move ------------------------------------------------------------------------- */

/* A user function that blocks until somebody has taken the others away from it. */
struct blocker {
	struct agent agent; /* first */
	struct runner *runner;
	struct world *world;
	uint32_t evictions; /* of its runner, with its own */
	atomic_bool over;
};

static enum step blocker_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct blocker *blocker = (struct blocker *)agent;
	mono_t until = mono_after_ms(world_now(blocker->world), DEADLINE_MS);

	while (runner_blocking_count(blocker->runner) < blocker->evictions &&
	       world_now(blocker->world) < until)
		nanosleep(&(struct timespec){ .tv_nsec = 200000 }, NULL);
	return STEP_IDLE; /* it stays on its lane */
}

/* One after the other, so that each is evicted. */
static void block(struct bed_node *node, struct runner *runner, struct blocker *blocker,
		  uint32_t evictions)
{
	mono_t until = mono_after_ms(world_now(node->world), DEADLINE_MS);

	*blocker = (struct blocker){ .runner = runner, .world = node->world,
				     .evictions = evictions };
	agent_init(&blocker->agent, "blocker", blocker_step);
	runner_add(runner, &blocker->agent);
	while (runner_blocking_count(runner) < evictions) {
		assert_true(world_now(node->world) < until);
		nanosleep(&(struct timespec){ .tv_nsec = 200000 }, NULL);
	}
}

/* Links go from runner to runner, and the runners from thread to thread. */
static void nothing_is_lost_on_links_that_move_between_runners_that_block(void **state)
{
	static struct bed bed;
	static struct blocker blockers[3][2];

	bed_real_with(&bed, 3, 4, 60000, true, true);
	for (uint32_t i = 0; i < 3; i++) {
		block(&bed.nodes[i], bed.nodes[i].worker, &blockers[i][0], 1);
		block(&bed.nodes[i], bed.nodes[i].second, &blockers[i][1], 1);
	}
	wait_for_ends(&bed, 2 * 4 * 4);
	for (uint32_t i = 0; i < bed.nodes_count; i++) {
		bed_stop_workers(&bed.nodes[i]);
	}
	for (uint32_t i = 0; i < 4; i++)
		for (uint32_t j = 0; j < 4; j++) {
			assert_int_equal(bed.consumers[i].fate[j], BED_FINISHED);
			assert_int_equal(bed.consumers[i].numbers[j], bed.numbers);
		}
	bed_destroy(&bed);
	assert_int_equal(mem_bytes_out(), fixture_bytes);
}

static void released_jobs_end_while_their_links_move(void **state)
{
	static struct bed bed;

	for (int round = 0; round < 20; round++) {
		bed_real_with(&bed, 2, 4, 1000000000, true, true);
		nanosleep(&(struct timespec){ .tv_nsec = round * 200000 }, NULL);
		for (uint32_t i = 0; i < bed.nodes_count; i++)
			shuffle_release_job(bed.nodes[i].shuffle, &bed.job);
		if (round % 2 == 0)
			for (uint32_t i = 0; i < bed.nodes_count; i++)
				shuffle_runner_destroy(bed.nodes[i].shuffle, &bed.nodes[i].worker);
		bed_destroy(&bed);
		assert_int_equal(mem_bytes_out(), fixture_bytes);
	}
}

/* Node 0's consumers end with their runner; its producers and those of node 1 go on with the other
 * consumers, over links that were perhaps served by it. */
static void links_outlive_a_runner_that_served_them(void **state)
{
	static struct bed bed;

	for (int round = 0; round < 4; round++) {
		bed_real_with(&bed, 2, 4, 40000, true, round % 2 != 0);
		wait_until_flowing(&bed);
		shuffle_runner_destroy(bed.nodes[0].shuffle, &bed.nodes[0].worker);
		bed_task_fini(&bed.consumers[1]);
		bed_task_fini(&bed.consumers[3]);
		mono_t until = mono_after_ms(world_now(bed.nodes[0].world), DEADLINE_MS);

		while (atomic_load(&bed.consumers[0].overs) < 4 ||
		       atomic_load(&bed.consumers[2].overs) < 4) {
			assert_true(world_now(bed.nodes[0].world) < until);
			nanosleep(&(struct timespec){ .tv_nsec = 200000 }, NULL);
		}
		bed_stop_workers(&bed.nodes[1]);
		for (uint32_t j = 0; j < 4; j++) {
			assert_int_equal(bed.consumers[0].fate[j], BED_FINISHED);
			assert_int_equal(bed.consumers[2].numbers[j], bed.numbers);
		}
		bed_destroy(&bed);
		assert_int_equal(mem_bytes_out(), fixture_bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_arrives_over_real_sockets_and_threads),
		cmocka_unit_test(released_jobs_end_on_every_thread),
		cmocka_unit_test(a_taskmanager_that_ends_fails_the_channels_of_others),
		cmocka_unit_test(nothing_is_lost_on_links_that_move_between_runners_that_block),
		cmocka_unit_test(released_jobs_end_while_their_links_move),
		cmocka_unit_test(links_outlive_a_runner_that_served_them),
	};
	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
