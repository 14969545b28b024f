/* SPDX-License-Identifier: Apache-2.0
 * failover_test.c - what is told when something goes wrong, who pays for it, and what runs
 * again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"
#include "tests/lib/jobmanager_bed.h"

static const char *const fixed_delay[] = { "restart-strategy.type=fixed-delay",
					   "restart-strategy.fixed-delay.attempts=2",
					   "restart-strategy.fixed-delay.delay=500 ms", NULL };

static void finish(struct bed *bed)
{
	bed_destroy(bed);
	assert_int_equal(mem_bytes_out(), 0);
}

static struct bed *bed_with(uint64_t seed, uint32_t taskmanagers, uint32_t slots)
{
	struct bed *bed = bed_create(seed, NULL);

	for (uint32_t i = 0; i < taskmanagers; i++)
		bed_taskmanager(bed, i, slots);
	bed_until_slots(bed, taskmanagers * slots, 1000);
	return bed;
}

static struct job *run_job(struct bed *bed, const char *name, uint32_t parallelism,
			   const char *const *settings)
{
	struct job *job = bed_submit(bed, name, 1, parallelism, settings);

	if (job == NULL)
		fail_msg("%s", bed->err.text);
	bed_until_running(bed, job, 1000);
	return job;
}

/* A task of the job on that TaskManager fails. */
static void fail_task(struct fake_taskmanager *fake, struct job *job, enum err_code code,
		      const char *text)
{
	struct err err = ERR_INIT;

	err_set(&err, code, "%s", text);
	for (uint32_t i = fake->tasks_count; i-- > 0;) {
		struct fake_task *task = &fake->tasks[i];

		if (!id_equal(&task->job_id, &job->id) || strcmp(task->state, "RUNNING") != 0)
			continue;
		fake_report(fake, task, "FAILED", &err);
		return;
	}
	fail_msg("no task of '%s' runs on %s", job->name, fake->resource_id);
}

static void without_a_strategy_the_first_failure_ends_the_job(void **state)
{
	struct bed *bed = bed_with(1, 2, 2);
	struct job *job = run_job(bed, "Fragile", 4, NULL);
	const struct job_failure *failure;

	fake_task_find(bed->taskmanagers[1], 1, 3)->operator = "Sum";
	fail_task(bed->taskmanagers[1], job, ERR_USER_FUNCTION_FAILED, "word 'x' is too short");
	bed_until_status(bed, job, JOB_FAILED, 100);
	assert_int_equal(job->failure.code, ERR_USER_FUNCTION_FAILED);
	assert_string_equal(job->failure.text,
			    "Sum -> Sink: Print (4/4): Sum: word 'x' is too short; no restart "
			    "(restart-strategy.type: none)");
	assert_int_equal(job->restarts, 0);
	assert_int_equal(job->entered_ms[JOB_RESTARTING], 0);
	/* The others were cancelled, and only they. */
	assert_int_equal(fake_tasks_in(bed->taskmanagers[0], "CANCELED"), 3);
	assert_int_equal(fake_tasks_in(bed->taskmanagers[1], "CANCELED"), 1);
	assert_int_equal(job->failures_count, 1);
	failure = LIST_FIRST(&job->failures, struct job_failure, node);
	assert_int_equal(failure->err.code, ERR_USER_FUNCTION_FAILED);
	assert_string_equal(failure->err.text, "Sum: word 'x' is too short");
	assert_string_equal(failure->task_name, "Sum -> Sink: Print (4/4) - execution #0");
	assert_string_equal(failure->endpoint, "tm1:7000");
	assert_string_equal(failure->resource_id, "tm1");
	bed_pass(bed, 100);
	assert_int_equal(bed_slots_free(bed), 4);
	finish(bed);
}

