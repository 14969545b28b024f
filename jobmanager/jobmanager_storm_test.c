/* SPDX-License-Identifier: Apache-2.0
 * jobmanager_storm_test.c - a JobManager under a seed: jobs come and are cancelled, tasks fail and
 * finish, machines die, stop, break off, crash and come back. After every event the bed's checkers
 * hold the tables against each other. Then the world heals: every job must come to run or to an
 * end, everything must be cancelled at last, and no slot and no byte may be left.
 *
 * usage: jobmanager_storm_test [FIRST_SEED [SEEDS]]   the log of a failing seed is on stderr */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "tests/lib/jobmanager_bed.h"

#define TASKMANAGERS 4
#define SLOTS 3
#define ACTIONS 120

static uint64_t first_seed = 1, seeds = 60;

static uint32_t draw(struct bed *bed, uint32_t below)
{
	return (uint32_t)(sim_random(bed->sim) % below);
}

/* One of the jobs that have not ended; NULL: there is none. */
static struct job *any_job(struct bed *bed)
{
	struct job *chosen = NULL;
	uint32_t seen = 0;

	LIST_FOR_EACH(dispatcher_jobs(bed->dispatcher), struct job, node, job) {
		if (!job_is_final(job) && draw(bed, ++seen) == 0)
			chosen = job;
	}
	return chosen;
}

static void submit(struct bed *bed)
{
	static const char *const strategies[][4] = {
		{ NULL },
		{ "restart-strategy.type=none", NULL },
		{ "restart-strategy.type=fixed-delay", "restart-strategy.fixed-delay.attempts=3",
		  "restart-strategy.fixed-delay.delay=100 ms", NULL },
		{ "restart-strategy.type=failure-rate", "restart-strategy.failure-rate.delay=50 ms",
		  NULL },
		{ "restart-strategy.type=exponential-delay",
		  "restart-strategy.exponential-delay.initial-backoff=10 ms", NULL },
	};
	uint32_t parallelism = 1 + draw(bed, 5);

	if (bed_submit(bed, "Storm", 1 + draw(bed, parallelism), parallelism,
		       strategies[draw(bed, ARRAY_COUNT(strategies))]) == NULL)
		fail_msg("%s", bed->err.text);
}

static void cancel_one(struct bed *bed)
{
	struct job *job = any_job(bed);
	struct err err = ERR_INIT;

	if (job != NULL && dispatcher_cancel(bed->dispatcher, &job->id, &err) != 0)
		fail_msg("%s", err.text);
}

static bool is_live(const struct fake_task *task)
{
	return strcmp(task->state, "RUNNING") == 0 || strcmp(task->state, "CREATED") == 0;
}

/* A task fails for one reason or another, or finishes. */
static void end_task(struct bed *bed, bool fails)
{
	static const enum err_code codes[] = { ERR_USER_FUNCTION_FAILED, ERR_NET_CLOSED,
					       ERR_PARTITION_NOT_FOUND, ERR_SINK_EXISTS,
					       ERR_TASKMANAGER_LOST };
	struct fake_taskmanager *fake = bed->taskmanagers[draw(bed, TASKMANAGERS)];
	struct err err = ERR_INIT;

	if (fake == NULL || fake->peer == NULL || !fake->registered)
		return;
	err_set(&err, codes[draw(bed, ARRAY_COUNT(codes))], "an unlucky draw");
	for (uint32_t i = 0; i < fake->tasks_count; i++) {
		struct fake_task *task = &fake->tasks[draw(bed, fake->tasks_count)];

		if (!is_live(task))
			continue;
		fake_report(fake, task, fails ? "FAILED" : "FINISHED", fails ? &err : NULL);
		return;
	}
}

/* A report about a task of the past. */
static void report_stale(struct bed *bed)
{
	struct fake_taskmanager *fake = bed->taskmanagers[draw(bed, TASKMANAGERS)];

	if (fake == NULL || fake->peer == NULL || fake->tasks_count == 0)
		return;
	struct fake_task old = fake->tasks[draw(bed, fake->tasks_count)];

	if (!is_live(&old))
		fake_report(fake, &old, draw(bed, 2) ? "RUNNING" : "FINISHED", NULL);
}

static void restart_machine(struct bed *bed, uint32_t number)
{
	struct job *job = any_job(bed);
	uint32_t how = draw(bed, 3);

	if (bed->taskmanagers[number] == NULL)
		bed_taskmanager(bed, number, SLOTS);
	else if (how == 0 || job == NULL)
		bed_restart(bed, number, NULL, NULL);
	else
		bed_restart(bed, number, "signal 11 (SIGSEGV)", how == 1 ? &job->id : NULL);
}

static void misbehave(struct bed *bed, struct fake_taskmanager *fake)
{
	bool *const habits[] = { &fake->mute, &fake->refuse_slots, &fake->ignore_slots,
				 &fake->hold_tasks, &fake->hold_cancels, &fake->readers };
	bool *habit = habits[draw(bed, ARRAY_COUNT(habits))];

	*habit = !*habit;
}

