/* SPDX-License-Identifier: Apache-2.0
 * jobmanager_bed.h - a whole JobManager on a simulated node, scripted TaskManagers and a client on
 * others, and small jobs for them. Time is simulated; nothing waits. */
#ifndef TESTS_LIB_JOBMANAGER_BED_H
#define TESTS_LIB_JOBMANAGER_BED_H

#include "common/contract/source.h"
#include "common/world/world_sim.h"
#include "jobmanager/dispatcher/dispatcher.h"
#include "jobmanager/jobmanager.h"
#include "tests/lib/fake_taskmanager.h"

#define BED_SECRET "the bed's secret"
#define BED_TASKMANAGERS_MAX 8

struct bed {
	struct sim *sim;
	struct world *jobmanager_world, *client_world;
	struct world *worlds[BED_TASKMANAGERS_MAX];
	struct conf *conf;
	struct jobmanager *jobmanager;
	struct dispatcher *dispatcher;
	struct fake_taskmanager *taskmanagers[BED_TASKMANAGERS_MAX];
	struct runner *client_runner;
	struct rpc_client *client;
	struct err err; /* of the last refused submission */
	struct arena *arena; /* its graphs */
	bool new_names;      /* a restarted process has another resource id */
	uint32_t restarts;
};

/* settings: "key=value"… ended by NULL; NULL: none. */
struct bed *bed_create(uint64_t seed, const char *const *settings);
void bed_destroy(struct bed *bed); /* also checks that no memory is left */
/* TaskManager `number` ("tm0" …) starts; bed_run lets it register. */
struct fake_taskmanager *bed_taskmanager(struct bed *bed, uint32_t number, uint32_t slots);
void bed_kill(struct bed *bed, uint32_t number);   /* the machine dies */
/* The process dies and is there again under the same name with a new incarnation. */
struct fake_taskmanager *bed_restart(struct bed *bed, uint32_t number, const char *crash_note,
				     const struct id *crash_job_id);
void bed_pass(struct bed *bed, int64_t ms);
/* Until the condition holds; fails the test after budget_ms. */
void bed_until(struct bed *bed, int64_t budget_ms, bool (*until)(struct bed *bed, void *context),
	       void *context);
void bed_until_status(struct bed *bed, struct job *job, enum job_status status, int64_t budget_ms);
/* All tasks of the job run. */
void bed_until_running(struct bed *bed, struct job *job, int64_t budget_ms);
void bed_until_slots(struct bed *bed, uint32_t total, int64_t budget_ms); /* that many count */

/* "Source: Numbers" (factory "numbers", source_parallelism) -> HASH -> "Sum" + sink (parallelism).
 * With settings as above. In the bed's arena; may be written to. */
Flink__JobGraph *bed_graph(struct bed *bed, const char *name, uint32_t source_parallelism,
			   uint32_t parallelism, const char *const *settings);
/* Makes such a job and submits it, without RPC. NULL: refused, see bed->err. */
struct job *bed_submit(struct bed *bed, const char *name, uint32_t source_parallelism,
		       uint32_t parallelism, const char *const *settings);
void bed_note(const struct job *job, char *text, size_t size_bytes);
uint32_t bed_slots_free(struct bed *bed);

/* The source "numbers": hands `splits` splits to its readers in turn, then no more. */
extern struct numbers_source { /* what it does, reset by bed_create */
	uint32_t splits;
	uint32_t opened, closed, readers;
	bool fail_open, fail_step;
} numbers;

#endif