static void fixed_delay_restarts_as_often_as_it_says(void **state)
{
	struct bed *bed = bed_with(2, 1, 2);
	struct job *job = run_job(bed, "Stubborn", 2, fixed_delay);
	char note[300];

	for (uint32_t attempt = 1; attempt <= 2; attempt++) {
		fail_task(bed->taskmanagers[0], job, ERR_USER_FUNCTION_FAILED, "no");
		bed_until_status(bed, job, JOB_RESTARTING, 100);
		snprintf(note, sizeof(note),
			 "restarts after 500 ms (fixed-delay, %u of 2 restarts used): "
			 "Sum -> Sink: Print (2/2): no",
			 attempt);
		assert_string_equal(job->waiting_for, note);
		assert_int_equal(job->all_running_ms, -1);
		bed_pass(bed, 450);
		assert_int_equal(job->status, JOB_RESTARTING);
		bed_until_running(bed, job, 150);
		assert_int_equal(job->job_attempt, attempt);
		assert_int_equal(job->vertices[1].executions[1].attempt, attempt);
		assert_int_equal(fake_task_find(bed->taskmanagers[0], 1, 1)->job_attempt, attempt);
		assert_null(job->waiting_for);
	}
	fail_task(bed->taskmanagers[0], job, ERR_USER_FUNCTION_FAILED, "no");
	bed_until_status(bed, job, JOB_FAILED, 100);
	assert_int_equal(job->failure.code, ERR_RESTARTS_USED_UP);
	assert_string_equal(job->failure.text,
			    "Sum -> Sink: Print (2/2): no; no further restart "
			    "(restart-strategy.type: fixed-delay, 2 of 2 restarts used)");
	assert_int_equal(job->failures_count, 3);
	assert_int_equal(job->restarts, 2);
	assert_in_range(job->spent_ms[JOB_RESTARTING], 1000, 1200); /* twice the delay */
	assert_int_equal(job->spent_ms[JOB_FAILED], 0);
	/* The graph was sent once, for the TaskManager was there all the time. */
	assert_int_equal(bed->taskmanagers[0]->graphs, 1);
	finish(bed);
}

/* A TaskManager that stops cancels its tasks; their peers may be the first to say so. */
static void a_cancelled_peer_does_not_end_the_job(void **state)
{
	struct bed *bed = bed_with(3, 2, 2);
	struct job *job = run_job(bed, "Paired", 4, fixed_delay);

	fail_task(bed->taskmanagers[1], job, ERR_CANCELED,
		  "task Source: Numbers (1/1) was cancelled");
	bed_until_status(bed, job, JOB_RESTARTING, 100);
	bed_until_running(bed, job, 2000);
	assert_int_equal(job->restarts, 1);
	finish(bed);
}

static void what_no_restart_can_mend_ends_the_job(void **state)
{
	struct bed *bed = bed_with(3, 1, 2);
	struct job *job = run_job(bed, "Tidy", 2, fixed_delay);

	fail_task(bed->taskmanagers[0], job, ERR_SINK_EXISTS, "out.txt exists");
	bed_until_status(bed, job, JOB_FAILED, 100);
	assert_int_equal(job->failure.code, ERR_SINK_EXISTS);
	assert_string_equal(job->failure.text, "Sum -> Sink: Print (2/2): out.txt exists");
	assert_int_equal(job->restarts, 0);
	finish(bed);
}

static void a_task_that_cannot_be_deployed_fails_the_job(void **state)
{
	struct bed *bed = bed_with(4, 1, 2);
	struct job *job;

	bed->taskmanagers[0]->refuse_tasks = true;
	job = bed_submit(bed, "Alien", 1, 2, fixed_delay);
	bed_until_status(bed, job, JOB_FAILED, 100);
	assert_int_equal(job->failure.code, ERR_ARTIFACT_SYMBOL);
	assert_string_equal(job->failure.text,
			    "Source: Numbers (1/1): symbol frobnicate is not there");
	bed_pass(bed, 100);
	assert_int_equal(bed_slots_free(bed), 2);
	finish(bed);
}

static void the_history_keeps_the_last_failures(void **state)
{
	static const char *const settings[] = { "restart-strategy.type=fixed-delay",
						"restart-strategy.fixed-delay.attempts=20",
						"restart-strategy.fixed-delay.delay=0",
						"web.exception-history-size=3", NULL };
	struct bed *bed = bed_with(5, 1, 1);
	struct job *job = run_job(bed, "Again", 1, settings);
	char text[16];

	for (uint32_t i = 0; i < 5; i++) {
		snprintf(text, sizeof(text), "failure %u", i);
		fail_task(bed->taskmanagers[0], job, ERR_USER_FUNCTION_FAILED, text);
		bed_until_status(bed, job, JOB_RESTARTING, 100);
		bed_until_running(bed, job, 1000);
	}
	assert_int_equal(job->failures_count, 3);
	assert_string_equal(LIST_FIRST(&job->failures, struct job_failure, node)->err.text,
			    "failure 2");
	finish(bed);
}

