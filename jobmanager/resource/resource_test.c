/* SPDX-License-Identifier: Apache-2.0
 * resource_test.c - TaskManagers come and go, slots have one owner, jobs stand in line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "common/base/mem.h"
#include "tests/lib/jobmanager_bed.h"

static void finish(struct bed *bed)
{
	bed_destroy(bed);
	assert_int_equal(mem_bytes_out(), 0);
}

static void assert_counts(struct bed *bed, uint32_t taskmanagers, uint32_t slots, uint32_t free)
{
	uint32_t have_taskmanagers, have_slots, have_free;

	resource_manager_counts(dispatcher_resource_manager(bed->dispatcher), &have_taskmanagers,
				&have_slots, &have_free);
	assert_int_equal(have_taskmanagers, taskmanagers);
	assert_int_equal(have_slots, slots);
	assert_int_equal(have_free, free);
}

static struct taskmanager_info *info(struct bed *bed, const char *resource_id)
{
	return resource_manager_find(dispatcher_resource_manager(bed->dispatcher), resource_id);
}

/* ---- membership ----------------------------------------------------------------------------- */

static void a_taskmanager_registers_and_its_slots_count(void **state)
{
	struct bed *bed = bed_create(1, NULL);

	bed_taskmanager(bed, 0, 3);
	bed_until_slots(bed, 3, 1000);
	assert_counts(bed, 1, 3, 3);
	assert_true(info(bed, "tm0")->available);
	assert_string_equal(info(bed, "tm0")->data_host, "tm0");
	assert_int_equal(info(bed, "tm0")->data_port, 7000);
	bed_taskmanager(bed, 1, 2);
	bed_until_slots(bed, 5, 1000);
	assert_counts(bed, 2, 5, 5);
	finish(bed);
}

static void a_dead_machine_stops_counting_at_once(void **state)
{
	struct bed *bed = bed_create(2, NULL);

	bed_taskmanager(bed, 0, 2);
	bed_until_slots(bed, 2, 1000);
	bed_kill(bed, 0);
	bed_until_slots(bed, 0, 100);
	assert_counts(bed, 0, 0, 0);
	assert_non_null(info(bed, "tm0"));
	bed_pass(bed, 11000);
	assert_null(info(bed, "tm0")); /* forgotten after heartbeat.timeout */
	finish(bed);
}

static void a_stopped_process_leaves_within_the_heartbeat_timeout_and_comes_back(void **state)
{
	static const char *const settings[] = { "heartbeat.timeout=3 s", NULL };
	struct bed *bed = bed_create(3, settings);

	struct fake_taskmanager *fake = bed_taskmanager(bed, 0, 2);

	bed_until_slots(bed, 2, 1000);
	bed_pass(bed, 2000);
	assert_int_equal(fake->begun_anew, 0);
	sim_pause(bed->worlds[0], 10000);
	bed_pass(bed, 2400);
	assert_counts(bed, 1, 2, 2);
	bed_until_slots(bed, 0, 700);
	assert_false(info(bed, "tm0")->available);
	bed_until_slots(bed, 2, 10000);
	assert_counts(bed, 1, 2, 2);
	bed_pass(bed, 20000);
	assert_counts(bed, 1, 2, 2);
	assert_int_equal(fake->begun_anew, 1); /* nobody will tell it to release its jobs */
	finish(bed);
}

static void a_jobmanager_that_stood_still_does_not_blame_others(void **state)
{
	struct bed *bed = bed_create(4, NULL);
	struct job *job;

	bed_taskmanager(bed, 0, 2);
	bed_until_slots(bed, 2, 1000);
	job = bed_submit(bed, "Patient", 1, 2, NULL);
	bed_until_running(bed, job, 1000);
	sim_pause(bed->jobmanager_world, 20000);
	bed_pass(bed, 30000);
	assert_counts(bed, 1, 2, 0);
	assert_int_equal(job->status, JOB_RUNNING);
	assert_int_equal(job->restarts, 0);
	finish(bed);
}

static void a_process_started_again_replaces_the_one_of_its_name(void **state)
{
	struct bed *bed = bed_create(5, NULL);
	struct id before;

	bed_taskmanager(bed, 0, 2);
	bed_until_slots(bed, 2, 1000);
	before = info(bed, "tm0")->incarnation;
	bed_restart(bed, 0, NULL, NULL);
	bed_pass(bed, 1000);
	assert_counts(bed, 1, 2, 2);
	assert_false(id_equal(&info(bed, "tm0")->incarnation, &before));
	finish(bed);
}

