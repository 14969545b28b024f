/* SPDX-License-Identifier: Apache-2.0
 * executor_deploy.c - SubmitTasks: what the tasks of a message share, the job's graph and where
 * everybody is, is checked and kept once; then each task is taken or refused for itself. */
#include <string.h>

#include "common/base/check.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/graph/graph.h"
#include "common/rpc/err_message.h"
#include "taskmanager/exec/executor_priv.h"

/* ---- placements ----------------------------------------------------------------------------- */

void executor_placement_unref(struct executor_placement **placement)
{
	struct executor_placement *gone = *placement;

	*placement = NULL;
	if (gone == NULL || --gone->references > 0)
		return;
	flink__placement__free_unpacked(gone->message, NULL);
	mem_free(gone);
}

/* Segments that are lent before all tasks of an attempt are here would be missed by those who come
 * later, and who has them may be waiting for just those. How many come is known from the placement,
 * so the pool lends nothing before. */
static uint32_t tasks_placed_here(const struct executor_job *job,
				  const Flink__Placement *placement)
{
	const char *here = job->executor->options.resource_id;
	bool *is_here = MEM_NEW_ARRAY(bool, placement->n_locations);
	uint32_t count = 0;

	for (size_t i = 0; i < placement->n_locations; i++)
		is_here[i] = strcmp(placement->locations[i]->resource_id, here) == 0;
	for (size_t v = 0; v < job->graph->n_vertices; v++)
		for (uint32_t i = 0; i < job->graph->vertices[v]->parallelism; i++)
			count += is_here[placement->slot_location
						 [placement->vertex_slot_first[v] + i]];
	mem_free(is_here);
	return count;
}

static void nobody_to_come(struct executor_placement *placement, struct task_executor *executor)
{
	if (placement->tasks_to_come > 0)
		segment_pool_hold(shuffle_pool(executor->options.shuffle), false);
	placement->tasks_to_come = 0;
}

void executor_placement_drop(struct executor_job *job)
{
	if (job->placement != NULL)
		nobody_to_come(job->placement, job->executor);
	executor_placement_unref(&job->placement);
}

void executor_task_has_come(struct executor_task *task)
{
	struct executor_placement *placement = task->placement;

	if (task->has_come)
		return;
	task->has_come = true;
	if (placement->tasks_to_come == 1)
		nobody_to_come(placement, task->executor);
	else if (placement->tasks_to_come > 0)
		placement->tasks_to_come--;
}

static int check_placement(const Flink__Placement *placement, const Flink__JobGraph *graph,
			   struct err *err)
{
	if (placement->n_slot_location > JOB_SUBTASKS_MAX ||
	    placement->n_locations > LIMIT_TASKMANAGERS_MAX)
		return err_set(err, ERR_TOO_LARGE,
			       "a placement of %zu slots on %zu TaskManagers; at most %d on %d",
			       placement->n_slot_location, placement->n_locations, JOB_SUBTASKS_MAX,
			       LIMIT_TASKMANAGERS_MAX);
	if (placement->n_vertex_slot_first != graph->n_vertices)
		return err_set(err, ERR_NET_PROTOCOL, "a placement of %zu vertices for %zu",
			       placement->n_vertex_slot_first, graph->n_vertices);
	for (size_t v = 0; v < graph->n_vertices; v++)
		if ((uint64_t)placement->vertex_slot_first[v] + graph->vertices[v]->parallelism >
		    placement->n_slot_location)
			return err_set(err, ERR_NET_PROTOCOL,
				       "vertex %zu has slots %u and on, %u of them, of %zu", v,
				       placement->vertex_slot_first[v],
				       graph->vertices[v]->parallelism, placement->n_slot_location);
	for (size_t i = 0; i < placement->n_slot_location; i++)
		if (placement->slot_location[i] >= placement->n_locations)
			return err_set(err, ERR_NET_PROTOCOL, "slot %zu is at location %u of %zu",
				       i, placement->slot_location[i], placement->n_locations);
	for (size_t i = 0; i < placement->n_locations; i++)
		if (placement->locations[i]->data_port > UINT16_MAX)
			return err_set(err, ERR_NET_PROTOCOL, "TaskManager %s has data port %u",
				       placement->locations[i]->resource_id,
				       placement->locations[i]->data_port);
	return 0;
}

