/* SPDX-License-Identifier: Apache-2.0
 * job_test.c - the life of a job on scripted TaskManagers: every move, cancelling everywhere,
 * sources, output, metrics, and messages of the past. Failures have failover_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"
#include "tests/lib/jobmanager_bed.h"

static void finish(struct bed *bed)
{
	bed_destroy(bed);
	assert_int_equal(mem_bytes_out(), 0);
}

static const struct execution *execution_of(const struct job *job, uint32_t vertex,
					    uint32_t subtask)
{
	return &job->vertices[vertex].executions[subtask];
}

/* The TaskManager that runs the subtask: which of them came first is the seed's affair. */
static struct fake_taskmanager *host_of(struct bed *bed, uint32_t vertex, uint32_t subtask)
{
	for (uint32_t i = 0; i < 2; i++)
		if (fake_task_find(bed->taskmanagers[i], vertex, subtask) != NULL)
			return bed->taskmanagers[i];
	fail_msg("nobody runs subtask %u of vertex %u", subtask, vertex);
	return NULL;
}

static void finish_tasks(struct fake_taskmanager *fake)
{
	for (uint32_t i = 0; i < fake->tasks_count; i++)
		if (strcmp(fake->tasks[i].state, "RUNNING") == 0)
			fake_report(fake, &fake->tasks[i], "FINISHED", NULL);
}

static struct job *run_job(struct bed *bed, const char *const *settings)
{
	struct job *job;

	bed_taskmanager(bed, 0, 2);
	bed_taskmanager(bed, 1, 2);
	bed_until_slots(bed, 4, 1000);
	job = bed_submit(bed, "Word count", 2, 3, settings);
	if (job == NULL)
		fail_msg("%s", bed->err.text);
	bed_until_running(bed, job, 1000);
	return job;
}

/* ---- from the beginning to the end ---------------------------------------------------------- */

static void a_job_runs_and_finishes(void **state)
{
	struct bed *bed = bed_create(1, NULL);
	struct job *job = run_job(bed, NULL);

	assert_int_equal(job->all_running_ms, job->last_modified_ms);
	assert_true(job->entered_ms[JOB_INITIALIZING] > 0);
	assert_true(job->entered_ms[JOB_CREATED] >= job->entered_ms[JOB_INITIALIZING]);
	assert_true(job->entered_ms[JOB_RUNNING] >= job->entered_ms[JOB_CREATED]);
	assert_int_equal(job->start_ms, job->entered_ms[JOB_INITIALIZING]);
	assert_int_equal(job->end_ms, -1);
	assert_int_equal(job_vertex_state(&job->vertices[0]), EXECUTION_RUNNING);
	for (uint32_t s = EXECUTION_CREATED; s <= EXECUTION_RUNNING; s++)
		assert_true(execution_of(job, 1, 2)->entered_ms[s] > 0);
	assert_string_equal(execution_of(job, 0, 0)->resource_id, host_of(bed, 0, 0)->resource_id);
	assert_non_null(strstr(execution_of(job, 0, 0)->endpoint, ":7000"));
	bed_pass(bed, 1000);
	finish_tasks(bed->taskmanagers[0]);
	bed_pass(bed, 100);
	assert_int_equal(job->status, JOB_RUNNING);
	assert_int_equal(job_vertex_state(&job->vertices[1]), EXECUTION_RUNNING);
	finish_tasks(bed->taskmanagers[1]);
	bed_until_status(bed, job, JOB_FINISHED, 100);
	assert_true(job->end_ms >= job->start_ms + 1000);
	assert_int_equal(job_vertex_state(&job->vertices[1]), EXECUTION_FINISHED);
	bed_pass(bed, 100);
	assert_int_equal(bed_slots_free(bed), 4);
	assert_int_equal(fake_slots_held(bed->taskmanagers[0]), 0);
	assert_int_equal(bed->taskmanagers[0]->released, 1);
	assert_int_equal(bed->taskmanagers[1]->released, 1);
	finish(bed);
}

