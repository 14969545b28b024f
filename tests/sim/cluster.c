/* SPDX-License-Identifier: Apache-2.0
 * cluster.c - the lives of the nodes. */
#include "tests/sim/cluster.h"

#include <stdio.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/mark.h"
#include "common/base/mem.h"
#include "common/base/sm.h"
#include "jobmanager/dispatcher/dispatcher.h"
#include "tests/sim/archived.h"
#include "tests/sim/checks.h"
#include "tests/sim/ledger.h"
#include "tests/sim/moves.h"
#include "tests/sim/shapes.h"

#define SECRET "the simulator's secret"
#define PAIR_BYTES 80

/* ---- settings ------------------------------------------------------------------------------- */

static void set(struct conf *conf, const char *format, ...) PRINTF(2, 3);
static void set(struct conf *conf, const char *format, ...)
{
	char pair[PAIR_BYTES];
	va_list arguments;
	struct err err;

	va_start(arguments, format);
	vsnprintf(pair, sizeof(pair), format, arguments);
	va_end(arguments);
	CHECK(conf_set_pair(conf, pair, "the simulator", &err) == 0, "%s", err.text);
}

static struct conf *common_conf(const struct plan *plan)
{
	struct conf *conf = conf_create();

	set(conf, "jobmanager.rpc.address=jm");
	set(conf, "heartbeat.interval=%u", plan->heartbeat_ms);
	set(conf, "heartbeat.timeout=%u", plan->heartbeat_timeout_ms);
	return conf;
}

static struct conf *jobmanager_conf(const struct plan *plan)
{
	struct conf *conf = common_conf(plan);

	set(conf, "jobmanager.bind-host=0.0.0.0");
	set(conf, "slot.idle.timeout=%u", plan->slot_idle_ms);
	set(conf, "task.cancellation.timeout=%u", plan->cancellation_ms);
	if (plan->slot_request_ms)
		set(conf, "slot.request.timeout=%u", plan->slot_request_ms);
	/* Now and then hardly any room for time series. */
	if (plan->seed % 4 == 1)
		set(conf, "rest.series.memory=%u", 4096 + (unsigned)(plan->seed % 61) * 4096);
	return conf;
}

static struct conf *taskmanager_conf(const struct plan *plan, const char *name)
{
	struct conf *conf = common_conf(plan);

	set(conf, "taskmanager.bind-host=0.0.0.0");
	set(conf, "taskmanager.numberOfTaskSlots=%u", plan->slots);
	/* By the seed and not by a draw of its own: what a seed means stays the same. */
	set(conf, "metrics.latency.interval=%u ms",
	    plan->seed % 3 ? 0 : 1 + (unsigned)(plan->seed % 50));
	set(conf, "metrics.latency.granularity=%s", plan->seed % 2 ? "subtask" : "operator");
	set(conf, "taskmanager.memory.network.min=%ub", plan->network_bytes);
	set(conf, "taskmanager.memory.network.max=%ub", plan->network_bytes);
	set(conf, "taskmanager.memory.segment-size=%ub", plan->segment_bytes);
	if (plan->record_bytes_max)
		set(conf, "taskmanager.network.max-record-size=%ub", plan->record_bytes_max);
	set(conf, "taskmanager.network.memory.buffers-per-channel=%u", plan->exclusive_segments);
	set(conf, "taskmanager.network.memory.floating-buffers-per-gate=%u",
	    plan->floating_segments);
	set(conf, "taskmanager.network.memory.buffer-debloat.enabled=%s",
	    plan->debloat_target_ms > 0 ? "true" : "false");
	if (plan->debloat_target_ms > 0) {
		set(conf, "taskmanager.network.memory.buffer-debloat.target=%u ms",
		    plan->debloat_target_ms);
		set(conf, "taskmanager.network.memory.buffer-debloat.period=%u ms",
		    plan->debloat_period_ms);
	}
	/* Also clusters of which one half packs. */
	set(conf, "taskmanager.network.compression.codec=%s",
	    (plan->seed + (unsigned char)name[strlen(name) - 1]) % 3 == 0 ? "LZ4" : "NONE");
	set(conf, "io.tmp.dirs=/tmp");
	set(conf, "task.cancellation.timeout=%u", plan->cancellation_ms);
	if (plan->fixed_ids)
		set(conf, "taskmanager.resource-id=%s", name);
	return conf;
}

