/* SPDX-License-Identifier: Apache-2.0
 * executor_samples.c - SampleStacks: the stacks of some tasks over a few seconds, summed up
 * (docs/adr/0015-flame-graphs.md).
 *
 * While a call is under way, each slot's threads are sampled as they use the processor, and once
 * per delay every task that does not compute is asked what it does instead. So a call's samples are
 * about as many as its delays, on and off the processor together. Nothing runs without a call.
 *
 *	root -> operator, or "engine" -> functions, outermost first
 *	root -> operator, or nothing  -> "waits in read", "idle: no input" */
#include <stdio.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/metric/stack_tree.h"
#include "common/world/symbols.h"
#include "taskmanager/exec/executor_priv.h"

#define CALLS_MAX 16
#define OUTERMOST "task_step" /* what called it is the same for all tasks */

struct stack_call { /* one SampleStacks under way */
	struct list_node node;
	struct map *wanted; /* execution id -> this call */
	mono_t until, next_at;
	int64_t delay_ms;
	uint32_t tasks;
	struct stack_tree *tree;
	Flink__SampleStacksResponse_Closure closure;
	void *closure_data;
};

static void call_destroy(struct stack_call *call)
{
	list_remove(&call->node);
	map_destroy(&call->wanted);
	stack_tree_destroy(&call->tree);
	mem_free(call);
}

/* ---- counting -------------------------------------------------------------------------------- */

static uint32_t operator_node(struct stack_call *call, const struct executor_task *task,
			      uint32_t number)
{
	const Flink__Vertex *vertex = task->job->graph->vertices[task->deployment->vertex];

	return stack_tree_child(call->tree, 0,
				number > 0 && number <= vertex->n_operators
					? vertex->operators[number - 1]->name
					: "engine");
}

static void count_stack(struct task_executor *executor, struct stack_call *call,
			const struct executor_task *task, const struct sample *sample)
{
	const char *names[SAMPLE_FRAMES_MAX + 2];
	uint32_t count = symbols_stack(executor->symbols, sample, names, ARRAY_COUNT(names));
	uint32_t node = operator_node(call, task, sample->what), outermost = count;

	for (uint32_t i = 0; i < count; i++)
		if (strcmp(names[i], OUTERMOST) == 0)
			outermost = i;
	for (uint32_t i = outermost; i-- > 0;)
		node = stack_tree_child(call->tree, node, names[i]);
	stack_tree_count(call->tree, node, STACK_ON_CPU, 1);
}

static void count_idling(struct stack_call *call, struct executor_task *task)
{
	const char *operator;
	const char *what = task_idles(task->task, &operator);

	if (what == NULL)
		return; /* its samples tell */
	uint32_t node = operator != NULL ? stack_tree_child(call->tree, 0, operator) : 0;

	stack_tree_count(call->tree, stack_tree_child(call->tree, node, what), STACK_OFF_CPU, 1);
}

static void take_samples(struct task_executor *executor, struct executor_slot *slot)
{
	struct sample sample;

	while (runner_sample_take(slot->runner, &sample)) {
		struct bytes who = bytes_of(sample.who, sizeof(sample.who));
		struct executor_task *task = map_get(executor->tasks, who);

		LIST_FOR_EACH(&executor->stack_calls, struct stack_call, node, call)
			if (task != NULL && map_get(call->wanted, who) != NULL)
				count_stack(executor, call, task, &sample);
	}
}

static bool is_here(const struct executor_task *task)
{
	return task != NULL && task->task != NULL && !sm_is_final(&task_states, task->state);
}

static void count_idlers(struct task_executor *executor, struct stack_call *call)
{
	size_t at = 0;
	struct bytes id;
	void *ignored;

	while (map_next(call->wanted, &at, &id, &ignored)) {
		struct executor_task *task = map_get(executor->tasks, id);

		if (is_here(task))
			count_idling(call, task);
	}
}

/* ---- the answer ------------------------------------------------------------------------------ */

static void answer(struct stack_call *call)
{
	Flink__SampleStacksResponse response = FLINK__SAMPLE_STACKS_RESPONSE__INIT;
	uint32_t count = stack_tree_size(call->tree) - 1;
	Flink__StackNode *nodes = MEM_NEW_ARRAY(Flink__StackNode, count);
	Flink__StackNode **table = MEM_NEW_ARRAY(Flink__StackNode *, count);

	for (uint32_t i = 0; i < count; i++) {
		const struct stack_node *node = stack_tree_node(call->tree, i + 1);

		flink__stack_node__init(&nodes[i]);
		nodes[i].parent = node->parent;
		nodes[i].name = (char *)(uintptr_t)node->name;
		nodes[i].on_cpu = node->samples[STACK_ON_CPU];
		nodes[i].off_cpu = node->samples[STACK_OFF_CPU];
		table[i] = &nodes[i];
	}
	response.n_nodes = count;
	response.nodes = table;
	response.tasks = call->tasks;
	call->closure(&response, call->closure_data);
	mem_free(nodes);
	mem_free(table);
	call_destroy(call);
}

