/* SPDX-License-Identifier: Apache-2.0
 * fake_taskmanager.h - a TaskManager that does only what a test tells it, on a simulated node:
 * serves TaskExecutor, registers, sends heartbeats, and remembers what it was asked. By default it
 * behaves: slots are given, tasks run at once, cancelled tasks end. Behaviour is switched by its
 * flags. */
#ifndef TESTS_LIB_FAKE_TASKMANAGER_H
#define TESTS_LIB_FAKE_TASKMANAGER_H

#include "resource_manager.pb-c.h"
#include "task_executor.pb-c.h"

#include "common/rpc/rpc.h"

#define FAKE_TASKS_MAX 256
#define FAKE_SLOTS_MAX 16
#define FAKE_HEARTBEAT_MS 500
#define FAKE_MEMORY_BYTES (1 << 30) /* half for tasks, a quarter managed, two eighths */

struct fake_task {
	struct id execution_id, job_id;
	uint32_t vertex, subtask, attempt, job_attempt;
	const char *state; /* last reported */
	const char *operator; /* of its last failure */
	uint32_t inputs, outputs;
	uint32_t producer_first, producer_last; /* of its first input */
	bool cancel_asked, no_more;
	uint32_t splits;
	uint64_t last_split;
};

struct fake_slot {
	struct id allocation_id, job_id; /* none: free */
};

struct fake_taskmanager {
	Flink__TaskExecutor_Service service; /* first */
	struct agent agent;
	struct world *world;
	struct runner *runner;
	struct rpc_client *client;
	struct rpc_peer *peer;
	char resource_id[32];
	struct id incarnation;
	uint64_t leader_epoch;
	uint32_t slots_count;
	struct fake_slot slots[FAKE_SLOTS_MAX];
	uint32_t tasks_count;
	struct fake_task tasks[FAKE_TASKS_MAX]; /* all it ever had */
	bool registered;
	mono_t heartbeat_at;
	uint32_t released, graphs, placements, submits, refused_reports;
	uint32_t locations, slots_placed; /* of the last placement */
	uint32_t begun_anew; /* so often a heartbeat was answered that all before is over */
	enum err_code report_code; /* of the last refused report */
	char status_text[64]; /* of each running task, in heartbeats */
	uint64_t records;     /* records in and out of each running task, in heartbeats */
	uint64_t sequence, counts[5]; /* of what is told of them */
	/* What comes to them with every heartbeat, one each FAKE_HEARTBEAT_MS: records; busy, idle
	 * and back-pressured microseconds. */
	uint64_t records_each, times_each[3];
	uint64_t heap_bytes, cpu_ms, cpu_ms_each; /* of its process, in heartbeats */
	const char *crash_note, *crash_operator; /* told at the next registration */
	struct id crash_job_id;
	/* behaviour */
	bool mute;          /* no heartbeats */
	bool refuse_slots, refuse_tasks, ignore_slots; /* ignore: no answer */
	bool refuse_calls;  /* SubmitTasks as a whole */
	uint32_t refuse_vertex; /* refuse the tasks of this vertex; counted from 1, 0: none */
	bool hold_tasks;    /* tasks stay as deployed until the test reports */
	bool hold_cancels;  /* cancelled tasks go on */
	bool readers;       /* tasks of vertex 0 say that their reader (operator 0) is ready */
	bool ignore_files;  /* no answer, until it is destroyed */
	void *ignored[8];   /* those calls */
	uint32_t ignored_count;
};

/* Connects to host "jobmanager", port 6123, with the simulation's secret. */
struct fake_taskmanager *fake_taskmanager_create(struct world *world, const char *resource_id,
						 uint32_t slots);
/* Anywhere, in either world. In the real one its fields are its runner's from then on. */
struct fake_taskmanager *fake_taskmanager_create_at(struct world *world, const char *host,
						    uint16_t port, const char *resource_id,
						    uint32_t slots);
/* Its one log file: "fake.log", FAKE_LOG_LINES times "line <number>\n" with the number in 7 digits,
 * also called "log"; "stdout" is not there. */
#define FAKE_LOG_LINES 200000
#define FAKE_LOG_LINE_BYTES 13
void fake_taskmanager_destroy(struct fake_taskmanager **fake);
/* Of the newest attempt; NULL: it was never here. */
struct fake_task *fake_task_find(struct fake_taskmanager *fake, uint32_t vertex, uint32_t subtask);
/* why: with "FAILED"; NULL otherwise. */
void fake_report(struct fake_taskmanager *fake, struct fake_task *task, const char *state,
		 const struct err *why);
/* The same with a fence of one's own. */
void fake_report_fenced(struct fake_taskmanager *fake, struct fake_task *task, const char *state,
			const struct rpc_fence *fence);
void fake_print(struct fake_taskmanager *fake, const struct id *job_id, uint64_t offset,
		uint64_t dropped, const char *lines);
void fake_ready(struct fake_taskmanager *fake, const struct fake_task *task, uint32_t operator);
void fake_heartbeat(struct fake_taskmanager *fake); /* now */
uint32_t fake_slots_held(const struct fake_taskmanager *fake);
uint32_t fake_tasks_in(const struct fake_taskmanager *fake, const char *state);

#endif
