/* SPDX-License-Identifier: Apache-2.0
 * stage.h - the TaskManagers of a topology without their executors: runners, a shuffle each, tasks
 * and feeders. A director on a machine of its own does what a JobMaster would do: deploys, tries
 * again where there is no room yet, cancels. */
#ifndef TESTS_TOPOLOGIES_STAGE_H
#define TESTS_TOPOLOGIES_STAGE_H

#include "taskmanager/exec/task.h"
#include "tests/lib/test_job.h"
#include "tests/topologies/actors.h"

#define STAGE_LATE_MS 6500 /* later than anybody waits for a producer */
#define STAGE_TASKS_MAX (SHEET_VERTICES_MAX * SHEET_PARALLELISM_MAX)

struct stage_node {
	struct world *world;
	struct runner *network, *slots[SHEET_SLOTS_MAX];
	struct shuffle *shuffle;
	char name[8]; /* "tm0" */
	bool dead;
	uint32_t others; /* segments that another job has */
	uint32_t tasks_to_come; /* while there are any, nothing is lent: see stage.c */
};

struct stage_task {
	struct stage *stage;
	uint32_t vertex, subtask, node, slot;
	mono_t deploy_at;   /* on the simulation's clock; MONO_NEVER: it was */
	mono_t room_until;  /* while it finds no room; 0: not tried */
	struct task *task;
	struct feeder *feeder;
	enum task_state state;
	bool is_to_come;    /* counted by its node */
	bool began;         /* it was deployed */
	mono_t ended_at;
	struct err why;     /* TASK_FAILED */
};

struct stage {
	struct actors_stage actors; /* first: ring() comes back with it */
	const struct sheet *sheet;
	struct sim *sim;
	struct world *director_world;
	struct runner *director_runner;
	struct agent director;
	struct list alarms;
	struct stage_node nodes[SHEET_NODES_MAX];
	struct module *module;
	struct test_job *job;
	Flink__Placement *placement;
	struct stage_task tasks[STAGE_TASKS_MAX];
	uint32_t tasks_count, over_count, attempt;
	uint32_t failed_count;
	uint32_t pauses_left;
	mono_t pause_at;
	mono_t others_until;
	uint32_t partitions_left, parted_a, parted_b;
	bool is_parted, parted_one_way;
	mono_t part_at; /* or when it ends */
	mono_t paused_until; /* of whatever pauses last */
	uint64_t random;
};

/* Builds the world and the job. The tasks come when the simulation runs. */
void stage_open(struct stage *stage, const struct sheet *sheet, bool verbose);
void stage_close(struct stage *stage);
/* All tasks of the attempt before are over: the same job once more, without faults. */
void stage_again(struct stage *stage);
bool stage_is_over(const struct stage *stage); /* every task is in a final state */
void stage_kill(struct stage *stage, uint32_t node);
void stage_cancel(struct stage *stage, uint32_t task); /* also one that is not deployed yet */
void stage_cancel_all(struct stage *stage);
struct stage_task *stage_task_of(struct stage *stage, uint32_t vertex, uint32_t subtask);
bool stage_task_is_over(const struct stage_task *task);

#endif
