/* SPDX-License-Identifier: Apache-2.0
 * runner_test.c - runners of the real world: stepping, waking from many threads, eviction, ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

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
			fail_msg("after %d ms: %lld of %lld", DEADLINE_MS, atomic_load(counter),
				 least);
		pause_briefly();
	}
}

/* ---- an agent that takes a counter over ----------------------------------------------------- */

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


/* ---- wakes from many threads ---------------------------------------------------------------- */

#define STORM_THREADS 4
#define STORM_TAKERS 6
#define STORM_WAKES 20000

static struct taker storm_takers[STORM_TAKERS];

/* Now and then it lets the takers come to rest, so that runners park all the time. */
static void *storm_main(void *context)
{
	unsigned random = (unsigned)(uintptr_t)context;

	for (int i = 0; i < STORM_WAKES; i++) {
		random = random * 1103515245 + 12345;
		struct taker *taker = &storm_takers[random / 65536 % STORM_TAKERS];
		long long offered = atomic_fetch_add(&taker->offered, 1) + 1;

		agent_wake(&taker->agent);
		if (random / 1024 % 64 == 0)
			wait_count(&taker->taken, offered);
	}
	return NULL;
}

static void no_wake_is_lost_in_a_storm(void **state)
{
	struct runner *runners[2] = { new_runner("storm-1"), new_runner("storm-2") };
	pthread_t threads[STORM_THREADS];
	long long sum = 0;

	for (int i = 0; i < STORM_TAKERS; i++) {
		storm_takers[i] = (struct taker){ 0 };
		agent_init(&storm_takers[i].agent, "taker", taker_step);
		runner_add(runners[i % 2], &storm_takers[i].agent);
	}
	for (uintptr_t i = 0; i < STORM_THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, storm_main, (void *)(i + 1)), 0);
	for (int i = 0; i < STORM_THREADS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < STORM_TAKERS; i++) {
		wait_count(&storm_takers[i].taken, atomic_load(&storm_takers[i].offered));
		sum += atomic_load(&storm_takers[i].taken);
	}
	assert_int_equal(sum, STORM_THREADS * STORM_WAKES);
	runner_destroy(&runners[0]);
	runner_destroy(&runners[1]);
}

/* ---- moments -------------------------------------------------------------------------------- */

struct ticker {
	struct agent agent;
	int64_t every_ns;
	mono_t due;
	atomic_llong ticks;
};

static enum step ticker_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct ticker *ticker = CONTAINER_OF(agent, struct ticker, agent);

	if (now >= ticker->due) {
		ticker->due = now + ticker->every_ns;
		atomic_fetch_add(&ticker->ticks, 1);
	}
	*wake_at = ticker->due;
	return STEP_IDLE;
}

static void moments_come_though_nobody_wakes(void **state)
{
	struct runner *runner = new_runner("clock");
	struct ticker fast = { .every_ns = 300 * 1000 }, slow = { .every_ns = 5 * NS_PER_MS };
	mono_t begin = world_now(world);

	agent_init(&fast.agent, "fast", ticker_step);
	agent_init(&slow.agent, "slow", ticker_step);
	runner_add(runner, &slow.agent);
	runner_add(runner, &fast.agent);
	wait_count(&fast.ticks, 50);
	wait_count(&slow.ticks, 4);
	assert_true(world_now(world) - begin >= 49 * fast.every_ns);
	runner_destroy(&runner);
}

static enum step worker_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	atomic_fetch_add(&CONTAINER_OF(agent, struct taker, agent)->steps, 1);
	return STEP_WORKED;
}

static void one_that_always_works_starves_nobody(void **state)
{
	struct runner *runner = new_runner("busy");
	struct taker worker = { 0 }, taker = { 0 };
	struct ticker ticker = { .every_ns = 200 * 1000 };

	agent_init(&worker.agent, "worker", worker_step);
	agent_init(&taker.agent, "taker", taker_step);
	agent_init(&ticker.agent, "ticker", ticker_step);
	runner_add(runner, &worker.agent);
	runner_add(runner, &taker.agent);
	runner_add(runner, &ticker.agent);
	for (int i = 1; i <= 100; i++) {
		atomic_fetch_add(&taker.offered, 1);
		agent_wake(&taker.agent);
		wait_count(&taker.taken, i);
	}
	wait_count(&ticker.ticks, 20);
	assert_true(atomic_load(&worker.steps) > 100);
	runner_destroy(&runner);
}

/* ---- eviction ------------------------------------------------------------------------------- */

