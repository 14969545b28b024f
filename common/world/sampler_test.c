/* SPDX-License-Identifier: Apache-2.0
 * sampler_test.c - samples of threads that compute, wait, or are stuck; names for what they show;
 * the same by simulated time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/world/symbols.h"
#include "common/world/world_sim.h"

#define DEADLINE_MS 20000
#define PERIOD_NS NS_PER_MS
#ifdef __SANITIZE_THREAD__
#define LATE_SIGNALS true /* tsan holds a signal back until its frames are gone */
#else
#define LATE_SIGNALS false
#endif

struct worker {
	struct agent agent; /* first */
	uint8_t number;
	char text[4096];
	atomic_bool stop, waits;
	atomic_llong sum, interrupted;
};

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

static bool describe(const struct agent *agent, struct sample *sample)
{
	sample->who[0] = ((const struct worker *)agent)->number;
	sample->what = 7;
	return true;
}

static const struct sample_options options = { .period_ns = PERIOD_NS, .frames_max = 64,
					       .describe = describe };

static void worker_init(struct worker *worker, uint8_t number, agent_step_fn *step)
{
	memset(worker, 0, sizeof(*worker));
	agent_init(&worker->agent, "worker", step);
	worker->number = number;
	memset(worker->text, 'x', sizeof(worker->text) - 1);
}

__attribute__((noinline)) static long long computes_itself(struct worker *worker)
{
	long long sum = 0;

	for (int round = 0; round < 50; round++)
		for (size_t i = 0; i < sizeof(worker->text); i++)
			sum += worker->text[i] * (round ^ (int)i);
	return sum;
}

/* What it calls has no frame pointers: strlen uses no stack at all. */
__attribute__((noinline)) static long long calls_library(struct worker *worker)
{
	long long sum = 0;

	for (int round = 0; round < 2000; round++) {
		sum += (long long)strlen(worker->text);
		__asm__ volatile("" : : "r"(worker) : "memory");
	}
	return sum;
}

static enum step step_computes(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct worker *worker = (struct worker *)agent;

	if (atomic_load(&worker->stop))
		return STEP_IDLE;
	atomic_fetch_add(&worker->sum, computes_itself(worker));
	atomic_fetch_add(&worker->sum, 1);
	return STEP_WORKED;
}

static enum step step_library(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct worker *worker = (struct worker *)agent;

	if (atomic_load(&worker->stop))
		return STEP_IDLE;
	atomic_fetch_add(&worker->sum, calls_library(worker));
	return STEP_WORKED;
}

static struct runner *new_runner(void)
{
	struct err err = ERR_INIT;
	struct runner *runner = runner_create(world, "slot", &err);

	assert_non_null(runner);
	return runner;
}

static void start(struct runner *runner)
{
	struct err err = ERR_INIT;

	if (runner_sample_start(runner, &options, &err) != 0)
		fail_msg("%s", err.text);
}

static void pause_briefly(void)
{
	struct timespec moment = { .tv_nsec = 200 * 1000 };

	nanosleep(&moment, NULL);
}