static void a_broken_connection_is_opened_again_and_held_slots_are_cleared(void **state)
{
	static const char *const settings[] = { "restart-strategy.type=fixed-delay",
						"restart-strategy.fixed-delay.delay=200 ms", NULL };
	struct bed *bed = bed_create(6, settings);
	struct fake_taskmanager *fake = bed_taskmanager(bed, 0, 2);
	struct job *job;

	bed_until_slots(bed, 2, 1000);
	job = bed_submit(bed, "Cut", 1, 2, NULL);
	bed_until_running(bed, job, 1000);
	sim_cut_connections(bed->worlds[0], bed->jobmanager_world);
	bed_until_status(bed, job, JOB_RESTARTING, 1000);
	bed_until_running(bed, job, 3000);
	assert_int_equal(fake_slots_held(fake), 2);
	assert_int_equal(job->restarts, 1);
	assert_counts(bed, 1, 2, 0);
	finish(bed);
}

/* ---- slots ---------------------------------------------------------------------------------- */

static void the_reason_to_wait_is_there_at_once_with_numbers_and_a_fix(void **state)
{
	struct bed *bed = bed_create(7, NULL);
	char note[512];
	struct job *job;

	job = bed_submit(bed, "Lonely", 1, 1, NULL);
	bed_note(job, note, sizeof(note));
	assert_string_equal(note, "needs 1 slot, 0 free: no TaskManager is registered, start one "
				  "(./bin/taskmanager.sh start)");
	assert_int_equal(job->status, JOB_RUNNING);
	assert_int_equal(dispatcher_cancel(bed->dispatcher, &job->id, &bed->err), 0);
	bed_until_status(bed, job, JOB_CANCELED, 100);
	bed_taskmanager(bed, 0, 2);
	bed_until_slots(bed, 2, 1000);
	job = bed_submit(bed, "Wide", 1, 4, NULL);
	bed_note(job, note, sizeof(note));
	assert_string_equal(
		note, "needs 4 slots, 2 free: start another TaskManager "
		      "(./bin/taskmanager.sh start), raise taskmanager.numberOfTaskSlots, or run "
		      "with -p 2");
	/* It begins by itself when there is enough. */
	bed_taskmanager(bed, 1, 2);
	bed_until_running(bed, job, 1000);
	bed_note(job, note, sizeof(note));
	assert_string_equal(note, "");
	finish(bed);
}

static void two_jobs_never_hold_half_of_their_slots_each(void **state)
{
	struct bed *bed = bed_create(8, NULL);
	struct job *first, *second;
	char note[512];

	bed_taskmanager(bed, 0, 2);
	bed_taskmanager(bed, 1, 2);
	bed_until_slots(bed, 4, 1000);
	first = bed_submit(bed, "First", 1, 3, NULL);
	second = bed_submit(bed, "Second", 1, 3, NULL);
	bed_until_running(bed, first, 1000);
	bed_pass(bed, 1000);
	assert_counts(bed, 2, 4, 1);
	bed_note(second, note, sizeof(note));
	assert_string_equal(
		note, "needs 3 slots, 1 free: start another TaskManager "
		      "(./bin/taskmanager.sh start), raise taskmanager.numberOfTaskSlots, cancel "
		      "another job, or run with -p 1");
	assert_int_equal(dispatcher_cancel(bed->dispatcher, &first->id, &bed->err), 0);
	bed_until_running(bed, second, 1000);
	assert_int_equal(first->status, JOB_CANCELED);
	finish(bed);
}

static void who_waits_lets_smaller_ones_pass_by_and_then_no_more(void **state)
{
	struct bed *bed = bed_create(9, NULL);
	struct job *impossible, *small, *wide, *passing, *late;
	char note[512];

	bed_taskmanager(bed, 0, 4);
	bed_until_slots(bed, 4, 1000);
	impossible = bed_submit(bed, "Impossible", 1, 9, NULL);
	small = bed_submit(bed, "Small", 1, 2, NULL);
	bed_until_running(bed, small, 1000);
	wide = bed_submit(bed, "Wide", 1, 4, NULL);
	passing = bed_submit(bed, "Passing", 1, 1, NULL);
	bed_until_running(bed, passing, 1000);
	bed_pass(bed, 10000);
	late = bed_submit(bed, "Late", 1, 1, NULL);
	bed_pass(bed, 500);
	bed_note(late, note, sizeof(note));
	assert_string_equal(note,
			    "needs 1 slot, 1 free, but job 'Wide' is before it and needs 4: start "
			    "another TaskManager (./bin/taskmanager.sh start) or cancel that job");
	assert_int_equal(dispatcher_cancel(bed->dispatcher, &small->id, &bed->err), 0);
	assert_int_equal(dispatcher_cancel(bed->dispatcher, &passing->id, &bed->err), 0);
	bed_until_running(bed, wide, 1000);
	assert_int_equal(late->all_running_ms, -1);
	assert_int_equal(dispatcher_cancel(bed->dispatcher, &wide->id, &bed->err), 0);
	bed_until_running(bed, late, 1000);
	assert_int_equal(impossible->all_running_ms, -1);
	finish(bed);
}

