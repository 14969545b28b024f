/* SPDX-License-Identifier: Apache-2.0
 * job_priv.h - what the files of jobmanager/job share.
 *
 *   job_create.c    the tables of a job out of its graph; their end
 *   job_master.c    the life of a job: status moves, the step, cancelling
 *   job_reports.c   what TaskManagers say about executions
 *   figures.c       what they tell in numbers    pressure.c, job_pressure.c  who holds whom back
 *   scheduler.c     slots, CancelTask
 *   deploy.c        places, where all tasks are, SubmitTasks
 *   failover.c      causes, charges, restarts
 *   sources.c       enumerators and splits
 *   restart.c       restart strategies          job_output.c   print() lines
 *   attempts.c      what earlier attempts of subtasks were
 *   job_stacks.c    where its tasks spend their time          latencies.c   latency markers */
#ifndef JOBMANAGER_JOB_JOB_PRIV_H
#define JOBMANAGER_JOB_JOB_PRIV_H

#include "task_executor.pb-c.h"

#include "common/base/agent.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/contract/source.h"
#include "jobmanager/job/job_master.h"
#include "jobmanager/job/job_output.h"
#include "jobmanager/job/restart.h"

#define JOB_LOGGER "JobMaster"
#define GRAPH_LOGGER "ExecutionGraph"

enum call_wanted { CALL_NONE, CALL_SUBMIT, CALL_CANCEL };

/* A TaskManager as the job uses it: one life of it, from the first slot there to its loss. */
struct job_place {
	struct list_node node; /* of master.places */
	struct job_master *master;
	struct taskmanager_info *taskmanager; /* NULL: gone */
	const char *resource_id, *endpoint;   /* the job's */
	uint32_t location;     /* index in the attempt's placement; UINT32_MAX: not in it */
	uint32_t calls;        /* under way to it */
	bool graph_sent;       /* it knows the job's graph */
	bool placement_sent;   /* it knows the attempt's placement */
	bool told;             /* it was ever told of the job: to be released at the end */
	struct list wanted;    /* executions to submit or cancel, in order */
};

struct job_call { /* to a TaskManager, about one execution; data of the answer's closure */
	struct job_place *place;
	struct execution *execution;
	struct id execution_id;
};

/* Why the job does not run: the better known cause replaces the less known. */
enum cause_rank {
	CAUSE_NONE,
	CAUSE_SYMPTOM,          /* a task lost its peer: the reason is elsewhere */
	CAUSE_TASKMANAGER_LOST,
	CAUSE_TASK,             /* a task or an enumerator said why it failed */
	CAUSE_CRASH,            /* a crash note names this job */
};

struct job_loss { /* of a TaskManager; its next life may say what it died of */
	struct list_node node; /* of master.losses */
	char *resource_id;
	mono_t at;
	uint32_t attempt; /* of the job, when it happened */
	bool charged;
};

struct job_reader { /* of a source: one subtask */
	struct list_node node; /* of source.dirty */
	struct list splits;    /* to be sent: struct pending_split */
	bool ready, no_more, no_more_sent;
};

struct job_source {
	struct split_assigner assigner; /* first */
	struct job_master *master;
	struct job_vertex *vertex;
	uint32_t operator; /* index in the chain */
	const struct source_vtable *vtable;
	struct job_context context;
	void *self;
	bool open;
	struct job_reader *readers; /* [parallelism] */
	struct list dirty;          /* readers that are ready and have something to be sent */
};

struct job_master {
	struct agent agent; /* first */
	struct job job;
	struct job_master_options options;
	struct loop *loop;
	struct arena *arena; /* graph, names: as long as the job */
	struct arena *attempt_arena; /* tables of one deployment */
	struct map *names;   /* resource id and endpoint -> struct place_name in the arena */
	uint32_t executions_count, final_count, running_count; /* running: RUNNING or FINISHED */
	uint32_t calls;      /* under way */

	/* slots and places */
	uint32_t slots_needed, groups_count;
	struct slot **slots;    /* [slots_needed]; NULL: not there */
	uint32_t *slot_users;   /* [slots_needed]: executions that are not final */
	mono_t *slot_idle_at;   /* [slots_needed]: when the last one ended */
	mono_t idle_next;       /* when to look for idle ones; MONO_NEVER: none */
	struct slot_demand *demand;
	mono_t demand_until;    /* slot.request.timeout */
	bool granted;           /* all slots came: deploy */
	struct list places;
	Flink__Placement placement; /* of this attempt, in its arena */
	mono_t cancel_until; /* task.cancellation.timeout; MONO_NEVER: nothing is being cancelled */