/* ---- TaskManagers that go ------------------------------------------------------------------- */

static void a_job_moves_to_another_taskmanager(void **state)
{
	struct bed *bed = bed_with(10, 3, 2);
	struct job *job = run_job(bed, "Nomad", 4, fixed_delay);
	uint32_t lost = fake_slots_held(bed->taskmanagers[0]) > 0 ? 0 : 1;

	bed_kill(bed, lost);
	bed_until_status(bed, job, JOB_RESTARTING, 100);
	assert_non_null(strstr(job->waiting_for, "is lost"));
	bed_until_running(bed, job, 1000);
	for (uint32_t i = 0; i < 4; i++)
		assert_string_not_equal(job->vertices[1].executions[i].resource_id,
					lost == 0 ? "tm0" : "tm1");
	assert_int_equal(job->restarts, 1);
	finish(bed);
}

static void a_job_waits_for_its_taskmanager_and_goes_on_by_itself(void **state)
{
	struct bed *bed = bed_with(11, 1, 2);
	struct job *job = run_job(bed, "Faithful", 2, fixed_delay), *younger;

	bed_kill(bed, 0);
	bed_until_status(bed, job, JOB_RESTARTING, 100);
	bed_until_status(bed, job, JOB_RUNNING, 1000);
	younger = bed_submit(bed, "Younger", 1, 1, NULL);
	bed_pass(bed, 10000);
	assert_non_null(strstr(job->waiting_for, "needs 2 slots, 0 free"));
	bed_taskmanager(bed, 0, 2);
	bed_until_running(bed, job, 1000);
	assert_int_equal(younger->all_running_ms, -1); /* who ran before comes first */
	finish(bed);
}

static void without_a_strategy_a_lost_taskmanager_ends_the_job_after_a_moment(void **state)
{
	struct bed *bed = bed_with(12, 1, 2);
	struct job *job = run_job(bed, "Fragile", 2, NULL);

	bed_kill(bed, 0);
	bed_until_status(bed, job, JOB_RESTARTING, 100); /* its next life may say more */
	assert_non_null(strstr(job->waiting_for, "finding out what happened: the connection"));
	bed_until_status(bed, job, JOB_FAILED, 4500);
	assert_non_null(strstr(job->failure.text, "the connection to TaskManager tm0 is lost"));
	assert_non_null(strstr(job->failure.text, "no restart (restart-strategy.type: none)"));
	finish(bed);
}

static void a_taskmanager_that_comes_back_without_a_note_ends_the_waiting(void **state)
{
	struct bed *bed = bed_with(13, 1, 2);
	struct job *job = run_job(bed, "Fragile", 2, NULL);

	bed_restart(bed, 0, NULL, NULL);
	bed_until_status(bed, job, JOB_FAILED, 500);
	assert_int_equal(job->failure.code, ERR_TASKMANAGER_LOST);
	finish(bed);
}

static void a_missed_heartbeat_fails_the_executions(void **state)
{
	struct bed *bed = bed_with(14, 2, 1);
	struct job *job = run_job(bed, "Watched", 2, fixed_delay);

	bed->taskmanagers[0]->mute = true;
	bed_until_status(bed, job, JOB_RESTARTING, 11000);
	assert_non_null(strstr(job->waiting_for, "the heartbeat of TaskManager tm0 timed out"));
	bed_pass(bed, 1000);
	assert_non_null(strstr(job->waiting_for, "needs 2 slots, 1 free"));
	bed->taskmanagers[0]->mute = false;
	bed_until_running(bed, job, 2000);
	finish(bed);
}

