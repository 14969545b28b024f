/* SPDX-License-Identifier: Apache-2.0
 * mini_cluster.c - see mini_cluster.h. */
#include "client/cli/mini_cluster.h"

#include <stdio.h>

#include "client/cli/cli.h"
#include "common/contract/registry.h"
#include "connectors/connectors.h"
#include "jobmanager/jobmanager.h"
#include "taskmanager/operator/operators.h"
#include "taskmanager/taskmanager.h"

#define JOBMANAGER_NAME "@jobmanager"
#define REGISTER_MS_MAX 10000

void mini_cluster_stop(struct mini_cluster *cluster)
{
	for (uint32_t i = 0; i < cluster->taskmanagers_count; i++)
		taskmanager_destroy(&cluster->taskmanagers[i]);
	cluster->taskmanagers_count = 0;
	jobmanager_destroy(&cluster->jobmanager);
	conf_destroy(&cluster->conf);
}

static uint32_t slots_of_one(uint32_t slots)
{
	return slots < LIMIT_SLOTS_PER_TASKMANAGER_MAX ? slots : LIMIT_SLOTS_PER_TASKMANAGER_MAX;
}

/* Before anything runs: settings are read by many threads, so nobody may change them later. */
static int set_slots(struct mini_cluster *cluster, uint32_t slots, struct err *err)
{
	char text[16];

	if (slots == 0)
		return 0;
	snprintf(text, sizeof(text), "%u", slots_of_one(slots));
	return conf_set(cluster->conf, "taskmanager.numberOfTaskSlots", text, "--target local",
			err);
}

/* TaskManagers with as many slots as the job needs: one, unless it needs more than one may have. */
static int start_taskmanagers(struct mini_cluster *cluster, struct world *world, uint32_t slots,
			      struct err *err)
{
	while (slots > 0) {
		uint32_t number = cluster->taskmanagers_count;
		char bind[32];

		snprintf(bind, sizeof(bind), "@taskmanager-%u", number);
		struct taskmanager_options options = {
			.world = world,
			.conf = cluster->conf,
			.jobmanager_host = JOBMANAGER_NAME,
			.jobmanager_port = jobmanager_rpc_port(cluster->jobmanager),
			.bind_host = bind,
		};

		if (taskmanager_create(&options, &cluster->taskmanagers[number], err) < 0)
			return -1;
		cluster->taskmanagers_count++;
		slots -= slots_of_one(slots);
	}
	return 0;
}

int mini_cluster_start(struct mini_cluster *cluster, const struct mini_cluster_options *options,
		       struct err *err)
{
	*cluster = (struct mini_cluster){ .conf = conf_copy(options->conf) };
	operators_register();
	connectors_register_all();
	if (options->register_more != NULL)
		options->register_more();
	registry_set_library_directory(options->library_directory);
	struct jobmanager_options jobmanager = { .world = options->world,
						 .conf = cluster->conf,
						 .without_rest = true,
						 .rpc_bind_host = JOBMANAGER_NAME };

	if (set_slots(cluster, options->slots, err) == 0 &&
	    jobmanager_create(&jobmanager, &cluster->jobmanager, err) == 0 &&
	    start_taskmanagers(cluster, options->world, options->slots, err) == 0)
		return 0;
	mini_cluster_stop(cluster);
	return -1;
}

static bool all_registered(const struct mini_cluster *cluster)
{
	for (uint32_t i = 0; i < cluster->taskmanagers_count; i++)
		if (!taskmanager_registered(cluster->taskmanagers[i]))
			return false;
	return true;
}

/* A job that comes before the TaskManagers would say that it waits for slots. They register within
 * a few milliseconds; a call to the JobManager sets the pace of looking. */
static int await_taskmanagers(const struct mini_cluster *cluster, struct world *world,
			      struct session *session, struct err *err)
{
	mono_t until = mono_after_ms(world_now(world), REGISTER_MS_MAX);

	while (!all_registered(cluster) && world_now(world) < until) {
		struct call call;

		call_init(&call, CALL_LIST, NULL, NULL);
		int result = cli_call(session, &call, err);

		call_fini(&call);
		if (result < 0)
			return -1;
	}
	return 0;
}

int mini_cluster_connect(const struct mini_cluster *cluster, struct world *world,
			 struct session **session, struct err *err)
{
	struct session_options options = { .world = world, .host = JOBMANAGER_NAME,
					   .port = jobmanager_rpc_port(cluster->jobmanager) };

	if (session_open(&options, session, err) < 0)
		return -1;
	if (await_taskmanagers(cluster, world, *session, err) == 0)
		return 0;
	session_close(session);
	return -1;
}
