/* SPDX-License-Identifier: Apache-2.0
 * task.h - one subtask of a vertex: an agent that steps a chain of operators between its input gate
 * (or source reader) and its output channels.
 *
 * A step takes one batch (or polls the source once), pushes it through the chain, routes the
 * chain's output to the channels, and answers WORKED, IDLE, BLOCKED or DONE. Engine-made emissions
 * are resumable: a call that answers 0 is made again with the same arguments once there is room.
 *
 *   CREATED -> DEPLOYING -> INITIALIZING -> RUNNING -> FINISHED
 *      \________________________________\_______ \-> CANCELING -> CANCELED
 *                                        \-> FAILED (from any that is not final) */
#ifndef TASKMANAGER_EXEC_TASK_H
#define TASKMANAGER_EXEC_TASK_H

#include "resource_manager.pb-c.h"
#include "task_executor.pb-c.h"

#include "common/base/limits.h"
#include "common/base/sm.h"
#include "common/contract/registry.h"
#include "common/graph/graph.h"
#include "common/metric/metric.h"
#include "common/world/world.h"
#include "taskmanager/exec/latency_table.h"
#include "taskmanager/shuffle/shuffle.h"

enum task_state {
	TASK_CREATED, TASK_DEPLOYING, TASK_INITIALIZING, TASK_RUNNING, TASK_FINISHED,
	TASK_CANCELING, TASK_CANCELED, TASK_FAILED,
};
extern const struct sm_table task_states;

struct task;

/* Everything is borrowed and outlives the task unless said otherwise. */
struct task_options {
	struct world *world;
	struct runner *runner;       /* the slot's */
	struct shuffle *shuffle;
	const Flink__JobGraph *graph; /* checked */
	struct record_type *const *types; /* of the graph */
	struct module *const *modules;    /* per artifact of the graph */
	const Flink__TaskDeployment *deployment; /* vertex, subtask, attempts, edges; copied */
	/* Where all tasks of the job attempt are; checked, read by task_create alone. */
	const Flink__Placement *placement;
	struct managed_memory *managed; /* of its slot; NULL: unbounded */
	uint64_t overdraft_bytes; /* inside one call of a user function; 0: the limit of all */
	const char *local_resource_id; /* which location is this TaskManager */
	bool fire_at_end;
	int64_t buffer_timeout_ms; /* 0: publish after every batch; < 0: only full segments */
	int64_t latency_interval_ms; /* between two markers of a source; 0: none */
	enum latency_granularity latency_granularity;
	/* Called on the runner's thread at each state change; `failure` with TASK_FAILED, and then
	 * failed_operator names the operator. After a final state the task touches nothing any
	 * more. */
	void (*state_changed)(void *context, struct task *task, enum task_state state,
			      const struct err *failure, const char *failed_operator);
	/* A source reader of the chain wants splits. */
	void (*reader_ready)(void *context, struct task *task, uint32_t operator);
	/* One print() line of this job. Any moment, runner's thread. */
	void (*print)(void *context, struct task *task, const char *line, size_t size_bytes);
	void *context;
};

/* Opens the channels and adds the agent to the runner. The task owns itself until a final state.
 * ERR_BUFFERS: nothing was opened; there may be room for its channels later. */
MUST_USE int task_create(const struct task_options *options, struct task **task, struct err *err);
void task_destroy(struct task **task); /* after a final state, or before the runner ever stepped it;
					  on a dead node also in between */

/* Any thread; through the task's command inbox. */
void task_cancel(struct task *task);
void task_fail(struct task *task, const struct err *why);
void task_add_splits(struct task *task, uint32_t operator, const struct split *splits,
		     uint32_t count, bool no_more); /* copies */
void task_wake(struct task *task);

const struct id *task_execution_id(const struct task *task);
const struct id *task_job_id(const struct task *task);
const char *task_name(const struct task *task); /* "Source: Socket Stream -> Flat Map (1/1)" */
enum task_state task_state_of(const struct task *task);
struct task_metrics *task_metrics_of(struct task *task);
/* The numbers that its job's metric plan has of it, always in the same order: how many. Any
 * thread. */
uint32_t task_values(struct task *task, struct metric_value values[LIMIT_TASK_METRICS_MAX]);
bool task_is_blocking(const struct task *task); /* in one call for longer than 10 ms */
char *task_status_text(struct task *task, struct arena *arena);
/* All of it as a message (arena-allocated), but for the sequence number; any thread. */
void task_report(struct task *task, struct arena *arena, Flink__TaskMetrics *into);
/* What latency markers said, of those that have more to say than `told` (latency_table_tell). */
bool task_has_latencies(const struct task *task);
uint32_t task_latencies(struct task *task, uint64_t told[LATENCY_ENTRIES_MAX], struct arena *arena,
			Flink__LatencyHistogram ***into);
/* For crash notes: the name of the operator being called on this thread, and its function. */
const char *task_current_operator(const struct task *task);
struct agent *task_agent(struct task *task);
/* A sample_describe_fn (common/world/world.h): who is the task's execution id, what the number of
 * the operator being called, from 1; 0: none. */
bool task_describe_sample(const struct agent *agent, struct sample *sample);
/* What the task does instead of computing: "waits in read", "waits for input"; NULL: it computes,
 * or is about to. *operator: the operator in whose call it does so; NULL: none's. Any thread. */
const char *task_idles(struct task *task, const char **operator);

#endif
