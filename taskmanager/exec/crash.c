/* SPDX-License-Identifier: Apache-2.0
 * crash.c - from the agent a thread is stepping to the lines of a crash note. */
#include "taskmanager/exec/crash.h"

#include <stdio.h>

#include "taskmanager/exec/task_priv.h"
#include "taskmanager/exec/user_abi.h"

size_t crash_describe(char *into, size_t size_bytes)
{
	struct agent *agent = agent_current();
	const struct user_call *call = user_call_current();
	char job[ID_TEXT_SIZE];

	if (agent == NULL || agent->step != task_step)
		return 0;
	const struct task *task = CONTAINER_OF(agent, struct task, agent);
	const char *operator = call ? call->operator_name : task_current_operator(task);
	/* snprintf of plain strings neither allocates nor locks in glibc. */
	int used = snprintf(into, size_bytes,
			    "job: %s\ntask: %s\noperator: %s\nfunction: %s\n",
			    id_format(&task->job_id, job), task_name(task),
			    operator ? operator : "", call ? call->function : "");

	if (used < 0)
		return 0;
	return (size_t)used < size_bytes ? (size_t)used : size_bytes - 1;
}
