/* SPDX-License-Identifier: Apache-2.0
 * trial.c - see trial.h. */
#include "tests/topologies/trial.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/base/mark.h"
#include "common/base/mem.h"
#include "taskmanager/shuffle/shuffle_view.h"
#include "tests/topologies/watch.h"

#define BUDGET_MS 600000   /* of simulated time, for one attempt */
#define AT_ONCE_MS 1000    /* those behind a fault have failed, beyond pauses */
#define ENDED_MS 10000     /* cancelled tasks are over */
#define REST_MS 30000      /* and nothing is left of them */
#define MID_FRAME_MS 300   /* a cut waits so long for the middle of a frame */

struct trial {
	const struct sheet *sheet;
	struct stage stage;
	struct watch watch;
	unsigned long long events;
	uint64_t fault_at;          /* arrivals */
	uint32_t a, b;              /* the TaskManagers that are cut, or a: killed */
	bool mid_frame;
	bool behind[STAGE_TASKS_MAX];      /* must fail */
	bool may_fail[STAGE_TASKS_MAX];    /* may */
	enum err_code codes[3];     /* of those who fail */
	char *why;
	size_t why_bytes;
};

static void wrong(struct trial *trial, const char *format, ...) PRINTF(2, 3);
static void wrong(struct trial *trial, const char *format, ...)
{
	va_list arguments;

	if (trial->why[0] != '\0')
		return;
	va_start(arguments, format);
	vsnprintf(trial->why, trial->why_bytes, format, arguments);
	va_end(arguments);
}

/* True: something is wrong already. */
static bool is_wrong(struct trial *trial)
{
	struct err err = ERR_INIT;

	if (book_breach(&err) != 0)
		wrong(trial, "%s", err.text);
	return trial->why[0] != '\0';
}

static void after_event(void *context)
{
	struct trial *trial = context;

	trial->events++;
	watch_event(&trial->watch);
}

/* ---- running until … ------------------------------------------------------------------------- */

static bool over_or_wrong(void *context)
{
	struct trial *trial = context;

	return stage_is_over(&trial->stage) || is_wrong(trial);
}

static bool wrong_already(void *context)
{
	return is_wrong(context);
}

static bool fault_is_due(void *context)
{
	struct trial *trial = context;
	enum fault fault = trial->sheet->fault;
	bool shows = fault == FAULT_RANDOM_CUTS || fault == FAULT_LATE; /* by itself */
	bool due = shows ? trial->stage.failed_count > 0 :
			   fault != FAULT_NONE && book_arrivals() >= trial->fault_at;

	return due || over_or_wrong(trial);
}

/* False: something is wrong, or the time is over. */
static bool run_until(struct trial *trial, int64_t budget_ms, sim_until_fn *until, const char *what)
{
	bool stuck = false;

	if (is_wrong(trial))
		return false;
	if (!sim_run(trial->stage.sim, budget_ms, until, trial, &stuck))
		wrong(trial, stuck ? "DEADLOCK: nothing is left to happen, and %s" :
				     "%s within the time",
		      what);
	return !is_wrong(trial);
}

static bool nothing_held(void *context)
{
	struct trial *trial = context;
	char text[300];

	return is_wrong(trial) || watch_at_rest(&trial->stage, text, sizeof(text));
}

static void expect_rest(struct trial *trial)
{
	char text[300] = "";

	for (uint32_t i = 0; i < trial->sheet->nodes_count; i++)
		if (!trial->stage.nodes[i].dead)
			shuffle_release_job(
				trial->stage.nodes[i].shuffle,
				(const struct id *)trial->stage.job->graph->job_id.data);
	sim_run(trial->stage.sim, REST_MS, nothing_held, trial, NULL);
	if (!is_wrong(trial) && !watch_at_rest(&trial->stage, text, sizeof(text)))
		wrong(trial, "no rest: %s", text);
}