static void act(struct bed *bed)
{
	uint32_t number = draw(bed, TASKMANAGERS);
	struct fake_taskmanager *fake = bed->taskmanagers[number];

	switch (draw(bed, 12)) {
	case 0:
	case 1:
		submit(bed);
		break;
	case 2:
		cancel_one(bed);
		break;
	case 3:
		end_task(bed, true);
		break;
	case 4:
		end_task(bed, false);
		break;
	case 5:
		report_stale(bed);
		break;
	case 6:
		if (fake != NULL)
			bed_kill(bed, number);
		break;
	case 7:
	case 8:
		restart_machine(bed, number);
		break;
	case 9:
		if (fake != NULL)
			sim_cut_connections(bed->worlds[number], bed->jobmanager_world);
		break;
	case 10:
		sim_pause(fake != NULL && draw(bed, 4) > 0 ? bed->worlds[number]
							   : bed->jobmanager_world,
			  1 + draw(bed, 8000));
		break;
	default:
		if (fake != NULL)
			misbehave(bed, fake);
		break;
	}
}

/* ---- after the storm ------------------------------------------------------------------------ */

static void heal(struct bed *bed)
{
	sim_heal(bed->sim);
	numbers.fail_step = false;
	for (uint32_t i = 0; i < TASKMANAGERS; i++) {
		/* Whoever holds back tasks or cancels would have to tell them one by one. */
		if (bed->taskmanagers[i] != NULL)
			bed_kill(bed, i);
		bed_taskmanager(bed, i, SLOTS);
	}
}

/* Every job runs, waits with a reason, or has ended. */
static bool is_settled(struct bed *bed, void *context)
{
	LIST_FOR_EACH(dispatcher_jobs(bed->dispatcher), struct job, node, job) {
		bool waits = job->status == JOB_RUNNING && job->waiting_for != NULL;

		if (!job_is_final(job) && !waits && job->all_running_ms < 0)
			return false;
	}
	return true;
}

static bool all_ended(struct bed *bed, void *context)
{
	LIST_FOR_EACH(dispatcher_jobs(bed->dispatcher), struct job, node, job) {
		if (!job_is_final(job))
			return false;
	}
	return bed_slots_free(bed) == TASKMANAGERS * SLOTS;
}

/* Returns the fingerprint of the run. */
static uint64_t ride_out(uint64_t seed)
{
	static const char *const settings[] = { "heartbeat.timeout=4 s",
						"slot.request.timeout=40 s",
						"task.cancellation.timeout=10 s",
						"slot.idle.timeout=3 s", NULL };
	struct bed *bed = bed_create(seed, settings);
	struct err err = ERR_INIT;
	uint64_t fingerprint;

	numbers.splits = draw(bed, 50);
	for (uint32_t i = 0; i < TASKMANAGERS; i++)
		bed_taskmanager(bed, i, SLOTS);
	for (uint32_t i = 0; i < ACTIONS; i++) {
		act(bed);
		bed_pass(bed, draw(bed, 3) == 0 ? draw(bed, 4000) : draw(bed, 20));
	}
	heal(bed);
	bed_until(bed, 90000, is_settled, NULL);
	LIST_FOR_EACH(dispatcher_jobs(bed->dispatcher), struct job, node, job) {
		if (!job_is_final(job) && dispatcher_cancel(bed->dispatcher, &job->id, &err) != 0)
			fail_msg("%s", err.text);
	}
	bed_until(bed, 30000, all_ended, NULL);
	for (uint32_t i = 0; i < TASKMANAGERS; i++)
		assert_int_equal(fake_slots_held(bed->taskmanagers[i]), 0);
	fingerprint = sim_fingerprint(bed->sim);
	bed_destroy(bed);
	if (mem_bytes_out() != 0)
		fail_msg("seed %llu leaves %lld bytes", (unsigned long long)seed,
			 (long long)mem_bytes_out());
	return fingerprint;
}

static void the_same_seed_gives_the_same_run(void **state)
{
	uint64_t fingerprint = ride_out(first_seed);

	assert_true(ride_out(first_seed) == fingerprint);
	assert_true(ride_out(first_seed + 1) != fingerprint);
}

static void storms_are_ridden_out(void **state)
{
	for (uint64_t seed = first_seed; seed < first_seed + seeds; seed++) {
		fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
		ride_out(seed);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(storms_are_ridden_out),
		cmocka_unit_test(the_same_seed_gives_the_same_run),
	};

	if (argc > 1)
		first_seed = strtoull(argv[1], NULL, 10);
	seeds = argc > 2 ? strtoull(argv[2], NULL, 10) : argc > 1 ? 1 : seeds;
	log_set_level(argc > 1 ? LOG_INFO : LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
