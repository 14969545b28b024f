/* SPDX-License-Identifier: Apache-2.0
 * executor_slots.c - the TaskManager's side of the slot protocol: a slot is held by one allocation
 * at a time, and is free again only when its tasks are gone. */
#include <stdio.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/mark.h"
#include "common/base/mem.h"
#include "taskmanager/exec/executor_priv.h"

struct executor_slot *executor_find_slot(struct task_executor *executor,
				       const struct id *allocation_id)
{
	for (uint32_t i = 0; i < executor->options.slots; i++)
		if (executor->slots[i].allocated &&
		    id_equal(&executor->slots[i].allocation_id, allocation_id))
			return &executor->slots[i];
	return NULL;
}

void executor_answer_empty(Flink__Empty_Closure closure, void *closure_data)
{
	Flink__Empty empty = FLINK__EMPTY__INIT;

	closure(&empty, closure_data);
}

void executor_request_slot(Flink__TaskExecutor_Service *service,
			 const Flink__RequestSlotRequest *input, Flink__Empty_Closure closure,
			 void *closure_data)
{
	struct task_executor *executor = executor_of_service(service);
	struct id allocation_id, job_id;
	struct err err;

	if (!id_from_message(&input->allocation_id, &allocation_id) ||
	    !id_from_message(&input->job_id, &job_id) || input->slot >= executor->options.slots) {
		err_set(&err, ERR_NET_PROTOCOL, "slot %u of %u, or an id that is not 16 bytes",
			input->slot, executor->options.slots);
		rpc_fail(closure_data, &err);
		return;
	}
	struct executor_slot *slot = &executor->slots[input->slot];

	if (atomic_load(&executor->stopping)) {
		err_set(&err, ERR_TASKMANAGER_LOST, "this TaskManager is stopping");
		rpc_fail(closure_data, &err);
		return;
	}
	if (slot->allocated && !id_equal(&slot->allocation_id, &allocation_id)) {
		char text[ID_TEXT_SIZE];

		err_set(&err, ERR_DEPLOY_FAILED, "slot %u belongs to job %s", input->slot,
			id_format(&slot->job_id, text));
		rpc_fail(closure_data, &err);
		return;
	}
	if (!slot->allocated) {
		char a[ID_TEXT_SIZE], j[ID_TEXT_SIZE];

		slot->allocated = true;
		slot->freeing = false;
		slot->allocation_id = allocation_id;
		slot->job_id = job_id;
		log_info(EXECUTOR_LOGGER, "Allocated slot %u for allocation %s of job %s.",
			 input->slot, id_format(&allocation_id, a), id_format(&job_id, j));
	}
	executor_answer_empty(closure, closure_data);
}

static bool slot_has_tasks(struct task_executor *executor, const struct executor_slot *slot)
{
	size_t at = 0;
	void *value;

	while (map_next(executor->tasks, &at, NULL, &value))
		if (id_equal(&((struct executor_task *)value)->allocation_id,
			     &slot->allocation_id) &&
		    !sm_is_final(&task_states, ((struct executor_task *)value)->state))
			return true;
	return false;
}

int64_t executor_job_duration_ms(const struct executor_task *task, const char *key)
{
	const char *own = job_graph_setting(task->job->graph, key);
	int64_t ms;

	if (own != NULL && duration_parse(own, &ms))
		return ms;
	return conf_duration_ms(task->executor->conf, key);
}

void executor_cancel_task(struct executor_task *task)
{
	if (task->cancel_asked || sm_is_final(&task_states, task->state))
		return;
	task->cancel_asked = true;
	if (task->task != NULL) {
		int64_t ms = executor_job_duration_ms(task, "task.cancellation.timeout");

		if (ms > 0)
			task->cancel_until = mono_after_ms(
				loop_now(runner_loop(task->executor->options.runner)), ms);
		task_cancel(task->task);
		return;
	}
	SOMETIMES("a task is cancelled before it began");
	executor_room_given_up(task);
	executor_task_has_come(task);
	task->state = TASK_CANCELED; /* never began */
	agent_wake(&task->executor->agent);
}

static void cancel_slot(struct task_executor *executor, const struct executor_slot *slot)
{
	size_t at = 0;
	void *value;

	while (map_next(executor->tasks, &at, NULL, &value))
		if (id_equal(&((struct executor_task *)value)->allocation_id, &slot->allocation_id))
			executor_cancel_task(value);
}