static void expect_finished(struct trial *trial)
{
	if (!run_until(trial, BUDGET_MS, over_or_wrong, "not all tasks are over"))
		return;
	for (uint32_t i = 0; i < trial->stage.tasks_count; i++) {
		const struct stage_task *task = &trial->stage.tasks[i];

		if (task->state != TASK_FINISHED)
			wrong(trial, "task %u/%u is %s without a fault: %s", task->vertex,
			      task->subtask, sm_name(&task_states, task->state), task->why.text);
	}
	book_expect_complete();
	watch_look(&trial->watch);
	is_wrong(trial);
}

/* ---- who is behind a fault ------------------------------------------------------------------- */

static uint32_t index_of(struct trial *trial, uint32_t vertex, uint32_t subtask)
{
	return (uint32_t)(stage_task_of(&trial->stage, vertex, subtask) - trial->stage.tasks);
}

static bool is_struck(const struct trial *trial, uint32_t node, uint32_t other)
{
	if (trial->sheet->fault == FAULT_KILL)
		return node != other && (node == trial->a || other == trial->a);
	return (node == trial->a && other == trial->b) || (node == trial->b && other == trial->a);
}

/* Those who have a channel there that is open and not at its end. */
static void note_behind(void *context, const struct shuffle_view_link *link)
{
	struct trial *trial = context;
	const struct sheet_edge *edge = &trial->sheet->edges[link->name->edge];
	uint32_t producer = index_of(trial, edge->source, link->name->producer);
	uint32_t consumer = index_of(trial, edge->target, link->name->consumer);

	if (link->ended || !link->is_open || link->name->job_attempt != trial->stage.attempt ||
	    !is_struck(trial, trial->stage.tasks[producer].node, trial->stage.tasks[consumer].node))
		return;
	trial->behind[consumer] = true;
	/* Who has offered the end of this channel may wait for others to take theirs. */
	if (!book_has_ended(edge->source, edge->operator, link->name->producer))
		trial->behind[producer] = true;
	trial->mid_frame |= link->in_frame;
}

static void look_behind(struct trial *trial)
{
	memset(trial->behind, 0, sizeof(trial->behind));
	trial->mid_frame = false;
	for (uint32_t i = 0; i < trial->sheet->nodes_count; i++)
		if (!trial->stage.nodes[i].dead)
			shuffle_view_links(trial->stage.nodes[i].shuffle, note_behind, trial);
	for (uint32_t i = 0; i < trial->stage.tasks_count; i++)
		if (stage_task_is_over(&trial->stage.tasks[i]) ||
		    (trial->sheet->fault == FAULT_KILL && trial->stage.tasks[i].node == trial->a))
			trial->behind[i] = false;
}

static bool is_mid_frame(void *context)
{
	struct trial *trial = context;

	look_behind(trial);
	return trial->mid_frame || over_or_wrong(trial);
}

typedef void each_channel_fn(struct trial *trial, uint32_t producer, uint32_t consumer);

static void each_channel(struct trial *trial, each_channel_fn *visit)
{
	for (uint32_t i = 0; i < trial->sheet->edges_count; i++) {
		const struct sheet_edge *edge = &trial->sheet->edges[i];
		uint32_t producers = trial->sheet->vertices[edge->source].parallelism;

		for (uint32_t p = 0; p < producers; p++) {
			uint32_t first, last;

			edge_consumers(edge->ship, p, producers,
				       trial->sheet->vertices[edge->target].parallelism, &first,
				       &last);
			for (uint32_t c = first; c <= last; c++)
				visit(trial, index_of(trial, edge->source, p),
				      index_of(trial, edge->target, c));
		}
	}
}

static void struck_may_fail(struct trial *trial, uint32_t producer, uint32_t consumer)
{
	uint32_t from = trial->stage.tasks[producer].node, to = trial->stage.tasks[consumer].node;

	if (trial->sheet->fault == FAULT_RANDOM_CUTS ? from != to : is_struck(trial, from, to))
		trial->may_fail[producer] = trial->may_fail[consumer] = true;
}

static void who_waits_may_fail(struct trial *trial, uint32_t producer, uint32_t consumer)
{
	const struct stage_task *task = &trial->stage.tasks[producer];

	if (!task->began)
		trial->may_fail[consumer] = true;
}

/* Whose producer fails or is cancelled fails as well. Edges are in the order of their targets. */
static void failure_goes_on(struct trial *trial, uint32_t producer, uint32_t consumer)
{
	trial->may_fail[consumer] |= trial->may_fail[producer];
}

