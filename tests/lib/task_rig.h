/* SPDX-License-Identifier: Apache-2.0
 * task_rig.h - one TaskManager without its executor, in the simulated world: tasks of a hand-made
 * job over the real shuffle, with the list source and the ledger sink. Asserts with cmocka. */
#ifndef TESTS_LIB_TASK_RIG_H
#define TESTS_LIB_TASK_RIG_H

#include "common/world/world_sim.h"
#include "taskmanager/exec/task.h"
#include "tests/lib/test_connectors.h"
#include "tests/lib/test_functions.h"
#include "tests/lib/test_job.h"

#define TASK_RIG_TASKS_MAX 32
#define TASK_RIG_SEGMENT_BYTES 4096
#define TASK_RIG_RECORD_BYTES_MAX (512 * 1024)

struct task_rig;

struct task_rig_task {
	struct task_rig *rig;
	struct task *task;
	enum task_state state;
	uint32_t states_seen; /* bit per state */
	struct err failure;
	char failed_operator[64];
	uint32_t vertex, subtask, readers_ready;
	bool splits_early, no_splits;
};

struct task_rig { /* one TaskManager without its executor */
	struct sim *sim;
	struct world *node;
	struct runner *network, *slots[4];
	struct shuffle *shuffle;
	struct module *module;
	struct test_job *job;
	int32_t line, word, number;
	struct task_rig_task tasks[TASK_RIG_TASKS_MAX];
	uint32_t tasks_count;
	bool drop_windows; /* fire_at_end false */
	int64_t buffer_timeout_ms, latency_interval_ms;
	enum latency_granularity latency_granularity;
	uint32_t cancel_in; /* a task is cancelled as soon as it is in one of these states (bits) */
	char printed[256];
	struct agent clock; /* virtual time goes on only while somebody waits for it */
};

/* ---- life ----------------------------------------------------------------------------------- */

void task_rig_open(struct task_rig *rig, uint64_t seed, const char *job_name);
/* Checks that every segment and every byte is back. */
void task_rig_close(struct task_rig *rig);
struct task_rig_task *task_rig_deploy(struct task_rig *rig, uint32_t vertex, uint32_t subtask);
void task_rig_deploy_all(struct task_rig *rig); /* checks the graph first */
void task_rig_run_ms(struct task_rig *rig, int64_t ms);
void task_rig_run_to_end(struct task_rig *rig); /* until every task is in a final state */
bool task_rig_all_final(void *rig);
void task_rig_expect_all(const struct task_rig *rig, enum task_state state);
void task_rig_cancel_all(struct task_rig *rig);
void task_rig_give_splits(struct task_rig_task *task);

/* ---- graphs: each appends to the chain of a vertex ------------------------------------------ */

void task_rig_source(struct task_rig *rig, uint32_t vertex, const char *const *lines,
		     const char *options);
void task_rig_function(struct task_rig *rig, uint32_t vertex, const char *factory, const char *name,
		       void *function, int32_t output_type);
void task_rig_sum(struct task_rig *rig, uint32_t vertex, int64_t window_size_ms); /* 0: running */
void task_rig_sink(struct task_rig *rig, uint32_t vertex, int32_t type, const char *options);
/* source of the rhyme -> flat map ==HASH==> sum -> sink */
void task_rig_word_count(struct task_rig *rig, uint32_t sources, uint32_t sums,
			 const char *source_options, const char *sink_options);
/* Every update 1 … count of every word is in the ledger once, in order, from one subtask. */
void task_rig_expect_word_counts(uint32_t rounds);

#define TASK_RIG_RHYME_LINES 8
extern const char *const task_rig_rhyme[TASK_RIG_RHYME_LINES + 1];

#endif