static void the_lost_taskmanager_is_told_not_the_broken_connection_to_it(void **state)
{
	struct bed *bed = bed_with(15, 2, 1);
	struct job *job = run_job(bed, "Chain", 2, NULL);
	const struct job_failure *failure;

	fail_task(bed->taskmanagers[1], job, ERR_NET_CLOSED, "closed by tm0:7000");
	bed_until_status(bed, job, JOB_RESTARTING, 100);
	bed_kill(bed, 0);
	bed_until_status(bed, job, JOB_FAILED, 5000);
	assert_non_null(strstr(job->failure.text, "the connection to TaskManager tm0 is lost"));
	assert_int_equal(job->failures_count, 1);
	failure = LIST_FIRST(&job->failures, struct job_failure, node);
	assert_int_equal(failure->err.code, ERR_TASKMANAGER_LOST);
	finish(bed);
}

static void a_broken_connection_alone_is_a_failure_too(void **state)
{
	struct bed *bed = bed_with(16, 2, 1);
	struct job *job = run_job(bed, "Chain", 2, NULL);

	fail_task(bed->taskmanagers[1], job, ERR_PARTITION_NOT_FOUND, "no such channel");
	bed_until_status(bed, job, JOB_FAILED, 1500);
	assert_non_null(strstr(job->failure.text, "no such channel; no restart"));
	finish(bed);
}

/* ---- crash notes ---------------------------------------------------------------------------- */

static void check_only_the_guilty_job_is_charged(bool new_names)
{
	struct bed *bed = bed_with(20, 1, 4);
	struct job *guilty = run_job(bed, "Guilty", 2, fixed_delay);
	struct job *innocent = run_job(bed, "Innocent", 2, fixed_delay);
	struct fake_taskmanager *fake;

	bed->new_names = new_names;
	fake = bed_restart(bed, 0, "signal 11 (SIGSEGV) in split", &guilty->id);
	fake->crash_operator = "Flat Map";
	bed_until_status(bed, guilty, JOB_RESTARTING, 100);
	bed_until_running(bed, guilty, 2000);
	bed_until_running(bed, innocent, 2000);
	assert_string_equal(LIST_FIRST(&guilty->failures, struct job_failure, node)->err.text,
			    "Flat Map: signal 11 (SIGSEGV) in split");
	assert_int_equal(LIST_FIRST(&guilty->failures, struct job_failure, node)->err.code,
			 ERR_USER_FUNCTION_CRASHED);
	assert_non_null(strstr(LIST_FIRST(&innocent->failures, struct job_failure, node)->err.text,
			       "a function of another job crashed in it"));
	/* Both restarted once; the innocent one may still do so twice, the guilty one once. */
	for (uint32_t i = 0; i < 2; i++) {
		fail_task(fake, innocent, ERR_USER_FUNCTION_FAILED, "no");
		bed_until_status(bed, innocent, JOB_RESTARTING, 100);
		bed_until_running(bed, innocent, 2000);
	}
	fail_task(fake, guilty, ERR_USER_FUNCTION_FAILED, "no");
	bed_until_status(bed, guilty, JOB_RESTARTING, 100);
	bed_until_running(bed, guilty, 2000);
	fail_task(fake, guilty, ERR_USER_FUNCTION_FAILED, "no");
	bed_until_status(bed, guilty, JOB_FAILED, 100);
	fail_task(fake, innocent, ERR_USER_FUNCTION_FAILED, "no");
	bed_until_status(bed, innocent, JOB_FAILED, 100);
	finish(bed);
}

static void only_the_guilty_job_is_charged_for_a_crash(void **state)
{
	check_only_the_guilty_job_is_charged(false);
	check_only_the_guilty_job_is_charged(true);
}

static void without_a_strategy_the_guilty_job_fails_with_the_note_and_the_others_go_on(void **state)
{
	static const char *const never[] = { "restart-strategy.type=none", NULL };
	struct bed *bed = bed_with(21, 1, 6);
	struct job *guilty = run_job(bed, "Guilty", 2, NULL);
	struct job *innocent = run_job(bed, "Innocent", 2, NULL);
	struct job *strict = run_job(bed, "Strict", 2, never);

	bed_restart(bed, 0, "signal: 11 SIGSEGV\npid: 7\nfunction: split\n", &guilty->id)
		->crash_operator = "Flat Map";
	bed_until_status(bed, guilty, JOB_FAILED, 500);
	assert_string_equal(guilty->failure.text,
			    "Flat Map: function split crashed with signal 11 SIGSEGV; no restart "
			    "(restart-strategy.type: none)");
	/* Nobody said that this one may not restart; of the other one somebody did. */
	bed_until_running(bed, innocent, 2000);
	assert_int_equal(innocent->restarts, 1);
	assert_int_equal(strict->status, JOB_FAILED);
	finish(bed);
}

