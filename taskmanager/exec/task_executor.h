/* SPDX-License-Identifier: Apache-2.0
 * task_executor.h - the TaskManager's side of the control plane: registration, heartbeats, slots,
 * deployment, reports, output and log files. One agent on the TaskManager's control runner; slot
 * runners reach it only through its inbox. Decides nothing about jobs: the JobMaster does. */
#ifndef TASKMANAGER_EXEC_TASK_EXECUTOR_H
#define TASKMANAGER_EXEC_TASK_EXECUTOR_H

#include "taskmanager/memory_budget.h"
#include "taskmanager/shuffle/shuffle.h"
#include "taskmanager/taskmanager.h"

struct task_executor;

struct task_executor_options {
	const struct taskmanager_options
		*base;		    /* copied shallowly: its strings outlive the executor */
	struct runner *runner;      /* control */
	struct shuffle *shuffle;
	struct id incarnation;
	struct bytes secret;        /* borrowed */
	const char *resource_id;    /* borrowed */
	const char *data_host;      /* what peers connect to; borrowed */
	uint32_t slots;
	struct memory_budget budget;
	uint64_t physical_memory_bytes; /* of the machine or container; 0: not known */
	uint32_t segment_bytes;
};

MUST_USE int task_executor_create(const struct task_executor_options *options,
				  struct task_executor **executor, struct err *err);
bool task_executor_registered(const struct task_executor *executor); /* any thread */
/* Why it is not: what became of the last try to connect. False: nothing is known. Any thread. */
bool task_executor_trouble(struct task_executor *executor, struct err *err);
uint32_t task_executor_tasks(const struct task_executor *executor); /* its own thread, or at rest */
/* For checkers, at rest: no task, no job, no slot given away. false: text says what is left. */
bool task_executor_at_rest(const struct task_executor *executor, char *text, size_t size_bytes);
/* For checkers, between events: who holds the slot; false: nobody. */
bool task_executor_slot_holder(const struct task_executor *executor, uint32_t index,
			       struct id *allocation_id, struct id *job_id);
/* Begins to stop: cancels every task and says goodbye; stopped when task_executor_idle. */
void task_executor_stop(struct task_executor *executor); /* any thread */
bool task_executor_idle(const struct task_executor *executor); /* any thread */
/* After its runner and the slot runners were stopped (task_executor_stop_slots does the latter). */
void task_executor_stop_slots(struct task_executor *executor);
void task_executor_destroy(struct task_executor **executor);

#endif
