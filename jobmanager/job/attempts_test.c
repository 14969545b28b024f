/* SPDX-License-Identifier: Apache-2.0
 * attempts_test.c - what a job keeps of attempts that are over, and how many. */
#include "tests/lib/cmocka_header.h"

#include <string.h>

#include "common/base/mem.h"
#include "jobmanager/job/attempts.h"
#include "tests/lib/fake_taskmanager.h"
#include "tests/lib/jobmanager_bed.h"

static const char *const at_once[] = { "restart-strategy.type=fixed-delay",
				       "restart-strategy.fixed-delay.attempts=100",
				       "restart-strategy.fixed-delay.delay=0 ms",
				       "jobmanager.execution.attempts-history-size=3", NULL };

static void fail_last_task(struct bed *bed, struct job *job)
{
	struct execution *execution = &job->vertices[1].executions[1];
	uint32_t attempt = execution->attempt;
	struct err err = ERR_INIT;

	err_set(&err, ERR_USER_FUNCTION_FAILED, "attempt %u fails", attempt);
	fake_report(bed->taskmanagers[0], fake_task_find(bed->taskmanagers[0], 1, 1), "FAILED",
		    &err);
	bed_until_status(bed, job, JOB_RESTARTING, 1000);
	bed_until_running(bed, job, 1000);
	assert_int_equal(execution->attempt, attempt + 1);
}

static void the_last_attempts_are_kept_each_with_its_end(void **state)
{
	struct bed *bed = bed_create(1, NULL);
	struct job *job;

	bed_taskmanager(bed, 0, 2);
	bed_until_slots(bed, 2, 1000);
	job = bed_submit(bed, "Stubborn", 1, 2, at_once);
	if (job == NULL)
		fail_msg("%s", bed->err.text);
	bed_until_running(bed, job, 1000);
	assert_int_equal(job->attempts_count, 0);
	fail_last_task(bed, job);

	struct execution *failed = &job->vertices[1].executions[1],
			 *other = &job->vertices[1].executions[0];
	const struct attempt *attempt = attempts_find(failed, 0);

	assert_int_equal(attempt->state, EXECUTION_FAILED);
	assert_string_equal(attempt->failure, "attempt 0 fails");
	assert_string_equal(attempt->resource_id, "tm0");
	assert_string_equal(attempt->endpoint, "tm0:7000");
	assert_true(attempt->entered_ms[EXECUTION_FAILED] > 0);
	assert_true(attempt->entered_ms[EXECUTION_RUNNING] > 0);
	assert_false(id_equal(&attempt->id, &failed->id));
	assert_int_equal(attempts_find(other, 0)->state, EXECUTION_CANCELED);
	assert_null(attempts_find(other, 0)->failure);
	assert_null(attempts_find(failed, 1)); /* the current one */
	assert_null(failed->failure);
	for (int i = 0; i < 4; i++)
		fail_last_task(bed, job);
	assert_null(attempts_find(failed, 1)); /* 2, 3 and 4 are kept; 5 runs */
	assert_string_equal(attempts_find(failed, 2)->failure, "attempt 2 fails");
	assert_string_equal(attempts_find(failed, 4)->failure, "attempt 4 fails");
	assert_int_equal(failed->attempts_count, 3);
	assert_int_equal(job->attempts_count, 9);
	bed_destroy(bed);
	assert_int_equal(mem_bytes_out(), 0);
}

/* However many subtasks a job has: the oldest go first. */
static void a_job_keeps_so_many_and_no_more(void **state)
{
	struct job job = { .name = NULL };
	struct job_vertex vertex = { .job = &job };
	uint32_t count = ATTEMPTS_MAX / 2 + 10;
	struct execution *executions = MEM_NEW_ARRAY(struct execution, count);

	list_init(&job.attempts);
	vertex.executions = executions;
	for (uint32_t i = 0; i < count; i++) {
		executions[i].vertex = &vertex;
		list_init(&executions[i].attempts);
	}
	for (uint32_t attempt = 0; attempt < 2; attempt++)
		for (uint32_t i = 0; i < count; i++) {
			executions[i].failure = mem_strdup("so");
			executions[i].attempt = attempt;
			attempts_keep(&executions[i], 16);
		}
	assert_int_equal(job.attempts_count, ATTEMPTS_MAX);
	assert_null(attempts_find(&executions[19], 0));
	assert_non_null(attempts_find(&executions[20], 0));
	assert_non_null(attempts_find(&executions[0], 1));
	assert_int_equal(executions[19].attempts_count, 1);
	attempts_fini(&job);
	assert_int_equal(job.attempts_count, 0);
	mem_free(executions);
	assert_int_equal(mem_bytes_out(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_attempts_are_kept_each_with_its_end),
		cmocka_unit_test(a_job_keeps_so_many_and_no_more),
	};

	return cmocka_run_group_tests_name("attempts", tests, NULL, NULL);
}