	/* failover */
	struct restart_strategy restart;
	enum cause_rank cause_rank;
	struct err cause;
	struct job_failure *cause_entry; /* in job.failures; NULL: fell out */
	bool verdict_open;      /* RESTARTING or FAILING is not decided */
	bool charged;           /* this failover cost a restart */
	mono_t verdict_at, restart_at;
	struct list losses;     /* struct job_loss, oldest first */
	mono_t crashes[3]; /* the last ones that were this job's fault, oldest first; 0: none */

	struct job_source *sources;
	uint32_t sources_count;
	uint32_t releases_open; /* ReleaseJob not answered yet */
	bool cancel_asked;
	struct list stacks; /* job_stacks.c */
};

static inline struct job_master *job_master_of(const struct job *job)
{
	return job->master;
}

/* The body may not add or remove executions. */
#define FOR_EACH_EXECUTION(master, execution) \
	for (struct job_vertex *vertex_ = (master)->job.vertices, \
			       *vertices_end_ = vertex_ + (master)->job.graph->n_vertices; \
	     vertex_ < vertices_end_; vertex_++) \
		for (struct execution *execution = vertex_->executions, \
				      *execution##_end = \
					      execution + vertex_->message->parallelism; \
		     execution < execution##_end; execution++)

/* job_create.c */
void job_vertices_fini(struct job_master *master);
struct id *job_draw_ids(struct job_master *master, uint32_t count); /* random; mem_free */
void execution_set_status_text(struct execution *execution, const char *text);

/* job_master.c */
enum step job_master_step(struct job_master *master, mono_t now, mono_t *wake_at);
void job_move(struct job_master *master, enum job_status to);
/* The one place that moves an execution: counts, time stamps, log, slot use. */
void execution_move(struct execution *execution, enum execution_state to, const struct err *why);
void job_changed(struct job_master *master);
void job_say(struct job_master *master, char *text); /* waiting_for; text is taken, NULL: nothing */
const char *job_id_text(const struct job_master *master, char text[ID_TEXT_SIZE]);

/* scheduler.c */
void job_schedule(struct job_master *master); /* all CREATED -> SCHEDULED, asks for slots */
void job_cancel_executions(struct job_master *master);
void job_slots_step(struct job_master *master, mono_t now, mono_t *wake_at);
void job_slots_give_back(struct job_master *master, const char *reason);
void job_slot_unused(struct job_master *master, uint32_t number);
uint32_t execution_slot_number(const struct execution *execution);
bool job_has_all_slots(const struct job_master *master);
void job_demand_slots(struct job_master *master);
void job_send_cancel(struct execution *execution);

/* deploy.c */
void job_deploy(struct job_master *master);
/* Sends what the places want; true: there is more. */
bool job_places_pump(struct job_master *master);
void job_want_call(struct execution *execution, enum call_wanted what);
void job_place_unref(struct job_place *place); /* frees it when it is gone and no call is open */
/* Every call to a place about an execution is counted there from one to the other. The end gives
 * the execution that was meant if it is still the same attempt and has not ended; NULL
 * otherwise. */
struct job_call *job_call_begin(struct execution *execution);
struct execution *job_call_end(struct job_call *call);

/* failover.c */
/* Something went wrong. execution NULL: the job as a whole. */
void job_fail(struct job_master *master, enum cause_rank rank, const struct err *why,
	      const struct execution *execution, int64_t wait_ms);
void job_failover_step(struct job_master *master, mono_t now, mono_t *wake_at);
/* The error comes from there. */
void job_name_origin(struct err *err, const char *taskmanager);
void job_failures_fini(struct job_master *master);

/* job_stacks.c */
void job_stacks_fini(struct job_master *master);

/* sources.c */
MUST_USE int job_sources_create(struct job_master *master, struct err *err);
void job_sources_destroy(struct job_master *master);
MUST_USE int job_sources_open(struct job_master *master, struct err *err);
void job_sources_close(struct job_master *master);
bool job_sources_step(struct job_master *master, mono_t now, mono_t *wake_at); /* true: again */

#endif