/* Makes sure that the job has the placement that the message's tasks mean. */
static int take_placement(struct executor_job *job, const Flink__SubmitTasksRequest *input,
			  struct err *err)
{
	struct executor_placement *placement = job->placement;

	if (placement != NULL && placement->job_attempt == input->job_attempt)
		return 0;
	if (placement != NULL && placement->job_attempt > input->job_attempt)
		return err_set(err, ERR_FENCED, "attempt %u of the job is over, it is at %u",
			       input->job_attempt, placement->job_attempt);
	if (input->placement == NULL)
		return err_set(err, ERR_DEPLOY_FAILED,
			       "attempt %u of the job is not known here and came without its "
			       "placement",
			       input->job_attempt);
	if (check_placement(input->placement, job->graph, err) != 0)
		return -1;
	placement = MEM_NEW(struct executor_placement);
	placement->message = rpc_message_copy(input->placement, NULL); /* the call ends */
	placement->job_attempt = input->job_attempt;
	placement->references = 1;
	placement->tasks_to_come = tasks_placed_here(job, placement->message);
	if (placement->tasks_to_come > 0)
		segment_pool_hold(shuffle_pool(job->executor->options.shuffle), true);
	executor_placement_drop(job);
	job->placement = placement;
	return 0;
}

/* ---- tasks ---------------------------------------------------------------------------------- */

void executor_deployment_free(struct executor_task *task)
{
	flink__task_deployment__free_unpacked(task->deployment, NULL);
	executor_placement_unref(&task->placement);
}

static int check_range(const char *what, size_t index, uint32_t first, uint32_t last,
		       uint32_t parallelism, struct err *err)
{
	if (first <= last && last < parallelism)
		return 0;
	return err_set(err, ERR_NET_PROTOCOL, "%s %zu joins subtasks %u to %u of %u", what, index,
		       first, last, parallelism);
}

static int check_deployment(const Flink__TaskDeployment *input, const Flink__JobGraph *graph,
			    struct err *err)
{
	if (input->vertex >= graph->n_vertices ||
	    input->subtask >= graph->vertices[input->vertex]->parallelism)
		return err_set(err, ERR_NET_PROTOCOL, "vertex %u subtask %u is not in the graph",
			       input->vertex, input->subtask);
	for (size_t i = 0; i < input->n_inputs; i++) {
		const Flink__InputGate *gate = input->inputs[i];

		if (gate->edge >= graph->n_edges ||
		    graph->edges[gate->edge]->target_vertex != input->vertex)
			return err_set(err, ERR_NET_PROTOCOL, "edge %u does not lead to vertex %u",
				       gate->edge, input->vertex);
		uint32_t source = graph->edges[gate->edge]->source_vertex;

		if (check_range("input", i, gate->producer_first, gate->producer_last,
				graph->vertices[source]->parallelism, err) != 0)
			return -1;
	}
	for (size_t i = 0; i < input->n_outputs; i++) {
		const Flink__OutputEdge *output = input->outputs[i];

		if (output->edge >= graph->n_edges ||
		    graph->edges[output->edge]->source_vertex != input->vertex)
			return err_set(err, ERR_NET_PROTOCOL, "edge %u does not leave vertex %u",
				       output->edge, input->vertex);
		uint32_t target = graph->edges[output->edge]->target_vertex;

		if (check_range("output", i, output->consumer_first, output->consumer_last,
				graph->vertices[target]->parallelism, err) != 0)
			return -1;
	}
	return 0;
}

static int accept_task(struct executor_job *job, const Flink__TaskDeployment *input,
		       struct err *err)
{
	struct task_executor *executor = job->executor;
	struct id execution_id, allocation_id, job_id;