/* Found by seed 297 of the simulator. */
static void no_run_is_shorter_than_nothing(void **state)
{
	struct bed *bed = bed_create(1, NULL);
	struct job *job = run_job(bed, NULL);

	sim_clock_jump(bed->jobmanager_world, -3600 * 1000);
	finish_tasks(bed->taskmanagers[0]);
	finish_tasks(bed->taskmanagers[1]);
	bed_until_status(bed, job, JOB_FINISHED, 100);
	assert_int_equal(job->end_ms, job->start_ms);
	finish(bed);
}

static void tasks_are_told_where_their_peers_are(void **state)
{
	struct bed *bed = bed_create(2, NULL);
	struct job *job = run_job(bed, NULL);

	assert_int_equal(job->graph->n_vertices, 2);
	for (uint32_t t = 0; t < 2; t++) {
		struct fake_taskmanager *fake = bed->taskmanagers[t];

		assert_true(fake->tasks_count > 0);
		for (uint32_t i = 0; i < fake->tasks_count; i++) {
			const struct fake_task *task = &fake->tasks[i];

			assert_int_equal(task->inputs, task->vertex == 1);
			assert_int_equal(task->outputs, task->vertex == 0);
			assert_int_equal(task->producer_first, 0);
			assert_int_equal(task->producer_last, task->vertex == 1 ? 1 : 0);
		}
		/* Once per job, and per attempt of it, and TaskManager. */
		assert_int_equal(fake->graphs, 1);
		assert_int_equal(fake->placements, 1);
		assert_int_equal(fake->locations, 2);
		assert_int_equal(fake->slots_placed, 3);
	}
	finish(bed);
}

static void tasks_report_only_forward(void **state)
{
	struct bed *bed = bed_create(3, NULL);
	struct fake_taskmanager *fake = bed_taskmanager(bed, 0, 1);
	struct job *job;

	fake->hold_tasks = true;
	bed_until_slots(bed, 1, 1000);
	job = bed_submit(bed, "Slow", 1, 1, NULL);
	bed_pass(bed, 100);
	assert_int_equal(execution_of(job, 0, 0)->state, EXECUTION_DEPLOYING);
	/* RUNNING alone: the states in between get their times too. */
	fake_report(fake, fake_task_find(fake, 0, 0), "RUNNING", NULL);
	fake_report(fake, fake_task_find(fake, 1, 0), "INITIALIZING", NULL);
	bed_pass(bed, 100);
	assert_int_equal(execution_of(job, 0, 0)->state, EXECUTION_RUNNING);
	assert_true(execution_of(job, 0, 0)->entered_ms[EXECUTION_INITIALIZING] > 0);
	assert_int_equal(execution_of(job, 1, 0)->state, EXECUTION_INITIALIZING);
	fake_report(fake, fake_task_find(fake, 0, 0), "INITIALIZING", NULL);
	fake_report(fake, fake_task_find(fake, 0, 0), "NONSENSE", NULL);
	bed_pass(bed, 100);
	assert_int_equal(execution_of(job, 0, 0)->state, EXECUTION_RUNNING);
	assert_int_equal(fake->refused_reports, 1);
	assert_int_equal(fake->report_code, ERR_NET_PROTOCOL);
	assert_int_equal(job->all_running_ms, -1);
	finish(bed);
}

/* ---- cancelling ----------------------------------------------------------------------------- */

static void cancel(struct bed *bed, struct job *job)
{
	struct err err = ERR_INIT;

	if (dispatcher_cancel(bed->dispatcher, &job->id, &err) != 0)
		fail_msg("%s", err.text);
}

static void a_running_job_is_cancelled(void **state)
{
	struct bed *bed = bed_create(10, NULL);
	struct job *job = run_job(bed, NULL);
	struct err err = ERR_INIT;

	cancel(bed, job);
	assert_int_equal(job->status, JOB_CANCELLING);
	cancel(bed, job); /* again: nothing new */
	bed_until_status(bed, job, JOB_CANCELED, 100);
	assert_true(fake_task_find(host_of(bed, 0, 0), 0, 0)->cancel_asked);
	assert_int_equal(job->failure.code, ERR_NONE);
	bed_pass(bed, 100);
	assert_int_equal(bed_slots_free(bed), 4);
	cancel(bed, job);
	assert_int_equal(dispatcher_cancel(bed->dispatcher, &(struct id){ { 9 } }, &err), -1);
	assert_int_equal(err.code, ERR_JOB_NOT_FOUND);
	finish(bed);
}