/* ---- nodes ---------------------------------------------------------------------------------- */

static struct world *start_node(struct cluster *cluster, const char *name)
{
	struct world *world = sim_node(cluster->sim, name);

	sim_env_put(world, "FLINK_CLUSTER_SECRET", SECRET);
	return world;
}

void cluster_start_jobmanager(struct cluster *cluster)
{
	struct jobmanager_options options = { .conf = cluster->jm_conf,
					      .without_rest = true,
					      .archive_directory = ARCHIVED_DIRECTORY };
	struct err err;

	if (cluster->jobmanager != NULL)
		return;
	options.world = cluster->jm_world = start_node(cluster, "jm");
	archived_before_start(cluster);
	CHECK(jobmanager_create(&options, &cluster->jobmanager, &err) == 0, "%s", err.text);
	if (cluster->jm_lives++ > 0)
		SOMETIMES("the JobManager is started anew");
}

void cluster_kill_jobmanager(struct cluster *cluster)
{
	if (cluster->jobmanager == NULL)
		return;
	archived_before_kill(cluster);
	sim_kill(cluster->jm_world);
	jobmanager_destroy(&cluster->jobmanager);
	world_destroy(&cluster->jm_world);
	client_jobs_are_lost(cluster->client);
	checks_forget_jobs(cluster->checks);
	moves_jobmanager_died(cluster->moves);
}

/* Its supervisor is asked for another life. */
static void is_stuck(void *context, const char *why)
{
	((struct cluster_node *)context)->stuck = true;
}

void cluster_start_taskmanager(struct cluster *cluster, uint32_t tm)
{
	struct cluster_node *node = &cluster->tms[tm];
	struct err err;

	if (node->taskmanager != NULL)
		return;
	node->world = start_node(cluster, node->name);
	struct taskmanager_options options = { .world = node->world, .conf = node->conf,
					       .stuck = is_stuck, .stuck_context = node };

	if (node->note != NULL) {
		options.crash_note = node->note;
		options.crash_operator = "Flat Map";
		options.crash_job_id = node->note_job_id;
		options.crash_at = world_wall(node->world);
	}
	CHECK(taskmanager_create(&options, &node->taskmanager, &err) == 0, "%s", err.text);
	node->stopping = node->stuck = false;
	if (node->lives++ > 0)
		SOMETIMES("a TaskManager is started anew");
	if (cluster->jobmanager == NULL)
		SOMETIMES("a TaskManager starts before the JobManager");
}

static void end_taskmanager(struct cluster_node *node)
{
	taskmanager_destroy(&node->taskmanager);
	world_destroy(&node->world);
	mem_free(node->note); /* its supervisor has handed it in, or lost it */
	node->note = NULL;
}

void cluster_kill_taskmanager(struct cluster *cluster, uint32_t tm)
{
	struct cluster_node *node = &cluster->tms[tm];

	if (node->taskmanager == NULL)
		return;
	sim_kill(node->world);
	end_taskmanager(node);
}

void cluster_stop_taskmanager(struct cluster *cluster, uint32_t tm)
{
	struct cluster_node *node = &cluster->tms[tm];

	if (node->taskmanager == NULL || node->stopping)
		return;
	sim_trace(cluster->sim, "%s is to stop", node->name);
	node->stopping = true;
	taskmanager_stop(node->taskmanager);
}