static void stop_sampling(struct task_executor *executor)
{
	for (uint32_t i = 0; i < executor->options.slots; i++) {
		if (executor->slots[i].sampled && executor->slots[i].runner != NULL)
			runner_sample_stop(executor->slots[i].runner);
		executor->slots[i].sampled = false;
	}
	symbols_destroy(&executor->symbols);
}

void executor_samples_step(struct task_executor *executor, mono_t now, mono_t *wake_at)
{
	if (list_empty(&executor->stack_calls))
		return;
	for (uint32_t i = 0; i < executor->options.slots; i++)
		if (executor->slots[i].sampled)
			take_samples(executor, &executor->slots[i]);
	LIST_FOR_EACH(&executor->stack_calls, struct stack_call, node, call) {
		if (now >= call->next_at) {
			count_idlers(executor, call);
			call->next_at = mono_after_ms(now, call->delay_ms);
		}
		if (now >= call->until)
			answer(call);
		else
			*wake_at = mono_min(*wake_at, mono_min(call->next_at, call->until));
	}
	if (list_empty(&executor->stack_calls))
		stop_sampling(executor);
}

/* ---- beginning and end ----------------------------------------------------------------------- */

/* The slot's runner is sampled from now on; if it was already, with the period of the first who
 * asked. */
static int sample_slot(struct executor_slot *slot, const Flink__SampleStacksRequest *input,
		       struct err *err)
{
	struct sample_options options = {
		.period_ns = input->delay_ms * NS_PER_MS,
		.frames_max = input->depth < SAMPLE_FRAMES_MAX ? input->depth : SAMPLE_FRAMES_MAX,
		.describe = task_describe_sample,
	};

	if (slot->sampled)
		return 0;
	if (runner_sample_start(slot->runner, &options, err) != 0)
		return -1;
	slot->sampled = true;
	return 0;
}

static int want_tasks(struct task_executor *executor, struct stack_call *call,
		      const Flink__SampleStacksRequest *input, struct err *err)
{
	for (size_t i = 0; i < input->n_execution_ids; i++) {
		struct executor_task *task = executor_find_task(executor, &input->execution_ids[i]);

		if (!is_here(task))
			continue;
		struct executor_slot *slot = executor_find_slot(executor, &task->allocation_id);

		if (slot == NULL || slot->runner == NULL)
			continue;
		if (sample_slot(slot, input, err) != 0)
			return -1;
		map_put(call->wanted, map_key_id(&task->execution_id), call);
		call->tasks++;
	}
	return 0;
}

void executor_sample_stacks(Flink__TaskExecutor_Service *service,
			    const Flink__SampleStacksRequest *input,
			    Flink__SampleStacksResponse_Closure closure, void *closure_data)
{
	struct task_executor *executor = executor_of_service(service);
	uint64_t lasts_ms = (uint64_t)input->samples * input->delay_ms;
	mono_t now = loop_now(runner_loop(executor->options.runner));
	uint32_t calls = 0;
	struct err err;

	LIST_FOR_EACH(&executor->stack_calls, struct stack_call, node, other)
		calls += other != NULL;
	if (lasts_ms == 0 || lasts_ms > LIMIT_SAMPLING_MS || input->depth == 0 ||
	    calls >= CALLS_MAX) {
		err_set(&err, ERR_RESOURCE,
			"stacks cannot be sampled for %llu ms, %u deep, beside %u others",
			(unsigned long long)lasts_ms, input->depth, calls);
		rpc_fail(closure_data, &err);
		return;
	}
	struct stack_call *call = MEM_NEW(struct stack_call);

	call->wanted = map_create();
	call->tree = stack_tree_create();
	call->delay_ms = input->delay_ms;
	call->until = mono_after_ms(now, (int64_t)lasts_ms);
	call->next_at = mono_after_ms(now, call->delay_ms);
	call->closure = closure;
	call->closure_data = closure_data;
	list_push_back(&executor->stack_calls, &call->node);
	if (executor->symbols == NULL)
		executor->symbols = symbols_create();
	if (want_tasks(executor, call, input, &err) != 0) {
		call_destroy(call);
		rpc_fail(closure_data, &err);
		if (list_empty(&executor->stack_calls))
			stop_sampling(executor);
		return;
	}
	agent_wake(&executor->agent);
}

void executor_samples_fini(struct task_executor *executor)
{
	struct err err;

	err_set(&err, ERR_TASKMANAGER_LOST, "this TaskManager is stopping");
	LIST_FOR_EACH(&executor->stack_calls, struct stack_call, node, call) {
		rpc_fail(call->closure_data, &err);
		call_destroy(call);
	}
	stop_sampling(executor);
}