static void an_ended_job_cannot_be_cancelled(void **state)
{
	struct bed *bed = bed_create(11, NULL);
	struct job *job = run_job(bed, NULL);
	struct err err = ERR_INIT;

	finish_tasks(bed->taskmanagers[0]);
	finish_tasks(bed->taskmanagers[1]);
	bed_until_status(bed, job, JOB_FINISHED, 100);
	assert_int_equal(dispatcher_cancel(bed->dispatcher, &job->id, &err), -1);
	assert_int_equal(err.code, ERR_JOB_ENDED);
	assert_non_null(strstr(err.text, "is FINISHED already"));
	finish(bed);
}

static void a_job_that_waits_for_slots_is_cancelled_at_once(void **state)
{
	struct bed *bed = bed_create(12, NULL);
	struct job *job = bed_submit(bed, "Waits", 1, 1, NULL);

	cancel(bed, job);
	bed_until_status(bed, job, JOB_CANCELED, 10);
	bed_taskmanager(bed, 0, 1);
	bed_until_slots(bed, 1, 1000);
	bed_pass(bed, 100);
	assert_int_equal(bed_slots_free(bed), 1);
	finish(bed);
}

static void a_job_is_cancelled_while_its_slots_are_asked_for(void **state)
{
	struct bed *bed = bed_create(13, NULL);
	struct fake_taskmanager *fake = bed_taskmanager(bed, 0, 2);
	struct job *job;

	bed_until_slots(bed, 2, 1000);
	job = bed_submit(bed, "Quick", 1, 2, NULL);
	assert_int_equal(bed_slots_free(bed), 0);
	cancel(bed, job);
	bed_until_status(bed, job, JOB_CANCELED, 10);
	bed_pass(bed, 100);
	assert_int_equal(bed_slots_free(bed), 2);
	assert_int_equal(fake_slots_held(fake), 0);
	assert_int_equal(fake->tasks_count, 0);
	finish(bed);
}

static void tasks_that_are_being_deployed_are_cancelled(void **state)
{
	struct bed *bed = bed_create(14, NULL);
	struct fake_taskmanager *fake = bed_taskmanager(bed, 0, 2);
	struct job *job;

	fake->hold_tasks = true;
	bed_until_slots(bed, 2, 1000);
	job = bed_submit(bed, "Early", 1, 2, NULL);
	bed_pass(bed, 100);
	fake_report(fake, fake_task_find(fake, 1, 1), "INITIALIZING", NULL);
	cancel(bed, job);
	bed_until_status(bed, job, JOB_CANCELED, 100);
	finish(bed);
}

static void a_late_running_report_does_not_call_a_cancelled_task_back(void **state)
{
	struct bed *bed = bed_create(15, NULL);
	struct fake_taskmanager *fake = bed_taskmanager(bed, 0, 1);
	struct job *job;

	fake->hold_tasks = fake->hold_cancels = true;
	bed_until_slots(bed, 1, 1000);
	job = bed_submit(bed, "Late", 1, 1, NULL);
	bed_pass(bed, 100);
	cancel(bed, job);
	fake_report(fake, fake_task_find(fake, 0, 0), "INITIALIZING", NULL);
	fake_report(fake, fake_task_find(fake, 0, 0), "RUNNING", NULL);
	bed_pass(bed, 100);
	assert_int_equal(execution_of(job, 0, 0)->state, EXECUTION_CANCELING);
	/* It may even finish before it hears of it; the job is cancelled all the same. */
	fake_report(fake, fake_task_find(fake, 0, 0), "FINISHED", NULL);
	fake_report(fake, fake_task_find(fake, 1, 0), "FAILED", &bed->err);
	bed_until_status(bed, job, JOB_CANCELED, 100);
	assert_int_equal(execution_of(job, 0, 0)->state, EXECUTION_CANCELED);
	finish(bed);
}

