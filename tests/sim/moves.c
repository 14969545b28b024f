/* SPDX-License-Identifier: Apache-2.0
 * moves.c - rules that are looked at when something moves. */
#include "tests/sim/moves.h"

#include <string.h>

#include "common/base/map.h"
#include "common/base/mem.h"
#include "jobmanager/job/job.h"
#include "jobmanager/resource/resource_manager.h"
#include "tests/sim/cluster.h"
#include "tests/sim/ledger.h"
#include "tests/sim/presence.h"

struct moves {
	struct cluster *cluster;
	struct map *begun;            /* job id and attempt -> mono_t: its first deployment */
	mono_t lost_at[PLAN_TMS_MAX]; /* when the JobManager last gave its slots up; -1: never */
};

#define KEY_BYTES (sizeof(struct id) + sizeof(uint32_t))

static void attempt_key(const struct id *job_id, uint32_t attempt, uint8_t key[KEY_BYTES])
{
	memcpy(key, job_id->bytes, sizeof(job_id->bytes));
	memcpy(key + sizeof(job_id->bytes), &attempt, sizeof(attempt));
}

static mono_t *begun_at(struct moves *moves, const struct id *job_id, uint32_t attempt)
{
	uint8_t key[KEY_BYTES];

	attempt_key(job_id, attempt, key);
	return map_get(moves->begun, bytes_of(key, sizeof(key)));
}

struct moves *moves_create(struct cluster *cluster)
{
	struct moves *moves = MEM_NEW(struct moves);

	moves->cluster = cluster;
	moves->begun = map_create();
	for (uint32_t tm = 0; tm < PLAN_TMS_MAX; tm++)
		moves->lost_at[tm] = -1;
	return moves;
}

void moves_destroy(struct moves **moves)
{
	size_t at = 0;
	void *value;

	while (map_next((*moves)->begun, &at, NULL, &value))
		mem_free(value);
	map_destroy(&(*moves)->begun);
	mem_free(*moves);
	*moves = NULL;
}

/* ---- attempts ------------------------------------------------------------------------------- */

static void slot_is_lost(struct moves *moves, const struct slot *slot)
{
	struct cluster *cluster = moves->cluster;

	for (uint32_t tm = 0; tm < cluster->tms_count; tm++) {
		const struct cluster_node *node = &cluster->tms[tm];

		if (node->taskmanager != NULL &&
		    id_equal(taskmanager_incarnation(node->taskmanager),
			     &slot->taskmanager->incarnation))
			moves->lost_at[tm] = sim_now(cluster->sim);
	}
}

void moves_jobmanager_died(struct moves *moves)
{
	for (uint32_t tm = 0; tm < PLAN_TMS_MAX; tm++)
		moves->lost_at[tm] = sim_now(moves->cluster->sim);
}

/* Where the JobManager can reach it, and has not taken it for lost since its attempt began. */
static const char *reachable_on(struct moves *moves, const struct presence *presence,
				const struct id *job_id)
{
	const struct cluster *cluster = moves->cluster;
	const mono_t *begun = begun_at(moves, job_id, presence->attempt);

	for (uint32_t tm = 0; tm < cluster->tms_count; tm++)
		if (cluster->tms[tm].taskmanager != NULL &&
		    cluster->tms[tm].world == presence->world)
			return begun != NULL && moves->lost_at[tm] < *begun ? cluster->tms[tm].name
									    : NULL;
	return NULL;
}

/* No task of the job may be open that belongs to an attempt before this one. */
static void check_absence(struct moves *moves, const struct job *job, uint32_t attempt,
			  const char *what)
{
	const struct ledger *ledger = ledger_find(&job->id);

	if (ledger == NULL || ledger_ambiguous(ledger))
		return;
	LIST_FOR_EACH(presence_all(), struct presence, node, presence) {
		if (presence->ledger != ledger || presence->attempt >= attempt)
			continue;
		const char *name = reachable_on(moves, presence, &job->id);

		if (name != NULL)
			err_set(&moves->cluster->breach, ERR_BUG,
				"job %u %s, and a task of attempt %u is still open on %s",
				ledger_number(ledger), what, presence->attempt, name);
	}
}

static void execution_is_deployed(struct moves *moves, const struct execution *execution)
{
	const struct job *job = execution->vertex->job;
	const struct slot *slot = execution->slot;
	uint8_t key[KEY_BYTES];

	if (slot == NULL || slot->state != SLOT_ALLOCATED || !id_equal(&slot->job_id, &job->id))
		err_set(&moves->cluster->breach, ERR_BUG,
			"a task of a job is deployed into a slot that the job does not have");
	if (begun_at(moves, &job->id, execution->attempt) != NULL)
		return;
	mono_t *now = MEM_NEW(mono_t);

	*now = sim_now(moves->cluster->sim);
	attempt_key(&job->id, execution->attempt, key);
	map_put(moves->begun, bytes_of(key, sizeof(key)), now);
	check_absence(moves, job, execution->attempt, "is deployed anew");
}

/* ---- figures -------------------------------------------------------------------------------- */

struct tally { /* of one vertex, over its subtasks */
	uint64_t made, taken; /* by its sources; by its sinks */
	uint64_t in, out;     /* all that it tells, those included */
	uint64_t arrives;     /* what the vertices in front of it tell that they sent there */
};

