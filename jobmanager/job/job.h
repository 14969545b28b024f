/* SPDX-License-Identifier: Apache-2.0
 * job.h - one job as its JobMaster keeps it: the ExecutionGraph as state machines in tables.
 *
 * "I decide, and I never touch a record." Read by dispatcher, scheduler and REST on the
 * JobManager's runner thread; only jobmanager/job writes. Vertex edges stay ranges (graph.h
 * edge_consumers), never one by one.
 *
 *   INITIALIZING -> CREATED -> RUNNING -> FINISHED
 *   RUNNING -> RESTARTING -> RUNNING
 *   CREATED, RUNNING, RESTARTING, FAILING -> CANCELLING -> CANCELED
 *   CREATED, RUNNING, RESTARTING -> FAILING -> FAILED
 *
 * As in Flink a job is RUNNING as soon as it asks for slots, its executions SCHEDULED. */
#ifndef JOBMANAGER_JOB_JOB_H
#define JOBMANAGER_JOB_JOB_H

#include "resource_manager.pb-c.h"
#include "job_graph.pb-c.h"

#include "common/base/buf.h"
#include "common/base/id.h"
#include "common/base/list.h"
#include "common/base/sm.h"
#include "common/base/time.h"
#include "common/conf/conf.h"
#include "jobmanager/job/figures.h"
#include "jobmanager/job/pressure.h"

enum job_status { /* Flink's JobStatus */
	JOB_INITIALIZING, JOB_CREATED, JOB_RUNNING, JOB_FAILING, JOB_FAILED, JOB_CANCELLING,
	JOB_CANCELED, JOB_FINISHED, JOB_RESTARTING, JOB_SUSPENDED, JOB_RECONCILING,
	JOB_STATUS_COUNT,
};
enum execution_state { /* Flink's ExecutionState */
	EXECUTION_CREATED, EXECUTION_SCHEDULED, EXECUTION_DEPLOYING, EXECUTION_INITIALIZING,
	EXECUTION_RUNNING, EXECUTION_FINISHED, EXECUTION_CANCELING, EXECUTION_CANCELED,
	EXECUTION_FAILED, EXECUTION_RECONCILING, EXECUTION_STATE_COUNT,
};
extern const struct sm_table job_states, execution_states;

struct io_metrics { /* totals of a subtask over its attempts */
	uint64_t records_in, records_out, bytes_in, bytes_out;
	uint64_t busy_ms, idle_ms, backpressured_ms;
};

struct slot;
struct job_place;
struct job_vertex;

struct execution { /* the current attempt of a subtask */
	struct id id;
	uint32_t state; /* enum execution_state */
	uint32_t attempt; /* from 0 */
	wall_t entered_ms[EXECUTION_STATE_COUNT]; /* 0: not reached in this attempt */
	struct slot *slot;      /* NULL: none now */
	/* Of its TaskManager, kept after the slot is gone; NULL: never had one. Both are the
	 * job's. */
	const char *resource_id;
	const char *endpoint;   /* "host:port" of its data port */
	char *status_text;      /* of its source or sink, "" when all is well; never NULL */
	bool blocking;
	char *failure;          /* why this attempt FAILED; NULL: it did not */
	struct list attempts;   /* earlier ones: struct attempt of attempts.h, oldest first */
	uint32_t attempts_count;
	/* private to jobmanager/job */
	struct latencies *latencies; /* latencies.h */
	bool submitted;           /* SubmitTasks was sent */
	uint8_t call_wanted;      /* enum call_wanted: what its place's queue holds it for */
	struct job_vertex *vertex;
	struct job_place *place;  /* while deployed: its TaskManager */
	struct list_node call_node;
};

struct job_vertex {
	const Flink__Vertex *message; /* name, id, parallelism, operators … */
	struct id id;
	uint32_t index; /* in the graph */
	struct execution *executions; /* [message->parallelism] */
	struct job *job;
	uint32_t counts[EXECUTION_STATE_COUNT]; /* executions per state */
	/* private to jobmanager/job */
	uint32_t slot_first; /* number of its sharing group's first slot */
	const uint32_t *edges; /* indices of those that end or begin here, in the graph's order */
	uint32_t edges_count;
	struct figures_table figures;
};

