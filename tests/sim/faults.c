/* SPDX-License-Identifier: Apache-2.0
 * faults.c - the blows. A blow that its plan does not have, or that finds nobody, is none. */
#include "tests/sim/faults.h"

#include <string.h>

#include "common/base/mark.h"
#include "common/base/mem.h"
#include "jobmanager/job/job.h"
#include "jobmanager/resource/resource_manager.h"

#define LONG_CUT_MS 25000 /* longer than any call waits for its answer */
#define CALL_MS 10000 /* as long as most calls wait */
#define AMBUSH_PAUSE_MS 3000
#define DEAF_MS 1000

static uint32_t below(struct faults *faults, uint32_t bound)
{
	return (uint32_t)(sim_random(faults->cluster->sim) % bound);
}

static void plan_next(struct faults *faults)
{
	uint32_t gap = faults->cluster->plan->fault_gap_ms;

	faults->next_at = gap == 0 ? MONO_NEVER
				   : mono_after_ms(sim_now(faults->cluster->sim),
						   1 + below(faults, 2 * gap));
}

void faults_begin(struct faults *faults, struct cluster *cluster)
{
	*faults = (struct faults){ .cluster = cluster, .ambush_at = MONO_NEVER };
	plan_next(faults);
}

/* In an ambush the one that it is about. */
static struct cluster_node *victim(struct faults *faults, uint32_t *tm)
{
	if (!faults->in_ambush)
		return cluster_any_taskmanager(faults->cluster, tm);
	*tm = faults->ambush_tm;
	return &faults->cluster->tms[*tm];
}

/* ---- machines ------------------------------------------------------------------------------- */

/* Its supervisor writes down which job's function did it; the next life hands that in. */
static void leave_note(struct faults *faults, struct cluster_node *node, const char *former)
{
	struct id job_id;

	const struct plan *plan = faults->cluster->plan;
	bool writes = plan->theme == THEME_CRASHES || below(faults, 2) == 0;

	if (!(plan->faults & FAULT_CRASH_NOTE) || !writes ||
	    !client_any_job(faults->cluster->client, plan->one_guilty, &job_id))
		return;
	mem_free(node->note);
	node->note = plan->one_guilty || below(faults, 2) == 0
			     ? mem_printf("name: %s\nsignal: SIGSEGV\nfunction: pass_on\n", former)
			     : mem_strdup("signal: SIGSEGV\nfunction: pass_on\n");
	node->note_job_id = job_id;
	SOMETIMES("a crash note blames a job");
}

/* It holds a slot there, and what its last crash left has been handed in. */
static bool first_job_can_crash(struct cluster *cluster, const struct cluster_node *node)
{
	struct id first, allocation_id, job_id;

	if (!taskmanager_registered(node->taskmanager) ||
	    !client_any_job(cluster->client, true, &first))
		return false;
	for (uint32_t i = 0; i < cluster->plan->slots; i++)
		if (taskmanager_slot_holder(node->taskmanager, i, &allocation_id, &job_id) &&
		    id_equal(&job_id, &first))
			return true;
	return false;
}

static void kill_taskmanager(struct faults *faults)
{
	struct cluster *cluster = faults->cluster;
	uint32_t tm;
	struct cluster_node *node = victim(faults, &tm);

	if (node->taskmanager == NULL) {
		cluster_start_taskmanager(cluster, tm);
		return;
	}
	if (cluster->plan->one_guilty && !first_job_can_crash(cluster, node))
		return;
	char *former = mem_strdup(taskmanager_resource_id(node->taskmanager));

	cluster_kill_taskmanager(cluster, tm);
	leave_note(faults, node, former);
	mem_free(former);
	/* as its supervisor does, at once */
	if (cluster->plan->theme == THEME_CRASHES || below(faults, 2) == 0)
		cluster_start_taskmanager(cluster, tm);
}

static void stop_taskmanager(struct faults *faults)
{
	uint32_t tm;
	struct cluster_node *node = victim(faults, &tm);

	if (node->taskmanager == NULL)
		cluster_start_taskmanager(faults->cluster, tm);
	else
		cluster_stop_taskmanager(faults->cluster, tm);
}

static void kill_jobmanager(struct faults *faults)
{
	if (faults->cluster->jobmanager == NULL)
		cluster_start_jobmanager(faults->cluster);
	else
		cluster_kill_jobmanager(faults->cluster);
}