/* Stays in its first step until `release`, asleep or computing; its step ends on a lane then. */
struct blocker {
	struct agent agent;
	struct runner *runner;
	struct taker *other;
	bool spins;
	atomic_bool release, finish;
	atomic_llong steps, in_step, done_calls;
	pthread_t step_thread, done_thread;
	struct conn *conn;
};

static enum step blocker_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct blocker *blocker = CONTAINER_OF(agent, struct blocker, agent);

	atomic_fetch_add(&blocker->in_step, 1);
	blocker->step_thread = pthread_self();
	while (!atomic_load(&blocker->release))
		if (!blocker->spins)
			pause_briefly();
	assert_ptr_equal(agent_current(), agent);
	bool finish = atomic_load(&blocker->finish);

	atomic_fetch_add(&blocker->steps, 1);
	return finish ? STEP_DONE : STEP_IDLE;
}

static void blocker_done(struct agent *agent)
{
	struct blocker *blocker = CONTAINER_OF(agent, struct blocker, agent);

	blocker->done_thread = pthread_self();
	atomic_fetch_add(&blocker->done_calls, 1);
}

static void play_eviction(bool spins)
{
	struct runner *runner = new_runner("slot");
	struct taker taker = { 0 };
	struct blocker blocker = { .spins = spins };

	agent_init(&taker.agent, "taker", taker_step);
	agent_init(&blocker.agent, "blocker", blocker_step);
	blocker.agent.done = blocker_done;
	runner_add(runner, &taker.agent);
	runner_add(runner, &blocker.agent);
	wait_count(&blocker.in_step, 1);
	/* Only an eviction can let the taker go on. */
	for (int i = 1; i <= 50; i++) {
		atomic_fetch_add(&taker.offered, 1);
		agent_wake(&taker.agent);
		wait_count(&taker.taken, i);
	}
	assert_int_equal(runner_blocking_count(runner), 1);
	assert_int_equal(atomic_load(&blocker.steps), 0);
	/* It stays on its lane, and is woken there. */
	atomic_store(&blocker.release, true);
	wait_count(&blocker.steps, 1);
	pthread_t lane = blocker.step_thread;

	for (int i = 2; i <= 200; i++) {
		agent_wake(&blocker.agent);
		wait_count(&blocker.steps, i);
	}
	assert_true(pthread_equal(lane, blocker.step_thread));
	assert_int_equal(runner_blocking_count(runner), 1);
	atomic_store(&blocker.finish, true);
	agent_wake(&blocker.agent);
	wait_count(&blocker.done_calls, 1);
	assert_false(pthread_equal(lane, blocker.done_thread));
	mono_t until = mono_after_ms(world_now(world), DEADLINE_MS);

	while (runner_blocking_count(runner) != 0 && world_now(world) < until)
		pause_briefly();
	assert_int_equal(runner_blocking_count(runner), 0);
	runner_destroy(&runner);
}

static void one_that_sleeps_in_its_step_stops_nobody(void **state)
{
	play_eviction(false);
}

static void one_that_computes_for_ever_stops_nobody(void **state)
{
	play_eviction(true);
}

static void an_agent_outside_its_step_is_not_evicted(void **state)
{
	struct runner *runner = new_runner("calm");
	struct taker taker = { 0 };
	struct err err = ERR_INIT;

	agent_init(&taker.agent, "taker", taker_step);
	runner_add(runner, &taker.agent);
	wait_count(&taker.steps, 1);
	mono_t since, until = mono_after_ms(world_now(world), DEADLINE_MS);

	while (runner_current(runner, &since) != NULL && world_now(world) < until)
		pause_briefly();
	assert_int_equal(runner_evict(runner, &taker.agent, &err), 0);
	assert_int_equal(runner_blocking_count(runner), 0);
	runner_destroy(&runner);
}

static void a_runner_kept_together_evicts_nobody_but_its_next_life_may(void **state)
{
	struct runner *runner = new_runner("together");
	struct blocker blocker = { 0 };
	struct err err = ERR_INIT;

	runner_keep_together(runner);
	agent_init(&blocker.agent, "blocker", blocker_step);
	runner_add(runner, &blocker.agent);
	wait_count(&blocker.in_step, 1);
	assert_int_equal(runner_evict(runner, &blocker.agent, &err), -1);
	assert_int_equal(err.code, ERR_RESOURCE);
	assert_int_equal(runner_blocking_count(runner), 0);
	atomic_store(&blocker.release, true);
	wait_count(&blocker.steps, 1);
	runner_destroy(&runner);
	play_eviction(false);
}

