/* SPDX-License-Identifier: Apache-2.0
 * local.c - `flink run --target local`: the job runs in a mini cluster of this process. */
#include "client/cli/cli.h"
#include "client/cli/mini_cluster.h"
#include "common/base/mem.h"
#include "common/graph/graph.h"

int cli_submit_local(void *context, const Flink__JobGraph *graph, struct err *err)
{
	struct cli_job *job = context;
	struct cli *cli = job->cli;
	struct mini_cluster cluster;
	struct session *session;
	char *libraries = mem_printf("%s/../lib", cli->program_directory);
	struct mini_cluster_options options = { .world = cli->world, .conf = cli->conf,
						.library_directory = libraries,
						.slots = job_graph_slots_needed(graph) };
	int result = mini_cluster_start(&cluster, &options, err);

	mem_free(libraries);
	if (result < 0)
		return -1;
	result = mini_cluster_connect(&cluster, cli->world, &session, err);
	if (result == 0)
		result = cli_submit_over(job, session, graph, true, err);
	mini_cluster_stop(&cluster);
	return result;
}