static void pause_node(struct faults *faults)
{
	struct world *node = faults->in_ambush ? faults->cluster->tms[faults->ambush_tm].world
					       : cluster_any_node(faults->cluster);
	uint32_t timeout_ms = faults->cluster->plan->heartbeat_timeout_ms;
	uint32_t ms = below(faults, below(faults, 2) ? 2 * timeout_ms : timeout_ms / 2) + 1;

	if (node == NULL)
		return;
	sim_pause(node, ms);
	for (uint32_t tm = 0; tm < faults->cluster->tms_count; tm++)
		if (faults->cluster->tms[tm].world == node)
			faults->awake_at[tm] =
				mono_after_ms(sim_now(faults->cluster->sim), ms);
	if (ms > timeout_ms)
		SOMETIMES("a node stands still for longer than heartbeat.timeout");
}

static void jump_clock(struct faults *faults)
{
	struct world *node = cluster_any_node(faults->cluster);

	if (node != NULL)
		sim_clock_jump(node, (int64_t)below(faults, 20000) - 10000);
}

/* ---- network -------------------------------------------------------------------------------- */

static bool pick_pair(struct faults *faults, struct world **a, struct world **b)
{
	struct cluster *cluster = faults->cluster;
	const struct cluster_node *node = &cluster->tms[faults->ambush_tm];

	*a = cluster_any_node(cluster);
	*b = cluster_any_node(cluster);
	bool is_submission = cluster->plan->ambush == MOMENT_SUBMIT;

	if (faults->in_ambush && (is_submission || below(faults, 4) != 0)) { /* who talk now */
		*a = cluster->jm_world;
		*b = is_submission	       ? client_world(cluster->client)
		     : node->taskmanager != NULL ? node->world
						 : NULL;
	}
	return *a != NULL && *b != NULL && *a != *b;
}

static void reset_connections(struct faults *faults)
{
	struct world *a, *b;

	if (pick_pair(faults, &a, &b))
		sim_cut_connections(a, b);
}

static struct world *node_by_name(struct cluster *cluster, const char *name)
{
	struct world *client = client_world(cluster->client);

	for (uint32_t tm = 0; tm < cluster->tms_count; tm++)
		if (strcmp(cluster->tms[tm].name, name) == 0)
			return cluster->tms[tm].taskmanager ? cluster->tms[tm].world : NULL;
	return strcmp(name, "jm") == 0 ? cluster->jm_world : client;
}

static const char *lasting_name(struct cluster *cluster, const struct world *world)
{
	for (uint32_t tm = 0; tm < cluster->tms_count; tm++)
		if (cluster->tms[tm].world == world)
			return cluster->tms[tm].name;
	return world == cluster->jm_world ? "jm" : "client";
}

static uint32_t lives_of(const struct cluster *cluster)
{
	uint32_t lives = cluster->jm_lives;

	for (uint32_t tm = 0; tm < cluster->tms_count; tm++)
		lives += cluster->tms[tm].lives;
	return lives;
}

static void remember_cut(struct faults *faults, struct world *from, struct world *to, mono_t until)
{
	for (uint32_t i = 0; i < FAULTS_CUTS_MAX; i++) {
		struct fault_cut *cut = &faults->cuts[i];

		if (cut->from != NULL)
			continue;
		*cut = (struct fault_cut){ lasting_name(faults->cluster, from),
					   lasting_name(faults->cluster, to),
					   sim_now(faults->cluster->sim), until,
					   lives_of(faults->cluster) };
		sim_cut_way(from, to, true);
		return;
	}
}

static uint32_t any_cut_ms(struct faults *faults)
{
	const struct plan *plan = faults->cluster->plan;
	bool by_theme = plan->theme == THEME_CUTS || plan->theme == THEME_AMBUSH;
	bool is_long = by_theme || below(faults, 4) == 0;
	uint32_t ms = 1 + below(faults, is_long ? LONG_CUT_MS : 2 * plan->heartbeat_timeout_ms);

	if (faults->in_ambush && by_theme && plan->ambush == MOMENT_SUBMIT)
		ms += CALL_MS;
	if (faults->in_ambush && by_theme &&
	    (plan->ambush == MOMENT_FREE || plan->ambush == MOMENT_CANCEL))
		ms = CALL_MS + ms % 4000; /* and nobody is given up for it */
	return ms;
}

