/* SPDX-License-Identifier: Apache-2.0
 * memory_budget.h - what a TaskManager may take of its machine's memory, and for what.
 *
 * Flink's arithmetic over taskmanager.memory.*, so that the numbers that users know keep their
 * meaning: process = metaspace + overhead + flink; flink = framework + task + network + managed.
 * There is no Java machine here: what only that one has is a number, and nothing is taken before it
 * is needed. Network memory bounds the pool of segments, managed memory the state tables
 * (taskmanager/state/managed.h), what is left for tasks bounds their overdraft (ADR 0019). */
#ifndef TASKMANAGER_MEMORY_BUDGET_H
#define TASKMANAGER_MEMORY_BUDGET_H

#include "common/conf/conf.h"
#include "taskmanager/state/managed.h"

struct memory_budget {
	uint64_t process_bytes, flink_bytes;
	uint64_t framework_heap_bytes, framework_off_heap_bytes;
	uint64_t task_heap_bytes, task_off_heap_bytes;
	uint64_t network_bytes; /* the pool's */
	uint64_t managed_bytes; /* all slots' together */
	uint64_t metaspace_bytes, overhead_bytes;
	/* Of each slot, for the state of its tasks: managed memory; without any the tasks' own
	 * part, as Flink keeps state on the heap then. */
	uint64_t slot_state_bytes;
	uint64_t overdraft_bytes; /* of one task inside one call of a user function */
};

/* Of the machine, or of the container if that has less. */
struct machine_memory {
	uint64_t bytes;		/* 0: not known */
	uint64_t physical_bytes; /* the machine's own */
	uint64_t cgroup_bytes;	/* 0: no limit */
};

/* Asks /proc/meminfo and the cgroup (version 1 or 2) that this process is in. */
struct machine_memory machine_memory_of(struct world *world);

/* ERR_CONF_BAD_VALUE with all parts, their settings and what to do: they do not fit. */
MUST_USE int memory_budget_derive(const struct conf *conf, const struct machine_memory *machine,
				  struct memory_budget *budget, struct err *err);
/* "1728 MiB (taskmanager.memory.process.size): 128 MiB for network buffers, …" */
void memory_budget_describe(const struct memory_budget *budget, const struct conf *conf,
			    struct buf *into);

#endif