static void a_note_that_names_no_job_charges_everybody(void **state)
{
	struct bed *bed = bed_with(22, 1, 2);
	struct job *job = run_job(bed, "Anybody", 2, NULL);

	bed_restart(bed, 0, "signal 6 (SIGABRT)", NULL);
	bed_until_status(bed, job, JOB_FAILED, 500);
	finish(bed);
}

/* kill -9, or no memory: nobody could write down whose function it was, but how it ended is
 * known. */
static void how_a_taskmanager_ended_is_told_though_nobody_is_guilty(void **state)
{
	struct bed *bed = bed_with(24, 1, 2);
	struct job *job = run_job(bed, "Anybody", 2, NULL);

	bed->new_names = true;
	bed_restart(bed, 0, "signal: 9 SIGKILL\npid: 7\nname: tm0\n", NULL);
	bed_until_status(bed, job, JOB_FAILED, 500);
	assert_string_equal(job->failure.text,
			    "TaskManager tm0 is gone: its process was ended by signal 9 SIGKILL, by "
			    "somebody or by the kernel for want of memory (dmesg tells); no restart "
			    "(restart-strategy.type: none)");
	job = run_job(bed, "Nobody", 2, NULL);
	bed_restart(bed, 0, "exit: 0\npid: 8\nname: tm0-1\n", NULL);
	bed_until_status(bed, job, JOB_FAILED, 500);
	assert_string_equal(job->failure.text,
			    "TaskManager tm0-1 is gone: its process ended unasked with exit code 0; "
			    "no restart (restart-strategy.type: none)");
	job = run_job(bed, "Stuck", 2, NULL);
	bed_restart(bed, 0, "reason: Map (1/2) does not return\npid: 9\nname: tm0-2\n", NULL);
	bed_until_status(bed, job, JOB_FAILED, 500);
	assert_string_equal(job->failure.text,
			    "TaskManager tm0-2 started anew: Map (1/2) does not return; no restart "
			    "(restart-strategy.type: none)");
	finish(bed);
}

static void a_function_that_calls_exit_is_guilty(void **state)
{
	struct bed *bed = bed_with(25, 1, 2);
	struct job *job = run_job(bed, "Leaver", 2, NULL);

	bed_restart(bed, 0, "exit: 3\nfunction: split\nname: tm0\n", &job->id)->crash_operator =
		"Flat Map";
	bed_until_status(bed, job, JOB_FAILED, 500);
	assert_string_equal(job->failure.text,
			    "Flat Map: function split called exit(3), which ends the whole "
			    "TaskManager; no restart (restart-strategy.type: none)");
	finish(bed);
}

static void a_note_that_says_why_is_told_in_its_words(void **state)
{
	struct bed *bed = bed_with(27, 1, 2);
	struct job *job = run_job(bed, "Guilty", 2, NULL);

	(void)state;
	bed_restart(bed, 0, "signal: 6 SIGABRT\nwhy: closed a file\nfunction: split\n", &job->id)
		->crash_operator = "Flat Map";
	bed_until_status(bed, job, JOB_FAILED, 500);
	assert_non_null(strstr(job->failure.text, "Flat Map: function split closed a file; no"));
	finish(bed);
}

