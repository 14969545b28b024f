/* SPDX-License-Identifier: Apache-2.0
 * mini_cluster.h - a cluster inside this process, for one job: the daemons' own objects, with
 * addresses that exist only here. No port is opened. */
#ifndef CLIENT_CLI_MINI_CLUSTER_H
#define CLIENT_CLI_MINI_CLUSTER_H

#include "client/cli/session.h"
#include "common/base/limits.h"
#include "common/conf/conf.h"

struct mini_cluster {
	struct conf *conf;
	struct jobmanager *jobmanager;
	struct taskmanager
		*taskmanagers[LIMIT_PARALLELISM_MAX / LIMIT_SLOTS_PER_TASKMANAGER_MAX + 1];
	uint32_t taskmanagers_count;
};

struct mini_cluster_options {
	struct world *world;
	const struct conf *conf;       /* copied */
	const char *library_directory; /* where lib/flink-*.so lie */
	uint32_t slots;                /* in all; see job_graph_slots_needed */
	/* Puts operators in that the built-in ones do not have, or other ones of their names. */
	void (*register_more)(void);
};

/* -1: nothing is left running. */
MUST_USE int mini_cluster_start(struct mini_cluster *cluster,
				const struct mini_cluster_options *options, struct err *err);
/* Opens a session and waits until the TaskManagers are there. */
MUST_USE int mini_cluster_connect(const struct mini_cluster *cluster, struct world *world,
				  struct session **session, struct err *err);
void mini_cluster_stop(struct mini_cluster *cluster);

#endif