static void a_runner_ends_with_agents_on_lanes(void **state)
{
	struct runner *runner = new_runner("slot");
	struct taker taker = { 0 };
	struct blocker blockers[3] = { 0 };

	agent_init(&taker.agent, "taker", taker_step);
	for (int i = 0; i < 3; i++) {
		agent_init(&blockers[i].agent, "blocker", blocker_step);
		runner_add(runner, &blockers[i].agent);
	}
	runner_add(runner, &taker.agent);
	for (int i = 0; i < 3; i++)
		wait_count(&blockers[i].in_step, 1);
	wait_count(&taker.steps, 1);
	assert_int_equal(runner_blocking_count(runner), 3);
	atomic_store(&blockers[0].release, true); /* this one rests on its lane, … */
	wait_count(&blockers[0].steps, 1);
	atomic_store(&blockers[1].release, true); /* … these end while they are waited for */
	atomic_store(&blockers[2].release, true);
	runner_destroy(&runner);
	for (int i = 0; i < 3; i++)
		assert_null(atomic_load(&blockers[i].agent.runner));
}

/* Takes about as long as an eviction, now shorter, now longer. */
static enum step dawdler_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct taker *dawdler = CONTAINER_OF(agent, struct taker, agent);
	mono_t until = now + atomic_fetch_add(&dawdler->steps, 1) % 64 * 4000;

	while (world_now(world) < until)
		;
	return STEP_WORKED;
}

/* Evictions at any moment of short steps: ownership must never be lost or doubled. */
static void evictions_race_with_steps_that_end(void **state)
{
	struct runner *runner = new_runner("race");
	struct taker workers[4] = { 0 };
	struct err err = ERR_INIT;
	mono_t since;

	for (int i = 0; i < 4; i++) {
		agent_init(&workers[i].agent, "dawdler", dawdler_step);
		runner_add(runner, &workers[i].agent);
	}
	mono_t deadline = mono_after_ms(world_now(world), DEADLINE_MS);

	while (runner_blocking_count(runner) < 3 && world_now(world) < deadline) {
		struct agent *current = runner_current(runner, &since);

		if (current != NULL)
			assert_int_equal(runner_evict(runner, current, &err), 0);
	}
	assert_int_equal(runner_blocking_count(runner), 3);
	for (int i = 0; i < 4; i++)
		wait_count(&workers[i].steps, atomic_load(&workers[i].steps) + 100);
	runner_destroy(&runner);
}

/* ---- removing ------------------------------------------------------------------------------- */

struct remover {
	struct agent agent;
	struct runner *runner;
	struct agent *victim;
	atomic_bool go;
	atomic_llong removed;
};

static enum step remover_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct remover *remover = CONTAINER_OF(agent, struct remover, agent);

	if (!atomic_load(&remover->go))
		return STEP_IDLE;
	runner_remove(remover->runner, remover->victim);
	runner_remove(remover->runner, remover->victim); /* nothing the second time */
	mem_free(remover->victim);
	atomic_store(&remover->removed, 1);
	return STEP_DONE;
}

static void a_removed_agent_may_be_freed_at_once(void **state)
{
	for (int order = 0; order < 3; order++) {
		struct runner *runner = new_runner("r");
		struct taker *victim = MEM_NEW(struct taker), *bystander = MEM_NEW(struct taker);
		struct remover remover = { .runner = runner, .victim = &victim->agent };

		agent_init(&victim->agent, "victim", order == 2 ? worker_step : taker_step);
		agent_init(&bystander->agent, "bystander", worker_step);
		agent_init(&remover.agent, "remover", remover_step);
		if (order == 0)
			runner_add(runner, &victim->agent);
		runner_add(runner, &remover.agent);
		if (order != 0)
			runner_add(runner, &victim->agent);
		runner_add(runner, &bystander->agent);
		atomic_store(&remover.go, true);
		agent_wake(&remover.agent);
		wait_count(&remover.removed, 1);
		wait_count(&bystander->steps, 10);
		runner_destroy(&runner);
		mem_free(bystander);
	}
}

static atomic_llong selves_gone;

static enum step self_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	runner_remove(atomic_load(&agent->runner), agent);
	mem_free(agent);
	atomic_fetch_add(&selves_gone, 1);
	return STEP_DONE;
}

static void an_agent_may_end_itself(void **state)
{
	struct runner *runner = new_runner("r");
	struct taker taker = { 0 };

	agent_init(&taker.agent, "taker", worker_step);
	runner_add(runner, &taker.agent);
	for (int i = 0; i < 100; i++) {
		struct agent *self = MEM_NEW(struct agent);

		agent_init(self, "self", self_step);
		runner_add(runner, self);
	}
	wait_count(&selves_gone, 100);
	runner_destroy(&runner);
}

