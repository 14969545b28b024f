/* SPDX-License-Identifier: Apache-2.0
 * taskmanager.h - the whole TaskManager as one object: TaskExecutor, slots, shuffle. The daemon,
 * the mini cluster and the simulator make the same object. */
#ifndef TASKMANAGER_TASKMANAGER_H
#define TASKMANAGER_TASKMANAGER_H

#include "common/base/id.h"
#include "common/conf/conf.h"
#include "common/world/world.h"

struct taskmanager;

struct taskmanager_options {
	struct world *world;
	const struct conf *conf;     /* borrowed for its whole life */
	const char *log_directory;   /* where its own .log and .out lie; NULL: none */
	const char *log_name, *out_name; /* file names inside it; may be NULL */
	/* What the last life of this daemon died of (from its supervisor's crash note); may be
	 * NULL. */
	const char *crash_note;
	const char *crash_operator;
	struct id crash_job_id;
	wall_t crash_at;
	/* Overrides for the mini cluster and the simulator; NULL/0: from the settings. */
	const char *jobmanager_host;
	uint16_t jobmanager_port;
	const char *bind_host;       /* data port; "@name" inside one process */
	/* A task was cancelled and has not ended within task.cancellation.timeout: its thread is in
	 * the hands of a user function, and its slot with it. Only a new process helps. Called
	 * once, on the control runner; NULL: nobody can help. */
	void (*stuck)(void *context, const char *why);
	void *stuck_context;
};

/* Begins to connect to the JobManager and goes on trying until destroyed. */
MUST_USE int taskmanager_create(const struct taskmanager_options *options,
				struct taskmanager **taskmanager, struct err *err);
bool taskmanager_registered(const struct taskmanager *taskmanager); /* any thread */
/* Why it is not: what became of the last try to connect. False: nothing is known. Any thread. */
bool taskmanager_trouble(struct taskmanager *taskmanager, struct err *err);
const char *taskmanager_resource_id(const struct taskmanager *taskmanager);
/* Asks it to stop: tasks are cancelled, the JobManager is told. Any thread; then wait for stopped.
 *  */
void taskmanager_stop(struct taskmanager *taskmanager);
bool taskmanager_stopped(const struct taskmanager *taskmanager);
/* Also without a stop before: at once, tasks are dropped where they stand. Not from its own
 * threads. */
void taskmanager_destroy(struct taskmanager **taskmanager);

/* For checkers, on the simulator's thread. Segments out, live tasks, and the shuffle's own check.
 *  */
uint32_t taskmanager_tasks_count(const struct taskmanager *taskmanager);
struct shuffle *taskmanager_shuffle(struct taskmanager *taskmanager);
const struct id *taskmanager_incarnation(const struct taskmanager *taskmanager);
/* Who holds the slot; false: nobody. */
bool taskmanager_slot_holder(const struct taskmanager *taskmanager, uint32_t index,
			     struct id *allocation_id, struct id *job_id);
/* Nothing is left of any job; false: text says what is. */
bool taskmanager_at_rest(const struct taskmanager *taskmanager, char *text, size_t size_bytes);

#endif
