/* SPDX-License-Identifier: Apache-2.0
 * runner_test.c - runners of the real world: stepping, waking from many threads, eviction, ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <pthread.h>
#include <time.h>

#include "common/base/mem.h"
#include "common/world/world.h"

#define DEADLINE_MS 20000

static struct world *world;

static int begin(void **state)
{
	struct err err = ERR_INIT;

	world = world_os_create(&err);
	assert_non_null(world);
	return 0;
}

static int end(void **state)
{
	world_destroy(&world);
	assert_int_equal(mem_bytes_out(), 0);
	return 0;
}

static struct runner *new_runner(const char *name)
{
	struct err err = ERR_INIT;
	struct runner *runner = runner_create(world, name, &err);

	if (runner == NULL)
		print_error("%s\n", err.text);
	assert_non_null(runner);
	return runner;
}

static void pause_briefly(void)
{
	struct timespec moment = { .tv_nsec = 200 * 1000 };

	nanosleep(&moment, NULL);
}

/* Waits until the counter has reached `least`; a deadline, not a sleep, decides. */
static void wait_count(atomic_llong *counter, long long least)
{
	mono_t until = mono_after_ms(world_now(world), DEADLINE_MS);

	while (atomic_load(counter) < least) {
		if (world_now(world) > until)
			fail_msg("after %d ms: %lld of %lld", DEADLINE_MS, atomic_load(counter), least);
		pause_briefly();
	}
}

/* ---- an agent that takes a counter over --------------------------------------------------------- */

struct taker {
	struct agent agent;
	atomic_llong offered, taken, steps, done_calls;
	atomic_bool finish;
};

static enum step taker_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct taker *taker = CONTAINER_OF(agent, struct taker, agent);

	atomic_fetch_add(&taker->steps, 1);
	assert_ptr_equal(agent_current(), agent);
	if (atomic_load(&taker->finish))
		return STEP_DONE;
	long long offered = atomic_load(&taker->offered);

	if (atomic_exchange(&taker->taken, offered) == offered)
		return STEP_IDLE;
	return STEP_WORKED;
}

static void taker_done(struct agent *agent)
{
	atomic_fetch_add(&CONTAINER_OF(agent, struct taker, agent)->done_calls, 1);
}

static void an_added_agent_is_stepped_and_a_wake_steps_it_again(void **state)
{
	struct runner *runner = new_runner("one");
	struct taker taker = { 0 };

	agent_init(&taker.agent, "taker", taker_step);
	taker.agent.done = taker_done;
	runner_add(runner, &taker.agent);
	wait_count(&taker.steps, 1);
	for (int i = 1; i <= 1000; i++) {
		atomic_fetch_add(&taker.offered, 1);
		agent_wake(&taker.agent);
		wait_count(&taker.taken, i);
	}
	atomic_store(&taker.finish, true);
	agent_wake(&taker.agent);
	wait_count(&taker.done_calls, 1);
	assert_null(atomic_load(&taker.agent.runner));
	runner_destroy(&runner);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_added_agent_is_stepped_and_a_wake_steps_it_again, begin,
						end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
