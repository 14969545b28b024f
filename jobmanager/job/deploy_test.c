/* SPDX-License-Identifier: Apache-2.0
 * deploy_test.c - SubmitTasks: what goes out once, what goes out per task, and what a task that is
 * refused means for the others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "common/base/mem.h"
#include "tests/lib/jobmanager_bed.h"

static const char *const restarts_twice[] = { "restart-strategy.type=fixed-delay",
					      "restart-strategy.fixed-delay.attempts=2",
					      "restart-strategy.fixed-delay.delay=10ms", NULL };
static const char *const never_restarts[] = { "restart-strategy.type=none", NULL };

static struct bed *bed_with(uint64_t seed, uint32_t taskmanagers, uint32_t slots)
{
	struct bed *bed = bed_create(seed, NULL);

	for (uint32_t i = 0; i < taskmanagers; i++)
		bed_taskmanager(bed, i, slots);
	bed_until_slots(bed, taskmanagers * slots, 1000);
	return bed;
}

static void finish(struct bed *bed)
{
	bed_destroy(bed);
	assert_int_equal(mem_bytes_out(), 0);
}

static struct job *run_job(struct bed *bed, uint32_t sources, uint32_t parallelism,
			   const char *const *settings)
{
	struct job *job = bed_submit(bed, "Shared", sources, parallelism, settings);

	if (job == NULL)
		fail_msg("%s", bed->err.text);
	return job;
}

static void what_tasks_share_goes_out_once(void **state)
{
	struct bed *bed = bed_with(1, 2, 2);
	struct job *job = run_job(bed, 2, 4, restarts_twice);
	struct err why = ERR_INIT;

	bed_until_running(bed, job, 1000);
	for (uint32_t t = 0; t < 2; t++) {
		assert_int_equal(bed->taskmanagers[t]->tasks_count, 3);
		assert_int_equal(bed->taskmanagers[t]->submits, 1); /* all its tasks in one call */
	}
	err_set(&why, ERR_USER_FUNCTION_FAILED, "no");
	fake_report(bed->taskmanagers[0], &bed->taskmanagers[0]->tasks[0], "FAILED", &why);
	bed_until_status(bed, job, JOB_RESTARTING, 1000);
	bed_until_running(bed, job, 1000);
	for (uint32_t t = 0; t < 2; t++) {
		assert_int_equal(bed->taskmanagers[t]->tasks_count, 6);
		assert_int_equal(bed->taskmanagers[t]->submits, 2);
		assert_int_equal(bed->taskmanagers[t]->graphs, 1); /* per job */
		assert_int_equal(bed->taskmanagers[t]->placements, 2); /* per attempt of it */
		assert_int_equal(bed->taskmanagers[t]->locations, 2);
		assert_int_equal(bed->taskmanagers[t]->slots_placed, 4);
	}
	finish(bed);
}

static void many_tasks_go_out_in_several_calls(void **state)
{
	struct bed *bed = bed_with(2, 8, 16);
	struct job *job = run_job(bed, 128, 128, never_restarts);

	bed_until_running(bed, job, 1000);
	for (uint32_t t = 0; t < 8; t++)
		assert_int_equal(bed->taskmanagers[t]->tasks_count, 32);
	finish(bed);
}

/* The source is taken, what it feeds is not. */
static void a_refused_task_fails_the_job_by_its_name(void **state)
{
	struct bed *bed = bed_with(3, 1, 2);
	struct fake_taskmanager *fake = bed->taskmanagers[0];
	struct job *job;

	fake->refuse_vertex = 2;
	job = run_job(bed, 1, 2, never_restarts);
	bed_until_status(bed, job, JOB_FAILED, 1000);
	assert_int_equal(job->failure.code, ERR_ARTIFACT_SYMBOL);
	assert_string_equal(job->failure.text,
			    "Sum -> Sink: Print (1/2): symbol frobnicate is not there");
	assert_int_equal(fake->tasks_count, 1);
	assert_true(fake->tasks[0].cancel_asked);
	assert_int_equal(job->vertices[0].executions[0].state, EXECUTION_CANCELED);
	bed_pass(bed, 100);
	assert_int_equal(bed_slots_free(bed), 2);
	finish(bed);
}

static void a_refused_call_fails_its_first_task(void **state)
{
	struct bed *bed = bed_with(4, 1, 2);
	struct job *job;

	bed->taskmanagers[0]->refuse_calls = true;
	job = run_job(bed, 1, 2, never_restarts);
	bed_until_status(bed, job, JOB_FAILED, 1000);
	assert_string_equal(job->failure.text, "Source: Numbers (1/1): it is not in the mood; "
					       "no restart (restart-strategy.type: none)");
	assert_int_equal(bed->taskmanagers[0]->tasks_count, 0);
	finish(bed);
}

/* Whether the TaskManager kept anything of a call that it refused is not known. */
static void after_a_refusal_all_is_told_again(void **state)
{
	struct bed *bed = bed_with(5, 1, 2);
	struct fake_taskmanager *fake = bed->taskmanagers[0];
	struct job *job;

	fake->refuse_calls = true;
	job = run_job(bed, 1, 2, restarts_twice);
	bed_until_status(bed, job, JOB_RESTARTING, 1000);
	fake->refuse_calls = false;
	bed_until_running(bed, job, 1000);
	assert_int_equal(job->restarts, 1);
	assert_int_equal(fake->graphs, 1); /* beside those that it refused */
	assert_int_equal(fake->placements, 1);
	finish(bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_tasks_share_goes_out_once),
		cmocka_unit_test(many_tasks_go_out_in_several_calls),
		cmocka_unit_test(a_refused_task_fails_the_job_by_its_name),
		cmocka_unit_test(a_refused_call_fails_its_first_task),
		cmocka_unit_test(after_a_refusal_all_is_told_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