static void an_evicted_agent_is_removed_when_its_step_is_over(void **state)
{
	struct runner *runner = new_runner("r");
	struct blocker *blocker = MEM_NEW(struct blocker);
	struct remover remover = { .runner = runner, .victim = &blocker->agent, .go = true };
	struct taker taker = { 0 };

	agent_init(&blocker->agent, "blocker", blocker_step);
	agent_init(&remover.agent, "remover", remover_step);
	agent_init(&taker.agent, "taker", taker_step);
	runner_add(runner, &blocker->agent);
	runner_add(runner, &taker.agent);
	wait_count(&taker.steps, 1); /* so it was evicted */
	atomic_store(&blocker->release, true);
	runner_add(runner, &remover.agent);
	wait_count(&remover.removed, 1);
	runner_destroy(&runner);
}

/* ---- background, and the end ---------------------------------------------------------------- */

struct job {
	struct background work;
	struct agent agent;
	struct runner *runner;
	atomic_bool hold;
	atomic_llong begun, runs, seen;
	int rounds;
};

static void job_run(struct background *work)
{
	struct job *job = CONTAINER_OF(work, struct job, work);

	atomic_fetch_add(&job->begun, 1);
	while (atomic_load(&job->hold))
		pause_briefly();
	atomic_fetch_add(&job->runs, 1);
}

static enum step job_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct job *job = CONTAINER_OF(agent, struct job, agent);

	if (job->rounds > 0 && !atomic_load(&job->work.done))
		return STEP_IDLE;
	if (job->rounds > 0)
		atomic_fetch_add(&job->seen, 1);
	if (job->rounds++ < 100)
		background_submit(runner_loop(job->runner), &job->work, agent);
	return STEP_IDLE;
}

static void background_work_wakes_its_agent(void **state)
{
	struct job job = { .work.run = job_run, .runner = new_runner("r") };

	agent_init(&job.agent, "job", job_step);
	runner_add(job.runner, &job.agent);
	wait_count(&job.seen, 100);
	assert_int_equal(atomic_load(&job.runs), 100);
	runner_destroy(&job.runner);
}

static void a_runner_waits_for_work_that_was_begun(void **state)
{
	struct job job = { .work.run = job_run, .runner = new_runner("r"), .hold = true };

	background_submit(runner_loop(job.runner), &job.work, NULL);
	wait_count(&job.begun, 1);
	atomic_store(&job.hold, false);
	runner_destroy(&job.runner);
	assert_true(atomic_load(&job.work.done));
	assert_int_equal(atomic_load(&job.runs), 1);
}

/* In a child process: what the thread left behind holds is never given back. */
static void a_step_that_never_ends_does_not_keep_its_runner_from_ending(void **state)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		struct blocker *blocker = MEM_NEW(struct blocker);

		begin(NULL);
		blocker->runner = new_runner("stuck");
		agent_init(&blocker->agent, "blocker", blocker_step);
		runner_add(blocker->runner, &blocker->agent);
		wait_count(&blocker->in_step, 1);
		runner_destroy(&blocker->runner);
		_exit(atomic_load(&blocker->agent.runner) == NULL ? 7 : 8);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 7);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_step_that_never_ends_does_not_keep_its_runner_from_ending),
		WITH_WORLD(an_added_agent_is_stepped_and_a_wake_steps_it_again),
		WITH_WORLD(no_wake_is_lost_in_a_storm),
		WITH_WORLD(moments_come_though_nobody_wakes),
		WITH_WORLD(one_that_always_works_starves_nobody),
		WITH_WORLD(one_that_sleeps_in_its_step_stops_nobody),
		WITH_WORLD(one_that_computes_for_ever_stops_nobody),
		WITH_WORLD(an_agent_outside_its_step_is_not_evicted),
		WITH_WORLD(a_runner_kept_together_evicts_nobody_but_its_next_life_may),
		WITH_WORLD(a_runner_ends_with_agents_on_lanes),
		WITH_WORLD(evictions_race_with_steps_that_end),
		WITH_WORLD(a_removed_agent_may_be_freed_at_once),
		WITH_WORLD(an_agent_may_end_itself),
		WITH_WORLD(an_evicted_agent_is_removed_when_its_step_is_over),
		WITH_WORLD(background_work_wakes_its_agent),
		WITH_WORLD(a_runner_waits_for_work_that_was_begun),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
