/* SPDX-License-Identifier: Apache-2.0
 * executor_priv.h - what the files of the task executor share; nobody else includes it.
 *
 * Threads: everything here belongs to the control runner, but `inbox` (posted to by slot runners)
 * and the atomics. Slot runners know a task by its struct task and post struct event. */
#ifndef TASKMANAGER_EXEC_EXECUTOR_PRIV_H
#define TASKMANAGER_EXEC_EXECUTOR_PRIV_H

#include <pthread.h>

#include "resource_manager.pb-c.h"
#include "task_executor.pb-c.h"

#include "common/base/list.h"
#include "common/base/map.h"
#include "common/base/ring.h"
#include "common/rpc/rpc.h"
#include "taskmanager/exec/task.h"
#include "taskmanager/exec/task_executor.h"

#define EXECUTOR_LOGGER "TaskExecutor"

struct executor_job;

/* Where the tasks of one attempt of a job are; held by the job while it is the newest and by each
 * of its tasks. */
struct executor_placement {
	Flink__Placement *message; /* checked */
	uint32_t job_attempt, references;
	/* to this TaskManager; while there are any the pool lends nothing */
	uint32_t tasks_to_come;
};

/* One artifact of a job on its way to this TaskManager. */
struct artifact {
	struct executor_job *job;
	uint32_t index; /* in graph->artifacts */
	char *path;     /* the file here */
	uint64_t received_bytes;
	struct buf content;
	struct file_op mkdirs_op, write_op, open_op, close_op, rename_op;
	uint32_t stage; /* enum artifact_stage */
	char *part_path;
};

enum artifact_stage {
	ARTIFACT_FETCHING,
	ARTIFACT_MAKING_FOLDER,
	ARTIFACT_OPENING,
	ARTIFACT_WRITING,
	ARTIFACT_CLOSING,
	ARTIFACT_RENAMING,
	ARTIFACT_READY,
	ARTIFACT_FAILED
};

/* What is kept per job: graph, types, modules, print() output on its way. Freed by ReleaseJob, or
 * when its last slot is freed. */
struct executor_job {
	struct task_executor *executor;
	struct id id;
	Flink__JobGraph *graph;
	struct record_type **types;
	struct artifact *artifacts;
	struct module **modules;
	bool ready;         /* artifacts there and modules open */
	struct err failure; /* or why not */
	uint32_t tasks_count;
	struct executor_placement *placement; /* the newest; NULL: none came yet */
	uint32_t attempt; /* of the job, the newest that came here */
	uint64_t serial;    /* tells apart the lives of one job here */
	bool leaving;       /* it goes with its last task; another life may be in executor->jobs */
	struct list_node leaving_node; /* of executor->leaving */
	/* output */
	_Atomic int64_t output_posted_bytes; /* in the inbox, not yet taken */
	_Atomic int64_t output_dropped_bytes; /* refused at the inbox */
	struct buf output;             /* taken, not yet acknowledged */
	uint64_t output_offset;        /* of output's first byte */
	uint64_t dropped_bytes;        /* lost in front of it, not yet told */
	size_t pushing_bytes;          /* of the call under way */
	bool pushing;
};

enum report_step { REPORT_IDLE, REPORT_SENDING };

/* Of a task's numbers: what the JobManager has. */
struct executor_told {
	uint64_t *answered, *sent; /* [count], in the order of task_values; NULL: nothing yet */
	uint32_t count;
	bool under_way; /* `sent` is in the heartbeat that is not answered yet */
	bool blocking_answered, blocking_sent;
	char *text_answered, *text_sent; /* NULL: never told; not in it */
	/* Values of each latency histogram, [LATENCY_ENTRIES_MAX]; NULL: there are none yet. */
	uint64_t *latencies_answered, *latencies_sent;
};

/* A task from SubmitTasks to the acknowledged report of its final state. */
struct executor_task {
	struct task_executor *executor;
	struct executor_job *job;
	struct id execution_id, allocation_id;
	Flink__TaskDeployment *deployment; /* own copy */
	struct executor_placement *placement;
	struct task *task;       /* NULL: not made yet, or destroyed */
	uint32_t state;          /* enum task_state as last told by the task */
	uint32_t reported_state; /* as last acknowledged; TASK_CREATED: nothing yet */
	bool sending, cancel_asked;
	mono_t cancel_until; /* task.cancellation.timeout; MONO_NEVER: not cancelled, or for ever */
	bool has_come;       /* has its channels, or will never have any */
	bool waits_for_room; /* for its channels: holds the pool's lending */
	mono_t room_until, room_at; /* when it gives up; when it tries again */
	struct err failure;
	char *failed_operator;
	struct list waiting_splits; /* of struct pending_splits: came before the task was made */
	uint32_t readers_ready;     /* bit per operator: ReaderReady to be told */
	bool reader_telling;
	struct executor_told told;
};

