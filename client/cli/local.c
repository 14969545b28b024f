/* SPDX-License-Identifier: Apache-2.0
 * local.c - the mini cluster of `flink run --target local`: the daemons' own objects inside this
 * process, with addresses that exist only here, for one job. */
#include <stdio.h>

#include "client/cli/cli.h"
#include "common/base/limits.h"
#include "common/base/mem.h"
#include "common/contract/registry.h"
#include "common/graph/graph.h"
#include "connectors/connectors.h"
#include "jobmanager/jobmanager.h"
#include "taskmanager/operator/operators.h"
#include "taskmanager/taskmanager.h"

#define JOBMANAGER_NAME "@jobmanager"
#define REGISTER_MS_MAX 10000

struct mini_cluster {
	struct conf *conf;
	struct jobmanager *jobmanager;
	struct taskmanager
		*taskmanagers[LIMIT_PARALLELISM_MAX / LIMIT_SLOTS_PER_TASKMANAGER_MAX + 1];
	uint32_t taskmanagers_count;
};

static void mini_cluster_stop(struct mini_cluster *cluster)
{
	for (uint32_t i = 0; i < cluster->taskmanagers_count; i++)
		taskmanager_destroy(&cluster->taskmanagers[i]);
	jobmanager_destroy(&cluster->jobmanager);
	conf_destroy(&cluster->conf);
}

/* TaskManagers with as many slots as the job needs: one, unless it needs more than one may have. */
static int start_taskmanagers(struct mini_cluster *cluster, struct cli *cli, uint32_t slots,
			      struct err *err)
{
	while (slots > 0) {
		uint32_t its = slots < LIMIT_SLOTS_PER_TASKMANAGER_MAX
				       ? slots
				       : LIMIT_SLOTS_PER_TASKMANAGER_MAX;
		uint32_t number = cluster->taskmanagers_count;
		char text[16], bind[32];

		snprintf(text, sizeof(text), "%u", its);
		snprintf(bind, sizeof(bind), "@taskmanager-%u", number);
		if (number == 0 && conf_set(cluster->conf, "taskmanager.numberOfTaskSlots", text,
					    "--target local", err) < 0)
			return -1;
		struct taskmanager_options options = {
			.world = cli->world,
			.conf = cluster->conf,
			.jobmanager_host = JOBMANAGER_NAME,
			.jobmanager_port = jobmanager_rpc_port(cluster->jobmanager),
			.bind_host = bind,
		};

		if (taskmanager_create(&options, &cluster->taskmanagers[number], err) < 0)
			return -1;
		cluster->taskmanagers_count++;
		slots -= its;
	}
	return 0;
}

static int mini_cluster_start(struct mini_cluster *cluster, struct cli *cli, uint32_t slots,
			      struct err *err)
{
	char *libraries = mem_printf("%s/../lib", cli->program_directory);

	*cluster = (struct mini_cluster){ .conf = conf_copy(cli->conf) };
	operators_register();
	connectors_register_all();
	registry_set_library_directory(libraries);
	mem_free(libraries);
	struct jobmanager_options options = { .world = cli->world,
					      .conf = cluster->conf,
					      .without_rest = true,
					      .rpc_bind_host = JOBMANAGER_NAME };

	if (jobmanager_create(&options, &cluster->jobmanager, err) == 0 &&
	    start_taskmanagers(cluster, cli, slots, err) == 0)
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
static int await_taskmanagers(const struct mini_cluster *cluster, struct cli *cli,
			      struct session *session, struct err *err)
{
	mono_t until = mono_after_ms(world_now(cli->world), REGISTER_MS_MAX);

	while (!all_registered(cluster) && world_now(cli->world) < until) {
		struct call call;

		call_init(&call, CALL_LIST, NULL, NULL);
		int result = cli_call(session, &call, err);

		call_fini(&call);
		if (result < 0)
			return -1;
	}
	return 0;
}

int cli_submit_local(void *context, const Flink__JobGraph *graph, struct err *err)
{
	struct cli_job *job = context;
	struct cli *cli = job->cli;
	struct mini_cluster cluster;
	struct session *session;
	int result = -1;

	if (mini_cluster_start(&cluster, cli, job_graph_slots_needed(graph), err) < 0)
		return -1;
	struct session_options options = { .world = cli->world, .host = JOBMANAGER_NAME,
					   .port = jobmanager_rpc_port(cluster.jobmanager) };

	if (session_open(&options, &session, err) == 0) {
		result = await_taskmanagers(&cluster, cli, session, err);
		if (result == 0)
			result = cli_submit_over(job, session, graph, true, err);
		else
			session_close(&session);
	}
	mini_cluster_stop(&cluster);
	return result;
}
