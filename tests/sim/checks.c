/* SPDX-License-Identifier: Apache-2.0
 * checks.c - the checkers.
 *
 * After every event: the books of the ledger, the client, and the credit and buffers of one
 * TaskManager in turn. Every 16th: a slot has one owner, here and there, who has not ended, and no
 * task runs without one. Every 64th: figures of jobs never fall. Every 251st: a page of the
 * dashboard. Legal moves are CHECKed by the machines themselves; what must hold at a move:
 * moves.h. */
#include "tests/sim/checks.h"

#include <stdio.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/map.h"
#include "common/base/mark.h"
#include "common/base/mem.h"
#include "jobmanager/dispatcher/dispatcher.h"
#include "jobmanager/job/job_master.h"
#include "taskmanager/shuffle/shuffle.h"
#include "tests/sim/cluster.h"
#include "tests/sim/ledger.h"
#include "tests/sim/pages.h"
#include "tests/sim/presence.h"

#define SLOTS_MAX (PLAN_TMS_MAX * 4)
#define SLOTS_EVERY 16
#define FIGURES_EVERY 64
#define PAGES_EVERY 251
#define EVENTS_MAX 5000000 /* the longest of thousands of runs has a twentieth of it */

struct seen { /* of one vertex, the largest seen */
	struct io_metrics io;
};

struct checks {
	struct cluster *cluster;
	unsigned long long events, moves;
	struct map *figures; /* job id and vertex -> struct seen */
};

struct checks *checks_create(struct cluster *cluster)
{
	struct checks *checks = MEM_NEW(struct checks);

	checks->cluster = cluster;
	checks->figures = map_create();
	return checks;
}

void checks_forget_jobs(struct checks *checks)
{
	size_t at = 0;
	void *value;

	while (map_next(checks->figures, &at, NULL, &value))
		mem_free(value);
	map_destroy(&checks->figures);
	checks->figures = map_create();
}

void checks_destroy(struct checks **checks)
{
	checks_forget_jobs(*checks);
	map_destroy(&(*checks)->figures);
	mem_free(*checks);
	*checks = NULL;
}

void checks_moved(struct checks *checks, const struct sm_table *table)
{
	checks->moves += table == &job_states || table == &execution_states;
}

unsigned long long checks_progress(const struct checks *checks)
{
	return checks->moves + ledger_progress();
}

unsigned long long checks_events(const struct checks *checks)
{
	return checks->events;
}

static struct resource_manager *resources_of(struct cluster *cluster)
{
	return dispatcher_resource_manager(jobmanager_dispatcher(cluster->jobmanager));
}

/* ---- slots ---------------------------------------------------------------------------------- */

static struct cluster_node *node_of(struct cluster *cluster, const struct taskmanager_info *info)
{
	for (uint32_t tm = 0; tm < cluster->tms_count; tm++) {
		struct cluster_node *node = &cluster->tms[tm];

		if (node->taskmanager != NULL &&
		    id_equal(taskmanager_incarnation(node->taskmanager), &info->incarnation))
			return node;
	}
	return NULL;
}

/* What the JobManager has granted, its TaskManager holds for the same, or has just given up. */
static void check_slot(struct cluster *cluster, const struct slot *slot)
{
	const struct taskmanager_info *info = slot->taskmanager;
	struct cluster_node *node = node_of(cluster, info);
	struct id allocation_id, job_id;

	if (slot->state != SLOT_ALLOCATED || node == NULL ||
	    !taskmanager_registered(node->taskmanager) ||
	    !taskmanager_slot_holder(node->taskmanager, slot->index, &allocation_id, &job_id))
		return;
	if (!id_equal(&allocation_id, &slot->allocation_id))
		err_set(&cluster->breach, ERR_BUG, "slot %u of %s has two owners", slot->index,
			node->name);
}

static bool holds_a_slot(const struct cluster *cluster, const struct cluster_node *node,
			 const struct id *job_id)
{
	struct id allocation_id, holder;

	for (uint32_t i = 0; i < cluster->plan->slots; i++)
		if (taskmanager_slot_holder(node->taskmanager, i, &allocation_id, &holder) &&
		    id_equal(&holder, job_id))
			return true;
	return false;
}

/* Where a task is open its job holds a slot: none is given away under its feet. */
static void check_tasks(struct cluster *cluster)
{
	LIST_FOR_EACH(presence_all(), struct presence, node, presence)
		for (uint32_t tm = 0; tm < cluster->tms_count; tm++) {
			const struct cluster_node *node = &cluster->tms[tm];

			if (node->taskmanager != NULL && node->world == presence->world &&
			    !holds_a_slot(cluster, node, ledger_job_id(presence->ledger)))
				err_set(&cluster->breach, ERR_BUG,
					"a task of job %u is open on %s, where its job has no slot",
					ledger_number(presence->ledger), node->name);
		}
}