struct pending_splits {
	struct list_node node;
	uint32_t operator, count;
	bool no_more;
	struct split splits[];
};

struct executor_slot {
	uint32_t index;
	bool allocated, freeing;
	struct id allocation_id, job_id;
	struct runner *runner; /* made at first use, kept */
	bool sampled;          /* its stacks are */
	struct managed_memory managed; /* of the state of its tasks */
	struct list free_calls; /* of struct pending_call: FreeSlot answers owed */
};

struct pending_call {
	struct list_node node;
	Flink__Empty_Closure closure;
	void *closure_data;
};

enum event_kind { EVENT_STATE, EVENT_READER, EVENT_OUTPUT };

struct event { /* from a slot runner */
	struct inbox_node node;
	enum event_kind kind;
	struct id execution_id;
	struct executor_job *job; /* OUTPUT */
	enum task_state state;    /* STATE */
	struct err failure;
	char *failed_operator;
	uint32_t operator;        /* READER */
	size_t size_bytes;        /* OUTPUT */
	char text[];
};

struct file_call; /* files.c */
struct stack_call; /* samples.c */
struct symbols;

struct task_executor {
	struct agent agent; /* first */
	struct taskmanager_options base;
	struct task_executor_options options;
	struct world *world;
	const struct conf *conf;
	struct inbox inbox;
	struct rpc_client *client;
	struct rpc_peer *peer; /* registered or registering; NULL: no connection */
	bool registering;
	_Atomic bool registered;
	pthread_mutex_t trouble_lock;
	struct err trouble; /* of the last try to connect; under the lock: other threads read it */
	uint64_t leader_epoch;
	mono_t room_at; /* the next task that waits for room tries again; MONO_NEVER: none waits */
	mono_t lost_at; /* when the last registered connection ended; MONO_NEVER: not lost */
	mono_t heartbeat_at, heartbeat_answered, register_at, tick_at;
	bool heartbeating;
	uint32_t heartbeat_interval_ms, heartbeat_timeout_ms;
	bool crash_told;
	uint64_t metrics_sequence; /* of the last TaskMetrics sent */
	uint64_t metrics_late; /* so often a task's numbers had to wait for the next heartbeat */
	size_t metrics_first;      /* which task the next heartbeat begins with */
	struct executor_slot *slots;
	struct map *jobs;  /* id -> struct executor_job */
	struct list leaving; /* of struct executor_job: released, and not yet gone */
	uint64_t jobs_serial;
	struct map *tasks; /* execution id -> struct executor_task */
	struct list file_calls;
	struct list line_calls; /* ReadLines under way */
	struct list stack_calls; /* SampleStacks under way */
	struct symbols *symbols; /* while there are any */
	char *artifact_directory;
	struct list removals; /* of files that nobody needs any more; executor_tidy.c */
	bool stuck_told;
	_Atomic bool stopping, idle;
	bool started, destroying;
	Flink__TaskExecutor_Service service;
};

/* task_executor.c */
struct executor_task *executor_find_task(struct task_executor *executor,
					 const ProtobufCBinaryData *id);
void executor_task_advance(
	struct executor_task *task); /* makes it when its job is ready; reports */
void executor_room_given_up(struct executor_task *task); /* it does not wait any more */
void executor_cancel_all(struct task_executor *executor, const char *why);
void executor_post(struct task_executor *executor, struct event *event);
struct rpc_fence executor_fence(const struct task_executor *executor);

/* executor_deploy.c */
void executor_submit_tasks(Flink__TaskExecutor_Service *service,
			   const Flink__SubmitTasksRequest *input,
			   Flink__SubmitTasksResponse_Closure closure, void *closure_data);
void executor_deployment_free(struct executor_task *task);
void executor_placement_unref(struct executor_placement **placement); /* NULL-safe */
void executor_placement_drop(struct executor_job *job); /* the newest; NULL-safe */
void executor_task_has_come(struct executor_task *task); /* any number of times */