struct job_failure { /* exception history, newest last */
	struct err err;
	wall_t at;
	char *task_name, *endpoint, *resource_id; /* NULL: a global failure */
	struct list_node node;
};

struct job_output; /* ring of print() lines, merged over TaskManagers */

struct job {
	struct id id;
	char *name;
	uint32_t status; /* enum job_status */
	wall_t entered_ms[JOB_STATUS_COUNT]; /* 0: never */
	int64_t spent_ms[JOB_STATUS_COUNT];  /* without the status that it has now */
	wall_t start_ms, end_ms;             /* end -1 while running */
	wall_t last_modified_ms;
	wall_t all_running_ms;               /* when the last task became RUNNING; -1: not yet */
	Flink__JobGraph *graph;
	struct conf *conf;                   /* the cluster's with the job's settings over it */
	struct job_vertex *vertices;         /* [graph->n_vertices] */
	uint32_t job_attempt, restarts;
	struct err failure;                  /* why it FAILED; ERR_NONE otherwise */
	struct list failures;                /* of struct job_failure */
	uint32_t failures_count;
	uint64_t failures_total;             /* those that are not kept any more as well */
	struct list attempts;                /* of struct attempt of attempts.h, oldest first */
	uint32_t attempts_count;
	char *waiting_for;                   /* "needs 4 slots, 2 free: …"; NULL: nothing */
	uint32_t notes_count;                /* executions whose status_text is not empty */
	uint64_t metrics_dropped; /* numbers of subtasks that are not told: too many */
	uint64_t metrics_refused; /* that were told and cannot be */
	struct job_output *output;
	struct list_node node;               /* in the dispatcher's list */
	void *master;                        /* struct job_master of jobmanager/job */
};

uint32_t execution_subtask(const struct execution *execution);
/* "Source: Socket Stream -> Flat Map (1/1)" */
void execution_name(const struct execution *execution, struct buf *into);

const char *job_status_name(const struct job *job);
bool job_is_final(const struct job *job);
/* One sentence for `list`, REST and the page: waiting_for, a source's status text, or why the job
 * failed; "" if none. */
void job_note(const struct job *job, struct buf *into);
/* Counts of the vertex's (or the whole job's) executions per state. */
void job_count_states(const struct job *job, uint32_t counts[EXECUTION_STATE_COUNT]);
void job_vertex_count_states(const struct job_vertex *vertex,
			     uint32_t counts[EXECUTION_STATE_COUNT]);
/* Flink's aggregate of a vertex's executions (rest-api.md §2.4). */
enum execution_state job_vertex_state(const struct job_vertex *vertex);
void io_metrics_add(struct io_metrics *sum, const struct io_metrics *more);
struct io_metrics execution_metrics(const struct execution *execution);
/* What is known of it in numbers; NULL: nothing yet. */
const struct figures *execution_figures(const struct execution *execution);
/* Of an operator of its chain, over all attempts; 0: not told. */
uint64_t execution_operator_total(const struct execution *execution, uint32_t operator,
				  enum operator_metric kind);

/* How its time was spent in the last seconds; false (and zeros): it does not run, or has told
 * nothing yet. */
bool execution_shares(const struct execution *execution, struct pressure_shares *shares);
/* Of that the back-pressured share of an edge that leaves its vertex, by number. */
double execution_edge_share(const struct execution *execution, uint32_t edge);
/* One sentence: who holds the job (the vertex) back, or that nobody does; "" when nothing runs. */
void job_bottleneck(const struct job *job, struct buf *into);
void job_vertex_pressure(const struct job_vertex *vertex, struct buf *into);
/* The same sentences for all vertices from one look at the job, which must not change meanwhile. */
struct job_pressure *job_pressure_look(const struct job *job);
void job_pressure_of_job(const struct job_pressure *pressure, struct buf *into);
void job_pressure_of_vertex(const struct job_pressure *pressure, uint32_t vertex, struct buf *into);
void job_pressure_forget(struct job_pressure **pressure);

/* Output lines from an offset (of the merged stream). Returns the bytes copied (whole lines, at
 * most max_bytes) and sets *offset to the first one's offset (later than asked: lines were
 * dropped). */
size_t job_output_read(const struct job *job, uint64_t from, size_t max_bytes, struct buf *into,
		       uint64_t *offset);
uint64_t job_output_end(const struct job *job);

#endif
