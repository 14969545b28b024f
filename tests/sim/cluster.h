/* SPDX-License-Identifier: Apache-2.0
 * cluster.h - a whole cluster in one process on world_sim: a JobManager, TaskManagers and a client,
 * the same objects as in the daemons, with checkers that run after every event. */
#ifndef TESTS_SIM_CLUSTER_H
#define TESTS_SIM_CLUSTER_H

#include "dispatcher.pb-c.h"

#include "common/rpc/rpc.h"
#include "common/world/world_sim.h"
#include "jobmanager/jobmanager.h"
#include "taskmanager/taskmanager.h"

#define CLUSTER_TMS_MAX 8

struct cluster_node {
	struct world *world;
	struct conf *conf;
	struct taskmanager *taskmanager; /* NULL: dead */
	uint32_t lives;
};

struct cluster {
	struct sim *sim;
	struct world *jm_world, *client_world;
	struct conf *jm_conf;
	struct jobmanager *jobmanager;
	struct cluster_node tms[CLUSTER_TMS_MAX];
	uint32_t tms_count, slots_per_tm;
	/* client */
	struct runner *client_runner;
	struct rpc_client *client;
	struct id job_id;
	bool submitted, submit_failed, polling;
	char status[32];
	struct err failure;
	uint64_t events;
	struct err breach; /* the first thing a checker found */
};

struct cluster *cluster_create(uint64_t seed, const struct sim_options *options, uint32_t tms,
			       uint32_t slots_per_tm);
void cluster_destroy(struct cluster **cluster); /* CHECKs that nothing is left */

/* Submits the ledger job (source -> flat map -HASH-> sum -> ledger) at this parallelism. */
void cluster_submit(struct cluster *cluster, uint32_t parallelism, const char *const *settings);
void cluster_cancel(struct cluster *cluster);
bool cluster_job_ended(void *cluster);   /* for sim_run */
bool cluster_job_running(void *cluster); /* all its tasks */

void cluster_kill(struct cluster *cluster, uint32_t tm);
void cluster_restart(struct cluster *cluster, uint32_t tm);

#endif