/* The supervisor's longest pause is a second; it may take another until the worker is back. */
static void a_note_that_comes_after_the_longest_pause_counts(void **state)
{
	static const char *const how[][2] = {
		{ "signal: 11 SIGSEGV\n", "crashed with signal 11 SIGSEGV" },
		{ "exit: 4\n", "ended unasked with exit code 4" },
	};

	(void)state;
	for (uint32_t i = 0; i < ARRAY_COUNT(how); i++) {
		struct bed *bed = bed_with(26, 1, 4);
		struct job *guilty = run_job(bed, "Guilty", 2, NULL);
		struct job *innocent = run_job(bed, "Innocent", 2, NULL);
		char note[128], wanted[200];

		snprintf(note, sizeof(note), "%sfunction: split\nsuspected: yes\n", how[i][0]);
		snprintf(wanted, sizeof(wanted),
			 "Flat Map: function split ran when its TaskManager %s; no restart "
			 "(restart-strategy.type: none)",
			 how[i][1]);
		bed_kill(bed, 0);
		bed_pass(bed, 3500);
		assert_int_equal(innocent->status, JOB_RESTARTING);
		struct fake_taskmanager *fake = bed_taskmanager(bed, 0, 4);

		fake->crash_note = note;
		fake->crash_job_id = guilty->id;
		fake->crash_operator = "Flat Map";
		bed_until_status(bed, guilty, JOB_FAILED, 500);
		assert_string_equal(guilty->failure.text, wanted);
		bed_until_running(bed, innocent, 2000);
		finish(bed);
	}
}

static void three_crashes_within_a_minute_end_the_job_with_the_note(void **state)
{
	static const char *const settings[] = { "restart-strategy.type=fixed-delay",
						"restart-strategy.fixed-delay.attempts=100",
						"restart-strategy.fixed-delay.delay=1 s", NULL };
	struct bed *bed = bed_with(23, 1, 2);
	struct job *job = run_job(bed, "Bomb", 2, settings);

	/* Two, then a long pause, then two: never three within a minute. */
	for (uint32_t i = 0; i < 4; i++) {
		if (i == 2)
			bed_pass(bed, 70000);
		bed_restart(bed, 0, "signal 11 (SIGSEGV)", &job->id);
		bed_until_status(bed, job, JOB_RESTARTING, 100);
		bed_until_running(bed, job, 3000);
	}
	bed_restart(bed, 0, "signal 11 (SIGSEGV)", &job->id);
	bed_until_status(bed, job, JOB_FAILED, 500);
	assert_int_equal(job->failure.code, ERR_USER_FUNCTION_CRASHED);
	assert_string_equal(job->failure.text, "crashed 3 TaskManagers within 60 s, the last time: "
					       "signal 11 (SIGSEGV)");
	assert_int_equal(job->restarts, 4);
	finish(bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_strategy_the_first_failure_ends_the_job),
		cmocka_unit_test(fixed_delay_restarts_as_often_as_it_says),
		cmocka_unit_test(a_cancelled_peer_does_not_end_the_job),
		cmocka_unit_test(what_no_restart_can_mend_ends_the_job),
		cmocka_unit_test(a_task_that_cannot_be_deployed_fails_the_job),
		cmocka_unit_test(the_history_keeps_the_last_failures),
		cmocka_unit_test(a_job_moves_to_another_taskmanager),
		cmocka_unit_test(a_job_waits_for_its_taskmanager_and_goes_on_by_itself),
		cmocka_unit_test(without_a_strategy_a_lost_taskmanager_ends_the_job_after_a_moment),
		cmocka_unit_test(a_taskmanager_that_comes_back_without_a_note_ends_the_waiting),
		cmocka_unit_test(a_missed_heartbeat_fails_the_executions),
		cmocka_unit_test(the_lost_taskmanager_is_told_not_the_broken_connection_to_it),
		cmocka_unit_test(a_broken_connection_alone_is_a_failure_too),
		cmocka_unit_test(only_the_guilty_job_is_charged_for_a_crash),
		cmocka_unit_test(
			without_a_strategy_the_guilty_job_fails_with_the_note_and_the_others_go_on),
		cmocka_unit_test(a_note_that_names_no_job_charges_everybody),
		cmocka_unit_test(how_a_taskmanager_ended_is_told_though_nobody_is_guilty),
		cmocka_unit_test(a_function_that_calls_exit_is_guilty),
		cmocka_unit_test(a_note_that_says_why_is_told_in_its_words),
		cmocka_unit_test(a_note_that_comes_after_the_longest_pause_counts),
		cmocka_unit_test(three_crashes_within_a_minute_end_the_job_with_the_note),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