static void tasks_spread_evenly_over_taskmanagers(void **state)
{
	struct bed *bed = bed_create(10, NULL);
	struct job *job;

	bed_taskmanager(bed, 0, 4);
	bed_taskmanager(bed, 1, 4);
	bed_taskmanager(bed, 2, 4);
	bed_until_slots(bed, 12, 1000);
	job = bed_submit(bed, "Spread", 3, 6, NULL);
	bed_until_running(bed, job, 1000);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(fake_slots_held(bed->taskmanagers[i]), 2);
		/* One subtask of the source and two of the rest: sharing keeps equal indices
		 * together. */
		assert_int_equal(fake_tasks_in(bed->taskmanagers[i], "RUNNING"), 3);
		assert_int_equal(bed->taskmanagers[i]->graphs, 1);
	}
	finish(bed);
}

static void a_taskmanager_that_refuses_is_passed_over(void **state)
{
	struct bed *bed = bed_create(11, NULL);
	struct job *job;

	bed_taskmanager(bed, 0, 2)->refuse_slots = true;
	bed_taskmanager(bed, 1, 2);
	bed_until_slots(bed, 4, 1000);
	job = bed_submit(bed, "Choosy", 1, 2, NULL);
	bed_until_running(bed, job, 1000);
	assert_int_equal(fake_slots_held(bed->taskmanagers[1]), 2);
	finish(bed);
}

static void an_offer_that_came_too_late_is_given_back(void **state)
{
	struct bed *bed = bed_create(12, NULL);
	struct fake_taskmanager *fake = bed_taskmanager(bed, 0, 1);
	struct job *job;

	fake->ignore_slots = true;
	bed_until_slots(bed, 1, 1000);
	job = bed_submit(bed, "Late", 1, 1, NULL);
	bed_pass(bed, 500);
	assert_int_equal(fake_slots_held(fake), 0);
	assert_int_equal(job->all_running_ms, -1);
	fake->ignore_slots = false;
	bed_until_running(bed, job, 2000);
	finish(bed);
}

static void a_slot_that_its_taskmanager_gave_up_restarts_the_job(void **state)
{
	static const char *const settings[] = { "restart-strategy.type=fixed-delay", NULL };
	struct bed *bed = bed_create(13, settings);
	struct fake_taskmanager *fake = bed_taskmanager(bed, 0, 2);
	struct job *job;

	bed_until_slots(bed, 2, 1000);
	job = bed_submit(bed, "Robbed", 1, 2, NULL);
	bed_until_running(bed, job, 1000);
	fake->slots[1] = (struct fake_slot){ ID_NONE, ID_NONE };
	bed_until_status(bed, job, JOB_RESTARTING, 1000);
	bed_until_running(bed, job, 3000);
	assert_int_equal(fake_slots_held(fake), 2);
	finish(bed);
}

static void slots_are_asked_for_no_longer_than_slot_request_timeout(void **state)
{
	static const char *const settings[] = { "slot.request.timeout=20 s", NULL };
	struct bed *bed = bed_create(14, settings);
	struct job *job;

	bed_taskmanager(bed, 0, 1);
	bed_until_slots(bed, 1, 1000);
	job = bed_submit(bed, "Starved", 1, 2, NULL);
	bed_pass(bed, 19000);
	assert_int_equal(job->status, JOB_RUNNING);
	bed_until_status(bed, job, JOB_FAILED, 1500);
	assert_int_equal(job->failure.code, ERR_NO_SLOTS);
	assert_non_null(strstr(job->failure.text, "needs 2 slots, 1 free"));
	assert_non_null(strstr(job->failure.text, "slot.request.timeout (20000 ms)"));
	assert_counts(bed, 1, 1, 1);
	finish(bed);
}

