/* SPDX-License-Identifier: Apache-2.0
 * task_sample.c - where a task's time goes, for flame graphs: whose step a signal fell into, and
 * what the task does while it does not compute. */
#include <stdio.h>
#include <string.h>

#include "taskmanager/exec/task_priv.h"
#include "taskmanager/udf/python_operator.h"

/* In a signal handler inside the task's step: the chain's links are there while one is called. */
bool task_describe_sample(const struct agent *agent, struct sample *sample)
{
	if (agent->step != task_step)
		return false;
	const struct task *task = CONTAINER_OF(agent, struct task, agent);
	const struct chain *chain = &task->chain;
	const char *current = task_current_operator(task);

	memcpy(sample->who, task->execution_id.bytes, sizeof(sample->who));
	for (uint32_t i = 0; current != NULL && i < chain->links_count && sample->what == 0; i++)
		if (chain->links[i].context.operator_name == current)
			sample->what = i + 1;
	return true;
}

static const char *refuses(struct task *task, const char **operator)
{
	const struct link *waiter = chain_waiter(&task->chain, atomic_load(&task->blocked_by));

	if (waiter == NULL)
		return "back-pressured: the output is full";
	*operator = waiter->context.operator_name;
	return waiter->operator == &python_operator ? "waits for its Python process"
						    : "waits for what lies outside";
}

const char *task_idles(struct task *task, const char **operator)
{
	mono_t since;

	*operator = NULL;
	if (atomic_load(&task->step_since) != 0) {
		const char *call = agent_waits_in(&task->agent);

		*operator = call != NULL ? task_current_operator(task) : NULL;
		return call;
	}
	switch ((enum step)atomic_load(&task->accounted_as)) {
	case STEP_IDLE: return "idle: no input";
	case STEP_BLOCKED: return refuses(task, operator);
	case STEP_WORKED: {
		const struct agent *current = runner_current(task->options.runner, &since);

		return current != NULL && current != &task->agent ? "waits for its turn in the slot"
								  : NULL;
	}
	case STEP_DONE: break;
	}
	return NULL;
}