static void a_job_is_cancelled_though_its_taskmanager_is_dead(void **state)
{
	struct bed *bed = bed_create(16, NULL);
	struct job *job = run_job(bed, NULL);

	bed->taskmanagers[0]->hold_cancels = true;
	bed->taskmanagers[1]->hold_cancels = true;
	cancel(bed, job);
	bed_pass(bed, 100);
	bed_kill(bed, 0);
	bed_pass(bed, 100);
	assert_int_equal(job->status, JOB_CANCELLING);
	bed_kill(bed, 1);
	bed_until_status(bed, job, JOB_CANCELED, 100);
	finish(bed);
}

static void a_stopped_taskmanager_is_not_waited_for_longer_than_its_heartbeat(void **state)
{
	struct bed *bed = bed_create(17, NULL);
	struct job *job = run_job(bed, NULL);

	sim_pause(bed->worlds[0], 20000);
	bed_pass(bed, 100);
	cancel(bed, job);
	bed_until_status(bed, job, JOB_CANCELED, 6000);
	/* What it still holds when it wakes up is taken away. */
	bed_until_slots(bed, 4, 20000);
	bed_pass(bed, 1000);
	assert_int_equal(fake_slots_held(bed->taskmanagers[0]), 0);
	assert_int_equal(bed_slots_free(bed), 4);
	finish(bed);
}

static void tasks_that_do_not_end_cost_their_taskmanager_the_connection(void **state)
{
	static const char *const settings[] = { "task.cancellation.timeout=4 s", NULL };
	struct bed *bed = bed_create(18, NULL);
	struct job *job = run_job(bed, settings);

	bed->taskmanagers[0]->hold_cancels = true;
	cancel(bed, job);
	bed_pass(bed, 3900);
	assert_int_equal(job->status, JOB_CANCELLING);
	bed_until_status(bed, job, JOB_CANCELED, 200);
	bed_until_slots(bed, 4, 2000); /* it connects again */
	finish(bed);
}

static void a_job_is_cancelled_while_it_waits_for_its_restart(void **state)
{
	static const char *const settings[] = { "restart-strategy.type=fixed-delay",
						"restart-strategy.fixed-delay.delay=1 h", NULL };
	struct bed *bed = bed_create(19, NULL);
	struct job *job = run_job(bed, settings);
	struct err err = ERR_INIT;

	err_set(&err, ERR_USER_FUNCTION_FAILED, "no more");
	fake_report(host_of(bed, 0, 0), fake_task_find(host_of(bed, 0, 0), 0, 0), "FAILED", &err);
	bed_until_status(bed, job, JOB_RESTARTING, 100);
	bed_pass(bed, 5000);
	assert_int_equal(job->status, JOB_RESTARTING);
	cancel(bed, job);
	bed_until_status(bed, job, JOB_CANCELED, 10);
	bed_pass(bed, 100);
	assert_int_equal(bed_slots_free(bed), 4);
	finish(bed);
}

static void a_failing_job_can_be_cancelled(void **state)
{
	struct bed *bed = bed_create(20, NULL);
	struct job *job = run_job(bed, NULL);
	struct err err = ERR_INIT;

	bed->taskmanagers[0]->hold_cancels = bed->taskmanagers[1]->hold_cancels = true;
	err_set(&err, ERR_USER_FUNCTION_FAILED, "no more");
	fake_report(host_of(bed, 0, 0), fake_task_find(host_of(bed, 0, 0), 0, 0), "FAILED", &err);
	bed_until_status(bed, job, JOB_FAILING, 100);
	cancel(bed, job);
	assert_int_equal(job->status, JOB_CANCELLING);
	bed_kill(bed, 0);
	bed_kill(bed, 1);
	bed_until_status(bed, job, JOB_CANCELED, 100);
	assert_int_equal(job->failure.code, ERR_NONE);
	finish(bed);
}

/* ---- messages of the past ------------------------------------------------------------------- */