static void expect_exactly(struct trial *trial)
{
	each_channel(trial, failure_goes_on);
	for (uint32_t i = 0; i < trial->stage.tasks_count; i++) {
		const struct stage_task *task = &trial->stage.tasks[i];

		if (trial->behind[i] && !stage_task_is_over(task))
			wrong(trial, "task %u/%u is behind the fault, and still %s", task->vertex,
			      task->subtask, sm_name(&task_states, task->state));
		if (task->state != TASK_FAILED)
			continue;
		if (!trial->may_fail[i])
			wrong(trial, "task %u/%u failed and is not behind the fault: %s",
			      task->vertex, task->subtask, task->why.text);
		if (task->why.code != trial->codes[0] && task->why.code != trial->codes[1] &&
		    task->why.code != trial->codes[2])
			wrong(trial, "task %u/%u failed with another cause: %s", task->vertex,
			      task->subtask, task->why.text);
	}
}

/* ---- faults ---------------------------------------------------------------------------------- */

static uint32_t dice(struct trial *trial, uint32_t bound)
{
	return (uint32_t)(sim_random(trial->stage.sim) % bound);
}

static void allow(struct trial *trial, enum err_code a, enum err_code b, enum err_code c)
{
	trial->codes[0] = a;
	trial->codes[1] = b;
	trial->codes[2] = c;
}

static void strike_network(struct trial *trial)
{
	struct stage *stage = &trial->stage;

	trial->a = dice(trial, trial->sheet->nodes_count);
	if (trial->sheet->nodes_count > 1)
		trial->b = (trial->a + 1 + dice(trial, trial->sheet->nodes_count - 1)) %
			   trial->sheet->nodes_count;
	if (trial->sheet->fault_mid_frame)
		sim_run(stage->sim, MID_FRAME_MS, is_mid_frame, trial, NULL);
	look_behind(trial);
	SOMETIMES_IF(trial->mid_frame, "a connection breaks in the middle of a frame");
	each_channel(trial, struck_may_fail);
	allow(trial, ERR_NET_CLOSED, ERR_NET_UNREACHABLE, ERR_NET_CLOSED);
	trial->watch.may_starve = true;
	if (trial->sheet->fault == FAULT_KILL) {
		SOMETIMES("a TaskManager is killed");
		stage_kill(stage, trial->a);
	} else {
		SOMETIMES("connections are cut");
		sim_cut_connections(stage->nodes[trial->a].world, stage->nodes[trial->b].world);
	}
}

static void strike_task(struct trial *trial)
{
	struct stage *stage = &trial->stage;
	uint32_t index = dice(trial, stage->tasks_count);
	struct stage_task *task = &stage->tasks[index];
	const struct sheet_vertex *vertex = &trial->sheet->vertices[task->vertex];

	trial->may_fail[index] = true;
	if (trial->sheet->fault == FAULT_CANCEL_TASK) {
		SOMETIMES("one task is cancelled, and not its neighbours");
		allow(trial, ERR_CANCELED, ERR_CANCELED, ERR_CANCELED);
		stage_cancel(stage, index);
		return;
	}
	allow(trial, ERR_USER_FUNCTION_FAILED, ERR_USER_FUNCTION_FAILED, ERR_USER_FUNCTION_FAILED);
	stage->actors.fails =
		SHEET_OPERATOR(task->vertex, dice(trial, vertex->operators_count));
	stage->actors.fails_subtask = task->subtask;
}

static void strike(struct trial *trial)
{
	switch (trial->sheet->fault) {
	case FAULT_CUT:
	case FAULT_KILL: strike_network(trial); break;
	case FAULT_RANDOM_CUTS:
		each_channel(trial, struck_may_fail);
		allow(trial, ERR_NET_CLOSED, ERR_NET_UNREACHABLE, ERR_NET_CLOSED);
		break;
	case FAULT_OPERATOR:
	case FAULT_CANCEL_TASK: strike_task(trial); break;
	case FAULT_LATE:
		SOMETIMES("a task comes too late for those who wait for it");
		each_channel(trial, who_waits_may_fail);
		allow(trial, ERR_PARTITION_NOT_FOUND, ERR_PARTITION_NOT_FOUND,
		      ERR_PARTITION_NOT_FOUND);
		break;
	case FAULT_CANCEL_ALL:
		memset(trial->may_fail, 1, sizeof(trial->may_fail));
		allow(trial, ERR_CANCELED, ERR_CANCELED, ERR_CANCELED);
		stage_cancel_all(&trial->stage);
		break;
	default: break;
	}
	trial->watch.may_starve = true;
}