static void cut(struct faults *faults, bool both_ways)
{
	mono_t until = mono_after_ms(sim_now(faults->cluster->sim), any_cut_ms(faults));
	struct world *a, *b;

	if (!pick_pair(faults, &a, &b))
		return;
	remember_cut(faults, a, b, until);
	if (both_ways)
		remember_cut(faults, b, a, until);
	else
		SOMETIMES("one way between two nodes is cut");
}

/* Who has not heard from the JobManager for longer than heartbeat.timeout must have given it up. */
static void check_deaf(struct faults *faults, const struct fault_cut *cut)
{
	struct cluster *cluster = faults->cluster;
	const struct plan *plan = cluster->plan;
	uint32_t patience_ms = plan->heartbeat_timeout_ms + plan->heartbeat_ms + DEAF_MS;

	if (strcmp(cut->from, "jm") != 0 || cut->lives != lives_of(cluster))
		return;
	for (uint32_t tm = 0; tm < cluster->tms_count; tm++) {
		const struct cluster_node *node = &cluster->tms[tm];
		mono_t awake = faults->awake_at[tm];
		mono_t since = cut->since > awake ? cut->since : awake;

		if (strcmp(cut->to, node->name) != 0 || node->taskmanager == NULL ||
		    sim_now(cluster->sim) <= mono_after_ms(since, patience_ms))
			continue;
		SOMETIMES("a TaskManager cannot hear the JobManager for longer than it waits");
		if (taskmanager_registered(node->taskmanager))
			err_set(&cluster->breach, ERR_BUG,
				"%s has heard nothing for %u ms and still thinks it is registered",
				node->name, patience_ms);
	}
}

/* The way is open from now on, also for another cut of it that was to last longer. */
static void cut_is_over(struct faults *faults, const struct fault_cut *over)
{
	for (uint32_t i = 0; i < FAULTS_CUTS_MAX; i++) {
		struct fault_cut *cut = &faults->cuts[i];

		if (cut->from != NULL && strcmp(cut->from, over->from) == 0 &&
		    strcmp(cut->to, over->to) == 0)
			cut->lives = UINT32_MAX;
	}
}

/* A cut whose ends are not both alive stays until they are. */
static void end_cuts(struct faults *faults)
{
	mono_t now = sim_now(faults->cluster->sim);

	for (uint32_t i = 0; i < FAULTS_CUTS_MAX; i++) {
		struct fault_cut *cut = &faults->cuts[i];

		if (cut->from == NULL || now < cut->until)
			continue;
		struct world *from = node_by_name(faults->cluster, cut->from);
		struct world *to = node_by_name(faults->cluster, cut->to);

		if (from == NULL || to == NULL)
			continue;
		check_deaf(faults, cut);
		cut_is_over(faults, cut);
		sim_cut_way(from, to, false);
		cut->from = NULL;
	}
}

/* ---- blow by blow --------------------------------------------------------------------------- */

static void strike(struct faults *faults, enum plan_fault kind)
{
	switch (kind) {
	case FAULT_KILL_TM: kill_taskmanager(faults); break;
	case FAULT_KILL_JM: kill_jobmanager(faults); break;
	case FAULT_KILL_CLIENT: cluster_kill_client(faults->cluster); break;
	case FAULT_STOP_TM: stop_taskmanager(faults); break;
	case FAULT_RESET: reset_connections(faults); break;
	case FAULT_CUT: cut(faults, true); break;
	case FAULT_CUT_WAY: cut(faults, false); break;
	case FAULT_PAUSE: pause_node(faults); break;
	case FAULT_JUMP: jump_clock(faults); break;
	default: break;
	}
}

/* ---- the ambush ------------------------------------------------------------------------------ */

static void lie_in_wait(struct faults *faults, const struct slot *about)
{
	struct cluster *cluster = faults->cluster;
	static const uint32_t delays_us[] = { 1, 1, 5000, 300000 };
	mono_t now = sim_now(cluster->sim);

	if (faults->ambush_at != MONO_NEVER || now < faults->ambush_again_at ||
	    below(faults, 3) == 0)
		return;
	cluster_any_taskmanager(cluster, &faults->ambush_tm);
	for (uint32_t tm = 0; about != NULL && tm < cluster->tms_count; tm++)
		if (cluster->tms[tm].taskmanager != NULL &&
		    id_equal(taskmanager_incarnation(cluster->tms[tm].taskmanager),
			     &about->taskmanager->incarnation))
			faults->ambush_tm = tm;
	faults->ambush_at = now;
	if (cluster->plan->ambush != MOMENT_SUBMIT) /* that one is over at once */
		faults->ambush_at += below(faults, delays_us[below(faults, 4)]) * NS_PER_US;
}

