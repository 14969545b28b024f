/* SPDX-License-Identifier: Apache-2.0
 * jobmanager.c - makes the parts of a JobManager and ties them together: one runner, one RPC server
 * for clients and TaskManagers, REST in front of it. No decision lives here.
 *
 * The leader epoch is drawn at the start: messages of TaskManagers that still mean the JobManager
 * before this one are refused, and they register anew. */
#include "jobmanager/jobmanager.h"

#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/version.h"
#include "common/rpc/secret.h"
#include "jobmanager/dispatcher/dispatcher.h"
#include "jobmanager/rest/archiver.h"
#include "jobmanager/rest/rest.h"
#include "jobmanager/series/sampler.h"

#define LOGGER "ClusterEntrypoint"

struct jobmanager {
	struct jobmanager_options options; /* REST reads it */
	struct bytes secret;
	struct runner *runner;
	struct dispatcher *dispatcher;
	struct sampler *sampler;
	struct rpc_server *server;
	struct rest *rest;
	struct archiver *archiver;
};

static void peer_down(void *context, struct rpc_peer *peer, const struct err *why)
{
	const struct jobmanager *jobmanager = context;

	resource_manager_peer_down(dispatcher_resource_manager(jobmanager->dispatcher), peer, why);
}

static int fence_check(void *context, struct rpc_peer *peer, const struct rpc_fence *fence,
		       const char *method, struct err *err)
{
	const struct jobmanager *jobmanager = context;

	return resource_manager_fence_check(dispatcher_resource_manager(jobmanager->dispatcher),
					    peer, fence, method, err);
}

static int open_server(struct jobmanager *jobmanager, struct err *err)
{
	const struct conf *conf = jobmanager->options.conf;
	struct rpc_options rpc = {
		.component = LOGGER,
		.secret = jobmanager->secret,
		.incarnation = dispatcher_new_id(jobmanager->dispatcher),
		.role = "jobmanager",
		.services = { dispatcher_service(jobmanager->dispatcher),
			      resource_manager_service(
				      dispatcher_resource_manager(jobmanager->dispatcher)) },
		.services_count = 2,
		.peer_down = peer_down,
		.context = jobmanager,
		.fence_check = fence_check,
	};
	const char *host = jobmanager->options.rpc_bind_host;

	if (host == NULL)
		host = conf_text(conf, "jobmanager.bind-host");
	return rpc_server_open(jobmanager->runner, host,
			       (uint16_t)conf_int(conf, "jobmanager.rpc.bind-port"), &rpc,
			       &jobmanager->server, err);
}

/* In a folder that somebody named for the history server nothing is removed. */
static void put_archive_directory(const struct jobmanager_options *options,
				  struct dispatcher_options *dispatcher)
{
	const char *named = conf_text(options->conf, "jobmanager.archive.fs.dir");

	if (options->archive_directory == NULL)
		return;
	if (strncmp(named, "file://", 7) == 0)
		named += 7;
	dispatcher->archive_is_own = named[0] == '\0';
	dispatcher->archive_directory =
		dispatcher->archive_is_own ? options->archive_directory : named;
}

static int start(struct jobmanager *jobmanager, struct err *err)
{
	struct world *world = jobmanager->options.world;
	struct dispatcher_options dispatcher = { .world = world, .conf = jobmanager->options.conf };

	const char *bind_host = jobmanager->options.rpc_bind_host;

	/* Nobody but this process reaches an address "@name": there is nothing to prove. */
	if ((bind_host == NULL || bind_host[0] != '@') &&
	    secret_load(world, conf_text(jobmanager->options.conf, "security.cluster.secret-file"),
			&jobmanager->secret, err) != 0)
		return -1;
	jobmanager->runner = runner_create(world, "jobmanager", err);
	if (jobmanager->runner == NULL)
		return -1;
	runner_keep_together(jobmanager->runner); /* its agents share tables, not rings */
	do
		dispatcher.leader_epoch = world_random(world);
	while (dispatcher.leader_epoch == 0); /* 0 is "no fence" */
	dispatcher.runner = jobmanager->runner;
	put_archive_directory(&jobmanager->options, &dispatcher);
	jobmanager->dispatcher = dispatcher_create(&dispatcher);
	/* Without REST nobody asks, except those who check the simulation. */
	if (!jobmanager->options.without_rest || world_is_sim(world))
		jobmanager->sampler = sampler_create(jobmanager->dispatcher);
	dispatcher_set_sampler(jobmanager->dispatcher, jobmanager->sampler);
	jobmanager->archiver = archiver_create(jobmanager->dispatcher);
	if (!jobmanager->options.without_rest) {
		if (rest_create(jobmanager->dispatcher, jobmanager->runner, &jobmanager->options,
				&jobmanager->rest, err) != 0)
			return -1;
		dispatcher_set_rest_port(jobmanager->dispatcher, rest_port(jobmanager->rest));
	}
	return open_server(jobmanager, err); /* last: from here on others may call */
}

int jobmanager_create(const struct jobmanager_options *options, struct jobmanager **out,
		      struct err *err)
{
	struct jobmanager *jobmanager = MEM_NEW(struct jobmanager);

	jobmanager->options = *options;
	*out = NULL;
	if (start(jobmanager, err) != 0) {
		jobmanager_destroy(&jobmanager);
		return -1;
	}
	*out = jobmanager;
	log_info(
		LOGGER,
		"JobManager of %s (compatible with Flink %s) listens on port %u, leader epoch %016llx",
		CFLINK_VERSION, FLINK_VERSION, jobmanager_rpc_port(jobmanager),
		(unsigned long long)dispatcher_leader_epoch(jobmanager->dispatcher));
	return 0;
}

uint16_t jobmanager_rpc_port(const struct jobmanager *jobmanager)
{
	return rpc_server_port(jobmanager->server);
}

uint16_t jobmanager_rest_port(const struct jobmanager *jobmanager)
{
	return jobmanager->rest ? rest_port(jobmanager->rest) : 0;
}

struct dispatcher *jobmanager_dispatcher(struct jobmanager *jobmanager)
{
	return jobmanager->dispatcher;
}

void jobmanager_destroy(struct jobmanager **pointer)
{
	struct jobmanager *jobmanager = *pointer;

	if (jobmanager == NULL)
		return;
	*pointer = NULL;
	/* REST's threads wait for the runner, so they end first; then nobody steps any more, and
	 * what is left can be taken apart from here. */
	rest_stop(jobmanager->rest);
	if (jobmanager->runner != NULL)
		runner_destroy(&jobmanager->runner);
	if (jobmanager->dispatcher != NULL)
		dispatcher_close(jobmanager->dispatcher);
	if (jobmanager->server != NULL)
		rpc_server_close(&jobmanager->server);
	sampler_destroy(&jobmanager->sampler);
	archiver_destroy(&jobmanager->archiver);
	dispatcher_destroy(&jobmanager->dispatcher);
	rest_destroy(&jobmanager->rest);
	secret_free(&jobmanager->secret);
	mem_free(jobmanager);
}