static bool is_of_network(enum fault fault)
{
	return fault == FAULT_CUT || fault == FAULT_KILL || fault == FAULT_RANDOM_CUTS;
}

/* The failover of a JobMaster: what did not fail is cancelled, and the job begins anew. */
static void fail_over(struct trial *trial)
{
	struct stage *stage = &trial->stage;
	int64_t pause_ms = (stage->paused_until - sim_now(stage->sim)) / NS_PER_MS;
	bool failed;

	strike(trial);
	sim_run(stage->sim, AT_ONCE_MS + (pause_ms > 0 ? pause_ms : 0), over_or_wrong, trial, NULL);
	if (is_wrong(trial))
		return;
	expect_exactly(trial);
	failed = stage->failed_count > 0 || trial->sheet->fault != FAULT_OPERATOR;
	if (!failed) { /* nobody called the operator that was to fail */
		stage->actors.fails = UINT32_MAX;
		expect_finished(trial);
		return;
	}
	stage_cancel_all(stage);
	if (!run_until(trial, ENDED_MS, over_or_wrong, "cancelled tasks are not all over"))
		return;
	/* A connection that broke may not be known to be broken at its other end. */
	if (is_of_network(trial->sheet->fault))
		sim_run(stage->sim, trial->sheet->world.clog_ms_max + AT_ONCE_MS, wrong_already,
			trial, NULL);
	if (dice(trial, 2) == 0)
		expect_rest(trial);
	if (is_wrong(trial))
		return;
	SOMETIMES("a topology runs again after a fault");
	stage_again(stage);
	watch_again(&trial->watch);
	expect_finished(trial);
}

/* ---- the whole ------------------------------------------------------------------------------- */

static void play(struct trial *trial)
{
	struct stage *stage = &trial->stage;

	trial->fault_at = (uint64_t)trial->sheet->fault_at_1000 * trial->sheet->arrivals / 1000;
	if (!run_until(trial, BUDGET_MS, fault_is_due, "not all tasks are over"))
		return;
	if (trial->sheet->fault == FAULT_NONE || (stage_is_over(stage) && stage->failed_count == 0))
		expect_finished(trial);
	else
		fail_over(trial);
	if (!is_wrong(trial))
		expect_rest(trial);
}

void trial_run(const struct sheet *sheet, bool verbose, struct trial_result *result)
{
	static struct trial trial;
	int64_t bytes_before = mem_bytes_out();

	*result = (struct trial_result){ .right = false };
	memset(&trial, 0, sizeof(trial));
	trial.sheet = sheet;
	trial.why = result->why;
	trial.why_bytes = sizeof(result->why);
	stage_open(&trial.stage, sheet, verbose);
	watch_open(&trial.watch, &trial.stage);
	sim_on_event(trial.stage.sim, after_event, &trial);
	play(&trial);
	if (is_wrong(&trial))
		watch_dump(&trial.stage);
	SOMETIMES_IF(stage_is_over(&trial.stage) && trial.stage.actors.stalls > 0,
		     "sinks stall and the topology ends all the same");
	result->fingerprint = sim_fingerprint(trial.stage.sim);
	result->simulated_ms = sim_now(trial.stage.sim) / NS_PER_MS;
	result->events = trial.events;
	result->arrivals = book_arrivals();
	sim_on_event(trial.stage.sim, NULL, NULL);
	watch_close(&trial.watch);
	stage_close(&trial.stage);
	if (mem_bytes_out() != bytes_before)
		wrong(&trial, "%" PRId64 " bytes are left", mem_bytes_out() - bytes_before);
	result->right = result->why[0] == '\0';
}
