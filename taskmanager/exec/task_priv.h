/* SPDX-License-Identifier: Apache-2.0
 * task_priv.h - the inside of a task, shared by task.c (the agent), task_create.c (its life) and
 * task_report.c (what others may ask). */
#ifndef TASKMANAGER_EXEC_TASK_PRIV_H
#define TASKMANAGER_EXEC_TASK_PRIV_H

#include <pthread.h>

#include "common/base/ring.h"
#include "common/graph/metric_plan.h"
#include "taskmanager/exec/chain.h"
#include "taskmanager/shuffle/pieces.h"
#include "taskmanager/exec/task.h"
#include "taskmanager/exec/valve.h"

#define TASK_STATUS_WORDS 32 /* × 8 bytes of status text */

struct task_input { /* one channel */
	struct channel *channel;
	uint32_t input; /* of the head operator */
	bool ended;
	struct assembly assembly; /* of a record that comes in pieces */
};

enum command_kind { COMMAND_CANCEL, COMMAND_FAIL, COMMAND_SPLITS };

struct command {
	struct inbox_node node;
	struct list_node held;
	enum command_kind kind;
	struct err why;              /* FAIL */
	struct split *splits;        /* SPLITS; the bodies lie behind the array */
	uint32_t operator, count;
	bool no_more;
};

enum phase { /* of one step */
	PHASE_TIME,  /* timers that are due; also tells operators the time of what comes in now */
	PHASE_INPUT, /* take from the gate or poll the source, until nothing or enough */
	PHASE_FLUSH, /* what the operators emitted goes to the channels */
	PHASE_REST,  /* idle flush, publish */
};

struct task {
	struct agent agent; /* first */
	struct task_options options;
	Flink__TaskDeployment *deployment;
	const Flink__Vertex *vertex;
	struct id execution_id, job_id;
	char *name;
	struct inbox inbox; /* any thread posts */
	uint32_t state;     /* runner's thread */
	_Atomic uint32_t state_seen;

	/* ---- the runner's thread, while stepped ---- */
	struct chain chain;
	struct list splits_held; /* commands that came before the reader was open */
	struct gate *gate; /* NULL: a source */
	struct task_input *inputs;
	uint32_t inputs_count;
	uint32_t channels_open[2];  /* per input of the head: channels that did not end */
	bool input_ends[2];         /* all channels ended, and the head was not told yet */
	struct channel *taking; /* whose batch the chain has; released when it is done with it */
	struct assembly *whole; /* likewise, if that batch is a record that came in pieces */
	struct pieces pieces;
	struct valve valve;
	struct control marker; /* kind 0: none came that is not in the chain yet */
	mono_t marker_at;      /* of a source: when the next one is due */
	bool source_ended, source_watermark_sent, ended;
	enum phase phase;
	uint32_t records_left; /* of this step */
	int64_t bytes_left;
	bool found_nothing;    /* this step's input is used up */
	wall_t wall;           /* read at most once per step */
	mono_t unpublished_since, dirty_since; /* MONO_NEVER: nothing */
	mono_t status_at;      /* when the status text was last asked for */
	uint64_t failures_seen; /* channel_failures when its channels were last looked at */
	enum task_state final_state;
	struct err failure;
	const char *failed_operator;

	/* ---- written by the runner's thread, read by any ---- */
	struct task_metrics metrics;
	struct latency_table latencies;
	_Atomic mono_t
		accounted_until; /* busy, idle, back-pressured time is counted up to here … */
	_Atomic uint32_t accounted_as; /* … and since then it is this (enum step) … */
	_Atomic int64_t blocked_by;    /* … BLOCKED by this (chain.refused_by) */
	struct counter *edges_ns; /* back-pressured time of each edge that leaves the vertex */
	uint32_t edges_count;
	struct metric_plan plan;        /* what of operators and edges is told */
	pthread_mutex_t channels_lock; /* held while channels close, and while they are seen */
	_Atomic mono_t step_since;      /* 0: no step under way */
	_Atomic uint32_t status_version; /* odd: being written */
	_Atomic uint64_t status[TASK_STATUS_WORDS];
};

/* task.c */
enum step task_step(struct agent *agent, mono_t now, mono_t *wake_at);
void task_done(struct agent *agent);
/* task_create.c */
void task_close_all(struct task *task); /* operators and channels, as final_state has it */
void command_free(struct command *command);
/* task_report.c */
void task_set_status(struct task *task, const char *text, size_t length);

#endif