static enum plan_moment moment_of(const struct sm_table *table, uint32_t to)
{
	if (table == &slot_states && to == SLOT_REQUESTED)
		return MOMENT_SLOT;
	if (table == &slot_states && to == SLOT_FREEING)
		return MOMENT_FREE;
	if (table == &job_states && to == JOB_RESTARTING)
		return MOMENT_RESTART;
	if (table != &execution_states)
		return MOMENT_NONE;
	return to == EXECUTION_DEPLOYING   ? MOMENT_DEPLOY
	       : to == EXECUTION_RUNNING   ? MOMENT_RUNNING
	       : to == EXECUTION_FINISHED  ? MOMENT_FINISH
	       : to == EXECUTION_CANCELING ? MOMENT_CANCEL
					   : MOMENT_NONE;
}

void faults_moved(void *context, const struct sm_table *table, const void *subject, uint32_t to)
{
	struct faults *faults = context;
	enum plan_moment moment = moment_of(table, to);

	if (moment == MOMENT_NONE || moment != faults->cluster->plan->ambush)
		return;
	lie_in_wait(faults, moment == MOMENT_RESTART ? NULL
			    : moment == MOMENT_SLOT || moment == MOMENT_FREE
				    ? subject
				    : ((const struct execution *)subject)->slot);
}

bool faults_are_due(struct faults *faults)
{
	if (faults->cluster->plan->ambush == MOMENT_SUBMIT &&
	    client_is_submitting(faults->cluster->client))
		lie_in_wait(faults, NULL);
	return sim_now(faults->cluster->sim) >= faults->ambush_at;
}

static void strike_from_ambush(struct faults *faults)
{
	faults->count++;
	faults->in_ambush = true;
	strike(faults, faults->cluster->plan->ambush_fault);
	faults->in_ambush = false;
	faults->ambush_at = MONO_NEVER;
	faults->ambush_again_at = mono_after_ms(sim_now(faults->cluster->sim),
						below(faults, AMBUSH_PAUSE_MS));
}

/* Who is down for long comes back, whatever the plan's kinds. */
static void somebody_returns(struct faults *faults)
{
	struct cluster *cluster = faults->cluster;
	uint32_t tm = below(faults, cluster->tms_count);

	if (cluster->tms[tm].lives > 0 && below(faults, 2) == 0)
		cluster_start_taskmanager(cluster, tm);
	if (cluster->jm_lives > 0 && below(faults, 2) == 0)
		cluster_start_jobmanager(cluster);
}

/* One of those that the plan has; 0: it has none that strikes by itself. */
static enum plan_fault any_kind(struct faults *faults)
{
	uint32_t kinds = faults->cluster->plan->faults & ~(uint32_t)FAULT_CRASH_NOTE;

	for (uint32_t skip = kinds ? below(faults, (uint32_t)__builtin_popcount(kinds)) : 0;
	     skip > 0; skip--)
		kinds &= kinds - 1;
	return (enum plan_fault)(kinds & -kinds);
}

void faults_step(struct faults *faults)
{
	end_cuts(faults);
	if (sim_now(faults->cluster->sim) >= faults->ambush_at)
		strike_from_ambush(faults);
	if (sim_now(faults->cluster->sim) < faults->next_at)
		return;
	enum plan_fault kind = any_kind(faults);

	faults->count++;
	if (kind == 0 || below(faults, 3) == 0)
		somebody_returns(faults);
	else
		strike(faults, kind);
	plan_next(faults);
}

mono_t faults_next_at(const struct faults *faults)
{
	mono_t next = mono_min(faults->next_at, faults->ambush_at);

	for (uint32_t i = 0; i < FAULTS_CUTS_MAX; i++)
		if (faults->cuts[i].from != NULL)
			next = mono_min(next, faults->cuts[i].until);
	return next;
}
