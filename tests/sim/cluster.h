/* SPDX-License-Identifier: Apache-2.0
 * cluster.h - a whole cluster in one process on world_sim: a JobManager, TaskManagers and a client,
 * the same objects as in the daemons, with checkers that run after every event. */
#ifndef TESTS_SIM_CLUSTER_H
#define TESTS_SIM_CLUSTER_H

#include "common/conf/conf.h"
#include "jobmanager/jobmanager.h"
#include "taskmanager/taskmanager.h"
#include "tests/sim/client.h"
#include "tests/sim/plan.h"

struct cluster_node {
	char name[16];
	struct world *world;
	struct conf *conf;
	struct taskmanager *taskmanager; /* NULL: dead, or not there yet */
	uint32_t lives;
	bool stopping, stuck;
	char *note; /* what its next life says that this one died of; NULL: nothing */
	struct id note_job_id;
};

struct archived;
struct checks;
struct moves;

struct cluster {
	const struct plan *plan;
	struct sim *sim;
	struct cluster_node tms[PLAN_TMS_MAX];
	uint32_t tms_count;
	struct world *jm_world; /* NULL: dead, or not there yet */
	struct conf *jm_conf;
	struct jobmanager *jobmanager;
	uint32_t jm_lives;
	struct archived *archived; /* archived.h: what outlives it */
	struct client *client;
	struct checks *checks;
	struct moves *moves;
	struct err breach; /* the first thing a checker found */
	/* Who else wants to know what moves; NULL: nobody. */
	void (*moved)(void *context, const struct sm_table *table, const void *subject,
		      uint32_t to);
	void *moved_context;
};

/* Nobody is there yet but the client. */
struct cluster *cluster_create(const struct plan *plan);
/* Everybody's memory is freed; then what is left was lost by somebody. */
void cluster_destroy(struct cluster **cluster);

void cluster_start_jobmanager(struct cluster *cluster); /* unless it is there */
void cluster_kill_jobmanager(struct cluster *cluster);
void cluster_start_taskmanager(struct cluster *cluster, uint32_t tm); /* unless it is there */
void cluster_kill_taskmanager(struct cluster *cluster, uint32_t tm);
/* Asks it to end in order; it is taken away when it has. */
void cluster_stop_taskmanager(struct cluster *cluster, uint32_t tm);
void cluster_step(struct cluster *cluster); /* takes away who has stopped; between events */
void cluster_kill_client(struct cluster *cluster); /* and starts it again */

/* Any of the living, by chance: for faults. */
struct world *cluster_any_node(struct cluster *cluster);
struct cluster_node *cluster_any_taskmanager(struct cluster *cluster, uint32_t *index);

#endif