/* Who has ended holds nothing: the slot is on its way back. */
static void check_holder(struct cluster *cluster, const struct slot *slot)
{
	const struct job *job =
		dispatcher_find(jobmanager_dispatcher(cluster->jobmanager), &slot->job_id);

	if (slot->state != SLOT_FREEING && (job == NULL || job_is_final(job)))
		err_set(&cluster->breach, ERR_BUG, "slot %u of TaskManager %s belongs to a job that %s",
			slot->index, slot->taskmanager->resource_id,
			job == NULL ? "is not known" : "has ended");
}

static void check_slots(struct cluster *cluster)
{
	struct id seen[SLOTS_MAX];
	uint32_t count = 0;

	LIST_FOR_EACH(resource_manager_taskmanagers(resources_of(cluster)), struct taskmanager_info,
		      node, info)
		for (uint32_t i = 0; i < info->slots_count; i++) {
			const struct slot *slot = &info->slots[i];

			if (slot->state == SLOT_FREE || slot->state == SLOT_LOST)
				continue;
			check_holder(cluster, slot);
			for (uint32_t s = 0; s < count; s++)
				if (id_equal(&seen[s], &slot->allocation_id))
					err_set(&cluster->breach, ERR_BUG,
						"one allocation holds two slots");
			if (count < SLOTS_MAX)
				seen[count++] = slot->allocation_id;
			check_slot(cluster, slot);
		}
}

/* ---- figures -------------------------------------------------------------------------------- */

static bool falls(const struct io_metrics *now, const struct io_metrics *before)
{
	return now->records_in < before->records_in || now->records_out < before->records_out ||
	       now->bytes_in < before->bytes_in || now->bytes_out < before->bytes_out ||
	       now->busy_ms < before->busy_ms || now->idle_ms < before->idle_ms ||
	       now->backpressured_ms < before->backpressured_ms;
}

/* A subtask's shares of time are all of it, and an edge's are among those it is held back for. */
static void check_shares(struct checks *checks, const struct execution *execution)
{
	const struct job_vertex *vertex = execution->vertex;
	struct pressure_shares shares;
	double edges = 0;

	if (!execution_shares(execution, &shares))
		return;
	double all = shares.busy + shares.idle + shares.pressured;

	for (uint32_t e = 0; e < vertex->figures.plan.edges; e++)
		edges += execution_edge_share(execution, e);
	if ((all != 0 && (all < 0.999 || all > 1.001)) || shares.waiting > shares.busy + 0.001 ||
	    edges > shares.pressured + 0.001)
		err_set(&checks->cluster->breach, ERR_BUG,
			"%s: busy %.4f (waiting %.4f), idle %.4f, back-pressured %.4f (edges %.4f)",
			vertex->message->name, shares.busy, shares.waiting, shares.idle,
			shares.pressured, edges);
}

static void check_vertex(struct checks *checks, const struct job *job, uint32_t v)
{
	const struct job_vertex *vertex = &job->vertices[v];
	struct io_metrics sum = { 0 };
	uint8_t key[20];
	uint32_t executions = 0;

	memcpy(key, job->id.bytes, 16);
	memcpy(key + 16, &v, sizeof(v));
	for (uint32_t i = 0; i < vertex->message->parallelism; i++) {
		struct io_metrics one = execution_metrics(&vertex->executions[i]);

		io_metrics_add(&sum, &one);
		check_shares(checks, &vertex->executions[i]);
	}
	for (uint32_t state = 0; state < EXECUTION_STATE_COUNT; state++)
		executions += vertex->counts[state];
	if (executions != vertex->message->parallelism)
		err_set(&checks->cluster->breach, ERR_BUG, "vertex %u counts %u executions of %u",
			v, executions, vertex->message->parallelism);
	struct seen *figures = map_get(checks->figures, bytes_of(key, sizeof(key)));

	if (figures == NULL) {
		figures = MEM_NEW(struct seen);
		map_put(checks->figures, bytes_of(key, sizeof(key)), figures);
	}
	if (falls(&sum, &figures->io))
		err_set(&checks->cluster->breach, ERR_BUG,
			"a figure of %s falls: %llu in, %llu out; before %llu and %llu",
			vertex->message->name, (unsigned long long)sum.records_in,
			(unsigned long long)sum.records_out,
			(unsigned long long)figures->io.records_in,
			(unsigned long long)figures->io.records_out);
	figures->io = sum;
}