/* executor_slots.c */
struct executor_slot *executor_find_slot(struct task_executor *executor,
					 const struct id *allocation_id);
void executor_request_slot(Flink__TaskExecutor_Service *service,
			   const Flink__RequestSlotRequest *input, Flink__Empty_Closure closure,
			   void *closure_data);
void executor_free_slot(Flink__TaskExecutor_Service *service, const Flink__FreeSlotRequest *input,
			Flink__Empty_Closure closure, void *closure_data);
void executor_slot_step(struct task_executor *executor, struct executor_slot *slot);
void executor_cancel_task(struct executor_task *task);
/* The job's own value, else this TaskManager's. */
int64_t executor_job_duration_ms(const struct executor_task *task, const char *key);
void executor_watch_cancelled(struct task_executor *executor, mono_t now, mono_t *wake_at);
void executor_answer_empty(Flink__Empty_Closure closure, void *closure_data);

/* executor_jobs.c */
struct executor_job *executor_job_get(struct task_executor *executor, const struct id *id,
				      const Flink__JobGraph *graph, struct err *err);
void executor_job_step(struct executor_job *job); /* artifacts; sets ready or failure */
/* Nothing new comes of this life of the job: its channels fail, and it goes as soon as its tasks,
 * its posted output and its file operations are gone. */
void executor_job_release(struct executor_job *job);
void executor_jobs_leave(struct task_executor *executor); /* those that can */
/* For answers to calls: this life of the job; NULL: it is gone. */
struct executor_job *executor_job_find(struct task_executor *executor, const struct id *id,
				       uint64_t serial);
void executor_job_destroy(struct executor_job *job);

/* executor_tidy.c */
char *executor_artifact_folder(const struct conf *conf, const char *resource_id); /* mem_free */
void executor_remove_file(struct task_executor *executor, char *path);   /* takes the path */
void executor_remove_folder(struct task_executor *executor, char *path); /* takes the path */
void executor_tidy_begin(struct task_executor *executor); /* in its first step */
void executor_tidy_step(struct task_executor *executor);
void executor_tidy_end(struct task_executor *executor); /* when its runner is gone */

/* executor_output.c */
void executor_output_print(void *context, struct task *task, const char *line, size_t size_bytes);
void executor_output_take(struct executor_job *job, struct event *event);
void executor_output_push(struct executor_job *job);
bool executor_output_drained(const struct executor_job *job);

/* executor_reports.c */
void executor_register(struct task_executor *executor, struct rpc_peer *peer);
void executor_heartbeat(struct task_executor *executor, mono_t now, mono_t *wake_at);
void executor_report(struct executor_task *task);
/* Keeps why the JobManager is not reached, for who waits for the registration. */
void executor_watch_tries(struct task_executor *executor, mono_t now, mono_t *wake_at);
void executor_tell_readers(struct executor_task *task);

/* executor_metrics.c */
void executor_metrics_tell(struct task_executor *executor, struct arena *arena,
			   Flink__HeartbeatRequest *request);
void executor_metrics_answered(struct task_executor *executor); /* the last heartbeat */
void executor_told_fini(struct executor_told *told);

/* executor_files.c */
void executor_files_list(Flink__TaskExecutor_Service *service, const Flink__ListFilesRequest *input,
			 Flink__ListFilesResponse_Closure closure, void *closure_data);
void executor_files_read(Flink__TaskExecutor_Service *service, const Flink__ReadFileRequest *input,
			 Flink__ReadFileResponse_Closure closure, void *closure_data);
void executor_files_lines(Flink__TaskExecutor_Service *service,
			  const Flink__ReadLinesRequest *input,
			  Flink__ReadLinesResponse_Closure closure, void *closure_data);
void executor_files_step(struct task_executor *executor);
void executor_files_fini(struct task_executor *executor);

/* executor_samples.c */
void executor_sample_stacks(Flink__TaskExecutor_Service *service,
			    const Flink__SampleStacksRequest *input,
			    Flink__SampleStacksResponse_Closure closure, void *closure_data);
void executor_samples_step(struct task_executor *executor, mono_t now, mono_t *wake_at);
void executor_samples_fini(struct task_executor *executor);

static inline struct task_executor *executor_of_service(Flink__TaskExecutor_Service *service)
{
	return CONTAINER_OF(service, struct task_executor, service);
}

#endif
