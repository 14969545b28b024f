/* SPDX-License-Identifier: Apache-2.0
 * shuffle_os_test.c - the same tasks and channels in the real world: threads and sockets on
 * loopback. Run it under TSan. */
#include <stdio.h>
#include <time.h>

#include "taskmanager/shuffle/shuffle_bed.h"

#define DEADLINE_MS 60000

static void bed_real(struct bed *bed, uint32_t nodes, uint32_t tasks, int64_t numbers)
{
	memset(bed, 0, sizeof(*bed));
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
		runner_destroy(&bed.nodes[i].worker);
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
	runner_destroy(&bed.nodes[1].worker);
	runner_destroy(&bed.nodes[1].io);
	bed_task_fini(&bed.producers[1]);
	bed_task_fini(&bed.consumers[0]);
	shuffle_destroy(&bed.nodes[1].shuffle);
	wait_for_ends(&bed, 2); /* one channel each way */
	runner_destroy(&bed.nodes[0].worker);
	assert_int_equal(bed.producers[0].fate[0], BED_FAILED);
	assert_int_equal(bed.consumers[1].fate[1], BED_FAILED);
	assert_int_equal(bed.consumers[1].why[1].code, ERR_NET_CLOSED);
	bed_destroy(&bed);
	assert_int_equal(mem_bytes_out(), fixture_bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_arrives_over_real_sockets_and_threads),
		cmocka_unit_test(released_jobs_end_on_every_thread),
		cmocka_unit_test(a_taskmanager_that_ends_fails_the_channels_of_others),
	};
	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