static void check_figures(struct checks *checks)
{
	struct dispatcher *dispatcher = jobmanager_dispatcher(checks->cluster->jobmanager);

	LIST_FOR_EACH(dispatcher_jobs(dispatcher), struct job, node, job)
		for (uint32_t v = 0; v < job->graph->n_vertices; v++)
			check_vertex(checks, job, v);
}

/* ---- after every event ---------------------------------------------------------------------- */

static void check_shuffle(struct cluster *cluster, uint32_t tm)
{
	struct cluster_node *node = &cluster->tms[tm];
	char text[256];

	if (node->taskmanager != NULL &&
	    !shuffle_check(taskmanager_shuffle(node->taskmanager), text, sizeof(text)))
		err_set(&cluster->breach, ERR_BUG, "%s: %s", node->name, text);
}

void checks_after_event(void *context)
{
	struct cluster *cluster = context;
	struct checks *checks = cluster->checks;

	if (++checks->events == EVENTS_MAX)
		err_set(&cluster->breach, ERR_BUG, "after %d events it has not ended: somebody spins",
			EVENTS_MAX);
	if (cluster->breach.code != ERR_NONE || ledger_breach(&cluster->breach) != 0 ||
	    client_breach(cluster->client, &cluster->breach) != 0)
		return;
	check_shuffle(cluster, (uint32_t)(checks->events % cluster->tms_count));
	if (checks->events % SLOTS_EVERY == 0)
		check_tasks(cluster);
	if (cluster->jobmanager == NULL)
		return;
	if (checks->events % SLOTS_EVERY == 0)
		check_slots(cluster);
	if (checks->events % FIGURES_EVERY == 0)
		check_figures(checks);
	if (checks->events % PAGES_EVERY == 0)
		pages_look(cluster, checks->events / PAGES_EVERY);
}

/* ---- at rest -------------------------------------------------------------------------------- */

static bool jobmanager_rests(struct cluster *cluster, char *text, size_t size_bytes)
{
	struct dispatcher *dispatcher = jobmanager_dispatcher(cluster->jobmanager);
	uint32_t taskmanagers, slots, slots_free;

	LIST_FOR_EACH(dispatcher_jobs(dispatcher), struct job, node, job) {
		if (ledger_find(&job->id) == NULL) {
			snprintf(text, size_bytes, "the JobManager has a job that nobody submitted");
			return false;
		}
		if (!job_is_final(job) || !job_master_output_ended(job) || job_master_busy(job)) {
			snprintf(text, size_bytes, "a job is %s, with calls or output under way",
				 job_status_name(job));
			return false;
		}
	}
	resource_manager_counts(dispatcher_resource_manager(dispatcher), &taskmanagers, &slots,
				&slots_free);
	snprintf(text, size_bytes, "%u TaskManagers of %u are registered, %u slots of %u are free",
		 taskmanagers, cluster->tms_count, slots_free, slots);
	return taskmanagers == cluster->tms_count && slots_free == slots &&
	       slots == cluster->tms_count * cluster->plan->slots;
}

bool checks_at_rest(struct cluster *cluster, char *text, size_t size_bytes)
{
	char left[200];

	if (cluster->jobmanager == NULL || !jobmanager_rests(cluster, text, size_bytes))
		return false;
	for (uint32_t tm = 0; tm < cluster->tms_count; tm++) {
		struct cluster_node *node = &cluster->tms[tm];

		if (node->taskmanager == NULL || node->stopping) {
			snprintf(text, size_bytes, "%s is not there", node->name);
			return false;
		}
		if (!taskmanager_at_rest(node->taskmanager, left, sizeof(left))) {
			snprintf(text, size_bytes, "%s still has %s", node->name, left);
			return false;
		}
	}
	return true;
}

void checks_describe(struct cluster *cluster, char *text, size_t size_bytes)
{
	size_t at = 0;
	char has[200];

	for (uint32_t tm = 0; tm < cluster->tms_count && at < size_bytes; tm++) {
		const struct cluster_node *node = &cluster->tms[tm];

		if (node->taskmanager == NULL)
			continue;
		taskmanager_at_rest(node->taskmanager, has, sizeof(has));
		at += (size_t)snprintf(text + at, size_bytes - at, "; %s has %s", node->name, has);
		if (at >= size_bytes)
			break;
		shuffle_at_rest(taskmanager_shuffle(node->taskmanager), has, sizeof(has));
		at += (size_t)snprintf(text + at, size_bytes - at, ", %s", has);
	}
}