static void breach(struct moves *moves, const struct job *job, const char *what, uint64_t told,
		   uint64_t expected)
{
	err_set(&moves->cluster->breach, ERR_BUG, "job %u FINISHED and tells %llu %s, not %llu",
		ledger_number(ledger_find(&job->id)), (unsigned long long)told, what,
		(unsigned long long)expected);
}

static uint64_t total(const struct execution *execution, size_t operator,
		      enum operator_metric kind)
{
	return execution_operator_total(execution, (uint32_t)operator, kind);
}

/* What leaves an operator of a chain is what enters the one behind it, records and bytes. */
static void check_chain(struct moves *moves, const struct execution *execution)
{
	const Flink__Vertex *vertex = execution->vertex->message;
	const struct job *job = execution->vertex->job;

	for (size_t o = 1; o < vertex->n_operators; o++) {
		uint32_t from = vertex->operators[o]->input_operator;

		if (total(execution, o, OPERATOR_RECORDS_IN) !=
		    total(execution, from, OPERATOR_RECORDS_OUT))
			breach(moves, job, "records into an operator of a chain",
			       total(execution, o, OPERATOR_RECORDS_IN),
			       total(execution, from, OPERATOR_RECORDS_OUT));
		if (total(execution, o, OPERATOR_BYTES_IN) !=
		    total(execution, from, OPERATOR_BYTES_OUT))
			breach(moves, job, "bytes into an operator of a chain",
			       total(execution, o, OPERATOR_BYTES_IN),
			       total(execution, from, OPERATOR_BYTES_OUT));
	}
}

static void count_vertex(struct moves *moves, const struct job_vertex *vertex, struct tally *tally)
{
	for (uint32_t i = 0; i < vertex->message->parallelism; i++) {
		const struct execution *execution = &vertex->executions[i];
		struct io_metrics io = execution_metrics(execution);

		tally->in += io.records_in;
		tally->out += io.records_out;
		check_chain(moves, execution);
		for (size_t o = 0; o < vertex->message->n_operators; o++) {
			Flink__OperatorKind kind = vertex->message->operators[o]->kind;

			if (kind == FLINK__OPERATOR_KIND__OPERATOR_KIND_SOURCE)
				tally->made += total(execution, o, OPERATOR_RECORDS_OUT);
			if (kind == FLINK__OPERATOR_KIND__OPERATOR_KIND_SINK)
				tally->taken += total(execution, o, OPERATOR_RECORDS_IN);
		}
	}
}

/* Each vertex of our jobs sends to one other. */
static void check_edges(struct moves *moves, const struct job *job, struct tally *tallies)
{
	const Flink__JobGraph *graph = job->graph;

	for (size_t e = 0; e < graph->n_edges; e++) {
		const Flink__Edge *edge = graph->edges[e];
		const struct tally *source = &tallies[edge->source_vertex];
		uint64_t times = edge->ship_strategy == FLINK__SHIP_STRATEGY__SHIP_BROADCAST
					 ? graph->vertices[edge->target_vertex]->parallelism
					 : 1;

		tallies[edge->target_vertex].arrives += (source->out - source->taken) * times;
	}
	for (size_t v = 0; v < graph->n_vertices; v++)
		if (tallies[v].in != tallies[v].made + tallies[v].arrives)
			breach(moves, job, "records into a vertex", tallies[v].in,
			       tallies[v].made + tallies[v].arrives);
}

/* What REST tells of a job that has ended and never started anew: the truth of the ledger. */
static void check_figures(struct moves *moves, const struct job *job)
{
	const struct ledger *ledger = ledger_find(&job->id);
	struct tally *tallies, all = { 0 };
	uint64_t arrived;

	if (ledger == NULL || ledger_ambiguous(ledger))
		return;
	tallies = MEM_NEW_ARRAY(struct tally, job->graph->n_vertices);
	for (size_t v = 0; v < job->graph->n_vertices; v++) {
		count_vertex(moves, &job->vertices[v], &tallies[v]);
		all.made += tallies[v].made;
		all.taken += tallies[v].taken;
	}
	check_edges(moves, job, tallies);
	mem_free(tallies);
	if (all.made != ledger_plan(ledger)->records)
		breach(moves, job, "records of its sources", all.made,
		       ledger_plan(ledger)->records);
	if (ledger_arrivals(ledger, &arrived) && all.taken != arrived)
		breach(moves, job, "records at its sinks", all.taken, arrived);
}

/* ---- the listener --------------------------------------------------------------------------- */

void moves_moved(struct moves *moves, const struct sm_table *table, const void *subject,
		 uint32_t to)
{
	const struct job *job = subject;

	if (table == &slot_states && to == SLOT_LOST)
		slot_is_lost(moves, subject);
	if (table == &execution_states && to == EXECUTION_DEPLOYING)
		execution_is_deployed(moves, subject);
	if (table != &job_states || !sm_is_final(&job_states, to))
		return;
	check_absence(moves, job, UINT32_MAX, "has ended");
	if (to == JOB_FINISHED && job->restarts == 0)
		check_figures(moves, job);
}