static void slots_whose_tasks_have_finished_go_back_after_a_while(void **state)
{
	static const char *const settings[] = { "slot.idle.timeout=2 s", NULL };
	struct bed *bed = bed_create(15, settings);
	struct fake_taskmanager *fake = bed_taskmanager(bed, 0, 2);
	struct job *job;

	bed_until_slots(bed, 2, 1000);
	job = bed_submit(bed, "Half done", 1, 2, NULL);
	bed_until_running(bed, job, 1000);
	fake_report(fake, fake_task_find(fake, 1, 1), "FINISHED", NULL);
	bed_pass(bed, 1500);
	assert_counts(bed, 1, 2, 0);
	bed_pass(bed, 1000);
	assert_counts(bed, 1, 2, 1);
	assert_int_equal(job->status, JOB_RUNNING);
	fake_report(fake, fake_task_find(fake, 0, 0), "FINISHED", NULL);
	fake_report(fake, fake_task_find(fake, 1, 0), "FINISHED", NULL);
	bed_until_status(bed, job, JOB_FINISHED, 100);
	bed_pass(bed, 100);
	assert_counts(bed, 1, 2, 2);
	finish(bed);
}

/* ---- registrations that cannot be right ----------------------------------------------------- */

static enum err_code register_code;

static void registration_answered(const Flink__RegisterTaskManagerResponse *answer, void *data)
{
	register_code = answer ? ERR_NONE : rpc_error()->code;
}

static enum err_code try_register(struct bed *bed, const char *resource_id, uint32_t slots,
				  size_t incarnation_bytes)
{
	Flink__RegisterTaskManagerRequest request = FLINK__REGISTER_TASK_MANAGER_REQUEST__INIT;
	uint8_t incarnation[16] = { 1 };
	struct rpc_stub stub;

	rpc_stub_init(&stub, rpc_client_peer(bed->client), &flink__resource_manager__descriptor,
		      NULL);
	request.resource_id = (char *)(uintptr_t)resource_id;
	request.slots = slots;
	request.incarnation = (ProtobufCBinaryData){ incarnation_bytes, incarnation };
	flink__resource_manager__register_task_manager(rpc_stub_service(&stub), &request,
						       registration_answered, NULL);
	register_code = ERR_BUG;
	bed_pass(bed, 100);
	return register_code;
}

static enum err_code heartbeat_code;

static void heartbeat_answered(const Flink__HeartbeatResponse *answer, void *data)
{
	heartbeat_code = answer ? ERR_NONE : rpc_error()->code;
}

static void nonsense_is_refused_and_changes_nothing(void **state)
{
	struct bed *bed = bed_create(16, NULL);
	Flink__HeartbeatRequest heartbeat = FLINK__HEARTBEAT_REQUEST__INIT;
	struct rpc_stub stub;

	bed_pass(bed, 100);
	assert_int_equal(try_register(bed, "", 1, 16), ERR_CONF_BAD_VALUE);
	assert_int_equal(try_register(bed, "x", 0, 16), ERR_CONF_BAD_VALUE);
	assert_int_equal(try_register(bed, "x", 100000, 16), ERR_CONF_BAD_VALUE);
	assert_int_equal(try_register(bed, "x", 1, 15), ERR_NET_PROTOCOL);
	assert_int_equal(try_register(bed, "x", 1, 0), ERR_NET_PROTOCOL);
	rpc_stub_init(&stub, rpc_client_peer(bed->client), &flink__resource_manager__descriptor,
		      NULL);
	flink__resource_manager__heartbeat(rpc_stub_service(&stub), &heartbeat, heartbeat_answered,
					   NULL);
	bed_pass(bed, 100);
	assert_int_equal(heartbeat_code, ERR_FENCED);
	assert_counts(bed, 0, 0, 0);
	finish(bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_taskmanager_registers_and_its_slots_count),
		cmocka_unit_test(a_dead_machine_stops_counting_at_once),
		cmocka_unit_test(
			a_stopped_process_leaves_within_the_heartbeat_timeout_and_comes_back),
		cmocka_unit_test(a_jobmanager_that_stood_still_does_not_blame_others),
		cmocka_unit_test(a_process_started_again_replaces_the_one_of_its_name),
		cmocka_unit_test(a_broken_connection_is_opened_again_and_held_slots_are_cleared),
		cmocka_unit_test(the_reason_to_wait_is_there_at_once_with_numbers_and_a_fix),
		cmocka_unit_test(two_jobs_never_hold_half_of_their_slots_each),
		cmocka_unit_test(who_waits_lets_smaller_ones_pass_by_and_then_no_more),
		cmocka_unit_test(tasks_spread_evenly_over_taskmanagers),
		cmocka_unit_test(a_taskmanager_that_refuses_is_passed_over),
		cmocka_unit_test(an_offer_that_came_too_late_is_given_back),
		cmocka_unit_test(a_slot_that_its_taskmanager_gave_up_restarts_the_job),
		cmocka_unit_test(slots_are_asked_for_no_longer_than_slot_request_timeout),
		cmocka_unit_test(slots_whose_tasks_have_finished_go_back_after_a_while),
		cmocka_unit_test(nonsense_is_refused_and_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
