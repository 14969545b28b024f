/* SPDX-License-Identifier: Apache-2.0
 * scheduler.c - the slots of a job: asked for, kept over a restart, given back; and cancelling what
 * runs in them. deploy.c puts the tasks there. */
#include "common/base/check.h"
#include "common/base/mark.h"
#include "jobmanager/job/job_priv.h"

uint32_t execution_slot_number(const struct execution *execution)
{
	return execution->vertex->slot_first + execution_subtask(execution);
}

/* ---- slots ---------------------------------------------------------------------------------- */

static void slots_granted(void *context, struct slot *const *slots, uint32_t count)
{
	struct job_master *master = context;

	CHECK(count == master->slots_needed, "%u slots for %u", count, master->slots_needed);
	memcpy(master->slots, slots, count * sizeof(slots[0]));
	master->granted = true;
	agent_wake(&master->agent);
}

static void slots_waiting(void *context)
{
	struct job_master *master = context;
	const char *text = slot_demand_waiting_for(master->demand);

	if (master->job.status == JOB_RUNNING)
		job_say(master, mem_strdup(text));
	agent_wake(&master->agent);
}

/* One slot is gone, its TaskManager is not. */
static void slot_lost(void *context, struct slot *slot, const struct err *why)
{
	struct job_master *master = context;
	const struct execution *first = NULL;

	for (uint32_t i = 0; i < master->slots_needed; i++)
		if (master->slots[i] == slot)
			master->slots[i] = NULL;
	FOR_EACH_EXECUTION(master, execution) {
		if (execution->slot != slot)
			continue;
		first = first ? first : execution;
		execution_move(execution,
			       execution->state == EXECUTION_CANCELING ? EXECUTION_CANCELED
								       : EXECUTION_FAILED, why);
	}
	if (first != NULL)
		job_fail(master, CAUSE_TASKMANAGER_LOST, why, first, 0);
}

void job_demand_slots(struct job_master *master)
{
	struct slot_demand_options options = {
		.job_id = master->job.id,
		.job_name = master->job.name,
		.age = master->options.age,
		.slots_count = master->slots_needed,
		.one_group = master->groups_count == 1,
		.ran_before = master->job.job_attempt > 0,
		.granted = slots_granted,
		.lost = slot_lost,
		.waiting = slots_waiting,
		.context = master,
	};
	const char *text;

	master->demand_until = mono_after_ms(
		loop_now(master->loop), conf_duration_ms(master->job.conf, "slot.request.timeout"));
	master->demand = resource_manager_demand(master->options.resources, &options);
	text = slot_demand_waiting_for(master->demand);
	job_say(master, mem_strdup(text));
}

void job_slots_give_back(struct job_master *master, const char *reason)
{
	master->granted = false;
	resource_manager_withdraw(master->options.resources, &master->demand, reason);
	memset(master->slots, 0, master->slots_needed * sizeof(master->slots[0]));
	FOR_EACH_EXECUTION(master, execution)
		execution->slot = NULL;
}

void job_slot_unused(struct job_master *master, uint32_t number)
{
	int64_t timeout_ms = conf_duration_ms(master->job.conf, "slot.idle.timeout");

	master->slot_idle_at[number] = mono_after_ms(loop_now(master->loop), timeout_ms);
	master->idle_next = mono_min(master->idle_next, master->slot_idle_at[number]);
}

/* Slots whose tasks have all finished go back after a while. */
void job_slots_step(struct job_master *master, mono_t now, mono_t *wake_at)
{
	if (master->job.status != JOB_RUNNING || master->idle_next == MONO_NEVER)
		return;
	if (now >= master->idle_next) {
		master->idle_next = MONO_NEVER;
		for (uint32_t i = 0; i < master->slots_needed; i++) {
			if (master->slots[i] == NULL || master->slot_users[i] > 0)
				continue;
			if (now < master->slot_idle_at[i]) {
				master->idle_next =
					mono_min(master->idle_next, master->slot_idle_at[i]);
				continue;
			}
			SOMETIMES("a slot that is not used any more goes back");
			resource_manager_release(master->options.resources, master->slots[i],
						 "its tasks have finished");
			master->slots[i] = NULL;
		}
	}
	*wake_at = mono_min(*wake_at, master->idle_next);
}

/* ---- scheduling ----------------------------------------------------------------------------- */

bool job_has_all_slots(const struct job_master *master)
{
	for (uint32_t i = 0; i < master->slots_needed; i++)
		if (master->slots[i] == NULL)
			return false;
	return true;
}

static bool holds_no_slot(const struct job_master *master)
{
	for (uint32_t i = 0; i < master->slots_needed; i++)
		if (master->slots[i] != NULL)
			return false;
	return true;
}

void job_schedule(struct job_master *master)
{
	struct err err = ERR_INIT;

	if (job_sources_open(master, &err) != 0) {
		job_fail(master, CAUSE_TASK, &err, NULL, 0);
		return;
	}
	FOR_EACH_EXECUTION(master, execution)
		execution_move(execution, EXECUTION_SCHEDULED, NULL);
	if (job_has_all_slots(master)) {
		SOMETIMES_IF(master->job.job_attempt > 0, "a job starts again in the slots that it has");
		master->granted = true;
		return;
	}
	job_slots_give_back(master, "the job needs other slots");
	job_demand_slots(master);
}

/* ---- cancelling ----------------------------------------------------------------------------- */

static void cancel_answered(const Flink__Empty *answer, void *data)
{
	const struct err *err = rpc_error();
	bool again = answer == NULL && err->code == ERR_NET_TIMEOUT;
	bool unknown = answer == NULL && !again && err->code != ERR_NET_CLOSED;
	struct execution *execution = job_call_end(data);

	if (execution == NULL || execution->state != EXECUTION_CANCELING)
		return;
	if (again) {
		SOMETIMES("a cancellation is not answered in time");
		job_want_call(execution, CALL_CANCEL);
	}
	if (unknown) { /* there is no such task */
		SOMETIMES("a task to be cancelled is not known there");
		execution_move(execution, EXECUTION_CANCELED, err);
	}
}

void job_send_cancel(struct execution *execution)
{
	const struct job_master *master = execution->place->master;
	Flink__CancelTaskRequest request = FLINK__CANCEL_TASK_REQUEST__INIT;
	struct rpc_stub stub;

	resource_manager_stub(master->options.resources, execution->place->taskmanager,
			      execution->attempt, &stub);
	request.execution_id = id_to_message(&execution->id);
	flink__task_executor__cancel_task(rpc_stub_service(&stub), &request, cancel_answered,
					  job_call_begin(execution));
}

void job_cancel_executions(struct job_master *master)
{
	int64_t timeout_ms = conf_duration_ms(master->job.conf, "task.cancellation.timeout");

	master->granted = false;
	if (holds_no_slot(master))
		resource_manager_withdraw(master->options.resources, &master->demand,
					  "the job does not run now");
	FOR_EACH_EXECUTION(master, execution) {
		switch ((enum execution_state)execution->state) {
		case EXECUTION_CREATED:
		case EXECUTION_SCHEDULED:
			execution_move(execution, EXECUTION_CANCELED, NULL);
			break;
		case EXECUTION_DEPLOYING:
		case EXECUTION_INITIALIZING:
		case EXECUTION_RUNNING:
			execution_move(execution, EXECUTION_CANCELING, NULL);
			job_want_call(execution, CALL_CANCEL);
			break;
		default:
			break;
		}
	}
	master->cancel_until = timeout_ms > 0 ? mono_after_ms(loop_now(master->loop), timeout_ms)
					      : MONO_NEVER;
}