static void stale_and_foreign_reports_are_refused(void **state)
{
	static const char *const settings[] = { "restart-strategy.type=fixed-delay",
						"restart-strategy.fixed-delay.delay=100 ms", NULL };
	struct bed *bed = bed_create(30, NULL);
	struct job *job = run_job(bed, settings);
	struct fake_taskmanager *fake = host_of(bed, 0, 0), *other = host_of(bed, 0, 1);
	struct fake_task *task = fake_task_find(fake, 0, 0), old = *task;
	struct rpc_fence fence = { .leader_epoch = fake->leader_epoch ^ 1 };
	struct err err = ERR_INIT;

	/* Another leader. */
	memcpy(fence.incarnation, fake->incarnation.bytes, 16);
	fake_report_fenced(fake, task, "FINISHED", &fence);
	/* Another life. */
	fence.leader_epoch = fake->leader_epoch;
	fence.incarnation[0] ^= 1;
	fake_report_fenced(fake, task, "FINISHED", &fence);
	/* No leader at all. */
	fence = (struct rpc_fence){ 0 };
	fake_report_fenced(fake, task, "FINISHED", &fence);
	/* Another TaskManager's task. */
	fake_report(other, &old, "FINISHED", NULL);
	bed_pass(bed, 100);
	assert_int_equal(fake->refused_reports, 3);
	assert_int_equal(other->refused_reports, 1);
	assert_int_equal(fake->report_code, ERR_FENCED);
	assert_int_equal(execution_of(job, 0, 0)->state, EXECUTION_RUNNING);
	/* An earlier attempt. */
	err_set(&err, ERR_USER_FUNCTION_FAILED, "once");
	fake_report(fake, task, "FAILED", &err);
	bed_until_status(bed, job, JOB_RESTARTING, 100);
	bed_until_running(bed, job, 1000);
	fake_report(fake, &old, "FAILED", &err);
	bed_pass(bed, 100);
	assert_int_equal(fake->refused_reports, 4);
	assert_int_equal(job->status, JOB_RUNNING);
	assert_int_equal(job->restarts, 1);
	finish(bed);
}

/* ---- output --------------------------------------------------------------------------------- */

static void assert_output(const struct job *job, uint64_t from, uint64_t offset, const char *text)
{
	struct buf output;
	uint64_t at;

	buf_init(&output);
	buf_add_text(&output, "");
	assert_int_equal(job_output_read(job, from, 1000, &output, &at), strlen(text));
	assert_string_equal(output.data, text);
	assert_int_equal(at, offset);
	buf_fini(&output);
}

static void output_of_taskmanagers_is_merged_and_repeats_are_ignored(void **state)
{
	struct bed *bed = bed_create(40, NULL);
	struct job *job = run_job(bed, NULL);
	struct fake_taskmanager *a = bed->taskmanagers[0], *b = bed->taskmanagers[1];

	fake_print(a, &job->id, 0, 0, "a1\na2\n");
	bed_pass(bed, 10);
	fake_print(b, &job->id, 0, 0, "b1\n");
	bed_pass(bed, 10);
	fake_print(a, &job->id, 0, 0, "a1\na2\n"); /* sent again after a broken connection */
	fake_print(a, &job->id, 3, 0, "a2\na3\n"); /* and overlapping */
	bed_pass(bed, 10);
	assert_output(job, 0, 0, "a1\na2\nb1\na3\n");
	assert_int_equal(job_output_end(job), 12);
	assert_output(job, 9, 9, "a3\n");
	/* a lost 100 bytes: the reader sees the hole. */
	fake_print(a, &job->id, 109, 100, "a9\n");
	bed_pass(bed, 10);
	assert_output(job, 0, 0, "a1\na2\nb1\na3\n");
	assert_output(job, 12, 112, "a9\n");
	assert_int_equal(job_output_end(job), 115);
	assert_output(job, 115, 115, "");
	/* Output of a job that is not there. */
	fake_print(a, &(struct id){ { 7 } }, 0, 0, "x\n");
	bed_pass(bed, 10);
	assert_int_equal(a->report_code, ERR_JOB_NOT_FOUND);
	finish(bed);
}

/* ---- metrics and notes ---------------------------------------------------------------------- */