/* Until a sample of the agent has both names, the second one further out. */
static void wait_for_stack(struct runner *runner, uint8_t number, const char *inner,
			   const char *outer)
{
	mono_t until = mono_after_ms(world_now(world), DEADLINE_MS);
	struct symbols *symbols = symbols_create();
	static struct sample sample;
	const char *names[128];
	bool found = false;

	while (!found) {
		if (world_now(world) > until)
			fail_msg("no sample shows %s within %s", inner, outer);
		if (!runner_sample_take(runner, &sample)) {
			pause_briefly();
			continue;
		}
		assert_int_equal(sample.what, 7);
		if (sample.who[0] != number)
			continue;
		uint32_t count = symbols_stack(symbols, &sample, names, 128), at = 0;

		while (at < count && strcmp(names[at], inner) != 0)
			at++;
		while (at < count && strcmp(names[at], outer) != 0)
			at++;
		found = at < count || LATE_SIGNALS;
	}
	symbols_destroy(&symbols);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void a_static_function_is_found_by_name(void **state)
{
	struct runner *runner = new_runner();
	struct worker worker;

	worker_init(&worker, 3, step_computes);
	runner_add(runner, &worker.agent);
	start(runner);
	wait_for_stack(runner, 3, "computes_itself", "step_computes");
	runner_sample_stop(runner);
	start(runner); /* again */
	wait_for_stack(runner, 3, "step_computes", "seat_main");
	runner_destroy(&runner);
}

static void who_calls_a_library_is_not_hidden(void **state)
{
	struct runner *runner = new_runner();
	struct worker worker;

	worker_init(&worker, 4, step_library);
	runner_add(runner, &worker.agent);
	start(runner);
	wait_for_stack(runner, 4, "calls_library", "step_library");
	runner_sample_stop(runner);
	runner_destroy(&runner);
}

static void two_agents_of_a_thread_are_told_apart(void **state)
{
	struct runner *runner = new_runner();
	struct worker first, second;

	worker_init(&first, 1, step_computes);
	worker_init(&second, 2, step_library);
	runner_add(runner, &first.agent);
	runner_add(runner, &second.agent);
	start(runner);
	wait_for_stack(runner, 1, "computes_itself", "step_computes");
	wait_for_stack(runner, 2, "calls_library", "step_library");
	wait_for_stack(runner, 1, "computes_itself", "step_computes");
	runner_destroy(&runner);
}

static enum step step_sleeps(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct worker *worker = (struct worker *)agent;
	struct timespec moment = { .tv_nsec = 2 * 1000 * 1000 };

	while (!atomic_load(&worker->stop)) {
		atomic_store(&worker->waits, true);
		if (nanosleep(&moment, NULL) != 0 && errno == EINTR)
			atomic_fetch_add(&worker->interrupted, 1);
		atomic_fetch_add(&worker->sum, computes_itself(worker) != 0);
	}
	return STEP_IDLE;
}

/* A step that sleeps and computes in turn: its computing is seen, its sleeps last. */
static void a_sleep_is_named_and_not_cut_short(void **state)
{
	struct runner *runner = new_runner();
	struct worker worker, other;
	const char *waits = NULL;

	worker_init(&worker, 5, step_sleeps);
	worker_init(&other, 6, step_computes);
	runner_add(runner, &other.agent);
	runner_add(runner, &worker.agent);
	start(runner);
	mono_t until = mono_after_ms(world_now(world), DEADLINE_MS);

	while (waits == NULL && world_now(world) < until)
		waits = agent_waits_in(&worker.agent);
	assert_non_null(waits);
	assert_non_null(strstr(waits, "nanosleep"));
	/* By now, or soon, it is on a thread of its own: both threads are sampled. */
	wait_for_stack(runner, 5, "computes_itself", "step_sleeps");
	wait_for_stack(runner, 6, "computes_itself", "step_computes");
	assert_int_equal(atomic_load(&worker.interrupted), 0);
	atomic_store(&worker.stop, true);
	runner_sample_stop(runner);
	runner_destroy(&runner);
}

static enum step step_idle(struct agent *agent, mono_t now, mono_t *wake_at)
{
	atomic_store(&((struct worker *)agent)->waits, true);
	return STEP_IDLE;
}

static void a_thread_that_waits_is_left_alone(void **state)
{
	struct runner *runner = new_runner(), *busy = new_runner();
	struct worker worker, other;
	struct sample sample;

	worker_init(&worker, 1, step_idle);
	worker_init(&other, 2, step_computes);
	runner_add(runner, &worker.agent);
	start(runner);
	runner_add(busy, &other.agent);
	start(busy);
	wait_for_stack(busy, 2, "computes_itself", "step_computes");
	assert_false(runner_sample_take(runner, &sample));
	assert_null(agent_waits_in(&worker.agent));
	runner_sample_stop(busy);
	runner_destroy(&busy);
	runner_destroy(&runner); /* without a stop */
}

static void on_signal(int signal)
{
}

static void a_signal_that_is_taken_is_not_fought_over(void **state)
{
	struct sigaction theirs = { .sa_handler = on_signal }, before;
	struct runner *runner = new_runner();
	struct err err = ERR_INIT;

	assert_int_equal(sigaction(SIGURG, &theirs, &before), 0);
	assert_int_equal(runner_sample_start(runner, &options, &err), -1);
	assert_int_equal(err.code, ERR_RESOURCE);
	assert_non_null(strstr(err.text, "SIGURG"));
	assert_int_equal(sigaction(SIGURG, &before, NULL), 0);
	runner_destroy(&runner);
}

/* As code does that sets all signals back: the timers run on, and may not end the process. */
static void a_signal_that_is_set_back_while_sampled_ends_nobody(void **state)
{
	struct runner *runner = new_runner();
	struct worker worker;
	long long seen = 0;

	worker_init(&worker, 1, step_computes);
	runner_add(runner, &worker.agent);
	start(runner);
	wait_for_stack(runner, 1, "computes_itself", "step_computes");
	for (int number = 1; number <= SIGRTMAX; number++)
		if (number <= SIGSYS || number >= SIGRTMIN)
			signal(number, SIG_DFL);
	mono_t until = mono_after_ms(world_now(world), DEADLINE_MS);

	for (int changes = 0; changes < 1000;) { /* many periods of its CPU time */
		long long now = atomic_load(&worker.sum);

		changes += now != seen;
		seen = now;
		assert_true(world_now(world) < until);
	}
	runner_sample_stop(runner);
	start(runner); /* taken anew */
	wait_for_stack(runner, 1, "computes_itself", "step_computes");
	runner_destroy(&runner);
}

static void what_lies_nowhere_has_no_name(void **state)
{
	struct symbols *symbols = symbols_create();

	assert_string_equal(symbols_name(symbols, 16, false), "[unknown]");
	assert_string_equal(symbols_name(symbols, (uintptr_t)&world, true), "[unknown]"); /* data */
	assert_string_equal(symbols_name(symbols, (uintptr_t)step_idle, false), "step_idle");
	assert_string_equal(symbols_name(symbols, (uintptr_t)symbols_create, false),
			    "symbols_create");
	symbols_destroy(&symbols);
}

/* ---- simulated ------------------------------------------------------------------------------- */

static enum step step_simulated(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct worker *worker = (struct worker *)agent;

	*wake_at = mono_after_ms(now, 1);
	return ++worker->sum % 2 != 0 ? STEP_WORKED : STEP_IDLE;
}

static uint32_t simulate(uint64_t seed)
{
	struct sim *sim = sim_create(seed, &(struct sim_options){ .step_cost_ns_max = 1000 });
	struct world *node = sim_node(sim, "node");
	struct symbols *symbols = symbols_create();
	struct err err = ERR_INIT;
	struct runner *runner = runner_create(node, "slot", &err);
	struct worker worker;
	struct sample sample;
	struct sample_options every_10_ms = options;
	uint32_t count = 0;

	every_10_ms.period_ns = 10 * NS_PER_MS;
	worker_init(&worker, 9, step_simulated);
	runner_add(runner, &worker.agent);
	assert_int_equal(runner_sample_start(runner, &every_10_ms, &err), 0);
	for (int i = 0; i < 10; i++) {
		assert_false(sim_run(sim, 100, NULL, NULL, NULL));
		while (runner_sample_take(runner, &sample)) {
			assert_int_equal(sample.who[0], 9);
			assert_string_equal(symbols_name(symbols, sample.at, false),
					    "step_simulated");
			count++;
		}
	}
	runner_sample_stop(runner);
	assert_false(runner_sample_take(runner, &sample));
	runner_destroy(&runner);
	world_destroy(&node);
	sim_destroy(&sim);
	symbols_destroy(&symbols);
	return count;
}

static void the_simulator_samples_by_its_own_time(void **state)
{
	uint32_t count = simulate(1);

	assert_in_range(count, 80, 100); /* of 1 s */
	assert_int_equal(simulate(1), count);
	assert_int_equal(mem_bytes_out(), 0);
}

#define REAL(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		REAL(a_static_function_is_found_by_name),
		REAL(who_calls_a_library_is_not_hidden),
		REAL(two_agents_of_a_thread_are_told_apart),
		REAL(a_sleep_is_named_and_not_cut_short),
		REAL(a_thread_that_waits_is_left_alone),
		REAL(a_signal_that_is_taken_is_not_fought_over),
		REAL(a_signal_that_is_set_back_while_sampled_ends_nobody),
		REAL(what_lies_nowhere_has_no_name),
		cmocka_unit_test(the_simulator_samples_by_its_own_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