	if (!id_from_message(&input->execution_id, &execution_id) ||
	    !id_from_message(&input->allocation_id, &allocation_id) ||
	    !id_from_message(&input->job_id, &job_id) || !id_equal(&job_id, &job->id))
		return err_set(err, ERR_NET_PROTOCOL,
			       "an id is not 16 bytes, or is that of another job");
	if (input->job_attempt != job->placement->job_attempt)
		return err_set(err, ERR_NET_PROTOCOL, "a task of attempt %u with those of %u",
			       input->job_attempt, job->placement->job_attempt);
	if (map_get(executor->tasks, map_key_id(&execution_id)) != NULL)
		return 0; /* sent twice */
	struct executor_slot *slot = executor_find_slot(executor, &allocation_id);

	if (slot == NULL || slot->freeing || !id_equal(&slot->job_id, &job_id))
		return err_set(err, ERR_DEPLOY_FAILED, "the allocation holds no slot here");
	if (check_deployment(input, job->graph, err) != 0)
		return -1;
	struct executor_task *task = MEM_NEW(struct executor_task);

	task->executor = executor;
	task->job = job;
	task->execution_id = execution_id;
	task->allocation_id = allocation_id;
	task->deployment = rpc_message_copy(input, NULL);
	task->placement = job->placement;
	task->placement->references++;
	task->state = task->reported_state = TASK_CREATED;
	task->cancel_until = MONO_NEVER;
	list_init(&task->waiting_splits);
	job->tasks_count++;
	map_put(executor->tasks, map_key_id(&execution_id), task);
	log_info(EXECUTOR_LOGGER, "Received task %s (%u/%u)#%u, deploy into slot %u.",
		 job->graph->vertices[input->vertex]->name, input->subtask + 1,
		 job->graph->vertices[input->vertex]->parallelism, input->attempt, slot->index);
	return 0;
}

static void refuse(Flink__SubmitTasksResponse *answer, size_t task, const struct err *why,
		   struct arena *arena)
{
	Flink__TaskRefusal *refusal = arena_alloc(arena, sizeof(*refusal));
	struct err *kept = arena_alloc(arena, sizeof(*kept)); /* the message points into it */

	*kept = *why;
	flink__task_refusal__init(refusal);
	refusal->task = (uint32_t)task;
	refusal->why = arena_alloc(arena, sizeof(*refusal->why));
	flink__error_message__init(refusal->why);
	err_to_message(kept, refusal->why);
	answer->refused[answer->n_refused++] = refusal;
}

/* One of the tasks must have its slot here: a job without any would stay for ever. */
static int check_slot(struct task_executor *executor, const Flink__SubmitTasksRequest *input,
		      const struct id *job_id, struct err *err)
{
	struct id allocation_id;

	for (size_t i = 0; i < input->n_tasks; i++) {
		const struct executor_slot *slot =
			id_from_message(&input->tasks[i]->allocation_id, &allocation_id)
				? executor_find_slot(executor, &allocation_id)
				: NULL;

		if (slot != NULL && id_equal(&slot->job_id, job_id))
			return 0;
	}
	return err_set(err, ERR_DEPLOY_FAILED, "the allocation holds no slot here");
}

void executor_submit_tasks(Flink__TaskExecutor_Service *service,
			   const Flink__SubmitTasksRequest *input,
			   Flink__SubmitTasksResponse_Closure closure, void *closure_data)
{
	struct task_executor *executor = executor_of_service(service);
	Flink__SubmitTasksResponse answer = FLINK__SUBMIT_TASKS_RESPONSE__INIT;
	struct executor_job *job = NULL;
	struct err err = ERR_INIT;
	struct id job_id;

	if (!id_from_message(&input->job_id, &job_id))
		err_set(&err, ERR_NET_PROTOCOL, "an id is not 16 bytes");
	else if (check_slot(executor, input, &job_id, &err) == 0)
		job = executor_job_get(executor, &job_id, input->graph, &err);
	if (job == NULL || take_placement(job, input, &err) != 0) {
		rpc_fail(closure_data, &err);
		return;
	}
	struct arena *arena = arena_create("submit tasks");

	answer.refused = arena_alloc(arena, input->n_tasks * sizeof(answer.refused[0]));
	for (size_t i = 0; i < input->n_tasks; i++)
		if (accept_task(job, input->tasks[i], &err) != 0)
			refuse(&answer, i, &err, arena);
	closure(&answer, closure_data);
	arena_destroy(&arena);
	agent_wake(&executor->agent);
}