static void metrics_add_up_over_attempts(void **state)
{
	static const char *const settings[] = { "restart-strategy.type=fixed-delay", NULL };
	struct bed *bed = bed_create(50, NULL);
	struct job *job = run_job(bed, settings);
	struct fake_taskmanager *fake = host_of(bed, 0, 0);
	struct err err = ERR_INIT;

	fake->records = 100;
	bed_pass(bed, 1000);
	assert_int_equal(execution_metrics(execution_of(job, 0, 0)).records_in, 100);
	fake->records = 120;
	err_set(&err, ERR_USER_FUNCTION_FAILED, "once");
	fake_report(fake, fake_task_find(fake, 0, 0), "FAILED", &err);
	bed_until_status(bed, job, JOB_RESTARTING, 100);
	fake->records = 0;
	bed_until_running(bed, job, 2000);
	assert_int_equal(execution_metrics(execution_of(job, 0, 0)).records_in, 120);
	fake->records = 5;
	bed_pass(bed, 1000);
	assert_int_equal(execution_metrics(execution_of(job, 0, 0)).records_in, 125);
	assert_int_equal(execution_of(job, 0, 0)->attempt, 1);
	finish(bed);
}

static void a_waiting_source_is_what_the_job_says(void **state)
{
	struct bed *bed = bed_create(51, NULL);
	struct job *job = run_job(bed, NULL);
	struct fake_taskmanager *fake = bed->taskmanagers[0];
	char note[100];

	snprintf(fake->status_text, sizeof(fake->status_text), "waiting for localhost:9000");
	bed_pass(bed, 1000);
	bed_note(job, note, sizeof(note));
	assert_string_equal(note, "waiting for localhost:9000");
	fake->status_text[0] = '\0';
	bed_pass(bed, 1000);
	bed_note(job, note, sizeof(note));
	assert_string_equal(note, "");
	assert_int_equal(job->notes_count, 0);
	finish(bed);
}

/* ---- sources -------------------------------------------------------------------------------- */

static void splits_reach_the_readers_in_order_and_then_the_end(void **state)
{
	struct bed *bed = bed_create(60, NULL);
	struct job *job;

	numbers.splits = 2501;
	bed_taskmanager(bed, 0, 2)->readers = true;
	bed_until_slots(bed, 2, 1000);
	job = bed_submit(bed, "Numbers", 2, 2, NULL);
	bed_until_running(bed, job, 1000);
	bed_pass(bed, 1000);
	assert_int_equal(numbers.opened, 1);
	assert_int_equal(numbers.readers, 2);
	assert_int_equal(fake_task_find(bed->taskmanagers[0], 0, 0)->splits, 1251);
	assert_int_equal(fake_task_find(bed->taskmanagers[0], 0, 1)->splits, 1250);
	assert_true(fake_task_find(bed->taskmanagers[0], 0, 0)->no_more);
	assert_true(fake_task_find(bed->taskmanagers[0], 0, 1)->no_more);
	finish(bed);
	assert_int_equal(numbers.closed, 1);
}

static void splits_wait_for_readers_that_come_later(void **state)
{
	struct bed *bed = bed_create(61, NULL);
	struct fake_taskmanager *fake = bed_taskmanager(bed, 0, 2);
	struct job *job;

	numbers.splits = 3;
	bed_until_slots(bed, 2, 1000);
	job = bed_submit(bed, "Numbers", 1, 2, NULL);
	bed_until_running(bed, job, 1000);
	bed_pass(bed, 100);
	assert_int_equal(fake_task_find(fake, 0, 0)->splits, 0);
	fake_ready(fake, fake_task_find(fake, 0, 0), 0);
	fake_ready(fake, fake_task_find(fake, 0, 0), 0); /* twice is once */
	fake_ready(fake, fake_task_find(fake, 1, 0), 0); /* no source */
	bed_pass(bed, 100);
	assert_int_equal(fake_task_find(fake, 0, 0)->splits, 3);
	assert_int_equal(numbers.readers, 1);
	assert_int_equal(fake->refused_reports, 1);
	finish(bed);
}