/* Completes a slot's release once its tasks are gone. */
void executor_slot_step(struct task_executor *executor, struct executor_slot *slot)
{
	struct list_node *node;
	char text[ID_TEXT_SIZE];

	if (!slot->allocated || !slot->freeing || slot_has_tasks(executor, slot))
		return;
	log_info(EXECUTOR_LOGGER, "Free slot %u, allocation %s.", slot->index,
		 id_format(&slot->allocation_id, text));
	slot->allocated = slot->freeing = false;
	slot->allocation_id = slot->job_id = ID_NONE;
	while ((node = list_pop_front(&slot->free_calls)) != NULL) {
		struct pending_call *call = CONTAINER_OF(node, struct pending_call, node);

		executor_answer_empty(call->closure, call->closure_data);
		mem_free(call);
	}
}

void executor_free_slot(Flink__TaskExecutor_Service *service, const Flink__FreeSlotRequest *input,
		      Flink__Empty_Closure closure, void *closure_data)
{
	struct task_executor *executor = executor_of_service(service);
	struct id allocation_id = ID_NONE;
	struct executor_slot *slot = NULL;

	if (id_from_message(&input->allocation_id, &allocation_id))
		slot = executor_find_slot(executor, &allocation_id);
	if (slot == NULL) { /* freed already: asked twice */
		executor_answer_empty(closure, closure_data);
		return;
	}
	struct pending_call *call = MEM_NEW(struct pending_call);

	call->closure = closure;
	call->closure_data = closure_data;
	list_push_back(&slot->free_calls, &call->node);
	slot->freeing = true;
	cancel_slot(executor, slot);
	agent_wake(&executor->agent);
}

/* A task that its function does not give back keeps its slot and its thread for ever. */
void executor_watch_cancelled(struct task_executor *executor, mono_t now, mono_t *wake_at)
{
	size_t at = 0;
	void *value;

	while (!executor->stuck_told && map_next(executor->tasks, &at, NULL, &value)) {
		struct executor_task *task = value;

		if (task->cancel_until == MONO_NEVER || sm_is_final(&task_states, task->state))
			continue;
		if (now < task->cancel_until) {
			*wake_at = mono_min(*wake_at, task->cancel_until);
			continue;
		}
		char *why = mem_printf(
			"task %s has not ended within task.cancellation.timeout "
			"(%lld ms) of being cancelled",
			task_name(task->task),
			(long long)executor_job_duration_ms(task, "task.cancellation.timeout"));

		executor->stuck_told = true;
		log_error(EXECUTOR_LOGGER, "%s", why);
		if (executor->base.stuck != NULL)
			executor->base.stuck(executor->base.stuck_context, why);
		mem_free(why);
	}
}

void executor_cancel_all(struct task_executor *executor, const char *why)
{
	size_t at = 0;
	void *value;

	if (map_count(executor->tasks) > 0)
		log_info(EXECUTOR_LOGGER, "Cancelling %zu tasks: %s.", map_count(executor->tasks),
			 why);
	while (map_next(executor->tasks, &at, NULL, &value)) {
		struct executor_task *task = value;

		executor_cancel_task(task);
		task->reported_state =
			sm_is_final(&task_states, task->state) ? task->state : task->reported_state;
	}
	for (uint32_t i = 0; i < executor->options.slots; i++)
		executor->slots[i].freeing = executor->slots[i].allocated;
	at = 0;
	while (map_next(executor->jobs, &at, NULL, &value))
		executor_job_release(value);
}

bool task_executor_slot_holder(const struct task_executor *executor, uint32_t index,
			       struct id *allocation_id, struct id *job_id)
{
	const struct executor_slot *slot = &executor->slots[index];

	*allocation_id = slot->allocation_id;
	*job_id = slot->job_id;
	return slot->allocated;
}

bool task_executor_at_rest(const struct task_executor *executor, char *text, size_t size_bytes)
{
	uint32_t slots = 0;
	size_t jobs = map_count(executor->jobs);

	LIST_FOR_EACH(&executor->leaving, struct executor_job, leaving_node, job)
		jobs++;
	for (uint32_t i = 0; i < executor->options.slots; i++)
		slots += executor->slots[i].allocated;
	snprintf(text, size_bytes, "%zu tasks, %zu jobs, %u slots given away",
		 map_count(executor->tasks), jobs, slots);
	return map_count(executor->tasks) == 0 && jobs == 0 && slots == 0;
}