void cluster_step(struct cluster *cluster)
{
	for (uint32_t tm = 0; tm < cluster->tms_count; tm++) {
		struct cluster_node *node = &cluster->tms[tm];

		if (node->stuck && node->taskmanager != NULL) {
			cluster_kill_taskmanager(cluster, tm);
			cluster_start_taskmanager(cluster, tm);
		}
		if (!node->stopping || node->taskmanager == NULL ||
		    !taskmanager_stopped(node->taskmanager))
			continue;
		sim_trace(cluster->sim, "%s has stopped", node->name);
		SOMETIMES("a TaskManager stops in order");
		end_taskmanager(node);
	}
}

void cluster_kill_client(struct cluster *cluster)
{
	client_kill(cluster->client);
	client_start(cluster->client);
}

struct cluster_node *cluster_any_taskmanager(struct cluster *cluster, uint32_t *index)
{
	*index = (uint32_t)(sim_random(cluster->sim) % cluster->tms_count);
	return &cluster->tms[*index];
}

struct world *cluster_any_node(struct cluster *cluster)
{
	uint32_t pick = (uint32_t)(sim_random(cluster->sim) % (cluster->tms_count + 2));

	if (pick < cluster->tms_count)
		return cluster->tms[pick].taskmanager ? cluster->tms[pick].world : NULL;
	return pick == cluster->tms_count ? cluster->jm_world : client_world(cluster->client);
}

/* ---- life ----------------------------------------------------------------------------------- */

static void trace_move(void *context, const struct sm_table *table, const void *subject,
		       uint32_t from, uint32_t to)
{
	struct cluster *cluster = context;

	sim_trace(cluster->sim, "%s %s -> %s", table->name, sm_name(table, from),
		  sm_name(table, to));
	checks_moved(cluster->checks, table);
	moves_moved(cluster->moves, table, subject, to);
	client_job_moved(cluster->client, table, subject, to);
	if (cluster->moved != NULL)
		cluster->moved(cluster->moved_context, table, subject, to);
}

struct cluster *cluster_create(const struct plan *plan)
{
	struct cluster *cluster = MEM_NEW(struct cluster);

	cluster->plan = plan;
	cluster->sim = sim_create(plan->seed, &plan->world);
	ledger_begin(cluster->sim);
	sim_module_add(cluster->sim, SHAPES_MODULE);
	cluster->tms_count = plan->tms + plan->late_tms;
	cluster->jm_conf = jobmanager_conf(plan);
	for (uint32_t tm = 0; tm < cluster->tms_count; tm++) {
		struct cluster_node *node = &cluster->tms[tm];

		snprintf(node->name, sizeof(node->name), "tm%u", tm + 1);
		node->conf = taskmanager_conf(plan, node->name);
	}
	cluster->archived = archived_create();
	cluster->checks = checks_create(cluster);
	cluster->moves = moves_create(cluster);
	sm_listen(trace_move, cluster);
	cluster->client = client_create(cluster->sim, plan, SECRET);
	client_start(cluster->client);
	return cluster;
}

void cluster_destroy(struct cluster **pointer)
{
	struct cluster *cluster = *pointer;

	sim_on_event(cluster->sim, NULL, NULL);
	client_destroy(&cluster->client);
	for (uint32_t tm = 0; tm < cluster->tms_count; tm++) {
		struct cluster_node *node = &cluster->tms[tm];

		if (node->taskmanager != NULL)
			end_taskmanager(node);
		conf_destroy(&node->conf);
		mem_free(node->note);
	}
	jobmanager_destroy(&cluster->jobmanager);
	world_destroy(&cluster->jm_world);
	conf_destroy(&cluster->jm_conf);
	sm_listen(NULL, NULL);
	archived_destroy(&cluster->archived);
	checks_destroy(&cluster->checks);
	moves_destroy(&cluster->moves);
	sim_destroy(&cluster->sim);
	ledger_end();
	mem_free(cluster);
	*pointer = NULL;
}