static void a_restart_makes_enumerators_anew(void **state)
{
	static const char *const settings[] = { "restart-strategy.type=fixed-delay", NULL };
	struct bed *bed = bed_create(62, NULL);
	struct fake_taskmanager *fake = bed_taskmanager(bed, 0, 2);
	struct err err = ERR_INIT;
	struct job *job;

	numbers.splits = 4;
	fake->readers = true;
	bed_until_slots(bed, 2, 1000);
	job = bed_submit(bed, "Numbers", 2, 2, settings);
	bed_until_running(bed, job, 1000);
	bed_pass(bed, 100);
	err_set(&err, ERR_USER_FUNCTION_FAILED, "once");
	fake_report(fake, fake_task_find(fake, 0, 0), "FAILED", &err);
	bed_until_status(bed, job, JOB_RESTARTING, 100);
	assert_int_equal(numbers.closed, 1);
	bed_until_running(bed, job, 2000);
	bed_pass(bed, 100);
	assert_int_equal(numbers.opened, 2);
	assert_int_equal(fake_task_find(fake, 0, 0)->attempt, 1);
	assert_int_equal(fake_task_find(fake, 0, 0)->splits, 2);
	finish(bed);
}

static void an_enumerator_that_cannot_open_fails_the_job_by_name(void **state)
{
	struct bed *bed = bed_create(63, NULL);
	struct job *job;

	numbers.fail_open = true;
	job = bed_submit(bed, "Numbers", 1, 1, NULL);
	assert_non_null(job);
	bed_until_status(bed, job, JOB_FAILED, 10);
	assert_string_equal(job->failure.text,
			    "Source: Numbers: there are no numbers here; no restart "
			    "(restart-strategy.type: none)");
	finish(bed);
	assert_int_equal(numbers.closed, 1);
}

static void an_enumerator_that_fails_later_is_restarted_with_the_job(void **state)
{
	static const char *const settings[] = { "restart-strategy.type=fixed-delay",
						"restart-strategy.fixed-delay.attempts=2", NULL };
	struct bed *bed = bed_create(64, NULL);
	struct job *job = run_job(bed, settings);

	numbers.fail_step = true;
	fake_ready(host_of(bed, 0, 0), fake_task_find(host_of(bed, 0, 0), 0, 0), 0);
	bed_until_status(bed, job, JOB_RESTARTING, 100);
	bed_until_status(bed, job, JOB_FAILED, 5000);
	assert_int_equal(job->restarts, 2);
	assert_non_null(strstr(job->failure.text,
			       "the numbers ran out; no further restart "
			       "(restart-strategy.type: fixed-delay, 2 of 2 restarts used)"));
	finish(bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_job_runs_and_finishes),
		cmocka_unit_test(no_run_is_shorter_than_nothing),
		cmocka_unit_test(tasks_are_told_where_their_peers_are),
		cmocka_unit_test(tasks_report_only_forward),
		cmocka_unit_test(a_running_job_is_cancelled),
		cmocka_unit_test(an_ended_job_cannot_be_cancelled),
		cmocka_unit_test(a_job_that_waits_for_slots_is_cancelled_at_once),
		cmocka_unit_test(a_job_is_cancelled_while_its_slots_are_asked_for),
		cmocka_unit_test(tasks_that_are_being_deployed_are_cancelled),
		cmocka_unit_test(a_late_running_report_does_not_call_a_cancelled_task_back),
		cmocka_unit_test(a_job_is_cancelled_though_its_taskmanager_is_dead),
		cmocka_unit_test(a_stopped_taskmanager_is_not_waited_for_longer_than_its_heartbeat),
		cmocka_unit_test(tasks_that_do_not_end_cost_their_taskmanager_the_connection),
		cmocka_unit_test(a_job_is_cancelled_while_it_waits_for_its_restart),
		cmocka_unit_test(a_failing_job_can_be_cancelled),
		cmocka_unit_test(stale_and_foreign_reports_are_refused),
		cmocka_unit_test(output_of_taskmanagers_is_merged_and_repeats_are_ignored),
		cmocka_unit_test(metrics_add_up_over_attempts),
		cmocka_unit_test(a_waiting_source_is_what_the_job_says),
		cmocka_unit_test(splits_reach_the_readers_in_order_and_then_the_end),
		cmocka_unit_test(splits_wait_for_readers_that_come_later),
		cmocka_unit_test(a_restart_makes_enumerators_anew),
		cmocka_unit_test(an_enumerator_that_cannot_open_fails_the_job_by_name),
		cmocka_unit_test(an_enumerator_that_fails_later_is_restarted_with_the_job),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
